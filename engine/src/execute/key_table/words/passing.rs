//! A look before the hash table.

use super::SPREADING;

/// Which words may be in a table: what [`Words`] looks at before it hashes. Of the rows that probe a join most find
/// nothing as a rule, and this tells so of nearly all of them, by one multiplication and a bit that is likely to be in the
/// cache (Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", CACM 1970, with one bit a word).
///
/// Who chooses the words may choose such as share a bit: these are looked up in the table, as they were without it.
pub(super) struct Passing {
    bits: Vec<u64>,
    /// So many bits of a product are no place.
    shift: u32,
}

/// Bits for each word that is there: one in so many of the others has the bit of one of them.
const PASSING_BITS: usize = 16;

/// The fewest bits, and the most: 1 MB, half of a second-level cache.
const PASSING_BITS_MIN: usize = 4_096;
const PASSING_BITS_MAX: usize = 1 << 23;

impl Passing {
    pub(super) fn of(words: impl Iterator<Item = u64>, count: usize) -> Self {
        let wanted = count.saturating_mul(PASSING_BITS).clamp(PASSING_BITS_MIN, PASSING_BITS_MAX);
        let places = wanted.next_power_of_two();
        let mut passing = Passing { bits: vec![0; places / 64], shift: 64 - places.trailing_zeros() };
        for word in words {
            let (index, bit) = passing.place(word);
            passing.bits[index] |= bit;
        }
        passing
    }

    /// The word of the bits in which a word has its bit, and that.
    #[inline]
    fn place(&self, word: u64) -> (usize, u64) {
        let place = word.wrapping_mul(SPREADING) >> self.shift;
        ((place / 64) as usize, 1 << (place % 64))
    }

    #[inline]
    pub(super) fn may_have(&self, word: u64) -> bool {
        let (index, bit) = self.place(word);
        self.bits[index] & bit != 0
    }
}
