//! What it takes to ask: `cargo run --release -p nuages-benches --bin statements -- [ROUNDS]`.
//!
//! Questions that find one row, three or none, so that what is measured is the way to it: from the tree alone, through a
//! prepared plan, to a text that has never been seen; and whole databases that are made, asked and dropped, as tests do.
//! SQLite is asked the same, in the nearest of its ways. Each figure is the median of interleaved rounds, per question;
//! what is found is compared in every round.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use nuages_engine::sql::{Connection, Dialect};
use nuages_engine::{Batch, Database, Prepared, Row, Session};
use nuages_storage::{RowId, RowRef, TableId, Value};
use rusqlite::params_from_iter;

const ROWS: i64 = 1_000;

/// How often a question is asked in a round.
const TIMES: i64 = 2_000;

/// How many databases are made in a round.
const DATABASES: i64 = 20;

const BY_KEY: &str = "SELECT id, a, title FROM item WHERE id = ?";

/// What finds nothing for the values beyond those that there are.
const FIND_NOTHING: [(&str, &str); 4] = [
    ("a range", "SELECT id, a FROM item WHERE a > ? AND a < 0"),
    ("a sort", "SELECT id, a FROM item WHERE b = ? ORDER BY a, id"),
    ("groups", "SELECT b, count(*) FROM item WHERE b = ? GROUP BY b"),
    ("a join", "SELECT item.id, maker.name FROM item JOIN maker ON maker.id = item.b WHERE item.b = ?"),
];

/// What finds the rows of three values.
const FIND_THREE: [(&str, &str); 4] = [
    ("a range", "SELECT id, a FROM item WHERE a BETWEEN ? AND ?"),
    ("a sort", "SELECT id, a FROM item WHERE a BETWEEN ? AND ? ORDER BY b, id"),
    ("groups", "SELECT b, count(*) FROM item WHERE a BETWEEN ? AND ? GROUP BY b"),
    (
        "a join",
        "SELECT item.id, maker.name FROM item JOIN maker ON maker.id = item.b WHERE item.a BETWEEN ? AND ?",
    ),
];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A row as a program has it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Item {
    id: i64,
    a: i64,
    title: String,
}

impl Item {
    fn of_row(row: RowRef<'_>) -> Item {
        let title = row.text(3).unwrap_or_default().to_owned();
        Item { id: row.row_id().get(), a: row.int(1), title }
    }

    fn of_answer(row: Row<'_>) -> Item {
        let int = |column: usize| row.int(column).unwrap_or_default();
        Item { id: int(0), a: int(1), title: row.text(2).unwrap_or_default().to_owned() }
    }

    fn of_batch(batch: &Batch<'_>, row: usize) -> Item {
        let int = |column: usize| batch.columns[column].int(row).unwrap_or_default();
        let title = batch.columns[2].text(row).unwrap_or_default().to_owned();
        Item { id: int(0), a: int(1), title }
    }

    fn checksum(&self) -> i64 {
        self.id + self.a + self.title.len() as i64
    }
}

/// One way of asking: what it is called, and its answers to a number of questions, added up.
struct Way<'w> {
    name: String,
    ask: Box<dyn FnMut(i64) -> Result<i64> + 'w>,
    times: Vec<Duration>,
}

impl<'w> Way<'w> {
    fn new(name: impl Into<String>, ask: impl FnMut(i64) -> Result<i64> + 'w) -> Way<'w> {
        Way { name: name.into(), ask: Box::new(ask), times: Vec::new() }
    }

    /// Asks a round of so many questions.
    fn round(&mut self, times: i64) -> Result<i64> {
        let begin = Instant::now();
        let mut sum = 0;
        for time in 0..times {
            sum += black_box((self.ask)(time * 7 % ROWS + 1)?);
        }
        self.times.push(begin.elapsed());
        Ok(sum)
    }

    /// What one of so many questions took in a round, in nanoseconds.
    fn median(&mut self, times: i64) -> f64 {
        self.times.sort_unstable();
        self.times[self.times.len() / 2].as_nanos() as f64 / times as f64
    }
}

fn main() -> Result<()> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(101), |rounds| rounds.parse())?;
    let script = script();
    let mut ours = Connection::with_dialect(Database::new(), Dialect::Sqlite);
    ours.execute(&script, &[])?;
    let sqlite = rusqlite::Connection::open_in_memory()?;
    sqlite.execute_batch(&script)?;
    let db = ours.database().clone();
    let item = db.catalog()?.table_named("item")?.id;

    let mut connection = Connection::with_dialect(db.clone(), Dialect::Sqlite);
    let mut by_key = ways_to_a_row(&db, item, &sqlite)?;
    by_key.extend(ways_of_sql(&mut connection, &sqlite)?);
    show("a row by its key", by_key, rounds, TIMES)?;
    for (name, sql) in FIND_NOTHING {
        let ways = ways_to_rows(&ours, &sqlite, sql, |number| [number + ROWS])?;
        show(&format!("{name} that finds nothing"), ways, rounds, TIMES)?;
    }
    for (name, sql) in FIND_THREE {
        let ways = ways_to_rows(&ours, &sqlite, sql, |number| [number, number + 2])?;
        show(&format!("{name} of three rows"), ways, rounds, TIMES)?;
    }
    show("a database of five tables and ten rows", ways_to_a_database()?, rounds, DATABASES)
}

