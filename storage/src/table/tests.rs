//! Tables: what leaves look like after writes, wide and long rows, and in `model` everything against a sorted map.

mod model;

use uuid::Uuid;

use super::*;
use crate::index::{IndexChange, IndexKeys};
use crate::layout::Slot;
use crate::leaf::{LONG_BYTES_MIN, LeafBuilder, ROWS_MAX, Rows};
use crate::tree::FANOUT;
use crate::value::{DataType, Lane, Value};
use model::{Pair, Step};

/// The types of slots: one of each lane, and more of text, which is what can go wrong.
const TYPES: [DataType; 7] = [
    DataType::BigInt,
    DataType::Bool,
    DataType::BigInt,
    DataType::Uuid,
    DataType::Text { max_length: None },
    DataType::Bytes,
    DataType::Text { max_length: None },
];

impl Table {
    /// Asserts every invariant of the table.
    pub(crate) fn check(&self) {
        self.rows.check();
        self.longs.check();
        let leaves = || self.rows.blocks(0..self.len()).map(|slice| slice.block);
        let cells: usize =
            leaves().map(|leaf| (0..leaf.len()).map(|row| leaf.long_slots(row).count()).sum::<usize>()).sum();
        assert_eq!(self.longs.len(), cells as u64, "each long value has its cell");
        assert!(
            leaves().all(|leaf| leaf.layout().len() <= self.layout.len()),
            "no leaf is ahead of its table"
        );
        self.indexes.iter().for_each(|(_, index)| index.check());
    }
}

fn layout() -> Arc<Layout> {
    let slots = TYPES.iter().enumerate().map(|(at, data_type)| match at {
        0 => Slot::new(Lane::RowId),
        _ => Slot::new(data_type.lane()),
    });
    Arc::new(Layout::new(slots))
}

/// Rows of leaf shape; the first value of each is its row id.
fn rows<'a>(layout: &Arc<Layout>, images: impl IntoIterator<Item = &'a Vec<Value>>) -> Vec<Rows> {
    let mut all = Vec::new();
    let mut builder = LeafBuilder::new(Arc::clone(layout));
    for image in images {
        if builder.is_full() {
            all.push(std::mem::replace(&mut builder, LeafBuilder::new(Arc::clone(layout))).finish());
        }
        for (slot, value) in image.iter().enumerate().take(layout.len()) {
            builder.set_value(slot, value);
        }
        builder.finish_row(row_id_in(image));
    }
    all.push(builder.finish());
    all
}

fn row_id_in(image: &[Value]) -> RowId {
    RowId::new(image[0].as_int().unwrap())
}

fn wide_table(columns: usize) -> Table {
    let slots = std::iter::once(Slot::new(Lane::RowId)).chain((1..columns).map(|at| match at % 4 {
        0 => Slot::new(Lane::Bit),
        1 => Slot::new(Lane::Text),
        2 => Slot::new(Lane::Wide),
        _ => Slot::new(Lane::Word),
    }));
    Table::new(TableId::new(1), Arc::new(Layout::new(slots)))
}

#[test]
fn rows_of_three_hundred_columns_are_kept_whole() {
    let mut table = wide_table(300);
    for id in (0..50).rev() {
        let mut builder = LeafBuilder::new(Arc::clone(table.layout()));
        for slot in (1..300).step_by(4) {
            builder.set_text(slot, &format!("{id}/{slot}"));
            builder.set_value(slot + 1, &Value::Uuid(Uuid::from_u128(slot as u128)));
            builder.set_int(slot + 2, id * slot as i64);
        }
        builder.finish_row(RowId::new(id));
        table.insert_rows(&builder.finish(), &[]);
        table.check();
    }
    let row = table.get(RowId::new(31)).unwrap();
    assert_eq!(row.text(297), Some("31/297"));
    assert_eq!((row.wide(298), row.int(299), row.null(296)), (297, 31 * 297, true));
}

