//! The migrations of a program on databases that have had some of them, or others.

use nuages::{
    error::{Misuse, UnknownName},
    field::DataType,
    migrate::{Applied, FieldState, Migration, Migrations, ModelState, Operation},
    prelude::*,
};
use nuages_engine::{Database, Session as _};

fn text(column: &str) -> FieldState {
    FieldState::column(column, DataType::Text { max_length: None })
}

fn create(name: &str) -> Migration {
    let model = ModelState::with_id("shop", "Item").field("name", text("name"));
    Migration::new(name, [Operation::CreateModel(model)])
}

fn add(name: &str, field: FieldState) -> Migration {
    let column = field.column.clone();
    Migration::new(name, [Operation::AddField { model: "shop.Item".into(), name: column, field }])
}

fn fill(name: &str) -> Migration {
    let fill = |models: &nuages::migrate::Historical<'_>| {
        models.model("shop.Item")?.create([("name", "a")], models.ex()).map(drop)
    };
    Migration::new(name, [Operation::run(fill)])
}

fn two() -> Migrations {
    Migrations::new([create("0001"), add("0002", text("note").with_default("-"))])
}

fn columns(database: &Database) -> Result<Vec<String>> {
    let catalog = database.catalog()?;
    let table = catalog.find_table("shop_item");
    Ok(table.map_or_else(Vec::new, |table| table.columns.iter().map(|column| column.name.clone()).collect()))
}

fn had(migrations: &Migrations, database: &Database) -> Result<Vec<bool>> {
    Ok(migrations.status(database)?.iter().map(|(_, when)| when.is_some()).collect())
}

#[test]
fn each_migration_is_applied_once_and_in_order() -> Result<()> {
    let database = Database::new();
    let first = Migrations::new([create("0001")]);
    assert_eq!(had(&two(), &database)?, [false, false]);
    assert_eq!(first.migrate(&database)?, ["0001"]);
    assert_eq!(had(&two(), &database)?, [true, false]);
    assert_eq!(two().migrate(&database)?, ["0002"]);
    assert_eq!(columns(&database)?, ["id", "name", "note"]);
    assert!(two().migrate(&database)?.is_empty());
    Ok(())
}

#[test]
fn a_database_goes_back_and_forth_to_a_migration_by_name() -> Result<()> {
    let (database, migrations) = (Database::new(), two());
    migrations.migrate(&database)?;
    assert_eq!(migrations.migrate_to("0001", &database)?, ["0002"]);
    assert_eq!(columns(&database)?, ["id", "name"]);
    assert_eq!(migrations.migrate_to("0002", &database)?, ["0002"]);
    assert_eq!(migrations.undo_all(&database)?, ["0002", "0001"]);
    assert_eq!((columns(&database)?.len(), had(&migrations, &database)?), (0, vec![false, false]));
    assert_eq!(migrations.migrate(&database)?, ["0001", "0002"]);

    let unknown = migrations.migrate_to("0003", &database).unwrap_err();
    let Error::UnknownName(unknown) = unknown else { panic!("{unknown}") };
    let UnknownName { choices, nearest, .. } = *unknown;
    assert_eq!((choices, nearest.is_some()), (vec!["0001".to_owned(), "0002".to_owned()], true));
    Ok(())
}

#[test]
fn a_migration_that_fails_is_named_and_leaves_nothing_and_those_before_it_stay() -> Result<()> {
    let database = Database::new();
    // There is a row that has no value for the new column.
    let broken = Migrations::new([create("0001"), fill("0002"), add("0003", text("note"))]);
    let error = broken.migrate(&database).unwrap_err();
    assert!(matches!(&error, Error::Migration { name, .. } if name == "0003"), "{error}");
    assert!(error.to_string().starts_with("the migration \"0003\" failed: "), "{error}");
    assert_eq!((had(&broken, &database)?, columns(&database)?.len()), (vec![true, true, false], 2));

    let fill_and_note = add("0003", text("note").with_default("-"));
    let mended = Migrations::new([create("0001"), fill("0002"), fill_and_note]);
    assert_eq!(mended.migrate(&database)?, ["0003"]);
    // Code without a way back stops the way back.
    let error = mended.undo_all(&database).unwrap_err();
    assert!(matches!(&error, Error::Migration { name, .. } if name == "0002"), "{error}");
    assert_eq!(had(&mended, &database)?, [true, true, false]);
    Ok(())
}

