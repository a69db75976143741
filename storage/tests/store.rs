//! Versions, forks, transactions and savepoints of a store, checked against a naive model: one `BTreeMap`.

#![allow(clippy::unwrap_used, clippy::unit_arg, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use nuages_storage::index::IndexKeys;
use nuages_storage::lock::{LockError, Strength};
use nuages_storage::value::Value;
use nuages_storage::{
    DataType, Error, Index, IndexChange, IndexId, Isolation, Lane, Layout, LeafBuilder, Operation, Reach,
    RowId, Rows, SchemaChange, Slot, Store, Table, TableId, Version, Writer,
};
use proptest::prelude::*;

type Model = BTreeMap<i64, i64>;

const INDEX: IndexId = IndexId::new(0);

/// A table keyed by its row ids, with one integer column and an index over it.
fn store() -> (Store, TableId) {
    let store = Store::new(Arc::new(()));
    let id = store
        .write(Reach::Short, |writer| {
            let id = writer.fresh_table_id();
            let layout = Layout::new([Slot::new(Lane::RowId), Slot::new(Lane::Word)]);
            let mut table = Table::new(id, Arc::new(layout));
            table.add_index(INDEX, Index::new());
            writer.push(Operation::Schema(SchemaChange::CreateTable(Arc::new(table))));
            Ok::<_, Error>(id)
        })
        .unwrap();
    (store, id)
}

fn key(value: i64) -> [u8; 8] {
    (value.cast_unsigned() ^ 1 << 63).to_be_bytes()
}

fn entries<'a>(entries: impl IntoIterator<Item = (&'a i64, &'a i64)>) -> IndexKeys {
    let mut keys = IndexKeys::new();
    for (row, value) in entries {
        keys.push(&key(*value), RowId::new(*row));
    }
    keys.sorted()
}

fn rows(version: &Version, table: TableId, rows: &Model) -> Rows {
    let mut builder = LeafBuilder::new(Arc::clone(version.table(table).unwrap().layout()));
    for (row, value) in rows {
        builder.set_int(1, *value);
        builder.finish_row(RowId::new(*row));
    }
    builder.finish()
}

/// Inserts, updates or deletes so that `model` becomes what it says.
fn write(writer: &mut Writer<'_>, table: TableId, row: i64, value: Option<i64>) {
    writer.locking().row(table, RowId::new(row), Strength::Update);
    let version = writer.version();
    let old = version.table(table).unwrap().get(RowId::new(row)).map(|found| found.int(1));
    let new: Model = value.map(|value| (row, value)).into_iter().collect();
    let change = IndexChange {
        index: INDEX,
        removed: entries(old.as_ref().map(|old| (&row, old))),
        added: entries(&new),
    };
    let changes = vec![change];
    let operation = match (old, value) {
        (None, None) => return,
        (None, Some(_)) => Operation::Insert { table, rows: rows(version, table, &new), changes },
        (Some(_), Some(_)) => Operation::Update { table, rows: rows(version, table, &new), changes },
        (Some(_), None) => Operation::Delete { table, rows: vec![RowId::new(row)], changes },
    };
    writer.push(operation);
    writer.advance();
}

fn contents(version: &Version, id: TableId) -> Model {
    let table = version.table(id).unwrap();
    let mut model = Model::new();
    for slice in table.leaves(..) {
        for row in slice.rows.clone() {
            let found = slice.view.row(row);
            model.insert(found.row_id().get(), found.int(1));
        }
    }
    assert_eq!(table.len(), model.len() as u64);
    let index = table.index(INDEX).unwrap();
    let mut expected: Vec<_> = model.iter().map(|(row, value)| (key(*value).to_vec(), *row)).collect();
    expected.sort();
    let found: Vec<_> = index
        .range(std::ops::Bound::Unbounded, std::ops::Bound::Unbounded)
        .map(|(key, row)| (key.to_vec(), row.get()))
        .collect();
    assert_eq!(found, expected, "the index holds exactly the entries of the rows");
    for row in model.keys() {
        let read = table.get(RowId::new(*row)).unwrap();
        assert_eq!(read.value(1, &DataType::BigInt), Value::Int(model[row]));
    }
    model
}

