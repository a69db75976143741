//! Expressions over one row of a table, compiled: checks, parts and conditions of indexes, what is returned.
//!
//! They are compiled when the table is defined, so that a row that is written is only evaluated. A program reads the
//! columns it needs of a leaf, where they lie, and answers for all selected rows at once.

use nuages_storage::{DataType, Lane, LeafView, RowRef, Value};

use super::{ColumnSet, TableDefinition};
use crate::algebra::{Column, Expr, Source};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::vector::Vector;

/// A compiled expression, and the columns it reads.
#[derive(Debug)]
pub(crate) struct RowProgram {
    scalar: Scalar,
    /// What it reads, in the order in which its batch has it.
    columns: Vec<Column>,
}

impl RowProgram {
    /// Compiles an expression over `Source::SELF`.
    ///
    /// # Errors
    /// Those of [`Scalar::compile`]: wrong types, columns that are not the table's, subqueries.
    pub(crate) fn compile(table: &TableDefinition, expr: &Expr) -> Result<RowProgram, Error> {
        RowProgram::compile_over(table, Source::SELF, expr)
    }

    /// The same for an expression over the columns of a row of `table` under the name `source`.
    pub(crate) fn compile_over(
        table: &TableDefinition,
        source: Source,
        expr: &Expr,
    ) -> Result<RowProgram, Error> {
        let columns = columns_of(expr);
        let scalar = Scalar::compile(expr, &|column| bind(table, source, &columns, column))?;
        Ok(RowProgram { scalar, columns })
    }

    /// Compiles a condition over `Source::SELF`.
    pub(crate) fn compile_condition(table: &TableDefinition, expr: &Expr) -> Result<RowProgram, Error> {
        let columns = columns_of(expr);
        let scalar = Scalar::compile_condition(expr, &|column| bind(table, Source::SELF, &columns, column))?;
        Ok(RowProgram { scalar, columns })
    }

    /// The type of its values; `None` if they are all NULL.
    pub(crate) fn data_type(&self) -> Option<DataType> {
        Some(self.scalar.data_type())
    }

    /// Whether it reads one of these columns of its table.
    pub(crate) fn reads(&self, columns: ColumnSet) -> bool {
        self.places().any(|place| columns.contains(place))
    }

    /// The places of the columns it reads.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().filter(|column| !column.is_row_id()).map(|column| column.index())
    }

    /// Its values for the selected rows of a leaf; those of other rows mean nothing.
    pub(crate) fn evaluate<'v>(
        &self,
        table: &TableDefinition,
        view: LeafView<'v>,
        selection: u64,
        context: &Context<'_>,
    ) -> Result<Vector<'v>, Error> {
        self.scalar.evaluate(&self.batch(table, view, selection), context)
    }

    /// Its value for one row. Computed of that row's values alone, not of the columns of its leaf.
    pub(crate) fn evaluate_row(
        &self,
        table: &TableDefinition,
        row: RowRef<'_>,
        context: &Context<'_>,
    ) -> Result<Value, Error> {
        let constant = |column: &Column| {
            let (slot, data_type) = match table.columns.get(column.index()).filter(|_| !column.is_row_id()) {
                Some(column) if column.lane != Lane::RowId => (Some(column.slot), column.data_type),
                Some(column) => (None, column.data_type),
                None => (None, DataType::BigInt),
            };
            let value = match slot {
                Some(slot) => row.value(slot, &data_type),
                None => Value::Int(row.row_id().get()),
            };
            Vector::Constant { value, kind: Some(data_type), len: 1 }
        };
        let batch = Batch::new(self.columns.iter().map(constant), 1);
        Ok(self.scalar.evaluate(&batch, context)?.value(0))
    }

    /// The selected rows for which the condition is true.
    pub(crate) fn selects(
        &self,
        table: &TableDefinition,
        view: LeafView<'_>,
        selection: u64,
        context: &Context<'_>,
    ) -> Result<u64, Error> {
        let rows = self.scalar.filter(&self.batch(table, view, selection), context)?;
        Ok(first_word(&rows))
    }

    /// The selected rows for which the condition is false, neither true nor unknown.
    pub(crate) fn refutes(
        &self,
        table: &TableDefinition,
        view: LeafView<'_>,
        selection: u64,
        context: &Context<'_>,
    ) -> Result<u64, Error> {
        let batch = self.batch(table, view, selection);
        let satisfied = first_word(&self.scalar.filter(&batch, context)?);
        if satisfied == selection {
            return Ok(0);
        }
        let unknown = first_word(&self.scalar.evaluate(&batch, context)?.nulls());
        Ok(selection & !satisfied & !unknown)
    }

    fn batch<'v>(&self, table: &TableDefinition, view: LeafView<'v>, selection: u64) -> Batch<'v> {
        let vectors = self.columns.iter().map(|column| row_vector(table, view, *column));
        Batch::new(vectors, view.len()).with_selection(Bits::from_word(selection))
    }
}

/// A column of a leaf; what is no column of the table is its row id.
fn row_vector<'v>(table: &TableDefinition, view: LeafView<'v>, column: Column) -> Vector<'v> {
    match table.columns.get(column.index()).filter(|_| !column.is_row_id()) {
        Some(column) if column.lane == Lane::RowId => Vector::row_ids(view, column.data_type),
        Some(column) => Vector::leaf(view, column.slot, column.data_type),
        None => Vector::row_ids(view, DataType::BigInt),
    }
}

fn bind(
    table: &TableDefinition,
    source: Source,
    columns: &[Column],
    column: Column,
) -> Option<(usize, DataType)> {
    if column.source() != source {
        return None;
    }
    let position = columns.iter().position(|known| *known == column)?;
    let data_type =
        if column.is_row_id() { DataType::BigInt } else { table.columns.get(column.index())?.data_type };
    Some((position, data_type))
}

/// The columns an expression reads, each once; those of subqueries are not among them.
fn columns_of(expr: &Expr) -> Vec<Column> {
    fn collect(expr: &Expr, columns: &mut Vec<Column>) {
        if let Expr::Column(column) = expr
            && !columns.contains(column)
        {
            columns.push(*column);
        }
        expr.children().into_iter().for_each(|child| collect(child, columns));
    }
    let mut columns = Vec::new();
    collect(expr, &mut columns);
    columns
}

/// The rows of a batch of one leaf.
fn first_word(rows: &Bits) -> u64 {
    rows.words().first().copied().unwrap_or_default()
}
