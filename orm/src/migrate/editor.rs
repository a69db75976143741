//! Operations as changes of tables, through the engine's definitions.
//!
//! An index or key of a field is found by its columns and not by its name, so that a table may have been renamed since
//! it was made.

use nuages_engine::{
    Session,
    algebra::Expr,
    catalog::{Action, NewColumn, NewForeignKey, NewIndex, NewTable, TableDefinition},
};
use nuages_storage::DataType;

use super::{
    operation::Operation,
    rules::{Filling, indexes_over},
    state::{ConstraintState, DatabaseAction, FieldState, FieldStateKind, ModelState, ProjectState, key_of},
};
use crate::error::{Misuse, Result};

/// Changes the tables of a session's database as an operation says, between these states.
pub(super) struct Editor<'a> {
    pub(super) session: &'a dyn Session,
    pub(super) before: &'a ProjectState,
    pub(super) after: &'a ProjectState,
}

impl Editor<'_> {
    /// Code is not among what it does.
    pub(super) fn apply(&self, operation: &Operation) -> Result<()> {
        // The table of a model that is not managed is somebody else's, before as after.
        let is_theirs = |label: &str| {
            let model = self.before.model(label).or_else(|_| self.after.model(label));
            model.is_ok_and(|model| !model.is_managed())
        };
        if operation.model().is_some_and(|label| is_theirs(&label)) {
            return Ok(());
        }
        match operation {
            Operation::CreateModel(model) => self.create(model),
            Operation::DeleteModel { model } => self.delete(self.before.model(model)?),
            Operation::AddField { model, name, field } => {
                self.add(self.before.model(model)?, self.after.model(model)?, name, field)
            }
            Operation::RemoveField { model, name } => {
                let (before, after) = (self.before.model(model)?, self.after.model(model)?);
                self.remove(before, after, name)
            }
            Operation::AlterField { model, name, field } => {
                let (before, after) = (self.before.model(model)?, self.after.model(model)?);
                self.alter(before, after, before.field_named(name)?, field)
            }
            Operation::RenameField { model, from, to } => {
                let (old, new) = (self.before.model(model)?, self.after.model(model)?);
                let (old_field, new_field) = (old.field_named(from)?, new.field_named(to)?);
                if let FieldStateKind::ManyToMany { .. } = old_field.kind {
                    let (from, to) = (pairs_name(old, from), pairs_name(new, to));
                    return Ok(self.session.rename_table(&from, &to)?);
                }
                match old_field.column == new_field.column {
                    true => Ok(()),
                    false => {
                        Ok(self.session.rename_column(&old.table, &old_field.column, &new_field.column)?)
                    }
                }
            }
            Operation::RenameModel { model, name } => self.rename_model(model, name),
            Operation::RenameTable { model, table } => self.rename(self.before.model(model)?, table),
            Operation::AlterOptions { .. } | Operation::Run(_) => Ok(()),
            Operation::AlterUniqueTogether { model, sets } => {
                self.unique_together(self.before.model(model)?, self.after.model(model)?, sets)
            }
            Operation::AddIndex { model, name, index } => {
                self.add_index(&self.after.model(model)?.table, name, index)
            }
            Operation::RemoveIndex { model, name } => {
                Ok(self.session.drop_index(&self.after.model(model)?.table, name)?)
            }
            Operation::AddConstraint { model, name, constraint } => {
                self.add_constraint(&self.after.model(model)?.table, name, constraint)
            }
            Operation::RemoveConstraint { model, name } => {
                let table = &self.after.model(model)?.table;
                match self.before.model(model)?.constraints.get(name) {
                    Some(ConstraintState::Check(_)) => Ok(self.session.drop_constraint(table, name)?),
                    _ => Ok(self.session.drop_index(table, name)?),
                }
            }
        }
    }

    /// The definition of a table as it is now.
    pub(super) fn table<T>(&self, name: &str, read: impl FnOnce(&TableDefinition) -> Result<T>) -> Result<T> {
        let catalog = self.session.catalog()?;
        read(catalog.table_named(name)?)
    }

    fn create(&self, model: &ModelState) -> Result<()> {
        let columns = model.fields.values().filter(|field| has_column(field));
        let mut table = NewTable::new(&model.table);
        for field in columns.clone() {
            table = table.column(self.column(field, true)?);
        }
        let key = columns.clone().filter(|field| field.primary_key).map(|field| field.column.clone());
        self.session.create_table(table.primary_key(key))?;
        for (name, field) in &model.fields {
            match has_column(field) {
                true => self.add_keys(model, field)?,
                false => self.add_pairs(model, name, field)?,
            }
        }
        self.add_rules(model)
    }

    fn delete(&self, model: &ModelState) -> Result<()> {
        for (name, _) in model.fields.iter().filter(|(_, field)| !has_column(field)) {
            self.session.drop_table(&pairs_name(model, name))?;
        }
        Ok(self.session.drop_table(&model.table)?)
    }

    fn rename(&self, model: &ModelState, table: &str) -> Result<()> {
        let renamed = ModelState { table: table.to_owned(), ..model.clone() };
        for (name, _) in model.fields.iter().filter(|(_, field)| !has_column(field)) {
            self.session.rename_table(&pairs_name(model, name), &pairs_name(&renamed, name))?;
        }
        Ok(self.session.rename_table(&model.table, table)?)
    }

    /// The table of a model that has another name now, and the columns of pairs that are named after it.
    fn rename_model(&self, label: &str, name: &str) -> Result<()> {
        let old = self.before.model(label)?;
        let new = self.after.model(&ModelState { name: name.to_owned(), ..old.clone() }.label())?;
        if old.table != new.table {
            self.rename(old, &new.table)?;
        }
        for model in self.after.models.values() {
            for (field, description) in &model.fields {
                let FieldStateKind::ManyToMany { to } = &description.kind else { continue };
                let target = self.after.model(to)?;
                let was = |side: &'_ ModelState| side.label() == new.label();
                let (near, far) =
                    (if was(model) { old } else { model }, if was(target) { old } else { target });
                let (before, after) = (pair_columns(near, far), pair_columns(model, target));
                for (before, after) in before.iter().zip(&after).filter(|(before, after)| before != after) {
                    self.session.rename_column(&pairs_name(model, field), before, after)?;
                }
            }
        }
        Ok(())
    }

    fn add(&self, before: &ModelState, model: &ModelState, name: &str, field: &FieldState) -> Result<()> {
        if !has_column(field) {
            return self.add_pairs(model, name, field);
        }
        if field.primary_key {
            return self.remake(before, model);
        }
        let column = self.column(field, false)?;
        match &field.default {
            _ if field.generated.is_some() => {
                self.session.add_column(&model.table, column.clone().nullable(true))?;
                self.compute(&model.table, field)?;
                self.session.change_column(&model.table, &field.column, column)?;
            }
            // Rows that are there get the default; rows that come later are the program's business.
            Some(default) if field.db_default.is_none() => {
                let filled = column.clone().default(Expr::Literal(default.clone()));
                self.session.add_column(&model.table, filled)?;
                self.session.change_column(&model.table, &field.column, column)?;
            }
            _ => self.session.add_column(&model.table, column)?,
        }
        self.add_keys(model, field)
    }

    fn remove(&self, before: &ModelState, after: &ModelState, name: &str) -> Result<()> {
        let field = before.field_named(name)?;
        if !has_column(field) {
            return Ok(self.session.drop_table(&pairs_name(before, name))?);
        }
        if field.primary_key {
            return self.remake(before, after);
        }
        self.drop_keys(before, field)?;
        Ok(self.session.drop_column(&before.table, &field.column)?)
    }

    fn alter(
        &self,
        model: &ModelState,
        after: &ModelState,
        old: &FieldState,
        new: &FieldState,
    ) -> Result<()> {
        if has_column(old) != has_column(new) {
            return Err(
                Misuse::Other("a field with a column cannot become one of pairs: remove and add it").into()
            );
        }
        if !has_column(old) {
            return Ok(());
        }
        if old.null
            && !new.null
            && let Some(default) = &new.default
        {
            self.set(&model.table, &old.column, Filling::Nulls, |_| Ok(Expr::Literal(default.clone())))?;
        }
        let is_key = old.primary_key || new.primary_key;
        if is_key
            && (old.primary_key != new.primary_key || self.has_other_type(&model.table, &old.column, new)?)
        {
            return self.remake(model, after);
        }
        let keys_differ = keys_of(old) != keys_of(new);
        if keys_differ {
            self.drop_keys(model, old)?;
        }
        if old.generated != new.generated {
            self.drop_computation(&model.table, old)?;
        }
        if old.column != new.column {
            self.session.rename_column(&model.table, &old.column, &new.column)?;
        }
        if old.generated != new.generated {
            self.compute(&model.table, new)?;
        }
        self.session.change_column(&model.table, &new.column, self.column(new, true)?)?;
        if old.generated != new.generated {
            self.add_computation(&model.table, new)?;
        }
        if keys_differ { self.add_keys(model, new) } else { Ok(()) }
    }

    /// A field's column. A new table's key may be one that the database makes.
    pub(super) fn column(&self, field: &FieldState, with_key: bool) -> Result<NewColumn> {
        let data_type = self.data_type(field)?;
        let mut column = NewColumn::new(&field.column, data_type).nullable(field.null);
        if let Some(max) = field.unsigned {
            column = column.unsigned().at_most(max);
        }
        let is_integer = matches!(data_type, DataType::SmallInt | DataType::Integer | DataType::BigInt);
        if with_key && field.primary_key && field.auto && is_integer {
            column = column.generated();
        }
        if let Some(default) = &field.db_default {
            column = column.default(default.without_columns());
        }
        Ok(column)
    }

    /// The type of a field's column; of a key, that of the key it leads to.
    pub(super) fn data_type(&self, field: &FieldState) -> Result<DataType> {
        self.after.data_type(field).or_else(|_| self.before.data_type(field))
    }

    /// What stands on a field's column alone.
    pub(super) fn add_keys(&self, model: &ModelState, field: &FieldState) -> Result<()> {
        let Keys { unique, index, reference } = keys_of(field);
        let columns = [field.column.clone()];
        if unique {
            let name = self.free_name(&model.table, &field.column, "key")?;
            self.session.add_index(&model.table, NewIndex::unique(name, columns))?;
        } else if index {
            let name = self.free_name(&model.table, &field.column, "idx")?;
            self.session.add_index(&model.table, NewIndex::new(name, columns))?;
        }
        if let Some(reference) = reference {
            self.add_reference(model, field, reference)?;
        }
        self.add_computation(&model.table, field)
    }

    /// The foreign key of a field.
    pub(super) fn add_reference(
        &self,
        model: &ModelState,
        field: &FieldState,
        (to, on_delete): (&str, DatabaseAction),
    ) -> Result<()> {
        let target = self.after.model(to).or_else(|_| self.before.model(to))?;
        let name = self.free_name(&model.table, &field.column, "fk")?;
        let to = [key_of(target)?.column.clone()];
        let key = NewForeignKey::new(name, [field.column.clone()], &target.table, to);
        let action = match on_delete {
            DatabaseAction::Cascade => Action::Cascade,
            DatabaseAction::SetNull => Action::SetNull,
            DatabaseAction::Nothing => Action::NoAction,
        };
        Ok(self.session.add_foreign_key(&model.table, key.on_delete(action).deferred(true))?)
    }

    /// A name for what stands on columns, with a number where something has it that was made before a rename.
    pub(super) fn free_name(&self, table: &str, columns: &str, suffix: &str) -> Result<String> {
        let catalog = self.session.catalog()?;
        let own = catalog.find_table(table);
        let is_taken = |name: &String| {
            catalog.find_table(name).is_some()
                || catalog.tables().any(|table| table.indexes.iter().any(|index| index.name == *name))
                || own.is_some_and(|table| {
                    table.foreign_keys.iter().any(|key| key.name == *name)
                        || table.checks.iter().any(|check| check.name == *name)
                })
        };
        let plain = format!("{table}_{columns}_{suffix}");
        if !is_taken(&plain) {
            return Ok(plain);
        }
        let numbered = (1u32..).map(|number| format!("{plain}{number}")).find(|name| !is_taken(name));
        Ok(numbered.unwrap_or(plain))
    }

    fn drop_keys(&self, model: &ModelState, field: &FieldState) -> Result<()> {
        self.drop_key(&model.table, &field.column)?;
        let indexes =
            self.table(&model.table, |table| Ok(indexes_over(table, &[table.column_named(&field.column)?])))?;
        let is_own =
            |name: &&String| !model.indexes.contains_key(*name) && !model.constraints.contains_key(*name);
        for index in indexes.iter().filter(is_own) {
            self.session.drop_index(&model.table, index)?;
        }
        Ok(())
    }

    /// Drops the foreign key over a column alone.
    pub(super) fn drop_key(&self, table: &str, column: &str) -> Result<()> {
        let keys = self.table(table, |table| {
            let place = table.column_named(column)?;
            let keys = table.foreign_keys.iter().filter(|key| key.columns == [place]);
            Ok(keys.map(|key| key.name.clone()).collect::<Vec<_>>())
        })?;
        keys.iter().try_for_each(|key| Ok(self.session.drop_constraint(table, key)?))
    }

    /// The table of the pairs of two models.
    fn add_pairs(&self, model: &ModelState, name: &str, field: &FieldState) -> Result<()> {
        let FieldStateKind::ManyToMany { to } = &field.kind else { return Ok(()) };
        let target = self.after.model(to)?;
        let table = pairs_name(model, name);
        let [near, far] = pair_columns(model, target);
        let both = format!("{near}_{far}");
        let unique = NewIndex::unique(self.free_name(&table, &both, "uniq")?, [near.clone(), far.clone()]);
        let created = NewTable::new(&table)
            .column(NewColumn::new("id", DataType::BigInt).generated())
            .column(NewColumn::new(&near, self.data_type(key_of(model)?)?))
            .column(NewColumn::new(&far, self.data_type(key_of(target)?)?))
            .primary_key(["id"])
            .unique(unique)
            .index(NewIndex::new(self.free_name(&table, &far, "idx")?, [far.clone()]))
            .foreign_key(pair_key(&table, &near, model)?)
            .foreign_key(pair_key(&table, &far, target)?);
        self.session.create_table(created)?;
        Ok(())
    }
}

