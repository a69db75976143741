//! How a value lies in a leaf: the lane of its type, and the words it becomes there.
//!
//! A fixed-width value is one word (`u64`) or two (`u128`). A word is the `i64` of an integer, a count of
//! days or microseconds (see [`temporal`](super::temporal)), or the bits of a float. The functions here are
//! the only place that knows this correspondence; leaves and vectorised operators go through them.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::{DataType, Value, temporal};

/// The physical form of one column of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Not stored at all: the value is the row id (a primary key of one integer column).
    RowId,
    /// One bit a row, 64 rows in a word: booleans.
    Bit,
    /// One word a row: integers, floats, dates, times, timestamps, durations.
    Word,
    /// Two words a row: decimals and UUIDs.
    Wide,
    /// UTF-8 in the leaf's text heap: text, and JSON as its text.
    Text,
    /// Bytes in the leaf's byte heap.
    Bytes,
}

impl Value {
    /// The word this value is stored as, or `None` if it is NULL or its lane is not [`Lane::Word`].
    ///
    /// ```
    /// use nuages_storage::value::{DataType, Value};
    /// let word = Value::Int(-1).to_word().unwrap();
    /// assert_eq!(word, u64::MAX);
    /// assert_eq!(DataType::BigInt.value_from_word(word), Some(Value::Int(-1)));
    /// ```
    #[must_use]
    pub fn to_word(&self) -> Option<u64> {
        let number = match self {
            Self::Int(int) => *int,
            Self::Float(float) => return Some(float.to_bits()),
            Self::Date(date) => temporal::date_to_days(*date),
            Self::Time(time) => temporal::time_to_micros(*time),
            Self::Timestamp(timestamp) => temporal::timestamp_to_micros(*timestamp),
            Self::Duration(duration) => temporal::duration_to_micros(*duration),
            _ => return None,
        };
        Some(number.cast_unsigned())
    }

    /// The two words this value is stored as, or `None` if it is NULL or its lane is not [`Lane::Wide`].
    #[must_use]
    pub fn to_wide(&self) -> Option<u128> {
        match self {
            Self::Decimal(decimal) => Some(decimal_to_wide(*decimal)),
            Self::Uuid(uuid) => Some(uuid.as_u128()),
            _ => None,
        }
    }
}

impl DataType {
    /// The lane that columns of this type lie in.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::Bool => Lane::Bit,
            Self::SmallInt
            | Self::Integer
            | Self::BigInt
            | Self::Float
            | Self::Date
            | Self::Time
            | Self::Timestamp
            | Self::Duration => Lane::Word,
            Self::Decimal { .. } | Self::Uuid => Lane::Wide,
            Self::Text { .. } | Self::Json => Lane::Text,
            Self::Bytes => Lane::Bytes,
        }
    }

    /// The value that `word` stands for in a column of this type, or `None` if the lane is not
    /// [`Lane::Word`] or the word is outside the type's range (no stored word is).
    #[must_use]
    pub fn value_from_word(&self, word: u64) -> Option<Value> {
        let number = word.cast_signed();
        Some(match self {
            Self::SmallInt | Self::Integer | Self::BigInt => Value::Int(number),
            Self::Float => Value::Float(f64::from_bits(word)),
            Self::Date => Value::Date(temporal::date_from_days(number)?),
            Self::Time => Value::Time(temporal::time_from_micros(number)?),
            Self::Timestamp => Value::Timestamp(temporal::timestamp_from_micros(number)?),
            Self::Duration => Value::Duration(temporal::duration_from_micros(number)),
            _ => return None,
        })
    }

    /// The value that two words stand for in a column of this type, or `None` if the lane is not
    /// [`Lane::Wide`].
    #[must_use]
    pub fn value_from_wide(&self, wide: u128) -> Option<Value> {
        match self {
            Self::Decimal { .. } => Some(Value::Decimal(decimal_from_wide(wide))),
            Self::Uuid => Some(Value::Uuid(Uuid::from_u128(wide))),
            _ => None,
        }
    }
}

/// The stored form of a decimal. It keeps the scale, so `1.0` and `1.00` differ here though they are equal.
#[must_use]
pub fn decimal_to_wide(decimal: Decimal) -> u128 {
    u128::from_le_bytes(decimal.serialize())
}

/// The decimal that [`decimal_to_wide`] stored.
#[must_use]
pub fn decimal_from_wide(wide: u128) -> Decimal {
    Decimal::deserialize(wide.to_le_bytes())
}
