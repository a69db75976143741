//! What makes no difference: an order that nobody sees, sort keys that are decided already, a DISTINCT of rows that are
//! distinct.

use super::super::planner::Planner;
use super::take;
use crate::algebra::walk;
use crate::algebra::{Column, Expr, JoinKind, Relation, SortKey};

/// Takes out orders and distinctions that make no difference.
pub(crate) fn redundant(relation: &mut Relation, planner: &Planner<'_>) {
    match relation {
        Relation::Aggregate { input, aggregates, .. }
            if aggregates.iter().all(|aggregate| !aggregate.function.depends_on_order()) =>
        {
            unsort(input);
        }
        Relation::Join { kind: JoinKind::Semi | JoinKind::Anti, right, .. } => unsort(right),
        Relation::Sort { input, keys } => {
            *keys = deciding(std::mem::take(keys), input, planner);
            if keys.is_empty() {
                *relation = take(input);
                return redundant(relation, planner);
            }
        }
        Relation::Distinct { input, on } => {
            let columns: Option<Vec<Column>> = on
                .iter()
                .filter_map(|expr| match expr {
                    Expr::Column(column) => Some(Some(*column)),
                    _ => None,
                })
                .collect();
            if columns.is_some_and(|columns| planner.has_key(input, &columns)) {
                *relation = take(input);
                return redundant(relation, planner);
            }
        }
        _ => {}
    }
    relation.each_input_mut(&mut |input| redundant(input, planner));
}

/// Takes the order out of a relation, as far down as nothing else depends on it.
fn unsort(relation: &mut Relation) {
    match relation {
        Relation::Sort { input, .. } => {
            *relation = take(input);
            unsort(relation);
        }
        Relation::Filter { input, .. } | Relation::Project { input, .. } => unsort(input),
        _ => {}
    }
}

/// The sort keys that decide anything: not one that is the same in all rows, nor one that stands there already, nor any
/// after a key of the relation.
fn deciding(keys: Vec<SortKey>, input: &Relation, planner: &Planner<'_>) -> Vec<SortKey> {
    let mut kept: Vec<SortKey> = Vec::with_capacity(keys.len());
    let mut sorted: Vec<Column> = Vec::new();
    for key in keys {
        let column = match &key.expr {
            Expr::Column(column) => Some(*column),
            _ => None,
        };
        let fixed = match column {
            Some(column) => planner.is_fixed(input, column),
            None => walk::columns_of(&key.expr).is_empty() && matches!(key.expr, Expr::Literal(_)),
        };
        if fixed || kept.iter().any(|before| before.expr == key.expr) || planner.has_key(input, &sorted) {
            continue;
        }
        sorted.extend(column);
        kept.push(key);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, G, P, column, family, number, show};
    use super::*;
    use crate::algebra::Aggregate;

    fn rewritten(relation: Relation) -> String {
        family().plan(relation, |planner, mut relation| {
            redundant(&mut relation, planner);
            show(&relation)
        })
    }

    #[test]
    fn a_count_has_no_order() {
        let sorted = family().parent.sort(vec![SortKey::ascending(column(P, 1))]);
        assert_eq!(
            rewritten(sorted.aggregate(G, vec![], vec![Aggregate::rows()])),
            "group by : CountRows\n  scan p"
        );
    }

    #[test]
    fn keys_that_decide_nothing_are_left_out() {
        let keys = [column(C, 1), column(C, 2), column(C, 2), column(C, 0), column(C, 1)];
        let keys: Vec<SortKey> = keys.map(SortKey::ascending).into();
        let of_five = family().child.filter(column(C, 1).equals(number(5)));
        assert_eq!(rewritten(of_five.sort(keys)), "sort c.2, c.0\n  filter c.1 = 5\n    scan c");
        let one_value = family().child.filter(column(C, 1).equals(number(5)));
        let sorted = one_value.sort(vec![SortKey::ascending(column(C, 1))]);
        assert_eq!(rewritten(sorted), "filter c.1 = 5\n  scan c");
    }

    #[test]
    fn rows_with_a_key_are_distinct() {
        let distinct = family().child.distinct(vec![column(C, 2), column(C, 0)]);
        assert_eq!(rewritten(distinct), "scan c");
        let groups = family().child.aggregate(G, vec![column(C, 2)], vec![Aggregate::rows()]);
        assert!(rewritten(groups.distinct(vec![column(G, 0)])).starts_with("group by"));
        let others = family().child.distinct(vec![column(C, 2)]);
        assert!(rewritten(others).starts_with("distinct"));
    }
}
