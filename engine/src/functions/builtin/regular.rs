//! Regular expressions, and the patterns that become such: those of `SIMILAR TO` and of `GLOB`.
//!
//! PostgreSQL's flags are letters: `i` ignores case, `c` does not, `s` lets `.` match a line break (as it does there
//! when nothing is said), `n` and `m` let it not and `^` and `$` match at every line, `x` ignores white space in the
//! pattern, `g` means all matches.

use std::borrow::Cow;

use nuages_storage::Value;
use regex::{Regex, RegexBuilder};

use super::{BOOL, Builtin, INT, Overload, TEXT, Takes, refused, table};
use crate::error::Error;
use crate::functions::Call;
use crate::functions::string::{check_size, truths};
use crate::vector::Vector;

pub(super) const TABLE: &[Builtin] = table! {
    "regexp_replace" [TEXT, TEXT, TEXT | TEXT] => TEXT, replace;
    "regexp_like" [TEXT, TEXT | TEXT] => BOOL, |call| {
        let mut patterns = Patterns::default();
        let mut found = crate::bits::Bits::none(call.len);
        for row in &call.live() {
            if patterns.get(call.text(1, row), call.text(2, row))?.is_match(call.text(0, row)) {
                found.insert(row);
            }
        }
        Ok(truths(call, |row| found.contains(row)))
    };
    // From a place on, one match or, if it is number 0, all.
    "regexp_replace_from" [TEXT, TEXT, TEXT, INT | INT, TEXT] => TEXT, replace_from;
    "regexp_count" [TEXT, TEXT | INT, TEXT] => INT, |call| {
        let mut patterns = Patterns::default();
        call.ints(|row| {
            let text = from_place("regexp_count", call, 2, row)?;
            let count = patterns.get(call.text(1, row), call.text(3, row))?.find_iter(text).count();
            Ok(i64::try_from(count).unwrap_or(i64::MAX))
        })
    };
    "regexp_substr" [TEXT, TEXT | INT, INT, TEXT, INT] => TEXT, |call| {
        let mut patterns = Patterns::default();
        call.values(TEXT, |row| {
            let text = from_place("regexp_substr", call, 2, row)?;
            let regex = patterns.get(call.text(1, row), call.text(4, row))?;
            let group = place("regexp_substr", call.int(5, row).unwrap_or(0))?;
            let found = regex.captures_iter(text).nth(nth("regexp_substr", call, 3, row)?);
            Ok(found.and_then(|found| Some(Value::from(found.get(group)?.as_str()))))
        })
    };
    "regexp_instr" [TEXT, TEXT | INT, INT, INT, TEXT, INT] => INT, |call| {
        let mut patterns = Patterns::default();
        call.ints(|row| {
            let text = from_place("regexp_instr", call, 2, row)?;
            let regex = patterns.get(call.text(1, row), call.text(5, row))?;
            let group = place("regexp_instr", call.int(6, row).unwrap_or(0))?;
            let found = regex.captures_iter(text).nth(nth("regexp_instr", call, 3, row)?);
            let Some(found) = found.and_then(|found| found.get(group)) else { return Ok(0) };
            let end = call.int(4, row).unwrap_or(0) != 0;
            let offset = if end { found.end() } else { found.start() };
            let skipped = call.text(0, row).len() - text.len();
            let before = call.text(0, row)[..skipped + offset].chars().count();
            Ok(i64::try_from(before).unwrap_or(i64::MAX) + 1)
        })
    };
    // `substring(text FROM pattern)`: the first group if the pattern has one.
    "regexp_substring" [TEXT, TEXT] => TEXT, |call| {
        let mut patterns = Patterns::default();
        call.values(TEXT, |row| {
            let regex = patterns.get(call.text(1, row), "")?;
            let group = usize::from(regex.captures_len() > 1);
            let found = regex.captures(call.text(0, row)).and_then(|found| found.get(group));
            Ok(found.map(|found| Value::from(found.as_str())))
        })
    };
    "similar_to_escape" [TEXT | TEXT] => TEXT, |call| call.texts(|row, heap| {
        similar(call.text(0, row), escape(call.optional_text(1, row))?, heap);
        Ok(())
    });
    "like_escape" [TEXT, TEXT] => TEXT, |call| call.texts(|row, heap| {
        let escape = escape(call.optional_text(1, row))?;
        heap.push_str(&escaped_by_backslash(call.text(0, row), escape));
        Ok(())
    });
    "glob_pattern" [TEXT] => TEXT, |call| call.texts(|row, heap| {
        heap.push_str(&regex_of_glob(call.text(0, row)));
        Ok(())
    });
};

