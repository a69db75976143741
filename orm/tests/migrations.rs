//! Migrations of keys, names and computed columns: the table is what the models say, and its rows are there.

use nuages::{
    error::Misuse,
    field::DataType,
    migrate::{
        FieldState, FieldStateKind, Migration, ModelState, Operation, ProjectState, RenamedField, changes,
    },
    prelude::*,
};
use nuages_engine::{
    Database, Session as _,
    sql::{Connection, SqlError},
};
use nuages_storage::Value;

fn model(name: &str) -> ModelState {
    ModelState::with_id("app", name)
}

fn text(column: &str) -> FieldState {
    FieldState::column(column, DataType::Text { max_length: None })
}

fn unique(column: &str) -> FieldState {
    FieldState { unique: true, ..text(column) }
}

fn key(name: &str, to: &str) -> FieldState {
    FieldState::foreign_key(&format!("{name}_id"), to)
}

fn many(to: &str) -> FieldState {
    FieldState { kind: FieldStateKind::ManyToMany { to: to.into() }, ..text("") }
}

fn state<const N: usize>(models: [ModelState; N]) -> ProjectState {
    ProjectState::from_models(models)
}

/// A database with the tables of these models.
fn database(models: &ProjectState) -> Result<Database> {
    let database = Database::new();
    migrate(&database, &ProjectState::default(), models, &[])?;
    Ok(database)
}

