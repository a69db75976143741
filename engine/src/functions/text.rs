//! Functions of texts. Places and lengths count characters (Unicode scalar values), from 1.
//!
//! Where a number makes no sense (a negative length), the result is the empty text.

use nuages_storage::{DataType, Value};

use super::{Call, TEXT_BYTES_MAX, signature};
use crate::algebra::Function;
use crate::error::Error;
use crate::evaluate::Class;
use crate::vector::Vector;

pub(super) fn evaluate(function: &Function, call: &Call<'_>) -> Result<Vector<'static>, Error> {
    let map = |write: fn(&str, &mut String)| {
        call.texts(|row, heap| {
            write(call.text(0, row), heap);
            Ok(())
        })
    };
    match function {
        Function::Lower => {
            map(|text, heap| push_cased(text, heap, str::make_ascii_lowercase, str::to_lowercase))
        }
        Function::Upper => {
            map(|text, heap| push_cased(text, heap, str::make_ascii_uppercase, str::to_uppercase))
        }
        Function::Trim => map(|text, heap| heap.push_str(text.trim_matches(' '))),
        Function::TrimLeft => map(|text, heap| heap.push_str(text.trim_start_matches(' '))),
        Function::TrimRight => map(|text, heap| heap.push_str(text.trim_end_matches(' '))),
        Function::Reverse => map(|text, heap| heap.extend(text.chars().rev())),
        Function::Length if call.classes.first() == Some(&Some(Class::Bytes)) => {
            call.words(DataType::BigInt, |row| Ok(length(call.columns[0].bytes(row).map_or(0, <[u8]>::len))))
        }
        Function::Length => call.words(DataType::BigInt, |row| Ok(length(characters(call.text(0, row))))),
        Function::Position => call.words(DataType::BigInt, |row| {
            let (text, part) = (call.text(0, row), call.text(1, row));
            Ok(text.find(part).map_or(0, |offset| length(characters(&text[..offset])) + 1))
        }),
        Function::Substring => call.texts(|row, heap| {
            heap.push_str(substring(call.text(0, row), call.int(1, row).unwrap_or(1), call.int(2, row)));
            Ok(())
        }),
        Function::Left => call.texts(|row, heap| {
            heap.push_str(left(call.text(0, row), call.int(1, row).unwrap_or_default()));
            Ok(())
        }),
        Function::Right => call.texts(|row, heap| {
            heap.push_str(right(call.text(0, row), call.int(1, row).unwrap_or_default()));
            Ok(())
        }),
        Function::Replace => call.texts(|row, heap| replace(call, row, heap)),
        Function::Concat => concat(call),
        Function::PadLeft | Function::PadRight => call.texts(|row, heap| pad(function, call, row, heap)),
        Function::Repeat => call.texts(|row, heap| {
            let (text, times) = (call.text(0, row), call.int(1, row).unwrap_or_default());
            let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
            check_size(function, text.len().saturating_mul(times))?;
            heap.extend(std::iter::repeat_n(text, if text.is_empty() { 0 } else { times }));
            Ok(())
        }),
        _ => Ok(Vector::constant(Value::Null, call.len)),
    }
}

fn characters(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn check_size(function: &Function, bytes: usize) -> Result<(), Error> {
    if bytes <= TEXT_BYTES_MAX {
        return Ok(());
    }
    Err(Error::Overflow { operation: signature::name(function).to_owned() })
}

/// ASCII, which most texts are, is converted in place.
fn push_cased(text: &str, heap: &mut String, ascii: fn(&mut str), full: fn(&str) -> String) {
    if text.is_ascii() {
        let start = heap.len();
        heap.push_str(text);
        ascii(&mut heap[start..]);
    } else {
        heap.push_str(&full(text));
    }
}

/// Where the character at `index`, from 0, begins; the text's end if it has fewer.
fn offset(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(offset, _)| offset)
}

/// The characters from place `start` to before `start + count`; places before the text count, as in SQL.
fn substring(text: &str, start: i64, count: Option<i64>) -> &str {
    let end = count.map_or(i64::MAX, |count| start.saturating_add(count.max(0)));
    let index = |place: i64| usize::try_from(place.saturating_sub(1).max(0)).unwrap_or(usize::MAX);
    let rest = &text[offset(text, index(start))..];
    let kept = index(end).saturating_sub(index(start));
    &rest[..offset(rest, kept)]
}

/// The first characters; all but the last ones if the number is negative.
fn left(text: &str, count: i64) -> &str {
    &text[..offset(text, kept(text, count))]
}

/// The last characters; all but the first ones if the number is negative.
fn right(text: &str, count: i64) -> &str {
    let dropped = characters(text).saturating_sub(kept(text, count));
    &text[offset(text, dropped)..]
}

fn kept(text: &str, count: i64) -> usize {
    let magnitude = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 { characters(text).saturating_sub(magnitude) } else { magnitude }
}

/// Every occurrence from the left, none overlapping; an empty part occurs nowhere.
fn replace(call: &Call<'_>, row: usize, heap: &mut String) -> Result<(), Error> {
    let (text, from, to) = (call.text(0, row), call.text(1, row), call.text(2, row));
    if from.is_empty() {
        heap.push_str(text);
        return Ok(());
    }
    let added = text.matches(from).count().saturating_mul(to.len());
    check_size(&Function::Replace, text.len().saturating_add(added))?;
    let mut rest = 0;
    for (start, part) in text.match_indices(from) {
        heap.push_str(&text[rest..start]);
        heap.push_str(to);
        rest = start + part.len();
    }
    heap.push_str(&text[rest..]);
    Ok(())
}

/// NULL counts as the empty text, so every row that is needed has a result.
fn concat(call: &Call<'_>) -> Result<Vector<'static>, Error> {
    call.texts_where(call.selection, &mut |row, heap| {
        (0..call.columns.len()).for_each(|argument| heap.push_str(call.text(argument, row)));
        Ok(())
    })
}

/// Filled up to a length by repeating `fill`, a space unless given; cut to it if longer.
fn pad(function: &Function, call: &Call<'_>, row: usize, heap: &mut String) -> Result<(), Error> {
    let text = call.text(0, row);
    let fill = if call.columns.len() > 2 { call.text(2, row) } else { " " };
    let width = usize::try_from(call.int(1, row).unwrap_or_default().max(0)).unwrap_or(usize::MAX);
    let missing = width.saturating_sub(characters(text));
    if missing == 0 || fill.is_empty() {
        heap.push_str(&text[..offset(text, width)]);
        return Ok(());
    }
    check_size(function, missing.saturating_mul(4).saturating_add(text.len()))?;
    if matches!(function, Function::PadRight) {
        heap.push_str(text);
    }
    heap.extend(fill.chars().cycle().take(missing));
    if matches!(function, Function::PadLeft) {
        heap.push_str(text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::Expr;
    use crate::evaluate::testing::value_of;

    fn call(function: Function, arguments: &[Value]) -> Result<Value, Error> {
        value_of(&Expr::Call(function, arguments.iter().cloned().map(Expr::Literal).collect()))
    }

    fn check(function: &Function, cases: &[(&[Value], &str)]) {
        for (arguments, expected) in cases {
            assert_eq!(
                call(function.clone(), arguments),
                Ok(Value::from(*expected)),
                "{function:?}{arguments:?}"
            );
        }
    }

    fn text(text: &str) -> Value {
        text.into()
    }

    #[test]
    fn case_is_changed_by_the_rules_of_unicode() {
        check(&Function::Lower, &[(&["ÀÉ Straße ΑΣ".into()], "àé straße ας"), (&["ABC".into()], "abc")]);
        check(&Function::Upper, &[(&["straße é".into()], "STRASSE É"), (&["".into()], "")]);
        assert_eq!(call(Function::Lower, &[Value::Null]), Ok(Value::Null));
    }

    #[test]
    fn places_count_characters_from_one() {
        let cases: [(&str, i64, Option<i64>, &str); 9] = [
            ("éàü", 2, None, "àü"),
            ("éàü", 2, Some(1), "à"),
            ("abc", 0, Some(2), "a"),
            ("abc", -1, Some(3), "a"),
            ("abc", 1, Some(0), ""),
            ("abc", 2, Some(-1), ""),
            ("abc", 4, None, ""),
            ("abc", i64::MIN, Some(i64::MAX), ""),
            ("abc", 2, Some(i64::MAX), "bc"),
        ];
        for (source, start, count, expected) in cases {
            let arguments: Vec<Value> =
                [source.into(), start.into()].into_iter().chain(count.map(Value::from)).collect();
            assert_eq!(call(Function::Substring, &arguments), Ok(expected.into()), "{arguments:?}");
        }
        assert_eq!(call(Function::Length, &["日本".into()]), Ok(2.into()));
        assert_eq!(call(Function::Length, &[Value::from(vec![1_u8, 2, 3])]), Ok(3.into()));
        for (source, part, place) in [("日本語", "語", 3), ("abc", "", 1), ("abc", "x", 0), ("", "", 1)] {
            assert_eq!(call(Function::Position, &[source.into(), part.into()]), Ok(Value::from(place)));
        }
    }

    #[test]
    fn ends_are_taken_trimmed_and_padded() {
        check(
            &Function::Left,
            &[
                (&[text("été"), 2.into()], "ét"),
                (&[text("été"), (-1).into()], "ét"),
                (&[text("été"), (-9).into()], ""),
                (&[text("été"), 9.into()], "été"),
            ],
        );
        check(
            &Function::Right,
            &[
                (&[text("été"), 2.into()], "té"),
                (&[text("été"), (-1).into()], "té"),
                (&[text("été"), 9.into()], "été"),
                (&[text("été"), 0.into()], ""),
            ],
        );
        // Spaces only, as in PostgreSQL and SQLite.
        check(&Function::Trim, &[(&[text("  x y ")], "x y"), (&[text(" \t x\n ")], "\t x\n")]);
        check(&Function::TrimLeft, &[(&[text("  x ")], "x ")]);
        check(&Function::TrimRight, &[(&[text(" x  ")], " x")]);
        check(
            &Function::PadLeft,
            &[
                (&[text("é"), 4.into(), text("ab")], "abaé"),
                (&[text("long"), 2.into()], "lo"),
                (&[text("x"), 3.into()], "  x"),
                (&[text("x"), 3.into(), text("")], "x"),
                (&[text("x"), (-1).into()], ""),
            ],
        );
        check(&Function::PadRight, &[(&[text("é"), 4.into(), text("ab")], "éaba")]);
    }

    #[test]
    fn texts_are_put_together_and_changed() {
        check(
            &Function::Replace,
            &[
                (&[text("aaa"), text("aa"), text("b")], "ba"),
                (&[text("abc"), text(""), text("x")], "abc"),
                (&[text("été"), text("t"), text("")], "éé"),
            ],
        );
        check(&Function::Reverse, &[(&[text("été!")], "!été")]);
        check(&Function::Repeat, &[(&[text("ab"), 3.into()], "ababab"), (&[text("ab"), (-1).into()], "")]);
        check(
            &Function::Concat,
            &[
                (&[text("a"), Value::Null, 1.into(), true.into(), 1.5.into()], "a1true1.5"),
                (&[Value::Null, Value::Null], ""),
                (&[], ""),
            ],
        );
    }

    #[test]
    fn a_text_that_would_fill_the_memory_is_refused() {
        for (function, arguments) in [
            (Function::Repeat, vec![text("ab"), i64::MAX.into()]),
            (Function::PadLeft, vec![text("ab"), i64::MAX.into()]),
        ] {
            let name = signature::name(&function).to_owned();
            assert_eq!(call(function, &arguments), Err(Error::Overflow { operation: name }));
        }
        assert_eq!(call(Function::Repeat, &[text(""), i64::MAX.into()]), Ok(text("")));
    }
}
