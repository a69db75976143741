//! Questions of analysis beside SQLite: `cargo run --release -p nuages-benches --bin queries -- [ROUNDS] [NAME]`.
//!
//! What the workloads of the other program are too small for: the first of a million, a search in their texts, windows,
//! a join of six tables, EXISTS, long lists. Both sides have the same tables in memory and are asked the same SQL,
//! prepared off the clock; SQLite has run ANALYZE. Rounds are interleaved, what is printed is the median, and both must
//! give the same values each time.

use std::error::Error;
use std::time::{Duration, Instant};

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use nuages_engine::algebra::{Expr, Insert, InsertSource, Source, Statement};
use nuages_engine::sql::{Connection, Dialect};
use nuages_engine::{Database, Prepared, Session};
use nuages_storage::Value;

const ITEMS: i64 = 1_000_000;
const SALES: i64 = 100_000;
const VISITS: i64 = 10_000;

const SCHEMA: &str = "
    CREATE TABLE item (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER NOT NULL, title TEXT NOT NULL);
    CREATE TABLE country (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE city (id INTEGER PRIMARY KEY, country INTEGER NOT NULL, name TEXT NOT NULL);
    CREATE TABLE shop (id INTEGER PRIMARY KEY, city INTEGER NOT NULL, name TEXT NOT NULL);
    CREATE TABLE maker (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE product (id INTEGER PRIMARY KEY, maker INTEGER NOT NULL, price INTEGER NOT NULL);
    CREATE TABLE sale (
        id INTEGER PRIMARY KEY, shop INTEGER NOT NULL, product INTEGER NOT NULL, customer INTEGER NOT NULL,
        day INTEGER NOT NULL, amount INTEGER NOT NULL
    );
    CREATE TABLE visit (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, day INTEGER NOT NULL);
    CREATE INDEX city_country ON city (country);
    CREATE INDEX shop_city ON shop (city);
    CREATE INDEX product_maker ON product (maker);
    CREATE INDEX sale_shop ON sale (shop);
    CREATE INDEX sale_product ON sale (product);
    CREATE INDEX visit_customer ON visit (customer);
";

/// A question, and what it is called.
struct Question {
    name: &'static str,
    sql: String,
}

fn questions() -> Vec<Question> {
    let question = |name, sql: &str| Question { name, sql: sql.to_owned() };
    let list: Vec<String> = (0..1_000).map(|n| (mix(n) % ITEMS as u64).to_string()).collect();
    vec![
        question("first 10 of 1,000,000", "SELECT id, a FROM item ORDER BY a DESC, id LIMIT 10"),
        question("first 1,000 of 1,000,000", "SELECT id, a FROM item ORDER BY a DESC, id LIMIT 1000"),
        question("text within 1,000,000", "SELECT count(*) FROM item WHERE title LIKE '%nuages 7%'"),
        question("distinct, 20 of 1,000,000", "SELECT DISTINCT b FROM item ORDER BY b"),
        question("distinct, nearly all of 1,000,000", "SELECT count(DISTINCT a) FROM item"),
        question(
            "row numbers over 100,000",
            "SELECT sum(place * day) FROM (
                SELECT day, row_number() OVER (PARTITION BY shop ORDER BY day, id) AS place FROM sale) AS numbered",
        ),
        question(
            "running sums over 100,000",
            "SELECT max(total), count(*) FROM (
                SELECT sum(amount) OVER (PARTITION BY customer ORDER BY day, id) AS total FROM sale) AS totals",
        ),
        question(
            "join of six tables",
            "SELECT city.name, count(*), sum(sale.amount * product.price)
            FROM sale, shop, city, country, product, maker
            WHERE sale.shop = shop.id AND shop.city = city.id AND city.country = country.id
                AND sale.product = product.id AND product.maker = maker.id
                AND country.name = 'country 3' AND maker.name LIKE 'maker 1%'
            GROUP BY city.name ORDER BY city.name",
        ),
        question(
            "EXISTS, 100,000 by 10,000",
            "SELECT count(*), sum(amount) FROM sale
            WHERE EXISTS (SELECT 1 FROM visit WHERE visit.customer = sale.customer AND visit.day > sale.day)",
        ),
        question(
            "NOT EXISTS, 100,000 by 10,000",
            "SELECT count(*), sum(amount) FROM sale
            WHERE NOT EXISTS (SELECT 1 FROM visit WHERE visit.customer = sale.customer)",
        ),
        Question {
            name: "IN, 1,000 keys of 1,000,000",
            sql: format!("SELECT count(*), sum(a) FROM item WHERE id IN ({})", list.join(", ")),
        },
        Question {
            name: "IN, 1,000 values that no index has",
            sql: format!("SELECT count(*), sum(a) FROM item WHERE a % 1000000 IN ({})", list.join(", ")),
        },
    ]
}

