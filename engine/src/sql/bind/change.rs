//! INSERT, UPDATE, DELETE, and the locks of SELECT .. FOR UPDATE.

use std::sync::Arc;

use nuages_storage::Value;
use nuages_storage::lock::Strength;
use smallvec::SmallVec;
use sqlparser::ast::{self, Expr as Ast, SetExpr, TableFactor};
use sqlparser::tokenizer::Span;

use super::identity::{drop_identities, expect_generated};
use super::query::BoundQuery;
use super::scope::{Columns, Scope, ScopeTable};
use super::typed::Typed;
use super::view::Changed;
use super::{Binder, Bound, begin_of, last_part, unsupported};
use crate::algebra::{
    Delete, Expr, Function, Insert, InsertSource, LockWait, Query, Relation, RowLock, Source, Statement,
    Update,
};
use crate::catalog::TableDefinition;
use crate::sql::beyond::Overriding;
use crate::sql::error::{Problem, SqlError};

impl Binder<'_> {
    /// A statement of the algebra.
    pub(in crate::sql) fn statement(&mut self, statement: &ast::Statement) -> Bound<Statement> {
        match statement {
            ast::Statement::Query(query) => self.read(query),
            ast::Statement::Insert(insert) => self.insert(insert),
            ast::Statement::Update(update) => self.update(update),
            ast::Statement::Delete(delete) => self.delete(delete),
            _ => Err(unsupported("such a statement in this place").into()),
        }
    }

    /// Binds a query, or a change of rows behind a WITH.
    pub(in crate::sql) fn read(&mut self, query: &ast::Query) -> Bound<Statement> {
        match (&query.with, &*query.body) {
            (Some(with), SetExpr::Insert(inner) | SetExpr::Update(inner) | SetExpr::Delete(inner)) => {
                self.changes_with(with, inner)
            }
            _ => {
                let bound = self.query(query, None)?;
                Ok(Statement::Query(self.result(bound)))
            }
        }
    }

    /// A change of rows with common tables before it.
    fn changes_with(&mut self, with: &ast::With, statement: &ast::Statement) -> Bound<Statement> {
        for table in &with.cte_tables {
            self.add_common_table(table, with.recursive, None)?;
        }
        self.change_with_tables(statement)
    }

    /// A change of rows with the common tables in scope.
    pub(super) fn change_with_tables(&mut self, statement: &ast::Statement) -> Bound<Statement> {
        let mut bound = self.statement(statement)?;
        match &mut bound {
            Statement::Insert(Insert { rows: InsertSource::Query(query), .. }) => {
                let read = std::mem::replace(&mut **query, Query::new(Relation::Unit, Vec::new()));
                **query = self.with_tables(read, 0);
            }
            change => self.put_tables_in_place(change)?,
        }
        Ok(bound)
    }

    fn insert(&mut self, insert: &ast::Insert) -> Bound<Statement> {
        let ast::TableObject::TableName(name) = &insert.table else {
            return Err(unsupported("INSERT into something else than a table").into());
        };
        let source = self.source();
        let changed = self.changed(name, source)?;
        let name = last_part(name)?;
        let definition = Arc::clone(&changed.definition);
        let mut columns = self.insert_columns(insert, &changed)?;
        let overriding = self.beyond.overriding.take();
        let rows = match insert.source.as_deref() {
            None => InsertSource::Values(vec![vec![None; columns.len()]]),
            Some(query) => match &*query.body {
                SetExpr::Values(values) if is_plain(query) => {
                    self.insert_values(values, &columns, &definition)?
                }
                _ => {
                    let bound = self.query(query, None)?;
                    if insert.columns.is_empty() && !self.is_sqlite() {
                        columns.truncate(bound.shape.len());
                    }
                    self.insert_query(bound, &columns, &definition, name.span)?
                }
            },
        };
        let rows = match insert.or {
            Some(ast::SqliteOnConflict::Replace) => with_defaults(rows, &columns, &definition),
            _ => rows,
        };
        let rows = match overriding {
            Some(Overriding::System) => rows,
            Some(Overriding::User) => {
                let mut rows = rows;
                drop_identities(&mut rows, &mut columns, &definition);
                rows
            }
            None => {
                expect_generated(&rows, &columns, &definition, name.span)?;
                rows
            }
        };
        let alias = insert.table_alias.as_ref().map_or(name, |alias| &alias.alias);
        let mut scope = self.scope_over(changed.columns, alias, source);
        let conflict = self.conflict(insert, &definition, &mut scope)?;
        let returning = self.returning(insert.returning.as_deref(), &mut scope)?;
        let insert = Insert { table: definition.id, columns, rows, source, returning, conflict };
        Ok(Statement::Insert(insert))
    }

    /// The places of the columns that are given. Without a list of them they are the first ones, in PostgreSQL as many
    /// as there are values, in SQLite all.
    fn insert_columns(&self, insert: &ast::Insert, changed: &Changed) -> Bound<Vec<usize>> {
        let definition = &changed.definition;
        if insert.columns.is_empty() {
            let Some(source) = &insert.source else { return Ok(Vec::new()) };
            let given = match &*source.body {
                SetExpr::Values(values) if !self.is_sqlite() => {
                    values.rows.iter().map(|row| row.content.len()).max().unwrap_or_default()
                }
                _ => usize::MAX,
            };
            // What is computed is given no value.
            let is_given = |place: &usize| definition.computed(*place).is_none();
            return Ok(match &changed.columns {
                Columns::View(view) => view.places().take_while(is_given).take(given).collect(),
                _ => (0..definition.columns.len()).filter(is_given).take(given).collect(),
            });
        }
        let mut places = Vec::with_capacity(insert.columns.len());
        for name in &insert.columns {
            let name = last_part(name)?;
            let place = self.place_given(name, definition, &changed.columns)?;
            if places.contains(&place) {
                return Err(SqlError::at(Problem::Duplicate { name: name.value.clone() }, name.span));
            }
            expect_not_computed(definition, place, name.span)?;
            places.push(place);
        }
        Ok(places)
    }

    /// The place of a column in a table.
    pub(in crate::sql) fn place_of(&self, name: &ast::Ident, definition: &TableDefinition) -> Bound<usize> {
        let place = definition.columns.iter().position(|column| self.means(name, &column.name));
        if place.is_none() && self.is_sqlite() && self.is_row_id(name) {
            let hidden = "a value for the row id of a table without a column that is INTEGER PRIMARY KEY";
            return definition.row_id_column().ok_or_else(|| SqlError::at(unsupported(hidden), name.span));
        }
        place.ok_or_else(|| {
            let names = definition.columns.iter().map(|column| column.name.as_str());
            let problem = Problem::UnknownColumn {
                name: name.value.clone(),
                table: Some(definition.name.clone()),
                nearest: crate::catalog::names::nearest(&name.value, names),
            };
            SqlError::at(problem, name.span)
        })
    }

    fn insert_values(
        &mut self,
        values: &ast::Values,
        columns: &[usize],
        definition: &TableDefinition,
    ) -> Bound<InsertSource> {
        let mut scope = Scope::within(None);
        scope.clause = "VALUES";
        let mut rows = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            let row = &row.content;
            if row.len() != columns.len() {
                let at = row.first().map_or(Span::empty(), begin_of);
                let problem = Problem::ColumnCount { expected: columns.len(), got: row.len() };
                return Err(SqlError::at(problem, at));
            }
            let mut bound = Vec::with_capacity(row.len());
            for (expr, &place) in row.iter().zip(columns) {
                if matches!(expr, Ast::Identifier(name) if is_default(name)) {
                    bound.push(None);
                    continue;
                }
                let typed = self.value_of(expr, &scope)?;
                let is_null = matches!(&typed.expr, Expr::Literal(value) if value.is_null());
                // SQLite generates the key where NULL is given.
                bound.push(if is_null && definition.columns[place].generated_key && self.is_sqlite() {
                    None
                } else {
                    Some(self.assigned(typed, definition, place, begin_of(expr))?)
                });
            }
            rows.push(bound);
        }
        Ok(InsertSource::Values(rows))
    }

    fn insert_query(
        &mut self,
        BoundQuery { mut query, shape }: BoundQuery,
        columns: &[usize],
        definition: &TableDefinition,
        span: Span,
    ) -> Bound<InsertSource> {
        if shape.len() != columns.len() {
            let problem = Problem::ColumnCount { expected: columns.len(), got: shape.len() };
            return Err(SqlError::at(problem, span));
        }
        for ((output, shape), &place) in query.columns.iter_mut().zip(&shape).zip(columns) {
            let expr = std::mem::replace(&mut output.expr, Expr::And(Vec::new()));
            let typed = shape.typed(expr);
            output.expr = self.assigned(typed, definition, place, span)?;
        }
        Ok(InsertSource::Query(Box::new(query)))
    }

    fn update(&mut self, update: &ast::Update) -> Bound<Statement> {
        let span = update.update_token.0.span;
        if update.limit.is_some() || !update.order_by.is_empty() || update.or.is_some() {
            return Err(SqlError::at(unsupported("UPDATE with OR, ORDER BY or LIMIT"), span));
        }
        let (changed, source, mut scope) = self.changed_table(&update.table, span)?;
        let definition = Arc::clone(&changed.definition);
        let from = match &update.from {
            None => None,
            Some(ast::UpdateTableFromKind::BeforeSet(from) | ast::UpdateTableFromKind::AfterSet(from)) => {
                Some(self.further_rows(from, &mut scope)?)
            }
        };
        let assignments = self.assignments(&update.assignments, &definition, &mut scope)?;
        let predicate = self.predicate(update.selection.as_ref(), changed.condition, &mut scope)?;
        // SQLite returns of the row that was changed, and of no other.
        if self.is_sqlite() {
            scope.tables.truncate(1);
        }
        let returning = self.returning(update.returning.as_deref(), &mut scope)?;
        let update = Update { table: definition.id, source, from, predicate, assignments, returning };
        Ok(Statement::Update(update))
    }

    fn delete(&mut self, delete: &ast::Delete) -> Bound<Statement> {
        let span = delete.delete_token.0.span;
        if delete.limit.is_some() || !delete.order_by.is_empty() || !delete.tables.is_empty() {
            return Err(SqlError::at(unsupported("DELETE with ORDER BY or LIMIT"), span));
        }
        let (ast::FromTable::WithFromKeyword(from) | ast::FromTable::WithoutKeyword(from)) = &delete.from;
        let [table] = from.as_slice() else {
            return Err(SqlError::at(unsupported("DELETE from several tables"), span));
        };
        let (changed, source, mut scope) = self.changed_table(table, span)?;
        let definition = changed.definition;
        let using = delete.using.as_ref().map(|using| self.further_rows(using, &mut scope)).transpose()?;
        let predicate = self.predicate(delete.selection.as_ref(), changed.condition, &mut scope)?;
        let returning = self.returning(delete.returning.as_deref(), &mut scope)?;
        let delete = Delete { table: definition.id, source, using, predicate, returning };
        Ok(Statement::Delete(delete))
    }

    /// The rows of an `UPDATE .. FROM` or `DELETE .. USING`, put into the scope beside the table that is changed.
    fn further_rows(&mut self, from: &[ast::TableWithJoins], scope: &mut Scope<'_>) -> Bound<Relation> {
        let mut further = Scope::within(None);
        let relation = self.from(from, &mut further)?;
        for table in further.tables {
            self.add_table(&ast::Ident::with_quote('"', &table.name), table.source, table.columns, scope)?;
        }
        Ok(relation)
    }

    /// What a SET assigns.
    pub(super) fn assignments(
        &mut self,
        assignments: &[ast::Assignment],
        definition: &TableDefinition,
        scope: &mut Scope<'_>,
    ) -> Bound<Vec<(usize, Expr)>> {
        scope.clause = "SET";
        let mut bound: Vec<(usize, Expr)> = Vec::with_capacity(assignments.len());
        for assignment in assignments {
            if let (ast::AssignmentTarget::Tuple(names), Some(query)) =
                (&assignment.target, query_of(&assignment.value))
            {
                for (place, name) in names.iter().enumerate() {
                    let span = begin_of(&assignment.value);
                    let typed = self.column_of_query(query, (place, names.len()), span, scope)?;
                    let place = self.place_set(last_part(name)?, definition, scope)?;
                    self.assign((last_part(name)?, place), typed, span, definition, &mut bound)?;
                }
                continue;
            }
            let (names, values) = pairs(assignment)?;
            for (name, value) in names.into_iter().zip(values) {
                let name = last_part(name)?;
                let typed = match value {
                    Ast::Identifier(value) if is_default(value) => {
                        let place = self.place_set(name, definition, scope)?;
                        let default = definition.columns[place].default.clone();
                        Typed::new(default.unwrap_or(Expr::Literal(Value::Null)), None)
                    }
                    value => self.value_of(value, scope)?,
                };
                let place = self.place_set(name, definition, scope)?;
                self.assign((name, place), typed, begin_of(value), definition, &mut bound)?;
            }
        }
        Ok(bound)
    }

    /// The place of a column that is set, of the table or view that is first in scope.
    pub(super) fn place_set(
        &self,
        name: &ast::Ident,
        definition: &TableDefinition,
        scope: &Scope<'_>,
    ) -> Bound<usize> {
        match scope.tables.first() {
            Some(table) => self.place_given(name, definition, &table.columns),
            None => self.place_of(name, definition),
        }
    }

    /// One assignment more.
    fn assign(
        &mut self,
        (name, place): (&ast::Ident, usize),
        typed: Typed,
        span: Span,
        definition: &TableDefinition,
        bound: &mut Vec<(usize, Expr)>,
    ) -> Bound<()> {
        expect_not_computed(definition, place, name.span)?;
        let column = &definition.columns[place];
        if column.always && column.default.as_ref() != Some(&typed.expr) {
            let column = column.name.clone();
            return Err(SqlError::at(Problem::AlwaysGenerated { column }, name.span));
        }
        let expr = self.assigned(typed, definition, place, span)?;
        // Of several assignments to one column SQLite takes the last.
        match bound.iter_mut().find(|(known, _)| *known == place) {
            Some(known) if self.is_sqlite() => known.1 = expr,
            Some(_) => return Err(SqlError::at(Problem::Duplicate { name: name.value.clone() }, name.span)),
            None => bound.push((place, expr)),
        }
        Ok(())
    }

    /// The rows that are meant, among those that a view shows.
    fn predicate(
        &mut self,
        selection: Option<&Ast>,
        shown: Option<Expr>,
        scope: &mut Scope<'_>,
    ) -> Bound<Option<Expr>> {
        scope.clause = "WHERE";
        let selected = selection.map(|predicate| self.condition(predicate, scope)).transpose()?;
        Ok(match (shown, selected) {
            (Some(shown), Some(selected)) => Some(Expr::And(vec![shown, selected])),
            (one, other) => one.or(other),
        })
    }

    /// The table that an UPDATE or DELETE names, and its columns in scope.
    fn changed_table(
        &mut self,
        table: &ast::TableWithJoins,
        span: Span,
    ) -> Bound<(Changed, Source, Scope<'static>)> {
        let TableFactor::Table { name, alias, args: None, .. } = &table.relation else {
            return Err(SqlError::at(unsupported("a change of something else than a table"), span));
        };
        if !table.joins.is_empty() {
            return Err(SqlError::at(unsupported("a change of joined tables"), span));
        }
        let source = self.source();
        let changed = self.changed(name, source)?;
        let name = last_part(name)?;
        let scope = self.scope_over(
            changed.columns.clone(),
            alias.as_ref().map_or(name, |alias| &alias.name),
            source,
        );
        Ok((changed, source, scope))
    }

    pub(super) fn scope_of(
        &self,
        definition: &Arc<TableDefinition>,
        name: &ast::Ident,
        source: Source,
    ) -> Scope<'static> {
        self.scope_over(Columns::Table(Arc::clone(definition)), name, source)
    }

    /// The scope of the columns of one table, or view, under a name.
    fn scope_over(&self, columns: Columns, name: &ast::Ident, source: Source) -> Scope<'static> {
        let mut scope = Scope::within(None);
        scope.tables.push(ScopeTable { name: self.new_name(name), source, columns, merged: SmallVec::new() });
        scope
    }

    /// Which rows `FOR UPDATE` locks: those of all tables, or of some.
    pub(super) fn row_lock(&self, locks: &[ast::LockClause], query: &Query) -> Bound<RowLock> {
        let mut sources = Vec::new();
        collect_scans(&query.relation, &mut sources);
        let [lock, rest @ ..] = locks else { return Err(unsupported("no lock").into()) };
        if !rest.is_empty() {
            return Err(unsupported("several locks of one query").into());
        }
        if let Some(of) = &lock.of {
            let id = self.table(last_part(of)?)?.id;
            sources.retain(|(table, _)| *table == id);
        }
        let strength = match lock.lock_type {
            ast::LockType::Share => Strength::Share,
            ast::LockType::Update => Strength::Update,
        };
        let wait = match lock.nonblock {
            None => LockWait::Wait,
            Some(ast::NonBlock::Nowait) => LockWait::NoWait,
            Some(ast::NonBlock::SkipLocked) => LockWait::SkipLocked,
        };
        Ok(RowLock { sources, strength, wait })
    }
}

