//! The one total order of values.
//!
//! Sorting, grouping, joining, indexes and `DISTINCT` all mean this order, and equality and hashing follow
//! from it: `a == b` exactly if neither is less.
//!
//! - Values of one class compare as the variants of [`Value`] say.
//! - Integers, floats and decimals are one class and compare by their exact values.
//! - Values of different classes compare by class, in the order in which [`Value`] declares them after NULL.
//!   No column holds two classes; this makes the order total where an expression mixes them.
//! - NULL is greater than everything: NULLS LAST where ascending, as in PostgreSQL.
//!
//! JSON is ordered by kind: null, strings, numbers, booleans, arrays, objects. Within a kind as values are.
//! A shorter array or an object of fewer members is less; of one size, arrays compare item by item and objects
//! member by member, in the order of the keys and by key first. The order of an object's members does not
//! count.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use serde_json::Value as Json;

use super::{Value, number};

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Int(left), Self::Int(right)) => left.cmp(right),
            (Self::Int(left), Self::Float(right)) => number::compare_int_float(*left, *right),
            (Self::Int(left), Self::Decimal(right)) => rust_decimal::Decimal::from(*left).cmp(right),
            (Self::Float(left), Self::Int(right)) => number::compare_int_float(*right, *left).reverse(),
            (Self::Float(left), Self::Float(right)) => number::compare_floats(*left, *right),
            (Self::Float(left), Self::Decimal(right)) => {
                number::compare_decimal_float(*right, *left).reverse()
            }
            (Self::Decimal(left), Self::Int(right)) => left.cmp(&(*right).into()),
            (Self::Decimal(left), Self::Float(right)) => number::compare_decimal_float(*left, *right),
            (Self::Decimal(left), Self::Decimal(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (Self::Bytes(left), Self::Bytes(right)) => left.cmp(right),
            (Self::Date(left), Self::Date(right)) => left.cmp(right),
            (Self::Time(left), Self::Time(right)) => left.cmp(right),
            (Self::Timestamp(left), Self::Timestamp(right)) => left.cmp(right),
            (Self::Duration(left), Self::Duration(right)) => left.cmp(right),
            (Self::Uuid(left), Self::Uuid(right)) => left.cmp(right),
            (Self::Json(left), Self::Json(right)) => compare_json(left, right),
            _ => self.class_rank().cmp(&other.class_rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            // Strings of different lengths differ without a look at them.
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::Bytes(left), Self::Bytes(right)) => left == right,
            _ => self.cmp(other).is_eq(),
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.class_rank().hash(state);
        match self {
            Self::Null => {}
            Self::Bool(bool) => bool.hash(state),
            Self::Int(int) => number::hash_int(*int, state),
            Self::Float(float) => number::hash_float(*float, state),
            Self::Decimal(decimal) => number::hash_decimal(*decimal, state),
            Self::Text(text) => text.hash(state),
            Self::Bytes(bytes) => bytes.hash(state),
            Self::Date(date) => date.hash(state),
            Self::Time(time) => time.hash(state),
            Self::Timestamp(timestamp) => timestamp.hash(state),
            Self::Duration(duration) => duration.hash(state),
            Self::Uuid(uuid) => uuid.hash(state),
            Self::Json(json) => hash_json(json, state),
        }
    }
}

impl Value {
    /// Where the class stands among the others; numbers are one class.
    fn class_rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) | Self::Float(_) | Self::Decimal(_) => 1,
            Self::Text(_) => 2,
            Self::Bytes(_) => 3,
            Self::Date(_) => 4,
            Self::Time(_) => 5,
            Self::Timestamp(_) => 6,
            Self::Duration(_) => 7,
            Self::Uuid(_) => 8,
            Self::Json(_) => 9,
            Self::Null => 10,
        }
    }
}

fn compare_json(left: &Json, right: &Json) -> Ordering {
    match (left, right) {
        (Json::Bool(left), Json::Bool(right)) => left.cmp(right),
        (Json::Number(left), Json::Number(right)) => json_number(left).cmp(&json_number(right)),
        (Json::String(left), Json::String(right)) => left.cmp(right),
        (Json::Array(left), Json::Array(right)) => left.len().cmp(&right.len()).then_with(|| {
            first_difference(left.iter().zip(right).map(|(left, right)| compare_json(left, right)))
        }),
        (Json::Object(left), Json::Object(right)) => left.len().cmp(&right.len()).then_with(|| {
            let members = json_members(left).into_iter().zip(json_members(right));
            first_difference(members.map(|((left_key, left), (right_key, right))| {
                left_key.cmp(right_key).then_with(|| compare_json(left, right))
            }))
        }),
        _ => json_kind_rank(left).cmp(&json_kind_rank(right)),
    }
}

fn first_difference(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn hash_json<H: Hasher>(json: &Json, state: &mut H) {
    json_kind_rank(json).hash(state);
    match json {
        Json::Null => {}
        Json::Bool(bool) => bool.hash(state),
        Json::Number(number) => json_number(number).hash(state),
        Json::String(text) => text.hash(state),
        Json::Array(items) => {
            items.len().hash(state);
            items.iter().for_each(|item| hash_json(item, state));
        }
        Json::Object(object) => {
            object.len().hash(state);
            for (key, member) in json_members(object) {
                key.hash(state);
                hash_json(member, state);
            }
        }
    }
}

/// Where the kind of JSON stands among the others.
pub(crate) fn json_kind_rank(json: &Json) -> u8 {
    match json {
        Json::Null => 0,
        Json::String(_) => 1,
        Json::Number(_) => 2,
        Json::Bool(_) => 3,
        Json::Array(_) => 4,
        Json::Object(_) => 5,
    }
}

/// The members in the order of their keys, also where another crate of the program has made
/// `serde_json` keep them in the order of insertion.
pub(crate) fn json_members(object: &serde_json::Map<String, Json>) -> Vec<(&String, &Json)> {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_unstable_by_key(|(key, _)| *key);
    members
}

/// The number as a value, which compares exactly.
pub(crate) fn json_number(number: &serde_json::Number) -> Value {
    let int = number.as_i64().map(Value::Int);
    int.or_else(|| number.as_u64().map(Value::from))
        .or_else(|| number.as_f64().map(Value::Float))
        .unwrap_or(Value::Null)
}
