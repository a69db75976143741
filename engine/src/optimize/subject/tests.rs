//! Indexes on expressions, without regard to case and with conditions, as plans use them: beside a database that has
//! none of them, and in what EXPLAIN says.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::batch::Batch;
use crate::catalog::Catalog;
use crate::evaluate::Context;
use crate::execute::run;
use crate::optimize::plan_by_indexes;
use crate::sql::{Connection, Dialect};
use crate::{Database, Session};

const INDEXES: &str = "
    CREATE INDEX t_lower ON t (lower(x));
    CREATE INDEX t_sum ON t (a + b, id);
    CREATE INDEX t_down ON t ((a * 2) DESC);
    CREATE INDEX t_open ON t (b) WHERE a IS NOT NULL AND b > 2;
    CREATE INDEX t_some ON t (lower(x), b) WHERE a IN (1, 2, 3);
    CREATE INDEX t_city ON t (city)";

/// Tables `t` of these rows and `u` of words, with the indexes or without.
fn connection(dialect: Dialect, rows: &str, indexes: &str) -> Connection {
    let mut connection = Connection::with_dialect(Database::new(), dialect);
    let nocase = if dialect == Dialect::Sqlite { "NOCASE" } else { "\"und-x-icu-ci\"" };
    let tables = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, a INTEGER, b INTEGER, city TEXT COLLATE {nocase});
         CREATE TABLE u (word TEXT)"
    );
    for statement in [&tables, indexes, rows, "INSERT INTO u VALUES ('ab'), ('b'), (NULL), ('ab')"] {
        connection.execute(statement, &[]).unwrap();
    }
    connection
}

/// Two thousand rows with texts and numbers of which there are many.
fn many() -> String {
    let mut rows = String::from("INSERT INTO t VALUES ");
    for n in 0..2_000_u64 {
        let comma = if n == 0 { "" } else { ", " };
        write!(rows, "{comma}({n}, 'Name{}', {}, {}, 'CITY{}')", n / 4, n % 100, n % 7, n / 10).unwrap();
    }
    rows
}

fn plan(connection: &Connection, sql: &str) -> String {
    connection.session().explain(&connection.read(sql).unwrap()).unwrap().to_string()
}

#[test]
fn an_expression_is_found_by_its_index_and_counted_in_it() {
    for dialect in [Dialect::PostgreSql, Dialect::Sqlite] {
        let connection = connection(dialect, &many(), INDEXES);
        for (condition, index, rows) in [
            ("lower(x) = 'name7'", "t_lower", Some(4.0)),
            ("'name7' = lower(x)", "t_lower", Some(4.0)),
            ("lower(x) IN ('name7', 'name8', 'none')", "t_lower", Some(8.0)),
            ("lower(x) > 'name40' AND lower(x) <= 'name4001'", "t_lower", Some(4.0)),
            ("b + a = 5", "t_sum", Some(20.0 * 6.0 * 100.0 / 700.0)),
            ("a * 2 > 196 AND a * 2 < 1000", "t_down", Some(20.0)),
            ("city = 'city7'", "t_city", Some(10.0)),
            ("city BETWEEN 'City17' AND 'city170'", "t_city", Some(20.0)),
        ] {
            let query = connection.read(&format!("SELECT * FROM t WHERE {condition}")).unwrap();
            let explained = connection.session().explain(&query).unwrap();
            assert!(
                explained.to_string().contains(&format!("by index {index} ")),
                "{condition}\n{explained}"
            );
            assert!(explained.rows.is_exact(), "{condition}\n{explained}");
            let counted = connection.session().query(&query, &[]).unwrap().rows.len() as f64;
            assert_eq!(explained.rows.rows, counted, "{condition}");
            if condition.starts_with("b + a") {
                continue;
            }
            assert_eq!(Some(counted), rows, "{condition}");
        }
        let like = plan(&connection, "SELECT * FROM t WHERE lower(x) LIKE 'name77%'");
        assert_eq!(like.contains("by index t_lower"), dialect == Dialect::PostgreSql, "{like}");
    }
}

