//! What a writing statement returns of its rows.

use nuages_storage::{LeafView, Value};

use super::leaves::selected;
use crate::algebra::{OutputColumn, Source};
use crate::catalog::TableDefinition;
use crate::catalog::program::RowProgram;
use crate::error::Error;
use crate::evaluate::Context;
use crate::session::ResultSet;

/// The columns to be returned, compiled, and the rows so far.
pub(crate) struct Returning<'a> {
    table: &'a TableDefinition,
    programs: Vec<RowProgram>,
    result: ResultSet,
}

impl<'a> Returning<'a> {
    /// The columns of a row of `table` that is called `source` in them.
    pub(crate) fn new(
        table: &'a TableDefinition,
        source: Source,
        columns: &[OutputColumn],
    ) -> Result<Returning<'a>, Error> {
        let compile = |column: &OutputColumn| RowProgram::compile_over(table, source, &column.expr);
        let programs = columns.iter().map(compile).collect::<Result<_, _>>()?;
        let columns = columns.iter().map(|column| column.name.clone()).collect();
        Ok(Returning { table, programs, result: ResultSet { columns, rows: Vec::new() } })
    }

    /// Whether nothing is to be returned.
    pub(crate) fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }

    /// Adds the selected rows of a leaf.
    pub(crate) fn add(
        &mut self,
        view: LeafView<'_>,
        selection: u64,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let evaluate = |program: &RowProgram| program.evaluate(self.table, view, selection, context);
        let vectors = self.programs.iter().map(evaluate).collect::<Result<Vec<_>, _>>()?;
        let row = |row| vectors.iter().map(|vector| vector.value(row)).collect::<Vec<Value>>();
        self.result.rows.extend(selected(selection).map(row));
        Ok(())
    }

    /// The rows.
    pub(crate) fn finish(self) -> ResultSet {
        self.result
    }
}
