//! The types of columns, and what a column of a type accepts.
//!
//! Assignment follows PostgreSQL's: a value of the column's class is checked against the column's limits;
//! between integers, floats and decimals a value is converted, rounding where digits are lost; nothing else
//! is converted. Reading a date out of text, say, is a cast, which the engine does when asked.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{TypeError, Value, json, number, temporal};

/// The most digits a decimal column can have: every number of 28 digits fits the 96 bits of a decimal.
pub const DECIMAL_PRECISION_MAX: u8 = 28;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// True or false.
    Bool,
    /// An integer of 16 bits.
    SmallInt,
    /// An integer of 32 bits.
    Integer,
    /// An integer of 64 bits.
    BigInt,
    /// A double.
    Float,
    /// A decimal of a fixed scale, or [`NUMERIC`](DataType::NUMERIC).
    Decimal {
        /// All digits, at most [`DECIMAL_PRECISION_MAX`]; 0 if each value has as many as it has.
        precision: u8,
        /// Those of them after the point.
        scale: u8,
    },
    /// Text.
    Text {
        /// The most characters it may have.
        max_length: Option<u32>,
    },
    /// Bytes.
    Bytes,
    /// A day of the calendar.
    Date,
    /// A time of day, in microseconds.
    Time,
    /// An instant, in microseconds.
    Timestamp,
    /// A length of time, in microseconds.
    Duration,
    /// A UUID.
    Uuid,
    /// JSON.
    Json,
}

impl DataType {
    /// A decimal of which every value keeps its own scale.
    ///
    /// ```
    /// use nuages_storage::value::{DataType, Value, decimal_from_text};
    /// let number = decimal_from_text("0.000000000001").map(Value::Decimal).ok_or("no number")?;
    /// assert_eq!(DataType::NUMERIC.accepts(number.clone())?, number);
    /// assert_eq!(DataType::NUMERIC.to_string(), "numeric");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const NUMERIC: DataType = DataType::Decimal { precision: 0, scale: 0 };

    /// The value as a column of this type stores it. NULL is accepted by every type.
    ///
    /// Numbers are converted between integers, floats and decimals: to an integer and to a decimal's scale
    /// they are rounded, decimals half away from zero and floats half to even. Times are cut to
    /// microseconds.
    ///
    /// ```
    /// use nuages_storage::value::{DataType, TypeError, Value};
    /// assert_eq!(DataType::Float.accepts(Value::from(1)), Ok(Value::from(1.0)));
    /// let varchar = DataType::Text { max_length: Some(3) };
    /// assert_eq!(varchar.accepts(Value::from("été")), Ok(Value::from("été")));
    /// assert_eq!(varchar.accepts(Value::from("four")), Err(TypeError::TooLong { max: 3, length: 4 }));
    /// ```
    ///
    /// # Errors
    /// [`TypeError`]: what of the value does not fit.
    pub fn accepts(&self, value: Value) -> Result<Value, TypeError> {
        match (self, &value) {
            (_, Value::Null)
            | (Self::Bool, Value::Bool(_))
            | (Self::BigInt, Value::Int(_))
            | (Self::Float, Value::Float(_))
            | (Self::Text { max_length: None }, Value::Text(_))
            | (Self::Bytes, Value::Bytes(_))
            | (Self::Date, Value::Date(_))
            | (Self::Uuid, Value::Uuid(_)) => Ok(value),
            (Self::Json, Value::Json(json)) => {
                json::check_depth(json)?;
                Ok(value)
            }
            (Self::Text { max_length: Some(max) }, Value::Text(text)) => {
                check_length(text, *max)?;
                Ok(value)
            }
            (
                Self::SmallInt | Self::Integer | Self::BigInt,
                Value::Int(_) | Value::Float(_) | Value::Decimal(_),
            ) => self.accepts_integer(value),
            (Self::Float, Value::Int(_) | Value::Decimal(_)) => {
                Ok(value.as_float().map_or(Value::Null, Value::Float))
            }
            (Self::Decimal { precision, scale }, Value::Int(_) | Value::Float(_) | Value::Decimal(_)) => {
                accepts_decimal(value, *precision, *scale)
            }
            (Self::Time | Self::Timestamp | Self::Duration, _) => self.accepts_temporal(value),
            _ => Err(TypeError::Mismatch { expected: *self, got: value }),
        }
    }

