//! Marks beside what the same subqueries answer when they are asked for each row.

use nuages_storage::{DataType, Value};
use proptest::prelude::*;

use crate::algebra::{Comparison, Expr, OutputColumn, Query, Relation, Source};
use crate::catalog::Catalog;
use crate::error::Error;
use crate::execute::testing::context;
use crate::optimize;
use crate::plan::{MarkTest, Node, Plan, SubqueryKind};
use crate::session::Session;

const OUTER: Source = Source::new(0);
const INNER: Source = Source::new(1);

/// Rows of three columns: a key and two members, each of which may be NULL.
type Rows = Vec<[Option<i64>; 3]>;

fn relation(source: Source, rows: &Rows) -> Relation {
    let literal = |value: &Option<i64>| Expr::Literal(value.map_or(Value::Null, Value::Int));
    let rows = rows.iter().map(|row| row.iter().map(literal).collect()).collect();
    Relation::Values { source, types: vec![DataType::BigInt; 3], rows }
}

fn outer(place: usize) -> Expr {
    OUTER.column(place).into()
}

fn inner(place: usize) -> Expr {
    INNER.column(place).into()
}

fn equal(place: usize) -> Expr {
    outer(place).equals(inner(place))
}

fn members_equal() -> Expr {
    Expr::And(vec![equal(1), equal(2)])
}

/// Whether `wanted` is among what a condition comes to in the rows.
fn among(wanted: bool, rows: Relation, condition: Expr) -> Expr {
    let query = Query::new(rows, vec![OutputColumn::new("", condition)]);
    Expr::InQuery(Box::new(Expr::literal(wanted)), Box::new(query))
}

/// Conditions with a subquery over the inner rows, and whether their marks are of members.
fn conditions(rows: &Relation) -> Vec<(Expr, bool)> {
    let all = || rows.clone();
    let of_key = || all().filter(equal(0));
    let compared = |op| outer(1).compare(op, inner(1));
    let orders = [Comparison::Less, Comparison::LessOrEqual, Comparison::Greater, Comparison::GreaterOrEqual];
    let mut conditions = vec![
        (Expr::Exists(Box::new(of_key())), true),
        (Expr::Exists(Box::new(all().filter(outer(0).compare(Comparison::Same, inner(0))))), true),
        (Expr::Exists(Box::new(of_key().filter(compared(Comparison::NotEqual)))), false),
        (Expr::Exists(Box::new(all().filter(compared(Comparison::Less)))), false),
        (among(true, all(), members_equal()), true),
        (among(true, of_key(), members_equal()), true),
        (among(true, of_key(), equal(1)), true),
        (among(false, of_key(), compared(Comparison::NotEqual)), true),
        (among(true, of_key(), compared(Comparison::NotEqual)), false),
        (among(false, of_key(), equal(1)), false),
    ];
    for op in orders {
        conditions.push((among(true, all(), compared(op)), false));
        conditions.push((among(false, of_key(), compared(op)), false));
    }
    conditions
}

fn has_mark(plan: &Plan, of_members: bool) -> bool {
    match &plan.node {
        Node::Apply { subqueries, .. } => subqueries.iter().any(|subquery| match &subquery.kind {
            SubqueryKind::Mark(mark) => matches!(mark.test, MarkTest::Members(_)) == of_members,
            _ => false,
        }),
        Node::Project { input, .. } => has_mark(input, of_members),
        _ => false,
    }
}

fn values(plan: &Plan, version: &nuages_storage::Version) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    crate::execute::run(plan, version, &context(), &mut |batch| {
        found.extend(batch.selection.iter().map(|row| batch.column(0).value(row)));
        Ok(())
    })?;
    Ok(found)
}

fn rows() -> impl Strategy<Value = Rows> {
    let value = || prop::option::weighted(0.8, 0..4_i64);
    prop::collection::vec([value(), value(), value()], 0..24)
}

proptest! {
    #[test]
    fn marks_are_what_asking_for_each_row_finds(left in rows(), right in rows()) {
        let version = crate::Database::new().version().expect("the database is usable");
        for (condition, of_members) in conditions(&relation(INNER, &right)) {
            let query = Query::new(relation(OUTER, &left), vec![OutputColumn::new("", condition)]);
            let plan = |plan: fn(Query, &Catalog, &nuages_storage::Version) -> Result<Plan, Error>| {
                plan(query.clone(), Catalog::of(&version), &version)
            };
            let marked = plan(optimize::plan)?;
            prop_assert!(left.len() < 2 || has_mark(&marked, of_members), "{marked:?}");
            prop_assert_eq!(values(&marked, &version)?, values(&plan(optimize::plan_naively)?, &version)?);
        }
    }
}
