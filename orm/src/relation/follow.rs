//! Following a key: `post.author.get(&db)?`.

use std::{panic::Location, sync::Arc};

use nuages_storage::Value;

use super::{ForeignKey, Forward, OneToOne, held::Held};
use crate::{
    error::{Error, Result},
    executor::{Executor, FetchMode, warnings::Place},
    instance::key_of,
    meta::ModelMeta,
    model::{Key, Model},
    queryset::{QueryState, fetch_by_key, fetch_instances, keys_in},
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
    /// [`Error::Unsaved`] for a key that was never set, [`Error::DoesNotExist`] for one without a row;
    /// [`Error::FetchBlocked`] and [`Error::FollowedTooOften`] where the executor or the queryset wants it so.
    #[track_caller]
    fn get(&self, ex: &dyn Executor) -> Result<Self::Out<'_>> {
        self.get_at(Location::caller(), ex)
    }

    /// [`get`](Follow::get) for a line of the program.
    #[doc(hidden)]
    fn get_at(&self, place: &'static Location<'static>, ex: &dyn Executor) -> Result<Self::Out<'_>>;
}

impl<M: Model> ForeignKey<M> {
    fn row(&self, place: Place, ex: &dyn Executor) -> Result<&M> {
        if let Some(row) = self.loaded() {
            return Ok(row);
        }
        let key = self.key().ok_or(Error::Unsaved { model: M::NAME, wanted: "a followed key" })?;
        let value: Value = key.values().first().cloned().unwrap_or_default();
        let fetch_one =
            |ex: &dyn Executor| Ok(fetch_by_key::<M>(&value, ex)?.map(|row| Held::from(Arc::new(row))));
        let row = match self.origin() {
            Some(origin) => origin.find(&value, ex, place, fetch_one, fetch_peers::<M>)?,
            None if ex.settings().fetch_mode == Some(FetchMode::Raise) => {
                return Err(Error::FetchBlocked { model: M::NAME, field: "" });
            }
            None => fetch_one(ex)?,
        };
        Ok(self.keep_held(row.ok_or(Error::DoesNotExist { model: M::NAME })?))
    }
}

/// The rows with these keys.
fn fetch_peers<M: Model>(
    keys: &[Value],
    _: &'static ModelMeta,
    _: u16,
    ex: &dyn Executor,
) -> Result<Vec<(Value, M)>> {
    let mut state = QueryState::new(M::meta());
    state.add_condition(keys_in(keys.iter().cloned()));
    let rows = fetch_instances::<M>(&state, ex)?;
    Ok(rows.into_iter().filter_map(|row| Some((key_of(&row)?, row))).collect())
}

macro_rules! follow {
    ($($type:ident)*) => {$(
        impl<M: Model> Follow for $type<M> where $type<M>: Forward<Model = M> {
            type Out<'a> = &'a M;

            fn get_at(&self, place: Place, ex: &dyn Executor) -> Result<&M> {
                self.row(place, ex)
            }
        }

        impl<M: Model> Follow for Option<$type<M>> where Option<$type<M>>: Forward<Model = M> {
            type Out<'a> = Option<&'a M>;

            fn get_at(&self, place: Place, ex: &dyn Executor) -> Result<Option<&M>> {
                self.as_ref().map(|key| key.row(place, ex)).transpose()
            }
        }
    )*};
}
follow! { ForeignKey OneToOne }
