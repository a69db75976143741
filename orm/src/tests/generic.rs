//! Generic relations: keys of rows of any model, and their other sides.

use std::sync::atomic::{AtomicUsize, Ordering as Memory};

use nuages_storage::Value;

use crate::{
    delete::Deleted,
    error::Misuse,
    executor::{Budget, FetchMode},
    prelude::*,
    relation::SetOptions,
};

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab", ordering = [id])]
struct Sticker {
    id: Auto<i64>,
    #[field(max_length = 20)]
    word: String,
    #[model(generic)]
    target: GenericForeignKey,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Film {
    id: Auto<i64>,
    title: String,
    #[related(Chapter::film)]
    chapters: Related<Chapter>,
    #[related(Sticker::target)]
    labels: Related<Sticker>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Chapter {
    id: Auto<i64>,
    name: String,
    #[field(on_delete = Cascade)]
    film: ForeignKey<Film>,
    #[related(Sticker::target)]
    labels: Related<Sticker>,
}

/// It declares no other side.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct User {
    id: Auto<i64>,
    name: String,
}

/// Two generic keys, one of which may be NULL, of rows whose keys are UUIDs.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Move {
    id: Auto<i64>,
    #[model(generic(source_kind, source_row))]
    source: Option<GenericForeignKey<Uuid>>,
    #[model(generic(goal_kind, goal_row))]
    goal: GenericForeignKey<Uuid>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(app = "lab")]
struct Shelf {
    #[field(primary_key)]
    id: Uuid,
    #[related(Move::goal)]
    arrivals: Related<Move>,
    #[related(Move::source)]
    last: RelatedOne<Move>,
}

fn app() -> App {
    let models = (Sticker::app(), Film::app(), Chapter::app(), User::app(), Move::app(), Shelf::app());
    App::new().models(models)
}

fn sticker(word: &str, target: impl crate::draft::IntoField<GenericForeignKey>, db: &Db) -> Sticker {
    Sticker::objects().create(new!(Sticker { word, target }), db).unwrap()
}

/// Films 1 and 2, chapter 1 of film 1, user 1: all four have a sticker "a", and film 1 one more.
fn db() -> Db {
    let db = app().open_memory().unwrap();
    let films =
        ["Metropolis", "Nosferatu"].map(|title| Film::objects().create(new!(Film { title }), &db).unwrap());
    let chapter = new!(Chapter { name: "Prelude", film: &films[0] });
    let chapter = Chapter::objects().create(chapter, &db).unwrap();
    let user = User::objects().create(new!(User { name: "bob" }), &db).unwrap();
    sticker("a", &films[0], &db);
    sticker("b", &films[0], &db);
    sticker("a", &films[1], &db);
    sticker("a", &chapter, &db);
    sticker("a", &user, &db);
    db
}

fn film(id: i64, db: &Db) -> Film {
    Film::objects().get(Film::id.eq(id), db).unwrap()
}

fn words(rows: QuerySet<Sticker>, db: &Db) -> Vec<String> {
    rows.values_list(Sticker::word).all(db).unwrap()
}

fn titles(rows: QuerySet<Film>, db: &Db) -> Vec<String> {
    rows.order_by(Film::id).values_list(Film::title).all(db).unwrap()
}

#[test]
fn a_key_is_two_columns_that_are_written_as_one() -> Result<()> {
    let db = db();
    let columns: Vec<_> = Sticker::meta().columns().map(|(_, field)| (field.column, field.null)).collect();
    assert_eq!(columns, [("id", false), ("word", false), ("content_type", false), ("object_id", false)]);
    let first: (ContentType, i64) = Sticker::objects()
        .filter(Sticker::word.eq("b"))
        .values_list((Sticker::content_type, Sticker::object_id))
        .one(&db)?;
    assert_eq!(first, (ContentType::of::<Film>(), 1));

    let mut moved = Sticker::objects().get(Sticker::word.eq("b"), &db)?;
    moved.target = (&User::objects().get(User::id.eq(1), &db)?).into();
    moved.save(&db)?;
    moved.refresh(&db)?;
    assert!(moved.target.is::<User>() && moved.target.object_id() == Some(&1));
    assert_eq!(format!("{:?}", moved.target), "GenericForeignKey(lab.User 1)");

    let by_name = db.objects("lab.Sticker")?.create(
        [("word", Value::from("c")), ("content_type", "lab.Film".into()), ("object_id", 2.into())],
        &db,
    )?;
    assert_eq!(by_name.get("object_id")?, &Value::from(2));
    let named = Sticker::objects().get(Sticker::word.eq("c"), &db)?;
    assert_eq!(named.target.get::<Film>(&db)?.title, "Nosferatu");
    let pair = new!(Sticker { word: "d", target: (ContentType::of::<Film>(), 2) });
    assert_eq!(pair.target, named.target);
    Ok(())
}

