//! Temporary tables and files: nothing of them is written.

use std::fs;

use nuages_engine::sql::Connection;
use nuages_engine::{Database, Durability, Session};

use crate::scratch::Scratch;

/// A word that only rows of temporary tables hold.
const SECRET: &str = "djangology-is-not-written";

#[test]
fn neither_a_log_nor_a_checkpoint_nor_a_backup_holds_temporary_tables() {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let db = Database::open_with(&path, Durability::Full).unwrap();
    let mut one = Connection::new(db.clone());
    one.execute("CREATE TABLE kept (id SERIAL PRIMARY KEY, x TEXT)", &[]).unwrap();
    let sql = "CREATE TEMP TABLE hidden_songs (id SERIAL PRIMARY KEY, e INTEGER GENERATED ALWAYS AS IDENTITY, x TEXT UNIQUE)";
    one.execute(sql, &[]).unwrap();
    let insert = format!("INSERT INTO hidden_songs (x) VALUES ('{SECRET}'), ('b')");
    one.execute(&insert, &[]).unwrap();
    one.execute("BEGIN; INSERT INTO kept (x) VALUES ('a')", &[]).unwrap();
    one.execute("UPDATE hidden_songs SET x = x || '!'; ALTER TABLE hidden_songs ADD COLUMN y INTEGER", &[])
        .unwrap();
    one.execute(
        "DELETE FROM hidden_songs WHERE x = 'b!'; CREATE INDEX by_y ON hidden_songs (y); COMMIT",
        &[],
    )
    .unwrap();
    one.execute("INSERT INTO kept (x) SELECT 'b' FROM hidden_songs", &[]).unwrap();
    expect_nothing(&path);
    db.backup(scratch.join("backup")).unwrap();
    expect_nothing(&scratch.join("backup"));
    // Found again from the log, from a checkpoint, and from a checkpoint with a log behind it.
    let copy = scratch.join("killed");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(&path).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_some_and(|extension| extension == "log" || extension == "checkpoint") {
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    expect_kept(&Database::open(&copy).unwrap(), 2);
    expect_kept(&Database::open(scratch.join("backup")).unwrap(), 2);
    db.compact().unwrap();
    one.execute("INSERT INTO kept (x) VALUES ('c'); TRUNCATE hidden_songs; DROP TABLE hidden_songs", &[])
        .unwrap();
    expect_nothing(&path);
    drop((one, db));
    expect_kept(&Database::open(&path).unwrap(), 3);
}

fn expect_kept(db: &Database, count: usize) {
    let names: Vec<String> = db.catalog().unwrap().tables().map(|table| table.name.clone()).collect();
    assert_eq!(names, ["kept"]);
    assert_eq!(db.catalog().unwrap().sequences().count(), 0);
    let mut connection = Connection::new(db.clone());
    assert_eq!(connection.query("SELECT x FROM kept", &[]).unwrap().rows.len(), count);
    // Ids go on behind those of temporary tables.
    connection
        .execute("CREATE TEMP TABLE t (x TEXT); INSERT INTO t VALUES ('d'); CREATE TABLE u (x TEXT)", &[])
        .unwrap();
    assert_eq!(connection.query("SELECT x FROM t", &[]).unwrap().rows, [["d".into()]]);
    connection.execute("DROP TABLE u", &[]).unwrap();
}

fn expect_nothing(path: &std::path::Path) {
    let files = if path.is_dir() {
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
    } else {
        vec![path.to_owned()]
    };
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for word in [SECRET, "hidden_songs", "by_y"] {
            let is_there = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!is_there, "{word} in {}", file.display());
        }
    }
}
