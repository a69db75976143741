//! A round: what a statement changes before it looks at its own changes.
//!
//! Most statements have one. Writing it is: test the new rows by themselves, compute the index entries that go and
//! come, look up the keys that are touched, and record it all. Nothing is recorded before every table of the round has
//! passed, and nothing recorded can fail.

use nuages_storage::lock::Strength;
use nuages_storage::{
    Earlier, IndexChange, IndexKeys, Locking, Operation, RowId, RowRef, Rows, Table, TableId, Version,
    all_rows,
};
use smallvec::SmallVec;

use super::keys::leaf_keys;
use super::keys::values_of;
use super::leaves::{for_each_leaf, selected};
use crate::catalog::{Catalog, ColumnSet, ForeignKeyDefinition, IndexDefinition, TableDefinition};
use crate::error::Error;
use crate::evaluate::Context;
use crate::integrity::foreign_key::{ParentLookup, referring, violation};
use crate::integrity::{Cause, KeyCheck, check, domain, unique};

/// What a round changes, by table.
///
/// Most statements change one table, and a cascade a few, so they are searched one after another.
#[derive(Debug, Default)]
pub(crate) struct Round(SmallVec<[(TableId, TableChange); 1]>);

impl Round {
    /// A round that changes one table.
    pub(crate) fn of(table: TableId, change: TableChange) -> Round {
        Round(SmallVec::from_buf([(table, change)]))
    }

    /// Adds the change of a table that it does not change yet.
    pub(crate) fn insert(&mut self, table: TableId, change: TableChange) {
        debug_assert!(self.get(table).is_none(), "a round has one change for each table");
        self.0.push((table, change));
    }

    /// What it changes in a table.
    pub(crate) fn get(&self, table: TableId) -> Option<&TableChange> {
        self.iter().find(|(id, _)| *id == table).map(|(_, change)| change)
    }

    /// The changes, in the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TableId, &TableChange)> {
        self.0.iter().map(|(table, change)| (*table, change))
    }
}

impl IntoIterator for Round {
    type Item = (TableId, TableChange);
    type IntoIter = smallvec::IntoIter<[Self::Item; 1]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// What a round changes in one table.
#[derive(Debug, Default)]
pub(crate) struct TableChange {
    /// Rows that go, ascending.
    pub(crate) deleted: Vec<RowId>,
    /// New images of rows, under the ids they have, ascending.
    pub(crate) updated: Vec<Rows>,
    /// Rows that come, numbered.
    pub(crate) inserted: Vec<Rows>,
    /// Whether the ids of rows that come were given, and not taken from the table's counter.
    pub(crate) ids_given: bool,
    /// For rows that change their primary key, and so go and come: the ids that `inserted` had, in its order,
    /// ascending.
    pub(crate) moved: Vec<RowId>,
    /// The columns in which rows that are updated or moved may differ.
    pub(crate) assigned: ColumnSet,
}

/// What a round does to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing.
    Untouched,
    /// It goes.
    Gone,
    /// It has a new image, under this id.
    Rewritten(RowId),
}

impl TableChange {
    /// What happens to a row. O(log of the rows changed), for one that moves O(of the leaves of those that do).
    pub(crate) fn fate(&self, row: RowId) -> Fate {
        if let Ok(mut place) = self.moved.binary_search(&row) {
            for rows in &self.inserted {
                match rows.leaf.row_ids().get(place) {
                    Some(id) => return Fate::Rewritten(RowId::new(*id)),
                    None => place -= rows.len(),
                }
            }
        }
        if self.deleted.binary_search(&row).is_ok() {
            return Fate::Gone;
        }
        let at = self
            .updated
            .partition_point(|rows| rows.leaf.row_ids().last().is_some_and(|last| *last < row.get()));
        match self.updated.get(at).is_some_and(|rows| rows.leaf.position(row).is_ok()) {
            true => Fate::Rewritten(row),
            false => Fate::Untouched,
        }
    }

