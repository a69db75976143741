//! Versions that are kept for a while, and commits as they come.
//!
//! By default nobody keeps an old version, and commits change nodes in place. Whoever wants to look back
//! ([`Store::retain`](crate::Store::retain)) or to follow ([`Store::subscribe`](crate::Store::subscribe)) makes the
//! store hold versions, at the price that commits copy the nodes they change. A version is all there is to hold: what a
//! commit has changed is what two versions do not share.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::commit::CommitId;
use crate::holders::{Hold, Holders, Who};
use crate::store::Snapshot;
use crate::sync::{Condvar, Mutex};

/// Versions that are not kept any more.
///
/// Who gets them drops them when the commit mutex is free: they may be the last to hold much, and nobody should wait
/// for that to be freed.
pub(crate) type Outdated = Vec<Snapshot>;

/// The versions that are kept, and who follows.
#[derive(Debug, Default)]
pub(crate) struct History {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How long a version is kept after another has followed it.
    retention: Option<Duration>,
    /// The versions kept, the oldest first, and when each was published.
    versions: VecDeque<(Instant, Snapshot)>,
    feeds: Vec<Weak<Queue>>,
}

impl History {
    /// Keeps versions from `newest` on for so long; lets all go if for no time.
    pub(crate) fn retain(&self, retention: Option<Duration>, newest: Snapshot) -> Outdated {
        let mut state = self.state.lock();
        state.retention = retention;
        let mut outdated = Outdated::default();
        match retention {
            None => outdated.extend(state.versions.drain(..).map(|(_, version)| version)),
            Some(_) if state.versions.is_empty() => state.versions.push_back((Instant::now(), newest)),
            Some(_) => {}
        }
        outdated
    }

    /// The version of a commit, if it is kept.
    pub(crate) fn at(&self, commit: CommitId) -> Option<Snapshot> {
        let state = self.state.lock();
        let at = state.versions.binary_search_by_key(&commit, |(_, version)| version.commit()).ok()?;
        Some(Arc::clone(&state.versions[at].1))
    }

    /// The oldest commit whose version is kept.
    pub(crate) fn oldest(&self) -> Option<CommitId> {
        self.state.lock().versions.front().map(|(_, version)| version.commit())
    }

    /// The oldest version that is kept, and since when.
    pub(crate) fn oldest_version(&self) -> Option<(Instant, Snapshot)> {
        self.state.lock().versions.front().cloned()
    }

    /// Whether the version of a commit is kept, or waits for who follows.
    pub(crate) fn holds(&self, commit: CommitId) -> bool {
        let state = self.state.lock();
        state.versions.binary_search_by_key(&commit, |(_, version)| version.commit()).is_ok()
            || state.feeds.iter().filter_map(Weak::upgrade).any(|queue| queue.holds(commit))
    }

    /// A feed of the commits after `newest`.
    pub(crate) fn subscribe(&self, capacity: usize, newest: Snapshot, holders: Holders) -> Feed {
        let queue = Arc::new(Queue::default());
        queue.waiting.lock().capacity = capacity.max(1);
        self.state.lock().feeds.push(Arc::downgrade(&queue));
        let seen = holders.hold(newest, Who::Feed);
        Feed { queue, seen, holders }
    }

    /// Takes in a version that has been published. They come in the order of their commits.
    pub(crate) fn published(&self, version: &Snapshot) -> Outdated {
        let mut state = self.state.lock();
        let mut outdated = Outdated::default();
        if let Some(retention) = state.retention {
            let now = Instant::now();
            state.versions.push_back((now, Arc::clone(version)));
            // A version is over when the next one was published.
            while state.versions.get(1).is_some_and(|(over, _)| now.duration_since(*over) > retention) {
                outdated.extend(state.versions.pop_front().map(|(_, version)| version));
            }
        }
        state.feeds.retain(|feed| match feed.upgrade() {
            Some(queue) => {
                queue.push(version, &mut outdated);
                true
            }
            None => false,
        });
        outdated
    }
}

/// The commits of a store, one after the other: see [`Store::subscribe`](crate::Store::subscribe).
#[derive(Debug)]
pub struct Feed {
    queue: Arc<Queue>,
    /// The version of the last commit that was taken out.
    seen: Hold,
    holders: Holders,
}

/// One commit: the versions before and after it.
#[derive(Clone, Debug)]
pub struct Published {
    /// The version that it was applied to.
    pub before: Snapshot,
    /// The version that it made.
    pub after: Snapshot,
}

/// Why a feed has no next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// So many commits came while the reader was away that they were not kept. The feed goes on with the next one.
    #[error(
        "{missed} commits were missed, more than are kept for a reader that is slow; compare snapshots instead"
    )]
    Lagged {
        /// How many.
        missed: u64,
    },
    /// None came in time.
    #[error("no commit came in time")]
    Timeout,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    capacity: usize,
    versions: VecDeque<Snapshot>,
    /// Set when there were more than fit: the newest, up to which the reader has missed everything.
    overflow: Option<Snapshot>,
}

impl Queue {
    fn holds(&self, commit: CommitId) -> bool {
        let waiting = self.waiting.lock();
        waiting.versions.iter().chain(&waiting.overflow).any(|version| version.commit() == commit)
    }

    fn push(&self, version: &Snapshot, outdated: &mut Outdated) {
        let mut waiting = self.waiting.lock();
        if waiting.overflow.is_some() || waiting.versions.len() == waiting.capacity {
            outdated.extend(waiting.versions.drain(..));
            outdated.extend(waiting.overflow.replace(Arc::clone(version)));
        } else {
            waiting.versions.push_back(Arc::clone(version));
        }
        self.arrived.notify_one();
    }
}

impl Feed {
    /// Holds one of the versions that came, as who takes a snapshot does.
    #[must_use]
    pub fn hold(&self, version: Snapshot) -> Hold {
        self.holders.hold(version, Who::Snapshot)
    }

    /// The next commit; waits for it until `deadline`, or for as long as it takes.
    ///
    /// # Errors
    /// [`FeedError::Lagged`] once, if commits were missed; [`FeedError::Timeout`].
    pub fn next(&mut self, deadline: Option<Instant>) -> Result<Published, FeedError> {
        let mut waiting = self.queue.waiting.lock();
        loop {
            if let Some(newest) = waiting.overflow.take() {
                let missed = newest.commit().number() - self.seen.commit().number();
                self.seen = self.holders.hold(newest, Who::Feed);
                return Err(FeedError::Lagged { missed });
            }
            if let Some(after) = waiting.versions.pop_front() {
                let seen = self.holders.hold(Arc::clone(&after), Who::Feed);
                let before = Arc::clone(std::mem::replace(&mut self.seen, seen).version());
                return Ok(Published { before, after });
            }
            match deadline {
                None => self.queue.arrived.wait(&mut waiting),
                Some(deadline) if Instant::now() >= deadline => return Err(FeedError::Timeout),
                Some(deadline) => {
                    self.queue.arrived.wait_until(&mut waiting, deadline);
                }
            }
        }
    }
}
