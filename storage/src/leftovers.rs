//! What versions leave behind when nobody holds them any more, and who frees it.
//!
//! A version that was replaced while somebody held it keeps the nodes that commits have copied since. To free them is
//! to count down the references to all the nodes below them, of which the newest version has nearly all, too. The
//! writer has counted those up a moment ago, so they lie in his core's cache: who has only read would fetch each of
//! them from there, and the writer, at his next copies, fetch each of them back. So a reader that has let a writer go
//! on for long leaves them to him, if there is one right now; else he frees them himself, and nothing is ever left to
//! nobody:
//!
//! ```text
//! who lets go                             who commits
//! puts it where it waits                  begins: `turns` becomes odd
//! asks `turns`, which becomes no other    ..
//! odd: somebody's turn is not over        ends: `turns` becomes even
//! even: frees what waits himself          frees what waits, after the mutex
//! ```
//!
//! Both change `turns` in one step (if only to what it is), so one of the two comes first: either he who lets go sees an
//! even number, or he who commits sees what waits.

use std::hint::spin_loop;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::sync::{AtomicUsize, Mutex};

/// After how many commits what a version leaves behind is worth being handed over. What it was replaced by is one.
const TURNS_MIN: usize = if cfg!(test) { 2 } else { 16 };
/// How often who lets go looks whether somebody's turn has come: for about as long as a commit takes that comes without
/// a pause after another.
const LOOKS: usize = if cfg!(test) { 1 } else { 32 };

/// Whether a number of turns begun and ended is that of one that lasts.
fn is_somebodys(turns: usize) -> bool {
    turns & 1 == 1
}

/// What the versions of a store have left, as far as it waits for who commits.
#[derive(Debug)]
pub(crate) struct Leftovers<T> {
    /// How often a turn of who commits has begun or ended: odd while it lasts.
    turns: AtomicUsize,
    /// One if there may be something waiting, else zero.
    waits: AtomicUsize,
    /// What is to be freed, with where it is at home: by the count of these, who commits knows whether he has to look.
    waiting: Mutex<Vec<(T, Home<T>)>>,
}

/// Where a published version is at home.
#[derive(Debug)]
pub(crate) struct Home<T> {
    leftovers: Arc<Leftovers<T>>,
    /// The turn in which another version took its place; zero before.
    replaced: AtomicUsize,
}

/// What refers to the leftovers of a store when no version is held but the newest: the store and that.
const REFERENCES_MIN: usize = 2;

impl<T> Default for Leftovers<T> {
    fn default() -> Self {
        Self { turns: AtomicUsize::new(0), waits: AtomicUsize::new(0), waiting: Mutex::new(Vec::new()) }
    }
}

impl<T> Leftovers<T> {
    /// Begins a turn. Who calls holds the commit mutex.
    #[inline]
    pub(crate) fn begin_turn(&self) {
        self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Ends it. Who calls still holds the commit mutex, and [frees](Leftovers::free) what waits when he does no more.
    /// Returns whether there may be something.
    #[inline]
    pub(crate) fn end_turn(self: &Arc<Self>) -> bool {
        if Arc::strong_count(self) <= REFERENCES_MIN {
            self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
            return false;
        }
        self.turns.fetch_add(1, Ordering::AcqRel);
        self.waits.load(Ordering::Relaxed) != 0
    }

    /// Where a version is at home that is published now.
    pub(crate) fn home(self: &Arc<Self>) -> Home<T> {
        Home { leftovers: Arc::clone(self), replaced: AtomicUsize::new(0) }
    }

    /// Frees what waits. It may take long.
    #[cold]
    pub(crate) fn free(&self) {
        let left = {
            let mut waiting = self.waiting.lock();
            self.waits.store(0, Ordering::Relaxed);
            mem::take(&mut *waiting)
        };
        drop(left);
    }

    /// Whether it is somebody's turn, or comes to be so in a moment.
    fn is_soon_a_turn(&self) -> bool {
        (0..LOOKS).any(|_| {
            spin_loop();
            is_somebodys(self.turns.load(Ordering::Relaxed))
        })
    }

    /// Puts something where it waits.
    fn put(&self, left: T, home: Home<T>) {
        let mut waiting = self.waiting.lock();
        waiting.push((left, home));
        self.waits.store(1, Ordering::Relaxed);
    }
}

impl<T> Home<T> {
    /// Another version takes the place of this one. Who calls holds the commit mutex.
    pub(crate) fn replace(&self) {
        self.replaced.store(self.leftovers.turns.load(Ordering::Relaxed).max(1), Ordering::Relaxed);
    }

    /// Whether enough commits have come since to leave to who commits what they have replaced.
    fn is_long_ago(&self) -> bool {
        let (turns, replaced) =
            (self.leftovers.turns.load(Ordering::Relaxed), self.replaced.load(Ordering::Relaxed));
        replaced != 0 && turns.wrapping_sub(replaced) >= 2 * TURNS_MIN
    }

    /// Frees what a version has left, or hands it over. Nobody holds the version any more.
    pub(crate) fn leave(self, left: T) {
        if !self.is_long_ago() || !self.leftovers.is_soon_a_turn() {
            return drop(left);
        }
        let leftovers = Arc::clone(&self.leftovers);
        leftovers.put(left, self);
        if !is_somebodys(leftovers.turns.fetch_add(0, Ordering::AcqRel)) {
            leftovers.free(); // His turn may have ended before there was something to be seen.
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is freed when nothing refers to it but the test.
    fn thing() -> (Arc<()>, Arc<()>) {
        let thing = Arc::new(());
        (Arc::clone(&thing), thing)
    }

    fn turns(leftovers: &Arc<Leftovers<Arc<()>>>, number: usize) {
        for _ in 0..number {
            leftovers.begin_turn();
            assert!(!leftovers.end_turn(), "nothing waits");
        }
    }

    #[test]
    fn what_was_replaced_long_ago_waits_for_whose_turn_it_is() {
        let leftovers = Arc::new(Leftovers::default());
        let (_newest, home) = (leftovers.home(), leftovers.home());
        let (thing, left) = thing();
        leftovers.begin_turn();
        home.replace();
        assert!(!leftovers.end_turn());
        turns(&leftovers, TURNS_MIN);
        leftovers.begin_turn();
        home.leave(left);
        assert_eq!(Arc::strong_count(&thing), 2, "it waits");
        assert!(leftovers.end_turn());
        leftovers.free();
        assert_eq!(Arc::strong_count(&thing), 1);
        turns(&leftovers, 1);
    }

    #[test]
    fn what_nobody_comes_for_is_freed_at_once() {
        let leftovers = Arc::new(Leftovers::default());
        let homes = [(); 3].map(|()| leftovers.home());
        let [newest, replaced, outdated] = homes;
        outdated.replace();
        turns(&leftovers, TURNS_MIN);
        leftovers.begin_turn();
        replaced.replace();
        for (home, name) in [(newest, "the newest"), (replaced, "just replaced")] {
            let (thing, left) = thing();
            home.leave(left);
            assert_eq!(Arc::strong_count(&thing), 1, "{name}, which leaves little");
        }
        assert!(!leftovers.end_turn());
        let (thing, left) = thing();
        outdated.leave(left);
        assert_eq!(Arc::strong_count(&thing), 1, "nobody commits");
    }
}
