//! Salvage: what is whole of a database that is damaged, as a database of its own.
//!
//! It is asked for by name and never done on the way: what it returns has lost something, and whoever wants that has to
//! know. The damaged files stay as they are; what is whole goes into another directory.
//!
//! A damaged log loses everything from the first bad frame on, because what follows it was computed on what it said:
//! the result is the database as it was at an earlier commit. A damaged checkpoint loses the rows in its bad frames and
//! what was committed after it; all indexes are built anew, and references to lost rows refer to nothing.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::checkpoint::{self, Position, check_header};
use crate::codec::{self, Malformed};
use crate::commit::CommitId;
use crate::error::Error;
use crate::file::{Directory, FileError, Kind, Listing};
use crate::leaf::RowId;
use crate::log::Segment;
use crate::log::frame::{self, FILE_HEADER};
use crate::record::{CheckpointRecord, append_rows, empty_table};
use crate::recovery::{End, LogFile, Replay, logs_from};
use crate::table::TableId;
use crate::version::Version;
use crate::write_set::{Catalog, CatalogCodec};

/// What was salvaged, and what was not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvage {
    /// The newest commit that is there.
    pub commit: CommitId,
    /// What is wrong with the files; empty if nothing is.
    pub damage: Vec<FileError>,
    /// The bytes of frames that were whole or not and could not be used.
    pub lost: u64,
}

/// Writes what is whole of the database in `from` into the directory `into`, which is made for it.
pub(crate) fn salvage(
    from: &Directory,
    into: &Directory,
    empty: Catalog,
    schema: &dyn CatalogCodec,
) -> Result<Salvage, Error> {
    let listing = from.list()?;
    let _lock = match from.lock() {
        Ok(lock) => Some(lock),
        Err(error @ FileError::AlreadyOpen { .. }) => return Err(error.into()),
        Err(_) => None, // a medium that cannot be written to has nobody to keep out
    };
    let mut found = Found {
        replay: Replay::new(Version::new(empty), Position::beginning()),
        damage: Vec::new(),
        lost: 0,
    };
    if found.load(from, &listing, schema)? {
        found.replay_logs(from, &listing, schema)?;
    }
    let Found { replay, damage, lost } = found;
    let mut counters = replay.counters;
    for table in replay.version.tables() {
        counters.raise_key(table.id().get(), table.last_row_id().map_or(0, RowId::get));
    }
    write_new(into, &replay.version, &Position { sequence: 0, counters: counters.into() }, schema)?;
    Ok(Salvage { commit: replay.version.commit(), damage, lost })
}

/// Writes a version into a directory that is made for it, and taken away again if that fails.
pub(crate) fn write_new(
    directory: &Directory,
    version: &Version,
    position: &Position,
    schema: &dyn CatalogCodec,
) -> Result<(), Error> {
    /// A database begins with the generation of its first checkpoint.
    const FIRST: u64 = 1;
    directory.create()?;
    // Until the checkpoint has its name, this is no database.
    let begun = Segment::create(directory, FIRST).map_err(Error::from);
    let written = begun.and_then(|_| checkpoint::write(directory, FIRST, version, position, schema));
    if written.is_err() {
        directory.discard();
    }
    written.map(drop)
}

/// What was found so far.
struct Found {
    replay: Replay,
    damage: Vec<FileError>,
    lost: u64,
}

impl Found {
    /// Loads the newest checkpoint that is whole; if none is, what is whole of the newest. False if the logs then say
    /// nothing.
    fn load(
        &mut self,
        from: &Directory,
        listing: &Listing,
        schema: &dyn CatalogCodec,
    ) -> Result<bool, Error> {
        for &generation in listing.checkpoints.iter().rev() {
            match checkpoint::read(from, generation, schema) {
                Ok(loaded) => {
                    self.replay = Replay::new(loaded.version, loaded.position);
                    return Ok(true);
                }
                Err(error) => self.damage.push(error),
            }
        }
        let Some(&newest) = listing.checkpoints.last() else { return Ok(true) };
        let mut pieces = Pieces::read(from, newest)?;
        self.replay = pieces.put_together(schema)?;
        self.lost += pieces.lost;
        Ok(false)
    }

