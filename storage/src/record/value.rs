//! Values, slots and row ids.

use std::borrow::Cow;

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LaneRecord, RowIdsRecord, SlotRecord};
use crate::codec::{self, Malformed};
use crate::layout::Slot;
use crate::leaf::RowId;
use crate::value::{Lane, Value, json_from_stored, temporal};

/// One value, exactly as it is: also a time finer than a column keeps, as a literal may have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ValueRecord<'a> {
    /// No value.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// The bits of a double.
    Float(u64),
    /// A decimal: its number without the point, and how many digits stand after that.
    Decimal(i128, u32),
    /// A text.
    Text(#[serde(borrow)] Cow<'a, str>),
    /// Bytes.
    Bytes(#[serde(borrow, serialize_with = "codec::bytes")] Cow<'a, [u8]>),
    /// Days since 1970-01-01.
    Date(i64),
    /// Nanoseconds since midnight.
    Time(i64),
    /// Nanoseconds since the epoch.
    Timestamp(i128),
    /// Nanoseconds.
    Duration(i128),
    /// A UUID.
    Uuid(u128),
    /// JSON, as its text.
    Json(#[serde(borrow)] Cow<'a, str>),
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;

impl<'a> From<&'a Value> for ValueRecord<'a> {
    fn from(value: &'a Value) -> ValueRecord<'a> {
        match value {
            Value::Null => ValueRecord::Null,
            Value::Bool(bool) => ValueRecord::Bool(*bool),
            Value::Int(int) => ValueRecord::Int(*int),
            Value::Float(float) => ValueRecord::Float(float.to_bits()),
            Value::Decimal(decimal) => ValueRecord::Decimal(decimal.mantissa(), decimal.scale()),
            Value::Text(text) => ValueRecord::Text(text.into()),
            Value::Bytes(bytes) => ValueRecord::Bytes(Cow::Borrowed(bytes)),
            Value::Date(date) => ValueRecord::Date(temporal::date_to_days(*date)),
            Value::Time(time) => ValueRecord::Time(nanos_of(*time)),
            Value::Timestamp(timestamp) => ValueRecord::Timestamp(timestamp.as_nanosecond()),
            Value::Duration(duration) => ValueRecord::Duration(duration.as_nanos()),
            Value::Uuid(uuid) => ValueRecord::Uuid(uuid.as_u128()),
            Value::Json(json) => ValueRecord::Json(json.to_string().into()),
        }
    }
}

impl TryFrom<ValueRecord<'_>> for Value {
    type Error = Malformed;

    fn try_from(record: ValueRecord<'_>) -> Result<Value, Malformed> {
        let out_of_range = || Malformed::new("a value", "it is out of the range of its type");
        Ok(match record {
            ValueRecord::Null => Value::Null,
            ValueRecord::Bool(bool) => Value::Bool(bool),
            ValueRecord::Int(int) => Value::Int(int),
            ValueRecord::Float(bits) => Value::Float(f64::from_bits(bits)),
            ValueRecord::Decimal(number, scale) => {
                Value::Decimal(Decimal::try_from_i128_with_scale(number, scale).map_err(|_| out_of_range())?)
            }
            ValueRecord::Text(text) => Value::Text(text.into_owned()),
            ValueRecord::Bytes(bytes) => bytes.into_owned().into(),
            ValueRecord::Date(days) => Value::Date(temporal::date_from_days(days).ok_or_else(out_of_range)?),
            ValueRecord::Time(nanos) => Value::Time(time_from(nanos).ok_or_else(out_of_range)?),
            ValueRecord::Timestamp(nanos) => {
                Value::Timestamp(Timestamp::from_nanosecond(nanos).map_err(|_| out_of_range())?)
            }
            ValueRecord::Duration(nanos) => Value::Duration(duration_from(nanos).ok_or_else(out_of_range)?),
            ValueRecord::Uuid(uuid) => Value::Uuid(Uuid::from_u128(uuid)),
            ValueRecord::Json(text) => json_from_stored(&text).into(),
        })
    }
}

fn nanos_of(time: Time) -> i64 {
    let minutes = i64::from(time.hour()) * 60 + i64::from(time.minute());
    (minutes * 60 + i64::from(time.second())) * NANOS_PER_SECOND + i64::from(time.subsec_nanosecond())
}

fn time_from(nanos: i64) -> Option<Time> {
    let midnight = Time::midnight();
    let time = midnight.checked_add(SignedDuration::from_nanos(nanos)).ok()?;
    (nanos >= 0).then_some(time)
}

fn duration_from(nanos: i128) -> Option<SignedDuration> {
    let per_second = i128::from(NANOS_PER_SECOND);
    let seconds = i64::try_from(nanos / per_second).ok()?;
    Some(SignedDuration::new(seconds, i32::try_from(nanos % per_second).ok()?))
}

impl<'a> From<&'a Slot> for SlotRecord<'a> {
    fn from(slot: &'a Slot) -> SlotRecord<'a> {
        let lane = match slot.lane {
            Lane::RowId => LaneRecord::RowId,
            Lane::Bit => LaneRecord::Bit,
            Lane::Word => LaneRecord::Word,
            Lane::Wide => LaneRecord::Wide,
            Lane::Text => LaneRecord::Text,
            Lane::Bytes => LaneRecord::Bytes,
        };
        SlotRecord { lane, default: (&slot.default).into() }
    }
}

impl TryFrom<SlotRecord<'_>> for Slot {
    type Error = Malformed;

    fn try_from(record: SlotRecord<'_>) -> Result<Slot, Malformed> {
        let lane = match record.lane {
            LaneRecord::RowId => Lane::RowId,
            LaneRecord::Bit => Lane::Bit,
            LaneRecord::Word => Lane::Word,
            LaneRecord::Wide => Lane::Wide,
            LaneRecord::Text => Lane::Text,
            LaneRecord::Bytes => Lane::Bytes,
        };
        Ok(Slot { lane, default: record.default.try_into()? })
    }
}

impl RowIdsRecord {
    pub(crate) fn of(row_ids: impl IntoIterator<Item = i64>) -> RowIdsRecord {
        let mut last = 0_i64;
        let distance = |row_id: i64| row_id.wrapping_sub(std::mem::replace(&mut last, row_id));
        RowIdsRecord(row_ids.into_iter().map(distance).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().scan(0_i64, |last, distance| {
            *last = last.wrapping_add(*distance);
            Some(*last)
        })
    }

    pub(crate) fn row_ids(&self) -> impl Iterator<Item = RowId> + '_ {
        self.iter().map(RowId::new)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::{decode, encode};
    use crate::value::strategy;

    proptest! {
        #[test]
        fn a_value_comes_back_as_it_was(value in strategy::value()) {
            let bytes = encode(&ValueRecord::from(&value));
            let back = Value::try_from(decode::<ValueRecord<'_>>("a value", &bytes).unwrap()).unwrap();
            prop_assert_eq!(back, value);
        }

        #[test]
        fn row_ids_come_back_whatever_their_order(row_ids: Vec<i64>) {
            let record = RowIdsRecord::of(row_ids.iter().copied());
            prop_assert_eq!(record.iter().collect::<Vec<_>>(), row_ids);
        }
    }

    #[test]
    fn values_out_of_range_are_malformed() {
        let (day, before) = (86_400 * NANOS_PER_SECOND, -1);
        for record in [
            ValueRecord::Date(i64::MAX),
            ValueRecord::Time(day),
            ValueRecord::Time(before),
            ValueRecord::Timestamp(i128::MAX),
            ValueRecord::Duration(i128::MAX),
            ValueRecord::Decimal(i128::MAX, 0),
            ValueRecord::Decimal(1, 29),
        ] {
            assert!(Value::try_from(record.clone()).is_err(), "{record:?}");
        }
    }
}
