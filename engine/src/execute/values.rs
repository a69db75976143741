//! Rows that come from no table.

use super::Operator;
use crate::batch::{BATCH_ROWS_MAX, Batch};
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::plan::PlanColumn;
use crate::vector::VectorBuilder;

/// One row without columns.
pub(super) struct Unit {
    done: bool,
}

impl Unit {
    pub(super) fn new() -> Self {
        Unit { done: false }
    }
}

impl<'v> Operator<'v> for Unit {
    fn next(&mut self, batch: &mut Batch<'v>, _: &Context<'_>) -> Result<bool, Error> {
        *batch = Batch::new([], 1);
        Ok(!std::mem::replace(&mut self.done, true))
    }
}

/// Literal rows.
pub(super) struct Values<'v> {
    rows: std::slice::Chunks<'v, Vec<Scalar>>,
    columns: &'v [PlanColumn],
}

impl<'v> Values<'v> {
    pub(super) fn new(rows: &'v [Vec<Scalar>], columns: &'v [PlanColumn]) -> Self {
        Values { rows: rows.chunks(BATCH_ROWS_MAX), columns }
    }
}

impl<'v> Operator<'v> for Values<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let Some(rows) = self.rows.next() else { return Ok(false) };
        context.check()?;
        let mut builders: Vec<_> =
            self.columns.iter().map(|column| VectorBuilder::new(column.data_type)).collect();
        for row in rows {
            for (builder, scalar) in builders.iter_mut().zip(row) {
                builder.push(&scalar.value(context)?);
            }
        }
        *batch = Batch::new(builders.into_iter().map(VectorBuilder::finish), rows.len());
        Ok(true)
    }
}
