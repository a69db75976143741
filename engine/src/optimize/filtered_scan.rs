//! What most rules, estimates and joins ask of an input first: whether it is one table with a condition on it.

use nuages_storage::TableId;

use crate::algebra::walk::{self, conjunction, conjuncts};
use crate::algebra::{Expr, Relation, Source};

/// A relation with one more condition, which stands beside those of a filter that it is.
pub(super) fn narrowed(relation: Relation, condition: Expr) -> Relation {
    let (input, parts) = match relation {
        Relation::Filter { input, predicate } => (*input, conjuncts(predicate)),
        other => (other, Vec::new()),
    };
    match conjunction(parts.into_iter().chain(conjuncts(condition)).collect()) {
        Some(predicate) => input.filter(predicate),
        None => input,
    }
}

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
