//! Temporary tables: who sees them, and when they go.

use super::{assert_refused, rows, run};
use crate::sql::{Connection, Dialect};
use crate::{Database, Session};

fn two() -> (Connection, Connection) {
    let database = Database::new();
    (Connection::new(database.clone()), Connection::new(database))
}

/// How many temporary tables there are, of whomever.
fn left(db: &Database) -> usize {
    db.catalog().unwrap().every_temporary_table().count()
}

#[test]
fn a_temporary_table_is_seen_by_its_connection_alone() {
    let (mut one, mut other) = two();
    run(
        &mut one,
        "CREATE TEMP TABLE t (id SERIAL PRIMARY KEY, x INTEGER UNIQUE, e INTEGER GENERATED ALWAYS AS IDENTITY)",
    );
    run(&mut one, "INSERT INTO t (x) VALUES (1), (2)");
    assert_eq!(rows(&mut one, "SELECT id, x, e FROM t ORDER BY id"), "1,1,1; 2,2,2");
    assert_refused(&mut other, "SELECT * FROM t", "no table \"t\"");
    // The other has one of that name, with an index and a sequence of the same names.
    run(
        &mut other,
        "CREATE TEMPORARY TABLE t (id SERIAL PRIMARY KEY, x TEXT UNIQUE, e INTEGER GENERATED ALWAYS AS IDENTITY)",
    );
    run(&mut other, "INSERT INTO t (x) VALUES ('a')");
    assert_eq!(rows(&mut other, "SELECT id, x, e FROM t"), "1,a,1");
    assert_eq!(rows(&mut one, "SELECT x FROM t ORDER BY x"), "1; 2");
    assert_refused(&mut one, "INSERT INTO t (x) VALUES (2)", "t_x_key");
    assert_refused(&mut one, "CREATE TEMP TABLE t (x INTEGER)", "t");
    run(&mut one, "CREATE TEMP TABLE IF NOT EXISTS t (y INTEGER)");
    let known = "SELECT t.table_schema, table_type, count(*) FROM information_schema.tables AS t \
        JOIN information_schema.columns AS c USING (table_schema, table_name) GROUP BY 1, 2";
    assert_eq!(rows(&mut one, known), "pg_temp,LOCAL TEMPORARY,3");
    assert_eq!(rows(&mut Connection::new(one.database().clone()), known), "");
    assert!(one.database().catalog().unwrap().tables().next().is_none(), "it is nobody's but theirs");
}

#[test]
fn a_temporary_table_stands_before_a_permanent_one_of_its_name_until_it_goes() {
    let (mut one, mut other) = two();
    run(&mut one, "CREATE TABLE t (x INTEGER UNIQUE); INSERT INTO t VALUES (1)");
    // Asked until it is kept, and prepared, before names mean another table.
    for _ in 0..3 {
        assert_eq!(rows(&mut one, "SELECT x FROM t"), "1");
    }
    let mut prepared = one.prepare("SELECT x FROM t").unwrap();
    run(&mut one, "CREATE TEMP TABLE t (x TEXT UNIQUE); INSERT INTO t VALUES ('a')");
    assert_eq!(rows(&mut one, "SELECT x FROM t"), "a");
    assert_eq!(one.run_prepared(&mut prepared, &[]).unwrap().rows.rows, [["a".into()]]);
    // What was bound by the one is bound anew by the other.
    assert_eq!(other.run_prepared(&mut prepared, &[]).unwrap().rows.rows, [[1.into()]]);
    assert_eq!(one.run_prepared(&mut prepared, &[]).unwrap().rows.rows, [["a".into()]]);
    assert_eq!(rows(&mut other, "SELECT x FROM t"), "1");
    assert_eq!(rows(&mut one, "SELECT x FROM public.t"), "1");
    assert_eq!(rows(&mut one, "SELECT x FROM pg_temp.t"), "a");
    run(
        &mut one,
        "INSERT INTO public.t VALUES (2); UPDATE public.t SET x = x + 10; DELETE FROM public.t WHERE x = 11",
    );
    assert_eq!(rows(&mut other, "SELECT x FROM t"), "12");
    assert_refused(&mut one, "ALTER TABLE public.t ADD COLUMN y INTEGER", "temporary");
    assert_refused(&mut one, "DROP TABLE public.t", "temporary");
    run(&mut one, "ALTER TABLE t ADD COLUMN y INTEGER DEFAULT 5; CREATE INDEX t_y ON t (y)");
    assert_eq!(rows(&mut one, "SELECT x, y FROM t"), "a,5");
    assert_eq!(rows(&mut other, "SELECT * FROM t"), "12");
    run(&mut one, "DROP TABLE t");
    assert_eq!(rows(&mut one, "SELECT * FROM t"), "12");
    assert_eq!(one.run_prepared(&mut prepared, &[]).unwrap().rows.rows, [[12.into()]]);
    run(&mut one, "CREATE TEMP TABLE u (x INTEGER)");
    // The other makes one that stays; it stands behind.
    run(&mut other, "CREATE TABLE u (x INTEGER); INSERT INTO u VALUES (7)");
    assert_eq!(rows(&mut one, "SELECT count(*) FROM u"), "0");
    assert_eq!(left(one.database()), 1);
}

