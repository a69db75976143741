//! Statements that are refused, with their place; the connection goes on after each.

use std::time::Duration;

use super::{assert_refused, postgresql, rows, run, sqlite};
use crate::Error;
use crate::limits::Limits;
use crate::sql::{Connection, Dialect, Problem};

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
        ("INSERT INTO post VALUES (1, 'x', 2)", "2 columns are expected, got 3"),
        ("UPDATE post SET id = TRUE", "column \"id\": expected integer, got boolean"),
        ("SELECT a.id FROM post a, post b WHERE id = 1", "ambiguous"),
        ("SELECT 1 FROM post, post", "give one of them an alias"),
        ("SELECT id FROM post WHERE id = 'x'", "\"x\" cannot be read as bigint, at line 1, column 27"),
        ("SELECT - title FROM post", "expected a number, got text, at line 1, column 10"),
        ("SELECT post.id FROM post AS p", "there is no table \"post\"; did you mean \"p\"?"),
        ("SELECT * FORM post", "found FORM; did you mean FROM?"),
        ("DELETE FROM post were id = 1", "did you mean WHERE where it says were?"),
        ("SELECT `id` FROM post", "a name stands in double quotes"),
        ("SELECT nvl(id, 1) FROM post", "there is no function nvl(); did you mean \"coalesce\"?"),
        ("SELECT rank() FROM post", "rank() is computed over a window"),
        ("SELECT CAST(1 AS intger)", "there is no type intger; did you mean \"integer\"?"),
        ("SELECT 1 FROM post JOIN post AS p", "write CROSS JOIN"),
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

