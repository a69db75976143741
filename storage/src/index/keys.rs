//! Index entries, packed: what lies in the leaves and in the inner nodes of an index, and what a write set
//! carries.
//!
//! The keys lie one after another in one heap. Of each, the first eight bytes after those that all of them begin
//! with, its head, lie apart as numbers: a search compares those, eight to a cache line, and goes to the heap
//! only for keys whose heads are alike. Keys that are neighbours begin alike, so few are. Where all keys have one
//! length, which is usual (numbers, dates, UUIDs), nothing else is stored of them; and if no more than eight bytes
//! are left after the common ones, the head is the key. Cloning is three memcpys, or four.
//!
//! One entry with a short key, which is what a commit of one row brings to most indexes, lies in place: it costs no
//! allocation.

mod block;

use std::cmp::Ordering;
use std::iter::FusedIterator;
use std::ops::Range;

use smallvec::{Array, SmallVec};

use crate::leaf::RowId;

/// One entry of an index: an encoded key (see [`key`](crate::key)) and a row. Entries are ordered by key,
/// and those of one key by row id.
pub type Entry<'k> = (&'k [u8], RowId);

/// Where keys end in their heap. Each begins where the one before ends.
#[derive(Debug)]
enum Ends {
    /// All keys have this length.
    Even(usize),
    Each(Vec<usize>),
}

/// Index entries, packed.
#[derive(Debug)]
pub struct IndexKeys {
    /// The eight bytes of each key after its first `common`, padded with zeros: heads that differ order as their keys
    /// do.
    heads: SmallVec<[u64; 2]>,
    /// How many bytes all keys begin with; there may be more. Zero if there is no key.
    common: usize,
    /// The first eight bytes of some key, as a number: what all begin with, which a search compares first, is mostly in
    /// here, and the heap need not be fetched for it.
    beginning: u64,
    row_ids: SmallVec<[RowId; 2]>,
    ends: Ends,
    heap: SmallVec<[u8; 24]>,
}

/// By memcpy; what is derived would go entry by entry. The room that there is stays: a leaf is cloned to be changed.
impl Clone for IndexKeys {
    fn clone(&self) -> Self {
        Self {
            heads: with_room(&self.heads),
            common: self.common,
            beginning: self.beginning,
            row_ids: with_room(&self.row_ids),
            ends: self.ends.clone(),
            heap: with_room(&self.heap),
        }
    }
}

impl Clone for Ends {
    fn clone(&self) -> Self {
        match self {
            Self::Even(length) => Self::Even(*length),
            Self::Each(ends) => {
                let mut copy = Vec::with_capacity(ends.capacity());
                copy.extend_from_slice(ends);
                Self::Each(copy)
            }
        }
    }
}

fn with_room<A: Array<Item: Copy>>(items: &SmallVec<A>) -> SmallVec<A> {
    let mut copy = SmallVec::with_capacity(items.capacity());
    copy.extend_from_slice(items);
    copy
}

/// No entries.
impl Default for IndexKeys {
    fn default() -> Self {
        Self::with_capacity(0, 0)
    }
}

