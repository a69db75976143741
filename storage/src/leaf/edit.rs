//! How rows come into a leaf, change and go.
//!
//! Everything is a gap opened or closed in each column, and rows copied into it column by column from
//! another leaf. Inserting a row, appending a leaf, dividing one and compacting one are the same copy.
//!
//! A row that is deleted goes at once. To mark it and to close the gap later would spare little (among 100,000 rows
//! with two indexes, closing it is a twelfth of a deletion's time), and every reader would have to look for the marks.

use std::ops::Range;
use std::sync::Arc;

use super::heap::DEFAULT;
use super::words::Words;
use super::{LEAF_BYTES, Leaf, ROWS_MAX, RowId, all_rows, capacity_for};
use crate::layout::{Layout, Stored};
use crate::patch::Patch;
use crate::tree::{Block, KeyOf, PlainKeys};
use crate::value::Lane;

/// One row of a leaf.
#[derive(Clone, Copy, Debug)]
pub struct RowImage<'a> {
    leaf: &'a Leaf,
    row: usize,
}

impl<'a> RowImage<'a> {
    /// The row `row` of `leaf`.
    #[must_use]
    pub fn new(leaf: &'a Leaf, row: usize) -> Self {
        Self { leaf, row }
    }

    /// Its row id.
    #[must_use]
    pub fn row_id(self) -> RowId {
        RowId::new(self.leaf.row_ids[self.row])
    }
}

/// A leaf in a table's tree.
impl Block for Leaf {
    type Keys = PlainKeys<RowId>;
    type Item<'a> = RowImage<'a>;
    const LEN_MAX: usize = ROWS_MAX;

