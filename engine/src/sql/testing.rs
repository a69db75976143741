//! What the tests of what is parsed beside the parser share.

use std::fmt::Debug;

use sqlparser::parser::{Parser, ParserError};

use super::Dialect;
use super::grammar::Grammar;
use super::parse::{SHALLOW_NESTING_MAX, split};

/// What `whole` makes of a text, and what the parser alone does, each with the token that it stops at; and whether the
/// text is made `here`.
pub(super) fn trees<T: Debug>(
    sql: &str,
    dialect: Dialect,
    here: impl FnOnce(&Grammar, &mut Parser<'_>) -> bool,
    whole: impl FnOnce(&Grammar, &mut Parser<'_>) -> Result<T, ParserError>,
    alone: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> ([Result<String, String>; 2], bool) {
    let grammar = Grammar::new(dialect);
    let tokens = split(sql, dialect).unwrap().remove(0);
    let parser = || {
        Parser::new(&grammar)
            .with_recursion_limit(4 * SHALLOW_NESTING_MAX)
            .with_tokens_with_locations(tokens.clone())
    };
    let shown = |parser: &Parser<'_>, tree: Result<T, ParserError>| {
        let tree = tree.map_err(|error| error.to_string())?;
        Ok(format!("{tree:?} {:?}", parser.peek_token_ref()))
    };
    let (mut first, mut second, mut third) = (parser(), parser(), parser());
    let is_here = here(&grammar, &mut first);
    let (left, right) = (whole(&grammar, &mut second), alone(&mut third));
    ([shown(&second, left), shown(&third, right)], is_here)
}
