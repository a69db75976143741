//! Functions of arrays, which are JSON; their places count from 1, as in PostgreSQL.

use std::borrow::Cow;

use nuages_storage::key::{KeyBuffer, KeyPart};
use nuages_storage::{DataType, Value};
use serde_json::Value as Json;

use super::regular::Patterns;
use super::{
    BOOL, BYTES, Builtin, DATE, FLOAT, INT, JSON, Overload, SPAN, STAMP, TEXT, TIME, Takes, refused, table,
};
use crate::error::Error;
use crate::evaluate::cast_value;
use crate::functions::Call;
use crate::functions::json::{same, text_of};
use crate::functions::string::{check_size, truths};

pub(super) const TABLE: &[Builtin] = table! {
    "array_member" [JSON, INT] => JSON, |call| call.values(JSON, |row| {
        let (array, at) = (members(call, 0, row), place(call.int(1, row)));
        Ok(at.and_then(|at| array.get(at).cloned()).map(value))
    });
    "array_slice" [JSON, INT, INT] => JSON, |call| call.values_where(JSON, &call.with(&[0]), |row| {
        let array = members(call, 0, row);
        let first = call.int(1, row).map_or(0, |first| offset(first.saturating_sub(1), &array));
        let end = call.int(2, row).map_or(array.len(), |last| offset(last, &array));
        Ok(Some(value(Json::Array(array.get(first..end).unwrap_or_default().to_vec()))))
    });
    "array_contains" [JSON, JSON] => BOOL, |call| Ok(truths(call, |row| {
        let array = members(call, 0, row);
        members(call, 1, row).iter().all(|wanted| array.iter().any(|member| equal(member, wanted)))
    }));
    "array_overlaps" [JSON, JSON] => BOOL, |call| Ok(truths(call, |row| {
        let array = members(call, 0, row);
        members(call, 1, row).iter().any(|wanted| array.iter().any(|member| equal(member, wanted)))
    }));
    "array_remove" [JSON, JSON] => JSON, |call| call.values_where(JSON, &call.with(&[0]), |row| {
        let (array, goes) = (members(call, 0, row), document(call, 1, row));
        let kept = array.iter().filter(|member| !same(member, &goes)).cloned().collect();
        Ok(Some(value(Json::Array(kept))))
    });
    "array_replace" [JSON, JSON, JSON] => JSON, |call| call.values_where(JSON, &call.with(&[0]), |row| {
        let (array, goes, comes) = (members(call, 0, row), document(call, 1, row), document(call, 2, row));
        let changed = array.iter().map(|member| if same(member, &goes) { &*comes } else { member });
        Ok(Some(value(Json::Array(changed.cloned().collect()))))
    });
    "trim_array" [JSON, INT] => JSON, |call| call.values(JSON, |row| {
        let (array, count) = (members(call, 0, row), call.int(1, row).unwrap_or_default());
        let kept = usize::try_from(count).ok().and_then(|count| array.len().checked_sub(count));
        let expected = || refused("trim_array", format!("0 to {} members", array.len()), count.to_string());
        Ok(Some(value(Json::Array(array[..kept.ok_or_else(expected)?].to_vec()))))
    });
    "array_position" [JSON, JSON | INT] => INT, |call| call.values_where(INT, &call.with(&[0]), |row| {
        let (array, wanted) = (members(call, 0, row), document(call, 1, row));
        let first = call.int(2, row).map_or(0, |first| offset(first.saturating_sub(1), &array));
        let found = array.iter().skip(first).position(|member| same(member, &wanted));
        Ok(found.map(|at| number(first + at + 1)))
    });
    "array_positions" [JSON, JSON] => JSON, |call| call.values_where(JSON, &call.with(&[0]), |row| {
        let wanted = document(call, 1, row);
        let array = members(call, 0, row);
        let found = array.iter().enumerate().filter(|(_, member)| same(member, &wanted));
        Ok(Some(value(Json::Array(found.map(|(at, _)| Json::from(at + 1)).collect()))))
    });
    "array_to_string" [JSON, TEXT | TEXT] => TEXT, |call| call.texts_where(&call.with(&[0, 1]), &mut |row, heap| {
        let mut separator = "";
        leaves(&members(call, 0, row), &mut |member| {
            let Some(text) = text_of(member).or_else(|| call.optional_text(2, row).map(str::to_owned)) else { return };
            heap.push_str(separator);
            heap.push_str(&text);
            separator = call.text(1, row);
        });
        check_size("array_to_string", heap.len())
    });
    "string_to_array" [TEXT, TEXT | TEXT] => JSON, |call| call.values_where(JSON, &call.with(&[0]), |row| {
        let text = call.text(0, row);
        let part = |part: &str| match call.optional_text(2, row) {
            Some(null) if null == part => Json::Null,
            _ => Json::from(part),
        };
        let parts = match call.optional_text(1, row) {
            _ if text.is_empty() => Vec::new(),
            None => text.chars().map(|character| part(character.encode_utf8(&mut [0; 4]))).collect(),
            Some("") => vec![part(text)],
            Some(separator) => text.split(separator).map(part).collect(),
        };
        Ok(Some(value(Json::Array(parts))))
    });
    "array_length" [JSON, INT] => INT, |call| call.values(INT, |row| Ok(dimension(call, row).map(number)));
    "array_upper" [JSON, INT] => INT, |call| call.values(INT, |row| Ok(dimension(call, row).map(number)));
    "array_lower" [JSON, INT] => INT, |call| call.values(INT, |row| Ok(dimension(call, row).map(|_| number(1))));
    "array_ndims" [JSON] => INT, |call| call.values(INT, |row| {
        let array = document(call, 0, row);
        let depth = std::iter::successors(Some(&*array), |array| array.get(0))
            .take_while(|member| member.as_array().is_some_and(|members| !members.is_empty()))
            .count();
        Ok((depth > 0).then(|| number(depth)))
    });
    "cardinality" [JSON] => INT, |call| call.values(INT, |row| {
        let mut count = 0;
        leaves(&members(call, 0, row), &mut |_| count += 1);
        Ok(Some(number(count)))
    });
    // Bytes that sort as arrays do, whose members are read as what the text says.
    "array_order" [JSON, TEXT] => BYTES, |call| call.values(BYTES, |row| {
        order_key(&document(call, 0, row), reading_named(call.text(1, row))).map(|key| Some(Value::from(key)))
    });
    // The groups of the first match, or the whole of it.
    "regexp_match" [TEXT, TEXT | TEXT] => JSON, |call| {
        let mut patterns = Patterns::default();
        call.values(JSON, |row| {
            let regex = patterns.get(call.text(1, row), call.text(2, row))?;
            Ok(regex.captures(call.text(0, row)).map(|found| value(groups(&found))))
        })
    };
    // Those of all matches if a flag says so.
    "regexp_matches" [TEXT, TEXT | TEXT] => JSON, |call| {
        let mut patterns = Patterns::default();
        call.values(JSON, |row| {
            let flags = call.text(2, row);
            let most = if flags.contains('g') { usize::MAX } else { 1 };
            let regex = patterns.get(call.text(1, row), flags)?;
            let found = regex.captures_iter(call.text(0, row)).take(most).map(|found| groups(&found));
            Ok(Some(value(Json::Array(found.collect()))))
        })
    };
    "regexp_split_to_array" [TEXT, TEXT | TEXT] => JSON, |call| {
        let mut patterns = Patterns::default();
        call.values(JSON, |row| {
            let text = call.text(0, row);
            let regex = patterns.get(call.text(1, row), call.text(2, row))?;
            let (mut parts, mut begin) = (Vec::new(), 0);
            // What is found of nothing at either end splits nothing off.
            for found in regex.find_iter(text).filter(|found| found.end() > 0 && found.start() < text.len()) {
                parts.push(Json::from(&text[begin..found.start()]));
                begin = found.end();
            }
            parts.push(Json::from(&text[begin..]));
            Ok(Some(value(Json::Array(parts))))
        })
    };
};

