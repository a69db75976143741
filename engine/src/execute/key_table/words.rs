//! Keys of one word: in an array where they are small or dense, in a hash table otherwise. What is asked of them when
//! no word comes any more stands before the table: [`Ranked`] words need no table, and of the others [`Passing`] tells
//! nearly all that are not there.

mod passing;
mod ranked;

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{ABSENT, row_number};
use passing::Passing;
use ranked::Ranked;

/// Words below this have a place of their own in an array: small enums, booleans and years need no hashing. The
/// array grows with the words that come, to 16 KB, half of a first-level cache.
const SMALL_WORDS: usize = 4_096;

/// It grows beyond that as long as one place in so many is taken, as the keys of a table take them, and those of
/// documents, which are given numbers with gaps. It is then up to twice as large as the hash table would be, and keys
/// that come in order lie side by side in it.
const PLACES_PER_WORD: usize = 8;

/// Distinct words. One that came when it was too large for the array stays in the hash table, also when the array has
/// grown beyond it.
pub(super) struct Words {
    pub(super) float: bool,
    pub(super) len: u32,
    null: u32,
    pub(super) dense: Vec<u32>,
    sparse: HashTable<(u64, u32)>,
    lookups: Lookups,
}

/// How words are looked up that are not in the array.
enum Lookups {
    /// In the hash table.
    Hashed,
    /// There, if it may have them. No word comes any more.
    Passing(Passing),
    /// By their rank, also those in the array. No word comes any more.
    Ranked(Ranked),
}

impl Words {
    pub(super) fn new(float: bool) -> Self {
        Words {
            float,
            len: 0,
            null: ABSENT,
            dense: Vec::new(),
            sparse: HashTable::new(),
            lookups: Lookups::Hashed,
        }
    }

    /// Whether all words are in the array, as they are.
    pub(super) fn is_dense(&self) -> bool {
        !self.float && self.sparse.is_empty() && !matches!(self.lookups, Lookups::Ranked(_))
    }

    #[inline]
    pub(super) fn find(&self, word: Option<u64>, hasher: &DefaultHashBuilder) -> u32 {
        let Some(word) = word else { return self.null };
        if let Lookups::Ranked(ranked) = &self.lookups {
            return ranked.find(word);
        }
        match place_of(word).and_then(|place| self.dense.get(place)) {
            Some(number) if *number != ABSENT || self.sparse.is_empty() => *number,
            _ => self.find_sparse(word, hasher),
        }
    }

    #[inline]
    fn find_sparse(&self, word: u64, hasher: &DefaultHashBuilder) -> u32 {
        match &self.lookups {
            Lookups::Passing(passing) if !passing.may_have(word) => ABSENT,
            _ => self.find_hashed(word, hasher),
        }
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
        if self.sparse.is_empty() {
            return;
        }
        self.lookups = match self.ranked() {
            Some(ranked) => {
                self.sparse = HashTable::new();
                self.dense = Vec::new();
                Lookups::Ranked(ranked)
            }
            None => {
                let words = self.sparse.iter().map(|(word, _)| *word);
                Lookups::Passing(Passing::of(words, self.sparse.len()))
            }
        };
    }

    /// The words by their rank, if they are near each other.
    fn ranked(&self) -> Option<Ranked> {
        let placed = self.dense.iter().enumerate().filter(|(_, number)| **number != ABSENT);
        let placed = placed.map(|(place, number)| (place as u64, *number));
        Ranked::of(placed.chain(self.sparse.iter().copied()), self.len as usize)
    }

    /// How many places the array may have.
    fn places(&self) -> usize {
        SMALL_WORDS.max(self.len as usize * PLACES_PER_WORD)
    }
}

/// Multiplied by it, the bits of a key are spread over the upper ones (2^64 by the golden ratio).
pub(super) const SPREADING: u64 = 0x9e37_79b9_7f4a_7c15;

/// The place that a word has in the array, if it is large enough.
#[inline]
fn place_of(word: u64) -> Option<usize> {
    usize::try_from(word).ok()
}
