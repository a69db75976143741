//! Joins: in which order, and by which method.
//!
//! Inner joins are flattened into their inputs and conjuncts, and put together as the tree of
//! [`join_order`](mod@super::join_order) says. Each join is made by the cheapest of its methods: a hash table of either
//! side, an index of one of them that finds the partners of each row of the other, or a merge of both where they come
//! in the order of their keys anyhow. Where they are equal in nothing, see [`range`].

pub(super) mod joined;
mod lookup;
mod merge;
mod range;

use nuages_storage::DataType;

use super::build::Run;
use super::cost;
use super::filtered_scan::filtered_scan;
use super::join_order::graph::JoinGraph;
use super::join_order::set::InputSet;
use super::join_order::{self, JoinTree};
use super::lateral::is_lateral;
use super::planner::{Planner, sources};
use super::rewrite::mentioned;
use crate::algebra::walk::{self, ColumnSet, SourceSet, conjunction, conjuncts};
use crate::algebra::{Comparison, Expr, JoinKind, Relation, SortKey};
use crate::error::Error;
use crate::evaluate::{Scalar, same_keys, unify};
use crate::plan::{Estimate, Node, Plan, PlanColumn};
use joined::{joined_columns, joined_rows};

/// Right rows from which on a semi- or anti-join may keep its left rows rather than these, and how many there must be for each
/// left row. Where there are fewer it makes little difference.
const MARKING_ROWS_MIN: f64 = 1_024.0;
const MARKING_ROWS_EACH: f64 = 4.0;

/// A side of a join: its plan, and the relation if that may be looked up instead.
struct Side {
    plan: Plan,
    relation: Option<Relation>,
}

/// What is read of a join, and how many rows it has, if that is known.
#[derive(Clone, Copy)]
struct Wanted<'n> {
    needed: &'n ColumnSet,
    estimate: Option<Estimate>,
}

impl<'n> Wanted<'n> {
    const fn columns(needed: &'n ColumnSet) -> Wanted<'n> {
        Wanted { needed, estimate: None }
    }
}

impl Planner<'_> {
    /// The plan of a join.
    pub(crate) fn build_join(&mut self, join: Relation, needed: &ColumnSet) -> Result<Plan, Error> {
        match join {
            Relation::Join { kind, left, right, on } if is_lateral(kind, &left, &right) => {
                self.build_lateral(kind, *left, *right, on, needed)
            }
            Relation::Join { kind: JoinKind::Inner, .. } if self.optimize => {
                self.build_inner_and_tests(join, needed)
            }
            Relation::Join { kind, left, right, on } => {
                let on = conjuncts(on);
                let mut below = needed.clone();
                on.iter().for_each(|part| walk::add_columns(part, &mut below));
                let left = self.build(*left, &below)?;
                self.attach(kind, left, &right, on, needed, false)
                    .map(|plan| plan.expect("hash joins always can"))
            }
            other => self.build(other, needed),
        }
    }

    /// The plan of inner joins.
    pub(super) fn build_inner(&mut self, join: Relation, needed: &ColumnSet) -> Result<Plan, Error> {
        let (mut relations, mut parts) = (Vec::new(), Vec::new());
        flatten(join, &mut relations, &mut parts);
        let (nested, parts): (Vec<_>, Vec<_>) = parts.into_iter().partition(walk::has_subquery);
        let mut below = needed.clone();
        parts.iter().chain(&nested).for_each(|part| walk::add_columns(part, &mut below));
        let mut inputs = Vec::with_capacity(relations.len());
        for relation in relations {
            let plan = self.build(relation.clone(), &below)?;
            inputs.push((relation, plan));
        }
        let mut graph = JoinGraph::new(self, &inputs, parts);
        let tree = self.choose_order(&graph);
        let mut sides: Vec<Option<Side>> = inputs
            .into_iter()
            .map(|(relation, plan)| Some(Side { plan, relation: Some(relation) }))
            .collect();
        let mut above = needed.clone();
        nested.iter().for_each(|part| walk::add_columns(part, &mut above));
        let (joined, _) = self.build_tree(&tree, &mut graph, &mut sides, &above)?;
        let parts: Vec<Expr> = graph.rest().cloned().chain(nested).collect();
        match conjunction(parts) {
            Some(predicate) => {
                let mut exprs = [predicate];
                let pending = self.extract(&mut exprs);
                let plan = self.apply(joined.plan, pending)?;
                let [predicate] = exprs;
                self.filtered(plan, Some(predicate))
            }
            None => Ok(joined.plan),
        }
    }

