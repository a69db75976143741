//! A backup of a running database is a database, and one that fails leaves nothing.

use std::io;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::thread;

use super::*;
use crate::file::simulated::Fault;

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
