//! Transactions: `atomic` blocks on any executor.
//!
//! `ex.atomic(|tx| ..)` is a transaction on a [`Db`](crate::executor::Db) and a savepoint inside one, as Django's.
//! The closure's `Ok` commits (or releases the savepoint), its `Err` rolls back, and so does a panic.
//!
//! A writing verb that fails because of a constraint has spoilt the block it ran in, also when the program swallows
//! the error: every later statement there fails with [`Error::Doomed`] and nothing of the block is kept. The cure is
//! an inner block around what may fail. (`DoesNotExist`, `Validation`, `Protected` and `Restricted` spoil nothing.)
//!
//! A [`Tx`] is interior-mutable, so that a verb, a receiver and a nested block can all hold `&Tx`.

mod on_its_way;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nuages_engine::{Savepoint, Session, Transaction, Under};
use parking_lot::Mutex;

use crate::{
    error::{Error, Misuse, Result},
    executor::{CommitHook, Control, Executor, Settings, Shared, capture::Watch},
    schema::Binding,
};
use on_its_way::OnItsWay;

/// `atomic` and its kin, on every executor.
///
/// ```
/// # use nuages::prelude::*;
/// # #[derive(Model, Clone, Debug)]
/// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
/// # let db = App::new().models(Post::app()).open_memory()?;
/// # let mut post = Post::objects().create(new!(Post { title: "Nuages" }), &db)?;
/// db.atomic(|tx| {
///     post.save(tx)?;
///     tx.atomic(|inner| Post::objects().get(Post::id.eq(7), inner)).ok(); // may fail alone
///     tx.on_commit(|| println!("sent"))
/// })?;
/// # Ok::<(), Error>(())
/// ```
pub trait Atomic: Executor {
    /// Runs `body` as a whole: everything it wrote is kept if it returns `Ok`, nothing otherwise.
    ///
    /// # Errors
    /// What `body` returns; [`Error::Doomed`] if it returned `Ok` after swallowing a failed write; what a deferred
    /// constraint reports when the outermost block commits.
    fn atomic<T>(&self, body: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.try_atomic(body)
    }

    /// [`atomic`](Atomic::atomic) with the program's own error.
    ///
    /// # Errors
    /// As [`atomic`](Atomic::atomic), converted.
    fn try_atomic<T, E: From<Error>>(&self, body: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let tx = self.begin()?;
        let value = body(&tx)?;
        tx.commit()?;
        Ok(value)
    }

    /// [`atomic`](Atomic::atomic) without a savepoint: inside another block it is a part of that one, and when it
    /// fails, nothing of either is kept, even if the error is swallowed. Outside of any it is
    /// [`atomic`](Atomic::atomic). Django's `atomic(savepoint=False)`.
    ///
    /// # Errors
    /// As [`atomic`](Atomic::atomic).
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # let db = App::new().open_memory()?;
    /// let outer = db.atomic(|tx| {
    ///     let _swallowed = tx.atomic_joined(|_| Err::<(), _>(Error::custom("boom")));
    ///     Ok(())
    /// });
    /// assert_eq!(outer, Err(Error::Doomed));
    /// # Ok::<(), Error>(())
    /// ```
    fn atomic_joined<T>(&self, body: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let tx = self.begin_joined()?;
        let value = body(&tx)?;
        tx.commit()?;
        Ok(value)
    }

