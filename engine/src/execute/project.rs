//! Other columns for the same rows.

use super::{Operator, Running};
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::plan::Plan;

/// Whether a projection yields the columns of its input, all of them in their order; then there is nothing to do.
pub(super) fn is_identity(columns: &[Scalar], input: &Plan) -> bool {
    columns.len() == input.columns.len()
        && columns.iter().enumerate().all(|(place, scalar)| scalar.column() == Some(place))
}

/// See the [module](self).
pub(super) struct Project<'v> {
    input: Running<'v>,
    columns: &'v [Scalar],
    rows: Batch<'v>,
}

impl<'v> Project<'v> {
    pub(super) fn new(input: Running<'v>, columns: &'v [Scalar]) -> Self {
        Project { input, columns, rows: Batch::default() }
    }
}

impl<'v> Operator<'v> for Project<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if !self.input.next(&mut self.rows, context)? {
            return Ok(false);
        }
        batch.columns.clear();
        batch.columns.reserve_exact(self.columns.len());
        for scalar in self.columns {
            batch.columns.push(scalar.evaluate(&self.rows, context)?);
        }
        batch.len = self.rows.len;
        batch.selection = std::mem::take(&mut self.rows.selection);
        Ok(true)
    }
}
