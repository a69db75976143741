//! Columns against plain lists of values, whatever form they have.

use std::cmp::Ordering;
use std::sync::Arc;

use nuages_storage::{Layout, LeafBuilder, Operation, RowId, SchemaChange, Slot, Table, TableId, Version};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::algebra::{Comparison, Expr, Source};
use crate::batch::{Batch, BatchBuilder};
use crate::evaluate::{Context, Scalar};

const TABLE: TableId = TableId::new(1);

/// One type of every form that a column can have.
const TYPES: [DataType; 8] = [
    DataType::Bool,
    DataType::BigInt,
    DataType::Float,
    DataType::Timestamp,
    DataType::Decimal { precision: 28, scale: 2 },
    DataType::Text { max_length: None },
    DataType::Uuid,
    DataType::Json,
];

/// Whether two values in this order compare so.
type Holds = fn(Ordering) -> bool;

fn values_of(kind: DataType) -> BoxedStrategy<Value> {
    let values = match kind {
        DataType::Bool => any::<bool>().prop_map(Value::from).boxed(),
        DataType::BigInt => (-3_i64..4).prop_map(Value::from).boxed(),
        DataType::Float => {
            prop_oneof![Just(-0.0), Just(0.0), Just(f64::NAN), Just(1.5)].prop_map(Value::from).boxed()
        }
        DataType::Timestamp => {
            (-5_i64..5).prop_map(|micros| Value::from(Timestamp::from_microsecond(micros).ok())).boxed()
        }
        DataType::Decimal { .. } => {
            (-20_i64..20, 0_u32..3).prop_map(|(n, scale)| Value::from(Decimal::new(n, scale))).boxed()
        }
        // Some longer than what lies in a leaf.
        DataType::Text { .. } => {
            prop_oneof![8 => "[aé]{0,3}", 1 => Just("long ".repeat(500))].prop_map(Value::from).boxed()
        }
        DataType::Uuid => (0_u128..4).prop_map(|n| Value::from(Uuid::from_u128(n))).boxed(),
        _ => (0_u8..4).prop_map(|n| Value::from(serde_json::json!({ "n": n }))).boxed(),
    };
    prop_oneof![4 => values, 1 => Just(Value::Null)].boxed()
}

fn row() -> impl Strategy<Value = Vec<Value>> {
    TYPES.map(values_of).to_vec()
}

/// A version whose only table has these rows, under ids from 10, and one more column that they were written before.
fn version_of(rows: &[Vec<Value>]) -> Version {
    let layout = Arc::new(Layout::new(TYPES.iter().map(|kind| Slot::new(kind.lane()))));
    let mut version = Version::new(Arc::new(()));
    let table = Arc::new(Table::new(TABLE, Arc::clone(&layout)));
    version.apply(&Operation::Schema(SchemaChange::CreateTable(table)));
    for (leaf, rows) in rows.chunks(64).enumerate() {
        let mut builder = LeafBuilder::new(Arc::clone(&layout));
        for (row, values) in rows.iter().enumerate() {
            values.iter().enumerate().for_each(|(slot, value)| builder.set_value(slot, value));
            builder.finish_row(RowId::new(10 + (leaf * 64 + row) as i64));
        }
        let rows = builder.finish();
        version.apply(&Operation::Insert { table: TABLE, rows, changes: Vec::new() });
    }
    let slot = Slot { lane: DataType::BigInt.lane(), default: Value::from(42) };
    version.apply(&Operation::Schema(SchemaChange::AddSlot { table: TABLE, slot }));
    version
}

/// The leaves of the table as batches of borrowed columns, the last two being the row id and the added column.
fn leaf_batches(version: &Version) -> Vec<Batch<'_>> {
    let table = version.table(TABLE).unwrap();
    table
        .leaves(..)
        .map(|slice| {
            let view = slice.view;
            let stored = TYPES.iter().enumerate().map(|(slot, kind)| Vector::leaf(view, slot, *kind));
            let added = Vector::leaf(view, TYPES.len(), DataType::BigInt);
            let columns = stored.chain([Vector::row_ids(view, DataType::BigInt), added]);
            Batch::new(columns, view.len())
        })
        .collect()
}

/// A row with what `leaf_batches` adds.
fn whole(index: usize, row: &[Value]) -> Vec<Value> {
    row.iter().cloned().chain([Value::from(10 + index as i64), Value::from(42)]).collect()
}

