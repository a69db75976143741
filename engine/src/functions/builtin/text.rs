//! Functions of texts.

use std::fmt::Write;

use nuages_storage::Value;

use super::{ANY, BOOL, BYTES, Builtin, FLOAT, INT, Overload, TEXT, Takes, refused, table};
use crate::error::Error;
use crate::evaluate::cast_value;
use crate::functions::Call;
use crate::functions::printf::real_as_text;
use crate::functions::signature::TEXT as ANY_TEXT;
use crate::functions::string::{push_name, quote, slice_bytes};

pub(super) const TABLE: &[Builtin] = table! {
    "bit_length" [TEXT] => INT, |call| call.ints(|row| length(8 * call.text(0, row).len()));
                 [BYTES] => INT, |call| call.ints(|row| length(8 * call.bytes(0, row).len()));
    "octet_length" [TEXT] => INT, |call| call.ints(|row| length(call.text(0, row).len()));
                   [BYTES] => INT, |call| call.ints(|row| length(call.bytes(0, row).len()));
    "overlay" [TEXT, TEXT, INT | INT] => TEXT, |call| call.texts(|row, heap| {
                  let (start, count) = stretch(call, row, call.text(1, row).chars().count())?;
                  let text = call.text(0, row);
                  let offset = |place: usize| text.char_indices().nth(place).map_or(text.len(), |(at, _)| at);
                  heap.push_str(&text[..offset(start)]);
                  heap.push_str(call.text(1, row));
                  heap.push_str(&text[offset(start.saturating_add_signed(count))..]);
                  Ok(())
              });
              [BYTES, BYTES, INT | INT] => BYTES, |call| call.values(BYTES, |row| {
                  let (start, count) = stretch(call, row, call.bytes(1, row).len())?;
                  let bytes = call.bytes(0, row);
                  let (before, after) = (start.min(bytes.len()), start.saturating_add_signed(count).min(bytes.len()));
                  let parts = [&bytes[..before], call.bytes(1, row), &bytes[after..]];
                  Ok(Some(Value::from(parts.concat())))
              });
    "quote_ident" [TEXT] => TEXT, |call| call.texts(|row, heap| {
        push_name(call.text(0, row), heap);
        Ok(())
    });
    "quote_nullable" [ANY] => TEXT, |call| call.texts_where(call.selection, &mut |row, heap| {
        match cast_value(call.value(0, row), ANY_TEXT)? {
            Value::Text(text) => quote(&text, '\'', heap),
            _ => heap.push_str("NULL"),
        }
        Ok(())
    });
    // SQLite's `quote`.
    "quote" [ANY] => TEXT, |call| call.texts_where(call.selection, &mut |row, heap| {
        match call.value(0, row) {
            Value::Null => heap.push_str("NULL"),
            Value::Bytes(bytes) => {
                heap.push_str("X'");
                bytes.iter().try_for_each(|byte| write!(heap, "{byte:02X}")).map_err(unwritable)?;
                heap.push('\'');
            }
            value @ (Value::Int(_) | Value::Float(_) | Value::Decimal(_)) => heap.push_str(&value.to_string()),
            Value::Bool(bool) => heap.push_str(if bool { "1" } else { "0" }),
            value => quote(&value.to_string(), '\'', heap),
        }
        Ok(())
    });
    "soundex" [TEXT] => TEXT, |call| call.texts_where(call.selection, &mut |row, heap| {
        soundex(call.optional_text(0, row).unwrap_or_default(), heap);
        Ok(())
    });
    // The text that SQLite makes of a float.
    "real_as_text" [FLOAT] => TEXT, |call| call.texts(|row, heap| {
        heap.push_str(&real_as_text(call.float(0, row)));
        Ok(())
    });
    // SQLite's `char`: the characters of code points, and what stands for none where there is none.
    "char" [ | INT; more] => TEXT, |call| call.texts_where(call.selection, &mut |row, heap| {
        let code = |place: usize| u32::try_from(call.int(place, row).unwrap_or_default()).ok();
        let character = |place: usize| code(place).and_then(char::from_u32);
        heap.extend((0..call.count()).map(|place| character(place).unwrap_or(char::REPLACEMENT_CHARACTER)));
        Ok(())
    });
    // What `lower` makes all texts begin with that match a pattern without regard to case, as far as that is certain: a
    // search by regular expression knows more letters that are one in it than `lower` does. Indexes are searched by it.
    "lower_beginning" [TEXT, BOOL] => TEXT, |call| call.texts(|row, heap| {
        let is_like = call.value(1, row) == Value::Bool(true);
        // Of ASCII's letters only the s is also one that is its own lower case, the long s.
        let is_certain = |letter: &char| {
            letter.is_ascii() && !matches!(letter, 's' | 'S') && !(is_like && matches!(letter, '%' | '_' | '\\'))
        };
        heap.extend(call.text(0, row).chars().take_while(is_certain).map(|letter| letter.to_ascii_lowercase()));
        Ok(())
    });
    "unistr" [TEXT] => TEXT, |call| call.texts(|row, heap| unescape(call.text(0, row), heap));
    // `substr` of bytes, as PostgreSQL has it.
    "substring_bytes" [BYTES, INT | INT] => BYTES, |call| call.values(BYTES, |row| {
        let (start, count) = (call.int(1, row).unwrap_or(1), call.int(2, row));
        if count.is_some_and(i64::is_negative) {
            return Err(refused("substring", "a length that is not negative", count.unwrap_or(0).to_string()));
        }
        let end = count.map_or(i64::MAX, |count| start.saturating_add(count));
        let bytes = call.bytes(0, row);
        let offset = |place: i64| usize::try_from(place.max(1) - 1).unwrap_or(usize::MAX).min(bytes.len());
        Ok(Some(Value::from(&bytes[offset(start)..offset(end).max(offset(start))])))
    });
    // The same as SQLite has it.
    "slice_bytes" [BYTES, INT | INT] => BYTES, |call| call.values(BYTES, |row| {
        Ok(Some(Value::from(slice_bytes(call.bytes(0, row), call.int(1, row).unwrap_or_default(), call.int(2, row)))))
    });
};

