//! The first row of each combination of values, as the rows come by.

use super::key_table::{KeyTable, first_rows, key_columns, types_of};
use super::{Operator, Running};
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::memory::Charge;

/// Keeps the first row of each key; NULLs agree. Rows keep their order, and only the keys are remembered.
pub(super) struct Distinct<'v> {
    input: Running<'v>,
    on: &'v [Scalar],
    seen: KeyTable,
    numbers: Vec<u32>,
    charge: Charge,
}

impl<'v> Distinct<'v> {
    pub(super) fn new(input: Running<'v>, on: &'v [Scalar]) -> Self {
        Distinct {
            input,
            on,
            seen: KeyTable::new(&types_of(on)),
            numbers: Vec::new(),
            charge: Charge::default(),
        }
    }
}

impl<'v> Operator<'v> for Distinct<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if !self.input.next(batch, context)? {
            return Ok(false);
        }
        let keys = key_columns(self.on, batch, context)?;
        let known = self.seen.len();
        self.numbers.resize(batch.len, 0);
        self.seen.insert(&keys, &batch.selection, &mut self.numbers);
        let first = first_rows(known, &batch.selection, &self.numbers);
        drop(keys);
        self.charge.add_keys("a distinction", self.seen.len() - known, self.on.len(), context)?;
        batch.selection = first;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{Input, Row, column, input_of, kind, rows_of};
    use super::*;

    fn input() -> impl Strategy<Value = (Input, usize)> {
        prop::collection::vec(kind(), 1..4).prop_flat_map(|types| {
            let keys = 0..=types.len();
            (input_of(types), keys)
        })
    }

    proptest! {
        #[test]
        fn the_first_row_of_each_combination_stays((input, keys) in input()) {
            let on: Vec<_> = (0..keys).map(|index| column(index, &input.types)).collect();
            let mut expected: Vec<Row> = Vec::new();
            for row in input.rows() {
                if !expected.iter().any(|seen| seen[..keys] == row[..keys]) {
                    expected.push(row);
                }
            }
            prop_assert_eq!(rows_of(Distinct::new(input.open(), &on)), expected);
        }
    }
}
