//! The store: the published version, the permit to write, and commit.
//!
//! ```text
//!              read(f)            write(f)                     begin() .. commit()
//!                 |                  |                            |
//!        publication latch     permit, find and check     permit from the first write;
//!        (shared), or an       on the newest version,     reads and writes go to a view =
//!        Arc for long reads    then apply in place        apply(newest, write set)
//! ```
//!
//! Publishing is either *in place* (nobody else holds the version and the write set is small: the nodes themselves
//! change, under the latch) or by *copying* (the nodes on the touched paths are copied outside the latch, which is
//! then held for a pointer swap). Both do the same [`Version::apply`].

use std::sync::Arc;

use parking_lot::RwLock;

use crate::error::Error;
use crate::keys::Counters;
use crate::permit::{Permit, WriterLock};
use crate::version::{CommitId, Version};
use crate::write_set::{Catalog, WriteSet};
use crate::writer::Writer;

/// Rows and index entries up to which a commit may change nodes in place, under the latch. Beyond it the latch would
/// be held for too long.
const IN_PLACE_WEIGHT_MAX: usize = 16;

/// A database in memory. Cheap to clone; clones are the same database.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    published: RwLock<Published>,
    writer: Arc<WriterLock>,
    counters: Counters,
}

#[derive(Debug)]
struct Published {
    version: Arc<Version>,
    /// Set while nodes change in place. It is only ever seen set if applying panicked.
    torn: bool,
}

/// A held version: rows, indexes and schema that agree with each other, forever.
pub type Snapshot = Arc<Version>;

impl Store {
    /// An empty database.
    pub fn new(catalog: Catalog) -> Store {
        Store::over(Arc::new(Version::new(catalog)), Counters::default())
    }

    fn over(version: Arc<Version>, counters: Counters) -> Store {
        let published = RwLock::new(Published { version, torn: false });
        Store { inner: Arc::new(Inner { published, writer: Arc::default(), counters }) }
    }

    /// Runs a short read under the publication latch: no reference is counted, and the next commit can still change
    /// nodes in place. `f` must not wait, and must not call back into the store.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn read<T>(&self, f: impl FnOnce(&Version) -> T) -> Result<T, Error> {
        let published = self.inner.published.read();
        published.checked()?;
        Ok(f(&published.version))
    }

    /// The newest version, held. O(1). While it is held, commits copy the nodes they change.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        self.read_arc(Arc::clone)
    }

    fn read_arc<T>(&self, f: impl FnOnce(&Arc<Version>) -> T) -> Result<T, Error> {
        let published = self.inner.published.read();
        published.checked()?;
        Ok(f(&published.version))
    }

    /// A writable copy of the whole database, independent of this one. O(1): every tree is shared until one of the
    /// two changes it.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn fork(&self) -> Result<Store, Error> {
        Ok(Store::over(self.snapshot()?, self.inner.counters.copy()))
    }

    /// Runs one statement as a transaction of its own: whole, or if it fails not at all.
    ///
    /// # Errors
    /// What `f` returns; [`Error::WouldDeadlock`] if this thread has a transaction open here that has written.
    pub fn write<T, E: From<Error>>(&self, f: impl FnOnce(&mut Writer<'_>) -> Result<T, E>) -> Result<T, E> {
        let _permit = Permit::acquire(&self.inner.writer)?;
        let mut write_set = WriteSet::new();
        let (value, view) = {
            // Nobody but the holder of the permit wants the latch exclusively, so holding it shared delays no one.
            let published = self.inner.published.read();
            published.checked()?;
            let mut writer = Writer::new(&published.version, &mut write_set, &self.inner.counters);
            let value = f(&mut writer)?;
            (value, writer.into_view())
        };
        self.publish(write_set, view)?;
        Ok(value)
    }

    /// A transaction. It takes the permit to write when it first writes.
    pub fn begin(&self) -> Transaction {
        Transaction { store: self.clone(), permit: None, write_set: WriteSet::new(), view: None, visible: 0 }
    }

    /// Makes a write set part of the newest version. `view` is that version with the write set applied, if somebody
    /// made it already. The caller holds the permit.
    fn publish(&self, write_set: WriteSet, view: Option<Version>) -> Result<(), Error> {
        if write_set.is_empty() {
            return Ok(());
        }
        let mut next = match view {
            Some(view) => view,
            None => match self.publish_in_place(write_set)? {
                None => return Ok(()),
                Some(write_set) => {
                    let mut next = Version::clone(&*self.snapshot()?);
                    write_set.into_iter().for_each(|operation| next.apply(operation));
                    next
                }
            },
        };
        next.set_commit(next.commit().next());
        let next = Arc::new(next);
        let old = std::mem::replace(&mut self.inner.published.write().version, next);
        drop(old); // after the latch: freeing what only the old version held may take long
        Ok(())
    }

    /// Applies a small write set to a version nobody else holds; gives it back if that cannot be.
    fn publish_in_place(&self, write_set: WriteSet) -> Result<Option<WriteSet>, Error> {
        if write_set.weight() > IN_PLACE_WEIGHT_MAX {
            return Ok(Some(write_set));
        }
        let mut published = self.inner.published.write();
        published.checked()?;
        let Published { version, torn } = &mut *published;
        let Some(version) = Arc::get_mut(version) else { return Ok(Some(write_set)) };
        *torn = true;
        write_set.into_iter().for_each(|operation| version.apply(operation));
        version.set_commit(version.commit().next());
        *torn = false;
        Ok(None)
    }
}

