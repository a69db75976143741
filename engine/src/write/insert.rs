//! `INSERT`.

use nuages_storage::{RowId, Rows, TableId, Value, Version, all_rows};

use super::computed::filled;
use super::found::Inserted;
use super::images::RowsBuilder;
use super::returning::Returning;
use super::round::TableChange;
use super::{Found, WritingStatement, coerced, default_of, has_hidden_ids};
use crate::algebra::{Expr, Insert, InsertSource, OutputColumn, Query, Relation};
use crate::answer::run_query;
use crate::catalog::TableDefinition;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::outcome::{Outcome, RowKeys};

/// Rows in leaf shape that are to be inserted, whatever number of attempts that takes.
pub(crate) struct NewRows {
    rows: Vec<Rows>,
    keys: RowKeys,
    /// Whether the rows have the row ids they will have.
    is_numbered: bool,
    first_key: Option<i64>,
}

impl NewRows {
    pub(crate) fn new(rows: Vec<Rows>, keys: RowKeys) -> NewRows {
        NewRows { rows, keys, is_numbered: false, first_key: None }
    }

    /// The first of the keys that were generated.
    pub(crate) fn first_key(&self) -> Option<i64> {
        self.first_key
    }

    /// How many of the table's next keys the rows need, unless they were given theirs. Keys are generated once, or once
    /// more if somebody has given them to rows of his own meanwhile.
    pub(super) fn keys_needed<'v>(
        &self,
        table: &TableDefinition,
        newest: impl FnOnce() -> &'v Version,
    ) -> Option<u64> {
        let are_there = || self.is_numbered && !self.is_any_taken(table, newest());
        let is_needed = !self.are_keys_given(table) && !are_there();
        is_needed.then(|| self.rows.iter().map(|rows| rows.len() as u64).sum())
    }

    /// Gives the rows keys from `first` on.
    pub(super) fn number(&mut self, table: &TableDefinition, first: i64) {
        self.is_numbered = true;
        self.first_key = (!has_hidden_ids(table)).then_some(first);
        let mut next = first;
        for rows in &mut self.rows {
            rows.number(RowId::new(next));
            next = next.saturating_add(rows.len() as i64);
        }
    }

    fn is_any_taken(&self, table: &TableDefinition, version: &Version) -> bool {
        let Some(tree) = version.table(table.id) else { return false };
        self.rows.iter().any(|rows| match rows.leaf.row_ids() {
            [] => false,
            [first, .., last] => tree.count_range(RowId::new(*first)..=RowId::new(*last)) > 0,
            [only] => tree.get(RowId::new(*only)).is_some(),
        })
    }

    pub(super) fn are_keys_given(&self, table: &TableDefinition) -> bool {
        self.keys == RowKeys::Given && !has_hidden_ids(table)
    }

    /// Whether it is one row.
    pub(crate) fn is_one(&self) -> bool {
        matches!(&self.rows[..], [rows] if rows.len() == 1)
    }

    /// That the rows are of the layout the table has now.
    pub(super) fn expect_layout(&self, table: &TableDefinition) -> Result<(), Error> {
        match self.rows.iter().all(|rows| rows.leaf.layout() == &table.layout) {
            true => Ok(()),
            false => Err(Error::RowsOutdated { table: table.name.clone() }),
        }
    }

    /// The rows, to be written at once, or [put back](NewRows::put_back).
    pub(super) fn take_all(&mut self) -> Vec<Rows> {
        std::mem::take(&mut self.rows)
    }

    /// Puts back what was not written.
    pub(super) fn put_back(&mut self, rows: Vec<Rows>) {
        self.rows = rows;
    }

    /// The rows, for one attempt: the leaves are shared with those that may follow.
    fn take(&mut self, is_only: bool) -> Vec<Rows> {
        if is_only { std::mem::take(&mut self.rows) } else { self.rows.clone() }
    }
}

/// Rows of values, and the keys of those that were given one.
struct Given {
    /// In the order of the table's columns.
    rows: Vec<Vec<Value>>,
    /// The row id each was given; empty if the table's keys are hidden.
    keys: Vec<Option<i64>>,
}

