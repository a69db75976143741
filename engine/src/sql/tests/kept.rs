//! What is kept of a text never changes an answer: it is what a connection answers that has not heard the text before.

use nuages_storage::Value;

use crate::Database;
use crate::sql::{Connection, Dialect};

/// Texts that are asked over and over, each with lists of values.
fn questions() -> Vec<(&'static str, Vec<Vec<Value>>)> {
    let one = |values: &[Value]| values.iter().map(|value| vec![value.clone()]).collect::<Vec<_>>();
    let mixed = [1.into(), 2.into(), Value::Null, "2".into(), 2.0.into(), (-1).into(), 3.into()];
    vec![
        ("SELECT a, b FROM t WHERE a = $1 ORDER BY b", one(&mixed)),
        ("SELECT a FROM t WHERE a > $1 AND b <> 'x' ORDER BY a, b", one(&mixed)),
        ("SELECT $1 || 'x', $1 + 1, typeof($1)", one(&mixed)),
        ("SELECT a FROM t ORDER BY a, b LIMIT $1", one(&mixed)),
        ("SELECT a FROM t ORDER BY a, b LIMIT 2 OFFSET $1", one(&mixed)),
        ("SELECT count(*), max(a) FROM t", vec![vec![]]),
        ("SELECT * FROM t ORDER BY a, b", vec![vec![], vec![1.into()]]),
        ("INSERT INTO t (a, b) VALUES ($1, 'new')", one(&mixed)),
        ("UPDATE t SET b = b || 'y' WHERE a = $1", one(&mixed)),
        ("SELECT changes(), total_changes()", vec![vec![]]),
        ("DELETE FROM t WHERE a = $1 AND b LIKE 'new%'", one(&mixed)),
        ("SELECT a / $1 FROM t ORDER BY a, b", one(&[0.into(), 2.into()])),
        ("SELECT 1; SELECT a FROM t WHERE a = $1", one(&mixed)),
    ]
}

/// Changes of the schema between them.
const CHANGES: [&str; 6] = [
    "CREATE INDEX t_a ON t (a)",
    "ALTER TABLE t ADD COLUMN c INTEGER DEFAULT 7",
    "BEGIN; ALTER TABLE t ADD COLUMN d INTEGER",
    "ROLLBACK",
    "DROP INDEX t_a",
    "ALTER TABLE t RENAME COLUMN c TO e",
];

fn answer(connection: &mut Connection, sql: &str, values: &[Value]) -> String {
    match connection.execute(sql, values) {
        Ok(outcome) => format!("{} {:?} {:?}", outcome.affected, outcome.rows.columns, outcome.rows.rows),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_kept_answers_as_what_is_new() {
    for dialect in [Dialect::Sqlite, Dialect::PostgreSql] {
        let connect = || {
            let mut connection = Connection::with_dialect(Database::new(), dialect);
            let rows = "CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (2, 'x'), (NULL, 'z')";
            connection.execute(rows, &[]).unwrap();
            connection
        };
        let (mut keeping, mut fresh) = (connect(), connect());
        for change in CHANGES {
            for _ in 0..3 {
                for (sql, lists) in questions() {
                    for values in lists {
                        let kept = answer(&mut keeping, sql, &values);
                        fresh.kept = super::super::kept::Kept::default();
                        assert_eq!(kept, answer(&mut fresh, sql, &values), "{dialect:?}: {sql} {values:?}");
                    }
                }
            }
            assert_eq!(answer(&mut keeping, change, &[]), answer(&mut fresh, change, &[]));
        }
        assert!(keeping.kept.len() > 5, "some statements are kept");
    }
}

#[test]
fn another_dialect_means_something_else() {
    let mut connection = Connection::new(Database::new());
    let mut nulls = |dialect| {
        connection.set_dialect(dialect);
        let sql = "SELECT * FROM (VALUES (1), (NULL)) AS v ORDER BY 1";
        [(); 3].map(|()| connection.query(sql, &[]).unwrap().rows[0][0].clone())
    };
    assert_eq!(nulls(Dialect::PostgreSql), [const { Value::Int(1) }; 3]);
    assert_eq!(nulls(Dialect::Sqlite), [const { Value::Null }; 3]);
    assert_eq!(nulls(Dialect::PostgreSql), [const { Value::Int(1) }; 3]);
}
