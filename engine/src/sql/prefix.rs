//! Expressions that the parser does not know, or knows other than the dialects, or only by a detour.
//!
//! The parser takes each beginning of an expression for a type first, since `DATE '2024-01-31'` begins with one, and
//! goes back when it is none; a list it takes for a query. The common ones are parsed by climbing (see `climb`).

use sqlparser::ast::{BinaryOperator, Expr, Ident, ObjectName, TrimWhereField, UnaryOperator};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::grammar::Grammar;
use super::keyword::is_aggregate;

type Parsed = Option<Result<Expr, ParserError>>;

/// The expression that begins here, if it is one of those.
pub(super) fn parse(grammar: &Grammar, parser: &mut Parser<'_>) -> Parsed {
    let op = match parser.peek_token_ref().token {
        Token::Minus => Some(UnaryOperator::Minus),
        Token::Plus => Some(UnaryOperator::Plus),
        Token::Tilde => Some(UnaryOperator::BitwiseNot),
        _ => None,
    };
    if let Some(op) = op {
        parser.advance_token();
        let operand = parser.parse_subexpr(grammar.sign(op));
        return Some(operand.map(|operand| of_sign(op, Box::new(operand))));
    }
    match parser.peek_token_ref() {
        TokenWithSpan { token: Token::LParen, .. } if begins_query(parser, 1) => set_operation(parser),
        TokenWithSpan { token: Token::Word(Word { keyword, quote_style, .. }), .. } => {
            let (keyword, is_quoted) = (*keyword, quote_style.is_some());
            word(parser, keyword, is_quoted)
        }
        _ => None,
    }
}

/// A sign and its operand. Two minuses in a row are a comment where the tree is printed, as it is for a view.
pub(super) fn of_sign(op: UnaryOperator, operand: Box<Expr>) -> Expr {
    let is_signed = matches!(*operand, Expr::UnaryOp { .. });
    Expr::UnaryOp { op, expr: if is_signed { Box::new(Expr::Nested(operand)) } else { operand } }
}

/// Whether a query begins at a token that is so far ahead.
pub(super) fn begins_query(parser: &Parser<'_>, ahead: usize) -> bool {
    match &parser.peek_nth_token_ref(ahead).token {
        Token::Word(word) => {
            matches!(
                word.keyword,
                Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::TABLE | Keyword::FROM
            )
        }
        // It may be a query in parentheses.
        Token::LParen => {
            let mut inner = ahead + 1;
            while matches!(parser.peek_nth_token_ref(inner).token, Token::LParen) {
                inner += 1;
            }
            begins_query(parser, inner)
        }
        _ => false,
    }
}

/// What follows the parentheses that open so far ahead, if some do.
fn behind_parentheses<'p>(parser: &'p Parser<'_>, mut ahead: usize) -> Option<&'p Token> {
    if !matches!(parser.peek_nth_token_ref(ahead).token, Token::LParen) {
        return None;
    }
    let mut depth = 0;
    loop {
        match parser.peek_nth_token_ref(ahead).token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            Token::EOF => return None,
            _ => {}
        }
        ahead += 1;
        if depth == 0 {
            return Some(&parser.peek_nth_token_ref(ahead).token);
        }
    }
}

/// A subquery that begins with one in parentheses, as `((SELECT ..) UNION ..)` does: the parser would take the inner
/// one for an expression.
fn set_operation(parser: &mut Parser<'_>) -> Parsed {
    let goes_on = matches!(behind_parentheses(parser, 1), Some(Token::Word(word)) if matches!(word.keyword,
        Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT | Keyword::ORDER | Keyword::LIMIT | Keyword::OFFSET));
    if !goes_on {
        return None;
    }
    parser.advance_token();
    Some(parser.parse_query().and_then(|query| {
        parser.expect_token(&Token::RParen)?;
        Ok(Expr::Subquery(query))
    }))
}

fn word(parser: &mut Parser<'_>, keyword: Keyword, is_quoted: bool) -> Parsed {
    let next = &parser.peek_nth_token_ref(1).token;
    let is_call = matches!(next, Token::LParen) && !is_quoted;
    match keyword {
        Keyword::ROLLUP | Keyword::CUBE if is_call => {
            parser.advance_token();
            let build = if keyword == Keyword::CUBE { Expr::Cube } else { Expr::Rollup };
            Some(groups(parser).map(build))
        }
        Keyword::GROUPING if matches!(next, Token::Word(word) if word.keyword == Keyword::SETS) => {
            (0..2).for_each(|_| parser.advance_token());
            Some(groups(parser).map(Expr::GroupingSets))
        }
        Keyword::TRIM if is_call => trim_of_nothing(parser),
        _ if is_call && (keyword == Keyword::NoKeyword || is_aggregate(keyword)) => {
            let name = take_name(parser)?;
            Some(parser.parse_function(ObjectName::from(vec![name])))
        }
        _ => None,
    }
}

