//! Stores in files: opened, checkpointed, backed up.
//!
//! ```text
//!   commit ── frame ──> log g          checkpoint: log g+1 is begun, and under the mutex made the one that frames go to;
//!                                      the version of that moment is written down beside; then log g can go
//! ```
//!
//! A checkpoint is written from a held version, so nobody waits for it: under the commit mutex two numbers and a
//! pointer change. Until it is whole and has its name, the checkpoint and the logs before it are what a recovery uses.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::keeper::{Bell, Keeper};
use super::syncer::Syncer;
use super::{Inner, Store};
use crate::checkpoint::{self, Position};
use crate::codec::{self, Malformed};
use crate::commit::CommitId;
use crate::error::Error;
use crate::file::{Directory, FileError, Held, Kind};
use crate::holders::{Holders, Who};
use crate::keys::Counters;
use crate::log::frame::Payload;
use crate::log::{Log, Segment};
use crate::record::LogRecord;
use crate::recovery::{self, Recovered, Recovery};
use crate::salvage::{Salvage, directories, salvage, write_new};
use crate::sync::Mutex;
use crate::write_set::{Catalog, CatalogCodec};

/// When a commit returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// When it is on disk: it survives a crash of the machine. Commits that arrive together share a sync.
    #[default]
    Full,
    /// At once. It is written and synced within a fraction of a second; a crash before that loses it, and then
    /// everything after it, but never a part of it.
    Buffered,
}

/// How a store lies in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// When a commit returns.
    pub durability: Durability,
    /// The length of the log, in bytes, at which a checkpoint is written in the background; if the last checkpoint was
    /// longer, its length. So what is written twice is never more than what is written once.
    pub checkpoint_bytes: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { durability: Durability::default(), checkpoint_bytes: 64 << 20 }
    }
}

impl From<Durability> for Options {
    fn from(durability: Durability) -> Options {
        Options { durability, ..Options::default() }
    }
}

/// What a compaction has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compacted {
    /// The commit that the new checkpoint is of.
    pub commit: CommitId,
    /// The length of the log and the checkpoint before, in bytes.
    pub before: u64,
    /// The length of the new checkpoint, in bytes.
    pub after: u64,
}

/// The last checkpoint that was written, or was to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpointed {
    /// What was done, or why it was not: then everything there was before is still there, and the log goes on growing.
    pub outcome: Result<Compacted, Error>,
    /// When it was over.
    pub at: SystemTime,
    /// How many have failed since the last that did not, this one included.
    pub failures: u64,
}

/// The files of a store.
#[derive(Debug)]
pub(super) struct Durable {
    directory: Directory,
    log: Log,
    schema: Arc<dyn CatalogCodec>,
    options: Options,
    report: Recovery,
    /// Held while a checkpoint is written.
    checkpointing: Mutex<Generation>,
    /// What became of the last one since the store was opened.
    checkpointed: Mutex<Option<Checkpointed>>,
    /// The last frame that reserved counters.
    reserved: Mutex<u64>,
    /// Wakes who keeps the files in order.
    pub(super) bell: Bell,
    /// Where tasks leave what they would have to wait for.
    pub(super) syncer: Syncer,
    /// Given back when the store is closed.
    lock: Mutex<Option<Box<dyn Held>>>,
}

/// Which files there are.
#[derive(Clone, Copy, Debug)]
struct Generation {
    /// The generation of the log that frames go to.
    generation: u64,
    /// The length of the last checkpoint, in bytes.
    length: u64,
    /// The length of the logs since then and before the one that frames go to: of checkpoints that failed.
    behind: u64,
}

impl Store {
    /// Opens the database in a directory, or makes one there if there is nothing. `empty` is the catalog of a new one.
    ///
    /// It is locked until the last clone of the store is gone, and closed then.
    ///
    /// # Errors
    /// [`Error::File`], and everything is left as it was: see [`FileError`].
    pub fn open(
        path: &Path,
        options: Options,
        empty: Catalog,
        schema: Arc<dyn CatalogCodec>,
    ) -> Result<Store, Error> {
        Store::open_in(&Directory::on_disk(path), options, empty, schema)
    }

    pub(super) fn open_in(
        directory: &Directory,
        options: Options,
        empty: Catalog,
        schema: Arc<dyn CatalogCodec>,
    ) -> Result<Store, Error> {
        let store = Store::open_unkept(directory, options, empty, schema)?;
        Ok(Store { keeper: Some(Arc::new(Keeper::of(&store.inner))), ..store })
    }

