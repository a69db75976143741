//! Functions of numbers. All but the transcendental ones keep the type of their argument.

use nuages_storage::{DataType, Value};
use rust_decimal::{Decimal, RoundingStrategy};

use super::{Call, signature};
use crate::algebra::Function;
use crate::error::Error;
use crate::evaluate::Class;
use crate::vector::Vector;

pub(super) fn evaluate(function: &Function, call: &Call<'_>) -> Result<Vector<'static>, Error> {
    let overflow = || Error::Overflow { operation: signature::name(function).to_owned() };
    match call.classes.first() {
        Some(Some(Class::Int)) => call.words(DataType::BigInt, |row| {
            let digits = call.int(1, row).unwrap_or_default();
            int(function, call.int(0, row).unwrap_or_default(), digits).ok_or_else(overflow)
        }),
        Some(Some(Class::Decimal)) => decimals(function, call, &overflow),
        Some(Some(_)) => call.words(DataType::Float, |row| {
            let argument = call.columns[0].float(row).unwrap_or_default();
            let result = float(function, argument, call.int(1, row).unwrap_or_default());
            let finite = result.is_finite() || !argument.is_finite();
            if finite { Ok(result.to_bits().cast_signed()) } else { Err(overflow()) }
        }),
        _ => Ok(Vector::constant(Value::Null, call.len)),
    }
}

fn int(function: &Function, int: i64, digits: i64) -> Option<i64> {
    match function {
        Function::Abs => int.checked_abs(),
        Function::Sign => Some(int.signum()),
        Function::Round if digits < 0 => {
            // 10^19 is more than twice every integer, so all round to zero.
            let Some(unit) = u32::try_from(-digits).ok().and_then(|digits| 10_i128.checked_pow(digits))
            else {
                return Some(0);
            };
            let rounded = (i128::from(int).abs() + unit / 2) / unit * unit;
            i64::try_from(rounded * i128::from(int.signum())).ok()
        }
        _ => Some(int),
    }
}

fn float(function: &Function, float: f64, digits: i64) -> f64 {
    match function {
        Function::Abs => float.abs(),
        Function::Ceiling => float.ceil(),
        Function::Floor => float.floor(),
        Function::Sign if float == 0.0 || float.is_nan() => float,
        Function::Sign => float.signum(),
        Function::Round => round_float(float, digits),
        Function::SquareRoot => float.sqrt(),
        // The logarithm of zero is no number; ln gives minus infinity, which the caller refuses.
        Function::Ln => float.ln(),
        Function::Exp => float.exp(),
        _ => float,
    }
}

/// Rounds what the float prints as, half away from zero: 2.675 to 2.68, although the double nearest to it is a little
/// less. Floats too large or too small for that have no digits there to round.
fn round_float(float: f64, digits: i64) -> f64 {
    if digits == 0 {
        return float.round();
    }
    let wide = DataType::Decimal { precision: 28, scale: 14 };
    let decimal = match wide.accepts(Value::Float(float)) {
        Ok(Value::Decimal(decimal)) if digits <= 14 => round_decimal(decimal, digits),
        _ => None,
    };
    decimal.and_then(|decimal| Value::Decimal(decimal).as_float()).unwrap_or(float)
}

/// Rounds to `digits` after the point, or before it if negative; half away from zero. `None` if that overflows.
fn round_decimal(decimal: Decimal, digits: i64) -> Option<Decimal> {
    let strategy = RoundingStrategy::MidpointAwayFromZero;
    if let Ok(digits) = u32::try_from(digits) {
        return Some(decimal.round_dp_with_strategy(digits, strategy));
    }
    let Some(unit) = u32::try_from(-digits).ok().filter(|digits| *digits <= 28) else {
        return Some(Decimal::ZERO);
    };
    let unit = Decimal::try_from_i128_with_scale(10_i128.pow(unit), 0).ok()?;
    (decimal / unit).round_dp_with_strategy(0, strategy).checked_mul(unit)
}

fn decimals(
    function: &Function,
    call: &Call<'_>,
    overflow: &dyn Fn() -> Error,
) -> Result<Vector<'static>, Error> {
    let live = call.live();
    let mut data = vec![Decimal::ZERO; call.len];
    for row in &live {
        let decimal = call.columns[0].decimal(row).unwrap_or_default();
        data[row] = match function {
            Function::Abs => decimal.abs(),
            Function::Ceiling => decimal.ceil(),
            Function::Floor => decimal.floor(),
            Function::Sign if decimal.is_zero() => Decimal::ZERO,
            Function::Sign if decimal.is_sign_negative() => Decimal::NEGATIVE_ONE,
            Function::Sign => Decimal::ONE,
            _ => round_decimal(decimal, call.int(1, row).unwrap_or_default()).ok_or_else(overflow)?,
        };
    }
    Ok(Vector::Decimal { data, nulls: live.complement(call.len) })
}
