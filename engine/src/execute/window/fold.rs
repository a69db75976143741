//! Aggregates as states that take in rows and are merged, for frames.

use nuages_storage::{DataType, Value};

use crate::algebra::AggregateFunction;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Words, float_key};
use crate::functions::aggregate::float_of;
use crate::functions::aggregate::logic::{Joining, both, joined};
use crate::functions::aggregate::moments::{Moment, floats};
use crate::functions::aggregate::pairs::Pair;
use crate::functions::aggregate::sum::{DecimalSum, IntSum, overflow};
use crate::vector::{NO_ROW, Vector, VectorBuilder};

/// An aggregate over runs of rows.
pub(super) trait Fold {
    /// What is known of a run.
    type State: Clone;
    /// Whether a row can be taken out again without a trace.
    const REMOVES: bool = false;

    /// Of no row.
    fn empty(&self) -> Self::State;

    /// Takes in the row after.
    fn take(&self, state: &mut Self::State, row: usize);

    /// Takes in the run after.
    fn merge(&self, state: &mut Self::State, later: &Self::State);

    /// Takes the first row out.
    fn remove(&self, state: &mut Self::State, row: usize) {
        let _ = (state, row);
    }
}

/// How many rows count.
pub(super) struct Counts<'a> {
    pub(super) live: &'a Bits,
}

impl Fold for Counts<'_> {
    type State = i64;
    const REMOVES: bool = true;

    fn empty(&self) -> i64 {
        0
    }

    fn take(&self, state: &mut i64, row: usize) {
        *state += i64::from(self.live.contains(row));
    }

    fn merge(&self, state: &mut i64, later: &i64) {
        *state += later;
    }

    fn remove(&self, state: &mut i64, row: usize) {
        *state -= i64::from(self.live.contains(row));
    }
}

/// Sums of integers and intervals.
pub(super) struct IntSums<'a> {
    pub(super) words: Words<'a>,
    pub(super) live: &'a Bits,
}

impl Fold for IntSums<'_> {
    type State = IntSum;
    const REMOVES: bool = true;

    fn empty(&self) -> IntSum {
        IntSum::default()
    }

    fn take(&self, state: &mut IntSum, row: usize) {
        if self.live.contains(row) {
            state.add(self.words.get(row).cast_signed());
        }
    }

    fn merge(&self, state: &mut IntSum, later: &IntSum) {
        state.merge(later);
    }

    fn remove(&self, state: &mut IntSum, row: usize) {
        if self.live.contains(row) {
            state.remove(self.words.get(row).cast_signed());
        }
    }
}

/// The column of such sums.
pub(super) fn int_sums(states: &[IntSum], kind: DataType, mean: bool) -> Result<Vector<'static>, Error> {
    let mut builder = VectorBuilder::with_capacity(kind, states.len());
    for state in states {
        builder.push(&state.result(kind, mean)?);
    }
    Ok(builder.finish())
}

/// Sums of decimals; none if one has become too large.
pub(super) struct DecimalSums<'a> {
    pub(super) column: &'a Vector<'a>,
    pub(super) live: &'a Bits,
}

impl Fold for DecimalSums<'_> {
    type State = Option<DecimalSum>;
    const REMOVES: bool = true;

    fn empty(&self) -> Self::State {
        Some(DecimalSum::default())
    }

    fn take(&self, state: &mut Self::State, row: usize) {
        if let (true, Some(decimal)) = (self.live.contains(row), self.column.decimal(row)) {
            *state = state.and_then(|mut sum| sum.add(decimal).map(|()| sum));
        }
    }

    fn merge(&self, state: &mut Self::State, later: &Self::State) {
        *state = state.zip(*later).and_then(|(mut sum, later)| sum.merge(&later).map(|()| sum));
    }

    fn remove(&self, state: &mut Self::State, row: usize) {
        if let (true, Some(decimal)) = (self.live.contains(row), self.column.decimal(row)) {
            *state = state.and_then(|mut sum| sum.remove(decimal).map(|()| sum));
        }
    }
}

/// The column of such sums.
pub(super) fn decimal_sums(
    states: &[Option<DecimalSum>],
    kind: DataType,
    mean: bool,
) -> Result<Vector<'static>, Error> {
    let mut builder = VectorBuilder::with_capacity(kind, states.len());
    for state in states {
        let sum = state.as_ref().ok_or_else(|| overflow("sum()"))?;
        match sum.is_empty() {
            true => builder.push_null(),
            false => {
                let result = sum.result(mean).ok_or_else(|| overflow("sum()"))?;
                builder.push(&Value::Decimal(result));
            }
        }
    }
    Ok(builder.finish())
}

