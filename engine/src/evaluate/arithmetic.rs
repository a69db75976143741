//! Binary arithmetic.
//!
//! Integers are computed in 64 bits, in loops that note which rows overflowed; it is an error if one of them was
//! asked for. Floats that overflow, and divisions by zero of any kind, are errors too, as in PostgreSQL. Times are
//! integers of a unit each:
//!
//! | | gives |
//! |---|---|
//! | timestamp ± interval, interval + timestamp | timestamp |
//! | timestamp - timestamp, time - time, date - date, interval ± interval | interval |
//! | date ± integer (days) | date |
//! | date ± interval | timestamp, from midnight UTC |
//! | time ± interval | time, around the clock |
//! | interval * number, number * interval, interval / number | interval |
//!
//! (A difference of dates is an interval, as Django has it; PostgreSQL gives the number of days.)

mod decimals;
mod temporal;

use std::borrow::Cow;

use nuages_storage::{DataType, Value};

use super::compare::{Words, nulls};
use super::types::{decimal, scale_of};
use super::{Class, class_of};
use crate::algebra::Arithmetic;
use crate::bits::Bits;
use crate::error::Error;
use crate::vector::Vector;

/// The columns an operation is applied to.
pub(super) struct Operands<'a, 'v> {
    pub(super) left: &'a Vector<'v>,
    pub(super) right: &'a Vector<'v>,
    pub(super) len: usize,
}

impl Operands<'_, '_> {
    fn words(&self) -> (Words<'_>, Words<'_>) {
        (Words::of(self.left), Words::of(self.right))
    }
}

/// The classes that operands are converted to before an operation on these, or `None` if it does not go.
pub(super) fn operand_classes(op: Arithmetic, left: Class, right: Class) -> Option<(Class, Class)> {
    use Class::{Date, Decimal, Duration, Float, Int, Time, Timestamp};
    let additive = matches!(op, Arithmetic::Add | Arithmetic::Subtract);
    let common = match (left, right) {
        (Int, Int) => Int,
        (Int | Decimal, Int | Decimal) => Decimal,
        _ => Float,
    };
    match op {
        Arithmetic::Power if left.is_number() && right.is_number() => Some((Float, Float)),
        Arithmetic::BitAnd
        | Arithmetic::BitOr
        | Arithmetic::BitXor
        | Arithmetic::ShiftLeft
        | Arithmetic::ShiftRight => (left == Int && right == Int).then_some((Int, Int)),
        Arithmetic::Power => None,
        _ if left.is_number() && right.is_number() => Some((common, common)),
        Arithmetic::Multiply | Arithmetic::Divide if left == Duration && right.is_number() => {
            Some((Duration, if right == Int { Int } else { Float }))
        }
        Arithmetic::Multiply if right == Duration && left.is_number() => {
            Some((if left == Int { Int } else { Float }, Duration))
        }
        Arithmetic::Add if matches!((left, right), (Duration, Timestamp | Date | Time) | (Int, Date)) => {
            Some((left, right))
        }
        Arithmetic::Subtract
            if matches!((left, right), (Timestamp, Timestamp) | (Date, Date) | (Time, Time)) =>
        {
            Some((left, right))
        }
        _ if additive
            && matches!((left, right), (Timestamp | Date | Time | Duration, Duration) | (Date, Int)) =>
        {
            Some((left, right))
        }
        _ => None,
    }
}

/// The type of `left op right`, if it goes.
pub(crate) fn arithmetic_type(op: Arithmetic, left: DataType, right: DataType) -> Option<DataType> {
    let (left_class, right_class) = operand_classes(op, class_of(left), class_of(right))?;
    let as_class = |kind: DataType, class: Class| if class_of(kind) == class { kind } else { class.any() };
    Some(result_type(op, as_class(left, left_class), as_class(right, right_class)))
}

