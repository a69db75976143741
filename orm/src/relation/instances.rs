//! What a related manager's `add`, `remove` and `set` take.

use nuages_storage::Value;

use crate::{
    error::{Error, Misuse, Result},
    instance,
    model::Model,
};

/// Instances to be related: one, or a list of them.
pub trait Instances<T> {
    /// Calls `visit` with each.
    fn each(self, visit: &mut dyn FnMut(&T));
}

impl<T> Instances<T> for &T {
    fn each(self, visit: &mut dyn FnMut(&T)) {
        visit(self);
    }
}

impl<T> Instances<T> for &[T] {
    fn each(self, visit: &mut dyn FnMut(&T)) {
        self.iter().for_each(visit);
    }
}

impl<T> Instances<T> for &Vec<T> {
    fn each(self, visit: &mut dyn FnMut(&T)) {
        self.iter().for_each(visit);
    }
}

impl<T, const COUNT: usize> Instances<T> for [&T; COUNT] {
    fn each(self, visit: &mut dyn FnMut(&T)) {
        self.into_iter().for_each(visit);
    }
}

impl<T> Instances<T> for Vec<&T> {
    fn each(self, visit: &mut dyn FnMut(&T)) {
        self.into_iter().for_each(visit);
    }
}

/// The keys of instances, all of which must have one.
pub(super) fn keys<T: Model>(instances: impl Instances<T>, wanted: &'static str) -> Result<Vec<Value>> {
    if T::meta().primary_key.len() > 1 {
        return Err(Misuse::Other("a relation of a row with a composite key").into());
    }
    let (mut keys, mut unsaved) = (Vec::new(), false);
    instances.each(&mut |instance| match instance::key_of(instance) {
        Some(key) => keys.push(key),
        None => unsaved = true,
    });
    if unsaved { Err(Error::Unsaved { model: T::NAME, wanted }) } else { Ok(keys) }
}
