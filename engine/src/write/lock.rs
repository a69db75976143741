//! `SELECT .. FOR UPDATE`: a query whose rows are locked.
//!
//! It is a statement like one that writes, but records nothing: attempted, locked, and attempted again if anybody has
//! committed before the locks were held. So what it returns is the newest there is, all of it is locked, and rows that
//! no longer meet the condition, or are passed over because another has them, leave room under a limit. Without a limit
//! later attempts lock nothing that the first did not, so that others who insert cannot keep it from its end. Where
//! rows are passed over they are locked as they are found, and what is locked stays so: later attempts return the same
//! rows, also if better ones have come, and others only in the place of those that meet the condition no longer.

use std::sync::Arc;

use hashbrown::HashMap;
use nuages_storage::lock::How;
use nuages_storage::{RowClaim, RowId, RowRef, Step, TableId, Transaction, Value, Version};
use smallvec::SmallVec;

use super::found::LockedRows;
use super::row_set::RowSet;
use super::update::key_of_one_row;
use super::{Found, WritingStatement};
use crate::algebra::{Column, Expr, LockWait, OutputColumn, Query, Relation, RowCount, RowLock, Source};
use crate::batch::Batch;
use crate::catalog::{Catalog, ColumnDefinition, SchemaTest, TableDefinition, expect};
use crate::error::Error;
use crate::evaluate::Context;
use crate::plan::{self, Plan};
use crate::vector::{Vector, VectorBuilder};
use crate::{execute, optimize};

/// How many rows are looked at first for each that is wanted, where some may be passed over.
const LOOKED_AT_MIN: u64 = 16;

/// The rows of a locking query: their columns, and of each the row ids that were locked.
struct Rows {
    columns: Vec<VectorBuilder<'static>>,
    locked: Vec<(TableId, RowId)>,
    /// How many rows were looked at, how many of them were locked, and how many of these are in the window.
    seen: u64,
    passed: u64,
    kept: u64,
}

/// The rows wanted: those after `offset`, `count` of them at most.
#[derive(Clone, Copy)]
struct Window {
    offset: u64,
    count: Option<u64>,
}

/// Which rows of a relation are wanted.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    window: Window,
    /// Those that are made of rows which are locked already; any if none are named.
    of: Option<&'a LockedRows>,
    /// How many others, beside those.
    others: u64,
}

impl Rows {
    /// The rows that are locked.
    fn taken(&self) -> LockedRows {
        let mut by_table: HashMap<TableId, RowSet> = HashMap::new();
        for (table, row) in &self.locked {
            by_table.entry(*table).or_default().insert(*row);
        }
        LockedRows { by_table, count: self.passed }
    }
}

impl Window {
    const ALL: Window = Window { offset: 0, count: None };

    fn end(self) -> u64 {
        self.count.map_or(u64::MAX, |count| self.offset.saturating_add(count))
    }
}

