use proptest::prelude::*;

use super::super::Binder;
use crate::Database;
use crate::sql::connection::Connection;
use crate::sql::parameters::Parameters;
use crate::sql::parse::{Parsed, SHALLOW_NESTING_MAX, parse, split};
use crate::sql::{Dialect, SqlError};

fn connection() -> Connection {
    let mut connection = Connection::with_dialect(Database::new(), Dialect::Sqlite);
    let script = "CREATE TABLE t (a INTEGER, b INTEGER, c REAL, d TEXT, e TEXT COLLATE NOCASE, f);
        CREATE TABLE u (a INTEGER PRIMARY KEY, g INTEGER, name TEXT);
        CREATE VIEW v AS SELECT a, b + 1, c AS x FROM t WHERE a > 1;
        CREATE VIEW w AS SELECT a + x AS y, count(*) FROM v GROUP BY a, x";
    connection.execute(script, &[]).unwrap();
    connection
}

/// What a text is straight, and by way of its tree, with what is known of its columns.
fn both(connection: &Connection, sql: &str) -> (Option<String>, Result<String, SqlError>) {
    let catalog = connection.catalog().unwrap();
    let mut parameters = Parameters::default();
    let straight = Binder::new(&catalog, Dialect::Sqlite, &mut parameters).straight(sql);
    let by_tree = || {
        let tokens = split(sql, Dialect::Sqlite)?.remove(0);
        let parsed = parse(tokens, Dialect::Sqlite, 4 * SHALLOW_NESTING_MAX)?;
        let Parsed::Query(query) = parsed else { unreachable!("a query") };
        let mut parameters = Parameters::default();
        let bound = Binder::new(&catalog, Dialect::Sqlite, &mut parameters).query(&query, None)?;
        Ok(format!("{bound:?}"))
    };
    (straight.map(|bound| format!("{bound:?}")), by_tree())
}

#[test]
fn usual_queries_are_bound_straight() {
    let connection = connection();
    for sql in [
        "SELECT 1",
        "select all - - 3 + + 4 * -5 AS x;",
        "SELECT -9223372036854775808, - NULL, + 'a', -(5), NOT 1 = 2, 1 / 0",
        "SELECT CAST(- 90 AS INTEGER) / 4, CAST('1x' AS REAL), CAST(2 AS TEXT), NULL",
        "SELECT COALESCE(NULL, 7, 1.5) / 2, NULLIF(1, 2), abs(-3), ABS(a) FROM t",
        "SELECT CASE a WHEN 1 THEN b WHEN 2 THEN - c ELSE NULL END, CASE WHEN a > b THEN 'x' END FROM t",
        "SELECT * FROM t",
        "SELECT DISTINCT t.*, u.name FROM t, u WHERE t.a = u.a",
        "SELECT x.a, y.a FROM t AS x CROSS JOIN t y LEFT OUTER JOIN u ON u.a = x.a JOIN u AS z ON z.g = y.b",
        "SELECT a, b FROM t WHERE NOT (a > 5 AND b < 7.5 OR c IS NOT NULL) AND d <> 'x' AND e = 'Y'",
        "SELECT a + b * 2 FROM t WHERE a BETWEEN 1 AND 2 + b OR a NOT BETWEEN 3 AND 4 AND b IN (1, 2) OR b NOT IN (a)",
        "SELECT d IN ('a', 1), f = 3, f + 1, e < 'b' FROM t",
        "SELECT count(*), COUNT(DISTINCT a), sum(ALL - a), min(c) + max(b), AVG(a), total(a), min(e) FROM t",
        "SELECT a, - count(*) FROM t GROUP BY a, b + 1, e HAVING NOT sum(b) IS NULL ORDER BY 2 DESC, a, b + 1",
        "SELECT a AS x, c FROM t ORDER BY x ASC, t.c, d",
        "SELECT DISTINCT a FROM t ORDER BY a DESC",
        "SELECT y, x FROM w, v",
        "SELECT count(*) FROM v WHERE x > 2",
        "SELECT 1 HAVING 2",
    ] {
        let (straight, by_tree) = both(&connection, sql);
        assert_eq!(straight, by_tree.ok(), "{sql}");
    }
}