fn types() -> Vec<DataType> {
    TYPES.into_iter().chain([DataType::BigInt, DataType::BigInt]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn columns_of_leaves_and_gathered_columns_read_as_what_was_stored(
        rows in proptest::collection::vec(row(), 1..150),
        picks in proptest::collection::vec(prop_oneof![5 => 0_u32..150, 1 => Just(NO_ROW)], 0..100),
        chosen in any::<[u64; 3]>(),
    ) {
        let expected: Vec<Vec<Value>> = rows.iter().enumerate().map(|(i, row)| whole(i, row)).collect();
        let version = version_of(&rows);
        let mut all = BatchBuilder::new(&types());
        let mut some = BatchBuilder::new(&types());
        let mut start = 0;
        for batch in leaf_batches(&version) {
            for row in 0..batch.len {
                prop_assert_eq!(&batch.row(row), &expected[start + row]);
            }
            all.append(&batch);
            let selection = Bits::from_fn(batch.len, |row| chosen[(start + row) / 64] >> ((start + row) % 64) & 1 == 1);
            some.append(&batch.clone().with_selection(selection));
            start += batch.len;
        }
        let all = all.finish();
        prop_assert_eq!(all.len, rows.len());
        prop_assert_eq!((0..all.len).map(|row| all.row(row)).collect::<Vec<_>>(), &expected[..]);
        let some = some.finish();
        let selected: Vec<Vec<Value>> = (0..rows.len())
            .filter(|row| chosen[row / 64] >> (row % 64) & 1 == 1)
            .map(|row| expected[row].clone())
            .collect();
        prop_assert_eq!((0..some.len).map(|row| some.row(row)).collect::<Vec<_>>(), selected);

        let picks: Vec<u32> =
            picks.into_iter().map(|pick| if pick == NO_ROW { pick } else { pick % rows.len() as u32 }).collect();
        let gathered = all.gather(&picks);
        for (row, pick) in picks.iter().enumerate() {
            let nulls = || vec![Value::Null; types().len()];
            let expected = if *pick == NO_ROW { nulls() } else { expected[*pick as usize].clone() };
            prop_assert_eq!(gathered.row(row), expected);
        }
    }
}

proptest! {
    #[test]
    fn columns_of_leaves_compare_with_constants_as_their_values_do(
        rows in proptest::collection::vec(row(), 1..64),
        chosen in any::<u64>(),
        decimal in (-20_i64..20, 0_u32..4),
        text in values_of(DataType::Text { max_length: None }),
    ) {
        let holds: [(Comparison, Holds); 6] = [
            (Comparison::Equal, Ordering::is_eq),
            (Comparison::NotEqual, Ordering::is_ne),
            (Comparison::Less, Ordering::is_lt),
            (Comparison::LessOrEqual, Ordering::is_le),
            (Comparison::Greater, Ordering::is_gt),
            (Comparison::GreaterOrEqual, Ordering::is_ge),
        ];
        let version = version_of(&rows);
        let constants = [(4, Value::Decimal(Decimal::new(decimal.0, decimal.1))), (4, Value::Int(decimal.0)), (5, text)];
        for batch in leaf_batches(&version) {
            let selection = Bits::from_fn(batch.len, |row| chosen >> row & 1 == 1);
            let batch = batch.with_selection(selection);
            for ((place, constant), (op, holds)) in constants.iter().flat_map(|of| holds.map(|holds| (of, holds))) {
                let column = Expr::from(Source::new(0).column(*place));
                let condition = column.compare(op, Expr::Literal(constant.clone()));
                let scalar = Scalar::compile(&condition, &|column| Some((column.index(), TYPES[column.index()]))).unwrap();
                let expected = Bits::from_fn(batch.len, |row| {
                    let value = &rows[row][*place];
                    let is_known = !value.is_null() && !constant.is_null();
                    batch.selection.contains(row) && is_known && holds(value.cmp(constant))
                });
                prop_assert_eq!(scalar.filter(&batch, &Context::new(&[])).unwrap(), expected, "{:?}", condition);
            }
        }
    }
}

#[test]
fn texts_of_leaves_are_not_copied_when_rows_are_gathered() {
    let rows: Vec<Vec<Value>> =
        ["x", "y"]
            .iter()
            .map(|text| {
                TYPES
                    .iter()
                    .map(|kind| {
                        if kind.lane() == nuages_storage::Lane::Text {
                            Value::from(*text)
                        } else {
                            Value::Null
                        }
                    })
                    .collect()
            })
            .collect();
    let version = version_of(&rows);
    let batches = leaf_batches(&version);
    let column = batches[0].column(5);
    let Vector::Text { data, .. } = column.gather(&[1, 0, 1]) else { panic!("texts become texts") };
    assert_eq!(data.borrowed(0).unwrap().as_ptr(), column.text(1).unwrap().as_ptr());
}