/// What ROLLUP, CUBE and GROUPING SETS have in parentheses, within GROUPING SETS: the parser knows them only by
/// themselves.
fn groups(parser: &mut Parser<'_>) -> Result<Vec<Vec<Expr>>, ParserError> {
    parser.expect_token(&Token::LParen)?;
    let groups = parser.parse_comma_separated(|parser| {
        if !parser.consume_token(&Token::LParen) {
            return Ok(vec![parser.parse_expr()?]);
        }
        let group = parser.parse_comma_separated0(Parser::parse_expr, Token::RParen)?;
        parser.expect_token(&Token::RParen)?;
        Ok(group)
    })?;
    parser.expect_token(&Token::RParen)?;
    Ok(groups)
}

/// `TRIM(LEADING FROM text)`, without the characters that the parser asks for.
fn trim_of_nothing(parser: &mut Parser<'_>) -> Parsed {
    let keyword = |ahead: usize| match &parser.peek_nth_token_ref(ahead).token {
        Token::Word(word) => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let is_bare = keyword(2) == Keyword::FROM;
    let trim_where = match (keyword(2), keyword(3)) {
        (Keyword::FROM, _) => TrimWhereField::Both,
        (Keyword::LEADING, Keyword::FROM) => TrimWhereField::Leading,
        (Keyword::TRAILING, Keyword::FROM) => TrimWhereField::Trailing,
        (Keyword::BOTH, Keyword::FROM) => TrimWhereField::Both,
        _ => return None,
    };
    (0..if is_bare { 3 } else { 4 }).for_each(|_| parser.advance_token());
    Some(parser.parse_expr().and_then(|expr| {
        parser.expect_token(&Token::RParen)?;
        let (trim_where, expr) = (Some(trim_where), Box::new(expr));
        Ok(Expr::Trim { trim_where, trim_what: None, expr, trim_characters: None })
    }))
}

/// `BETWEEN SYMMETRIC a AND b` behind an expression: within the bounds in either order.
pub(super) fn parse_between_symmetric(parser: &mut Parser<'_>, expr: &Expr, precedence: u8) -> Parsed {
    let keyword = |ahead: usize| match &parser.peek_nth_token_ref(ahead).token {
        Token::Word(word) => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let negated = keyword(0) == Keyword::NOT;
    let at = usize::from(negated);
    let is_symmetric = |ahead| match &parser.peek_nth_token_ref(ahead).token {
        Token::Word(word) => word.value.eq_ignore_ascii_case("symmetric"),
        _ => false,
    };
    if keyword(at) != Keyword::BETWEEN || !is_symmetric(at + 1) {
        return None;
    }
    (0..at + 2).for_each(|_| parser.advance_token());
    let bounds = parser.parse_subexpr(precedence).and_then(|low| {
        parser.expect_keyword_is(Keyword::AND)?;
        Ok((low, parser.parse_subexpr(precedence)?))
    });
    Some(bounds.map(|(low, high)| {
        let between = |low: &Expr, high: &Expr| Expr::Between {
            expr: Box::new(expr.clone()),
            negated: false,
            low: Box::new(low.clone()),
            high: Box::new(high.clone()),
        };
        let (left, right) = (Box::new(between(&low, &high)), Box::new(between(&high, &low)));
        let within = Expr::Nested(Box::new(Expr::BinaryOp { left, op: BinaryOperator::Or, right }));
        if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(within) } } else { within }
    }))
}

/// The word that is next, as a name.
pub(super) fn take_name(parser: &mut Parser<'_>) -> Option<Ident> {
    let TokenWithSpan { token: Token::Word(word), span } = parser.peek_token_ref() else { return None };
    let name = Ident { value: word.value.clone(), quote_style: word.quote_style, span: *span };
    parser.advance_token();
    Some(name)
}

/// `IN (a, b, ..)` behind an expression: the parser would take the list for a query first.
pub(super) fn parse_in_list(parser: &mut Parser<'_>, needle: &Expr) -> Parsed {
    let is = |ahead: usize, keyword: Keyword| matches!(&parser.peek_nth_token_ref(ahead).token, Token::Word(word) if word.keyword == keyword);
    let negated = is(0, Keyword::NOT);
    let at = usize::from(negated);
    let is_list = is(at, Keyword::IN) && matches!(parser.peek_nth_token_ref(at + 1).token, Token::LParen);
    if !is_list {
        return None;
    }
    // What begins with a query in parentheses may be a list all the same.
    let is_query = begins_query(parser, at + 2)
        && !matches!(behind_parentheses(parser, at + 2), Some(token) if !matches!(token, Token::RParen | Token::Word(_)));
    if is_query {
        return None;
    }
    (0..at + 2).for_each(|_| parser.advance_token());
    let list = parser.parse_comma_separated0(Parser::parse_expr, Token::RParen);
    Some(list.and_then(|list| {
        parser.expect_token(&Token::RParen)?;
        Ok(Expr::InList { expr: Box::new(needle.clone()), list, negated })
    }))
}
