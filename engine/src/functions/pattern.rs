//! Text search.
//!
//! A pattern is prepared once: a literal one when the expression is compiled, a parameter when it is first seen, after
//! which it is kept for the batches that follow. Literal parts are found by SIMD substring search. Where case does not
//! count, ASCII texts are compared byte by byte; everything else is a regular expression, whose Unicode folding is
//! the simple one of the standard (so `Σ`, `σ` and `ς` are one letter, as are `K` and the Kelvin sign).

use std::sync::Arc;

use memchr::memmem::Finder;
use nuages_storage::Value;
use parking_lot::Mutex;
use regex::{Regex, RegexBuilder};

use crate::algebra::TextMatch;
use crate::bits::Bits;
use crate::error::Error;
use crate::vector::Vector;

/// A search and the pattern it met last.
#[derive(Debug)]
pub(crate) struct Search {
    kind: TextMatch,
    ignore_case: bool,
    prepared: Mutex<Option<Arc<Pattern>>>,
}

impl Search {
    /// A search; `pattern` if it is known already.
    pub(crate) fn new(kind: TextMatch, ignore_case: bool, pattern: Option<&str>) -> Result<Search, Error> {
        let search = Search { kind, ignore_case, prepared: Mutex::new(None) };
        if let Some(pattern) = pattern {
            search.prepared(pattern)?;
        }
        Ok(search)
    }

    /// The rows of `selection` whose text matches, and those where text or pattern is NULL.
    pub(crate) fn test(
        &self,
        texts: &Vector<'_>,
        patterns: &Vector<'_>,
        len: usize,
        selection: &Bits,
    ) -> Result<(Bits, Bits), Error> {
        let constant = match patterns {
            Vector::Constant { value: Value::Text(text), .. } => Some(self.prepared(text)?),
            _ => None,
        };
        let (mut yes, mut unknown) = (Bits::none(len), Bits::none(len));
        let texts = texts.texts();
        for row in selection {
            let found = match (&constant, texts.get(row)) {
                (Some(pattern), Some(text)) => pattern.matches(text),
                (None, Some(text)) => match patterns.text(row) {
                    Some(pattern) => self.prepared(pattern)?.matches(text),
                    None => {
                        unknown.insert(row);
                        false
                    }
                },
                (_, None) => {
                    unknown.insert(row);
                    false
                }
            };
            if found {
                yes.insert(row);
            }
        }
        Ok((yes, unknown))
    }

    fn prepared(&self, pattern: &str) -> Result<Arc<Pattern>, Error> {
        let mut last = self.prepared.lock();
        match &*last {
            Some(known) if known.source == pattern => Ok(Arc::clone(known)),
            _ => {
                let pattern = Arc::new(Pattern::new(self.kind, self.ignore_case, pattern)?);
                *last = Some(Arc::clone(&pattern));
                Ok(pattern)
            }
        }
    }
}

/// A prepared pattern.
#[derive(Debug)]
struct Pattern {
    source: String,
    matcher: Matcher,
}

#[derive(Debug)]
enum Matcher {
    /// A literal at a place.
    Literal {
        place: Place,
        literal: String,
        finder: Box<Finder<'static>>,
    },
    /// The same where case does not count: ASCII compared by bytes, and for other texts the regular expression.
    Folded {
        place: Place,
        literal: Option<AsciiLiteral>,
        regex: Regex,
    },
    Regex(Regex),
}

/// Where a literal must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Whole,
    Start,
    End,
    Anywhere,
}

impl Pattern {
    fn new(kind: TextMatch, ignore_case: bool, source: &str) -> Result<Pattern, Error> {
        let literal = |place| Matcher::literal(place, source, ignore_case);
        let matcher = match kind {
            TextMatch::Exact => literal(Place::Whole)?,
            TextMatch::StartsWith => literal(Place::Start)?,
            TextMatch::EndsWith => literal(Place::End)?,
            TextMatch::Contains => literal(Place::Anywhere)?,
            TextMatch::Regex => Matcher::Regex(regex(source, source, ignore_case, false)?),
            TextMatch::Like => like(source, ignore_case)?,
        };
        Ok(Pattern { source: source.to_owned(), matcher })
    }

