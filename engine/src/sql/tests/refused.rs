//! Statements that are refused, with their place; the connection goes on after each.

use super::{assert_refused, postgresql, rows, run, sqlite};
use crate::sql::Problem;

#[test]
fn errors_name_the_place_and_the_near_name() {
    let mut db = postgresql();
    run(&mut db, "CREATE TABLE post (id INTEGER PRIMARY KEY, title TEXT)");
    for (sql, expected) in [
        (
            "SELECT titel FROM post",
            "there is no column \"titel\"; did you mean \"title\"?, at line 1, column 8: titel FROM post",
        ),
        (
            "SELECT * FROM pots",
            "there is no table \"pots\"; did you mean \"post\"?, at line 1, column 15: pots",
        ),
        ("SELECT p.id\nFROM post q", "there is no table \"p\""),
        ("SELECT lenght(title) FROM post", "there is no function lenght(); did you mean \"length\"?"),
        ("SELECT id + title FROM post", "at line 1, column 8"),
        ("SELECT id FROM post WHERE id", "a condition: expected boolean, got integer"),
        ("SELECT FROM FROM", "at line 1"),
        ("SELECT 1 FROM post ORDER BY 2", "there is no column 2 among the 1 of the result"),
        ("INSERT INTO post (id, titel) VALUES (1, 'x')", "did you mean \"title\"?"),
        ("INSERT INTO post VALUES (1)", "2 columns are expected, got 1"),
        ("UPDATE post SET id = TRUE", "column \"id\": expected integer, got boolean"),
        ("SELECT a.id FROM post a, post b WHERE id = 1", "ambiguous"),
        ("SELECT 1 FROM post, post", "give one of them an alias"),
        ("SELECT 'x", "Unterminated string literal"),
        ("CREATE TABLE t (x WHATEVER)", "there is no type WHATEVER"),
        ("SELECT 1 LIMIT -1", "LIMIT takes a number of rows, not -1"),
        ("SELECT id FROM post UNION SELECT title FROM post", "expected"),
        ("SELEC 1", "at line 1, column 1: SELEC 1"),
        ("ROLLBACK", "no transaction is open"),
        ("DROP INDEX nothing", "there is no index \"nothing\""),
    ] {
        assert_refused(&mut db, sql, expected);
    }
    assert_eq!(rows(&mut db, "SELECT count(*) FROM post"), "0");
}

/// A common table that reads the one before it twice, so many times.
fn doubling(times: usize) -> String {
    let table = |n: usize| format!("t{n} AS (SELECT 1 AS x FROM t{} AS a, t{} AS b)", n - 1, n - 1);
    let tables: Vec<String> = (1..=times).map(table).collect();
    format!("WITH t0 AS (SELECT 1 AS x), {} SELECT * FROM t{times}", tables.join(", "))
}

#[test]
fn what_is_too_deep_too_long_or_rubbish_is_an_error() {
    for mut db in [postgresql(), sqlite()] {
        let nested = |open: &str, close: &str, times: usize| {
            format!("SELECT {}1{}", open.repeat(times), close.repeat(times))
        };
        for sql in [
            nested("(", ")", 10_000),
            nested("NOT ", "", 10_000),
            nested("- ", "", 10_000),
            nested("(SELECT ", ")", 10_000),
            nested("CASE WHEN TRUE THEN ", " END", 10_000),
            nested("abs(", ")", 10_000),
            nested("1 IN (", ")", 10_000),
            nested("", " + 1", 100_000),
            nested("", " OR TRUE", 100_000),
            nested("", " UNION SELECT 1", 50_000),
            format!("SELECT * FROM {}t{}", "(".repeat(5_000), ")".repeat(5_000)),
            format!("SELECT '{}'", "x".repeat(1 << 20)),
            format!("SELECT {}", "1, ".repeat(400_000)),
            doubling(30),
            "(".repeat(100_000),
            ")".repeat(100_000),
            "'".repeat(99_999),
            "\u{0}\u{1}💥 ;;; -- /*".to_owned(),
            "SELECT \u{202e}é FROM".to_owned(),
        ] {
            let error = db.execute(&sql, &[]).expect_err(&sql[..sql.len().min(60)]);
            assert!(error.to_string().len() < 500, "{error}");
            assert_eq!(rows(&mut db, "SELECT 1"), "1");
        }
    }
}

#[test]
fn what_is_deep_but_not_too_deep_is_read() {
    for mut db in [postgresql(), sqlite()] {
        let sql = format!("SELECT {}1 + 1{}", "(".repeat(90), ")".repeat(90));
        assert_eq!(rows(&mut db, &sql), "2");
        let sql = format!("SELECT 1{}", " + 1".repeat(60));
        assert_eq!(rows(&mut db, &sql), "61");
        let any = format!("SELECT 1 WHERE {}", "1 = 2 OR ".repeat(390) + "1 = 1");
        assert_eq!(rows(&mut db, &any), "1");
    }
}

#[test]
fn a_script_runs_up_to_its_first_error() {
    let mut db = postgresql();
    let error = db.execute(
        "CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1);\nINSERT INTO u VALUES (2); DROP TABLE t",
        &[],
    );
    let error = error.unwrap_err();
    assert!(matches!(error.problem(), Problem::UnknownTable { .. }));
    assert_eq!(error.place().map(|place| (place.line, place.column)), Some((2, 13)));
    assert_eq!(rows(&mut db, "SELECT * FROM t"), "1");
}
