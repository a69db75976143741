//! Changes of an index that wait until somebody looks at it.
//!
//! A transaction that is looked at sees its own writes in a version of its own. To put an entry into an index that
//! others hold, too, is to copy a path of the tree, and mostly a leaf that nobody looks at: who has inserted rows and
//! counts or adds them up wants the rows alone, and a transaction that is undone has wanted no entry at all. So there
//! the entries of small changes are kept in a list. Whoever looks at the index first puts them in, for all who share
//! it.

use std::sync::OnceLock;

use super::{IndexChange, IndexKeys, apply};
use crate::tree::Tree;

/// Entries of one change that may wait: to copy those of a large one costs as much as to put them in.
const ENTRIES_MAX: usize = if cfg!(test) { 3 } else { 64 };

/// How many changes may wait.
const CHANGES_MAX: usize = if cfg!(test) { 5 } else { 1024 };

/// Changes that a tree lacks, and the tree with all of them, once it was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Postponed {
    changes: Vec<IndexChange>,
    tree: OnceLock<Tree<IndexKeys>>,
}

impl Postponed {
    /// Whether a change is small enough to wait.
    pub(super) fn suits(change: &IndexChange) -> bool {
        change.removed.len() + change.added.len() <= ENTRIES_MAX
    }

    /// Adds a change, unless there are too many, or somebody has looked.
    pub(super) fn add(&mut self, change: &IndexChange) -> bool {
        let may_wait = self.changes.len() < CHANGES_MAX && self.tree.get().is_none();
        if may_wait {
            self.changes.push(change.clone());
        }
        may_wait
    }

    /// The tree with the changes.
    pub(super) fn tree(&self, before: &Tree<IndexKeys>) -> &Tree<IndexKeys> {
        self.tree.get_or_init(|| {
            let mut tree = before.clone();
            self.apply_to(&mut tree);
            tree
        })
    }

    /// Puts the changes into the tree that lacks them.
    pub(super) fn settle(&self, tree: &mut Tree<IndexKeys>) {
        match self.tree.get() {
            Some(with_changes) => tree.clone_from(with_changes),
            None => self.apply_to(tree),
        }
    }

    fn apply_to(&self, tree: &mut Tree<IndexKeys>) {
        self.changes.iter().for_each(|change| apply(tree, &change.removed, &change.added));
    }
}
