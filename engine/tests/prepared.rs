//! Prepared queries: each run finds what there is now, and what was planned for another schema is not run.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::thread;

use nuages_engine::sql::{Connection, Dialect, statement};
use nuages_engine::{Cancel, Database, Error, Isolation, Limits, Prepared, Row, Session, Under};
use nuages_storage::Value;

const SONGS: &str = "
    CREATE TABLE album (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE song (id INTEGER PRIMARY KEY, album INTEGER, title TEXT UNIQUE, plays INTEGER, length DOUBLE PRECISION,
        is_live BOOLEAN, price NUMERIC(6, 2), UNIQUE (album, plays));
    CREATE INDEX song_plays ON song (plays DESC);
    INSERT INTO album SELECT n, 'album ' || n FROM generate_series(0, 19) AS g (n);
    INSERT INTO song SELECT n, CASE WHEN n % 7 > 0 THEN n % 20 END, 'title ' || n, n * 37 % 1000, n / 8.0, n % 3 = 0,
        CASE WHEN n % 5 > 0 THEN n * 0.25 END FROM generate_series(1, 1000) AS g (n)";

fn songs() -> Connection {
    let mut connection = Connection::new(Database::new());
    connection.execute(SONGS, &[]).unwrap();
    connection
}

fn prepared(connection: &Connection, sql: &str) -> Prepared {
    Prepared::new(connection.database(), connection.read(sql).unwrap()).unwrap()
}

/// All rows of a run, batch by batch.
fn by_batch(session: &dyn Session, query: &Prepared, values: &[Value]) -> Result<Vec<Vec<Value>>, Error> {
    let mut rows = Vec::new();
    session.run(query, values, &mut |batch| {
        rows.extend(batch.selection.iter().map(|row| batch.row(row)));
        Ok(())
    })?;
    Ok(rows)
}

/// The same, row by row.
fn by_row(session: &dyn Session, query: &Prepared, values: &[Value]) -> Result<Vec<Vec<Value>>, Error> {
    let mut rows = Vec::new();
    session.run_rows(query, values, &mut |row| {
        rows.push(row.values());
        Ok(())
    })?;
    Ok(rows)
}

/// That each way of reading a column agrees with its value.
fn assert_reads_as_values(row: Row<'_>) {
    for (column, value) in row.values().into_iter().enumerate() {
        assert_eq!(row.value(column), value);
        assert_eq!(row.is_null(column), value.is_null());
        assert_eq!(row.text(column), value.as_text());
        assert_eq!(row.bool(column), value.as_bool());
        assert_eq!(row.bytes(column), value.as_bytes());
        match value {
            Value::Int(int) => assert_eq!(row.int(column), Some(int)),
            Value::Float(float) => assert_eq!(row.float(column), Some(float)),
            _ => {}
        }
    }
    let beyond = row.len();
    assert!(row.is_null(beyond) && row.value(beyond).is_null());
    assert_eq!((row.int(beyond), row.text(beyond), row.float(beyond)), (None, None, None));
}

#[test]
fn a_row_where_it_lies_reads_as_one_of_a_batch() {
    let mut connection = songs();
    connection.execute("ALTER TABLE song ADD COLUMN rating INTEGER DEFAULT 3", &[]).unwrap();
    for sql in [
        "SELECT * FROM song WHERE id = $1",
        "SELECT price, title, id, is_live, id, length, rating FROM song WHERE id = $1",
        "SELECT id, price, album FROM song WHERE title = 'title ' || CAST(CAST($1 AS INTEGER) AS TEXT)",
        "SELECT id, title, length FROM song WHERE id <= $1",
        "SELECT id + 1, upper(title) FROM song WHERE id = $1",
    ] {
        let query = prepared(&connection, sql);
        let mut count = 0;
        for id in [7, 10, 15, 1_000, 1_001, -1] {
            let values = [Value::Int(id)];
            let session = connection.session();
            let rows = by_row(session, &query, &values).unwrap();
            assert_eq!(rows, by_batch(session, &query, &values).unwrap(), "{sql} with {id}");
            assert_eq!(rows, session.query(query.query(), &values).unwrap().rows, "{sql} with {id}");
            let read = &mut |row: Row<'_>| {
                assert_reads_as_values(row);
                Ok(())
            };
            session.run_rows(&query, &values, read).unwrap();
            count += rows.len();
        }
        assert!(count >= 4, "{sql}");
        assert_eq!(by_row(connection.session(), &query, &[Value::Null]).unwrap(), Vec::<Vec<Value>>::new());
        let missing = by_row(connection.session(), &query, &[]);
        assert!(matches!(missing, Err(Error::MissingParameter { .. })), "{sql}: {missing:?}");
    }
}

