//! The store: the published version, the locks, and commit.
//!
//! ```text
//!              read(f)            write(f)                          begin() .. commit()
//!                 |                  |                                  |
//!        publication latch     nobody holds a lock: attempt        statements lock as they go,
//!        (shared), or an       under the commit mutex, apply       reads and writes see a view =
//!        Arc for long reads    in place; else a transaction        apply(version, write set)
//! ```
//!
//! Publishing is either *in place* (nobody else holds the version and the write set is small: the nodes themselves
//! change, under the latch) or by *copying* (the nodes on the touched paths are copied outside the latch, which is
//! then held for a pointer swap). Both do the same [`Version::apply`].
//!
//! Order of what is taken: locks, commit mutex, publication latch. Nothing waits for a lock, does I/O or runs a
//! caller's code while it holds the mutex or the latch, but that a short statement which nobody else's lock concerns is
//! attempted under the mutex.

use std::borrow::Cow;
use std::sync::Arc;

use crate::commit::CommitId;
use crate::error::Error;
use crate::isolation::Isolation;
use crate::keys::Counters;
use crate::lock::Locks;
use crate::sync::{Mutex, MutexGuard, RwLock};
use crate::transaction::{Recording, Transaction};
use crate::version::Version;
use crate::view::View;
use crate::write_set::{Catalog, WriteSet};
use crate::writer::{Attempts, Writer};

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
    published: RwLock<Newest>,
    /// Held by who publishes.
    committing: Mutex<()>,
    locks: Locks,
    counters: Counters,
}

/// How much a statement reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// A few rows, whatever is in the tables: it may hold up others.
    Short,
    /// Anything.
    Long,
}

#[derive(Debug)]
struct Newest {
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
        let published = RwLock::new(Newest { version, torn: false });
        let (committing, locks) = (Mutex::new(()), Locks::default());
        Store { inner: Arc::new(Inner { published, committing, locks, counters }) }
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
    /// While no transaction holds a lock it needs none either: a short one is attempted under the commit mutex, a long
    /// one before it, and stands if nobody has committed meanwhile. Otherwise it is a transaction like others, and
    /// `attempt` may be called again.
    ///
    /// # Errors
    /// What `attempt` returns, and [`Error::Lock`].
    pub fn write<T, E: From<Error>>(
        &self,
        reach: Reach,
        mut attempt: impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let alone = match reach {
            Reach::Short => self.write_alone(&mut attempt),
            Reach::Long => self.write_unless_others_do(&mut attempt),
        };
        if let Some(outcome) = alone {
            return outcome;
        }
        let mut transaction = self.begin(Isolation::ReadCommitted);
        let value = transaction.write(&mut attempt)?;
        transaction.commit()?;
        Ok(value)
    }

    /// Attempts a statement under the commit mutex, if nobody holds a lock.
    fn write_alone<T, E: From<Error>>(
        &self,
        attempt: &mut impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let committing = self.inner.committing.lock();
        if self.inner.locks.lockers() > 0 {
            return None;
        }
        let mut write_set = WriteSet::new();
        let (outcome, view) = {
            // Only who holds the mutex wants the latch exclusively, so holding it shared delays no one.
            let published = self.inner.published.read();
            if let Err(error) = published.checked() {
                return Some(Err(error.into()));
            }
            let newest = &*published.version;
            Recording::new(&mut write_set).run(
                newest,
                newest,
                &self.inner.counters,
                Attempts::One,
                |writer| attempt(writer),
            )
        };
        Some(outcome.and_then(|value| {
            self.publish_under(&committing, &write_set, view)?;
            Ok(value)
        }))
    }

    /// Attempts a statement on a held version, and publishes it if that is still the newest and nobody holds a lock.
    fn write_unless_others_do<T, E: From<Error>>(
        &self,
        attempt: &mut impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let base = match self.snapshot() {
            Ok(base) => base,
            Err(error) => return Some(Err(error.into())),
        };
        let mut write_set = WriteSet::new();
        let recording = Recording::new(&mut write_set);
        let (outcome, view) =
            recording.run(&base, &base, &self.inner.counters, Attempts::Unlocked, |writer| attempt(writer));
        let on = base.commit();
        drop(base);
        let committing = self.inner.committing.lock();
        let still_newest = self.read(|newest| newest.commit() == on);
        match still_newest {
            Ok(true) if self.inner.locks.lockers() == 0 => {}
            Ok(_) => return None,
            Err(error) => return Some(Err(error.into())),
        }
        Some(outcome.and_then(|value| {
            self.publish_under(&committing, &write_set, view)?;
            Ok(value)
        }))
    }

