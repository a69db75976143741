//! Join ordering by greed: of all pairs of trees that are connected, always the one that leaves the fewest rows is
//! joined (Fegaras, "A New Heuristic for Optimizing Large Queries", DEXA 1998: GOO). Unlike the search for the best
//! next input, it also finds trees that are bushy.

use super::graph::JoinGraph;
use super::set::InputSet;
use super::{JoinTree, Ordered};

/// A pair of trees that may be joined, by their places.
struct Pair {
    trees: [usize; 2],
    rows: f64,
    cost: f64,
}

/// A good tree of a connected set of inputs.
pub(super) fn order(graph: &JoinGraph, inputs: InputSet) -> Ordered {
    let input = |input| {
        Some(Ordered {
            tree: JoinTree::Input(input),
            inputs: InputSet::of(input),
            rows: graph.rows(InputSet::of(input)),
            cost: graph.input_cost(input),
        })
    };
    let mut trees: Vec<Option<Ordered>> = inputs.iter().map(input).collect();
    let mut pairs = Vec::new();
    for place in 0..trees.len() {
        add_pairs(graph, &trees, place, 0..place, &mut pairs);
    }
    let mut left = trees.len();
    while left > 1 {
        let best =
            pairs.iter().min_by(|a: &&Pair, b| a.rows.total_cmp(&b.rows).then(a.cost.total_cmp(&b.cost)));
        let &Pair { trees: [a, b], rows, cost } = best.expect("the inputs are connected");
        let (Some(x), Some(y)) = (trees[a].take(), trees[b].take()) else {
            unreachable!("the pairs of a tree that was joined are taken out")
        };
        pairs.retain(|pair| pair.trees.iter().all(|tree| *tree != a && *tree != b));
        let inputs = x.inputs.union(y.inputs);
        trees.push(Some(Ordered { tree: JoinTree::join(x.tree, y.tree), inputs, rows, cost }));
        let place = trees.len() - 1;
        add_pairs(graph, &trees, place, 0..place, &mut pairs);
        left -= 1;
    }
    trees.pop().flatten().expect("the tree that was joined last is all")
}

/// Adds the pairs of a tree with those before it that it is connected to.
fn add_pairs(
    graph: &JoinGraph,
    trees: &[Option<Ordered>],
    place: usize,
    others: std::ops::Range<usize>,
    pairs: &mut Vec<Pair>,
) {
    let Some(tree) = &trees[place] else { return };
    let neighbours = graph.neighbours(tree.inputs);
    for other in others {
        let Some(partner) = trees[other].as_ref().filter(|other| other.inputs.meets(neighbours)) else {
            continue;
        };
        let rows = graph.rows(tree.inputs.union(partner.inputs));
        let side = |side: &Ordered| (side.inputs, side.rows, side.cost);
        let cost = graph.join_cost(side(partner), side(tree), rows);
        pairs.push(Pair { trees: [other, place], rows, cost });
    }
}
