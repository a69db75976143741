//! What holds of every leaf, asserted.

use super::heap::LONG;
use super::{Leaf, all_rows};
use crate::value::Lane;

impl Leaf {
    /// Asserts every invariant of a leaf but the order of its row ids, which is the tree's.
    pub(crate) fn check_leaf(&self) {
        assert!(
            self.len() <= self.capacity && self.capacity <= 64,
            "{} rows of {}",
            self.len(),
            self.capacity
        );
        assert_eq!(self.words.len(), self.layout.words(self.capacity), "the size of the words");
        let rows = all_rows(self.len());
        let (mut text_bytes, mut byte_bytes) = (0, 0);
        for slot in 0..self.layout.len() {
            let nulls = self.nulls(slot);
            assert_eq!(nulls & !rows, 0, "null bits of slot {slot} beyond the last row");
            match self.layout.lane(slot) {
                Lane::RowId => {}
                Lane::Bit => assert_eq!(self.bits(slot) & (!rows | nulls), 0, "slot {slot} has stray bits"),
                lane => {
                    let width = if lane == Lane::Wide { 2 } else { 1 };
                    for row in 0..self.len() {
                        let words = &self.words[self.data(slot) + width * row..][..width];
                        let null = nulls >> row & 1 == 1;
                        assert!(!null || words.iter().all(|word| *word == 0), "slot {slot}, row {row}");
                        let length =
                            if words[0] == LONG { 0 } else { (words[0] & u64::from(u32::MAX)) as usize };
                        match lane {
                            Lane::Text => text_bytes += length,
                            Lane::Bytes => byte_bytes += length,
                            _ => {}
                        }
                    }
                }
            }
        }
        assert_eq!(self.text.live(), text_bytes, "the live bytes of the text heap");
        assert_eq!(self.bytes.live(), byte_bytes, "the live bytes of the byte heap");
        assert!(!self.text.is_half_dead() && !self.bytes.is_half_dead(), "a heap is half dead");
    }
}
