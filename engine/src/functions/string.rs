//! Functions that take texts apart and put them together.

use std::fmt::Write;

use md5::{Digest, Md5};
use nuages_storage::DataType;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::printf::printf;
use super::signature::{Signature, TEXT, expect, expect_count};
use super::{Call, TEXT_BYTES_MAX};
use crate::algebra::{Function, StringFunction};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::Class;
use crate::vector::{Texts, Vector};

const INT: DataType = DataType::BigInt;

/// What a function takes and gives.
pub(super) fn signature(of: StringFunction, types: &[Option<DataType>]) -> Result<Signature, Error> {
    let function = Function::String(of);
    let (required, all, result): (usize, &[DataType], DataType) = match of {
        StringFunction::SplitPart => (3, &[TEXT, TEXT, INT], TEXT),
        StringFunction::Translate => (3, &[TEXT, TEXT, TEXT], TEXT),
        StringFunction::Slice => (2, &[TEXT, INT, INT], TEXT),
        StringFunction::Initcap | StringFunction::QuoteLiteral => (1, &[TEXT], TEXT),
        StringFunction::Ascii => (1, &[TEXT], INT),
        StringFunction::ToHex | StringFunction::Chr => (1, &[INT], TEXT),
        StringFunction::StartsWith => (2, &[TEXT, TEXT], DataType::Bool),
        StringFunction::TrimCharacters
        | StringFunction::TrimCharactersLeft
        | StringFunction::TrimCharactersRight => (2, &[TEXT, TEXT], TEXT),
        StringFunction::Hex
        | StringFunction::Md5
        | StringFunction::Sha1
        | StringFunction::Sha224
        | StringFunction::Sha256
        | StringFunction::Sha384
        | StringFunction::Sha512 => {
            expect_count(of.name(), types.len(), 1..=1)?;
            expect(&function, types[0], &[Class::Text, Class::Bytes])?;
            return Ok(Signature { arguments: vec![types[0].unwrap_or(TEXT)], result: TEXT });
        }
        StringFunction::Printf => {
            expect_count(of.name(), types.len(), 1..=usize::MAX)?;
            expect(&function, types[0], &[Class::Text])?;
            let arguments = types.iter().map(|given| given.unwrap_or(TEXT)).collect();
            return Ok(Signature { arguments, result: TEXT });
        }
        StringFunction::ConcatWith | StringFunction::Format => {
            expect_count(of.name(), types.len(), 1..=usize::MAX)?;
            return Ok(Signature { arguments: vec![TEXT; types.len()], result: TEXT });
        }
    };
    expect_count(of.name(), types.len(), required..=all.len())?;
    for (given, wanted) in types.iter().zip(all) {
        expect(&function, *given, &[crate::evaluate::class_of(*wanted)])?;
    }
    Ok(Signature { arguments: all[..types.len()].to_vec(), result })
}

