//! Conditions: expressions where a truth value is wanted.

use nuages_storage::{DataType, Value};
use smallvec::SmallVec;
use sqlparser::ast::{BinaryOperator, Expr as Ast, UnaryOperator};
use sqlparser::tokenizer::Span;

use super::scope::Scope;
use super::typed::{Typed, cast, is_not_zero};
use super::{Binder, Bound, begin_of, is_null, mismatch};
use crate::algebra::{Comparison, Expr};
use crate::evaluate::Class;

impl Binder<'_> {
    /// Binds a condition.
    pub(super) fn condition(&mut self, expr: &Ast, scope: &Scope<'_>) -> Bound<Expr> {
        match expr {
            Ast::Nested(inner) => self.condition(inner, scope),
            Ast::UnaryOp { op: UnaryOperator::Not, expr } => Ok(self.condition(expr, scope)?.not()),
            Ast::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                // Connectives in a row are a tree as deep as it is long.
                let mut operands: SmallVec<[&Ast; 8]> = SmallVec::new();
                operands.push(right);
                let mut first = left;
                while let Ast::BinaryOp { left, op: inner, right } = &**first
                    && inner == op
                {
                    operands.push(right);
                    first = left;
                }
                operands.push(first);
                let mut all = Vec::with_capacity(operands.len());
                for operand in operands.into_iter().rev() {
                    let condition = self.condition(operand, scope)?;
                    add_connected(*op == BinaryOperator::And, condition, &mut all);
                }
                Ok(connected(*op == BinaryOperator::And, all))
            }
            expr => {
                let typed = self.expression(expr, scope)?;
                self.truth(typed, begin_of(expr))
            }
        }
    }

    /// The truth of a value: SQLite's numbers are true unless zero.
    pub(super) fn truth(&mut self, mut typed: Typed, span: Span) -> Bound<Expr> {
        self.settle(&mut typed, Some(DataType::Bool));
        typed = typed.any_as_text();
        match typed.class() {
            // That NULL is a truth value goes without saying here, and the optimiser knows NULL without its type.
            None | Some(Class::Bool) => Ok(match typed.expr {
                Expr::Cast(inner, DataType::Bool) if matches!(&*inner, Expr::Literal(value) if is_null(value)) => {
                    *inner
                }
                expr => expr,
            }),
            Some(Class::Text) if !self.is_sqlite() && typed.literal_text().is_some() => {
                Ok(cast(typed.expr, DataType::Bool))
            }
            Some(Class::Int | Class::Float | Class::Decimal | Class::Text) if self.is_sqlite() => {
                let number = self.number(typed);
                Ok(match &number.expr {
                    Expr::Literal(value) if !is_null(value) => {
                        Expr::Literal(Value::Bool(*value != Value::Int(0)))
                    }
                    _ => is_not_zero(number),
                })
            }
            Some(_) => Err(mismatch("a condition", DataType::Bool, typed.kind, span)),
        }
    }

    /// `IS TRUE` and its kin: never unknown.
    pub(super) fn truth_test(
        &mut self,
        operand: &Ast,
        truth: Option<bool>,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let operand = self.condition(operand, scope)?;
        let test = match truth {
            Some(truth) => operand.compare(Comparison::Same, Expr::Literal(Value::Bool(truth))),
            None => operand.is_null(),
        };
        Ok(Typed::bool(if negated { test.not() } else { test }))
    }
}

/// Conditions of which all must be true, or one.
pub(super) fn connected(is_and: bool, all: Vec<Expr>) -> Expr {
    if is_and { Expr::And(all) } else { Expr::Or(all) }
}

/// Adds one to them, or those that it connects itself in the same way.
pub(super) fn add_connected(is_and: bool, condition: Expr, all: &mut Vec<Expr>) {
    match condition {
        Expr::And(more) if is_and => all.extend(more),
        Expr::Or(more) if !is_and => all.extend(more),
        condition => all.push(condition),
    }
}
