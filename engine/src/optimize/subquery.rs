//! Subqueries in expressions: each is taken out, planned, and becomes a column that the plan below has more.
//!
//! Those whose rows are the same for every row, once what depends on it has been lifted out, are read once and looked up
//! ([`mark`](super::mark)); the others are asked for each row, once for the same values of what they depend on.

use super::mark::{Marking, Pair, Test};
use super::planner::{NESTING_MAX, Planner, resolve_in};
use crate::algebra::walk::{self, ColumnSet};
use crate::algebra::{Column, Expr, OutputColumn, Query, Source};
use crate::error::Error;
use crate::evaluate::Scalar;
use crate::plan::{Mark, MarkTest, Node, Plan, PlanColumn, Subquery, SubqueryKind};
use nuages_storage::DataType;

impl Planner<'_> {
    /// Takes the subqueries out of `exprs`: each is replaced by a column that [`apply`](Self::apply) adds.
    pub(crate) fn extract(&mut self, exprs: &mut [Expr]) -> Vec<Pending> {
        let mut found = Vec::new();
        if self.has_subquery && exprs.iter().any(walk::has_subquery) {
            let source = self.fresh_source();
            exprs.iter_mut().for_each(|expr| extract(expr, source, &mut found));
        }
        found
    }

    /// A plan with one more column for each of the subqueries.
    pub(crate) fn apply(&mut self, input: Plan, pending: Vec<Pending>) -> Result<Plan, Error> {
        if pending.is_empty() {
            return Ok(input);
        }
        let mut columns = input.columns.clone();
        let subqueries = self.subqueries(&mut columns, input.estimate.rows, pending)?;
        let estimate = input.estimate;
        Ok(Plan { node: Node::Apply { input: Box::new(input), subqueries }, columns, estimate })
    }

    /// Plans subqueries over these columns of so many rows, and adds a column for each.
    pub(super) fn subqueries(
        &mut self,
        columns: &mut Vec<PlanColumn>,
        rows: f64,
        pending: Vec<Pending>,
    ) -> Result<Vec<Subquery>, Error> {
        let mut subqueries = Vec::with_capacity(pending.len());
        for Pending { column, query, kind } in pending {
            // What IN looks for may be a subquery itself, which stands among the columns already.
            let subquery = self.subquery(columns, rows, query, kind)?;
            columns.push(PlanColumn { column, data_type: subquery.data_type });
            subqueries.push(subquery);
        }
        Ok(subqueries)
    }

    /// The cheaper of the ways to answer a subquery for so many rows.
    fn subquery(
        &mut self,
        input: &[PlanColumn],
        rows: f64,
        query: Query,
        kind: PendingKind,
    ) -> Result<Subquery, Error> {
        let marking = if self.optimize { Marking::of(&query, &kind, self) } else { None };
        let Some(marking) = marking else { return self.asked(input, query, kind) };
        if marking.is_of_all_rows() || self.nesting >= NESTING_MAX {
            return self.marked(input, marking);
        }
        self.nesting += 1;
        let (marked, asked) = (self.marked(input, marking), self.asked(input, query, kind));
        self.nesting -= 1;
        let (marked, asked) = (marked?, asked?);
        Ok(match self.choose(&[self.price_of(&marked, rows), self.price_of(&asked, rows)]) {
            0 => marked,
            _ => asked,
        })
    }

    /// A subquery whose rows are read once, and mark the rows of the input.
    fn marked(&mut self, input: &[PlanColumn], marking: Marking) -> Result<Subquery, Error> {
        let (inner, outer): (Vec<Expr>, Vec<Expr>) =
            marking.pairs().map(|pair| (pair.inner.clone(), pair.outer.clone())).unzip();
        let on = marking.pairs().map(Pair::condition).collect();
        let outputs = inner.iter().map(|expr| OutputColumn::new("", expr.clone())).collect::<Vec<_>>();
        let plan = self.plan(Query::new(marking.relation, outputs))?;
        let (mut keys, plan) = compared(&outer, input, &inner, plan)?;
        let tested = keys.split_off(marking.keys.len());
        let test = match marking.test {
            Test::Members(_) => MarkTest::Members(tested),
            Test::Beside(pair) => {
                MarkTest::Beside(pair.op, tested.into_iter().next().ok_or(Error::NoColumn)?)
            }
        };
        let kind = SubqueryKind::Mark(Mark { keys, test, is_certain: marking.is_certain, on });
        Ok(Subquery { plan, kind, bindings: Vec::new(), data_type: DataType::Bool, is_repeatable: true })
    }

    /// A subquery that is asked for each row.
    fn asked(
        &mut self,
        input: &[PlanColumn],
        mut query: Query,
        kind: PendingKind,
    ) -> Result<Subquery, Error> {
        let (bindings, by) = self.bind(walk::free_columns(&query), input)?;
        walk::substitute_query(&mut query, &by);
        let is_repeatable = bindings.is_empty() || !walk::is_volatile(&query);
        let member = query.columns.first().map(|column| column.expr.clone());
        let mut plan = self.plan(query)?;
        let kind = match kind {
            PendingKind::Scalar => SubqueryKind::Scalar,
            PendingKind::Exists => SubqueryKind::Exists,
            PendingKind::In(value) => {
                let member = member.ok_or(Error::NoColumn)?;
                let (probes, members) = compared(&[value], input, &[member], plan)?;
                plan = members;
                SubqueryKind::In(probes.into_iter().next().ok_or(Error::NoColumn)?)
            }
        };
        let data_type = match kind {
            SubqueryKind::Scalar => {
                plan.columns.first().map(|column| column.data_type).ok_or(Error::NoColumn)?
            }
            SubqueryKind::Exists | SubqueryKind::In(_) | SubqueryKind::Mark(_) => DataType::Bool,
        };
        Ok(Subquery { plan, kind, bindings, data_type, is_repeatable })
    }
}

