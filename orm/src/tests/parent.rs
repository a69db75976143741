use std::sync::{Arc, Mutex};

use crate::delete::DeleteOptions;
use crate::error::{Error, Misuse};
use crate::executor::FetchMode;
use crate::prelude::*;
use crate::signal::Deleting;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(before_save = Self::tidy)]
struct Place {
    id: Auto<i64>,
    #[field(max_length = 20, unique)]
    name: String,
    #[field(default = "Rome")]
    city: String,
    #[field(auto_now)]
    changed_at: DateTime,
    #[related(Restaurant::place)]
    restaurant: RelatedOne<Restaurant>,
    #[related(Visit::place)]
    visits: Related<Visit>,
}

impl Place {
    fn tidy(&mut self) {
        self.name = self.name.trim().to_owned();
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(ordering = [-stars])]
struct Restaurant {
    #[model(parent)]
    place: Parent<Place>,
    #[field(default = 0)]
    stars: i32,
    #[related(Pizzeria::restaurant)]
    pizzeria: RelatedOne<Pizzeria>,
}

#[derive(Model, Clone, Debug, PartialEq)]
struct Pizzeria {
    #[model(parent)]
    restaurant: Parent<Restaurant>,
    #[field(default = "wood", max_length = 5)]
    oven: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
struct Visit {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    place: ForeignKey<Place>,
    #[field(on_delete = Cascade)]
    dinner: Option<ForeignKey<Restaurant>>,
}

fn app() -> App {
    App::new().models((Place::app(), Restaurant::app(), Pizzeria::app(), Visit::app()))
}

fn restaurant(name: &str, stars: i32) -> Restaurant {
    new!(Restaurant { place: new!(Place { name }), stars })
}

fn pizzeria(name: &str, stars: i32) -> Pizzeria {
    new!(Pizzeria { restaurant: restaurant(name, stars) })
}

/// A place, a restaurant and a pizzeria.
fn db() -> Db {
    let db = app().open_memory().unwrap();
    Place::objects().create(new!(Place { name: "Park" }), &db).unwrap();
    Restaurant::objects().create(restaurant(" Bar ", 2), &db).unwrap();
    Pizzeria::objects().create(pizzeria("Forno", 1), &db).unwrap();
    db
}

#[test]
fn a_row_and_the_rows_it_extends_are_read_by_one_query() {
    let db = db();
    let watch = db.capture();
    let restaurants = Restaurant::objects().all(&db).unwrap();
    let names: Vec<_> =
        restaurants.iter().map(|row| (row.name.as_str(), row.city.as_str(), row.stars)).collect();
    assert_eq!(names, [("Bar", "Rome", 2), ("Forno", "Rome", 1)]);
    let forno = Pizzeria::objects().get(Pizzeria::pk.eq(3), &db).unwrap();
    assert_eq!(
        (forno.oven.as_str(), forno.stars, forno.name.as_str(), forno.pk()),
        ("wood", 1, "Forno", Some(3))
    );
    let found = Restaurant::objects().get(Restaurant::pk.eq(2), &db.clone()).unwrap();
    assert_eq!((found.name.as_str(), watch.len()), ("Bar", 3));
    let mut again = forno.clone();
    again.name = "Changed".into();
    again.refresh(&db).unwrap();
    assert_eq!((again.name.as_str(), forno.name.as_str()), ("Forno", "Forno"));
    let doubled = Restaurant::stars.sum();
    let row = Restaurant::objects().annotate(&doubled).first(&db).unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.extra.0), ("Bar", Some(2)));
}

