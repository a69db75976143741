//! Catalogs written down: how a database in files keeps its definitions.
//!
//! Records are types of their own, as storage's are: the definitions in memory can change without the format. What can
//! be derived is not in them but is made again: programs are compiled, lanes are those of the slots. After a schema
//! change only the definitions it has changed are written.
//!
//! Order of reading: this file (tables), `data_type`, `expression` (checks, defaults, indexes), `view` (views and triggers).

mod data_type;
mod expression;
mod view;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use nuages_storage::codec::{self, Malformed};
use nuages_storage::record::SlotRecord;
use nuages_storage::{CatalogCodec, IndexId, Layout, Slot, Table, TableId};
use serde::{Deserialize, Serialize};

use super::index::IndexPrograms;
use super::program::RowProgram;
use super::{
    Action, Catalog, CheckDefinition, ChildLookup, ColumnDefinition, ColumnId, ConstraintId,
    ForeignKeyDefinition, IndexDefinition, IndexExpr, IndexPart, PrimaryKey, Reference, SchemaId,
    TableDefinition, TargetKey, Uniqueness,
};
use crate::error::Error;
use crate::evaluate::Context;
use crate::integrity::domain;
use crate::optimize::statistics::StatisticsCell;
use crate::schema::index::build;
use data_type::DataTypeRecord;
use expression::ExprRecord;
use view::{TriggerRecord, ViewRecord};

/// Declares a record for an enum of plain variants, and the way to it and back. New ones go to the end.
macro_rules! mirrored {
    ($record:ident of $original:ident: $($variant:ident),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub(super) enum $record { $($variant),* }

        impl From<$original> for $record {
            fn from(original: $original) -> $record {
                match original { $($original::$variant => $record::$variant),* }
            }
        }

        impl From<$record> for $original {
            fn from(record: $record) -> $original {
                match record { $($record::$variant => $original::$variant),* }
            }
        }
    };
}
pub(super) use mirrored;

/// How catalogs of this crate are written down.
#[derive(Debug)]
pub(crate) struct CatalogRecords;

/// What makes a catalog out of the one before it.
#[derive(Debug, Serialize, Deserialize)]
struct CatalogRecord<'a> {
    /// The tables that are new or not what they were.
    #[serde(borrow)]
    changed: Vec<TableRecord<'a>>,
    /// The tables that are gone.
    gone: Vec<u32>,
    /// All views, if one is new, gone, or not what it was.
    #[serde(borrow)]
    views: Option<Vec<ViewRecord<'a>>>,
    /// All triggers, likewise.
    #[serde(borrow)]
    triggers: Option<Vec<TriggerRecord<'a>>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TableRecord<'a> {
    id: u32,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    slots: Vec<SlotRecord<'a>>,
    #[serde(borrow)]
    columns: Vec<ColumnRecord<'a>>,
    primary_key: PrimaryKeyRecord,
    #[serde(borrow)]
    indexes: Vec<IndexRecord<'a>>,
    #[serde(borrow)]
    checks: Vec<CheckRecord<'a>>,
    #[serde(borrow)]
    foreign_keys: Vec<ForeignKeyRecord<'a>>,
    /// Tables that refer to it, and by which key.
    referenced_by: Vec<(u32, u32)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ColumnRecord<'a> {
    id: u32,
    #[serde(borrow)]
    name: Cow<'a, str>,
    data_type: DataTypeRecord,
    nullable: bool,
    #[serde(borrow)]
    default: Option<ExprRecord<'a>>,
    slot: usize,
    unsigned: bool,
    max: Option<i64>,
    generated_key: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum PrimaryKeyRecord {
    RowId { column: usize },
    Index { index: u32, columns: Vec<usize> },
    None,
}

#[derive(Debug, Serialize, Deserialize)]
struct IndexRecord<'a> {
    id: u32,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    parts: Vec<PartRecord<'a>>,
    #[serde(borrow)]
    unique: Option<UniquenessRecord<'a>>,
    #[serde(borrow)]
    condition: Option<ExprRecord<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PartRecord<'a> {
    #[serde(borrow)]
    expr: PartExprRecord<'a>,
    descending: bool,
    nulls_first: bool,
    nullable: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum PartExprRecord<'a> {
    Column(usize),
    Expression(#[serde(borrow)] ExprRecord<'a>),
}

#[derive(Debug, Serialize, Deserialize)]
struct UniquenessRecord<'a> {
    #[serde(borrow)]
    constraint: Cow<'a, str>,
    nulls_distinct: bool,
    deferred: bool,
    primary: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct CheckRecord<'a> {
    id: u32,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    condition: ExprRecord<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ForeignKeyRecord<'a> {
    id: u32,
    #[serde(borrow)]
    name: Cow<'a, str>,
    columns: Vec<usize>,
    /// The index in which the referring rows are found; none if it is their row id.
    lookup: Option<u32>,
    target: u32,
    target_columns: Vec<usize>,
    /// The index in which the row referred to is found; none if it is its row id.
    target_key: Option<u32>,
    on_delete: ActionRecord,
    on_update: ActionRecord,
    deferred: bool,
}

