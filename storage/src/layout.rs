//! The physical columns of a table: which lane each lies in, and where in a leaf.
//!
//! A [`Layout`] only grows. A slot's number is never reused, so a leaf written under a shorter layout stays
//! readable under every later one: the slots it lacks read as their [`Slot::default`]. That is why adding a
//! column rewrites nothing, and dropping one neither.
//!
//! The fixed-width part of a leaf is one buffer of words. Slot after slot it holds a null map (one word, a
//! bit for each row) and the slot's data: one word for booleans, `capacity` words for [`Lane::Word`] and for
//! the cells of text and bytes, twice that for [`Lane::Wide`]; a slot of [`Lane::RowId`] takes nothing. A
//! slot's place is therefore linear in the capacity, and [`Layout`] keeps the two coefficients.

use crate::leaf::{LEAF_BYTES, ROWS_MAX};
use crate::value::{Lane, Value};

/// One physical column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// How the column's values lie in a leaf.
    pub lane: Lane,
    /// What rows written before the slot existed read as.
    pub default: Value,
}

impl Slot {
    /// A slot whose absent values read as NULL.
    #[must_use]
    pub fn new(lane: Lane) -> Self {
        Self { lane, default: Value::Null }
    }
}

/// A slot's [`default`](Slot::default) in the form its lane stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Null,
    Bit(bool),
    Word(u64),
    Wide(u128),
    Text(Box<str>),
    Bytes(Box<[u8]>),
}

impl Stored {
    /// A value that is not of the lane counts as NULL; the engine coerces defaults before they come here.
    fn of(slot: &Slot) -> Self {
        let stored = match (slot.lane, &slot.default) {
            (Lane::RowId, _) => None,
            (Lane::Bit, value) => value.as_bool().map(Self::Bit),
            (Lane::Word, value) => value.to_word().map(Self::Word),
            (Lane::Wide, value) => value.to_wide().map(Self::Wide),
            (Lane::Text, Value::Json(json)) => Some(Self::Text(json.to_string().into())),
            (Lane::Text, value) => value.as_text().map(|text| Self::Text(text.into())),
            (Lane::Bytes, value) => value.as_bytes().map(|bytes| Self::Bytes(bytes.into())),
        };
        stored.unwrap_or(Self::Null)
    }
}

/// Where a slot begins in the words of a leaf of some capacity: `fixed + per_row * capacity`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    fixed: u32,
    per_row: u32,
}

impl Place {
    fn at(self, capacity: usize) -> usize {
        self.fixed as usize + self.per_row as usize * capacity
    }
}

/// What the engine's column is to storage, with what is derived from it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    slot: Slot,
    stored: Stored,
    place: Place,
}

/// The slots of a table, in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    columns: Vec<Column>,
    /// Where the next slot would begin, which is the size of the whole.
    end: Place,
}

impl Layout {
    /// A layout of these slots.
    #[must_use]
    pub fn new(slots: impl IntoIterator<Item = Slot>) -> Self {
        let mut layout = Self::default();
        slots.into_iter().for_each(|slot| layout.push(slot));
        layout
    }

    /// This layout and one more slot.
    #[must_use]
    pub fn with_slot(&self, slot: Slot) -> Self {
        let mut layout = self.clone();
        layout.push(slot);
        layout
    }

    fn push(&mut self, slot: Slot) {
        let place = self.end;
        let (fixed, per_row) = match slot.lane {
            Lane::RowId => (0, 0),
            Lane::Bit => (2, 0),
            Lane::Word | Lane::Text | Lane::Bytes => (1, 1),
            Lane::Wide => (1, 2),
        };
        self.end = Place { fixed: place.fixed + fixed, per_row: place.per_row + per_row };
        self.columns.push(Column { stored: Stored::of(&slot), slot, place });
    }

    /// How many slots there are; their numbers are the ones below it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are no slots.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The slot of this number, if it has been added.
    #[must_use]
    pub fn slot(&self, slot: usize) -> Option<&Slot> {
        self.columns.get(slot).map(|column| &column.slot)
    }

    /// All slots in order.
    pub fn slots(&self) -> impl ExactSizeIterator<Item = &Slot> + DoubleEndedIterator {
        self.columns.iter().map(|column| &column.slot)
    }

    /// The lane of a slot of this layout.
    pub(crate) fn lane(&self, slot: usize) -> Lane {
        self.columns[slot].slot.lane
    }

    /// What rows older than the slot read as.
    pub(crate) fn stored_default(&self, slot: usize) -> &Stored {
        &self.columns[slot].stored
    }

    /// Where in the words of a leaf of this capacity the slot begins: its null map, then its data.
    pub(crate) fn start(&self, slot: usize, capacity: usize) -> usize {
        self.columns[slot].place.at(capacity)
    }

    /// The words from the start of a slot that its first `rows` rows use.
    pub(crate) fn used(&self, slot: usize, rows: usize) -> usize {
        match self.lane(slot) {
            Lane::RowId => 0,
            Lane::Bit => 2,
            Lane::Word | Lane::Text | Lane::Bytes => 1 + rows,
            Lane::Wide => 1 + 2 * rows,
        }
    }

    /// The words that a leaf of this capacity has.
    pub(crate) fn words(&self, capacity: usize) -> usize {
        self.end.at(capacity)
    }

    /// The bytes that a row takes beside its texts and bytes.
    pub(crate) fn row_bytes(&self) -> usize {
        (self.end.per_row as usize + 1) * size_of::<u64>()
    }

    /// The most rows in a leaf: [`ROWS_MAX`], or as many as fit [`LEAF_BYTES`] where rows are wide; two at
    /// least, so that a leaf can be divided.
    pub(crate) fn rows_max(&self) -> usize {
        (LEAF_BYTES / self.row_bytes()).clamp(2, ROWS_MAX)
    }
}
