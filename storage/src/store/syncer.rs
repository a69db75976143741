//! Who waits for the disk in the place of tasks: a commit of one must not block its thread until a sync is over.
//!
//! A task that commits appends to the log like everybody, and hands the rest over: its locks, and the number of its
//! commit. A thread takes what was handed over, waits until it is durable (and syncs it, if nobody else does, together
//! with all that has been appended by then), publishes it, lets go of the locks and wakes the task. A task that is gone
//! by then changes nothing: its commit was in the log.
//!
//! The thread holds the inside of the store, as the [keeper](super::keeper) does, so that the last clone of the store
//! closes the files; it first finishes what was handed over.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::{Condvar, Mutex};

use super::Inner;
use super::publish::Appended;
use crate::commit::CommitId;
use crate::error::Error;
use crate::lock::{Owner, wake_task};

/// What was handed over, and waits for the thread.
#[derive(Debug, Default)]
pub(super) struct Syncer {
    state: Mutex<State>,
    condvar: Condvar,
}

#[derive(Debug, Default)]
struct State {
    handed_over: Vec<HandedOver>,
    /// Whether there is a thread, and it takes what is handed over.
    is_running: bool,
}

/// A commit that a task waits for.
#[derive(Debug)]
struct HandedOver {
    appended: Appended,
    /// The transaction's locks, held until it is published.
    owner: Owner,
    answer: Arc<Answer>,
}

/// What became of a commit, once that is known, and who wants to know.
#[derive(Debug, Default)]
struct Answer(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    outcome: Option<Result<CommitId, Error>>,
    waker: Option<Waker>,
}

/// A commit on its way to the disk; ready when it is there and published.
///
/// It has happened already as far as its transaction goes: when this is dropped the commit goes its way all the same.
#[derive(Debug)]
#[must_use = "whether the commit is durable is known when this is ready"]
pub struct Committing(Arc<Answer>);

impl Committing {
    /// One of which it is known what became of it.
    pub(super) fn settled(outcome: Result<CommitId, Error>) -> Committing {
        let answer = Arc::new(Answer::default());
        answer.settle(outcome);
        Committing(answer)
    }
}

impl Future for Committing {
    type Output = Result<CommitId, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waker = Some(context.waker().clone()); // cloned and, below, dropped while no mutex is held
        let mut known = self.0.0.lock();
        if let Some(outcome) = &known.outcome {
            return Poll::Ready(outcome.clone());
        }
        std::mem::swap(&mut known.waker, &mut waker);
        drop(known);
        Poll::Pending
    }
}

impl Answer {
    fn settle(&self, outcome: Result<CommitId, Error>) {
        let mut known = self.0.lock();
        known.outcome = Some(outcome);
        let waker = known.waker.take();
        drop(known); // a waker runs foreign code
        if let Some(waker) = waker {
            wake_task(waker);
        }
    }
}

impl Syncer {
    /// A thread is about to [run](Syncer::run) it.
    pub(super) fn open(&self) {
        self.state.lock().is_running = true;
    }

    /// Nothing more is handed over; the thread ends when it has done what was.
    pub(super) fn close(&self) {
        self.state.lock().is_running = false;
        self.condvar.notify_one();
    }

    /// Hands a commit over, to be told when it is published. If there is nobody to take it, it is returned.
    #[expect(clippy::result_large_err, reason = "it is what was given, and goes no further than the caller")]
    pub(super) fn hand_over(
        &self,
        appended: Appended,
        owner: Owner,
    ) -> Result<Committing, (Appended, Owner)> {
        let mut state = self.state.lock();
        if !state.is_running {
            return Err((appended, owner));
        }
        let answer = Arc::new(Answer::default());
        state.handed_over.push(HandedOver { appended, owner, answer: Arc::clone(&answer) });
        self.condvar.notify_one();
        Ok(Committing(answer))
    }

    /// Waits for commits, and takes all there are; none when the store is closed and there are none.
    fn take(&self) -> Vec<HandedOver> {
        let mut state = self.state.lock();
        while state.is_running && state.handed_over.is_empty() {
            self.condvar.wait(&mut state);
        }
        std::mem::take(&mut state.handed_over)
    }

    /// Sees commits through, until the store is closed.
    pub(super) fn run(&self, inner: &Inner) {
        loop {
            let mut taken = self.take();
            if taken.is_empty() {
                return;
            }
            // The first waits for one sync of them all.
            taken.sort_unstable_by_key(|handed_over| handed_over.appended.sequence);
            for HandedOver { appended, owner, answer } in taken {
                let outcome = inner.finish(appended);
                drop(owner);
                answer.settle(outcome);
            }
        }
    }
}
