//! What is committed is there again, under both promises, with and without checkpoints.

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::commit::CommitId;
use crate::file::simulated::Fault;
use crate::isolation::Isolation;
use crate::store::Checkpointed;

fn run(system: &Simulated, durability: Durability, compact_every: usize) {
    let store = open(system, durability).unwrap();
    for (at, step) in workload().iter().enumerate() {
        commit(&store, step).unwrap();
        if (at + 1) % compact_every == 0 {
            store.compact().unwrap();
        }
    }
}

#[test]
fn a_closed_database_opens_as_it_was() {
    for durability in [Durability::Full, Durability::Buffered] {
        for compact_every in [1, 2, 5, usize::MAX] {
            let system = Simulated::default();
            run(&system, durability, compact_every);
            let store = open(&system, durability).unwrap();
            assert_eq!(contents(&store.snapshot().unwrap()), *models(&workload()).last().unwrap());
            let commits = workload().len() as u64;
            assert_eq!(store.snapshot().unwrap().commit().number(), commits);
            let report = store.recovery().unwrap();
            let checkpointed = report.checkpoint.map_or(0, |commit| commit.number());
            assert_eq!((checkpointed + report.replayed, report.created), (commits, false));
            assert_eq!(report.torn, []);
        }
    }
}

#[test]
fn a_checkpoint_replaces_the_files_before_it() {
    let system = Simulated::default();
    run(&system, Durability::Full, 3);
    let names: Vec<_> = system.dump().into_keys().map(|path| path.display().to_string()).collect();
    assert_eq!(names, ["/music/00000005.checkpoint", "/music/00000005.log"]);
}

#[test]
fn a_second_opener_is_refused_until_the_first_has_closed() {
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    let clone = store.clone();
    drop(store);
    let refused = file_error(open(&system, Durability::Full));
    assert_eq!(refused, FileError::AlreadyOpen { path: path().to_owned() });
    drop(clone);
    open(&system, Durability::Full).unwrap();
}

#[test]
fn a_fork_leaves_no_trace_in_the_files() {
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    commit(&store, &Step::Create).unwrap();
    let before = system.dump();
    let fork = store.fork().unwrap();
    commit(&fork, &Step::Put(1, 1, "in memory".into())).unwrap();
    assert!(fork.recovery().is_none());
    assert_eq!(system.dump(), before);
    assert_eq!(contents(&store.snapshot().unwrap()).rows.len(), 0);
}

/// Whichever operation of a commit fails: nobody has seen it, nobody will, and nothing more is committed.
#[test]
fn nothing_is_seen_before_it_is_durable() {
    let started = || {
        let system = Simulated::default();
        let store = open(&system, Durability::Full).unwrap();
        begin(&store);
        let operations = system.operations();
        (system, store, operations)
    };
    let (system, store, before) = started();
    commit(&store, &Step::Put(1, 1, "accepted".into())).unwrap();
    let operations = system.operations() - before;
    assert!(operations >= 2, "it is written and synced");
    for at in 1..=operations {
        let (system, store, before) = started();
        system.plan(before + at, Fault::Fails(io::ErrorKind::Other));
        let file_error = |step| match commit(&store, &step) {
            Err(Error::File(error)) => *error,
            other => panic!("{at}: {other:?}"),
        };
        let refused = file_error(Step::Put(1, 1, "refused".into()));
        let FileError::Stopped { first } = &refused else { panic!("{at}: {refused}") };
        assert!(matches!(**first, FileError::Refused { .. }), "{at}: {refused}");
        assert_eq!(contents(&store.snapshot().unwrap()).rows.len(), 0, "operation {at}");
        assert_eq!(file_error(Step::Put(2, 1, "refused, too".into())), refused);
        store.compact().unwrap_err();
        assert_eq!(contents(&store.snapshot().unwrap()).rows.len(), 0, "it can be read");
        drop(store);
        let store = open(&system, Durability::Full).unwrap();
        assert_eq!(contents(&store.snapshot().unwrap()).rows.len(), 0, "what was refused was cut off");
        commit(&store, &Step::Put(2, 1, "accepted".into())).unwrap();
    }
}

#[test]
fn commits_of_several_threads_share_syncs_and_are_all_there() {
    const THREADS: i64 = 4;
    const EACH: i64 = 30;
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    commit(&store, &Step::Create).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            scope.spawn(move || {
                for row in 0..EACH {
                    let row = 1 + row * THREADS + thread;
                    commit(store, &Step::Put(row, row, String::new())).unwrap();
                    let seen = store.snapshot().unwrap();
                    assert!(seen.table(TABLE).unwrap().get(RowId::new(row)).is_some(), "one's own commit");
                }
            });
        }
        for _ in 0..5 {
            store.compact().unwrap();
        }
    });
    for seed in 0..4 {
        let found = open(&system.after_power_cut(seed), Durability::Full).unwrap();
        let rows: Vec<i64> = contents(&found.snapshot().unwrap()).rows.into_keys().collect();
        assert_eq!(rows, (1..=THREADS * EACH).collect::<Vec<_>>());
    }
}

