//! How long a statement may take, and how another thread ends it.
//!
//! Whoever runs statements has [`Limits`]: a handle of a database, a transaction, a snapshot. When a statement begins
//! they become its [`Interrupt`], which is looked at once for each batch of rows, each leaf that is written, and while
//! it waits for a lock. So a statement ends within about the time that a few batches take, and leaves nothing behind:
//! a statement that fails has done nothing, and its transaction goes on. What reads one row by its key is over before
//! there would be anything to look at, and is not limited; nor are a commit and a rollback.
//!
//! A [`Cancel`] stays cancelled. A statement that is about to begin when it is called cannot escape it, which one that
//! only ended what runs at the moment could not promise.
//!
//! ```
//! use nuages_engine::limits::{Cancel, Limits};
//! use nuages_engine::{Database, Error, Session};
//! use std::time::Duration;
//!
//! let cancel = Cancel::new();
//! let limits = Limits { statement_timeout: Some(Duration::from_secs(5)), cancel: Some(cancel.clone()), ..Limits::default() };
//! let db = Database::new().with_limits(limits);
//! cancel.cancel(); // from whatever thread
//! assert_eq!(db.drop_table("song"), Err(Error::Cancelled));
//! ```

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use futures_timer::Delay;
use jiff::Timestamp;
use nuages_storage::lock::{LockError, Ticket};
use parking_lot::Mutex;

use crate::error::Error;
use crate::memory::Memory;

/// No wait that a timer is set for is longer: beyond it lies the end of a clock's time.
const WAIT_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How long statements may take, and who may end them before.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// How long a statement may take at most, waiting included: then it is [`Error::StatementTimeout`].
    pub statement_timeout: Option<Duration>,
    /// How long it waits for any one lock at most: then it is [`LockError::Timeout`]. Without one a thread waits until
    /// the lock is free, and a task for [`LOCK_TIMEOUT`](crate::asynchronous::LOCK_TIMEOUT).
    pub lock_timeout: Option<Duration>,
    /// How many bytes the operators of a statement may keep in memory, and how many its result: beyond that it is
    /// [`Error::MemoryLimit`].
    pub memory_bytes_max: Option<u64>,
    /// Who ends statements: then they are [`Error::Cancelled`].
    pub cancel: Option<Cancel>,
}

impl Limits {
    /// Whether there are none.
    #[inline]
    fn are_none(&self) -> bool {
        let Limits { statement_timeout, lock_timeout, memory_bytes_max, cancel } = self;
        statement_timeout.is_none()
            && lock_timeout.is_none()
            && memory_bytes_max.is_none()
            && cancel.is_none()
    }

    /// Whether a statement may be ended that waits for nobody.
    pub(crate) fn may_end(&self) -> bool {
        self.statement_timeout.is_some() || self.cancel.is_some()
    }
}

/// Ends the statements of everybody who has it among their [`Limits`], those that run and those to come. Clones are the
/// same.
#[derive(Clone, Default)]
pub struct Cancel {
    shared: Arc<Cancelling>,
}

#[derive(Default)]
struct Cancelling {
    is_cancelled: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// Who waits for a lock and wants to be woken, each under a number.
#[derive(Default)]
struct Waiting {
    wakers: Vec<(u64, Waker)>,
    next: u64,
}

impl Cancel {
    /// One that nothing has been cancelled by.
    #[must_use]
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Ends the statements, for good. Does not wait until they have ended.
    pub fn cancel(&self) {
        self.shared.is_cancelled.store(true, Ordering::Release);
        let waiting = std::mem::take(&mut self.shared.waiting.lock().wakers);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Whether it was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.shared.is_cancelled.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("is_cancelled", &self.is_cancelled()).finish()
    }
}

/// Is ready when a [`Cancel`] is called; never without one.
#[derive(Debug, Default)]
struct Cancelled {
    cancel: Option<Cancel>,
    /// Under which its waker is known.
    number: Option<u64>,
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Cancelled { cancel, number } = &mut *self;
        let Some(cancel) = cancel else { return Poll::Pending };
        let waker = context.waker().clone();
        let mut waiting = cancel.shared.waiting.lock();
        // Looked at under the mutex that is taken between the cancelling and the waking.
        if cancel.is_cancelled() {
            return Poll::Ready(());
        }
        let number = *number.get_or_insert_with(|| {
            waiting.next += 1;
            waiting.next
        });
        waiting.wakers.retain(|(other, _)| *other != number);
        waiting.wakers.push((number, waker));
        Poll::Pending
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if let (Some(cancel), Some(number)) = (&self.cancel, self.number) {
            cancel.shared.waiting.lock().wakers.retain(|(other, _)| *other != number);
        }
    }
}

/// The limits of one statement, counted from when it began, and the clock it goes by.
///
/// Most statements have none, and begin in less time than limits would take to be copied.
#[derive(Debug, Default)]
pub struct Interrupt {
    /// What time it is for the statement, if that was settled before it.
    now: Option<Timestamp>,
    limited: Option<Box<InForce>>,
}

/// Limits of a statement that has begun.
#[derive(Debug)]
struct InForce {
    limits: Limits,
    /// When it has to have ended.
    end: Option<Instant>,
    /// What it keeps, if that is limited.
    memory: Option<Arc<Memory>>,
}

impl InForce {
    fn new(limits: &Limits) -> InForce {
        // A time beyond all time is no limit.
        let end = limits.statement_timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let memory = limits.memory_bytes_max.map(|bytes_max| Arc::new(Memory::new(bytes_max)));
        InForce { limits: limits.clone(), end, memory }
    }
}

