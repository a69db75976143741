//! Merge join: both sides come in the order of their keys, and each is read once.
//!
//! The planner uses it where that order is free: both sides by their primary key, or by indexes that are read anyhow.
//! Then nothing is hashed, the first rows come at once, and of the right side no more is kept than a *window*: the rows
//! whose keys are among those of the left batch at hand, and a batch beyond. What follows once partners are known is
//! what it is after a hash join (see [`join`](super::join)): the keys in the window are numbered in their order, and
//! each left row gets the number of its key.
//!
//! NULL equals nothing: right rows with one in their key are not kept, left rows with one find no partner; so it makes
//! no difference at which end of the order they come. A full join would have to remember which right rows met nobody,
//! so it is none of these.
//!
//! Invariants: keys in the window ascend and are there once; no key that the left side has still to come with was
//! dropped.

use std::cmp::Ordering;

use nuages_storage::key::{KeyBuffer, KeyPart};
use nuages_storage::{DataType, Lane};

use super::apply::PairTest;
use super::join::{BuildSide, Join};
use super::key_table::{ABSENT, KeyColumns, key_columns, row_number, types_of};
use super::{Operator, Running};
use crate::algebra::JoinKind;
use crate::batch::{BATCH_ROWS_MAX, Batch, BatchBuilder};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::memory::Charge;
use crate::plan::Plan;

/// See the [module](self).
pub(super) struct MergeJoin<'v> {
    kind: JoinKind,
    left: Running<'v>,
    left_keys: &'v [Scalar],
    right: Right<'v>,
    window: Window,
    /// The number of the key of each row of a left batch.
    numbers: Vec<u32>,
    join: Join<'v>,
    /// How many right rows are read together; it doubles from one, so that who stops early has read little, and to move
    /// the window costs little for each of many.
    ahead: usize,
    charge: Charge,
}

/// The right side.
struct Right<'v> {
    plan: &'v Plan,
    input: Running<'v>,
    keys: &'v [Scalar],
    /// The columns that anything above looks at.
    columns: &'v [usize],
    has_ended: bool,
}

/// The keys of the right rows that are kept.
struct Window {
    keys: Keys,
    /// The number of each row's key.
    of_rows: Vec<u32>,
    /// Keys before this one are less than any that the left side has still to come with.
    first: usize,
}

impl<'v> MergeJoin<'v> {
    pub(super) fn new(
        kind: JoinKind,
        (left, left_keys): (Running<'v>, &'v [Scalar]),
        (right_plan, right): (&'v Plan, Running<'v>),
        right_keys: &'v [Scalar],
        right_columns: &'v [usize],
        residual: Option<PairTest<'v>>,
    ) -> Self {
        let right = Right {
            plan: right_plan,
            input: right,
            keys: right_keys,
            columns: right_columns,
            has_ended: false,
        };
        let window = Window { keys: Keys::new(&types_of(right_keys)), of_rows: Vec::new(), first: 0 };
        let mut join = Join::new(kind, residual);
        // A left row that comes before any key is put out beside NULLs of the right columns' types.
        join.right = BuildSide::new(right.builder().finish(), &[], 0);
        MergeJoin {
            kind,
            left,
            left_keys,
            right,
            window,
            numbers: Vec::new(),
            join,
            ahead: 1,
            charge: Charge::default(),
        }
    }

    /// Reads right rows up to the first whose key is greater than the last of `wanted`, or to the end.
    fn slide(&mut self, wanted: &Keys, context: &Context<'_>) -> Result<(), Error> {
        let Some(last) = wanted.len().checked_sub(1) else { return Ok(()) };
        let window = &mut self.window;
        while window.first < window.keys.len() && window.keys.compare(window.first, wanted, 0).is_lt() {
            window.first += 1;
        }
        let reaches = |keys: &Keys| {
            keys.len().checked_sub(1).is_some_and(|end| keys.compare(end, wanted, last).is_gt())
        };
        if self.right.has_ended || reaches(&window.keys) {
            return Ok(());
        }
        self.charge = Charge::default();
        let mut rows = self.join.needs_right_columns().then(|| self.right.builder());
        let kept = window.drop_passed();
        if let Some(rows) = &mut rows {
            let window = std::mem::replace(&mut self.join.right, BuildSide::keys_only(0)).into_rows();
            rows.append_rows(&window, &(row_number(kept)..row_number(window.len)).collect::<Vec<_>>());
        }
        let mut batch = Batch::default();
        let (wanted_rows, mut read) = (self.ahead, 0);
        self.ahead = (wanted_rows * 2).min(BATCH_ROWS_MAX);
        while read < wanted_rows || !reaches(&self.window.keys) {
            if !self.right.input.next(&mut batch, context)? {
                self.right.has_ended = true;
                break;
            }
            let keys = key_columns(self.right.keys, &batch, context)?;
            let selection = not_null(&keys, &batch);
            self.window.add(&keys, &selection);
            drop(keys);
            read += batch.count();
            if let Some(rows) = &mut rows {
                batch.selection = selection;
                self.charge.add_rows("a merge join", &batch, context)?;
                rows.append_columns(&batch, self.right.columns);
            }
        }
        self.join.right = match rows {
            Some(rows) => BuildSide::new(rows.finish(), &self.window.of_rows, self.window.keys.len()),
            None => BuildSide::keys_only(self.window.keys.len()),
        };
        Ok(())
    }

