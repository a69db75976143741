//! `UPDATE`.

use nuages_storage::lock::Strength;
use nuages_storage::{DataType, Lane, Operation, RowId, RowRef, Value, all_rows};

use super::beside::Beside;
use super::images::{Assigned, rewrite, strength_of};
use super::patch::{self, PatchBuilder};
use super::returning::Returning;
use super::round::{Round, TableChange};
use super::{Found, WritingStatement, coerced};
use crate::algebra::{Arithmetic, Comparison, Expr, OutputColumn, Query, Relation, Source, Update};
use crate::answer::run_query;
use crate::catalog::program::RowProgram;
use crate::catalog::{ColumnSet, TableDefinition};
use crate::error::Error;
use crate::evaluate::Context;
use crate::integrity::cascade;
use crate::outcome::Outcome;

/// The rows a statement changes, ascending, and the values it gives them.
pub(super) type Updated = Vec<(RowId, Assigned)>;

impl WritingStatement<'_, '_> {
    /// Runs an `UPDATE`.
    pub(super) fn update(
        &mut self,
        update: &Update,
        found: &mut Found,
        context: &Context<'_>,
    ) -> Result<Outcome, Error> {
        let catalog = self.catalog();
        let table = catalog.expect_table(update.table)?;
        for (place, _) in &update.assignments {
            table.column(*place)?;
        }
        table.expect_not_computed(update.assignments.iter().map(|(place, _)| *place))?;
        if let Some(from) = &update.from {
            return self.update_from(table, update, from, found, context);
        }
        if patch::suffices(table, update) {
            return self.update_by_patch(table, update, found, context);
        }
        let mut updated = self.find_updated(table, update, context)?;
        found.settle(&mut updated, |(row, _)| *row, self.writer.is_only_attempt());
        self.settle_drawn(table, update, found, &mut updated);
        let assigned = update.assignments.iter().map(|(place, _)| *place).collect();
        let strength = strength_of(table, table.with_computed(assigned));
        self.writer.locking().rows(table.id, updated.iter().map(|(row, _)| *row), strength);
        self.expect_unchanged(table, updated.iter().map(|(row, _)| *row))?;
        let affected = updated.len() as u64;
        let mut returning = Returning::new(table, update.source, &update.returning, || self.writer.base())?;
        self.write_updated(table, assigned, updated, &mut returning, context)?;
        Ok(Outcome { affected, rows: returning.finish(), ..Outcome::default() })
    }

    /// Writes rows with the values they are given, and what follows from it, and evaluates what is to be returned.
    pub(super) fn write_updated(
        &mut self,
        table: &TableDefinition,
        assigned: ColumnSet,
        updated: Updated,
        returning: &mut Returning<'_>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let change = self.updated_images(table, assigned, updated, context)?;
        if !returning.is_empty()
            && let Some(tree) = self.writer.version().table(table.id)
        {
            for rows in change.updated.iter().chain(&change.inserted) {
                let view = rows.view(tree);
                returning.add(view, all_rows(view.len()), context)?;
            }
        }
        self.write_images(table, change, context)
    }

    fn write_images(
        &mut self,
        table: &TableDefinition,
        change: TableChange,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        match cascade::may_lose_keys(&self.catalog(), table, change.assigned) {
            true => self.write_rounds(Round::of(table.id, change), context),
            false => self.write_table(table, change, context),
        }
    }

    /// Runs an `UPDATE .. FROM`.
    fn update_from(
        &mut self,
        table: &TableDefinition,
        update: &Update,
        from: &Relation,
        found: &mut Found,
        context: &Context<'_>,
    ) -> Result<Outcome, Error> {
        let mut beside = Beside::new(table, update.source, &update.returning);
        let asked = update.assignments.iter().map(|(_, expr)| OutputColumn::new("value", expr.clone()));
        let query = beside.query(from, update.predicate.as_ref(), asked.collect());
        let width = update.assignments.len();
        let mut updated = Updated::new();
        beside.find(&query, width, self.writer.base(), context, &mut |row, batch, at| {
            let values = batch.columns[1..=width].iter().map(|column| column.value(at));
            updated.push((row, assigned_values(table, update, values)?));
            Ok(())
        })?;
        updated.sort_by_key(|(row, _)| *row);
        found.settle(&mut updated, |(row, _)| *row, self.writer.is_only_attempt());
        self.settle_drawn(table, update, found, &mut updated);
        let ids: Vec<RowId> = updated.iter().map(|(row, _)| *row).collect();
        let assigned: ColumnSet = update.assignments.iter().map(|(place, _)| *place).collect();
        let strength = strength_of(table, table.with_computed(assigned));
        self.writer.locking().rows(table.id, ids.iter().copied(), strength);
        self.expect_unchanged(table, ids.iter().copied())?;
        let change = self.updated_images(table, assigned, updated, context)?;
        let mut rows = beside.result();
        if let Some(tree) = self.writer.version().table(table.id) {
            let mut before = 0;
            for images in change.updated.iter().chain(&change.inserted) {
                let view = images.view(tree);
                let id = |at: usize| ids[before + at];
                let base = self.writer.base();
                beside.returned((view, all_rows(view.len())), &id, base, context, &mut rows)?;
                before += view.len();
            }
        }
        self.write_images(table, change, context)?;
        Ok(Outcome { affected: ids.len() as u64, rows, ..Outcome::default() })
    }

