//! A counted, persistent B+tree: the one tree of this crate.
//!
//! Tables, indexes and long values differ in what lies in a leaf, so the tree is generic over that, a
//! [`Block`] of up to 64 items, packed as the block sees fit. Inner nodes hold up to [`FANOUT`] children,
//! the separators between them, and how many items each child holds. So besides searching and ordered
//! iteration both ways, the rank of a key, the n-th item and the size of a range cost O(log n).
//!
//! Nodes are shared by [`Shared`]. Cloning a tree is cloning one pointer. A change goes down from the root
//! through `Shared::make_mut`: a node that only this tree refers to is changed in place, one that a clone also
//! refers to is copied first. There is no other difference between a tree that is shared and one that is not,
//! and no version in any node.
//!
//! Order of reading: this file (what a block is, reading), `keys` (separators of fixed-size keys), `edit`
//! (changes), `range` (iteration), `check` (the invariants).

#[cfg(test)]
mod check;
mod diff;
mod edit;
mod keys;
mod range;

use std::fmt;
use std::hint::black_box;
use std::ops::Range;

use smallvec::SmallVec;

use crate::shared::Shared;

pub(crate) use keys::PlainKeys;
pub(crate) use range::{Blocks, Slice};

/// The most children of an inner node.
///
/// A change under a held version copies a path, and copying a node touches the reference count of each
/// child, which is a cache miss each: a held update among a million rows costs 1.9 us with 16 children, 2.55
/// with 32, 2.85 with 64.
pub(crate) const FANOUT: usize = if cfg!(test) { 4 } else { 16 };

/// Neighbours that fit in this part of one node, as a fraction, are merged into it.
const MERGED: (usize, usize) = (3, 4);