#[test]
fn words_lead_along_generic_keys_to_the_models_that_declare_the_other_side() -> Result<()> {
    let db = db();
    let stickers = || db.objects("lab.Sticker");
    assert_eq!(stickers()?.filter(("film__title", "Metropolis"))?.count(&db)?, 2);
    assert_eq!(stickers()?.filter(("chapter__film__title__startswith", "Metro"))?.count(&db)?, 1);
    assert_eq!(stickers()?.exclude(("film__title", "Metropolis"))?.count(&db)?, 3);
    assert_eq!(stickers()?.filter(("film__isnull", true))?.count(&db)?, 2);
    let down = stickers()?.filter(("film", 2))?.order_by(["-film__title", "id"])?.values(["film__title"])?;
    assert_eq!(down.all(&db)?[0]["film__title"], "Nosferatu".into());
    assert_eq!(db.objects("lab.Film")?.filter(("labels__word", "b"))?.count(&db)?, 1);
    let typed = Sticker::objects().filter(db.condition(("film__title__icontains", "NOS"))?);
    assert_eq!(typed.count(&db)?, 1);
    // A user has no side of it that could be named.
    let Err(Error::UnknownName(unknown)) = stickers()?.filter(("user__name", "bob")) else {
        panic!("it leads to users")
    };
    assert!(
        ["film", "chapter"].iter().all(|way| unknown.choices.iter().any(|one| one == way)),
        "{unknown:?}"
    );
    Ok(())
}

#[test]
fn a_key_that_may_be_null_is_an_option() -> Result<()> {
    let db = db();
    let [left, right] = [1, 2].map(Uuid::from_u128);
    let left = Shelf::objects().create(new!(Shelf { id: left }), &db)?;
    let mut right = Shelf::objects().create(new!(Shelf { id: right }), &db)?;
    Move::objects().create(new!(Move { goal: &left }), &db)?;
    Move::objects().create(new!(Move { source: &left, goal: &right }), &db)?;
    let moves = Move::objects().order_by(Move::id).all(&db)?;
    assert_eq!((&moves[0].source, moves[0].goal.get::<Shelf>(&db)?), (&None, &left));
    let source = moves[1].source.as_ref().map(|source| source.get::<Shelf>(&db)).transpose()?;
    assert_eq!(source, Some(&left));
    let kinds: Vec<Option<ContentType>> =
        Move::objects().order_by(Move::id).values_list(Move::source_kind).all(&db)?;
    assert_eq!(kinds, [None, Some(ContentType::of::<Shelf>())]);
    assert_eq!(Move::objects().filter(Move::source_row.is_null(true)).count(&db)?, 1);
    assert_eq!(left.last.get(&db)?.map(|last| last.id), Some(moves[1].id));
    assert_eq!(right.arrivals.count(&db)?, 1);
    assert_eq!(right.delete(&db)?.total, 2);
    Ok(())
}

#[test]
fn following_a_key_asks_for_one_model_or_any() -> Result<()> {
    let db = db();
    let stickers = Sticker::objects().all(&db)?;
    let watch = db.capture();
    assert_eq!(stickers[0].target.get::<Film>(&db)?.title, "Metropolis");
    assert_eq!(stickers[0].target.loaded::<Film>().map(|film| film.title.as_str()), Some("Metropolis"));
    assert_eq!(stickers[0].target.find::<User>(&db)?, None);
    let user = stickers[4].target.record(&db)?.expect("it is there");
    assert_eq!((user.meta().name, user.get("name")?), ("User", &Value::from("bob")));
    assert_eq!(watch.len(), 2);
    Ok(())
}

