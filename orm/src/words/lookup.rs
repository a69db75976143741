//! Conditions in words: a path, perhaps a lookup, and a value.

use std::sync::Arc;

use nuages_storage::{DataType, Value};

use super::{Vocabulary, Walk, reading, walk};
use crate::error::{Error, Misuse, Result};
use crate::expression::json;
use crate::field::network;
use crate::meta::ModelMeta;
use crate::node::{Lookup, Node, Operator};
use crate::queryset::QueryState;

/// Django's words for lookups.
const LOOKUPS: [(&str, Lookup); 17] = [
    ("exact", Lookup::Exact),
    ("iexact", Lookup::IExact),
    ("contains", Lookup::Contains),
    ("icontains", Lookup::IContains),
    ("startswith", Lookup::StartsWith),
    ("istartswith", Lookup::IStartsWith),
    ("endswith", Lookup::EndsWith),
    ("iendswith", Lookup::IEndsWith),
    ("gt", Lookup::Gt),
    ("gte", Lookup::Gte),
    ("lt", Lookup::Lt),
    ("lte", Lookup::Lte),
    ("in", Lookup::In),
    ("range", Lookup::Range),
    ("isnull", Lookup::IsNull),
    ("regex", Lookup::Regex),
    ("iregex", Lookup::IRegex),
];

/// Those that only JSON has, and `contains`, which means something else for it.
const JSON_LOOKUPS: [(&str, Json); 5] = [
    ("contains", Json::Contains),
    ("contained_by", Json::ContainedBy),
    ("has_key", Json::HasKey),
    ("has_keys", Json::HasKeys),
    ("has_any_keys", Json::HasAnyKeys),
];

#[derive(Clone, Copy)]
enum Json {
    Contains,
    ContainedBy,
    HasKey,
    HasKeys,
    HasAnyKeys,
}

/// Django's word for a lookup.
pub(crate) fn lookup_name(lookup: Lookup) -> &'static str {
    match lookup {
        Lookup::JsonContains => "contains",
        Lookup::JsonContainedBy => "contained_by",
        Lookup::HasKey => "has_key",
        lookup => LOOKUPS.iter().find(|(_, known)| *known == lookup).map_or("", |(word, _)| word),
    }
}

/// The words for the lookups of a column of this type, or of a relation.
pub(super) fn words_for(
    data_type: Option<DataType>,
    is_relation: bool,
) -> impl Iterator<Item = &'static str> {
    let is_json = data_type == Some(DataType::Json) && !is_relation;
    let json = JSON_LOOKUPS.iter().skip(1).map(|(word, _)| *word).filter(move |_| is_json);
    let plain = LOOKUPS.iter().filter(move |(_, lookup)| !is_relation || !lookup.is_search());
    plain.map(|(word, _)| *word).chain(json)
}

/// A condition in words: a path, and perhaps a lookup.
pub(crate) fn condition(
    model: &'static ModelMeta,
    vocabulary: &Vocabulary,
    words: &str,
    value: Value,
) -> Result<Node> {
    let mut walk = Walk::from(model, vocabulary);
    let (before, last) = words.rsplit_once("__").map_or((None, words), |(before, last)| (Some(before), last));
    for name in before.into_iter().flat_map(|before| before.split("__")) {
        if !walk.step(name) {
            let lookup = LOOKUPS.iter().find(|(word, _)| *word == name && !walk.path.steps().is_empty());
            return Err(lookup.map_or_else(
                || walk.unknown(name),
                |(word, _)| Misuse::LookupNotLast { lookup: word, words: words.to_owned() }.into(),
            ));
        }
        walk.bounded()?;
    }
    let given = Given { model, words };
    let started = before.is_some();
    let is_json = walk.data_type == Some(DataType::Json) && walk.model.is_none();
    if started
        && is_json
        && let Some((word, of)) = JSON_LOOKUPS.iter().find(|(word, _)| *word == last)
    {
        return match value {
            Value::Null => Err(without_null(word)),
            value => Ok(json_condition(*of, walk.into_node(), value)),
        };
    }
    if started && let Some(lookup) = walk.vocabulary.lookup(last, walk.data_type) {
        let value = given.typed(value, walk.data_type)?;
        return Ok(lookup.of(walk.into_node(), value));
    }
    // A field may have a lookup's name; a key of a document may not.
    let is_field = !is_json && walk.step(last);
    let lookup = LOOKUPS.iter().find(|(word, _)| started && !is_field && *word == last);
    match lookup {
        Some((_, lookup)) if walk.model.is_some() && lookup.is_search() => Err(walk.unknown_lookup(last)),
        Some((_, lookup)) => compared(given, walk, *lookup, value),
        None if is_field || walk.step(last) => compared(given, walk, Lookup::Exact, value),
        None => Err(walk.unknown(last)),
    }
}

