//! `min` and `max` in SQLite's dialect, and the columns beside them.

use super::{rows, run, sqlite};
use crate::sql::Connection;

fn filled(rows: &str) -> Connection {
    let mut db = sqlite();
    run(&mut db, &format!("CREATE TABLE t (a INTEGER, b TEXT, c TEXT); INSERT INTO t VALUES {rows}"));
    db
}

#[test]
fn bare_columns_come_from_the_row_of_the_extreme_nulls_too() {
    let mut db = filled("(1, NULL, 'p'), (2, 'x', NULL), (3, 'y', 'q')");
    for (sql, wanted) in [
        ("SELECT min(a), b, c FROM t", "1,NULL,p"),
        ("SELECT max(a), b, c FROM t", "3,y,q"),
        ("SELECT max(a), b, c FROM t WHERE a < 3", "2,x,NULL"),
        ("SELECT max(a), b || 'z', coalesce(c, 'none') FROM t WHERE a < 3", "2,xz,none"),
        ("SELECT min(a), b FROM t HAVING b IS NULL", "1,NULL"),
        ("SELECT max(a), b FROM t WHERE a > 5", "NULL,NULL"),
        ("SELECT max(a), b, c FROM t WHERE a < 3 GROUP BY a > 0", "2,x,NULL"),
    ] {
        assert_eq!(rows(&mut db, sql), wanted, "{sql}");
    }
}

#[test]
fn bare_columns_come_from_a_row_that_the_filter_of_the_extreme_lets_through() {
    let mut db = filled("(1, NULL, 'p'), (2, 'x', NULL), (3, 'y', 'q')");
    for (sql, wanted) in [
        ("SELECT min(a) FILTER (WHERE a > 1), b, c FROM t", "2,x,NULL"),
        ("SELECT max(a) FILTER (WHERE a < 3), b, c FROM t", "2,x,NULL"),
        ("SELECT min(a) FILTER (WHERE a > 9), b, c FROM t", "NULL,NULL,p"),
    ] {
        assert_eq!(rows(&mut db, sql), wanted, "{sql}");
    }
}

#[test]
fn bare_columns_without_an_extreme_come_from_one_row() {
    let mut db = filled("(1, NULL, 'p'), (2, 'x', NULL), (3, 'y', 'q')");
    assert_eq!(rows(&mut db, "SELECT b, c FROM t GROUP BY a > 0"), "NULL,p");
    assert_eq!(rows(&mut db, "SELECT count(*), b, c FROM t"), "3,NULL,p");
}

#[test]
fn extremes_of_a_column_without_case_are_without_case() {
    let mut db = sqlite();
    run(
        &mut db,
        "CREATE TABLE t (a TEXT COLLATE NOCASE, b INTEGER); INSERT INTO t VALUES ('B',1), ('a',2), ('A',3), ('b',4)",
    );
    for (sql, wanted) in [
        ("SELECT min(a), b FROM t", "a,2"),
        ("SELECT max(a), b FROM t", "B,1"),
        ("SELECT min(a), max(a) FROM t", "a,B"),
        ("SELECT min(a COLLATE BINARY), b FROM t", "A,3"),
        ("SELECT max((a || '') COLLATE NOCASE), b FROM t", "B,1"),
        ("SELECT min(a) FILTER (WHERE b > 2), b FROM t", "A,3"),
        ("SELECT min(DISTINCT a), count(DISTINCT a) FROM t", "a,2"),
        ("SELECT min(a) FROM t WHERE a IS NULL", "NULL"),
        ("SELECT b > 2, max(a) FROM t GROUP BY 1", "0,B; 1,b"),
        ("SELECT lower(max(a) OVER (ORDER BY b)) FROM t", "b; b; b; b"),
        ("SELECT lower(min(a) OVER (ORDER BY b)) FROM t", "b; a; a; a"),
    ] {
        assert_eq!(rows(&mut db, sql), wanted, "{sql}");
    }
}
