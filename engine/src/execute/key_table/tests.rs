//! Numbers of keys against a map.

use super::*;
use hashbrown::HashMap;
use proptest::prelude::*;

/// Words that have a place of their own in the array, and words that do not.
fn word() -> impl Strategy<Value = i64> {
    prop_oneof![0..5_000_i64, 1_000_000..1_000_300_i64, any::<i64>()]
}

/// Words that have no place of their own, and are near each other.
fn near_word() -> impl Strategy<Value = i64> {
    prop_oneof![-20..20_i64, 90_000..91_000_i64].prop_map(|word| word - 45_000)
}

fn column(words: &[i64]) -> KeyColumns<'static, 'static> {
    [Cow::Owned(Vector::ints(words.iter().copied()))].into_iter().collect()
}

proptest! {
    #[test]
    fn a_key_is_found_by_the_number_it_was_given(
        (known, others) in prop_oneof![
            (prop::collection::vec(word(), 0..300), prop::collection::vec(word(), 0..300)),
            (prop::collection::vec(near_word(), 0..300), prop::collection::vec(near_word(), 0..300)),
            (prop::collection::vec(near_word(), 900..1_500), prop::collection::vec(near_word(), 0..300)),
        ],
        is_prepared in any::<bool>(),
    ) {
        let mut table = KeyTable::new(&[DataType::BigInt]);
        let mut numbers = vec![ABSENT; known.len()];
        table.insert(&column(&known), &Bits::all(known.len()), &mut numbers);
        let mut expected = HashMap::new();
        for (word, number) in known.iter().zip(&numbers) {
            let next = expected.len() as u32;
            prop_assert_eq!(*expected.entry(*word).or_insert(next), *number);
        }
        if is_prepared {
            table.expect_lookups();
        }
        let wanted = [known, others].concat();
        let mut found = vec![ABSENT; wanted.len()];
        table.find(&column(&wanted), &Bits::all(wanted.len()), &mut found);
        for (word, number) in wanted.iter().zip(found) {
            prop_assert_eq!(expected.get(word).copied().unwrap_or(ABSENT), number, "{}", word);
        }
    }
}
