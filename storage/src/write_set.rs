//! Write sets: what a transaction has changed.
//!
//! A write set is an append-only list of [`Operation`]s. Everything that could fail or needs thought (images, keys,
//! index entries, checks) happened when the statement ran and is kept here as data, so that applying an operation
//! evaluates nothing, waits for nothing and cannot fail. A savepoint is a length of the list; rolling back pops to it.

use std::any::Any;
use std::cell::Cell;
use std::sync::Arc;
use std::{fmt, mem};

use smallvec::SmallVec;

use crate::codec::Malformed;
use crate::index::{Index, IndexChange, IndexId};
use crate::layout::Slot;
use crate::leaf::{RowId, Rows};
use crate::patch::Patch;
use crate::table::{Table, TableId};

/// What a catalog is to storage: a value it keeps beside the tables and does not look into.
pub type Catalog = Arc<dyn Any + Send + Sync>;

/// What storage has to be told of catalogs to write them down: how one becomes bytes, and bytes become one.
///
/// Whoever puts catalogs into a store gives it one of these when the store lies in files.
pub trait CatalogCodec: fmt::Debug + Send + Sync {
    /// A catalog as bytes; what makes it out of `since`, if that is given.
    ///
    /// # Errors
    /// [`Malformed`] if something in it cannot be written down. Nothing is committed then.
    fn encode(&self, catalog: &Catalog, since: Option<&Catalog>) -> Result<Vec<u8>, Malformed>;

    /// The catalog that became these bytes, with the same `since`.
    ///
    /// # Errors
    /// [`Malformed`] if they are not what [`encode`](CatalogCodec::encode) makes.
    fn decode(&self, bytes: &[u8], since: Option<&Catalog>) -> Result<Catalog, Malformed>;

    /// Gives a table all the indexes that the catalog says it has, built from its rows: of a table that was
    /// [salvaged](crate::Store::salvage).
    ///
    /// # Errors
    /// [`Malformed`] if that cannot be done with these rows.
    fn build_indexes(&self, catalog: &Catalog, table: &mut Table) -> Result<(), Malformed>;
}

/// One change of a write set.
#[derive(Clone, Debug)]
pub enum Operation {
    /// New rows and their index entries.
    Insert {
        /// The table.
        table: TableId,
        /// The rows, numbered.
        rows: Rows,
        /// The entries they add.
        changes: Vec<IndexChange>,
    },
    /// New images of existing rows.
    Update {
        /// The table.
        table: TableId,
        /// The whole new images, under the ids of the rows they replace.
        rows: Rows,
        /// The entries that go and come.
        changes: Vec<IndexChange>,
    },
    /// New values for a few columns of existing rows, which no index has in its keys.
    Assign {
        /// The table.
        table: TableId,
        /// The values, by row, in the order of the row ids.
        patch: Patch,
    },
    /// Rows that go.
    Delete {
        /// The table.
        table: TableId,
        /// Their ids, ascending.
        rows: Vec<RowId>,
        /// The entries that go with them.
        changes: Vec<IndexChange>,
    },
    /// A change of the schema.
    Schema(SchemaChange),
}

impl Operation {
    /// The table it changes; none for a change of the catalog alone.
    pub fn table(&self) -> Option<TableId> {
        match self {
            Operation::Insert { table, .. }
            | Operation::Update { table, .. }
            | Operation::Assign { table, .. }
            | Operation::Delete { table, .. } => Some(*table),
            Operation::Schema(change) => change.table(),
        }
    }

    /// The table of whose rows it is; none for a change of the schema.
    pub(crate) fn table_of_rows(&self) -> Option<TableId> {
        if let Operation::Schema(_) = self { None } else { self.table() }
    }

    /// Whether it may change this row, or bring or take it.
    pub(crate) fn concerns(&self, table: TableId, row: RowId) -> bool {
        self.table() == Some(table)
            && match self {
                Operation::Insert { rows, .. } | Operation::Update { rows, .. } => {
                    rows.leaf.row_ids().contains(&row.get())
                }
                Operation::Assign { patch, .. } => patch.row_ids().binary_search(&row).is_ok(),
                Operation::Delete { rows, .. } => rows.binary_search(&row).is_ok(),
                Operation::Schema(_) => true,
            }
    }

    /// How many rows and index entries it touches: the work of applying it.
    pub fn weight(&self) -> usize {
        match self {
            Operation::Insert { rows, changes, .. } | Operation::Update { rows, changes, .. } => {
                rows.len() + entries(changes)
            }
            // Rows of a patch mostly lie in few leaves, and are a store each.
            Operation::Assign { patch, .. } => patch.len().div_ceil(8),
            Operation::Delete { rows, changes, .. } => rows.len() + entries(changes),
            Operation::Schema(_) => 1,
        }
    }
}

fn entries(changes: &[IndexChange]) -> usize {
    changes.iter().map(|change| change.removed.len() + change.added.len()).sum()
}