    /// [`atomic`](Atomic::atomic), run again in a new transaction when it fails with an error that
    /// [may not come again](Error::is_retryable): a deadlock, or a row that somebody else has changed. Inside another
    /// block it is run once, because only the outermost transaction can begin anew.
    ///
    /// # Errors
    /// As [`atomic`](Atomic::atomic); the last error when all attempts have failed.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Account { pub id: Auto<i64>, pub balance: i64 }
    /// # let db = App::new().models(Account::app()).open_memory()?;
    /// # Account::objects().create(new!(Account { balance: 7 }), &db)?;
    /// db.with_isolation(Isolation::Snapshot).atomic_retrying(Retry::default(), |tx| {
    ///     let mut account = Account::objects().get(Account::id.eq(1), tx)?;
    ///     account.balance += 10;
    ///     account.save(tx)
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    fn atomic_retrying<T>(&self, retry: Retry, body: impl Fn(&Tx<'_>) -> Result<T>) -> Result<T> {
        let attempts_max = if self.in_atomic_block() { 1 } else { retry.attempts_max };
        let mut attempt = 1;
        loop {
            match self.atomic(&body) {
                Err(error) if error.is_retryable() && attempt < attempts_max => {
                    std::thread::sleep(retry.pause_after(attempt));
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// [`atomic`](Atomic::atomic), but only as the outermost block: when it returns, its work is committed.
    ///
    /// # Errors
    /// [`Error::NestedDurable`] inside another block; else as [`atomic`](Atomic::atomic).
    fn durable<T>(&self, body: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        if self.in_atomic_block() { Err(Error::NestedDurable) } else { self.atomic(body) }
    }

    /// Runs `hook` once the outermost transaction has committed, never if the block around it is rolled back;
    /// outside of any transaction at once. Hooks run in the order they were given.
    fn on_commit(&self, hook: impl FnOnce() + Send + 'static) -> Result<()> {
        self.try_on_commit(move || {
            hook();
            Ok(())
        })
    }

    /// [`on_commit`](Atomic::on_commit) of a hook whose failure is nobody else's business (Django's `robust`): whoever
    /// committed is not told, and the hooks after it run. The error goes to `failed`.
    ///
    /// # Errors
    /// As [`on_commit`](Atomic::on_commit).
    fn on_commit_robust(
        &self,
        hook: impl FnOnce() -> Result<()> + Send + 'static,
        failed: impl FnOnce(Error) + Send + 'static,
    ) -> Result<()> {
        self.try_on_commit(move || {
            if let Err(error) = hook() {
                failed(error);
            }
            Ok(())
        })
    }

    /// [`on_commit`](Atomic::on_commit) of a hook that may fail: the hooks after it do not run and the error reaches
    /// whoever committed, but the commit stands.
    fn try_on_commit(&self, hook: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
        self.defer_to_commit(Box::new(hook))
    }
}

impl<X: Executor + ?Sized> Atomic for X {}

/// How often work is run again that lost against another transaction, and how long it rests before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often it is run at most, the first time included.
    pub attempts_max: u32,
    /// How long it rests after the first failure, about; twice as long after each further one.
    pub pause_min: Duration,
    /// How long it rests at most.
    pub pause_max: Duration,
}

/// Ten attempts, resting a millisecond at first and a tenth of a second at most.
impl Default for Retry {
    fn default() -> Retry {
        Retry { attempts_max: 10, pause_min: Duration::from_millis(1), pause_max: Duration::from_millis(100) }
    }
}

impl Retry {
    /// How long to rest after this many failures: between half and the whole of a time that doubles, so that two who
    /// lost against each other do not meet again.
    fn pause_after(self, failures: u32) -> Duration {
        let doubled =
            self.pause_min.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(self.pause_max);
        let chance = RandomState::new().hash_one(failures) % 512;
        doubled.mul_f64(0.5 + chance as f64 / 1024.0)
    }
}

/// An open transaction, or a savepoint in one. Dropped without [`commit`](Tx::commit), it is rolled back.
pub struct Tx<'a> {
    base: Base<'a>,
    /// A write failed in this block: nothing more may run in it.
    doomed: AtomicBool,
    /// The program asked for a rollback at the end.
    rollback: AtomicBool,
    /// A task's block is open inside this one: nothing may run in this one until that has ended.
    resting: AtomicBool,
}

enum Base<'a> {
    Outermost(Box<Open<'a>>),
    Inside(Inside<'a>),
    Joined(Joined<'a>),
}

/// The transaction that all nested blocks are in.
struct Open<'a> {
    transaction: Under<Transaction, &'a Binding>,
    hooks: Mutex<Vec<CommitHook>>,
    shared: &'a Arc<Shared>,
    settings: &'a Settings,
    ending: Ending<'a>,
}

/// Tells whoever watches how a transaction ended.
struct Ending<'a> {
    watch: &'a Watch,
    /// None if somebody else tells.
    how: Option<Control>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if let Some(how) = self.how.take() {
            self.watch.control(how);
        }
    }
}

/// A nested block that is a part of the one around it.
struct Joined<'a> {
    open: &'a Open<'a>,
    /// Whether the block around it is lost.
    around: &'a AtomicBool,
    is_kept: bool,
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.around.store(true, Ordering::Relaxed);
        }
    }
}