#[test]
fn columns_of_what_is_extended_are_asked_like_own_ones() {
    let db = db();
    let names = |rows: QuerySet<Restaurant>| -> Vec<String> {
        rows.all(&db).unwrap().iter().map(|row| row.name.clone()).collect()
    };
    let all = Restaurant::objects;
    assert_eq!(names(all().filter(Restaurant::place.name.eq("Bar"))), ["Bar"]);
    assert_eq!(names(all().filter(q!(Restaurant, place__name__startswith = "F", stars = 1))), ["Forno"]);
    assert_eq!(names(all().filter(Restaurant::cols().city.eq("Rome"))), ["Bar", "Forno"]);
    assert_eq!(names(all().filter(Q::parse("name__icontains", "BA").unwrap())), ["Bar"]);
    assert_eq!(names(all().order_by(Restaurant::place.name.desc())), ["Forno", "Bar"]);
    assert_eq!(
        Pizzeria::objects()
            .filter(q!(Pizzeria, restaurant__city = "Rome", restaurant__stars__gt = 0))
            .count(&db)
            .unwrap(),
        1
    );
    assert_eq!(Pizzeria::objects().filter(Q::parse("city", "Rome").unwrap()).count(&db).unwrap(), 1);
    assert!(matches!(Q::<Restaurant>::parse("nome", "x"), Err(Error::UnknownName(_))));
    let pairs: Vec<(String, i32)> =
        Restaurant::objects().values_list((Restaurant::place.name, Restaurant::stars)).all(&db).unwrap();
    assert_eq!(pairs, [("Bar".into(), 2), ("Forno".into(), 1)]);
    assert_eq!(Restaurant::objects().filter(Restaurant::place.id.gt(2)).count(&db).unwrap(), 1);
}

#[test]
fn the_other_way_leads_to_the_row_that_extends() {
    let db = db();
    let bar = Place::objects().get(Place::restaurant.stars.eq(2), &db).unwrap();
    assert_eq!(bar.restaurant.get(&db).unwrap().unwrap().name, "Bar");
    let park = Place::objects().get(Place::name.eq("Park"), &db).unwrap();
    assert!(park.restaurant.get(&db).unwrap().is_none());
    assert_eq!(Place::objects().filter(Place::restaurant.is_null(true)).count(&db).unwrap(), 1);
    let watch = db.capture();
    for place in Place::objects().select_related(Place::restaurant.pizzeria).all(&db).unwrap() {
        if let Some(restaurant) = place.restaurant.get(&db).unwrap() {
            assert_eq!(restaurant.name, place.name);
            if let Some(pizzeria) = restaurant.pizzeria.get(&db).unwrap() {
                assert_eq!(pizzeria.city, place.city);
            }
        }
    }
    assert_eq!(watch.len(), 1);
    for place in Place::objects().prefetch_related(Place::restaurant).all(&db).unwrap() {
        place.restaurant.get(&db).unwrap().map(|restaurant| restaurant.name.clone());
    }
    assert_eq!(watch.len(), 3);
}

#[test]
fn keys_lead_to_whole_rows() {
    let db = db();
    let bar = Restaurant::objects().get(Restaurant::stars.eq(2), &db).unwrap();
    Visit::objects().create(new!(Visit { place: &*bar, dinner: &bar }), &db).unwrap();
    let visit = Visit::objects().first(&db).unwrap().unwrap();
    assert_eq!(visit.dinner.get(&db).unwrap().unwrap().name, "Bar");
    let watch = db.capture();
    let visit = Visit::objects().select_related(Visit::dinner).first(&db).unwrap().unwrap();
    assert_eq!(visit.dinner.get(&db).unwrap().unwrap().name, "Bar");
    let visit = Visit::objects().prefetch_related(Visit::dinner).first(&db).unwrap().unwrap();
    assert_eq!(visit.dinner.get(&db).unwrap().unwrap().name, "Bar");
    assert_eq!(watch.len(), 3);
    for visit in Visit::objects().fetch_mode(FetchMode::Peers).all(&db).unwrap() {
        assert_eq!(visit.dinner.get(&db).unwrap().unwrap().city, "Rome");
    }
    assert_eq!(bar.visits.count(&db).unwrap(), 1);
    assert_eq!(Visit::objects().filter(Visit::dinner.place.name.eq("Bar")).count(&db).unwrap(), 1);
}

