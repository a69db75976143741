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

use std::sync::Arc;

use nuages_storage::{CommitId, Store, Version};
use parking_lot::Mutex;

use crate::catalog::Catalog;
use crate::error::Error;
use crate::integrity::KeyCheck;
use crate::session::Session;
use crate::write::WritingStatement;

/// A database in memory. Cheap to clone; clones are the same database.
///
/// As a [`Session`] each statement is a transaction of its own.
#[derive(Clone, Debug)]
pub struct Database {
    store: Store,
}

impl Default for Database {
    fn default() -> Database {
        Database::new()
    }
}

impl Database {
    /// An empty database.
    pub fn new() -> Database {
        Database { store: Store::new(Arc::new(Catalog::new())) }
    }

    /// A whole writable copy, independent of this one. O(1): both share what neither changes.
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn fork(&self) -> Result<Database, Error> {
        Ok(Database { store: self.store.fork()? })
    }

    /// The database as it is now, to be read for as long as one likes. O(1).
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot { version: self.store.snapshot()? })
    }

    /// Begins a transaction. From its first write to its end it is the only one that writes.
    pub fn begin(&self) -> Transaction {
        let state = State { transaction: self.store.begin(), deferred: Vec::new() };
        Transaction { state: Mutex::new(state) }
    }
}

impl Session for Database {
    fn read(&self, f: &mut dyn FnMut(&Version) -> Result<(), Error>) -> Result<(), Error> {
        self.store.read(f)?
    }

    fn version(&self) -> Result<Arc<Version>, Error> {
        Ok(self.store.snapshot()?)
    }

    fn write(
        &self,
        f: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.store.write(|writer| {
            let mut writing = WritingStatement::new(writer);
            f(&mut writing)?;
            let deferred = writing.finish()?;
            if deferred.is_empty() {
                return Ok(());
            }
            // The statement is the transaction: what is deferred to its end is due now.
            writer.advance();
            verify(&deferred, writer.version())
        })
    }
}

/// The database as it was at one moment; reading it waits for nobody, and nobody waits for it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    version: Arc<Version>,
}

impl Session for Snapshot {
    fn read(&self, f: &mut dyn FnMut(&Version) -> Result<(), Error>) -> Result<(), Error> {
        f(&self.version)
    }

    fn version(&self) -> Result<Arc<Version>, Error> {
        Ok(Arc::clone(&self.version))
    }

    fn write(
        &self,
        _: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        Err(Error::ReadOnly)
    }
}

/// Several statements that happen whole or not at all.
///
/// It sees what it has written; others see it when it is [committed](Transaction::commit). Dropped without that, it
/// leaves no trace. A statement that fails has done nothing, and the transaction goes on.
#[derive(Debug)]
pub struct Transaction {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    transaction: nuages_storage::Transaction,
    /// Keys whose constraints are checked at commit.
    deferred: Vec<KeyCheck>,
}

/// A point in a transaction to which it can return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Savepoint {
    point: nuages_storage::Savepoint,
    deferred: usize,
}

impl Transaction {
    /// A point to return to. O(1).
    pub fn savepoint(&self) -> Savepoint {
        let state = self.state.lock();
        Savepoint { point: state.transaction.savepoint(), deferred: state.deferred.len() }
    }

    /// Undoes everything since the savepoint, schema changes included. Later savepoints are gone then. Keys that were
    /// generated since are not generated again.
    ///
    /// # Errors
    /// [`Error::UnknownSavepoint`] if the transaction was rolled back to an earlier one.
    pub fn rollback_to(&self, savepoint: Savepoint) -> Result<(), Error> {
        let mut state = self.state.lock();
        if savepoint.point > state.transaction.savepoint() {
            return Err(Error::UnknownSavepoint);
        }
        state.transaction.rollback_to(savepoint.point);
        state.deferred.truncate(savepoint.deferred);
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
    /// A deferred constraint that does not hold; the transaction is rolled back then.
    pub fn commit(self) -> Result<CommitId, Error> {
        let mut state = self.state.into_inner();
        state.check_deferred()?;
        Ok(state.transaction.commit()?)
    }

    /// Undoes everything.
    pub fn rollback(self) {
        drop(self);
    }
}

impl State {
    fn check_deferred(&mut self) -> Result<(), Error> {
        if self.deferred.is_empty() {
            return Ok(());
        }
        let State { transaction, deferred } = self;
        transaction.read(|version| verify(deferred, version))?
    }
}

impl Session for Transaction {
    fn read(&self, f: &mut dyn FnMut(&Version) -> Result<(), Error>) -> Result<(), Error> {
        self.state.lock().transaction.read(f)?
    }

    fn version(&self) -> Result<Arc<Version>, Error> {
        Ok(self.state.lock().transaction.snapshot()?)
    }

    fn write(
        &self,
        f: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut state = self.state.lock();
        let deferred = state.transaction.write(|writer| {
            let mut writing = WritingStatement::new(writer);
            f(&mut writing)?;
            writing.finish()
        })?;
        state.deferred.extend(deferred);
        Ok(())
    }
}

fn verify(checks: &[KeyCheck], version: &Version) -> Result<(), Error> {
    checks.iter().try_for_each(|check| check.verify(version))
}
