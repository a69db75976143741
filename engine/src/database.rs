//! Databases, transactions and snapshots.
//!
//! ```
//! use nuages_engine::catalog::{NewColumn, NewTable};
//! use nuages_engine::{Database, Session};
//! use nuages_storage::DataType;
//!
//! let db = Database::new();
//! db.create_table(NewTable::new("song").column(NewColumn::new("title", DataType::Text { max_length: None })))?;
//! let rehearsal = db.fork()?;
//! rehearsal.drop_table("song")?;
//! assert!(db.catalog()?.table_named("song").is_ok());
//! # Ok::<(), nuages_engine::Error>(())
//! ```
//!
//! Order of reading: this file, and `files` (databases in files).

mod files;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use jiff::Timestamp;
use nuages_storage::lock::Ticket;
use nuages_storage::{
    CommitId, Committing, Holder, Isolation, Reach, RowId, Statement, Step, Store, TableId, Value, Version,
    Who, Writer,
};
use parking_lot::Mutex;

use crate::algebra::Query;
use crate::catalog::{Catalog, NewIndex};
use crate::error::Error;
use crate::integrity::{KeyCheck, unique};
use crate::limits::{Interrupt, Limits};
use crate::race::{self, Hypothesis};
use crate::reads::Reads;
use crate::session::Session;
use crate::snapshot::{Feed, Snapshot};
use crate::write::WritingStatement;

/// A database, in memory or in files. Cheap to clone; clones are the same database.
///
/// As a [`Session`] each statement is a transaction of its own.
#[derive(Clone, Debug)]
pub struct Database {
    store: Store,
    /// Of its statements, and of the transactions and snapshots that begin here.
    limits: Limits,
}

impl Default for Database {
    fn default() -> Database {
        Database::new()
    }
}

impl Database {
    /// An empty database in memory.
    pub fn new() -> Database {
        Database::over(Store::new(Arc::new(Catalog::new())))
    }

    fn over(store: Store) -> Database {
        Database { store, limits: Limits::default() }
    }

