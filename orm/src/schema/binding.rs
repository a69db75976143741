//! Where each model's rows are.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use hashbrown::HashMap;
use nuages_engine::{
    algebra::{Column, Expr, Source},
    catalog::{Catalog, ColumnId, IndexDefinition, SchemaTest, TableDefinition},
};
use nuages_storage::{DataType, IndexId, Layout, TableId, Value, key::KeyPart};

use super::{
    generated::{Generated, db_default, generated},
    tables::{ThroughNames, through_names},
};
use crate::{
    error::{Error, Misuse, Result},
    meta::{FieldKind, ModelMeta},
};

/// Where the models of an [`App`](crate::app::App) are in a database.
///
/// It holds for every schema that has the same columns at the same places, or a table not at all: what comes beside
/// them is nothing to the models.
#[derive(Debug, Default)]
pub(crate) struct Binding {
    models: HashMap<usize, Bound>,
    /// The columns that anything is bound to, by table.
    known: Vec<(TableId, Vec<KnownColumn>)>,
    /// The number of the schema that was last seen to be one of those it holds for.
    schema: AtomicU64,
    /// Whether any table has an index of some rows only.
    has_index_conditions: bool,
}

/// A column as it was bound.
#[derive(Debug)]
struct KnownColumn {
    place: usize,
    id: ColumnId,
    slot: usize,
    data_type: DataType,
}

impl KnownColumn {
    fn of(table: &TableDefinition, place: usize) -> Option<KnownColumn> {
        let column = table.columns.get(place)?;
        Some(KnownColumn { place, id: column.id, slot: column.slot, data_type: column.data_type })
    }

    fn is_in(&self, table: &TableDefinition) -> bool {
        let column = table.columns.get(self.place);
        column.is_some_and(|column| {
            (column.id, column.slot, column.data_type) == (self.id, self.slot, self.data_type)
        })
    }
}

/// Where one model is.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) meta: &'static ModelMeta,
    pub(crate) table: TableId,
    /// The place of each column in the table, by its position in the model.
    pub(crate) columns: Vec<usize>,
    /// Whether the columns of the table are those of the model in the same order, and no other.
    pub(crate) is_identical: bool,
    /// The table's layout slot of each column, by its position in the model.
    pub(crate) slots: Vec<usize>,
    /// The type of each column, by its position in the model.
    pub(crate) types: Vec<DataType>,
    /// How the table's rows are stored.
    pub(crate) layout: Arc<Layout>,
    /// The position of the primary key in the model, if the table is keyed by it.
    pub(crate) row_id: Option<usize>,
    /// The indexes by which a value of one column finds at most one row.
    pub(crate) unique: Vec<UniqueKey>,
    /// The columns that say which rows an index has, by their positions in the model.
    in_index_conditions: Vec<usize>,
    /// The columns that are computed from others.
    pub(crate) generated: Vec<Generated>,
    /// The many-to-many relations, by field.
    throughs: Vec<(u16, ThroughBound)>,
}

/// An index over one column in which a value occurs once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UniqueKey {
    /// The column's position in the model.
    pub(crate) column: usize,
    pub(crate) index: IndexId,
    /// How the value is encoded.
    pub(crate) part: KeyPart,
}

/// Where the pairs of a many-to-many relation are.
#[derive(Clone, Debug)]
pub(crate) struct ThroughBound {
    pub(crate) table: TableId,
    /// The model of the pairs, if it was declared.
    pub(crate) model: Option<&'static ModelMeta>,
    /// The place of the column with the key of the model that declared the relation.
    pub(crate) source: usize,
    /// The place of the column with the key of the other model.
    pub(crate) target: usize,
}

impl Bound {
    /// Adds to the assignments of an update, which are by columns of the table, those of the columns that are computed
    /// from what is assigned.
    ///
    /// # Errors
    /// [`Misuse::Other`] if a computed column is assigned itself.
    pub(crate) fn generate(&self, assignments: &mut Vec<(usize, Expr)>, row: Source) -> Result<()> {
        for generated in &self.generated {
            let place = self.columns[generated.position];
            if assignments.iter().any(|(column, _)| *column == place) {
                return Err(Misuse::Other("a generated column is computed, and cannot be written").into());
            }
            let reads_assigned = std::cell::Cell::new(false);
            let value = generated.value(&|position| {
                let column = self.columns[position];
                match assignments.iter().find(|(assigned, _)| *assigned == column) {
                    Some((_, value)) => {
                        reads_assigned.set(true);
                        value.clone()
                    }
                    None => Expr::Column(row.column(column)),
                }
            });
            if reads_assigned.get() {
                assignments.push((place, value));
            }
        }
        Ok(())
    }