#[test]
fn temporary_tables_go_with_their_connection() {
    let (mut one, mut other) = two();
    run(
        &mut one,
        "CREATE TEMP TABLE p (id INTEGER PRIMARY KEY); CREATE TEMP TABLE c (p INTEGER REFERENCES p)",
    );
    run(&mut one, "BEGIN; CREATE TEMP TABLE u (x INTEGER); INSERT INTO p VALUES (1)");
    let db = one.database().clone();
    drop(one);
    assert_eq!(left(&db), 0);
    // Where the schema is being changed they stay, seen by nobody, until somebody makes another.
    let mut third = Connection::new(db.clone());
    run(&mut third, "CREATE TEMP TABLE t (x INTEGER)");
    run(&mut other, "BEGIN; CREATE TABLE kept (x INTEGER)");
    drop(third);
    assert_eq!(left(&db), 1);
    assert_refused(&mut other, "SELECT * FROM t", "no table");
    run(&mut other, "ROLLBACK; CREATE TEMP TABLE v (x INTEGER)");
    assert_eq!(left(&db), 1, "that of the other");
}

#[test]
fn temporary_tables_take_part_in_transactions() {
    let (mut one, _) = two();
    run(&mut one, "CREATE TEMP TABLE t (x INTEGER); INSERT INTO t VALUES (1)");
    run(&mut one, "BEGIN; INSERT INTO t VALUES (2); SAVEPOINT a; INSERT INTO t VALUES (3)");
    run(&mut one, "CREATE TEMP TABLE u AS SELECT x FROM t; SELECT x INTO TEMP w FROM t");
    assert_eq!(rows(&mut one, "SELECT count(*) FROM u, w"), "9");
    run(&mut one, "ROLLBACK TO a");
    assert_refused(&mut one, "SELECT * FROM u", "no table");
    run(&mut one, "ROLLBACK TO a; COMMIT");
    assert_eq!(rows(&mut one, "SELECT x FROM t ORDER BY x"), "1; 2");
    run(&mut one, "BEGIN; DROP TABLE t; ROLLBACK; BEGIN; DISCARD TEMP; ROLLBACK");
    assert_eq!(rows(&mut one, "SELECT count(*) FROM t"), "2");
    run(&mut one, "DISCARD TEMP; DISCARD TEMP");
    assert_refused(&mut one, "SELECT * FROM t", "no table");
}

#[test]
fn rows_or_tables_go_at_a_commit_where_that_was_said() {
    let (mut one, _) = two();
    run(
        &mut one,
        "CREATE TEMP TABLE r (x INTEGER) ON COMMIT DELETE ROWS; CREATE TEMP TABLE k (x INTEGER) ON COMMIT PRESERVE ROWS",
    );
    run(&mut one, "BEGIN; CREATE TEMP TABLE d (x INTEGER) ON COMMIT DROP");
    run(&mut one, "INSERT INTO r VALUES (1); INSERT INTO k VALUES (1); INSERT INTO d VALUES (1)");
    assert_eq!(rows(&mut one, "SELECT count(*) FROM r, k, d"), "1");
    run(&mut one, "COMMIT");
    assert_eq!(rows(&mut one, "SELECT (SELECT count(*) FROM r), (SELECT count(*) FROM k)"), "0,1");
    assert_refused(&mut one, "SELECT * FROM d", "no table");
    // A statement of its own is a transaction.
    run(&mut one, "INSERT INTO r VALUES (1); CREATE TEMP TABLE d ON COMMIT DROP AS SELECT 1 AS x");
    assert_eq!(rows(&mut one, "SELECT count(*) FROM r"), "0");
    assert_refused(&mut one, "SELECT * FROM d", "no table");
    run(&mut one, "BEGIN; INSERT INTO r VALUES (1); ROLLBACK; BEGIN READ ONLY; SELECT * FROM r; COMMIT");
    assert_refused(&mut one, "CREATE TABLE s (x INTEGER) ON COMMIT DROP", "ON COMMIT");
    assert_refused(&mut one, "CREATE TEMP TABLE public.s (x INTEGER)", "TEMPORARY");
}

