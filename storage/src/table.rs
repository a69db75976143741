//! Tables: one version of one table is its rows, its indexes and its long values.
//!
//! All three are persistent trees, so cloning a [`Table`] costs a few counted references, whatever its size;
//! the clone and the original then share all nodes that neither changes. Rows lie in the order of their row
//! ids. Nothing here knows of constraints: what is applied has been checked, and cannot fail.
//!
//! Order of reading: this file (lookups), `view` (reading rows), `change` (what a commit applies), `diff` (in which
//! rows two versions differ).

mod change;
mod diff;
#[cfg(test)]
mod tests;
mod view;

use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use smallvec::SmallVec;

pub use diff::RowChange;
pub use view::{LeafSlice, LeafView, Leaves, RowRef, Words};

use crate::commit::CommitId;
use crate::index::{Index, IndexId};
use crate::layout::Layout;
use crate::leaf::{Leaf, RowId};
use crate::long::Longs;
use crate::tree::Tree;

/// The number of a table. It is never reused, and says whether the table is temporary: whether files know nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(u32);

impl TableId {
    /// What is added to the numbers of temporary tables; others are less.
    const TEMPORARY: u32 = 1 << 31;

    /// The table id of this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The id of a temporary table in the place of this one.
    pub(crate) const fn as_temporary(self) -> Self {
        Self(self.0 | Self::TEMPORARY)
    }

    /// Whether it is a temporary table, of which neither the definition nor a row nor a key is written into files.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        self.0 >= Self::TEMPORARY
    }
}

/// One version of one table. Cloning it costs O(number of indexes).
///
/// ```
/// use std::sync::Arc;
///
/// use nuages_storage::{Lane, Layout, LeafBuilder, RowId, Slot, Table, TableId};
///
/// let layout = Arc::new(Layout::new([Slot::new(Lane::RowId), Slot::new(Lane::Text)]));
/// let mut songs = Table::new(TableId::new(0), Arc::clone(&layout));
/// let mut rows = LeafBuilder::new(layout);
/// for (id, title) in [(1, "Nuages"), (7, "Daphne")] {
///     rows.set_text(1, title);
///     rows.finish_row(RowId::new(id));
/// }
/// songs.insert_rows(&rows.finish(), &[]);
///
/// let before = songs.clone();
/// songs.delete_rows(&[RowId::new(1)], &[]);
/// assert_eq!((songs.len(), before.len()), (1, 2));
/// assert_eq!(before.get(RowId::new(1)).and_then(|row| row.text(1)), Some("Nuages"));
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    id: TableId,
    /// The commit that last changed it. What a transaction does to its own view of the table leaves it as it is.
    changed: CommitId,
    layout: Arc<Layout>,
    rows: Tree<Leaf>,
    longs: Longs,
    /// In the order of their ids. They are few, so they are searched one after another.
    indexes: SmallVec<[(IndexId, Index); 4]>,
}

impl Table {
    /// An empty table without indexes.
    #[must_use]
    pub fn new(id: TableId, layout: Arc<Layout>) -> Self {
        let (changed, indexes) = (CommitId::default(), SmallVec::new());
        Self { id, changed, layout, rows: Tree::new(), longs: Longs::default(), indexes }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> TableId {
        self.id
    }

    /// The commit that last changed it: of two tables of one id that were published, those of one commit are equal.
    #[must_use]
    pub fn changed(&self) -> CommitId {
        self.changed
    }

    pub(crate) fn set_changed(&mut self, commit: CommitId) {
        self.changed = commit;
    }

    /// Its physical columns.
    #[must_use]
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The same rows under a layout that theirs has grown into: what it adds reads as its default. `None` if the layout
    /// is of another table. O(number of indexes, and of slots).
    #[must_use]
    pub fn grown(&self, layout: &Arc<Layout>) -> Option<Self> {
        let is_grown = Arc::ptr_eq(&self.layout, layout) || layout.slots().starts_with(self.layout.slots());
        is_grown.then(|| Self { layout: Arc::clone(layout), ..self.clone() })
    }

    /// How many rows there are. O(1).
    #[must_use]
    pub fn len(&self) -> u64 {
        self.rows.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row of this row id. O(log n).
    #[must_use]
    pub fn get(&self, row_id: RowId) -> Option<RowRef<'_>> {
        self.rows.get(row_id).map(|(leaf, row)| RowRef::new(LeafView::new(self, leaf), row))
    }

    /// The n-th row in the order of row ids, counted from zero. O(log n).
    #[must_use]
    pub fn nth(&self, n: u64) -> Option<RowRef<'_>> {
        self.rows.nth(n).map(|(leaf, row)| RowRef::new(LeafView::new(self, leaf), row))
    }

