//! Columns: added, dropped, renamed and changed.
//!
//! Places shift when a column is dropped, so everything that means columns by place is renumbered: keys, indexes,
//! expressions (which are compiled anew), and the foreign keys of other tables. Slots do not: a dropped column's slot
//! stays in the layout, and no row is rewritten.

use std::sync::Arc;

use nuages_storage::{IndexId, Layout, LeafBuilder, SchemaChange, Slot, Table, TypeError, Value};

use super::index::{build, release_index};
use super::sequence::with_owned;
use super::{depended, each_leaf, foreign_key_object};
use crate::algebra::{Expr, Source};
use crate::catalog::index::IndexPrograms;
use crate::catalog::program::RowProgram;
use crate::catalog::resolve::same_kind;
use crate::catalog::{
    Catalog, ChildLookup, ColumnSet, IndexDefinition, IndexExpr, IndexPart, NewColumn, PrimaryKey,
    TableDefinition,
};
use crate::error::{DefinitionProblem, Error, SchemaObject};
use crate::evaluate::Context;
use crate::integrity::{check, domain};
use crate::write::leaves::selected;
use crate::write::{WritingStatement, coerced, default_of};

impl WritingStatement<'_, '_> {
    /// Adds a column at the end.
    pub(crate) fn add_column(&mut self, table: &str, new: NewColumn) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(table)?;
        if new.generated {
            return Err(table.problem(DefinitionProblem::GeneratedNotKey { column: new.name }));
        }
        let lane = new.data_type.lane();
        let mut new = new;
        let sequence = self.sequence_of(&mut new, table.temporary.is_some(), &catalog, &|_| false);
        let computed = new.computed.take();
        let before = table.clone();
        table.add_column(new, Slot::new(lane), &mut || self.writer().fresh_id())?;
        let place = table.columns.len() - 1;
        let sequence = sequence.map(|sequence| (place, sequence)).into_iter().collect();
        let catalog = with_owned(&catalog, &table, sequence);
        if let Some(computed) = computed {
            table.set_computed(&[(place, computed)])?;
            let program = Arc::clone(&table.computed[table.computed.len() - 1].program);
            return self.add_filled(&catalog, (&before, &program), table);
        }
        // What is drawn by lot is drawn for each row.
        if let Some(drawn) = table.columns[place].default.clone().filter(Expr::is_volatile) {
            let program = RowProgram::compile(&before, &drawn)?;
            return self.add_filled(&catalog, (&before, &program), table);
        }
        let default = default_of(&table, place, &self.context())?;
        let has_rows = self.writer().version().table(table.id).is_some_and(|rows| !rows.is_empty());
        if has_rows {
            test_value(&table, place, &default)?;
        }
        let slot = Slot { lane, default };
        let layout =
            self.writer().version().table(table.id).map(|rows| rows.layout().with_slot(slot.clone()));
        table.layout = Arc::new(layout.unwrap_or_else(|| Layout::new([])));
        self.record(SchemaChange::AddSlot { table: table.id, slot });
        self.install(catalog.with(table));
        Ok(())
    }

    /// Computes the last column of a table, which it has just got, in the rows that are there, by a program over the table
    /// as it was before.
    fn add_filled(
        &mut self,
        catalog: &Catalog,
        by: (&TableDefinition, &RowProgram),
        mut table: TableDefinition,
    ) -> Result<(), Error> {
        let context = self.context();
        let Some(rows) = self.writer().version().table(table.id) else { return Ok(()) };
        let place = table.columns.len() - 1;
        let lane = table.columns[place].lane;
        table.layout = Arc::new(rows.layout().with_slot(Slot::new(lane)));
        let rows = converted(by, &table, place, rows, &context)?;
        let rows = tested(&table, place, rows, false, &context)?;
        self.record(SchemaChange::ReplaceTable(Arc::new(rows)));
        self.install(catalog.with(table));
        Ok(())
    }

    /// Gives a column another name.
    pub(crate) fn rename_column(&mut self, table: &str, from: &str, to: &str) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(table)?;
        let place = table.column_named(from)?;
        test_name(&table, place, to)?;
        to.clone_into(&mut table.columns[place].name);
        self.install(catalog.with(table));
        Ok(())
    }

    /// Drops a column, and what of the table's own involves it.
    pub(crate) fn drop_column(&mut self, table: &str, column: &str) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(table)?;
        let place = table.column_named(column)?;
        let object = || SchemaObject::Column(column.to_owned());
        if table.primary_key_columns().contains(&place) {
            return Err(depended(&table, object(), SchemaObject::PrimaryKey));
        }
        if let Some(dependent) = referring_to(&catalog, &table, place) {
            return Err(depended(&table, object(), dependent));
        }
        if let Some(dependent) = computed_from(&table, place) {
            return Err(depended(&table, object(), dependent));
        }
        if table.columns.len() == 1 {
            return Err(table.problem(DefinitionProblem::NoColumn));
        }
        let dropped = table.columns[place].id;
        Self::expect_sequences_unused(&catalog, &[table.id], Some(dropped))?;
        table.computed.retain(|computed| computed.column != place);
        table.foreign_keys.retain(|key| !key.columns.contains(&place));
        table.checks.retain(|check| !reads(&check.condition, place));
        let indexes: Vec<_> =
            table.indexes.iter().filter(|index| index_reads(index, place)).map(|index| index.id).collect();
        for id in indexes {
            self.replace_lookups(&catalog, &mut table, id)?;
            release_index(&catalog, &mut table, id)?;
            self.record(SchemaChange::DropIndex { table: table.id, id });
        }
        table.columns.remove(place);
        renumber(&mut table, place)?;
        let mut catalog = renumber_references(&catalog.with(table.clone()), &table, place);
        catalog.forget_sequences(table.id, Some(dropped));
        self.install(catalog);
        Ok(())
    }

    /// Where foreign keys find their rows by an index that is to go and no other serves, adds one that does.
    fn replace_lookups(
        &mut self,
        catalog: &Catalog,
        table: &mut TableDefinition,
        going: IndexId,
    ) -> Result<(), Error> {
        let columns: Vec<Vec<usize>> = table
            .foreign_keys
            .iter()
            .filter(|key| key.lookup == ChildLookup::Index(going))
            .map(|key| key.columns.clone())
            .collect();
        for columns in columns {
            let others = table.indexes.iter().filter(|index| index.id != going);
            if others.into_iter().any(|index| index.begins_with(&columns)) {
                continue;
            }
            let id = table.add_lookup_index(&columns, catalog, &mut || self.writer().fresh_id())?;
            self.build_index(table, id)?;
        }
        Ok(())
    }

    /// Makes a column another.
    pub(crate) fn change_column(&mut self, table: &str, column: &str, to: NewColumn) -> Result<(), Error> {
        self.change_column_by(table, column, to, None)
    }

    /// Makes a column another, whose values an expression over `Source::SELF` computes.
    pub(crate) fn change_column_by(
        &mut self,
        table: &str,
        column: &str,
        to: NewColumn,
        by: Option<&Expr>,
    ) -> Result<(), Error> {
        let (catalog, mut table) = self.definition_of(table)?;
        let place = table.column_named(column)?;
        test_name(&table, place, &to.name)?;
        table.check_column(&to)?;
        test_key_type(&catalog, &table, place, &to)?;
        let old = table.columns[place].clone();
        let is_key = table.row_id_column() == Some(place);
        if to.generated && !is_key {
            return Err(table.problem(DefinitionProblem::GeneratedNotKey { column: to.name }));
        }
        if to.nullable && table.primary_key_columns().contains(&place) {
            return Err(table.problem(DefinitionProblem::NullableKey { column: to.name }));
        }
        let retyped = old.data_type != to.data_type || old.enumeration != to.enumeration || by.is_some();
        if by.is_some() {
            expect_free(&catalog, &table, place)?;
        }
        if let Some(dependent) = computed_from(&table, place).filter(|_| retyped) {
            return Err(depended(&table, SchemaObject::Column(old.name), dependent));
        }
        let expr = table.computed(place).map(|computed| &computed.expr);
        if to.computed.as_ref() != expr || retyped && expr.is_some() {
            return Err(table.problem(DefinitionProblem::NotComputable { column: old.name }));
        }
        let convert = retyped && !is_key;
        let before = table.clone();
        let changed = &mut table.columns[place];
        (changed.name, changed.data_type, changed.nullable) = (to.name, to.data_type, to.nullable);
        (changed.default, changed.unsigned, changed.generated_key) = (to.default, to.unsigned, to.generated);
        (changed.always, changed.any) = (to.always, to.any);
        (changed.max, changed.collation, changed.element) = (to.max, to.collation, to.element);
        changed.enumeration = to.enumeration;
        if convert {
            changed.slot = table.layout.len();
            changed.lane = to.data_type.lane();
            table.layout = Arc::new(table.layout.with_slot(Slot::new(changed.lane)));
        }
        recompile(&mut table)?;
        let context = self.context();
        let Some(rows) = self.writer().version().table(table.id) else { return Ok(()) };
        let rows = match convert {
            true => {
                let cast = || {
                    Expr::Cast(Box::new(Source::SELF.column(place).into()), table.columns[place].data_type)
                };
                let cast = RowProgram::compile(&before, &by.cloned().unwrap_or_else(cast))?;
                converted((&before, &cast), &table, place, rows, &context)?
            }
            false => rows.clone(),
        };
        let rebuilt = retyped || old.nullable != to.nullable;
        let rows = tested(&table, place, rows, rebuilt, &context)?;
        self.record(SchemaChange::ReplaceTable(Arc::new(rows)));
        self.install(catalog.with(table));
        Ok(())
    }
}

