//! The promise of the encoding: bytes sort as values do, prefixes bound ranges, and keys read back.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::value::strategy;

/// A column of an index and three values for it, some of them NULL where it may be.
fn column() -> impl Strategy<Value = (KeyPart, DataType, [Value; 3])> {
    let part =
        (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(descending, nullable, nulls_first)| {
            let part = if descending { KeyPart::DESCENDING } else { KeyPart::ASCENDING };
            if nullable { part.nullable().with_nulls_first(nulls_first) } else { part }
        });
    (part, strategy::data_type()).prop_flat_map(|(part, data_type)| {
        let value = match part.nullable {
            true => prop_oneof![1 => Just(Value::Null), 4 => strategy::value_of(data_type)].boxed(),
            false => strategy::value_of(data_type),
        };
        // The last one is often equal to the first, so that a later column decides.
        let values = (value.clone(), value.clone(), value, any::<bool>());
        let values = values.prop_map(|(first, second, third, same)| {
            let third = if same { first.clone() } else { third };
            [first, second, third]
        });
        (Just(part), Just(data_type), values)
    })
}

fn compare(part: KeyPart, left: &Value, right: &Value) -> Ordering {
    match (left.is_null(), right.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) if part.nulls_first => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, true) => compare(part, right, left).reverse(),
        (false, false) if part.descending => right.cmp(left),
        (false, false) => left.cmp(right),
    }
}

fn encode<'v>(columns: impl IntoIterator<Item = (KeyPart, &'v Value)>) -> KeyBuffer {
    let mut key = KeyBuffer::new();
    for (part, value) in columns {
        key.push_value(part, value);
    }
    key
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn keys_sort_as_their_values_do(columns in proptest::collection::vec(column(), 1..5)) {
        let row = |index: usize| columns.iter().map(move |(part, _, values)| (*part, &values[index]));
        for (left, right) in [(0, 1), (0, 2), (1, 2)] {
            let expected = row(left)
                .zip(row(right))
                .map(|((part, left), (_, right))| compare(part, left, right))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal);
            prop_assert_eq!(encode(row(left)).cmp(&encode(row(right))), expected);
        }
    }

    #[test]
    fn a_key_reads_back_as_its_values(columns in proptest::collection::vec(column(), 1..5)) {
        let (mut parts, mut types, mut values) = (vec![], vec![], vec![]);
        for (part, data_type, [value, ..]) in columns {
            if data_type != DataType::Json {
                parts.push(part);
                types.push(data_type);
                values.push(data_type.accepts(value.clone()).unwrap_or(value));
            }
        }
        let key = encode(parts.iter().copied().zip(&values));
        let decoded = decode(key.as_slice(), &parts, &types).unwrap();
        prop_assert_eq!(&decoded, &values);
        for ((data_type, decoded), value) in types.iter().zip(decoded).zip(values) {
            // Equal is not the same: a decimal as the column stores it must come back with its scale too.
            if data_type.key_is_lossless() && data_type.accepts(value.clone()).is_ok() {
                prop_assert_eq!(decoded.to_string(), value.to_string());
            }
        }
    }

    #[test]
    fn the_first_columns_of_a_key_bound_exactly_the_keys_that_start_with_them(
        columns in proptest::collection::vec(column(), 2..5),
        taken in 1..4_usize,
    ) {
        let taken = taken.min(columns.len() - 1);
        let row = |index: usize| columns.iter().map(move |(part, _, values)| (*part, &values[index]));
        let prefix = encode(row(0).take(taken));
        let end = prefix_end(prefix.as_slice());
        for index in 0..3 {
            let key = encode(row(index));
            let starts = row(0).zip(row(index)).take(taken).all(|((_, left), (_, right))| left == right);
            let within = key >= prefix && end.as_ref().is_none_or(|end| key < *end);
            prop_assert_eq!(within, starts);
        }
    }

    #[test]
    fn a_text_prefix_bounds_exactly_the_texts_that_begin_with_it(
        text in "[\\x00\\x01ab]{0,4}",
        prefix in "[\\x00\\x01ab]{0,3}",
        descending in any::<bool>(),
    ) {
        let part = if descending { KeyPart::DESCENDING } else { KeyPart::ASCENDING };
        let (mut key, mut lower) = (KeyBuffer::new(), KeyBuffer::new());
        key.push_text(part, &text);
        lower.push_text_prefix(part, &prefix);
        let within = key >= lower && prefix_end(lower.as_slice()).is_none_or(|end| key < end);
        prop_assert_eq!(within, text.starts_with(&prefix));
    }

    #[test]
    fn reading_any_bytes_as_a_key_gives_values_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        columns in proptest::collection::vec((any::<bool>(), any::<bool>(), strategy::data_type()), 1..4),
    ) {
        let mut reader = KeyReader::new(&bytes);
        for (descending, nullable, data_type) in columns {
            let part = KeyPart { descending, nullable, nulls_first: descending };
            match reader.read(part, &data_type) {
                Ok(value) => prop_assert!(value.is_null() || value.data_type().map(|got| got.lane()) == Some(data_type.lane())),
                Err(error) => {
                    let Error::KeyNotDecodable { offset, .. } = error else {
                        return Err(TestCaseError::fail(error.to_string()));
                    };
                    prop_assert!(offset <= bytes.len());
                    break;
                }
            }
        }
    }
}

