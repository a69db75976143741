//! Functions of JSON: what is at a key, a place or a path; containment; arrays and objects of values; `path` says where
//! something is, `edit` changes it, and `query` is what PostgreSQL calls a path.
//!
//! A number in a document is an integer of 64 bits or a float, which PostgreSQL's are not. A decimal that becomes JSON is
//! a number if that keeps its value (`1.50` is `1.5`), and otherwise its text, so that no digit is lost: `->>` and a cast
//! give it back either way.

use nuages_storage::{DataType, Value};
use serde_json::Value as Json;

mod edit;
pub(super) mod path;
pub(super) mod query;

use super::Call;
use super::signature::{Signature, TEXT, expect, expect_count};
use super::string::{sparse_texts, truths};
use crate::algebra::{Function, JsonFunction};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Class, json_of};
use crate::vector::{Vector, VectorBuilder};
use edit::Change;
use path::Step;

/// What a function takes and gives. What builds JSON takes anything, as it is.
pub(super) fn signature(of: JsonFunction, types: &[Option<DataType>]) -> Result<Signature, Error> {
    let function = Function::Json(of);
    let json = DataType::Json;
    let (second, result) = match of {
        JsonFunction::BuildArray | JsonFunction::BuildObject => {
            if of == JsonFunction::BuildObject && !types.len().is_multiple_of(2) {
                return Err(Error::ArgumentCount { function: of.name().to_owned(), given: types.len() });
            }
            let arguments = types.iter().map(|given| given.unwrap_or(TEXT)).collect();
            return Ok(Signature { arguments, result: json });
        }
        JsonFunction::Valid => {
            expect_count(of.name(), types.len(), 1..=1)?;
            expect(&function, types[0], &[Class::Text])?;
            return Ok(Signature { arguments: vec![TEXT], result: DataType::Bool });
        }
        JsonFunction::ToJson => {
            expect_count(of.name(), types.len(), 1..=1)?;
            return Ok(Signature { arguments: vec![types[0].unwrap_or(TEXT)], result: json });
        }
        JsonFunction::Set | JsonFunction::Insert | JsonFunction::Replace => {
            if types.len().is_multiple_of(2) {
                return Err(Error::ArgumentCount { function: of.name().to_owned(), given: types.len() });
            }
            expect(&function, types[0], &[Class::Json])?;
            let mut arguments = vec![json];
            for pair in types[1..].chunks(2) {
                expect(&function, pair[0], &[Class::Text])?;
                arguments.extend([TEXT, pair.get(1).copied().flatten().unwrap_or(TEXT)]);
            }
            return Ok(Signature { arguments, result: json });
        }
        JsonFunction::SetAt | JsonFunction::InsertAt => {
            expect_count(of.name(), types.len(), 3..=usize::MAX)?;
            types[..2].iter().try_for_each(|given| expect(&function, *given, &[Class::Json]))?;
            expect(&function, types[2], &[Class::Bool])?;
            types[3..].iter().try_for_each(|given| expect(&function, *given, &[Class::Text]))?;
            let keys = types[3..].iter().map(|_| TEXT);
            let arguments = [json, json, DataType::Bool].into_iter().chain(keys).collect();
            return Ok(Signature { arguments, result: json });
        }
        JsonFunction::Remove
        | JsonFunction::RemoveAt
        | JsonFunction::ExtractPath
        | JsonFunction::ExtractPathText => {
            expect_count(of.name(), types.len(), 1..=usize::MAX)?;
            expect(&function, types[0], &[Class::Json])?;
            types[1..].iter().try_for_each(|given| expect(&function, *given, &[Class::Text]))?;
            let arguments = std::iter::once(json).chain(types[1..].iter().map(|_| TEXT)).collect();
            let result = if of == JsonFunction::ExtractPathText { TEXT } else { json };
            return Ok(Signature { arguments, result });
        }
        JsonFunction::ArrayLength | JsonFunction::Members => (None, DataType::BigInt),
        JsonFunction::TypeOf | JsonFunction::KindOf | JsonFunction::Pretty => (None, TEXT),
        JsonFunction::Scalar | JsonFunction::Ranked | JsonFunction::StripNulls | JsonFunction::Pairs => {
            (None, json)
        }
        JsonFunction::Patch | JsonFunction::Join => (Some(&[Class::Json][..]), json),
        JsonFunction::RemoveKey => (Some(&[Class::Text, Class::Int][..]), json),
        JsonFunction::Get => (Some(&[Class::Text, Class::Int][..]), json),
        JsonFunction::GetText => (Some(&[Class::Text, Class::Int][..]), TEXT),
        JsonFunction::Extract => (Some(&[Class::Text][..]), json),
        JsonFunction::ExtractText => (Some(&[Class::Text][..]), TEXT),
        JsonFunction::Contains => (Some(&[Class::Json][..]), DataType::Bool),
        JsonFunction::HasKey => (Some(&[Class::Text][..]), DataType::Bool),
    };
    let count = 1 + usize::from(second.is_some());
    expect_count(of.name(), types.len(), count..=count)?;
    expect(&function, types[0], &[Class::Json])?;
    let mut arguments = vec![json];
    if let (Some(classes), Some(given)) = (second, types.get(1)) {
        expect(&function, *given, classes)?;
        arguments.push(given.unwrap_or_else(|| classes.first().map_or(TEXT, |class| class.any())));
    }
    Ok(Signature { arguments, result })
}