/// The rows, tested under a changed column, with the indexes that read it built anew if its keys have changed.
fn tested(
    table: &TableDefinition,
    place: usize,
    mut rows: Table,
    rebuilt: bool,
    context: &Context<'_>,
) -> Result<Table, Error> {
    let changed = ColumnSet::default().with(place);
    each_leaf(&rows, context, |view, selection| {
        domain::check(table, changed, view)?;
        check::check(table, changed, view, selection, context)
    })?;
    if rebuilt {
        for index in table.indexes.iter().filter(|index| index.reads(changed)) {
            let tree = build(table, index, &rows, context)?;
            rows.add_index(index.id, tree);
        }
    }
    Ok(rows)
}

/// The rows with one column computed into a new slot, by a program over the table as it was before.
fn converted(
    (before, program): (&TableDefinition, &RowProgram),
    after: &TableDefinition,
    place: usize,
    rows: &Table,
    context: &Context<'_>,
) -> Result<Table, Error> {
    let to = &after.columns[place];
    let mut table = Table::new(after.id, Arc::clone(&after.layout));
    let mut widened = rows.clone();
    widened.add_slot(Slot::new(to.lane));
    each_leaf(&widened, context, |view, selection| {
        let values = program.evaluate(before, view, selection, context)?;
        let mut builder = LeafBuilder::with_capacity(Arc::clone(&after.layout), view.len());
        for row in selected(selection) {
            if builder.is_full() {
                let next = LeafBuilder::with_capacity(Arc::clone(&after.layout), view.len());
                let full = std::mem::replace(&mut builder, next).finish();
                table.insert_rows(&full, &[]);
            }
            let value = coerced(after, place, values.value(row))?;
            builder.copy_row(view.row(row));
            builder.set_value(to.slot, &value);
            builder.finish_row(view.row(row).row_id());
        }
        table.insert_rows(&builder.finish(), &[]);
        Ok(())
    })?;
    for (id, index) in rows.indexes() {
        table.add_index(id, index.clone());
    }
    Ok(table)
}