#[derive(Clone, Debug)]
enum Step {
    Write(i64, Option<i64>),
    Begin,
    Savepoint,
    RollbackTo(usize),
    FailedStatement(i64, i64),
    Commit,
    Rollback,
    Snapshot,
    Fork,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0i64..40, prop::option::of(0i64..10)).prop_map(|(row, value)| Step::Write(row, value)),
        2 => Just(Step::Begin),
        2 => Just(Step::Savepoint),
        2 => (0usize..4).prop_map(Step::RollbackTo),
        1 => (0i64..40, 0i64..10).prop_map(|(row, value)| Step::FailedStatement(row, value)),
        2 => Just(Step::Commit),
        1 => Just(Step::Rollback),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Fork),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_store_does_what_the_naive_model_does(steps in prop::collection::vec(step(), 1..60)) {
        let (store, table) = store();
        let mut model = Model::new();
        let mut transaction = None;
        let mut pending = Model::new();
        let mut savepoints = Vec::new();
        let mut held = Vec::new();
        let mut forks: Vec<(Store, Model)> = Vec::new();
        for step in steps {
            match step {
                Step::Write(row, value) => {
                    let apply = |model: &mut Model| match value {
                        Some(value) => drop(model.insert(row, value)),
                        None => drop(model.remove(&row)),
                    };
                    match &mut transaction {
                        None => {
                            store.write(Reach::Short, |w| Ok::<_, Error>(write(w, table, row, value))).unwrap();
                            apply(&mut model);
                        }
                        Some(open) => {
                            let open: &mut nuages_storage::Transaction = open;
                            open.write(|w| Ok::<_, Error>(write(w, table, row, value))).unwrap();
                            apply(&mut pending);
                        }
                    }
                }
                Step::Begin if transaction.is_none() => {
                    transaction = Some(store.begin(Isolation::ReadCommitted));
                    pending = model.clone();
                    savepoints.clear();
                }
                Step::Savepoint => if let Some(open) = &transaction {
                    savepoints.push((open.savepoint(), pending.clone()));
                },
                Step::RollbackTo(number) => if let (Some(open), Some((savepoint, then))) =
                    (&mut transaction, savepoints.get(number).cloned())
                {
                    open.rollback_to(savepoint);
                    savepoints.truncate(number + 1);
                    pending = then;
                },
                Step::FailedStatement(row, value) => {
                    let failing = |w: &mut Writer<'_>| {
                        write(w, table, row, Some(value));
                        Err::<(), _>(Error::Poisoned)
                    };
                    let failed = match &mut transaction {
                        None => store.write(Reach::Short, failing),
                        Some(open) => open.write(failing),
                    };
                    prop_assert_eq!(failed, Err(Error::Poisoned));
                }
                Step::Commit => if let Some(open) = transaction.take() {
                    open.commit().unwrap();
                    model = std::mem::take(&mut pending);
                },
                Step::Rollback => drop(transaction.take()),
                Step::Snapshot => held.push((store.snapshot().unwrap(), model.clone())),
                Step::Fork => forks.push((store.fork().unwrap(), model.clone())),
                Step::Begin => {}
            }
            if let Some(open) = &mut transaction {
                let seen = open.read(|version| contents(version, table)).unwrap();
                prop_assert_eq!(&seen, &pending);
            }
            prop_assert_eq!(&store.read(|version| contents(version, table)).unwrap(), &model);
            for (number, (fork, model)) in forks.iter_mut().enumerate() {
                let row = number as i64;
                fork.write(Reach::Short, |w| Ok::<_, Error>(write(w, table, row, Some(99)))).unwrap();
                model.insert(row, 99);
            }
        }
        drop(transaction);
        for (snapshot, model) in &held {
            prop_assert_eq!(&contents(snapshot, table), model, "a snapshot never changes");
        }
        for (fork, model) in &forks {
            prop_assert_eq!(&fork.read(|version| contents(version, table)).unwrap(), model);
        }
        prop_assert_eq!(&store.read(|version| contents(version, table)).unwrap(), &model);
    }
}

