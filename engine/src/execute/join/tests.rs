//! Hash joins, merge joins and nested loops against every pair of rows.

use nuages_storage::key::{KeyBuffer, KeyPart};
use nuages_storage::{DataType, Value};
use proptest::prelude::*;

use super::super::apply::PairTest;
use super::super::hash_join::HashJoin;
use super::super::marking_join::MarkingJoin;
use super::super::merge_join::MergeJoin;
use super::super::nested_loop::NestedLoop;
use super::super::testing::{Input, Row, TEXT, column, column_expr, input_of, kind, rows_of, scalar};
use super::{Equijoin, Side};
use crate::algebra::{Comparison, Expr, JoinKind};
use crate::evaluate::Scalar;
use crate::plan::{Estimate, Plan};

const KINDS: [JoinKind; 5] =
    [JoinKind::Inner, JoinKind::Left, JoinKind::Full, JoinKind::Semi, JoinKind::Anti];

/// Two inputs of the same types, the last an integer.
fn inputs() -> impl Strategy<Value = (Input, Input)> {
    prop::collection::vec(kind(), 1..3).prop_flat_map(|mut types| {
        types.push(DataType::BigInt);
        (input_of(types.clone()), input_of(types))
    })
}

/// The same with keys that occur once on the right.
fn inputs_of_children_and_parents() -> impl Strategy<Value = (Input, Input)> {
    inputs().prop_map(|(left, mut right)| {
        let mut seen: Vec<Row> = Vec::new();
        for (row, selected) in right.batches.iter_mut().flatten() {
            let key = row[..row.len() - 1].to_vec();
            *selected = *selected && !seen.contains(&key);
            seen.push(key);
        }
        (left, right)
    })
}

/// What a join yields, in the order of the left rows and then of the right; of a full join sorted.
fn model(kind: JoinKind, left: &Input, right: &Input, pairs: impl Fn(&Row, &Row) -> bool) -> Vec<Row> {
    let right_rows = right.rows();
    let mut joined = Vec::new();
    for row in left.rows() {
        let partners: Vec<&Row> = right_rows.iter().filter(|other| pairs(&row, other)).collect();
        let nulls = vec![Value::Null; right.types.len()];
        match kind {
            JoinKind::Left | JoinKind::Full if partners.is_empty() => joined.push([row, nulls].concat()),
            JoinKind::Inner | JoinKind::Left | JoinKind::Full => {
                joined.extend(partners.into_iter().map(|other| [&row[..], other].concat()));
            }
            JoinKind::Semi if partners.is_empty() => {}
            JoinKind::Anti if !partners.is_empty() => {}
            JoinKind::Semi | JoinKind::Anti => joined.push(row),
        }
    }
    if kind == JoinKind::Full {
        let left_rows = left.rows();
        let lonely = right_rows.iter().filter(|other| !left_rows.iter().any(|row| pairs(row, other)));
        let nulls = vec![Value::Null; left.types.len()];
        joined.extend(lonely.map(|other| [&nulls[..], other].concat()));
    }
    ordered(kind, joined)
}

/// Rows in an order that is fixed: that of a full join is not.
fn ordered(kind: JoinKind, mut rows: Vec<Row>) -> Vec<Row> {
    if kind == JoinKind::Full {
        rows.sort();
    }
    rows
}

/// Whether the last column of the left row is less than that of the right.
fn residual(left: &Input, right: &Input) -> Scalar {
    let types = [&left.types[..], &right.types].concat();
    let (a, b) = (column_expr(left.types.len() - 1), column_expr(types.len() - 1));
    scalar(&a.compare(Comparison::Less, b), &types)
}

fn passes_residual(left: &Row, right: &Row) -> bool {
    match (left.last(), right.last()) {
        (Some(left), Some(right)) => !left.is_null() && !right.is_null() && left < right,
        _ => false,
    }
}

fn equal_keys(left: &Row, right: &Row) -> bool {
    let pairs = || left[..left.len() - 1].iter().zip(right);
    pairs().all(|(left, right)| left == right && !left.is_null())
}

/// The same where NULL is as good a key as any.
fn same_keys(left: &Row, right: &Row) -> bool {
    left[..left.len() - 1] == right[..left.len() - 1]
}

