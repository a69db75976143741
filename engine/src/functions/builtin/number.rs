//! Functions of numbers.

use nuages_storage::Value;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{Builtin, DECIMAL, FLOAT, INT, Overload, Takes, beyond, refused, table};
use crate::error::Error;
use crate::functions::Call;
use crate::vector::Vector;

pub(super) const TABLE: &[Builtin] = table! {
    "div" [INT, INT] => INT, |call| call.ints(|row| whole_quotient(int(call, 0, row), int(call, 1, row)));
          [DECIMAL, DECIMAL] => DECIMAL, |call| decimals(call, |row| {
              let (left, right) = (call.decimal(0, row), call.decimal(1, row));
              if right.is_zero() { return Err(Error::DivisionByZero) }
              left.checked_div(right).map(|quotient| quotient.trunc()).ok_or_else(|| beyond("div"))
          });
    "gcd" [INT, INT] => INT, |call| call.ints(|row| {
        fits("gcd", gcd(int(call, 0, row).unsigned_abs(), int(call, 1, row).unsigned_abs()).into())
    });
    "lcm" [INT, INT] => INT, |call| call.ints(|row| {
        let (left, right) = (int(call, 0, row).unsigned_abs(), int(call, 1, row).unsigned_abs());
        let divisor = gcd(left, right).max(1);
        fits("lcm", u128::from(left / divisor) * u128::from(right))
    });
    // PostgreSQL's `round` of a float, half to even.
    "rint" [FLOAT] => FLOAT, |call| call.floats(|row| Ok(call.float(0, row).round_ties_even()));
    "factorial" [INT] => DECIMAL, |call| decimals(call, |row| factorial(int(call, 0, row)));
    "width_bucket" [FLOAT, FLOAT, FLOAT, INT] => INT, |call| call.ints(|row| {
        width_bucket([0, 1, 2].map(|place| call.float(place, row)), int(call, 3, row))
    });
    "scale" [DECIMAL] => INT, |call| call.ints(|row| Ok(call.decimal(0, row).scale().into()));
    "min_scale" [DECIMAL] => INT, |call| call.ints(|row| Ok(call.decimal(0, row).normalize().scale().into()));
    "trim_scale" [DECIMAL] => DECIMAL, |call| decimals(call, |row| Ok(call.decimal(0, row).normalize()));
    "sind" [FLOAT] => FLOAT, |call| call.floats(|row| degrees("sind", call.float(0, row), sine));
    "cosd" [FLOAT] => FLOAT, |call| call.floats(|row| degrees("cosd", call.float(0, row), cosine));
    "tand" [FLOAT] => FLOAT, |call| call.floats(|row| {
        degrees("tand", call.float(0, row), |angle| sine(angle) / cosine(angle))
    });
    "cotd" [FLOAT] => FLOAT, |call| call.floats(|row| {
        degrees("cotd", call.float(0, row), |angle| cosine(angle) / sine(angle))
    });
    "asind" [FLOAT] => FLOAT, |call| call.floats(|row| angle("asind", call.float(0, row).asin()));
    "acosd" [FLOAT] => FLOAT, |call| call.floats(|row| angle("acosd", call.float(0, row).acos()));
    "atand" [FLOAT] => FLOAT, |call| call.floats(|row| angle("atand", call.float(0, row).atan()));
    "atan2d" [FLOAT, FLOAT] => FLOAT, |call| {
        call.floats(|row| angle("atan2d", call.float(0, row).atan2(call.float(1, row))))
    };
    // SQLite's shift, which goes to the right by a negative number, and beyond the width leaves nothing but the sign.
    "shift_bits" [INT, INT] => INT, |call| call.ints(|row| Ok(shift_bits(int(call, 0, row), int(call, 1, row))));
    "bit_count" [INT] => INT, |call| call.ints(|row| Ok(int(call, 0, row).count_ones().into()));
};

fn int(call: &Call<'_>, place: usize, row: usize) -> i64 {
    call.int(place, row).unwrap_or_default()
}

fn decimals(
    call: &Call<'_>,
    mut decimal: impl FnMut(usize) -> Result<Decimal, Error>,
) -> Result<Vector<'static>, Error> {
    call.values(DECIMAL, |row| Ok(Some(Value::Decimal(decimal(row)?))))
}

fn whole_quotient(left: i64, right: i64) -> Result<i64, Error> {
    if right == 0 {
        return Err(Error::DivisionByZero);
    }
    left.checked_div(right).ok_or_else(|| beyond("div"))
}

fn shift_bits(bits: i64, by: i64) -> i64 {
    const WIDTH: u64 = 64;
    let distance = u32::try_from(by.unsigned_abs().min(WIDTH)).unwrap_or_default();
    match by {
        0.. => bits.checked_shl(distance).unwrap_or(0),
        _ => bits.checked_shr(distance).unwrap_or(if bits < 0 { -1 } else { 0 }),
    }
}

