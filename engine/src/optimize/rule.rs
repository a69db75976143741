//! Rewrite rules: each a small unit that makes one kind of query cheaper and leaves its rows as they are.
//!
//! | rule | before | after |
//! |---|---|---|
//! | [`common`] | `a AND b OR a AND c` | `a AND (b OR c)` |
//! | [`transitive`] | `a = b AND a = 5` | and `b = 5` |
//! | [`decorrelate`] | `x < (SELECT max(..) WHERE k = outer.k)` | a join with the maxima of all `k` |
//! | [`eliminate`] | a join that neither adds nor removes rows nor is looked at | its left side |
//! | [`redundant`] | an order or a DISTINCT that makes no difference | its input |
//! | [`order`] | a limit or an order above a projection | below it, where an index or a top-k serves it |
//! | [`set`] | a condition above UNION, INTERSECT, EXCEPT | one on each side |
//!
//! Pushing predicates down, outer joins into inner ones, and EXISTS and IN into semi- and anti-joins are in
//! [`rewrite`](super::rewrite), which carries conditions down the tree and asks the rules on its way.

pub(super) mod common;
pub(super) mod decorrelate;
pub(super) mod eliminate;
pub(super) mod order;
pub(super) mod redundant;
pub(super) mod set;
#[cfg(test)]
mod testing;
pub(super) mod transitive;

use crate::algebra::Relation;

/// Takes a relation out of its place, to be put back changed.
pub(super) fn take(place: &mut Relation) -> Relation {
    std::mem::replace(place, Relation::Unit)
}
