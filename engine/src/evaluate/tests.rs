//! Evaluation against the meaning of the algebra.

mod naive;
mod random;

use nuages_storage::{DataType, Value};
use proptest::prelude::*;

use super::testing::{SOURCE, context, value_of};
use super::{Context, Scalar};
use crate::algebra::{Arithmetic, Comparison, Expr};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::vector::Vector;

const TRUTHS: [Option<bool>; 3] = [Some(true), Some(false), None];

fn lit(value: impl Into<Value>) -> Expr {
    Expr::literal(value)
}

fn column(index: usize) -> Expr {
    SOURCE.column(index).into()
}

type Truths = (Option<bool>, Option<bool>);

/// Two columns of booleans with every pair of truth values.
fn pairs_of_truths() -> (Batch<'static>, Vec<Truths>) {
    let pairs: Vec<_> = TRUTHS.iter().flat_map(|a| TRUTHS.iter().map(move |b| (*a, *b))).collect();
    let left = Vector::from_values(DataType::Bool, pairs.iter().map(|(a, _)| Value::from(*a)));
    let right = Vector::from_values(DataType::Bool, pairs.iter().map(|(_, b)| Value::from(*b)));
    (Batch::new([left, right], pairs.len()), pairs)
}

fn check_truth_table(expr: &Expr, expected: impl Fn(Option<bool>, Option<bool>) -> Option<bool>) {
    let (batch, pairs) = pairs_of_truths();
    let scalar = Scalar::compile(expr, &|column| Some((column.index(), DataType::Bool))).unwrap();
    let vector = scalar.evaluate(&batch, &context()).unwrap();
    let filtered = scalar.filter(&batch, &context()).unwrap();
    for (row, (a, b)) in pairs.into_iter().enumerate() {
        assert_eq!(vector.bool(row), expected(a, b), "{a:?}, {b:?}");
        assert_eq!(filtered.contains(row), expected(a, b) == Some(true), "{a:?}, {b:?} as a filter");
    }
}

#[test]
fn logic_has_three_values() {
    check_truth_table(&column(0).and(column(1)), |a, b| match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    });
    check_truth_table(&column(0).or(column(1)), |a, b| match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    });
    check_truth_table(&column(0).not(), |a, _| a.map(|a| !a));
    check_truth_table(&column(0).is_null(), |a, _| Some(a.is_none()));
    check_truth_table(&column(0).and(column(1)).not(), |a, b| match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(true),
        (Some(true), Some(true)) => Some(false),
        _ => None,
    });
    check_truth_table(&column(0).equals(column(1)), |a, b| Some(a? == b?));
    check_truth_table(&column(0).compare(Comparison::Same, column(1)), |a, b| Some(a == b));
    check_truth_table(&column(0).compare(Comparison::Less, column(1)), |a, b| Some(!a? & b?));
    check_truth_table(&column(0).compare(Comparison::GreaterOrEqual, column(1)), |a, b| Some(a? | !b?));
    check_truth_table(&Expr::InList(Box::new(column(0)), vec![lit(true), lit(Value::Null)]), |a, _| {
        if a == Some(true) { Some(true) } else { None }
    });
    check_truth_table(&Expr::InList(Box::new(column(0)), vec![]), |_, _| Some(false));
    check_truth_table(&Expr::And(vec![]), |_, _| Some(true));
    check_truth_table(&Expr::Or(vec![]), |_, _| Some(false));
}

/// `10 / a` over the column 1, 0, NULL, 0, of which the last row is not selected.
fn tenth() -> (Batch<'static>, Expr) {
    let a =
        Vector::from_values(DataType::BigInt, [Value::from(1), Value::from(0), Value::Null, Value::from(0)]);
    let batch = Batch::new([a], 4).with_selection(Bits::from_word(0b111));
    (batch, lit(10).arithmetic(Arithmetic::Divide, column(0)))
}

fn compiled(expr: &Expr) -> Scalar {
    Scalar::compile(expr, &|column| Some((column.index(), DataType::BigInt))).unwrap()
}