pub(super) fn evaluate(of: StringFunction, call: &Call<'_>) -> Result<Vector<'static>, Error> {
    let text = |place: usize| move |row: usize| call.text(place, row);
    let (first, second, third) = (text(0), text(1), text(2));
    match of {
        StringFunction::SplitPart => call.texts(|row, heap| {
            heap.push_str(split_part(first(row), second(row), call.int(2, row).unwrap_or_default())?);
            Ok(())
        }),
        StringFunction::Translate => call.texts(|row, heap| {
            translate(first(row), second(row), third(row), heap);
            Ok(())
        }),
        StringFunction::Slice => call.texts(|row, heap| {
            heap.push_str(slice(first(row), call.int(1, row).unwrap_or_default(), call.int(2, row)));
            Ok(())
        }),
        StringFunction::Initcap => call.texts(|row, heap| {
            initcap(first(row), heap);
            Ok(())
        }),
        StringFunction::QuoteLiteral => call.texts(|row, heap| {
            quote(first(row), '\'', heap);
            Ok(())
        }),
        StringFunction::Ascii => call
            .words(INT, |row| Ok(first(row).chars().next().map_or(0, |first| i64::from(u32::from(first))))),
        StringFunction::Chr => call.texts(|row, heap| {
            heap.push(character(call.int(0, row).unwrap_or_default())?);
            Ok(())
        }),
        StringFunction::Hex => call.texts(|row, heap| {
            let bytes = call.columns[0].bytes(row).unwrap_or_else(|| first(row).as_bytes());
            bytes.iter().try_for_each(|byte| write!(heap, "{byte:02X}")).map_err(unwritable)
        }),
        StringFunction::Md5 => hashed::<Md5>(call),
        StringFunction::Sha1 => hashed::<Sha1>(call),
        StringFunction::Sha224 => hashed::<Sha224>(call),
        StringFunction::Sha256 => hashed::<Sha256>(call),
        StringFunction::Sha384 => hashed::<Sha384>(call),
        StringFunction::Sha512 => hashed::<Sha512>(call),
        StringFunction::ToHex => call.texts(|row, heap| {
            write!(heap, "{:x}", call.int(0, row).unwrap_or_default()).map_err(unwritable)
        }),
        StringFunction::StartsWith => Ok(truths(call, |row| first(row).starts_with(second(row)))),
        StringFunction::TrimCharacters
        | StringFunction::TrimCharactersLeft
        | StringFunction::TrimCharactersRight => call.texts(|row, heap| {
            let goes = |character| second(row).contains(character);
            heap.push_str(match of {
                StringFunction::TrimCharactersLeft => first(row).trim_start_matches(goes),
                StringFunction::TrimCharactersRight => first(row).trim_end_matches(goes),
                _ => first(row).trim_matches(goes),
            });
            Ok(())
        }),
        StringFunction::ConcatWith => {
            let live = call.columns[0].present(call.selection);
            call.texts_where(&live, &mut |row, heap| {
                let mut parts = call.columns[1..].iter().filter_map(|column| column.text(row));
                heap.extend(parts.next());
                parts.for_each(|part| {
                    heap.push_str(first(row));
                    heap.push_str(part);
                });
                check_size(of.name(), heap.len())
            })
        }
        StringFunction::Printf => {
            call.texts_where(&call.columns[0].present(call.selection), &mut |row, heap| {
                let mut arguments = call.columns[1..].iter().map(|column| column.value(row));
                printf(call.text(0, row), &mut arguments, heap);
                check_size(of.name(), heap.len())
            })
        }
        StringFunction::Format => {
            let live = call.columns[0].present(call.selection);
            call.texts_where(&live, &mut |row, heap| format(call, row, heap))
        }
    }
}

/// The digests of texts or bytes, in hexadecimal digits.
fn hashed<D: Digest>(call: &Call<'_>) -> Result<Vector<'static>, Error> {
    call.texts(|row, heap| {
        let bytes = call.columns[0].bytes(row).unwrap_or_else(|| call.text(0, row).as_bytes());
        D::digest(bytes).iter().try_for_each(|byte| write!(heap, "{byte:02x}")).map_err(unwritable)
    })
}

fn unwritable(_: std::fmt::Error) -> Error {
    Error::Overflow { operation: "a text".to_owned() }
}

pub(super) fn check_size(function: &str, bytes: usize) -> Result<(), Error> {
    match bytes <= TEXT_BYTES_MAX {
        true => Ok(()),
        false => Err(Error::Overflow { operation: format!("{function}()") }),
    }
}

/// A column of booleans, NULL where an argument is.
pub(super) fn truths(call: &Call<'_>, test: impl Fn(usize) -> bool) -> Vector<'static> {
    let live = call.live();
    let bits = Bits::from_fn(call.len, |row| live.contains(row) && test(row));
    Vector::Bool { bits, nulls: live.complement(call.len) }
}

/// A column of these texts in these rows, which ascend, and NULL in all others.
pub(super) fn sparse_texts(len: usize, found: &[(usize, &str)]) -> Vector<'static> {
    let mut data = Texts::computed(len);
    let mut nulls = Bits::all(len);
    let mut found = found.iter().peekable();
    for row in 0..len {
        let text = found.next_if(|(at, _)| *at == row).map(|(_, text)| *text);
        if text.is_some() {
            nulls.remove(row);
        }
        data.push_with(|heap| heap.push_str(text.unwrap_or_default()));
    }
    Vector::Text { data, nulls }
}

fn split_part<'t>(text: &'t str, delimiter: &str, n: i64) -> Result<&'t str, Error> {
    let place = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let whole = || if n.unsigned_abs() == 1 { text } else { "" };
    Ok(match n {
        0 => {
            return Err(Error::Type {
                expression: "split_part()".to_owned(),
                expected: "a place that is not zero".to_owned(),
                got: "0".to_owned(),
            });
        }
        _ if delimiter.is_empty() => whole(),
        1.. => text.split(delimiter).nth(place(n.unsigned_abs() - 1)).unwrap_or_default(),
        _ => {
            let pieces = text.split(delimiter).count();
            let from_start = pieces.checked_sub(place(n.unsigned_abs()));
            from_start.and_then(|at| text.split(delimiter).nth(at)).unwrap_or_default()
        }
    })
}