impl WritingStatement<'_, '_> {
    /// Runs one attempt of a query that locks its rows, and returns them.
    pub(crate) fn lock_rows(
        &mut self,
        query: &Query,
        lock: &RowLock,
        found: &mut Found,
        context: &Context<'_>,
    ) -> Result<Batch<'static>, Error> {
        if lock.wait == LockWait::NoWait {
            self.writer.locking().without_waiting();
        }
        if let Some(batch) = self.lock_row_by_key(query, lock, context)? {
            return Ok(batch);
        }
        let rows = match &query.relation {
            Relation::Limit { input, offset, count } if lock.wait == LockWait::SkipLocked => {
                let offset = plan::RowCount::compile(offset)?.rows(context)?.unwrap_or(0);
                let count = count.as_ref().map(plan::RowCount::compile).transpose()?;
                let count = count.map(|count| count.rows(context)).transpose()?.flatten();
                let window = Window { offset, count };
                let rows = self.skip_locked(input, query, lock, (window, &*found), context)?;
                found.locked = Some(rows.taken());
                rows
            }
            relation => {
                let plan = self.plan_kept(query, lock, found)?;
                let is_limited = matches!(relation, Relation::Limit { .. });
                let of = found.locked.as_ref().filter(|_| !is_limited);
                let wanted = Wanted { window: Window::ALL, of, others: 0 };
                let rows = self.ask_for(&plan, query, lock, wanted, context)?;
                if !is_limited && found.locked.is_none() {
                    found.locked = Some(rows.taken());
                }
                rows
            }
        };
        self.expect_rows_unchanged(&rows.locked)?;
        Ok(Batch::new(rows.columns.into_iter().map(VectorBuilder::finish), rows.kept as usize))
    }

    /// Locks the row of a primary key and returns it, read where it lies; none if there is no such row, or it is passed
    /// over. `None` if the query is of another form.
    fn lock_row_by_key(
        &mut self,
        query: &Query,
        lock: &RowLock,
        context: &Context<'_>,
    ) -> Result<Option<Batch<'static>>, Error> {
        // Where what it sees is fixed, also the definition may be another there.
        if self.writer.is_behind() {
            return Ok(None);
        }
        let catalog = self.catalog();
        let Some(wanted) = OneRow::of(query, lock, &catalog, context)? else { return Ok(None) };
        let table = wanted.table.id;
        if let (Some(reads), Some(key)) = (context.reads(), wanted.key) {
            reads.row(table, key);
        }
        let row = wanted.key.and_then(|key| self.writer.base_row(table, key));
        let found = row.map(|row| (row.row_id(), wanted.values(row)));
        let is_kept = |(id, _): &(RowId, _)| self.ask_for_row(&[(table, *id)], lock);
        Ok(Some(wanted.batch(found.filter(is_kept).map(|(_, values)| values))))
    }

    /// The plan of the whole query, and of the row ids of what it locks; made once for all attempts on one schema.
    fn plan_kept(&self, query: &Query, lock: &RowLock, found: &mut Found) -> Result<Arc<Plan>, Error> {
        let version = self.writer.base();
        let schema = Catalog::of(version).schema_id();
        match &found.plan {
            Some((planned_for, plan)) if *planned_for == schema => Ok(Arc::clone(plan)),
            _ => {
                let plan = Arc::new(plan_of(&query.relation, query, lock, version)?);
                found.plan = Some((schema, Arc::clone(&plan)));
                Ok(plan)
            }
        }
    }

    /// Passes over rows that others have. A limit is applied to what is left: ever more rows are looked at, until there
    /// are enough.
    fn skip_locked(
        &mut self,
        input: &Relation,
        query: &Query,
        lock: &RowLock,
        (window, found): (Window, &Found),
        context: &Context<'_>,
    ) -> Result<Rows, Error> {
        let plan_of = |version: &Version, looked_at: u64| {
            let some = input.clone().limit(0, window.count.is_some().then_some(looked_at));
            plan_of(&some, query, lock, version)
        };
        let mut looked_at = window.end().saturating_mul(2).max(LOOKED_AT_MIN);
        let mut wanted = Wanted { window, of: found.locked.as_ref(), others: 0 };
        if let Some(before) = wanted.of {
            // They are among the first still, unless very many have come.
            let plan = plan_of(self.writer.base(), looked_at.saturating_mul(4))?;
            let rows = self.ask_for(&plan, query, lock, wanted, context)?;
            if rows.passed == before.count {
                return Ok(rows);
            }
            wanted.others = window.end().saturating_sub(rows.passed);
        }
        loop {
            let plan = plan_of(self.writer.base(), looked_at)?;
            let rows = self.ask_for(&plan, query, lock, wanted, context)?;
            if rows.kept == window.count.unwrap_or(u64::MAX) || rows.seen < looked_at {
                return Ok(rows);
            }
            looked_at = looked_at.saturating_mul(4);
        }
    }

    /// Asks for the locks of the rows of a [plan](plan_of), in order.
    fn ask_for(
        &mut self,
        plan: &Plan,
        query: &Query,
        lock: &RowLock,
        wanted: Wanted<'_>,
        context: &Context<'_>,
    ) -> Result<Rows, Error> {
        let Wanted { window, of, mut others } = wanted;
        let version = self.writer.base().clone();
        let width = query.columns.len();
        let kinds = plan.columns.iter().take(width).map(|column| column.data_type);
        let columns = kinds.map(VectorBuilder::new).collect();
        let mut rows = Rows { columns, locked: Vec::new(), seen: 0, passed: 0, kept: 0 };
        execute::run(plan, &version, context, &mut |batch| {
            for row in &batch.selection {
                if rows.passed == window.end() {
                    break;
                }
                rows.seen += 1;
                let id = |at| batch.column(width + at).int(row).map(RowId::new);
                let named = lock.sources.iter().enumerate();
                let locked = named.filter_map(|(at, (table, _))| Some((*table, id(at)?)));
                let from = rows.locked.len();
                rows.locked.extend(locked);
                let is_known = |(table, row): &(TableId, RowId)| {
                    of.is_none_or(|of| of.by_table.get(table).is_some_and(|rows| rows.contains(*row)))
                };
                let row_ids = &rows.locked[from..];
                let is_other = !row_ids.iter().all(is_known);
                if is_other && others == 0 || !self.ask_for_row(row_ids, lock) {
                    rows.locked.truncate(from);
                    continue;
                }
                others -= u64::from(is_other);
                rows.passed += 1;
                if rows.passed > window.offset {
                    rows.kept += 1;
                    for (builder, column) in rows.columns.iter_mut().zip(&batch.columns) {
                        builder.push(&column.value(row));
                    }
                }
            }
            Ok(())
        })?;
        Ok(rows)
    }

    /// Asks for the locks of the rows that one row of the query is made of; false if it is passed over.
    fn ask_for_row(&mut self, rows: &[(TableId, RowId)], lock: &RowLock) -> bool {
        let locking = self.writer.locking();
        if lock.wait == LockWait::SkipLocked {
            return rows.iter().all(|(table, row)| locking.try_row(*table, *row, lock.strength));
        }
        rows.iter().for_each(|(table, row)| locking.row(*table, *row, lock.strength));
        true
    }

    fn expect_rows_unchanged(&self, rows: &[(TableId, RowId)]) -> Result<(), Error> {
        for (table, row) in rows {
            if let Some(definition) = self.catalog.table(*table) {
                self.expect_unchanged(definition, [*row])?;
            }
        }
        Ok(())
    }
}

