//! Migrations: Django's answers.

use std::sync::Mutex;

use nuages::{
    field::DataType,
    migrate::{
        ConstraintState, FieldState, IndexState, Migration, ModelState, Operation, ProjectState, changes,
    },
    prelude::*,
};
use nuages_engine::{Database, Session as _};
use nuages_tests::{
    lab, oracle,
    oracle::{Answer, check},
};
use serde_json::{Value as Json, json};

fn model(name: &str) -> ModelState {
    ModelState::with_id("app", name)
}

/// `("name", CharField(max_length=10))`.
fn text() -> FieldState {
    FieldState::column("name", DataType::Text { max_length: Some(10) })
}

fn key(name: &str, to: &str) -> FieldState {
    FieldState::foreign_key(&format!("{name}_id"), to)
}

fn integer(name: &str) -> FieldState {
    FieldState::column(name, DataType::Integer)
}

/// The operations that lead from some models to others, in words.
fn said<const A: usize, const B: usize>(from: [ModelState; A], to: [ModelState; B]) -> Json {
    let (from, to) = (ProjectState::from_models(from), ProjectState::from_models(to));
    changes(&from, &to, &[]).iter().map(ToString::to_string).collect::<Vec<_>>().answer()
}

#[test]
fn create_model_with_fk() {
    let child = model("Child").field("parent", key("parent", "app.Parent"));
    check("migration.create_model_with_fk", &said([], [child, model("Parent").field("name", text())]));
}

#[test]
fn circular_fk() {
    let (a, b) = (model("A").field("b", key("b", "app.B")), model("B").field("a", key("a", "app.A")));
    check("migration.circular_fk", &said([], [a, b]));
}

#[test]
fn add_remove_alter_field() {
    let before = model("A").field("name", text()).field("old", integer("old"));
    let longer = FieldState::column("name", DataType::Text { max_length: Some(20) });
    let after = model("A").field("name", longer).field("new", integer("new").nullable());
    check("migration.add_remove_alter_field", &said([before], [after]));
}

#[test]
fn indexes_and_constraints() {
    let before = model("A").field("name", text());
    let mut after = before.clone();
    after.indexes.insert("i".into(), IndexState::over([("name", false)]));
    after.constraints.insert("u".into(), ConstraintState::unique(["name"]));
    after.unique_together = vec![vec!["id".into(), "name".into()]];
    after.options.insert("ordering".into(), "name".into());
    after.table = "other".into();
    check("migration.indexes_and_constraints", &said([before], [after]));
}

fn columns(database: &Database) -> Result<Vec<String>> {
    let catalog = database.catalog()?;
    let mut names: Vec<String> =
        catalog.table_named("app_item")?.columns.iter().map(|column| column.name.clone()).collect();
    names.sort();
    Ok(names)
}

#[test]
fn run_forwards_and_backwards() -> Result<()> {
    let item = || "app.Item".to_owned();
    let loud = FieldState::column("loud", DataType::Text { max_length: Some(10) }).with_default("-");
    let fill = Operation::run_both(
        |models| {
            let item = models.model("app.Item")?;
            let upper = item.column::<String>("name")?.upper();
            item.update_set(&item.objects(), "loud", &upper, models.ex()).map(drop)
        },
        |_| Ok(()),
    );
    let whole = FieldState::column("name", DataType::Text { max_length: None });
    let steps = [
        Migration::new("0001", [Operation::CreateModel(model("Item").field("name", text()))]),
        Migration::new("0002", [Operation::AddField { model: item(), name: "loud".into(), field: loud }]),
        Migration::new("0003", [fill]),
        Migration::new(
            "0004",
            [
                Operation::RenameField { model: item(), from: "loud".into(), to: "shout".into() },
                Operation::AlterField { model: item(), name: "name".into(), field: whole },
            ],
        ),
    ];
    let database = Database::new();
    let mut states = vec![ProjectState::default()];
    let mut log = Vec::new();
    for step in &steps {
        states.push(step.run(&states[states.len() - 1], &database)?);
        if step.name == "0001" {
            states[1].with(&database, |models| {
                models.model("app.Item")?.create([("name", "abc")], models.ex()).map(drop)
            })?;
        }
        log.push(columns(&database)?);
    }
    let row =
        states[4].with(&database, |models| models.objects("app.Item")?.get(("name", "abc"), models.ex()))?;
    let row = json!({ "name": row.get("name")?.answer(), "shout": row.get("shout")?.answer() });
    for (step, before) in steps.iter().zip(&states).skip(1).rev() {
        step.undo(before, &database)?;
    }
    log.push(columns(&database)?);
    steps[0].undo(&states[0], &database)?;
    let gone = database.catalog()?.table_named("app_item").is_err();
    oracle::check(
        "migration.run_forwards_and_backwards",
        &json!({ "columns": log, "row": row, "gone": gone }),
    );
    Ok(())
}