    /// Runs an `UPDATE` whose assignments are all there is to write.
    fn update_by_patch(
        &mut self,
        table: &TableDefinition,
        update: &Update,
        found: &mut Found,
        context: &Context<'_>,
    ) -> Result<Outcome, Error> {
        let mut patch = PatchBuilder::new(table, update)?;
        match self.row_by_key(table, update, context) {
            Some(row) => {
                if let Some(row) = row {
                    patch.add_row(row.row_id(), values_of_row(table, update, row, context))?;
                }
            }
            None => {
                let query = assignments_of(table, update);
                run_query(&query, self.writer.base(), context, &mut |batch| patch.add_batch(batch))?;
            }
        }
        let mut patch = patch.finish();
        found.settle_patch(&mut patch, self.writer.is_only_attempt());
        self.writer.locking().rows(table.id, patch.row_ids().iter().copied(), Strength::NoKeyUpdate);
        self.expect_unchanged(table, patch.row_ids().iter().copied())?;
        let affected = patch.len() as u64;
        if !patch.is_empty() {
            self.writer.push(Operation::Assign { table: table.id, patch });
        }
        Ok(Outcome { affected, ..Outcome::default() })
    }

    /// Leaves to rows what an earlier attempt has drawn for them.
    fn settle_drawn(
        &self,
        table: &TableDefinition,
        update: &Update,
        found: &mut Found,
        updated: &mut [(RowId, Assigned)],
    ) {
        if !self.writer.is_only_attempt() {
            let rows = updated.iter_mut().map(|(row, assigned)| (*row, assigned));
            found.drawn.settle((table, update.source), &update.assignments, self.writer.base(), rows);
        }
    }

    /// Which rows, and which values; ascending.
    fn find_updated(
        &self,
        table: &TableDefinition,
        update: &Update,
        context: &Context<'_>,
    ) -> Result<Updated, Error> {
        if let Some(row) = self.row_by_key(table, update, context) {
            let assigned = |row: RowRef<'_>| {
                let values =
                    values_of_row(table, update, row, context).collect::<Result<Assigned, Error>>()?;
                Ok((row.row_id(), values))
            };
            return row.into_iter().map(assigned).collect();
        }
        let mut found = Updated::new();
        run_query(&assignments_of(table, update), self.writer.base(), context, &mut |batch| {
            for row in &batch.selection {
                let Some(id) = batch.column(0).int(row) else { continue };
                let values = batch.columns[1..].iter().map(|column| column.value(row));
                found.push((RowId::new(id), assigned_values(table, update, values)?));
            }
            Ok(())
        })?;
        if !found.is_sorted_by_key(|(row, _)| *row) {
            found.sort_by_key(|(row, _)| *row);
        }
        Ok(found)
    }

    /// The row of a primary key, read directly, if there is one. `None` if the predicate names no key, or an assignment
    /// needs more than the row itself.
    fn row_by_key(
        &self,
        table: &TableDefinition,
        update: &Update,
        context: &Context<'_>,
    ) -> Option<Option<RowRef<'_>>> {
        let row = key_of_one_row(table, update.source, update.predicate.as_ref(), context)?;
        if update.assignments.iter().any(|(_, expr)| has_query(expr)) {
            return None;
        }
        if let (Some(reads), Some(row)) = (context.reads(), row) {
            reads.row(table.id, row);
        }
        Some(row.and_then(|row| self.writer.base_row(table.id, row)))
    }

    /// The new images, made of the rows as the newest version has them.
    fn updated_images(
        &self,
        table: &TableDefinition,
        assigned: ColumnSet,
        updated: Updated,
        context: &Context<'_>,
    ) -> Result<TableChange, Error> {
        let Some(tree) = self.writer.version().table(table.id) else { return Ok(TableChange::default()) };
        rewrite(table, tree, updated.into_iter(), assigned, context)
    }
}

/// The query for the rows that an update changes: their ids, and after them the values assigned.
fn assignments_of(table: &TableDefinition, update: &Update) -> Query {
    let row_id = OutputColumn::new("row id", update.source.row_id());
    let assigned = update.assignments.iter().map(|(_, expr)| OutputColumn::new("value", expr.clone()));
    let relation = rows_of(table, update.source, update.predicate.as_ref());
    Query::new(relation, std::iter::once(row_id).chain(assigned).collect())
}

