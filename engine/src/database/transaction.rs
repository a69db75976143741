//! Transactions of several statements.
//!
//! A statement that concerns one row by its key takes a way of its own ([`at_once`]); all others are attempted, locked
//! and validated step by step, as [`nuages_storage::statement`] says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use jiff::Timestamp;
use nuages_storage::lock::{How, Strength, Ticket};
use nuages_storage::{
    CommitId, Committing, Isolation, Reach, RowClaim, RowId, RowRef, Statement, Step, Store, TableId, Value,
    Version, Writer,
};
use parking_lot::Mutex;

use crate::algebra::{self, Query, RowLock};
use crate::batch::Batch;
use crate::catalog::{Catalog, SchemaTest, expect};
use crate::draws::{CurrentNumbers, Draws};
use crate::error::Error;
use crate::evaluate::Context;
use crate::integrity::{KeyCheck, unique};
use crate::limits::{Interrupt, Limits};
use crate::reads::Reads;
use crate::session::{AsSession, Session};
use crate::write::{Postponed, WritingStatement, at_once, lock};

/// Several statements that happen whole or not at all.
///
/// It sees what it has written; others see it when it is [committed](Transaction::commit). Dropped without that, it
/// leaves no trace. A statement that fails has done nothing, and the transaction goes on.
#[derive(Debug)]
pub struct Transaction {
    state: Mutex<State>,
    /// What it has read, if it is serializable.
    reads: Option<Reads>,
    waits: Waits,
    /// Where it draws numbers of sequences, and what its session has drawn, if it is asked for that.
    drawing: Option<(Store, Arc<CurrentNumbers>)>,
}

/// What a statement does that has to wait, where nothing is awaited.
#[derive(Debug)]
pub(super) enum Waits {
    /// It blocks its thread.
    Here,
    /// It fails, and leaves what it waits for.
    Elsewhere(Mutex<Option<Ticket>>),
}

#[derive(Debug)]
struct State {
    transaction: nuages_storage::Transaction,
    limits: Limits,
    /// Whether its statements only read.
    only_reads: bool,
    /// What time it is for all its statements, if they go by one.
    now: Option<Timestamp>,
    /// Keys whose constraints are checked at commit.
    deferred: Vec<KeyCheck>,
    /// Keys whose constraints are checked when the statement ends of which parts are run, if one is.
    due: Option<Vec<KeyCheck>>,
    /// The savepoints that can be returned to, in order.
    points: Vec<Point>,
}

/// A point in a transaction to which it can return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Savepoint(u64);

impl Savepoint {
    /// One that no other transaction of the process has.
    fn fresh() -> Savepoint {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Savepoint(NEXT.fetch_add(1, Relaxed))
    }
}

/// Where a savepoint returns to.
#[derive(Clone, Copy, Debug)]
struct Point {
    savepoint: Savepoint,
    written: nuages_storage::Savepoint,
    deferred: usize,
}

impl Transaction {
    /// One that has done nothing.
    #[inline]
    pub(super) fn over(
        transaction: nuages_storage::Transaction,
        limits: Limits,
        waits: Waits,
        drawing: Option<(Store, Arc<CurrentNumbers>)>,
    ) -> Transaction {
        let reads = (transaction.isolation() == Isolation::Serializable).then(Reads::default);
        let (deferred, points) = (Vec::new(), Vec::new());
        let now = None;
        let state = State { transaction, limits, only_reads: false, now, deferred, due: None, points };
        Transaction { state: Mutex::new(state), reads, waits, drawing }
    }

    /// Lets it be the same time for all its statements from here on, as PostgreSQL has it.
    pub(crate) fn stop_clock(&self) {
        self.state.lock().now = Some(Timestamp::now());
    }

    /// Lets its statements only read from here on, or write again.
    pub(crate) fn set_only_reads(&self, only_reads: bool) {
        self.state.lock().only_reads = only_reads;
    }

    /// Whether its statements only read.
    pub(crate) fn only_reads(&self) -> bool {
        self.state.lock().only_reads
    }

    /// A point to return to. O(1).
    pub fn savepoint(&self) -> Savepoint {
        let mut state = self.state.lock();
        let savepoint = Savepoint::fresh();
        let (written, deferred) = (state.transaction.savepoint(), state.deferred.len());
        state.points.push(Point { savepoint, written, deferred });
        savepoint
    }

