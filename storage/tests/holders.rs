//! Who holds versions, and what that keeps.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nuages_storage::{
    Error, Holder, Isolation, Lane, Layout, LeafBuilder, Operation, Reach, RowId, SchemaChange, Slot, Store,
    Table, TableId, Version, Who, Writer,
};

const TABLE: TableId = TableId::new(0);

fn rows(layout: &Arc<Layout>, ids: impl IntoIterator<Item = i64>, text: &str) -> nuages_storage::Rows {
    let mut rows = LeafBuilder::new(Arc::clone(layout));
    for id in ids {
        rows.set_text(1, text);
        rows.finish_row(RowId::new(id));
    }
    rows.finish()
}

fn insert(writer: &mut Writer<'_>, ids: impl IntoIterator<Item = i64>, text: &str) -> Result<(), Error> {
    let layout = Arc::clone(writer.version().table(TABLE).unwrap().layout());
    writer.push(Operation::Insert { table: TABLE, rows: rows(&layout, ids, text), changes: Vec::new() });
    Ok(())
}

fn update(store: &Store, row: i64, text: &str) {
    let update = |writer: &mut Writer<'_>| {
        let layout = Arc::clone(writer.version().table(TABLE).unwrap().layout());
        writer.push(Operation::Update {
            table: TABLE,
            rows: rows(&layout, [row], text),
            changes: Vec::new(),
        });
        Ok::<_, Error>(())
    };
    store.write(Reach::Short, update).unwrap();
}

/// A table of texts with some rows.
fn store() -> Store {
    let store = Store::new(Arc::new(()));
    let create = |writer: &mut Writer<'_>| {
        let layout = Layout::new([Slot::new(Lane::RowId), Slot::new(Lane::Text)]);
        let table = Table::new(writer.fresh_table_id(), Arc::new(layout));
        writer.push(Operation::Schema(SchemaChange::CreateTable(Arc::new(table))));
        Ok::<_, Error>(())
    };
    store.write(Reach::Short, create).unwrap();
    for first in (0..3_000).step_by(50) {
        store.write(Reach::Short, |writer| insert(writer, first..first + 50, "before")).unwrap();
    }
    store
}

fn who(store: &Store) -> Vec<(Who, u64)> {
    store.holders().unwrap().iter().map(|holder| (holder.who, holder.commit.number())).collect()
}

#[test]
fn holders_are_told_those_of_the_oldest_version_first_until_they_let_go() {
    let store = store();
    let commit = || store.read(Version::commit).unwrap().number();
    assert_eq!(who(&store), []);
    let mut transaction = store.begin(Isolation::Snapshot);
    transaction.read(|_| ()).unwrap();
    let first = commit();
    update(&store, 7, "after");
    let snapshot = store.hold(store.snapshot().unwrap(), Who::Snapshot);
    let clone = snapshot.clone();
    let second = commit();
    update(&store, 8, "after");
    let mut feed = store.subscribe(4).unwrap();
    store.retain(Some(Duration::from_secs(3_600))).unwrap();
    let third = commit();
    let held = who(&store);
    assert!(matches!(held[0], (Who::Transaction(_), commit) if commit == first));
    assert_eq!(held[1], (Who::Snapshot, second));
    assert_eq!(held[2..].len(), 2);
    assert!(held[2..].contains(&(Who::Feed, third)) && held[2..].contains(&(Who::Retention, third)));
    update(&store, 9, "after");
    feed.next(None).unwrap();
    assert!(who(&store).contains(&(Who::Feed, third + 1)), "where the reader is");
    drop(transaction);
    drop(snapshot);
    store.retain(None).unwrap();
    assert_eq!(who(&store), [(Who::Snapshot, second), (Who::Feed, third + 1)]);
    drop((clone, feed));
    assert_eq!(who(&store), []);
}

#[test]
fn a_transaction_that_has_a_version_of_its_own_holds_what_that_stands_on() {
    let store = store();
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.write(|writer| insert(writer, [10_000], "mine")).unwrap();
    assert_eq!(who(&store), [], "what it has written is looked through");
    transaction.read(|version| assert_eq!(version.table(TABLE).unwrap().len(), 3_001)).unwrap();
    let before = store.read(Version::commit).unwrap().number();
    assert!(matches!(who(&store)[..], [(Who::Transaction(_), commit)] if commit == before));
    update(&store, 7, "after");
    transaction.write(|writer| insert(writer, [10_001], "mine")).unwrap();
    assert!(matches!(who(&store)[..], [(Who::Transaction(_), commit)] if commit == before + 1));
    let savepoint = transaction.savepoint();
    transaction.write(|writer| insert(writer, [10_002], "mine")).unwrap();
    transaction.rollback_to(savepoint);
    transaction.commit().unwrap();
    assert_eq!(who(&store), []);
    assert_eq!(store.read(|version| version.table(TABLE).unwrap().len()), Ok(3_002));
}