    fn matches(&self, text: &str) -> bool {
        match &self.matcher {
            Matcher::Literal { place: Place::Whole, literal, .. } => text == literal,
            Matcher::Literal { place: Place::Start, literal, .. } => text.starts_with(literal),
            Matcher::Literal { place: Place::End, literal, .. } => text.ends_with(literal),
            Matcher::Literal { place: Place::Anywhere, finder, .. } => finder.find(text.as_bytes()).is_some(),
            Matcher::Folded { place, literal: Some(literal), .. } if text.is_ascii() => {
                literal.matches(*place, text.as_bytes())
            }
            Matcher::Folded { regex, .. } | Matcher::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Matcher {
    fn literal(place: Place, literal: &str, ignore_case: bool) -> Result<Matcher, Error> {
        if !ignore_case {
            let finder = Box::new(Finder::new(literal).into_owned());
            return Ok(Matcher::Literal { place, literal: literal.to_owned(), finder });
        }
        let start = if matches!(place, Place::Whole | Place::Start) { r"\A" } else { "" };
        let end = if matches!(place, Place::Whole | Place::End) { r"\z" } else { "" };
        let regex = regex(literal, &format!("{start}{}{end}", regex::escape(literal)), true, true)?;
        let literal = literal.is_ascii().then(|| AsciiLiteral::new(literal.as_bytes()));
        Ok(Matcher::Folded { place, literal, regex })
    }
}

/// A literal of ASCII alone, to be found in texts of ASCII alone, whatever their case.
#[derive(Debug)]
struct AsciiLiteral {
    bytes: Vec<u8>,
    /// The byte to look for first, in both cases, and where in the literal it lies.
    rarest: usize,
    cases: [u8; 2],
}

impl AsciiLiteral {
    fn new(literal: &[u8]) -> AsciiLiteral {
        /// Of English texts; what is not here is rarer still.
        const FROM_THE_MOST_FREQUENT: &[u8] = b" etaoinsrhldcumfpgwybvkxjqz";
        let rarity = |byte: u8| FROM_THE_MOST_FREQUENT.iter().position(|known| *known == byte);
        let bytes = literal.to_ascii_lowercase();
        let rarest = (0..bytes.len()).max_by_key(|index| rarity(bytes[*index]).unwrap_or(usize::MAX));
        let rarest = rarest.unwrap_or_default();
        let byte = bytes.get(rarest).copied().unwrap_or_default();
        AsciiLiteral { bytes, rarest, cases: [byte, byte.to_ascii_uppercase()] }
    }

    fn matches(&self, place: Place, text: &[u8]) -> bool {
        let len = self.bytes.len();
        let Some(spare) = text.len().checked_sub(len) else { return false };
        let lies_at = |start: usize| text[start..start + len].eq_ignore_ascii_case(&self.bytes);
        match place {
            Place::Whole => spare == 0 && lies_at(0),
            Place::Start => lies_at(0),
            Place::End => lies_at(spare),
            Place::Anywhere if len == 0 => true,
            Place::Anywhere => {
                let [lower, upper] = self.cases;
                memchr::memchr2_iter(lower, upper, &text[self.rarest..=self.rarest + spare]).any(lies_at)
            }
        }
    }
}

/// Compiles `expression`; an error shows the `source` it was made from.
fn regex(source: &str, expression: &str, ignore_case: bool, dot_all: bool) -> Result<Regex, Error> {
    RegexBuilder::new(expression)
        .case_insensitive(ignore_case)
        .dot_matches_new_line(dot_all)
        .build()
        .map_err(|reason| Error::Pattern { pattern: source.to_owned(), reason: reason.to_string() })
}

/// A part of a `LIKE` pattern.
#[derive(Debug, PartialEq)]
enum Token {
    /// `%`: any characters.
    Any,
    /// `_`: one character.
    One,
    Literal(String),
}

/// A `LIKE` pattern with wildcards only at its ends is a literal search; any other becomes a regular expression.
fn like(source: &str, ignore_case: bool) -> Result<Matcher, Error> {
    let tokens = tokens(source)?;
    let simple = match &tokens[..] {
        [] => Some((Place::Whole, "")),
        [Token::Any] => Some((Place::Anywhere, "")),
        [Token::Literal(literal)] => Some((Place::Whole, literal.as_str())),
        [Token::Literal(literal), Token::Any] => Some((Place::Start, literal.as_str())),
        [Token::Any, Token::Literal(literal)] => Some((Place::End, literal.as_str())),
        [Token::Any, Token::Literal(literal), Token::Any] => Some((Place::Anywhere, literal.as_str())),
        _ => None,
    };
    if let Some((place, literal)) = simple {
        return Matcher::literal(place, literal, ignore_case);
    }
    let mut expression = String::from(r"\A");
    for token in &tokens {
        match token {
            Token::Any => expression.push_str(".*"),
            Token::One => expression.push('.'),
            Token::Literal(literal) => expression.push_str(&regex::escape(literal)),
        }
    }
    expression.push_str(r"\z");
    Ok(Matcher::Regex(regex(source, &expression, ignore_case, true)?))
}

/// What follows the beginning of a `LIKE` pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Following {
    Nothing,
    Anything,
    /// What is not so simple.
    Pattern,
}

/// What every text that matches a `LIKE` pattern begins with, if it is anything, and what follows it.
pub(crate) fn like_beginning(source: &str) -> Option<(String, Following)> {
    let tokens = tokens(source).ok()?;
    let Some((Token::Literal(beginning), rest)) = tokens.split_first() else { return None };
    let following = match rest {
        [] => Following::Nothing,
        [Token::Any] => Following::Anything,
        _ => Following::Pattern,
    };
    Some((beginning.clone(), following))
}

fn tokens(source: &str) -> Result<Vec<Token>, Error> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut characters = source.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '%' if tokens.last() == Some(&Token::Any) => continue,
            '%' => {
                tokens.push(Token::Any);
                continue;
            }
            '_' => {
                tokens.push(Token::One);
                continue;
            }
            '\\' => characters.next().ok_or_else(|| Error::Pattern {
                pattern: source.to_owned(),
                reason: "nothing follows the \\ at its end".to_owned(),
            })?,
            literal => literal,
        };
        match tokens.last_mut() {
            Some(Token::Literal(text)) => text.push(literal),
            _ => tokens.push(Token::Literal(literal.to_string())),
        }
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::algebra::Expr;
    use crate::evaluate::testing::value_of;