/// SQLite's `substr`: the places from which and up to which characters are meant, from 1 on. What is asked for lies
/// between two places, which are cut to those that there are; place 0 is one before the first character, and counts.
fn sliced(all: usize, start: i64, count: Option<i64>) -> (i64, i64) {
    let all = i64::try_from(all).unwrap_or(i64::MAX);
    let begin = if start < 0 { all.saturating_add(start).saturating_add(1) } else { start };
    match count {
        // A start before the text is that of the text, if nothing says how many characters are meant.
        None => (begin, i64::MAX),
        Some(count) if count < 0 => (begin.saturating_add(count), begin),
        Some(count) => (begin, begin.saturating_add(count)),
    }
}

fn slice(text: &str, start: i64, count: Option<i64>) -> &str {
    let (begin, end) = sliced(text.chars().count(), start, count);
    let offset = |place: i64| {
        let ahead = usize::try_from(place.max(1) - 1).unwrap_or(usize::MAX);
        text.char_indices().nth(ahead).map_or(text.len(), |(offset, _)| offset)
    };
    let (begin, end) = (offset(begin), offset(end));
    &text[begin..end.max(begin)]
}

/// The same of bytes.
pub(super) fn slice_bytes(bytes: &[u8], start: i64, count: Option<i64>) -> &[u8] {
    let (begin, end) = sliced(bytes.len(), start, count);
    let offset = |place: i64| usize::try_from(place.max(1) - 1).unwrap_or(usize::MAX).min(bytes.len());
    let (begin, end) = (offset(begin), offset(end));
    &bytes[begin..end.max(begin)]
}

fn translate(text: &str, from: &str, to: &str, heap: &mut String) {
    for character in text.chars() {
        match from.chars().position(|known| known == character) {
            None => heap.push(character),
            Some(place) => heap.extend(to.chars().nth(place)),
        }
    }
}

fn initcap(text: &str, heap: &mut String) {
    let mut within_word = false;
    for character in text.chars() {
        match within_word {
            true => heap.extend(character.to_lowercase()),
            false => heap.extend(character.to_uppercase()),
        }
        within_word = character.is_alphanumeric();
    }
}

fn character(code: i64) -> Result<char, Error> {
    let found = u32::try_from(code).ok().filter(|code| *code != 0).and_then(char::from_u32);
    found.ok_or_else(|| Error::Type {
        expression: "chr()".to_owned(),
        expected: "a code point of Unicode".to_owned(),
        got: code.to_string(),
    })
}

/// Adds a text in quotes, with those in it doubled.
pub(super) fn quote(text: &str, mark: char, heap: &mut String) {
    heap.push(mark);
    for character in text.chars() {
        if character == mark {
            heap.push(mark);
        }
        heap.push(character);
    }
    heap.push(mark);
}

