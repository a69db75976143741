//! What statements mean, in both dialects, and what is refused.

mod digits;
mod extreme;
mod family;
mod kept;
mod limit;
mod meaning;
mod nesting;
mod printing;
mod refused;
mod schema;
mod temporary;
mod transactions;

use nuages_storage::Value;

use super::{Connection, Dialect};
use crate::Database;

fn sqlite() -> Connection {
    Connection::with_dialect(Database::new(), Dialect::Sqlite)
}

fn postgresql() -> Connection {
    Connection::new(Database::new())
}

/// The rows as a person would write them: values with commas, rows with semicolons; or the error.
fn rows(connection: &mut Connection, sql: &str) -> String {
    match connection.query(sql, &[]) {
        Ok(result) => {
            let row = |row: &Vec<Value>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            result.rows.iter().map(row).collect::<Vec<_>>().join("; ")
        }
        Err(error) => error.to_string(),
    }
}

/// Runs statements that must succeed.
fn run(connection: &mut Connection, sql: &str) {
    connection.execute(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn assert_refused(connection: &mut Connection, sql: &str, with: &str) {
    let error = connection.execute(sql, &[]).map(|outcome| outcome.rows.rows);
    let error = error.expect_err(sql).to_string();
    assert!(error.contains(with), "{sql}\n  {error:?} was expected to contain {with:?}");
}
