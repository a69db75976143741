//! Rows, patches and tables.

use std::borrow::Cow;
use std::sync::Arc;

use super::{
    EntriesRecord, LongRecord, LongValueRecord, PatchColumnRecord, RowIdsRecord, RowsRecord, SlotRecord,
    TableRecord,
};
use crate::codec::Malformed;
use crate::index::{Index, IndexId};
use crate::layout::{Layout, Slot};
use crate::leaf::{Leaf, RowId, Rows};
use crate::long::{Long, LongValue};
use crate::patch::Patch;
use crate::table::{LeafView, Table, TableId};
use crate::value::Lane;

impl<'a> From<&'a LongValue> for LongValueRecord<'a> {
    fn from(value: &'a LongValue) -> LongValueRecord<'a> {
        match value {
            LongValue::Text(text) => LongValueRecord::Text(Cow::Borrowed(text)),
            LongValue::Bytes(bytes) => LongValueRecord::Bytes(Cow::Borrowed(bytes)),
        }
    }
}

impl LongRecord<'_> {
    /// The value, if its row and slot can have one.
    fn to_long(&self, leaf: &Leaf) -> Option<Long> {
        let lane = leaf.layout().slots().get(self.slot)?.lane;
        let value = match (&self.value, lane) {
            (LongValueRecord::Text(text), Lane::Text) => LongValue::Text(text.as_ref().into()),
            (LongValueRecord::Bytes(bytes), Lane::Bytes) => LongValue::Bytes(bytes.as_ref().into()),
            _ => return None,
        };
        let is_there = self.row < leaf.len() && leaf.long_slots(self.row).any(|slot| slot == self.slot);
        is_there.then_some(Long { row: self.row, slot: self.slot, value })
    }
}

impl<'a> RowsRecord<'a> {
    /// Rows on their way into a table.
    pub(crate) fn of(rows: &'a Rows) -> RowsRecord<'a> {
        let long =
            |long: &'a Long| LongRecord { row: long.row, slot: long.slot, value: (&long.value).into() };
        RowsRecord { longs: rows.longs.iter().map(long).collect(), ..rows.leaf.to_record() }
    }

    /// A leaf of a table.
    pub(crate) fn of_leaf(view: LeafView<'a>) -> RowsRecord<'a> {
        let mut record = view.leaf().to_record();
        for row in 0..view.len() {
            for slot in view.leaf().long_slots(row) {
                let value = view.row(row).long(slot);
                record.longs.extend(value.map(|value| LongRecord { row, slot, value: value.into() }));
            }
        }
        record
    }

    /// The rows, for a table of this layout.
    pub(crate) fn to_rows(&self, layout: &Arc<Layout>) -> Result<Rows, Malformed> {
        let leaf = Leaf::from_record(self.layout_under(layout)?, self)?;
        let longs: Option<Vec<Long>> = self.longs.iter().map(|long| long.to_long(&leaf)).collect();
        let longs = longs.ok_or_else(|| Malformed::new("rows", "a long value belongs to no text"))?;
        Ok(Rows { leaf, longs })
    }

    /// The layout under which they were written: the table's, before it got more slots.
    fn layout_under(&self, layout: &Arc<Layout>) -> Result<Arc<Layout>, Malformed> {
        match layout.slots().get(..self.slots) {
            Some(slots) if slots.len() < layout.len() => Ok(Arc::new(Layout::new(slots.iter().cloned()))),
            Some(_) => Ok(Arc::clone(layout)),
            None => Err(Malformed::new("rows", "they have more columns than their table")),
        }
    }
}

impl PatchColumnRecord {
    pub(super) fn of(patch: &Patch) -> Vec<PatchColumnRecord> {
        let record =
            |(slot, words): (usize, &[Option<u64>])| PatchColumnRecord { slot, words: words.to_vec() };
        patch.assignments().map(record).collect()
    }
}

/// The patch of these rows and columns, for a table of this layout.
pub(super) fn patch_of(
    rows: &RowIdsRecord,
    columns: Vec<PatchColumnRecord>,
    layout: &Layout,
) -> Result<Patch, Malformed> {
    let can_be = |column: &PatchColumnRecord| {
        let lane = layout.slots().get(column.slot).map(|slot| slot.lane);
        matches!(lane, Some(Lane::Word | Lane::Bit)) && column.words.len() == rows.len()
    };
    if !columns.iter().all(can_be) {
        return Err(Malformed::new("a patch", "it does not agree with the columns of its table"));
    }
    let columns = columns.into_iter().map(|column| (column.slot, column.words));
    Ok(Patch::from_parts(rows.row_ids(), columns))
}

impl<'a> TableRecord<'a> {
    /// A whole table.
    pub(crate) fn of(table: &'a Table) -> TableRecord<'a> {
        TableRecord {
            id: table.id().get(),
            slots: table.layout().slots().iter().map(SlotRecord::from).collect(),
            rows: table.leaves(..).map(|slice| RowsRecord::of_leaf(slice.view)).collect(),
            indexes: table
                .indexes()
                .map(|(id, index)| (id.get(), EntriesRecord::of(index.entries(0..index.len()))))
                .collect(),
        }
    }

    pub(crate) fn into_table(self) -> Result<Table, Malformed> {
        let mut table = empty_table(self.id, self.slots)?;
        for rows in &self.rows {
            append_rows(&mut table, rows)?;
        }
        for (id, entries) in &self.indexes {
            table.add_index(IndexId::new(*id), Index::bulk(&entries.to_keys()?));
        }
        Ok(table)
    }
}

/// A table without rows.
pub(crate) fn empty_table(id: u32, slots: Vec<SlotRecord<'_>>) -> Result<Table, Malformed> {
    let slots = slots.into_iter().map(Slot::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(Table::new(TableId::new(id), Arc::new(Layout::new(slots))))
}

/// Adds rows to a table that is being read.
pub(crate) fn append_rows(table: &mut Table, rows: &RowsRecord<'_>) -> Result<(), Malformed> {
    let rows = rows.to_rows(table.layout())?;
    let row_ids = rows.leaf.row_ids();
    let last = table.last_row_id().map(RowId::get);
    let is_behind = last.is_none_or(|last| row_ids.first().is_none_or(|first| last < *first));
    if !is_behind || !row_ids.is_sorted_by(|left, right| left < right) {
        return Err(Malformed::new("rows", "they are not in order"));
    }
    table.insert_rows(Cow::Owned(rows), &[]);
    Ok(())
}
