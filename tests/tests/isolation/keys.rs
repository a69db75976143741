//! Unique keys and generated keys: who gets one when several want it.

use nuages_engine::algebra::{Expr, Source};
use nuages_engine::catalog::{NewIndex, NewTable};
use nuages_engine::{Database, Isolation, RowKeys, Session};
use nuages_storage::{LeafBuilder, RowId};

use super::crowd::{audit, crowd, is_of_a_constraint, retrying, rounds, unless_refused};
use super::play::{LEVELS, play, play_at};
use super::schema::{id, int, text};
use super::sql::{ints, rows, sql};

/// Names that are unique, under generated ids.
fn users() -> Database {
    let db = Database::new();
    let user = NewTable::new("user").column(id()).column(text("name")).column(int("visits"));
    let name = NewIndex::unique("user_name", ["name"]);
    let visits = NewIndex::new("user_visits", ["visits"]);
    db.create_table(user.primary_key(["id"]).unique(name).index(visits)).unwrap();
    db
}

fn ada() -> Database {
    let db = users();
    sql(&db, "insert into user values (1, 'ada', 0)").unwrap();
    db
}

#[test]
fn a_key_that_another_is_inserting_is_waited_for() {
    play(
        users,
        "T1: insert into user values (1, 'ada', 0) | 1
         T2: insert into user values (2, 'ada', 0) | waits
         T1: rollback                              | ok
         T2:                                       | 1
         T2: commit                                | ok
         db: select * from user                    | (2, ada, 0)",
    );
}

#[test]
fn a_key_that_another_has_inserted_is_taken() {
    play(
        users,
        "T1: insert into user values (1, 'ada', 0) | 1
         T2: insert into user values (2, 'ada', 0) | waits
         T1: commit                                | ok
         T2:                                       | unique | unique | not serializable
         T2: insert into user values (3, 'bob', 0) | 1
         T2: commit                                | ok
         db: select * from user                    | (1, ada, 0) (3, bob, 0)",
    );
}

#[test]
fn a_serializable_transaction_is_told_to_try_again_about_a_row_it_cannot_see() {
    play_at(
        Isolation::Serializable,
        &users(),
        "T1: select * from user where name = 'ada'       | none
         db: insert into user values (1, 'ada', 0)       | 1
         T1: insert into user values (default, 'ada', 0) | not serializable
         T1: insert into user values (1, 'eve', 0)       | not serializable
         T1: rollback                                    | ok
         T1: begin                                       | ok
         T1: select * from user where name = 'bob'       | none
         db: insert into user values (5, 'eve', 0)       | 1
         T1: insert into user values (default, 'ada', 0) | unique
         T1: insert into user values (1, 'fay', 0)       | unique",
    );
}

#[test]
fn a_key_that_another_is_deleting_is_free_if_that_commits() {
    play(
        ada,
        "T1: delete from user where name = 'ada'   | 1
         T2: insert into user values (2, 'ada', 0) | waits
         T1: commit                                | ok
         T2:                                       | 1
         T2: commit                                | ok
         db: select * from user                    | (2, ada, 0)",
    );
    play(
        ada,
        "T1: delete from user where name = 'ada'   | 1
         T2: insert into user values (2, 'ada', 0) | waits
         T1: rollback                              | ok
         T2:                                       | unique",
    );
}