    /// The order of a graph's joins: the best, or where alternatives are looked at one of those that begin elsewhere.
    fn choose_order(&mut self, graph: &JoinGraph) -> JoinTree {
        let best = join_order::order(graph);
        if !self.is_steered() {
            return best;
        }
        let mut orders = vec![best];
        for tree in join_order::left_deep_orders(graph) {
            if !orders.contains(&tree) {
                orders.push(tree);
            }
        }
        let costs: Vec<f64> = (0..orders.len()).map(|number| number as f64).collect();
        let chosen = self.choose(&costs);
        orders.swap_remove(chosen)
    }

    fn build_tree(
        &mut self,
        tree: &JoinTree,
        graph: &mut JoinGraph,
        sides: &mut [Option<Side>],
        needed: &ColumnSet,
    ) -> Result<(Side, InputSet), Error> {
        match tree {
            JoinTree::Input(input) => {
                let side = sides[*input].take().expect("an input is joined once");
                Ok((side, InputSet::of(*input)))
            }
            JoinTree::Join(left, right) => {
                let (left, left_inputs) = self.build_tree(left, graph, sides, needed)?;
                let (right, right_inputs) = self.build_tree(right, graph, sides, needed)?;
                let on = graph.conditions(left_inputs, right_inputs);
                let joined = left_inputs.union(right_inputs);
                let mut above = needed.clone();
                graph.add_needed(joined, &mut above);
                let wanted = Wanted { needed: &above, estimate: Some(graph.estimate(joined)) };
                let plan = self.join_sides(left, right, on, wanted)?;
                Ok((Side { plan, relation: None }, joined))
            }
        }
    }

    /// An inner join of two sides by the cheapest method.
    fn join_sides(
        &mut self,
        left: Side,
        right: Side,
        on: Vec<Expr>,
        wanted: Wanted<'_>,
    ) -> Result<Plan, Error> {
        let plain = !on.iter().any(walk::has_subquery);
        let lookup = |of: &Plan, side: &Side| match (&side.relation, plain) {
            (Some(relation), true) => self.lookup(of, relation, &on),
            _ => Ok(None),
        };
        let (by_right, by_left) = (lookup(&left.plan, &right)?, lookup(&right.plan, &left)?);
        let is_hashed = on.iter().any(|part| self.is_key(part, &left.plan, &right.plan));
        if !is_hashed && by_right.is_none() && by_left.is_none() {
            return self.unkeyed_join(JoinKind::Inner, left, right, &on, wanted);
        }
        let (left_cost, right_cost) = (self.price(&left.plan), self.price(&right.plan));
        let (l, r) = (left.plan.estimate.rows, right.plan.estimate.rows);
        let mut costs = vec![left_cost + right_cost + cost::hash_join(l.max(r), l.min(r), 0.0)];
        if !is_hashed {
            costs[0] = left_cost + right_cost + l * r * cost::PAIR;
        }
        costs.extend(by_right.as_ref().map(|lookup| left_cost + lookup.cost));
        costs.extend(by_left.as_ref().map(|lookup| right_cost + lookup.cost));
        if is_hashed && self.is_steered() {
            costs.push(left_cost + right_cost + cost::hash_join(l.min(r), l.max(r), 0.0));
        }
        let ways = 1 + usize::from(by_right.is_some()) + usize::from(by_left.is_some());
        // The rows of the right side are copied, so it is the smaller one.
        let merged = match l < r {
            true => self.merged_by(JoinKind::Inner, &right.plan, &left.plan, &on),
            false => self.merged_by(JoinKind::Inner, &left.plan, &right.plan, &on),
        };
        let merging = costs.len();
        if !merged.is_empty() {
            costs.push(left_cost + right_cost + cost::merge_join(l.max(r), l.min(r), 0.0));
        }
        let chosen = self.choose(&costs);
        if chosen == merging {
            let (left, right) = if l < r { (right, left) } else { (left, right) };
            return self.keyed_join(JoinKind::Inner, left.plan, right.plan, &on, &merged, wanted);
        }
        if chosen == 0 || chosen == ways {
            let (left, right) = if (l < r) == (chosen == 0) { (right, left) } else { (left, right) };
            return self.keyed_join(JoinKind::Inner, left.plan, right.plan, &on, &[], wanted);
        }
        let ((left, right), lookup) = match (by_right, by_left) {
            (Some(lookup), _) if chosen == 1 => ((left, right), lookup),
            (_, Some(lookup)) => ((right, left), lookup),
            _ => unreachable!("there are no more ways than costs"),
        };
        let relation = right.relation.expect("what is looked up is a table");
        self.index_join(JoinKind::Inner, left.plan, &relation, on, lookup, wanted)
    }

