//! The variable-length values of a leaf: one buffer, and a word for each value saying where it lies.
//!
//! Text and bytes differ only in their buffer (`String` or `Vec<u8>`); a `String` lets text be borrowed as
//! `&str` without validating it again. What an update or a deletion leaves behind is counted as dead, and
//! the leaf is rewritten without it once that is half of the buffer.

use std::ops::Range;

/// A cell whose value is out of line, in the table's [`Longs`](crate::long::Longs).
pub(super) const LONG: u64 = u64::MAX;
/// A cell whose value is the default of its slot, which the layout has once for all rows.
pub(super) const DEFAULT: u64 = u64::MAX - 1;

/// One variable-length value of a leaf.
#[derive(Debug, PartialEq, Eq)]
pub enum Cell<'a, T: ?Sized> {
    /// The value.
    Inline(&'a T),
    /// The value is longer than [`LONG_BYTES_MIN`](super::LONG_BYTES_MIN) and lies beside the leaf: in the
    /// [`Rows`](super::Rows) that brought it, or in the table.
    Long,
}

/// What a heap needs of its buffer.
pub(super) trait Buffer: Default {
    type Value: ?Sized + PartialEq + 'static;
    const EMPTY: &'static Self::Value;
    fn len(&self) -> usize;
    fn slice(&self, range: Range<usize>) -> &Self::Value;
    fn reserve(&mut self, bytes: usize);
    fn push(&mut self, value: &Self::Value);
    fn append(&mut self, other: &Self);
    fn as_bytes(&self) -> &[u8];
}

impl Buffer for String {
    type Value = str;
    const EMPTY: &'static str = "";
    fn len(&self) -> usize {
        self.len()
    }
    #[inline]
    fn slice(&self, range: Range<usize>) -> &str {
        &self[range]
    }
    fn reserve(&mut self, bytes: usize) {
        self.reserve(bytes);
    }
    fn push(&mut self, value: &str) {
        self.push_str(value);
    }
    fn append(&mut self, other: &Self) {
        self.push_str(other);
    }
    fn as_bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Buffer for Vec<u8> {
    type Value = [u8];
    const EMPTY: &'static [u8] = &[];
    fn len(&self) -> usize {
        self.len()
    }
    #[inline]
    fn slice(&self, range: Range<usize>) -> &[u8] {
        &self[range]
    }
    fn reserve(&mut self, bytes: usize) {
        self.reserve(bytes);
    }
    fn push(&mut self, value: &[u8]) {
        self.extend_from_slice(value);
    }
    fn append(&mut self, other: &Self) {
        self.extend_from_slice(other);
    }
    fn as_bytes(&self) -> &[u8] {
        self
    }
}

/// A buffer and how much of it no cell refers to any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Heap<S> {
    buffer: S,
    dead: usize,
}

impl<S: Buffer> Heap<S> {
    /// An empty heap in a buffer, which is empty.
    pub(super) fn of(buffer: S) -> Self {
        Heap { buffer, dead: 0 }
    }

    /// The buffer.
    pub(super) fn into_buffer(self) -> S {
        self.buffer
    }

    /// The value a cell refers to, if it lies here.
    #[inline]
    pub(super) fn get(&self, cell: u64) -> Option<&S::Value> {
        match cell {
            0 => Some(S::EMPTY),
            LONG | DEFAULT => None,
            _ => Some(self.buffer.slice(range(cell))),
        }
    }

    /// Reads a byte of what a cell refers to, for nothing but its coming into the cache.
    pub(super) fn touch(&self, cell: u64) -> u64 {
        self.buffer.as_bytes().get(range(cell).start).copied().unwrap_or_default().into()
    }

    /// Adds a value and returns its cell.
    pub(super) fn put(&mut self, value: &S::Value) -> u64 {
        let start = self.buffer.len();
        if start == 0 {
            self.buffer.reserve(HEAP_BYTES_MIN);
        }
        self.buffer.push(value);
        cell(start, self.buffer.len() - start)
    }

    /// Adds what a cell of another heap refers to, and returns the cell it has here.
    pub(super) fn copy(&mut self, source: &Self, cell: u64) -> u64 {
        source.get(cell).map_or(cell, |value| self.put(value))
    }

    /// Adds all of another heap, if none of it is dead. Returns what its cells become.
    pub(super) fn append(&mut self, source: &Self) -> Option<Shift> {
        let shift = Shift((self.buffer.len() as u64) << 32);
        if source.dead > 0 {
            return None;
        }
        self.buffer.append(&source.buffer);
        Some(shift)
    }

    /// The cell for what `cell` of another heap refers to, where `old` is to be overwritten: `old` itself if
    /// the value is the same, which spares the heap.
    pub(super) fn replace(&mut self, old: u64, source: &Self, cell: u64) -> u64 {
        let (old_value, value) = (self.get(old), source.get(cell));
        if old_value.is_some() && old_value == value {
            return old;
        }
        self.release(old);
        self.copy(source, cell)
    }

    /// Counts the value of a cell as dead.
    pub(super) fn release(&mut self, cell: u64) {
        self.dead += match cell {
            LONG | DEFAULT => 0,
            _ => range(cell).len(),
        };
    }

    /// The bytes that cells refer to.
    pub(super) fn live(&self) -> usize {
        self.buffer.len() - self.dead
    }

    #[cfg(test)]
    pub(super) fn dead(&self) -> usize {
        self.dead
    }

    /// Whether rewriting would shrink it by half.
    pub(super) fn is_half_dead(&self) -> bool {
        self.dead > HEAP_DEAD_MIN && self.dead * 2 > self.buffer.len()
    }
}

/// How far values lie from where they lay, after their heap was added to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift(u64);

impl Shift {
    /// What a cell becomes.
    pub(super) fn of(self, cell: u64) -> u64 {
        match cell {
            0 | LONG | DEFAULT => cell,
            _ => cell + self.0,
        }
    }
}

/// What a heap reserves when its first value comes, so that the few short texts of one row are one allocation.
const HEAP_BYTES_MIN: usize = 64;
/// Below this many dead bytes a heap is left alone: rewriting a leaf costs more than they do.
pub(super) const HEAP_DEAD_MIN: usize = if cfg!(test) { 16 } else { 256 };

/// A cell: the offset in the upper half, the length in the lower. The empty value is zero, like NULL.
///
/// Both fit: inline values are at most [`LONG_BYTES_MIN`](super::LONG_BYTES_MIN) bytes, and a leaf is about
/// [`LEAF_BYTES`](super::LEAF_BYTES).
fn cell(start: usize, length: usize) -> u64 {
    if length == 0 { 0 } else { (start as u64) << 32 | length as u64 }
}

fn range(cell: u64) -> Range<usize> {
    let start = (cell >> 32) as usize;
    start..start + (cell & u64::from(u32::MAX)) as usize
}