#[test]
fn what_is_not_needed_cannot_fail() {
    let (batch, tenth) = tenth();
    let run = |expr: &Expr| compiled(expr).evaluate(&batch, &context());
    assert_eq!(run(&tenth).unwrap_err(), Error::DivisionByZero);

    let not_zero = column(0).compare(Comparison::NotEqual, lit(0));
    let guarded = not_zero.clone().and(tenth.clone().compare(Comparison::Greater, lit(5)));
    assert_eq!(run(&guarded).unwrap().bool(0), Some(true));
    let zero = column(0).equals(lit(0));
    let either = zero.or(tenth.clone().compare(Comparison::Greater, lit(5)));
    assert_eq!(run(&either).unwrap().bool(1), Some(true));

    let case = Expr::Case { branches: vec![(not_zero, tenth.clone())], otherwise: Some(Box::new(lit(-1))) };
    let case = run(&case).unwrap();
    assert_eq!([case.int(0), case.int(1), case.int(2)], [Some(10), Some(-1), Some(-1)]);

    let coalesce = Expr::Call(crate::algebra::Function::Coalesce, vec![column(0), tenth.clone()]);
    assert_eq!(run(&coalesce).unwrap().int(2), None);
    let only_valid = batch.clone().with_selection(Bits::from_word(0b101));
    assert_eq!(compiled(&tenth).evaluate(&only_valid, &context()).unwrap().int(0), Some(10));
}

#[test]
fn a_constant_that_fails_fails_only_where_it_is_needed() {
    let failing = lit(1).arithmetic(Arithmetic::Divide, lit(0));
    let (batch, _) = tenth();
    let guarded = column(0).is_null().and(column(0).equals(lit(7))).and(failing.clone().equals(lit(1)));
    assert!(compiled(&guarded).filter(&batch, &context()).unwrap().is_empty());
    assert_eq!(compiled(&failing).evaluate(&batch, &context()).unwrap_err(), Error::DivisionByZero);
}

#[test]
fn types_that_do_not_go_together_are_named() {
    let date = Value::from(jiff::civil::date(2024, 1, 1));
    let timestamp = Value::from(jiff::Timestamp::UNIX_EPOCH);
    let refused = |expr: Expr| value_of(&expr).unwrap_err().to_string();
    assert_eq!(
        refused(lit(date.clone()).compare(Comparison::Less, lit(timestamp))),
        "<: expected date, got timestamp with time zone"
    );
    assert_eq!(
        refused(lit(true).arithmetic(Arithmetic::Add, lit(1))),
        "+: expected what goes with boolean, got bigint"
    );
    assert_eq!(refused(lit(1).and(lit(true))), "AND: expected boolean, got bigint");
    assert_eq!(refused(Expr::Cast(Box::new(lit(date)), DataType::Uuid)), "CAST: expected uuid, got date");
    assert_eq!(
        refused(Expr::Call(crate::algebra::Function::Lower, vec![lit(1)])),
        "lower(): expected text, got bigint"
    );
    assert_eq!(
        refused(Expr::Call(crate::algebra::Function::Left, vec![lit("x")])),
        "left(): expected 2 arguments, got 1"
    );
}

#[test]
fn a_literal_text_is_read_as_what_it_is_compared_with() {
    let timestamp = |text: &str| lit(text.parse::<jiff::Timestamp>().unwrap());
    assert_eq!(value_of(&timestamp("2024-05-01T10:00:00Z").equals(lit("2024-05-01 10:00"))), Ok(true.into()));
    assert_eq!(value_of(&lit(5).compare(Comparison::Less, lit(" 7 "))), Ok(true.into()));
    assert_eq!(
        value_of(&lit(5).equals(lit("five"))),
        Err(Error::Cast { text: "five".into(), data_type: DataType::BigInt })
    );
}

