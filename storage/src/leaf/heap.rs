//! The variable-length values of a leaf: a buffer, and a word for each value saying where it lies.
//!
//! Text and bytes differ only in their buffer (`String` or `Vec<u8>`); a `String` lets text be borrowed as
//! `&str` without validating it again. What an update or a deletion leaves behind is counted as dead, and
//! the leaf is rewritten without it once that is half of the buffer.
//!
//! What a leaf has when it is built or copied does not change any more: what comes later is added behind it, and what
//! goes is dead. So that part is counted and shared by the copies of the leaf, whose commits mostly change a number and
//! no text, and only what was added since is copied with a leaf:
//!
//! ```text
//! shared  "AliceBobCarol"   by all copies, never changes       offsets 0..13
//! own     "Dan"             of this leaf alone, grows          offsets 13..16
//! ```
//!
//! A copy whose own part has become a quarter of the shared one gets a shared part of all of it.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

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
pub(super) trait Buffer: Clone + Default {
    type Value: ?Sized + PartialEq + Debug + 'static;
    const EMPTY: &'static Self::Value;
    /// All of it.
    fn value(&self) -> &Self::Value;
    /// A part of a value.
    fn part(value: &Self::Value, range: Range<usize>) -> &Self::Value;
    fn bytes(value: &Self::Value) -> &[u8];
    fn share(value: &Self::Value) -> Arc<Self::Value>;
    fn reserve(&mut self, bytes: usize);
    fn push(&mut self, value: &Self::Value);

    fn len(&self) -> usize {
        Self::bytes(self.value()).len()
    }
}

impl Buffer for String {
    type Value = str;
    const EMPTY: &'static str = "";
    #[inline]
    fn value(&self) -> &str {
        self
    }
    #[inline]
    fn part(value: &str, range: Range<usize>) -> &str {
        &value[range]
    }
    #[inline]
    fn bytes(value: &str) -> &[u8] {
        value.as_bytes()
    }
    fn share(value: &str) -> Arc<str> {
        Arc::from(value)
    }
    fn reserve(&mut self, bytes: usize) {
        self.reserve(bytes);
    }
    fn push(&mut self, value: &str) {
        self.push_str(value);
    }
}

impl Buffer for Vec<u8> {
    type Value = [u8];
    const EMPTY: &'static [u8] = &[];
    #[inline]
    fn value(&self) -> &[u8] {
        self
    }
    #[inline]
    fn part(value: &[u8], range: Range<usize>) -> &[u8] {
        &value[range]
    }
    #[inline]
    fn bytes(value: &[u8]) -> &[u8] {
        value
    }
    fn share(value: &[u8]) -> Arc<[u8]> {
        Arc::from(value)
    }
    fn reserve(&mut self, bytes: usize) {
        self.reserve(bytes);
    }
    fn push(&mut self, value: &[u8]) {
        self.extend_from_slice(value);
    }
}

/// Values one after another, and how many of their bytes no cell refers to any more.
#[derive(Debug)]
pub(super) struct Heap<S: Buffer> {
    /// What comes first, and never changes.
    shared: Option<Arc<S::Value>>,
    /// What comes behind it.
    own: S,
    dead: usize,
}

/// Nothing.
impl<S: Buffer> Default for Heap<S> {
    fn default() -> Self {
        Heap::of(S::default())
    }
}

/// Shares what can be shared, and copies what is little.
impl<S: Buffer> Clone for Heap<S> {
    fn clone(&self) -> Self {
        let is_little = match &self.shared {
            Some(shared) => self.own.len() <= S::bytes(shared).len() / OWN_PART,
            None => self.own.len() < SHARED_BYTES_MIN,
        };
        match is_little {
            true => Heap { shared: self.shared.clone(), own: self.own.clone(), dead: self.dead },
            false => Heap { shared: Some(self.shared_whole()), own: S::default(), dead: self.dead },
        }
    }
}

impl<S: Buffer> Heap<S> {
    /// An empty heap in a buffer, which is empty.
    pub(super) fn of(buffer: S) -> Self {
        Heap { shared: None, own: buffer, dead: 0 }
    }

