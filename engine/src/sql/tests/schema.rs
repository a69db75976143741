//! Definitions.

use super::{assert_refused, postgresql, rows, run, sqlite};

#[test]
fn constraints_hold() {
    let mut db = postgresql();
    run(
        &mut db,
        "CREATE TABLE author (id SERIAL PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER CHECK (age > 0))",
    );
    run(
        &mut db,
        "CREATE TABLE book (id INTEGER PRIMARY KEY, title VARCHAR(5) DEFAULT 'none', author INTEGER REFERENCES author ON DELETE CASCADE)",
    );
    run(&mut db, "INSERT INTO author (name, age) VALUES ('Django', 43), ('Stéphane', 89)");
    run(&mut db, "INSERT INTO book (id, author) VALUES (1, 1), (2, 2)");
    assert_refused(&mut db, "INSERT INTO author (name) VALUES ('Django')", "author_name_key");
    assert_refused(&mut db, "INSERT INTO author (name, age) VALUES ('x', 0)", "violates the check");
    assert_refused(&mut db, "INSERT INTO author (age) VALUES (1)", "must have a value");
    assert_refused(&mut db, "INSERT INTO book (id, author) VALUES (3, 9)", "no such row");
    assert_refused(&mut db, "UPDATE book SET title = 'too long'", "title");
    run(&mut db, "DELETE FROM author WHERE id = 1");
    assert_eq!(rows(&mut db, "SELECT * FROM book"), "2,none,2");
}

#[test]
fn tables_are_altered_whole_or_not_at_all() {
    let mut db = postgresql();
    run(&mut db, "CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER); INSERT INTO t VALUES (1, 5)");
    run(&mut db, "ALTER TABLE t ADD COLUMN y TEXT DEFAULT 'new', ADD CONSTRAINT positive CHECK (x > 0)");
    run(&mut db, "ALTER TABLE t RENAME COLUMN x TO z");
    run(&mut db, "ALTER TABLE t DROP CONSTRAINT positive, ALTER COLUMN z TYPE TEXT");
    assert_eq!(rows(&mut db, "SELECT * FROM t"), "1,5,new");
    assert_refused(
        &mut db,
        "ALTER TABLE t ADD COLUMN w INTEGER, DROP COLUMN nothing",
        "no column \"nothing\"",
    );
    assert_refused(&mut db, "SELECT w FROM t", "no column \"w\"");
    run(&mut db, "ALTER TABLE t RENAME TO u; ALTER TABLE u DROP COLUMN z");
    assert_eq!(rows(&mut db, "SELECT * FROM u"), "1,new");
    run(&mut db, "CREATE UNIQUE INDEX u_y ON u (lower(y) DESC) WHERE id > 0");
    assert_refused(&mut db, "INSERT INTO u VALUES (2, 'NEW')", "u_y");
    run(&mut db, "DROP INDEX u_y; INSERT INTO u VALUES (2, 'NEW'); DROP TABLE u");
    assert_refused(&mut db, "SELECT * FROM u", "no table \"u\"");
}

