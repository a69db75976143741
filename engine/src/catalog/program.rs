//! Expressions over one row of a table, compiled: checks, parts and conditions of indexes, what is returned.
//!
//! They are compiled when the table is defined, so that a row that is written is only evaluated. A program reads the
//! columns it needs of a leaf, where they lie, and answers for all selected rows at once.

use nuages_storage::{DataType, LeafView};

use super::{ColumnSet, TableDefinition};
use crate::algebra::{Column, Expr, Source};
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::vector::{Batch, Bits, Vector};

/// A compiled expression, and the columns it reads.
#[derive(Clone, Debug)]
pub(crate) struct RowProgram {
    scalar: Scalar,
    /// The places of the columns that it reads, in the order in which the batch has them.
    columns: Vec<usize>,
}

impl RowProgram {
    /// Compiles an expression over `Source::SELF`.
    pub(crate) fn compile(table: &TableDefinition, expr: &Expr) -> Result<RowProgram, Error> {
        RowProgram::compile_over(table, Source::SELF, expr)
    }

    /// Compiles an expression over the columns of a row of `table` under the name `source`.
    pub(crate) fn compile_over(table: &TableDefinition, source: Source, expr: &Expr) -> Result<RowProgram, Error> {
        let mut columns = Vec::new();
        collect_columns(expr, source, &mut columns);
        for &place in &columns {
            if place != ROW_ID {
                table.column(place)?;
            }
        }
        let bind = |column: Column| {
            let position = columns.iter().position(|place| *place == place_of(column))?;
            let data_type = table.columns.get(columns[position]).map_or(DataType::BigInt, |column| column.data_type);
            (column.source() == source).then_some((position, data_type))
        };
        let scalar = Scalar::compile(expr, &bind)?;
        Ok(RowProgram { scalar, columns })
    }

    /// Compiles a condition over `Source::SELF`.
    pub(crate) fn compile_condition(table: &TableDefinition, expr: &Expr) -> Result<RowProgram, Error> {
        let program = RowProgram::compile(table, expr)?;
        match program.data_type() {
            DataType::Bool => Ok(program),
            got => Err(Error::Type {
                expression: format!("a condition of table \"{}\"", table.name),
                expected: DataType::Bool.to_string(),
                got: got.to_string(),
            }),
        }
    }

    /// The type of its values.
    pub(crate) fn data_type(&self) -> DataType {
        self.scalar.data_type()
    }

    /// Whether it reads one of these columns.
    pub(crate) fn reads(&self, columns: ColumnSet) -> bool {
        columns.contains_any(&self.columns)
    }

    /// The places of the columns it reads.
    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Its values for the selected rows of a leaf; those of other rows are unspecified.
    pub(crate) fn evaluate<'v>(
        &self,
        table: &TableDefinition,
        view: LeafView<'v>,
        selection: u64,
        context: &Context<'_>,
    ) -> Result<Vector<'v>, Error> {
        let vectors = self.columns.iter().map(|&place| match table.columns.get(place) {
            Some(column) => Vector::from_leaf(view, column.slot, column.data_type),
            None => Vector::row_ids(view),
        });
        let batch = Batch::new(vectors.collect(), Bits::from_word(selection), view.len());
        self.scalar.evaluate(&batch, context)
    }

    /// The selected rows for which it is true.
    pub(crate) fn selects(
        &self,
        table: &TableDefinition,
        view: LeafView<'_>,
        selection: u64,
        context: &Context<'_>,
    ) -> Result<u64, Error> {
        let values = self.evaluate(table, view, selection, context)?;
        Ok(rows_that_are(&values, true, selection))
    }

    /// The selected rows for which it is false, neither true nor unknown.
    pub(crate) fn refutes(
        &self,
        table: &TableDefinition,
        view: LeafView<'_>,
        selection: u64,
        context: &Context<'_>,
    ) -> Result<u64, Error> {
        let values = self.evaluate(table, view, selection, context)?;
        Ok(rows_that_are(&values, false, selection))
    }
}
