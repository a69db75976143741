//! DROP and TRUNCATE. What one statement names goes together or not at all, and may refer to each other.

use std::sync::Arc;

use nuages_storage::{SequenceId, TableId};
use sqlparser::ast::{self, ObjectType};

use super::bind::last_part;
use super::connection::Connection;
use super::error::{Problem, SqlError};
use crate::Outcome;
use crate::catalog::{Catalog, ColumnId, SchemaId, SequenceDefinition, TableDefinition};

impl Connection {
    /// `DROP`: all names are looked up before anything goes.
    pub(super) fn drop_objects(
        &self,
        (kind, if_exists, is_cascading): (ObjectType, bool, bool),
        names: &[ast::ObjectName],
        schema: SchemaId,
    ) -> Result<Outcome, SqlError> {
        match kind {
            ObjectType::Table => {
                let catalog = self.catalog()?;
                let tables = found(names, if_exists, |name| Ok(self.table_of(name)?.id))?;
                let tables: Vec<_> = tables.into_iter().filter_map(|table| catalog.table(table)).collect();
                // SQLite leaves views behind that nobody can read.
                let is_checked = !self.dialect.is_sqlite() && !is_cascading;
                tables
                    .iter()
                    .filter(|_| is_checked)
                    .try_for_each(|table| self.expect_no_view(table, None))?;
                let goes = |owner: (TableId, ColumnId)| tables.iter().any(|table| table.id == owner.0);
                let owned = catalog.sequences().filter(|sequence| sequence.owner.is_some_and(goes));
                let owned: Vec<&SequenceDefinition> = owned.map(|sequence| &**sequence).collect();
                let mut views = self.views_to_drop(&owned, is_cascading)?;
                for table in tables.iter().filter(|_| is_cascading) {
                    views.extend(self.views_over(table, None)?);
                }
                views.sort();
                views.dedup();
                let names: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
                let keys = if is_cascading { keys_to(&tables, &catalog) } else { Vec::new() };
                self.change_schema(schema, &mut |writing| {
                    keys.iter().try_for_each(|(table, key)| writing.drop_constraint(table, key))?;
                    views.iter().try_for_each(|view| writing.drop_view(view))?;
                    writing.drop_tables(&names)
                })?;
            }
            ObjectType::View => {
                let views = found(names, if_exists, |name| self.view_of(name))?;
                self.change_schema(schema, &mut |writing| {
                    views.iter().try_for_each(|view| writing.drop_view(view))
                })?;
            }
            ObjectType::Index => {
                let catalog = self.catalog()?;
                let indexes = found(names, if_exists, |name| self.index_of(&catalog, last_part(name)?))?;
                self.change_schema(schema, &mut |writing| {
                    indexes.iter().try_for_each(|(table, index)| writing.drop_index(table, index))
                })?;
            }
            ObjectType::Sequence => {
                let sequences = found(names, if_exists, |name| self.sequence_of(last_part(name)?))?;
                let views = self.views_to_drop(&sequences.iter().collect::<Vec<_>>(), is_cascading)?;
                let sequences: Vec<SequenceId> = sequences.iter().map(|sequence| sequence.id).collect();
                self.change_schema(schema, &mut |writing| {
                    views.iter().try_for_each(|view| writing.drop_view(view))?;
                    writing.drop_sequences(&sequences, is_cascading)
                })?;
            }
            ObjectType::Type => {
                let types = found(names, if_exists, |name| self.enum_of(name))?;
                self.drop_types(&types, is_cascading, schema)?;
            }
            other => return Err(Problem::Unsupported { feature: format!("DROP {other}") }.into()),
        }
        Ok(Outcome::default())
    }

    /// The views that go with sequences.
    ///
    /// # Errors
    /// [`Error::SequenceViewed`](crate::Error::SequenceViewed) if they may not.
    fn views_to_drop(
        &self,
        sequences: &[&SequenceDefinition],
        is_cascading: bool,
    ) -> Result<Vec<String>, SqlError> {
        let mut views = Vec::new();
        for sequence in sequences {
            match is_cascading {
                true => views.extend(self.views_of_sequence(sequence.id)?),
                false => self.expect_no_view_of_sequence(sequence)?,
            }
        }
        views.sort();
        views.dedup();
        Ok(views)
    }

    /// The view that a name means.
    pub(super) fn view_of(&self, name: &ast::ObjectName) -> Result<String, SqlError> {
        let ident = last_part(name)?;
        let view = self.bound(|binder| Ok(binder.view(ident).map(|view| view.name.clone())))?;
        view.ok_or_else(|| {
            SqlError::at(Problem::Unknown { kind: "view", name: ident.value.clone() }, ident.span)
        })
    }

    /// `TRUNCATE`: tables lose their rows, unless another table refers to them. Keys go on where they were.
    pub(super) fn truncate(&self, truncate: &ast::Truncate, schema: SchemaId) -> Result<Outcome, SqlError> {
        if matches!(truncate.identity, Some(ast::TruncateIdentityOption::Restart)) {
            let feature = "TRUNCATE .. RESTART IDENTITY, by which keys would be used twice,".to_owned();
            return Err(Problem::Unsupported { feature }.into());
        }
        let tables = truncate.table_names.iter().map(|target| Ok(self.table_of(&target.name)?.id));
        let mut tables = tables.collect::<Result<Vec<_>, SqlError>>()?;
        if matches!(truncate.cascade, Some(ast::CascadeOption::Cascade)) {
            add_referring(&mut tables, &*self.catalog()?);
        }
        self.change_schema(schema, &mut |writing| writing.truncate_tables(&tables))?;
        Ok(Outcome::default())
    }
}

/// The foreign keys of other tables that refer to one of these, each with its table.
fn keys_to(tables: &[&Arc<TableDefinition>], catalog: &Catalog) -> Vec<(String, String)> {
    let stays = |table: TableId| tables.iter().all(|dropped| dropped.id != table);
    let references = tables.iter().flat_map(|table| &table.referenced_by);
    let names = references.filter(|reference| stays(reference.table)).filter_map(|reference| {
        let child = catalog.table(reference.table)?;
        let key = child.foreign_keys.iter().find(|key| key.id == reference.foreign_key)?;
        Some((child.name.clone(), key.name.clone()))
    });
    names.collect()
}

/// Adds the tables whose rows refer to those of these, and so on.
fn add_referring(tables: &mut Vec<TableId>, catalog: &Catalog) {
    let mut at = 0;
    while let Some(table) = tables.get(at).and_then(|id| catalog.table(*id)) {
        at += 1;
        for reference in &table.referenced_by {
            if !tables.contains(&reference.table) {
                tables.push(reference.table);
            }
        }
    }
}

/// What names mean, each thing once; those that mean nothing are left out if they may.
fn found<T: PartialEq>(
    names: &[ast::ObjectName],
    if_exists: bool,
    find: impl Fn(&ast::ObjectName) -> Result<T, SqlError>,
) -> Result<Vec<T>, SqlError> {
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        match find(name) {
            Ok(object) if !found.contains(&object) => found.push(object),
            Ok(_) => {}
            Err(_) if if_exists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
