//! Changes to a tree.
//!
//! Each goes down one path, making its nodes its own (`Shared::make_mut`), changes one block, and on the way
//! back mends what has become too full or too empty. A node that has been divided returns its right part,
//! which its parent takes in; the root's parent is a new root.
//!
//! A full leaf is divided where the item comes: if that is an end of the leaf, as when keys ascend, the leaf stays full
//! and the item begins a new one; otherwise in the middle. What has shrunk, and both parts of what was divided, are
//! merged with their neighbours if they fit in three quarters of a node. So two neighbouring nodes under one parent are
//! never both nearly empty, whatever the order of insertions and removals, and a merged node has room for several
//! changes before it is divided again.

use std::mem;
use std::ops::RangeInclusive;

use smallvec::smallvec;

use crate::shared::Shared;

use super::{Block, FANOUT, Inner, KeyOf, Keys, MERGED, Node, Tree, first_block, last_block};

/// What became of a node that an item was to be inserted in.
enum Insertion<B: Block> {
    /// The key was there; nothing changed.
    Present,
    Done,
    /// Done, and the node was divided. This is what lies right of it.
    Divided(Node<B>),
}

impl<B: Block> Tree<B> {
    /// Inserts an item, unless its key is there already. Returns whether it was inserted.
    pub(crate) fn insert(&mut self, item: B::Item<'_>) -> bool {
        let Some(root) = &mut self.root else {
            self.root = Some(Node::Leaf(Shared::new(B::of(item))));
            self.len = 1;
            return true;
        };
        match root.insert(item) {
            Insertion::Present => return false,
            Insertion::Done => self.shrink(),
            Insertion::Divided(right) => self.grow(right),
        }
        self.len += 1;
        true
    }

    /// Changes the item of a key: `change` gets its block and its position there, and may neither change the
    /// key nor the number of items. Returns what it returned, or `None` if there is no such key.
    pub(crate) fn edit<R>(
        &mut self,
        key: KeyOf<'_, B>,
        change: impl FnOnce(&mut B, usize) -> R,
    ) -> Option<R> {
        let (result, right) = self.root.as_mut()?.edit(key, change)?;
        match right {
            Some(right) => self.grow(right),
            None => self.shrink(),
        }
        Some(result)
    }

    /// The same for a change that leaves an item about as large as it was, on whose way back there is nothing to mend.
    pub(crate) fn overwrite<R>(
        &mut self,
        key: KeyOf<'_, B>,
        change: impl FnOnce(&mut B, usize) -> R,
    ) -> Option<R> {
        let mut node = self.root.as_mut()?;
        let result = loop {
            match node {
                Node::Inner(inner) => {
                    let inner = Shared::make_mut(inner);
                    let at = inner.keys.upper_bound(key);
                    node = &mut inner.children[at];
                }
                Node::Leaf(leaf) => {
                    let at = leaf.search(key).ok()?;
                    let block = Shared::make_mut(leaf);
                    let result = change(block, at);
                    if !block.is_overfull() {
                        return Some(result);
                    }
                    break result;
                }
            }
        };
        self.edit(key, |_, _| ());
        Some(result)
    }

    /// Takes the item of a key out. Returns whether there was one.
    pub(crate) fn remove(&mut self, key: KeyOf<'_, B>) -> bool {
        let Some(root) = &mut self.root else { return false };
        if !root.remove(key) {
            return false;
        }
        self.len -= 1;
        match self.len {
            0 => self.root = None,
            _ => self.shrink(),
        }
        true
    }

    /// Adds a block whose keys are all greater than those of the tree. The tree shares it as it is, unless the last
    /// one has room for all of it: O(log n), whatever it holds.
    pub(crate) fn append(&mut self, block: &Shared<B>) {
        debug_assert!(self.last_key().is_none_or(|last| last < block.key(0)), "an appended block comes last");
        self.len += block.len() as u64;
        match &mut self.root {
            None => self.root = Some(Node::Leaf(Shared::clone(block))),
            Some(root) => {
                if !root.extend_last(block)
                    && let Some(right) = root.append(Shared::clone(block))
                {
                    self.grow(right);
                }
            }
        }
    }

    /// Puts a new root above the old one and what lies right of it.
    fn grow(&mut self, right: Node<B>) {
        if let Some(left) = self.root.take() {
            self.root = Some(Node::Inner(Shared::new(Inner::of(left, Some(right)))));
        }
    }

    /// Takes away roots that have one child.
    fn shrink(&mut self) {
        while let Some(Node::Inner(inner)) = &self.root
            && let [only] = inner.children.as_slice()
        {
            self.root = Some(only.clone());
        }
    }
}

