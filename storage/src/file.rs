//! The files of a database: a directory, and as much of a file system as a log needs of one.
//!
//! ```text
//! music/
//!   lock                 held by who has the database open
//!   00000004.checkpoint  the database when log 4 began
//!   00000004.log         what was committed since, and up to log 5
//!   00000005.log         what was committed since; its checkpoint is being written
//! ```
//!
//! A file gets its name when it is whole: it is written under a name that ends in `.new`, synced and renamed, and the
//! directory is synced. So a file of another name always begins with a whole [header](crate::log).
//!
//! Everything goes through [`Files`], so that tests can stand in for the operating system and let it fail.

pub(crate) mod disk;
mod error;
#[cfg(test)]
pub(crate) mod simulated;

use std::fmt::Debug;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::FileError;

/// A file system.
pub(crate) trait Files: Debug + Send + Sync {
    /// Makes a directory in one that is there.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// A new file, or an old one emptied.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Appended>>;
    /// A file that is there, to be added to from a length on; an error of
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy) if another has it open for that.
    fn open(&self, path: &Path, length: u64) -> io::Result<Box<dyn Appended>>;
    /// A file that is there, to be read.
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes durable what the names in a directory stand for.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Locks a file, which is made if it is not there, until what is returned is dropped; none if it is locked already.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>>;
}

/// A lock, until it is dropped.
pub(crate) trait Held: Debug + Send {
    /// Whether the file is the one that its path leads to. It is not where its directory was moved.
    fn is_in_place(&self) -> io::Result<bool>;
}

/// A file that only grows, but for its tail being cut.
pub(crate) trait Appended: Debug + Send {
    /// Writes behind what was written before.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Writes so many zeros there, in whose place the next writes go, or as many as there is room for. Returns how
    /// many.
    fn reserve(&mut self, bytes: usize) -> io::Result<usize>;
    /// Makes durable what was written.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts everything from a length on.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// Whether an error says that no more fits, into the file system, the user's part of it, or the file.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Which of the numbered files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Checkpoint,
    Log,
}

impl Kind {
    const fn suffix(self) -> &'static str {
        match self {
            Kind::Checkpoint => ".checkpoint",
            Kind::Log => ".log",
        }
    }
}

/// What the names in a directory say.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The generations of which there is a checkpoint, in order.
    pub(crate) checkpoints: Vec<u64>,
    /// The generations of which there is a log, in order.
    pub(crate) logs: Vec<u64>,
    /// Files that were never finished.
    pub(crate) unfinished: Vec<String>,
    /// Files of no meaning here.
    pub(crate) others: Vec<String>,
}

const LOCK: &str = "lock";
const UNFINISHED: &str = ".new";

/// No generation is beyond this: so many checkpoints nobody writes.
const GENERATION_MAX: u64 = 1 << 48;

/// The directory of a database.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    files: Arc<dyn Files>,
    path: PathBuf,
}

/// A file of the directory that is open for writing, under the name that errors have.
#[derive(Debug)]
pub(crate) struct Output {
    file: Box<dyn Appended>,
    path: PathBuf,
}

impl Output {
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file.append(bytes).map_err(|error| FileError::of("write to", &self.path, &error))
    }

    pub(crate) fn reserve(&mut self, bytes: usize) -> Result<usize, FileError> {
        self.file.reserve(bytes).map_err(|error| FileError::of("write to", &self.path, &error))
    }

    pub(crate) fn sync(&mut self) -> Result<(), FileError> {
        self.file.sync().map_err(|error| FileError::of("sync", &self.path, &error))
    }

    pub(crate) fn cut(&mut self, length: u64) -> Result<(), FileError> {
        self.file.cut(length).map_err(|error| FileError::of("cut", &self.path, &error))
    }
}

impl Directory {
    pub(crate) fn new(files: Arc<dyn Files>, path: &Path) -> Directory {
        Directory { files, path: path.to_owned() }
    }

