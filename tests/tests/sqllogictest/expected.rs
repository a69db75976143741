//! Values as scripts write them, and answers compared.
//!
//! A column of type `I` shows integers, of `R` three digits after the point, of `T` text, whatever the values are: a
//! real among integers loses its fraction, a text is the number it begins with.

use md5::{Digest, Md5};
use nuages_storage::Value;
use sqllogictest::{ColumnType, SortMode};

/// The type of a column of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Real,
    Text,
}

impl ColumnType for Kind {
    fn from_char(value: char) -> Option<Kind> {
        Some(match value {
            'I' => Kind::Integer,
            'R' => Kind::Real,
            _ => Kind::Text,
        })
    }

    fn to_char(&self) -> char {
        match self {
            Kind::Integer => 'I',
            Kind::Real => 'R',
            Kind::Text => 'T',
        }
    }
}

/// The digits that SQLite gives of a real.
const SIGNIFICANT_DIGITS: usize = 16;

fn shown(value: &Value, kind: Kind) -> String {
    match (kind, value) {
        (_, Value::Null) => "NULL".to_owned(),
        (Kind::Integer, value) => match value {
            Value::Int(int) => int.to_string(),
            Value::Bool(bool) => i64::from(*bool).to_string(),
            Value::Text(text) => leading_integer(text).to_string(),
            value => value.as_float().map_or_else(|| value.to_string(), |float| (float as i64).to_string()),
        },
        (Kind::Real, value) => match value.as_float() {
            Some(float) => real(float),
            None => real(value.to_string().parse().unwrap_or(0.0)),
        },
        (Kind::Text, value) => match value.to_string() {
            text if text.is_empty() => "(empty)".to_owned(),
            text => text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '@' }).collect(),
        },
    }
}

fn leading_integer(text: &str) -> i64 {
    let text = text.trim_start();
    let digits =
        text.char_indices().find(|(at, c)| !(c.is_ascii_digit() || *at == 0 && matches!(c, '-' | '+')));
    text[..digits.map_or(text.len(), |(at, _)| at)].parse().unwrap_or(0)
}

/// Three digits after the point, and zeros after the sixteenth digit, as SQLite's `printf` writes a real: a zero has no
/// sign, and what lies in the middle of two is the one farther from zero.
fn real(float: f64) -> String {
    let is_middle = (float * 16.0).abs() % 2.0 == 1.0;
    let float = match float {
        0.0 => 0.0,
        float if is_middle && float > 0.0 => float.next_up(),
        float if is_middle => float.next_down(),
        float => float,
    };
    let plain = format!("{float:.3}");
    let whole = plain.trim_start_matches('-').find('.').unwrap_or(0);
    if whole <= SIGNIFICANT_DIGITS {
        return plain;
    }
    let scientific = format!("{float:.*e}", SIGNIFICANT_DIGITS - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let zeros = exponent.parse::<usize>().unwrap_or(0) + 1 - SIGNIFICANT_DIGITS;
    let sign = if float < 0.0 { "-" } else { "" };
    format!("{sign}{digits}{}.000", "0".repeat(zeros))
}

/// Compares an answer with what was expected.
///
/// # Errors
/// How they differ.
pub(super) fn compare(
    rows: &[Vec<Value>],
    kinds: &[Kind],
    sort: Option<SortMode>,
    expected: &[String],
) -> Result<(), String> {
    if let Some(row) = rows.first()
        && row.len() != kinds.len()
        && !kinds.is_empty()
    {
        return Err(format!("{} columns were expected, got {}", kinds.len(), row.len()));
    }
    let kind = |place: usize| kinds.get(place).copied().unwrap_or(Kind::Text);
    let shown_row = |row: &Vec<Value>| -> Vec<String> {
        row.iter().enumerate().map(|(place, value)| shown(value, kind(place))).collect()
    };
    let mut rows: Vec<Vec<String>> = rows.iter().map(shown_row).collect();
    if sort == Some(SortMode::RowSort) {
        rows.sort_unstable();
    }
    // One row a line, with a space between values, as newer scripts have it.
    let summary = expected.first().filter(|first| first.contains(" values hashing to "));
    let is_row_wise = summary.is_none() && expected.len() == rows.len() && kinds.len() > 1;
    let mut values: Vec<String> = if is_row_wise {
        rows.iter().map(|row| row.join(" ")).collect()
    } else {
        rows.into_iter().flatten().collect()
    };
    if sort == Some(SortMode::ValueSort) {
        values.sort_unstable();
    }
    if let [summary] = expected
        && let Some((count, hash)) = summary.split_once(" values hashing to ")
    {
        let got = (values.len().to_string(), hash_of(&values));
        return if (got.0.as_str(), got.1.as_str()) == (count, hash) {
            Ok(())
        } else {
            Err(format!(
                "{summary} were expected, got {} with {}: {:?}",
                got.0,
                got.1,
                &values[..values.len().min(12)]
            ))
        };
    }
    if values == expected {
        return Ok(());
    }
    Err(format!("expected {expected:?}, got {values:?}"))
}

fn hash_of(values: &[String]) -> String {
    let mut hash = Md5::new();
    for value in values {
        hash.update(value);
        hash.update("\n");
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn values_are_shown_by_the_type_of_their_column() {
    assert_eq!(shown(&Value::from(2.9), Kind::Integer), "2");
    assert_eq!(shown(&Value::from("12 apples"), Kind::Integer), "12");
    assert_eq!(shown(&Value::from(5), Kind::Real), "5.000");
    assert_eq!(shown(&Value::from(""), Kind::Text), "(empty)");
    assert_eq!([real(-0.0), real(-0.0001)], ["0.000", "-0.000"]);
    assert_eq!([real(0.0625), real(0.3125), real(-2.1875), real(0.5)], ["0.063", "0.313", "-2.188", "0.500"]);
    assert_eq!(real(-9_223_372_036_854_775_808.0), "-9223372036854776000.000");
    assert_eq!(hash_of(&["1".to_owned()]), "b026324c6904b2a9cb4b88d6d61c81d1");
}