    fn key_of(item: Self::Item<'_>) -> KeyOf<'_, Self> {
        item.row_id()
    }

    fn of(item: RowImage<'_>) -> Self {
        item.leaf.copy(item.row..item.row + 1, 1)
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn key(&self, at: usize) -> RowId {
        RowId::new(self.row_ids[at])
    }

    fn search(&self, row_id: RowId) -> Result<usize, usize> {
        self.position(row_id)
    }

    fn size(&self) -> usize {
        self.live_bytes()
    }

    fn has_room(&self) -> bool {
        self.len() < self.layout.rows_max() && self.live_bytes() < LEAF_BYTES
    }

    fn is_overfull(&self) -> bool {
        self.len() > self.layout.rows_max() || self.live_bytes() > LEAF_BYTES * 2
    }

    fn fits(&self, right: &Self, part: (usize, usize)) -> bool {
        let rows_max = self.layout.rows_max().min(right.layout.rows_max());
        (self.len() + right.len()) * part.1 <= rows_max * part.0
            && (self.live_bytes() + right.live_bytes()) * part.1 <= LEAF_BYTES * part.0
    }

    fn insert(&mut self, at: usize, item: RowImage<'_>) {
        self.make_room(&item.leaf.layout, self.len() + 1);
        self.open_gap(at);
        self.copy_rows(at, item.leaf, &(item.row..item.row + 1));
        self.change_row_ids(|row_ids| row_ids.insert(at, item.row_id().get()));
    }

    fn remove(&mut self, at: usize) {
        self.close_gap(at);
        self.change_row_ids(|row_ids| {
            row_ids.remove(at);
        });
        self.compact();
    }

    fn append(&mut self, right: &Self) {
        self.make_room(&right.layout, self.len() + right.len());
        self.copy_rows(self.len(), right, &(0..right.len()));
        match *right.row_ids.as_slice() {
            [only] => self.push_row_id(only),
            _ => self.change_row_ids(|row_ids| row_ids.extend_from_slice(&right.row_ids)),
        }
    }

    fn split_off(&mut self, at: usize) -> Self {
        let right = self.copy(at..self.len(), self.len() - at + 1);
        *self = self.copy(0..at, at + 1);
        right
    }

    fn bytes_alone(&self) -> usize {
        let words = size_of_val(&*self.words) + size_of_val(&*self.row_ids);
        size_of::<Self>() + words + self.text.bytes_alone() + self.bytes.bytes_alone()
    }

    #[cfg(test)]
    fn check(&self) {
        self.check_leaf();
    }
}

impl Leaf {
    /// Overwrites the row at `at`, but for its row id, with another. Slots that the other lacks stay.
    pub(crate) fn replace(&mut self, at: usize, image: RowImage<'_>) {
        let RowImage { leaf: source, row } = image;
        self.make_room(&source.layout, self.len());
        for slot in 0..self.layout.len().min(source.layout.len()) {
            let (to, from) = (self.span(slot), source.span(slot));
            if to.lane == Lane::RowId {
                continue;
            }
            let (to_at, from_at) = (to.data + to.width * at, from.data + from.width * row);
            set_bit(&mut self.words[to.nulls], at, source.words[from.nulls] >> row & 1);
            match to.lane {
                Lane::RowId => {}
                Lane::Bit => set_bit(&mut self.words[to.data], at, source.words[from.data] >> row & 1),
                Lane::Word => self.words[to_at] = source.words[from_at],
                Lane::Wide => {
                    self.words[to_at..to_at + 2].copy_from_slice(&source.words[from_at..from_at + 2]);
                }
                Lane::Text => {
                    let cell = &mut self.words[to_at];
                    *cell = self.text.replace(*cell, &source.text, source.words[from_at]);
                }
                Lane::Bytes => {
                    let cell = &mut self.words[to_at];
                    *cell = self.bytes.replace(*cell, &source.bytes, source.words[from_at]);
                }
            }
        }
        self.compact();
    }

    /// Sets the slots of a patch, from its row `from`, which lies at `at`, as far as its rows lie in this leaf.
    /// Returns how many those are.
    pub(crate) fn assign(
        &mut self,
        layout: &Arc<Layout>,
        mut at: usize,
        patch: &Patch,
        from: usize,
    ) -> usize {
        if patch.slots().iter().any(|slot| *slot >= self.layout.len()) {
            self.make_room(layout, self.len());
        }
        if let [_] = patch.row_ids() {
            patch
                .slots()
                .iter()
                .zip(patch.words())
                .for_each(|(slot, word)| self.assign_word(*slot, at, *word));
            return 1;
        }
        let mut done = 0;
        for (row_id, words) in patch.row_ids()[from..].iter().zip(patch.words_from(from)) {
            let Some(distance) = self.row_ids[at..].iter().position(|id| *id >= row_id.get()) else { break };
            at += distance;
            debug_assert_eq!(self.row_ids[at], row_id.get(), "a patch is for rows that are there");
            for (slot, word) in patch.slots().iter().zip(words) {
                self.assign_word(*slot, at, *word);
            }
            done += 1;
        }
        done
    }

    /// Sets a slot of a row.
    #[inline]
    fn assign_word(&mut self, slot: usize, at: usize, word: Option<u64>) {
        let span = self.span(slot);
        debug_assert!(matches!(span.lane, Lane::Word | Lane::Bit), "slot {slot}");
        set_bit(&mut self.words[span.nulls], at, word.is_none().into());
        let word = word.unwrap_or_default();
        match span.lane {
            Lane::Bit => set_bit(&mut self.words[span.data], at, word & 1),
            _ => self.words[span.data + at] = word,
        }
    }

    /// A leaf of some of the rows, with room for `room`, and without dead bytes.
    pub(super) fn copy(&self, rows: Range<usize>, room: usize) -> Self {
        let mut copy = Self::new(Arc::clone(&self.layout), room.max(rows.len()));
        copy.change_row_ids(|row_ids| row_ids.extend_from_slice(&self.row_ids[rows.clone()]));
        copy.copy_rows(0, self, &rows);
        copy
    }

    /// Makes room for `rows` rows, and for the slots of `layout` if it has more than the leaf's own.
    pub(super) fn make_room(&mut self, layout: &Arc<Layout>, rows: usize) {
        let wider = layout.len() > self.layout.len();
        if rows <= self.capacity && !wider {
            return;
        }
        let len = self.len();
        // Two at a time: what grows row by row is copied every other time only.
        let grown = if rows > self.capacity { rows.max(self.capacity * 4) } else { rows.max(len) };
        let layout = Arc::clone(if wider { layout } else { &self.layout });
        let capacity = capacity_for(&layout, grown.min(layout.rows_max()).max(rows).max(len));
        let mut words = Words::zeroed(layout.words(capacity));
        for (slot, from) in self.layout.spans(self.capacity) {
            let to = layout.span(slot, capacity);
            words[to.bits()].copy_from_slice(&self.words[from.bits()]);
            words[to.rows(&(0..len))].copy_from_slice(&self.words[from.rows(&(0..len))]);
        }
        let added = self.layout.len()..layout.len();
        (self.layout, self.capacity, self.words) = (layout, capacity, words);
        added.for_each(|slot| self.write_default(slot, 0..len));
    }

    /// Writes rows of another leaf into a gap at `at`. Slots that the other lacks get their default.
    pub(super) fn copy_rows(&mut self, at: usize, source: &Self, rows: &Range<usize>) {
        if rows.len() == 1 {
            return self.copy_row(at, source, rows.start);
        }
        let gap = at..at + rows.len();
        for slot in 0..self.layout.len() {
            let to = self.span(slot);
            if to.lane == Lane::RowId {
                continue;
            }
            if slot >= source.layout.len() {
                self.write_default(slot, gap.clone());
                continue;
            }
            let from = source.span(slot);
            for (to, from) in to.bits().zip(from.bits()) {
                self.words[to] |= cut(source.words[from], rows) << at;
            }
            let values = &source.words[from.rows(rows)];
            let gap = to.rows(&gap);
            match to.lane {
                Lane::RowId | Lane::Bit => {}
                Lane::Word | Lane::Wide => self.words[gap].copy_from_slice(values),
                Lane::Text => {
                    for (to, cell) in self.words[gap].iter_mut().zip(values) {
                        *to = self.text.copy(&source.text, *cell);
                    }
                }
                Lane::Bytes => {
                    for (to, cell) in self.words[gap].iter_mut().zip(values) {
                        *to = self.bytes.copy(&source.bytes, *cell);
                    }
                }
            }
        }
    }

    /// The same for one row, without the ranges: a fifth of the instructions, and what a commit of one row mostly is.
    fn copy_row(&mut self, at: usize, source: &Self, row: usize) {
        // What a leaf of one row has of texts and bytes is the row's, so they are taken over as a whole.
        let is_whole = source.len() == 1 && source.layout.len() <= self.layout.len();
        let (text, bytes) = match is_whole {
            true => (self.text.append(&source.text), self.bytes.append(&source.bytes)),
            false => (None, None),
        };
        let (words, values) = (&mut *self.words, &*source.words);
        let spans = self.layout.common_spans(self.capacity, &source.layout, source.capacity);
        for (to, from) in spans {
            if to.lane == Lane::RowId {
                continue;
            }
            let (to_at, from_at) = (to.data + to.width * at, from.data + from.width * row);
            words[to.nulls] |= (values[from.nulls] >> row & 1) << at;
            match to.lane {
                Lane::RowId => {}
                Lane::Bit => words[to.data] |= (values[from.data] >> row & 1) << at,
                Lane::Word => words[to_at] = values[from_at],
                Lane::Wide => words[to_at..to_at + 2].copy_from_slice(&values[from_at..from_at + 2]),
                Lane::Text => {
                    words[to_at] = match text {
                        Some(shift) => shift.of(values[from_at]),
                        None => self.text.copy(&source.text, values[from_at]),
                    }
                }
                Lane::Bytes => {
                    words[to_at] = match bytes {
                        Some(shift) => shift.of(values[from_at]),
                        None => self.bytes.copy(&source.bytes, values[from_at]),
                    }
                }
            }
        }
        for slot in source.layout.len()..self.layout.len() {
            self.write_default(slot, at..at + 1);
        }
    }

    /// Writes the slot's default into rows whose bits are zero.
    fn write_default(&mut self, slot: usize, rows: Range<usize>) {
        let span = self.span(slot);
        let bits = all_rows(rows.len()) << rows.start;
        let data = &mut self.words[span.rows(&rows)];
        match self.layout.stored_default(slot) {
            Stored::Null => {
                data.fill(0);
                self.words[span.nulls] |= bits;
            }
            Stored::Bit(value) => self.words[span.data] |= if *value { bits } else { 0 },
            Stored::Word(word) => data.fill(*word),
            Stored::Wide(wide) => data.as_chunks_mut().0.fill(split_wide(*wide)),
            Stored::Text(_) | Stored::Bytes(_) => data.fill(DEFAULT),
        }
    }

    /// Moves the rows from `at` one further.
    fn open_gap(&mut self, at: usize) {
        let len = self.len();
        if at == len {
            return;
        }
        let before = all_rows(at);
        for word in self.bit_words() {
            *word = *word & before | (*word & !before) << 1;
        }
        for (_, span) in self.layout.spans(self.capacity) {
            self.words.copy_within(span.rows(&(at..len)), span.data + span.width * (at + 1));
        }
    }

    /// Moves the rows after `at` over it. What its cells refer to is dead.
    fn close_gap(&mut self, at: usize) {
        let len = self.len();
        let before = all_rows(at);
        for word in self.bit_words() {
            *word = *word & before | *word >> 1 & !before;
        }
        for (_, span) in self.layout.spans(self.capacity) {
            match span.lane {
                Lane::Text => self.text.release(self.words[span.data + at]),
                Lane::Bytes => self.bytes.release(self.words[span.data + at]),
                _ => {}
            }
            self.words.copy_within(span.rows(&(at + 1..len)), span.data + span.width * at);
        }
    }

    /// The words that have a bit for each row.
    fn bit_words(&mut self) -> &mut [u64] {
        let count = self.layout.bit_words();
        &mut self.words[..count]
    }

    /// Rewrites the leaf if that halves a heap.
    fn compact(&mut self) {
        if self.text.is_half_dead() || self.bytes.is_half_dead() {
            *self = self.copy(0..self.len(), self.capacity);
        }
    }
}

/// The bits of some rows, moved to the lowest.
fn cut(word: u64, rows: &Range<usize>) -> u64 {
    if rows.is_empty() { 0 } else { word >> rows.start & all_rows(rows.len()) }
}

pub(super) fn set_bit(word: &mut u64, at: usize, bit: u64) {
    *word = *word & !(1 << at) | bit << at;
}

/// The two words of a wide value, the lower first.
#[expect(clippy::cast_possible_truncation, reason = "the halves of the value")]
pub(super) fn split_wide(wide: u128) -> [u64; 2] {
    [wide as u64, (wide >> 64) as u64]
}