fn replace(call: &Call<'_>) -> Result<Vector<'static>, Error> {
    let mut patterns = Patterns::default();
    call.texts(|row, heap| {
        let flags = call.text(3, row);
        let pattern = patterns.get(call.text(1, row), flags)?;
        let replacement = group_references(call.text(2, row));
        let limit = usize::from(!flags.contains('g'));
        heap.push_str(&pattern.replacen(call.text(0, row), limit, &*replacement));
        check_size("regexp_replace", heap.len())
    })
}

fn replace_from(call: &Call<'_>) -> Result<Vector<'static>, Error> {
    let mut patterns = Patterns::default();
    call.texts(|row, heap| {
        let flags = call.text(5, row);
        let pattern = patterns.get(call.text(1, row), flags)?;
        let replacement = group_references(call.text(2, row));
        let text = from_place("regexp_replace", call, 3, row)?;
        heap.push_str(&call.text(0, row)[..call.text(0, row).len() - text.len()]);
        let wanted = call.int(4, row).unwrap_or(i64::from(!flags.contains('g')));
        let wanted = usize::try_from(wanted).map_err(|_| {
            refused("regexp_replace", "the number of a match, or 0 for all", wanted.to_string())
        })?;
        let mut number = 0;
        let replaced = pattern.replace_all(text, |found: &regex::Captures<'_>| {
            number += 1;
            let mut with = String::new();
            match wanted == 0 || wanted == number {
                true => found.expand(&replacement, &mut with),
                false => with.push_str(&found[0]),
            }
            with
        });
        heap.push_str(&replaced);
        check_size("regexp_replace", heap.len())
    })
}

/// The first argument from a place on, which counts characters from 1.
fn from_place<'c>(function: &str, call: &'c Call<'_>, argument: usize, row: usize) -> Result<&'c str, Error> {
    let text = call.text(0, row);
    let start = call.int(argument, row).unwrap_or(1);
    let skipped = usize::try_from(start).ok().and_then(|start| start.checked_sub(1));
    let skipped = skipped.ok_or_else(|| refused(function, "a start from 1 on", start.to_string()))?;
    Ok(text.char_indices().nth(skipped).map_or("", |(offset, _)| &text[offset..]))
}

/// The place of the n-th match among all, n from 1.
fn nth(function: &str, call: &Call<'_>, argument: usize, row: usize) -> Result<usize, Error> {
    let n = call.int(argument, row).unwrap_or(1);
    let place = usize::try_from(n).ok().and_then(|n| n.checked_sub(1));
    place.ok_or_else(|| refused(function, "the number of a match, from 1 on", n.to_string()))
}

fn place(function: &str, group: i64) -> Result<usize, Error> {
    usize::try_from(group)
        .map_err(|_| refused(function, "the number of a group, from 0 on", group.to_string()))
}

/// The regular expression that was compiled last.
#[derive(Default)]
pub(super) struct Patterns {
    last: Option<(String, String, Regex)>,
}

impl Patterns {
    pub(super) fn get(&mut self, pattern: &str, flags: &str) -> Result<&Regex, Error> {
        let is_known = self.last.as_ref().is_some_and(|(known, with, _)| known == pattern && with == flags);
        if !is_known {
            let regex = compile(pattern, flags)?;
            self.last = Some((pattern.to_owned(), flags.to_owned(), regex));
        }
        match &self.last {
            Some((.., regex)) => Ok(regex),
            None => unreachable!("it was put there"),
        }
    }
}

fn compile(pattern: &str, flags: &str) -> Result<Regex, Error> {
    let refused = |reason: String| Error::Pattern { pattern: pattern.to_owned(), reason };
    let mut builder = RegexBuilder::new(pattern);
    builder.dot_matches_new_line(true);
    for flag in flags.chars() {
        match flag {
            'g' => {}
            'i' => _ = builder.case_insensitive(true),
            'c' => _ = builder.case_insensitive(false),
            's' => _ = builder.dot_matches_new_line(true).multi_line(false),
            'm' | 'n' => _ = builder.dot_matches_new_line(false).multi_line(true),
            'x' => _ = builder.ignore_whitespace(true),
            other => return Err(refused(format!("there is no flag {other:?}, only g, i, c, s, n, m and x"))),
        }
    }
    builder.build().map_err(|reason| refused(reason.to_string()))
}

/// A replacement in which `\1` and `\&` are groups, as one in which `${1}` is.
fn group_references(replacement: &str) -> Cow<'_, str> {
    if !replacement.contains(['\\', '$']) {
        return Cow::Borrowed(replacement);
    }
    let mut converted = String::with_capacity(replacement.len() + 4);
    let mut characters = replacement.chars();
    while let Some(character) = characters.next() {
        match character {
            '$' => converted.push_str("$$"),
            '\\' => match characters.next() {
                Some('&') => converted.push_str("${0}"),
                Some(digit @ '1'..='9') => {
                    converted.push_str("${");
                    converted.push(digit);
                    converted.push('}');
                }
                Some('$') => converted.push_str("$$"),
                Some(other) => converted.push(other),
                None => converted.push('\\'),
            },
            other => converted.push(other),
        }
    }
    Cow::Owned(converted)
}

