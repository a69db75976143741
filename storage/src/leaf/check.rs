//! What holds of every leaf, asserted.

use super::heap::HEAP_DEAD_MIN;
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
        let ends = (self.row_ids.first().copied(), self.row_ids.last().copied());
        assert_eq!((ends.0.unwrap_or(0), ends.1.unwrap_or(0)), self.ends, "the first and last row ids");
        let rows = all_rows(self.len());
        let (mut text_bytes, mut byte_bytes) = (0, 0);
        for (slot, span) in self.layout.spans(self.capacity) {
            let nulls = self.nulls(slot);
            assert_eq!(nulls & !rows, 0, "null bits of slot {slot} beyond the last row");
            if span.lane == Lane::Bit {
                assert_eq!(self.bits(slot) & (!rows | nulls), 0, "slot {slot} has stray bits");
                continue;
            }
            for row in 0..self.len() {
                let words = &self.words[span.rows(&(row..row + 1))];
                assert!(
                    nulls >> row & 1 == 0 || words.iter().all(|word| *word == 0),
                    "slot {slot}, row {row}"
                );
                match span.lane {
                    Lane::Text => {
                        let text = self.text.get(words[0]);
                        text_bytes += text.map_or(0, str::len);
                        let found = text.filter(|_| nulls >> row & 1 == 0);
                        assert_eq!(self.texts(slot).get(row), found, "the texts of slot {slot}, row {row}");
                    }
                    Lane::Bytes => byte_bytes += self.bytes.get(words[0]).map_or(0, <[u8]>::len),
                    _ => {}
                }
            }
        }
        assert_eq!(self.text.live(), text_bytes, "the live bytes of the text heap");
        assert_eq!(self.bytes.live(), byte_bytes, "the live bytes of the byte heap");
        assert!(self.text.dead() <= text_bytes.max(HEAP_DEAD_MIN), "the text heap is half dead");
        assert!(self.bytes.dead() <= byte_bytes.max(HEAP_DEAD_MIN), "the byte heap is half dead");
    }
}