/// The type of the result, of operands that go together.
pub(super) fn result_type(op: Arithmetic, left: DataType, right: DataType) -> DataType {
    use Class::{Date, Decimal, Duration, Float, Int, Time, Timestamp};
    let (left_scale, right_scale) = (scale_of(left), scale_of(right));
    match (class_of(left), class_of(right)) {
        (Int, Int) => DataType::BigInt,
        (Float, Float) => DataType::Float,
        (Decimal, _) => decimal(match op {
            Arithmetic::Multiply => left_scale + right_scale,
            Arithmetic::Divide => left_scale.max(right_scale).max(DIVISION_SCALE),
            _ => left_scale.max(right_scale),
        }),
        (Timestamp, Duration) | (Duration, Timestamp | Date) | (Date, Duration) => DataType::Timestamp,
        (Date, Int) | (Int, Date) => DataType::Date,
        (Time, Duration) | (Duration, Time) => DataType::Time,
        _ => DataType::Duration,
    }
}

/// The digits after the point that a quotient of decimals usually has; PostgreSQL's choice.
pub(crate) const DIVISION_SCALE: u8 = 16;

/// `left op right` in the rows of `selection`.
pub(super) fn evaluate(
    op: Arithmetic,
    left: Option<Class>,
    right: Option<Class>,
    operands: &Operands<'_, '_>,
    selection: &Bits,
) -> Result<Vector<'static>, Error> {
    let nulls = &nulls(operands.left, operands.len) | &nulls(operands.right, operands.len);
    let live = selection.and_not(&nulls);
    let (Some(left), Some(right)) = (left, right) else {
        return Ok(Vector::constant(Value::Null, operands.len));
    };
    let (kind, data) = match (left, right) {
        (Class::Decimal, Class::Decimal) => return decimals::evaluate(op, operands, &live, nulls),
        (Class::Int, Class::Int) => (DataType::BigInt, ints(op, operands, &live)?),
        (Class::Float, Class::Float) => (DataType::Float, floats(op, operands, &live)?),
        (left, right) => temporal::evaluate(op, left, right, operands, &live)?,
    };
    Ok(Vector::Word { kind, data: Cow::Owned(data), nulls })
}

/// `-operand` in the rows of `selection`.
pub(super) fn negate(
    class: Option<Class>,
    operand: &Vector<'_>,
    len: usize,
    selection: &Bits,
) -> Result<Vector<'static>, Error> {
    let nulls = nulls(operand, len);
    let live = selection.and_not(&nulls);
    let words = Words::of(operand);
    let (kind, data) = match class {
        Some(Class::Decimal) => return Ok(decimals::negate(operand, len, &live, nulls)),
        Some(Class::Float) => {
            (DataType::Float, (0..len).map(|row| (-f64::from_bits(words.get(row))).to_bits()).collect())
        }
        Some(class @ (Class::Int | Class::Duration)) => {
            let kind = if class == Class::Int { DataType::BigInt } else { DataType::Duration };
            let zero = Words::Same(0);
            (kind, checked("-", zero, words, len, &live, |zero, int| zero.overflowing_sub(int))?)
        }
        _ => return Ok(Vector::constant(Value::Null, len)),
    };
    Ok(Vector::Word { kind, data: Cow::Owned(data), nulls })
}

fn overflow(class: &str, op: &str) -> Error {
    Error::Overflow { operation: format!("{class} {op} {class}") }
}

fn ints(op: Arithmetic, operands: &Operands<'_, '_>, live: &Bits) -> Result<Vec<u64>, Error> {
    let (left, right) = operands.words();
    let len = operands.len;
    let plain = |compute: fn(i64, i64) -> i64| {
        checked(op.symbol(), left, right, len, live, |a, b| (compute(a, b), false))
    };
    match op {
        Arithmetic::Add => checked("+", left, right, len, live, i64::overflowing_add),
        Arithmetic::Subtract => checked("-", left, right, len, live, i64::overflowing_sub),
        Arithmetic::Multiply => checked("*", left, right, len, live, i64::overflowing_mul),
        Arithmetic::Divide => divided(op, left, right, len, live, i64::checked_div),
        // The least integer modulo -1 is 0 although the division overflows.
        Arithmetic::Modulo => divided(op, left, right, len, live, |a, b| Some(a.wrapping_rem(b))),
        Arithmetic::BitAnd => plain(|a, b| a & b),
        Arithmetic::BitOr => plain(|a, b| a | b),
        Arithmetic::BitXor => plain(|a, b| a ^ b),
        // As the processor does, by the shift modulo 64.
        Arithmetic::ShiftLeft => plain(|a, b| a << (b & 63)),
        Arithmetic::ShiftRight => plain(|a, b| a >> (b & 63)),
        Arithmetic::Power => unreachable!("powers are computed in double precision"),
    }
}