/// Scatters a number over 64 bits: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number below `end` that is scattered by the place of a row and of a column.
fn scattered(row: i64, column: u64, end: i64) -> Value {
    Value::Int((mix(row as u64 ^ column << 48) % end as u64) as i64)
}

/// The rows of a table.
fn rows(table: &str) -> Vec<Vec<Value>> {
    const WORDS: [&str; 8] =
        ["amber", "clouds", "evening", "guitar", "island", "lantern", "nuages", "orchard"];
    let title = |id: i64| {
        let random = mix(id as u64);
        let word = |shift: u32| WORDS[(random >> shift) as usize % WORDS.len()];
        Value::from(format!("{} {} {}", word(0), word(8), random >> 16 & 0xFF))
    };
    let made = |count: i64, row: &dyn Fn(i64) -> Vec<Value>| {
        (1..=count)
            .map(|id| std::iter::once(Value::Int(id)).chain(row(id)).collect())
            .collect::<Vec<Vec<Value>>>()
    };
    let named = |kind: &str, id: i64| Value::from(format!("{kind} {id}"));
    let one_of = |id, column, end| match scattered(id, column, end) {
        Value::Int(number) => Value::Int(number + 1),
        other => other,
    };
    match table {
        "item" => made(ITEMS, &|id| vec![scattered(id, 1, 1 << 40), scattered(id, 2, 20), title(id)]),
        "country" => made(5, &|id| vec![named("country", id)]),
        "city" => made(40, &|id| vec![one_of(id, 3, 5), named("city", id)]),
        "shop" => made(400, &|id| vec![one_of(id, 4, 40), named("shop", id)]),
        "maker" => made(100, &|id| vec![named("maker", id)]),
        "product" => made(2_000, &|id| vec![one_of(id, 5, 100), one_of(id, 6, 500)]),
        "sale" => made(SALES, &|id| {
            let ends = [400, 2_000, 20_000, 365, 9];
            ends.iter().zip(7..).map(|(end, column)| one_of(id, column, *end)).collect()
        }),
        "visit" => made(VISITS, &|id| vec![one_of(id, 12, 20_000), one_of(id, 13, 365)]),
        _ => Vec::new(),
    }
}

const TABLES: [&str; 8] = ["country", "city", "shop", "maker", "product", "sale", "visit", "item"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().map_or(Ok(5), |rounds| rounds.parse())?;
    let only = arguments.next().unwrap_or_default();
    let (ours, sqlite) = loaded()?;
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(["question", "SQLite", "Nuages", "times as fast"]);
    for Question { name, sql } in questions().into_iter().filter(|question| question.name.contains(&only)) {
        let prepared = Prepared::new(ours.session(), ours.read(&sql)?)?;
        let mut statement = sqlite.prepare(&sql)?;
        let (mut own_times, mut other_times) = (Vec::new(), Vec::new());
        for _ in 0..rounds.max(1) {
            let (time, other) = timed(|| ask_sqlite(&mut statement))?;
            other_times.push(time);
            let (time, own) = timed(|| ask_ours(ours.session(), &prepared))?;
            own_times.push(time);
            if own != other {
                return Err(format!("{name}: the answers differ").into());
            }
        }
        let (own, other) = (median(own_times), median(other_times));
        let ratio = other.as_secs_f64() / own.as_secs_f64();
        table.add_row([
            name.to_owned(),
            format!("{other:.2?}"),
            format!("{own:.2?}"),
            format!("{ratio:.2}x"),
        ]);
    }
    println!("{table}");
    Ok(())
}

