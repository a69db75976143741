//! Transitive predicates: of `a = b AND a = 5` also `b = 5`, so that both sides of a join are made small before it.
//!
//! Facts are carried up the tree: which columns equal each other, and which equal something known. At each join what
//! follows for a side is put on it as a filter. An outer or an anti-join also takes facts from its left to its right
//! side: right rows that can have no partner make no difference to it.

use super::super::planner::Planner;
use super::take;
use crate::algebra::walk::sources_of;
use crate::algebra::walk::{columns_of, conjunction, conjuncts, has_subquery};
use crate::algebra::{Column, Comparison, Expr, JoinKind, Relation};

/// What holds of every row of a relation.
#[derive(Default)]
struct Facts {
    equal: Vec<(Column, Column)>,
    /// A column, and what it equals: a literal or a parameter.
    fixed: Vec<(Column, Expr)>,
}

/// Puts filters that follow from others into the inputs of joins; whether there were any.
pub(crate) fn transitive(relation: &mut Relation, planner: &Planner<'_>) -> bool {
    let mut fired = false;
    facts(relation, planner, &mut fired);
    fired
}

fn facts(relation: &mut Relation, planner: &Planner<'_>, fired: &mut bool) -> Facts {
    match relation {
        Relation::Filter { input, predicate } => {
            let mut facts = facts(input, planner, fired);
            facts.learn(predicate, planner);
            facts
        }
        Relation::Join { kind, left, right, on } => {
            let (left_facts, right_facts) = (facts(left, planner, fired), facts(right, planner, fired));
            match kind {
                JoinKind::Inner => {
                    let mut all = left_facts;
                    all.equal.extend(right_facts.equal);
                    all.fixed.extend(right_facts.fixed);
                    all.learn(on, planner);
                    all.close();
                    *fired |= all.restrict(left);
                    *fired |= all.restrict(right);
                    all
                }
                JoinKind::Left | JoinKind::Semi | JoinKind::Anti => {
                    let mut within =
                        Facts { equal: left_facts.equal.clone(), fixed: left_facts.fixed.clone() };
                    within.learn(on, planner);
                    within.close();
                    *fired |= within.restrict(right);
                    left_facts
                }
                // Rows of both sides come without a partner, so nothing is known of all of them.
                JoinKind::Full => Facts::default(),
            }
        }
        other => {
            other.each_input_mut(&mut |input| {
                facts(input, planner, fired);
            });
            Facts::default()
        }
    }
}

impl Facts {
    fn learn(&mut self, predicate: &Expr, planner: &Planner<'_>) {
        let (a, b) = match predicate {
            Expr::And(parts) => return parts.iter().for_each(|part| self.learn(part, planner)),
            Expr::Compare(Comparison::Equal, a, b) => (&**a, &**b),
            _ => return,
        };
        match (a, b) {
            // Equality is carried over only between columns of one type, where it means the same.
            (Expr::Column(a), Expr::Column(b))
                if planner.column_type(*a).is_some()
                    && planner.column_type(*a) == planner.column_type(*b) =>
            {
                self.equal.push((*a, *b));
            }
            (Expr::Column(column), value) | (value, Expr::Column(column))
                if columns_of(value).is_empty() && !has_subquery(value) && !value.is_volatile() =>
            {
                self.fixed.push((*column, value.clone()));
            }
            _ => {}
        }
    }

    /// Adds what follows from what is known.
    fn close(&mut self) {
        loop {
            let follows = self.equal.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]).find_map(|(from, to)| {
                let value = |column: Column| self.fixed.iter().find(|(known, _)| *known == column);
                value(to).is_none().then(|| value(from)).flatten().map(|(_, value)| (to, value.clone()))
            });
            match follows {
                Some(fact) => self.fixed.push(fact),
                None => return,
            }
        }
    }

    /// Puts what is known of a relation's columns on it, unless it says so itself.
    fn restrict(&self, relation: &mut Relation) -> bool {
        let sources = sources_of(relation);
        let own = self.fixed.iter().filter(|(column, _)| sources.contains(&column.source()));
        let new: Vec<Expr> = own
            .filter(|(column, _)| !fixes(relation, *column))
            .map(|(column, value)| Expr::Column(*column).equals(value.clone()))
            .collect();
        let Some(predicate) = conjunction(new) else { return false };
        *relation = take(relation).filter(predicate);
        true
    }
}

/// Whether a relation has a column at one value already.
fn fixes(relation: &Relation, column: Column) -> bool {
    let here = |predicate: &Expr| {
        conjuncts(predicate.clone()).iter().any(|part| match part {
            Expr::Compare(Comparison::Equal, a, b) => [(a, b), (b, a)]
                .into_iter()
                .any(|(side, value)| **side == Expr::Column(column) && columns_of(value).is_empty()),
            _ => false,
        })
    };
    match relation {
        Relation::Filter { input, predicate } => here(predicate) || fixes(input, column),
        Relation::Join { kind: JoinKind::Inner, left, right, .. } => {
            fixes(left, column) || fixes(right, column)
        }
        Relation::Join { left, .. } => fixes(left, column),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, P, column, family, number, show};
    use super::*;

    fn rewritten(relation: Relation) -> String {
        family().plan(relation, |planner, mut relation| {
            transitive(&mut relation, planner);
            show(&relation)
        })
    }

    #[test]
    fn both_sides_of_an_equality_are_fixed() {
        let family = family();
        let fifth = family.parent.clone().filter(column(P, 0).equals(number(5)));
        let joined = fifth.join(JoinKind::Inner, family.child, column(C, 1).equals(column(P, 0)));
        assert_eq!(
            rewritten(joined),
            "Inner join c.1 = p.0\n  filter p.0 = 5\n    scan p\n  filter c.1 = 5\n    scan c"
        );
    }

    #[test]
    fn an_outer_join_takes_facts_to_its_right_side_only() {
        let family = family();
        let of_five = family.child.clone().filter(column(C, 1).equals(number(5)));
        let on = column(C, 1).equals(column(P, 0));
        let to_right = of_five.clone().join(JoinKind::Left, family.parent.clone(), on.clone());
        let to_right = rewritten(to_right);
        assert!(to_right.contains("filter p.0 = 5"), "{to_right}");
        let to_left = family.parent.join(JoinKind::Left, of_five, on);
        let to_left = rewritten(to_left);
        assert!(!to_left.contains("filter p.0 = 5"), "{to_left}");
    }
}
