//! In which rows two versions of one table differ.

use super::{LeafView, RowRef, Table};
use crate::value::Lane;

/// How a row differs between two versions of a table.
#[derive(Clone, Copy, Debug)]
pub enum RowChange<'v> {
    /// Only the newer has it.
    Inserted(RowRef<'v>),
    /// Both have it, with other values.
    Updated {
        /// In the older.
        before: RowRef<'v>,
        /// In the newer.
        after: RowRef<'v>,
    },
    /// Only the older has it.
    Deleted(RowRef<'v>),
}

impl<'v> RowChange<'v> {
    /// The row as it is in the older version, if it is there.
    #[must_use]
    pub fn before(self) -> Option<RowRef<'v>> {
        match self {
            Self::Inserted(_) => None,
            Self::Updated { before, .. } | Self::Deleted(before) => Some(before),
        }
    }

    /// The row as it is in the newer version, if it is there.
    #[must_use]
    pub fn after(self) -> Option<RowRef<'v>> {
        match self {
            Self::Inserted(after) | Self::Updated { after, .. } => Some(after),
            Self::Deleted(_) => None,
        }
    }
}

impl Table {
    /// Calls `each` with every row that differs from an older version of this table, in the order of the row ids.
    /// O(leaves that the two do not share): what has not changed is not looked at.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use nuages_storage::{Lane, Layout, LeafBuilder, RowId, Slot, Table, TableId};
    ///
    /// let layout = Arc::new(Layout::new([Slot::new(Lane::RowId), Slot::new(Lane::Word)]));
    /// let mut table = Table::new(TableId::new(0), layout.clone());
    /// let older = table.clone();
    /// let mut rows = LeafBuilder::new(layout);
    /// rows.set_int(1, 10);
    /// rows.finish_row(RowId::new(7));
    /// table.insert_rows(&rows.finish(), &[]);
    /// let mut inserted = Vec::new();
    /// table.changes_since(&older, &mut |change| inserted.extend(change.after().map(|row| row.int(1))));
    /// assert_eq!(inserted, [10]);
    /// ```
    pub fn changes_since<'v>(&'v self, older: &'v Table, each: &mut dyn FnMut(RowChange<'v>)) {
        older.rows.diff(&self.rows, &mut |before, after| {
            let before = before.map(|(leaf, row)| LeafView::new(older, leaf).row(row));
            let after = after.map(|(leaf, row)| LeafView::new(self, leaf).row(row));
            match (before, after) {
                (Some(before), Some(after)) if self.is_same(before, after) => {}
                (Some(before), Some(after)) => each(RowChange::Updated { before, after }),
                (Some(before), None) => each(RowChange::Deleted(before)),
                (None, Some(after)) => each(RowChange::Inserted(after)),
                (None, None) => {}
            }
        });
    }

    /// Whether another table has the same columns, rows and index entries. O(rows and entries).
    pub(crate) fn has_same_contents(&self, other: &Table) -> bool {
        let mut is_same = self.layout.slots() == other.layout.slots() && self.len() == other.len();
        self.changes_since(other, &mut |_| is_same = false);
        let mut indexes = self.indexes().zip(other.indexes());
        is_same
            && self.indexes().len() == other.indexes().len()
            && indexes.all(|((id, index), (other_id, other))| {
                let ranks = 0..index.len();
                id == other_id
                    && index.len() == other.len()
                    && index.entries(ranks.clone()).eq(other.entries(ranks))
            })
    }

    /// Whether two rows of one id have the same values. A slot that the older table lacks has its default there.
    fn is_same(&self, before: RowRef<'_>, after: RowRef<'_>) -> bool {
        let known = before.view().table().layout.len();
        (0..self.layout.len()).all(|slot| {
            // What a slot that was added later reads as, the newer table knows.
            let before = if slot < known {
                before
            } else {
                LeafView::new(self, before.view().leaf()).row(before.row())
            };
            let nulls = (before.null(slot), after.null(slot));
            nulls.0 == nulls.1
                && (nulls.0
                    || match self.layout.lane(slot) {
                        Lane::RowId => true,
                        Lane::Bit => before.bool(slot) == after.bool(slot),
                        Lane::Word => before.int(slot) == after.int(slot),
                        Lane::Wide => before.wide(slot) == after.wide(slot),
                        Lane::Text => before.text(slot) == after.text(slot),
                        Lane::Bytes => before.bytes(slot) == after.bytes(slot),
                    })
        })
    }
}
