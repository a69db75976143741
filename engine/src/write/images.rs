//! New images of rows.

use std::sync::Arc;

use nuages_storage::lock::Strength;
use nuages_storage::{Lane, LeafBuilder, LeafView, RowId, RowRef, Rows, Table, Value};
use smallvec::SmallVec;

use super::computed::filled;
use super::round::TableChange;
use crate::catalog::{ColumnSet, IndexDefinition, TableDefinition};
use crate::error::Error;
use crate::evaluate::Context;

/// Columns of one row, by place, and what they are set to.
pub(crate) type Assigned = SmallVec<[(usize, Value); 2]>;

/// A row of a table; `near` remembers the leaf of the last one, where the next one mostly is.
pub(crate) fn find_near<'v>(
    table: &'v Table,
    near: &mut Option<LeafView<'v>>,
    row: RowId,
) -> Option<RowRef<'v>> {
    if let Some(view) = near
        && let Ok(at) = view.leaf().position(row)
    {
        return Some(view.row(at));
    }
    let found = table.get(row)?;
    *near = Some(found.view());
    Some(found)
}

/// Fills leaf after leaf.
pub(crate) struct RowsBuilder<'a> {
    table: &'a TableDefinition,
    leaf: LeafBuilder,
    full: Vec<Rows>,
}

impl<'a> RowsBuilder<'a> {
    /// A builder of rows of a table; the first leaf has room for `rows`.
    pub(crate) fn new(table: &'a TableDefinition, rows: usize) -> RowsBuilder<'a> {
        let leaf = LeafBuilder::with_capacity(Arc::clone(&table.layout), rows);
        RowsBuilder { table, leaf, full: Vec::new() }
    }

    /// The leaf for the next row.
    pub(crate) fn begin_row(&mut self) -> &mut LeafBuilder {
        if self.leaf.is_full() {
            let next = LeafBuilder::with_capacity(Arc::clone(&self.table.layout), self.leaf.len());
            self.full.push(std::mem::replace(&mut self.leaf, next).finish());
        }
        &mut self.leaf
    }

    /// The rows.
    pub(crate) fn finish(mut self) -> Vec<Rows> {
        if !self.leaf.is_empty() {
            self.full.push(self.leaf.finish());
        }
        self.full
    }
}

/// Sets columns of rows, which come in ascending order, to values of the columns' types; rows that are not there are
/// passed over, and what is computed from them is computed. Where the primary key is the row id and is set, the rows go
/// and come.
///
/// # Errors
/// [`Error::NotNull`] for a NULL in such a primary key.
pub(crate) fn rewrite<V: IntoIterator<Item = (usize, Value)>>(
    table: &TableDefinition,
    rows: &Table,
    assignments: impl ExactSizeIterator<Item = (RowId, V)>,
    assigned: ColumnSet,
    context: &Context<'_>,
) -> Result<TableChange, Error> {
    let assigned = table.with_computed(assigned);
    let moves = table.row_id_column().is_some_and(|place| assigned.contains(place));
    let mut images = RowsBuilder::new(table, assignments.len());
    let mut old_ids = Vec::new();
    let mut near = None;
    for (old_id, values) in assignments {
        let Some(row) = find_near(rows, &mut near, old_id) else { continue };
        let image = images.begin_row();
        image.copy_row(row);
        let mut id = old_id;
        for (place, value) in values {
            let column = table.column(place)?;
            match (column.lane, value) {
                (Lane::RowId, Value::Int(new_id)) => id = RowId::new(new_id),
                (Lane::RowId, _) => {
                    return Err(Error::NotNull { table: table.name.clone(), column: column.name.clone() });
                }
                (_, Value::Null) => image.set_null(column.slot),
                (_, value) => image.set_value(column.slot, &value),
            }
        }
        image.finish_row(id);
        if moves {
            old_ids.push(old_id);
        }
    }
    let images = filled(table, rows, images.finish(), context)?;
    Ok(if moves {
        let (deleted, moved) = (old_ids.clone(), old_ids);
        TableChange { deleted, inserted: images, moved, ids_given: true, assigned, ..TableChange::default() }
    } else {
        TableChange { updated: images, assigned, ..TableChange::default() }
    })
}

/// How strongly a row is locked whose columns are assigned: so that no child comes to refer to it meanwhile, if one of
/// them is in a key that could be referred to.
pub(crate) fn strength_of(table: &TableDefinition, assigned: ColumnSet) -> Strength {
    let in_key = |index: &IndexDefinition| index.unique.is_some() && index.reads(assigned);
    let moves = table.row_id_column().is_some_and(|place| assigned.contains(place));
    if moves || table.indexes.iter().any(in_key) { Strength::Update } else { Strength::NoKeyUpdate }
}