#[test]
fn a_text_of_ten_megabytes_is_shared_by_forks_and_by_updates_of_other_columns() {
    let novel = "le vent se lève ".repeat(620_000);
    let mut table = Table::new(TableId::new(1), layout());
    let mut builder = LeafBuilder::new(Arc::clone(table.layout()));
    builder.set_text(4, &novel);
    builder.finish_row(RowId::new(1));
    table.insert_rows(&builder.finish(), &[]);
    let fork = table.clone();

    let mut builder = LeafBuilder::new(Arc::clone(table.layout()));
    builder.copy_row(table.get(RowId::new(1)).unwrap());
    builder.set_int(2, 7);
    builder.finish_row(RowId::new(1));
    table.update_rows(&builder.finish(), &[]);
    table.check();

    let (old, new) = (fork.get(RowId::new(1)).unwrap(), table.get(RowId::new(1)).unwrap());
    assert_eq!((old.int(2), new.int(2)), (0, 7));
    assert_eq!(new.text(4), Some(novel.as_str()));
    assert!(std::ptr::eq(old.text(4).unwrap(), new.text(4).unwrap()), "the text was copied");

    table.delete_rows(&[RowId::new(1)], &[]);
    table.check();
    assert_eq!(fork.get(RowId::new(1)).unwrap().text(4), Some(novel.as_str()));
}

fn numbered(table: &mut Table, ids: impl Iterator<Item = i64>) {
    for id in ids {
        let mut builder = LeafBuilder::new(Arc::clone(table.layout()));
        builder.set_int(2, id * 10);
        builder.finish_row(RowId::new(id));
        table.insert_rows(&builder.finish(), &[]);
    }
}

#[test]
fn ascending_row_ids_leave_full_leaves_behind() {
    let mut table = Table::new(TableId::new(1), layout());
    numbered(&mut table, 0..1000);
    table.check();
    assert_eq!(table.rows.leaves(), 1000_usize.div_ceil(ROWS_MAX));
    let full = (1000_usize.div_ceil(ROWS_MAX)).ilog(FANOUT) as usize + 1;
    assert_eq!(table.rows.depth(), full, "inner nodes are full, too");
}

#[test]
fn random_descending_and_gap_filling_row_ids_leave_leaves_more_than_half_full() {
    let orders: [Box<dyn Iterator<Item = i64>>; 3] = [
        Box::new((0..1000).map(|n| n * 617 % 1000)),
        Box::new((0..1000).rev()),
        Box::new((0..500).map(|n| n * 1000).chain((1..501).rev().map(|n| 250_000 + n))),
    ];
    for order in orders {
        let mut table = Table::new(TableId::new(1), layout());
        numbered(&mut table, order);
        table.check();
        assert!(table.rows.leaves() * ROWS_MAX < 2 * 1000, "{} leaves", table.rows.leaves());
    }
}

#[test]
fn rows_that_grow_are_spread_over_more_leaves_and_merged_when_they_shrink_again() {
    let mut table = Table::new(TableId::new(1), Arc::new(Layout::new(vec![Slot::new(Lane::Text); 30])));
    let update = |table: &mut Table, text: &str| {
        for id in 0..20 {
            let mut builder = LeafBuilder::new(Arc::clone(table.layout()));
            (0..30).for_each(|slot| builder.set_text(slot, text));
            builder.finish_row(RowId::new(id));
            let fits = match table.get(RowId::new(id)) {
                None => table.insert_rows(&builder.finish(), &[]),
                Some(_) => table.update_rows(&builder.finish(), &[]),
            };
            assert!(fits);
            table.check();
        }
        table.rows.leaves()
    };
    let small = update(&mut table, "");
    let large = update(&mut table, &"x".repeat(LONG_BYTES_MIN));
    assert_eq!((small, large), (20 / ROWS_MAX, 20));
    let small_again = update(&mut table, "");
    assert!(small_again < large, "{large} leaves, then {small_again}");
}

#[test]
fn deleting_every_row_leaves_an_empty_table_whatever_the_order() {
    for stride in [1, 7, 999] {
        let mut table = Table::new(TableId::new(1), layout());
        numbered(&mut table, 0..1000);
        for n in 0..1000 {
            table.delete_rows(&[RowId::new(n * stride % 1000)], &[]);
            table.check();
        }
        assert!(table.is_empty() && table.leaves(..).next().is_none() && table.nth(0).is_none());
        numbered(&mut table, 5..6);
        assert_eq!(table.get(RowId::new(5)).unwrap().int(2), 50);
    }
}

