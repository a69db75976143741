//! Estimates for what the trees cannot count.
//!
//! The figures are the classic ones of System R (Selinger et al., SIGMOD 1979, section 4), rounded. Column statistics
//! come with the cost-based optimiser.

use crate::algebra::{Comparison, Expr, TextMatch};

/// The share of rows for which a predicate is thought to be true.
pub(crate) fn selectivity(predicate: &Expr) -> f64 {
    match predicate {
        Expr::Compare(Comparison::Equal | Comparison::Same, ..) => 0.05,
        Expr::Compare(Comparison::NotEqual, ..) => 0.95,
        Expr::Compare(..) => 0.3,
        Expr::InList(_, list) => (0.05 * list.len() as f64).min(0.5),
        Expr::Match { kind: TextMatch::Exact, .. } | Expr::IsNull(_) => 0.05,
        Expr::Match { .. } => 0.1,
        Expr::And(parts) => parts.iter().map(selectivity).product(),
        Expr::Or(parts) => 1.0 - parts.iter().map(|part| 1.0 - selectivity(part)).product::<f64>(),
        Expr::Not(inner) => 1.0 - selectivity(inner),
        _ => 0.5,
    }
}
