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
        if !self.input.next(batch, context)? {
            return Ok(false);
        }
        batch.selection = self.predicate.filter(batch, context)?;
        Ok(true)
    }
}
