//! From a field's number to the field: to its column, whatever its type, or back to the type of a relation.

use std::any::Any;

use nuages_storage::Value;

use super::{Member, Model};
use crate::field::DecodeError;
use crate::path::Types;
use crate::relation::{Forward, Generic, ManyToMany, Related, RelatedOne, Through};

/// A field of any type, for what is done with its column alone: compiled once for each type of field, and not again
/// for each model.
pub trait AnyMember: Any {
    /// [`Member::column_value`].
    fn any_value(&self) -> Value;
    /// [`Member::set_column`].
    ///
    /// # Errors
    /// As [`Member::set_column`].
    fn set_any(&mut self, value: &Value) -> Result<(), DecodeError>;
    /// [`Member::stored`].
    fn any_stored(&self) -> Option<bool>;
    /// [`Member::set_stored`].
    fn set_any_stored(&mut self, stored: bool);
    /// [`Member::unset_column`].
    fn unset_any(&mut self);
}

impl<T: Member> AnyMember for T {
    fn any_value(&self) -> Value {
        self.column_value()
    }

    fn set_any(&mut self, value: &Value) -> Result<(), DecodeError> {
        self.set_column(value)
    }

    fn any_stored(&self) -> Option<bool> {
        self.stored()
    }

    fn set_any_stored(&mut self, stored: bool) {
        self.set_stored(stored);
    }

    fn unset_any(&mut self) {
        self.unset_column();
    }
}

/// Where a field of type `F` lies in an instance of `M`.
pub struct Accessor<M, F> {
    /// The field's place in [`ModelMeta::fields`](crate::meta::ModelMeta::fields).
    pub index: u16,
    types: Types<(M, F)>,
}

impl<M, F> Accessor<M, F> {
    /// That of the field at a place. Whoever calls it vouches for the type.
    pub const fn new(index: u16) -> Accessor<M, F> {
        Accessor { index, types: std::marker::PhantomData }
    }
}

impl<M: Model, F: 'static> Accessor<M, F> {
    /// The field.
    pub fn get(self, instance: &M) -> &F {
        let field = instance.any_member(self.index).map(|field| field as &dyn Any);
        field.and_then(|field| field.downcast_ref()).expect("an accessor is made for a field of its type")
    }

    /// The field, to be changed.
    pub fn get_mut(self, instance: &mut M) -> &mut F {
        let field = instance.any_member_mut(self.index).map(|field| field as &mut dyn Any);
        field.and_then(|field| field.downcast_mut()).expect("an accessor is made for a field of its type")
    }
}

impl<M, F> Clone for Accessor<M, F> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M, F> Copy for Accessor<M, F> {}

/// What is done with a relation, by its kind; [`Model::visit`] calls one of the methods.
pub trait FieldVisitor<M: Model>: Sized {
    /// What comes out.
    type Output;
    /// The field is a value in a column.
    fn column(self) -> Self::Output;
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
