//! Aggregates beside their definitions.

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
            if mean { Value::from(sum as f64 / count as f64) } else { Value::from(i64::try_from(sum).ok()?) }
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
    let durations = (-1_000_i64..1_000).prop_map(|n| Value::Duration(jiff::SignedDuration::from_micros(n)));
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
