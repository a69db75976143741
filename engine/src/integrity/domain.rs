//! The domain of a column: the values of its type, and NULL where it may be.
//!
//! Rows come in leaf shape, so a column is tested as a whole: NOT NULL is one word compared with zero, an integer's
//! range one pass over its words. No value is made unless one is refused.

use nuages_storage::value::{decimal_from_wide, json_from_text};
use nuages_storage::{DataType, Lane, LeafView, Rows, TypeError, Value, Words};

use crate::catalog::{ColumnDefinition, ColumnSet, TableDefinition};
use crate::error::Error;
use crate::write::leaves::selected;

/// Tests these columns of rows that are to be written to a table: most can only be NULL where they may not, and that
/// none is is seen at once.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_rows(
    table: &TableDefinition,
    columns: ColumnSet,
    rows: &Rows,
    view: LeafView<'_>,
) -> Result<(), Error> {
    let is_complete = rows.leaf.layout().len() == table.layout.len();
    let suspects = if is_complete && !rows.leaf.has_nulls() { columns.and(table.bounded) } else { columns };
    if suspects.is_empty() { Ok(()) } else { check(table, suspects, view) }
}

/// Tests these columns of all rows.
///
/// # Errors
/// [`Error::NotNull`], [`Error::Value`] and [`Error::NotOfEnum`], of the first column that refuses.
pub(crate) fn check(table: &TableDefinition, columns: ColumnSet, view: LeafView<'_>) -> Result<(), Error> {
    for (place, column) in table.columns.iter().enumerate() {
        if columns.contains(place) {
            check_column(table, column, view)?;
        }
    }
    Ok(())
}

fn check_column(table: &TableDefinition, column: &ColumnDefinition, view: LeafView<'_>) -> Result<(), Error> {
    let nulls = view.nulls(column.slot);
    if nulls != 0 && !column.nullable {
        return Err(Error::NotNull { table: table.name.clone(), column: column.name.clone() });
    }
    if column.holds_every_value() {
        return Ok(());
    }
    let present = !nulls & nuages_storage::all_rows(view.len());
    match column.lane {
        Lane::Word | Lane::RowId => check_words(column, view, present),
        Lane::Wide => check_decimals(column, view, present),
        Lane::Text if column.data_type == DataType::Json => check_json(column, view, present),
        Lane::Text if column.enumeration.is_some() => return check_labels(table, column, view, present),
        Lane::Text => check_lengths(column, view, present),
        Lane::Bit | Lane::Bytes => Ok(()),
    }
    .map_err(|source| Error::Value { table: table.name.clone(), column: column.name.clone(), source })
}

/// The words of an integer are within its range. (NULLs are zero, which is within every range.)
fn check_words(column: &ColumnDefinition, view: LeafView<'_>, present: u64) -> Result<(), TypeError> {
    let Some((min, max)) = column.integer_range() else {
        return check_floats(column, view, present);
    };
    if (min, max) == (i64::MIN, i64::MAX) {
        return Ok(());
    }
    let outside = match view.words(column.slot) {
        Words::Slice(words) => first_outside(words.iter().map(|word| word.cast_signed()), min, max),
        Words::RowIds(row_ids) => first_outside(row_ids.iter().copied(), min, max),
        Words::Same(word) => first_outside([word.cast_signed()].into_iter(), min, max),
    };
    match outside {
        None => Ok(()),
        Some(value) => Err(TypeError::OutOfRange { value: value.into(), min: min.into(), max: max.into() }),
    }
}

/// The whole is tested without a branch, and searched only when something is wrong with it.
fn first_outside(mut ints: impl Iterator<Item = i64> + Clone, min: i64, max: i64) -> Option<i64> {
    let outside = |int: i64| int < min || int > max;
    let any = ints.clone().fold(false, |any, int| any | outside(int));
    if any { ints.find(|int| outside(*int)) } else { None }
}

fn check_floats(column: &ColumnDefinition, view: LeafView<'_>, present: u64) -> Result<(), TypeError> {
    if !column.unsigned {
        return Ok(());
    }
    let words = view.words(column.slot);
    match selected(present).map(|row| f64::from_bits(words.get(row))).find(|float| *float < 0.0) {
        None => Ok(()),
        Some(float) => Err(negative(Value::Float(float), Value::Float(f64::MAX))),
    }
}

fn check_decimals(column: &ColumnDefinition, view: LeafView<'_>, present: u64) -> Result<(), TypeError> {
    let DataType::Decimal { precision, scale } = column.data_type else { return Ok(()) };
    for row in selected(present) {
        let decimal = decimal_from_wide(view.wide(column.slot, row));
        let value = Value::Decimal(decimal);
        if precision > 0 && decimal.scale() > u32::from(scale) {
            return Err(TypeError::Precision { value, precision, scale });
        }
        column.data_type.accepts(value.clone())?;
        if column.unsigned && decimal.is_sign_negative() && !decimal.is_zero() {
            return Err(negative(value, Value::Decimal(rust_decimal::Decimal::MAX)));
        }
    }
    Ok(())
}

/// Characters are counted only where the number of bytes does not already decide.
fn check_lengths(column: &ColumnDefinition, view: LeafView<'_>, present: u64) -> Result<(), TypeError> {
    let DataType::Text { max_length: Some(max) } = column.data_type else { return Ok(()) };
    for row in selected(present) {
        let text = view.text(column.slot, row).unwrap_or_default();
        if text.len() <= max as usize {
            continue;
        }
        let length = text.chars().count();
        if length > max as usize {
            return Err(TypeError::TooLong { max, length });
        }
    }
    Ok(())
}

/// The texts of an enumeration are among its values.
fn check_labels(
    table: &TableDefinition,
    column: &ColumnDefinition,
    view: LeafView<'_>,
    present: u64,
) -> Result<(), Error> {
    let Some(of) = &column.enumeration else { return Ok(()) };
    let mut texts = selected(present).filter_map(|row| view.text(column.slot, row));
    match texts.find(|text| of.rank(text).is_none()) {
        None => Ok(()),
        Some(text) => Err(Error::NotOfEnum {
            enumeration: of.name.clone(),
            value: text.to_owned(),
            nearest: of.nearest(text),
            column: Some(Box::new((table.name.clone(), column.name.clone()))),
        }),
    }
}

/// A leaf takes any text; what a column of JSON has must be read as JSON again.
fn check_json(column: &ColumnDefinition, view: LeafView<'_>, present: u64) -> Result<(), TypeError> {
    let mut texts = selected(present).filter_map(|row| view.text(column.slot, row));
    texts.try_for_each(|text| json_from_text(text).map(drop))
}

fn negative(value: Value, max: Value) -> TypeError {
    TypeError::OutOfRange { value, min: Value::Int(0), max }
}
