//! Updates whose assignments are all there is to write.
//!
//! Where no index, check or foreign key reads what is assigned, and nothing is returned, no image of a row is needed:
//! the words go from the query's columns into a [`Patch`], and from there into the leaves. A bulk update of a number
//! costs a tenth of what images cost.

use nuages_storage::{DataType, Patch, RowId, RowRef, TypeError, Value};
use smallvec::SmallVec;

use super::coerced;
use super::update::{constant, integer_at_hand};
use crate::algebra::Update;
use crate::batch::Batch;
use crate::bits::Bits;
use crate::catalog::{ColumnDefinition, TableDefinition};
use crate::error::Error;
use crate::evaluate::Context;
use crate::vector::Vector;

/// Whether an update can be written as a patch.
pub(super) fn suffices(table: &TableDefinition, update: &Update) -> bool {
    update.returning.is_empty()
        && !update.assignments.iter().any(|(place, _)| table.involved.contains(*place))
}

/// The patch of one row, if all that it is assigned is at hand: constants, and arithmetic of integers.
///
/// # Errors
/// A value that its column does not take.
pub(super) fn of_row(
    table: &TableDefinition,
    update: &Update,
    row: RowRef<'_>,
    context: &Context<'_>,
) -> Result<Option<Patch>, Error> {
    let mut patch = Patch::of_row(row.row_id());
    for (place, expr) in &update.assignments {
        let column = table.column(*place)?;
        let integer = integer_at_hand(table, update, expr, row, context);
        let word = match integer.filter(|int| is_in_range(column, *int)) {
            Some(int) => Some(int.cast_unsigned()),
            None => match constant(expr, context) {
                Some(value) => word(table, column, coerced(table, *place, value.clone())?)?,
                None => return Ok(None),
            },
        };
        patch.set(column.slot, word);
    }
    Ok(Some(patch))
}

/// Whether a column holds integers, this one among them.
fn is_in_range(column: &ColumnDefinition, int: i64) -> bool {
    column.integer_range().is_some_and(|(min, max)| (min..=max).contains(&int))
}

/// Collects the new values of rows.
pub(super) struct PatchBuilder<'a> {
    table: &'a TableDefinition,
    columns: SmallVec<[(usize, &'a ColumnDefinition); 2]>,
    patch: Patch,
}

impl<'a> PatchBuilder<'a> {
    pub(super) fn new(table: &'a TableDefinition, update: &Update) -> Result<PatchBuilder<'a>, Error> {
        let column = |(place, _): &(usize, _)| Ok((*place, table.column(*place)?));
        let columns: SmallVec<[(usize, &ColumnDefinition); 2]> =
            update.assignments.iter().map(column).collect::<Result<_, Error>>()?;
        let patch = Patch::new(columns.iter().map(|(_, column)| column.slot));
        Ok(PatchBuilder { table, columns, patch })
    }

    /// Adds a row and what it is assigned, in the order of the assignments and of the columns' types.
    pub(super) fn add_row(
        &mut self,
        row: RowId,
        values: impl Iterator<Item = Result<(usize, Value), Error>>,
    ) -> Result<(), Error> {
        let mut words = SmallVec::<[_; 4]>::new();
        for ((_, column), value) in self.columns.iter().zip(values) {
            let (_, value) = value?;
            words.push(word(self.table, column, value)?);
        }
        self.patch.push(row, words);
        Ok(())
    }

    /// Adds the selected rows of a batch: its first column is the row ids, the others are the values.
    pub(super) fn add_batch(&mut self, batch: &Batch<'_>) -> Result<(), Error> {
        let id = |row| batch.column(0).int(row).map(RowId::new).expect("a row that is there has an id");
        let mut row_ids = Vec::with_capacity(batch.selection.count());
        row_ids.extend(batch.selection.iter().map(id));
        let mut columns = SmallVec::<[_; 2]>::new();
        for ((place, column), vector) in self.columns.iter().zip(&batch.columns[1..]) {
            columns.push(self.words(*place, column, vector, &batch.selection)?);
        }
        self.patch.extend(&row_ids, &columns);
        Ok(())
    }

    /// The selected values of a vector as they are stored.
    fn words(
        &self,
        place: usize,
        column: &ColumnDefinition,
        vector: &Vector<'_>,
        selection: &Bits,
    ) -> Result<Vec<Option<u64>>, Error> {
        let mut words = Vec::with_capacity(selection.count());
        match vector {
            Vector::Word { kind, data, nulls } if holds_every(column, *kind) && nulls.is_empty() => {
                words.extend(selection.iter().map(|row| Some(data[row])));
            }
            vector => {
                for row in selection {
                    words.push(word(self.table, column, coerced(self.table, place, vector.value(row))?)?);
                }
            }
        }
        Ok(words)
    }

    /// The patch, in the order of the rows.
    pub(super) fn finish(mut self) -> Patch {
        self.patch.sort();
        self.patch
    }
}

/// A value of a column's type as it is stored.
fn word(table: &TableDefinition, column: &ColumnDefinition, value: Value) -> Result<Option<u64>, Error> {
    let named = || (table.name.clone(), column.name.clone());
    if value.is_null() && !column.nullable {
        let (table, column) = named();
        return Err(Error::NotNull { table, column });
    }
    let negative = column.unsigned && !value.is_null() && value < Value::Int(0);
    if negative || value.as_int().is_some_and(|int| column.max.is_some_and(|max| int > max)) {
        let (min, max) =
            column.integer_range().map_or((0.into(), f64::MAX.into()), |(min, max)| (min.into(), max.into()));
        let (table, column) = named();
        let source = TypeError::OutOfRange { value, min, max };
        return Err(Error::Value { table, column, source });
    }
    Ok(match value {
        Value::Bool(bool) => Some(bool.into()),
        value => value.to_word(),
    })
}

/// Whether every word of a type is one of the column's.
fn holds_every(column: &ColumnDefinition, kind: DataType) -> bool {
    kind == column.data_type
        && !column.unsigned
        && column.max.is_none()
        && !matches!(kind, DataType::SmallInt | DataType::Integer)
}