#[test]
fn a_not_null_integer_is_eight_bytes_and_a_nullable_one_nine() {
    let length = |part| encode([(part, &Value::Int(7))]).len();
    assert_eq!(length(KeyPart::ASCENDING), 8);
    assert_eq!(length(KeyPart::DESCENDING.nullable()), 9);
}

#[test]
fn the_bound_of_the_values_parts_them_from_the_nulls() {
    for part in [KeyPart::ASCENDING, KeyPart::DESCENDING] {
        for part in [part.nullable().with_nulls_first(true), part.nullable().with_nulls_first(false)] {
            let mut lower = KeyBuffer::new();
            lower.push_not_null(part);
            let upper = prefix_end(lower.as_slice()).unwrap();
            let within = |value: &Value| (&lower..&upper).contains(&&encode([(part, value)]));
            assert!(!within(&Value::Null));
            for int in [i64::MIN, 0, i64::MAX] {
                assert!(within(&Value::Int(int)));
            }
        }
    }
}

#[test]
fn a_price_takes_three_bytes() {
    let price = Value::from(Decimal::new(1_250, 2));
    assert_eq!(encode([(KeyPart::ASCENDING, &price)]).as_slice(), [0xA1, 25, 100]);
}

#[test]
fn a_key_beyond_the_limit_is_refused_with_its_length() {
    let mut key = KeyBuffer::new();
    key.push_text(KeyPart::ASCENDING, &"x".repeat(KEY_BYTES_MAX - 1));
    assert_eq!(key.checked().map(<[u8]>::len), Ok(KEY_BYTES_MAX));
    key.push_bool(KeyPart::ASCENDING, true);
    assert_eq!(key.checked(), Err(Error::KeyTooLong { bytes: KEY_BYTES_MAX + 1, max: KEY_BYTES_MAX }));
}

#[test]
fn a_cleared_or_truncated_buffer_takes_a_new_key() {
    let mut key = KeyBuffer::new();
    key.push_int(KeyPart::ASCENDING, 1);
    let shared = key.len();
    key.push_text(KeyPart::ASCENDING, "a");
    key.truncate(shared);
    assert_eq!(key, encode([(KeyPart::ASCENDING, &Value::Int(1))]));
    key.clear();
    assert!(key.is_empty());
}

#[test]
fn json_is_no_part_of_what_a_key_gives_back() {
    let json = Value::from(serde_json::json!({"a": 1}));
    let key = encode([(KeyPart::ASCENDING, &json)]);
    let error = decode(key.as_slice(), &[KeyPart::ASCENDING], &[DataType::Json]).unwrap_err();
    assert_eq!(error, Error::KeyNotDecodable { data_type: DataType::Json, offset: 0 });
    assert_eq!(error.to_string(), "an index key has no jsonb at byte 0");
}
