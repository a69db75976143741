//! What the parser takes for SQL: one grammar for both dialects, but for what binds tighter.
//!
//! Everything either dialect can write is read, `INSERT OR IGNORE` as well as `ON CONFLICT`; what it means is the
//! binder's. Only precedence cannot wait for the binder: `1 || 2 + 3` is another tree in SQLite.

use std::any::TypeId;
use std::cell::Cell;

use sqlparser::ast::{self, BinaryOperator, Expr};
use sqlparser::dialect::{Dialect as _, PostgreSqlDialect, Precedence, SQLiteDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Word};

use super::Dialect;
use super::block::query_of;

/// How tightly `<` and its like bind in SQLite: more than `=`.
const SQLITE_COMPARISON: u8 = 55;

/// The grammar of a dialect, as the parser asks for it.
#[derive(Debug)]
pub(super) struct Grammar {
    pub(super) dialect: Dialect,
    /// How many operands that are not left to the parser lie within each other where it is now.
    pub(super) depth: Cell<usize>,
    /// Whether all of them are left to it.
    #[cfg(test)]
    pub(super) is_left_to_parser: bool,
}

impl Grammar {
    pub(super) fn new(dialect: Dialect) -> Grammar {
        Grammar {
            dialect,
            depth: Cell::new(0),
            #[cfg(test)]
            is_left_to_parser: false,
        }
    }

    /// How tightly `<` and its like bind.
    pub(super) fn comparison(&self) -> u8 {
        match self.dialect {
            Dialect::Sqlite => SQLITE_COMPARISON,
            Dialect::PostgreSql => self.prec_value(Precedence::Eq),
        }
    }

    /// How tightly a sign before an operand binds: more than all operators between two, but for PostgreSQL's `~`, which is
    /// one of the many that bind loosely.
    pub(super) fn sign(&self, op: ast::UnaryOperator) -> u8 {
        const SIGN: u8 = 130;
        match (op, self.dialect) {
            (ast::UnaryOperator::BitwiseNot, Dialect::PostgreSql) => self.prec_value(Precedence::PgOther),
            _ => SIGN,
        }
    }
}

impl sqlparser::dialect::Dialect for Grammar {
    fn dialect(&self) -> TypeId {
        match self.dialect {
            Dialect::PostgreSql => TypeId::of::<PostgreSqlDialect>(),
            Dialect::Sqlite => TypeId::of::<SQLiteDialect>(),
        }
    }

    fn supports_comment_on(&self) -> bool {
        !self.dialect.is_sqlite()
    }

    fn is_delimited_identifier_start(&self, character: char) -> bool {
        character == '"' || self.dialect.is_sqlite() && matches!(character, '`' | '[')
    }

    fn is_identifier_start(&self, character: char) -> bool {
        character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
    }

