//! A set of rows of a batch, one bit a row: selections, null maps, truth values.
//!
//! A batch of a leaf has at most 64 rows, so the set is one `u64` held inline and every operation on it is one
//! instruction; batches gathered from several leaves have more words, on the heap.
//!
//! Invariants: a set made for `len` rows has `len.div_ceil(64)` words (at least one), and no bit at or beyond
//! `len` is set. Two sets are combined only if they were made for the same number of rows.

use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign};
use std::slice;

/// Rows in one word of a set, which is also the most rows a leaf has.
pub const WORD_ROWS: usize = 64;

/// A set of rows of a batch.
///
/// ```
/// use nuages_engine::bits::Bits;
/// let even = Bits::from_fn(100, |row| row % 2 == 0);
/// let small = Bits::from_fn(100, |row| row < 5);
/// assert_eq!((&even & &small).iter().collect::<Vec<_>>(), [0, 2, 4]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits(Form);

/// (A vector with one inline element would do, but its operations cost several times those of this enum.)
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// At most 64 rows.
    Word(u64),
    /// More.
    Words(Vec<u64>),
}

impl Bits {
    /// No row of `len`.
    #[must_use]
    pub fn none(len: usize) -> Self {
        if len <= WORD_ROWS {
            return Self::from_word(0);
        }
        Self(Form::Words(vec![0; word_count(len)]))
    }

    /// Every row of `len`.
    #[must_use]
    pub fn all(len: usize) -> Self {
        if len <= WORD_ROWS {
            return Self::from_word(low_bits(len));
        }
        let mut words = vec![u64::MAX; word_count(len)];
        if let Some(last) = words.last_mut() {
            *last = low_bits(len - (word_count(len) - 1) * WORD_ROWS);
        }
        Self(Form::Words(words))
    }

    /// A set of up to 64 rows.
    #[must_use]
    #[inline]
    pub const fn from_word(word: u64) -> Self {
        Self(Form::Word(word))
    }

    /// The rows of `len` for which `chosen` is true.
    #[inline]
    pub fn from_fn(len: usize, mut chosen: impl FnMut(usize) -> bool) -> Self {
        let word = |start: usize| {
            let rows = start..len.min(start + WORD_ROWS);
            rows.rev().fold(0, |word, row| word << 1 | u64::from(chosen(row)))
        };
        Self::from_words_with(len, word)
    }

    /// A set of `len` rows from its words, each asked for by its first row.
    #[inline]
    pub(crate) fn from_words_with(len: usize, mut word: impl FnMut(usize) -> u64) -> Self {
        if len <= WORD_ROWS {
            return Self::from_word(if len == 0 { 0 } else { word(0) });
        }
        Self(Form::Words((0..word_count(len)).map(|index| word(index * WORD_ROWS)).collect()))
    }

    /// The words, 64 rows each, the first row in the lowest bit.
    #[must_use]
    #[inline]
    pub fn words(&self) -> &[u64] {
        match &self.0 {
            Form::Word(word) => slice::from_ref(word),
            Form::Words(words) => words,
        }
    }

    #[inline]
    fn words_mut(&mut self) -> &mut [u64] {
        match &mut self.0 {
            Form::Word(word) => slice::from_mut(word),
            Form::Words(words) => words,
        }
    }

    /// Whether `row` is in the set; false beyond the rows it was made for.
    #[must_use]
    #[inline]
    pub fn contains(&self, row: usize) -> bool {
        match &self.0 {
            Form::Word(word) => row < WORD_ROWS && word >> row & 1 == 1,
            Form::Words(words) => {
                words.get(row / WORD_ROWS).is_some_and(|word| word >> (row % WORD_ROWS) & 1 == 1)
            }
        }
    }

    /// Puts `row` in, growing the set if it was made for fewer rows.
    #[inline]
    pub fn insert(&mut self, row: usize) {
        self.grow(row + 1);
        self.words_mut()[row / WORD_ROWS] |= 1 << (row % WORD_ROWS);
    }

    /// Takes `row` out.
    #[inline]
    pub fn remove(&mut self, row: usize) {
        if let Some(word) = self.words_mut().get_mut(row / WORD_ROWS) {
            *word &= !(1 << (row % WORD_ROWS));
        }
    }

    /// Makes the set one of at least `len` rows; the new ones are not in it.
    pub fn grow(&mut self, len: usize) {
        let count = word_count(len);
        match &mut self.0 {
            Form::Word(_) if count == 1 => {}
            Form::Word(word) => {
                let mut words = vec![0; count];
                words[0] = *word;
                self.0 = Form::Words(words);
            }
            Form::Words(words) if count > words.len() => words.resize(count, 0),
            Form::Words(_) => {}
        }
    }

    /// Adds the rows of a word of the set: those of `word`, counted from 64 times `index`.
    pub(crate) fn insert_word(&mut self, index: usize, word: u64) {
        if word != 0 {
            self.grow(index * WORD_ROWS + 1);
            self.words_mut()[index] |= word;
        }
    }