#[test]
fn views_stand_for_their_queries() {
    let mut db = postgresql();
    run(&mut db, "CREATE TABLE t (x INTEGER, y INTEGER); INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)");
    run(&mut db, "CREATE VIEW big (a, b) AS SELECT x, y * 2 FROM t WHERE y > 10");
    run(&mut db, "CREATE VIEW sums AS SELECT sum(b) AS s FROM big");
    assert_eq!(rows(&mut db, "SELECT a, b FROM big ORDER BY a DESC"), "3,60; 2,40");
    assert_eq!(rows(&mut db, "SELECT s, b.a FROM sums, big AS b WHERE b.b = 40"), "100,2");
    assert_refused(&mut db, "INSERT INTO sums VALUES (1)", "is a view");
    assert_refused(&mut db, "INSERT INTO big VALUES (1, 2)", "1 column is expected, got 2");
    assert_refused(&mut db, "INSERT INTO big (a, b) VALUES (1, 2)", "computes");
    run(
        &mut db,
        "INSERT INTO big VALUES (4); UPDATE big SET a = 5 WHERE b = 60; DELETE FROM big WHERE a = 2",
    );
    assert_eq!(rows(&mut db, "SELECT x, y FROM t ORDER BY x"), "1,10; 4,NULL; 5,30");
    run(&mut db, "DELETE FROM t WHERE x = 4; UPDATE t SET x = 3 WHERE x = 5; INSERT INTO t VALUES (2, 20)");
    assert_refused(&mut db, "CREATE VIEW big AS SELECT 1", "exists already");
    assert_refused(&mut db, "CREATE TABLE big (x INTEGER)", "exists already");
    run(&mut db, "CREATE OR REPLACE VIEW big AS SELECT x AS b FROM t");
    assert_eq!(rows(&mut db, "SELECT * FROM sums"), "6");
    run(&mut db, "DROP VIEW sums; DROP VIEW IF EXISTS sums");
    assert_refused(&mut db, "DROP VIEW sums", "no view \"sums\"");
    assert_refused(&mut db, "CREATE VIEW wrong AS SELECT z FROM t", "no column \"z\"");
}

#[test]
fn sqlites_definitions_are_read() {
    let mut db = sqlite();
    run(
        &mut db,
        "CREATE TABLE [My Table] (Id INTEGER PRIMARY KEY AUTOINCREMENT, `name` VARCHAR(10), price DOUBLE)",
    );
    run(&mut db, "INSERT INTO \"my table\" VALUES (NULL, 'a', 1), (NULL, 'b', 2.5)");
    assert_eq!(
        rows(&mut db, "SELECT ID, NAME, price, rowid FROM [MY TABLE] ORDER BY id"),
        "1,a,1.0,1; 2,b,2.5,2"
    );
    run(&mut db, "CREATE TABLE IF NOT EXISTS [my table] (x INTEGER); REINDEX; REINDEX [my table]");
    assert_refused(
        &mut db,
        "CREATE TRIGGER t AFTER INSERT ON [my table] BEGIN DELETE FROM [my table]; END",
        "more than read",
    );
    run(&mut db, "CREATE TRIGGER t AFTER INSERT ON [my table] BEGIN SELECT 1; END; DROP TRIGGER t");
}

#[test]
fn the_catalog_is_read_as_tables() {
    let mut db = postgresql();
    run(
        &mut db,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, s VARCHAR(7) UNIQUE, n NUMERIC(5, 2) CHECK (n > 0))",
    );
    run(&mut db, "CREATE TABLE u (id INTEGER REFERENCES t); CREATE VIEW v AS SELECT 1 AS one");
    let types = "SELECT table_name, table_type FROM information_schema.tables ORDER BY 1";
    assert_eq!(rows(&mut db, types), "t,BASE TABLE; u,BASE TABLE; v,VIEW");
    let columns = "SELECT column_name, is_nullable, character_maximum_length, numeric_scale FROM information_schema.columns \
                   WHERE table_name = 't' ORDER BY ordinal_position";
    assert_eq!(rows(&mut db, columns), "id,NO,NULL,NULL; s,YES,7,NULL; n,YES,NULL,2");
    let kinds = "SELECT constraint_type FROM information_schema.table_constraints c ORDER BY c.table_name, 1";
    assert_eq!(rows(&mut db, kinds), "CHECK; PRIMARY KEY; UNIQUE; FOREIGN KEY");
    assert_eq!(rows(&mut db, "SELECT count(*) FROM information_schema.indexes WHERE is_unique = 'YES'"), "1");
    assert_refused(&mut db, "SELECT * FROM information_schema.table", "did you mean \"tables\"");
    let references = "SELECT constraint_name, unique_constraint_name, delete_rule FROM information_schema.referential_constraints";
    assert_eq!(rows(&mut db, references), "u_id_fkey,t_pkey,NO ACTION");
    let checks = "SELECT check_clause FROM information_schema.check_constraints";
    assert_eq!(rows(&mut db, checks), "n > 0");
    let used = "SELECT table_name, column_name FROM information_schema.constraint_column_usage WHERE constraint_name = 'u_id_fkey'";
    assert_eq!(rows(&mut db, used), "t,id");
    let indexes = "SELECT indexname FROM pg_catalog.pg_indexes WHERE tablename = 't' ORDER BY 1";
    assert_eq!(rows(&mut db, indexes), "t_pkey; t_s_key");
    assert_eq!(rows(&mut db, "SELECT viewname, definition FROM pg_views"), "v,SELECT 1 AS one");
    db.set_dialect(crate::sql::Dialect::Sqlite);
    let all = "SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2";
    assert_eq!(rows(&mut db, all), "index,t_s_key,t; index,u_id_fk_idx,u; table,t,t; table,u,u; view,v,v");
    assert_eq!(
        rows(&mut db, "SELECT sql FROM sqlite_schema WHERE name = 'v'"),
        "CREATE VIEW v AS SELECT 1 AS one"
    );
}

