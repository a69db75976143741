//! Statements that take too long, or that somebody else ends: they leave nothing behind, and their session goes on.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::thread;
use std::time::{Duration, Instant};

use nuages_engine::algebra::{
    Arithmetic, Comparison, Expr, Insert, InsertSource, JoinKind, OutputColumn, Query, Relation, Source,
    Statement, Update,
};
use nuages_engine::catalog::{NewColumn, NewIndex, NewTable};
use nuages_engine::sql::Connection;
use nuages_engine::{Cancel, Database, Error, Isolation, Limits, LockError, Prepared, Session};
use nuages_storage::{DataType, TableId};

const ROW: Source = Source::new(0);
const SHORT: Duration = Duration::from_millis(20);

/// Numbers from 1 to 2,000: few, but a join of them with themselves three times would take minutes.
fn numbers() -> (Database, TableId) {
    let db = Database::new();
    let column = |name| NewColumn::new(name, DataType::BigInt);
    let table = NewTable::new("number").column(column("id")).column(column("n")).primary_key(["id"]);
    let table = db.create_table(table).unwrap();
    let row = |id: i64| vec![Some(Expr::literal(id)), Some(Expr::literal(0))];
    let rows = InsertSource::Values((1..=2_000).map(row).collect());
    let insert =
        Insert { table, columns: vec![0, 1], rows, source: ROW, returning: Vec::new(), conflict: None };
    db.execute(&Statement::Insert(insert), &[]).unwrap();
    (db, table)
}

/// A join that nobody would wait for.
fn endless(table: TableId) -> Query {
    let id = |source: u32| Expr::from(Source::new(source).column(0));
    let scan = |source| Relation::scan(table, Source::new(source));
    let sum = id(0).arithmetic(Arithmetic::Add, id(1)).arithmetic(Arithmetic::Add, id(2));
    let never = sum.compare(Comparison::Less, Expr::literal(0));
    let pairs = scan(0).join(JoinKind::Inner, scan(1), Expr::literal(true));
    let relation = pairs.join(JoinKind::Inner, scan(2), never);
    Query::new(relation, vec![OutputColumn::new("id", ROW.column(0))])
}

fn update(table: TableId, row: i64) -> Statement {
    Statement::Update(Update {
        from: None,
        table,
        source: ROW,
        predicate: Some(Expr::from(ROW.column(0)).compare(Comparison::Equal, Expr::literal(row))),
        assignments: vec![(1, Expr::literal(1))],
        returning: Vec::new(),
    })
}

fn timeout(timeout: Duration) -> Limits {
    Limits { statement_timeout: Some(timeout), ..Limits::default() }
}

fn cancelled_by(cancel: &Cancel) -> Limits {
    Limits { cancel: Some(cancel.clone()), ..Limits::default() }
}

/// Cancels in a little while, from another thread, and expects `work` to end by it.
fn cancelled<T: std::fmt::Debug>(cancel: &Cancel, work: impl FnOnce() -> Result<T, Error>) {
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SHORT);
            cancel.cancel();
        });
        assert_eq!(work().unwrap_err(), Error::Cancelled);
    });
}

#[test]
fn a_query_ends_with_its_time_limit_on_every_session() {
    let (db, table) = numbers();
    let limited = db.with_limits(timeout(SHORT));
    let tx = db.begin();
    tx.set_statement_timeout(Some(SHORT));
    let prepared = Prepared::new(&db, endless(table)).unwrap();
    let snapshot = limited.snapshot().unwrap();
    for session in [&limited as &dyn Session, &snapshot, &tx, &limited.begin(), &limited.fork().unwrap()] {
        let begun = Instant::now();
        let expected = Err(Error::StatementTimeout { timeout: SHORT });
        assert_eq!(session.query(&endless(table), &[]).map(|rows| rows.rows.len()), expected);
        assert_eq!(session.run(&prepared, &[], &mut |_| Ok(())).map(|()| 0), expected);
        assert_eq!(session.query_once(endless(table), &[], &mut |_| Ok(())).map(|()| 0), expected);
        assert_eq!(session.explain_analyze(&endless(table), &[]).map(|_| 0), expected);
        assert!((SHORT * 4..Duration::from_secs(20)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
    assert_eq!(
        limited.execute(&update(table, 1), &[]).unwrap().affected,
        1,
        "each statement has its own time"
    );
}

/// Rows without end that no table is read for.
const WITHOUT_A_SCAN: [&str; 4] = [
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT 1 FROM r) SELECT count(*) FROM r",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT (n + 1) % 100000000 FROM r) SELECT count(*) FROM r",
    "SELECT count(*) FROM generate_series(1, 1000000000000)",
    "SELECT max((SELECT count(*) FROM (VALUES (1), (i)) AS v)) FROM generate_series(1, 1000000000000) AS g(i)",
];

#[test]
fn rows_that_come_from_no_table_end_with_their_statement() {
    for text in WITHOUT_A_SCAN {
        let mut connection = Connection::new(Database::new().with_limits(timeout(SHORT)));
        let error = connection.query(text, &[]).unwrap_err().to_string();
        assert!(error.contains("20ms"), "{text}: {error}");
        let cancel = Cancel::new();
        let mut connection = Connection::new(Database::new().with_limits(cancelled_by(&cancel)));
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(SHORT);
                cancel.cancel();
            });
            let error = connection.query(text, &[]).unwrap_err().to_string();
            assert!(error.contains("cancel"), "{text}: {error}");
        });
    }
}

