//! What stands between the operators of an expression: literals, names, calls, CASE, and what is in parentheses.
//!
//! Each is made to the tree that the parser makes of it; what else may stand there is left to the parser, all of it (see
//! [`climb`](super::climb)).

use sqlparser::ast::{
    CaseWhen, CastKind, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, ObjectName, UnaryOperator, Value,
};
use sqlparser::dialect::{Dialect as _, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::grammar::Grammar;
use super::keyword::{is_aggregate, is_name, keyword_at, keyword_of};
use super::prefix::{begins_query, of_sign, take_name};

/// A tree that stays where it is; none where another begins than is parsed here.
pub(super) type Operand = Result<Option<Box<Expr>>, ParserError>;

impl Grammar {
    /// What stands between operators.
    pub(super) fn operand(&self, parser: &mut Parser<'_>) -> Operand {
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
