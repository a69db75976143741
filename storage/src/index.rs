//! Indexes: the (key, row id) pairs of a table, in the order of the keys.
//!
//! A unique index holds row ids as well, and holds two rows of one key while a statement or a transaction
//! has not yet resolved them; uniqueness is the engine's to check, by counting. Keys are byte strings whose
//! order is that of the values ([`key`](crate::key)), so a prefix of the columns is a prefix of the bytes and
//! bounds a range.
//!
//! Order of reading: this file, then `keys` (entries, packed), `postponed` (what a transaction's own view leaves for
//! later).

mod keys;
mod postponed;
#[cfg(test)]
mod tests;

use std::iter::{Copied, FlatMap};
use std::ops::{Bound, Range};
use std::slice;
use std::sync::Arc;

pub use keys::{EntriesOf, Entry, IndexKeys};
use postponed::Postponed;

use crate::leaf::RowId;
use crate::shared::Shared;
use crate::tree::{Block, Blocks, Slice, Tree};

/// The number of an index. It is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexId(u32);

impl IndexId {
    /// The index id of this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// What a statement changes in one index: the entries that go and those that come, each in order.
///
/// An entry that goes was there, unless it also comes; one that comes was not, unless it also goes.
#[derive(Clone, Debug)]
pub struct IndexChange {
    /// The index.
    pub index: IndexId,
    /// The entries that go, in order.
    pub removed: IndexKeys,
    /// The entries that come, in order.
    pub added: IndexKeys,
}

impl IndexChange {
    /// No change of an index.
    #[must_use]
    pub fn new(index: IndexId) -> Self {
        Self { index, removed: IndexKeys::new(), added: IndexKeys::new() }
    }

    /// Whether no entry goes or comes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}

/// One version of an index. Cloning it is O(1).
///
/// ```
/// use std::ops::Bound::{Excluded, Included};
/// use nuages_storage::index::Index;
/// use nuages_storage::leaf::RowId;
///
/// let entry = |key: &'static str, row_id| (key.as_bytes(), RowId::new(row_id));
/// let index = Index::bulk([entry("ant", 3), entry("bee", 1), entry("bee", 2), entry("cow", 0)]);
/// assert_eq!(index.first_with_key(b"bee"), Some(RowId::new(1)));
/// assert_eq!(index.count_range(Included(b"b"), Excluded(b"c")), 2);
/// assert_eq!(index.rank(b"cow"), 3);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Index {
    tree: Tree<IndexKeys>,
    /// What the tree lacks. Only where a transaction looks at its own writes.
    postponed: Option<Arc<Postponed>>,
}

impl Index {
    /// An empty index.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An index of these entries, which come in order and are all different. O(n), with full leaves.
    #[must_use]
    pub fn bulk<'k>(entries: impl IntoIterator<Item = Entry<'k>>) -> Self {
        let mut index = Self::new();
        index.append(entries);
        index
    }

    /// The tree with all entries.
    fn tree(&self) -> &Tree<IndexKeys> {
        self.postponed.as_ref().map_or(&self.tree, |postponed| postponed.tree(&self.tree))
    }

    /// How many entries there are. O(1).
    #[must_use]
    pub fn len(&self) -> u64 {
        self.tree().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tree().is_empty()
    }

    /// The entries whose keys lie within two bounds, from either end. O(log n) to begin, O(1) an entry.
    #[must_use]
    pub fn range(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> Entries<'_> {
        self.entries(self.ranks(lower, upper))
    }

