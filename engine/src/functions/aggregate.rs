//! Aggregates, over groups that are numbered from 0.
//!
//! An [`Accumulators`] holds the state of one aggregate for every group. It is given a batch at a time: the group of
//! each row, the argument's column, and which rows count. Without groups the rows of a leaf are taken in whole, by
//! [`Accumulators::update_one`], which needs no group numbers and adds a column of words under a mask. That each value
//! counts once is not its business: the caller selects the rows (`execute/aggregate.rs`).
//!
//! Order of reading: this file; `sum` (sums and means), `extreme` (least and greatest), `moments` (variances), `logic`
//! (of booleans and bits), `pairs` (correlation and regression), `ordered` (percentiles and modes), `listed` (what
//! grows with its rows: joined texts, JSON).
//!
//! Sums are exact while they are computed: of integers in 128 bits, of decimals as 128-bit multiples of a unit. So
//! `sum` fails only if the result itself does not fit, whatever the order of the rows. Sums of floats are added in the
//! order of the rows.

mod extreme;
pub(crate) mod listed;
pub(crate) mod logic;
pub(crate) mod moments;
mod ordered;
pub(crate) mod pairs;
pub(crate) mod sum;
#[cfg(test)]
mod tests;

use nuages_storage::DataType;

use crate::algebra::{AggregateFunction, PairFunction};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Class, DIVISION_SCALE, class_of, decimal, scale_of};
use crate::vector::Vector;
use extreme::{Extremes, WordExtremes};
use listed::Lists;
use logic::{BitSets, FirstValues, Joining, Truths};
use moments::Moments;
use ordered::OrderedSets;
use pairs::Pairs;
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
    let is_number = class_of(argument).is_number();
    match (function, class_of(argument)) {
        (AggregateFunction::Min | AggregateFunction::Max, _) => Ok(argument),
        (AggregateFunction::AnyValue | AggregateFunction::First, _) => Ok(argument),
        (AggregateFunction::JsonAgg, _) => Ok(DataType::Json),
        (AggregateFunction::StringAgg, Class::Text) => Ok(argument),
        (AggregateFunction::JsonObjectAgg, Class::Text) => Ok(DataType::Json),
        (AggregateFunction::StringAgg | AggregateFunction::JsonObjectAgg, _) => {
            Err(refused("a text", argument.to_string()))
        }
        (AggregateFunction::BoolAnd | AggregateFunction::BoolOr, Class::Bool) => Ok(DataType::Bool),
        (AggregateFunction::BoolAnd | AggregateFunction::BoolOr, _) => {
            Err(refused("a boolean", argument.to_string()))
        }
        (AggregateFunction::Mode | AggregateFunction::PercentileDisc, _) => Ok(argument),
        (AggregateFunction::PercentileCont, Class::Duration) => Ok(DataType::Duration),
        (AggregateFunction::PercentileCont, _) if is_number => Ok(DataType::Float),
        (AggregateFunction::Pairs(PairFunction::Count), _) if is_number => Ok(DataType::BigInt),
        (AggregateFunction::Pairs(_), _) if is_number => Ok(DataType::Float),
        (AggregateFunction::Pairs(_), _) => Err(refused("a number", argument.to_string())),
        (AggregateFunction::BitAnd | AggregateFunction::BitOr | AggregateFunction::BitXor, Class::Int) => {
            Ok(DataType::BigInt)
        }
        (AggregateFunction::BitAnd | AggregateFunction::BitOr | AggregateFunction::BitXor, _) => {
            Err(refused("an integer", argument.to_string()))
        }
        (function, _) if in_floats(function) && is_number => Ok(DataType::Float),
        (function, _) if in_floats(function) => Err(refused("a number", argument.to_string())),
        (AggregateFunction::Sum, Class::Int) => Ok(DataType::BigInt),
        (AggregateFunction::Avg, Class::Int) | (_, Class::Float) => Ok(DataType::Float),
        (AggregateFunction::Sum, Class::Decimal) => Ok(decimal(scale_of(argument))),
        (_, Class::Decimal) => Ok(decimal(scale_of(argument).max(DIVISION_SCALE))),
        (_, Class::Duration) => Ok(DataType::Duration),
        _ => Err(refused("a number or an interval", argument.to_string())),
    }
}

/// Whether an aggregate is computed in double precision, whatever numbers its argument has.
pub(crate) fn in_floats(function: AggregateFunction) -> bool {
    function == AggregateFunction::Total || moments::is_moment(function)
}

