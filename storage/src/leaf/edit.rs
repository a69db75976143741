//! How rows come into a leaf, change and go.
//!
//! Everything is a gap opened or closed in each column, and rows copied into it column by column from
//! another leaf. Inserting a row, appending a leaf, dividing one and compacting one are the same copy.

use std::mem;
use std::ops::Range;
use std::sync::Arc;

use super::{LEAF_BYTES, Leaf, RowId, all_rows, capacity_for};
use crate::layout::{Layout, Stored};
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
        self.copy_rows(at, item.leaf, item.row..item.row + 1);
        self.row_ids.insert(at, item.leaf.row_ids[item.row]);
    }

    fn remove(&mut self, at: usize) {
        self.close_gap(at);
        self.row_ids.remove(at);
        self.compact();
    }

    fn append(&mut self, right: &Self) {
        self.make_room(&right.layout, self.len() + right.len());
        self.copy_rows(self.len(), right, 0..right.len());
        self.row_ids.extend_from_slice(&right.row_ids);
    }

    fn split_off(&mut self, at: usize) -> Self {
        let right = self.copy(at..self.len(), self.len() - at + 1);
        *self = self.copy(0..at, at + 1);
        right
    }

    #[cfg(test)]
    fn check(&self) {
        self.check_leaf();
    }
}

impl Leaf {
    /// Overwrites the row at `at`, but for its row id, with another.
    pub(crate) fn replace(&mut self, at: usize, image: RowImage<'_>) {
        let RowImage { leaf: source, row } = image;
        self.make_room(&source.layout, self.len());
        for slot in 0..self.layout.len() {
            let lane = self.layout.lane(slot);
            if lane == Lane::RowId {
                continue;
            }
            if slot >= source.layout.len() {
                self.release_cell(slot, at);
                self.write_default(slot, at..at + 1);
                continue;
            }
            let (to, from) =
                (self.layout.start(slot, self.capacity), source.layout.start(slot, source.capacity));
            set_bit(&mut self.words[to], at, source.words[from] >> row & 1);
            let (to, from) = (to + 1, from + 1);
            match lane {
                Lane::RowId => {}
                Lane::Bit => set_bit(&mut self.words[to], at, source.words[from] >> row & 1),
                Lane::Word => self.words[to + at] = source.words[from + row],
                Lane::Wide => {
                    let value = &source.words[from + 2 * row..][..2];
                    self.words[to + 2 * at..][..2].copy_from_slice(value);
                }
                Lane::Text => {
                    let cell = &mut self.words[to + at];
                    *cell = self.text.replace(*cell, &source.text, source.words[from + row]);
                }
                Lane::Bytes => {
                    let cell = &mut self.words[to + at];
                    *cell = self.bytes.replace(*cell, &source.bytes, source.words[from + row]);
                }
            }
        }
        self.compact();
    }

    /// A leaf of some of the rows, with room for `room`, and without dead bytes.
    pub(super) fn copy(&self, rows: Range<usize>, room: usize) -> Self {
        let mut copy = Self::new(Arc::clone(&self.layout), room.max(rows.len()));
        copy.row_ids.extend_from_slice(&self.row_ids[rows.clone()]);
        copy.copy_rows(0, self, rows);
        copy
    }

    /// Makes room for `rows` rows, and for the slots of `layout` if it has more than the leaf's own.
    pub(super) fn make_room(&mut self, layout: &Arc<Layout>, rows: usize) {
        let wider = layout.len() > self.layout.len();
        if rows <= self.capacity && !wider {
            return;
        }
        let layout = Arc::clone(if wider { layout } else { &self.layout });
        let capacity = capacity_for(&layout, rows.max(self.len()));
        let old_words = mem::replace(&mut self.words, vec![0; layout.words(capacity)]);
        let old_capacity = mem::replace(&mut self.capacity, capacity);
        let old_layout = mem::replace(&mut self.layout, layout);
        for slot in 0..old_layout.len() {
            let used = old_layout.used(slot, self.len());
            let (to, from) = (self.layout.start(slot, capacity), old_layout.start(slot, old_capacity));
            self.words[to..to + used].copy_from_slice(&old_words[from..from + used]);
        }
        for slot in old_layout.len()..self.layout.len() {
            self.write_default(slot, 0..self.len());
        }
    }

