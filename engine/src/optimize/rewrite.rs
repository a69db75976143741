//! Rewriting: predicates go down to the rows they speak of, and rules are asked on the way.
//!
//! [`push`] carries a list of conjuncts down the tree. At each operator it keeps what must stay, hands on what may
//! pass, and at the leaves [`attach`]es the rest: plain conjuncts as a filter, `EXISTS`/`IN` subqueries as the semi-
//! and anti-joins that [`unnest`](super::rule::unnest) makes of them. At a join it asks whether it need be an
//! [`outer`](super::rule::outer) one.

use hashbrown::HashMap;
use nuages_storage::Value;

use super::rule::common::{factored, restriction};
use super::rule::fold::simplify;
use super::rule::outer::rejects_null;
use super::rule::unnest::{as_join, is_asked_for_each_row, uncorrelated};
use super::rule::{set, take};
use crate::algebra::walk::{self, SourceSet, conjunction, conjuncts, sources_of, substitute};
use crate::algebra::{Column, Expr, JoinKind, Relation, Source};

/// Whether an expression can never be NULL; the planner knows the catalog, this module does not.
pub(crate) type NeverNull<'a> = &'a dyn Fn(&Expr) -> bool;

/// Rewrites a relation; it means the same afterwards, up to the order of rows that no sort fixes.
pub(crate) fn rewrite(relation: Relation, never_null: NeverNull<'_>) -> Relation {
    push(relation, Vec::new(), never_null)
}

fn push(relation: Relation, above: Vec<Expr>, never_null: NeverNull<'_>) -> Relation {
    match relation {
        Relation::Filter { input, predicate } => push_filter(*input, predicate, above, never_null),
        Relation::Join { kind, left, right, on } => push_join(kind, *left, *right, on, above, never_null),
        Relation::Sort { input, keys } => push(*input, above, never_null).sort(keys),
        other => push_some(other, above, never_null),
    }
}

/// (Each of these is a function of its own, so that the others' room on the stack is not taken at every level.)
fn push_filter(
    input: Relation,
    predicate: Expr,
    mut above: Vec<Expr>,
    never_null: NeverNull<'_>,
) -> Relation {
    // The inner condition may be what keeps the outer one from failing (a division), so it stays before it.
    let mut parts = factored(conjuncts(simplify(predicate)));
    if parts.iter().any(is_never_true) {
        return attach(push(input, Vec::new(), never_null).limit(0, Some(0)), above, never_null);
    }
    parts.append(&mut above);
    push(input, parts, never_null)
}

/// Pushes through what lets some conditions pass: `above` is parted into what goes below and what stays.
fn push_some(mut relation: Relation, above: Vec<Expr>, never_null: NeverNull<'_>) -> Relation {
    let (below, stay) = parted(&mut relation, above);
    relation.each_input_mut(&mut |input| *input = push(take(input), below.clone(), never_null));
    attach(relation, stay, never_null)
}

/// The conditions above a relation of one input that may go below, in terms of that, and those that stay.
fn parted(relation: &mut Relation, above: Vec<Expr>) -> (Vec<Expr>, Vec<Expr>) {
    if above.is_empty() {
        return (above, Vec::new());
    }
    match relation {
        Relation::Project { source, columns, .. } => {
            let by = definitions(*source, columns);
            let may_pass = |part: &Expr| is_same_anywhere(part) && mentions_only_plain(part, &by);
            let (below, stay): (Vec<_>, Vec<_>) = above.into_iter().partition(may_pass);
            (below.into_iter().map(|part| substituted(part, &by)).collect(), stay)
        }
        Relation::Aggregate { source, keys, .. } => {
            let by = definitions(*source, keys);
            let may_pass = |part: &Expr| {
                !by.is_empty()
                    && is_same_anywhere(part)
                    && walk::columns_of(part).iter().all(|column| by.contains_key(column))
            };
            let (below, stay): (Vec<_>, Vec<_>) = above.into_iter().partition(may_pass);
            (below.into_iter().map(|part| substituted(part, &by)).collect(), stay)
        }
        Relation::Distinct { on, .. } => above.into_iter().partition(|part| {
            !part.is_volatile()
                && walk::columns_of(part).iter().all(|column| on.contains(&Expr::Column(*column)))
        }),
        Relation::Window { functions, .. } => above.into_iter().partition(|part| {
            // Only what keeps or drops whole partitions leaves the others as they are.
            let of_partition =
                |column: &Column| functions.iter().all(|of| of.partition_by.contains(&Expr::Column(*column)));
            let mentioned = walk::columns_of(part);
            is_same_anywhere(part) && !mentioned.is_empty() && mentioned.iter().all(of_partition)
        }),
        Relation::With { .. } => (above, Vec::new()),
        Relation::Set { source, left, right, .. } => {
            (Vec::new(), set::push_into_sides(*source, left, right, above))
        }
        _ => (Vec::new(), above),
    }
}

