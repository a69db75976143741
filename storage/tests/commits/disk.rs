//! Group commit: stores in files, on a disk that others run beside, and that fails.

use std::any::Any;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use shuttle::rand::Rng;
use shuttle::thread;

use super::source::codec::Malformed;
use super::source::file::simulated::{Fault, Simulated};
use super::source::file::{Appended, Directory, Files, Held};
use super::source::store::{Durability, Options};
use super::{Catalog, CatalogCodec, Error, Isolation, Reach, Store, Table, increment, value, with_counters};

/// A disk that takes its time: before each write and each sync somebody else may go on.
#[derive(Clone, Debug)]
struct Busy(Simulated);

#[derive(Debug)]
struct BusyFile(Box<dyn Appended>);

impl Files for Busy {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.list(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Appended>> {
        Ok(Box::new(BusyFile(self.0.create(path)?)))
    }

    fn open(&self, path: &Path, length: u64) -> io::Result<Box<dyn Appended>> {
        Ok(Box::new(BusyFile(self.0.open(path, length)?)))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read>> {
        self.0.read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        thread::yield_now();
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        thread::yield_now();
        self.0.sync_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.0.remove_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
        self.0.lock(path)
    }
}

impl Appended for BusyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        thread::yield_now();
        self.0.append(bytes)
    }

    fn reserve(&mut self, bytes: usize) -> io::Result<usize> {
        thread::yield_now();
        self.0.reserve(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        thread::yield_now();
        self.0.sync()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.cut(length)
    }
}

/// A catalog of which there is nothing to tell.
#[derive(Debug)]
struct Nothing;

impl CatalogCodec for Nothing {
    fn encode(&self, _: &Catalog, _: Option<&Catalog>) -> Result<Vec<u8>, Malformed> {
        Ok(Vec::new())
    }

    fn decode(&self, _: &[u8], _: Option<&Catalog>) -> Result<Catalog, Malformed> {
        Ok(Arc::new(()) as Arc<dyn Any + Send + Sync>)
    }

    fn build_indexes(&self, _: &Catalog, _: &mut Table) -> Result<(), Malformed> {
        Ok(())
    }
}

fn open(system: &Simulated) -> Store {
    let directory = Directory::new(Arc::new(Busy(system.clone())), Path::new("/music"));
    let options = Options { durability: Durability::Full, checkpoint_bytes: u64::MAX };
    Store::open_unkept(&directory, options, Arc::new(()), Arc::new(Nothing)).expect("a prefix can be opened")
}

fn values(store: &Store) -> Result<(i64, i64), Error> {
    store.read(|version| (value(version, 1), value(version, 2)))
}

/// What is found when the power goes now.
fn after_power_cut(system: &Simulated) -> (i64, i64) {
    let seed = shuttle::rand::thread_rng().r#gen();
    values(&open(&system.after_power_cut(seed))).expect("nobody panicked")
}

/// What a reader has seen is there after the power went, whatever of the rest; with a checkpoint on the way.
pub(crate) fn what_is_seen_is_durable() {
    let system = Simulated::default();
    let store = with_counters(open(&system));
    let mut threads: Vec<_> = [1, 2]
        .map(|row| {
            let store = store.clone();
            thread::spawn(move || {
                let mut transaction = store.begin(Isolation::ReadCommitted);
                transaction.write(|writer| increment(writer, row)).expect("nobody else writes it");
                transaction.commit().expect("the disk does not fail");
                store.write(Reach::Short, |writer| increment(writer, 1)).expect("it waits for one row alone");
            })
        })
        .into();
    let checkpointed = store.clone();
    threads.push(thread::spawn(move || {
        checkpointed.compact().expect("the disk does not fail");
    }));
    for _ in 0..3 {
        let seen = values(&store).expect("nobody panicked");
        let found = after_power_cut(&system);
        assert!(found.0 >= seen.0 && found.1 >= seen.1, "{seen:?} were seen, {found:?} are there");
    }
    threads.into_iter().for_each(|thread| thread.join().expect("it did not panic"));
    assert_eq!((values(&store).expect("nobody panicked"), after_power_cut(&system)), ((3, 1), (3, 1)));
}

/// At whatever operation the disk fails: each commit that was acknowledged is there, none that was not is seen, and
/// after the first that failed no other succeeds.
pub(crate) fn a_disk_fails() {
    let system = Simulated::default();
    let store = with_counters(open(&system));
    let operation = system.operations() + shuttle::rand::thread_rng().gen_range(1..10);
    system.plan(operation, Fault::FailsHalfway(ErrorKind::Other));
    let writers = [1, 2].map(|row| {
        let store = store.clone();
        thread::spawn(move || {
            let mut acknowledged = 0;
            let mut has_failed = false;
            for _ in 0..2 {
                let written = store.write(Reach::Short, |writer| increment(writer, row)).is_ok();
                assert!(!(has_failed && written), "a commit after one that failed");
                has_failed |= !written;
                acknowledged += i64::from(written);
            }
            acknowledged
        })
    });
    let [one, other] = writers.map(|writer| writer.join().expect("it did not panic"));
    assert_eq!(values(&store), Ok((one, other)), "what was refused is not seen");
    let found = after_power_cut(&system);
    assert!(found.0 >= one && found.1 >= other, "{one} and {other} were acknowledged, {found:?} are there");
    assert!(found.0 <= 2 && found.1 <= 2);
}
