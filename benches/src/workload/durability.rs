//! What is on disk when it is said to be done, and how it is found there again.
//!
//! All of it is in one folder, on the file system that the options name, and all of it is synced: SQLite has a WAL and
//! `synchronous = FULL`, Nuages its [`Durability::Full`](nuages_engine::Durability). Several committers share one
//! connection of SQLite's behind a mutex, as they do in memory; it lets in one writer at a time in any case.
//!
//! To *open* is not the same for both. Nuages reads its checkpoint and its log, and then has every row in memory.
//! SQLite reads what it is asked for. So the database is opened and asked one row in one workload, and opened and asked
//! a sum over all rows in another; the files are in the system's cache for everybody. To write a *checkpoint* is for
//! Nuages to write down all rows and index entries anew, and for SQLite, which changes pages in place and so never has
//! to do that, a `VACUUM INTO` another file, and a sync of it.

use std::fs::{self, File};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::thread;

use super::concurrency::{Concurrency, Transfer, Worker, added_up, transfers};
use super::{Tables, Workload};
use crate::contestant::engine::Planning;
use crate::contestant::{Competitor, Engine, Orm, Sqlite};
use crate::data::Input;
use crate::harness::{Result, Sample, timed};
use crate::options::Options;

/// How many items the files hold.
pub(crate) const FILE_SIZES: [usize; 2] = [SMALL, LARGE];
const SMALL: usize = 100_000;
const LARGE: usize = 1_000_000;

const TRANSFERS: usize = 200;
const COMMITS: usize = 320;
/// Commits since the last checkpoint, when a database is opened.
const LOGGED: usize = 100;

/// Who keeps items in files.
pub(crate) trait Filed: Competitor {
    /// The database as threads share it.
    fn worker(&mut self) -> Result<Box<dyn Worker + '_>>;

    /// Closes the database, off the clock, and opens it again.
    fn reopen(&mut self) -> Result<Sample>;

    /// Writes everything down, and says how many bytes that were.
    fn checkpoint(&mut self) -> Result<Sample>;
}

/// Everybody who keeps items in files, with empty tables. SQLite comes first: it is what the others are compared with.
pub(crate) fn all(options: &Options) -> Result<Vec<Box<dyn Filed>>> {
    let folder = Rc::new(Folder::create(&options.files)?);
    Ok(vec![
        Box::new(InFiles::<Sqlite>::open(&folder)?),
        Box::new(InFiles::<Orm>::open(&folder)?),
        Box::new(InFiles::<Engine>::open(&folder)?),
    ])
}

pub(crate) const WORKLOADS: [Workload<dyn Filed>; 8] = [
    Workload {
        name: "durable transfer, 1 thread",
        unit: "transaction",
        tables: Tables::Files { items: SMALL },
        units: |_| TRANSFERS,
        run: |filed, input, round| transfer(filed, &transfers(input, TRANSFERS, round), 1),
    },
    Workload {
        name: "durable transfer, 2 threads",
        unit: "transaction",
        tables: Tables::Files { items: SMALL },
        units: |_| TRANSFERS,
        run: |filed, input, round| transfer(filed, &transfers(input, TRANSFERS, round), 2),
    },
    Workload {
        name: "durable commits, 1 committer",
        unit: "commit",
        tables: Tables::Files { items: SMALL },
        units: |_| COMMITS,
        run: |filed, input, round| commit(filed, input, round, 1),
    },
    Workload {
        name: "durable commits, 4 committers",
        unit: "commit",
        tables: Tables::Files { items: SMALL },
        units: |_| COMMITS,
        run: |filed, input, round| commit(filed, input, round, 4),
    },
    Workload {
        name: "durable commits, 16 committers",
        unit: "commit",
        tables: Tables::Files { items: SMALL },
        units: |_| COMMITS,
        run: |filed, input, round| commit(filed, input, round, 16),
    },
    Workload {
        name: "open files and get a row",
        unit: "open",
        tables: Tables::Files { items: LARGE },
        units: |_| 1,
        run: |filed, input, round| {
            let key = input.draw(1, round).map(|item| item.id).sum();
            open(filed, input, round, |worker| worker.get(key))
        },
    },
    Workload {
        name: "open files and add up all rows",
        unit: "open",
        tables: Tables::Files { items: LARGE },
        units: |_| 1,
        run: |filed, input, round| open(filed, input, round, |worker| worker.sum()),
    },
    Workload {
        name: "checkpoint of all rows",
        unit: "row",
        tables: Tables::Files { items: LARGE },
        units: Input::rows,
        run: |filed, _, _| filed.checkpoint(),
    },
];

fn transfer(filed: &mut dyn Filed, transfers: &[Transfer], threads: usize) -> Result<Sample> {
    let worker = filed.worker()?;
    timed(|| at_once(transfers, threads, |transfer| worker.transfer(transfer)))
}

/// Adds 1 to items drawn, each its own commit, by so many committers.
fn commit(filed: &mut dyn Filed, input: &Input, round: usize, committers: usize) -> Result<Sample> {
    let keys = keys(input, COMMITS, round);
    let worker = filed.worker()?;
    timed(|| at_once(&keys, committers, |key| worker.increment(key)))
}

