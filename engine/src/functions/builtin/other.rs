//! Functions of values of any type, and UUIDs.

use std::hash::{BuildHasher, RandomState};

use nuages_storage::Value;
use uuid::Uuid;

use super::{ANY, Builtin, INT, Overload, TEXT, Takes, UUID, table};
use crate::functions::Call;
use crate::vector::Vector;

pub(super) const TABLE: &[Builtin] = table! {
    "num_nulls" [ANY; more] => INT, |call| count(call, Value::is_null);
    "num_nonnulls" [ANY; more] => INT, |call| count(call, |value| !value.is_null());
    // `(1,"a b",)`: the parts of a row as PostgreSQL writes it.
    "row_as_text" [ | ANY; more] => TEXT, |call| call.texts_where(call.selection, &mut |row, heap| {
        heap.push('(');
        for place in 0..call.count() {
            if place > 0 {
                heap.push(',');
            }
            match call.value(place, row) {
                Value::Null => {}
                Value::Bool(bool) => heap.push(if bool { 't' } else { 'f' }),
                value => push_part(&value.to_string(), heap),
            }
        }
        heap.push(')');
        Ok(())
    });
    // SQLite's `random()`: any integer.
    "random_integer" (volatile) [] => INT, |call| {
        call.values(INT, |_| Ok(Some(Value::Int(RandomState::new().hash_one(0).cast_signed()))))
    };
    "gen_random_uuid" (volatile) [] => UUID, |call| {
        call.values(UUID, |_| Ok(Some(Value::Uuid(Uuid::new_v4()))))
    };
};

/// A part of a row, in quotes if it would be read as something else without.
fn push_part(text: &str, heap: &mut String) {
    let is_plain =
        |character: char| !matches!(character, '"' | '\\' | '(' | ')' | ',') && !character.is_whitespace();
    if !text.is_empty() && text.chars().all(is_plain) {
        heap.push_str(text);
        return;
    }
    heap.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            heap.push(character);
        }
        heap.push(character);
    }
    heap.push('"');
}

/// How many of the arguments are so, none of which makes the result NULL.
fn count(call: &Call<'_>, is: fn(&Value) -> bool) -> Result<Vector<'static>, crate::error::Error> {
    call.values_where(INT, call.selection, |row| {
        let found = (0..call.count()).filter(|place| is(&call.value(*place, row))).count();
        Ok(Some(Value::Int(i64::try_from(found).unwrap_or(i64::MAX))))
    })
}