pub(super) fn evaluate(of: JsonFunction, call: &Call<'_>) -> Result<Vector<'static>, Error> {
    let json = |place: usize, row: usize| call.columns[place].json(row).unwrap_or_default();
    match of {
        JsonFunction::Get | JsonFunction::Extract | JsonFunction::ExtractPath => {
            documents(call, &call.live(), |row| Ok(found(of, call, &json(0, row), row)?.cloned()))
        }
        JsonFunction::GetText | JsonFunction::ExtractText | JsonFunction::ExtractPathText => {
            let mut texts = Vec::new();
            for row in &call.live() {
                let document = json(0, row);
                if let Some(text) = found(of, call, &document, row)?.and_then(text_of) {
                    texts.push((row, text));
                }
            }
            let texts: Vec<(usize, &str)> = texts.iter().map(|(row, text)| (*row, text.as_str())).collect();
            Ok(sparse_texts(call.len, &texts))
        }
        JsonFunction::Contains => Ok(truths(call, |row| contains(&json(0, row), &json(1, row), true))),
        JsonFunction::HasKey => Ok(truths(call, |row| has_key(&json(0, row), call.text(1, row)))),
        JsonFunction::Valid => {
            Ok(truths(call, |row| serde_json::from_str::<serde::de::IgnoredAny>(call.text(0, row)).is_ok()))
        }
        JsonFunction::ArrayLength => call.words(DataType::BigInt, |row| match &*json(0, row) {
            Json::Array(members) => Ok(i64::try_from(members.len()).unwrap_or(i64::MAX)),
            other => Err(Error::Type {
                expression: "json_array_length()".to_owned(),
                expected: "an array".to_owned(),
                got: type_name(other).to_owned(),
            }),
        }),
        JsonFunction::TypeOf => call.texts(|row, heap| {
            heap.push_str(type_name(&json(0, row)));
            Ok(())
        }),
        JsonFunction::Members => call.words(DataType::BigInt, |row| {
            Ok(json(0, row).as_array().map_or(0, |members| i64::try_from(members.len()).unwrap_or(i64::MAX)))
        }),
        JsonFunction::KindOf => call.texts(|row, heap| {
            heap.push_str(kind_name(&json(0, row)));
            Ok(())
        }),
        JsonFunction::Pretty => call.texts(|row, heap| {
            heap.push_str(&edit::pretty(&json(0, row)));
            Ok(())
        }),
        JsonFunction::Pairs => documents(call, &call.live(), |row| Ok(Some(pairs(&json(0, row))))),
        JsonFunction::BuildArray | JsonFunction::BuildObject => {
            documents(call, call.selection, |row| built(of, call, row).map(Some))
        }
        JsonFunction::ToJson => {
            documents(call, &call.live(), |row| Ok(Some(json_of(call.columns[0].value(row)))))
        }
        JsonFunction::Scalar
        | JsonFunction::Ranked
        | JsonFunction::Set
        | JsonFunction::Insert
        | JsonFunction::Replace
        | JsonFunction::Remove
        | JsonFunction::Patch
        | JsonFunction::SetAt
        | JsonFunction::InsertAt
        | JsonFunction::RemoveAt
        | JsonFunction::RemoveKey
        | JsonFunction::Join
        | JsonFunction::StripNulls => {
            documents(call, &with_document(of, call), |row| changed(of, call, json(0, row).into_owned(), row))
        }
    }
}

/// A column of what `make` gives in some rows.
fn documents(
    call: &Call<'_>,
    live: &Bits,
    make: impl Fn(usize) -> Result<Option<Json>, Error>,
) -> Result<Vector<'static>, Error> {
    let mut builder = VectorBuilder::with_capacity(DataType::Json, call.len);
    for row in 0..call.len {
        let made = if live.contains(row) { make(row)? } else { None };
        match made {
            Some(document) => builder.push(&Value::Json(Box::new(document))),
            None => builder.push_null(),
        }
    }
    Ok(builder.finish())
}

