//! ALTER TABLE. The operations of one statement happen whole or not at all, each on what those before it have left: its
//! definition and its rows.

use nuages_storage::DataType;
use sqlparser::ast::{self, AlterColumnOperation, AlterTableOperation};

use super::bind::last_part;
use super::connection::Connection;
use super::error::{Problem, SqlError};
use super::running::while_bound;
use crate::algebra::Expr;
use crate::catalog::{NewCheck, NewColumn, NewForeignKey, NewIndex, NewTable, SchemaId, TableDefinition};
use crate::evaluate::cast_value;
use crate::write::WritingStatement;
use crate::{Error, Outcome};

/// One step of an operation.
enum Step {
    AddColumn(NewColumn),
    DropColumn(String),
    RenameColumn(String, String),
    /// A column, what it becomes, and what its values are computed by if not by a cast.
    ChangeColumn(String, NewColumn, Option<Expr>),
    RenameTable(String),
    AddIndex(NewIndex),
    AddCheck(NewCheck),
    AddForeignKey(NewForeignKey),
    DropConstraint(String),
    RenameConstraint(String, String),
    AddPrimaryKey(Vec<String>),
}

impl Connection {
    /// Runs an ALTER TABLE: each operation is bound to the table as those before it have made it, all of them or none.
    pub(super) fn alter_table(&mut self, alter: &ast::AlterTable) -> Result<Outcome, SqlError> {
        if let [operation] = alter.operations.as_slice() {
            self.bound_once(|schema| self.alter_once(alter, &alter.name, operation, schema))?;
            return Ok(Outcome::default());
        }
        while_bound(|| {
            self.as_one(|connection| {
                let mut name = alter.name.clone();
                for operation in &alter.operations {
                    let schema = connection.catalog()?.schema_id();
                    connection.alter_once(alter, &name, operation, schema)?;
                    if let AlterTableOperation::RenameTable { table_name } = operation {
                        name = renamed(table_name).clone();
                    }
                }
                Ok(Outcome::default())
            })
        })
    }

    /// Takes the steps of one operation.
    fn alter_once(
        &self,
        alter: &ast::AlterTable,
        name: &ast::ObjectName,
        operation: &AlterTableOperation,
        schema: SchemaId,
    ) -> Result<(), SqlError> {
        let table = match self.table_of(name) {
            // There are no users, so nothing has another owner; PostgreSQL's dumps name one of everything.
            _ if matches!(operation, AlterTableOperation::OwnerTo { .. }) => {
                return self
                    .expect_relation(name)
                    .or_else(|error| if alter.if_exists { Ok(()) } else { Err(error) });
            }
            Ok(table) => table,
            Err(_) if alter.if_exists => return Ok(()),
            Err(error) => return Err(error),
        };
        let steps = self.steps_of(operation, &table)?;
        for step in &steps {
            match step {
                Step::RenameTable(_) => self.expect_no_view(&table, None)?,
                Step::DropColumn(column) | Step::RenameColumn(column, _) => {
                    self.expect_no_view(&table, Some(table.column_named(column)?))?;
                }
                _ => {}
            }
        }
        self.change_schema(schema, &mut |writing| {
            // Each step finds the rows as those before have left them.
            steps.iter().enumerate().try_for_each(|(place, step)| {
                if place > 0 {
                    writing.writer().advance();
                }
                take(step, &table.name, writing)
            })
        })
    }

    /// That a table, a view or a sequence has this name.
    fn expect_relation(&self, name: &ast::ObjectName) -> Result<(), SqlError> {
        let ident = last_part(name)?;
        let is_other =
            self.bound(|binder| Ok(binder.view(ident).is_some() || binder.sequence(ident).is_some()))?;
        if is_other { Ok(()) } else { self.table_of(name).map(drop) }
    }

