//! Conditions in words: a path, perhaps a lookup, and a value.

use std::sync::Arc;

use nuages_storage::{DataType, Value};

use super::{Vocabulary, Walk, walk};
use crate::error::{Misuse, Result};
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
            return Err(walk.unknown(name));
        }
    }
    let started = before.is_some();
    let is_json = walk.data_type == Some(DataType::Json) && walk.model.is_none();
    if started
        && is_json
        && let Some((_, of)) = JSON_LOOKUPS.iter().find(|(word, _)| *word == last)
    {
        return Ok(json_condition(*of, walk.into_node(), value));
    }
    if started && let Some(lookup) = walk.vocabulary.lookup(last, walk.data_type) {
        let value = typed(value, walk.data_type);
        return Ok(lookup.of(walk.into_node(), value));
    }
    // A field may have a lookup's name; a key of a document may not.
    let is_field = !is_json && walk.step(last);
    let lookup = LOOKUPS.iter().find(|(word, _)| started && !is_field && *word == last);
    match lookup {
        Some((_, lookup)) if walk.model.is_some() && lookup.is_search() => Err(walk.unknown_lookup(last)),
        Some((_, lookup)) => compared(model, walk, *lookup, value),
        None if is_field || walk.step(last) => compared(model, walk, Lookup::Exact, value),
        None => Err(walk.unknown(last)),
    }
}

/// What a walk has led to, compared with a value.
fn compared(model: &'static ModelMeta, walk: Walk<'_>, lookup: Lookup, value: Value) -> Result<Node> {
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
    let given = values(lookup, value, data_type);
    let given = if lookup.is_search() { given } else { as_stored(model, &subject, given) };
    let mut operands = vec![subject];
    operands.extend(given);
    if lookup == Lookup::Range && operands.len() != 3 {
        let expected = "two values, separated by a comma";
        return Err(Misuse::LookupValue { lookup: "range", expected }.into());
    }
    if lookup == Lookup::IsNull && !matches!(operands[1..], [Node::Value(Value::Bool(_))]) {
        return Err(Misuse::LookupValue { lookup: "isnull", expected: "true or false" }.into());
    }
    Ok(Node::Call(Operator::Lookup(lookup), operands.into()))
}

/// Whether what a path leads to is among these.
pub(crate) fn among(
    model: &'static ModelMeta,
    vocabulary: &Vocabulary,
    words: &str,
    values: &[Value],
) -> Result<Node> {
    let walk = walk(model, vocabulary, words)?;
    let data_type = walk.data_type;
    let values = values.iter().map(|value| typed(value.clone(), data_type)).collect();
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

/// What a value given as text means for a lookup: a list of them for `in` and `range`, separated by commas.
fn values(lookup: Lookup, value: Value, data_type: Option<DataType>) -> Vec<Node> {
    match (lookup, value) {
        (Lookup::IsNull, Value::Text(text)) => {
            vec![Node::Value(Value::Bool(!matches!(text.as_str(), "" | "0" | "false" | "False")))]
        }
        (Lookup::In | Lookup::Range, Value::Text(text)) => {
            text.split(',').map(|part| typed(Value::from(part.trim()), data_type)).collect()
        }
        (Lookup::IsNull, value) => vec![Node::Value(value)],
        (_, value) if lookup.is_search() => vec![Node::Value(match value {
            Value::Null | Value::Text(_) => value,
            other => Value::from(other.to_string().as_str()),
        })],
        (_, value) => vec![typed(value, data_type)],
    }
}

/// Text for a column that is none is converted; what is compared with JSON is JSON.
fn typed(value: Value, data_type: Option<DataType>) -> Node {
    match (&value, data_type) {
        (_, Some(DataType::Json)) => json::constant(value),
        (Value::Text(_), Some(data_type)) if !matches!(data_type, DataType::Text { .. }) => {
            Node::call(Operator::Cast(data_type), [Node::Value(value)])
        }
        _ => Node::Value(value),
    }
}
