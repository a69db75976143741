//! The order is one order, hashing agrees with it, and columns accept what they should.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

use super::strategy;
use super::*;

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => strategy::value(),
        2 => strategy::number(),
        1 => strategy::value_of(DataType::Json),
        1 => strategy::any_duration().prop_map(Value::from),
        1 => strategy::any_time().prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn numbers_of_any_class_have_one_order(
        a in strategy::number(), b in strategy::number(), c in strategy::number()
    ) {
        check_order(&[a, b, c])?;
    }

    #[test]
    fn numbers_compare_by_their_exact_values(a in strategy::number(), b in strategy::number()) {
        if let (Some(left), Some(right)) = (exact(&a), exact(&b)) {
            prop_assert_eq!(a.cmp(&b), left.cmp(&right), "{:?} and {:?}", a, b);
        }
    }

    #[test]
    fn a_decimal_becomes_the_nearest_float(value in strategy::value_of(DataType::Float)) {
        let Value::Float(float) = value else { unreachable!("a float column has floats") };
        // The decimal nearest to a float between these has digits enough to lead back to it.
        if (1e-10..1e10).contains(&float.abs()) {
            let decimal = number::float_to_decimal(float).unwrap();
            prop_assert_eq!(number::decimal_to_float(decimal), float);
        }
    }

    #[test]
    fn values_of_any_class_have_one_order(a in any_value(), b in any_value(), c in any_value()) {
        check_order(&[a, b, c])?;
    }

    #[test]
    fn json_comes_back_from_its_text_as_it_was(value in strategy::value_of(DataType::Json), float in any::<f64>()) {
        let Value::Json(json) = value else { unreachable!("a JSON column has JSON") };
        let json = json!([*json, float]);
        prop_assert_eq!(json_from_text(&json.to_string()), Ok(json.clone()));
        prop_assert_eq!(json_from_stored(&json.to_string()).to_string(), json.to_string());
    }

    #[test]
    fn what_a_column_stores_it_accepts_unchanged(
        data_type in strategy::data_type(),
        value in any_value(),
    ) {
        if let Ok(stored) = data_type.accepts(value) {
            prop_assert_eq!(data_type.accepts(stored.clone()), Ok(stored.clone()));
            prop_assert!(stored.is_null() || stored.data_type().map(|got| got.lane()) == Some(data_type.lane()));
            if let Some(word) = stored.to_word() {
                prop_assert_eq!(data_type.value_from_word(word), Some(stored));
            } else if let Some(wide) = stored.to_wide() {
                prop_assert_eq!(data_type.value_from_wide(wide), Some(stored));
            }
        }
    }
}

/// Reflexive, antisymmetric, transitive, and followed by equality and hashing.
fn check_order(values: &[Value; 3]) -> Result<(), TestCaseError> {
    let hasher = RandomState::new();
    for a in values {
        prop_assert_eq!(a.cmp(a), Ordering::Equal);
        for b in values {
            prop_assert_eq!(a.cmp(b), b.cmp(a).reverse(), "{:?} and {:?}", a, b);
            prop_assert_eq!(a == b, a.cmp(b).is_eq());
            prop_assert!(a != b || hasher.hash_one(a) == hasher.hash_one(b), "{:?} and {:?}", a, b);
            for c in values {
                let transitive = a > b || b > c || a <= c;
                prop_assert!(transitive, "{:?} <= {:?} <= {:?}", a, b, c);
            }
        }
    }
    Ok(())
}

/// The number in units of 2^-20 x 10^-6, where that is exact and small: a model for comparing.
fn exact(value: &Value) -> Option<i128> {
    const UNITS: i128 = 1_000_000 << 20;
    match value {
        Value::Int(int) => Some(i128::from(*int) * UNITS),
        Value::Decimal(decimal) => {
            let unit = 10_i128.pow(decimal.scale());
            (UNITS % unit == 0 && decimal.mantissa().abs() < 1 << 70)
                .then(|| decimal.mantissa() * (UNITS / unit))
        }
        Value::Float(float) => {
            let scaled = float * f64::from(1 << 20);
            (scaled.fract() == 0.0 && scaled.abs() < 2_f64.powi(90)).then(|| scaled as i128 * 1_000_000)
        }
        _ => None,
    }
}

#[test]
fn integers_beyond_2_to_53_do_not_melt_into_one_float() {
    let int = (1_i64 << 53) + 1;
    let float = (1_i64 << 53) as f64;
    assert!(Value::from(int) > Value::from(float));
    assert!(Value::from(Decimal::from(int)) > Value::from(float));
    assert!(Value::from(i64::MAX) < Value::from(i64::MAX as f64));
    assert_eq!(Value::from(i64::MIN), Value::from(i64::MIN as f64));
}

