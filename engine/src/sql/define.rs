//! Statements about the schema: what is made. `alter` is about what changes, `drop` about what goes.

use std::sync::Arc;

use nuages_storage::Reach;
use sqlparser::ast;

use super::bind::{Binder, SchemaOf, Sight, last_part, schema_in};
use super::connection::Connection;
use super::error::{Problem, SqlError};
use super::parameters::Parameters;
use super::parse::{NESTING_MAX, SHALLOW_NESTING_MAX, with_deep_stack};
use super::running::while_bound;
use crate::algebra::{Insert, InsertSource, Source, Statement};
use crate::catalog::names::nearest;
use crate::catalog::temporary::Temporary;
use crate::catalog::{Catalog, NewTable, SchemaId, TableDefinition, TriggerDefinition, ViewDefinition};
use crate::write::{Found, WritingStatement};
use crate::{Error, Outcome, Session};

/// A view that is to be made.
#[derive(Debug)]
pub(super) struct NewView {
    /// None if there is one of that name, and that is well.
    view: Option<ViewDefinition>,
    or_replace: bool,
}

impl Connection {
    pub(super) fn define(&mut self, statement: &ast::Statement) -> Result<Outcome, SqlError> {
        match statement {
            ast::Statement::CreateTable(create) => {
                if create.temporary || is_temporary(&create.name) {
                    self.hold_temporary_tables();
                }
                self.bound_once(|schema| self.create_table(create, schema))
            }
            ast::Statement::CreateIndex(create) => {
                self.bound_once(|schema| self.create_index(create, schema))
            }
            ast::Statement::CreateView(create) => self.bound_once(|schema| self.create_view(create, schema)),
            ast::Statement::CreateTrigger(create) => {
                self.bound_once(|schema| self.create_trigger(create, schema))
            }
            ast::Statement::DropTrigger(drop) => self.bound_once(|schema| self.drop_trigger(drop, schema)),
            ast::Statement::AlterTable(alter) => self.alter_table(alter),
            ast::Statement::Drop { object_type, if_exists, names, cascade, .. } => {
                let what = (*object_type, *if_exists, *cascade);
                self.bound_once(|schema| self.drop_objects(what, names, schema))
            }
            ast::Statement::CreateType { name, representation } if !self.dialect.is_sqlite() => {
                self.bound_once(|schema| self.create_type(name, representation.as_ref(), schema))
            }
            ast::Statement::AlterType(alter) => self.bound_once(|schema| self.alter_type(alter, schema)),
            ast::Statement::Comment { object_type, object_name, comment, .. } => self
                .bound_once(|schema| self.comment_on(*object_type, object_name, comment.as_deref(), schema)),
            ast::Statement::AlterIndex { name, operation } => {
                self.bound_once(|schema| self.alter_index(name, operation, schema))
            }
            ast::Statement::Truncate(truncate) => self.bound_once(|schema| self.truncate(truncate, schema)),
            other => {
                let text = other.to_string();
                let words: Vec<&str> = text.split_whitespace().take(2).collect();
                Err(Problem::Unsupported { feature: words.join(" ") }.into())
            }
        }
    }

    /// Calls `f`, which looks names up and does something of it at once, with the schema that it finds; and again while
    /// somebody changes that in between.
    pub(super) fn bound_once<T>(&self, f: impl Fn(SchemaId) -> Result<T, SqlError>) -> Result<T, SqlError> {
        while_bound(|| f(self.catalog()?.schema_id()))
    }

    /// Runs a change of the schema as one statement.
    pub(super) fn change_schema(
        &self,
        schema: SchemaId,
        f: &mut dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error>,
    ) -> Result<(), SqlError> {
        let session = self.under(schema);
        Ok(session.write(Reach::Long, &session.interrupt(), f)?)
    }

