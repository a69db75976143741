//! The ids of what a schema consists of.
//!
//! The numbers of columns and constraints are handed out by the store, none twice: in one database an id means one
//! thing for as long as it lives, whatever is dropped, renamed or rolled back. A fork counts on from a copy of the
//! counters, so what it and the original define after it may have the same ids. Only a [`SchemaId`] tells them apart,
//! which is counted by the process.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Catalog;
use super::temporary::Owner;
use crate::error::Error;

/// A column, as long as it lives: renaming and moving it keep its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId(u32);

impl ColumnId {
    /// The id of this number, which the store handed out.
    pub(crate) const fn new(number: u32) -> ColumnId {
        ColumnId(number)
    }

    /// Its number.
    pub(crate) const fn number(self) -> u32 {
        self.0
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

    /// Its number.
    pub(crate) const fn number(self) -> u32 {
        self.0
    }
}

/// An enumeration, as long as it lives: it may be called otherwise, and have more values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnumId(u32);

impl EnumId {
    /// The id of this number, which the store handed out.
    pub(crate) const fn new(number: u32) -> EnumId {
        EnumId(number)
    }

    /// Its number.
    pub(crate) const fn number(self) -> u32 {
        self.0
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

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What a statement takes for granted of the schema: that names mean what they meant when it was bound. It is looked
/// at wherever the statement then reads or writes; see [`Under`](crate::session::Under).
pub trait SchemaTest: fmt::Debug + Send + Sync {
    /// Whether a schema is still what the statement was bound to. Called under a latch, for each attempt of a
    /// statement: it does not wait, and answers at once where nothing has changed.
    fn accepts(&self, catalog: &Catalog) -> bool;

    /// The same as a result.
    ///
    /// # Errors
    /// [`Error::SchemaChanged`].
    #[doc(hidden)]
    fn expect(&self, catalog: &Catalog) -> Result<(), Error> {
        if self.accepts(catalog) { Ok(()) } else { Err(Error::SchemaChanged) }
    }

    /// Whose temporary tables the statement's names mean before others; those of nobody, if it does not say.
    #[doc(hidden)]
    fn seen_by(&self) -> Option<&Owner> {
        None
    }
}

/// That a schema is what was taken for granted, if anything was.
pub(crate) fn expect(test: Option<&dyn SchemaTest>, catalog: &Catalog) -> Result<(), Error> {
    test.map_or(Ok(()), |test| test.expect(catalog))
}

/// This schema and no other.
impl SchemaTest for SchemaId {
    #[inline]
    fn accepts(&self, catalog: &Catalog) -> bool {
        *self == catalog.schema_id()
    }
}

impl<T: SchemaTest + ?Sized> SchemaTest for &T {
    #[inline]
    fn accepts(&self, catalog: &Catalog) -> bool {
        (**self).accepts(catalog)
    }

    fn seen_by(&self) -> Option<&Owner> {
        (**self).seen_by()
    }
}

impl<T: SchemaTest + ?Sized> SchemaTest for Arc<T> {
    #[inline]
    fn accepts(&self, catalog: &Catalog) -> bool {
        (**self).accepts(catalog)
    }

    fn seen_by(&self) -> Option<&Owner> {
        (**self).seen_by()
    }
}
