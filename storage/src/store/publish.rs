//! Commit: a write set becomes part of the newest version.
//!
//! What is committed is recorded first (encoded, outside of the mutex where it is long), and then, under the commit
//! mutex, numbered, appended to the log and applied. A store in memory has no record and does the last alone.

use std::collections::VecDeque;
use std::sync::Arc;

use super::durable::{Durability, Durable};
use super::turn::Turn;
use super::{Inner, Newest, Snapshot};
use crate::commit::CommitId;
use crate::error::Error;
use crate::history::Outdated;
use crate::log::frame::Payload;
use crate::record::commit_record;
use crate::table::TableId;
use crate::version::Version;
use crate::view::View;
use crate::write_set::{Operation, WriteSet};

/// Rows and index entries up to which a commit may change nodes in place, under the latch. Beyond it the latch would
/// be held for too long.
const IN_PLACE_WEIGHT_MAX: usize = 16;

/// The versions that were committed and are not published until they are durable, in order. The next commit is applied
/// to the last of them.
#[derive(Debug, Default)]
pub(super) struct Tip {
    unpublished: VecDeque<Arc<Version>>,
}

/// A commit that was numbered and applied.
#[derive(Debug)]
#[must_use = "it may not be published yet"]
pub(crate) enum Begun {
    /// It is published.
    Published(CommitId),
    /// It is in the log and in the tip, and is published when it is durable.
    Appended(Appended),
}

/// A commit that was applied to the newest version, and published.
#[derive(Debug)]
#[must_use = "to be dropped when the commit mutex is free: nobody should wait for what that frees"]
pub(super) struct Applied {
    commit: CommitId,
    /// The version before, unless it was changed in place.
    _before: Option<Snapshot>,
    _outdated: Outdated,
}

/// A commit in the log, which may not be durable.
#[derive(Debug)]
pub(crate) struct Appended {
    commit: CommitId,
    /// Its frame.
    pub(super) sequence: u64,
}

impl Inner {
    /// Whether a commit is published only when it is durable.
    pub(super) fn publishes_later(&self) -> bool {
        self.durable.as_ref().is_some_and(|durable| durable.durability() == Durability::Full)
    }

    /// What the log is to say of a write set; none without a log. If the schema changes, the caller keeps others from
    /// doing that meanwhile.
    pub(super) fn record(&self, write_set: &WriteSet) -> Result<Option<Payload>, Error> {
        let Some(durable) = self.durable.as_ref().filter(|_| !write_set.is_empty()) else { return Ok(None) };
        let catalog = self.read(|newest| Arc::clone(newest.catalog()))?;
        Ok(Some(Payload::new(commit_record(write_set, &catalog, durable.schema())?)))
    }

    /// Makes a write set part of the newest version. See [`Store::begin_publish`](super::Store::begin_publish).
    pub(super) fn begin_publish(&self, write_set: &WriteSet, mut view: Option<View>) -> Result<Begun, Error> {
        if is_heavy(write_set) {
            view = applied_ahead(write_set, view, &*self.snapshot()?);
        }
        let record = self.record(write_set)?;
        let committing = self.committing.lock();
        self.begin_publish_under(committing, write_set, view, record)
    }

    /// The same, if `validate` finds nothing between `seen`, which it has found nothing before, and the newest version
    /// that is committed, published or not.
    pub(super) fn begin_publish_if<E: From<Error>>(
        &self,
        write_set: &WriteSet,
        view: Option<View>,
        seen: Snapshot,
        validate: impl Fn(&Version, &Version) -> Result<(), E>,
    ) -> Result<Begun, E> {
        let view = applied_ahead(write_set, view, &seen);
        let record = self.record(write_set)?;
        let committing = self.committing.lock();
        let newest = committing.or_newest(self)?;
        if newest.commit() != seen.commit() {
            validate(&seen, &newest)?;
        }
        drop((newest, seen)); // so that a lone writer changes nodes in place
        Ok(self.begin_publish_under(committing, write_set, view, record)?)
    }

