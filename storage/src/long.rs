//! Values too long for a leaf.
//!
//! They lie in a tree of their own beside the rows, by row id and slot, and are counted references: copying
//! a leaf, updating another column or taking a fork never copies ten megabytes.

use std::sync::Arc;

use crate::leaf::{ROWS_MAX, RowId};
use crate::tree::{Block, KeyOf, PlainKeys, Tree};

/// A value longer than [`LONG_BYTES_MIN`](crate::leaf::LONG_BYTES_MIN).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LongValue {
    /// Text.
    Text(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
}

impl LongValue {
    /// The text; empty for bytes.
    #[must_use]
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Bytes(_) => "",
        }
    }

    /// The bytes, of a text too.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// A long value on its way into a table, beside the leaf whose row it belongs to.
#[derive(Clone, Debug)]
pub struct Long {
    /// The position of its row in the leaf.
    pub row: usize,
    /// Its slot.
    pub slot: usize,
    /// The value.
    pub value: LongValue,
}

/// Where a long value belongs.
type LongKey = (RowId, usize);

/// The long values of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Longs(Tree<LongBlock>);

impl Longs {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, row_id: RowId, slot: usize) -> Option<&LongValue> {
        self.0.get((row_id, slot)).map(|(block, at)| &block.0[at].1)
    }

    pub(crate) fn insert(&mut self, row_id: RowId, slot: usize, value: &LongValue) {
        self.0.insert(((row_id, slot), value));
    }

    pub(crate) fn remove(&mut self, row_id: RowId, slot: usize) {
        self.0.remove((row_id, slot));
    }

    /// The bytes that nothing but this keeps.
    pub(crate) fn bytes_alone(&self) -> usize {
        self.0.bytes_alone()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    #[cfg(test)]
    pub(crate) fn check(&self) {
        self.0.check();
    }
}

/// A leaf of the tree of long values.
#[derive(Clone, Debug)]
struct LongBlock(Vec<(LongKey, LongValue)>);

impl Block for LongBlock {
    type Keys = PlainKeys<LongKey>;
    type Item<'a> = (LongKey, &'a LongValue);
    const LEN_MAX: usize = ROWS_MAX;

    fn key_of((key, _): Self::Item<'_>) -> KeyOf<'_, Self> {
        key
    }

    fn of((key, value): (LongKey, &LongValue)) -> Self {
        Self(vec![(key, value.clone())])
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn key(&self, at: usize) -> LongKey {
        self.0[at].0
    }

    fn search(&self, key: LongKey) -> Result<usize, usize> {
        self.0.binary_search_by_key(&key, |entry| entry.0)
    }

    fn size(&self) -> usize {
        self.0.len()
    }

    fn has_room(&self) -> bool {
        self.0.len() < ROWS_MAX
    }

    fn is_overfull(&self) -> bool {
        false
    }

    fn fits(&self, right: &Self, part: (usize, usize)) -> bool {
        (self.0.len() + right.0.len()) * part.1 <= ROWS_MAX * part.0
    }

    fn insert(&mut self, at: usize, (key, value): (LongKey, &LongValue)) {
        self.0.insert(at, (key, value.clone()));
    }

    fn remove(&mut self, at: usize) {
        self.0.remove(at);
    }

    fn append(&mut self, right: &Self) {
        self.0.extend_from_slice(&right.0);
    }

    fn bytes_alone(&self) -> usize {
        let values = self.0.iter().map(|(_, value)| match value {
            LongValue::Text(text) if Arc::strong_count(text) == 1 => text.len(),
            LongValue::Bytes(bytes) if Arc::strong_count(bytes) == 1 => bytes.len(),
            _ => 0,
        });
        size_of_val(&*self.0) + values.sum::<usize>()
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self(self.0.split_off(at))
    }
}
