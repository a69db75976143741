//! How rows are made: value by value, in the shape in which they will lie.
//!
//! A row is encoded once. What a [`LeafBuilder`] fills is a leaf already, which a write set carries and a
//! table's tree adopts.

use std::cell::Cell;
use std::mem;
use std::sync::Arc;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use smallvec::SmallVec;
use uuid::Uuid;

use super::edit::{set_bit, split_wide};
use super::heap::{Heap, LONG};
use super::words::Words;
use super::{LEAF_BYTES, LONG_BYTES_MIN, Leaf, RowId, all_rows};
use crate::layout::{Layout, SlotSet, Span};
use crate::long::{Long, LongValue};
use crate::shared::Shared;
use crate::table::RowRef;
use crate::value::{Lane, Value, decimal_to_wide, temporal};

/// Up to 64 rows on their way into a table.
///
/// The leaf is shared by whoever has to keep the rows (a statement that may be attempted again, a write set) and the
/// tables that adopt it. Cloning copies no row.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The rows. They need not be in the order of their row ids.
    pub leaf: Shared<Leaf>,
    /// Those of their values that are too long for a leaf.
    pub longs: Vec<Long>,
}

impl Rows {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leaf.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaf.is_empty()
    }

    /// Leaves the buffers of one row, which is in a table now, to the next row that this thread writes.
    pub(crate) fn recycle(self) {
        if let Ok(Leaf { capacity: 1, words, text, .. }) = Shared::try_unwrap(self.leaf) {
            let (words, text) = (words.into_buffer(), text.into_buffer());
            if text.capacity() <= SPARE_BYTES_MAX && words.capacity() <= SPARE_BYTES_MAX / size_of::<u64>() {
                // A thread that ends has none any more.
                let _ = SPARE.try_with(|spare| spare.set((words, text)));
            }
        }
    }

    /// Gives the rows consecutive row ids from `first` on, whatever ids they had.
    pub fn number(&mut self, first: RowId) {
        Shared::make_mut(&mut self.leaf).change_row_ids(|row_ids| {
            for (row, row_id) in row_ids.iter_mut().enumerate() {
                *row_id = first.get().wrapping_add(row as i64);
            }
        });
    }
}

/// Buffers of this many bytes are not kept.
const SPARE_BYTES_MAX: usize = 4 << 10;

/// What a leaf of one row lies in: words, and texts. (Those of more rows leave their words [elsewhere](super::words).)
type Buffers = (Vec<u64>, String);

thread_local! {
    /// The buffers of the rows that this thread has written, for the next that it writes.
    static SPARE: Cell<Buffers> = const { Cell::new((Vec::new(), String::new())) };
}

fn spare_buffers() -> Buffers {
    SPARE.try_with(Cell::take).unwrap_or_default()
}

/// The second of them.
fn spare_text() -> String {
    let (words, mut text) = spare_buffers();
    let _ = SPARE.try_with(|spare| spare.set((words, String::new())));
    text.clear();
    text
}

/// Leaves it.
fn keep_spare_text(text: String) {
    if text.capacity() <= SPARE_BYTES_MAX {
        let (words, _) = spare_buffers();
        let _ = SPARE.try_with(|spare| spare.set((words, text)));
    }
}

impl Leaf {
    /// An empty leaf with room for one row, in these buffers.
    fn with_buffers(layout: Arc<Layout>, (mut words, mut text): Buffers) -> Self {
        words.clear();
        words.resize(layout.words(1), 0);
        text.clear();
        let (words, text, bytes) = (Words::of(words), Heap::of(text), Heap::default());
        let row_ids = SmallVec::new();
        Self { bytes, ends: (0, 0), text, _apart: 0, layout, words, capacity: 1, row_ids }
    }

    /// An empty leaf with room for some rows, whose texts go into a buffer that is there.
    pub(super) fn with_text_buffer(layout: Arc<Layout>, rows: usize) -> Self {
        Self { text: Heap::of(spare_text()), ..Self::new(layout, rows) }
    }

    /// Lets copies share the texts and bytes that there are, and leaves the buffer of the texts to the next leaf.
    pub(super) fn settle_heaps(&mut self) {
        keep_spare_text(self.text.settle());
        self.bytes.settle();
    }
}

/// Makes [`Rows`], row by row. Of each row some slots are set, in any order; the others are NULL.
///
/// A setter of another lane than the slot's is a mistake of the caller: it is asserted in debug builds, and
/// otherwise leaves the slot NULL or its value unspecified.
///
/// ```
/// use std::sync::Arc;
/// use nuages_storage::layout::{Layout, Slot};
/// use nuages_storage::leaf::{LeafBuilder, RowId};
/// use nuages_storage::value::Lane;
///
/// let layout = Arc::new(Layout::new([Slot::new(Lane::RowId), Slot::new(Lane::Text), Slot::new(Lane::Word)]));
/// let mut builder = LeafBuilder::new(layout);
/// builder.set_text(1, "Django");
/// builder.set_int(2, 1910);
/// builder.finish_row(RowId::new(7));
/// let rows = builder.finish();
/// assert_eq!(rows.leaf.words(2), [1910]);
/// ```
#[derive(Debug)]
pub struct LeafBuilder {
    /// Its rows are the finished ones.
    leaf: Leaf,
    longs: Vec<Long>,
    /// The slots that are not set of the row that is being made.
    unset: SlotSet,
}

