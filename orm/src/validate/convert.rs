//! From what a form sends to the value of a field, with Django's words where it is none.

use nuages_storage::value::decimal_from_text;
use nuages_storage::{DataType, Value};

use super::fields::Complaint;
use crate::{
    error::{Error, Result},
    field::{Date, network::as_stored},
    meta::ModelMeta,
    queryset::dynamic::record::converted,
};

/// The value of a field.
///
/// # Errors
/// What is wrong, as a code and a sentence.
pub(super) fn to_field(
    meta: &'static ModelMeta,
    index: u16,
    data_type: DataType,
    value: Value,
) -> Result<Result<Value, Complaint>> {
    let Some(field) = meta.field(index) else { return Ok(Ok(value)) };
    let Value::Text(text) = &value else { return Ok(Ok(value)) };
    let invalid = |code, words: String| Ok(Err((code, words)));
    let shown = format!("\u{201c}{text}\u{201d}");
    match data_type {
        DataType::Text { .. } => return Ok(Ok(as_stored(field.format, text).map_or(value, Value::Text))),
        DataType::Bool => {
            return match &**text {
                "t" | "T" | "True" | "true" | "1" => Ok(Ok(Value::Bool(true))),
                "f" | "F" | "False" | "false" | "0" => Ok(Ok(Value::Bool(false))),
                _ if field.null => {
                    invalid("invalid", format!("{shown} value must be either True, False, or None."))
                }
                _ => invalid("invalid", format!("{shown} value must be either True or False.")),
            };
        }
        DataType::SmallInt | DataType::Integer | DataType::BigInt => {
            return match decimal_from_text(text.trim()) {
                Some(number) if number.is_integer() => {
                    Ok(Ok(i64::try_from(number).map_or(Value::Decimal(number), Value::Int)))
                }
                _ => invalid("invalid", format!("{shown} value must be an integer.")),
            };
        }
        DataType::Decimal { .. } => {
            return match decimal_from_text(text.trim()) {
                Some(number) => Ok(Ok(Value::Decimal(number))),
                None => invalid("invalid", format!("{shown} value must be a decimal number.")),
            };
        }
        _ => {}
    }
    match converted(meta, index, value.clone()) {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Validation(_)) => Ok(Err(unreadable(data_type, text, &shown))),
        Err(other) => Err(other),
    }
}

/// What is wrong with a text that no value can be read from.
fn unreadable(data_type: DataType, text: &str, shown: &str) -> Complaint {
    let format = |of: &str, format: &str| {
        format!("{shown} value has an invalid{of} format. It must be in {format} format.")
    };
    let right = |format: &str, of: &str| {
        format!("{shown} value has the correct format ({format}) but it is an invalid {of}.")
    };
    match data_type {
        DataType::Float => ("invalid", format!("{shown} value must be a float.")),
        DataType::Date if looks_like_day(text) => ("invalid_date", right("YYYY-MM-DD", "date")),
        DataType::Date => ("invalid", format(" date", "YYYY-MM-DD")),
        DataType::Time if looks_like_time(text) => ("invalid_time", right("HH:MM[:ss[.uuuuuu]]", "time")),
        DataType::Time => ("invalid", format("", "HH:MM[:ss[.uuuuuu]]")),
        DataType::Timestamp => unreadable_moment(text, &format, &right),
        DataType::Duration => ("invalid", format("", "[DD] [[HH:]MM:]ss[.uuuuuu]")),
        DataType::Uuid => ("invalid", format!("{shown} is not a valid UUID.")),
        DataType::Json => ("invalid", "Value must be valid JSON.".to_owned()),
        _ => ("invalid", format!("{shown} is not a valid value.")),
    }
}

/// A day that is none, a time of a day that is, or neither.
fn unreadable_moment(
    text: &str,
    format: &dyn Fn(&str, &str) -> String,
    right: &dyn Fn(&str, &str) -> String,
) -> Complaint {
    const MOMENT: &str = "YYYY-MM-DD HH:MM[:ss[.uuuuuu]][TZ]";
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    if looks_like_day(day) && day.parse::<Date>().is_err() {
        return ("invalid_date", right("YYYY-MM-DD", "date"));
    }
    if looks_like_day(day) && looks_like_time(time) {
        return ("invalid_datetime", right(MOMENT, "date/time"));
    }
    ("invalid", format("", MOMENT))
}

/// Three numbers with hyphens.
fn looks_like_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_number = |part: &&str, lengths: [usize; 2]| {
        lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    matches!(&parts[..], [year, month, day]
        if is_number(year, [4, 4]) && is_number(month, [1, 2]) && is_number(day, [1, 2]))
}

/// Two or three numbers with colons.
fn looks_like_time(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    (2..=3).contains(&parts.len())
        && parts.iter().all(|part| part.starts_with(|letter: char| letter.is_ascii_digit()))
}