    /// Undoes everything since the savepoint, schema changes included. It can be returned to again; later savepoints
    /// are gone. Keys that were generated since are not generated again.
    ///
    /// # Errors
    /// [`Error::UnknownSavepoint`] if it was released, an earlier one was rolled back to, or it is of another
    /// transaction.
    pub fn rollback_to(&self, savepoint: Savepoint) -> Result<(), Error> {
        let mut state = self.state.lock();
        let at = state.place_of(savepoint)?;
        let point = state.points[at];
        state.points.truncate(at + 1);
        state.transaction.rollback_to(point.written);
        state.deferred.truncate(point.deferred);
        Ok(())
    }

    /// Forgets a savepoint and those after it. What was written stays.
    ///
    /// # Errors
    /// [`Error::UnknownSavepoint`] as for [`rollback_to`](Transaction::rollback_to).
    pub fn release(&self, savepoint: Savepoint) -> Result<(), Error> {
        let mut state = self.state.lock();
        let at = state.place_of(savepoint)?;
        state.points.truncate(at);
        Ok(())
    }

    /// Checks the deferred constraints now. Those that hold are not forgotten: a later statement may break them.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check_deferred(&self) -> Result<(), Error> {
        self.state.lock().check_deferred()
    }

    /// What runs from here on are parts of one statement: foreign keys are checked when it [ends](Self::end_parts).
    pub(crate) fn begin_parts(&self) {
        self.state.lock().due = Some(Vec::new());
    }

    /// Ends a statement that was run in parts.
    ///
    /// # Errors
    /// The first key that is violated.
    pub(crate) fn end_parts(&self) -> Result<(), Error> {
        let mut state = self.state.lock();
        let due = state.due.take().unwrap_or_default();
        if due.is_empty() {
            return Ok(());
        }
        state.transaction.write(|writer| verify(&due, writer.version()))
    }

    /// Forgets the parts of a statement that has failed.
    pub(crate) fn drop_parts(&self) {
        self.state.lock().due = None;
    }

    /// Makes what was written visible to everybody.
    ///
    /// # Errors
    /// A deferred constraint that does not hold; [`Error::SerializationFailure`] if the transaction is serializable,
    /// has written, and would now read something else than it did. It is rolled back then.
    pub fn commit(mut self) -> Result<CommitId, Error> {
        let Transaction { state, reads, .. } = &mut self;
        let state = state.get_mut();
        state.check_deferred()?;
        state.transaction.commit_if(|before, after| unchanged(reads.as_ref(), before, after))
    }

    /// As [`commit`](Transaction::commit), awaiting the disk where the commit is to be durable: another thread syncs,
    /// and wakes the task when it is published. A future that is dropped before commits all the same, if it was polled.
    ///
    /// # Errors
    /// As `commit`.
    pub async fn commit_async(self) -> Result<CommitId, Error> {
        Ok(self.commit_later()?.await?)
    }

    /// As [`commit`](Transaction::commit), but for the disk: what is returned is ready when the commit is durable and
    /// published, which it will be also if that is dropped.
    ///
    /// # Errors
    /// As `commit`; what is wrong with the files comes later.
    pub fn commit_later(self) -> Result<Committing, Error> {
        let Transaction { state, reads, .. } = self;
        let mut state = state.into_inner();
        state.check_deferred()?;
        state.transaction.commit_later_if(|before, after| unchanged(reads.as_ref(), before, after))
    }

    /// What it sees of the others.
    pub fn isolation(&self) -> Isolation {
        self.state.lock().transaction.isolation()
    }

    /// Takes a statement as far as it comes without waiting.
    pub(crate) fn step(
        &self,
        statement: &mut Statement,
        interrupt: &Interrupt,
        f: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<Step<()>, Error> {
        let mut state = self.state.lock();
        state.expect_writing()?;
        let (is_serializable, is_part) = (self.reads.is_some(), state.due.is_some());
        let step = state.transaction.step(statement, &mut |writer: &mut Writer<'_>| {
            let mut writing = WritingStatement::new(writer, interrupt);
            let written = match is_part {
                false => f(&mut writing).and_then(|()| writing.finish(false)).map(Postponed::of_commit),
                true => {
                    writing = writing.in_part();
                    f(&mut writing).map(|()| writing.finish_part())
                }
            };
            written.map_err(|error| match error {
                error if is_serializable && writer.is_behind() => unique::unless_unseen(error, writer.base()),
                error => error,
            })
        })?;
        Ok(match step {
            Step::Wait(ticket) => Step::Wait(ticket),
            Step::Done(Postponed { to_the_end, to_commit }) => {
                state.deferred.extend(to_commit);
                state.due.iter_mut().for_each(|due| due.extend_from_slice(&to_the_end));
                Step::Done(())
            }
        })
    }

    /// Takes a statement of one row to its end; false if it says that it is not one.
    fn at_row(
        &self,
        mut run: impl FnMut(&mut nuages_storage::Transaction) -> Result<Option<Step<()>>, Error>,
    ) -> Result<bool, Error> {
        let mut waited_within = None;
        loop {
            let mut state = self.state.lock();
            state.expect_writing()?;
            let State { transaction, limits, .. } = &mut *state;
            if limits.may_end() {
                waited_within.get_or_insert_with(|| Interrupt::new(limits)).check(true)?;
            }
            match run(transaction)? {
                None => return Ok(false),
                Some(Step::Done(())) => return Ok(true),
                Some(Step::Wait(ticket)) => {
                    let interrupt = waited_within.get_or_insert_with(|| Interrupt::new(limits));
                    drop(state);
                    self.wait(ticket, interrupt)?;
                }
            }
        }
    }

    /// Waits for a lock, or leaves it to whoever awaits it.
    fn wait(&self, ticket: Ticket, interrupt: &Interrupt) -> Result<(), Error> {
        match &self.waits {
            Waits::Here => interrupt.wait(ticket),
            Waits::Elsewhere(waiting) => {
                *waiting.lock() = Some(ticket);
                Err(Error::WouldBlock)
            }
        }
    }

    /// The limits of its statements: those of the database it was begun on, unless it was given others.
    pub fn limits(&self) -> Limits {
        self.state.lock().limits.clone()
    }

    /// Gives its statements to come other limits. To commit and to roll back have none.
    pub fn set_limits(&self, limits: Limits) {
        self.state.lock().limits = limits;
    }

    /// How long its statements wait for a lock at most; see [`Limits::lock_timeout`].
    pub fn set_lock_timeout(&self, timeout: Option<Duration>) {
        self.state.lock().limits.lock_timeout = timeout;
    }

    /// How long its statements may take; see [`Limits::statement_timeout`].
    pub fn set_statement_timeout(&self, timeout: Option<Duration>) {
        self.state.lock().limits.statement_timeout = timeout;
    }

    /// Undoes everything.
    pub fn rollback(self) {
        drop(self);
    }
}

