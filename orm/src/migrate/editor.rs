//! Operations as changes of tables, through the engine's definitions.
//!
//! An index or key of a field is found by its columns and not by its name, so that a table may have been renamed since
//! it was made.

use nuages_engine::{
    Session,
    algebra::Expr,
    catalog::{Action, NewCheck, NewColumn, NewForeignKey, NewIndex, NewPart, NewTable, TableDefinition},
};
use nuages_storage::DataType;

use super::{
    operation::Operation,
    state::{
        ConstraintState, DatabaseAction, FieldState, FieldStateKind, IndexState, ModelState, ProjectState,
        RowExpr,
    },
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
            Operation::AddField { model, name, field } => self.add(self.after.model(model)?, name, field),
            Operation::RemoveField { model, name } => {
                let model = self.before.model(model)?;
                self.remove(model, name, model.field_named(name)?)
            }
            Operation::AlterField { model, name, field } => {
                let model = self.before.model(model)?;
                self.alter(model, model.field_named(name)?, field)
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
    fn table<T>(&self, name: &str, read: impl FnOnce(&TableDefinition) -> Result<T>) -> Result<T> {
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
        self.unique_together(&ModelState::new(&model.app, &model.name), model, &model.unique_together)?;
        for (name, index) in &model.indexes {
            self.add_index(&model.table, name, index)?;
        }
        model.constraints.iter().try_for_each(|(name, one)| self.add_constraint(&model.table, name, one))
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

    fn add(&self, model: &ModelState, name: &str, field: &FieldState) -> Result<()> {
        if !has_column(field) {
            return self.add_pairs(model, name, field);
        }
        let column = self.column(field, false)?;
        match &field.default {
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

    fn remove(&self, model: &ModelState, name: &str, field: &FieldState) -> Result<()> {
        if !has_column(field) {
            return Ok(self.session.drop_table(&pairs_name(model, name))?);
        }
        self.drop_keys(model, field)?;
        Ok(self.session.drop_column(&model.table, &field.column)?)
    }

    fn alter(&self, model: &ModelState, old: &FieldState, new: &FieldState) -> Result<()> {
        if has_column(old) != has_column(new) {
            return Err(
                Misuse::Other("a field with a column cannot become one of pairs: remove and add it").into()
            );
        }
        if !has_column(old) {
            return Ok(());
        }
        let keys_differ = keys_of(old) != keys_of(new);
        if keys_differ {
            self.drop_keys(model, old)?;
        }
        if old.column != new.column {
            self.session.rename_column(&model.table, &old.column, &new.column)?;
        }
        if old.null
            && !new.null
            && let Some(default) = &new.default
        {
            self.fill_nulls(model, new, default)?;
        }
        self.session.change_column(&model.table, &new.column, self.column(new, true)?)?;
        if keys_differ { self.add_keys(model, new) } else { Ok(()) }
    }

    /// Rows without a value get the default of a field that must have one from now on.
    fn fill_nulls(
        &self,
        model: &ModelState,
        field: &FieldState,
        default: &nuages_storage::Value,
    ) -> Result<()> {
        use nuages_engine::algebra::{Source, Statement, Update};
        let source = Source::new(0);
        let (table, column) =
            self.table(&model.table, |table| Ok((table.id, table.column_named(&field.column)?)))?;
        let statement = Statement::Update(Update {
            table,
            source,
            from: None,
            predicate: Some(Expr::IsNull(Box::new(Expr::Column(source.column(column))))),
            assignments: vec![(column, Expr::Literal(default.clone()))],
            returning: Vec::new(),
        });
        self.session.execute(&statement, &[])?;
        Ok(())
    }

    /// A field's column. A new table's key may be one that the database makes.
    fn column(&self, field: &FieldState, with_key: bool) -> Result<NewColumn> {
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
    fn data_type(&self, field: &FieldState) -> Result<DataType> {
        match &field.kind {
            FieldStateKind::Column(data_type) => Ok(*data_type),
            FieldStateKind::ForeignKey { to, .. } | FieldStateKind::ManyToMany { to } => {
                let target = self.after.model(to).or_else(|_| self.before.model(to))?;
                self.data_type(key_of(target)?)
            }
        }
    }

    /// What stands on a field's column alone.
    fn add_keys(&self, model: &ModelState, field: &FieldState) -> Result<()> {
        let named = |suffix: &str| format!("{}_{}_{suffix}", model.table, field.column);
        let Keys { unique, index, reference } = keys_of(field);
        if unique {
            self.session.add_index(&model.table, NewIndex::unique(named("key"), [field.column.clone()]))?;
        } else if index {
            self.session.add_index(&model.table, NewIndex::new(named("idx"), [field.column.clone()]))?;
        }
        if let Some((to, on_delete)) = reference {
            let target = self.after.model(to).or_else(|_| self.before.model(to))?;
            let key = NewForeignKey::new(
                named("fk"),
                [field.column.clone()],
                &target.table,
                [key_of(target)?.column.clone()],
            );
            let action = match on_delete {
                DatabaseAction::Cascade => Action::Cascade,
                DatabaseAction::SetNull => Action::SetNull,
                DatabaseAction::Nothing => Action::NoAction,
            };
            self.session.add_foreign_key(&model.table, key.on_delete(action).deferred(true))?;
        }
        Ok(())
    }

    fn drop_keys(&self, model: &ModelState, field: &FieldState) -> Result<()> {
        let (indexes, keys) = self.table(&model.table, |table| {
            let place = table.column_named(&field.column)?;
            let keys = table.foreign_keys.iter().filter(|key| key.columns == [place]);
            let keys: Vec<String> = keys.map(|key| key.name.clone()).collect();
            Ok((indexes_over(table, &[place]), keys))
        })?;
        for key in keys {
            self.session.drop_constraint(&model.table, &key)?;
        }
        let is_own =
            |name: &&String| !model.indexes.contains_key(*name) && !model.constraints.contains_key(*name);
        for index in indexes.iter().filter(is_own) {
            self.session.drop_index(&model.table, index)?;
        }
        Ok(())
    }

    /// The table of the pairs of two models.
    fn add_pairs(&self, model: &ModelState, name: &str, field: &FieldState) -> Result<()> {
        let FieldStateKind::ManyToMany { to } = &field.kind else { return Ok(()) };
        let target = self.after.model(to)?;
        let table = pairs_name(model, name);
        let [near, far] = pair_columns(model, target);
        let key = |column: &str, of: &ModelState| -> Result<NewForeignKey> {
            let key = key_of(of)?.column.clone();
            let key = NewForeignKey::new(format!("{table}_{column}_fk"), [column], &of.table, [key]);
            Ok(key.on_delete(Action::Cascade).deferred(true))
        };
        let unique = NewIndex::unique(format!("{table}_{near}_{far}_uniq"), [near.clone(), far.clone()]);
        let created = NewTable::new(&table)
            .column(NewColumn::new("id", DataType::BigInt).generated())
            .column(NewColumn::new(&near, self.data_type(key_of(model)?)?))
            .column(NewColumn::new(&far, self.data_type(key_of(target)?)?))
            .primary_key(["id"])
            .unique(unique)
            .index(NewIndex::new(format!("{table}_{far}_idx"), [far.clone()]))
            .foreign_key(key(&near, model)?)
            .foreign_key(key(&far, target)?);
        self.session.create_table(created)?;
        Ok(())
    }

    fn unique_together(&self, old: &ModelState, new: &ModelState, sets: &[Vec<String>]) -> Result<()> {
        let columns = |model: &ModelState, set: &[String]| -> Result<Vec<String>> {
            set.iter().map(|name| Ok(model.field_named(name)?.column.clone())).collect()
        };
        for set in old.unique_together.iter().filter(|set| !sets.contains(set)) {
            let names = columns(old, set)?;
            let found = self.table(&new.table, |table| {
                let places: Vec<usize> =
                    names.iter().map(|name| table.column_named(name)).collect::<Result<_, _>>()?;
                Ok(indexes_over(table, &places))
            })?;
            let is_own =
                |name: &&String| !old.indexes.contains_key(*name) && !old.constraints.contains_key(*name);
            if let Some(index) = found.iter().find(is_own) {
                self.session.drop_index(&new.table, index)?;
            }
        }
        for set in sets.iter().filter(|set| !old.unique_together.contains(set)) {
            let names = columns(new, set)?;
            let name = format!("{}_{}_uniq", new.table, names.join("_"));
            self.session.add_index(&new.table, NewIndex::unique(name, names))?;
        }
        Ok(())
    }

    fn add_index(&self, table: &str, name: &str, index: &IndexState) -> Result<()> {
        let mut parts = Vec::with_capacity(index.parts.len());
        for part in &index.parts {
            let mut new = self.part(table, &part.key)?;
            if part.descending {
                new = new.descending();
            }
            if let Some(first) = part.nulls_first {
                new = new.nulls_first(first);
            }
            parts.push(new);
        }
        let new = NewIndex::new(name, parts);
        let new = match &index.condition {
            Some(condition) => new.when(self.table(table, |table| condition.in_table(table))?),
            None => new,
        };
        Ok(self.session.add_index(table, new)?)
    }

    fn part(&self, table: &str, key: &RowExpr) -> Result<NewPart> {
        match key.as_column() {
            Some(column) => Ok(NewPart::column(column)),
            None => Ok(NewPart::expression(self.table(table, |table| key.in_table(table))?)),
        }
    }

    fn add_constraint(&self, table: &str, name: &str, constraint: &ConstraintState) -> Result<()> {
        match constraint {
            ConstraintState::Check(condition) => {
                let condition = self.table(table, |table| condition.in_table(table))?;
                Ok(self.session.add_check(table, NewCheck::new(name, condition))?)
            }
            ConstraintState::Unique { parts, condition, nulls_distinct, deferred } => {
                let parts: Vec<NewPart> =
                    parts.iter().map(|part| self.part(table, part)).collect::<Result<_>>()?;
                let mut index = NewIndex::unique(name, parts).deferred(*deferred);
                if let Some(condition) = condition {
                    index = index.when(self.table(table, |table| condition.in_table(table))?);
                }
                if !nulls_distinct {
                    index = index.nulls_not_distinct();
                }
                Ok(self.session.add_index(table, index)?)
            }
        }
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

fn has_column(field: &FieldState) -> bool {
    !matches!(field.kind, FieldStateKind::ManyToMany { .. })
}

/// The only field of a model's key.
fn key_of(model: &ModelState) -> Result<&FieldState> {
    let mut keys = model.fields.values().filter(|field| field.primary_key);
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(Misuse::Other("a key can lead only to a model whose primary key is one field").into()),
    }
}

/// The table of the pairs of a many-to-many field.
fn pairs_name(model: &ModelState, field: &str) -> String {
    format!("{}_{field}", model.table)
}

/// The columns of the table between two models.
fn pair_columns(model: &ModelState, target: &ModelState) -> [String; 2] {
    let (near, far) = (model.name.to_lowercase(), target.name.to_lowercase());
    match model.label() == target.label() {
        true => [format!("from_{near}_id"), format!("to_{near}_id")],
        false => [format!("{near}_id"), format!("{far}_id")],
    }
}

/// The indexes over just these columns and all rows, by name.
fn indexes_over(table: &TableDefinition, places: &[usize]) -> Vec<String> {
    let is_over = |index: &&nuages_engine::catalog::IndexDefinition| {
        let columns: Option<Vec<usize>> = index.parts.iter().map(|part| part.column()).collect();
        index.condition.is_none() && columns.as_deref() == Some(places)
    };
    table.indexes.iter().filter(is_over).map(|index| index.name.clone()).collect()
}