impl WritingStatement<'_, '_> {
    /// Runs an `INSERT`.
    pub(super) fn insert(
        &mut self,
        insert: &Insert,
        found: &mut Found,
        context: &Context<'_>,
    ) -> Result<Outcome, Error> {
        let catalog = self.catalog();
        let table = catalog.expect_table(insert.table)?;
        let inserted = match found.inserted.take() {
            Some(inserted) if self.is_any_taken(table, &inserted) => {
                let Inserted { rows, keys, .. } = inserted;
                self.assign_keys(table, Given { rows, keys })?
            }
            Some(inserted) => inserted,
            None => {
                let given = self.find_inserted(table, insert, context)?;
                self.assign_keys(table, given)?
            }
        };
        let inserted = found.inserted.insert(inserted);
        if let Some(conflict) = &insert.conflict {
            return self.insert_or(table, (insert, conflict), inserted, &mut found.drawn, context);
        }
        let Inserted { rows, ids, ids_given, first_key, .. } = inserted;
        let mut builder = RowsBuilder::new(table, rows.len());
        for (values, id) in rows.iter().zip(&*ids) {
            let row = builder.begin_row();
            for (column, value) in table.columns.iter().zip(values) {
                row.set_value(column.slot, value);
            }
            row.finish_row(*id);
        }
        let mut returning = Returning::new(table, insert.source, &insert.returning, || self.writer.base())?;
        let mut images = builder.finish();
        if !table.computed.is_empty()
            && let Some(tree) = self.writer.version().table(table.id)
        {
            images = filled(table, tree, images, context)?;
        }
        let change = TableChange { inserted: images, ids_given: *ids_given, ..TableChange::default() };
        self.write_inserted(table, change, &mut returning, context)?;
        let affected = rows.len() as u64;
        let last_row = ids.last().map(|id| id.get());
        let rows = returning.finish();
        Ok(Outcome { affected, rows, first_key: *first_key, last_row, ..Outcome::default() })
    }

    /// Inserts rows in leaf shape, whose slots are set.
    ///
    /// # Errors
    /// As for an `INSERT`; [`Error::RowsOutdated`] if their layout is not the table's.
    pub(crate) fn insert_rows(
        &mut self,
        table: TableId,
        new: &mut NewRows,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let catalog = self.catalog();
        let table = catalog.expect_table(table)?;
        new.expect_layout(table)?;
        if new.rows.iter().all(Rows::is_empty) {
            return Ok(());
        }
        if let Some(count) = new.keys_needed(table, || self.writer.version()) {
            new.number(table, self.writer.next_keys(table.id, count)?);
        }
        let ids_given = new.are_keys_given(table);
        let mut inserted = new.take(self.writer.is_only_attempt());
        // To ask for the version may be to make one, of all that the transaction has written.
        if !table.computed.is_empty()
            && let Some(tree) = self.writer.version().table(table.id)
        {
            inserted = filled(table, tree, inserted, context)?;
        }
        self.write_table(table, TableChange { inserted, ids_given, ..TableChange::default() }, context)
    }

    /// Writes rows, and evaluates what is to be returned of them.
    pub(super) fn write_inserted(
        &mut self,
        table: &TableDefinition,
        change: TableChange,
        returning: &mut Returning<'_>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        if !returning.is_empty()
            && let Some(tree) = self.writer.version().table(table.id)
        {
            for rows in &change.inserted {
                let view = rows.view(tree);
                returning.add(view, all_rows(view.len()), context)?;
            }
        }
        self.write_table(table, change, context)
    }

    /// The rows to be inserted: what is given, converted to the columns' types, and defaults.
    fn find_inserted(
        &self,
        table: &TableDefinition,
        insert: &Insert,
        context: &Context<'_>,
    ) -> Result<Given, Error> {
        for &place in &insert.columns {
            table.column(place)?;
        }
        table.expect_not_computed(insert.columns.iter().copied())?;
        let given = self.given_rows(table, insert, context)?;
        let defaults = Defaults::of(table, context)?;
        let own;
        let context = match context.draws() {
            Some(_) => context,
            None if defaults.drawn.is_empty() => context,
            // Defaults draw from sequences in every session.
            None => {
                own = context.with_parameters(context.parameters()).drawing(Some(self.draws()));
                &own
            }
        };
        let key = table.row_id_column();
        let mut found = Given { rows: Vec::with_capacity(given.len()), keys: Vec::new() };
        for row in given {
            let mut values = defaults.same.clone();
            for (place, default) in &defaults.drawn {
                let given = insert.columns.iter().position(|column| column == place);
                if given.is_none_or(|at| row[at].is_none()) {
                    values[*place] = coerced(table, *place, default.value(context)?)?;
                }
            }
            for (&place, value) in insert.columns.iter().zip(row) {
                if let Some(value) = value {
                    values[place] = coerced(table, place, value)?;
                }
            }
            if let Some(place) = key {
                found.keys.push(given_key(table, place, &values[place])?);
            }
            found.rows.push(values);
        }
        Ok(found)
    }

