//! The anomalies of the literature, as sessions step by step, and which level admits which.
//!
//! The cases, their names and what PostgreSQL answers are those of Hermitage (Martin Kleppmann), after Adya's thesis
//! and Berenson et al.; what is expected here is what PostgreSQL does, in all cells. The columns of answers are read
//! committed, snapshot (repeatable read), serializable.

use nuages_engine::catalog::NewTable;
use nuages_engine::{Database, Session};

use super::play::play;
use super::schema::{id, int, key};
use super::sql::sql;

/// Rows (1, 10) and (2, 20).
fn test() -> Database {
    let db = Database::new();
    db.create_table(NewTable::new("test").column(key("id")).column(int("value")).primary_key(["id"]))
        .unwrap();
    sql(&db, "insert into test values (1, 10), (2, 20)").unwrap();
    db
}

#[test]
fn g0_writes_do_not_form_a_cycle() {
    play(
        test,
        "T1: update test set value = 11 where id = 1 | 1
         T2: update test set value = 12 where id = 1 | waits
         T1: update test set value = 21 where id = 2 | 1
         T1: commit                                  | ok
         T1: select * from test                      | (1, 11) (2, 21)
         T2:                                         | 1 | not serializable | not serializable
         T2: update test set value = 22 where id = 2 | 1 | - | -
         T2: commit                                  | ok
         db: select * from test                      | (1, 12) (2, 22) | (1, 11) (2, 21) | (1, 11) (2, 21)",
    );
}

#[test]
fn g1a_what_is_rolled_back_is_not_read() {
    play(
        test,
        "T1: update test set value = 101 where id = 1 | 1
         T2: select * from test                       | (1, 10) (2, 20)
         T1: rollback                                 | ok
         T2: select * from test                       | (1, 10) (2, 20)
         T2: commit                                   | ok",
    );
}

#[test]
fn g1b_what_is_overwritten_before_the_commit_is_not_read() {
    play(
        test,
        "T1: update test set value = 101 where id = 1 | 1
         T2: select * from test                       | (1, 10) (2, 20)
         T1: update test set value = 11 where id = 1  | 1
         T1: commit                                   | ok
         T2: select * from test                       | (1, 11) (2, 20) | (1, 10) (2, 20) | (1, 10) (2, 20)
         T2: commit                                   | ok",
    );
}

#[test]
fn g1c_information_does_not_flow_in_a_circle() {
    play(
        test,
        "T1: update test set value = 11 where id = 1 | 1
         T2: update test set value = 22 where id = 2 | 1
         T1: select * from test where id = 2         | (2, 20)
         T2: select * from test where id = 1         | (1, 10)
         T1: commit                                  | ok
         T2: commit                                  | ok | ok | not serializable",
    );
}

#[test]
fn otv_a_transaction_that_was_seen_does_not_vanish() {
    play(
        test,
        "T1: update test set value = 11 where id = 1 | 1
         T1: update test set value = 19 where id = 2 | 1
         T2: update test set value = 12 where id = 1 | waits
         T1: commit                                  | ok
         T2:                                         | 1 | not serializable | not serializable
         T3: select * from test where id = 1         | (1, 11)
         T2: update test set value = 18 where id = 2 | 1 | - | -
         T3: select * from test where id = 2         | (2, 19)
         T2: commit                                  | ok
         T3: select * from test where id = 2         | (2, 18) | (2, 19) | (2, 19)
         T3: select * from test where id = 1         | (1, 12) | (1, 11) | (1, 11)
         T3: commit                                  | ok",
    );
}

#[test]
fn pmp_phantoms_are_read_where_each_statement_sees_the_newest() {
    play(
        test,
        "T1: select * from test where value = 30    | none
         T2: insert into test values (3, 30)        | 1
         T2: commit                                 | ok
         T1: select * from test where value % 3 = 0 | (3, 30) | none | none
         T1: commit                                 | ok",
    );
}

#[test]
fn pmp_a_delete_that_waited_deletes_only_what_it_found_and_still_matches() {
    play(
        test,
        "T1: update test set value = value + 10   | 2
         T2: delete from test where value = 20    | waits
         T1: commit                               | ok
         T2:                                      | 0 | not serializable | not serializable
         T2: select * from test where value = 20  | (1, 20) | - | -
         T2: commit                               | ok
         db: select * from test                   | (1, 20) (2, 30)",
    );
}

#[test]
fn p4_an_update_is_lost_where_each_statement_sees_the_newest() {
    play(
        test,
        "T1: select * from test where id = 1         | (1, 10)
         T2: select * from test where id = 1         | (1, 10)
         T1: update test set value = 11 where id = 1 | 1
         T2: update test set value = 11 where id = 1 | waits
         T1: commit                                  | ok
         T2:                                         | 1 | not serializable | not serializable
         T2: commit                                  | ok",
    );
}

#[test]
fn p4_no_update_is_lost_if_rows_are_read_for_update() {
    play(
        test,
        "T1: select * from test where id = 1 for update      | (1, 10)
         T2: select * from test where id = 1 for update      | waits
         T1: update test set value = value + 1 where id = 1  | 1
         T1: commit                                          | ok
         T2:                                                 | (1, 11) | not serializable | not serializable
         T2: update test set value = value + 1 where id = 1  | 1 | - | -
         T2: commit                                          | ok
         db: select * from test where id = 1                 | (1, 12) | (1, 11) | (1, 11)",
    );
}

