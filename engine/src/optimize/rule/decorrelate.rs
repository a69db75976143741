//! Decorrelation: a scalar subquery that aggregates rows which equal the outer row in some columns becomes a join with
//! the aggregates of all groups (Kim, "On Optimizing an SQL-like Nested Query", TODS 1982, with the outer join that
//! mends his bug about COUNT: Ganski and Wong, SIGMOD 1987).
//!
//! ```text
//! x < (SELECT max(a) FROM t WHERE t.k = outer.k)
//! outer LEFT JOIN (SELECT k, max(a) AS m FROM t GROUP BY k) ON k = outer.k .. x < m
//! ```
//!
//! An outer row without a group finds NULL, as it would have; a count, which is 0 there, is made so. The value of the
//! first row in some order is an aggregate, too:
//!
//! ```text
//! (SELECT a FROM t WHERE t.k = outer.k ORDER BY b LIMIT 1)
//! (SELECT first(a ORDER BY b) FROM t WHERE t.k = outer.k)
//! ```
//!
//! Whether the join is cheaper than asking for each row is for the planner to find out, which plans both.

use hashbrown::HashMap;

use super::super::failing::may_fail;
use super::super::planner::Planner;
use super::super::rewrite::{definitions, mentioned, substituted};
use super::take;
use super::unnest::lift_values;
use crate::algebra::walk::{self, has_subquery, sources_of};
use crate::algebra::{
    Aggregate, AggregateFunction, Column, Comparison, Expr, Function, JoinKind, Query, Relation, RowCount,
    Source,
};

/// Makes joins of the scalar subqueries in filters, projections, orders and aggregates that can be; whether there were
/// any.
pub(crate) fn decorrelate(relation: &mut Relation, planner: &mut Planner<'_>) -> bool {
    let mut fired = false;
    relation.each_input_mut(&mut |input| fired |= decorrelate(input, planner));
    let (input, exprs): (&mut Box<Relation>, Vec<&mut Expr>) = match relation {
        Relation::Filter { input, predicate } => (input, vec![predicate]),
        Relation::Project { input, columns, .. } => (input, columns.iter_mut().collect()),
        Relation::Sort { input, keys } => (input, keys.iter_mut().map(|key| &mut key.expr).collect()),
        Relation::Aggregate { input, keys, aggregates, .. } => (
            input,
            keys.iter_mut().chain(aggregates.iter_mut().flat_map(Aggregate::expressions_mut)).collect(),
        ),
        _ => return fired,
    };
    let mut derived = Vec::new();
    for expr in exprs {
        replace(expr, planner, &mut derived);
    }
    for Derived { relation, on } in derived {
        **input = take(input).join(JoinKind::Left, relation, on);
        fired = true;
    }
    fired
}

/// Whether there is a scalar subquery where this rule looks for one: if not, nothing need be copied for it.
pub(crate) fn has_scalar(relation: &Relation) -> bool {
    let mut found = match relation {
        Relation::Filter { predicate, .. } => is_or_has_scalar(predicate),
        Relation::Project { columns, .. } => columns.iter().any(is_or_has_scalar),
        Relation::Sort { keys, .. } => keys.iter().any(|key| is_or_has_scalar(&key.expr)),
        Relation::Aggregate { keys, aggregates, .. } => {
            keys.iter().chain(aggregates.iter().flat_map(Aggregate::expressions)).any(is_or_has_scalar)
        }
        _ => false,
    };
    relation.each_input(&mut |input| found = found || has_scalar(input));
    found
}

fn is_or_has_scalar(expr: &Expr) -> bool {
    matches!(expr, Expr::Scalar(_)) || expr.any_child(is_or_has_scalar)
}

/// A relation of groups and how it is joined.
struct Derived {
    relation: Relation,
    on: Expr,
}

fn replace(expr: &mut Expr, planner: &mut Planner<'_>, derived: &mut Vec<Derived>) {
    if let Expr::Scalar(query) = expr {
        if let Some((joined, value)) = derive(query, planner) {
            derived.push(joined);
            *expr = value;
        }
        return;
    }
    expr.each_child_mut(&mut |child| replace(child, planner, derived));
}

