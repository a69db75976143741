//! The greatest and the least of several values, as SQLite's `max` and `min` find them: by its order of all values, in
//! which a number is less than any text. The result is the value as it is, and NULL if any is.

use super::json::ranked;
use super::typed::{Branch, Typed, null_if_any_is};
use super::{Binder, Bound};
use crate::algebra::{Comparison, Expr, Function, JsonFunction};
use crate::evaluate::Class;
use sqlparser::tokenizer::Span;

/// Where values of a class stand in SQLite's order of all values.
fn rank(class: Option<Class>) -> usize {
    match class {
        None | Some(Class::Bool | Class::Int | Class::Float | Class::Decimal) => 0,
        Some(Class::Bytes) => 2,
        Some(_) => 1,
    }
}

impl Binder<'_> {
    pub(super) fn extreme(&mut self, name: &str, arguments: Vec<Typed>, span: Span) -> Bound<Typed> {
        let is_greatest = name == "max";
        let arguments: Vec<Typed> = arguments.into_iter().map(|argument| self.value(argument)).collect();
        if arguments.iter().any(Typed::is_any) {
            return Ok(greatest_of_any(is_greatest, arguments));
        }
        let operands: Vec<Expr> = arguments.iter().map(|argument| argument.expr.clone()).collect();
        let operands: Vec<&Expr> = operands.iter().collect();
        // Of values of several classes, those of the last or the first class decide whatever they are.
        let ranks = arguments.iter().map(|argument| rank(argument.class()));
        let deciding = if is_greatest { ranks.max() } else { ranks.min() };
        let mut arguments = arguments;
        arguments.retain(|argument| Some(rank(argument.class())) == deciding);
        if self.is_mixed(&arguments) {
            return Ok(Typed::choice(choices(is_greatest, arguments, &operands)));
        }
        let function = if is_greatest { Function::Greatest } else { Function::Least };
        let (arguments, kind) = self.unified(arguments, name, span)?;
        Ok(Typed::new(null_if_any_is(&operands, Expr::Call(function, arguments)), kind))
    }
}

/// The same where the class of a value is known only when it is there.
fn greatest_of_any(is_greatest: bool, arguments: Vec<Typed>) -> Typed {
    let function = if is_greatest { Function::Greatest } else { Function::Least };
    let values: Vec<Expr> = arguments.into_iter().map(|argument| argument.into_any_as_is().expr).collect();
    let ranked_values = values.iter().cloned().map(ranked).collect();
    let found = Function::Json(JsonFunction::Get);
    let found = Expr::Call(found, vec![Expr::Call(function, ranked_values), Expr::literal(1)]);
    Typed::any(null_if_any_is(&values.iter().collect::<Vec<_>>(), found))
}

/// Of integers and floats the first that no other is greater than, or the last that no other is less than.
fn choices(is_greatest: bool, mut arguments: Vec<Typed>, operands: &[&Expr]) -> Vec<Branch> {
    let op = if is_greatest { Comparison::GreaterOrEqual } else { Comparison::LessOrEqual };
    if !is_greatest {
        arguments.reverse();
    }
    let is_null = Expr::Or(operands.iter().map(|operand| (*operand).clone().is_null()).collect());
    let mut branches = vec![(Some(is_null), Typed::null())];
    let last = arguments.len() - 1;
    for (place, argument) in arguments.iter().enumerate() {
        let others = arguments.iter().enumerate().filter(|(other, _)| *other != place);
        let decides = others.map(|(_, other)| argument.expr.clone().compare(op, other.expr.clone()));
        let when = (place < last).then(|| Expr::And(decides.collect()));
        branches.push((when, argument.clone()));
    }
    branches
}