    /// The same database, with limits for the statements that run on it, and on the transactions, snapshots and forks
    /// that are made of it.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Database {
        Database { store: self.store.clone(), limits }
    }

    /// The limits of its statements.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A whole writable copy in memory, independent of this one. O(1): both share what neither changes.
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn fork(&self) -> Result<Database, Error> {
        Ok(Database { store: self.store.fork()?, limits: self.limits.clone() })
    }

    /// What an index that does not exist would do for a query: it is built on a fork, the query is planned and run there
    /// `runs` times without and with it, and the fork is thrown away. Nobody else notices.
    ///
    /// # Errors
    /// What an index can be refused for, as in [`Session::add_index`]; what the query can be refused for.
    pub fn what_if(
        &self,
        query: &Query,
        parameters: &[Value],
        table: &str,
        index: NewIndex,
        runs: usize,
    ) -> Result<Hypothesis, Error> {
        race::what_if(self, query, parameters, (table, index), runs)
    }

    /// The database as it is now, to be read for as long as one likes. O(1).
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(self.held(self.store.snapshot()?))
    }

    /// Keeps every version for so long after another has followed it, from now on, to be [looked at](Database::at);
    /// `None` lets them go. While versions are kept, commits copy what they change.
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn retain(&self, retention: Option<Duration>) -> Result<(), Error> {
        Ok(self.store.retain(retention)?)
    }

    /// The database as a commit left it, if that version is [kept](Database::retain) or the newest.
    ///
    /// # Errors
    /// The storage's `NotRetained`.
    pub fn at(&self, commit: CommitId) -> Result<Snapshot, Error> {
        Ok(self.held(self.store.at(commit)?))
    }

    fn held(&self, version: Arc<Version>) -> Snapshot {
        Snapshot::of(self.store.hold(version, Who::Snapshot)).with_limits(self.limits.clone())
    }

    /// The commits from now on, in their order; `capacity` of them are kept for a reader that is slow.
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn subscribe(&self, capacity: usize) -> Result<Feed, Error> {
        Ok(Feed::new(self.store.subscribe(capacity)?))
    }

    /// Who holds versions now (snapshots, transactions, statements that run, feeds, checkpoints, forks, and the database itself
    /// if it [keeps](Database::retain) them), those of the oldest first, and how many bytes each version keeps that nothing else
    /// does: where to look when memory grows. O(what nothing else keeps).
    ///
    /// ```
    /// use nuages_engine::{Database, sql::Connection};
    /// use nuages_storage::Who;
    ///
    /// let mut connection = Connection::new(Database::new());
    /// connection.execute("CREATE TABLE song (title TEXT)", &[])?;
    /// connection.execute("INSERT INTO song VALUES ('Nuages')", &[])?;
    /// let snapshot = connection.database().snapshot()?;
    /// connection.execute("DELETE FROM song", &[])?;
    /// let [holder] = &connection.database().holders()?[..] else { panic!("there is one") };
    /// assert_eq!((holder.who, holder.commit), (Who::Snapshot, snapshot.commit()));
    /// assert!(holder.bytes > 0, "the row");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn holders(&self) -> Result<Vec<Holder>, Error> {
        Ok(self.store.holders()?)
    }

    /// How many statements wait for a lock now.
    pub fn waiting(&self) -> usize {
        self.store.waiting()
    }

    /// Begins a transaction of the default isolation, [`Isolation::ReadCommitted`].
    pub fn begin(&self) -> Transaction {
        self.begin_with(Isolation::default())
    }

    /// Begins a transaction.
    pub fn begin_with(&self, isolation: Isolation) -> Transaction {
        self.transaction(self.store.begin(isolation), isolation, Waits::Here)
    }

    /// Begins a transaction of a task, which waits for locks by awaiting: see [`mod@crate::asynchronous`].
    pub fn begin_async(&self, isolation: Isolation) -> Transaction {
        self.transaction(self.store.begin_async(isolation), isolation, Waits::Elsewhere(Mutex::new(None)))
    }

    fn transaction(
        &self,
        transaction: nuages_storage::Transaction,
        isolation: Isolation,
        waits: Waits,
    ) -> Transaction {
        let limits = self.limits.clone();
        let state = State { transaction, limits, now: None, deferred: Vec::new(), points: Vec::new() };
        let reads = (isolation == Isolation::Serializable).then(Reads::default);
        Transaction { state: Mutex::new(state), reads, waits }
    }
}

impl Session for Database {
    fn read_unnoted(&self, f: &mut dyn FnMut(&Version) -> Result<(), Error>) -> Result<(), Error> {
        self.store.read(f)?
    }

    fn version_unnoted(&self) -> Result<Arc<Version>, Error> {
        Ok(self.store.snapshot()?)
    }

    fn interrupt(&self) -> Interrupt {
        Interrupt::new(self.limits.clone())
    }

    fn autocommits_in(&self) -> Option<&Store> {
        Some(&self.store)
    }

    fn write(
        &self,
        reach: Reach<'_>,
        interrupt: &Interrupt,
        f: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        interrupt.check(true)?;
        let wait = |ticket| interrupt.wait(ticket);
        self.store.write_waiting(reach, wait, |writer| {
            let mut writing = WritingStatement::new(writer, interrupt);
            f(&mut writing)?;
            writing.finish(true).map(drop)
        })
    }
}

/// Several statements that happen whole or not at all.
///
/// It sees what it has written; others see it when it is [committed](Transaction::commit). Dropped without that, it
/// leaves no trace. A statement that fails has done nothing, and the transaction goes on.
#[derive(Debug)]
pub struct Transaction {
    state: Mutex<State>,
    /// What it has read, if it is serializable.
    reads: Option<Reads>,
    waits: Waits,
}

/// What a statement does that has to wait, where nothing is awaited.
#[derive(Debug)]
enum Waits {
    /// It blocks its thread.
    Here,
    /// It fails, and leaves what it waits for.
    Elsewhere(Mutex<Option<Ticket>>),
}

#[derive(Debug)]
struct State {
    transaction: nuages_storage::Transaction,
    limits: Limits,
    /// What time it is for all its statements, if they go by one.
    now: Option<Timestamp>,
    /// Keys whose constraints are checked at commit.
    deferred: Vec<KeyCheck>,
    /// The savepoints that can be returned to, in order.
    points: Vec<Point>,
}

