//! How a value lies in a leaf: the lane of its type, and the words it becomes there.
//!
//! A fixed-width value is one word (`u64`) or two (`u128`). A word is the `i64` of an integer, a count of
//! days or microseconds (see [`temporal`]), or the bits of a float. The functions here are
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

/// Up to 64 stored decimals of one scale as integers, each so many times the last digit of that scale, and the scale. A
/// row of `nulls` is 0. `None` if their scales differ, or if one does not fit an `i64`.
///
/// ```
/// use nuages_storage::value::{decimal_to_wide, decimal_units};
/// use rust_decimal::Decimal;
/// let words = [Decimal::new(125, 2), Decimal::new(-50, 2)].map(|decimal| {
///     let wide = decimal_to_wide(decimal);
///     [wide as u64, (wide >> 64) as u64]
/// });
/// assert_eq!(decimal_units(&words, 0), Some((vec![125, -50_i64 as u64], 2)));
/// ```
#[must_use]
pub fn decimal_units(wides: &[[u64; 2]], nulls: u64) -> Option<(Vec<u64>, u8)> {
    const SCALE: u64 = 0xff << SCALE_BITS;
    let first = wides.get((!nulls).trailing_zeros() as usize);
    let scale = first.map_or(0, |[low, _]| low & SCALE);
    let mut odd = 0;
    let units = wides.iter().enumerate().map(|(row, [low, high])| {
        let magnitude = low >> 32 | high << 32;
        let all_if_negative = (low >> SIGN_BIT & 1).wrapping_neg();
        let is_odd = high >> 32 | magnitude >> 63 | (low & SCALE) ^ scale;
        let all_if_present = (nulls >> row & 1).wrapping_sub(1);
        odd |= is_odd & all_if_present;
        (magnitude ^ all_if_negative).wrapping_sub(all_if_negative)
    });
    let units = units.collect();
    (odd == 0).then_some((units, (scale >> SCALE_BITS) as u8))
}

/// A stored decimal as so many times the last digit of this scale; `None` if it is of another scale, or does not fit an
/// `i64`.
///
/// ```
/// use nuages_storage::value::{decimal_to_wide, decimal_unit};
/// use rust_decimal::Decimal;
/// let wide = decimal_to_wide(Decimal::new(-50, 2));
/// let words = [wide as u64, (wide >> 64) as u64];
/// assert_eq!((decimal_unit(words, 2), decimal_unit(words, 3)), (Some(-50), None));
/// ```
#[must_use]
#[inline]
pub fn decimal_unit([low, high]: [u64; 2], scale: u8) -> Option<i64> {
    let magnitude = low >> 32 | high << 32;
    let fits = high >> 32 == 0 && magnitude >> 63 == 0 && (low >> SCALE_BITS & 0xff) as u8 == scale;
    let all_if_negative = (low >> SIGN_BIT & 1).wrapping_neg();
    fits.then_some((magnitude ^ all_if_negative).wrapping_sub(all_if_negative).cast_signed())
}

/// Where a stored decimal has its sign, and from where on its scale.
const SIGN_BIT: u32 = 31;
const SCALE_BITS: u32 = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decimals_of_one_scale_are_integers(
            digits in prop::collection::vec(any::<i64>(), 0..64), scale in 0..5_u32, nulls in any::<u64>(), odd in 0..64_usize,
        ) {
            let stored = |decimal: Decimal| {
                let wide = decimal_to_wide(decimal);
                [wide as u64, (wide >> 64) as u64]
            };
            let digits: Vec<i64> = digits.iter().map(|digits| *digits >> 1).collect();
            let mut wides: Vec<_> = digits.iter().map(|digits| stored(Decimal::new(*digits, scale))).collect();
            let is_null = |row: usize| nulls >> row & 1 == 1;
            let units = decimal_units(&wides, 0);
            for (wide, digits) in wides.iter().zip(&digits) {
                prop_assert_eq!(decimal_unit(*wide, scale as u8), Some(*digits));
                prop_assert_eq!(decimal_unit(*wide, scale as u8 + 1), None);
            }
            prop_assert_eq!(&units.as_ref().unwrap().0, &digits.iter().map(|digits| digits.cast_unsigned()).collect::<Vec<_>>());
            prop_assert!(digits.is_empty() || units.unwrap().1 == scale as u8);
            if odd < wides.len() && wides.len() > 1 {
                // Of another scale, or too long; where it is NULL it does not matter.
                let other = if scale % 2 == 0 { Decimal::new(1, scale + 1) } else { Decimal::from_i128_with_scale(1 << 63, scale) };
                wides[odd] = stored(other);
                let others_are_null = (0..wides.len()).all(|row| row == odd || is_null(row)) && scale % 2 == 0;
                prop_assert_eq!(decimal_unit(wides[odd], scale as u8), None);
                let found = decimal_units(&wides, nulls);
                prop_assert_eq!(found.is_some(), is_null(odd) || others_are_null);
            }
        }
    }
}
