//! Where SQLite and PostgreSQL differ, Nuages is like PostgreSQL. The random queries against SQLite leave these places
//! out; here they are one by one.

use nuages_engine::algebra::{
    Aggregate, AggregateFunction, Arithmetic, Comparison, Expr, Function, JoinKind, OutputColumn, Query,
    Relation, SortKey, Source, TextMatch,
};
use nuages_engine::{Database, Error, Session};
use nuages_storage::{DataType, Value};

const V: Source = Source::new(0);
const W: Source = Source::new(1);

/// The value of an expression over no row.
fn value(expr: Expr) -> Result<Value, Error> {
    let found =
        Database::new().query(&Query::new(Relation::Unit, vec![OutputColumn::new("value", expr)]), &[])?;
    Ok(found.rows.into_iter().flatten().next().unwrap_or_default())
}

/// Literal rows of one column.
fn values<T: Into<Value> + Clone>(source: Source, data_type: DataType, values: &[T]) -> Relation {
    let rows = values.iter().map(|value| vec![Expr::literal(value.clone())]).collect();
    Relation::Values { source, types: vec![data_type], rows }
}

fn own(source: Source) -> Expr {
    Expr::from(source.column(0))
}

/// The first column of a relation's rows.
fn column(relation: Relation, expr: Expr) -> Result<Vec<Value>, Error> {
    let found = Database::new().query(&Query::new(relation, vec![OutputColumn::new("value", expr)]), &[])?;
    Ok(found.rows.into_iter().flatten().collect())
}

fn int(value: i64) -> Expr {
    Expr::literal(value)
}

#[test]
fn division_by_zero_is_an_error_and_not_null() {
    assert_eq!(value(int(1).arithmetic(Arithmetic::Divide, int(0))), Err(Error::DivisionByZero));
    assert_eq!(value(int(1).arithmetic(Arithmetic::Modulo, int(0))), Err(Error::DivisionByZero));
}

#[test]
fn a_case_keeps_its_branches_from_rows_that_do_not_take_them() -> Result<(), Error> {
    let safe = Expr::Case {
        branches: vec![(own(V).equals(int(0)), int(-1))],
        otherwise: Some(Box::new(int(12).arithmetic(Arithmetic::Divide, own(V)))),
    };
    let found = column(values(V, DataType::BigInt, &[0, 4, 0, 5]), safe)?;
    assert_eq!(found, [-1, 3, -1, 2].map(Value::from));
    Ok(())
}

#[test]
fn integers_overflow_with_an_error_and_do_not_become_floats() {
    let beyond = int(i64::MAX).arithmetic(Arithmetic::Add, int(1));
    assert!(matches!(value(beyond), Err(Error::Overflow { .. })));
    let sum = Aggregate {
        function: AggregateFunction::Sum,
        argument: Some(own(V)),
        distinct: false,
        filter: None,
        second: None,
        order_by: Vec::new(),
    };
    let total = values(V, DataType::BigInt, &[i64::MAX, 1]).aggregate(W, vec![], vec![sum.clone()]);
    assert!(matches!(column(total, own(W)), Err(Error::Overflow { .. })));
    // Only the sum has to fit, not what it comes by on the way.
    let total = values(V, DataType::BigInt, &[i64::MAX, 1, -1]).aggregate(W, vec![], vec![sum]);
    assert_eq!(column(total, own(W)), Ok(vec![Value::from(i64::MAX)]));
}

#[test]
fn nulls_sort_after_everything_and_first_when_descending() -> Result<(), Error> {
    let rows = || values(V, DataType::BigInt, &[None, Some(2), Some(1)]);
    let ascending = column(rows().sort(vec![SortKey::ascending(own(V))]), own(V))?;
    assert_eq!(ascending, [Value::from(1), Value::from(2), Value::Null]);
    let descending = column(rows().sort(vec![SortKey::descending(own(V))]), own(V))?;
    assert_eq!(descending, [Value::Null, Value::from(2), Value::from(1)]);
    Ok(())
}

#[test]
fn nan_is_a_number_like_any_other_and_the_greatest() -> Result<(), Error> {
    let rows = || values(V, DataType::Float, &[f64::NAN, f64::INFINITY, 1.0]);
    let sorted = column(rows().sort(vec![SortKey::ascending(own(V))]), own(V))?;
    assert_eq!(sorted, [1.0, f64::INFINITY, f64::NAN].map(Value::from));
    let is_nan = own(V).equals(Expr::literal(f64::NAN));
    assert_eq!(column(rows().filter(is_nan), own(V))?.len(), 1);
    Ok(())
}

#[test]
fn like_heeds_the_case_and_letters_of_all_alphabets_have_one() -> Result<(), Error> {
    let like = |ignore_case, text: &str, pattern: &str| Expr::Match {
        kind: TextMatch::Like,
        ignore_case,
        text: Box::new(Expr::literal(text)),
        pattern: Box::new(Expr::literal(pattern)),
    };
    assert_eq!(value(like(false, "Été", "é%"))?, Value::from(false));
    assert_eq!(value(like(true, "Été", "é%"))?, Value::from(true));
    assert_eq!(value(Expr::Call(Function::Upper, vec![Expr::literal("été")]))?, Value::from("ÉTÉ"));
    Ok(())
}

#[test]
fn booleans_are_no_numbers() {
    let sum = Expr::literal(true).arithmetic(Arithmetic::Add, int(1));
    assert!(matches!(value(sum), Err(Error::Type { .. })));
    let compared = Expr::literal(true).compare(Comparison::Equal, int(1));
    assert!(matches!(value(compared), Err(Error::Type { .. })));
}

#[test]
fn a_subquery_of_two_rows_is_no_value() {
    let two = Query::new(values(V, DataType::BigInt, &[1, 2]), vec![OutputColumn::new("value", own(V))]);
    assert_eq!(value(Expr::Scalar(Box::new(two))), Err(Error::MoreThanOneRow));
}

#[test]
fn decimals_are_exact() -> Result<(), Error> {
    let decimal = DataType::Decimal { precision: 10, scale: 2 };
    let cast = |text: &str| Expr::Cast(Box::new(Expr::literal(text)), decimal);
    let sum = cast("0.10").arithmetic(Arithmetic::Add, cast("0.20"));
    assert_eq!(value(sum.equals(cast("0.30")))?, Value::from(true));
    Ok(())
}

#[test]
fn numbers_of_different_kinds_meet_in_a_join() -> Result<(), Error> {
    let decimal = DataType::Decimal { precision: 10, scale: 2 };
    let cast = |text: &str| Expr::Cast(Box::new(Expr::literal(text)), decimal);
    let right = Relation::Values {
        source: W,
        types: vec![decimal],
        rows: vec![vec![cast("1.00")], vec![cast("2.50")], vec![cast("3")]],
    };
    let joined = values(V, DataType::BigInt, &[1, 2, 3]).join(JoinKind::Inner, right, own(V).equals(own(W)));
    let sorted = joined.sort(vec![SortKey::ascending(own(V))]);
    assert_eq!(column(sorted, own(V))?, [1, 3].map(Value::from));
    Ok(())
}