/// The number of a row as a double; `None` if it is NULL.
pub(crate) fn float_of(input: &Vector<'_>, row: usize) -> Option<f64> {
    match input {
        Vector::Word { kind: DataType::Float, .. } => input.float(row),
        input => input.value(row).as_float(),
    }
}

pub(crate) fn name(function: AggregateFunction) -> &'static str {
    match function {
        AggregateFunction::CountRows => "count(*)",
        AggregateFunction::Count => "count()",
        AggregateFunction::Sum => "sum()",
        AggregateFunction::Avg => "avg()",
        AggregateFunction::Min => "min()",
        AggregateFunction::Max => "max()",
        AggregateFunction::Total => "total()",
        AggregateFunction::StddevPop => "stddev_pop()",
        AggregateFunction::StddevSamp => "stddev_samp()",
        AggregateFunction::VarPop => "var_pop()",
        AggregateFunction::VarSamp => "var_samp()",
        AggregateFunction::BoolAnd => "bool_and()",
        AggregateFunction::BoolOr => "bool_or()",
        AggregateFunction::BitAnd => "bit_and()",
        AggregateFunction::BitOr => "bit_or()",
        AggregateFunction::BitXor => "bit_xor()",
        AggregateFunction::Pairs(of) => of.name(),
        AggregateFunction::PercentileCont => "percentile_cont()",
        AggregateFunction::PercentileDisc => "percentile_disc()",
        AggregateFunction::Mode => "mode()",
        AggregateFunction::AnyValue => "any_value()",
        AggregateFunction::First => "first()",
        AggregateFunction::StringAgg => "string_agg()",
        AggregateFunction::JsonAgg => "json_agg()",
        AggregateFunction::JsonObjectAgg => "json_object_agg()",
    }
}

/// The state of one aggregate for every group.
///
/// ```
/// use nuages_engine::algebra::AggregateFunction;
/// use nuages_engine::functions::aggregate::Accumulators;
/// use nuages_engine::{Bits, Vector};
/// use nuages_storage::DataType;
/// let mut sums = Accumulators::new(AggregateFunction::Sum, Some(DataType::BigInt))?;
/// sums.resize(2);
/// sums.update(&[0, 1, 0], Some(&Vector::ints([1, 2, 3])), None, &Bits::all(3))?;
/// let sums = sums.finish()?;
/// assert_eq!((sums.int(0), sums.int(1)), (Some(4), Some(2)));
/// # Ok::<(), nuages_engine::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Accumulators {
    state: State,
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
    Moments(Moments),
    Truths(Truths),
    BitSets(BitSets),
    Pairs(Pairs),
    Ordered(OrderedSets),
    AnyValues(FirstValues),
    Firsts(FirstValues),
    Lists(Lists),
}

impl Accumulators {
    /// The aggregate of an argument of a type, over no group yet.
    ///
    /// # Errors
    /// [`Error::Type`] as [`result_type`].
    pub fn new(function: AggregateFunction, argument: Option<DataType>) -> Result<Accumulators, Error> {
        let result = result_type(function, argument)?;
        let class = class_of(argument.unwrap_or(DataType::BigInt));
        let mean = function == AggregateFunction::Avg;
        let least = function == AggregateFunction::Min;
        let state = match (function, class) {
            (AggregateFunction::CountRows, _) => State::CountRows(Vec::new()),
            (AggregateFunction::Count, _) => State::Count(Vec::new()),
            (function, _) if in_floats(function) => State::Moments(Moments::new(function)),
            (AggregateFunction::BoolAnd, _) => State::Truths(Truths::new(true)),
            (AggregateFunction::BoolOr, _) => State::Truths(Truths::new(false)),
            (AggregateFunction::BitAnd, _) => State::BitSets(BitSets::new(Joining::And)),
            (AggregateFunction::BitOr, _) => State::BitSets(BitSets::new(Joining::Or)),
            (AggregateFunction::BitXor, _) => State::BitSets(BitSets::new(Joining::Xor)),
            (AggregateFunction::Pairs(of), _) => State::Pairs(Pairs::new(of)),
            (function, _) if function.is_of_ordered_set() => {
                State::Ordered(OrderedSets::new(function, result))
            }
            (AggregateFunction::AnyValue, _) => State::AnyValues(FirstValues::new(result)),
            (AggregateFunction::First, _) => State::Firsts(FirstValues::new(result)),
            (
                AggregateFunction::StringAgg | AggregateFunction::JsonAgg | AggregateFunction::JsonObjectAgg,
                _,
            ) => State::Lists(Lists::new(function)),
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
        Ok(Accumulators { state })
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
            State::Moments(moments) => moments.resize(groups),
            State::Truths(truths) => truths.resize(groups),
            State::BitSets(sets) => sets.resize(groups),
            State::Pairs(pairs) => pairs.resize(groups),
            State::Ordered(sets) => sets.resize(groups),
            State::AnyValues(values) | State::Firsts(values) => values.resize(groups),
            State::Lists(lists) => lists.resize(groups),
        }
    }

