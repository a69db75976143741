//! Who holds versions: what to look at when memory grows.
//!
//! A version that somebody holds keeps every node that was replaced since, and has commits copy what they change. So
//! who may hold one for long puts down who he is, and [`Store::holders`](crate::Store::holders) tells, the oldest
//! first, and what goes when he goes. Putting it down is one entry in a list; taking it out costs nothing, because the
//! list has but weak references, and forgets the dead ones when it has doubled.
//!
//! A statement that runs holds a version, too, mostly for less time than it takes to put it down. So it does not; but a
//! commit that takes the place of a version which somebody holds remembers that one (`Holders::replaced`), for
//! nothing where nobody does. Those of them that are held still, by nobody who is known to, are a statement's, or that
//! of a program which has asked for a version and keeps it.
//!
//! A fork holds no version of the store that it is a fork of. But it keeps the nodes that both had, after that has
//! replaced them, and so it is told of, too, by that store and by those that that is a fork of.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::commit::CommitId;
use crate::error::Error;
use crate::history::History;
use crate::lock::OwnerId;
use crate::store::Snapshot;
use crate::sync::Mutex;
use crate::version::Version;

/// Entries from which on the dead ones are looked for.
const PRUNED_MIN: usize = if cfg!(test) { 4 } else { 64 };

/// What holds a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Who {
    /// A snapshot that the program took.
    Snapshot,
    /// A transaction: from its first statement on, or, where each statement sees the newest version, since it wrote so
    /// much that it has a version of its own, which stands on this one.
    Transaction(OwnerId),
    /// Who follows the commits: the last that was read.
    Feed,
    /// The store itself, which was asked to keep what was.
    Retention,
    /// A checkpoint or a backup that is being written.
    Checkpoint,
    /// A statement that runs, or a program that keeps the version it has asked for. It is told of when another version
    /// has followed, and nobody else is known to hold this one.
    Statement,
    /// A fork, or a fork of one, that lives. Its commit is the one it began with, here.
    Fork,
}

/// Who holds a version, which, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// What it is.
    pub who: Who,
    /// The name of the thread that began to hold it, if it has one; none of a statement.
    pub thread: Option<String>,
    /// The commit that made the version.
    pub commit: CommitId,
    /// For how long it is held; of a statement for how long there has been a newer version.
    pub held_for: Duration,
    /// The bytes of rows, index entries and nodes that nothing but this version keeps: what is freed when the last who
    /// holds it lets go. Zero of the newest. Of a fork what nothing but its newest version keeps, with what it wrote
    /// itself.
    pub bytes: u64,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Snapshot => f.write_str("a snapshot"),
            Who::Transaction(owner) => owner.fmt(f),
            Who::Feed => f.write_str("a feed"),
            Who::Retention => f.write_str("the store"),
            Who::Checkpoint => f.write_str("a checkpoint"),
            Who::Statement => f.write_str("a statement"),
            Who::Fork => f.write_str("a fork"),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { who, thread, commit, held_for, bytes } = self;
        write!(f, "{who}")?;
        if let Some(thread) = thread {
            write!(f, " of thread \"{thread}\"")?;
        }
        let seconds = held_for.as_secs_f64();
        write!(f, " holds commit {} for {seconds:.1} s and {bytes} bytes", commit.number())
    }
}

/// A version that is held, and known to be. Clones are one holder.
#[derive(Clone, Debug)]
pub struct Hold(Arc<Held>);

#[derive(Debug)]
struct Held {
    version: Snapshot,
    who: Who,
    thread: Thread,
    since: Instant,
}

impl Hold {
    /// The version.
    #[must_use]
    pub fn version(&self) -> &Snapshot {
        &self.0.version
    }
}

impl Deref for Hold {
    type Target = Version;

    fn deref(&self) -> &Version {
        &self.0.version
    }
}

/// Who holds versions of a store. Clones are the same list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holders(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    list: Mutex<List>,
    /// The stores that this one is a fork of, directly or not, with the commits at which it parted from them.
    origins: Vec<Origin>,
}

#[derive(Clone, Debug)]
struct Origin {
    holders: Weak<Shared>,
    commit: CommitId,
}

#[derive(Debug, Default)]
struct List {
    held: Known<Weak<Held>>,
    forks: Known<Fork>,
    replaced: Known<Replaced>,
}

/// A store that is a fork.
pub(crate) trait Forked: fmt::Debug + Send + Sync {
    /// Its newest version.
    fn newest(&self) -> Result<Snapshot, Error>;
}

#[derive(Clone, Debug)]
struct Fork {
    store: Weak<dyn Forked>,
    commit: CommitId,
    thread: Thread,
    since: Instant,
}

/// A version that somebody held when another took its place.
#[derive(Clone, Debug)]
struct Replaced {
    version: Weak<Version>,
    at: Instant,
}

/// What is known without being kept alive; what is dead is forgotten when there is twice as much as was alive.
#[derive(Debug)]
struct Known<T> {
    entries: Vec<T>,
    /// How many were alive when the dead ones were last forgotten.
    alive: usize,
}

trait Mortal {
    fn is_alive(&self) -> bool;
}

impl<T> Default for Known<T> {
    fn default() -> Known<T> {
        Known { entries: Vec::new(), alive: 0 }
    }
}

