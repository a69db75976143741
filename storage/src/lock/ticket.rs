//! Waiting for a lock: by blocking a thread, or as a future.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::name::Slot;
use super::{LockError, Locks};
use crate::sync::{Condvar, Mutex};

/// Wakes a task. What a waker does is foreign code: if it panics, which the program's panic hook has told then, that is
/// no reason to leave others waiting that are to be woken after it, or locks with nobody to let them go.
pub(crate) fn wake_task(waker: Waker) {
    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
}

/// Where a claim that had to wait has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is in the queue.
    Waiting,
    /// Its owner holds what it asked for.
    Granted,
    /// It was taken out of the queue.
    Ended,
}

/// How often a thread looks whether its wait is over before it goes to sleep, and how long it rests in between: some
/// microseconds in all. Tests try out every interleaving of what comes after.
const SPINS: u32 = if cfg!(test) { 0 } else { 64 };
const PAUSES: u32 = 16;

/// Where a waiting claim is told that it need not wait any longer.
///
/// The progress changes under the mutex of the lock table, together with the queue, so the two never disagree. Who
/// waits is woken after that mutex was let go.
#[derive(Debug)]
pub(super) struct Waiter {
    state: Mutex<WaiterState>,
    settled: Condvar,
}

#[derive(Debug)]
struct WaiterState {
    progress: Progress,
    waker: Option<Waker>,
}

impl Waiter {
    pub(super) fn new() -> Self {
        let state = WaiterState { progress: Progress::Waiting, waker: None };
        Self { state: Mutex::new(state), settled: Condvar::new() }
    }

    /// Notes how the wait ended. The caller holds the lock table's mutex, and calls [`wake`](Self::wake) after it let
    /// go of it.
    pub(super) fn settle(&self, progress: Progress) {
        self.state.lock().progress = progress;
    }

    /// Looks for a while whether the wait is over, which spares putting the thread to sleep and waking it: most
    /// transactions that hold a lock take less time than that.
    fn spin(&self) -> bool {
        (0..SPINS).any(|_| {
            (0..PAUSES).for_each(|_| std::hint::spin_loop());
            self.progress() != Progress::Waiting
        })
    }

    pub(super) fn progress(&self) -> Progress {
        self.state.lock().progress
    }

    /// Wakes who waits. A waker runs foreign code, so no mutex is held meanwhile.
    pub(super) fn wake(&self) {
        let waker = self.state.lock().waker.take();
        self.settled.notify_one();
        if let Some(waker) = waker {
            wake_task(waker);
        }
    }

    /// Blocks the thread until the wait ended, or until a deadline.
    fn block(&self, deadline: Option<Instant>) {
        let mut state = self.state.lock();
        while state.progress == Progress::Waiting {
            match deadline {
                None => self.settled.wait(&mut state),
                Some(deadline) => {
                    if self.settled.wait_until(&mut state, deadline).timed_out() {
                        return;
                    }
                }
            }
        }
    }

    /// Leaves a waker for when the wait ends, unless it has ended.
    fn park(&self, waker: &Waker) -> Progress {
        let mut waker = Some(waker.clone()); // cloned and, below, dropped while no mutex is held
        let mut state = self.state.lock();
        if state.progress == Progress::Waiting {
            std::mem::swap(&mut state.waker, &mut waker);
        }
        let progress = state.progress;
        drop(state);
        progress
    }
}

/// A place in the queue for a lock.
///
/// Await it, or block the thread with [`wait`](Self::wait). A ticket that is dropped leaves the queue; if the lock was
/// granted before that, its owner has it.
///
/// A deadline in async code is built by whoever polls: poll the ticket and a timer, and when the timer is first call
/// [`give_up`](Self::give_up).
#[must_use = "a ticket that is dropped leaves the queue"]
pub struct Ticket {
    locks: Locks,
    slot: Slot,
    waiter: Arc<Waiter>,
}

impl Ticket {
    pub(super) fn new(locks: Locks, slot: Slot, waiter: Arc<Waiter>) -> Self {
        Self { locks, slot, waiter }
    }

    /// Blocks the thread until the lock is granted.
    ///
    /// # Errors
    /// [`LockError::Timeout`] if that is not before `deadline`; [`LockError::Ended`] if the owner let go of
    /// everything meanwhile.
    pub fn wait(self, deadline: Option<Instant>) -> Result<(), LockError> {
        if !self.waiter.spin() {
            self.waiter.block(deadline);
        }
        self.give_up()
    }

    /// Waits no longer.
    ///
    /// # Errors
    /// [`LockError::Timeout`] unless the lock was granted by now; [`LockError::Ended`] if the owner let go of
    /// everything meanwhile.
    pub fn give_up(self) -> Result<(), LockError> {
        match self.waiter.progress() {
            Progress::Granted => Ok(()),
            Progress::Ended => Err(LockError::Ended),
            Progress::Waiting => self.locks.withdraw(self.slot, &self.waiter),
        }
    }
}

impl Future for Ticket {
    type Output = Result<(), LockError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.waiter.park(context.waker()) {
            Progress::Waiting => Poll::Pending,
            Progress::Granted => Poll::Ready(Ok(())),
            Progress::Ended => Poll::Ready(Err(LockError::Ended)),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.waiter.progress() == Progress::Waiting {
            // Nobody is left to be told whether the lock was granted before; the owner holds it then.
            let _ = self.locks.withdraw(self.slot, &self.waiter);
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("slot", &self.slot).field("progress", &self.waiter.progress()).finish()
    }
}