/// The character that escapes: none if it is the empty text, a backslash if nothing is said.
fn escape(escape: Option<&str>) -> Result<Option<char>, Error> {
    let Some(escape) = escape else { return Ok(Some('\\')) };
    let mut characters = escape.chars();
    match (characters.next(), characters.next()) {
        (first, None) => Ok(first),
        _ => Err(Error::Pattern {
            pattern: escape.to_owned(),
            reason: "ESCAPE takes one character".to_owned(),
        }),
    }
}

/// Adds a pattern of `SIMILAR TO` as a regular expression for the whole text: `%` and `_` are its wildcards, `|`, `*`,
/// `+`, `?`, `{..}`, `(..)` and `[..]` mean what they do there, all else means itself.
fn similar(pattern: &str, escape: Option<char>, heap: &mut String) {
    let mut characters = pattern.chars();
    let mut in_brackets = false;
    heap.push_str("(?s)^(?:");
    while let Some(character) = characters.next() {
        match character {
            character if Some(character) == escape => {
                if let Some(escaped) = characters.next() {
                    push_literal(escaped, heap);
                }
            }
            ']' if in_brackets => {
                in_brackets = false;
                heap.push(']');
            }
            '[' if !in_brackets => {
                in_brackets = true;
                heap.push('[');
            }
            '[' | '&' | '~' | '\\' if in_brackets => {
                heap.push('\\');
                heap.push(character);
            }
            character if in_brackets => heap.push(character),
            '%' => heap.push_str(".*"),
            '_' => heap.push('.'),
            '(' => heap.push_str("(?:"),
            '|' | '*' | '+' | '?' | '{' | '}' | ')' => heap.push(character),
            other => push_literal(other, heap),
        }
    }
    heap.push_str(")$");
}

fn push_literal(character: char, heap: &mut String) {
    heap.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
}

/// A pattern of `LIKE` in which `escape` escapes as one in which `\` does.
pub(crate) fn escaped_by_backslash(pattern: &str, escape: Option<char>) -> String {
    let mut result = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if Some(character) == escape {
            result.push('\\');
            result.extend(characters.next());
        } else {
            if character == '\\' {
                result.push('\\');
            }
            result.push(character);
        }
    }
    result
}

