//! Models that extend others: Django's answers.

use nuages::{delete::DeleteOptions, error::Error, prelude::*};
use nuages_tests::{
    lab::{self, Pizzeria, Place, Restaurant},
    oracle,
    oracle::Answer,
};
use serde_json::json;

/// Two places, as where Django was asked.
fn db() -> Db {
    let models = (Place::app(), Restaurant::app(), Pizzeria::app());
    let db = lab::app().models(models).open_memory().expect("the models fit");
    for name in ["A", "B"] {
        Place::objects().create(new!(Place { name, city: "X" }), &db).expect("a place has no duty");
    }
    db
}

fn restaurant() -> Restaurant {
    new!(Restaurant { place: new!(Place { name: "R", city: "X" }) })
}

#[test]
fn keep_parents() -> Result<()> {
    let db = db();
    let mut created = Restaurant::objects().create(restaurant(), &db)?;
    let deleted = created.delete_with(DeleteOptions { keep_parents: true }, &db)?;
    let is_there = Place::objects().filter(Place::name.eq("R")).exists(&db)?;
    oracle::check("delete.keep_parents", &json!([[deleted.total, deleted.by_model.answer()], is_there]));
    Ok(())
}

#[test]
fn save_is_atomic_for_parents() -> Result<()> {
    let db = db();
    let mut unrated = restaurant();
    unrated.stars = None;
    let mut found = Vec::new();
    if let Err(Error::Integrity { .. }) = unrated.save(&db) {
        found.push(json!("IntegrityError"));
    }
    found.push(json!(Place::objects().filter(Place::name.eq("R")).exists(&db)?));
    oracle::check("atomic.save_is_atomic_for_parents", &json!(found));
    Ok(())
}

#[test]
fn select_subclass_is_not_automatic() -> Result<()> {
    let db = db();
    Restaurant::objects().create(restaurant(), &db)?;
    let watch = db.capture();
    let places: Vec<Place> = Place::objects().order_by(Place::pk).all(&db)?;
    let place = Place::objects().select_related(Place::restaurant).get(Place::name.eq("R"), &db)?;
    assert_eq!(place.restaurant.get(&db)?.map(|restaurant| restaurant.city.as_str()), Some("X"));
    let kinds: Vec<_> = places.iter().map(|_| Place::NAME).collect();
    oracle::check("model.select_subclass_is_not_automatic", &json!([kinds, watch.len()]));
    Ok(())
}
