//! Limits and orders go below projections: a projection changes neither how many rows there are nor their order, and
//! below it an index may have the order, or a limit meet its sort and become a top-k.

use hashbrown::HashMap;

use super::super::rewrite::substituted;
use super::take;
use crate::algebra::walk::{columns_of, has_subquery};
use crate::algebra::{Column, Expr, Relation};

/// Moves limits and orders below projections.
pub(crate) fn order(relation: &mut Relation) {
    match relation {
        Relation::Limit { input, offset, count } => {
            let (offset, count) = (offset.clone(), count.clone());
            order(input);
            if let Relation::Project { input: below, source, columns } = &mut **input {
                let (source, columns) = (*source, std::mem::take(columns));
                let mut limited = take(below).limit_by(offset, count);
                order(&mut limited);
                *relation = limited.project(source, columns);
            }
            return;
        }
        Relation::Sort { input, keys } => {
            if let Relation::Project { input: below, source, columns } = &mut **input {
                let by: HashMap<Column, Expr> = columns
                    .iter()
                    .enumerate()
                    .map(|(place, expr)| (source.column(place), expr.clone()))
                    .collect();
                // What is computed for the projection would be computed again for the order.
                let is_plain = |column: &Column| matches!(by.get(column), None | Some(Expr::Column(_)));
                if keys
                    .iter()
                    .all(|key| !has_subquery(&key.expr) && columns_of(&key.expr).iter().all(is_plain))
                {
                    let mut keys = std::mem::take(keys);
                    for key in &mut keys {
                        key.expr = substituted(key.expr.clone(), &by);
                    }
                    let (source, columns) = (*source, std::mem::take(columns));
                    let mut sorted = take(below).sort(keys);
                    order(&mut sorted);
                    *relation = sorted.project(source, columns);
                    return;
                }
            }
        }
        _ => {}
    }
    relation.each_input_mut(&mut order);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{G, P, column, family, number, show};
    use super::*;
    use crate::algebra::{Arithmetic, SortKey};

    #[test]
    fn a_limit_meets_its_sort_below_a_projection() {
        let twice = column(P, 1).arithmetic(Arithmetic::Multiply, number(2));
        let projected = family().parent.project(G, vec![column(P, 1), twice]);
        let mut relation = projected.sort(vec![SortKey::descending(column(G, 0))]).limit(0, Some(3));
        order(&mut relation);
        assert_eq!(
            show(&relation),
            "project p.1, p.1 * 2\n  limit Some(3) after 0\n    sort p.1\n      scan p"
        );
    }

    #[test]
    fn an_order_by_what_is_computed_stays_above() {
        let twice = column(P, 1).arithmetic(Arithmetic::Multiply, number(2));
        let mut relation =
            family().parent.project(G, vec![twice]).sort(vec![SortKey::descending(column(G, 0))]);
        order(&mut relation);
        assert!(show(&relation).starts_with("sort s2.0"), "{}", show(&relation));
    }
}