/// The groups that a subquery is about, and its value in terms of their columns.
fn derive(query: &Query, planner: &mut Planner<'_>) -> Option<(Derived, Expr)> {
    let [output] = query.columns.as_slice() else { return None };
    let Grouped { input, source, aggregates, value } = aggregated(&query.relation, &output.expr, planner)?;
    if has_subquery(&value) {
        return None;
    }
    let (input, lifted, by) = lift_values(input)?;
    let inside = sources_of(&input);
    let (mut keys, mut on) = (Vec::new(), Vec::new());
    for part in lifted {
        let Expr::Compare(Comparison::Equal, a, b) = part else { return None };
        let is_inside = |expr: &Expr| {
            let mentioned = mentioned(expr);
            !mentioned.is_empty() && mentioned.is_subset(&inside)
        };
        let is_outside = |expr: &Expr| !has_subquery(expr) && mentioned(expr).is_disjoint(&inside);
        let (inner, outer) = match (is_inside(&a) && is_outside(&b), is_inside(&b) && is_outside(&a)) {
            (true, _) => (*a, *b),
            (_, true) => (*b, *a),
            _ => return None,
        };
        keys.push(inner);
        on.push(outer);
    }
    if keys.is_empty() {
        return None; // it is the same for every row, and computed once
    }
    let mut aggregates = aggregates;
    for aggregate in &mut aggregates {
        for expr in aggregate.expressions_mut() {
            *expr = substituted(expr.clone(), &by);
            if has_subquery(expr) || !mentioned(expr).is_subset(&inside) {
                return None;
            }
        }
    }
    // The groups that no outer row has are computed, too.
    let mut fails = false;
    let mut look = |expr: &Expr| fails |= may_fail(expr, planner);
    walk::walk_relation(&input, &mut look);
    keys.iter().for_each(|key| walk::walk(key, &mut look));
    aggregates
        .iter_mut()
        .flat_map(|aggregate| aggregate.expressions_mut())
        .for_each(|expr| walk::walk(expr, &mut look));
    if fails {
        return None;
    }
    let groups = planner.fresh_source();
    let results: HashMap<Column, Expr> = aggregates
        .iter()
        .enumerate()
        .map(|(place, aggregate)| {
            let found = Expr::from(groups.column(keys.len() + place));
            let counts =
                matches!(aggregate.function, AggregateFunction::Count | AggregateFunction::CountRows);
            let value = match counts {
                true => Expr::Call(Function::Coalesce, vec![found, Expr::literal(0)]),
                false => found,
            };
            (source.column(place), value)
        })
        .collect();
    let own = |column: &Column| column.source() != source || results.contains_key(column);
    if aggregates.iter().any(|aggregate| !null_over_nothing(aggregate.function))
        || !walk::columns_of(&value).iter().all(own)
    {
        return None;
    }
    let equal = |(place, outer): (usize, Expr)| Expr::from(groups.column(place)).equals(outer);
    let on = Expr::And(on.into_iter().enumerate().map(equal).collect());
    let relation = input.aggregate(groups, keys, aggregates);
    Some((Derived { relation, on }, substituted(value, &results)))
}

/// A subquery of one row as aggregates over all rows of `input`, and its value in terms of their columns.
struct Grouped {
    input: Relation,
    source: Source,
    aggregates: Vec<Aggregate>,
    value: Expr,
}

fn aggregated(relation: &Relation, value: &Expr, planner: &mut Planner<'_>) -> Option<Grouped> {
    let (relation, value) = below_projections(relation, value.clone());
    match relation {
        Relation::Aggregate { input, source, keys, aggregates } if keys.is_empty() => Some(Grouped {
            input: input.as_ref().clone(),
            source: *source,
            aggregates: aggregates.clone(),
            value,
        }),
        Relation::Limit { input, offset: RowCount::Fixed(0), count: Some(RowCount::Fixed(1)) } => {
            let (sorted, value) = below_projections(input, value);
            let Relation::Sort { input, keys } = sorted else { return None };
            if value.is_volatile() || keys.iter().any(|key| key.expr.is_volatile()) {
                return None;
            }
            let source = planner.fresh_source();
            let first =
                Aggregate { order_by: keys.clone(), ..Aggregate::of(AggregateFunction::First, value) };
            let value = Expr::from(source.column(0));
            Some(Grouped { input: input.as_ref().clone(), source, aggregates: vec![first], value })
        }
        _ => None,
    }
}

/// What some projections stand on, and a value above them in terms of its columns.
fn below_projections(mut relation: &Relation, mut value: Expr) -> (&Relation, Expr) {
    while let Relation::Project { input, source, columns } = relation {
        value = substituted(value, &definitions(*source, columns));
        relation = input;
    }
    (relation, value)
}

