//! How often the allocator is asked, verb by verb: rows go straight from the leaves into structs, so that a row costs
//! what its own texts cost, and a kept plan nothing.
//!
//! Each thing is done until it is in the swing (plans are kept, buffers have grown) and then counted. What may not grow
//! with the number of rows is asserted of few rows and of many: the difference is what rows cost.

use allocation_counter::measure;
use nuages::prelude::*;
use nuages_engine::sql::Connection;
use nuages_engine::{Database, Session};
use nuages_storage::Value;

/// A row without a text.
#[derive(Model, Clone, Debug)]
#[model(app = "shop")]
struct Number {
    id: Auto<i64>,
    a: i64,
    #[field(db_index)]
    b: i32,
    c: Option<f64>,
}

#[derive(Model, Clone, Debug)]
#[model(app = "shop")]
struct Author {
    id: Auto<i64>,
    name: String,
    #[related(Book::author)]
    books: Related<Book>,
}

/// A row with two texts, one of which may be missing.
#[derive(Model, Clone, Debug)]
#[model(app = "shop")]
struct Book {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    author: ForeignKey<Author>,
    title: String,
    blurb: Option<String>,
}

const FEW: i64 = 640;
const MANY: i64 = 6_400;

fn database(rows: i64) -> Result<Db> {
    let db = App::new().models((Number::app(), Author::app(), Book::app())).open_memory()?;
    Number::objects().bulk_create((0..rows).map(|a| new!(Number { a, b: (a % 10) as i32, c: None })), &db)?;
    Author::objects()
        .bulk_create((0..rows / 10).map(|n| new!(Author { name: format!("author {n}") })), &db)?;
    let books = (0..rows).map(|n| {
        new!(Book {
            author: n % (rows / 10) + 1,
            title: format!("title {n}"),
            blurb: format!("a blurb of {n}")
        })
    });
    Book::objects().bulk_create(books, &db)?;
    Ok(db)
}

/// How often the allocator is asked for something, once the verb is in the swing.
fn asked<T>(mut verb: impl FnMut() -> Result<T>) -> Result<u64> {
    for _ in 0..3 {
        verb()?;
    }
    let mut result = Ok(());
    let counted = measure(|| result = verb().map(drop));
    result.map(|()| counted.count_total)
}

/// How often per row, in hundredths: the difference between few rows and many.
fn asked_per_row<T>(verb: impl Fn(&Db) -> Result<T>) -> Result<u64> {
    let few = database(FEW)?;
    let many = database(MANY)?;
    let more = asked(|| verb(&many))?.saturating_sub(asked(|| verb(&few))?);
    Ok(more * 100 / (MANY - FEW) as u64)
}

#[test]
fn a_get_by_key_costs_its_texts() -> Result<()> {
    let db = database(FEW)?;
    let number = prepare(|id: Param<i64>| Number::objects().filter(Number::id.eq(id)), &db)?;
    let book = prepare(|id: Param<i64>| Book::objects().filter(Book::id.eq(id)), &db)?;
    assert_eq!(asked(|| number.get(7, &db))?, 0);
    assert_eq!(asked(|| book.get(7, &db))?, 2);
    // One more for the condition, which is built anew each time.
    assert_eq!(asked(|| Number::objects().get(Number::id.eq(7), &db))?, 1);
    assert_eq!(asked(|| Book::objects().get(Book::id.eq(7), &db))?, 3);
    Ok(())
}

#[test]
fn a_prepared_row_of_the_engine_costs_nothing() -> Result<()> {
    let mut connection = Connection::new(Database::new());
    let fill = "CREATE TABLE song (id INTEGER PRIMARY KEY, title TEXT);
        INSERT INTO song SELECT n, 'title ' || n FROM generate_series(1, 1000) AS g (n)";
    connection.execute(fill, &[])?;
    let query = connection.read("SELECT title, id FROM song WHERE id = $1")?;
    let song = nuages_engine::Prepared::new(connection.database(), query)?;
    let db = connection.database();
    let length = || {
        let mut length = 0;
        db.run_rows(&song, &[Value::Int(77)], &mut |row| {
            length = row.text(0).map_or(0, str::len);
            Ok(())
        })?;
        Ok(length)
    };
    assert_eq!(length()?, 8);
    assert_eq!(asked(length)?, 0);
    Ok(())
}