#[test]
fn a_run_finds_what_is_there_now() {
    let mut connection = songs();
    let query = prepared(&connection, "SELECT title FROM song WHERE id = $1");
    let title = |session: &dyn Session| by_row(session, &query, &[Value::Int(7)]).unwrap();
    assert_eq!(title(connection.session()), [["title 7".into()]]);
    connection.execute("UPDATE song SET title = 'Nuages' WHERE id = 7", &[]).unwrap();
    assert_eq!(title(connection.session()), [["Nuages".into()]]);
    connection.execute("BEGIN; UPDATE song SET title = 'Daphne' WHERE id = 7", &[]).unwrap();
    assert_eq!(title(connection.session()), [["Daphne".into()]]);
    assert_eq!(title(connection.database()), [["Nuages".into()]]);
    connection.execute("DELETE FROM song WHERE id = 7", &[]).unwrap();
    assert_eq!(title(connection.session()), Vec::<Vec<Value>>::new());
    connection.execute("ROLLBACK", &[]).unwrap();
    assert_eq!(title(connection.session()), [["Nuages".into()]]);
}

#[test]
fn a_plan_for_another_schema_is_not_run() {
    let mut connection = songs();
    let by_title = prepared(&connection, "SELECT id FROM song WHERE title = $1");
    let ids = |session: &dyn Session| by_row(session, &by_title, &["title 7".into()]);
    let schema = connection.session().catalog().unwrap().schema_id();
    let mut bound = connection.prepare("SELECT plays FROM song WHERE id = $1").unwrap();
    let mut plays = |connection: &mut Connection| {
        connection
            .run_prepared(&mut bound, &[7.into()])
            .map(|outcome| (outcome.rows.columns, outcome.rows.rows))
    };
    assert_eq!(ids(connection.session()), Ok(vec![vec![Value::Int(7)]]));
    let (columns, rows) = plays(&mut connection).unwrap();
    assert!(columns == ["plays"] && rows == [[Value::Int(259)]]);

    connection.execute("ALTER TABLE song DROP CONSTRAINT song_title_key", &[]).unwrap();
    assert_eq!(ids(connection.session()), Ok(vec![vec![Value::Int(7)]]), "without the index");
    let under = Under::new(connection.session(), schema);
    assert_eq!(ids(&under), Err(Error::SchemaChanged));

    connection.execute("ALTER TABLE song DROP COLUMN title", &[]).unwrap();
    let (columns, rows) = plays(&mut connection).unwrap();
    assert!(columns == ["plays"] && rows == [[Value::Int(259)]], "the places of columns have changed");
}

#[test]
fn a_serializable_transaction_knows_which_row_it_has_read() {
    for (changed, is_refused) in [(7, true), (8, false)] {
        let connection = songs();
        let query = prepared(&connection, "SELECT title FROM song WHERE id = $1");
        let tx = connection.database().begin_with(Isolation::Serializable);
        assert_eq!(by_row(&tx, &query, &[Value::Int(7)]).unwrap(), [["title 7".into()]]);
        let mut other = Connection::new(connection.database().clone());
        let change = "UPDATE song SET title = 'Nuages' WHERE id = $1";
        other.execute(change, &[changed.into()]).unwrap();
        let write = "UPDATE album SET name = 'Nuages' WHERE id = 3";
        let (write, _) = statement(write, &[], Dialect::PostgreSql, &tx.catalog().unwrap()).unwrap();
        tx.execute(&write, &[]).unwrap();
        let committed = tx.commit();
        assert_eq!(committed.is_err(), is_refused, "{committed:?}");
    }
}

#[test]
fn who_is_cancelled_reads_no_row() {
    let connection = songs();
    let query = prepared(&connection, "SELECT title FROM song WHERE id = $1");
    let cancel = Cancel::new();
    let limits = Limits { cancel: Some(cancel.clone()), ..Limits::default() };
    let db = connection.database().with_limits(limits);
    assert_eq!(by_row(&db, &query, &[Value::Int(7)]).unwrap().len(), 1);
    cancel.cancel();
    assert_eq!(by_row(&db, &query, &[Value::Int(7)]), Err(Error::Cancelled));
    assert_eq!(by_row(connection.database(), &query, &[Value::Int(7)]).unwrap().len(), 1);
}