/// Where statements of one row are run at once in a transaction.
#[derive(Clone, Copy, Debug)]
pub struct InTransaction<'t> {
    pub(crate) transaction: &'t Transaction,
    /// What a statement must find there, if that was asked for.
    pub(crate) test: Option<&'t dyn SchemaTest>,
}

impl InTransaction<'_> {
    /// Runs a statement of one row, if it is [of that form](at_once); false, and it is not run, if not.
    pub(crate) fn execute_at_once(
        self,
        statement: &algebra::Statement,
        parameters: &[Value],
    ) -> Result<bool, Error> {
        let context = Context::new(parameters);
        self.transaction
            .at_row(|transaction| at_once::execute_in(transaction, self.test, statement, &context))
    }

    /// Runs a query that locks one row by its key, if it is [of that form](lock::lock_row_in).
    pub(crate) fn lock_row_at_once(
        self,
        query: &Query,
        lock: &RowLock,
        parameters: &[Value],
    ) -> Result<Option<Batch<'static>>, Error> {
        let (context, mut batch) = (Context::new(parameters), None);
        let is_locked = self.transaction.at_row(|transaction| {
            lock::lock_row_in(transaction, self.test, query, lock, &mut batch, &context)
        })?;
        Ok(batch.filter(|_| is_locked))
    }

    /// Locks a row until the transaction ends, and hands it to `f`, as it is now. False, and what `f` was handed does
    /// not count, if there is no such row, or if that takes more than this; a query that locks it tells then.
    ///
    /// `f` may be called twice, and it is the last call that counts. It must neither wait nor call back into a session
    /// of the database.
    ///
    /// # Errors
    /// That the lock is not granted; what the limits of the transaction end it with.
    pub fn get_locked(
        self,
        table: TableId,
        row: RowId,
        lock: (Strength, How),
        f: &mut dyn FnMut(RowRef<'_>),
    ) -> Result<bool, Error> {
        let (strength, how) = lock;
        self.transaction.at_row(|transaction| {
            let step = transaction.write_row(|version, _| {
                expect(self.test, Catalog::of(version))?;
                let found = version.table(table).and_then(|rows| rows.get(row));
                found.into_iter().for_each(&mut *f);
                let claim = RowClaim { table, row, strength, how };
                Ok::<_, Error>(found.map(|_| claim))
            });
            Ok(step?)
        })
    }
}

