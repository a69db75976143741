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

#[cfg(test)]
mod tests {
    use nuages_storage::Value;
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::evaluate::quotient::quotient;

    const FUNCTIONS: [AggregateFunction; 6] = [
        AggregateFunction::CountRows,
        AggregateFunction::Count,
        AggregateFunction::Sum,
        AggregateFunction::Avg,
        AggregateFunction::Min,
        AggregateFunction::Max,
    ];

    /// The aggregate by its definition.
    fn naive(function: AggregateFunction, values: &[Value]) -> Option<Value> {
        let present: Vec<Value> = values.iter().filter(|value| !value.is_null()).cloned().collect();
        let count = i64::try_from(present.len()).unwrap();
        match function {
            AggregateFunction::CountRows => return Some(Value::from(values.len() as u64)),
            AggregateFunction::Count => return Some(Value::from(count)),
            AggregateFunction::Min => return Some(present.into_iter().min().unwrap_or_default()),
            AggregateFunction::Max => {
                return Some(present.into_iter().max().unwrap_or_default());
            }
            _ if present.is_empty() => return Some(Value::Null),
            _ => {}
        }
        let mean = function == AggregateFunction::Avg;
        Some(match &present[0] {
            Value::Int(_) => {
                let sum: i128 = present.iter().map(|value| i128::from(value.as_int().unwrap())).sum();
                if mean {
                    Value::from(sum as f64 / count as f64)
                } else {
                    Value::from(i64::try_from(sum).ok()?)
                }
            }
            Value::Float(_) => {
                let sum: f64 = present.iter().fold(0.0, |sum, value| sum + value.as_float().unwrap());
                if mean { Value::from(sum / count as f64) } else { Value::from(sum) }
            }
            Value::Decimal(_) => {
                let sum: Decimal = present.iter().map(|value| value.as_decimal().unwrap()).sum();
                if mean { Value::from(quotient(sum, Decimal::from(count))) } else { Value::from(sum) }
            }
            Value::Duration(_) => {
                let sum: i128 =
                    present.iter().map(|value| i128::from(value.to_word().unwrap().cast_signed())).sum();
                let micros = i64::try_from(if mean { sum / i128::from(count) } else { sum }).ok()?;
                Value::Duration(jiff::SignedDuration::from_micros(micros))
            }
            other => unreachable!("no sum of {other:?}"),
        })
    }

    fn column() -> impl Strategy<Value = (DataType, Vec<Value>)> {
        let ints = prop_oneof![4 => -5_i64..6, 1 => any::<i64>()].prop_map(Value::Int);
        let floats = (-40_i8..40).prop_map(|n| Value::Float(f64::from(n) / 4.0));
        let decimals =
            (any::<i32>(), 0_u32..4).prop_map(|(n, scale)| Value::Decimal(Decimal::new(n.into(), scale)));
        let durations =
            (-1_000_i64..1_000).prop_map(|n| Value::Duration(jiff::SignedDuration::from_micros(n)));
        let texts = "[abé]{0,2}".prop_map(Value::Text);
        let kinds = [
            (DataType::BigInt, ints.boxed()),
            (DataType::Float, floats.boxed()),
            (decimal(3), decimals.boxed()),
            (DataType::Duration, durations.boxed()),
            (DataType::Text { max_length: None }, texts.boxed()),
            (DataType::Bool, any::<bool>().prop_map(Value::Bool).boxed()),
        ];
        proptest::sample::select(kinds.to_vec()).prop_flat_map(|(kind, values)| {
            let values = prop_oneof![5 => values, 1 => Just(Value::Null)];
            (Just(kind), proptest::collection::vec(values, 0..200))
        })
    }

