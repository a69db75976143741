//! Transactions: a write set, what it is seen through, and the locks that keep others from what it rests on.
//!
//! Order of reading: this file, and `row` (statements of one row, in a shorter way).

mod row;

use std::sync::Arc;

use crate::commit::CommitId;
use crate::error::Error;
use crate::holders::{Hold, Who};
use crate::isolation::Isolation;
use crate::leaf::RowId;
use crate::lock::{LockError, Owner, Ticket};
use crate::lock_list::LockList;
use crate::statement::{Attempt, Statement, Step};
use crate::store::{Begun, Committing, Snapshot, Store};
use crate::table::TableId;
use crate::version::Version;
use crate::view::View;
use crate::write_set::{Catalog, WriteSet};
use crate::writer::{Asking, Attempts, Ground, Writer};

pub use row::RowClaim;

/// Operations that are looked through for a row or a key rather than applied: it is a scan, of a few nanoseconds each,
/// and to apply one costs as much as hundreds of them.
const OVERLAID_MAX: usize = if cfg!(test) { 2 } else { 256 };

/// A transaction: a write set, and the view that it and a version make.
///
/// Dropped without [`commit`](Transaction::commit) it leaves no trace.
#[derive(Debug)]
pub struct Transaction {
    store: Store,
    isolation: Isolation,
    owner: Owner,
    write_set: WriteSet,
    /// The version that all statements see, where that is fixed; from the first of them on.
    snapshot: Option<Snapshot>,
    /// What it sees, once it has written: the snapshot, or the newest version, with its own writes. Few transactions
    /// have a view, and so it is no part of what is moved when one begins.
    seen: Option<Box<View>>,
    /// The newest version with its own writes, where that is not what it sees.
    newest: Option<Box<View>>,
    /// Puts down that it holds the snapshot, or the version that its view stands on.
    hold: Option<Hold>,
}

/// A point in a transaction to which it can return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Savepoint(usize);

impl Transaction {
    #[inline]
    pub(crate) fn new(store: Store, isolation: Isolation, owner: Owner) -> Transaction {
        let write_set = WriteSet::new();
        let (snapshot, seen, newest, hold) = (None, None, None, None);
        Transaction { store, isolation, owner, write_set, snapshot, seen, newest, hold }
    }