impl<T: Mortal> Known<T> {
    fn add(&mut self, entry: T) {
        if self.entries.len() >= PRUNED_MIN.max(2 * self.alive) {
            self.entries.retain(T::is_alive);
            self.alive = self.entries.len();
        }
        self.entries.push(entry);
    }
}

impl Mortal for Weak<Held> {
    fn is_alive(&self) -> bool {
        self.strong_count() > 0
    }
}

impl Mortal for Fork {
    fn is_alive(&self) -> bool {
        self.store.strong_count() > 0
    }
}

impl Mortal for Replaced {
    fn is_alive(&self) -> bool {
        self.version.strong_count() > 0
    }
}

impl Holders {
    /// Those of a fork that begins with a commit of this store.
    pub(crate) fn of_fork(&self, commit: CommitId) -> Holders {
        let parted = Origin { holders: Arc::downgrade(&self.0), commit };
        // Nobody can ask those that are gone, and a fork of a fork of a fork must not know them all.
        let alive = |origin: &&Origin| origin.holders.strong_count() > 0;
        let before = self.0.origins.iter().filter(alive).cloned();
        let origins = std::iter::once(parted).chain(before).collect();
        Holders(Arc::new(Shared { list: Mutex::default(), origins }))
    }

    /// Has the stores that this one is a fork of know it.
    pub(crate) fn make_known(&self, store: &Arc<impl Forked + 'static>) {
        let (thread, since) = (thread::current(), Instant::now());
        let store: Weak<dyn Forked> = Arc::downgrade(&(Arc::clone(store) as Arc<dyn Forked>));
        for Origin { holders, commit } in &self.0.origins {
            if let Some(origin) = holders.upgrade() {
                let fork =
                    Fork { store: Weak::clone(&store), commit: *commit, thread: thread.clone(), since };
                origin.list.lock().forks.add(fork);
            }
        }
    }

    /// Holds a version, and puts down that it is held.
    pub(crate) fn hold(&self, version: Snapshot, who: Who) -> Hold {
        let held = Arc::new(Held { version, who, thread: thread::current(), since: Instant::now() });
        self.0.list.lock().held.add(Arc::downgrade(&held));
        Hold(held)
    }

    /// A version was the newest and is no more. Who has replaced it holds it, too.
    pub(crate) fn replaced(&self, version: &Snapshot) {
        // The first version of a fork is another store's, whose business it is who holds it.
        let is_shared = || self.0.origins.first().is_some_and(|origin| origin.commit == version.commit());
        if Arc::strong_count(version) > 1 && !is_shared() {
            let replaced = Replaced { version: Arc::downgrade(version), at: Instant::now() };
            self.0.list.lock().replaced.add(replaced);
        }
    }

    /// Who holds a version now, and what it keeps beside `newest`; those of the oldest versions first.
    pub(crate) fn list(&self, newest: &Snapshot, history: &History) -> Vec<Holder> {
        let (held, forks, replaced) = {
            let list = self.0.list.lock();
            let held: Vec<Arc<Held>> = list.held.entries.iter().filter_map(Weak::upgrade).collect();
            (held, list.forks.entries.clone(), list.replaced.entries.clone())
        };
        let bytes = |version: &Snapshot| match Arc::ptr_eq(version, newest) {
            true => 0,
            false => version.bytes_alone() as u64,
        };
        let name = |thread: &Thread| thread.name().map(str::to_owned);
        let holder = |who, thread: Option<&Thread>, since: Instant, version: &Snapshot| Holder {
            who,
            thread: thread.and_then(name),
            commit: version.commit(),
            held_for: since.elapsed(),
            bytes: bytes(version),
        };
        let named = held.iter().map(|held| holder(held.who, Some(&held.thread), held.since, &held.version));
        let kept = history.oldest_version();
        let kept = kept.iter().map(|(since, version)| holder(Who::Retention, None, *since, version));
        let forks = forks.iter().filter_map(|Fork { store, commit, thread, since }| {
            let version = store.upgrade()?.newest().ok()?;
            Some(Holder { commit: *commit, ..holder(Who::Fork, Some(thread), *since, &version) })
        });
        let mut holders: Vec<Holder> = named.chain(kept).chain(forks).collect();
        for Replaced { version, at } in &replaced {
            let Some(version) = version.upgrade() else { continue };
            let is_named = holders.iter().any(|holder| holder.commit == version.commit());
            if !is_named && !history.holds(version.commit()) {
                holders.push(holder(Who::Statement, None, *at, &version));
            }
        }
        holders.sort_by_key(|holder| (holder.commit, std::cmp::Reverse(holder.held_for)));
        holders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_let_go_is_forgotten() {
        let holders = Holders::default();
        let version: Snapshot = Arc::new(Version::new(Arc::new(())));
        let kept: Vec<_> = (0..3).map(|_| holders.hold(Arc::clone(&version), Who::Snapshot)).collect();
        for _ in 0..1_000 {
            drop(holders.hold(Arc::clone(&version), Who::Feed));
        }
        assert!(holders.0.list.lock().held.entries.len() <= 2 * PRUNED_MIN.max(2 * kept.len()));
        assert_eq!(holders.list(&version, &History::default()).len(), kept.len());
        assert_eq!(Arc::strong_count(&version), 1 + kept.len());
    }
}
