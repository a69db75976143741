//! The keys by which rows are in conflict.

use nuages_storage::{IndexId, IndexKeys, RowId, Rows, Table};

use super::super::keys::leaf_keys;
use crate::algebra::ConflictTarget;
use crate::catalog::{ColumnSet, IndexDefinition, TableDefinition};
use crate::error::Error;
use crate::evaluate::Context;

/// The keys that decide whether a row is in conflict.
pub(super) struct Arbiters<'t> {
    table: &'t TableDefinition,
    /// Whether the primary key is one, where it is the row id.
    row_id: bool,
    indexes: Vec<&'t IndexDefinition>,
}

/// A key of a row: the row id, or an entry of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    RowId(RowId),
    Entry(IndexId, Box<[u8]>),
}

impl<'t> Arbiters<'t> {
    /// Those of a table that a target names: all if none is.
    pub(super) fn of(
        table: &'t TableDefinition,
        target: Option<&ConflictTarget>,
    ) -> Result<Arbiters<'t>, Error> {
        let immediate =
            |index: &&IndexDefinition| index.unique.as_ref().is_some_and(|unique| !unique.deferred);
        let unique = || table.indexes.iter().filter(immediate);
        let found = match target {
            None => Arbiters { table, row_id: table.row_id_column().is_some(), indexes: unique().collect() },
            Some(ConflictTarget::Index(id)) => {
                let indexes = unique().filter(|index| index.id == *id).collect();
                Arbiters { table, row_id: false, indexes }
            }
            Some(ConflictTarget::Columns(places)) => {
                let wanted: ColumnSet = places.iter().copied().collect();
                let is_over = |index: &&IndexDefinition| {
                    let columns: Option<Vec<usize>> = index.parts.iter().map(|part| part.column()).collect();
                    let columns = columns.map(|columns| columns.into_iter().collect::<ColumnSet>());
                    index.condition.is_none() && columns == Some(wanted)
                };
                let row_id = table.row_id_column().is_some_and(|place| *places == [place]);
                Arbiters { table, row_id, indexes: unique().filter(is_over).collect() }
            }
        };
        match target {
            Some(_) if !found.row_id && found.indexes.is_empty() => {
                Err(Error::NoConflictTarget { table: table.name.clone() })
            }
            _ => Ok(found),
        }
    }

    /// The keys of a row, without those that equal no other because of a NULL.
    pub(super) fn keys(
        &self,
        rows: &Table,
        image: &Rows,
        at: usize,
        ids_given: bool,
        context: &Context<'_>,
    ) -> Result<Vec<Key>, Error> {
        let view = image.view(rows);
        let mut keys = Vec::new();
        if self.row_id && ids_given {
            keys.push(Key::RowId(RowId::new(view.row_ids()[at])));
        }
        for index in &self.indexes {
            let mut entries = IndexKeys::new();
            let with_null = leaf_keys(self.table, index, view, 1 << at, context, &mut entries)?;
            let is_distinct = index.unique.as_ref().is_some_and(|unique| unique.nulls_distinct);
            if with_null == 0 || !is_distinct {
                keys.extend(entries.iter().map(|(key, _)| Key::Entry(index.id, key.into())));
            }
        }
        Ok(keys)
    }
}

impl Key {
    /// The row that has it.
    pub(super) fn find(&self, rows: &Table) -> Option<RowId> {
        match self {
            Key::RowId(id) => rows.get(*id).map(|row| row.row_id()),
            Key::Entry(index, key) => rows.index(*index)?.first_with_key(key),
        }
    }
}
