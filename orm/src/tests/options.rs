//! What a model and its fields say of themselves: who owns the table, orders by expressions, words of their own.

use nuages_engine::Session;

use self::theirs::Made;
use crate::{
    error::ValidationErrors,
    field::DataType,
    migrate::{FieldState, FieldStateKind, Migration, ModelState, Operation, ProjectState, RowExpr, changes},
    order::Order,
    prelude::*,
    validate::min_value,
};

/// A table that another program made.
mod theirs {
    use crate::prelude::*;

    #[derive(Model, Clone, Debug)]
    #[model(app = "lab", table = "legacy_song", managed = false)]
    pub(super) struct Song {
        pub(super) id: Auto<i64>,
        pub(super) title: String,
    }

    #[derive(Model, Clone, Debug)]
    #[model(app = "lab", table = "legacy_song")]
    pub(super) struct Made {
        pub(super) id: Auto<i64>,
        pub(super) title: String,
    }
}

#[test]
fn the_table_of_a_model_that_is_not_managed_is_never_made() {
    let missing = App::new().models(theirs::Song::app()).open_memory().map(drop).unwrap_err();
    assert!(missing.to_string().contains("legacy_song"), "{missing}");

    let made = App::new().models(Made::app()).open_memory().unwrap();
    Made::objects().create(new!(Made { title: "Nuages" }), &made).unwrap();
    let theirs = App::new().models(theirs::Song::app()).bind(made.engine().clone()).unwrap();
    let titles: Vec<String> = theirs::Song::objects().values_list(theirs::Song::title).all(&theirs).unwrap();
    assert_eq!(titles, ["Nuages"]);
}

mod rated {
    use crate::prelude::*;

    #[derive(Model, Clone, Debug)]
    #[model(app = "lab", table = "lab_song")]
    pub(super) struct Song {
        pub(super) id: Auto<i64>,
        pub(super) title: String,
    }

    #[derive(Model, Clone, Debug)]
    #[model(app = "lab", table = "lab_song")]
    pub(super) struct Rated {
        pub(super) id: Auto<i64>,
        pub(super) title: String,
        #[field(db_default = 5)]
        pub(super) stars: Auto<i32>,
    }
}

#[test]
fn a_migrated_table_writes_what_the_database_is_to_write() -> Result<()> {
    use rated::{Rated, Song};
    let (none, with) = (ProjectState::default(), ProjectState::of([Rated::meta()])?);
    let database = nuages_engine::Database::new();
    Migration::new("0001", changes(&none, &with, &[])).run(&none, &database)?;
    let db = App::new().models(Rated::app()).bind(database)?;
    let created = Rated::objects().create(new!(Rated { title: "Nuages" }), &db)?;
    assert_eq!(Rated::objects().get(Rated::id.eq(created.id), &db)?.stars, Auto::from(5));

    // The same of a field that comes to rows.
    let database = nuages_engine::Database::new();
    let bare = ProjectState::of([Song::meta()])?;
    Migration::new("0001", changes(&none, &bare, &[])).run(&none, &database)?;
    let db = App::new().models(Song::app()).bind(database.clone())?;
    Song::objects().create(new!(Song { title: "Djangology" }), &db)?;
    let model =
        |field: FieldState| Operation::AddField { model: "lab.Song".into(), name: "stars".into(), field };
    let field = with.models["lab.Rated"].field_named("stars")?.clone();
    let starred = Migration::new("0002", [model(field.clone())]).run(&bare, &database)?;
    let db = App::new().models(Rated::app()).bind(database.clone())?;
    Rated::objects().create(new!(Rated { title: "Daphne" }), &db)?;
    let stars: Vec<i32> = Rated::objects().values_list(Rated::stars).all(&db)?;
    assert_eq!(stars, [5, 5]);

    // Another such default is a change, and is made.
    let mut other = starred.clone();
    other.models["lab.Song"].fields["stars"] = field.with_db_default(RowExpr::value(3));
    let operations = changes(&starred, &other, &[]);
    assert_eq!(operations.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Alter field stars on song"]);
    Migration::new("0003", operations).run(&starred, &database)?;
    let db = App::new().models(Rated::app()).bind(database)?;
    assert_eq!(Rated::objects().create(new!(Rated { title: "Swing 42" }), &db)?.stars, Auto::from(3));
    Ok(())
}

#[test]
fn migrations_leave_the_table_of_an_unmanaged_model_alone() -> Result<()> {
    let none = ProjectState::default();
    let with = ProjectState::of([theirs::Song::meta()])?;
    let words: Vec<String> = changes(&none, &with, &[]).iter().map(ToString::to_string).collect();
    assert_eq!(words, ["Create model Song"]);
    let database = nuages_engine::Database::new();
    let migration = Migration::new("0001_initial", changes(&none, &with, &[]));
    let after = migration.run(&none, &database)?;
    assert!(database.catalog()?.table_named("legacy_song").is_err());
    let back = Migration::new("0002_gone", changes(&after, &none, &[]));
    back.run(&after, &database)?;
    Ok(())
}

#[derive(Model, Clone, Debug)]
#[model(app = "lab", ordering = Self::best)]
struct Band {
    id: Auto<i64>,
    name: String,
    rank: Option<i64>,
}

impl Band {
    fn best() -> (Order<Band>, Expr<Band, String>) {
        (Band::rank.desc().nulls_last(), Band::name.lower())
    }
}

#[derive(Model, Clone, Debug)]
#[model(app = "lab", ordering = [-band])]
struct Gig {
    id: Auto<i64>,
    #[field(on_delete = Cascade)]
    band: ForeignKey<Band>,
}

#[test]
fn a_model_may_be_ordered_by_expressions() -> Result<()> {
    let db = App::new().models((Band::app(), Gig::app())).open_memory()?;
    for (name, rank) in [("b", None), ("A", None), ("x", Some(1)), ("y", Some(2))] {
        let band = Band::objects().create(new!(Band { name, rank }), &db)?;
        Gig::objects().create(new!(Gig { band: &band }), &db)?;
    }
    let names = |rows: QuerySet<Band>| rows.values_list(Band::name).all(&db);
    assert_eq!(names(Band::objects())?, ["y", "x", "A", "b"]);
    assert_eq!(names(Band::objects().reverse())?, ["b", "A", "x", "y"]);
    assert_eq!(names(Band::objects().order_by(Band::id))?, ["b", "A", "x", "y"]);
    assert_eq!(Band::objects().first(&db)?.map(|band| band.name), Some("y".into()));
    assert!(Band::objects().is_ordered());
    let gigs: Vec<String> = Gig::objects().values_list(Gig::band.name).all(&db)?;
    assert_eq!(gigs, ["b", "A", "x", "y"], "turned round with the key that leads there");
    Ok(())
}

#[derive(Model, Clone, Debug)]
struct Member {
    id: Auto<i64>,
    #[field(
        unique,
        max_length = 8,
        error_messages(blank = "Say your name.", unique = "{value} is taken.", required = "Who are you?")
    )]
    name: String,
    #[field(validators = [min_value(18)], error_messages(min_value = "Too young.", invalid = "{value}?"))]
    age: i64,
}

