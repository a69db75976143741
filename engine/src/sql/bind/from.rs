//! The FROM clause: tables, views, subqueries and joins.

use std::sync::Arc;

use smallvec::SmallVec;
use sqlparser::ast::{self, JoinConstraint, JoinOperator, TableFactor};
use sqlparser::tokenizer::Span;

use super::query::BoundQuery;
use super::scope::{Columns, MergedColumn, Scope, ScopeTable, Shape};
use super::typed::{TEXT, Typed, has_parameter};
use super::{Binder, Bound, SchemaOf, Sight, last_part, nearest_table, schema_in, unsupported};
use crate::algebra::{Comparison, Expr, Function, JoinKind, Query, Relation, Source};
use crate::catalog::{TableDefinition, ViewDefinition};
use crate::sql::error::{Problem, SqlError};
use crate::sql::parse::{Parsed, parse, split};

impl Binder<'_> {
    /// Binds a FROM clause, and puts its tables into the scope.
    pub(super) fn from(&mut self, from: &[ast::TableWithJoins], scope: &mut Scope<'_>) -> Bound<Relation> {
        let mut relations = Vec::with_capacity(from.len());
        for item in from {
            scope.visible_from = scope.tables.len();
            relations.push(self.joined(item, scope)?);
        }
        scope.visible_from = 0;
        Ok(cross_product(relations))
    }

    fn joined(&mut self, item: &ast::TableWithJoins, scope: &mut Scope<'_>) -> Bound<Relation> {
        let mut relation = self.factor(&item.relation, scope)?;
        for join in &item.joins {
            let right_from = scope.tables.len();
            let right = self.factor(&join.relation, scope)?;
            relation = self.join(relation, right, &join.join_operator, right_from, scope)?;
        }
        Ok(relation)
    }

    fn join(
        &mut self,
        left: Relation,
        right: Relation,
        operator: &JoinOperator,
        right_from: usize,
        scope: &mut Scope<'_>,
    ) -> Bound<Relation> {
        // SQLite takes a join without a condition for all pairs.
        if !self.is_sqlite() && lacks_condition(operator) {
            return Err(Problem::JoinWithoutCondition.into());
        }
        let (kind, swap, constraint) = match operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::CrossJoin(constraint) => (JoinKind::Inner, false, constraint),
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                (JoinKind::Left, false, constraint)
            }
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                (JoinKind::Left, true, constraint)
            }
            JoinOperator::FullOuter(constraint) => (JoinKind::Full, false, constraint),
            other => {
                return Err(unsupported(format!("{other:?}").split('(').next().unwrap_or_default()).into());
            }
        };
        let on = match constraint {
            JoinConstraint::None => Expr::And(Vec::new()),
            JoinConstraint::On(on) => {
                scope.clause = "ON";
                self.condition(on, scope)?
            }
            JoinConstraint::Using(names) => {
                let names = names.iter().map(|name| last_part(name).cloned());
                let names = names.collect::<Bound<Vec<_>>>()?;
                self.using(&names, kind, swap, right_from, scope)?
            }
            JoinConstraint::Natural => {
                let names = natural_names(scope, right_from);
                self.using(&names, kind, swap, right_from, scope)?
            }
        };
        Ok(if swap { right.join(kind, left, on) } else { left.join(kind, right, on) })
    }

    /// The condition of a USING, whose columns are one from here on.
    fn using(
        &mut self,
        names: &[ast::Ident],
        kind: JoinKind,
        swap: bool,
        right_from: usize,
        scope: &mut Scope<'_>,
    ) -> Bound<Expr> {
        let mut all = Vec::with_capacity(names.len());
        for name in names {
            let left = self.place_in(name, scope.visible_from..right_from, scope)?;
            let right = self.place_in(name, right_from..scope.tables.len(), scope)?;
            let columns = (scope.tables[left.0].column(left.1), scope.tables[right.0].column(right.1));
            let merged = (columns.0.clone(), columns.1.clone());
            all.push(self.compare(Comparison::Equal, columns.0, columns.1, name.span)?.expr);
            // Unqualified, the name means the side that is not NULL.
            if swap {
                scope.tables[left.0].merged.push(left.1);
            } else {
                scope.tables[right.0].merged.push(right.1);
            }
            if !matches!(kind, JoinKind::Inner | JoinKind::Left) {
                scope.tables[left.0].merged.push(left.1);
                let (choices, kind) = self.unified(vec![merged.0, merged.1], "USING", name.span)?;
                let typed = Typed::new(Expr::Call(Function::Coalesce, choices), kind);
                scope.merged.push(MergedColumn { name: self.new_name(name), typed });
            }
        }
        Ok(Expr::And(all))
    }

    /// The table among some, and the place in it, of a column that both sides of a join have.
    fn place_in(
        &self,
        name: &ast::Ident,
        tables: std::ops::Range<usize>,
        scope: &Scope<'_>,
    ) -> Bound<(usize, usize)> {
        for at in tables {
            let table = &scope.tables[at];
            let place = (0..table.len())
                .find(|place| !table.merged.contains(place) && self.means(name, table.column_name(*place)));
            if let Some(place) = place {
                return Ok((at, place));
            }
        }
        let problem = Problem::UnknownColumn { name: name.value.clone(), table: None, nearest: None };
        Err(SqlError::at(problem, name.span))
    }

    fn factor(&mut self, factor: &TableFactor, scope: &mut Scope<'_>) -> Bound<Relation> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => self.named(name, alias.as_ref(), scope),
            TableFactor::Table {
                name, alias, args: Some(arguments), with_ordinality, sample: None, ..
            } => self.beside_all(scope, |binder, scope| {
                binder.table_function(name, &arguments.args, *with_ordinality, alias.as_ref(), scope)
            }),
            TableFactor::Function { name, args, with_ordinality, alias, .. } => self
                .beside_all(scope, |binder, scope| {
                    binder.table_function(name, args, *with_ordinality, alias.as_ref(), scope)
                }),
            TableFactor::UNNEST { alias, array_exprs, with_offset: false, with_ordinality, .. } => self
                .beside_all(scope, |binder, scope| {
                    binder.unnest(array_exprs, *with_ordinality, alias.as_ref(), scope)
                }),
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let query = match *lateral {
                    true => self.beside_all(scope, |binder, scope| binder.query(subquery, Some(scope)))?,
                    false => self.query(subquery, scope.outer)?,
                };
                self.derived(query, alias.as_ref(), scope)
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                let visible_from = std::mem::replace(&mut scope.visible_from, scope.tables.len());
                let relation = self.joined(table_with_joins, scope);
                scope.visible_from = visible_from;
                relation
            }
            other => {
                let text: String = other.to_string().chars().take(40).collect();
                Err(unsupported(format!("{text} in FROM")).into())
            }
        }
    }

    /// Binds what may mention everything that stands before it, and not only what it is joined with.
    fn beside_all<'s, T>(
        &mut self,
        scope: &mut Scope<'s>,
        bind: impl FnOnce(&mut Self, &mut Scope<'s>) -> Bound<T>,
    ) -> Bound<T> {
        let visible_from = std::mem::take(&mut scope.visible_from);
        let bound = bind(self, scope);
        scope.visible_from = visible_from;
        bound
    }

    /// A table, a view, or a common table expression.
    pub(super) fn named(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
    ) -> Bound<Relation> {
        let ident = last_part(name)?;
        if let Some(relation) = self.information(name, alias, scope)? {
            return Ok(relation);
        }
        if let Some(relation) = self.common_table(name, alias, scope)? {
            return Ok(relation);
        }
        if let Some(view) = self.view_at(name)?.cloned() {
            return self.view_rows(&view, ident, alias, scope);
        }
        let definition = match self.table_at(name) {
            Ok(table) => Arc::clone(table),
            Err(error) => return self.sequence_table(ident, alias, scope)?.ok_or(error),
        };
        let source = self.source();
        let relation = Relation::scan(definition.id, source);
        if alias.is_some_and(|alias| !alias.columns.is_empty()) {
            let shape = definition.columns.iter().map(Shape::of_column).collect();
            let columns = Columns::Query(renamed(shape, alias)?.into());
            self.add_table(alias.map_or(ident, |alias| &alias.name), source, columns, scope)?;
        } else {
            let columns = Columns::Table(definition);
            self.add_table(alias.map_or(ident, |alias| &alias.name), source, columns, scope)?;
        }
        Ok(relation)
    }

    /// The view of a name.
    pub(in crate::sql) fn view(&self, name: &ast::Ident) -> Option<&Arc<ViewDefinition>> {
        self.catalog.views().find(|view| self.means(name, &view.name))
    }

    /// The view that a name means, unless it means a temporary table.
    pub(super) fn view_at(&self, name: &ast::ObjectName) -> Bound<Option<&Arc<ViewDefinition>>> {
        let ident = last_part(name)?;
        let is_hidden = match schema_in(name) {
            Some(SchemaOf::Temporary) => self.temporary_table(ident).is_some(),
            Some(SchemaOf::Permanent) => false,
            None => self.sight == Sight::Own && self.temporary_table(ident).is_some(),
        };
        Ok(self.view(ident).filter(|_| !is_hidden))
    }

    /// The query of a view, in its place. It sees nothing of the statement around it.
    fn view_rows(
        &mut self,
        view: &ViewDefinition,
        name: &ast::Ident,
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
    ) -> Bound<Relation> {
        let of_view = |error: SqlError| error.without_place().or_at(name.span.start);
        let dialect = std::mem::replace(&mut self.dialect, view.dialect);
        let common = std::mem::take(&mut self.common);
        let sight = std::mem::replace(&mut self.sight, Sight::View);
        let bound = match self.straight(&view.sql) {
            Some(bound) => Ok(bound),
            None => self.parsed_view(view),
        };
        (self.dialect, self.common, self.sight) = (dialect, common, sight);
        let mut bound = bound.map_err(of_view)?;
        for (column, name) in bound.shape.iter_mut().zip(&view.columns) {
            column.name.clone_from(name);
        }
        let named = ast::TableAlias { name: name.clone(), columns: Vec::new(), explicit: true, at: None };
        self.derived(bound, Some(alias.unwrap_or(&named)), scope)
    }

    fn parsed_view(&mut self, view: &ViewDefinition) -> Bound<BoundQuery> {
        let statement = split(&view.sql, view.dialect)?.into_iter().next().unwrap_or_default();
        match parse(statement, view.dialect, self.nesting_max)? {
            Parsed::Query(query) => self.query(&query, None),
            _ => Err(unsupported("such a view").into()),
        }
    }

    /// A query under a name.
    pub(super) fn derived(
        &mut self,
        query: BoundQuery,
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
    ) -> Bound<Relation> {
        let BoundQuery { mut query, mut shape } = query;
        for (column, shape) in query.columns.iter_mut().zip(&mut shape) {
            // What has no type is NULL, unless it hangs on a parameter, which is taken for a text then.
            if shape.kind.is_none() && has_parameter(&column.expr) {
                let expr = std::mem::replace(&mut column.expr, Expr::And(Vec::new()));
                column.expr = Expr::Cast(Box::new(expr), TEXT);
                shape.kind = Some(TEXT);
            }
        }
        let (source, relation) = match own_source(&query) {
            Some(source) => (source, query.relation),
            None => {
                let source = self.source();
                let columns = query.columns.into_iter().map(|column| column.expr).collect();
                (source, query.relation.project(source, columns))
            }
        };
        let shape = renamed(shape, alias)?;
        let nameless = ast::Ident::new("");
        self.add_table(
            alias.map_or(&nameless, |alias| &alias.name),
            source,
            Columns::Query(shape.into()),
            scope,
        )?;
        Ok(relation)
    }

    /// Puts a table into the scope.
    pub(super) fn add_table(
        &mut self,
        name: &ast::Ident,
        source: Source,
        columns: Columns,
        scope: &mut Scope<'_>,
    ) -> Bound<()> {
        if !name.value.is_empty()
            && !self.is_sqlite()
            && scope.tables.iter().any(|table| self.means(name, &table.name))
        {
            return Err(SqlError::at(Problem::RepeatedAlias { name: name.value.clone() }, name.span));
        }
        scope.tables.push(ScopeTable { name: self.new_name(name), source, columns, merged: SmallVec::new() });
        Ok(())
    }

    /// A table of the catalog, by a name that may have a schema before it.
    pub(in crate::sql) fn table_at(&self, name: &ast::ObjectName) -> Bound<&Arc<TableDefinition>> {
        self.table_in(last_part(name)?, schema_in(name))
    }

    /// A table of the catalog.
    pub(in crate::sql) fn table(&self, name: &ast::Ident) -> Bound<&Arc<TableDefinition>> {
        self.table_in(name, None)
    }

    /// The same, of some tables alone.
    pub(in crate::sql) fn table_in(
        &self,
        name: &ast::Ident,
        schema: Option<SchemaOf>,
    ) -> Bound<&Arc<TableDefinition>> {
        let temporary = match (schema, self.sight) {
            (Some(SchemaOf::Permanent), _) | (None, Sight::View) => None,
            _ => self.temporary_table(name),
        };
        let found = match (temporary, schema) {
            (Some(_), _) if self.sight != Sight::Own => {
                return Err(SqlError::at(unsupported("a view of a temporary table"), name.span));
            }
            (None, None | Some(SchemaOf::Permanent)) => self.permanent_table(name),
            (temporary, _) => temporary,
        };
        found.ok_or_else(|| self.unknown_table(&name.value, name.span))
    }

    fn temporary_table(&self, name: &ast::Ident) -> Option<&Arc<TableDefinition>> {
        self.catalog.temporary_tables().find(|table| self.means(name, &table.name))
    }

    fn permanent_table(&self, name: &ast::Ident) -> Option<&Arc<TableDefinition>> {
        if name.quote_style.is_none() && !self.is_sqlite() {
            if name.value.bytes().any(|byte| byte.is_ascii_uppercase()) || !name.value.is_ascii() {
                self.catalog.find_permanent_table(&name.value.to_lowercase())
            } else {
                self.catalog.find_permanent_table(&name.value)
            }
        } else {
            let exact = self.catalog.find_permanent_table(&name.value);
            exact.or_else(|| self.catalog.permanent_tables().find(|table| self.means(name, &table.name)))
        }
    }

    fn unknown_table(&self, name: &str, span: Span) -> SqlError {
        let nearest = nearest_table(self.catalog, name);
        SqlError::at(Problem::UnknownTable { name: name.to_owned(), nearest }, span)
    }
}

