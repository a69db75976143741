//! A file system in memory that fails when it is told to, and can lose its power.
//!
//! What was written is seen at once, and is durable when it was synced: a file's contents by its own sync, its name by
//! that of its directory. A power cut keeps what is durable; of the rest each write is kept, lost, cut short, or kept
//! in some of its sectors and lost in others, whatever became of the one before it. Names come and go in order, as in a
//! file system with a journal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::io::{self, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Appended, Files, Held, is_full};

/// What of a write is there after a power cut or not, as a whole.
const SECTOR: usize = 16;

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails.
    Fails(ErrorKind),
    /// It fails, and if it writes, after half of it.
    FailsHalfway(ErrorKind),
    /// The power goes: it and all after it fail.
    PowerCut,
}

/// A file system in memory. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Simulated(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: Vec<Contents>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// What became of names since they were durable.
    renamed: Vec<Naming>,
    directories: BTreeSet<PathBuf>,
    locked: BTreeSet<PathBuf>,
    /// How many operations there were that change something, or get ready to.
    operations: u64,
    fault: Option<(u64, Fault)>,
    /// By how many bytes files can still grow; any number if none.
    room: Option<usize>,
}

#[derive(Clone, Debug, Default)]
struct Contents {
    durable: Vec<u8>,
    written: Vec<u8>,
    /// What was written since it was durable.
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Cut(usize),
}

#[derive(Clone, Debug)]
enum Naming {
    Named(PathBuf, usize),
    Removed(PathBuf),
}

/// A sequence of numbers that a seed determines (xorshift).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }
}

impl Simulated {
    /// Lets a fault happen at the n-th operation from the beginning.
    pub(crate) fn plan(&self, operation: u64, fault: Fault) {
        self.0.lock().fault = Some((operation, fault));
    }

    /// Lets files grow by so many bytes and no more; by any number if none.
    pub(crate) fn leave_room(&self, room: Option<usize>) {
        self.0.lock().room = room;
    }

    /// How many operations there were.
    pub(crate) fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// What is found when the power is back.
    pub(crate) fn after_power_cut(&self, seed: u64) -> Simulated {
        let state = self.0.lock();
        let mut dice = Dice::new(seed);
        let mut names = state.durable_names.clone();
        let kept = dice.below(state.renamed.len() + 1);
        state.renamed[..kept].iter().for_each(|naming| naming.apply(&mut names));
        let files = state.files.iter().map(|contents| contents.after_power_cut(&mut dice)).collect();
        let state = State {
            files,
            durable_names: names.clone(),
            names,
            directories: state.directories.clone(),
            ..State::default()
        };
        Simulated(Arc::new(Mutex::new(state)))
    }

    /// What a program finds that is started after this one was killed: everything that was written.
    pub(crate) fn after_kill(&self) -> Simulated {
        let state = self.0.lock();
        let state = State {
            files: state.files.clone(),
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            renamed: state.renamed.clone(),
            directories: state.directories.clone(),
            ..State::default()
        };
        Simulated(Arc::new(Mutex::new(state)))
    }

    /// Every file, by its name.
    pub(crate) fn dump(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.0.lock();
        let read = |(name, file): (&PathBuf, &usize)| (name.clone(), state.files[*file].written.clone());
        state.names.iter().map(read).collect()
    }

    /// Puts a file there, or other contents into it.
    pub(crate) fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.0.lock();
        let contents = Contents { durable: bytes.to_vec(), written: bytes.to_vec(), changes: Vec::new() };
        state.files.push(contents);
        let file = state.files.len() - 1;
        state.names.insert(path.to_owned(), file);
        state.durable_names.insert(path.to_owned(), file);
    }
}

impl State {
    /// Counts an operation, and lets it fail if it is its turn.
    fn operate(&mut self) -> Result<(), (io::Error, Fault)> {
        self.operations += 1;
        match self.fault {
            Some((at, fault @ Fault::PowerCut)) if at <= self.operations => {
                Err((io::Error::other("the power is gone"), fault))
            }
            Some((at, fault @ (Fault::Fails(kind) | Fault::FailsHalfway(kind)))) if at == self.operations => {
                Err((kind.into(), fault))
            }
            _ => Ok(()),
        }
    }

    fn rename(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.renamed.push(naming);
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Naming::Named(path, file) => {
                names.retain(|_, named| named != file);
                names.insert(path.clone(), *file);
            }
            Naming::Removed(path) => {
                names.remove(path);
            }
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, length: usize) {
        match self {
            Change::Cut(length) => bytes.truncate(*length),
            Change::Write { at, bytes: written } => {
                let end = at + length.min(written.len());
                bytes.resize(bytes.len().max(end), 0);
                bytes[*at..end].copy_from_slice(&written[..end - at]);
            }
        }
    }
}

impl Contents {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.written, usize::MAX);
        self.changes.push(change);
    }

    fn after_power_cut(&self, dice: &mut Dice) -> Contents {
        let mut durable = self.durable.clone();
        for change in &self.changes {
            match (dice.below(4), change) {
                (0, _) | (1 | 2, Change::Cut(_)) => {}
                (1, Change::Write { bytes, .. }) => change.apply(&mut durable, dice.below(bytes.len())),
                (2, Change::Write { at, bytes }) => {
                    let kept = sectors(*at, bytes).filter(|_| dice.below(2) == 0);
                    kept.for_each(|sector| sector.apply(&mut durable, usize::MAX));
                }
                _ => change.apply(&mut durable, usize::MAX),
            }
        }
        Contents { written: durable.clone(), durable, changes: Vec::new() }
    }
}

