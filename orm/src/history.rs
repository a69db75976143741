//! Looking back and following: kept versions, what has changed between two of them, and the commits as they come.
//!
//! ```
//! # use nuages::prelude::*;
//! # #[derive(Model, Clone, Debug, PartialEq)]
//! # pub struct Account { pub id: Auto<i64>, pub balance: i64 }
//! # let db = App::new().models(Account::app()).open_memory()?;
//! use nuages::history::Change;
//!
//! let before = db.snapshot()?;
//! let mut account = Account::objects().create(new!(Account { balance: 50 }), &db)?;
//! let between = db.snapshot()?;
//! account.balance = 70;
//! account.save(&db)?;
//! let after = db.snapshot()?;
//! let [Change::Updated { before: old, after: new }] = &after.changes_since::<Account>(&between)?[..] else { panic!() };
//! assert_eq!((old.balance, new.balance), (50, 70));
//! assert!(matches!(&after.changes_since::<Account>(&before)?[..], [Change::Inserted(_)]));
//! # Ok::<(), Error>(())
//! ```

use std::{sync::Arc, time::Duration};

use nuages_engine::Under;
use nuages_storage::{CommitId, RowChange, RowRef};
pub use nuages_storage::{Holder, Who};

use crate::{
    error::Result,
    executor::{Db, Frozen, Settings, Shared},
    model::Model,
    read::{StoredRow, decode_error},
    relation::parent,
    row::{Columns, read_instance},
};

/// How a row of a model differs between two versions.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<M> {
    /// Only the newer has it.
    Inserted(M),
    /// Both have it, with other values.
    Updated {
        /// In the older.
        before: M,
        /// In the newer.
        after: M,
    },
    /// Only the older has it.
    Deleted(M),
}

/// The commits of a database, one after the other; see [`Db::subscribe`].
pub struct Feed {
    shared: Arc<Shared>,
    settings: Settings,
    feed: nuages_engine::Feed,
}

/// One commit: the database before and after it.
pub struct Published {
    /// As it was.
    pub before: Frozen,
    /// As the commit left it.
    pub after: Frozen,
}

impl Db {
    /// Keeps every version for so long after another has followed it, from now on; no time lets them go. While versions
    /// are kept, commits copy what they change.
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn retain(&self, retention: Duration) -> Result<()> {
        Ok(self.engine().retain((!retention.is_zero()).then_some(retention))?)
    }

    /// Who holds versions now: snapshots, transactions, statements that run, feeds, checkpoints, forks, and the
    /// database itself if it [keeps](Db::retain) them. Those of the oldest come first, each with the bytes that nothing
    /// but its version keeps: where to look when memory grows.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Account { pub id: Auto<i64>, pub balance: i64 }
    /// # let db = App::new().models(Account::app()).open_memory()?;
    /// let before = db.snapshot()?;
    /// Account::objects().create(new!(Account { balance: 50 }), &db)?;
    /// let holders = db.holders()?;
    /// assert_eq!((holders.len(), holders[0].commit), (1, before.commit()));
    /// println!("{}", holders[0]); // a snapshot of thread "main" holds commit 1 for 0.0 s and ..
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn holders(&self) -> Result<Vec<Holder>> {
        Ok(self.engine().holders()?)
    }

    /// The database as a commit left it, if that version is [kept](Db::retain) or the newest. The commit of a snapshot
    /// is [`Frozen::commit`].
    ///
    /// # Errors
    /// That the version is not kept.
    pub fn at(&self, commit: CommitId) -> Result<Frozen> {
        Ok(self.frozen(self.engine().at(commit)?))
    }

    /// The commits from now on, in their order, nothing left out; `capacity` of them are kept for a reader that is
    /// slow, who is told when there were more. While the feed lives, commits copy what they change.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # use nuages::history::Change;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Account { pub id: Auto<i64>, pub balance: i64 }
    /// # let db = App::new().models(Account::app()).open_memory()?;
    /// let mut feed = db.subscribe(1_000)?;
    /// Account::objects().create(new!(Account { balance: 50 }), &db)?;
    /// let commit = feed.next(None)?;
    /// let changes = commit.changes::<Account>()?;
    /// assert!(matches!(&changes[..], [Change::Inserted(account)] if account.balance == 50));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn subscribe(&self, capacity: usize) -> Result<Feed> {
        let feed = self.engine().subscribe(capacity)?;
        Ok(Feed { shared: self.shared.clone(), settings: self.settings.clone(), feed })
    }
}

impl Frozen {
    /// The commit that made the database so.
    pub fn commit(&self) -> CommitId {
        self.snapshot.session().commit()
    }

    /// The rows of a model that differ from an older snapshot of this database, in the order of their ids. O(what the
    /// two do not share). What differs in the row that a row extends is a change of that row's model.
    ///
    /// # Errors
    /// [`Error::Decode`](crate::error::Error::Decode) for a stored value that a field does not know;
    /// [`Error::Unregistered`](crate::error::Error::Unregistered).
    pub fn changes_since<M: Model>(&self, older: &Frozen) -> Result<Vec<Change<M>>> {
        let bound = self.shared.binding().model(M::meta())?;
        let instance = |row: RowRef<'_>| -> Result<M> {
            read_instance(&StoredRow { row, bound }, &mut Columns::default())
                .map_err(|error| decode_error(bound.meta, error))
        };
        let mut changes = Ok(Vec::new());
        self.snapshot.session().changes_since(older.snapshot.session(), &mut |table, change| {
            if table.id != bound.table {
                return;
            }
            if let Ok(found) = &mut changes {
                let change = match change {
                    RowChange::Inserted(row) => instance(row).map(Change::Inserted),
                    RowChange::Deleted(row) => instance(row).map(Change::Deleted),
                    RowChange::Updated { before, after } => instance(before)
                        .and_then(|before| Ok(Change::Updated { before, after: instance(after)? })),
                };
                match change {
                    Ok(change) => found.push(change),
                    Err(error) => changes = Err(error),
                }
            }
        });
        let mut changes = changes?;
        for change in &mut changes {
            match change {
                Change::Inserted(row) => parent::complete(row, self)?,
                Change::Updated { before, after } => {
                    parent::complete(before, older)?;
                    parent::complete(after, self)?;
                }
                Change::Deleted(row) => parent::complete(row, older)?,
            }
        }
        Ok(changes)
    }
}

impl Feed {
    /// The next commit; waits for it, for so long at most if a limit is given.
    ///
    /// # Errors
    /// The engine's `Feed`: that none came in time, or, once, that more came than are kept; the feed goes on then.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Published> {
        let nuages_engine::Published { before, after } = self.feed.next(timeout)?;
        let frozen = |snapshot: nuages_engine::Snapshot| {
            let snapshot = snapshot.with_limits(self.settings.limits.clone());
            let snapshot = Under::new(snapshot, Arc::clone(&self.shared.binding));
            Frozen { shared: self.shared.clone(), settings: self.settings.clone(), snapshot }
        };
        Ok(Published { before: frozen(before), after: frozen(after) })
    }
}

impl Published {
    /// The rows of a model that the commit changed.
    ///
    /// # Errors
    /// As [`Frozen::changes_since`].
    pub fn changes<M: Model>(&self) -> Result<Vec<Change<M>>> {
        self.after.changes_since(&self.before)
    }
}