#[test]
fn orders_groups_counts_and_joins_use_it_too() {
    for dialect in [Dialect::PostgreSql, Dialect::Sqlite] {
        let connection = connection(dialect, &many(), INDEXES);
        let first = plan(&connection, "SELECT x FROM t ORDER BY lower(x) LIMIT 3");
        assert!(first.contains("Scan t by index t_lower") && !first.contains("Top"), "{first}");
        let last = plan(&connection, "SELECT x FROM t ORDER BY city DESC LIMIT 3");
        // In PostgreSQL's order NULLs would come first, and the index has them last, so it is read backward.
        assert!(last.contains("Scan t by index t_city backward") && !last.contains("Top"), "{last}");
        let counted = plan(&connection, "SELECT count(*) FROM t WHERE lower(x) < 'name3'");
        assert!(counted.contains("Count t by index t_lower"), "{counted}");
        let joined = plan(&connection, "SELECT t.id FROM u JOIN t ON lower(t.x) = u.word");
        assert!(joined.contains("Index join with t by index t_lower"), "{joined}");
        let sorted =
            plan(&connection, "SELECT s.id FROM t JOIN t AS s ON s.id = t.b ORDER BY lower(t.x) LIMIT 2");
        assert!(sorted.contains("Scan t by index t_lower") && !sorted.contains("Top"), "{sorted}");
        let query = connection.read("SELECT lower(x), count(*) FROM t GROUP BY lower(x)").unwrap();
        let groups = connection.session().explain(&query).unwrap().rows.rows;
        assert!((400.0..600.0).contains(&groups), "500 groups, not {groups}");
    }
}

#[test]
fn a_search_without_regard_to_case_is_one_of_the_lower_case() {
    let connection = connection(Dialect::PostgreSql, &many(), INDEXES);
    for (condition, index) in [("x ILIKE 'NAME12%'", "t_lower"), ("x ILIKE 'Name45_'", "t_lower")] {
        let plan = plan(&connection, &format!("SELECT id FROM t WHERE {condition}"));
        assert!(plan.contains(&format!("by index {index}")), "{condition}\n{plan}");
    }
    let plan = plan(&connection, "SELECT id FROM t WHERE x ILIKE '%12'");
    assert!(!plan.contains("by index"), "{plan}");
}

#[test]
fn a_search_without_regard_to_case_is_one_by_index_beside_any_other_condition() {
    let connection = connection(Dialect::PostgreSql, &many(), INDEXES);
    for condition in [
        "x ILIKE 'name12%' AND a > 3",
        "b = 3 AND x ILIKE 'name12%'",
        "a IN (1, 2) AND b < 5 AND x ILIKE 'name12%'",
        "x ILIKE 'name12%' AND x <> 'Name12'",
        "x ILIKE 'name12%' AND x ILIKE '%9'",
        "x ILIKE '%9' AND x ILIKE 'name12%'",
        "x ILIKE 'n%' AND x ILIKE 'name12%'",
        "x ILIKE 'name12%' AND city LIKE 'CITY%'",
        "x ILIKE 'name12%' OR x ILIKE 'name13%' AND a > 3",
    ] {
        let plan = plan(&connection, &format!("SELECT id FROM t WHERE {condition}"));
        assert!(plan.contains("lower(x) begins with \"name12\""), "{condition}\n{plan}");
    }
    let plan = plan(&connection, "SELECT id FROM t WHERE x ILIKE '%9' AND lower(x) > 'name98'");
    assert!(plan.contains("lower(x) > \"name98\""), "a pattern without a beginning is none: {plan}");
}

#[test]
fn a_condition_is_seen_to_follow() {
    let connection = connection(Dialect::PostgreSql, &many(), INDEXES);
    let version = connection.database().version().unwrap();
    let catalog = Catalog::of(&version);
    let is_used = |condition: &str, index: &str| {
        let query = connection.read(&format!("SELECT * FROM t WHERE {condition}")).unwrap();
        let plan = plan_by_indexes(query, catalog, &version).unwrap();
        plan.explain(catalog).to_string().contains(&format!("by index {index} "))
    };
    for condition in [
        "a = 5 AND b = 6",
        "a > 97 AND b IN (3, 6)",
        "a IN (9, 10) AND b > 5",
        "a IS NOT NULL AND b = 3",
        "NOT (a < 5) AND b = 4",
    ] {
        assert!(is_used(condition, "t_open"), "{condition}");
    }
    for condition in [
        "b = 6",
        "a IS NULL AND b = 6",
        "a = 5 AND b = 2",
        "a = 5 AND b > 1",
        "a IS NOT DISTINCT FROM 5 AND b = 1",
        "(a > 5 OR a IS NULL) AND b = 3",
    ] {
        assert!(!is_used(condition, "t_open"), "{condition}");
    }
    assert!(is_used("lower(x) = 'name0' AND b = 1 AND a = 2", "t_some"));
    assert!(is_used("lower(x) = 'name0' AND b = 1 AND (a = 2 OR a = 3)", "t_some"));
    assert!(!is_used("lower(x) = 'name0' AND b = 1 AND a = 4", "t_some"));
}