    /// What it sees of the others.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Runs a read on what the transaction sees. Before the first write it may run under the publication latch, so `f`
    /// must neither wait nor call back into the store.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn read<T>(&mut self, f: impl FnOnce(&Version) -> T) -> Result<T, Error> {
        if self.isolation == Isolation::ReadCommitted && self.write_set.is_empty() {
            return self.store.read(f);
        }
        self.look()?;
        match (&self.seen, &self.snapshot) {
            (Some(view), _) => Ok(f(view.version())),
            (None, Some(snapshot)) => Ok(f(snapshot)),
            (None, None) => self.store.read(f),
        }
    }

    /// The same of a read that looks at nothing of the version but this row, the catalog, and which tables there are.
    /// While the transaction has written little, and not to the row, no view is made for it.
    ///
    /// # Errors
    /// As [`read`](Transaction::read).
    pub fn read_row<T>(
        &mut self,
        table: TableId,
        row: RowId,
        f: impl FnOnce(&Version) -> T,
    ) -> Result<T, Error> {
        if self.overlays() && !self.has_written_row(table, row) {
            return self.store.read(f);
        }
        self.read(f)
    }

    /// Whether it may have changed this row. O(operations).
    fn has_written_row(&self, table: TableId, row: RowId) -> bool {
        self.write_set.operations().iter().any(|operation| operation.concerns(table, row))
    }

    /// The catalog that it sees. Unless the transaction has changed the schema, no view is made for it.
    ///
    /// # Errors
    /// As [`read`](Transaction::read).
    pub fn catalog(&mut self) -> Result<Catalog, Error> {
        let catalog = |version: &Version| Arc::clone(version.catalog());
        match self.isolation == Isolation::ReadCommitted && !self.write_set.changes_schema() {
            true => self.store.read(catalog),
            false => self.read(catalog),
        }
    }

    /// What this transaction sees, held: O(1).
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a commit panicked half way.
    pub fn snapshot(&mut self) -> Result<Snapshot, Error> {
        self.look()?;
        match (&self.seen, &self.snapshot) {
            (Some(view), _) => Ok(Arc::new(view.version().clone())),
            (None, Some(snapshot)) => Ok(Arc::clone(snapshot)),
            (None, None) => self.store.snapshot(),
        }
    }

    /// Runs one statement: whole, or if it fails not at all, and the transaction goes on. Where it has to wait for a
    /// lock it parks the thread.
    ///
    /// # Errors
    /// What `attempt` returns, and [`Error::Lock`].
    pub fn write<T, E: From<Error>>(
        &mut self,
        attempt: impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_waiting(until_granted, attempt)
    }

    /// The same, of which `wait` waits for the locks it needs, and may end it instead.
    ///
    /// # Errors
    /// As [`write`](Transaction::write); what `wait` returns.
    pub fn write_waiting<T, E: From<Error>>(
        &mut self,
        mut wait: impl FnMut(Ticket) -> Result<(), E>,
        mut attempt: impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut statement = Statement::new();
        loop {
            match self.step(&mut statement, &mut attempt)? {
                Step::Done(value) => return Ok(value),
                Step::Wait(ticket) => wait(ticket)?,
            }
        }
    }

    /// Takes a statement as far as it comes without waiting. If it fails, or has to wait, nothing of it is left but
    /// locks.
    ///
    /// # Errors
    /// What `attempt` returns, and [`Error::Lock`].
    pub fn step<T, E: From<Error>>(
        &mut self,
        statement: &mut Statement,
        attempt: &mut impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<Step<T>, E> {
        loop {
            if let Some(mut locks) = statement.waiting.take()
                && let Some(ticket) = locks.acquire(&mut self.owner).map_err(refused)?
            {
                statement.waiting = Some(locks);
                return Ok(Step::Wait(ticket));
            }
            let (kept, held) = (self.write_set.len(), self.owner.claims());
            let is_first = statement.before.is_none();
            let before = *statement.before.get_or_insert_with(|| self.owner.mark());
            let mut made = self.attempt(attempt)?;
            if !is_first {
                self.owner.release_since(before, made.locks.slots());
            }
            if !made.locks.is_empty() && self.owner.announce() {
                self.store.wait_for_unlocked_writers();
            }
            match made.locks.acquire(&mut self.owner) {
                Ok(None) if self.owner.claims() == held || self.store.read(Version::commit)? == made.on => {
                    let outcome = made.outcome.and_then(|value| {
                        self.store.reserve_keys()?;
                        Ok(value)
                    });
                    match &outcome {
                        Ok(_) => self.keep(made.view),
                        Err(_) => self.undo(kept),
                    }
                    return outcome.map(Step::Done);
                }
                Ok(None) => {}
                Ok(Some(ticket)) => {
                    self.undo(kept);
                    statement.waiting = Some(made.locks);
                    return Ok(Step::Wait(ticket));
                }
                Err(error) => {
                    self.undo(kept);
                    return Err(refused(error).into());
                }
            }
            self.undo(kept);
        }
    }

    /// One attempt, on the newest version.
    fn attempt<T, E: From<Error>>(
        &mut self,
        f: &mut impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<Attempt<T, E>, E> {
        let held = self.store.snapshot()?;
        let overlays = self.overlays();
        if !overlays {
            self.refresh(&held);
            self.refresh_newest(&held);
        }
        let seen = self.seen.as_deref().map(View::version).or(self.snapshot.as_deref());
        let newest = self.newest.as_deref().or(self.seen.as_deref()).map_or(&*held, View::version);
        let ground = match overlays {
            true => Ground::without_own_writes(&held),
            false => Ground::of(seen.unwrap_or(newest), newest),
        };
        let mut locks = LockList::new();
        let asking = Asking { list: &mut locks, owner: &mut self.owner, store: &self.store };
        let recording = Recording::new(&mut self.write_set);
        let (outcome, view) =
            recording.run(ground, self.store.counters(), Attempts::Locked(asking), |writer| f(writer));
        if view.is_some() && self.snapshot.is_none() {
            self.put_down(&held);
        }
        Ok(Attempt { outcome, on: held.commit(), locks, view })
    }

    /// Whether its statements do without a view, if all they ask for is rows that it has not written: a view costs the
    /// nodes it copies, and as many again in the commit while it is held.
    fn overlays(&self) -> bool {
        self.isolation == Isolation::ReadCommitted
            && self.seen.is_none()
            && (1..=OVERLAID_MAX).contains(&self.write_set.len())
            && !self.write_set.changes_schema()
    }

    /// Brings what it sees up to date for a read.
    fn look(&mut self) -> Result<(), Error> {
        let newest = match &self.snapshot {
            Some(snapshot) => Arc::clone(snapshot),
            None => self.store.snapshot()?,
        };
        self.refresh(&newest);
        Ok(())
    }

    /// Brings what it sees up to the write set, and where that is not fixed to the newest version, which is given: an
    /// attempt must be made on no other than the one it is said to be made on.
    fn refresh(&mut self, newest: &Snapshot) {
        if self.isolation != Isolation::ReadCommitted && self.snapshot.is_none() {
            self.snapshot = Some(Arc::clone(newest));
            self.put_down(newest);
        }
        if self.write_set.is_empty() {
            self.seen = None;
            self.let_go();
            return;
        }
        if self.snapshot.is_none() {
            self.put_down(newest);
        }
        let base = self.snapshot.as_ref().unwrap_or(newest);
        let seen = self.seen.get_or_insert_with(|| Box::new(View::of(base)));
        seen.rebase(base, &self.write_set);
        seen.catch_up(&self.write_set);
    }

    /// Puts down which version it holds.
    fn put_down(&mut self, version: &Snapshot) {
        if self.hold.as_ref().is_none_or(|hold| hold.commit() != version.commit()) {
            self.hold = Some(self.store.hold(Arc::clone(version), Who::Transaction(self.owner.id())));
        }
    }

    /// Lets go of the version that it holds, if it has neither a snapshot nor a view.
    fn let_go(&mut self) {
        if self.snapshot.is_none() && self.seen.is_none() {
            self.hold = None;
        }
    }

    /// Brings the newest version with the transaction's writes up to date, if what it sees is another.
    fn refresh_newest(&mut self, newest: &Snapshot) {
        let is_behind = self.snapshot.as_ref().is_some_and(|snapshot| snapshot.commit() != newest.commit());
        if !is_behind {
            self.newest = None;
            return;
        }
        let view = self.newest.take().or_else(|| self.seen.clone());
        let mut view = view.unwrap_or_else(|| Box::new(View::of(newest)));
        view.rebase(newest, &self.write_set);
        view.catch_up(&self.write_set);
        self.newest = Some(view);
    }

    /// Keeps the view that a statement has made of the newest version.
    fn keep(&mut self, view: Option<View>) {
        match (view, &self.snapshot) {
            (None, _) => {}
            (Some(view), None) => self.seen = Some(Box::new(view)),
            (Some(view), Some(_)) => self.newest = Some(Box::new(view)),
        }
    }

    /// Undoes the operations from the `length`-th on.
    fn undo(&mut self, length: usize) {
        if length < self.write_set.len() {
            self.write_set.truncate(length);
        }
        for view in [&mut self.seen, &mut self.newest] {
            if view.as_ref().is_some_and(|view| view.applied() > length) {
                *view = None;
            }
        }
        self.let_go();
    }

    /// Whether it has changed anything.
    pub fn has_written(&self) -> bool {
        !self.write_set.is_empty()
    }

    /// A point to return to. O(1).
    pub fn savepoint(&self) -> Savepoint {
        Savepoint(self.write_set.len())
    }

    /// Undoes everything since the savepoint. What was handed out of a counter stays used, and locks are kept. Costs
    /// as much as applying what is left, when that is next looked at.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        self.undo(savepoint.0);
    }

    /// Publishes the write set as one commit and returns the number of the version that has it. The locks are let go
    /// when it is published.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if an earlier commit panicked half way; nothing is published then.
    pub fn commit(mut self) -> Result<CommitId, Error> {
        self.commit_if(|_, _| Ok(()))
    }

    /// The same, if what the transaction has read is still so: `validate` is given the version it saw and a newer one,
    /// and asked whether the two agree in that. It is asked for the newest version there is, and then once more, under
    /// the commit mutex, for what was committed meanwhile. A transaction that has not written is not validated.
    ///
    /// Whatever comes of it, the write set is empty then; after an error the locks are held until it is dropped.
    ///
    /// # Errors
    /// As [`commit`](Transaction::commit); what `validate` returns.
    pub fn commit_if<E: From<Error>>(
        &mut self,
        validate: impl Fn(&Version, &Version) -> Result<(), E>,
    ) -> Result<CommitId, E> {
        let begun = self.begin_commit(validate)?;
        let commit = self.store.publish(begun)?;
        self.owner.release();
        Ok(commit)
    }

    /// The same without waiting for the disk, for which another thread waits: what is returned is ready when the commit
    /// is published. The locks are let go then, also if nobody awaits it.
    ///
    /// # Errors
    /// As [`commit_if`](Transaction::commit_if), but what is wrong with the files comes later.
    pub fn commit_later_if<E: From<Error>>(
        mut self,
        validate: impl Fn(&Version, &Version) -> Result<(), E>,
    ) -> Result<Committing, E> {
        let begun = self.begin_commit(validate)?;
        Ok(self.store.publish_later(begun, self.owner))
    }

    fn begin_commit<E: From<Error>>(
        &mut self,
        validate: impl Fn(&Version, &Version) -> Result<(), E>,
    ) -> Result<Begun, E> {
        let write_set = std::mem::take(&mut self.write_set);
        if write_set.is_empty() {
            return Ok(Begun::Published(self.store.read(Version::commit)?));
        }
        if let (Isolation::Serializable, Some(mut seen)) = (self.isolation, self.snapshot.clone()) {
            let newest = self.store.snapshot()?;
            validate(&seen, &newest)?;
            seen = newest;
            let view = self.take_view();
            return self.store.begin_publish_if(&write_set, view, seen, validate);
        }
        let view = self.take_view();
        Ok(self.store.begin_publish(&write_set, view)?)
    }

    /// The view to be published, if one was made. What else was held of versions is let go.
    fn take_view(&mut self) -> Option<View> {
        self.hold = None;
        let (seen, newest) = (self.seen.take(), self.newest.take());
        let view = if self.snapshot.take().is_some() { newest } else { seen };
        view.map(|view| *view)
    }
}

