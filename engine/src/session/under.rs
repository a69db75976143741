//! Statements under the schema that they were bound to.
//!
//! Who binds a statement makes tables, and columns by their places, of names. If the schema changes before the
//! statement has run, a place may be that of another column. To look before it runs does not do: it may wait for the
//! very transaction that changes its table, and then it is attempted anew on what that has left. So what was taken for
//! granted goes along with the statement, and is looked at in the version that is read, and in each attempt to write.

use std::sync::Arc;

use nuages_storage::lock::Ticket;
use nuages_storage::{Reach, RowId, TableId, Version};

use super::Session;
use crate::catalog::{Catalog, SchemaTest};
use crate::database::InTransaction;
use crate::draws::Draws;
use crate::error::Error;
use crate::limits::Interrupt;
use crate::reads::Reads;
use crate::write::WritingStatement;
use crate::write::at_once::Autocommit;

/// A session whose statements run under the schema they were bound to, or else are refused with
/// [`Error::SchemaChanged`], and nothing has happened. They can be bound anew then.
///
/// ```
/// use nuages_engine::algebra::{OutputColumn, Query, Relation, Source};
/// use nuages_engine::{Error, Session, Under, sql::Connection};
///
/// let mut connection = Connection::new(nuages_engine::Database::new());
/// connection.execute("CREATE TABLE song (title TEXT, plays INTEGER, length INTEGER)", &[])?;
/// let db = connection.database().clone();
/// let catalog = db.catalog()?;
/// let (song, row) = (catalog.table_named("song")?, Source::new(0));
/// let plays = OutputColumn::new("plays", row.column(song.column_named("plays")?));
/// let query = Query::new(Relation::scan(song.id, row), vec![plays]);
///
/// connection.execute("ALTER TABLE song DROP COLUMN title", &[])?;
/// let as_bound = Under::new(&db, catalog.schema_id());
/// assert_eq!(as_bound.query(&query, &[]), Err(Error::SchemaChanged), "the second column is `length` now");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Under<S, T> {
    session: S,
    test: T,
}

impl<S, T> Under<S, T> {
    /// A session, and what its statements take for granted.
    pub const fn new(session: S, test: T) -> Under<S, T> {
        Under { session, test }
    }

    /// The session, whose other statements are bound to nothing.
    pub const fn session(&self) -> &S {
        &self.session
    }

    /// The same, given back.
    pub fn into_session(self) -> S {
        self.session
    }
}

/// A session that is owned, or lent.
#[doc(hidden)]
pub trait AsSession: Send + Sync {
    /// What it is.
    type Session: Session + ?Sized;

    /// The session.
    fn as_session(&self) -> &Self::Session;
}

impl<S: Session + ?Sized> AsSession for &S {
    type Session = S;

    fn as_session(&self) -> &S {
        self
    }
}

impl<S, T> Session for Under<S, T>
where
    S: AsSession,
    T: SchemaTest,
{
    fn read_unnoted(&self, f: &mut dyn FnMut(&Version) -> Result<(), Error>) -> Result<(), Error> {
        self.session.as_session().read_unnoted(&mut |version| {
            self.test.expect(Catalog::of(version))?;
            f(version)
        })
    }

    fn read_row_unnoted(
        &self,
        table: TableId,
        row: RowId,
        f: &mut dyn FnMut(&Version) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.session.as_session().read_row_unnoted(table, row, &mut |version| {
            self.test.expect(Catalog::of(version))?;
            f(version)
        })
    }

    fn version_unnoted(&self) -> Result<Arc<Version>, Error> {
        let version = self.session.as_session().version_unnoted()?;
        self.test.expect(Catalog::of(&version))?;
        Ok(version)
    }

    fn write(
        &self,
        reach: Reach<'_>,
        interrupt: &Interrupt,
        f: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.session.as_session().write(reach, interrupt, &mut |writing| {
            writing.expect_schema(&self.test)?;
            writing.see_as(self.test.seen_by());
            f(writing)
        })
    }

    fn autocommits_in(&self) -> Option<Autocommit<'_>> {
        let Autocommit { store, test } = self.session.as_session().autocommits_in()?;
        // There is room for one test; where there are two, the statement goes the longer way.
        test.is_none().then_some(Autocommit { store, test: Some(&self.test) })
    }

    fn in_transaction(&self) -> Option<InTransaction<'_>> {
        let InTransaction { transaction, test } = self.session.as_session().in_transaction()?;
        test.is_none().then_some(InTransaction { transaction, test: Some(&self.test) })
    }

    fn catalog(&self) -> Result<Arc<Catalog>, Error> {
        self.session.as_session().catalog()
    }

    fn interrupt(&self) -> Interrupt {
        self.session.as_session().interrupt()
    }

    fn reads(&self) -> Option<&Reads> {
        self.session.as_session().reads()
    }

    fn draws(&self) -> Option<Draws<'_>> {
        self.session.as_session().draws()
    }

    fn is_noting(&self) -> bool {
        self.session.as_session().is_noting()
    }

    fn take_waiting(&self) -> Option<Ticket> {
        self.session.as_session().take_waiting()
    }
}
