//! Databases in files: opened, backed up, compacted, salvaged.
//!
//! A database lies in a directory of its own: a log of what was committed, and a checkpoint before which the log is not
//! needed any more. Everything else is as in memory; what is read is read there.
//!
//! ```
//! use nuages_engine::catalog::{NewColumn, NewTable};
//! use nuages_engine::{Database, Durability, Session};
//! use nuages_storage::DataType;
//!
//! # let path = std::env::temp_dir().join(format!("nuages-doc-{}", std::process::id()));
//! let db = Database::open(&path)?;
//! db.create_table(NewTable::new("song").column(NewColumn::new("title", DataType::Text { max_length: None })))?;
//! drop(db);
//! let db = Database::open_with(&path, Durability::Buffered)?;
//! assert!(db.catalog()?.table_named("song").is_ok());
//! # drop(db);
//! # std::fs::remove_dir_all(&path).expect("it is there");
//! # Ok::<(), nuages_engine::Error>(())
//! ```

use std::path::Path;
use std::sync::Arc;

use nuages_storage::{Checkpointed, CommitId, Compacted, Options, Recovery, Salvage, Store};

use super::Database;
use crate::catalog::{Catalog, CatalogRecords};
use crate::error::Error;

impl Database {
    /// Opens the database in a directory, or makes one there if there is nothing. A commit returns when it is on disk
    /// ([`Durability::Full`](crate::Durability::Full)).
    ///
    /// It is locked, also for this process, until the last clone and transaction of it is gone, and closed then.
    ///
    /// # Errors
    /// [`Error::File`], which names the file and leaves it as it was.
    pub fn open(path: impl AsRef<Path>) -> Result<Database, Error> {
        Database::open_with(path, Options::default())
    }

    /// The same, with [`Options`] or a [`Durability`](crate::Durability) of one's own.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open_with(path: impl AsRef<Path>, options: impl Into<Options>) -> Result<Database, Error> {
        let empty = Arc::new(Catalog::new());
        let store = Store::open(path.as_ref(), options.into(), empty, Arc::new(CatalogRecords))?;
        Ok(Database::over(store))
    }

    /// What was done to open it; none if it is in memory.
    pub fn recovery(&self) -> Option<&Recovery> {
        self.store.recovery()
    }

    /// Returns when everything that was committed is on disk. In memory, at once.
    ///
    /// # Errors
    /// [`Error::File`]; the database only reads from then on.
    pub fn flush(&self) -> Result<(), Error> {
        Ok(self.store.flush()?)
    }

    /// Writes a checkpoint now, and drops the log before it. Others read and commit meanwhile. In the background that
    /// is done when the log is long; none in memory.
    ///
    /// # Errors
    /// [`Error::File`]; what there was before is still there.
    pub fn compact(&self) -> Result<Option<Compacted>, Error> {
        Ok(self.store.compact()?)
    }

    /// What became of the last checkpoint since the database was opened, asked for or in the background; none if there
    /// was none. If it failed, what there was before is still there, the log goes on growing, and another is tried
    /// after a while.
    pub fn last_checkpoint(&self) -> Option<Checkpointed> {
        self.store.last_checkpoint()
    }

    /// Writes the database as it is now, in memory or not, into a directory that is made for it and can be opened as
    /// any. Others read and commit meanwhile.
    ///
    /// # Errors
    /// [`Error::File`], also if there is something of this name.
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<CommitId, Error> {
        Ok(self.store.backup(path.as_ref(), &CatalogRecords)?)
    }

    /// Writes what is whole of a damaged database into a directory that is made for it, and says what is lost. The
    /// damaged files stay as they are.
    ///
    /// A damaged log loses the commits from the damaged one on. A damaged checkpoint loses rows, and then all commits
    /// after it; foreign keys may refer to lost rows.
    ///
    /// # Errors
    /// [`Error::File`], also if the definitions of the tables are lost.
    pub fn salvage(from: impl AsRef<Path>, into: impl AsRef<Path>) -> Result<Salvage, Error> {
        let empty: nuages_storage::Catalog = Arc::new(Catalog::new());
        Ok(Store::salvage(from.as_ref(), into.as_ref(), empty, &CatalogRecords)?)
    }
}
