//! Transactions, savepoints, deferred constraints, snapshots and forks.

use nuages_engine::algebra::{Arithmetic, Expr};
use nuages_engine::catalog::{Action, NewForeignKey, NewIndex, NewTable};
use nuages_engine::{Database, Error, LockError, Session};

use super::support::*;

fn counters() -> Database {
    let db = Database::new();
    let table = NewTable::new("counter").column(id()).column(int("n")).primary_key(["id"]);
    db.create_table(table.unique(NewIndex::new("counter_n_key", ["n"]))).unwrap();
    insert(&db, "counter", &[row![1, 10], row![2, 20]]);
    db
}

#[test]
fn a_transaction_sees_its_writes_and_others_see_them_when_it_commits() {
    let db = counters();
    let tx = db.begin();
    insert(&tx, "counter", &[row![3, 30]]);
    update(&tx, "counter", Some(is(0, 1)), vec![(1, Expr::literal(11))]).unwrap();
    delete(&tx, "counter", Some(is(0, 2))).unwrap();
    assert_eq!(rows(&tx, "counter"), [row![1, 11], row![3, 30]]);
    assert_eq!(rows(&db, "counter"), [row![1, 10], row![2, 20]]);
    tx.commit().unwrap();
    assert_eq!(rows(&db, "counter"), [row![1, 11], row![3, 30]]);
}

#[test]
fn a_transaction_that_is_dropped_or_rolled_back_leaves_nothing() {
    let db = counters();
    let tx = db.begin();
    insert(&tx, "counter", &[row![3, 30]]);
    tx.create_table(NewTable::new("other").column(int("a"))).unwrap();
    drop(tx);
    let tx = db.begin();
    delete(&tx, "counter", None).unwrap();
    tx.rollback();
    assert_eq!(rows(&db, "counter").len(), 2);
    assert!(db.catalog().unwrap().table_named("other").is_err());
}

#[test]
fn a_failed_statement_leaves_its_transaction_as_it_was() {
    let db = counters();
    let tx = db.begin();
    insert(&tx, "counter", &[row![3, 30]]);
    assert!(matches!(try_insert(&tx, "counter", &[row![4, 40], row![5, 30]]), Err(Error::Unique { .. })));
    insert(&tx, "counter", &[row![4, 40]]);
    assert_eq!(rows(&tx, "counter").len(), 4);
    tx.commit().unwrap();
    assert_eq!(rows(&db, "counter").len(), 4);
}

#[test]
fn savepoints_undo_rows_and_schema_and_nothing_else() {
    let db = counters();
    let tx = db.begin();
    insert(&tx, "counter", &[row![3, 30]]);
    let first = tx.savepoint();
    tx.create_table(NewTable::new("other").column(int("a"))).unwrap();
    insert(&tx, "other", &[row![1]]);
    let second = tx.savepoint();
    delete(&tx, "counter", None).unwrap();
    tx.rollback_to(second).unwrap();
    assert_eq!((rows(&tx, "counter").len(), rows(&tx, "other").len()), (3, 1));
    tx.rollback_to(first).unwrap();
    assert!(tx.catalog().unwrap().table_named("other").is_err());
    assert_eq!(tx.rollback_to(second), Err(Error::UnknownSavepoint));
    insert(&tx, "counter", &[row![4, 40], row![5, 50]]);
    delete(&tx, "counter", Some(is(0, 5))).unwrap();
    assert_eq!(tx.rollback_to(second), Err(Error::UnknownSavepoint));
    tx.rollback_to(first).unwrap();
    tx.commit().unwrap();
    assert_eq!(rows(&db, "counter"), [row![1, 10], row![2, 20], row![3, 30]]);
}