/// The rows in which a change has all it needs. A value that is NULL is JSON's `null`.
fn with_document(of: JsonFunction, call: &Call<'_>) -> Bits {
    let takes_values = matches!(of, JsonFunction::Set | JsonFunction::Insert | JsonFunction::Replace);
    let is_value = |place: usize| takes_values && place > 0 && place.is_multiple_of(2);
    let mut live = call.selection.clone();
    for (place, column) in call.columns.iter().enumerate() {
        if !is_value(place) {
            live = live.and_not(&column.nulls());
        }
    }
    live
}

/// A document after a change; none if nothing is left of it.
fn changed(of: JsonFunction, call: &Call<'_>, mut document: Json, row: usize) -> Result<Option<Json>, Error> {
    let value = |place: usize| json_of(call.columns[place].value(row));
    let keys = |from: usize| (from..call.columns.len()).map(|place| Step::KeyOrPlace(call.text(place, row)));
    let flag = |place: usize| call.columns[place].value(row) == Value::Bool(true);
    match of {
        JsonFunction::Set | JsonFunction::Insert | JsonFunction::Replace => {
            let change = Change {
                creates: of != JsonFunction::Replace,
                replaces: of != JsonFunction::Insert,
                makes_way: true,
            };
            for place in (1..call.columns.len()).step_by(2) {
                edit::put(&mut document, &path::steps(call.text(place, row))?, value(place + 1), change);
            }
        }
        JsonFunction::Remove => {
            for place in 1..call.columns.len() {
                let steps = path::steps(call.text(place, row))?;
                if steps.is_empty() {
                    return Ok(None);
                }
                edit::remove(&mut document, &steps);
            }
        }
        JsonFunction::SetAt => {
            let change = Change { creates: flag(2), replaces: true, makes_way: false };
            edit::put(&mut document, &keys(3).collect::<Vec<_>>(), value(1), change);
        }
        JsonFunction::InsertAt => {
            edit::insert(&mut document, &keys(3).collect::<Vec<_>>(), value(1), flag(2));
        }
        JsonFunction::RemoveAt => edit::remove(&mut document, &keys(1).collect::<Vec<_>>()),
        JsonFunction::RemoveKey => match call.int(1, row) {
            Some(place) => edit::remove(&mut document, &[Step::Place(place)]),
            None => edit::remove_key(&mut document, call.text(1, row)),
        },
        JsonFunction::Patch => document = edit::patched(document, value(1)),
        JsonFunction::Join => document = edit::joined(document, value(1)),
        JsonFunction::StripNulls => document = edit::without_nulls(document),
        JsonFunction::Ranked => {
            document = Json::Array(vec![u8::from(!document.is_number()).into(), document]);
        }
        JsonFunction::Scalar => {
            return Ok(match document {
                Json::Null => None,
                Json::Bool(bool) => Some(i64::from(bool).into()),
                document => Some(document),
            });
        }
        _ => {}
    }
    Ok(Some(document))
}

fn built(of: JsonFunction, call: &Call<'_>, row: usize) -> Result<Json, Error> {
    let value = |column: &&Vector<'_>| json_of(column.value(row));
    if of == JsonFunction::BuildArray {
        return Ok(Json::Array(call.columns.iter().map(value).collect()));
    }
    let mut object = serde_json::Map::new();
    for pair in call.columns.chunks(2) {
        let key = match pair[0].value(row) {
            Value::Null => {
                return Err(Error::Type {
                    expression: "json_build_object()".to_owned(),
                    expected: "a key that is not NULL".to_owned(),
                    got: "NULL".to_owned(),
                });
            }
            key => key.to_string(),
        };
        object.insert(key, pair.get(1).map_or(Json::Null, value));
    }
    Ok(Json::Object(object))
}

