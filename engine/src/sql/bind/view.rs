//! Changes of rows through a view: of one table, whose rows it shows one by one.
//!
//! The view's columns are expressions over the table's row, and stand in scope as such; those that are columns of the
//! table can be given values. What the view leaves out is not found by an UPDATE or a DELETE, and an INSERT may add it, as
//! in PostgreSQL without `WITH CHECK OPTION`.

use std::sync::Arc;

use sqlparser::ast::{self, SetExpr, TableFactor};
use sqlparser::tokenizer::Span;

use super::scope::Columns;
use super::typed::Typed;
use super::{Binder, Bound, Sight, last_part};
use crate::algebra::{Expr, Source};
use crate::catalog::{TableDefinition, ViewDefinition};
use crate::sql::error::{Problem, SqlError};
use crate::sql::parse::{Parsed, parse, split};

/// A view whose rows can be changed.
#[derive(Clone, Debug)]
pub(super) struct ViewColumns {
    /// Its name.
    pub(super) name: String,
    /// Its columns, over the row of the table.
    pub(super) columns: Vec<(String, Typed)>,
    /// What they are over.
    source: Source,
}

/// What a statement changes.
pub(super) struct Changed {
    pub(super) definition: Arc<TableDefinition>,
    pub(super) columns: Columns,
    /// The rows that the view shows.
    pub(super) condition: Option<Expr>,
}

impl ViewColumns {
    /// The place of a column of the view in the table; none if it is computed.
    fn place_at(&self, at: usize) -> Option<usize> {
        match self.columns.get(at)?.1.expr {
            Expr::Column(column) if column.source() == self.source && !column.is_row_id() => {
                Some(column.index())
            }
            _ => None,
        }
    }

    /// The places in the table of the first columns, up to one that is computed.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        (0..self.columns.len()).map_while(|at| self.place_at(at))
    }
}

impl Binder<'_> {
    /// What a change of the rows of a table or view changes, and its columns.
    pub(super) fn changed(&mut self, name: &ast::ObjectName, source: Source) -> Bound<Changed> {
        match self.view_at(name)?.cloned() {
            Some(view) => {
                let sight = std::mem::replace(&mut self.sight, Sight::View);
                let changed = self.changed_view(&view, source, last_part(name)?.span);
                self.sight = sight;
                changed
            }
            None => {
                let definition = Arc::clone(self.table_at(name)?);
                Ok(Changed { columns: Columns::Table(Arc::clone(&definition)), definition, condition: None })
            }
        }
    }

    fn changed_view(&mut self, view: &ViewDefinition, source: Source, span: Span) -> Bound<Changed> {
        let of_view = |error: SqlError| error.without_place().or_at(span.start);
        let refused = || SqlError::at(Problem::View { name: view.name.clone() }, span);
        let statement =
            split(&view.sql, view.dialect).map_err(of_view)?.into_iter().next().unwrap_or_default();
        let parsed = parse(statement, view.dialect, self.nesting_max).map_err(of_view)?;
        let Parsed::Query(query) = parsed else { return Err(refused()) };
        let (select, table, alias) = simple(&query).filter(|_| !self.is_sqlite()).ok_or_else(refused)?;
        let base = last_part(table)?;
        if self.view(base).is_some() {
            return Err(refused());
        }
        let definition = Arc::clone(self.table_at(table).map_err(of_view)?);
        let mut scope = self.scope_of(&definition, alias.unwrap_or(base), source);
        scope.clause = "a view that is changed";
        let items = self.named_values(&select.projection, &scope).map_err(of_view)?;
        let condition = select.selection.as_ref().map(|condition| self.condition(condition, &scope));
        let condition = condition.transpose().map_err(of_view)?;
        let mut columns: Vec<(String, Typed)> = items;
        for ((name, _), given) in columns.iter_mut().zip(&view.columns) {
            name.clone_from(given);
        }
        let view = ViewColumns { name: view.name.clone(), columns, source };
        Ok(Changed { definition, columns: Columns::View(Arc::new(view)), condition })
    }

    /// The place in the table of a column that is to get a value.
    pub(super) fn place_given(
        &self,
        name: &ast::Ident,
        definition: &TableDefinition,
        columns: &Columns,
    ) -> Bound<usize> {
        let Columns::View(view) = columns else { return self.place_of(name, definition) };
        let at = view.columns.iter().position(|(known, _)| self.means(name, known));
        let Some(at) = at else {
            let names = view.columns.iter().map(|(known, _)| known.as_str());
            let problem = Problem::UnknownColumn {
                name: name.value.clone(),
                table: Some(view.name.clone()),
                nearest: crate::catalog::names::nearest(&name.value, names),
            };
            return Err(SqlError::at(problem, name.span));
        };
        view.place_at(at).ok_or_else(|| {
            let feature =
                format!("a value for \"{}\", which the view \"{}\" computes,", name.value, view.name);
            SqlError::at(Problem::Unsupported { feature }, name.span)
        })
    }
}

/// The parts of a query that shows the rows of one table one by one.
fn simple(query: &ast::Query) -> Option<(&ast::Select, &ast::ObjectName, Option<&ast::Ident>)> {
    let SetExpr::Select(select) = &*query.body else { return None };
    let ast::GroupByExpr::Expressions(groups, _) = &select.group_by else { return None };
    let is_simple = query.with.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.locks.is_empty()
        && select.distinct.is_none()
        && select.having.is_none()
        && groups.is_empty();
    let [from] = select.from.as_slice() else { return None };
    match &from.relation {
        TableFactor::Table { name, alias, args: None, .. } if is_simple && from.joins.is_empty() => {
            let named = alias.as_ref().filter(|alias| alias.columns.is_empty());
            (alias.is_some() == named.is_some()).then_some((select, name, named.map(|alias| &alias.name)))
        }
        _ => None,
    }
}