/// What a walk has led to, compared with a value.
fn compared(given: Given<'_>, walk: Walk<'_>, lookup: Lookup, value: Value) -> Result<Node> {
    walk.bounded()?;
    let data_type = walk.data_type;
    let is_relation = walk.model.is_some();
    let mut subject = walk.into_node();
    if lookup.is_search() {
        subject = match data_type {
            Some(DataType::Json) => json::as_text(subject),
            Some(DataType::Text { .. }) | None => subject,
            Some(_) if is_relation => subject,
            Some(_) => Node::call(Operator::Cast(DataType::Text { max_length: None }), [subject]),
        };
    }
    let values = given.values(lookup, value, data_type)?;
    let values = if lookup.is_search() { values } else { as_stored(given.model, &subject, values) };
    let operands = std::iter::once(subject).chain(values).collect();
    Ok(Node::Call(Operator::Lookup(lookup), operands))
}

/// Whether what a path leads to is among these.
pub(crate) fn among(
    model: &'static ModelMeta,
    vocabulary: &Vocabulary,
    words: &str,
    values: &[Value],
) -> Result<Node> {
    let walk = walk(model, vocabulary, words)?;
    let (given, data_type) = (Given { model, words }, walk.data_type);
    let values = values.iter().map(|value| given.typed(value.clone(), data_type)).collect::<Result<_>>()?;
    let subject = walk.into_node();
    let values = as_stored(model, &subject, values);
    let operands = std::iter::once(subject).chain(values).collect();
    Ok(Node::Call(Operator::Lookup(Lookup::In), operands))
}

/// Texts as the field that they are compared with stores them.
fn as_stored(model: &'static ModelMeta, subject: &Node, values: Vec<Node>) -> Vec<Node> {
    let Node::Path(path) = subject else { return values };
    let Some(field) = path.last_field(model) else { return values };
    let stored = |node| match &node {
        Node::Value(Value::Text(text)) => {
            network::as_stored(field.format, text).map_or(node, |text| Node::Value(Value::Text(text)))
        }
        _ => node,
    };
    values.into_iter().map(stored).collect()
}

/// Whether what a path leads to is among the rows of a queryset of one column.
pub(crate) fn in_query(
    model: &'static ModelMeta,
    vocabulary: &Vocabulary,
    words: &str,
    query: &Arc<QueryState>,
) -> Result<Node> {
    let subject = walk(model, vocabulary, words)?.into_node();
    // A queryset of instances is one of their keys.
    match query.names().len() {
        0 | 1 => Ok(Node::lookup(Lookup::In, subject, Node::Subquery(query.clone()))),
        given => Err(Misuse::ColumnCount { lookup: "in", expected: 1, given }.into()),
    }
}

fn json_condition(of: Json, document: Node, value: Value) -> Node {
    let keys = |value: Value| -> Vec<String> {
        match value {
            Value::Json(json) => match *json {
                serde_json::Value::Array(keys) => keys
                    .iter()
                    .map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned))
                    .collect(),
                other => vec![other.to_string()],
            },
            Value::Text(text) => text.split(',').map(|key| key.trim().to_owned()).collect(),
            other => vec![other.to_string()],
        }
    };
    match of {
        Json::Contains => Node::lookup(Lookup::JsonContains, document, json::constant(value)),
        Json::ContainedBy => Node::lookup(Lookup::JsonContainedBy, document, json::constant(value)),
        Json::HasKey => json::has_key(document, &value.to_string()),
        Json::HasKeys => json::has_keys(&document, keys(value), true),
        Json::HasAnyKeys => json::has_keys(&document, keys(value), false),
    }
}

/// The words of a condition, and the model they begin at: what an error about its value names.
#[derive(Clone, Copy)]
struct Given<'w> {
    model: &'static ModelMeta,
    words: &'w str,
}