/// Keys in order, packed: the separators of an inner node.
pub(crate) trait Keys: Clone + Default + 'static {
    /// One key, borrowed.
    type Key<'k>: Copy + Ord;

    /// How many keys there are.
    fn len(&self) -> usize;
    /// The key at a position below [`len`](Self::len).
    fn get(&self, at: usize) -> Self::Key<'_>;
    /// How many keys are less than or equal to `key`: the child that `key` belongs to.
    fn upper_bound(&self, key: Self::Key<'_>) -> usize;
    /// Inserts a key.
    fn insert(&mut self, at: usize, key: Self::Key<'_>);
    /// Inserts a key that is greater than `left` and not greater than `right`; a short one, if it can.
    fn insert_between(&mut self, at: usize, left: Self::Key<'_>, right: Self::Key<'_>);
    /// Takes a key out.
    fn remove(&mut self, at: usize);
    /// Takes the keys from `at` on out, and returns them.
    fn split_off(&mut self, at: usize) -> Self;
}

/// What lies in a leaf of a tree: items in the order of their keys.
pub(crate) trait Block: Clone + 'static {
    /// The separators that suit its keys.
    type Keys: Keys;
    /// One item, borrowed.
    type Item<'a>: Copy;
    /// The most items in a block. There may be reasons to hold fewer.
    const LEN_MAX: usize;

    /// The key of an item.
    fn key_of(item: Self::Item<'_>) -> <Self::Keys as Keys>::Key<'_>;
    /// A block of one item.
    fn of(item: Self::Item<'_>) -> Self;
    /// How many items there are.
    fn len(&self) -> usize;
    /// The key of the item at a position below [`len`](Self::len).
    fn key(&self, at: usize) -> <Self::Keys as Keys>::Key<'_>;
    /// The position of a key, or the position where it would be.
    fn search(&self, key: <Self::Keys as Keys>::Key<'_>) -> Result<usize, usize>;
    /// How many keys are less than this one.
    fn lower_bound(&self, key: <Self::Keys as Keys>::Key<'_>) -> usize {
        let (Ok(at) | Err(at)) = self.search(key);
        at
    }
    /// How much the items take, in a measure of the block's own: less after each removal.
    fn size(&self) -> usize;
    /// Whether one more item may be inserted.
    fn has_room(&self) -> bool;
    /// Whether it must be divided after one of its items has grown.
    fn is_overfull(&self) -> bool;
    /// Whether both together take at most `part` (a fraction) of a block.
    fn fits(&self, right: &Self, part: (usize, usize)) -> bool;
    /// Inserts an item. There is room.
    fn insert(&mut self, at: usize, item: Self::Item<'_>);
    /// Takes an item out.
    fn remove(&mut self, at: usize);
    /// Adds the items of another, whose keys are all greater.
    fn append(&mut self, right: &Self);
    /// Takes the items from `at` on out, and returns them.
    fn split_off(&mut self, at: usize) -> Self;
    /// The bytes that it keeps, but for what others share.
    fn bytes_alone(&self) -> usize;
    /// Asserts what holds of every block.
    #[cfg(test)]
    fn check(&self) {}
}

/// The key of a block, borrowed.
pub(crate) type KeyOf<'k, B> = <<B as Block>::Keys as Keys>::Key<'k>;

/// A counted, persistent B+tree of blocks.
#[derive(Clone)]
pub(crate) struct Tree<B: Block> {
    /// `None` if the tree is empty.
    root: Option<Node<B>>,
    len: u64,
}

enum Node<B: Block> {
    Leaf(Shared<B>),
    Inner(Shared<Inner<B>>),
}

/// All children are at the same depth. All keys in `children[i]` are less than `keys[i]`, those in
/// `children[i + 1]` are not; so there is one key less than there are children.
///
/// As in leaves, what scans read lies apart from the references counted in front of it.
#[repr(C)]
struct Inner<B: Block> {
    /// One more than [`FANOUT`]: a node is divided after the child that is too many has come.
    counts: SmallVec<[u64; FANOUT + 1]>,
    children: SmallVec<[Node<B>; FANOUT + 1]>,
    keys: B::Keys,
}

impl<B: Block> Clone for Node<B> {
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(block) => Self::Leaf(Shared::clone(block)),
            Self::Inner(inner) => Self::Inner(Shared::clone(inner)),
        }
    }
}

impl<B: Block> Node<B> {
    /// The block, if it is a leaf.
    fn leaf(&self) -> Option<&B> {
        match self {
            Self::Leaf(block) => Some(block),
            Self::Inner(_) => None,
        }
    }

    /// How many refer to it.
    fn references(&self) -> usize {
        match self {
            Self::Leaf(block) => Shared::strong_count(block),
            Self::Inner(inner) => Shared::strong_count(inner),
        }
    }

    /// The bytes of the node and what is below, as far as nothing else refers to it.
    fn bytes_alone(&self) -> usize {
        match self {
            _ if self.references() > 1 => 0,
            Self::Leaf(block) => block.bytes_alone(),
            Self::Inner(inner) => {
                size_of::<Inner<B>>() + inner.children.iter().map(Self::bytes_alone).sum::<usize>()
            }
        }
    }
}

impl<B: Block> Clone for Inner<B> {
    fn clone(&self) -> Self {
        // To count a reference is a miss for each child, and the processor takes one count after the other. Reading
        // them first has the misses come together.
        black_box(self.children.iter().map(Node::references).fold(0, |all, count| all ^ count));
        let counts = SmallVec::from_slice(&self.counts); // one copy, where a clone goes one by one
        Self { keys: self.keys.clone(), counts, children: self.children.clone() }
    }
}

impl<B: Block> fmt::Debug for Tree<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<B: Block> Default for Tree<B> {
    fn default() -> Self {
        Self { root: None, len: 0 }
    }
}

impl<B: Block> Tree<B> {
    /// An empty tree.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// How many items there are. O(1).
    #[must_use]
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no items.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes that the nodes keep to which nothing refers but this tree. O(such nodes).
    pub(crate) fn bytes_alone(&self) -> usize {
        self.root.as_ref().map_or(0, Node::bytes_alone)
    }

    /// The block that holds a key, and the key's position in it.
    #[must_use]
    pub(crate) fn get(&self, key: KeyOf<'_, B>) -> Option<(&B, usize)> {
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Leaf(block) => return Some((block, block.search(key).ok()?)),
                Node::Inner(inner) => node = &inner.children[inner.keys.upper_bound(key)],
            }
        }
    }

    /// The first item whose key is `key` or greater, as its block and position.
    #[must_use]
    pub(crate) fn at_or_after(&self, key: KeyOf<'_, B>) -> Option<(&B, usize)> {
        let mut node = self.root.as_ref()?;
        // The subtree that follows the path: separators may let a path end behind its leaf's last item.
        let mut following = None;
        loop {
            match node {
                Node::Leaf(block) => {
                    let at = block.lower_bound(key);
                    return if at < block.len() {
                        Some((block, at))
                    } else {
                        Some((first_block(following?), 0))
                    };
                }
                Node::Inner(inner) => {
                    let at = inner.keys.upper_bound(key);
                    node = &inner.children[at];
                    following = inner.children.get(at + 1).or(following);
                }
            }
        }
    }

    /// The n-th item, counted from zero, as its block and position.
    #[must_use]
    pub(crate) fn nth(&self, n: u64) -> Option<(&B, usize)> {
        if n >= self.len {
            return None;
        }
        let mut rest = n;
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Leaf(block) => return Some((block, usize::try_from(rest).ok()?)),
                Node::Inner(inner) => node = &inner.children[inner.child_of_nth(&mut rest)],
            }
        }
    }

    /// How many keys are less than `key`.
    #[must_use]
    pub(crate) fn rank(&self, key: KeyOf<'_, B>) -> u64 {
        let (Ok(rank) | Err(rank)) = self.place(key);
        rank
    }

    /// How many keys are less than or equal to `key`.
    #[must_use]
    pub(crate) fn rank_after(&self, key: KeyOf<'_, B>) -> u64 {
        match self.place(key) {
            Ok(rank) => rank + 1,
            Err(rank) => rank,
        }
    }

    /// The ranks of the keys from one on that are less than another. Mostly both belong into one block, and then it takes
    /// one descent.
    #[must_use]
    pub(crate) fn ranks_between(&self, lower: KeyOf<'_, B>, upper: KeyOf<'_, B>) -> Range<u64> {
        let Some((block, before)) = self.block_of(lower) else { return 0..0 };
        let start = before + block.lower_bound(lower) as u64;
        let at = block.lower_bound(upper);
        let is_here = at < block.len() || before + at as u64 == self.len;
        let end = if is_here { before + at as u64 } else { self.rank(upper) };
        start..end.max(start)
    }

    /// The rank of a key that is in the tree, or the rank it would have.
    fn place(&self, key: KeyOf<'_, B>) -> Result<u64, u64> {
        let (block, before) = self.block_of(key).ok_or(0_u64)?;
        block.search(key).map(|at| before + at as u64).map_err(|at| before + at as u64)
    }

    /// The block that a key belongs into, and how many items are before it.
    #[inline]
    fn block_of(&self, key: KeyOf<'_, B>) -> Option<(&B, u64)> {
        let mut before = 0;
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Leaf(block) => return Some((block, before)),
                Node::Inner(inner) => {
                    let at = inner.keys.upper_bound(key);
                    before += inner.counts[..at].iter().sum::<u64>();
                    node = &inner.children[at];
                }
            }
        }
    }

    /// How many nodes lie on the way from the root to an item, both included.
    #[must_use]
    pub(crate) fn height(&self) -> u64 {
        let mut node = self.root.as_ref();
        let mut height = 0;
        while let Some(below) = node {
            height += 1;
            node = match below {
                Node::Leaf(_) => None,
                Node::Inner(inner) => inner.children.first(),
            };
        }
        height
    }

    /// How many nodes hold items of these ranks, or lead to them: what is visited by who reads them one after the
    /// other. It looks at inner nodes only.
    #[must_use]
    pub(crate) fn nodes(&self, ranks: Range<u64>) -> u64 {
        let end = ranks.end.min(self.len);
        match &self.root {
            Some(root) if ranks.start < end => nodes_within(root, ranks.start, end),
            _ => 0,
        }
    }

    /// The greatest key.
    #[must_use]
    pub(crate) fn last_key(&self) -> Option<KeyOf<'_, B>> {
        let block = last_block(self.root.as_ref()?);
        Some(block.key(block.len() - 1))
    }
}

