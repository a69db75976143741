//! `SELECT .. FOR UPDATE`: a query whose rows are locked.
//!
//! It is a statement like one that writes, but records nothing: attempted, locked, and attempted again if anybody has
//! committed before the locks were held. So what it returns is the newest there is, all of it is locked, and rows that
//! no longer meet the condition, or are passed over because another has them, leave room under a limit. Without a limit
//! later attempts lock nothing that the first did not, so that others who insert cannot keep it from its end.

use hashbrown::HashMap;
use nuages_storage::{RowId, TableId};

use super::row_set::RowSet;
use super::{Found, WritingStatement};
use crate::algebra::{LockWait, OutputColumn, Query, Relation, RowLock};
use crate::batch::Batch;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::evaluate::Context;
use crate::vector::VectorBuilder;
use crate::{execute, optimize};

/// How many rows are looked at first for each that is wanted, where some may be passed over.
const LOOKED_AT_MIN: u64 = 16;

/// The rows of a locking query: their columns, and of each the row ids that were locked.
struct Rows {
    columns: Vec<VectorBuilder<'static>>,
    locked: Vec<(TableId, RowId)>,
    /// How many rows were looked at, and how many of them kept.
    seen: u64,
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
    /// Only what is made of these.
    of: Option<&'a HashMap<TableId, RowSet>>,
}

impl Wanted<'_> {
    const ALL: Wanted<'static> = Wanted { window: Window { offset: 0, count: None }, of: None };
}

impl Rows {
    /// The rows that are locked.
    fn by_table(&self) -> HashMap<TableId, RowSet> {
        let mut tables: HashMap<TableId, RowSet> = HashMap::new();
        for (table, row) in &self.locked {
            tables.entry(*table).or_default().insert(*row);
        }
        tables
    }
}

impl Window {
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
        let rows = match &query.relation {
            Relation::Limit { input, offset, count } if lock.wait == LockWait::SkipLocked => {
                let window = Window { offset: *offset, count: *count };
                self.skip_locked(input, query, lock, window, context)?
            }
            Relation::Limit { .. } => self.ask_for(&query.relation, query, lock, Wanted::ALL, context)?,
            relation => {
                let wanted = Wanted { of: found.locked.as_ref(), ..Wanted::ALL };
                let rows = self.ask_for(relation, query, lock, wanted, context)?;
                if found.locked.is_none() {
                    found.locked = Some(rows.by_table());
                }
                rows
            }
        };
        self.expect_rows_unchanged(&rows.locked)?;
        Ok(Batch::new(rows.columns.into_iter().map(VectorBuilder::finish), rows.kept as usize))
    }

    /// Passes over rows that others have. A limit is applied to what is left: ever more rows are looked at, until there
    /// are enough.
    fn skip_locked(
        &mut self,
        input: &Relation,
        query: &Query,
        lock: &RowLock,
        window: Window,
        context: &Context<'_>,
    ) -> Result<Rows, Error> {
        let mut looked_at = window.end().saturating_mul(2).max(LOOKED_AT_MIN);
        loop {
            let some = input.clone().limit(0, window.count.is_some().then_some(looked_at));
            let rows = self.ask_for(&some, query, lock, Wanted { window, of: None }, context)?;
            if rows.kept == window.count.unwrap_or(u64::MAX) || rows.seen < looked_at {
                return Ok(rows);
            }
            looked_at = looked_at.saturating_mul(4);
        }
    }

    /// Asks for the locks of the rows of a relation, in order.
    fn ask_for(
        &mut self,
        relation: &Relation,
        query: &Query,
        lock: &RowLock,
        wanted: Wanted<'_>,
        context: &Context<'_>,
    ) -> Result<Rows, Error> {
        let Wanted { window, of } = wanted;
        let ids = lock.sources.iter().map(|(_, source)| OutputColumn::new("row id", source.row_id()));
        let columns = query.columns.iter().cloned().chain(ids).collect();
        let extended = Query::new(relation.clone(), columns);
        let version = self.writer.base().clone();
        let plan = optimize::plan_kept(&extended, Catalog::of(&version), &version)?;
        let width = query.columns.len();
        let kinds = plan.columns.iter().take(width).map(|column| column.data_type);
        let columns = kinds.map(VectorBuilder::new).collect();
        let mut rows = Rows { columns, locked: Vec::new(), seen: 0, kept: 0 };
        let mut passed = 0;
        execute::run(&plan, &version, context, &mut |batch| {
            for row in &batch.selection {
                if passed == window.end() {
                    break;
                }
                rows.seen += 1;
                let id = |at| batch.column(width + at).int(row).map(RowId::new);
                let named = lock.sources.iter().enumerate();
                let locked = named.filter_map(|(at, (table, _))| Some((*table, id(at)?)));
                let from = rows.locked.len();
                rows.locked.extend(locked);
                let is_wanted = |(table, row): &(TableId, RowId)| {
                    of.is_none_or(|of| of.get(table).is_some_and(|rows| rows.contains(*row)))
                };
                let row_ids = &rows.locked[from..];
                if !row_ids.iter().all(is_wanted) || !self.ask_for_row(row_ids, lock) {
                    rows.locked.truncate(from);
                    continue;
                }
                passed += 1;
                if passed > window.offset {
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