/// The source whose columns are those of a query as they are, so that nothing need be projected.
pub(super) fn own_source(query: &Query) -> Option<Source> {
    let (source, width) = match &query.relation {
        Relation::Set { source, left, .. } => (*source, left.columns.len()),
        Relation::Recursive { source, base, .. } => (*source, base.columns.len()),
        Relation::Values { source, types, .. } | Relation::WorkTable { source, types, .. } => {
            (*source, types.len())
        }
        _ => return None,
    };
    let own = (0..width).map(|place| Expr::from(source.column(place)));
    query.columns.iter().map(|column| &column.expr).eq(own.collect::<Vec<_>>().iter()).then_some(source)
}

/// The columns under the names that an alias gives.
pub(super) fn renamed(mut shape: Vec<Shape>, alias: Option<&ast::TableAlias>) -> Bound<Vec<Shape>> {
    let names = alias.map(|alias| alias.columns.as_slice()).unwrap_or_default();
    if names.len() > shape.len() {
        let at = names[0].name.span;
        return Err(SqlError::at(Problem::ColumnCount { expected: shape.len(), got: names.len() }, at));
    }
    for (column, name) in shape.iter_mut().zip(names) {
        column.name.clone_from(&name.name.value);
    }
    Ok(shape)
}

/// Whether a join that is none of all pairs says nothing of which.
fn lacks_condition(operator: &JoinOperator) -> bool {
    matches!(
        operator,
        JoinOperator::Join(JoinConstraint::None)
            | JoinOperator::Inner(JoinConstraint::None)
            | JoinOperator::Left(JoinConstraint::None)
            | JoinOperator::LeftOuter(JoinConstraint::None)
            | JoinOperator::Right(JoinConstraint::None)
            | JoinOperator::RightOuter(JoinConstraint::None)
            | JoinOperator::FullOuter(JoinConstraint::None)
    )
}

/// The columns that the tables on both sides of a join have, by name.
fn natural_names(scope: &Scope<'_>, right_from: usize) -> Vec<ast::Ident> {
    let columns = |tables: &[ScopeTable]| -> Vec<String> {
        let of = |table: &ScopeTable| -> Vec<String> {
            let kept = (0..table.len()).filter(|place| !table.merged.contains(place));
            kept.map(|place| table.column_name(place).to_owned()).collect()
        };
        tables.iter().flat_map(of).collect()
    };
    let right = columns(&scope.tables[right_from..]);
    let left = columns(&scope.tables[scope.visible_from..right_from]);
    let common = left.into_iter().filter(|name| right.contains(name));
    common.map(|name| ast::Ident::with_quote('"', name)).collect()
}

/// All combinations, as a tree that is as flat as can be.
pub(super) fn cross_product(mut relations: Vec<Relation>) -> Relation {
    if relations.len() > 1 {
        let right = cross_product(relations.split_off(relations.len().div_ceil(2)));
        let left = cross_product(relations);
        return left.join(JoinKind::Inner, right, Expr::And(Vec::new()));
    }
    relations.pop().unwrap_or(Relation::Unit)
}
