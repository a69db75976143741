//! Rows in the order of their parent, and keys of several parts: Django's answers.

use nuages::{error::Error, order::Places, prelude::*, signal::Saving};
use nuages_tests::{
    data, oracle,
    oracle::{Answer, raises},
};
use serde_json::json;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
pub(crate) struct Film {
    pub id: Auto<i64>,
    #[field(max_length = 30)]
    pub title: String,
    #[related(Chapter::film)]
    pub chapter_set: Related<Chapter>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", ordering = [_order], before_save = Self::take_place)]
pub(crate) struct Chapter {
    pub id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub film: ForeignKey<Film>,
    #[field(max_length = 10)]
    pub name: String,
    #[field(default = 0)]
    pub _order: i32,
}

impl Chapter {
    const PLACES: Places<Chapter, Film> = Places::of(Chapter::film, Chapter::_order);

    fn take_place(&mut self, saving: &Saving, ex: &dyn Executor) -> Result<()> {
        if saving.created {
            self._order = Self::PLACES.next_free(&self.film, ex)?;
        }
        Ok(())
    }
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", primary_key(tenant, number))]
pub(crate) struct EnrolmentKey {
    pub tenant: i32,
    pub number: i32,
    #[field(max_length = 10)]
    pub name: String,
}

fn db() -> Db {
    let app = App::new().models((Film::app(), Chapter::app(), EnrolmentKey::app()));
    data::loaded(app, &data::file("lab"))
}

fn names(rows: &[Chapter]) -> Vec<String> {
    rows.iter().map(|chapter| chapter.name.clone()).collect()
}

oracle! { "order", db;
    with_respect_to(db) {
        let mut film = Film::objects().get(Film::pk.eq(1), db)?;
        for name in ["a", "b", "c"] {
            film.chapter_set.create(new!(Chapter { film: _, name }), db)?;
        }
        let before = names(&film.chapter_set.all(db)?);
        let ids = Chapter::PLACES.order(&film, db)?;
        Chapter::PLACES.set_order(&film, [ids[2], ids[0], ids[1]], db)?;
        let rows = film.chapter_set.all(db)?.into_owned();
        json!({
            "before": before,
            "after": names(&rows),
            "next of first": Chapter::PLACES.next(&rows[0], db)?.name,
            "previous of first": raises(Chapter::PLACES.previous(&rows[0], db)),
        })
    }
}

oracle! { "multi", db;
    composite_pk(db) {
        let keys = EnrolmentKey::objects;
        let pk = tuple(EnrolmentKey::pk);
        let names = |found: Q<EnrolmentKey>| keys().filter(found).order_by(EnrolmentKey::pk).values_list(EnrolmentKey::name).all(db);
        json!([
            keys().get(pk.eq((1, 2)), db)?.name,
            names(pk.is_in([(1, 1), (2, 1)]))?,
            names(pk.gt((1, 1)))?,
            keys().order_by(pk.desc()).values_list(EnrolmentKey::pk).all(db)?.answer(),
            keys().get(EnrolmentKey::tenant.eq(2), db)?.pk().answer(),
        ])
    }
}

#[test]
fn tuples_are_compared_by_the_first_part_that_differs() -> Result<()> {
    let db = db();
    let pk = tuple(EnrolmentKey::pk);
    let count = |found: Q<EnrolmentKey>| EnrolmentKey::objects().filter(found).count(&db);
    assert_eq!((count(pk.gte((1, 2)))?, count(pk.lt((1, 2)))?, count(pk.lte((1, 2)))?), (2, 1, 2));
    assert_eq!(count(pk.ne((1, 2)))?, 2);
    assert_eq!(count(pk.range((1, 2), (2, 0)))?, 1);
    assert_eq!(count(pk.is_in(Vec::<(i32, i32)>::new()))?, 0);
    assert_eq!(count(tuple((EnrolmentKey::number, EnrolmentKey::name)).eq((1, "c")))?, 1);
    Ok(())
}

#[test]
fn a_new_row_is_the_last_and_the_others_of_a_list_stay() -> Result<()> {
    let db = db();
    let mut films: Vec<Film> = Film::objects().order_by(Film::pk).all(&db)?;
    for (film, name) in [(0, "a"), (1, "x"), (0, "b"), (1, "y")] {
        films[film].chapter_set.create(new!(Chapter { film: _, name }), &db)?;
    }
    let places =
        Chapter::objects().order_by(Chapter::pk).values_list((Chapter::name, Chapter::_order)).all(&db)?;
    let places: Vec<(&str, i32)> = places.iter().map(|(name, place)| (name.as_str(), *place)).collect();
    assert_eq!(places, [("a", 0), ("x", 0), ("b", 1), ("y", 1)]);
    let others = Chapter::PLACES.order(&films[1], &db)?;
    assert_eq!(Chapter::PLACES.set_order(&films[0], others, &db)?, 0);
    assert_eq!(Chapter::PLACES.set_order(&films[0], [], &db)?, 0);
    let last = Chapter::PLACES.rows(&films[0]).last(&db)?.map(|chapter| chapter.name);
    assert_eq!(last.as_deref(), Some("b"));
    Ok::<(), Error>(())
}
