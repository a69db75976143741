//! Transactions and prepared statements.

use super::{assert_refused, postgresql, rows, run, sqlite};
use crate::sql::{Connection, Dialect};
use crate::{Database, Isolation};

#[test]
fn a_transaction_is_whole_or_nothing() {
    let database = Database::new();
    let (mut one, mut other) = (Connection::new(database.clone()), Connection::new(database));
    run(&mut one, "CREATE TABLE t (x INTEGER)");
    run(&mut one, "BEGIN; INSERT INTO t VALUES (1); CREATE TABLE u (y INTEGER)");
    assert_eq!(rows(&mut other, "SELECT count(*) FROM t"), "0");
    assert_refused(&mut one, "BEGIN", "open already");
    run(&mut one, "ROLLBACK");
    assert_refused(&mut one, "SELECT * FROM u", "no table");
    run(&mut one, "BEGIN; INSERT INTO t VALUES (2); SAVEPOINT a; INSERT INTO t VALUES (3); SAVEPOINT b");
    assert_refused(&mut one, "ROLLBACK TO c", "no savepoint \"c\"");
    run(&mut one, "ROLLBACK TO a; INSERT INTO t VALUES (4); RELEASE a; COMMIT");
    assert_eq!(rows(&mut other, "SELECT x FROM t ORDER BY x"), "2; 4");
}

#[test]
fn a_statement_that_fails_is_the_last_of_a_transaction_in_one_dialect_and_not_in_the_other() {
    let database = Database::new();
    let mut db = Connection::new(database.clone());
    run(&mut db, "CREATE TABLE t (x INTEGER PRIMARY KEY); BEGIN; INSERT INTO t VALUES (1)");
    let mut count = db.prepare("SELECT count(*) FROM t").unwrap();
    assert_eq!(db.run_prepared(&mut count, &[]).unwrap().rows.rows, [[1.into()]]);
    run(&mut db, "SAVEPOINT a");
    assert_refused(&mut db, "INSERT INTO t VALUES (2), (1)", "t_pkey");
    assert_refused(&mut db, "SELECT 1", "has failed");
    assert_refused(&mut db, "SELECT 1", "has failed");
    assert!(db.run_prepared(&mut count, &[]).is_err());
    assert!(db.in_transaction());
    run(&mut db, "ROLLBACK TO a");
    assert_eq!(db.run_prepared(&mut count, &[]).unwrap().rows.rows, [[1.into()]]);
    assert!(db.run_prepared(&mut count, &[1.into()]).is_err(), "a value too many");
    assert_eq!(db.run_prepared(&mut count, &[]).unwrap().rows.rows, [[1.into()]], "nothing was asked");
    assert_refused(&mut db, "SELEKT 1", "line 1");
    assert_refused(&mut db, "INSERT INTO t VALUES (3)", "has failed");
    let mut end = db.prepare("COMMIT").unwrap();
    db.run_prepared(&mut end, &[]).unwrap();
    assert_eq!(rows(&mut db, "SELECT count(*) FROM t"), "0", "what has failed is not committed");

    let mut db = Connection::with_dialect(database, Dialect::Sqlite);
    run(&mut db, "BEGIN; INSERT INTO t VALUES (1)");
    assert_refused(&mut db, "INSERT INTO t VALUES (2), (1)", "t_pkey");
    run(&mut db, "INSERT INTO t VALUES (3); COMMIT");
    assert_eq!(rows(&mut db, "SELECT x FROM t ORDER BY x"), "1; 3");
}

