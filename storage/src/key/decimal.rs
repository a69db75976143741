//! Decimals in as few bytes as they have digits, so that the first eight bytes of a key tell most keys
//! apart: 12.50 takes three.
//!
//! A decimal above zero is written as `0.pp pp pp.. x 100^exponent`, its first pair of digits not `00` and
//! none after its last digit. One byte holds the exponent, then each pair is a byte, twice its number and
//! one more if another follows: so the end needs no mark, and sorts before every continuation. A decimal
//! below zero has all bits flipped, zero is a byte between the two. (The form is that of the keys of SQLite4.)

use rust_decimal::Decimal;

use super::bytes::KeyBytes;

const ZERO: u8 = 0x80;
/// The first byte of a positive decimal with exponent 0. Exponents go from -13 to 15.
const EXPONENT_ZERO: u8 = 0xA0;
/// Pairs of digits in the 29 digits of a mantissa, one of them with a zero.
const PAIRS_MAX: usize = 15;

pub(super) fn encode(key: &mut KeyBytes, decimal: Decimal) {
    if decimal.is_zero() {
        key.push(ZERO);
        return;
    }
    let (exponent, pairs, count) = pairs_of(decimal.abs());
    let start = key.len();
    key.push(EXPONENT_ZERO.wrapping_add_signed(exponent));
    for (index, pair) in pairs[PAIRS_MAX - count..].iter().enumerate() {
        key.push(pair * 2 + u8::from(index + 1 < count));
    }
    if decimal.is_sign_negative() {
        key.as_mut_slice()[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// The exponent of a positive decimal and its pairs of digits, `count` of them at the end of the array.
fn pairs_of(decimal: Decimal) -> (i8, [u8; PAIRS_MAX], usize) {
    let decimal = decimal.normalize();
    let mut digits = decimal.mantissa().unsigned_abs();
    // Pairs are counted from the point, so the digits after it must be even in number.
    let mut pairs_after_point = decimal.scale().div_ceil(2) as i8;
    if !decimal.scale().is_multiple_of(2) {
        digits *= 10;
    }
    while digits.is_multiple_of(100) {
        digits /= 100;
        pairs_after_point -= 1;
    }
    let mut pairs = [0; PAIRS_MAX];
    let mut count = 0;
    while digits > 0 {
        count += 1;
        pairs[PAIRS_MAX - count] = (digits % 100) as u8;
        digits /= 100;
    }
    (count as i8 - pairs_after_point, pairs, count)
}

/// Reads a decimal, every byte of it flipped by `flip`, and the number of bytes it took, or `None` if it is
/// none. It comes back without zeros at its end.
pub(super) fn decode(encoded: &[u8], flip: u8) -> Option<(Decimal, usize)> {
    let first = encoded.first()? ^ flip;
    if first == ZERO {
        return Some((Decimal::ZERO, 1));
    }
    let negative = first < ZERO;
    let flip = if negative { !flip } else { flip };
    let exponent = i32::from(encoded[0] ^ flip) - i32::from(EXPONENT_ZERO);
    let mut digits = 0_i128;
    let mut taken = 1;
    loop {
        let byte = encoded.get(taken)? ^ flip;
        digits = digits.checked_mul(100)?.checked_add(i128::from(byte / 2))?;
        taken += 1;
        if byte.is_multiple_of(2) {
            break;
        }
    }
    let pairs_after_point = i32::try_from(taken).ok()? - 1 - exponent;
    let decimal = decimal_of(digits, pairs_after_point)?;
    Some((if negative { -decimal } else { decimal }, taken))
}

fn decimal_of(digits: i128, pairs_after_point: i32) -> Option<Decimal> {
    let scale = pairs_after_point.unsigned_abs() * 2;
    let (mantissa, scale) = match pairs_after_point {
        ..=0 => (digits.checked_mul(10_i128.checked_pow(scale)?)?, 0),
        // The zero that made the pairs even may be one digit more than a decimal holds.
        _ if digits % 10 == 0 => (digits / 10, scale - 1),
        _ => (digits, scale),
    };
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}
