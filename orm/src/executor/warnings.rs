//! Warnings, as events of `tracing`: statements that are slow, and relations that are read row by row.
//!
//! ```
//! use nuages::executor::Warnings;
//! use nuages::prelude::*;
//! # #[derive(Model, Clone)] pub struct User { pub id: Auto<i64>, pub name: String }
//! let warnings = Warnings { slow: Some(std::time::Duration::from_millis(100)), row_by_row: Some(10) };
//! let db = App::new().models(User::app()).warnings(warnings).open_memory()?;
//! # Ok::<(), Error>(())
//! ```
//!
//! To read a relation for each row of a result by a query of its own is the N+1 problem. So that a warning is one of
//! it and of nothing else, the rows of a result know which result they came with: what is counted are the queries that
//! one line of code makes for one relation of the rows of one result. The warning says where that line is, how many
//! there were, and what to add to the queryset. It comes again after ten times as many.
//!
//! The targets are `nuages::slow` and `nuages::row_by_row`; the level is WARN. A
//! [`Budget`](super::Budget) makes an error of the same.

use std::{
    fmt,
    num::NonZeroU32,
    panic::Location,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use indexmap::IndexMap;
use parking_lot::Mutex;

use super::Executor;
use crate::{
    error::Result,
    meta::{FieldKind, ModelMeta},
};

/// What is worth a warning. See the [module](self).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warnings {
    /// A statement that takes so long or longer.
    pub slow: Option<Duration>,
    /// A relation or deferred field that one line of code reads for so many rows of a result, one by one.
    pub row_by_row: Option<u32>,
}

/// Lines that are watched at once, at most; the oldest are forgotten.
const LINES_MAX: usize = 1024;

/// A result of more than one row; its rows share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResultId(NonZeroU32);

/// A line of the program.
pub(crate) type Place = &'static Location<'static>;

/// A relation or field that is about to be read for a single row.
#[derive(Clone, Copy)]
pub(crate) struct SingleRead {
    pub(crate) model: &'static ModelMeta,
    pub(crate) field: u16,
    /// The result that the row came with, if it is known.
    pub(crate) result: Option<ResultId>,
    /// The line that reads.
    pub(crate) place: Place,
}

/// Counts what is read row by row.
#[derive(Debug, Default)]
pub(crate) struct RowByRow {
    results: AtomicU32,
    /// How often a line has read a field of the rows of a result; the newest last.
    lines: Mutex<IndexMap<(ResultId, usize, u16, Place), u32>>,
}

impl RowByRow {
    /// The name of a result of so many rows.
    pub(crate) fn result(&self, rows: usize) -> Option<ResultId> {
        let number = (rows > 1).then(|| self.results.fetch_add(1, Ordering::Relaxed))?;
        // After four thousand million results, names come again.
        NonZeroU32::new(number.wrapping_add(1)).map(ResultId)
    }

    /// How often the line has now read the field for rows of this result.
    fn count(&self, read: SingleRead) -> u32 {
        let Some(result) = read.result else { return 0 };
        let mut lines = self.lines.lock();
        let line = (result, std::ptr::from_ref(read.model).addr(), read.field, read.place);
        if lines.len() >= LINES_MAX && !lines.contains_key(&line) {
            lines.drain(..LINES_MAX / 2);
        }
        let count = lines.entry(line).or_default();
        *count = count.saturating_add(1);
        *count
    }
}

/// Says that something is about to be read for a single row.
///
/// # Errors
/// [`Error::FollowedTooOften`](crate::error::Error::FollowedTooOften).
pub(crate) fn read_single(ex: &dyn Executor, read: SingleRead) -> Result<()> {
    let settings = ex.settings();
    if let Some(spending) = &settings.spending {
        spending.follow(read.model, read.field)?;
    }
    if let (Some(after), Some(row_by_row)) = (settings.warnings.row_by_row, &settings.row_by_row) {
        let times = row_by_row.count(read);
        if is_told(times, after) {
            let SingleRead { model, field, place, .. } = read;
            let relation = model.field(field).map_or("", |field| field.name);
            let (file, line) = (place.file(), place.line());
            tracing::warn!(
                target: "nuages::row_by_row",
                model = model.name, relation, times, file, line,
                "{}", Told { model, field, times, place },
            );
        }
    }
    Ok(())
}

/// Whether so many are the least that is told, or ten times that, and so on.
const fn is_told(times: u32, after: u32) -> bool {
    let mut told = if after == 0 { 1 } else { after };
    while told < times {
        match told.checked_mul(10) {
            Some(next) => told = next,
            None => return false,
        }
    }
    told == times
}

/// The warning in words.
struct Told {
    model: &'static ModelMeta,
    field: u16,
    times: u32,
    place: Place,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { model, field, times, place } = self;
        let Some(field) = model.field(*field) else { return Ok(()) };
        let (model, name) = (model.name, field.name);
        write!(f, "{model}.{name} was read for {times} rows one by one at {place}: ")?;
        match field.kind {
            FieldKind::ForeignKey { .. } | FieldKind::Reverse { one: true, .. } => {
                write!(f, "add .select_related({model}::{name}) to the queryset they came from")
            }
            FieldKind::Reverse { one: false, .. } | FieldKind::ManyToMany { .. } | FieldKind::Generic => {
                write!(f, "add .prefetch_related({model}::{name}) to the queryset they came from")
            }
            FieldKind::Column(_) => write!(f, "the queryset they came from should not defer it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_again_after_ten_times_as_many() {
        let told: Vec<u32> = (0..=1_000).filter(|times| is_told(*times, 5)).collect();
        assert_eq!(told, [5, 50, 500]);
        assert!(is_told(1, 0) && !is_told(0, 0) && !is_told(u32::MAX, 7));
    }
}