/// Computes every row, and fails if one that was asked for overflowed.
#[inline]
fn checked(
    op: &str,
    left: Words<'_>,
    right: Words<'_>,
    len: usize,
    live: &Bits,
    compute: impl Fn(i64, i64) -> (i64, bool) + Copy,
) -> Result<Vec<u64>, Error> {
    let compute = |left: u64, right: u64| {
        let (int, overflowed) = compute(left.cast_signed(), right.cast_signed());
        (int.cast_unsigned(), overflowed)
    };
    map_words(left, right, len, live, compute).ok_or_else(|| overflow("integer", op))
}

/// Applies `compute` to every row; `None` if it returns true for one that was asked for. The loop only gathers whether
/// any row failed, which is rare enough to look for it afterwards.
#[inline]
fn map_words(
    left: Words<'_>,
    right: Words<'_>,
    len: usize,
    live: &Bits,
    compute: impl Fn(u64, u64) -> (u64, bool) + Copy,
) -> Option<Vec<u64>> {
    let mut data = vec![0; len];
    let failed = match (left, right) {
        (Words::Slice(left), Words::Slice(right)) => {
            fill(&mut data, left.iter().copied().zip(right.iter().copied()), compute)
        }
        (Words::Slice(left), Words::Same(right)) => {
            fill(&mut data, left.iter().map(|left| (*left, right)), compute)
        }
        (Words::Same(left), Words::Slice(right)) => {
            fill(&mut data, right.iter().map(|right| (left, *right)), compute)
        }
        (Words::Same(left), Words::Same(right)) => {
            fill(&mut data, std::iter::repeat_n((left, right), len), compute)
        }
    };
    let asked_for = |row| compute(left.get(row), right.get(row)).1;
    if failed && live.iter().any(asked_for) { None } else { Some(data) }
}

/// Fills `data` from pairs of operands; whether any of them failed.
#[inline]
fn fill(
    data: &mut [u64],
    pairs: impl Iterator<Item = (u64, u64)>,
    compute: impl Fn(u64, u64) -> (u64, bool),
) -> bool {
    let mut failed = false;
    for (out, (left, right)) in data.iter_mut().zip(pairs) {
        let (word, flag) = compute(left, right);
        *out = word;
        failed |= flag;
    }
    failed
}

/// Computes only the rows asked for: a division by zero has no result to throw away.
fn divided(
    op: Arithmetic,
    left: Words<'_>,
    right: Words<'_>,
    len: usize,
    live: &Bits,
    compute: impl Fn(i64, i64) -> Option<i64>,
) -> Result<Vec<u64>, Error> {
    let mut data = vec![0; len];
    for row in live {
        let (left, right) = (left.get(row).cast_signed(), right.get(row).cast_signed());
        if right == 0 {
            return Err(Error::DivisionByZero);
        }
        let int = compute(left, right).ok_or_else(|| overflow("integer", op.symbol()))?;
        data[row] = int.cast_unsigned();
    }
    Ok(data)
}

