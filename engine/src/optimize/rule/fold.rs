//! Constant folding: what is decided without a row is decided once, and negations go inward (De Morgan).
//!
//! `1 = 1 AND NOT (a OR b)` is `NOT a AND NOT b`.

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
        other => constant(&other).unwrap_or(other),
    }
}

/// What a comparison of constants comes to. (One that fails is left to fail in the rows that need it.)
fn constant(expr: &Expr) -> Option<Expr> {
    let is_literal = |expr: &Expr| matches!(expr, Expr::Literal(_));
    let decided = match expr {
        Expr::Compare(_, a, b) => is_literal(a) && is_literal(b),
        Expr::IsNull(a) => is_literal(a),
        Expr::InList(a, list) => is_literal(a) && list.iter().all(is_literal),
        _ => false,
    };
    let scalar = decided.then(|| Scalar::compile(expr, &|_| None).ok())??;
    scalar.as_constant().cloned().map(Expr::Literal)
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
    fn what_fails_is_left_to_fail_in_the_rows_that_need_it() {
        let divided =
            Expr::Arithmetic(crate::algebra::Arithmetic::Divide, Box::new(number(1)), Box::new(number(0)));
        let fails = divided.equals(number(1));
        assert_eq!(simplify(fails.clone()), fails);
    }
}
