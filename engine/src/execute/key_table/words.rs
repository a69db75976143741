//! Keys of one word.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{ABSENT, row_number};

/// Words below this have a place of their own in an array: small enums, booleans and years need no hashing. The
/// array grows with the words that come, to 16 KB, half of a first-level cache.
const SMALL_WORDS: usize = 4_096;

/// It grows beyond that as long as one place in so many is taken, as the keys of a table take them. It is then no
/// larger than the hash table would be.
const PLACES_PER_WORD: usize = 4;

/// Distinct words. One that came when it was too large for the array stays in the hash table, also when the array has
/// grown beyond it.
pub(super) struct Words {
    pub(super) float: bool,
    pub(super) len: u32,
    null: u32,
    pub(super) dense: Vec<u32>,
    sparse: HashTable<(u64, u32)>,
    /// In front of `sparse`, when no word comes any more.
    passing: Option<Passing>,
}

impl Words {
    pub(super) fn new(float: bool) -> Self {
        Words { float, len: 0, null: ABSENT, dense: Vec::new(), sparse: HashTable::new(), passing: None }
    }

    /// Whether all words are in the array, as they are.
    pub(super) fn is_dense(&self) -> bool {
        !self.float && self.sparse.is_empty()
    }

    #[inline]
    pub(super) fn find(&self, word: Option<u64>, hasher: &DefaultHashBuilder) -> u32 {
        let Some(word) = word else { return self.null };
        match place_of(word).and_then(|place| self.dense.get(place)) {
            Some(number) if *number != ABSENT || self.sparse.is_empty() => *number,
            _ => self.find_sparse(word, hasher),
        }
    }

    #[inline]
    fn find_sparse(&self, word: u64, hasher: &DefaultHashBuilder) -> u32 {
        if self.passing.as_ref().is_some_and(|passing| !passing.may_have(word)) {
            return ABSENT;
        }
        self.find_hashed(word, hasher)
    }

    fn find_hashed(&self, word: u64, hasher: &DefaultHashBuilder) -> u32 {
        let found = self.sparse.find(hasher.hash_one(word), |(known, _)| *known == word);
        found.map_or(ABSENT, |(_, number)| *number)
    }

    #[inline]
    pub(super) fn insert(&mut self, word: Option<u64>, hasher: &DefaultHashBuilder) -> u32 {
        let known = self.find(word, hasher);
        if known != ABSENT {
            return known;
        }
        let number = row_number(self.len as usize);
        self.len += 1;
        match word {
            None => self.null = number,
            Some(word) => match place_of(word).filter(|place| *place < self.places()) {
                Some(place) => {
                    if place >= self.dense.len() {
                        self.dense.resize((place + 1).next_power_of_two(), ABSENT);
                    }
                    self.dense[place] = number;
                }
                None => {
                    let hash = hasher.hash_one(word);
                    self.sparse.insert_unique(hash, (word, number), |(word, _)| hasher.hash_one(word));
                }
            },
        }
        number
    }

    /// Makes ready for look-ups: no word comes any more.
    pub(super) fn expect_lookups(&mut self) {
        if !self.sparse.is_empty() {
            let words = self.sparse.iter().map(|(word, _)| *word);
            self.passing = Some(Passing::of(words, self.sparse.len()));
        }
    }

    /// How many places the array may have.
    fn places(&self) -> usize {
        SMALL_WORDS.max(self.len as usize * PLACES_PER_WORD)
    }
}

/// Multiplied by it, the bits of a key are spread over the upper ones (2^64 by the golden ratio).
pub(super) const SPREADING: u64 = 0x9e37_79b9_7f4a_7c15;

/// Which words may be in a table: what [`Words`] looks at before it hashes. Of the rows that probe a join most find
/// nothing as a rule, and this tells so of nearly all of them, by one multiplication and a bit that is likely to be in the
/// cache (Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", CACM 1970, with one bit a word).
///
/// Who chooses the words may choose such as share a bit: these are looked up in the table, as they were without it.
struct Passing {
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
    fn of(words: impl Iterator<Item = u64>, count: usize) -> Self {
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
    fn may_have(&self, word: u64) -> bool {
        let (index, bit) = self.place(word);
        self.bits[index] & bit != 0
    }
}

/// The place that a word has in the array, if it is large enough.
#[inline]
fn place_of(word: u64) -> Option<usize> {
    usize::try_from(word).ok()
}
