//! Reuse: a subtree equal to an annotation of the queryset is that annotation.
//!
//! So `let n = User::posts.count()` needs no name: `annotate(&n)` computes it, and in `filter(n.gt(3))`,
//! `order_by(n.desc())` and `aggregate(n.max())` it is found again. The search goes from the leaves up, so that
//! annotations over annotations are found too. Bare columns and constants are left as they are.

use std::sync::Arc;

use super::QueryState;
use super::state::Annotation;
use crate::node::Node;

impl QueryState {
    /// How many annotations there are.
    pub fn annotation_count(&self) -> u16 {
        u16::try_from(self.clauses().annotations.len()).unwrap_or(u16::MAX)
    }

    /// The node with every subtree that is an annotation replaced by it.
    pub fn resolve(&self, node: &Node) -> Node {
        match &*self.clauses().annotations {
            [] => node.clone(),
            annotations => resolve(annotations, node),
        }
    }

    /// The same, without a copy when there is no annotation.
    pub(super) fn resolve_owned(&self, node: Node) -> Node {
        match &*self.clauses().annotations {
            [] => node,
            annotations => resolve(annotations, &node),
        }
    }
}

fn resolve(annotations: &[Annotation], node: &Node) -> Node {
    let inner = |node: &Node| resolve(annotations, node);
    let resolved = match node {
        Node::Named(name, node) => match inner(node) {
            annotation @ Node::Annotation(_) => return annotation,
            node => Node::Named(name.clone(), Arc::new(node)),
        },
        other => other.map(&inner),
    };
    if matches!(resolved, Node::Path(_) | Node::Value(_) | Node::Parameter(..) | Node::Annotation(_)) {
        return resolved;
    }
    match annotations.iter().position(|annotation| *annotation.node.unnamed() == resolved) {
        Some(index) => Node::Annotation(index),
        None => resolved,
    }
}