/// `format()`: `%[position$][-][width]kind`, where the width may be `*`, an argument.
fn format(call: &Call<'_>, row: usize, heap: &mut String) -> Result<(), Error> {
    let refused = |expected: &str, got: String| Error::Type {
        expression: "format()".to_owned(),
        expected: expected.to_owned(),
        got,
    };
    let too_few = || refused("an argument for every %", "too few".to_owned());
    let mut rest = call.text(0, row);
    let mut next = 1;
    while let Some(at) = rest.find('%') {
        heap.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            heap.push('%');
            rest = behind;
            continue;
        }
        let (position, behind) = leading_number(rest);
        let place = position.filter(|_| behind.starts_with('$'));
        rest = if place.is_some() { &behind[1..] } else { rest };
        let is_left = rest.starts_with('-');
        rest = rest.trim_start_matches('-');
        let width = match rest.strip_prefix('*') {
            Some(behind) => {
                rest = behind;
                let width = call.columns.get(next).ok_or_else(too_few)?.text(row).unwrap_or("0");
                next += 1;
                let read = width.trim().parse::<i64>();
                read.map_err(|_| refused("a width that is a number", width.to_owned()))?
            }
            None => {
                let (width, behind) = leading_number(rest);
                rest = behind;
                width.map_or(0, |width| i64::try_from(width).unwrap_or(i64::MAX))
            }
        };
        let kind = rest.chars().next();
        let Some(kind @ ('s' | 'I' | 'L')) = kind else {
            return Err(refused(
                "%s, %I, %L or %%",
                format!("%{}", kind.map(String::from).unwrap_or_default()),
            ));
        };
        rest = &rest[1..];
        let argument = call.columns.get(place.unwrap_or(next)).filter(|_| place != Some(0));
        let argument = argument.ok_or_else(too_few)?;
        next = place.unwrap_or(next) + 1;
        let begin = heap.len();
        match (kind, argument.text(row)) {
            ('s', text) => heap.push_str(text.unwrap_or_default()),
            ('L', None) => heap.push_str("NULL"),
            ('L', Some(text)) => quote(text, '\'', heap),
            (_, Some(text)) => push_name(text, heap),
            (_, None) => return Err(refused("a name that is not NULL", "NULL".to_owned())),
        }
        let room = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
        let missing = room.saturating_sub(heap[begin..].chars().count());
        check_size(StringFunction::Format.name(), heap.len().saturating_add(missing))?;
        match is_left || width < 0 {
            true => heap.extend(std::iter::repeat_n(' ', missing)),
            false => heap.insert_str(begin, &" ".repeat(missing)),
        }
    }
    heap.push_str(rest);
    check_size(StringFunction::Format.name(), heap.len())
}

/// The number that a text begins with, and what follows it.
fn leading_number(text: &str) -> (Option<usize>, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].parse().ok(), &text[end..])
}

/// Adds a name, in quotes if it needs them.
pub(super) fn push_name(name: &str, heap: &mut String) {
    let plain =
        |character: char| character == '_' || character.is_ascii_lowercase() || character.is_ascii_digit();
    let is_plain = name.chars().all(plain) && !name.starts_with(|first: char| first.is_ascii_digit());
    match is_plain && !name.is_empty() {
        true => heap.push_str(name),
        false => quote(name, '"', heap),
    }
}

#[cfg(test)]
mod tests {
    use nuages_storage::Value;

    use super::*;
    use crate::algebra::Expr;
    use crate::evaluate::testing::value_of;

    fn call(of: StringFunction, arguments: &[Value]) -> Result<Value, Error> {
        value_of(&Expr::Call(Function::String(of), arguments.iter().cloned().map(Expr::Literal).collect()))
    }

