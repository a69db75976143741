//! The order in which inner joins are made.
//!
//! ```text
//! inputs, conjuncts ──> JoinGraph ──dynamic (12 inputs at most)──> JoinTree
//!                                 └─greedy  (beyond)────────────┘
//! ```
//!
//! [`graph`] knows how many rows any set of inputs joins to, whatever the order; [`dynamic`] finds the cheapest tree
//! without cross products, [`greedy`] a good one in O(n²) looks. What is not connected is put together last, the
//! smallest first.

pub(super) mod dynamic;
pub(super) mod graph;
pub(super) mod greedy;
pub(super) mod set;

use graph::JoinGraph;
use set::InputSet;

/// Inputs up to which every order is looked at.
const DYNAMIC_INPUTS_MAX: usize = 12;

/// Which inputs are joined, and in which order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum JoinTree {
    /// An input, by its number.
    Input(usize),
    /// A join of two trees.
    Join(Box<JoinTree>, Box<JoinTree>),
}

impl JoinTree {
    fn join(left: JoinTree, right: JoinTree) -> JoinTree {
        JoinTree::Join(Box::new(left), Box::new(right))
    }
}

/// A tree over some inputs, what it yields and what it costs.
#[derive(Clone, Debug)]
struct Ordered {
    tree: JoinTree,
    inputs: InputSet,
    rows: f64,
    cost: f64,
}

/// The tree by which the inputs of a graph are joined. There is an input.
pub(super) fn order(graph: &JoinGraph) -> JoinTree {
    let parts = graph.components().into_iter().map(|inputs| order_connected(graph, inputs));
    let mut parts: Vec<Ordered> = parts.collect();
    parts.sort_by(|a, b| a.rows.total_cmp(&b.rows));
    let trees = parts.into_iter().map(|part| part.tree);
    trees.reduce(JoinTree::join).expect("a join has inputs")
}

fn order_connected(graph: &JoinGraph, inputs: InputSet) -> Ordered {
    match inputs.len() <= DYNAMIC_INPUTS_MAX {
        true => dynamic::order(graph, inputs).unwrap_or_else(|| greedy::order(graph, inputs)),
        false => greedy::order(graph, inputs),
    }
}

/// The trees that begin with one input each and always join the connected input next that leaves the fewest rows: what
/// [`order`] is raced against.
pub(super) fn left_deep_orders(graph: &JoinGraph) -> Vec<JoinTree> {
    let from = |first: usize| {
        let (mut tree, mut joined) = (JoinTree::Input(first), InputSet::of(first));
        let all = graph.all();
        while joined != all {
            let rest = all.without(joined);
            let connected = graph.neighbours(joined).intersection(rest);
            let choice = if connected.is_empty() { rest } else { connected };
            let rows = |input: &usize| graph.rows(joined.union(InputSet::of(*input)));
            let next = choice.iter().min_by(|a, b| rows(a).total_cmp(&rows(b)));
            let next = next.expect("some input is not joined");
            tree = JoinTree::join(tree, JoinTree::Input(next));
            joined = joined.union(InputSet::of(next));
        }
        tree
    };
    graph.all().iter().map(from).collect()
}

#[cfg(test)]
mod tests;
