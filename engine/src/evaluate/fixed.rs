//! Columns of decimals as integers: what most columns are, as each has one scale, and few have more digits than a word
//! takes.

use std::borrow::Cow;

use super::compare::Words;
use crate::bits::Bits;
use crate::vector::Vector;
use nuages_storage::Value;
use rust_decimal::Decimal;

/// Less than one row in so many is few: taken out of a leaf, all rows take as long as a comparison of so many one by
/// one.
const FEW: usize = 5;

/// A column of decimals of one scale, each as so many times the last digit of that scale. A NULL is 0.
#[derive(Debug)]
pub(crate) struct Fixed<'a> {
    scale: u8,
    units: Units<'a>,
}

#[derive(Debug)]
enum Units<'a> {
    Column(Cow<'a, [u64]>),
    Same(i64),
}

impl<'a> Fixed<'a> {
    /// The column as integers; `None` if it is none of decimals, if they have several scales, if one has more digits
    /// than a word takes, or if so few rows are asked for that they are better looked at one by one. O(n), without a
    /// branch for a row where they lie in a leaf.
    pub(crate) fn of(column: &'a Vector<'_>, asked: &Bits) -> Option<Fixed<'a>> {
        let is_copied = matches!(column, Vector::Leaf(_) | Vector::Decimal { .. });
        if is_copied && asked.count() * FEW < column.len() {
            return None;
        }
        let (units, scale) = match column {
            Vector::Fixed { scale, data, .. } => (Units::Column(Cow::Borrowed(data)), *scale),
            Vector::Leaf(leaf) => {
                let (units, scale) = leaf.units()?;
                (Units::Column(Cow::Owned(units)), scale)
            }
            Vector::Decimal { data, .. } => {
                let scale = asked.iter().next().map_or(0, |row| data[row].scale());
                // Rows that nobody asked for may have been computed or not.
                let mut units = vec![0; data.len()];
                for row in asked {
                    units[row] = units_at(data[row], scale)?.cast_unsigned();
                }
                (Units::Column(Cow::Owned(units)), u8::try_from(scale).ok()?)
            }
            Vector::Constant { value: Value::Decimal(decimal), .. } => {
                let scale = decimal.scale();
                (Units::Same(units_at(*decimal, scale)?), u8::try_from(scale).ok()?)
            }
            Vector::Constant { value: Value::Int(int), .. } if *int != i64::MIN => (Units::Same(*int), 0),
            _ => return None,
        };
        Some(Fixed { scale, units })
    }

    /// How many digits stand after the point.
    pub(crate) fn scale(&self) -> u8 {
        self.scale
    }

    /// The integers.
    pub(crate) fn words(&self) -> Words<'_> {
        match &self.units {
            Units::Column(units) => Words::Slice(units),
            Units::Same(unit) => Words::Same(unit.cast_unsigned()),
        }
    }

    /// The same decimals with as many digits after the point, or more; `None` if one does not fit.
    pub(crate) fn at(self, scale: u8) -> Option<Fixed<'a>> {
        if scale == self.scale {
            return Some(self);
        }
        let factor = 10_i64.checked_pow(u32::from(scale.checked_sub(self.scale)?))?;
        let units = match self.units {
            Units::Same(unit) => Units::Same(unit.checked_mul(factor)?),
            Units::Column(units) => {
                let mut failed = false;
                let moved = units.iter().map(|unit| {
                    let (unit, overflowed) = unit.cast_signed().overflowing_mul(factor);
                    failed |= overflowed | (unit == i64::MIN);
                    unit.cast_unsigned()
                });
                let moved = moved.collect();
                (!failed).then_some(Units::Column(Cow::Owned(moved)))?
            }
        };
        Some(Fixed { scale, units })
    }
}

/// A column of decimals in a leaf as one of integers, for who looks at it more than once; `None` as for [`Fixed::of`].
pub(crate) fn fixed_column(column: &Vector<'_>, asked: &Bits) -> Option<Vector<'static>> {
    let Vector::Leaf(leaf) = column else { return None };
    if asked.count() * FEW < leaf.len() {
        return None;
    }
    let (data, scale) = leaf.units()?;
    Some(Vector::Fixed { scale, data, nulls: leaf.nulls() })
}

/// A decimal of this scale as an integer, if it is one and fits.
fn units_at(decimal: Decimal, scale: u32) -> Option<i64> {
    if decimal.scale() == scale {
        i64::try_from(decimal.mantissa()).ok().filter(|unit| *unit != i64::MIN)
    } else {
        None
    }
}
