//! Conditions above UNION, INTERSECT and EXCEPT go to both sides: a row of the result is a row of a side, and equal
//! rows are kept or dropped together.

use hashbrown::HashMap;

use super::super::rewrite::substituted;
use super::take;
use crate::algebra::walk::{conjunction, has_subquery};
use crate::algebra::{Column, Expr, Query, Source};

/// Puts the conditions that speak of a set operation's columns on its sides, and returns the others.
pub(crate) fn push_into_sides(
    source: Source,
    left: &mut Query,
    right: &mut Query,
    parts: Vec<Expr>,
) -> Vec<Expr> {
    let is_plain = |query: &Query| {
        !query.columns.iter().any(|column| has_subquery(&column.expr) || column.expr.is_volatile())
    };
    if !is_plain(left) || !is_plain(right) {
        return parts;
    }
    let (below, stay): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| {
        let mentioned = crate::algebra::walk::columns_of(part);
        !has_subquery(part)
            && !part.is_volatile()
            && !mentioned.is_empty()
            && mentioned.iter().all(|column| column.source() == source && column.index() < left.columns.len())
    });
    if let Some(predicate) = conjunction(below) {
        for side in [left, right] {
            let by: HashMap<Column, Expr> = side
                .columns
                .iter()
                .enumerate()
                .map(|(place, column)| (source.column(place), column.expr.clone()))
                .collect();
            side.relation = take(&mut side.relation).filter(substituted(predicate.clone(), &by));
        }
    }
    stay
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, G, P, column, family, number, show};
    use super::*;
    use crate::algebra::{OutputColumn, Relation, SetKind};

    #[test]
    fn both_sides_are_asked() {
        let family = family();
        let mut left = Query::new(family.parent, vec![OutputColumn::new("", column(P, 1))]);
        let mut right = Query::new(family.child, vec![OutputColumn::new("", column(C, 2))]);
        let part = column(G, 0).equals(number(5));
        assert!(push_into_sides(G, &mut left, &mut right, vec![part]).is_empty());
        let (left, right) = (Box::new(left), Box::new(right));
        let union = Relation::Set { kind: SetKind::Union, all: true, source: G, left, right };
        assert_eq!(show(&union), "Union\n  filter p.1 = 5\n    scan p\n  filter c.2 = 5\n    scan c");
    }
}
