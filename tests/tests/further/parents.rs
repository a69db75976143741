//! Models that extend others: what is written into what they extend, and their rows among others'.

use nuages::prelude::*;
use nuages_tests::{
    lab::{self, Pizzeria, Place, Restaurant},
    oracle,
    oracle::{Answer, raises},
};
use serde_json::{Value as Json, json};

/// The sample's tables, and those of the places.
fn places() -> Db {
    let models = (Place::app(), Restaurant::app(), Pizzeria::app());
    lab::app().models(models).open_memory().expect("the models fit")
}

fn restaurant(name: &'static str, city: &'static str, stars: i32) -> Restaurant {
    new!(Restaurant { place: new!(Place { name, city }), stars: Some(stars) })
}

fn filled(places: [&'static str; 3], db: &Db) -> Result<()> {
    let [of_r, of_p, plain] = places;
    Restaurant::objects().create(restaurant("R", of_r, 3), db)?;
    Pizzeria::objects().create(new!(Pizzeria { restaurant: restaurant("P", of_p, 1) }), db)?;
    Place::objects().create(new!(Place { name: "plain", city: plain }), db)?;
    Ok(())
}

oracle! { "parents", places;
    updating(db) {
        filled(["X", "X", "X"], db)?;
        let mut out: Vec<Json> = Vec::new();
        let mut found = |changed: u64| -> Result<()> {
            let places = Place::objects().order_by(Place::name).values_list((Place::name, Place::city)).all(db)?;
            let name = Restaurant::place.name;
            let stars = Restaurant::objects().order_by(name).values_list((name, Restaurant::stars)).all(db)?;
            out.extend([json!(changed), json!(places), json!(stars)]);
            Ok(())
        };
        let (name, city) = (Restaurant::place.name, Restaurant::place.city);
        let all = Restaurant::objects;
        found(all().filter(Restaurant::stars.gte(3)).update(name.set("R2"), db)?)?;
        found(all().filter(city.eq("X")).update((city.set("Y"), Restaurant::stars.set(Some(5))), db)?)?;
        let of_city = Pizzeria::restaurant.place.city.upper();
        let wood = Pizzeria::objects().filter(Pizzeria::oven.eq("wood"));
        found(wood.update((Pizzeria::restaurant.place.name.set(of_city), Pizzeria::oven.set("gas")), db)?)?;
        let stars = Pizzeria::restaurant.stars;
        found(Pizzeria::objects().update((stars.set(stars + 1), Pizzeria::restaurant.place.city.set("Z")), db)?)?;
        let both = (name.set("x"), Restaurant::stars.set(Some(1)));
        out.extend([
            json!(all().filter(name.eq("none")).update(name.set("x"), db)?),
            json!(all().none().update(both, db)?),
            raises(all().update(name.set(Restaurant::stars.cast::<String>()), db))["raises"].clone(),
            raises(all().order_by(Restaurant::pk).slice(..1).update(name.set("x"), db))["raises"].clone(),
        ]);
        out
    }
    is_in_and_counts(db) {
        filled(["X", "Y", "X"], db)?;
        let places = |rows: QuerySet<Place>| rows.order_by(Place::name).values_list(Place::name).all(db);
        let name = Restaurant::place.name;
        let restaurants = |rows: QuerySet<Restaurant>| rows.order_by(name).values_list(name).all(db);
        let all = Restaurant::objects;
        let (n, s) = (Restaurant::pk.count().named("n"), Restaurant::stars.sum().named("s"));
        json!([
            places(Place::objects().filter(Place::pk.is_in(all().filter(Restaurant::stars.eq(3)))))?,
            places(Place::objects().exclude(Place::pk.is_in(all())))?,
            places(Place::objects().filter(Place::restaurant.is_in(all().filter(Restaurant::stars.lt(3)))))?,
            restaurants(all().filter(Restaurant::place_id.is_in(Place::objects().filter(Place::city.eq("X")))))?,
            restaurants(all().exclude(Restaurant::place_id.is_in(Pizzeria::objects())))?,
            all().values(Restaurant::place.city.named("city")).annotate(&n).annotate(&s).order_by(Restaurant::place.city).all(db)?.answer(),
        ])
    }
}

/// The same in words, where the fields of what is extended have no path.
#[test]
fn records_write_what_they_extend() -> Result<()> {
    let db = places();
    filled(["X", "Y", "X"], &db)?;
    let rows = db.objects("lab.Pizzeria")?.filter(("oven", "wood"))?;
    assert_eq!(rows.update([("name", "New"), ("oven", "gas")], &db)?, 1);
    let pizzeria = Pizzeria::objects().one(&db)?;
    assert_eq!((pizzeria.name.as_str(), pizzeria.oven.as_str()), ("New", "gas"));
    let unknown = db.objects("lab.Pizzeria")?.update([("nmae", "x")], &db);
    assert!(unknown.is_err_and(|error| error.to_string().contains("nmae")));
    Ok(())
}

/// What one table refuses is not written into the other.
#[test]
fn all_tables_are_written_or_none() -> Result<()> {
    let db = places();
    filled(["X", "Y", "X"], &db)?;
    let both = (Restaurant::place.name.set("x"), Restaurant::stars.set(None));
    assert!(matches!(Restaurant::objects().update(both, &db), Err(Error::Integrity { .. })));
    let refused = (Restaurant::stars.set(Some(9)), Restaurant::place.name.set("x".repeat(31)));
    assert!(Restaurant::objects().update(refused, &db).is_err());
    assert_eq!(Place::objects().filter(Place::name.starts_with("x")).count(&db)?, 0);
    assert_eq!(Restaurant::objects().filter(Restaurant::stars.eq(Some(9))).count(&db)?, 0);
    Ok(())
}