impl IndexKeys {
    /// No entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.row_ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.row_ids.is_empty()
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, key: &[u8], row_id: RowId) {
        self.admit(key);
        self.insert_end(self.len(), key.len());
        self.heap.extend_from_slice(key);
        self.heads.push(head(key, self.common));
        self.row_ids.push(row_id);
    }

    /// The entry at a position below [`len`](Self::len).
    #[must_use]
    pub fn entry(&self, at: usize) -> Entry<'_> {
        (&self.heap[self.span(at)], self.row_ids[at])
    }

    /// The rows of the entries at these positions.
    pub(super) fn row_ids(&self, rows: Range<usize>) -> &[RowId] {
        &self.row_ids[rows]
    }

    /// The row of the entry at `at`, if the entry has this key.
    pub(super) fn row_of(&self, at: usize, key: &[u8]) -> Option<RowId> {
        let row_id = self.row_ids[at];
        self.is_at(at, (key, row_id)).then_some(row_id)
    }

    /// Whether any of the entries, which are in order, has this key. Of one entry, as commits of one row bring, that is
    /// one comparison.
    #[inline]
    pub(crate) fn has_key(&self, key: &[u8]) -> bool {
        if self.len() == 1 {
            return self.heap.len() == key.len() && self.heap.as_slice() == key;
        }
        let (Ok(at) | Err(at)) = self.find((key, RowId::MIN));
        at < self.len() && self.row_of(at, key).is_some()
    }

    /// Whether the entry at `at` is this one.
    fn is_at(&self, at: usize, entry: Entry<'_>) -> bool {
        let head = self.head_of(entry.0);
        head.is_ok_and(|head| self.heads[at] == head) && self.compare_alike(at, entry).is_eq()
    }

    /// The entries, in the order in which they lie.
    pub fn iter(&self) -> EntriesOf<'_> {
        EntriesOf { keys: self, rows: 0..self.len() }
    }

    /// The same entries in order, ready for [`IndexChange`](super::IndexChange) and
    /// [`Index::bulk`](super::Index::bulk). O(n) if they are in order already.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.sort();
        self
    }

    /// Puts the entries in order. O(n) if they are already.
    pub fn sort(&mut self) {
        if self.len() < 2 || self.iter().is_sorted() {
            return;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_unstable_by(|&left, &right| {
            let heads = self.heads[left].cmp(&self.heads[right]);
            heads.then_with(|| self.entry(left).cmp(&self.entry(right)))
        });
        let mut sorted = Self::with_capacity(self.len(), self.heap.len());
        sorted.extend(order.into_iter().map(|at| self.entry(at)));
        *self = sorted;
    }

    fn with_capacity(entries: usize, bytes: usize) -> Self {
        Self {
            heads: SmallVec::with_capacity(entries),
            common: 0,
            beginning: 0,
            row_ids: SmallVec::with_capacity(entries),
            ends: Ends::Even(0),
            heap: SmallVec::with_capacity(bytes),
        }
    }

    /// Where the key at `at` lies in the heap.
    fn span(&self, at: usize) -> Range<usize> {
        match &self.ends {
            Ends::Even(length) => at * length..(at + 1) * length,
            Ends::Each(ends) => self.start(at)..ends[at],
        }
    }

    /// Where the key at `at` begins, or where the last one ends.
    fn start(&self, at: usize) -> usize {
        match &self.ends {
            Ends::Even(length) => at * length,
            Ends::Each(ends) => at.checked_sub(1).map_or(0, |before| ends[before]),
        }
    }

    /// Notes that a key of this length is to come at `at`.
    fn insert_end(&mut self, at: usize, length: usize) {
        match self.ends {
            Ends::Even(_) if self.is_empty() => self.ends = Ends::Even(length),
            Ends::Even(even) if even == length => {}
            _ => {
                let end = self.start(at) + length;
                let ends = self.each_end();
                ends[at..].iter_mut().for_each(|end| *end += length);
                ends.insert(at, end);
            }
        }
    }

    /// The end of each key, written down.
    fn each_end(&mut self) -> &mut Vec<usize> {
        if let Ends::Even(length) = self.ends {
            self.ends = Ends::Each((1..=self.len()).map(|keys| keys * length).collect());
        }
        match &mut self.ends {
            Ends::Each(ends) => ends,
            Ends::Even(_) => unreachable!("the ends have just been written down"),
        }
    }

    /// Whether a key begins as all of them do.
    #[inline]
    fn begins_alike(&self, key: &[u8]) -> bool {
        if self.common <= size_of::<u64>() {
            let differing = head(key, 0) ^ self.beginning;
            return differing.leading_zeros() as usize >= 8 * self.common && key.len() >= self.common;
        }
        key.get(..self.common) == Some(&self.heap[..self.common])
    }

    /// The head that a key has here; or, of a key that does not begin as all of them do, how it compares with each.
    #[inline]
    fn head_of(&self, key: &[u8]) -> Result<u64, Ordering> {
        if self.begins_alike(key) {
            Ok(head(key, self.common))
        } else {
            Err(key.cmp(&self.heap[..self.common]))
        }
    }

    /// Makes heads such that this key may come: it need not begin as all the others do.
    fn admit(&mut self, key: &[u8]) {
        if self.is_empty() {
            (self.common, self.beginning) = (key.len(), head(key, 0));
        } else if !self.begins_alike(key) {
            self.set_common(common_bytes(&self.heap[..self.common], key));
        }
    }

    /// Makes heads of what follows the first `common` bytes of each key, with which all begin.
    fn set_common(&mut self, common: usize) {
        self.common = common;
        self.beginning = head(&self.heap, 0);
        self.heads = (0..self.len()).map(|at| head(&self.heap[self.span(at)], common)).collect();
    }

    /// Makes heads of what follows all the bytes with which the keys begin, which are in order. `before` is what the
    /// heads were made of; nothing if not all were made alike.
    fn set_all_common(&mut self, before: Option<usize>) {
        let ends = self.len().checked_sub(1).map(|last| (self.entry(0).0, self.entry(last).0));
        let common = ends.map_or(0, |(first, last)| common_bytes(first, last));
        if before != Some(common) {
            self.set_common(common);
        }
    }

    /// Compares the entry at `at` with one whose head is the same.
    fn compare_alike(&self, at: usize, entry: Entry<'_>) -> Ordering {
        match self.ends {
            Ends::Even(length) if length == entry.0.len() && length <= self.common + size_of::<u64>() => {
                self.row_ids[at].cmp(&entry.1)
            }
            _ => self.entry(at).cmp(&entry),
        }
    }

    /// Where an entry is among the entries, which are in order, or where it would be.
    fn find(&self, entry: Entry<'_>) -> Result<usize, usize> {
        let head = match self.head_of(entry.0) {
            Ok(head) => head,
            Err(Ordering::Greater) => return Err(self.len()),
            Err(_) => return Err(0),
        };
        let mut start = lesser_heads(&self.heads, head);
        // Mostly one entry or none; of an index of few keys, all of the leaf's.
        let alike = match self.heads[start..] {
            [first, second, ..] if first == head && second == head => {
                self.heads[start..].partition_point(|other| *other == head)
            }
            [first, ..] => usize::from(first == head),
            [] => 0,
        };
        let mut end = start + alike;
        while start < end {
            let middle = start.midpoint(end);
            match self.compare_alike(middle, entry) {
                Ordering::Less => start = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => end = middle,
            }
        }
        Err(start)
    }

    fn insert_entry(&mut self, at: usize, (key, row_id): Entry<'_>) {
        self.admit(key);
        let start = self.start(at);
        self.insert_end(at, key.len());
        self.heap.insert_from_slice(start, key);
        self.heads.insert(at, head(key, self.common));
        self.row_ids.insert(at, row_id);
    }

    fn remove_entry(&mut self, at: usize) {
        let span = self.span(at);
        if let Ends::Each(ends) = &mut self.ends {
            ends.remove(at);
            ends[at..].iter_mut().for_each(|end| *end -= span.len());
        }
        self.heads.remove(at);
        self.row_ids.remove(at);
        remove_bytes(&mut self.heap, span);
        if self.is_empty() {
            self.common = 0;
        }
    }

    fn split_entries(&mut self, at: usize) -> Self {
        let start = self.start(at);
        let ends = match &mut self.ends {
            Ends::Even(length) => Ends::Even(*length),
            Ends::Each(ends) => Ends::Each(ends.drain(at..).map(|end| end - start).collect()),
        };
        let mut right = Self {
            heads: SmallVec::from_slice(&self.heads[at..]),
            common: self.common,
            beginning: self.beginning,
            row_ids: SmallVec::from_slice(&self.row_ids[at..]),
            ends,
            heap: SmallVec::from_slice(&self.heap[start..]),
        };
        self.heads.truncate(at);
        self.row_ids.truncate(at);
        self.heap.truncate(start);
        self.set_all_common(Some(self.common));
        right.set_all_common(Some(right.common));
        right
    }
}

