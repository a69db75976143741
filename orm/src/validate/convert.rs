//! From what a form sends to the value of a field, with Django's words where it is none.

use nuages_storage::value::decimal_from_text;
use nuages_storage::{DataType, Value};

use super::fields::Complaint;
use crate::{
    field::network::as_stored,
    meta::FieldMeta,
    words::reading::{self, Unread},
};

/// The value of a field.
///
/// # Errors
/// What is wrong, as a code and a sentence.
pub(super) fn to_field(field: &FieldMeta, data_type: DataType, value: Value) -> Result<Value, Complaint> {
    let Value::Text(text) = &value else { return Ok(value) };
    let shown = format!("\u{201c}{text}\u{201d}");
    let invalid = |words: &str| Err(("invalid", format!("{shown} value must be {words}.")));
    match data_type {
        DataType::Text { .. } => Ok(as_stored(field.format, text).map_or(value, Value::Text)),
        DataType::Bool => match &**text {
            "t" | "T" | "True" | "true" | "1" => Ok(Value::Bool(true)),
            "f" | "F" | "False" | "false" | "0" => Ok(Value::Bool(false)),
            _ if field.null => invalid("either True, False, or None"),
            _ => invalid("either True or False"),
        },
        DataType::SmallInt | DataType::Integer | DataType::BigInt => match decimal_from_text(text.trim()) {
            Some(number) if number.is_integer() => {
                Ok(i64::try_from(number).map_or(Value::Decimal(number), Value::Int))
            }
            _ => invalid("an integer"),
        },
        DataType::Decimal { .. } => match decimal_from_text(text.trim()) {
            Some(number) => Ok(Value::Decimal(number)),
            None => invalid("a decimal number"),
        },
        _ => reading::read(text, data_type).map_err(|unread| complaint(data_type, unread, &shown)),
    }
}

/// What is wrong with a text that no value can be read from.
fn complaint(data_type: DataType, unread: Unread, shown: &str) -> Complaint {
    const DAY: &str = "YYYY-MM-DD";
    const TIME: &str = "HH:MM[:ss[.uuuuuu]]";
    const MOMENT: &str = "YYYY-MM-DD HH:MM[:ss[.uuuuuu]][TZ]";
    let format = |of: &str, format: &str| {
        ("invalid", format!("{shown} value has an invalid{of} format. It must be in {format} format."))
    };
    let right = |format: &str, of: &str| {
        format!("{shown} value has the correct format ({format}) but it is an invalid {of}.")
    };
    match (unread, data_type) {
        (Unread::Day, _) => ("invalid_date", right(DAY, "date")),
        (Unread::Time, _) => ("invalid_time", right(TIME, "time")),
        (Unread::Moment, _) => ("invalid_datetime", right(MOMENT, "date/time")),
        (Unread::Form, DataType::Float) => ("invalid", format!("{shown} value must be a float.")),
        (Unread::Form, DataType::Date) => format(" date", DAY),
        (Unread::Form, DataType::Time) => format("", TIME),
        (Unread::Form, DataType::Timestamp) => format("", MOMENT),
        (Unread::Form, DataType::Duration) => format("", "[DD] [[HH:]MM:]ss[.uuuuuu]"),
        (Unread::Form, DataType::Uuid) => ("invalid", format!("{shown} is not a valid UUID.")),
        (Unread::Form, DataType::Json) => ("invalid", "Value must be valid JSON.".to_owned()),
        (Unread::Form, _) => ("invalid", format!("{shown} is not a valid value.")),
    }
}
