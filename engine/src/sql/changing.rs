//! Common tables that change rows: `WITH gone AS (DELETE .. RETURNING ..) SELECT .. FROM gone`.
//!
//! The algebra has queries, which change nothing, and changes, which are not read from. So such a statement is run part by
//! part, in the order in which it is written, all of it or nothing: what a change returns is a table of literal rows for
//! the parts behind it. As PostgreSQL has it, each part sees the rows that were there when the statement began, whatever
//! the parts before it have made of them: queries are run on the version of that time, also those that an `INSERT` takes
//! its rows from. An `UPDATE` or `DELETE` that looks at a table that a part before it has changed would have to change
//! rows that it does not see, and is refused.

use nuages_storage::{TableId, Value, Version};
use sqlparser::ast::{self, SetExpr};

use super::bind::Binder;
use super::bind::common::GivenTable;
use super::bind::json::{handed_out, scalars};
use super::connection::Connection;
use super::error::{Problem, SqlError};
use super::parameters::Parameters;
use crate::algebra::{Expr, InsertSource, Query, Relation, Statement};
use crate::answer::run_query;
use crate::evaluate::Context;
use crate::memory::ResultRows;
use crate::optimize::columns::each_relation_of_change_mut;
use crate::{Outcome, ResultSet};

/// Whether a query has a common table that changes rows.
pub(super) fn changes_within(query: &ast::Query) -> bool {
    let changes = |table: &ast::Cte| change_of(&table.query).is_some();
    query.with.as_ref().is_some_and(|with| with.cte_tables.iter().any(changes))
}

/// The change that a query is.
pub(super) fn change_of(query: &ast::Query) -> Option<&ast::Statement> {
    match &*query.body {
        SetExpr::Insert(change) | SetExpr::Update(change) | SetExpr::Delete(change) => Some(change),
        _ => None,
    }
}

impl Connection {
    /// Runs a query, or a change, with common tables that change rows.
    pub(super) fn run_changing(&mut self, query: &ast::Query, values: &[Value]) -> Result<Outcome, SqlError> {
        self.as_one(|connection| connection.run_parts(query, values))
    }

    /// Runs what is several statements to the session as one: all of it or nothing.
    pub(super) fn as_one(
        &mut self,
        run: impl FnOnce(&mut Connection) -> Result<Outcome, SqlError>,
    ) -> Result<Outcome, SqlError> {
        let is_own = self.open.is_none();
        if is_own {
            self.begin(&[])?;
        }
        let point = self.open.as_ref().map(|open| open.transaction.savepoint());
        if let Some(open) = &mut self.open {
            open.is_used = true;
        }
        let outcome = run(self);
        match (&outcome, &self.open, point) {
            _ if is_own && outcome.is_ok() => self.commit()?,
            _ if is_own => self.rollback()?,
            (Ok(_), Some(open), Some(point)) => open.transaction.release(point)?,
            (Err(_), Some(open), Some(point)) => open.transaction.rollback_to(point)?,
            _ => {}
        }
        outcome
    }

    fn run_parts(&mut self, query: &ast::Query, values: &[Value]) -> Result<Outcome, SqlError> {
        let Some(with) = &query.with else { return Err(Problem::NotOneStatement { count: 0 }.into()) };
        let before = self.session().version()?;
        let (mut given, mut changed) = (Vec::new(), Vec::new());
        for (place, table) in with.cte_tables.iter().enumerate() {
            let Some(change) = change_of(&table.query).filter(|_| table.query.with.is_none()) else {
                continue;
            };
            let tables = &with.cte_tables[..place];
            let part = |binder: &mut Binder<'_>| {
                let bound = binder.change_among(tables, with.recursive, &given, change)?;
                Ok((bound, binder.take_returned()))
            };
            let ((change, shape), values) = self.part(values, part)?;
            let rows = self.run_part(change, &values, &before, &mut changed)?.rows.rows;
            given.push(GivenTable { place, shape, rows });
        }
        let tables = &with.cte_tables;
        if let Some(change) = change_of(query) {
            let part = |binder: &mut Binder<'_>| binder.change_among(tables, with.recursive, &given, change);
            let (change, values) = self.part(values, part)?;
            return self.run_part(change, &values, &before, &mut changed);
        }
        let rest = ast::Query { with: None, ..query.clone() };
        let part = |binder: &mut Binder<'_>| binder.query_among(tables, with.recursive, &given, &rest);
        let (query, values) = self.part(values, part)?;
        if query.lock.is_some() {
            return Err(unsupported("FOR UPDATE behind a common table that changes rows"));
        }
        let rows = self.rows_before(&query, &values, &before)?;
        Ok(Outcome { affected: rows.rows.len() as u64, rows, ..Outcome::default() })
    }

    /// Binds a part, and gives the parameters' values as it wants them.
    pub(super) fn part<T>(
        &self,
        values: &[Value],
        bind: impl FnOnce(&mut Binder<'_>) -> Result<T, SqlError>,
    ) -> Result<(T, Vec<Value>), SqlError> {
        let catalog = self.catalog()?;
        let mut parameters = Parameters::of(values);
        let bound = bind(&mut Binder::new(&catalog, self.dialect, &mut parameters))?;
        Ok((bound, parameters.converted(values)?.into_owned()))
    }

    /// Runs a part that changes rows.
    pub(super) fn run_part(
        &mut self,
        mut change: Statement,
        values: &[Value],
        before: &Version,
        changed: &mut Vec<TableId>,
    ) -> Result<Outcome, SqlError> {
        match &mut change {
            Statement::Insert(insert) => {
                if let InsertSource::Query(query) = &insert.rows {
                    let rows = self.rows_before(query, values, before)?.rows.into_iter();
                    let literal = |value: Value| Some(Expr::Literal(value));
                    let rows = rows.map(|row| row.into_iter().map(literal).collect()).collect();
                    insert.rows = InsertSource::Values(rows);
                }
            }
            change => {
                let mut is_changed = change.target().is_some_and(|target| changed.contains(&target));
                each_relation_of_change_mut(change, &mut |relation| {
                    is_changed |= matches!(relation, Relation::Scan { table, .. } if changed.contains(table));
                });
                if is_changed {
                    let feature =
                        "an UPDATE or DELETE that reads what another part of the statement has changed";
                    return Err(unsupported(feature));
                }
            }
        }
        changed.extend(change.target());
        let schema = self.catalog()?.schema_id();
        self.change(&change, values, schema)
    }

    /// The rows of a query on an earlier version.
    pub(super) fn rows_before(
        &self,
        query: &Query,
        values: &[Value],
        before: &Version,
    ) -> Result<ResultSet, SqlError> {
        let session = self.session();
        let interrupt = session.interrupt();
        let context = Context::new(values).noting(session.reads()).within(&interrupt);
        let mut rows = ResultRows::new(interrupt.memory_bytes_max());
        run_query(query, before, &context, &mut |batch| rows.add(batch))?;
        let columns = query.columns.iter().map(|column| column.name.clone()).collect();
        Ok(ResultSet { columns, rows: scalars(rows.finish(), &handed_out(&query.columns)) })
    }
}

fn unsupported(feature: &str) -> SqlError {
    Problem::Unsupported { feature: feature.to_owned() }.into()
}
