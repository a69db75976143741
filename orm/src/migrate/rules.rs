//! What a model demands of its rows beyond single columns: unique sets, indexes, constraints, and columns that are
//! computed from others.

use nuages_engine::{
    algebra::{Comparison, Expr, Source, Statement, Update},
    catalog::{NewCheck, NewIndex, NewPart, TableDefinition},
};

use super::{
    editor::Editor,
    state::{ConstraintState, FieldState, IndexState, ModelState, RowExpr},
};
use crate::error::Result;

/// Which rows get a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Filling {
    /// All.
    All,
    /// Those without one.
    Nulls,
}

impl Editor<'_> {
    /// All that a model demands of a table that has its columns and their keys.
    pub(super) fn add_rules(&self, model: &ModelState) -> Result<()> {
        self.unique_together(&ModelState::new(&model.app, &model.name), model, &model.unique_together)?;
        for (name, index) in &model.indexes {
            self.add_index(&model.table, name, index)?;
        }
        model.constraints.iter().try_for_each(|(name, one)| self.add_constraint(&model.table, name, one))
    }

    /// Writes a value into a column of rows that are there: an expression over the row.
    pub(super) fn set(
        &self,
        table: &str,
        column: &str,
        filling: Filling,
        value: impl FnOnce(&TableDefinition) -> Result<Expr>,
    ) -> Result<()> {
        let statement = self.table(table, |table| {
            let place = table.column_named(column)?;
            let is_empty = || Expr::IsNull(Box::new(Expr::Column(Source::SELF.column(place))));
            Ok(Statement::Update(Update {
                table: table.id,
                source: Source::SELF,
                from: None,
                predicate: (filling == Filling::Nulls).then(is_empty),
                assignments: vec![(place, value(table)?)],
                returning: Vec::new(),
            }))
        })?;
        self.session.execute(&statement, &[])?;
        Ok(())
    }

    /// Writes the values of a computed column.
    pub(super) fn compute(&self, table: &str, field: &FieldState) -> Result<()> {
        match &field.generated {
            Some(value) => self.set(table, &field.column, Filling::All, |table| value.in_table(table)),
            None => Ok(()),
        }
    }

    /// The check that a computed column has no other values.
    pub(super) fn add_computation(&self, table: &str, field: &FieldState) -> Result<()> {
        let Some(value) = &field.generated else { return Ok(()) };
        let condition = self.table(table, |table| is_computed(table, field, value))?;
        let name = self.free_name(table, &field.column, "generated")?;
        Ok(self.session.add_check(table, NewCheck::new(name, condition))?)
    }

    /// Drops that check, which is found by what it says, since table and column may have had other names.
    pub(super) fn drop_computation(&self, table: &str, field: &FieldState) -> Result<()> {
        let Some(value) = &field.generated else { return Ok(()) };
        let found = self.table(table, |table| {
            // A column that it read may be gone, and then so is the check.
            let Ok(condition) = is_computed(table, field, value) else { return Ok(None) };
            let check = table.checks.iter().find(|check| check.condition == condition);
            Ok(check.map(|check| check.name.clone()))
        })?;
        match found {
            Some(name) => Ok(self.session.drop_constraint(table, &name)?),
            None => Ok(()),
        }
    }

    pub(super) fn unique_together(
        &self,
        old: &ModelState,
        new: &ModelState,
        sets: &[Vec<String>],
    ) -> Result<()> {
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
            let name = self.free_name(&new.table, &names.join("_"), "uniq")?;
            self.session.add_index(&new.table, NewIndex::unique(name, names))?;
        }
        Ok(())
    }

    pub(super) fn add_index(&self, table: &str, name: &str, index: &IndexState) -> Result<()> {
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

    pub(super) fn add_constraint(&self, table: &str, name: &str, constraint: &ConstraintState) -> Result<()> {
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

/// That a column has the value it is computed as.
fn is_computed(table: &TableDefinition, field: &FieldState, value: &RowExpr) -> Result<Expr> {
    let column = Expr::Column(Source::SELF.column(table.column_named(&field.column)?));
    Ok(column.compare(Comparison::Same, value.in_table(table)?))
}

/// The indexes over just these columns and all rows, by name.
pub(super) fn indexes_over(table: &TableDefinition, places: &[usize]) -> Vec<String> {
    let is_over = |index: &&nuages_engine::catalog::IndexDefinition| {
        let columns: Option<Vec<usize>> = index.parts.iter().map(|part| part.column()).collect();
        index.condition.is_none() && columns.as_deref() == Some(places)
    };
    table.indexes.iter().filter(is_over).map(|index| index.name.clone()).collect()
}
