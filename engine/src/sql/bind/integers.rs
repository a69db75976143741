//! Sums, differences and products of integers in SQLite's dialect.
//!
//! Most arithmetic is this, and nothing that other operands need has to be asked of it. What is written as numbers alone
//! is computed here, as SQLite computes it: what is too great for an integer is a float.

use nuages_storage::{DataType, Value};

use super::operator::is_null_constant;
use super::typed::{Affinity, Typed};
use crate::algebra::{Arithmetic, Expr};
use crate::evaluate::Class;

/// Whether it is a sum, a difference or a product of integers.
pub(super) fn is_of_integers(op: Arithmetic, left: &Typed, right: &Typed) -> bool {
    let is_integer = |typed: &Typed| {
        typed.class() == Some(Class::Int)
            && typed.mixed.is_none()
            && typed.affinity != Affinity::Any
            && !is_null_constant(&typed.expr)
    };
    matches!(op, Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Multiply)
        && is_integer(left)
        && is_integer(right)
}

/// What SQLite makes of integers, of which nothing else need be asked; of written ones, the number it is.
pub(super) fn of_integers(op: Arithmetic, left: Typed, right: Typed) -> Typed {
    let width = left.width.max(right.width);
    let expr = match (left.expr, right.expr) {
        (Expr::Literal(Value::Int(left)), Expr::Literal(Value::Int(right))) => {
            let exact = match op {
                Arithmetic::Add => left.checked_add(right),
                Arithmetic::Subtract => left.checked_sub(right),
                _ => left.checked_mul(right),
            };
            match exact {
                Some(int) => Expr::Literal(Value::Int(int)),
                None => return Typed::literal(Value::Float(beyond_integers(op, left, right))),
            }
        }
        (left, right) => left.arithmetic(op, right),
    };
    Typed::new(expr, DataType::BigInt).of_width(width)
}

/// What SQLite makes of integers that are written and whose result is none: a float. Where they are columns it is an
/// error here, since the type of a column is known before its values are.
#[expect(clippy::cast_precision_loss, reason = "SQLite computes with the nearest floats")]
fn beyond_integers(op: Arithmetic, left: i64, right: i64) -> f64 {
    let (left, right) = (left as f64, right as f64);
    match op {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        _ => left * right,
    }
}
