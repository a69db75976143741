//! What may fail: it is computed for rows that ask for it, and a rewriting that would compute it for more of them is
//! none. PostgreSQL computes nothing for rows that a correlated subquery does not see, and so a query that divides by
//! what is zero elsewhere has an answer.

use super::planner::Planner;
use crate::algebra::{Arithmetic, Expr, Function};
use crate::evaluate::{Class, class_of};
use nuages_storage::{DataType, Value};

/// Whether an operator may refuse its operands in some row: a division by zero, a text that is no number. That numbers
/// grow too large to be added is not counted as such: nearly everything could be refused for it.
pub(super) fn may_fail(expr: &Expr, planner: &Planner<'_>) -> bool {
    match expr {
        Expr::Arithmetic(Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Multiply, ..) => false,
        Expr::Arithmetic(Arithmetic::Divide | Arithmetic::Modulo, _, by) => !is_other_than_zero(by),
        Expr::Arithmetic(..) => true,
        Expr::Cast(value, to) => !is_widened(value, *to, planner),
        Expr::Match { pattern, .. } => !matches!(**pattern, Expr::Literal(_)),
        Expr::Call(function, _) => !is_total(function),
        _ => false,
    }
}

fn is_other_than_zero(divisor: &Expr) -> bool {
    match divisor {
        Expr::Literal(Value::Int(number)) => *number != 0,
        Expr::Literal(Value::Float(number)) => *number != 0.0,
        Expr::Literal(Value::Decimal(number)) => !number.is_zero(),
        _ => false,
    }
}

/// Whether every value has one of that type. A literal was refused where it stands, if it has none.
fn is_widened(value: &Expr, to: DataType, planner: &Planner<'_>) -> bool {
    let from = match value {
        Expr::Literal(_) => return true,
        Expr::Column(column) => planner.column_type(*column).map(class_of),
        _ => None,
    };
    match (from, to) {
        (_, DataType::Text { max_length: None }) => true,
        (Some(Class::Int), DataType::Float | DataType::BigInt) => true,
        (Some(Class::Int), DataType::Decimal { precision, scale }) => precision - scale >= 19,
        (Some(Class::Decimal), DataType::Float) | (Some(Class::Date), DataType::Timestamp) => true,
        _ => false,
    }
}

/// Whether a function has a value for all arguments of its types.
fn is_total(function: &Function) -> bool {
    matches!(
        function,
        Function::Lower
            | Function::Upper
            | Function::Length
            | Function::Trim
            | Function::TrimLeft
            | Function::TrimRight
            | Function::Replace
            | Function::Concat
            | Function::Reverse
            | Function::Position
            | Function::Coalesce
            | Function::NullIf
            | Function::Greatest
            | Function::Least
            | Function::Abs
            | Function::Extract(..)
            | Function::Truncate(..)
            | Function::Now
    )
}
