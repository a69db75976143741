//! Checks and foreign keys: added if the rows there are keep them, and dropped.

use nuages_storage::SchemaChange;

use super::index::release_index;
use super::{depended, each_leaf};
use crate::catalog::names::nearest;
use crate::catalog::{ColumnSet, ForeignKeyDefinition, NewCheck, NewForeignKey, TableDefinition};
use crate::error::{Error, SchemaObject};
use crate::integrity::foreign_key::{ParentLookup, violation};
use crate::integrity::{Cause, check};
use crate::write::WritingStatement;
use crate::write::keys::values_of;

impl WritingStatement<'_, '_> {
    /// Adds a check.
    pub(crate) fn add_check(&mut self, table: &str, new: NewCheck) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(table)?;
        table.add_check(new, &mut || self.writer().fresh_id())?;
        let added =
            TableDefinition { checks: table.checks.split_off(table.checks.len() - 1), ..table.clone() };
        let context = self.context();
        if let Some(rows) = self.writer().version().table(table.id) {
            each_leaf(rows, &context, |view, selection| {
                check::check(&added, ColumnSet::ALL, view, selection, &context)
            })?;
        }
        table.checks.extend(added.checks);
        self.install(catalog.with(table));
        Ok(())
    }

    /// Makes columns that cannot be NULL the primary key of a table that has none: a unique index, also where a table that
    /// was created with it would be ordered by it.
    pub(crate) fn add_primary_key(&mut self, table: &str, columns: &[String]) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(table)?;
        let id = table.add_primary_key(columns, &catalog, &mut || self.writer().fresh_id())?;
        self.build_index(&table, id)?;
        self.install(catalog.with(table));
        Ok(())
    }

    /// Adds a foreign key, and the index to find its rows by if there is none.
    pub(crate) fn add_foreign_key(&mut self, table: &str, new: &NewForeignKey) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(table)?;
        let index = table.add_foreign_key(new, &catalog, &mut || self.writer().fresh_id())?;
        if let Some(index) = index {
            self.build_index(&table, index)?;
        }
        let id = table.id;
        let catalog = catalog.with(table);
        let table = catalog.expect_table(id)?;
        if let Some(key) = table.foreign_keys.last() {
            self.test_foreign_key(&catalog, table, key)?;
        }
        self.install(catalog);
        Ok(())
    }

    /// Every row that refers by a foreign key finds what it refers to.
    fn test_foreign_key(
        &mut self,
        catalog: &crate::catalog::Catalog,
        table: &TableDefinition,
        key: &ForeignKeyDefinition,
    ) -> Result<(), Error> {
        let context = self.context();
        let version = self.writer().version();
        let (Some(rows), Some(parents)) = (version.table(table.id), ParentLookup::new(catalog, version, key))
        else {
            return Ok(());
        };
        each_leaf(rows, &context, |view, selection| {
            let orphans = parents.orphans(table, key, view, selection);
            if orphans == 0 {
                return Ok(());
            }
            let values = values_of(table, &key.columns, view, orphans.trailing_zeros() as usize);
            Err(violation(catalog, table, key, values, Cause::Child))
        })
    }

    /// Gives a check, a foreign key or a unique constraint another name; the index of the last goes by the same.
    ///
    /// # Errors
    /// [`Error::UnknownConstraint`], [`Error::DuplicateConstraint`]; [`Error::Depended`] for a primary key that is the row id,
    /// whose name is that of the table.
    pub(crate) fn rename_constraint(&mut self, table: &str, from: &str, to: &str) -> Result<(), Error> {
        let (catalog, mut definition) = self.definition_of(table)?;
        let index = definition.indexes.iter().find(|index| {
            index
                .unique
                .as_ref()
                .is_some_and(|unique| unique.constraint == from || unique.primary && index.name == from)
        });
        if let Some(name) = index.map(|index| index.name.clone()) {
            return self.rename_index(table, &name, to);
        }
        if from != to {
            definition.check_constraint_name(to)?;
        }
        let checks = definition.checks.iter_mut().map(|check| &mut check.name);
        let keys = definition.foreign_keys.iter_mut().map(|key| &mut key.name);
        let found = checks.chain(keys).find(|name| *name == from).map(|name| to.clone_into(name));
        if found.is_none() && definition.row_id_column().is_some() && definition.primary_key_name() == from {
            return Err(depended(&definition, SchemaObject::PrimaryKey, SchemaObject::Table));
        }
        found.ok_or_else(|| Error::UnknownConstraint {
            table: table.to_owned(),
            constraint: from.to_owned(),
            nearest: nearest(from, definition.constraint_names()),
        })?;
        self.install(catalog.with(definition));
        Ok(())
    }

    /// Drops a check, a foreign key or a unique constraint.
    pub(crate) fn drop_constraint(&mut self, table: &str, name: &str) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(table)?;
        let is_unique = |index: &&crate::catalog::IndexDefinition| {
            index.unique.as_ref().is_some_and(|unique| unique.constraint == name)
        };
        if let Some(at) = table.checks.iter().position(|check| check.name == name) {
            table.checks.remove(at);
        } else if let Some(at) = table.foreign_keys.iter().position(|key| key.name == name) {
            table.foreign_keys.remove(at);
        } else if let Some(id) = table.indexes.iter().find(is_unique).map(|index| index.id) {
            release_index(&catalog, &mut table, id)?;
            self.record(SchemaChange::DropIndex { table: table.id, id });
        } else if table.row_id_column().is_some() && table.primary_key_name() == name {
            return Err(depended(&table, SchemaObject::PrimaryKey, SchemaObject::Table));
        } else {
            return Err(Error::UnknownConstraint {
                table: table.name.clone(),
                constraint: name.to_owned(),
                nearest: nearest(name, table.constraint_names()),
            });
        }
        self.install(catalog.with(table));
        Ok(())
    }
}
