//! Rust's own types as fields.

use nuages_storage::DataType;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Date, DateTime, DecodeError, Duration, Field, Json, RowReader, RowWriter, Time};
use crate::expression::class;
use crate::path::NotNull;

/// A field whose type is its own base.
macro_rules! field {
    ($($type:ty: $class:ident, $data_type:expr, {
        $(unsigned: $max:expr,)?
        encode: |$this:ident, $writer:ident, $column:ident| $encode:expr,
        decode: |$reader:ident, $at:ident| $decode:expr,
    })*) => {$(
        impl Field for $type {
            type Base = $type;
            type Class = class::$class;
            type Null = NotNull;
            const DATA_TYPE: DataType = $data_type;
            $(const UNSIGNED: Option<i64> = Some($max);)?

            fn base(&self) -> Option<&$type> {
                Some(self)
            }

            fn encode<W: RowWriter>(&self, $writer: &mut W, $column: usize) {
                let $this = self;
                $encode;
            }

            #[inline]
            fn decode<R: RowReader + ?Sized>($reader: &R, $at: usize) -> Result<Self, DecodeError> {
                $decode.ok_or_else(|| DecodeError::new($reader, $at, $data_type))
            }

            // What is there is looked at once: only what is not may be NULL.
            #[inline]
            fn decode_optional<R: RowReader + ?Sized>(
                $reader: &R,
                $at: usize,
            ) -> Result<Option<Self>, DecodeError> {
                match $decode {
                    None if !$reader.is_null($at) => Err(DecodeError::new($reader, $at, $data_type)),
                    read => Ok(read),
                }
            }
        }
    )*};
}

/// A double as the nearest single, if it is in its range.
#[expect(clippy::cast_possible_truncation, reason = "it is rounded on purpose, and its range is looked at")]
fn narrow(double: f64) -> Option<f32> {
    let single = double as f32;
    (single.is_finite() || !double.is_finite()).then_some(single)
}

field! {
    bool: Boolean, DataType::Bool, {
        encode: |this, row, column| row.bool(column, *this),
        decode: |row, column| row.bool(column),
    }
    i16: Number, DataType::SmallInt, {
        encode: |this, row, column| row.int(column, i64::from(*this)),
        decode: |row, column| row.int(column).and_then(|int| i16::try_from(int).ok()),
    }
    i32: Number, DataType::Integer, {
        encode: |this, row, column| row.int(column, i64::from(*this)),
        decode: |row, column| row.int(column).and_then(|int| i32::try_from(int).ok()),
    }
    i64: Number, DataType::BigInt, {
        encode: |this, row, column| row.int(column, *this),
        decode: |row, column| row.int(column),
    }
    u8: Number, DataType::SmallInt, {
        unsigned: u8::MAX as i64,
        encode: |this, row, column| row.int(column, i64::from(*this)),
        decode: |row, column| row.int(column).and_then(|int| u8::try_from(int).ok()),
    }
    u16: Number, DataType::Integer, {
        unsigned: u16::MAX as i64,
        encode: |this, row, column| row.int(column, i64::from(*this)),
        decode: |row, column| row.int(column).and_then(|int| u16::try_from(int).ok()),
    }
    u32: Number, DataType::BigInt, {
        unsigned: u32::MAX as i64,
        encode: |this, row, column| row.int(column, i64::from(*this)),
        decode: |row, column| row.int(column).and_then(|int| u32::try_from(int).ok()),
    }
    u64: Number, DataType::BigInt, {
        unsigned: i64::MAX,
        // Beyond 63 bits the number goes on as a decimal, which the column refuses with its limits.
        encode: |this, row, column| match i64::try_from(*this) {
            Ok(int) => row.int(column, int),
            Err(_) => row.decimal(column, Decimal::from(*this)),
        },
        decode: |row, column| row.int(column).and_then(|int| u64::try_from(int).ok()),
    }
    f32: Number, DataType::Float, {
        encode: |this, row, column| row.float(column, f64::from(*this)),
        decode: |row, column| row.float(column).and_then(narrow),
    }
    f64: Number, DataType::Float, {
        encode: |this, row, column| row.float(column, *this),
        decode: |row, column| row.float(column),
    }
    Decimal: Number, DataType::Decimal { precision: 28, scale: 10 }, {
        encode: |this, row, column| row.decimal(column, *this),
        decode: |row, column| row.decimal(column),
    }
    String: Text, DataType::Text { max_length: None }, {
        encode: |this, row, column| row.text(column, this),
        decode: |row, column| row.text(column).map(String::from),
    }
    Vec<u8>: Binary, DataType::Bytes, {
        encode: |this, row, column| row.bytes(column, this),
        decode: |row, column| row.bytes(column).map(<[u8]>::to_vec),
    }
    Date: Day, DataType::Date, {
        encode: |this, row, column| row.date(column, *this),
        decode: |row, column| row.date(column),
    }
    Time: Clock, DataType::Time, {
        encode: |this, row, column| row.time(column, *this),
        decode: |row, column| row.time(column),
    }
    DateTime: Instant, DataType::Timestamp, {
        encode: |this, row, column| row.timestamp(column, *this),
        decode: |row, column| row.timestamp(column),
    }
    Duration: Span, DataType::Duration, {
        encode: |this, row, column| row.duration(column, *this),
        decode: |row, column| row.duration(column),
    }
    Uuid: Unique, DataType::Uuid, {
        encode: |this, row, column| row.uuid(column, *this),
        decode: |row, column| row.uuid(column),
    }
    Json: Document, DataType::Json, {
        encode: |this, row, column| row.json(column, this),
        decode: |row, column| row.json(column),
    }
}