    /// The least and the greatest integer of an integer type; `None` for other types.
    #[must_use]
    pub fn integer_range(&self) -> Option<(i64, i64)> {
        match self {
            Self::SmallInt => Some((i16::MIN.into(), i16::MAX.into())),
            Self::Integer => Some((i32::MIN.into(), i32::MAX.into())),
            Self::BigInt => Some((i64::MIN, i64::MAX)),
            _ => None,
        }
    }

    fn accepts_integer(&self, value: Value) -> Result<Value, TypeError> {
        let rounded = match &value {
            Value::Int(int) => Some(*int),
            Value::Float(float) => number::float_to_int(float.round_ties_even()),
            Value::Decimal(decimal) => {
                decimal.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64()
            }
            _ => None,
        };
        let (min, max) = self.integer_range().unwrap_or((i64::MIN, i64::MAX));
        match rounded {
            Some(int) if (min..=max).contains(&int) => Ok(Value::Int(int)),
            _ => Err(TypeError::OutOfRange { value, min: Value::Int(min), max: Value::Int(max) }),
        }
    }

    fn accepts_temporal(&self, value: Value) -> Result<Value, TypeError> {
        if let (Self::Duration, Value::Duration(duration)) = (self, &value) {
            let (min, max) =
                (temporal::duration_from_micros(i64::MIN), temporal::duration_from_micros(i64::MAX));
            if *duration < min || *duration > max {
                return Err(TypeError::OutOfRange { value, min: min.into(), max: max.into() });
            }
        }
        let same_class = value.data_type() == Some(*self);
        let stored =
            if same_class { value.to_word().and_then(|word| self.value_from_word(word)) } else { None };
        stored.ok_or(TypeError::Mismatch { expected: *self, got: value })
    }
}

/// Counts characters only where the number of bytes does not already decide.
fn check_length(text: &str, max: u32) -> Result<(), TypeError> {
    let max_chars = usize::try_from(max).unwrap_or(usize::MAX);
    if text.len() <= max_chars {
        return Ok(());
    }
    let length = text.chars().count();
    if length <= max_chars { Ok(()) } else { Err(TypeError::TooLong { max, length }) }
}

fn accepts_decimal(value: Value, precision: u8, scale: u8) -> Result<Value, TypeError> {
    let number = match &value {
        Value::Float(float) => number::float_to_decimal(*float),
        value => value.as_decimal(),
    };
    let fitted = number.and_then(|number| fit_decimal(number, precision, scale));
    fitted.map(Value::Decimal).ok_or(TypeError::Precision { value, precision, scale })
}

/// Rounds to `scale` digits after the point, half away from zero, and pads with zeros up to it; zero loses
/// its sign. Of no precision it keeps its scale. `None` if more than `precision - scale` digits stand before the point.
fn fit_decimal(number: Decimal, precision: u8, scale: u8) -> Option<Decimal> {
    let mut fitted = number;
    if precision > 0 {
        let strategy = RoundingStrategy::MidpointAwayFromZero;
        fitted = number.round_dp_with_strategy(u32::from(scale), strategy);
        let integer_digits = u32::from(precision.saturating_sub(scale));
        if fitted.trunc().mantissa().unsigned_abs() >= 10_u128.checked_pow(integer_digits)? {
            return None;
        }
        fitted.rescale(u32::from(scale));
    }
    if fitted.is_zero() {
        fitted.set_sign_positive(true);
    }
    Some(fitted)
}