/// A row that leaves the condition of an index frees its key, and one that comes under it takes it: neither its key nor
/// any other need change for that.
#[test]
fn a_key_is_free_or_taken_also_when_only_the_condition_of_its_index_changes() {
    let seats = || {
        let db = Database::new();
        let seat = NewTable::new("seat").column(id()).column(int("number")).column(int("given_up"));
        let is_taken = Expr::from(Source::SELF.column(2)).equals(Expr::literal(0));
        let number = NewIndex::unique("seat_number", ["number"]).when(is_taken);
        db.create_table(seat.primary_key(["id"]).unique(number)).unwrap();
        sql(&db, "insert into seat values (1, 7, 0), (2, 7, 1)").unwrap();
        db
    };
    for (end, answer) in [("commit", "1"), ("rollback", "unique")] {
        let script = format!(
            "T1: update seat set given_up = 1 where id = 1 | 1
             T2: insert into seat values (3, 7, 0)         | waits
             T1: {end}                                     | ok
             T2:                                           | {answer}"
        );
        play(seats, &script);
    }
    for (end, answer) in [("commit", "unique | unique | not serializable"), ("rollback", "1")] {
        let script = format!(
            "db: update seat set given_up = 1 where id = 1 | 1
             T1: update seat set given_up = 0 where id = 2 | 1
             T2: update seat set given_up = 0 where id = 1 | waits
             T1: {end}                                     | ok
             T2:                                           | {answer}"
        );
        play(seats, &script);
    }
    let db = seats();
    crowd(4, rounds(60), |chance| {
        let seat = 1 + chance.below(2);
        let given_up = chance.below(2);
        let change = format!("update seat set given_up = {given_up} where id = {seat}");
        match chance.below(2) {
            0 => unless_refused(sql(&db, &change)),
            _ => unless_refused(retrying(&db, chance.level(), |tx| sql(tx, &change))),
        };
        assert!(rows(&db, "select * from seat where given_up = 0").unwrap().len() <= 1);
    });
}

#[test]
fn who_deletes_and_inserts_one_key_does_so_after_the_other() {
    play(
        ada,
        "T1: delete from user where name = 'ada'   | 1
         T1: insert into user values (2, 'ada', 0) | 1
         T2: delete from user where name = 'ada'   | waits
         T1: commit                                | ok
         T2:                                       | 0 | not serializable | not serializable
         T2: insert into user values (3, 'ada', 0) | unique | - | -",
    );
}

#[test]
fn a_row_that_a_snapshot_still_has_is_in_the_way_of_another_with_its_id() {
    play(
        ada,
        "T1: select * from user                    | (1, ada, 0)
         T2: delete from user where id = 1         | 1
         T2: commit                                | ok
         T1: insert into user values (1, 'bob', 0) | 1 | not serializable | not serializable
         T1: select * from user                    | (1, bob, 0) | (1, ada, 0) | (1, ada, 0)
         T1: commit                                | ok",
    );
    play(
        ada,
        "T1: insert into user values (2, 'bob', 0)   | 1
         T2: delete from user where id = 1           | 1
         T2: commit                                  | ok
         T1: update user set id = 1 where id = 2     | 1 | not serializable | not serializable
         T1: commit                                  | ok",
    );
}

#[test]
fn a_generated_key_that_somebody_has_given_meanwhile_is_generated_again() {
    play_at(
        Isolation::ReadCommitted,
        &users(),
        "T1: create index slow on user (visits)          | 0
         T2: insert into user values (default, 'ada', 0) | waits
         T1: insert into user values (1, 'bob', 0)       | 1
         T1: commit                                      | ok
         T2:                                             | 1
         T2: commit                                      | ok
         db: select * from user                          | (1, bob, 0) (2, ada, 0)",
    );
}

#[test]
fn of_rows_in_leaf_shape_too() {
    let db = users();
    let table = db.catalog().unwrap().table_named("user").unwrap().id;
    let holder = db.begin();
    sql(&holder, "create index slow on user (visits)").unwrap();
    std::thread::scope(|scope| {
        let inserting = scope.spawn(|| {
            let tx = db.begin();
            let definition = tx.catalog().unwrap().table(table).unwrap().clone();
            let mut leaf = LeafBuilder::new(definition.layout.clone());
            for _ in 0..2 {
                leaf.set_null(definition.columns[1].slot);
                leaf.set_null(definition.columns[2].slot);
                leaf.finish_row(RowId::new(0));
            }
            let first = tx.insert_rows(table, vec![leaf.finish()], RowKeys::Generated).unwrap();
            tx.commit().unwrap();
            first
        });
        while db.waiting() == 0 {
            std::thread::yield_now();
        }
        sql(&holder, "insert into user values (2, 'bob', 0)").unwrap();
        holder.commit().unwrap();
        assert_eq!(inserting.join().unwrap(), Some(3));
    });
    assert_eq!(ints(&db, "select * from user", 0), Ok(vec![2, 3, 4]));
    audit(&db);
}

