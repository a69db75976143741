//! Statements that were bound to a schema, and wait for who changes it: what they name is what it was called.

use std::thread;

use nuages::error::Error as OrmError;
use nuages::prelude::*;
use nuages_engine::sql::{Connection, SqlError};
use nuages_engine::{Database, Error as EngineError, Isolation, Outcome};
use nuages_storage::Value;

/// A database with a table of which a column will go, and with that the place of all others.
fn database() -> Database {
    let mut connection = Connection::new(Database::new());
    let script =
        "CREATE TABLE t (id BIGINT PRIMARY KEY, a INT, b INT, c INT); INSERT INTO t VALUES (1, 10, 20, 30)";
    connection.execute(script, &[]).unwrap();
    connection.database().clone()
}

/// Runs a statement that is seen to wait for a transaction that has changed the schema, and then commits.
fn run_beside(
    db: &Database,
    change: &str,
    statement: impl FnOnce(&mut Connection) -> Result<Outcome, SqlError> + Send,
) -> Result<Outcome, SqlError> {
    let mut changing = Connection::new(db.clone());
    changing.execute("BEGIN", &[]).unwrap();
    changing.execute(change, &[]).unwrap();
    thread::scope(|scope| {
        let running = scope.spawn(|| statement(&mut Connection::new(db.clone())));
        while db.waiting() == 0 {
            assert!(!running.is_finished(), "it does not wait");
            thread::yield_now();
        }
        changing.execute("COMMIT", &[]).unwrap();
        running.join().unwrap()
    })
}

fn ints(rows: Vec<Vec<Value>>) -> Vec<Vec<Option<i64>>> {
    rows.into_iter().map(|row| row.iter().map(Value::as_int).collect()).collect()
}

fn contents(db: &Database, table: &str) -> Vec<Vec<Option<i64>>> {
    let mut connection = Connection::new(db.clone());
    ints(connection.query(&format!("SELECT * FROM {table} ORDER BY id"), &[]).unwrap().rows)
}

const DROP: &str = "ALTER TABLE t DROP COLUMN a";

#[test]
fn a_statement_that_waited_writes_to_the_columns_that_it_names() {
    let some = |row: [i64; 3]| row.map(Some).to_vec();
    for (statement, left) in [
        ("UPDATE t SET b = 99 WHERE id = 1", vec![[1, 99, 30]]),
        ("UPDATE t SET c = b + 1 WHERE b = 20", vec![[1, 20, 21]]),
        ("UPDATE t SET b = x.v FROM (VALUES (7)) AS x (v) WHERE b = 20", vec![[1, 7, 30]]),
        ("INSERT INTO t (id, b, c) VALUES (2, 2, 3)", vec![[1, 20, 30], [2, 2, 3]]),
        ("INSERT INTO t (id, c, b) SELECT id + 1, c, b FROM t", vec![[1, 20, 30], [2, 20, 30]]),
        (
            "INSERT INTO t (id, b) VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET b = excluded.b",
            vec![[1, 5, 30]],
        ),
        ("DELETE FROM t WHERE b = 20", vec![]),
    ] {
        let db = database();
        run_beside(&db, DROP, |connection| connection.execute(statement, &[])).unwrap();
        assert_eq!(contents(&db, "t"), left.into_iter().map(some).collect::<Vec<_>>(), "{statement}");
    }
}

