//! What holds of every tree, asserted.

use super::{Block, FANOUT, KeyOf, Keys, Node, Tree};

impl<B: Block> Tree<B> {
    /// Asserts every invariant of the tree and its blocks.
    pub(crate) fn check(&self) {
        let mut depths = Vec::new();
        let count = self.root.as_ref().map_or(0, |root| root.check(None, None, 0, &mut depths));
        assert_eq!(count, self.len, "the tree counts its items");
        assert!(depths.windows(2).all(|pair| pair[0] == pair[1]), "all leaves are at one depth: {depths:?}");
        if let Some(Node::Inner(root)) = &self.root {
            assert!(root.children.len() > 1, "the root has a child only");
        }
    }

    /// How many inner nodes lie above a leaf.
    pub(crate) fn depth(&self) -> usize {
        let mut depth = 0;
        let mut node = self.root.as_ref();
        while let Some(Node::Inner(inner)) = node {
            depth += 1;
            node = inner.children.first();
        }
        depth
    }

    /// How many leaves there are.
    pub(crate) fn leaves(&self) -> usize {
        self.blocks(0..self.len()).count()
    }
}

impl<B: Block> Node<B> {
    /// Checks that the keys are at least `lower` and less than `upper`; returns how many there are.
    fn check<'t>(
        &'t self,
        lower: Option<KeyOf<'t, B>>,
        upper: Option<KeyOf<'t, B>>,
        depth: usize,
        depths: &mut Vec<usize>,
    ) -> u64 {
        match self {
            Self::Leaf(block) => {
                depths.push(depth);
                block.check();
                assert!(block.len() > 0, "an empty leaf");
                assert!(block.len() <= B::LEN_MAX, "{} items in a leaf", block.len());
                assert!(
                    lower.is_none_or(|lower| lower <= block.key(0)),
                    "the first key is below its separator"
                );
                assert!(upper.is_none_or(|upper| block.key(block.len() - 1) < upper), "the last is above it");
                assert!((1..block.len()).all(|at| block.key(at - 1) < block.key(at)), "keys ascend");
                assert!((0..block.len()).all(|at| block.search(block.key(at)) == Ok(at)), "keys are found");
                block.len() as u64
            }
            Self::Inner(inner) => {
                let len = inner.children.len();
                assert!((1..=FANOUT).contains(&len), "{len} children");
                assert_eq!((inner.counts.len(), inner.keys.len()), (len, len - 1), "counts and separators");
                for (at, child) in inner.children.iter().enumerate() {
                    let lower = at.checked_sub(1).map(|at| inner.keys.get(at)).or(lower);
                    let upper = if at + 1 < len { Some(inner.keys.get(at)) } else { upper };
                    let count = child.check(lower, upper, depth + 1, depths);
                    assert_eq!(count, inner.counts[at], "the count of child {at}");
                    if let Some(right) = inner.children.get(at + 1) {
                        assert!(!child.fits(right), "neighbours that fit in three quarters are merged");
                    }
                }
                inner.counts.iter().sum()
            }
        }
    }
}
