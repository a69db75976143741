//! The least and the greatest.

use std::borrow::Cow;
use std::cmp::Ordering;

use nuages_storage::{DataType, Value};

use crate::bits::{Bits, WORD_ROWS, low_bits};
use crate::evaluate::{Words, float_key};
use crate::vector::{Vector, VectorBuilder};

/// Extremes of integers, floats and times.
#[derive(Clone, Debug)]
pub(super) struct WordExtremes {
    kind: DataType,
    least: bool,
    best: Vec<u64>,
    /// The groups that have a value.
    some: Bits,
}

impl WordExtremes {
    pub(super) fn new(kind: DataType, least: bool) -> WordExtremes {
        WordExtremes { kind, least, best: Vec::new(), some: Bits::none(0) }
    }

    pub(super) fn len(&self) -> usize {
        self.best.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.best.resize(groups, 0);
        self.some.grow(groups);
    }

    #[inline]
    pub(super) fn take(&mut self, group: impl Fn(usize) -> usize, input: &Vector<'_>, live: &Bits) {
        let words = Words::of(input);
        for row in live {
            self.take_word(group(row), words.get(row));
        }
    }

    /// Takes the rows of a column for the only group.
    pub(super) fn take_column(&mut self, words: &[u64], live: &Bits) {
        for (words, mask) in words.chunks(WORD_ROWS).zip(live.words()) {
            let whole = *mask == low_bits(words.len()) && self.kind != DataType::Float;
            if whole {
                let ints = words.iter().map(|word| word.cast_signed());
                let best = if self.least { ints.min() } else { ints.max() };
                best.into_iter().for_each(|int| self.take_word(0, int.cast_unsigned()));
            } else {
                Bits::from_word(*mask).iter().for_each(|row| self.take_word(0, words[row]));
            }
        }
    }

    #[inline]
    fn take_word(&mut self, group: usize, word: u64) {
        let best = &mut self.best[group];
        if !self.some.contains(group) {
            *best = word;
            self.some.insert(group);
            return;
        }
        let order = if self.kind == DataType::Float {
            float_key(word).cmp(&float_key(*best))
        } else {
            word.cast_signed().cmp(&best.cast_signed())
        };
        if order == wanted(self.least) {
            *best = word;
        }
    }

    pub(super) fn finish(self) -> Vector<'static> {
        let nulls = self.some.complement(self.best.len());
        Vector::Word { kind: self.kind, data: Cow::Owned(self.best), nulls }
    }
}

/// How a value compares with the best so far if it is better.
fn wanted(least: bool) -> Ordering {
    if least { Ordering::Less } else { Ordering::Greater }
}

/// Extremes of everything else.
#[derive(Clone, Debug)]
pub(super) struct Extremes {
    kind: DataType,
    least: bool,
    /// NULL in a group without a value.
    best: Vec<Value>,
}

impl Extremes {
    pub(super) fn new(kind: DataType, least: bool) -> Extremes {
        Extremes { kind, least, best: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.best.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.best.resize(groups, Value::Null);
    }

    /// A text is copied only when it is better than all before it.
    pub(super) fn take(&mut self, group: impl Fn(usize) -> usize, input: &Vector<'_>, live: &Bits) {
        for row in live {
            let best = &mut self.best[group(row)];
            let order = match (input.text(row), best.as_text()) {
                (Some(text), Some(best)) => text.cmp(best),
                _ if best.is_null() => wanted(self.least),
                _ => input.value(row).cmp(best),
            };
            if order == wanted(self.least) {
                *best = input.value(row);
            }
        }
    }

    pub(super) fn finish(self) -> Vector<'static> {
        let mut builder = VectorBuilder::with_capacity(self.kind, self.best.len());
        self.best.iter().for_each(|value| builder.push(value));
        builder.finish()
    }
}