/// Both databases with the tables.
fn loaded() -> Result<(Connection, rusqlite::Connection), Box<dyn Error>> {
    let mut ours = Connection::with_dialect(Database::new(), Dialect::Sqlite);
    ours.execute(SCHEMA, &[])?;
    let mut sqlite = rusqlite::Connection::open_in_memory()?;
    sqlite.execute_batch("PRAGMA page_size = 8192; PRAGMA cache_size = -1000000;")?;
    sqlite.execute_batch(SCHEMA)?;
    let transaction = sqlite.transaction()?;
    for table in TABLES {
        let rows = rows(table);
        let width = rows.first().map_or(0, Vec::len);
        let marks = vec!["?"; width].join(", ");
        let mut insert = transaction.prepare(&format!("INSERT INTO {table} VALUES ({marks})"))?;
        for row in &rows {
            insert.execute(rusqlite::params_from_iter(row.iter().map(for_sqlite)))?;
        }
        load(ours.session(), table, rows)?;
    }
    transaction.commit()?;
    sqlite.execute_batch("ANALYZE")?;
    Ok((ours, sqlite))
}

fn load(session: &dyn Session, table: &str, rows: Vec<Vec<Value>>) -> Result<(), Box<dyn Error>> {
    let table = session.catalog()?.table_named(table)?.id;
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.peek() {
        let columns = (0..first.len()).collect();
        let some = rows.by_ref().take(10_000);
        let literal = |row: Vec<Value>| row.into_iter().map(|value| Some(Expr::Literal(value))).collect();
        let insert = Insert {
            table,
            columns,
            rows: InsertSource::Values(some.map(literal).collect()),
            source: Source::new(0),
            returning: Vec::new(),
            conflict: None,
        };
        session.execute(&Statement::Insert(insert), &[])?;
    }
    Ok(())
}

fn for_sqlite(value: &Value) -> rusqlite::types::Value {
    match value {
        Value::Int(number) => (*number).into(),
        Value::Text(text) => text.to_string().into(),
        _ => rusqlite::types::Value::Null,
    }
}

/// The time of something, and what it gave.
fn timed<T>(run: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<(Duration, T), Box<dyn Error>> {
    let begin = Instant::now();
    let result = run()?;
    Ok((begin.elapsed(), result))
}

/// A number that depends on values and their order.
#[derive(Debug, Default, PartialEq)]
struct Checksum(u64);

impl Checksum {
    fn add_int(&mut self, number: i64) {
        self.0 = mix(self.0 ^ number as u64);
    }

    fn add_text(&mut self, text: &[u8]) {
        text.iter().for_each(|byte| self.0 = self.0.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    }
}

fn ask_ours(session: &dyn Session, prepared: &Prepared) -> Result<Checksum, Box<dyn Error>> {
    let mut checksum = Checksum::default();
    session.run(prepared, &[], &mut |batch| {
        for row in &batch.selection {
            for column in &batch.columns {
                match column.value(row) {
                    Value::Int(number) => checksum.add_int(number),
                    other => checksum.add_text(other.to_string().as_bytes()),
                }
            }
        }
        Ok(())
    })?;
    Ok(checksum)
}

fn ask_sqlite(statement: &mut rusqlite::Statement<'_>) -> Result<Checksum, Box<dyn Error>> {
    let mut checksum = Checksum::default();
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for place in 0..width {
            match row.get_ref(place)? {
                rusqlite::types::ValueRef::Integer(number) => checksum.add_int(number),
                rusqlite::types::ValueRef::Text(text) => checksum.add_text(text),
                other => checksum.add_text(format!("{other:?}").as_bytes()),
            }
        }
    }
    Ok(checksum)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