    /// The same without threads of its own.
    pub(crate) fn open_unkept(
        directory: &Directory,
        options: Options,
        empty: Catalog,
        schema: Arc<dyn CatalogCodec>,
    ) -> Result<Store, Error> {
        let recovered = recovery::open(directory, empty, &*schema)?;
        let Recovered { version, counters, log, generation, checkpoint_length, behind, report, lock } =
            recovered;
        let durable = Durable {
            directory: directory.clone(),
            log,
            schema,
            options,
            report,
            checkpointing: Mutex::new(Generation { generation, length: checkpoint_length, behind }),
            checkpointed: Mutex::new(None),
            reserved: Mutex::new(0),
            bell: Bell::default(),
            syncer: Syncer::default(),
            lock: Mutex::new(Some(lock)),
        };
        let counters = Counters::restored(&counters);
        Ok(Store::of(Inner::new(Arc::new(version), counters, Some(durable), Holders::default())))
    }

    /// What was done to open it; none if it is in memory.
    pub fn recovery(&self) -> Option<&Recovery> {
        self.inner.durable.as_ref().map(|durable| &durable.report)
    }

    /// Returns when everything that was committed is durable. In memory, at once.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn flush(&self) -> Result<(), Error> {
        self.inner.durable.as_ref().map_or(Ok(()), |durable| Ok(durable.log.flush_all()?))
    }

    /// Writes a checkpoint now and drops the log before it. Others read and commit meanwhile. None in memory.
    ///
    /// # Errors
    /// [`Error::File`]. If it fails, what there was before is still there.
    pub fn compact(&self) -> Result<Option<Compacted>, Error> {
        self.inner.checkpoint()
    }

    /// What became of the last checkpoint, whether it was asked for or written in the background; none if there was
    /// none since the store was opened.
    pub fn last_checkpoint(&self) -> Option<Checkpointed> {
        self.inner.durable.as_ref()?.checkpointed.lock().clone()
    }

    /// Writes the database as it is now into a directory that is made for it, and that can be
    /// [opened](Store::open) when this returns. Others read and commit meanwhile. One in memory can be written down,
    /// too.
    ///
    /// # Errors
    /// [`Error::File`]; [`FileError::Exists`] if there is something of this name.
    pub fn backup(&self, path: &Path, schema: &dyn CatalogCodec) -> Result<CommitId, Error> {
        let directory = match &self.inner.durable {
            Some(durable) => durable.directory.beside(path),
            None => Directory::on_disk(path),
        };
        self.backup_into(&directory, schema)
    }

    pub(super) fn backup_into(
        &self,
        directory: &Directory,
        schema: &dyn CatalogCodec,
    ) -> Result<CommitId, Error> {
        let version = self.hold(self.snapshot()?, Who::Checkpoint);
        let position = Position { sequence: 0, counters: self.inner.counters.handed_out() };
        write_new(directory, &version, &position, schema)?;
        Ok(version.commit())
    }

    /// Writes what is whole of a damaged database into a directory that is made for it. The damaged one stays as it is.
    ///
    /// What the log says after a damaged place is lost; a damaged checkpoint loses rows, and then everything the log
    /// says.
    ///
    /// # Errors
    /// [`Error::File`]: also if the catalog itself is lost.
    pub fn salvage(
        from: &Path,
        into: &Path,
        empty: Catalog,
        schema: &dyn CatalogCodec,
    ) -> Result<Salvage, Error> {
        let (from, into) = directories(from, into);
        salvage(&from, &into, empty, schema)
    }
}

impl Inner {
    /// Writes a checkpoint, unless the store is in memory, and takes down what became of it.
    pub(super) fn checkpoint(&self) -> Result<Option<Compacted>, Error> {
        let Some(durable) = &self.durable else { return Ok(None) };
        // What is half done when it panics is no more than when the disk fails.
        let written = catch_unwind(AssertUnwindSafe(|| self.write_checkpoint(durable)));
        let outcome = written.unwrap_or_else(|panic| Err(panicked(&*panic)));
        let mut last = durable.checkpointed.lock();
        let failed_before = last.as_ref().map_or(0, |last| last.failures);
        let failures = if outcome.is_ok() { 0 } else { failed_before + 1 };
        *last = Some(Checkpointed { outcome: outcome.clone(), at: SystemTime::now(), failures });
        outcome.map(Some)
    }

