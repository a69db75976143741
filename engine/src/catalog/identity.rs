//! The ids of what a schema consists of. The store hands out their numbers and hands none out twice, so an id means
//! one thing for as long as the database and its forks live, whatever is dropped, renamed or rolled back.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A column, as long as it lives: renaming and moving it keep its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId(u32);

impl ColumnId {
    /// The id of this number, which the store handed out.
    pub(crate) const fn new(number: u32) -> ColumnId {
        ColumnId(number)
    }
}

/// A check or a foreign key. (A unique constraint is meant by its index.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConstraintId(u32);

impl ConstraintId {
    /// The id of this number, which the store handed out.
    pub(crate) const fn new(number: u32) -> ConstraintId {
        ConstraintId(number)
    }
}

/// One state of the schema of one database; unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(u64);

impl SchemaId {
    /// The next one. A process-wide counter, so that two forks that change apart never mean different schemas by
    /// one id.
    pub(crate) fn fresh() -> SchemaId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        SchemaId(NEXT.fetch_add(1, Relaxed))
    }
}
