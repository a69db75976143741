//! Rows that relations hold: shared, and of a type that only whoever asks for them names.
//!
//! That a model may go to another thread is proven by the compiler field by field. If a key held an `Arc` of its row,
//! the proof for one model would go on through the models that it leads to and through theirs, and some thirty models
//! in a row would end in "overflow evaluating the requirement". The type of what is held is therefore erased here, and
//! the proof ends at each relation.
//!
//! Rows that hold rows that hold rows are dropped one within the other, and a list that was followed to its end may
//! have any length. So beyond a number of levels a row is put aside and dropped when those above it are done.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    marker::PhantomData,
    sync::{Arc, OnceLock},
};

/// A value of a type that is not named.
type Shared = Arc<dyn Any + Send + Sync>;

/// A shared value of a type that is not named, dropped without a recursion that its depth could exhaust the stack by.
#[derive(Clone)]
pub(super) struct Erased(Option<Shared>);

impl Erased {
    /// The value; there is one until it is dropped.
    pub(super) fn get(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.0.as_deref()
    }
}

impl From<Shared> for Erased {
    fn from(value: Shared) -> Self {
        Erased(Some(value))
    }
}

impl Drop for Erased {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            drop_within(value);
        }
    }
}

/// A shared value, known to be a `T` to whoever asks.
pub(crate) struct Held<T> {
    value: Erased,
    of: PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> Held<T> {
    /// The value.
    pub(crate) fn get(&self) -> &T {
        self.value.get().and_then(<dyn Any + Send + Sync>::downcast_ref).expect("it was made from a T")
    }

    /// The value, to be changed, if nobody else has it.
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        let value = self.value.0.as_mut().and_then(Arc::get_mut)?;
        Some(value.downcast_mut().expect("it was made from a T"))
    }
}

impl<T: Clone + Send + Sync + 'static> Held<T> {
    /// The value, to be changed: a copy of it where somebody else has it, too.
    pub(crate) fn make_mut(&mut self) -> &mut T {
        if self.get_mut().is_none() {
            *self = Held::from(Arc::new(self.get().clone()));
        }
        self.get_mut().expect("nobody else has it")
    }
}

impl<T: Send + Sync + 'static> From<Arc<T>> for Held<T> {
    fn from(value: Arc<T>) -> Self {
        Held { value: Erased(Some(value)), of: PhantomData }
    }
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Held { value: self.value.clone(), of: PhantomData }
    }
}

/// How many rows are dropped within each other.
const DROPS_MAX: usize = 64;

thread_local! {
    /// How many rows are being dropped.
    static DROPS: Cell<usize> = const { Cell::new(0) };
    /// What waits for them.
    static WAITING: RefCell<Vec<Shared>> = const { RefCell::new(Vec::new()) };
}

/// Counts a row that is being dropped, also if its `Drop` panics.
struct Dropping;

impl Dropping {
    fn begin() -> Dropping {
        DROPS.set(DROPS.get() + 1);
        Dropping
    }
}

impl Drop for Dropping {
    fn drop(&mut self) {
        DROPS.set(DROPS.get() - 1);
    }
}

/// Drops what is held, and what that holds in turn, without a recursion deeper than [`DROPS_MAX`].
fn drop_within(value: Shared) {
    let mut next = Some(value);
    while let Some(value) = next.take() {
        if DROPS.get() >= DROPS_MAX {
            // A thread that ends has no list any more; what would wait is dropped with the closure.
            let _ = WAITING.try_with(|waiting| waiting.borrow_mut().push(value));
            return;
        }
        let dropping = Dropping::begin();
        drop(value);
        drop(dropping);
        if DROPS.get() == 0 {
            next = WAITING.try_with(|waiting| waiting.borrow_mut().pop()).ok().flatten();
        }
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
