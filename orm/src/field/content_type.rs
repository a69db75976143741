//! The model of a row, as a value.

use std::fmt;

use nuages_storage::DataType;

use super::{DecodeError, Field, RowReader, RowWriter};
use crate::{
    draft::IntoField,
    error::Result,
    executor::Executor,
    expression::class,
    meta::ModelMeta,
    model::Model,
    path::NotNull,
    queryset::{Dynamic, QuerySet, Record},
};

/// The model of the row that a [`GenericForeignKey`](crate::relation::GenericForeignKey) points at: its label,
/// `blog.Post`.
///
/// Django keeps a table of content types and writes their numbers into rows. A label needs no table and no query, and
/// means the same in every database, fork and backup.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] #[model(app = "lab")] pub struct Film { pub id: Auto<i64>, pub title: String }
/// let films = ContentType::of::<Film>();
/// assert_eq!((films.label(), films.app(), films.model()), ("lab.Film", "lab", "Film"));
/// # let db = App::new().models(Film::app()).open_memory()?;
/// assert_eq!(films.objects(&db)?.count(&db)?, 0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentType(String);

impl ContentType {
    /// That of a model. A proxy has that of the model it stands for.
    pub fn of<M: Model>() -> ContentType {
        ContentType(M::meta().label())
    }

    /// The label: `blog.Post`.
    pub fn label(&self) -> &str {
        &self.0
    }

    /// The label of the model's app: `blog`.
    pub fn app(&self) -> &str {
        self.0.split_once('.').map_or("", |(app, _)| app)
    }

    /// The model's name: `Post`.
    pub fn model(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(_, model)| model)
    }

    /// Whether it is that of a model.
    pub fn is<M: Model>(&self) -> bool {
        self.is_of(M::meta())
    }

    pub(crate) fn is_of(&self, meta: &ModelMeta) -> bool {
        self.app() == meta.app && self.model() == meta.name
    }

    /// The model.
    ///
    /// # Errors
    /// [`Error::UnknownName`](crate::Error::UnknownName) if the executor's app has none of this label.
    pub fn meta(&self, ex: &dyn Executor) -> Result<&'static ModelMeta> {
        ex.shared().app().meta_named(&self.0)
    }

    /// The rows of the model's default manager, by name.
    ///
    /// # Errors
    /// As [`meta`](ContentType::meta).
    pub fn objects(&self, ex: &dyn Executor) -> Result<QuerySet<Dynamic, Record>> {
        ex.shared().app().objects(&self.0)
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Field for ContentType {
    type Base = ContentType;
    type Class = class::Text;
    type Null = NotNull;
    const DATA_TYPE: DataType = DataType::Text { max_length: None };

    fn base(&self) -> Option<&ContentType> {
        Some(self)
    }

    fn encode<W: RowWriter>(&self, row: &mut W, column: usize) {
        row.text(column, &self.0);
    }

    fn decode<R: RowReader + ?Sized>(row: &R, column: usize) -> Result<Self, DecodeError> {
        match row.text(column) {
            Some(label) => Ok(ContentType(label.into())),
            None => Err(DecodeError::new(row, column, Self::DATA_TYPE)),
        }
    }
}

/// A model's label, whether there is such a model or not.
impl From<&str> for ContentType {
    fn from(label: &str) -> ContentType {
        ContentType(label.to_owned())
    }
}

#[diagnostic::do_not_recommend]
impl IntoField<ContentType> for &str {
    fn into_field(self) -> ContentType {
        self.into()
    }
}
