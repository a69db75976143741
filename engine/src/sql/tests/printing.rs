//! What is printed is read as the same.

use crate::algebra::{Expr, Query, Relation};
use crate::sql::bind::Binder;
use crate::sql::parameters::Parameters;
use crate::sql::parse::{Parsed, parse, split};
use crate::sql::{Connection, Dialect, NESTING_MAX, statement};

use super::{postgresql, rows, run};

fn library() -> Connection {
    let mut db = postgresql();
    run(
        &mut db,
        "CREATE TABLE author (id BIGINT PRIMARY KEY, name TEXT NOT NULL, born DATE);
         CREATE TABLE book (id BIGINT PRIMARY KEY, author BIGINT REFERENCES author, title TEXT, price NUMERIC(8, 2), \"order\" INTEGER);
         INSERT INTO author VALUES (1, 'Ann', DATE '1910-01-23'), (2, 'Bob', NULL), (3, 'Cy', DATE '1950-05-05');
         INSERT INTO book VALUES (1, 1, 'One', 1.50, 3), (2, 1, 'Two', 2.00, 1), (3, 2, 'It''s', NULL, 2), (4, NULL, NULL, 9.99, NULL)",
    );
    db
}

/// The algebra of a query.
fn bound(db: &Connection, sql: &str) -> Query {
    bound_in(Dialect::PostgreSql, db, sql)
}

fn bound_in(dialect: Dialect, db: &Connection, sql: &str) -> Query {
    let catalog = db.session().catalog().expect("a database");
    let tokens = split(sql, dialect).expect("tokens").remove(0);
    let query = match parse(tokens, dialect, NESTING_MAX).expect(sql) {
        Parsed::Query(query) => query,
        Parsed::Statement(statement) => match *statement {
            sqlparser::ast::Statement::Query(query) => query,
            _ => panic!("{sql} is no query"),
        },
        _ => panic!("{sql} is no query"),
    };
    let mut parameters = Parameters::of(&[]);
    let mut binder = Binder::new(&catalog, dialect, &mut parameters);
    binder.query(&query, None).unwrap_or_else(|error| panic!("{sql}\n{error}")).query
}

const QUERIES: [&str; 51] = [
    "SELECT 1 AS one, -2, 1.50, 'it''s', NULL, true, DATE '2024-02-29', CAST(1.5 AS double precision)",
    "SELECT * FROM book",
    "SELECT title AS t, price * 2 + 1 FROM book WHERE price > 1 AND (title LIKE 'T%' OR \"order\" IN (1, 3))",
    "SELECT b.title, a.name FROM book b JOIN author a ON a.id = b.author ORDER BY a.name DESC, b.title",
    "SELECT b.title, a.name FROM book b LEFT JOIN author a ON a.id = b.author AND a.id > 1 ORDER BY 1, 2",
    "SELECT a.name, b.title FROM book b RIGHT JOIN author a ON a.id = b.author ORDER BY 1, 2",
    "SELECT a.id, b.id FROM author a FULL JOIN book b ON a.id = b.author ORDER BY 1, 2",
    "SELECT x.id, y.id FROM author x, author y WHERE x.id < y.id ORDER BY 1, 2",
    "SELECT author, count(*), sum(price) FROM book GROUP BY author HAVING count(*) > 0 ORDER BY 2 DESC, 1",
    "SELECT count(DISTINCT author), min(price), max(title), avg(price) FROM book",
    "SELECT count(*) FILTER (WHERE price > 1), string_agg(title, ', ' ORDER BY title DESC) FROM book",
    "SELECT DISTINCT author FROM book ORDER BY author NULLS FIRST",
    "SELECT DISTINCT ON (author) author, title FROM book ORDER BY author, title",
    "SELECT title FROM book ORDER BY price DESC NULLS LAST, id LIMIT 2 OFFSET 1",
    "SELECT name FROM author WHERE id IN (SELECT author FROM book WHERE price < 5) ORDER BY 1",
    "SELECT name FROM author WHERE id NOT IN (SELECT author FROM book WHERE author IS NOT NULL) ORDER BY 1",
    "SELECT name FROM author a WHERE EXISTS (SELECT 1 FROM book WHERE author = a.id AND price > 1) ORDER BY 1",
    "SELECT name, (SELECT max(price) FROM book WHERE author = a.id) FROM author a ORDER BY 1",
    "SELECT CASE WHEN price IS NULL THEN 'none' WHEN price > 2 THEN 'dear' ELSE 'cheap' END FROM book ORDER BY id",
    "SELECT id FROM author UNION SELECT author FROM book ORDER BY 1",
    "SELECT id FROM author UNION ALL SELECT author FROM book WHERE author > 1 ORDER BY 1 LIMIT 3",
    "SELECT id FROM author EXCEPT SELECT author FROM book ORDER BY 1",
    "SELECT id FROM (SELECT id FROM author INTERSECT SELECT author FROM book) AS both ORDER BY 1",
    "SELECT n FROM (SELECT author, count(*) AS n FROM book GROUP BY author) AS counts WHERE n > 1",
    "SELECT id FROM (SELECT id, price FROM book ORDER BY price DESC LIMIT 2) AS top WHERE price > 1 ORDER BY 1",
    "SELECT lower(title), length(title), coalesce(title, '-'), substr(title, 1, 2) FROM book ORDER BY id",
    "SELECT id, row_number() OVER (ORDER BY price, id), sum(price) OVER (PARTITION BY author ORDER BY id) FROM book ORDER BY 1",
    "SELECT id, r FROM (SELECT id, rank() OVER (ORDER BY author) AS r FROM book) AS ranked WHERE r < 3 ORDER BY 1",
    "SELECT extract(year FROM born), date_trunc('month', born) FROM author ORDER BY id",
    "SELECT id FROM author WHERE born + INTERVAL '1 year' > DATE '1911-01-01' ORDER BY 1",
    "SELECT born - INTERVAL '2 months', CAST('2m 30s' AS interval), CAST('0102' AS bytea) FROM author ORDER BY id",
    "SELECT id FROM book WHERE title ILIKE 't%' OR title ~ '^O' OR title IS NULL ORDER BY 1",
    "SELECT v.a + v.b FROM (VALUES (1, 2), (3, 4)) AS v (a, b) ORDER BY 1",
    "SELECT id FROM book WHERE price BETWEEN 1 AND 2 AND NOT (id = 2) ORDER BY 1",
    "SELECT id FROM book WHERE author IS NOT DISTINCT FROM NULL OR author IS DISTINCT FROM 1 ORDER BY 1",
    "SELECT a.name, l.title FROM author a CROSS JOIN LATERAL (SELECT title FROM book WHERE author = a.id ORDER BY id LIMIT 1) AS l ORDER BY 1",
    "SELECT a.id FROM author a JOIN (SELECT x.author FROM book x JOIN book y ON x.id = y.id) AS b ON b.author = a.id ORDER BY 1",
    "SELECT 5 FROM (SELECT count(*) FROM book) AS one",
    "SELECT name FROM author WHERE EXISTS (SELECT max(id) FROM book WHERE id > 100) ORDER BY 1",
    "SELECT DISTINCT NULL, author, 10 FROM book UNION SELECT 'x', 1, 2 ORDER BY 2, 3",
    "SELECT DISTINCT (SELECT count(*) FROM author) AS n FROM book ORDER BY n",
    "SELECT ((SELECT id FROM author) UNION (SELECT author FROM book) ORDER BY 1 LIMIT 1)",
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT i FROM n WHERE i > 1 ORDER BY 1",
    "SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM book ORDER BY 1",
    "SELECT extract(hour FROM TIMESTAMP '2024-07-01 22:30:00' AT TIME ZONE 'Europe/Paris') FROM author",
    "SELECT c1 FROM (SELECT id AS c0, NULL AS c1 FROM book) AS q ORDER BY c0",
    "SELECT author, (SELECT count(*) FROM author WHERE id < sum(book.id)) FROM book GROUP BY author ORDER BY 1",
    "SELECT author FROM book GROUP BY author HAVING EXISTS (SELECT 1 FROM author WHERE id = count(book.price)) ORDER BY 1",
    "SELECT (SELECT count(*) FROM author) + \"order\", count(*) FROM book GROUP BY 1 ORDER BY 2, 1",
    "SELECT name FROM author AS a WHERE (SELECT max(x) FROM (SELECT a.id AS x FROM book) AS q) > 1 ORDER BY 1",
    "SELECT count(*) FROM (SELECT DISTINCT 1, NULL FROM book) AS q",
];

/// Queries of enumerations, whose order is not that of their texts.
const OF_ENUMERATIONS: [&str; 11] = [
    "SELECT n, m FROM p ORDER BY m DESC NULLS LAST, n",
    "SELECT n FROM p WHERE m > 'sad' AND m <= 'happy' ORDER BY n",
    "SELECT n FROM p WHERE m = 'ok' OR m IN ('sad') ORDER BY n",
    "SELECT min(m), max(m), count(m) FROM p",
    "SELECT m, count(*) FROM p GROUP BY m HAVING max(m) < 'happy' ORDER BY m",
    "SELECT DISTINCT m FROM p WHERE m IS NOT NULL ORDER BY m",
    "SELECT n, rank() OVER (ORDER BY m), max(m) OVER (PARTITION BY n % 2) FROM p WHERE m >= 'sad' ORDER BY m, n",
    "SELECT greatest(m, 'ok'), CAST(m AS text) FROM p WHERE m < 'happy' ORDER BY greatest(m, 'ok'), n",
    "SELECT string_agg(CAST(m AS text), ' ' ORDER BY m) FROM p",
    "SELECT CAST(t AS mood) FROM p WHERE CAST(t AS mood) > 'sad' ORDER BY CAST(t AS mood), n",
    "SELECT x FROM (SELECT max(m) AS x FROM p) AS q WHERE x > 'sad'",
];

#[test]
fn queries_of_enumerations_are_printed_as_they_are_read() {
    let mut db = postgresql();
    run(
        &mut db,
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
         CREATE TABLE p (n BIGINT, m mood, t TEXT);
         INSERT INTO p VALUES (1, 'happy', 'ok'), (2, 'sad', 'happy'), (3, 'ok', 'sad'), (4, NULL, NULL)",
    );
    let catalog = db.session().catalog().expect("a database");
    for sql in OF_ENUMERATIONS {
        let printed = bound(&db, sql).sql(&catalog);
        let again = bound(&db, &printed).sql(&catalog);
        assert_eq!(again, printed, "{sql}");
        let answer = rows(&mut db, sql);
        assert_eq!(rows(&mut db, &printed), answer, "{sql}\n{printed}");
    }
}

#[test]
fn what_is_printed_reads_as_the_same_query() {
    let mut db = library();
    let catalog = db.session().catalog().expect("a database");
    for sql in QUERIES {
        let printed = bound(&db, sql).sql(&catalog);
        let again = bound(&db, &printed).sql(&catalog);
        assert_eq!(again, printed, "{sql}");
        let answer = rows(&mut db, sql);
        assert_eq!(rows(&mut db, &printed), answer, "{sql}\n{printed}");
    }
}

const WRITES: [&str; 9] = [
    "INSERT INTO author VALUES (4, 'Dee', DATE '1980-01-01'), (5, 'It''s', NULL) RETURNING id, lower(name)",
    "INSERT INTO book (id, title) SELECT id + 10, name FROM author WHERE id < 3",
    "INSERT INTO author (id, name) VALUES (1, 'Anna') ON CONFLICT (id) DO UPDATE SET name = excluded.name || author.name WHERE author.id > 0",
    "INSERT INTO author (id, name) VALUES (1, 'Anna'), (9, 'Zoe') ON CONFLICT DO NOTHING",
    "UPDATE book SET price = price * 2, \"order\" = NULL WHERE author IN (SELECT id FROM author WHERE name LIKE 'A%') RETURNING id, price",
    "UPDATE book SET title = a.name FROM author a WHERE a.id = book.author AND a.id > 1",
    "UPDATE book SET title = 'x'",
    "DELETE FROM book USING author a WHERE a.id = book.author AND a.name = 'Bob'",
    "DELETE FROM book WHERE price IS NULL OR price > 5 RETURNING title",
];

#[test]
fn a_printed_statement_reads_as_the_same_and_writes_the_same() {
    let books = "SELECT * FROM book ORDER BY id";
    let authors = "SELECT * FROM author ORDER BY id";
    for sql in WRITES {
        let (mut one, mut other) = (library(), library());
        let catalog = one.session().catalog().expect("a database");
        let printed = |sql: &str| {
            let read = statement(sql, &[], Dialect::PostgreSql, &catalog);
            read.unwrap_or_else(|error| panic!("{sql}\n{error}")).0.sql(&catalog)
        };
        let text = printed(sql);
        assert_eq!(printed(&text), text, "{sql}");
        run(&mut one, sql);
        run(&mut other, &text);
        for all in [books, authors] {
            assert_eq!(rows(&mut one, all), rows(&mut other, all), "{sql}\n{text}");
        }
    }
}

#[test]
fn what_is_printed_is_what_a_person_would_write() {
    let db = library();
    let catalog = db.session().catalog().expect("a database");
    let printed = |sql: &str| bound(&db, sql).sql(&catalog);
    assert_eq!(
        printed("select title from book where price > 1 order by id limit 3"),
        "SELECT book.title FROM book WHERE book.price > 1 ORDER BY book.id LIMIT 3"
    );
    assert_eq!(
        printed("select author, count(*) from book group by author having count(*) > 1"),
        "SELECT book.author, count(*) AS count FROM book GROUP BY book.author HAVING count(*) > 1"
    );
    assert_eq!(
        printed("select x.name from author x join author y on x.id = y.id"),
        "SELECT author.name FROM author JOIN author AS author_1 ON author.id = author_1.id"
    );
}

#[test]
fn a_search_for_what_is_not_known_finds_nothing_when_it_is_read_again() {
    let mut db = library();
    let unknown = "(SELECT max(title) FROM book WHERE id > 99)";
    for search in ["contains", "starts_with", "ends_with"] {
        let mut query = bound(&db, &format!("SELECT id FROM book WHERE {search}(title, {unknown})"));
        let Relation::Filter { predicate, .. } = &mut query.relation else { panic!("{query:?}") };
        if let Expr::Match { ignore_case, .. } = predicate {
            *ignore_case = true;
        }
        let catalog = db.session().catalog().expect("a database");
        assert_eq!(rows(&mut db, &query.sql(&catalog)), "", "{search}");
    }
}

#[test]
fn columns_beside_an_extreme_are_printed_with_the_row_that_they_come_from() {
    let mut db = library();
    run(&mut db, "INSERT INTO book VALUES (5, 3, NULL, 0.50, NULL), (6, 3, 'Six', 20, 6)");
    let mut sqlite = Connection::with_dialect(db.database().clone(), Dialect::Sqlite);
    for sql in [
        "SELECT min(price), title, author FROM book",
        "SELECT author, max(price), title FROM book GROUP BY author ORDER BY author",
        "SELECT max(price) FILTER (WHERE id < 6), title, \"order\" FROM book",
        "SELECT count(*), title, author FROM book",
    ] {
        let printed = bound_in(Dialect::Sqlite, &db, sql).sql(&db.session().catalog().expect("a database"));
        assert_eq!(rows(&mut db, &printed), rows(&mut sqlite, sql), "{sql}\n{printed}");
    }
}
