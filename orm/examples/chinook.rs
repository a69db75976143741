//! A tour of Nuages on real rows: the Chinook music shop, eleven tables from CSV files.
//!
//! `cargo run --release --example chinook`

#![expect(unreachable_pub, reason = "the modules are shared with the tests, which see them from outside")]

#[path = "chinook/load.rs"]
mod load;
#[path = "chinook/models.rs"]
mod models;
#[path = "chinook/tour.rs"]
mod tour;

use std::time::Instant;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Attribute, Cell, CellAlignment, Table};
use indicatif::{ProgressBar, ProgressStyle};
use nuages::prelude::*;

use load::LoadError;

fn main() -> Result<(), LoadError> {
    let db = models::app().open_memory()?;
    load_shop(&db)?;
    across_relations(&db)?;
    best_sellers(&db)?;
    related(&db)?;
    prices(&db)?;
    cascade(&db)?;
    fork(&db)?;
    plan(&db)?;
    Ok(())
}

/// Runs a step and says how long it took.
fn step<T>(title: &str, run: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let answer = run();
    println!("\n\x1b[1m{title}\x1b[0m  ({:.2?})", began.elapsed());
    answer
}

fn table<const COLUMNS: usize>(head: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(head.map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
    table
}

fn number(value: impl ToString) -> Cell {
    Cell::new(value).set_alignment(CellAlignment::Right)
}

fn load_shop(db: &Db) -> Result<(), LoadError> {
    let bar = ProgressBar::new(load::ROWS).with_style(
        ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} rows")
            .expect("the template is well formed"),
    );
    bar.set_message("Loading Chinook");
    let began = Instant::now();
    let counts = db.try_atomic(|tx| load::load(tx, &|rows| bar.inc(rows as u64)))?;
    bar.finish_and_clear();
    println!("Loaded {} rows in {:.2?}", counts.iter().map(|(_, rows)| rows).sum::<usize>(), began.elapsed());
    let mut shown = table(["table", "rows"]);
    for (name, rows) in counts {
        shown.add_row([Cell::new(name), number(rows)]);
    }
    println!("{shown}");
    Ok(())
}

fn across_relations(db: &Db) -> Result<(), LoadError> {
    let buyers = tour::buyers_of("AC/DC");
    let customers = step("Who bought AC/DC? A filter across five relations", || buyers.all(db))?;
    let mut shown = table(["customer", "country"]);
    for customer in &customers {
        let name = format!("{} {}", customer.first_name, customer.last_name);
        shown.add_row([name, customer.country.clone().unwrap_or_default()]);
    }
    println!("{shown}");
    Ok(())
}

fn best_sellers(db: &Db) -> Result<(), LoadError> {
    let best = step("The best-selling artists: annotate and order", || tour::best_sellers(8, db))?;
    let mut shown = table(["artist", "tracks sold", "revenue"]);
    for artist in best {
        shown.add_row([Cell::new(artist.name), number(artist.sold), number(artist.revenue)]);
    }
    println!("{shown}");
    Ok(())
}

fn related(db: &Db) -> Result<(), LoadError> {
    println!("\n\x1b[1mRelated rows, and how many queries they take\x1b[0m");
    let mut shown = table(["what", "how", "queries", "time"]);
    let mut measure =
        |what: &str, how: &str, run: &dyn Fn() -> nuages::Result<usize>| -> nuages::Result<()> {
            let queries = db.capture();
            let began = Instant::now();
            run()?;
            let took = format!("{:.1?}", began.elapsed());
            shown.add_row([Cell::new(what), Cell::new(how), number(queries.len()), number(took)]);
            Ok(())
        };
    let albums = "100 albums and their artists";
    let artists = "20 artists, their albums and tracks";
    measure(albums, "one by one (N+1)", &|| tour::titles_one_by_one(100, db).map(|rows| rows.len()))?;
    measure(albums, "select_related", &|| tour::titles_joined(100, db).map(|rows| rows.len()))?;
    measure(artists, "one by one (N+1)", &|| tour::tracks_one_by_one(20, db).map(|rows| rows.len()))?;
    measure(artists, "prefetch_related", &|| tour::tracks_prefetched(20, db).map(|rows| rows.len()))?;
    println!("{shown}");
    Ok(())
}

fn prices(db: &Db) -> Result<(), LoadError> {
    let before = tour::price_of_everything(db)?;
    let dearer = Decimal::new(10, 2);
    let changed = step("Rock gets dearer: an update with F", || tour::raise_prices("Rock", dearer, db))?;
    let after = tour::price_of_everything(db)?;
    println!("{changed} tracks cost {dearer} more; one of each cost {before}, now {after}");
    Ok(())
}

fn cascade(db: &Db) -> Result<(), LoadError> {
    let refused = step("Deleting AC/DC is refused", || tour::delete_artist("AC/DC", db));
    if let Err(error) = refused {
        println!("{error}");
    }
    let deleted = step("Deleting a customer cascades", || tour::delete_customer(1, db))?;
    let mut shown = table(["model", "rows deleted"]);
    for (model, rows) in &deleted.by_model {
        shown.add_row([Cell::new(model), number(rows)]);
    }
    println!("{shown}");
    Ok(())
}

fn fork(db: &Db) -> Result<(), LoadError> {
    let (here, there) = step("A fork, emptied and thrown away", || tour::empty_a_fork(db))?;
    println!("tracks in the shop: {here}, in the fork: {there}");
    Ok(())
}

fn plan(db: &Db) -> Result<(), LoadError> {
    let buyers = tour::buyers_of("AC/DC");
    let plan = step("How the first question is answered", || buyers.explain(db))?;
    println!("{plan}");
    Ok(())
}