    /// Finds the number of the key of each row of a left batch.
    fn number(&mut self, batch: &Batch<'v>, context: &Context<'_>) -> Result<(), Error> {
        let columns = key_columns(self.left_keys, batch, context)?;
        let rows = not_null(&columns, batch);
        let mut keys = self.window.keys.empty();
        rows.iter().for_each(|row| keys.push(&columns, row));
        drop(columns);
        self.slide(&keys, context)?;
        self.numbers.clear();
        self.numbers.resize(batch.len, ABSENT);
        let window = &mut self.window;
        for (place, row) in rows.iter().enumerate() {
            while window.first < window.keys.len() {
                match window.keys.compare(window.first, &keys, place) {
                    Ordering::Less => window.first += 1,
                    Ordering::Equal => {
                        self.numbers[row] = row_number(window.first);
                        break;
                    }
                    Ordering::Greater => break,
                }
            }
        }
        Ok(())
    }

    /// Whether no left row can find a partner any more, and none without one is put out.
    fn is_over(&self) -> bool {
        self.right.has_ended
            && self.window.first == self.window.keys.len()
            && matches!(self.kind, JoinKind::Inner | JoinKind::Semi)
    }
}

impl<'v> Right<'v> {
    fn builder(&self) -> BatchBuilder<'v> {
        let types: Vec<DataType> =
            self.columns.iter().map(|column| self.plan.columns[*column].data_type).collect();
        BatchBuilder::new(&types)
    }
}

impl Window {
    /// Takes out the keys before the first that may be of use; the place of the first row that stays.
    fn drop_passed(&mut self) -> usize {
        let kept = self.of_rows.partition_point(|number| (*number as usize) < self.first);
        self.of_rows.drain(..kept);
        let dropped = row_number(self.first);
        self.of_rows.iter_mut().for_each(|number| *number -= dropped);
        self.keys.drop_front(self.first);
        self.first = 0;
        kept
    }

    /// Adds the keys of the selected rows of a right batch.
    fn add(&mut self, columns: &KeyColumns<'_, '_>, selection: &Bits) {
        let keys = &mut self.keys;
        self.of_rows.extend(selection.iter().map(|row| {
            keys.push(columns, row);
            let last = keys.len() - 1;
            if last > 0 && keys.compare(last - 1, keys, last).is_eq() {
                keys.pop();
            }
            row_number(keys.len() - 1)
        }));
    }
}

/// The selected rows of a batch without those that have a NULL in their key.
fn not_null(keys: &KeyColumns<'_, '_>, batch: &Batch<'_>) -> Bits {
    keys.iter().fold(batch.selection.clone(), |selection, key| key.present(&selection))
}

impl<'v> Operator<'v> for MergeJoin<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if self.join.next(batch, context)? {
            return Ok(true);
        }
        while !self.is_over() && self.left.next(batch, context)? {
            self.number(batch, context)?;
            if self.join.begin(batch, &mut self.numbers, context)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Keys one after the other, in the cheapest form that decides their order. None has a NULL in it.
enum Keys {
    /// One column of integers, days or moments.
    Words(Vec<i64>),
    /// Any columns, encoded end to end.
    Encoded { heap: Vec<u8>, ends: Vec<usize> },
}

impl Keys {
    /// Room for keys of these types.
    fn new(types: &[DataType]) -> Keys {
        match types {
            [kind] if *kind != DataType::Float && matches!(kind.lane(), Lane::Word | Lane::RowId) => {
                Keys::Words(Vec::new())
            }
            _ => Keys::Encoded { heap: Vec::new(), ends: Vec::new() },
        }
    }

    /// Room for keys of the same types.
    fn empty(&self) -> Keys {
        match self {
            Keys::Words(_) => Keys::Words(Vec::new()),
            Keys::Encoded { .. } => Keys::Encoded { heap: Vec::new(), ends: Vec::new() },
        }
    }

    fn len(&self) -> usize {
        match self {
            Keys::Words(words) => words.len(),
            Keys::Encoded { ends, .. } => ends.len(),
        }
    }

    /// Adds the key of a row.
    #[inline]
    fn push(&mut self, columns: &KeyColumns<'_, '_>, row: usize) {
        match self {
            Keys::Words(words) => words.extend(columns[0].word(row).map(u64::cast_signed)),
            Keys::Encoded { heap, ends } => {
                let mut key = KeyBuffer::new();
                columns.iter().for_each(|column| column.push_key(KeyPart::ASCENDING, row, &mut key));
                heap.extend_from_slice(key.as_slice());
                ends.push(heap.len());
            }
        }
    }

    fn pop(&mut self) {
        match self {
            Keys::Words(words) => drop(words.pop()),
            Keys::Encoded { heap, ends } => {
                ends.pop();
                heap.truncate(ends.last().copied().unwrap_or(0));
            }
        }
    }

    /// Takes out the first `count` keys.
    fn drop_front(&mut self, count: usize) {
        match self {
            Keys::Words(words) => drop(words.drain(..count)),
            Keys::Encoded { heap, ends } => {
                let Some(end) = count.checked_sub(1).map(|last| ends[last]) else { return };
                heap.drain(..end);
                ends.drain(..count);
                ends.iter_mut().for_each(|place| *place -= end);
            }
        }
    }

    /// How a key compares with one of others.
    #[inline]
    fn compare(&self, place: usize, others: &Keys, other: usize) -> Ordering {
        match (self, others) {
            (Keys::Words(words), Keys::Words(others)) => words[place].cmp(&others[other]),
            (Keys::Encoded { heap, ends }, Keys::Encoded { heap: other_heap, ends: other_ends }) => {
                encoded(heap, ends, place).cmp(encoded(other_heap, other_ends, other))
            }
            _ => unreachable!("both sides of a join have keys of one form"),
        }
    }
}

fn encoded<'k>(heap: &'k [u8], ends: &[usize], place: usize) -> &'k [u8] {
    &heap[place.checked_sub(1).map_or(0, |before| ends[before])..ends[place]]
}
