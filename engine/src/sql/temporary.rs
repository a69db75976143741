//! Temporary tables of a connection: whose they are, what it sees of the catalog, and when they go.
//!
//! They lie in the database among the others, so that a statement reads both and a rollback undoes both
//! (`docs/decisions/0014`); [`Catalog::seen_by`] shows them to their connection alone.

use std::sync::Arc;
use std::time::Duration;

use nuages_storage::{Reach, TableId};
use parking_lot::Mutex;
use sqlparser::ast;

use super::connection::Connection;
use super::error::{Problem, SqlError};
use crate::catalog::temporary::{Holder, OnCommit, Owner, Temporary};
use crate::catalog::{Catalog, SchemaId, SchemaTest};
use crate::limits::Limits;
use crate::{Database, Session};

/// What a connection that has made temporary tables holds of them. They go when it does.
#[derive(Debug)]
pub(super) struct OwnTables {
    database: Database,
    owner: Owner,
    /// Taken when the tables go.
    holder: Option<Holder>,
    /// The catalog that was looked at last, as the connection sees it.
    seen: Mutex<Option<Arc<Catalog>>>,
}

/// The schema that a statement was bound to, and whose temporary tables its names mean before others.
#[derive(Clone, Debug)]
pub(super) struct BoundTo {
    schema: SchemaId,
    owner: Option<Owner>,
}

impl SchemaTest for BoundTo {
    #[inline]
    fn accepts(&self, catalog: &Catalog) -> bool {
        self.schema.accepts(catalog)
    }

    fn seen_by(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }
}

impl OwnTables {
    fn new(database: Database) -> OwnTables {
        let holder = Holder::default();
        OwnTables { database, owner: holder.owner(), holder: Some(holder), seen: Mutex::new(None) }
    }

    /// A catalog as the connection sees it. O(tables) where it is another than the last time.
    fn see(&self, catalog: &Arc<Catalog>) -> Arc<Catalog> {
        if !catalog.has_temporary_tables() {
            return Arc::clone(catalog);
        }
        let mut seen = self.seen.lock();
        match &*seen {
            Some(seen) if seen.schema_id() == catalog.schema_id() => Arc::clone(seen),
            _ => Arc::clone(seen.insert(Arc::new(catalog.seen_by(&self.owner)))),
        }
    }
}

/// Drops the tables, unless that would have to wait. Nobody sees them any more, and who next makes a temporary table drops
/// those that are left.
impl Drop for OwnTables {
    fn drop(&mut self) {
        self.holder = None;
        let limits = Limits { lock_timeout: Some(Duration::ZERO), ..Limits::default() };
        let database = self.database.with_limits(limits);
        let is_left = || Ok::<_, crate::Error>(database.catalog()?.forsaken_tables().next().is_some());
        if is_left().is_ok_and(|is_left| is_left) {
            let interrupt = database.interrupt();
            database.write(Reach::Long, &interrupt, &mut |writing| writing.drop_forsaken_tables()).ok();
        }
    }
}

impl Connection {
    /// What statements are run under that are bound to a schema.
    pub(super) fn bound_to(&self, schema: SchemaId) -> BoundTo {
        BoundTo { schema, owner: self.owner().cloned() }
    }

    /// Whose temporary tables names mean before others.
    pub(super) fn owner(&self) -> Option<&Owner> {
        self.temporary.as_ref().map(|own| &own.owner)
    }

    /// The catalog of what statements run in, with the connection's own temporary tables.
    pub(super) fn catalog(&self) -> Result<Arc<Catalog>, SqlError> {
        let catalog = self.session().catalog()?;
        Ok(match &self.temporary {
            Some(own) => own.see(&catalog),
            None => catalog,
        })
    }

    /// Sees to it that there is an owner of temporary tables.
    pub(super) fn hold_temporary_tables(&mut self) {
        let database = &self.database;
        self.temporary.get_or_insert_with(|| OwnTables::new(database.clone()));
    }

    /// What a new table is if it is to be temporary: whose, and what becomes of it.
    ///
    /// # Errors
    /// [`Problem::Unsupported`]: ON COMMIT of a table that stays.
    pub(super) fn new_temporary(
        &self,
        is_temporary: bool,
        on_commit: Option<&ast::OnCommit>,
    ) -> Result<Option<Temporary>, SqlError> {
        let on_commit = match on_commit {
            Some(_) if !is_temporary => {
                let feature = "ON COMMIT of a table that stays".to_owned();
                return Err(Problem::Unsupported { feature }.into());
            }
            None | Some(ast::OnCommit::PreserveRows) => OnCommit::PreserveRows,
            Some(ast::OnCommit::DeleteRows) => OnCommit::DeleteRows,
            Some(ast::OnCommit::Drop) => OnCommit::Drop,
        };
        Ok(self.owner().filter(|_| is_temporary).map(|owner| Temporary { owner: owner.clone(), on_commit }))
    }

    /// Does what temporary tables are to have done before a commit: rows go, or tables.
    pub(super) fn clear_for_commit(&self) -> Result<(), SqlError> {
        if self.temporary.is_none() {
            return Ok(());
        }
        let catalog = self.catalog()?;
        let ids = |on_commit| {
            let is_one = move |temporary: &Temporary| temporary.on_commit == on_commit;
            let tables = catalog.temporary_tables();
            let tables = tables.filter(move |table| table.temporary.as_ref().is_some_and(is_one));
            tables.map(|table| table.id).collect::<Vec<TableId>>()
        };
        let (dropped, mut emptied) = (ids(OnCommit::Drop), ids(OnCommit::DeleteRows));
        if !emptied.is_empty() {
            let version = self.session().version()?;
            emptied.retain(|table| version.table(*table).is_some_and(|table| !table.is_empty()));
        }
        if dropped.is_empty() && emptied.is_empty() {
            return Ok(());
        }
        self.change_schema(catalog.schema_id(), &mut |writing| {
            writing.truncate_tables(&emptied)?;
            writing.drop_temporary_tables(dropped.clone())
        })
    }

    /// `DISCARD TEMP`: drops the connection's temporary tables.
    pub(super) fn drop_temporary_tables(&self, schema: SchemaId) -> Result<(), SqlError> {
        let tables: Vec<TableId> = self.catalog()?.temporary_tables().map(|table| table.id).collect();
        self.change_schema(schema, &mut |writing| writing.drop_temporary_tables(tables.clone()))
    }

    /// Does the same behind a statement that was a transaction of its own. Nobody else has seen what was in between.
    pub(super) fn clear_behind_statement(&self) -> Result<(), SqlError> {
        if self.open.is_some() { Ok(()) } else { self.clear_for_commit() }
    }
}
