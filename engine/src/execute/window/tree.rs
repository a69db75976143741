//! A tree of the states of runs of rows, from which that of any run is put together.

use std::ops::Range;

use super::fold::Fold;

/// How many nodes are under a node: few enough that the ends of a run, which are taken in one by one, cost little, and
/// many enough that the tree is small beside the rows.
const FANOUT: usize = if cfg!(test) { 3 } else { 16 };

/// The states of runs of rows: on the lowest level of [`FANOUT`] rows, on every other of as many nodes of the level
/// below.
pub(super) struct Tree<S> {
    levels: Vec<Vec<S>>,
}

impl<S: Clone> Tree<S> {
    /// Of `len` rows. O(rows).
    pub(super) fn new<F: Fold<State = S>>(fold: &F, len: usize) -> Tree<S> {
        let mut levels: Vec<Vec<S>> = Vec::new();
        let mut below = len;
        while below > FANOUT {
            let nodes = (0..below).step_by(FANOUT).map(|start| {
                let mut state = fold.empty();
                for child in start..below.min(start + FANOUT) {
                    match levels.last() {
                        Some(children) => fold.merge(&mut state, &children[child]),
                        None => fold.take(&mut state, child),
                    }
                }
                state
            });
            let nodes: Vec<S> = nodes.collect();
            below = nodes.len();
            levels.push(nodes);
        }
        Tree { levels }
    }

    /// Adds the rows of a run to a state, in order. O(log rows).
    pub(super) fn add<F: Fold<State = S>>(&self, fold: &F, run: Range<usize>, state: &mut S) {
        self.add_at(fold, 0, run, state);
    }

    /// The same for a run of nodes: of rows at height 0, of the lowest level at height 1, and so on.
    fn add_at<F: Fold<State = S>>(&self, fold: &F, height: usize, run: Range<usize>, state: &mut S) {
        let add_each = |run: Range<usize>, state: &mut S| match height.checked_sub(1) {
            None => run.for_each(|row| fold.take(state, row)),
            Some(level) => run.for_each(|node| fold.merge(state, &self.levels[level][node])),
        };
        // The parents that lie wholly within the run.
        let parents = run.start.div_ceil(FANOUT)..run.end / FANOUT;
        if parents.is_empty() || height == self.levels.len() {
            return add_each(run, state);
        }
        add_each(run.start..parents.start * FANOUT, state);
        self.add_at(fold, height + 1, parents.clone(), state);
        add_each(parents.end * FANOUT..run.end, state);
    }
}