    /// Whether a condition can be the key of a hash table.
    fn is_key(&self, part: &Expr, left: &Plan, right: &Plan) -> bool {
        hash_key(part, &sources(left), &sources(right)).is_some()
    }

    /// `left` joined with `right`; `needed` is what is read of the result. `in_order` asks for a method that yields the
    /// left rows in their order without reading the right side first; none if there is no such.
    fn attach(
        &mut self,
        kind: JoinKind,
        left: Plan,
        right: &Relation,
        on: Vec<Expr>,
        needed: &ColumnSet,
        in_order: bool,
    ) -> Result<Option<Plan>, Error> {
        let wanted = Wanted::columns(needed);
        let plain = !on.iter().any(walk::has_subquery) && kind != JoinKind::Full;
        let by_index = if self.optimize && plain { self.lookup(&left, right, &on)? } else { None };
        let right_size = match in_order {
            true => None,
            false => {
                let mut below = needed.clone();
                on.iter().for_each(|part| walk::add_columns(part, &mut below));
                Some(self.build(right.clone(), &below)?)
            }
        };
        let Some(whole) = right_size else {
            return match by_index {
                Some(lookup) => self.index_join(kind, left, right, on, lookup, wanted).map(Some),
                None => Ok(None),
            };
        };
        if by_index.is_none() && !on.iter().any(|part| self.is_key(part, &left, &whole)) {
            return self.attach_unkeyed(kind, left, (whole, right), &on, wanted).map(Some);
        }
        let (l, r) = (left.estimate.rows, whole.estimate.rows);
        let read = self.price(&whole);
        let mut costs = vec![read + cost::hash_join_of(kind, l, r, 0.0)];
        let tested = match filtered_scan(right) {
            Some((table, _, None)) if matches!(kind, JoinKind::Semi | JoinKind::Anti) => Some(table),
            _ => None,
        };
        let covers_all = by_index.as_ref().is_some_and(|lookup| lookup.covered.len() == on.len());
        costs.extend(by_index.as_ref().map(|lookup| match tested.filter(|_| covers_all) {
            Some(table) => cost::index_join(l, 0.0, self.table_rows(table)),
            None => lookup.cost,
        }));
        let merged = self.merged_by(kind, &left, &whole, &on);
        let merging = (!merged.is_empty()).then_some(costs.len());
        if merging.is_some() {
            costs.push(read + cost::merge_join(l, r, 0.0));
        }
        let marking = self.may_mark(kind, &left, &whole, &on).then_some(costs.len());
        if marking.is_some() {
            costs.push(read + cost::marking_join(l, r));
        }
        let chosen = if costs.len() > 1 { self.choose(&costs) } else { 0 };
        match by_index {
            Some(lookup) if chosen == 1 => self.index_join(kind, left, right, on, lookup, wanted).map(Some),
            _ if Some(chosen) == merging => {
                self.keyed_join(kind, left, whole, &on, &merged, wanted).map(Some)
            }
            _ => {
                let mut plan = self.keyed_join(kind, left, whole, &on, &[], wanted)?;
                if let Node::HashJoin { marks, .. } = &mut plan.node {
                    *marks = Some(chosen) == marking;
                }
                Ok(Some(plan))
            }
        }
    }

