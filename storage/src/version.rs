//! Versions: the database as a value.
//!
//! A [`Version`] holds the catalog and every table with its indexes, all of them persistent trees. Cloning one copies
//! a few pointers. A version that anyone but the committer can reach never changes; where nobody else holds it, the
//! same operations change it in place, because every node is reached through [`Shared::make_mut`].

use std::mem;
use std::sync::Arc;

use crate::commit::CommitId;
use crate::leftovers;
use crate::numbered::Numbered;
use crate::shared::Shared;
use crate::table::{Table, TableId};
use crate::write_set::{Catalog, Operation, SchemaChange};

/// Tables by id: a spine of chunks, so that a commit copies the chunks of the tables it touched, not a list of all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    chunks: Numbered<Shared<Chunk>>,
}

type Chunk = [Option<Shared<Table>>; Tables::CHUNK as usize];

impl Tables {
    const CHUNK: u32 = 16;

    fn get(&self, id: TableId) -> Option<&Table> {
        self.shared(id).map(|table| &**table)
    }

    fn shared(&self, id: TableId) -> Option<&Shared<Table>> {
        let number = id.get();
        self.chunks.get(number / Self::CHUNK)?[(number % Self::CHUNK) as usize].as_ref()
    }

    fn slot(&mut self, id: TableId) -> &mut Option<Shared<Table>> {
        let number = id.get();
        let chunk = self.chunks.get_or_insert_with(number / Self::CHUNK, Shared::default);
        &mut Shared::make_mut(chunk)[(number % Self::CHUNK) as usize]
    }

    /// The bytes that nothing but this keeps. O(such nodes).
    fn bytes_alone(&self) -> usize {
        let chunks = self.chunks.iter().filter(|(_, chunk)| Shared::strong_count(chunk) == 1);
        let tables = chunks.flat_map(|(_, chunk)| chunk.iter().flatten());
        let alone = tables.filter(|table| Shared::strong_count(table) == 1);
        alone.map(|table| table.bytes_alone()).sum()
    }

    fn iter(&self) -> impl Iterator<Item = &Shared<Table>> {
        self.chunks.iter().flat_map(|(_, chunk)| chunk.iter().flatten())
    }
}

/// Why an operation fits, that a statement of this process has made.
const LOOKED_UP: &str = "that its table and rows are there was looked up, and they are locked";

/// When entries of indexes are put in.
#[derive(Clone, Copy)]
enum Entries {
    Now,
    WhenLookedAt,
}

/// The whole database at one commit.
pub struct Version {
    commit: CommitId,
    catalog: Catalog,
    tables: Tables,
    /// None of what is not published: views, and what is being made.
    home: Option<Home>,
}

/// The store where a version is at home, as far as it is told of what the version leaves.
pub(crate) type Home = leftovers::Home<Tables>;

/// What is cloned is to become another version, and is published nowhere yet.
impl Clone for Version {
    fn clone(&self) -> Self {
        let (catalog, tables) = (Arc::clone(&self.catalog), self.tables.clone());
        Self { commit: self.commit, catalog, tables, home: None }
    }
}

impl Drop for Version {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.leave(mem::take(&mut self.tables));
        }
    }
}

impl Version {
    /// The empty database under a catalog.
    pub fn new(catalog: Catalog) -> Version {
        Version { commit: CommitId::default(), catalog, tables: Tables::default(), home: None }
    }

    /// A version that is read from a checkpoint, as far as it has no tables yet.
    pub(crate) fn restored(commit: CommitId, catalog: Catalog) -> Version {
        Version { commit, catalog, tables: Tables::default(), home: None }
    }

    /// Adds a table as it was at this version's commit, or before.
    pub(crate) fn restore_table(&mut self, mut table: Table) {
        table.set_changed(self.commit);
        let slot = self.tables.slot(table.id());
        *slot = Some(Shared::new(table));
    }

    /// The commit that made it; of a transaction's view, the commit it stands on.
    pub fn commit(&self) -> CommitId {
        self.commit
    }

    /// Makes the indexes of these tables have what was [postponed](Version::apply_postponing), before others see them.
    pub(crate) fn settle(&mut self, tables: &[TableId]) {
        for &table in tables {
            if self.table(table).is_some_and(|table| !table.is_settled()) {
                self.change(table, None, |table| {
                    table.settle();
                    true
                });
            }
        }
    }

    /// Makes it the version of a commit, which has changed these tables.
    pub(crate) fn stamp(&mut self, commit: CommitId, tables: &[TableId]) {
        self.commit = commit;
        for &table in tables {
            self.change(table, Some(commit), |_| true);
        }
    }

    /// Makes it the version of a commit of these operations, which are applied.
    pub(crate) fn commit_operations(&mut self, commit: CommitId, operations: &[Operation]) {
        self.commit = commit;
        for operation in operations {
            let fits = self.apply_in(Some(commit), Entries::Now, operation);
            debug_assert!(fits, "{LOOKED_UP}");
        }
    }