#[test]
fn a_query_ends_when_another_thread_cancels_it() {
    let (db, table) = numbers();
    let cancel = Cancel::new();
    let tx = db.begin();
    tx.execute(&update(table, 1), &[]).unwrap();
    tx.set_limits(cancelled_by(&cancel));
    cancelled(&cancel, || tx.query(&endless(table), &[]));
    assert_eq!(tx.execute(&update(table, 2), &[]), Err(Error::Cancelled), "it stays cancelled");
    tx.set_limits(Limits::default());
    tx.execute(&update(table, 2), &[]).unwrap();
    tx.commit().unwrap();
}

/// Short is what reads a few rows, not what names one.
#[test]
fn others_commit_while_a_statement_about_one_row_reads_many() {
    let (db, table) = numbers();
    let sum = || Expr::Scalar(Box::new(endless(table)));
    let Statement::Update(mut of_one) = update(table, 1) else { unreachable!("it is an update") };
    of_one.assignments = vec![(1, sum())];
    let rows = InsertSource::Values(vec![vec![Some(Expr::literal(0)), Some(sum())]]);
    let insert =
        Insert { table, columns: vec![0, 1], rows, source: ROW, returning: Vec::new(), conflict: None };
    for statement in [Statement::Update(of_one), Statement::Insert(insert)] {
        let cancel = Cancel::new();
        let at_last = Some(Duration::from_secs(10));
        let limited = db.with_limits(Limits { statement_timeout: at_last, ..cancelled_by(&cancel) });
        thread::scope(|scope| {
            let reading = scope.spawn(|| limited.execute(&statement, &[]));
            thread::sleep(SHORT);
            db.execute(&update(table, 2), &[]).unwrap();
            cancel.cancel();
            assert_eq!(reading.join().unwrap(), Err(Error::Cancelled), "{statement:?}");
        });
    }
}

#[test]
fn a_statement_that_writes_and_ends_before_its_time_has_done_nothing() {
    let (db, table) = numbers();
    let limited = db.with_limits(timeout(SHORT));
    let mut query = endless(table);
    query.columns.push(OutputColumn::new("n", ROW.column(1)));
    let rows = InsertSource::Query(Box::new(query));
    let insert =
        Insert { table, columns: vec![0, 1], rows, source: ROW, returning: Vec::new(), conflict: None };
    let tx = limited.begin();
    for session in [&limited as &dyn Session, &tx] {
        let refused = session.execute(&Statement::Insert(insert.clone()), &[]);
        assert_eq!(refused, Err(Error::StatementTimeout { timeout: SHORT }));
    }
    let index = NewIndex::new("number_n", ["n"]);
    let refused = db.with_limits(timeout(Duration::ZERO)).add_index("number", index.clone());
    assert_eq!(refused, Err(Error::StatementTimeout { timeout: Duration::ZERO }));
    drop(tx);
    db.add_index("number", index).unwrap();
}

#[test]
fn a_wait_for_a_lock_ends_with_the_statement_and_leaves_the_queue() {
    let (db, table) = numbers();
    let holder = db.begin();
    holder.execute(&update(table, 1), &[]).unwrap();
    thread::scope(|scope| {
        // The holder is of this thread, which would be told at once that it waits for itself.
        scope.spawn(|| {
            let limited = db.with_limits(timeout(SHORT));
            let expected = Err(Error::StatementTimeout { timeout: SHORT });
            assert_eq!(limited.execute(&update(table, 1), &[]), expected);
            assert_eq!(limited.begin().execute(&update(table, 1), &[]), expected);
            for _ in 0..2 {
                let cancel = Cancel::new();
                let tx = db.with_limits(cancelled_by(&cancel)).begin();
                cancelled(&cancel, || tx.execute(&update(table, 1), &[]));
            }
            assert_eq!(db.waiting(), 0);
        });
    });
    holder.commit().unwrap();
}

