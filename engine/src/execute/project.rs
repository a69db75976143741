//! Other columns for the same rows.

use super::{Operator, Running};
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};

/// See the [module](self).
pub(super) struct Project<'v> {
    input: Running<'v>,
    columns: &'v [Scalar],
}

impl<'v> Project<'v> {
    pub(super) fn new(input: Running<'v>, columns: &'v [Scalar]) -> Self {
        Project { input, columns }
    }
}

impl<'v> Operator<'v> for Project<'v> {
    fn next(&mut self, context: &Context<'_>) -> Result<Option<Batch<'v>>, Error> {
        let Some(batch) = self.input.next(context)? else { return Ok(None) };
        let columns =
            self.columns.iter().map(|scalar| scalar.evaluate(&batch, context)).collect::<Result<_, _>>()?;
        Ok(Some(Batch { columns, selection: batch.selection, len: batch.len }))
    }
}
