//! Checkpoints in the background: when one is written, what becomes of the files before it, and one that fails.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::file::simulated::Fault;
use crate::store::Checkpointed;

/// A store whose log is soon long enough for a checkpoint, with a table.
fn small_checkpoints(schema: Arc<dyn CatalogCodec>, durability: Durability) -> (Simulated, Store) {
    let system = Simulated::default();
    let store = open_for_small_checkpoints(&system, schema, durability);
    begin(&store);
    (system, store)
}

fn open_for_small_checkpoints(
    system: &Simulated,
    schema: Arc<dyn CatalogCodec>,
    durability: Durability,
) -> Store {
    let directory = Directory::new(Arc::new(system.clone()), path());
    let options = Options { durability, checkpoint_bytes: 1 << 12 };
    Store::open_in(&directory, options, catalog(""), schema).unwrap()
}

/// Waits until something is said of the last checkpoint.
fn checkpointed(store: &Store, is_it: impl Fn(&Checkpointed) -> bool) -> Checkpointed {
    let begun = Instant::now();
    loop {
        if let Some(last) = store.last_checkpoint().filter(&is_it) {
            return last;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not come to that");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_became_of_a_checkpoint_is_told() {
    let system = Simulated::default();
    let directory = Directory::new(Arc::new(system.clone()), path());
    let options = Options { durability: Durability::Full, checkpoint_bytes: 1 << 12 };
    let store = Store::open_in(&directory, options, catalog(""), Arc::new(Texts)).unwrap();
    begin(&store);
    assert_eq!(store.last_checkpoint(), None);
    // The commit that makes the log long enough writes and syncs; then the checkpoint begins a new log.
    system.plan(system.operations() + 3, Fault::Fails(io::ErrorKind::StorageFull));
    commit(&store, &Step::Put(1, 1, "x".repeat(1 << 13))).unwrap();
    let failed = checkpointed(&store, |_| true);
    assert_eq!(failed.failures, 1);
    let error = failed.outcome.unwrap_err();
    assert!(
        matches!(&error, Error::File(error) if matches!(**error, FileError::NoSpace { .. })),
        "{error:?}"
    );
    commit(&store, &Step::Put(2, 2, "it goes on".into())).unwrap();
    let compacted = store.compact().unwrap().unwrap();
    let last = store.last_checkpoint().unwrap();
    assert_eq!((last.outcome, last.failures), (Ok(compacted), 0));
    assert!(last.at >= failed.at);
}

/// So what is written twice is never more than what is written once.
#[test]
fn a_log_shorter_than_the_checkpoint_before_it_is_left_alone() {
    let (_system, store) = small_checkpoints(Arc::new(Texts), Durability::Full);
    commit(&store, &Step::Put(1, 1, "x".repeat(1 << 15))).unwrap();
    let first = checkpointed(&store, |last| last.outcome.is_ok());
    let length = first.outcome.clone().unwrap().after;
    let step = |row| Step::Put(row, 1, "y".repeat(1 << 13));
    (2..=4).for_each(|row| commit(&store, &step(row)).unwrap());
    assert!(length > 3 << 13);
    // Longer than the keeper takes to look.
    thread::sleep(Duration::from_millis(300));
    assert_eq!(store.last_checkpoint(), Some(first.clone()));
    (5..=6).for_each(|row| commit(&store, &step(row)).unwrap());
    checkpointed(&store, |last| *last != first);
}

#[test]
fn what_a_crash_has_left_of_older_files_is_removed_when_the_database_is_opened() {
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    let steps = workload();
    steps[..9].iter().for_each(|step| commit(&store, step).unwrap());
    // What follows it removes the log before.
    let before = system.operations();
    store.compact().unwrap();
    let compacted = system.after_kill();
    let operations = system.operations() - before;
    drop(store);
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    steps[..9].iter().for_each(|step| commit(&store, step).unwrap());
    system.plan(system.operations() + operations, Fault::PowerCut);
    store.compact().unwrap();
    let crashed = system.after_kill();
    crashed.put(&path().join("00000002.checkpoint.new"), b"begun");
    let names = |system: &Simulated| system.dump().into_keys().collect::<Vec<_>>();
    assert_eq!(names(&crashed).len(), names(&compacted).len() + 2);
    let found = open(&crashed, Durability::Full).unwrap();
    assert_eq!(names(&crashed), names(&compacted));
    assert_eq!(contents(&found.snapshot().unwrap()), models(&steps)[9]);
}

/// Also where it had begun a new log, which is short.
#[test]
fn a_checkpoint_that_failed_is_tried_again_whatever_it_failed_at() {
    let probe = {
        let (system, store) = small_checkpoints(Arc::new(Texts), Durability::Full);
        let before = system.operations();
        commit(&store, &Step::Put(1, 1, "x".repeat(1 << 13))).unwrap();
        checkpointed(&store, |last| last.outcome.is_ok());
        system.operations() - before
    };
    // Operations 1 and 2 are those of the commit, and the last of them remove files, which may fail.
    for at in 3..=probe - 1 {
        let (system, store) = small_checkpoints(Arc::new(Texts), Durability::Full);
        system.plan(system.operations() + at, Fault::Fails(io::ErrorKind::StorageFull));
        commit(&store, &Step::Put(1, 1, "x".repeat(1 << 13))).unwrap();
        checkpointed(&store, |last| last.failures > 0);
        commit(&store, &Step::Put(2, 2, "it goes on".into())).unwrap();
        let written = checkpointed(&store, |last| last.outcome.is_ok()).outcome.unwrap();
        assert!(written.before > 1 << 13, "operation {at}: {written:?}");
        let logs = system.dump().into_keys().filter(|name| name.extension() == Some("log".as_ref()));
        assert_eq!(logs.count(), 1, "operation {at}: it makes all logs before it superfluous");
    }
}

#[test]
fn logs_that_no_checkpoint_has_made_superfluous_count_also_when_the_database_is_opened() {
    let (system, store) = small_checkpoints(Arc::new(Texts), Durability::Full);
    // After the two operations of the commit and the five that begin a log.
    system.plan(system.operations() + 8, Fault::PowerCut);
    commit(&store, &Step::Put(1, 1, "x".repeat(1 << 13))).unwrap();
    checkpointed(&store, |last| last.failures > 0);
    let system = system.after_kill();
    let store = open_for_small_checkpoints(&system, Arc::new(Texts), Durability::Full);
    commit(&store, &Step::Put(2, 2, "it goes on".into())).unwrap();
    let written = checkpointed(&store, |last| last.outcome.is_ok()).outcome.unwrap();
    assert!(written.before > 1 << 13, "{written:?}");
}

/// [`Texts`] with which a checkpoint panics.
#[derive(Debug)]
struct Brittle;

impl CatalogCodec for Brittle {
    fn encode(&self, catalog: &Catalog, since: Option<&Catalog>) -> Result<Vec<u8>, Malformed> {
        assert!(since.is_some(), "a whole catalog is too much");
        Texts.encode(catalog, since)
    }

    fn decode(&self, bytes: &[u8], since: Option<&Catalog>) -> Result<Catalog, Malformed> {
        Texts.decode(bytes, since)
    }

    fn build_indexes(&self, catalog: &Catalog, table: &mut Table) -> Result<(), Malformed> {
        Texts.build_indexes(catalog, table)
    }
}

#[test]
fn a_checkpoint_that_panics_is_told_and_what_is_buffered_is_written_out_all_the_same() {
    let (system, store) = small_checkpoints(Arc::new(Brittle), Durability::Buffered);
    commit(&store, &Step::Put(1, 1, "x".repeat(1 << 13))).unwrap();
    let error = checkpointed(&store, |last| last.failures > 0).outcome.unwrap_err();
    assert!(error.to_string().contains("a whole catalog is too much"), "{error}");
    commit(&store, &Step::Put(2, 2, "it goes on".into())).unwrap();
    let begun = Instant::now();
    loop {
        let found = open(&system.after_power_cut(0), Durability::Buffered).unwrap();
        if contents(&found.snapshot().unwrap()).rows.contains_key(&2) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "nobody writes it out");
        thread::sleep(Duration::from_millis(20));
    }
}
