//! Random rows, and random expressions over them that are well typed.

use nuages_storage::{DataType, Value};
use proptest::prelude::*;
use proptest::strategy::Union;
use rust_decimal::Decimal;

use super::{column, lit};
use crate::algebra::{Arithmetic, Comparison, Expr, Function, TextMatch};

/// The columns of a row.
pub(super) const TYPES: [DataType; 6] = [
    DataType::BigInt,
    DataType::BigInt,
    DataType::Float,
    DataType::Decimal { precision: 28, scale: 2 },
    DataType::Text { max_length: None },
    DataType::Bool,
];

fn ints() -> BoxedStrategy<Value> {
    prop_oneof![8 => -3_i64..4, 1 => Just(i64::MAX), 1 => Just(i64::MIN)].prop_map(Value::Int).boxed()
}

fn floats() -> BoxedStrategy<Value> {
    let special = prop_oneof![Just(-0.0), Just(f64::NAN), Just(f64::INFINITY), Just(1e300), Just(-1e300)];
    prop_oneof![4 => (-4_i8..5).prop_map(|n| f64::from(n) / 2.0), 1 => special].prop_map(Value::Float).boxed()
}

fn decimals() -> BoxedStrategy<Value> {
    (-300_i64..300, 0_u32..3).prop_map(|(n, scale)| Value::Decimal(Decimal::new(n, scale))).boxed()
}

fn texts() -> BoxedStrategy<Value> {
    prop_oneof!["[abÉß]{0,3}", Just("ΑΣ".to_owned())].prop_map(Value::Text).boxed()
}

fn nullable(values: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![4 => values, 1 => Just(Value::Null)].boxed()
}

pub(super) fn row() -> impl Strategy<Value = Vec<Value>> {
    let bools = any::<bool>().prop_map(Value::Bool).boxed();
    [ints(), ints(), floats(), decimals(), texts(), bools].map(nullable).to_vec()
}

/// Expressions of each class, of one depth.
#[derive(Clone)]
struct Level {
    ints: BoxedStrategy<Expr>,
    floats: BoxedStrategy<Expr>,
    decimals: BoxedStrategy<Expr>,
    texts: BoxedStrategy<Expr>,
    bools: BoxedStrategy<Expr>,
}

/// An expression of any class.
pub(super) fn expression(depth: usize) -> BoxedStrategy<Expr> {
    let level = (0..depth).fold(leaves(), |level, _| above(&level));
    Union::new([level.bools.clone(), level.bools, level.ints, level.floats, level.decimals, level.texts])
        .boxed()
}

fn leaves() -> Level {
    let leaf = |values: BoxedStrategy<Value>, columns: &'static [usize]| {
        let columns = proptest::sample::select(columns).prop_map(column);
        prop_oneof![2 => columns, 1 => values.prop_map(lit)].boxed()
    };
    Level {
        ints: leaf(ints(), &[0, 1]),
        floats: leaf(floats(), &[2]),
        decimals: leaf(decimals(), &[3]),
        texts: leaf(texts(), &[4]),
        bools: leaf(any::<bool>().prop_map(Value::Bool).boxed(), &[5]),
    }
}

fn above(below: &Level) -> Level {
    Level {
        ints: Union::new([
            arithmetic(&below.ints, &below.ints, true),
            below.ints.clone().prop_map(|expr| Expr::Negate(Box::new(expr))).boxed(),
            below.ints.clone().prop_map(|expr| Expr::Call(Function::Abs, vec![expr])).boxed(),
            below.texts.clone().prop_map(|expr| Expr::Call(Function::Length, vec![expr])).boxed(),
            choice(&below.ints, &below.bools),
        ])
        .boxed(),
        floats: Union::new([
            arithmetic(&below.floats, &below.floats, false),
            arithmetic(&below.floats, &below.ints, false),
            choice(&below.floats, &below.bools),
        ])
        .boxed(),
        decimals: Union::new([
            arithmetic(&below.decimals, &below.decimals, false),
            choice(&below.decimals, &below.bools),
        ])
        .boxed(),
        texts: Union::new([
            (below.texts.clone(), below.ints.clone())
                .prop_map(|(a, b)| Expr::Call(Function::Concat, vec![a, b]))
                .boxed(),
            below.texts.clone().prop_map(|expr| Expr::Call(Function::Lower, vec![expr])).boxed(),
            below
                .ints
                .clone()
                .prop_map(|expr| Expr::Cast(Box::new(expr), DataType::Text { max_length: None }))
                .boxed(),
            choice(&below.texts, &below.bools),
        ])
        .boxed(),
        bools: conditions(below),
    }
}

