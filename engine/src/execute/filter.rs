//! Rows for which a predicate is true.

use super::{Operator, Running};
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};

/// See the [module](self).
pub(super) struct Filter<'v> {
    input: Running<'v>,
    predicate: &'v Scalar,
}

impl<'v> Filter<'v> {
    pub(super) fn new(input: Running<'v>, predicate: &'v Scalar) -> Self {
        Filter { input, predicate }
    }
}

impl<'v> Operator<'v> for Filter<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        while self.input.next(batch, context)? {
            batch.selection = self.predicate.filter(batch, context)?;
            if !batch.selection.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
