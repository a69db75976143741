//! Indexes: added over the rows there are, and dropped.

use nuages_storage::{Index, IndexId, IndexKeys, SchemaChange, Table};

use super::{depended, each_leaf, foreign_key_object};
use crate::catalog::{Catalog, ChildLookup, IndexDefinition, NewIndex, TableDefinition, TargetKey};
use crate::error::{Error, SchemaObject};
use crate::evaluate::Context;
use crate::integrity::unique;
use crate::write::WritingStatement;
use crate::write::keys::leaf_keys;
use crate::write::leaves::selected;

impl WritingStatement<'_, '_> {
    /// Adds an index or unique constraint.
    pub(crate) fn add_index(&mut self, table: &str, new: &NewIndex) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(table)?;
        let id = table.add_index(new, &catalog, &mut || self.writer().fresh_id())?;
        self.build_index(&table, id)?;
        self.install(catalog.with(table));
        Ok(())
    }

    /// Drops an index, and the unique constraint it carries.
    pub(crate) fn drop_index(&mut self, table: &str, name: &str) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(table)?;
        let id = table.index_named(name)?.id;
        release_index(&catalog, &mut table, id)?;
        self.record(SchemaChange::DropIndex { table: table.id, id });
        self.install(catalog.with(table));
        Ok(())
    }

    /// Gives an index another name, and the unique constraint that it carries.
    pub(crate) fn rename_index(&mut self, table: &str, from: &str, to: &str) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(table)?;
        if from == to {
            return Ok(());
        }
        if catalog.has_relation(to) {
            return Err(Error::DuplicateTable { name: to.to_owned() });
        }
        table.check_index_name(to, &catalog)?;
        let is_constraint = table.index_named(from)?.unique.is_some();
        if is_constraint {
            table.check_constraint_name(to)?;
        }
        for index in table.indexes.iter_mut().filter(|index| index.name == from) {
            to.clone_into(&mut index.name);
            index.unique.iter_mut().for_each(|unique| to.clone_into(&mut unique.constraint));
        }
        self.install(catalog.with(table));
        Ok(())
    }

    /// Builds an index of `table` over the rows there are, and records it.
    pub(super) fn build_index(&mut self, table: &TableDefinition, id: IndexId) -> Result<(), Error> {
        let context = self.context();
        let version = self.writer().version();
        let (Some(rows), Some(definition)) = (version.table(table.id), table.index(id)) else {
            return Ok(());
        };
        let index = build(table, definition, rows, &context)?;
        self.record(SchemaChange::AddIndex { table: table.id, id, index });
        Ok(())
    }
}

/// An index over rows, built at once from its sorted entries.
///
/// # Errors
/// [`Error::Unique`] if two rows have one key; what an expression fails with; what ends the statement before its time.
pub(crate) fn build(
    table: &TableDefinition,
    index: &IndexDefinition,
    rows: &Table,
    context: &Context<'_>,
) -> Result<Index, Error> {
    let mut entries = IndexKeys::new();
    let mut with_null = Vec::new();
    each_leaf(rows, context, |view, selection| {
        let from = entries.len();
        let nulls = leaf_keys(table, index, view, selection, context, &mut entries)?;
        with_null.extend(selected(nulls).map(|at| from + at));
        Ok(())
    })?;
    if let Some(constraint) = &index.unique {
        let distinct = (constraint.nulls_distinct && !with_null.is_empty())
            .then(|| crate::write::round::without(&entries, &with_null));
        entries = entries.sorted();
        if let Some(key) = unique::conflicts(&Index::new(), distinct.as_ref().unwrap_or(&entries)).next() {
            return Err(unique::violation(table, index, constraint, key));
        }
    }
    Ok(Index::bulk(&entries.sorted()))
}

/// Takes an index out of a definition, if nothing needs it. Foreign keys that found their rows by it go by another
/// index, if one serves.
///
/// # Errors
/// [`Error::Depended`].
pub(super) fn release_index(
    catalog: &Catalog,
    table: &mut TableDefinition,
    id: IndexId,
) -> Result<(), Error> {
    let Some(at) = table.indexes.iter().position(|index| index.id == id) else { return Ok(()) };
    let object = SchemaObject::Index(table.indexes[at].name.clone());
    if table.indexes[at].unique.as_ref().is_some_and(|unique| unique.primary) {
        return Err(depended(table, object, SchemaObject::PrimaryKey));
    }
    for reference in &table.referenced_by {
        let key = catalog.table(reference.table).and_then(|child| child.foreign_key(reference.foreign_key));
        if key.is_some_and(|key| key.target_key == TargetKey::Index(id)) {
            let dependent =
                foreign_key_object(catalog, reference.table, |key| key.id == reference.foreign_key);
            return Err(depended(table, object, dependent));
        }
    }
    let dropped = table.indexes.remove(at);
    for at in 0..table.foreign_keys.len() {
        let key = &table.foreign_keys[at];
        if key.lookup != ChildLookup::Index(id) {
            continue;
        }
        match table.indexes.iter().find(|index| index.begins_with(&key.columns)) {
            Some(other) => table.foreign_keys[at].lookup = ChildLookup::Index(other.id),
            None => {
                let (table_name, constraint) = (table.name.clone(), key.name.clone());
                table.indexes.insert(0, dropped);
                return Err(depended(
                    table,
                    object,
                    SchemaObject::ForeignKey { table: table_name, constraint },
                ));
            }
        }
    }
    Ok(())
}