/// A nested block: a savepoint that is gone back to unless it was released.
struct Inside<'a> {
    open: &'a Open<'a>,
    mark: Option<Mark>,
    /// The block around that of a task, which rests until this one has ended.
    around: Option<&'a AtomicBool>,
}

/// A place in a transaction to go back to. See [`Tx::savepoint`].
pub struct Mark {
    savepoint: Savepoint,
    /// How many hooks there were; those given since go with a rollback.
    hooks: usize,
}

impl Open<'_> {
    fn mark(&self) -> Mark {
        self.ending.watch.control(Control::Savepoint);
        Mark { savepoint: self.transaction.session().savepoint(), hooks: self.hooks.lock().len() }
    }

    fn roll_back_to(&self, mark: &Mark) -> Result<()> {
        self.ending.watch.control(Control::RollbackTo);
        self.hooks.lock().truncate(mark.hooks);
        Ok(self.transaction.session().rollback_to(mark.savepoint)?)
    }

    fn release(&self, mark: &Mark) -> Result<()> {
        self.ending.watch.control(Control::Release);
        Ok(self.transaction.session().release(mark.savepoint)?)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Some(mark) = self.mark.take() {
            // It can only fail if an earlier savepoint was rolled back to, and then this one's work is gone as well.
            let _ = self.open.roll_back_to(&mark);
            let _ = self.open.release(&mark);
        }
        if let Some(around) = self.around {
            around.store(false, Ordering::Relaxed);
        }
    }
}

impl<'a> Tx<'a> {
    /// The outermost block, over a transaction.
    pub(crate) fn outermost(
        shared: &'a Arc<Shared>,
        settings: &'a Settings,
        transaction: Transaction,
    ) -> Tx<'a> {
        let watch = &shared.watch;
        watch.control(Control::Begin);
        let ending = Ending { watch, how: Some(Control::Rollback) };
        let transaction = Under::new(transaction, shared.binding());
        let open = Open { transaction, hooks: Mutex::default(), shared, settings, ending };
        Tx::over(Base::Outermost(Box::new(open)))
    }

    fn over(base: Base<'a>) -> Tx<'a> {
        let no = || AtomicBool::new(false);
        Tx { base, doomed: no(), rollback: no(), resting: no() }
    }

    fn open(&self) -> &Open<'_> {
        match &self.base {
            Base::Outermost(open) => open,
            Base::Inside(inside) => inside.open,
            Base::Joined(joined) => joined.open,
        }
    }

    fn check(&self) -> Result<()> {
        if self.doomed.load(Ordering::Relaxed) {
            Err(Error::Doomed)
        } else if self.resting.load(Ordering::Relaxed) {
            Err(Misuse::BlockInside.into())
        } else {
            Ok(())
        }
    }

    /// Ends the block and keeps its work; the outermost block commits, checks deferred constraints and runs the
    /// hooks of [`Atomic::on_commit`].
    ///
    /// # Errors
    /// [`Error::Doomed`] after a failed write inside the block, [`Error::Integrity`] of a deferred constraint: the
    /// block is rolled back. What a hook returns: the work is committed already.
    pub fn commit(self) -> Result<()> {
        let Some(open) = self.end()? else { return Ok(()) };
        let Open { transaction, hooks, mut ending, .. } = *open;
        transaction.into_session().commit()?;
        ending.how = Some(Control::Commit);
        drop(ending);
        run(hooks.into_inner())
    }

    /// [`commit`](Tx::commit) of a task: where the outermost block has to wait for the disk, its thread does not. If it
    /// is dropped while it waits, the commit goes its way all the same, and its hooks run on another thread; what they
    /// return is lost then.
    ///
    /// # Errors
    /// As [`commit`](Tx::commit).
    pub async fn acommit(self) -> Result<()> {
        let Some(open) = self.end()? else { return Ok(()) };
        let on_its_way = {
            let Open { transaction, hooks, shared, mut ending, .. } = *open;
            let committing = transaction.into_session().commit_later()?;
            ending.how = None;
            OnItsWay::new(committing, hooks.into_inner(), Arc::clone(shared))
        };
        on_its_way.await
    }

    /// The transaction of an outermost block, which goes on without the block.
    ///
    /// # Errors
    /// [`Error::Doomed`] after a failed write inside the block: it is rolled back.
    pub(crate) fn into_transaction(self) -> Result<Transaction> {
        match self.end()? {
            Some(open) => Ok(open.transaction.into_session()),
            None => Err(Error::Doomed),
        }
    }

    /// Ends an inner block; the outermost one is still to be committed, unless it is to be rolled back.
    fn end(self) -> Result<Option<Box<Open<'a>>>> {
        self.check()?;
        if self.rollback.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.base {
            Base::Outermost(open) => Ok(Some(open)),
            Base::Inside(mut inside) => {
                if let Some(mark) = inside.mark.take() {
                    inside.open.release(&mark)?;
                }
                Ok(None)
            }
            Base::Joined(mut joined) => {
                joined.is_kept = true;
                Ok(None)
            }
        }
    }

    /// Asks that the block be rolled back when it ends, though without an error; or, with `false`, takes that back
    /// and also forgives a failed write, which is right only after [`rollback_to`](Tx::rollback_to) undid it.
    pub fn set_rollback(&self, rollback: bool) {
        self.rollback.store(rollback, Ordering::Relaxed);
        if !rollback {
            self.doomed.store(false, Ordering::Relaxed);
        }
    }

    /// Whether the block will be rolled back when it ends.
    pub fn will_roll_back(&self) -> bool {
        self.rollback.load(Ordering::Relaxed) || self.doomed.load(Ordering::Relaxed)
    }

    /// Marks the place reached, to go back to by hand. A nested [`Atomic::atomic`] is simpler.
    ///
    /// # Errors
    /// [`Error::Doomed`] after a failed write in this block.
    pub fn savepoint(&self) -> Result<Mark> {
        self.check()?;
        Ok(self.open().mark())
    }

    /// Undoes everything since `mark`, hooks included.
    ///
    /// # Errors
    /// The engine's `UnknownSavepoint` if an earlier mark was gone back to meanwhile.
    pub fn rollback_to(&self, mark: &Mark) -> Result<()> {
        self.open().roll_back_to(mark)
    }
}