    /// Calls `f` with the image before and after of each row that is updated or moved.
    pub(crate) fn each_image(
        &self,
        version: &Version,
        table: TableId,
        f: &mut dyn FnMut(RowRef<'_>, RowRef<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(table) = version.table(table) else { return Ok(()) };
        let mut moved = self.moved.iter();
        for rows in self.updated.iter().chain(&self.inserted) {
            let view = rows.view(table);
            for row in 0..view.len() {
                let new = view.row(row);
                let id = if self.moved.is_empty() {
                    new.row_id()
                } else {
                    moved.next().copied().unwrap_or_default()
                };
                if let Some(old) = table.get(id) {
                    f(old, new)?;
                }
            }
        }
        Ok(())
    }

    /// Whether it brings rows under fresh ids, and does nothing else.
    pub(crate) fn is_of_new_rows(&self) -> bool {
        self.deleted.is_empty() && self.updated.is_empty() && !self.ids_given
    }

    fn is_empty(&self) -> bool {
        self.deleted.is_empty() && self.updated.is_empty() && self.inserted.is_empty()
    }

    /// The operations that make the change. The index changes go with the first of them: they are of other trees.
    pub(crate) fn into_operations(
        self,
        table: TableId,
        changes: Vec<IndexChange>,
        push: &mut dyn FnMut(Operation),
    ) {
        let mut changes = Some(changes);
        let mut changes = || changes.take().unwrap_or_default();
        if !self.deleted.is_empty() {
            push(Operation::Delete { table, rows: self.deleted, changes: changes() });
        }
        for rows in self.updated {
            push(Operation::Update { table, rows, changes: changes() });
        }
        for rows in self.inserted {
            push(Operation::Insert { table, rows, changes: changes() });
        }
    }
}

/// Keys to be looked at again: when the statement has been written, or at commit.
#[derive(Debug, Default)]
pub(crate) struct Postponed {
    pub(crate) to_the_end: Vec<KeyCheck>,
    pub(crate) to_commit: Vec<KeyCheck>,
}

impl Postponed {
    /// What only the commit decides.
    pub(crate) fn of_commit(to_commit: Vec<KeyCheck>) -> Postponed {
        Postponed { to_the_end: Vec::new(), to_commit }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.to_the_end.is_empty() && self.to_commit.is_empty()
    }

    pub(crate) fn add(&mut self, check: KeyCheck, is_deferred: bool) {
        if is_deferred { &mut self.to_commit } else { &mut self.to_the_end }.push(check);
    }
}

/// One table of a round, tested against the version the round reads.
pub(crate) struct TableRound<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) version: &'a Version,
    /// What the transaction has written, where the version lacks it.
    pub(crate) earlier: Option<Earlier<'a>>,
    pub(crate) context: &'a Context<'a>,
    /// Tables whose keys may go in this round, so that finding a parent in them settles nothing.
    pub(crate) unstable: &'a [TableId],
    /// Whether the statement has further rounds, which may yet free a key or bring a parent.
    pub(crate) more: bool,
    /// Whether other parts of the statement may yet bring a parent.
    pub(crate) is_part: bool,
}