/// Whether it is NULL, or a count, over no row.
fn null_over_nothing(function: AggregateFunction) -> bool {
    matches!(
        function,
        AggregateFunction::Count
            | AggregateFunction::CountRows
            | AggregateFunction::Sum
            | AggregateFunction::Avg
            | AggregateFunction::Min
            | AggregateFunction::Max
            | AggregateFunction::First
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, G, P, column, family, number, show};
    use super::*;
    use crate::algebra::{Builtin, OutputColumn, SortKey};

    fn children(aggregate: Aggregate, condition: Expr) -> Expr {
        let rows = family().child.filter(condition).aggregate(G, vec![], vec![aggregate]);
        Expr::Scalar(Box::new(Query::new(rows, vec![OutputColumn::new("", column(G, 0))])))
    }

    fn rewritten(predicate: Expr) -> String {
        let family = family();
        family.plan(family.parent.clone().filter(predicate), |planner, mut relation| {
            decorrelate(&mut relation, planner);
            show(&relation)
        })
    }

    fn of_parent() -> Expr {
        column(C, 1).equals(column(P, 0))
    }

    #[test]
    fn an_aggregate_of_equal_rows_is_joined() {
        let greatest = children(Aggregate::of(AggregateFunction::Max, column(C, 2)), of_parent());
        assert_eq!(
            rewritten(column(P, 1).equals(greatest)),
            "filter p.1 = s3.1\n  Left join s3.0 = p.0\n    scan p\n    group by c.1: Max\n      scan c"
        );
    }

    #[test]
    fn a_count_of_no_rows_is_zero() {
        let rewritten = rewritten(number(0).equals(children(Aggregate::rows(), of_parent())));
        assert!(rewritten.starts_with("filter 0 = coalesce(s3.1, 0)"), "{rewritten}");
    }

    #[test]
    fn one_within_an_aggregate_and_in_an_order_is_joined_too() {
        let counted = || children(Aggregate::rows(), of_parent());
        let all = || family().parent;
        let sum = Aggregate::of(AggregateFunction::Sum, counted());
        for (relation, expected) in [
            (all().aggregate(Source::new(9), vec![], vec![sum]), "group by : Sum\n  Left join s10.0 = p.0"),
            (
                all().sort(vec![SortKey::ascending(counted())]),
                "sort coalesce(s3.1, 0)\n  Left join s3.0 = p.0",
            ),
        ] {
            let shown = family().plan(relation, |planner, mut relation| {
                assert!(has_scalar(&relation));
                decorrelate(&mut relation, planner);
                show(&relation)
            });
            assert!(shown.starts_with(expected), "{shown}");
        }
    }

    /// The value of a child's column in the first row of those in order, and of how many.
    fn first_child(value: Expr, offset: u64, count: u64) -> Expr {
        let sorted = family().child.filter(of_parent()).sort(vec![SortKey::descending(column(C, 2))]);
        let rows = sorted.limit(offset, Some(count));
        Expr::Scalar(Box::new(Query::new(rows, vec![OutputColumn::new("", value)])))
    }

    #[test]
    fn the_first_of_equal_rows_is_joined() {
        assert_eq!(
            rewritten(column(P, 1).equals(first_child(column(C, 0), 0, 1))),
            "filter p.1 = s3.1\n  Left join s3.0 = p.0\n    scan p\n    group by c.1: First\n      scan c"
        );
    }

    #[test]
    fn the_second_of_equal_rows_and_what_differs_each_time_stay() {
        let random = Expr::Call(Function::Builtin(Builtin::named("random_integer").unwrap()), vec![]);
        for first in [
            first_child(column(C, 0), 1, 1),
            first_child(column(C, 0), 0, 2),
            first_child(random, 0, 1),
            first_child(column(P, 1), 0, 1),
        ] {
            let rewritten = rewritten(column(P, 1).equals(first));
            assert!(!rewritten.contains("join"), "{rewritten}");
        }
    }

    #[test]
    fn what_is_not_an_equality_stays() {
        let greater = column(C, 1).compare(Comparison::Greater, column(P, 0));
        let rewritten = rewritten(number(0).equals(children(Aggregate::rows(), greater)));
        assert!(!rewritten.contains("join"), "{rewritten}");
    }
}