#[test]
fn keys_are_not_handed_out_again_after_a_crash() {
    for durability in [Durability::Full, Durability::Buffered] {
        let system = Simulated::default();
        let store = open(&system, durability).unwrap();
        commit(&store, &Step::Create).unwrap();
        let mut greatest = 0;
        for count in [1, 2, 50, 1] {
            let mut transaction = store.begin(Isolation::ReadCommitted);
            let first = transaction.write(|writer| writer.next_keys(TABLE, count)).unwrap();
            assert!(first > greatest);
            greatest = first + count as i64 - 1;
        }
        if durability == Durability::Buffered {
            store.flush().unwrap(); // under the other, who was told of a key needs none
        }
        for seed in 0..3 {
            let found = open(&system.after_power_cut(seed), durability).unwrap();
            let next = found.write(Reach::Short, |writer| writer.next_keys(TABLE, 1)).unwrap();
            assert!(next > greatest, "{durability:?}: {next} after {greatest}");
        }
        drop(store);
        let found = open(&system, durability).unwrap();
        let next = found.write(Reach::Short, |writer| writer.next_keys(TABLE, 1)).unwrap();
        assert_eq!(next, greatest + 1, "none is skipped when the database was closed");
        assert_eq!(
            found.write(Reach::Short, |writer| Ok::<_, Error>(writer.fresh_table_id())),
            Ok(TableId::new(1))
        );
    }
}

/// What is counted from are not the rows that are there.
#[test]
fn the_key_of_a_row_that_is_gone_is_not_handed_out_again() {
    for durability in [Durability::Full, Durability::Buffered] {
        for compacts in [false, true] {
            let system = Simulated::default();
            let store = open(&system, durability).unwrap();
            for step in [Step::Create, Step::Put(500, 0, String::new()), Step::Delete(500)] {
                commit(&store, &step).unwrap();
            }
            if compacts {
                store.compact().unwrap();
            }
            store.flush().unwrap();
            let crashed = system.after_power_cut(3);
            drop(store);
            for system in [crashed, system] {
                let found = open(&system, durability).unwrap();
                let next = found.write(Reach::Short, |writer| writer.next_keys(TABLE, 1)).unwrap();
                assert!(next > 500, "{durability:?}, compacts: {compacts}: {next}");
                let fork = found.fork().unwrap();
                assert!(fork.write(Reach::Short, |writer| writer.next_keys(TABLE, 1)).unwrap() > next);
            }
        }
    }
}

#[test]
fn a_backup_of_a_running_database_is_a_database() {
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    let steps = workload();
    for step in &steps[..9] {
        commit(&store, step).unwrap();
    }
    let directory = Directory::new(Arc::new(system.clone()), Path::new("/backup"));
    store.backup_into(&directory, &Texts).unwrap();
    let again = store.backup_into(&directory, &Texts).unwrap_err();
    assert_eq!(again, Error::from(FileError::Exists { path: "/backup".into() }));
    commit(&store, &steps[9]).unwrap();
    let backup = Store::open_in(&directory, options(Durability::Full), catalog(""), Arc::new(Texts)).unwrap();
    assert_eq!(contents(&backup.snapshot().unwrap()), models(&steps)[9]);
    commit(&backup, &steps[9]).unwrap();
    let in_memory = store.fork().unwrap();
    let directory = Directory::new(Arc::new(system), Path::new("/written-down"));
    in_memory.backup_into(&directory, &Texts).unwrap();
    let written =
        Store::open_in(&directory, options(Durability::Full), catalog(""), Arc::new(Texts)).unwrap();
    assert_eq!(contents(&written.snapshot().unwrap()), models(&steps)[10]);
}