fn arithmetic(left: &BoxedStrategy<Expr>, right: &BoxedStrategy<Expr>, ints: bool) -> BoxedStrategy<Expr> {
    let mut ops = vec![
        Arithmetic::Add,
        Arithmetic::Subtract,
        Arithmetic::Multiply,
        Arithmetic::Divide,
        Arithmetic::Modulo,
    ];
    if ints {
        ops.extend([Arithmetic::BitAnd, Arithmetic::BitOr, Arithmetic::BitXor]);
    }
    (proptest::sample::select(ops), left.clone(), right.clone())
        .prop_map(|(op, left, right)| left.arithmetic(op, right))
        .boxed()
}

/// One of several expressions of a class.
fn choice(of: &BoxedStrategy<Expr>, bools: &BoxedStrategy<Expr>) -> BoxedStrategy<Expr> {
    let functions = proptest::sample::select(vec![
        Function::Coalesce,
        Function::Greatest,
        Function::Least,
        Function::NullIf,
    ]);
    let calls =
        (functions, of.clone(), of.clone()).prop_map(|(function, a, b)| Expr::Call(function, vec![a, b]));
    let branches = proptest::collection::vec((bools.clone(), of.clone()), 1..3);
    let cases = (branches, proptest::option::of(of.clone()))
        .prop_map(|(branches, otherwise)| Expr::Case { branches, otherwise: otherwise.map(Box::new) });
    prop_oneof![calls, cases].boxed()
}

fn conditions(below: &Level) -> BoxedStrategy<Expr> {
    let compared = |left: &BoxedStrategy<Expr>, right: &BoxedStrategy<Expr>| {
        let ops = proptest::sample::select(vec![
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
            Comparison::Same,
        ]);
        (ops, left.clone(), right.clone()).prop_map(|(op, left, right)| left.compare(op, right)).boxed()
    };
    let listed = |of: &BoxedStrategy<Expr>, constants: BoxedStrategy<Value>| {
        let constants = proptest::collection::vec(nullable(constants).prop_map(lit), 0..4);
        let list = prop_oneof![constants, proptest::collection::vec(of.clone(), 1..3)];
        (of.clone(), list).prop_map(|(needle, list)| Expr::InList(Box::new(needle), list)).boxed()
    };
    let kinds = vec![TextMatch::Exact, TextMatch::Contains, TextMatch::StartsWith, TextMatch::EndsWith];
    let searches = (proptest::sample::select(kinds), below.texts.clone(), below.texts.clone()).prop_map(
        |(kind, text, pattern)| Expr::Match {
            kind,
            ignore_case: false,
            text: Box::new(text),
            pattern: Box::new(pattern),
        },
    );
    let bools = below.bools.clone();
    let many = proptest::collection::vec(bools.clone(), 1..4);
    Union::new([
        compared(&below.ints, &below.ints),
        compared(&below.ints, &below.floats),
        compared(&below.floats, &below.floats),
        compared(&below.decimals, &below.decimals),
        compared(&below.texts, &below.texts),
        compared(&bools, &bools),
        listed(&below.ints, ints()),
        listed(&below.texts, texts()),
        listed(&below.decimals, decimals()),
        searches.boxed(),
        many.clone().prop_map(Expr::And).boxed(),
        many.prop_map(Expr::Or).boxed(),
        bools.prop_map(|expr| Expr::Not(Box::new(expr))).boxed(),
        below.ints.clone().prop_map(|expr| Expr::IsNull(Box::new(expr))).boxed(),
        choice(&below.bools, &below.bools),
    ])
    .boxed()
}
