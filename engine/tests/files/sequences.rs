//! Sequences in files: what was handed out is not handed out again, however the program ended.

use std::fs;
use std::path::Path;

use nuages_engine::sql::{Connection, SqlError};
use nuages_engine::{Database, Durability, Error};
use nuages_storage::Value;

use crate::scratch::Scratch;

fn int(connection: &mut Connection, sql: &str) -> i64 {
    match connection.query(sql, &[]).unwrap().rows[0][0] {
        Value::Int(int) => int,
        ref other => panic!("{other}"),
    }
}

/// Copies the files of a database that is open, as they would be found if its program ended now.
fn killed(path: &Path, into: &Path) {
    fs::create_dir(into).unwrap();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        if entry.path().extension().is_some_and(|extension| extension == "log" || extension == "checkpoint") {
            fs::copy(entry.path(), into.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn what_was_handed_out_is_not_handed_out_again_after_a_crash() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let db = Database::open_with(&path, Durability::Full).unwrap();
    let mut one = Connection::new(db.clone());
    one.execute("CREATE SEQUENCE s; CREATE TABLE t (x BIGINT DEFAULT nextval('s'), y TEXT)", &[]).unwrap();
    for round in 0..3 {
        if round == 2 {
            db.compact().unwrap();
        }
        // Queries alone, and more of them than are reserved at once; one in a transaction that comes to nothing.
        let mut last = 0;
        for _ in 0..40 {
            last = int(&mut one, "SELECT nextval('s')");
        }
        one.execute("BEGIN; SELECT nextval('s'); ROLLBACK; INSERT INTO t (y) VALUES ('a')", &[]).unwrap();
        assert_eq!(int(&mut one, "SELECT max(x) FROM t"), last + 2);
        let copy = scratch.join(format!("killed-{round}"));
        killed(&path, &copy);
        let mut again = Connection::new(Database::open(&copy).unwrap());
        let next = int(&mut again, "SELECT nextval('s')");
        assert!(next > last + 2 && next < last + 100, "round {round}: {next} after {last}");
        again.execute("INSERT INTO t (y) VALUES ('b')", &[]).unwrap();
        assert_eq!(int(&mut again, "SELECT max(x) FROM t"), next + 1);
    }
}

#[test]
fn where_a_sequence_was_set_to_it_is_after_a_crash_and_a_close() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let mut one = Connection::new(Database::open_with(&path, Durability::Full).unwrap());
    one.execute("CREATE SEQUENCE s INCREMENT -3 MINVALUE -100; SELECT nextval('s')", &[]).unwrap();
    for _ in 0..5 {
        int(&mut one, "SELECT nextval('s')");
    }
    // Back, which is later than what was reserved before.
    int(&mut one, "SELECT setval('s', -1, false)");
    killed(&path, &scratch.join("set"));
    let mut again = Connection::new(Database::open(scratch.join("set")).unwrap());
    assert_eq!(int(&mut again, "SELECT nextval('s')"), -1);
    assert_eq!(int(&mut one, "SELECT nextval('s')"), -1);
    assert_eq!(int(&mut one, "SELECT nextval('s')"), -4);
    let backup = scratch.join("backup");
    one.database().backup(&backup).unwrap();
    let mut backup = Connection::new(Database::open(&backup).unwrap());
    assert_eq!(int(&mut backup, "SELECT nextval('s')"), -7);
    let mut fork = Connection::new(one.database().fork().unwrap());
    assert_eq!(int(&mut fork, "SELECT nextval('s')"), -7);
    drop(one);
    let mut one = Connection::new(Database::open(&path).unwrap());
    assert_eq!(int(&mut one, "SELECT nextval('s')"), -7, "none is skipped where the database was closed");
    one.execute("ALTER SEQUENCE s INCREMENT 10 RESTART WITH -90", &[]).unwrap();
    drop(one);
    let mut one = Connection::new(Database::open(&path).unwrap());
    assert_eq!(int(&mut one, "SELECT nextval('s')"), -90);
    assert_eq!(int(&mut one, "SELECT nextval('s')"), -80);
    drop(one);
    let report = Database::salvage(&path, scratch.join("salvaged")).unwrap();
    assert_eq!(report.damage.len(), 0);
    let mut salvaged = Connection::new(Database::open(scratch.join("salvaged")).unwrap());
    assert!(int(&mut salvaged, "SELECT nextval('s')") >= -70);
}

#[test]
fn what_only_reads_draws_nothing() {
    let mut connection = Connection::new(Database::new());
    connection.execute("CREATE SEQUENCE s; SELECT nextval('s'); BEGIN READ ONLY", &[]).unwrap();
    assert_eq!(int(&mut connection, "SELECT currval('s')"), 1);
    let error: SqlError = connection.query("SELECT nextval('s')", &[]).unwrap_err();
    assert!(matches!(error.problem(), nuages_engine::sql::Problem::Engine(Error::ReadOnly)), "{error}");
    connection.execute("ROLLBACK", &[]).unwrap();
    assert_eq!(int(&mut connection, "SELECT nextval('s')"), 2);
}
