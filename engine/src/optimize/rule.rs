//! Rewrite rules: each a small unit that makes one kind of query cheaper and leaves its rows as they are.
//!
//! | rule | before | after |
//! |---|---|---|
//! | [`fold`] | `1 = 1 AND NOT (a OR b)` | `NOT a AND NOT b` |
//! | [`common`] | `a AND b OR a AND c` | `a AND (b OR c)` |
//! | [`outer`] | `a LEFT JOIN b WHERE b.x > 5` | an inner join |
//! | [`unnest`] | `EXISTS (.. WHERE b.k = a.k)`, `IN` | a semi- or anti-join |
//! | [`transitive`] | `a = b AND a = 5` | and `b = 5` |
//! | [`decorrelate`] | `x < (SELECT max(..) WHERE k = outer.k)` | a join with the maxima of all `k` |
//! | [`eliminate`] | a join that neither adds nor removes rows nor is looked at | its left side |
//! | [`redundant`] | an order or a DISTINCT that makes no difference | its input |
//! | [`order`] | a limit or an order above a projection | below it, where an index or a top-k serves it |
//! | [`regroup`] | a view of sums, and `(SELECT max(..)` of the same view `)` | the sums once, as a work table |
//! | [`set`] | a condition above UNION, INTERSECT, EXCEPT | one on each side |
//!
//! [`rewrite`](super::rewrite) carries conditions down the tree, and asks the rules about them on its way.

pub(super) mod common;
pub(super) mod decorrelate;
pub(super) mod eliminate;
pub(super) mod fold;
pub(super) mod order;
pub(super) mod outer;
pub(super) mod redundant;
pub(super) mod regroup;
pub(super) mod set;
#[cfg(test)]
pub(in crate::optimize) mod testing;
pub(super) mod transitive;
pub(super) mod unnest;

use crate::algebra::Relation;

/// Takes a relation out of its place, to be put back changed.
pub(super) fn take(place: &mut Relation) -> Relation {
    std::mem::replace(place, Relation::Unit)
}
