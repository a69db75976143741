//! Following a key: `post.author.get(&db)?`.

use std::sync::Arc;

use nuages_storage::Value;

use super::{ForeignKey, Forward, OneToOne};
use crate::{
    error::{Error, Result},
    executor::Executor,
    model::{Key, Model},
    queryset::fetch_by_key,
};

/// Keys that can be followed: `ForeignKey`, `OneToOne`, and `Option`s of them.
pub trait Follow: Forward {
    /// A row, or for a key that may be NULL, perhaps one.
    type Out<'a>
    where
        Self: 'a;

    /// The row that the key is of: at once if it was read, by a query otherwise, which is kept.
    ///
    /// # Errors
    /// [`Error::Unsaved`] for a key that was never set, [`Error::DoesNotExist`] for one without a row.
    fn get(&self, ex: &dyn Executor) -> Result<Self::Out<'_>>;
}

impl<M: Model> ForeignKey<M> {
    fn row(&self, ex: &dyn Executor) -> Result<&M> {
        if let Some(row) = self.loaded() {
            return Ok(row);
        }
        let key = self.key().ok_or(Error::Unsaved { model: M::NAME, wanted: "a followed key" })?;
        let value: Value = key.values().first().cloned().unwrap_or_default();
        let row = fetch_by_key::<M>(&value, ex)?.ok_or(Error::DoesNotExist { model: M::NAME })?;
        Ok(self.keep(Arc::new(row)))
    }
}

macro_rules! follow {
    ($($type:ident)*) => {$(
        impl<M: Model> Follow for $type<M> where $type<M>: Forward<Model = M> {
            type Out<'a> = &'a M;

            fn get(&self, ex: &dyn Executor) -> Result<&M> {
                self.row(ex)
            }
        }

        impl<M: Model> Follow for Option<$type<M>> where Option<$type<M>>: Forward<Model = M> {
            type Out<'a> = Option<&'a M>;

            fn get(&self, ex: &dyn Executor) -> Result<Option<&M>> {
                self.as_ref().map(|key| key.row(ex)).transpose()
            }
        }
    )*};
}
follow! { ForeignKey OneToOne }
