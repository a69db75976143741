//! Watching statements: how a test asserts that a page takes three queries.
//!
//! Nothing is recorded while nobody watches: a verb reads one counter and goes on.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// Reads rows.
    Select,
    /// Inserts rows.
    Insert,
    /// Changes rows.
    Update,
    /// Deletes rows.
    Delete,
}

impl fmt::Display for StatementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StatementKind::Select => "SELECT",
            StatementKind::Insert => "INSERT",
            StatementKind::Update => "UPDATE",
            StatementKind::Delete => "DELETE",
        })
    }
}

/// A statement that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it did.
    pub kind: StatementKind,
    /// The table it began with.
    pub table: &'static str,
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.table)
    }
}

/// Who watches the statements of a database.
#[derive(Default)]
pub(crate) struct Watch {
    watchers: AtomicUsize,
    statements: Mutex<Vec<Statement>>,
}

impl Watch {
    pub(crate) fn begin(&self) -> Capture<'_> {
        // The count is raised under the lock, so that a capture that ends meanwhile does not clear what this one
        // begins to see.
        let from = {
            let statements = self.statements.lock();
            self.watchers.fetch_add(1, Ordering::Relaxed);
            statements.len()
        };
        Capture { watch: self, from }
    }

    /// Records a statement if anybody watches.
    #[inline]
    pub(crate) fn record(&self, kind: StatementKind, table: &'static str) {
        if self.watchers.load(Ordering::Relaxed) > 0 {
            self.statements.lock().push(Statement { kind, table });
        }
    }
}

/// The statements that ran since it was made, for as long as it lives. See [`Db::capture`](super::Db::capture).
pub struct Capture<'a> {
    watch: &'a Watch,
    from: usize,
}

impl Capture<'_> {
    /// How many statements ran.
    pub fn len(&self) -> usize {
        self.watch.statements.lock().len() - self.from
    }

    /// Whether none ran.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What ran, in order.
    pub fn statements(&self) -> Vec<Statement> {
        self.watch.statements.lock()[self.from..].to_vec()
    }

    /// The kinds of what ran, in order.
    pub fn kinds(&self) -> Vec<StatementKind> {
        self.watch.statements.lock()[self.from..].iter().map(|statement| statement.kind).collect()
    }
}

impl Drop for Capture<'_> {
    fn drop(&mut self) {
        let mut statements = self.watch.statements.lock();
        if self.watch.watchers.fetch_sub(1, Ordering::Relaxed) == 1 {
            statements.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_only_while_watched_and_captures_nest() {
        let watch = Watch::default();
        watch.record(StatementKind::Select, "a");
        let outer = watch.begin();
        watch.record(StatementKind::Insert, "a");
        let inner = watch.begin();
        watch.record(StatementKind::Delete, "b");
        assert_eq!(inner.kinds(), [StatementKind::Delete]);
        drop(inner);
        watch.record(StatementKind::Update, "b");
        let seen: Vec<String> = outer.statements().iter().map(ToString::to_string).collect();
        assert_eq!(seen, ["INSERT a", "DELETE b", "UPDATE b"]);
        drop(outer);
        assert!(watch.begin().is_empty());
    }
}
