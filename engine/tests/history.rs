//! What has changed between two snapshots, kept versions, and feeds: in definitions and rows.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use nuages_engine::algebra::{Expr, Insert, InsertSource, Source, Statement};
use nuages_engine::catalog::{NewColumn, NewIndex, NewTable};
use nuages_engine::sql::Connection;
use nuages_engine::{Database, Error, RowKeys, Session, Snapshot};
use nuages_storage::{DataType, FeedError, LeafBuilder, RowChange, RowRef, Value, Who};

fn run(db: &Database, sql: &str) {
    Connection::new(db.clone()).execute(sql, &[]).unwrap();
}

/// Two songs.
fn songs() -> Database {
    let db = Database::new();
    run(&db, "CREATE TABLE song (id BIGINT PRIMARY KEY, title TEXT)");
    run(&db, "INSERT INTO song VALUES (1, 'Nuages'), (2, 'Daphne')");
    db
}

/// The changes between two snapshots, as `table: before -> after`.
fn changes(older: &Snapshot, newer: &Snapshot) -> Vec<String> {
    let mut found = Vec::new();
    newer.changes_since(older, &mut |table, change: RowChange<'_>| {
        let shown = |row: Option<RowRef<'_>>| {
            let value = |row: RowRef<'_>| -> Vec<Value> {
                table.columns.iter().map(|column| row.value(column.slot, &column.data_type)).collect()
            };
            let words = |row| value(row).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            row.map_or_else(|| "-".to_owned(), words)
        };
        found.push(format!("{}: {} -> {}", table.name, shown(change.before()), shown(change.after())));
    });
    found
}

/// What a change has changed.
fn after(db: &Database, sql: &str) -> Vec<String> {
    let before = db.snapshot().unwrap();
    run(db, sql);
    changes(&before, &db.snapshot().unwrap())
}

#[test]
fn each_row_that_differs_is_told_as_it_was_and_as_it_is() {
    let db = songs();
    assert_eq!(after(&db, "INSERT INTO song VALUES (3, NULL)"), ["song: - -> 3 NULL"]);
    assert_eq!(
        after(&db, "UPDATE song SET title = 'Tears' WHERE id > 1"),
        ["song: 2 Daphne -> 2 Tears", "song: 3 NULL -> 3 Tears"]
    );
    assert_eq!(
        after(&db, "UPDATE song SET title = 'Tears' WHERE id > 1"),
        [""; 0],
        "they are what they were"
    );
    assert_eq!(after(&db, "DELETE FROM song WHERE id = 2"), ["song: 2 Tears -> -"]);
    let snapshot = db.snapshot().unwrap();
    assert_eq!(changes(&snapshot, &snapshot), [""; 0]);
}

#[test]
fn a_row_from_before_a_change_of_the_schema_is_read_by_the_definition_of_after() {
    let db = songs();
    let before = db.snapshot().unwrap();
    assert_eq!(after(&db, "ALTER TABLE song ADD COLUMN plays INTEGER DEFAULT 7"), [""; 0]);
    run(&db, "UPDATE song SET plays = 9 WHERE id = 1");
    run(&db, "DELETE FROM song WHERE id = 2");
    run(&db, "INSERT INTO song VALUES (3, 'Tears', 0)");
    assert_eq!(
        changes(&before, &db.snapshot().unwrap()),
        ["song: 1 Nuages 7 -> 1 Nuages 9", "song: 2 Daphne 7 -> -", "song: - -> 3 Tears 0"]
    );
    run(&db, "ALTER TABLE song DROP COLUMN title");
    run(&db, "DELETE FROM song WHERE id = 1");
    assert_eq!(changes(&before, &db.snapshot().unwrap())[0], "song: 1 7 -> -");
}

#[test]
fn a_table_that_only_one_of_them_has_is_empty_in_the_other() {
    let db = songs();
    let before = db.snapshot().unwrap();
    run(&db, "CREATE TABLE band (name TEXT)");
    run(&db, "INSERT INTO band VALUES ('Quintette')");
    run(&db, "DROP TABLE song");
    let mut found = changes(&before, &db.snapshot().unwrap());
    found.sort();
    assert_eq!(found, ["band: - -> Quintette", "song: 1 Nuages -> -", "song: 2 Daphne -> -"]);
}

#[test]
fn a_fork_differs_from_what_it_is_a_fork_of_though_both_have_as_many_commits() {
    let db = songs();
    let fork = db.fork().unwrap();
    run(&db, "UPDATE song SET title = 'Tears' WHERE id = 1");
    run(&fork, "UPDATE song SET title = 'Swing 42' WHERE id = 1");
    let (origin, forked) = (db.snapshot().unwrap(), fork.snapshot().unwrap());
    assert_eq!(origin.commit(), forked.commit());
    assert_eq!(changes(&origin, &forked), ["song: 1 Tears -> 1 Swing 42"]);
    // A table of each, which may have one number.
    run(&db, "CREATE TABLE band (name TEXT)");
    run(&db, "INSERT INTO band VALUES ('Quintette')");
    run(&fork, "CREATE TABLE hall (seats INTEGER)");
    run(&fork, "INSERT INTO hall VALUES (900)");
    let mut found = changes(&db.snapshot().unwrap(), &fork.snapshot().unwrap());
    found.sort();
    assert_eq!(found, ["band: Quintette -> -", "hall: - -> 900", "song: 1 Tears -> 1 Swing 42"]);
}

