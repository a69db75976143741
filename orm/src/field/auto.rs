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
pub struct Auto<T>(State<T>);

/// One enum, so that it takes no more room than an `Option`: rows are as fast to read as they are short.
#[derive(Clone, Copy)]
enum State<T> {
    Unset,
    Set(T),
    Stored(T),
}

impl<T> Auto<T> {
    /// Not filled yet.
    pub const fn unset() -> Auto<T> {
        Auto(State::Unset)
    }

    /// The value, if it is set.
    pub const fn get(&self) -> Option<&T> {
        match &self.0 {
            State::Set(value) | State::Stored(value) => Some(value),
            State::Unset => None,
        }
    }

    /// Sets the value; the row it belongs to is not known to be in the database any more.
    pub fn set(&mut self, value: T) {
        *self = Auto::from(value);
    }

    /// Whether it came from the database or was saved.
    pub const fn is_stored(&self) -> bool {
        matches!(self.0, State::Stored(_))
    }
}

impl<T> Default for Auto<T> {
    fn default() -> Auto<T> {
        Auto::unset()
    }
}

impl<T> From<T> for Auto<T> {
    fn from(value: T) -> Auto<T> {
        Auto(State::Set(value))
    }
}

impl<T: fmt::Debug> fmt::Debug for Auto<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Some(value) => value.fmt(f),
            None => f.write_str("unset"),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Auto<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Some(value) => value.fmt(f),
            None => f.write_str("unset"),
        }
    }
}

impl<T: PartialEq> PartialEq for Auto<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for Auto<T> {}

impl<T: PartialEq> PartialEq<T> for Auto<T> {
    fn eq(&self, other: &T) -> bool {
        self.get() == Some(other)
    }
}

impl<T: std::hash::Hash> std::hash::Hash for Auto<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.get().hash(state);
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
        self.get()?.base()
    }

    fn mark_stored(&mut self, stored: bool) {
        self.0 = match (std::mem::replace(&mut self.0, State::Unset), stored) {
            (State::Unset, _) => State::Unset,
            (State::Set(value) | State::Stored(value), true) => State::Stored(value),
            (State::Set(value) | State::Stored(value), false) => State::Set(value),
        };
    }

    fn is_stored(&self) -> Option<bool> {
        Some(matches!(self.0, State::Stored(_)))
    }

    fn encode<W: RowWriter>(&self, row: &mut W, column: usize) {
        match self.get() {
            Some(value) => value.encode(row, column),
            None => row.fill(column),
        }
    }

    fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Self, DecodeError> {
        Ok(Auto(State::Stored(T::decode(row, column)?)))
    }
}
