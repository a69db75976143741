//! Other columns for the same rows.

use super::{Operator, Running};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::plan::Plan;
use crate::vector::Vector;
use nuages_storage::Value;

/// Whether a projection yields the columns of its input, all of them in their order; then there is nothing to do.
pub(super) fn is_identity(columns: &[Scalar], input: &Plan) -> bool {
    columns.len() == input.columns.len()
        && columns.iter().enumerate().all(|(place, scalar)| scalar.column() == Some(place))
}

/// See the [module](self).
pub(super) struct Project<'v> {
    input: Running<'v>,
    columns: &'v [Scalar],
    /// The places of columns that are the input's as they are, and that come no further time: these are moved.
    moved: Bits,
    rows: Batch<'v>,
}

impl<'v> Project<'v> {
    pub(super) fn new(input: Running<'v>, columns: &'v [Scalar]) -> Self {
        Project { input, columns, moved: last_uses(columns), rows: Batch::default() }
    }
}

/// The places of columns of the input, each where it comes for the last time.
fn last_uses(columns: &[Scalar]) -> Bits {
    let (mut places, mut seen) = (Bits::none(columns.len()), Bits::none(0));
    for (place, scalar) in columns.iter().enumerate().rev() {
        if let Some(column) = scalar.column().filter(|column| !seen.contains(*column)) {
            seen.insert(column);
            places.insert(place);
        }
    }
    places
}

impl<'v> Operator<'v> for Project<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if !self.input.next(&mut self.rows, context)? {
            return Ok(false);
        }
        batch.columns.resize(self.columns.len(), Vector::constant(Value::Null, 0));
        for (place, scalar) in
            self.columns.iter().enumerate().filter(|(place, _)| !self.moved.contains(*place))
        {
            batch.columns[place] = scalar.evaluate(&self.rows, context)?;
        }
        // What is moved is not looked at any more; the input gets the room of an earlier batch for it.
        for place in &self.moved {
            let Some(column) = self.columns[place].column() else { continue };
            std::mem::swap(&mut batch.columns[place], &mut self.rows.columns[column]);
            if let Vector::Constant { len, .. } = &mut batch.columns[place] {
                *len = self.rows.len;
            }
        }
        batch.len = self.rows.len;
        batch.selection = std::mem::take(&mut self.rows.selection);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use nuages_storage::DataType;

    use super::super::testing::{Input, column, column_expr, rows_of, scalar};
    use super::*;
    use crate::algebra::Arithmetic;

    const TYPES: [DataType; 2] = [DataType::BigInt; 2];

    /// Columns of the rows (0, 1000), (1, 1001) and so on.
    fn projected(columns: &[Scalar]) -> Vec<Vec<Value>> {
        let rows = (0..300).map(|n| vec![Value::Int(n), Value::Int(1_000 + n)]).collect();
        rows_of(Project::new(Input::of(&TYPES, rows, 7).open(), columns))
    }

    #[test]
    fn columns_come_as_often_as_they_are_named_in_any_order() {
        for places in [vec![1, 0], vec![0, 0, 1, 0], vec![1], vec![]] {
            let columns: Vec<Scalar> = places.iter().map(|place| column(*place, &TYPES)).collect();
            let row = |n: i64| places.iter().map(|place| Value::Int(n + *place as i64 * 1_000)).collect();
            assert_eq!(projected(&columns), (0..300).map(row).collect::<Vec<Vec<Value>>>());
        }
    }

    #[test]
    fn what_is_computed_reads_columns_that_are_projected_too() {
        let sum = scalar(&column_expr(0).arithmetic(Arithmetic::Add, column_expr(1)), &TYPES);
        let columns = [column(1, &TYPES), sum, column(0, &TYPES)];
        let row = |n: i64| vec![Value::Int(1_000 + n), Value::Int(1_000 + 2 * n), Value::Int(n)];
        assert_eq!(projected(&columns), (0..300).map(row).collect::<Vec<_>>());
    }
}
