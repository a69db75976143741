//! Hash join: the right side in a hash table, the left side probing it.
//!
//! NULL equals nothing, so right rows with a NULL in their key are not kept and left rows with one find no partner. A
//! full join puts the former out at its end, among those that met nobody. Where a part of the key is compared by
//! `IS NOT DISTINCT FROM`, its NULL is a value as any other.
//!
//! A left join puts out its left rows in any case. Where these are thought to be much fewer than the right rows, their
//! keys are numbered first, and only those right rows are kept that have one of these: the others are looked at once
//! and never copied. What follows is the same, so rows come in the same order on both ways.

use super::chunks::Chunks;
use super::join::{BuildSide, Equijoin, Join, Side, beside_nulls, present};
use super::key_table::{ABSENT, KeyColumns, KeyTable, key_columns, types_of};
use super::together::Together;
use super::{Operator, Running};
use crate::algebra::{Comparison, Expr};
use crate::batch::{Batch, BatchBuilder};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::memory::Charge;
use crate::optimize::cost;
use nuages_storage::DataType;

/// See the [module](self).
pub(super) struct HashJoin<'v> {
    left: Left<'v>,
    left_keys: &'v [Scalar],
    /// What makes keys equal, part by part.
    on: &'v [Expr],
    right: Option<Right<'v>>,
    table: KeyTable,
    /// The number of the key of each row of a left batch.
    numbers: Vec<u32>,
    join: Join<'v>,
    /// Of a full join: the types of the left columns, and the right rows that have a NULL in their key.
    left_types: Vec<DataType>,
    keyless: Option<Chunks<'v>>,
    charge: Charge,
}

