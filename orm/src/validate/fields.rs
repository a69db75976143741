//! What can be said of a single value.

use nuages_storage::{DataType, TypeError, Value};

use super::{Cleaning, format};
use crate::{
    error::{Error, Result},
    meta::{FieldKind, FieldMeta},
    queryset::{QueryState, count, keys_in},
};

/// A code and a sentence.
pub(super) type Complaint = (&'static str, String);

impl Cleaning<'_> {
    /// Looks at each field that is not left out.
    pub(super) fn fields(&mut self) -> Result<()> {
        let types = self.ex.shared().binding().model(self.meta)?.types.clone();
        for (position, (_, field)) in self.meta.columns().enumerate() {
            if self.skipped[position] || self.values[position].is_none() || field.generated.is_some() {
                continue;
            }
            let value = self.value(position);
            for (code, text) in complaints(field, types[position], &value)? {
                self.add(position, field, code, text);
            }
            if let FieldKind::ForeignKey { target, .. } = field.kind
                && !self.skipped[position]
                && !value.is_null()
            {
                self.key(position, field, target(), &value)?;
            }
        }
        Ok(())
    }

    /// A key leads to a row.
    fn key(
        &mut self,
        position: usize,
        field: &FieldMeta,
        target: &'static crate::meta::ModelMeta,
        value: &Value,
    ) -> Result<()> {
        let mut state = QueryState::new(target);
        state.add_condition(keys_in([value.clone()]));
        if count(&state, self.ex)? == 0 {
            let key =
                target.primary_key.first().and_then(|key| target.field(*key)).map_or("", |key| key.name);
            let value = quoted(value);
            let text = format!("{} instance with {key} {value} is not a valid choice.", target.verbose_name);
            self.add(position, field, "invalid", text);
        }
        Ok(())
    }
}

/// All that is wrong with a value.
///
/// # Errors
/// What a validator of the program returns that is no [`Error::Validation`].
pub(super) fn complaints(field: &FieldMeta, data_type: DataType, value: &Value) -> Result<Vec<Complaint>> {
    let one = |code, text: &str| Ok(vec![(code, text.to_owned())]);
    let is_empty = is_empty(value);
    // What no form shows is not asked for.
    if field.editable && is_empty && !field.blank {
        return match is_none(value) && !field.null {
            true => one("null", "This field cannot be null."),
            false => one("blank", "This field cannot be blank."),
        };
    }
    if is_empty {
        return Ok(Vec::new());
    }
    if let Some(choices) = field.choices
        && field.editable
        && !choices.iter().any(|choice| Value::from(choice.value) == *value)
    {
        return one("invalid_choice", &format!("Value {} is not a valid choice.", quoted(value)));
    }
    let mut found = Vec::new();
    found.extend(unsigned(field, value));
    if let Some(text) = value.as_text() {
        found.extend(format::complaint(field.format, text).map(|words| ("invalid", words.to_owned())));
    }
    if found.is_empty() {
        found.extend(digits(data_type, value).or_else(|| refused(data_type, value)));
    }
    for validator in field.validators.into_iter().flat_map(|validators| validators()) {
        match validator.check(value) {
            Ok(()) => {}
            Err(Error::Validation(errors)) => found
                .extend(errors.iter().flat_map(|(_, said)| said).map(|said| (said.code, said.text.clone()))),
            Err(other) => return Err(other),
        }
    }
    Ok(found)
}

/// What is `None` in Python.
fn is_none(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Json(json) => json.is_null(),
        _ => false,
    }
}

/// Django's `empty_values`: nothing, and texts, bytes, lists and objects without anything in them.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Json(json) => match &**json {
            serde_json::Value::String(text) => text.is_empty(),
            serde_json::Value::Array(items) => items.is_empty(),
            serde_json::Value::Object(members) => members.is_empty(),
            json => json.is_null(),
        },
        value => value.is_null(),
    }
}

/// As Python shows a value: texts in quotes.
fn quoted(value: &Value) -> String {
    value.as_text().map_or_else(|| value.to_string(), |text| format!("'{text}'"))
}

/// The limits of a number without a sign.
fn unsigned(field: &FieldMeta, value: &Value) -> Option<Complaint> {
    let (max, number) = (field.unsigned?, value.as_int()?);
    if number < 0 {
        return Some(("min_value", "Ensure this value is greater than or equal to 0.".to_owned()));
    }
    (number > max).then(|| ("max_value", format!("Ensure this value is less than or equal to {max}.")))
}

/// The digits of a decimal: all, those after the point, those before it.
fn digits(data_type: DataType, value: &Value) -> Option<Complaint> {
    let (number, DataType::Decimal { precision, scale }) = (value.as_decimal()?, data_type) else {
        return None;
    };
    let (places, coefficient) = (number.scale(), number.mantissa().unsigned_abs());
    let written = coefficient.checked_ilog10().map_or(1, |digits| digits + 1);
    let all = written.max(places);
    let (precision, scale) = (u32::from(precision), u32::from(scale));
    let plural = |count: u32, one: &str, many: &str| {
        format!("Ensure that there are no more than {count} {}.", if count == 1 { one } else { many })
    };
    if all > precision {
        return Some(("max_digits", plural(precision, "digit in total", "digits in total")));
    }
    if places > scale {
        return Some(("max_decimal_places", plural(scale, "decimal place", "decimal places")));
    }
    let whole = precision - scale;
    (all - places > whole).then(|| {
        let (one, many) = ("digit before the decimal point", "digits before the decimal point");
        ("max_whole_digits", plural(whole, one, many))
    })
}

/// What the column's type refuses.
fn refused(data_type: DataType, value: &Value) -> Option<Complaint> {
    match data_type.accepts(value.clone()).err()? {
        TypeError::TooLong { max, length } => {
            let characters = if max == 1 { "character" } else { "characters" };
            Some((
                "max_length",
                format!("Ensure this value has at most {max} {characters} (it has {length})."),
            ))
        }
        TypeError::OutOfRange { value, min, .. } if value < min => {
            Some(("min_value", format!("Ensure this value is greater than or equal to {min}.")))
        }
        TypeError::OutOfRange { max, .. } => {
            Some(("max_value", format!("Ensure this value is less than or equal to {max}.")))
        }
        TypeError::Precision { .. } => {
            Some(("max_digits", "Ensure that there are no more digits than the field has.".to_owned()))
        }
        _ => Some(("invalid", format!("{value} is not a valid value."))),
    }
}