/// Closes the gap that a key leaves: one memmove.
fn remove_bytes(heap: &mut SmallVec<[u8; 24]>, span: Range<usize>) {
    let rest = heap.len() - span.len();
    heap.copy_within(span.end.., span.start);
    heap.truncate(rest);
}

/// How many heads, which are in order, are less than `head`.
///
/// One in each cache line is compared first, then those of one line: the misses that a binary search would wait for one
/// after the other come together, and no branch is mispredicted.
fn lesser_heads(heads: &[u64], head: u64) -> usize {
    const LINE: usize = 8;
    let is_lesser = |other: &&u64| **other < head;
    let lines = heads.iter().step_by(LINE).filter(is_lesser).count();
    let start = lines.saturating_sub(1) * LINE;
    start + heads[start..].iter().take(LINE).filter(is_lesser).count()
}

/// With how many bytes both begin.
fn common_bytes(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}

/// The first eight bytes of a key after those that it has in common with others, padded with zeros.
#[inline]
fn head(key: &[u8], common: usize) -> u64 {
    let rest = &key[common..];
    match (rest.first_chunk(), key.last_chunk()) {
        (Some(bytes), _) => u64::from_be_bytes(*bytes),
        (None, Some(bytes)) => u64::from_be_bytes(*bytes).unbounded_shl(8 * (8 - rest.len() as u32)),
        (None, None) => rest.iter().rev().fold(0, |head, byte| head >> 8 | u64::from(*byte) << 56),
    }
}

impl<'k> Extend<Entry<'k>> for IndexKeys {
    fn extend<I: IntoIterator<Item = Entry<'k>>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, row_id)| self.push(key, row_id));
    }
}

impl<'k> FromIterator<Entry<'k>> for IndexKeys {
    fn from_iter<I: IntoIterator<Item = Entry<'k>>>(entries: I) -> Self {
        let mut keys = Self::new();
        keys.extend(entries);
        keys
    }
}

impl<'k> IntoIterator for &'k IndexKeys {
    type Item = Entry<'k>;
    type IntoIter = EntriesOf<'k>;

    fn into_iter(self) -> EntriesOf<'k> {
        self.iter()
    }
}

/// Entries that lie one after another.
#[derive(Clone, Debug)]
pub struct EntriesOf<'k> {
    keys: &'k IndexKeys,
    rows: Range<usize>,
}

impl<'k> EntriesOf<'k> {
    pub(super) fn new(keys: &'k IndexKeys, rows: Range<usize>) -> Self {
        Self { keys, rows }
    }
}

impl<'k> Iterator for EntriesOf<'k> {
    type Item = Entry<'k>;

    fn next(&mut self) -> Option<Entry<'k>> {
        self.rows.next().map(|at| self.keys.entry(at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl DoubleEndedIterator for EntriesOf<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.rows.next_back().map(|at| self.keys.entry(at))
    }
}

impl ExactSizeIterator for EntriesOf<'_> {}
impl FusedIterator for EntriesOf<'_> {}
