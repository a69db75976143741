//! Statements that are attempted again, because others commit meanwhile.

use std::thread;

use nuages_storage::{Reach, RowId, Value};

use super::found::LockedRows;
use super::{Found, WritingStatement};
use crate::algebra::{Expr, OutputColumn, Query, SortKey, Source};
use crate::database::{Database, Transaction};
use crate::error::Error;
use crate::evaluate::Context;
use crate::session::Session;
use crate::sql::Connection;

/// After so many attempts others are quiet, so that a statement which none is enough for ends as well.
const ATTEMPTS_MAX: usize = 20;

fn database(sql: &str) -> Database {
    let db = Database::new();
    Connection::new(db.clone()).execute(sql, &[]).unwrap();
    db
}

/// How often a statement is attempted if somebody executes `meanwhile` of the number of each attempt while that is
/// made, and before its locks are taken.
fn attempts(
    (db, tx): (&Database, &Transaction),
    meanwhile: impl Fn(usize) -> Option<String>,
    mut attempt: impl FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
) -> usize {
    let mut attempts = 0;
    tx.write(Reach::Long, &tx.interrupt(), &mut |writing| {
        attempt(writing)?;
        attempts += 1;
        if let Some(sql) = meanwhile(attempts).filter(|_| attempts <= ATTEMPTS_MAX) {
            let execute = || drop(Connection::new(db.clone()).execute(&sql, &[]).unwrap());
            thread::scope(|scope| scope.spawn(execute).join().unwrap());
        }
        Ok(())
    })
    .unwrap();
    attempts
}

fn attempts_of(db: &Database, sql: &str, meanwhile: impl Fn(usize) -> Option<String>) -> usize {
    let (tx, statement, mut found) =
        (db.begin(), Connection::new(db.clone()).statement(sql), Found::default());
    let attempts = attempts((db, &tx), meanwhile, |writing| {
        writing.run(&statement, &mut found, &Context::new(&[])).map(drop)
    });
    tx.commit().unwrap();
    attempts
}

fn sessions() -> Database {
    database(
        "CREATE TABLE session (id BIGINT PRIMARY KEY, name TEXT, token TEXT UNIQUE);
         INSERT INTO session VALUES (1, 'old', 'a'), (2, '', 'b')",
    )
}

#[test]
fn a_key_that_is_drawn_by_chance_is_drawn_once_however_many_commit() {
    let busy = |attempt| Some(format!("UPDATE session SET name = '{attempt}' WHERE id = 2"));
    let draw = "CAST(gen_random_uuid() AS TEXT)";
    for sql in [
        format!("UPDATE session SET token = {draw} WHERE id = 1"),
        format!("UPDATE session SET token = name || {draw} WHERE name = 'old'"),
        format!("UPDATE session AS s SET token = {draw} FROM session AS t WHERE s.id = 1 AND t.id = 1"),
        format!("INSERT INTO session VALUES (1, '', '') ON CONFLICT (id) DO UPDATE SET token = {draw}"),
        format!("INSERT INTO session VALUES (3, '', {draw})"),
    ] {
        assert_eq!(attempts_of(&sessions(), &sql, busy), 2, "{sql}");
    }
}

#[test]
fn what_is_drawn_for_a_row_that_somebody_else_changes_is_drawn_again() {
    let db = sessions();
    let busy = |attempt| match attempt {
        1 => Some("UPDATE session SET name = 'new' WHERE id = 1".to_owned()),
        attempt => Some(format!("UPDATE session SET name = '{attempt}' WHERE id = 2")),
    };
    let sql = "UPDATE session SET token = name || CAST(gen_random_uuid() AS TEXT) WHERE id = 1";
    assert_eq!(attempts_of(&db, sql, busy), 3);
    let token = Connection::new(db).query("SELECT token FROM session WHERE id = 1", &[]).unwrap();
    assert!(token.rows[0][0].as_text().unwrap().starts_with("new"), "{token:?}");
}

fn jobs() -> Database {
    database(
        "CREATE TABLE job (id BIGINT PRIMARY KEY, priority INT);
         INSERT INTO job VALUES (5, 1), (6, 2), (7, 3)",
    )
}

