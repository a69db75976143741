//! Where a row came from: which rows came with it, and how what they lack is read.
//!
//! A relation to one row (a key, or the other side of a `OneToOne`) holds a pointer to an [`Origin`] if a fetch mode
//! was said when its row was read, or somebody asked for row by row reads to be limited or warned of; all rows of the
//! result share it. Following the relation asks the origin, which
//! reads the one row, or those of all peers at once and keeps them, or refuses.

use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use indexmap::IndexSet;
use nuages_storage::Value;

use super::{
    Forward, Generic, ManyToMany, Related, RelatedOne, Through, generic, held::Held, holder::Holder,
};
use crate::{
    error::{Error, Result},
    executor::{
        Executor, FetchMode,
        fetch::with_mode,
        warnings::{Place, ResultId, SingleRead, read_single},
    },
    meta::{FieldKind, ModelMeta},
    model::{Accessor, FieldVisitor, Key, Model},
};

/// How the rows of a result came: what says how they are to be followed, and which result it was, so far as somebody
/// asked for that to be known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrival {
    pub(crate) mode: Option<FetchMode>,
    pub(crate) result: Option<ResultId>,
}

/// What the rows of one result know of one of their relations to `T`.
pub(crate) struct Origin<T> {
    model: &'static ModelMeta,
    field: u16,
    arrival: Arrival,
    /// What the rows are told apart by on the other side: their keys, or those they point at.
    keys: Vec<Value>,
    /// The related rows of all peers, once they were read.
    rows: OnceLock<HashMap<Value, Held<T>>>,
}

/// How rows are read by some of their keys, each with its own.
pub(super) type FetchPeers<T> =
    fn(&[Value], &'static ModelMeta, u16, &dyn Executor) -> Result<Vec<(Value, T)>>;

impl<T: Send + Sync + 'static> Origin<T> {
    /// The row for one key, if there is one.
    pub(super) fn find(
        &self,
        key: &Value,
        ex: &dyn Executor,
        place: Place,
        fetch_one: impl FnOnce(&dyn Executor) -> Result<Option<Held<T>>>,
        fetch_peers: FetchPeers<T>,
    ) -> Result<Option<Held<T>>> {
        if let Some(rows) = self.rows.get() {
            return Ok(rows.get(key).cloned());
        }
        let mode = self.arrival.mode.or(ex.settings().fetch_mode).unwrap_or_default();
        match mode {
            FetchMode::Raise => {
                let field = self.model.field(self.field).map_or("", |field| field.name);
                Err(Error::FetchBlocked { model: self.model.name, field })
            }
            FetchMode::Peers if self.keys.len() > 1 => {
                let rows =
                    with_mode(Some(mode), ex, |ex| fetch_peers(&self.keys, self.model, self.field, ex))?;
                let rows = self
                    .rows
                    .get_or_init(|| rows.into_iter().map(|(k, row)| (k, Arc::new(row).into())).collect());
                Ok(rows.get(key).cloned())
            }
            FetchMode::One | FetchMode::Peers => {
                let Origin { model, field, arrival, .. } = *self;
                read_single(ex, SingleRead { model, field, result: arrival.result, place })?;
                with_mode(arrival.mode, ex, fetch_one)
            }
        }
    }
}

impl Arrival {
    /// Whether somebody asked for it to be known.
    pub(crate) fn is_wanted(ex: &dyn Executor) -> bool {
        let settings = ex.settings();
        let is_limited = settings.spending.as_ref().is_some_and(|spending| spending.limits_follows());
        settings.fetch_mode.is_some() || settings.row_by_row.is_some() || is_limited
    }

    /// That of so many rows that were just read, if somebody asked for it to be known.
    pub(crate) fn of(rows: usize, ex: &dyn Executor) -> Option<Arrival> {
        let settings = ex.settings();
        (rows > 0 && Arrival::is_wanted(ex)).then(|| Arrival {
            mode: settings.fetch_mode,
            result: settings.row_by_row.as_ref().and_then(|row_by_row| row_by_row.result(rows)),
        })
    }
}

/// Tells the rows of a result, and those joined to them, where they came from.
pub(crate) fn attach<M: Model, H: Holder<M>>(holders: &mut [&mut H], arrival: Arrival) {
    if holders.is_empty() {
        return;
    }
    for (index, field) in (0u16..).zip(M::meta().fields) {
        let is_attached = match field.kind {
            FieldKind::ForeignKey { .. } | FieldKind::Reverse { one: true, .. } | FieldKind::Generic => true,
            FieldKind::Reverse { one: false, .. } | FieldKind::ManyToMany { .. } => arrival.result.is_some(),
            FieldKind::Column(_) => false,
        };
        if is_attached {
            M::visit(index, Attach { holders, arrival });
        }
    }
}

struct Attach<'a, 'i, H> {
    holders: &'a mut [&'i mut H],
    arrival: Arrival,
}

impl<H> Attach<'_, '_, H> {
    fn origin<T>(&self, model: &'static ModelMeta, field: u16, keys: IndexSet<Value>) -> Arc<Origin<T>> {
        let keys = keys.into_iter().collect();
        Arc::new(Origin { model, field, arrival: self.arrival, keys, rows: OnceLock::new() })
    }
}

impl<M: Model, H: Holder<M>> FieldVisitor<M> for Attach<'_, '_, H> {
    type Output = ();

    fn column(self) {}

    fn forward<F: Forward>(self, field: Accessor<M, F>) {
        let keys = self.holders.iter_mut().filter_map(|holder| {
            let key = holder.field(field)?.as_key().filter(|key| key.loaded().is_none())?;
            key.key()?.values().first().cloned()
        });
        let keys = keys.collect();
        let origin = self.origin(M::meta(), field.index, keys);
        let mut joined: Vec<&mut F::Model> = Vec::new();
        for holder in self.holders.iter_mut() {
            let Some(key) = holder.field(field).and_then(F::as_key_mut) else { continue };
            if key.loaded().is_none() {
                key.came_with(origin.clone());
            } else {
                joined.extend(key.loaded_mut());
            }
        }
        attach(&mut joined, self.arrival);
    }

    fn many_to_many<T: Model, Th: Through>(self, field: Accessor<M, ManyToMany<T, Th>>) {
        for holder in self.holders.iter_mut() {
            if let Some(relation) = holder.field(field) {
                relation.came_with(self.arrival.result);
            }
        }
    }

    fn related<C: Model>(self, field: Accessor<M, Related<C>>) {
        for holder in self.holders.iter_mut() {
            if let Some(relation) = holder.field(field) {
                relation.came_with(self.arrival.result);
            }
        }
    }

    fn related_one<C: Model>(self, field: Accessor<M, RelatedOne<C>>) {
        let keys = self.holders.iter_mut().filter_map(|holder| {
            let is_unread = holder.field(field)?.loaded().is_none();
            holder.key().filter(|_| is_unread)
        });
        let keys = keys.collect();
        let origin = self.origin(M::meta(), field.index, keys);
        let mut joined: Vec<&mut C> = Vec::new();
        for holder in self.holders.iter_mut() {
            let Some(related) = holder.field(field) else { continue };
            if related.loaded().is_none() {
                related.came_with(origin.clone());
            } else {
                joined.extend(related.loaded_mut());
            }
        }
        attach(&mut joined, self.arrival);
    }

    fn generic<F: Generic>(self, field: Accessor<M, F>) {
        generic::attach(self.holders, field, self.arrival);
    }
}
