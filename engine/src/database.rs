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
//! Order of reading: this file, `transaction`, and `files` (databases in files).

mod files;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use nuages_storage::{CommitId, Holder, Isolation, Reach, Store, Value, Version, Who};
use parking_lot::Mutex;

#[doc(hidden)]
pub use self::transaction::InTransaction;
use self::transaction::Waits;
pub use self::transaction::{Savepoint, Transaction};
use crate::algebra::Query;
use crate::catalog::{Catalog, NewIndex};
use crate::draws::{CurrentNumbers, Draws};
use crate::error::Error;
use crate::limits::{Interrupt, Limits};
use crate::race::{self, Hypothesis};
use crate::session::{AsSession, Session};
use crate::snapshot::{Feed, Snapshot};
use crate::write::WritingStatement;
use crate::write::at_once::Autocommit;

/// A database, in memory or in files. Cheap to clone; clones are the same database.
///
/// As a [`Session`] each statement is a transaction of its own.
#[derive(Clone, Debug)]
pub struct Database {
    store: Store,
    /// Of its statements, and of the transactions and snapshots that begin here.
    limits: Limits,
    /// What they have drawn of sequences, if somebody asks for that.
    current: Option<Arc<CurrentNumbers>>,
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
        Database { store, limits: Limits::default(), current: None }
    }

    /// The same database, with limits for the statements that run on it, and on the transactions, snapshots and forks
    /// that are made of it.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Database {
        Database { store: self.store.clone(), limits, current: self.current.clone() }
    }

    /// The limits of its statements.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The same database for a session that asks what it has drawn of sequences.
    pub(crate) fn with_current_numbers(self) -> Database {
        Database { current: Some(Arc::default()), ..self }
    }

    /// What its statements have drawn of sequences, if that is asked for.
    pub(crate) fn current_numbers(&self) -> Option<&CurrentNumbers> {
        self.current.as_deref()
    }

    /// Makes durable what was drawn of sequences by statements that write nothing.
    ///
    /// # Errors
    /// What writing to the files fails with.
    pub(crate) fn reserve_drawn(&self) -> Result<(), Error> {
        match &self.current {
            Some(current) if current.take_unreserved() => Ok(self.store.reserve_keys()?),
            _ => Ok(()),
        }
    }

    /// Of a transaction what its session draws, and where.
    fn drawing(&self) -> Option<(Store, Arc<CurrentNumbers>)> {
        self.current.as_ref().map(|current| (self.store.clone(), Arc::clone(current)))
    }

    /// A whole writable copy in memory, independent of this one, but without temporary tables. O(1): both share what
    /// neither changes.
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn fork(&self) -> Result<Database, Error> {
        let fork = self.fork_with_temporary_tables()?;
        let temporary: Vec<_> = fork.catalog()?.every_temporary_table().map(|table| table.id).collect();
        if !temporary.is_empty() {
            let interrupt = fork.interrupt();
            fork.write(Reach::Long, &interrupt, &mut |writing| {
                writing.drop_temporary_tables(temporary.clone())
            })?;
        }
        Ok(fork)
    }

    /// The same, with the temporary tables of all sessions: to try out what one of them asks.
    pub(crate) fn fork_with_temporary_tables(&self) -> Result<Database, Error> {
        Ok(Database { limits: self.limits.clone(), ..Database::over(self.store.fork()?) })
    }

    /// What an index that does not exist would do for a query: it is built on a fork, the query is planned and run
    /// there `runs` times without and with it, and the fork is thrown away. Nobody else notices.
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

    /// Who holds versions now (snapshots, transactions, statements that run, feeds, checkpoints, forks, and the
    /// database itself if it [keeps](Database::retain) them), those of the oldest first, and how many bytes each
    /// version keeps that nothing else does: where to look when memory grows. O(what nothing else keeps).
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

    /// Begins a transaction of the default isolation, [`Isolation::ReadCommitted`]; see
    /// [`begin_with`](Database::begin_with).
    pub fn begin(&self) -> Transaction {
        self.begin_with(Isolation::default())
    }

    /// Begins a transaction. It is of one thread, that which was the last to write in it or to lock a row: the
    /// transactions of a thread wait for each other in vain and get an error instead. Handed to another thread it
    /// counts as the old one's until it is used there so; who waits for it on the new one before does it in vain, until
    /// a time limit. One of a task, which goes from thread to thread, is [`begin_async`](Database::begin_async)'s.
    #[inline]
    pub fn begin_with(&self, isolation: Isolation) -> Transaction {
        Transaction::over(self.store.begin(isolation), self.limits.clone(), Waits::Here, self.drawing())
    }

    /// Begins a transaction of a task, which waits for locks by awaiting: see [`mod@crate::asynchronous`].
    pub fn begin_async(&self, isolation: Isolation) -> Transaction {
        let waits = Waits::Elsewhere(Mutex::new(None));
        Transaction::over(self.store.begin_async(isolation), self.limits.clone(), waits, self.drawing())
    }
}

impl AsSession for Database {
    type Session = Database;

    fn as_session(&self) -> &Database {
        self
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
        Interrupt::new(&self.limits)
    }

    fn draws(&self) -> Option<Draws<'_>> {
        let (numbers, current) = (self.store.numbers(), self.current.as_deref());
        Some(Draws { numbers, current, only_reads: false })
    }

    fn autocommits_in(&self) -> Option<Autocommit<'_>> {
        Some(Autocommit { store: &self.store, test: None })
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