#[test]
fn keys_that_lead_nowhere_are_told() -> Result<()> {
    let db = db();
    let stickers = Sticker::objects().all(&db)?;
    let other = stickers[4].target.get::<Film>(&db).map(drop);
    assert_eq!(other, Err(Error::OtherModel { wanted: Film::meta(), found: User::meta() }));
    let told = other.unwrap_err().to_string();
    assert_eq!(
        told,
        "the generic key leads to a lab.User, and not to a lab.Film; ask for a User, or for any row by record()"
    );

    // Nobody knows of the stickers of users, so they stay, as in Django, and lead to nothing.
    User::objects().delete(&db)?;
    let left = Sticker::objects().get(Sticker::id.eq(5), &db)?;
    assert_eq!(left.target.get::<User>(&db), Err(Error::DoesNotExist { model: "User" }));
    assert_eq!((left.target.find::<User>(&db)?, left.target.record(&db)?), (None, None));

    let unknown = sticker("a", (ContentType::from("lab.Flim"), 1), &db);
    for error in [unknown.target.get::<Film>(&db).map(drop), unknown.target.record(&db).map(drop)] {
        let told = error.unwrap_err().to_string();
        assert!(told.contains("lab.Flim") && told.contains("did you mean \"lab.Film\"?"), "{told}");
    }
    let told = Sticker::objects().prefetch_related(Sticker::target).all(&db).unwrap_err().to_string();
    assert!(told.contains("lab.Flim"), "{told}");

    let unsaved = new!(Sticker { word: "a", target: &new!(Film { title: "Faust" }) });
    let error = Sticker::objects().create(unsaved, &db).unwrap_err();
    assert_eq!(error, Error::Unsaved { model: "Film", wanted: "target" });
    let empty = new!(Sticker { word: "a", target: _ });
    assert!(matches!(empty.target.record(&db), Err(Error::Unsaved { .. })));
    assert!(matches!(Sticker::objects().create(empty, &db), Err(Error::Integrity { .. })));
    let condition = Sticker::target.eq(&new!(Film { title: "Faust" }));
    assert_eq!(
        Sticker::objects().filter(condition).count(&db),
        Err(Error::Unsaved { model: "Film", wanted: "a comparison" })
    );
    Ok(())
}

#[test]
fn conditions_reach_across_in_both_directions() -> Result<()> {
    let db = db();
    let film_of = Sticker::target.to::<Film>();
    assert_eq!(words(Sticker::objects().filter(film_of.title.eq("Metropolis")), &db), ["a", "b"]);
    assert_eq!(words(Sticker::objects().filter(film_of.chapters.name.eq("Prelude")), &db), ["a", "b"]);
    // The chapter and the user have the same key as the first film.
    assert_eq!(words(Sticker::objects().filter(film_of.id.eq(1)), &db), ["a", "b"]);
    assert_eq!(Sticker::objects().exclude(film_of.title.eq("Metropolis")).count(&db)?, 3);
    assert_eq!(Sticker::objects().filter(film_of.id.is_null(true)).count(&db)?, 2);
    assert_eq!(words(Sticker::objects().filter(Sticker::target.eq(&film(1, &db))), &db), ["a", "b"]);

    assert_eq!(titles(Film::objects().filter(Film::labels.word.eq("a")), &db), ["Metropolis", "Nosferatu"]);
    assert_eq!(titles(Film::objects().filter(Film::labels.word.eq("b")), &db), ["Metropolis"]);
    assert_eq!(titles(Film::objects().exclude(Film::labels.word.eq("b")), &db), ["Nosferatu"]);
    let both = Film::objects().filter(Film::labels.word.eq("a")).filter(Film::labels.word.eq("b"));
    assert_eq!(titles(both, &db), ["Metropolis"]);
    let none = Film::objects().filter(Film::labels.word.eq("a") & Film::labels.word.eq("b"));
    assert!(titles(none, &db).is_empty());
    let in_words = Q::parse("labels__word", "b")?;
    assert_eq!(titles(Film::objects().filter(in_words), &db), ["Metropolis"]);

    let told = Q::<Sticker>::parse("target", 1).map(drop).unwrap_err().to_string();
    assert!(told.contains("content_type") && told.contains("object_id"), "{told}");

    let undeclared = Sticker::target.to::<User>().reverse();
    let users: Vec<String> =
        User::objects().filter(undeclared.word.eq("a")).values_list(User::name).all(&db)?;
    assert_eq!(users, ["bob"]);
    Ok(())
}

