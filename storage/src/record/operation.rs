//! Write sets: the operations of a commit.

use std::borrow::Cow;
use std::sync::Arc;

use super::rows::patch_of;
use super::{
    EntriesRecord, IndexChangeRecord, LogRecord, OperationRecord, PatchColumnRecord, RowIdsRecord,
    RowsRecord, TableRecord,
};
use crate::CatalogCodec;
use crate::codec::{self, Malformed};
use crate::index::{Index, IndexChange, IndexId};
use crate::layout::Layout;
use crate::leaf::RowId;
use crate::table::TableId;
use crate::version::Version;
use crate::write_set::{Catalog, Operation, SchemaChange, WriteSet};

/// The frame of a commit, without what it does to temporary tables. `before` is the catalog of the version that the write
/// set is applied to.
pub(crate) fn commit_record(
    write_set: &WriteSet,
    before: &Catalog,
    schema: &dyn CatalogCodec,
) -> Result<Vec<u8>, Malformed> {
    let mut catalog = before;
    let mut records = Vec::with_capacity(write_set.len());
    let is_kept = |operation: &&Operation| !operation.table().is_some_and(TableId::is_temporary);
    for operation in write_set.operations().iter().filter(is_kept) {
        records.push(record_of(operation, catalog, schema)?);
        if let Operation::Schema(SchemaChange::Catalog(next)) = operation {
            catalog = next;
        }
    }
    Ok(codec::encode(&LogRecord::Commit(records)))
}

fn record_of<'a>(
    operation: &'a Operation,
    before: &Catalog,
    schema: &dyn CatalogCodec,
) -> Result<OperationRecord<'a>, Malformed> {
    let changes_of = |changes: &[IndexChange]| changes.iter().map(IndexChangeRecord::of).collect();
    Ok(match operation {
        Operation::Insert { table, rows, changes } => OperationRecord::Insert {
            table: table.get(),
            rows: RowsRecord::of(rows),
            changes: changes_of(changes),
        },
        Operation::Update { table, rows, changes } => OperationRecord::Update {
            table: table.get(),
            rows: RowsRecord::of(rows),
            changes: changes_of(changes),
        },
        Operation::Assign { table, patch } => OperationRecord::Assign {
            table: table.get(),
            rows: RowIdsRecord::of(patch.row_ids().iter().map(|row_id| row_id.get())),
            columns: PatchColumnRecord::of(patch),
        },
        Operation::Delete { table, rows, changes } => OperationRecord::Delete {
            table: table.get(),
            rows: RowIdsRecord::of(rows.iter().map(|row_id| row_id.get())),
            changes: changes_of(changes),
        },
        Operation::Schema(change) => schema_record(change, before, schema)?,
    })
}

fn schema_record<'a>(
    change: &'a SchemaChange,
    before: &Catalog,
    schema: &dyn CatalogCodec,
) -> Result<OperationRecord<'a>, Malformed> {
    Ok(match change {
        SchemaChange::CreateTable(table) => OperationRecord::CreateTable(TableRecord::of(table)),
        SchemaChange::ReplaceTable(table) => OperationRecord::ReplaceTable(TableRecord::of(table)),
        SchemaChange::DropTable(table) => OperationRecord::DropTable(table.get()),
        SchemaChange::AddSlot { table, slot } => {
            OperationRecord::AddSlot { table: table.get(), slot: slot.into() }
        }
        SchemaChange::AddIndex { table, id, index } => OperationRecord::AddIndex {
            table: table.get(),
            index: id.get(),
            entries: EntriesRecord::of(index.entries(0..index.len())),
        },
        SchemaChange::DropIndex { table, id } => {
            OperationRecord::DropIndex { table: table.get(), index: id.get() }
        }
        SchemaChange::Catalog(catalog) => {
            OperationRecord::Catalog(Cow::Owned(schema.encode(catalog, Some(before))?))
        }
    })
}

