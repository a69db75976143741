//! What the parts of a disjunction have in common.
//!
//! `a AND b OR a AND c` is `a AND (b OR c)`: then `a` may be the key of a join, or of an index. (TPC-H's query 19 is a
//! cross join without it.) And where every part says something of one side of a join, the side may be asked that before
//! it is joined (query 7): `x = 1 AND y = 2 OR x = 3 AND y = 4` implies `x = 1 OR x = 3`.

use super::super::rewrite::mentioned;
use crate::algebra::Expr;
use crate::algebra::walk::{SourceSet, conjunction, conjuncts};

/// The conjuncts with what the parts of each disjunction share as conjuncts of their own.
pub(crate) fn factored(parts: Vec<Expr>) -> Vec<Expr> {
    if !parts.iter().any(shares_part) {
        return parts;
    }
    parts.into_iter().flat_map(|part| if shares_part(&part) { factor(part) } else { vec![part] }).collect()
}

/// Whether all parts of a disjunction have one in common.
fn shares_part(part: &Expr) -> bool {
    fn said(branch: &Expr) -> &[Expr] {
        match branch {
            Expr::And(all) => all,
            one => std::slice::from_ref(one),
        }
    }
    let Expr::Or(parts) = part else { return false };
    let Some((first, others)) = parts.split_first() else { return false };
    said(first).iter().any(|part| others.iter().all(|branch| said(branch).contains(part)))
}

fn factor(part: Expr) -> Vec<Expr> {
    let Expr::Or(parts) = part else { return vec![part] };
    let mut branches: Vec<Vec<Expr>> = parts.into_iter().map(conjuncts).collect();
    let Some((first, others)) = branches.split_first() else { return vec![Expr::Or(Vec::new())] };
    let shared: Vec<Expr> =
        first.iter().filter(|part| others.iter().all(|branch| branch.contains(part))).cloned().collect();
    for branch in &mut branches {
        branch.retain(|part| !shared.contains(part));
    }
    let mut factored = shared;
    if branches.iter().all(|branch| !branch.is_empty()) {
        let rest = branches.into_iter().filter_map(conjunction).collect();
        factored.push(Expr::Or(rest));
    } // else a part says no more than what all of them say
    factored
}

/// What a disjunction implies for rows of these sources alone, if every part of it says something of them.
pub(crate) fn restriction(part: &Expr, sources: &SourceSet) -> Option<Expr> {
    let Expr::Or(parts) = part else { return None };
    let of_sources = |part: &Expr| {
        let mentioned = mentioned(part);
        !mentioned.is_empty() && mentioned.is_subset(sources) && !part.is_volatile()
    };
    let own = |branch: &Expr| {
        conjunction(conjuncts(branch.clone()).into_iter().filter(|part| of_sources(part)).collect())
    };
    parts.iter().map(own).collect::<Option<Vec<Expr>>>().map(Expr::Or)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, P, column, number};
    use super::*;
    use crate::algebra::Source;

    fn is(source: Source, place: usize, value: i64) -> Expr {
        column(source, place).equals(number(value))
    }

    #[test]
    fn what_all_parts_say_is_said_once() {
        let join = column(P, 0).equals(column(C, 1));
        let part = |a, b| join.clone().and(is(P, 1, a)).and(is(C, 2, b));
        let factored = factored(vec![part(1, 2).or(part(3, 4))]);
        let rest = is(P, 1, 1).and(is(C, 2, 2)).or(is(P, 1, 3).and(is(C, 2, 4)));
        assert_eq!(factored, [join, rest]);
    }

    #[test]
    fn a_part_that_says_no_more_than_all_leaves_nothing_else() {
        let or = is(P, 1, 1).or(is(P, 1, 1).and(is(C, 2, 2)));
        assert_eq!(factored(vec![or]), [is(P, 1, 1)]);
    }

    #[test]
    fn a_side_of_a_join_is_restricted_by_what_every_part_says_of_it() {
        let or = is(P, 1, 1).and(is(C, 2, 2)).or(is(P, 1, 3).and(is(C, 2, 4)));
        assert_eq!(restriction(&or, &SourceSet::from_iter([P])), Some(is(P, 1, 1).or(is(P, 1, 3))));
        let one_sided = or.or(is(C, 2, 5));
        assert_eq!(restriction(&one_sided, &SourceSet::from_iter([P])), None);
    }
}