/// A hash join by keys that are compared in this way. Whichever side is thought to be the smaller, it yields the same.
fn hash_join(
    kind: JoinKind,
    comparison: Comparison,
    left: &Input,
    right: &Input,
    residual: Option<&Scalar>,
) -> Vec<Row> {
    let part = |_| Expr::literal(0).compare(comparison, Expr::literal(0));
    let on: Vec<_> = (0..left.types.len() - 1).map(part).collect();
    let keys: Vec<_> = (0..left.types.len() - 1).map(|index| column(index, &left.types)).collect();
    let all: Vec<usize> = (0..right.types.len()).collect();
    let with_right_rows = |estimate: f64| {
        let (left_plan, right_plan) =
            (left.plan(), Plan { estimate: Estimate::about(estimate), ..right.plan() });
        let left = Side { plan: &left_plan, input: left.open(), keys: &keys };
        let right = Side { plan: &right_plan, input: right.open(), keys: &keys };
        let residual = residual.map(PairTest::plain);
        let join = Equijoin { kind, left, right, on: &on, right_columns: &all, residual };
        ordered(kind, rows_of(HashJoin::new(join)))
    };
    let joined = with_right_rows(1.0);
    assert_eq!(with_right_rows(1_000.0), joined, "{kind:?}");
    joined
}

/// The same with the left side in the hash table.
fn marking_join(
    kind: JoinKind,
    comparison: Comparison,
    left: &Input,
    right: &Input,
    residual: Option<&Scalar>,
) -> Vec<Row> {
    let part = |_| Expr::literal(0).compare(comparison, Expr::literal(0));
    let on: Vec<_> = (0..left.types.len() - 1).map(part).collect();
    let keys: Vec<_> = (0..left.types.len() - 1).map(|index| column(index, &left.types)).collect();
    let (left_plan, right_plan) = (left.plan(), right.plan());
    let all: Vec<usize> = (0..right.types.len()).collect();
    let left = Side { plan: &left_plan, input: left.open(), keys: &keys };
    let right = Side { plan: &right_plan, input: right.open(), keys: &keys };
    let residual = residual.map(PairTest::plain);
    rows_of(MarkingJoin::new(Equijoin { kind, left, right, on: &on, right_columns: &all, residual }))
}

/// The rows of an input in the order of their keys, in batches as short as they were.
fn in_order(input: &Input) -> Input {
    let key = |row: &Row| {
        let mut key = KeyBuffer::new();
        let part = KeyPart::ASCENDING.nullable();
        row[..row.len() - 1].iter().for_each(|value| key.push_value(part, value));
        key.as_slice().to_vec()
    };
    let mut rows: Vec<(Row, bool)> = input.batches.iter().flatten().cloned().collect();
    rows.sort_by_key(|(row, _)| key(row));
    let mut rows = rows.into_iter();
    let batches = input.batches.iter().map(|batch| rows.by_ref().take(batch.len()).collect()).collect();
    Input { types: input.types.clone(), batches }
}

fn merge_join(kind: JoinKind, left: &Input, right: &Input, residual: Option<&Scalar>) -> Vec<Row> {
    let keys: Vec<_> = (0..left.types.len() - 1).map(|index| column(index, &left.types)).collect();
    let right_plan = right.plan();
    let all: Vec<usize> = (0..right.types.len()).collect();
    let (left, right) = ((left.open(), &keys[..]), (&right_plan, right.open()));
    rows_of(MergeJoin::new(kind, left, right, &keys, &all, residual.map(PairTest::plain)))
}

fn nested_loop(kind: JoinKind, left: &Input, right: &Input, on: Option<&Scalar>) -> Vec<Row> {
    let (left_plan, right_plan) = (left.plan(), right.plan());
    let (left, right) = ((&left_plan, left.open()), (&right_plan, right.open()));
    ordered(kind, rows_of(NestedLoop::new(kind, left, right, on.map(PairTest::plain))))
}

/// Merge joins of the inputs in order, as hash joins of the same.
fn check_merged(left: &Input, right: &Input) -> Result<(), TestCaseError> {
    let condition = residual(left, right);
    let (left, right) = (&in_order(left), &in_order(right));
    for kind in [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti] {
        for residual in [None, Some(&condition)] {
            let merged = merge_join(kind, left, right, residual);
            let hashed = hash_join(kind, Comparison::Equal, left, right, residual);
            prop_assert_eq!(merged, hashed, "{:?}", kind);
        }
    }
    Ok(())
}