#[test]
fn saving_stores_every_level_or_none() {
    let db = db();
    let mut forno = Pizzeria::objects().get(Pizzeria::pk.eq(3), &db).unwrap();
    let before = forno.changed_at;
    forno.city = "Naples".into();
    forno.stars = 3;
    forno.oven = "gas".into();
    forno.name = " Forno 2 ".into();
    forno.save(&db).unwrap();
    let stored = Pizzeria::objects().get(Pizzeria::oven.eq("gas"), &db).unwrap();
    assert_eq!((stored.city.as_str(), stored.stars, stored.name.as_str()), ("Naples", 3, "Forno 2"));
    assert!(stored.changed_at > before);
    assert_eq!((Place::objects().count(&db).unwrap(), Pizzeria::objects().count(&db).unwrap()), (3, 1));

    // The last level fails, so the others are not there either.
    let mut electric = new!(Pizzeria { restaurant: restaurant("Volta", 1), oven: "electric" });
    assert!(electric.save(&db).is_err());
    assert_eq!((Place::objects().count(&db).unwrap(), Restaurant::objects().count(&db).unwrap()), (3, 2));
    electric.oven = "coal".into();
    electric.save(&db).unwrap();
    assert_eq!(Pizzeria::objects().filter(Pizzeria::restaurant.name.eq("Volta")).count(&db).unwrap(), 1);
    electric.delete(&db).unwrap();

    let place = Place::objects().create(new!(Place { name: "Old" }), &db).unwrap();
    let mut grown = new!(Restaurant { place: &place, stars: 1 });
    grown.save(&db).unwrap();
    assert_eq!((grown.pk(), Place::objects().count(&db).unwrap()), (place.pk(), 4));
    let again = new!(Restaurant { place: &place, stars: 2 }).insert(&db);
    assert!(matches!(again, Err(Error::Integrity { .. })));
    grown.stars = 9;
    grown.save_fields((Restaurant::stars,), &db).unwrap();
    grown.save_set(Restaurant::stars.set(Restaurant::stars + 1), &db).unwrap();
    grown.city = "Turin".into();
    grown.place.save_fields((Place::city,), &db).unwrap();
    grown.refresh(&db).unwrap();
    assert_eq!((grown.stars, grown.city.as_str()), (10, "Turin"));
}

#[test]
fn deleting_deletes_every_level() {
    let labels = |deleted: &crate::Deleted| -> Vec<(String, u64)> {
        deleted
            .by_model
            .iter()
            .map(|(label, count)| (label.to_string().trim_start_matches("nuages.").to_owned(), count))
            .collect()
    };
    let db = db();
    let mut bar = Restaurant::objects().get(Restaurant::stars.eq(2), &db).unwrap();
    Visit::objects().create(new!(Visit { place: &*bar, dinner: &bar }), &db).unwrap();
    let deleted = bar.delete(&db).unwrap();
    assert_eq!(labels(&deleted), [("Visit".into(), 1), ("Restaurant".into(), 1), ("Place".into(), 1)]);
    assert_eq!((bar.pk(), bar.id.get().is_none()), (None, true));
    bar.save(&db).unwrap();
    assert_eq!(
        Restaurant::objects().filter(q!(Restaurant, place__name = "Bar", stars = 2)).count(&db).unwrap(),
        1
    );

    let deleted = Place::objects().filter(Place::name.eq("Forno")).delete(&db).unwrap();
    assert_eq!(labels(&deleted), [("Pizzeria".into(), 1), ("Restaurant".into(), 1), ("Place".into(), 1)]);
    let deleted = Restaurant::objects().delete(&db).unwrap();
    assert_eq!(labels(&deleted), [("Restaurant".into(), 1), ("Place".into(), 1)]);

    let told = Arc::new(Mutex::new(Vec::new()));
    let (places, pizzerias) = (told.clone(), told.clone());
    let db = app()
        .post_delete(move |place: &mut Place, _: &Deleting, _| {
            places.lock().unwrap().push(place.name.clone());
            Ok(())
        })
        .post_delete(move |pizzeria: &mut Pizzeria, _: &Deleting, _| {
            pizzerias.lock().unwrap().push(pizzeria.oven.clone());
            Ok(())
        })
        .open_memory()
        .unwrap();
    let mut forno = Pizzeria::objects().create(pizzeria("Forno", 1), &db).unwrap();
    forno.delete(&db).unwrap();
    assert_eq!(*told.lock().unwrap(), ["wood", "Forno"]);
    let mut forno = Pizzeria::objects().create(pizzeria("Forno", 1), &db).unwrap();
    let kept = forno.delete_with(DeleteOptions { keep_parents: true }, &db).unwrap();
    assert_eq!(labels(&kept), [("Pizzeria".into(), 1)]);
    assert_eq!(Restaurant::objects().get(Restaurant::pk.eq(forno.pk().unwrap()), &db).unwrap().name, "Forno");
}

