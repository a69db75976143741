//! Constant folding: what is decided without a row is decided once, and negations go inward (De Morgan).
//!
//! `1 = 1 AND NOT (a OR b)` is `NOT a AND NOT b`, and `day < CAST('1995-01-01' AS DATE)` compares a column with a
//! literal.

use nuages_storage::Value;

use crate::algebra::Expr;
use crate::evaluate::Scalar;

/// Folds what is decided without a row: constants among AND, OR and NOT, and negations pushed inward (De Morgan).
pub(crate) fn simplify(expr: Expr) -> Expr {
    match expr {
        Expr::And(parts) => {
            let mut kept = Vec::with_capacity(parts.len());
            for part in parts.into_iter().map(simplify) {
                match part {
                    Expr::Literal(Value::Bool(true)) => {}
                    Expr::Literal(Value::Bool(false)) => return Expr::Literal(Value::Bool(false)),
                    Expr::And(inner) => kept.extend(inner),
                    part => kept.push(part),
                }
            }
            if kept.len() == 1 { kept.remove(0) } else { truth(kept, true) }
        }
        Expr::Or(parts) => {
            let mut kept = Vec::with_capacity(parts.len());
            for part in parts.into_iter().map(simplify) {
                match part {
                    Expr::Literal(Value::Bool(false)) => {}
                    Expr::Literal(Value::Bool(true)) => return Expr::Literal(Value::Bool(true)),
                    Expr::Or(inner) => kept.extend(inner),
                    part => kept.push(part),
                }
            }
            if kept.len() == 1 { kept.remove(0) } else { truth(kept, false) }
        }
        Expr::Not(inner) => match simplify(*inner) {
            Expr::Literal(Value::Bool(value)) => Expr::Literal(Value::Bool(!value)),
            Expr::Not(inner) => *inner,
            Expr::And(parts) => simplify(Expr::Or(parts.into_iter().map(Expr::not).collect())),
            Expr::Or(parts) => simplify(Expr::And(parts.into_iter().map(Expr::not).collect())),
            inner => inner.not(),
        },
        Expr::InList(_, list) if list.is_empty() => Expr::Literal(Value::Bool(false)),
        other => folded(other),
    }
}

/// An expression with what is constant in it computed, if that makes a literal of its type. (What fails is left to fail
/// in the rows that need it.)
pub(crate) fn folded(mut expr: Expr) -> Expr {
    fold(&mut expr);
    expr
}

/// Folds what is constant below; whether that is all of it.
fn fold(expr: &mut Expr) -> bool {
    let is_constant = match expr {
        Expr::Literal(_) => return true,
        Expr::Parameter(..)
        | Expr::Column(_)
        | Expr::Scalar(_)
        | Expr::Exists(_)
        | Expr::InQuery(..)
        | Expr::Case { .. } => return false,
        Expr::Not(a) | Expr::IsNull(a) | Expr::Negate(a) | Expr::Cast(a, _) => fold(a),
        Expr::Compare(_, a, b) | Expr::Arithmetic(_, a, b) | Expr::Match { text: a, pattern: b, .. } => {
            fold(a) & fold(b)
        }
        Expr::InList(a, list) => list.iter_mut().fold(fold(a), |all, item| fold(item) & all),
        Expr::And(all) | Expr::Or(all) | Expr::Call(_, all) => {
            all.iter_mut().fold(true, |all, item| fold(item) & all)
        }
    };
    is_constant && compute(expr)
}

/// Puts the value of a constant expression in its place, if that is a literal of the same type.
fn compute(expr: &mut Expr) -> bool {
    let compile = |expr: &Expr| Scalar::compile(expr, &|_| None).ok();
    let Some(scalar) = compile(expr) else { return false };
    let Some(value) = scalar.as_constant() else { return false };
    let literal = Expr::Literal(value.clone());
    let is_alike = compile(&literal).is_some_and(|alike| alike.data_type() == scalar.data_type());
    if is_alike {
        *expr = literal;
    }
    is_alike
}

fn truth(parts: Vec<Expr>, conjunction: bool) -> Expr {
    match (parts.is_empty(), conjunction) {
        (true, _) => Expr::Literal(Value::Bool(conjunction)),
        (false, true) => Expr::And(parts),
        (false, false) => Expr::Or(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{P, column, number};
    use super::*;
    use nuages_storage::DataType;

    fn is(value: i64) -> Expr {
        column(P, 1).equals(number(value))
    }

    #[test]
    fn what_constants_decide_is_decided() {
        let truth = |value: bool| Expr::Literal(Value::Bool(value));
        assert_eq!(simplify(number(1).equals(number(1)).and(is(5))), is(5));
        assert_eq!(simplify(number(1).equals(number(2)).and(is(5))), truth(false));
        assert_eq!(simplify(number(1).equals(number(1)).or(is(5))), truth(true));
        assert_eq!(simplify(Expr::InList(Box::new(column(P, 1)), Vec::new())), truth(false));
    }

    #[test]
    fn negations_go_inward() {
        assert_eq!(simplify(is(1).or(is(2)).not()), is(1).not().and(is(2).not()));
        assert_eq!(simplify(is(1).not().not()), is(1));
    }

    #[test]
    fn what_is_computed_of_constants_is_computed_once() {
        let day = Expr::Cast(Box::new(Expr::literal("1995-01-01")), DataType::Date);
        let literal = Expr::Literal(Value::Date("1995-01-01".parse().unwrap()));
        assert_eq!(simplify(column(P, 1).equals(day)), column(P, 1).equals(literal));
        let sum = number(2).arithmetic(crate::algebra::Arithmetic::Add, number(3));
        assert_eq!(simplify(column(P, 1).equals(sum)), is(5));
        // A literal would have another type, and so might what is made of it.
        let small = Expr::Cast(Box::new(number(7)), DataType::SmallInt);
        assert_eq!(simplify(column(P, 1).equals(small.clone())), column(P, 1).equals(small));
    }

    #[test]
    fn what_fails_is_left_to_fail_in_the_rows_that_need_it() {
        let divided =
            Expr::Arithmetic(crate::algebra::Arithmetic::Divide, Box::new(number(1)), Box::new(number(0)));
        let fails = divided.equals(number(1));
        assert_eq!(simplify(fails.clone()), fails);
    }
}
