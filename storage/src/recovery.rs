//! Recovery: from the files of a database to its newest version.
//!
//! The newest checkpoint is loaded, and the logs from its generation on are replayed, one frame after another, until
//! they end or a frame is bad. What then follows decides what that means. If a later frame says that something at the
//! bad one or beyond it was durable, it was whole once: the file is damaged, which is an error, and nothing is touched.
//! Otherwise it is what a crash leaves of frames nobody was told of: a torn tail, which is cut. Zeros to the end of a
//! log are neither: the [log](crate::log) grows ahead by them.
//!
//! Everything is read before anything is changed.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::checkpoint::{self, Loaded, Position, check_header};
use crate::codec;
use crate::commit::CommitId;
use crate::file::{Directory, FileError, Held, Kind, Listing};
use crate::log::frame::{self, FILE_HEADER, FileHeader, Frame};
use crate::log::{Log, Segment};
use crate::record::{CountersRecord, LogRecord, Scope, SequenceRecord, commit_of};
use crate::version::Version;
use crate::write_set::{Catalog, CatalogCodec};

/// What was done to open a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// Whether there was no database, so that a new one was made.
    pub created: bool,
    /// The commit of the checkpoint that was loaded; none if there was none.
    pub checkpoint: Option<CommitId>,
    /// How many write sets of the log were replayed.
    pub replayed: u64,
    /// The torn tails that were cut, mostly none and hardly more than one.
    pub torn: Vec<TornTail>,
}

/// The end of a log that was being written when the program or the machine stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file.
    pub path: PathBuf,
    /// How much of it was kept, in bytes.
    pub kept: u64,
    /// How much was cut, in bytes. No commit in it was acknowledged as durable.
    pub cut: u64,
}

/// A database that was read from its files.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) version: Version,
    pub(crate) counters: CountersRecord,
    pub(crate) log: Log,
    pub(crate) generation: u64,
    /// The length of the checkpoint, in bytes.
    pub(crate) checkpoint_length: u64,
    /// The length of the logs before the newest, in bytes.
    pub(crate) behind: u64,
    pub(crate) report: Recovery,
    pub(crate) lock: Box<dyn Held>,
}

/// Opens the database of a directory, or makes one where there is nothing.
pub(crate) fn open(
    directory: &Directory,
    empty: Catalog,
    schema: &dyn CatalogCodec,
) -> Result<Recovered, FileError> {
    match directory.list() {
        Ok(listing) => check_listing(directory, &listing)?,
        Err(FileError::NotFound { .. }) => directory.create()?,
        Err(error) => return Err(error),
    }
    let lock = directory.lock()?;
    let listing = directory.list()?;
    if listing.logs.is_empty() && listing.checkpoints.is_empty() {
        let segment = Segment::create(directory, 0)?;
        return Ok(Recovered {
            version: Version::new(empty),
            counters: CountersRecord::default(),
            log: Log::new(segment, 0),
            generation: 0,
            checkpoint_length: 0,
            behind: 0,
            report: Recovery { created: true, ..Recovery::default() },
            lock,
        });
    }
    let whole = read(directory, &listing, empty, schema)?;
    let log = whole.resume(directory)?;
    clear(directory, &listing, whole.first_generation);
    let report = Recovery {
        created: false,
        checkpoint: whole.checkpoint,
        replayed: whole.replay.commits,
        torn: whole.torn.into_iter().map(|(_, torn)| torn).collect(),
    };
    Ok(Recovered {
        version: whole.replay.version,
        counters: whole.replay.counters.into(),
        log,
        generation: whole.generation,
        checkpoint_length: whole.checkpoint_length,
        behind: whole.behind,
        report,
        lock,
    })
}

/// That a directory has a database, or may get one.
fn check_listing(directory: &Directory, listing: &Listing) -> Result<(), FileError> {
    if !listing.logs.is_empty() || !listing.checkpoints.is_empty() {
        return Ok(());
    }
    let is_backup = |name: &&String| name.ends_with(".checkpoint.new");
    let foreign = listing.others.first().or_else(|| listing.unfinished.iter().find(is_backup));
    foreign.map_or(Ok(()), |found| {
        Err(FileError::NotADatabase { path: directory.path().to_owned(), found: found.clone() })
    })
}

/// Removes what a checkpoint has made superfluous, and what was never finished. They are in nobody's way, so what
/// cannot be removed now stays until the next time.
fn clear(directory: &Directory, listing: &Listing, first: u64) {
    for (kind, generations) in [(Kind::Log, &listing.logs), (Kind::Checkpoint, &listing.checkpoints)] {
        for generation in generations.iter().filter(|generation| **generation < first) {
            let _ = directory.remove(kind, *generation);
        }
    }
    for name in &listing.unfinished {
        let _ = directory.remove_named(name);
    }
}

