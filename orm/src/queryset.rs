//! Querysets: rows that are asked for, one call after the other, and read when a verb is given an executor.
//!
//! A [`QuerySet<M, R>`] is over rows of the model `M` and yields `R`. It is lazy, bound to no database, cheap to
//! clone and `Send`. The calls that keep the row are methods of the trait [`Queryset`], so a custom queryset is an
//! ordinary trait over it; those that change the row are methods of `QuerySet`.
//!
//! ```
//! use nuages::prelude::*;
//! # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String, pub view_count: u32 }
//! trait PostQuery: Queryset<Model = Post> {
//!     fn popular(self) -> Self {
//!         self.filter(Post::view_count.gt(1000))
//!     }
//! }
//! impl<Q: Queryset<Model = Post>> PostQuery for Q {}
//!
//! let titles: QuerySet<Post, String> = Post::objects().popular().values_list(Post::title).order_by(Post::title);
//! ```
//!
//! A builder never fails: a call that what stands before it forbids is kept, and told by the verb.
//!
//! Order of reading: [`state`] (what is kept); [`build`] (the calls that keep the row); `shape` (those that change it);
//! `relations` (what `select_related` and `prefetch_related` take); [`loading`] (`only` and `defer`); `resolve` (reuse
//! of annotations); [`iterator`]; [`lent`] (rows without copies); `bound` (a queryset on an executor, which keeps its
//! rows); `compiled`, [`prepared`] and `cache` (what is compiled once and run often); [`dynamic`] (models known by name).

pub mod bound;
pub mod build;
mod bulk;
pub(crate) mod cache;
mod combine;
pub(crate) mod compiled;
mod complete;
pub(crate) mod conflict;
pub mod dates;
pub mod dynamic;
mod empty;
mod explain;
mod extended;
mod get;
pub mod iterator;
mod key;
pub mod lent;
pub mod loading;
pub mod lock;
mod names;
mod neighbour;
pub mod prepared;
pub mod relations;
mod resolve;
mod run;
mod shape;
mod shown;
pub mod state;
mod summary;
mod write;

use std::fmt;
use std::marker::PhantomData;

use crate::model::Model;

pub use bound::BoundQuerySet;
pub use build::Queryset;
pub use dynamic::{Dynamic, Record, Words};
pub use prepared::{Prepared, prepare};
pub(crate) use shape::Nodes;
pub use shape::{Annotates, Is, Projection, projected};
pub use state::QueryState;

pub use conflict::CreateOptions;
pub use write::BulkOptions;

pub(crate) use complete::{AnyRow, prefetch_into};
pub(crate) use key::fetch_by_key;
pub(crate) use names::function_name;
pub(crate) use run::{
    columns_of, fetch_instances, first_row, has_key, has_key_of, keys_in, lock as lock_rows,
    plain_instances_of,
};
pub(crate) use summary::{aggregate, count};
pub(crate) use write::{can_hold, check_choices, own_columns, update};

/// Rows of `M`, read as `R`.
#[must_use = "a queryset is lazy: it does nothing until a verb such as `all` is given an executor"]
pub struct QuerySet<M, R = M> {
    state: QueryState,
    types: PhantomData<fn() -> (M, R)>,
}

impl<M, R> QuerySet<M, R> {
    /// The queryset that a state describes. Whoever calls it vouches for the types.
    pub const fn from_state(state: QueryState) -> Self {
        QuerySet { state, types: PhantomData }
    }

    /// What it asks for.
    pub const fn state(&self) -> &QueryState {
        &self.state
    }

    /// The same, to be changed. Whoever calls it leaves the row as it is.
    pub(crate) const fn state_mut(&mut self) -> &mut QueryState {
        &mut self.state
    }

    /// What it asks for, owned.
    pub fn into_state(self) -> QueryState {
        self.state
    }
}

impl<M: Model> QuerySet<M> {
    /// All rows of the model.
    pub fn new() -> Self {
        QuerySet::from_state(QueryState::new(M::meta()))
    }
}

impl<M: Model> Default for QuerySet<M> {
    fn default() -> Self {
        QuerySet::new()
    }
}

impl<M, R> Clone for QuerySet<M, R> {
    fn clone(&self) -> Self {
        QuerySet { state: self.state.clone(), types: PhantomData }
    }
}

impl<M, R> fmt::Debug for QuerySet<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}
