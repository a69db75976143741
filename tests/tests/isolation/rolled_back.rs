//! Schema changes within transactions, mixed with rows, and rolled back to savepoints or altogether.
//!
//! What is left is what the statements make that were not rolled back, each on its own: in the transaction, also while
//! others commit to other tables, after its commit, where the program was killed after it, and where a checkpoint was
//! written.

use std::fs;
use std::path::Path;

use nuages_engine::sql::Connection;
use nuages_engine::{Database, Durability};
use nuages_storage::Value;

use super::crowd::{Chance, audit, rounds};
use super::durable::Scratch;

/// A statement, which may well be refused.
fn statement(chance: &mut Chance) -> String {
    let (table, other) = (chance.one_of(&["a", "b"]), chance.one_of(&["a", "b", "c"]));
    let (column, another) = (chance.one_of(&["x", "y", "z"]), chance.one_of(&["x", "y", "z"]));
    let (id, number) = (chance.below(12), chance.below(6));
    match chance.below(24) {
        0 | 1 => format!("CREATE TABLE {table} (id BIGINT PRIMARY KEY, x INT, y INT DEFAULT {number})"),
        2 => format!("DROP TABLE {table}"),
        3 | 4 => format!("ALTER TABLE {table} ADD COLUMN {column} INT DEFAULT {number}"),
        5 => format!("ALTER TABLE {table} DROP COLUMN {column}"),
        6 => format!("ALTER TABLE {table} RENAME COLUMN {column} TO {another}"),
        7 => format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {}", chance.one_of(&["BIGINT", "INT"])),
        8 => format!("ALTER TABLE {other} RENAME TO {table}"),
        9 | 10 => format!("CREATE INDEX {table}_{column} ON {table} ({column})"),
        11 => format!("CREATE UNIQUE INDEX {table}_{column}_{another} ON {table} ({column}, {another})"),
        12 => format!("DROP INDEX {table}_{column}"),
        13 => format!("ALTER TABLE {table} ADD FOREIGN KEY ({column}) REFERENCES {other} ON DELETE CASCADE"),
        14 => format!("ALTER TABLE {table} ADD CHECK ({column} < 9)"),
        15 => format!("UPDATE {table} SET {column} = {column} + 1 WHERE id <= {id}"),
        16 => format!("UPDATE {table} SET id = id + 20 WHERE id = {id}"),
        17 => format!("DELETE FROM {table} WHERE {column} = {number}"),
        18 => format!("DELETE FROM {table} WHERE id = {id}"),
        19 => format!("INSERT INTO {table} (id) SELECT id + 40 FROM {table} WHERE id < 40"),
        _ => format!("INSERT INTO {table} (id, {column}) VALUES ({id}, {number}), ({}, NULL)", id + 12),
    }
}

/// The table that others write to.
const BESIDE: &str = "beside";

/// A table: its name, those of its columns and of its indexes, and its rows.
type Contents = Vec<(String, Vec<String>, Vec<String>, Vec<Vec<Value>>)>;

fn contents(connection: &mut Connection) -> Contents {
    let catalog = connection.session().catalog().unwrap();
    let mut tables: Contents = Vec::new();
    for table in catalog.tables().filter(|table| table.name != BESIDE) {
        let columns = table.columns.iter().map(|column| column.name.clone()).collect();
        let mut indexes: Vec<_> = table.indexes.iter().map(|index| index.name.clone()).collect();
        indexes.sort();
        let rows = connection.query(&format!("SELECT * FROM {} ORDER BY id", table.name), &[]).unwrap().rows;
        tables.push((table.name.clone(), columns, indexes, rows));
    }
    tables.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    tables
}

/// What the statements make, one after another.
fn made_by(statements: &[String]) -> Contents {
    let mut alone = Connection::new(Database::new());
    for statement in statements {
        let done = alone.execute(statement, &[]);
        assert!(done.is_ok(), "{statement}: {:?}, after {statements:#?}", done.err());
    }
    contents(&mut alone)
}

/// What is found where a program was killed that had these files open.
fn found_after_a_kill(path: &Path) -> Contents {
    let scratch = Scratch::new(&format!("killed-{:?}", std::thread::current().id()));
    for file in fs::read_dir(path).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), scratch.0.join(file.file_name())).unwrap();
    }
    let db = Database::open(&scratch.0).unwrap();
    audit(&db);
    contents(&mut Connection::new(db))
}