#[test]
fn g_single_two_reads_are_of_one_moment_in_a_snapshot() {
    play(
        test,
        "T1: select * from test where id = 1         | (1, 10)
         T2: select * from test where id in (1, 2)   | (1, 10) (2, 20)
         T2: update test set value = 12 where id = 1 | 1
         T2: update test set value = 18 where id = 2 | 1
         T2: commit                                  | ok
         T1: select * from test where id = 2         | (2, 18) | (2, 20) | (2, 20)
         T1: commit                                  | ok",
    );
}

#[test]
fn g_single_also_if_they_are_of_predicates() {
    play(
        test,
        "T1: select * from test where value % 5 = 0     | (1, 10) (2, 20)
         T2: update test set value = 12 where value = 10 | 1
         T2: commit                                     | ok
         T1: select * from test where value % 3 = 0     | (1, 12) | none | none
         T1: commit                                     | ok",
    );
}

#[test]
fn g_single_what_is_written_must_be_what_was_seen() {
    play(
        test,
        "T1: select * from test where id = 1         | (1, 10)
         T2: select * from test                      | (1, 10) (2, 20)
         T2: update test set value = 12 where id = 1 | 1
         T2: update test set value = 18 where id = 2 | 1
         T2: commit                                  | ok
         T1: delete from test where value = 20       | 0 | not serializable | not serializable
         T1: rollback                                | ok",
    );
}

#[test]
fn g2_item_write_skew_is_refused_where_serializable() {
    play(
        test,
        "T1: select * from test where id in (1, 2)   | (1, 10) (2, 20)
         T2: select * from test where id in (1, 2)   | (1, 10) (2, 20)
         T1: update test set value = 11 where id = 1 | 1
         T2: update test set value = 21 where id = 2 | 1
         T1: commit                                  | ok
         T2: commit                                  | ok | ok | not serializable
         db: select * from test                      | (1, 11) (2, 21) | (1, 11) (2, 21) | (1, 11) (2, 20)",
    );
}

#[test]
fn g2_write_skew_through_a_predicate_is_refused_where_serializable() {
    play(
        test,
        "T1: select * from test where value % 3 = 0 | none
         T2: select * from test where value % 3 = 0 | none
         T1: insert into test values (3, 30)        | 1
         T2: insert into test values (4, 42)        | 1
         T1: commit                                 | ok
         T2: commit                                 | ok | ok | not serializable
         db: select * from test where value % 3 = 0 | (3, 30) (4, 42) | (3, 30) (4, 42) | (3, 30)",
    );
}

#[test]
fn g2_a_transaction_that_only_reads_sees_no_state_that_never_was() {
    play(
        test,
        "T1: select * from test                             | (1, 10) (2, 20)
         T2: update test set value = value + 5 where id = 2 | 1
         T2: commit                                         | ok
         T3: select * from test                             | (1, 10) (2, 25)
         T3: commit                                         | ok
         T1: update test set value = 0 where id = 1         | 1
         T1: commit                                         | ok | ok | not serializable",
    );
}

/// Fekete, O'Neil, O'Neil, "A read-only transaction anomaly under snapshot isolation", 2004: a deposit to savings, a
/// withdrawal from checking with a fee if both together are overdrawn, and a report that sees the one without the
/// other.
#[test]
fn the_read_only_anomaly_is_refused_where_serializable() {
    let accounts = || {
        let db = test();
        sql(&db, "update test set value = 0").unwrap();
        db
    };
    play(
        accounts,
        "withdrawal: select * from test                            | (1, 0) (2, 0)
         deposit:    select * from test where id = 2               | (2, 0)
         deposit:    update test set value = 20 where id = 2       | 1
         deposit:    commit                                        | ok
         report:     select * from test                            | (1, 0) (2, 20)
         report:     commit                                        | ok
         withdrawal: update test set value = value - 11 where id = 1 | 1
         withdrawal: commit                                        | ok | ok | not serializable
         db:         select * from test                            | (1, -11) (2, 20) | (1, -11) (2, 20) | (1, 0) (2, 20)",
    );
}

#[test]
fn of_two_that_found_a_key_missing_one_inserts_it() {
    let users = || {
        let db = Database::new();
        let name = nuages_engine::catalog::NewIndex::unique("user_name", ["name"]);
        let user = NewTable::new("user").column(id()).column(super::schema::text("name"));
        db.create_table(user.primary_key(["id"]).unique(name)).unwrap();
        db
    };
    play(
        users,
        "T1: select * from user where name = 'ada'      | none
         T2: select * from user where name = 'ada'      | none
         T1: insert into user values (default, 'ada')   | 1
         T2: insert into user values (default, 'ada')   | waits
         T1: commit                                     | ok
         T2:                                            | unique | unique | not serializable
         T2: rollback                                   | ok
         db: select * from user                         | (1, ada)",
    );
}
