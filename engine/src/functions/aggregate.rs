//! Aggregates, over groups that are numbered from 0.
//!
//! An [`Accumulators`] holds the state of one aggregate for every group. It is given a batch at a time: the group of
//! each row, the argument's column, and which rows count. Without groups the rows of a leaf are taken in whole, by
//! [`Accumulators::update_one`], which needs no group numbers and adds a column of words under a mask.
//!
//! Order of reading: this file; `sum` (sums and means) and `extreme` (least and greatest).
//!
//! Sums are exact while they are computed: of integers in 128 bits, of decimals as 128-bit multiples of a unit. So
//! `sum` fails only if the result itself does not fit, whatever the order of the rows. Sums of floats are added in the
//! order of the rows.

mod extreme;
mod sum;

use hashbrown::HashSet;
use nuages_storage::{DataType, Value};

use crate::algebra::AggregateFunction;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Class, DIVISION_SCALE, class_of, decimal, scale_of};
use crate::vector::Vector;
use extreme::{Extremes, WordExtremes};
use sum::{DecimalSums, FloatSums, IntSums};

/// The type of an aggregate over an argument of a type.
///
/// # Errors
/// [`Error::Type`] if it cannot be computed of that type, or the argument is missing.
pub fn result_type(function: AggregateFunction, argument: Option<DataType>) -> Result<DataType, Error> {
    let refused = |expected: &str, got: String| Error::Type {
        expression: name(function).to_owned(),
        expected: expected.to_owned(),
        got,
    };
    if matches!(function, AggregateFunction::CountRows | AggregateFunction::Count) {
        return Ok(DataType::BigInt);
    }
    let argument = argument.ok_or_else(|| refused("an argument", "none".to_owned()))?;
    match (function, class_of(argument)) {
        (AggregateFunction::Min | AggregateFunction::Max, _) => Ok(argument),
        (AggregateFunction::Sum, Class::Int) => Ok(DataType::BigInt),
        (AggregateFunction::Avg, Class::Int) | (_, Class::Float) => Ok(DataType::Float),
        (AggregateFunction::Sum, Class::Decimal) => Ok(decimal(scale_of(argument))),
        (_, Class::Decimal) => Ok(decimal(scale_of(argument).max(DIVISION_SCALE))),
        (_, Class::Duration) => Ok(DataType::Duration),
        _ => Err(refused("a number or an interval", argument.to_string())),
    }
}

fn name(function: AggregateFunction) -> &'static str {
    match function {
        AggregateFunction::CountRows => "count(*)",
        AggregateFunction::Count => "count()",
        AggregateFunction::Sum => "sum()",
        AggregateFunction::Avg => "avg()",
        AggregateFunction::Min => "min()",
        AggregateFunction::Max => "max()",
    }
}

/// The state of one aggregate for every group.
///
/// ```
/// use nuages_engine::algebra::AggregateFunction;
/// use nuages_engine::functions::aggregate::Accumulators;
/// use nuages_engine::{Bits, Vector};
/// use nuages_storage::DataType;
/// let mut sums = Accumulators::new(AggregateFunction::Sum, Some(DataType::BigInt), false)?;
/// sums.resize(2);
/// sums.update(&[0, 1, 0], Some(&Vector::ints([1, 2, 3])), &Bits::all(3))?;
/// let sums = sums.finish()?;
/// assert_eq!((sums.int(0), sums.int(1)), (Some(4), Some(2)));
/// # Ok::<(), nuages_engine::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Accumulators {
    state: State,
    /// What each group has seen already, if every value counts once.
    seen: Option<HashSet<(u32, Value)>>,
}

#[derive(Clone, Debug)]
enum State {
    CountRows(Vec<i64>),
    Count(Vec<i64>),
    Ints(IntSums),
    Floats(FloatSums),
    Decimals(DecimalSums),
    WordExtremes(WordExtremes),
    Extremes(Extremes),
}

impl Accumulators {
    /// The aggregate of an argument of a type, over no group yet.
    ///
    /// # Errors
    /// [`Error::Type`] as [`result_type`].
    pub fn new(
        function: AggregateFunction,
        argument: Option<DataType>,
        distinct: bool,
    ) -> Result<Accumulators, Error> {
        let result = result_type(function, argument)?;
        let class = class_of(argument.unwrap_or(DataType::BigInt));
        let mean = function == AggregateFunction::Avg;
        let least = function == AggregateFunction::Min;
        let state = match (function, class) {
            (AggregateFunction::CountRows, _) => State::CountRows(Vec::new()),
            (AggregateFunction::Count, _) => State::Count(Vec::new()),
            (AggregateFunction::Sum | AggregateFunction::Avg, Class::Float) => {
                State::Floats(FloatSums::new(mean))
            }
            (AggregateFunction::Sum | AggregateFunction::Avg, Class::Decimal) => {
                State::Decimals(DecimalSums::new(mean))
            }
            (AggregateFunction::Sum | AggregateFunction::Avg, _) => State::Ints(IntSums::new(result, mean)),
            (
                _,
                Class::Int | Class::Float | Class::Date | Class::Time | Class::Timestamp | Class::Duration,
            ) => State::WordExtremes(WordExtremes::new(result, least)),
            _ => State::Extremes(Extremes::new(result, least)),
        };
        let distinct = distinct && function != AggregateFunction::CountRows;
        Ok(Accumulators { state, seen: distinct.then(HashSet::new) })
    }

