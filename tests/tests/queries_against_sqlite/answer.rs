//! Answers of the two engines, and whether they are the same.

use jiff::Timestamp;
use nuages_engine::plan::Plan;
use nuages_engine::{Context, Error, execute};
use nuages_storage::value::decimal_to_float;
use nuages_storage::{Value, Version};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::schema::Kind;

/// One value of an answer, as far as both engines have the same idea of it.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Null,
    /// Also a boolean.
    Int(i64),
    /// Also a decimal.
    Real(f64),
    Text(String),
}

/// The rows of an answer.
pub(crate) type Rows = Vec<Vec<Cell>>;

/// Runs a plan.
pub(crate) fn run(
    plan: &Plan,
    kinds: &[Kind],
    parameters: &[Value],
    version: &Version,
) -> Result<Rows, Error> {
    let mut rows = Vec::new();
    let context = Context::at(parameters, Timestamp::UNIX_EPOCH);
    execute::run(plan, version, &context, &mut |batch| {
        assert_eq!(batch.columns.len(), kinds.len(), "a batch has the columns of the query");
        rows.extend(batch.selection.iter().map(|row| {
            let row = batch.row(row);
            row.iter().zip(kinds).map(|(value, kind)| ours(value, *kind)).collect::<Vec<Cell>>()
        }));
        Ok(())
    })?;
    Ok(rows)
}

/// Runs a query in SQLite.
pub(crate) fn run_in_sqlite(sql: &str, kinds: &[Kind], connection: &Connection) -> rusqlite::Result<Rows> {
    let mut statement = connection.prepare(sql)?;
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let cells = kinds.iter().enumerate().map(|(place, kind)| Ok(theirs(row.get_ref(place)?, *kind)));
        rows.push(cells.collect::<rusqlite::Result<Vec<Cell>>>()?);
    }
    Ok(rows)
}

/// Whether two answers are the same: in the order they have, or in any.
pub(crate) fn same(mut left: Rows, mut right: Rows, ordered: bool) -> bool {
    if !ordered {
        left.sort_by(|a, b| compare_rows(a, b));
        right.sort_by(|a, b| compare_rows(a, b));
    }
    left.len() == right.len()
        && left.iter().zip(&right).all(|(a, b)| a.iter().zip(b).all(|(a, b)| a.is_like(b)))
}

/// A value of the engine. One of the wrong class is not converted, so that it differs from SQLite's.
fn ours(value: &Value, kind: Kind) -> Cell {
    match (value, kind) {
        (Value::Null, _) => Cell::Null,
        (Value::Int(value), Kind::Int) => Cell::Int(*value),
        (Value::Bool(value), Kind::Bool) => Cell::Int(i64::from(*value)),
        (Value::Float(value), Kind::Float | Kind::Mean) => Cell::Real(*value),
        (Value::Decimal(value), Kind::Decimal) => Cell::Real(decimal_to_float(*value)),
        (Value::Text(value), Kind::Text) => Cell::Text(value.clone()),
        (value, kind) => Cell::Text(format!("{value:?} is no {kind:?}")),
    }
}

fn theirs(value: ValueRef<'_>, kind: Kind) -> Cell {
    match (value, kind) {
        (ValueRef::Null, _) => Cell::Null,
        (ValueRef::Integer(value), Kind::Int | Kind::Bool) => Cell::Int(value),
        // An integer stays one where it meets floats.
        (ValueRef::Integer(value), Kind::Float | Kind::Decimal | Kind::Mean) => Cell::Real(value as f64),
        (ValueRef::Real(value), Kind::Float | Kind::Decimal | Kind::Mean) => Cell::Real(value),
        (ValueRef::Text(value), Kind::Text) => Cell::Text(String::from_utf8_lossy(value).into_owned()),
        (value, kind) => Cell::Text(format!("SQLite's {value:?} is no {kind:?}")),
    }
}

impl Cell {
    /// Whether both are the same value, but for the last bits of a mean.
    fn is_like(&self, other: &Cell) -> bool {
        match (self, other) {
            (Cell::Real(a), Cell::Real(b)) => a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
            (a, b) => compare(a, b).is_eq(),
        }
    }
}

fn compare_rows(a: &[Cell], b: &[Cell]) -> std::cmp::Ordering {
    let orders = a.iter().zip(b).map(|(a, b)| compare(a, b));
    orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
}

fn compare(a: &Cell, b: &Cell) -> std::cmp::Ordering {
    let rank = |cell: &Cell| match cell {
        Cell::Null => 0,
        Cell::Int(_) => 1,
        Cell::Real(_) => 2,
        Cell::Text(_) => 3,
    };
    match (a, b) {
        (Cell::Int(a), Cell::Int(b)) => a.cmp(b),
        (Cell::Real(a), Cell::Real(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}
