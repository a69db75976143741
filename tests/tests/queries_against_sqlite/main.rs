//! The query engine against SQLite: random queries over random tables.
//!
//! Every query is answered by the plan that the optimiser makes, by the one it makes where indexes seem much cheaper
//! than scans, by the plan that runs the query as it is written, by some of the plans that other decisions lead to, and
//! by SQLite. All answers must be the same rows, in the same order where the query has one. A query is only made of
//! what both engines define alike (`expression` says what that is); where Nuages is like PostgreSQL and unlike SQLite,
//! there are examples elsewhere. The query is also printed as SQL, and what that is read as has the same rows
//! (`printed`).
//!
//! The usual run is short and asks the same queries each time, of which it prints the first of each set of tables and
//! reads it again. `NUAGES_SOAK=10` makes it go on for ten minutes, with others, and prints all of them; a failure is
//! shrunk either way, and comes with the tables, the query as SQL and both plans.
//!
//! Order of reading: `nuages_tests::tape` (decisions that shrink), `schema` (tables and rows), `query` and `expression`
//! (what is asked), `sqlite` (the algebra as SQLite's SQL), `answer` (running and comparing), `printed` (the algebra as
//! our SQL).

mod answer;
mod expression;
mod printed;
mod query;
mod schema;
mod sqlite;

use std::fmt::{self, Debug, Formatter};
use std::time::{Duration, Instant};

use nuages_engine::catalog::Catalog;
use nuages_engine::optimize::{plan, plan_by_indexes, plan_naively};
use nuages_engine::race::plans as plans_of;
use nuages_engine::{Database, Session};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use rusqlite::Connection;

use nuages_tests::tape::Tape;
use query::{Generated, Generator};
use schema::{COLUMNS_MAX, Table};
use sqlite::Printer;

/// Queries asked of each set of tables.
const QUERIES: usize = 6;

/// Of the plans that other decisions lead to, how many are run of each query.
const ALTERNATIVES: usize = 6;

/// Sets of tables in the usual run.
const CASES: u32 = 400;

/// The tapes of one table: its definition, and each of its rows.
type TableTape = (Vec<u16>, Vec<[u16; COLUMNS_MAX]>);

/// The tapes of tables and of queries over them.
#[derive(Clone)]
struct Case {
    tables: Vec<TableTape>,
    queries: Vec<Vec<u16>>,
}

fn cases() -> impl Strategy<Value = Case> {
    let rows = |count| vec(proptest::array::uniform6(any::<u16>()), count);
    // A leaf holds 64 rows.
    let rows = prop_oneof![2 => rows(0..8), 7 => rows(8..60), 2 => rows(60..330)];
    let table = (vec(any::<u16>(), 0..40), rows);
    let queries = vec(vec(any::<u16>(), 1..160), 1..=QUERIES);
    (vec(table, 1..=4), queries).prop_map(|(tables, queries)| Case { tables, queries })
}

/// Tables in both engines.
struct Databases {
    tables: Vec<Table>,
    db: Database,
    sqlite: Connection,
}

impl Databases {
    fn new(tapes: &[TableTape]) -> Databases {
        let db = Database::new();
        let sqlite = Connection::open_in_memory().expect("SQLite opens a database in memory");
        sqlite.pragma_update(None, "case_sensitive_like", true).expect("SQLite has this setting");
        let mut tables = Vec::new();
        for (number, (tape, rows)) in tapes.iter().enumerate() {
            let mut table = Table::new(number, &mut Tape::new(tape), rows);
            table.create_in(&db);
            sqlite.execute_batch(&table.sql()).expect("the statements are sound");
            tables.push(table);
        }
        Databases { tables, db, sqlite }
    }

    /// Asks both engines, and says how they differ; if it is wanted, also of the query as it is read when it is
    /// printed.
    fn compare(&self, generated: &Generated, is_printed: bool) -> Result<(), String> {
        let Generated { query, kinds, parameters, ordered } = generated;
        let version = self.db.version().map_err(|error| error.to_string())?;
        let catalog = Catalog::of(&version);
        let sql = Printer::new(&self.tables, parameters).query(query);
        let expected = answer::run_in_sqlite(&sql, kinds, &self.sqlite)
            .map_err(|error| format!("SQLite refuses the query: {error}\n{sql}"))?;
        let mut plans = vec![
            ("optimised", plan(query.clone(), catalog, &version)),
            ("index", plan_by_indexes(query.clone(), catalog, &version)),
            ("naive", plan_naively(query.clone(), catalog, &version)),
        ];
        let others = plans_of(query, catalog, &version, ALTERNATIVES).map_err(|error| error.to_string())?;
        plans.extend(others.into_iter().skip(1).map(|other| ("other", Ok(other.plan().clone()))));
        if is_printed {
            for read in self.read_again(query, catalog).map_err(|problem| format!("{problem}\n{sql}"))? {
                plans.push(("printed", plan(read, catalog, &version)));
            }
        }
        for (name, plan) in plans {
            let plan = plan.map_err(|error| format!("there is no {name} plan: {error}\n{sql}"))?;
            let explained = plan.explain(catalog);
            match answer::run(&plan, kinds, parameters, &version) {
                Err(error) => return Err(format!("the {name} plan fails: {error}\n{sql}\n{explained}")),
                Ok(rows) if !answer::same(rows.clone(), expected.clone(), *ordered) => {
                    return Err(format!(
                        "the {name} plan answers\n{rows:?}\nand SQLite\n{expected:?}\n{sql}\n{explained}"
                    ));
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

impl Case {
    fn run(&self) -> Result<(), TestCaseError> {
        let databases = Databases::new(&self.tables);
        for (number, tape) in self.queries.iter().enumerate() {
            let generated = Generator::new(&databases.tables, Tape::new(tape)).query();
            let is_printed = number == 0 || soak_minutes().is_some();
            databases.compare(&generated, is_printed).map_err(TestCaseError::fail)?;
        }
        Ok(())
    }
}

impl Debug for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, (tape, rows)) in self.tables.iter().enumerate() {
            let table = Table::new(number, &mut Tape::new(tape), rows);
            write!(f, "\n{}{}", table.sql(), table.remarks())?;
        }
        Ok(())
    }
}

/// Runs cases until the time is over, or if there is none the usual number of them.
fn soak(time: Option<Duration>) -> Result<(), String> {
    let begin = Instant::now();
    loop {
        let config = Config {
            cases: CASES,
            failure_persistence: None,
            max_shrink_iters: 30_000,
            max_shrink_time: 120_000,
            ..Config::default()
        };
        let mut runner = match time {
            None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
            Some(_) => TestRunner::new(config),
        };
        let result = runner.run(&cases(), |case| case.run());
        match result {
            Err(TestError::Fail(reason, case)) => return Err(format!("{reason}\n{case:?}")),
            Err(TestError::Abort(reason)) => return Err(reason.to_string()),
            Ok(()) if time.is_none_or(|time| begin.elapsed() > time) => return Ok(()),
            Ok(()) => {}
        }
    }
}

/// For how long a soak asks.
fn soak_minutes() -> Option<u64> {
    std::env::var("NUAGES_SOAK").ok().map(|minutes| minutes.parse().expect("NUAGES_SOAK is minutes"))
}

#[test]
fn random_queries_have_the_answers_of_sqlite() {
    let outcome = soak(soak_minutes().map(|minutes| Duration::from_secs(60 * minutes)));
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}
