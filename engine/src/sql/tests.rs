//! What statements mean, in both dialects.

use nuages_storage::Value;

use super::{Connection, Dialect};
use crate::Database;

fn sqlite() -> Connection {
    Connection::with_dialect(Database::new(), Dialect::Sqlite)
}

fn postgresql() -> Connection {
    Connection::new(Database::new())
}

/// The rows as a person would write them: values with commas, rows with semicolons.
fn rows(connection: &mut Connection, sql: &str) -> String {
    match connection.query(sql, &[]) {
        Ok(result) => {
            let row = |row: &Vec<Value>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            result.rows.iter().map(row).collect::<Vec<_>>().join("; ")
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_select_without_from_computes() {
    assert_eq!(rows(&mut postgresql(), "SELECT 1 + 2 * 3, 'a' || 'b', 7 / 2, 1 = 1"), "7,ab,3,true");
    assert_eq!(rows(&mut sqlite(), "SELECT 1 + 2 * 3, 'a' || 'b', 7 / 2, 1 = 1"), "7,ab,3,1");
    assert_eq!(rows(&mut sqlite(), "SELECT 1 / 0, 5 % 0, '3 apples' + 1, NULL + 1"), "NULL,NULL,4,NULL");
}
