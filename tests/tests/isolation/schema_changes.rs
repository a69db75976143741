//! Schemas that change under those who write.

use std::thread;

use nuages_engine::algebra::{Comparison, Expr, Source};
use nuages_engine::catalog::{Action, NewCheck, NewForeignKey, NewIndex, NewTable};
use nuages_engine::{Database, Durability, Error, Session, Transaction};

use super::crowd::{audit, crowd, is_of_the_moment, retrying, rounds, unless_refused};
use super::durable::Scratch;
use super::play::{LEVELS, play};
use super::schema::{id, int, key, text};
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

/// A table without a key: what is inserted into it needs no lock of a row, nor of a key.
fn notes(db: &Database) {
    let post = NewTable::new("post").column(key("id")).primary_key(["id"]);
    db.create_table(post).unwrap();
    db.create_table(NewTable::new("note").column(text("msg")).column(int("stars"))).unwrap();
    sql(db, "insert into post values (1)").unwrap();
    sql(db, "insert into note values ('first', 1)").unwrap();
}

type Change = fn(&dyn Session) -> Result<(), Error>;

/// The ways to change a table.
const CHANGES: [(&str, Change); 13] = [
    ("create index", |db| db.add_index("note", NewIndex::new("note_stars", ["stars"]))),
    ("create unique index", |db| db.add_index("note", NewIndex::unique("note_stars", ["stars"]))),
    ("unique, no nulls", |db| {
        db.add_index("note", NewIndex::unique("note_stars", ["stars"]).nulls_not_distinct())
    }),
    ("add check", |db| {
        let stars = Expr::from(Source::SELF.column(1));
        db.add_check("note", NewCheck::new("few_stars", stars.compare(Comparison::Less, Expr::literal(5))))
    }),
    ("add foreign key", |db| {
        db.add_foreign_key("note", NewForeignKey::new("of_post", ["stars"], "post", ["id"]))
    }),
    ("not null", |db| db.change_column("note", "stars", int("stars").nullable(false))),
    ("change of type", |db| db.change_column("note", "stars", text("stars"))),
    ("rename column", |db| db.rename_column("note", "stars", "likes")),
    ("rename table", |db| db.rename_table("note", "remark")),
    ("add column", |db| db.add_column("note", int("likes"))),
    ("drop column", |db| db.drop_column("note", "msg")),
    ("drop the last column", |db| db.drop_column("note", "stars")),
    ("drop table", |db| db.drop_table("note")),
];

/// The ways to write to it, or to lock what is in it.
const WRITES: [&str; 5] = [
    "insert into note values ('x', 1), ('y', 7), ('z', null), ('z', null)",
    "insert into note values ('x', null)",
    "update note set stars = null",
    "delete from note",
    "select * from note for update",
];

/// Changes the schema beside a transaction that has written, which then commits; it is seen to wait for that.
#[track_caller]
fn change_beside(db: &Database, tx: Transaction, name: &str, change: Change) -> Result<(), Error> {
    thread::scope(|scope| {
        let changing = scope.spawn(|| change(db));
        while db.waiting() == 0 {
            assert!(!changing.is_finished(), "{name} does not wait");
            thread::yield_now();
        }
        tx.commit().unwrap();
        changing.join().unwrap()
    })
}

/// All rows, whatever the table is like.
fn contents(db: &Database) -> Vec<Vec<Vec<nuages_storage::Value>>> {
    let catalog = db.catalog().unwrap();
    catalog.tables().map(|table| rows(db, &format!("select * from {}", table.name)).unwrap()).collect()
}

#[test]
fn whoever_writes_keeps_any_change_of_the_schema_waiting() {
    for (name, change) in CHANGES {
        for (level, write) in LEVELS.into_iter().flat_map(|level| WRITES.map(|write| (level, write))) {
            let db = Database::new();
            notes(&db);
            let tx = db.begin_with(level);
            sql(&tx, write).unwrap();
            match change_beside(&db, tx, name, change) {
                Ok(()) => {}
                Err(error) => {
                    let is_refused = matches!(
                        error,
                        Error::Unique { .. }
                            | Error::ForeignKey { .. }
                            | Error::Check { .. }
                            | Error::NotNull { .. }
                    );
                    let is_due = write.starts_with("insert") || name == "not null";
                    assert!(is_refused && is_due, "{name} after {write}: {error}");
                }
            }
            audit(&db);
        }
    }
}

/// A foreign key changes two tables: its own, and that which it refers to.
#[test]
fn who_writes_to_a_table_keeps_a_foreign_key_to_it_waiting() {
    let (name, change) = CHANGES[4];
    assert_eq!(name, "add foreign key");
    for (level, write) in LEVELS
        .into_iter()
        .flat_map(|level| ["delete from post", "insert into post values (2)"].map(|write| (level, write)))
    {
        let db = Database::new();
        notes(&db);
        let tx = db.begin_with(level);
        sql(&tx, write).unwrap();
        let done = change_beside(&db, tx, name, change);
        assert_eq!(done.is_ok(), write.starts_with("insert"), "{write}: {done:?}");
        assert!(matches!(done, Ok(()) | Err(Error::ForeignKey { .. })), "{write}: {done:?}");
        audit(&db);
    }
}