#[test]
fn what_is_wrong_with_a_value_of_an_enumeration_is_told_where_it_stands() {
    let mut db = postgresql();
    run(&mut db, "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE size AS ENUM ('s', 'm')");
    run(&mut db, "CREATE TABLE p (m mood, s size, t TEXT); INSERT INTO p VALUES ('sad', 's', 'x')");
    run(&mut db, "CREATE VIEW v AS SELECT 'm'::size AS m");
    let of_place = "\"hapy\" is no value of mood; did you mean \"happy\"?, at line 1, column 23: 'hapy'";
    for (sql, expected) in [
        ("INSERT INTO p VALUES ('hapy', 's')", of_place),
        ("SELECT m FROM p WHERE 'hapy' < m", of_place),
        ("UPDATE p SET s = 's', m='hapy'", "column 25: 'hapy'"),
        ("ALTER TABLE p ALTER COLUMN m SET DEFAULT 'x'", "\"x\" is no value of mood, at line 1, column 42"),
        ("SELECT m > t FROM p", ">: expected mood, got text, at line 1, column 8"),
        ("SELECT s = m FROM p", "=: expected size, got mood"),
        ("UPDATE p SET m = t", "column \"m\": expected mood, got text, at line 1, column 18"),
        ("SELECT coalesce(m, s) FROM p", "coalesce: expected mood, got size"),
        ("SELECT 1::mood", "CAST: expected mood, got"),
        ("SELECT t::mood FROM p", "\"x\" is no value of mood"),
        ("SELECT 's'::sizes", "there is no type sizes; did you mean \"size\"?, at line 1, column 8"),
        ("CREATE TABLE q (a mood[])", "an array of mood, which is an enumeration, is not supported"),
        ("CREATE TYPE mood AS ENUM ('x')", "\"mood\" exists already, at line 1, column 13"),
        ("CREATE TYPE integer AS ENUM ('x')", "\"integer\" exists already"),
        ("CREATE TYPE e AS ENUM ('x', 'x')", "\"x\" exists already, at line 1, column 13"),
        ("CREATE TYPE e AS ENUM ('')", "expected 1 to 63 bytes, got 0"),
        ("CREATE TYPE e AS (a INTEGER)", "CREATE TYPE of anything but an ENUM is not supported"),
        ("ALTER TYPE mood ADD VALUE 'x' AFTER 'hapy'", "did you mean \"happy\"?, at line 1, column 12"),
        (
            "ALTER TYPE mod ADD VALUE 'x'",
            "there is no type mod; did you mean \"mood\"?, at line 1, column 12",
        ),
        ("ALTER TYPE mod OWNER TO ann", "there is no type mod; did you mean \"mood\"?, at line 1, column 12"),
        (
            "ALTER TYPE mood RENAME VALUE 'sad' TO 'x'",
            "RENAME VALUE, which would change rows, is not supported",
        ),
        ("DROP TYPE mood", "cannot drop type \"mood\": table \"p\" depends on it; drop what does, or"),
        ("DROP TYPE size", "cannot drop or rename type \"size\": view \"v\" depends on it"),
        ("ALTER TYPE size RENAME TO x", "cannot drop or rename type \"size\": view \"v\" depends on it"),
        ("SELECT enum_range(1)", "enum_range(): expected a value of an enumeration, such as NULL::mood"),
        ("COMMENT ON COLUMN p.n IS 'x'", "there is no column \"n\""),
        ("COMMENT ON TABLE q IS 'x'", "there is no table \"q\""),
        ("COMMENT ON COLUMN p IS 'x'", "expected table.column, found p"),
        ("COMMENT ON ROLE p IS 'x'", "COMMENT ON ROLE is not supported"),
    ] {
        assert_refused(&mut db, sql, expected);
    }
    let mut sqlite = Connection::with_dialect(db.database().clone(), Dialect::Sqlite);
    assert_refused(
        &mut sqlite,
        "INSERT INTO p (m) VALUES ('x')",
        "\"x\" is no value of mood, for column \"m\" of table \"p\"",
    );
    assert_eq!(rows(&mut sqlite, "SELECT m, m > 'a' FROM p"), "sad,1");
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

/// Common tables that each read the one before it twice are computed once each; views are put in their place each time.
#[test]
fn what_doubles_with_each_step_is_refused_where_it_cannot_be_shared() {
    for mut db in [postgresql(), sqlite()] {
        assert_eq!(rows(&mut db, &doubling(30)), "1");
        run(&mut db, "CREATE TABLE v0 (x INTEGER)");
        let mut view = |n: i32| {
            db.execute(&format!("CREATE VIEW v{n} AS SELECT a.x FROM v{} a, v{} b", n - 1, n - 1), &[])
        };
        let refused = (1..20).find_map(|n| view(n).err()).expect("views that double");
        assert!(matches!(refused.problem(), Problem::TooLarge { .. }), "{refused}");
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
fn what_never_ends_is_ended_by_its_limits_and_the_transaction_goes_on() {
    for mut db in [postgresql(), sqlite()] {
        run(&mut db, "CREATE TABLE t (x INTEGER)");
        let rows_of = (0..300).map(|n| format!("({n})")).collect::<Vec<_>>().join(", ");
        run(&mut db, &format!("INSERT INTO t VALUES {rows_of}"));
        db.set_limits(Limits {
            memory_bytes_max: Some(2 << 20),
            statement_timeout: Some(Duration::from_secs(2)),
            ..Limits::default()
        });
        run(&mut db, "BEGIN; INSERT INTO t VALUES (-1); SAVEPOINT before");
        for endless in [
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + 1 FROM r) SELECT max(n) FROM r",
            "SELECT a.x, b.x, c.x FROM t a, t b, t c, t d ORDER BY a.x * b.x - c.x, d.x",
            "SELECT DISTINCT a.x * 1000000 + b.x * 1000 + c.x FROM t a, t b, t c",
        ] {
            let error = db.execute(endless, &[]).expect_err(endless);
            let is_limit =
                |error: &Error| matches!(error, Error::MemoryLimit { .. } | Error::StatementTimeout { .. });
            assert!(
                matches!(error.problem(), Problem::Engine(error) if is_limit(error)),
                "{endless}: {error}"
            );
            run(&mut db, "ROLLBACK TO before");
            assert_eq!(rows(&mut db, "SELECT count(*) FROM t"), "301");
        }
        run(&mut db, "ROLLBACK");
        assert_eq!(rows(&mut db, "SELECT count(*) FROM t"), "300");
    }
}

#[test]
fn wrong_types_and_escapes_are_errors_with_their_place() {
    let mut db = postgresql();
    run(&mut db, "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT, d DATE, j JSON, b BOOLEAN)");
    for (sql, expected) in [
        ("SELECT id FROM t WHERE id = TRUE", "at line 1, column 24"),
        ("SELECT id FROM t WHERE s > 1", "expected text, got"),
        ("SELECT d + s FROM t", "at line 1, column 8: d + s"),
        ("SELECT CASE WHEN b THEN 1 ELSE s END FROM t WHERE d", "at line 1"),
        ("SELECT id FROM t WHERE id IN (SELECT s FROM t)", "at line 1, column 24"),
        ("SELECT (SELECT id, s FROM t)", "1 column is expected, got 2, at line 1"),
        ("SELECT id FROM t WHERE (id, s) = (1)", "at line 1"),
        ("SELECT sum(s) FROM t", "sum(): expected a number"),
        ("SELECT rank() FROM t", "rank"),
        ("SELECT sum(sum(id)) FROM t", "sum() is not allowed in an aggregate"),
        ("SELECT id FROM t WHERE count(*) > 1", "count() is not allowed in WHERE"),
        ("INSERT INTO t (id, d) VALUES (1, 'no date')", "no date"),
        ("INSERT INTO t (id, j) VALUES (1, '{')", "{"),
        ("UPDATE t SET b = 7", "column \"b\": expected boolean"),
        ("SELECT E'\\uzzzz'", "at line 1, column 8"),
        ("SELECT U&'\\d800'", "line 1"),
        ("SELECT U&'\\00e9' || x", "no column \"x\""),
        ("SELECT X'0'", "at line 1, column 8"),
        ("SELECT \"open", "at line 1, column 8"),
        ("SELECT $tag$ never closed", "line 1"),
        ("SELECT 1 FROM", "at the end of line 1, column 14"),
        ("SELECT 1 +", "at the end of line 1, column 11"),
        ("INSERT INTO t VALUES (", "line 1"),
    ] {
        assert_refused(&mut db, sql, expected);
    }
    assert_eq!(rows(&mut db, "SELECT U&'caf\\00e9'"), "café");
    assert_eq!(rows(&mut db, "SELECT count(*) FROM t"), "0");
}

#[test]
fn parameters_are_as_many_as_the_statement_has() {
    let mut db = postgresql();
    assert_refused(&mut db, "SELECT $2", "the parameter $2 is used and 0 were given, at line 1, column 8");
    let mut statement = db.prepare("SELECT $1 + 1, $2 || 'x'").expect("two parameters");
    for values in [&[][..], &[1.into()], &[1.into(), "a".into(), 3.into()]] {
        let error = db.run_prepared(&mut statement, values).expect_err("another number of values");
        let given = values.len();
        assert_eq!(*error.problem(), Problem::ParameterCount { expected: 2, given });
    }
    let wrong =
        db.run_prepared(&mut statement, &["one".into(), "a".into()]).expect_err("a text that is no number");
    assert!(matches!(wrong.problem(), Problem::Literal { .. }), "{wrong}");
    let right = db.run_prepared(&mut statement, &["1".into(), "a".into()]).expect("a text that is a number");
    assert_eq!(right.rows.rows, [[2.into(), "ax".into()]]);
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
