//! The bytes of a key being made: on the stack as long as they are few.
//!
//! Every read through an index makes a key, most of them of one number or name. `SmallVec` does the same and
//! took 12 ns to take an integer, where this takes 4: its length, its place and its growth are looked at anew
//! for each push.

use std::fmt::{self, Debug, Formatter};

/// Bytes that lie in place: a few numbers, or a number and a name.
const INLINE_BYTES: usize = 40;

/// A growing byte string. All of it lies in `inline` while it fits there, and in `heap` otherwise.
#[derive(Clone)]
pub(super) struct KeyBytes {
    len: usize,
    inline: [u8; INLINE_BYTES],
    heap: Vec<u8>,
}

impl Default for KeyBytes {
    fn default() -> Self {
        Self { len: 0, inline: [0; INLINE_BYTES], heap: Vec::new() }
    }
}

impl KeyBytes {
    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        self.inline.get(..self.len).unwrap_or(&self.heap)
    }

    #[inline]
    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.inline.get_mut(..self.len).unwrap_or(&mut self.heap)
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, byte: u8) {
        self.push_array([byte]);
    }

    /// The same as [`extend`](Self::extend), for a length that the compiler knows.
    #[inline]
    pub(super) fn push_array<const N: usize>(&mut self, bytes: [u8; N]) {
        match self.inline.get_mut(self.len..self.len + N) {
            Some(space) => {
                space.copy_from_slice(&bytes);
                self.len += N;
            }
            None => self.extend_heap(&bytes),
        }
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        match self.inline.get_mut(self.len..self.len + bytes.len()) {
            Some(space) => {
                space.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.extend_heap(bytes),
        }
    }

    #[inline(never)]
    fn extend_heap(&mut self, bytes: &[u8]) {
        if let Some(inline) = self.inline.get(..self.len) {
            self.heap.clear();
            self.heap.extend_from_slice(inline);
        }
        self.heap.extend_from_slice(bytes);
        self.len = self.heap.len();
    }

    /// Keeps the first `len` bytes; does nothing if there are no more.
    pub(super) fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        if self.len > INLINE_BYTES {
            self.heap.truncate(len);
            if let Some(inline) = self.inline.get_mut(..len) {
                inline.copy_from_slice(&self.heap);
            }
        }
        self.len = len;
    }
}

impl From<&[u8]> for KeyBytes {
    fn from(bytes: &[u8]) -> Self {
        let mut key = Self::default();
        key.extend(bytes);
        key
    }
}

impl Debug for KeyBytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.as_slice().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_bytes_are_those_of_a_vector(
            steps in proptest::collection::vec((any::<bool>(), 0..90_usize, any::<u8>()), 0..12)
        ) {
            let (mut key, mut model) = (KeyBytes::default(), Vec::new());
            for (truncate, length, byte) in steps {
                if truncate {
                    key.truncate(length);
                    model.truncate(length);
                } else {
                    key.extend(&vec![byte; length]);
                    key.push_array([byte, 7]);
                    model.extend(vec![byte; length]);
                    model.extend([byte, 7]);
                }
                prop_assert_eq!(key.as_slice(), model.as_slice());
                prop_assert_eq!(key.len(), model.len());
                prop_assert_eq!(key.as_mut_slice(), model.as_mut_slice());
            }
        }
    }
}