/// That a default is one that existing rows may have.
fn test_value(table: &TableDefinition, place: usize, value: &Value) -> Result<(), Error> {
    let column = &table.columns[place];
    if value.is_null() && !column.nullable {
        return Err(Error::NotNull { table: table.name.clone(), column: column.name.clone() });
    }
    let (min, max) = column.integer_range().unwrap_or((0, i64::MAX));
    let negative = column.unsigned && *value < Value::Int(0);
    if negative || value.as_int().is_some_and(|int| column.max.is_some_and(|max| int > max)) {
        let source =
            TypeError::OutOfRange { value: value.clone(), min: Value::Int(min), max: Value::Int(max) };
        return Err(Error::Value { table: table.name.clone(), column: column.name.clone(), source });
    }
    Ok(())
}

fn test_name(table: &TableDefinition, place: usize, name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(table.problem(DefinitionProblem::EmptyName));
    }
    match table.columns.iter().position(|column| column.name == name) {
        Some(taken) if taken != place => {
            Err(Error::DuplicateColumn { table: table.name.clone(), column: name.to_owned() })
        }
        _ => Ok(()),
    }
}

/// A column of a key stays of its kind, so that both sides of a foreign key agree and a row id stays an integer.
fn test_key_type(
    catalog: &Catalog,
    table: &TableDefinition,
    place: usize,
    to: &NewColumn,
) -> Result<(), Error> {
    let from = table.columns[place].data_type;
    if same_kind(from, to.data_type) {
        return Ok(());
    }
    let object = SchemaObject::Column(table.columns[place].name.clone());
    if table.row_id_column() == Some(place) {
        return Err(depended(table, object, SchemaObject::PrimaryKey));
    }
    if let Some(dependent) = referring_to(catalog, table, place) {
        return Err(depended(table, object, dependent));
    }
    match table.foreign_keys.iter().find(|key| key.columns.contains(&place)) {
        Some(key) => {
            let (table_name, constraint) = (table.name.clone(), key.name.clone());
            Err(depended(table, object, SchemaObject::ForeignKey { table: table_name, constraint }))
        }
        None => Ok(()),
    }
}