    fn steps_of(
        &self,
        operation: &AlterTableOperation,
        table: &TableDefinition,
    ) -> Result<Vec<Step>, SqlError> {
        let mut steps = Vec::new();
        let unsupported =
            |feature: &str| SqlError::from(Problem::Unsupported { feature: feature.to_owned() });
        let has = |name: &ast::Ident| self.bound(|binder| Ok(binder.place_of(name, table).is_ok()));
        let column = |name: &ast::Ident| {
            let place = self.bound(|binder| binder.place_of(name, table))?;
            Ok::<_, SqlError>(table.columns[place].name.clone())
        };
        let new_name = |name: &ast::Ident| self.bound(|binder| Ok(binder.new_name(name)));
        match operation {
            AlterTableOperation::AddColumn { if_not_exists, column_def, .. } => {
                if !*if_not_exists || !has(&column_def.name)? {
                    steps.push(Step::AddColumn(self.bound(|binder| binder.added_column(column_def, table))?));
                    let constraints =
                        self.bound(|binder| binder.added_column_constraints(column_def, table))?;
                    add_constraints(constraints, &mut steps);
                }
            }
            AlterTableOperation::DropColumn { column_names, if_exists, .. } => {
                for name in column_names {
                    if !*if_exists || has(name)? {
                        steps.push(Step::DropColumn(column(name)?));
                    }
                }
            }
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                steps.push(Step::RenameColumn(column(old_column_name)?, new_name(new_column_name)?));
            }
            AlterTableOperation::RenameTable { table_name } => {
                steps.push(Step::RenameTable(new_name(last_part(renamed(table_name))?)?));
            }
            AlterTableOperation::AddConstraint { constraint, .. } => {
                let added = self.bound(|binder| binder.added_constraint(constraint, table))?;
                if !added.primary_key.is_empty() {
                    for name in &added.primary_key {
                        let place = table.column_named(name)?;
                        let to = column_as_is(table, place).nullable(false);
                        if table.columns[place].nullable {
                            steps.push(Step::ChangeColumn(name.clone(), to, None));
                        }
                    }
                    steps.push(Step::AddPrimaryKey(added.primary_key.clone()));
                }
                add_constraints(added, &mut steps);
            }
            AlterTableOperation::DropConstraint { name, if_exists, .. } => {
                let name = new_name(name)?;
                if !*if_exists || table.constraint_names().any(|known| known == name) {
                    steps.push(Step::DropConstraint(name));
                }
            }
            AlterTableOperation::RenameConstraint { old_name, new_name: to } => {
                steps.push(Step::RenameConstraint(new_name(old_name)?, new_name(to)?));
            }
            AlterTableOperation::AlterColumn { column_name, op } => {
                let place = self.bound(|binder| binder.place_of(column_name, table))?;
                steps.push(self.changed_column(op, table, place, column_name)?);
            }
            other => {
                let text: String = other.to_string().split_whitespace().take(2).collect::<Vec<_>>().join(" ");
                return Err(unsupported(&format!("ALTER TABLE .. {text}")));
            }
        }
        Ok(steps)
    }

    /// A column as an ALTER COLUMN makes it.
    fn changed_column(
        &self,
        operation: &AlterColumnOperation,
        table: &TableDefinition,
        place: usize,
        name: &ast::Ident,
    ) -> Result<Step, SqlError> {
        let column = &table.columns[place];
        let mut new = column_as_is(table, place);
        let mut by_expression = None;
        match operation {
            AlterColumnOperation::SetNotNull => new.nullable = false,
            AlterColumnOperation::DropNotNull => new.nullable = true,
            AlterColumnOperation::DropDefault => new.default = None,
            AlterColumnOperation::SetDefault { value } => {
                new.default = Some(self.bound(|binder| binder.default_of(value, &new))?);
            }
            AlterColumnOperation::SetDataType { data_type, using, .. } => {
                new.data_type = self.bound(|binder| binder.data_type(data_type, name.span))?;
                new.element = self.bound(|binder| binder.element_of(data_type, name.span))?;
                new.enumeration = self.bound(|binder| Ok(binder.enum_of(data_type).cloned()))?;
                let default = new.default.take().map(|default| converted(default, new.data_type));
                new.default =
                    default.transpose().map_err(|error| SqlError::at(Problem::Engine(error), name.span))?;
                new.any = false;
                let by =
                    using.as_ref().map(|by| self.bound(|binder| binder.conversion(by, new.data_type, table)));
                by_expression = by.transpose()?;
            }
            other => {
                let feature = format!("ALTER COLUMN .. {other}");
                return Err(SqlError::at(Problem::Unsupported { feature }, name.span));
            }
        }
        Ok(Step::ChangeColumn(column.name.clone(), new, by_expression))
    }
}

/// A column as it would be created anew.
pub(super) fn column_as_is(table: &TableDefinition, place: usize) -> NewColumn {
    let column = &table.columns[place];
    let mut new = NewColumn::new(column.name.clone(), column.data_type).nullable(column.nullable);
    (new.collation, new.element) = (column.collation, column.element);
    new.enumeration.clone_from(&column.enumeration);
    new.computed = table.computed(place).map(|computed| computed.expr.clone());
    (new.default, new.unsigned, new.max) = (column.default.clone(), column.unsigned, column.max);
    (new.generated, new.always, new.any) = (column.generated_key, column.always, column.any);
    new
}

/// The default of a column that becomes one of another type.
fn converted(default: Expr, to: DataType) -> Result<Expr, Error> {
    Ok(match default {
        Expr::Literal(value) => Expr::Literal(cast_value(value, to)?),
        default => Expr::Cast(Box::new(default), to),
    })
}

/// What a table is to be called.
fn renamed(kind: &ast::RenameTableNameKind) -> &ast::ObjectName {
    let (ast::RenameTableNameKind::To(name) | ast::RenameTableNameKind::As(name)) = kind;
    name
}

fn add_constraints(table: NewTable, steps: &mut Vec<Step>) {
    steps.extend(table.indexes.into_iter().map(Step::AddIndex));
    steps.extend(table.checks.into_iter().map(Step::AddCheck));
    steps.extend(table.foreign_keys.into_iter().map(Step::AddForeignKey));
}

/// Takes one step on the table called `name`.
fn take(step: &Step, name: &str, writing: &mut WritingStatement<'_, '_>) -> Result<(), Error> {
    match step {
        Step::AddColumn(column) => writing.add_column(name, column.clone()),
        Step::DropColumn(column) => writing.drop_column(name, column),
        Step::RenameColumn(from, to) => writing.rename_column(name, from, to),
        Step::ChangeColumn(column, to, by) => writing.change_column_by(name, column, to.clone(), by.as_ref()),
        Step::RenameTable(to) => writing.rename_table(name, to),
        Step::AddIndex(index) => writing.add_index(name, index),
        Step::AddCheck(check) => writing.add_check(name, check.clone()),
        Step::AddForeignKey(key) => writing.add_foreign_key(name, key),
        Step::AddPrimaryKey(columns) => writing.add_primary_key(name, columns),
        Step::DropConstraint(constraint) => writing.drop_constraint(name, constraint),
        Step::RenameConstraint(from, to) => writing.rename_constraint(name, from, to),
    }
}
