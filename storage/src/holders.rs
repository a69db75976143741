//! Who holds versions: what to look at when memory grows.
//!
//! A version that somebody holds keeps every node that was replaced since, and has commits copy what they change. So who
//! may hold one for long puts down who he is, and [`Store::holders`](crate::Store::holders) tells, the oldest first, and
//! what goes when he goes. Putting it down is one entry in a list; taking it out costs nothing, because the list has but
//! weak references, and forgets the dead ones when it has doubled.
//!
//! A statement that runs holds a version, too, for as long as it takes, and is not put down. A fork is a database of its
//! own, which shares nodes but holds no version.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::commit::CommitId;
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
    /// A transaction: from its first statement on, or, where each statement sees the newest version, since it wrote so much
    /// that it has a version of its own, which stands on this one.
    Transaction(OwnerId),
    /// Who follows the commits: the last that was read.
    Feed,
    /// The store itself, which was asked to keep what was.
    Retention,
    /// A checkpoint or a backup that is being written.
    Checkpoint,
}

/// Who holds a version, which, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// What it is.
    pub who: Who,
    /// The name of the thread that began to hold it, if it has one.
    pub thread: Option<String>,
    /// The commit that made the version.
    pub commit: CommitId,
    /// For how long it is held.
    pub held_for: Duration,
    /// The bytes of rows, index entries and nodes that nothing but this version keeps: what is freed when the last who
    /// holds it lets go. Zero of the newest.
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
pub(crate) struct Holders(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    held: Vec<Weak<Held>>,
    /// How many were alive when the dead ones were last forgotten.
    alive: usize,
}

impl Holders {
    /// Holds a version, and puts down that it is held.
    pub(crate) fn hold(&self, version: Snapshot, who: Who) -> Hold {
        let held = Arc::new(Held { version, who, thread: thread::current(), since: Instant::now() });
        let mut list = self.0.lock();
        if list.held.len() >= PRUNED_MIN.max(2 * list.alive) {
            list.held.retain(|held| held.strong_count() > 0);
            list.alive = list.held.len();
        }
        list.held.push(Arc::downgrade(&held));
        Hold(held)
    }

    /// Who holds a version now, and what it keeps beside `newest`; those of the oldest versions first.
    pub(crate) fn list(&self, newest: &Snapshot, kept: Option<&(Instant, Snapshot)>) -> Vec<Holder> {
        let held: Vec<_> = self.0.lock().held.iter().filter_map(Weak::upgrade).collect();
        let holder = |who, thread: Option<String>, since: Instant, version: &Snapshot| Holder {
            who,
            thread,
            commit: version.commit(),
            held_for: since.elapsed(),
            bytes: if Arc::ptr_eq(version, newest) { 0 } else { version.bytes_alone() as u64 },
        };
        let named = held
            .iter()
            .map(|held| holder(held.who, held.thread.name().map(str::to_owned), held.since, &held.version));
        let kept = kept.map(|(since, version)| holder(Who::Retention, None, *since, version));
        let mut holders: Vec<Holder> = named.chain(kept).collect();
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
        assert!(holders.0.lock().held.len() <= 2 * PRUNED_MIN.max(2 * kept.len()));
        assert_eq!(holders.list(&version, None).len(), kept.len());
        assert_eq!(Arc::strong_count(&version), 1 + kept.len());
    }
}