/// A query that locks the row of a primary key, and asks for columns of it as they are stored.
struct OneRow<'a> {
    table: &'a TableDefinition,
    columns: SmallVec<[&'a ColumnDefinition; 16]>,
    /// None if the value is no key.
    key: Option<RowId>,
}

/// What a query asks for of one row.
type RowValues = SmallVec<[Value; 8]>;

impl<'a> OneRow<'a> {
    /// A query as one of this form, if it is of it.
    fn of(
        query: &Query,
        lock: &RowLock,
        catalog: &'a Catalog,
        context: &Context<'_>,
    ) -> Result<Option<OneRow<'a>>, Error> {
        let Some((table, source, predicate)) = filtered_scan(&query.relation) else { return Ok(None) };
        let table = catalog.expect_table(table)?;
        if lock.sources != [(table.id, source)] {
            return Ok(None);
        }
        let Some(key) = key_of_one_row(table, source, Some(predicate), context) else { return Ok(None) };
        let column = |output: &OutputColumn| match &output.expr {
            Expr::Column(column) if column.source() == source && !column.is_row_id() => {
                table.columns.get(column.index())
            }
            _ => None,
        };
        let columns = query.columns.iter().map(column).collect::<Option<_>>();
        Ok(columns.map(|columns| OneRow { table, columns, key }))
    }

    fn values(&self, row: RowRef<'_>) -> RowValues {
        self.columns.iter().map(|column| row.value(column.slot, &column.data_type)).collect()
    }

    /// The answer of the query: the row with these values, or none.
    fn batch(&self, row: Option<RowValues>) -> Batch<'static> {
        let len = usize::from(row.is_some());
        let mut values = row.unwrap_or_default();
        values.resize(self.columns.len(), Value::Null);
        let constant = |(value, column): (Value, &&ColumnDefinition)| Vector::Constant {
            value,
            kind: Some(column.data_type),
            len,
        };
        Batch::new(values.into_iter().zip(&self.columns).map(constant), len)
    }
}

