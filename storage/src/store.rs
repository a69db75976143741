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
//! Where a statement is a single operation and nobody holds a lock, it is [attempted and applied](Store::write_at_once)
//! with nothing in between.
//!
//! A store in memory, and a [`Buffered`](Durability::Buffered) one in files, publishes at once. A
//! [`Full`](Durability::Full) one keeps what is committed to itself until it is durable: commits are applied, by
//! copying, to a *tip* that nobody else sees, and what is published follows it, in the order of the commits, as the log
//! is synced. The locks of a commit are held until then, so nobody can build on what might not last; only the tip does,
//! and goes with it if the disk fails.
//!
//! Order of reading: this file (reads and transactions), `write` (statements on their own), `turn` (the commit mutex), `publish` (commit), `durable`
//! (the files beside it), and the threads of a store in files: `keeper` (checkpoints) and `syncer` (commits of tasks).
//!
//! Order of what is taken: locks, commit mutex, publication latch. Nothing waits for a lock, does I/O or runs a
//! caller's code while it holds the mutex or the latch, but for this: a statement of which the caller proves that it is
//! [short](Reach) is attempted under the mutex, if nobody holds a lock. What is long is computed, applied and freed
//! outside of both.

mod durable;
mod keeper;
mod publish;
mod syncer;
#[cfg(test)]
mod tests;
mod turn;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::commit::CommitId;
use crate::error::Error;
use crate::history::{Feed, History};
use crate::holders::{Forked, Hold, Holder, Holders, Who};
use crate::isolation::Isolation;
use crate::keys::Counters;
use crate::latch::Latch;
use crate::lock::{Locks, Owner};
use crate::sequence::Numbers;
use crate::transaction::Transaction;
use crate::version::Version;
use crate::view::View;
use crate::write_set::{Catalog, WriteSet};

use durable::Durable;
pub use durable::{Checkpointed, Compacted, Durability, Options};
use keeper::Keeper;
pub(crate) use publish::Begun;
pub use syncer::Committing;
use turn::Turns;
pub use write::{AtOnce, Reach};

/// A database. Cheap to clone; clones are the same database.
#[derive(Clone, Debug)]
pub struct Store {
    /// Closes the files when the last of the clones goes.
    #[expect(dead_code, reason = "it is held for what it does when it is dropped")]
    keeper: Option<Arc<Keeper>>,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    published: Latch<Newest>,
    /// The number of the newest commit. It is set before the commit mutex is let go, and before the commit's locks are.
    newest: AtomicU64,
    /// Held by who publishes.
    committing: Turns,
    locks: Locks,
    counters: Counters,
    /// Its files, if it has some.
    durable: Option<Durable>,
    history: History,
    holders: Holders,
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
    /// An empty database in memory.
    pub fn new(catalog: Catalog) -> Store {
        let version = Arc::new(Version::new(catalog));
        Store::of(Inner::new(version, Counters::default(), None, Holders::default()))
    }

    fn of(inner: Inner) -> Store {
        Store { keeper: None, inner: Arc::new(inner) }
    }