    /// A transaction of this thread. It stays on it: the transactions of one thread wait for each other in vain, and
    /// get an error instead.
    pub fn begin(&self, isolation: Isolation) -> Transaction {
        Transaction::new(self.clone(), isolation, self.inner.locks.owner())
    }

    /// A transaction of a task, on whatever thread.
    pub fn begin_async(&self, isolation: Isolation) -> Transaction {
        Transaction::new(self.clone(), isolation, self.inner.locks.async_owner())
    }

    /// How many statements wait for a lock now.
    pub fn waiting(&self) -> usize {
        self.inner.locks.waiting()
    }

    pub(crate) fn locks(&self) -> &Locks {
        &self.inner.locks
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// Returns when every statement is published that began when nobody held a lock. Whoever has just announced that
    /// it is about to, and looks at the newest version then, sees them all; later ones see that it does.
    pub(crate) fn wait_for_unlocked_writers(&self) {
        drop(self.inner.committing.lock());
    }

    /// Makes a write set part of the newest version. `view` is a version with the write set applied, if somebody made
    /// it already. The caller holds the locks that keep others from what it touches.
    pub(crate) fn publish(&self, write_set: &WriteSet, mut view: Option<View>) -> Result<CommitId, Error> {
        if write_set.weight() > IN_PLACE_WEIGHT_MAX {
            // What is long is done before the mutex is taken, and what then is left under it.
            let newest = self.snapshot()?;
            let view = view.get_or_insert_with(|| View::of(&newest));
            view.rebase(&newest, write_set);
            view.catch_up(write_set);
        }
        let committing = self.inner.committing.lock();
        self.publish_under(&committing, write_set, view)
    }

    /// The same, if `validate` finds nothing between `seen`, which it has found nothing before, and the newest version.
    pub(crate) fn publish_if<E: From<Error>>(
        &self,
        write_set: &WriteSet,
        view: Option<View>,
        seen: Snapshot,
        validate: impl Fn(&Version, &Version) -> Result<(), E>,
    ) -> Result<CommitId, E> {
        let committing = self.inner.committing.lock();
        let newest = self.snapshot()?;
        if newest.commit() != seen.commit() {
            validate(&seen, &newest)?;
        }
        drop((newest, seen)); // so that a lone writer changes nodes in place
        Ok(self.publish_under(&committing, write_set, view)?)
    }

    fn publish_under(
        &self,
        _committing: &MutexGuard<'_, ()>,
        write_set: &WriteSet,
        view: Option<View>,
    ) -> Result<CommitId, Error> {
        if write_set.is_empty() {
            return self.read(Version::commit);
        }
        let mut next = match view {
            Some(mut view) => {
                self.read(|newest| view.rebase(newest, write_set))?;
                view.catch_up(write_set);
                view.into_version()
            }
            None => {
                if let Some(commit) = self.publish_in_place(write_set)? {
                    return Ok(commit);
                }
                let mut next = self.read(Version::clone)?;
                let operations = write_set.operations().iter();
                operations.for_each(|operation| next.apply(Cow::Borrowed(operation)));
                next
            }
        };
        let commit = next.commit().next();
        next.stamp(commit, write_set);
        let next = Arc::new(next);
        let old = std::mem::replace(&mut self.inner.published.write().version, next);
        drop(old); // after the latch: freeing what only the old version held may take long
        Ok(commit)
    }

    /// Applies a small write set to a version nobody else holds; `None` if that cannot be.
    fn publish_in_place(&self, write_set: &WriteSet) -> Result<Option<CommitId>, Error> {
        if write_set.weight() > IN_PLACE_WEIGHT_MAX {
            return Ok(None);
        }
        let mut newest = self.inner.published.write();
        newest.checked()?;
        let Newest { version, torn } = &mut *newest;
        let Some(version) = Arc::get_mut(version) else { return Ok(None) };
        *torn = true;
        let commit = version.commit().next();
        write_set.operations().iter().for_each(|operation| version.apply(Cow::Borrowed(operation)));
        version.stamp(commit, write_set);
        *torn = false;
        Ok(Some(commit))
    }
}

impl Newest {
    fn checked(&self) -> Result<(), Error> {
        if self.torn { Err(Error::Poisoned) } else { Ok(()) }
    }
}