fn check(left: &Input, right: &Input) -> Result<(), TestCaseError> {
    check_merged(left, right)?;
    let condition = residual(left, right);
    for kind in KINDS {
        let ways = [(Comparison::Equal, equal_keys as fn(&Row, &Row) -> bool), (Comparison::Same, same_keys)];
        for (comparison, meet) in ways {
            let joined = hash_join(kind, comparison, left, right, None);
            prop_assert_eq!(joined, model(kind, left, right, meet), "{:?}", kind);
            let both = |left: &Row, right: &Row| meet(left, right) && passes_residual(left, right);
            let joined = hash_join(kind, comparison, left, right, Some(&condition));
            prop_assert_eq!(joined, model(kind, left, right, both), "{:?} with a residual", kind);
            if matches!(kind, JoinKind::Semi | JoinKind::Anti) {
                let marked = marking_join(kind, comparison, left, right, None);
                prop_assert_eq!(marked, model(kind, left, right, meet), "{:?} by marking", kind);
                let marked = marking_join(kind, comparison, left, right, Some(&condition));
                prop_assert_eq!(
                    marked,
                    model(kind, left, right, both),
                    "{:?} by marking with a residual",
                    kind
                );
            }
        }
        prop_assert_eq!(
            nested_loop(kind, left, right, None),
            model(kind, left, right, |_, _| true),
            "{:?}",
            kind
        );
        let joined = nested_loop(kind, left, right, Some(&condition));
        prop_assert_eq!(joined, model(kind, left, right, passes_residual), "{:?} on a condition", kind);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn joins_yield_the_pairs_that_match((left, right) in inputs()) {
        check(&left, &right)?;
    }

    #[test]
    fn joins_with_unique_keys_yield_the_pairs_that_match((left, right) in inputs_of_children_and_parents()) {
        check(&left, &right)?;
    }
}

/// Rows of one key and the number of the row.
fn rows(key: impl Fn(i64) -> Value, count: i64) -> Input {
    let kind = key(0).data_type().unwrap_or(DataType::BigInt);
    Input::of(&[kind, DataType::BigInt], (0..count).map(|row| vec![key(row), Value::Int(row)]).collect(), 64)
}

#[test]
fn a_key_may_have_more_partners_than_a_batch_has_rows() {
    let (left, right) = (rows(|row| Value::Int(row % 2), 4), rows(|row| Value::Int(row / 3_000), 6_000));
    for kind in KINDS {
        assert_eq!(
            hash_join(kind, Comparison::Equal, &left, &right, None),
            model(kind, &left, &right, equal_keys)
        );
        let condition = residual(&left, &right);
        let both = |left: &Row, right: &Row| equal_keys(left, right) && passes_residual(left, right);
        assert_eq!(
            hash_join(kind, Comparison::Equal, &left, &right, Some(&condition)),
            model(kind, &left, &right, both)
        );
        assert_eq!(
            nested_loop(kind, &left, &right, Some(&condition)),
            model(kind, &left, &right, passes_residual)
        );
    }
    for kind in [JoinKind::Semi, JoinKind::Anti] {
        // Each right row has more partners than are tested together, and each left row has, too.
        for (left, right) in [(&left, &right), (&right, &left)] {
            let condition = residual(left, right);
            let both = |left: &Row, right: &Row| equal_keys(left, right) && passes_residual(left, right);
            let marked = marking_join(kind, Comparison::Equal, left, right, Some(&condition));
            assert_eq!(marked, model(kind, left, right, both));
        }
    }
}

#[test]
fn a_lonely_row_is_put_out_after_all_its_partners_failed_whatever_batch_they_end_in() {
    for partners in [1_022, 1_023, 1_024, 1_025, 2_048] {
        let left = Input::of(&[TEXT, DataType::BigInt], vec![vec!["k".into(), Value::Int(i64::MAX)]; 3], 2);
        let right = rows(|_| "k".into(), partners);
        let joined =
            hash_join(JoinKind::Left, Comparison::Equal, &left, &right, Some(&residual(&left, &right)));
        assert_eq!(joined, vec![vec!["k".into(), Value::Int(i64::MAX), Value::Null, Value::Null]; 3]);
    }
}

#[test]
fn null_keys_match_nothing_and_empty_sides_yield_what_is_left() {
    let nulls = Input::of(&[DataType::BigInt; 2], vec![vec![Value::Null, Value::Int(1)]; 2], 1);
    let empty = Input::of(&[DataType::BigInt; 2], Vec::new(), 1);
    for other in [&nulls, &empty] {
        assert!(hash_join(JoinKind::Inner, Comparison::Equal, &nulls, other, None).is_empty());
        assert!(hash_join(JoinKind::Semi, Comparison::Equal, &nulls, other, None).is_empty());
        assert_eq!(hash_join(JoinKind::Left, Comparison::Equal, &nulls, other, None).len(), 2);
        assert_eq!(hash_join(JoinKind::Anti, Comparison::Equal, &nulls, other, None).len(), 2);
        assert!(hash_join(JoinKind::Left, Comparison::Equal, &empty, other, None).is_empty());
    }
}

#[test]
fn keys_that_are_equal_in_another_form_match() {
    let pairs: [(Value, Value); 3] = [
        ((-0.0).into(), 0.0.into()),
        (f64::NAN.into(), (-f64::NAN).into()),
        (rust_decimal::Decimal::new(10, 1).into(), rust_decimal::Decimal::new(100, 2).into()),
    ];
    for (a, b) in pairs {
        let (left, right) = (rows(|_| a.clone(), 2), rows(|_| b.clone(), 2));
        assert_eq!(
            hash_join(JoinKind::Inner, Comparison::Equal, &left, &right, None).len(),
            4,
            "{a} and {b}"
        );
    }
}
