//! Premises: what a plan rests on that was made for some values of its parameters.
//!
//! The planner counts: how many rows a range of an index has, how many a table. Where what it counted depends on the
//! values of parameters, or changes as rows come and go, the count is a premise of the plan. For other values, or at
//! another time, the same ranges are counted again, which takes far less than planning anew; as long as each count is
//! about what it was, the planner would decide the same, and the plan is as good as a new one. (Whether it is the best
//! or not, a plan gives the same rows: premises are about time alone.)
//!
//! What a sample said of conditions that no path can find is not looked at again. A plan that is thought to take long
//! is therefore not kept at all: see [`Prepared`](crate::Prepared).

use nuages_storage::{TableId, Version};

use crate::evaluate::Context;
use crate::execute::ranges;
use crate::plan::{Access, RowCount};

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

impl Premise {
    /// Whether there are still about as many.
    pub(crate) fn holds(&self, version: &Version, context: &Context<'_>) -> bool {
        // The planner reads nothing that a transaction would have to answer for.
        let context = Context::at(context.parameters(), jiff::Timestamp::UNIX_EPOCH);
        match self {
            Premise::Path { table, access, rows } => version.table(*table).is_some_and(|table| {
                ranges::count(table, access, &context).is_ok_and(|now| are_alike(*rows, now))
            }),
            Premise::Asked { by, rows } => {
                by.rows(&context).is_ok_and(|now| now.is_some_and(|now| are_alike(*rows, now)))
            }
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
