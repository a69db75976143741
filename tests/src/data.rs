//! Rows from CSV files: UTF-8, a header row, `\N` for NULL.

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use nuages::{
    app::App,
    error::Result,
    executor::Db,
    field::{DateTime, Duration},
};
use nuages_engine::{
    Session,
    algebra::{Expr, Insert, InsertSource, Source, Statement},
    catalog::TableDefinition,
};
use nuages_storage::{DataType, Value};

use crate::{chinook as music, lab as small};

/// A file of `tests/data`.
pub fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "data", name].iter().collect()
}

/// The folder of the Chinook rows, which are the example's.
fn chinook_rows() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "orm", "examples", "chinook", "data"].iter().collect()
}

/// The Chinook database, loaded once; each call is a fork, so tests do not meet.
pub fn chinook() -> Db {
    static LOADED: LazyLock<Db> = LazyLock::new(|| loaded(music::app(), &chinook_rows()));
    fork(&LOADED, music::app())
}

/// The small models with their rows; each call is a fork.
pub fn lab() -> Db {
    static LOADED: LazyLock<Db> = LazyLock::new(|| loaded(small::app(), &file("lab")));
    fork(&LOADED, small::app())
}

/// A fork with an app of its own: receivers that a test connects are heard by all forks that share one.
fn fork(db: &Db, app: App) -> Db {
    let fork = db.fork().expect("a database in memory can be forked");
    app.bind(fork.engine().clone()).expect("the tables are those of the app")
}

/// What is loaded of recorded rows: all as they are, unless the environment variable [`ROWS`] says otherwise, by which
/// the oracle proves that its cases look at rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loading {
    Recorded,
    Nothing,
    Perturbed,
}

/// The environment variable that says what is loaded in place of the recorded rows: `none`, or `perturbed`, where all
/// values but keys are others.
pub const ROWS: &str = "NUAGES_ORACLE_ROWS";

impl Loading {
    fn chosen() -> Self {
        match std::env::var(ROWS).as_deref() {
            Ok("none") => Self::Nothing,
            Ok("perturbed") => Self::Perturbed,
            Ok(other) => panic!("{ROWS} is `none` or `perturbed`, not {other:?}"),
            Err(_) => Self::Recorded,
        }
    }
}

/// A new database of an app, with the rows of a folder.
///
/// # Panics
/// If they do not fit the models.
pub fn loaded(app: App, folder: &Path) -> Db {
    load(app, folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

fn load(app: App, folder: &Path) -> Result<Db> {
    let loading = Loading::chosen();
    let db = app.open_memory()?;
    let catalog = db.engine().catalog()?;
    let tx = db.engine().begin();
    for table in catalog.tables() {
        match loading {
            Loading::Nothing => {}
            Loading::Recorded => load_table(table, folder, &tx, |_, value| value)?,
            // Rows that a constraint does not let be perturbed are loaded as they are.
            Loading::Perturbed => {
                let other = load_table(table, folder, &tx, |column, value| perturbed(table, column, value));
                other.or_else(|_refused| load_table(table, folder, &tx, |_, value| value))?;
            }
        }
    }
    tx.commit()?;
    Ok(db)
}

/// Loads the rows of a table from the file named for it.
fn load_table(
    table: &TableDefinition,
    folder: &Path,
    session: &dyn Session,
    change: impl Fn(usize, Value) -> Value,
) -> Result<()> {
    let path = folder.join(format!("{}.csv", table.name));
    let mut reader =
        csv::Reader::from_path(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let headers = reader.headers().expect("a header row").clone();
    let columns: Vec<usize> =
        headers.iter().map(|name| table.column_named(name)).collect::<Result<_, _>>()?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.expect("a row of CSV");
        let values = columns.iter().zip(&record).map(|(column, text)| {
            let value = value(table.columns[*column].data_type, text);
            let value = value.unwrap_or_else(|| panic!("{}: {text:?} in {record:?}", table.name));
            Some(Expr::Literal(change(*column, value)))
        });
        rows.push(values.collect());
    }
    let rows = InsertSource::Values(rows);
    let insert = Insert {
        table: table.id,
        columns,
        rows,
        source: Source::new(0),
        returning: Vec::new(),
        conflict: None,
    };
    session.execute(&Statement::Insert(insert), &[])?;
    Ok(())
}

/// Another value of the same type, unless the column is a key; values that differ stay different.
fn perturbed(table: &TableDefinition, column: usize, value: Value) -> Value {
    let is_key = table.primary_key_columns().contains(&column)
        || table.foreign_keys.iter().any(|key| key.columns.contains(&column));
    if is_key {
        return value;
    }
    match value {
        Value::Bool(value) => Value::Bool(!value),
        Value::Int(value) => Value::Int(value + 1),
        Value::Float(value) => Value::Float(value + 0.5),
        Value::Decimal(value) => Value::Decimal(value + rust_decimal::Decimal::new(1, value.scale())),
        Value::Text(text) => Value::Text(text.chars().rev().collect()),
        Value::Date(date) => Value::Date(date.tomorrow().unwrap_or(date)),
        Value::Timestamp(instant) => Value::Timestamp(instant + Duration::from_hours(25)),
        other => other,
    }
}

fn value(data_type: DataType, text: &str) -> Option<Value> {
    if text == "\\N" {
        return Some(Value::Null);
    }
    match data_type {
        DataType::Bool => text.parse().ok().map(Value::Bool),
        DataType::SmallInt | DataType::Integer | DataType::BigInt => text.parse().ok().map(Value::Int),
        DataType::Float => text.parse().ok().map(Value::Float),
        DataType::Decimal { .. } => text.parse().ok().map(Value::Decimal),
        DataType::Text { .. } => Some(Value::Text(text.into())),
        DataType::Bytes => hex(text).map(|bytes| Value::Bytes(bytes.into())),
        DataType::Date => text.parse().ok().map(Value::Date),
        DataType::Time => text.parse().ok().map(Value::Time),
        DataType::Timestamp => text.parse::<DateTime>().ok().map(Value::Timestamp),
        DataType::Duration => text.parse::<Duration>().ok().map(Value::Duration),
        DataType::Uuid => text.parse().ok().map(Value::Uuid),
        DataType::Json => serde_json::from_str(text).ok().map(|json| Value::Json(Box::new(json))),
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