    proptest! {
        #[test]
        fn aggregates_are_what_they_are_defined_as(
            (kind, values) in column(),
            function in proptest::sample::select(&FUNCTIONS[..]),
            groups in proptest::collection::vec(0_u32..3, 200),
            chosen in any::<[u64; 4]>(),
            batch_rows in 1_usize..100,
        ) {
            if result_type(function, Some(kind)).is_err() {
                return Ok(());
            }
            let mut grouped = Accumulators::new(function, Some(kind)).unwrap();
            let mut one = grouped.clone();
            grouped.resize(3);
            let selected = |row: usize| chosen[row / 64] >> (row % 64) & 1 == 1;
            for start in (0..values.len()).step_by(batch_rows) {
                let rows = start..values.len().min(start + batch_rows);
                let vector = Vector::from_values(kind, values[rows.clone()].iter().cloned());
                let selection = Bits::from_fn(rows.len(), |row| selected(start + row));
                grouped.update(&groups[rows], Some(&vector), None, &selection).unwrap();
                one.update_one(Some(&vector), None, &selection).unwrap();
            }
            one.resize(1);
            let of_group = |group: Option<u32>| -> Vec<Value> {
                let within = |row: &usize| selected(*row) && group.is_none_or(|group| groups[*row] == group);
                (0..values.len()).filter(within).map(|row| values[row].clone()).collect()
            };
            let expected: Option<Vec<Value>> =
                (0..3).map(|group| naive(function, &of_group(Some(group)))).collect();
            let found = grouped.finish().ok();
            prop_assert_eq!(found.map(|found| (0..3).map(|group| found.value(group)).collect::<Vec<_>>()), expected);
            let expected = naive(function, &of_group(None));
            prop_assert_eq!(one.finish().ok().map(|found| found.value(0)), expected);
        }
    }

    fn aggregate(function: AggregateFunction, kind: DataType, values: Vec<Value>) -> Result<Value, Error> {
        let len = values.len();
        let mut accumulators = Accumulators::new(function, Some(kind))?;
        accumulators.update_one(Some(&Vector::from_values(kind, values)), None, &Bits::all(len))?;
        accumulators.finish().map(|vector| vector.value(0))
    }

    #[test]
    fn a_sum_fails_only_if_the_result_does_not_fit() {
        let ints = |values: &[i64]| values.iter().copied().map(Value::from).collect();
        let sum = |values| aggregate(AggregateFunction::Sum, DataType::BigInt, values);
        assert_eq!(sum(ints(&[i64::MAX, i64::MAX, -i64::MAX])), Ok(i64::MAX.into()));
        assert_eq!(sum(ints(&[i64::MAX, 1])), Err(Error::Overflow { operation: "sum()".into() }));
        assert_eq!(
            aggregate(AggregateFunction::Avg, DataType::BigInt, ints(&[i64::MAX, i64::MAX])),
            Ok((i64::MAX as f64).into())
        );
        let greatest = vec![Value::Decimal(Decimal::MAX), Value::Decimal(Decimal::ONE)];
        assert_eq!(
            aggregate(AggregateFunction::Sum, decimal(0), greatest),
            Err(Error::Overflow { operation: "sum()".into() })
        );
    }

    #[test]
    fn a_constant_counts_once_for_each_row() {
        for (function, expected) in [
            (AggregateFunction::Sum, Value::from(6)),
            (AggregateFunction::Count, Value::from(3)),
            (AggregateFunction::Max, Value::from(2)),
        ] {
            let mut accumulators = Accumulators::new(function, Some(DataType::BigInt)).unwrap();
            accumulators
                .update_one(Some(&Vector::constant(2.into(), 5)), None, &Bits::from_word(0b10101))
                .unwrap();
            let null = Vector::null(DataType::BigInt, 5);
            accumulators.update_one(Some(&null), None, &Bits::all(5)).unwrap();
            assert_eq!(accumulators.finish().unwrap().value(0), expected);
        }
    }

    #[test]
    fn what_cannot_be_added_is_refused_by_name() {
        let error = result_type(AggregateFunction::Sum, Some(DataType::Bool)).unwrap_err();
        assert_eq!(error.to_string(), "sum(): expected a number or an interval, got boolean");
        let error = result_type(AggregateFunction::Max, None).unwrap_err();
        assert_eq!(error.to_string(), "max(): expected an argument, got none");
        assert_eq!(result_type(AggregateFunction::CountRows, None), Ok(DataType::BigInt));
    }
}
