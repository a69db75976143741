//! Rows on their way through a plan: a leaf, or rows gathered from several.

use crate::bits::Bits;
use crate::vector::{Vector, VectorBuilder};
use nuages_storage::{DataType, Value};

pub use crate::vector::BATCH_ROWS_MAX;

/// Some rows, column by column.
///
/// Rows that are not selected are not there: an operator that drops rows takes them out of the selection and leaves
/// the columns as they are.
#[derive(Clone, Debug, Default)]
pub struct Batch<'v> {
    /// The columns, all of `len` rows.
    pub columns: Vec<Vector<'v>>,
    /// The rows that are there.
    pub selection: Bits,
    /// How many rows the columns have.
    pub len: usize,
}

impl<'v> Batch<'v> {
    /// A batch of these columns, each of `len` rows, all selected.
    #[must_use]
    pub fn new(columns: impl IntoIterator<Item = Vector<'v>>, len: usize) -> Self {
        Batch { columns: columns.into_iter().collect(), selection: Bits::all(len), len }
    }

    /// The same columns with only these rows.
    #[must_use]
    pub fn with_selection(self, selection: Bits) -> Self {
        Batch { selection, ..self }
    }

    /// The column at a place.
    ///
    /// # Panics
    /// If there is none: plans know how many columns their operators yield.
    #[must_use]
    #[inline]
    pub fn column(&self, index: usize) -> &Vector<'v> {
        &self.columns[index]
    }

    /// How many rows are selected.
    #[must_use]
    pub fn count(&self) -> usize {
        self.selection.count()
    }

    /// A row as values.
    #[must_use]
    pub fn row(&self, row: usize) -> Vec<Value> {
        self.columns.iter().map(|column| column.value(row)).collect()
    }

    /// A batch of these rows, in this order; [`NO_ROW`](crate::vector::NO_ROW) becomes a row of NULLs.
    #[must_use]
    pub fn gather(&self, rows: &[u32]) -> Batch<'v> {
        Batch::new(self.columns.iter().map(|column| column.gather(rows)), rows.len())
    }
}

/// Collects rows of many batches of one shape into one batch of any length, as the build side of a join or a sort
/// needs it. Texts that lie in leaves are not copied.
#[derive(Clone, Debug, Default)]
pub struct BatchBuilder<'v> {
    columns: Vec<VectorBuilder<'v>>,
    len: usize,
}

impl<'v> BatchBuilder<'v> {
    /// A builder of batches with columns of these types.
    #[must_use]
    pub fn new(types: &[DataType]) -> Self {
        BatchBuilder { columns: types.iter().map(|kind| VectorBuilder::new(*kind)).collect(), len: 0 }
    }

    /// How many rows were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no row was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds the selected rows of a batch.
    pub fn append(&mut self, batch: &Batch<'v>) {
        for (builder, column) in self.columns.iter_mut().zip(&batch.columns) {
            builder.append(column, &batch.selection);
        }
        self.len += batch.count();
    }

    /// Adds the selected rows of a batch, of which only these columns are wanted.
    pub(crate) fn append_columns(&mut self, batch: &Batch<'v>, wanted: &[usize]) {
        for (builder, column) in self.columns.iter_mut().zip(wanted) {
            builder.append(batch.column(*column), &batch.selection);
        }
        self.len += batch.count();
    }

    /// Adds these rows of a batch, of which only these columns are wanted.
    pub(crate) fn append_rows_of(&mut self, batch: &Batch<'v>, wanted: &[usize], rows: &[u32]) {
        for (builder, column) in self.columns.iter_mut().zip(wanted) {
            builder.append_rows(batch.column(*column), rows);
        }
        self.len += rows.len();
    }

    /// Adds these rows of a batch, in this order; [`NO_ROW`](crate::vector::NO_ROW) adds a row of NULLs.
    pub fn append_rows(&mut self, batch: &Batch<'v>, rows: &[u32]) {
        for (builder, column) in self.columns.iter_mut().zip(&batch.columns) {
            builder.append_rows(column, rows);
        }
        self.len += rows.len();
    }

    /// The batch.
    #[must_use]
    pub fn finish(self) -> Batch<'v> {
        Batch::new(self.columns.into_iter().map(VectorBuilder::finish), self.len)
    }
}