#[test]
fn a_version_is_found_by_its_commit_while_it_is_kept() {
    let db = songs();
    let first = db.snapshot().unwrap();
    run(&db, "DELETE FROM song WHERE id = 1");
    let gone = db.at(first.commit()).unwrap_err().to_string();
    assert!(gone.contains("not kept"), "{gone}");
    db.retain(Some(Duration::MAX)).unwrap();
    let second = db.snapshot().unwrap().commit();
    run(&db, "DELETE FROM song WHERE id = 2");
    let (then, now) = (db.at(second).unwrap(), db.snapshot().unwrap());
    assert_eq!(changes(&then, &now), ["song: 2 Daphne -> -"]);
    assert_eq!(db.at(now.commit()).unwrap().commit(), now.commit());
    db.retain(None).unwrap();
    assert!(db.at(second).is_err());
}

#[test]
fn a_feed_tells_each_commit_and_a_slow_reader_what_it_missed() {
    let db = songs();
    let mut feed = db.subscribe(2).unwrap();
    run(&db, "DELETE FROM song WHERE id = 1");
    run(&db, "DELETE FROM song WHERE id = 2");
    for expected in ["song: 1 Nuages -> -", "song: 2 Daphne -> -"] {
        // A limit beyond all time is none.
        let commit = feed.next(Some(Duration::MAX)).unwrap();
        assert_eq!(changes(&commit.before, &commit.after), [expected]);
    }
    assert_eq!(feed.next(Some(Duration::ZERO)).unwrap_err(), Error::Feed(FeedError::Timeout));
    for id in 3..=5 {
        run(&db, &format!("INSERT INTO song VALUES ({id}, NULL)"));
    }
    assert_eq!(feed.next(None).unwrap_err(), Error::Feed(FeedError::Lagged { missed: 3 }));
    run(&db, "INSERT INTO song VALUES (6, NULL)");
    let commit = feed.next(None).unwrap();
    assert_eq!(changes(&commit.before, &commit.after), ["song: - -> 6 NULL"], "it goes on");
}

#[test]
fn who_holds_versions_is_told_of_snapshots_and_transactions() {
    let db = songs();
    let snapshot = db.snapshot().unwrap();
    let copy = snapshot.clone();
    run(&db, "DELETE FROM song WHERE id = 1");
    let feed = db.subscribe(4).unwrap();
    let transaction = db.begin_with(nuages_storage::Isolation::Snapshot);
    transaction.read(&mut |_| Ok(())).unwrap();
    let holders = db.holders().unwrap();
    assert_eq!(holders.len(), 3, "{holders:?}");
    assert_eq!((holders[0].who, holders[0].commit), (Who::Snapshot, snapshot.commit()));
    assert!(holders[0].bytes > 0, "the row that is gone");
    assert!(holders[1..].iter().any(|holder| holder.who == Who::Feed && holder.bytes == 0));
    assert!(holders[1..].iter().any(|holder| matches!(holder.who, Who::Transaction(_))));
    drop((snapshot, feed, transaction));
    assert_eq!(db.holders().unwrap().len(), 1, "the copy");
    drop(copy);
    assert_eq!(db.holders().unwrap(), []);
}

/// To ask for the version that a transaction sees makes one, with all that it has written, and its commit copies then.
#[test]
fn a_transaction_that_inserts_row_by_row_makes_no_version_of_its_own() {
    let db = Database::new();
    let text = DataType::Text { max_length: None };
    let song = NewTable::new("song")
        .column(NewColumn::new("id", DataType::BigInt).generated())
        .column(NewColumn::new("title", text))
        .primary_key(["id"])
        .unique(NewIndex::unique("song_title", ["title"]));
    let table = db.create_table(song).unwrap();
    let layout = Arc::clone(&db.catalog().unwrap().expect_table(table).unwrap().layout);
    let transaction = db.begin();
    for number in 0..20 {
        let mut row = LeafBuilder::new(Arc::clone(&layout));
        row.set_text(1, &format!("song {number}"));
        row.finish_row_unnumbered();
        transaction.insert_rows(table, vec![row.finish()], RowKeys::Generated).unwrap();
        let rows = InsertSource::Values(vec![vec![Some(Expr::literal(format!("another {number}")))]]);
        let (columns, source, returning) = (vec![1], Source::new(0), Vec::new());
        let insert = Insert { table, columns, rows, source, returning, conflict: None };
        transaction.execute(&Statement::Insert(insert), &[]).unwrap();
        assert_eq!(db.holders().unwrap(), [], "after {number}");
    }
    let mut rows = 0;
    let count = &mut |version: &nuages_storage::Version| {
        rows = version.table(table).map_or(0, nuages_storage::Table::len);
        Ok(())
    };
    transaction.read(count).unwrap();
    assert_eq!((rows, db.holders().unwrap().len()), (40, 1), "to read is to make one");
    transaction.commit().unwrap();
    assert_eq!(db.holders().unwrap(), []);
}