    /// Sees through what was begun: returns when it is published.
    pub(super) fn publish_begun(&self, begun: Begun) -> Result<CommitId, Error> {
        match begun {
            Begun::Published(commit) => Ok(commit),
            Begun::Appended(appended) => self.finish(appended),
        }
    }

    /// Makes a write set part of the newest version, when the mutex is held already and the write set is recorded.
    pub(super) fn publish_under(
        &self,
        committing: Turn<'_>,
        write_set: &WriteSet,
        view: Option<View>,
        record: Option<Payload>,
    ) -> Result<CommitId, Error> {
        let begun = self.begin_publish_under(committing, write_set, view, record)?;
        self.publish_begun(begun)
    }

    fn begin_publish_under(
        &self,
        committing: Turn<'_>,
        write_set: &WriteSet,
        view: Option<View>,
        record: Option<Payload>,
    ) -> Result<Begun, Error> {
        if write_set.is_empty() {
            return Ok(Begun::Published(self.read(Version::commit)?));
        }
        let (Some(durable), Some(record)) = (&self.durable, record) else {
            let applied = self.apply(write_set, view)?;
            drop(committing);
            return Ok(Begun::Published(applied.commit));
        };
        match durable.durability() {
            Durability::Buffered => {
                self.read(|_| ())?; // what cannot be applied is not to be logged
                durable.append(&self.counters, &record)?;
                let applied = self.apply(write_set, view)?;
                drop(committing);
                // If it fails, who commits next is told: this commit has happened.
                let _ = durable.take_in();
                Ok(Begun::Published(applied.commit))
            }
            Durability::Full => {
                let appended = self.append_to_tip(durable, committing, write_set, view, &record)?;
                Ok(Begun::Appended(appended))
            }
        }
    }

    /// Commits to the tip, which nobody sees.
    fn append_to_tip(
        &self,
        durable: &Durable,
        mut committing: Turn<'_>,
        write_set: &WriteSet,
        view: Option<View>,
        record: &Payload,
    ) -> Result<Appended, Error> {
        let base = committing.or_newest(self)?;
        let mut next = match view {
            Some(view) => rebased(view, &base, write_set),
            None => applied(Version::clone(&base), write_set),
        };
        let commit = next.commit().next();
        next.stamp(commit, write_set.tables());
        next.publish(self.committing.home());
        let next = Arc::new(next);
        let sequence = durable.append(&self.counters, record)?;
        committing.unpublished.push_back(next);
        Ok(Appended { commit, sequence })
    }

    /// Waits until a commit is durable, and publishes it.
    pub(super) fn finish(&self, Appended { commit, sequence }: Appended) -> Result<CommitId, Error> {
        let flushed = self.durable.as_ref().map_or(Ok(()), |durable| durable.flush(sequence));
        if let Err(error) = flushed {
            // Nothing more can be appended, so nobody has built on it but those who fail as well.
            self.committing.lock().unpublished.retain(|version| version.commit() < commit);
            return Err(error);
        }
        self.publish_through(commit);
        Ok(commit)
    }

    /// Publishes every version up to a commit, which is durable, and so are those before it.
    fn publish_through(&self, commit: CommitId) {
        let mut committing = self.committing.lock();
        let mut old = Vec::new();
        while committing.unpublished.front().is_some_and(|next| next.commit() <= commit)
            && let Some(next) = committing.unpublished.pop_front()
        {
            let before = std::mem::replace(&mut self.published.write().version, Arc::clone(&next));
            before.replaced();
            self.holders.replaced(&before);
            old.push(before);
            self.note_newest(next.commit());
            old.extend(self.history.published(&next));
        }
        drop(committing);
        drop(old); // freeing what only they held may take long
    }

    /// Applies a write set to the newest version, at once. The caller holds the commit mutex.
    fn apply(&self, write_set: &WriteSet, view: Option<View>) -> Result<Applied, Error> {
        let Some(view) = view else {
            return self.apply_operations(write_set.operations());
        };
        let mut next = self.read(|newest| rebased(view, newest, write_set))?;
        let commit = next.commit().next();
        next.stamp(commit, write_set.tables());
        Ok(self.replace(next))
    }

