//! What has fields of a model: an instance, or a row of which some fields were not read.

use nuages_storage::Value;

use super::origin::{self, Arrival};
use crate::{
    instance::{key_of, value_of},
    model::{Accessor, Model},
};

/// Something with fields of `M`, into which relations are read.
pub(crate) trait Holder<M: Model>: Sized {
    /// The primary key, if it is set and of one part.
    fn key(&self) -> Option<Value>;

    /// The value of a column, if it is there; NULL for a field without one.
    fn value(&self, field: u16) -> Option<Value>;

    /// A field, if it is there.
    fn field<F: 'static>(&mut self, field: Accessor<M, F>) -> Option<&mut F>;

    /// The instance, if it is one.
    fn whole(&self) -> Option<&M>;

    /// The instance, to be changed, if it is one.
    fn whole_mut(&mut self) -> Option<&mut M>;

    /// Tells the rows of a result which rows they came with, and how what they lack is to be read.
    fn came_from(holders: &mut [&mut Self], arrival: Arrival);
}

impl<M: Model> Holder<M> for M {
    fn key(&self) -> Option<Value> {
        key_of(self)
    }

    fn value(&self, field: u16) -> Option<Value> {
        Some(value_of(self, field))
    }

    fn field<F: 'static>(&mut self, field: Accessor<M, F>) -> Option<&mut F> {
        Some(field.get_mut(self))
    }

    fn whole(&self) -> Option<&M> {
        Some(self)
    }

    fn whole_mut(&mut self) -> Option<&mut M> {
        Some(self)
    }

    fn came_from(holders: &mut [&mut Self], arrival: Arrival) {
        origin::attach::<M, M>(holders, arrival);
    }
}
