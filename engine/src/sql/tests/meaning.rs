//! Expressions and queries.

use super::{assert_refused, postgresql, rows, run, sqlite};

#[test]
fn a_select_without_from_computes() {
    assert_eq!(rows(&mut postgresql(), "SELECT 1 + 2 * 3, 'a' || 'b', 7 / 2, 1 = 1"), "7,ab,3,true");
    assert_eq!(rows(&mut sqlite(), "SELECT 1 + 2 * 3, 'a' || 'b', 7 / 2, 1 = 1"), "7,ab,3,1");
    assert_eq!(rows(&mut sqlite(), "SELECT 1 / 0, 5 % 0, '3 apples' + 1, NULL + 1"), "NULL,NULL,4,NULL");
}

#[test]
fn integers_that_are_written_are_computed_as_sqlite_does() {
    let db = sqlite();
    let read = |sql: &str| db.read(sql).expect(sql).sql(&db.catalog().expect("a catalog"));
    assert_eq!(read("SELECT 2 * 3 - + 4 AS x"), read("SELECT 2 AS x"));
    assert_ne!(read("SELECT 7 / 2 AS x"), read("SELECT 3 AS x"));
    let sums = "SELECT typeof(9223372036854775807 + 1), typeof(9223372036854775806 + 1)";
    assert_eq!(rows(&mut sqlite(), sums), "real,integer");
    assert_eq!(
        rows(&mut sqlite(), "SELECT 2 + CAST(NULL AS INTEGER), 3037000500 * -3037000500 < 0"),
        "NULL,1"
    );
}

#[test]
fn precedence_is_the_dialects() {
    assert_eq!(rows(&mut postgresql(), "SELECT 1 || 2 + 3"), "15");
    assert_eq!(rows(&mut sqlite(), "SELECT 1 || 2 + 3"), "15");
    assert_eq!(rows(&mut sqlite(), "SELECT NOT 1 = 2, - - 3, 2 + 3 < 4 = 0"), "1,3,1");
}

#[test]
fn numbers_of_a_choice_stay_what_they_are_in_sqlite() {
    assert_eq!(rows(&mut sqlite(), "SELECT COALESCE(7, 1.5) / 2"), "3");
    assert_eq!(rows(&mut sqlite(), "SELECT COALESCE(max(x), 1.5) / 2 FROM (SELECT 7 AS x)"), "3");
    assert_eq!(rows(&mut sqlite(), "SELECT CASE WHEN 1 THEN 7 ELSE 1.5 END / 2 * 2"), "6");
    assert_eq!(rows(&mut postgresql(), "SELECT COALESCE(7, 1.5) / 2 = 3.5"), "true");
}

#[test]
fn texts_and_numbers_are_compared_by_affinity() {
    let mut db = sqlite();
    run(&mut db, "CREATE TABLE t (n INTEGER, s TEXT); INSERT INTO t VALUES (10, '10'), (9, '9.0'), (1, 'x')");
    assert_eq!(rows(&mut db, "SELECT '1' = 1, 1 < 'a', n = '10' FROM t WHERE n = 10"), "0,1,1");
    assert_eq!(rows(&mut db, "SELECT n FROM t WHERE n = s ORDER BY n"), "9; 10");
    assert_eq!(rows(&mut db, "SELECT n FROM t WHERE s > n"), "1");
    assert_eq!(rows(&mut db, "SELECT s FROM t WHERE s = 10"), "10");
    assert_eq!(rows(&mut db, "SELECT n FROM t WHERE n IN ('9', 'x')"), "9");
}

#[test]
fn like_has_the_case_and_the_escapes_of_its_dialect() {
    assert_eq!(
        rows(&mut sqlite(), "SELECT 'ABC' LIKE 'a%', 'a\\b' LIKE 'a\\b', '5%' LIKE '5!%' ESCAPE '!'"),
        "1,1,1"
    );
    assert_eq!(
        rows(&mut postgresql(), "SELECT 'ABC' LIKE 'a%', 'ABC' ILIKE 'a%', '5%' LIKE '5\\%'"),
        "false,true,true"
    );
    assert_eq!(rows(&mut sqlite(), "SELECT 'abc' GLOB 'a*', 'ABC' GLOB 'a*'"), "1,0");
    assert_eq!(rows(&mut postgresql(), "SELECT 'abc' ~ '^a.c$', 'abc' !~ 'x'"), "true,true");
}

