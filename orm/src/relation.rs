//! Relations as fields of an instance: a key or the owner's key, and what was read.
//!
//! A relation never lies about loading: it holds what a query with `select_related` or `prefetch_related` put there,
//! or it is asked for with an executor. `Debug` and `PartialEq` look at keys, never into caches.
//!
//! Order of reading: `forward` ([`ForeignKey`], [`OneToOne`], and the trait [`Forward`] that their `Option`s share),
//! `generic` ([`GenericForeignKey`]), `parent` ([`Parent`]), `reverse` ([`Related`], [`RelatedOne`]), `many_to_many`;
//! `follow`, `one`, `manager` and `children` (the verbs); `origin` (fetch modes); `held` (how what was read is held).

mod children;
mod follow;
mod forward;
pub(crate) mod generic;
mod held;
pub(crate) mod holder;
mod instances;
mod manager;
mod many_to_many;
mod one;
pub(crate) mod origin;
mod pairs;
pub(crate) mod parent;
mod places;
mod reverse;

use std::sync::Arc;

use nuages_storage::Value;

use crate::error::{Error, Result};
use crate::executor::warnings::ResultId;
use crate::meta::ModelMeta;
use crate::model::{Key, KeyValues};

pub use follow::Follow;
pub use forward::{ForeignKey, Forward, OneToOne};
pub use generic::{Generic, GenericForeignKey};
pub use instances::{Instances, Relatable};
pub use manager::SetOptions;
pub use many_to_many::{ManyToMany, Through};
pub use parent::{Extended, Extends, Parent};
pub use reverse::{Related, RelatedOne};

/// Whose relation it is: the field, and the key of the row.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// The model that has the field.
    pub model: &'static ModelMeta,
    /// The field.
    pub field: u16,
    /// The result that the row came with, if it is known.
    pub(crate) result: Option<ResultId>,
    key: OwnerKey,
}

/// The primary key of the row that a relation belongs to. Every row that is read has one for each of its relations, so
/// an integer, as most are, costs no more than a word, and any other is shared between them.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnerKey(KeyParts);

#[derive(Clone, Debug, PartialEq)]
enum KeyParts {
    /// The row is not stored.
    Unset,
    Int(i64),
    /// Any other value, or several.
    Others(Arc<KeyValues>),
}

impl OwnerKey {
    /// That of a row with this key, or of one that is not stored.
    #[inline]
    pub fn of<K: Key>(key: Option<&K>) -> OwnerKey {
        OwnerKey(match key {
            None => KeyParts::Unset,
            Some(key) => match key.as_int() {
                Some(int) => KeyParts::Int(int),
                None => KeyParts::of(key.values()),
            },
        })
    }

    /// The same, of the values of its parts.
    pub(crate) fn of_values(values: Option<KeyValues>) -> OwnerKey {
        OwnerKey(values.map_or(KeyParts::Unset, KeyParts::of))
    }
}

impl KeyParts {
    fn of(values: KeyValues) -> KeyParts {
        match values[..] {
            [] => KeyParts::Unset,
            [Value::Int(int)] => KeyParts::Int(int),
            _ => KeyParts::Others(Arc::new(values)),
        }
    }
}

impl Owner {
    /// The only value of the key, if it has one only.
    pub fn single_key(&self) -> Option<Value> {
        match &self.key.0 {
            KeyParts::Int(int) => Some(Value::Int(*int)),
            KeyParts::Others(values) => match &values[..] {
                [value] => Some(value.clone()),
                _ => None,
            },
            KeyParts::Unset => None,
        }
    }

    /// Whether the row has a key, and so may have related rows.
    fn is_stored(&self) -> bool {
        !matches!(self.key.0, KeyParts::Unset)
    }

    /// The owner of a relation, if its row is stored.
    fn stored<'o>(owner: Option<&'o Owner>, related: &'static str) -> Result<&'o Owner> {
        match owner {
            Some(owner) if owner.is_stored() => Ok(owner),
            Some(Owner { model, field, .. }) => {
                let wanted = model.field(*field).map_or("a relation", |field| field.name);
                Err(Error::Unsaved { model: model.name, wanted })
            }
            None => Err(Error::Unsaved { model: related, wanted: "a relation" }),
        }
    }

    /// Puts a new owner in the place of the old; whether it is another row.
    #[inline]
    fn replace(owner: &mut Option<Owner>, model: &'static ModelMeta, field: u16, key: &OwnerKey) -> bool {
        match owner {
            Some(owner) if owner.key == *key => false,
            Some(owner) => {
                *owner = Owner { model, field, key: key.clone(), result: None };
                true
            }
            None => {
                *owner = Some(Owner { model, field, key: key.clone(), result: None });
                true
            }
        }
    }
}
