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

/// What a transaction does beside its statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// It begins.
    Begin,
    /// A place to go back to is marked, as by a block inside another.
    Savepoint,
    /// A mark is given up; what was written since stays.
    Release,
    /// What was written since a mark is undone.
    RollbackTo,
    /// It is committed.
    Commit,
    /// All of it is undone.
    Rollback,
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Control::Begin => "BEGIN",
            Control::Savepoint => "SAVEPOINT",
            Control::Release => "RELEASE",
            Control::RollbackTo => "ROLLBACK TO",
            Control::Commit => "COMMIT",
            Control::Rollback => "ROLLBACK",
        })
    }
}

/// What happened on a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A statement ran.
    Statement(Statement),
    /// A transaction began, ended, or marked a place.
    Control(Control),
}

impl Event {
    fn statement(&self) -> Option<&Statement> {
        match self {
            Event::Statement(statement) => Some(statement),
            Event::Control(_) => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Statement(statement) => statement.fmt(f),
            Event::Control(control) => control.fmt(f),
        }
    }
}

/// Who watches the statements of a database.
#[derive(Default)]
pub(crate) struct Watch {
    watchers: AtomicUsize,
    events: Mutex<Vec<Event>>,
}

impl Watch {
    pub(crate) fn begin(&self) -> Capture<'_> {
        // The count is raised under the lock, so that a capture that ends meanwhile does not clear what this one
        // begins to see.
        let from = {
            let events = self.events.lock();
            self.watchers.fetch_add(1, Ordering::Relaxed);
            events.len()
        };
        Capture { watch: self, from }
    }

    /// Records a statement if anybody watches.
    #[inline]
    pub(crate) fn record(&self, kind: StatementKind, table: &'static str) {
        if self.watchers.load(Ordering::Relaxed) > 0 {
            self.events.lock().push(Event::Statement(Statement { kind, table }));
        }
    }

    /// Records what a transaction does, if anybody watches.
    #[inline]
    pub(crate) fn control(&self, control: Control) {
        if self.watchers.load(Ordering::Relaxed) > 0 {
            self.events.lock().push(Event::Control(control));
        }
    }
}

/// The statements that ran since it was made, for as long as it lives. See [`Db::capture`](super::Db::capture).
pub struct Capture<'a> {
    watch: &'a Watch,
    from: usize,
}

impl Capture<'_> {
    /// Calls `f` with what happened.
    fn read<T>(&self, f: impl FnOnce(&[Event]) -> T) -> T {
        f(&self.watch.events.lock()[self.from..])
    }

    /// How many statements ran.
    pub fn len(&self) -> usize {
        self.read(|events| events.iter().filter_map(Event::statement).count())
    }

    /// Whether none ran.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What ran, in order.
    pub fn statements(&self) -> Vec<Statement> {
        self.read(|events| events.iter().filter_map(Event::statement).cloned().collect())
    }

    /// The kinds of what ran, in order.
    pub fn kinds(&self) -> Vec<StatementKind> {
        self.read(|events| events.iter().filter_map(Event::statement).map(|one| one.kind).collect())
    }

    /// What ran, and where transactions and the blocks in them began and ended, in order.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Tag { pub id: Auto<i64>, pub name: String }
    /// # let db = App::new().models(Tag::app()).open_memory()?;
    /// let watch = db.capture();
    /// db.atomic(|tx| tx.atomic(|inner| Tag::objects().create(new!(Tag { name: "Rust" }), inner)))?;
    /// let events: Vec<String> = watch.events().iter().map(ToString::to_string).collect();
    /// assert_eq!(events[..2], ["BEGIN", "SAVEPOINT"]);
    /// assert_eq!(events[3..], ["RELEASE", "COMMIT"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn events(&self) -> Vec<Event> {
        self.read(<[Event]>::to_vec)
    }
}

impl Drop for Capture<'_> {
    fn drop(&mut self) {
        let mut events = self.watch.events.lock();
        if self.watch.watchers.fetch_sub(1, Ordering::Relaxed) == 1 {
            events.clear();
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