#[test]
fn automatic_keys_are_not_returned_by_a_rollback() {
    let (store, table) = store();
    let mut transaction = store.begin(Isolation::ReadCommitted);
    assert_eq!(transaction.write(|writer| writer.next_keys(table, 3)).unwrap(), 1);
    drop(transaction);
    assert_eq!(store.write(Reach::Short, |writer| writer.next_keys(table, 1)).unwrap(), 4);
}

#[test]
fn a_thread_with_an_open_writing_transaction_cannot_wait_for_itself() {
    let (store, table) = store();
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.write(|w| Ok::<_, Error>(write(w, table, 1, Some(1)))).unwrap();
    let refused = store.write(Reach::Short, |w| Ok::<_, Error>(write(w, table, 1, Some(2))));
    let Err(Error::Lock(refused)) = refused else { panic!("{refused:?}") };
    assert!(matches!(*refused, LockError::WouldWaitForItself { .. }), "{refused}");
    store.write(Reach::Short, |w| Ok::<_, Error>(write(w, table, 3, Some(3)))).unwrap();
    transaction.commit().unwrap();
    store.write(Reach::Short, |w| Ok::<_, Error>(write(w, table, 2, Some(2)))).unwrap();
}

#[test]
fn increments_from_several_threads_are_all_there() {
    let (store, table) = store();
    store.write(Reach::Short, |w| Ok::<_, Error>(write(w, table, 1, Some(0)))).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = store.clone();
            scope.spawn(move || {
                for _ in 0..500 {
                    let increment = |w: &mut Writer<'_>| {
                        let old =
                            w.version().table(table).and_then(|t| t.get(RowId::new(1))).map(|row| row.int(1));
                        write(w, table, 1, old.map(|old| old + 1));
                        Ok::<_, Error>(())
                    };
                    if thread % 2 == 0 {
                        store.write(Reach::Short, increment).unwrap();
                    } else {
                        let mut transaction = store.begin(Isolation::ReadCommitted);
                        transaction.write(increment).unwrap();
                        transaction.commit().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(store.read(|version| contents(version, table)).unwrap(), Model::from([(1, 2_000)]));
}

#[test]
fn what_a_transaction_writes_after_its_first_statement_is_computed_from_the_newest_version_too() {
    let (store, table) = store();
    for row in 1..=4 {
        store.write(Reach::Short, |w| Ok::<_, Error>(write(w, table, row, Some(0)))).unwrap();
    }
    let add = |w: &mut Writer<'_>, row, more| {
        let old = w.version().table(table).and_then(|t| t.get(RowId::new(row))).map(|row| row.int(1));
        write(w, table, row, old.map(|old| old + more));
        Ok::<_, Error>(())
    };
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let store = &store;
            scope.spawn(move || {
                for turn in 0..20_000 {
                    let mut transaction = store.begin(Isolation::ReadCommitted);
                    transaction.write(|w| add(w, 1 + thread, -1)).unwrap();
                    transaction.write(|w| add(w, 3 + turn % 2, 1)).unwrap();
                    transaction.commit().unwrap();
                }
            });
        }
    });
    let moved = Model::from([(1, -20_000), (2, -20_000), (3, 20_000), (4, 20_000)]);
    assert_eq!(store.read(|version| contents(version, table)).unwrap(), moved);
}

