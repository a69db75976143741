//! Abstract bases: fields that several models have, declared once.

use super::{Hook, Hooks, Member};
use crate::error::Result;
use crate::executor::Executor;
use crate::meta::FieldMeta;

/// Fields that models take over; Django's abstract base classes. `derive(Model)` implements it for a struct with
/// `#[model(abstract)]`.
///
/// A model has a field of the base's type with `#[model(flatten)]`. Its columns, in the place of that field, are then
/// the model's own: they stand in its table, `new!` takes and demands them, paths, conditions, orders and partial rows
/// name them without the base. On an instance they are reached through the field. Of the base's options the model
/// takes over `ordering` and `get_latest_by` if it has none, `index` and `unique_together` besides its own; the
/// functions `clean`, `before_save` and their kin run before the model's, on the base's part of the instance. A base
/// may flatten another. It has no table, is not added to the app, and is named by its own name, not by an alias.
///
/// ```
/// use nuages::prelude::*;
///
/// #[derive(Model, Clone, Debug)]
/// #[model(abstract, ordering = [-created_at, title], before_save = Self::tidy)]
/// pub struct Publication {
///     #[field(max_length = 200)]
///     pub title: String,
///     #[field(auto_now_add)]
///     pub created_at: DateTime,
/// }
///
/// impl Publication {
///     fn tidy(&mut self) {
///         self.title = self.title.trim().to_owned();
///     }
/// }
///
/// #[derive(Model, Clone, Debug)]
/// pub struct Book {
///     pub id: Auto<i64>,
///     #[model(flatten)]
///     pub publication: Publication,
///     #[field(max_length = 13)]
///     pub isbn: String,
/// }
///
/// # fn main() -> Result<()> {
/// let db = App::new().models(Book::app()).open_memory()?;
/// let mut book = Book::objects().create(new!(Book { title: " Nuages ", isbn: "9780132350884" }), &db)?;
/// assert_eq!(book.publication.title, "Nuages");
/// book.publication.title = "Minor Swing".into();
/// book.save(&db)?;
/// let titles: Vec<String> = Book::objects().filter(Book::created_at.lte(book.publication.created_at))
///     .values_list(Book::title).all(&db)?;
/// assert_eq!(titles, ["Minor Swing"]);
/// # Ok(())
/// # }
/// ```
pub trait Base: Clone + Send + Sync + 'static {
    /// The values of its fields, in their order; those of the bases it flattens in their place.
    type Fields;

    /// What it does itself when a model that has it is saved or deleted.
    const HOOKS: Hooks = Hooks { save: false, delete: false };

    /// The base with these values.
    fn assemble(fields: Self::Fields) -> Self;

    /// Runs what the base does itself at a moment, and then what its model does.
    ///
    /// # Errors
    /// What its function returns.
    fn run_hook(&mut self, _hook: Hook<'_>, _ex: &dyn Executor) -> Result<()> {
        Ok(())
    }

    /// Runs the base's own `clean`.
    ///
    /// # Errors
    /// What its function returns.
    fn run_clean(&self, _ex: &dyn Executor) -> Result<()> {
        Ok(())
    }
}

/// One field of a [`Base`], by its place: what a model that flattens the base asks of it.
pub trait BaseField<const PLACE: usize> {
    /// Its type.
    type Type: Member;
    /// Its description.
    const META: FieldMeta;
    /// The value that it has when `new!` leaves it out; none if it must be written.
    fn unwritten() -> Option<Self::Type>;
    /// The field.
    fn get(&self) -> &Self::Type;
    /// The field, to be changed.
    fn get_mut(&mut self) -> &mut Self::Type;
}
