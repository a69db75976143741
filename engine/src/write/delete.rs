//! `DELETE`.

use std::collections::BTreeMap;

use nuages_storage::lock::Strength;
use nuages_storage::{RowId, TableId, Value};

use super::beside::Beside;
use super::images::{Assigned, rewrite};
use super::leaves::for_each_leaf;
use super::returning::Returning;
use super::round::{Round, TableChange};
use super::update::{key_of_one_row, rows_of};
use super::{Found, WritingStatement, default_of};
use crate::algebra::{Delete, OutputColumn, Query, Relation};
use crate::answer::run_query;
use crate::catalog::{Action, Catalog, ColumnSet, ConstraintId, TableDefinition};
use crate::error::Error;
use crate::evaluate::Context;
use crate::integrity::cascade::{self, Closure};
use crate::outcome::Outcome;
use crate::reads::Extent;

impl WritingStatement<'_, '_> {
    /// Runs a `DELETE`.
    pub(super) fn delete(
        &mut self,
        delete: &Delete,
        found: &mut Found,
        context: &Context<'_>,
    ) -> Result<Outcome, Error> {
        let catalog = self.catalog();
        let table = catalog.expect_table(delete.table)?;
        if let Some(using) = &delete.using {
            return self.delete_using(table, delete, using, found, context);
        }
        let mut rows = self.find_deleted(table, delete, context)?;
        found.settle(&mut rows, |row| *row, self.writer.is_only_attempt());
        self.writer.locking().rows(table.id, rows.iter().copied(), Strength::Update);
        self.expect_unchanged(table, rows.iter().copied())?;
        let mut returning = Returning::new(table, delete.source, &delete.returning, || self.writer.base())?;
        if !returning.is_empty()
            && let Some(tree) = self.writer.version().table(table.id)
        {
            for_each_leaf(tree, &rows, |view, selection| returning.add(view, selection, context))?;
        }
        let affected = rows.len() as u64;
        let per_table = self.delete_rows(table, rows, context)?;
        Ok(Outcome { affected, per_table, rows: returning.finish(), ..Outcome::default() })
    }

    /// Runs a `DELETE .. USING`.
    fn delete_using(
        &mut self,
        table: &TableDefinition,
        delete: &Delete,
        using: &Relation,
        found: &mut Found,
        context: &Context<'_>,
    ) -> Result<Outcome, Error> {
        let mut beside = Beside::new(table, delete.source, &delete.returning);
        let query = beside.query(using, delete.predicate.as_ref(), Vec::new());
        let mut rows = Vec::new();
        beside.find(&query, 0, self.writer.base(), context, &mut |row, _, _| {
            rows.push(row);
            Ok(())
        })?;
        rows.sort_unstable();
        found.settle(&mut rows, |row| *row, self.writer.is_only_attempt());
        self.writer.locking().rows(table.id, rows.iter().copied(), Strength::Update);
        self.expect_unchanged(table, rows.iter().copied())?;
        let mut returned = beside.result();
        if let Some(tree) = self.writer.version().table(table.id) {
            for_each_leaf(tree, &rows, |view, selection| {
                let id = |at: usize| RowId::new(view.row_ids()[at]);
                beside.returned((view, selection), &id, self.writer.base(), context, &mut returned)
            })?;
        }
        let affected = rows.len() as u64;
        let per_table = self.delete_rows(table, rows, context)?;
        Ok(Outcome { affected, per_table, rows: returned, ..Outcome::default() })
    }

    /// Deletes rows, which ascend, and all that goes with them. Returns how many rows of which tables went, this table
    /// first.
    pub(crate) fn delete_rows(
        &mut self,
        table: &TableDefinition,
        rows: Vec<RowId>,
        context: &Context<'_>,
    ) -> Result<Vec<(TableId, u64)>, Error> {
        let catalog = self.catalog();
        let count = rows.len() as u64;
        if !cascade::is_referred_to(&catalog, self.writer.version(), table) {
            self.write_table(table, TableChange { deleted: rows, ..TableChange::default() }, context)?;
            return Ok(vec![(table.id, count)]);
        }
        let (version, locking) = self.writer.parts();
        let mut tests = cascade::Tests { version, locking, postponed: &mut self.postponed };
        let closure = cascade::on_delete(&catalog, table, rows, &mut tests)?;
        let gone = |(table, doomed): (&TableId, &cascade::Doomed)| (*table, doomed.rows.len());
        let mut per_table: Vec<_> = closure.iter().map(gone).collect();
        per_table.retain(|(id, count)| *id == table.id || *count > 0);
        let round = self.round_of(&catalog, closure, context)?;
        self.write_rounds(round, context)?;
        Ok(per_table)
    }