#[test]
fn a_statement_of_its_own_waits_for_a_lock_no_longer_than_its_database_says() {
    let (db, table) = numbers();
    let holder = db.begin();
    holder.execute(&update(table, 1), &[]).unwrap();
    let limits = [None, Some(Duration::from_secs(60))].map(|statement_timeout| Limits {
        statement_timeout,
        lock_timeout: Some(SHORT),
        memory_bytes_max: None,
        cancel: Some(Cancel::new()),
    });
    thread::scope(|scope| {
        for limits in limits {
            let limited = db.with_limits(limits);
            scope.spawn(move || {
                let Err(Error::Lock(error)) = limited.execute(&update(table, 1), &[]) else {
                    panic!("it was locked");
                };
                assert!(matches!(*error, LockError::Timeout { .. }), "{error}");
            });
        }
    });
    holder.commit().unwrap();
    assert_eq!(db.waiting(), 0);
}

#[test]
fn a_lock_that_is_granted_in_time_is_waited_for_under_a_cancel() {
    let (db, table) = numbers();
    let holder = db.begin();
    holder.execute(&update(table, 1), &[]).unwrap();
    thread::scope(|scope| {
        let limited = db.with_limits(cancelled_by(&Cancel::new()));
        let waiting = scope.spawn(move || limited.execute(&update(table, 1), &[]).unwrap().affected);
        while db.waiting() == 0 {
            thread::yield_now();
        }
        holder.commit().unwrap();
        assert_eq!(waiting.join().unwrap(), 1);
    });
}

#[tokio::test]
async fn a_task_that_waits_for_a_lock_ends_with_its_statement() {
    let (db, table) = numbers();
    let holder = db.begin_async(Isolation::ReadCommitted);
    holder.execute_async(&update(table, 1), &[]).await.unwrap();

    let waiting = db.with_limits(timeout(SHORT)).begin_async(Isolation::ReadCommitted);
    let refused = waiting.execute_async(&update(table, 1), &[]).await;
    assert_eq!(refused, Err(Error::StatementTimeout { timeout: SHORT }));

    let cancel = Cancel::new();
    waiting.set_limits(cancelled_by(&cancel));
    let statement = update(table, 1);
    let cancelled = async {
        tokio::time::sleep(SHORT).await;
        cancel.cancel();
    };
    let (refused, ()) = tokio::join!(waiting.execute_async(&statement, &[]), cancelled);
    assert_eq!(refused, Err(Error::Cancelled));
    assert_eq!(db.waiting(), 0);
}

#[test]
fn a_race_and_a_hypothesis_end_with_the_limits_of_their_session() {
    let (db, table) = numbers();
    let all = Query::new(Relation::scan(table, ROW), vec![OutputColumn::new("id", ROW.column(0))]);
    let cancel = Cancel::new();
    cancel.cancel();
    let ended = db.with_limits(cancelled_by(&cancel));
    assert_eq!(ended.race(&all, &[], 1).unwrap_err(), Error::Cancelled);
    let small = db.with_limits(Limits { memory_bytes_max: Some(10_000), ..Limits::default() });
    assert!(matches!(small.race(&all, &[], 1).unwrap_err(), Error::MemoryLimit { .. }));
    let limited = db.with_limits(timeout(SHORT));
    let expected = Error::StatementTimeout { timeout: SHORT };
    assert_eq!(limited.race(&endless(table), &[], 1).unwrap_err(), expected);
    let index = NewIndex::new("number_n", ["n"]);
    assert_eq!(limited.what_if(&endless(table), &[], "number", index, 1).unwrap_err(), expected);
}

#[test]
fn an_alternative_is_analyzed_within_the_limits_of_the_session() {
    let (db, table) = numbers();
    let limited = db.with_limits(timeout(SHORT));
    let plans = limited.plans(&endless(table)).unwrap();
    for plan in &plans {
        let refused = plan.analyze(&limited, &[]).unwrap_err();
        assert_eq!(refused, Error::StatementTimeout { timeout: SHORT });
    }
    db.add_index("number", NewIndex::new("number_n", ["n"])).unwrap();
    assert_eq!(plans[0].analyze(&limited, &[]).unwrap_err(), Error::PlanOutdated);
}
