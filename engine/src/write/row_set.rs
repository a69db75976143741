//! Sets of rows.

use std::mem;

use hashbrown::HashMap;
use nuages_storage::RowId;

/// A set of row ids: a word for every 64 consecutive ones of which it has any, so that a table's rows, which mostly
/// follow each other, cost a bit each and not a hash. The first of these words lies in place, as most sets are of one
/// row.
#[derive(Debug, Default)]
pub(crate) struct RowSet {
    first: Option<(i64, u64)>,
    /// The others.
    blocks: HashMap<i64, u64>,
    len: u64,
}

impl RowSet {
    /// Adds a row; false if it was there.
    pub(crate) fn insert(&mut self, row: RowId) -> bool {
        let (block, bit) = place(row);
        self.insert_block(block, bit) == 1
    }

    /// Adds some rows of a block; how many were not there.
    fn insert_block(&mut self, block: i64, rows: u64) -> u64 {
        let (first, word) = self.first.get_or_insert((block, 0));
        let word = if *first == block { word } else { self.blocks.entry(block).or_default() };
        let added = u64::from((rows & !*word).count_ones());
        *word |= rows;
        self.len += added;
        added
    }

    pub(crate) fn contains(&self, row: RowId) -> bool {
        let (block, bit) = place(row);
        let word = match self.first {
            Some((first, word)) if first == block => word,
            _ => self.blocks.get(&block).copied().unwrap_or_default(),
        };
        word & bit != 0
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The rows, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RowId> {
        let others = self.blocks.iter().map(|(block, word)| (*block, *word));
        self.first.into_iter().chain(others).flat_map(|(block, word)| rows_of(block, word))
    }

    /// The rows, ascending.
    pub(crate) fn into_sorted(self) -> Vec<RowId> {
        let mut blocks: Vec<_> = self.first.into_iter().chain(self.blocks).collect();
        blocks.sort_unstable();
        blocks.into_iter().flat_map(|(block, word)| rows_of(block, word)).collect()
    }
}

/// Of rows that ascend, one block is looked up after the other, and not row after row.
impl FromIterator<RowId> for RowSet {
    fn from_iter<I: IntoIterator<Item = RowId>>(rows: I) -> RowSet {
        let mut set = RowSet::default();
        let (mut block, mut word) = (0, 0);
        for row in rows {
            let (next, bit) = place(row);
            if next != block && word != 0 {
                set.insert_block(block, mem::take(&mut word));
            }
            block = next;
            word |= bit;
        }
        if word != 0 {
            set.insert_block(block, word);
        }
        set
    }
}

fn rows_of(block: i64, word: u64) -> impl Iterator<Item = RowId> {
    super::leaves::selected(word).map(move |bit| RowId::new(block << 6 | bit as i64))
}

fn place(row: RowId) -> (i64, u64) {
    (row.get() >> 6, 1 << (row.get() & 63))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_an_ordered_set(ids in prop::collection::vec(prop_oneof![-200i64..200, any::<i64>()], 0..100)) {
            let mut set = RowSet::default();
            let mut model = BTreeSet::new();
            for id in &ids {
                prop_assert_eq!(set.insert(RowId::new(*id)), model.insert(*id));
            }
            let collected: RowSet = ids.iter().copied().map(RowId::new).collect();
            prop_assert_eq!(collected.len(), set.len());
            prop_assert_eq!(collected.into_sorted(), set.iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
            prop_assert!(ids.iter().all(|id| set.contains(RowId::new(*id))));
            prop_assert_eq!(set.contains(RowId::new(777)), model.contains(&777));
            prop_assert_eq!(set.len(), model.len() as u64);
            let sorted: Vec<i64> = set.into_sorted().into_iter().map(RowId::get).collect();
            prop_assert_eq!(sorted, model.into_iter().collect::<Vec<_>>());
        }
    }
}
