//! What comes out of a join of each kind, by whichever method it is made.

use crate::algebra::JoinKind;
use crate::plan::{Plan, PlanColumn};

/// The columns of a join: a semi-join and an anti-join only choose among the rows of their left side.
pub(in crate::optimize) fn joined_columns(
    kind: JoinKind,
    left: &Plan,
    right: &[PlanColumn],
) -> Vec<PlanColumn> {
    match kind {
        JoinKind::Inner | JoinKind::Left | JoinKind::Full => {
            left.columns.iter().chain(right).copied().collect()
        }
        JoinKind::Semi | JoinKind::Anti => left.columns.clone(),
    }
}

/// About how many rows a join has if each row on the left meets `matches` rows on the right.
pub(in crate::optimize) fn joined_rows(kind: JoinKind, left: f64, matches: f64) -> f64 {
    match kind {
        JoinKind::Inner => left * matches,
        JoinKind::Left | JoinKind::Full => left * matches.max(1.0),
        JoinKind::Semi => left * matches.min(1.0),
        JoinKind::Anti => left * (1.0 - matches.min(0.9)),
    }
}