#[test]
fn rows_that_came_while_a_constraint_waited_are_held_to_it() {
    let refused = ["create unique index", "unique, no nulls", "add check", "add foreign key", "not null"];
    for (name, change) in CHANGES {
        let db = Database::new();
        notes(&db);
        let tx = db.begin();
        sql(&tx, WRITES[0]).unwrap();
        let done = change_beside(&db, tx, name, change);
        assert_eq!(done.is_err(), refused.contains(&name), "{name}: {done:?}");
        if done.is_err() {
            assert_eq!(rows(&db, "select * from note").unwrap().len(), 5);
        }
    }
}

#[test]
fn files_are_read_back_whatever_was_changed_beside_a_writer() {
    for (name, change) in CHANGES {
        for durability in [Durability::Full, Durability::Buffered] {
            let scratch = Scratch::new("schema");
            let db = Database::open_with(&scratch.0, durability).unwrap();
            notes(&db);
            let tx = db.begin();
            sql(&tx, WRITES[1]).unwrap();
            let done = change_beside(&db, tx, name, change);
            assert_eq!(done.is_err(), name == "not null", "{name}: {done:?}");
            let written = contents(&db);
            drop(db);
            let db = Database::open_with(&scratch.0, durability).unwrap();
            assert_eq!(contents(&db), written, "{name}");
            audit(&db);
        }
    }
}

#[test]
fn a_snapshot_changes_the_schema_only_while_it_sees_the_newest() {
    play(
        blog,
        "T1: select * from comment                  | (1, 1, 5)
         db: alter table comment add likes          | 0
         T1: create index post_views on post (views) | 0 | not serializable | not serializable
         T1: alter table post drop views            | 0 | not serializable | not serializable
         T1: drop table comment                     | - | not serializable | not serializable
         T1: select * from comment                  | (1, 1, 5, null) | (1, 1, 5) | (1, 1, 5)
         T1: commit                                 | ok",
    );
}

#[test]
fn a_snapshot_changes_a_table_only_while_it_sees_all_its_rows() {
    play(
        blog,
        "T1: select * from comment                          | (1, 1, 5)
         T2: insert into comment values (2, 1, 3)           | 1
         T2: commit                                         | ok
         T1: create index comment_stars on comment (stars)  | 0 | not serializable | not serializable
         T1: alter table comment add likes                  | 0 | not serializable | not serializable
         T1: alter table comment drop stars                 | - | not serializable | not serializable
         T1: drop table comment                             | 0 | not serializable | not serializable
         T1: create index post_views on post (views)        | 0
         T1: insert into post values (3, 3)                 | 1
         T1: select * from post                             | (1, 0) (2, 0) (3, 3)",
    );
}

#[test]
fn a_change_that_waits_for_a_writer_is_of_what_it_has_left() {
    play(
        blog,
        "T2: insert into comment values (2, 1, 3)           | 1
         T1: create index comment_stars on comment (stars)  | waits
         T2: commit                                         | ok
         T1:                                                | 0 | not serializable | not serializable
         T1: rollback                                       | ok
         T1: select * from comment                          | (1, 1, 5) (2, 1, 3)",
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
fn a_table_without_a_key_changes_beside_those_who_fill_it() {
    let db = Database::new();
    notes(&db);
    crowd(4, rounds(60), |chance| {
        let star = chance.below(6);
        let done = match chance.below(6) {
            0 => sql(&db, "create index note_stars on note (stars)").map(drop),
            1 => sql(&db, "drop index note_stars on note").map(drop),
            2 => sql(&db, "alter table note add likes").map(drop),
            3 => sql(&db, "alter table note drop likes").map(drop),
            _ => retrying(&db, chance.level(), |tx| {
                for _ in 0..3 {
                    sql(tx, &format!("update note set stars = {star} where stars = 0"))?;
                    let width = tx.catalog()?.table_named("note")?.columns.len();
                    let values = if width == 2 { format!("'x', {star}") } else { format!("'x', {star}, 0") };
                    sql(tx, &format!("insert into note values ({values})"))?;
                }
                Ok(())
            }),
        };
        match done {
            Ok(())
            | Err(
                Error::DuplicateIndex { .. }
                | Error::UnknownIndex { .. }
                | Error::DuplicateColumn { .. }
                | Error::UnknownColumn { .. }
                | Error::ColumnCount { .. },
            ) => {}
            Err(error) => assert!(is_of_the_moment(&error), "{error}"),
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