/// Runs what was to be run after the commit.
fn run(hooks: Vec<CommitHook>) -> Result<()> {
    hooks.into_iter().try_for_each(|hook| hook())
}

impl Executor for Tx<'_> {
    fn session(&self) -> Result<&dyn Session> {
        self.check()?;
        Ok(&self.open().transaction)
    }

    fn shared(&self) -> &Shared {
        self.open().shared
    }

    fn settings(&self) -> &Settings {
        self.open().settings
    }

    fn begin(&self) -> Result<Tx<'_>> {
        let open = self.open();
        Ok(Tx::over(Base::Inside(Inside { open, mark: Some(self.savepoint()?), around: None })))
    }

    fn begin_async(&self) -> Result<Tx<'_>> {
        let (open, mark) = (self.open(), self.savepoint()?);
        self.resting.store(true, Ordering::Relaxed);
        Ok(Tx::over(Base::Inside(Inside { open, mark: Some(mark), around: Some(&self.resting) })))
    }

    fn begin_joined(&self) -> Result<Tx<'_>> {
        self.check()?;
        let joined = Joined { open: self.open(), around: &self.doomed, is_kept: false };
        Ok(Tx::over(Base::Joined(joined)))
    }

    fn in_atomic_block(&self) -> bool {
        true
    }

    fn defer_to_commit(&self, hook: CommitHook) -> Result<()> {
        self.open().hooks.lock().push(hook);
        Ok(())
    }

    fn note_failed_write(&self, error: &Error) {
        if error.dooms() {
            self.doomed.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn who_tries_again_rests_for_a_time_that_doubles_within_bounds_and_is_never_the_same() {
        let ms = Duration::from_millis;
        let retry = Retry { pause_min: ms(1), pause_max: ms(8), ..Retry::default() };
        for (failures, whole) in
            [(1, ms(1)), (2, ms(2)), (3, ms(4)), (4, ms(8)), (5, ms(8)), (u32::MAX, ms(8))]
        {
            let pauses: BTreeSet<Duration> = (0..50).map(|_| retry.pause_after(failures)).collect();
            assert!(pauses.iter().all(|pause| (whole / 2..=whole).contains(pause)), "{failures}: {pauses:?}");
            assert!(pauses.len() > 10, "two who lost against each other would meet again: {pauses:?}");
        }
        let endless = Retry { pause_min: Duration::MAX, pause_max: Duration::MAX, ..Retry::default() };
        assert!(endless.pause_after(u32::MAX) < Duration::MAX);
    }
}
