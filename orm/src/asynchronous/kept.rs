//! The twins of the verbs of querysets that keep something: their plan, if they were prepared, or their rows, if they
//! are bound to an executor.
//!
//! ```
//! use nuages::prelude::*;
//! # #[derive(Model, Clone)] #[model(ordering = [id])] pub struct Track { pub id: Auto<i64>, pub title: String }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> nuages::Result<()> {
//! # let db = App::new().models(Track::app()).open_memory()?;
//! # Track::objects().bulk_create(["Nuages", "Daphne"].map(|title| new!(Track { title })), &db)?;
//! let by_title = prepare(|title: Param<String>| Track::objects().filter(Track::title.eq(title)), &db)?;
//! assert_eq!(by_title.aget("Daphne", &db).await?.id, 2);
//!
//! let tracks = Track::objects().on(&db);
//! for track in tracks.arows().await? {
//!     println!("{}", track.title);
//! }
//! assert_eq!(tracks.acount().await?, 2); // of the rows that were read
//! # Ok(())
//! # }
//! ```

use std::{borrow::Cow, ops::RangeBounds};

use super::{Awaited, RowStream};
use crate::{
    assignment::Assignments,
    delete::Deleted,
    error::Result,
    executor::Executor,
    expression::{Arguments, Params},
    model::Model,
    queryset::{
        BoundQuerySet, QuerySet,
        prepared::{Aggregation, Deleting, Prepared, Updating},
    },
    row::Row,
};

impl<M: Model, R: Row, P: Params> Prepared<QuerySet<M, R>, P> {
    twins! {
        /// [`all`](Prepared::all).
        aall = all(arguments: impl Arguments<P> + Clone) -> Vec<R>;
        /// [`first`](Prepared::first).
        afirst = first(arguments: impl Arguments<P> + Clone) -> Option<R>;
        /// [`get`](Prepared::get).
        aget = get(arguments: impl Arguments<P> + Clone) -> R;
        /// [`count`](Prepared::count).
        acount = count(arguments: impl Arguments<P> + Clone) -> u64;
        /// [`exists`](Prepared::exists).
        aexists = exists(arguments: impl Arguments<P> + Clone) -> bool;
    }
}

impl<M: Model, Out: Row, P: Params> Prepared<Aggregation<M, Out>, P> {
    twins! {
        /// `run`.
        arun = run(arguments: impl Arguments<P> + Clone) -> Out;
    }
}

impl<M: Model, P: Params> Prepared<Updating<M>, P> {
    twins! {
        /// `run`.
        arun = run(arguments: impl Arguments<P> + Clone) -> u64;
    }
}

impl<M: Model, P: Params> Prepared<Deleting<M>, P> {
    twins! {
        /// `run`.
        arun = run(arguments: impl Arguments<P> + Clone) -> Deleted;
    }
}

impl<M: Model, R: Row> BoundQuerySet<'_, M, R> {
    /// Answers from the rows that were read, which waits for nothing, or by a query that awaits its locks.
    async fn answer<T>(&self, verb: impl Fn(&BoundQuerySet<'_, M, R>) -> Result<T>) -> Result<T> {
        if self.is_read() {
            return verb(self);
        }
        self.executor().awaiting(|tx| verb(&self.queryset().clone().on(tx))).await
    }

    /// [`rows`](BoundQuerySet::rows): Django's `async for` over a queryset.
    ///
    /// # Errors
    /// As its twin.
    pub async fn arows(&self) -> Result<&[R]> {
        if !self.is_read() {
            self.keep(self.queryset().aall(self.executor()).await?);
        }
        self.rows()
    }

    /// The rows as a stream, of which nothing is kept. See [`QuerySet::aiterator`].
    ///
    /// # Errors
    /// As [`QuerySet::aiterator`].
    pub fn aiterator(&self) -> Result<RowStream<'_, M, R>> {
        self.queryset().aiterator(self.executor())
    }

    /// [`len`](BoundQuerySet::len).
    ///
    /// # Errors
    /// As its twin.
    pub async fn alen(&self) -> Result<usize> {
        Ok(self.arows().await?.len())
    }

    /// [`count`](BoundQuerySet::count).
    ///
    /// # Errors
    /// As its twin.
    pub async fn acount(&self) -> Result<u64> {
        self.answer(|rows| rows.count()).await
    }

    /// [`exists`](BoundQuerySet::exists).
    ///
    /// # Errors
    /// As its twin.
    pub async fn aexists(&self) -> Result<bool> {
        self.answer(|rows| rows.exists()).await
    }
}

impl<M: Model, R: Row + Clone> BoundQuerySet<'_, M, R> {
    /// [`get`](BoundQuerySet::get), to be owned.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aget(&self, index: usize) -> Result<Option<R>> {
        self.answer(|rows| Ok(rows.get(index)?.map(Cow::into_owned))).await
    }

    /// [`range`](BoundQuerySet::range), to be owned.
    ///
    /// # Errors
    /// As its twin.
    pub async fn arange(&self, range: impl RangeBounds<usize> + Clone) -> Result<Vec<R>> {
        self.answer(|rows| Ok(rows.range(range.clone())?.into_owned())).await
    }

    /// [`first`](BoundQuerySet::first), to be owned.
    ///
    /// # Errors
    /// As its twin.
    pub async fn afirst(&self) -> Result<Option<R>> {
        self.answer(|rows| Ok(rows.first()?.map(Cow::into_owned))).await
    }

    /// [`last`](BoundQuerySet::last).
    ///
    /// # Errors
    /// As its twin.
    pub async fn alast(&self) -> Result<Option<R>> {
        self.queryset().alast(self.executor()).await
    }
}

impl<M: Model + Row> BoundQuerySet<'_, M> {
    /// [`contains`](BoundQuerySet::contains).
    ///
    /// # Errors
    /// As its twin.
    pub async fn acontains(&self, instance: &M) -> Result<bool> {
        self.answer(|rows| rows.contains(instance)).await
    }
}

impl<M: Model, R: Row> BoundQuerySet<'_, M, R> {
    /// [`update`](BoundQuerySet::update). Rows that were read are forgotten.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aupdate(&mut self, assignments: impl Assignments<M> + Clone) -> Result<u64> {
        self.forget();
        self.queryset().aupdate(assignments, self.executor()).await
    }

    /// [`delete`](BoundQuerySet::delete). Rows that were read are forgotten.
    ///
    /// # Errors
    /// As its twin.
    pub async fn adelete(&mut self) -> Result<Deleted> {
        self.forget();
        self.queryset().adelete(self.executor()).await
    }
}
