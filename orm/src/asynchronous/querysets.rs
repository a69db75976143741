//! The twins of the verbs of querysets.

use hashbrown::HashMap;
use nuages_engine::explain::Explanation;

use super::{Awaited, RowStream};
use crate::{
    assignment::Assignments,
    delete::Deleted,
    error::Result,
    executor::Executor,
    expression::condition::Condition,
    field::Field,
    model::Model,
    order::Orderings,
    path::{Col, Hop, Root},
    queryset::{BulkOptions, QuerySet},
    row::{Row, Select, Selection, ValuesRow},
};

impl<M: Model, R: Row> QuerySet<M, R> {
    twins! {
        /// [`all`](QuerySet::all).
        aall = all() -> Vec<R>;
        /// [`first`](QuerySet::first).
        afirst = first() -> Option<R>;
        /// [`last`](QuerySet::last).
        alast = last() -> Option<R>;
        /// [`earliest`](QuerySet::earliest).
        aearliest = earliest(order: impl Orderings<M> + Clone) -> R;
        /// [`latest`](QuerySet::latest).
        alatest = latest(order: impl Orderings<M> + Clone) -> R;
        /// [`get`](QuerySet::get).
        aget = get(condition: impl Condition<M> + Clone) -> R;
        /// [`explain`](QuerySet::explain).
        aexplain = explain() -> Explanation;
    }

    /// [`one`](QuerySet::one).
    ///
    /// # Errors
    /// As its twin.
    pub async fn aone(self, ex: &dyn Executor) -> Result<R> {
        ex.awaiting(|tx| self.clone().one(tx)).await
    }

    /// [`next_by`](QuerySet::next_by).
    ///
    /// # Errors
    /// As its twin.
    pub async fn anext_by<H: Hop, T: Field, K>(
        &self,
        field: Col<Root<M>, H, T, K>,
        row: &M,
        ex: &dyn Executor,
    ) -> Result<R> {
        ex.awaiting(|tx| self.next_by(field, row, tx)).await
    }

    /// [`previous_by`](QuerySet::previous_by).
    ///
    /// # Errors
    /// As its twin.
    pub async fn aprevious_by<H: Hop, T: Field, K>(
        &self,
        field: Col<Root<M>, H, T, K>,
        row: &M,
        ex: &dyn Executor,
    ) -> Result<R> {
        ex.awaiting(|tx| self.previous_by(field, row, tx)).await
    }

    /// [`iterator`](QuerySet::iterator), as a stream.
    ///
    /// # Errors
    /// [`Misuse::NotAllowed`](crate::error::Misuse::NotAllowed) after `prefetch_related`. What the query fails with is
    /// an item of the stream.
    pub fn aiterator<'x>(&self, ex: &'x dyn Executor) -> Result<RowStream<'x, M, R>> {
        self.refuse_unchunked()?;
        Ok(self.aiterator_by(usize::MAX, ex))
    }

    /// [`iterator_by`](QuerySet::iterator_by), as a stream.
    ///
    /// ```
    /// use futures_util::TryStreamExt;
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Artist { pub id: Auto<i64>, #[related(Album::artist)] pub albums: Related<Album> }
    /// # #[derive(Model, Clone)] pub struct Album { pub id: Auto<i64>, #[field(on_delete = Cascade)] pub artist: ForeignKey<Artist> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> nuages::Result<()> {
    /// # let db = App::new().models((Artist::app(), Album::app())).open_memory()?;
    /// # Artist::objects().bulk_create((0..10).map(|_| new!(Artist {})), &db)?;
    /// let mut artists = Artist::objects().prefetch_related(Artist::albums).aiterator_by(100, &db);
    /// while let Some(artist) = artists.try_next().await? {
    ///     assert!(artist.albums.all(&db)?.is_empty());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn aiterator_by<'x>(&self, chunk_size: usize, ex: &'x dyn Executor) -> RowStream<'x, M, R> {
        RowStream::new(self.state().clone(), chunk_size, ex)
    }
}

impl<M: Model, R: Row> QuerySet<M, R> {
    twins! {
        /// [`count`](QuerySet::count).
        acount = count() -> u64;
        /// [`exists`](QuerySet::exists).
        aexists = exists() -> bool;
        /// [`update`](QuerySet::update).
        aupdate = update(assignments: impl Assignments<M> + Clone) -> u64;
        /// [`delete`](QuerySet::delete).
        adelete = delete() -> Deleted;
        /// [`aggregate_values`](QuerySet::aggregate_values).
        aaggregate_values = aggregate_values(selection: impl Selection<M> + Clone) -> ValuesRow;
    }

    /// [`contains`](QuerySet::contains).
    ///
    /// # Errors
    /// As its twin.
    pub async fn acontains(&self, instance: &M, ex: &dyn Executor) -> Result<bool> {
        ex.awaiting(|tx| self.contains(instance, tx)).await
    }

    /// [`aggregate`](QuerySet::aggregate).
    ///
    /// # Errors
    /// As its twin.
    pub async fn aaggregate<S: Select<M> + Clone>(&self, selection: S, ex: &dyn Executor) -> Result<S::Out> {
        ex.awaiting(|tx| self.aggregate(selection.clone(), tx)).await
    }
}

impl<M: Model> QuerySet<M> {
    twins! {
        /// [`create`](QuerySet::create).
        acreate = create(instance: M) -> M;
        /// [`in_bulk`](QuerySet::in_bulk).
        ain_bulk = in_bulk(keys: impl IntoIterator<Item = M::Pk> + Clone) -> HashMap<M::Pk, M>;
        /// [`bulk_create`](QuerySet::bulk_create).
        abulk_create = bulk_create(instances: impl IntoIterator<Item = M> + Clone) -> Vec<M>;
        /// [`bulk_create_with`](QuerySet::bulk_create_with).
        abulk_create_with =
            bulk_create_with(instances: impl IntoIterator<Item = M> + Clone, options: BulkOptions) -> Vec<M>;
    }

    /// [`bulk_update`](QuerySet::bulk_update).
    ///
    /// # Errors
    /// As its twin.
    pub async fn abulk_update<'m>(
        &self,
        instances: impl IntoIterator<Item = &'m M> + Clone,
        fields: impl Selection<M> + Clone,
        ex: &dyn Executor,
    ) -> Result<u64> {
        ex.awaiting(|tx| self.bulk_update(instances.clone(), fields.clone(), tx)).await
    }

    /// [`get_or_create`](QuerySet::get_or_create). `new` may be called more than once.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aget_or_create(
        &self,
        condition: impl Condition<M> + Clone,
        new: impl Fn() -> M,
        ex: &dyn Executor,
    ) -> Result<(M, bool)> {
        ex.awaiting(|tx| self.get_or_create(condition.clone(), &new, tx)).await
    }

    /// [`update_or_create`](QuerySet::update_or_create). `change` and `new` may be called more than once.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aupdate_or_create(
        &self,
        condition: impl Condition<M> + Clone,
        change: impl Fn(&mut M),
        new: impl Fn() -> M,
        ex: &dyn Executor,
    ) -> Result<(M, bool)> {
        ex.awaiting(|tx| self.update_or_create(condition.clone(), &change, &new, tx)).await
    }
}
