//! Reading rows where they lie.
//!
//! A leaf alone does not know the slots that were added after it was written, nor its long values. A
//! [`LeafView`] is a leaf with its table, which knows both; a [`RowRef`] is one row of it. Both are two
//! pointers or three, and nothing is copied but fixed-width values.

use std::iter::FusedIterator;
use std::ops::Range;

use super::Table;
use crate::layout::Stored;
use crate::leaf::{Cell, Leaf, LeafTexts, RowId, Rows, all_rows};
use crate::long::{Long, LongValue};
use crate::tree::{Blocks, Slice};
use crate::value::{DataType, Lane, Value, json_from_stored};

/// A leaf of a table, read under the table's layout.
#[derive(Clone, Copy, Debug)]
pub struct LeafView<'v> {
    table: &'v Table,
    leaf: &'v Leaf,
    /// The long values of rows that are not in the table yet.
    longs: Option<&'v [Long]>,
}

/// A slot of one word a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words<'v> {
    /// As it lies in the leaf.
    Slice(&'v [u64]),
    /// The row ids, of a slot that is not stored because it is the row id.
    RowIds(&'v [i64]),
    /// The default that all rows have, of a slot added after the leaf was written. If it is NULL, this is zero.
    Same(u64),
}

impl Words<'_> {
    /// The word of a row.
    #[must_use]
    #[inline]
    pub fn get(self, row: usize) -> u64 {
        match self {
            Words::Slice(words) => words[row],
            Words::RowIds(row_ids) => row_ids[row].cast_unsigned(),
            Words::Same(word) => word,
        }
    }
}

/// All methods that name a slot expect one of the table's layout, of their lane; what a slot of another lane
/// reads as is unspecified, and a slot that the layout lacks is a panic.
impl<'v> LeafView<'v> {
    pub(super) fn new(table: &'v Table, leaf: &'v Leaf) -> Self {
        Self { table, leaf, longs: None }
    }

    /// The table.
    #[must_use]
    pub fn table(self) -> &'v Table {
        self.table
    }

    /// The leaf itself.
    #[must_use]
    pub fn leaf(self) -> &'v Leaf {
        self.leaf
    }

    /// How many rows there are.
    #[must_use]
    #[inline]
    pub fn len(self) -> usize {
        self.leaf.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.leaf.is_empty()
    }

    /// The row ids, in ascending order.
    #[must_use]
    #[inline]
    pub fn row_ids(self) -> &'v [i64] {
        self.leaf.row_ids()
    }

    /// The default of a slot that was added after the leaf was written.
    #[inline]
    fn default_of(self, slot: usize) -> Option<&'v Stored> {
        (slot >= self.leaf.layout().len()).then(|| self.table.layout.stored_default(slot))
    }

    /// The rows that are NULL in a slot, as bits.
    #[must_use]
    #[inline]
    pub fn nulls(self, slot: usize) -> u64 {
        match self.default_of(slot) {
            None => self.leaf.nulls(slot),
            Some(Stored::Null) => all_rows(self.len()),
            Some(_) => 0,
        }
    }

    /// The rows that are true in a slot of booleans, as bits; NULLs are not among them.
    #[must_use]
    #[inline]
    pub fn bits(self, slot: usize) -> u64 {
        match self.default_of(slot) {
            None => self.leaf.bits(slot),
            Some(Stored::Bit(true)) => all_rows(self.len()),
            Some(_) => 0,
        }
    }

    /// A slot of one word a row, or the row ids; NULLs are zero.
    #[must_use]
    #[inline]
    pub fn words(self, slot: usize) -> Words<'v> {
        match self.default_of(slot) {
            None => self.leaf.stored_words(slot).map_or(Words::RowIds(self.leaf.row_ids()), Words::Slice),
            Some(Stored::Word(word)) => Words::Same(*word),
            Some(_) => Words::Same(0),
        }
    }

    /// A value of two words; NULL is zero.
    #[must_use]
    pub fn wide(self, slot: usize, row: usize) -> u128 {
        match self.default_of(slot) {
            None => self.leaf.wide(slot, row),
            Some(Stored::Wide(wide)) => *wide,
            Some(_) => 0,
        }
    }

    /// A slot of two words a row, the lower first; NULLs are zeros. None if it is not stored, and each row has its
    /// default.
    #[must_use]
    #[inline]
    pub fn wides(self, slot: usize) -> Option<&'v [[u64; 2]]> {
        self.default_of(slot).is_none().then(|| self.leaf.wides(slot))
    }

    /// The word of a row in a slot of one word a row, or its row id; `None` if it is NULL.
    #[must_use]
    #[inline]
    pub fn word(self, slot: usize, row: usize) -> Option<u64> {
        match self.default_of(slot) {
            None => self.leaf.word(slot, row),
            Some(Stored::Word(word)) => Some(*word),
            Some(_) => None,
        }
    }

    /// A text, wherever it lies; `None` if it is NULL.
    #[must_use]
    #[inline]
    pub fn text(self, slot: usize, row: usize) -> Option<&'v str> {
        match self.default_of(slot) {
            None => Some(match self.leaf.text(slot, row)? {
                Cell::Inline(text) => text,
                Cell::Long => self.long(slot, row).map_or("", LongValue::as_text),
            }),
            Some(Stored::Text(text)) => Some(text),
            Some(_) => None,
        }
    }

    /// The texts of a slot that lie in the leaf. None if no row is stored, and each has its default.
    #[must_use]
    #[inline]
    pub fn texts(self, slot: usize) -> Option<LeafTexts<'v>> {
        self.default_of(slot).is_none().then(|| self.leaf.texts(slot))
    }

    /// Bytes, wherever they lie; `None` if they are NULL.
    #[must_use]
    pub fn bytes(self, slot: usize, row: usize) -> Option<&'v [u8]> {
        match self.default_of(slot) {
            None => Some(match self.leaf.bytes(slot, row)? {
                Cell::Inline(bytes) => bytes,
                Cell::Long => self.long(slot, row).map_or(&[], LongValue::as_bytes),
            }),
            Some(Stored::Bytes(bytes)) => Some(bytes),
            Some(_) => None,
        }
    }

    /// A text or bytes that lies out of line; `None` if the value is NULL or lies in the leaf.
    #[must_use]
    pub fn long(self, slot: usize, row: usize) -> Option<&'v LongValue> {
        match self.longs {
            None => self.table.longs.get(RowId::new(self.leaf.row_ids()[row]), slot),
            Some(longs) => {
                longs.iter().find(|long| (long.row, long.slot) == (row, slot)).map(|long| &long.value)
            }
        }
    }

    /// One row.
    #[must_use]
    #[inline]
    pub fn row(self, row: usize) -> RowRef<'v> {
        RowRef::new(self, row)
    }
}

