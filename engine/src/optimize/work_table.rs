//! Common table expressions: rows that are computed once and read by name, and rows that lead to further rows.

use nuages_storage::DataType;

use super::build::cast_columns;
use super::planner::Planner;
use crate::algebra::walk::ColumnSet;
use crate::algebra::{Query, Source, WorkTable};
use crate::error::Error;
use crate::plan::{Basis, Estimate, Node, Plan, PlanColumn};

/// How many times as many rows a recursion is thought to have as it begins with.
const ROUNDS: f64 = 10.0;

impl Planner<'_> {
    /// The plan of a relation in which a work table can be read.
    pub(super) fn build_with(
        &mut self,
        table: WorkTable,
        rows: Query,
        build_input: impl FnOnce(&mut Self) -> Result<Plan, Error>,
    ) -> Result<Plan, Error> {
        let rows = self.plan(rows)?;
        let outer = self.define(table, &rows);
        let input = build_input(self)?;
        self.restore(table, outer);
        let (columns, estimate) = (input.columns.clone(), input.estimate);
        let node = Node::With { table, rows: Box::new(rows), input: Box::new(input) };
        Ok(Plan { node, columns, estimate })
    }

    /// The plan of a recursion. The step's columns take on the types of the base's.
    pub(super) fn build_recursive(
        &mut self,
        table: WorkTable,
        base: Query,
        step: Query,
        all: bool,
        source: Source,
    ) -> Result<Plan, Error> {
        let base = self.plan(base)?;
        let outer = self.define(table, &base);
        let step = self.plan(step)?;
        self.restore(table, outer);
        if base.columns.len() != step.columns.len() {
            return Err(Error::SetShape { left: base.columns.len(), right: step.columns.len() });
        }
        let types: Vec<_> = base.columns.iter().map(|column| column.data_type).collect();
        let step = cast_columns(step, &types)?;
        let column = |(index, data_type)| PlanColumn { column: source.column(index), data_type };
        let columns = types.into_iter().enumerate().map(column).collect();
        let estimate = Estimate::about(base.estimate.rows * ROUNDS).resting_on(Basis::Guess);
        let node = Node::Recursive { table, all, base: Box::new(base), step: Box::new(step) };
        Ok(Plan { node, columns, estimate })
    }

    /// The plan that reads a work table: only the columns that are needed.
    pub(super) fn build_work_table(
        &mut self,
        table: WorkTable,
        source: Source,
        needed: &ColumnSet,
    ) -> Result<Plan, Error> {
        let (types, estimate) =
            self.work_tables.get(&table).ok_or(Error::UnknownWorkTable { number: table.number() })?;
        let wanted = types.iter().enumerate().filter(|(index, _)| needed.contains(&source.column(*index)));
        let (places, columns): (Vec<usize>, Vec<PlanColumn>) = wanted
            .map(|(index, data_type)| {
                (index, PlanColumn { column: source.column(index), data_type: *data_type })
            })
            .unzip();
        let estimate = *estimate;
        Ok(Plan { node: Node::WorkTable { table, columns: places }, columns, estimate })
    }

    fn define(&mut self, table: WorkTable, rows: &Plan) -> Option<(Vec<DataType>, Estimate)> {
        let types = rows.columns.iter().map(|column| column.data_type).collect();
        self.work_tables.insert(table, (types, rows.estimate))
    }

    fn restore(&mut self, table: WorkTable, outer: Option<(Vec<DataType>, Estimate)>) {
        match outer {
            Some(outer) => self.work_tables.insert(table, outer),
            None => self.work_tables.remove(&table),
        };
    }
}
