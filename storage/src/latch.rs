//! The publication latch: shared by those who read the newest version, alone for who publishes the next.
//!
//! It is held for less than a microsecond, and a writer meets a reader in nearly every commit where both never rest. A lock
//! that gives up its thread's turn after a few looks costs a reader several times what it waits for; one that writes into
//! the lock's word at each look takes the line from who holds it. So a reader looks without writing for longer than any
//! commit takes, and only then waits as others do. The latch has its cache lines for itself: what is beside it in the
//! store is written by each commit and each transaction.

use std::hint::spin_loop;
use std::ops::{Deref, DerefMut};

use crate::sync::RwLock;

/// How often a reader looks whether the latch is free before it waits for it: some tens of microseconds. Tests try out every
/// interleaving, so there it is once.
const LOOKS: usize = if cfg!(test) { 1 } else { 1024 };

/// A value that many read for a moment, and one at a time changes for a moment.
#[derive(Debug)]
#[repr(align(128))] // two lines, since processors fetch lines in pairs
pub(crate) struct Latch<T>(RwLock<T>);

impl<T> Latch<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(RwLock::new(value))
    }

    /// The value, to be read. Whoever has it must not ask again, nor wait for anything.
    #[inline]
    pub(crate) fn read(&self) -> impl Deref<Target = T> {
        for _ in 0..LOOKS {
            if let Some(value) = self.0.try_read() {
                return value;
            }
            spin_loop();
        }
        self.0.read()
    }

    /// The value, to be changed, when all who read it are done. Who comes to read it meanwhile waits.
    #[inline]
    pub(crate) fn write(&self) -> impl DerefMut<Target = T> {
        self.0.write()
    }
}
