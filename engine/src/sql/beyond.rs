//! What is written of keys in conflict that the syntax tree has no place for.
//!
//! - SQLite's `UNIQUE (a) ON CONFLICT IGNORE` of a table constraint becomes the comment of its index, as `frame` does it
//!   with `EXCLUDE`: the tree of a constraint has a place for that.
//! - PostgreSQL's `OVERRIDING SYSTEM VALUE` and the second `ON CONFLICT` of SQLite's INSERT stand beside the tree.

use sqlparser::ast::{self, OnInsert};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Whitespace, Word};

use super::grammar::Grammar;

/// What the comment of an index begins with that says what is done with rows in conflict.
const MARK: &str = "$conflict$";

/// What an INSERT says beside its tree.
#[derive(Debug, Default)]
pub(super) struct Beyond {
    /// The clauses behind the first `ON CONFLICT`.
    pub(super) conflicts: Vec<ast::OnConflict>,
    /// What becomes of values for columns that are generated.
    pub(super) overriding: Option<Overriding>,
}

/// What becomes of the values that an INSERT gives for identity columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overriding {
    /// They are taken, also where a value is always generated.
    System,
    /// They are not taken.
    User,
}

/// Takes `OVERRIDING SYSTEM VALUE` or `OVERRIDING USER VALUE` out of an INSERT.
pub(super) fn take_overriding(tokens: &mut Vec<TokenWithSpan>) -> Option<Overriding> {
    if keyword(tokens.first()?) != Keyword::INSERT {
        return None;
    }
    let at = tokens.iter().position(|token| is(token, "overriding"))?;
    let [_, whose, value, ..] = tokens.get(at..)? else { return None };
    let overriding = match () {
        () if !is(value, "value") => return None,
        () if is(whose, "system") => Overriding::System,
        () if is(whose, "user") => Overriding::User,
        () => return None,
    };
    tokens.drain(at..at + 3);
    Some(overriding)
}

/// Parses what the parser has left of an INSERT: further `ON CONFLICT` clauses, and the RETURNING behind them. Each is
/// read as the end of an INSERT of its own.
pub(super) fn parse_further_conflicts(
    parser: &mut Parser<'_>,
    statement: &mut ast::Statement,
    grammar: &Grammar,
    nesting_max: usize,
) -> Result<Vec<ast::OnConflict>, ParserError> {
    let mut further = Vec::new();
    let ast::Statement::Insert(insert) = statement else { return Ok(further) };
    while matches!(insert.on, Some(OnInsert::OnConflict(_)))
        && insert.returning.is_none()
        && keyword(parser.peek_token_ref()) == Keyword::ON
    {
        let mut tokens: Vec<TokenWithSpan> =
            [Keyword::INSERT, Keyword::INTO, Keyword::DEFAULT, Keyword::VALUES]
                .into_iter()
                .map(|keyword| word(&format!("{keyword:?}"), keyword))
                .collect();
        tokens.insert(2, word("one", Keyword::NoKeyword));
        let mut count = 0;
        while parser.peek_nth_token_ref(count).token != Token::EOF {
            tokens.push(parser.peek_nth_token_ref(count).clone());
            count += 1;
        }
        let mut rest =
            Parser::new(grammar).with_recursion_limit(nesting_max).with_tokens_with_locations(tokens);
        let ast::Statement::Insert(clause) = rest.parse_statement()? else { break };
        let mut left = 0;
        while rest.peek_nth_token_ref(left).token != Token::EOF {
            left += 1;
        }
        (0..count.saturating_sub(left)).for_each(|_| parser.advance_token());
        match clause.on {
            Some(OnInsert::OnConflict(conflict)) if left < count => further.push(conflict),
            _ => break,
        }
        insert.returning = clause.returning;
    }
    Ok(further)
}

/// Turns the `ON CONFLICT` of keys that are table constraints into comments of their indexes.
pub(super) fn fold_key_conflicts(tokens: &mut [TokenWithSpan]) {
    let is_create = tokens.first().is_some_and(|token| keyword(token) == Keyword::CREATE);
    for at in 1..tokens.len().saturating_sub(2) {
        if !is_create || keyword(&tokens[at]) != Keyword::ON || keyword(&tokens[at + 1]) != Keyword::CONFLICT
        {
            continue;
        }
        if tokens[at - 1].token != Token::RParen || !is_key(&tokens[..at]) {
            continue;
        }
        if let Token::Word(what) = &tokens[at + 2].token {
            let text = format!("{MARK}{}", what.value.to_lowercase());
            tokens[at].token = word("COMMENT", Keyword::COMMENT).token;
            tokens[at + 1].token = Token::SingleQuotedString(text);
            tokens[at + 2].token = Token::Whitespace(Whitespace::Space);
        }
    }
}

/// What a table constraint does with rows in conflict, if it says so.
pub(super) fn marked(options: &[ast::IndexOption]) -> Option<&str> {
    options.iter().find_map(|option| match option {
        ast::IndexOption::Comment(text) => text.strip_prefix(MARK),
        ast::IndexOption::Using(_) => None,
    })
}

/// Whether what ends with a list in parentheses is a key: `PRIMARY KEY (..)` or `UNIQUE (..)`.
fn is_key(tokens: &[TokenWithSpan]) -> bool {
    let mut depth = 0;
    let open = tokens.iter().rposition(|token| {
        match token.token {
            Token::RParen => depth += 1,
            Token::LParen => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let before = open.and_then(|open| tokens.get(open.checked_sub(1)?));
    before.is_some_and(|token| matches!(keyword(token), Keyword::KEY | Keyword::UNIQUE))
}

fn keyword(token: &TokenWithSpan) -> Keyword {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    }
}

fn is(token: &TokenWithSpan, text: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text))
}

fn word(value: &str, keyword: Keyword) -> TokenWithSpan {
    let word = Word { value: value.to_owned(), quote_style: None, keyword };
    TokenWithSpan { token: Token::Word(word), span: Span::empty() }
}