fn floats(op: Arithmetic, operands: &Operands<'_, '_>, live: &Bits) -> Result<Vec<u64>, Error> {
    let (left, right) = operands.words();
    let len = operands.len;
    if matches!(op, Arithmetic::Divide | Arithmetic::Modulo)
        && live.iter().any(|row| f64::from_bits(right.get(row)) == 0.0)
    {
        return Err(Error::DivisionByZero);
    }
    let data = match op {
        Arithmetic::Add => map_floats(left, right, len, live, |a, b| a + b),
        Arithmetic::Subtract => map_floats(left, right, len, live, |a, b| a - b),
        Arithmetic::Multiply => map_floats(left, right, len, live, |a, b| a * b),
        Arithmetic::Divide => map_floats(left, right, len, live, |a, b| a / b),
        Arithmetic::Modulo => map_floats(left, right, len, live, |a, b| a % b),
        Arithmetic::Power => map_floats(left, right, len, live, f64::powf),
        _ => unreachable!("bits are computed of integers only"),
    };
    data.ok_or_else(|| overflow("double precision", op.symbol()))
}

/// A result that is no finite number, of operands that are, is out of range.
#[inline]
fn map_floats(
    left: Words<'_>,
    right: Words<'_>,
    len: usize,
    live: &Bits,
    compute: impl Fn(f64, f64) -> f64 + Copy,
) -> Option<Vec<u64>> {
    map_words(left, right, len, live, |left, right| {
        let (left, right) = (f64::from_bits(left), f64::from_bits(right));
        let float = compute(left, right);
        (float.to_bits(), !float.is_finite() && left.is_finite() && right.is_finite())
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::algebra::Expr;
    use crate::evaluate::testing::value_of;

    fn compute(left: impl Into<Value>, op: Arithmetic, right: impl Into<Value>) -> Result<Value, Error> {
        value_of(&Expr::literal(left).arithmetic(op, Expr::literal(right)))
    }

    fn decimal_value(text: &str) -> Value {
        Value::Decimal(text.parse().unwrap())
    }

    fn out_of_range(operation: &str) -> Result<Value, Error> {
        Err(Error::Overflow { operation: operation.into() })
    }

    #[test]
    fn integers_truncate_and_never_wrap() {
        use Arithmetic::*;
        assert_eq!(compute(-7, Divide, 2), Ok((-3).into()));
        assert_eq!(compute(-7, Modulo, 2), Ok((-1).into()));
        assert_eq!(compute(i64::MIN, Modulo, -1), Ok(0.into()));
        assert_eq!(compute(i64::MAX, Add, 1), out_of_range("integer + integer"));
        assert_eq!(compute(i64::MIN, Subtract, 1), out_of_range("integer - integer"));
        assert_eq!(compute(i64::MAX, Multiply, 2), out_of_range("integer * integer"));
        assert_eq!(compute(i64::MIN, Divide, -1), out_of_range("integer / integer"));
        assert_eq!(
            value_of(&Expr::Negate(Box::new(Expr::literal(i64::MIN)))),
            out_of_range("integer - integer")
        );
        for op in [Divide, Modulo] {
            assert_eq!(compute(1, op, 0), Err(Error::DivisionByZero));
            assert_eq!(compute(1.0, op, 0.0), Err(Error::DivisionByZero));
            assert_eq!(compute(decimal_value("1"), op, 0), Err(Error::DivisionByZero));
        }
        assert_eq!(compute(0b1100, BitAnd, 0b1010), Ok(0b1000.into()));
        assert_eq!(compute(0b1100, BitOr, 0b1010), Ok(0b1110.into()));
        assert_eq!(compute(0b1100, BitXor, 0b1010), Ok(0b0110.into()));
        assert_eq!(compute(1, ShiftLeft, 4), Ok(16.into()));
        assert_eq!(compute(-16, ShiftRight, 2), Ok((-4).into()));
    }

    #[test]
    fn kinds_of_numbers_mix() {
        use Arithmetic::*;
        assert_eq!(compute(1, Divide, 2.0), Ok(0.5.into()));
        assert_eq!(compute(decimal_value("0.10"), Add, decimal_value("0.2")), Ok(decimal_value("0.3")));
        assert_eq!(compute(3, Multiply, decimal_value("1.5")), Ok(decimal_value("4.5")));
        assert_eq!(compute(decimal_value("1"), Divide, 4), Ok(decimal_value("0.25")));
        assert_eq!(compute(2, Power, 10), Ok(1024.0.into()));
        assert_eq!(compute(decimal_value("2"), Power, 0.5), Ok(2_f64.sqrt().into()));
        assert_eq!(compute(-1, Power, 0.5), out_of_range("double precision ^ double precision"));
        assert_eq!(compute(1e300, Multiply, 1e300), out_of_range("double precision * double precision"));
        assert_eq!(compute(f64::INFINITY, Add, 1.0), Ok(f64::INFINITY.into()));
        let big = decimal_value("79228162514264337593543950335");
        assert_eq!(compute(big.clone(), Add, big), out_of_range("numeric + numeric"));
        assert_eq!(compute(1, Add, Value::Null), Ok(Value::Null));
    }

    #[test]
    fn times_and_intervals_follow_the_table() {
        use Arithmetic::*;
        let at = |text: &str| Value::from(text.parse::<Timestamp>().unwrap());
        let hours = SignedDuration::from_hours;
        let noon = || at("2024-01-31T12:00:00Z");
        assert_eq!(compute(noon(), Add, hours(13)), Ok(at("2024-02-01T01:00:00Z")));
        assert_eq!(compute(hours(-13), Add, noon()), Ok(at("2024-01-30T23:00:00Z")));
        assert_eq!(compute(noon(), Subtract, hours(1)), Ok(at("2024-01-31T11:00:00Z")));
        assert_eq!(compute(noon(), Subtract, at("2024-01-31T11:00:00Z")), Ok(hours(1).into()));
        assert_eq!(compute(date(2024, 3, 1), Subtract, date(2024, 2, 28)), Ok(hours(48).into()));
        assert_eq!(compute(date(2024, 2, 28), Add, 2), Ok(date(2024, 3, 1).into()));
        assert_eq!(compute(1, Add, date(2024, 2, 28)), Ok(date(2024, 2, 29).into()));
        assert_eq!(compute(date(2024, 2, 28), Subtract, 28), Ok(date(2024, 1, 31).into()));
        assert_eq!(compute(date(2024, 1, 31), Add, hours(36)), Ok(at("2024-02-01T12:00:00Z")));
        assert_eq!(compute(time(23, 0, 0, 0), Add, hours(2)), Ok(time(1, 0, 0, 0).into()));
        assert_eq!(compute(time(1, 0, 0, 0), Subtract, hours(26)), Ok(time(23, 0, 0, 0).into()));
        let long = SignedDuration::from_micros(i64::MAX);
        let around = time(4, 0, 54, 775_807_000);
        assert_eq!(compute(time(0, 0, 0, 0), Add, long), Ok(around.into()));
        assert_eq!(compute(long, Add, time(0, 0, 0, 0)), Ok(around.into()));
        assert_eq!(compute(long, Add, time(23, 0, 0, 0)), Ok(time(3, 0, 54, 775_807_000).into()));
        assert_eq!(compute(time(1, 0, 0, 0), Subtract, time(2, 0, 0, 0)), Ok(hours(-1).into()));
        assert_eq!(compute(hours(3), Subtract, hours(1)), Ok(hours(2).into()));
        assert_eq!(compute(hours(3), Multiply, 2), Ok(hours(6).into()));
        assert_eq!(compute(0.5, Multiply, hours(3)), Ok(SignedDuration::from_mins(90).into()));
        assert_eq!(compute(hours(3), Divide, 2), Ok(SignedDuration::from_mins(90).into()));
        assert_eq!(compute(hours(3), Divide, decimal_value("1.5")), Ok(hours(2).into()));
        assert_eq!(compute(hours(3), Divide, 0), Err(Error::DivisionByZero));
        assert_eq!(value_of(&Expr::Negate(Box::new(Expr::literal(hours(3))))), Ok(hours(-3).into()));
        assert_eq!(compute(date(9999, 12, 31), Add, 1), out_of_range("date + integer"));
        assert!(compute(noon(), Add, noon()).is_err());
        assert!(compute(2, Divide, hours(1)).is_err());
    }
}