fn push_join(
    kind: JoinKind,
    left: Relation,
    right: Relation,
    on: Expr,
    above: Vec<Expr>,
    never_null: NeverNull<'_>,
) -> Relation {
    let left_sources = sources_of(&left);
    let right_sources = sources_of(&right);
    let of =
        |mentioned: &SourceSet, sources: &SourceSet| !mentioned.is_empty() && mentioned.is_subset(sources);
    let on = factored(conjuncts(simplify(on)));
    // A row that the outer join filled with NULLs would be thrown away above, so it need not be made.
    let rejects = |sources| above.iter().any(|part| rejects_null(part, sources));
    match kind {
        JoinKind::Left if rejects(&right_sources) => {
            return push_join(JoinKind::Inner, left, right, Expr::And(on), above, never_null);
        }
        JoinKind::Full if rejects(&left_sources) => {
            return push_join(JoinKind::Left, left, right, Expr::And(on), above, never_null);
        }
        JoinKind::Full if rejects(&right_sources) => {
            return push_join(JoinKind::Left, right, left, Expr::And(on), above, never_null);
        }
        _ => {}
    }
    let (right, on) = match kind {
        JoinKind::Inner | JoinKind::Left => uncorrelated(right, &left_sources, on),
        _ => (right, on),
    };
    let (mut to_left, mut to_right, mut here, mut stay) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for part in above {
        let mentioned = mentioned(&part);
        if kind == JoinKind::Full {
            stay.push(part);
        } else if of(&mentioned, &left_sources) {
            to_left.push(part);
        } else if kind != JoinKind::Inner {
            stay.push(part);
        } else if of(&mentioned, &right_sources) {
            to_right.push(part);
        } else if walk::has_subquery(&part) {
            stay.push(part);
        } else {
            here.push(part);
        }
    }
    for part in on {
        let mentioned = mentioned(&part);
        if kind == JoinKind::Full {
            here.push(part);
        } else if of(&mentioned, &right_sources) {
            to_right.push(part);
        } else if of(&mentioned, &left_sources) && matches!(kind, JoinKind::Inner | JoinKind::Semi) {
            to_left.push(part);
        } else {
            here.push(part);
        }
    }
    if kind == JoinKind::Inner {
        to_left.extend(here.iter().filter_map(|part| restriction(part, &left_sources)));
        to_right.extend(here.iter().filter_map(|part| restriction(part, &right_sources)));
    }
    let left = push(left, to_left, never_null);
    let right = push(right, to_right, never_null);
    attach(left.join(kind, right, conjunction(here).unwrap_or(Expr::And(Vec::new()))), stay, never_null)
}

/// Among how many conjuncts one is looked for that says the same. To look among all of thousands takes longer than to
/// test what is said twice.
const REPEATS_SOUGHT: usize = 64;

/// Puts conjuncts on top of a relation: plain ones as a filter, then subqueries that can be joined as joins, and what
/// has to be asked anew for each row last, when there are fewest.
fn attach(relation: Relation, parts: Vec<Expr>, never_null: NeverNull<'_>) -> Relation {
    if parts.is_empty() {
        return relation;
    }
    let (mut plain, mut asked) = (Vec::new(), Vec::new());
    let mut joins = Vec::new();
    for part in parts {
        match as_join(part, never_null) {
            Ok(join) => joins.push(join),
            Err(part) if plain.iter().take(REPEATS_SOUGHT).any(|one| *one == part) && !part.is_volatile() => {
            }
            Err(part) if is_asked_for_each_row(&part) => asked.push(part),
            Err(part) => plain.push(part),
        }
    }
    if joins.is_empty() {
        plain.append(&mut asked);
    }
    let filtered = |relation: Relation, parts| match conjunction(parts) {
        Some(predicate) => relation.filter(predicate),
        None => relation,
    };
    let joined = joins.into_iter().fold(filtered(relation, plain), |left, (kind, right, on)| {
        push_join(kind, left, right, Expr::And(on), Vec::new(), never_null)
    });
    filtered(joined, asked)
}

