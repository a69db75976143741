//! Who keeps the files of a store in order: a thread that writes out what is buffered, and checkpoints. (The other
//! thread of a store is the [syncer](super::syncer)'s.)
//!
//! It holds the inside of the store and not a [`Store`](super::Store), so that the last clone of that is what closes
//! the files.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::Inner;
use super::durable::Durability;

/// For how long commits of a buffered store are collected, at most, before they are written and synced.
const COLLECT: Duration = Duration::from_millis(50);
/// How long after a checkpoint that failed the next is tried; twice as long after each that fails again, up to
/// [`RETRY_MAX`]. Each may leave another file behind, so they are not to be many.
const RETRY: Duration = if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(30) };

const RETRY_MAX: Duration = Duration::from_secs(30 * 60);

/// Wakes the keeper.
#[derive(Debug, Default)]
pub(super) struct Bell {
    state: Mutex<Ringing>,
    condvar: Condvar,
}

#[derive(Debug, Default)]
struct Ringing {
    /// Whether something was appended since the keeper last looked.
    has_work: bool,
    is_closing: bool,
}

impl Bell {
    /// There is something to do.
    pub(super) fn ring(&self) {
        let mut state = self.state.lock();
        if !state.has_work {
            state.has_work = true;
            self.condvar.notify_one();
        }
    }

    fn close(&self) {
        self.state.lock().is_closing = true;
        self.condvar.notify_one();
    }

    /// Waits for something to do, until `due` at most, and then a little for more of it. False when the store is
    /// closed.
    fn wait(&self, due: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while !state.has_work && !state.is_closing {
            match due {
                None => self.condvar.wait(&mut state),
                Some(due) if self.condvar.wait_until(&mut state, due).timed_out() => break,
                Some(_) => {}
            }
        }
        let until = Instant::now() + COLLECT;
        while !state.is_closing && !self.condvar.wait_until(&mut state, until).timed_out() {}
        state.has_work = false;
        !state.is_closing
    }
}

/// The threads of a store, and the end of them.
#[derive(Debug)]
pub(super) struct Keeper {
    inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the threads. If the system gives none, who commits has to do it all, and there are no checkpoints but
    /// those that are asked for.
    pub(super) fn of(inner: &Arc<Inner>) -> Keeper {
        let start = |name: &str, work: fn(&Inner)| {
            let kept = Arc::clone(inner);
            thread::Builder::new().name(name.into()).spawn(move || work(&kept)).ok()
        };
        let mut threads: Vec<_> = start("nuages-keeper", keep).into_iter().collect();
        if let Some(durable) = inner.durable.as_ref().filter(|_| inner.publishes_later()) {
            durable.syncer.open(); // before the thread looks whether it is to end
            match start("nuages-syncer", sync) {
                Some(thread) => threads.push(thread),
                None => durable.syncer.close(),
            }
        }
        Keeper { inner: Arc::clone(inner), threads }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(durable) = &self.inner.durable {
            durable.bell.close();
            durable.syncer.close();
        }
        for thread in self.threads.drain(..) {
            // The last clone of a store may go where a task is woken; and who panicked has nothing left to do.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
        self.inner.close();
    }
}

/// Sees the commits of tasks through, until the store is closed.
fn sync(inner: &Inner) {
    if let Some(durable) = &inner.durable {
        durable.syncer.run(inner);
    }
}

/// Does what there is to do, until the store is closed.
fn keep(inner: &Inner) {
    let Some(durable) = &inner.durable else { return };
    let mut retry = RETRY;
    let mut due: Option<Instant> = None;
    while durable.bell.wait(due) {
        if durable.durability() == Durability::Buffered {
            // Who commits next is told if it fails.
            let _ = durable.flush_all();
        }
        if due.is_some_and(|due| Instant::now() < due) {
            continue;
        }
        let has_failed = durable.wants_checkpoint() && inner.checkpoint().is_err();
        due = has_failed.then(|| Instant::now() + retry);
        retry = if has_failed { (retry * 2).min(RETRY_MAX) } else { RETRY };
    }
}
