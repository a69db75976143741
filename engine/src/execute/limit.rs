//! A run of the rows. The input is not asked for more once the run is complete.

use super::{Operator, Running};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::Context;
use crate::plan::RowCount;

/// See the [module](self).
pub(super) struct Limit<'v> {
    input: Running<'v>,
    run: (&'v RowCount, Option<&'v RowCount>),
    /// What is left of it, once it is known.
    rest: Option<Rest>,
}

struct Rest {
    /// Rows still to be left out.
    skip: u64,
    /// Rows still to be yielded; all if none.
    left: Option<u64>,
}

impl<'v> Limit<'v> {
    pub(super) fn new(input: Running<'v>, offset: &'v RowCount, count: Option<&'v RowCount>) -> Self {
        Limit { input, run: (offset, count), rest: None }
    }
}

impl<'v> Operator<'v> for Limit<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let rest = match &mut self.rest {
            Some(rest) => rest,
            None => {
                let (offset, count) = self.run;
                let skip = offset.rows(context)?.unwrap_or(0);
                let left = count.map(|count| count.rows(context)).transpose()?.flatten();
                self.rest.insert(Rest { skip, left })
            }
        };
        if rest.left == Some(0) {
            return Ok(false);
        }
        if !self.input.next(batch, context)? {
            return Ok(false);
        }
        let rows = batch.count() as u64;
        let skipped = rest.skip.min(rows);
        let taken = rest.left.unwrap_or(u64::MAX).min(rows - skipped);
        rest.skip -= skipped;
        if let Some(left) = &mut rest.left {
            *left -= taken;
        }
        if taken < rows {
            batch.selection = run(batch, skipped as usize, taken as usize);
        }
        Ok(true)
    }
}

/// The selected rows of a batch without the first `skip`, and of those the first `take`.
fn run(batch: &Batch<'_>, skip: usize, take: usize) -> Bits {
    let mut kept = Bits::none(batch.len);
    batch.selection.iter().skip(skip).take(take).for_each(|row| kept.insert(row));
    kept
}