#[test]
fn what_stays_does_not_refer_to_what_goes() {
    let (mut one, mut other) = two();
    run(&mut one, "CREATE TABLE kept (id INTEGER PRIMARY KEY, x INTEGER); INSERT INTO kept VALUES (1, 1)");
    run(&mut one, "CREATE VIEW v AS SELECT x FROM kept; CREATE SEQUENCE s");
    run(&mut one, "CREATE TEMP TABLE p (id INTEGER PRIMARY KEY, e INTEGER GENERATED ALWAYS AS IDENTITY)");
    assert_refused(&mut one, "CREATE VIEW w AS SELECT id FROM p", "a view of a temporary table");
    assert_refused(&mut one, "CREATE VIEW w AS SELECT id FROM pg_temp.p", "a view of a temporary table");
    assert_refused(&mut one, "CREATE TABLE c (p INTEGER REFERENCES p)", "temporary");
    assert_refused(&mut one, "ALTER TABLE kept ADD FOREIGN KEY (x) REFERENCES p", "temporary");
    assert_refused(&mut one, "CREATE TEMP TABLE c (k INTEGER REFERENCES kept)", "temporary");
    assert_refused(&mut one, "CREATE TABLE c (x INTEGER DEFAULT nextval('p_id_seq'))", "p_id_seq");
    assert_refused(&mut one, "CREATE TABLE c (x INTEGER DEFAULT nextval('p_e_seq'))", "p_e_seq");
    assert_refused(&mut one, "ALTER SEQUENCE s OWNED BY p.id", "temporary");
    assert_refused(&mut one, "COMMENT ON TABLE p IS 'gone soon'", "temporary");
    // A view means what it meant when it was made, whatever the connection has made since.
    run(&mut one, "CREATE TEMP TABLE kept (x INTEGER); INSERT INTO kept VALUES (99)");
    assert_eq!(rows(&mut one, "SELECT x FROM v"), "1");
    run(&mut one, "UPDATE v SET x = 2");
    assert_eq!(rows(&mut other, "SELECT x FROM kept"), "2");
    // And one whose name a temporary table has stands behind it.
    run(&mut one, "CREATE TEMP TABLE v (x INTEGER)");
    assert_eq!(rows(&mut one, "SELECT count(*) FROM v"), "0");
    assert_eq!(rows(&mut one, "SELECT x FROM public.v"), "2");
    assert_eq!(rows(&mut other, "SELECT x FROM v"), "2");
    run(&mut one, "DROP TABLE kept");
    assert_refused(&mut one, "DROP TABLE kept", "\"v\"");
    run(
        &mut one,
        "CREATE TEMP TABLE c (p INTEGER REFERENCES p ON DELETE CASCADE); INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)",
    );
    assert_refused(&mut one, "INSERT INTO c VALUES (2)", "c_p_fkey");
    run(&mut one, "DELETE FROM p");
    assert_eq!(rows(&mut one, "SELECT count(*) FROM c"), "0");
}

#[test]
fn sqlite_names_temporary_tables_by_their_schema() {
    let mut db = Connection::with_dialect(Database::new(), Dialect::Sqlite);
    run(&mut db, "CREATE TABLE T (x INTEGER); INSERT INTO T VALUES (1)");
    run(&mut db, "CREATE TABLE temp.t AS SELECT 2 AS x; CREATE TEMP TABLE u (y INTEGER)");
    assert_eq!(rows(&mut db, "SELECT x FROM T"), "2");
    assert_eq!(rows(&mut db, "SELECT x FROM main.t"), "1");
    assert_eq!(rows(&mut db, "SELECT x FROM temp.T"), "2");
    assert_eq!(rows(&mut db, "SELECT name FROM sqlite_schema"), "T");
    assert_eq!(rows(&mut db, "SELECT name FROM sqlite_temp_schema ORDER BY name"), "t; u");
    assert_refused(&mut db, "SELECT * FROM main.u", "no table");
}