/// Prepared, with the values that a number stands for.
fn ways_to_rows<'w, const N: usize>(
    connection: &Connection,
    sqlite: &'w rusqlite::Connection,
    sql: &str,
    values: fn(i64) -> [i64; N],
) -> Result<Vec<Way<'w>>> {
    let db = connection.database().clone();
    let prepared = Prepared::new(&db, connection.read(sql)?)?;
    let mut statement = sqlite.prepare(sql)?;
    Ok(vec![
        Way::new("prepared", move |number| {
            let mut rows = 0;
            db.run(&prepared, &values(number).map(Value::Int), &mut |batch| {
                rows += batch.selection.count() as i64;
                Ok(())
            })?;
            Ok(rows)
        }),
        Way::new("SQLite, prepared", move |number| {
            let mut rows = statement.query(params_from_iter(values(number)))?;
            let mut count = 0;
            while rows.next()?.is_some() {
                count += 1;
            }
            Ok(count)
        }),
    ])
}

/// A whole database, made, filled, asked and dropped.
fn ways_to_a_database() -> Result<Vec<Way<'static>>> {
    let with_tables = || -> Result<Connection> {
        let mut connection = Connection::with_dialect(Database::new(), Dialect::Sqlite);
        (0..5).try_for_each(|table| connection.execute(&new_table(table), &[]).map(drop))?;
        Ok(connection)
    };
    let filled = |mut connection: Connection| -> Result<i64> {
        for (table, row) in (0..5).flat_map(|table| [(table, 0), (table, 1)]) {
            let values = [row.into(), format!("name {row}").into(), row.into()];
            connection.execute(&new_row(table), &values)?;
        }
        let count = connection.query("SELECT count(*) FROM t4", &[])?;
        Ok(count.rows[0][0].as_int().unwrap_or_default())
    };
    let template = with_tables()?.database().clone();
    Ok(vec![
        Way::new("SQL", move |_| filled(with_tables()?)),
        Way::new("a fork with the tables, rows by SQL", move |_| {
            filled(Connection::with_dialect(template.fork()?, Dialect::Sqlite))
        }),
        Way::new("SQLite", |_| {
            let connection = rusqlite::Connection::open_in_memory()?;
            (0..5).try_for_each(|table| connection.execute_batch(&new_table(table)))?;
            for (table, row) in (0..5).flat_map(|table| [(table, 0), (table, 1)]) {
                let mut insert = connection.prepare_cached(&new_row(table))?;
                insert.execute((row, format!("name {row}"), row))?;
            }
            Ok(connection.query_row("SELECT count(*) FROM t4", [], |row| row.get(0))?)
        }),
    ])
}

/// A table that refers to the one before it.
fn new_table(table: i64) -> String {
    let before = (table - 1).max(0);
    format!(
        "CREATE TABLE t{table} (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL DEFAULT 0,
             before INTEGER REFERENCES t{before} (id))"
    )
}

fn new_row(table: i64) -> String {
    format!("INSERT INTO t{table} (id, name, before) VALUES (?, ?, ?)")
}

