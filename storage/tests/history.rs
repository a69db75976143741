//! Versions that are kept, and feeds of commits.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use nuages_storage::{
    CommitId, Error, FeedError, Lane, Layout, LeafBuilder, Operation, Published, Reach, RowChange, RowId,
    SchemaChange, Slot, Store, Table, TableId, Version,
};

/// A table of row ids and numbers.
fn store() -> (Store, TableId) {
    let store = Store::new(Arc::new(()));
    let create = |writer: &mut nuages_storage::Writer<'_>| {
        let id = writer.fresh_table_id();
        let layout = Layout::new([Slot::new(Lane::RowId), Slot::new(Lane::Word)]);
        writer.push(Operation::Schema(SchemaChange::CreateTable(Arc::new(Table::new(id, Arc::new(layout))))));
        Ok::<_, Error>(id)
    };
    let id = store.write(Reach::Short, create).unwrap();
    (store, id)
}

fn insert(store: &Store, table: TableId) -> i64 {
    let insert = |writer: &mut nuages_storage::Writer<'_>| {
        let layout = Arc::clone(writer.version().table(table).unwrap().layout());
        let id = writer.next_keys(table, 1)?;
        let mut rows = LeafBuilder::new(layout);
        rows.set_int(1, id * 10);
        rows.finish_row(RowId::new(id));
        writer.push(Operation::Insert { table, rows: rows.finish(), changes: Vec::new() });
        Ok::<_, Error>(id)
    };
    store.write(Reach::Short, insert).unwrap()
}

fn inserted(published: &Published, table: TableId) -> Vec<i64> {
    let (before, after) = (published.before.table(table).unwrap(), published.after.table(table).unwrap());
    let mut rows = Vec::new();
    after.changes_since(before, &mut |change| match change {
        RowChange::Inserted(row) => rows.push(row.row_id().get()),
        other => panic!("{other:?}"),
    });
    rows
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(30))
}

#[test]
fn kept_versions_are_found_by_their_commit_and_others_are_not() {
    let (store, table) = store();
    let before = store.read(Version::commit).unwrap();
    insert(&store, table);
    assert_eq!(store.at(before).unwrap_err(), Error::NotRetained { commit: before, oldest: None });
    store.retain(Some(Duration::from_secs(3_600))).unwrap();
    let first = store.read(Version::commit).unwrap();
    let commits: Vec<CommitId> = (0..5)
        .map(|_| {
            insert(&store, table);
            store.read(Version::commit).unwrap()
        })
        .collect();
    for (rows, commit) in std::iter::once(&first).chain(&commits).enumerate() {
        let version = store.at(*commit).unwrap();
        assert_eq!((version.commit(), version.table(table).unwrap().len()), (*commit, rows as u64 + 1));
    }
    assert_eq!(store.at(before).unwrap_err(), Error::NotRetained { commit: before, oldest: Some(first) });
    store.retain(None).unwrap();
    assert!(store.at(first).is_err());
    assert!(store.at(commits[4]).is_ok(), "the newest is there in any case");
}

#[test]
fn a_version_is_let_go_when_its_time_is_over() {
    let (store, table) = store();
    store.retain(Some(Duration::ZERO)).unwrap();
    let first = store.read(Version::commit).unwrap();
    insert(&store, table);
    std::thread::sleep(Duration::from_millis(2));
    insert(&store, table);
    assert!(store.at(first).is_err());
}

#[test]
fn a_feed_has_every_commit_of_several_threads_in_order() {
    let (store, table) = store();
    let mut feed = store.subscribe(1_000).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..100 {
                    insert(&store, table);
                }
            });
        }
        let mut rows = Vec::new();
        let mut last = None;
        while rows.len() < 300 {
            let published = feed.next(soon()).unwrap();
            assert!(last.is_none_or(|last| last == published.before.commit()));
            last = Some(published.after.commit());
            let one = inserted(&published, table);
            assert_eq!(one.len(), 1, "one statement, one commit");
            rows.extend(one);
        }
        rows.sort_unstable();
        assert_eq!(rows, (1..=300).collect::<Vec<i64>>());
    });
    assert_eq!(feed.next(Some(Instant::now())).unwrap_err(), FeedError::Timeout);
}

#[test]
fn a_slow_reader_is_told_how_much_it_missed_and_goes_on() {
    let (store, table) = store();
    let mut feed = store.subscribe(3).unwrap();
    for _ in 0..3 {
        insert(&store, table);
    }
    assert_eq!(inserted(&feed.next(soon()).unwrap(), table), [1]);
    for _ in 0..5 {
        insert(&store, table);
    }
    assert_eq!(feed.next(soon()).unwrap_err(), FeedError::Lagged { missed: 7 });
    insert(&store, table);
    assert_eq!(inserted(&feed.next(soon()).unwrap(), table), [9]);
}

#[test]
fn tables_that_share_rows_with_the_change_that_brought_them_go_their_own_ways() {
    let (store, table) = store();
    let version = store.snapshot().unwrap();
    let insert = |row: i64| {
        let mut rows = LeafBuilder::new(Arc::clone(version.table(table).unwrap().layout()));
        rows.set_int(1, 7 * row);
        rows.finish_row(RowId::new(row));
        Operation::Insert { table, rows: rows.finish(), changes: Vec::new() }
    };
    let (first, second) = (insert(1), insert(2));
    let (mut one, mut other) = (Version::clone(&version), Version::clone(&version));
    one.apply(&first);
    other.apply(&first);
    one.apply(&second);
    let rows = |version: &Version| {
        let slices = version.table(table).unwrap().leaves(..);
        slices.flat_map(|slice| slice.view.leaf().words(1).to_vec()).collect::<Vec<_>>()
    };
    assert_eq!((rows(&one), rows(&other), rows(&version)), (vec![7, 14], vec![7], vec![]));
    let Operation::Insert { rows: lent, .. } = first else { unreachable!("it was made so") };
    assert_eq!(lent.leaf.words(1), [7]);
}