mirrored!(ActionRecord of Action: NoAction, Restrict, Cascade, SetNull, SetDefault);

impl CatalogCodec for CatalogRecords {
    fn encode(
        &self,
        catalog: &nuages_storage::Catalog,
        since: Option<&nuages_storage::Catalog>,
    ) -> Result<Vec<u8>, Malformed> {
        let (catalog, none) = (of(catalog)?, Catalog::new());
        let since = since.map_or(Ok(&none), of)?;
        let (changed, gone): (Vec<TableId>, Vec<TableId>) =
            catalog.changed_tables(since).partition(|id| catalog.table(*id).is_some());
        let changed = changed.iter().filter_map(|id| catalog.table(*id)).map(|table| TableRecord::of(table));
        let record = CatalogRecord {
            changed: changed.collect::<Result<Vec<_>, _>>()?,
            gone: gone.iter().map(|id| id.get()).collect(),
            views: (catalog.views != since.views).then(|| catalog.views().map(ViewRecord::of).collect()),
            triggers: (catalog.triggers != since.triggers)
                .then(|| catalog.triggers().map(TriggerRecord::of).collect()),
        };
        Ok(codec::encode(&record))
    }

    fn decode(
        &self,
        bytes: &[u8],
        since: Option<&nuages_storage::Catalog>,
    ) -> Result<nuages_storage::Catalog, Malformed> {
        let none = Catalog::new();
        let since = since.map_or(Ok(&none), of)?;
        let record: CatalogRecord<'_> = codec::decode("a catalog", bytes)?;
        let changed =
            record.changed.into_iter().map(TableRecord::into_table).collect::<Result<Vec<_>, _>>()?;
        let gone: Vec<TableId> = record.gone.into_iter().map(TableId::new).collect();
        let mut catalog = since.restored(changed, &gone);
        if let Some(views) = record.views {
            catalog.views = views.into_iter().map(ViewRecord::into_view).collect();
        }
        if let Some(triggers) = record.triggers {
            catalog.triggers = triggers.into_iter().map(TriggerRecord::into_trigger).collect();
        }
        check_references(&catalog)?;
        Ok(Arc::new(catalog))
    }

    fn build_indexes(&self, catalog: &nuages_storage::Catalog, table: &mut Table) -> Result<(), Malformed> {
        let unbuilt = |error: &Error| Malformed::new("an index", error.to_string());
        let catalog = of(catalog)?;
        let definition = catalog.expect_table(table.id()).map_err(|error| unbuilt(&error))?;
        for index in &definition.indexes {
            let tree =
                build(definition, index, table, &Context::new(&[])).map_err(|error| unbuilt(&error))?;
            table.add_index(index.id, tree);
        }
        Ok(())
    }
}

fn of(catalog: &nuages_storage::Catalog) -> Result<&Catalog, Malformed> {
    catalog.downcast_ref().ok_or_else(|| Malformed::new("a catalog", "it is not of this crate"))
}

impl Catalog {
    /// This catalog with some tables as they were written down, and without others.
    fn restored(&self, changed: Vec<TableDefinition>, gone: &[TableId]) -> Catalog {
        let mut catalog = Catalog { schema: SchemaId::fresh(), ..self.clone() };
        for id in gone.iter().copied().chain(changed.iter().map(|table| table.id)) {
            if let Some(old) = catalog.tables.get(&id) {
                catalog.names.remove(&old.name);
            }
        }
        gone.iter().for_each(|id| drop(catalog.tables.shift_remove(id)));
        for table in changed {
            catalog.names.insert(table.name.clone(), table.id);
            catalog.tables.insert(table.id, Arc::new(table));
        }
        catalog
    }
}