#[test]
fn a_slot_added_with_a_long_default_takes_no_room_in_rows_that_are_rewritten() {
    let default = "d".repeat(1 << 20);
    let mut table = Table::new(TableId::new(1), layout());
    numbered(&mut table, 0..20);
    let slot = table.layout().len();
    table.add_slot(Slot { lane: Lane::Text, default: Value::from(default.as_str()) });
    for id in (0..20).step_by(2) {
        let mut builder = LeafBuilder::new(Arc::clone(table.layout()));
        builder.copy_row(table.get(RowId::new(id)).unwrap());
        builder.set_int(2, -1);
        if id % 4 == 0 {
            builder.set_text(slot, "own");
        }
        builder.finish_row(RowId::new(id));
        table.update_rows(&builder.finish(), &[]);
        table.check();
    }
    for id in 0..20 {
        let expected = if id % 4 == 0 { "own" } else { &default };
        assert_eq!(table.get(RowId::new(id)).unwrap().text(slot), Some(expected), "row {id}");
    }
    assert!(table.leaves(..).all(|slice| slice.view.leaf().live_bytes() < 1 << 10));
}

#[test]
fn unnumbered_rows_take_consecutive_row_ids() {
    let mut table = Table::new(TableId::new(1), layout());
    let mut builder = LeafBuilder::with_capacity(Arc::clone(table.layout()), 3);
    for number in [5, 6, 7] {
        builder.set_int(2, number);
        builder.finish_row_unnumbered();
    }
    let mut rows = builder.finish();
    rows.number(RowId::new(100));
    table.insert_rows(&rows, &[]);
    assert_eq!(table.get(RowId::new(101)).unwrap().int(2), 6);
    assert_eq!(table.leaves(..).next().unwrap().view.words(0).get(2), 102);
}

#[test]
fn what_a_row_in_the_making_was_set_to_before_is_forgotten() {
    let long = "x".repeat(LONG_BYTES_MIN + 1);
    let mut table = Table::new(TableId::new(1), layout());
    let mut builder = LeafBuilder::new(Arc::clone(table.layout()));
    builder.set_text(4, &long);
    builder.set_text(4, "short");
    builder.set_text(6, "short");
    builder.set_text(6, &long);
    builder.set_int(2, 5);
    builder.set_null(2);
    builder.finish_row(RowId::new(1));
    builder.set_text(4, &long);
    builder.set_bool(1, true);
    table.insert_rows(&builder.finish(), &[]);
    table.check();
    let row = table.get(RowId::new(1)).unwrap();
    assert_eq!((row.text(4), row.text(6), row.null(2)), (Some("short"), Some(long.as_str()), true));
    assert_eq!(table.len(), 1);
}

#[test]
fn an_index_that_is_removed_stays_in_forks() {
    let mut table = Table::new(TableId::new(1), layout());
    numbered(&mut table, 0..20);
    let id = IndexId::new(3);
    table.add_index(id, Index::new());
    let mut added = IndexKeys::new();
    (0..20).for_each(|n| added.push(&[n], RowId::new(n.into())));
    table.apply_index(&IndexChange { index: id, removed: IndexKeys::new(), added });
    let fork = table.clone();
    table.remove_index(id);
    assert!(table.index(id).is_none());
    fork.check();
    assert_eq!((fork.len(), fork.index(id).unwrap().len()), (20, 20));
}

#[test]
fn only_leaves_that_are_not_shared_are_looked_at_for_changes() {
    let mut pair = Pair::new();
    let image = |id: i64| {
        let mut image = vec![Value::Null; TYPES.len()];
        image[0] = Value::Int(id);
        image
    };
    pair.insert(&(0..1_000).map(image).collect::<Vec<_>>());
    let older = pair.clone();
    pair.run(&Step::Delete(500, 1));
    pair.check_changes_since(&older);
    let mut looked_at = 0;
    older.table.rows.diff(&pair.table.rows, &mut |_, _| looked_at += 1);
    assert!((1..=4 * ROWS_MAX).contains(&looked_at), "{looked_at} rows of 1,000 looked at");
}