    /// How many rows have lesser row ids. O(log n).
    #[must_use]
    pub fn rank(&self, row_id: RowId) -> u64 {
        self.rows.rank(row_id)
    }

    /// How many rows have row ids in the range. O(log n).
    #[must_use]
    pub fn count_range(&self, row_ids: impl RangeBounds<RowId>) -> u64 {
        let ranks = self.rows.ranks(row_ids.start_bound().cloned(), row_ids.end_bound().cloned());
        ranks.end - ranks.start
    }

    /// The ranks of the rows whose row ids are in the range. O(log n).
    #[must_use]
    pub fn ranks(&self, row_ids: impl RangeBounds<RowId>) -> Range<u64> {
        self.rows.ranks(row_ids.start_bound().cloned(), row_ids.end_bound().cloned())
    }

    /// How many nodes of the tree of rows lie on the way to a row. O(log n).
    #[must_use]
    pub fn height(&self) -> u64 {
        self.rows.height()
    }

    /// How many nodes of the tree of rows are visited by who reads these ranks one after the other.
    #[must_use]
    pub fn nodes(&self, ranks: Range<u64>) -> u64 {
        self.rows.nodes(ranks)
    }

    /// The leaves that hold the rows of these ranks, from either end. O(log n) to begin, O(1) a leaf.
    #[must_use]
    pub fn leaves_ranked(&self, ranks: Range<u64>) -> Leaves<'_> {
        Leaves::new(self, self.rows.blocks(ranks))
    }

    /// The greatest row id. O(log n).
    #[must_use]
    pub fn last_row_id(&self) -> Option<RowId> {
        self.rows.last_key()
    }

    /// The leaves that hold the rows of the range, from either end, each with the part of it that is in the
    /// range. O(log n) to begin, O(1) a leaf.
    #[must_use]
    pub fn leaves(&self, row_ids: impl RangeBounds<RowId>) -> Leaves<'_> {
        let ranks = match (row_ids.start_bound(), row_ids.end_bound()) {
            (Bound::Unbounded, Bound::Unbounded) => 0..self.len(),
            (lower, upper) => self.rows.ranks(lower.cloned(), upper.cloned()),
        };
        Leaves::new(self, self.rows.blocks(ranks))
    }

    /// The bytes that nothing but this keeps. O(such nodes).
    pub(crate) fn bytes_alone(&self) -> usize {
        let indexes = self.indexes.iter().map(|(_, index)| index.bytes_alone());
        size_of::<Self>() + self.rows.bytes_alone() + self.longs.bytes_alone() + indexes.sum::<usize>()
    }

    /// The index of this id.
    #[must_use]
    pub fn index(&self, id: IndexId) -> Option<&Index> {
        self.indexes.iter().find(|(found, _)| *found == id).map(|(_, index)| index)
    }

    /// All indexes, in the order of their ids.
    pub fn indexes(&self) -> impl ExactSizeIterator<Item = (IndexId, &Index)> {
        self.indexes.iter().map(|(id, index)| (*id, index))
    }
}