#[test]
fn zeros_are_one_value_and_nans_are_one_value_above_all_numbers() {
    assert_eq!(Value::from(0.0), Value::from(-0.0));
    assert_eq!(Value::from(-Decimal::ZERO), Value::from(-0.0));
    assert_eq!(Value::from(f64::NAN), Value::from(-f64::NAN));
    assert!(Value::from(f64::NAN) > Value::from(f64::INFINITY));
    assert!(Value::from(f64::NAN) > Value::from(Decimal::MAX));
    assert!(Value::from(f64::NAN) < Value::Null);
}

#[test]
fn the_scale_of_a_decimal_does_not_count() {
    assert_eq!(Value::from(Decimal::new(10, 1)), Value::from(Decimal::new(100, 2)));
    assert_eq!(Value::from(Decimal::new(5, 1)), Value::from(0.5));
    assert!(Value::from(Decimal::new(1, 1)) < Value::from(0.1), "the double is 0.1000000000000000055..");
}

#[test]
fn json_is_ordered_by_kind_then_size_then_content() {
    let ascending = [
        json!(null),
        json!("a"),
        json!("b"),
        json!(-1),
        json!(1),
        json!(1.5),
        json!(u64::MAX),
        json!(1e300),
        json!(false),
        json!(true),
        json!([]),
        json!([2]),
        json!([1, 1]),
        json!([1, 2]),
        json!({}),
        json!({"b": 1}),
        json!({"a": 1, "b": 1}),
        json!({"a": 1, "b": 2}),
        json!({"a": 1, "c": 0}),
    ];
    let values = ascending.map(Value::from);
    assert!(values.is_sorted_by(|left, right| left < right));
    assert_eq!(Value::from(json!(1)), Value::from(json!(1.0)));
    assert_eq!(Value::from(json!({"a": 1, "b": 2})), Value::from(json!({"b": 2, "a": 1})));
}

const SCALE_2: DataType = DataType::Decimal { precision: 5, scale: 2 };

fn decimal(text: &str) -> Value {
    Value::Decimal(text.parse().unwrap())
}

#[test]
fn a_number_is_stored_as_its_column_has_it() {
    let stored = |data_type: DataType, value: Value| data_type.accepts(value).unwrap();
    assert_eq!(stored(DataType::Float, Value::from(3)).to_string(), "3.0");
    assert_eq!(stored(DataType::Float, decimal("0.1")).to_string(), "0.1");
    assert_eq!(stored(DataType::Integer, decimal("2.5")).to_string(), "3");
    assert_eq!(stored(DataType::Integer, decimal("-2.5")).to_string(), "-3");
    assert_eq!(stored(DataType::Integer, Value::from(2.5)).to_string(), "2");
    assert_eq!(stored(DataType::BigInt, Value::from(-3.5)).to_string(), "-4");
    assert_eq!(stored(SCALE_2, Value::from(7)).to_string(), "7.00");
    assert_eq!(stored(SCALE_2, Value::from(0.1)).to_string(), "0.10");
    assert_eq!(stored(SCALE_2, decimal("1.005")).to_string(), "1.01");
    assert_eq!(stored(SCALE_2, decimal("-1.005")).to_string(), "-1.01");
    assert_eq!(stored(SCALE_2, decimal("-0.001")).to_string(), "0.00");
    assert_eq!(stored(SCALE_2, decimal("999.994")).to_string(), "999.99");
}

#[test]
fn a_number_out_of_range_is_refused_with_the_range() {
    for (data_type, value) in [
        (DataType::SmallInt, Value::from(32_768)),
        (DataType::Integer, Value::from(-2_147_483_649_i64)),
        (DataType::BigInt, Value::from(u64::MAX)),
        (DataType::BigInt, Value::from(9.3e18)),
        (DataType::Integer, Value::from(f64::NAN)),
        (DataType::SmallInt, decimal("32767.5")),
    ] {
        let (min, max) = data_type.integer_range().unwrap();
        let error = TypeError::OutOfRange { value: value.clone(), min: min.into(), max: max.into() };
        assert_eq!(data_type.accepts(value), Err(error));
    }
    let error = DataType::SmallInt.accepts(Value::from(40_000)).unwrap_err();
    assert_eq!(error.to_string(), "40000 is out of range: expected -32768 to 32767");
    let error = DataType::Duration.accepts(SignedDuration::MAX.into()).unwrap_err();
    assert!(matches!(error, TypeError::OutOfRange { .. }), "{error}");
}

