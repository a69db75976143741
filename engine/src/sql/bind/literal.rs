//! Literals: numbers, texts, dates and parameters.

use std::borrow::Cow;

use nuages_storage::value::{DECIMAL_PRECISION_MAX, decimal_from_text};
use nuages_storage::{DataType, Value};
use rust_decimal::Decimal;
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::typed::{TEXT, Typed};
use super::{Binder, Bound, unsupported};
use crate::algebra::Expr;
use crate::sql::error::{Problem, SqlError};

impl Binder<'_> {
    pub(super) fn literal(&mut self, literal: &ast::Value, span: Span) -> Bound<Typed> {
        use ast::Value as Literal;
        Ok(match literal {
            Literal::Number(digits, _) => self.number_literal(digits, false, span)?,
            Literal::SingleQuotedString(text)
            | Literal::EscapedStringLiteral(text)
            | Literal::UnicodeStringLiteral(text)
            | Literal::NationalStringLiteral(text) => Typed::literal(Value::Text(text.clone())),
            Literal::DollarQuotedString(quoted) => Typed::literal(Value::Text(quoted.value.clone())),
            Literal::DoubleQuotedString(text) => Typed::literal(Value::Text(text.clone())),
            // PostgreSQL's bit strings, which are texts of their digits here.
            Literal::SingleQuotedByteStringLiteral(bits) => Typed::literal(Value::Text(bits.clone())),
            // The parser takes 0x1F for x'1F', which has two quotes more.
            Literal::HexStringLiteral(digits) if is_as_long(span, digits.len() + 2) => {
                self.number_literal(&format!("0x{digits}"), false, span)?
            }
            Literal::HexStringLiteral(digits) => {
                let bytes = hexadecimal(digits).ok_or_else(|| {
                    let (text, data_type) = (format!("x'{digits}'"), DataType::Bytes);
                    SqlError::at(Problem::Literal { text, data_type }, span)
                })?;
                Typed::literal(Value::from(bytes))
            }
            Literal::Boolean(bool) => self.value(Typed::literal(Value::Bool(*bool))),
            Literal::Null => Typed::null(),
            Literal::Placeholder(name) => self.parameter(name, span)?,
            other => return Err(SqlError::at(unsupported(format!("the literal {other}")), span)),
        })
    }

    /// A number: an integer if it is one and fits, else numeric in PostgreSQL and real in SQLite.
    pub(super) fn number_literal(&self, digits: &str, negative: bool, span: Span) -> Bound<Typed> {
        if let Some(int) = short_integer(digits) {
            return Ok(Typed::literal(Value::Int(if negative { -int } else { int })));
        }
        let signed;
        let text = if negative {
            signed = format!("-{digits}");
            &signed
        } else {
            digits
        };
        let refused =
            || SqlError::at(Problem::Literal { text: text.to_owned(), data_type: DataType::Float }, span);
        if let Some(hexadecimal) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            let bits = u64::from_str_radix(hexadecimal, 16).map_err(|_| refused())?;
            let int = bits.cast_signed();
            return Ok(Typed::literal(Value::Int(if negative { int.wrapping_neg() } else { int })));
        }
        if let Ok(int) = text.parse::<i64>() {
            return Ok(Typed::literal(Value::Int(int)));
        }
        let plain = match text.contains('_') {
            true => Cow::Owned(text.replace('_', "")),
            false => Cow::Borrowed(text),
        };
        if let Ok(int) = plain.parse::<i64>() {
            return Ok(Typed::literal(Value::Int(int)));
        }
        if !self.is_sqlite() {
            let decimal = decimal_from_text(&plain);
            if let Some(decimal) = decimal.filter(|decimal| is_exact(&plain, *decimal)) {
                return Ok(Typed::literal(Value::Decimal(decimal)));
            }
        }
        let float = plain.parse::<f64>().ok().filter(|float| float.is_finite()).ok_or_else(refused)?;
        Ok(Typed::literal(Value::Float(float)))
    }

    /// A parameter; its type is that of the value given for it, if one is known already.
    fn parameter(&mut self, name: &str, span: Span) -> Bound<Typed> {
        let index = self.parameters.place(name).map_err(|problem| SqlError::at(problem, span))?;
        let kind = self.parameters.kind(index);
        let mut typed = Typed::new(Expr::Parameter(index, kind.unwrap_or(TEXT)), kind);
        // A text may be meant as anything that has a text form, as a literal may.
        if kind.is_some_and(|kind| matches!(kind, DataType::Text { .. })) && !self.is_sqlite() {
            typed.kind = None;
        }
        Ok(typed)
    }
}

/// The integer that a few digits are.
fn short_integer(digits: &str) -> Option<i64> {
    const DIGITS_MAX: usize = 18;
    let is_short =
        (1..=DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_short.then(|| digits.bytes().fold(0, |int, digit| int * 10 + i64::from(digit - b'0')))
}

/// Whether a decimal has all digits that were written: it has room for 28.
fn is_exact(text: &str, decimal: Decimal) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits <= usize::from(DECIMAL_PRECISION_MAX) || decimal.to_string() == text
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty())
}

/// The number a text begins with, as SQLite reads it where it wants one: 0 if there is none.
pub(super) fn leading_number(text: &str) -> Value {
    let number = crate::functions::affinity::leading(text);
    if number.is_empty() {
        return Value::Int(0);
    }
    number.parse::<i64>().map(Value::Int).unwrap_or_else(|_| Value::Float(number.parse().unwrap_or(0.0)))
}

/// The number that a text is as a whole, if it is one.
pub(super) fn whole_number(text: &str) -> Option<Value> {
    let trimmed = text.trim_matches(|character: char| character.is_ascii_whitespace());
    let number = crate::functions::affinity::leading(trimmed);
    (!trimmed.is_empty() && number.len() == trimmed.len()).then(|| leading_number(trimmed))
}

/// Whether something stands in so many characters.
fn is_as_long(span: Span, characters: usize) -> bool {
    span.start.line > 0
        && span.start.line == span.end.line
        && span.end.column.checked_sub(span.start.column) == u64::try_from(characters).ok()
}
