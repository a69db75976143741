//! Implication: whether what a query asks of its rows makes a conditional index's condition true.
//!
//! An index with a condition has only the rows for which that is true, so it serves a query that wants no others: each
//! conjunct of the condition is one of the query's, or follows from one. `x IS NOT NULL` follows from any comparison of
//! `x`; `x > 5` from `x > 10`, `x = 7` and `x IN (6, 8)`; a disjunction from each of its parts. (Values of parameters
//! are not looked at: a plan has to be right for all of them.)

use nuages_storage::Value;

use super::rule::fold::folded;
use super::subject::{Subjects, with_constant};
use crate::algebra::walk::conjuncts;
use crate::algebra::{Comparison, Expr};
use crate::catalog::IndexDefinition;
use crate::evaluate::Scalar;

/// Those of `parts` that say no more than an index's condition; none if that may be not true of a row that is wanted.
pub(super) fn condition_covered(
    index: &IndexDefinition,
    subjects: &Subjects<'_>,
    parts: &[Expr],
) -> Option<Vec<usize>> {
    let Some(condition) = &index.condition else { return Some(Vec::new()) };
    let mut covered = Vec::new();
    for wanted in conjuncts(folded(condition.clone())) {
        match parts.iter().position(|part| subjects.is_same(part, &wanted)) {
            Some(part) => covered.push(part),
            None if parts.iter().any(|part| implies(subjects, part, &wanted)) => {}
            None => return None,
        }
    }
    Some(covered)
}

/// Whether a condition of the query makes one over `Source::SELF` true.
fn implies(subjects: &Subjects<'_>, part: &Expr, wanted: &Expr) -> bool {
    if subjects.is_same(part, wanted) {
        return true;
    }
    match (part, wanted) {
        (_, Expr::And(all)) => all.iter().all(|wanted| implies(subjects, part, wanted)),
        (Expr::Or(any), _) => !any.is_empty() && any.iter().all(|part| implies(subjects, part, wanted)),
        (Expr::And(all), _) => all.iter().any(|part| implies(subjects, part, wanted)),
        (_, Expr::Or(any)) => any.iter().any(|wanted| implies(subjects, part, wanted)),
        (_, Expr::Not(inner)) => match &**inner {
            Expr::IsNull(value) => rejects_null(subjects, part, value),
            truth => is_truth(subjects, part, truth, false),
        },
        (_, Expr::Compare(..)) => with_constant(wanted).is_some_and(|(value, op, constant)| {
            comparison_implies(subjects, part, value, &|of, by| settles(of, by, op, constant))
                || (op == Comparison::Equal && says(subjects, part, value, constant))
        }),
        (_, Expr::InList(value, list)) => {
            let is_among = |of: Comparison, by: &Value| {
                let is_one = |item: &Expr| matches!(item, Expr::Literal(item) if settles(of, by, Comparison::Equal, item));
                list.iter().any(is_one)
            };
            comparison_implies(subjects, part, value, &is_among)
        }
        _ => is_truth(subjects, part, wanted, true),
    }
}

/// Whether a part compares `value` with constants, and in a way that is enough.
fn comparison_implies(
    subjects: &Subjects<'_>,
    part: &Expr,
    value: &Expr,
    is_enough: &dyn Fn(Comparison, &Value) -> bool,
) -> bool {
    match part {
        Expr::InList(of, list) if subjects.is_same(of, value) => {
            list.iter().all(|item| matches!(item, Expr::Literal(item) if is_enough(Comparison::Equal, item)))
        }
        part => with_constant(part)
            .is_some_and(|(of, op, constant)| subjects.is_same(of, value) && is_enough(op, constant)),
    }
}

/// Whether `x of by` makes `x wanted constant` true, whatever `x` is.
fn settles(of: Comparison, by: &Value, wanted: Comparison, constant: &Value) -> bool {
    // Between types a comparison may round, so that nothing follows from two of them.
    if by.is_null() || constant.is_null() || by.data_type() != constant.data_type() {
        return false;
    }
    let is = |op: Comparison| {
        let compared = Expr::Literal(by.clone()).compare(op, Expr::Literal(constant.clone()));
        let scalar = Scalar::compile(&compared, &|_| None).ok();
        scalar.is_some_and(|scalar| scalar.as_constant() == Some(&Value::Bool(true)))
    };
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual, Same};
    match (of, wanted) {
        (Equal | Same, wanted) => is(wanted),
        (Less, Less | LessOrEqual | NotEqual) | (LessOrEqual, LessOrEqual) => is(LessOrEqual),
        (LessOrEqual, Less | NotEqual) => is(Less),
        (Greater, Greater | GreaterOrEqual | NotEqual) | (GreaterOrEqual, GreaterOrEqual) => {
            is(GreaterOrEqual)
        }
        (GreaterOrEqual, Greater | NotEqual) => is(Greater),
        (NotEqual, NotEqual) => is(Equal),
        _ => false,
    }
}

/// Whether a part is true only where `value` is not NULL.
fn rejects_null(subjects: &Subjects<'_>, part: &Expr, value: &Expr) -> bool {
    let of = |expr: &Expr| is_null_with(subjects, expr, value);
    match part {
        Expr::Compare(Comparison::Same, ..) => false,
        Expr::Compare(_, a, b) => of(a) || of(b),
        Expr::InList(of_value, _) => of(of_value),
        Expr::Match { text, pattern, .. } => of(text) || of(pattern),
        Expr::Not(inner) => match &**inner {
            Expr::IsNull(of_value) => of(of_value),
            // It is unknown where its negation is.
            inner @ (Expr::Compare(..) | Expr::InList(..) | Expr::Match { .. }) => {
                rejects_null(subjects, inner, value)
            }
            inner => of(inner),
        },
        other => of(other),
    }
}

/// Whether an expression is NULL wherever `value` is.
fn is_null_with(subjects: &Subjects<'_>, expr: &Expr, value: &Expr) -> bool {
    subjects.is_same(expr, value)
        || match expr {
            Expr::Arithmetic(_, a, b) => [a, b].into_iter().any(|side| is_null_with(subjects, side, value)),
            Expr::Negate(inner) | Expr::Cast(inner, _) => is_null_with(subjects, inner, value),
            _ => false,
        }
}

/// Whether a part says that a condition is true, or false, as a comparison of truth values.
fn is_truth(subjects: &Subjects<'_>, part: &Expr, wanted: &Expr, is_true: bool) -> bool {
    with_constant(part).is_some_and(|(of, op, constant)| {
        let holds = match op {
            Comparison::Equal | Comparison::Same => *constant == Value::Bool(is_true),
            Comparison::NotEqual => *constant == Value::Bool(!is_true),
            _ => false,
        };
        holds && subjects.is_same(of, wanted)
    })
}

/// Whether a part says of a truth value that it is this one.
fn says(subjects: &Subjects<'_>, part: &Expr, value: &Expr, constant: &Value) -> bool {
    match (part, constant) {
        (part, Value::Bool(true)) => subjects.is_same(part, value),
        (Expr::Not(part), Value::Bool(false)) => subjects.is_same(part, value),
        _ => false,
    }
}