#[test]
fn a_savepoint_that_was_released_or_is_of_another_transaction_is_not_known() {
    let db = counters();
    let (tx, other) = (db.begin(), db.begin());
    let (outer, inner) = (tx.savepoint(), tx.savepoint());
    insert(&tx, "counter", &[row![3, 30]]);
    tx.release(outer).unwrap();
    assert_eq!(tx.rollback_to(inner), Err(Error::UnknownSavepoint));
    assert_eq!(tx.release(outer), Err(Error::UnknownSavepoint));
    assert_eq!(other.rollback_to(tx.savepoint()), Err(Error::UnknownSavepoint));
    assert_eq!(rows(&tx, "counter").len(), 3);
}

#[test]
fn generated_keys_are_not_generated_again_after_a_rollback() {
    let db = Database::new();
    let table = NewTable::new("t").column(text("a")).column(id()).primary_key(["id"]);
    db.create_table(table).unwrap();
    assert_eq!(try_insert(&db, "t", &[row!["x"], row!["y"]]).unwrap().first_key, Some(1));
    let tx = db.begin();
    assert_eq!(try_insert(&tx, "t", &[row!["z"]]).unwrap().first_key, Some(3));
    tx.rollback();
    assert_eq!(try_insert(&db, "t", &[row!["z"]]).unwrap().first_key, Some(4));
    insert(&db, "t", &[row!["w", 9]]);
    assert_eq!(try_insert(&db, "t", &[row!["v"]]).unwrap().first_key, Some(10));
    delete(&db, "t", None).unwrap();
    assert_eq!(try_insert(&db, "t", &[row!["u"]]).unwrap().first_key, Some(11));
}

#[test]
fn a_thread_that_would_wait_for_its_own_transaction_gets_an_error() {
    let db = counters();
    let tx = db.begin();
    assert_eq!(rows(&tx, "counter").len(), 2);
    insert(&db, "counter", &[row![3, 30]]);
    insert(&tx, "counter", &[row![4, 40]]);
    let refused = try_insert(&db, "counter", &[row![4, 50]]).unwrap_err();
    let Error::Lock(refused) = refused else { panic!("{refused}") };
    assert!(matches!(*refused, LockError::WouldWaitForItself { .. }), "{refused}");
    insert(&db, "counter", &[row![5, 50]]); // another row is free
    tx.commit().unwrap();
    assert_eq!(rows(&db, "counter").len(), 5);
}

#[test]
fn increments_of_two_threads_are_not_lost() {
    let db = counters();
    delete(&db, "counter", Some(is(0, 2))).unwrap();
    let increment = || column(1).arithmetic(Arithmetic::Add, Expr::literal(1));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..500 {
                    update(&db, "counter", Some(is(0, 1)), vec![(1, increment())]).unwrap();
                }
            });
        }
    });
    assert_eq!(rows(&db, "counter"), [row![1, 1010]]);
}

#[test]
fn a_snapshot_stays_as_it_was_and_does_not_write() {
    let db = counters();
    let snapshot = db.snapshot().unwrap();
    delete(&db, "counter", None).unwrap();
    db.drop_table("counter").unwrap();
    assert_eq!(rows(&snapshot, "counter"), [row![1, 10], row![2, 20]]);
    assert_eq!(try_insert(&snapshot, "counter", &[row![3, 30]]), Err(Error::ReadOnly));
    assert_eq!(snapshot.drop_table("counter"), Err(Error::ReadOnly));
}

#[test]
fn a_fork_goes_its_own_way() {
    let db = counters();
    let fork = db.fork().unwrap();
    insert(&fork, "counter", &[row![3, 30]]);
    fork.rename_column("counter", "n", "number").unwrap();
    delete(&db, "counter", Some(is(0, 1))).unwrap();
    assert_eq!(rows(&db, "counter"), [row![2, 20]]);
    assert_eq!(rows(&fork, "counter"), [row![1, 10], row![2, 20], row![3, 30]]);
    let schema = |db: &Database| db.catalog().unwrap().schema_id();
    assert_ne!(schema(&db), schema(&fork));
}