impl State {
    fn place_of(&self, savepoint: Savepoint) -> Result<usize, Error> {
        self.points.iter().rposition(|point| point.savepoint == savepoint).ok_or(Error::UnknownSavepoint)
    }

    fn expect_writing(&self) -> Result<(), Error> {
        if self.only_reads { Err(Error::ReadOnly) } else { Ok(()) }
    }

    fn check_deferred(&mut self) -> Result<(), Error> {
        if self.deferred.is_empty() {
            return Ok(());
        }
        let State { transaction, deferred, .. } = self;
        transaction.write(|writer| verify(deferred, writer.version()))
    }
}

impl AsSession for Transaction {
    type Session = Transaction;

    fn as_session(&self) -> &Transaction {
        self
    }
}

impl Session for Transaction {
    fn in_transaction(&self) -> Option<InTransaction<'_>> {
        Some(InTransaction { transaction: self, test: None })
    }

    fn reads(&self) -> Option<&Reads> {
        self.reads.as_ref()
    }

    fn draws(&self) -> Option<Draws<'_>> {
        let (store, current) = self.drawing.as_ref()?;
        let (numbers, current) = (store.numbers(), Some(&**current));
        Some(Draws { numbers, current, only_reads: self.only_reads() })
    }

    fn take_waiting(&self) -> Option<Ticket> {
        match &self.waits {
            Waits::Here => None,
            Waits::Elsewhere(waiting) => waiting.lock().take(),
        }
    }

    fn read_unnoted(&self, f: &mut dyn FnMut(&Version) -> Result<(), Error>) -> Result<(), Error> {
        self.state.lock().transaction.read(f)?
    }

    fn read_row_unnoted(
        &self,
        table: TableId,
        row: RowId,
        f: &mut dyn FnMut(&Version) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.state.lock().transaction.read_row(table, row, f)?
    }

    fn version_unnoted(&self) -> Result<Arc<Version>, Error> {
        Ok(self.state.lock().transaction.snapshot()?)
    }

    fn catalog(&self) -> Result<Arc<Catalog>, Error> {
        Ok(Catalog::held(&self.state.lock().transaction.catalog()?))
    }

    fn interrupt(&self) -> Interrupt {
        let state = self.state.lock();
        Interrupt::new(&state.limits).at_time(state.now)
    }

    fn write(
        &self,
        _: Reach<'_>,
        interrupt: &Interrupt,
        f: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        interrupt.check(true)?;
        let mut statement = Statement::new();
        loop {
            match self.step(&mut statement, interrupt, f)? {
                Step::Done(()) => return Ok(()),
                Step::Wait(ticket) => self.wait(ticket, interrupt)?,
            }
        }
    }
}

/// That what was read in one version is so in another.
fn unchanged(reads: Option<&Reads>, before: &Version, after: &Version) -> Result<(), Error> {
    match reads.and_then(|reads| reads.conflict(before, after)) {
        None => Ok(()),
        Some(conflict) => Err(conflict.into_error(before)),
    }
}

fn verify(checks: &[KeyCheck], version: &Version) -> Result<(), Error> {
    checks.iter().try_for_each(|check| check.verify(version))
}