    /// Makes room for this many groups; the new ones have seen no row.
    pub fn resize(&mut self, groups: usize) {
        match &mut self.state {
            State::CountRows(counts) | State::Count(counts) => counts.resize(groups, 0),
            State::Ints(sums) => sums.resize(groups),
            State::Floats(sums) => sums.resize(groups),
            State::Decimals(sums) => sums.resize(groups),
            State::WordExtremes(extremes) => extremes.resize(groups),
            State::Extremes(extremes) => extremes.resize(groups),
        }
    }

    /// Takes in the selected rows of a batch. `groups` has the group of every row of the batch, within the
    /// [size](Accumulators::resize) given; `input` is the argument, none for `count(*)`.
    ///
    /// # Errors
    /// [`Error::Overflow`] if a sum of decimals does not fit 128 bits.
    ///
    /// # Panics
    /// If a selected row's group is missing or beyond the groups there are.
    pub fn update(
        &mut self,
        groups: &[u32],
        input: Option<&Vector<'_>>,
        selection: &Bits,
    ) -> Result<(), Error> {
        self.take(&|row| groups[row], input, selection)
    }

    /// Takes in the selected rows of a batch as rows of the only group. A column of words is added up whole: a leaf
    /// takes tens of nanoseconds.
    ///
    /// # Errors
    /// As [`Accumulators::update`].
    pub fn update_one(&mut self, input: Option<&Vector<'_>>, selection: &Bits) -> Result<(), Error> {
        if self.groups() == 0 {
            self.resize(1);
        }
        if self.seen.is_some() {
            return self.take(&|_| 0, input, selection);
        }
        let live = live(input, selection);
        match (&mut self.state, input) {
            (State::CountRows(counts), _) => counts[0] += count(selection),
            (State::Count(counts), _) => counts[0] += count(&live),
            (State::Ints(sums), Some(Vector::Word { data, .. })) => sums.add_column(data, &live),
            (State::WordExtremes(extremes), Some(Vector::Word { data, .. })) => {
                extremes.take_column(data, &live);
            }
            _ => return self.take(&|_| 0, input, selection),
        }
        Ok(())
    }

    /// The aggregate of every group.
    ///
    /// # Errors
    /// [`Error::Overflow`] if a sum does not fit its type.
    pub fn finish(self) -> Result<Vector<'static>, Error> {
        match self.state {
            State::CountRows(counts) | State::Count(counts) => Ok(Vector::ints(counts)),
            State::Ints(sums) => sums.finish(),
            State::Floats(sums) => Ok(sums.finish()),
            State::Decimals(sums) => sums.finish(),
            State::WordExtremes(extremes) => Ok(extremes.finish()),
            State::Extremes(extremes) => Ok(extremes.finish()),
        }
    }

    fn groups(&self) -> usize {
        match &self.state {
            State::CountRows(counts) | State::Count(counts) => counts.len(),
            State::Ints(sums) => sums.len(),
            State::Floats(sums) => sums.len(),
            State::Decimals(sums) => sums.len(),
            State::WordExtremes(extremes) => extremes.len(),
            State::Extremes(extremes) => extremes.len(),
        }
    }

    /// Takes in rows one by one. (Generic, so that the group of each is looked up without a call.)
    #[inline]
    fn take(
        &mut self,
        group: &(impl Fn(usize) -> u32 + ?Sized),
        input: Option<&Vector<'_>>,
        selection: &Bits,
    ) -> Result<(), Error> {
        if let State::CountRows(counts) = &mut self.state {
            selection.iter().for_each(|row| counts[group(row) as usize] += 1);
            return Ok(());
        }
        let Some(input) = input else { return Ok(()) };
        let mut live = live(Some(input), selection);
        if let Some(seen) = &mut self.seen {
            let rows = live.clone();
            rows.iter()
                .filter(|row| !seen.insert((group(*row), input.value(*row))))
                .for_each(|row| live.remove(row));
        }
        let group = |row: usize| group(row) as usize;
        match &mut self.state {
            State::CountRows(counts) | State::Count(counts) => {
                live.iter().for_each(|row| counts[group(row)] += 1);
            }
            State::Ints(sums) => sums.add(group, input, &live),
            State::Floats(sums) => sums.add(group, input, &live),
            State::Decimals(sums) => return sums.add(group, input, &live),
            State::WordExtremes(extremes) => extremes.take(group, input, &live),
            State::Extremes(extremes) => extremes.take(group, input, &live),
        }
        Ok(())
    }
}

/// The selected rows in which the argument is not NULL.
fn live(input: Option<&Vector<'_>>, selection: &Bits) -> Bits {
    match input {
        None => selection.clone(),
        Some(Vector::Constant { value, .. }) if value.is_null() => selection.and_not(selection),
        Some(Vector::Constant { .. }) => selection.clone(),
        Some(column) => selection.and_not(&column.nulls()),
    }
}

fn count(rows: &Bits) -> i64 {
    i64::try_from(rows.count()).unwrap_or(i64::MAX)
}