#[test]
fn nulls_stand_where_the_dialect_has_them() {
    let fill = "CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (2), (NULL), (1)";
    let mut db = sqlite();
    run(&mut db, fill);
    assert_eq!(rows(&mut db, "SELECT x FROM t ORDER BY x"), "NULL; 1; 2");
    assert_eq!(rows(&mut db, "SELECT x FROM t ORDER BY x DESC"), "2; 1; NULL");
    let mut db = postgresql();
    run(&mut db, fill);
    assert_eq!(rows(&mut db, "SELECT x FROM t ORDER BY x"), "1; 2; NULL");
    assert_eq!(rows(&mut db, "SELECT x FROM t ORDER BY x DESC NULLS LAST"), "2; 1; NULL");
}

#[test]
fn rows_are_compared_and_found() {
    let mut db = postgresql();
    run(&mut db, "CREATE TABLE t (a INTEGER, b INTEGER); INSERT INTO t VALUES (1, 2), (1, 3), (2, 1)");
    assert_eq!(rows(&mut db, "SELECT a, b FROM t WHERE (a, b) > (1, 2) ORDER BY 1, 2"), "1,3; 2,1");
    assert_eq!(rows(&mut db, "SELECT b FROM t WHERE (a, b) IN ((1, 3), (2, 2))"), "3");
    assert_eq!(rows(&mut db, "SELECT b FROM t WHERE (b, a) IN (SELECT a, b FROM t) ORDER BY 1"), "1; 2");
    assert_eq!(rows(&mut db, "SELECT a, b FROM t WHERE b >= ALL (SELECT b FROM t)"), "1,3");
    assert_eq!(rows(&mut db, "SELECT count(*) FROM t WHERE b > ANY (SELECT a FROM t WHERE a = 1)"), "2");
}

#[test]
fn common_tables_and_using_are_seen() {
    let mut db = postgresql();
    run(&mut db, "CREATE TABLE a (id INTEGER, x TEXT); INSERT INTO a VALUES (1, 'one'), (2, 'two')");
    run(&mut db, "CREATE TABLE b (id INTEGER, y TEXT); INSERT INTO b VALUES (2, 'zwei'), (3, 'drei')");
    assert_eq!(rows(&mut db, "SELECT * FROM a JOIN b USING (id)"), "2,two,zwei");
    assert_eq!(rows(&mut db, "SELECT id, y FROM a NATURAL LEFT JOIN b ORDER BY id"), "1,NULL; 2,zwei");
    assert_eq!(rows(&mut db, "SELECT id, x FROM a RIGHT JOIN b USING (id) ORDER BY id"), "2,two; 3,NULL");
    let query = "WITH big AS (SELECT id FROM a WHERE id > 1), both AS (SELECT * FROM big, big AS again) SELECT * FROM both";
    assert_eq!(rows(&mut db, query), "2,2");
    assert_eq!(rows(&mut db, "SELECT s.n FROM (VALUES (1, 'x'), (2, 'y')) AS s (n, t) WHERE s.t = 'y'"), "2");
}

#[test]
fn a_column_beside_aggregates_is_refused_or_taken_from_a_row() {
    let fill = "CREATE TABLE t (g INTEGER, x INTEGER); INSERT INTO t VALUES (1, 5), (1, 5), (2, 7)";
    let mut db = postgresql();
    run(&mut db, fill);
    assert_refused(&mut db, "SELECT x, count(*) FROM t GROUP BY g", "\"x\" must be in GROUP BY");
    assert_eq!(rows(&mut db, "SELECT g + 1, sum(x) FROM t GROUP BY g + 1 ORDER BY 1"), "2,10; 3,7");
    assert_refused(&mut db, "SELECT g FROM t WHERE count(*) > 1", "count() is not allowed in WHERE");
    let mut db = sqlite();
    run(&mut db, fill);
    assert_eq!(rows(&mut db, "SELECT x, count(*) FROM t GROUP BY g ORDER BY 1"), "5,2; 7,1");
    assert_eq!(rows(&mut db, "SELECT x + 1 AS y FROM t WHERE y > 6 GROUP BY y"), "8");
}

#[test]
fn parameters_are_found_by_place_and_name() {
    let mut db = postgresql();
    let mut value = |sql: &str| db.query(sql, &[2.into(), 5.into()]).map(|result| result.rows[0][0].clone());
    assert_eq!(value("SELECT ? - ?"), Ok((-3).into()));
    assert_eq!(value("SELECT $2 - $1"), Ok(3.into()));
    assert_eq!(value("SELECT ?2 - ?1"), Ok(3.into()));
    assert_eq!(value("SELECT :a - :b - :a"), Ok((-5).into()));
    assert_eq!(value("SELECT 7 LIMIT $1"), Ok(7.into()));
    assert!(value("SELECT ?3").is_err());
}

