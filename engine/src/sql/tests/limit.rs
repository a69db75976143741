//! LIMIT and OFFSET that are known when the statement runs.

use nuages_storage::Value;

use super::{assert_refused, postgresql, rows, run, sqlite};
use crate::sql::Connection;

/// Numbers from 1 to 500, with an index on ten times each.
fn numbers(mut connection: Connection) -> Connection {
    run(
        &mut connection,
        "CREATE TABLE n (i INTEGER PRIMARY KEY, tens INTEGER NOT NULL, odd INTEGER NOT NULL)",
    );
    run(&mut connection, "CREATE INDEX n_tens ON n (tens)");
    for i in 1..=500 {
        run(&mut connection, &format!("INSERT INTO n VALUES ({i}, {}, {})", i * 10, i % 2));
    }
    connection
}

/// The first column of what a statement returns that was prepared before its values were known.
fn prepared(connection: &mut Connection, sql: &str, values: &[&[Value]]) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let mut shown = |values: &&[Value]| match connection.run_prepared(&mut statement, values) {
        Ok(outcome) => {
            let row = |row: &Vec<Value>| row[0].to_string();
            outcome.rows.rows.iter().map(row).collect::<Vec<_>>().join(" ")
        }
        Err(error) => error.to_string(),
    };
    values.iter().map(&mut shown).collect()
}

#[test]
fn a_page_is_prepared_once_and_asked_for_with_any_numbers() {
    let pages: [&[Value]; 4] =
        [&[2.into(), 0.into()], &[3.into(), 100.into()], &[0.into(), 7.into()], &[Value::Null, 498.into()]];
    for sql in [
        "SELECT i FROM n ORDER BY tens LIMIT $1 OFFSET $2",
        "SELECT i FROM n ORDER BY odd * 0, i LIMIT $1 OFFSET $2",
        "SELECT i FROM n LIMIT $1 OFFSET $2",
        "SELECT i FROM (SELECT i FROM n ORDER BY tens LIMIT $1 OFFSET $2) AS page ORDER BY i",
    ] {
        let found = prepared(&mut numbers(postgresql()), sql, &pages);
        assert_eq!(found, ["1 2", "101 102 103", "", "499 500"], "{sql}");
    }
}

#[test]
fn a_limit_may_be_computed() {
    let mut db = numbers(postgresql());
    assert_eq!(rows(&mut db, "SELECT i FROM n ORDER BY i DESC LIMIT 1 + 1 OFFSET 2 * 3"), "494; 493");
    assert_eq!(
        prepared(&mut db, "SELECT i FROM n ORDER BY i LIMIT $1 * 2", &[&[1.into()], &[2.into()]]),
        ["1 2", "1 2 3 4"]
    );
    assert_refused(&mut db, "SELECT i FROM n LIMIT (SELECT 1)", "subquery");
}

#[test]
fn a_negative_number_is_an_error_or_no_limit() {
    let below: [&[Value]; 2] = [&[Value::Int(-1)], &[1.into()]];
    let sql = "SELECT i FROM n WHERE i > 498 ORDER BY i LIMIT $1";
    let refused = prepared(&mut numbers(postgresql()), sql, &below);
    assert!(refused[0].contains("-1") && refused[1] == "499", "{refused:?}");
    assert_eq!(prepared(&mut numbers(sqlite()), sql, &below), ["499 500", "499"]);
    assert_refused(&mut numbers(postgresql()), "SELECT i FROM n LIMIT 1 - 2", "-1");
}

#[test]
fn an_index_still_serves_the_order_and_a_sort_keeps_no_more_than_it_must() {
    let db = numbers(postgresql());
    let plan = |sql: &str| {
        let statement = db.prepare(sql).unwrap();
        statement.explain(&db.session().catalog().unwrap()).unwrap().to_string()
    };
    let by_index = plan("SELECT tens FROM n ORDER BY tens LIMIT $1 OFFSET $2");
    assert!(by_index.contains("by index n_tens"), "{by_index}");
    assert!(plan("SELECT i FROM n ORDER BY odd, i LIMIT $1").contains("Top"));
}
