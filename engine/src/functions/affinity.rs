//! Numbers out of texts, as SQLite reads them: what a text begins with counts, and what is no number is 0.

use nuages_storage::{DataType, Value};

use super::Call;
use crate::algebra::Function;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::Class;
use crate::vector::Vector;

/// 2^63: the least double above every `i64`.
const INT_END: f64 = 9_223_372_036_854_775_808.0;

/// The longest beginning of a text, after white space, that is a number: empty if there is none.
pub(crate) fn leading(text: &str) -> &str {
    let text = text.trim_start_matches(|character: char| character.is_ascii_whitespace());
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole = digits(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return "";
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    &text[..end]
}

fn float_of(text: &str) -> f64 {
    leading(text).parse().unwrap_or(0.0)
}

/// The number that a text is, with white space around it; none if it is more or less than a number.
fn whole(text: &str) -> Option<f64> {
    let trimmed = text.trim_matches(|character: char| character.is_ascii_whitespace());
    let number = leading(trimmed);
    if trimmed.is_empty() || number.len() != trimmed.len() { None } else { number.parse().ok() }
}

/// The integer a text begins with; of one too great for an integer, the greatest.
fn int_of(text: &str) -> i64 {
    let number = leading(text);
    let end = number.find(['.', 'e', 'E']).unwrap_or(number.len());
    let whole = number[..end].strip_prefix('+').unwrap_or(&number[..end]);
    whole.parse().unwrap_or_else(|_| match whole {
        "" | "-" => 0,
        _ if whole.starts_with('-') => i64::MIN,
        _ => i64::MAX,
    })
}

/// A float without its fraction; of one too great for an integer, the greatest.
#[expect(clippy::cast_possible_truncation, reason = "what is too great is cut to the limits before")]
fn truncated(float: f64) -> i64 {
    if float >= INT_END { i64::MAX } else { float as i64 }
}

pub(super) fn evaluate(function: &Function, call: &Call<'_>) -> Result<Vector<'static>, Error> {
    let class = call.classes.first().copied().flatten();
    match (function, class) {
        (Function::LeadingNumber, Some(Class::Text)) => {
            call.words(DataType::Float, |row| Ok(float_of(call.text(0, row)).to_bits().cast_signed()))
        }
        (Function::LeadingInteger, Some(Class::Text)) => {
            call.words(DataType::BigInt, |row| Ok(int_of(call.text(0, row))))
        }
        (Function::LeadingInteger, Some(Class::Float)) => {
            call.words(DataType::BigInt, |row| Ok(truncated(call.columns[0].float(row).unwrap_or_default())))
        }
        (Function::WholeNumber, Some(Class::Text)) => {
            let mut is_none = Bits::none(call.len);
            let result = call.words(DataType::Float, |row| {
                let number = whole(call.text(0, row));
                if number.is_none() {
                    is_none.insert(row);
                }
                Ok(number.unwrap_or_default().to_bits().cast_signed())
            })?;
            Ok(match result {
                Vector::Word { kind, data, nulls } => Vector::Word { kind, data, nulls: &nulls | &is_none },
                other => other,
            })
        }
        _ => Ok(Vector::constant(Value::Null, call.len)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_number_it_begins_with() {
        for (text, expected) in [
            ("12", "12"),
            ("  -1.5e3x", "-1.5e3"),
            ("+.5", "+.5"),
            ("5.", "5."),
            ("1e", "1"),
            ("abc", ""),
            (".", ""),
            ("-", ""),
            ("", ""),
        ] {
            assert_eq!(leading(text), expected, "{text:?}");
        }
        assert_eq!((float_of("3.5 apples"), float_of("apples")), (3.5, 0.0));
        assert_eq!((int_of("-7.9"), int_of("1e3"), int_of("x")), (-7, 1, 0));
        assert_eq!((int_of("99999999999999999999"), int_of("-99999999999999999999")), (i64::MAX, i64::MIN));
    }

    #[test]
    fn floats_are_cut() {
        assert_eq!((truncated(-1.9), truncated(1e300), truncated(-1e300)), (-1, i64::MAX, i64::MIN));
    }
}
