//! Indexes against a sorted set, with clones taken along the way that must never change.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::leaf::{LEAF_BYTES, ROWS_MAX};

impl Index {
    /// Asserts every invariant of the index.
    pub(crate) fn check(&self) {
        self.tree().check();
    }
}

type Model = BTreeSet<(Vec<u8>, RowId)>;

/// Keys that begin alike, are prefixes of each other, end in zeros, or are long.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => vec(prop_oneof![Just(0), Just(1), Just(255)], 0..4),
        3 => vec(0..3_u8, 0..3).prop_map(|tail| [b"a common start".as_slice(), &tail].concat()),
        1 => vec(any::<u8>(), LEAF_BYTES / 4..LEAF_BYTES / 2),
    ]
}

fn entries(model: &Model) -> impl DoubleEndedIterator<Item = Entry<'_>> {
    model.iter().map(|(key, row_id)| (key.as_slice(), *row_id))
}

fn check(index: &Index, model: &Model) {
    index.check();
    assert_eq!(index.len(), model.len() as u64);
    assert!(index.range(Bound::Unbounded, Bound::Unbounded).eq(entries(model)));
    assert!(index.range(Bound::Unbounded, Bound::Unbounded).rev().eq(entries(model).rev()));
}

fn check_reads(index: &Index, model: &Model, low: &[u8], high: &[u8]) {
    let (low, high) = (low.min(high), low.max(high));
    let above = |bound, key: &[u8]| match bound {
        Bound::Unbounded => true,
        Bound::Included(low) => key >= low,
        Bound::Excluded(low) => key > low,
    };
    let below = |bound, key: &[u8]| match bound {
        Bound::Unbounded => true,
        Bound::Included(high) => key <= high,
        Bound::Excluded(high) => key < high,
    };
    for lower in [Bound::Unbounded, Bound::Included(low), Bound::Excluded(low)] {
        for upper in [Bound::Unbounded, Bound::Included(high), Bound::Excluded(high)] {
            let expected: Vec<_> =
                entries(model).filter(|(key, _)| above(lower, key) && below(upper, key)).collect();
            assert!(index.range(lower, upper).eq(expected.iter().copied()));
            assert!(index.range(lower, upper).rev().eq(expected.iter().copied().rev()));
            assert_eq!(index.count_range(lower, upper), expected.len() as u64);
            assert_eq!(index.range(lower, upper).size_hint(), (expected.len(), Some(expected.len())));
            // From both ends in turn: each entry once.
            let (mut range, mut front, mut back) = (index.range(lower, upper), Vec::new(), Vec::new());
            while let Some(entry) = range.next() {
                front.push(entry);
                back.extend(range.next_back());
            }
            back.reverse();
            assert_eq!([front, back].concat(), expected);
            check_row_ids(index, index.ranks(lower, upper), &expected);
        }
    }
    assert!(index.ranks(Bound::Included(high), Bound::Excluded(low)).is_empty());
    let rank = entries(model).filter(|(key, _)| *key < low).count();
    assert_eq!(index.rank(low), rank as u64);
    assert_eq!(index.nth(rank as u64), entries(model).nth(rank));
    let first = entries(model).find(|(key, _)| *key == low);
    assert_eq!(index.first_with_key(low), first.map(|(_, row_id)| row_id));
}

