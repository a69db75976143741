//! Functions of bytes.

use std::hash::{BuildHasher, RandomState};

use nuages_storage::Value;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::{BYTES, Builtin, INT, Overload, TEXT, Takes, beyond, refused, table};
use crate::error::Error;
use crate::functions::{Call, TEXT_BYTES_MAX};
use crate::vector::Vector;

pub(super) const TABLE: &[Builtin] = table! {
    "encode" [BYTES, TEXT] => TEXT, |call| call.texts(|row, heap| {
        encode(call.bytes(0, row), call.text(1, row), heap)
    });
    "decode" [TEXT, TEXT] => BYTES, |call| call.values(BYTES, |row| {
        decode(call.text(0, row), call.text(1, row)).map(|bytes| Some(Value::from(bytes)))
    });
    "sha224" [BYTES] => BYTES, digest::<Sha224>;
    "sha256" [BYTES] => BYTES, digest::<Sha256>;
    "sha384" [BYTES] => BYTES, digest::<Sha384>;
    "sha512" [BYTES] => BYTES, digest::<Sha512>;
    "get_byte" [BYTES, INT] => INT, |call| call.ints(|row| {
        let (bytes, place) = (call.bytes(0, row), call.int(1, row).unwrap_or_default());
        let byte = usize::try_from(place).ok().and_then(|place| bytes.get(place));
        byte.map(|byte| i64::from(*byte)).ok_or_else(|| {
            refused("get_byte", format!("a place from 0 to below {}", bytes.len()), place.to_string())
        })
    });
    "byteacat" [BYTES, BYTES] => BYTES, |call| call.values(BYTES, |row| {
        Ok(Some(Value::from([call.bytes(0, row), call.bytes(1, row)].concat())))
    });
    // SQLite's, whose arguments are bytes or texts; NULL if they are no hexadecimal digits.
    "unhex" [TEXT | TEXT] => BYTES, |call| call.values(BYTES, |row| {
        let ignored = call.text(1, row);
        let text: String = call.text(0, row).chars().filter(|character| !ignored.contains(*character)).collect();
        Ok(from_hexadecimal(&text).map(Value::from))
    });
    "zeroblob" [INT] => BYTES, |call| call.values(BYTES, |row| {
        Ok(Some(Value::from(vec![0_u8; byte_count("zeroblob", call, row)?])))
    });
    "randomblob" (volatile) [INT] => BYTES, |call| call.values(BYTES, |row| {
        let count = byte_count("randomblob", call, row)?.max(1);
        let seed = RandomState::new();
        let words = (0_u64..).flat_map(|word| seed.hash_one(word).to_le_bytes());
        Ok(Some(Value::from(words.take(count).collect::<Vec<u8>>())))
    });
    // Bytes that are a text in UTF-8; what is none is replaced.
    "bytes_as_text" [BYTES] => TEXT, |call| call.texts(|row, heap| {
        heap.push_str(&String::from_utf8_lossy(call.bytes(0, row)));
        Ok(())
    });
    "text_as_bytes" [TEXT] => BYTES, |call| call.values(BYTES, |row| {
        Ok(Some(Value::from(call.text(0, row).as_bytes())))
    });
    "convert_from" [BYTES, TEXT] => TEXT, |call| call.texts(|row, heap| {
        utf8("convert_from", call.text(1, row))?;
        let text = std::str::from_utf8(call.bytes(0, row));
        heap.push_str(text.map_err(|error| refused("convert_from", "bytes in UTF-8", error.to_string()))?);
        Ok(())
    });
    "convert_to" [TEXT, TEXT] => BYTES, |call| call.values(BYTES, |row| {
        utf8("convert_to", call.text(1, row))?;
        Ok(Some(Value::from(call.text(0, row).as_bytes())))
    });
};