#[test]
fn a_decimal_with_too_many_digits_before_the_point_is_refused() {
    for value in [
        decimal("1000"),
        decimal("999.995"),
        Value::from(1e30),
        Value::from(f64::INFINITY),
        Value::from(-1000),
    ] {
        let error = TypeError::Precision { value: value.clone(), precision: 5, scale: 2 };
        assert_eq!(SCALE_2.accepts(value), Err(error));
    }
    let error = SCALE_2.accepts(Value::from(1_000)).unwrap_err();
    assert_eq!(error.to_string(), "1000 does not fit numeric(5, 2): at most 3 digits before the point");
}

#[test]
fn text_is_measured_in_characters() {
    let varchar = DataType::Text { max_length: Some(3) };
    assert_eq!(varchar.accepts(Value::from("日本語")), Ok(Value::from("日本語")));
    let error = varchar.accepts(Value::from("日本語x")).unwrap_err();
    assert_eq!(error, TypeError::TooLong { max: 3, length: 4 });
    assert_eq!(error.to_string(), "text of 4 characters is longer than the 3 that fit");
}

#[test]
fn times_are_cut_to_microseconds() {
    let time = Time::new(1, 2, 3, 4_567_891).unwrap();
    assert_eq!(DataType::Time.accepts(time.into()).unwrap().to_string(), "01:02:03.004567");
    let timestamp = Timestamp::new(-1, -1_999).unwrap();
    assert_eq!(
        DataType::Timestamp.accepts(timestamp.into()).unwrap().to_string(),
        "1969-12-31T23:59:58.999999Z"
    );
}

#[test]
fn between_classes_nothing_is_converted() {
    let samples = [
        (DataType::Bool, Value::from(true)),
        (DataType::BigInt, Value::from(1)),
        (DataType::Text { max_length: None }, Value::from("2024-01-01")),
        (DataType::Bytes, Value::from(vec![1_u8])),
        (DataType::Date, Value::from(Date::MAX)),
        (DataType::Time, Value::from(Time::midnight())),
        (DataType::Timestamp, Value::from(Timestamp::UNIX_EPOCH)),
        (DataType::Duration, Value::from(SignedDuration::ZERO)),
        (DataType::Uuid, Value::from(Uuid::nil())),
        (DataType::Json, Value::from(json!("x"))),
    ];
    for (row, (expected, _)) in samples.iter().enumerate() {
        assert_eq!(expected.accepts(Value::Null), Ok(Value::Null));
        for (column, (_, value)) in samples.iter().enumerate() {
            let accepted = expected.accepts(value.clone());
            if row == column {
                assert_eq!(accepted.as_ref(), Ok(value));
            } else {
                assert_eq!(accepted, Err(TypeError::Mismatch { expected: *expected, got: value.clone() }));
            }
        }
    }
    let error = DataType::Date.accepts(Value::from("2024-01-01")).unwrap_err();
    assert_eq!(error.to_string(), "expected date, got text \"2024-01-01\"");
    let error = DataType::Bool.accepts(Value::from(1)).unwrap_err();
    assert_eq!(error.to_string(), "expected boolean, got bigint 1");
}

/// `[[[..]]]` or `{"a":{"a":..}}` of so many levels.
fn nested(levels: usize, wrap: fn(serde_json::Value) -> serde_json::Value) -> serde_json::Value {
    (0..levels).fold(json!(1), |json, _| wrap(json))
}

#[test]
fn json_deeper_than_the_parser_goes_is_refused_and_what_is_not_is_read_back() {
    for wrap in [|json| json!([json]), |json| json!({ "a": json })] as [fn(_) -> _; 2] {
        let deepest = nested(JSON_DEPTH_MAX, wrap);
        assert_eq!(json_from_text(&deepest.to_string()), Ok(deepest.clone()));
        assert_eq!(DataType::Json.accepts(deepest.clone().into()), Ok(Value::from(deepest)));
        let deeper = nested(JSON_DEPTH_MAX + 1, wrap);
        assert!(matches!(json_from_text(&deeper.to_string()), Err(TypeError::NotJson { .. })));
        let refused = DataType::Json.accepts(deeper.into()).unwrap_err();
        assert_eq!(refused, TypeError::TooDeep { max: JSON_DEPTH_MAX });
        assert_eq!(refused.to_string(), "JSON is nested deeper than the 127 levels that fit");
    }
}

#[test]
fn stored_text_that_is_no_json_does_not_read_as_null() {
    assert_eq!(json_from_stored("{oops"), json!("{oops"));
}