#[test]
fn a_statement_that_names_what_has_gone_is_refused() {
    for statement in [
        "UPDATE t SET a = 1 WHERE id = 1",
        "INSERT INTO t VALUES (2, 1, 2, 3)",
        "DELETE FROM t WHERE a = 10",
        "SELECT a FROM t WHERE id = 1 FOR UPDATE",
    ] {
        let db = database();
        let done = run_beside(&db, DROP, |connection| connection.execute(statement, &[]));
        let error = done.unwrap_err().to_string();
        assert!(error.contains("column"), "{statement}: {error}");
        assert_eq!(contents(&db, "t"), [[Some(1), Some(20), Some(30)]], "{statement}");
    }
    let db = database();
    let drop_and_make = "DROP TABLE t; CREATE TABLE t (id BIGINT PRIMARY KEY, z INT)";
    let update = |connection: &mut Connection| connection.execute("UPDATE t SET b = 1 WHERE id = 1", &[]);
    assert!(run_beside(&db, drop_and_make, update).unwrap_err().to_string().contains("column"));
    let insert = |connection: &mut Connection| connection.execute("INSERT INTO t (id) VALUES (5)", &[]);
    run_beside(&db, drop_and_make, insert).unwrap();
    assert_eq!(contents(&db, "t"), [[Some(5), None]]);
}

#[test]
fn rows_that_are_locked_are_returned_by_the_names_of_their_columns() {
    let db = database();
    let query = "SELECT * FROM t WHERE b = 20 FOR UPDATE";
    let found = run_beside(&db, DROP, |connection| {
        connection.execute("BEGIN", &[])?;
        let found = connection.execute(query, &[]);
        connection.execute("COMMIT", &[])?;
        found
    });
    assert_eq!(ints(found.unwrap().rows.rows), [[Some(1), Some(20), Some(30)]]);
}

#[test]
fn a_prepared_statement_is_bound_anew_where_it_waits() {
    let db = database();
    run_beside(&db, DROP, |connection| {
        let mut update = connection.prepare("UPDATE t SET b = $1 WHERE b = $2")?;
        connection.run_prepared(&mut update, &[99.into(), 20.into()])
    })
    .unwrap();
    assert_eq!(contents(&db, "t"), [[Some(1), Some(99), Some(30)]]);

    let mut connection = Connection::new(database());
    let mut query = connection.prepare("SELECT b FROM t WHERE id = 1").unwrap();
    let mut insert = connection.prepare("INSERT INTO t (id, b, c) VALUES ($1, 2, 3)").unwrap();
    connection.execute(DROP, &[]).unwrap();
    assert_eq!(ints(connection.run_prepared(&mut query, &[]).unwrap().rows.rows), [[Some(20)]]);
    connection.run_prepared(&mut insert, &[2.into()]).unwrap();
    assert_eq!(contents(connection.database(), "t")[1], [Some(2), Some(2), Some(3)]);
}

#[test]
fn what_is_defined_over_columns_is_defined_over_those_it_names() {
    for (change, expected) in [
        ("ALTER TABLE t ADD CHECK (b < 25)", "UPDATE t SET b = 26 WHERE id = 1"),
        ("CREATE UNIQUE INDEX t_b ON t ((b + 1))", "INSERT INTO t VALUES (2, 20, 0)"),
        ("CREATE UNIQUE INDEX t_c ON t (c) WHERE b = 20", "INSERT INTO t VALUES (2, 20, 30)"),
    ] {
        let db = database();
        run_beside(&db, DROP, |connection| connection.execute(change, &[])).unwrap();
        let mut connection = Connection::new(db.clone());
        connection
            .execute("UPDATE t SET c = 26 WHERE id = 1; UPDATE t SET c = 30 WHERE id = 1", &[])
            .unwrap();
        connection.execute("INSERT INTO t VALUES (3, 21, 30)", &[]).unwrap();
        assert!(connection.execute(expected, &[]).is_err(), "{change}");
    }
    let db = database();
    run_beside(&db, DROP, |connection| {
        connection.execute("ALTER TABLE t ADD COLUMN d INT GENERATED ALWAYS AS (b * 2) STORED", &[])
    })
    .unwrap();
    assert_eq!(contents(&db, "t"), [[Some(1), Some(20), Some(30), Some(40)]]);
}

