//! Which digits numbers have after what was computed of them.

use super::{postgresql, rows, run};
use crate::sql::Connection;

fn prices() -> Connection {
    let mut db = postgresql();
    run(&mut db, "CREATE TABLE p (price NUMERIC(8,2)); INSERT INTO p VALUES (10), (10), (10)");
    db
}

#[test]
fn quotients_of_decimals_are_summed() {
    let mut db = prices();
    assert_eq!(rows(&mut db, "SELECT price / 3 FROM p LIMIT 1"), "3.3333333333333333");
    assert_eq!(
        rows(&mut db, "SELECT sum(price / 3), avg(price / 3) FROM p"),
        "9.9999999999999999,3.3333333333333333"
    );
    let means = "SELECT sum(a) FROM (SELECT avg(price / 7) AS a FROM p CROSS JOIN generate_series(1, 30) g(n) GROUP BY n) s";
    assert_eq!(rows(&mut db, means), "42.8571428571428580");
    let running = "SELECT sum(price / 3) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM p";
    assert_eq!(rows(&mut db, running), "3.3333333333333333; 6.6666666666666666; 9.9999999999999999");
}

#[test]
fn quotients_and_large_decimals_are_summed_together() {
    let mut db = postgresql();
    run(
        &mut db,
        "CREATE TABLE p (price NUMERIC(20,2)); INSERT INTO p VALUES (1000000), (999999999999999999.99)",
    );
    let sum = "SELECT sum(CASE WHEN price > 1000000 THEN price ELSE price / 3 END) FROM p";
    assert_eq!(rows(&mut db, sum), "1000000000000333333.3233333333");
}

#[test]
fn an_offset_of_a_range_may_be_what_the_column_could_not_hold() {
    let mut db = postgresql();
    run(&mut db, "CREATE TABLE p (price NUMERIC(3,2)); INSERT INTO p VALUES (1.5), (2.5), (9.99)");
    let sum = |offset: &str| {
        format!(
            "SELECT sum(price) OVER (ORDER BY price RANGE BETWEEN {offset} PRECEDING AND CURRENT ROW) FROM p"
        )
    };
    assert_eq!(rows(&mut db, &sum("10")), "1.50; 4.00; 13.99");
    assert_eq!(rows(&mut db, &sum("0.995")), "1.50; 2.50; 9.99");
    assert_eq!(rows(&mut db, &sum("1")), "1.50; 4.00; 9.99");
}

#[test]
fn a_subquery_tells_apart_what_is_equal_and_not_the_same() {
    let mut db = postgresql();
    let decimals = "(VALUES (1, 1.0), (2, 1.00), (3, 1.0)) o(id, d)";
    assert_eq!(
        rows(&mut db, &format!("SELECT (SELECT o.d::text) FROM {decimals} ORDER BY id")),
        "1.0; 1.00; 1.0"
    );
    run(
        &mut db,
        "CREATE TABLE f (id INT, d FLOAT); INSERT INTO f VALUES (1, 0), (2, -0.0::float8), (3, '-0')",
    );
    assert_eq!(
        rows(&mut db, "SELECT (SELECT f.d::text || '') FROM f ORDER BY id"),
        rows(&mut db, "SELECT f.d::text || '' FROM f ORDER BY id")
    );
    run(&mut db, r#"CREATE TABLE j (id INT, d JSONB); INSERT INTO j VALUES (1, '1'), (2, '1.0')"#);
    assert_eq!(rows(&mut db, "SELECT (SELECT j.d::text) FROM j ORDER BY id"), "1; 1.0");
}

#[test]
fn a_correlated_subquery_draws_for_each_row() {
    let mut db = postgresql();
    run(&mut db, "CREATE TABLE o (id INT); INSERT INTO o SELECT 1 FROM generate_series(1, 50)");
    let drawn = |sql: &str| format!("SELECT count(DISTINCT r) > 1 FROM (SELECT ({sql}) AS r FROM o) s");
    assert_eq!(rows(&mut db, &drawn("SELECT random() + 0 * o.id")), "true");
    assert_eq!(rows(&mut db, &drawn("SELECT random() + g FROM generate_series(1, o.id) g")), "true");
    // What depends on no row is computed once.
    assert_eq!(rows(&mut db, &drawn("SELECT random()")), "false");
}

#[test]
fn json_keeps_the_digits_of_decimals() {
    let mut db = postgresql();
    assert_eq!(
        rows(&mut db, "SELECT to_jsonb(10.5::numeric), to_jsonb(-100::numeric), to_jsonb(0.1)"),
        "10.5,-100,0.1"
    );
    assert_eq!(rows(&mut db, "SELECT to_jsonb(12345678901234567::numeric)"), "12345678901234567");
    let kept = "SELECT (jsonb_build_object('price', 12345678901234567890.12)->>'price')::numeric(24, 2)";
    assert_eq!(rows(&mut db, kept), "12345678901234567890.12");
    let listed = "SELECT (jsonb_agg(x)->>0)::numeric(28, 19) FROM (VALUES (0.1234567890123456789)) v(x)";
    assert_eq!(rows(&mut db, listed), "0.1234567890123456789");
}
