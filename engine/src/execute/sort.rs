//! Sorting, and the first rows of what would be sorted.
//!
//! The keys of a row are encoded as bytes that sort as the keys do (`storage::key`), whatever their types and
//! directions. The first twelve bytes and the number of the row make one `u128`: an entry. A single integer, date or
//! float with its NULL takes nine bytes, so the common sorts are sorts of integers without a branch, and the row
//! number that comes last makes them stable. What is beyond the twelve bytes lies in a heap and is looked at only
//! where they are equal: entries are sorted as integers first, and then each run of one head by what lies there.
//!
//! With a limit no more than twice as many rows as are wanted are kept: whenever there are as many, the better half is
//! selected (`select_nth_unstable`, O(n)), and its worst entry becomes the mark that later rows have to beat: by their
//! first key, where that is a word, before the others are even encoded. This does the work of a bounded heap, a batch
//! at a time: most rows of a long input are dropped by one comparison.
//!
//! An input of one batch, as most are, is sorted where it lies: only what is put out is gathered. Its rows are
//! collected (see [`Kept`]) as soon as a second batch comes.
//!
//! Order of reading: `kept` (the rows), `entry` (their keys), and here what is done with both.
//!
//! Invariant: row numbers of entries grow in the order of arrival, also after rows were dropped.

mod entry;
mod kept;

use nuages_storage::DataType;
use nuages_storage::key::{KeyBuffer, KeyPart};
use smallvec::SmallVec;

use super::chunks::Chunks;
use super::key_table::{KeyColumns, Types, key_columns, row_number};
use super::{Operator, Running};
use crate::batch::{BATCH_ROWS_MAX, Batch, BatchBuilder};
use crate::error::Error;
use crate::evaluate::Context;
use crate::memory::Charge;
use crate::plan::{Plan, PlanSortKey, Top};
use entry::{HEAD_BYTES, ROW_BITS, Tails, WordKeys, key_bytes_max, row_of, split};
use kept::Kept;

/// For so much of a key beyond its head room is made before it is there: for two numbers more.
const TAIL_BYTES: usize = 18;

/// See the [module](self).
pub(super) struct Sort<'v> {
    plan: &'v Plan,
    input: Option<Running<'v>>,
    keys: &'v [PlanSortKey],
    top: Option<&'v Top>,
    sorted: Option<Chunks<'v>>,
    charge: Charge,
}

impl<'v> Sort<'v> {
    pub(super) fn new(
        input_plan: &'v Plan,
        input: Running<'v>,
        keys: &'v [PlanSortKey],
        top: Option<&'v Top>,
    ) -> Self {
        Sort { plan: input_plan, input: Some(input), keys, top, sorted: None, charge: Charge::default() }
    }

    fn sort(&mut self, mut input: Running<'v>, context: &Context<'_>) -> Result<Chunks<'v>, Error> {
        let top = self.top.map(|top| top.rows(context)).transpose()?.flatten();
        let mut batch = Batch::default();
        // Many sorts have nothing to sort, and are over sooner than a sorter is made ready.
        if top == Some(0) || !input.next(&mut batch, context)? {
            return Ok(Chunks::new(Batch::default()));
        }
        let types = self.plan.columns.iter().map(|column| column.data_type).collect();
        let mut sorter = Sorter::new(types, self.keys, top);
        loop {
            let keys = key_columns(self.keys.iter().map(|key| &key.scalar), &batch, context)?;
            let wanted = sorter.add(&batch, &keys);
            drop(keys);
            self.charge.add_some_rows(&batch, wanted.len(), context);
            let before = sorter.rows.len() + wanted.len();
            sorter.keep(&mut batch, wanted);
            self.charge.keep_rows("a sort", sorter.rows.len(), before)?;
            if !input.next(&mut batch, context)? {
                return Ok(sorter.finish());
            }
        }
    }
}