    /// Computes the columns of a new row, whose values are by position, from the others.
    pub(crate) fn generate_new(&self, row: &mut [Option<Expr>]) -> Result<()> {
        if self.generated.is_empty() {
            return Ok(());
        }
        for (position, (_, field)) in self.meta.columns().enumerate() {
            if row[position].is_none() {
                row[position] = db_default(self.meta, field)?;
            }
        }
        for generated in &self.generated {
            let null = Expr::Literal(Value::Null);
            let value = generated.value(&|position| row[position].clone().unwrap_or_else(|| null.clone()));
            row[generated.position] = Some(value);
        }
        Ok(())
    }

    /// The many-to-many relations that the model declares, by field.
    pub(crate) fn throughs(&self) -> &[(u16, ThroughBound)] {
        &self.throughs
    }
}

/// A description's address, which is its identity.
fn address(meta: &'static ModelMeta) -> usize {
    std::ptr::from_ref(meta).addr()
}

impl Binding {
    /// Looks all models up in a catalog.
    ///
    /// # Errors
    /// The engine's `UnknownTable` or `UnknownColumn` where the database is not that of the models.
    pub(crate) fn new(models: &[&'static ModelMeta], catalog: &Catalog) -> Result<Binding> {
        let mut binding = Binding::default();
        for &meta in models {
            let bound = bind(meta, catalog)?;
            binding.has_index_conditions |= !bound.in_index_conditions.is_empty();
            binding.know(catalog, bound.table, &bound.columns);
            for (_, through) in &bound.throughs {
                binding.know(catalog, through.table, &[through.source, through.target]);
            }
            binding.models.insert(address(meta), bound);
        }
        binding.schema = AtomicU64::new(catalog.schema_id().get());
        Ok(binding)
    }

    fn know(&mut self, catalog: &Catalog, table: TableId, places: &[usize]) {
        if let Some(definition) = catalog.table(table) {
            let columns = places.iter().filter_map(|place| KnownColumn::of(definition, *place));
            self.known.push((table, columns.collect()));
        }
    }

    /// One model before it has a table: its columns are in their order. For expressions over single rows.
    pub(crate) fn planned(meta: &'static ModelMeta) -> Binding {
        let columns: Vec<usize> = (0..meta.column_count()).collect();
        let bound = Bound {
            meta,
            table: TableId::new(0),
            slots: columns.clone(),
            types: Vec::new(),
            layout: Arc::new(Layout::new(Vec::new())),
            row_id: None,
            columns,
            is_identical: true,
            unique: Vec::new(),
            in_index_conditions: Vec::new(),
            generated: Vec::new(),
            throughs: Vec::new(),
        };
        let models = std::iter::once((address(meta), bound)).collect();
        Binding { models, ..Binding::default() }
    }

    /// Where a model is.
    pub(crate) fn model(&self, meta: &'static ModelMeta) -> Result<&Bound> {
        self.models.get(&address(meta)).ok_or_else(|| Error::Unregistered { model: meta.name })
    }

    /// The place of a field's column in its table.
    pub(crate) fn column(&self, meta: &'static ModelMeta, field: u16) -> Result<usize> {
        let place = self.model(meta)?.columns.get(meta.position(field)).copied();
        place.ok_or_else(|| Error::Unregistered { model: meta.name })
    }

    /// Whether which rows an index has depends on a field: then a comparison with it may make the index of use.
    pub(crate) fn is_in_index_condition(&self, meta: &'static ModelMeta, field: u16) -> bool {
        self.has_index_conditions
            && self.model(meta).is_ok_and(|bound| bound.in_index_conditions.contains(&meta.position(field)))
    }

    /// The place of the primary key's (first) column.
    pub(crate) fn key_column(&self, meta: &'static ModelMeta) -> Result<usize> {
        match meta.primary_key.first() {
            Some(&field) => self.column(meta, field),
            None => Err(Error::Unregistered { model: meta.name }),
        }
    }

    /// What tells a row of a model from all others by one value: its key, or its row id if the key has several parts.
    pub(crate) fn identity(&self, meta: &'static ModelMeta, source: Source) -> Result<Column> {
        if meta.primary_key.len() > 1 {
            return Ok(source.row_id());
        }
        Ok(source.column(self.key_column(meta)?))
    }

    /// Where the pairs of a many-to-many field are.
    pub(crate) fn through(&self, meta: &'static ModelMeta, field: u16) -> Result<&ThroughBound> {
        let throughs = &self.model(meta)?.throughs;
        throughs
            .iter()
            .find_map(|(known, through)| (*known == field).then_some(through))
            .ok_or(Error::Unregistered { model: meta.name })
    }

    /// All models.
    pub(crate) fn models(&self) -> impl Iterator<Item = &Bound> {
        self.models.values()
    }
}

impl SchemaTest for Binding {
    fn accepts(&self, catalog: &Catalog) -> bool {
        let schema = catalog.schema_id().get();
        if self.schema.load(Relaxed) == schema {
            return true;
        }
        let holds = self.known.iter().all(|(table, columns)| {
            catalog.table(*table).is_none_or(|table| columns.iter().all(|column| column.is_in(table)))
        });
        if holds {
            self.schema.store(schema, Relaxed);
        }
        holds
    }
}

fn bind(meta: &'static ModelMeta, catalog: &Catalog) -> Result<Bound> {
    let table = catalog.table_named(meta.table)?;
    let mut columns = Vec::with_capacity(meta.column_count());
    for (_, field) in meta.columns() {
        columns.push(table.column_named(field.column)?);
    }
    let is_identical =
        columns.len() == table.columns.len() && columns.iter().enumerate().all(|(at, place)| at == *place);
    let slots = columns.iter().map(|&column| table.columns[column].slot).collect();
    let types = columns.iter().map(|&column| table.columns[column].data_type).collect();
    let row_id = table.row_id_column().and_then(|key| columns.iter().position(|&column| column == key));
    let unique = unique_keys(table, &columns);
    let in_index_conditions = in_index_conditions(table, &columns);
    let mut throughs = Vec::new();
    for (index, field) in (0u16..).zip(meta.fields) {
        if let FieldKind::ManyToMany { target, through } = field.kind {
            let ThroughNames { table: name, source, target } = through_names(meta, field, target(), through)?;
            let table = catalog.table_named(&name)?;
            let (source, target) = (table.column_named(&source)?, table.column_named(&target)?);
            let model = through.map(|through| through());
            throughs.push((index, ThroughBound { table: table.id, model, source, target }));
        }
    }
    Ok(Bound {
        meta,
        table: table.id,
        columns,
        is_identical,
        slots,
        types,
        layout: table.layout.clone(),
        row_id,
        unique,
        in_index_conditions,
        generated: generated(meta)?,
        throughs,
    })
}

/// The positions of the columns that conditions of indexes mention.
fn in_index_conditions(table: &TableDefinition, columns: &[usize]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open: Vec<&Expr> = table.indexes.iter().filter_map(|index| index.condition.as_ref()).collect();
    while let Some(expr) = open.pop() {
        if let Expr::Column(column) = expr {
            found.extend(columns.iter().position(|place| !column.is_row_id() && *place == column.index()));
        }
        open.extend(expr.children());
    }
    found
}

/// The indexes of a table by which one column finds a row. One that is checked at commit only does not count, nor
/// one of some rows.
fn unique_keys(table: &TableDefinition, columns: &[usize]) -> Vec<UniqueKey> {
    let unique_key = |index: &IndexDefinition| {
        let [part] = &index.parts[..] else { return None };
        if index.condition.is_some() || index.unique.as_ref()?.deferred {
            return None;
        }
        let place = part.column()?;
        let column = columns.iter().position(|&column| column == place)?;
        Some(UniqueKey { column, index: index.id, part: part.key_part() })
    };
    table.indexes.iter().filter_map(unique_key).collect()
}
