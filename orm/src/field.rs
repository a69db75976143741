//! What a column can hold, as Rust types.
//!
//! A [`Field`] says how its values are stored, how they are read back, and what may be done with them in
//! expressions. Values are written and read by a [`RowWriter`] and a [`RowReader`], which are generic: the same few
//! lines fill a leaf of the table, a list of values, or read a row of a batch, without a [`Value`] in between.
//!
//! Order of reading: [`Field`]; `codec` (rows as the fields see them); `scalar` (Rust's own types); `text` (slugs,
//! addresses), `network`, `file` and `content_type`; `auto` (what the database fills).

mod auto;
mod choices;
mod codec;
mod content_type;
mod file;
pub(crate) mod network;
mod scalar;
mod text;

use crate::expression::class::Class;
use crate::meta::{Choice, TextFormat};
use crate::path::Nullability;

pub use auto::Auto;
pub use choices::{Choices, Labelled};
pub use codec::{DecodeError, RowReader, RowWriter, ShiftedRow, ValueRow};
pub use content_type::ContentType;
pub use text::{Email, Slug, StoredFile, StoredImage, Url};

pub use nuages_storage::{DataType, Value};

/// JSON.
pub type Json = serde_json::Value;
/// An instant.
pub type DateTime = jiff::Timestamp;
/// A day.
pub type Date = jiff::civil::Date;
/// A time of day.
pub type Time = jiff::civil::Time;
/// A time zone, by which days and hours of instants are told.
pub type TimeZone = jiff::tz::TimeZone;
/// A length of time.
pub type Duration = jiff::SignedDuration;

/// A type whose values lie in a column.
///
/// Newtypes and enums get it by `derive(Field)` and `derive(Choices)`; `Option` of a field is the field that may be
/// NULL.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a column",
    note = "columns hold numbers, text, times, `Uuid`, `Json`, enums with `derive(Choices)`, and `Option`s of them"
)]
pub trait Field: Clone + Send + Sync + 'static {
    /// The type without `Option` and `Auto`.
    type Base: Field;
    /// What its expressions can do.
    type Class: Class;
    /// Whether it may be NULL.
    type Null: Nullability;
    /// The column's type when no attribute says more.
    const DATA_TYPE: DataType;
    /// Whether it may be NULL.
    const NULL: bool = false;
    /// Whether the database fills it when it is unset.
    const AUTO: bool = false;
    /// Whether negative numbers are refused.
    const UNSIGNED: Option<i64> = None;
    /// What its text must look like.
    const FORMAT: TextFormat = TextFormat::Any;
    /// The only values it may have.
    const CHOICES: Option<&'static [Choice]> = None;

    /// The value of a field that was not written and has no default; none if it must be written.
    fn unset() -> Option<Self> {
        None
    }

    /// The value itself; none if it is NULL or unset.
    fn base(&self) -> Option<&Self::Base>;

    /// Remembers whether the row is in the database; only `Auto` does.
    fn mark_stored(&mut self, _stored: bool) {}

    /// Whether the row is in the database, if the field remembers.
    fn is_stored(&self) -> Option<bool> {
        None
    }

    /// Writes the value into a column of a row.
    fn encode<W: RowWriter>(&self, row: &mut W, column: usize);

    /// Reads the value of a column of a row.
    fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Self, DecodeError>;

    /// The same, where it may be NULL.
    #[inline]
    fn decode_optional<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Option<Self>, DecodeError> {
        if row.is_null(column) { Ok(None) } else { Self::decode(row, column).map(Some) }
    }

    /// The value as the engine sees it.
    fn to_value(&self) -> Value {
        let mut row = ValueRow::default();
        self.encode(&mut row, 0);
        row.into_value()
    }

    /// The value the engine gave.
    fn from_value(value: &Value) -> Result<Self, DecodeError> {
        Self::decode(std::slice::from_ref(value), 0)
    }
}

impl<T: Field> Field for Option<T> {
    type Base = T::Base;
    type Class = T::Class;
    type Null = crate::path::Nullable;
    const DATA_TYPE: DataType = T::DATA_TYPE;
    const NULL: bool = true;
    const UNSIGNED: Option<i64> = T::UNSIGNED;
    const FORMAT: TextFormat = T::FORMAT;
    const CHOICES: Option<&'static [Choice]> = T::CHOICES;

    fn unset() -> Option<Self> {
        Some(None)
    }

    fn base(&self) -> Option<&T::Base> {
        self.as_ref()?.base()
    }

    fn encode<W: RowWriter>(&self, row: &mut W, column: usize) {
        match self {
            Some(value) => value.encode(row, column),
            None => row.null(column),
        }
    }

    fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Self, DecodeError> {
        T::decode_optional(row, column)
    }
}
