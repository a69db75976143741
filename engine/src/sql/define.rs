//! Statements about the schema: what is made and dropped. `alter` is about what changes.

use std::sync::Arc;

use nuages_storage::{Reach, TableId};
use sqlparser::ast::{self, ObjectType};

use super::bind::{Binder, last_part};
use super::connection::{Connection, while_bound};
use super::error::{Problem, SqlError};
use super::parameters::Parameters;
use super::print::Identifier;
use crate::algebra::{Insert, InsertSource, Source, Statement};
use crate::catalog::names::nearest;
use crate::catalog::{Catalog, SchemaId, TableDefinition, TriggerDefinition, ViewDefinition};
use crate::write::{Found, WritingStatement};
use crate::{Error, Outcome, Session};

impl Connection {
    pub(super) fn define(&mut self, statement: &ast::Statement) -> Result<Outcome, SqlError> {
        match statement {
            ast::Statement::CreateTable(create) => {
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
            ast::Statement::AlterTable(alter) => self.bound_once(|schema| self.alter_table(alter, schema)),
            ast::Statement::Drop { object_type, if_exists, names, .. } => {
                names.iter().try_for_each(|name| {
                    self.bound_once(|schema| self.drop_object((*object_type, *if_exists), name, schema))
                })?;
                Ok(Outcome::default())
            }
            ast::Statement::Truncate(truncate) => self.truncate(truncate),
            other => {
                let text = other.to_string();
                let words: Vec<&str> = text.split_whitespace().take(2).collect();
                Err(Problem::Unsupported { feature: words.join(" ") }.into())
            }
        }
    }

    /// Calls `f`, which looks names up and does something of it at once, with the schema that it finds; and again while
    /// somebody changes that in between.
    fn bound_once<T>(&self, f: impl Fn(SchemaId) -> Result<T, SqlError>) -> Result<T, SqlError> {
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
        let catalog = self.catalog()?;
        let mut parameters = Parameters::of(&[]);
        f(&mut Binder::new(&catalog, self.dialect, &mut parameters))
    }

    /// The table that a name means.
    pub(super) fn table_of(&self, name: &ast::ObjectName) -> Result<Arc<TableDefinition>, SqlError> {
        self.bound(|binder| binder.table(last_part(name)?).cloned())
    }

    fn create_table(&self, create: &ast::CreateTable, schema: SchemaId) -> Result<Outcome, SqlError> {
        if create.if_not_exists && self.table_of(&create.name).is_ok() {
            return Ok(Outcome::default());
        }
        if let Some(query) = &create.query {
            return self.create_table_as(last_part(&create.name)?, &create.columns, query, schema);
        }
        let table = self.bound(|binder| binder.new_table(create))?;
        self.under(schema).create_table(table)?;
        Ok(Outcome::default())
    }

    /// `CREATE TABLE .. AS query`: a table of the query's columns, with its rows, as one statement.
    fn create_table_as(
        &self,
        name: &ast::Ident,
        columns: &[ast::ColumnDef],
        query: &ast::Query,
        schema: SchemaId,
    ) -> Result<Outcome, SqlError> {
        let (table, query) = self.bound(|binder| binder.table_of_query(name, columns, query))?;
        let (mut found, mut outcome) = (Found::default(), Outcome::default());
        self.change_schema(schema, &mut |writing| {
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
        Ok(outcome)
    }

    /// `SELECT .. INTO table`: PostgreSQL's other way to say `CREATE TABLE .. AS`.
    pub(super) fn select_into(&self, query: &ast::Query) -> Result<Outcome, SqlError> {
        let mut query = query.clone();
        let into = match &mut *query.body {
            ast::SetExpr::Select(select) => select.into.take(),
            _ => None,
        };
        let targets = into.map(|into| into.targets).unwrap_or_default();
        let name = match targets.as_slice() {
            [ast::Expr::Identifier(name)] => name.clone(),
            [ast::Expr::CompoundIdentifier(parts)] => {
                last_part(&ast::ObjectName::from(parts.clone()))?.clone()
            }
            _ => return Err(Problem::Unsupported { feature: "SELECT INTO such a target".to_owned() }.into()),
        };
        self.bound_once(|schema| self.create_table_as(&name, &[], &query, schema))
    }

    /// `TRUNCATE`: every row is deleted. Tables whose rows refer to these must be truncated too, or are with CASCADE. Keys
    /// go on where they were.
    fn truncate(&mut self, truncate: &ast::Truncate) -> Result<Outcome, SqlError> {
        if matches!(truncate.identity, Some(ast::TruncateIdentityOption::Restart)) {
            let feature = "TRUNCATE .. RESTART IDENTITY, by which keys would be used twice,".to_owned();
            return Err(Problem::Unsupported { feature }.into());
        }
        let cascades = matches!(truncate.cascade, Some(ast::CascadeOption::Cascade));
        let mut tables = Vec::new();
        for target in &truncate.table_names {
            let table = self.table_of(&target.name)?;
            if !tables.contains(&table.id) {
                tables.push(table.id);
            }
        }
        let catalog = self.catalog()?;
        let mut at = 0;
        while let Some(table) = tables.get(at).and_then(|id| catalog.table(*id)) {
            at += 1;
            for reference in &table.referenced_by {
                if tables.contains(&reference.table) {
                    continue;
                }
                if !cascades {
                    let by = catalog.table(reference.table).map(|by| by.name.clone()).unwrap_or_default();
                    return Err(Problem::Referred { name: table.name.clone(), by }.into());
                }
                tables.push(reference.table);
            }
        }
        self.delete_all(&tables)?;
        Ok(Outcome::default())
    }

    /// Deletes every row of some tables, those first that no other refers to: all of it, or nothing.
    fn delete_all(&mut self, tables: &[TableId]) -> Result<(), SqlError> {
        let is_own = self.open.is_none();
        if is_own {
            self.begin(&[])?;
        }
        let catalog = self.catalog()?;
        let mut left: Vec<_> = tables.iter().filter_map(|id| catalog.table(*id)).collect();
        while !left.is_empty() {
            let is_referred = |table: &TableDefinition| {
                let mut others = table.referenced_by.iter().filter(|by| by.table != table.id);
                others.any(|by| left.iter().any(|other| other.id == by.table))
            };
            let next = left.iter().position(|table| !is_referred(table)).unwrap_or(0);
            let table = left.remove(next);
            let deleted = self.execute(&format!("DELETE FROM {}", Identifier(&table.name)), &[]);
            if let Err(error) = deleted {
                if is_own {
                    self.rollback()?;
                }
                return Err(error);
            }
        }
        if is_own { self.commit() } else { Ok(()) }
    }

    fn create_view(&self, create: &ast::CreateView, schema: SchemaId) -> Result<Outcome, SqlError> {
        if create.materialized {
            return Err(Problem::Unsupported { feature: "a materialized view".to_owned() }.into());
        }
        let name = last_part(&create.name)?;
        let view = self.bound(|binder| {
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
        if let Some(view) = view {
            let or_replace = create.or_replace;
            self.change_schema(schema, &mut |writing| writing.create_view(view.clone(), or_replace))?;
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

    fn drop_object(
        &self,
        (kind, if_exists): (ObjectType, bool),
        name: &ast::ObjectName,
        schema: SchemaId,
    ) -> Result<(), SqlError> {
        let ident = last_part(name)?;
        match kind {
            ObjectType::Table => match self.table_of(name) {
                Ok(table) => Ok(self.under(schema).drop_table(&table.name)?),
                Err(_) if if_exists => Ok(()),
                Err(error) => Err(error),
            },
            ObjectType::View => {
                let view = self.bound(|binder| Ok(binder.view(ident).cloned()))?;
                match view {
                    Some(view) => self.change_schema(schema, &mut |writing| writing.drop_view(&view.name)),
                    None if if_exists => Ok(()),
                    None => {
                        let name = ident.value.clone();
                        Err(SqlError::at(Problem::Unknown { kind: "view", name }, ident.span))
                    }
                }
            }
            ObjectType::Index => {
                let catalog = self.catalog()?;
                match self.index_of(&catalog, ident) {
                    Ok((table, index)) => Ok(self.under(schema).drop_index(&table, &index)?),
                    Err(_) if if_exists => Ok(()),
                    Err(error) => Err(error),
                }
            }
            other => Err(Problem::Unsupported { feature: format!("DROP {other}") }.into()),
        }
    }

    /// The table and the name of an index.
    fn index_of(&self, catalog: &Catalog, name: &ast::Ident) -> Result<(String, String), SqlError> {
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
