//! Expressions, parsed by climbing the precedences of their operators.
//!
//! The parser asks the dialect at each operand and at each operator whether it knows better, tries what else might
//! stand there, and moves the tree that it has so far, some three hundred bytes, from hand to hand: for
//! `a > 5 AND b < 7` that is most of the time that a short statement takes to be parsed. What nearly all expressions
//! are made of is parsed here instead, to the same tree (a test compares the two), and left to the parser where
//! anything else begins: at an operand all of it, at an operator that operator with what is right of it. The climbing
//! is Pratt's ("Top Down Operator Precedence", POPL 1973), as the parser's own is.
//!
//! How deep parentheses and signs lie within each other is counted by the parser, and not here; so only a few levels
//! are parsed here.

use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::dialect::{Dialect as _, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::grammar::{Grammar, is_isnull};
use super::keyword::{keyword_at, keyword_of};
use super::prefix::begins_query;

/// How many operands may be within each other.
const DEPTH_MAX: usize = if cfg!(debug_assertions) { 6 } else { 24 };

/// What follows an operand.
enum Next {
    /// Nothing of the expression.
    End,
    /// An operator between two operands, and how tightly it binds.
    Operator(BinaryOperator, u8),
    /// A test that ends in these tokens.
    Null {
        negated: bool,
        precedence: u8,
    },
    Between {
        negated: bool,
        precedence: u8,
    },
    List {
        negated: bool,
        precedence: u8,
    },
    /// The parser knows.
    Other,
}

impl Grammar {
    /// The prefix that begins here, if it is a common one; all of the expression, if that is what is wanted.
    pub(super) fn begin(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let is_whole = self.depth.get() < DEPTH_MAX && wants_all(parser);
        let begun = self.deeper(|| match self.operand(parser)? {
            Some(first) if is_whole => self.climb(parser, first, 0).map(Some),
            first => Ok(first),
        });
        begun.transpose().map(|begun| begun.map(|expr| *expr))
    }

    /// As the parser's `parse_subexpr`: up to an operator that binds no tighter than `than`.
    pub(super) fn subexpr(&self, parser: &mut Parser<'_>, than: u8) -> Result<Box<Expr>, ParserError> {
        if self.depth.get() >= DEPTH_MAX {
            return parser.parse_subexpr(than).map(Box::new);
        }
        self.deeper(|| match self.operand(parser)? {
            Some(first) => self.climb(parser, first, than),
            None => parser.parse_subexpr(than).map(Box::new),
        })
    }

    fn deeper<T>(&self, parse: impl FnOnce() -> T) -> T {
        let depth = self.depth.get();
        self.depth.set(depth + 1);
        let parsed = parse();
        self.depth.set(depth);
        parsed
    }

    fn climb(&self, parser: &mut Parser<'_>, first: Box<Expr>, than: u8) -> Result<Box<Expr>, ParserError> {
        let mut left = followed_up(parser, first)?;
        loop {
            match self.next(parser) {
                Next::End => return Ok(left),
                Next::Operator(_, precedence)
                | Next::Null { precedence, .. }
                | Next::Between { precedence, .. }
                | Next::List { precedence, .. }
                    if precedence <= than =>
                {
                    return Ok(left);
                }
                Next::Operator(_, precedence) if is_quantified(parser) => {
                    left = parser.parse_infix(*left, precedence).map(Box::new)?;
                }
                Next::Operator(op, precedence) => {
                    parser.advance_token();
                    let right = self.subexpr(parser, precedence)?;
                    left = Box::new(Expr::BinaryOp { left, op, right });
                }
                Next::Null { negated, .. } => {
                    (0..2 + usize::from(negated)).for_each(|_| parser.advance_token());
                    left = Box::new(if negated { Expr::IsNotNull(left) } else { Expr::IsNull(left) });
                }
                Next::Between { negated, precedence } => {
                    (0..1 + usize::from(negated)).for_each(|_| parser.advance_token());
                    let low = self.subexpr(parser, precedence)?;
                    parser.expect_keyword_is(Keyword::AND)?;
                    let high = self.subexpr(parser, precedence)?;
                    left = Box::new(Expr::Between { expr: left, negated, low, high });
                }
                Next::List { negated, .. } => {
                    (0..2 + usize::from(negated)).for_each(|_| parser.advance_token());
                    let list = self.list(parser)?;
                    left = Box::new(Expr::InList { expr: left, list, negated });
                }
                Next::Other => {
                    let precedence = parser.get_next_precedence()?;
                    if precedence <= than || parser.peek_token_ref().token == Token::Period {
                        return Ok(left);
                    }
                    left = parser.parse_infix(*left, precedence).map(Box::new)?;
                }
            }
        }
    }

    fn next(&self, parser: &Parser<'_>) -> Next {
        let of = |precedence| self.prec_value(precedence);
        let (op, precedence) = match &parser.peek_token_ref().token {
            Token::RParen | Token::Comma | Token::EOF => return Next::End,
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::NoKeyword if is_isnull(word) => return Next::Other,
                Keyword::AND => (BinaryOperator::And, of(Precedence::And)),
                Keyword::OR => (BinaryOperator::Or, of(Precedence::Or)),
                Keyword::NoKeyword
                | Keyword::AS
                | Keyword::FROM
                | Keyword::WHERE
                | Keyword::WHEN
                | Keyword::THEN
                | Keyword::ELSE
                | Keyword::END
                | Keyword::GROUP
                | Keyword::HAVING
                | Keyword::ORDER
                | Keyword::ASC
                | Keyword::DESC
                | Keyword::LIMIT
                | Keyword::ON
                | Keyword::JOIN
                | Keyword::INNER
                | Keyword::LEFT
                | Keyword::CROSS => return Next::End,
                keyword => return self.next_test(parser, keyword),
            },
            Token::Eq => (BinaryOperator::Eq, of(Precedence::Eq)),
            Token::Neq => (BinaryOperator::NotEq, of(Precedence::Eq)),
            Token::Lt => (BinaryOperator::Lt, self.comparison()),
            Token::LtEq => (BinaryOperator::LtEq, self.comparison()),
            Token::Gt => (BinaryOperator::Gt, self.comparison()),
            Token::GtEq => (BinaryOperator::GtEq, self.comparison()),
            Token::Plus => (BinaryOperator::Plus, of(Precedence::PlusMinus)),
            Token::Minus => (BinaryOperator::Minus, of(Precedence::PlusMinus)),
            Token::Mul => (BinaryOperator::Multiply, of(Precedence::MulDivModOp)),
            Token::Div => (BinaryOperator::Divide, of(Precedence::MulDivModOp)),
            _ => return Next::Other,
        };
        Next::Operator(op, precedence)
    }

    /// `IS NULL`, `BETWEEN` and `IN (..)`, and their opposites.
    fn next_test(&self, parser: &Parser<'_>, keyword: Keyword) -> Next {
        let precedence = self.prec_value(Precedence::Between);
        let negated = keyword == Keyword::NOT;
        let at = usize::from(negated);
        match if negated { keyword_at(parser, 1) } else { keyword } {
            Keyword::IS if !negated => {
                let precedence = self.prec_value(Precedence::Is);
                match (keyword_at(parser, 1), keyword_at(parser, 2)) {
                    (Keyword::NULL, _) => Next::Null { negated: false, precedence },
                    (Keyword::NOT, Keyword::NULL) => Next::Null { negated: true, precedence },
                    _ => Next::Other,
                }
            }
            Keyword::BETWEEN => match &parser.peek_nth_token_ref(at + 1).token {
                Token::Word(word) if word.value.eq_ignore_ascii_case("symmetric") => Next::Other,
                _ => Next::Between { negated, precedence },
            },
            Keyword::IN => {
                let is_list = matches!(parser.peek_nth_token_ref(at + 1).token, Token::LParen)
                    && !begins_query(parser, at + 2);
                if is_list { Next::List { negated, precedence } } else { Next::Other }
            }
            _ => Next::Other,
        }
    }

    /// Expressions up to the parenthesis that closes, and that one.
    pub(super) fn list(&self, parser: &mut Parser<'_>) -> Result<Vec<Expr>, ParserError> {
        if parser.consume_token(&Token::RParen) {
            return Ok(Vec::new());
        }
        // An expression is large, and one argument is what most functions have.
        let mut list = Vec::with_capacity(1);
        loop {
            list.push(*self.subexpr(parser, 0)?);
            if !parser.consume_token(&Token::Comma) {
                parser.expect_token(&Token::RParen)?;
                return Ok(list);
            }
        }
    }
}

