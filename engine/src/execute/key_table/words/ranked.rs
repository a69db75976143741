//! Words that lie near each other, by their rank among them.
//!
//! A bit for each word between the least and the greatest says whether that is there, and how many are there before it
//! is where its number stands: what is known of the words before each 64 of them, and what the bits before its own say.
//! (Jacobson, "Space-efficient Static Trees and Graphs", FOCS 1989.) That is less memory than a hash table takes, no
//! hash, one look for a word that is not there, and words that are asked for in order find what they need side by side:
//! the orders of a month, asked for by their items.

use super::ABSENT;

/// The words between the least and the greatest, for each that is there, up to which they are near each other: 24 bytes
/// for it then, as many as a hash table takes that is two thirds full.
const RANGE_PER_WORD: u64 = 128;

/// See the [module](self).
pub(super) struct Ranked {
    /// The least word, as a signed integer is.
    first: u64,
    blocks: Vec<Block>,
    /// The numbers of the words, in the order of these.
    numbers: Vec<u32>,
}

/// 64 words.
#[derive(Clone, Copy, Default)]
struct Block {
    bits: u64,
    /// How many words come before them.
    before: u32,
}

impl Ranked {
    /// These words with their numbers, each word once; none if they are too far from each other. `count` is at least how
    /// many there are.
    pub(super) fn of(words: impl Iterator<Item = (u64, u32)> + Clone, count: usize) -> Option<Ranked> {
        let ints = || words.clone().map(|(word, _)| word.cast_signed());
        let (first, last) = (ints().min()?.cast_unsigned(), ints().max()?.cast_unsigned());
        let range = last.wrapping_sub(first);
        if range / RANGE_PER_WORD > count as u64 {
            return None;
        }
        let mut blocks = vec![Block::default(); usize::try_from(range / 64).ok()? + 1];
        for (word, _) in words.clone() {
            let (block, bit) = place(word.wrapping_sub(first));
            blocks[block].bits |= bit;
        }
        let mut before = 0;
        for block in &mut blocks {
            block.before = before;
            before += block.bits.count_ones();
        }
        let mut ranked = Ranked { first, blocks, numbers: vec![ABSENT; before as usize] };
        for (word, number) in words {
            if let Some(rank) = ranked.rank(word) {
                ranked.numbers[rank] = number;
            }
        }
        Some(ranked)
    }

    /// The number of a word.
    #[inline]
    pub(super) fn find(&self, word: u64) -> u32 {
        self.rank(word).map_or(ABSENT, |rank| self.numbers[rank])
    }

    /// How many words come before one that is there.
    #[inline]
    fn rank(&self, word: u64) -> Option<usize> {
        let (block, bit) = place(word.wrapping_sub(self.first));
        let block = self.blocks.get(block).filter(|block| block.bits & bit != 0)?;
        Some((block.before + (block.bits & (bit - 1)).count_ones()) as usize)
    }
}

/// The block in which a word has its bit, given its distance from the first, and that bit.
#[inline]
fn place(distance: u64) -> (usize, u64) {
    // A distance that no memory has blocks for is beyond them all.
    (usize::try_from(distance / 64).unwrap_or(usize::MAX), 1 << (distance % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(words: &[i64]) -> Option<Ranked> {
        let words = words.iter().enumerate().map(|(number, word)| (word.cast_unsigned(), number as u32));
        Ranked::of(words.clone(), words.len())
    }

    #[test]
    fn words_are_found_on_both_sides_of_zero_and_others_are_not() {
        let words = [200, -3, 63, 64, -64, 0, 199, 127];
        let ranked = ranked(&words).unwrap();
        for word in -300..500_i64 {
            let expected =
                words.iter().position(|known| *known == word).map_or(ABSENT, |number| number as u32);
            assert_eq!(ranked.find(word.cast_unsigned()), expected, "{word}");
        }
        for far in [i64::MIN, i64::MAX] {
            assert_eq!(ranked.find(far.cast_unsigned()), ABSENT);
        }
    }

    #[test]
    fn words_at_the_ends_of_the_integers_are_near_their_like_alone() {
        for base in [i64::MIN, i64::MAX - 100] {
            let ranked = ranked(&[base + 100, base]).unwrap();
            let found = [base, base + 1, base + 100].map(|word| ranked.find(word.cast_unsigned()));
            assert_eq!(found, [1, ABSENT, 0]);
        }
        assert!(ranked(&[i64::MIN, i64::MAX]).is_none());
        assert!(ranked(&[0, 10_000]).is_none());
        assert!(ranked(&[]).is_none());
    }
}
