//! Premises: what a plan rests on that was made for some values of its parameters.
//!
//! The planner counts: how many rows a range of an index has, how many a table. Where what it counted depends on the
//! values of parameters, or changes as rows come and go, the count is a premise of the plan. For other values, or at
//! another time, the same ranges are counted again, which takes far less than planning anew; as long as each count is
//! about what it was, the planner would decide the same, and the plan is as good as a new one. (Whether it is the best
//! or not, a plan gives the same rows: premises are about time alone.) What was counted for them is [`Counted`], so that
//! the plan which is then run need not look again where its rows begin and end.
//!
//! What a sample said of conditions that no path can find is not looked at again. A plan that is thought to take long
//! is therefore not kept at all: see [`Prepared`](crate::Prepared).

use nuages_storage::{TableId, Version};
use smallvec::SmallVec;

use crate::evaluate::Context;
use crate::execute::ranges::{self, Ranks};
use crate::plan::{Access, Node, Plan, RowCount, Scan};

/// Counts up to this are all alike: whatever is done with so few rows takes no time.
const FEW_ROWS: u64 = 64;

/// A count may become so many times what it was, or that part of it.
const ALIKE_FACTOR: u64 = 4;

/// A number that a plan rests on.
#[derive(Clone, Debug)]
pub(crate) enum Premise {
    /// How many rows of a table an access path had.
    Path { table: TableId, access: Access, rows: u64 },
    /// How many rows were asked for, or were to be left out.
    Asked { by: RowCount, rows: u64 },
}

/// Where the rows of a plan's paths are: what was found out when its premises were looked at, under their numbers. A
/// scan of such a path, in the same run, need not look for them again.
#[derive(Debug, Default)]
pub(crate) struct Counted(SmallVec<[Option<Ranks>; 3]>);

impl Counted {
    /// Whether all of some premises hold; what is counted of them is put here, in the place of what was.
    pub(crate) fn all_hold(
        &mut self,
        premises: &[Premise],
        version: &Version,
        context: &Context<'_>,
    ) -> bool {
        // The planner reads nothing that a transaction would have to answer for.
        let unwatched = context.is_watched().then(|| Context::new(context.parameters()));
        let context = unwatched.as_ref().unwrap_or(context);
        self.0.clear();
        premises.iter().all(|premise| match premise.if_holds(version, context) {
            Some(ranks) => {
                self.0.push(ranks);
                true
            }
            None => false,
        })
    }

    /// The ranks of the path of a premise, if it is one of a path that has ranks.
    pub(crate) fn ranks(&self, premise: usize) -> Option<&Ranks> {
        self.0.get(premise)?.as_ref()
    }
}

/// Lets the scans of a plan know of which of its premises their paths are: those that the plan runs itself, under the
/// parameters that it is given. Those of subqueries are given others.
pub(crate) fn link(plan: &mut Plan, premises: &[Premise]) {
    match &mut plan.node {
        Node::Scan(scan) => scan.premise = premises.iter().position(|premise| premise.is_of(scan)),
        Node::Filter { input, .. }
        | Node::Project { input, .. }
        | Node::Aggregate { input, .. }
        | Node::Sort { input, .. }
        | Node::Limit { input, .. }
        | Node::Distinct { input, .. }
        | Node::Window { input, .. }
        | Node::Apply { input, .. }
        | Node::IndexJoin { left: input, .. }
        | Node::Lateral { left: input, .. }
        | Node::Recursive { base: input, .. }
        | Node::Measured { input, .. } => link(input, premises),
        Node::HashJoin { left, right, .. }
        | Node::MergeJoin { left, right, .. }
        | Node::NestedLoop { left, right, .. }
        | Node::Set { left, right, .. }
        | Node::With { rows: left, input: right, .. } => {
            link(left, premises);
            link(right, premises);
        }
        Node::Unit | Node::Values(_) | Node::Count(..) | Node::WorkTable { .. } => {}
    }
}

impl Premise {
    /// If there are still about as many: where, of a path that has ranks.
    fn if_holds(&self, version: &Version, context: &Context<'_>) -> Option<Option<Ranks>> {
        match self {
            Premise::Path { table, access: Access::All, rows } => {
                are_alike(*rows, version.table(*table)?.len()).then_some(None)
            }
            Premise::Path { table, access, rows } => {
                let table = version.table(*table)?;
                let ranks = ranges::ranks(table, access, context).ok()?;
                let now = match &ranks {
                    Some(ranks) => ranks.iter().map(|ranks| ranks.end - ranks.start).sum(),
                    None => ranges::count(table, access, context).ok()?,
                };
                are_alike(*rows, now).then_some(ranks)
            }
            Premise::Asked { by, rows } => {
                let now = by.rows(context).ok()??;
                are_alike(*rows, now).then_some(None)
            }
        }
    }

    /// Whether it is about the rows of a scan: the very path, not one that comes to the same.
    fn is_of(&self, scan: &Scan) -> bool {
        match self {
            Premise::Path { table, access, .. } => *table == scan.table && access.is_same(&scan.access),
            Premise::Asked { .. } => false,
        }
    }

    /// Whether it is about the same rows as another of the same plan, as far as that can be told without looking.
    pub(super) fn repeats(&self, other: &Premise) -> bool {
        let (Premise::Path { table, access, rows }, Premise::Path { table: of, access: path, rows: counted }) =
            (self, other)
        else {
            return false;
        };
        let same_path = match (access, path) {
            (Access::Index { index: left, .. }, Access::Index { index: right, .. }) => left == right,
            (left, right) => std::mem::discriminant(left) == std::mem::discriminant(right),
        };
        table == of && rows == counted && same_path
    }
}

/// Whether two counts lead to the same decisions, as a rule.
fn are_alike(then: u64, now: u64) -> bool {
    let (least, most) = (then.min(now), then.max(now));
    most <= FEW_ROWS.max(least.saturating_mul(ALIKE_FACTOR))
}

#[cfg(test)]
mod tests {
    use super::are_alike;

    #[test]
    fn counts_are_alike_up_to_a_factor_and_where_they_are_small() {
        assert!(are_alike(0, 64) && are_alike(64, 0) && are_alike(64, 256) && are_alike(1_000, 250));
        assert!(!are_alike(0, 65) && !are_alike(1_000, 249) && !are_alike(100, 401));
        assert!(are_alike(u64::MAX, u64::MAX / 2));
    }
}