fn run(seed: usize) {
    let scratch = Scratch::new(&format!("rolled-back-{seed}"));
    let db = Database::open_with(&scratch.0, Durability::Buffered).unwrap();
    let (mut connection, mut beside) = (Connection::new(db.clone()), Connection::new(db.clone()));
    beside.execute(&format!("CREATE TABLE {BESIDE} (id BIGINT PRIMARY KEY)"), &[]).unwrap();
    let (mut chance, mut rows_beside) = (Chance::new(seed), 0);
    let mut kept: Vec<String> = Vec::new();
    for round in 0..8 {
        let before = kept.len();
        let level = chance.one_of(&["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]);
        connection.execute(&format!("BEGIN ISOLATION LEVEL {level}"), &[]).unwrap();
        let mut savepoints: Vec<usize> = Vec::new();
        for _ in 0..8 + chance.below(20) {
            let (at, depth) = (savepoints.len(), savepoints.len() as u64);
            match chance.below(10) {
                0 => {
                    connection.execute(&format!("SAVEPOINT s{at}"), &[]).unwrap();
                    savepoints.push(kept.len());
                }
                1 if depth > 0 => {
                    let to = chance.below(depth) as usize;
                    connection.execute(&format!("ROLLBACK TO s{to}"), &[]).unwrap();
                    kept.truncate(savepoints[to]);
                    savepoints.truncate(to + 1);
                    assert_eq!(contents(&mut connection), made_by(&kept), "seed {seed}, {level}");
                }
                2 if depth > 0 => {
                    let to = chance.below(depth) as usize;
                    connection.execute(&format!("RELEASE s{to}"), &[]).unwrap();
                    savepoints.truncate(to);
                }
                3 => {
                    rows_beside += 1;
                    beside.execute(&format!("INSERT INTO {BESIDE} VALUES ({rows_beside})"), &[]).unwrap();
                }
                _ => {
                    let statement = statement(&mut chance);
                    connection.execute("SAVEPOINT before", &[]).unwrap();
                    if connection.execute(&statement, &[]).is_ok() {
                        kept.push(statement);
                    } else {
                        connection.execute("ROLLBACK TO before", &[]).unwrap();
                    }
                    connection.execute("RELEASE before", &[]).unwrap();
                }
            }
        }
        assert_eq!(contents(&mut connection), made_by(&kept), "seed {seed}, {level}");
        if chance.below(4) == 0 {
            connection.execute("ROLLBACK", &[]).unwrap();
            kept.truncate(before);
        } else {
            connection.execute("COMMIT", &[]).unwrap();
        }
        if chance.below(4) == 0 {
            db.compact().unwrap();
        }
        db.flush().unwrap();
        let expected = made_by(&kept);
        audit(&db);
        assert_eq!(contents(&mut connection), expected, "seed {seed}, round {round}");
        assert_eq!(found_after_a_kill(&scratch.0), expected, "seed {seed}, round {round}");
    }
}

#[test]
fn what_is_left_of_schema_changes_and_rows_is_what_was_not_rolled_back() {
    (0..rounds(8)).for_each(run);
}

/// What is to be looked up at the commit is a key as it was when it came.
#[test]
fn a_deferred_key_that_is_there_twice_is_found_whatever_becomes_of_its_column() {
    for change in [
        "ALTER TABLE t ALTER COLUMN k TYPE TEXT",
        "ALTER TABLE t ALTER COLUMN k TYPE BIGINT",
        "ALTER TABLE t ALTER COLUMN k TYPE DECIMAL(10, 2)",
        "ALTER TABLE t ALTER COLUMN k SET NOT NULL",
        "ALTER TABLE t RENAME COLUMN k TO l",
        "ALTER TABLE t RENAME TO u",
        "ALTER TABLE t DROP COLUMN n",
        "ALTER TABLE t ADD COLUMN m INT DEFAULT 1",
        "CREATE INDEX t_n ON t (n)",
        "SAVEPOINT s; DROP TABLE t; ROLLBACK TO s",
    ] {
        let mut connection = Connection::new(Database::new());
        let table =
            "CREATE TABLE t (n INT, id BIGINT PRIMARY KEY, k INT UNIQUE DEFERRABLE INITIALLY DEFERRED)";
        connection.execute(table, &[]).unwrap();
        connection.execute("BEGIN; INSERT INTO t (id, k) VALUES (1, 5), (2, 5)", &[]).unwrap();
        let changed = connection.execute(change, &[]);
        let committed = connection.execute("COMMIT", &[]);
        assert!(changed.is_err() || committed.is_err(), "{change}: {:?}", contents(&mut connection));
        audit(connection.database());
    }
}

#[test]
fn a_deferred_reference_that_finds_nothing_is_told_whatever_becomes_of_its_tables() {
    for change in [
        "ALTER TABLE child ALTER COLUMN parent SET NOT NULL",
        "ALTER TABLE child RENAME COLUMN parent TO p",
        "ALTER TABLE child RENAME TO c",
        "ALTER TABLE parent RENAME TO c",
        "ALTER TABLE child ALTER COLUMN parent TYPE INT",
        "ALTER TABLE child ALTER COLUMN parent TYPE TEXT",
        "ALTER TABLE child DROP COLUMN n",
        "CREATE INDEX child_parent ON child (parent, n)",
        "SAVEPOINT s; DROP TABLE child; ROLLBACK TO s",
    ] {
        let mut connection = Connection::new(Database::new());
        let tables = "CREATE TABLE parent (id BIGINT PRIMARY KEY);
             CREATE TABLE child (n INT, id BIGINT PRIMARY KEY,
                                 parent BIGINT REFERENCES parent DEFERRABLE INITIALLY DEFERRED)";
        connection.execute(tables, &[]).unwrap();
        connection.execute("BEGIN; INSERT INTO child (id, parent) VALUES (1, 5)", &[]).unwrap();
        let changed = connection.execute(change, &[]);
        let committed = connection.execute("COMMIT", &[]);
        assert!(changed.is_err() || committed.is_err(), "{change}: {:?}", contents(&mut connection));
        audit(connection.database());
    }
}