/// The rows, with the default for a NULL where there must be a value, as SQLite's `OR REPLACE` has it.
fn with_defaults(mut rows: InsertSource, columns: &[usize], definition: &TableDefinition) -> InsertSource {
    for (at, place) in columns.iter().enumerate() {
        let column = &definition.columns[*place];
        let Some(default) = column.default.as_ref().filter(|_| !column.nullable) else { continue };
        let replaced = |given: Expr| {
            Expr::Call(
                Function::Coalesce,
                vec![Expr::Cast(Box::new(given), column.data_type), default.clone()],
            )
        };
        match &mut rows {
            InsertSource::Values(rows) => {
                rows.iter_mut().for_each(|row| row[at] = row[at].take().map(replaced));
            }
            InsertSource::Query(query) => {
                let given = std::mem::replace(&mut query.columns[at].expr, Expr::And(Vec::new()));
                query.columns[at].expr = replaced(given);
            }
        }
    }
    rows
}

/// Whether a name is the word `DEFAULT`.
fn is_default(name: &ast::Ident) -> bool {
    name.quote_style.is_none() && name.value.eq_ignore_ascii_case("default")
}

fn expect_not_computed(definition: &TableDefinition, place: usize, span: Span) -> Bound<()> {
    let refused = definition.expect_not_computed(std::iter::once(place));
    refused.map_err(|error| SqlError::at(Problem::Engine(error), span))
}

