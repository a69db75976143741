//! Other columns for the same rows.

use super::{Operator, Running};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::plan::Plan;
use crate::vector::Vector;
use nuages_storage::Value;
use smallvec::SmallVec;

/// Whether a projection yields the columns of its input, all of them in their order; then there is nothing to do.
pub(super) fn is_identity(columns: &[Scalar], input: &Plan) -> bool {
    columns.len() == input.columns.len()
        && columns.iter().enumerate().all(|(place, scalar)| scalar.column() == Some(place))
}

/// See the [module](self).
pub(super) struct Project<'v> {
    input: Running<'v>,
    columns: &'v [Scalar],
    work: Work<'v>,
}

/// How the columns come about.
enum Work<'v> {
    /// All are columns of the input, and none comes twice. To each place in turn is swapped what lies at this one.
    Choice(SmallVec<[usize; 8]>),
    /// Some are computed from the rows of the input. Those at these places are the input's as they are and come no
    /// further time: they are moved.
    Computed { moved: Bits, rows: Batch<'v> },
}

impl<'v> Project<'v> {
    pub(super) fn new(input: Running<'v>, columns: &'v [Scalar]) -> Self {
        let work = match choice(columns) {
            Some(from) => Work::Choice(from),
            None => Work::Computed { moved: last_uses(columns), rows: Batch::default() },
        };
        Project { input, columns, work }
    }
}

/// From where each place is filled by a swap, one after the other, if all of this is a choice of columns.
fn choice(columns: &[Scalar]) -> Option<SmallVec<[usize; 8]>> {
    let (mut from, mut seen) = (SmallVec::<[usize; 8]>::with_capacity(columns.len()), Bits::none(0));
    for (place, scalar) in columns.iter().enumerate() {
        let mut column = scalar.column().filter(|column| !seen.contains(*column))?;
        seen.insert(column);
        // What lay at a place that has been filled was swapped to where that was filled from.
        while column < place {
            column = from[column];
        }
        from.push(column);
    }
    Some(from)
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
        match &mut self.work {
            Work::Choice(from) => {
                if !self.input.next(batch, context)? {
                    return Ok(false);
                }
                from.iter().enumerate().for_each(|(place, from)| batch.columns.swap(place, *from));
                batch.columns.truncate(from.len());
                let rows = batch.len;
                for column in &mut batch.columns {
                    if let Vector::Constant { len, .. } = column {
                        *len = rows;
                    }
                }
                Ok(true)
            }
            Work::Computed { moved, rows } => {
                if !self.input.next(rows, context)? {
                    return Ok(false);
                }
                compute(self.columns, moved, rows, batch, context)?;
                Ok(true)
            }
        }
    }
}

/// Puts these columns, over rows from which some are moved, in the place of a batch.
fn compute<'v>(
    columns: &[Scalar],
    moved: &Bits,
    rows: &mut Batch<'v>,
    batch: &mut Batch<'v>,
    context: &Context<'_>,
) -> Result<(), Error> {
    batch.columns.resize(columns.len(), Vector::constant(Value::Null, 0));
    for (place, scalar) in columns.iter().enumerate().filter(|(place, _)| !moved.contains(*place)) {
        batch.columns[place] = scalar.evaluate(rows, context)?;
    }
    // What is moved is not looked at any more; the input gets the room of an earlier batch for it.
    for place in moved {
        let Some(column) = columns[place].column() else { continue };
        std::mem::swap(&mut batch.columns[place], &mut rows.columns[column]);
        if let Vector::Constant { len, .. } = &mut batch.columns[place] {
            *len = rows.len;
        }
    }
    batch.len = rows.len;
    batch.selection = std::mem::take(&mut rows.selection);
    Ok(())
}

#[cfg(test)]
mod tests {
    use nuages_storage::DataType;

    use super::super::testing::{Input, column, column_expr, rows_of, scalar};
    use super::*;
    use crate::algebra::Arithmetic;

    const TYPES: [DataType; 2] = [DataType::BigInt; 2];

    #[test]
    fn any_choice_of_columns_comes_in_its_order() {
        let types = [DataType::BigInt; 4];
        let rows: Vec<_> =
            (0..100).map(|n| (0..4).map(|place| Value::Int(n * 10 + place)).collect()).collect();
        let choices = (0..4_usize.pow(4)).map(|n| [n % 4, n / 4 % 4, n / 16 % 4, n / 64]);
        for (choice, len) in choices.flat_map(|choice| (0..=4).map(move |len| (choice, len))) {
            let columns: Vec<Scalar> = choice[..len].iter().map(|place| column(*place, &types)).collect();
            let found = rows_of(Project::new(Input::of(&types, rows.clone(), 7).open(), &columns));
            let row = |n: i64| choice[..len].iter().map(|place| Value::Int(n * 10 + *place as i64)).collect();
            assert_eq!(found, (0..100).map(row).collect::<Vec<Vec<Value>>>(), "{:?}", &choice[..len]);
        }
    }

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