    /// How many entries have keys within two bounds. O(log n).
    #[must_use]
    pub fn count_range(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> u64 {
        let ranks = self.ranks(lower, upper);
        ranks.end - ranks.start
    }

    /// The ranks of the entries whose keys lie within two bounds. O(log n).
    #[must_use]
    pub fn ranks(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> Range<u64> {
        let tree = self.tree();
        if let (Bound::Included(lower), Bound::Excluded(upper)) = (lower, upper) {
            return tree.ranks_between((lower, RowId::MIN), (upper, RowId::MIN));
        }
        let before = |key| tree.rank((key, RowId::MIN));
        let through = |key| tree.rank_after((key, RowId::MAX));
        let start = match lower {
            Bound::Unbounded => 0,
            Bound::Included(key) => before(key),
            Bound::Excluded(key) => through(key),
        };
        let end = match upper {
            Bound::Unbounded => tree.len(),
            Bound::Included(key) => through(key),
            Bound::Excluded(key) => before(key),
        };
        start..end.max(start)
    }

    /// The entries of these ranks, from either end. O(log n) to begin, O(1) an entry.
    #[must_use]
    pub fn entries(&self, ranks: Range<u64>) -> Entries<'_> {
        Entries { blocks: self.tree().blocks(ranks), front: None, back: None }
    }

    /// The rows of the entries of these ranks, from either end, without a look at their keys. O(log n) to begin, O(1) a
    /// row.
    ///
    /// ```
    /// use nuages_storage::index::Index;
    /// use nuages_storage::leaf::RowId;
    ///
    /// let index = Index::bulk([(&b"ant"[..], RowId::new(3)), (b"bee", RowId::new(1)), (b"bee", RowId::new(2))]);
    /// let mut rows = index.row_ids(0..3);
    /// assert_eq!((rows.next(), rows.next_back()), (Some(RowId::new(3)), Some(RowId::new(2))));
    /// ```
    #[must_use]
    pub fn row_ids(&self, ranks: Range<u64>) -> RowIds<'_> {
        RowIds { blocks: self.tree().blocks(ranks).flat_map(row_ids_of as fn(_) -> _) }
    }

    /// How many nodes lie on the way to an entry. O(log n).
    #[must_use]
    pub fn height(&self) -> u64 {
        self.tree().height()
    }

    /// How many nodes are visited by who reads these ranks one after the other.
    #[must_use]
    pub fn nodes(&self, ranks: Range<u64>) -> u64 {
        self.tree().nodes(ranks)
    }

    /// The n-th entry, counted from zero. O(log n).
    #[must_use]
    pub fn nth(&self, n: u64) -> Option<Entry<'_>> {
        self.tree().nth(n).map(|(keys, at)| keys.entry(at))
    }

    /// How many entries have lesser keys. O(log n).
    #[must_use]
    pub fn rank(&self, key: &[u8]) -> u64 {
        self.tree().rank((key, RowId::MIN))
    }

    /// The least row id with this very key. O(log n), the fastest way to one row of a unique key.
    #[must_use]
    pub fn first_with_key(&self, key: &[u8]) -> Option<RowId> {
        let (keys, at) = self.tree().at_or_after((key, RowId::MIN))?;
        keys.row_of(at, key)
    }

    /// The first entry's row id among those whose keys begin with these bytes. O(log n).
    #[must_use]
    pub fn first_with_prefix(&self, prefix: &[u8]) -> Option<RowId> {
        let (keys, at) = self.tree().at_or_after((prefix, RowId::MIN))?;
        let (found, row_id) = keys.entry(at);
        found.starts_with(prefix).then_some(row_id)
    }

    /// The bytes that nothing but this keeps. O(such nodes).
    pub(crate) fn bytes_alone(&self) -> usize {
        self.tree.bytes_alone()
    }

    /// Takes the removed entries out and puts the added ones in.
    pub(crate) fn apply(&mut self, removed: &IndexKeys, added: &IndexKeys) {
        self.settle();
        apply(&mut self.tree, removed, added);
    }

    /// The same, if it is little, when somebody looks at the index.
    pub(crate) fn postpone(&mut self, change: &IndexChange) {
        let is_added =
            Postponed::suits(change) && Arc::make_mut(self.postponed.get_or_insert_default()).add(change);
        if !is_added {
            self.apply(&change.removed, &change.added);
        }
    }

    /// Whether nothing is postponed.
    pub(crate) fn is_settled(&self) -> bool {
        self.postponed.is_none()
    }

    /// Makes the tree have what was postponed.
    pub(crate) fn settle(&mut self) {
        if let Some(postponed) = self.postponed.take() {
            postponed.settle(&mut self.tree);
        }
    }

    /// Adds entries behind the last.
    pub(crate) fn append<'k>(&mut self, entries: impl IntoIterator<Item = Entry<'k>>) {
        self.settle();
        append(&mut self.tree, entries);
    }
}

