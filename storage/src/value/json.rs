//! JSON as it is stored: its text.
//!
//! A column of JSON lies in the text lane, so what is written is read by parsing it. The two must agree: every number
//! comes back as the number it was (`serde_json` with `float_roundtrip`), and what the parser would refuse is refused
//! when it is written.

use serde_json::Value as Json;

use super::TypeError;

/// How many arrays and objects may lie within each other. It is as deep as the parser goes, which has to stop
/// somewhere: parsing is recursive, and a text could otherwise exhaust the stack of whoever reads it.
pub const JSON_DEPTH_MAX: usize = 127;

/// Reads a text as JSON.
///
/// ```
/// use nuages_storage::value::json_from_text;
/// assert_eq!(json_from_text("[1]"), Ok(serde_json::json!([1])));
/// assert!(json_from_text("[1").is_err());
/// ```
///
/// # Errors
/// [`TypeError::NotJson`], with where and why.
pub fn json_from_text(text: &str) -> Result<Json, TypeError> {
    serde_json::from_str(text).map_err(|error| TypeError::NotJson { reason: error.to_string() })
}

/// Reads the text that a column of JSON stores. What is no JSON (the engine lets none be written, but a leaf can be
/// filled with any text) is read as a JSON string of it, so that nothing that is there reads as NULL.
#[must_use]
pub fn json_from_stored(text: &str) -> Json {
    json_from_text(text).unwrap_or_else(|_| Json::String(text.to_owned()))
}

/// Refuses JSON nested deeper than [`JSON_DEPTH_MAX`]. Looks no deeper than that itself.
pub(super) fn check_depth(json: &Json) -> Result<(), TypeError> {
    if is_within(json, JSON_DEPTH_MAX) { Ok(()) } else { Err(TypeError::TooDeep { max: JSON_DEPTH_MAX }) }
}

fn is_within(json: &Json, levels: usize) -> bool {
    match (json, levels.checked_sub(1)) {
        (Json::Array(_) | Json::Object(_), None) => false,
        (Json::Array(items), Some(levels)) => items.iter().all(|item| is_within(item, levels)),
        (Json::Object(members), Some(levels)) => members.values().all(|member| is_within(member, levels)),
        _ => true,
    }
}