/// The members of a value as pairs.
fn pairs(json: &Json) -> Json {
    let pair = |key: Json, member: &Json| Json::Array(vec![key, member.clone()]);
    Json::Array(match json {
        Json::Object(object) => {
            object.iter().map(|(key, member)| pair(key.as_str().into(), member)).collect()
        }
        Json::Array(array) => {
            array.iter().enumerate().map(|(place, member)| pair(place.into(), member)).collect()
        }
        other => vec![pair(Json::Null, other)],
    })
}

fn type_name(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// What SQLite calls it.
pub(super) fn kind_name(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(true) => "true",
        Json::Bool(false) => "false",
        Json::Number(number) if number.is_f64() => "real",
        Json::Number(_) => "integer",
        Json::String(_) => "text",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// JSON as text: a string without its quotes, and `null` is NULL.
pub(super) fn text_of(json: &Json) -> Option<String> {
    match json {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// What a row asks for of a document.
fn found<'j>(
    of: JsonFunction,
    call: &Call<'_>,
    json: &'j Json,
    row: usize,
) -> Result<Option<&'j Json>, Error> {
    if matches!(of, JsonFunction::Extract | JsonFunction::ExtractText) {
        return Ok(path::found(json, &path::steps(call.text(1, row))?));
    }
    if matches!(of, JsonFunction::ExtractPath | JsonFunction::ExtractPathText) {
        let mut keys = (1..call.columns.len()).map(|place| Step::KeyOrPlace(call.text(place, row)));
        return Ok(keys.try_fold(json, path::member));
    }
    Ok(match call.int(1, row) {
        Some(place) => path::member(json, Step::Place(place)),
        None => path::member(json, Step::Key(call.text(1, row))),
    })
}

/// PostgreSQL's `@>`: objects by their keys, arrays as sets; an array also contains a scalar, at the top alone.
fn contains(outer: &Json, inner: &Json, is_top: bool) -> bool {
    match (outer, inner) {
        (Json::Object(outer), Json::Object(inner)) => {
            inner.iter().all(|(key, value)| outer.get(key).is_some_and(|found| contains(found, value, false)))
        }
        (Json::Array(outer), Json::Array(inner)) => {
            inner.iter().all(|value| outer.iter().any(|found| contains(found, value, false)))
        }
        (Json::Array(outer), scalar) if is_top && !scalar.is_object() => outer.contains(scalar),
        (outer, inner) => same(outer, inner),
    }
}

/// Whether two values are the same; integers and floats are if they are the same number.
pub(super) fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (left, right) => left == right,
    }
}