impl TableRound<'_> {
    /// Tests a change and computes what it does to the table's indexes.
    ///
    /// # Errors
    /// Whatever the table promises and the change breaks.
    pub(crate) fn test(
        &self,
        table: &TableDefinition,
        change: &TableChange,
        postponed: &mut Postponed,
        locking: &mut Locking<'_>,
    ) -> Result<Vec<IndexChange>, Error> {
        if change.is_empty() {
            return Ok(Vec::new());
        }
        let Some(rows) = self.version.table(table.id) else { return Ok(Vec::new()) };
        self.test_rows(table, rows, &change.updated, change.assigned)?;
        self.test_rows(table, rows, &change.inserted, ColumnSet::ALL)?;
        if locking.is_on() && table.row_id_column().is_some() {
            let ids = change.inserted.iter().flat_map(|rows| rows.leaf.row_ids());
            locking.rows(table.id, ids.map(|id| RowId::new(*id)), Strength::Update);
        }
        if change.ids_given {
            test_row_ids(table, rows, change)?;
        }
        let changes = self.index_changes(table, rows, change, postponed, locking)?;
        for key in &table.foreign_keys {
            if change.assigned.contains_any(&key.columns) {
                self.test_references(table, rows, key, &change.updated, postponed, locking)?;
            }
            self.test_references(table, rows, key, &change.inserted, postponed, locking)?;
        }
        Ok(changes)
    }

    /// Each new image by itself.
    fn test_rows(
        &self,
        table: &TableDefinition,
        rows: &Table,
        images: &[Rows],
        columns: ColumnSet,
    ) -> Result<(), Error> {
        for image in images {
            let view = image.view(rows);
            domain::check_rows(table, columns, image, view)?;
            check::check(table, columns, view, all_rows(view.len()), self.context)?;
        }
        Ok(())
    }

    /// The entries that go and come, of the indexes of which some do.
    fn index_changes(
        &self,
        table: &TableDefinition,
        rows: &Table,
        change: &TableChange,
        postponed: &mut Postponed,
        locking: &mut Locking<'_>,
    ) -> Result<Vec<IndexChange>, Error> {
        let is_any = !change.deleted.is_empty() || !change.inserted.is_empty();
        let indexes = || table.indexes.iter().filter(|index| is_any || index.reads(change.assigned));
        let mut changes: Vec<_> = indexes().map(|index| IndexChange::new(index.id)).collect();
        for_each_leaf(rows, &change.deleted, |view, selection| {
            indexes().zip(&mut changes).try_for_each(|(index, entries)| {
                leaf_keys(table, index, view, selection, self.context, &mut entries.removed).map(drop)
            })
        })?;
        for (index, entries) in indexes().zip(&mut changes) {
            let mut with_null = Positions::default();
            if index.reads(change.assigned) {
                for image in &change.updated {
                    self.rewritten_entries(table, rows, index, image, entries, &mut with_null)?;
                }
            }
            for image in &change.inserted {
                let (view, from) = (image.view(rows), entries.added.len());
                let all = all_rows(view.len());
                let nulls = leaf_keys(table, index, view, all, self.context, &mut entries.added)?;
                with_null.extend(selected(nulls).map(|at| from + at));
            }
            self.test_unique(table, index, entries, &with_null, postponed, locking)?;
        }
        changes.retain(|entries| !entries.is_empty());
        Ok(changes)
    }

    /// The entries of updated rows that differ before and after.
    fn rewritten_entries(
        &self,
        table: &TableDefinition,
        rows: &Table,
        index: &IndexDefinition,
        image: &Rows,
        entries: &mut IndexChange,
        with_null: &mut Positions,
    ) -> Result<(), Error> {
        let ids: Vec<RowId> = image.leaf.row_ids().iter().map(|id| RowId::new(*id)).collect();
        let (mut before, mut after) = (IndexKeys::new(), IndexKeys::new());
        for_each_leaf(rows, &ids, |view, selection| {
            leaf_keys(table, index, view, selection, self.context, &mut before).map(drop)
        })?;
        let view = image.view(rows);
        let nulls = leaf_keys(table, index, view, all_rows(view.len()), self.context, &mut after)?;
        // Both are in the order of the rows; a row that the index's condition leaves out is in neither.
        let mut before = before.iter().peekable();
        for (at, (key, row)) in after.iter().enumerate() {
            while let Some((old, gone)) = before.next_if(|(_, old)| *old < row) {
                entries.removed.push(old, gone);
            }
            match before.next_if(|(_, old)| *old == row) {
                Some((old, _)) if old == key => continue,
                Some((old, _)) => entries.removed.push(old, row),
                None => {}
            }
            if nulls >> at & 1 == 1 {
                with_null.push(entries.added.len());
            }
            entries.added.push(key, row);
        }
        entries.removed.extend(before);
        Ok(())
    }

    /// Puts the entries in order, and sees to it that no key that comes is there already, unless it may yet go.
    fn test_unique(
        &self,
        table: &TableDefinition,
        index: &IndexDefinition,
        entries: &mut IndexChange,
        with_null: &[usize],
        postponed: &mut Postponed,
        locking: &mut Locking<'_>,
    ) -> Result<(), Error> {
        let IndexChange { removed, added, .. } = entries;
        let tree = self.version.table(table.id).and_then(|rows| rows.index(index.id));
        let (Some(unique), Some(tree)) = (&index.unique, tree) else {
            added.sort();
            removed.sort();
            return Ok(());
        };
        let distinct = (unique.nulls_distinct && !with_null.is_empty()).then(|| without(added, with_null));
        added.sort();
        removed.sort();
        let distinct = distinct.as_ref().unwrap_or(added);
        if locking.is_on() {
            for (key, _) in removed.iter().chain(distinct) {
                locking.key(table.id, index.id, key, Strength::Update);
            }
        }
        let may_go = self.more || !removed.is_empty();
        let locking = &*locking;
        let brought = self.earlier.into_iter().flat_map(|earlier| {
            let keys = distinct.iter().map(|(key, _)| key);
            let keys = keys.filter(move |key| locking.may_hold_key(index.id, key));
            keys.filter(move |key| earlier.bring_key(table.id, index.id, key))
        });
        for key in unique::conflicts(tree, distinct).chain(brought) {
            let check = unique::taken(table, index, unique, key, may_go)?;
            postponed.add(check, unique.deferred);
        }
        Ok(())
    }

    /// Each row that refers finds what it refers to, unless that may yet come.
    fn test_references(
        &self,
        table: &TableDefinition,
        rows: &Table,
        key: &ForeignKeyDefinition,
        images: &[Rows],
        postponed: &mut Postponed,
        locking: &mut Locking<'_>,
    ) -> Result<(), Error> {
        if images.is_empty() {
            return Ok(());
        }
        let parents = ParentLookup::new(self.catalog, self.version, key);
        if let (true, Some(parents)) = (locking.is_on(), &parents) {
            images.iter().for_each(|image| parents.lock(table, key, image.view(rows), locking));
        }
        let is_unstable = self.unstable.contains(&key.target);
        let may_come = self.more || self.is_part || is_unstable || key.target == table.id;
        for image in images {
            let view = image.view(rows);
            let orphans = match &parents {
                Some(parents) if !is_unstable => parents.orphans(table, key, view, all_rows(view.len())),
                _ => referring(table, key, view),
            };
            for row in selected(orphans) {
                let values = values_of(table, &key.columns, view, row);
                if !may_come && !key.deferred {
                    return Err(violation(self.catalog, table, key, values, Cause::Child));
                }
                let (table, foreign_key) = (table.id, key.id);
                let check = KeyCheck::Reference { table, foreign_key, values, cause: Cause::Child };
                postponed.add(check, key.deferred);
            }
        }
        Ok(())
    }
}

