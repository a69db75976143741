//! What is committed is there again, under both promises, with and without checkpoints.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::commit::CommitId;
use crate::file::simulated::Fault;
use crate::file::{Appended, Files};
use crate::isolation::Isolation;
use crate::sync::{Condvar, Mutex};

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

#[test]
fn nothing_is_seen_before_it_is_durable() {
    let system = Simulated::default();
    let store = open(&system, Durability::Full).unwrap();
    commit(&store, &Step::Create).unwrap();
    system.plan(system.operations() + 2, crate::file::simulated::Fault::Fails(std::io::ErrorKind::Other));
    let error = commit(&store, &Step::Put(1, 1, "refused".into())).unwrap_err();
    assert!(matches!(&error, Error::File(error) if matches!(**error, FileError::Stopped { .. })), "{error}");
    assert_eq!(contents(&store.snapshot().unwrap()).rows.len(), 0);
    commit(&store, &Step::Put(2, 1, "refused, too".into())).unwrap_err();
    store.compact().unwrap_err();
    assert_eq!(contents(&store.snapshot().unwrap()).rows.len(), 0, "it can be read");
    drop(store);
    let store = open(&system, Durability::Full).unwrap();
    assert_eq!(contents(&store.snapshot().unwrap()).rows.len(), 0, "what was refused was cut off");
    commit(&store, &Step::Put(2, 1, "accepted".into())).unwrap();
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

/// A disk whose syncs wait at a gate.
#[derive(Clone, Debug)]
struct Gated {
    system: Simulated,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<GateState>,
    opened: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    is_shut: bool,
    waiting: usize,
}

#[derive(Debug)]
struct GatedFile(Box<dyn Appended>, Arc<Gate>);

impl Gate {
    fn shut(&self) {
        self.state.lock().is_shut = true;
    }

    fn open(&self) {
        self.state.lock().is_shut = false;
        self.opened.notify_all();
    }

    fn is_shut(&self) -> bool {
        self.state.lock().is_shut
    }

    /// Waits until somebody waits.
    fn wait_for_one(&self) {
        let begun = Instant::now();
        while self.state.lock().waiting == 0 {
            assert!(begun.elapsed() < PATIENCE, "nobody syncs");
            thread::yield_now();
        }
    }

    /// Waits until it is open; who would wait for ever is let through, and finds out by what happened without it.
    fn pass(&self) {
        let patience = Instant::now() + PATIENCE;
        let mut state = self.state.lock();
        state.waiting += 1;
        while state.is_shut && !self.opened.wait_until(&mut state, patience).timed_out() {}
        state.waiting -= 1;
    }
}

impl Files for Gated {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.system.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.system.list(path)
    }

    /// A file that is made while the gate is shut is synced beside it.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Appended>> {
        let file = self.system.create(path)?;
        if self.gate.is_shut() { Ok(file) } else { Ok(Box::new(GatedFile(file, Arc::clone(&self.gate)))) }
    }

    fn open(&self, path: &Path, length: u64) -> io::Result<Box<dyn Appended>> {
        Ok(Box::new(GatedFile(self.system.open(path, length)?, Arc::clone(&self.gate))))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn io::Read>> {
        self.system.read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.system.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.system.remove(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.system.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn std::fmt::Debug + Send>>> {
        self.system.lock(path)
    }
}

impl Appended for GatedFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }

    fn reserve(&mut self, bytes: usize) -> io::Result<usize> {
        self.0.reserve(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.1.pass();
        self.0.sync()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.cut(length)
    }
}

/// After this long something that was to happen will not happen any more.
const PATIENCE: Duration = Duration::from_secs(60);

fn open_gated(system: &Simulated) -> (Store, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let gated = Gated { system: system.clone(), gate: Arc::clone(&gate) };
    let directory = Directory::new(Arc::new(gated), path());
    let store = Store::open_in(&directory, options(Durability::Full), catalog(""), Arc::new(Texts)).unwrap();
    begin(&store);
    (store, gate)
}

/// Makes the table, and has its keys reserved, which a statement waits for.
fn begin(store: &Store) {
    for step in [Step::Create, Step::Put(50, 0, String::new()), Step::Delete(50)] {
        commit(store, &step).unwrap();
    }
}

fn put_later(store: &Store, row: i64) -> crate::store::Committing {
    let mut transaction = store.begin_async(Isolation::ReadCommitted);
    transaction
        .write(|writer| {
            write(writer, &Step::Put(row, row, "later".into()));
            Ok::<_, Error>(())
        })
        .unwrap();
    transaction.commit_later_if(|_, _| Ok::<_, Error>(())).unwrap()
}

#[test]
fn commits_of_tasks_wait_for_a_slow_sync_while_their_thread_goes_on() {
    let system = Simulated::default();
    let (store, gate) = open_gated(&system);
    // A runtime of one thread: it polls whoever was woken, and goes on meanwhile.
    struct Woken(AtomicUsize);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    let woken = Arc::new(Woken(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    gate.shut();
    let before = system.operations();
    let mut commits: Vec<_> = (1..=5).map(|row| put_later(&store, row)).collect();
    for commit in &mut commits {
        assert!(Pin::new(commit).poll(&mut context).is_pending(), "nothing is synced, and nobody has waited");
    }
    assert_eq!(contents(&store.snapshot().unwrap()).rows.len(), 0, "nothing is seen before it is durable");
    gate.open();
    let begun = Instant::now();
    while woken.0.load(Relaxed) < commits.len() {
        thread::sleep(Duration::from_millis(1));
        assert!(begun.elapsed() < PATIENCE, "nobody wakes the tasks");
    }
    for commit in &mut commits {
        assert!(matches!(Pin::new(commit).poll(&mut context), Poll::Ready(Ok(_))));
    }
    assert_eq!(contents(&store.snapshot().unwrap()).rows.len(), 5);
    assert!(system.operations() - before <= 6, "two syncs at most for all of them, with what they sync");
    assert_eq!(store.locks().lockers(), 0);
}

#[test]
fn a_commit_that_nobody_awaits_happens_and_lets_its_locks_go() {
    let system = Simulated::default();
    let (store, gate) = open_gated(&system);
    gate.shut();
    drop(put_later(&store, 1));
    thread::scope(|scope| {
        // Waits for the row, and so for the commit.
        let after = scope.spawn(|| commit(&store, &Step::Put(1, 2, "after".into())));
        let begun = Instant::now();
        while store.waiting() == 0 {
            assert!(begun.elapsed() < PATIENCE && !after.is_finished(), "it does not wait");
            thread::yield_now();
        }
        gate.open();
        after.join().unwrap().unwrap();
    });
    gate.shut();
    drop(put_later(&store, 2));
    thread::scope(|scope| {
        let closing = scope.spawn(|| drop(store)); // which waits, too
        gate.open();
        closing.join().unwrap();
    });
    let store = open(&system, Durability::Full).unwrap();
    assert_eq!(contents(&store.snapshot().unwrap()).rows.keys().copied().collect::<Vec<_>>(), [1, 2]);
}

/// The version that a checkpoint is of may have commits that are not durable yet, and will not be.
#[test]
fn a_checkpoint_has_nothing_that_was_refused() {
    let system = Simulated::default();
    let (store, gate) = open_gated(&system);
    commit(&store, &Step::Put(1, 1, "before".into())).unwrap();
    gate.shut();
    let mut refused = put_later(&store, 2);
    gate.wait_for_one();
    let written = system.operations();
    thread::scope(|scope| {
        let checkpoint = scope.spawn(|| store.compact());
        let begun = Instant::now();
        // A new log is made, synced, named and its name synced; then the old one has to be durable.
        while system.operations() < written + 5 {
            assert!(begun.elapsed() < PATIENCE, "no log is begun");
            thread::yield_now();
        }
        system.plan(written + 6, Fault::Fails(io::ErrorKind::Other));
        gate.open();
        checkpoint.join().unwrap().unwrap_err();
    });
    assert!(matches!(settled(&mut refused), Err(Error::File(_))));
    drop(store);
    let store = open(&system, Durability::Full).unwrap();
    assert_eq!(contents(&store.snapshot().unwrap()).rows.into_keys().collect::<Vec<_>>(), [1]);
}

/// What became of a commit, when that is known.
fn settled(commit: &mut crate::store::Committing) -> Result<CommitId, Error> {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match Pin::new(&mut *commit).poll(&mut context) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => thread::sleep(Duration::from_millis(1)),
        }
    }
}

#[test]
fn a_task_is_told_that_its_commit_failed() {
    let system = Simulated::default();
    let (store, gate) = open_gated(&system);
    // The sync: what comes before it are the write, and the zeros behind it.
    system.plan(system.operations() + 3, Fault::Fails(io::ErrorKind::Other));
    gate.shut(); // or the first fails before the others are there
    let commits: Vec<_> = (1..=3).map(|row| put_later(&store, row)).collect();
    gate.open();
    for mut commit in commits {
        let outcome = settled(&mut commit);
        assert!(matches!(outcome, Err(Error::File(_))), "{outcome:?}");
    }
    assert_eq!(contents(&store.snapshot().unwrap()).rows.len(), 0);
    assert_eq!(store.locks().lockers(), 0);
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
    let begun = Instant::now();
    let failed = loop {
        if let Some(failed) = store.last_checkpoint() {
            break failed;
        }
        assert!(begun.elapsed() < PATIENCE, "no checkpoint is written");
        thread::sleep(Duration::from_millis(5));
    };
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
