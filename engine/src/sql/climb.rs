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

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, ObjectName, UnaryOperator, Value,
};
use sqlparser::dialect::{Dialect as _, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::grammar::{Grammar, is_isnull};
use super::prefix::{begins_query, of_sign, take_name};

/// How many operands may be within each other.
const DEPTH_MAX: usize = if cfg!(debug_assertions) { 6 } else { 24 };

/// A tree that stays where it is; none where another begins than is parsed here.
type Operand = Result<Option<Box<Expr>>, ParserError>;

/// The keyword that the token so far ahead is.
pub(super) fn keyword_at(parser: &Parser<'_>, ahead: usize) -> Keyword {
    keyword_of(&parser.peek_nth_token_ref(ahead).token)
}

/// The keyword that a token is.
fn keyword_of(token: &Token) -> Keyword {
    match token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    }
}

/// Whether a word is only a name where an expression or a table may stand. The parser knows a thousand keywords, most of
/// them for what other statements say; these are among them, and what columns are called.
pub(super) fn is_name(keyword: Keyword) -> bool {
    use Keyword::{
        ACCOUNT, ACTION, CATALOG, CATEGORY, CHANNEL, CLASS, COMMENT, COST, DATA, DOMAIN, EVENT, FILE, ID,
        ITEMS, KEY, LANGUAGE, LEVEL, LIST, LOCATION, LOG, MESSAGE, METHOD, MODE, NAME, OBJECT, OWNER,
        PASSWORD, PLAN, POLICY, REGION, RESOURCE, RESULT, ROLE, SERVER, SESSION, SIZE, SOURCE, STATUS, TAG,
        TARGET, TASK, TEMPLATE, TYPE, URL, VALUE, VOLUME,
    };
    #[rustfmt::skip]
    let is_name = matches!(
        keyword,
        Keyword::NoKeyword | ACCOUNT | ACTION | CATALOG | CATEGORY | CHANNEL | CLASS | COMMENT | COST | DATA | DOMAIN
            | EVENT | FILE | ID | ITEMS | KEY | LANGUAGE | LEVEL | LIST | LOCATION | LOG | MESSAGE | METHOD | MODE | NAME
            | OBJECT | OWNER | PASSWORD | PLAN | POLICY | REGION | RESOURCE | RESULT | ROLE | SERVER | SESSION | SIZE
            | SOURCE | STATUS | TAG | TARGET | TASK | TEMPLATE | TYPE | URL | VALUE | VOLUME
    );
    is_name
}

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
        match keyword_at(parser, 1) {
            Keyword::ANY | Keyword::ALL | Keyword::SOME => Next::Other,
            _ => Next::Operator(op, precedence),
        }
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
    fn list(&self, parser: &mut Parser<'_>) -> Result<Vec<Expr>, ParserError> {
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

    /// What stands between operators.
    fn operand(&self, parser: &mut Parser<'_>) -> Operand {
        let TokenWithSpan { token, span } = parser.peek_token_ref();
        let span = *span;
        let value = match token {
            Token::Number(digits, long) => Value::Number(digits.clone(), *long),
            Token::SingleQuotedString(text) => Value::SingleQuotedString(text.clone()),
            Token::Placeholder(name) => Value::Placeholder(name.clone()),
            Token::LParen => return self.parenthesised(parser),
            Token::Minus => return self.signed(parser, UnaryOperator::Minus).map(Some),
            Token::Plus => return self.signed(parser, UnaryOperator::Plus).map(Some),
            Token::Tilde => return self.signed(parser, UnaryOperator::BitwiseNot).map(Some),
            Token::Word(word) => match keyword_of(token) {
                Keyword::NULL => Value::Null,
                Keyword::TRUE => Value::Boolean(true),
                Keyword::FALSE => Value::Boolean(false),
                Keyword::NOT if keyword_at(parser, 1) != Keyword::EXISTS => {
                    parser.advance_token();
                    let expr = self.subexpr(parser, self.prec_value(Precedence::UnaryNot))?;
                    return Ok(Some(Box::new(Expr::UnaryOp { op: UnaryOperator::Not, expr })));
                }
                Keyword::CASE => {
                    let case_token = parser.peek_token_ref().clone();
                    parser.advance_token();
                    return self.case(parser, case_token).map(Some);
                }
                Keyword::CAST if matches!(parser.peek_nth_token_ref(1).token, Token::LParen) => {
                    parser.advance_token();
                    return parser.parse_cast_expr(CastKind::Cast).map(|cast| Some(Box::new(cast)));
                }
                keyword => {
                    let is_quoted = word.quote_style.is_some();
                    return self.named(parser, keyword, is_quoted);
                }
            },
            _ => return Ok(None),
        };
        parser.advance_token();
        Ok(Some(Box::new(Expr::Value(value.with_span(span)))))
    }

    /// What follows a CASE.
    fn case(&self, parser: &mut Parser<'_>, case_token: TokenWithSpan) -> Result<Box<Expr>, ParserError> {
        let operand = match keyword_at(parser, 0) {
            Keyword::WHEN => None,
            _ => Some(self.subexpr(parser, 0)?),
        };
        parser.expect_keyword_is(Keyword::WHEN)?;
        let mut conditions = Vec::with_capacity(1);
        loop {
            let condition = *self.subexpr(parser, 0)?;
            parser.expect_keyword_is(Keyword::THEN)?;
            let result = *self.subexpr(parser, 0)?;
            conditions.push(CaseWhen { condition, result });
            if !parser.parse_keyword(Keyword::WHEN) {
                break;
            }
        }
        let has_rest = parser.parse_keyword(Keyword::ELSE);
        let else_result = has_rest.then(|| self.subexpr(parser, 0)).transpose()?;
        let end_token = parser.expect_keyword(Keyword::END)?.into();
        Ok(Box::new(Expr::Case {
            case_token: case_token.into(),
            end_token,
            operand,
            conditions,
            else_result,
        }))
    }

    fn signed(&self, parser: &mut Parser<'_>, op: UnaryOperator) -> Result<Box<Expr>, ParserError> {
        parser.advance_token();
        let expr = self.subexpr(parser, self.sign(op))?;
        Ok(Box::new(of_sign(op, expr)))
    }

    fn parenthesised(&self, parser: &mut Parser<'_>) -> Operand {
        if begins_query(parser, 1) {
            return Ok(None);
        }
        parser.advance_token();
        let first = self.subexpr(parser, 0)?;
        let inner = if parser.consume_token(&Token::Comma) {
            let mut exprs = vec![*first];
            exprs.append(&mut self.list(parser)?);
            Expr::Tuple(exprs)
        } else {
            parser.expect_token(&Token::RParen)?;
            Expr::Nested(first)
        };
        Ok(Some(Box::new(inner)))
    }

    /// A column, or a function of plain arguments.
    fn named(&self, parser: &mut Parser<'_>, keyword: Keyword, is_quoted: bool) -> Operand {
        let is_name = is_quoted || is_name(keyword);
        let is_function = !is_quoted && (keyword == Keyword::NoKeyword || is_aggregate(keyword));
        let is_column = match &parser.peek_nth_token_ref(1).token {
            Token::LParen if is_function => {
                return if is_plain_call(parser) { self.call(parser) } else { Ok(None) };
            }
            // `DATE '2024-01-31'` is no column.
            Token::LParen | Token::SingleQuotedString(_) => false,
            Token::DoubleQuotedString(_) | Token::HexStringLiteral(_) => false,
            Token::Period => return Self::qualified(parser, is_name),
            _ => is_name,
        };
        let name = if is_column { take_name(parser) } else { None };
        Ok(name.map(|name| Box::new(Expr::Identifier(name))))
    }

    /// `table.column`.
    fn qualified(parser: &mut Parser<'_>, is_table: bool) -> Operand {
        let is_plain = is_table
            && matches!(&parser.peek_nth_token_ref(2).token, Token::Word(column)
                if is_name(column.keyword) || column.quote_style.is_some())
            && !matches!(parser.peek_nth_token_ref(3).token, Token::Period | Token::LParen | Token::LBracket);
        if !is_plain {
            return Ok(None);
        }
        let table = take_name(parser);
        parser.advance_token();
        let names = table.into_iter().chain(take_name(parser)).collect();
        Ok(Some(Box::new(Expr::CompoundIdentifier(names))))
    }

    /// A call of a function.
    fn call(&self, parser: &mut Parser<'_>) -> Operand {
        let name = ObjectName::from(Vec::from_iter(take_name(parser)));
        parser.advance_token();
        let duplicate_treatment = match keyword_at(parser, 0) {
            Keyword::DISTINCT => Some(DuplicateTreatment::Distinct),
            Keyword::ALL => Some(DuplicateTreatment::All),
            _ => None,
        };
        if duplicate_treatment.is_some() {
            parser.advance_token();
        }
        let args = if parser.consume_token(&Token::Mul) {
            parser.expect_token(&Token::RParen)?;
            vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]
        } else {
            let unnamed = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
            self.list(parser)?.into_iter().map(unnamed).collect()
        };
        Ok(Some(Box::new(Expr::Function(Function {
            name,
            uses_odbc_syntax: false,
            parameters: FunctionArguments::None,
            args: FunctionArguments::List(FunctionArgumentList {
                duplicate_treatment,
                args,
                clauses: Vec::new(),
            }),
            filter: None,
            null_treatment: None,
            over: None,
            within_group: Vec::new(),
        }))))
    }
}

