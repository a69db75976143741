//! Watching statements: how a test asserts that a page takes three queries, and which they are.
//!
//! ```
//! use nuages::prelude::*;
//! # #[derive(Model, Clone, Debug)] #[model(app = "blog")] pub struct Tag { pub id: Auto<i64>, pub name: String }
//! # let db = App::new().models(Tag::app()).open_memory()?;
//! let queries = db.queries();
//! Tag::objects().create(new!(Tag { name: "Rust" }), &db)?;
//! Tag::objects().filter(Tag::name.eq("Rust")).values_list(Tag::id).all(&db)?;
//! let sql: Vec<String> = queries.statements().iter().map(|statement| statement.sql()).collect();
//! assert!(sql[0].starts_with("INSERT INTO blog_tag (id, name) VALUES"), "{}", sql[0]);
//! assert!(sql[1].starts_with("SELECT blog_tag.id FROM blog_tag WHERE blog_tag.name = "), "{}", sql[1]);
//! assert!(sql[1].ends_with("/* $1 = 'Rust' */"), "{}", sql[1]);
//!
//! let tags = db.assert_num_queries(1, || Tag::objects().all(&db))?;
//! assert_eq!(tags.len(), 1);
//! # Ok::<(), Error>(())
//! ```
//!
//! Nothing is recorded while nobody watches: a verb reads one counter and goes on.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nuages_engine::sql::literal;
use nuages_storage::Value;
use parking_lot::Mutex;

use super::Db;

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

/// A statement that ran, or runs now.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it did.
    pub kind: StatementKind,
    /// The table it began with.
    pub table: &'static str,
    record: Arc<Record>,
}

/// What is told of a statement when it has ended.
#[derive(Debug, Default)]
pub(crate) struct Record(OnceLock<Said>);

impl Record {
    pub(super) fn say(&self, said: Said) {
        let _ = self.0.set(said);
    }
}

/// What a statement was in words, and how long it took.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
    pub(super) elapsed: Duration,
}

/// The words, and the values of its parameters behind them.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql)?;
        if self.values.is_empty() {
            return Ok(());
        }
        let values = (1..).zip(&self.values).map(|(number, value)| format!("${number} = {}", literal(value)));
        write!(f, " /* {} */", values.collect::<Vec<_>>().join(", "))
    }
}

impl Statement {
    /// What it was as SQL, for people: what PostgreSQL would be asked, with the values of parameters behind it. Nothing
    /// is rendered as SQL to be run. Empty while it runs.
    pub fn sql(&self) -> String {
        self.record.0.get().map(ToString::to_string).unwrap_or_default()
    }

    /// How long it took; nothing while it runs.
    pub fn elapsed(&self) -> Duration {
        self.record.0.get().map_or(Duration::ZERO, |said| said.elapsed)
    }
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
#[derive(Clone, Debug)]
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

    /// Whether anybody watches.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }

    /// Records a statement that begins, if anybody watches.
    pub(crate) fn record(&self, kind: StatementKind, table: &'static str) -> Option<Arc<Record>> {
        let record = self.is_watched().then(Arc::<Record>::default)?;
        self.events.lock().push(Event::Statement(Statement { kind, table, record: record.clone() }));
        Some(record)
    }

    /// Records what a transaction does, if anybody watches.
    #[inline]
    pub(crate) fn control(&self, control: Control) {
        if self.is_watched() {
            self.events.lock().push(Event::Control(control));
        }
    }
}

/// The statements that ran since it was made, for as long as it lives. See [`Db::queries`](super::Db::queries).
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

    /// The statements, numbered, a line each.
    fn listed(&self) -> String {
        let statements = self.statements();
        let lines = (1..).zip(&statements).map(|(number, one)| match one.sql() {
            sql if sql.is_empty() => format!("{number}. {one}"),
            sql => format!("{number}. {sql}"),
        });
        lines.collect::<Vec<_>>().join("\n")
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

impl Db {
    /// Watches the statements that run on this database, and on its clones and transactions, until it is dropped. See
    /// the [module](self).
    pub fn queries(&self) -> Capture<'_> {
        self.shared.watch.begin()
    }

    /// What [`queries`](Db::queries) was called before.
    #[doc(hidden)]
    pub fn capture(&self) -> Capture<'_> {
        self.queries()
    }

    /// Runs `body` and asserts how many statements that takes; for tests. Django's `assertNumQueries`.
    ///
    /// # Panics
    /// If it takes another number; the message lists them.
    #[track_caller]
    pub fn assert_num_queries<T>(&self, expected: usize, body: impl FnOnce() -> T) -> T {
        let queries = self.queries();
        let result = body();
        let found = queries.len();
        assert!(
            found == expected,
            "{found} queries executed, {expected} expected\nCaptured queries were:\n{}",
            queries.listed()
        );
        result
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
