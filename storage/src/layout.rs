//! The physical columns of a table: which lane each lies in, and where in a leaf.
//!
//! A [`Layout`] only grows. A slot's number is never reused, so a leaf written under a shorter layout stays
//! readable under every later one: the slots it lacks read as their [`Slot::default`]. That is why adding a
//! column rewrites nothing, and dropping one neither.
//!
//! The fixed-width part of a leaf is one buffer of words. First come the words that have a bit for each row:
//! slot after slot its null map, and after that of a slot of booleans its values. Behind them lies the data of
//! the other slots, one after another: `capacity` words for [`Lane::Word`] and for the cells of text and bytes,
//! twice that for [`Lane::Wide`]; a slot of [`Lane::RowId`] takes nothing. So the null maps of a row's values
//! share a cache line or two, and where data begins is linear in the capacity.

use std::ops::Range;

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

    /// The text, or the empty one.
    pub(crate) fn as_text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// The bytes, or none.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        if let Self::Bytes(bytes) = self { bytes } else { &[] }
    }
}

/// What finds a slot in the words of a leaf: its null map is at `bits`, its data, but for booleans, begins at
/// `per_row * capacity` behind the bits of all slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    bits: u32,
    per_row: u32,
    lane: Lane,
    width: u8,
}

impl Place {
    /// Where it is in a leaf of this capacity, whose first `bits` words have a bit for each row.
    #[inline]
    fn span(&self, bits: u32, capacity: usize) -> Span {
        let nulls = self.bits as usize;
        let data = match self.lane {
            Lane::Bit => nulls + 1,
            _ => bits as usize + self.per_row as usize * capacity,
        };
        Span { lane: self.lane, nulls, data, width: self.width.into() }
    }
}

/// Where a slot lies in the words of a leaf of a known capacity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) lane: Lane,
    /// The null map. Meaningless for a slot that is not stored.
    pub(crate) nulls: usize,
    /// The data, or the booleans' one word.
    pub(crate) data: usize,
    /// The words a row takes of the data; zero for booleans and for a slot that is not stored.
    pub(crate) width: usize,
}

impl Span {
    /// The words that have a bit for each row: the null map, and booleans.
    pub(crate) fn bits(&self) -> Range<usize> {
        self.nulls..self.nulls + 1 + usize::from(self.lane == Lane::Bit)
    }

    /// Where the data of some rows lies.
    #[inline]
    pub(crate) fn rows(&self, rows: &Range<usize>) -> Range<usize> {
        self.data + self.width * rows.start..self.data + self.width * rows.end
    }
}

/// The slots of a table, in the order in which they were added.
///
/// What reading and writing rows needs of a slot, its place, lies apart from the rest: five to a cache line. And the
/// whole lies apart from what counts who refers to it: that a commit changes for each leaf that it copies, and this a
/// scan reads for each leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(align(128))] // two lines, since processors fetch lines in pairs
pub struct Layout {
    slots: Vec<Slot>,
    defaults: Vec<Stored>,
    places: Vec<Place>,
    /// The slots that are stored.
    stored: SlotSet,
    /// The words of a leaf: those that have a bit for each row, and those for each row of capacity.
    bits: u32,
    per_row: u32,
    rows_max: usize,
}

/// Slots of one table. Those of most tables fit in one word.
#[derive(Clone, Debug, Default, Eq)]
pub(crate) struct SlotSet {
    first: u64,
    /// Those from the 64th on, 64 to a word.
    beyond: Vec<u64>,
}

/// What is derived would have `memcmp` compare two empty slices, and on processors that load with a mask that no byte
/// passes, from where nothing lies, it takes fifty times as long as the comparison of the words.
impl PartialEq for SlotSet {
    #[inline]
    fn eq(&self, other: &SlotSet) -> bool {
        let are_few = self.beyond.is_empty() && other.beyond.is_empty();
        self.first == other.first && (are_few || self.beyond == other.beyond)
    }
}

impl SlotSet {
    fn insert(&mut self, slot: usize) {
        *self.word(slot) |= 1 << (slot % 64);
    }

    /// Takes a slot out. Returns whether it was there.
    #[inline]
    pub(crate) fn remove(&mut self, slot: usize) -> bool {
        let (word, bit) = (if slot < 64 { &mut self.first } else { self.word(slot) }, 1 << (slot % 64));
        let was_there = *word & bit != 0;
        *word &= !bit;
        was_there
    }

    /// The least of them.
    #[inline]
    pub(crate) fn first(&self) -> Option<usize> {
        if self.first != 0 {
            return Some(self.first.trailing_zeros() as usize);
        }
        let (word, bits) = self.beyond.iter().enumerate().find(|(_, bits)| **bits != 0)?;
        Some((word + 1) * 64 + bits.trailing_zeros() as usize)
    }