/// The type that members are read as to be ordered; none if their documents have their order.
fn reading_named(name: &str) -> Takes {
    match name {
        "float" => FLOAT,
        "decimal" => Some(DataType::NUMERIC),
        "bytes" => BYTES,
        "date" => DATE,
        "time" => TIME,
        "timestamp" => STAMP,
        "interval" => SPAN,
        _ => None,
    }
}

/// The members behind each other, each behind a byte that says whether it is NULL; then what tells arrays apart whose
/// members are the same: how deep they are nested, and how many members there are in each level.
fn order_key(array: &Json, reading: Takes) -> Result<Vec<u8>, Error> {
    const END: u8 = 0;
    const VALUE: u8 = 1;
    const NULL: u8 = 2;
    let mut key = Vec::new();
    let mut refused = Ok(());
    leaves(array.as_array().map_or(&[], Vec::as_slice), &mut |member| {
        if member.is_null() {
            return key.push(NULL);
        }
        let read = match reading {
            Some(kind) => cast_value(Value::Text(text_of(member).unwrap_or_default()), kind),
            None => Ok(value(member.clone())),
        };
        match read {
            Ok(read) => {
                let mut part = KeyBuffer::new();
                part.push_value(KeyPart::ASCENDING, &read);
                key.push(VALUE);
                key.extend_from_slice(part.as_slice());
            }
            Err(error) => refused = Err(error),
        }
    });
    refused?;
    key.push(END);
    key.extend(lengths(array).count().to_be_bytes());
    key.extend(lengths(array).flat_map(usize::to_be_bytes));
    Ok(key)
}