/// What a row is assigned, computed from itself alone, as the columns store it.
fn values_of_row<'a>(
    table: &'a TableDefinition,
    update: &'a Update,
    row: RowRef<'a>,
    context: &'a Context<'_>,
) -> impl Iterator<Item = Result<(usize, Value), Error>> + 'a {
    let value = move |expr: &Expr| {
        if let Some(value) = constant(expr, context) {
            return Ok(value.clone());
        }
        if let Some(int) = integer_at_hand(table, update, expr, row, context) {
            return Ok(Value::Int(int));
        }
        RowProgram::compile_over(table, update.source, expr)?.evaluate_row(table, row, context)
    };
    let assigned =
        move |(place, expr): &'a (usize, Expr)| Ok((*place, coerced(table, *place, value(expr)?)?));
    update.assignments.iter().map(assigned)
}

/// The values of a row's assignments, as their columns store them.
fn assigned_values(
    table: &TableDefinition,
    update: &Update,
    values: impl IntoIterator<Item = Value>,
) -> Result<Assigned, Error> {
    let places = update.assignments.iter().map(|(place, _)| *place);
    places.zip(values).map(|(place, value)| Ok((place, coerced(table, place, value)?))).collect()
}

/// The rows of a table that a predicate is true for.
pub(super) fn rows_of(table: &TableDefinition, source: Source, predicate: Option<&Expr>) -> Relation {
    let scan = Relation::scan(table.id, source);
    match predicate {
        Some(predicate) => scan.filter(predicate.clone()),
        None => scan,
    }
}

/// The row that a predicate of the form `primary key = value` means, if it is of that form; no row if the value is
/// not a key.
pub(super) fn key_of_one_row(
    table: &TableDefinition,
    source: Source,
    predicate: Option<&Expr>,
    context: &Context<'_>,
) -> Option<Option<RowId>> {
    let key = source.column(table.row_id_column()?);
    let mut predicate = predicate?;
    while let Expr::And(all) = predicate
        && let [only] = &all[..]
    {
        predicate = only;
    }
    let Expr::Compare(Comparison::Equal, left, right) = predicate else { return None };
    let value = match (&**left, &**right) {
        (Expr::Column(column), value) | (value, Expr::Column(column)) if *column == key => value,
        _ => return None,
    };
    match constant(value, context)? {
        Value::Int(key) => Some(Some(RowId::new(*key))),
        Value::Null => Some(None),
        _ => None,
    }
}

/// The value of a literal or of a parameter that is there.
pub(super) fn constant<'v>(expr: &'v Expr, context: &Context<'v>) -> Option<&'v Value> {
    match expr {
        Expr::Literal(value) => Some(value),
        Expr::Parameter(index, _) => context.parameters().get(*index),
        _ => None,
    }
}

/// How deep sums, differences and products of integers are followed that are computed without being compiled.
const INTEGER_LEVELS_MAX: usize = 8;

/// What an assignment gives to a row, if that is integers added, subtracted and multiplied, or one alone.
pub(super) fn integer_at_hand(
    table: &TableDefinition,
    update: &Update,
    expr: &Expr,
    row: RowRef<'_>,
    context: &Context<'_>,
) -> Option<i64> {
    integer(expr, INTEGER_LEVELS_MAX, table, update.source, row, context)
}

/// The value of sums, differences and products of integers, so many levels deep: what is mostly assigned to one row,
/// for a tenth of what compiling it would cost. `None` for anything else, a NULL and an overflow included, which the
/// compiled expression then decides.
fn integer(
    expr: &Expr,
    levels: usize,
    table: &TableDefinition,
    source: Source,
    row: RowRef<'_>,
    context: &Context<'_>,
) -> Option<i64> {
    match expr {
        Expr::Literal(_) | Expr::Parameter(..) => match constant(expr, context)? {
            Value::Int(int) => Some(*int),
            _ => None,
        },
        Expr::Column(column) if column.source() == source && !column.is_row_id() => {
            let column = table.columns.get(column.index())?;
            let is_integer =
                matches!(column.data_type, DataType::SmallInt | DataType::Integer | DataType::BigInt);
            let word = (is_integer && column.lane == Lane::Word).then(|| row.present_word(column.slot))??;
            Some(word.cast_signed())
        }
        Expr::Arithmetic(op, left, right) => {
            let below = levels.checked_sub(1)?;
            let operand = |expr| integer(expr, below, table, source, row, context);
            match op {
                Arithmetic::Add => operand(left)?.checked_add(operand(right)?),
                Arithmetic::Subtract => operand(left)?.checked_sub(operand(right)?),
                Arithmetic::Multiply => operand(left)?.checked_mul(operand(right)?),
                _ => None,
            }
        }
        _ => None,
    }
}

pub(super) fn has_query(expr: &Expr) -> bool {
    matches!(expr, Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..)) || expr.any_child(has_query)
}