/// Opens what has a few commits behind its last checkpoint, and asks it something.
fn open(
    filed: &mut dyn Filed,
    input: &Input,
    round: usize,
    ask: impl Fn(&dyn Worker) -> Result<u64>,
) -> Result<Sample> {
    filed.checkpoint()?;
    let keys = keys(input, LOGGED, round);
    let worker = filed.worker()?;
    added_up(&keys, |key| worker.increment(key))?;
    drop(worker);
    let mut sample = filed.reopen()?;
    let worker = filed.worker()?;
    sample += timed(|| ask(&*worker))?;
    Ok(sample)
}

fn keys(input: &Input, count: usize, round: usize) -> Vec<i64> {
    input.draw(count, round).map(|item| item.id).collect()
}

/// Divides questions among threads, and adds up what they return when all are done.
fn at_once<Q: Copy + Sync>(
    questions: &[Q],
    threads: usize,
    work: impl Fn(Q) -> Result<u64> + Sync,
) -> Result<u64> {
    let part = |part: &[Q]| added_up(part, &work).map_err(|error| error.to_string());
    thread::scope(|scope| {
        let parts = questions.chunks(questions.len().div_ceil(threads));
        let running = parts.map(|questions| scope.spawn(move || part(questions))).collect::<Vec<_>>();
        let mut sum = 0_u64;
        for thread in running {
            sum = sum.wrapping_add(thread.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(sum)
    })
}

/// A folder that is removed when nobody needs it any more.
struct Folder(PathBuf);

impl Folder {
    fn create(parent: &Path) -> Result<Self> {
        let path = parent.join(format!("nuages-benches-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} is left: {error}", self.0.display());
        }
    }
}

/// What has a way to live in files.
trait InFolder: Competitor + Concurrency + Sized {
    /// Its name there.
    const NAME: &'static str;
    /// What it is called in the folder.
    const FILE: &'static str;

    fn open(path: &Path) -> Result<Self>;

    /// Writes everything down, durably; how many bytes.
    fn write_all(&mut self, path: &Path) -> Result<u64>;
}

/// A contestant in files. Between closing and opening there is none.
struct InFiles<C> {
    contestant: Option<C>,
    folder: Rc<Folder>,
}

impl<C: InFolder> InFiles<C> {
    fn open(folder: &Rc<Folder>) -> Result<Self> {
        let mut filed = Self { contestant: None, folder: Rc::clone(folder) };
        filed.reopen()?;
        Ok(filed)
    }

    fn path(&self) -> PathBuf {
        self.folder.0.join(C::FILE)
    }

    fn contestant(&mut self) -> Result<&mut C> {
        self.contestant.as_mut().ok_or_else(|| "the database is closed".into())
    }
}

impl<C: InFolder> Competitor for InFiles<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn load(&mut self, input: &Input) -> Result<()> {
        self.contestant()?.load(input)
    }

    fn checksum(&mut self) -> Result<u64> {
        self.contestant()?.checksum()
    }
}

impl<C: InFolder> Filed for InFiles<C> {
    fn worker(&mut self) -> Result<Box<dyn Worker + '_>> {
        self.contestant()?.worker()
    }

    fn reopen(&mut self) -> Result<Sample> {
        self.contestant = None;
        let path = self.path();
        timed(|| {
            self.contestant = Some(C::open(&path)?);
            Ok(0)
        })
    }

    fn checkpoint(&mut self) -> Result<Sample> {
        let path = self.path();
        let contestant = self.contestant()?;
        let mut bytes = 0;
        let sample = timed(|| {
            bytes = contestant.write_all(&path)?;
            Ok(0)
        })?;
        Ok(Sample { bytes, ..sample })
    }
}

impl InFolder for Sqlite {
    const NAME: &'static str = "SQLite, WAL file";
    const FILE: &'static str = "sqlite.db";

    fn open(path: &Path) -> Result<Self> {
        Self::open(path)
    }

    fn write_all(&mut self, path: &Path) -> Result<u64> {
        let copy = path.with_extension("copy");
        self.connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
        let file = File::open(&copy)?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        fs::remove_file(&copy)?;
        Ok(bytes)
    }
}

impl InFolder for Orm {
    const NAME: &'static str = "ORM, prepared, files";
    const FILE: &'static str = "orm";

    fn open(path: &Path) -> Result<Self> {
        Self::open(path, Planning::Prepared)
    }

    fn write_all(&mut self, _: &Path) -> Result<u64> {
        Ok(self.db.engine().compact()?.map_or(0, |compacted| compacted.after))
    }
}

impl InFolder for Engine {
    const NAME: &'static str = "engine, prepared, files";
    const FILE: &'static str = "engine";

    fn open(path: &Path) -> Result<Self> {
        Self::open(path, Planning::Prepared)
    }

    fn write_all(&mut self, _: &Path) -> Result<u64> {
        Ok(self.db.compact()?.map_or(0, |compacted| compacted.after))
    }
}
