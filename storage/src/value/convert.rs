//! Values from the types of Rust.

use std::borrow::Cow;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::Value;

/// Implements `From<$from> for Value` for types that need no more than a constructor.
macro_rules! value_from {
    ($($from:ty => |$name:ident| $value:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($name: $from) -> Self {
                $value
            }
        })*
    };
}

value_from! {
    bool => |bool| Self::Bool(bool);
    i8 => |int| Self::Int(int.into());
    i16 => |int| Self::Int(int.into());
    i32 => |int| Self::Int(int.into());
    i64 => |int| Self::Int(int);
    u8 => |int| Self::Int(int.into());
    u16 => |int| Self::Int(int.into());
    u32 => |int| Self::Int(int.into());
    f32 => |float| Self::Float(float.into());
    f64 => |float| Self::Float(float);
    Decimal => |decimal| Self::Decimal(decimal);
    &str => |text| Self::Text(text.to_owned());
    String => |text| Self::Text(text);
    Cow<'_, str> => |text| Self::Text(text.into_owned());
    char => |character| Self::Text(character.to_string());
    &[u8] => |bytes| Self::Bytes(bytes.into());
    Vec<u8> => |bytes| Self::Bytes(bytes.into());
    Box<[u8]> => |bytes| Self::Bytes(bytes);
    Date => |date| Self::Date(date);
    Time => |time| Self::Time(time);
    Timestamp => |timestamp| Self::Timestamp(timestamp);
    SignedDuration => |duration| Self::Duration(duration);
    Uuid => |uuid| Self::Uuid(uuid);
    serde_json::Value => |json| Self::Json(Box::new(json));
}

/// Beyond `i64::MAX` the integer becomes a decimal, so that no `u64` is misread or refused here; a column
/// of integers then says that it is out of range.
impl From<u64> for Value {
    fn from(int: u64) -> Self {
        i64::try_from(int).map_or_else(|_| Self::Decimal(int.into()), Self::Int)
    }
}

/// `None` is NULL.
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsigned_integer_keeps_its_value_also_beyond_i64() {
        assert_eq!(Value::from(7_u64).as_int(), Some(7));
        assert_eq!(Value::from(u64::MAX).to_string(), "18446744073709551615");
    }

    #[test]
    fn none_is_null() {
        assert!(Value::from(None::<&str>).is_null());
        assert_eq!(Value::from(Some("x")).as_text(), Some("x"));
    }
}
