//! Iteration over ranges of a tree, both ways, block by block.
//!
//! A range is a range of ranks. Since the tree is counted, a key bound becomes a rank in one descent, the
//! n-th item can begin a range as well as a key can, and the two ends meet when the ranks do: nothing is
//! compared while iterating.

use std::ops::{Bound, Range};

use smallvec::SmallVec;

use super::{Block, Inner, KeyOf, Node, Tree};

/// Some consecutive items of one block.
#[derive(Debug)]
pub(crate) struct Slice<'t, B> {
    /// The block.
    pub(crate) block: &'t B,
    /// The positions of the items in it; never empty.
    pub(crate) rows: Range<usize>,
}

/// The blocks of a range of a tree, each with the part of it that is in the range.
pub(crate) struct Blocks<'t, B: Block> {
    root: Option<&'t Node<B>>,
    /// The ranks that are still to be visited.
    ranks: Range<u64>,
    front: Path<'t, B>,
    back: Path<'t, B>,
}

impl<B: Block> Tree<B> {
    /// The ranks of the keys within two bounds.
    #[must_use]
    pub(crate) fn ranks(&self, lower: Bound<KeyOf<'_, B>>, upper: Bound<KeyOf<'_, B>>) -> Range<u64> {
        let start = match lower {
            Bound::Unbounded => 0,
            Bound::Included(key) => self.rank(key),
            Bound::Excluded(key) => self.rank_after(key),
        };
        let end = match upper {
            Bound::Unbounded => self.len,
            Bound::Included(key) => self.rank_after(key),
            Bound::Excluded(key) => self.rank(key),
        };
        start..end.max(start)
    }

    /// The blocks that hold the items of these ranks.
    #[must_use]
    pub(crate) fn blocks(&self, ranks: Range<u64>) -> Blocks<'_, B> {
        let end = ranks.end.min(self.len);
        let ranks = ranks.start.min(end)..end;
        Blocks { root: self.root.as_ref(), ranks, front: Path::default(), back: Path::default() }
    }
}

impl<'t, B: Block> Blocks<'t, B> {
    /// How many items are still to be visited.
    #[must_use]
    #[inline]
    pub(crate) fn items(&self) -> u64 {
        self.ranks.end - self.ranks.start
    }

    /// The block so many places after the one that came last from the front, if both have one parent; nothing is
    /// visited by it.
    #[inline]
    pub(crate) fn ahead(&self, distance: usize) -> Option<&'t B> {
        self.front.sibling(|at| at.checked_add(distance))
    }

    /// The same from the back.
    #[inline]
    pub(crate) fn ahead_back(&self, distance: usize) -> Option<&'t B> {
        self.back.sibling(|at| at.checked_sub(distance))
    }
}

impl<'t, B: Block> Iterator for Blocks<'t, B> {
    type Item = Slice<'t, B>;

    #[inline]
    fn next(&mut self) -> Option<Slice<'t, B>> {
        if self.ranks.is_empty() {
            return None;
        }
        let (block, start) = match self.front.next() {
            Some(block) => (block, 0),
            None => self.front.descend(self.root?, self.ranks.start),
        };
        let rows = start..block.len().min(start.saturating_add(index(self.items())));
        self.ranks.start += rows.len() as u64;
        Some(Slice { block, rows })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(!self.ranks.is_empty()), Some(index(self.items())))
    }
}

impl<B: Block> DoubleEndedIterator for Blocks<'_, B> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.ranks.is_empty() {
            return None;
        }
        let (block, last) = match self.back.previous() {
            Some(block) => (block, block.len() - 1),
            None => self.back.descend(self.root?, self.ranks.end - 1),
        };
        let rows = (last + 1).saturating_sub(index(self.items()))..last + 1;
        self.ranks.end -= rows.len() as u64;
        Some(Slice { block, rows })
    }
}

fn index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The inner nodes above a leaf, each with the child that leads there. Empty before the first descent, and
/// above a tree of one leaf.
struct Path<'t, B: Block>(SmallVec<[(&'t Inner<B>, usize); 6]>);

impl<B: Block> Default for Path<'_, B> {
    fn default() -> Self {
        Self(SmallVec::new())
    }
}

impl<'t, B: Block> Path<'t, B> {
    /// Goes down to the n-th item under `node`: its block, and its position there.
    fn descend(&mut self, mut node: &'t Node<B>, n: u64) -> (&'t B, usize) {
        let mut rest = n;
        loop {
            match node {
                Node::Leaf(block) => return (block, index(rest)),
                Node::Inner(inner) => {
                    let at = inner.child_of_nth(&mut rest);
                    self.0.push((inner, at));
                    node = &inner.children[at];
                }
            }
        }
    }

    /// The leaf at another place under the parent of the last one.
    #[inline]
    fn sibling(&self, place: impl FnOnce(usize) -> Option<usize>) -> Option<&'t B> {
        let (inner, at) = self.0.last()?;
        match inner.children.get(place(*at)?)? {
            Node::Leaf(block) => Some(block),
            Node::Inner(_) => None,
        }
    }

    /// The next leaf, or `None` after the last and before the first descent.
    #[inline]
    fn next(&mut self) -> Option<&'t B> {
        loop {
            let (inner, at) = self.0.last_mut()?;
            *at += 1;
            if let Some(child) = inner.children.get(*at) {
                return Some(self.descend(child, 0).0);
            }
            self.0.pop();
        }
    }

    /// The previous leaf, or `None` before the first and before the first descent.
    fn previous(&mut self) -> Option<&'t B> {
        loop {
            let (inner, at) = self.0.last_mut()?;
            if let Some(before) = at.checked_sub(1) {
                *at = before;
                let child = &inner.children[before];
                return Some(self.descend(child, child.count() - 1).0);
            }
            self.0.pop();
        }
    }
}