/// Takes a query that locks the row of a primary key as far as it comes in a transaction without waiting: `batch` is
/// its answer when it is done. `None` if it is of another form, or takes more than this.
pub(crate) fn lock_row_in(
    transaction: &mut Transaction,
    test: Option<&dyn SchemaTest>,
    query: &Query,
    lock: &RowLock,
    batch: &mut Option<Batch<'static>>,
    context: &Context<'_>,
) -> Result<Option<Step<()>>, Error> {
    let how = match lock.wait {
        LockWait::Wait => How::Wait,
        LockWait::NoWait => How::NoWait,
        LockWait::SkipLocked => return Ok(None),
    };
    let step = transaction.write_row(|version, _| {
        let catalog = Catalog::of(version);
        expect(test, catalog)?;
        let Some(wanted) = OneRow::of(query, lock, catalog, context)? else { return Ok(None) };
        let table = wanted.table.id;
        let found = wanted.key.and_then(|key| version.table(table)?.get(key));
        let Some(row) = found else { return Ok(None) };
        *batch = Some(wanted.batch(Some(wanted.values(row))));
        let claim = RowClaim { table, row: row.row_id(), strength: lock.strength, how };
        Ok::<_, Error>(Some(claim))
    });
    Ok(step?)
}

/// The plan of some rows of a locking query: its columns, and after them the row ids of what it locks.
fn plan_of(relation: &Relation, query: &Query, lock: &RowLock, version: &Version) -> Result<Plan, Error> {
    let mut relation = relation.clone();
    let mut columns = query.columns.clone();
    for (_, source) in &lock.sources {
        let id = hand_on(&mut relation, *source).unwrap_or_else(|| source.row_id());
        columns.push(OutputColumn::new("row id", id));
    }
    optimize::plan_kept(&Query::new(relation, columns), Catalog::of(version), version)
}

/// The row ids of a scan as a column of the relation that it is part of: projections in between get one column more,
/// their last. None if it is no part of it.
fn hand_on(relation: &mut Relation, scan: Source) -> Option<Column> {
    if let Relation::Scan { source, .. } = relation {
        return (*source == scan).then(|| scan.row_id());
    }
    let mut id = None;
    relation.each_input_mut(&mut |input| id = id.or_else(|| hand_on(input, scan)));
    match relation {
        Relation::Project { source, columns, .. } => {
            columns.push(Expr::Column(id?));
            Some(source.column(columns.len() - 1))
        }
        _ => id,
    }
}

/// The table of a relation that is its rows under a condition, if there are such, in any order and from the first on.
fn filtered_scan(relation: &Relation) -> Option<(TableId, Source, &Expr)> {
    match relation {
        Relation::Limit { input, offset: RowCount::Fixed(0), count } => {
            let has_rows = count.as_ref().is_none_or(|count| count.fixed().is_some_and(|count| count > 0));
            has_rows.then(|| filtered_scan(input)).flatten()
        }
        Relation::Filter { input, predicate } => match **input {
            Relation::Scan { table, source } => Some((table, source, predicate)),
            _ => None,
        },
        _ => None,
    }
}