    /// It is published by the store of this home.
    pub(crate) fn publish(&mut self, home: Home) {
        self.home = Some(home);
    }

    /// Another takes its place as the newest. Who calls holds the commit mutex.
    pub(crate) fn replaced(&self) {
        if let Some(home) = &self.home {
            home.replace();
        }
    }

    /// The commit that last changed a table, which identifies this state of it; `None` if it is not there.
    pub(crate) fn changed(&self, id: TableId) -> Option<CommitId> {
        self.table(id).map(Table::changed)
    }

    /// Makes a table what it is in `other`.
    pub(crate) fn take_table(&mut self, id: TableId, other: &Version) {
        *self.tables.slot(id) = other.tables.shared(id).cloned();
    }

    pub(crate) fn set_catalog(&mut self, catalog: &Catalog) {
        self.catalog = Arc::clone(catalog);
    }

    /// The catalog, as the engine left it.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// A table by id. O(1).
    #[inline]
    pub fn table(&self, id: TableId) -> Option<&Table> {
        self.tables.get(id)
    }

    /// Every table, in the order of their ids.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().map(|table| &**table)
    }

    /// The bytes of rows, index entries and nodes that nothing but this version keeps. O(such nodes).
    pub(crate) fn bytes_alone(&self) -> usize {
        self.tables.bytes_alone()
    }

    /// Applies one operation: O(log n) per row and index entry. It evaluates nothing and cannot fail: who made it
    /// locked the rows it is about, and shares their table, so that they are as they were looked up.
    pub fn apply(&mut self, operation: &Operation) {
        let fits = self.apply_in(None, Entries::Now, operation);
        debug_assert!(fits, "{LOOKED_UP}");
    }

    /// The same, but that small changes of indexes are made when somebody looks at them.
    pub(crate) fn apply_postponing(&mut self, operation: &Operation) {
        let fits = self.apply_in(None, Entries::WhenLookedAt, operation);
        debug_assert!(fits, "{LOOKED_UP}");
    }

    /// The same for an operation that a file says. Returns whether it fits what there is; if not, the version is one of
    /// no commit.
    pub(crate) fn apply_read(&mut self, operation: &Operation) -> bool {
        self.apply_in(None, Entries::Now, operation)
    }

    /// The same. What it changes is stamped with the commit, if that is known.
    fn apply_in(&mut self, commit: Option<CommitId>, entries: Entries, operation: &Operation) -> bool {
        let split = |changes| match entries {
            Entries::Now => (changes, &[][..]),
            Entries::WhenLookedAt => (&[][..], changes),
        };
        match operation {
            Operation::Insert { table, rows, changes } => self.change(*table, commit, |table| {
                let (now, later) = split(&**changes);
                table.insert_rows(rows, now) & table.postpone_indexes(later)
            }),
            Operation::Update { table, rows, changes } => self.change(*table, commit, |table| {
                let (now, later) = split(&**changes);
                table.update_rows(rows, now) & table.postpone_indexes(later)
            }),
            Operation::Assign { table, patch } => self.change(*table, commit, |table| table.assign(patch)),
            Operation::Delete { table, rows, changes } => self.change(*table, commit, |table| {
                let (now, later) = split(&**changes);
                table.delete_rows(rows, now) & table.postpone_indexes(later)
            }),
            Operation::Schema(change) => {
                let fits = self.apply_schema(change.clone());
                if let (Some(table), Some(_)) = (operation.table(), commit) {
                    self.change(table, commit, |_| true);
                }
                fits
            }
        }
    }

    fn apply_schema(&mut self, change: SchemaChange) -> bool {
        match change {
            SchemaChange::CreateTable(table) | SchemaChange::ReplaceTable(table) => {
                let slot = self.tables.slot(table.id());
                *slot = Some(Shared::new(Arc::unwrap_or_clone(table)));
                true
            }
            SchemaChange::DropTable(id) => self.tables.slot(id).take().is_some(),
            SchemaChange::AddSlot { table, slot } => self.redefine(table, |table| table.add_slot(slot)),
            SchemaChange::AddIndex { table, id, index } => {
                self.redefine(table, |table| table.add_index(id, index))
            }
            SchemaChange::DropIndex { table, id } => self.redefine(table, |table| table.remove_index(id)),
            SchemaChange::Catalog(catalog) => {
                self.catalog = catalog;
                true
            }
        }
    }

    fn redefine(&mut self, id: TableId, f: impl FnOnce(&mut Table)) -> bool {
        self.change(id, None, |table| {
            f(table);
            true
        })
    }

    /// Changes a table, and returns what `f` says of it; false if there is none.
    fn change(&mut self, id: TableId, commit: Option<CommitId>, f: impl FnOnce(&mut Table) -> bool) -> bool {
        let Some(table) = self.tables.slot(id) else { return false };
        let table = Shared::make_mut(table);
        let fits = f(table);
        if let Some(commit) = commit {
            table.set_changed(commit);
        }
        fits
    }
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version")
            .field("commit", &self.commit.number())
            .field("tables", &self.tables.iter().map(|table| table.id()).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