/// What the files say, before any of them is touched.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) replay: Replay,
    checkpoint: Option<CommitId>,
    checkpoint_length: u64,
    first_generation: u64,
    /// The length of the logs before the newest.
    behind: u64,
    /// The newest log, its header, how much of it is good, and where it ends when what is torn is cut.
    generation: u64,
    header: FileHeader,
    length: u64,
    end: u64,
    /// What is to be cut, by generation.
    torn: Vec<(u64, TornTail)>,
}

/// Reads a database.
fn read(
    directory: &Directory,
    listing: &Listing,
    empty: Catalog,
    schema: &dyn CatalogCodec,
) -> Result<Whole, FileError> {
    let loaded = match listing.checkpoints.last() {
        Some(&generation) => Some((generation, checkpoint::read(directory, generation, schema)?)),
        None => None,
    };
    let first = loaded.as_ref().map_or(0, |(generation, _)| *generation);
    let (checkpoint, checkpoint_length, mut replay) = match loaded {
        Some((_, Loaded { version, position, length })) => {
            (Some(version.commit()), length, Replay::new(version, position))
        }
        None => (None, 0, Replay::new(Version::new(empty), Position::beginning())),
    };
    let generations = logs_from(directory, listing, first)?;
    let (mut torn, mut behind) = (Vec::new(), 0);
    let mut newest = None;
    for (at, &generation) in generations.iter().enumerate() {
        let file = LogFile::read(directory, generation)?;
        let mut end = file.bytes.len();
        let length = match replay.run(&file, schema)? {
            End::Clean(offset) => offset,
            End::Bad(offset) => {
                // What was not written yet when a crash came has no place among what was.
                if file.frame(offset).is_some_and(|frame| frame.mark.sequence <= replay.sequence) {
                    return Err(file.corrupt(offset, "a frame comes again, or the log is of another state"));
                }
                let later = generations[at + 1..].iter().map(|later| LogFile::read(directory, *later));
                let later = later.collect::<Result<Vec<_>, _>>()?;
                if replay.was_durable(&file, offset, &later) {
                    return Err(file.corrupt(offset, "a frame that was durable is not whole any more"));
                }
                let cut = (file.bytes.len() - offset) as u64;
                torn.push((generation, TornTail { path: file.path.clone(), kept: offset as u64, cut }));
                end = offset;
                offset
            }
        };
        let before = newest.replace((generation, file.header, length as u64, end as u64));
        behind += before.map_or(0, |(.., length, _)| length);
    }
    let (generation, header, length, end) = newest.ok_or_else(|| missing(directory, Kind::Log, first))?;
    let first_generation = first;
    Ok(Whole {
        replay,
        checkpoint,
        checkpoint_length,
        first_generation,
        behind,
        generation,
        header,
        length,
        end,
        torn,
    })
}

/// The generations of the logs to be replayed, none of which is missing.
pub(crate) fn logs_from(directory: &Directory, listing: &Listing, first: u64) -> Result<Vec<u64>, FileError> {
    let generations: Vec<u64> =
        listing.logs.iter().copied().filter(|generation| *generation >= first).collect();
    if listing.checkpoints.is_empty() && first == 0 && generations.first() != Some(&0) {
        let oldest = generations.first().copied().unwrap_or_default();
        return Err(missing(directory, Kind::Checkpoint, oldest));
    }
    match (first..).zip(&generations).find(|(expected, found)| expected != *found) {
        Some((expected, _)) => Err(missing(directory, Kind::Log, expected)),
        None => Ok(generations),
    }
}

fn missing(directory: &Directory, kind: Kind, generation: u64) -> FileError {
    FileError::Missing { path: directory.path_of(kind, generation) }
}

impl Whole {
    /// Cuts what is torn, and goes on behind it. Everything that was replayed is made durable first: it is about to be
    /// seen, and a program that was killed may have written it without syncing.
    fn resume(&self, directory: &Directory) -> Result<Log, FileError> {
        for (generation, torn) in &self.torn {
            directory.open(Kind::Log, *generation, torn.kept)?.cut(torn.kept)?;
        }
        let mut output = directory.open(Kind::Log, self.generation, self.length)?;
        output.sync()?;
        let segment = Segment::resume(output, self.header.salt, self.length, self.end);
        Ok(Log::new(segment, self.replay.sequence))
    }
}

/// A log that was read.
#[derive(Debug)]
pub(crate) struct LogFile {
    pub(crate) path: PathBuf,
    pub(crate) header: FileHeader,
    pub(crate) bytes: Vec<u8>,
}

impl LogFile {
    pub(crate) fn read(directory: &Directory, generation: u64) -> Result<LogFile, FileError> {
        let (mut file, path) = directory.read(Kind::Log, generation)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| FileError::of("read", &path, &error))?;
        let header = check_header(&bytes, Kind::Log, generation, &path)?;
        Ok(LogFile { path, header, bytes })
    }

    fn frame(&self, offset: usize) -> Option<Frame<'_>> {
        frame::frame(&self.bytes[offset..], self.header.salt)
    }

    pub(crate) fn corrupt(&self, offset: usize, reason: &str) -> FileError {
        corrupt(&self.path, offset, reason)
    }
}

