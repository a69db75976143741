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
use crate::shared::Shared;
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
        Ok(Rows { leaf: Shared::new(leaf), longs })
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
        let record = |(column, &slot)| PatchColumnRecord { slot, words: patch.words_of(column).collect() };
        patch.slots().iter().enumerate().map(record).collect()
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
    let mut patch = Patch::new(columns.iter().map(|column| column.slot));
    let row_ids: Vec<RowId> = rows.row_ids().collect();
    let words: Vec<_> = columns.into_iter().map(|column| column.words).collect();
    patch.extend(&row_ids, &words);
    Ok(patch)
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
    table.insert_rows(&rows, &[]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::{decode, encode};
    use crate::leaf::LeafBuilder;
    use crate::value::strategy::value_of;
    use crate::value::{DataType, Value};

    const TYPES: [DataType; 5] = [
        DataType::Bool,
        DataType::Float,
        DataType::Decimal { precision: 10, scale: 2 },
        DataType::Text { max_length: None },
        DataType::Bytes,
    ];

    type Row = Vec<Option<Value>>;

    fn row() -> impl Strategy<Value = Row> {
        TYPES.map(|data_type| prop::option::of(value_of(data_type))).to_vec()
    }

    /// A table whose last two columns were added when it had some rows, which read their defaults.
    fn table(rows: &[Row], older: usize) -> Table {
        let slots = |count: usize| {
            let defaults =
                [Value::Null, Value::Null, Value::Null, Value::from("added"), Value::from(vec![7_u8])];
            let slot = |(data_type, default): (DataType, Value)| Slot { lane: data_type.lane(), default };
            TYPES.into_iter().zip(defaults).map(slot).take(count).collect::<Vec<_>>()
        };
        let mut table = Table::new(TableId::new(0), Arc::new(Layout::new(slots(3))));
        for (at, row) in rows.iter().enumerate() {
            if at == older {
                slots(5).into_iter().skip(3).for_each(|slot| table.add_slot(slot));
            }
            let mut builder = LeafBuilder::new(Arc::clone(table.layout()));
            for (slot, value) in row.iter().enumerate().take(table.layout().len()) {
                builder.set_value(slot, value.as_ref().unwrap_or(&Value::Null));
            }
            builder.finish_row(RowId::new(10 * at as i64));
            table.insert_rows(&builder.finish(), &[]);
        }
        table
    }

    fn values(table: &Table) -> Vec<Vec<Value>> {
        let all = table.leaves(..).flat_map(|slice| slice.rows.clone().map(move |row| slice.view.row(row)));
        let value = |row: crate::table::RowRef<'_>, slot: usize| row.value(slot, &TYPES[slot]);
        all.map(|row| (0..table.layout().len()).map(|slot| value(row, slot)).collect()).collect()
    }

    proptest! {
        #[test]
        fn a_table_of_every_lane_comes_back_with_its_nulls_defaults_and_long_values(
            rows in prop::collection::vec(row(), 1..20),
            older in 0_usize..20,
            long in ".{70,90}",
        ) {
            let mut table = table(&rows, older);
            let layout = Arc::clone(table.layout());
            let mut builder = LeafBuilder::new(Arc::clone(&layout));
            if layout.len() > 3 {
                builder.set_text(3, &long);
                builder.set_bytes(4, long.as_bytes());
            }
            builder.finish_row(RowId::new(1000));
            table.insert_rows(&builder.finish(), &[]);
            let bytes = encode(&TableRecord::of(&table));
            let back = decode::<TableRecord<'_>>("a table", &bytes).unwrap().into_table().unwrap();
            prop_assert_eq!(values(&back), values(&table));
            prop_assert_eq!(back.layout(), table.layout());
            for slice in back.leaves(..) {
                let rows = RowsRecord::of_leaf(slice.view).to_rows(back.layout()).unwrap();
                prop_assert_eq!(rows.leaf.row_ids(), slice.view.leaf().row_ids());
            }
        }
    }
}
