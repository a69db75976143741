//! Functions of values of any type, and UUIDs.

use nuages_storage::Value;
use uuid::Uuid;

use super::{ANY, Builtin, INT, Overload, Takes, UUID, table};
use crate::functions::Call;
use crate::vector::Vector;

pub(super) const TABLE: &[Builtin] = table! {
    "num_nulls" [ANY; more] => INT, |call| count(call, Value::is_null);
    "num_nonnulls" [ANY; more] => INT, |call| count(call, |value| !value.is_null());
    "gen_random_uuid" (volatile) [] => UUID, |call| {
        call.values(UUID, |_| Ok(Some(Value::Uuid(Uuid::new_v4()))))
    };
};

/// How many of the arguments are so, none of which makes the result NULL.
fn count(call: &Call<'_>, is: fn(&Value) -> bool) -> Result<Vector<'static>, crate::error::Error> {
    call.values_where(INT, call.selection, |row| {
        let found = (0..call.count()).filter(|place| is(&call.value(*place, row))).count();
        Ok(Some(Value::Int(i64::try_from(found).unwrap_or(i64::MAX))))
    })
}