/// A point in a transaction to which it can return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Savepoint(u64);

impl Savepoint {
    /// One that no other transaction of the process has.
    fn fresh() -> Savepoint {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Savepoint(NEXT.fetch_add(1, Relaxed))
    }
}

/// Where a savepoint returns to.
#[derive(Clone, Copy, Debug)]
struct Point {
    savepoint: Savepoint,
    written: nuages_storage::Savepoint,
    deferred: usize,
}

impl Transaction {
    /// Lets it be the same time for all its statements from here on, as PostgreSQL has it.
    pub(crate) fn stop_clock(&self) {
        self.state.lock().now = Some(Timestamp::now());
    }

    /// A point to return to. O(1).
    pub fn savepoint(&self) -> Savepoint {
        let mut state = self.state.lock();
        let savepoint = Savepoint::fresh();
        let (written, deferred) = (state.transaction.savepoint(), state.deferred.len());
        state.points.push(Point { savepoint, written, deferred });
        savepoint
    }

    /// Undoes everything since the savepoint, schema changes included. It can be returned to again; later savepoints
    /// are gone. Keys that were generated since are not generated again.
    ///
    /// # Errors
    /// [`Error::UnknownSavepoint`] if it was released, an earlier one was rolled back to, or it is of another
    /// transaction.
    pub fn rollback_to(&self, savepoint: Savepoint) -> Result<(), Error> {
        let mut state = self.state.lock();
        let at = state.place_of(savepoint)?;
        let point = state.points[at];
        state.points.truncate(at + 1);
        state.transaction.rollback_to(point.written);
        state.deferred.truncate(point.deferred);
        Ok(())
    }

    /// Forgets a savepoint and those after it. What was written stays.
    ///
    /// # Errors
    /// [`Error::UnknownSavepoint`] as for [`rollback_to`](Transaction::rollback_to).
    pub fn release(&self, savepoint: Savepoint) -> Result<(), Error> {
        let mut state = self.state.lock();
        let at = state.place_of(savepoint)?;
        state.points.truncate(at);
        Ok(())
    }

    /// Checks the deferred constraints now. Those that hold are not forgotten: a later statement may break them.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check_deferred(&self) -> Result<(), Error> {
        self.state.lock().check_deferred()
    }

    /// Makes what was written visible to everybody.
    ///
    /// # Errors
    /// A deferred constraint that does not hold; [`Error::SerializationFailure`] if the transaction is serializable, has
    /// written, and would now read something else than it did. It is rolled back then.
    pub fn commit(mut self) -> Result<CommitId, Error> {
        let Transaction { state, reads, .. } = &mut self;
        let state = state.get_mut();
        state.check_deferred()?;
        state.transaction.commit_if(|before, after| unchanged(reads.as_ref(), before, after))
    }

    /// As [`commit`](Transaction::commit), awaiting the disk where the commit is to be durable: another thread syncs, and
    /// wakes the task when it is published. A future that is dropped before commits all the same, if it was polled.
    ///
    /// # Errors
    /// As `commit`.
    pub async fn commit_async(self) -> Result<CommitId, Error> {
        Ok(self.commit_later()?.await?)
    }

    /// As [`commit`](Transaction::commit), but for the disk: what is returned is ready when the commit is durable and
    /// published, which it will be also if that is dropped.
    ///
    /// # Errors
    /// As `commit`; what is wrong with the files comes later.
    pub fn commit_later(self) -> Result<Committing, Error> {
        let Transaction { state, reads, .. } = self;
        let mut state = state.into_inner();
        state.check_deferred()?;
        state.transaction.commit_later_if(|before, after| unchanged(reads.as_ref(), before, after))
    }

    /// What it sees of the others.
    pub fn isolation(&self) -> Isolation {
        self.state.lock().transaction.isolation()
    }

    /// Takes a statement as far as it comes without waiting.
    pub(crate) fn step(
        &self,
        statement: &mut Statement,
        interrupt: &Interrupt,
        f: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<Step<()>, Error> {
        let mut state = self.state.lock();
        let is_serializable = self.reads.is_some();
        let step = state.transaction.step(statement, &mut |writer: &mut Writer<'_>| {
            let mut writing = WritingStatement::new(writer, interrupt);
            let written = f(&mut writing).and_then(|()| writing.finish(false));
            written.map_err(|error| match error {
                error if is_serializable && writer.is_behind() => unique::unless_unseen(error, writer.base()),
                error => error,
            })
        })?;
        Ok(match step {
            Step::Wait(ticket) => Step::Wait(ticket),
            Step::Done(deferred) => {
                state.deferred.extend(deferred);
                Step::Done(())
            }
        })
    }

    /// The limits of its statements: those of the database it was begun on, unless it was given others.
    pub fn limits(&self) -> Limits {
        self.state.lock().limits.clone()
    }

    /// Gives its statements to come other limits. To commit and to roll back have none.
    pub fn set_limits(&self, limits: Limits) {
        self.state.lock().limits = limits;
    }

    /// How long its statements wait for a lock at most; see [`Limits::lock_timeout`].
    pub fn set_lock_timeout(&self, timeout: Option<Duration>) {
        self.state.lock().limits.lock_timeout = timeout;
    }

    /// How long its statements may take; see [`Limits::statement_timeout`].
    pub fn set_statement_timeout(&self, timeout: Option<Duration>) {
        self.state.lock().limits.statement_timeout = timeout;
    }

    /// Undoes everything.
    pub fn rollback(self) {
        drop(self);
    }
}

