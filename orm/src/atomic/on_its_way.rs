//! Commits that a task awaits, and what follows from them.
//!
//! Once a commit is in the log it happens, whether or not its task is there to see it: a timeout or a `select!` may
//! drop the task meanwhile. What was to be run after the commit must follow then too, but nobody is left to run it. So
//! a thread of its own is given the rest: it is not the thread that syncs, for which a hook that commits would wait in
//! vain.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, ready},
    thread::{self, Thread},
};

use nuages_storage::{CommitId, Committing};
use parking_lot::Mutex;

use super::run;
use crate::{
    error::Result,
    executor::{CommitHook, Control, Shared},
};

/// A commit on its way to the disk; ready when it is there and what follows has been done.
pub(super) struct OnItsWay(Option<Rest>);

/// What is left to be done of a commit.
struct Rest {
    committing: Committing,
    hooks: Vec<CommitHook>,
    shared: Arc<Shared>,
}

impl OnItsWay {
    pub(super) fn new(committing: Committing, hooks: Vec<CommitHook>, shared: Arc<Shared>) -> OnItsWay {
        OnItsWay(Some(Rest { committing, hooks, shared }))
    }
}

impl Future for OnItsWay {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let committing = &mut self.0.as_mut().expect("it is not polled once it was ready").committing;
        let outcome = ready!(Pin::new(committing).poll(context));
        let rest = self.0.take().expect("it was there");
        Poll::Ready(rest.follow(outcome))
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        let Some(rest) = self.0.take() else { return };
        if rest.hooks.is_empty() && !rest.shared.watch.is_watched() {
            return;
        }
        let rest = Arc::new(Mutex::new(Some(rest)));
        let see_through = {
            let rest = Arc::clone(&rest);
            move || {
                if let Some(rest) = rest.lock().take() {
                    // Nobody is left to be told.
                    let _ = rest.see_through();
                }
            }
        };
        if thread::Builder::new().name("nuages-on-commit".to_owned()).spawn(see_through).is_err()
            && let Some(rest) = rest.lock().take()
        {
            let _ = rest.see_through(); // the system gave us no thread
        }
    }
}

impl Rest {
    /// Does what follows from a commit.
    fn follow(self, outcome: std::result::Result<CommitId, nuages_storage::Error>) -> Result<()> {
        let Rest { hooks, shared, .. } = self;
        shared.watch.control(if outcome.is_ok() { Control::Commit } else { Control::Rollback });
        outcome.map_err(nuages_engine::Error::from)?;
        run(hooks)
    }

    /// Blocks the thread until the commit is on the disk, and does what follows.
    fn see_through(mut self) -> Result<()> {
        let waker = Arc::new(Unpark(thread::current())).into();
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self.committing).poll(&mut context) {
                Poll::Ready(outcome) => return self.follow(outcome),
                Poll::Pending => thread::park(),
            }
        }
    }
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
