//! The write permit: one writer at a time.
//!
//! A statement that writes holds the permit from before its deciding read until its operations are published; a
//! transaction holds it from its first write to its end. A thread that would wait for itself gets an error at once.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::error::Error;

const FREE: u64 = 0;

/// The lock behind the permits of one store.
///
/// `owner` is the holder's thread number, or [`FREE`]. The uncontended paths are a load, a compare-and-swap and a
/// store. Whoever finds others waiting takes a ticket and waits for its turn, so nobody is overtaken for long. A
/// waiter counts itself before it looks again, and a holder looks at the count after it let go, so one of the two
/// always sees the other.
#[derive(Debug, Default)]
pub(crate) struct WriterLock {
    owner: AtomicU64,
    waiters: AtomicUsize,
    queue: Mutex<Queue>,
    freed: Condvar,
}

/// The tickets of those who wait.
#[derive(Debug, Default)]
struct Queue {
    next: u64,
    serving: u64,
}

/// The right to write, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<WriterLock>);

impl WriterLock {
    /// Takes the lock, waiting for another thread's writer if there is one.
    ///
    /// # Errors
    /// [`Error::WouldDeadlock`] if this thread holds it.
    fn acquire(&self) -> Result<(), Error> {
        let me = thread_number();
        if self.waiters.load(Ordering::SeqCst) == 0 && self.try_acquire(me) {
            return Ok(());
        }
        if self.owner.load(Ordering::SeqCst) == me {
            return Err(Error::WouldDeadlock);
        }
        let mut queue = self.queue.lock();
        let ticket = queue.next;
        queue.next += 1;
        self.waiters.fetch_add(1, Ordering::SeqCst);
        while queue.serving != ticket || !self.try_acquire(me) {
            self.freed.wait(&mut queue);
        }
        queue.serving += 1;
        self.waiters.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    fn try_acquire(&self, me: u64) -> bool {
        self.owner.compare_exchange(FREE, me, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn release(&self) {
        self.owner.store(FREE, Ordering::SeqCst);
        if self.waiters.load(Ordering::SeqCst) > 0 {
            let _queue = self.queue.lock();
            self.freed.notify_all(); // only the one whose turn it is goes on
        }
    }
}

impl Permit {
    /// Takes the permit; see [`WriterLock::acquire`].
    pub(crate) fn acquire(lock: &Arc<WriterLock>) -> Result<Permit, Error> {
        lock.acquire()?;
        Ok(Permit(Arc::clone(lock)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// A number of this thread that no other thread of the process has.
fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(FREE + 1);
    thread_local!(static NUMBER: Cell<u64> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed)));
    NUMBER.with(Cell::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_would_wait_for_itself_gets_an_error() {
        let lock = Arc::new(WriterLock::default());
        let held = Permit::acquire(&lock).unwrap();
        assert_eq!(Permit::acquire(&lock).err(), Some(Error::WouldDeadlock));
        drop(held);
        assert!(Permit::acquire(&lock).is_ok());
    }

    #[test]
    fn who_lets_go_and_asks_again_comes_after_those_who_wait() {
        let lock = Arc::new(WriterLock::default());
        let order = Mutex::new(Vec::new());
        let held = Permit::acquire(&lock).unwrap();
        std::thread::scope(|scope| {
            for (waiting, name) in ["first", "second"].into_iter().enumerate() {
                let (lock, order) = (&lock, &order);
                scope.spawn(move || {
                    let _permit = Permit::acquire(lock).unwrap();
                    order.lock().push(name);
                });
                while lock.waiters.load(Ordering::SeqCst) <= waiting {
                    std::thread::yield_now();
                }
            }
            drop(held);
            let _again = Permit::acquire(&lock).unwrap();
            order.lock().push("again");
        });
        assert_eq!(*order.lock(), ["first", "second", "again"]);
    }

    #[test]
    fn threads_take_turns_and_none_is_lost() {
        let lock = Arc::new(WriterLock::default());
        let counter = Mutex::new(0u32);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let permit = Permit::acquire(&lock).unwrap();
                        let seen = counter.try_lock().map(|mut value| {
                            *value += 1;
                            *value
                        });
                        assert!(seen.is_some(), "two holders at once");
                        drop(permit);
                    }
                });
            }
        });
        assert_eq!(*counter.lock(), 8_000);
    }
}