impl Published {
    fn checked(&self) -> Result<(), Error> {
        if self.torn { Err(Error::Poisoned) } else { Ok(()) }
    }
}

/// A transaction: a write set, and the view that it and the newest version make.
///
/// Dropped without [`commit`](Transaction::commit) it leaves no trace.
#[derive(Debug)]
pub struct Transaction {
    store: Store,
    permit: Option<Permit>,
    write_set: WriteSet,
    /// The newest version with the first `visible` operations applied; made when something first needs it.
    view: Option<Version>,
    visible: usize,
}

/// A point in a transaction to which it can return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Savepoint(usize);

impl Transaction {
    /// Runs a read on the newest version with this transaction's writes. Before the first write it runs under the
    /// publication latch, so `f` must neither wait nor call back into the store.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn read<T>(&mut self, f: impl FnOnce(&Version) -> T) -> Result<T, Error> {
        self.refresh()?;
        match &self.view {
            Some(view) => Ok(f(view)),
            None => self.store.read(f),
        }
    }

    /// What this transaction sees, held: O(1).
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn snapshot(&mut self) -> Result<Snapshot, Error> {
        self.refresh()?;
        match &self.view {
            Some(view) => Ok(Arc::new(view.clone())),
            None => self.store.snapshot(),
        }
    }

    /// Runs one statement: whole, or if it fails not at all, and the transaction goes on.
    ///
    /// # Errors
    /// What `f` returns; [`Error::WouldDeadlock`] if this thread has another transaction open that has written.
    pub fn write<T, E: From<Error>>(
        &mut self,
        f: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.permit.is_none() {
            self.permit = Some(Permit::acquire(&self.store.inner.writer)?);
        }
        self.refresh()?;
        let counters = &self.store.inner.counters;
        let recording = Recording::new(&mut self.write_set);
        let (value, view) = match &self.view {
            Some(view) => recording.run(view, counters, f)?,
            None => {
                let published = self.store.inner.published.read();
                published.checked()?;
                recording.run(&published.version, counters, f)?
            }
        };
        if let Some(view) = view {
            self.view = Some(view);
            self.visible = self.write_set.len();
        }
        Ok(value)
    }

    /// Brings the view up to the write set, making it if there is something to show.
    fn refresh(&mut self) -> Result<(), Error> {
        if self.visible == self.write_set.len() {
            return Ok(());
        }
        if self.view.is_none() {
            self.view = Some(self.store.read(Version::clone)?);
        }
        if let Some(view) = &mut self.view {
            for operation in &self.write_set.operations()[self.visible..] {
                view.apply(operation.clone());
            }
        }
        self.visible = self.write_set.len();
        Ok(())
    }

    /// Whether it has changed anything.
    pub fn has_written(&self) -> bool {
        !self.write_set.is_empty()
    }

    /// A point to return to. O(1).
    pub fn savepoint(&self) -> Savepoint {
        Savepoint(self.write_set.len())
    }

    /// Undoes everything since the savepoint. What was handed out of a counter stays used, and the permit is kept.
    /// Costs as much as applying what is left, when that is next looked at.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        if savepoint.0 < self.write_set.len() {
            self.write_set.truncate(savepoint.0);
            if savepoint.0 < self.visible {
                self.view = None;
                self.visible = 0;
            }
        }
    }

    /// Publishes the write set as one commit and returns the number of the version that has it.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if an earlier commit panicked half way; nothing is published then.
    pub fn commit(mut self) -> Result<CommitId, Error> {
        if self.view.is_some() {
            self.refresh()?;
        }
        let write_set = std::mem::take(&mut self.write_set);
        self.store.publish(write_set, self.view.take())?;
        self.store.read(Version::commit)
    }
}

/// One statement of a transaction while it records. Unless it succeeds the write set is left as it was, also if the
/// statement panics: whoever catches that may go on with the transaction.
struct Recording<'t> {
    write_set: &'t mut WriteSet,
    /// The operations that stay, whatever becomes of the statement.
    kept: usize,
}

impl<'t> Recording<'t> {
    fn new(write_set: &'t mut WriteSet) -> Recording<'t> {
        Recording { kept: write_set.len(), write_set }
    }

    /// Runs the statement over `base`.
    fn run<T, E: From<Error>>(
        mut self,
        base: &Version,
        counters: &Counters,
        f: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<(T, Option<Version>), E> {
        let mut writer = Writer::new(base, self.write_set, counters);
        let value = f(&mut writer)?;
        let view = writer.into_view();
        self.kept = self.write_set.len();
        Ok((value, view))
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        self.write_set.truncate(self.kept);
    }
}