    /// Takes in the selected rows of a batch. `groups` has the group of every row of the batch, within the
    /// [size](Accumulators::resize) given; `input` is the argument, none for `count(*)`, and `second` the one after it.
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
        second: Option<&Vector<'_>>,
        selection: &Bits,
    ) -> Result<(), Error> {
        self.take(&|row| groups[row], input, second, selection)
    }

    /// Takes in the selected rows of a batch as rows of the only group. A column of words is added up whole: a leaf
    /// takes tens of nanoseconds.
    ///
    /// # Errors
    /// As [`Accumulators::update`].
    pub fn update_one(
        &mut self,
        input: Option<&Vector<'_>>,
        second: Option<&Vector<'_>>,
        selection: &Bits,
    ) -> Result<(), Error> {
        if self.groups() == 0 {
            self.resize(1);
        }
        let live = live(input, selection);
        match (&mut self.state, input) {
            (State::CountRows(counts), _) => counts[0] += count(selection),
            (State::Count(counts), _) => counts[0] += count(&live),
            (State::Ints(sums), Some(Vector::Word { data, .. })) => sums.add_column(data, &live),
            (State::Decimals(sums), Some(input)) => return sums.add_column(input, &live),
            (State::WordExtremes(extremes), Some(Vector::Word { data, .. })) => {
                extremes.take_column(data, &live);
            }
            _ => return self.take(&|_| 0, input, second, selection),
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
            State::Moments(moments) => Ok(moments.finish()),
            State::Truths(truths) => Ok(truths.finish()),
            State::BitSets(sets) => Ok(sets.finish()),
            State::Pairs(pairs) => Ok(pairs.finish()),
            State::Ordered(sets) => sets.finish(),
            State::AnyValues(values) | State::Firsts(values) => Ok(values.finish()),
            State::Lists(lists) => Ok(lists.finish()),
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
            State::Moments(moments) => moments.len(),
            State::Truths(truths) => truths.len(),
            State::BitSets(sets) => sets.len(),
            State::Pairs(pairs) => pairs.len(),
            State::Ordered(sets) => sets.len(),
            State::AnyValues(values) | State::Firsts(values) => values.len(),
            State::Lists(lists) => lists.len(),
        }
    }

    /// Takes in rows one by one. (Generic, so that the group of each is looked up without a call.)
    #[inline]
    fn take(
        &mut self,
        group: &(impl Fn(usize) -> u32 + ?Sized),
        input: Option<&Vector<'_>>,
        second: Option<&Vector<'_>>,
        selection: &Bits,
    ) -> Result<(), Error> {
        if let State::CountRows(counts) = &mut self.state {
            selection.iter().for_each(|row| counts[group(row) as usize] += 1);
            return Ok(());
        }
        let Some(input) = input else { return Ok(()) };
        let live = live(Some(input), selection);
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
            State::Moments(moments) => moments.take(group, input, &live),
            State::Truths(truths) => truths.take(group, input, &live),
            State::BitSets(sets) => sets.take(group, input, &live),
            State::Pairs(pairs) => pairs.take(group, input, second, &live),
            State::Ordered(sets) => sets.take(group, input, second, &live),
            State::AnyValues(values) => values.take(group, input, &live),
            State::Firsts(values) => values.take(group, input, selection),
            State::Lists(lists) => return lists.take(group, input, second, selection),
        }
        Ok(())
    }
}

/// The selected rows in which the argument is not NULL.
fn live(input: Option<&Vector<'_>>, selection: &Bits) -> Bits {
    input.map_or_else(|| selection.clone(), |input| input.present(selection))
}

fn count(rows: &Bits) -> i64 {
    i64::try_from(rows.count()).unwrap_or(i64::MAX)
}