    /// Writes rows of another leaf into a gap at `at`. Slots that the other lacks get their default.
    fn copy_rows(&mut self, at: usize, source: &Self, rows: Range<usize>) {
        let count = rows.len();
        for slot in 0..self.layout.len() {
            if slot >= source.layout.len() {
                self.write_default(slot, at..at + count);
                continue;
            }
            let lane = self.layout.lane(slot);
            if lane == Lane::RowId {
                continue;
            }
            let (to, from) =
                (self.layout.start(slot, self.capacity), source.layout.start(slot, source.capacity));
            self.words[to] |= cut(source.words[from], &rows) << at;
            let (to, from) = (to + 1, from + 1);
            match lane {
                Lane::RowId => {}
                Lane::Bit => self.words[to] |= cut(source.words[from], &rows) << at,
                Lane::Word => {
                    let values = &source.words[from + rows.start..from + rows.end];
                    self.words[to + at..to + at + count].copy_from_slice(values);
                }
                Lane::Wide => {
                    let values = &source.words[from + 2 * rows.start..from + 2 * rows.end];
                    self.words[to + 2 * at..to + 2 * (at + count)].copy_from_slice(values);
                }
                Lane::Text => {
                    let cells = &source.words[from + rows.start..from + rows.end];
                    for (to, cell) in self.words[to + at..].iter_mut().zip(cells) {
                        *to = self.text.copy(&source.text, *cell);
                    }
                }
                Lane::Bytes => {
                    let cells = &source.words[from + rows.start..from + rows.end];
                    for (to, cell) in self.words[to + at..].iter_mut().zip(cells) {
                        *to = self.bytes.copy(&source.bytes, *cell);
                    }
                }
            }
        }
    }

    /// Writes the slot's default into rows whose null bit and boolean are zero.
    fn write_default(&mut self, slot: usize, rows: Range<usize>) {
        let bits = all_rows(rows.len()) << rows.start;
        let nulls = self.layout.start(slot, self.capacity);
        let data = nulls + 1;
        match self.layout.stored_default(slot) {
            Stored::Null => {
                self.words[nulls] |= bits;
                match self.layout.lane(slot) {
                    Lane::RowId | Lane::Bit => {}
                    Lane::Word | Lane::Text | Lane::Bytes => {
                        self.words[data + rows.start..data + rows.end].fill(0)
                    }
                    Lane::Wide => self.words[data + 2 * rows.start..data + 2 * rows.end].fill(0),
                }
            }
            Stored::Bit(value) => self.words[data] |= if *value { bits } else { 0 },
            Stored::Word(word) => self.words[data + rows.start..data + rows.end].fill(*word),
            Stored::Wide(wide) => {
                for value in self.words[data + 2 * rows.start..data + 2 * rows.end].chunks_exact_mut(2) {
                    value.copy_from_slice(&split_wide(*wide));
                }
            }
            Stored::Text(text) => {
                self.words[data + rows.start..data + rows.end].fill_with(|| self.text.put(text));
            }
            Stored::Bytes(bytes) => {
                self.words[data + rows.start..data + rows.end].fill_with(|| self.bytes.put(bytes));
            }
        }
    }

    /// Moves the rows from `at` one further.
    fn open_gap(&mut self, at: usize) {
        let len = self.len();
        if at == len {
            return;
        }
        let before = all_rows(at);
        let shift = |word: &mut u64| *word = *word & before | (*word & !before) << 1;
        for slot in 0..self.layout.len() {
            let nulls = self.layout.start(slot, self.capacity);
            let data = nulls + 1;
            match self.layout.lane(slot) {
                Lane::RowId => continue,
                Lane::Bit => shift(&mut self.words[data]),
                Lane::Word | Lane::Text | Lane::Bytes => {
                    self.words.copy_within(data + at..data + len, data + at + 1);
                }
                Lane::Wide => self.words.copy_within(data + 2 * at..data + 2 * len, data + 2 * at + 2),
            }
            shift(&mut self.words[nulls]);
        }
    }

    /// Moves the rows after `at` over it.
    fn close_gap(&mut self, at: usize) {
        let len = self.len();
        let before = all_rows(at);
        let shift = |word: &mut u64| *word = *word & before | *word >> 1 & !before;
        for slot in 0..self.layout.len() {
            self.release_cell(slot, at);
            let nulls = self.layout.start(slot, self.capacity);
            let data = nulls + 1;
            match self.layout.lane(slot) {
                Lane::RowId => continue,
                Lane::Bit => shift(&mut self.words[data]),
                Lane::Word | Lane::Text | Lane::Bytes => {
                    self.words.copy_within(data + at + 1..data + len, data + at);
                }
                Lane::Wide => self.words.copy_within(data + 2 * at + 2..data + 2 * len, data + 2 * at),
            }
            shift(&mut self.words[nulls]);
        }
    }

    /// Counts what a cell refers to as dead.
    fn release_cell(&mut self, slot: usize, row: usize) {
        match self.layout.lane(slot) {
            Lane::Text => self.text.release(self.words[self.data(slot) + row]),
            Lane::Bytes => self.bytes.release(self.words[self.data(slot) + row]),
            _ => {}
        }
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

fn set_bit(word: &mut u64, at: usize, bit: u64) {
    *word = *word & !(1 << at) | bit << at;
}

/// The two words of a wide value, the lower first.
#[expect(clippy::cast_possible_truncation, reason = "the halves of the value")]
pub(super) fn split_wide(wide: u128) -> [u64; 2] {
    [wide as u64, (wide >> 64) as u64]
}