    #[track_caller]
    fn check(of: StringFunction, arguments: &[&str], expected: impl Into<Value>) {
        let arguments: Vec<Value> = arguments.iter().map(|text| Value::from(*text)).collect();
        assert_eq!(call(of, &arguments), Ok(expected.into()), "{of:?}{arguments:?}");
    }

    #[test]
    fn texts_are_taken_apart_as_postgresql_does() {
        for (n, expected) in [(1, "a"), (2, "b"), (3, "c"), (4, ""), (-1, "c"), (-3, "a"), (-4, "")] {
            let found = call(StringFunction::SplitPart, &["a~b~c".into(), "~".into(), n.into()]);
            assert_eq!(found, Ok(expected.into()), "{n}");
        }
        assert!(call(StringFunction::SplitPart, &["a".into(), "~".into(), 0.into()]).is_err());
        check(StringFunction::Translate, &["12345", "143", "ax"], "a2x5");
        check(StringFunction::Initcap, &["hi THOMAS o'neil été"], "Hi Thomas O'Neil Été");
        check(StringFunction::TrimCharacters, &["xyxtrimyyx", "xyz"], "trim");
        check(StringFunction::TrimCharactersLeft, &["zzzytest", "xyz"], "test");
        check(StringFunction::TrimCharactersRight, &["testxxzx", "xyz"], "test");
        check(StringFunction::StartsWith, &["alphabet", "alph"], true);
        check(StringFunction::Ascii, &["été"], 233);
        check(StringFunction::Ascii, &[""], 0);
        check(StringFunction::Hex, &["été"], "C3A974C3A9");
        check(StringFunction::QuoteLiteral, &["O'Reilly"], "'O''Reilly'");
    }

    /// The answers of RFC 1321 and FIPS 180-4 to "abc".
    #[test]
    fn digests_are_those_of_their_standards() {
        check(StringFunction::Md5, &["abc"], "900150983cd24fb0d6963f7d28e17f72");
        check(StringFunction::Sha1, &["abc"], "a9993e364706816aba3e25717850c26c9cd0d89d");
        check(StringFunction::Sha224, &["abc"], "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check(StringFunction::Sha256, &["abc"], sha256);
        let bytes = Value::from(b"abc".to_vec());
        assert_eq!(call(StringFunction::Sha256, &[bytes]), Ok(sha256.into()));
        assert_eq!(call(StringFunction::Sha512, &[Value::Null]), Ok(Value::Null));
        let lengths = [(StringFunction::Sha384, 96), (StringFunction::Sha512, 128)];
        for (of, length) in lengths {
            let Ok(Value::Text(digest)) = call(of, &["abc".into()]) else { panic!("{of:?} is a text") };
            assert_eq!(digest.len(), length);
        }
    }

    #[test]
    fn texts_are_put_together_as_postgresql_does() {
        assert_eq!(call(StringFunction::Chr, &[233.into()]), Ok("é".into()));
        assert!(call(StringFunction::Chr, &[0.into()]).is_err());
        assert!(call(StringFunction::Chr, &[0xD800.into()]).is_err());
        assert_eq!(call(StringFunction::ToHex, &[255.into()]), Ok("ff".into()));
        assert_eq!(call(StringFunction::ToHex, &[(-1).into()]), Ok("ffffffffffffffff".into()));
        let joined = [",".into(), "abcde".into(), 2.into(), Value::Null, 22.into()];
        assert_eq!(call(StringFunction::ConcatWith, &joined), Ok("abcde,2,22".into()));
        assert_eq!(call(StringFunction::ConcatWith, &[Value::Null, "a".into()]), Ok(Value::Null));
        check(
            StringFunction::Format,
            &["INSERT INTO %I VALUES(%L) -- %s%%", "Foo bar", "O'R", "x"],
            "INSERT INTO \"Foo bar\" VALUES('O''R') -- x%",
        );
        assert!(call(StringFunction::Format, &["%s".into()]).is_err());
        assert!(call(StringFunction::Format, &["%d".into(), 1.into()]).is_err());
    }
}
