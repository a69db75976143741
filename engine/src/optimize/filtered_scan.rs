//! What most rules, estimates and joins ask of an input first: whether it is one table with a condition on it.

use nuages_storage::TableId;

use crate::algebra::walk;
use crate::algebra::{Expr, Relation, Source};

/// The table that a relation scans, its source and the filter over it, which has no subquery.
pub(super) fn filtered_scan(relation: &Relation) -> Option<(TableId, Source, Option<&Expr>)> {
    match relation {
        Relation::Scan { table, source } => Some((*table, *source, None)),
        Relation::Filter { input, predicate } if !walk::has_subquery(predicate) => match &**input {
            Relation::Scan { table, source } => Some((*table, *source, Some(predicate))),
            _ => None,
        },
        _ => None,
    }
}