    fn replay_logs(
        &mut self,
        from: &Directory,
        listing: &Listing,
        schema: &dyn CatalogCodec,
    ) -> Result<(), Error> {
        let whole = listing.checkpoints.iter().rev().nth(self.damage.len()).copied();
        let logs = match logs_from(from, listing, whole.unwrap_or_default()) {
            Ok(logs) => logs,
            Err(error) => {
                self.damage.push(error);
                return Ok(());
            }
        };
        for generation in logs {
            let mut file = match LogFile::read(from, generation) {
                Ok(file) => file,
                Err(error) => {
                    self.damage.push(error);
                    break;
                }
            };
            let before = self.replay.clone();
            match self.replay.run(&file, schema) {
                Ok(End::Clean(_)) => {}
                Ok(End::Bad(offset)) => {
                    self.lost += (file.bytes.len() - offset) as u64;
                    self.damage.push(file.corrupt(offset, "no whole frame begins here"));
                    break;
                }
                Err(error) => {
                    // The frame may have been applied in part: so it is done once more, up to there.
                    self.replay = before;
                    if let FileError::Corrupt { offset, .. } = &error {
                        let good = usize::try_from(*offset).unwrap_or_default().min(file.bytes.len());
                        self.lost += (file.bytes.len() - good) as u64;
                        file.bytes.truncate(good);
                        self.replay.run(&file, schema)?;
                    }
                    self.damage.push(error);
                    break;
                }
            }
        }
        Ok(())
    }
}

/// A damaged checkpoint.
struct Pieces {
    path: PathBuf,
    bytes: Vec<u8>,
    salt: u64,
    lost: u64,
}

impl Pieces {
    fn read(from: &Directory, generation: u64) -> Result<Pieces, Error> {
        let (mut file, path) = from.read(Kind::Checkpoint, generation)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| FileError::of("read", &path, &error))?;
        let salt = match check_header(&bytes, Kind::Checkpoint, generation, &path) {
            Ok(header) => header.salt,
            // Its first frame says it, too.
            Err(error) => {
                let first = bytes.get(FILE_HEADER..).and_then(|rest| rest.first_chunk());
                u64::from_le_bytes(*first.ok_or(error)?)
            }
        };
        Ok(Pieces { path, bytes, salt, lost: 0 })
    }

    /// The version that the whole frames make.
    fn put_together(&mut self, schema: &dyn CatalogCodec) -> Result<Replay, Error> {
        let beyond_repair = |reason: String| FileError::Corrupt {
            path: self.path.clone(),
            offset: FILE_HEADER as u64,
            reason,
        };
        let mut replay: Option<Replay> = None;
        let mut used = FILE_HEADER;
        for frame in frame::frames_anywhere(&self.bytes, self.salt) {
            let Ok(record) = codec::decode::<CheckpointRecord<'_>>("a checkpoint", frame.payload) else {
                continue;
            };
            let is_used = match (record, &mut replay) {
                (CheckpointRecord::Begin { commit, counters, catalog, .. }, None) => {
                    let position = Position { sequence: 0, counters };
                    let begun = checkpoint::beginning(commit, position, &catalog, schema);
                    replay = begun.ok().map(|(version, position)| Replay::new(version, position));
                    replay.is_some()
                }
                (record, Some(replay)) => add(record, &mut replay.version).is_ok(),
                (_, None) => false,
            };
            if !is_used {
                continue;
            }
            used += frame.len();
        }
        let lost = "the definitions of the tables are lost, and so are the tables";
        let mut replay = replay.ok_or_else(|| beyond_repair(lost.into()))?;
        let tables: Vec<TableId> = replay.version.tables().map(|table| table.id()).collect();
        for id in tables {
            let Some(mut table) = replay.version.table(id).cloned() else { continue };
            let built = schema.build_indexes(replay.version.catalog(), &mut table);
            built.map_err(|malformed| beyond_repair(malformed.to_string()))?;
            replay.version.restore_table(table);
        }
        self.lost = (self.bytes.len().saturating_sub(used)) as u64;
        Ok(replay)
    }
}

/// Adds a table or rows. Index entries are left out: indexes are built anew.
fn add(record: CheckpointRecord<'_>, version: &mut Version) -> Result<(), Malformed> {
    match record {
        CheckpointRecord::Table { id, slots } => version.restore_table(empty_table(id, slots)?),
        CheckpointRecord::Rows { table, leaves } => {
            let table = version.table(TableId::new(table)).cloned();
            let mut table = table.ok_or_else(|| Malformed::new("rows", "their table is lost"))?;
            leaves.iter().try_for_each(|leaf| append_rows(&mut table, leaf))?;
            version.restore_table(table);
        }
        _ => {}
    }
    Ok(())
}

/// The directories of the operating system at these paths.
pub(crate) fn directories(from: &Path, into: &Path) -> (Directory, Directory) {
    (Directory::on_disk(from), Directory::on_disk(into))
}