impl Rows {
    /// The rows as those of `table`, into which they have not come yet.
    #[must_use]
    pub fn view<'v>(&'v self, table: &'v Table) -> LeafView<'v> {
        LeafView { table, leaf: &self.leaf, longs: Some(&self.longs) }
    }
}

/// One row of a table.
#[derive(Clone, Copy, Debug)]
pub struct RowRef<'v> {
    view: LeafView<'v>,
    row: usize,
}

/// As for [`LeafView`], slots are of the table's layout. Values of a NULL are zero, false or `None`.
impl<'v> RowRef<'v> {
    #[inline]
    pub(super) fn new(view: LeafView<'v>, row: usize) -> Self {
        Self { view, row }
    }

    /// The leaf it lies in.
    #[must_use]
    pub fn view(self) -> LeafView<'v> {
        self.view
    }

    /// Its position in the leaf.
    #[must_use]
    pub fn row(self) -> usize {
        self.row
    }

    /// Asks for the whole row. A row of a large table is not in the cache, and has words in as many places as it has
    /// columns: who reads it value by value waits for one after the other, unless they were all asked for before.
    pub fn touch(self) {
        self.view.leaf.touch(self.row);
    }

    /// The row of another id, if it lies in the same leaf. O(1) where row ids have no gaps.
    #[must_use]
    #[inline]
    pub fn beside(self, row_id: RowId) -> Option<Self> {
        let row = self.view.leaf.position(row_id).ok()?;
        Some(Self { row, ..self })
    }

    /// Its row id.
    #[must_use]
    pub fn row_id(self) -> RowId {
        RowId::new(self.view.row_ids()[self.row])
    }

    /// Whether a slot is NULL.
    #[must_use]
    #[inline]
    pub fn null(self, slot: usize) -> bool {
        self.view.nulls(slot) >> self.row & 1 == 1
    }

    /// A boolean.
    #[must_use]
    #[inline]
    pub fn bool(self, slot: usize) -> bool {
        self.view.bits(slot) >> self.row & 1 == 1
    }

    /// The stored form of a value of one word, or the row id; `None` if it is NULL.
    #[must_use]
    #[inline]
    pub fn present_word(self, slot: usize) -> Option<u64> {
        self.view.word(slot, self.row)
    }

    /// The same; zero if it is NULL.
    #[must_use]
    #[inline]
    pub fn word(self, slot: usize) -> u64 {
        self.present_word(slot).unwrap_or_default()
    }

    /// An integer; of dates, times, timestamps and durations their number of days or microseconds.
    #[must_use]
    #[inline]
    pub fn int(self, slot: usize) -> i64 {
        self.word(slot).cast_signed()
    }

    /// A float.
    #[must_use]
    #[inline]
    pub fn float(self, slot: usize) -> f64 {
        f64::from_bits(self.word(slot))
    }

    /// The stored form of a decimal or UUID.
    #[must_use]
    pub fn wide(self, slot: usize) -> u128 {
        self.view.wide(slot, self.row)
    }

    /// A text.
    #[must_use]
    #[inline]
    pub fn text(self, slot: usize) -> Option<&'v str> {
        self.view.text(slot, self.row)
    }

    /// Bytes.
    #[must_use]
    pub fn bytes(self, slot: usize) -> Option<&'v [u8]> {
        self.view.bytes(slot, self.row)
    }

    /// A text or bytes that lies out of line, to be shared rather than copied.
    #[must_use]
    pub fn long(self, slot: usize) -> Option<&'v LongValue> {
        self.view.long(slot, self.row)
    }

    /// A value, read as one of this type.
    #[must_use]
    pub fn value(self, slot: usize, data_type: &DataType) -> Value {
        if self.null(slot) {
            return Value::Null;
        }
        let value = match data_type.lane() {
            Lane::Bit => Some(Value::Bool(self.bool(slot))),
            Lane::Word | Lane::RowId => data_type.value_from_word(self.word(slot)),
            Lane::Wide => data_type.value_from_wide(self.wide(slot)),
            Lane::Text => self.text(slot).map(|text| match data_type {
                DataType::Json => Value::Json(Box::new(json_from_stored(text))),
                _ => Value::Text(text.to_owned()),
            }),
            Lane::Bytes => self.bytes(slot).map(Value::from),
        };
        value.unwrap_or_default()
    }
}