    /// Runs a short read under the publication latch: no reference is counted, and the next commit can still change
    /// nodes in place. `f` must not wait, and must not call back into the store.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn read<T>(&self, f: impl FnOnce(&Version) -> T) -> Result<T, Error> {
        self.inner.read(f)
    }

    /// The newest version, held. O(1). While it is held, commits copy the nodes they change.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        self.inner.snapshot()
    }

    /// A writable copy of the whole database in memory, independent of this one. O(1): every tree is shared until one
    /// of the two changes it.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn fork(&self) -> Result<Store, Error> {
        let version = self.snapshot()?;
        let holders = self.inner.holders.of_fork(version.commit());
        let fork = Store::of(Inner::new(version, self.inner.counters.copy(), None, holders));
        fork.inner.holders.make_known(&fork.inner);
        Ok(fork)
    }

    /// A transaction of one thread: that on which it last asked for a lock. The transactions of one thread wait for each
    /// other in vain, and get an error instead. One that was handed to another thread and has asked for none there
    /// counts as being on its old one still: that may get the error for no reason, and the new one may wait for itself
    /// until a time limit ends it. See [`Locks::owner`](crate::lock::Locks::owner).
    #[inline]
    pub fn begin(&self, isolation: Isolation) -> Transaction {
        Transaction::new(self.clone(), isolation, self.inner.locks.owner())
    }

    /// A transaction of a task, on whatever thread.
    pub fn begin_async(&self, isolation: Isolation) -> Transaction {
        Transaction::new(self.clone(), isolation, self.inner.locks.async_owner())
    }

    /// Keeps every version for so long after another has followed it, from the newest on; `None` lets all go. While
    /// versions are kept, commits copy the nodes they change.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn retain(&self, retention: Option<Duration>) -> Result<(), Error> {
        let committing = self.inner.committing.lock();
        let outdated = self.inner.history.retain(retention, self.snapshot()?);
        drop(committing);
        drop(outdated); // freeing what only they held may take long
        Ok(())
    }

    /// The version that a commit made, if it is [kept](Store::retain) or the newest. O(log n).
    ///
    /// # Errors
    /// [`Error::NotRetained`].
    pub fn at(&self, commit: CommitId) -> Result<Snapshot, Error> {
        let newest = self.snapshot()?;
        if newest.commit() == commit {
            return Ok(newest);
        }
        let oldest = || self.inner.history.oldest();
        self.inner.history.at(commit).ok_or_else(|| Error::NotRetained { commit, oldest: oldest() })
    }

    /// The commits from now on, in their order. `capacity` of them are kept for a reader that is slow, and while there
    /// is one, commits copy the nodes they change.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn subscribe(&self, capacity: usize) -> Result<Feed, Error> {
        let _committing = self.inner.committing.lock();
        Ok(self.inner.history.subscribe(capacity, self.snapshot()?, self.inner.holders.clone()))
    }

    /// Holds a version of this store and puts down who does: for who may hold it for long.
    pub fn hold(&self, version: Snapshot, who: Who) -> Hold {
        self.inner.holders.hold(version, who)
    }

    /// Who holds versions now, and what that keeps; those of the oldest versions first: see [`Who`]. O(what nothing
    /// else keeps).
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn holders(&self) -> Result<Vec<Holder>, Error> {
        Ok(self.inner.holders.list(&self.snapshot()?, &self.inner.history))
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

    /// The numbers it hands out beside its versions. Who has drawn of them by a statement that writes nothing
    /// [reserves](Store::reserve_keys) them before telling anybody.
    pub fn numbers(&self) -> Numbers<'_> {
        Numbers::of(&self.inner.counters)
    }

    /// Whether this is the newest commit. Who holds a lock, or has [waited](Store::wait_for_unlocked_writers) for those
    /// who need none, knows then that nothing the lock is for has changed since.
    pub(crate) fn is_newest(&self, commit: CommitId) -> bool {
        self.inner.newest.load(Ordering::Acquire) == commit.number()
    }

    /// Returns when every statement is published that began when nobody held a lock. Whoever has just announced that
    /// it is about to, and looks at the newest version then, sees them all; later ones see that it does.
    pub(crate) fn wait_for_unlocked_writers(&self) {
        drop(self.inner.committing.lock());
    }

    /// Makes what was handed out of the counters durable, before anybody is told of it.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn reserve_keys(&self) -> Result<(), Error> {
        self.inner.reserve_keys()
    }

    /// Makes a write set part of the newest version, so far as that needs no disk. `view` is a version with the write
    /// set applied, if somebody made it already. The caller holds the locks that keep others from what it touches, and
    /// goes on to [`publish`](Store::publish) what was begun.
    pub(crate) fn begin_publish(&self, write_set: &WriteSet, view: Option<View>) -> Result<Begun, Error> {
        self.inner.begin_publish(write_set, view)
    }

    /// The same, if `validate` finds nothing between `seen`, which it has found nothing before, and the newest version.
    pub(crate) fn begin_publish_if<E: From<Error>>(
        &self,
        write_set: &WriteSet,
        view: Option<View>,
        seen: Snapshot,
        validate: impl Fn(&Version, &Version) -> Result<(), E>,
    ) -> Result<Begun, E> {
        self.inner.begin_publish_if(write_set, view, seen, validate)
    }

    /// Waits until what was begun is durable, if it has to be, and published.
    pub(crate) fn publish(&self, begun: Begun) -> Result<CommitId, Error> {
        self.inner.publish_begun(begun)
    }

    /// Lets another thread do that, which lets go of the locks then.
    pub(crate) fn publish_later(&self, begun: Begun, owner: Owner) -> Committing {
        let (appended, durable) = match (begun, &self.inner.durable) {
            (Begun::Appended(appended), Some(durable)) => (appended, durable),
            (begun, _) => return Committing::settled(self.publish(begun)),
        };
        durable.syncer.hand_over(appended, owner).unwrap_or_else(|(appended, _owner)| {
            // The system gave us no thread.
            Committing::settled(self.inner.finish(appended))
        })
    }
}

impl Inner {
    fn new(version: Arc<Version>, counters: Counters, durable: Option<Durable>, holders: Holders) -> Inner {
        let newest = AtomicU64::new(version.commit().number());
        let published = Latch::new(Newest { version, torn: false });
        let (committing, locks) = (Turns::default(), Locks::default());
        let history = History::default();
        Inner { published, newest, committing, locks, counters, durable, history, holders }
    }

    /// A version is published.
    fn note_newest(&self, commit: CommitId) {
        self.newest.store(commit.number(), Ordering::Release);
    }

    fn read<T>(&self, f: impl FnOnce(&Version) -> T) -> Result<T, Error> {
        let published = self.published.read();
        published.checked()?;
        Ok(f(&published.version))
    }

    fn snapshot(&self) -> Result<Snapshot, Error> {
        let published = self.published.read();
        published.checked()?;
        Ok(Arc::clone(&published.version))
    }
}

impl Forked for Inner {
    fn newest(&self) -> Result<Snapshot, Error> {
        self.snapshot()
    }
}

impl Newest {
    fn checked(&self) -> Result<(), Error> {
        if self.torn { Err(Error::Poisoned) } else { Ok(()) }
    }
}
