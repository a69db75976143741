//! Common tables that change rows: `WITH gone AS (DELETE .. RETURNING ..) SELECT .. FROM gone`.
//!
//! The algebra has queries, which change nothing, and changes, which are not read from. So such a statement is run part by
//! part, in the order in which it is written, all of it or nothing: what a change returns is a table of literal rows for
//! the parts behind it. As PostgreSQL has it, each part sees the rows that were there when the statement began, whatever
//! the parts before it have made of them: queries are run on the version of that time, also those that an `INSERT` takes
//! its rows from. A change that looks at a table otherwise that a part before it has changed, also by a cascade, would have
//! to change rows that it does not see, and is refused. Foreign keys are checked when the last part has run.

use nuages_storage::{TableId, Value, Version};
use sqlparser::ast::{self, SetExpr};

use super::bind::Binder;
use super::bind::common::GivenTable;
use super::bind::json::{handed_out, scalars};
use super::connection::Connection;
use super::error::{Problem, SqlError};
use super::parameters::Parameters;
use crate::algebra::walk::{each_relation_of_change_mut, has_subquery};
use crate::algebra::{
    ConflictAction, Expr, Insert, InsertSource, OnConflict, OutputColumn, Query, Relation, Statement,
};
use crate::answer::run_query;
use crate::catalog::{Action, Catalog};
use crate::evaluate::Context;
use crate::memory::ResultRows;
use crate::{Outcome, ResultSet};

/// What a part may not be.
const CHANGED: &str = "a change that reads what another part of the statement has changed";

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
        if let Some(open) = &self.open {
            open.transaction.begin_parts();
        }
        let mut outcome = run(self);
        if let Some(open) = &self.open {
            match &outcome {
                Ok(_) => outcome = open.transaction.end_parts().map_err(SqlError::from).and(outcome),
                Err(_) => open.transaction.drop_parts(),
            }
        }
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
    fn run_part(
        &mut self,
        change: Statement,
        values: &[Value],
        before: &Version,
        changed: &mut Vec<TableId>,
    ) -> Result<Outcome, SqlError> {
        let is_again = change.target().is_some_and(|target| changed.contains(&target));
        if is_again && !matches!(change, Statement::Insert(_)) {
            return Err(unsupported(CHANGED));
        }
        self.run_clause(change, values, before, changed)
    }

    /// The same for a part that changes rows which no other changes.
    pub(super) fn run_clause(
        &mut self,
        mut change: Statement,
        values: &[Value],
        before: &Version,
        changed: &mut Vec<TableId>,
    ) -> Result<Outcome, SqlError> {
        if let Statement::Insert(insert) = &mut change {
            self.take_rows_before(insert, values, before)?;
        }
        let mut is_changed = false;
        each_relation_of_change_mut(&mut change, &mut |relation| {
            is_changed |= matches!(relation, Relation::Scan { table, .. } if changed.contains(table));
        });
        if is_changed {
            return Err(unsupported(CHANGED));
        }
        let catalog = self.catalog()?;
        let outcome = self.change(&change, values, catalog.schema_id())?;
        changed.extend(written(&catalog, &change, &outcome));
        Ok(outcome)
    }

    /// Computes the rows of an insertion from those that there were before.
    fn take_rows_before(
        &self,
        insert: &mut Insert,
        values: &[Value],
        before: &Version,
    ) -> Result<(), SqlError> {
        match &mut insert.rows {
            InsertSource::Query(query) => {
                let rows = self.rows_before(query, values, before)?.rows.into_iter();
                let literal = |value: Value| Some(Expr::Literal(value));
                let rows = rows.map(|row| row.into_iter().map(literal).collect()).collect();
                insert.rows = InsertSource::Values(rows);
            }
            InsertSource::Values(rows) => {
                for expr in rows.iter_mut().flatten().flatten().filter(|expr| has_subquery(expr)) {
                    let asked = std::mem::replace(expr, Expr::Literal(Value::Null));
                    let query = Query::new(Relation::Unit, vec![OutputColumn::new("", asked)]);
                    let mut rows = self.rows_before(&query, values, before)?.rows.into_iter().flatten();
                    *expr = Expr::Literal(rows.next().unwrap_or(Value::Null));
                }
            }
        }
        Ok(())
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
        let context =
            Context::new(values).noting(session.reads()).drawing(session.draws()).within(&interrupt);
        let mut rows = ResultRows::new(interrupt.memory_bytes_max());
        run_query(query, before, &context, &mut |batch| rows.add(batch))?;
        let columns = query.columns.iter().map(|column| column.name.clone()).collect();
        Ok(ResultSet { columns, rows: scalars(rows.finish(), &handed_out(&query.columns)) })
    }
}

/// The tables that a change may have written to: its own, and those to which foreign keys carried it on.
fn written(catalog: &Catalog, change: &Statement, outcome: &Outcome) -> Vec<TableId> {
    let mut written: Vec<TableId> = change.target().into_iter().collect();
    let mut at = 0;
    while let Some(table) = written.get(at).and_then(|table| catalog.table(*table)) {
        for reference in &table.referenced_by {
            let Some(key) =
                catalog.table(reference.table).and_then(|it| it.foreign_key(reference.foreign_key))
            else {
                continue;
            };
            let went = |table| outcome.per_table.iter().any(|(of, count)| *of == table && *count > 0);
            let deleted = match key.on_delete {
                Action::NoAction | Action::Restrict => false,
                Action::Cascade => went(reference.table),
                Action::SetNull | Action::SetDefault => true,
            };
            let changed = !matches!(key.on_update, Action::NoAction | Action::Restrict);
            let is_carried_on = match change {
                Statement::Delete(_) => deleted,
                Statement::Update(update) => {
                    let sets = |place: &usize| update.assignments.iter().any(|(of, _)| of == place);
                    changed && (at > 0 || key.target_columns.iter().any(sets))
                }
                Statement::Insert(insert) => {
                    insert.conflict.iter().flat_map(OnConflict::each).any(|rule| match rule.action {
                        ConflictAction::DoUpdate { .. } => changed,
                        ConflictAction::Replace => {
                            !matches!(key.on_delete, Action::NoAction | Action::Restrict)
                        }
                        ConflictAction::DoNothing | ConflictAction::PassOver => false,
                    })
                }
                Statement::Query(_) => false,
            };
            if is_carried_on && outcome.affected > 0 && !written.contains(&reference.table) {
                written.push(reference.table);
            }
        }
        at += 1;
    }
    written
}

fn unsupported(feature: &str) -> SqlError {
    Problem::Unsupported { feature: feature.to_owned() }.into()
}
