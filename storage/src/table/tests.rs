//! Tables against a sorted map of rows, with clones taken along the way that must never change.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::index::{IndexChange, IndexKeys};
use crate::layout::Slot;
use crate::leaf::{LONG_BYTES_MIN, LeafBuilder, ROWS_MAX, Rows};
use crate::patch::Patch;
use crate::tree::FANOUT;
use crate::value::{DataType, Lane, Value};

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

/// A table and what it should hold.
#[derive(Clone)]
struct Pair {
    table: Table,
    model: BTreeMap<i64, Vec<Value>>,
    types: Vec<DataType>,
}

impl Pair {
    fn new() -> Self {
        let table = Table::new(TableId::new(1), layout());
        Self { table, model: BTreeMap::new(), types: TYPES.to_vec() }
    }

    fn insert(&mut self, images: &[Vec<Value>]) {
        for rows in rows(self.table.layout(), images) {
            self.table.insert_rows(&rows, &[]);
        }
        self.model.extend(images.iter().map(|image| (row_id_in(image).get(), image.clone())));
    }

    /// The row id of some row.
    fn pick(&self, chance: usize) -> Option<i64> {
        self.model.keys().nth(chance % self.model.len().max(1)).copied()
    }

    /// The image with this id, cut or filled with NULLs to the slots that there are now.
    fn fit(&self, id: i64, mut image: Vec<Value>) -> Vec<Value> {
        image.resize(self.types.len(), Value::Null);
        image[0] = Value::Int(id);
        for (value, data_type) in image.iter_mut().zip(&self.types).skip(1) {
            if value.data_type().is_some_and(|found| found.lane() != data_type.lane()) {
                *value = Value::Null;
            }
        }
        image
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Insert(id, image) => {
                if !self.model.contains_key(id) {
                    self.insert(&[self.fit(*id, image.clone())]);
                }
            }
            Step::Append(images) => {
                let next = self.model.keys().next_back().map_or(0, |last| last + 1);
                let images: Vec<_> =
                    images.iter().zip(next..).map(|(image, id)| self.fit(id, image.clone())).collect();
                self.insert(&images);
            }
            Step::Update(chance, image) => {
                if let Some(id) = self.pick(*chance) {
                    let image = self.fit(id, image.clone());
                    for rows in rows(self.table.layout(), [&image]) {
                        self.table.update_rows(&rows, &[]);
                    }
                    self.model.insert(id, image);
                }
            }
            Step::Set(chance, image) => {
                if let Some(id) = self.pick(*chance) {
                    self.set_one(id, chance % self.types.len(), image);
                }
            }
            Step::Patch(every, image) => self.patch(1 + every % 5, image),
            Step::Delete(chance, count) => {
                let Some(first) = self.pick(*chance) else { return };
                let ids: Vec<i64> = self.model.range(first..).map(|(id, _)| *id).take(*count).collect();
                let row_ids: Vec<_> = ids.iter().map(|id| RowId::new(*id)).collect();
                self.table.delete_rows(&row_ids, &[]);
                ids.iter().for_each(|id| drop(self.model.remove(id)));
            }
            Step::AddSlot(at, image) => {
                let data_type = TYPES[1 + at % (TYPES.len() - 1)];
                let default = image[1 + at % (TYPES.len() - 1)].clone();
                self.table.add_slot(Slot { lane: data_type.lane(), default: default.clone() });
                self.types.push(data_type);
                self.model.values_mut().for_each(|image| image.push(default.clone()));
            }
            Step::Fork => {}
        }
    }

    /// The changes since an older state, of the same slots, are those of the two maps.
    fn check_changes_since(&self, older: &Self) {
        if older.types != self.types {
            return;
        }
        let image = |row: RowRef<'_>| -> Vec<Value> {
            self.types.iter().enumerate().map(|(slot, data_type)| row.value(slot, data_type)).collect()
        };
        let mut found = Vec::new();
        self.table.changes_since(&older.table, &mut |change| {
            found.push((change.before().map(image), change.after().map(image)));
        });
        let ids: std::collections::BTreeSet<_> = older.model.keys().chain(self.model.keys()).collect();
        let both = |id| (older.model.get(id).cloned(), self.model.get(id).cloned());
        let expected: Vec<_> = ids.into_iter().map(both).filter(|(before, after)| before != after).collect();
        assert_eq!(found, expected);
    }

    /// Sets every slot of a word or a bit in each n-th row.
    fn patch(&mut self, every: usize, image: &[Value]) {
        let slots: Vec<usize> = (1..self.types.len())
            .filter(|slot| matches!(self.types[*slot].lane(), Lane::Word | Lane::Bit))
            .collect();
        let values = self.fit(0, image.to_vec());
        let mut patch = Patch::new(slots.iter().copied());
        // Against the order of the row ids, which `sort` is to mend.
        for (id, image) in self.model.iter_mut().step_by(every).rev() {
            let word = |slot: &usize| match &values[*slot] {
                Value::Bool(bool) => Some(u64::from(*bool)),
                value => value.to_word(),
            };
            patch.push(RowId::new(*id), slots.iter().map(word));
            slots.iter().for_each(|slot| image[*slot] = values[*slot].clone());
        }
        patch.sort();
        self.table.assign(&patch);
    }

    /// Changes one slot of a row, as an update does.
    fn set_one(&mut self, id: i64, slot: usize, image: &[Value]) {
        let value = self.fit(id, image.to_vec()).swap_remove(slot);
        let mut builder = LeafBuilder::new(Arc::clone(self.table.layout()));
        builder.copy_row(self.table.get(RowId::new(id)).unwrap());
        builder.set_value(slot, &value);
        builder.finish_row(RowId::new(id));
        self.table.update_rows(&builder.finish(), &[]);
        self.model.get_mut(&id).unwrap()[slot] = value;
    }

    fn read(&self, row: RowRef<'_>) -> Vec<Value> {
        self.types.iter().enumerate().map(|(slot, data_type)| row.value(slot, data_type)).collect()
    }

    fn check(&self) {
        self.table.check();
        assert_eq!(self.table.len(), self.model.len() as u64);
        let mut expected = self.model.iter();
        for slice in self.table.leaves(..) {
            for row in slice.rows {
                let (id, image) = expected.next().expect("no more rows than expected");
                let row = slice.view.row(row);
                assert_eq!((row.row_id().get(), &self.read(row)), (*id, image));
            }
        }
        assert!(expected.next().is_none(), "no row is missing");
    }

    fn check_reads(&self, low: i64, high: i64, n: usize) {
        let (low, high) = (low.min(high), low.max(high));
        let expected: Vec<i64> = self.model.range(low..high).map(|(id, _)| *id).collect();
        let range = RowId::new(low)..RowId::new(high);
        let ids = |slice: LeafSlice<'_>| slice.view.row_ids()[slice.rows].to_vec();
        assert_eq!(self.table.leaves(range.clone()).flat_map(ids).collect::<Vec<_>>(), expected);
        let mut back: Vec<_> = self.table.leaves(range.clone()).rev().map(ids).collect();
        back.reverse();
        assert_eq!(back.concat(), expected);
        assert_eq!(self.table.count_range(range.clone()), expected.len() as u64);
        assert_eq!(self.table.count_range(..=RowId::new(high)), self.model.range(..=high).count() as u64);
        assert_eq!(self.table.rank(RowId::new(low)), self.model.range(..low).count() as u64);
        assert_eq!(self.table.get(RowId::new(low)).is_some(), self.model.contains_key(&low));
        assert_eq!(self.table.last_row_id().map(RowId::get), self.model.keys().next_back().copied());
        let nth = self.table.nth(n as u64).map(|row| row.row_id().get());
        assert_eq!(nth, self.model.keys().nth(n).copied());
        // From both ends in turn: each row once.
        let (mut leaves, mut front, mut back) = (self.table.leaves(range), Vec::new(), Vec::new());
        while let Some(slice) = leaves.next() {
            front.extend(ids(slice));
            back.splice(0..0, leaves.next_back().map(ids).unwrap_or_default());
        }
        assert_eq!([front, back].concat(), expected);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(i64, Vec<Value>),
    Append(Vec<Vec<Value>>),
    Update(usize, Vec<Value>),
    Set(usize, Vec<Value>),
    Patch(usize, Vec<Value>),
    Delete(usize, usize),
    AddSlot(usize, Vec<Value>),
    Fork,
}