fn digest<D: Digest>(call: &Call<'_>) -> Result<Vector<'static>, Error> {
    call.values(BYTES, |row| Ok(Some(Value::from(D::digest(call.bytes(0, row)).to_vec()))))
}

fn utf8(function: &str, encoding: &str) -> Result<(), Error> {
    match encoding.to_ascii_lowercase().as_str() {
        "utf8" | "utf-8" => Ok(()),
        _ => Err(refused(function, "the encoding UTF8", format!("{encoding:?}"))),
    }
}

/// How many bytes are asked for; none if it is a negative number.
fn byte_count(function: &str, call: &Call<'_>, row: usize) -> Result<usize, Error> {
    let count = usize::try_from(call.int(0, row).unwrap_or_default().max(0)).unwrap_or(usize::MAX);
    if count <= TEXT_BYTES_MAX { Ok(count) } else { Err(beyond(function)) }
}

/// Adds bytes in one of PostgreSQL's three ways to write them.
fn encode(bytes: &[u8], format: &str, heap: &mut String) -> Result<(), Error> {
    match format.to_ascii_lowercase().as_str() {
        "hex" => bytes.iter().for_each(|byte| push_hexadecimal(*byte, heap)),
        "base64" => base64(bytes, heap),
        "escape" => bytes.iter().for_each(|byte| match byte {
            b'\\' => heap.push_str("\\\\"),
            0 | 0x80.. => {
                heap.push('\\');
                [byte >> 6, byte >> 3 & 7, byte & 7]
                    .iter()
                    .for_each(|digit| heap.push(char::from(b'0' + digit)));
            }
            byte => heap.push(char::from(*byte)),
        }),
        _ => return Err(unknown_format("encode", format)),
    }
    Ok(())
}

fn decode(text: &str, format: &str) -> Result<Vec<u8>, Error> {
    let invalid = |expected: &str| refused("decode", expected, format!("{text:?}"));
    match format.to_ascii_lowercase().as_str() {
        "hex" => {
            let digits: String = text.split_ascii_whitespace().collect();
            from_hexadecimal(&digits).ok_or_else(|| invalid("an even number of hexadecimal digits"))
        }
        "base64" => from_base64(text).ok_or_else(|| invalid("base64")),
        "escape" => from_escapes(text)
            .ok_or_else(|| invalid("a text in which \\ is followed by \\ or three octal digits")),
        _ => Err(unknown_format("decode", format)),
    }
}

fn unknown_format(function: &str, format: &str) -> Error {
    refused(function, "hex, base64 or escape", format!("{format:?}"))
}

fn push_hexadecimal(byte: u8, heap: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    heap.push(char::from(DIGITS[usize::from(byte >> 4)]));
    heap.push(char::from(DIGITS[usize::from(byte & 15)]));
}

/// The bytes of pairs of digits; none if there is anything else.
fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    pairs.iter().map(byte).collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty())
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 in lines of 76 characters (RFC 2045), as PostgreSQL writes it.
fn base64(bytes: &[u8], heap: &mut String) {
    const LINE: usize = 57; // bytes
    for (number, line) in bytes.chunks(LINE).enumerate() {
        if number > 0 {
            heap.push('\n');
        }
        for three in line.chunks(3) {
            let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or_default());
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for place in 0..4_usize {
                let digit = (bits >> (18 - 6 * place)) as usize & 63;
                heap.push(if place > three.len() { '=' } else { char::from(BASE64[digit]) });
            }
        }
    }
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut digits, mut fill) = (0_u32, 0, 0);
    for character in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let digit = if character == b'=' {
            fill += 1;
            0
        } else if fill > 0 {
            return None;
        } else {
            u32::try_from(BASE64.iter().position(|known| *known == character)?).ok()?
        };
        bits = bits << 6 | digit;
        digits += 1;
        if digits % 4 == 0 {
            let [_, three @ ..] = bits.to_be_bytes();
            bytes.extend_from_slice(three.get(..3_usize.checked_sub(fill)?)?);
            bits = 0;
        }
    }
    (digits % 4 == 0 && fill < 3).then_some(bytes)
}

fn from_escapes(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, length) = match (first, after) {
            (b'\\', [b'\\', ..]) => (b'\\', 2),
            (b'\\', _) => (u8::from_str_radix(std::str::from_utf8(after.get(..3)?).ok()?, 8).ok()?, 4),
            (byte, _) => (*byte, 1),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(bytes: &[u8], format: &str) -> String {
        let mut text = String::new();
        encode(bytes, format, &mut text).unwrap();
        text
    }

    #[test]
    fn formats_are_postgresqls() {
        assert_eq!(encoded(b"abc", "hex"), "616263");
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| encoded(text.as_bytes(), "BASE64")),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
        assert_eq!(encoded(b"a\0\\\xff", "escape"), r"a\000\\\377");
        for (text, format) in
            [("6", "hex"), ("zz", "hex"), ("Zg=", "base64"), ("Z=g=", "base64"), (r"\9", "escape")]
        {
            assert!(decode(text, format).is_err(), "{text}");
        }
        assert!(decode("", "morse").is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for format in ["hex", "base64", "escape"] {
                prop_assert_eq!(decode(&encoded(&bytes, format), format).unwrap(), bytes.clone(), "{}", format);
            }
        }
    }
}