#[test]
fn rows_that_were_counted_for_a_premise_are_those_that_are_read() {
    let mut connection = songs();
    let queries = [
        "SELECT id, plays FROM song WHERE plays > $1 AND plays < 900",
        "SELECT id FROM song WHERE plays > $1 ORDER BY plays",
        "SELECT id FROM song WHERE plays >= $1 ORDER BY plays DESC, id LIMIT 7 OFFSET 3",
        "SELECT id FROM song WHERE id > $1 ORDER BY id DESC LIMIT 5",
        "SELECT id FROM song WHERE id BETWEEN $1 AND $1 + 10",
        "SELECT id, plays FROM song WHERE album = $1 ORDER BY length DESC, id",
        "SELECT album, plays FROM song WHERE album IN ($1, 3, $1 + 2) AND plays > 100 ORDER BY album, plays",
        "SELECT album, count(*), sum(plays) FROM song WHERE album = $1 GROUP BY album",
        "SELECT count(*), max(plays) FROM song WHERE album = $1 AND plays > 10",
        "SELECT song.id, album.name FROM song JOIN album ON album.id = song.album WHERE song.album = $1 ORDER BY 1",
        "SELECT a.id, b.id FROM song a JOIN song b ON a.album = b.album WHERE a.plays < $1 AND b.plays < $1 ORDER BY 1, 2",
        "SELECT id FROM album WHERE id > $1 AND EXISTS (SELECT 1 FROM song WHERE album = album.id AND plays > $1) ORDER BY 1",
        "SELECT id FROM song WHERE title LIKE 'title 1%' AND plays < $1 ORDER BY id",
    ];
    let prepared: Vec<_> = queries.iter().map(|sql| (sql, prepared(&connection, sql))).collect();
    let mut found = vec![0; prepared.len()];
    for round in 0..3 {
        for value in
            [Value::Int(5), Value::Int(6), Value::Int(5_000), Value::Null, Value::Int(-1), Value::Int(40)]
        {
            for ((sql, query), found) in prepared.iter().zip(&mut found) {
                let values = std::slice::from_ref(&value);
                let expected = connection.session().query(query.query(), values).unwrap().rows;
                assert_eq!(
                    by_batch(connection.session(), query, values).unwrap(),
                    expected,
                    "{sql} with {value}"
                );
                *found += expected.len();
            }
        }
        let change =
            "DELETE FROM song WHERE id % 4 = $1; UPDATE song SET plays = plays + 1000 WHERE id % 3 = $1";
        connection.execute(change, &[round.into()]).unwrap();
    }
    assert!(found.iter().all(|rows| *rows > 0), "{found:?}");
}

/// Statements with operators of many kinds. Each finds rows for 3 and for 5, and is none of those that are so short that
/// they may not be run within each other.
const WITH_OPERATORS: [&str; 8] = [
    "SELECT id, plays FROM song WHERE plays > $1 AND plays < 900",
    "SELECT id, plays FROM song WHERE album = $1 ORDER BY length DESC, id",
    "SELECT plays % 7, count(*), sum(plays) FROM song WHERE album = $1 GROUP BY plays % 7 ORDER BY 1",
    "SELECT DISTINCT is_live, album FROM song WHERE album >= $1 ORDER BY 2, 1",
    "SELECT song.id, album.name FROM song JOIN album ON album.id = song.album WHERE song.album = $1 ORDER BY 1",
    "SELECT a.id, b.id FROM song a JOIN song b ON a.plays + 0 = b.plays + 37 WHERE a.album > $1 ORDER BY 1, 2",
    "SELECT id, row_number() OVER (ORDER BY plays, id) FROM song WHERE album = $1 ORDER BY id",
    "SELECT id, (SELECT count(*) FROM song s WHERE s.plays < song.plays) FROM song WHERE album = $1 ORDER BY id",
];

