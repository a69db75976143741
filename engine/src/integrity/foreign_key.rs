//! Foreign keys: a row that refers to another finds it.
//!
//! Both directions are one lookup: the parent by the key referred to, the children by the index that begins with the
//! foreign key's columns. The two sides may encode a key differently (a nullable column has a byte more), so each
//! lookup encodes the values anew, for its own index.

use std::ops::Bound;

use nuages_storage::key::{KeyBuffer, KeyPart, prefix_end};
use nuages_storage::lock::Strength;
use nuages_storage::{LeafView, Locking, RowId, Table, Value, Version, all_rows};
use smallvec::SmallVec;

use super::Cause;
use crate::catalog::{Catalog, ChildLookup, ForeignKeyDefinition, IndexPart, TableDefinition, TargetKey};
use crate::error::Error;
use crate::write::keys::{push_column, push_values};
use crate::write::leaves::selected;

/// Finds the parents of rows.
pub(crate) struct ParentLookup<'v> {
    rows: &'v Table,
    key: TargetKey,
    parts: SmallVec<[KeyPart; 2]>,
}

impl<'v> ParentLookup<'v> {
    /// The lookup of a foreign key; `None` if its target is not there.
    pub(crate) fn new(
        catalog: &Catalog,
        version: &'v Version,
        key: &ForeignKeyDefinition,
    ) -> Option<ParentLookup<'v>> {
        let rows = version.table(key.target)?;
        let parts = match key.target_key {
            TargetKey::RowId => SmallVec::new(),
            TargetKey::Index(index) => {
                catalog.table(key.target)?.index(index)?.parts.iter().map(IndexPart::key_part).collect()
            }
        };
        Some(ParentLookup { rows, key: key.target_key, parts })
    }

    /// The selected rows of a leaf of the referring table whose parent is not there. A row with a NULL in the key
    /// refers to nothing.
    pub(crate) fn orphans(
        &self,
        child: &TableDefinition,
        key: &ForeignKeyDefinition,
        view: LeafView<'_>,
        selection: u64,
    ) -> u64 {
        let referring = selection & referring(child, key, view);
        match (self.key, &key.columns[..]) {
            (TargetKey::RowId, &[place]) => {
                let words = view.words(child.columns[place].slot);
                self.rows_without(referring, |row| words.get(row).cast_signed())
            }
            (TargetKey::RowId, _) => 0,
            (TargetKey::Index(index), _) => {
                let Some(index) = self.rows.index(index) else { return 0 };
                let mut encoded = KeyBuffer::new();
                let mut orphans = 0;
                for row in selected(referring) {
                    encoded.clear();
                    for (part, &place) in self.parts.iter().zip(&key.columns) {
                        push_column(&mut encoded, *part, child, place, view, row);
                    }
                    orphans |= u64::from(index.first_with_key(encoded.as_slice()).is_none()) << row;
                }
                orphans
            }
        }
    }

    /// Asks that the parents of the rows of a leaf stay, those that are there and those that may yet come: nobody
    /// deletes them or changes their keys until this transaction has ended.
    pub(crate) fn lock(
        &self,
        child: &TableDefinition,
        key: &ForeignKeyDefinition,
        view: LeafView<'_>,
        locking: &mut Locking<'_>,
    ) {
        let referring = selected(referring(child, key, view));
        match (self.key, &key.columns[..]) {
            (TargetKey::RowId, &[place]) => {
                let words = view.words(child.columns[place].slot);
                let parents = referring.map(|row| RowId::new(words.get(row).cast_signed()));
                locking.rows(key.target, parents, Strength::KeyShare);
            }
            (TargetKey::RowId, _) => {}
            (TargetKey::Index(id), _) => {
                let index = self.rows.index(id);
                let mut encoded = KeyBuffer::new();
                for row in referring {
                    encoded.clear();
                    for (part, &place) in self.parts.iter().zip(&key.columns) {
                        push_column(&mut encoded, *part, child, place, view, row);
                    }
                    locking.key(key.target, id, encoded.as_slice(), Strength::KeyShare);
                    if let Some(parent) = index.and_then(|index| index.first_with_key(encoded.as_slice())) {
                        locking.row(key.target, parent, Strength::KeyShare);
                    }
                }
            }
        }
    }

    /// The rows whose parent's row id is not there. Rows that follow each other often have one parent.
    fn rows_without(&self, rows: u64, parent_of: impl Fn(usize) -> i64) -> u64 {
        let mut known = None;
        let mut orphans = 0;
        for row in selected(rows) {
            let parent = parent_of(row);
            if known == Some(parent) {
                continue;
            }
            if self.rows.get(RowId::new(parent)).is_some() {
                known = Some(parent);
            } else {
                orphans |= 1 << row;
            }
        }
        orphans
    }

    /// Whether the key is there.
    pub(crate) fn exists(&self, values: &[Value]) -> bool {
        match (self.key, values) {
            (TargetKey::RowId, [Value::Int(row_id)]) => self.rows.get(RowId::new(*row_id)).is_some(),
            (TargetKey::RowId, _) => false,
            (TargetKey::Index(index), _) => {
                let mut encoded = KeyBuffer::new();
                push_values(&mut encoded, self.parts.iter().copied(), values)
                    && self
                        .rows
                        .index(index)
                        .is_some_and(|index| index.first_with_key(encoded.as_slice()).is_some())
            }
        }
    }
}

