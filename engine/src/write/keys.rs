//! Index keys, straight from rows in leaf shape.
//!
//! A part that is a column is read from its lane into the key; no value is made. Only parts that are expressions, and
//! conditions, are evaluated, for a leaf at a time.

use nuages_storage::key::{KeyBuffer, KeyPart};
use nuages_storage::value::{decimal_from_wide, json_from_stored};
use nuages_storage::{DataType, IndexChange, IndexKeys, Lane, LeafView, RowId, RowRef, Value};
use smallvec::SmallVec;
use uuid::Uuid;

use super::leaves::selected;
use crate::catalog::{ColumnDefinition, IndexDefinition, IndexExpr, IndexPart, TableDefinition};
use crate::error::Error;
use crate::evaluate::Context;

/// Adds the entries that the selected rows of a leaf have in an index, in the order of the rows. Returns which of the
/// entries added have a NULL in their key.
///
/// # Errors
/// Those of evaluating the index's expressions, and a key that is too long; what ends the statement before its time.
pub(crate) fn leaf_keys(
    table: &TableDefinition,
    index: &IndexDefinition,
    view: LeafView<'_>,
    selection: u64,
    context: &Context<'_>,
    entries: &mut IndexKeys,
) -> Result<u64, Error> {
    context.check()?;
    let selection = match &index.programs.condition {
        Some(condition) => condition.selects(table, view, selection, context)?,
        None => selection,
    };
    let mut computed = SmallVec::<[_; 1]>::new();
    for program in &index.programs.parts {
        computed.push(program.evaluate(table, view, selection, context)?);
    }
    let row_ids = view.row_ids();
    let computed_values = |row| computed.iter().map(|vector| vector.value(row)).collect::<Vec<_>>();
    let mut with_null = 0;
    let mut key = KeyBuffer::new();
    for (at, row) in selected(selection).enumerate() {
        key.clear();
        let mut computed = computed.iter();
        let mut has_null = false;
        for part in &index.parts {
            has_null |= match &part.expr {
                IndexExpr::Column(place) => push_column(&mut key, part.key_part(), table, *place, view, row),
                IndexExpr::Expression(_) => {
                    let value = computed.next().map_or(Value::Null, |vector| vector.value(row));
                    key.push_value(part.key_part(), &value);
                    value.is_null()
                }
            };
        }
        with_null |= u64::from(has_null) << at;
        match key.checked() {
            Ok(key) => entries.push(key, RowId::new(row_ids[row])),
            Err(error) => return Err(too_long(error, table, index, view, row, &computed_values(row))),
        }
    }
    Ok(with_null)
}

/// The entries that go from the indexes of a table with one of its rows.
///
/// # Errors
/// As [`leaf_keys`].
pub(crate) fn entries_of_row(
    table: &TableDefinition,
    row: RowRef<'_>,
    context: &Context<'_>,
) -> Result<Vec<IndexChange>, Error> {
    let mut changes = Vec::with_capacity(table.indexes.len());
    for index in &table.indexes {
        let mut change = IndexChange::new(index.id);
        leaf_keys(table, index, row.view(), 1 << row.row(), context, &mut change.removed)?;
        if !change.is_empty() {
            changes.push(change);
        }
    }
    Ok(changes)
}

/// The error that the key of a row is too long, with what the key is made of.
fn too_long(
    error: nuages_storage::Error,
    table: &TableDefinition,
    index: &IndexDefinition,
    view: LeafView<'_>,
    row: usize,
    computed: &[Value],
) -> Error {
    let nuages_storage::Error::KeyTooLong { bytes, max } = error else { return error.into() };
    let mut computed = computed.iter();
    let value = |part: &IndexPart| match &part.expr {
        IndexExpr::Column(place) => values_of(table, &[*place], view, row).pop().unwrap_or_default(),
        IndexExpr::Expression(_) => computed.next().cloned().unwrap_or_default(),
    };
    let values = index.parts.iter().map(value).collect();
    let (table, columns) = (table.name.clone(), index.part_names(table));
    Error::KeyTooLong { table, index: index.name.clone(), columns, values, bytes, max }
}

/// Adds the value of a column to a key; true if it is NULL.
pub(crate) fn push_column(
    key: &mut KeyBuffer,
    part: KeyPart,
    table: &TableDefinition,
    place: usize,
    view: LeafView<'_>,
    row: usize,
) -> bool {
    let column = &table.columns[place];
    let slot = column.slot;
    if view.nulls(slot) >> row & 1 == 1 {
        if part.nullable {
            key.push_null(part);
        }
        return true;
    }
    match column.lane {
        Lane::RowId => key.push_int(part, view.row_ids()[row]),
        Lane::Bit => key.push_bool(part, view.bits(slot) >> row & 1 == 1),
        Lane::Word => push_word(key, part, column, view.words(slot).get(row)),
        Lane::Wide => push_wide(key, part, column, view.wide(slot, row)),
        Lane::Text => push_text(key, part, column, view.text(slot, row).unwrap_or_default()),
        Lane::Bytes => key.push_bytes(part, view.bytes(slot, row).unwrap_or_default()),
    }
    false
}

fn push_word(key: &mut KeyBuffer, part: KeyPart, column: &ColumnDefinition, word: u64) {
    match column.data_type {
        DataType::Float => key.push_float(part, f64::from_bits(word)),
        _ => key.push_int(part, word.cast_signed()),
    }
}

fn push_wide(key: &mut KeyBuffer, part: KeyPart, column: &ColumnDefinition, wide: u128) {
    match column.data_type {
        DataType::Uuid => key.push_uuid(part, Uuid::from_u128(wide)),
        _ => key.push_decimal(part, decimal_from_wide(wide)),
    }
}

/// JSON is indexed by its own order, not by that of its text.
fn push_text(key: &mut KeyBuffer, part: KeyPart, column: &ColumnDefinition, text: &str) {
    match column.data_type {
        DataType::Json => key.push_value(part, &Value::Json(Box::new(json_from_stored(text)))),
        _ => key.push_text(part, text),
    }
}

/// Adds values to a key; false, and the key is of no use, if one is NULL.
pub(crate) fn push_values<'a>(
    key: &mut KeyBuffer,
    parts: impl IntoIterator<Item = KeyPart>,
    values: impl IntoIterator<Item = &'a Value>,
) -> bool {
    parts.into_iter().zip(values).all(|(part, value)| {
        let present = !value.is_null();
        if present {
            key.push_value(part, value);
        }
        present
    })
}

/// The values of some columns of a row.
pub(crate) fn values_of(
    table: &TableDefinition,
    places: &[usize],
    view: LeafView<'_>,
    row: usize,
) -> Vec<Value> {
    let value = |&place: &usize| {
        let column = &table.columns[place];
        view.row(row).value(column.slot, &column.data_type)
    };
    places.iter().map(value).collect()
}