/// What stands on a column alone.
#[derive(PartialEq)]
struct Keys<'f> {
    unique: bool,
    index: bool,
    reference: Option<(&'f str, DatabaseAction)>,
}

fn keys_of(field: &FieldState) -> Keys<'_> {
    let (reference, one) = match &field.kind {
        FieldStateKind::ForeignKey { to, one, on_delete } => (Some((to.as_str(), *on_delete)), *one),
        _ => (None, false),
    };
    let unique = (field.unique || one) && !field.primary_key;
    let index = (field.db_index || reference.is_some()) && !unique && !field.primary_key;
    Keys { unique, index, reference }
}

pub(super) fn has_column(field: &FieldState) -> bool {
    !matches!(field.kind, FieldStateKind::ManyToMany { .. })
}

/// The model that a field's foreign key leads to, and what happens to the row.
pub(super) fn reference_of(field: &FieldState) -> Option<(&str, DatabaseAction)> {
    keys_of(field).reference
}

/// The key of a table of pairs to one of its sides.
pub(super) fn pair_key(table: &str, column: &str, of: &ModelState) -> Result<NewForeignKey> {
    let key = [key_of(of)?.column.clone()];
    let key = NewForeignKey::new(format!("{table}_{column}_fk"), [column], &of.table, key);
    Ok(key.on_delete(Action::Cascade).deferred(true))
}

/// The table of the pairs of a many-to-many field.
pub(super) fn pairs_name(model: &ModelState, field: &str) -> String {
    format!("{}_{field}", model.table)
}

/// The columns of the table between two models.
pub(super) fn pair_columns(model: &ModelState, target: &ModelState) -> [String; 2] {
    let (near, far) = (model.name.to_lowercase(), target.name.to_lowercase());
    match model.label() == target.label() {
        true => [format!("from_{near}_id"), format!("to_{near}_id")],
        false => [format!("{near}_id"), format!("{far}_id")],
    }
}
