//! One script run on a database of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nuages_engine::sql::{Connection, Dialect, Problem, SqlError};
use nuages_engine::{Database, Error, ResultSet};
use sqllogictest::{Condition, ExpectedError, QueryExpect, Record, StatementExpect};

use super::expected::{Kind, compare};
use super::script::prepared;

/// What a script has shown.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) path: PathBuf,
    /// How many records were run.
    pub(super) records: usize,
    pub(super) failures: Vec<String>,
    /// The time spent in the engine.
    pub(super) engine: Duration,
}

/// The label of the records that are for a dialect.
fn label(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::PostgreSql => "postgresql",
        Dialect::Sqlite => "sqlite",
    }
}

pub(super) fn run_file(path: &Path, dialect: Dialect) -> Report {
    let mut report =
        Report { path: path.to_owned(), records: 0, failures: Vec::new(), engine: Duration::ZERO };
    let text = match std::fs::read(path) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => {
            report.failures.push(error.to_string());
            return report;
        }
    };
    let script = prepared(&text, label(dialect));
    let records = match sqllogictest::parse::<Kind>(&script) {
        Ok(records) => records,
        Err(error) => {
            report.failures.push(error.to_string());
            return report;
        }
    };
    let mut connection = Connection::with_dialect(Database::new(), dialect);
    for record in &records {
        if matches!(record, Record::Halt { .. }) {
            break;
        }
        run_record(record, &mut connection, label(dialect), &mut report);
    }
    report
}

fn run_record(record: &Record<Kind>, connection: &mut Connection, label: &str, report: &mut Report) {
    let (loc, conditions, sql) = match record {
        Record::Statement { loc, conditions, sql, .. } | Record::Query { loc, conditions, sql, .. } => {
            (loc, conditions, sql)
        }
        _ => return,
    };
    let skipped = conditions.iter().any(|condition| match condition {
        Condition::OnlyIf { label: only } => only != label,
        Condition::SkipIf { label: skip } => skip == label,
    });
    if skipped {
        return;
    }
    report.records += 1;
    let begin = Instant::now();
    let answer = connection.query(sql, &[]);
    report.engine += begin.elapsed();
    let result = match record {
        Record::Statement { expected, .. } => check_statement(expected, &answer),
        Record::Query { expected, .. } => check_query(expected, answer),
        _ => Ok(()),
    };
    if let Err(problem) = result {
        report.failures.push(format!("line {}: {sql}\n    {problem}", loc.line()));
    }
}

fn check_statement(expected: &StatementExpect, answer: &Result<ResultSet, SqlError>) -> Result<(), String> {
    match (expected, answer) {
        (StatementExpect::Ok | StatementExpect::Count(_), Ok(_)) => Ok(()),
        (StatementExpect::Ok | StatementExpect::Count(_), Err(error)) => Err(error.to_string()),
        (StatementExpect::Error(expected), answer) => check_error(expected, answer.as_ref().err()),
    }
}

fn check_error(expected: &ExpectedError, error: Option<&SqlError>) -> Result<(), String> {
    match error {
        None => Err("an error was expected".to_owned()),
        Some(error) if expected.is_match(&error.to_string(), None) => Ok(()),
        Some(error) => Err(format!("another error was expected than: {error}")),
    }
}

fn check_query(expected: &QueryExpect<Kind>, answer: Result<ResultSet, SqlError>) -> Result<(), String> {
    let (types, sort_mode, results) = match expected {
        QueryExpect::Results { types, sort_mode, results, .. } => (types, *sort_mode, results),
        QueryExpect::Error(expected) => return check_error(expected, answer.as_ref().err()),
    };
    match answer {
        Ok(answer) => compare(&answer.rows, types, sort_mode, results),
        // The corpus was written by a program that took a query which fails while it runs for one that has ended.
        Err(error)
            if results.is_empty() && matches!(error.problem(), Problem::Engine(Error::Overflow { .. })) =>
        {
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}
