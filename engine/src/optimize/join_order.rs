//! The order in which inner joins are made: greedily, the smallest input first, then always the connected one that
//! leaves the fewest rows.
//!
//! Which inputs a conjunct mentions is looked up once. After that a step looks at the conjuncts of each input that is
//! left, so that all steps together take O(n^2) for n inputs. (Selinger's dynamic programming finds better orders where
//! estimates are good, but in exponential time.)

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::columns;
use super::rewrite::mentioned;
use crate::algebra::{Comparison, Expr, Relation, Source};

/// Some of the inputs, by their numbers.
type Inputs = SmallVec<[usize; 4]>;

/// What stands for a source of no input: it is never joined.
const ELSEWHERE: usize = usize::MAX;

/// The inputs of inner joins and what connects them.
pub(super) struct JoinGraph {
    /// Those that are not joined yet.
    relations: Vec<Option<Relation>>,
    rows: Vec<f64>,
    conjuncts: Vec<Option<Conjunct>>,
    /// The conjuncts that mention each input.
    mentioning: Vec<Vec<usize>>,
}

struct Conjunct {
    expr: Expr,
    inputs: Inputs,
    /// Of an equality, the inputs that each side mentions.
    sides: Option<[Inputs; 2]>,
}

impl JoinGraph {
    /// A graph of inputs, about how many rows each has, and conjuncts over them.
    pub(super) fn new(relations: Vec<Relation>, rows: Vec<f64>, parts: Vec<Expr>) -> JoinGraph {
        let mut input_of = HashMap::new();
        for (number, relation) in relations.iter().enumerate() {
            input_of.extend(columns::sources_of(relation).into_iter().map(|source| (source, number)));
        }
        let inputs_in = |expr: &Expr| {
            let input = |source: Source| input_of.get(&source).copied().unwrap_or(ELSEWHERE);
            let mut inputs: Inputs = mentioned(expr).into_iter().map(input).collect();
            inputs.sort_unstable();
            inputs.dedup();
            inputs
        };
        let mut mentioning = vec![Vec::new(); relations.len()];
        let conjunct = |(number, expr): (usize, Expr)| {
            let sides = match &expr {
                Expr::Compare(Comparison::Equal, a, b) => Some([inputs_in(a), inputs_in(b)]),
                _ => None,
            };
            let inputs = inputs_in(&expr);
            for input in inputs.iter().filter(|input| **input != ELSEWHERE) {
                mentioning[*input].push(number);
            }
            Some(Conjunct { expr, inputs, sides })
        };
        let conjuncts = parts.into_iter().enumerate().map(conjunct).collect();
        JoinGraph { relations: relations.into_iter().map(Some).collect(), rows, conjuncts, mentioning }
    }

    /// Takes the smallest input out, and the conjuncts that mention nothing else. There is an input.
    pub(super) fn take_smallest(&mut self) -> (Relation, Vec<Expr>) {
        let smallest = (0..self.rows.len()).min_by(|a, b| self.rows[*a].total_cmp(&self.rows[*b]));
        smallest.and_then(|smallest| self.take(smallest)).expect("a join has inputs")
    }

    /// Takes out the input that leaves the fewest rows when joined next, connected ones first; none when all are joined.
    /// `is_unique` is asked whether a row of a relation is known by columns that equal these expressions.
    pub(super) fn take_next(
        &mut self,
        is_unique: &dyn Fn(&Relation, &[&Expr]) -> bool,
    ) -> Option<(Relation, Vec<Expr>)> {
        let rank = |input: usize| {
            let relation = self.relations[input].as_ref()?;
            let keys = self.keys(input);
            // The rows joined so far are a factor of all, so it is left out.
            let rows = if is_unique(relation, &keys) { 1.0 } else { self.rows[input] };
            Some((input, keys.is_empty(), rows))
        };
        let left = (0..self.relations.len()).filter_map(rank);
        let next = left.min_by(|(_, a_apart, a), (_, b_apart, b)| a_apart.cmp(b_apart).then(a.total_cmp(b)));
        self.take(next?.0)
    }

    /// The sides of equalities that are of this input, the other side being of what is joined.
    fn keys(&self, input: usize) -> Vec<&Expr> {
        let joined =
            |inputs: &Inputs| !inputs.is_empty() && inputs.iter().all(|input| self.is_joined(*input));
        let own = |inputs: &Inputs| inputs[..] == [input];
        let conjuncts = self.mentioning[input].iter().filter_map(|number| self.conjuncts[*number].as_ref());
        conjuncts
            .filter_map(|conjunct| match (&conjunct.expr, &conjunct.sides) {
                (Expr::Compare(_, a, _), Some([left, right])) if own(left) && joined(right) => Some(&**a),
                (Expr::Compare(_, _, b), Some([left, right])) if own(right) && joined(left) => Some(&**b),
                _ => None,
            })
            .collect()
    }

    fn is_joined(&self, input: usize) -> bool {
        self.relations.get(input).is_some_and(Option::is_none)
    }

    /// Takes an input out to be joined, and the conjuncts that mention it and nothing that is not joined. None if it has
    /// been taken.
    fn take(&mut self, input: usize) -> Option<(Relation, Vec<Expr>)> {
        let relation = self.relations[input].take()?;
        let mut on = Vec::new();
        for number in &self.mentioning[input] {
            let conjunct = self.conjuncts[*number].as_ref();
            if conjunct.is_some_and(|conjunct| conjunct.inputs.iter().all(|input| self.is_joined(*input))) {
                on.extend(self.conjuncts[*number].take().map(|conjunct| conjunct.expr));
            }
        }
        Some((relation, on))
    }

    /// The conjuncts that have not been taken.
    pub(super) fn rest(&self) -> impl Iterator<Item = &Expr> {
        self.conjuncts.iter().flatten().map(|conjunct| &conjunct.expr)
    }
}
