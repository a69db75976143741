//! Iteration over ranges of a tree, both ways, block by block.
//!
//! A range is a range of ranks. Since the tree is counted, a key bound becomes a rank in one descent, the
//! n-th item can begin a range as well as a key can, and the two ends meet when the ranks do: nothing is
//! compared while iterating.

use std::ops::{Bound, Range};

use smallvec::SmallVec;

use super::{Block, Inner, KeyOf, Node, Tree};
use crate::cache::ask_for;

/// How many children of an inner node lie in a cache line.
const LINE_CHILDREN: usize = 4;

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

    /// The block so many places after the one that came last from the front, if both have one parent or their parents
    /// have; nothing is visited by it.
    #[inline]
    pub(crate) fn ahead(&self, distance: usize) -> Option<&'t B> {
        self.front.after(distance)
    }

    /// Asks for what leads to the blocks that [`ahead`](Blocks::ahead) is to name, where it is asked for each block.
    #[inline]
    pub(crate) fn ask_ahead(&self, distance: usize) {
        self.front.ask_for_next_parent(distance + 4);
    }

    /// The same as [`ahead`](Blocks::ahead) from the back, if both have one parent.
    #[inline]
    pub(crate) fn ahead_back(&self, distance: usize) -> Option<&'t B> {
        self.back.before(distance)
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

    /// The leaf so many places after the last one, under its parent or the next one.
    #[inline]
    fn after(&self, distance: usize) -> Option<&'t B> {
        let (inner, at) = self.0.last()?;
        match inner.children.get(at + distance) {
            Some(child) => child.leaf(),
            None => self.next_parent()?.children.get(at + distance - inner.children.len())?.leaf(),
        }
    }

    /// Asks for the next parent of leaves: for its beginning when so many leaves are left under this one, and for the
    /// rest two leaves later.
    #[inline]
    fn ask_for_next_parent(&self, left: usize) {
        let Some((inner, at)) = self.0.last() else { return };
        let now = inner.children.len() - at;
        if now != left && now + 2 != left {
            return;
        }
        let Some(next) = self.next_parent() else { return };
        match now == left {
            true => ask_for(&next.children),
            false => next.children.iter().step_by(LINE_CHILDREN).for_each(ask_for),
        }
    }

    /// The leaf so many places before the last one, if both have one parent.
    #[inline]
    fn before(&self, distance: usize) -> Option<&'t B> {
        let (inner, at) = self.0.last()?;
        inner.children.get(at.checked_sub(distance)?)?.leaf()
    }

    /// The inner node right of the last one, if both have one parent.
    fn next_parent(&self) -> Option<&'t Inner<B>> {
        let [.., (above, at), _] = self.0.as_slice() else { return None };
        match above.children.get(at + 1)? {
            Node::Inner(inner) => Some(inner),
            Node::Leaf(_) => None,
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::FANOUT;
    use super::*;
    use crate::layout::{Layout, Slot};
    use crate::leaf::{Leaf, LeafBuilder, RowId};
    use crate::value::Lane;

    #[test]
    fn the_blocks_ahead_are_those_that_come_under_the_next_parent_too() {
        let layout = Arc::new(Layout::new([Slot::new(Lane::RowId), Slot::new(Lane::Word)]));
        let mut tree = Tree::<Leaf>::new();
        for block in 0..40 {
            let mut rows = LeafBuilder::new(Arc::clone(&layout));
            for row in 4 * block..4 * block + 4 {
                rows.set_int(1, row);
                rows.finish_row(RowId::new(row));
            }
            tree.append(&rows.finish().leaf);
        }
        let all = || tree.blocks(0..tree.len());
        let firsts: Vec<i64> = all().map(|slice| slice.block.row_ids()[0]).collect();
        let (mut blocks, mut beyond) = (all(), 0);
        for at in 0..firsts.len() {
            assert!(blocks.next().is_some());
            blocks.ask_ahead(1);
            for distance in 1..=FANOUT {
                if let Some(ahead) = blocks.ahead(distance) {
                    assert_eq!(ahead.row_ids()[0], firsts[at + distance]);
                    beyond += usize::from(at % FANOUT + distance >= FANOUT);
                }
            }
        }
        assert!(beyond > firsts.len(), "under the next parent");
    }
}