/// Euclid's algorithm.
fn gcd(left: u64, right: u64) -> u64 {
    let (mut left, mut right) = (left, right);
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

fn fits(function: &str, number: u128) -> Result<i64, Error> {
    i64::try_from(number).map_err(|_| beyond(function))
}

/// 27! is the greatest that a decimal has room for.
fn factorial(n: i64) -> Result<Decimal, Error> {
    if n < 0 {
        return Err(refused("factorial", "a number that is not negative", n.to_string()));
    }
    let product =
        (1..=n).try_fold(Decimal::ONE, |product, factor| product.checked_mul(Decimal::from(factor)));
    product.ok_or_else(|| beyond("factorial"))
}

/// Which of so many equal buckets between two bounds a number falls in: from 1, 0 and one more than there are for what
/// lies outside. Bounds that descend count from the greater.
fn width_bucket([x, low, high]: [f64; 3], count: i64) -> Result<i64, Error> {
    if count <= 0 {
        return Err(refused("width_bucket", "a count greater than zero", count.to_string()));
    }
    if low == high || !low.is_finite() || !high.is_finite() || x.is_nan() {
        return Err(refused("width_bucket", "two finite bounds that differ", format!("{low} and {high}")));
    }
    let share = (x - low) / (high - low);
    let bucket = (share * count.to_f64().unwrap_or_default()).floor();
    Ok(match share {
        share if share < 0.0 => 0,
        share if share >= 1.0 => count.checked_add(1).ok_or_else(|| beyond("width_bucket"))?,
        _ => bucket.to_i64().unwrap_or(count) + 1,
    })
}

/// The sine of an angle in degrees, exact where it is a whole or a half.
fn sine(angle: f64) -> f64 {
    let turned = angle.rem_euclid(360.0);
    match turned {
        turned if turned > 180.0 => -sine(turned - 180.0),
        turned if turned > 90.0 => sine(180.0 - turned),
        // PostgreSQL's way: scaled so that the sine of 30 degrees is a half.
        turned if turned <= 30.0 => turned.to_radians().sin() / 30_f64.to_radians().sin() / 2.0,
        turned => 1.0 - (1.0 - (90.0 - turned).to_radians().cos()) / (1.0 - 60_f64.to_radians().cos()) / 2.0,
    }
}

fn cosine(angle: f64) -> f64 {
    sine(angle.rem_euclid(360.0) + 90.0)
}

fn degrees(function: &str, angle: f64, of: impl Fn(f64) -> f64) -> Result<f64, Error> {
    match angle.is_finite() {
        true => Ok(of(angle)),
        false => Err(beyond(function)),
    }
}

fn angle(function: &str, radians: f64) -> Result<f64, Error> {
    if radians.is_nan() {
        return Err(beyond(function));
    }
    let degrees = radians.to_degrees();
    // The angles whose sines are exact are so themselves.
    let whole = degrees.round();
    Ok(if (degrees - whole).abs() < 1e-12 { whole } else { degrees })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// PostgreSQL's answers.
    #[test]
    fn buckets_are_postgresqls() {
        let bucket = |x, low, high, count| width_bucket([x, low, high], count).unwrap();
        assert_eq!(bucket(5.0, 0.0, 10.0, 5), 3);
        assert_eq!((bucket(-1.0, 0.0, 10.0, 5), bucket(10.0, 0.0, 10.0, 5)), (0, 6));
        assert_eq!((bucket(9.0, 10.0, 0.0, 5), bucket(11.0, 10.0, 0.0, 5)), (1, 0));
        assert!(width_bucket([1.0, 2.0, 2.0], 3).is_err());
        assert!(width_bucket([1.0, 2.0, 3.0], 0).is_err());
    }

    #[test]
    fn degrees_are_exact_where_the_answer_is() {
        assert_eq!(
            [0.0, 30.0, 90.0, 150.0, 180.0, 210.0, 270.0].map(sine),
            [0.0, 0.5, 1.0, 0.5, 0.0, -0.5, -1.0]
        );
        assert_eq!([0.0, 60.0, 90.0, 120.0, 180.0].map(cosine), [1.0, 0.5, 0.0, -0.5, -1.0]);
        assert_eq!(angle("asind", 0.5_f64.asin()), Ok(30.0));
    }

    proptest! {
        #[test]
        fn shifts_are_those_of_sqlite(bits in any::<i64>(), by in -70_i64..70) {
            let sqlite = rusqlite::Connection::open_in_memory().unwrap();
            let theirs: i64 = sqlite.query_row("SELECT ?1 << ?2", [bits, by], |row| row.get(0)).unwrap();
            prop_assert_eq!(shift_bits(bits, by), theirs);
        }

        #[test]
        fn divisors_divide(left in 0_u64..10_000, right in 1_u64..10_000) {
            let divisor = gcd(left, right);
            prop_assert_eq!((left % divisor, right % divisor), (0, 0));
            prop_assert!((divisor + 1..=right.min(left)).all(|more| left % more != 0 || right % more != 0));
        }

        #[test]
        fn sines_are_those_of_the_library(angle in -1_000.0..1_000.0_f64) {
            prop_assert!((sine(angle) - angle.to_radians().sin()).abs() < 1e-12);
            prop_assert!((cosine(angle) - angle.to_radians().cos()).abs() < 1e-12);
        }
    }
}
