//! What a transaction sees of others, and when it is refused, level by level.

use nuages_engine::algebra::{Arithmetic, Expr, OutputColumn, Query, Relation, SortKey};
use nuages_engine::catalog::{NewIndex, NewTable};
use nuages_engine::{Database, Error, Isolation, Session, Transaction};

use super::support::*;

/// Accounts 1 and 2 with 50 each.
fn accounts() -> Database {
    let db = Database::new();
    db.create_table(NewTable::new("account").column(id()).column(int("balance")).primary_key(["id"]))
        .unwrap();
    insert(&db, "account", &[row![1, 50], row![2, 50]]);
    db
}

fn add(session: &dyn Session, id: i64, amount: i64) -> Result<u64, Error> {
    let sum = column(1).arithmetic(Arithmetic::Add, Expr::literal(amount));
    update(session, "account", Some(is(0, id)), vec![(1, sum)])
}

fn balances(tx: &Transaction, predicate: Option<Expr>) -> Vec<i64> {
    let account = Relation::scan(table_id(tx, "account"), ROW);
    let relation = match predicate {
        Some(predicate) => account.filter(predicate),
        None => account,
    };
    let query = Query::new(relation, vec![OutputColumn::new("balance", column(1))]);
    tx.query(&query, &[]).unwrap().rows.iter().filter_map(|row| row[0].as_int()).collect()
}

fn total(tx: &Transaction) -> i64 {
    balances(tx, None).iter().sum()
}

#[test]
fn read_committed_computes_from_the_newest_row() {
    let db = accounts();
    let tx = db.begin();
    assert_eq!(total(&tx), 100);
    add(&db, 1, 5).unwrap();
    add(&tx, 1, 10).unwrap();
    assert_eq!(total(&tx), 115);
    add(&db, 2, 1).unwrap();
    assert_eq!(total(&tx), 116, "each statement sees what was committed before it");
    tx.commit().unwrap();
    assert_eq!(rows(&db, "account"), [row![1, 65], row![2, 51]]);
}

#[test]
fn a_snapshot_transaction_sees_one_moment_and_loses_to_the_first_who_changed_its_row() {
    for isolation in [Isolation::Snapshot, Isolation::Serializable] {
        let db = accounts();
        let tx = db.begin_with(isolation);
        assert_eq!(total(&tx), 100);
        add(&db, 1, 5).unwrap();
        assert_eq!(total(&tx), 100);
        assert_eq!(
            add(&tx, 1, 10),
            Err(Error::SerializationFailure { table: "account".to_owned(), row: Some(1) })
        );
        add(&tx, 2, 10).unwrap();
        assert_eq!(total(&tx), 110, "its own writes it sees");
        tx.rollback();
        assert_eq!(rows(&db, "account"), [row![1, 55], row![2, 50]]);
    }
}

#[test]
fn write_skew_is_possible_in_snapshots_and_refused_where_serializable() {
    for (isolation, refused) in [(Isolation::Snapshot, false), (Isolation::Serializable, true)] {
        let db = accounts();
        let (first, second) = (db.begin_with(isolation), db.begin_with(isolation));
        assert_eq!((total(&first), total(&second)), (100, 100));
        add(&first, 1, -100).unwrap();
        add(&second, 2, -100).unwrap();
        first.commit().unwrap();
        assert_eq!(second.commit().is_err(), refused);
    }
}

#[test]
fn a_serializable_transaction_is_refused_for_rows_that_come_into_what_it_asked_for() {
    let db = accounts();
    let tx = db.begin_with(Isolation::Serializable);
    assert!(balances(&tx, Some(is(0, 3))).is_empty());
    add(&tx, 1, 1).unwrap();
    insert(&db, "account", &[row![4, 1]]); // was not asked for
    let other = db.begin_with(Isolation::Serializable);
    assert_eq!(total(&other), 101);
    other.commit().unwrap();
    insert(&db, "account", &[row![3, 1]]);
    assert_eq!(tx.commit(), Err(Error::SerializationFailure { table: "account".to_owned(), row: Some(3) }));
}

#[test]
fn a_serializable_transaction_is_not_refused_for_what_it_did_not_look_at() {
    let db = accounts();
    let tx = db.begin_with(Isolation::Serializable);
    assert_eq!(balances(&tx, Some(is(0, 1))), [50]);
    add(&tx, 1, 1).unwrap();
    add(&db, 2, 7).unwrap();
    tx.commit().unwrap();
    assert_eq!(rows(&db, "account"), [row![1, 51], row![2, 57]]);
}

#[test]
fn a_transaction_that_only_reads_is_never_refused() {
    let db = accounts();
    let tx = db.begin_with(Isolation::Serializable);
    assert_eq!(total(&tx), 100);
    add(&db, 1, 7).unwrap();
    assert_eq!(total(&tx), 100);
    tx.commit().unwrap();
}

#[test]
fn a_serializable_transaction_is_refused_when_the_order_changes_by_a_column_that_it_did_not_look_at() {
    let db = Database::new();
    let player = NewTable::new("player").column(id()).column(int("score")).primary_key(["id"]);
    db.create_table(player.index(NewIndex::new("player_score", ["score"]))).unwrap();
    insert(&db, "player", &(1..=1_000).map(|id| row![id, id]).collect::<Vec<_>>());
    let first = |tx: &Transaction| {
        let by_score = SortKey::ascending(column(1));
        let player = Relation::scan(table_id(tx, "player"), ROW).sort(vec![by_score]).limit(0, Some(1));
        let query = Query::new(player, vec![OutputColumn::new("id", column(0))]);
        assert!(tx.explain(&query).unwrap().to_string().contains("player_score"), "read by the index");
        tx.query(&query, &[]).unwrap().rows
    };
    let tx = db.begin_with(Isolation::Serializable);
    assert_eq!(first(&tx), [row![1]]);
    insert(&tx, "player", &[row![2_000, 2_000]]);
    update(&db, "player", Some(is(0, 7)), vec![(1, Expr::literal(-7))]).unwrap();
    assert_eq!(tx.commit(), Err(Error::SerializationFailure { table: "player".to_owned(), row: Some(7) }));
}