/// The left side.
enum Left<'v> {
    /// To be read after the right side.
    Later(Running<'v>),
    /// To be read first, for its keys.
    First(Running<'v>),
    /// Read first: its batches, each with the numbers of its keys.
    Read(std::vec::IntoIter<(Batch<'v>, Vec<u32>)>),
}

/// The right side before it is built.
struct Right<'v> {
    side: Side<'v>,
    /// The columns that anything above looks at.
    columns: &'v [usize],
}

impl<'v> HashJoin<'v> {
    /// A join of any kind.
    pub(super) fn new(join: Equijoin<'v>) -> Self {
        let Equijoin { kind, left, right, on, right_columns, residual } = join;
        let is_left_first = cost::hashes_left(kind, left.plan.estimate.rows, right.plan.estimate.rows);
        let input = Together::of_join(left.plan, left.input);
        HashJoin {
            left: if is_left_first { Left::First(input) } else { Left::Later(input) },
            left_keys: left.keys,
            on,
            table: KeyTable::new(&types_of(right.keys)),
            right: Some(Right { side: right, columns: right_columns }),
            numbers: Vec::new(),
            join: Join::new(kind, residual),
            left_types: left.plan.columns.iter().map(|column| column.data_type).collect(),
            keyless: None,
            charge: Charge::default(),
        }
    }

    /// Reads the sides that are to be read before the first row can be put out, if that has not been done.
    fn prepare(&mut self, context: &Context<'_>) -> Result<(), Error> {
        let Some(right) = self.right.take() else { return Ok(()) };
        match &self.left {
            Left::First(_) => {
                self.read_left(context)?;
                self.keep_partners(right, context)
            }
            Left::Later(_) | Left::Read(_) => self.build(right, context),
        }
    }

    /// Reads the left side and numbers its keys.
    fn read_left(&mut self, context: &Context<'_>) -> Result<(), Error> {
        let Left::First(input) = &mut self.left else { return Ok(()) };
        let (mut batches, mut batch) = (Vec::new(), Batch::default());
        while input.next(&mut batch, context)? {
            let keys = key_columns(self.left_keys, &batch, context)?;
            let mut numbers = vec![ABSENT; batch.len];
            self.table.insert(&keys, &with_partners(self.on, &keys, &batch), &mut numbers);
            drop(keys);
            self.charge.add_rows("a hash join", &batch, context)?;
            batches.push((std::mem::take(&mut batch), numbers));
        }
        self.table.expect_lookups();
        self.left = Left::Read(batches.into_iter());
        Ok(())
    }

    /// Reads the right side and keeps the rows that have the key of a left row.
    fn keep_partners(&mut self, mut right: Right<'v>, context: &Context<'_>) -> Result<(), Error> {
        let mut rows = BatchBuilder::new(&right.types());
        let (mut keys_of_rows, mut numbers) = (Vec::new(), Vec::new());
        let mut batch = Batch::default();
        while right.side.input.next(&mut batch, context)? {
            let keys = key_columns(right.side.keys, &batch, context)?;
            let candidates = with_partners(self.on, &keys, &batch);
            numbers.clear();
            numbers.resize(batch.len, ABSENT);
            self.table.find(&keys, &candidates, &mut numbers);
            drop(keys);
            batch.selection = present(&candidates, &numbers);
            keys_of_rows.extend(batch.selection.iter().map(|row| numbers[row]));
            self.charge.add_rows("a hash join", &batch, context)?;
            rows.append_columns(&batch, right.columns);
        }
        self.join.right = BuildSide::grouped(rows.finish(), &keys_of_rows, self.table.len());
        Ok(())
    }

    /// Reads the right side into the table.
    fn build(&mut self, right: Right<'v>, context: &Context<'_>) -> Result<(), Error> {
        let mut rows = self.join.needs_right_columns().then(|| BatchBuilder::new(&right.types()));
        let mut keyless = self.join.is_full().then(|| BatchBuilder::new(&right.types()));
        let Right { side: Side { mut input, keys, .. }, columns } = right;
        let (mut keys_of_rows, mut numbers) = (Vec::new(), Vec::new());
        let mut batch = Batch::default();
        while input.next(&mut batch, context)? {
            let keys = key_columns(keys, &batch, context)?;
            let selection = with_partners(self.on, &keys, &batch);
            let known = self.table.len();
            numbers.resize(batch.len, ABSENT);
            self.table.insert(&keys, &selection, &mut numbers);
            let width = keys.len();
            drop(keys);
            self.charge.add_keys("a hash join", self.table.len() - known, width, context)?;
            if rows.is_some() {
                self.charge.add_rows("a hash join", &batch, context)?;
            }
            if let Some(rows) = &mut rows {
                keys_of_rows.extend(selection.iter().map(|row| numbers[row]));
                let null = batch.selection.and_not(&selection);
                if let (Some(keyless), false) = (&mut keyless, null.is_empty()) {
                    batch.selection = null;
                    keyless.append_columns(&batch, columns);
                }
                batch.selection = selection;
                rows.append_columns(&batch, columns);
            }
        }
        self.table.expect_lookups();
        self.keyless = keyless.map(|rows| Chunks::new(rows.finish()));
        self.join.right = match rows {
            Some(rows) => BuildSide::new(rows.finish(), &keys_of_rows, self.table.len()),
            None => BuildSide::keys_only(self.table.len()),
        };
        Ok(())
    }
}

impl Right<'_> {
    /// The types of the columns that are kept.
    fn types(&self) -> Vec<DataType> {
        self.columns.iter().map(|column| self.side.plan.columns[*column].data_type).collect()
    }
}

impl<'v> HashJoin<'v> {
    /// Puts the next left rows in the place of `batch`, and the numbers of their keys into `numbers`; false at the end.
    fn next_left(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let input = match &mut self.left {
            Left::Later(input) | Left::First(input) => input,
            Left::Read(batches) => {
                let Some((left, numbers)) = batches.next() else { return Ok(false) };
                (*batch, self.numbers) = (left, numbers);
                return Ok(true);
            }
        };
        if !input.next(batch, context)? {
            return Ok(false);
        }
        let keys = key_columns(self.left_keys, batch, context)?;
        self.numbers.clear();
        self.numbers.resize(batch.len, ABSENT);
        self.table.find(&keys, &with_partners(self.on, &keys, batch), &mut self.numbers);
        Ok(true)
    }

    /// Puts the next right rows that met no left row in the place of `batch`.
    fn lonely(&mut self, batch: &mut Batch<'v>) -> bool {
        if let Some(lonely) = self.join.lonely(&self.left_types) {
            *batch = lonely;
            return true;
        }
        let found = self.keyless.as_mut().is_some_and(|rows| rows.next_into(batch));
        if found {
            *batch = beside_nulls(&self.left_types, std::mem::take(batch));
        }
        found
    }
}

/// The selected rows of a batch without those that have a NULL in their key where it equals nothing.
pub(super) fn with_partners(on: &[Expr], keys: &KeyColumns<'_, '_>, batch: &Batch<'_>) -> Bits {
    let strict = |part: &Expr| !matches!(part, Expr::Compare(Comparison::Same, ..));
    let keys = on.iter().zip(keys).filter(|(part, _)| strict(part));
    keys.fold(batch.selection.clone(), |selection, (_, key)| key.present(&selection))
}

impl<'v> Operator<'v> for HashJoin<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        self.prepare(context)?;
        if self.join.yields_nothing() {
            return Ok(false);
        }
        if self.join.next(batch, context)? {
            return Ok(true);
        }
        while self.next_left(batch, context)? {
            if self.join.begin(batch, &mut self.numbers, context)? {
                return Ok(true);
            }
        }
        Ok(self.lonely(batch))
    }
}
