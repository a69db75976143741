//! Schemas that change under those who write.

use nuages_engine::catalog::{Action, NewForeignKey, NewTable};
use nuages_engine::{Database, Error, Session};

use super::crowd::{audit, crowd, is_of_the_moment, retrying, rounds, unless_refused};
use super::play::play;
use super::schema::{id, int, key};
use super::sql::{ints, rows, sql};

/// A post and its comments.
fn blog() -> Database {
    let db = Database::new();
    let post = NewTable::new("post").column(key("id")).column(int("views"));
    db.create_table(post.primary_key(["id"])).unwrap();
    let of_post = NewForeignKey::new("of_post", ["post"], "post", ["id"]).on_delete(Action::Cascade);
    let comment = NewTable::new("comment").column(id()).column(int("post")).column(int("stars"));
    db.create_table(comment.primary_key(["id"]).foreign_key(of_post)).unwrap();
    sql(&db, "insert into post values (1, 0), (2, 0)").unwrap();
    sql(&db, "insert into comment values (1, 1, 5)").unwrap();
    db
}

#[test]
fn who_writes_keeps_the_table_as_it_is() {
    play(
        blog,
        "T1: update comment set stars = 4 where id = 1 | 1
         db: alter table comment add likes             | waits
         T1: insert into comment values (2, 1, 3)      | 1
         T1: commit                                    | ok
         db:                                           | 0
         db: select * from comment                     | (1, 1, 4, null) (2, 1, 3, null)",
    );
}

#[test]
fn who_changes_a_table_keeps_writers_out_and_not_readers() {
    play(
        blog,
        "T1: create index comment_stars on comment (stars) | 0
         T2: select * from comment                         | (1, 1, 5)
         T2: insert into comment values (2, 1, 3)          | waits
         T3: update post set views = 1 where id = 2        | 1
         T1: commit                                        | ok
         T2:                                               | 1 | not serializable | not serializable
         T2: commit                                        | ok
         T3: commit                                        | ok",
    );
}

#[test]
fn a_writer_that_waited_for_a_table_that_went_is_told_so() {
    play(
        blog,
        "T1: drop table comment                          | 0
         db: insert into comment values (default, 1, 3) | waits
         T1: commit                                      | ok
         db:                                             | there is no table \"#1\"",
    );
}

#[test]
fn a_snapshot_of_another_schema_does_not_write() {
    play(
        blog,
        "T1: select * from comment                     | (1, 1, 5)
         db: alter table comment add likes             | 0
         T1: insert into comment values (2, 1, 3)      | 1 | not serializable | not serializable
         T1: update comment set stars = 1 where id = 1 | 1 | not serializable | not serializable
         T1: delete from comment where id = 1          | 1 | not serializable | not serializable
         T1: update post set views = 1 where id = 1    | 1
         T1: commit                                    | ok | ok | not serializable",
    );
}

#[test]
fn a_table_that_is_not_committed_is_nobody_elses() {
    play(
        blog,
        "T1: drop table comment                   | 0
         T2: select * from comment                | (1, 1, 5)
         T1: insert into post values (9, 9)       | 1
         T1: rollback                             | ok
         T2: insert into comment values (2, 1, 3) | 1
         T2: commit                               | ok",
    );
}

#[test]
fn two_changes_of_the_schema_are_one_after_the_other() {
    play(
        blog,
        "T1: alter table post add likes    | 0
         db: alter table comment add likes | waits
         T1: commit                        | ok
         db:                               | 0
         db: select * from post            | (1, 0, null) (2, 0, null)
         db: select * from comment         | (1, 1, 5, null)",
    );
}

#[test]
fn a_unique_index_counts_the_rows_that_came_while_it_waited() {
    play(
        blog,
        "T1: insert into comment values (2, 1, 5)                       | 1
         db: create unique index comment_stars on comment (stars)       | waits
         T1: commit                                                     | ok
         db:                                                            | unique",
    );
}

#[test]
fn indexes_and_columns_come_and_go_beside_writers() {
    let db = blog();
    crowd(4, rounds(60), |chance| {
        let (post, star) = (1 + chance.below(3), chance.below(6));
        let statement = match chance.below(9) {
            0 => "create index comment_stars on comment (stars)".to_owned(),
            1 => "drop index comment_stars on comment".to_owned(),
            2 => "alter table comment add likes".to_owned(),
            3 => "alter table comment drop likes".to_owned(),
            4 => format!("insert into comment values (default, {post}, {star})"),
            5 => format!("update comment set stars = stars + 1, post = {post} where stars = {star}"),
            6 => format!("delete from post where id = {post}"),
            7 => format!("insert into post values ({post}, 0)"),
            _ => format!("delete from comment where stars = {star}"),
        };
        let done = match chance.below(2) {
            0 => sql(&db, &statement),
            _ => retrying(&db, chance.level(), |tx| {
                sql(tx, &format!("insert into comment values (default, 2, {star})"))?;
                sql(tx, &statement)
            }),
        };
        match done {
            Err(
                Error::DuplicateIndex { .. }
                | Error::UnknownIndex { .. }
                | Error::DuplicateColumn { .. }
                | Error::UnknownColumn { .. },
            ) => {}
            done => drop(unless_refused(done)),
        }
    });
    audit(&db);
}

#[test]
fn tables_come_and_go_beside_those_who_fill_them() {
    let db = blog();
    let table = |name: &str| {
        let of_post = NewForeignKey::new("log_post", ["post"], "post", ["id"]);
        NewTable::new(name).column(id()).column(int("post")).primary_key(["id"]).foreign_key(of_post)
    };
    crowd(4, rounds(60), |chance| {
        let done = match chance.below(4) {
            0 => retrying(&db, chance.level(), |tx| tx.create_table(table("log")).map(drop)),
            1 => db.drop_table("log"),
            2 => sql(&db, "insert into log values (default, 1)").map(drop),
            _ => retrying(&db, chance.level(), |tx| {
                sql(tx, "update post set views = views + 1 where id = 1")?;
                sql(tx, "insert into log values (default, 1)").map(drop)
            }),
        };
        match done {
            Ok(()) | Err(Error::DuplicateTable { .. } | Error::UnknownTable { .. }) => {}
            Err(error) => assert!(is_of_the_moment(&error), "{error}"),
        }
    });
    audit(&db);
    assert_eq!(ints(&db, "select * from post", 0), Ok(vec![1, 2]));
    assert_eq!(rows(&db, "select * from comment").map(|rows| rows.len()), Ok(1));
}