impl Interrupt {
    /// Of a statement that begins now.
    #[must_use]
    #[inline]
    pub fn new(limits: &Limits) -> Interrupt {
        Interrupt { now: None, limited: (!limits.are_none()).then(|| Box::new(InForce::new(limits))) }
    }

    /// The same for a statement of a transaction in which it is always this time.
    #[must_use]
    pub(crate) fn at_time(self, now: Option<Timestamp>) -> Interrupt {
        Interrupt { now, ..self }
    }

    /// What time it is for the statement, if that was settled before it.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.now
    }

    /// Whether nothing can end the statement before its time.
    pub(crate) fn is_none(&self) -> bool {
        self.limited.as_ref().is_none_or(|limited| {
            limited.end.is_none() && limited.limits.cancel.is_none() && limited.memory.is_none()
        })
    }

    /// What the statement keeps, if that is limited.
    pub(crate) fn memory(&self) -> Option<&Arc<Memory>> {
        self.limited.as_ref()?.memory.as_ref()
    }

    /// How many bytes its result may have.
    pub(crate) fn memory_bytes_max(&self) -> Option<u64> {
        self.limited.as_ref()?.limits.memory_bytes_max
    }

    /// That the statement may go on.
    ///
    /// # Errors
    /// [`Error::Cancelled`]; [`Error::StatementTimeout`], if it looks at the clock.
    pub(crate) fn check(&self, looks_at_clock: bool) -> Result<(), Error> {
        let Some(limited) = &self.limited else { return Ok(()) };
        if limited.limits.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
            return Err(Error::Cancelled);
        }
        match (limited.end, limited.limits.statement_timeout) {
            (Some(end), Some(timeout)) if looks_at_clock && Instant::now() >= end => {
                Err(Error::StatementTimeout { timeout })
            }
            _ => Ok(()),
        }
    }

    /// When a wait for a lock that begins now is over.
    fn end_of_wait(&self) -> Option<Instant> {
        let InForce { limits, end, .. } = &**self.limited.as_ref()?;
        let lock = limits.lock_timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        [lock, *end].into_iter().flatten().min()
    }

    fn cancel(&self) -> Option<&Cancel> {
        self.limited.as_ref()?.limits.cancel.as_ref()
    }

    /// Blocks the thread until a lock is granted.
    ///
    /// # Errors
    /// [`Error::Lock`]; as [`check`](Interrupt::check).
    pub(crate) fn wait(&self, ticket: Ticket) -> Result<(), Error> {
        let end = self.end_of_wait();
        let granted = match self.cancel() {
            None => ticket.wait(end),
            Some(_) => {
                let over = poll_fn(|_| match end {
                    Some(end) if Instant::now() >= end => Poll::Ready(()),
                    _ => Poll::Pending,
                });
                block_on(self.limited(ticket, over), end)
            }
        };
        self.outcome(granted)
    }

    /// Awaits the grant of a lock, for so long at most if the limits do not say how long.
    ///
    /// # Errors
    /// As [`wait`](Interrupt::wait).
    pub(crate) async fn granted(&self, ticket: Ticket, otherwise: Duration) -> Result<(), Error> {
        let limited = self.limited.as_ref();
        let lock_timeout = limited.and_then(|limited| limited.limits.lock_timeout).unwrap_or(otherwise);
        let end = limited.and_then(|limited| limited.end);
        let rest = end.map_or(WAIT_MAX, |end| end.saturating_duration_since(Instant::now()));
        let delay = Delay::new(lock_timeout.min(rest).min(WAIT_MAX));
        let granted = self.limited(ticket, delay).await;
        self.outcome(granted)
    }

    fn limited<F: Future<Output = ()> + Unpin>(&self, ticket: Ticket, over: F) -> Limited<F> {
        let cancelled = Cancelled { cancel: self.cancel().cloned(), number: None };
        Limited { ticket: Some(ticket), over, cancelled }
    }

    /// What a wait came to: that it took too long may have other reasons than the lock.
    fn outcome(&self, granted: Result<(), LockError>) -> Result<(), Error> {
        let Err(error) = granted else { return Ok(()) };
        if matches!(error, LockError::Timeout { .. }) {
            self.check(true)?;
        }
        Err(Error::Lock(Box::new(error)))
    }
}

/// A wait for a lock that has an end.
struct Limited<F> {
    ticket: Option<Ticket>,
    over: F,
    cancelled: Cancelled,
}

impl<F: Future<Output = ()> + Unpin> Future for Limited<F> {
    type Output = Result<(), LockError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Limited { ticket: waiting, over, cancelled } = &mut *self;
        let Some(ticket) = waiting else { return Poll::Ready(Err(LockError::Ended)) };
        if let Poll::Ready(granted) = Pin::new(ticket).poll(context) {
            *waiting = None;
            return Poll::Ready(granted);
        }
        let is_over = Pin::new(over).poll(context).is_ready() || Pin::new(cancelled).poll(context).is_ready();
        match waiting.take() {
            Some(ticket) if is_over => Poll::Ready(ticket.give_up()),
            ticket => {
                *waiting = ticket;
                Poll::Pending
            }
        }
    }
}

/// Blocks the thread until a future is ready, which it is at a deadline in any case.
fn block_on<F: Future>(future: F, end: Option<Instant>) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        match end {
            None => thread::park(),
            Some(end) => thread::park_timeout(end.saturating_duration_since(Instant::now())),
        }
    }
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