#[test]
fn a_database_that_has_had_other_migrations_is_left_alone() -> Result<()> {
    let database = Database::new();
    two().migrate(&database)?;
    let note = || add("0002_else", text("else").with_default("-"));
    let others = Migrations::new([create("0001"), note(), add("0002", text("note").with_default("-"))]);
    let misuse = Misuse::OtherMigrations { found: "0002".into(), expected: Some("0002_else".into()) };
    assert_eq!(others.migrate(&database), Err(misuse.clone().into()));
    assert_eq!(others.status(&database).unwrap_err(), misuse.into());
    let fewer = Migrations::new([create("0001")]);
    let error = fewer.undo_all(&database).unwrap_err();
    assert_eq!(error.to_string(), "the database has had the migration \"0002\", which the program has not");
    assert_eq!(columns(&database)?, ["id", "name", "note"]);
    Ok(())
}

#[test]
fn two_migrations_of_one_name_are_refused_before_anything_is_done() -> Result<()> {
    let (database, twice) = (Database::new(), Migrations::new([create("0001"), fill("0001")]));
    assert_eq!(twice.migrate(&database), Err(Misuse::NameTaken { name: "0001".into() }.into()));
    assert!(columns(&database)?.is_empty());
    Ok(())
}

#[test]
fn tables_that_are_there_already_are_taken_over_by_a_record_alone() -> Result<()> {
    let database = Database::new();
    create("by hand").run(&nuages::migrate::ProjectState::default(), &database)?;
    assert!(matches!(two().migrate(&database), Err(Error::Migration { .. })));
    assert_eq!(two().fake_to("0001", &database)?, ["0001"]);
    assert_eq!(two().migrate(&database)?, ["0002"]);
    assert_eq!(two().fake_to("0001", &database)?, ["0002"]);
    assert_eq!((columns(&database)?.len(), had(&two(), &database)?), (3, vec![true, false]));
    Ok(())
}

#[test]
fn programs_that_migrate_at_the_same_time_apply_each_migration_once() -> Result<()> {
    for _ in 0..20 {
        let (database, migrations) = (Database::new(), two());
        let applied: Vec<Result<Vec<String>>> = std::thread::scope(|threads| {
            let migrate = || migrations.migrate(&database);
            let threads = [threads.spawn(migrate), threads.spawn(migrate), threads.spawn(migrate)];
            threads.map(|thread| thread.join().expect("no thread panics")).into()
        });
        let applied: Vec<Vec<String>> = applied.into_iter().collect::<Result<_>>()?;
        let mut names = applied.concat();
        names.sort();
        assert_eq!((names, columns(&database)?.len()), (vec!["0001".to_owned(), "0002".to_owned()], 3));
    }
    Ok(())
}

#[test]
fn what_is_tried_on_a_fork_is_not_done() -> Result<()> {
    let database = Database::new();
    assert_eq!(two().migrate(&database.fork()?)?.len(), 2);
    assert_eq!((columns(&database)?.len(), had(&two(), &database)?), (0, vec![false, false]));
    Ok(())
}

mod models {
    use nuages::prelude::*;

    #[derive(Model, Clone, Debug)]
    #[model(app = "shop")]
    pub(super) struct Item {
        pub(super) id: Auto<i64>,
        pub(super) name: String,
        #[field(default = "-")]
        pub(super) note: String,
    }
}
use models::Item;

#[test]
fn an_app_opens_its_files_by_its_migrations() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("nuages-migrations-{}", std::process::id()));
    let old = Database::open(&folder)?;
    Migrations::new([create("0001"), fill("0002")]).migrate(&old)?;
    drop(old);

    let short = Migrations::new([create("0001"), fill("0002")]);
    let app = || App::new().models((Item::app(), Applied::app()));
    let behind = app().migrations(short).open(&folder).map(drop);
    let changes = vec!["Add field note to item".to_owned()];
    assert_eq!(behind, Err(Misuse::NotMigrated { changes }.into()));

    let full =
        || Migrations::new([create("0001"), fill("0002"), add("0003", text("note").with_default("-"))]);
    for _ in 0..2 {
        let db = app().migrations(full()).open(&folder)?;
        let item = Item::objects().get(Item::name.eq("a"), &db)?;
        assert_eq!(item.note, "-");
        let names = Applied::objects().values_list((Applied::name,)).all(&db)?;
        assert_eq!(names.len(), 3);
    }
    std::fs::remove_dir_all(folder).expect("it is there");
    Ok(())
}
