//! A table and a sorted map of rows take the same random steps; clones taken along the way must never change.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::{TYPES, layout, row_id_in, rows};
use crate::layout::Slot;
use crate::leaf::{LONG_BYTES_MIN, LeafBuilder, RowId};
use crate::patch::Patch;
use crate::table::*;
use crate::value::{DataType, Lane, Value};

/// A table and what it should hold.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) table: Table,
    model: BTreeMap<i64, Vec<Value>>,
    types: Vec<DataType>,
}

impl Pair {
    pub(super) fn new() -> Self {
        let table = Table::new(TableId::new(1), layout());
        Self { table, model: BTreeMap::new(), types: TYPES.to_vec() }
    }

    pub(super) fn insert(&mut self, images: &[Vec<Value>]) {
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

    pub(super) fn run(&mut self, step: &Step) {
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
    pub(super) fn check_changes_since(&self, older: &Self) {
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

    pub(super) fn check(&self) {
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
pub(super) enum Step {
    Insert(i64, Vec<Value>),
    Append(Vec<Vec<Value>>),
    Update(usize, Vec<Value>),
    Set(usize, Vec<Value>),
    Patch(usize, Vec<Value>),
    Delete(usize, usize),
    AddSlot(usize, Vec<Value>),
    Fork,
}

pub(super) fn image() -> impl Strategy<Value = Vec<Value>> {
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