/// The tables, and what is in them.
fn script() -> String {
    let items = (1..=ROWS).map(|id| format!("({id}, {}, {}, 'title {id}')", id * 37 % ROWS, id % 10));
    let makers = (0..10).map(|id| format!("({id}, 'maker {id}')"));
    format!(
        "CREATE TABLE item (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER NOT NULL, title TEXT NOT NULL);
         CREATE TABLE maker (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         CREATE INDEX item_a ON item (a);
         CREATE INDEX item_b ON item (b);
         INSERT INTO item VALUES {};
         INSERT INTO maker VALUES {};",
        items.collect::<Vec<_>>().join(", "),
        makers.collect::<Vec<_>>().join(", "),
    )
}

/// Without a text: from the tree alone to a plan that is run.
fn ways_to_a_row<'w>(
    db: &'w Database,
    item: TableId,
    sqlite: &'w rusqlite::Connection,
) -> Result<Vec<Way<'w>>> {
    let version = db.version()?;
    let connection = Connection::with_dialect(db.clone(), Dialect::Sqlite);
    let prepared = Prepared::new(db, connection.read(BY_KEY)?)?;
    let by_row = prepared.clone();
    let mut statement = sqlite.prepare(BY_KEY)?;
    Ok(vec![
        Way::new("the tree and the struct", move |number| {
            let row = version.table(item).and_then(|rows| rows.get(RowId::new(number)));
            Ok(row.map_or(0, |row| Item::of_row(row).checksum()))
        }),
        Way::new("get", move |number| {
            let mut sum = 0;
            db.get(item, RowId::new(number), &mut |row| sum = Item::of_row(row).checksum())?;
            Ok(sum)
        }),
        Way::new("prepared", move |number| {
            let mut sum = 0;
            db.run_rows(&by_row, &[Value::Int(number)], &mut |row| {
                sum += Item::of_answer(row).checksum();
                Ok(())
            })?;
            Ok(sum)
        }),
        Way::new("prepared, as a batch", move |number| {
            let mut sum = 0;
            db.run(&prepared, &[Value::Int(number)], &mut |batch| {
                sum += batch.selection.iter().map(|row| Item::of_batch(batch, row).checksum()).sum::<i64>();
                Ok(())
            })?;
            Ok(sum)
        }),
        Way::new("SQLite, prepared", move |number| Ok(sqlite_item(&mut statement, Some(number))?.checksum())),
    ])
}

/// With a text.
fn ways_of_sql<'w>(connection: &'w mut Connection, sqlite: &'w rusqlite::Connection) -> Result<Vec<Way<'w>>> {
    let mut prepared = connection.prepare(BY_KEY)?;
    let mut one = Connection::with_dialect(connection.database().clone(), Dialect::Sqlite);
    let mut other = Connection::with_dialect(connection.database().clone(), Dialect::Sqlite);
    let literal = |number: i64| format!("SELECT id, a, title FROM item WHERE id = {number}");
    Ok(vec![
        Way::new("SQL, prepared", move |number| {
            first_of(connection.run_prepared(&mut prepared, &[number.into()])?.rows.rows)
        }),
        Way::new("SQL, the same text with parameters", move |number| {
            first_of(one.query(BY_KEY, &[number.into()])?.rows)
        }),
        Way::new("SQLite, the same text with parameters", move |number| {
            Ok(sqlite_item(&mut *sqlite.prepare_cached(BY_KEY)?, Some(number))?.checksum())
        }),
        Way::new("SQL, another text each time", move |number| {
            first_of(other.query(&literal(number), &[])?.rows)
        }),
        Way::new("SQLite, another text each time", move |number| {
            Ok(sqlite_item(&mut sqlite.prepare(&literal(number))?, None)?.checksum())
        }),
    ])
}

fn first_of(rows: Vec<Vec<Value>>) -> Result<i64> {
    let row = rows.into_iter().next().ok_or("a row was expected")?;
    let [Value::Int(id), Value::Int(a), Value::Text(title)] =
        <[Value; 3]>::try_from(row).map_err(|_| "three columns")?
    else {
        return Err("other types were expected".into());
    };
    Ok(Item { id, a, title }.checksum())
}

fn sqlite_item(statement: &mut rusqlite::Statement<'_>, number: Option<i64>) -> rusqlite::Result<Item> {
    statement.query_row(params_from_iter(number), |row| {
        Ok(Item { id: row.get(0)?, a: row.get(1)?, title: row.get(2)? })
    })
}

/// Asks in each way in turn, and prints how long one of so many questions took.
fn show(name: &str, mut ways: Vec<Way<'_>>, rounds: usize, times: i64) -> Result<()> {
    for _ in 0..rounds.max(1) {
        let mut expected = None;
        for way in &mut ways {
            let sum = way.round(times)?;
            if *expected.get_or_insert(sum) != sum {
                return Err(format!("{name}: {} answers something else", way.name).into());
            }
        }
    }
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header([name, "ns"]);
    for way in &mut ways {
        table.add_row([way.name.clone(), format!("{:.0}", way.median(times))]);
    }
    println!("{table}");
    Ok(())
}
