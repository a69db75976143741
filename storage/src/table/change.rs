//! What a commit does to a table. Nothing here can fail or wait; who calls has checked and locked.
//!
//! What a file says has not been checked. So each change returns whether the table was as it takes for granted; where
//! it was not, it is left with a part of the change.

use std::sync::Arc;

use super::Table;
use crate::index::{Index, IndexChange, IndexId};
use crate::layout::Slot;
use crate::leaf::{Leaf, RowId, RowImage, Rows};
use crate::patch::Patch;

impl Table {
    /// Inserts rows, whose row ids the table does not have, and changes the indexes as is said.
    ///
    /// If they are in order and behind the last row, as automatic keys are, their leaf is adopted as it is, unless the
    /// last one has room for them. Otherwise they are inserted one by one, O(log n) each. Returns whether all fitted.
    pub fn insert_rows(&mut self, rows: &Rows, changes: &[IndexChange]) -> bool {
        let mut fits = self.apply_indexes(changes);
        let Some(&first) = rows.leaf.row_ids().first() else { return fits };
        for long in &rows.longs {
            self.longs.insert(row_id_of(&rows.leaf, long.row), long.slot, &long.value);
        }
        let leaf = &rows.leaf;
        let last = self.rows.last_key().map(RowId::get);
        if last.is_none_or(|last| last < first) && leaf.row_ids().is_sorted_by(|left, right| left < right) {
            self.rows.append(leaf);
            return fits;
        }
        for row in 0..leaf.len() {
            fits &= self.rows.insert(RowImage::new(leaf, row));
        }
        fits
    }

    /// Replaces rows, which the table has, with new images of them, and changes the indexes as is said. O(log n) a row.
    /// Returns whether all were there.
    pub fn update_rows(&mut self, rows: &Rows, changes: &[IndexChange]) -> bool {
        let mut fits = self.apply_indexes(changes);
        let Rows { leaf, longs } = rows;
        for row in 0..leaf.len() {
            let image = RowImage::new(leaf, row);
            self.remove_longs(image.row_id());
            fits &= self.rows.edit(image.row_id(), |block, at| block.replace(at, image)).is_some();
        }
        for long in longs {
            self.longs.insert(row_id_of(leaf, long.row), long.slot, &long.value);
        }
        fits
    }

    /// Sets some slots of rows, which the table has and the patch has in order. O(log n) a leaf that holds some of
    /// them, O(1) a row in it. Returns whether all were there.
    pub fn assign(&mut self, patch: &Patch) -> bool {
        let (mut done, mut fits) = (0, true);
        while let Some(&row_id) = patch.row_ids().get(done) {
            let layout = &self.layout;
            let assigned = self.rows.overwrite(row_id, |leaf, at| leaf.assign(layout, at, patch, done));
            fits &= assigned.is_some();
            done += assigned.unwrap_or(1);
        }
        fits
    }

    /// Deletes rows, which the table has, and changes the indexes as is said. O(log n) a row. Returns whether all were
    /// there.
    pub fn delete_rows(&mut self, row_ids: &[RowId], changes: &[IndexChange]) -> bool {
        let mut fits = self.apply_indexes(changes);
        for &row_id in row_ids {
            self.remove_longs(row_id);
            fits &= self.rows.remove(row_id);
        }
        fits
    }

    fn apply_indexes(&mut self, changes: &[IndexChange]) -> bool {
        changes.iter().all(|change| self.apply_index(change))
    }

    /// Changes an index as its rows have changed. O(log n) an entry; entries that all lie behind the last are
    /// packed into leaves, which the tree adopts. Returns whether there is such an index.
    pub fn apply_index(&mut self, change: &IndexChange) -> bool {
        let index = self.indexes.iter_mut().find(|(id, _)| *id == change.index);
        let fits = index.is_some();
        if let Some((_, index)) = index {
            index.apply(&change.removed, &change.added);
        }
        fits
    }

    /// Changes indexes as [`apply_index`](Table::apply_index) does, what is little only when somebody looks at them.
    pub(crate) fn postpone_indexes(&mut self, changes: &[IndexChange]) -> bool {
        changes.iter().all(|change| {
            let index = self.indexes.iter_mut().find(|(id, _)| *id == change.index);
            index.map(|(_, index)| index.postpone(change)).is_some()
        })
    }

    /// Whether all its indexes have what they are to have.
    pub(crate) fn is_settled(&self) -> bool {
        self.indexes.iter().all(|(_, index)| index.is_settled())
    }

    /// Makes the indexes have what was postponed.
    pub(crate) fn settle(&mut self) {
        self.indexes.iter_mut().for_each(|(_, index)| index.settle());
    }

    /// Adds an index, or puts another in the place of the one of this id.
    pub fn add_index(&mut self, id: IndexId, index: Index) {
        match self.indexes.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => self.indexes[at].1 = index,
            Err(at) => self.indexes.insert(at, (id, index)),
        }
    }

    /// Takes an index away. Its nodes live on in the versions that have it.
    pub fn remove_index(&mut self, id: IndexId) {
        self.indexes.retain(|(found, _)| *found != id);
    }

    /// Adds a slot, which all rows so far read as its default. No row is rewritten.
    pub fn add_slot(&mut self, slot: Slot) {
        self.layout = Arc::new(self.layout.with_slot(slot));
    }

    /// Forgets the long values of a row that is to be deleted or replaced.
    fn remove_longs(&mut self, row_id: RowId) {
        if self.longs.is_empty() {
            return;
        }
        if let Some((leaf, row)) = self.rows.get(row_id) {
            for slot in leaf.long_slots(row) {
                self.longs.remove(row_id, slot);
            }
        }
    }
}

fn row_id_of(leaf: &Leaf, row: usize) -> RowId {
    RowId::new(leaf.row_ids()[row])
}
