//! The words of a leaf, and the buffers that gone leaves have left.
//!
//! While somebody holds a version, every commit copies the leaves it touches, and lets those before go. Of some
//! kilobytes each, that is where an allocator is slow: what is given back is merged with its neighbours, and what is
//! asked for cut out of it again. So a thread keeps the last few such buffers for the next leaves it makes, and the
//! copy goes where the cache still is.

use std::cell::RefCell;
use std::mem;
use std::ops::{Deref, DerefMut, RangeInclusive};

/// The words of a leaf. Their number does not change.
#[derive(Debug)]
pub(super) struct Words(Vec<u64>);

/// The buffers that are kept, by the words they have room for. Of less there is always some at hand, and more is rare.
const KEPT: RangeInclusive<usize> = if cfg!(test) { 4..=64 } else { 128..=4096 };
/// How many a thread keeps: a commit of a few rows, or of one row of a few tables, lets go as many.
const SPARE_MAX: usize = 4;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u64>>> = const { RefCell::new(Vec::new()) };
}

impl Words {
    /// So many words, all zero.
    pub(super) fn zeroed(words: usize) -> Words {
        match spare(words) {
            Some(mut buffer) => {
                buffer.resize(words, 0);
                Words(buffer)
            }
            // (`vec!` asks the allocator for zeros, which those of the C library have no free list for: three times the
            // price, for what the words of one row are.)
            None => Words(std::iter::repeat_n(0, words).collect()),
        }
    }

    /// These words.
    pub(super) fn of(buffer: Vec<u64>) -> Words {
        Words(buffer)
    }

    /// The buffer that they lie in.
    pub(super) fn into_buffer(mut self) -> Vec<u64> {
        mem::take(&mut self.0)
    }
}

/// An empty buffer with room for so many words, and not for many more, if one is left.
fn spare(words: usize) -> Option<Vec<u64>> {
    if !KEPT.contains(&words) {
        return None;
    }
    // A thread that ends has none any more.
    let found = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        let at = spare.iter().rposition(|buffer| (words..=words * 2).contains(&buffer.capacity()))?;
        Some(spare.swap_remove(at))
    });
    let mut buffer = found.ok().flatten()?;
    buffer.clear();
    Some(buffer)
}

impl Clone for Words {
    fn clone(&self) -> Words {
        match spare(self.0.len()) {
            Some(mut buffer) => {
                buffer.extend_from_slice(&self.0);
                Words(buffer)
            }
            None => Words(self.0.clone()),
        }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        if KEPT.contains(&self.0.capacity()) {
            let buffer = mem::take(&mut self.0);
            let _ = SPARE.try_with(|spare| {
                let mut spare = spare.borrow_mut();
                if spare.len() < SPARE_MAX {
                    spare.push(buffer);
                }
            });
        }
    }
}

impl Deref for Words {
    type Target = [u64];

    #[inline]
    fn deref(&self) -> &[u64] {
        &self.0
    }
}

impl DerefMut for Words {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u64] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_is_left_is_used_again_by_what_is_about_as_long() {
        let words = Words::zeroed(40);
        let place = words.as_ptr();
        drop(words);
        assert_ne!(Words::zeroed(10).as_ptr(), place, "it would waste three quarters");
        let mut again = Words::zeroed(30);
        assert_eq!((again.as_ptr(), again.len()), (place, 30));
        again.fill(7);
        let copy = again.clone();
        drop(again);
        assert_eq!(*Words::zeroed(35), [0; 35], "whatever was there");
        assert_eq!(copy.len(), 30);
        assert_eq!(copy.into_buffer(), [7; 30]);
    }

    #[test]
    fn few_buffers_are_kept() {
        drop((0..3 * SPARE_MAX).map(|_| Words::zeroed(20)).collect::<Vec<_>>());
        assert_eq!(SPARE.with_borrow(Vec::len), SPARE_MAX);
        drop(Words::of(vec![0; KEPT.end() + 1]));
        drop(Words::zeroed(1));
        assert_eq!(SPARE.with_borrow(Vec::len), SPARE_MAX);
    }
}