#[test]
fn a_statement_may_be_run_within_a_run_of_itself() {
    let connection = songs();
    let session = connection.session();
    for sql in WITH_OPERATORS {
        let query = prepared(&connection, sql);
        let [outer, inner] = [3, 5].map(|value| session.query(query.query(), &[value.into()]).unwrap().rows);
        assert!(!outer.is_empty() && outer != inner, "{sql}");
        let mut rows = Vec::new();
        let mut run_within = |batch: &nuages_engine::Batch<'_>| {
            rows.extend(batch.selection.iter().map(|row| batch.row(row)));
            assert_eq!(by_batch(session, &query, &[5.into()])?, inner, "{sql}");
            Ok(())
        };
        session.run(&query, &[3.into()], &mut run_within).unwrap();
        assert_eq!(rows, outer, "{sql}");
    }
}

#[test]
fn a_statement_may_be_run_on_several_threads_at_once() {
    let connection = songs();
    let db = connection.database();
    for sql in WITH_OPERATORS {
        let query = prepared(&connection, sql);
        thread::scope(|scope| {
            for value in [3, 5, 3, 19] {
                let query = &query;
                scope.spawn(move || {
                    let expected = db.query(query.query(), &[value.into()]).unwrap().rows;
                    for _ in 0..5 {
                        assert_eq!(
                            by_batch(db, query, &[value.into()]).unwrap(),
                            expected,
                            "{sql} with {value}"
                        );
                    }
                });
            }
        });
    }
}

#[test]
fn a_run_that_is_ended_in_its_midst_leaves_nothing_behind() {
    let connection = songs();
    let db = connection.database();
    for sql in WITH_OPERATORS {
        let query = prepared(&connection, sql);
        let values = [Value::Int(3)];
        let expected = db.query(query.query(), &values).unwrap().rows;
        let is_whole = || assert_eq!(by_batch(db, &query, &values).unwrap(), expected, "{sql}");
        is_whole();

        let mut refuse = |_: &nuages_engine::Batch<'_>| Err(Error::SchemaChanged);
        assert_eq!(db.run(&query, &values, &mut refuse), Err(Error::SchemaChanged), "{sql}");
        is_whole();

        let cancel = Cancel::new();
        let ended = db.with_limits(Limits { cancel: Some(cancel.clone()), ..Limits::default() });
        let mut cancel_within = |_: &nuages_engine::Batch<'_>| {
            cancel.cancel();
            Ok(())
        };
        // It ends with what it had, or is refused the next batch.
        let ran = ended.run(&query, &values, &mut cancel_within);
        assert!(matches!(ran, Ok(()) | Err(Error::Cancelled)), "{sql}: {ran:?}");
        assert_eq!(ended.run(&query, &values, &mut |_| Ok(())), Err(Error::Cancelled), "{sql}");
        is_whole();

        let little = Limits { memory_bytes_max: Some(1), ..Limits::default() };
        let refused = by_batch(&db.with_limits(little), &query, &values);
        assert!(matches!(refused, Ok(_) | Err(Error::MemoryLimit { .. })), "{sql}: {refused:?}");
        assert_eq!(refused.is_ok(), !sql.contains("ORDER BY"), "{sql}: who sorts keeps rows");
        is_whole();

        let missing = by_batch(db, &query, &[]);
        assert!(matches!(missing, Err(Error::MissingParameter { .. })), "{sql}: {missing:?}");
        is_whole();
    }
}

#[test]
fn who_would_find_nothing_is_refused_as_who_finds_rows() {
    let mut connection = songs();
    let outdated = connection.session().catalog().unwrap().schema_id();
    connection.execute("CREATE TABLE other (id INTEGER)", &[]).unwrap();
    let cancel = Cancel::new();
    cancel.cancel();
    let limits = Limits { cancel: Some(cancel), ..Limits::default() };
    let cancelled = connection.database().with_limits(limits);
    for sql in WITH_OPERATORS {
        let query = prepared(&connection, sql);
        for (value, finds_rows) in [(3, true), (5_000, false)] {
            let values = [Value::Int(value)];
            for _ in 0..2 {
                let found = by_batch(connection.database(), &query, &values).unwrap();
                assert_eq!(!found.is_empty(), finds_rows, "{sql} with {value}");
            }
            let under = Under::new(connection.session(), outdated);
            assert_eq!(by_batch(&under, &query, &values), Err(Error::SchemaChanged), "{sql} with {value}");
            assert_eq!(by_batch(&cancelled, &query, &values), Err(Error::Cancelled), "{sql} with {value}");
        }
    }
}
