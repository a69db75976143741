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
        for row in selection {
            let found = match (&constant, texts.text(row)) {
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
        literal: Option<String>,
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
                matches_ascii(*place, text.as_bytes(), literal.as_bytes())
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
        let literal = literal.is_ascii().then(|| literal.to_owned());
        Ok(Matcher::Folded { place, literal, regex })
    }
}

fn matches_ascii(place: Place, text: &[u8], literal: &[u8]) -> bool {
    let Some(spare) = text.len().checked_sub(literal.len()) else { return false };
    match place {
        Place::Whole => text.eq_ignore_ascii_case(literal),
        Place::Start => text[..literal.len()].eq_ignore_ascii_case(literal),
        Place::End => text[spare..].eq_ignore_ascii_case(literal),
        Place::Anywhere => {
            let Some(first) = literal.first() else { return true };
            let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
            memchr::memchr2_iter(lower, upper, &text[..=spare])
                .any(|start| text[start..start + literal.len()].eq_ignore_ascii_case(literal))
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
