//! What is committed is there again, under both promises, with and without checkpoints.

use std::cell::Cell;
use std::io;
use std::time::Instant;

use super::*;
use crate::commit::CommitId;
use crate::file::simulated::Fault;
use crate::isolation::Isolation;

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
