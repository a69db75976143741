//! Conversion between types: explicit casts, and the conversions of numbers that compiling puts in.

use std::borrow::Cow;
use std::str::FromStr;

use jiff::tz::TimeZone;
use nuages_storage::value::decimal_from_text;
use nuages_storage::value::temporal::{
    MICROS_PER_DAY, date_from_days, date_to_days, time_from_micros, timestamp_from_micros,
    timestamp_to_micros,
};
use nuages_storage::{DataType, Value};
use rust_decimal::Decimal;

use super::compare::{Words, nulls};
use super::interval::read_interval;
use super::types::{Class, class_of, mismatch};
use crate::bits::Bits;
use crate::error::Error;
use crate::vector::{Vector, VectorBuilder};

/// Whether values of a class can be cast to another at all.
pub(super) fn castable(from: Class, to: Class) -> bool {
    use Class::{Bool, Date, Int, Json, Text, Time, Timestamp};
    from == to
        || from == Text
        || to == Text
        || (from.is_number() && to.is_number())
        || matches!((from, to), (Bool, Int) | (Int, Bool) | (Date, Timestamp) | (Timestamp, Date | Time))
        || (from != Class::Bytes && to == Json)
        || (from == Json && (to.is_number() || to == Bool))
}

/// A column converted in the rows of `selection`.
pub(super) fn cast(
    vector: &Vector<'_>,
    from: Option<DataType>,
    to: Option<DataType>,
    len: usize,
    selection: &Bits,
) -> Result<Vector<'static>, Error> {
    let (Some(from), Some(to)) = (from, to) else { return Ok(Vector::constant(Value::Null, len)) };
    if let Vector::Constant { value, .. } = vector {
        let value = if selection.is_empty() { Value::Null } else { cast_value(value.clone(), to)? };
        return Ok(Vector::Constant { value, kind: Some(to), len });
    }
    let nulls = nulls(vector, len);
    let words = Words::of(vector);
    Ok(match (class_of(from), class_of(to)) {
        (Class::Int, Class::Float) => {
            #[expect(clippy::cast_precision_loss, reason = "the nearest float is what is meant")]
            let data = (0..len).map(|row| (words.get(row).cast_signed() as f64).to_bits()).collect();
            Vector::Word { kind: to, data: Cow::Owned(data), nulls }
        }
        (Class::Decimal, Class::Float) => {
            let float = |row| Value::from(vector.decimal(row)).as_float().unwrap_or_default().to_bits();
            let data = (0..len).map(float).collect();
            Vector::Word { kind: to, data: Cow::Owned(data), nulls }
        }
        (Class::Int, Class::Decimal) if unlimited(to) => {
            Vector::Fixed { scale: 0, data: (0..len).map(|row| words.get(row)).collect(), nulls }
        }
        _ => {
            let live = selection.and_not(&nulls);
            let mut builder = VectorBuilder::with_capacity(to, len);
            for row in 0..len {
                if live.contains(row) {
                    builder.push(&cast_value(vector.value(row), to)?);
                } else {
                    builder.push_null();
                }
            }
            builder.finish()
        }
    })
}

/// Whether every integer fits the type.
fn unlimited(decimal: DataType) -> bool {
    decimal == super::types::decimal(0) || decimal == DataType::NUMERIC
}

