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
            let Some(unit) =
                u32::try_from(digits.unsigned_abs()).ok().and_then(|digits| 10_i128.checked_pow(digits))
            else {
                return Some(0);
            };
            let rounded = (i128::from(int).abs() + unit / 2) / unit * unit;
            i64::try_from(rounded * i128::from(int.signum())).ok()
        }
        Function::TruncateNumber if digits < 0 => {
            let unit =
                u32::try_from(digits.unsigned_abs()).ok().and_then(|digits| 10_i64.checked_pow(digits));
            Some(unit.map_or(0, |unit| int / unit * unit))
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
        Function::TruncateNumber => truncate_float(float, digits),
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

/// Cuts off what the float prints as.
fn truncate_float(float: f64, digits: i64) -> f64 {
    if digits == 0 {
        return float.trunc();
    }
    let wide = DataType::Decimal { precision: 28, scale: 14 };
    let decimal = match wide.accepts(Value::Float(float)) {
        Ok(Value::Decimal(decimal)) if digits <= 14 => truncate_decimal(decimal, digits),
        _ => None,
    };
    decimal.and_then(|decimal| Value::Decimal(decimal).as_float()).unwrap_or(float)
}

/// Cuts off what is behind so many digits after the point, or before it if negative.
fn truncate_decimal(decimal: Decimal, digits: i64) -> Option<Decimal> {
    if let Ok(digits) = u32::try_from(digits) {
        return Some(decimal.trunc_with_scale(digits.min(decimal.scale())));
    }
    let Some(unit) = u32::try_from(digits.unsigned_abs()).ok().filter(|digits| *digits <= 28) else {
        return Some(Decimal::ZERO);
    };
    let unit = Decimal::try_from_i128_with_scale(10_i128.pow(unit), 0).ok()?;
    (decimal / unit).trunc().checked_mul(unit)
}

/// Rounds to `digits` after the point, or before it if negative; half away from zero. `None` if that overflows.
fn round_decimal(decimal: Decimal, digits: i64) -> Option<Decimal> {
    let strategy = RoundingStrategy::MidpointAwayFromZero;
    if let Ok(digits) = u32::try_from(digits) {
        return Some(decimal.round_dp_with_strategy(digits, strategy));
    }
    let Some(unit) = u32::try_from(digits.unsigned_abs()).ok().filter(|digits| *digits <= 28) else {
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
            // Zero has no sign.
            Function::Ceiling if decimal.ceil().is_zero() => Decimal::ZERO,
            Function::Ceiling => decimal.ceil(),
            Function::Floor => decimal.floor(),
            Function::Sign if decimal.is_zero() => Decimal::ZERO,
            Function::Sign if decimal.is_sign_negative() => Decimal::NEGATIVE_ONE,
            Function::Sign => Decimal::ONE,
            Function::TruncateNumber => {
                truncate_decimal(decimal, call.int(1, row).unwrap_or_default()).ok_or_else(overflow)?
            }
            _ => round_decimal(decimal, call.int(1, row).unwrap_or_default()).ok_or_else(overflow)?,
        };
    }
    Ok(Vector::Decimal { data, nulls: live.complement(call.len) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::Expr;
    use crate::evaluate::testing::value_of;

    fn call(function: Function, arguments: &[Value]) -> Result<Value, Error> {
        value_of(&Expr::Call(function, arguments.iter().cloned().map(Expr::Literal).collect()))
    }

    fn decimal(text: &str) -> Value {
        Value::Decimal(text.parse().unwrap())
    }

    /// The value and its class: numbers of different classes are equal.
    #[expect(clippy::needless_pass_by_value, reason = "so that a case is one short line")]
    fn check(function: Function, arguments: &[Value], expected: &Value) {
        let result = call(function.clone(), arguments).unwrap();
        assert_eq!(
            (result.to_string(), result.data_type()),
            (expected.to_string(), expected.data_type()),
            "{function:?}{arguments:?}"
        );
    }

    #[test]
    fn numbers_are_cut_off_toward_zero() {
        check(Function::TruncateNumber, &[(-42.8).into()], &(-42.0).into());
        check(Function::TruncateNumber, &[42.4382.into(), 2.into()], &42.43.into());
        check(Function::TruncateNumber, &[decimal("-42.4382"), 2.into()], &decimal("-42.43"));
        check(Function::TruncateNumber, &[decimal("4238.2"), (-2).into()], &decimal("4200"));
        check(Function::TruncateNumber, &[1_999.into(), (-3).into()], &1_000.into());
        check(Function::TruncateNumber, &[i64::MIN.into(), (-40).into()], &0.into());
    }

    #[test]
    fn numbers_keep_their_class() {
        check(Function::Abs, &[(-5).into()], &5.into());
        check(Function::Abs, &[(-5.5).into()], &5.5.into());
        check(Function::Abs, &[decimal("-1.50")], &decimal("1.50"));
        check(Function::Ceiling, &[(-1.5).into()], &(-1.0).into());
        check(Function::Floor, &[(-1.5).into()], &(-2.0).into());
        check(Function::Ceiling, &[decimal("1.01")], &decimal("2"));
        check(Function::Floor, &[decimal("-1.01")], &decimal("-2"));
        check(Function::Ceiling, &[7.into()], &7.into());
        check(Function::Sign, &[(-7).into()], &(-1).into());
        check(Function::Sign, &[0.0.into()], &0.0.into());
        check(Function::Sign, &[decimal("0.00")], &decimal("0"));
        assert_eq!(call(Function::Abs, &[Value::Null]), Ok(Value::Null));
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        check(Function::Round, &[2.5.into()], &3.0.into());
        check(Function::Round, &[(-2.5).into()], &(-3.0).into());
        check(Function::Round, &[2.675.into(), 2.into()], &2.68.into());
        check(Function::Round, &[1234.5.into(), (-2).into()], &1200.0.into());
        check(Function::Round, &[1e300.into(), 2.into()], &1e300.into());
        check(Function::Round, &[decimal("2.345"), 2.into()], &decimal("2.35"));
        check(Function::Round, &[decimal("-1250"), (-2).into()], &decimal("-1300"));
        check(Function::Round, &[1250.into(), (-2).into()], &1300.into());
        check(Function::Round, &[(-1250).into(), (-2).into()], &(-1300).into());
        check(Function::Round, &[7.into(), 3.into()], &7.into());
        check(Function::Round, &[7.into(), (-30).into()], &0.into());
        check(Function::Round, &[7.into(), i64::MIN.into()], &0.into());
        check(Function::Round, &[decimal("7.5"), i64::MIN.into()], &decimal("0"));
    }

    #[test]
    fn what_is_no_finite_number_is_out_of_range() {
        check(Function::SquareRoot, &[2.into()], &2_f64.sqrt().into());
        check(Function::Exp, &[decimal("1")], &1_f64.exp().into());
        check(Function::Ln, &[1.into()], &0.0.into());
        for (function, argument) in [
            (Function::SquareRoot, Value::from(-1)),
            (Function::Ln, Value::from(0)),
            (Function::Exp, Value::from(1e6)),
            (Function::Abs, Value::from(i64::MIN)),
        ] {
            let operation = signature::name(&function).to_owned();
            assert_eq!(call(function, &[argument]), Err(Error::Overflow { operation }));
        }
        assert_eq!(
            call(Function::Round, &[i64::MAX.into(), (-1).into()]),
            Err(Error::Overflow { operation: "round()".into() })
        );
    }
}