/// A write, sector by sector.
fn sectors(at: usize, bytes: &[u8]) -> impl Iterator<Item = Change> {
    let first = bytes.len().min(SECTOR - at % SECTOR);
    let (first, rest) = bytes.split_at(first);
    let pieces = std::iter::once(first).chain(rest.chunks(SECTOR));
    pieces.scan(at, |next, piece| {
        let at = *next;
        *next += piece.len();
        Some(Change::Write { at, bytes: piece.to_vec() })
    })
}

impl Files for Simulated {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operate().map_err(|(error, _)| error)?;
        if state.directories.insert(path.to_owned()) { Ok(()) } else { Err(ErrorKind::AlreadyExists.into()) }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        if !state.directories.contains(path) {
            return Err(ErrorKind::NotFound.into());
        }
        let inside = state.names.keys().filter(|name| name.parent() == Some(path));
        Ok(inside.filter_map(|name| Some(name.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Appended>> {
        let mut state = self.0.lock();
        state.operate().map_err(|(error, _)| error)?;
        state.files.push(Contents::default());
        let file = state.files.len() - 1;
        state.rename(Naming::Named(path.to_owned(), file));
        Ok(Box::new(OpenFile { system: self.clone(), file, end: 0 }))
    }

    fn open(&self, path: &Path, length: u64) -> io::Result<Box<dyn Appended>> {
        let mut state = self.0.lock();
        state.operate().map_err(|(error, _)| error)?;
        let file = *state.names.get(path).ok_or(ErrorKind::NotFound)?;
        Ok(Box::new(OpenFile { system: self.clone(), file, end: length as usize }))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read>> {
        let state = self.0.lock();
        let file = *state.names.get(path).ok_or(ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(state.files[file].written.clone())))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operate().map_err(|(error, _)| error)?;
        let file = *state.names.get(from).ok_or(ErrorKind::NotFound)?;
        state.rename(Naming::Named(to.to_owned(), file));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operate().map_err(|(error, _)| error)?;
        if !state.names.contains_key(path) {
            return Err(ErrorKind::NotFound.into());
        }
        state.rename(Naming::Removed(path.to_owned()));
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operate().map_err(|(error, _)| error)?;
        state.durable_names = state.names.clone();
        state.renamed.clear();
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operate().map_err(|(error, _)| error)?;
        if state.names.keys().any(|name| name.parent() == Some(path)) {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        if state.directories.remove(path) { Ok(()) } else { Err(ErrorKind::NotFound.into()) }
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
        let mut state = self.0.lock();
        state.operate().map_err(|(error, _)| error)?;
        let is_free = state.locked.insert(path.to_owned());
        let lock = || Box::new(Lock { system: self.clone(), path: path.to_owned() }) as Box<dyn Held>;
        Ok(is_free.then(lock))
    }
}

#[derive(Debug)]
struct Lock {
    system: Simulated,
    path: PathBuf,
}

impl Held for Lock {
    fn is_in_place(&self) -> io::Result<bool> {
        Ok(true)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.system.0.lock().locked.remove(&self.path);
    }
}

#[derive(Debug)]
struct OpenFile {
    system: Simulated,
    file: usize,
    /// Where the next write goes.
    end: usize,
}

impl OpenFile {
    /// Writes at the end, and says how much that was.
    fn write(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        let mut state = self.system.0.lock();
        let failure = state.operate().err();
        let State { files, room, .. } = &mut *state;
        let contents = &mut files[self.file];
        let (mut written, mut outcome) = match failure {
            None => (bytes.len(), Ok(())),
            Some((error, Fault::Fails(_))) => (0, Err(error)),
            Some((error, Fault::FailsHalfway(_) | Fault::PowerCut)) => (bytes.len() / 2, Err(error)),
        };
        if let Some(room) = room {
            let there = contents.written.len().saturating_sub(self.end);
            if written > there + *room {
                (written, outcome) = (there + *room, outcome.and(Err(ErrorKind::StorageFull.into())));
            }
            *room -= written.saturating_sub(there);
        }
        contents.change(Change::Write { at: self.end, bytes: bytes[..written].to_vec() });
        (written, outcome)
    }
}

impl Appended for OpenFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (written, outcome) = self.write(bytes);
        self.end += written;
        outcome
    }

    fn reserve(&mut self, bytes: usize) -> io::Result<usize> {
        let (written, outcome) = self.write(&vec![0; bytes]);
        match outcome {
            Err(error) if !is_full(&error) => Err(error),
            _ => Ok(written),
        }
    }

    /// After one that failed, what was to be synced is lost, and the next one knows nothing of it: so it is with
    /// writeback errors on Linux.
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.system.0.lock();
        let failure = state.operate().err();
        let contents = &mut state.files[self.file];
        let Some((error, fault)) = failure else {
            let changes = std::mem::take(&mut contents.changes);
            changes.iter().for_each(|change| change.apply(&mut contents.durable, usize::MAX));
            return Ok(());
        };
        if fault != Fault::PowerCut {
            contents.changes.clear();
        }
        Err(error)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.system.0.lock();
        state.operate().map_err(|(error, _)| error)?;
        let contents = &mut state.files[self.file];
        contents.change(Change::Cut(length as usize));
        let changes = std::mem::take(&mut contents.changes);
        changes.iter().for_each(|change| change.apply(&mut contents.durable, usize::MAX));
        Ok(())
    }
}
