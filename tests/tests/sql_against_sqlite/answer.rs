//! Rows of the two engines, and whether they are the same.

use nuages_storage::Value;
use rusqlite::types::ValueRef;

/// The rows of an answer.
pub(crate) type Rows = Vec<Vec<Value>>;

/// All rows of a statement of SQLite.
pub(crate) fn run_in_sqlite(sql: &str, sqlite: &rusqlite::Connection) -> rusqlite::Result<Rows> {
    let mut statement = sqlite.prepare(sql)?;
    let width = statement.column_count();
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let values = (0..width).map(|place| {
            Ok(match row.get_ref(place)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Int(value),
                ValueRef::Real(value) => Value::Float(value),
                ValueRef::Text(value) => Value::Text(String::from_utf8_lossy(value).into_owned()),
                ValueRef::Blob(value) => Value::Text(format!("the bytes {value:?}")),
            })
        });
        rows.push(values.collect::<rusqlite::Result<Vec<Value>>>()?);
    }
    Ok(rows)
}

/// Whether two answers have the same rows, and those in the same order as far as these columns say it.
pub(crate) fn same(left: &Rows, right: &Rows, order: &[usize]) -> bool {
    let keys = |rows: &Rows| -> Rows {
        rows.iter().map(|row| order.iter().map(|place| row[*place].clone()).collect()).collect()
    };
    let sorted = |rows: &Rows| -> Rows {
        let mut rows = rows.clone();
        rows.sort();
        rows
    };
    alike(&keys(left), &keys(right)) && alike(&sorted(left), &sorted(right))
}

fn alike(left: &Rows, right: &Rows) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| like(a, b)))
}

/// Whether both are the same value of the same type, but for the sign of zero and the last bits of a mean.
fn like(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => {
            a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()) || (a.is_nan() && b.is_nan())
        }
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b) && a == b,
    }
}