#[test]
fn dates_are_read_and_taken_apart() {
    let mut db = postgresql();
    assert_eq!(
        rows(&mut db, "SELECT EXTRACT(year FROM DATE '2024-02-29'), DATE '2024-02-29' + 1"),
        "2024,2024-03-01"
    );
    assert_eq!(
        rows(&mut db, "SELECT date_trunc('month', TIMESTAMP '2024-02-29 10:00:00')"),
        "2024-02-01T00:00:00Z"
    );
    assert_eq!(
        rows(&mut db, "SELECT DATE '2024-01-31' < '2024-02-01', CAST('12' AS INTEGER) + 1"),
        "true,13"
    );
    assert_eq!(
        rows(&mut db, "SELECT TIMESTAMP '2024-01-31 10:00:00' + INTERVAL '2 hours'"),
        "2024-01-31T12:00:00Z"
    );
}

#[test]
fn windows_look_around() {
    let mut db = postgresql();
    run(
        &mut db,
        "CREATE TABLE t (g TEXT, x INTEGER); INSERT INTO t VALUES ('a', 1), ('a', 2), ('b', 5), ('a', 2)",
    );
    assert_eq!(
        rows(
            &mut db,
            "SELECT x, rank() OVER (ORDER BY x), sum(x) OVER (PARTITION BY g) FROM t ORDER BY 1, 2"
        ),
        "1,1,5; 2,2,5; 2,2,5; 5,4,5"
    );
    assert_eq!(
        rows(
            &mut db,
            "SELECT x, lag(x, 1, 0) OVER w, row_number() OVER w FROM t WINDOW w AS (ORDER BY x, g) ORDER BY 3"
        ),
        "1,0,1; 2,1,2; 2,2,3; 5,2,4"
    );
    assert_eq!(
        rows(
            &mut db,
            "SELECT g, sum(sum(x)) OVER (ORDER BY g ROWS UNBOUNDED PRECEDING) FROM t GROUP BY g ORDER BY g"
        ),
        "a,5; b,10"
    );
    assert_refused(
        &mut db,
        "SELECT x FROM t WHERE rank() OVER (ORDER BY x) = 1",
        "rank() is not allowed in WHERE",
    );
}

#[test]
fn aggregates_of_many_kinds() {
    let mut db = postgresql();
    run(
        &mut db,
        "CREATE TABLE t (g TEXT, x INTEGER); INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 2), ('d', NULL)",
    );
    assert_eq!(
        rows(&mut db, "SELECT string_agg(g, '-' ORDER BY g DESC), count(DISTINCT x) FROM t"),
        "d-c-b-a,2"
    );
    assert_eq!(
        rows(&mut db, "SELECT bool_and(x > 0), count(*) FILTER (WHERE x = 2), var_pop(x) FROM t WHERE x = 2"),
        "true,2,0.0"
    );
    let mut db = sqlite();
    run(&mut db, "CREATE TABLE t (g TEXT, x INTEGER); INSERT INTO t VALUES ('a', 1), ('b', 3), ('c', 2)");
    assert_eq!(rows(&mut db, "SELECT group_concat(x), total(x), g, max(x) FROM t"), "1,3,2,6.0,b,3");
    assert_refused(&mut db, "SELECT group_concat(DISTINCT x, ':') FROM t", "1 argument with DISTINCT");
}

#[test]
fn recursion_goes_on_until_there_is_nothing_new() {
    let mut db = postgresql();
    let count =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT sum(i) FROM n";
    assert_eq!(rows(&mut db, count), "15");
    run(
        &mut db,
        "CREATE TABLE edge (a INTEGER, b INTEGER); INSERT INTO edge VALUES (1, 2), (2, 3), (3, 1), (4, 5)",
    );
    let reach = "WITH RECURSIVE r AS (SELECT 1 AS x UNION SELECT b FROM edge JOIN r ON a = x) SELECT x FROM r ORDER BY x";
    assert_eq!(rows(&mut db, reach), "1; 2; 3");
    assert_eq!(
        rows(
            &mut sqlite(),
            "WITH RECURSIVE c(x) AS (VALUES (1) UNION ALL SELECT x * 2 FROM c WHERE x < 20) SELECT max(x) FROM c"
        ),
        "32"
    );
    assert_eq!(
        rows(&mut db, "SELECT a FROM edge FULL JOIN (SELECT 9 AS z) AS q ON a = z ORDER BY a"),
        "1; 2; 3; 4; NULL"
    );
}