impl LeafBuilder {
    /// A builder of rows of this layout.
    #[must_use]
    pub fn new(layout: Arc<Layout>) -> Self {
        Self::with_capacity(layout, 1)
    }

    /// A builder that has room for `rows` rows, or for as many as a leaf holds, from the beginning.
    #[must_use]
    pub fn with_capacity(layout: Arc<Layout>, rows: usize) -> Self {
        let room = rows.min(layout.rows_max());
        let unset = layout.stored().clone();
        let leaf = if room > 1 {
            Leaf::with_text_buffer(layout, room)
        } else {
            Leaf::with_buffers(layout, spare_buffers())
        };
        Self { leaf, longs: Vec::new(), unset }
    }

    /// How many rows are finished.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leaf.len()
    }

    /// Whether no row is finished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaf.is_empty()
    }

    /// Whether the leaf is full: the next row belongs in another one. While it is, no row may be begun.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= self.leaf.layout.rows_max() || self.leaf.live_bytes() >= LEAF_BYTES
    }

    /// Begins the row as a copy of another, whose slots may then be set anew: the new image of an updated
    /// row. Long values are shared and not copied.
    pub fn copy_row(&mut self, row: RowRef<'_>) {
        let (at, source) = (self.begun_row(), row.view().leaf());
        debug_assert!(&self.unset == self.leaf.layout.stored(), "a row is copied before its slots are set");
        self.unset.clear();
        self.leaf.copy_rows(at, source, &(row.row()..row.row() + 1));
        let slots = self.leaf.layout.len();
        for slot in source.long_slots(row.row()).filter(|slot| *slot < slots) {
            let value = row.long(slot).cloned();
            self.longs.extend(value.map(|value| Long { row: at, slot, value }));
        }
    }

    /// Sets a slot to NULL.
    #[inline]
    pub fn set_null(&mut self, slot: usize) {
        let row = self.begun_row();
        let span = self.leaf.span(slot);
        if span.lane == Lane::RowId {
            return;
        }
        if !self.unset.remove(slot) {
            self.clear(slot, span);
        }
        self.leaf.words[span.nulls] |= 1 << row;
    }

    /// Sets a boolean.
    #[inline]
    pub fn set_bool(&mut self, slot: usize, value: bool) {
        let (span, row) = (self.present(slot, Lane::Bit), self.len());
        set_bit(&mut self.leaf.words[span.data], row, value.into());
    }

    /// Sets a slot of one word to its stored form.
    #[inline]
    pub fn set_word(&mut self, slot: usize, word: u64) {
        let (span, row) = (self.present(slot, Lane::Word), self.len());
        self.leaf.words[span.data + row] = word;
    }

    /// Sets a slot of two words to its stored form.
    #[inline]
    pub fn set_wide(&mut self, slot: usize, wide: u128) {
        let (span, row) = (self.present(slot, Lane::Wide), self.len());
        self.leaf.words[span.data + 2 * row..][..2].copy_from_slice(&split_wide(wide));
    }

    /// Sets an integer.
    #[inline]
    pub fn set_int(&mut self, slot: usize, value: i64) {
        self.set_word(slot, value.cast_unsigned());
    }

    /// Sets a float.
    #[inline]
    pub fn set_float(&mut self, slot: usize, value: f64) {
        self.set_word(slot, value.to_bits());
    }

    /// Sets a date.
    pub fn set_date(&mut self, slot: usize, value: Date) {
        self.set_int(slot, temporal::date_to_days(value));
    }

    /// Sets a time of day; what is finer than a microsecond is cut off.
    pub fn set_time(&mut self, slot: usize, value: Time) {
        self.set_int(slot, temporal::time_to_micros(value));
    }

    /// Sets an instant; what is finer than a microsecond is cut off.
    pub fn set_timestamp(&mut self, slot: usize, value: Timestamp) {
        self.set_int(slot, temporal::timestamp_to_micros(value));
    }

    /// Sets a duration; what is finer than a microsecond is cut off.
    pub fn set_duration(&mut self, slot: usize, value: SignedDuration) {
        self.set_int(slot, temporal::duration_to_micros(value));
    }

    /// Sets a decimal, with its scale.
    pub fn set_decimal(&mut self, slot: usize, value: Decimal) {
        self.set_wide(slot, decimal_to_wide(value));
    }

    /// Sets a UUID.
    pub fn set_uuid(&mut self, slot: usize, value: Uuid) {
        self.set_wide(slot, value.as_u128());
    }

    /// Sets a text, or JSON as its text. A long one is copied out of line.
    pub fn set_text(&mut self, slot: usize, value: &str) {
        if value.len() > LONG_BYTES_MIN {
            return self.set_long(slot, LongValue::Text(value.into()));
        }
        let (span, row) = (self.present(slot, Lane::Text), self.len());
        self.leaf.words[span.data + row] = self.leaf.text.put(value);
    }

    /// Sets bytes. A long string of them is copied out of line.
    pub fn set_bytes(&mut self, slot: usize, value: &[u8]) {
        if value.len() > LONG_BYTES_MIN {
            return self.set_long(slot, LongValue::Bytes(value.into()));
        }
        let (span, row) = (self.present(slot, Lane::Bytes), self.len());
        self.leaf.words[span.data + row] = self.leaf.bytes.put(value);
    }

    /// Sets a text or bytes to a value that is already out of line, and shares it.
    pub fn set_long(&mut self, slot: usize, value: LongValue) {
        let lane = match value {
            LongValue::Text(_) => Lane::Text,
            LongValue::Bytes(_) => Lane::Bytes,
        };
        let (span, row) = (self.present(slot, lane), self.len());
        self.leaf.words[span.data + row] = LONG;
        self.longs.push(Long { row, slot, value });
    }

    /// Sets a value of any class. One that is not of the slot's lane sets it to NULL; the engine coerces
    /// values before they come here ([`DataType::accepts`](crate::value::DataType::accepts)).
    pub fn set_value(&mut self, slot: usize, value: &Value) {
        match (self.leaf.layout.lane(slot), value) {
            (Lane::RowId, _) => {}
            (Lane::Bit, Value::Bool(bool)) => self.set_bool(slot, *bool),
            (Lane::Text, Value::Text(text)) => self.set_text(slot, text),
            (Lane::Text, Value::Json(json)) => self.set_text(slot, &json.to_string()),
            (Lane::Bytes, Value::Bytes(bytes)) => self.set_bytes(slot, bytes),
            (Lane::Word, value) => match value.to_word() {
                Some(word) => self.set_word(slot, word),
                None => self.set_null(slot),
            },
            (Lane::Wide, value) => match value.to_wide() {
                Some(wide) => self.set_wide(slot, wide),
                None => self.set_null(slot),
            },
            _ => self.set_null(slot),
        }
    }

    /// Finishes the row and gives it a row id.
    #[inline]
    pub fn finish_row(&mut self, row_id: RowId) {
        debug_assert!(self.len() < self.leaf.layout.rows_max(), "a row was begun in a full leaf");
        self.begun_row();
        while let Some(slot) = self.unset.first() {
            self.set_null(slot);
        }
        self.unset.become_copy(self.leaf.layout.stored());
        self.leaf.push_row_id(row_id.get());
    }

    /// Finishes the row; [`Rows::number`] will give it a row id.
    pub fn finish_row_unnumbered(&mut self) {
        self.finish_row(RowId::default());
    }

    /// The finished rows. A row that was begun and not finished is dropped.
    #[must_use]
    pub fn finish(mut self) -> Rows {
        if &self.unset != self.leaf.layout.stored() {
            let (begun, rows) = (0..self.leaf.layout.len(), all_rows(self.len()));
            for slot in begun {
                self.set_null(slot);
                let span = self.leaf.span(slot);
                if span.lane != Lane::RowId {
                    self.leaf.words[span.nulls] &= rows;
                }
            }
        }
        if self.leaf.capacity > 1 {
            self.leaf.settle_heaps();
        }
        Rows { leaf: Shared::new(self.leaf), longs: self.longs }
    }

    /// The row that is being made; there is room for it.
    #[inline]
    fn begun_row(&mut self) -> usize {
        let row = self.len();
        if row == self.leaf.capacity {
            let layout = Arc::clone(&self.leaf.layout);
            self.leaf.make_room(&layout, row + 1);
        }
        row
    }

    /// Makes a slot of the row that is being made one with a value, whatever it was before. Returns where it lies.
    #[inline(always)]
    fn present(&mut self, slot: usize, lane: Lane) -> Span {
        self.begun_row();
        let span = self.leaf.span(slot);
        debug_assert_eq!(span.lane, lane, "slot {slot}");
        if !self.unset.remove(slot) {
            self.clear(slot, span);
        }
        span
    }

    /// Makes a slot of the row that is being made what it was before it was set.
    #[cold]
    fn clear(&mut self, slot: usize, span: Span) {
        let row = self.len();
        set_bit(&mut self.leaf.words[span.nulls], row, 0);
        let cell = &mut self.leaf.words[span.data + span.width * row];
        match span.lane {
            Lane::RowId => {}
            Lane::Bit => set_bit(cell, row, 0),
            Lane::Word => *cell = 0,
            Lane::Wide => self.leaf.words[span.rows(&(row..row + 1))].fill(0),
            Lane::Text | Lane::Bytes => match mem::take(cell) {
                LONG => self.longs.retain(|long| (long.row, long.slot) != (row, slot)),
                cell if span.lane == Lane::Text => self.leaf.text.release(cell),
                cell => self.leaf.bytes.release(cell),
            },
        }
    }
}