#[test]
fn constants_in_an_index_are_folded_as_those_of_queries_are() {
    let index = "CREATE INDEX t_shifted ON t ((a + (2 * 3)))";
    let connection = connection(Dialect::PostgreSql, &many(), index);
    for condition in ["a + 6 = 10", "a + 2 * 3 = 10", "6 + a = 4 + 6"] {
        let plan = plan(&connection, &format!("SELECT id FROM t WHERE {condition}"));
        assert!(plan.contains("by index t_shifted"), "{condition}\n{plan}");
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![Just("NULL".to_owned()), "[abABsS\u{17f}\u{212a}]{0,2}".prop_map(|text| format!("'{text}'"))]
}

fn numbers() -> impl Strategy<Value = String> {
    prop_oneof![1 => Just("NULL".to_owned()), 4 => (0..6_i64).prop_map(|number| number.to_string())]
}

fn conditions() -> impl Strategy<Value = String> {
    let comparison = || prop::sample::select(vec!["=", "<", "<=", ">", ">=", "<>"]);
    let subject = || prop::sample::select(vec!["a + b", "b + a", "a * 2", "a", "b"]);
    let text = || prop::sample::select(vec!["lower(x)", "city", "x"]);
    let simple = prop_oneof![
        (subject(), comparison(), numbers()).prop_map(|(of, op, by)| format!("{of} {op} {by}")),
        (text(), comparison(), texts()).prop_map(|(of, op, by)| format!("{of} {op} {by}")),
        // The long s and the sign of Kelvin are an s and a k where case does not count.
        (text(), "[abABsSk]{0,2}[%_]?[aAsS]?%?").prop_map(|(of, by)| format!("{of} ILIKE '{by}'")),
        (subject(), prop::collection::vec(numbers(), 1..4))
            .prop_map(|(of, list)| format!("{of} IN ({})", list.join(", "))),
        (text(), prop::collection::vec(texts(), 1..4))
            .prop_map(|(of, list)| format!("{of} IN ({})", list.join(", "))),
        (subject(), any::<bool>())
            .prop_map(|(of, is)| format!("{of} IS {}NULL", if is { "" } else { "NOT " })),
    ];
    simple.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" AND "))),
            prop::collection::vec(inner.clone(), 2..3).prop_map(|parts| format!("({})", parts.join(" OR "))),
            inner.prop_map(|part| format!("NOT ({part})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_are_the_same_with_and_without_indexes(
        rows in prop::collection::vec((texts(), numbers(), numbers(), texts()), 1..40),
        wanted in prop::collection::vec(conditions(), 8),
        in_sqlite in any::<bool>(),
    ) {
        let dialect = if in_sqlite { Dialect::Sqlite } else { Dialect::PostgreSql };
        let rows: Vec<String> = rows
            .into_iter()
            .enumerate()
            .map(|(id, (x, a, b, city))| format!("({id}, {x}, {a}, {b}, {city})"))
            .collect();
        let rows = format!("INSERT INTO t VALUES {}", rows.join(", "));
        let with = connection(dialect, &rows, INDEXES);
        let without = connection(dialect, &rows, "");
        let by_indexes = |sql: &str| {
            let version = with.database().version().unwrap();
            let catalog = Catalog::of(&version);
            let plan = plan_by_indexes(with.read(sql).unwrap(), catalog, &version).unwrap();
            let mut found = Vec::new();
            let values = |batch: &Batch<'_>, row| batch.columns.iter().map(|column| column.value(row)).collect();
            run(&plan, &version, &Context::new(&[]), &mut |batch| {
                found.extend(batch.selection.iter().map(|row| -> Vec<_> { values(batch, row) }));
                Ok(())
            }).unwrap();
            found
        };
        let all = |sql: &str| without.session().query(&without.read(sql).unwrap(), &[]).unwrap().rows;
        for condition in wanted {
            let condition = if in_sqlite { condition.replace("ILIKE", "LIKE") } else { condition };
            for sql in [
                format!("SELECT id, x FROM t WHERE {condition} ORDER BY id"),
                format!("SELECT count(*) FROM t WHERE {condition}"),
                format!("SELECT lower(x), id FROM t WHERE {condition} ORDER BY lower(x) DESC, id LIMIT 5"),
                format!("SELECT a + b, id FROM t WHERE {condition} ORDER BY a + b, id LIMIT 5"),
                format!("SELECT a * 2, lower(city) FROM t WHERE {condition} ORDER BY a * 2, lower(city), id LIMIT 7"),
                format!("SELECT id, word FROM u JOIN t ON lower(x) = word WHERE {condition} ORDER BY id"),
                format!("SELECT id, word FROM u LEFT JOIN t ON city = word AND {condition} ORDER BY word, id"),
            ] {
                prop_assert_eq!(by_indexes(&sql), all(&sql), "{}", sql);
            }
        }
    }
}
