//! The one error of this crate.

use thiserror::Error;

use crate::commit::CommitId;
use crate::table::TableId;
use crate::value::DataType;

/// What storage can refuse.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// An index key is too long. Keys lie in the nodes of trees, so they have a limit that rows do not.
    #[error("an index key of {bytes} bytes is longer than the {max} that fit; index a part or a hash of it")]
    KeyTooLong {
        /// The length of the encoded key, in bytes.
        bytes: usize,
        /// [`KEY_BYTES_MAX`](crate::key::KEY_BYTES_MAX).
        max: usize,
    },
    /// Values were asked for from a key that does not hold them: it was made with other parts or types, or
    /// the type's keys do not keep the whole value.
    #[error("an index key has no {data_type} at byte {offset}")]
    KeyNotDecodable {
        /// The type of the part that could not be read.
        data_type: DataType,
        /// Where in the key that part begins.
        offset: usize,
    },
    /// A table has handed out every key there is.
    #[error("table {} has no key left: every positive 64-bit integer was used", table.get())]
    KeysExhausted {
        /// The table.
        table: TableId,
    },
    /// A sequence that does not go round has come to its end.
    #[error("a sequence has no number after {last}")]
    SequenceExhausted {
        /// The number it handed out last.
        last: i64,
    },
    /// A version is not kept any more, or never was.
    #[error("the version of commit {} is not kept{}; keep versions with a retention", commit.number(), Oldest(*oldest))]
    NotRetained {
        /// The commit that was asked for.
        commit: CommitId,
        /// The oldest one that is kept.
        oldest: Option<CommitId>,
    },
    /// A lock was not granted.
    #[error(transparent)]
    Lock(Box<crate::lock::LockError>),
    /// Something is wrong with the files of the database.
    #[error(transparent)]
    File(Box<crate::file::FileError>),
    /// Something cannot be written down, so that nothing of the commit was.
    #[error(transparent)]
    Unwritable(Box<crate::codec::Malformed>),
    /// A commit panicked half way, so what is in memory cannot be trusted.
    #[error("an earlier commit failed half way and the database cannot be used any more; open it again")]
    Poisoned,
}

impl From<crate::file::FileError> for Error {
    fn from(error: crate::file::FileError) -> Error {
        Error::File(Box::new(error))
    }
}

impl From<crate::codec::Malformed> for Error {
    fn from(error: crate::codec::Malformed) -> Error {
        Error::Unwritable(Box::new(error))
    }
}

/// Names the oldest version that is kept.
struct Oldest(Option<CommitId>);

impl std::fmt::Display for Oldest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(oldest) => write!(f, ", only those from {} on", oldest.number()),
            None => Ok(()),
        }
    }
}