#[test]
fn backups_beside_commits_and_checkpoints_have_all_that_was_committed_before_them() {
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    commit(&store, &Step::Create).unwrap();
    let committed = AtomicI64::new(0);
    thread::scope(|scope| {
        let (store, committed) = (&store, &committed);
        scope.spawn(move || {
            for row in 1..=60 {
                commit(store, &Step::Put(row, row, String::new())).unwrap();
                committed.store(row, Relaxed);
            }
        });
        scope.spawn(move || {
            for _ in 0..4 {
                store.compact().unwrap();
            }
        });
        for backup in 0..6 {
            let before = committed.load(Relaxed);
            let path = format!("/backup-{backup}");
            let directory = Directory::new(Arc::new(system.clone()), Path::new(&path));
            let commit = store.backup_into(&directory, &Texts).unwrap();
            let found =
                Store::open_in(&directory, options(Durability::Full), catalog(""), Arc::new(Texts)).unwrap();
            let found = found.snapshot().unwrap();
            let rows: Vec<i64> = contents(&found).rows.into_keys().collect();
            let last = rows.len() as i64;
            assert!(last >= before && rows == (1..=last).collect::<Vec<_>>(), "{rows:?}");
            assert_eq!((found.commit(), commit.number()), (commit, last as u64 + 1));
        }
    });
}

#[test]
fn versions_are_kept_and_commits_told_anew_when_a_database_is_opened() {
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    store.retain(Some(PATIENCE)).unwrap();
    workload()[..4].iter().for_each(|step| commit(&store, step).unwrap());
    let [older, newest] = [3, 4].map(CommitId::from_number);
    assert_eq!(contents(&store.at(older).unwrap()), models(&workload())[3]);
    drop(store);
    let store = open(&system, Durability::Full).unwrap();
    assert_eq!(store.at(older).err(), Some(Error::NotRetained { commit: older, oldest: None }));
    assert_eq!(contents(&store.at(newest).unwrap()), models(&workload())[4]);
    let mut feed = store.subscribe(10).unwrap();
    commit(&store, &workload()[4]).unwrap();
    let told = feed.next(Some(Instant::now())).unwrap();
    assert_eq!((told.before.commit(), told.after.commit()), (newest, newest.next()));
}

#[test]
fn a_backup_that_fails_leaves_nothing_and_can_be_tried_again() {
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    let steps = workload();
    steps.iter().for_each(|step| commit(&store, step).unwrap());
    let backup = |path: &str| {
        let directory = Directory::new(Arc::new(system.clone()), Path::new(path));
        store.backup_into(&directory, &Texts)
    };
    let before = system.operations();
    backup("/whole").unwrap();
    let operations = system.operations() - before;
    for at in 1..=operations {
        system.plan(system.operations() + at, Fault::Fails(io::ErrorKind::StorageFull));
        let path = format!("/backup-{at}");
        let error = backup(&path).unwrap_err();
        assert!(
            matches!(&error, Error::File(error) if matches!(**error, FileError::NoSpace { .. })),
            "{error}"
        );
        assert!(!system.dump().keys().any(|name| name.starts_with(&path)), "operation {at}");
        backup(&path).unwrap_or_else(|error| panic!("operation {at}: {error}"));
        let directory = Directory::new(Arc::new(system.clone()), Path::new(&path));
        let found =
            Store::open_in(&directory, options(Durability::Full), catalog(""), Arc::new(Texts)).unwrap();
        assert_eq!(contents(&found.snapshot().unwrap()), *models(&steps).last().unwrap());
    }
}

#[test]
fn keys_go_on_in_a_backup_where_they_were() {
    let system = Simulated::default();
    let in_files = open(&system, Durability::Full).unwrap();
    commit(&in_files, &Step::Create).unwrap();
    let next_key = |store: &Store| {
        let key = store.write(Reach::Short, |writer| writer.next_keys(TABLE, 1));
        key.unwrap()
    };
    assert_eq!(next_key(&in_files), 1);
    for (store, path) in [(in_files.fork().unwrap(), "/of-memory"), (in_files, "/of-files")] {
        assert_eq!(next_key(&store), 2);
        let directory = Directory::new(Arc::new(system.clone()), Path::new(path));
        store.backup_into(&directory, &Texts).unwrap();
        let backup =
            Store::open_in(&directory, options(Durability::Full), catalog(""), Arc::new(Texts)).unwrap();
        assert_eq!(next_key(&backup), 3, "{path}");
    }
}

#[test]
fn increments_from_several_threads_are_all_there() {
    const THREADS: usize = 4;
    const EACH: usize = 25;
    for durability in [Durability::Full, Durability::Buffered] {
        let system = Simulated::default();
        let store = open(&system, durability).unwrap();
        commit(&store, &Step::Create).unwrap();
        commit(&store, &Step::Put(1, 0, String::new())).unwrap();
        commit(&store, &Step::Put(2, 0, String::new())).unwrap();
        let increment = |store: &Store, row: i64| {
            store.write(Reach::Short, |writer| {
                writer.locking().row(TABLE, RowId::new(row), Strength::Update);
                let found = writer.version().table(TABLE).unwrap().get(RowId::new(row)).unwrap();
                let next = found.int(1) + 1;
                put(writer, row, Some((next, &String::new())));
                Ok::<_, Error>(())
            })
        };
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let store = &store;
                scope.spawn(move || {
                    (0..EACH).for_each(|_| increment(store, 1 + thread as i64 % 2).unwrap());
                });
            }
            for _ in 0..3 {
                store.compact().unwrap();
            }
        });
        store.flush().unwrap();
        let found = open(&system.after_power_cut(1), Durability::Full).unwrap();
        let counts: Vec<i64> = contents(&found.snapshot().unwrap()).rows.values().map(|row| row.0).collect();
        assert_eq!(counts, [THREADS * EACH / 2; 2].map(|count| count as i64));
    }
}

