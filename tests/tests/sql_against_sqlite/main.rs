//! SQL against SQLite: random tables, and random statements over them as text.
//!
//! Where `queries_against_sqlite` builds the algebra, this writes what a person would: schemas with keys, checks,
//! indexes and views, queries, and statements that change rows, all in SQLite's dialect and in what both engines define
//! alike. Each statement runs in both; queries must have the same rows, and after a change all tables must.
//!
//! Beside that, what needs no peer (`metamorphic`): a condition splits rows into those where it is true, false and
//! unknown; a count by WHERE is the sum of the condition; every plan has the same rows; and what is printed as SQL
//! reads as the same query.
//!
//! The usual run is short and has the same cases each time; `NUAGES_SOAK=10` goes on for ten minutes with cases that
//! are drawn anew. A failure is shrunk, and is told as a script. What it found so far is in `tests/slt`.
//!
//! Order of reading: `nuages_tests::tape` (decisions that shrink), `schema`, `expression`, `query`, `change` (what is
//! written), `answer`, `metamorphic`; and beside them `temporary`.

mod answer;
mod change;
mod expression;
mod metamorphic;
mod query;
mod schema;
mod temporary;

use std::time::{Duration, Instant};

use nuages_engine::sql::{Connection, Dialect};
use nuages_engine::{Database, ResultSet};
use nuages_tests::tape::Tape;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use answer::{run_in_sqlite, same};
use query::Writer;
use schema::{Schema, TableTape};

/// Cases in the usual run.
const CASES: u32 = 160;

/// What SQLite says of queries that mean something and that it cannot run.
const SQLITE_CANNOT: [&str; 2] = [
    // It does not turn every RIGHT JOIN around.
    "references tables to its right",
    // It moves a condition on a window over an aggregate into the HAVING of a query that it takes for one without.
    "HAVING clause on a non-aggregate query",
];

/// Tapes of tables, of views, and of statements.
#[derive(Clone, Debug)]
struct Case {
    tables: Vec<TableTape>,
    views: Vec<Vec<u16>>,
    statements: Vec<Vec<u16>>,
}

fn cases() -> impl Strategy<Value = Case> {
    let row = vec(any::<u16>(), 0..2 * schema::COLUMNS_MAX);
    // A leaf holds 64 rows.
    let rows = prop_oneof![2 => vec(row.clone(), 0..4), 6 => vec(row.clone(), 4..25), 1 => vec(row, 60..90)];
    let table = (vec(any::<u16>(), 0..30), rows);
    let views = vec(vec(any::<u16>(), 0..60), 0..3);
    let statements = vec(vec(any::<u16>(), 1..200), 1..=12);
    (vec(table, 1..=3), views, statements).prop_map(|(tables, views, statements)| Case {
        tables,
        views,
        statements,
    })
}

/// The same tables in both engines, and how they came about.
struct Databases {
    ours: Connection,
    sqlite: rusqlite::Connection,
    script: Vec<String>,
}

impl Databases {
    fn new(schema: &Schema) -> Result<Databases, String> {
        let sqlite = rusqlite::Connection::open_in_memory().map_err(|error| error.to_string())?;
        sqlite.pragma_update(None, "foreign_keys", true).map_err(|error| error.to_string())?;
        let ours = Connection::with_dialect(Database::new(), Dialect::Sqlite);
        let mut databases = Databases { ours, sqlite, script: Vec::new() };
        for sql in &schema.script {
            databases.define(sql)?;
        }
        Ok(databases)
    }

    /// Runs a statement that both take or both refuse.
    fn define(&mut self, sql: &str) -> Result<(), String> {
        let theirs = self.sqlite.execute_batch(sql);
        let ours = self.ours.execute(sql, &[]);
        match (theirs, ours) {
            (Ok(()), Ok(_)) => self.script.push(sql.to_owned()),
            // A row that a key or a check refuses.
            (Err(_), Err(_)) if sql.starts_with("INSERT") => {}
            // A key of rows that are not unique.
            (Err(_), Err(_)) if sql.contains("UNIQUE INDEX") => {}
            (theirs, ours) => {
                return Err(self.told(sql, &format!("{theirs:?}"), &shown(&ours.map(|of| of.rows))));
            }
        }
        Ok(())
    }

    /// Runs a query in both and compares the rows; none if SQLite cannot run it.
    fn query(&mut self, sql: &str, order: &[usize]) -> Result<Option<answer::Rows>, String> {
        let expected = match run_in_sqlite(sql, &self.sqlite) {
            Ok(rows) => rows,
            Err(error) if SQLITE_CANNOT.iter().any(|cannot| error.to_string().contains(cannot)) => {
                return Ok(None);
            }
            Err(error) => return Err(self.told(sql, &error.to_string(), "not run")),
        };
        let got = self.ours.query(sql, &[]);
        match got {
            Ok(got) if same(&got.rows, &expected, order) => Ok(Some(got.rows)),
            got => Err(self.told(sql, &format!("{expected:?}"), &shown(&got))),
        }
    }

