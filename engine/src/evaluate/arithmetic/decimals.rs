//! Decimals: integers, as long as they are of one scale a column and their digits fit a word; else one by one.
//!
//! Both give the same digits: a sum and a difference have as many after the point as the operand that has more, a
//! product as many as both together, as in PostgreSQL.

use rust_decimal::Decimal;

use super::{Operands, map_words, overflow};
use crate::algebra::Arithmetic;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::compare::Words;
use crate::evaluate::fixed::Fixed;
use crate::evaluate::quotient::quotient;
use crate::vector::Vector;

/// `left op right` in the rows that are live.
pub(super) fn evaluate(
    op: Arithmetic,
    operands: &Operands<'_, '_>,
    live: &Bits,
    nulls: Bits,
) -> Result<Vector<'static>, Error> {
    if let Some((data, scale)) = as_integers(op, operands, live) {
        return Ok(Vector::Fixed { scale, data, nulls });
    }
    Ok(Vector::Decimal { data: one_by_one(op, operands, live)?, nulls })
}

/// `-operand` in every row.
pub(super) fn negate(operand: &Vector<'_>, len: usize, live: &Bits, nulls: Bits) -> Vector<'static> {
    if let Some(fixed) = Fixed::of(operand, live) {
        let subtract = |zero: u64, units: u64| {
            let (units, overflowed) = zero.cast_signed().overflowing_sub(units.cast_signed());
            (units.cast_unsigned(), overflowed)
        };
        // Of a column of integers one may be the least, which has no opposite among them.
        if let Some(data) = map_words(Words::Same(0), fixed.words(), len, live, subtract) {
            return Vector::Fixed { scale: fixed.scale(), data, nulls };
        }
    }
    let data = (0..len).map(|row| -operand.decimal(row).unwrap_or_default()).collect();
    Vector::Decimal { data, nulls }
}

/// The results and their scale; `None` if they do not fit, and for what is no operation on integers.
fn as_integers(op: Arithmetic, operands: &Operands<'_, '_>, live: &Bits) -> Option<(Vec<u64>, u8)> {
    if !matches!(op, Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Multiply) {
        return None;
    }
    let (left, right) = (Fixed::of(operands.left, live)?, Fixed::of(operands.right, live)?);
    let (left, right, scale) = match op {
        Arithmetic::Multiply => {
            let scale = left.scale() + right.scale();
            (u32::from(scale) <= Decimal::MAX_SCALE).then_some((left, right, scale))?
        }
        _ => {
            let scale = left.scale().max(right.scale());
            (left.at(scale)?, right.at(scale)?, scale)
        }
    };
    let compute = match op {
        Arithmetic::Add => i64::overflowing_add,
        Arithmetic::Subtract => i64::overflowing_sub,
        _ => i64::overflowing_mul,
    };
    let compute = |left: u64, right: u64| {
        let (units, overflowed) = compute(left.cast_signed(), right.cast_signed());
        // No decimal is the least integer, which has no opposite.
        (units.cast_unsigned(), overflowed || units == i64::MIN)
    };
    Some((map_words(left.words(), right.words(), operands.len, live, compute)?, scale))
}

fn one_by_one(op: Arithmetic, operands: &Operands<'_, '_>, live: &Bits) -> Result<Vec<Decimal>, Error> {
    let mut data = vec![Decimal::ZERO; operands.len];
    for row in live {
        let (Some(left), Some(right)) = (operands.left.decimal(row), operands.right.decimal(row)) else {
            continue;
        };
        data[row] = compute(op, left, right)?;
    }
    Ok(data)
}

fn compute(op: Arithmetic, left: Decimal, right: Decimal) -> Result<Decimal, Error> {
    if right.is_zero() && matches!(op, Arithmetic::Divide | Arithmetic::Modulo) {
        return Err(Error::DivisionByZero);
    }
    let (result, scale) = match op {
        Arithmetic::Add => (left.checked_add(right), left.scale().max(right.scale())),
        Arithmetic::Subtract => (left.checked_sub(right), left.scale().max(right.scale())),
        Arithmetic::Multiply => (left.checked_mul(right), left.scale() + right.scale()),
        Arithmetic::Divide => (quotient(left, right), 0),
        Arithmetic::Modulo => (left.checked_rem(right), 0),
        _ => (None, 0),
    };
    let mut result = result.ok_or_else(|| overflow("numeric", op.symbol()))?;
    // What is computed with a zero has lost the zeros behind its point.
    if result.scale() < scale && (left.is_zero() || right.is_zero()) {
        result.rescale(scale.min(Decimal::MAX_SCALE));
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use nuages_storage::{DataType, Value};
    use proptest::prelude::*;

    use super::*;
    use crate::vector::VectorBuilder;

    /// Decimals that are mostly of one scale, now and then of none or another, and sometimes long.
    fn decimals(len: usize) -> impl Strategy<Value = Vec<Option<Decimal>>> {
        let scale = prop_oneof![8 => Just(2_u32), 1 => 0_u32..5];
        let digits = prop_oneof![8 => -100_000..100_000_i64, 1 => Just(0_i64), 1 => any::<i64>()];
        let decimal = (digits, scale).prop_map(|(digits, scale)| Decimal::new(digits, scale));
        let long = any::<i64>().prop_map(|digits| Decimal::from_i128_with_scale(i128::from(digits) << 20, 2));
        let value = prop_oneof![6 => decimal.prop_map(Some), 1 => Just(None), 1 => long.prop_map(Some)];
        let plain = (-100_000..100_000_i64).prop_map(|digits| Some(Decimal::new(digits, 2)));
        prop_oneof![prop::collection::vec(plain, len), prop::collection::vec(value, len)]
    }

    fn column(decimals: &[Option<Decimal>]) -> Vector<'static> {
        let mut builder = VectorBuilder::new(DataType::Decimal { precision: 28, scale: 2 });
        decimals.iter().for_each(|decimal| builder.push(&Value::from(*decimal)));
        builder.finish()
    }

    /// Each with its digits: `1.0` is not `1.00` here.
    fn shown(column: &Vector<'_>, len: usize) -> Vec<Option<String>> {
        (0..len).map(|row| column.decimal(row).map(|decimal| decimal.to_string())).collect()
    }

    #[test]
    fn integers_of_one_scale_compute_what_decimals_do_one_by_one() {
        const LEN: usize = 5;
        let (together, alone) = (Cell::new(0), Cell::new(0));
        let op = prop::sample::select(vec![Arithmetic::Add, Arithmetic::Subtract, Arithmetic::Multiply]);
        proptest!(|(left in decimals(LEN), right in decimals(LEN), op in op)| {
            let (left, right) = (column(&left), column(&right));
            let nulls = &left.nulls() | &right.nulls();
            let live = nulls.complement(LEN);
            let operands = Operands { left: &left, right: &right, len: LEN };
            match as_integers(op, &operands, &live) {
                Some((data, scale)) => {
                    together.update(|together| together + 1);
                    let found = Vector::Fixed { scale, data, nulls: nulls.clone() };
                    let wanted = Vector::Decimal { data: one_by_one(op, &operands, &live).unwrap(), nulls };
                    prop_assert_eq!(shown(&found, LEN), shown(&wanted, LEN));
                }
                None => alone.update(|alone| alone + 1),
            }
        });
        assert!(together.get() > 20 && alone.get() > 20, "{together:?} and {alone:?}");
    }

    #[test]
    fn what_does_not_fit_a_word_is_computed_all_the_same() {
        let (big, two) = (Decimal::new(i64::MAX, 2), Decimal::new(200, 2));
        let (left, right) = (column(&[Some(big)]), column(&[Some(two)]));
        let operands = Operands { left: &left, right: &right, len: 1 };
        let product = evaluate(Arithmetic::Multiply, &operands, &Bits::all(1), Bits::none(1)).unwrap();
        assert_eq!(product.decimal(0), Some(big * two));
        assert!(matches!(product, Vector::Decimal { .. }));
    }

    #[test]
    fn the_least_integer_has_an_opposite_that_is_a_decimal() {
        let least = i64::MIN.cast_unsigned();
        let column = Vector::Fixed { scale: 0, data: vec![least, 7], nulls: Bits::none(2) };
        let negated = negate(&column, 2, &Bits::all(2), Bits::none(2));
        assert_eq!(shown(&negated, 2), [Some("9223372036854775808".into()), Some("-7".into())]);
    }

    #[test]
    fn a_zero_keeps_the_zeros_behind_its_point() {
        let zero = Decimal::new(0, 2);
        for (op, wanted) in
            [(Arithmetic::Add, "1.500"), (Arithmetic::Subtract, "-1.500"), (Arithmetic::Multiply, "0.00000")]
        {
            assert_eq!(compute(op, zero, Decimal::new(1_500, 3)).unwrap().to_string(), wanted);
        }
    }
}
