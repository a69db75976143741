//! Arbitrary values for the property tests of this crate: of every class, with the edges of each made
//! likely, and so few of some that equal ones meet.

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

use super::{DataType, Value, temporal};

/// Any type of column.
pub(crate) fn data_type() -> impl Strategy<Value = DataType> {
    prop_oneof![
        Just(DataType::Bool),
        Just(DataType::SmallInt),
        Just(DataType::Integer),
        Just(DataType::BigInt),
        Just(DataType::Float),
        Just(DataType::Decimal { precision: 28, scale: 10 }),
        Just(DataType::Decimal { precision: 10, scale: 2 }),
        Just(DataType::Text { max_length: None }),
        Just(DataType::Bytes),
        Just(DataType::Date),
        Just(DataType::Time),
        Just(DataType::Timestamp),
        Just(DataType::Duration),
        Just(DataType::Uuid),
        Just(DataType::Json),
    ]
}

/// Any value but NULL that a column of this type can store; a decimal may have any scale.
pub(crate) fn value_of(data_type: DataType) -> BoxedStrategy<Value> {
    match data_type {
        DataType::Bool => any::<bool>().prop_map(Value::from).boxed(),
        DataType::SmallInt => any::<i16>().prop_map(Value::from).boxed(),
        DataType::Integer => any::<i32>().prop_map(Value::from).boxed(),
        DataType::BigInt => int().prop_map(Value::from).boxed(),
        DataType::Float => float().prop_map(Value::from).boxed(),
        DataType::Decimal { .. } => decimal().prop_map(Value::from).boxed(),
        DataType::Text { .. } => text().prop_map(Value::from).boxed(),
        DataType::Bytes => bytes().prop_map(Value::from).boxed(),
        DataType::Date => {
            let (first, last) = (temporal::date_to_days(Date::MIN), temporal::date_to_days(Date::MAX));
            stored_as(data_type, first, last)
        }
        DataType::Time => stored_as(data_type, 0, temporal::MICROS_PER_DAY - 1),
        DataType::Timestamp => {
            let micros = temporal::timestamp_to_micros;
            stored_as(data_type, micros(Timestamp::MIN), micros(Timestamp::MAX))
        }
        DataType::Duration => stored_as(data_type, i64::MIN, i64::MAX),
        DataType::Uuid => {
            prop_oneof![any::<u128>(), 0..3_u128].prop_map(|bits| uuid::Uuid::from_u128(bits).into()).boxed()
        }
        DataType::Json => json().prop_map(Value::from).boxed(),
    }
}

/// Any value, NULL too.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 12 => data_type().prop_flat_map(value_of)]
}

/// Integers, floats and decimals that lie close together or are equal across the classes.
pub(crate) fn number() -> impl Strategy<Value = Value> {
    let near = (int(), -2..=2_i64).prop_flat_map(|(int, step)| {
        let near = int.saturating_add(step);
        prop_oneof![
            Just(Value::Int(int)),
            Just(Value::Int(near)),
            Just(Value::Float(int as f64)),
            Just(Value::Float((int as f64).next_up())),
            Just(Value::Float((int as f64).next_down())),
            Just(Value::Decimal(near.into())),
            Just(Value::Decimal(Decimal::from(near) + Decimal::new(5, 1))),
        ]
    });
    let fraction = (-40..40_i64, 0..3_u32).prop_flat_map(|(digits, scale)| {
        let decimal = Decimal::new(digits, scale);
        let float = super::number::decimal_to_float(decimal);
        prop_oneof![
            Just(Value::Decimal(decimal)),
            Just(Value::Float(float)),
            Just(Value::Float(float.next_up())),
            Just(Value::Float(digits as f64 / f64::from(1_u32 << scale))),
            Just(Value::Decimal(Decimal::new(digits * 125, scale + 3))),
        ]
    });
    prop_oneof![
        near,
        fraction,
        float().prop_map(Value::from),
        decimal().prop_map(Value::from),
        Just(Value::Decimal(Decimal::MAX)),
        Just(Value::Decimal(Decimal::MIN)),
        Just(Value::Float(2_f64.powi(96))),
    ]
}