/// An operand with what stands right behind it.
fn followed_up(parser: &mut Parser<'_>, mut operand: Box<Expr>) -> Result<Box<Expr>, ParserError> {
    match &parser.peek_token_ref().token {
        Token::Period | Token::LBracket => {
            operand = parser.parse_compound_expr(*operand, Vec::new()).map(Box::new)?;
        }
        token if keyword_of(token) == Keyword::COLLATE => {}
        _ => return Ok(operand),
    }
    if parser.parse_keyword(Keyword::COLLATE) {
        let collation = parser.parse_object_name(false)?;
        operand = Box::new(Expr::Collate { expr: operand, collation });
    }
    Ok(operand)
}

/// Whether what stands behind an operator is compared with each of its rows: `= ANY (..)`.
fn is_quantified(parser: &Parser<'_>) -> bool {
    matches!(keyword_at(parser, 1), Keyword::ANY | Keyword::ALL | Keyword::SOME)
}

/// Whether the parser wants a whole expression where it asks for a prefix: it does behind these.
fn wants_all(parser: &Parser<'_>) -> bool {
    match &parser.get_current_token().token {
        Token::Comma => true,
        // `POSITION(text IN text)`, and `= ANY (expression)`.
        Token::LParen => !matches!(
            keyword_of(&parser.get_previous_token().token),
            Keyword::POSITION | Keyword::ANY | Keyword::ALL | Keyword::SOME
        ),
        token => match keyword_of(token) {
            Keyword::ALL => keyword_of(&parser.get_previous_token().token) == Keyword::SELECT,
            Keyword::WHERE
            | Keyword::SELECT
            | Keyword::DISTINCT
            | Keyword::HAVING
            | Keyword::ON
            | Keyword::BY
            | Keyword::CASE
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE => true,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sqlparser::parser::ParserError;

    use super::super::Dialect;
    use super::super::parse::{SHALLOW_NESTING_MAX, split};
    use super::*;

    /// The tree of a query, or why there is none.
    fn tree(sql: &str, dialect: Dialect, is_left_to_parser: bool) -> Result<String, ParserError> {
        let mut grammar = Grammar::new(dialect);
        grammar.is_left_to_parser = is_left_to_parser;
        let tokens = split(sql, dialect).unwrap().remove(0);
        let mut parser = Parser::new(&grammar)
            .with_recursion_limit(4 * SHALLOW_NESTING_MAX)
            .with_tokens_with_locations(tokens);
        let statement = parser.parse_statement()?;
        parser.expect_token(&Token::EOF)?;
        Ok(format!("{statement:?}"))
    }

    fn operand() -> impl Strategy<Value = String> {
        let operands = vec![
            "1",
            "2.5",
            "'text'",
            "NULL",
            "TRUE",
            "a",
            "\"Name\"",
            "t.a",
            "t.\"A\"",
            "s.t.a",
            "id",
            "t.name",
            "value",
            "value (1)",
            "type.key",
            "$1",
            "count(*)",
            "count(id)",
            "json_object('a' VALUE 1)",
            "sum(DISTINCT a)",
            "max(a) FILTER (WHERE a > 1)",
            "DATE '2024-01-31'",
            "f()",
            "EXISTS (SELECT 1)",
            "(SELECT a FROM t WHERE b = 1 OR c)",
            "CAST(a AS INTEGER)",
            "a COLLATE \"C\"",
            "a::text",
            "x.f(a)",
            "sum(a) OVER (PARTITION BY a, b ORDER BY c)",
            "INTERVAL '1 day'",
            "string_agg(a, ',' ORDER BY b)",
            "position('a' IN 'b')",
            "extract(year FROM a)",
            "count(t.*)",
            "((SELECT 1) UNION SELECT 2)",
            "left",
            "CASE 'a' WHEN b THEN 1 END",
            "substring(a FROM 2)",
            "j -> 'k'",
            "row(a, b)",
        ];
        prop::sample::select(operands).prop_map(str::to_owned)
    }

    fn expression() -> impl Strategy<Value = String> {
        operand().prop_recursive(5, 24, 3, |inner| {
            let binary = prop::sample::select(vec![
                "+",
                "-",
                "*",
                "/",
                "%",
                "=",
                "<>",
                "<",
                "<=",
                ">",
                ">=",
                "||",
                "AND",
                "OR",
                "LIKE",
                "IS NOT",
                "IS",
                "GLOB",
                "NOT LIKE",
                "IS DISTINCT FROM",
                "&",
                "->",
                "IN",
                "NOT IN",
            ]);
            let pair = (inner.clone(), inner.clone());
            prop_oneof![
                4 => (inner.clone(), binary, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
                2 => inner.clone().prop_map(|a| format!("({a})")),
                1 => pair.clone().prop_map(|(a, b)| format!("({a}, {b})")),
                1 => inner.clone().prop_map(|a| format!("NOT {a}")),
                1 => inner.clone().prop_map(|a| format!("-({a})")),
                1 => inner.clone().prop_map(|a| format!("{a} IS NOT NULL")),
                1 => inner.clone().prop_map(|a| format!("{a} NOT NULL")),
                1 => inner.clone().prop_map(|a| format!("{a} ISNULL")),
                1 => (inner.clone(), pair.clone()).prop_map(|(a, (b, c))| format!("{a} BETWEEN {b} AND {c}")),
                1 => (inner.clone(), pair.clone()).prop_map(|(a, (b, c))| format!("{a} NOT IN ({b}, {c})")),
                1 => pair.clone().prop_map(|(a, b)| format!("coalesce({a}, {b})")),
                1 => pair.clone().prop_map(|(a, b)| format!("CASE WHEN {a} THEN {b} ELSE 1 END")),
                1 => pair.clone().prop_map(|(a, b)| format!("CASE {a} WHEN {b} THEN 1 END")),
                1 => pair.prop_map(|(a, b)| format!("{a} = ANY ({b})")),
                1 => inner.prop_map(|a| format!("{a} COLLATE nocase")),
            ]
        })
    }

    fn query() -> impl Strategy<Value = String> {
        (expression(), expression(), expression(), expression()).prop_map(|(item, on, condition, key)| {
            format!("SELECT {item} AS x, {key} FROM t JOIN u ON {on} WHERE {condition} GROUP BY {key} ORDER BY {key} DESC")
        })
    }

    proptest! {
        #[test]
        fn the_trees_are_the_parsers(sql in query(), sqlite: bool) {
            let dialect = if sqlite { Dialect::Sqlite } else { Dialect::PostgreSql };
            match (tree(&sql, dialect, false), tree(&sql, dialect, true)) {
                (Ok(climbed), Ok(parsed)) => prop_assert_eq!(climbed, parsed, "{}", sql),
                (climbed, parsed) => prop_assert_eq!(climbed.is_ok(), parsed.is_ok(), "{}: {:?} {:?}", sql, climbed, parsed),
            }
        }
    }

    #[test]
    fn trees_are_as_deep_as_they_are_written() {
        for dialect in [Dialect::Sqlite, Dialect::PostgreSql] {
            for sql in [
                "SELECT a > 5 AND b < 7 OR NOT c = d + 2 * -e",
                "SELECT ((((((((((a)))))))))) + f(g(h(i(j(k(l(m(1 + 2))))))))",
                "SELECT - a BETWEEN b + 1 AND c AND d IN (1, (2), 3 + a) IS NOT NULL",
            ] {
                assert_eq!(tree(sql, dialect, false), tree(sql, dialect, true), "{sql}");
            }
        }
    }
}
