//! Transactions of tasks on a runtime of one thread: who waits for a lock parks itself and nobody else.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::cell::Cell;
use std::time::Duration;

use nuages_engine::algebra::{
    Arithmetic, Comparison, Expr, Insert, InsertSource, OutputColumn, Query, Relation, Source, Statement,
    Update,
};
use nuages_engine::catalog::{NewColumn, NewTable};
use nuages_engine::{Database, Error, Isolation, LockError, Session, Transaction};
use nuages_storage::{DataType, TableId};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

const ROW: Source = Source::new(0);

/// One counter, which is zero.
fn counter() -> (Database, TableId) {
    let db = Database::new();
    let table = create(&db);
    (db, table)
}

fn create(db: &Database) -> TableId {
    let column = |name| NewColumn::new(name, DataType::BigInt);
    let table = NewTable::new("counter").column(column("id")).column(column("n")).primary_key(["id"]);
    let table = db.create_table(table).unwrap();
    let row = vec![Some(Expr::literal(1)), Some(Expr::literal(0))];
    let rows = InsertSource::Values(vec![row]);
    let insert =
        Insert { table, columns: vec![0, 1], rows, source: ROW, returning: Vec::new(), conflict: None };
    db.execute(&Statement::Insert(insert), &[]).unwrap();
    table
}

fn increment(table: TableId) -> Statement {
    Statement::Update(Update {
        table,
        source: ROW,
        from: None,
        predicate: Some(Expr::from(ROW.column(0)).compare(Comparison::Equal, Expr::literal(1))),
        assignments: vec![(1, Expr::from(ROW.column(1)).arithmetic(Arithmetic::Add, Expr::literal(1)))],
        returning: Vec::new(),
    })
}

fn value(session: &dyn Session, table: TableId) -> i64 {
    let query = Query::new(Relation::scan(table, ROW), vec![OutputColumn::new("n", ROW.column(1))]);
    let rows = session.query(&query, &[]).unwrap().rows;
    rows[0][0].as_int().unwrap()
}

async fn incremented(db: &Database, table: TableId) -> Transaction {
    let tx = db.begin_async(Isolation::ReadCommitted);
    tx.execute_async(&increment(table), &[]).await.unwrap();
    tx
}

#[tokio::test]
async fn tasks_that_contend_for_a_row_take_turns_while_another_goes_on() {
    let (db, table) = counter();
    let (ticks, done) = (Cell::new(0), Cell::new(0));
    let contender = async || {
        for _ in 0..20 {
            let tx = incremented(&db, table).await;
            for _ in 0..3 {
                yield_now().await; // the row stays locked while the others run
            }
            tx.commit().unwrap();
        }
        done.set(done.get() + 1);
    };
    let ticker = async {
        while done.get() < 2 {
            ticks.set(ticks.get() + 1);
            yield_now().await;
        }
    };
    tokio::join!(contender(), contender(), ticker);
    assert_eq!(value(&db, table), 40);
    assert!(ticks.get() >= 40 * 3, "{} ticks", ticks.get());
}

#[tokio::test]
async fn a_timer_ticks_on_while_a_task_waits_for_a_row() {
    let (db, table) = counter();
    let (holder, ticks) = (incremented(&db, table).await, Cell::new(0));
    let waiter = async {
        incremented(&db, table).await.commit().unwrap();
        assert_eq!(ticks.get(), 10, "it has waited for the last");
    };
    let ticker = async {
        for _ in 0..10 {
            sleep(Duration::from_millis(2)).await;
            assert_eq!(db.waiting(), 1);
            ticks.set(ticks.get() + 1);
        }
        holder.commit().unwrap();
    };
    tokio::join!(waiter, ticker);
    assert_eq!(value(&db, table), 2);
}

#[tokio::test]
async fn a_cancelled_wait_leaves_the_queue_and_its_transaction_as_they_were() {
    let (db, table) = counter();
    let holder = incremented(&db, table).await;
    let waiting = db.begin_async(Isolation::ReadCommitted);
    let statement = increment(table);
    let cancelled = timeout(Duration::from_millis(20), waiting.execute_async(&statement, &[])).await;
    assert!(cancelled.is_err(), "it waits");
    assert_eq!(value(&waiting, table), 0);
    let next = incremented(&db, table);
    let (next, _) = tokio::join!(next, async { holder.commit().unwrap() });
    next.commit().unwrap();
    assert_eq!(value(&db, table), 2);
    waiting.execute_async(&statement, &[]).await.unwrap();
    waiting.commit().unwrap();
    assert_eq!(value(&db, table), 3);
}

#[tokio::test]
async fn a_wait_ends_with_the_time_limit_and_the_transaction_goes_on() {
    let (db, table) = counter();
    let holder = incremented(&db, table).await;
    let waiting = db.begin_async(Isolation::ReadCommitted);
    waiting.set_lock_timeout(Some(Duration::from_millis(10)));
    let refused = waiting.execute_async(&increment(table), &[]).await.unwrap_err();
    let Error::Lock(refused) = refused else { panic!("{refused}") };
    assert!(matches!(*refused, LockError::Timeout { .. }), "{refused}");
    holder.commit().unwrap();
    assert_eq!(waiting.execute_async(&increment(table), &[]).await.unwrap().affected, 1);
    waiting.commit().unwrap();
    assert_eq!(value(&db, table), 2);
}

#[tokio::test]
async fn a_commit_to_files_is_awaited_while_others_go_on_and_is_there_again() {
    let path = std::env::temp_dir().join(format!("nuages-asynchronous-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    let db = Database::open(&path).unwrap();
    let table = create(&db);
    let (ticks, left) = (Cell::new(0), Cell::new(3));
    let committer = async || {
        for _ in 0..5 {
            incremented(&db, table).await.commit_async().await.unwrap();
        }
        left.set(left.get() - 1);
    };
    let ticker = async {
        while left.get() > 0 {
            ticks.set(ticks.get() + 1);
            yield_now().await;
        }
    };
    tokio::join!(committer(), committer(), committer(), ticker);
    assert!(ticks.get() > 15, "{} ticks", ticks.get());
    assert_eq!(value(&db, table), 15);
    drop(db);
    assert_eq!(value(&Database::open(&path).unwrap(), table), 15);
    std::fs::remove_dir_all(&path).unwrap();
}

#[test]
fn what_a_task_awaits_may_be_sent_to_another_thread() {
    fn is_send<F: Future + Send>(_: F) {}
    let (db, table) = counter();
    is_send(incremented(&db, table));
    is_send(db.begin_async(Isolation::Serializable).commit_async());
    assert_eq!(value(&db, table), 0, "a future that is not polled does nothing");
}
