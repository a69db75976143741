//! TPC-H's 22 queries beside SQLite: `cargo run --release -p nuages-benches --bin tpch -- [SCALE] [ROUNDS] [QUERY]`.
//! With the number of a query, only that is measured, and its plan is printed as it was run.
//!
//! Both sides have the same tables in memory, with an index for each foreign key; SQLite has run ANALYZE, and we have
//! no such thing. Rounds are interleaved, statements are read and planned anew in each, and what is printed is the
//! median. Both must return the same number of rows; that they return the same rows is tested at scale 0.01.

use std::error::Error;
use std::time::{Duration, Instant};

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use nuages_engine::Database;
use nuages_engine::sql::Connection;
use nuages_tests::tpch;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let scale: f64 = arguments.next().map_or(Ok(0.1), |scale| scale.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(3), |rounds| rounds.parse())?;
    let only: Option<usize> = arguments.next().map(|number| number.parse()).transpose()?;
    let (mut ours, sqlite) = (ours(scale)?, sqlite(scale)?);
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(["query", "rows", "SQLite", "Nuages", "times as fast"]);
    let mut logarithms = Vec::new();
    for number in (1..=tpch::QUERIES).filter(|number| only.is_none_or(|only| only == *number)) {
        let statements = tpch::query(number, scale);
        let translated: Vec<String> =
            statements.iter().map(|statement| tpch::for_sqlite(statement)).collect();
        let (mut own_times, mut other_times, mut rows) = (Vec::new(), Vec::new(), 0);
        for _ in 0..rounds.max(1) {
            let (time, other_rows) = timed(|| ask_sqlite(&sqlite, &translated))?;
            other_times.push(time);
            let (time, own_rows) = timed(|| ask_ours(&mut ours, &statements))?;
            own_times.push(time);
            if own_rows != other_rows {
                return Err(format!("query {number}: {own_rows} rows, and of SQLite {other_rows}").into());
            }
            rows = own_rows;
        }
        let (own, other) = (median(own_times), median(other_times));
        let ratio = other.as_secs_f64() / own.as_secs_f64();
        logarithms.push(ratio.ln());
        table.add_row([
            number.to_string(),
            rows.to_string(),
            format!("{other:.2?}"),
            format!("{own:.2?}"),
            format!("{ratio:.2}x"),
        ]);
    }
    println!("{table}");
    println!(
        "geometric mean {:.2}x",
        (logarithms.iter().sum::<f64>() / logarithms.len().max(1) as f64).exp()
    );
    if let Some(only) = only {
        print_plans(&mut ours, &tpch::query(only, scale))?;
    }
    Ok(())
}

/// Runs those statements that are queries once more, and prints what each operator of their plans did.
fn print_plans(connection: &mut Connection, statements: &[String]) -> Result<(), Box<dyn Error>> {
    for statement in statements {
        let is_query =
            statement.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
        let text = if is_query { format!("EXPLAIN ANALYZE {statement}") } else { statement.clone() };
        for row in connection.query(&text, &[])?.rows {
            println!("{}", row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        }
    }
    Ok(())
}

fn ours(scale: f64) -> Result<Connection, Box<dyn Error>> {
    let database = Database::new();
    let mut connection = Connection::new(database.clone());
    connection.execute(tpch::SCHEMA, &[])?;
    let transaction = database.begin();
    tpch::load(&transaction, scale)?;
    transaction.commit()?;
    Ok(connection)
}

fn sqlite(scale: f64) -> Result<rusqlite::Connection, Box<dyn Error>> {
    let mut connection = rusqlite::Connection::open_in_memory()?;
    connection.execute_batch(tpch::SCHEMA)?;
    let transaction = connection.transaction()?;
    for table in tpch::TABLES {
        let width = tpch::lines(table, scale).next().map_or(0, |line| tpch::fields(&line).count());
        let marks = vec!["?"; width].join(", ");
        let mut insert = transaction.prepare(&format!("INSERT INTO {table} VALUES ({marks})"))?;
        for line in tpch::lines(table, scale) {
            insert.execute(rusqlite::params_from_iter(tpch::fields(&line)))?;
        }
    }
    transaction.commit()?;
    connection.execute_batch("ANALYZE")?;
    Ok(connection)
}

/// The time of something, and what it gave.
fn timed<T>(mut run: impl FnMut() -> Result<T, Box<dyn Error>>) -> Result<(Duration, T), Box<dyn Error>> {
    let begin = Instant::now();
    let result = run()?;
    Ok((begin.elapsed(), result))
}

/// Runs the statements, and returns how many rows they gave.
fn ask_ours(connection: &mut Connection, statements: &[String]) -> Result<usize, Box<dyn Error>> {
    let mut rows = 0;
    for statement in statements {
        rows += connection.execute(statement, &[])?.rows.rows.len();
    }
    Ok(rows)
}

fn ask_sqlite(connection: &rusqlite::Connection, statements: &[String]) -> Result<usize, Box<dyn Error>> {
    let mut count = 0;
    for statement in statements {
        let mut prepared = connection.prepare(statement)?;
        let width = prepared.column_count();
        let mut rows = prepared.query([])?;
        while let Some(row) = rows.next()? {
            for place in 0..width {
                std::hint::black_box(row.get_ref(place)?);
            }
            count += 1;
        }
    }
    Ok(count)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