/// One attempt while it records. Unless it returns, with or without an error, the write set is left as it was: whoever
/// catches a panic may go on with the transaction.
pub(crate) struct Recording<'t> {
    write_set: &'t mut WriteSet,
    /// The operations that stay, whatever becomes of the attempt.
    kept: usize,
}

impl<'t> Recording<'t> {
    pub(crate) fn new(write_set: &'t mut WriteSet) -> Recording<'t> {
        Recording { kept: write_set.len(), write_set }
    }

    /// Runs the attempt. What it recorded stays, unless it failed.
    pub(crate) fn run<T, E>(
        mut self,
        ground: Ground<'_>,
        counters: &crate::keys::Counters,
        attempts: Attempts<'_>,
        f: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> (Result<T, E>, Option<View>) {
        let mut writer = Writer::new(ground, self.write_set, counters, attempts);
        let outcome = f(&mut writer);
        if outcome.is_err() {
            return (outcome, None);
        }
        let view = writer.into_view();
        self.kept = self.write_set.len();
        (outcome, view)
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        self.write_set.truncate(self.kept);
    }
}

/// Blocks the thread until a lock is granted.
pub(crate) fn until_granted<E: From<Error>>(ticket: Ticket) -> Result<(), E> {
    Ok(ticket.wait(None).map_err(refused)?)
}

fn refused(error: LockError) -> Error {
    Error::Lock(Box::new(error))
}
