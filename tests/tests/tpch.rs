//! The 22 queries of TPC-H at scale 0.01, beside SQLite's answers.
//!
//! SQLite computes in doubles what we compute in decimals, so numbers may differ in their last digits; all else must be
//! the same, rows and their number too.

#![expect(clippy::panic, reason = "tests fail by panics")]

use nuages_engine::sql::Connection;
use nuages_engine::{Database, ResultSet};
use nuages_storage::Value;
use nuages_tests::tpch;

const SCALE: f64 = 0.01;

/// How far two numbers may lie apart, as a part of the greater.
const TOLERANCE: f64 = 1e-9;

fn ours() -> Connection {
    let db = Database::new();
    let mut connection = Connection::new(db.clone());
    for statement in tpch::SCHEMA.split(';').filter(|statement| !statement.trim().is_empty()) {
        connection.execute(statement, &[]).expect("a good definition");
    }
    let tx = db.begin();
    tpch::load(&tx, SCALE).expect("good rows");
    tx.commit().expect("rows that refer to each other");
    connection
}

fn sqlite() -> rusqlite::Connection {
    let mut connection = rusqlite::Connection::open_in_memory().expect("SQLite");
    connection.execute_batch(tpch::SCHEMA).expect("a good definition");
    let tx = connection.transaction().expect("a transaction");
    for table in tpch::TABLES {
        let width = tpch::lines(table, SCALE).next().map_or(0, |line| tpch::fields(&line).count());
        let marks = vec!["?"; width].join(", ");
        let mut insert = tx.prepare(&format!("INSERT INTO {table} VALUES ({marks})")).expect("an insert");
        for line in tpch::lines(table, SCALE) {
            insert.execute(rusqlite::params_from_iter(tpch::fields(&line))).expect("a good row");
        }
    }
    tx.commit().expect("a commit");
    connection.execute_batch("ANALYZE").expect("statistics");
    connection
}

/// The rows of the statement among these that returns some.
fn ask_ours(connection: &mut Connection, statements: &[String]) -> ResultSet {
    let mut answer = ResultSet::default();
    for statement in statements {
        let outcome =
            connection.execute(statement, &[]).unwrap_or_else(|error| panic!("{statement}\n{error}"));
        if !outcome.rows.columns.is_empty() {
            answer = outcome.rows;
        }
    }
    answer
}

fn ask_sqlite(connection: &rusqlite::Connection, statements: &[String]) -> Vec<Vec<Value>> {
    let mut answer = Vec::new();
    for statement in statements {
        let statement = tpch::for_sqlite(statement);
        let mut prepared =
            connection.prepare(&statement).unwrap_or_else(|error| panic!("{statement}\n{error}"));
        let width = prepared.column_count();
        let mut rows = prepared.query([]).expect("a query that runs");
        while let Some(row) = rows.next().expect("a row") {
            let value = |place| match row.get_ref(place).expect("a column") {
                rusqlite::types::ValueRef::Null => Value::Null,
                rusqlite::types::ValueRef::Integer(int) => Value::Int(int),
                rusqlite::types::ValueRef::Real(float) => Value::Float(float),
                rusqlite::types::ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text).as_ref()),
                rusqlite::types::ValueRef::Blob(bytes) => Value::from(bytes.to_vec()),
            };
            answer.push((0..width).map(value).collect());
        }
    }
    answer
}

/// Whether two values are one, by what each side calls it.
fn agree(ours: &Value, theirs: &Value) -> bool {
    match (ours.as_float(), theirs.as_float()) {
        (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0),
        _ if ours.is_null() || theirs.is_null() => ours.is_null() && theirs.is_null(),
        _ => ours.to_string() == theirs.to_string(),
    }
}

#[test]
fn all_queries_have_sqlites_answers() {
    let (mut ours, sqlite) = (ours(), sqlite());
    for number in 1..=tpch::QUERIES {
        let statements = tpch::query(number, SCALE);
        let answer = ask_ours(&mut ours, &statements).rows;
        let expected = ask_sqlite(&sqlite, &statements);
        assert_eq!(answer.len(), expected.len(), "rows of query {number}");
        for (row, other) in answer.iter().zip(&expected) {
            let same = row.len() == other.len() && row.iter().zip(other).all(|(a, b)| agree(a, b));
            assert!(same, "query {number}\nours:   {row:?}\nsqlite: {other:?}");
        }
    }
}