/// How many members an array has, and those within it, level by level.
fn lengths(array: &Json) -> impl Iterator<Item = usize> {
    let levels = std::iter::successors(Some(array), |array| array.get(0));
    levels.map_while(|level| level.as_array().map(Vec::len))
}

fn value(json: Json) -> Value {
    Value::Json(Box::new(json))
}

fn number(count: usize) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

fn document<'v>(call: &Call<'v>, argument: usize, row: usize) -> Cow<'v, Json> {
    call.columns.get(argument).and_then(|column| column.json(row)).unwrap_or_default()
}

/// The members of an array; of what is none, none.
fn members(call: &Call<'_>, argument: usize, row: usize) -> Vec<Json> {
    match document(call, argument, row).into_owned() {
        Json::Array(members) => members,
        _ => Vec::new(),
    }
}

/// The offset of a place that counts from 1.
fn place(at: Option<i64>) -> Option<usize> {
    usize::try_from(at?.checked_sub(1)?).ok()
}

/// So many members from the beginning, or as many as there are.
fn offset(count: i64, array: &[Json]) -> usize {
    usize::try_from(count.max(0)).unwrap_or(usize::MAX).min(array.len())
}

/// Whether two members are equal, which NULLs are not.
fn equal(left: &Json, right: &Json) -> bool {
    !left.is_null() && same(left, right)
}

/// The members of the arrays within each other that are none themselves.
fn leaves(array: &[Json], each: &mut dyn FnMut(&Json)) {
    for member in array {
        match member {
            Json::Array(inner) => leaves(inner, each),
            leaf => each(leaf),
        }
    }
}

/// How many members an array has in a dimension; none where it has no such dimension.
fn dimension(call: &Call<'_>, row: usize) -> Option<usize> {
    let array = document(call, 0, row);
    let mut inner = &*array;
    for _ in 0..place(call.int(1, row))? {
        inner = inner.get(0)?;
    }
    inner.as_array().map(Vec::len).filter(|length| *length > 0)
}

/// What the groups of a pattern have found, or all of it if there are none.
fn groups(found: &regex::Captures<'_>) -> Json {
    let from = usize::from(found.len() > 1);
    let group = |at: usize| found.get(at).map_or(Json::Null, |found| Json::from(found.as_str()));
    Json::Array((from..found.len()).map(group).collect())
}
