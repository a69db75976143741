//! `EXCLUDE` of window frames, which the syntax tree has no place for.
//!
//! It becomes part of the name of the window that a window is based on, which stands first between its parentheses:
//! `(ORDER BY x ROWS .. EXCLUDE TIES)` is read as `(none$exclude$ties ORDER BY x ROWS ..)`, and the binder takes it
//! apart. So the trees of views still print as SQL that is read as the same.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};

use crate::algebra::Exclude;

const MARK: &str = "$exclude$";

/// The name of a window that is based on none.
const NONE: &str = "none";

/// Moves every `EXCLUDE ..` to the beginning of its parentheses.
pub(super) fn fold_exclusions(tokens: &mut Vec<TokenWithSpan>) {
    let mut from = 0;
    while let Some(at) = tokens[from..].iter().position(|token| is(token, "exclude")).map(|at| at + from) {
        from = at + 1;
        let Some((length, name)) = exclusion(&tokens[from..]) else { continue };
        if tokens.get(from + length).is_none_or(|token| token.token != Token::RParen) {
            continue;
        }
        let Some(open) = opening(&tokens[..at]) else { continue };
        tokens.drain(at..=at + length);
        match &mut tokens[open + 1].token {
            Token::Word(base) if base.keyword == Keyword::NoKeyword => {
                base.value = format!("{}{MARK}{name}", base.value);
            }
            _ => {
                let word = Word {
                    value: format!("{NONE}{MARK}{name}"),
                    quote_style: None,
                    keyword: Keyword::NoKeyword,
                };
                tokens.insert(open + 1, TokenWithSpan { token: Token::Word(word), span: Span::empty() });
            }
        }
    }
}

fn is(token: &TokenWithSpan, text: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text))
}

/// How many words behind `EXCLUDE` say what is excluded, and what it is called in a mark.
fn exclusion(rest: &[TokenWithSpan]) -> Option<(usize, &'static str)> {
    let (first, second) = (rest.first()?, rest.get(1)?);
    match () {
        () if is(first, "ties") => Some((1, "ties")),
        () if is(first, "group") => Some((1, "group")),
        () if is(first, "current") && is(second, "row") => Some((2, "current")),
        () if is(first, "no") && is(second, "others") => Some((2, "no")),
        () => None,
    }
}

/// The parenthesis that is open at the end.
fn opening(before: &[TokenWithSpan]) -> Option<usize> {
    let mut depth = 0;
    before.iter().rposition(|token| {
        match token.token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return true,
            Token::LParen => depth -= 1,
            _ => {}
        }
        false
    })
}

/// What a window is based on, if on any, and what its frame excludes.
pub(super) fn parts(base: &str) -> (Option<&str>, Exclude) {
    let Some((name, exclude)) = base.rsplit_once(MARK) else { return (Some(base), Exclude::NoOthers) };
    let exclude = match exclude {
        "ties" => Exclude::Ties,
        "group" => Exclude::Group,
        "current" => Exclude::CurrentRow,
        _ => Exclude::NoOthers,
    };
    ((name != NONE).then_some(name), exclude)
}