impl State {
    fn place_of(&self, savepoint: Savepoint) -> Result<usize, Error> {
        self.points.iter().rposition(|point| point.savepoint == savepoint).ok_or(Error::UnknownSavepoint)
    }

    fn check_deferred(&mut self) -> Result<(), Error> {
        if self.deferred.is_empty() {
            return Ok(());
        }
        let State { transaction, deferred, .. } = self;
        transaction.write(|writer| verify(deferred, writer.version()))
    }
}

impl Session for Transaction {
    fn reads(&self) -> Option<&Reads> {
        self.reads.as_ref()
    }

    fn take_waiting(&self) -> Option<Ticket> {
        match &self.waits {
            Waits::Here => None,
            Waits::Elsewhere(waiting) => waiting.lock().take(),
        }
    }

    fn read_unnoted(&self, f: &mut dyn FnMut(&Version) -> Result<(), Error>) -> Result<(), Error> {
        self.state.lock().transaction.read(f)?
    }

    fn read_row_unnoted(
        &self,
        table: TableId,
        row: RowId,
        f: &mut dyn FnMut(&Version) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.state.lock().transaction.read_row(table, row, f)?
    }

    fn version_unnoted(&self) -> Result<Arc<Version>, Error> {
        Ok(self.state.lock().transaction.snapshot()?)
    }

    fn catalog(&self) -> Result<Arc<Catalog>, Error> {
        Ok(Catalog::held(&self.state.lock().transaction.catalog()?))
    }

    fn interrupt(&self) -> Interrupt {
        let state = self.state.lock();
        Interrupt::new(state.limits.clone()).at_time(state.now)
    }

    fn write(
        &self,
        _: Reach<'_>,
        interrupt: &Interrupt,
        f: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        interrupt.check(true)?;
        let mut statement = Statement::new();
        loop {
            match self.step(&mut statement, interrupt, f)? {
                Step::Done(()) => return Ok(()),
                Step::Wait(ticket) => match &self.waits {
                    Waits::Here => interrupt.wait(ticket)?,
                    Waits::Elsewhere(waiting) => {
                        *waiting.lock() = Some(ticket);
                        return Err(Error::WouldBlock);
                    }
                },
            }
        }
    }
}

/// That what was read in one version is so in another.
fn unchanged(reads: Option<&Reads>, before: &Version, after: &Version) -> Result<(), Error> {
    match reads.and_then(|reads| reads.conflict(before, after)) {
        None => Ok(()),
        Some(conflict) => Err(conflict.into_error(before)),
    }
}

fn verify(checks: &[KeyCheck], version: &Version) -> Result<(), Error> {
    checks.iter().try_for_each(|check| check.verify(version))
}