    /// Applies operations to the newest version, at once: in place if they are light and nobody else holds it. The
    /// caller holds the commit mutex.
    pub(super) fn apply_operations(&self, operations: &[Operation]) -> Result<Applied, Error> {
        if operations.iter().map(Operation::weight).sum::<usize>() <= IN_PLACE_WEIGHT_MAX
            && let Some(commit) = self.change_in_place(operations)?
        {
            return Ok(Applied { commit, _before: None, _outdated: Outdated::new() });
        }
        let mut next = self.read(Version::clone)?;
        let commit = next.commit().next();
        next.commit_operations(commit, operations);
        Ok(self.replace(next))
    }

    /// Publishes a version in the place of the newest.
    fn replace(&self, mut next: Version) -> Applied {
        next.publish(self.committing.home());
        let next = Arc::new(next);
        let before = std::mem::replace(&mut self.published.write().version, Arc::clone(&next));
        before.replaced();
        self.holders.replaced(&before);
        self.note_newest(next.commit());
        // Who watches holds the version before, so this is where all its commits come by.
        let outdated = self.history.published(&next);
        Applied { commit: next.commit(), _before: Some(before), _outdated: outdated }
    }

    fn change_in_place(&self, operations: &[Operation]) -> Result<Option<CommitId>, Error> {
        let mut newest = self.published.write();
        newest.checked()?;
        let Newest { version, torn } = &mut *newest;
        let Some(version) = Arc::get_mut(version) else { return Ok(None) };
        *torn = true;
        let commit = version.commit().next();
        version.commit_operations(commit, operations);
        *torn = false;
        self.note_newest(commit);
        Ok(Some(commit))
    }
}

impl Tip {
    /// What the next commit is applied to.
    pub(super) fn or_newest(&self, inner: &Inner) -> Result<Arc<Version>, Error> {
        self.unpublished.back().map_or_else(|| inner.snapshot(), |tip| Ok(Arc::clone(tip)))
    }
}

/// Whether applying a write set is no work for under the commit mutex.
fn is_heavy(write_set: &WriteSet) -> bool {
    write_set.weight() > IN_PLACE_WEIGHT_MAX
}

/// The view to publish a write set by: if it is heavy, one with all of it applied to `newest`, so that under the commit
/// mutex only that is left which others change until then.
pub(super) fn applied_ahead(write_set: &WriteSet, view: Option<View>, newest: &Version) -> Option<View> {
    if !is_heavy(write_set) {
        return view;
    }
    let mut view = view.unwrap_or_else(|| View::of(newest));
    view.rebase(newest, write_set);
    view.catch_up(write_set);
    view.settle(write_set);
    Some(view)
}

/// What a view sees, on another version and with all of the write set.
fn rebased(mut view: View, onto: &Version, write_set: &WriteSet) -> Version {
    view.rebase(onto, write_set);
    view.catch_up(write_set);
    let version = view.into_version(write_set);
    debug_assert!(
        is_applied(&version, onto, write_set),
        "a view is not what its write set makes of the version"
    );
    version
}

/// Whether a version is another with a write set applied, as far as that is soon told: what is large is taken for it.
/// In builds without assertions it is not asked.
fn is_applied(version: &Version, onto: &Version, write_set: &WriteSet) -> bool {
    /// Rows and index entries of a write set, and rows of a table, up to which both are looked at.
    const LOOKED_AT_MAX: u64 = 200;
    let is_small = |table| onto.table(table).is_none_or(|table| table.len() <= LOOKED_AT_MAX);
    let tables = write_set.tables();
    if write_set.weight() as u64 > LOOKED_AT_MAX || !tables.iter().all(|table| is_small(*table)) {
        return true;
    }
    let expected = applied(onto.clone(), write_set);
    let is_same = |table: &TableId| match (version.table(*table), expected.table(*table)) {
        (Some(table), Some(expected)) => table.has_same_contents(expected),
        (None, None) => true,
        _ => false,
    };
    Arc::ptr_eq(version.catalog(), expected.catalog()) && tables.iter().all(is_same)
}

fn applied(mut version: Version, write_set: &WriteSet) -> Version {
    write_set.operations().iter().for_each(|operation| version.apply(operation));
    version
}