/// `*`, `?` and `[..]` as a regular expression for the whole text.
pub(crate) fn regex_of_glob(glob: &str) -> String {
    let mut regex = String::from("(?s)^");
    let mut characters = glob.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                regex.push('[');
                if characters.next_if(|next| matches!(next, '^' | '!')).is_some() {
                    regex.push('^');
                }
                let mut is_first = true;
                for inner in characters.by_ref() {
                    if inner == ']' && !is_first {
                        break;
                    }
                    if matches!(inner, '[' | ']' | '\\' | '&' | '~') {
                        regex.push('\\');
                    }
                    regex.push(inner);
                    is_first = false;
                }
                regex.push(']');
            }
            other => push_literal(other, &mut regex),
        }
    }
    regex.push('$');
    regex
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::{Expr, Function};
    use crate::evaluate::testing::value_of;

    fn call(name: &str, arguments: &[Value]) -> Result<Value, Error> {
        let function = Function::Builtin(Builtin::named(name).unwrap());
        value_of(&Expr::Call(function, arguments.iter().cloned().map(Expr::Literal).collect()))
    }

    #[track_caller]
    fn check(name: &str, arguments: &[&str], expected: impl Into<Value>) {
        let arguments: Vec<Value> = arguments.iter().map(|text| Value::from(*text)).collect();
        assert_eq!(call(name, &arguments), Ok(expected.into()), "{name}{arguments:?}");
    }

    #[test]
    fn regular_expressions_replace_and_find() {
        check("regexp_replace", &["foobarbaz", "b..", "X"], "fooXbaz");
        check("regexp_replace", &["foobarbaz", "b..", "X", "g"], "fooXX");
        check("regexp_replace", &["foobarbaz", "b(..)", r"X\1Y$", "g"], "fooXarY$XazY$");
        check("regexp_replace", &["Abc", "B", r"[\&]", "i"], "A[b]c");
        check("regexp_substr", &["number of your street", "[a-z]+$"], "street");
        check("regexp_substr", &["number", "[0-9]"], Value::Null);
        check("regexp_count", &["ABCABCAXYaxy", "A."], 3);
        check("regexp_like", &["Hello World", "world$", "i"], true);
        check("regexp_substring", &["foobar", "o(.)b"], "o");
        for bad in [["a", "(", ""], ["a", "a", "y"]] {
            let [text, pattern, flags] = bad.map(Value::from);
            let refused = call("regexp_replace", &[text, pattern, "b".into(), flags]);
            assert!(matches!(refused, Err(Error::Pattern { .. })));
        }
        assert!(call("regexp_count", &["a".into(), "a".into(), 0.into()]).is_err());
    }

    #[test]
    fn places_count_characters() {
        let arguments = ["été12".into(), "[0-9]".into(), 1.into(), 2.into()];
        assert_eq!(call("regexp_instr", &arguments), Ok(5.into()));
        assert_eq!(call("regexp_substr", &arguments), Ok("2".into()));
        check("regexp_instr", &["abc", "x"], 0);
    }

    #[test]
    fn patterns_of_similar_to_become_regular_expressions() {
        check("similar_to_escape", &["%(b|d)_"], "(?s)^(?:.*(?:b|d).)$");
        check("similar_to_escape", &["a!%[^x_]", "!"], "(?s)^(?:a%[^x_])$");
        assert!(call("similar_to_escape", &["a".into(), "no".into()]).is_err());
    }

    #[test]
    fn escapes_become_backslashes() {
        assert_eq!(escaped_by_backslash("50!%_\\", Some('!')), "50\\%_\\\\");
        assert_eq!(escaped_by_backslash("a\\%", None), "a\\\\%");
    }

    #[test]
    fn globs_become_regular_expressions() {
        assert_eq!(regex_of_glob("a*[^0-9]?.c"), "(?s)^a.*[^0-9].\\.c$");
    }
}