#[test]
fn aggregates_and_annotations_reach_across() -> Result<()> {
    let db = db();
    let count = Film::labels.count();
    let counted = Film::objects().annotate(&count).order_by(Film::id).all(&db)?;
    assert_eq!(counted.iter().map(|film| film.extra.0).collect::<Vec<_>>(), [2, 1]);
    let (most,) = Film::objects().annotate(&count).aggregate((count.max(),), &db)?;
    assert_eq!(most, Some(2));
    let title = Sticker::target.to::<Film>().title;
    let rows: Vec<(String, Option<String>)> =
        Sticker::objects().values_list((Sticker::word, title)).all(&db)?;
    assert_eq!(rows[1], ("b".into(), Some("Metropolis".into())));
    assert_eq!(rows[4].1, None);
    let named = Sticker::objects().values((title,)).first(&db)?.expect("there are five");
    assert_eq!(named.keys().collect::<Vec<_>>(), ["film__title"]);
    let its_film =
        Film::objects().filter(Film::id.eq(outer(Sticker::object_id)) & Film::title.starts_with("N"));
    let found = Sticker::objects().filter(exists(&its_film));
    assert_eq!(found.count(&db)?, 1);
    Ok(())
}

#[test]
fn the_other_side_is_a_related_manager() -> Result<()> {
    let db = db();
    let mut first = film(1, &db);
    let created = first.labels.create(new!(Sticker { word: "c", target: _ }), &db)?;
    assert_eq!(created.target.get::<Film>(&db)?.id, first.id);
    assert_eq!(first.labels.filter(Sticker::word.gt("a"))?.count(&db)?, 2);
    let (_, is_new) =
        first.labels.get_or_create(Sticker::word.eq("c"), || new!(Sticker { word: "c", target: _ }), &db)?;
    assert!(!is_new);

    let mut second = film(2, &db);
    second.labels.add(&created, &db)?;
    assert_eq!((first.labels.count(&db)?, second.labels.count(&db)?), (2, 2));
    second.labels.add([5], &db)?;
    let of_bob = Sticker::objects().get(Sticker::id.eq(5), &db)?;
    assert!(of_bob.target.is::<Film>());

    // What is taken away is deleted, as in Django: it would lead nowhere.
    second.labels.remove(&created, &db)?;
    assert_eq!((second.labels.count(&db)?, Sticker::objects().count(&db)?), (2, 5));
    second.labels.remove([1], &db)?;
    assert_eq!(first.labels.count(&db)?, 2, "a sticker of another film stays");
    second.labels.set([5], &db)?;
    assert_eq!((second.labels.count(&db)?, Sticker::objects().count(&db)?), (1, 4));
    second.labels.set_with([1], SetOptions { clear: true }, &db)?;
    assert_eq!((first.labels.count(&db)?, Sticker::objects().count(&db)?), (1, 3));
    first.labels.clear(&db)?;
    assert_eq!(words(Sticker::objects(), &db), ["a", "a"]);
    Ok(())
}

#[test]
fn a_prefetch_costs_a_query_for_each_model() -> Result<()> {
    let db = db();
    let watch = db.capture();
    let stickers = Sticker::objects().prefetch_related(Sticker::target).all(&db)?;
    assert_eq!(watch.len(), 4, "stickers, films, chapters, users");
    assert_eq!(stickers[0].target.get::<Film>(&db)?.title, "Metropolis");
    assert_eq!(stickers[3].target.get::<Chapter>(&db)?.name, "Prelude");
    assert_eq!(stickers[4].target.get::<User>(&db)?.name, "bob");
    assert_eq!(watch.len(), 4);
    for _ in 0..50 {
        sticker("more", &film(2, &db), &db);
    }
    let watch = db.capture();
    assert_eq!(Sticker::objects().prefetch_related(Sticker::target).all(&db)?.len(), 55);
    assert_eq!(watch.len(), 4, "the number of rows does not matter");

    let further = (Sticker::target, Sticker::target.to::<Film>().chapters);
    let watch = db.capture();
    let stickers = Sticker::objects().prefetch_related(further).all(&db)?;
    let chapters = stickers[0].target.get::<Film>(&db)?.chapters.loaded().map(<[Chapter]>::len);
    assert_eq!((chapters, watch.len()), (Some(1), 5));

    let few = Film::objects().filter(Film::title.starts_with("M"));
    let narrowed = Sticker::objects().prefetch_with(Sticker::target.to::<Film>(), few).all(&db)?;
    assert_eq!(narrowed[2].target.find::<Film>(&db)?, None, "it was looked for, and is not among them");
    assert!(narrowed[0].target.loaded::<Film>().is_some() && narrowed[4].target.loaded::<User>().is_none());

    let partial = Sticker::objects().defer(Sticker::word).prefetch_related(Sticker::target).all(&db)?;
    let watch = db.capture();
    assert_eq!(partial[0].get(Sticker::target, &db)?.get::<Film>(&db)?.title, "Metropolis");
    assert_eq!(watch.len(), 0);

    let mut moved = Sticker::objects().only(Sticker::object_id).get(Sticker::id.eq(1), &db)?;
    assert_eq!(moved.get(Sticker::target, &db)?.get::<Film>(&db)?.title, "Metropolis");
    moved.set(Sticker::target, &User::objects().get(User::id.eq(1), &db)?);
    moved.save(&db)?;
    assert!(Sticker::objects().get(Sticker::id.eq(1), &db)?.target.is::<User>());
    moved.set(Sticker::content_type, ContentType::of::<Film>());
    assert_eq!(moved.get(Sticker::target, &db)?.get::<Film>(&db)?.title, "Metropolis");
    Ok(())
}