/// Finds the children of keys.
pub(crate) struct ChildrenLookup<'v> {
    rows: &'v Table,
    lookup: ChildLookup,
    parts: SmallVec<[KeyPart; 2]>,
}

impl<'v> ChildrenLookup<'v> {
    /// The lookup of a foreign key of `child`; `None` if nothing can refer, because the table is empty.
    pub(crate) fn new(
        version: &'v Version,
        child: &TableDefinition,
        key: &ForeignKeyDefinition,
    ) -> Option<ChildrenLookup<'v>> {
        let rows = version.table(child.id).filter(|rows| !rows.is_empty())?;
        let parts = match key.lookup {
            ChildLookup::RowId => SmallVec::new(),
            ChildLookup::Index(index) => {
                let parts = child.index(index)?.parts.iter();
                parts.take(key.columns.len()).map(IndexPart::key_part).collect()
            }
        };
        Some(ChildrenLookup { rows, lookup: key.lookup, parts })
    }

    /// The rows that refer to a key, which is the row id of their parent.
    pub(crate) fn of_row_id(
        &self,
        parent: RowId,
        found: &mut dyn FnMut(RowId) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match (self.lookup, &self.parts[..]) {
            (ChildLookup::Index(_), &[part]) => {
                let mut key = KeyBuffer::new();
                key.push_int(part, parent.get());
                self.each(&key, found)
            }
            (ChildLookup::RowId, _) if self.rows.get(parent).is_some() => found(parent),
            _ => Ok(()),
        }
    }

    /// The rows that refer to a key. Nothing refers to a NULL.
    pub(crate) fn of_values(
        &self,
        values: &[Value],
        found: &mut dyn FnMut(RowId) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let (ChildLookup::RowId, [Value::Int(row_id)]) = (self.lookup, values) {
            return self.of_row_id(RowId::new(*row_id), found);
        }
        let mut key = KeyBuffer::new();
        if push_values(&mut key, self.parts.iter().copied(), values) {
            self.each(&key, found)
        } else {
            Ok(())
        }
    }

    fn each(&self, key: &KeyBuffer, found: &mut dyn FnMut(RowId) -> Result<(), Error>) -> Result<(), Error> {
        let ChildLookup::Index(index) = self.lookup else { return Ok(()) };
        let Some(index) = self.rows.index(index) else { return Ok(()) };
        let end = prefix_end(key.as_slice());
        let upper = end.as_ref().map_or(Bound::Unbounded, |end| Bound::Excluded(end.as_slice()));
        index.range(Bound::Included(key.as_slice()), upper).try_for_each(|(_, row)| found(row))
    }
}

/// The rows of a leaf that refer to anything.
pub(crate) fn referring(table: &TableDefinition, key: &ForeignKeyDefinition, view: LeafView<'_>) -> u64 {
    key.columns
        .iter()
        .fold(all_rows(view.len()), |rows, &place| rows & !view.nulls(table.columns[place].slot))
}

/// If a row of `child` refers to the key, the key is there.
pub(crate) fn verify(
    catalog: &Catalog,
    version: &Version,
    child: &TableDefinition,
    key: &ForeignKeyDefinition,
    values: &[Value],
    cause: Cause,
) -> Result<(), Error> {
    if ParentLookup::new(catalog, version, key).is_some_and(|parents| parents.exists(values)) {
        return Ok(());
    }
    let Some(children) = ChildrenLookup::new(version, child, key) else { return Ok(()) };
    children.of_values(values, &mut |_| Err(violation(catalog, child, key, values.to_vec(), cause)))
}

/// The error that a row of `child` refers to a key that is not there.
pub(crate) fn violation(
    catalog: &Catalog,
    child: &TableDefinition,
    key: &ForeignKeyDefinition,
    values: Vec<Value>,
    cause: Cause,
) -> Error {
    let parent = catalog.table(key.target);
    let parent_name = parent.map_or_else(String::new, |parent| parent.name.clone());
    let constraint = key.name.clone();
    match cause {
        Cause::Child => Error::ForeignKey {
            table: child.name.clone(),
            constraint,
            columns: child.column_names(&key.columns),
            values,
            parent: parent_name,
        },
        Cause::Parent => Error::Referenced {
            table: parent_name,
            constraint,
            columns: parent.map_or_else(Vec::new, |parent| parent.column_names(&key.target_columns)),
            values,
            child: child.name.clone(),
        },
    }
}
