//! Outer joins into inner ones: where a condition above cannot be true of a row that the join filled with NULLs, the
//! row would be thrown away, and need not be made.
//!
//! ```text
//! a LEFT JOIN b ON .. WHERE b.x > 5    a JOIN b ON .. WHERE b.x > 5
//! ```

use crate::algebra::walk::SourceSet;
use crate::algebra::{Comparison, Expr};

/// Whether `part` cannot be true when every column of `sources` is NULL.
pub(crate) fn rejects_null(part: &Expr, sources: &SourceSet) -> bool {
    match part {
        Expr::Compare(op, a, b) if *op != Comparison::Same => strict_in(a, sources) || strict_in(b, sources),
        Expr::Match { text, .. } => strict_in(text, sources),
        Expr::InList(value, _) => strict_in(value, sources),
        Expr::InQuery(value, _) => strict_in(value, sources),
        Expr::Not(inner) => match &**inner {
            Expr::IsNull(value) => strict_in(value, sources),
            Expr::Compare(op, a, b) if *op != Comparison::Same => {
                strict_in(a, sources) || strict_in(b, sources)
            }
            Expr::Match { text, .. } => strict_in(text, sources),
            Expr::InList(value, _) => strict_in(value, sources),
            _ => false,
        },
        Expr::And(parts) => parts.iter().any(|part| rejects_null(part, sources)),
        Expr::Or(parts) => !parts.is_empty() && parts.iter().all(|part| rejects_null(part, sources)),
        Expr::Column(column) => sources.contains(&column.source()),
        _ => false,
    }
}

/// Whether an expression is NULL whenever every column of `sources` is.
fn strict_in(expr: &Expr, sources: &SourceSet) -> bool {
    match expr {
        Expr::Column(column) => sources.contains(&column.source()),
        Expr::Arithmetic(_, a, b) => strict_in(a, sources) || strict_in(b, sources),
        Expr::Negate(a) | Expr::Cast(a, _) => strict_in(a, sources),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::rewrite::rewrite;
    use super::super::testing::{C, P, column, family, number, show};
    use super::*;
    use crate::algebra::JoinKind;

    fn rewritten(kind: JoinKind, condition: Expr) -> String {
        let family = family();
        let joined = family.parent.join(kind, family.child, column(P, 0).equals(column(C, 1)));
        show(&rewrite(joined.filter(condition), &|_| false))
    }

    #[test]
    fn a_condition_on_the_optional_side_makes_the_join_an_inner_one() {
        let condition = column(C, 2).compare(Comparison::Greater, number(5));
        assert_eq!(
            rewritten(JoinKind::Left, condition.clone()),
            "Inner join p.0 = c.1\n  scan p\n  filter c.2 > 5\n    scan c"
        );
        // Rows of the left side without a partner were filled with NULLs, too.
        assert!(rewritten(JoinKind::Full, condition).starts_with("Left join"));
    }

    #[test]
    fn what_may_be_true_of_null_leaves_it() {
        let condition = Expr::IsNull(Box::new(column(C, 2)));
        assert!(rewritten(JoinKind::Left, condition).contains("Left join"));
        let either = column(C, 2).equals(number(5)).or(column(P, 1).equals(number(1)));
        assert!(!rejects_null(&either, &SourceSet::from_iter([C])));
    }
}
