//! Entries: the first bytes of a row's key and the row's number as one integer, and what of the keys is beyond them.

use std::cmp::Ordering;

use nuages_storage::key::{KeyBuffer, KeyPart};
use nuages_storage::{DataType, Lane};

use crate::bits::Bits;
use crate::vector::Vector;

/// Bytes of a key that lie in its entry.
pub(super) const HEAD_BYTES: usize = 12;
/// The bits of an entry below the head.
pub(super) const ROW_BITS: u32 = 32;

/// The row of an entry.
#[expect(clippy::cast_possible_truncation, reason = "the low half of an entry's last word")]
pub(super) fn row_of(entry: u128) -> u32 {
    entry as u32
}

/// A bound of the bytes that a key of this type takes, NULL included.
pub(super) fn key_bytes_max(kind: DataType) -> usize {
    match kind.lane() {
        Lane::Bit => 2,
        Lane::Word | Lane::RowId => 9,
        Lane::Wide => 30, // a decimal of 28 digits in pairs, its sign and exponent
        Lane::Text | Lane::Bytes => usize::MAX >> 16,
    }
}

/// The first bytes of a key, in the place where an entry has them, and the others. A key that is shorter ends in
/// zeros, which is as good as any other ending: no key is the beginning of another.
#[inline]
pub(super) fn split(key: &[u8]) -> (u128, &[u8]) {
    let (head, tail) = key.split_at(key.len().min(HEAD_BYTES));
    let mut bytes = [0; 16];
    bytes[..head.len()].copy_from_slice(head);
    (u128::from_be_bytes(bytes), tail)
}

/// The first key of each row, if it is one word.
#[derive(Clone, Copy)]
pub(super) struct WordKeys<'a> {
    heads: WordHeads,
    data: &'a [u64],
    nulls: &'a Bits,
}

impl<'a> WordKeys<'a> {
    pub(super) fn of(column: &'a Vector<'_>, part: KeyPart) -> Option<Self> {
        match column {
            Vector::Word { kind, data, nulls } if *kind != DataType::Float => {
                Some(WordKeys { heads: WordHeads::new(part), data, nulls })
            }
            _ => None,
        }
    }

    #[inline]
    pub(super) fn head(&self, row: usize) -> u128 {
        self.heads.of((!self.nulls.contains(row)).then_some(self.data[row]))
    }

    /// The rows whose keys may be at most one that begins so: what follows the first key is not looked at. Late in a
    /// long input these are hardly any, and this loop has no branch.
    pub(super) fn at_most(&self, mark: u128, len: usize) -> Bits {
        match self.nulls.is_empty() {
            true => Bits::from_fn(len, |row| self.heads.of(Some(self.data[row])) <= mark),
            false => Bits::from_fn(len, |row| self.head(row) <= mark),
        }
    }
}

/// The heads of keys that are one word, without going through bytes.
#[derive(Clone, Copy)]
struct WordHeads {
    null: u128,
    not_null: u128,
    /// Turns the word of an integer into one that sorts as its bytes do.
    flip: u64,
}

impl WordHeads {
    fn new(part: KeyPart) -> Self {
        let (mut null, mut not_null) = (KeyBuffer::new(), KeyBuffer::new());
        null.push_null(part);
        not_null.push_not_null(part);
        let descending = if part.descending { u64::MAX } else { 0 };
        WordHeads {
            null: split(null.as_slice()).0,
            not_null: split(not_null.as_slice()).0,
            flip: i64::MIN.cast_unsigned() ^ descending,
        }
    }

    #[inline]
    fn of(self, word: Option<u64>) -> u128 {
        word.map_or(self.null, |word| {
            self.not_null | u128::from(word ^ self.flip) << (u128::BITS - 8 - u64::BITS)
        })
    }
}

/// What is beyond the heads, end to end.
#[derive(Default)]
pub(super) struct Tails {
    heap: Vec<u8>,
    ends: Vec<usize>,
}

impl Tails {
    pub(super) fn push(&mut self, tail: &[u8]) {
        self.heap.extend_from_slice(tail);
        self.ends.push(self.heap.len());
    }

    /// Makes room for more of them, of about so many bytes each.
    pub(super) fn reserve(&mut self, count: usize, bytes: usize) {
        self.ends.reserve(count);
        self.heap.reserve(count * bytes);
    }

    /// The tail of an entry.
    pub(super) fn get(&self, entry: u128) -> &[u8] {
        let row = row_of(entry) as usize;
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.heap[start..self.ends[row]]
    }

    /// The tails of these entries, in their order.
    pub(super) fn of_entries(&self, entries: &[u128]) -> Tails {
        let mut tails = Tails::default();
        entries.iter().for_each(|entry| tails.push(self.get(*entry)));
        tails
    }

    /// Sorts entries: as integers, which has no branch, and then what has one head by the tails.
    pub(super) fn sort(&self, entries: &mut [u128]) {
        entries.sort_unstable();
        for equal in entries.chunk_by_mut(|a, b| a >> ROW_BITS == b >> ROW_BITS) {
            if equal.len() > 1 {
                equal.sort_unstable_by(|a, b| self.compare(*a, *b));
            }
        }
    }

    /// Heads first, then tails, then the order of arrival.
    #[inline]
    pub(super) fn compare(&self, left: u128, right: u128) -> Ordering {
        let heads = (left >> ROW_BITS).cmp(&(right >> ROW_BITS));
        heads.then_with(|| self.get(left).cmp(self.get(right))).then(left.cmp(&right))
    }
}

#[cfg(test)]
mod tests {
    use nuages_storage::Value;

    use super::*;

    #[test]
    fn the_head_of_a_word_is_that_of_its_encoding() {
        for part in [KeyPart::ASCENDING, KeyPart::DESCENDING, KeyPart::DESCENDING.with_nulls_first(false)] {
            let part = KeyPart { nullable: true, ..part };
            for value in [Value::Null, i64::MIN.into(), Value::Int(-1), Value::Int(0), i64::MAX.into()] {
                let mut key = KeyBuffer::new();
                key.push_value(part, &value);
                assert_eq!(WordHeads::new(part).of(value.to_word()), split(key.as_slice()).0);
            }
        }
    }
}
