//! Join elimination: a join of which nothing is looked at, and that neither adds rows nor takes any away, is not made.
//!
//! - A left join adds no row if its right side has at most one for each left row: by a unique key that the condition fixes.
//!   And it takes none away.
//! - An inner join along a foreign key finds exactly one row wherever the key is not NULL: the constraint says so. What is
//!   left of it is `IS NOT NULL`. (Not along a deferred one, which may be broken until the transaction ends.)
//!
//! The ORM makes such joins: `filter(author__is_active=None)` on one branch, `order_by("author__id")`.

use super::super::planner::Planner;
use super::take;
use crate::algebra::walk::{self, ColumnSet, conjunction, conjuncts, sources_of};
use crate::algebra::{Column, Comparison, Expr, JoinKind, Relation};

/// More columns than these are parted before it is asked of each side of a join which of them are its own.
const COLUMNS_MANY: usize = 32;

/// Takes out the joins that make no difference to `needed`; whether there were any.
pub(crate) fn eliminate(relation: &mut Relation, needed: &ColumnSet, planner: &Planner<'_>) -> bool {
    let mut fired = false;
    while let Some(rest) = without_join(relation, needed, planner) {
        *relation = rest;
        fired = true;
    }
    let mut below = match relation {
        Relation::Project { .. } | Relation::Aggregate { .. } => ColumnSet::new(),
        _ => needed.clone(),
    };
    walk::each_expression(relation, &mut |expr| walk::add_columns(expr, &mut below));
    if let Relation::Join { left, right, .. } = &*relation {
        // A lateral right side looks at the left rows too.
        let left = sources_of(left);
        walk::walk_relation(right, &mut |expr| match expr {
            Expr::Column(column) if left.contains(&column.source()) => below.insert(*column),
            _ => {}
        });
    }
    relation.each_input_mut(&mut |input| {
        // Of many columns each side of a join is asked only for its own.
        let own = (below.len() > COLUMNS_MANY).then(|| own_columns(input, &below));
        fired |= eliminate(input, own.as_ref().unwrap_or(&below), planner);
    });
    fired
}

/// The columns of a relation among some.
fn own_columns(relation: &Relation, columns: &ColumnSet) -> ColumnSet {
    let sources = sources_of(relation);
    columns.iter().copied().filter(|column| sources.contains(&column.source())).collect()
}

/// What a join comes to if one of its sides makes no difference.
fn without_join(relation: &mut Relation, needed: &ColumnSet, planner: &Planner<'_>) -> Option<Relation> {
    let Relation::Join { kind, left, right, on } = relation else { return None };
    let unread = |side: &Relation| {
        let sources = sources_of(side);
        !needed.iter().any(|column| sources.contains(&column.source()))
    };
    let is_scan = |side: &Relation| matches!(side, Relation::Scan { .. });
    match kind {
        JoinKind::Left if unread(right) && is_single(right, on, planner) => Some(take(left)),
        JoinKind::Inner if is_scan(right) && unread(right) => {
            let present = refers(right, on, planner)?;
            Some(filtered(take(left), present))
        }
        JoinKind::Inner if is_scan(left) && unread(left) => {
            let present = refers(left, on, planner)?;
            Some(filtered(take(right), present))
        }
        _ => None,
    }
}

fn filtered(relation: Relation, parts: Vec<Expr>) -> Relation {
    match conjunction(parts) {
        Some(predicate) => relation.filter(predicate),
        None => relation,
    }
}

/// The columns of a relation that a condition sets equal to columns outside of it, with those; none if it says more.
fn equated(relation: &Relation, on: &Expr) -> Option<Vec<(Column, Column)>> {
    let sources = sources_of(relation);
    let pair = |part: Expr| {
        let Expr::Compare(Comparison::Equal, a, b) = part else { return None };
        let (Expr::Column(a), Expr::Column(b)) = (*a, *b) else { return None };
        match (sources.contains(&a.source()), sources.contains(&b.source())) {
            (true, false) => Some((a, b)),
            (false, true) => Some((b, a)),
            _ => None,
        }
    };
    conjuncts(on.clone()).into_iter().map(pair).collect()
}

/// Whether a relation has at most one row for which a condition is true, whatever the other side's row is.
fn is_single(relation: &Relation, on: &Expr, planner: &Planner<'_>) -> bool {
    let sources = sources_of(relation);
    let fixed = |part: Expr| {
        let Expr::Compare(Comparison::Equal, a, b) = part else { return None };
        let own =
            |expr: &Expr| walk::columns_of(expr).iter().any(|column| sources.contains(&column.source()));
        match (*a, *b) {
            (Expr::Column(column), other) | (other, Expr::Column(column))
                if sources.contains(&column.source()) && !own(&other) =>
            {
                Some(column)
            }
            _ => None,
        }
    };
    let fixed: Vec<Column> = conjuncts(on.clone()).into_iter().filter_map(fixed).collect();
    planner.has_key(relation, &fixed)
}

/// If an inner join with a table follows a foreign key to it: that the key's columns have values, where they may not.
fn refers(parent: &Relation, on: &Expr, planner: &Planner<'_>) -> Option<Vec<Expr>> {
    let Relation::Scan { table, .. } = parent else { return None };
    let pairs = equated(parent, on)?;
    let child = pairs.first()?.1.source();
    let definition = planner.table(planner.scanned(child)?).ok()?;
    let place = |column: Column| planner.place(column);
    let key = definition.foreign_keys.iter().find(|key| {
        let follows = |(from, to): (&usize, &usize)| {
            pairs.iter().any(|(parent, child_column)| {
                child_column.source() == child
                    && place(*parent) == Some(*to)
                    && place(*child_column) == Some(*from)
            })
        };
        key.target == *table
            && !key.deferred
            && key.columns.len() == pairs.len()
            && key.columns.iter().zip(&key.target_columns).all(follows)
    })?;
    debug_assert_eq!(key.columns.len(), pairs.len());
    let nullable = pairs.into_iter().filter(|(_, column)| !planner.never_null(&Expr::Column(*column)));
    Some(nullable.map(|(_, column)| Expr::Column(column).is_null().not()).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, P, column, family, needed, number, show};
    use super::*;

    fn rewritten(relation: Relation, read: Column) -> String {
        family().plan(relation, |planner, mut relation| {
            eliminate(&mut relation, &needed([read]), planner);
            show(&relation)
        })
    }

    fn of_parent() -> Expr {
        column(C, 1).equals(column(P, 0))
    }

    #[test]
    fn a_left_join_by_a_key_is_left_out() {
        let family = family();
        let joined = family.child.join(JoinKind::Left, family.parent, of_parent());
        assert_eq!(rewritten(joined.clone(), C.column(2)), "scan c");
        assert!(rewritten(joined, P.column(1)).starts_with("Left join"));
    }

    #[test]
    fn a_left_join_that_adds_rows_stays() {
        let family = family();
        let joined = family.parent.join(JoinKind::Left, family.child, of_parent());
        assert!(rewritten(joined, P.column(1)).starts_with("Left join"));
    }

    #[test]
    fn an_inner_join_along_a_foreign_key_is_left_out() {
        let family = family();
        let joined = family.child.clone().join(JoinKind::Inner, family.parent.clone(), of_parent());
        assert_eq!(rewritten(joined, C.column(2)), "scan c");
        let few = family.parent.filter(column(P, 1).equals(number(1)));
        let joined = family.child.join(JoinKind::Inner, few, of_parent());
        assert!(rewritten(joined, C.column(2)).starts_with("Inner join"));
    }
}