/// What the detector gives leads to the tables that the models ask for.
#[test]
fn the_labs_models_come_by_a_migration_and_go_by_its_undoing() -> Result<()> {
    let models = ProjectState::of(lab::app().metas())?;
    let created = Migration::new("0001", changes(&ProjectState::default(), &models, &[]));
    let database = Database::new();
    let state = created.run(&ProjectState::default(), &database)?;
    assert!(changes(&state, &models, &[]).is_empty(), "{:?}", changes(&state, &models, &[]));
    let (made, asked) = (database.catalog()?, lab::app().open_memory()?.engine().catalog()?);
    for table in asked.tables() {
        let made = made.table_named(&table.name)?;
        let columns = |table: &nuages_engine::catalog::TableDefinition| {
            let mut columns: Vec<_> =
                table.columns.iter().map(|one| (one.name.clone(), one.data_type, one.nullable)).collect();
            columns.sort_by(|left, right| left.0.cmp(&right.0));
            columns
        };
        assert_eq!(columns(made), columns(table), "{}", table.name);
        assert_eq!(made.indexes.len(), table.indexes.len(), "{}", table.name);
        assert_eq!(made.foreign_keys.len(), table.foreign_keys.len(), "{}", table.name);
    }
    created.undo(&ProjectState::default(), &database)?;
    assert_eq!(database.catalog()?.tables().count(), 0);
    Ok(())
}

#[test]
fn names_of_fields_are_followed_and_failures_leave_nothing() -> Result<()> {
    let mut before = model("A").field("name", text()).field("size", integer("size"));
    before.indexes.insert("sizes".into(), IndexState::over([("size", true)]));
    before.unique_together = vec![vec!["name".into(), "size".into()]];
    let mut after = model("A").field("name", text()).field("length", integer("length"));
    after.indexes.insert("sizes".into(), IndexState::over([("length", true)]));
    after.unique_together = vec![vec!["name".into(), "length".into()]];
    let (from, to) = (ProjectState::from_models([before]), ProjectState::from_models([after]));
    let renamed = changes(&from, &to, &[("app.A", "size", "length")]);
    assert_eq!(
        renamed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["Rename field size on a to length"]
    );
    let database = Database::new();
    let first = Migration::new("0001", changes(&ProjectState::default(), &from, &[]));
    let state = first.run(&ProjectState::default(), &database)?;
    state.with(&database, |models| {
        models
            .model("app.A")?
            .create([("name", "x".into()), ("size", nuages::field::Value::Int(3))], models.ex())
            .map(drop)
    })?;
    let second = Migration::new("0002", renamed);
    let state = second.run(&state, &database)?;
    assert_eq!(changes(&state, &to, &[]).len(), 0);

    let seen = Mutex::new(0);
    let failing = Operation::run(|_| Err(Error::custom("boom")));
    let add = Operation::AddField {
        model: "app.A".into(),
        name: "extra".into(),
        field: integer("extra").nullable(),
    };
    let third = Migration::new("0003", [add.clone(), failing]);
    assert!(matches!(third.run(&state, &database), Err(Error::Custom(_))));
    assert!(database.catalog()?.table_named("app_a")?.column_named("extra").is_err());
    assert!(third.undo(&state, &database).is_err(), "there is no way back past it");
    let needed = Operation::AddField { model: "app.A".into(), name: "extra".into(), field: integer("extra") };
    assert!(Migration::new("0003", [needed]).run(&state, &database).is_err(), "a row lacks the value");
    let after = Migration::new("0003", [add]).run(&state, &database)?;
    after.with(&database, |models| {
        *seen.lock().expect("a count") +=
            models.objects("app.A")?.filter(("length", 3))?.count(models.ex())?;
        Ok(())
    })?;
    assert_eq!(*seen.lock().expect("a count"), 1);
    Ok(())
}

#[test]
fn models_go_before_those_they_lead_to() {
    let (a, b) = (model("A").field("b", key("b", "app.B")), model("B"));
    assert_eq!(said([a.clone(), b.clone()], []), json!(["Delete model A", "Delete model B"]));
    assert_eq!(said([a, b.clone()], [model("A")]), json!(["Remove field b from a", "Delete model B"]));
    let (c, d) = (model("C").field("d", key("d", "app.D")), model("D").field("c", key("c", "app.C")));
    assert_eq!(said([c, d], []), json!(["Remove field c from d", "Delete model C", "Delete model D"]));
    assert_eq!(said([], [b]), json!(["Create model B"]));
}
