//! From words to an instance: what a form or a file sends.

use nuages_storage::{DataType, Value};

use super::{Validate, convert, fields::complaints};
use crate::{
    draft::MissingField,
    error::{Error, Result, ValidationErrors},
    executor::Executor,
    meta::FieldMeta,
    queryset::can_hold,
    relation::parent,
    words,
};

/// The instance that named values describe; see [`Validate::clean_from`].
pub(super) fn clean_from<M: Validate>(values: Vec<(String, Value)>, ex: &dyn Executor) -> Result<M> {
    let meta = M::meta();
    let types = &ex.shared().binding().model(meta)?.types;
    let mut draft = M::Draft::default();
    let mut errors = ValidationErrors::default();
    for (name, value) in values {
        let index = words::own_column(meta, &name)?;
        let Some(field) = meta.field(index) else { continue };
        let data_type = types[meta.position(index)];
        let value = match emptied(value, field, data_type) {
            Value::Null if field.auto || field.null && !must_be_filled(field) => Value::Null,
            Value::Null => {
                errors.add(field.name, "required", field.told("required", &Value::Null, REQUIRED.to_owned()));
                continue;
            }
            value => value,
        };
        if value.is_null() && !field.null {
            continue;
        }
        let value = match convert::to_field(field, data_type, value.clone()) {
            Ok(value) => value,
            Err((code, text)) => {
                errors.add(field.name, code, field.told(code, &value, text));
                continue;
            }
        };
        let complaints = if value.is_null() { Vec::new() } else { complaints(field, data_type, &value)? };
        if !complaints.is_empty() {
            for (code, text) in complaints {
                errors.add(field.name, code, field.told(code, &value, text));
            }
            continue;
        }
        if M::read_part(&mut draft, index, std::slice::from_ref(&value), 0).is_err() {
            match can_hold::<M>(index, &value) {
                Err(Error::Validation(said)) => errors.merge(said),
                other => other?,
            }
        }
    }
    for (name, is_required) in M::REQUIRED {
        let described = meta.fields.iter().find(|field| field.name == *name);
        let is_required = *is_required || described.is_some_and(must_be_filled);
        let is_given = meta.field_index(name).is_some_and(|index| M::part(&draft, index).is_some());
        if is_required && !is_given && errors.field(name).is_empty() {
            let usual = REQUIRED.to_owned();
            let text = match described {
                Some(field) => field.told("required", &Value::Null, usual),
                None => usual,
            };
            errors.add(*name, "required", text);
        }
    }
    errors.into_result()?;
    let mut instance =
        M::finish(draft).map_err(|MissingField { field, .. }| Error::invalid(field, "required", REQUIRED))?;
    parent::complete(&mut instance, ex)?;
    instance.full_clean(ex)?;
    Ok(instance)
}

/// What is said of a field that must be filled and is not.
const REQUIRED: &str = "This field is required.";

/// Whether a form asks for a field that may be NULL: unless it is `blank`, or filled by somebody else.
fn must_be_filled(field: &FieldMeta) -> bool {
    let is_filled =
        field.auto || field.default.is_some() || field.db_default.is_some() || field.generated.is_some();
    field.is_column() && field.null && !field.blank && field.editable && !is_filled
}

/// An empty text is no value, but for a text that may be empty.
fn emptied(value: Value, field: &FieldMeta, data_type: DataType) -> Value {
    let is_kept = matches!(data_type, DataType::Text { .. }) && field.blank && !field.null;
    if value.as_text() == Some("") && !is_kept { Value::Null } else { value }
}
