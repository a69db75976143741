//! Where a row came from: which rows came with it, and how what they lack is read.
//!
//! A relation to one row (a key, or the other side of a `OneToOne`) holds a pointer to an [`Origin`] if a fetch mode
//! was said when its row was read; all rows of the result share it. Following the relation asks the origin, which
//! reads the one row, or those of all peers at once and keeps them, or refuses.

use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use indexmap::IndexSet;
use nuages_storage::Value;

use super::{Forward, ManyToMany, Related, RelatedOne, Through, held::Held, holder::Holder};
use crate::{
    error::{Error, Result},
    executor::{Executor, FetchMode, budget, fetch::with_mode},
    field::Field,
    meta::{FieldKind, ModelMeta},
    model::{Accessor, FieldVisitor, Key, Model},
};

/// What the rows of one result know of one of their relations to `T`.
pub(crate) struct Origin<T> {
    model: &'static ModelMeta,
    field: u16,
    mode: Option<FetchMode>,
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
        fetch_one: impl FnOnce(&dyn Executor) -> Result<Option<Held<T>>>,
        fetch_peers: FetchPeers<T>,
    ) -> Result<Option<Held<T>>> {
        if let Some(rows) = self.rows.get() {
            return Ok(rows.get(key).cloned());
        }
        let mode = self.mode.or(ex.settings().fetch_mode).unwrap_or_default();
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
                budget::follow(ex, self.model, self.field)?;
                with_mode(self.mode, ex, fetch_one)
            }
        }
    }
}

/// Whether rows that are read through this executor must know where they came from.
pub(crate) fn is_wanted(ex: &dyn Executor) -> bool {
    let settings = ex.settings();
    settings.fetch_mode.is_some()
        || settings.spending.as_ref().is_some_and(|spending| spending.limits_follows())
}

/// Tells the rows of a result, and those joined to them, where they came from.
pub(crate) fn attach<M: Model, H: Holder<M>>(holders: &mut [&mut H], mode: Option<FetchMode>) {
    if holders.is_empty() {
        return;
    }
    for (index, field) in (0u16..).zip(M::meta().fields) {
        if let FieldKind::ForeignKey { .. } | FieldKind::Reverse { one: true, .. } = field.kind {
            M::visit(index, Attach { holders, mode });
        }
    }
}

struct Attach<'a, 'i, H> {
    holders: &'a mut [&'i mut H],
    mode: Option<FetchMode>,
}

impl<H> Attach<'_, '_, H> {
    fn origin<T>(&self, model: &'static ModelMeta, field: u16, keys: IndexSet<Value>) -> Arc<Origin<T>> {
        let keys = keys.into_iter().collect();
        Arc::new(Origin { model, field, mode: self.mode, keys, rows: OnceLock::new() })
    }
}

impl<M: Model, H: Holder<M>> FieldVisitor<M> for Attach<'_, '_, H> {
    type Output = ();

    fn column<F: Field>(self, _: Accessor<M, F>) {}

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
        attach(&mut joined, self.mode);
    }

    fn many_to_many<T: Model, Th: Through>(self, _: Accessor<M, ManyToMany<T, Th>>) {}

    fn related<C: Model>(self, _: Accessor<M, Related<C>>) {}

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
        attach(&mut joined, self.mode);
    }
}
