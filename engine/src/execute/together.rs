//! Rows of several batches put together, where each has few.
//!
//! What an operator does for a batch, beside what it does for a row, is spread over the batch's rows. A join leaves of a
//! leaf of 64 rows those that have partners, or makes a batch of what these few have: fifty joined rows then take as long
//! as a thousand. So what computes with joined rows has them copied together first; batches that are full enough are
//! handed on as they are. (The same was found in DuckDB: Qiao and Zhang, "Data Chunk Compaction in Vectorized
//! Execution", SIGMOD 2025.) Rows keep their order.

use super::{Operator, Running, chunks};
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::Context;
use crate::plan::{Node, Plan};

/// How many rows are put together, at most.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// A batch of so many is handed on as it is.
    enough: usize,
    /// Of smaller ones so many are copied together.
    rows: usize,
}

impl Wanted {
    /// For what looks up each row elsewhere: what a round of that costs beside its rows is then little.
    pub(super) const FOR_LOOKUPS: Wanted = Wanted { enough: 256, rows: 256 };
    /// For what computes with columns: it is not worth while to copy more than a third of a leaf.
    pub(super) const FOR_COLUMNS: Wanted = Wanted { enough: 24, rows: 512 };
}

/// See the [module](self).
pub(super) struct Together<'v> {
    input: Running<'v>,
    plan: &'v Plan,
    wanted: Wanted,
    /// How many rows are put together by now; it doubles from one, so that who stops early has read little.
    rows: usize,
    ended: bool,
    /// The input's batch.
    batch: Batch<'v>,
}

impl<'v> Together<'v> {
    /// The rows of `input`, whose plan is this.
    pub(super) fn new(plan: &'v Plan, input: Running<'v>, wanted: Wanted) -> Self {
        Together { input, plan, wanted, rows: 1, ended: false, batch: Batch::default() }
    }

    /// An input of something that computes with columns: put together if it is a join.
    pub(super) fn of_join(plan: &'v Plan, input: Running<'v>) -> Running<'v> {
        match is_join(plan) {
            true => Box::new(Together::new(plan, input, Wanted::FOR_COLUMNS)),
            false => input,
        }
    }
}

/// Whether a plan is a join that hands on its left rows batch by batch.
fn is_join(plan: &Plan) -> bool {
    match &plan.node {
        Node::HashJoin { marks, .. } => !marks,
        Node::Measured { input, .. } => is_join(input),
        _ => false,
    }
}

impl<'v> Operator<'v> for Together<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if self.ended || !self.input.next(&mut self.batch, context)? {
            return Ok(false);
        }
        let wanted = self.rows;
        self.rows = (wanted * 2).min(self.wanted.rows);
        if self.batch.count() >= wanted.min(self.wanted.enough) {
            std::mem::swap(batch, &mut self.batch);
            return Ok(true);
        }
        let mut rows = chunks::builder_for(self.plan);
        loop {
            rows.append(&self.batch);
            if rows.len() >= wanted {
                break;
            }
            self.ended = !self.input.next(&mut self.batch, context)?;
            if self.ended {
                break;
            }
        }
        *batch = rows.finish();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use nuages_storage::{DataType, Value};
    use proptest::prelude::*;

    use super::super::testing::{Input, context, input_of, kind, rows_of};
    use super::*;

    proptest! {
        #[test]
        fn the_same_rows_come_in_their_order(
            input in prop::collection::vec(kind(), 1..4).prop_flat_map(input_of),
            enough in 1..100_usize,
            rows in 1..200_usize,
        ) {
            let plan = input.plan();
            for wanted in [Wanted { enough, rows }, Wanted::FOR_COLUMNS, Wanted::FOR_LOOKUPS] {
                prop_assert_eq!(rows_of(Together::new(&plan, input.open(), wanted)), input.rows());
            }
        }
    }

    /// How many rows each batch has, of an input of batches of three.
    fn lengths(batches: usize) -> Vec<usize> {
        let rows = (0..3 * batches as i64).map(|row| vec![Value::from(row)]).collect();
        let input = Input::of(&[DataType::BigInt], rows, 3);
        let plan = input.plan();
        let mut together = Together::new(&plan, input.open(), Wanted { enough: 10, rows: 16 });
        let (mut lengths, mut batch) = (Vec::new(), Batch::default());
        while together.next(&mut batch, &context()).unwrap() {
            lengths.push(batch.count());
        }
        lengths
    }

    #[test]
    fn the_first_rows_come_without_those_that_follow() {
        assert_eq!(lengths(20), [3, 3, 6, 9, 18, 18, 3]);
        assert_eq!(lengths(1), [3]);
        assert_eq!(lengths(0), [0; 0]);
    }
}