#[test]
fn a_row_is_read_with_the_writes_of_the_transaction_and_else_as_it_was_committed_last() {
    let (store, table) = store();
    for row in 1..=4 {
        store.write(Reach::Short, |w| Ok::<_, Error>(write(w, table, row, Some(row)))).unwrap();
    }
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.write(|w| Ok::<_, Error>(write(w, table, 1, Some(10)))).unwrap();
    transaction.write(|w| Ok::<_, Error>(write(w, table, 2, None))).unwrap();
    transaction.write(|w| Ok::<_, Error>(write(w, table, 5, Some(50)))).unwrap();
    let fork = store.fork().unwrap();
    let other = std::thread::spawn(move || {
        store.write(Reach::Short, |w| Ok::<_, Error>(write(w, table, 3, Some(30)))).unwrap();
    });
    other.join().unwrap();
    let mut read = |row: i64| {
        let value = |version: &Version| Some(version.table(table)?.get(RowId::new(row))?.int(1));
        transaction.read_row(table, RowId::new(row), value).unwrap()
    };
    // First those that the transaction has not written: for the others what it sees is made, and stays.
    let rows: Vec<_> = [3, 4, 6, 1, 2, 5, 3].into_iter().map(&mut read).collect();
    assert_eq!(rows, [Some(30), Some(4), None, Some(10), None, Some(50), Some(30)]);
    let seen = |w: &mut Writer<'_>| {
        let value = |row| w.base_row(table, RowId::new(row)).map(|row| row.int(1));
        let rows: Vec<_> = (1..=5).map(value).collect();
        let whole = w.base().table(table).map(|_| contents(w.base(), table));
        Ok::<_, Error>((rows, whole))
    };
    let (rows, whole) = transaction.write(seen).unwrap();
    assert_eq!(rows, [Some(10), None, Some(30), Some(4), Some(50)]);
    assert_eq!(whole, Some(Model::from([(1, 10), (3, 30), (4, 4), (5, 50)])));
    let committed = fork.read(|version| contents(version, table)).unwrap();
    assert_eq!(committed, Model::from([(1, 1), (2, 2), (3, 3), (4, 4)]));
}

#[test]
fn a_statement_that_panics_leaves_nothing_in_the_transaction() {
    let (store, table) = store();
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.write(|writer| Ok::<_, Error>(write(writer, table, 1, Some(1)))).unwrap();
    for earlier in [false, true] {
        let statement = std::panic::AssertUnwindSafe(|| {
            transaction.write::<(), Error>(|writer| {
                write(writer, table, 2, Some(2));
                std::panic::panic_any("half way");
            })
        });
        let panicked = std::panic::catch_unwind(statement);
        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"half way"));
        let expected = if earlier { Model::from([(1, 1), (3, 3)]) } else { Model::from([(1, 1)]) };
        assert_eq!(transaction.read(|version| contents(version, table)), Ok(expected));
        transaction.write(|writer| Ok::<_, Error>(write(writer, table, 3, Some(3)))).unwrap();
    }
    transaction.commit().unwrap();
    assert_eq!(store.read(|version| contents(version, table)), Ok(Model::from([(1, 1), (3, 3)])));
}

/// Only a fault of this crate makes applying panic. What it leaves behind in a version that changes in place is not
/// looked at any more, by anybody.
#[test]
#[cfg(debug_assertions)]
fn after_a_commit_that_panicked_half_way_nothing_is_read_or_written() {
    let (store, table) = store();
    store.write(Reach::Short, |w| Ok::<_, Error>(write(w, table, 1, Some(1)))).unwrap();
    let before = store.snapshot().unwrap();
    store.write(Reach::Short, |w| Ok::<_, Error>(write(w, table, 1, Some(2)))).unwrap();
    let commit = std::panic::AssertUnwindSafe(|| {
        store.write(Reach::Short, |writer| {
            let nobody = rows(writer.version(), table, &Model::from([(7, 7)]));
            writer.push(Operation::Update { table, rows: nobody, changes: Vec::new() });
            Ok::<_, Error>(())
        })
    });
    std::panic::catch_unwind(commit).unwrap_err();
    assert_eq!(store.read(|version| contents(version, table)), Err(Error::Poisoned));
    assert_eq!(store.snapshot().unwrap_err(), Error::Poisoned);
    assert_eq!(store.fork().unwrap_err(), Error::Poisoned);
    for reach in [Reach::Short, Reach::Long] {
        let written = store.write(reach, |w| Ok::<_, Error>(write(w, table, 2, Some(2))));
        assert_eq!(written, Err(Error::Poisoned));
    }
    let mut transaction = store.begin(Isolation::ReadCommitted);
    assert_eq!(transaction.read(|version| contents(version, table)), Err(Error::Poisoned));
    assert_eq!(contents(&before, table), Model::from([(1, 1)]), "who held a version before still has it");
}
