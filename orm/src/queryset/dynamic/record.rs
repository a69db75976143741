//! A row by name, and how it is stored.
//!
//! Records are stored through the type of their model: [`create`] and [`save`] are instantiated where a model is
//! registered, and the app keeps them as functions. So a record has its model's defaults and wakes its receivers.

use std::fmt;

use nuages_storage::{DataType, Value};

use super::NamedRow;
use crate::{
    delete::{self, Deleted},
    error::{Error, IntegrityKind, Misuse, Result},
    executor::{Executor, finish_write},
    field::{RowReader, network::as_stored},
    insert::ValueList,
    meta::{FieldMeta, ModelMeta},
    model::{KeyValues, Model},
    queryset::{QueryState, can_hold, has_key},
    read,
    save::Persist,
    words::{self, reading},
};

/// A row of a model that is known by name.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] #[model(app = "shop")]
/// # pub struct Film { pub id: Auto<i64>, pub title: String, pub year: Option<i32> }
/// # let db = App::new().models(Film::app()).open_memory()?;
/// let mut film = db.objects("shop.Film")?.create([("title", "Metropolis")], &db)?;
/// film.set("year", "1927")?;
/// film.save(&db)?;
/// let year = Film::objects().values_list(Film::year).one(&db)?;
/// assert_eq!((year, film.get("year")?), (Some(1927), &1927.into()));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Record {
    model: &'static ModelMeta,
    /// The values of the columns, by position.
    values: Vec<Value>,
}

impl Record {
    /// The row that an instance is.
    pub fn of<M: Model>(instance: &M) -> Record {
        let values = ValueList::of(instance).into_iter().map(Option::unwrap_or_default).collect();
        Record { model: M::meta(), values }
    }

    /// The instance of a model that the row is.
    ///
    /// # Errors
    /// [`Error::Decode`] for a value that its field cannot hold; [`Error::Unregistered`] if it is a row of another
    /// model.
    pub fn to_instance<M: Model>(&self) -> Result<M> {
        if M::meta() != self.model {
            return Err(Error::Unregistered { model: M::NAME });
        }
        if M::meta().parent.is_some() {
            return Err(Misuse::Other("a record has no columns of the row that it extends").into());
        }
        crate::row::decode(&self.values[..], 0).map_err(|error| read::decode_error(self.model, error))
    }

    /// Whose row it is.
    pub const fn meta(&self) -> &'static ModelMeta {
        self.model
    }

    /// The primary key.
    pub fn pk(&self) -> KeyValues {
        let key = self.model.primary_key.iter();
        key.map(|field| self.values[self.model.position(*field)].clone()).collect()
    }

    /// The value of a column, by the name of its field: `title`, `pk`, and for a key `author` or `author_id`.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn get(&self, name: &str) -> Result<&Value> {
        let field = words::own_column(self.model, name)?;
        Ok(&self.values[self.model.position(field)])
    }

    /// Writes the value of a column; `save` stores it. Text is converted to the type of the column.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::Validation`] for a text that is no value of the column.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) -> Result<()> {
        let field = words::own_column(self.model, name)?;
        self.values[self.model.position(field)] = converted(self.model, field, value.into())?;
        Ok(())
    }

    /// The names of its fields with columns, and their values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.model.columns().map(|(_, field)| field.name).zip(&self.values)
    }

    /// Stores the row, as [`Persist::save`] does.
    ///
    /// # Errors
    /// As [`Persist::save`]; [`Error::Decode`] for a value that its field cannot hold.
    pub fn save(&mut self, ex: &dyn Executor) -> Result<()> {
        let typed = ex.shared().app().typed(self.model);
        let typed = typed.ok_or(Error::Unregistered { model: self.model.name })?;
        *self = (typed.save)(self, ex)?;
        Ok(())
    }

    /// Deletes the row and what its foreign keys say.
    ///
    /// # Errors
    /// As [`Persist::delete`].
    pub fn delete(&self, ex: &dyn Executor) -> Result<Deleted> {
        let mut state = QueryState::new(self.model);
        state.add_condition(has_key(self.model, &self.pk()));
        finish_write(ex, delete::by_queryset(&state, ex))
    }
}

impl NamedRow for Record {
    fn read<R: RowReader + ?Sized>(row: &R, model: &'static ModelMeta, _: &[String]) -> Self {
        Record { model, values: (0..model.column_count()).map(|column| row.value(column)).collect() }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.model)?;
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Display for Record {
    /// Django's `Post object (1)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} object (", self.model.name)?;
        for (part, value) in self.pk().iter().enumerate() {
            let comma = if part == 0 { "" } else { ", " };
            write!(f, "{comma}{value}")?;
        }
        f.write_str(")")
    }
}

/// A value for a column: text is read as the column's type.
pub(crate) fn converted(model: &'static ModelMeta, field: u16, value: Value) -> Result<Value> {
    let described = model.field(field);
    let data_type = described.and_then(|field| words::column_type(field.kind));
    let (Value::Text(text), Some(data_type)) = (&value, data_type) else { return Ok(value) };
    if matches!(data_type, DataType::Text { .. }) {
        let stored = described.and_then(|field| as_stored(field.format, text));
        return Ok(stored.map_or(value, Value::Text));
    }
    reading::read(text, data_type).map_err(|_| {
        let name = model.field(field).map_or("", |field| field.name);
        Error::invalid(name, "invalid", format!("{value} is not a valid value of type {data_type}."))
    })
}

/// Stores a new row of `M`. See the [module](self).
pub(crate) fn create<M: Model>(values: &[(u16, Value)], ex: &dyn Executor) -> Result<Record> {
    let mut draft = M::Draft::default();
    for (field, value) in values {
        let Some(meta) = M::meta().field(*field) else { continue };
        if value.is_null() && !meta.null && !meta.auto {
            return Err(without_value::<M>(meta));
        }
        if value.is_null() && meta.auto {
            continue;
        }
        if M::read_part(&mut draft, *field, std::slice::from_ref(value), 0).is_err() {
            can_hold::<M>(*field, value)?;
        }
    }
    let instance = M::finish(draft).map_err(|missing| {
        let field = M::meta().fields.iter().find(|field| field.name == missing.field);
        field.map_or(Error::Unregistered { model: M::NAME }, without_value::<M>)
    })?;
    Ok(Record::of(&instance.insert(ex)?))
}

/// What the database would say of a NULL.
fn without_value<M: Model>(field: &FieldMeta) -> Error {
    Error::Integrity {
        kind: IntegrityKind::NotNull,
        table: M::meta().table.to_owned(),
        constraint: None,
        columns: [field.column.to_owned()].into(),
        values: [].into(),
        related: None,
    }
}

/// Stores a row of `M` that was read and changed.
pub(crate) fn save<M: Model>(record: &Record, ex: &dyn Executor) -> Result<Record> {
    let mut instance = record.to_instance::<M>()?;
    instance.save(ex)?;
    Ok(Record::of(&instance))
}
