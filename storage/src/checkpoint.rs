//! Checkpoints: a whole version written down, so that the log before it can go.
//!
//! A checkpoint is written from a snapshot, table by table and leaf by leaf, while others read and commit. Index
//! entries are written as they lie, so that loading one is appending: nothing is sorted or computed.

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::codec::{self, Malformed};
use crate::commit::CommitId;
use crate::error::Error;
use crate::file::{Directory, FileError, Kind, Output};
use crate::index::{Index, IndexId};
use crate::log::frame::{self, FILE_HEADER, FRAME_HEADER, FileHeader, HeaderProblem, Mark, Payload};
use crate::log::{fresh_salt, kind_number};
use crate::record::{
    CheckpointRecord, CountersRecord, EntriesRecord, RowsRecord, SlotRecord, append_entries, append_rows,
    empty_table,
};
use crate::table::Table;
use crate::version::Version;
use crate::write_set::CatalogCodec;

/// Leaves in a frame.
const FRAME_LEAVES: usize = if cfg!(test) { 2 } else { 64 };
/// Index entries in a frame.
const FRAME_ENTRIES: u64 = if cfg!(test) { 3 } else { 4096 };
/// Bytes that are written at once.
const WRITE_BYTES: usize = 1 << 20;

/// What a checkpoint says beside the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The last frame of the log before it.
    pub(crate) sequence: u64,
    pub(crate) counters: CountersRecord,
}

/// Writes a version as the checkpoint of a generation. Returns its length in bytes.
pub(crate) fn write(
    directory: &Directory,
    generation: u64,
    version: &Version,
    position: &Position,
    schema: &dyn CatalogCodec,
) -> Result<u64, Error> {
    let catalog = schema.encode(version.catalog(), None)?;
    let mut length = 0;
    directory.write(Kind::Checkpoint, generation, |output| {
        let mut frames = Frames::begin(output, generation);
        frames.put(&CheckpointRecord::Begin {
            commit: version.commit().number(),
            sequence: position.sequence,
            counters: position.counters.clone(),
            catalog: Cow::Borrowed(&catalog),
        })?;
        let mut kept = version.tables().filter(|table| !table.id().is_temporary());
        kept.try_for_each(|table| frames.put_table(table))?;
        frames.put(&CheckpointRecord::End)?;
        length = frames.finish()?;
        Ok(())
    })?;
    Ok(length)
}

/// Frames on their way into a file.
#[derive(Debug)]
struct Frames<'o> {
    output: &'o mut Output,
    salt: u64,
    sequence: u64,
    buffer: Vec<u8>,
    written: u64,
}