/// A value converted to a type, as `CAST` does it: a text is read, anything is printed, a text too long for the type
/// is cut.
///
/// ```
/// use nuages_engine::evaluate::cast_value;
/// use nuages_storage::{DataType, Value};
/// assert_eq!(cast_value(Value::from("12"), DataType::BigInt)?, Value::Int(12));
/// assert!(cast_value(Value::from("twelve"), DataType::BigInt).is_err());
/// # Ok::<(), nuages_engine::Error>(())
/// ```
///
/// # Errors
/// A text that does not read as one of the type; a number out of its range; types that have no cast.
pub fn cast_value(value: Value, to: DataType) -> Result<Value, Error> {
    let Some(from) = value.data_type() else { return Ok(Value::Null) };
    match (class_of(from), class_of(to)) {
        (Class::Text, Class::Text) => Ok(cut(value, to)),
        (Class::Text, _) => read(value.as_text().unwrap_or_default(), to),
        (_, Class::Text) => Ok(cut(Value::Text(value.to_string()), to)),
        (Class::Bool, Class::Int) => Ok(Value::Int(value.as_bool().unwrap_or_default().into())),
        (Class::Int, Class::Bool) => Ok(Value::Bool(value.as_int() != Some(0))),
        (Class::Date, Class::Timestamp) => match &value {
            Value::Date(date) => Ok(timestamp_from_micros(date_to_days(*date) * MICROS_PER_DAY).into()),
            _ => Ok(value),
        },
        (Class::Timestamp, to_class @ (Class::Date | Class::Time)) => match &value {
            Value::Timestamp(timestamp) => {
                let micros = timestamp_to_micros(*timestamp);
                Ok(if to_class == Class::Date {
                    date_from_days(micros.div_euclid(MICROS_PER_DAY)).into()
                } else {
                    time_from_micros(micros.rem_euclid(MICROS_PER_DAY)).into()
                })
            }
            _ => Ok(value),
        },
        (from_class, Class::Json) if from_class != Class::Json => Ok(to_json(value)),
        (Class::Json, to_class) if to_class != Class::Json => of_json(&value, to),
        (from_class, to_class)
            if from_class == to_class || (from_class.is_number() && to_class.is_number()) =>
        {
            let range = |_| Error::Overflow { operation: format!("cast to {to}") };
            to.accepts(value).map_err(range)
        }
        _ => Err(mismatch("cast", to, Some(from))),
    }
}

/// A text in a type that holds only so many characters.
fn cut(value: Value, to: DataType) -> Value {
    match (value, to) {
        (Value::Text(mut text), DataType::Text { max_length: Some(max) }) => {
            if let Some((end, _)) = text.char_indices().nth(max as usize) {
                text.truncate(end);
            }
            Value::Text(text)
        }
        (value, _) => value,
    }
}

/// The number or truth value that a document is.
fn of_json(document: &Value, to: DataType) -> Result<Value, Error> {
    let read = match document {
        Value::Json(json) => match (&**json, class_of(to)) {
            (serde_json::Value::Bool(bool), Class::Bool) => Some(Value::Bool(*bool)),
            (serde_json::Value::Number(number), Class::Float) => number.as_f64().map(Value::Float),
            (serde_json::Value::Number(number), class) if class.is_number() => {
                number.as_i64().map(Value::Int).or_else(|| decimal_of(&number.to_string()))
            }
            _ => None,
        },
        _ => None,
    };
    let refused = || Error::Cast { text: document.to_string(), data_type: to };
    to.accepts(read.ok_or_else(refused)?).map_err(|_| Error::Overflow { operation: format!("cast to {to}") })
}

fn to_json(value: Value) -> Value {
    Value::Json(Box::new(json_of(value)))
}

/// A value as JSON: numbers, booleans and JSON as themselves, NULL as `null`, all else in its text form; so a decimal
/// of more digits than a number has here, which is an integer of 64 bits or a float.
pub(crate) fn json_of(value: Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(bool) => bool.into(),
        Value::Int(int) => int.into(),
        Value::Float(float) => float.into(),
        Value::Decimal(decimal) => {
            let number = number_of(decimal).map(serde_json::Value::Number);
            number.unwrap_or_else(|| decimal.to_string().into())
        }
        Value::Json(json) => *json,
        value => value.to_string().into(),
    }
}

/// The number of JSON that is read as just this decimal, but for the zeros at its end.
fn number_of(decimal: Decimal) -> Option<serde_json::Number> {
    if decimal.is_integer()
        && let Ok(int) = i64::try_from(decimal)
    {
        return Some(int.into());
    }
    let float = Value::Decimal(decimal).as_float()?;
    // A float keeps so many digits of whatever number.
    let is_kept = decimal.mantissa().unsigned_abs() < 10_u128.pow(f64::DIGITS)
        || float.to_string().parse::<Decimal>() == Ok(decimal);
    serde_json::Number::from_f64(float).filter(|_| is_kept)
}

