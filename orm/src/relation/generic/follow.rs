//! Following a generic key: `sticker.target.get::<Film>(&db)?`, and the rows of many keys at once.

use std::{
    any::Any,
    panic::Location,
    sync::{Arc, OnceLock},
};

use hashbrown::HashMap;
use indexmap::{IndexMap, IndexSet};
use nuages_storage::Value;

use super::{Generic, GenericForeignKey};
use crate::{
    error::{Error, Result},
    executor::{
        Executor, FetchMode,
        fetch::with_mode,
        warnings::{Place, SingleRead, read_single},
    },
    field::{ContentType, Field},
    meta::ModelMeta,
    model::{Accessor, Model},
    prefetch::Shared,
    queryset::{QueryState, Record, keys_in},
    relation::{held::Erased, holder::Holder, origin::Arrival},
    signal::Typed,
};

/// What the rows of one result know of one of their generic keys.
pub(crate) struct GenericOrigin {
    arrival: Arrival,
    /// The keys of all peers.
    keys: Vec<(ContentType, Value)>,
    /// The rows of all peers, once they were read.
    rows: OnceLock<Found>,
}

/// Rows of several models, by content type and key.
type Found = HashMap<(ContentType, Value), Shared>;

impl<K: Field<Base = K>> GenericForeignKey<K> {
    /// The row, which must be one of `M`: at once if it was read, by a query otherwise, which is kept.
    ///
    /// # Errors
    /// [`Error::OtherModel`] if the key leads to a row of another model; [`Error::DoesNotExist`] if there is no such
    /// row; [`Error::UnknownName`] for a content type that no model of the app has; [`Error::Unsaved`] for a key that
    /// was never set; [`Error::FetchBlocked`] and [`Error::FollowedTooOften`] where the executor wants it so.
    #[track_caller]
    pub fn get<M: Model<Pk = K>>(&self, ex: &dyn Executor) -> Result<&M> {
        if let (Some(content_type), false) = (&self.content_type, self.is::<M>()) {
            let found = content_type.meta(ex)?;
            return Err(Error::OtherModel { wanted: M::meta(), found });
        }
        self.find(ex)?.ok_or(Error::DoesNotExist { model: M::NAME })
    }

    /// The row, if it is one of `M` and is there.
    ///
    /// # Errors
    /// As [`get`](GenericForeignKey::get), but for what is no such row.
    #[track_caller]
    pub fn find<M: Model<Pk = K>>(&self, ex: &dyn Executor) -> Result<Option<&M>> {
        match self.content_type {
            Some(_) if !self.is::<M>() => Ok(None),
            _ => Ok(self.row(ex, Location::caller())?.and_then(|row| row.downcast_ref())),
        }
    }

    /// The row, of whatever model it is; none if there is none any more, as in Django.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone)] #[model(app = "lab")] pub struct Film { pub id: Auto<i64>, pub title: String }
    /// # #[derive(Model, Clone)]
    /// # pub struct Sticker { pub id: Auto<i64>, pub word: String, #[model(generic)] pub target: GenericForeignKey }
    /// # let db = App::new().models((Film::app(), Sticker::app())).open_memory()?;
    /// # let film = Film::objects().create(new!(Film { title: "Metropolis" }), &db)?;
    /// # Sticker::objects().create(new!(Sticker { word: "silent", target: &film }), &db)?;
    /// for sticker in Sticker::objects().prefetch_related(Sticker::target).all(&db)? {
    ///     let Some(target) = sticker.target.record(&db)? else { continue };
    ///     assert_eq!((target.meta().to_string().as_str(), target.get("title")?), ("lab.Film", &"Metropolis".into()));
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`find`](GenericForeignKey::find).
    #[track_caller]
    pub fn record(&self, ex: &dyn Executor) -> Result<Option<Record>> {
        let (Some(row), Some(content_type)) = (self.row(ex, Location::caller())?, &self.content_type) else {
            return Ok(None);
        };
        Ok((typed(content_type, ex)?.record)(row))
    }

    /// The key as the core has it.
    fn values(&self) -> Option<(ContentType, Value)> {
        Some((self.content_type.clone()?, self.object_id.as_ref()?.to_value()))
    }

    fn row(&self, ex: &dyn Executor, place: Place) -> Result<Option<&(dyn Any + Send + Sync)>> {
        if let Some(row) = self.cache.get() {
            return Ok(row.as_ref().and_then(Erased::get));
        }
        let (model, field) = self.place.map_or(("row", ""), |(model, field)| {
            (model.name, model.field(field).map_or("", |field| field.name))
        });
        let (content_type, key) =
            self.values().ok_or(Error::Unsaved { model, wanted: "a followed generic key" })?;
        let Arrival { mode: said, result } =
            self.origin.as_ref().map(|origin| origin.arrival).unwrap_or_default();
        let row = match (said.or(ex.settings().fetch_mode).unwrap_or_default(), &self.origin) {
            (FetchMode::Raise, _) => return Err(Error::FetchBlocked { model, field }),
            (FetchMode::Peers, Some(origin)) => origin.rows(ex)?.get(&(content_type, key)).cloned(),
            (FetchMode::One | FetchMode::Peers, _) => {
                if let Some((model, field)) = self.place {
                    read_single(ex, SingleRead { model, field, result, place })?;
                }
                let typed = typed(&content_type, ex)?;
                with_mode(said, ex, |ex| (typed.fetch_one)(&key, ex))?
            }
        };
        Ok(self.keep(row))
    }
}

