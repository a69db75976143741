//! Generated columns: what is computed from the other columns of a row whenever it is written.

use std::sync::Arc;

use super::program::RowProgram;
use super::{ColumnSet, TableDefinition};
use crate::algebra::Expr;
use crate::error::{DefinitionProblem, Error};

/// How a column is computed from others of its row.
#[derive(Clone, Debug)]
pub struct ComputedColumn {
    /// The place of the column.
    pub column: usize,
    /// What it is, over `Source::SELF`: it reads no column that is computed, and is the same each time.
    pub expr: Expr,
    /// The expression, compiled.
    pub(crate) program: Arc<RowProgram>,
}

impl TableDefinition {
    /// How the column at a place is computed, if it is.
    pub fn computed(&self, place: usize) -> Option<&ComputedColumn> {
        self.computed.iter().find(|computed| computed.column == place)
    }

    /// The columns that have other values when these have.
    pub(crate) fn with_computed(&self, assigned: ColumnSet) -> ColumnSet {
        let computed = self.computed.iter().filter(|computed| computed.program.reads(assigned));
        computed.fold(assigned, |columns, computed| columns.with(computed.column))
    }

    /// That nobody gives a column a value that is computed.
    ///
    /// # Errors
    /// [`Error::Computed`], with the first that is.
    pub(crate) fn expect_not_computed(&self, mut places: impl Iterator<Item = usize>) -> Result<(), Error> {
        match places.find(|place| self.computed(*place).is_some()) {
            None => Ok(()),
            Some(place) => {
                let column = self.column(place)?.name.clone();
                Err(Error::Computed { table: self.name.clone(), column })
            }
        }
    }

    /// Has columns computed, which are there already.
    ///
    /// # Errors
    /// [`DefinitionProblem::NotComputable`].
    pub(crate) fn set_computed(&mut self, columns: &[(usize, Expr)]) -> Result<(), Error> {
        let is_computed = |place: usize| {
            self.computed(place).is_some() || columns.iter().any(|(computed, _)| *computed == place)
        };
        let is_own = |place: usize| place < self.columns.len() && !is_computed(place);
        let mut compiled = Vec::with_capacity(columns.len());
        for (column, expr) in columns {
            let is_key = self.row_id_column() == Some(*column);
            let name = &self.column(*column)?.name;
            if is_key || !super::resolve::reads_only(expr, &is_own) || !expr.is_immutable() {
                return Err(self.problem(DefinitionProblem::NotComputable { column: name.clone() }));
            }
            let program = Arc::new(RowProgram::compile(self, expr)?);
            compiled.push(ComputedColumn { column: *column, expr: expr.clone(), program });
        }
        self.computed.extend(compiled);
        Ok(())
    }
}
