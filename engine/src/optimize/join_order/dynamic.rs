//! Join ordering by dynamic programming.
//!
//! Selinger's idea: the cheapest tree of a set of inputs is made of the cheapest trees of its parts. Which pairs of
//! parts there are is enumerated without looking at any that is not connected, each once: Moerkotte and Neumann,
//! "Analysis of Two Existing and One New Dynamic Programming Algorithm for the Generation of Optimal Bushy Join Trees
//! without Cross Products", VLDB 2006 (DPccp).

use hashbrown::HashMap;

use super::graph::JoinGraph;
use super::set::InputSet;
use super::{JoinTree, Ordered};

/// Pairs after which the search is given up: a clique of 12 inputs has 260,000, which would take longer to look at than
/// most queries take to run.
const PAIRS_MAX: usize = 20_000;

/// The cheapest tree of a connected set of inputs without cross products; none if there are too many to look at.
pub(super) fn order(graph: &JoinGraph, inputs: InputSet) -> Option<Ordered> {
    let mut search = Search { graph, inputs, best: HashMap::new(), pairs: 0 };
    for input in inputs.iter() {
        let cost = graph.input_cost(input);
        search
            .best
            .insert(InputSet::of(input), Best { cost, rows: graph.rows(InputSet::of(input)), split: None });
    }
    // From the last input to the first, so that the parts of a pair have been met before the pair is.
    for input in inputs.iter().rev() {
        search.subgraph(InputSet::of(input))?;
        search.grow(InputSet::of(input), InputSet::before(input + 1))?;
    }
    let best = search.best.get(&inputs)?;
    Some(Ordered { tree: search.tree(inputs), inputs, rows: best.rows, cost: best.cost })
}

struct Search<'g> {
    graph: &'g JoinGraph,
    inputs: InputSet,
    best: HashMap<InputSet, Best>,
    pairs: usize,
}

/// The cheapest tree of a set so far.
struct Best {
    cost: f64,
    rows: f64,
    /// The two parts it is a join of; none of an input.
    split: Option<[InputSet; 2]>,
}

impl Search<'_> {
    fn neighbours(&self, set: InputSet, excluded: InputSet) -> InputSet {
        self.graph.neighbours(set).intersection(self.inputs).without(excluded).without(set)
    }

    /// Meets every connected set that contains `set` and nothing of `excluded` besides.
    fn grow(&mut self, set: InputSet, excluded: InputSet) -> Option<()> {
        let neighbours = self.neighbours(set, excluded);
        for more in neighbours.subsets() {
            self.subgraph(set.union(more))?;
        }
        for more in neighbours.subsets() {
            self.grow(set.union(more), excluded.union(neighbours))?;
        }
        Some(())
    }

    /// Meets every connected set that a connected set can be joined with and whose first input comes after its own.
    fn subgraph(&mut self, set: InputSet) -> Option<()> {
        let first = set.iter().next()?;
        let excluded = InputSet::before(first + 1).union(set);
        let neighbours = self.neighbours(set, excluded);
        for input in neighbours.iter().rev() {
            let partner = InputSet::of(input);
            self.pair(set, partner)?;
            let before = InputSet::before(input + 1).intersection(neighbours);
            self.grow_partner(set, partner, excluded.union(before))?;
        }
        Some(())
    }

    fn grow_partner(&mut self, set: InputSet, partner: InputSet, excluded: InputSet) -> Option<()> {
        let neighbours = self.neighbours(partner, excluded);
        for more in neighbours.subsets() {
            self.pair(set, partner.union(more))?;
        }
        for more in neighbours.subsets() {
            self.grow_partner(set, partner.union(more), excluded.union(neighbours))?;
        }
        Some(())
    }

    /// Prices the join of two sets.
    fn pair(&mut self, left: InputSet, right: InputSet) -> Option<()> {
        self.pairs += 1;
        if self.pairs > PAIRS_MAX {
            return None;
        }
        let (Some(a), Some(b)) = (self.best.get(&left), self.best.get(&right)) else { return Some(()) };
        let joined = left.union(right);
        let rows = self.best.get(&joined).map_or_else(|| self.graph.rows(joined), |best| best.rows);
        let cost = self.graph.join_cost((left, a.rows, a.cost), (right, b.rows, b.cost), rows);
        let best = self.best.entry(joined).or_insert(Best { cost: f64::INFINITY, rows, split: None });
        if cost < best.cost {
            *best = Best { cost, rows, split: Some([left, right]) };
        }
        Some(())
    }

    fn tree(&self, set: InputSet) -> JoinTree {
        match (self.best.get(&set).and_then(|best| best.split), set.single()) {
            (Some([left, right]), _) => JoinTree::join(self.tree(left), self.tree(right)),
            (None, Some(input)) => JoinTree::Input(input),
            (None, None) => {
                unreachable!("a set that was met is an input or a join of two sets that were met")
            }
        }
    }
}
