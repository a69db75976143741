//! What the database fills.

use std::fmt;

use nuages_storage::DataType;

use super::{DecodeError, Field, RowReader, RowWriter};
use crate::meta::{Choice, TextFormat};

/// A value that the database fills when it is unset: an automatic key, a generated column, a default of the database.
///
/// It also remembers whether its row is in the database, which is how `save` decides between an insert and an update
/// when the key was set by hand. Two are equal if their values are.
///
/// ```
/// use nuages::field::Auto;
/// let mut id: Auto<i64> = Auto::unset();
/// assert_eq!(id.get(), None);
/// id = 7.into();
/// assert_eq!(id.get(), Some(&7));
/// assert_eq!(id, 7);
/// ```
#[derive(Clone, Copy)]
pub struct Auto<T> {
    value: Option<T>,
    stored: bool,
}

impl<T> Auto<T> {
    /// Not filled yet.
    pub const fn unset() -> Auto<T> {
        Auto { value: None, stored: false }
    }

    /// The value, if it is set.
    pub const fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Sets the value; the row it belongs to is not known to be in the database any more.
    pub fn set(&mut self, value: T) {
        *self = Auto::from(value);
    }

    /// Whether it came from the database or was saved.
    pub const fn is_stored(&self) -> bool {
        self.stored
    }
}

impl<T> Default for Auto<T> {
    fn default() -> Auto<T> {
        Auto::unset()
    }
}

impl<T> From<T> for Auto<T> {
    fn from(value: T) -> Auto<T> {
        Auto { value: Some(value), stored: false }
    }
}

impl<T: fmt::Debug> fmt::Debug for Auto<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => value.fmt(f),
            None => f.write_str("unset"),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Auto<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => value.fmt(f),
            None => f.write_str("unset"),
        }
    }
}

impl<T: PartialEq> PartialEq for Auto<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Auto<T> {}

impl<T: PartialEq> PartialEq<T> for Auto<T> {
    fn eq(&self, other: &T) -> bool {
        self.value.as_ref() == Some(other)
    }
}

impl<T: std::hash::Hash> std::hash::Hash for Auto<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl<T: Field> Field for Auto<T> {
    type Base = T::Base;
    type Class = T::Class;
    type Null = T::Null;
    const DATA_TYPE: DataType = T::DATA_TYPE;
    const NULL: bool = T::NULL;
    const AUTO: bool = true;
    const UNSIGNED: Option<i64> = T::UNSIGNED;
    const FORMAT: TextFormat = T::FORMAT;
    const CHOICES: Option<&'static [Choice]> = T::CHOICES;

    fn unset() -> Option<Self> {
        Some(Auto::unset())
    }

    fn base(&self) -> Option<&T::Base> {
        self.value.as_ref()?.base()
    }

    fn mark_stored(&mut self, stored: bool) {
        self.stored = stored;
    }

    fn is_stored(&self) -> Option<bool> {
        Some(self.stored)
    }

    fn encode<W: RowWriter>(&self, row: &mut W, column: usize) {
        match &self.value {
            Some(value) => value.encode(row, column),
            None => row.fill(column),
        }
    }

    fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Self, DecodeError> {
        Ok(Auto { value: Some(T::decode(row, column)?), stored: true })
    }
}
