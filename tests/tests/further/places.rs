//! Rows that are ordered within their parent, by `order_with_respect_to`.

use nuages::prelude::*;
use nuages_tests::{
    oracle,
    oracle::{Answer, raises},
};
use serde_json::json;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Film {
    id: Auto<i64>,
    #[field(max_length = 30)]
    title: String,
    #[related(Chapter::film)]
    chapter_set: Related<Chapter>,
    #[related(Chapter::sequel)]
    before: Related<Chapter>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", order_with_respect_to = film)]
struct Chapter {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    film: ForeignKey<Film>,
    #[field(on_delete = SetNull)]
    sequel: Option<ForeignKey<Film>>,
    #[field(max_length = 10)]
    name: String,
    #[field(default = 0, editable = false)]
    _order: i32,
}

fn db() -> Db {
    let db = App::new().models((Film::app(), Chapter::app())).open_memory().expect("the models make sense");
    let titles = ["Metropolis", "Nosferatu"].map(|title| new!(Film { title }));
    Film::objects().bulk_create(titles, &db).expect("two films");
    db
}

fn film(key: i64, db: &Db) -> Result<Film> {
    Film::objects().get(Film::pk.eq(key), db)
}

fn names(film: &Film, db: &Db) -> Result<Vec<String>> {
    film.chapter_set.objects()?.values_list(Chapter::name).all(db)
}

oracle! { "order", db;
    places_more(db) {
        let (mut f, g) = (film(1, db)?, film(2, db)?);
        for (name, film) in [("a", &f), ("x", &g), ("b", &f), ("c", &f)] {
            Chapter::objects().create(new!(Chapter { film, name }), db)?;
        }
        let named = |name: &str| Chapter::objects().get(Chapter::name.eq(name), db);
        let a = names(&f, db)?;
        let mut keys = f.chapter_set.order(db)?;
        keys.reverse();
        f.chapter_set.set_order(keys, db)?;
        let b = names(&f, db)?;
        named("b")?.delete(db)?;
        Chapter::objects().create(new!(Chapter { film: &f, name: "d" }), db)?;
        json!([
            a,
            b,
            Chapter::objects().order_by((Chapter::film_id, Chapter::_order)).values_list((Chapter::name, Chapter::_order)).all(db)?.answer(),
            named("c")?.next_in_order(db)?.name,
            raises(named("d")?.next_in_order(db)),
            f.chapter_set.objects()?.reverse().values_list(Chapter::name).all(db)?,
        ])
    }
}

#[test]
fn rows_created_together_follow_each_other_within_each_parent() -> Result<()> {
    let db = db();
    let (f, g) = (film(1, &db)?, film(2, &db)?);
    Chapter::objects().create(new!(Chapter { film: &f, name: "a" }), &db)?;
    let more = [("b", &f), ("x", &g), ("c", &f), ("y", &g)].map(|(name, film)| new!(Chapter { film, name }));
    Chapter::objects().bulk_create(more, &db)?;
    assert_eq!(
        (names(&f, &db)?, names(&g, &db)?),
        (vec!["a".into(), "b".into(), "c".into()], vec!["x".into(), "y".into()])
    );
    let places = Chapter::objects().order_by(Chapter::name).values_list(Chapter::_order).all(&db)?;
    assert_eq!(places, [0, 1, 2, 0, 1]);
    let mut first = Chapter::objects().get(Chapter::name.eq("a"), &db)?;
    first.name = "A".into();
    first.save(&db)?;
    assert_eq!(first._order, 0, "a row that is there keeps its place");
    let made = db.objects("lab.Chapter")?.create([("film", "1"), ("name", "z")], &db)?;
    assert_eq!(made.get("_order")?, &3.into());
    Ok(())
}

#[test]
fn a_relation_that_does_not_place_rows_has_no_order_to_set() -> Result<()> {
    let db = db();
    let mut f = film(1, &db)?;
    assert!(matches!(f.before.order(&db), Err(Error::Misuse(_))));
    assert!(matches!(f.before.set_order([1], &db), Err(Error::Misuse(_))));
    assert!(matches!(new!(Film { title: "new" }).chapter_set.order(&db), Err(Error::Unsaved { .. })));
    Ok(())
}
