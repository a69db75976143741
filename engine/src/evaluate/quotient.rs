//! Quotients of decimals, with the digits that PostgreSQL gives them.
//!
//! `rust_decimal` fills all of its 96 bits with digits. Then three thirds of ten no longer fit, and whoever reads the
//! third sees 28 digits after the point of a price that has two. PostgreSQL keeps at least 16 significant digits, as
//! many as a float has, in groups of four (`select_div_scale` in its `numeric.c`).

use rust_decimal::{Decimal, RoundingStrategy};

/// The significant digits that a quotient has at least.
const SIGNIFICANT_DIGITS: i32 = 16;

/// PostgreSQL counts in digits of so many decimal digits.
const GROUP: i32 = 4;

/// `dividend / divisor`, rounded half away from zero; `None` if it does not fit, and for a divisor of zero.
pub(crate) fn quotient(dividend: Decimal, divisor: Decimal) -> Option<Decimal> {
    let exact = dividend.checked_div(divisor)?;
    let scale = quotient_scale(dividend, divisor);
    Some(exact.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero))
}

/// How many digits after the point a quotient has at most.
fn quotient_scale(dividend: Decimal, divisor: Decimal) -> u32 {
    let (of_dividend, of_divisor) = (Leading::of(dividend), Leading::of(divisor));
    let mut weight = of_dividend.weight - of_divisor.weight;
    if of_dividend.group <= of_divisor.group {
        weight -= 1;
    }
    let scale = u32::try_from(SIGNIFICANT_DIGITS - GROUP * weight).unwrap_or(0);
    scale.max(dividend.scale()).max(divisor.scale()).min(Decimal::MAX_SCALE)
}

/// The first group of digits that is not zero: the number is about `group * 10000^weight`.
struct Leading {
    weight: i32,
    group: u128,
}

impl Leading {
    fn of(decimal: Decimal) -> Leading {
        let mantissa = decimal.mantissa().unsigned_abs();
        let Some(exponent) = mantissa.checked_ilog10() else { return Leading { weight: 0, group: 0 } };
        let scale = decimal.scale().cast_signed();
        let weight = (exponent.cast_signed() - scale).div_euclid(GROUP);
        let below = scale + GROUP * weight;
        let power = 10_u128.pow(below.unsigned_abs());
        Leading { weight, group: if below < 0 { mantissa * power } else { mantissa / power } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_quotient_has_the_digits_of_postgresql() {
        for (dividend, divisor, wanted) in [
            ("10.00", "3", "3.3333333333333333"),
            ("-10", "3", "-3.3333333333333333"),
            ("1.0", "3", "0.33333333333333333333"),
            ("2", "3", "0.66666666666666666667"),
            ("-2", "3", "-0.66666666666666666667"),
            ("100", "3.0", "33.3333333333333333"),
            ("1", "300.0", "0.00333333333333333333"),
            ("1", "3000000.0", "0.000000333333333333333333"),
            ("2.0", "0.3", "6.6666666666666667"),
            ("1000000.00", "3", "333333.333333333333"),
            ("1", "7.123456789012345678", "0.14038128251756380492"),
            ("10000", "9999", "1.0001000100010001"),
            ("9999.5", "3", "3333.1666666666666667"),
            ("0.5", "7", "0.07142857142857142857"),
            ("5", "7", "0.71428571428571428571"),
            ("50000", "7", "7142.8571428571428571"),
            ("7", "-0.00011", "-63636.363636363636"),
            ("123.456", "0.9", "137.1733333333333333"),
        ] {
            let found = quotient(decimal(dividend), decimal(divisor));
            assert_eq!(
                found.map(|found| found.to_string()).as_deref(),
                Some(wanted),
                "{dividend} / {divisor}"
            );
        }
    }

    #[test]
    fn a_quotient_that_ends_is_exact() {
        for (dividend, divisor, wanted) in [
            ("1", "4", "0.25"),
            ("9999", "10000", "0.9999"),
            ("12345678901234567890", "3.0", "4115226300411522630"),
        ] {
            assert_eq!(quotient(decimal(dividend), decimal(divisor)), Some(decimal(wanted)));
        }
        assert_eq!(quotient(Decimal::ZERO, decimal("3")), Some(Decimal::ZERO));
        assert_eq!(quotient(Decimal::ONE, Decimal::ZERO), None);
        assert_eq!(quotient(Decimal::MAX, decimal("0.1")), None);
    }

    #[test]
    fn the_smallest_quotients_keep_the_digits_that_there_is_room_for() {
        let (least, large) = (Decimal::new(1, Decimal::MAX_SCALE), Decimal::MAX);
        assert_eq!(quotient(least, Decimal::ONE), Some(least));
        assert_eq!(quotient(large, large), Some(Decimal::ONE));
        assert_eq!(
            quotient(decimal("0.000000000001"), decimal("3")),
            Some(decimal("0.0000000000003333333333333333"))
        );
    }
}