fn corrupt(path: &Path, offset: usize, reason: &str) -> FileError {
    FileError::Corrupt { path: path.to_owned(), offset: offset as u64, reason: reason.to_owned() }
}

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With its last frame, before this offset, behind which there is nothing but zeros.
    Clean(usize),
    /// At this offset no good frame begins.
    Bad(usize),
}

/// The version that the frames so far have made.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    pub(crate) version: Version,
    pub(crate) counters: Replayed,
    /// The last frame.
    pub(crate) sequence: u64,
    /// The write sets that were replayed.
    pub(crate) commits: u64,
}

impl Replay {
    pub(crate) fn new(version: Version, position: Position) -> Replay {
        Replay { version, counters: position.counters.into(), sequence: position.sequence, commits: 0 }
    }

    /// Replays a log to its end, or to its first bad frame.
    pub(crate) fn run(&mut self, file: &LogFile, schema: &dyn CatalogCodec) -> Result<End, FileError> {
        let mut offset = FILE_HEADER;
        while offset < file.bytes.len() {
            let Some(frame) = file.frame(offset).filter(|frame| frame.mark.sequence == self.sequence + 1)
            else {
                let is_reserved = file.bytes[offset..].iter().all(|byte| *byte == 0);
                return Ok(if is_reserved { End::Clean(offset) } else { End::Bad(offset) });
            };
            let record = codec::decode("a frame of the log", frame.payload);
            let applied = record.and_then(|record| self.apply(record, schema));
            applied.map_err(|malformed| file.corrupt(offset, &malformed.to_string()))?;
            self.sequence += 1;
            offset += frame.len();
        }
        Ok(End::Clean(offset))
    }

    fn apply(&mut self, record: LogRecord<'_>, schema: &dyn CatalogCodec) -> Result<(), codec::Malformed> {
        match record {
            LogRecord::Commit(operations) => {
                let commit = self.version.commit().next();
                let tables = commit_of(operations, &mut Scope { version: &mut self.version, schema })?;
                self.version.stamp(commit, &tables);
                self.commits += 1;
            }
            LogRecord::Reserve(counters) => {
                counters.check()?;
                self.counters.raise(&counters);
            }
            LogRecord::Closed(counters) => {
                counters.check()?;
                self.counters = counters.into();
            }
        }
        Ok(())
    }

    /// Whether a later frame says that the one that should be at `offset`, or one after it, was durable.
    fn was_durable(&self, file: &LogFile, offset: usize, later: &[LogFile]) -> bool {
        let rest = frame::frames_anywhere(&file.bytes[offset..], file.header.salt);
        let others = later
            .iter()
            .flat_map(|file| frame::frames_anywhere(&file.bytes[FILE_HEADER..], file.header.salt));
        rest.chain(others)
            .any(|frame| frame.mark.sequence > self.sequence && frame.mark.durable > self.sequence)
    }
}

impl Position {
    /// Before the first frame.
    pub(crate) fn beginning() -> Position {
        Position { sequence: 0, counters: CountersRecord::default() }
    }
}

/// Counters while a log is replayed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replayed {
    keys: BTreeMap<u32, i64>,
    tables: u32,
    ids: u32,
    sequences: BTreeMap<u32, SequenceRecord>,
}

impl Replayed {
    /// Raises the keys of a table to one that is used.
    pub(crate) fn raise_key(&mut self, table: u32, key: i64) {
        self.raise(&CountersRecord { keys: vec![(table, key)], ..CountersRecord::default() });
    }

    fn raise(&mut self, counters: &CountersRecord) {
        for &(table, key) in &counters.keys {
            let greatest = self.keys.entry(table).or_insert(key);
            *greatest = key.max(*greatest);
        }
        self.tables = self.tables.max(counters.tables);
        self.ids = self.ids.max(counters.ids);
        for sequence in &counters.sequences {
            let latest = self.sequences.entry(sequence.id).or_insert(*sequence);
            if sequence.stamp > latest.stamp {
                *latest = *sequence;
            }
        }
    }
}

impl From<CountersRecord> for Replayed {
    fn from(record: CountersRecord) -> Replayed {
        let CountersRecord { keys, tables, ids, sequences } = record;
        let sequences = sequences.into_iter().map(|sequence| (sequence.id, sequence)).collect();
        Replayed { keys: keys.into_iter().collect(), tables, ids, sequences }
    }
}

impl From<Replayed> for CountersRecord {
    fn from(counters: Replayed) -> CountersRecord {
        let Replayed { keys, tables, ids, sequences } = counters;
        let sequences = sequences.into_values().collect();
        CountersRecord { keys: keys.into_iter().collect(), tables, ids, sequences }
    }
}
