//! Index keys: values encoded as bytes that sort as the values do.
//!
//! An index compares keys of any number of columns, of any type, ascending or descending, with one `memcmp`.
//! The parts of a key follow each other; each is:
//!
//! ```text
//! NOT NULL part:      payload
//! nullable part:      01 payload, or for NULL: 02 (NULLs last), 00 (NULLs first)
//! ```
//!
//! | class | payload, ascending |
//! |---|---|
//! | boolean | one byte, 0 or 1 |
//! | integer, date, time, timestamp, duration | 8 bytes, big-endian, sign bit flipped |
//! | float | 8 bytes, big-endian, sign bit flipped, or all bits if negative; one zero and one NaN |
//! | UUID | its 16 bytes |
//! | text, bytes | the bytes, 00 and 01 escaped as 01 01 and 01 02, then 00 |
//! | decimal | one byte of sign and exponent, then pairs of digits (`decimal`) |
//! | JSON | one byte for its kind, then as above (`json`) |
//!
//! A descending part is the same with every bit of the payload flipped. No payload is the beginning of
//! another one, so the parts after it never decide what it should have decided; and the encoding of the
//! first parts of a key is the common beginning of exactly the keys that start with these values. So ranges
//! over the first columns of an index need nothing but [`prefix_end`].
//!
//! The order agrees with that of [`Value`] within one class; the values of one column always are of one.
//! Equal values have equal keys: a key forgets the scale of a decimal and the sign of zero.
//!
//! Order of reading: this file, `bytes`, `escape`, `decimal`, `json`, and `decode` for the way back.

mod bytes;
mod decimal;
mod decode;
mod escape;
mod json;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use rust_decimal::Decimal;
use uuid::Uuid;

use bytes::KeyBytes;
pub use decode::{KeyReader, decode};

use crate::error::Error;
use crate::value::{DataType, Value};

/// The longest key an index takes, in bytes. At the trees' fanout a node of such keys is 64 KB; text that is
/// longer is better found by a hash of it.
pub const KEY_BYTES_MAX: usize = 4_096;

const NULL_FIRST: u8 = 0;
const NOT_NULL: u8 = 1;
const NULL_LAST: u8 = 2;

const SIGN_BIT: u64 = 1 << 63;

/// How one column of an index is encoded.
///
/// ```
/// use nuages_storage::key::KeyPart;
/// let newest_first = KeyPart::DESCENDING.nullable();
/// assert!(newest_first.nulls_first);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyPart {
    /// The greatest value first.
    pub descending: bool,
    /// Whether NULL can occur. If not, the part does without its first byte.
    pub nullable: bool,
    /// NULL before every value and not after; without effect if not nullable.
    pub nulls_first: bool,
}

impl KeyPart {
    /// A NOT NULL column, the least value first.
    pub const ASCENDING: Self = Self { descending: false, nullable: false, nulls_first: false };
    /// A NOT NULL column, the greatest value first.
    pub const DESCENDING: Self = Self { descending: true, nullable: false, nulls_first: true };

    /// The same for a column that may be NULL: last if ascending, first if descending, since NULL is the
    /// greatest value.
    #[must_use]
    pub const fn nullable(self) -> Self {
        Self { nullable: true, nulls_first: self.descending, ..self }
    }

    /// The same with the place of NULL said explicitly.
    #[must_use]
    pub const fn with_nulls_first(self, nulls_first: bool) -> Self {
        Self { nulls_first, ..self }
    }
}

impl DataType {
    /// Whether a value can be read back from its key exactly as it was stored. JSON cannot be read back at
    /// all, and `-0.0` comes back as `0.0`.
    #[must_use]
    pub fn key_is_lossless(&self) -> bool {
        !matches!(self, Self::Float | Self::Json)
    }
}