/// The positions among added entries of those whose keys have a NULL, ascending.
type Positions = SmallVec<[usize; 4]>;

/// The entries that are not at these positions, which ascend; in order.
pub(crate) fn without(entries: &IndexKeys, positions: &[usize]) -> IndexKeys {
    let kept = entries.iter().enumerate().filter(|(at, _)| positions.binary_search(at).is_err());
    kept.map(|(_, entry)| entry).collect::<IndexKeys>().sorted()
}

/// Row ids that were given are not those of other rows: they are the primary key, and what a table is keyed by.
fn test_row_ids(table: &TableDefinition, rows: &Table, change: &TableChange) -> Result<(), Error> {
    let mut ids: Vec<i64> = change.inserted.iter().flat_map(|rows| rows.leaf.row_ids()).copied().collect();
    if !ids.is_sorted() {
        ids.sort_unstable();
    }
    let repeated = ids.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
    let is_taken = |id: &i64| {
        let row = RowId::new(*id);
        rows.get(row).is_some() && change.deleted.binary_search(&row).is_err()
    };
    let beyond_all =
        rows.last_row_id().is_none_or(|last| ids.first().is_none_or(|first| last.get() < *first));
    let taken = || if beyond_all { None } else { ids.iter().copied().find(is_taken) };
    match repeated.or_else(taken) {
        None => Ok(()),
        Some(id) => Err(unique::row_id_violation(table, id)),
    }
}
