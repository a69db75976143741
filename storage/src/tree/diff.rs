//! What two trees do not share.
//!
//! A tree that came of another by changes shares with it every node that no change went through, so the items in which
//! they differ lie in the nodes that are not the same in both. [`Tree::diff`] walks both from left to right, passes
//! over nodes that are the same by comparing pointers, and merges the leaves in between: O(nodes not shared), whatever
//! the trees hold.

use std::ptr;

use super::{Block, Node, Tree};

/// An item where it lies.
pub(crate) type Place<'t, B> = (&'t B, usize);

/// One tree while it is walked.
struct Walk<'t, B: Block> {
    /// Subtrees still to come, the next one last.
    pending: Vec<&'t Node<B>>,
    /// The block that was begun, and the next item in it.
    current: Option<Place<'t, B>>,
}

impl<B: Block> Tree<B> {
    /// Calls `each` with every item that lies in a block which the trees do not share, in the order of the keys: with
    /// the item of this tree, of `new`, or of both where they have one key. Two items of one key may be equal.
    pub(crate) fn diff<'t>(
        &'t self,
        new: &'t Self,
        each: &mut dyn FnMut(Option<Place<'t, B>>, Option<Place<'t, B>>),
    ) {
        let (mut old, mut new) = (Walk::new(self), Walk::new(new));
        loop {
            pass_over_shared(&mut old, &mut new);
            match (old.item(), new.item()) {
                (None, None) => return,
                (Some(left), Some(right)) if ptr::eq(left.0, right.0) && left.1 == right.1 => {
                    (old.current, new.current) = (None, None);
                }
                (Some(left), Some(right)) => {
                    let order = left.0.key(left.1).cmp(&right.0.key(right.1));
                    each(order.is_le().then_some(left), order.is_ge().then_some(right));
                    if order.is_le() {
                        old.advance();
                    }
                    if order.is_ge() {
                        new.advance();
                    }
                }
                (left, right) => {
                    each(left, right);
                    if left.is_some() { old.advance() } else { new.advance() }
                }
            }
        }
    }
}

/// Passes over subtrees that come next in both, as long as no block is begun.
fn pass_over_shared<'t, B: Block>(old: &mut Walk<'t, B>, new: &mut Walk<'t, B>) {
    while old.current.is_none()
        && new.current.is_none()
        && let (Some(left), Some(right)) = (old.pending.last(), new.pending.last())
    {
        if left.is(right) {
            old.pending.pop();
            new.pending.pop();
            continue;
        }
        let (left, right) = (left.height(), right.height());
        if left >= right {
            old.open();
        }
        if right >= left {
            new.open();
        }
    }
}

impl<'t, B: Block> Walk<'t, B> {
    fn new(tree: &'t Tree<B>) -> Self {
        Self { pending: tree.root.iter().collect(), current: None }
    }

    /// Replaces the next subtree by its children, or begins its block.
    fn open(&mut self) {
        match self.pending.pop() {
            Some(Node::Leaf(block)) => self.current = Some((block, 0)),
            Some(Node::Inner(inner)) => self.pending.extend(inner.children.iter().rev()),
            None => {}
        }
    }

    /// The next item.
    fn item(&mut self) -> Option<Place<'t, B>> {
        while self.current.is_none() && !self.pending.is_empty() {
            self.open();
        }
        self.current
    }

    fn advance(&mut self) {
        self.current = self.current.and_then(|(block, at)| (at + 1 < block.len()).then_some((block, at + 1)));
    }
}

impl<B: Block> Node<B> {
    /// Whether both are one node.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(left), Self::Leaf(right)) => ptr::eq(&**left, &**right),
            (Self::Inner(left), Self::Inner(right)) => ptr::eq(&**left, &**right),
            _ => false,
        }
    }

    /// How many levels lie below it.
    fn height(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Inner(inner) => 1 + inner.children[0].height(),
        }
    }
}