#[test]
fn rows_with_fields_left_out_and_forms_get_what_they_extend() {
    let db = db();
    let row = Restaurant::objects().only((Restaurant::stars,)).get(Restaurant::stars.eq(2), &db).unwrap();
    let place = row.loaded(Restaurant::place).unwrap();
    assert_eq!((place.key(), place.get(&db).unwrap().name.as_str()), (Some(&2), "Bar"));
    assert_eq!(row.whole(&db).unwrap().name, "Bar");
    let found = Restaurant::clean_from([("place", "1"), ("stars", "3")], &db).unwrap();
    assert_eq!((found.name.as_str(), found.stars), ("Park", 3));
    assert!(matches!(
        Restaurant::clean_from([("place", "9")], &db),
        Err(Error::DoesNotExist { model: "Place" })
    ));
    assert!(matches!(Restaurant::clean_from([("stars", "3")], &db), Err(Error::Validation(_))));
    assert!(restaurant("fine", 1).full_clean(&db).is_ok());
    let Err(Error::Validation(errors)) = pizzeria("a name of more than twenty letters", 1).full_clean(&db)
    else {
        unreachable!("the name is too long")
    };
    assert_eq!(errors.field("name")[0].code, "max_length");
    let Err(Error::Validation(errors)) = restaurant("Park", 1).full_clean(&db) else {
        unreachable!("there is such a place")
    };
    assert_eq!(errors.field("name")[0].code, "unique");
}

#[test]
fn what_needs_rows_of_one_table_is_a_misuse() {
    let db = db();
    let bulk = Restaurant::objects().bulk_create([restaurant("x", 1)], &db);
    assert!(matches!(bulk, Err(Error::Misuse(Misuse::Other(_)))));
    let mut bar = Restaurant::objects().get(Restaurant::stars.eq(2), &db).unwrap();
    let moved = bar.save_set(Restaurant::place.set(1), &db);
    assert!(matches!(moved, Err(Error::Misuse(Misuse::Other(_)))));
    let union = Restaurant::objects().union(Restaurant::objects()).all(&db);
    assert!(matches!(union, Err(Error::Misuse(Misuse::Other(_)))));
    let stars = || Restaurant::objects().values_list(Restaurant::stars);
    assert_eq!(stars().union(stars()).all(&db).unwrap().len(), 2);
}

#[test]
fn an_update_of_what_a_row_extends_is_not_taken_for_one_of_its_own_field() {
    let db = app().open_memory().unwrap();
    pizzeria("Nino", 1).save(&db).unwrap();
    // Both fields are the first texts of their models, and both updates are asked in one form.
    for round in ["a", "b", "c"] {
        Pizzeria::objects().update(Pizzeria::oven.set(round), &db).unwrap();
        Pizzeria::objects()
            .update(Pizzeria::restaurant.place.name.set(["Da ", round].concat()), &db)
            .unwrap();
        let texts =
            Pizzeria::objects().values_list((Pizzeria::oven, Pizzeria::restaurant.place.name)).all(&db);
        let texts: Vec<(String, String)> = texts.unwrap();
        assert_eq!(texts, [(round.to_owned(), ["Da ", round].concat())]);
    }
}