/// An operand with what stands right behind it.
fn followed_up(parser: &mut Parser<'_>, mut operand: Box<Expr>) -> Result<Box<Expr>, ParserError> {
    if matches!(parser.peek_token_ref().token, Token::Period | Token::LBracket) {
        operand = parser.parse_compound_expr(*operand, Vec::new()).map(Box::new)?;
    }
    if parser.parse_keyword(Keyword::COLLATE) {
        let collation = parser.parse_object_name(false)?;
        operand = Box::new(Expr::Collate { expr: operand, collation });
    }
    Ok(operand)
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

/// Keywords that are the names of functions too, with nothing but expressions in their parentheses.
pub(super) fn is_aggregate(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::COUNT
            | Keyword::SUM
            | Keyword::MIN
            | Keyword::MAX
            | Keyword::AVG
            | Keyword::COALESCE
            | Keyword::NULLIF
    )
}

/// Whether a call that begins here has nothing but expressions within its parentheses, and nothing behind them.
fn is_plain_call(parser: &mut Parser<'_>) -> bool {
    let begin = parser.index();
    parser.advance_token();
    parser.advance_token();
    let is_plain = has_plain_arguments(parser);
    while parser.index() > begin {
        parser.prev_token();
    }
    is_plain
}

/// The same behind the parenthesis, and goes on to where that is decided.
fn has_plain_arguments(parser: &mut Parser<'_>) -> bool {
    let (mut is_first, mut depth) = (true, 1);
    while depth > 0 {
        parser.advance_token();
        let token = &parser.get_current_token().token;
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            Token::EOF => return false,
            _ if depth == 1 && !is_of_plain_argument(token, is_first) => return false,
            _ => {}
        }
        is_first = false;
    }
    match &parser.peek_token_ref().token {
        Token::LParen => false,
        token => !matches!(
            keyword_of(token),
            Keyword::FILTER | Keyword::OVER | Keyword::WITHIN | Keyword::IGNORE | Keyword::RESPECT
        ),
    }
}

fn is_of_plain_argument(token: &Token, is_first: bool) -> bool {
    match token {
        Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_) | Token::Comma => true,
        Token::Plus | Token::Minus | Token::Div | Token::Mul | Token::StringConcat => true,
        Token::Eq | Token::Neq | Token::Lt | Token::LtEq | Token::Gt | Token::GtEq => true,
        Token::Word(_) => match keyword_of(token) {
            Keyword::DISTINCT | Keyword::ALL => is_first,
            Keyword::NoKeyword
            | Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::NULL
            | Keyword::IS
            | Keyword::IN
            | Keyword::BETWEEN
            | Keyword::CASE
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE
            | Keyword::END
            | Keyword::CAST => true,
            // `json_object('a' VALUE 1)`.
            Keyword::KEY | Keyword::VALUE => false,
            keyword => is_aggregate(keyword) || is_name(keyword),
        },
        _ => false,
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
