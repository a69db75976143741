//! What a commit does to a table. Nothing here can fail or wait; who calls has checked and locked.

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
    /// last one has room for them. Otherwise they are inserted one by one, O(log n) each.
    pub fn insert_rows(&mut self, rows: &Rows, changes: &[IndexChange]) {
        changes.iter().for_each(|change| self.apply_index(change));
        let Some(&first) = rows.leaf.row_ids().first() else { return };
        for long in &rows.longs {
            self.longs.insert(row_id_of(&rows.leaf, long.row), long.slot, &long.value);
        }
        let leaf = &rows.leaf;
        let last = self.rows.last_key().map(RowId::get);
        if last.is_none_or(|last| last < first) && leaf.row_ids().is_sorted_by(|left, right| left < right) {
            return self.rows.append(leaf);
        }
        for row in 0..leaf.len() {
            let inserted = self.rows.insert(RowImage::new(leaf, row));
            debug_assert!(inserted, "row {} is there already", leaf.row_ids()[row]);
        }
    }

    /// Replaces rows, which the table has, with new images of them, and changes the indexes as is said. O(log n) a row.
    pub fn update_rows(&mut self, rows: &Rows, changes: &[IndexChange]) {
        changes.iter().for_each(|change| self.apply_index(change));
        let Rows { leaf, longs } = rows;
        for row in 0..leaf.len() {
            let image = RowImage::new(leaf, row);
            self.remove_longs(image.row_id());
            let updated = self.rows.edit(image.row_id(), |block, at| block.replace(at, image));
            debug_assert!(updated.is_some(), "row {} is not there", leaf.row_ids()[row]);
        }
        for long in longs {
            self.longs.insert(row_id_of(leaf, long.row), long.slot, &long.value);
        }
    }

    /// Sets some slots of rows, which the table has and the patch has in order. O(log n) a leaf that holds some of
    /// them, O(1) a row in it.
    pub fn assign(&mut self, patch: &Patch) {
        let mut done = 0;
        while let Some(&row_id) = patch.row_ids().get(done) {
            let layout = &self.layout;
            let assigned = self.rows.edit(row_id, |leaf, at| leaf.assign(layout, at, patch, done));
            debug_assert!(assigned.is_some(), "row {} is not there", row_id.get());
            done += assigned.unwrap_or(1);
        }
    }

    /// Deletes rows, which the table has, and changes the indexes as is said. O(log n) a row.
    pub fn delete_rows(&mut self, row_ids: &[RowId], changes: &[IndexChange]) {
        changes.iter().for_each(|change| self.apply_index(change));
        for &row_id in row_ids {
            self.remove_longs(row_id);
            let removed = self.rows.remove(row_id);
            debug_assert!(removed, "row {} is not there", row_id.get());
        }
    }

    /// Changes an index as its rows have changed. O(log n) an entry; entries that all lie behind the last are
    /// packed into leaves, which the tree adopts.
    pub fn apply_index(&mut self, change: &IndexChange) {
        let index = self.indexes.iter_mut().find(|(id, _)| *id == change.index);
        debug_assert!(index.is_some(), "index {} is not there", change.index.get());
        if let Some((_, index)) = index {
            index.apply(&change.removed, &change.added);
        }
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