impl<B: Block> Node<B> {
    fn insert(&mut self, item: B::Item<'_>) -> Insertion<B> {
        let leaf = match self {
            Self::Inner(inner) => return Shared::make_mut(inner).insert(item),
            Self::Leaf(leaf) => leaf,
        };
        let Err(at) = leaf.search(B::key_of(item)) else { return Insertion::Present };
        if leaf.has_room() {
            Shared::make_mut(leaf).insert(at, item);
            return Insertion::Done;
        }
        let len = leaf.len();
        if at == len {
            return Insertion::Divided(Self::Leaf(Shared::new(B::of(item))));
        }
        if at == 0 {
            return Insertion::Divided(Self::Leaf(mem::replace(leaf, Shared::new(B::of(item)))));
        }
        let left = Shared::make_mut(leaf);
        let middle = len / 2;
        let mut right = left.split_off(middle);
        if at <= middle {
            left.insert(at, item);
        } else {
            right.insert(at - middle, item);
        }
        Insertion::Divided(Self::Leaf(Shared::new(right)))
    }

    fn edit<R>(
        &mut self,
        key: KeyOf<'_, B>,
        change: impl FnOnce(&mut B, usize) -> R,
    ) -> Option<(R, Option<Self>)> {
        match self {
            Self::Inner(inner) => Shared::make_mut(inner).edit(key, change),
            Self::Leaf(leaf) => {
                let at = leaf.search(key).ok()?;
                let block = Shared::make_mut(leaf);
                let result = change(block, at);
                let len = block.len();
                let right = (len > 1 && block.is_overfull())
                    .then(|| Self::Leaf(Shared::new(block.split_off(len / 2))));
                Some((result, right))
            }
        }
    }

    fn remove(&mut self, key: KeyOf<'_, B>) -> bool {
        match self {
            Self::Inner(inner) => Shared::make_mut(inner).remove(key),
            Self::Leaf(leaf) => {
                let Ok(at) = leaf.search(key) else { return false };
                Shared::make_mut(leaf).remove(at);
                true
            }
        }
    }

    /// Adds the items of a block to the last leaf of this subtree, if it has room for all of them.
    fn extend_last(&mut self, block: &B) -> bool {
        match self {
            Self::Inner(inner) => Shared::make_mut(inner).extend_last(block),
            Self::Leaf(last) => {
                let fits = last.fits(block, (1, 1));
                if fits {
                    Shared::make_mut(last).append(block);
                }
                fits
            }
        }
    }

    /// Adds a block at the right end of this subtree, or returns a sibling that holds it.
    fn append(&mut self, block: Shared<B>) -> Option<Self> {
        match self {
            Self::Inner(inner) => Shared::make_mut(inner).append(block),
            Self::Leaf(_) => Some(Self::Leaf(block)),
        }
    }

    /// How many items there are.
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Leaf(leaf) => leaf.len() as u64,
            Self::Inner(inner) => inner.counts.iter().sum(),
        }
    }

    /// A measure of how full it is.
    fn size(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.size(),
            Self::Inner(inner) => inner.children.len(),
        }
    }

    /// Whether this node and its right neighbour are to be merged.
    pub(super) fn fits(&self, right: &Self) -> bool {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => left.fits(right, MERGED),
            (Self::Inner(left), Self::Inner(right)) => {
                (left.children.len() + right.children.len()) * MERGED.1 <= FANOUT * MERGED.0
            }
            _ => false,
        }
    }
}

impl<B: Block> Inner<B> {
    /// A node of one child, or of two.
    fn of(child: Node<B>, right: Option<Node<B>>) -> Self {
        let mut inner =
            Self { keys: B::Keys::default(), counts: smallvec![child.count()], children: smallvec![child] };
        if let Some(right) = right {
            inner.take_in(1, right);
        }
        inner
    }

    fn insert(&mut self, item: B::Item<'_>) -> Insertion<B> {
        let at = self.keys.upper_bound(B::key_of(item));
        let size = self.children[at].size();
        match self.children[at].insert(item) {
            Insertion::Present => Insertion::Present,
            Insertion::Done => {
                self.counts[at] += 1;
                self.mend_shrunk(at, size);
                Insertion::Done
            }
            Insertion::Divided(right) => {
                self.counts[at] += 1;
                self.take_in_part(at, right).map_or(Insertion::Done, Insertion::Divided)
            }
        }
    }

    fn edit<R>(
        &mut self,
        key: KeyOf<'_, B>,
        change: impl FnOnce(&mut B, usize) -> R,
    ) -> Option<(R, Option<Node<B>>)> {
        let at = self.keys.upper_bound(key);
        let size = self.children[at].size();
        let (result, right) = self.children[at].edit(key, change)?;
        if let Some(right) = right {
            return Some((result, self.take_in_part(at, right)));
        }
        self.mend_shrunk(at, size);
        Some((result, None))
    }

