//! What a related manager's `add`, `remove` and `set` take.

use nuages_storage::Value;

use crate::{
    error::{Error, Misuse, Result},
    instance,
    model::{Key, Model},
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

/// Rows to be related: instances, or bare keys; one, or a list. A key of no row is refused when the relation is stored,
/// or at commit.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `{T}`, nor the key of one",
    label = "expected `{T}` rows: `&row`, `[&one, &other]`, `&rows`, or their keys"
)]
pub trait Relatable<T> {
    /// Calls `visit` with the key of each; with none for an instance without one.
    fn each_key(self, visit: &mut dyn FnMut(Option<Value>));
}

macro_rules! instances {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: Model, $($generics)*> Relatable<T> for $type {
            fn each_key(self, visit: &mut dyn FnMut(Option<Value>)) {
                self.each(&mut |instance: &T| visit(instance::key_of(instance)));
            }
        }
    )*};
}
instances! {
    [] &T;
    [] &[T];
    [] &Vec<T>;
    [const COUNT: usize] [&T; COUNT];
    [] Vec<&T>;
}

macro_rules! bare_keys {
    ($($key:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: Model<Pk = $key>> Relatable<T> for $key {
            fn each_key(self, visit: &mut dyn FnMut(Option<Value>)) {
                visit(self.values().first().cloned());
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T: Model<Pk = $key>, const COUNT: usize> Relatable<T> for [$key; COUNT] {
            fn each_key(self, visit: &mut dyn FnMut(Option<Value>)) {
                self.iter().for_each(|key| visit(key.values().first().cloned()));
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T: Model<Pk = $key>> Relatable<T> for Vec<$key> {
            fn each_key(self, visit: &mut dyn FnMut(Option<Value>)) {
                self.iter().for_each(|key| visit(key.values().first().cloned()));
            }
        }
    )*};
}
bare_keys! { i64, uuid::Uuid, String }

/// The keys of rows, all of which must have one.
pub(super) fn keys<T: Model>(rows: impl Relatable<T>, wanted: &'static str) -> Result<Vec<Value>> {
    if T::meta().primary_key.len() > 1 {
        return Err(Misuse::Other("a relation of a row with a composite key").into());
    }
    let (mut keys, mut unsaved) = (Vec::new(), false);
    rows.each_key(&mut |key| match key {
        Some(key) => keys.push(key),
        None => unsaved = true,
    });
    if unsaved { Err(Error::Unsaved { model: T::NAME, wanted }) } else { Ok(keys) }
}