#[test]
fn the_other_side_is_prefetched_and_knows_its_row() -> Result<()> {
    let db = db();
    let watch = db.capture();
    let films = Film::objects().prefetch_related((Film::labels, Film::chapters.labels)).all(&db)?;
    assert_eq!(watch.len(), 4);
    assert_eq!(films[0].labels.loaded().map(<[Sticker]>::len), Some(2));
    assert_eq!(films[0].labels.all(&db)?[0].target.get::<Film>(&db)?.title, "Metropolis");
    assert_eq!(films[0].chapters.all(&db)?[0].labels.count(&db)?, 1);
    assert_eq!(watch.len(), 4);
    let first = Sticker::objects().slice(..1);
    let films = Film::objects().prefetch_to(Film::labels, first).order_by(Film::id).all(&db)?;
    assert_eq!((films[0].extra.0.len(), films[1].extra.0.len()), (1, 1));
    Ok(())
}

#[test]
fn fetch_modes_and_budgets_see_generic_keys() -> Result<()> {
    let db = db();
    let strict = db.with_fetch_mode(FetchMode::Raise);
    let one = Sticker::objects().get(Sticker::id.eq(1), &strict)?;
    let blocked = Error::FetchBlocked { model: "Sticker", field: "target" };
    assert_eq!(one.target.record(&strict), Err(blocked));

    let stickers = Sticker::objects().fetch_mode(FetchMode::Peers).all(&db)?;
    let watch = db.capture();
    for sticker in &stickers {
        assert!(sticker.target.record(&db)?.is_some());
    }
    assert_eq!(watch.len(), 3);

    let frugal = db.with_budget(Budget { follows_max: Some(2), ..Budget::default() });
    let stickers = Sticker::objects().all(&frugal)?;
    let followed: Result<Vec<_>> = stickers.iter().map(|one| one.target.record(&frugal)).collect();
    let error = Error::FollowedTooOften { model: "Sticker", field: "target", follows_max: 2 };
    assert_eq!(followed, Err(error));
    Ok(())
}

fn counted(deleted: &Deleted) -> Vec<(String, u64)> {
    deleted.by_model.iter().map(|(model, rows)| (model.to_string(), rows)).collect()
}

#[test]
fn rows_that_point_at_a_row_go_with_it() -> Result<()> {
    let db = db();
    let fork = db.fork()?;
    let deleted = film(1, &fork).delete(&fork)?;
    assert_eq!(
        counted(&deleted),
        [("lab.Sticker".to_owned(), 3), ("lab.Chapter".to_owned(), 1), ("lab.Film".to_owned(), 1)]
    );
    assert_eq!(words(Sticker::objects(), &fork), ["a", "a"], "of the other film and of bob");
    let deleted = Film::objects().delete(&db)?;
    assert_eq!(
        counted(&deleted),
        [("lab.Sticker".to_owned(), 4), ("lab.Chapter".to_owned(), 1), ("lab.Film".to_owned(), 2)]
    );
    Ok(())
}

#[test]
fn receivers_hear_of_rows_that_go_along() -> Result<()> {
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    let db = db();
    let receiver = db.connect_pre_delete(|sticker: &mut Sticker, _, ex| {
        HEARD.fetch_add(1, Memory::Relaxed);
        assert!(sticker.target.record(ex)?.is_some(), "the rows are still there");
        Ok(())
    });
    film(1, &db).delete(&db)?;
    drop(receiver);
    assert_eq!(HEARD.load(Memory::Relaxed), 3);
    Ok(())
}

#[test]
fn select_related_tells_that_rows_are_of_many_models() {
    let db = db();
    let error = Sticker::objects().select_related(Sticker::target.to::<Film>()).all(&db).unwrap_err();
    assert!(matches!(error, Error::Misuse(Misuse::Other(told)) if told.contains("prefetch it")));
}
