//! The tour of the Chinook shop gives the right answers: Django's recorded ones, and those that plain Rust finds in
//! the CSV files.

#![expect(unreachable_pub, reason = "the modules are the example's, which uses all of them")]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use nuages::Error;
use nuages::executor::StatementKind;
use nuages::prelude::*;
use nuages_tests::oracle;
use serde_json::json;

#[path = "../../orm/examples/chinook/load.rs"]
mod load;
use nuages_tests::chinook as models;
#[path = "../../orm/examples/chinook/tour.rs"]
mod tour;

use models::*;

fn shop() -> Db {
    let db = models::app().open_memory().expect("the models are well formed");
    let counts = load::load(&db, &|_| ()).expect("the files hold the shop");
    assert_eq!(counts.iter().map(|(_, rows)| *rows as u64).sum::<u64>(), load::ROWS);
    db
}

/// The rows of a file, by column name.
fn csv(table: &str) -> Vec<HashMap<String, String>> {
    let path = format!("{}/../orm/examples/chinook/data/{table}.csv", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::Reader::from_path(path).expect("the file is there");
    reader.deserialize().collect::<Result<_, _>>().expect("the file is a CSV")
}

/// Key to value of two columns.
fn map(table: &str, key: &str, value: &str) -> HashMap<String, String> {
    csv(table).into_iter().map(|row| (row[key].clone(), row[value].clone())).collect()
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a number")
}

/// The artist of each track.
fn artist_of_track() -> HashMap<String, String> {
    let (artist, album) = (map("artist", "id", "name"), map("album", "id", "artist_id"));
    let named = |album_id: &String| artist[&album[album_id]].clone();
    map("track", "id", "album_id").into_iter().map(|(track, album_id)| (track, named(&album_id))).collect()
}

#[test]
fn a_filter_across_five_relations_finds_the_buyers() {
    let db = shop();
    let buyers = tour::buyers_of("AC/DC").all(&db).unwrap();
    let keys: Vec<i64> = buyers.iter().map(|customer| customer.pk().unwrap()).collect();
    oracle::check("lookup.deep_path", &json!(keys));

    let (artist, customer) = (artist_of_track(), map("invoice", "id", "customer_id"));
    let found: BTreeSet<i64> = csv("invoice_line")
        .iter()
        .filter(|line| artist[&line["track_id"]] == "AC/DC")
        .map(|line| number(&customer[&line["invoice_id"]]))
        .collect();
    assert_eq!(keys, found.into_iter().collect::<Vec<_>>());
}

#[test]
fn the_best_sellers_are_those_of_the_invoice_lines() {
    let artist = artist_of_track();
    let mut sold: BTreeMap<String, (i64, Decimal)> = BTreeMap::new();
    for line in csv("invoice_line") {
        let (quantity, price): (i64, Decimal) = (number(&line["quantity"]), number(&line["unit_price"]));
        let entry = sold.entry(artist[&line["track_id"]].clone()).or_default();
        entry.0 += quantity;
        entry.1 += price * Decimal::from(quantity);
    }
    let mut expected: Vec<tour::BestSeller> =
        sold.into_iter().map(|(name, (sold, revenue))| tour::BestSeller { name, sold, revenue }).collect();
    expected.sort_by(|a, b| b.revenue.cmp(&a.revenue).then_with(|| a.name.cmp(&b.name)));
    expected.truncate(30);
    assert_eq!(tour::best_sellers(30, &shop()).unwrap(), expected);
}

#[test]
fn a_join_and_a_prefetch_find_the_same_in_fewer_queries() {
    let db = shop();
    let queries = db.capture();
    let one_by_one = tour::titles_one_by_one(100, &db).unwrap();
    assert_eq!(queries.len(), 101);
    drop(queries);
    let queries = db.capture();
    assert_eq!(tour::titles_joined(100, &db).unwrap(), one_by_one);
    assert_eq!(queries.kinds(), [StatementKind::Select]);
    drop(queries);
    let artist = map("artist", "id", "name");
    let expected: Vec<(String, Option<String>)> = csv("album")
        .iter()
        .take(100)
        .map(|album| (album["title"].clone(), Some(artist[&album["artist_id"]].clone())))
        .collect();
    assert_eq!(one_by_one, expected);

    let one_by_one = tour::tracks_one_by_one(5, &db).unwrap();
    let queries = db.capture();
    let prefetched = tour::tracks_prefetched(5, &db).unwrap();
    oracle::check("prefetch.nested", &json!({ "rows": prefetched, "queries": queries.len() }));
    assert_eq!(prefetched, one_by_one);
}

#[test]
fn an_update_with_f_raises_the_prices_of_one_genre() {
    let db = shop();
    let prices =
        |table: &str| csv(table).iter().map(|row| number::<Decimal>(&row["unit_price"])).sum::<Decimal>();
    let before = prices("track");
    assert_eq!(tour::price_of_everything(&db).unwrap(), before);
    let genre = map("genre", "id", "name");
    let rock = csv("track")
        .iter()
        .filter(|track| genre.get(&track["genre_id"]).is_some_and(|g| g == "Rock"))
        .count();
    let dearer = Decimal::new(10, 2);
    assert_eq!(tour::raise_prices("Rock", dearer, &db).unwrap(), rock as u64);
    assert_eq!(tour::price_of_everything(&db).unwrap(), before + dearer * Decimal::from(rock));
}

#[test]
fn an_artist_whose_tracks_were_sold_is_protected_and_nothing_is_deleted() {
    let db = shop();
    let refused = tour::delete_artist("AC/DC", &db);
    assert!(matches!(refused, Err(Error::Protected { .. })), "{refused:?}");
    assert_eq!(Artist::objects().count(&db).unwrap(), csv("artist").len() as u64);
    assert_eq!(Track::objects().count(&db).unwrap(), csv("track").len() as u64);
}

#[test]
fn a_customer_goes_with_invoices_and_lines() {
    let db = shop();
    let invoices: BTreeSet<String> = csv("invoice")
        .iter()
        .filter(|invoice| invoice["customer_id"] == "1")
        .map(|invoice| invoice["id"].clone())
        .collect();
    let lines =
        csv("invoice_line").iter().filter(|line| invoices.contains(&line["invoice_id"])).count() as u64;
    let deleted = tour::delete_customer(1, &db).unwrap();
    let expected =
        [("chinook.InvoiceLine", lines), ("chinook.Invoice", invoices.len() as u64), ("chinook.Customer", 1)];
    let found: BTreeMap<String, u64> =
        deleted.by_model.iter().map(|(model, rows)| (model.to_string(), rows)).collect();
    assert_eq!(found, expected.map(|(model, rows)| (model.to_owned(), rows)).into());
    assert_eq!(deleted.total, lines + invoices.len() as u64 + 1);
    assert_eq!(InvoiceLine::objects().count(&db).unwrap(), csv("invoice_line").len() as u64 - lines);
}

#[test]
fn a_fork_is_emptied_and_the_shop_is_not() {
    let db = shop();
    // Tracks without an album have no artist to go with.
    let stays = csv("track").iter().filter(|track| track["album_id"] == "\\N").count() as u64;
    assert_eq!(tour::empty_a_fork(&db).unwrap(), (csv("track").len() as u64, stays));
}