impl<'a> TableRecord<'a> {
    fn of(table: &'a TableDefinition) -> Result<TableRecord<'a>, Malformed> {
        Ok(TableRecord {
            id: table.id.get(),
            name: Cow::Borrowed(&table.name),
            slots: table.layout.slots().iter().map(SlotRecord::from).collect(),
            columns: table.columns.iter().map(ColumnRecord::of).collect::<Result<_, _>>()?,
            primary_key: match &table.primary_key {
                PrimaryKey::RowId { column } => PrimaryKeyRecord::RowId { column: *column },
                PrimaryKey::Index { index, columns } => {
                    PrimaryKeyRecord::Index { index: index.get(), columns: columns.clone() }
                }
                PrimaryKey::None => PrimaryKeyRecord::None,
            },
            indexes: table.indexes.iter().map(IndexRecord::of).collect::<Result<_, _>>()?,
            checks: table.checks.iter().map(CheckRecord::of).collect::<Result<_, _>>()?,
            foreign_keys: table.foreign_keys.iter().map(ForeignKeyRecord::of).collect(),
            referenced_by: table
                .referenced_by
                .iter()
                .map(|reference| (reference.table.get(), reference.foreign_key.number()))
                .collect(),
        })
    }

    fn into_table(self) -> Result<TableDefinition, Malformed> {
        let slots = self.slots.into_iter().map(Slot::try_from).collect::<Result<Vec<_>, _>>()?;
        let layout = Arc::new(Layout::new(slots));
        let columns = self.columns.into_iter().map(|column| column.into_column(&layout));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let reference =
            |(table, key)| Reference { table: TableId::new(table), foreign_key: ConstraintId::new(key) };
        let mut table = TableDefinition {
            id: TableId::new(self.id),
            name: self.name.into_owned(),
            bounded: domain::bounded(&columns),
            columns,
            primary_key: match self.primary_key {
                PrimaryKeyRecord::RowId { column } => PrimaryKey::RowId { column },
                PrimaryKeyRecord::Index { index, columns } => {
                    PrimaryKey::Index { index: IndexId::new(index), columns }
                }
                PrimaryKeyRecord::None => PrimaryKey::None,
            },
            indexes: Vec::new(),
            checks: Vec::new(),
            foreign_keys: self.foreign_keys.into_iter().map(ForeignKeyRecord::into_key).collect(),
            referenced_by: self.referenced_by.into_iter().map(reference).collect(),
            layout,
            statistics: StatisticsCell::default(),
        };
        for index in self.indexes {
            let index = index.into_index(&table)?;
            table.indexes.push(index);
        }
        for check in self.checks {
            let check = check.into_check(&table)?;
            table.checks.push(check);
        }
        check_places(&table)?;
        Ok(table)
    }
}

impl<'a> ColumnRecord<'a> {
    fn of(column: &'a ColumnDefinition) -> Result<ColumnRecord<'a>, Malformed> {
        Ok(ColumnRecord {
            id: column.id.number(),
            name: Cow::Borrowed(&column.name),
            data_type: column.data_type.into(),
            nullable: column.nullable,
            default: column.default.as_ref().map(ExprRecord::of).transpose()?,
            slot: column.slot,
            unsigned: column.unsigned,
            max: column.max,
            generated_key: column.generated_key,
        })
    }

    fn into_column(self, layout: &Layout) -> Result<ColumnDefinition, Malformed> {
        let slot = layout.slots().get(self.slot);
        let slot = slot.ok_or_else(|| Malformed::new("a column", "it is stored nowhere"))?;
        Ok(ColumnDefinition {
            id: ColumnId::new(self.id),
            name: self.name.into_owned(),
            data_type: self.data_type.into(),
            nullable: self.nullable,
            default: self.default.map(ExprRecord::into_expr).transpose()?,
            slot: self.slot,
            lane: slot.lane,
            unsigned: self.unsigned,
            max: self.max,
            generated_key: self.generated_key,
        })
    }
}

impl<'a> IndexRecord<'a> {
    fn of(index: &'a IndexDefinition) -> Result<IndexRecord<'a>, Malformed> {
        let unique = |unique: &'a Uniqueness| UniquenessRecord {
            constraint: Cow::Borrowed(&unique.constraint),
            nulls_distinct: unique.nulls_distinct,
            deferred: unique.deferred,
            primary: unique.primary,
        };
        Ok(IndexRecord {
            id: index.id.get(),
            name: Cow::Borrowed(&index.name),
            parts: index.parts.iter().map(PartRecord::of).collect::<Result<_, _>>()?,
            unique: index.unique.as_ref().map(unique),
            condition: index.condition.as_ref().map(ExprRecord::of).transpose()?,
        })
    }

