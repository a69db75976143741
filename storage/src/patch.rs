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
    /// Most patches are for one row and set one slot or two, and are then in place: who moves one moves two cache lines.
    row_ids: SmallVec<[RowId; 2]>,
    slots: SmallVec<[usize; 2]>,
    /// What the slots become, row by row: the words, or the booleans as zero and one; `None` is NULL.
    words: SmallVec<[Option<u64>; 2]>,
}

impl Patch {
    /// A patch of these slots, each of [`Lane::Word`](crate::Lane::Word) or [`Lane::Bit`](crate::Lane::Bit).
    #[must_use]
    pub fn new(slots: impl IntoIterator<Item = usize>) -> Self {
        Self { row_ids: SmallVec::new(), slots: slots.into_iter().collect(), words: SmallVec::new() }
    }

    /// A patch of one row, which sets [nothing yet](Patch::set).
    #[must_use]
    pub fn of_row(row_id: RowId) -> Self {
        let mut row_ids = SmallVec::new();
        row_ids.push(row_id);
        Self { row_ids, slots: SmallVec::new(), words: SmallVec::new() }
    }

    /// Sets one more slot of the only row.
    pub fn set(&mut self, slot: usize, word: Option<u64>) {
        debug_assert_eq!(self.len(), 1, "a word for each row");
        self.slots.push(slot);
        self.words.push(word);
    }

    /// Adds a row, with its words in the order of the slots; `None` is NULL, booleans are zero and one.
    pub fn push(&mut self, row_id: RowId, words: impl IntoIterator<Item = Option<u64>>) {
        self.row_ids.push(row_id);
        self.words.extend(words);
        debug_assert_eq!(self.words.len(), self.len() * self.slots.len(), "a word for each slot");
    }

    /// Adds rows, with their words slot by slot: as many in each slot as there are rows.
    pub fn extend(&mut self, row_ids: &[RowId], columns: &[Vec<Option<u64>>]) {
        debug_assert!(columns.iter().all(|words| words.len() == row_ids.len()), "a word for each row");
        self.row_ids.extend_from_slice(row_ids);
        match columns {
            [words] => self.words.extend_from_slice(words),
            columns => {
                let of_row = |row| columns.iter().map(move |words: &Vec<_>| words[row]);
                self.words.extend((0..row_ids.len()).flat_map(of_row));
            }
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

    /// The slots that it sets.
    pub(crate) fn slots(&self) -> &[usize] {
        &self.slots
    }

    /// The words of all rows, each row's in the order of the slots.
    pub(crate) fn words(&self) -> &[Option<u64>] {
        &self.words
    }

    /// The words of its rows from this one on, each row's in the order of the slots.
    pub(crate) fn words_from(&self, row: usize) -> impl Iterator<Item = &[Option<u64>]> {
        let of_row = self.slots.len();
        (row..self.len()).map(move |row| &self.words[row * of_row..(row + 1) * of_row])
    }

    /// The words of the `column`-th slot, in the order of the rows.
    pub(crate) fn words_of(&self, column: usize) -> impl Iterator<Item = Option<u64>> {
        self.words.iter().skip(column).step_by(self.slots.len()).copied()
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
        let of_row = self.slots.len();
        self.words =
            rows.iter().flat_map(|row| &self.words[row * of_row..(row + 1) * of_row]).copied().collect();
        self.row_ids = rows.iter().map(|row| self.row_ids[*row]).collect();
    }
}