impl<B: Block> Inner<B> {
    /// The child that holds the n-th item; `n` becomes its rank in that child.
    fn child_of_nth(&self, n: &mut u64) -> usize {
        let mut at = 0;
        while *n >= self.counts[at] {
            *n -= self.counts[at];
            at += 1;
        }
        at
    }
}

/// The nodes from this one down that hold the items from `start` to `end`, counted from its first.
fn nodes_within<B: Block>(node: &Node<B>, start: u64, end: u64) -> u64 {
    let Node::Inner(inner) = node else { return 1 };
    let (mut nodes, mut first) = (1, 0);
    for (child, count) in inner.children.iter().zip(&inner.counts) {
        let next = first + count;
        if start < next && first < end {
            nodes += nodes_within(child, start.saturating_sub(first), end.min(next) - first);
        }
        first = next;
    }
    nodes
}

fn first_block<B: Block>(mut node: &Node<B>) -> &B {
    loop {
        match node {
            Node::Leaf(block) => return block,
            Node::Inner(inner) => node = &inner.children[0],
        }
    }
}

fn last_block<B: Block>(mut node: &Node<B>) -> &B {
    loop {
        match node {
            Node::Leaf(block) => return block,
            Node::Inner(inner) => node = &inner.children[inner.children.len() - 1],
        }
    }
}