fn deferred() -> Database {
    let db = Database::new();
    let table = NewTable::new("parent").column(id()).column(int("n")).primary_key(["id"]);
    db.create_table(table.unique(NewIndex::new("parent_n_key", ["n"]).deferred(true))).unwrap();
    let fk = NewForeignKey::new("fk", ["parent"], "parent", ["id"]).deferred(true);
    let child = NewTable::new("child").column(id()).column(int("parent").nullable(true)).primary_key(["id"]);
    db.create_table(child.foreign_key(fk)).unwrap();
    db
}

#[test]
fn deferred_constraints_wait_for_the_commit() {
    let db = deferred();
    let tx = db.begin();
    insert(&tx, "child", &[row![1, 7]]);
    assert!(matches!(tx.check_deferred(), Err(Error::ForeignKey { values, .. }) if values == row![7]));
    insert(&tx, "parent", &[row![7, 1], row![8, 1]]);
    assert!(
        matches!(tx.check_deferred(), Err(Error::Unique { constraint, .. }) if constraint == "parent_n_key")
    );
    update(&tx, "parent", Some(is(0, 8)), vec![(1, Expr::literal(2))]).unwrap();
    tx.check_deferred().unwrap();
    delete(&tx, "parent", Some(is(0, 7))).unwrap();
    assert!(matches!(tx.check_deferred(), Err(Error::ForeignKey { values, .. }) if values == row![7]));
    update(&tx, "child", None, vec![(1, Expr::literal(8))]).unwrap();
    tx.commit().unwrap();
    assert_eq!(rows(&db, "child"), [row![1, 8]]);
}

#[test]
fn a_commit_that_breaks_a_deferred_constraint_undoes_the_transaction() {
    let db = deferred();
    insert(&db, "parent", &[row![1, 1]]);
    let tx = db.begin();
    insert(&tx, "child", &[row![1, 7]]);
    assert!(matches!(tx.commit(), Err(Error::ForeignKey { .. })));
    assert!(rows(&db, "child").is_empty());
    let tx = db.begin();
    let savepoint = tx.savepoint();
    insert(&tx, "child", &[row![1, 7]]);
    tx.rollback_to(savepoint).unwrap();
    insert(&tx, "child", &[row![1, 1]]);
    tx.commit().unwrap();
    assert_eq!(rows(&db, "child"), [row![1, 1]]);
}

#[test]
fn outside_a_transaction_what_is_deferred_is_due_at_once() {
    let db = deferred();
    assert!(matches!(try_insert(&db, "child", &[row![1, 7]]), Err(Error::ForeignKey { .. })));
    assert!(matches!(try_insert(&db, "parent", &[row![1, 1], row![2, 1]]), Err(Error::Unique { .. })));
    assert!(rows(&db, "child").is_empty() && rows(&db, "parent").is_empty());
}

#[test]
fn a_failed_statement_leaves_no_deferred_check() {
    let db = deferred();
    let tx = db.begin();
    let refused = try_insert(&tx, "child", &[row![1, 7], row![1, 7]]);
    assert!(matches!(refused, Err(Error::Unique { .. })));
    tx.commit().unwrap();
}

#[test]
fn actions_are_not_deferred() {
    let db = Database::new();
    db.create_table(NewTable::new("parent").column(id()).primary_key(["id"])).unwrap();
    let fk = NewForeignKey::new("fk", ["parent"], "parent", ["id"]).on_delete(Action::Cascade).deferred(true);
    let child = NewTable::new("child").column(id()).column(int("parent")).primary_key(["id"]).foreign_key(fk);
    db.create_table(child).unwrap();
    insert(&db, "parent", &[row![1]]);
    insert(&db, "child", &[row![1, 1]]);
    let tx = db.begin();
    delete(&tx, "parent", None).unwrap();
    assert!(rows(&tx, "child").is_empty());
}