#[test]
fn the_bytes_are_those_that_nobody_else_keeps() {
    let store = store();
    let bytes = || store.holders().unwrap().iter().map(|holder: &Holder| holder.bytes).collect::<Vec<_>>();
    let first = store.hold(store.snapshot().unwrap(), Who::Snapshot);
    assert_eq!(bytes(), [0], "the newest is kept anyway");
    update(&store, 7, "after");
    let one_leaf = bytes()[0];
    assert!((100..20_000).contains(&one_leaf), "a path and a leaf: {one_leaf}");
    let second = store.hold(store.snapshot().unwrap(), Who::Snapshot);
    assert_eq!(bytes(), [one_leaf, 0]);
    update(&store, 7, "once more");
    update(&store, 2_900, "after");
    let [older, newer] = bytes()[..] else { unreachable!("two are held") };
    assert!((1..=one_leaf + 100).contains(&older), "the leaf of 2,900 is kept by both: {older}");
    assert!(newer > 0);
    drop(second);
    assert!(bytes()[0] > older, "now by one");
    for row in 0..3_000 {
        update(&store, row, "after all");
    }
    let all = bytes()[0];
    assert!(all > 3_000 * 8, "all rows: {all}");
    assert_eq!(first.table(TABLE).unwrap().get(RowId::new(7)).unwrap().text(1), Some("before"));
}

#[test]
fn a_holder_says_what_it_is_and_whose() {
    let store = store();
    let hold = thread::scope(|scope| {
        let hold = || store.hold(store.snapshot().unwrap(), Who::Snapshot);
        thread::Builder::new().name("reports".into()).spawn_scoped(scope, hold).unwrap().join().unwrap()
    });
    let [holder] = &store.holders().unwrap()[..] else { unreachable!("one is held") };
    assert_eq!(holder.thread.as_deref(), Some("reports"));
    let said = holder.to_string();
    let commit = hold.commit().number();
    assert!(
        said.starts_with(&format!("a snapshot of thread \"reports\" holds commit {commit} for ")),
        "{said}"
    );
    assert!(said.ends_with(" s and 0 bytes"), "{said}");
}

#[test]
fn a_version_that_a_statement_reads_is_told_of_when_another_has_followed() {
    let store = store();
    let commit = || store.read(Version::commit).unwrap().number();
    let (reading, first) = (store.snapshot().unwrap(), commit());
    assert_eq!(who(&store), [], "it is the newest");
    update(&store, 7, "after");
    assert_eq!(who(&store), [(Who::Statement, first)]);
    let [holder] = &store.holders().unwrap()[..] else { unreachable!("one is held") };
    assert!((100..20_000).contains(&holder.bytes), "a path and a leaf: {}", holder.bytes);
    let said = holder.to_string();
    assert!(said.starts_with(&format!("a statement holds commit {first} for ")), "{said}");
    update(&store, 8, "after");
    let snapshot = store.hold(Arc::clone(&reading), Who::Snapshot);
    assert_eq!(who(&store), [(Who::Snapshot, first)], "who is known to hold it is told of instead");
    drop(snapshot);
    assert_eq!(who(&store), [(Who::Statement, first)]);
    drop(reading);
    assert_eq!(who(&store), []);
}

#[test]
fn what_waits_for_a_feed_or_is_retained_is_no_statements() {
    let store = store();
    let mut feed = store.subscribe(4).unwrap();
    for row in 0..6 {
        update(&store, row, "after");
    }
    assert_eq!(who(&store).len(), 1, "the feed");
    feed.next(None).unwrap_err();
    update(&store, 7, "after");
    assert_eq!(who(&store).len(), 1, "the feed");
    drop(feed);
    store.retain(Some(Duration::from_secs(3_600))).unwrap();
    let oldest = store.read(Version::commit).unwrap().number();
    for row in 0..3 {
        update(&store, row, "after");
    }
    assert_eq!(who(&store), [(Who::Retention, oldest)]);
}

#[test]
fn forks_are_told_of_by_what_they_are_forks_of_with_what_they_keep() {
    let store = store();
    let commit = |store: &Store| store.read(Version::commit).unwrap().number();
    let first = commit(&store);
    let fork = store.fork().unwrap();
    assert_eq!(who(&store), [(Who::Fork, first)]);
    assert_eq!(store.holders().unwrap()[0].bytes, 0, "it has what its origin has");
    update(&store, 7, "after");
    assert_eq!(who(&store), [(Who::Fork, first)], "and nobody else");
    let kept = store.holders().unwrap()[0].bytes;
    assert!((100..20_000).contains(&kept), "a path and a leaf: {kept}");
    update(&fork, 7, "in the fork");
    assert_eq!(who(&fork), [], "its origin is not its business");
    for row in 0..3_000 {
        update(&fork, row, "in the fork");
    }
    assert!(store.holders().unwrap()[0].bytes > 3_000 * 8, "what it wrote, too");
    let forked_at = commit(&fork);
    let second = fork.fork().unwrap();
    assert_eq!(who(&store), [(Who::Fork, first), (Who::Fork, first)]);
    assert_eq!(who(&fork), [(Who::Fork, forked_at)]);
    drop(fork);
    assert_eq!(who(&store), [(Who::Fork, first)], "the fork of the fork keeps what that had of the store");
    let mut last = second;
    for _ in 0..10 {
        last = last.fork().unwrap();
    }
    assert_eq!(who(&store), [(Who::Fork, first)], "and so do those after it");
    drop(last);
    assert_eq!(who(&store), []);
}
