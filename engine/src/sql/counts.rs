//! What a connection has changed so far, as SQLite's `changes()`, `total_changes()` and `last_insert_rowid()` tell it.

use crate::Outcome;

/// What was changed through a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// By the last statement that could change rows.
    changes: i64,
    /// By all of them.
    total: i64,
    /// The row id of the row that was inserted last.
    last_row: i64,
}

impl Counts {
    /// Counts what a statement that could change rows did; one that failed did nothing.
    pub(super) fn add(&mut self, outcome: Option<&Outcome>) {
        self.changes = outcome.map_or(0, |outcome| i64::try_from(outcome.affected).unwrap_or(i64::MAX));
        self.total = self.total.saturating_add(self.changes);
        self.last_row = outcome.and_then(|outcome| outcome.last_row).unwrap_or(self.last_row);
    }

    /// The count that a function of this name returns.
    pub(super) fn named(self, name: &str) -> Option<i64> {
        match name {
            "changes" => Some(self.changes),
            "total_changes" => Some(self.total),
            "last_insert_rowid" => Some(self.last_row),
            _ => None,
        }
    }
}