    /// Whether no row is in the set.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.words().iter().all(|word| *word == 0)
    }

    /// How many rows are in the set.
    #[must_use]
    #[inline]
    pub fn count(&self) -> usize {
        self.words().iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The first row in the set.
    #[must_use]
    pub fn first(&self) -> Option<usize> {
        self.iter().next()
    }

    /// The rows in the set, ascending.
    #[inline]
    pub fn iter(&self) -> Rows<'_> {
        let (word, rest) = self.words().split_first().map_or((0, &[][..]), |(word, rest)| (*word, rest));
        Rows { word, start: 0, rest }
    }

    /// The rows of this set that are not in `other`.
    #[must_use]
    #[inline]
    pub fn and_not(&self, other: &Self) -> Self {
        self.zip(other, |left, right| left & !right)
    }

    /// The rows of `len` that are not in the set.
    #[must_use]
    pub fn complement(&self, len: usize) -> Self {
        Self::all(len).and_not(self)
    }

    #[inline]
    fn zip(&self, other: &Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        if let (Form::Word(left), Form::Word(right)) = (&self.0, &other.0) {
            return Self::from_word(combine(*left, *right));
        }
        let (left, right) = (self.words(), other.words());
        debug_assert_eq!(left.len(), right.len(), "sets of rows of different batches");
        Self(Form::Words(left.iter().zip(right).map(|(left, right)| combine(*left, *right)).collect()))
    }
}

fn word_count(len: usize) -> usize {
    len.div_ceil(WORD_ROWS).max(1)
}

/// A word with its lowest `count` bits set.
#[inline]
pub(crate) fn low_bits(count: usize) -> u64 {
    if count >= WORD_ROWS { u64::MAX } else { (1 << count) - 1 }
}

impl BitAnd for &Bits {
    type Output = Bits;

    #[inline]
    fn bitand(self, other: Self) -> Bits {
        self.zip(other, |left, right| left & right)
    }
}

impl BitOr for &Bits {
    type Output = Bits;

    #[inline]
    fn bitor(self, other: Self) -> Bits {
        self.zip(other, |left, right| left | right)
    }
}

impl BitAndAssign<&Self> for Bits {
    #[inline]
    fn bitand_assign(&mut self, other: &Self) {
        debug_assert_eq!(self.words().len(), other.words().len(), "sets of rows of different batches");
        self.words_mut().iter_mut().zip(other.words()).for_each(|(left, right)| *left &= right);
    }
}

impl BitOrAssign<&Self> for Bits {
    #[inline]
    fn bitor_assign(&mut self, other: &Self) {
        debug_assert_eq!(self.words().len(), other.words().len(), "sets of rows of different batches");
        self.words_mut().iter_mut().zip(other.words()).for_each(|(left, right)| *left |= right);
    }
}

/// No row.
impl Default for Bits {
    fn default() -> Self {
        Self::from_word(0)
    }
}

impl From<u64> for Bits {
    fn from(word: u64) -> Self {
        Self::from_word(word)
    }
}

impl<'b> IntoIterator for &'b Bits {
    type Item = usize;
    type IntoIter = Rows<'b>;

    fn into_iter(self) -> Rows<'b> {
        self.iter()
    }
}

/// The rows of a set, ascending.
#[derive(Clone, Debug)]
pub struct Rows<'b> {
    word: u64,
    start: usize,
    rest: &'b [u64],
}

impl Iterator for Rows<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.word == 0 {
            let (word, rest) = self.rest.split_first()?;
            (self.word, self.rest) = (*word, rest);
            self.start += WORD_ROWS;
        }
        let row = self.start + self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_sets_no_bit_beyond_the_last_row() {
        for len in [0, 1, 63, 64, 65, 127, 128, 1_000] {
            assert_eq!(Bits::all(len).count(), len);
            assert_eq!(Bits::none(len).complement(len), Bits::all(len));
            assert!(!Bits::all(len).contains(len));
        }
    }

    proptest! {
        #[test]
        fn sets_of_rows_behave_as_sets(
            len in 1_usize..200,
            left in proptest::collection::btree_set(0_usize..200, 0..80),
            right in proptest::collection::btree_set(0_usize..200, 0..80),
        ) {
            let rows = |bits: &Bits| bits.iter().collect::<BTreeSet<_>>();
            let within = |set: &BTreeSet<usize>| set.iter().copied().filter(|row| *row < len).collect();
            let (left, right): (BTreeSet<_>, BTreeSet<_>) = (within(&left), within(&right));
            let a = Bits::from_fn(len, |row| left.contains(&row));
            let b = Bits::from_fn(len, |row| right.contains(&row));
            prop_assert_eq!(&rows(&a), &left);
            prop_assert_eq!(a.count(), left.len());
            prop_assert_eq!(a.first(), left.first().copied());
            prop_assert_eq!(rows(&(&a & &b)), &left & &right);
            prop_assert_eq!(rows(&(&a | &b)), &left | &right);
            prop_assert_eq!(rows(&a.and_not(&b)), &left - &right);
        }

        #[test]
        fn a_set_grows_with_what_is_inserted(rows in proptest::collection::btree_set(0_usize..500, 1..50)) {
            let mut bits = Bits::none(0);
            rows.iter().for_each(|row| bits.insert(*row));
            prop_assert!(bits.iter().eq(rows.iter().copied()));
            rows.iter().for_each(|row| bits.remove(*row));
            prop_assert!(bits.is_empty());
        }
    }
}
