//! Why a value cannot be assigned to a column of a type.

use thiserror::Error;

use super::{DataType, Value};

/// Why [`DataType::accepts`] refused a value. Which column it was for, the caller knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TypeError {
    /// Text of more characters than the column holds.
    #[error("text of {length} characters is longer than the {max} that fit")]
    TooLong {
        /// The column's `max_length`, in characters.
        max: u32,
        /// The text's length, in characters.
        length: usize,
    },
    /// A number or duration outside the range of the type.
    #[error("{} is out of range: expected {min} to {max}", .value.quoted())]
    OutOfRange {
        /// What came.
        value: Value,
        /// The least value of the type.
        min: Value,
        /// The greatest value of the type.
        max: Value,
    },
    /// A number with more digits before the point than the decimal type has, or no number at all.
    #[error(
        "{} does not fit numeric({precision}, {scale}): at most {} digits before the point",
        .value.quoted(), .precision.saturating_sub(*.scale)
    )]
    Precision {
        /// What came.
        value: Value,
        /// All digits that the type has.
        precision: u8,
        /// Those of them after the point.
        scale: u8,
    },
    /// JSON with more arrays and objects within each other than can be read back.
    #[error("JSON is nested deeper than the {max} levels that fit")]
    TooDeep {
        /// [`JSON_DEPTH_MAX`](super::JSON_DEPTH_MAX).
        max: usize,
    },
    /// Text that was to be JSON and is not.
    #[error("the text is not JSON: {reason}")]
    NotJson {
        /// Where and why, in the words of the parser.
        reason: String,
    },
    /// A value of another class. Between classes only an explicit cast converts.
    #[error("expected {expected}, got {}{}", class_of(.got), .got.quoted())]
    Mismatch {
        /// The type of the column.
        expected: DataType,
        /// What came.
        got: Value,
    },
}

/// The class of a value and a space, where the value itself does not show it.
fn class_of(value: &Value) -> String {
    value.data_type().map_or_else(String::new, |data_type| match data_type {
        DataType::Decimal { .. } => "numeric ".to_owned(),
        data_type => format!("{data_type} "),
    })
}