/// Refuses other values for a column that is a key, or refers to one.
fn expect_free(catalog: &Catalog, table: &TableDefinition, place: usize) -> Result<(), Error> {
    let object = || SchemaObject::Column(table.columns[place].name.clone());
    if table.primary_key_columns().contains(&place) {
        return Err(depended(table, object(), SchemaObject::PrimaryKey));
    }
    if let Some(dependent) = referring_to(catalog, table, place) {
        return Err(depended(table, object(), dependent));
    }
    match table.foreign_keys.iter().find(|key| key.columns.contains(&place)) {
        Some(key) => {
            let (table_name, constraint) = (table.name.clone(), key.name.clone());
            Err(depended(table, object(), SchemaObject::ForeignKey { table: table_name, constraint }))
        }
        None => Ok(()),
    }
}

/// A column that is computed from a column.
fn computed_from(table: &TableDefinition, place: usize) -> Option<SchemaObject> {
    let computed = table.computed.iter().find(|computed| reads(&computed.expr, place))?;
    Some(SchemaObject::Column(table.columns[computed.column].name.clone()))
}

/// A foreign key that refers to a column.
fn referring_to(catalog: &Catalog, table: &TableDefinition, place: usize) -> Option<SchemaObject> {
    table.referenced_by.iter().find_map(|reference| {
        let key = catalog.table(reference.table)?.foreign_key(reference.foreign_key)?;
        key.target_columns
            .contains(&place)
            .then(|| foreign_key_object(catalog, reference.table, |it| it.id == key.id))
    })
}

/// Whether an expression over `Source::SELF` reads a column.
fn reads(expr: &Expr, place: usize) -> bool {
    matches!(expr, Expr::Column(column) if column.index() == place)
        || expr.children().into_iter().any(|child| reads(child, place))
}

fn index_reads(index: &IndexDefinition, place: usize) -> bool {
    let part = |part: &IndexPart| match &part.expr {
        IndexExpr::Column(column) => *column == place,
        IndexExpr::Expression(expr) => reads(expr, place),
    };
    index.parts.iter().any(part) || index.condition.as_ref().is_some_and(|condition| reads(condition, place))
}

/// Renumbers what a table means by place, after the column at `dropped` has gone.
fn renumber(table: &mut TableDefinition, dropped: usize) -> Result<(), Error> {
    let shift = |place: &mut usize| *place -= usize::from(*place > dropped);
    match &mut table.primary_key {
        PrimaryKey::RowId { column } => shift(column),
        PrimaryKey::Index { columns, .. } => columns.iter_mut().for_each(shift),
        PrimaryKey::None => {}
    }
    for index in &mut table.indexes {
        for part in &mut index.parts {
            match &mut part.expr {
                IndexExpr::Column(place) => shift(place),
                IndexExpr::Expression(expr) => shift_columns(expr, dropped),
            }
        }
        index.condition.iter_mut().for_each(|condition| shift_columns(condition, dropped));
    }
    for computed in &mut table.computed {
        shift(&mut computed.column);
        shift_columns(&mut computed.expr, dropped);
    }
    table.checks.iter_mut().for_each(|check| shift_columns(&mut check.condition, dropped));
    table.foreign_keys.iter_mut().for_each(|key| key.columns.iter_mut().for_each(shift));
    recompile(table)
}

fn shift_columns(expr: &mut Expr, dropped: usize) {
    if let Expr::Column(column) = expr {
        if column.index() > dropped {
            *column = column.source().column(column.index() - 1);
        }
        return;
    }
    expr.children_mut().into_iter().for_each(|child| shift_columns(child, dropped));
}

/// Renumbers the places by which foreign keys refer to a table.
fn renumber_references(catalog: &Catalog, table: &TableDefinition, dropped: usize) -> Catalog {
    let mut renumbered = catalog.clone();
    for reference in &table.referenced_by {
        let Some(child) = renumbered.table(reference.table) else { continue };
        let mut child = TableDefinition::clone(child);
        for key in child.foreign_keys.iter_mut().filter(|key| key.id == reference.foreign_key) {
            for place in &mut key.target_columns {
                *place -= usize::from(*place > dropped);
            }
        }
        renumbered = renumbered.with(child);
    }
    renumbered
}

/// Compiles a table's expressions anew, and derives again what indexes know of their columns.
pub(super) fn recompile(table: &mut TableDefinition) -> Result<(), Error> {
    for at in 0..table.indexes.len() {
        let mut index = table.indexes[at].clone();
        for part in &mut index.parts {
            if let Some(place) = part.column() {
                part.nullable = table.columns[place].nullable;
            }
        }
        index.programs = IndexPrograms::compile(table, &index.parts, index.condition.as_ref())?;
        table.indexes[at] = index;
    }
    for at in 0..table.computed.len() {
        table.computed[at].program = Arc::new(RowProgram::compile(table, &table.computed[at].expr)?);
    }
    for at in 0..table.checks.len() {
        table.checks[at].program =
            Arc::new(RowProgram::compile_condition(table, &table.checks[at].condition)?);
    }
    Ok(())
}