/// A change of the schema. Trees that have to be built were built by the statement and are installed as they are.
#[derive(Clone)]
pub enum SchemaChange {
    /// A new table.
    CreateTable(Arc<Table>),
    /// The table goes.
    DropTable(TableId),
    /// A new slot at the end of every row; no row is rewritten.
    AddSlot {
        /// The table.
        table: TableId,
        /// The slot, with what existing rows read there.
        slot: Slot,
    },
    /// A new index, built over the rows that exist.
    AddIndex {
        /// The table.
        table: TableId,
        /// Its id.
        id: IndexId,
        /// The finished tree.
        index: Index,
    },
    /// The index goes.
    DropIndex {
        /// The table.
        table: TableId,
        /// Its id.
        id: IndexId,
    },
    /// The table, rewritten under its id.
    ReplaceTable(Arc<Table>),
    /// The catalog that describes all this.
    Catalog(Catalog),
}

impl SchemaChange {
    /// The table it changes; none for a change of the catalog alone.
    fn table(&self) -> Option<TableId> {
        match self {
            SchemaChange::CreateTable(table) | SchemaChange::ReplaceTable(table) => Some(table.id()),
            SchemaChange::DropTable(table)
            | SchemaChange::AddSlot { table, .. }
            | SchemaChange::AddIndex { table, .. }
            | SchemaChange::DropIndex { table, .. } => Some(*table),
            SchemaChange::Catalog(_) => None,
        }
    }
}

impl std::fmt::Debug for SchemaChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SchemaChange::CreateTable(table) => f.debug_tuple("CreateTable").field(&table.id()).finish(),
            SchemaChange::DropTable(table) => f.debug_tuple("DropTable").field(table).finish(),
            SchemaChange::AddSlot { table, slot } => {
                f.debug_struct("AddSlot").field("table", table).field("slot", slot).finish()
            }
            SchemaChange::AddIndex { table, id, .. } => {
                f.debug_struct("AddIndex").field("table", table).field("id", id).finish_non_exhaustive()
            }
            SchemaChange::DropIndex { table, id } => {
                f.debug_struct("DropIndex").field("table", table).field("id", id).finish()
            }
            SchemaChange::ReplaceTable(table) => f.debug_tuple("ReplaceTable").field(&table.id()).finish(),
            SchemaChange::Catalog(_) => f.write_str("Catalog"),
        }
    }
}

/// Operations of which a list has room that is kept for the next write set.
const SPARE_MAX: usize = 64;

thread_local! {
    /// The list that the last write set of this thread has left, empty: most transactions record a few operations, and
    /// should not ask the allocator for that.
    static SPARE: Cell<Vec<Operation>> = const { Cell::new(Vec::new()) };
}

/// The operations of a transaction, in order.
#[derive(Clone, Debug, Default)]
pub struct WriteSet {
    operations: Vec<Operation>,
    /// The tables they change, in the order in which they came. (Rolling back leaves them: they are a superset.)
    tables: SmallVec<[TableId; 2]>,
    /// Those of them to which more is done than to bring rows, and to set what is in no key.
    rewritten: SmallVec<[TableId; 2]>,
    changes_schema: bool,
}

impl WriteSet {
    /// An empty write set; allocates nothing.
    pub fn new() -> WriteSet {
        WriteSet::default()
    }

    /// Records an operation.
    #[inline]
    pub fn push(&mut self, operation: Operation) {
        match &operation {
            Operation::Insert { table, .. } | Operation::Assign { table, .. } => {
                add_once(&mut self.tables, *table);
            }
            operation => {
                if let Some(table) = operation.table() {
                    add_once(&mut self.tables, table);
                    add_once(&mut self.rewritten, table);
                }
                self.changes_schema |= matches!(operation, Operation::Schema(_));
            }
        }
        if self.operations.capacity() == 0 {
            self.operations = SPARE.try_with(Cell::take).unwrap_or_default();
        }
        self.operations.push(operation);
    }

    /// The tables that its operations change, and perhaps some that they no longer do.
    pub fn tables(&self) -> &[TableId] {
        &self.tables
    }

    /// Whether more may be done to a table than to bring rows, and to set what is in no key. O(tables).
    pub(crate) fn rewrites(&self, table: TableId) -> bool {
        self.rewritten.contains(&table)
    }

    /// Whether the schema may be changed. O(1).
    pub(crate) fn changes_schema(&self) -> bool {
        self.changes_schema
    }

    /// The number of operations, which is what a savepoint is.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether nothing has been changed.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Forgets every operation from the `length`-th on.
    pub fn truncate(&mut self, length: usize) {
        self.operations.truncate(length);
    }

    /// The operations, in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The work of applying it: rows and index entries touched.
    pub fn weight(&self) -> usize {
        self.operations.iter().map(Operation::weight).sum()
    }
}

fn add_once(tables: &mut SmallVec<[TableId; 2]>, table: TableId) {
    if tables.last() != Some(&table) && !tables.contains(&table) {
        tables.push(table);
    }
}

impl Drop for WriteSet {
    fn drop(&mut self) {
        self.operations.clear();
        if (1..=SPARE_MAX).contains(&self.operations.capacity()) {
            // A thread that ends has none any more.
            let _ = SPARE.try_with(|spare| spare.set(mem::take(&mut self.operations)));
        }
    }
}
