//! Unique constraints and primary keys: no two rows of one key.
//!
//! An index tree holds (key, row id) and would hold a key twice; what makes it unique is the count taken here.

use nuages_storage::key::decode;
use nuages_storage::{Index, IndexId, IndexKeys, RowId, TableId, Value, Version};

use super::KeyCheck;
use crate::catalog::{Catalog, IndexDefinition, TableDefinition, Uniqueness};
use crate::error::Error;

/// From this many keys on it pays to look first whether all of them lie behind the last one.
const KEYS_MIN: usize = 4;

/// The keys among `added`, which are in order, that `index` has already or that are added twice.
///
/// One lookup a key; none if all of them lie behind the last key of the index, as those of growing tables often do.
pub(crate) fn conflicts<'k>(index: &Index, added: &'k IndexKeys) -> impl Iterator<Item = &'k [u8]> {
    let is_behind = index.is_empty()
        || added.len() >= KEYS_MIN
            && match (index.nth(index.len() - 1), added.iter().next()) {
                (Some((last, _)), Some((first, _))) => last < first,
                _ => true,
            };
    let mut before: Option<&[u8]> = None;
    added.iter().filter_map(move |(key, _)| {
        let repeated = before.replace(key) == Some(key);
        (repeated || !is_behind && index.first_with_key(key).is_some()).then_some(key)
    })
}

/// At most one row has the key.
pub(crate) fn verify(
    catalog: &Catalog,
    version: &Version,
    table: TableId,
    index: IndexId,
    key: &[u8],
) -> Result<(), Error> {
    let Some(definition) = catalog.table(table) else { return Ok(()) };
    let Some(index) = definition.index(index) else { return Ok(()) };
    let (Some(unique), Some(tree)) =
        (&index.unique, version.table(table).and_then(|table| table.index(index.id)))
    else {
        return Ok(());
    };
    let bound = std::ops::Bound::Included(key);
    match tree.range(bound, bound).nth(1) {
        None => Ok(()),
        Some(_) => Err(violation(definition, index, unique, key)),
    }
}

/// What happens to a key that is taken: it is an error, or looked at again when the statement or the transaction ends.
pub(crate) fn taken(
    table: &TableDefinition,
    index: &IndexDefinition,
    unique: &Uniqueness,
    key: &[u8],
    may_be_left: bool,
) -> Result<KeyCheck, Error> {
    if unique.deferred || may_be_left {
        Ok(KeyCheck::Unique { table: table.id, index: index.id, key: key.into() })
    } else {
        Err(violation(table, index, unique, key))
    }
}

/// The error that two rows have this key. Its values are read back from the key; a key that does not keep them (of
/// JSON) is shown without.
pub(crate) fn violation(
    table: &TableDefinition,
    index: &IndexDefinition,
    unique: &Uniqueness,
    key: &[u8],
) -> Error {
    Error::Unique {
        table: table.name.clone(),
        constraint: unique.constraint.clone(),
        columns: index.part_names(table),
        values: decode(key, &index.key_parts(), &index.part_types(table)).unwrap_or_default(),
    }
}

/// The error that two rows have this row id, which is their primary key.
pub(crate) fn row_id_violation(table: &TableDefinition, row_id: i64) -> Error {
    Error::Unique {
        table: table.name.clone(),
        constraint: table.primary_key_name(),
        columns: table.column_names(table.primary_key_columns()),
        values: vec![Value::Int(row_id)],
    }
}

/// The error that a key is taken, if the transaction sees the row that has it in `base`. One that does not, because it
/// came later, would have to see it to understand, and so is to be run again.
pub(crate) fn unless_unseen(error: Error, base: &Version) -> Error {
    let Error::Unique { table, constraint, values, .. } = &error else { return error };
    let Ok(definition) = Catalog::of(base).table_named(table) else { return error };
    let Some(rows) = base.table(definition.id) else { return error };
    let is_unseen = match (definition.index_named(constraint), &values[..]) {
        (_, []) => false,
        (Ok(index), values) => match (rows.index(index.id), index.encode(definition, values)) {
            (Some(tree), Some(key)) => tree.first_with_key(key.as_slice()).is_none(),
            _ => false,
        },
        (Err(_), [Value::Int(id)]) => rows.get(RowId::new(*id)).is_none(),
        (Err(_), _) => false,
    };
    if is_unseen { Error::SerializationFailure { table: table.clone(), row: None } } else { error }
}
