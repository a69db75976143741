//! The twins of the verbs of relations.

use std::future::Future;

use super::Awaited;
use crate::{
    error::Result,
    executor::Executor,
    expression::condition::Condition,
    model::Model,
    relation::{Follow, Instances, ManyToMany, Relatable, Related, RelatedOne, SetOptions, Through},
};

/// Following keys in tasks.
pub trait AsyncFollow: Follow {
    /// [`get`](Follow::get).
    ///
    /// # Errors
    /// As its twin.
    fn aget(&self, ex: &dyn Executor) -> impl Future<Output = Result<Self::Out<'_>>> {
        async move {
            ex.awaiting(|tx| self.get(tx).map(drop)).await?;
            self.get(ex)
        }
    }
}

impl<F: Follow> AsyncFollow for F {}

impl<C: Model> RelatedOne<C> {
    /// [`get`](RelatedOne::get).
    ///
    /// # Errors
    /// As its twin.
    pub async fn aget(&self, ex: &dyn Executor) -> Result<Option<&C>> {
        ex.awaiting(|tx| self.get(tx).map(drop)).await?;
        self.get(ex)
    }
}

impl<T: Model, Th: Through> ManyToMany<T, Th> {
    /// [`all`](ManyToMany::all), to be owned.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aall(&self, ex: &dyn Executor) -> Result<Vec<T>> {
        ex.awaiting(|tx| Ok(self.all(tx)?.into_owned())).await
    }

    twins! {
        /// [`count`](ManyToMany::count).
        acount = count() -> u64;
        /// [`exists`](ManyToMany::exists).
        aexists = exists() -> bool;
    }

    changing_twins! {
        /// [`add`](ManyToMany::add).
        aadd = add(rows: impl Relatable<T> + Clone) -> ();
        /// [`remove`](ManyToMany::remove).
        aremove = remove(rows: impl Relatable<T> + Clone) -> ();
        /// [`set`](ManyToMany::set).
        aset = set(rows: impl Relatable<T> + Clone) -> ();
        /// [`set_with`](ManyToMany::set_with).
        aset_with = set_with(rows: impl Relatable<T> + Clone, options: SetOptions) -> ();
        /// [`clear`](ManyToMany::clear).
        aclear = clear() -> ();
        /// [`create`](ManyToMany::create).
        acreate = create(instance: T) -> T;
    }

    /// [`get_or_create`](ManyToMany::get_or_create). `new` may be called more than once.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aget_or_create(
        &mut self,
        condition: impl Condition<T> + Clone,
        new: impl Fn() -> T,
        ex: &dyn Executor,
    ) -> Result<(T, bool)> {
        let (changed, result) = ex
            .awaiting(|tx| {
                let mut copy = self.clone();
                let result = copy.get_or_create(condition.clone(), &new, tx)?;
                Ok((copy, result))
            })
            .await?;
        *self = changed;
        Ok(result)
    }

    /// [`update_or_create`](ManyToMany::update_or_create). `change` and `new` may be called more than once.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aupdate_or_create(
        &mut self,
        condition: impl Condition<T> + Clone,
        change: impl Fn(&mut T),
        new: impl Fn() -> T,
        ex: &dyn Executor,
    ) -> Result<(T, bool)> {
        let (changed, result) = ex
            .awaiting(|tx| {
                let mut copy = self.clone();
                let result = copy.update_or_create(condition.clone(), &change, &new, tx)?;
                Ok((copy, result))
            })
            .await?;
        *self = changed;
        Ok(result)
    }
}

impl<C: Model> Related<C> {
    /// [`all`](Related::all), to be owned.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aall(&self, ex: &dyn Executor) -> Result<Vec<C>> {
        ex.awaiting(|tx| Ok(self.all(tx)?.into_owned())).await
    }

    twins! {
        /// [`count`](Related::count).
        acount = count() -> u64;
        /// [`exists`](Related::exists).
        aexists = exists() -> bool;
    }

    changing_twins! {
        /// [`add`](Related::add).
        aadd = add(rows: impl Relatable<C> + Clone) -> ();
        /// [`remove`](Related::remove).
        aremove = remove(rows: impl Relatable<C> + Clone) -> ();
        /// [`set`](Related::set).
        aset = set(rows: impl Relatable<C> + Clone) -> ();
        /// [`set_with`](Related::set_with).
        aset_with = set_with(rows: impl Relatable<C> + Clone, options: SetOptions) -> ();
        /// [`clear`](Related::clear).
        aclear = clear() -> ();
        /// [`create`](Related::create).
        acreate = create(instance: C) -> C;
    }

    /// [`get_or_create`](Related::get_or_create). `new` may be called more than once.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aget_or_create(
        &mut self,
        condition: impl Condition<C> + Clone,
        new: impl Fn() -> C,
        ex: &dyn Executor,
    ) -> Result<(C, bool)> {
        let (changed, result) = ex
            .awaiting(|tx| {
                let mut copy = self.clone();
                let result = copy.get_or_create(condition.clone(), &new, tx)?;
                Ok((copy, result))
            })
            .await?;
        *self = changed;
        Ok(result)
    }

    /// [`update_or_create`](Related::update_or_create). `change` and `new` may be called more than once.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aupdate_or_create(
        &mut self,
        condition: impl Condition<C> + Clone,
        change: impl Fn(&mut C),
        new: impl Fn() -> C,
        ex: &dyn Executor,
    ) -> Result<(C, bool)> {
        let (changed, result) = ex
            .awaiting(|tx| {
                let mut copy = self.clone();
                let result = copy.update_or_create(condition.clone(), &change, &new, tx)?;
                Ok((copy, result))
            })
            .await?;
        *self = changed;
        Ok(result)
    }
}

impl<T: Model, Th: Model> ManyToMany<T, Th> {
    /// [`add_with`](ManyToMany::add_with). `pair` may be called more than once.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aadd_with(
        &mut self,
        instances: impl Instances<T> + Clone,
        pair: impl Fn(&T) -> Th,
        ex: &dyn Executor,
    ) -> Result<()> {
        let changed = ex
            .awaiting(|tx| {
                let mut copy = self.clone();
                copy.add_with(instances.clone(), &pair, tx)?;
                Ok(copy)
            })
            .await?;
        *self = changed;
        Ok(())
    }
}
