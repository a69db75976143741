//! Integers, floats and decimals compared exactly.
//!
//! Comparing by converting both to doubles is not an order: 2^53 + 1 would equal 2^53 as a float, which is
//! less than 2^53 + 1 as a decimal. So every pair of classes is compared by its exact values. Where the
//! integer parts decide, they do; otherwise both fractions are written out in base 2^32, digit by digit,
//! until they differ. (The double 0.1 is therefore a little greater than the decimal 0.1. An expression that
//! compares the two converts one of them first, by the engine's rules.)

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use rust_decimal::Decimal;

/// 2^63: the least double above every `i64`.
const INT_END: f64 = 9_223_372_036_854_775_808.0;
/// 2^96: the least double above every decimal.
const DECIMAL_END: f64 = 79_228_162_514_264_337_593_543_950_336.0;
/// 2^32: the base in which fractions are compared.
const FRACTION_BASE: f64 = 4_294_967_296.0;
/// Below 2^53 every integer is a double.
const EXACT_INT_END: u128 = 1 << f64::MANTISSA_DIGITS;
/// The powers of ten that are doubles.
const EXACT_POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// The total order of floats: NaN is the greatest and equals itself, `-0.0` equals `0.0`.
#[must_use]
pub fn compare_floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

pub(crate) fn compare_int_float(int: i64, float: f64) -> Ordering {
    if float.is_nan() || float >= INT_END {
        Ordering::Less
    } else if float < -INT_END {
        Ordering::Greater
    } else {
        int.cmp(&(float as i64)).then_with(|| compare_floats(0.0, float.fract()))
    }
}

pub(crate) fn compare_decimal_float(decimal: Decimal, float: f64) -> Ordering {
    if float.is_nan() {
        return Ordering::Less;
    }
    let sign = decimal.cmp(&Decimal::ZERO);
    sign.cmp(&compare_floats(float, 0.0)).then_with(|| match sign {
        Ordering::Less => compare_magnitudes(decimal, -float).reverse(),
        Ordering::Equal => Ordering::Equal,
        Ordering::Greater => compare_magnitudes(decimal, float),
    })
}

/// Compares the decimal without its sign with a float above zero.
fn compare_magnitudes(decimal: Decimal, float: f64) -> Ordering {
    if float >= DECIMAL_END {
        return Ordering::Less;
    }
    let fraction = DecimalFraction::of(decimal);
    whole_of_decimal(decimal).abs().cmp(&whole_of_float(float)).then_with(|| fraction.compare(float.fract()))
}

fn whole_of_decimal(decimal: Decimal) -> i128 {
    decimal.mantissa() / 10_i128.pow(decimal.scale())
}

/// What of a float below 2^96 stands before the point.
fn whole_of_float(float: f64) -> i128 {
    float as i128
}

/// The fraction of a decimal's magnitude, `rest / unit`, which yields its digits in base 2^32.
struct DecimalFraction {
    rest: i128,
    /// A power of ten, at most 10^28 and so below 2^94: `rest` times the base stays below 2^126.
    unit: i128,
}

impl DecimalFraction {
    fn of(decimal: Decimal) -> Self {
        let unit = 10_i128.pow(decimal.scale());
        Self { rest: decimal.mantissa().abs() % unit, unit }
    }

    fn next_digit(&mut self) -> i128 {
        let scaled = self.rest << 32;
        self.rest = scaled % self.unit;
        scaled / self.unit
    }

    /// Compares with the fraction of a float's magnitude, which ends after at most 34 digits.
    fn compare(mut self, mut float: f64) -> Ordering {
        while float > 0.0 {
            let scaled = float * FRACTION_BASE;
            float = scaled.fract();
            let order = self.next_digit().cmp(&whole_of_float(scaled));
            if order.is_ne() {
                return order;
            }
        }
        self.rest.cmp(&0)
    }
}

/// Hashes an integer, and every float and decimal equal to it, alike.
pub(crate) fn hash_int<H: Hasher>(int: i64, state: &mut H) {
    int.hash(state);
}

