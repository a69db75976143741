//! The primitives of synchronisation that the lock table and the store are built on.
//!
//! They are imported from here and nowhere else, so that `tests/interleavings` and `tests/commits` can compile the same
//! sources over the primitives of a scheduler that tries out interleavings.

pub(crate) use std::sync::atomic::AtomicUsize;
pub(crate) use std::thread_local;

pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