fn query(db: &Database, sql: &str) -> Query {
    Connection::new(db.clone()).read(sql).unwrap()
}

/// The ids that a locking query returns, and those of all rows that are locked then.
fn locked(db: &Database, sql: &str, mut found: Found, meanwhile: &str) -> [Vec<Value>; 2] {
    let (tx, query) = (db.begin(), query(db, sql));
    let lock = query.lock.as_ref().unwrap();
    let mut returned = Vec::new();
    let once = |attempt| (attempt == 1).then(|| meanwhile.to_owned());
    attempts((db, &tx), once, |writing| {
        let rows = writing.lock_rows(&query, lock, &mut found, &Context::new(&[]))?;
        returned = rows.selection.iter().map(|row| rows.column(0).value(row)).collect();
        Ok(())
    });
    let others = thread::scope(|scope| {
        let free = || {
            let mut other = Connection::new(db.clone());
            other.execute("BEGIN", &[]).unwrap();
            let free = other.query("SELECT id FROM job FOR UPDATE SKIP LOCKED", &[]).unwrap();
            let all = other.query("SELECT id FROM job ORDER BY id", &[]).unwrap();
            all.rows.into_iter().filter(|row| !free.rows.contains(row)).flatten().collect()
        };
        scope.spawn(free).join().unwrap()
    });
    [returned, others]
}

#[test]
fn a_query_that_passes_over_locked_rows_locks_no_row_that_it_does_not_return() {
    let best = "SELECT id FROM job ORDER BY priority DESC LIMIT 1 FOR UPDATE SKIP LOCKED";
    let better = "INSERT INTO job VALUES (8, 9)";
    let [returned, locked_then] = locked(&jobs(), best, Found::default(), better);
    assert_eq!((&returned, &locked_then), (&vec![Value::Int(7)], &vec![Value::Int(7)]));

    let all = "SELECT id FROM job WHERE priority > 1 ORDER BY priority LIMIT 9 FOR UPDATE SKIP LOCKED";
    let [returned, locked_then] = locked(&jobs(), all, Found::default(), better);
    assert_eq!((&returned, &locked_then), (&vec![Value::Int(6), Value::Int(7)], &returned));
}

#[test]
fn rows_are_locked_through_a_projection() {
    let db = jobs();
    let mut query = query(&db, "SELECT id, priority FROM job WHERE id > 5 FOR UPDATE");
    let lock = query.lock.as_ref().unwrap();
    let (inner, outer) = (lock.sources[0].1, Source::new(9));
    let columns = vec![Expr::Column(inner.column(1)), Expr::Column(inner.column(0))];
    query.relation =
        query.relation.project(outer, columns).sort(vec![SortKey::ascending(outer.column(0).into())]);
    query.columns = vec![OutputColumn::new("id", outer.column(1))];
    let (tx, mut found) = (db.begin(), Found::default());
    let lock = query.lock.as_ref().unwrap();
    attempts(
        (&db, &tx),
        |_| None,
        |writing| {
            let rows = writing.lock_rows(&query, lock, &mut found, &Context::new(&[]))?;
            assert_eq!(rows.columns.len(), 1);
            Ok(())
        },
    );
    let mut other = Connection::new(db);
    other.execute("BEGIN", &[]).unwrap();
    let free = other.query("SELECT id FROM job FOR UPDATE SKIP LOCKED", &[]).unwrap();
    assert_eq!(free.rows, [[Value::Int(5)]]);
}

#[test]
fn a_row_that_is_locked_and_meets_the_condition_no_longer_has_another_in_its_place() {
    let db = jobs();
    let job = db.catalog().unwrap().table_named("job").unwrap().id;
    let by_table = [(job, [RowId::new(4), RowId::new(6)].into_iter().collect())].into_iter().collect();
    let mut found = Found::default();
    found.locked = Some(LockedRows { by_table, count: 2 });
    let two = "SELECT id FROM job ORDER BY priority DESC LIMIT 2 FOR UPDATE SKIP LOCKED";
    let [returned, locked_then] = locked(&db, two, found, "INSERT INTO job VALUES (8, 9)");
    assert_eq!(returned, [Value::Int(7), Value::Int(6)]);
    assert_eq!(locked_then, [Value::Int(6), Value::Int(7)]);
}
