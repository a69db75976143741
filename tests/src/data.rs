//! Rows from CSV files: UTF-8, a header row, `\N` for NULL.

use std::{path::PathBuf, sync::LazyLock};

use nuages::{
    error::Result,
    executor::Db,
    field::{DateTime, Duration},
    meta::{FieldKind, FieldMeta, ModelMeta},
    model::Model,
};
use nuages_storage::{DataType, Value};

use crate::chinook::{self, *};

/// A file of `tests/data`.
pub fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "data", name].iter().collect()
}

/// The Chinook database, loaded once; each call is a fork, so tests do not meet.
pub fn chinook() -> Db {
    static LOADED: LazyLock<Db> =
        LazyLock::new(|| load_chinook().expect("the Chinook data fit their models"));
    LOADED.fork().expect("a database in memory can be forked")
}

fn load_chinook() -> Result<Db> {
    let db = chinook::app().open_memory()?;
    load::<Artist>("chinook", &db)?;
    load::<Album>("chinook", &db)?;
    load::<Genre>("chinook", &db)?;
    load::<MediaType>("chinook", &db)?;
    load::<Track>("chinook", &db)?;
    load::<Playlist>("chinook", &db)?;
    load::<PlaylistTrack>("chinook", &db)?;
    load::<Employee>("chinook", &db)?;
    load::<Customer>("chinook", &db)?;
    load::<Invoice>("chinook", &db)?;
    load::<InvoiceLine>("chinook", &db)?;
    Ok(db)
}

/// Loads the rows of a model from the file named for its table.
pub fn load<M: Model>(folder: &str, db: &Db) -> Result<()> {
    let path = file(&format!("{folder}/{}.csv", M::meta().table));
    let mut reader =
        csv::Reader::from_path(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let headers = reader.headers().expect("a header row").clone();
    let columns: Vec<&FieldMeta> = M::meta().columns().map(|(_, field)| field).collect();
    let places: Vec<usize> = columns
        .iter()
        .map(|field| headers.iter().position(|name| name == field.column))
        .map(|place| place.expect("every column of the model is in the file"))
        .collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.expect("a row of CSV");
        let values: Vec<Value> =
            columns.iter().zip(&places).map(|(field, place)| value(field, &record[*place])).collect();
        let row = M::decode(&values[..]);
        rows.push(row.unwrap_or_else(|error| panic!("{}: {error:?} in {record:?}", M::NAME)));
    }
    M::all_objects().bulk_create(rows, db)?;
    Ok(())
}

/// The type of a field's column; of a key, that of the key it points at.
fn data_type(field: &FieldMeta) -> DataType {
    let key = |meta: &'static ModelMeta| meta.field(meta.primary_key[0]).expect("a primary key");
    match field.kind {
        FieldKind::Column(data_type) => data_type,
        FieldKind::ForeignKey { target, .. } => data_type(key(target())),
        other => panic!("{other:?} has no column"),
    }
}

fn value(field: &FieldMeta, text: &str) -> Value {
    if text == "\\N" {
        return Value::Null;
    }
    let parsed = match data_type(field) {
        DataType::Bool => text
            .parse()
            .ok()
            .or(match text {
                "t" | "1" | "True" => Some(true),
                "f" | "0" | "False" => Some(false),
                _ => None,
            })
            .map(Value::Bool),
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
    };
    parsed.unwrap_or_else(|| panic!("{} cannot be {text:?}", field.name))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