impl<'v> Operator<'v> for Sort<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if let Some(input) = self.input.take() {
            self.sorted = Some(self.sort(input, context)?);
        }
        Ok(self.sorted.as_mut().is_some_and(|sorted| sorted.next_into(batch)))
    }
}

/// The rows so far and their entries.
struct Sorter<'v> {
    /// The types of the rows' columns.
    types: Types,
    parts: SmallVec<[KeyPart; 4]>,
    top: Option<usize>,
    rows: Kept<'v>,
    entries: Vec<u128>,
    /// Of each row, what of its key is beyond the head; none if no key is that long.
    tails: Option<Tails>,
    /// How long that is, as far as it is known.
    tail_bytes: usize,
    /// What a row has to beat to be among the first.
    mark: Option<Mark>,
}

/// The key of the worst row that is still wanted.
struct Mark {
    head: u128,
    tail: Vec<u8>,
}

impl<'v> Sorter<'v> {
    fn new(types: Types, keys: &[PlanSortKey], top: Option<usize>) -> Self {
        let keys = keys.iter().map(|key| (key.scalar.data_type(), key.part));
        Self::of_keys(types, keys, top)
    }

    fn of_keys(types: Types, keys: impl Iterator<Item = (DataType, KeyPart)>, top: Option<usize>) -> Self {
        let mut parts: SmallVec<[KeyPart; 4]> = SmallVec::new();
        let mut bytes = 0;
        for (kind, part) in keys {
            parts.push(KeyPart { nullable: true, ..part });
            bytes += key_bytes_max(kind);
        }
        Sorter {
            types,
            parts,
            top,
            rows: Kept::default(),
            entries: Vec::new(),
            tails: (bytes > HEAD_BYTES).then(Tails::default),
            tail_bytes: bytes.saturating_sub(HEAD_BYTES).min(TAIL_BYTES),
            mark: None,
        }
    }

    /// Adds the keys of the selected rows of a batch that may be among the first; gives these rows, which are then to
    /// be [kept](Self::keep).
    fn add(&mut self, batch: &Batch<'v>, keys: &KeyColumns<'_, 'v>) -> Vec<u32> {
        let count = batch.selection.count();
        let mut added = Vec::with_capacity(if self.mark.is_none() { count } else { 0 });
        self.reserve(added.capacity());
        let words =
            keys.first().zip(self.parts.first()).and_then(|(column, part)| WordKeys::of(column, *part));
        let candidates = match (&self.mark, words) {
            (Some(mark), Some(words)) => &batch.selection & &words.at_most(mark.head, batch.len),
            _ => batch.selection.clone(),
        };
        match words {
            Some(words) if self.parts.len() == 1 => {
                candidates.iter().for_each(|row| self.admit(row, words.head(row), &[], &mut added));
            }
            _ => {
                let mut key = KeyBuffer::new();
                for row in &candidates {
                    key.clear();
                    keys.iter()
                        .zip(&self.parts)
                        .for_each(|(column, part)| column.push_key(*part, row, &mut key));
                    let (head, tail) = split(key.as_slice());
                    self.admit(row, head, tail, &mut added);
                }
            }
        }
        added
    }

    /// Keeps the rows whose keys were added.
    fn keep(&mut self, batch: &mut Batch<'v>, added: Vec<u32>) {
        if added.is_empty() {
            return;
        }
        self.rows.add(batch, added, &self.types);
        if let Some(top) = self.top
            && self.entries.len() >= top.saturating_mul(2).max(BATCH_ROWS_MAX)
        {
            self.cut(top);
        }
    }

    /// Makes room for more rows.
    fn reserve(&mut self, count: usize) {
        self.entries.reserve(count);
        if let Some(tails) = &mut self.tails {
            tails.reserve(count, self.tail_bytes);
        }
    }

