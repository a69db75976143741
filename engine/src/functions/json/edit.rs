//! Changes of JSON documents, each of which gives a new one.

use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Serializer, Value as Json};

use super::path::{Step, position};

/// What is done about a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Whether something is put where nothing is.
    pub(super) creates: bool,
    /// Whether what is there gives way.
    pub(super) replaces: bool,
    /// Whether what leads to the place is made as well (SQLite), or must be there (PostgreSQL). In arrays SQLite knows
    /// only the place behind the last member, and PostgreSQL takes every place beyond an end for that end.
    pub(super) makes_way: bool,
}

/// Puts a value where steps lead.
pub(super) fn put(json: &mut Json, steps: &[Step<'_>], value: Json, change: Change) {
    let Some((step, rest)) = steps.split_first() else {
        if change.replaces {
            *json = value;
        }
        return;
    };
    let may_create = change.creates && (rest.is_empty() || change.makes_way);
    match json {
        Json::Object(object) => {
            let Some(key) = step.key() else { return };
            match object.get_mut(key) {
                Some(member) => put(member, rest, value, change),
                None if may_create => {
                    if let Some(made) = made(rest, value) {
                        object.insert(key.to_owned(), made);
                    }
                }
                None => {}
            }
        }
        Json::Array(array) => {
            let place = if *step == Step::End { Some(array.len() as i64) } else { step.place() };
            let Some(place) = place else { return };
            if let Some(at) = position(array.len(), place) {
                put(&mut array[at], rest, value, change);
            } else if may_create && (!change.makes_way || usize::try_from(place) == Ok(array.len())) {
                let end = if place < 0 { 0 } else { array.len() };
                array.splice(end..end, made(rest, value));
            }
        }
        _ => {}
    }
}

/// A value with what leads to it around it; none where that would be an array with members before it.
fn made(steps: &[Step<'_>], value: Json) -> Option<Json> {
    steps.iter().rev().try_fold(value, |inner, step| match (step.key(), step) {
        (Some(key), _) => Some(Json::Object(Map::from_iter([(key.to_owned(), inner)]))),
        (None, Step::Place(0) | Step::End) => Some(Json::Array(vec![inner])),
        _ => None,
    })
}

/// PostgreSQL's `jsonb_insert`: a value beside the member of an array, or under a key that an object does not have.
pub(super) fn insert(json: &mut Json, steps: &[Step<'_>], value: Json, behind: bool) {
    let Some((last, way)) = steps.split_last() else { return };
    let Some(around) = found_mut(json, way) else { return };
    match around {
        Json::Object(object) => {
            if let Some(key) = last.key().filter(|key| !object.contains_key(*key)) {
                object.insert(key.to_owned(), value);
            }
        }
        Json::Array(array) => {
            let Some(place) = last.place() else { return };
            let at = match position(array.len(), place) {
                Some(at) => at + usize::from(behind),
                None if place < 0 => 0,
                None => array.len(),
            };
            array.insert(at, value);
        }
        _ => {}
    }
}

/// Takes out what steps lead to.
pub(super) fn remove(json: &mut Json, steps: &[Step<'_>]) {
    let Some((last, way)) = steps.split_last() else { return };
    match found_mut(json, way) {
        Some(Json::Object(object)) => {
            if let Some(key) = last.key() {
                object.remove(key);
            }
        }
        Some(Json::Array(array)) => {
            if let Some(at) = last.place().and_then(|place| position(array.len(), place)) {
                array.remove(at);
            }
        }
        _ => {}
    }
}

/// Takes out the member of an object by its key, and all texts of an array that are the same.
pub(super) fn remove_key(json: &mut Json, key: &str) {
    match json {
        Json::Object(object) => drop(object.remove(key)),
        Json::Array(array) => array.retain(|member| member.as_str() != Some(key)),
        _ => {}
    }
}

fn found_mut<'j>(json: &'j mut Json, steps: &[Step<'_>]) -> Option<&'j mut Json> {
    steps.iter().try_fold(json, |json, step| match json {
        Json::Object(object) => object.get_mut(step.key()?),
        Json::Array(array) => {
            let at = position(array.len(), step.place()?)?;
            array.get_mut(at)
        }
        _ => None,
    })
}

/// PostgreSQL's `||`: the members of both objects, those of the second where both have a key; the members of both
/// arrays; anything else is an array of one.
pub(super) fn joined(first: Json, second: Json) -> Json {
    let members = |json: Json| match json {
        Json::Array(members) => members,
        other => vec![other],
    };
    match (first, second) {
        (Json::Object(mut first), Json::Object(second)) => {
            first.extend(second);
            Json::Object(first)
        }
        (first, second) => Json::Array(members(first).into_iter().chain(members(second)).collect()),
    }
}

/// A merge patch (RFC 7396, section 2): a NULL in the patch takes a member out.
pub(super) fn patched(target: Json, patch: Json) -> Json {
    let Json::Object(patch) = patch else { return patch };
    let mut members = match target {
        Json::Object(members) => members,
        _ => Map::new(),
    };
    for (key, change) in patch {
        if change.is_null() {
            members.remove(&key);
        } else {
            let member = members.get_mut(&key).map_or(Json::Null, Json::take);
            members.insert(key, patched(member, change));
        }
    }
    Json::Object(members)
}

/// Without the members of objects that are NULL, at any depth.
pub(super) fn without_nulls(json: Json) -> Json {
    match json {
        Json::Object(members) => {
            let kept = members.into_iter().filter(|(_, member)| !member.is_null());
            Json::Object(kept.map(|(key, member)| (key, without_nulls(member))).collect())
        }
        Json::Array(members) => Json::Array(members.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// A document over several lines, four spaces deeper at each level.
pub(super) fn pretty(json: &Json) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    "));
    let written = serde::Serialize::serialize(json, &mut serializer);
    debug_assert!(written.is_ok(), "memory takes what is written");
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn keys<'k>(keys: &[&'k str]) -> Vec<Step<'k>> {
        keys.iter().map(|key| Step::KeyOrPlace(key)).collect()
    }

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn patches_are_those_of_the_rfc() {
        let cases = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(null), json!(null)),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ];
        for (target, patch, expected) in cases {
            assert_eq!(patched(target.clone(), patch.clone()), expected, "{target} with {patch}");
        }
    }

    #[test]
    fn a_place_beyond_an_end_is_that_end_or_none() {
        let put = |steps: &[Step<'_>], makes_way: bool| {
            let mut array = json!([1, 2]);
            put(&mut array, steps, json!(9), Change { creates: true, replaces: true, makes_way });
            array
        };
        assert_eq!(put(&keys(&["7"]), false), json!([1, 2, 9]));
        assert_eq!(put(&keys(&["-7"]), false), json!([9, 1, 2]));
        assert_eq!(put(&keys(&["x"]), false), json!([1, 2]));
        assert_eq!(put(&[Step::Place(2)], true), json!([1, 2, 9]));
        assert_eq!(put(&[Step::End, Step::Key("a")], true), json!([1, 2, {"a": 9}]));
        assert_eq!(put(&[Step::Place(7)], true), json!([1, 2]));
    }

    #[test]
    fn what_is_taken_out_is_all_that_is_missing() {
        let mut document = json!({"a": [1, {"b": 2}], "c": null});
        remove(&mut document, &keys(&["a", "1", "b"]));
        remove(&mut document, &keys(&["a", "9"]));
        remove(&mut document, &keys(&["x", "y"]));
        remove(&mut document, &[]);
        assert_eq!(document, json!({"a": [1, {}], "c": null}));
        assert_eq!(without_nulls(document), json!({"a": [1, {}]}));
    }
}
