//! Rewriting: predicates go down to the rows they speak of, and `EXISTS` and `IN` become joins.
//!
//! [`push`] carries a list of conjuncts down the tree. At each operator it keeps what must stay, hands on what may
//! pass, and at the leaves [`attach`]es the rest: plain conjuncts as a filter, `EXISTS`/`IN` subqueries as semi- and
//! anti-joins where their correlation can be lifted out of them (Neumann and Kemper, "Unnesting Arbitrary Queries",
//! BTW 2015, describe the general case; here only filters, projections, sorts and inner joins are looked through, and
//! what remains is evaluated row by row).

use hashbrown::{HashMap, HashSet};
use nuages_storage::Value;

use super::columns::{self, conjunction, conjuncts, sources_of, substitute};
use super::rule::common::{factored, restriction};
use super::rule::{set, take};
use crate::algebra::{Column, Comparison, Expr, JoinKind, Query, Relation, RowCount, Source};
use crate::evaluate::Scalar;

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
            let may_pass = |part: &Expr| !columns::has_subquery(part) && mentions_only_plain(part, &by);
            let (below, stay): (Vec<_>, Vec<_>) = above.into_iter().partition(may_pass);
            (below.into_iter().map(|part| substituted(part, &by)).collect(), stay)
        }
        Relation::Aggregate { source, keys, .. } => {
            let by = definitions(*source, keys);
            let may_pass = |part: &Expr| {
                !by.is_empty()
                    && !columns::has_subquery(part)
                    && columns::columns_of(part).iter().all(|column| by.contains_key(column))
            };
            let (below, stay): (Vec<_>, Vec<_>) = above.into_iter().partition(may_pass);
            (below.into_iter().map(|part| substituted(part, &by)).collect(), stay)
        }
        Relation::Distinct { on, .. } => above.into_iter().partition(|part| {
            columns::columns_of(part).iter().all(|column| on.contains(&Expr::Column(*column)))
        }),
        Relation::Window { functions, .. } => above.into_iter().partition(|part| {
            // Only what keeps or drops whole partitions leaves the others as they are.
            let of_partition =
                |column: &Column| functions.iter().all(|of| of.partition_by.contains(&Expr::Column(*column)));
            let mentioned = columns::columns_of(part);
            !columns::has_subquery(part) && !mentioned.is_empty() && mentioned.iter().all(of_partition)
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
    let of = |part: &Expr, sources: &HashSet<Source>| {
        let mentioned = mentioned(part);
        !mentioned.is_empty() && mentioned.is_subset(sources)
    };
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
        if kind == JoinKind::Full {
            stay.push(part);
        } else if of(&part, &left_sources) {
            to_left.push(part);
        } else if kind != JoinKind::Inner {
            stay.push(part);
        } else if of(&part, &right_sources) {
            to_right.push(part);
        } else if columns::has_subquery(&part) {
            stay.push(part);
        } else {
            here.push(part);
        }
    }
    for part in on {
        if kind == JoinKind::Full {
            here.push(part);
        } else if of(&part, &right_sources) {
            to_right.push(part);
        } else if of(&part, &left_sources) && matches!(kind, JoinKind::Inner | JoinKind::Semi) {
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

/// The right side of a join without its mentions of the left, which become conditions of the join. Both are as they
/// were if that cannot be: then the right side is computed for each left row.
fn uncorrelated(right: Relation, left: &HashSet<Source>, mut on: Vec<Expr>) -> (Relation, Vec<Expr>) {
    if !columns::mentions(&right, left) {
        return (right, on);
    }
    match lift(right.clone(), Looking::ThroughFilters) {
        Some((lifted, parts, _)) if !columns::mentions(&lifted, left) => {
            on.extend(parts);
            (lifted, on)
        }
        _ => (right, on),
    }
}

/// Puts conjuncts on top of a relation: subqueries that can be joined as joins, the rest as one filter below them.
fn attach(relation: Relation, parts: Vec<Expr>, never_null: NeverNull<'_>) -> Relation {
    let mut plain = Vec::new();
    let mut joins = Vec::new();
    for part in parts {
        match as_join(part, never_null) {
            Ok(join) => joins.push(join),
            Err(part) if plain.contains(&part) => {}
            Err(part) => plain.push(part),
        }
    }
    let filtered = match conjunction(plain) {
        Some(predicate) => relation.filter(predicate),
        None => relation,
    };
    joins.into_iter().fold(filtered, |left, (kind, right, on)| {
        push_join(kind, left, right, Expr::And(on), Vec::new(), never_null)
    })
}

/// `EXISTS`, `IN` and their negations as a semi- or anti-join, or the expression back.
fn as_join(part: Expr, never_null: NeverNull<'_>) -> Result<(JoinKind, Relation, Vec<Expr>), Expr> {
    let (kind, inner) = match &part {
        Expr::Not(inner) => (JoinKind::Anti, &**inner),
        inner => (JoinKind::Semi, inner),
    };
    let joined = match inner {
        Expr::Exists(relation) => {
            lift(relation.as_ref().clone(), Looking::ForRows).map(|(right, on, _)| (right, on))
        }
        Expr::InQuery(value, query) if !columns::has_subquery(value) => {
            let Query { relation, columns, .. } = query.as_ref().clone();
            match (lift(relation, Looking::ForValues), columns.into_iter().next()) {
                (Some((right, mut on, by)), Some(column)) => {
                    let column = substituted(column.expr, &by);
                    let safe = kind == JoinKind::Semi || (never_null(value) && never_null(&column));
                    let plain = !columns::has_subquery(&column);
                    on.push(value.as_ref().clone().equals(column));
                    (safe && plain).then_some((right, on))
                }
                _ => None,
            }
        }
        _ => None,
    };
    match joined {
        Some((right, on)) => Ok((kind, right, on)),
        None => Err(part),
    }
}

/// What [`lift`] makes of a subquery: the relation without correlation, the conjuncts lifted out of it, and what the
/// columns of projections it looked through stand for.
pub(crate) type Lifted = (Relation, Vec<Expr>, HashMap<Column, Expr>);

/// How much of a subquery may be looked through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looking {
    /// Only whether there is a row counts.
    ForRows,
    /// The set of values counts.
    ForValues,
    /// Below a join.
    ThroughFilters,
}

/// Lifts the conjuncts that mention columns outside out of a subquery of which only the existence of rows counts.
/// None if some correlation cannot be lifted.
fn lift(relation: Relation, looking: Looking) -> Option<Lifted> {
    match relation {
        Relation::Filter { input, predicate } => {
            // Which rows there are below counts now, not only whether there are any.
            let below = if looking == Looking::ForRows { Looking::ForValues } else { looking };
            let (input, mut lifted, by) = lift(*input, below)?;
            let inside = sources_of(&input);
            let mut stay = Vec::new();
            for part in conjuncts(simplify(substituted(predicate, &by))) {
                if mentioned(&part).is_subset(&inside) {
                    stay.push(part);
                } else if columns::has_subquery(&part) {
                    return None;
                } else {
                    lifted.push(part);
                }
            }
            let relation = match conjunction(stay) {
                Some(predicate) => input.filter(predicate),
                None => input,
            };
            Some((relation, lifted, by))
        }
        Relation::Project { input, source, columns } if looking != Looking::ThroughFilters => {
            let (input, lifted, mut by) = lift(*input, looking)?;
            let definitions: HashMap<_, _> = definitions(source, &columns)
                .into_iter()
                .map(|(column, expr)| (column, substituted(expr, &by)))
                .collect();
            by.extend(definitions);
            Some((input, lifted, by))
        }
        Relation::Sort { input, .. } if looking != Looking::ThroughFilters => lift(*input, looking),
        Relation::Distinct { input, .. } if looking == Looking::ForRows => lift(*input, looking),
        Relation::Limit { input, offset: RowCount::Fixed(0), count }
            if looking == Looking::ForRows
                && count.as_ref().is_none_or(|count| count.fixed().is_some_and(|count| count > 0)) =>
        {
            lift(*input, looking)
        }
        Relation::Join { kind: JoinKind::Inner, left, right, on } => {
            let (left, mut lifted, mut by) = lift(*left, Looking::ThroughFilters)?;
            let (right, more, right_by) = lift(*right, Looking::ThroughFilters)?;
            by.extend(right_by);
            lifted.extend(more);
            let inside: HashSet<Source> = sources_of(&left).into_iter().chain(sources_of(&right)).collect();
            let (stay, out): (Vec<_>, Vec<_>) =
                conjuncts(simplify(on)).into_iter().partition(|part| mentioned(part).is_subset(&inside));
            if out.iter().any(columns::has_subquery) {
                return None;
            }
            lifted.extend(out);
            Some((left.join(JoinKind::Inner, right, Expr::And(stay)), lifted, by))
        }
        other => closed(&other).then(|| (other, Vec::new(), HashMap::new())),
    }
}

/// The same of a subquery whose rows are aggregated: each of them counts.
pub(crate) fn lift_values(relation: Relation) -> Option<Lifted> {
    lift(relation, Looking::ForValues)
}

/// Whether a relation mentions no column from outside.
fn closed(relation: &Relation) -> bool {
    let mut mentioned = HashSet::new();
    columns::walk_relation(relation, &mut |expr| {
        if let Expr::Column(column) = expr {
            mentioned.insert(column.source());
        }
    });
    let mut inside = sources_of(relation);
    columns::walk_relation(relation, &mut |expr| match expr {
        Expr::Scalar(query) | Expr::InQuery(_, query) => inside.extend(sources_of(&query.relation)),
        Expr::Exists(relation) => inside.extend(sources_of(relation)),
        _ => {}
    });
    mentioned.is_subset(&inside)
}

/// The sources an expression mentions and does not introduce itself in a subquery.
pub(crate) fn mentioned(expr: &Expr) -> HashSet<Source> {
    let mut mentioned = HashSet::new();
    let mut inside = HashSet::new();
    columns::walk(expr, &mut |expr| match expr {
        Expr::Column(column) => {
            mentioned.insert(column.source());
        }
        Expr::Scalar(query) | Expr::InQuery(_, query) => inside.extend(sources_of(&query.relation)),
        Expr::Exists(relation) => inside.extend(sources_of(relation)),
        _ => {}
    });
    mentioned.retain(|source| !inside.contains(source));
    mentioned
}

fn definitions(source: Source, columns: &[Expr]) -> HashMap<Column, Expr> {
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

/// Whether every column of `by` that `part` mentions stands for an expression without a subquery.
fn mentions_only_plain(part: &Expr, by: &HashMap<Column, Expr>) -> bool {
    columns::columns_of(part)
        .iter()
        .all(|column| by.get(column).is_none_or(|definition| !columns::has_subquery(definition)))
}

/// Whether `part` cannot be true when every column of `sources` is NULL.
fn rejects_null(part: &Expr, sources: &HashSet<Source>) -> bool {
    match part {
        Expr::Compare(op, a, b) if *op != Comparison::Same => strict_in(a, sources) || strict_in(b, sources),
        Expr::Match { text, .. } => strict_in(text, sources),
        Expr::InList(value, _) => strict_in(value, sources),
        Expr::InQuery(value, _) => strict_in(value, sources),
        Expr::Not(inner) => match &**inner {
            Expr::IsNull(value) => strict_in(value, sources),
            Expr::Compare(op, a, b) if *op != Comparison::Same => {
                strict_in(a, sources) || strict_in(b, sources)
            }
            Expr::Match { text, .. } => strict_in(text, sources),
            Expr::InList(value, _) => strict_in(value, sources),
            _ => false,
        },
        Expr::And(parts) => parts.iter().any(|part| rejects_null(part, sources)),
        Expr::Or(parts) => !parts.is_empty() && parts.iter().all(|part| rejects_null(part, sources)),
        Expr::Column(column) => sources.contains(&column.source()),
        _ => false,
    }
}

/// Whether an expression is NULL whenever every column of `sources` is.
fn strict_in(expr: &Expr, sources: &HashSet<Source>) -> bool {
    match expr {
        Expr::Column(column) => sources.contains(&column.source()),
        Expr::Arithmetic(_, a, b) => strict_in(a, sources) || strict_in(b, sources),
        Expr::Negate(a) | Expr::Cast(a, _) => strict_in(a, sources),
        _ => false,
    }
}

/// Folds what is decided without a row: constants among AND, OR and NOT, and negations pushed inward (De Morgan).
pub(crate) fn simplify(expr: Expr) -> Expr {
    match expr {
        Expr::And(parts) => {
            let mut kept = Vec::with_capacity(parts.len());
            for part in parts.into_iter().map(simplify) {
                match part {
                    Expr::Literal(Value::Bool(true)) => {}
                    Expr::Literal(Value::Bool(false)) => return Expr::Literal(Value::Bool(false)),
                    Expr::And(inner) => kept.extend(inner),
                    part => kept.push(part),
                }
            }
            if kept.len() == 1 { kept.remove(0) } else { truth(kept, true) }
        }
        Expr::Or(parts) => {
            let mut kept = Vec::with_capacity(parts.len());
            for part in parts.into_iter().map(simplify) {
                match part {
                    Expr::Literal(Value::Bool(false)) => {}
                    Expr::Literal(Value::Bool(true)) => return Expr::Literal(Value::Bool(true)),
                    Expr::Or(inner) => kept.extend(inner),
                    part => kept.push(part),
                }
            }
            if kept.len() == 1 { kept.remove(0) } else { truth(kept, false) }
        }
        Expr::Not(inner) => match simplify(*inner) {
            Expr::Literal(Value::Bool(value)) => Expr::Literal(Value::Bool(!value)),
            Expr::Not(inner) => *inner,
            Expr::And(parts) => simplify(Expr::Or(parts.into_iter().map(Expr::not).collect())),
            Expr::Or(parts) => simplify(Expr::And(parts.into_iter().map(Expr::not).collect())),
            inner => inner.not(),
        },
        Expr::InList(_, list) if list.is_empty() => Expr::Literal(Value::Bool(false)),
        other => constant(&other).unwrap_or(other),
    }
}

/// What a comparison of constants comes to. (One that fails is left to fail in the rows that need it.)
fn constant(expr: &Expr) -> Option<Expr> {
    let is_literal = |expr: &Expr| matches!(expr, Expr::Literal(_));
    let decided = match expr {
        Expr::Compare(_, a, b) => is_literal(a) && is_literal(b),
        Expr::IsNull(a) => is_literal(a),
        Expr::InList(a, list) => is_literal(a) && list.iter().all(is_literal),
        _ => false,
    };
    let scalar = decided.then(|| Scalar::compile(expr, &|_| None).ok())??;
    scalar.as_constant().cloned().map(Expr::Literal)
}

fn truth(parts: Vec<Expr>, conjunction: bool) -> Expr {
    match (parts.is_empty(), conjunction) {
        (true, _) => Expr::Literal(Value::Bool(conjunction)),
        (false, true) => Expr::And(parts),
        (false, false) => Expr::Or(parts),
    }
}
