//! What can be wrong with the files of a database.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What can be wrong with the files of a database. Each names the file, and has left it as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is nothing of this name.
    #[error("{} is not there", path.display())]
    NotFound {
        /// The file or directory.
        path: PathBuf,
    },
    /// Something of this name is there and should not be.
    #[error("{} is there already; give a path of which there is nothing yet", path.display())]
    Exists {
        /// The file or directory.
        path: PathBuf,
    },
    /// The operating system does not allow it to this user.
    #[error("no permission to {action} {}", path.display())]
    PermissionDenied {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
    },
    /// The file system cannot be written to.
    #[error("cannot {action} {}: its file system is read-only", path.display())]
    ReadOnly {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
    },
    /// The file system, or the user's part of it, is full.
    #[error("cannot {action} {}: no space is left", path.display())]
    NoSpace {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
    },
    /// Any other refusal of the operating system.
    #[error("cannot {action} {}: {reason}", path.display())]
    Refused {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What kind of refusal it is.
        kind: io::ErrorKind,
        /// The system's words.
        reason: String,
    },
    /// A database is a directory, and this is a file.
    #[error("{} is not a directory, and a database is one", path.display())]
    NotADirectory {
        /// The file.
        path: PathBuf,
    },
    /// A directory that has files, but no database.
    #[error("{} is not a database: it has \"{found}\", and no log", path.display())]
    NotADatabase {
        /// The directory.
        path: PathBuf,
        /// One of the files that are there.
        found: String,
    },
    /// Another program, or another part of this one, has the database open.
    #[error("{} is open already, here or in another process; close it there first", path.display())]
    AlreadyOpen {
        /// The directory.
        path: PathBuf,
    },
    /// The directory was moved while it was open, and another is in its place, or its lock was removed, so that it may
    /// be another's. It has been left alone.
    #[error(
        "{} is not what was opened: the directory was moved, or its lock removed; \
         close the database, and open it where it is now",
        path.display()
    )]
    Replaced {
        /// Where the directory was.
        path: PathBuf,
    },
    /// A file that another program has written.
    #[error("{} was not written by Nuages", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A file that a newer release has written.
    #[error(
        "{} has format {format}, and this release reads format {known}; open it with a newer release",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// The format that is known here.
        known: u32,
    },
    /// A file that an older release has written, in a format that is not read any more.
    #[error(
        "{} has format {format}, and this release reads format {known}; \
         write it out with the release that wrote it (`.dump`), and read that in here",
        path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// The format that is known here.
        known: u32,
    },
    /// A file that ends too early.
    #[error("{} ends after {bytes} bytes, before all was said", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// A file of the database that should be there is not.
    #[error("{} is missing, and the database is not whole without it", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// What is in a file is not what was written there.
    #[error("{} is damaged at byte {offset}: {reason}; restore a backup, or salvage what is whole", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where it begins to be wrong, in bytes.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// Writing failed earlier. What is on disk since is not known, so nothing more is committed.
    #[error("the database only reads since writing failed ({first}); open it again")]
    Stopped {
        /// What failed.
        first: Box<FileError>,
    },
}

impl FileError {
    /// What the operating system said when `action` was tried.
    pub(crate) fn of(action: &'static str, path: &Path, error: &io::Error) -> FileError {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => FileError::NotFound { path },
            io::ErrorKind::AlreadyExists => FileError::Exists { path },
            io::ErrorKind::PermissionDenied => FileError::PermissionDenied { action, path },
            io::ErrorKind::ReadOnlyFilesystem => FileError::ReadOnly { action, path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FileError::NoSpace { action, path },
            io::ErrorKind::NotADirectory => FileError::NotADirectory { path },
            kind => FileError::Refused { action, path, kind, reason: error.to_string() },
        }
    }

    /// That nothing is written any more since this failed.
    pub(crate) fn stopped(&self) -> FileError {
        match self {
            FileError::Stopped { .. } => self.clone(),
            first => FileError::Stopped { first: Box::new(first.clone()) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_told_with_the_file_it_is_about() {
        let path = Path::new("/music/00000001.log");
        let of = |kind: io::ErrorKind| FileError::of("write to", path, &kind.into());
        for (kind, message) in [
            (io::ErrorKind::NotFound, "/music/00000001.log is not there"),
            (io::ErrorKind::PermissionDenied, "no permission to write to /music/00000001.log"),
            (
                io::ErrorKind::ReadOnlyFilesystem,
                "cannot write to /music/00000001.log: its file system is read-only",
            ),
            (io::ErrorKind::StorageFull, "cannot write to /music/00000001.log: no space is left"),
            (io::ErrorKind::QuotaExceeded, "cannot write to /music/00000001.log: no space is left"),
            (io::ErrorKind::TimedOut, "cannot write to /music/00000001.log: timed out"),
        ] {
            assert_eq!(of(kind).to_string(), message);
        }
        let stopped = of(io::ErrorKind::StorageFull).stopped();
        assert_eq!(stopped.stopped(), stopped, "the first failure is told, however often");
        assert!(stopped.to_string().contains("no space is left"));
    }
}