    /// Adds a row to the entries and to `added` unless it cannot be among the first. One that only equals the mark
    /// came later than the row that set it.
    #[inline]
    fn admit(&mut self, row: usize, head: u128, tail: &[u8], added: &mut Vec<u32>) {
        if let Some(mark) = &self.mark
            && (head > mark.head || (head == mark.head && tail >= &mark.tail[..]))
        {
            return;
        }
        self.entries.push(head | u128::from(row_number(self.rows.len() + added.len())));
        if let Some(tails) = &mut self.tails {
            tails.push(tail);
        }
        added.push(row_number(row));
    }

    /// Drops all but the first `top` rows.
    fn cut(&mut self, top: usize) {
        self.select(top);
        let Some(worst) = self.entries.last() else { return };
        let tail = self.tails.as_ref().map_or(&[][..], |tails| tails.get(*worst));
        self.mark = Some(Mark { head: worst >> ROW_BITS << ROW_BITS, tail: tail.to_vec() });
        self.entries.sort_unstable_by_key(|entry| row_of(*entry));
        let kept: Vec<u32> = self.entries.iter().map(|entry| row_of(*entry)).collect();
        let (rows, kept) = std::mem::take(&mut self.rows).in_order(kept);
        let mut collected = BatchBuilder::new(&self.types);
        collected.append_rows(&rows, &kept);
        self.rows = Kept::Collected(collected);
        self.tails = self.tails.as_ref().map(|tails| tails.of_entries(&self.entries));
        for (row, entry) in self.entries.iter_mut().enumerate() {
            *entry = *entry >> ROW_BITS << ROW_BITS | u128::from(row_number(row));
        }
    }

    /// Leaves the first `top` entries, the last of them in its place and the others in any order.
    fn select(&mut self, top: usize) {
        if let Some(last) = top.checked_sub(1)
            && top < self.entries.len()
        {
            match &self.tails {
                None => self.entries.select_nth_unstable(last),
                Some(tails) => self.entries.select_nth_unstable_by(last, |a, b| tails.compare(*a, *b)),
            };
            self.entries.truncate(top);
        }
    }

    /// The rows in order.
    fn finish(mut self) -> Chunks<'v> {
        let order = self.order();
        let (rows, order) = self.rows.in_order(order);
        Chunks::in_order(rows, order)
    }

    /// The numbers of the rows in their order.
    fn order(&mut self) -> Vec<u32> {
        if let Some(top) = self.top {
            self.select(top);
        }
        match &self.tails {
            None => self.entries.sort_unstable(),
            Some(tails) => tails.sort(&mut self.entries),
        }
        self.entries.iter().map(|entry| row_of(*entry)).collect()
    }
}