fn has_key(json: &Json, key: &str) -> bool {
    match json {
        Json::Object(object) => object.contains_key(key),
        Json::Array(members) => members.iter().any(|member| member.as_str() == Some(key)),
        Json::String(text) => text == key,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::Expr;
    use crate::evaluate::testing::value_of;
    use rusqlite::Connection;
    use serde_json::json;

    fn call(of: JsonFunction, arguments: Vec<Value>) -> Result<Value, Error> {
        value_of(&Expr::Call(Function::Json(of), arguments.into_iter().map(Expr::Literal).collect()))
    }

    fn document() -> Json {
        json!({"a": 2, "c": [4, 5, {"f": 7, "g h": null}], "s": "text", "t": true})
    }

    #[test]
    fn paths_lead_where_they_do_in_sqlite() {
        let sqlite = Connection::open_in_memory().unwrap();
        let paths = [
            "$",
            "$.a",
            "$.c",
            "$.c[2]",
            "$.c[2].f",
            "$.c[#-1].f",
            "$.c[#-9]",
            "$.c[9]",
            "$.x",
            "$.a.b",
            "$[0]",
            "$.s",
            "$.\"c\"[1]",
            "$.c[2].\"g h\"",
        ];
        for path in paths {
            let theirs: Option<String> = sqlite
                .query_row("select json_extract(?, ?) || ''", (document().to_string(), path), |row| {
                    row.get(0)
                })
                .unwrap();
            let ours = call(JsonFunction::ExtractText, vec![document().into(), path.into()]).unwrap();
            let theirs = theirs.map_or(Value::Null, Value::from);
            let ours = match &ours {
                // SQLite has no booleans.
                Value::Text(text) if text == "true" => "1".into(),
                other => other.clone(),
            };
            assert_eq!(ours, theirs, "{path}");
        }
        for bad in ["", "a", "$.", "$.c[x]", "$.c[", "$c"] {
            assert!(call(JsonFunction::Extract, vec![document().into(), bad.into()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_and_places_lead_into_documents() {
        let at = |of, keys: &[&str]| {
            let keys = keys.iter().map(|key| Value::from(*key));
            call(of, std::iter::once(document().into()).chain(keys).collect()).unwrap()
        };
        assert_eq!(at(JsonFunction::ExtractPath, &["c", "2", "f"]), json!(7).into());
        assert_eq!(at(JsonFunction::ExtractPath, &["c", "-1"]), json!({"f": 7, "g h": null}).into());
        assert_eq!(at(JsonFunction::ExtractPathText, &["s"]), "text".into());
        assert_eq!(at(JsonFunction::ExtractPathText, &["c", "2", "g h"]), Value::Null);
        assert_eq!(at(JsonFunction::ExtractPath, &["c", "x"]), Value::Null);
        assert_eq!(at(JsonFunction::ExtractPath, &[]), document().into());
    }

    #[test]
    fn members_are_found_by_key_and_by_place() {
        let get = |at: Value| call(JsonFunction::Get, vec![document().into(), at]);
        assert_eq!(get("a".into()), Ok(json!(2).into()));
        assert_eq!(get("x".into()), Ok(Value::Null));
        let array = json!([1, "two", null]);
        let place = |at: i64| call(JsonFunction::GetText, vec![array.clone().into(), at.into()]);
        assert_eq!([0, 1, 2, 3, -1, -2, -4].map(|at| place(at).unwrap()), {
            let (one, two) = (Value::from("1"), Value::from("two"));
            [one, two.clone(), Value::Null, Value::Null, Value::Null, two, Value::Null]
        });
    }

    #[test]
    fn containment_is_postgresqls() {
        let cases = [
            (json!([1, 2, 3]), json!([1, 3, 3]), true),
            (json!([1, 2, [1, 3]]), json!([1, 3]), false),
            (json!([1, 2, [1, 3]]), json!([[1, 3]]), true),
            (json!({"foo": {"bar": "baz"}}), json!({"bar": "baz"}), false),
            (json!({"foo": {"bar": "baz", "x": 1}}), json!({"foo": {}}), true),
            (json!(["foo", "bar"]), json!("bar"), true),
            (json!("bar"), json!(["bar"]), false),
            (json!({"a": 1.0}), json!({"a": 1}), true),
        ];
        for (outer, inner, expected) in cases {
            let found = call(JsonFunction::Contains, vec![outer.clone().into(), inner.clone().into()]);
            assert_eq!(found, Ok(expected.into()), "{outer} @> {inner}");
        }
        let has = |json: Json, key: &str| call(JsonFunction::HasKey, vec![json.into(), key.into()]).unwrap();
        assert_eq!(has(document(), "a"), true.into());
        assert_eq!(has(json!(["x", "y"]), "y"), true.into());
        assert_eq!(has(json!([1]), "1"), false.into());
    }

    #[test]
    fn json_is_built_of_anything_and_told_apart() {
        let built =
            call(JsonFunction::BuildObject, vec!["a".into(), 1.into(), 2.into(), json!([true]).into()]);
        assert_eq!(built, Ok(json!({"a": 1, "2": [true]}).into()));
        assert!(call(JsonFunction::BuildObject, vec!["a".into()]).is_err());
        let array = call(JsonFunction::BuildArray, vec![1.into(), "b".into(), Value::Null, 1.5.into()]);
        assert_eq!(array, Ok(json!([1, "b", null, 1.5]).into()));
        assert_eq!(call(JsonFunction::ArrayLength, vec![json!([1, 2]).into()]), Ok(2.into()));
        assert!(call(JsonFunction::ArrayLength, vec![json!({}).into()]).is_err());
        assert_eq!(call(JsonFunction::TypeOf, vec![json!({}).into()]), Ok("object".into()));
        for (text, valid) in [("{}", true), ("{", false), ("", false), ("[1,", false), ("1", true)] {
            assert_eq!(call(JsonFunction::Valid, vec![text.into()]), Ok(valid.into()), "{text}");
        }
    }
}