    /// Whether the right side is so much larger than the left side of a semi- or anti-join that it is worth a thought to keep
    /// the left rows and let the right ones mark them.
    fn may_mark(&self, kind: JoinKind, left: &Plan, right: &Plan, on: &[Expr]) -> bool {
        let (l, r) = (left.estimate.rows, right.estimate.rows);
        self.optimize
            && matches!(kind, JoinKind::Semi | JoinKind::Anti)
            && r >= MARKING_ROWS_MIN.max(l * MARKING_ROWS_EACH)
            && on.iter().any(|part| self.is_key(part, left, right))
    }

    /// A join of two plans by the equalities among `on`: a merge by those in `merged`, or without any a hash join, or
    /// where nothing is equal a nested loop.
    fn keyed_join(
        &mut self,
        kind: JoinKind,
        left: Plan,
        right: Plan,
        on: &[Expr],
        merged: &[usize],
        wanted: Wanted<'_>,
    ) -> Result<Plan, Error> {
        let (left_sources, right_sources) = (sources(&left), sources(&right));
        let (mut left_keys, mut right_keys, mut residual) = (Vec::new(), Vec::new(), Vec::new());
        let mut equalities = Vec::new();
        let others = (0..on.len()).filter(|number| !merged.contains(number));
        for number in merged.iter().copied().chain(others) {
            let part = &on[number];
            let is_key = merged.is_empty() || merged.contains(&number);
            let sides = match merged.is_empty() {
                true => hash_key(part, &left_sources, &right_sources),
                false => equality(part, &left_sources, &right_sources),
            };
            match sides {
                Some((l, r)) if self.optimize && is_key && !walk::has_subquery(part) => {
                    let (l, r) = self.same_type(l, &left, r, &right)?;
                    left_keys.push(l);
                    right_keys.push(r);
                    equalities.push(part.clone());
                }
                _ => residual.push(part.clone()),
            }
        }
        let estimate = wanted.estimate.unwrap_or_else(|| {
            self.estimated(left.estimate.basis.max(right.estimate.basis), || {
                let matches = right.estimate.rows * self.share_of_all(&equalities);
                joined_rows(kind, left.estimate.rows, matches * self.share_of_all(&residual))
            })
        });
        let mut wanted = wanted.needed.clone();
        residual.iter().for_each(|part| walk::add_columns(part, &mut wanted));
        let kept = |column: &PlanColumn| left_keys.is_empty() || wanted.contains(&column.column);
        let (right_columns, kept): (Vec<usize>, Vec<PlanColumn>) =
            right.columns.iter().copied().enumerate().filter(|(_, column)| kept(column)).unzip();
        let residual =
            conjunction(residual).map(|on| self.compile_condition(on, &left, &kept)).transpose()?;
        let columns = joined_columns(kind, &left, &kept);
        let (left, right) = (Box::new(left), Box::new(right));
        let on = equalities;
        let node = match (left_keys.is_empty(), merged.is_empty()) {
            (true, _) => Node::NestedLoop { kind, left, right, on: residual },
            (false, false) => {
                Node::MergeJoin { kind, left, right, left_keys, right_keys, right_columns, residual, on }
            }
            (false, true) => Node::HashJoin {
                kind,
                left,
                right,
                left_keys,
                right_keys,
                right_columns,
                residual,
                on,
                marks: false,
            },
        };
        Ok(Plan { node, columns, estimate })
    }

