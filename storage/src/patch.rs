//! New values for a few columns of rows that stay where they are.
//!
//! An update that touches neither a key nor a text needs no image of the whole row: the words it sets are enough, and
//! are written over the old ones, leaf by leaf.

use smallvec::SmallVec;

use crate::leaf::RowId;

/// What some slots of some rows become.
///
/// ```
/// use nuages_storage::{Patch, RowId};
/// let mut patch = Patch::new([3]);
/// patch.push(RowId::new(7), [Some(1)]);
/// patch.push(RowId::new(9), [None]);
/// assert_eq!(patch.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Most patches are for one row and set one slot or two.
    row_ids: SmallVec<[RowId; 2]>,
    columns: SmallVec<[PatchColumn; 2]>,
}

/// What a slot becomes, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PatchColumn {
    pub(crate) slot: usize,
    /// The words, or the booleans as zero and one; `None` is NULL.
    pub(crate) words: SmallVec<[Option<u64>; 2]>,
}

impl Patch {
    /// A patch of these slots, each of [`Lane::Word`](crate::Lane::Word) or [`Lane::Bit`](crate::Lane::Bit).
    #[must_use]
    pub fn new(slots: impl IntoIterator<Item = usize>) -> Self {
        let column = |slot| PatchColumn { slot, words: SmallVec::new() };
        Self { row_ids: SmallVec::new(), columns: slots.into_iter().map(column).collect() }
    }

    /// Adds a row, with its words in the order of the slots; `None` is NULL, booleans are zero and one.
    pub fn push(&mut self, row_id: RowId, words: impl IntoIterator<Item = Option<u64>>) {
        self.row_ids.push(row_id);
        for (column, word) in self.columns.iter_mut().zip(words) {
            column.words.push(word);
        }
    }

    /// Adds rows, with their words slot by slot: as many in each slot as there are rows.
    pub fn extend(&mut self, row_ids: &[RowId], columns: impl IntoIterator<Item = Vec<Option<u64>>>) {
        self.row_ids.extend_from_slice(row_ids);
        for (column, words) in self.columns.iter_mut().zip(columns) {
            debug_assert_eq!(words.len(), row_ids.len(), "a word for each row");
            column.words.extend_from_slice(&words);
        }
    }

    /// How many rows it is for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.row_ids.len()
    }

    /// Whether it is for no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.row_ids.is_empty()
    }

    /// The rows.
    #[must_use]
    pub fn row_ids(&self) -> &[RowId] {
        &self.row_ids
    }

    /// The patch of these rows, with the words of each slot in their order.
    pub(crate) fn from_parts(
        row_ids: impl IntoIterator<Item = RowId>,
        columns: impl IntoIterator<Item = (usize, Vec<Option<u64>>)>,
    ) -> Self {
        let column = |(slot, words): (usize, Vec<_>)| PatchColumn { slot, words: words.into() };
        Self { row_ids: row_ids.into_iter().collect(), columns: columns.into_iter().map(column).collect() }
    }

    /// Each slot, and its words in the order of the rows.
    pub(crate) fn assignments(&self) -> impl Iterator<Item = (usize, &[Option<u64>])> {
        self.columns.iter().map(|column| (column.slot, column.words.as_slice()))
    }

    pub(crate) fn columns(&self) -> &[PatchColumn] {
        &self.columns
    }

    /// Leaves the rows of which `keep` is true.
    pub fn retain(&mut self, keep: impl Fn(RowId) -> bool) {
        let kept: Vec<usize> = (0..self.len()).filter(|row| keep(self.row_ids[*row])).collect();
        if kept.len() < self.len() {
            self.select(&kept);
        }
    }

    /// Puts the rows into the order of their ids, in which a patch is applied.
    pub fn sort(&mut self) {
        if self.row_ids.is_sorted() {
            return;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_unstable_by_key(|row| self.row_ids[*row]);
        self.select(&order);
    }

    /// Makes it these rows, by their positions, in this order.
    fn select(&mut self, rows: &[usize]) {
        self.row_ids = rows.iter().map(|row| self.row_ids[*row]).collect();
        for column in &mut self.columns {
            column.words = rows.iter().map(|row| column.words[*row]).collect();
        }
    }
}