/// A key being put together, part by part, in the order of the index's columns.
///
/// ```
/// use nuages_storage::key::{KeyBuffer, KeyPart};
/// let mut alice = KeyBuffer::new();
/// alice.push_int(KeyPart::ASCENDING, 7);
/// assert_eq!(alice.len(), 8);
/// alice.push_text(KeyPart::ASCENDING, "alice");
/// let mut bob = KeyBuffer::new();
/// bob.push_int(KeyPart::ASCENDING, 7);
/// bob.push_text(KeyPart::ASCENDING, "bob");
/// assert!(alice < bob);
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeyBuffer(KeyBytes);

impl KeyBuffer {
    /// An empty key: the beginning of every key.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes so far.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The number of bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing has been pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// Begins a new key in the same memory.
    pub fn clear(&mut self) {
        self.0.truncate(0);
    }

    /// Goes back to the first `len` bytes: to a length that [`len`](Self::len) gave between two parts.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// The bytes of a finished key that is to be put into an index.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`] beyond [`KEY_BYTES_MAX`].
    pub fn checked(&self) -> Result<&[u8], Error> {
        match self.len() {
            0..=KEY_BYTES_MAX => Ok(self.as_slice()),
            bytes => Err(Error::KeyTooLong { bytes, max: KEY_BYTES_MAX }),
        }
    }

    /// Goes on to the least key that is greater than every key that begins with this one; false, and nothing is changed,
    /// if there is none (see [`prefix_end`]).
    ///
    /// ```
    /// use nuages_storage::key::{KeyBuffer, KeyPart};
    /// let (mut seven, mut eight) = (KeyBuffer::new(), KeyBuffer::new());
    /// seven.push_int(KeyPart::ASCENDING, 7);
    /// eight.push_int(KeyPart::ASCENDING, 8);
    /// assert!(seven.go_to_end());
    /// assert_eq!(seven, eight);
    /// ```
    #[must_use]
    pub fn go_to_end(&mut self) -> bool {
        let Some(last) = self.as_slice().iter().rposition(|byte| *byte < u8::MAX) else { return false };
        self.0.truncate(last + 1);
        self.0.as_mut_slice()[last] += 1;
        true
    }

    /// Adds a NULL; `part` must be nullable.
    pub fn push_null(&mut self, part: KeyPart) {
        debug_assert!(part.nullable, "NULL in a key part that is declared NOT NULL");
        self.0.push(if part.nulls_first { NULL_FIRST } else { NULL_LAST });
    }

    /// Adds what all values of the part but NULL begin with: as a last part, the bound of the values from
    /// the NULLs. Adds nothing if the part is not nullable.
    #[inline]
    pub fn push_not_null(&mut self, part: KeyPart) {
        if part.nullable {
            self.0.push(NOT_NULL);
        }
    }

    /// Adds a boolean.
    pub fn push_bool(&mut self, part: KeyPart, bool: bool) {
        self.push_fixed(part, [u8::from(bool)]);
    }

    /// Adds an integer, or a date or time as the integer it is stored as.
    #[inline]
    pub fn push_int(&mut self, part: KeyPart, int: i64) {
        self.push_fixed(part, int_bytes(int));
    }

    /// Adds a float.
    pub fn push_float(&mut self, part: KeyPart, float: f64) {
        self.push_fixed(part, float_bytes(float));
    }

    /// Adds a decimal.
    pub fn push_decimal(&mut self, part: KeyPart, decimal: Decimal) {
        self.push_with(part, |bytes| decimal::encode(bytes, decimal));
    }

    /// Adds a text.
    pub fn push_text(&mut self, part: KeyPart, text: &str) {
        self.push_bytes(part, text.as_bytes());
    }

    /// Adds what all texts that begin with `prefix` begin with. It can only be the last part: with
    /// [`prefix_end`] it gives the range of `startswith`, whichever way the part is sorted.
    pub fn push_text_prefix(&mut self, part: KeyPart, prefix: &str) {
        self.push_with(part, |bytes| escape::encode_open(bytes, prefix.as_bytes()));
    }

