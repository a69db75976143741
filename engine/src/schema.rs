//! Schema changes: what a table is becomes something else, and its rows are made to fit or refuse.
//!
//! A change is a statement like any other: it reads the rows there are, computes everything that can fail (a
//! definition, the rows of a rewritten table, a finished index), and records operations that cannot. So it is
//! transactional, and a reader's catalog always fits the reader's rows. That holds also for who makes it: where what a
//! transaction sees is fixed, it changes the schema only while that is the newest, and a table only while its rows are.
//!
//! Order of reading: this file (tables, and what the others share), [`mod@column`], [`index`], [`constraint`], `sequence`,
//! `enumeration` (and comments).

pub(crate) mod column;
pub(crate) mod constraint;
mod enumeration;
pub(crate) mod index;
mod sequence;

use std::sync::Arc;

use nuages_storage::{Index, LeafView, Operation, SchemaChange, Table, TableId};

use crate::catalog::{Catalog, Marks, NewTable, TableDefinition, TriggerDefinition, ViewDefinition};
use crate::error::{Error, SchemaObject};
use crate::evaluate::Context;
use crate::write::{StatementCatalog, WritingStatement};

impl<'w> WritingStatement<'_, 'w> {
    /// Creates a table.
    pub(crate) fn create_table(&mut self, mut new: NewTable) -> Result<TableId, Error> {
        let catalog = self.catalog_to_change(&new.name)?;
        if catalog.has_beside(&new.name, new.temporary.as_ref()) {
            return Err(Error::DuplicateTable { name: new.name });
        }
        let sequences = self.sequences_of(&mut new, &catalog);
        let id = match new.temporary {
            Some(_) => self.writer().fresh_temporary_table_id(),
            None => self.writer().fresh_table_id(),
        };
        let definition = TableDefinition::resolve(id, new, &catalog, &mut || self.writer().fresh_id())?;
        let mut table = Table::new(id, Arc::clone(&definition.layout));
        for index in &definition.indexes {
            table.add_index(index.id, Index::new());
        }
        self.record(SchemaChange::CreateTable(Arc::new(table)));
        let catalog = sequence::with_owned(&catalog, &definition, sequences);
        self.install(catalog.with(definition));
        Ok(id)
    }

    /// Creates a view; one of the same name gives way to it if it may.
    pub(crate) fn create_view(&mut self, view: ViewDefinition, or_replace: bool) -> Result<(), Error> {
        let catalog = self.catalog_to_change(&view.name)?;
        let is_there = catalog.view_named(&view.name).is_some();
        if catalog.has_relation(&view.name) && !(is_there && or_replace) {
            return Err(Error::DuplicateTable { name: view.name });
        }
        let others = catalog.views().filter(|other| other.name != view.name).cloned();
        let views = others.chain([Arc::new(view.clone())]).collect();
        self.install(catalog.with_views(views));
        Ok(())
    }

    /// Drops a view.
    pub(crate) fn drop_view(&mut self, name: &str) -> Result<(), Error> {
        let catalog = self.catalog_to_change(name)?;
        if catalog.view_named(name).is_none() {
            return Err(Error::UnknownTable { name: name.to_owned(), nearest: None });
        }
        self.install(catalog.with_views(catalog.views().filter(|view| view.name != name).cloned().collect()));
        Ok(())
    }

    /// Puts other numbers of the program's in the place of those there are.
    pub(crate) fn replace_marks(&mut self, marks: Marks) -> Result<(), Error> {
        let catalog = self.catalog_to_change("user_version")?;
        self.install(catalog.with_marks(marks));
        Ok(())
    }

    /// Puts other triggers in the place of those there are; `name` is the one that comes or goes.
    pub(crate) fn replace_triggers(
        &mut self,
        name: &str,
        triggers: Vec<Arc<TriggerDefinition>>,
    ) -> Result<(), Error> {
        let catalog = self.catalog_to_change(name)?;
        self.install(catalog.with_triggers(triggers));
        Ok(())
    }

    /// Drops tables that none but they themselves refer to.
    pub(crate) fn drop_tables(&mut self, names: &[String]) -> Result<(), Error> {
        let Some(first) = names.first() else { return Ok(()) };
        let catalog = self.catalog_to_change(first)?;
        let tables = names.iter().map(|name| Ok(catalog.table_named(name)?.id));
        let tables = tables.collect::<Result<Vec<TableId>, Error>>()?;
        self.drop_tables_of(&catalog, tables)
    }

    /// Drops the temporary tables of sessions that are gone, if there are any.
    ///
    /// # Errors
    /// [`Error::SerializationFailure`] if the transaction does not see the newest schema.
    pub(crate) fn drop_forsaken_tables(&mut self) -> Result<(), Error> {
        let forsaken = self.catalog().forsaken_tables().map(|table| table.id).collect();
        self.drop_temporary_tables(forsaken)
    }

    /// Drops temporary tables.
    ///
    /// # Errors
    /// [`Error::Depended`] if others refer to them; [`Error::SerializationFailure`].
    pub(crate) fn drop_temporary_tables(&mut self, tables: Vec<TableId>) -> Result<(), Error> {
        let Some(first) = tables.first() else { return Ok(()) };
        let catalog = self.catalog_to_change(&format!("#{}", first.get()))?;
        self.drop_tables_of(&catalog, tables)
    }

    fn drop_tables_of(&mut self, catalog: &Catalog, tables: Vec<TableId>) -> Result<(), Error> {
        self.expect_closed(catalog, &tables)?;
        Self::expect_sequences_unused(catalog, &tables, None)?;
        let mut left = Catalog::clone(catalog);
        for table in tables {
            self.record(SchemaChange::DropTable(table));
            left = left.without(table);
        }
        self.install(left);
        Ok(())
    }

    /// Takes all rows from tables that none but they themselves refer to, without looking at them. Their row ids are not
    /// handed out again.
    pub(crate) fn truncate_tables(&mut self, tables: &[TableId]) -> Result<(), Error> {
        let catalog = self.catalog();
        self.expect_closed(&catalog, tables)?;
        for table in tables {
            let definition = catalog.expect_table(*table)?;
            let mut empty = Table::new(*table, Arc::clone(&definition.layout));
            definition.indexes.iter().for_each(|index| empty.add_index(index.id, Index::new()));
            self.record(SchemaChange::ReplaceTable(Arc::new(empty)));
        }
        Ok(())
    }

    /// That no other table refers to any of these; and that nobody else writes to them.
    ///
    /// # Errors
    /// [`Error::Depended`], [`Error::SerializationFailure`].
    fn expect_closed(&mut self, catalog: &Catalog, tables: &[TableId]) -> Result<(), Error> {
        for table in tables {
            let table = catalog.expect_table(*table)?;
            self.be_alone_with(table)?;
            if let Some(other) = table.referenced_by.iter().find(|other| !tables.contains(&other.table)) {
                let dependent = foreign_key_object(catalog, other.table, |key| key.id == other.foreign_key);
                return Err(depended(table, SchemaObject::Table, dependent));
            }
        }
        Ok(())
    }

    /// Gives a table another name.
    pub(crate) fn rename_table(&mut self, from: &str, to: &str) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(from)?;
        if from != to && catalog.has_beside(to, table.temporary.as_ref()) {
            return Err(Error::DuplicateTable { name: to.to_owned() });
        }
        if to.is_empty() {
            return Err(table.problem(crate::error::DefinitionProblem::EmptyName));
        }
        to.clone_into(&mut table.name);
        self.install(catalog.with(table));
        Ok(())
    }

    /// Records a schema change.
    fn record(&mut self, change: SchemaChange) {
        self.writer().push(Operation::Schema(change));
    }

    /// Makes a catalog the database's. Whoever changes it is alone with the tables whose definitions become others,
    /// and no other transaction changes the schema meanwhile. Where a transaction does not see the newest, it sees the
    /// newest catalog all the same, or it could not [change](Self::catalog_to_change) it.
    fn install(&mut self, mut catalog: Catalog) {
        catalog.forget_comments();
        let before = self.catalog();
        let changed = catalog.changed_tables(&before).chain(catalog.changed_temporary_tables(&before));
        let changed: Vec<TableId> = changed.collect();
        let locking = self.writer().locking();
        locking.schema();
        changed.into_iter().for_each(|table| locking.table(table));
        let catalog = Arc::new(catalog.seen_by_nobody());
        self.record(SchemaChange::Catalog(Arc::clone(&catalog) as Arc<_>));
        self.set_catalog(catalog);
    }

    /// The catalog, to be changed where `name` is; nobody else changes it meanwhile.
    ///
    /// # Errors
    /// [`Error::SerializationFailure`] if the transaction sees another than the newest. What is made of that would say
    /// of tables what is not so of those that it sees.
    fn catalog_to_change(&mut self, name: &str) -> Result<StatementCatalog<'w>, Error> {
        let writer = self.writer();
        writer.locking().schema();
        let newest = Catalog::carried(writer.catalog()).schema_id();
        if writer.is_behind() && Catalog::of(writer.base()).schema_id() != newest {
            return Err(Error::SerializationFailure { table: name.to_owned(), row: None });
        }
        Ok(self.catalog_seen())
    }

    /// Sees to it that nobody else writes to a table, and that the transaction sees all its rows: what is made of them
    /// is made of the newest.
    ///
    /// # Errors
    /// [`Error::SerializationFailure`].
    fn be_alone_with(&mut self, table: &TableDefinition) -> Result<(), Error> {
        let writer = self.writer();
        writer.locking().table(table.id);
        if writer.is_behind_in(table.id) {
            return Err(Error::SerializationFailure { table: table.name.clone(), row: None });
        }
        Ok(())
    }

    /// The catalog and the definition of a table in it, both to be changed.
    fn definition_of(&mut self, name: &str) -> Result<(StatementCatalog<'w>, TableDefinition), Error> {
        let catalog = self.catalog_to_change(name)?;
        let table = TableDefinition::clone(catalog.table_named(name)?);
        self.be_alone_with(&table)?;
        Ok((catalog, table))
    }
}

/// Calls `f` with every leaf of a table, and the selection of all its rows.
fn each_leaf<'v>(
    table: &'v Table,
    context: &Context<'_>,
    mut f: impl FnMut(LeafView<'v>, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    table.leaves(..).try_for_each(|slice| {
        context.check()?;
        f(slice.view, slice.selection())
    })
}

fn depended(table: &TableDefinition, object: SchemaObject, dependent: SchemaObject) -> Error {
    Error::Depended { table: table.name.clone(), object, dependent }
}

/// A foreign key of a table, as a message names it.
fn foreign_key_object(
    catalog: &Catalog,
    table: TableId,
    is_it: impl Fn(&crate::catalog::ForeignKeyDefinition) -> bool,
) -> SchemaObject {
    let found = catalog.table(table).and_then(|table| {
        let key = table.foreign_keys.iter().find(|key| is_it(key))?;
        Some(SchemaObject::ForeignKey { table: table.name.clone(), constraint: key.name.clone() })
    });
    found.unwrap_or(SchemaObject::Table)
}
