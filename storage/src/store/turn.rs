//! The commit mutex: who has it commits, and frees what readers have left to him when he has given it back.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::leftovers::Leftovers;
use crate::sync::{Mutex, MutexGuard};
use crate::version::{Home, Tables};

use super::publish::Tip;

/// The commit mutex.
#[derive(Debug, Default)]
pub(super) struct Turns {
    tip: Mutex<Tip>,
    leftovers: Arc<Leftovers<Tables>>,
}

/// Somebody's turn to commit. Fields are dropped in their order: what is freed is freed when others may commit.
pub(super) struct Turn<'a> {
    tip: MutexGuard<'a, Tip>,
    after: After<'a>,
}

/// What is to be done after a turn.
struct After<'a> {
    leftovers: &'a Arc<Leftovers<Tables>>,
    frees: bool,
}

impl Turns {
    /// Waits for one's turn.
    #[inline]
    pub(super) fn lock(&self) -> Turn<'_> {
        let tip = self.tip.lock();
        self.leftovers.begin_turn();
        Turn { tip, after: After { leftovers: &self.leftovers, frees: false } }
    }

    /// Where a version is at home that is published here.
    pub(super) fn home(&self) -> Home {
        self.leftovers.home()
    }
}

impl Deref for Turn<'_> {
    type Target = Tip;

    fn deref(&self) -> &Tip {
        &self.tip
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Tip {
        &mut self.tip
    }
}

impl Drop for Turn<'_> {
    #[inline]
    fn drop(&mut self) {
        self.after.frees = self.after.leftovers.end_turn();
    }
}

impl Drop for After<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.frees {
            self.leftovers.free();
        }
    }
}