    fn remove(&mut self, key: KeyOf<'_, B>) -> bool {
        let at = self.keys.upper_bound(key);
        let size = self.children[at].size();
        if !self.children[at].remove(key) {
            return false;
        }
        self.counts[at] -= 1;
        if self.counts[at] == 0 && self.children.len() > 1 {
            self.children.remove(at);
            self.counts.remove(at);
            self.keys.remove(at.saturating_sub(1));
            self.mend(at..=at);
        } else {
            self.mend_shrunk(at, size);
        }
        true
    }

    fn extend_last(&mut self, block: &B) -> bool {
        let last = self.children.len() - 1;
        let fits = self.children[last].extend_last(block);
        if fits {
            self.counts[last] += block.len() as u64;
        }
        fits
    }

    fn append(&mut self, block: Shared<B>) -> Option<Node<B>> {
        let added = block.len() as u64;
        let last = self.children.len() - 1;
        match self.children[last].append(block) {
            None => {
                self.counts[last] += added;
                None
            }
            Some(right) if self.children.len() < FANOUT => {
                self.take_in(last + 1, right);
                None
            }
            Some(right) => Some(Node::Inner(Shared::new(Self::of(right, None)))),
        }
    }

    /// Takes in what the child at `at` was divided into beside itself. Returns the right part of this node if
    /// it has been divided in turn.
    fn take_in_part(&mut self, at: usize, right: Node<B>) -> Option<Node<B>> {
        self.counts[at] -= right.count();
        self.take_in(at + 1, right);
        self.mend(at..=at + 1);
        let len = self.children.len();
        if len <= FANOUT {
            return None;
        }
        // As in leaves: while keys ascend, nodes stay full.
        let middle = if at + 2 == len { FANOUT } else { len / 2 };
        let right = Self {
            keys: self.keys.split_off(middle),
            counts: self.counts.drain(middle..).collect(),
            children: self.children.drain(middle..).collect(),
        };
        self.keys.remove(middle - 1);
        Some(Node::Inner(Shared::new(right)))
    }

    /// Inserts a child, not the first.
    fn take_in(&mut self, at: usize, child: Node<B>) {
        let (left, right) = (last_block(&self.children[at - 1]), first_block(&child));
        self.keys.insert_between(at - 1, left.key(left.len() - 1), right.key(0));
        self.counts.insert(at, child.count());
        self.children.insert(at, child);
    }

    /// Merges the child at `at` with its neighbours, where they fit, if its size was greater before. Even an
    /// insertion can shrink a node: the two parts of a divided child may both be merged with their neighbours.
    fn mend_shrunk(&mut self, at: usize, size_before: usize) {
        if self.children[at].size() < size_before {
            self.mend(at..=at);
        }
    }

    /// Merges the children at these positions with their neighbours, where they fit.
    fn mend(&mut self, changed: RangeInclusive<usize>) {
        let (mut at, mut end) = (changed.start().saturating_sub(1), *changed.end());
        while at <= end && at + 1 < self.children.len() {
            if self.should_merge(at) {
                self.merge(at);
                end = end.saturating_sub(1);
            } else {
                at += 1;
            }
        }
    }

    /// Whether the child at `at` and the one right of it are to be merged. If they are leaves of many items,
    /// the counts answer, and the neighbour is not fetched from memory.
    fn should_merge(&self, at: usize) -> bool {
        let few = self.counts[at] + self.counts[at + 1] <= (B::LEN_MAX * MERGED.0 / MERGED.1) as u64;
        let children = (&self.children[at], &self.children[at + 1]);
        (few || matches!(children.0, Node::Inner(_))) && children.0.fits(children.1)
    }

    /// Merges the child at `at` and the one right of it.
    fn merge(&mut self, at: usize) {
        let right = self.children.remove(at + 1);
        self.counts[at] += self.counts.remove(at + 1);
        match (&mut self.children[at], right) {
            (Node::Leaf(left), Node::Leaf(right)) => Shared::make_mut(left).append(&right),
            (Node::Inner(left), Node::Inner(right)) => {
                let left = Shared::make_mut(left);
                let right = Shared::unwrap_or_clone(right);
                let seam = left.children.len();
                left.keys.insert(seam - 1, self.keys.get(at));
                for key in 0..right.keys.len() {
                    left.keys.insert(seam + key, right.keys.get(key));
                }
                left.counts.extend(right.counts);
                left.children.extend(right.children);
                left.mend(seam..=seam);
            }
            _ => unreachable!("the children of a node are at one depth"),
        }
        self.keys.remove(at);
    }
}