#[test]
fn isolation_is_asked_for() {
    let mut db = postgresql();
    run(&mut db, "BEGIN ISOLATION LEVEL SERIALIZABLE");
    assert_eq!(db.open.as_ref().map(|open| open.transaction.isolation()), Some(Isolation::Serializable));
    run(&mut db, "COMMIT; BEGIN; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    assert_eq!(db.open.as_ref().map(|open| open.transaction.isolation()), Some(Isolation::Snapshot));
    run(&mut db, "SELECT 1");
    assert_refused(&mut db, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "after the first statement");
    let mut db = sqlite();
    run(&mut db, "CREATE TABLE t (x INTEGER); SAVEPOINT s; INSERT INTO t VALUES (1)");
    assert!(db.in_transaction());
    run(&mut db, "END");
}

#[test]
fn rows_are_locked_by_a_query() {
    let database = Database::new();
    let (mut one, mut other) = (Connection::new(database.clone()), Connection::new(database));
    run(&mut one, "CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER); INSERT INTO t VALUES (1, 1), (2, 2)");
    run(&mut one, "BEGIN; SELECT * FROM t WHERE id = 1 FOR UPDATE");
    run(&mut other, "BEGIN");
    assert_eq!(rows(&mut other, "SELECT id FROM t ORDER BY id FOR UPDATE SKIP LOCKED"), "2");
    run(&mut other, "SAVEPOINT before");
    assert!(other.query("SELECT id FROM t WHERE id = 1 FOR UPDATE NOWAIT", &[]).is_err());
    run(&mut other, "ROLLBACK TO before");
    run(&mut one, "COMMIT");
    assert_eq!(rows(&mut other, "SELECT id FROM t WHERE id = 1 FOR UPDATE NOWAIT"), "1");
}

#[test]
fn prepared_statements_outlive_the_schema_they_were_bound_to() {
    let mut db = postgresql();
    run(
        &mut db,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    );
    let mut query = db.prepare("SELECT x FROM t WHERE id >= $1 ORDER BY id LIMIT $2").unwrap();
    let mut of = |db: &mut Connection, from: i64, count: i64| {
        db.run_prepared(&mut query, &[from.into(), count.into()]).map(|outcome| outcome.rows.rows.len())
    };
    assert_eq!((of(&mut db, 1, 2), of(&mut db, 3, 2)), (Ok(2), Ok(1)));
    let mut point = db.prepare("SELECT x FROM t WHERE id = ?").unwrap();
    run(&mut db, "ALTER TABLE t ADD COLUMN y INTEGER");
    assert_eq!(db.run_prepared(&mut point, &["2".into()]).unwrap().rows.rows, [["b".into()]]);
    assert!(db.run_prepared(&mut point, &[]).is_err());
    assert!(db.prepare("SELECT 1; SELECT 2").is_err());
    let mut insert = db.prepare("INSERT INTO t (id, x) VALUES (?, ?)").unwrap();
    assert_eq!(insert.parameter_count(), 2);
    assert_eq!(db.run_prepared(&mut insert, &[4.into(), "d".into()]).unwrap().affected, 1);
}

#[test]
fn what_is_prepared_tells_what_was_changed_since() {
    let mut db = sqlite();
    run(&mut db, "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
    let mut insert = db.prepare("INSERT INTO t (x) VALUES (?), (?)").unwrap();
    let mut told = db.prepare("SELECT changes(), total_changes(), last_insert_rowid() + ?").unwrap();
    for n in 1..=3_i64 {
        db.run_prepared(&mut insert, &["a".into(), "b".into()]).unwrap();
        let rows = db.run_prepared(&mut told, &[100.into()]).unwrap().rows.rows;
        assert_eq!(rows, [[2.into(), (2 * n).into(), (100 + 2 * n).into()]]);
    }
    assert!(postgresql().execute("SELECT changes()", &[]).is_err());
    assert!(db.execute("SELECT changes(1)", &[]).is_err());
}

#[test]
fn a_plan_is_shown() {
    let mut db = postgresql();
    run(&mut db, "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
    assert!(rows(&mut db, "EXPLAIN SELECT x FROM t WHERE id = 1").contains('t'));
}

#[test]
fn rows_give_way_to_rows() {
    let mut db = postgresql();
    run(
        &mut db,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER, s TEXT UNIQUE); INSERT INTO t VALUES (1, 1, 'a')",
    );
    run(&mut db, "INSERT INTO t VALUES (1, 9, 'b'), (2, 2, 'c') ON CONFLICT DO NOTHING");
    let upsert = "INSERT INTO t AS old VALUES (1, 10, 'z') ON CONFLICT (id) DO UPDATE SET x = old.x + excluded.x, s = x || 'x' RETURNING x, s";
    assert_eq!(rows(&mut db, upsert), "11,1x");
    assert_eq!(rows(&mut db, "SELECT * FROM t ORDER BY id"), "1,11,1x; 2,2,c");
    assert_refused(&mut db, "INSERT INTO t VALUES (3, 3, 'c') ON CONFLICT (id) DO NOTHING", "t_s_key");
    run(&mut db, "CREATE TABLE u (id INTEGER, y INTEGER); INSERT INTO u VALUES (2, 200), (7, 700)");
    assert_eq!(rows(&mut db, "UPDATE t SET x = u.y FROM u WHERE t.id = u.id RETURNING t.id, x"), "2,200");
    assert_eq!(rows(&mut db, "UPDATE t SET (x, s) = (0, 'new') WHERE id = 1 RETURNING *"), "1,0,new");
    assert_eq!(rows(&mut db, "DELETE FROM t USING u WHERE t.id = u.id AND u.y > 100 RETURNING t.id"), "2");
    let mut db = sqlite();
    run(
        &mut db,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT UNIQUE); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
    );
    run(&mut db, "INSERT OR IGNORE INTO t VALUES (1, 'x'); REPLACE INTO t VALUES (2, 'a')");
    assert_eq!(rows(&mut db, "SELECT * FROM t"), "2,a");
}

#[test]
fn two_dialects_share_a_database() {
    let mut connection = postgresql();
    run(&mut connection, "CREATE TABLE song (id BIGSERIAL PRIMARY KEY, title TEXT, plays INTEGER)");
    run(&mut connection, "INSERT INTO song (title, plays) VALUES ('Nuages', 40), ('Djangology', 2)");
    let mut sqlite = Connection::with_dialect(connection.database().clone(), crate::sql::Dialect::Sqlite);
    run(&mut sqlite, "INSERT OR REPLACE INTO song VALUES (2, 'Minor Swing', 99)");
    assert_eq!(rows(&mut connection, "SELECT title FROM song WHERE plays > 50"), "Minor Swing");
}

#[test]
fn a_dialect_brings_the_isolation_of_its_transactions() {
    let mut db = postgresql();
    let isolation = |db: &mut Connection| {
        run(db, "BEGIN");
        let isolation = db.open.as_ref().map(|open| open.transaction.isolation());
        run(db, "ROLLBACK");
        isolation
    };
    assert_eq!(isolation(&mut db), Some(Isolation::ReadCommitted));
    db.set_dialect(Dialect::Sqlite);
    assert_eq!(isolation(&mut db), Some(Isolation::Serializable));
    db.set_dialect(Dialect::PostgreSql);
    run(&mut db, "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    assert_eq!(isolation(&mut db), Some(Isolation::Snapshot));
}