/// Reads a text as a value of a type; white space around it does not count.
fn read(text: &str, to: DataType) -> Result<Value, Error> {
    let trimmed = text.trim();
    let read = match class_of(to) {
        Class::Bool => read_bool(trimmed).map(Value::Bool),
        Class::Int => parse::<i64>(trimmed).map(Value::Int).or_else(|| whole_decimal_of(trimmed)),
        Class::Float => parse::<f64>(trimmed).map(Value::Float),
        Class::Decimal => decimal_of(trimmed),
        Class::Text => Some(Value::from(text)),
        Class::Bytes => Some(read_bytes(text)?),
        Class::Date => parse::<jiff::civil::Date>(trimmed).map(Value::Date),
        Class::Time => parse::<jiff::civil::Time>(trimmed).map(Value::Time),
        Class::Timestamp => read_timestamp(trimmed),
        Class::Duration => {
            parse::<jiff::SignedDuration>(trimmed).or_else(|| read_interval(trimmed)).map(Value::Duration)
        }
        Class::Uuid => parse::<uuid::Uuid>(trimmed).map(Value::Uuid),
        Class::Json => serde_json::from_str(text).ok().map(|json| Value::Json(Box::new(json))),
    };
    let refused = || Error::Cast { text: text.to_owned(), data_type: to };
    let value = read.ok_or_else(refused)?;
    to.accepts(value).map_err(|_| refused())
}

fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn decimal_of(text: &str) -> Option<Value> {
    decimal_from_text(text).map(Value::Decimal)
}

/// A number that is written with a point or an exponent and has no fraction.
fn whole_decimal_of(text: &str) -> Option<Value> {
    decimal_of(text).filter(|number| matches!(number, Value::Decimal(number) if number.is_integer()))
}

/// PostgreSQL's words for true and false.
fn read_bool(text: &str) -> Option<bool> {
    const WORDS: [(&str, bool); 12] = [
        ("true", true),
        ("t", true),
        ("yes", true),
        ("y", true),
        ("on", true),
        ("1", true),
        ("false", false),
        ("f", false),
        ("no", false),
        ("n", false),
        ("off", false),
        ("0", false),
    ];
    WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, bool)| *bool)
}

/// `\x` and hexadecimal digits, or the text's own bytes.
fn read_bytes(text: &str) -> Result<Value, Error> {
    let Some(digits) = text.strip_prefix("\\x") else { return Ok(Value::from(text.as_bytes())) };
    let refused = || Error::Cast { text: text.to_owned(), data_type: DataType::Bytes };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.filter(|_| rest.is_empty()).map(Value::from).ok_or_else(refused)
}

/// An instant; without an offset or the name of a zone behind it, it is in UTC, without a time at midnight.
fn read_timestamp(text: &str) -> Option<Value> {
    let local_in = |text: &str, zone: &TimeZone| {
        let local = parse::<jiff::civil::DateTime>(text)?;
        zone.to_timestamp(local).ok()
    };
    let named = || {
        let (local, name) = text.rsplit_once(' ')?;
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic());
        local_in(local.trim_end(), &is_name.then(|| zone_named(name))??)
    };
    let instant = parse::<jiff::Timestamp>(text).or_else(|| local_in(text, &TimeZone::UTC)).or_else(named)?;
    Some(Value::Timestamp(instant))
}

/// The zone of a name, or of an abbreviation of those that are no names.
fn zone_named(name: &str) -> Option<TimeZone> {
    const HOURS: [(&str, i8); 9] = [
        ("EDT", -4),
        ("CST", -6),
        ("CDT", -5),
        ("MDT", -6),
        ("PST", -8),
        ("PDT", -7),
        ("CEST", 2),
        ("BST", 1),
        ("JST", 9),
    ];
    let known = HOURS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, hours)| TimeZone::fixed(jiff::tz::offset(*hours))).or_else(|| TimeZone::get(name).ok())
}