    /// Runs a statement that changes rows in both, and compares what it returns and all tables after it.
    fn change(&mut self, sql: &str, schema: &Schema, is_kept: bool) -> Result<(), String> {
        self.both("BEGIN")?;
        let theirs = run_in_sqlite(sql, &self.sqlite);
        let ours = self.ours.query(sql, &[]);
        let is_done = match (&theirs, &ours) {
            (Ok(theirs), Ok(ours)) if same(&ours.rows, theirs, &[]) => true,
            (Err(_), Err(_)) => false,
            // SQLite tests keys row by row, Nuages when the statement is done.
            (Err(error), Ok(_)) if sql.starts_with("UPDATE") && error.to_string().starts_with("UNIQUE") => {
                false
            }
            _ => return Err(self.told(sql, &format!("{theirs:?}"), &shown(&ours))),
        };
        self.both(if is_done && is_kept { "COMMIT" } else { "ROLLBACK" })?;
        if is_done && is_kept {
            self.script.push(sql.to_owned());
        }
        for table in &schema.tables {
            if let Err(message) = self.query(&format!("SELECT * FROM {}", table.name), &[]) {
                return Err(format!("after\n{sql}\n{message}"));
            }
        }
        Ok(())
    }

    fn both(&mut self, sql: &str) -> Result<(), String> {
        let theirs = self.sqlite.execute_batch(sql);
        let ours = self.ours.execute(sql, &[]);
        match (theirs, ours) {
            (Ok(()), Ok(_)) => Ok(()),
            (theirs, ours) => Err(self.told(sql, &format!("{theirs:?}"), &shown(&ours.map(|of| of.rows)))),
        }
    }

    /// A failure as a script.
    fn told(&self, sql: &str, theirs: &str, ours: &str) -> String {
        let script = self.script.join(";\n");
        format!("{script};\n\n{sql};\n-- SQLite: {theirs}\n-- Nuages: {ours}\n")
    }
}

fn shown(answer: &Result<ResultSet, nuages_engine::sql::SqlError>) -> String {
    match answer {
        Ok(answer) => format!("{:?}", answer.rows),
        Err(error) => error.to_string(),
    }
}

impl Case {
    fn run(&self) -> Result<(), String> {
        let schema = Schema::new(&self.tables, &self.views);
        let mut databases = Databases::new(&schema)?;
        for tape in &self.statements {
            let mut writer = Writer::new(&schema, Tape::new(tape));
            match writer.tape.below(8) {
                0..=4 => {
                    let selected = writer.whole();
                    if let Some(rows) = databases.query(&selected.sql, &selected.order)? {
                        databases.check_plans(&selected.sql, &rows)?;
                    }
                }
                5 => databases.check_partition(&writer.partition())?,
                _ => {
                    let is_kept = !writer.tape.one_in(6);
                    if let Some(sql) = writer.change() {
                        databases.change(&sql, &schema, is_kept)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Runs cases until the time is over that `NUAGES_SOAK` gives, in minutes, or if it gives none so many of them.
fn soak<S: Strategy>(
    count: u32,
    cases: &S,
    run: impl Fn(S::Value) -> Result<(), String>,
) -> Result<(), String> {
    let minutes = std::env::var("NUAGES_SOAK").ok().map(|minutes| minutes.parse::<u64>());
    let minutes = minutes.transpose().map_err(|_| "NUAGES_SOAK is minutes".to_owned())?;
    let time = minutes.map(|minutes| Duration::from_secs(60 * minutes));
    let begin = Instant::now();
    loop {
        let config = Config {
            cases: count,
            failure_persistence: None,
            max_shrink_iters: 30_000,
            max_shrink_time: 60_000,
            ..Config::default()
        };
        let count = std::cell::Cell::new(0);
        let run = |case| {
            count.set(count.get() + 1);
            run(case).map_err(|script| TestCaseError::fail(format!("-- case {}\n{script}", count.get())))
        };
        let mut runner = match time {
            None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
            Some(_) => TestRunner::new(config),
        };
        match runner.run(cases, run) {
            Err(TestError::Fail(script, _)) => return Err(script.to_string()),
            Err(TestError::Abort(reason)) => return Err(reason.to_string()),
            Ok(()) if time.is_none_or(|time| begin.elapsed() > time) => return Ok(()),
            Ok(()) => {}
        }
    }
}

#[test]
fn random_statements_do_what_they_do_in_sqlite() {
    let outcome = soak(CASES, &cases(), |case| case.run());
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}
