//! Functions of the values of enumerations.

use nuages_storage::{DataType, Value};
use serde_json::Value as Json;

use super::Call;
use super::signature::TEXT;
use crate::algebra::{EnumCall, EnumVerb};
use crate::catalog::EnumDefinition;
use crate::error::Error;
use crate::vector::Vector;

/// The type of its argument, and of its result.
pub(super) fn signature(of: &EnumCall) -> (DataType, DataType) {
    match of.verb {
        EnumVerb::Read => (TEXT, TEXT),
        EnumVerb::Rank => (TEXT, DataType::BigInt),
        EnumVerb::Label => (DataType::BigInt, TEXT),
        EnumVerb::RankMembers => (DataType::Json, DataType::Json),
    }
}

/// Computes it, row by row.
///
/// # Errors
/// [`Error::NotOfEnum`] of a text that is no value.
pub(super) fn evaluate(of: &EnumCall, call: &Call<'_>) -> Result<Vector<'static>, Error> {
    let values = &of.of;
    match of.verb {
        EnumVerb::Read => call.texts(|row, text| {
            let label = call.text(0, row);
            values.rank(label).ok_or_else(|| no_value(values, label))?;
            text.push_str(label);
            Ok(())
        }),
        EnumVerb::Rank => call.words(DataType::BigInt, |row| {
            let label = call.text(0, row);
            values.rank(label).ok_or_else(|| no_value(values, label))
        }),
        EnumVerb::Label => call.texts(|row, text| {
            text.push_str(call.int(0, row).and_then(|rank| values.label(rank)).unwrap_or_default());
            Ok(())
        }),
        EnumVerb::RankMembers => call.values(Some(DataType::Json), |row| match call.columns[0].value(row) {
            Value::Json(array) => Ok(Some(Value::Json(Box::new(ranked(values, &array)?)))),
            other => Ok(Some(other)),
        }),
    }
}

/// An array with the ranks of its members in their places.
fn ranked(of: &EnumDefinition, member: &Json) -> Result<Json, Error> {
    Ok(match member {
        Json::Array(members) => {
            let members = members.iter().map(|member| ranked(of, member));
            Json::Array(members.collect::<Result<_, Error>>()?)
        }
        Json::String(label) => of.rank(label).ok_or_else(|| no_value(of, label))?.into(),
        other => other.clone(),
    })
}

/// That a text is no value of an enumeration.
pub(crate) fn no_value(of: &EnumDefinition, label: &str) -> Error {
    Error::NotOfEnum {
        enumeration: of.name.clone(),
        value: label.to_owned(),
        nearest: of.nearest(label),
        column: None,
    }
}
