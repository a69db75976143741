//! Rows that relations hold: shared, and of a type that only whoever asks for them names.
//!
//! That a model may go to another thread is proven by the compiler field by field. If a key held an `Arc` of its row,
//! the proof for one model would go on through the models that it leads to and through theirs, and some thirty models
//! in a row would end in "overflow evaluating the requirement". The type of what is held is therefore erased here, and
//! the proof ends at each relation.

use std::{
    any::Any,
    marker::PhantomData,
    sync::{Arc, OnceLock},
};

/// A shared value, known to be a `T` to whoever asks.
pub(crate) struct Held<T> {
    value: Arc<dyn Any + Send + Sync>,
    of: PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> Held<T> {
    /// The value.
    pub(crate) fn get(&self) -> &T {
        (*self.value).downcast_ref().expect("it was made from a T")
    }

    /// The value, to be changed, if nobody else has it.
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        Arc::get_mut(&mut self.value).map(|value| value.downcast_mut().expect("it was made from a T"))
    }
}

impl<T: Clone + Send + Sync + 'static> Held<T> {
    /// The value, to be changed: a copy of it where somebody else has it, too.
    pub(crate) fn make_mut(&mut self) -> &mut T {
        if Arc::get_mut(&mut self.value).is_none() {
            self.value = Arc::new(self.get().clone());
        }
        self.get_mut().expect("nobody else has it")
    }
}

impl<T: Send + Sync + 'static> From<Arc<T>> for Held<T> {
    fn from(value: Arc<T>) -> Self {
        Held { value, of: PhantomData }
    }
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Held { value: Arc::clone(&self.value), of: PhantomData }
    }
}

/// The row that a key leads to, if it is known.
///
/// Whoever follows a key has only a reference to it, so what is read then is kept behind a lock that is taken once. A
/// row that is known from the beginning needs none: of a prefetched relation each child knows its parent, and to take
/// the lock for it costs more than to share the parent.
pub(super) enum Slot<T> {
    Known(Held<T>),
    Asked(OnceLock<Held<T>>),
}

impl<T> Slot<T> {
    /// Nothing is known yet.
    pub(super) const fn empty() -> Slot<T> {
        Slot::Asked(OnceLock::new())
    }

    pub(super) fn get(&self) -> Option<&Held<T>> {
        match self {
            Slot::Known(row) => Some(row),
            Slot::Asked(row) => row.get(),
        }
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut Held<T>> {
        match self {
            Slot::Known(row) => Some(row),
            Slot::Asked(row) => row.get_mut(),
        }
    }

    /// Keeps a row, unless one is there; gives the one that stays.
    pub(super) fn keep(&self, row: Held<T>) -> &Held<T> {
        match self {
            Slot::Known(known) => known,
            Slot::Asked(asked) => asked.get_or_init(|| row),
        }
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        self.get().cloned().map_or(Slot::empty(), Slot::Known)
    }
}
