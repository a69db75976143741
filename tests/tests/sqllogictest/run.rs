//! One script run on a database of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nuages_storage::Value;
use sqllogictest::{Condition, ExpectedError, QueryExpect, Record, StatementExpect};

use super::contestant::{Contestant, Opened, Refusal};
use super::expected::{Kind, compare};
use super::script::prepared;

type Answer = Result<Vec<Vec<Value>>, Refusal>;

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

pub(super) fn run_file(path: &Path, contestant: Contestant) -> Report {
    let mut report =
        Report { path: path.to_owned(), records: 0, failures: Vec::new(), engine: Duration::ZERO };
    let text = match std::fs::read(path) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => {
            report.failures.push(error.to_string());
            return report;
        }
    };
    let script = prepared(&text, contestant.label());
    let records = match sqllogictest::parse::<Kind>(&script) {
        Ok(records) => records,
        Err(error) => {
            report.failures.push(error.to_string());
            return report;
        }
    };
    let mut opened = contestant.open();
    for record in &records {
        if matches!(record, Record::Halt { .. }) {
            break;
        }
        run_record(record, &mut opened, contestant, &mut report);
    }
    report
}

fn run_record(record: &Record<Kind>, opened: &mut Opened, contestant: Contestant, report: &mut Report) {
    let (loc, conditions, sql) = match record {
        Record::Statement { loc, conditions, sql, .. } | Record::Query { loc, conditions, sql, .. } => {
            (loc, conditions, sql)
        }
        _ => return,
    };
    let skipped = conditions.iter().any(|condition| match condition {
        Condition::OnlyIf { label } => !contestant.has_label(label),
        Condition::SkipIf { label } => contestant.has_label(label),
    });
    if skipped {
        return;
    }
    report.records += 1;
    let begin = Instant::now();
    let answer = opened.ask(sql);
    report.engine += begin.elapsed();
    let result = match record {
        // Others have other words for what is wrong.
        Record::Statement { expected: StatementExpect::Error(_), .. }
        | Record::Query { expected: QueryExpect::Error(_), .. }
            if !opened.is_ours() && answer.is_err() =>
        {
            Ok(())
        }
        Record::Statement { expected, .. } => check_statement(expected, &answer),
        Record::Query { expected, .. } => check_query(expected, answer),
        _ => Ok(()),
    };
    if let Err(problem) = result {
        report.failures.push(format!("line {}: {sql}\n    {problem}", loc.line()));
    }
}

fn check_statement(expected: &StatementExpect, answer: &Answer) -> Result<(), String> {
    match (expected, answer) {
        (StatementExpect::Ok | StatementExpect::Count(_), Ok(_)) => Ok(()),
        (StatementExpect::Ok | StatementExpect::Count(_), Err(error)) => Err(error.text.clone()),
        (StatementExpect::Error(expected), answer) => check_error(expected, answer.as_ref().err()),
    }
}

fn check_error(expected: &ExpectedError, error: Option<&Refusal>) -> Result<(), String> {
    match error {
        None => Err("an error was expected".to_owned()),
        Some(error) if expected.is_match(&error.text, None) => Ok(()),
        Some(error) => Err(format!("another error was expected than: {}", error.text)),
    }
}

fn check_query(expected: &QueryExpect<Kind>, answer: Answer) -> Result<(), String> {
    let (types, sort_mode, results) = match expected {
        QueryExpect::Results { types, sort_mode, results, .. } => (types, *sort_mode, results),
        QueryExpect::Error(expected) => return check_error(expected, answer.as_ref().err()),
    };
    match answer {
        Ok(rows) => compare(&rows, types, sort_mode, results),
        // The corpus was written by a program that took a query which fails while it runs for one that has ended.
        Err(error) if results.is_empty() && error.is_overflow => Ok(()),
        Err(error) => Err(error.text),
    }
}
