//! The operands of a call, which know how deep they lie.

use std::{
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

use super::{Node, depth::DEPTH_MAX};

/// The operands of a [`Node::Call`].
///
/// They are shared, and none is nested too deep: an operand under which nothing more may stand is replaced by the
/// mistake that it is, which the verb tells. To add some takes time for those alone if nobody shares them.
#[derive(Clone)]
pub struct Operands {
    nodes: Nodes,
    /// Of the call.
    depth: usize,
}

#[derive(Clone)]
enum Nodes {
    /// As most are made and stay.
    Fixed(Arc<[Node]>),
    /// Those of a conjunction or disjunction that grew.
    Growing(Arc<Vec<Node>>),
}

impl Operands {
    /// The levels of the call.
    pub(super) const fn depth(&self) -> usize {
        self.depth
    }

    fn fixed(nodes: Arc<[Node]>) -> Operands {
        match nodes.iter().map(Node::depth).max() {
            Some(below) if below >= DEPTH_MAX => nodes.iter().cloned().map(Node::operand).collect(),
            below => Operands { nodes: Nodes::Fixed(nodes), depth: below.unwrap_or(0) + 1 },
        }
    }

    /// Adds some after those that there are.
    pub(super) fn extend(&mut self, more: impl IntoIterator<Item = Node>) {
        if let Nodes::Fixed(nodes) = &self.nodes {
            self.nodes = Nodes::Growing(Arc::new(nodes.to_vec()));
        }
        let Nodes::Growing(nodes) = &mut self.nodes else { return };
        let depth = &mut self.depth;
        Arc::make_mut(nodes).extend(more.into_iter().map(Node::operand).inspect(|node| {
            *depth = (*depth).max(node.depth() + 1);
        }));
    }
}

impl Deref for Operands {
    type Target = [Node];
    fn deref(&self) -> &[Node] {
        match &self.nodes {
            Nodes::Fixed(nodes) => nodes,
            Nodes::Growing(nodes) => nodes,
        }
    }
}

impl<const N: usize> From<[Node; N]> for Operands {
    fn from(nodes: [Node; N]) -> Self {
        Operands::fixed(Arc::new(nodes))
    }
}

impl From<Vec<Node>> for Operands {
    fn from(nodes: Vec<Node>) -> Self {
        Operands::fixed(nodes.into())
    }
}

impl FromIterator<Node> for Operands {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        Operands::fixed(nodes.into_iter().collect())
    }
}

impl PartialEq for Operands {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Hash for Operands {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Operands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