/// What a prepared statement asks the allocator for when it finds so many rows of a table of the engine.
fn asked_for_rows(sql: &str, rows: i64) -> Result<u64> {
    let mut connection = Connection::new(Database::new());
    for statement in [
        "CREATE TABLE maker (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "CREATE TABLE item (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER NOT NULL)",
        "CREATE INDEX item_a ON item (a)",
        "INSERT INTO maker SELECT n, 'maker' FROM generate_series(0, 9) AS g (n)",
        "INSERT INTO item SELECT n, n * 37 % 1000, n % 10 FROM generate_series(1, 1000) AS g (n)",
    ] {
        connection.execute(statement, &[])?;
    }
    let db = connection.database().clone();
    let query = nuages_engine::Prepared::new(&db, connection.read(sql)?)?;
    let mut found = 0;
    let asked = asked(|| {
        found = 0;
        let values = [Value::Int(500), Value::Int(499 + rows)];
        db.run(&query, &values, &mut |batch| {
            found += batch.selection.count();
            Ok(())
        })?;
        Ok(())
    })?;
    assert!(found > 0 || rows == 0, "{sql}");
    Ok(asked)
}

#[test]
fn a_prepared_statement_that_finds_nothing_asks_for_nothing_and_more_rows_ask_for_no_more() -> Result<()> {
    for (sql, most) in [
        ("SELECT id, a FROM item WHERE a BETWEEN $1 AND $2", 5),
        ("SELECT id, a FROM item WHERE a BETWEEN $1 AND $2 ORDER BY b, id", 17),
        ("SELECT b, count(*) FROM item WHERE a BETWEEN $1 AND $2 GROUP BY b", 14),
        ("SELECT item.id, name FROM item JOIN maker ON maker.id = item.b WHERE item.a BETWEEN $1 AND $2", 10),
    ] {
        assert_eq!(asked_for_rows(sql, 0)?, 0, "{sql}");
        assert!(asked_for_rows(sql, 3)? <= most, "{sql}: {}", asked_for_rows(sql, 3)?);
        assert_eq!(asked_for_rows(sql, 10)?, asked_for_rows(sql, 16)?, "{sql}");
    }
    Ok(())
}

#[test]
fn numbers_cost_nothing_per_row() -> Result<()> {
    let flat = asked_per_row(|db| Number::objects().values_list(Number::a).all(db))?;
    let tuples =
        asked_per_row(|db| Number::objects().values_list((Number::id, Number::a, Number::c)).all(db))?;
    let whole = asked_per_row(|db| Number::objects().all(db))?;
    let visited = asked_per_row(|db| Number::objects().each(db, |_| Ok(())))?;
    let sorted =
        asked_per_row(|db| Number::objects().order_by(Number::a.desc()).values_list(Number::a).all(db))?;
    // A leaf of 64 rows may cost some.
    assert!(
        [flat, tuples, whole, visited, sorted].iter().all(|per_row| *per_row <= 10),
        "{flat} {tuples} {whole} {visited} {sorted}"
    );
    Ok(())
}

#[test]
fn a_row_costs_its_texts() -> Result<()> {
    let one = asked_per_row(|db| Book::objects().values_list(Book::title).all(db))?;
    let two = asked_per_row(|db| Book::objects().all(db))?;
    assert!((100..=110).contains(&one), "{one}");
    assert!((200..=210).contains(&two), "{two}");
    Ok(())
}

#[test]
fn a_text_that_is_lent_costs_nothing() -> Result<()> {
    let per_row = asked_per_row(|db| {
        let held = Book::objects().values_list((Book::title, Book::blurb)).hold(db)?;
        let rows: Vec<(&str, Option<&str>)> = held.rows()?;
        Ok(rows.len())
    })?;
    assert!(per_row <= 10, "{per_row}");
    Ok(())
}

#[test]
fn one_number_of_all_rows_costs_the_same_for_any_number_of_them() -> Result<()> {
    let count = asked_per_row(|db| Number::objects().count(db))?;
    let some = asked_per_row(|db| Number::objects().filter(Number::b.eq(3)).count(db))?;
    let sum = asked_per_row(|db| Number::objects().aggregate(Number::a.sum(), db))?;
    let exists = asked_per_row(|db| Number::objects().filter(Number::a.gt(5)).exists(db))?;
    assert!(count == 0 && exists == 0 && some <= 1 && sum <= 5, "{count} {exists} {some} {sum}");
    Ok(())
}

#[test]
fn a_prefetched_row_costs_its_texts_and_its_bonds() -> Result<()> {
    // Two texts, and what a list of ten siblings costs, shared by them.
    let per_book = asked_per_row(|db| Author::objects().prefetch_related(Author::books).all(db))?;
    assert!((200..=350).contains(&per_book), "{per_book}");
    Ok(())
}

#[test]
fn kept_shapes_cost_no_more_than_the_condition_and_the_values() -> Result<()> {
    let db = database(FEW)?;
    let some = prepare(|b: Param<i32>| Number::objects().filter(Number::b.eq(b)), &db)?;
    let prepared = asked(|| some.count(3, &db))?;
    let anew = asked(|| Number::objects().filter(Number::b.eq(3)).count(&db))?;
    assert!(anew <= prepared + 2, "{anew} where a prepared one asks {prepared} times");
    Ok(())
}
