//! Nested loop: every left row with every right row that is kept in memory.
//!
//! It is the join in which all right rows have one and the same key, and every left row has that key too.

use super::apply::PairTest;
use super::join::{BuildSide, Join};
use super::key_table::ABSENT;
use super::{Operator, Running, chunks};
use crate::algebra::JoinKind;
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::Context;
use crate::memory::Charge;
use crate::plan::Plan;
use nuages_storage::DataType;

/// See the [module](self).
pub(super) struct NestedLoop<'v> {
    left: Running<'v>,
    right: Option<(&'v Plan, Running<'v>)>,
    /// The key of every row; [`ABSENT`] if there is no right row.
    key: u32,
    join: Join<'v>,
    left_types: Vec<DataType>,
    charge: Charge,
}

impl<'v> NestedLoop<'v> {
    pub(super) fn new(
        kind: JoinKind,
        (left_plan, left): (&'v Plan, Running<'v>),
        (right_plan, right): (&'v Plan, Running<'v>),
        on: Option<PairTest<'v>>,
    ) -> Self {
        let left_types = left_plan.columns.iter().map(|column| column.data_type).collect();
        let right = Some((right_plan, right));
        NestedLoop {
            left,
            right,
            key: ABSENT,
            join: Join::new(kind, on),
            left_types,
            charge: Charge::default(),
        }
    }

    /// Reads the right side, if that has not been done.
    fn build(&mut self, context: &Context<'_>) -> Result<(), Error> {
        let Some((plan, input)) = self.right.take() else { return Ok(()) };
        if !self.join.needs_right_columns() {
            self.join.right = BuildSide::keys_only(usize::from(any_row(input, context)?));
        } else {
            let rows = chunks::collect(plan, input, ("a nested loop", &mut self.charge), context)?;
            let numbers = vec![0; rows.len];
            self.join.right = BuildSide::new(rows, &numbers, numbers.len().min(1));
        }
        self.key = if self.join.right.is_empty() { ABSENT } else { 0 };
        Ok(())
    }
}

/// Whether an input has a row.
fn any_row(mut input: Running<'_>, context: &Context<'_>) -> Result<bool, Error> {
    let mut batch = Batch::default();
    while input.next(&mut batch, context)? {
        if !batch.selection.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl<'v> Operator<'v> for NestedLoop<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        self.build(context)?;
        if self.join.yields_nothing() {
            return Ok(false);
        }
        if self.join.next(batch, context)? {
            return Ok(true);
        }
        while self.left.next(batch, context)? {
            let mut numbers = vec![self.key; batch.len];
            if self.join.begin(batch, &mut numbers, context)? {
                return Ok(true);
            }
        }
        let lonely = self.join.lonely(&self.left_types);
        Ok(lonely.map(|lonely| *batch = lonely).is_some())
    }
}
