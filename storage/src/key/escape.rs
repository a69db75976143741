//! Byte strings of any length that end where they end: a string sorts before its own extensions, whatever
//! follows it in the key.
//!
//! The end is `00`, which sorts before every byte of a longer string, as those have no `00`: it is written
//! `01 01`, and `01` itself `01 02`. Text has next to none of both, so a text costs one byte more than it
//! has.

use super::bytes::KeyBytes;

const END: u8 = 0;
const ESCAPE: u8 = 1;

/// Writes a string and its end.
pub(super) fn encode(key: &mut KeyBytes, bytes: &[u8]) {
    encode_open(key, bytes);
    key.push(END);
}

/// Writes a string without its end: what it and all its extensions begin with.
pub(super) fn encode_open(key: &mut KeyBytes, mut bytes: &[u8]) {
    // A look at all of them does not branch, so the compiler takes many at a time.
    let plain = bytes.iter().fold(true, |plain, byte| plain & (*byte > ESCAPE));
    if plain {
        key.extend(bytes);
        return;
    }
    while let Some(special) = bytes.iter().position(|byte| *byte <= ESCAPE) {
        key.extend(&bytes[..special]);
        key.push_array([ESCAPE, bytes[special] + 1]);
        bytes = &bytes[special + 1..];
    }
    key.extend(bytes);
}

/// Reads a string, every byte of it flipped by `flip`, and the number of bytes it took, or `None` if it has
/// no end.
pub(super) fn decode(encoded: &[u8], flip: u8) -> Option<(Vec<u8>, usize)> {
    let end = encoded.iter().position(|byte| byte ^ flip == END)?;
    let mut bytes = Vec::with_capacity(end);
    let mut rest = encoded[..end].iter().map(|byte| byte ^ flip);
    while let Some(byte) = rest.next() {
        bytes.push(if byte == ESCAPE { rest.next()?.checked_sub(1)? } else { byte });
    }
    Some((bytes, end + 1))
}