fn length(count: usize) -> Result<i64, Error> {
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

fn unwritable(_: std::fmt::Error) -> Error {
    Error::Overflow { operation: "a text".to_owned() }
}

/// Where `overlay` begins, from 0, and how many it takes away, which are as many as it puts there if nothing is said.
fn stretch(call: &Call<'_>, row: usize, put: usize) -> Result<(usize, isize), Error> {
    let start = call.int(2, row).unwrap_or(1);
    let place = usize::try_from(start).ok().and_then(|start| start.checked_sub(1));
    let place = place.ok_or_else(|| refused("overlay", "a place from 1 on", start.to_string()))?;
    let count = match call.int(3, row) {
        Some(count) => isize::try_from(count).unwrap_or(isize::MAX),
        None => isize::try_from(put).unwrap_or(isize::MAX),
    };
    Ok((place, count))
}

/// The code of an English name by its sound (Russell, US patent 1261167, 1918), as SQLite has it: a letter and three
/// digits, `?000` without a letter.
fn soundex(name: &str, heap: &mut String) {
    let digit = |letter: u8| match letter.to_ascii_uppercase() {
        b'B' | b'F' | b'P' | b'V' => 1,
        b'C' | b'G' | b'J' | b'K' | b'Q' | b'S' | b'X' | b'Z' => 2,
        b'D' | b'T' => 3,
        b'L' => 4,
        b'M' | b'N' => 5,
        b'R' => 6,
        _ => 0,
    };
    let mut letters = name.bytes().skip_while(|byte| !byte.is_ascii_alphabetic());
    let Some(first) = letters.next() else { return heap.push_str("?000") };
    heap.push(char::from(first.to_ascii_uppercase()));
    let (mut last, mut written) = (digit(first), 1);
    for letter in letters {
        let code = digit(letter);
        if code > 0 && code != last && written < 4 {
            heap.push(char::from(b'0' + code));
            written += 1;
        }
        last = code;
    }
    (written..4).for_each(|_| heap.push('0'));
}

/// Adds a text in which `\XXXX`, `\+XXXXXX`, `\uXXXX` and `\UXXXXXXXX` are code points, and `\\` a backslash.
fn unescape(text: &str, heap: &mut String) -> Result<(), Error> {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        heap.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (skip, digits) = match rest.bytes().next() {
            Some(b'\\') => {
                heap.push('\\');
                rest = &rest[1..];
                continue;
            }
            Some(b'+') => (1, 6),
            Some(b'u') => (1, 4),
            Some(b'U') => (1, 8),
            _ => (0, 4),
        };
        let code = rest.get(skip..skip + digits).and_then(|code| u32::from_str_radix(code, 16).ok());
        let character = code.and_then(char::from_u32);
        heap.push(
            character.ok_or_else(|| refused("unistr", "a code point such as \\0041", format!("\\{rest}")))?,
        );
        rest = &rest[skip + digits..];
    }
    heap.push_str(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rusqlite::Connection;

    proptest! {
        #[test]
        fn floats_are_written_as_sqlite_does(thousandths in -1_000_000_000_i64..1_000_000_000, power in -20_i32..25) {
            #[expect(clippy::cast_precision_loss, reason = "it is below 2^53")]
            let float = thousandths as f64 / 1e3 * 10_f64.powi(power);
            let sqlite = Connection::open_in_memory().unwrap();
            let theirs: String = sqlite.query_row("SELECT CAST(?1 AS TEXT)", [float], |row| row.get(0)).unwrap();
            // The last of fifteen digits hangs on how the power of ten was computed.
            let near = |text: &str| text.parse::<f64>().unwrap();
            prop_assert_eq!(real_as_text(float).contains('e'), theirs.contains('e'));
            prop_assert!((near(&real_as_text(float)) - near(&theirs)).abs() <= float.abs() * 1e-14);
        }
    }

    /// The answers are SQLite's.
    #[test]
    fn names_that_sound_alike_have_one_code() {
        let code = |name: &str| {
            let mut code = String::new();
            soundex(name, &mut code);
            code
        };
        assert_eq!(
            ["Robert", "Rupert", "Tymczak", "a", "", "12"].map(code),
            ["R163", "R163", "T522", "A000", "?000", "?000"]
        );
    }

    #[test]
    fn code_points_are_unescaped() {
        let read = |text: &str| {
            let mut read = String::new();
            unescape(text, &mut read).map(|()| read)
        };
        assert_eq!(read(r"d\0061t\+000061 \\ \u0041\U00000042"), Ok(r"data \ AB".to_owned()));
        assert!(read(r"\00").is_err() && read(r"\D800").is_err());
    }
}
