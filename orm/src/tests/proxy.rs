use crate::executor::FetchMode;
use crate::prelude::*;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(ordering = [name])]
struct Place {
    id: Auto<i64>,
    name: String,
    city: String,
    #[field(default = 0)]
    seats: i64,
    #[field(on_delete = SetNull)]
    near: Option<ForeignKey<Place>>,
    #[related(Place::near)]
    around: Related<Place>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(proxy, ordering = [-name], objects = Self::open)]
struct OpenPlace(Place);

#[derive(Model, Clone, Debug, PartialEq)]
#[model(proxy)]
struct Spot(Place);

impl OpenPlace {
    fn open() -> QuerySet<Place> {
        Place::objects().exclude(Place::city.eq("Closed"))
    }
}

fn db() -> Db {
    let db = App::new().models(Place::app()).open_memory().unwrap();
    let mut near: Option<Place> = None;
    for (name, city, seats) in [("Park", "Rome", 1), ("Fair", "Closed", 5), ("Zoo", "Rome", 3)] {
        let place = new!(Place { name, city, seats, near: near.as_ref().map(ForeignKey::from) });
        near = Some(Place::objects().create(place, &db).unwrap());
    }
    db
}

#[test]
fn a_proxy_has_a_manager_and_an_order_of_its_own() {
    let db = db();
    let names = |places: Vec<OpenPlace>| places.iter().map(|place| place.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(OpenPlace::objects().all(&db).unwrap()), ["Zoo", "Park"]);
    assert_eq!(names(OpenPlace::all_objects().all(&db).unwrap()), ["Zoo", "Park", "Fair"]);
    assert_eq!(names(OpenPlace::objects().reverse().all(&db).unwrap()), ["Park", "Zoo"]);
    assert_eq!(OpenPlace::objects().first(&db).unwrap().unwrap().name, "Zoo");
    assert_eq!(Spot::objects().first(&db).unwrap().unwrap().name, "Fair");
    assert_eq!(Place::objects().first(&db).unwrap().unwrap().name, "Fair");
}

#[test]
fn its_order_leaves_groups_alone_as_the_models_does() {
    let db = db();
    let total = Place::seats.sum();
    let mut cities: Vec<(String, Option<i64>)> =
        OpenPlace::all_objects().values_list((Place::city,)).annotate(&total).all(&db).unwrap();
    cities.sort();
    assert_eq!(cities, [("Closed".into(), Some(5)), ("Rome".into(), Some(4))]);
}

#[test]
fn its_rows_are_rows_of_the_model() {
    let db = db();
    let created = OpenPlace::create(new!(Place { name: "Pool", city: "Rome" }), &db).unwrap();
    assert_eq!(*created, Place::objects().get(Place::name.eq("Pool"), &db).unwrap());
    let mut found = OpenPlace::objects().get(Place::id.eq(created.id), &db).unwrap();
    found.seats = 9;
    found.save(&db).unwrap();
    assert_eq!(Place::objects().filter(Place::seats.eq(9)).update(Place::seats.set(0), &db).unwrap(), 1);
    found.delete(&db).unwrap();
    assert_eq!(OpenPlace::objects().filter(Place::name.eq("Pool")).count(&db).unwrap(), 0);
    assert_eq!(Place::from(Spot::from(new!(Place { name: "x", city: "y" }))).name, "x");
}

#[test]
fn it_is_annotated_prefetched_and_joined_like_the_model() {
    let db = db();
    let doubled = Place::seats * 2;
    let rows = OpenPlace::objects().annotate(&doubled).prefetch_related(Place::around).all(&db).unwrap();
    let zoo: &Annotated<OpenPlace, (i64,)> = &rows[0];
    assert_eq!((zoo.name.as_str(), zoo.extra.0), ("Zoo", 6));
    assert_eq!(rows[1].around.loaded().map(|places| places[0].name.clone()), Some("Fair".into()));
    let watch = db.capture();
    for place in OpenPlace::objects().select_related(Place::near).all(&db).unwrap() {
        place.near.get(&db).unwrap();
    }
    assert_eq!(watch.len(), 1);
    for place in OpenPlace::all_objects().fetch_mode(FetchMode::Peers).all(&db).unwrap() {
        place.near.get(&db).unwrap();
    }
    assert_eq!(watch.len(), 3);
    let read = OpenPlace::objects().on(&db);
    assert_eq!(read.iter().unwrap().map(|place| place.seats).sum::<i64>(), 4);
}