    fn found(
        kind: TextMatch,
        ignore_case: bool,
        text: impl Into<Value>,
        pattern: &str,
    ) -> Result<Value, Error> {
        let (text, pattern) = (Box::new(Expr::literal(text)), Box::new(Expr::literal(pattern)));
        value_of(&Expr::Match { kind, ignore_case, text, pattern })
    }

    fn check(kind: TextMatch, ignore_case: bool, cases: &[(&str, &str, bool)]) {
        for (text, pattern, expected) in cases {
            assert_eq!(
                found(kind, ignore_case, *text, pattern),
                Ok((*expected).into()),
                "{kind:?} {text:?} {pattern:?}"
            );
        }
    }

    #[test]
    fn literal_patterns_have_no_wildcards() {
        check(
            TextMatch::Contains,
            false,
            &[
                ("50% off", "0% o", true),
                ("500 off", "0% o", false),
                ("abc", "", true),
                ("", "", true),
                ("abc", "B", false),
            ],
        );
        check(TextMatch::StartsWith, false, &[("a.c", "a.", true), ("abc", "a.", false), ("x", "xy", false)]);
        check(TextMatch::EndsWith, false, &[("a_c", "_c", true), ("abc", "_c", false)]);
        check(TextMatch::Exact, false, &[("é", "é", true), ("e", "é", false)]);
    }

    #[test]
    fn case_is_ignored_in_every_script() {
        check(
            TextMatch::Exact,
            true,
            &[
                ("straße", "STRAẞE", true),
                ("straße", "STRASSE", false),
                ("ΌΣΟΣ", "όσος", true),
                ("\u{212a}elvin", "kELVIN", true),
                ("kelvin", "\u{212a}ELVIN", true),
                ("ſet", "SET", true),
                ("Ünïcode", "üNÏCODE", true),
                ("abc", "abd", false),
                ("abc", "abcd", false),
            ],
        );
        check(
            TextMatch::Contains,
            true,
            &[
                ("Ich heiße ÉTÉ.", "été", true),
                ("xxABCxx", "abc", true),
                ("xxABxx", "abc", false),
                ("a[c", "A[C", true),
                ("aXab", "AB", true),
                ("", "a", false),
                ("a", "", true),
            ],
        );
        check(TextMatch::StartsWith, true, &[("ÀB", "à", true), ("xÀ", "à", false), ("ABC", "ab", true)]);
        check(TextMatch::EndsWith, true, &[("BÀ", "à", true), ("Àx", "à", false), ("ABC", "bc", true)]);
    }

