//! Rows at rest: up to 64 of them, column by column.
//!
//! ```text
//! row_ids  [ 1, 2, 5, .. ]                          ascending
//! words    [ nulls | nulls | .. | data .. | data .. ] slot after slot, see the module `layout`
//! text     "AliceBobCarol.."                         cells in `words` hold (offset, length)
//! bytes    ..
//! ```
//!
//! A leaf is at once what lies in a table's tree, what an operator scans (its null maps and boolean columns are
//! selections already, its fixed-width columns are slices), and what a write set carries. It is made for being copied:
//! cloning it is three memcpys, whatever its rows hold, because nothing in it is counted or boxed by value, and the
//! texts and bytes that it was built with are shared as a whole. Values over [`LONG_BYTES_MIN`] are not in it but
//! beside it.
//!
//! Order of reading: this file (the shape, and reading), `heap` and `texts` (texts and bytes), `words` (where the rest lies),
//! `edit` (how rows come, go and change), `build` (how rows are made), `record` (how they are written down).
//!
//! Invariants, asserted by `check`: row ids ascend (in a tree; in [`Rows`] they may come in any order);
//! null bits, booleans and cells of rows beyond the last are zero; what is NULL has a zero cell; the live
//! bytes of a heap are the sum of its cells.

mod build;
#[cfg(test)]
mod check;
mod edit;
mod heap;
mod record;
mod texts;
mod words;

use std::hint::black_box;
use std::mem::offset_of;
use std::sync::Arc;

use smallvec::SmallVec;

pub use build::{LeafBuilder, Rows};
pub use edit::RowImage;
pub use heap::Cell;
pub use texts::LeafTexts;

use crate::cache::ask_for;
use crate::layout::{Layout, Span};
use crate::value::Lane;
use heap::{Heap, LONG};
use words::Words;

/// The most rows in a leaf: the bits of a selection.
pub const ROWS_MAX: usize = if cfg!(test) { 4 } else { 64 };
/// The size a leaf is kept to, roughly, in bytes.
///
/// A held version makes every update copy a leaf, so it should copy within a microsecond; a scan should
/// spend its time in columns and not in moving from leaf to leaf. 16 KB holds 64 rows of 250 bytes.
pub const LEAF_BYTES: usize = if cfg!(test) { 1 << 10 } else { 16 << 10 };
/// Values longer than this many bytes lie in the table's side tree and not in the leaf.
pub const LONG_BYTES_MIN: usize = if cfg!(test) { 64 } else { 1 << 10 };
/// The words of a cache line.
const LINE_WORDS: usize = 8;
/// The least capacity of a leaf that is to grow, so that a table of a few rows, and a fork of it, stay small.
const CAPACITY_MIN: usize = if cfg!(test) { 2 } else { 4 };

/// The number of a row in its table. It is the primary key itself where that is one integer column,
/// otherwise it is allocated. It is never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(i64);

impl RowId {
    /// The least row id.
    pub const MIN: Self = Self(i64::MIN);
    /// The greatest row id.
    pub const MAX: Self = Self(i64::MAX);

    /// The row id of this number.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// Up to 64 rows, column by column.
///
/// In front of a leaf lies the count of those who refer to it, and a commit changes it that copies the leaf's parent. So
/// what a scan reads of each leaf comes last.
#[derive(Debug)]
#[repr(C)]
pub struct Leaf {
    bytes: Heap<Vec<u8>>,
    /// The first and the last of the row ids, zero if there are none. Where they tell the position of a row,
    /// finding it spares a cache miss.
    ends: (i64, i64),
    text: Heap<String>,
    /// Room that an allocation of the rest would have anyway.
    _apart: u64,
    layout: Arc<Layout>,
    words: Words,
    /// The rows that `words` has room for.
    capacity: usize,
    /// One or two, of a row on its way or a small table, lie in place.
    row_ids: SmallVec<[i64; 2]>,
}

/// The bytes of two cache lines, since processors fetch lines in pairs.
const LINES_BYTES: usize = 128;
const _: () = assert!(
    !cfg!(target_pointer_width = "64") || size_of::<usize>() + offset_of!(Leaf, layout) >= LINES_BYTES,
    "what a scan reads lies on other lines than the count"
);

/// By memcpy, but for what is shared; what is derived would go row id by row id.
impl Clone for Leaf {
    fn clone(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            ends: self.ends,
            text: self.text.clone(),
            _apart: 0,
            layout: Arc::clone(&self.layout),
            words: self.words.clone(),
            capacity: self.capacity,
            row_ids: SmallVec::from_slice(&self.row_ids),
        }
    }
}