impl GenericOrigin {
    /// The rows of all peers.
    fn rows(&self, ex: &dyn Executor) -> Result<&Found> {
        if let Some(rows) = self.rows.get() {
            return Ok(rows);
        }
        let keys = by_type(self.keys.iter().cloned());
        let rows = with_mode(Some(FetchMode::Peers), ex, |ex| {
            rows_of(keys, |model| Ok(QueryState::new(model)), ex)
        })?;
        Ok(self.rows.get_or_init(|| rows))
    }
}

/// What knows the type of the rows of a content type.
fn typed<'x>(content_type: &ContentType, ex: &'x dyn Executor) -> Result<&'x Typed> {
    let meta = content_type.meta(ex)?;
    ex.shared().app().typed(meta).ok_or(Error::Unregistered { model: meta.name })
}

/// Keys by content type, in the order in which they came.
fn by_type(keys: impl Iterator<Item = (ContentType, Value)>) -> IndexMap<ContentType, IndexSet<Value>> {
    let mut found: IndexMap<ContentType, IndexSet<Value>> = IndexMap::new();
    for (content_type, key) in keys {
        found.entry(content_type).or_default().insert(key);
    }
    found
}

/// The rows with these keys among those that are wanted of each model: one query for each.
fn rows_of(
    keys: IndexMap<ContentType, IndexSet<Value>>,
    wanted: impl Fn(&'static ModelMeta) -> Result<QueryState>,
    ex: &dyn Executor,
) -> Result<Found> {
    let mut found = Found::new();
    for (content_type, keys) in keys {
        let mut state = wanted(content_type.meta(ex)?)?;
        state.add_condition(keys_in(keys));
        for (key, row) in (typed(&content_type, ex)?.fetch_shared)(&state, ex)? {
            found.insert((content_type.clone(), key), row);
        }
    }
    Ok(found)
}

/// Tells the generic keys of a result which keys they came with.
pub(crate) fn attach<M: Model, H: Holder<M>, F: Generic>(
    holders: &mut [&mut H],
    field: Accessor<M, F>,
    arrival: Arrival,
) {
    let keys = holders.iter_mut().filter_map(|holder| {
        let key = holder.field(field)?.as_generic()?;
        key.values().filter(|_| !key.is_read())
    });
    let origin = Arc::new(GenericOrigin { arrival, keys: keys.collect(), rows: OnceLock::new() });
    for holder in holders.iter_mut() {
        let Some(key) = holder.field(field).filter(|key| key.as_generic().is_some()) else { continue };
        let key = key.generic_mut();
        if !key.is_read() {
            key.origin = Some(origin.clone());
        }
    }
}

/// Reads the rows that generic keys lead to, and keeps them there: of some content types, and of the rows that are
/// wanted of each model. Keys that were followed already stay as they are.
pub(crate) fn prefetch<M: Model, H: Holder<M>, F: Generic>(
    holders: &mut [&mut H],
    field: Accessor<M, F>,
    is_meant: impl Fn(&ContentType) -> bool,
    wanted: impl Fn(&'static ModelMeta) -> Result<QueryState>,
    ex: &dyn Executor,
) -> Result<()> {
    let asked = |key: &GenericForeignKey<F::Id>| {
        key.values().filter(|(content_type, _)| !key.is_read() && is_meant(content_type))
    };
    let mut keys = Vec::new();
    for holder in holders.iter_mut() {
        keys.extend(holder.field(field).and_then(|field| asked(field.as_generic()?)));
    }
    let found = rows_of(by_type(keys.into_iter()), wanted, ex)?;
    for holder in holders.iter_mut() {
        let Some(key) = holder.field(field).and_then(|field| field.as_generic()) else { continue };
        if let Some(values) = asked(key) {
            key.keep(found.get(&values).cloned());
        }
    }
    Ok(())
}