/// The numbers of `len` rows in the order of their keys, of these types and directions; stable.
pub(super) fn order_of(
    columns: &KeyColumns<'_, '_>,
    keys: impl Iterator<Item = (DataType, KeyPart)>,
    len: usize,
) -> Vec<u32> {
    let mut sorter = Sorter::of_keys(Types::new(), keys, None);
    sorter.add(&Batch::new([], len), columns);
    sorter.order()
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use nuages_storage::Value;
    use proptest::prelude::*;

    use super::super::testing::{Input, Row, column, input_of, kind, rows_of};
    use super::*;
    use crate::plan::RowCount;

    fn part() -> impl Strategy<Value = KeyPart> {
        any::<(bool, bool)>().prop_map(|(descending, nulls_first)| KeyPart {
            descending,
            nullable: true,
            nulls_first,
        })
    }

    /// Rows, numbered in their last column, and the directions of the columns before it.
    fn input() -> impl Strategy<Value = (Input, Vec<KeyPart>)> {
        let keys = prop::collection::vec((kind(), part()), 1..4);
        keys.prop_flat_map(|keys| {
            let (types, parts): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
            (input_of(types), Just(parts))
        })
        .prop_map(|(mut input, parts)| {
            input.types.push(DataType::BigInt);
            for (number, (row, _)) in input.batches.iter_mut().flatten().enumerate() {
                row.push(Value::Int(number as i64));
            }
            (input, parts)
        })
    }

    fn keys_of(input: &Input, parts: &[KeyPart]) -> Vec<PlanSortKey> {
        let key = |(index, part): (usize, &KeyPart)| PlanSortKey {
            scalar: column(index, &input.types),
            part: *part,
        };
        parts.iter().enumerate().map(key).collect()
    }

    fn order(left: &Row, right: &Row, parts: &[KeyPart]) -> Ordering {
        let by = |(index, part): (usize, &KeyPart)| {
            let (left, right) = (&left[index], &right[index]);
            match (left.is_null(), right.is_null()) {
                (false, false) if part.descending => right.cmp(left),
                (false, false) => left.cmp(right),
                (left, right) if part.nulls_first => right.cmp(&left),
                (left, right) => left.cmp(&right),
            }
        };
        parts.iter().enumerate().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    proptest! {
        #[test]
        fn rows_come_in_order_and_equal_ones_as_they_came(
            (input, parts) in input(),
            top in prop::option::of(prop_oneof![0_usize..6, 0_usize..300]),
        ) {
            let (plan, keys) = (input.plan(), keys_of(&input, &parts));
            let mut expected = input.rows();
            expected.sort_by(|left, right| order(left, right, &parts));
            expected.truncate(top.unwrap_or(usize::MAX));
            let top = top.map(first);
            prop_assert_eq!(rows_of(Sort::new(&plan, input.open(), &keys, top.as_ref())), expected);
        }
    }

    /// So many from the first on.
    fn first(rows: usize) -> Top {
        Top { offset: RowCount::ZERO, count: RowCount::Fixed(rows as u64), expected: rows }
    }

    #[test]
    fn the_first_of_many_rows_are_those_of_the_whole_sort() {
        let texts = |n: i64| format!("a common beginning {}", n * 7_919 % 1_000);
        let rows =
            (0..5_000_i64).map(|n| vec![Value::Int(n * 7_919 % 1_000), texts(n).into(), Value::Int(n)]);
        let types = [DataType::BigInt, super::super::testing::TEXT, DataType::BigInt];
        let input = Input::of(&types, rows.collect(), 100);
        let plan = input.plan();
        for key in [0, 1] {
            let keys = [PlanSortKey { scalar: column(key, &types), part: KeyPart::DESCENDING }];
            let mut expected = rows_of(Sort::new(&plan, input.open(), &keys, None));
            assert!(expected.is_sorted_by(|a, b| a[key] > b[key] || (a[key] == b[key] && a[2] < b[2])));
            expected.truncate(700);
            assert_eq!(rows_of(Sort::new(&plan, input.open(), &keys, Some(&first(700)))), expected);
            expected.truncate(3);
            assert_eq!(rows_of(Sort::new(&plan, input.open(), &keys, Some(&first(3)))), expected);
        }
    }

    #[test]
    fn the_first_by_several_keys_are_those_of_the_whole_sort() {
        let types = [DataType::BigInt, DataType::BigInt, super::super::testing::TEXT];
        let value = |n: i64| if n % 11 == 0 { Value::Null } else { Value::Int(n * 7_919 % 5) };
        let row = |n: i64| vec![value(n), Value::Int(n * 61_291 % 6_007), format!("{}", n % 3).into()];
        let input = Input::of(&types, (0..6_000).map(row).collect(), 100);
        let plan = input.plan();
        for part in [KeyPart::ASCENDING, KeyPart::DESCENDING, KeyPart::DESCENDING.with_nulls_first(false)] {
            for others in [vec![1], vec![2, 1], vec![1, 2]] {
                let keys: Vec<PlanSortKey> = [0]
                    .into_iter()
                    .chain(others)
                    .map(|place| PlanSortKey { scalar: column(place, &types), part })
                    .collect();
                let mut expected = rows_of(Sort::new(&plan, input.open(), &keys, None));
                for count in [1_300, 40] {
                    expected.truncate(count);
                    assert_eq!(rows_of(Sort::new(&plan, input.open(), &keys, Some(&first(count)))), expected);
                }
            }
        }
    }
}