#[test]
fn forks_and_snapshots_tell_of_no_temporary_table() {
    let (mut one, _) = two();
    run(&mut one, "CREATE TABLE kept (x INTEGER); CREATE TEMP TABLE t (x INTEGER)");
    let before = one.database().snapshot().unwrap();
    run(&mut one, "INSERT INTO t VALUES (1); INSERT INTO kept VALUES (1)");
    let mut changed = Vec::new();
    let after = one.database().snapshot().unwrap();
    after.changes_since(&before, &mut |table, _| changed.push(table.name.clone()));
    assert_eq!(changed, ["kept"]);
    let fork = one.database().fork().unwrap();
    assert_eq!(left(&fork), 0);
    assert_eq!(rows(&mut Connection::new(fork), "SELECT x FROM kept"), "1");
    assert_eq!(rows(&mut one, "SELECT x FROM t"), "1");
    let query = one.read("SELECT x FROM t WHERE x = 1").unwrap();
    let index = crate::catalog::NewIndex::new("by_x", [crate::catalog::NewPart::column("x")]);
    let tried = one.database().what_if(&query, &[], "kept", index, 1).unwrap();
    assert!(!tried.changes_the_plan());
}

#[test]
fn connections_of_many_threads_make_temporary_tables_of_one_name_at_once() {
    let database = Database::new();
    run(
        &mut Connection::new(database.clone()),
        "CREATE TABLE kept (x INTEGER); INSERT INTO kept VALUES (1), (2)",
    );
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let database = &database;
            scope.spawn(move || {
                for round in 0..10 {
                    let mut one = Connection::new(database.clone());
                    run(&mut one, "CREATE TEMP TABLE t (x INTEGER UNIQUE)");
                    run(&mut one, &format!("INSERT INTO t SELECT x + {thread} FROM kept"));
                    run(
                        &mut one,
                        &format!(
                            "BEGIN; UPDATE t SET x = x + {round}; INSERT INTO kept VALUES (3); ROLLBACK"
                        ),
                    );
                    let sum = 3 + 2 * thread;
                    assert_eq!(rows(&mut one, "SELECT sum(x) FROM t"), sum.to_string());
                }
            });
        }
    });
    let mut last = Connection::new(database.clone());
    assert_eq!(rows(&mut last, "SELECT count(*) FROM kept"), "2");
    run(&mut last, "CREATE TEMP TABLE t (x INTEGER)");
    assert_eq!(left(&database), 1, "those that could not go at once are gone");
}

#[test]
fn every_kind_of_statement_means_the_temporary_table() {
    let (mut one, mut other) = two();
    run(
        &mut one,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER); INSERT INTO t VALUES (1, 100), (2, 200)",
    );
    run(&mut one, "CREATE TABLE log (x INTEGER)");
    run(&mut one, "CREATE TEMP TABLE t (id INTEGER PRIMARY KEY, x INTEGER); INSERT INTO t VALUES (1, 10)");
    run(&mut one, "INSERT INTO t VALUES (1, 5), (2, 20) ON CONFLICT (id) DO UPDATE SET x = t.x + excluded.x");
    assert_eq!(rows(&mut one, "SELECT x FROM t ORDER BY id"), "15; 20");
    run(
        &mut one,
        "MERGE INTO t USING public.t AS p ON p.id = t.id WHEN MATCHED THEN UPDATE SET x = t.x + p.x",
    );
    assert_eq!(rows(&mut one, "SELECT x FROM t ORDER BY id"), "115; 220");
    run(&mut one, "WITH gone AS (DELETE FROM t WHERE id = 1 RETURNING x) INSERT INTO log SELECT x FROM gone");
    assert_eq!(rows(&mut one, "SELECT x FROM log"), "115");
    assert_eq!(rows(&mut one, "WITH t AS (SELECT 7 AS x) SELECT x FROM t"), "7");
    run(&mut one, "PREPARE some AS SELECT x FROM t WHERE id = $1; ANALYZE t; VACUUM");
    assert_eq!(rows(&mut one, "EXECUTE some(2)"), "220");
    run(&mut one, "BEGIN; SELECT x FROM t FOR UPDATE OF t");
    // Who changes the other table of that name waits for nobody.
    run(&mut other, "UPDATE t SET x = x + 1");
    run(&mut one, "COMMIT; EXPLAIN ANALYZE SELECT x FROM t; TRUNCATE t");
    assert_eq!(rows(&mut one, "SELECT count(*) FROM t"), "0");
    assert_eq!(rows(&mut one, "EXECUTE some(2)"), "");
    assert_eq!(rows(&mut other, "SELECT x FROM t ORDER BY id"), "101; 201");
    run(
        &mut one,
        "ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME COLUMN x TO y; ALTER TABLE u ADD CHECK (y > 0)",
    );
    assert_refused(&mut one, "INSERT INTO u VALUES (1, 0)", "u_y_check");
    assert_eq!(rows(&mut one, "SELECT x FROM t ORDER BY id"), "101; 201");
    assert_eq!(rows(&mut one, "EXECUTE some(2)"), "201");
    run(&mut one, "DROP TABLE u, t");
    assert_refused(&mut other, "SELECT x FROM t", "no table");
}
