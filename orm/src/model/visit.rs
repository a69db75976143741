//! From a field's number back to its type.

use super::Model;
use crate::field::Field;
use crate::relation::{Forward, Generic, ManyToMany, Related, RelatedOne, Through};

/// Where a field of type `F` lies in an instance of `M`.
pub struct Accessor<M, F> {
    /// The field's place in [`ModelMeta::fields`](crate::meta::ModelMeta::fields).
    pub index: u16,
    /// The field.
    pub get: fn(&M) -> &F,
    /// The field, to be changed.
    pub get_mut: fn(&mut M) -> &mut F,
}

impl<M, F> Clone for Accessor<M, F> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M, F> Copy for Accessor<M, F> {}

/// What is done with a field, by its kind; [`Model::visit`] calls one of the methods.
pub trait FieldVisitor<M: Model>: Sized {
    /// What comes out.
    type Output;
    /// The field is a value in a column.
    fn column<F: Field>(self, field: Accessor<M, F>) -> Self::Output;
    /// The field is a `ForeignKey`, a `OneToOne`, or an `Option` of one.
    fn forward<F: Forward>(self, field: Accessor<M, F>) -> Self::Output;
    /// The field is a many-to-many relation.
    fn many_to_many<T: Model, Th: Through>(self, field: Accessor<M, ManyToMany<T, Th>>) -> Self::Output;
    /// The field is the other side of a key or of a many-to-many relation.
    fn related<C: Model>(self, field: Accessor<M, Related<C>>) -> Self::Output;
    /// The field is the other side of a `OneToOne`.
    fn related_one<C: Model>(self, field: Accessor<M, RelatedOne<C>>) -> Self::Output;
    /// The field is a generic key, or an `Option` of one.
    fn generic<F: Generic>(self, field: Accessor<M, F>) -> Self::Output;
}
