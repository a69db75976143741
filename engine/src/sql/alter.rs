//! ALTER TABLE. The operations of one statement happen whole or not at all.

use sqlparser::ast::{self, AlterColumnOperation, AlterTableOperation};

use super::bind::last_part;
use super::connection::Connection;
use super::error::{Problem, SqlError};
use crate::algebra::Expr;
use crate::catalog::{NewCheck, NewColumn, NewForeignKey, NewIndex, SchemaId, TableDefinition};
use crate::write::WritingStatement;
use crate::{Error, Outcome};

/// One step of a change of a table, which is named by what it is called after the steps before.
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
}

impl Connection {
    pub(super) fn alter_table(&self, alter: &ast::AlterTable, schema: SchemaId) -> Result<Outcome, SqlError> {
        let table = match self.table_of(&alter.name) {
            Ok(table) => table,
            Err(_) if alter.if_exists => return Ok(Outcome::default()),
            Err(error) => return Err(error),
        };
        let mut steps = Vec::with_capacity(alter.operations.len());
        for operation in &alter.operations {
            self.steps_of(operation, &table, &mut steps)?;
        }
        self.change_schema(schema, &mut |writing| {
            let mut name = table.name.clone();
            for (place, step) in steps.iter().enumerate() {
                // Each step finds the rows as those before have left them.
                if place > 0 {
                    writing.writer().advance();
                }
                take(step, &mut name, writing)?;
            }
            Ok(())
        })?;
        Ok(Outcome::default())
    }

    fn steps_of(
        &self,
        operation: &AlterTableOperation,
        table: &TableDefinition,
        steps: &mut Vec<Step>,
    ) -> Result<(), SqlError> {
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
                    self.add_constraints(constraints, steps);
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
                let (ast::RenameTableNameKind::To(name) | ast::RenameTableNameKind::As(name)) = table_name;
                steps.push(Step::RenameTable(new_name(last_part(name)?)?));
            }
            AlterTableOperation::AddConstraint { constraint, .. } => {
                let added = self.bound(|binder| binder.added_constraint(constraint, table))?;
                if !added.primary_key.is_empty() {
                    return Err(unsupported("ADD PRIMARY KEY"));
                }
                self.add_constraints(added, steps);
            }
            AlterTableOperation::DropConstraint { name, if_exists, .. } => {
                let name = new_name(name)?;
                if !*if_exists || table.constraint_names().any(|known| known == name) {
                    steps.push(Step::DropConstraint(name));
                }
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
        Ok(())
    }

    fn add_constraints(&self, table: crate::catalog::NewTable, steps: &mut Vec<Step>) {
        steps.extend(table.indexes.into_iter().map(Step::AddIndex));
        steps.extend(table.checks.into_iter().map(Step::AddCheck));
        steps.extend(table.foreign_keys.into_iter().map(Step::AddForeignKey));
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
        let mut new = NewColumn::new(column.name.clone(), column.data_type).nullable(column.nullable);
        (new.collation, new.element) = (column.collation, column.element);
        new.computed = table.computed(place).map(|computed| computed.expr.clone());
        (new.default, new.unsigned, new.max) = (column.default.clone(), column.unsigned, column.max);
        (new.generated, new.always, new.any) = (column.generated_key, column.always, column.any);
        let mut by_expression = None;
        match operation {
            AlterColumnOperation::SetNotNull => new.nullable = false,
            AlterColumnOperation::DropNotNull => new.nullable = true,
            AlterColumnOperation::DropDefault => new.default = None,
            AlterColumnOperation::SetDefault { value } => {
                new.default =
                    Some(self.bound(|binder| binder.default_of(value, column.data_type, column.element))?);
            }
            AlterColumnOperation::SetDataType { data_type, using, .. } => {
                new.data_type = self.bound(|binder| binder.data_type(data_type, name.span))?;
                new.element = self.bound(|binder| binder.element_of(data_type, name.span))?;
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

/// Takes one step on the table called `name`.
fn take(step: &Step, name: &mut String, writing: &mut WritingStatement<'_, '_>) -> Result<(), Error> {
    match step {
        Step::AddColumn(column) => writing.add_column(name, column.clone()),
        Step::DropColumn(column) => writing.drop_column(name, column),
        Step::RenameColumn(from, to) => writing.rename_column(name, from, to),
        Step::ChangeColumn(column, to, by) => writing.change_column_by(name, column, to.clone(), by.as_ref()),
        Step::RenameTable(to) => {
            writing.rename_table(name, to)?;
            name.clone_from(to);
            Ok(())
        }
        Step::AddIndex(index) => writing.add_index(name, index),
        Step::AddCheck(check) => writing.add_check(name, check.clone()),
        Step::AddForeignKey(key) => writing.add_foreign_key(name, key),
        Step::DropConstraint(constraint) => writing.drop_constraint(name, constraint),
    }
}
