//! Reading a work table.

use std::rc::Rc;

use super::Operator;
use super::key_table::row_number;
use super::scope::WorkRows;
use crate::batch::{BATCH_ROWS_MAX, Batch};
use crate::error::Error;
use crate::evaluate::Context;

/// Some columns of a work table.
pub(super) struct WorkTable<'v> {
    table: Option<Rc<WorkRows<'v>>>,
    columns: &'v [usize],
    /// The rows, once they were asked for, and how many are done.
    rows: Option<(Rc<Batch<'v>>, usize)>,
}

impl<'v> WorkTable<'v> {
    pub(super) fn new(table: Option<Rc<WorkRows<'v>>>, columns: &'v [usize]) -> Self {
        WorkTable { table, columns, rows: None }
    }
}

impl<'v> Operator<'v> for WorkTable<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if self.rows.is_none() {
            let table = self.table.as_ref().ok_or(Error::PlanOutdated)?;
            self.rows = Some((table.rows(context)?, 0));
        }
        context.check()?;
        let Some((rows, done)) = &mut self.rows else { return Ok(false) };
        let run = *done..rows.len.min(*done + BATCH_ROWS_MAX);
        *done = run.end;
        if run.is_empty() {
            return Ok(false);
        }
        let numbers: Vec<u32> = run.map(row_number).collect();
        let columns = self.columns.iter().map(|column| rows.column(*column).gather(&numbers));
        *batch = Batch::new(columns, numbers.len());
        Ok(true)
    }
}
