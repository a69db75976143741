//! One value of a row, and the types a column can have.
//!
//! A [`Value`] is what crosses the border of the engine: a literal, a parameter, a column of a result. Rows
//! at rest are not made of values; they lie in leaves, column by column, in the [`Lane`] of their type.
//!
//! Order of reading: the enum below; `data_type` (what a column accepts, and how what is assigned to it is
//! made to fit); `order` (the one total order: comparing, equality and hashing agree with each other, and
//! the index keys of [`key`](crate::key) agree with them); `number` (integers, floats and decimals compared
//! exactly); [`temporal`], `lane` and `json` (values as the words and texts they are stored as); `convert` (from Rust's
//! types and back).
//!
//! Invariants: a value is [`VALUE_BYTES`] bytes; `a == b` exactly if `a.cmp(&b)` is `Equal`, and then both
//! hash alike; no function here panics, whatever the value.

mod convert;
mod data_type;
mod display;
mod json;
mod lane;
mod number;
pub(crate) mod order;
#[cfg(test)]
pub(crate) mod strategy;
pub mod temporal;
#[cfg(test)]
mod tests;
mod type_error;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

pub use data_type::{DECIMAL_PRECISION_MAX, DataType};
pub use json::{JSON_DEPTH_MAX, json_from_stored, json_from_text};
pub use lane::{Lane, decimal_from_wide, decimal_to_wide, decimal_unit, decimal_units};
pub use number::{compare_floats, decimal_from_text, decimal_to_float, float_to_decimal};
pub use type_error::TypeError;

/// The size of a [`Value`]. It is why `Bytes` and `Json` are boxed: the tag lies in the unused capacities of
/// the one `String`, so that a materialised row of ten columns is 240 bytes and not 320.
pub const VALUE_BYTES: usize = 24;
const _: () = assert!(size_of::<Value>() == VALUE_BYTES);

/// One value: NULL, or a value of one of the classes that columns can hold.
///
/// ```
/// use nuages_storage::value::Value;
/// let title = Value::from("Nuages");
/// assert_eq!(title.as_text(), Some("Nuages"));
/// assert!(Value::from(1) < Value::from(1.5));
/// assert!(Value::from(i64::MAX) < Value::Null);
/// ```
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// No value. It is greater than every value, and equal to itself: this is the order of sorting and
    /// grouping. The three-valued logic of expressions is the engine's.
    #[default]
    Null,
    /// True or false; false is less.
    Bool(bool),
    /// An integer of any width.
    Int(i64),
    /// A double. `-0.0` equals `0.0`; NaN equals itself and is greater than every other number.
    Float(f64),
    /// A decimal of up to 28 digits. Its scale is kept and does not count: `1.0` equals `1.00`.
    Decimal(Decimal),
    /// Text, ordered by its UTF-8 bytes, which is the order of its characters' code points.
    Text(String),
    /// Bytes, ordered as unsigned numbers.
    Bytes(Box<[u8]>),
    /// A day of the calendar.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// An instant, whatever the time zone it was written in.
    Timestamp(Timestamp),
    /// A length of time; it may be negative.
    Duration(SignedDuration),
    /// A UUID, ordered by its bytes.
    Uuid(Uuid),
    /// JSON; its order is described in the module `order`.
    Json(Box<serde_json::Value>),
}

impl Value {
    /// Whether this is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// The integer, if it is one. A float or decimal is not, even if it is whole.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// The number as a double: itself, or the double nearest to an integer or decimal.
    #[must_use]
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(float) => Some(*float),
            Self::Int(int) => Some(*int as f64),
            Self::Decimal(decimal) => Some(number::decimal_to_float(*decimal)),
            _ => None,
        }
    }

    /// The number as a decimal, if it is an integer or a decimal. A float is not: its decimal form is a
    /// choice, which [`DataType::accepts`] and the engine's casts make.
    #[must_use]
    pub fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Decimal(decimal) => Some(*decimal),
            Self::Int(int) => Some(Decimal::from(*int)),
            _ => None,
        }
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, if it is bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The JSON, if it is JSON.
    #[must_use]
    pub fn as_json(&self) -> Option<&serde_json::Value> {
        match self {
            Self::Json(json) => Some(json),
            _ => None,
        }
    }

    /// The widest type this value is one of; `None` for NULL, which is of every type.
    #[must_use]
    pub fn data_type(&self) -> Option<DataType> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => DataType::Bool,
            Self::Int(_) => DataType::BigInt,
            Self::Float(_) => DataType::Float,
            Self::Decimal(decimal) => {
                DataType::Decimal { precision: DECIMAL_PRECISION_MAX, scale: number::scale_of(*decimal) }
            }
            Self::Text(_) => DataType::Text { max_length: None },
            Self::Bytes(_) => DataType::Bytes,
            Self::Date(_) => DataType::Date,
            Self::Time(_) => DataType::Time,
            Self::Timestamp(_) => DataType::Timestamp,
            Self::Duration(_) => DataType::Duration,
            Self::Uuid(_) => DataType::Uuid,
            Self::Json(_) => DataType::Json,
        })
    }
}
