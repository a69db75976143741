//! What the tests of operators stand on: given rows as an input, and the rows of an operator as values.

use nuages_storage::{DataType, Value};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{Operator, Running};
use crate::algebra::{Expr, Source};
use crate::batch::{BATCH_ROWS_MAX, Batch};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::plan::{Estimate, Node, Plan, PlanColumn};
use crate::vector::Vector;

/// A row.
pub(super) type Row = Vec<Value>;

pub(super) const TEXT: DataType = DataType::Text { max_length: None };

pub(super) fn context() -> Context<'static> {
    Context::at(&[], jiff::Timestamp::UNIX_EPOCH)
}

/// Batches of rows, some of which are not selected.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) types: Vec<DataType>,
    pub(super) batches: Vec<Vec<(Row, bool)>>,
}

impl Input {
    /// All of these rows, in batches of this length.
    pub(super) fn of(types: &[DataType], rows: Vec<Row>, batch_rows: usize) -> Self {
        let rows: Vec<_> = rows.into_iter().map(|row| (row, true)).collect();
        Input { types: types.to_vec(), batches: rows.chunks(batch_rows).map(<[_]>::to_vec).collect() }
    }

    /// The rows that are there, in order.
    pub(super) fn rows(&self) -> Vec<Row> {
        self.batches.iter().flatten().filter(|(_, selected)| *selected).map(|(row, _)| row.clone()).collect()
    }

    /// An operator that yields the batches.
    pub(super) fn open<'v>(&self) -> Running<'v> {
        let batches: Vec<_> = self.batches.iter().map(|rows| batch(&self.types, rows)).collect();
        Box::new(Given(batches.into_iter()))
    }

    /// A plan of such rows.
    pub(super) fn plan(&self) -> Plan {
        let columns = self.types.iter().enumerate();
        Plan {
            node: Node::Unit,
            columns: columns
                .map(|(index, kind)| PlanColumn { column: Source::new(0).column(index), data_type: *kind })
                .collect(),
            estimate: Estimate::about(1.0),
        }
    }
}

struct Given<'v>(std::vec::IntoIter<Batch<'v>>);

impl<'v> Operator<'v> for Given<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, _: &Context<'_>) -> Result<bool, Error> {
        let next = self.0.next();
        Ok(next.map(|next| *batch = next).is_some())
    }
}

/// A batch of these rows. A column that is the same in all of an odd number of rows is a constant, so that operators
/// meet both forms.
fn batch<'v>(types: &[DataType], rows: &[(Row, bool)]) -> Batch<'v> {
    let column = |index: usize| {
        let values = || rows.iter().map(|(row, _)| row[index].clone());
        match values().next() {
            Some(first) if rows.len() % 2 == 1 && values().all(|value| value == first) => {
                Vector::Constant { value: first, kind: Some(types[index]), len: rows.len() }
            }
            _ => Vector::from_values(types[index], values()),
        }
    };
    let selection = Bits::from_fn(rows.len(), |row| rows[row].1);
    Batch::new((0..types.len()).map(column), rows.len()).with_selection(selection)
}

/// The rows an operator yields, in batches that are not too long.
pub(super) fn rows_of<'v>(mut operator: impl Operator<'v>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut batch = Batch::default();
    while operator.next(&mut batch, &context()).unwrap() {
        assert!(batch.len <= BATCH_ROWS_MAX);
        rows.extend(batch.selection.iter().map(|row| batch.row(row)));
    }
    rows
}

/// An expression over columns of these types, the columns of one source.
pub(super) fn scalar(expr: &Expr, types: &[DataType]) -> Scalar {
    let source = Source::new(0);
    let place = |column| (0..types.len()).find(|index| source.column(*index) == column);
    Scalar::compile(expr, &|column| place(column).map(|index| (index, types[index]))).unwrap()
}

/// A column as a scalar.
pub(super) fn column(index: usize, types: &[DataType]) -> Scalar {
    scalar(&column_expr(index), types)
}

pub(super) fn column_expr(index: usize) -> Expr {
    Source::new(0).column(index).into()
}

/// A type of column.
pub(super) fn kind() -> impl Strategy<Value = DataType> {
    prop::sample::select(vec![
        DataType::BigInt,
        DataType::BigInt,
        DataType::Float,
        DataType::Bool,
        DataType::Date,
        DataType::Decimal { precision: 10, scale: 2 },
        TEXT,
        TEXT,
        DataType::Uuid,
        DataType::Bytes,
        DataType::Json,
    ])
}

/// Few values of a type, so that keys meet: also those that are equal in different forms, and NULL.
fn value_of(kind: DataType) -> BoxedStrategy<Value> {
    let values: Vec<Value> = match kind {
        DataType::Float => vec![(-0.0).into(), 0.0.into(), f64::NAN.into(), 1.5.into(), (-2.0).into()],
        DataType::Bool => vec![true.into(), false.into()],
        DataType::Date => [1969, 2024].map(|year| jiff::civil::date(year, 2, 28).into()).to_vec(),
        DataType::Decimal { .. } => {
            [(10, 1), (100, 2), (1, 0), (-5, 1), (0, 2)].map(|(n, s)| Decimal::new(n, s).into()).to_vec()
        }
        DataType::Text { .. } => {
            ["", "a", "a\0", "été et été encore", "été et été encorf"].map(Value::from).to_vec()
        }
        DataType::Uuid => [1, 2].map(|n| Value::Uuid(uuid::Uuid::from_u128(n))).to_vec(),
        DataType::Bytes => [vec![], vec![0], vec![0, 1], vec![255; 20]].map(Value::from).to_vec(),
        DataType::Json => [serde_json::json!({"a": 1}), serde_json::json!([1]), serde_json::json!("x")]
            .map(Value::from)
            .to_vec(),
        _ => [0, 1, 2, -1, 4_095, 4_096, i64::MAX, i64::MIN].map(Value::from).to_vec(),
    };
    prop_oneof![1 => Just(Value::Null), 6 => prop::sample::select(values)].boxed()
}

/// Rows of these types, few or some hundred, in batches short or long.
pub(super) fn input_of(types: Vec<DataType>) -> impl Strategy<Value = Input> {
    let row = types.iter().map(|kind| value_of(*kind)).collect::<Vec<_>>();
    let batch = |rows| prop::collection::vec((row.clone(), prop::bool::weighted(0.8)), rows);
    let batches = prop_oneof![
        3 => prop::collection::vec(batch(0..8), 0..5),
        1 => prop::collection::vec(batch(60..140), 0..3),
    ];
    batches.prop_map(move |batches| Input { types: types.clone(), batches })
}
