//! Semi- and anti-joins with the left side in the hash table: the right side is read once and marks the left rows that
//! it meets. Then those are put out, or the others.
//!
//! Where few rows are asked whether a large table has partners for them, this keeps the few, and of the many no more
//! than the pairs at hand that the residual has still to test; a hash join keeps the many. It is PostgreSQL's right
//! semi-join. Left rows keep their order, but the first of them comes when all of the right side has been read.
//!
//! NULL equals nothing: left rows with one in their key are never marked. Where a part of the key is compared by
//! `IS NOT DISTINCT FROM`, its NULL is a value as any other.

use super::Operator;
use super::chunks::{Chunks, builder_for};
use super::hash_join::with_partners;
use super::join::{Equijoin, grouped};
use super::key_table::{ABSENT, KeyTable, key_columns, row_number, types_of};
use crate::algebra::JoinKind;
use crate::batch::{BATCH_ROWS_MAX, Batch, BatchBuilder};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::Context;
use crate::memory::Charge;
use nuages_storage::DataType;

/// See the [module](self).
pub(super) struct MarkingJoin<'v> {
    join: Equijoin<'v>,
    found: Option<Chunks<'v>>,
    charge: Charge,
}

/// The left rows.
struct Rows<'v> {
    rows: Batch<'v>,
    table: KeyTable,
    /// Those of key `k` are `rows_of_keys[starts[k]..starts[k + 1]]`.
    starts: Vec<u32>,
    rows_of_keys: Vec<u32>,
    /// Those that have met a right row.
    met: Bits,
}

/// Pairs of rows that have still to be tested: the left ones by their numbers, the right ones as they are.
struct Pairs<'v> {
    left: Vec<u32>,
    right: BatchBuilder<'v>,
}

impl<'v> MarkingJoin<'v> {
    /// A semi- or anti-join.
    pub(super) fn new(join: Equijoin<'v>) -> Self {
        MarkingJoin { join, found: None, charge: Charge::default() }
    }

    /// Reads the left side.
    fn read(&mut self, context: &Context<'_>) -> Result<Rows<'v>, Error> {
        let mut table = KeyTable::new(&types_of(self.join.left.keys));
        let mut rows = builder_for(self.join.left.plan);
        let (mut keys_of_rows, mut numbers) = (Vec::new(), Vec::new());
        let mut batch = Batch::default();
        while self.join.left.input.next(&mut batch, context)? {
            let keys = key_columns(self.join.left.keys, &batch, context)?;
            let (known, width) = (table.len(), keys.len());
            numbers.clear();
            numbers.resize(batch.len, ABSENT);
            table.insert(&keys, &with_partners(self.join.on, &keys, &batch), &mut numbers);
            drop(keys);
            self.charge.add_keys("a hash join", table.len() - known, width, context)?;
            self.charge.add_rows("a hash join", &batch, context)?;
            keys_of_rows.extend(batch.selection.iter().map(|row| numbers[row]));
            rows.append(&batch);
        }
        table.expect_lookups();
        let (starts, rows_of_keys) = grouped(&keys_of_rows, table.len());
        let rows = rows.finish();
        let met = Bits::none(rows.len);
        Ok(Rows { rows, table, starts, rows_of_keys, met })
    }

    /// Reads the right side, and marks the left rows that it meets.
    fn mark(&mut self, rows: &mut Rows<'v>, context: &Context<'_>) -> Result<(), Error> {
        let mut numbers = Vec::new();
        let mut batch = Batch::default();
        let mut pairs = self.pairs();
        while self.join.right.input.next(&mut batch, context)? {
            let keys = key_columns(self.join.right.keys, &batch, context)?;
            let selection = with_partners(self.join.on, &keys, &batch);
            numbers.clear();
            numbers.resize(batch.len, ABSENT);
            rows.table.find(&keys, &selection, &mut numbers);
            drop(keys);
            let mut met = Vec::new();
            for row in selection.iter().filter(|row| numbers[*row] != ABSENT) {
                let key = numbers[row] as usize;
                let partners = rows.starts[key] as usize..rows.starts[key + 1] as usize;
                let partners = rows.rows_of_keys[partners].iter().copied();
                if self.join.residual.is_none() {
                    partners.for_each(|left| rows.met.insert(left as usize));
                    continue;
                }
                let before = pairs.left.len();
                pairs.left.extend(partners.filter(|left| !rows.met.contains(*left as usize)));
                met.resize(met.len() + pairs.left.len() - before, row_number(row));
                if pairs.left.len() >= BATCH_ROWS_MAX {
                    pairs.right.append_rows_of(&batch, self.join.right_columns, &std::mem::take(&mut met));
                    self.test(&mut pairs, rows, context)?;
                }
            }
            pairs.right.append_rows_of(&batch, self.join.right_columns, &met);
        }
        self.test(&mut pairs, rows, context)
    }

    /// No pairs.
    fn pairs(&self) -> Pairs<'v> {
        let column = |column: &usize| self.join.right.plan.columns[*column].data_type;
        let types: Vec<DataType> = self.join.right_columns.iter().map(column).collect();
        Pairs { left: Vec::new(), right: BatchBuilder::new(&types) }
    }

    /// Marks the left rows of the pairs that pass the residual.
    fn test(
        &mut self,
        pairs: &mut Pairs<'v>,
        rows: &mut Rows<'v>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let Pairs { left, right } = std::mem::replace(pairs, self.pairs());
        let Some(residual) = self.join.residual.as_mut().filter(|_| !left.is_empty()) else { return Ok(()) };
        context.check()?;
        let mut candidates = rows.rows.gather(&left);
        candidates.columns.extend(right.finish().columns);
        let passed = residual.filter(&candidates, &candidates.selection, context)?;
        passed.iter().for_each(|pair| rows.met.insert(left[pair] as usize));
        Ok(())
    }

    fn join(&mut self, context: &Context<'_>) -> Result<Chunks<'v>, Error> {
        let mut rows = self.read(context)?;
        if rows.table.len() > 0 {
            self.mark(&mut rows, context)?;
        }
        let wanted = self.join.kind == JoinKind::Semi;
        let found = (0..rows.rows.len).filter(|row| rows.met.contains(*row) == wanted);
        Ok(Chunks::in_order(rows.rows, found.map(row_number).collect()))
    }
}

impl<'v> Operator<'v> for MarkingJoin<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let found = match &mut self.found {
            Some(found) => found,
            None => {
                let found = self.join(context)?;
                self.found.insert(found)
            }
        };
        Ok(found.next_into(batch))
    }
}