    fn into_index(self, table: &TableDefinition) -> Result<IndexDefinition, Malformed> {
        let parts = self.parts.into_iter().map(PartRecord::into_part).collect::<Result<Vec<_>, _>>()?;
        let condition = self.condition.map(ExprRecord::into_expr).transpose()?;
        let programs =
            IndexPrograms::compile(table, &parts, condition.as_ref()).map_err(|error| unfit(&error))?;
        let unique = |unique: UniquenessRecord<'_>| Uniqueness {
            constraint: unique.constraint.into_owned(),
            nulls_distinct: unique.nulls_distinct,
            deferred: unique.deferred,
            primary: unique.primary,
        };
        Ok(IndexDefinition {
            id: IndexId::new(self.id),
            name: self.name.into_owned(),
            parts,
            unique: self.unique.map(unique),
            condition,
            programs,
        })
    }
}

impl<'a> PartRecord<'a> {
    fn of(part: &'a IndexPart) -> Result<PartRecord<'a>, Malformed> {
        let IndexPart { ref expr, descending, nulls_first, nullable } = *part;
        let expr = match expr {
            IndexExpr::Column(place) => PartExprRecord::Column(*place),
            IndexExpr::Expression(expr) => PartExprRecord::Expression(ExprRecord::of(expr)?),
        };
        Ok(PartRecord { expr, descending, nulls_first, nullable })
    }

    fn into_part(self) -> Result<IndexPart, Malformed> {
        let PartRecord { expr, descending, nulls_first, nullable } = self;
        let expr = match expr {
            PartExprRecord::Column(place) => IndexExpr::Column(place),
            PartExprRecord::Expression(expr) => IndexExpr::Expression(expr.into_expr()?),
        };
        Ok(IndexPart { expr, descending, nulls_first, nullable })
    }
}

impl<'a> CheckRecord<'a> {
    fn of(check: &'a CheckDefinition) -> Result<CheckRecord<'a>, Malformed> {
        let condition = ExprRecord::of(&check.condition)?;
        Ok(CheckRecord { id: check.id.number(), name: Cow::Borrowed(&check.name), condition })
    }

    fn into_check(self, table: &TableDefinition) -> Result<CheckDefinition, Malformed> {
        let condition = self.condition.into_expr()?;
        let program = RowProgram::compile_condition(table, &condition).map_err(|error| unfit(&error))?;
        let (id, name) = (ConstraintId::new(self.id), self.name.into_owned());
        Ok(CheckDefinition { id, name, condition, program: Arc::new(program) })
    }
}

impl<'a> ForeignKeyRecord<'a> {
    fn of(key: &'a ForeignKeyDefinition) -> ForeignKeyRecord<'a> {
        ForeignKeyRecord {
            id: key.id.number(),
            name: Cow::Borrowed(&key.name),
            columns: key.columns.clone(),
            lookup: match key.lookup {
                ChildLookup::RowId => None,
                ChildLookup::Index(index) => Some(index.get()),
            },
            target: key.target.get(),
            target_columns: key.target_columns.clone(),
            target_key: match key.target_key {
                TargetKey::RowId => None,
                TargetKey::Index(index) => Some(index.get()),
            },
            on_delete: key.on_delete.into(),
            on_update: key.on_update.into(),
            deferred: key.deferred,
        }
    }

    fn into_key(self) -> ForeignKeyDefinition {
        let index = IndexId::new;
        ForeignKeyDefinition {
            id: ConstraintId::new(self.id),
            name: self.name.into_owned(),
            columns: self.columns,
            lookup: self.lookup.map_or(ChildLookup::RowId, |lookup| ChildLookup::Index(index(lookup))),
            target: TableId::new(self.target),
            target_columns: self.target_columns,
            target_key: self.target_key.map_or(TargetKey::RowId, |key| TargetKey::Index(index(key))),
            on_delete: self.on_delete.into(),
            on_update: self.on_update.into(),
            deferred: self.deferred,
        }
    }
}

/// An expression that the table it was written for refuses.
fn unfit(error: &Error) -> Malformed {
    Malformed::new("an expression of a definition", error.to_string())
}

/// That everything that means columns by place means columns that are there.
fn check_places(table: &TableDefinition) -> Result<(), Malformed> {
    let indexed = table.indexes.iter().flat_map(|index| index.parts.iter().filter_map(IndexPart::column));
    let referring = table.foreign_keys.iter().flat_map(|key| key.columns.iter().copied());
    let key = table.primary_key_columns().iter().copied();
    let mut places = indexed.chain(referring).chain(key);
    if places.all(|place| place < table.columns.len()) {
        Ok(())
    } else {
        Err(Malformed::new("a table", "a key or an index has a column that is not there"))
    }
}

/// That references between tables agree from both sides.
fn check_references(catalog: &Catalog) -> Result<(), Malformed> {
    let mut told = BTreeMap::new();
    for table in catalog.tables() {
        for reference in &table.referenced_by {
            told.insert((reference.table, reference.foreign_key), table.id);
        }
    }
    let mut keys = 0;
    for table in catalog.tables() {
        for key in &table.foreign_keys {
            keys += 1;
            let target = catalog.table(key.target);
            let is_whole = told.get(&(table.id, key.id)) == Some(&key.target)
                && target.is_some_and(|target| {
                    key.target_columns.iter().all(|place| *place < target.columns.len())
                });
            if !is_whole {
                return Err(Malformed::new("a catalog", "a foreign key refers to what is not there"));
            }
        }
    }
    if keys == told.len() {
        Ok(())
    } else {
        Err(Malformed::new("a catalog", "a reference has no foreign key"))
    }
}