/// The sources an expression mentions and does not introduce itself in a subquery.
pub(crate) fn mentioned(expr: &Expr) -> SourceSet {
    let mut mentioned = SourceSet::new();
    let mut inside = SourceSet::new();
    walk::walk(expr, &mut |expr| match expr {
        Expr::Column(column) => {
            mentioned.insert(column.source());
        }
        Expr::Scalar(query) | Expr::InQuery(_, query) => inside.extend(sources_of(&query.relation)),
        Expr::Exists(relation) => inside.extend(sources_of(relation)),
        _ => {}
    });
    mentioned.remove_all(&inside);
    mentioned
}

/// What the columns of a source stand for.
pub(crate) fn definitions(source: Source, columns: &[Expr]) -> HashMap<Column, Expr> {
    columns.iter().enumerate().map(|(index, expr)| (source.column(index), expr.clone())).collect()
}

/// An expression with columns replaced.
pub(crate) fn substituted(mut expr: Expr, by: &HashMap<Column, Expr>) -> Expr {
    if !by.is_empty() {
        substitute(&mut expr, by);
    }
    expr
}

/// Whether a condition is false or unknown in every row.
fn is_never_true(part: &Expr) -> bool {
    matches!(part, Expr::Literal(Value::Bool(false) | Value::Null))
}

/// Whether a condition is as true of a row below an operator as above it, wherever it is asked.
fn is_same_anywhere(part: &Expr) -> bool {
    !walk::has_subquery(part) && !part.is_volatile()
}

/// Whether every column of `by` that `part` mentions stands for an expression without a subquery, and for one that is
/// the same wherever it is computed.
fn mentions_only_plain(part: &Expr, by: &HashMap<Column, Expr>) -> bool {
    let is_plain = |definition: &Expr| !walk::has_subquery(definition) && !definition.is_volatile();
    walk::columns_of(part).iter().all(|column| by.get(column).is_none_or(is_plain))
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{C, G, P, column, family, number, show};
    use super::*;
    use crate::algebra::Aggregate;

    fn pushed(relation: Relation) -> String {
        show(&rewrite(relation, &|_| false))
    }

    #[test]
    fn a_condition_goes_to_the_side_of_a_join_that_it_speaks_of() {
        let family = family();
        let on = column(P, 0).equals(column(C, 1));
        let condition = column(P, 1).equals(number(1)).and(column(C, 2).equals(number(2)));
        let joined = family.parent.clone().join(JoinKind::Inner, family.child.clone(), on.clone());
        assert_eq!(
            pushed(joined.filter(condition)),
            "Inner join p.0 = c.1\n  filter p.1 = 1\n    scan p\n  filter c.2 = 2\n    scan c"
        );
        // What filters the right side of an outer join would do after it is another thing before it.
        let optional = family.parent.join(JoinKind::Left, family.child, on);
        let absent = Expr::IsNull(Box::new(column(C, 2)));
        assert_eq!(
            pushed(optional.filter(column(P, 1).equals(number(1)).and(absent))),
            "filter c.2 IS NULL\n  Left join p.0 = c.1\n    filter p.1 = 1\n      scan p\n    scan c"
        );
    }

    #[test]
    fn a_condition_on_a_key_goes_below_the_groups() {
        let family = family();
        let groups = family.child.aggregate(G, vec![column(C, 1)], vec![Aggregate::rows()]);
        let of_key = column(G, 0).equals(number(1));
        let of_count = column(G, 1).equals(number(2));
        assert_eq!(
            pushed(groups.filter(of_key.and(of_count))),
            "filter s2.1 = 2\n  group by c.1: CountRows\n    filter c.1 = 1\n      scan c"
        );
    }

    #[test]
    fn what_is_asked_for_each_row_is_asked_after_the_joins() {
        let family = family();
        let of_parent = |condition: Expr| family.child.clone().filter(condition);
        let exists = Expr::Exists(Box::new(of_parent(column(C, 1).equals(column(P, 0)))));
        let count =
            of_parent(column(C, 2).equals(column(P, 1))).aggregate(G, vec![], vec![Aggregate::rows()]);
        let count =
            crate::algebra::Query::new(count, vec![crate::algebra::OutputColumn::new("", column(G, 0))]);
        let asked = number(3).equals(Expr::Scalar(Box::new(count)));
        let rewritten = rewrite(family.parent.clone().filter(asked.and(exists)), &|_| false);
        let Relation::Filter { input, .. } = &rewritten else {
            panic!("the count is asked last: {rewritten:?}")
        };
        assert_eq!(show(input), "Semi join c.1 = p.0\n  scan p\n  scan c");
    }
}