/// Brings a database from one state to another, after which nothing is left to change, and back and forth again.
fn migrate(
    database: &Database,
    from: &ProjectState,
    to: &ProjectState,
    renamed: &[RenamedField<'_>],
) -> Result<Migration> {
    let migration = Migration::new("step", changes(from, to, renamed));
    let reached = migration.run(from, database)?;
    assert!(changes(&reached, to, &[]).is_empty(), "{:?}", changes(&reached, to, &[]));
    Ok(migration)
}

fn write(database: &Database, statement: &'static str) -> Result<(), SqlError> {
    Connection::new(database.clone()).execute(statement, &[]).map(drop)
}

fn rows(database: &Database, query: &str) -> Vec<Vec<Value>> {
    Connection::new(database.clone()).query(query, &[]).expect("a query of this test").rows
}

#[test]
fn the_primary_key_moves_to_another_field_and_back() -> Result<()> {
    let before = state([model("T").field("slug", text("slug"))]);
    let slug = FieldState { primary_key: true, ..text("slug") };
    let after = state([ModelState::new("app", "T").field("slug", slug.clone())]);
    let database = database(&before)?;
    write(&database, "INSERT INTO app_t (slug) VALUES ('a'), ('b')").unwrap();
    let migration = migrate(&database, &before, &after, &[])?;
    assert!(write(&database, "INSERT INTO app_t VALUES ('a')").is_err());
    write(&database, "INSERT INTO app_t VALUES ('c')").unwrap();

    migration.undo(&before, &database)?;
    write(&database, "INSERT INTO app_t (slug) VALUES ('a')").unwrap();
    let slugs = rows(&database, "SELECT slug FROM app_t ORDER BY id");
    assert_eq!(slugs.len(), 4);
    assert_eq!(slugs[3], ["a".into()]);

    let plain = FieldState::column("id", DataType::BigInt);
    let beside = state([ModelState::new("app", "T").field("id", plain).field("slug", slug)]);
    write(&database, "DELETE FROM app_t WHERE id = 4").unwrap();
    migrate(&database, &before, &beside, &[])?;
    assert!(write(&database, "INSERT INTO app_t (id, slug) VALUES (9, 'a')").is_err());
    Ok(())
}

#[test]
fn the_type_of_a_primary_key_reaches_the_keys_that_lead_to_it() -> Result<()> {
    let models = |data_type| {
        let code = FieldState { primary_key: true, ..FieldState::column("code", data_type) };
        let child = FieldState { primary_key: true, ..key("t", "app.T") };
        state([
            ModelState::new("app", "T").field("code", code),
            model("A").field("t", key("t", "app.T")).field("many", many("app.T")),
            ModelState::new("app", "Child").field("t", child),
            model("Grandchild").field("child", key("child", "app.Child")),
        ])
    };
    let (before, wider) = (models(DataType::Integer), models(DataType::BigInt));
    let words = models(DataType::Text { max_length: None });
    let database = database(&before)?;
    for statement in [
        "INSERT INTO app_t VALUES (7)",
        "INSERT INTO app_a (t_id) VALUES (7)",
        "INSERT INTO app_a_many (a_id, t_id) VALUES (1, 7)",
        "INSERT INTO app_child VALUES (7)",
        "INSERT INTO app_grandchild (child_id) VALUES (7)",
    ] {
        write(&database, statement).unwrap();
    }
    migrate(&database, &before, &wider, &[])?;
    write(&database, "INSERT INTO app_t VALUES (5000000000)").unwrap();
    write(&database, "INSERT INTO app_a (t_id) VALUES (5000000000)").unwrap();
    write(&database, "INSERT INTO app_a_many (a_id, t_id) VALUES (2, 5000000000)").unwrap();
    migrate(&database, &wider, &words, &[])?;
    let joined = "SELECT a.t_id, m.t_id, t.code FROM app_a a JOIN app_a_many m ON m.a_id = a.id \
                  JOIN app_t t ON t.code = a.t_id ORDER BY a.id";
    let (seven, great) = (Value::from("7"), Value::from("5000000000"));
    assert_eq!(rows(&database, joined), [vec![seven.clone(); 3], vec![great; 3]]);
    assert_eq!(rows(&database, "SELECT child_id FROM app_grandchild"), [[seven]]);
    // The keys are there again.
    assert!(write(&database, "INSERT INTO app_a (t_id) VALUES ('nobody')").is_err());
    assert!(write(&database, "INSERT INTO app_grandchild (child_id) VALUES ('nobody')").is_err());
    assert!(write(&database, "INSERT INTO app_a_many (a_id, t_id) VALUES (1, 'nobody')").is_err());
    Ok(())
}

mod before {
    use nuages::prelude::*;
    #[derive(Model, Clone)]
    #[model(app = "shop")]
    pub(crate) struct Item {
        id: Auto<i64>,
        price: i64,
    }
}

mod after {
    use nuages::prelude::*;
    #[derive(Model, Clone)]
    #[model(app = "shop")]
    pub(crate) struct Item {
        id: Auto<i64>,
        price: i64,
        #[field(generated = Item::price * 2)]
        twice: Auto<i64>,
    }
}

mod later {
    use nuages::prelude::*;
    #[derive(Model, Clone)]
    #[model(app = "shop")]
    pub(crate) struct Item {
        id: Auto<i64>,
        price: i64,
        #[field(generated = Item::price * 3)]
        twice: Auto<i64>,
    }
}

#[test]
fn generated_fields_are_computed_for_rows_that_are_there_and_checked() -> Result<()> {
    let before = ProjectState::of(App::new().models((before::Item::app(),)).metas())?;
    let after = ProjectState::of(App::new().models((after::Item::app(),)).metas())?;
    let later = ProjectState::of(App::new().models((later::Item::app(),)).metas())?;
    let database = database(&before)?;
    write(&database, "INSERT INTO shop_item (price) VALUES (4)").unwrap();
    let first = migrate(&database, &before, &after, &[])?;
    assert_eq!(rows(&database, "SELECT twice FROM shop_item"), [[8i64.into()]]);
    assert!(write(&database, "INSERT INTO shop_item (price, twice) VALUES (5, 11)").is_err());
    let second = migrate(&database, &after, &later, &[])?;
    assert_eq!(rows(&database, "SELECT twice FROM shop_item"), [[12i64.into()]]);
    write(&database, "INSERT INTO shop_item (price, twice) VALUES (5, 15)").unwrap();
    second.undo(&after, &database)?;
    assert_eq!(rows(&database, "SELECT twice FROM shop_item ORDER BY id"), [[8i64.into()], [10i64.into()]]);
    first.undo(&before, &database)?;
    write(&database, "INSERT INTO shop_item (price) VALUES (6)").unwrap();

    let whole = self::database(&after)?;
    assert!(write(&whole, "INSERT INTO shop_item (price, twice) VALUES (5, 11)").is_err());
    Ok(())
}

#[test]
fn a_field_gets_another_name_and_another_column_at_once() -> Result<()> {
    let before = state([model("T").field("name", text("n1")).field("kept", text("kept"))]);
    let after = state([model("T").field("title", text("n2")).field("held", text("kept"))]);
    let database = database(&before)?;
    write(&database, "INSERT INTO app_t (n1, kept) VALUES ('a', 'b')").unwrap();
    let renamed = [("app.T", "name", "title"), ("app.T", "kept", "held")];
    let migration = migrate(&database, &before, &after, &renamed)?;
    assert_eq!(rows(&database, "SELECT n2, kept FROM app_t"), [["a".into(), "b".into()]]);
    migration.undo(&before, &database)?;
    assert_eq!(rows(&database, "SELECT n1, kept FROM app_t"), [["a".into(), "b".into()]]);
    Ok(())
}

#[test]
fn fields_change_names_with_each_other_and_hand_them_on() -> Result<()> {
    let models = |names: &[&str]| {
        let fields = names.iter().fold(model("T"), |model, name| model.field(name, text(name)));
        state([fields])
    };
    let (before, handed) = (models(&["a", "b"]), models(&["b", "c"]));
    let database = database(&before)?;
    write(&database, "INSERT INTO app_t (a, b) VALUES ('first', 'second')").unwrap();
    let swap = [("app.T", "a", "b"), ("app.T", "b", "a")];
    let migration = migrate(&database, &before, &before, &swap)?;
    let swapped = [["second".into(), "first".into()]];
    assert_eq!(rows(&database, "SELECT a, b FROM app_t"), swapped);
    migration.undo(&before, &database)?;
    migrate(&database, &before, &handed, &[("app.T", "a", "b"), ("app.T", "b", "c")])?;
    assert_eq!(rows(&database, "SELECT b, c FROM app_t"), [["first".into(), "second".into()]]);
    Ok(())
}

#[test]
fn models_go_though_one_that_stays_led_to_one_that_led_to_another() -> Result<()> {
    let (b, c) = (model("B").field("a", key("a", "app.A")), model("C").field("b", key("b", "app.B")));
    let before = state([model("A"), b, c]);
    let database = database(&before)?;
    let migration = migrate(&database, &before, &state([model("C")]), &[])?;
    assert!(database.catalog()?.find_table("app_a").is_none());
    migration.undo(&before, &database)?;
    assert!(database.catalog()?.find_table("app_b").is_some());
    Ok(())
}

#[test]
fn what_gets_the_old_name_of_another_has_keys_and_indexes_of_its_own() -> Result<()> {
    let target = || model("T");
    let full = |name: &str| {
        let mut full =
            model(name).field("a", unique("a")).field("t", key("t", "app.T")).field("many", many("app.T"));
        full.unique_together = vec![vec!["a".into(), "t".into()]];
        full
    };
    let before = state([target(), full("A")]);
    let renamed = Operation::RenameModel { model: "app.A".into(), name: "B".into() };
    let migration = Migration::new("again", [renamed, Operation::CreateModel(full("A"))]);
    let database = database(&before)?;
    let reached = migration.run(&before, &database)?;
    migration.undo(&before, &database)?;
    assert_eq!(migration.run(&before, &database)?, reached);

    let renamed =
        model("B").field("b", unique("b")).field("u", key("u", "app.T")).field("many", many("app.T"));
    let from = state([target(), { ModelState { unique_together: Vec::new(), ..full("B") } }, full("A")]);
    let back = state([target(), renamed.clone(), full("A")]);
    Migration::new("loose", changes(&reached, &from, &[])).run(&reached, &database)?;
    migrate(&database, &from, &back, &[("app.B", "a", "b"), ("app.B", "t", "u")])?;
    let both = renamed.field("a", unique("a").nullable()).field("t", key("t", "app.T").nullable());
    migrate(&database, &back, &state([target(), both, full("A")]), &[])?;
    Ok(())
}

#[test]
fn a_historical_key_has_the_type_of_what_it_leads_to() -> Result<()> {
    let code = FieldState { primary_key: true, ..text("code") };
    let models =
        state([ModelState::new("app", "T").field("code", code), model("A").field("t", key("t", "app.T"))]);
    let database = database(&models)?;
    let found = models.with(&database, |models| {
        models.model("app.T")?.create([("code", "x")], models.ex())?;
        models.model("app.A")?.create([("t_id", "x")], models.ex())?;
        models.objects("app.A")?.filter(("t_id", "x"))?.count(models.ex())
    })?;
    assert_eq!(found, 1);
    Ok(())
}

#[test]
fn what_is_there_is_not_added_again() -> Result<()> {
    let models = state([model("T").field("a", text("a")), model("U")]);
    let (label, name) = ("app.T".to_owned(), "a".to_owned());
    let taken = |name: &str| Err(Misuse::NameTaken { name: name.into() }.into());
    let outcome = |operation: Operation| operation.change(&mut models.clone());
    assert_eq!(outcome(Operation::CreateModel(model("T"))), taken("app.T"));
    assert_eq!(outcome(Operation::AddField { model: label.clone(), name, field: text("b") }), taken("a"));
    assert_eq!(outcome(Operation::RenameModel { model: label.clone(), name: "U".into() }), taken("app.U"));
    let renamed = Operation::RenameField { model: label.clone(), from: "id".into(), to: "a".into() };
    assert_eq!(outcome(renamed), taken("a"));
    let altered = Operation::AlterField { model: label, name: "zz".into(), field: text("zz") };
    assert!(outcome(altered).is_err());
    Ok(())
}
