//! The rows that a sort has kept so far: those of its only batch where they lie, or those of several, collected.

use nuages_storage::DataType;

use crate::batch::{Batch, BatchBuilder};

/// Rows of the input, numbered as they came.
pub(super) enum Kept<'v> {
    /// These of one batch.
    Of(Batch<'v>, Vec<u32>),
    /// Those of several, collected.
    Collected(BatchBuilder<'v>),
}

impl<'v> Kept<'v> {
    pub(super) fn len(&self) -> usize {
        match self {
            Kept::Of(_, rows) => rows.len(),
            Kept::Collected(rows) => rows.len(),
        }
    }

    /// Adds some rows of a batch, which it may take away.
    pub(super) fn add(&mut self, batch: &mut Batch<'v>, wanted: Vec<u32>, types: &[DataType]) {
        match self {
            Kept::Of(_, rows) if rows.is_empty() => *self = Kept::Of(std::mem::take(batch), wanted),
            Kept::Of(first, rows) => {
                let mut collected = BatchBuilder::new(types);
                collected.append_rows(first, rows);
                collected.append_rows(batch, &wanted);
                *self = Kept::Collected(collected);
            }
            Kept::Collected(rows) => rows.append_rows(batch, &wanted),
        }
    }

    /// A batch, and which of its rows have the numbers in `order`.
    pub(super) fn in_order(self, mut order: Vec<u32>) -> (Batch<'v>, Vec<u32>) {
        match self {
            Kept::Of(batch, rows) => {
                order.iter_mut().for_each(|number| *number = rows[*number as usize]);
                (batch, order)
            }
            Kept::Collected(rows) => (rows.finish(), order),
        }
    }
}

/// Nothing yet.
impl Default for Kept<'_> {
    fn default() -> Self {
        Kept::Of(Batch::default(), Vec::new())
    }
}