    /// A directory of the operating system. A path that is not absolute is meant from where the program works now, also
    /// if it goes on to work elsewhere.
    pub(crate) fn on_disk(path: &Path) -> Directory {
        Directory::new(Arc::new(disk::Disk), &absolute(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Another directory of the same file system.
    pub(crate) fn beside(&self, path: &Path) -> Directory {
        Directory::new(Arc::clone(&self.files), &absolute(path))
    }

    pub(crate) fn path_of(&self, kind: Kind, generation: u64) -> PathBuf {
        self.path.join(name_of(kind, generation))
    }

    /// Makes the directory, which must not be there.
    pub(crate) fn create(&self) -> Result<(), FileError> {
        let made = self.files.create_dir(&self.path);
        made.map_err(|error| match (error.kind(), self.path.parent()) {
            (io::ErrorKind::NotFound, Some(parent)) => FileError::NotFound { path: parent.to_owned() },
            _ => FileError::of("create", &self.path, &error),
        })?;
        // Its name is in the directory above, whose name is the program's business.
        let above =
            self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        self.files.sync_dir(above).map_err(|error| {
            // Who finds it there next would take it for durable.
            let _ = self.files.remove_dir(&self.path);
            FileError::of("sync", above, &error)
        })
    }

    /// Takes back a directory that was made, with what was begun in it. What cannot be removed is no database.
    pub(crate) fn discard(&self) {
        if let Ok(listing) = self.list() {
            let numbered = [(Kind::Checkpoint, listing.checkpoints), (Kind::Log, listing.logs)];
            for (kind, generations) in numbered {
                generations.into_iter().for_each(|generation| drop(self.remove(kind, generation)));
            }
            listing.unfinished.iter().for_each(|name| drop(self.remove_named(name)));
        }
        let _ = self.files.remove_dir(&self.path);
    }

    /// What is there. An error of [`NotFound`](FileError::NotFound) says that the directory is not.
    pub(crate) fn list(&self) -> Result<Listing, FileError> {
        let names = self.files.list(&self.path).map_err(|error| FileError::of("list", &self.path, &error))?;
        let mut listing = Listing::default();
        for name in names {
            // A name that another program may have given is none of the database's, though it have a number.
            let numbered = |kind: Kind| {
                let generation = name.strip_suffix(kind.suffix())?.parse().ok()?;
                (generation <= GENERATION_MAX && name_of(kind, generation) == name).then_some(generation)
            };
            if let Some(generation) = numbered(Kind::Checkpoint) {
                listing.checkpoints.push(generation);
            } else if let Some(generation) = numbered(Kind::Log) {
                listing.logs.push(generation);
            } else if name.ends_with(UNFINISHED) {
                listing.unfinished.push(name);
            } else if name != LOCK {
                listing.others.push(name);
            }
        }
        listing.checkpoints.sort_unstable();
        listing.logs.sort_unstable();
        Ok(listing)
    }

    /// Locks the directory for this opener, until what is returned is dropped.
    pub(crate) fn lock(&self) -> Result<Box<dyn Held>, FileError> {
        let path = self.path.join(LOCK);
        let lock = self.files.lock(&path).map_err(|error| FileError::of("lock", &path, &error))?;
        lock.ok_or_else(|| FileError::AlreadyOpen { path: self.path.clone() })
    }

    /// That the lock is that of the directory which is at its path now.
    pub(crate) fn expect_held(&self, lock: &dyn Held) -> Result<(), FileError> {
        match lock.is_in_place() {
            Ok(true) => Ok(()),
            Ok(false) => Err(FileError::Replaced { path: self.path.clone() }),
            Err(error) => Err(FileError::of("look at", &self.path.join(LOCK), &error)),
        }
    }

    pub(crate) fn read(&self, kind: Kind, generation: u64) -> Result<(Box<dyn Read>, PathBuf), FileError> {
        let path = self.path_of(kind, generation);
        match self.files.read(&path) {
            Ok(file) => Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(FileError::Missing { path }),
            Err(error) => Err(FileError::of("read", &path, &error)),
        }
    }

    /// A file that is there, to be added to from a length on.
    pub(crate) fn open(&self, kind: Kind, generation: u64, length: u64) -> Result<Output, FileError> {
        let path = self.path_of(kind, generation);
        let file = self.files.open(&path, length).map_err(|error| match error.kind() {
            io::ErrorKind::ResourceBusy => FileError::AlreadyOpen { path: self.path.clone() },
            _ => FileError::of("open", &path, &error),
        })?;
        Ok(Output { file, path })
    }

    /// Writes a file and gives it its name when it is whole and durable. What `write` leaves open is returned.
    pub(crate) fn write(
        &self,
        kind: Kind,
        generation: u64,
        write: impl FnOnce(&mut Output) -> Result<(), FileError>,
    ) -> Result<Output, FileError> {
        let path = self.path_of(kind, generation);
        let unfinished = PathBuf::from(format!("{}{UNFINISHED}", path.display()));
        let file = self.files.create(&unfinished);
        let file = file.map_err(|error| FileError::of("create", &unfinished, &error))?;
        let mut output = Output { file, path: unfinished };
        let written = write(&mut output).and_then(|()| output.sync()).and_then(|()| {
            let renamed = self.files.rename(&output.path, &path);
            renamed.map_err(|error| FileError::of("rename", &output.path, &error))
        });
        if let Err(error) = written {
            // It is in nobody's way; a later opener removes what is left here.
            let _ = self.files.remove(&output.path);
            return Err(error);
        }
        self.sync()?;
        Ok(Output { path, ..output })
    }

    /// Makes durable which files there are.
    pub(crate) fn sync(&self) -> Result<(), FileError> {
        self.files.sync_dir(&self.path).map_err(|error| FileError::of("sync", &self.path, &error))
    }

    pub(crate) fn remove(&self, kind: Kind, generation: u64) -> Result<(), FileError> {
        self.remove_path(&self.path_of(kind, generation))
    }

    pub(crate) fn remove_named(&self, name: &str) -> Result<(), FileError> {
        self.remove_path(&self.path.join(name))
    }

    fn remove_path(&self, path: &Path) -> Result<(), FileError> {
        self.files.remove(path).map_err(|error| FileError::of("remove", path, &error))
    }
}

/// The name of a file of the database.
fn name_of(kind: Kind, generation: u64) -> String {
    format!("{generation:08}{}", kind.suffix())
}

/// A path that means the same wherever the program works. One that cannot be made so means nothing, and is told as it
/// is by whoever uses it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