/// Some consecutive rows of one leaf.
#[derive(Clone, Debug)]
pub struct LeafSlice<'v> {
    /// The leaf.
    pub view: LeafView<'v>,
    /// The positions of the rows in it; never empty.
    pub rows: Range<usize>,
}

impl LeafSlice<'_> {
    /// The rows as bits: the selection that an operator begins with.
    #[must_use]
    #[inline]
    pub fn selection(&self) -> u64 {
        all_rows(self.rows.len()) << self.rows.start
    }
}

/// How many leaves before it is its turn a scan asks for a leaf's columns: a column is added up in a fraction of the
/// time in which the next one comes from memory.
const LEAVES_AHEAD: usize = 2;

/// The leaves of a range of rows, from either end.
pub struct Leaves<'v> {
    table: &'v Table,
    blocks: Blocks<'v, Leaf>,
}

impl<'v> Leaves<'v> {
    pub(super) fn new(table: &'v Table, blocks: Blocks<'v, Leaf>) -> Self {
        Self { table, blocks }
    }

    /// How many rows are still to be visited. O(1).
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.blocks.items()
    }

    /// Asks for slots of the leaf after the next one, and for where those of a leaf further on lie.
    ///
    /// A leaf of a large table is not in the cache. It costs misses one after the other: where its words are, and the
    /// words, line by line. Asked for while the leaves before it are being worked on, they come together.
    #[inline]
    pub fn touch_next(&self, reverse: bool, slots: impl Iterator<Item = usize>) {
        let ahead = |distance| match reverse {
            false => self.blocks.ahead(distance),
            true => self.blocks.ahead_back(distance),
        };
        if !reverse {
            self.blocks.ask_ahead(2 * LEAVES_AHEAD);
        }
        if let Some(leaf) = ahead(2 * LEAVES_AHEAD) {
            leaf.ask_for_head();
        }
        if let Some(leaf) = ahead(LEAVES_AHEAD) {
            slots.filter(|slot| *slot < leaf.layout().len()).for_each(|slot| leaf.ask_for_slot(slot));
        }
    }

    #[inline]
    fn slice(&self, slice: Slice<'v, Leaf>) -> LeafSlice<'v> {
        LeafSlice { view: LeafView::new(self.table, slice.block), rows: slice.rows }
    }
}

impl<'v> Iterator for Leaves<'v> {
    type Item = LeafSlice<'v>;

    #[inline]
    fn next(&mut self) -> Option<LeafSlice<'v>> {
        self.blocks.next().map(|slice| self.slice(slice))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.blocks.size_hint()
    }
}

impl DoubleEndedIterator for Leaves<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.blocks.next_back().map(|slice| self.slice(slice))
    }
}

impl FusedIterator for Leaves<'_> {}