impl Given<'_> {
    /// What a value means for a lookup: a text is a list for `in` and `range`, separated by commas, and so is an array
    /// of JSON.
    fn values(self, lookup: Lookup, value: Value, data_type: Option<DataType>) -> Result<Vec<Node>> {
        match (lookup, value) {
            (Lookup::IsNull, value) => Ok(vec![Node::Value(Value::Bool(truth(&value)?))]),
            (Lookup::Exact, Value::Null) => Ok(vec![self.typed(Value::Null, data_type)?]),
            (Lookup::IExact, Value::Null) => Ok(vec![Node::Value(Value::Null)]),
            (lookup, Value::Null) => Err(without_null(lookup_name(lookup))),
            (Lookup::Range, value) => {
                let given = value.to_string();
                let ends = self.list(value, data_type)?;
                let expected = "two values, separated by a comma";
                let wrong = Misuse::LookupValue { lookup: "range", expected, given };
                if ends.len() == 2 { Ok(ends) } else { Err(wrong.into()) }
            }
            (Lookup::In, value) => self.list(value, data_type),
            (_, value) if lookup.is_search() => Ok(vec![Node::Value(match value {
                Value::Text(_) => value,
                other => Value::from(other.to_string().as_str()),
            })]),
            (_, value) => Ok(vec![self.typed(value, data_type)?]),
        }
    }

    fn list(self, value: Value, data_type: Option<DataType>) -> Result<Vec<Node>> {
        parts(value, data_type).into_iter().map(|part| self.typed(part, data_type)).collect()
    }

    /// A text for a column of another type is read as one; what is compared with JSON is JSON.
    fn typed(self, value: Value, data_type: Option<DataType>) -> Result<Node> {
        match (&value, data_type) {
            (_, Some(DataType::Json)) => Ok(json::constant(value)),
            (Value::Text(text), Some(data_type)) if !matches!(data_type, DataType::Text { .. }) => {
                // No stored number is beyond those of its column, but it may be compared with one that is.
                let read_as = match data_type {
                    DataType::SmallInt | DataType::Integer => DataType::BigInt,
                    other => other,
                };
                reading::read(text, read_as).map(Node::Value).map_err(|_| self.unread(&value, data_type))
            }
            _ => Ok(Node::Value(value)),
        }
    }

    fn unread(self, value: &Value, expected: DataType) -> Error {
        let (model, words) = (self.model, self.words.to_owned());
        Misuse::UnreadText { model: model.name, words, expected, given: value.to_string() }.into()
    }
}

/// The values of a list in words: none of an empty text, and the members of an array.
fn parts(value: Value, data_type: Option<DataType>) -> Vec<Value> {
    match value {
        Value::Text(text) if text.is_empty() => Vec::new(),
        Value::Text(text) => text.split(',').map(|part| Value::from(part.trim())).collect(),
        Value::Json(json) => match *json {
            serde_json::Value::Array(items) => {
                let is_document = data_type == Some(DataType::Json);
                let member = |item| if is_document { Value::Json(Box::new(item)) } else { plain(item) };
                items.into_iter().map(member).collect()
            }
            other => vec![Value::Json(Box::new(other))],
        },
        other => vec![other],
    }
}

/// A member of an array of JSON, as a value of a column.
fn plain(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(truth),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Value::Int(int),
            (None, Some(float)) => Value::Float(float),
            (None, None) => Value::from(number.to_string().as_str()),
        },
        other => Value::Json(Box::new(other)),
    }
}

/// The error for NULL where only values are compared: nothing is greater than NULL, or contains it.
fn without_null(lookup: &'static str) -> Error {
    let expected = "a value; what has none is asked for by isnull";
    Misuse::LookupValue { lookup, expected, given: Value::Null.to_string() }.into()
}

/// What is asked of `isnull`.
fn truth(value: &Value) -> Result<bool> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::Text(text) if matches!(text.as_str(), "true" | "True" | "1") => Ok(true),
        Value::Text(text) if matches!(text.as_str(), "false" | "False" | "0") => Ok(false),
        other => {
            let (lookup, expected) = ("isnull", "true or false");
            Err(Misuse::LookupValue { lookup, expected, given: other.to_string() }.into())
        }
    }
}
