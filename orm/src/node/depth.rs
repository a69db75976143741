//! How deep a tree is.
//!
//! Trees are descended into by recursion: to be compared, hashed, shown, compiled and dropped. A recursion that is too
//! deep ends the process, and a program builds trees of what it was asked: by a path in words, or a loop over terms. So
//! no tree is ever deeper than a statement may be. A call knows its depth ([`Operands`](super::Operands)); what is made
//! of few parts asks them ([`Node::bounded`]). In the place of what would be too deep stands the mistake that it is.

use nuages_engine::Error as EngineError;
pub(crate) use nuages_engine::optimize::DEPTH_MAX;

use super::{CaseNode, Node};
use crate::error::Error;
use crate::queryset::QueryState;
use crate::queryset::state::{Distinct, Ordering, Shape};

/// The levels that a subquery counts for, with those that the engine counts for it.
const SUBQUERY_LEVELS: usize = 9;

/// The error for what is nested too deep: the engine's own, which would refuse it.
pub(crate) fn too_deep() -> Error {
    EngineError::TooDeep { max: DEPTH_MAX }.into()
}

fn deepest<'n>(nodes: impl IntoIterator<Item = &'n Node>) -> usize {
    nodes.into_iter().map(Node::depth).max().unwrap_or(0)
}

impl Node {
    /// How many levels it has. That of a call is known; other expressions ask their few parts.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Node::Path(_) | Node::Value(_) | Node::Parameter(..) | Node::Annotation(_) | Node::Misuse(_) => 1,
            Node::Call(_, operands) => operands.depth(),
            Node::Aggregate(aggregate) => 1 + deepest(aggregate.parts().chain(&aggregate.default)),
            Node::Window(window) => 1 + deepest(window.parts()),
            Node::Case(case) => 1 + case.depth_below(),
            Node::Outer { node, .. } | Node::Named(_, node) => node.depth(),
            Node::Subquery(query) | Node::Exists(query) => SUBQUERY_LEVELS + query.depth(),
            Node::Filtered(filtered) => 1 + deepest([&filtered.condition, &filtered.node]),
        }
    }

    /// The expression, or the mistake that it is nested too deep.
    pub(crate) fn bounded(self) -> Node {
        if self.depth() > DEPTH_MAX { Node::misuse(too_deep()) } else { self }
    }

    /// As an operand: as it is, or the mistake that nothing more may stand above it.
    pub(super) fn operand(self) -> Node {
        if self.depth() >= DEPTH_MAX { Node::misuse(too_deep()) } else { self }
    }
}

impl CaseNode {
    fn depth_below(&self) -> usize {
        let branches = self.branches.iter().flat_map(|(when, then)| [when, then]);
        deepest(branches.chain(&self.otherwise))
    }
}

impl QueryState {
    /// How many levels its expressions and the querysets in it have.
    pub(crate) fn depth(&self) -> usize {
        let clauses = self.clauses();
        let conditions = deepest(self.conditions.iter().map(|condition| &condition.node));
        let annotations = deepest(clauses.annotations.iter().map(|annotation| &annotation.node));
        let columns = match &clauses.shape {
            Shape::Instances => 0,
            Shape::Values { columns, .. } => deepest(columns),
        };
        let order = match &clauses.ordering {
            Ordering::Default => 0,
            Ordering::By(keys) => deepest(keys.iter().map(|key| &key.node)),
        };
        let distinct = match &clauses.distinct {
            Distinct::No | Distinct::Rows => 0,
            Distinct::On(nodes) => deepest(nodes),
        };
        let grouping = deepest(clauses.grouping.iter().flatten());
        let combined = clauses.combined.iter().map(|combination| &combination.other);
        let prefetched = clauses.prefetch.iter().filter_map(|prefetch| prefetch.queryset.as_ref());
        let inner = clauses.first.iter().chain(combined).chain(prefetched);
        let inner = inner.map(|query| 1 + query.depth()).max().unwrap_or(0);
        [conditions, annotations, columns, order, distinct, grouping, inner].into_iter().max().unwrap_or(0)
    }
}
