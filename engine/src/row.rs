//! One row of an answer, wherever it lies.

use nuages_storage::{DataType, Lane, RowRef, Value};

use crate::batch::Batch;
use crate::plan::Fetch;

/// One row of an answer, to be read where it lies: in a batch, or in its table. Columns are numbered from 0; one that
/// is of another type than is asked for, or is not there, reads as NULL, which is `None`.
///
/// [`Session::run_rows`](crate::Session::run_rows) hands them out.
#[derive(Clone, Copy, Debug)]
pub struct Row<'r>(Place<'r>);

#[derive(Clone, Copy, Debug)]
enum Place<'r> {
    Batch(&'r Batch<'r>, usize),
    Table(RowRef<'r>, &'r [Fetch]),
}

impl<'r> Row<'r> {
    /// A row of a batch.
    #[must_use]
    pub fn of_batch(batch: &'r Batch<'r>, row: usize) -> Row<'r> {
        Row(Place::Batch(batch, row))
    }

    /// A row of a table, of which this is read.
    pub(crate) fn of_table(row: RowRef<'r>, fetch: &'r [Fetch]) -> Row<'r> {
        Row(Place::Table(row, fetch))
    }

    /// How many columns it has.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.0 {
            Place::Batch(batch, _) => batch.columns.len(),
            Place::Table(_, fetch) => fetch.len(),
        }
    }

    /// Whether it has no columns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a column is NULL.
    #[must_use]
    #[inline]
    pub fn is_null(&self, column: usize) -> bool {
        match self.0 {
            Place::Batch(batch, row) => batch.columns.get(column).is_none_or(|column| column.is_null(row)),
            Place::Table(row, fetch) => match fetch.get(column) {
                Some(Fetch::RowId(_)) => false,
                Some(Fetch::Slot(slot, _)) => row.null(*slot),
                None => true,
            },
        }
    }

    /// A boolean.
    #[must_use]
    #[inline]
    pub fn bool(&self, column: usize) -> Option<bool> {
        match self.0 {
            Place::Batch(batch, row) => batch.columns.get(column)?.bool(row),
            Place::Table(row, fetch) => match *fetch.get(column)? {
                Fetch::Slot(slot, DataType::Bool) if !row.null(slot) => Some(row.bool(slot)),
                _ => None,
            },
        }
    }

    /// An integer.
    #[must_use]
    #[inline]
    pub fn int(&self, column: usize) -> Option<i64> {
        match self.0 {
            Place::Batch(batch, row) => batch.columns.get(column)?.int(row),
            Place::Table(row, fetch) => match *fetch.get(column)? {
                Fetch::RowId(_) => Some(row.row_id().get()),
                Fetch::Slot(slot, DataType::BigInt | DataType::Integer | DataType::SmallInt) => {
                    row.present_word(slot).map(u64::cast_signed)
                }
                Fetch::Slot(..) => None,
            },
        }
    }

    /// A double.
    #[must_use]
    #[inline]
    pub fn float(&self, column: usize) -> Option<f64> {
        match self.0 {
            Place::Batch(batch, row) => batch.columns.get(column)?.float(row),
            Place::Table(row, fetch) => match *fetch.get(column)? {
                Fetch::Slot(slot, DataType::Float) => row.present_word(slot).map(f64::from_bits),
                _ => None,
            },
        }
    }

    /// A text.
    #[must_use]
    #[inline]
    pub fn text(&self, column: usize) -> Option<&'r str> {
        match self.0 {
            Place::Batch(batch, row) => batch.columns.get(column)?.text(row),
            Place::Table(row, fetch) => match *fetch.get(column)? {
                Fetch::Slot(slot, DataType::Text { .. }) => row.text(slot),
                _ => None,
            },
        }
    }

    /// Bytes.
    #[must_use]
    pub fn bytes(&self, column: usize) -> Option<&'r [u8]> {
        match self.0 {
            Place::Batch(batch, row) => batch.columns.get(column)?.bytes(row),
            Place::Table(row, fetch) => match *fetch.get(column)? {
                Fetch::Slot(slot, kind) if kind.lane() == Lane::Bytes => row.bytes(slot),
                _ => None,
            },
        }
    }

    /// A value of any type.
    #[must_use]
    pub fn value(&self, column: usize) -> Value {
        match self.0 {
            Place::Batch(batch, row) => {
                batch.columns.get(column).map_or(Value::Null, |column| column.value(row))
            }
            Place::Table(row, fetch) => match fetch.get(column) {
                Some(Fetch::RowId(_)) => Value::Int(row.row_id().get()),
                Some(Fetch::Slot(slot, kind)) => row.value(*slot, kind),
                None => Value::Null,
            },
        }
    }

    /// All of it as values.
    #[must_use]
    pub fn values(&self) -> Vec<Value> {
        match self.0 {
            Place::Batch(batch, row) => batch.row(row),
            Place::Table(..) => (0..self.len()).map(|column| self.value(column)).collect(),
        }
    }
}
