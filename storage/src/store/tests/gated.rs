//! A disk that takes its time: what goes on while it does, and what becomes of those who wait for it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::commit::CommitId;
use crate::file::simulated::Fault;
use crate::file::{Appended, Files, Held};
use crate::isolation::Isolation;
use crate::sync::{Condvar, Mutex};

/// A disk whose syncs wait at a gate.
#[derive(Clone, Debug)]
struct Gated {
    system: Simulated,
    gate: Arc<Gate>,
    gates: Gates,
}

/// Which syncs wait at the gate.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gates {
    /// Those of all files but what is made while it is shut.
    Logs,
    /// Those of checkpoints.
    Checkpoints,
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

    fn create(&self, path: &Path) -> io::Result<Box<dyn Appended>> {
        let file = self.system.create(path)?;
        let is_checkpoint = path.to_string_lossy().contains(".checkpoint");
        let is_gated = match self.gates {
            Gates::Logs => !self.gate.is_shut(),
            Gates::Checkpoints => is_checkpoint,
        };
        if is_gated { Ok(Box::new(GatedFile(file, Arc::clone(&self.gate)))) } else { Ok(file) }
    }

    fn open(&self, path: &Path, length: u64) -> io::Result<Box<dyn Appended>> {
        let file = self.system.open(path, length)?;
        let is_gated = self.gates == Gates::Logs;
        if is_gated { Ok(Box::new(GatedFile(file, Arc::clone(&self.gate)))) } else { Ok(file) }
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

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.system.remove_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
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

fn open_gated(system: &Simulated, gates: Gates) -> (Store, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let gated = Gated { system: system.clone(), gate: Arc::clone(&gate), gates };
    let directory = Directory::new(Arc::new(gated), path());
    let store = Store::open_in(&directory, options(Durability::Full), catalog(""), Arc::new(Texts)).unwrap();
    begin(&store);
    (store, gate)
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
    let (store, gate) = open_gated(&system, Gates::Logs);
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
    let (store, gate) = open_gated(&system, Gates::Logs);
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

/// A waker is foreign code. Who panics in it is alone with that.
#[test]
fn a_waker_that_panics_keeps_nobody_else_from_what_they_wait_for() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a runtime that is not there any more");
        }
    }
    let system = Simulated::default();
    let (store, gate) = open_gated(&system, Gates::Logs);
    let waker = Waker::from(Arc::new(Panics));
    let mut context = Context::from_waker(&waker);
    gate.shut();
    let mut brittle = put_later(&store, 1);
    assert!(Pin::new(&mut brittle).poll(&mut context).is_pending());
    let mut other = put_later(&store, 2);
    // Two who wait for the row of the first, the first of them with such a waker.
    let mut waiting = [(); 2].map(|()| store.begin_async(Isolation::ReadCommitted));
    let mut tickets = waiting.each_mut().map(|transaction| {
        let mut read = |writer: &mut Writer<'_>| {
            writer.locking().row(TABLE, RowId::new(1), Strength::Share);
            Ok::<_, Error>(())
        };
        match transaction.step(&mut crate::statement::Statement::new(), &mut read) {
            Ok(crate::statement::Step::Wait(ticket)) => ticket,
            other => panic!("it is locked: {other:?}"),
        }
    });
    assert!(Pin::new(&mut tickets[0]).poll(&mut context).is_pending());
    gate.open();
    assert!(settled(&mut brittle).is_ok());
    assert!(settled(&mut other).is_ok());
    for ticket in tickets {
        ticket.wait(Some(Instant::now() + PATIENCE)).unwrap();
    }
    drop(waiting);
    assert_eq!(store.locks().lockers(), 0);
    assert!(settled(&mut put_later(&store, 3)).is_ok(), "there is somebody still who syncs");
}

/// The version that a checkpoint is of may have commits that are not durable yet, and will not be.
#[test]
fn a_checkpoint_has_nothing_that_was_refused() {
    let system = Simulated::default();
    let (store, gate) = open_gated(&system, Gates::Logs);
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
    let (store, gate) = open_gated(&system, Gates::Logs);
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
fn others_read_and_commit_while_a_checkpoint_is_written() {
    let system = Simulated::default();
    let (store, gate) = open_gated(&system, Gates::Checkpoints);
    commit(&store, &Step::Put(1, 1, "before".into())).unwrap();
    gate.shut();
    thread::scope(|scope| {
        let checkpoint = scope.spawn(|| store.compact());
        gate.wait_for_one();
        let rows: Vec<i64> = (1..=5).collect();
        for row in &rows[1..] {
            commit(&store, &Step::Put(*row, 1, "meanwhile".into())).unwrap();
        }
        let rows_of =
            |store: &Store| contents(&store.snapshot().unwrap()).rows.into_keys().collect::<Vec<_>>();
        assert_eq!(rows_of(&store), rows);
        assert!(!checkpoint.is_finished(), "it is written still");
        for seed in 0..4 {
            let found = open(&system.after_power_cut(seed), Durability::Full).unwrap();
            assert_eq!(rows_of(&found), rows, "what the log says is there without it");
        }
        gate.open();
        checkpoint.join().unwrap().unwrap();
    });
    assert_eq!(contents(&store.snapshot().unwrap()).rows.len(), 5);
}
