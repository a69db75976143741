//! The 22 queries of TPC-H at scale 0.01, beside SQLite's answers.
//!
//! SQLite computes in doubles what we compute in decimals, so numbers may differ in their last digits; all else must be
//! the same, rows and their number too.

#![expect(clippy::panic, reason = "tests fail by panics")]

use nuages_engine::explain::Explanation;
use nuages_engine::sql::Connection;
use nuages_engine::{Database, ResultSet, Session};
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

/// By what factor the number of rows of each operator was misjudged, in the order of the plan.
fn misjudged(plan: &Explanation, into: &mut Vec<(f64, String)>) {
    if let Some(measured) = plan.measured.filter(|measured| measured.runs > 0) {
        let found = (measured.rows as f64 / measured.runs as f64).max(1.0);
        let thought = plan.rows.rows.max(1.0);
        let factor = f64::max(found / thought, thought / found);
        into.push((factor, format!("{} ({thought:.0} for {found:.0})", plan.operator)));
    }
    plan.inputs.iter().for_each(|input| misjudged(input, into));
}

#[test]
fn most_operators_yield_about_as_many_rows_as_was_thought() {
    let mut connection = ours();
    let mut all = Vec::new();
    for number in 1..=tpch::QUERIES {
        for statement in tpch::query(number, SCALE) {
            let Ok(query) = connection.read(&statement) else {
                connection.execute(&statement, &[]).expect("a view");
                continue;
            };
            let plan = connection.database().explain_analyze(&query, &[]).expect("a query that runs");
            let mut factors = Vec::new();
            misjudged(&plan, &mut factors);
            all.extend(factors.into_iter().map(|(factor, what)| (factor, format!("query {number}: {what}"))));
        }
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize].0;
    let worst: Vec<_> =
        all.iter().rev().take(25).map(|(factor, what)| format!("{factor:10.1} {what}")).collect();
    // What a group's sum will be is not known, so HAVING is a guess, and what stands on it, too.
    let figures = format!("median {:.2}, 90% {:.2}, 95% {:.2}", at(0.5), at(0.9), at(0.95));
    assert!(at(0.5) < 1.2 && at(0.9) < 12.0 && at(0.95) < 40.0, "{figures}\n{}", worst.join("\n"));
    let mean = (all.iter().map(|(factor, _)| factor.ln()).sum::<f64>() / all.len() as f64).exp();
    println!("{} operators: {figures}, geometric mean {mean:.2}\n{}", all.len(), worst.join("\n"));
}