/// The lowest `rows` bits: the selection of all rows of a leaf.
#[must_use]
#[inline]
pub fn all_rows(rows: usize) -> u64 {
    if rows < 64 { (1 << rows) - 1 } else { u64::MAX }
}

impl Leaf {
    /// An empty leaf with room for `rows` rows.
    pub(crate) fn new(layout: Arc<Layout>, rows: usize) -> Self {
        let capacity = capacity_for(&layout, rows);
        let words = Words::zeroed(layout.words(capacity));
        let row_ids = SmallVec::with_capacity(capacity);
        let (bytes, text) = (Heap::default(), Heap::default());
        Self { bytes, ends: (0, 0), text, _apart: 0, layout, words, capacity, row_ids }
    }

    /// How many rows there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.row_ids.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.row_ids.is_empty()
    }

    /// The row ids, in the order of the rows.
    #[must_use]
    #[inline]
    pub fn row_ids(&self) -> &[i64] {
        &self.row_ids
    }

    /// The layout under which the rows were written. The table's may be longer by now.
    #[must_use]
    #[inline]
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Where the row is, or where it would be inserted. O(1) where the row ids follow each other without
    /// gaps, and of a row beyond the first or last; otherwise a binary search.
    ///
    /// # Errors
    /// The place where the row would be, if it is not there.
    #[inline]
    pub fn position(&self, row_id: RowId) -> Result<usize, usize> {
        let (first, last) = self.ends;
        let distance = row_id.0.wrapping_sub(first).cast_unsigned();
        let no_gaps = last.wrapping_sub(first).cast_unsigned() == (self.row_ids.len() as u64).wrapping_sub(1);
        if no_gaps && distance < self.row_ids.len() as u64 {
            return Ok(distance as usize);
        }
        if row_id.0 < first || row_id.0 > last {
            return Err(if row_id.0 < first { 0 } else { self.len() });
        }
        self.row_ids.binary_search(&row_id.0)
    }

    /// Changes the row ids; everything that does goes through here, or through [`push_row_id`](Leaf::push_row_id).
    fn change_row_ids(&mut self, change: impl FnOnce(&mut SmallVec<[i64; 2]>)) {
        change(&mut self.row_ids);
        self.ends = match *self.row_ids.as_slice() {
            [] => (0, 0),
            [only] => (only, only),
            [first, .., last] => (first, last),
        };
    }

    /// Adds a row id at the end; the same, for the price of one.
    #[inline]
    fn push_row_id(&mut self, row_id: i64) {
        let first = if self.row_ids.is_empty() { row_id } else { self.ends.0 };
        self.row_ids.push(row_id);
        self.ends = (first, row_id);
    }

    /// The rows that are NULL in a slot, as bits. Zero for a slot that is the row id.
    ///
    /// # Panics
    /// In this and the following, if the leaf's layout has no such slot or it is of another lane; ask a
    /// [`LeafView`](crate::table::LeafView), which knows the table's.
    #[must_use]
    #[inline]
    pub fn nulls(&self, slot: usize) -> u64 {
        let span = self.span(slot);
        if span.lane == Lane::RowId { 0 } else { self.words[span.nulls] }
    }

    /// Whether any row is NULL in any slot.
    #[must_use]
    pub fn has_nulls(&self) -> bool {
        self.layout.spans(self.capacity).fold(0, |nulls, (_, span)| nulls | self.words[span.nulls]) != 0
    }

    /// Reads something of every value of a row, for nothing but their coming into the cache.
    pub(crate) fn touch(&self, row: usize) {
        let mut all = self.words.first().copied().unwrap_or_default();
        for slot in 0..self.layout.len() {
            let span = self.span(slot);
            if span.lane != Lane::RowId {
                let word = self.words[span.data + span.width * row];
                all ^= if span.lane == Lane::Text { self.text.touch(word) } else { word };
            }
        }
        black_box(all);
    }

    /// Asks for what of the leaf tells where its words are.
    #[inline]
    pub(crate) fn ask_for_head(&self) {
        ask_for(&self.layout);
        ask_for(&self.capacity);
        ask_for(&self.row_ids);
    }

    /// Asks for every cache line of a slot, and for the null maps.
    #[inline]
    pub(crate) fn ask_for_slot(&self, slot: usize) {
        let span = self.span(slot);
        let words = &self.words[span.rows(&(0..self.len()))];
        words.iter().step_by(LINE_WORDS).chain(words.last()).chain(self.words.first()).for_each(ask_for);
    }

    /// The rows that are true in a slot of booleans, as bits; NULLs are not among them.
    #[must_use]
    #[inline]
    pub fn bits(&self, slot: usize) -> u64 {
        debug_assert_eq!(self.layout.lane(slot), Lane::Bit, "slot {slot}");
        self.words[self.span(slot).data]
    }

    /// A slot of one word a row; NULLs are zero.
    #[must_use]
    #[inline]
    pub fn words(&self, slot: usize) -> &[u64] {
        debug_assert_eq!(self.layout.lane(slot), Lane::Word, "slot {slot}");
        &self.words[self.span(slot).rows(&(0..self.len()))]
    }

    /// The word of a row in a slot of one word a row, or its row id; `None` if it is NULL.
    #[inline]
    pub(crate) fn word(&self, slot: usize, row: usize) -> Option<u64> {
        let span = self.span(slot);
        match span.lane {
            Lane::RowId => Some(self.row_ids[row].cast_unsigned()),
            _ => self.is_present(&span, row).then(|| self.words[span.data + row]),
        }
    }

    #[inline]
    fn is_present(&self, span: &Span, row: usize) -> bool {
        self.words[span.nulls] >> row & 1 == 0
    }

    /// A slot of one word a row, if it is stored and not the row id.
    #[inline]
    pub(crate) fn stored_words(&self, slot: usize) -> Option<&[u64]> {
        let span = self.span(slot);
        (span.lane != Lane::RowId).then(|| &self.words[span.rows(&(0..self.len()))])
    }

    /// The value of a slot of two words a row; NULL is zero.
    #[must_use]
    pub fn wide(&self, slot: usize, row: usize) -> u128 {
        debug_assert_eq!(self.layout.lane(slot), Lane::Wide, "slot {slot}");
        let start = self.span(slot).data + 2 * row;
        u128::from(self.words[start]) | u128::from(self.words[start + 1]) << 64
    }

    /// A slot of two words a row, the lower first; NULLs are zeros.
    #[inline]
    pub(crate) fn wides(&self, slot: usize) -> &[[u64; 2]] {
        let start = self.span(slot).data;
        self.words[start..start + 2 * self.len()].as_chunks().0
    }

    /// A text; `None` if it is NULL.
    #[must_use]
    #[inline]
    pub fn text(&self, slot: usize, row: usize) -> Option<Cell<'_, str>> {
        let span = self.span(slot);
        debug_assert_eq!(span.lane, Lane::Text, "slot {slot}");
        if !self.is_present(&span, row) {
            return None;
        }
        let cell = self.words[span.data + row];
        Some(match self.text.get(cell) {
            Some(text) => Cell::Inline(text),
            None if cell == LONG => Cell::Long,
            None => Cell::Inline(self.layout.stored_default(slot).as_text()),
        })
    }

    /// A string of bytes; `None` if it is NULL.
    #[must_use]
    pub fn bytes(&self, slot: usize, row: usize) -> Option<Cell<'_, [u8]>> {
        let span = self.span(slot);
        debug_assert_eq!(span.lane, Lane::Bytes, "slot {slot}");
        if !self.is_present(&span, row) {
            return None;
        }
        let cell = self.words[span.data + row];
        Some(match self.bytes.get(cell) {
            Some(bytes) => Cell::Inline(bytes),
            None if cell == LONG => Cell::Long,
            None => Cell::Inline(self.layout.stored_default(slot).as_bytes()),
        })
    }

    /// The slots of a row whose values lie beside the leaf.
    pub(crate) fn long_slots(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        self.layout.spans(self.capacity).filter_map(move |(slot, span)| {
            let variable = matches!(span.lane, Lane::Text | Lane::Bytes);
            (variable && self.words[span.data + row] == LONG).then_some(slot)
        })
    }

    /// The bytes that the rows take, without spare room and dead text.
    pub(crate) fn live_bytes(&self) -> usize {
        self.len() * self.layout.row_bytes() + self.text.live() + self.bytes.live()
    }

    #[inline]
    fn span(&self, slot: usize) -> Span {
        self.layout.span(slot, self.capacity)
    }
}

/// Powers of two up to the most rows that a leaf of the layout holds. A leaf that has come to a wider layout
/// may hold more. One row takes no more than it needs: it mostly is on its way into another leaf.
fn capacity_for(layout: &Layout, rows: usize) -> usize {
    if rows <= 1 {
        return 1;
    }
    rows.next_power_of_two().max(CAPACITY_MIN).min(layout.rows_max()).max(rows)
}
