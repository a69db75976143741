//! Tables written down, with their columns, keys, indexes and checks.

use std::borrow::Cow;
use std::sync::Arc;

use nuages_storage::codec::Malformed;
use nuages_storage::record::SlotRecord;
use nuages_storage::{IndexId, Layout, Slot, TableId};
use serde::{Deserialize, Serialize};

use super::data_type::DataTypeRecord;
use super::expression::ExprRecord;
use super::mirrored;
use crate::catalog::index::IndexPrograms;
use crate::catalog::program::RowProgram;
use crate::catalog::{
    Action, CheckDefinition, ChildLookup, Collation, ColumnDefinition, ColumnId, ColumnSet, ConstraintId,
    EnumDefinition, ForeignKeyDefinition, IndexDefinition, IndexExpr, IndexPart, KeyConflict, PrimaryKey,
    Reference, TableDefinition, TargetKey, Uniqueness,
};
use crate::error::Error;
use crate::optimize::statistics::StatisticsCell;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TableRecord<'a> {
    id: u32,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    slots: Vec<SlotRecord<'a>>,
    #[serde(borrow)]
    columns: Vec<ColumnRecord<'a>>,
    primary_key: PrimaryKeyRecord,
    row_id_conflict: KeyConflictRecord,
    #[serde(borrow)]
    indexes: Vec<IndexRecord<'a>>,
    #[serde(borrow)]
    computed: Vec<(usize, ExprRecord<'a>)>,
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
    collation: CollationRecord,
    nullable: bool,
    #[serde(borrow)]
    default: Option<ExprRecord<'a>>,
    slot: usize,
    unsigned: bool,
    max: Option<i64>,
    generated_key: bool,
    always: bool,
    any: bool,
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
    on_conflict: KeyConflictRecord,
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

mirrored!(CollationRecord of Collation: Binary, IgnoreCase);

mirrored!(KeyConflictRecord of KeyConflict: Refuse, Ignore, Replace);

mirrored!(ActionRecord of Action: NoAction, Restrict, Cascade, SetNull, SetDefault);

impl<'a> TableRecord<'a> {
    pub(super) fn of(table: &'a TableDefinition) -> Result<TableRecord<'a>, Malformed> {
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
            row_id_conflict: table.row_id_conflict.into(),
            indexes: table.indexes.iter().map(IndexRecord::of).collect::<Result<_, _>>()?,
            computed: table
                .computed
                .iter()
                .map(|computed| Ok((computed.column, ExprRecord::of(&computed.expr)?)))
                .collect::<Result<_, Malformed>>()?,
            checks: table.checks.iter().map(CheckRecord::of).collect::<Result<_, _>>()?,
            foreign_keys: table.foreign_keys.iter().map(ForeignKeyRecord::of).collect(),
            referenced_by: table
                .referenced_by
                .iter()
                .map(|reference| (reference.table.get(), reference.foreign_key.number()))
                .collect(),
        })
    }

    /// The table, whose columns may be of these enumerations.
    pub(super) fn into_table(self, enums: &[Arc<EnumDefinition>]) -> Result<TableDefinition, Malformed> {
        let slots = self.slots.into_iter().map(Slot::try_from).collect::<Result<Vec<_>, _>>()?;
        let layout = Arc::new(Layout::new(slots));
        let columns = self.columns.into_iter().map(|column| column.into_column(&layout, enums));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let reference =
            |(table, key)| Reference { table: TableId::new(table), foreign_key: ConstraintId::new(key) };
        let mut table = TableDefinition {
            id: TableId::new(self.id),
            name: self.name.into_owned(),
            bounded: ColumnSet::ALL,
            involved: ColumnSet::ALL,
            columns,
            primary_key: match self.primary_key {
                PrimaryKeyRecord::RowId { column } => PrimaryKey::RowId { column },
                PrimaryKeyRecord::Index { index, columns } => {
                    PrimaryKey::Index { index: IndexId::new(index), columns }
                }
                PrimaryKeyRecord::None => PrimaryKey::None,
            },
            row_id_conflict: self.row_id_conflict.into(),
            indexes: Vec::new(),
            computed: Vec::new(),
            checks: Vec::new(),
            foreign_keys: self.foreign_keys.into_iter().map(ForeignKeyRecord::into_key).collect(),
            referenced_by: self.referenced_by.into_iter().map(reference).collect(),
            temporary: None,
            layout,
            statistics: StatisticsCell::default(),
        };
        for index in self.indexes {
            let index = index.into_index(&table)?;
            table.indexes.push(index);
        }
        let computed = self.computed.into_iter().map(|(column, expr)| Ok((column, expr.into_expr()?)));
        table
            .set_computed(&computed.collect::<Result<Vec<_>, Malformed>>()?)
            .map_err(|error| unfit(&error))?;
        for check in self.checks {
            let check = check.into_check(&table)?;
            table.checks.push(check);
        }
        check_places(&table)?;
        table.sum_up();
        Ok(table)
    }
}

impl<'a> ColumnRecord<'a> {
    fn of(column: &'a ColumnDefinition) -> Result<ColumnRecord<'a>, Malformed> {
        Ok(ColumnRecord {
            id: column.id.number(),
            name: Cow::Borrowed(&column.name),
            data_type: DataTypeRecord::of_column(column),
            collation: column.collation.into(),
            nullable: column.nullable,
            default: column.default.as_ref().map(ExprRecord::of).transpose()?,
            slot: column.slot,
            unsigned: column.unsigned,
            max: column.max,
            generated_key: column.generated_key,
            always: column.always,
            any: column.any,
        })
    }

    fn into_column(
        self,
        layout: &Layout,
        enums: &[Arc<EnumDefinition>],
    ) -> Result<ColumnDefinition, Malformed> {
        let slot = layout.slots().get(self.slot);
        let slot = slot.ok_or_else(|| Malformed::new("a column", "it is stored nowhere"))?;
        Ok(ColumnDefinition {
            id: ColumnId::new(self.id),
            name: self.name.into_owned(),
            element: self.data_type.element(),
            enumeration: self.data_type.enumeration(enums)?,
            data_type: self.data_type.into(),
            collation: self.collation.into(),
            nullable: self.nullable,
            default: self.default.map(ExprRecord::into_expr).transpose()?,
            slot: self.slot,
            lane: slot.lane,
            unsigned: self.unsigned,
            max: self.max,
            generated_key: self.generated_key,
            always: self.always,
            any: self.any,
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
            on_conflict: unique.on_conflict.into(),
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
            on_conflict: unique.on_conflict.into(),
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