impl<'o> Frames<'o> {
    fn begin(output: &'o mut Output, generation: u64) -> Frames<'o> {
        let salt = fresh_salt();
        let header = FileHeader { kind: kind_number(Kind::Checkpoint), generation, salt };
        Frames { output, salt, sequence: 0, buffer: header.encode().to_vec(), written: 0 }
    }

    fn put(&mut self, record: &CheckpointRecord<'_>) -> Result<(), FileError> {
        self.sequence += 1;
        let mark = Mark { sequence: self.sequence, durable: 0 };
        frame::put(&mut self.buffer, self.salt, mark, &Payload::new(codec::encode(record)));
        if self.buffer.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    fn put_table(&mut self, table: &Table) -> Result<(), FileError> {
        let slots = table.layout().slots().iter().map(SlotRecord::from).collect();
        self.put(&CheckpointRecord::Table { id: table.id().get(), slots })?;
        let mut leaves = table.leaves(..).map(|slice| RowsRecord::of_leaf(slice.view)).peekable();
        while leaves.peek().is_some() {
            let leaves = leaves.by_ref().take(FRAME_LEAVES).collect();
            self.put(&CheckpointRecord::Rows { table: table.id().get(), leaves })?;
        }
        table.indexes().try_for_each(|(id, index)| self.put_index(id, index))
    }

    fn put_index(&mut self, id: IndexId, index: &Index) -> Result<(), FileError> {
        self.put(&CheckpointRecord::Index(id.get()))?;
        let mut done = 0;
        while done < index.len() {
            let end = index.len().min(done + FRAME_ENTRIES);
            self.put(&CheckpointRecord::Entries(EntriesRecord::of(index.entries(done..end))))?;
            done = end;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), FileError> {
        self.output.append(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<u64, FileError> {
        self.write()?;
        Ok(self.written)
    }
}

/// A checkpoint that was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) version: Version,
    pub(crate) position: Position,
    /// The length of the file, in bytes.
    pub(crate) length: u64,
}

/// Reads the checkpoint of a generation.
pub(crate) fn read(
    directory: &Directory,
    generation: u64,
    schema: &dyn CatalogCodec,
) -> Result<Loaded, FileError> {
    let mut frames = FrameReader::open(directory, generation)?;
    let begin = frames.next(|record| match record {
        CheckpointRecord::Begin { commit, sequence, counters, catalog } => {
            let position = Position { sequence, counters };
            beginning(commit, position, &catalog, schema)
        }
        _ => Err(Malformed::new("a checkpoint", "it does not begin with its number")),
    })?;
    let (mut version, position) = begin;
    let mut open = Open::default();
    while frames.next(|record| open.take(record, &mut version))? {}
    frames.expect_end()?;
    Ok(Loaded { version, position, length: frames.offset })
}

/// What a checkpoint begins with: the version without its tables, and where it stands.
pub(crate) fn beginning(
    commit: u64,
    position: Position,
    catalog: &[u8],
    schema: &dyn CatalogCodec,
) -> Result<(Version, Position), Malformed> {
    /// Nobody has counted to this.
    const NUMBER_MAX: u64 = 1 << 62;
    if commit.max(position.sequence) > NUMBER_MAX {
        return Err(Malformed::new("a checkpoint", "its number cannot be"));
    }
    position.counters.check()?;
    let version = Version::restored(CommitId::from_number(commit), schema.decode(catalog, None)?);
    Ok((version, position))
}

/// The table and the index that are being read.
#[derive(Debug, Default)]
struct Open {
    table: Option<Table>,
    index: Option<(IndexId, Index)>,
}

impl Open {
    /// Takes the next record; false if it was the last.
    fn take(&mut self, record: CheckpointRecord<'_>, version: &mut Version) -> Result<bool, Malformed> {
        let stray = || Malformed::new("a checkpoint", "rows or entries that belong to nothing");
        match record {
            CheckpointRecord::Begin { .. } => {
                return Err(Malformed::new("a checkpoint", "it begins a second time"));
            }
            CheckpointRecord::Table { id, slots } => {
                self.close(version);
                self.table = Some(empty_table(id, slots)?);
            }
            CheckpointRecord::Rows { table: id, leaves } => {
                let table = self.table.as_mut().filter(|table| table.id().get() == id).ok_or_else(stray)?;
                leaves.iter().try_for_each(|leaf| append_rows(table, leaf))?;
            }
            CheckpointRecord::Index(id) => {
                self.close_index();
                self.index = Some((IndexId::new(id), Index::new()));
            }
            CheckpointRecord::Entries(entries) => {
                let (_, index) = self.index.as_mut().ok_or_else(stray)?;
                append_entries(index, &entries)?;
            }
            CheckpointRecord::End => {
                self.close(version);
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn close_index(&mut self) {
        if let (Some(table), Some((id, index))) = (&mut self.table, self.index.take()) {
            table.add_index(id, index);
        }
    }

    fn close(&mut self, version: &mut Version) {
        self.close_index();
        if let Some(table) = self.table.take() {
            version.restore_table(table);
        }
    }
}

/// The frames of a checkpoint, one after another.
struct FrameReader {
    file: Box<dyn Read>,
    path: PathBuf,
    salt: u64,
    sequence: u64,
    offset: u64,
    payload: Vec<u8>,
}

impl FrameReader {
    fn open(directory: &Directory, generation: u64) -> Result<FrameReader, FileError> {
        let (file, path) = directory.read(Kind::Checkpoint, generation)?;
        let mut reader = FrameReader { file, path, salt: 0, sequence: 0, offset: 0, payload: Vec::new() };
        reader.fill(FILE_HEADER as u64)?;
        reader.salt = check_header(&reader.payload, Kind::Checkpoint, generation, &reader.path)?.salt;
        reader.offset = FILE_HEADER as u64;
        Ok(reader)
    }

    /// Reads the next frame and what `take` makes of it.
    fn next<T>(
        &mut self,
        take: impl FnOnce(CheckpointRecord<'_>) -> Result<T, Malformed>,
    ) -> Result<T, FileError> {
        self.fill(FRAME_HEADER as u64)?;
        if self.payload.len() < FRAME_HEADER {
            return Err(self.truncated());
        }
        let Some((mark, length, checksum)) = frame::header(&self.payload, self.salt) else {
            return Err(self.corrupt("no frame begins here"));
        };
        self.sequence += 1;
        if mark.sequence != self.sequence {
            return Err(self.corrupt("frames are missing"));
        }
        self.fill(length)?;
        if (self.payload.len() as u64) < length {
            return Err(self.truncated());
        }
        if !frame::is_payload(&self.payload, checksum) {
            return Err(self.corrupt("the checksum does not agree"));
        }
        let taken = codec::decode("a checkpoint", &self.payload).and_then(take);
        let taken = taken.map_err(|malformed| self.corrupt(&malformed.to_string()))?;
        self.offset += FRAME_HEADER as u64 + length;
        Ok(taken)
    }

    fn expect_end(&mut self) -> Result<(), FileError> {
        self.fill(1)?;
        if self.payload.is_empty() { Ok(()) } else { Err(self.corrupt("something follows the end")) }
    }

    /// Reads as many bytes as are there, up to a length.
    fn fill(&mut self, length: u64) -> Result<(), FileError> {
        self.payload.clear();
        let read = (&mut self.file).take(length).read_to_end(&mut self.payload);
        read.map(drop).map_err(|error: io::Error| FileError::of("read", &self.path, &error))
    }

    fn corrupt(&self, reason: &str) -> FileError {
        FileError::Corrupt { path: self.path.clone(), offset: self.offset, reason: reason.to_owned() }
    }

    fn truncated(&self) -> FileError {
        FileError::Truncated { path: self.path.clone(), bytes: self.offset + self.payload.len() as u64 }
    }
}

/// The header of a file that should be of this kind and generation.
pub(crate) fn check_header(
    bytes: &[u8],
    kind: Kind,
    generation: u64,
    path: &Path,
) -> Result<FileHeader, FileError> {
    let path = path.to_owned();
    let damaged = |path, reason: &str| FileError::Corrupt { path, offset: 0, reason: reason.to_owned() };
    match FileHeader::decode(bytes) {
        Ok(header) if (header.kind, header.generation) == (kind_number(kind), generation) => Ok(header),
        Ok(_) => Err(damaged(path, "it is another file of the database, renamed")),
        Err(HeaderProblem::Damaged) => Err(damaged(path, "its header is damaged")),
        Err(HeaderProblem::Foreign) => Err(FileError::Foreign { path }),
        Err(HeaderProblem::Short) => Err(FileError::Truncated { path, bytes: bytes.len() as u64 }),
        Err(HeaderProblem::Older(format)) => Err(FileError::Older { path, format, known: frame::FORMAT }),
        Err(HeaderProblem::Newer(format)) => Err(FileError::Newer { path, format, known: frame::FORMAT }),
    }
}