#[test]
fn a_feed_has_every_commit_in_order_though_they_become_durable_together() {
    const THREADS: i64 = 4;
    const EACH: i64 = 20;
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    commit(&store, &Step::Create).unwrap();
    let mut feed = store.subscribe(1000).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            scope.spawn(move || {
                (0..EACH).for_each(|row| {
                    commit(store, &Step::Put(1 + row * THREADS + thread, 0, String::new())).unwrap();
                });
            });
        }
    });
    for number in 2..2 + (THREADS * EACH) as u64 {
        let published = feed.next(Some(std::time::Instant::now())).unwrap();
        assert_eq!(published.after.commit().number(), number);
        assert_eq!(published.before.commit().number(), number - 1);
    }
}

#[test]
fn a_disk_takes_commits_until_their_own_bytes_do_not_fit() {
    let put = |store: &Store, row: i64| commit(store, &Step::Put(row, row, String::new()));
    let log_length = |system: &Simulated| system.dump().into_values().map(|file| file.len()).max().unwrap();
    // What the log of so many commits is long, without zeros behind it.
    let lengths: Vec<usize> = (0..8)
        .map(|commits| {
            let system = Simulated::default();
            let store = open(&system, Durability::Full).unwrap();
            commit(&store, &Step::Create).unwrap();
            (1..=commits).for_each(|row| put(&store, row).unwrap());
            let end = system.dump().into_values().next_back().unwrap();
            end.iter().rposition(|byte| *byte != 0).unwrap() + 1
        })
        .collect();
    for room in (0..lengths[7] - lengths[0]).step_by(13) {
        let system = Simulated::default();
        let store = open(&system, Durability::Full).unwrap();
        commit(&store, &Step::Create).unwrap();
        system.leave_room(Some(room));
        let full = log_length(&system) + room;
        let fitting = lengths.iter().skip(1).filter(|length| **length <= full).count() as i64;
        for row in 1..=fitting {
            put(&store, row)
                .unwrap_or_else(|error| panic!("commit {row} of {fitting}, room {room}: {error}"));
        }
        if fitting < 7 {
            let error = put(&store, fitting + 1).unwrap_err();
            assert!(matches!(error, Error::File(_)), "{error}");
        }
        system.leave_room(None);
        for seed in 0..3 {
            let found = open(&system.after_power_cut(seed), Durability::Full).unwrap();
            let rows: Vec<i64> = contents(&found.snapshot().unwrap()).rows.into_keys().collect();
            assert_eq!(rows, (1..=fitting).collect::<Vec<_>>(), "room {room}");
            put(&found, fitting + 1).unwrap();
        }
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

/// What a serializable transaction has read is looked at before the commit mutex is taken, and again under it.
#[test]
fn who_commits_after_the_first_look_is_seen_by_the_second() {
    let system = Simulated::default();
    for store in [Store::new(catalog("")), open(&system, Durability::Full).unwrap()] {
        commit(&store, &Step::Create).unwrap();
        commit(&store, &Step::Put(1, 10, String::new())).unwrap();
        let number = |version: &Version| version.table(TABLE).unwrap().get(RowId::new(1)).unwrap().int(1);
        let mut transaction = store.begin(Isolation::Serializable);
        assert_eq!(transaction.read(number), Ok(10));
        let written = transaction.write(|writer| {
            write(writer, &Step::Put(2, 0, String::new()));
            Ok::<_, Error>(())
        });
        written.unwrap();
        let looks = Cell::new(0);
        let refused = transaction.commit_if(|before, after| {
            looks.set(looks.get() + 1);
            if looks.get() == 1 {
                commit(&store, &Step::Put(1, 11, String::new())).unwrap();
            }
            if number(before) == number(after) { Ok(()) } else { Err(Error::Poisoned) }
        });
        assert_eq!((refused, looks.get()), (Err(Error::Poisoned), 2));
        drop(transaction);
        assert_eq!(contents(&store.snapshot().unwrap()).rows.into_keys().collect::<Vec<_>>(), [1]);
    }
}
