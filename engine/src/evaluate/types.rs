//! Which types go together.
//!
//! Types fall into classes; within a class no conversion is needed, since limits (length, precision, width) are
//! checked only where a value is assigned. Between classes, only numbers are converted without being asked:
//!
//! | | integer | decimal | float |
//! |---|---|---|---|
//! | **integer** | integer | decimal | float |
//! | **decimal** | decimal | decimal | float |
//! | **float** | float | float | float |
//!
//! NULL goes with everything. A literal text goes with every type whose form it has, as PostgreSQL's literals do.

use nuages_storage::DataType;
use nuages_storage::value::DECIMAL_PRECISION_MAX;

use super::node::Node;
use crate::error::Error;

/// What a type is without its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Bool,
    Int,
    Decimal,
    Float,
    Text,
    Bytes,
    Date,
    Time,
    Timestamp,
    Duration,
    Uuid,
    Json,
}

/// Whether values of both types have keys that compare as the values do.
pub(crate) fn same_keys(a: DataType, b: DataType) -> bool {
    let class = |data_type| match data_type {
        DataType::SmallInt | DataType::Integer => DataType::BigInt,
        DataType::Decimal { .. } => DataType::Decimal { precision: 0, scale: 0 },
        DataType::Text { .. } => DataType::Text { max_length: None },
        other => other,
    };
    class(a) == class(b) && a != DataType::Json
}

/// The class of a type.
pub(crate) fn class_of(data_type: DataType) -> Class {
    match data_type {
        DataType::Bool => Class::Bool,
        DataType::SmallInt | DataType::Integer | DataType::BigInt => Class::Int,
        DataType::Float => Class::Float,
        DataType::Decimal { .. } => Class::Decimal,
        DataType::Text { .. } => Class::Text,
        DataType::Bytes => Class::Bytes,
        DataType::Date => Class::Date,
        DataType::Time => Class::Time,
        DataType::Timestamp => Class::Timestamp,
        DataType::Duration => Class::Duration,
        DataType::Uuid => Class::Uuid,
        DataType::Json => Class::Json,
    }
}

/// Text of any length.
pub(crate) const TEXT: DataType = DataType::Text { max_length: None };

/// A decimal of any size. Values keep their own scale; the type's only says how many digits are usual.
pub(crate) fn decimal(scale: u8) -> DataType {
    DataType::Decimal { precision: DECIMAL_PRECISION_MAX, scale: scale.min(DECIMAL_PRECISION_MAX) }
}

/// Whether every decimal is one of a type as it is, with the digits that it has.
pub(crate) fn keeps_scale(data_type: DataType) -> bool {
    matches!(data_type, DataType::Decimal { precision: 0 | DECIMAL_PRECISION_MAX, .. })
}

/// The type that values are cast to where another is common to them and others: decimals keep the digits that they have,
/// and integers get none behind a point.
pub(crate) fn among(own: DataType, common: DataType) -> DataType {
    match class_of(own) {
        Class::Decimal if keeps_scale(common) => own,
        Class::Int if keeps_scale(common) => decimal(0),
        _ => common,
    }
}

/// The digits after the point that a type has.
pub(crate) fn scale_of(data_type: DataType) -> u8 {
    match data_type {
        DataType::Decimal { scale, .. } => scale,
        _ => 0,
    }
}

/// The type in which values of both types are compared and chosen between; `None` if they do not go together.
///
/// ```
/// use nuages_engine::evaluate::unify;
/// use nuages_storage::DataType;
/// assert_eq!(unify(DataType::Integer, DataType::Float), Some(DataType::Float));
/// assert_eq!(unify(DataType::Date, DataType::Timestamp), None);
/// ```
#[must_use]
pub fn unify(left: DataType, right: DataType) -> Option<DataType> {
    use Class::{Decimal, Float, Int};
    Some(match (class_of(left), class_of(right)) {
        _ if left == right => left,
        (Int, Int) => wider_integer(left, right),
        (Float, Int | Decimal | Float) | (Int | Decimal, Float) => DataType::Float,
        (Decimal, Int | Decimal) | (Int, Decimal) => decimal(scale_of(left).max(scale_of(right))),
        (Class::Text, Class::Text) => TEXT,
        _ => return None,
    })
}

fn wider_integer(left: DataType, right: DataType) -> DataType {
    if left == DataType::SmallInt || right == DataType::BigInt { right } else { left }
}

/// Requires a class of an operand; NULL is of every class.
pub(super) fn expect(node: &Node, class: Class, expression: &str) -> Result<(), Error> {
    match node.data_type {
        Some(data_type) if class_of(data_type) != class => {
            Err(mismatch(expression, class.name(), Some(data_type)))
        }
        _ => Ok(()),
    }
}

/// The error for an operand of the wrong type.
pub(super) fn mismatch(expression: &str, expected: impl std::fmt::Display, got: Option<DataType>) -> Error {
    Error::Type {
        expression: expression.to_owned(),
        expected: expected.to_string(),
        got: got.map_or_else(|| "NULL".to_owned(), |got| got.to_string()),
    }
}

impl Class {
    /// Whether its words are integers, ordered as the values are.
    pub(super) fn has_integer_words(self) -> bool {
        matches!(self, Class::Int | Class::Date | Class::Time | Class::Timestamp | Class::Duration)
    }

    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Class::Bool => "boolean",
            Class::Int => "integer",
            Class::Decimal => "numeric",
            Class::Float => "double precision",
            Class::Text => "text",
            Class::Bytes => "bytea",
            Class::Date => "date",
            Class::Time => "time",
            Class::Timestamp => "timestamp with time zone",
            Class::Duration => "interval",
            Class::Uuid => "uuid",
            Class::Json => "jsonb",
        }
    }

    /// Whether it is a kind of number.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Class::Int | Class::Decimal | Class::Float)
    }
}

impl Class {
    /// Its type without limits.
    pub(crate) fn any(self) -> DataType {
        match self {
            Class::Bool => DataType::Bool,
            Class::Int => DataType::BigInt,
            Class::Decimal => decimal(0),
            Class::Float => DataType::Float,
            Class::Text => TEXT,
            Class::Bytes => DataType::Bytes,
            Class::Date => DataType::Date,
            Class::Time => DataType::Time,
            Class::Timestamp => DataType::Timestamp,
            Class::Duration => DataType::Duration,
            Class::Uuid => DataType::Uuid,
            Class::Json => DataType::Json,
        }
    }
}