/// Sums, means and variances in double precision.
pub(super) struct Moments<'a> {
    pub(super) column: &'a Vector<'a>,
    pub(super) live: &'a Bits,
}

impl Fold for Moments<'_> {
    type State = Moment;

    fn empty(&self) -> Moment {
        Moment::default()
    }

    fn take(&self, state: &mut Moment, row: usize) {
        if self.live.contains(row)
            && let Some(number) = float_of(self.column, row)
        {
            state.add(number);
        }
    }

    fn merge(&self, state: &mut Moment, later: &Moment) {
        state.merge(later);
    }
}

/// The column of such results.
pub(super) fn moments(states: &[Moment], function: AggregateFunction) -> Vector<'static> {
    floats(states.iter().map(|state| state.result(function)))
}

/// Counts, means and products of distances of pairs.
pub(super) struct OfPairs<'a> {
    pub(super) y: &'a Vector<'a>,
    pub(super) x: &'a Vector<'a>,
    pub(super) live: &'a Bits,
}

impl Fold for OfPairs<'_> {
    type State = Pair;

    fn empty(&self) -> Pair {
        Pair::default()
    }

    fn take(&self, state: &mut Pair, row: usize) {
        if self.live.contains(row)
            && let (Some(y), Some(x)) = (float_of(self.y, row), float_of(self.x, row))
        {
            state.add(y, x);
        }
    }

    fn merge(&self, state: &mut Pair, later: &Pair) {
        state.merge(later);
    }
}

/// The row of the least or the greatest value, the first of several; or of the first value.
pub(super) struct Best<'a> {
    pub(super) column: &'a Vector<'a>,
    pub(super) live: &'a Bits,
    pub(super) wanted: Wanted,
}

/// Which row is the best.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Least,
    Greatest,
    First,
}

impl Best<'_> {
    fn is_better(&self, row: u32, than: u32) -> bool {
        let (row, than) = (row as usize, than as usize);
        let order = match self.column {
            Vector::Constant { .. } => return false,
            Vector::Word { kind: DataType::Float, data, .. } => {
                float_key(data[row]).cmp(&float_key(data[than]))
            }
            Vector::Word { data, .. } => data[row].cast_signed().cmp(&data[than].cast_signed()),
            Vector::Text { data, .. } => data.get(row).cmp(data.get(than)),
            column => column.value(row).cmp(&column.value(than)),
        };
        match self.wanted {
            Wanted::Least => order.is_lt(),
            Wanted::Greatest => order.is_gt(),
            Wanted::First => false,
        }
    }
}

impl Fold for Best<'_> {
    type State = u32;

    fn empty(&self) -> u32 {
        NO_ROW
    }

    fn take(&self, state: &mut u32, row: usize) {
        if self.live.contains(row) {
            self.merge(state, &crate::execute::key_table::row_number(row));
        }
    }

    fn merge(&self, state: &mut u32, later: &u32) {
        if *later != NO_ROW && (*state == NO_ROW || self.is_better(*later, *state)) {
            *state = *later;
        }
    }
}

/// Whether all are true, or some.
pub(super) struct Truths<'a> {
    pub(super) column: &'a Vector<'a>,
    pub(super) live: &'a Bits,
    pub(super) all: bool,
}

impl Fold for Truths<'_> {
    type State = Option<bool>;

    fn empty(&self) -> Option<bool> {
        None
    }

    fn take(&self, state: &mut Option<bool>, row: usize) {
        if self.live.contains(row) {
            *state = both(self.all, *state, self.column.bool(row));
        }
    }

    fn merge(&self, state: &mut Option<bool>, later: &Option<bool>) {
        *state = both(self.all, *state, *later);
    }
}

/// Integers joined bit by bit.
pub(super) struct BitSets<'a> {
    pub(super) words: Words<'a>,
    pub(super) live: &'a Bits,
    pub(super) how: Joining,
}

impl Fold for BitSets<'_> {
    type State = Option<u64>;

    fn empty(&self) -> Option<u64> {
        None
    }

    fn take(&self, state: &mut Option<u64>, row: usize) {
        if self.live.contains(row) {
            *state = joined(self.how, *state, Some(self.words.get(row)));
        }
    }

    fn merge(&self, state: &mut Option<u64>, later: &Option<u64>) {
        *state = joined(self.how, *state, *later);
    }
}