    fn write_checkpoint(&self, durable: &Durable) -> Result<Compacted, Error> {
        let mut last = durable.checkpointing.lock();
        let before = last.length + last.behind + durable.log.length();
        let generation = last.generation + 1;
        durable.expect_in_place()?;
        let segment = Segment::create(&durable.directory, generation)?;
        let (version, sequence) = {
            let committing = self.committing.lock();
            let version = committing.or_newest(self)?;
            last.behind += durable.log.length();
            last.generation = generation;
            (version, durable.log.rotate(segment)?)
        };
        let version = self.holders.hold(version, Who::Checkpoint);
        let counters = self.counters.reserved();
        // What the checkpoint says must not be newer than what the log would say.
        durable.log.flush(sequence)?;
        let position = Position { sequence, counters };
        let after = checkpoint::write(&durable.directory, generation, &version, &position, durable.schema())?;
        (last.length, last.behind) = (after, 0);
        durable.expect_in_place()?;
        durable.remove_before(generation);
        Ok(Compacted { commit: version.commit(), before, after })
    }

    /// Makes what was handed out of the counters durable.
    pub(super) fn reserve_keys(&self) -> Result<(), Error> {
        let Some(durable) = &self.durable else { return Ok(()) };
        let sequence = durable.reserve(&self.counters)?;
        match durable.durability() {
            Durability::Full => durable.flush(sequence),
            Durability::Buffered => Ok(()),
        }
    }

    /// Writes down that nothing more comes, and gives the directory to the next who wants it. What cannot be written
    /// any more is what a crash would lose.
    pub(super) fn close(&self) {
        let Some(durable) = &self.durable else { return };
        // So that the last frame says of all before it that they were durable: what is missed of them is damage then.
        let is_durable = durable.flush_all().is_ok();
        let closed = LogRecord::Closed(self.counters.handed_out());
        if is_durable && durable.log.append(&Payload::new(codec::encode(&closed))).is_ok() {
            let _ = durable.log.close();
        }
        durable.lock.lock().take();
    }
}

impl Durable {
    pub(super) fn durability(&self) -> Durability {
        self.options.durability
    }

    pub(super) fn schema(&self) -> &dyn CatalogCodec {
        &*self.schema
    }

    /// Appends the record of a commit, and before it what it needs of the counters. The caller holds the commit mutex.
    pub(super) fn append(&self, counters: &Counters, record: &Payload) -> Result<u64, Error> {
        self.reserve(counters)?;
        let sequence = self.log.append(record)?;
        self.bell.ring();
        Ok(sequence)
    }

    /// Reserves what was handed out of the counters. Returns the frame that has to be durable before anybody is told of
    /// it.
    fn reserve(&self, counters: &Counters) -> Result<u64, FileError> {
        let mut reserved = self.reserved.lock();
        if counters.is_beyond_reserved() {
            let record = LogRecord::Reserve(counters.reserve());
            *reserved = self.log.append(&Payload::new(codec::encode(&record)))?;
        }
        Ok(*reserved)
    }

    /// Returns when a frame and all before it are durable.
    pub(super) fn flush(&self, sequence: u64) -> Result<(), Error> {
        Ok(self.log.flush(sequence)?)
    }

    /// Waits for the disk if too much waits to be written.
    pub(super) fn take_in(&self) -> Result<(), Error> {
        Ok(self.log.relieve()?)
    }

    /// Makes everything durable.
    pub(super) fn flush_all(&self) -> Result<(), FileError> {
        self.log.flush_all()
    }

    /// Whether the log is long enough for a checkpoint.
    pub(super) fn wants_checkpoint(&self) -> bool {
        let last = self.checkpointing.try_lock();
        let is_long = |last: &Generation| {
            last.behind + self.log.length() > self.options.checkpoint_bytes.max(last.length)
        };
        last.is_some_and(|last| is_long(&last)) && self.log.checked().is_ok()
    }

    /// That the directory is where it was opened. If it was moved and another is in its place, the names of files mean
    /// those of another database.
    fn expect_in_place(&self) -> Result<(), FileError> {
        match &*self.lock.lock() {
            Some(lock) => self.directory.expect_held(&**lock),
            None => Ok(()),
        }
    }

    /// Removes what a checkpoint has made superfluous. What cannot be removed is in nobody's way, and tried again.
    fn remove_before(&self, generation: u64) {
        let Ok(listing) = self.directory.list() else { return };
        for (kind, generations) in [(Kind::Log, listing.logs), (Kind::Checkpoint, listing.checkpoints)] {
            for old in generations.into_iter().filter(|old| *old < generation) {
                let _ = self.directory.remove(kind, old);
            }
        }
    }
}

/// The error of a checkpoint whose writing panicked: what it is of cannot be written down.
fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref().map(String::as_str));
    Malformed::new("a checkpoint", format!("it panicked: {}", text.unwrap_or("no text"))).into()
}
