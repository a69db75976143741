//! Relations as fields of an instance: a key or the owner's key, and what was read.
//!
//! A relation never lies about loading: it holds what a query with `select_related` or `prefetch_related` put there,
//! or it is asked for with an executor. `Debug` and `PartialEq` look at keys, never into caches.
//!
//! Order of reading: `forward` ([`ForeignKey`], [`OneToOne`], and the trait [`Forward`] that their `Option`s share),
//! `reverse` ([`Related`], [`RelatedOne`]), `many_to_many`.

mod follow;
mod forward;
mod manager;
mod many_to_many;
mod pairs;
mod reverse;

use nuages_storage::Value;

use crate::meta::ModelMeta;
use crate::model::KeyValues;

pub use follow::Follow;
pub use forward::{ForeignKey, Forward, OneToOne};
pub use manager::Instances;
pub use many_to_many::{ManyToMany, Through};
pub use reverse::{Related, RelatedOne};

/// Whose relation it is: the field, and the key of the row.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// The model that has the field.
    pub model: &'static ModelMeta,
    /// The field.
    pub field: u16,
    /// The row's primary key.
    pub key: KeyValues,
}

impl Owner {
    /// The only value of the key, if it has one only.
    pub fn single_key(&self) -> Option<&Value> {
        match &*self.key {
            [key] => Some(key),
            _ => None,
        }
    }

    /// Puts a new owner in the place of the old; whether it is another row.
    fn replace(
        owner: &mut Option<Owner>,
        model: &'static ModelMeta,
        field: u16,
        key: Option<&KeyValues>,
    ) -> bool {
        if owner.as_ref().map(|owner| &owner.key) == key {
            return false;
        }
        *owner = key.map(|key| Owner { model, field, key: key.clone() });
        true
    }
}