/// What is looked for and the plan of what it is looked for among, column by column of one class, as the join that may
/// stand in its place compares them. A literal that the plan yields counts as one: it is read as the other side's type.
fn compared(
    outer: &[Expr],
    input: &[PlanColumn],
    inner: &[Expr],
    plan: Plan,
) -> Result<(Vec<Scalar>, Plan), Error> {
    let (mut probes, mut members) = (Vec::with_capacity(outer.len()), Vec::with_capacity(inner.len()));
    for (place, (outer, inner)) in outer.iter().zip(inner).enumerate() {
        let member = match inner {
            Expr::Literal(_) => inner.clone(),
            _ => Expr::Column(plan.columns.get(place).ok_or(Error::NoColumn)?.column),
        };
        let [probe, member] =
            Scalar::compile_equal((outer, &resolve_in(input)), (&member, &resolve_in(&plan.columns)))?;
        probes.push(probe);
        members.push(member);
    }
    if members.iter().enumerate().all(|(place, member)| member.column() == Some(place)) {
        return Ok((probes, plan));
    }
    let typed = plan.columns.iter().zip(&members);
    let columns =
        typed.map(|(known, member)| PlanColumn { data_type: member.data_type(), ..*known }).collect();
    let estimate = plan.estimate;
    let node = Node::Project { input: Box::new(plan), columns: members };
    Ok((probes, Plan { node, columns, estimate }))
}

/// A subquery taken out of an expression, and the column that stands in its place.
pub(crate) struct Pending {
    pub(crate) column: Column,
    pub(crate) query: Query,
    pub(crate) kind: PendingKind,
}

pub(crate) enum PendingKind {
    Scalar,
    Exists,
    In(Expr),
}

impl Pending {
    /// Adds the columns that the input of the subquery has to have.
    pub(crate) fn add_needed(&self, needed: &mut ColumnSet) {
        needed.extend(walk::free_columns(&self.query));
        if let PendingKind::In(value) = &self.kind {
            walk::add_columns(value, needed);
        }
    }
}

fn extract(expr: &mut Expr, source: Source, found: &mut Vec<Pending>) {
    expr.each_child_mut(&mut |child| extract(child, source, found));
    if !matches!(expr, Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..)) {
        return;
    }
    let column = source.column(found.len());
    let (query, kind) = match std::mem::replace(expr, Expr::Column(column)) {
        Expr::Scalar(query) => (*query, PendingKind::Scalar),
        Expr::Exists(relation) => (Query::new(*relation, Vec::new()), PendingKind::Exists),
        Expr::InQuery(value, query) => (*query, PendingKind::In(*value)),
        other => {
            *expr = other;
            return;
        }
    };
    found.push(Pending { column, query, kind });
}
