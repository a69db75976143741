//! What a model is to the compiler.
//!
//! `derive(Model)` implements [`Model`] with as little code of its own as it can: what a field's *type* decides is
//! asked of the trait [`Member`], never of the type's name, so aliases work. From a field's number back to its type
//! lead two ways. [`Model::any_member`] gives the field as an [`AnyMember`], for what is done with columns. [`Model::visit`]
//! calls a [`FieldVisitor`] with the accessor of the field, statically typed: what is done with relations (reading what
//! they lead to, filling caches) is a visitor.
//!
//! Order of reading: [`Model`]; [`Member`]; [`FieldVisitor`]; `key` (primary keys); [`hook`] (what a model overrides).

mod base;
mod describe;
pub mod hook;
mod key;
mod member;
pub mod obligation;
mod proxy;
mod visit;

use std::any::Any;

use nuages_storage::Value;

use crate::draft::MissingField;
use crate::error::Result;
use crate::executor::Executor;
use crate::field::{DecodeError, RowReader, RowWriter};
use crate::meta::ModelMeta;
use crate::path::{Cols, Path, Root};
use crate::queryset::QuerySet;
use crate::row::Row;

pub use base::{Base, BaseField};
pub use describe::Describe;
pub use hook::{Hook, Hooks};
pub use key::{Key, KeyValues};
pub use member::{KeyOf, Member, member_value};
pub use proxy::Proxy;
pub use visit::{Accessor, AnyMember, FieldVisitor};

/// A struct whose instances are rows of a table. Implemented by `derive(Model)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model",
    label = "not a model",
    note = "put `#[derive(Model, Clone)]` on the struct"
)]
pub trait Model: Row + Clone + Send + Sync + 'static {
    /// The primary key: the value of one field, or a tuple of several.
    type Pk: Key;
    /// The tokens of the fields, seen through a path.
    type Cols<P: Path>: Cols;
    /// What `new!` fills and [`Partial`](crate::partial::Partial) rows are read into: a slot for every field.
    type Draft: Clone + Default + Send + Sync;
    /// The struct's name.
    const NAME: &'static str;
    /// For each field its name and whether `new!` must write it.
    const REQUIRED: &'static [(&'static str, bool)];

    /// What it does itself when it is saved or deleted.
    const HOOKS: Hooks = Hooks { save: false, delete: false };

    /// The description.
    fn meta() -> &'static ModelMeta;

    /// The tokens of the fields. `Post::cols().title` is the long form of `Post::title`.
    fn cols() -> &'static Self::Cols<Root<Self>> {
        Cols::REF
    }

    /// The rows of the default manager: all, unless the model says `#[model(objects = ..)]`.
    fn objects() -> QuerySet<Self> {
        Self::all_objects()
    }

    /// All rows, whatever the default manager leaves out. Forward keys and cascades use it.
    fn all_objects() -> QuerySet<Self> {
        QuerySet::new()
    }

    /// The instance that a draft describes: what was not written has its default.
    fn finish(draft: Self::Draft) -> Result<Self, MissingField>;

    /// The primary key, if it is set.
    fn pk(&self) -> Option<Self::Pk>;

    /// Writes the columns of a row, in their order.
    fn encode<W: RowWriter>(&self, row: &mut W);

    /// Reads a row, and binds its relations to its key.
    fn decode<R: RowReader + ?Sized>(row: &R) -> Result<Self, DecodeError>;

    /// Reads one column into a draft.
    fn read_part<R: RowReader + ?Sized>(
        draft: &mut Self::Draft,
        field: u16,
        row: &R,
        column: usize,
    ) -> Result<(), DecodeError>;

    /// The slot of a field of a draft: a `OnceLock` of the field's type, or for a `Parent` of what a draft has of it.
    fn slot_mut(draft: &mut Self::Draft, field: u16) -> Option<&mut dyn Any>;

    /// The value of a field of a draft as the engine sees it, if it was written.
    fn part(draft: &Self::Draft, field: u16) -> Option<Value>;

    /// A field, whatever its type; `None` if there is no such field.
    fn any_member(&self, field: u16) -> Option<&dyn AnyMember>;

    /// A field, whatever its type, to be changed; `None` if there is no such field.
    fn any_member_mut(&mut self, field: u16) -> Option<&mut dyn AnyMember>;

    /// Calls the visitor with the accessor of a field; `None` if there is no such field.
    fn visit<V: FieldVisitor<Self>>(field: u16, visitor: V) -> Option<V::Output>;

    /// Tells the reverse and many-to-many relations whose they are. Those that belonged to another key forget what
    /// was prefetched. Whoever changes the primary key calls it.
    fn bind(&mut self);

    /// Runs what the model does itself at a moment.
    ///
    /// # Errors
    /// What its function returns.
    fn run_hook(&mut self, _hook: Hook<'_>, _ex: &dyn Executor) -> Result<()> {
        Ok(())
    }

    /// Runs the model's own `clean`.
    ///
    /// # Errors
    /// What its function returns.
    fn run_clean(&self, _ex: &dyn Executor) -> Result<()> {
        Ok(())
    }
}