/// That the rows alone are those of these entries, from each end and from both in turn.
fn check_row_ids(index: &Index, ranks: Range<u64>, expected: &[Entry<'_>]) {
    let rows = expected.iter().map(|(_, row_id)| *row_id);
    assert!(index.row_ids(ranks.clone()).eq(rows.clone()));
    assert!(index.row_ids(ranks.clone()).rev().eq(rows.clone().rev()));
    let (mut found, mut back, mut row_ids) = (Vec::new(), Vec::new(), index.row_ids(ranks));
    while let Some(row) = row_ids.next() {
        found.push(row);
        back.extend(row_ids.next_back());
    }
    found.extend(back.into_iter().rev());
    assert!(found.into_iter().eq(rows));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_index_holds_what_a_sorted_set_holds_and_its_forks_never_change(
        // All keys of one length, or most: they are stored without their ends.
        length in proptest::option::of(0..12_usize),
        steps in vec((vec((key(), 0..6_i64), 0..8), vec(any::<usize>(), 0..4), key(), key(), 0..8), 1..60)
    ) {
        let (mut index, mut model) = (Index::new(), Model::new());
        let mut forks = Vec::new();
        for (come, go, low, high, chance) in steps {
            if chance == 0 {
                forks.push((index.clone(), model.clone()));
            }
            let gone: BTreeSet<_> = go.iter().filter_map(|n| model.iter().nth(n % model.len().max(1))).cloned().collect();
            let cut = |mut key: Vec<u8>| {
                key.resize(length.filter(|_| chance != 1).unwrap_or(key.len()), 0);
                key
            };
            let come: Model = come.into_iter().map(|(key, row_id)| (cut(key), RowId::new(row_id))).collect();
            let (low, high) = (cut(low), cut(high));
            let come: Model = come.into_iter().filter(|entry| gone.contains(entry) || !model.contains(entry)).collect();
            let (removed, added) = (entries(&gone).collect(), entries(&come).collect());
            if chance < 4 {
                index.apply(&removed, &added);
            } else {
                index.postpone(&IndexChange { index: IndexId::new(0), removed, added });
            }
            model.retain(|entry| !gone.contains(entry));
            model.extend(come);
            // What is postponed waits until somebody looks.
            if chance % 2 == 0 {
                check(&index, &model);
                check_reads(&index, &model, &low, &high);
            }
        }
        check(&index, &model);
        forks.iter().for_each(|(index, model)| check(index, model));
    }

    #[test]
    fn a_bulk_built_index_equals_one_that_grew(keys in vec((key(), 0..50_i64), 0..200)) {
        let unsorted: IndexKeys = keys.iter().map(|(key, row_id)| (key.as_slice(), RowId::new(*row_id))).collect();
        let model: Model = unsorted.iter().map(|(key, row_id)| (key.to_vec(), row_id)).collect();
        let sorted = unsorted.clone().sorted();
        prop_assert!(sorted.iter().is_sorted());
        let mut distinct: Vec<_> = sorted.iter().collect();
        distinct.dedup();
        let bulk = Index::bulk(distinct);
        check(&bulk, &model);
        let mut grown = Index::new();
        for entry in &unsorted {
            grown.tree.insert(entry);
        }
        check(&grown, &model);
    }
}

#[test]
fn ascending_keys_leave_full_leaves_behind_one_by_one_and_in_bulk() {
    let keys: Vec<[u8; 4]> = (0..1000_u32).map(u32::to_be_bytes).collect();
    let entries = || keys.iter().zip(0..).map(|(key, row_id)| (key.as_slice(), RowId::new(row_id)));
    let mut index = Index::new();
    for entry in entries() {
        index.apply(&IndexKeys::new(), &[entry].into_iter().collect());
    }
    index.check();
    assert_eq!(index.tree.leaves(), 1000_usize.div_ceil(ROWS_MAX));
    assert_eq!(Index::bulk(entries()).tree.leaves(), 1000_usize.div_ceil(ROWS_MAX));
}

#[test]
fn an_entry_that_goes_and_comes_stays() {
    let mut index = Index::bulk([(b"a".as_slice(), RowId::new(1)), (b"b", RowId::new(2))]);
    let same: IndexKeys = [(b"a".as_slice(), RowId::new(1))].into_iter().collect();
    index.apply(&same, &same);
    assert_eq!(index.len(), 2);
}

#[test]
fn two_rows_of_one_key_are_both_found_until_one_goes() {
    let mut index = Index::bulk([(b"k".as_slice(), RowId::new(9))]);
    index.apply(&IndexKeys::new(), &[(b"k".as_slice(), RowId::new(4))].into_iter().collect());
    assert_eq!(index.count_range(Bound::Included(b"k"), Bound::Included(b"k")), 2);
    assert_eq!(index.first_with_key(b"k"), Some(RowId::new(4)));
    index.apply(&[(b"k".as_slice(), RowId::new(4))].into_iter().collect(), &IndexKeys::new());
    assert_eq!(index.first_with_key(b"k"), Some(RowId::new(9)));
}
