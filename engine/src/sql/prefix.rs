//! The expressions that nearly every statement is made of, parsed without a detour.
//!
//! The parser takes each beginning of an expression for a type first, since `DATE '2024-01-31'` begins with one, and
//! goes back when it is none: half the time of parsing. What begins with a number, a text, a parenthesis or a plain
//! name is none, and is parsed here, to the same tree. Everything else is left to the parser.

use sqlparser::ast::{BinaryOperator, Expr, Ident, ObjectName, TrimWhereField, UnaryOperator, Value};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};

type Parsed = Option<Result<Expr, ParserError>>;

/// The expression that begins here, if it is one of the common kinds; what is behind a sign is bound that tightly.
pub(super) fn parse(parser: &mut Parser<'_>, sign_precedence: u8) -> Parsed {
    let TokenWithSpan { token, span } = parser.peek_token_ref();
    let span = *span;
    let value = match token {
        Token::Number(digits, long) => Value::Number(digits.clone(), *long),
        Token::SingleQuotedString(text) => Value::SingleQuotedString(text.clone()),
        Token::LParen => return parenthesised(parser),
        Token::Minus => return Some(unary(parser, UnaryOperator::Minus, sign_precedence)),
        Token::Plus => return Some(unary(parser, UnaryOperator::Plus, sign_precedence)),
        Token::Word(Word { keyword, quote_style, .. }) => {
            let (keyword, is_quoted) = (*keyword, quote_style.is_some());
            return word(parser, keyword, is_quoted, span);
        }
        _ => return None,
    };
    parser.advance_token();
    Some(Ok(Expr::Value(value.with_span(span))))
}

fn unary(parser: &mut Parser<'_>, op: UnaryOperator, precedence: u8) -> Result<Expr, ParserError> {
    parser.advance_token();
    let expr = parser.parse_subexpr(precedence)?;
    // Two minuses in a row are a comment where the tree is printed, as it is for a view.
    let is_signed = matches!(expr, Expr::UnaryOp { .. });
    let expr = Box::new(if is_signed { Expr::Nested(Box::new(expr)) } else { expr });
    Ok(Expr::UnaryOp { op, expr })
}

/// Whether a query begins at a token that is so far ahead.
fn begins_query(parser: &Parser<'_>, ahead: usize) -> bool {
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

fn parenthesised(parser: &mut Parser<'_>) -> Parsed {
    if begins_query(parser, 1) {
        return set_operation(parser);
    }
    parser.advance_token();
    Some(parser.parse_expr().and_then(|first| {
        let inner = match parser.peek_token_ref().token {
            Token::Comma => {
                let mut exprs = vec![first];
                while parser.consume_token(&Token::Comma) {
                    exprs.push(parser.parse_expr()?);
                }
                Expr::Tuple(exprs)
            }
            _ => Expr::Nested(Box::new(first)),
        };
        parser.expect_token(&Token::RParen)?;
        Ok(inner)
    }))
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

fn word(parser: &mut Parser<'_>, keyword: Keyword, is_quoted: bool, span: Span) -> Parsed {
    let next = &parser.peek_nth_token_ref(1).token;
    let is_call = matches!(next, Token::LParen);
    let is_plain = is_quoted || keyword == Keyword::NoKeyword;
    // `_utf8 'text'`, and whatever else has a text behind its name.
    if matches!(
        next,
        Token::SingleQuotedString(_) | Token::HexStringLiteral(_) | Token::DoubleQuotedString(_)
    ) {
        return None;
    }
    match keyword {
        Keyword::NULL | Keyword::TRUE | Keyword::FALSE if !is_quoted => {
            parser.advance_token();
            let value = match keyword {
                Keyword::NULL => Value::Null,
                keyword => Value::Boolean(keyword == Keyword::TRUE),
            };
            Some(Ok(Expr::Value(value.with_span(span))))
        }
        Keyword::CASE => {
            parser.advance_token();
            Some(parser.parse_case_expr())
        }
        Keyword::CAST if is_call => {
            parser.advance_token();
            Some(parser.parse_cast_expr(sqlparser::ast::CastKind::Cast))
        }
        Keyword::NOT => {
            parser.advance_token();
            Some(parser.parse_not())
        }
        Keyword::ROLLUP | Keyword::CUBE if is_call => {
            parser.advance_token();
            let build = if keyword == Keyword::CUBE { Expr::Cube } else { Expr::Rollup };
            Some(groups(parser).map(build))
        }
        Keyword::GROUPING if matches!(next, Token::Word(word) if word.keyword == Keyword::SETS) => {
            (0..2).for_each(|_| parser.advance_token());
            Some(groups(parser).map(Expr::GroupingSets))
        }
        Keyword::COUNT
        | Keyword::SUM
        | Keyword::MIN
        | Keyword::MAX
        | Keyword::AVG
        | Keyword::COALESCE
        | Keyword::NULLIF
            if is_call =>
        {
            let name = take_name(parser)?;
            Some(parser.parse_function(ObjectName::from(vec![name])))
        }
        Keyword::TRIM if is_call && !is_quoted => trim_of_nothing(parser),
        _ if !is_plain => None,
        _ if is_call && !is_quoted => {
            let name = take_name(parser)?;
            Some(parser.parse_function(ObjectName::from(vec![name])))
        }
        _ if is_call => None,
        _ => take_name(parser).map(|name| Ok(Expr::Identifier(name))),
    }
}

/// What ROLLUP, CUBE and GROUPING SETS have in parentheses, within GROUPING SETS: the parser knows them only by themselves.
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
fn take_name(parser: &mut Parser<'_>) -> Option<Ident> {
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
