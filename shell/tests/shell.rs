//! The shell as a program: what goes in, what comes out, and how it ends.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a run of the shell left.
struct Run {
    out: String,
    error: String,
    status: i32,
}

/// Runs the shell with these arguments and this standard input.
fn nuages(arguments: &[&str], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nuages"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the shell starts");
    // A shell that has ended already does not read; what it said tells why.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the shell ends");
    Run {
        out: String::from_utf8(output.stdout).expect("text"),
        error: String::from_utf8(output.stderr).expect("text"),
        status: output.status.code().expect("no signal"),
    }
}

/// A folder of its own, gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("nuages-shell-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Scratch(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).expect("a file");
        self.path(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn statements_of_the_command_line_are_run_in_order() {
    let run = nuages(
        &[
            "-f",
            "csv",
            "-c",
            "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)",
            "-c",
            "SELECT a FROM t",
        ],
        "",
    );
    assert_eq!((run.out.as_str(), run.status), ("a\n1\n2\n", 0), "{}", run.error);
}

#[test]
fn statements_of_a_pipe_may_lie_over_several_lines() {
    let run = nuages(&["--format", "csv"], "SELECT\n  1 AS a, -- a; comment\n  ';' AS b;\nSELECT 2 AS c");
    assert_eq!((run.out.as_str(), run.status), ("a,b\n1,;\nc\n2\n", 0), "{}", run.error);
}

#[test]
fn a_wrong_statement_ends_a_script_with_its_place_and_a_status() {
    let input =
        "CREATE TABLE post (id INTEGER, title TEXT);\nSELECT titel FROM post;\nSELECT 'not reached' AS x;\n";
    let run = nuages(&[], input);
    assert_eq!(run.status, 1);
    assert!(run.error.contains("titel") && run.error.contains("title"), "{}", run.error);
    assert!(!run.out.contains("not reached"), "{}", run.out);
    let run = nuages(&["--keep-going"], input);
    assert_eq!(run.status, 1);
    assert!(run.out.contains("not reached"), "{}", run.out);
}

#[test]
fn wrong_arguments_have_a_status_of_their_own() {
    assert_eq!(nuages(&["--no-such-option"], "").status, 2);
    assert_eq!(nuages(&["--format", "xml"], "").status, 2);
}

#[test]
fn a_directory_keeps_what_was_committed() {
    let scratch = Scratch::new("directory");
    let db = scratch.path("db");
    let run = nuages(&[&db, "-c", "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (7)"], "");
    assert_eq!(run.status, 0, "{}", run.error);
    let run = nuages(&[&db, "-f", "json", "-c", "SELECT a FROM t"], "");
    assert_eq!(run.out, "[\n  {\"a\": 7}\n]\n", "{}", run.error);
    let file = scratch.write("file", "no database");
    let run = nuages(&[&file, "-c", "SELECT 1"], "");
    assert_eq!(run.status, 1);
    assert!(run.error.contains(&file), "{}", run.error);
}

#[test]
fn a_csv_file_becomes_a_table() {
    let scratch = Scratch::new("import");
    let file = scratch.write("people.csv", "id,name,born\n1,\"Reinhardt, Django\",1910-01-23\n2,Stéphane,\n");
    let input = format!(
        ".import '{file}' people\n.schema\n.format csv\nSELECT name, born IS NULL AS b FROM people ORDER BY id;\n"
    );
    let run = nuages(&[], &input);
    assert_eq!(run.status, 0, "{}", run.error);
    assert!(run.out.contains("id bigint") && run.out.contains("born date"), "{}", run.out);
    assert!(run.out.ends_with("name,b\n\"Reinhardt, Django\",false\nStéphane,true\n"), "{}", run.out);
}

#[test]
fn an_import_that_fails_has_done_nothing_and_says_where() {
    let scratch = Scratch::new("bad-import");
    let file = scratch.write("bad.csv", "a\n1\ntwo\n");
    let input = format!(
        "CREATE TABLE t (a INTEGER);\n.import '{file}' t\n.format csv\nSELECT count(*) AS n FROM t;\n.import none.csv t\n"
    );
    let run = nuages(&["-k"], &input);
    assert_eq!(run.out, "n\n0\n", "{}", run.error);
    assert!(run.error.contains("bad.csv, line 3") && run.error.contains("two"), "{}", run.error);
    assert!(run.error.contains("none.csv"), "{}", run.error);
}

#[test]
fn columns_without_a_type_and_rules_of_keys_are_dumped_as_they_are() {
    let scratch = Scratch::new("untyped");
    let schema = "CREATE TABLE t (a, b UNIQUE ON CONFLICT IGNORE, c INTEGER PRIMARY KEY ON CONFLICT REPLACE);
        INSERT INTO t VALUES (1, '1', 1), ('x', 2.5, 2), (NULL, 'it''s', 3);
        CREATE TABLE numbered (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a TEXT);
        INSERT INTO numbered (a) VALUES ('y');";
    let dump = nuages(&["-d", "sqlite"], &format!("{schema}\n.dump\n"));
    assert_eq!(dump.status, 0, "{}", dump.error);
    let file = scratch.write("dump.sql", &dump.out);
    let again = nuages(&["-d", "sqlite"], &format!(".read '{file}'\n.dump\n"));
    assert_eq!((again.out, again.status), (dump.out, 0), "{}", again.error);
    let types = format!(".read '{file}'\nSELECT typeof(a), typeof(b) FROM t ORDER BY c;\n");
    let types = nuages(&["-d", "sqlite", "-f", "csv"], &types);
    assert!(types.out.ends_with("integer,text\ntext,real\nnull,text\n"), "{}", types.out);
}

#[test]
fn what_is_dumped_can_be_read_again() {
    let scratch = Scratch::new("dump");
    let schema = "
        CREATE TABLE author (id BIGINT PRIMARY KEY, name VARCHAR(40) NOT NULL UNIQUE, boss BIGINT REFERENCES author);
        CREATE TABLE book (
            id BIGINT PRIMARY KEY, author BIGINT REFERENCES author ON DELETE CASCADE, price NUMERIC(8, 2) DEFAULT 9.90,
            \"order\" DOUBLE PRECISION, data JSONB, out_on DATE, CHECK (price >= 0));
        CREATE TABLE kinds (
            a BOOLEAN, b SMALLINT, c BYTEA, d TIME, e TIMESTAMP WITH TIME ZONE, f INTERVAL, g UUID, h NUMERIC(5, 0));
        INSERT INTO kinds VALUES (
            true, -3, CAST('a;b' AS BYTEA), TIME '10:11:12.5', TIMESTAMP '2024-02-29 10:00:00', INTERVAL '90 seconds',
            CAST('7f1e9f0c-3f29-4c0e-9d3e-0d5a1c2b3a4f' AS UUID), 12);
        CREATE VIEW cheap (id, cost) AS SELECT id, price FROM book WHERE price < 10;
        CREATE VIEW cheapest AS SELECT min(cost) AS cost FROM cheap;
        CREATE INDEX book_cheap ON book (price DESC, id) WHERE price < 10;
        INSERT INTO author VALUES (2, 'O''Brien', 1), (1, 'Ann', NULL);
        INSERT INTO book VALUES (1, 2, 12.50, 1e300, '{\"a\": [1]}', DATE '2024-02-29'),
            (2, NULL, NULL, CAST('-0' AS DOUBLE PRECISION), NULL, NULL);
    ";
    let dump = nuages(&[], &format!("{schema}\n.dump\n"));
    assert_eq!(dump.status, 0, "{}", dump.error);
    let file = scratch.write("dump.sql", &dump.out);
    let again = nuages(&[], &format!(".read '{file}'\n.dump\n"));
    assert_eq!((again.out, again.status), (dump.out, 0), "{}", again.error);
    let refused = format!(".read '{file}'\nINSERT INTO book (id, author) VALUES (3, 9);\n");
    assert_eq!(nuages(&[], &refused).status, 1, "the foreign key is there again");
    let cascade = format!(
        ".read '{file}'\nDELETE FROM author WHERE id = 2;\n.format csv\nSELECT count(*) FROM book;\n"
    );
    assert!(nuages(&[], &cascade).out.ends_with("\n1\n"), "{}", nuages(&[], &cascade).error);
}

#[test]
fn types_and_comments_are_dumped_before_and_behind_what_they_are_of() {
    let scratch = Scratch::new("types");
    let schema = "CREATE TYPE \"Mood\" AS ENUM ('it''s sad', 'ok'); CREATE TYPE unused AS ENUM ('x');
        CREATE TABLE p (n integer PRIMARY KEY, m \"Mood\" DEFAULT 'ok', CHECK (m > 'it''s sad' OR n < 5));
        CREATE TABLE q (a integer); CREATE VIEW v AS SELECT n FROM p; CREATE SEQUENCE s;
        INSERT INTO p VALUES (1, 'it''s sad'), (6, 'ok'); CREATE INDEX p_m ON p (m);
        COMMENT ON TYPE \"Mood\" IS 'how'; COMMENT ON COLUMN p.m IS 'it''s one'; COMMENT ON INDEX p_m IS 'i';
        COMMENT ON TABLE q IS 'other'; COMMENT ON VIEW v IS 'seen'; COMMENT ON SEQUENCE s IS 'counted';";
    let dump = nuages(&[], &format!("{schema}\n.dump\n"));
    assert_eq!((dump.status, dump.out.matches("COMMENT ON").count()), (0, 6), "{}\n{}", dump.error, dump.out);
    let file = scratch.write("dump.sql", &dump.out);
    let again = nuages(&[], &format!(".read '{file}'\n.dump\n"));
    assert!(again.out.ends_with(&dump.out) && again.status == 0, "{}{}", again.out, again.error);
    let one = nuages(&["-f", "csv"], &format!("{schema}\n.schema p\n"));
    let expected = "CREATE TYPE \"Mood\" AS ENUM ('it''s sad', 'ok');\nCREATE TABLE p (\n";
    assert!(one.out.starts_with(expected), "{}", one.out);
    assert!(
        one.out.ends_with("COMMENT ON COLUMN p.m IS 'it''s one';\nCOMMENT ON INDEX p_m IS 'i';\n"),
        "{}",
        one.out
    );
}

#[test]
fn sequences_are_dumped_with_where_they_are_and_whom_they_go_with() {
    let scratch = Scratch::new("sequences");
    let schema = "
        CREATE SEQUENCE s INCREMENT BY -2 START WITH -5;
        CREATE SEQUENCE \"Unused\" AS smallint CYCLE;
        CREATE TABLE t (k BIGINT PRIMARY KEY, a SERIAL, b BIGINT DEFAULT nextval('s'));
        INSERT INTO t (k) VALUES (1), (2);
    ";
    let dump = nuages(&[], &format!("{schema}\n.dump\n"));
    assert_eq!(dump.status, 0, "{}", dump.error);
    let file = scratch.write("dump.sql", &dump.out);
    let insert = "INSERT INTO t (k) VALUES (3) RETURNING a, b, nextval('\"Unused\"')";
    let drop = "DROP TABLE t; SELECT nextval('t_a_seq')";
    let again = nuages(&["-f", "csv"], &format!(".read '{file}'\n.dump\n{insert};\n{drop};\n"));
    assert!(again.out.contains(&dump.out), "{}", again.out);
    assert!(again.out.ends_with("\n3,-9,1\n"), "{}", again.out);
    assert!(again.error.contains("there is no sequence"), "{}", again.error);
    let schema = nuages(&[], &format!("{schema}\n.schema t\n"));
    assert!(schema.out.contains("OWNED BY t.a"), "{}", schema.out);
    assert!(!schema.out.contains("Unused"), "{}", schema.out);
}

/// What `pg_dump` of PostgreSQL 15 writes of a small shop, cut to one of each kind.
const DUMP_OF_POSTGRESQL: &str = r"\restrict abc
SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TYPE public.mood AS ENUM (
    'sad',
    'happy'
);
ALTER TYPE public.mood OWNER TO postgres;
COMMENT ON TYPE public.mood IS 'how one feels';
SET default_table_access_method = heap;
CREATE TABLE public.author (
    id integer NOT NULL,
    name character varying(100) NOT NULL,
    bio text DEFAULT 'none'::text,
    mood public.mood DEFAULT 'happy'::public.mood,
    CONSTRAINT author_mood_check CHECK ((mood > 'sad'::public.mood))
);
COMMENT ON COLUMN public.author.mood IS 'on good days';
ALTER TABLE public.author OWNER TO postgres;
CREATE SEQUENCE public.author_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE public.author_id_seq OWNER TO postgres;
ALTER SEQUENCE public.author_id_seq OWNED BY public.author.id;
CREATE TABLE public.book (
    id bigint NOT NULL,
    author_id integer NOT NULL,
    price numeric(8,2),
    tags text[],
    CONSTRAINT book_price_check CHECK ((price >= (0)::numeric))
);
ALTER TABLE public.book ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.book_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY public.author ALTER COLUMN id SET DEFAULT nextval('public.author_id_seq'::regclass);
COPY public.author (id, name, bio) FROM stdin;
1\tAnn\tnone
2\tBob; \\\\ it's\t\\N
\\.
COPY public.book (id, author_id, price, tags) FROM stdin;
1\t1\t9.50\t{a,b}
2\t2\t\\N\t\\N
\\.
SELECT pg_catalog.setval('public.author_id_seq', 2, true);
SELECT pg_catalog.setval('public.book_id_seq', 2, true);
ALTER TABLE ONLY public.author
    ADD CONSTRAINT author_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.book
    ADD CONSTRAINT book_pkey PRIMARY KEY (id);
CREATE INDEX book_price ON public.book USING btree (price DESC) WHERE (price > (1)::numeric);
ALTER TABLE ONLY public.book
    ADD CONSTRAINT book_author_id_fkey FOREIGN KEY (author_id) REFERENCES public.author(id) ON DELETE CASCADE;
\unrestrict abc
";

#[test]
fn what_draws_from_the_keys_of_a_table_is_dumped_behind_it() {
    let scratch = Scratch::new("drawn-keys");
    let schema = "CREATE TABLE v (id SERIAL PRIMARY KEY);
        CREATE TABLE a (k INT DEFAULT nextval('v_id_seq'));
        CREATE SEQUENCE \"a\"\"b\";
        SELECT nextval('\"a\"\"b\"');";
    let dump = nuages(&[], &format!("{schema}\n.output {}\n.dump\n", scratch.path("dump.sql")));
    assert_eq!(dump.status, 0, "{}", dump.error);
    let again = nuages(
        &["-f", "csv"],
        &format!(".read {}\nSELECT nextval('\"a\"\"b\"');\n", scratch.path("dump.sql")),
    );
    assert_eq!((again.status, again.out.lines().last()), (0, Some("2")), "{}{}", again.out, again.error);
}

#[test]
fn the_rows_of_a_copy_that_is_refused_are_no_statements() {
    let input = "CREATE TABLE c (a INT);\nBEGIN;\nSELECT 1/0;\nCOPY c (a) FROM stdin;\n9\n\\.\nROLLBACK;\n\
                 INSERT INTO c VALUES (1);\nSELECT count(*) FROM c;\n";
    let run = nuages(&["--keep-going", "-f", "csv"], input);
    assert_eq!(run.out.lines().last(), Some("1"), "{}{}", run.out, run.error);
    assert!(!run.error.contains("'9"), "{}", run.error);
}

#[test]
fn a_dump_of_postgresql_is_read() {
    let dump = DUMP_OF_POSTGRESQL.replace("\\t", "\t").replace("\\\\", "\\");
    let asked = "
        INSERT INTO author (name) VALUES ('Cid') RETURNING id;
        INSERT INTO book (author_id, tags) VALUES (3, '{}') RETURNING id;
        SELECT name, bio FROM author ORDER BY id;
        SELECT id, price, tags FROM book ORDER BY id;
        DELETE FROM author WHERE id = 2;
        SELECT count(*) FROM book;
        INSERT INTO author (id, name) VALUES (1, 'again');
        INSERT INTO book (id, author_id) VALUES (9, 1);
    ";
    let run = nuages(&["-k", "-f", "csv"], &format!("{dump}{asked}"));
    let answers = "id\n3\nid\n3\nname,bio\nAnn,none\nBob; \\ it's,\nCid,none\n\
        id,price,tags\n1,9.50,\"[\"\"a\"\",\"\"b\"\"]\"\n2,,\n3,,[]\ncount\n2\n";
    assert!(run.out.ends_with(answers), "{}{}", run.out, run.error);
    assert_eq!(run.error.matches("error:").count(), 2, "{}", run.error);
    assert!(run.error.contains("author_pkey"), "{}", run.error);
    let half = nuages(
        &["-k", "-f", "csv"],
        "CREATE TABLE t (x INT);\nCOPY t FROM stdin;\n1\nx\n2\n\\.\nSELECT count(*) FROM t;\n",
    );
    assert!(half.out.ends_with("\n0\n"), "{}", half.out);
    assert_eq!(half.error.matches("error:").count(), 1, "{}", half.error);
}

#[test]
fn commands_answer_as_statements_do() {
    let run =
        nuages(&[], "CREATE TABLE post (id INTEGER);\n.tables\n.tables xyz\n.help\n.quit\nSELECT 'after';\n");
    assert_eq!(run.status, 0, "{}", run.error);
    assert!(run.out.starts_with("post\n"), "{}", run.out);
    assert!(run.out.contains(".import FILE TABLE"), "{}", run.out);
    assert!(!run.out.contains("after"), "{}", run.out);
}

#[test]
fn the_dialect_decides_the_meaning() {
    let ask = "SELECT 7 / 0 AS x;";
    assert_eq!(nuages(&["-f", "csv", "-d", "sqlite", "-c", ask], "").out, "x\n\n");
    assert_eq!(nuages(&["-f", "csv", "-c", ask], "").status, 1);
}

#[test]
fn a_file_that_reads_itself_is_stopped() {
    let scratch = Scratch::new("recursion");
    let path = scratch.path("self.sql");
    fs::write(&path, format!(".read '{path}'\n")).expect("a file");
    let run = nuages(&["-c", &format!(".read '{path}'")], "");
    assert_eq!(run.status, 1);
    assert!(run.error.contains("deeper than"), "{}", run.error);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_the_statement_and_not_the_shell() {
    use std::io::{BufRead, BufReader};
    use std::time::Duration;

    let mut child = Command::new(env!("CARGO_BIN_EXE_nuages"))
        .args(["--keep-going", "--format", "csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the shell starts");
    let rows: Vec<String> = (0..1_000).map(|row| format!("({row})")).collect();
    let endless =
        "SELECT sum(a.x + b.x + c.x + d.x) FROM t a, t b, t c, t d WHERE a.x + b.x + c.x + d.x <> 7;";
    let input = format!(
        "CREATE TABLE t (x INTEGER);\nINSERT INTO t VALUES {};\nSELECT 'ready' AS word;\n{endless}\nSELECT 'after' AS word;\n",
        rows.join(", ")
    );
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("the shell reads");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || out.next().map(|line| line.expect("text"));
    assert_eq!((next().as_deref(), next().as_deref()), (Some("word"), Some("ready")));
    // The statement may not have begun when the first signal comes: then that stops nothing, and the next one does.
    while child.try_wait().expect("a child").is_none() {
        std::thread::sleep(Duration::from_millis(200));
        let sent =
            Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
        assert!(sent.is_ok(), "there is a kill");
    }
    let output = child.wait_with_output().expect("the shell ends");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("cancel"), "{error}");
    assert_eq!((next().as_deref(), next().as_deref()), (Some("word"), Some("after")), "{error}");
}

#[test]
fn what_is_too_deep_or_too_long_is_an_error_and_the_shell_goes_on() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    for rubbish in [
        format!("SELECT {}", deep("(", ")")),
        format!("SELECT {}", deep("(SELECT ", ")")),
        format!("SELECT {}", deep("CASE WHEN TRUE THEN ", " END")),
        format!("SELECT CAST('{}' AS JSON)", deep("[", "]")),
        format!("SELECT '{}'", "x".repeat(1 << 20)),
        "SELEC 1".to_owned(),
    ] {
        // The arguments of a program are not as long as its standard input.
        let by_argument = (rubbish.len() < 100_000).then(|| nuages(&["-c", &rubbish], ""));
        for run in by_argument.into_iter().chain([nuages(&[], &rubbish)]) {
            assert_eq!((run.out.as_str(), run.status), ("", 1), "{}", run.error);
            assert!((1..2_000).contains(&run.error.len()), "{}", run.error);
        }
        let run = nuages(&["--keep-going", "-f", "csv"], &format!("{rubbish};\nSELECT 1 AS a;\n"));
        assert_eq!((run.out.as_str(), run.status), ("a\n1\n", 1), "{}", run.error);
    }
}

#[test]
fn a_statement_keeps_no_more_memory_than_it_may() {
    let sql = "SELECT array_agg(x) FROM generate_series(1, 300000) AS x; SELECT 1;";
    let run = nuages(&["--memory", "1", "-k"], sql);
    assert!(run.error.contains("would keep more than the 1048576 bytes"), "{}", run.error);
    assert!(run.error.contains("raise the limit with --memory MIB"), "{}", run.error);
    assert!(run.out.contains('1'), "{}", run.out);
    assert_eq!(
        nuages(&["--memory", "0", "-f", "csv"], "SELECT count(*) FROM generate_series(1, 1000) AS x;").error,
        ""
    );
}

#[test]
fn a_limit_that_is_set_holds_for_the_statements_to_come() {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let run = nuages(
        &["-f", "csv"],
        &format!("SET statement_timeout = 100;\nSHOW statement_timeout;\n{endless};\n"),
    );
    assert_eq!((run.out.as_str(), run.status), ("statement_timeout\n100ms\n", 1), "{}", run.error);
    assert!(run.error.contains("did not end within its time limit of 100ms"), "{}", run.error);
}

#[test]
fn a_text_over_several_lines_keeps_how_they_end() {
    let ends = "CREATE TABLE t (a text); INSERT INTO t VALUES ('one\r\ntwo\nthree');\r\n";
    let asked = "SELECT length(a), position(chr(13) IN a) FROM t;\r\n";
    let run = nuages(&["--format", "csv"], &format!("{ends}{asked}"));
    assert_eq!((run.out.lines().last(), run.status), (Some("14,4"), 0), "{}", run.error);

    let scratch = Scratch::new("line-ends");
    let dumped = nuages(&[], &format!("{ends}.dump\n"));
    let dump = scratch.write("dump.sql", &dumped.out);
    let run = nuages(&["--format", "csv"], &format!(".read {dump}\n{asked}"));
    assert_eq!((run.out.lines().last(), run.status), (Some("14,4"), 0), "{}", run.error);
}

#[test]
fn a_file_that_is_refused_leaves_nothing_in_an_open_transaction() {
    let scratch = Scratch::new("import-undone");
    let mut rows: String = (0..1500).map(|n| format!("{n},text\n")).collect();
    rows.push_str("x,y,z\n");
    let file = scratch.write("bad.csv", &format!("a,b\n{rows}"));
    let before = "CREATE TABLE t (a bigint, b text); BEGIN; INSERT INTO t VALUES (7, 'before');";
    let asked = "COMMIT; SELECT count(*) FROM t;";
    let run = nuages(&["--keep-going", "--format", "csv"], &format!("{before}\n.import {file} t\n{asked}\n"));
    assert_eq!(run.out.lines().last(), Some("1"), "{}{}", run.out, run.error);
    assert!(run.error.contains("bad.csv, line 1502"), "{}", run.error);

    let run = nuages(&["--keep-going"], &format!("BEGIN;\n.import {file} made\nCOMMIT;\n.tables\n"));
    assert_eq!(run.out, "");
}

#[cfg(target_os = "linux")]
#[test]
fn what_finds_no_place_in_a_file_is_told() {
    for input in [".output /dev/full\nSELECT 1;\n", ".output /dev/full\nSELECT 1;\n.output\nSELECT 2;\n"] {
        let run = nuages(&[], input);
        assert_eq!(run.status, 1);
        assert!(run.error.starts_with("error: /dev/full: "), "{}", run.error);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_script_that_waits_for_its_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nuages"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the shell starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"SELECT 1;\n").expect("it reads");
    let mut answer = [0];
    child
        .stdout
        .as_mut()
        .expect("a pipe")
        .read_exact(&mut answer)
        .expect("it has begun, and knows of Ctrl-C");
    let interrupted =
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(interrupted.success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}
