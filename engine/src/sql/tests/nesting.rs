//! What lies deep within itself, wherever it stands, and what is long without being deep: on a thread of two megabytes.

use super::{postgresql, rows, run, sqlite};
use crate::sql::{Connection, Problem};

/// How often something lies within itself.
const TIMES: usize = 10_000;

/// Statements around what opens and closes so often.
const PLACES: [(&str, &str, &str, &str, &str); 36] = [
    ("SELECT ", "(", "1", ")", ""),
    ("SELECT ", "(SELECT ", "1", ")", ""),
    ("SELECT ", "CASE WHEN TRUE THEN ", "1", " END", ""),
    ("SELECT ", "CASE ", "1", " WHEN 1 THEN 1 END", ""),
    ("SELECT ", "coalesce(", "1", ")", ""),
    ("SELECT ", "coalesce(1, ", "1", ")", ""),
    ("SELECT ", "CAST(", "1", " AS INTEGER)", ""),
    ("SELECT 1", "", "", "::integer", ""),
    ("SELECT 1", "", "", " IS NULL", ""),
    ("SELECT 'a'", "", "", " COLLATE nocase", ""),
    ("SELECT x", "", "", ".x", " FROM t"),
    ("SELECT 1 WHERE ", "EXISTS (SELECT 1 WHERE ", "TRUE", ")", ""),
    ("SELECT 1 WHERE 1 IN ", "(SELECT 1 WHERE 1 IN ", "(1)", ")", ""),
    ("SELECT 1 WHERE ", "NOT ", "TRUE", "", ""),
    ("SELECT 1 WHERE (1, 2) = ", "(", "1", ", 2)", ""),
    ("SELECT 1 WHERE 'a' LIKE ", "(", "'a'", ")", ""),
    ("SELECT 1 ORDER BY ", "(", "1", ")", ""),
    ("SELECT 1 LIMIT ", "(", "1", ")", ""),
    ("SELECT x FROM t GROUP BY ", "(", "x", ")", ""),
    ("SELECT sum(", "(", "x", ")", ") OVER (PARTITION BY x) FROM t"),
    ("SELECT sum(x) OVER (ORDER BY ", "(", "x", ")", ") FROM t"),
    ("SELECT * FROM ", "(SELECT * FROM ", "t", ") AS q", ""),
    ("SELECT * FROM ", "(", "t", " JOIN t ON TRUE)", ""),
    ("SELECT * FROM t JOIN t AS u ON ", "(", "TRUE", ")", ""),
    ("", "(SELECT 1 UNION ", "SELECT 1", ")", ""),
    ("", "(", "SELECT 1", ")", ""),
    ("", "WITH a AS (", "SELECT 1", ") SELECT 1", ""),
    ("INSERT INTO t VALUES (", "(", "1", ")", ")"),
    ("INSERT INTO t ", "SELECT * FROM (", "SELECT 1", ") AS q", ""),
    ("UPDATE t SET x = ", "(", "1", ")", ""),
    ("DELETE FROM t WHERE ", "(", "TRUE", ")", ""),
    ("CREATE TABLE d (x INTEGER CHECK (", "(", "x > 1", ")", "))"),
    ("CREATE TABLE d (x INTEGER DEFAULT ", "(", "1", ")", ")"),
    ("CREATE VIEW d AS SELECT ", "(", "1", ")", ""),
    ("CREATE INDEX d ON t (", "(", "x", ")", ")"),
    ("SELECT CAST('", "[", "", "]", "' AS JSON)"),
];

/// Runs a test on a thread with the stack that Rust gives one.
fn on_a_thread(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(test).expect("a thread");
    thread.join().expect("the thread ends by itself");
}

fn with_a_table(mut db: Connection) -> Connection {
    run(&mut db, "CREATE TABLE t (x INTEGER)");
    db
}

#[test]
fn nesting_is_refused_wherever_it_stands() {
    on_a_thread(|| {
        for mut db in [with_a_table(postgresql()), with_a_table(sqlite())] {
            for (before, open, inner, close, behind) in PLACES {
                let (open, close) = (open.repeat(TIMES), close.repeat(TIMES));
                let sql = format!("{before}{open}{inner}{close}{behind}");
                let error = db.execute(&sql, &[]).expect_err(&sql[..sql.len().min(80)]);
                assert!(error.to_string().len() < 500, "{error}");
                assert_eq!(rows(&mut db, "SELECT count(*) FROM t"), "0");
            }
        }
    });
}

/// A query in queries, in shapes for which the parser tries several readings.
fn nested(times: usize) -> String {
    let inner = if times == 0 { "SELECT 1 WHERE TRUE".to_owned() } else { nested(times - 1) };
    format!(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM (VALUES (1)) AS a (x) CROSS JOIN
         (SELECT sum(y) AS z FROM (SELECT 2 AS y) AS c WHERE (NOT EXISTS ({inner}))) AS b)"
    )
}

#[test]
fn what_is_nested_is_read_as_deep_as_it_may_be_and_never_a_mistake_of_syntax() {
    on_a_thread(|| {
        for times in 0..3 {
            assert_eq!(rows(&mut postgresql(), &nested(times)), "1", "{times} times");
        }
        // Deeper ones are read too, and have more levels than are planned.
        for times in [3, 4, 5, 6, 7, 20, 60] {
            let error = postgresql().execute(&nested(times), &[]).expect_err("it is too deep");
            assert!(!matches!(error.problem(), Problem::Syntax { .. }), "{times} times: {error}");
        }
        let mistaken = nested(6).replace("TRUE", "TRUE TRUE");
        let error = postgresql().execute(&mistaken, &[]).expect_err("there is a word too many");
        assert!(matches!(error.problem(), Problem::Syntax { .. }), "{error}");
    });
}

