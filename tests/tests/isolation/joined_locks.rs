//! Row locks of queries over several tables: which rows of a joined one are locked, and that the whole joined row is
//! looked at again after a wait.

use std::thread;
use std::time::{Duration, Instant};

use nuages_engine::algebra::{Expr, JoinKind, LockWait, OutputColumn, Query, Relation, RowLock, Source};
use nuages_engine::catalog::NewTable;
use nuages_engine::{Database, Error, Isolation, LockError, Session, Strength};
use nuages_storage::Value;

use super::schema::{id, int};
use super::sql::sql;

const JOB: Source = Source::new(1);
const CREW: Source = Source::new(2);

/// Jobs 1 to 3, of crews 1, 2 and 1; the crews are of teams 10 and 20.
fn jobs() -> Database {
    let db = Database::new();
    let crew = NewTable::new("crew").column(id()).column(int("team"));
    db.create_table(crew.primary_key(["id"])).unwrap();
    let job = NewTable::new("job").column(id()).column(int("crew")).column(int("done"));
    db.create_table(job.primary_key(["id"])).unwrap();
    sql(&db, "insert into crew values (1, 10), (2, 20)").unwrap();
    sql(&db, "insert into job values (1, 1, 0), (2, 2, 0), (3, 1, 0)").unwrap();
    db
}

/// The open jobs of crews of team 10, which are 1 and 3, with their crews; `of` are locked.
fn open_jobs(db: &Database, of: &[Source], wait: LockWait) -> Query {
    let catalog = db.catalog().unwrap();
    let table = |source| catalog.table_named(if source == JOB { "job" } else { "crew" }).unwrap().id;
    let column = |source: Source, place| Expr::from(source.column(place));
    let joined = Relation::scan(table(JOB), JOB).join(
        JoinKind::Inner,
        Relation::scan(table(CREW), CREW),
        column(JOB, 1).equals(column(CREW, 0)),
    );
    let is_open = column(JOB, 2).equals(Expr::literal(0)).and(column(CREW, 1).equals(Expr::literal(10)));
    let columns = [column(JOB, 0), column(CREW, 0)].map(|expr| OutputColumn::new("id", expr));
    let sources = of.iter().map(|source| (table(*source), *source)).collect();
    Query::new(joined.filter(is_open), columns.into()).locking(RowLock {
        sources,
        strength: Strength::Update,
        wait,
    })
}

/// The rows of a query, in the order of their keys.
fn found(session: &dyn Session, query: &Query) -> Result<Vec<[Option<i64>; 2]>, Error> {
    let rows = session.query(query, &[])?.rows;
    let mut rows: Vec<_> =
        rows.iter().map(|row| [0, 1].map(|at: usize| row.get(at).and_then(Value::as_int))).collect();
    rows.sort();
    Ok(rows)
}

/// What the query finds that waits for a transaction, which has done `change` before and commits then.
fn found_after(change: &str, of: &[Source], level: Isolation) -> Result<Vec<[Option<i64>; 2]>, Error> {
    let db = jobs();
    let first = db.begin();
    sql(&first, change).unwrap();
    thread::scope(|scope| {
        let second = scope.spawn(|| {
            let tx = db.begin_with(level);
            let found = found(&tx, &open_jobs(&db, of, LockWait::Wait));
            tx.rollback();
            found
        });
        let began = Instant::now();
        while db.waiting() == 0 {
            assert!(
                began.elapsed() < Duration::from_secs(20) && !second.is_finished(),
                "it does not wait: {change}"
            );
            thread::yield_now();
        }
        first.commit().unwrap();
        second.join().unwrap()
    })
}

const NONE: [[Option<i64>; 2]; 0] = [];
const ONE: [Option<i64>; 2] = [Some(1), Some(1)];
const THREE: [Option<i64>; 2] = [Some(3), Some(1)];

#[test]
fn only_rows_of_the_tables_that_are_named_are_locked() {
    let job = "select * from job where id = 1 for update nowait";
    let crew = "select * from crew where id = 1 for update nowait";
    let is_locked = |db: &Database, query: &str| match sql(&db.begin(), query) {
        Ok(_) => false,
        Err(Error::Lock(error)) if matches!(*error, LockError::NotAvailable { .. }) => true,
        Err(other) => panic!("{other}"),
    };
    for (of, locked) in [(&[JOB][..], [true, false]), (&[CREW], [false, true]), (&[JOB, CREW], [true, true])]
    {
        let db = jobs();
        let tx = db.begin();
        assert_eq!(found(&tx, &open_jobs(&db, of, LockWait::Wait)), Ok(vec![ONE, THREE]));
        assert_eq!([is_locked(&db, job), is_locked(&db, crew)], locked, "{of:?}");
        assert!(
            !is_locked(&db, "select * from job where id = 2 for update nowait"),
            "it is not among the rows"
        );
        assert!(!is_locked(&db, "select * from crew where id = 2 for update nowait"), "nor is its crew");
    }
}

#[test]
fn after_a_wait_the_whole_joined_row_is_looked_at_again() {
    let both = [JOB, CREW];
    let found = |change, of: &[Source]| found_after(change, of, Isolation::ReadCommitted).unwrap();
    // The row that was waited for, by the side it is on.
    assert_eq!(found("update job set done = 1 where id = 1", &both), [THREE]);
    assert_eq!(found("update job set done = 1 where id = 1", &[JOB]), [THREE]);
    assert_eq!(found("update crew set team = 11 where id = 1", &both), NONE);
    assert_eq!(found("update crew set team = 11 where id = 1", &[CREW]), NONE);
    assert_eq!(found("delete from crew where id = 1", &[CREW]), NONE);
    // What joins them is looked at, too.
    assert_eq!(found("update job set crew = 2 where id = 3", &[JOB]), [ONE]);
    // What still meets the condition is returned as it is now.
    assert_eq!(found("update job set crew = crew where id = 3", &[JOB]), [ONE, THREE]);
}

#[test]
fn a_snapshot_is_refused_a_joined_row_that_another_has_changed() {
    for level in [Isolation::Snapshot, Isolation::Serializable] {
        let refused = found_after("update crew set team = 11 where id = 1", &[CREW], level);
        assert!(matches!(refused, Err(Error::SerializationFailure { .. })), "{refused:?}");
    }
}

#[test]
fn a_joined_row_is_passed_over_if_either_of_its_rows_is_locked() {
    let db = jobs();
    let tx = db.begin();
    sql(&tx, "select * from job where id = 3 for update").unwrap();
    let both = open_jobs(&db, &[JOB, CREW], LockWait::SkipLocked);
    let other = db.begin();
    assert_eq!(found(&other, &both), Ok(vec![ONE]));
    other.rollback();
    sql(&tx, "select * from crew where id = 1 for update").unwrap();
    assert_eq!(found(&db.begin(), &both), Ok(NONE.into()));
    assert_eq!(found(&db.begin(), &open_jobs(&db, &[CREW], LockWait::SkipLocked)), Ok(NONE.into()));
    let refused = found(&db.begin(), &open_jobs(&db, &[CREW], LockWait::NoWait));
    assert!(matches!(&refused, Err(Error::Lock(error)) if matches!(**error, LockError::NotAvailable { .. })));
}