/// Takes entries out of a tree, and puts others in.
fn apply(tree: &mut Tree<IndexKeys>, removed: &IndexKeys, added: &IndexKeys) {
    for entry in removed {
        tree.remove(entry);
    }
    let is_behind = |first: Entry<'_>| tree.last_key().is_none_or(|last| last < first);
    if added.len() > 1 && added.iter().next().is_some_and(is_behind) {
        return append(tree, added);
    }
    for entry in added {
        tree.insert(entry);
    }
}

/// Adds entries behind the last: packed into leaves first, which the tree then adopts.
fn append<'k>(tree: &mut Tree<IndexKeys>, entries: impl IntoIterator<Item = Entry<'k>>) {
    let mut entries = entries.into_iter().peekable();
    while entries.peek().is_some() {
        let mut leaf = IndexKeys::new();
        while leaf.has_room()
            && let Some((key, row_id)) = entries.next()
        {
            leaf.push(key, row_id);
        }
        tree.append(&Shared::new(leaf));
    }
}

/// Entries of an index, from either end.
pub struct Entries<'t> {
    blocks: Blocks<'t, IndexKeys>,
    /// The block that the next entry comes from, and the one that the last comes from. What is left of the
    /// two, when the blocks between them are used up, is the rest.
    front: Option<EntriesOf<'t>>,
    back: Option<EntriesOf<'t>>,
}

impl Entries<'_> {
    /// How many entries are still to come.
    fn rest(&self) -> u64 {
        let half =
            |entries: &Option<EntriesOf<'_>>| entries.as_ref().map_or(0, |entries| entries.len() as u64);
        half(&self.front) + self.blocks.items() + half(&self.back)
    }
}

fn entries_of(slice: Slice<'_, IndexKeys>) -> EntriesOf<'_> {
    EntriesOf::new(slice.block, slice.rows)
}

/// Rows of entries of an index, from either end.
pub struct RowIds<'t> {
    blocks: FlatMap<Blocks<'t, IndexKeys>, RowsOf<'t>, ToRows<'t>>,
}

/// Those of one block.
type RowsOf<'t> = Copied<slice::Iter<'t, RowId>>;

/// What finds them.
type ToRows<'t> = fn(Slice<'t, IndexKeys>) -> RowsOf<'t>;

fn row_ids_of(slice: Slice<'_, IndexKeys>) -> RowsOf<'_> {
    slice.block.row_ids(slice.rows).iter().copied()
}

impl Iterator for RowIds<'_> {
    type Item = RowId;

    #[inline]
    fn next(&mut self) -> Option<RowId> {
        self.blocks.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.blocks.size_hint()
    }
}

impl DoubleEndedIterator for RowIds<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<RowId> {
        self.blocks.next_back()
    }
}

impl<'t> Iterator for Entries<'t> {
    type Item = Entry<'t>;

    fn next(&mut self) -> Option<Entry<'t>> {
        loop {
            if let Some(entry) = self.front.as_mut().and_then(Iterator::next) {
                return Some(entry);
            }
            match self.blocks.next() {
                Some(slice) => self.front = Some(entries_of(slice)),
                None => return self.back.as_mut()?.next(),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let rest = usize::try_from(self.rest()).ok();
        (rest.unwrap_or(usize::MAX), rest)
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.back.as_mut().and_then(DoubleEndedIterator::next_back) {
                return Some(entry);
            }
            match self.blocks.next_back() {
                Some(slice) => self.back = Some(entries_of(slice)),
                None => return self.front.as_mut()?.next_back(),
            }
        }
    }
}