#[test]
fn parameters_are_bound_when_it_runs() {
    let above = column(0).compare(Comparison::GreaterOrEqual, Expr::Parameter(1, DataType::BigInt));
    let scalar = compiled(&above);
    let batch = Batch::new([Vector::ints([1, 5, 9])], 3);
    let rows = |parameters: &[Value]| {
        let context = Context::at(parameters, jiff::Timestamp::UNIX_EPOCH);
        scalar.filter(&batch, &context).map(|bits| bits.iter().collect::<Vec<_>>())
    };
    assert_eq!(rows(&[Value::Null, Value::from(5)]), Ok(vec![1, 2]));
    assert_eq!(rows(&[Value::Null, Value::Null]), Ok(vec![]));
    assert_eq!(rows(&[Value::Null]), Err(Error::MissingParameter { index: 1, given: 1 }));
    assert!(matches!(rows(&[Value::Null, Value::from("x")]), Err(Error::Type { .. })));
    assert!(matches!(rows(&[Value::Null, Value::from(1.5)]), Err(Error::Type { .. })));

    let half = lit(2.5).equals(Expr::Parameter(0, DataType::Float));
    let parameters = ["2.5".parse::<rust_decimal::Decimal>().unwrap().into()];
    let context = Context::new(&parameters);
    assert_eq!(compiled(&half).value(&context), Ok(true.into()));
}

#[test]
fn numbers_of_different_kinds_compare_by_value() {
    let decimal = |text: &str| lit(text.parse::<rust_decimal::Decimal>().unwrap());
    for expr in [
        lit(1).equals(lit(1.0)),
        lit(1).equals(decimal("1.00")),
        decimal("0.1").equals(lit(0.1)),
        lit(2).compare(Comparison::Greater, decimal("1.99")),
        lit(f64::NAN).compare(Comparison::Greater, lit(f64::INFINITY)),
        lit(f64::NAN).equals(lit(f64::NAN)),
        lit(-0.0).equals(lit(0.0)),
        lit(-1.5).compare(Comparison::Less, lit(-1.25)),
        Expr::InList(Box::new(lit(2)), vec![lit(1.5), lit(2.0)]),
        Expr::InList(Box::new(decimal("2.50")), vec![lit(1), decimal("2.5")]),
    ] {
        assert_eq!(value_of(&expr), Ok(true.into()), "{expr:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn columns_have_the_values_that_rows_have_one_by_one(
        expr in random::expression(3),
        rows in proptest::collection::vec(random::row(), 1..100),
        chosen in any::<[u64; 2]>(),
    ) {
        let len = rows.len();
        let columns = random::TYPES.iter().enumerate().map(|(index, kind)| {
            Vector::from_values(*kind, rows.iter().map(|row| row[index].clone()))
        });
        let selection = Bits::from_fn(len, |row| chosen[row / 64] >> (row % 64) & 1 == 1);
        let batch = Batch::new(columns, len).with_selection(selection);
        let scalar = Scalar::compile(&expr, &|column| {
            Some((column.index(), random::TYPES[column.index()]))
        }).unwrap();

        let expected: Vec<Result<Value, Error>> = rows.iter().map(|row| naive::evaluate(&expr, row)).collect();
        let fails = batch.selection.iter().any(|row| expected[row].is_err());
        let vector = scalar.evaluate(&batch, &context());
        prop_assert_eq!(vector.is_err(), fails, "{:?}", vector);
        for row in &batch.selection {
            if let (Ok(vector), Ok(expected)) = (&vector, &expected[row]) {
                prop_assert_eq!(&vector.value(row), expected, "row {}: {:?}", row, &rows[row]);
            }
        }

        if scalar.data_type() == DataType::Bool {
            let expected: Vec<Result<bool, Error>> = rows.iter().map(|row| naive::is_true(&expr, row)).collect();
            let fails = batch.selection.iter().any(|row| expected[row].is_err());
            let filtered = scalar.filter(&batch, &context());
            prop_assert_eq!(filtered.is_err(), fails, "{:?}", filtered);
            if let Ok(filtered) = filtered {
                let expected = Bits::from_fn(len, |row| {
                    batch.selection.contains(row) && expected[row] == Ok(true)
                });
                prop_assert_eq!(filtered, expected);
            }
        }
    }
}