#[test]
fn a_field_says_in_its_own_words_what_is_wrong() -> Result<()> {
    let db = App::new().models(Member::app()).open_memory()?;
    Member::objects().create(new!(Member { name: "Ann", age: 20 }), &db)?;
    let said = |result: Result<()>| match result {
        Err(Error::Validation(errors)) => errors,
        other => unreachable!("{other:?}"),
    };
    let texts = |errors: &ValidationErrors, field: &str| -> Vec<(&'static str, String)> {
        errors.field(field).iter().map(|one| (one.code, one.text.clone())).collect()
    };
    let errors = said(new!(Member { name: "", age: 3 }).full_clean(&db));
    assert_eq!(texts(&errors, "name"), [("blank", "Say your name.".to_owned())]);
    assert_eq!(texts(&errors, "age"), [("min_value", "Too young.".to_owned())]);
    let errors = said(new!(Member { name: "Ann", age: 30 }).full_clean(&db));
    assert_eq!(texts(&errors, "name"), [("unique", "Ann is taken.".to_owned())]);
    let errors = said(new!(Member { name: "Ann Elizabeth", age: 30 }).full_clean(&db));
    let long = "Ensure this value has at most 8 characters (it has 13).";
    assert_eq!(texts(&errors, "name"), [("max_length", long.to_owned())], "the usual words for others");
    let errors = said(Member::clean_from([("age", "old")], &db).map(drop));
    assert_eq!(texts(&errors, "name"), [("required", "Who are you?".to_owned())]);
    assert_eq!(texts(&errors, "age"), [("invalid", "old?".to_owned())]);
    Ok(())
}

#[test]
fn a_nested_aggregate_is_refused_over_no_row_too() -> Result<()> {
    let db = App::new().models(Member::app()).open_memory()?;
    let watch = db.capture();
    let nested = Member::objects().none().aggregate(Member::age.sum().max(), &db).map(drop).unwrap_err();
    assert!(nested.to_string().contains("sum"), "{nested}");
    assert_eq!(Member::objects().none().aggregate(Member::age.sum(), &db)?, None);
    assert_eq!(watch.len(), 0);
    Ok(())
}

#[test]
fn a_renamed_model_takes_its_table_its_pairs_and_its_keys_along() -> Result<()> {
    let name = FieldState::column("name", DataType::Text { max_length: None });
    let tags = FieldState { kind: FieldStateKind::ManyToMany { to: "app.Tag".into() }, ..name.clone() };
    let tag = ModelState::with_id("app", "Tag").field("name", name.clone());
    let entry = ModelState::with_id("app", "Entry").field("name", name).field("tags", tags);
    let note = ModelState::with_id("app", "Note");
    let note = note.field("entry", FieldState::foreign_key("entry_id", "app.Entry"));
    let first = Migration::new("0001", [tag, entry, note].map(Operation::CreateModel));
    let renamed = Operation::RenameModel { model: "app.Entry".into(), name: "Post".into() };
    let second = Migration::new("0002", [renamed]);

    let database = nuages_engine::Database::new();
    let before = first.run(&ProjectState::default(), &database)?;
    before.with(&database, |models| {
        let entry = models.model("app.Entry")?.create([("name", "Nuages")], models.ex())?;
        let key = entry.get("id")?.clone();
        models.model("app.Note")?.create([("entry_id", key)], models.ex()).map(drop)
    })?;
    let after = second.run(&before, &database)?;
    assert_eq!(after.models.keys().collect::<Vec<_>>(), ["app.Tag", "app.Post", "app.Note"]);
    let catalog = database.catalog()?;
    assert!(catalog.table_named("app_entry").is_err());
    assert!(catalog.table_named("app_post_tags")?.column_named("post_id").is_ok());
    let counts = after.with(&database, |models| {
        let posts = models.objects("app.Post")?.count(models.ex())?;
        Ok((posts, models.objects("app.Note")?.count(models.ex())?))
    })?;
    assert_eq!(counts, (1, 1));
    second.undo(&before, &database)?;
    assert!(database.catalog()?.table_named("app_entry_tags")?.column_named("entry_id").is_ok());
    Ok(())
}