    /// What it had put its own values into.
    pub(super) fn into_buffer(self) -> S {
        self.own
    }

    /// Makes what there is a part that copies share, or if it is little puts it where it has no room left. Returns the
    /// buffer that it was in.
    pub(super) fn settle(&mut self) -> S {
        let mut own = S::default();
        if self.own.len() >= SHARED_BYTES_MIN {
            self.shared = Some(self.shared_whole());
        } else if self.own.len() > 0 {
            own.push(self.own.value());
        }
        std::mem::replace(&mut self.own, own)
    }

    /// All of it as one part.
    fn shared_whole(&self) -> Arc<S::Value> {
        let Some(shared) = &self.shared else { return S::share(self.own.value()) };
        let mut all = S::default();
        all.reserve(self.len());
        all.push(shared);
        all.push(self.own.value());
        S::share(all.value())
    }

    /// How many bytes are shared; own ones have offsets from here on.
    #[inline]
    fn shared_len(&self) -> usize {
        self.shared.as_deref().map_or(0, |shared| S::bytes(shared).len())
    }

    /// The bytes there are, dead ones too.
    #[inline]
    fn len(&self) -> usize {
        self.shared_len() + self.own.len()
    }

    /// The value a cell refers to, if it lies here.
    #[inline]
    pub(super) fn get(&self, cell: u64) -> Option<&S::Value> {
        match cell {
            0 => Some(S::EMPTY),
            LONG | DEFAULT => None,
            _ => Some(self.slice(range(cell))),
        }
    }

    /// A value lies in one of the parts.
    #[inline]
    fn slice(&self, range: Range<usize>) -> &S::Value {
        match &self.shared {
            Some(shared) if range.start < S::bytes(shared).len() => S::part(shared, range),
            shared => {
                let before = shared.as_deref().map_or(0, |shared| S::bytes(shared).len());
                S::part(self.own.value(), range.start - before..range.end - before)
            }
        }
    }

    /// What values lie in: what is shared, and what comes behind it.
    #[inline]
    pub(super) fn parts(&self) -> (&S::Value, &S::Value) {
        (self.shared.as_deref().unwrap_or(S::EMPTY), self.own.value())
    }

    /// Reads a byte of what a cell refers to, for nothing but its coming into the cache.
    pub(super) fn touch(&self, cell: u64) -> u64 {
        let (start, shared) = (range(cell).start, self.shared_len());
        let byte = match &self.shared {
            Some(shared) if start < S::bytes(shared).len() => S::bytes(shared).get(start),
            _ => S::bytes(self.own.value()).get(start.wrapping_sub(shared)),
        };
        byte.copied().unwrap_or_default().into()
    }

    /// Adds a value and returns its cell.
    pub(super) fn put(&mut self, value: &S::Value) -> u64 {
        let start = self.len();
        if start == 0 {
            self.own.reserve(HEAP_BYTES_MIN);
        }
        self.own.push(value);
        cell(start, self.len() - start)
    }

    /// Adds what a cell of another heap refers to, and returns the cell it has here.
    pub(super) fn copy(&mut self, source: &Self, cell: u64) -> u64 {
        source.get(cell).map_or(cell, |value| self.put(value))
    }

    /// Adds all of another heap, if none of it is dead. Returns what its cells become.
    pub(super) fn append(&mut self, source: &Self) -> Option<Shift> {
        let shift = Shift((self.len() as u64) << 32);
        if source.dead > 0 {
            return None;
        }
        if let Some(shared) = &source.shared {
            self.own.push(shared);
        }
        self.own.push(source.own.value());
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
        self.len() - self.dead
    }

    /// The bytes that it keeps, but for what others share.
    pub(super) fn bytes_alone(&self) -> usize {
        let shared = self.shared.as_ref().filter(|shared| Arc::strong_count(shared) == 1);
        shared.map_or(0, |shared| S::bytes(shared).len()) + self.own.len()
    }

    #[cfg(test)]
    pub(super) fn dead(&self) -> usize {
        self.dead
    }