    /// Calls `f` with a binder of what the session sees now.
    pub(super) fn bound<T>(
        &self,
        f: impl FnOnce(&mut Binder<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        self.bound_nesting(SHALLOW_NESTING_MAX, f)
    }

    /// The same, with room for texts of views that are nested so deep.
    fn bound_nesting<T>(
        &self,
        nesting_max: usize,
        f: impl FnOnce(&mut Binder<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let catalog = self.catalog()?;
        let mut parameters = Parameters::of(&[]);
        f(&mut Binder::new(&catalog, self.dialect, &mut parameters).nesting(nesting_max))
    }

    /// The table that a name means.
    pub(super) fn table_of(&self, name: &ast::ObjectName) -> Result<Arc<TableDefinition>, SqlError> {
        let table = self.bound(|binder| binder.table_at(name).cloned())?;
        // What is done to a table by its name would be done to the other.
        let is_hidden = |other: &Arc<TableDefinition>| other.id != table.id && other.name == table.name;
        if self.catalog()?.temporary_tables().any(is_hidden) {
            let ident = last_part(name)?;
            return Err(SqlError::at(Problem::Hidden { name: table.name.clone() }, ident.span));
        }
        Ok(table)
    }

    fn create_table(&self, create: &ast::CreateTable, schema: SchemaId) -> Result<Outcome, SqlError> {
        let is_temporary = create.temporary || is_temporary(&create.name);
        let temporary = self.new_temporary(is_temporary, create.on_commit.as_ref())?;
        let name = last_part(&create.name)?;
        if is_temporary && schema_in(&create.name) == Some(SchemaOf::Permanent) {
            let feature = "a TEMPORARY table in a schema of tables that stay".to_owned();
            return Err(SqlError::at(Problem::Unsupported { feature }, name.span));
        }
        let home = if is_temporary { SchemaOf::Temporary } else { SchemaOf::Permanent };
        if create.if_not_exists && self.bound(|binder| Ok(binder.table_in(name, Some(home)).is_ok()))? {
            return Ok(Outcome::default());
        }
        if let Some(query) = &create.query {
            return self.create_table_as(name, &create.columns, query, temporary, schema);
        }
        let mut table = self.bound(|binder| binder.new_table(create))?;
        table.temporary = temporary;
        self.change_schema(schema, &mut |writing| {
            drop_forsaken(&table, writing);
            writing.create_table(table.clone()).map(drop)
        })?;
        self.clear_behind_statement()?;
        Ok(Outcome::default())
    }

    /// `CREATE TABLE .. AS query`: a table of the query's columns, with its rows, as one statement.
    fn create_table_as(
        &self,
        name: &ast::Ident,
        columns: &[ast::ColumnDef],
        query: &ast::Query,
        temporary: Option<Temporary>,
        schema: SchemaId,
    ) -> Result<Outcome, SqlError> {
        let (mut table, query) = self.bound(|binder| binder.table_of_query(name, columns, query))?;
        table.temporary = temporary;
        let (mut found, mut outcome) = (Found::default(), Outcome::default());
        self.change_schema(schema, &mut |writing| {
            drop_forsaken(&table, writing);
            let insert = Insert {
                table: writing.create_table(table.clone())?,
                columns: (0..table.columns.len()).collect(),
                rows: InsertSource::Query(Box::new(query.clone())),
                conflict: None,
                source: Source::new(0),
                returning: Vec::new(),
            };
            let context = writing.context();
            outcome = writing.run(&Statement::Insert(insert), &mut found, &context)?;
            Ok(())
        })?;
        self.clear_behind_statement()?;
        Ok(outcome)
    }

    /// `SELECT .. INTO table`: PostgreSQL's other way to say `CREATE TABLE .. AS`.
    pub(super) fn select_into(&mut self, query: &ast::Query) -> Result<Outcome, SqlError> {
        let mut query = query.clone();
        let into = match &mut *query.body {
            ast::SetExpr::Select(select) => select.into.take(),
            _ => None,
        };
        let mut is_temporary = into.as_ref().is_some_and(|into| into.temporary);
        let targets = into.map(|into| into.targets).unwrap_or_default();
        let name = match targets.as_slice() {
            [ast::Expr::Identifier(name)] => name.clone(),
            [ast::Expr::CompoundIdentifier(parts)] => {
                let name = ast::ObjectName::from(parts.clone());
                is_temporary |= self::is_temporary(&name);
                last_part(&name)?.clone()
            }
            _ => return Err(Problem::Unsupported { feature: "SELECT INTO such a target".to_owned() }.into()),
        };
        if is_temporary {
            self.hold_temporary_tables();
        }
        self.bound_once(|schema| {
            let temporary = self.new_temporary(is_temporary, None)?;
            self.create_table_as(&name, &[], &query, temporary, schema)
        })
    }

    fn create_view(&self, create: &ast::CreateView, schema: SchemaId) -> Result<Outcome, SqlError> {
        let view = match self.new_view(create, SHALLOW_NESTING_MAX) {
            // A view in it may be.
            Err(error) if error.is_too_deep() => with_deep_stack(|| self.new_view(create, NESTING_MAX)),
            view => view,
        };
        self.make_view(&view?, schema)
    }

    /// What a `CREATE VIEW` makes.
    pub(super) fn new_view(&self, create: &ast::CreateView, nesting_max: usize) -> Result<NewView, SqlError> {
        if create.materialized {
            return Err(Problem::Unsupported { feature: "a materialized view".to_owned() }.into());
        }
        // It would stay. In SQLite's scripts they are many, and a view keeps no rows.
        if create.temporary && !self.dialect.is_sqlite() {
            return Err(Problem::Unsupported { feature: "a TEMPORARY view".to_owned() }.into());
        }
        let name = last_part(&create.name)?;
        let view = self.bound_nesting(nesting_max, |binder| {
            binder.sight = Sight::Permanent;
            if create.if_not_exists && binder.view(name).is_some() {
                return Ok(None);
            }
            // It is bound once to see that it can be.
            let bound = binder.query(&create.query, None)?;
            if create.columns.len() > bound.shape.len() {
                let problem = Problem::ColumnCount { expected: bound.shape.len(), got: create.columns.len() };
                return Err(SqlError::at(problem, name.span));
            }
            Ok(Some(ViewDefinition {
                name: binder.new_name(name),
                columns: create.columns.iter().map(|column| binder.new_name(&column.name)).collect(),
                sql: create.query.to_string(),
                dialect: binder.dialect,
            }))
        })?;
        Ok(NewView { view, or_replace: create.or_replace })
    }

    /// Makes a view on the schema that it was bound to.
    pub(super) fn make_view(&self, new: &NewView, schema: SchemaId) -> Result<Outcome, SqlError> {
        if let Some(view) = &new.view {
            self.change_schema(schema, &mut |writing| writing.create_view(view.clone(), new.or_replace))?;
        }
        Ok(Outcome::default())
    }

    /// Triggers that only read do nothing, and are kept by name; one that writes is refused.
    fn create_trigger(&self, create: &ast::CreateTrigger, schema: SchemaId) -> Result<Outcome, SqlError> {
        let name = last_part(&create.name)?;
        let is_read = |statement: &ast::Statement| matches!(statement, ast::Statement::Query(_));
        let only_reads = match (&create.exec_body, &create.statements) {
            (None, Some(body)) => body.statements().iter().all(is_read),
            _ => false,
        };
        if !only_reads {
            let feature = "a trigger that does more than read".to_owned();
            return Err(SqlError::at(Problem::Unsupported { feature }, name.span));
        }
        let table = self.table_of(&create.table_name)?;
        if table.id.is_temporary() {
            let feature = "a trigger of a temporary table".to_owned();
            return Err(SqlError::at(Problem::Unsupported { feature }, name.span));
        }
        let trigger = TriggerDefinition {
            name: self.bound(|binder| Ok(binder.new_name(name)))?,
            table: table.id,
            sql: create.to_string(),
        };
        let mut triggers: Vec<_> = self.catalog()?.triggers().cloned().collect();
        if triggers.iter().any(|known| known.name.eq_ignore_ascii_case(&trigger.name)) {
            return Err(SqlError::at(Problem::Duplicate { name: trigger.name }, name.span));
        }
        triggers.push(Arc::new(trigger));
        self.replace_triggers(name, &triggers, schema)
    }

    fn drop_trigger(&self, dropped: &ast::DropTrigger, schema: SchemaId) -> Result<Outcome, SqlError> {
        let name = last_part(&dropped.trigger_name)?;
        let mut triggers: Vec<_> = self.catalog()?.triggers().cloned().collect();
        match triggers.iter().position(|known| known.name.eq_ignore_ascii_case(&name.value)) {
            Some(place) => drop(triggers.remove(place)),
            None if dropped.if_exists => return Ok(Outcome::default()),
            None => {
                let problem = Problem::Unknown { kind: "trigger", name: name.value.clone() };
                return Err(SqlError::at(problem, name.span));
            }
        }
        self.replace_triggers(name, &triggers, schema)
    }

    fn replace_triggers(
        &self,
        name: &ast::Ident,
        triggers: &[Arc<TriggerDefinition>],
        schema: SchemaId,
    ) -> Result<Outcome, SqlError> {
        self.change_schema(schema, &mut |writing| writing.replace_triggers(&name.value, triggers.to_vec()))?;
        Ok(Outcome::default())
    }

    fn create_index(&self, create: &ast::CreateIndex, schema: SchemaId) -> Result<Outcome, SqlError> {
        let table = self.table_of(&create.table_name)?;
        let index = self.bound(|binder| binder.new_index(create, &table))?;
        if create.if_not_exists && self.catalog()?.index_named(&index.name).is_some() {
            return Ok(Outcome::default());
        }
        self.under(schema).add_index(&table.name, index)?;
        Ok(Outcome::default())
    }

    /// `ALTER INDEX name RENAME TO name`.
    fn alter_index(
        &self,
        name: &ast::ObjectName,
        ast::AlterIndexOperation::RenameIndex { index_name: to }: &ast::AlterIndexOperation,
        schema: SchemaId,
    ) -> Result<Outcome, SqlError> {
        let catalog = self.catalog()?;
        let (table, index) = self.index_of(&catalog, last_part(name)?)?;
        let to = last_part(to)?;
        let to = self.bound(|binder| Ok(binder.new_name(to)))?;
        self.change_schema(schema, &mut |writing| writing.rename_index(&table, &index, &to))?;
        Ok(Outcome::default())
    }

    /// The table and the name of an index.
    pub(super) fn index_of(
        &self,
        catalog: &Catalog,
        name: &ast::Ident,
    ) -> Result<(String, String), SqlError> {
        let wanted = self.bound(|binder| Ok(binder.new_name(name)))?;
        let indexes = || {
            let of = |table: &'_ Arc<TableDefinition>| {
                let table = Arc::clone(table);
                let names: Vec<_> =
                    table.indexes.iter().map(|index| (table.name.clone(), index.name.clone())).collect();
                names
            };
            catalog.tables().flat_map(of)
        };
        let matches = |name: &str| {
            if self.dialect.is_sqlite() { wanted.eq_ignore_ascii_case(name) } else { wanted == name }
        };
        if let Some(found) = indexes().find(|(_, name)| matches(name)) {
            return Ok(found);
        }
        let names: Vec<String> = indexes().map(|(_, name)| name).collect();
        let nearest = nearest(&wanted, names.iter().map(String::as_str));
        Err(SqlError::at(Problem::UnknownIndex { name: wanted, nearest }, name.span))
    }

    /// Indexes are never out of order, so there is nothing to do but to see whether what is named is there.
    pub(super) fn reindex(&mut self, name: Option<&ast::Ident>) -> Result<Outcome, SqlError> {
        if let Some(name) = name {
            let catalog = self.catalog()?;
            let is_table = self.bound(|binder| Ok(binder.table(name).is_ok()))?;
            if !is_table {
                self.index_of(&catalog, name)?;
            }
        }
        Ok(Outcome::default())
    }
}

/// Whether a name says that what is made by it is to be temporary.
fn is_temporary(name: &ast::ObjectName) -> bool {
    schema_in(name) == Some(SchemaOf::Temporary)
}

/// Before a temporary table is made, those go that connections have left. If they cannot go now, they stay for the next.
fn drop_forsaken(table: &NewTable, writing: &mut WritingStatement<'_, '_>) {
    if table.temporary.is_some() {
        writing.drop_forsaken_tables().ok();
    }
}
