//! Records as bytes. The only place that knows which format they have: that of bincode 2, with integers of variable
//! length.
//!
//! What is encoded are *records*: types that exist for this, with derived `serde` implementations, and never the types
//! that live in memory, so that the latter can change and a file can still be read. The order of the fields and
//! variants of a record is the format; new ones go to the end of an enum.
//!
//! Decoding borrows: texts and bytes of a record are slices of what was read. A record made of owned strings would let
//! a damaged length ask for any amount of memory.

use std::borrow::Cow;

use bincode::config::{Configuration, standard};
use bincode::serde::{borrow_decode_from_slice, encode_to_vec};
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

const FORMAT: Configuration = standard();

/// Bytes that are not the record they were taken for, or something that cannot become one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{record} cannot be written down or read: {reason}")]
pub struct Malformed {
    /// What it is about.
    pub record: &'static str,
    /// Why it is not that.
    pub reason: String,
}

impl Malformed {
    /// That a record says something that cannot be.
    pub fn new(record: &'static str, reason: impl Into<String>) -> Malformed {
        Malformed { record, reason: reason.into() }
    }
}

/// A record as bytes.
#[must_use]
pub fn encode(record: &impl Serialize) -> Vec<u8> {
    encode_to_vec(record, FORMAT)
        .expect("a record has only what bincode encodes, and a vector takes any bytes")
}

/// The record that these bytes are, all of them.
///
/// # Errors
/// [`Malformed`], naming `record`.
pub fn decode<'b, T: Deserialize<'b>>(record: &'static str, bytes: &'b [u8]) -> Result<T, Malformed> {
    match decode_first(record, bytes)? {
        (value, []) => Ok(value),
        (_, rest) => Err(Malformed::new(record, format!("{} bytes follow it", rest.len()))),
    }
}

/// The record that these bytes begin with, and what stands behind it.
///
/// # Errors
/// [`Malformed`], naming `record`.
pub fn decode_first<'b, T: Deserialize<'b>>(
    record: &'static str,
    bytes: &'b [u8],
) -> Result<(T, &'b [u8]), Malformed> {
    match borrow_decode_from_slice(bytes, FORMAT) {
        Ok((value, read)) => Ok((value, bytes.get(read..).unwrap_or_default())),
        Err(error) => Err(Malformed::new(record, error.to_string())),
    }
}

/// Serializes bytes at once; by default each would be a number of its own.
///
/// # Errors
/// The serializer's.
#[expect(clippy::ptr_arg, reason = "serde hands over the field")]
pub fn bytes<S: Serializer>(bytes: &Cow<'_, [u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Record<'a> {
        #[serde(borrow)]
        text: Cow<'a, str>,
        #[serde(borrow, serialize_with = "bytes")]
        bytes: Cow<'a, [u8]>,
        numbers: Vec<u64>,
    }

    proptest! {
        #[test]
        fn a_record_comes_back_and_borrows_its_texts(text: String, bytes: Vec<u8>, numbers: Vec<u64>) {
            let record = Record { text: text.into(), bytes: bytes.into(), numbers };
            let encoded = encode(&record);
            let decoded: Record<'_> = decode("record", &encoded).unwrap();
            prop_assert_eq!(&decoded, &record);
            prop_assert!(matches!((decoded.text, decoded.bytes), (Cow::Borrowed(_), Cow::Borrowed(_))));
        }

        #[test]
        fn any_bytes_are_a_record_or_an_error(bytes: Vec<u8>) {
            let _ = decode::<Record<'_>>("record", &bytes);
        }
    }

    #[test]
    fn a_length_beyond_the_end_asks_for_no_memory() {
        let enormous = [253, 255, 255, 255, 255, 255, 255, 255, 127];
        assert!(decode::<Record<'_>>("record", &enormous).is_err());
        assert!(decode::<Vec<u64>>("numbers", &enormous).is_err());
    }

    #[test]
    fn what_follows_a_record_is_an_error() {
        let mut encoded = encode(&7_u64);
        encoded.push(0);
        assert_eq!(decode::<u64>("number", &encoded), Err(Malformed::new("number", "1 bytes follow it")));
    }
}