    /// Whether rewriting would shrink it by half.
    pub(super) fn is_half_dead(&self) -> bool {
        self.dead > HEAP_DEAD_MIN && self.dead * 2 > self.len()
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
/// What is less than this is copied rather than counted.
const SHARED_BYTES_MIN: usize = if cfg!(test) { 8 } else { 512 };
/// The part of the shared bytes, as a divisor, that own ones may be and still be copied by themselves.
const OWN_PART: usize = 4;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What cells refer to.
    fn values<'h>(heap: &'h Heap<String>, cells: &[u64]) -> Vec<&'h str> {
        cells.iter().map(|cell| heap.get(*cell).unwrap()).collect()
    }

    fn is_shared(one: &Heap<String>, other: &Heap<String>) -> bool {
        matches!((&one.shared, &other.shared), (Some(one), Some(other)) if Arc::ptr_eq(one, other))
    }

    #[test]
    fn copies_share_what_was_there_and_keep_apart_what_comes() {
        let mut heap = Heap::<String>::default();
        let mut cells = ["Alice", "", "Bob", "Caroline"].map(|name| heap.put(name)).to_vec();
        let first = heap.clone(); // of what nobody shares yet
        assert!(!is_shared(&heap, &first) && first.own.is_empty());
        let mut second = first.clone();
        assert!(is_shared(&first, &second));
        let (mut one, mut other) = (cells.clone(), cells.clone());
        let mut first = first;
        one.push(first.put("Dan"));
        other.push(second.put("Eve"));
        assert_eq!(values(&first, &one), ["Alice", "", "Bob", "Caroline", "Dan"]);
        assert_eq!(values(&second, &other), ["Alice", "", "Bob", "Caroline", "Eve"]);
        cells.push(heap.put("Dan"));
        assert_eq!((values(&heap, &cells), cells), (values(&first, &one), one));
    }

    #[test]
    fn a_copy_of_much_of_its_own_shares_all_of_it() {
        let mut heap = Heap::<String>::default();
        let mut cells = vec![heap.put("0123456789abcdef")];
        assert_eq!(heap.settle(), "0123456789abcdef");
        let shared = heap.clone();
        for text in ["1", "2", "3", "4"] {
            cells.push(heap.put(text));
            assert!(is_shared(&heap, &heap.clone()), "up to a quarter");
        }
        cells.push(heap.put("5"));
        let copy = heap.clone();
        assert!(!is_shared(&copy, &shared) && copy.own.is_empty());
        assert_eq!(values(&copy, &cells), values(&heap, &cells));
        assert_eq!(copy.touch(cells[5]), u64::from(b'5'));
        assert_eq!(heap.touch(cells[5]), u64::from(b'5'));
        assert_eq!((copy.live(), heap.live()), (21, 21));
    }

    #[test]
    fn what_is_shared_can_be_replaced_and_added_to_others() {
        let mut heap = Heap::<String>::default();
        let cell = heap.put("a text of some length");
        heap.settle();
        let mut source = Heap::<String>::default();
        let (same, new) = (source.put("a text of some length"), source.put("another"));
        assert_eq!(heap.replace(cell, &source, same), cell);
        let replaced = heap.replace(cell, &source, new);
        assert_eq!((heap.get(replaced), heap.live()), (Some("another"), 7));
        let mut sum = Heap::<String>::default();
        sum.put("before");
        assert!(sum.append(&heap).is_none(), "some of it is dead");
        source.settle();
        source.put("behind");
        let shift = sum.append(&source).unwrap();
        assert_eq!(sum.get(shift.of(new)), Some("another"));
        assert_eq!(sum.live(), 6 + source.live());
    }

    #[test]
    fn what_is_little_is_left_in_no_more_room_than_it_takes() {
        let mut heap = Heap::of(String::with_capacity(100));
        let cell = heap.put("few");
        assert_eq!(heap.settle().capacity(), 100);
        assert_eq!(
            (heap.shared.is_none(), heap.own.capacity() < 100, heap.get(cell)),
            (true, true, Some("few"))
        );
        assert_eq!(Heap::<String>::default().settle().capacity(), 0);
    }
}
