//! Rows that were collected, handed on in batches.

use super::Running;
use crate::batch::{BATCH_ROWS_MAX, Batch, BatchBuilder};
use crate::error::Error;
use crate::evaluate::Context;
use crate::memory::Charge;
use crate::plan::Plan;

/// All rows of an input, in one batch of any length; what `charge` counts is kept by `operator`.
pub(super) fn collect<'v>(
    plan: &Plan,
    mut input: Running<'v>,
    (operator, charge): (&'static str, &mut Charge),
    context: &Context<'_>,
) -> Result<Batch<'v>, Error> {
    let mut rows = builder_for(plan);
    let mut batch = Batch::default();
    while input.next(&mut batch, context)? {
        charge.add_rows(operator, &batch, context)?;
        rows.append(&batch);
    }
    Ok(rows.finish())
}

/// A builder of batches of the columns a plan yields.
pub(super) fn builder_for<'v>(plan: &Plan) -> BatchBuilder<'v> {
    BatchBuilder::new(&plan.columns.iter().map(|column| column.data_type).collect::<Vec<_>>())
}

/// A long batch as batches of at most [`BATCH_ROWS_MAX`] rows.
pub(super) struct Chunks<'v> {
    rows: Batch<'v>,
    order: Option<Vec<u32>>,
    next: usize,
}

impl<'v> Chunks<'v> {
    /// The rows as they are.
    pub(super) fn new(rows: Batch<'v>) -> Self {
        Chunks { rows, order: None, next: 0 }
    }

    /// These of the rows, in this order.
    pub(super) fn in_order(rows: Batch<'v>, order: Vec<u32>) -> Self {
        Chunks { rows, order: Some(order), next: 0 }
    }

    /// Puts the next rows in the place of `batch`; false at the end.
    pub(super) fn next_into(&mut self, batch: &mut Batch<'v>) -> bool {
        let len = self.order.as_ref().map_or(self.rows.len, Vec::len);
        let run = self.next..len.min(self.next + BATCH_ROWS_MAX);
        if run.is_empty() {
            return false;
        }
        self.next = run.end;
        *batch = match &self.order {
            Some(order) => self.rows.gather(&order[run]),
            None if run.len() == len => std::mem::take(&mut self.rows),
            None => self.rows.gather(&run.map(super::key_table::row_number).collect::<Vec<_>>()),
        };
        true
    }
}