    /// Adds a byte string.
    pub fn push_bytes(&mut self, part: KeyPart, bytes: &[u8]) {
        self.push_with(part, |key| escape::encode(key, bytes));
    }

    /// Adds a UUID.
    pub fn push_uuid(&mut self, part: KeyPart, uuid: Uuid) {
        self.push_fixed(part, uuid.into_bytes());
    }

    /// Adds any value, encoded by its own class: a value to compare with a column must first be of the
    /// column's class.
    pub fn push_value(&mut self, part: KeyPart, value: &Value) {
        match value {
            Value::Int(int) => self.push_int(part, *int),
            Value::Null => self.push_null(part),
            Value::Bool(bool) => self.push_bool(part, *bool),
            Value::Float(float) => self.push_float(part, *float),
            Value::Decimal(decimal) => self.push_decimal(part, *decimal),
            Value::Text(text) => self.push_text(part, text),
            Value::Bytes(bytes) => self.push_bytes(part, bytes),
            Value::Uuid(uuid) => self.push_uuid(part, *uuid),
            Value::Json(json) => self.push_with(part, |bytes| json::encode(bytes, json)),
            Value::Date(_) | Value::Time(_) | Value::Timestamp(_) | Value::Duration(_) => {
                let word = value.to_word().expect("times are words");
                self.push_int(part, word.cast_signed());
            }
        }
    }

    #[inline]
    fn push_fixed<const N: usize>(&mut self, part: KeyPart, mut payload: [u8; N]) {
        self.push_not_null(part);
        if part.descending {
            payload.iter_mut().for_each(|byte| *byte = !*byte);
        }
        self.0.push_array(payload);
    }

    fn push_with(&mut self, part: KeyPart, encode: impl FnOnce(&mut KeyBytes)) {
        self.push_not_null(part);
        let start = self.0.len();
        encode(&mut self.0);
        if part.descending {
            self.0.as_mut_slice()[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
}

impl AsRef<[u8]> for KeyBuffer {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for KeyBuffer {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for KeyBuffer {}

impl PartialOrd for KeyBuffer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for KeyBuffer {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl Hash for KeyBuffer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

/// The least key that is greater than every key that begins with `prefix`; `None` if there is none, because
/// `prefix` is empty or nothing but `FF`.
///
/// ```
/// use nuages_storage::key::prefix_end;
/// assert_eq!(prefix_end(b"ab\xff").unwrap().as_slice(), b"ac");
/// assert_eq!(prefix_end(b"\xff"), None);
/// ```
#[must_use]
pub fn prefix_end(prefix: &[u8]) -> Option<KeyBuffer> {
    let mut end = KeyBuffer(KeyBytes::from(prefix));
    end.go_to_end().then_some(end)
}

fn flip_of(part: KeyPart) -> u8 {
    if part.descending { u8::MAX } else { 0 }
}

fn int_bytes(int: i64) -> [u8; 8] {
    (int.cast_unsigned() ^ SIGN_BIT).to_be_bytes()
}

fn int_from_bytes(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ SIGN_BIT).cast_signed()
}

/// The bits of a float sort as its magnitude does. With the sign bit flipped positive floats sort above
/// negative ones; with all bits flipped negative ones sort the right way round.
fn float_bytes(float: f64) -> [u8; 8] {
    let bits = match float {
        _ if float.is_nan() => f64::NAN.abs().to_bits(),
        _ if float == 0.0 => 0,
        _ => float.to_bits(),
    };
    (if bits & SIGN_BIT == 0 { bits ^ SIGN_BIT } else { !bits }).to_be_bytes()
}

fn float_from_bytes(bytes: [u8; 8]) -> f64 {
    let sortable = u64::from_be_bytes(bytes);
    f64::from_bits(if sortable & SIGN_BIT == 0 { !sortable } else { sortable ^ SIGN_BIT })
}