    /// Makes it another set of slots of the same table.
    #[inline]
    pub(crate) fn become_copy(&mut self, other: &SlotSet) {
        self.first = other.first;
        if !other.beyond.is_empty() {
            self.beyond.clone_from(&other.beyond);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.first = 0;
        self.beyond.fill(0);
    }

    #[cold]
    fn word(&mut self, slot: usize) -> &mut u64 {
        let Some(at) = (slot / 64).checked_sub(1) else { return &mut self.first };
        if at >= self.beyond.len() {
            self.beyond.resize(at + 1, 0);
        }
        &mut self.beyond[at]
    }
}

/// The words of a lane that have a bit for each row, and those for each row of capacity.
fn words_of(lane: Lane) -> (u32, u8) {
    match lane {
        Lane::RowId => (0, 0),
        Lane::Bit => (2, 0),
        Lane::Word | Lane::Text | Lane::Bytes => (1, 1),
        Lane::Wide => (1, 2),
    }
}

impl Layout {
    /// A layout of these slots.
    #[must_use]
    pub fn new(slots: impl IntoIterator<Item = Slot>) -> Self {
        let mut layout = Self {
            slots: Vec::new(),
            defaults: Vec::new(),
            places: Vec::new(),
            stored: SlotSet::default(),
            bits: 0,
            per_row: 0,
            rows_max: ROWS_MAX,
        };
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
        let (bits, width) = words_of(slot.lane);
        if slot.lane != Lane::RowId {
            self.stored.insert(self.places.len());
        }
        self.places.push(Place { bits: self.bits, per_row: self.per_row, lane: slot.lane, width });
        self.bits += bits;
        self.per_row += u32::from(width);
        self.rows_max = (LEAF_BYTES / self.row_bytes()).clamp(2, ROWS_MAX);
        self.defaults.push(Stored::of(&slot));
        self.slots.push(slot);
    }

    /// How many slots there are; their numbers are the ones below it.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no slots.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The slots, by their numbers.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// What rows older than the slot read as.
    pub(crate) fn stored_default(&self, slot: usize) -> &Stored {
        &self.defaults[slot]
    }

    #[inline]
    pub(crate) fn lane(&self, slot: usize) -> Lane {
        self.places[slot].lane
    }

    /// The slots that are stored.
    pub(crate) fn stored(&self) -> &SlotSet {
        &self.stored
    }

    /// Where the slot lies in the words of a leaf of this capacity.
    #[inline]
    pub(crate) fn span(&self, slot: usize, capacity: usize) -> Span {
        self.places[slot].span(self.bits, capacity)
    }

    /// Where the slots lie that another layout of the table has too, in a leaf of this layout and in one of the other,
    /// of these capacities. The layouts agree in their places: one of them is longer.
    #[inline]
    pub(crate) fn common_spans(
        &self,
        capacity: usize,
        other: &Self,
        capacity_of_other: usize,
    ) -> impl Iterator<Item = (Span, Span)> {
        let common = &self.places[..self.len().min(other.len())];
        debug_assert_eq!(common, &other.places[..common.len()], "a layout only grows");
        let (bits, bits_of_other) = (self.bits, other.bits);
        let spans =
            move |place: &Place| (place.span(bits, capacity), place.span(bits_of_other, capacity_of_other));
        common.iter().map(spans)
    }

    /// All slots that are stored, by their numbers, and where they lie in a leaf of this capacity.
    pub(crate) fn spans(&self, capacity: usize) -> impl Iterator<Item = (usize, Span)> {
        let stored = self.places.iter().enumerate().filter(|(_, place)| place.lane != Lane::RowId);
        stored.map(move |(slot, place)| (slot, place.span(self.bits, capacity)))
    }

    /// How many words of a leaf have a bit for each row. They come first.
    pub(crate) fn bit_words(&self) -> usize {
        self.bits as usize
    }

    /// The words that a leaf of this capacity has.
    pub(crate) fn words(&self, capacity: usize) -> usize {
        self.bits as usize + self.per_row as usize * capacity
    }

    /// The bytes that a row takes beside its texts and bytes.
    pub(crate) fn row_bytes(&self) -> usize {
        (self.per_row as usize + 1) * size_of::<u64>()
    }

    /// The most rows in a leaf: [`ROWS_MAX`], or as many as fit [`LEAF_BYTES`] where rows are wide; two at
    /// least, so that a leaf can be divided.
    pub(crate) fn rows_max(&self) -> usize {
        self.rows_max
    }
}
