//! Semi- and anti-joins after inner joins.
//!
//! Rewriting puts `EXISTS` and `IN` as deep as their columns allow, so that they take rows away early. Where another
//! join takes away more, and each test is dear, they had better come last (TPC-H's query 21: the suppliers of one
//! nation are few, the lines that came late are not). Both ways are planned, and the cheaper is taken.

use super::lateral::is_lateral;
use super::planner::{NESTING_MAX, Planner};
use crate::algebra::walk::ColumnSet;
use crate::algebra::{Expr, JoinKind, Relation};
use crate::error::Error;
use crate::plan::Plan;

/// A semi- or anti-join without its left side.
struct Test {
    kind: JoinKind,
    right: Relation,
    on: Expr,
}

/// Inner joins with the semi- and anti-joins among their inputs above them; none if there are none.
fn tested_last(join: &Relation) -> Option<Relation> {
    let mut tests = Vec::new();
    let untested = take_tests(join.clone(), &mut tests);
    (!tests.is_empty()).then(|| {
        tests.into_iter().fold(untested, |left, Test { kind, right, on }| left.join(kind, right, on))
    })
}

fn take_tests(relation: Relation, tests: &mut Vec<Test>) -> Relation {
    match relation {
        Relation::Join { kind: JoinKind::Inner, left, right, on }
            if !is_lateral(JoinKind::Inner, &left, &right) =>
        {
            let left = take_tests(*left, tests);
            left.join(JoinKind::Inner, take_tests(*right, tests), on)
        }
        Relation::Join { kind: kind @ (JoinKind::Semi | JoinKind::Anti), left, right, on } => {
            let left = take_tests(*left, tests);
            tests.push(Test { kind, right: *right, on });
            left
        }
        other => other,
    }
}

impl Planner<'_> {
    /// The plan of inner joins, the tests among their inputs made before or after them.
    pub(super) fn build_inner_and_tests(
        &mut self,
        join: Relation,
        needed: &ColumnSet,
    ) -> Result<Plan, Error> {
        let late = if self.nesting < NESTING_MAX { tested_last(&join) } else { None };
        let Some(late) = late else { return self.build_inner(join, needed) };
        self.nesting += 1;
        let (early, late) = (self.build_inner(join, needed), self.build_join(late, needed));
        self.nesting -= 1;
        let (early, late) = (early?, late?);
        let costs = [self.price(&early), self.price(&late)];
        Ok(if self.choose(&costs) == 0 { early } else { late })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::Source;
    use nuages_storage::TableId;

    #[test]
    fn tests_come_after_the_joins() {
        let scan = |number| Relation::scan(TableId::new(number), Source::new(number));
        let on = |a, b| Expr::from(Source::new(a).column(0)).equals(Expr::from(Source::new(b).column(0)));
        let tested = scan(0).join(JoinKind::Semi, scan(1), on(0, 1));
        let join = tested.join(JoinKind::Inner, scan(2), on(0, 2));
        let last = scan(0).join(JoinKind::Inner, scan(2), on(0, 2)).join(JoinKind::Semi, scan(1), on(0, 1));
        assert_eq!(tested_last(&join), Some(last));
        assert_eq!(tested_last(&scan(0).join(JoinKind::Inner, scan(2), on(0, 2))), None);
    }
}
