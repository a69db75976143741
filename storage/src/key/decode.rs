//! Keys back into values, for index-only reads and for errors that say which key was meant.

use uuid::Uuid;

use super::{
    KeyPart, NOT_NULL, NULL_FIRST, NULL_LAST, decimal, escape, flip_of, float_from_bytes, int_from_bytes,
};
use crate::error::Error;
use crate::value::{DataType, Value};

/// The values of a whole key.
///
/// ```
/// use nuages_storage::key::{KeyBuffer, KeyPart, decode};
/// use nuages_storage::value::{DataType, Value};
/// let parts = [KeyPart::DESCENDING.nullable(), KeyPart::ASCENDING];
/// let mut key = KeyBuffer::new();
/// key.push_text(parts[0], "alice");
/// key.push_int(parts[1], 7);
/// let types = [DataType::Text { max_length: None }, DataType::BigInt];
/// assert_eq!(decode(key.as_slice(), &parts, &types), Ok(vec![Value::from("alice"), Value::from(7)]));
/// ```
///
/// # Errors
/// [`Error::KeyNotDecodable`] at the first part that is not of its type, or is JSON.
pub fn decode(key: &[u8], parts: &[KeyPart], types: &[DataType]) -> Result<Vec<Value>, Error> {
    let mut reader = KeyReader::new(key);
    parts.iter().zip(types).map(|(part, data_type)| reader.read(*part, data_type)).collect()
}

/// Reads a key part by part, in the order in which they were pushed.
#[derive(Clone, Debug)]
pub struct KeyReader<'k> {
    key: &'k [u8],
    offset: usize,
}

impl<'k> KeyReader<'k> {
    /// A reader at the first part of `key`.
    #[must_use]
    pub fn new(key: &'k [u8]) -> Self {
        Self { key, offset: 0 }
    }

    /// The value of the next part. A decimal gets the scale of its type, so that it reads as its column
    /// does; see [`DataType::key_is_lossless`] for what does not.
    ///
    /// # Errors
    /// [`Error::KeyNotDecodable`] if the part is not of this type, or is JSON.
    pub fn read(&mut self, part: KeyPart, data_type: &DataType) -> Result<Value, Error> {
        let offset = self.offset;
        self.read_part(part, data_type).ok_or(Error::KeyNotDecodable { data_type: *data_type, offset })
    }

    fn read_part(&mut self, part: KeyPart, data_type: &DataType) -> Option<Value> {
        if part.nullable {
            match self.read_fixed(0)? {
                [NOT_NULL] => {}
                [NULL_FIRST | NULL_LAST] => return Some(Value::Null),
                _ => return None,
            }
        }
        let flip = flip_of(part);
        Some(match data_type {
            DataType::Bool => Value::Bool(self.read_fixed(flip)? != [0]),
            DataType::Float => Value::Float(float_from_bytes(self.read_fixed(flip)?)),
            DataType::Uuid => Value::Uuid(Uuid::from_bytes(self.read_fixed(flip)?)),
            DataType::Bytes => Value::from(self.read_with(flip, escape::decode)?),
            DataType::Text { .. } => {
                Value::Text(String::from_utf8(self.read_with(flip, escape::decode)?).ok()?)
            }
            DataType::Decimal { scale, .. } => {
                let mut decimal = self.read_with(flip, decimal::decode)?;
                decimal.rescale(decimal.scale().max(u32::from(*scale)));
                Value::Decimal(decimal)
            }
            DataType::Json => return None,
            DataType::SmallInt
            | DataType::Integer
            | DataType::BigInt
            | DataType::Date
            | DataType::Time
            | DataType::Timestamp
            | DataType::Duration => {
                let int = int_from_bytes(self.read_fixed(flip)?);
                return data_type.value_from_word(int.cast_unsigned());
            }
        })
    }

    fn read_fixed<const N: usize>(&mut self, flip: u8) -> Option<[u8; N]> {
        let bytes: &[u8; N] = self.key.get(self.offset..)?.first_chunk()?;
        self.offset += N;
        Some(bytes.map(|byte| byte ^ flip))
    }

    fn read_with<T>(&mut self, flip: u8, decode: impl FnOnce(&[u8], u8) -> Option<(T, usize)>) -> Option<T> {
        let (value, taken) = decode(self.key.get(self.offset..)?, flip)?;
        self.offset += taken;
        Some(value)
    }
}