/// The columns and the values of an assignment, which may be of several at once.
fn pairs(assignment: &ast::Assignment) -> Bound<(Vec<&ast::ObjectName>, Vec<&Ast>)> {
    let (names, values) = match (&assignment.target, &assignment.value) {
        (ast::AssignmentTarget::ColumnName(name), value) => (vec![name], vec![value]),
        (ast::AssignmentTarget::Tuple(names), Ast::Tuple(values)) => {
            (names.iter().collect(), values.iter().collect())
        }
        (ast::AssignmentTarget::Tuple(names), Ast::Nested(value)) => (names.iter().collect(), vec![&**value]),
        (ast::AssignmentTarget::Tuple(names), value) => (names.iter().collect(), vec![value]),
    };
    if names.len() != values.len() {
        let problem = Problem::ColumnCount { expected: names.len(), got: values.len() };
        return Err(SqlError::at(problem, begin_of(&assignment.value)));
    }
    Ok((names, values))
}

/// The query that several columns are set to.
fn query_of(value: &Ast) -> Option<&ast::Query> {
    match value {
        Ast::Subquery(query) => Some(query),
        Ast::Nested(inner) => query_of(inner),
        _ => None,
    }
}

/// The scans whose rows are rows of the result.
fn collect_scans(relation: &Relation, found: &mut Vec<(nuages_storage::TableId, Source)>) {
    match relation {
        Relation::Scan { table, source } => found.push((*table, *source)),
        Relation::Aggregate { .. } | Relation::Distinct { .. } | Relation::Set { .. } => {}
        other => other.inputs().into_iter().for_each(|input| collect_scans(input, found)),
    }
}

/// Whether a query is nothing but its body.
fn is_plain(query: &ast::Query) -> bool {
    query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none() && query.fetch.is_none()
}