    /// What the statement gives for its columns; nothing where it asks for the default.
    fn given_rows(
        &self,
        table: &TableDefinition,
        insert: &Insert,
        context: &Context<'_>,
    ) -> Result<Vec<Vec<Option<Value>>>, Error> {
        let width = insert.columns.len();
        let column_count = |got| Error::ColumnCount { table: table.name.clone(), expected: width, got };
        match &insert.rows {
            InsertSource::Values(rows) => {
                let value =
                    |expr: &Option<Expr>| expr.as_ref().map(|expr| self.value_of(expr, context)).transpose();
                let row = |row: &Vec<Option<Expr>>| match row.len() == width {
                    true => row.iter().map(value).collect(),
                    false => Err(column_count(row.len())),
                };
                rows.iter().map(row).collect()
            }
            InsertSource::Query(query) if query.columns.len() != width => {
                Err(column_count(query.columns.len()))
            }
            InsertSource::Query(query) => {
                let mut rows = Vec::new();
                run_query(query, self.writer.base(), context, &mut |batch| {
                    let given = |row: usize| batch.row(row).into_iter().map(Some).collect::<Vec<_>>();
                    rows.extend(batch.selection.iter().map(given));
                    Ok(())
                })?;
                Ok(rows)
            }
        }
    }

    /// The value of an expression over no columns, subqueries included.
    fn value_of(&self, expr: &Expr, context: &Context<'_>) -> Result<Value, Error> {
        match expr {
            Expr::Literal(value) => Ok(value.clone()),
            Expr::Parameter(index, _) => context
                .parameters()
                .get(*index)
                .cloned()
                .ok_or(Error::MissingParameter { index: *index, given: context.parameters().len() }),
            expr => {
                let query = Query::new(Relation::Unit, vec![OutputColumn::new("value", expr.clone())]);
                let mut result = Value::Null;
                run_query(&query, self.writer.base(), context, &mut |batch| {
                    if let Some(row) = batch.selection.first() {
                        result = batch.column(0).value(row);
                    }
                    Ok(())
                })?;
                Ok(result)
            }
        }
    }

    /// Whether somebody has meanwhile given a key to a row of his own that was generated for one of these.
    fn is_any_taken(&self, table: &TableDefinition, inserted: &Inserted) -> bool {
        let Some(tree) = self.writer.version().table(table.id) else { return false };
        let keys = inserted.keys.iter().zip(&inserted.ids);
        keys.into_iter().any(|(given, id)| given.is_none() && tree.get(*id).is_some())
    }

    /// Gives each row a row id: the one given, or the next.
    fn assign_keys(&mut self, table: &TableDefinition, given: Given) -> Result<Inserted, Error> {
        let Given { rows, keys } = given;
        let missing = rows.len() - keys.iter().flatten().count();
        let ids_given = missing < rows.len();
        if missing == 0 {
            let ids = keys.iter().flatten().map(|key| RowId::new(*key)).collect();
            return Ok(Inserted { rows, keys, ids, ids_given, first_key: None });
        }
        let first = match keys.iter().flatten().max() {
            None => self.writer.next_keys(table.id, missing as u64)?,
            Some(greatest) => self.writer.keys_beyond(table.id, *greatest, missing as u64)?,
        };
        let mut next = first..=i64::MAX;
        let id = |row| match keys.get(row) {
            Some(Some(key)) => RowId::new(*key),
            _ => RowId::new(next.next().unwrap_or(first)),
        };
        let ids = (0..rows.len()).map(id).collect();
        let first_key = (!has_hidden_ids(table)).then_some(first);
        Ok(Inserted { rows, keys, ids, ids_given, first_key })
    }
}

/// What the columns of a table get in the rows that give nothing for them.
struct Defaults {
    /// For each column what it gets in every row; NULL for those that are drawn.
    same: Vec<Value>,
    /// The columns whose default is another each time it is computed.
    drawn: Vec<(usize, Scalar)>,
}

impl Defaults {
    fn of(table: &TableDefinition, context: &Context<'_>) -> Result<Defaults, Error> {
        let mut defaults = Defaults { same: Vec::with_capacity(table.columns.len()), drawn: Vec::new() };
        for (place, column) in table.columns.iter().enumerate() {
            match column.default.as_ref().filter(|default| default.is_volatile()) {
                Some(default) => {
                    defaults.drawn.push((place, Scalar::compile(default, &|_| None)?));
                    defaults.same.push(Value::Null);
                }
                None => defaults.same.push(default_of(table, place, context)?),
            }
        }
        Ok(defaults)
    }
}

/// The key that a row was given, if any: a generated key need not be.
fn given_key(table: &TableDefinition, place: usize, value: &Value) -> Result<Option<i64>, Error> {
    let column = table.column(place)?;
    match value {
        Value::Int(key) => Ok(Some(*key)),
        _ if column.generated_key => Ok(None),
        _ => Err(Error::NotNull { table: table.name.clone(), column: column.name.clone() }),
    }
}