#[test]
fn messages_show_the_beginning_of_what_is_long() {
    for mut db in [with_a_table(postgresql()), with_a_table(sqlite())] {
        let long = "x".repeat(500_000);
        for sql in [
            format!("SELECT * FROM {long}"),
            format!("SELECT {long} FROM t"),
            format!("SELECT {long}(x) FROM t"),
            format!("SELECT CAST(x AS {long}) FROM t"),
            format!("SELECT CAST('{long}' AS DATE) FROM t"),
            format!("SELECT 1 LIMIT '{long}'"),
            format!("DROP INDEX {long}"),
            format!("SELECT 'a' COLLATE {long}"),
            format!("SELEC {long}"),
        ] {
            let error = db.execute(&sql, &[]).err().map(|error| error.to_string());
            assert!(error.is_none_or(|error| error.len() < 500), "{}", &sql[..40]);
        }
    }
}

#[test]
fn what_follows_each_other_so_often_is_read_or_refused() {
    // So many tables are joined in a minute.
    let times = if std::env::var_os("NUAGES_SOAK").is_some() { TIMES } else { TIMES / 20 };
    let names = |each: &dyn Fn(usize) -> String| (1..times).map(each).collect::<Vec<_>>();
    let chain = names(&|n| format!("a{n} AS (SELECT x FROM a{})", n - 1)).join(", ");
    let last = times - 1;
    let statements = [
        format!("SELECT 1 FROM t{}", names(&|n| format!(" JOIN t AS t{n} ON TRUE")).concat()),
        format!("SELECT 1 FROM t{}", names(&|n| format!(" LEFT JOIN t AS t{n} ON TRUE")).concat()),
        format!("SELECT 1 FROM t{}", names(&|n| format!(", t AS t{n}")).concat()),
        format!("WITH a0 AS (SELECT x FROM t), {chain} SELECT x FROM a{last}"),
        format!("WITH a0 AS (SELECT x FROM t), {chain} DELETE FROM t WHERE x IN (SELECT x FROM a{last})"),
        format!("SELECT {}1", "x, ".repeat(times)) + " FROM t",
        format!("SELECT x FROM t WHERE x IN ({}1)", "1, ".repeat(times)),
        format!("SELECT CASE {}END FROM t", "WHEN x = 1 THEN 2 ".repeat(times)),
        format!("SELECT coalesce({}x) FROM t", "x, ".repeat(times)),
        format!("SELECT x FROM t GROUP BY {}x", "x, ".repeat(times)),
        format!("SELECT x FROM t ORDER BY {}x", "x, ".repeat(times)),
        format!("SELECT x FROM t WHERE {}TRUE", "x = 1 AND ".repeat(times)),
        format!("INSERT INTO t SELECT 1 WHERE FALSE{}", " UNION ALL SELECT 2 WHERE FALSE".repeat(times)),
    ];
    on_a_thread(move || {
        for mut db in [with_a_table(postgresql()), with_a_table(sqlite())] {
            for sql in &statements {
                if let Err(error) = db.execute(sql, &[]) {
                    assert!(error.to_string().len() < 500, "{error}");
                }
                assert_eq!(rows(&mut db, "SELECT count(*) FROM t"), "0");
            }
        }
    });
}

#[test]
fn a_view_is_nested_as_deep_as_a_query() {
    on_a_thread(|| {
        for mut db in [with_a_table(postgresql()), with_a_table(sqlite())] {
            run(&mut db, "INSERT INTO t VALUES (1), (2)");
            let condition = format!("{}x = 2{}", "(".repeat(150), ")".repeat(150));
            run(&mut db, &format!("CREATE VIEW v AS SELECT x FROM t WHERE {condition}"));
            assert_eq!(rows(&mut db, "SELECT x FROM v"), "2");
            // Statements that are not deep themselves.
            run(&mut db, "CREATE VIEW w AS SELECT x + 1 AS x FROM v");
            assert_eq!(rows(&mut db, "SELECT x FROM w"), "3");
            run(&mut db, "DELETE FROM t WHERE x IN (SELECT x FROM v)");
            assert_eq!(rows(&mut db, "SELECT count(*) FROM t"), "1");
            let mut prepared = db.prepare("SELECT count(*) FROM v").expect("it is prepared");
            let counted = db.run_prepared(&mut prepared, &[]).expect("it is run").rows.rows;
            assert_eq!(counted, [[0.into()]]);
        }
    });
}

#[test]
fn views_that_are_nested_deep_lie_within_each_other() {
    on_a_thread(|| {
        for mut db in [with_a_table(postgresql()), with_a_table(sqlite())] {
            run(&mut db, "INSERT INTO t VALUES (1)");
            run(&mut db, "CREATE VIEW v0 AS SELECT x FROM t");
            for view in 1..9 {
                let inner = format!("(SELECT max(x) FROM v{})", view - 1);
                let deep = format!("{}{inner}{}", "(".repeat(150), ")".repeat(150));
                run(&mut db, &format!("CREATE VIEW v{view} AS SELECT {deep} AS x"));
            }
            assert_eq!(rows(&mut db, "SELECT x FROM v8"), "1");
        }
    });
}
