//! JSON, in the order described in `value::order`: the kind, then what it holds.

use serde_json::Value as Json;

use super::bytes::KeyBytes;
use super::{escape, float_bytes};
use crate::value::Value;
use crate::value::order::{json_kind_rank, json_members, json_number};

pub(super) fn encode(key: &mut KeyBytes, json: &Json) {
    key.push(json_kind_rank(json));
    match json {
        Json::Null => {}
        Json::String(text) => escape::encode(key, text.as_bytes()),
        Json::Number(number) => encode_number(key, &json_number(number)),
        Json::Bool(bool) => key.push(u8::from(*bool)),
        Json::Array(items) => {
            encode_length(key, items.len());
            items.iter().for_each(|item| encode(key, item));
        }
        Json::Object(object) => {
            encode_length(key, object.len());
            for (name, member) in json_members(object) {
                escape::encode(key, name.as_bytes());
                encode(key, member);
            }
        }
    }
}

fn encode_length(key: &mut KeyBytes, length: usize) {
    key.push_array((length as u64).to_be_bytes());
}

/// The nearest float and how far the number is above it, at most half the distance of two floats below
/// 2^64. Rounding to the nearest never turns an order round, so the pairs sort as the numbers do, and an
/// integer and a float that are equal have the same.
fn encode_number(key: &mut KeyBytes, number: &Value) {
    let (nearest, above) = match number {
        Value::Int(int) => nearest_float((*int).into()),
        Value::Decimal(int) => nearest_float(int.mantissa()),
        number => (number.as_float().unwrap_or(f64::NAN), 0),
    };
    key.push_array(float_bytes(nearest));
    key.push_array((above.cast_unsigned() ^ (1 << 15)).to_be_bytes());
}

fn nearest_float(int: i128) -> (f64, i16) {
    let nearest = int as f64;
    (nearest, (int - nearest as i128) as i16)
}