    /// Both sides of an equality, cast to one type so that equal values hash alike.
    fn same_type(&self, l: &Expr, left: &Plan, r: &Expr, right: &Plan) -> Result<(Scalar, Scalar), Error> {
        let (left_scalar, right_scalar) = (self.compile(l, left)?, self.compile(r, right)?);
        let (a, b) = (left_scalar.data_type(), right_scalar.data_type());
        if same_keys(a, b) {
            return Ok((left_scalar, right_scalar));
        }
        let common = unify(a, b).ok_or(Error::Type {
            expression: "the condition of a join".into(),
            expected: a.to_string(),
            got: b.to_string(),
        })?;
        let cast = |expr: &Expr, plan: &Plan, data_type: DataType| match same_keys(data_type, common) {
            true => self.compile(expr, plan),
            false => self.compile(&Expr::Cast(Box::new(expr.clone()), common), plan),
        };
        Ok((cast(l, left, a)?, cast(r, right, b)?))
    }

    /// A join whose left rows come in the order of `keys` and keep it, if there is one.
    #[expect(clippy::too_many_arguments, reason = "the parts of a join and what is asked of it")]
    pub(crate) fn build_join_in_order(
        &mut self,
        kind: JoinKind,
        left: &Relation,
        right: &Relation,
        on: &Expr,
        keys: &[SortKey],
        run: Option<Run>,
        needed: &ColumnSet,
    ) -> Result<Option<Plan>, Error> {
        if run.is_none() {
            return Ok(None); // every row is wanted, so the joins choose their methods freely and the result is sorted
        }
        let mut ordered = SourceSet::new();
        keys.iter().for_each(|key| ordered.extend(mentioned(&key.expr)));
        let inside = |relation: &Relation| ordered.is_subset(&walk::sources_of(relation));
        let (left, right) = match (inside(left), inside(right) && kind == JoinKind::Inner) {
            (true, _) => (left, right),
            (false, true) => (right, left),
            (false, false) => return Ok(None),
        };
        let on = conjuncts(on.clone());
        if on.iter().any(walk::has_subquery) {
            return Ok(None);
        }
        let mut below = needed.clone();
        on.iter().for_each(|part| walk::add_columns(part, &mut below));
        let joined = run.map(|run| Run { skipped: 0, ..run }); // of joined rows none can be skipped by its number
        let Some(left) = self.build_in_order(left, keys, joined, &below)? else { return Ok(None) };
        self.attach(kind, left, right, on, needed, true)
    }
}

/// Inner joins as a list of inputs and a list of conjuncts.
fn flatten(relation: Relation, inputs: &mut Vec<Relation>, parts: &mut Vec<Expr>) {
    match relation {
        Relation::Join { kind: JoinKind::Inner, left, right, on }
            if !is_lateral(JoinKind::Inner, &left, &right) =>
        {
            if inputs.len() + count_inputs(&left) + count_inputs(&right) <= InputSet::INPUTS_MAX {
                flatten(*left, inputs, parts);
                flatten(*right, inputs, parts);
            } else {
                inputs.extend([*left, *right]);
            }
            parts.extend(conjuncts(on));
        }
        other => inputs.push(other),
    }
}

/// How many inputs a relation is flattened into, at most.
fn count_inputs(relation: &Relation) -> usize {
    match relation {
        Relation::Join { kind: JoinKind::Inner, left, right, .. } => count_inputs(left) + count_inputs(right),
        _ => 1,
    }
}

/// The two sides of an equality between columns of the left and columns of the right, left first.
fn equality<'e>(part: &'e Expr, left: &SourceSet, right: &SourceSet) -> Option<(&'e Expr, &'e Expr)> {
    hash_key(part, left, right).filter(|_| matches!(part, Expr::Compare(Comparison::Equal, ..)))
}

/// The same, also where NULL is the same as NULL.
fn hash_key<'e>(part: &'e Expr, left: &SourceSet, right: &SourceSet) -> Option<(&'e Expr, &'e Expr)> {
    let Expr::Compare(Comparison::Equal | Comparison::Same, a, b) = part else { return None };
    let of = |expr: &Expr, sources: &SourceSet| {
        let mentioned = mentioned(expr);
        !mentioned.is_empty() && mentioned.is_subset(sources)
    };
    if of(a, left) && of(b, right) {
        Some((a, b))
    } else if of(b, left) && of(a, right) {
        Some((b, a))
    } else {
        None
    }
}