/// Hashes a float, and every integer and decimal equal to it, alike.
pub(crate) fn hash_float<H: Hasher>(float: f64, state: &mut H) {
    match float_to_int(float) {
        Some(int) => hash_int(int, state),
        None if float.abs() < DECIMAL_END => {
            let digit = whole_of_float(float.fract().abs() * FRACTION_BASE);
            (whole_of_float(float), digit).hash(state);
        }
        // No integer or decimal is equal to it. All NaNs are one.
        None if float.is_nan() => f64::NAN.to_bits().hash(state),
        None => float.to_bits().hash(state),
    }
}

/// Hashes a decimal, and every integer and float equal to it, alike.
pub(crate) fn hash_decimal<H: Hasher>(decimal: Decimal, state: &mut H) {
    let whole = whole_of_decimal(decimal);
    let mut fraction = DecimalFraction::of(decimal);
    match i64::try_from(whole) {
        Ok(int) if fraction.rest == 0 => hash_int(int, state),
        _ => (whole, fraction.next_digit()).hash(state),
    }
}

/// The integer equal to a float, if there is one.
pub(crate) fn float_to_int(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && (-INT_END..INT_END).contains(&float)).then_some(float as i64)
}

/// The double nearest to a decimal. Rounded once: two doubles that are exact divided by each other, or else
/// the standard library's parser of the digits.
#[must_use]
pub fn decimal_to_float(decimal: Decimal) -> f64 {
    let mantissa = decimal.mantissa();
    let power = usize::try_from(decimal.scale()).ok().and_then(|scale| EXACT_POWERS_OF_TEN.get(scale));
    match power {
        Some(power) if mantissa.unsigned_abs() < EXACT_INT_END => mantissa as f64 / power,
        _ => format!("{mantissa}e-{}", decimal.scale()).parse().unwrap_or(f64::NAN),
    }
}

/// The decimal with the fewest digits that reads as this float, rounded to 28 digits after the point; `None`
/// if it is NaN or too great.
#[must_use]
pub fn float_to_decimal(float: f64) -> Option<Decimal> {
    if float.abs() < DECIMAL_END { float.to_string().parse().ok() } else { None }
}

/// The decimal that a text is, with an exponent or without, rounded to 28 digits after the point; `None` if it is none or
/// too great. Takes no more of the stack for a long text than for a short one.
///
/// ```
/// use nuages_storage::value::decimal_from_text;
/// use rust_decimal::Decimal;
/// assert_eq!(decimal_from_text("-1.50"), Some(Decimal::new(-150, 2)));
/// assert_eq!(decimal_from_text("1.5e3"), Some(Decimal::from(1_500)));
/// assert_eq!(decimal_from_text(&format!("{}7", "0".repeat(100_000))), Some(Decimal::from(7)));
/// assert_eq!(decimal_from_text("seven"), None);
/// ```
#[must_use]
pub fn decimal_from_text(text: &str) -> Option<Decimal> {
    let read = |text: &str| text.parse().ok().or_else(|| Decimal::from_scientific(text).ok());
    if text.len() <= SHORT_BYTES_MAX {
        return read(text);
    }
    // The reader calls itself for each character until a decimal has no more digits, so zeros before the first digit
    // are left out, and digits too small to count.
    let (number, power) = text.split_at(text.find(['e', 'E']).unwrap_or(text.len()));
    let (sign, digits) = number.split_at(usize::from(number.starts_with(['-', '+'])));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = digits.bytes().any(|byte| byte.is_ascii_digit())
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.get(..fraction.len().min(SHORT_BYTES_MAX)).unwrap_or_default();
    let point = if fraction.is_empty() { "" } else { "." };
    let is_short = whole.len() <= SHORT_BYTES_MAX && power.len() <= SHORT_BYTES_MAX;
    if is_number && is_short { read(&format!("{sign}0{whole}{point}{fraction}{power}")) } else { None }
}

/// Texts of so many bytes are read as they are: twice the digits of a decimal.
const SHORT_BYTES_MAX: usize = 64;

/// The scale of a decimal: the number of its digits after the point, at most 28.
pub(crate) fn scale_of(decimal: Decimal) -> u8 {
    u8::try_from(decimal.scale()).unwrap_or(u8::MAX)
}