#[test]
fn two_keys_are_swapped_by_two_at_once() {
    let pair = || {
        let db = ada();
        sql(&db, "insert into user values (2, 'bob', 1)").unwrap();
        db
    };
    play(
        pair,
        "T1: update user set visits = 1 - visits, id = 3 - id | 2
         T2: update user set visits = 1 - visits, id = 3 - id | waits
         T1: commit                                           | ok
         T2:                                                  | 2 | not serializable | not serializable
         T2: commit                                           | ok
         db: select * from user | (1, ada, 0) (2, bob, 1) | (1, bob, 0) (2, ada, 1) | (1, bob, 0) (2, ada, 1)",
    );
}

#[test]
fn of_many_who_insert_one_key_one_does() {
    for threads in [2, 8] {
        let db = users();
        crowd(threads, rounds(200 / threads), |chance| {
            let name = chance.below(12);
            let insert = format!("insert into user values (default, 'user {name}', 0)");
            match chance.below(3) {
                0 => unless_refused(sql(&db, &insert).map(drop)),
                1 => unless_refused(retrying(&db, chance.level(), |tx| sql(tx, &insert).map(drop))),
                _ => unless_refused(
                    sql(&db, &format!("delete from user where name = 'user {name}'")).map(drop),
                ),
            };
        });
        audit(&db);
    }
}

#[test]
fn a_key_that_is_deleted_and_inserted_by_many_is_there_once() {
    for level in LEVELS {
        let db = users();
        sql(&db, "insert into user values (default, 'ada', 0)").unwrap();
        crowd(4, rounds(60), |_| {
            let moved = retrying(&db, level, |tx| {
                let visits = ints(tx, "select * from user where name = 'ada' for update", 2)?;
                sql(tx, "delete from user where name = 'ada'")?;
                let visits = visits.first().copied().unwrap_or_default();
                sql(tx, &format!("insert into user values (default, 'ada', {})", visits + 1))
            });
            // At read committed the row that was waited for may be gone, and another be there that was not.
            unless_refused(moved);
        });
        assert_eq!(rows(&db, "select * from user").unwrap().len(), 1, "at {level:?}");
        audit(&db);
    }
}

#[test]
fn keys_are_swapped_and_shifted_by_many() {
    let db = users();
    for id in 1..=8 {
        sql(&db, &format!("insert into user values ({id}, 'user {id}', {id})")).unwrap();
    }
    crowd(4, rounds(40), |chance| {
        let (one, other) = (1 + chance.below(8), 1 + chance.below(8));
        let swap = format!("update user set id = {} - id where id in ({one}, {other})", one + other);
        let shift = "update user set id = 9 - id";
        let statement = if chance.below(4) == 0 { shift } else { &swap };
        match chance.below(2) {
            0 => unless_refused(sql(&db, statement)),
            _ => unless_refused(retrying(&db, chance.level(), |tx| sql(tx, statement))),
        };
    });
    assert_eq!(ints(&db, "select * from user", 0), Ok((1..=8).collect()));
    audit(&db);
}

#[test]
fn given_keys_beside_generated_ones_are_never_one_key_twice() {
    for threads in [2, 6] {
        let db = users();
        let each = rounds(240 / threads);
        let inserted = std::sync::atomic::AtomicU64::new(0);
        crowd(threads, each, |chance| {
            let near = ints(&db, "select * from user", 0).unwrap().last().copied().unwrap_or_default();
            let near = near + 1 + chance.below(3);
            let statement = match chance.below(3) {
                0 => format!("insert into user values ({near}, null, 0)"),
                1 => "insert into user values (default, null, 0), (default, null, 1)".to_owned(),
                _ => format!("insert into user values (default, null, 0), ({near}, null, 2)"),
            };
            let outcome = match chance.below(2) {
                0 => sql(&db, &statement),
                _ => retrying(&db, chance.level(), |tx| sql(tx, &statement)),
            };
            match outcome {
                Ok(answer) => {
                    inserted.fetch_add(answer.count(), std::sync::atomic::Ordering::Relaxed);
                }
                Err(error) => {
                    assert!(is_of_a_constraint(&error), "{error}");
                    assert!(statement.contains(&format!("({near}")), "a generated key was taken: {error}");
                }
            }
        });
        assert_eq!(rows(&db, "select * from user").unwrap().len() as u64, inserted.into_inner());
        audit(&db);
    }
}
