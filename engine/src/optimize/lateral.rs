//! Lateral joins: a right side that depends on the left row.
//!
//! What can be made an ordinary join was (`rewrite`); here the right side is planned as a subquery whose parameters are
//! the columns of the left row that it mentions.

use super::join::joined::{joined_columns, joined_rows};
use super::planner::Planner;
use crate::algebra::walk::{self, ColumnSet, conjuncts, sources_of};
use crate::algebra::{Expr, JoinKind, OutputColumn, Query, Relation};
use crate::error::Error;
use crate::plan::{Estimate, Node, Plan};

/// Whether the right side of a join depends on the row of the left.
pub(super) fn is_lateral(kind: JoinKind, left: &Relation, right: &Relation) -> bool {
    // Most right sides mention nothing but themselves, or nothing at all.
    !matches!(right, Relation::Scan { .. })
        && matches!(kind, JoinKind::Inner | JoinKind::Left)
        && walk::mentions(right, &sources_of(left))
}

impl Planner<'_> {
    /// The plan of a join whose right side is computed for each left row.
    pub(super) fn build_lateral(
        &mut self,
        kind: JoinKind,
        left: Relation,
        mut right: Relation,
        on: Expr,
        needed: &ColumnSet,
    ) -> Result<Plan, Error> {
        let mut below = needed.clone();
        conjuncts(on.clone()).iter().for_each(|part| walk::add_columns(part, &mut below));
        let right_needs = below.clone();
        let free = walk::free_columns(&Query::new(right.clone(), Vec::<OutputColumn>::new()));
        below.extend(free.iter().copied());
        let left = self.build(left, &below)?;
        let (bindings, by) = self.bind(free, &left.columns)?;
        walk::substitute_relation(&mut right, &by);
        let right = self.build_inside(right, &right_needs)?;
        let on = match conjuncts(on) {
            parts if parts.is_empty() => None,
            parts => Some(self.compile_condition(Expr::And(parts), &left, &right.columns)?),
        };
        let columns = joined_columns(kind, &left, &right.columns);
        let basis = left.estimate.basis.max(right.estimate.basis);
        let rows = joined_rows(kind, left.estimate.rows, right.estimate.rows);
        let (left, right) = (Box::new(left), Box::new(right));
        let node = Node::Lateral { kind, left, right, bindings, on };
        Ok(Plan { node, columns, estimate: Estimate::about(rows).resting_on(basis) })
    }
}