fn int() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        -3..=3_i64,
        Just(i64::MIN),
        Just(i64::MAX),
        (1_i64 << 53) - 2..=(1_i64 << 53) + 2,
        (1_i64 << 62) - 2..=(1_i64 << 62) + 2,
    ]
}

fn float() -> impl Strategy<Value = f64> {
    let edges = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1,
        f64::NAN,
        -f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        -f64::MIN_POSITIVE,
        5e-324,
        -5e-324,
    ];
    prop_oneof![any::<f64>(), proptest::sample::select(edges.to_vec()), (-3..3_i32).prop_map(f64::from)]
}

fn decimal() -> impl Strategy<Value = Decimal> {
    let any_decimal = (any::<i128>(), 0..=28_u32)
        .prop_map(|(bits, scale)| Decimal::from_i128_with_scale(bits >> 32, scale));
    let small = (-300..300_i64, 0..4_u32).prop_map(|(digits, scale)| Decimal::new(digits, scale));
    let one_digit = (0..29_u32, any::<bool>()).prop_map(|(place, whole)| {
        let power = 10_i128.pow(place);
        if whole { Decimal::from_i128_with_scale(power, 0) } else { Decimal::from_i128_with_scale(1, place) }
    });
    let edges = [Decimal::MAX, Decimal::MIN, Decimal::ZERO, -Decimal::ZERO];
    let widest = (0..=28_u32).prop_map(|scale| Decimal::from_i128_with_scale(Decimal::MIN.mantissa(), scale));
    prop_oneof![any_decimal, small, one_digit, widest, proptest::sample::select(edges.to_vec())]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[\\x00\\x01\\x02ab]{0,4}", "[a-zé\u{10FFFF}]{0,9}", Just(String::new()), ".{0,30}"]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let edges = proptest::sample::select(vec![0_u8, 1, 2, 254, 255]);
    prop_oneof![proptest::collection::vec(edges, 0..5), proptest::collection::vec(any::<u8>(), 0..20)]
}

fn stored_as(data_type: DataType, first: i64, last: i64) -> BoxedStrategy<Value> {
    let (low, high) = (first.max(-2), last.min(2));
    prop_oneof![first..=last, Just(first), Just(last), low..=high]
        .prop_map(move |number| data_type.value_from_word(number.cast_unsigned()).expect("a number in range"))
        .boxed()
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let float = float().prop_filter("JSON has only finite numbers", |float| float.is_finite());
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(|bool| json!(bool)),
        int().prop_map(|int| json!(int)),
        int().prop_map(|int| json!(int as f64)),
        (u64::MAX - 3_000..=u64::MAX).prop_map(|int| json!(int)),
        float.prop_map(|float| json!(float)),
        text().prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|items| json!(items)),
            proptest::collection::btree_map("[\\x00\\x01ab]{0,2}", inner, 0..3)
                .prop_map(|members| json!(members)),
        ]
    })
}

/// Durations beyond what a column stores, which only a value can hold.
pub(crate) fn any_duration() -> impl Strategy<Value = SignedDuration> {
    (any::<i64>(), -999_999_999..=999_999_999_i32).prop_filter_map("no such duration", |(seconds, nanos)| {
        SignedDuration::from_secs(seconds).checked_add(SignedDuration::from_nanos(nanos.into()))
    })
}

/// Times of day finer than a microsecond.
pub(crate) fn any_time() -> impl Strategy<Value = Time> {
    (0..24_i8, 0..60_i8, 0..60_i8, 0..1_000_000_000_i32).prop_map(|(hour, minute, second, nanos)| {
        Time::new(hour, minute, second, nanos).expect("parts in range")
    })
}
