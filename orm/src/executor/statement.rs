//! Running a statement: every verb does it through here, so that statements are counted against a
//! [`Budget`](super::Budget), recorded for a [`Capture`](super::Capture), and warned of if they are
//! [slow](super::Warnings::slow). Each is also a `tracing` event of level DEBUG and target `nuages::statement`.
//!
//! Who asks for none of it pays for three comparisons. The words of a statement are made after it has run, and only if
//! somebody reads them.

use std::{fmt::Write, sync::Arc, time::Instant};

use nuages_engine::{
    Outcome, Session,
    algebra::{self, Query},
    catalog::Catalog,
};
use nuages_storage::Value;

use super::{
    Executor, StatementKind,
    capture::{Record, Said},
};
use crate::error::Result;

/// What the engine is asked, to be put into words.
pub(crate) enum Asked<'q> {
    /// A query and the values of its parameters.
    Query(&'q Query, &'q [Value]),
    /// A statement and the values of its parameters.
    Statement(&'q algebra::Statement, &'q [Value]),
    /// What is neither.
    Words(&'q dyn Fn(&Catalog) -> String),
    /// What nobody was to read.
    Unwatched,
}

impl Asked<'_> {
    fn said(&self, session: &dyn Session) -> (String, Vec<Value>) {
        let Ok(catalog) = session.catalog() else { return Default::default() };
        match self {
            Asked::Query(query, values) => (query.sql(&catalog), values.to_vec()),
            Asked::Statement(statement, values) => (statement.sql(&catalog), values.to_vec()),
            Asked::Words(words) => (words(&catalog), Vec::new()),
            Asked::Unwatched => Default::default(),
        }
    }
}

/// Runs a statement that begins with a table.
///
/// # Errors
/// [`Error::OverBudget`](crate::error::Error::OverBudget); what `run` returns.
#[inline]
pub(crate) fn run<T>(
    ex: &dyn Executor,
    kind: StatementKind,
    table: &'static str,
    asked: &Asked<'_>,
    run: impl FnOnce(&dyn Session) -> Result<T>,
) -> Result<T> {
    let session = ex.session()?;
    if let Some(spending) = &ex.settings().spending {
        spending.statement(table)?;
    }
    if !is_watched(ex) {
        return run(session);
    }
    let watched = Watched::begin(ex, kind, table);
    let result = run(session);
    watched.end(session, asked);
    result
}

/// Runs a statement of the engine's that begins with a table.
///
/// # Errors
/// As [`run`].
pub(crate) fn execute(
    ex: &dyn Executor,
    table: &'static str,
    statement: &algebra::Statement,
    values: &[Value],
) -> Result<Outcome> {
    let asked = Asked::Statement(statement, values);
    run(ex, kind_of(statement), table, &asked, |session| Ok(session.execute(statement, values)?))
}

/// What a statement of the engine's does.
pub(crate) const fn kind_of(statement: &algebra::Statement) -> StatementKind {
    match statement {
        algebra::Statement::Query(_) => StatementKind::Select,
        algebra::Statement::Insert(_) => StatementKind::Insert,
        algebra::Statement::Update(_) => StatementKind::Update,
        algebra::Statement::Delete(_) => StatementKind::Delete,
    }
}

/// Whether anybody wants to know what is run.
#[inline]
pub(crate) fn is_watched(ex: &dyn Executor) -> bool {
    ex.shared().watch.is_watched() || ex.settings().warnings.slow.is_some() || is_logged()
}

/// Whether each statement is an event that somebody subscribes to.
#[inline]
fn is_logged() -> bool {
    tracing::enabled!(target: "nuages::statement", tracing::Level::DEBUG)
}

/// A statement that runs while somebody watches.
struct Watched<'x> {
    ex: &'x dyn Executor,
    kind: StatementKind,
    table: &'static str,
    record: Option<Arc<Record>>,
    begun: Instant,
}

impl<'x> Watched<'x> {
    fn begin(ex: &'x dyn Executor, kind: StatementKind, table: &'static str) -> Watched<'x> {
        let record = ex.shared().watch.record(kind, table);
        Watched { ex, kind, table, record, begun: Instant::now() }
    }

    fn end(self, session: &dyn Session, asked: &Asked<'_>) {
        let Watched { ex, kind, table, record, begun } = self;
        let elapsed = begun.elapsed();
        let slow = ex.settings().warnings.slow.filter(|slow| elapsed >= *slow);
        if record.is_none() && slow.is_none() && !is_logged() {
            return;
        }
        let (sql, values) = asked.said(session);
        let said = Said { sql, values, elapsed };
        tracing::debug!(target: "nuages::statement", %kind, table, ?elapsed, "{said}");
        if let Some(slow) = slow {
            tracing::warn!(
                target: "nuages::slow",
                %kind, table, ?elapsed,
                "a statement took {elapsed:.1?}, {slow:?} or more is slow: {said}; `explain_analyze` of its queryset tells why",
            );
        }
        if let Some(record) = record {
            record.say(said);
        }
    }
}

/// The words of an insertion of which not all rows are shown.
pub(crate) fn and_more_rows(mut sql: String, more: usize) -> String {
    if more > 0 {
        let _ = write!(sql, " /* and {more} more rows */");
    }
    sql
}
