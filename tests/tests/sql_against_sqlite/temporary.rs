//! Temporary tables against SQLite's: two names, each of which may mean a temporary table and one that stays, in
//! transactions that come to something or to nothing. After each statement both engines see the same rows under every
//! name, and another connection sees those of the tables that stay.

use nuages_engine::Database;
use nuages_engine::sql::{Connection, Dialect};
use nuages_tests::tape::Tape;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::answer::{Rows, run_in_sqlite};
use crate::soak;

/// Cases in the usual run.
const CASES: u32 = 60;

/// What is looked at after each statement. Each text is asked often, so that its plan is kept.
const NAMES: [&str; 7] = ["a", "b", "main.a", "main.b", "temp.a", "temp.b", "v"];

/// How far a transaction is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    No,
    Begun,
    WithSavepoint,
}

/// The next statement, and how far the transaction is behind it.
fn statement(tape: &mut Tape<'_>, open: Open) -> (String, Open) {
    let mut name = || if tape.one_in(2) { "a" } else { "b" };
    let (one, other) = (name(), name());
    let schema = ["", "", "main.", "temp."][tape.below(4)];
    let value = tape.below(6);
    let sql = match tape.below(16) {
        0 => format!("CREATE TABLE {one} (x INTEGER UNIQUE)"),
        1 => format!("CREATE TEMP TABLE {one} (x INTEGER UNIQUE)"),
        2 => format!("CREATE TABLE temp.{one} (x INTEGER PRIMARY KEY)"),
        3 => format!("CREATE TEMP TABLE IF NOT EXISTS {one} AS SELECT x FROM {schema}{other}"),
        4 => format!("DROP TABLE {one}"),
        5..=7 => format!("INSERT INTO {schema}{one} (x) VALUES ({value})"),
        8 => format!("INSERT INTO {schema}{one} (x) SELECT x + 6 FROM {other}"),
        9 => format!("UPDATE {schema}{one} SET x = x + 6 WHERE x = {value}"),
        10 => format!("DELETE FROM {schema}{one} WHERE x < {value}"),
        11 => format!("DELETE FROM {one} WHERE x IN (SELECT x FROM v)"),
        _ => {
            let (sql, behind) = match (open, tape.below(3)) {
                (Open::No, _) => ("BEGIN", Open::Begun),
                (_, 0) => ("COMMIT", Open::No),
                (_, 1) => ("ROLLBACK", Open::No),
                (Open::Begun, _) => ("SAVEPOINT s", Open::WithSavepoint),
                (Open::WithSavepoint, _) => ("ROLLBACK TO s", Open::WithSavepoint),
            };
            return (sql.to_owned(), behind);
        }
    };
    (sql, open)
}

/// The rows of a table, in order; none if there is no such table.
fn rows_of(connection: &mut Connection, name: &str) -> Option<Rows> {
    connection.query(&format!("SELECT x FROM {name} ORDER BY x"), &[]).ok().map(|rows| rows.rows)
}

fn run(tape: &[u16]) -> Result<(), String> {
    let sqlite = rusqlite::Connection::open_in_memory().map_err(|error| error.to_string())?;
    let database = Database::new();
    let mut ours = Connection::with_dialect(database.clone(), Dialect::Sqlite);
    let mut other = Connection::with_dialect(database, Dialect::Sqlite);
    let mut script = String::new();
    let mut tape = Tape::new(tape);
    let mut open = Open::No;
    for sql in ["CREATE TABLE a (x INTEGER UNIQUE)", "CREATE VIEW v AS SELECT x FROM a"] {
        sqlite.execute_batch(sql).map_err(|error| error.to_string())?;
        ours.execute(sql, &[]).map_err(|error| error.to_string())?;
        script += &format!("{sql};\n");
    }
    for _ in 0..40 {
        let (sql, behind) = statement(&mut tape, open);
        open = behind;
        script += &format!("{sql};\n");
        let theirs = sqlite.execute_batch(&sql);
        let answer = ours.execute(&sql, &[]);
        if theirs.is_ok() != answer.is_ok() {
            return Err(format!("{script}-- SQLite: {theirs:?}\n-- Nuages: {answer:?}"));
        }
        for name in NAMES {
            let theirs = run_in_sqlite(&format!("SELECT x FROM {name} ORDER BY x"), &sqlite).ok();
            let seen = rows_of(&mut ours, name);
            if seen != theirs {
                return Err(format!(
                    "{script}-- {name} in SQLite: {theirs:?}\n-- {name} in Nuages: {seen:?}"
                ));
            }
            let stays = name.strip_prefix("main.").filter(|_| open == Open::No);
            if let Some(seen) = stays.map(|name| rows_of(&mut other, name)).filter(|seen| *seen != theirs) {
                return Err(format!("{script}-- {name}: {theirs:?}\n-- the other connection: {seen:?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn temporary_tables_do_what_they_do_in_sqlite() {
    let outcome = soak(CASES, &vec(any::<u16>(), 300), |tape| run(&tape));
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}