/// What a definition is printed as makes a table that is printed the same.
#[test]
fn computed_columns_collations_and_indexes_of_expressions_are_printed_as_they_are_read() {
    let statements = |db: &crate::sql::Connection| -> Vec<String> {
        let catalog = db.session().catalog().expect("a database");
        let table = catalog.table_named("t").expect("it was created");
        crate::sql::Definition::of(table, &catalog).statements().map(str::to_owned).collect()
    };
    let mut first = sqlite();
    run(
        &mut first,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT COLLATE NOCASE UNIQUE, n INTEGER, twice INTEGER AS (n * 2) STORED,
            up TEXT GENERATED ALWAYS AS (upper(s)) VIRTUAL CHECK (up <> ''));
         CREATE INDEX by_length ON t (length(s) DESC, n) WHERE n > 0;
         CREATE UNIQUE INDEX by_up ON t (up COLLATE NOCASE)",
    );
    let printed = statements(&first);
    assert!(printed[0].contains("twice bigint GENERATED ALWAYS AS (n * 2) STORED"), "{}", printed[0]);
    assert!(printed[0].contains("s text COLLATE nocase"), "{}", printed[0]);
    let mut second = postgresql();
    printed.iter().for_each(|statement| run(&mut second, statement));
    assert_eq!(statements(&second), printed);
    run(&mut second, "INSERT INTO t (id, s, n) VALUES (1, 'One', 4)");
    assert_eq!(rows(&mut second, "SELECT * FROM t WHERE s = 'ONE'"), "1,One,4,8,ONE");
    assert_refused(&mut second, "INSERT INTO t (id, s) VALUES (2, 'oNE')", "t_s_key");
}

#[test]
fn what_an_index_over_an_expression_or_without_regard_to_case_is_about_is_found() {
    let mut db = postgresql();
    run(&mut db, "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT, c TEXT COLLATE nocase, n INTEGER)");
    let rows_of = (0..500).map(|n| format!("({n}, 'S{n}', 'C{n}', {n})")).collect::<Vec<_>>().join(", ");
    run(&mut db, &format!("INSERT INTO t VALUES {rows_of}"));
    run(
        &mut db,
        "CREATE INDEX by_s ON t (lower(s)); CREATE INDEX by_c ON t (c); CREATE INDEX by_n ON t ((n * 2))",
    );
    for (sql, found) in [
        ("SELECT id FROM t WHERE lower(s) = 's77'", "77"),
        ("SELECT id FROM t WHERE c = 'c78'", "78"),
        ("SELECT id FROM t WHERE c IN ('C1', 'c2') ORDER BY id", "1; 2"),
        ("SELECT id FROM t WHERE n * 2 BETWEEN 10 AND 13 ORDER BY id", "5; 6"),
    ] {
        assert_eq!(rows(&mut db, sql), found, "{sql}");
    }
}