/// What an operation is read in: the version it is to be applied to.
pub(crate) struct Scope<'v> {
    pub(crate) version: &'v mut Version,
    pub(crate) schema: &'v dyn CatalogCodec,
}

/// Applies the operations of a commit, one after another, since each is read in the version that those before it have
/// made. Returns them without what they held, to tell the tables they changed.
pub(crate) fn commit_of(
    records: Vec<OperationRecord<'_>>,
    scope: &mut Scope<'_>,
) -> Result<Vec<TableId>, Malformed> {
    let mut tables = Vec::new();
    for record in records {
        let operation = scope.operation(record)?;
        tables.extend(operation.table().filter(|table| !tables.contains(table)));
        if !scope.version.apply_read(&operation) {
            return Err(Malformed::new(
                "a commit",
                "it changes rows that are not there, or are there already",
            ));
        }
    }
    Ok(tables)
}

impl Scope<'_> {
    /// The operation of a record, which is not applied yet.
    pub(crate) fn operation(&self, record: OperationRecord<'_>) -> Result<Operation, Malformed> {
        let table_id = TableId::new;
        Ok(match record {
            OperationRecord::Insert { table, rows, changes } => Operation::Insert {
                table: table_id(table),
                rows: rows.to_rows(self.layout(table)?)?,
                changes: changes_of(&changes)?,
            },
            OperationRecord::Update { table, rows, changes } => Operation::Update {
                table: table_id(table),
                rows: rows.to_rows(self.layout(table)?)?,
                changes: changes_of(&changes)?,
            },
            OperationRecord::Assign { table, rows, columns } => Operation::Assign {
                table: table_id(table),
                patch: patch_of(&rows, columns, self.layout(table)?)?,
            },
            OperationRecord::Delete { table, rows, changes } => Operation::Delete {
                table: table_id(table),
                rows: rows.row_ids().collect::<Vec<RowId>>(),
                changes: changes_of(&changes)?,
            },
            schema => Operation::Schema(self.schema_change(schema)?),
        })
    }

    fn schema_change(&self, record: OperationRecord<'_>) -> Result<SchemaChange, Malformed> {
        Ok(match record {
            OperationRecord::CreateTable(table) => SchemaChange::CreateTable(Arc::new(table.into_table()?)),
            OperationRecord::ReplaceTable(table) => SchemaChange::ReplaceTable(Arc::new(table.into_table()?)),
            OperationRecord::DropTable(table) => SchemaChange::DropTable(TableId::new(table)),
            OperationRecord::AddSlot { table, slot } => {
                SchemaChange::AddSlot { table: TableId::new(table), slot: slot.try_into()? }
            }
            OperationRecord::AddIndex { table, index, entries } => SchemaChange::AddIndex {
                table: TableId::new(table),
                id: IndexId::new(index),
                index: Index::bulk(&entries.to_keys()?),
            },
            OperationRecord::DropIndex { table, index } => {
                SchemaChange::DropIndex { table: TableId::new(table), id: IndexId::new(index) }
            }
            OperationRecord::Catalog(bytes) => {
                SchemaChange::Catalog(self.schema.decode(&bytes, Some(self.version.catalog()))?)
            }
            OperationRecord::Insert { .. }
            | OperationRecord::Update { .. }
            | OperationRecord::Assign { .. }
            | OperationRecord::Delete { .. } => unreachable!("operations on rows were read before"),
        })
    }

    fn layout(&self, table: u32) -> Result<&Arc<Layout>, Malformed> {
        let table = self.version.table(TableId::new(table));
        table
            .map(|table| table.layout())
            .ok_or_else(|| Malformed::new("a commit", "it changes a table that is not there"))
    }
}

fn changes_of(records: &[IndexChangeRecord<'_>]) -> Result<Vec<IndexChange>, Malformed> {
    records.iter().map(IndexChangeRecord::to_change).collect()
}