    /// Which rows; ascending.
    fn find_deleted(
        &self,
        table: &TableDefinition,
        delete: &Delete,
        context: &Context<'_>,
    ) -> Result<Vec<RowId>, Error> {
        if let Some(row) = key_of_one_row(table, delete.source, delete.predicate.as_ref(), context) {
            if let (Some(reads), Some(row)) = (context.reads(), row) {
                reads.row(table.id, row);
            }
            let is_there = |row: &RowId| self.writer.base_row(table.id, *row).is_some();
            return Ok(row.filter(is_there).into_iter().collect());
        }
        let version = self.writer.base();
        let Some(tree) = version.table(table.id) else { return Ok(Vec::new()) };
        let Some(predicate) = &delete.predicate else {
            let ids = tree.leaves(..).flat_map(|slice| slice.view.row_ids()[slice.rows].iter());
            if let Some(reads) = context.reads() {
                reads.count(table.id, Extent::All);
            }
            return Ok(ids.map(|id| RowId::new(*id)).collect());
        };
        let relation = rows_of(table, delete.source, Some(predicate));
        let query = Query::new(relation, vec![OutputColumn::new("row id", delete.source.row_id())]);
        let mut rows = Vec::new();
        run_query(&query, version, context, &mut |batch| {
            let id = |row| batch.column(0).int(row).map(RowId::new);
            rows.extend(batch.selection.iter().filter_map(id));
            Ok(())
        })?;
        if !rows.is_sorted() {
            rows.sort_unstable();
        }
        Ok(rows)
    }

    /// The round that carries a deletion out.
    fn round_of(&self, catalog: &Catalog, closure: Closure, context: &Context<'_>) -> Result<Round, Error> {
        let mut round = Round::default();
        for (id, doomed) in closure {
            let (Some(table), Some(tree)) = (catalog.table(id), self.writer.version().table(id)) else {
                continue;
            };
            self.expect_unchanged(table, doomed.reset.keys().copied().chain(doomed.rows.iter()))?;
            let losing: BTreeMap<_, _> =
                doomed.reset.iter().filter(|(row, _)| !doomed.rows.contains(**row)).collect();
            let mut change = if losing.is_empty() {
                TableChange::default()
            } else {
                let reset = Reset::new(table, losing.values().flat_map(|keys| keys.iter()), context)?;
                let assignments = losing.iter().map(|(row, keys)| (**row, reset.values(keys)));
                rewrite(table, tree, assignments, reset.columns, context)?
            };
            let moved = std::mem::take(&mut change.deleted);
            change.deleted = doomed.rows.into_sorted();
            change.deleted.extend(moved);
            change.deleted.sort_unstable();
            round.insert(id, change);
        }
        Ok(round)
    }
}

/// What rows that lose a foreign key get in its columns.
struct Reset {
    keys: Vec<(ConstraintId, Assigned)>,
    columns: ColumnSet,
}

impl Reset {
    fn new<'k>(
        table: &TableDefinition,
        lost: impl Iterator<Item = &'k ConstraintId>,
        context: &Context<'_>,
    ) -> Result<Reset, Error> {
        let mut reset = Reset { keys: Vec::new(), columns: ColumnSet::default() };
        for id in lost {
            if reset.keys.iter().any(|(known, _)| known == id) {
                continue;
            }
            let Some(key) = table.foreign_key(*id) else { continue };
            let value = |&place: &usize| match key.on_delete {
                Action::SetDefault => Ok((place, default_of(table, place, context)?)),
                _ => Ok((place, Value::Null)),
            };
            let values = key.columns.iter().map(value).collect::<Result<_, Error>>()?;
            reset.columns = key.columns.iter().fold(reset.columns, |columns, place| columns.with(*place));
            reset.keys.push((*id, values));
        }
        Ok(reset)
    }

    fn values(&self, lost: &[ConstraintId]) -> impl Iterator<Item = (usize, Value)> {
        let keys = self.keys.iter().filter(|(id, _)| lost.contains(id));
        keys.flat_map(|(_, values)| values.iter().cloned())
    }
}
