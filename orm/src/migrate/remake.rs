//! Tables that are made anew: where the primary key becomes another, or its type, which rows are known by.
//!
//! The new table is filled from the old one and takes its name; the keys that lead to it are dropped before and come back
//! after, of the new key's type. (So Django alters any table of SQLite.)

use nuages_engine::algebra::{Expr, Insert, InsertSource, OutputColumn, Query, Relation, Source, Statement};
use nuages_engine::catalog::NewTable;
use nuages_storage::TableId;

use super::{
    editor::{Editor, has_column, pair_columns, pair_key, pairs_name, reference_of},
    state::{FieldState, FieldStateKind, ModelState, key_of},
};
use crate::error::Result;

impl Editor<'_> {
    /// Makes the table of a model anew, from what the model was to what it is now.
    pub(super) fn remake(&self, before: &ModelState, after: &ModelState) -> Result<()> {
        self.drop_references(after)?;
        let table = format!("new__{}", after.table);
        let columns = || after.fields.iter().filter(|(_, field)| has_column(field));
        let mut new = NewTable::new(&table);
        for (_, field) in columns() {
            new = new.column(self.column(field, true)?);
        }
        let key = columns().filter(|(_, field)| field.primary_key).map(|(_, field)| field.column.clone());
        let id = self.session.create_table(new.primary_key(key))?;
        self.copy(before, after, id)?;
        self.session.drop_table(&before.table)?;
        self.session.rename_table(&table, &after.table)?;
        for (_, field) in columns() {
            self.add_keys(after, field)?;
        }
        self.add_rules(after)?;
        self.restore_references(after)
    }

    /// Fills a new table with the rows of the old one. What the old one has not is the database's to fill, or has its
    /// default.
    fn copy(&self, before: &ModelState, after: &ModelState, into: TableId) -> Result<()> {
        let source = Source::new(0);
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        let from = self.table(&before.table, |table| {
            let fields = after.fields.iter().filter(|(_, field)| has_column(field));
            for (place, (name, field)) in fields.enumerate() {
                let value = match (before.fields.get(name), &field.default) {
                    (Some(old), _) => {
                        let old = table.column_named(&old.column)?;
                        let (is, becomes) = (table.columns[old].data_type, self.data_type(field)?);
                        let value = Expr::Column(source.column(old));
                        if is == becomes { value } else { Expr::Cast(Box::new(value), becomes) }
                    }
                    (None, Some(default)) if !field.auto => Expr::Literal(default.clone()),
                    (None, _) => continue,
                };
                columns.push(place);
                values.push(OutputColumn::new("", value));
            }
            Ok(table.id)
        })?;
        let statement = Statement::Insert(Insert {
            table: into,
            columns,
            rows: InsertSource::Query(Box::new(Query::new(Relation::scan(from, source), values))),
            source: Source::new(1),
            returning: Vec::new(),
            conflict: None,
        });
        self.session.execute(&statement, &[])?;
        Ok(())
    }

    /// Drops the keys of other tables that lead to a model's.
    fn drop_references(&self, target: &ModelState) -> Result<()> {
        self.references(target, &mut |model, name, field| match &field.kind {
            FieldStateKind::ManyToMany { to } => {
                let table = pairs_name(model, name);
                let far = self.after.model(to)?;
                let sides = pair_columns(model, far).into_iter().zip([model, far]);
                sides
                    .filter(|(_, side)| side.label() == target.label())
                    .try_for_each(|(column, _)| self.drop_key(&table, &column))
            }
            _ => self.drop_key(&model.table, &field.column),
        })
    }

    /// The keys come back, of the type of what they lead to now.
    fn restore_references(&self, target: &ModelState) -> Result<()> {
        self.references(target, &mut |model, name, field| match &field.kind {
            FieldStateKind::ManyToMany { to } => {
                let table = pairs_name(model, name);
                let far = self.after.model(to)?;
                for (column, side) in pair_columns(model, far).into_iter().zip([model, far]) {
                    if side.label() == target.label() {
                        let of = FieldState::column(&column, self.data_type(key_of(side)?)?);
                        self.retype(&table, &of)?;
                        self.session.add_foreign_key(&table, pair_key(&table, &column, side)?)?;
                    }
                }
                Ok(())
            }
            _ if field.primary_key && self.has_other_type(&model.table, &field.column, field)? => {
                self.remake(model, model)
            }
            _ => {
                self.retype(&model.table, field)?;
                match reference_of(field) {
                    Some(reference) => self.add_reference(model, field, reference),
                    None => Ok(()),
                }
            }
        })
    }

    /// Does something for each field whose table has a key to a model's, that of the model itself left out.
    fn references(
        &self,
        target: &ModelState,
        f: &mut dyn FnMut(&ModelState, &str, &FieldState) -> Result<()>,
    ) -> Result<()> {
        let label = target.label();
        for model in self.after.models.values().filter(|model| model.is_managed()) {
            for (name, field) in &model.fields {
                let is_own = model.label() == label;
                let leads_there = field.leads_to() == Some(&label);
                if if has_column(field) { leads_there && !is_own } else { leads_there || is_own } {
                    f(model, name, field)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a column has another type than a field is to have.
    pub(super) fn has_other_type(&self, table: &str, column: &str, field: &FieldState) -> Result<bool> {
        let becomes = self.data_type(field)?;
        self.table(table, |table| Ok(table.columns[table.column_named(column)?].data_type != becomes))
    }

    fn retype(&self, table: &str, field: &FieldState) -> Result<()> {
        match self.has_other_type(table, &field.column, field)? {
            true => Ok(self.session.change_column(table, &field.column, self.column(field, true)?)?),
            false => Ok(()),
        }
    }
}
