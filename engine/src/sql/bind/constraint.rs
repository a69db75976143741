//! The constraints of tables: keys, unique ones, checks and foreign keys.

use sqlparser::ast::{
    self, ColumnOption, ConstraintReferenceMatchKind as MatchKind, ReferentialAction, TableConstraint,
};
use sqlparser::tokenizer::Span;

use super::table::{part_of, table_like};
use super::{Binder, Bound, begin_of, last_part, unsupported};
use crate::algebra::Expr;
use crate::catalog::{
    Action, Catalog, KeyConflict, NewForeignKey, NewIndex, NewPart, NewTable, TableDefinition,
};
use crate::sql::beyond::marked;
use crate::sql::error::SqlError;

impl Binder<'_> {
    pub(super) fn column_constraints(&mut self, column: &ast::ColumnDef, table: &mut NewTable) -> Bound<()> {
        let name = self.new_name(&column.name);
        for (at, option) in column.options.iter().enumerate() {
            let given = option.name.as_ref().map(|name| self.new_name(name));
            let on_conflict = conflict_behind(&column.options, at, column.name.span)?;
            match &option.option {
                ColumnOption::PrimaryKey(_) => {
                    table.key_conflict = on_conflict;
                    if !table.primary_key.is_empty() {
                        return Err(SqlError::at(unsupported("a second primary key"), column.name.span));
                    }
                    table.primary_key = vec![name.clone()];
                }
                ColumnOption::Unique(unique) => {
                    let index = given.unwrap_or_else(|| format!("{}_{name}_key", table.name));
                    let mut index = unique_over(index, std::slice::from_ref(&name), table);
                    index.deferred = is_deferred(unique.characteristics.as_ref());
                    index.on_conflict = on_conflict;
                    table.indexes.push(index);
                }
                ColumnOption::Check(check) => {
                    let given = given.or_else(|| check.name.as_ref().map(|name| self.new_name(name)));
                    self.check(given, &check.expr, table)?;
                }
                ColumnOption::ForeignKey(key) => self.foreign_key(given, key, vec![name.clone()], table)?,
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn table_constraint(
        &mut self,
        constraint: &TableConstraint,
        table: &mut NewTable,
    ) -> Bound<()> {
        match constraint {
            TableConstraint::PrimaryKey(key) => {
                if !table.primary_key.is_empty() {
                    return Err(unsupported("a second primary key").into());
                }
                table.primary_key = self.key_columns(&key.columns)?;
                table.key_conflict = conflict_called(marked(&key.index_options), Span::empty())?;
            }
            TableConstraint::Unique(unique) => {
                let columns = self.key_columns(&unique.columns)?;
                let given = unique.name.as_ref().map(|name| self.new_name(name));
                let name = given.unwrap_or_else(|| format!("{}_{}_key", table.name, columns.join("_")));
                let mut index = unique_over(name, &columns, table);
                index.deferred = is_deferred(unique.characteristics.as_ref());
                index.on_conflict = conflict_called(marked(&unique.index_options), Span::empty())?;
                if matches!(unique.nulls_distinct, ast::NullsDistinctOption::NotDistinct) {
                    index.nulls_distinct = false;
                }
                table.indexes.push(index);
            }
            TableConstraint::Check(check) => {
                let given = check.name.as_ref().map(|name| self.new_name(name));
                self.check(given, &check.expr, table)?;
            }
            TableConstraint::ForeignKey(key) => {
                let given = key.name.as_ref().map(|name| self.new_name(name));
                let columns = key.columns.iter().map(|name| self.new_name(name)).collect();
                self.foreign_key(given, key, columns, table)?;
            }
            other => return Err(unsupported(format!("the constraint {other}")).into()),
        }
        Ok(())
    }

    fn key_columns(&self, columns: &[ast::IndexColumn]) -> Bound<Vec<String>> {
        let name = |column: &ast::IndexColumn| match &column.column.expr {
            ast::Expr::Identifier(name) => Ok(self.new_name(name)),
            other => Err(SqlError::at(unsupported("an expression in a key"), begin_of(other))),
        };
        columns.iter().map(name).collect()
    }

    fn check(&mut self, name: Option<String>, expr: &ast::Expr, table: &mut NewTable) -> Bound<()> {
        let scope = self.scope_of_new(table)?;
        let condition = self.condition(expr, &scope)?;
        let name = name.unwrap_or_else(|| check_name(&condition, table, self.catalog));
        table.checks.push(crate::catalog::NewCheck::new(name, condition));
        Ok(())
    }

    fn foreign_key(
        &mut self,
        name: Option<String>,
        key: &ast::ForeignKeyConstraint,
        columns: Vec<String>,
        table: &mut NewTable,
    ) -> Bound<()> {
        let target = last_part(&key.foreign_table)?;
        self.check_match(key.match_kind, &columns, target.span)?;
        let itself = self.means(target, &table.name);
        let (target_name, target_key) = if itself {
            (table.name.clone(), table.primary_key.clone())
        } else {
            let parent = self.table(target)?;
            (parent.name.clone(), parent.column_names(parent.primary_key_columns()))
        };
        let target_columns = if key.referred_columns.is_empty() {
            target_key
        } else if itself {
            key.referred_columns.iter().map(|name| self.new_name(name)).collect()
        } else {
            let parent = self.table(target)?;
            let places = key.referred_columns.iter().map(|name| self.place_of(name, parent));
            parent.column_names(&places.collect::<Bound<Vec<_>>>()?)
        };
        self.take_types(&columns, (target, itself), &target_columns, table)?;
        let name = name.unwrap_or_else(|| format!("{}_{}_fkey", table.name, columns.join("_")));
        let mut new = NewForeignKey::new(name, columns, target_name, target_columns);
        new.on_delete = action(key.on_delete);
        new.on_update = action(key.on_update);
        new.deferred = is_deferred(key.characteristics.as_ref());
        table.foreign_keys.push(new);
        Ok(())
    }

    /// Refuses a MATCH that would mean something else of these columns than `MATCH SIMPLE`. SQLite reads any as that.
    fn check_match(&self, kind: Option<MatchKind>, columns: &[String], span: Span) -> Bound<()> {
        match kind {
            Some(MatchKind::Full) if columns.len() > 1 && !self.is_sqlite() => {
                Err(SqlError::at(unsupported("MATCH FULL of several columns"), span))
            }
            Some(MatchKind::Partial) if !self.is_sqlite() => {
                Err(SqlError::at(unsupported("MATCH PARTIAL"), span))
            }
            _ => Ok(()),
        }
    }

    /// Gives columns without a type that refer to others the types of those.
    fn take_types(
        &self,
        columns: &[String],
        (target, itself): (&ast::Ident, bool),
        target_columns: &[String],
        table: &mut NewTable,
    ) -> Bound<()> {
        for (column, referred) in columns.iter().zip(target_columns) {
            let kind = match itself {
                true => {
                    table.columns.iter().find(|known| known.name == *referred).map(|known| known.data_type)
                }
                false => {
                    let parent = self.table(target)?;
                    let known = parent.columns.iter().find(|known| known.name == *referred && !known.any);
                    known.map(|known| known.data_type)
                }
            };
            let column = table.columns.iter_mut().find(|known| known.name == *column);
            if let (Some(kind), Some(column)) = (kind, column)
                && column.any
                && column.default.is_none()
            {
                (column.data_type, column.any) = (kind, false);
            }
        }
        Ok(())
    }

    /// A constraint that is added to a table that is there.
    pub(in crate::sql) fn added_constraint(
        &mut self,
        constraint: &TableConstraint,
        definition: &TableDefinition,
    ) -> Bound<NewTable> {
        let mut table = table_like(definition);
        self.table_constraint(constraint, &mut table)?;
        Ok(table)
    }

    /// The constraints of a column that is added to a table that is there.
    pub(in crate::sql) fn added_column_constraints(
        &mut self,
        column: &ast::ColumnDef,
        definition: &TableDefinition,
    ) -> Bound<NewTable> {
        let mut table = table_like(definition);
        let new = self.new_column(column)?;
        table.columns.push(new);
        self.column_constraints(column, &mut table)?;
        if !table.primary_key.is_empty() {
            return Err(SqlError::at(unsupported("ADD COLUMN with PRIMARY KEY"), column.name.span));
        }
        Ok(table)
    }
}

/// The name of a check that is given none, as PostgreSQL makes it: by the table and the one column that it reads, and
/// by a number if that is taken, also in the table as it is, where it is there.
fn check_name(condition: &Expr, table: &NewTable, catalog: &Catalog) -> String {
    let mut columns: Vec<usize> = Vec::new();
    add_columns(condition, &mut columns);
    let first = columns.first().filter(|first| columns.iter().all(|place| place == *first));
    let base = match first.and_then(|place| table.columns.get(*place)) {
        Some(column) => format!("{}_{}_check", table.name, column.name),
        None => format!("{}_check", table.name),
    };
    let known = catalog.find_table(&table.name);
    let is_known = |name: &str| known.is_some_and(|it| it.constraint_names().any(|known| known == name));
    let is_taken = |name: &String| is_known(name) || table.checks.iter().any(|check| check.name == *name);
    let numbered = (1..).map(|number| format!("{base}{number}"));
    std::iter::once(base.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(base)
}

fn add_columns(expr: &Expr, found: &mut Vec<usize>) {
    if let Expr::Column(column) = expr {
        found.push(column.index());
    }
    expr.each_child(&mut |child| add_columns(child, found));
}

fn action(action: Option<ReferentialAction>) -> Action {
    match action {
        None | Some(ReferentialAction::NoAction) => Action::NoAction,
        Some(ReferentialAction::Restrict) => Action::Restrict,
        Some(ReferentialAction::Cascade) => Action::Cascade,
        Some(ReferentialAction::SetNull) => Action::SetNull,
        Some(ReferentialAction::SetDefault) => Action::SetDefault,
    }
}

/// What stands of rows in conflict behind the option of a column at a place: only a key can do something with them.
fn conflict_behind(options: &[ast::ColumnOptionDef], at: usize, span: Span) -> Bound<KeyConflict> {
    let Some(ColumnOption::OnConflict(keyword)) = options.get(at + 1).map(|option| &option.option) else {
        return Ok(KeyConflict::Refuse);
    };
    let word = format!("{keyword:?}").to_lowercase();
    let rule = conflict_called(Some(&word), span)?;
    match &options[at].option {
        ColumnOption::PrimaryKey(_) | ColumnOption::Unique(_) => Ok(rule),
        ColumnOption::NotNull if rule == KeyConflict::Refuse => Ok(rule),
        other => {
            let feature = format!("{other} ON CONFLICT {}", word.to_uppercase());
            Err(SqlError::at(unsupported(feature), span))
        }
    }
}

/// The rule that a word stands for behind `ON CONFLICT`.
fn conflict_called(word: Option<&str>, span: Span) -> Bound<KeyConflict> {
    match word {
        None | Some("abort") => Ok(KeyConflict::Refuse),
        Some("ignore") => Ok(KeyConflict::Ignore),
        Some("replace") => Ok(KeyConflict::Replace),
        Some(other) => {
            Err(SqlError::at(unsupported(format!("a key ON CONFLICT {}", other.to_uppercase())), span))
        }
    }
}

fn is_deferred(characteristics: Option<&ast::ConstraintCharacteristics>) -> bool {
    characteristics.is_some_and(|of| of.initially == Some(ast::DeferrableInitial::Deferred))
}

/// A unique index over columns of a new table.
pub(super) fn unique_over(name: String, columns: &[String], table: &NewTable) -> NewIndex {
    let part = |column: &String| {
        let known = table.columns.iter().enumerate().find(|(_, known)| known.name == *column);
        known
            .map_or_else(|| NewPart::column(column), |(place, known)| part_of(column, place, known.collation))
    };
    let mut index = NewIndex::new(name, columns.iter().map(part));
    index.unique = true;
    index
}