    fn is_identifier_part(&self, character: char) -> bool {
        character.is_ascii_alphanumeric() || matches!(character, '_' | '$') || !character.is_ascii()
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Period => 200,
            Precedence::DoubleColon => 140,
            Precedence::AtTz => 110,
            Precedence::Caret => 100,
            Precedence::MulDivModOp => 90,
            Precedence::PlusMinus => 80,
            Precedence::Xor => 75,
            Precedence::Ampersand | Precedence::Pipe | Precedence::Colon | Precedence::PgOther => 70,
            Precedence::Between | Precedence::Like => match self.dialect {
                Dialect::PostgreSql => 60,
                Dialect::Sqlite => 50,
            },
            Precedence::Eq => 50,
            Precedence::Is => match self.dialect {
                Dialect::PostgreSql => 40,
                Dialect::Sqlite => 50,
            },
            Precedence::UnaryNot => 30,
            Precedence::And => 20,
            Precedence::Or => 10,
        }
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        const CONCATENATION: u8 = 120;
        const OTHER: u8 = 70;
        match (&parser.peek_token_ref().token, self.dialect) {
            (Token::Word(word), _) if word.keyword == Keyword::COLLATE => Some(Ok(125)),
            (Token::Word(word), _) if is_isnull(word) => Some(Ok(self.prec_value(Precedence::Is))),
            (Token::StringConcat | Token::Arrow | Token::LongArrow, Dialect::Sqlite) => {
                Some(Ok(CONCATENATION))
            }
            (Token::StringConcat | Token::Arrow | Token::LongArrow, Dialect::PostgreSql) => Some(Ok(OTHER)),
            (Token::ShiftLeft | Token::ShiftRight | Token::Sharp, _) => Some(Ok(OTHER)),
            (Token::Lt | Token::LtEq | Token::Gt | Token::GtEq, Dialect::Sqlite) => {
                Some(Ok(SQLITE_COMPARISON))
            }
            // Behind an operand a question mark is PostgreSQL's operator, and no parameter.
            (Token::Placeholder(mark), Dialect::PostgreSql) if mark == "?" => Some(Ok(OTHER)),
            // A parameter is never an operator.
            (Token::Colon, _) => Some(Ok(0)),
            _ => None,
        }
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        #[cfg(test)]
        if self.is_left_to_parser {
            return super::prefix::parse(self, parser);
        }
        self.begin(parser).or_else(|| super::prefix::parse(self, parser))
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        expr: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        let boxed = || Box::new(expr.clone());
        if parser.parse_keywords(&[Keyword::NOT, Keyword::NULL]) {
            return Some(Ok(Expr::IsNotNull(boxed())));
        }
        if matches!(&parser.peek_token_ref().token, Token::Word(word) if is_isnull(word)) {
            parser.advance_token();
            return Some(Ok(Expr::IsNull(boxed())));
        }
        // The parser takes it right behind an operand alone.
        if parser.parse_keyword(Keyword::COLLATE) {
            let collation = parser.parse_object_name(false);
            return Some(collation.map(|collation| Expr::Collate { expr: boxed(), collation }));
        }
        if let Some(between) = super::prefix::parse_between_symmetric(parser, expr, precedence) {
            return Some(between);
        }
        if parser.parse_keyword(Keyword::GLOB) {
            let right = parser.parse_subexpr(precedence);
            return Some(right.map(|right| Expr::BinaryOp {
                left: boxed(),
                op: BinaryOperator::Glob,
                right: Box::new(right),
            }));
        }
        if self.dialect.is_sqlite()
            && let Some(negated) = is_of_values(parser)
        {
            (0..=usize::from(negated)).for_each(|_| parser.advance_token());
            let right = parser.parse_subexpr(precedence);
            return Some(right.map(|right| {
                let same =
                    Expr::BinaryOp { left: boxed(), op: BinaryOperator::Spaceship, right: Box::new(right) };
                let not = ast::UnaryOperator::Not;
                if negated {
                    Expr::UnaryOp { op: not, expr: Box::new(Expr::Nested(Box::new(same))) }
                } else {
                    same
                }
            }));
        }
        if matches!(&parser.peek_token_ref().token, Token::Placeholder(mark) if mark == "?") {
            parser.advance_token();
            let op = match &parser.peek_token_ref().token {
                Token::Pipe => BinaryOperator::QuestionPipe,
                Token::Ampersand => BinaryOperator::QuestionAnd,
                _ => BinaryOperator::Question,
            };
            if op != BinaryOperator::Question {
                parser.advance_token();
            }
            let right = parser.parse_subexpr(precedence);
            return Some(right.map(|right| Expr::BinaryOp { left: boxed(), op, right: Box::new(right) }));
        }
        if let Some(list) = super::prefix::parse_in_list(parser, expr) {
            return Some(list);
        }
        // SQLite's `x IN table`.
        let word_at = |parser: &Parser<'_>, at: usize, keyword: Option<Keyword>| {
            matches!(&parser.peek_nth_token_ref(at).token,
                Token::Word(word) if keyword.is_none_or(|keyword| word.keyword == keyword))
        };
        let negated = word_at(parser, 0, Some(Keyword::NOT));
        let at = usize::from(negated);
        if !word_at(parser, at, Some(Keyword::IN)) || !word_at(parser, at + 1, None) {
            return None;
        }
        (0..=at).for_each(|_| parser.advance_token());
        Some(parser.parse_object_name(false).map(|name| Expr::InSubquery {
            expr: boxed(),
            subquery: Box::new(table_query(&name)),
            negated,
        }))
    }

    fn parse_statement(&self, parser: &mut Parser<'_>) -> Option<Result<ast::Statement, ParserError>> {
        if !parser.peek_keyword(Keyword::REPLACE) {
            return None;
        }
        Some(parser.parse_insert(parser.get_current_token().clone()))
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_start_transaction_modifier(&self) -> bool {
        true
    }

    fn supports_in_empty_list(&self) -> bool {
        true
    }

    fn supports_limit_comma(&self) -> bool {
        true
    }

    fn supports_asc_desc_in_column_definition(&self) -> bool {
        true
    }

    // `$1` is a parameter all the same, but `$$` begins a text.
    fn supports_dollar_placeholder(&self) -> bool {
        self.dialect.is_sqlite()
    }

    fn supports_array_typedef_with_brackets(&self) -> bool {
        !self.dialect.is_sqlite()
    }

    fn supports_notnull_operator(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        !self.dialect.is_sqlite()
    }

    fn supports_string_escape_constant(&self) -> bool {
        !self.dialect.is_sqlite()
    }

    fn supports_unicode_string_literal(&self) -> bool {
        !self.dialect.is_sqlite()
    }

    fn supports_explain_with_utility_options(&self) -> bool {
        true
    }

    fn supports_alter_column_type_using(&self) -> bool {
        true
    }

    fn supports_interval_options(&self) -> bool {
        true
    }

    fn supports_insert_table_alias(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn allow_extract_single_quotes(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    fn supports_create_table_like_parenthesized(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }
}

/// Whether a word is the test `ISNULL`, which the parser knows only as a name.
pub(super) fn is_isnull(word: &Word) -> bool {
    word.keyword == Keyword::NoKeyword
        && word.quote_style.is_none()
        && word.value.eq_ignore_ascii_case("isnull")
}

/// Whether SQLite's `IS` between values stands here, and if so, whether with a `NOT`.
fn is_of_values(parser: &Parser<'_>) -> Option<bool> {
    let keyword_at = |at: usize| match &parser.peek_nth_token_ref(at).token {
        Token::Word(word) => Some(word.keyword),
        _ => None,
    };
    if keyword_at(0) != Some(Keyword::IS) {
        return None;
    }
    let negated = keyword_at(1) == Some(Keyword::NOT);
    let right = keyword_at(1 + usize::from(negated));
    let is_test = matches!(
        right,
        Some(
            Keyword::NULL
                | Keyword::TRUE
                | Keyword::FALSE
                | Keyword::UNKNOWN
                | Keyword::DISTINCT
                | Keyword::JSON
        )
    );
    (!is_test).then_some(negated)
}

/// `TABLE name` as a query.
fn table_query(name: &ast::ObjectName) -> ast::Query {
    let mut names = name.0.iter().rev().filter_map(|part| part.as_ident()).map(|ident| ident.value.clone());
    let (table_name, schema_name) = (names.next(), names.next());
    let table = ast::Table { table_name, schema_name };
    query_of(ast::SetExpr::Table(Box::new(table)))
}