#[test]
fn where_what_is_seen_is_fixed_a_changed_table_is_not_written() {
    for isolation in [Isolation::Snapshot, Isolation::Serializable] {
        for statement in
            ["UPDATE t SET b = 99 WHERE id = 1", "INSERT INTO t VALUES (2, 1, 2, 3)", "DELETE FROM t"]
        {
            let db = database();
            let level = if isolation == Isolation::Snapshot { "REPEATABLE READ" } else { "SERIALIZABLE" };
            let done = run_beside(&db, DROP, |connection| {
                connection.execute(&format!("BEGIN ISOLATION LEVEL {level}"), &[])?;
                connection.execute(statement, &[])
            });
            let error = done.unwrap_err();
            assert!(error.to_string().contains("was changed by another transaction"), "{statement}: {error}");
            assert_eq!(contents(&db, "t"), [[Some(1), Some(20), Some(30)]]);
        }
    }
}

#[derive(Model, Clone, Debug)]
#[model(table = "item")]
struct Item {
    id: Auto<i64>,
    a: i64,
    b: i64,
    c: i64,
}

fn items() -> Db {
    let db = App::new().models(Item::app()).open_memory().unwrap();
    Item::objects().create(new!(Item { a: 10, b: 20, c: 30 }), &db).unwrap();
    db
}

#[test]
fn models_are_never_written_to_other_columns() {
    let outdated = |error: OrmError| matches!(error, OrmError::Engine(error) if matches!(*error, EngineError::SchemaChanged));
    let db = items();
    let update = |db: &Db| Item::objects().filter(Item::b.eq(20)).update(Item::b.set(99), db);
    thread::scope(|scope| {
        let tx = db.engine().begin();
        nuages_engine::Session::drop_column(&tx, "item", "a").unwrap();
        let updating = scope.spawn(|| update(&db));
        while db.engine().waiting() == 0 {
            assert!(!updating.is_finished(), "it does not wait");
            thread::yield_now();
        }
        tx.commit().unwrap();
        assert!(outdated(updating.join().unwrap().unwrap_err()));
    });
    assert!(outdated(update(&db).unwrap_err()));
    assert!(outdated(Item::objects().create(new!(Item { a: 1, b: 2, c: 3 }), &db).unwrap_err()));
    assert!(outdated(Item::objects().all(&db).unwrap_err()));
    assert!(outdated(Item::objects().get(Item::id.eq(1), &db).unwrap_err()));
    assert!(outdated(Item::objects().filter(Item::b.eq(20)).delete(&db).unwrap_err()));
    let in_block = db.atomic(|tx| Item::objects().filter(Item::b.eq(20)).select_for_update().all(tx));
    assert!(outdated(in_block.unwrap_err()));
    assert_eq!(contents(db.engine(), "item"), [[Some(1), Some(20), Some(30)]]);
}

#[test]
fn models_go_on_where_their_columns_are_what_they_were() {
    let db = items();
    let engine = db.engine();
    let get = |db: &Db| Item::objects().get(Item::id.eq(1), db).unwrap().b;
    nuages_engine::Session::add_index(engine, "item", nuages_engine::catalog::NewIndex::new("item_b", ["b"]))
        .unwrap();
    Item::objects().filter(Item::b.eq(20)).update(Item::b.set(21), &db).unwrap();
    assert_eq!(get(&db), 21);
    Connection::new(engine.clone())
        .execute("ALTER TABLE item ADD COLUMN d INT; CREATE TABLE other (x INT)", &[])
        .unwrap();
    Item::objects().filter(Item::b.eq(21)).update(Item::b.set(22), &db).unwrap();
    assert_eq!(get(&db), 22);
    let fork = db.fork().unwrap();
    nuages_engine::Session::drop_index(fork.engine(), "item", "item_b").unwrap();
    assert_eq!((get(&fork), get(&db)), (22, 22));
    assert_eq!(contents(engine, "item"), [[Some(1), Some(10), Some(22), Some(30), None]]);
}
