//! Entries as the tree wants them: the separators of its inner nodes, and its leaves.

use super::{Ends, Entry, IndexKeys, common_bytes};
use crate::leaf::{LEAF_BYTES, ROWS_MAX, RowId};
use crate::tree::{Block, KeyOf, Keys};

/// The separators of an index. A separator need not be an entry: it is the shortest key that separates.
impl Keys for IndexKeys {
    type Key<'k> = Entry<'k>;

    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self, at: usize) -> Entry<'_> {
        self.entry(at)
    }

    fn upper_bound(&self, entry: Entry<'_>) -> usize {
        self.find(entry).map_or_else(|before| before, |at| at + 1)
    }

    fn insert(&mut self, at: usize, entry: Entry<'_>) {
        self.insert_entry(at, entry);
    }

    /// The suffix truncation of Bayer and Unterauer ("Prefix B-trees", 1977): the bytes that `right` has in
    /// common with `left`, and one more.
    fn insert_between(&mut self, at: usize, left: Entry<'_>, right: Entry<'_>) {
        match right.0.get(..=common_bytes(left.0, right.0)) {
            Some(key) => self.insert_entry(at, (key, RowId::MIN)),
            None => self.insert_entry(at, right),
        }
    }

    fn remove(&mut self, at: usize) {
        self.remove_entry(at);
    }

    fn split_off(&mut self, at: usize) -> Self {
        self.split_entries(at)
    }
}

/// A leaf of an index.
impl Block for IndexKeys {
    type Keys = Self;
    type Item<'a> = Entry<'a>;
    const LEN_MAX: usize = ROWS_MAX;

    fn key_of(item: Self::Item<'_>) -> KeyOf<'_, Self> {
        item
    }

    fn of(item: Entry<'_>) -> Self {
        Self::from_iter([item])
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn key(&self, at: usize) -> Entry<'_> {
        self.entry(at)
    }

    fn search(&self, entry: Entry<'_>) -> Result<usize, usize> {
        self.find(entry)
    }

    fn has_room(&self) -> bool {
        self.len() < ROWS_MAX && self.heap.len() < LEAF_BYTES
    }

    fn size(&self) -> usize {
        self.len() * size_of::<(u64, RowId)>() + self.heap.len()
    }

    /// Entries do not grow.
    fn is_overfull(&self) -> bool {
        false
    }

    fn fits(&self, right: &Self, part: (usize, usize)) -> bool {
        (self.len() + right.len()) * part.1 <= ROWS_MAX * part.0
            && (self.heap.len() + right.heap.len()) * part.1 <= LEAF_BYTES * part.0
    }

    fn insert(&mut self, at: usize, entry: Entry<'_>) {
        self.insert_entry(at, entry);
    }

    fn remove(&mut self, at: usize) {
        self.remove_entry(at);
    }

    fn append(&mut self, right: &Self) {
        match (&self.ends, &right.ends) {
            (Ends::Even(left), Ends::Even(right)) if left == right => {}
            _ => {
                let shift = self.heap.len();
                let ends = (1..=right.len()).map(|keys| shift + right.start(keys));
                self.each_end().extend(ends);
            }
        }
        self.heap.extend_from_slice(&right.heap);
        self.heads.extend_from_slice(&right.heads);
        self.row_ids.extend_from_slice(&right.row_ids);
        self.set_all_common((self.common == right.common).then_some(self.common));
    }

    fn split_off(&mut self, at: usize) -> Self {
        self.split_entries(at)
    }

    fn bytes_alone(&self) -> usize {
        let ends = match &self.ends {
            Ends::Even(_) => 0,
            Ends::Each(ends) => size_of_val(&**ends),
        };
        size_of::<Self>() + self.size() + ends
    }

    #[cfg(test)]
    fn check(&self) {
        assert_eq!(self.start(self.len()), self.heap.len(), "the last key ends where the heap does");
        assert_eq!(self.heads.len(), self.len(), "a head for each entry");
        for at in 0..self.len() {
            assert_eq!(self.head_of(self.entry(at).0), Ok(self.heads[at]), "the head of entry {at}");
        }
    }
}
