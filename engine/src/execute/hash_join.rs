//! Hash join: the right side in a hash table, the left side probing it.
//!
//! NULL equals nothing, so right rows with a NULL in their key are not kept and left rows with one find no partner.

use super::join::{BuildSide, Join};
use super::key_table::{ABSENT, KeyColumns, KeyTable, key_columns, types_of};
use super::{Operator, Running, chunks};
use crate::algebra::JoinKind;
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::plan::Plan;

/// See the [module](self).
pub(super) struct HashJoin<'v> {
    left: Running<'v>,
    left_keys: &'v [Scalar],
    right: Option<Right<'v>>,
    table: KeyTable,
    join: Join<'v>,
}

/// The right side before it is built.
struct Right<'v> {
    plan: &'v Plan,
    input: Running<'v>,
    keys: &'v [Scalar],
}

impl<'v> HashJoin<'v> {
    pub(super) fn new(
        kind: JoinKind,
        (_, left): (&'v Plan, Running<'v>),
        (right_plan, right): (&'v Plan, Running<'v>),
        left_keys: &'v [Scalar],
        right_keys: &'v [Scalar],
        residual: Option<&'v Scalar>,
    ) -> Self {
        HashJoin {
            left,
            left_keys,
            right: Some(Right { plan: right_plan, input: right, keys: right_keys }),
            table: KeyTable::new(&types_of(right_keys)),
            join: Join::new(kind, residual),
        }
    }

    /// Reads the right side into the table, if that has not been done.
    fn build(&mut self, context: &Context<'_>) -> Result<(), Error> {
        let Some(Right { plan, mut input, keys }) = self.right.take() else { return Ok(()) };
        let mut rows = self.join.needs_right_columns().then(|| chunks::builder_for(plan));
        let (mut keys_of_rows, mut numbers) = (Vec::new(), Vec::new());
        while let Some(mut batch) = input.next(context)? {
            let keys = key_columns(keys, &batch, context)?;
            let selection = not_null(&keys, &batch);
            numbers.resize(batch.len, ABSENT);
            self.table.insert(&keys, &selection, &mut numbers);
            drop(keys);
            if let Some(rows) = &mut rows {
                keys_of_rows.extend(selection.iter().map(|row| numbers[row]));
                batch.selection = selection;
                rows.append(&batch);
            }
        }
        self.join.right = match rows {
            Some(rows) => BuildSide::new(rows.finish(), &keys_of_rows, self.table.len()),
            None => BuildSide::keys_only(self.table.len()),
        };
        Ok(())
    }
}

/// The selected rows of a batch without those that have a NULL in their key.
fn not_null(keys: &KeyColumns<'_, '_>, batch: &Batch<'_>) -> Bits {
    let mut selection = batch.selection.clone();
    for key in keys {
        match &**key {
            // The length of a constant means nothing.
            constant @ crate::vector::Vector::Constant { .. } if !constant.is_null(0) => {}
            crate::vector::Vector::Constant { .. } => selection = Bits::none(batch.len),
            column => selection = selection.and_not(&column.nulls()),
        }
    }
    selection
}

impl<'v> Operator<'v> for HashJoin<'v> {
    fn next(&mut self, context: &Context<'_>) -> Result<Option<Batch<'v>>, Error> {
        self.build(context)?;
        if self.join.yields_nothing() {
            return Ok(None);
        }
        if let Some(batch) = self.join.next(context)? {
            return Ok(Some(batch));
        }
        let Some(batch) = self.left.next(context)? else { return Ok(None) };
        let keys = key_columns(self.left_keys, &batch, context)?;
        let mut numbers = vec![ABSENT; batch.len];
        self.table.find(&keys, &not_null(&keys, &batch), &mut numbers);
        drop(keys);
        self.join.begin(batch, numbers, context).map(Some)
    }
}