/// The integer equal to a whole float, if there is one.
#[expect(clippy::cast_possible_truncation, reason = "the float is whole and within the range of i64")]
pub(super) fn float_to_int(float: f64) -> Option<i64> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    (float.fract() == 0.0 && (-END..END).contains(&float)).then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;
    use crate::algebra::Expr;
    use crate::evaluate::testing::value_of;

    const TEXT: DataType = DataType::Text { max_length: None };

    fn cast(value: impl Into<Value>, to: DataType) -> Result<Value, Error> {
        value_of(&Expr::Cast(Box::new(Expr::literal(value)), to))
    }

    /// The value as it prints, which shows the class too.
    fn shown(value: impl Into<Value>, to: DataType) -> String {
        cast(value, to).map_or_else(|error| error.to_string(), |value| format!("{value:?}"))
    }

    #[test]
    fn a_value_that_is_printed_is_read_back() {
        let decimal: Decimal = "-12.50".parse().unwrap();
        let values = [
            Value::from(true),
            Value::from(-7),
            Value::from(1.5),
            Value::from(1e300),
            Value::from(decimal),
            Value::from(vec![0_u8, 255]),
            Value::from(date(2024, 2, 29)),
            Value::from(time(23, 59, 59, 123_456_000)),
            Value::from("2024-02-29T10:00:00.000001Z".parse::<jiff::Timestamp>().unwrap()),
            Value::from(jiff::SignedDuration::from_secs(-3_661)),
            Value::from(uuid::Uuid::from_u128(7)),
            Value::from(serde_json::json!({"a": [1, null, "x"]})),
        ];
        for value in values {
            let kind = value.data_type().unwrap();
            let text = cast(value.clone(), TEXT).unwrap();
            assert_eq!(cast(text.clone(), kind), Ok(value), "{text}");
        }
    }

    #[test]
    fn texts_are_read_generously_but_completely() {
        assert_eq!(cast(" yes ", DataType::Bool), Ok(true.into()));
        assert_eq!(cast("OFF", DataType::Bool), Ok(false.into()));
        assert_eq!(cast(" 42 ", DataType::SmallInt), Ok(42.into()));
        assert_eq!(cast("1e3", DataType::Decimal { precision: 10, scale: 2 }), Ok(1000.into()));
        assert_eq!(
            cast("2024-01-31 10:00", DataType::Timestamp),
            Ok("2024-01-31T10:00:00Z".parse::<jiff::Timestamp>().unwrap().into())
        );
        assert_eq!(
            cast("2024-01-31T10:00:00+02:00", DataType::Timestamp),
            Ok("2024-01-31T08:00:00Z".parse::<jiff::Timestamp>().unwrap().into())
        );
        for (text, kind) in [
            ("maybe", DataType::Bool),
            ("4x", DataType::Integer),
            ("99999", DataType::SmallInt),
            ("", DataType::Float),
            ("2024-02-30", DataType::Date),
            ("25:00", DataType::Time),
            ("x", DataType::Uuid),
            ("{", DataType::Json),
            ("\\x0", DataType::Bytes),
            ("\\xéa", DataType::Bytes),
        ] {
            assert_eq!(cast(text, kind), Err(Error::Cast { text: text.into(), data_type: kind }));
        }
    }

    #[test]
    fn numbers_are_rounded_and_checked() {
        let decimal = DataType::Decimal { precision: 5, scale: 2 };
        assert_eq!(shown(2.5, DataType::Integer), "Int(2)");
        assert_eq!(shown("2.5".parse::<Decimal>().unwrap(), DataType::Integer), "Int(3)");
        assert_eq!(shown(1.005, decimal), "Decimal(1.01)");
        assert_eq!(shown(7, DataType::Float), "Float(7.0)");
        assert_eq!(shown(true, DataType::Integer), "Int(1)");
        assert_eq!(shown(2, DataType::Bool), "Bool(true)");
        assert_eq!(shown(40_000, DataType::SmallInt), "cast to smallint: the result is out of range");
        assert_eq!(shown(1_000, decimal), "cast to numeric(5, 2): the result is out of range");
    }

    #[test]
    fn texts_are_cut_and_times_taken_apart() {
        assert_eq!(cast("été!", DataType::Text { max_length: Some(3) }), Ok("été".into()));
        assert_eq!(cast(123_456, DataType::Text { max_length: Some(2) }), Ok("12".into()));
        let instant: jiff::Timestamp = "1969-12-31T23:00:00Z".parse().unwrap();
        assert_eq!(cast(instant, DataType::Date), Ok(date(1969, 12, 31).into()));
        assert_eq!(cast(instant, DataType::Time), Ok(time(23, 0, 0, 0).into()));
        assert_eq!(
            cast(date(1970, 1, 2), DataType::Timestamp),
            Ok("1970-01-02T00:00:00Z".parse::<jiff::Timestamp>().unwrap().into())
        );
        assert_eq!(cast(Value::Null, DataType::Uuid), Ok(Value::Null));
        assert!(matches!(cast(date(1970, 1, 2), DataType::Integer), Err(Error::Type { .. })));
    }
}