fn image() -> impl Strategy<Value = Vec<Value>> {
    let text = || {
        prop_oneof![
            1 => Just(Value::Null),
            6 => "[a-zé]{0,12}".prop_map(Value::Text),
            1 => (LONG_BYTES_MIN..LONG_BYTES_MIN * 2).prop_map(|length| Value::Text("x".repeat(length))),
        ]
    };
    let bytes = vec(any::<u8>(), 0..LONG_BYTES_MIN + 8);
    (
        proptest::option::of(any::<bool>()),
        proptest::option::of(any::<i64>()),
        proptest::option::of(any::<u128>()),
        text(),
        proptest::option::of(bytes),
        text(),
    )
        .prop_map(|(bool, int, uuid, text, bytes, other)| {
            vec![
                Value::Null,
                bool.into(),
                int.into(),
                uuid.map(Uuid::from_u128).into(),
                text,
                bytes.into(),
                other,
            ]
        })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (-60..60_i64, image()).prop_map(|(id, image)| Step::Insert(id, image)),
        3 => vec(image(), 1..10).prop_map(Step::Append),
        4 => (any::<usize>(), image()).prop_map(|(chance, image)| Step::Update(chance, image)),
        4 => (any::<usize>(), image()).prop_map(|(chance, image)| Step::Set(chance, image)),
        2 => (any::<usize>(), image()).prop_map(|(every, image)| Step::Patch(every, image)),
        4 => (any::<usize>(), 1..3_usize).prop_map(|(chance, count)| Step::Delete(chance, count)),
        1 => (any::<usize>(), 1..40_usize).prop_map(|(chance, count)| Step::Delete(chance, count)),
        1 => (0..6_usize, image()).prop_map(|(at, image)| Step::AddSlot(at, image)),
        2 => Just(Step::Fork),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_table_holds_what_a_sorted_map_holds_and_its_forks_never_change(
        steps in vec((step(), -70..70_i64, -70..70_i64, 0..60_usize), 1..120)
    ) {
        let mut pair = Pair::new();
        let mut forks: Vec<Pair> = Vec::new();
        for (step, low, high, n) in &steps {
            if matches!(step, Step::Fork) {
                forks.push(pair.clone());
            }
            pair.run(step);
            pair.check();
            pair.check_reads(*low, *high, *n);
        }
        forks.iter().for_each(Pair::check);
        forks.iter().for_each(|older| pair.check_changes_since(older));
        // A fork can go its own way, too.
        if let Some(mut fork) = forks.pop() {
            steps.iter().for_each(|(step, ..)| fork.run(step));
            fork.check();
            pair.check();
        }
    }
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
