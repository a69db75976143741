//! `EXISTS` and `IN` into semi- and anti-joins, and lateral joins into others: the conditions by which a subquery
//! depends on the row outside are lifted out of it, and become those of a join.
//!
//! ```text
//! a WHERE EXISTS (SELECT .. FROM b WHERE b.k = a.k AND b.x > 5)
//! a SEMI JOIN (b WHERE b.x > 5) ON b.k = a.k
//! ```
//!
//! Neumann and Kemper, "Unnesting Arbitrary Queries", BTW 2015, describe the general case; here only filters,
//! projections, sorts and inner joins are looked through, and what remains is evaluated row by row. `NOT IN` is an
//! anti-join only where neither side can be NULL; where one can, and where these are no conjuncts, they are mark joins
//! ([`mark`](super::super::mark)).

use hashbrown::HashMap;
use nuages_storage::Value;

use super::super::rewrite::{NeverNull, definitions, mentioned, substituted};
use super::fold::simplify;
use crate::algebra::walk::{self, SourceSet, conjunction, conjuncts, sources_of};
use crate::algebra::{Column, Comparison, Expr, JoinKind, Query, Relation, RowCount};

/// `EXISTS`, `IN` and their negations as a semi- or anti-join, or the expression back.
pub(crate) fn as_join(
    part: Expr,
    never_null: NeverNull<'_>,
) -> Result<(JoinKind, Relation, Vec<Expr>), Expr> {
    let (kind, inner) = match &part {
        Expr::Not(inner) => (JoinKind::Anti, &**inner),
        inner => (JoinKind::Semi, inner),
    };
    let joined = match inner {
        Expr::Exists(relation) => {
            lift(relation.as_ref().clone(), Looking::ForRows).map(|(right, on, _)| (right, on))
        }
        Expr::InQuery(value, query) if !walk::has_subquery(value) => {
            let Query { relation, columns, .. } = query.as_ref().clone();
            match (lift(relation, Looking::ForValues), columns.into_iter().next()) {
                (Some((right, mut on, by)), Some(column)) => {
                    let column = substituted(column.expr, &by);
                    let safe = kind == JoinKind::Semi || (never_null(value) && never_null(&column));
                    let plain = !walk::has_subquery(&column) && !column.is_volatile();
                    // A comparison with every row is one with the least or the greatest.
                    let plain = plain && !(on.is_empty() && is_inequality(&column));
                    match (kind, value.as_ref()) {
                        // That a condition is true of some row: how rows are looked for in a list of rows.
                        (JoinKind::Semi, Expr::Literal(Value::Bool(true))) if is_condition(&column) => {
                            on.extend(conjuncts(column));
                        }
                        (_, value) => on.push(value.clone().equals(column)),
                    }
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

/// Whether an expression is true, false or unknown, and nothing else.
fn is_condition(expr: &Expr) -> bool {
    matches!(expr, Expr::And(_) | Expr::Compare(..))
}

/// Whether it is a comparison that is no equality.
fn is_inequality(expr: &Expr) -> bool {
    matches!(expr, Expr::Compare(op, ..) if !matches!(op, Comparison::Equal | Comparison::Same))
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
                } else if walk::has_subquery(&part) {
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
            let inside: SourceSet = sources_of(&left).into_iter().chain(sources_of(&right)).collect();
            let (stay, out): (Vec<_>, Vec<_>) =
                conjuncts(simplify(on)).into_iter().partition(|part| mentioned(part).is_subset(&inside));
            if out.iter().any(walk::has_subquery) {
                return None;
            }
            lifted.extend(out);
            Some((left.join(JoinKind::Inner, right, Expr::And(stay)), lifted, by))
        }
        other => closed(&other).then(|| (other, Vec::new(), HashMap::new())),
    }
}

/// The same from outside.
pub(crate) fn lift_rows(relation: Relation) -> Option<Lifted> {
    lift(relation, Looking::ForRows)
}

/// The same of a subquery whose rows are aggregated: each of them counts.
pub(crate) fn lift_values(relation: Relation) -> Option<Lifted> {
    lift(relation, Looking::ForValues)
}

/// Whether a relation mentions no column from outside.
fn closed(relation: &Relation) -> bool {
    let mut mentioned = SourceSet::new();
    walk::walk_relation(relation, &mut |expr| {
        if let Expr::Column(column) = expr {
            mentioned.insert(column.source());
        }
    });
    let mut inside = sources_of(relation);
    walk::walk_relation(relation, &mut |expr| match expr {
        Expr::Scalar(query) | Expr::InQuery(_, query) => inside.extend(sources_of(&query.relation)),
        Expr::Exists(relation) => inside.extend(sources_of(relation)),
        _ => {}
    });
    mentioned.is_subset(&inside)
}

/// The right side of a join without its mentions of the left, which become conditions of the join. Both are as they
/// were if that cannot be: then the right side is computed for each left row.
pub(crate) fn uncorrelated(right: Relation, left: &SourceSet, mut on: Vec<Expr>) -> (Relation, Vec<Expr>) {
    if !walk::mentions(&right, left) {
        return (right, on);
    }
    match lift(right.clone(), Looking::ThroughFilters) {
        Some((lifted, parts, _)) if !walk::mentions(&lifted, left) => {
            on.extend(parts);
            (lifted, on)
        }
        _ => (right, on),
    }
}

/// Whether a condition has a subquery in it that depends on the row.
pub(crate) fn is_asked_for_each_row(part: &Expr) -> bool {
    let mut found = false;
    walk::walk(part, &mut |expr| match expr {
        Expr::Scalar(query) | Expr::InQuery(_, query) => found |= !closed(&query.relation),
        Expr::Exists(relation) => found |= !closed(relation),
        _ => {}
    });
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::rewrite::rewrite;
    use super::super::testing::{C, P, column, family, number, show};
    use super::*;
    use crate::algebra::OutputColumn;

    fn rewritten(predicate: Expr, never_null: NeverNull<'_>) -> String {
        show(&rewrite(family().parent.filter(predicate), never_null))
    }

    fn children() -> Relation {
        let of_parent = column(C, 1).equals(column(P, 0));
        family().child.filter(of_parent.and(column(C, 2).compare(Comparison::Greater, number(5))))
    }

    #[test]
    fn exists_is_a_semi_join_and_its_negation_an_anti_join() {
        let exists = Expr::Exists(Box::new(children()));
        let below = "join c.1 = p.0\n  scan p\n  filter c.2 > 5\n    scan c";
        assert_eq!(rewritten(exists.clone(), &|_| false), format!("Semi {below}"));
        assert_eq!(rewritten(exists.not(), &|_| false), format!("Anti {below}"));
    }

    #[test]
    fn not_in_is_an_anti_join_where_nothing_can_be_null() {
        let values = Query::new(family().child, vec![OutputColumn::new("", column(C, 2))]);
        let among = Expr::InQuery(Box::new(column(P, 1)), Box::new(values));
        assert!(rewritten(among.clone(), &|_| false).starts_with("Semi join p.1 = c.2"));
        assert!(rewritten(among.clone().not(), &|_| true).starts_with("Anti join p.1 = c.2"));
        assert!(rewritten(among.not(), &|_| false).starts_with("filter NOT"));
    }

    #[test]
    fn what_depends_on_the_row_below_a_limit_stays() {
        let first = children().limit(1, Some(1));
        assert!(rewritten(Expr::Exists(Box::new(first)), &|_| false).starts_with("filter"));
    }
}
