//! Snapshots, what has changed between two of them, and the commits as they come.
//!
//! ```
//! use nuages_engine::algebra::{Expr, Insert, InsertSource, Source, Statement};
//! use nuages_engine::catalog::{NewColumn, NewTable};
//! use nuages_engine::{Database, Session};
//! use nuages_storage::{DataType, RowChange};
//!
//! let db = Database::new();
//! let song = NewTable::new("song").column(NewColumn::new("title", DataType::Text { max_length: None }));
//! let table = db.create_table(song)?;
//! let before = db.snapshot()?;
//! let rows = InsertSource::Values(vec![vec![Some(Expr::literal("Nuages"))]]);
//! let source = Source::new(0);
//! let insert = Insert { table, columns: vec![0], rows, source, returning: Vec::new(), conflict: None };
//! db.execute(&Statement::Insert(insert), &[])?;
//! let mut inserted = 0;
//! db.snapshot()?.changes_since(&before, &mut |table, change| {
//!     assert!(table.name == "song" && matches!(change, RowChange::Inserted(_)));
//!     inserted += 1;
//! });
//! assert_eq!(inserted, 1);
//! # Ok::<(), nuages_engine::Error>(())
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use nuages_storage::{CommitId, Hold, Reach, RowChange, Table, Version};

use crate::catalog::{Catalog, TableDefinition};
use crate::error::Error;
use crate::limits::{Interrupt, Limits};
use crate::session::{AsSession, Session};
use crate::write::WritingStatement;

/// The database as it was at one moment; reading it waits for nobody, and nobody waits for it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    hold: Hold,
    limits: Limits,
}

impl Snapshot {
    pub(crate) fn of(hold: Hold) -> Snapshot {
        Snapshot { hold, limits: Limits::default() }
    }

    /// The same, with limits for the statements that run on it.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Snapshot {
        Snapshot { limits, ..self }
    }

    /// The commit that made it so.
    pub fn commit(&self) -> CommitId {
        self.hold.commit()
    }

    /// Calls `each` with every row that differs from an older snapshot of this database, or of one that this is a fork
    /// of, table by table, and with the definition to read it by: a column that the older table lacks has its default
    /// there. Temporary tables are left out. Tables that only one of the two has count as empty in the other. O(what the
    /// two do not share).
    pub fn changes_since(&self, older: &Snapshot, each: &mut dyn FnMut(&TableDefinition, RowChange<'_>)) {
        let (before, after) = (&*older.hold, &*self.hold);
        let mut compare = |catalog: &Catalog, old: &Table, new: &Table| {
            if let Some(definition) = catalog.table(new.id()) {
                new.changes_since(old, &mut |change| each(definition, change));
            }
        };
        let empty = |table: &Table| Table::new(table.id(), Arc::clone(table.layout()));
        let is_seen = |table: &&Table| !table.id().is_temporary();
        for new in after.tables().filter(is_seen) {
            match before.table(new.id()) {
                Some(old) if std::ptr::eq(old, new) => {}
                Some(old) => match old.grown(new.layout()) {
                    Some(old) => compare(Catalog::of(after), &old, new),
                    // Two forks may have made a table each under one id.
                    None => {
                        compare(Catalog::of(before), old, &empty(old));
                        compare(Catalog::of(after), &empty(new), new);
                    }
                },
                None => compare(Catalog::of(after), &empty(new), new),
            }
        }
        for old in before.tables().filter(is_seen).filter(|old| after.table(old.id()).is_none()) {
            compare(Catalog::of(before), old, &empty(old));
        }
    }
}

impl AsSession for Snapshot {
    type Session = Snapshot;

    fn as_session(&self) -> &Snapshot {
        self
    }
}

impl Session for Snapshot {
    fn read_unnoted(&self, f: &mut dyn FnMut(&Version) -> Result<(), Error>) -> Result<(), Error> {
        f(&self.hold)
    }

    fn version_unnoted(&self) -> Result<Arc<Version>, Error> {
        Ok(Arc::clone(self.hold.version()))
    }

    fn interrupt(&self) -> Interrupt {
        Interrupt::new(&self.limits)
    }

    fn write(
        &self,
        _: Reach<'_>,
        _: &Interrupt,
        _: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        Err(Error::ReadOnly)
    }
}

/// The commits of a database, one after the other. While it lives, commits copy what they change.
#[derive(Debug)]
pub struct Feed {
    feed: nuages_storage::Feed,
}

/// One commit: the database before and after it.
#[derive(Clone, Debug)]
pub struct Published {
    /// As it was.
    pub before: Snapshot,
    /// As the commit left it.
    pub after: Snapshot,
}

impl Feed {
    pub(crate) fn new(feed: nuages_storage::Feed) -> Feed {
        Feed { feed }
    }

    /// The next commit; waits for it, for so long at most if a limit is given.
    ///
    /// # Errors
    /// [`Error::Feed`]: that none came in time, or, once, that more came than are kept; the feed goes on then.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Published, Error> {
        // A limit beyond all time is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let nuages_storage::Published { before, after } = self.feed.next(deadline).map_err(Error::Feed)?;
        let [before, after] = [before, after].map(|version| Snapshot::of(self.feed.hold(version)));
        Ok(Published { before, after })
    }
}