    #[test]
    fn like_knows_its_wildcards_and_the_escape() {
        check(
            TextMatch::Like,
            false,
            &[
                ("abc", "abc", true),
                ("abc", "a%", true),
                ("abc", "%c", true),
                ("abc", "%b%", true),
                ("abc", "a_c", true),
                ("abc", "a%c%", true),
                ("abc", "_b", false),
                ("été", "_t_", true),
                ("a\nb", "a_b", true),
                ("a\nb", "a%b", true),
                ("50%", "50\\%", true),
                ("500", "50\\%", false),
                ("a\\b", "a\\\\b", true),
                ("", "", true),
                ("", "%", true),
                ("a", "", false),
                ("a.c", "a.c", true),
                ("abc", "a.c", false),
                ("abc", "%%%", true),
            ],
        );
        check(TextMatch::Like, true, &[("ÉTÉ", "é%", true), ("ABC", "a_c", true), ("ABC", "%B%", true)]);
        assert!(matches!(found(TextMatch::Like, false, "a", "a\\"), Err(Error::Pattern { .. })));
    }

    /// Whether a text matches a pattern without escapes, character by character.
    fn is_like(text: &[u8], pattern: &[u8]) -> bool {
        match (text, pattern) {
            (text, [b'%', rest @ ..]) => (0..=text.len()).any(|skipped| is_like(&text[skipped..], rest)),
            ([_, text @ ..], [b'_', rest @ ..]) => is_like(text, rest),
            ([first, text @ ..], [wanted, rest @ ..]) => first == wanted && is_like(text, rest),
            (text, pattern) => text.is_empty() && pattern.is_empty(),
        }
    }

    proptest! {
        #[test]
        fn like_finds_what_it_finds_character_by_character(
            text in "[ab]{0,9}",
            pattern in prop_oneof!["[ab%]{0,8}", "[ab%_]{0,8}"],
        ) {
            let expected = is_like(text.as_bytes(), pattern.as_bytes());
            prop_assert_eq!(found(TextMatch::Like, false, text.as_str(), &pattern), Ok(expected.into()));
        }
    }

    #[test]
    fn a_regular_expression_matches_anywhere() {
        check(
            TextMatch::Regex,
            false,
            &[("abc123", r"\d+", true), ("abc", r"^b", false), ("abc", "B", false)],
        );
        check(TextMatch::Regex, true, &[("ÉTÉ", "^é.é$", true)]);
        let error = found(TextMatch::Regex, false, "a", "(").unwrap_err();
        assert!(matches!(&error, Error::Pattern { pattern, .. } if pattern == "("), "{error}");
    }

    #[test]
    fn what_is_no_text_is_searched_in_its_text_form() {
        assert_eq!(found(TextMatch::StartsWith, false, 2024, "20"), Ok(true.into()));
        assert_eq!(
            found(TextMatch::Contains, false, jiff::civil::date(2024, 2, 29), "-02-"),
            Ok(true.into())
        );
        assert_eq!(found(TextMatch::Exact, true, true, "TRUE"), Ok(true.into()));
        assert_eq!(found(TextMatch::Contains, false, Value::Null, "x"), Ok(Value::Null));
    }

    #[test]
    fn a_pattern_may_differ_from_row_to_row() {
        let search = Search::new(TextMatch::Contains, false, None).unwrap();
        let kind = nuages_storage::DataType::Text { max_length: None };
        let texts = Vector::from_values(kind, ["ab", "ab", "ab"].map(Value::from));
        let patterns = Vector::from_values(kind, [Value::from("a"), Value::from("x"), Value::Null]);
        let (yes, unknown) = search.test(&texts, &patterns, 3, &Bits::all(3)).unwrap();
        assert_eq!((yes, unknown), (Bits::from_word(0b001), Bits::from_word(0b100)));
    }

    /// `LIKE` by its definition.
    fn like_naively(text: &[char], pattern: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|start| like_naively(&text[start..], rest)),
            Some(('_', rest)) => !text.is_empty() && like_naively(&text[1..], rest),
            Some((literal, rest)) => text.first() == Some(literal) && like_naively(&text[1..], rest),
        }
    }

    proptest! {
        #[test]
        fn like_is_what_it_is_defined_as(text in "[abé]{0,8}", pattern in "[abé%_]{0,6}") {
            let characters = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = like_naively(&characters(&text), &characters(&pattern));
            let pattern = Pattern::new(TextMatch::Like, false, &pattern).unwrap();
            prop_assert_eq!(pattern.matches(&text), expected);
        }

        #[test]
        fn ascii_and_the_regular_expression_agree(text in "[aAbBkKsS]{0,8}", literal in "[aAbBkKsS]{0,3}") {
            for kind in [TextMatch::Exact, TextMatch::Contains, TextMatch::StartsWith, TextMatch::EndsWith] {
                let pattern = Pattern::new(kind, true, &literal).unwrap();
                let Matcher::Folded { regex, .. } = &pattern.matcher else { panic!("{:?}", pattern) };
                prop_assert_eq!(pattern.matches(&text), regex.is_match(&text));
            }
        }
    }
}