#[test]
fn what_else_there_is_goes_by_the_tree() {
    let connection = connection();
    for sql in [
        "SELECT (SELECT 1)",
        "SELECT a FROM t WHERE a IN (SELECT g FROM u)",
        "SELECT a FROM t UNION SELECT 1",
        "SELECT a FROM t LIMIT 1",
        "SELECT a FROM t, u",
        "SELECT a AS x FROM t WHERE x = 1",
        "SELECT count(*) FILTER (WHERE a > 1) FROM t",
        "SELECT sum(a) OVER () FROM t",
        "SELECT sum(f) FROM t",
        "SELECT a FROM t WHERE count(*) > 1",
        "SELECT sum(sum(a)) FROM t",
        "SELECT max(a, b) FROM t",
        "SELECT a FROM t GROUP BY 1",
        "SELECT a FROM t WHERE a = ?",
        "SELECT \"a\" FROM t",
        "SELECT rowid FROM t",
        "SELECT a FROM t WHERE d LIKE 'x'",
        "SELECT a IS 1 FROM t",
        "SELECT a ISNULL FROM t",
        "SELECT nothing FROM t",
        "SELECT 1; SELECT 2",
        "SELECT 1,",
        "SELECT FROM t",
        "VALUES (1)",
    ] {
        assert_eq!(both(&connection, sql).0, None, "{sql}");
    }
    let chained = format!("SELECT a{} FROM t", " + a".repeat(500));
    assert_eq!(both(&connection, &chained).0, None);
}

#[test]
fn postgresql_goes_by_the_tree() {
    let connection = connection();
    let catalog = connection.catalog().unwrap();
    let mut parameters = Parameters::default();
    assert!(Binder::new(&catalog, Dialect::PostgreSql, &mut parameters).straight("SELECT 1").is_none());
}

fn expression() -> impl Strategy<Value = String> {
    let operands = [
        "1",
        "2.5",
        "0",
        "'x'",
        "'12'",
        "NULL",
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "t.a",
        "g",
        "name",
        "count(*)",
        "CAST('3' AS INTEGER)",
        "9223372036854775807",
    ];
    prop::sample::select(operands.to_vec()).prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        let binary = prop::sample::select(vec![
            "+", "-", "*", "/", "=", "<>", "<", "<=", ">", ">=", "||", "AND", "OR", "IS", "LIKE",
        ]);
        let unary = prop::sample::select(vec!["-", "+", "NOT ", "- -", "- NOT "]);
        let call = prop::sample::select(vec![
            "sum(", "COUNT(DISTINCT ", "min(", "max(", "avg(ALL ", "total(", "abs(", "coalesce(NULL, ", "(",
            "sum(DISTINCT ", "upper(",
        ]);
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            6 => (inner.clone(), binary, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            3 => (unary, inner.clone()).prop_map(|(op, a)| format!("{op} {a}")),
            3 => (call, inner.clone()).prop_map(|(call, a)| format!("{call}{a})")),
            1 => (pair.clone(), any::<bool>()).prop_map(|((a, b), not)| format!("{a} {}IN ({b}, 3)", if not { "NOT " } else { "" })),
            1 => (inner.clone(), pair.clone()).prop_map(|(a, (b, c))| format!("{a} BETWEEN {b} AND {c}")),
            1 => (inner.clone(), any::<bool>()).prop_map(|(a, not)| format!("{a} IS {}NULL", if not { "NOT " } else { "" })),
            1 => pair.clone().prop_map(|(a, b)| format!("CASE WHEN {a} THEN {b} ELSE 1 END")),
            1 => pair.clone().prop_map(|(a, b)| format!("CASE {a} WHEN {b} THEN 1.5 END")),
            1 => pair.prop_map(|(a, b)| format!("NULLIF({a}, {b})")),
            1 => inner.prop_map(|a| format!("CAST({a} AS REAL)")),
        ]
    })
}

fn query() -> impl Strategy<Value = String> {
    let quantifier = prop::sample::select(vec!["", "", "ALL ", "DISTINCT "]);
    let from = prop::sample::select(vec![
        "",
        " FROM t",
        " FROM t",
        " FROM t AS t CROSS JOIN u",
        " FROM t JOIN u ON g = b",
        " FROM v",
        " FROM u, t",
    ]);
    let alias = prop::sample::select(vec!["", " AS x", " value"]);
    let clause = |word: &'static str| {
        prop::option::weighted(0.3, expression())
            .prop_map(move |of| of.map(|of| format!(" {word} {of}")).unwrap_or_default())
    };
    let clauses = (clause("WHERE"), clause("GROUP BY"), clause("HAVING"), clause("ORDER BY"));
    (quantifier, expression(), alias, expression(), from, clauses).prop_map(
        |(quantifier, item, alias, further, from, (condition, groups, having, order))| {
            format!("SELECT {quantifier}{item}{alias}, {further}{from}{condition}{groups}{having}{order}")
        },
    )
}

proptest! {
    #[test]
    fn what_is_bound_straight_is_what_its_tree_means(sql in prop::collection::vec(query(), 16)) {
        let connection = connection();
        for sql in sql {
            if let (Some(straight), by_tree) = both(&connection, &sql) {
                prop_assert_eq!(Ok(straight), by_tree.map_err(|error| error.to_string()), "{}", sql);
            }
        }
    }
}
