//! The twins of the verbs of instances, and of rows of which some fields were not read.

use std::{future::Future, panic::Location};

use super::{Awaited, changing};
use crate::{
    assignment::Assignments,
    delete::{DeleteOptions, Deleted},
    draft::{Own, Slot},
    error::Result,
    executor::Executor,
    field::Field,
    model::Model,
    partial::Partial,
    path::{Col, Hop, Root},
    queryset::QuerySet,
    row::{Row, Selection},
    save::{Persist, SaveOptions},
};

/// The verbs of instances that await their locks.
pub trait AsyncPersist: Persist {
    trait_twins! {
        /// [`save`](Persist::save).
        asave = save() -> ();
        /// [`save_with`](Persist::save_with).
        asave_with = save_with(options: SaveOptions) -> ();
        /// [`save_fields`](Persist::save_fields).
        asave_fields = save_fields(fields: impl Selection<Self> + Clone) -> ();
        /// [`save_set`](Persist::save_set).
        asave_set = save_set(assignments: impl Assignments<Self> + Clone) -> ();
        /// [`delete`](Persist::delete).
        adelete = delete() -> Deleted;
        /// [`delete_with`](Persist::delete_with).
        adelete_with = delete_with(options: DeleteOptions) -> Deleted;
        /// [`refresh`](Persist::refresh).
        arefresh = refresh() -> ();
        /// [`refresh_fields`](Persist::refresh_fields).
        arefresh_fields = refresh_fields(fields: impl Selection<Self> + Clone) -> ();
    }

    /// [`refresh_from`](Persist::refresh_from).
    ///
    /// # Errors
    /// As its twin.
    fn arefresh_from(
        &mut self,
        rows: &QuerySet<Self>,
        ex: &dyn Executor,
    ) -> impl Future<Output = Result<()>> {
        changing(self, ex, move |copy, tx| copy.refresh_from(rows, tx))
    }

    /// [`next_by`](Persist::next_by).
    ///
    /// # Errors
    /// As its twin.
    fn anext_by<H: Hop, T: Field, K>(
        &self,
        field: Col<Root<Self>, H, T, K>,
        ex: &dyn Executor,
    ) -> impl Future<Output = Result<Self>>
    where
        Self: Row,
    {
        async move { ex.awaiting(|tx| self.next_by(field, tx)).await }
    }

    /// [`previous_by`](Persist::previous_by).
    ///
    /// # Errors
    /// As its twin.
    fn aprevious_by<H: Hop, T: Field, K>(
        &self,
        field: Col<Root<Self>, H, T, K>,
        ex: &dyn Executor,
    ) -> impl Future<Output = Result<Self>>
    where
        Self: Row,
    {
        async move { ex.awaiting(|tx| self.previous_by(field, tx)).await }
    }

    /// [`insert`](Persist::insert).
    ///
    /// # Errors
    /// As its twin.
    fn ainsert(self, ex: &dyn Executor) -> impl Future<Output = Result<Self>> {
        async move { ex.awaiting(|tx| self.clone().insert(tx)).await }
    }
}

impl<M: Persist> AsyncPersist for M {}

impl<M: Model> Partial<M> {
    changing_twins! {
        /// [`save`](Partial::save).
        asave = save() -> ();
        /// [`refresh`](Partial::refresh).
        arefresh = refresh() -> ();
    }

    /// [`get`](Partial::get).
    ///
    /// # Errors
    /// As its twin.
    #[track_caller]
    pub fn aget<F: Own<M> + Copy>(
        &self,
        field: F,
        ex: &dyn Executor,
    ) -> impl Future<Output = Result<&<M::Draft as Slot<F::Hop>>::Value>>
    where
        M::Draft: Slot<F::Hop>,
    {
        let place = Location::caller();
        async move {
            ex.awaiting(|tx| self.get_at(place, field, tx).map(drop)).await?;
            self.get_at(place, field, ex)
        }
    }

    /// [`whole`](Partial::whole).
    ///
    /// # Errors
    /// As its twin.
    #[track_caller]
    pub fn awhole(self, ex: &dyn Executor) -> impl Future<Output = Result<M>> {
        let place = Location::caller();
        async move { ex.awaiting(|tx| self.clone().whole_at(place, tx)).await }
    }
}
