//! Ranges of keys and of row ids: what an access path fetches, and what a serializable transaction notes that it read.

use std::ops::{Bound, Range};

use nuages_storage::key::{KeyBuffer, prefix_end};
use nuages_storage::{Index, RowId};

/// A range of index keys.
#[derive(Clone, Debug)]
pub(crate) struct KeyRange {
    lower: Bound<KeyBuffer>,
    upper: Bound<KeyBuffer>,
}

impl KeyRange {
    /// The keys between two ends.
    pub(crate) fn new(lower: Bound<KeyBuffer>, upper: Bound<KeyBuffer>) -> KeyRange {
        KeyRange { lower, upper }
    }

    pub(crate) fn lower(&self) -> Bound<&[u8]> {
        as_bytes(&self.lower)
    }

    pub(crate) fn upper(&self) -> Bound<&[u8]> {
        as_bytes(&self.upper)
    }

    /// The ranks of its entries.
    pub(crate) fn ranks(&self, index: &Index) -> Range<u64> {
        index.ranks(self.lower(), self.upper())
    }

    /// Whether a key is in it.
    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        std::ops::RangeBounds::<[u8]>::contains(&(self.lower(), self.upper()), key)
    }

    /// How many nodes are visited to find its ends.
    pub(crate) fn bound_nodes(&self, index: &Index) -> u64 {
        let ends = [&self.lower, &self.upper].into_iter().filter(|end| !matches!(end, Bound::Unbounded));
        ends.count() as u64 * index.height()
    }

    /// All keys that begin with `prefix`.
    pub(crate) fn prefixed(prefix: KeyBuffer) -> KeyRange {
        let upper = prefix_end(prefix.as_slice()).map_or(Bound::Unbounded, Bound::Excluded);
        let lower = if prefix.is_empty() { Bound::Unbounded } else { Bound::Included(prefix) };
        KeyRange { lower, upper }
    }
}

fn as_bytes(bound: &Bound<KeyBuffer>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key.as_slice()),
        Bound::Excluded(key) => Bound::Excluded(key.as_slice()),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// Two ends of a range of row ids.
pub(crate) type RowBounds = (Bound<RowId>, Bound<RowId>);
