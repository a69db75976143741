//! The twins of the verbs of relations.

use std::{future::Future, panic::Location};

use super::{Awaited, RowStream, changing};
use crate::{
    atomic::Tx,
    error::Result,
    executor::Executor,
    expression::condition::Condition,
    field::Field,
    model::Model,
    queryset::Record,
    relation::{
        Follow, GenericForeignKey, Instances, ManyToMany, Relatable, Related, RelatedOne, SetOptions, Through,
    },
};

/// Following keys in tasks.
pub trait AsyncFollow: Follow {
    /// [`get`](Follow::get).
    ///
    /// # Errors
    /// As its twin.
    #[track_caller]
    fn aget(&self, ex: &dyn Executor) -> impl Future<Output = Result<Self::Out<'_>>> {
        let place = Location::caller();
        async move {
            ex.awaiting(|tx| self.get_at(place, tx).map(drop)).await?;
            self.get_at(place, ex)
        }
    }
}

impl<F: Follow> AsyncFollow for F {}

impl<K: Field<Base = K>> GenericForeignKey<K> {
    /// [`get`](GenericForeignKey::get).
    ///
    /// # Errors
    /// As its twin.
    pub async fn aget<M: Model<Pk = K>>(&self, ex: &dyn Executor) -> Result<&M> {
        ex.awaiting(|tx| self.get::<M>(tx).map(drop)).await?;
        self.get(ex)
    }

    /// [`find`](GenericForeignKey::find).
    ///
    /// # Errors
    /// As its twin.
    pub async fn afind<M: Model<Pk = K>>(&self, ex: &dyn Executor) -> Result<Option<&M>> {
        ex.awaiting(|tx| self.find::<M>(tx).map(drop)).await?;
        self.find(ex)
    }

    /// [`record`](GenericForeignKey::record).
    ///
    /// # Errors
    /// As its twin.
    pub async fn arecord(&self, ex: &dyn Executor) -> Result<Option<Record>> {
        ex.awaiting(|tx| self.record(tx)).await
    }
}

impl<C: Model> RelatedOne<C> {
    /// [`get`](RelatedOne::get).
    ///
    /// # Errors
    /// As its twin.
    #[track_caller]
    pub fn aget(&self, ex: &dyn Executor) -> impl Future<Output = Result<Option<&C>>> {
        let place = Location::caller();
        async move {
            ex.awaiting(|tx| self.get_at(place, tx).map(drop)).await?;
            self.get_at(place, ex)
        }
    }
}

/// The twins that both kinds of relation to many have.
macro_rules! to_many {
    ([$($generics:tt)*] $type:ident<$row:ident $(, $further:ident)?>) => {
        impl<$($generics)*> $type<$row $(, $further)?> {
            /// `all`, to be owned.
            ///
            /// # Errors
            /// As its twin.
            #[track_caller]
            pub fn aall(&self, ex: &dyn Executor) -> impl Future<Output = Result<Vec<$row>>> {
                let place = Location::caller();
                async move { ex.awaiting(|tx| Ok(self.all_at(place, tx)?.into_owned())).await }
            }

            /// `count`.
            ///
            /// # Errors
            /// As its twin.
            #[track_caller]
            pub fn acount(&self, ex: &dyn Executor) -> impl Future<Output = Result<u64>> {
                let place = Location::caller();
                async move { ex.awaiting(|tx| self.count_at(place, tx)).await }
            }

            /// `exists`.
            ///
            /// # Errors
            /// As its twin.
            #[track_caller]
            pub fn aexists(&self, ex: &dyn Executor) -> impl Future<Output = Result<bool>> {
                let count = self.acount(ex);
                async move { Ok(count.await? > 0) }
            }

            /// `iterator` of [`objects`](Self::objects), as a stream of the related rows.
            ///
            /// ```
            /// use futures_util::TryStreamExt;
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Artist { pub id: Auto<i64>, #[related(Album::artist)] pub albums: Related<Album> }
            /// # #[derive(Model, Clone)] pub struct Album { pub id: Auto<i64>, #[field(on_delete = Cascade)] pub artist: ForeignKey<Artist> }
            /// # #[tokio::main(flavor = "current_thread")]
            /// # async fn main() -> nuages::Result<()> {
            /// # let db = App::new().models((Artist::app(), Album::app())).open_memory()?;
            /// # let mut artist = Artist::objects().create(new!(Artist {}), &db)?;
            /// # artist.albums.create(new!(Album { artist: _ }), &db)?;
            /// let mut albums = artist.albums.aiterator(&db)?;
            /// while let Some(album) = albums.try_next().await? {
            ///     assert_eq!(album.artist.key(), artist.id.get());
            /// }
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            /// [`Error::Unsaved`](crate::error::Error::Unsaved) if the row that has the relation is not stored. What
            /// the query fails with is an item of the stream.
            pub fn aiterator<'x>(&self, ex: &'x dyn Executor) -> Result<RowStream<'x, $row>> {
                self.objects()?.aiterator(ex)
            }

            changing_twins! {
                /// `add`.
                aadd = add(rows: impl Relatable<$row> + Clone) -> ();
                /// `remove`.
                aremove = remove(rows: impl Relatable<$row> + Clone) -> ();
                /// `set`.
                aset = set(rows: impl Relatable<$row> + Clone) -> ();
                /// `set_with`.
                aset_with = set_with(rows: impl Relatable<$row> + Clone, options: SetOptions) -> ();
                /// `clear`.
                aclear = clear() -> ();
                /// `create`.
                acreate = create(instance: $row) -> $row;
            }

            /// `get_or_create`. `new` may be called more than once.
            ///
            /// # Errors
            /// As its twin.
            pub async fn aget_or_create(
                &mut self,
                condition: impl Condition<$row> + Clone,
                new: impl Fn() -> $row,
                ex: &dyn Executor,
            ) -> Result<($row, bool)> {
                changing(self, ex, |copy, tx| copy.get_or_create(condition.clone(), &new, tx)).await
            }

            /// `update_or_create`. `change` and `new` may be called more than once.
            ///
            /// # Errors
            /// As its twin.
            pub async fn aupdate_or_create(
                &mut self,
                condition: impl Condition<$row> + Clone,
                change: impl Fn(&mut $row),
                new: impl Fn() -> $row,
                ex: &dyn Executor,
            ) -> Result<($row, bool)> {
                let verb = |copy: &mut Self, tx: &Tx<'_>| {
                    copy.update_or_create(condition.clone(), &change, &new, tx)
                };
                changing(self, ex, verb).await
            }
        }
    };
}

to_many!([T: Model, Th: Through] ManyToMany<T, Th>);
to_many!([C: Model] Related<C>);

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
        changing(self, ex, |copy, tx| copy.add_with(instances.clone(), &pair, tx)).await
    }

    /// [`set_through`](ManyToMany::set_through). `pair` may be called more than once.
    ///
    /// # Errors
    /// As its twin.
    pub async fn aset_through(
        &mut self,
        instances: impl Instances<T> + Clone,
        pair: impl Fn(&T) -> Th,
        options: SetOptions,
        ex: &dyn Executor,
    ) -> Result<()> {
        changing(self, ex, |copy, tx| copy.set_through(instances.clone(), &pair, options, tx)).await
    }

    /// [`create_through`](ManyToMany::create_through). `pair` may be called more than once.
    ///
    /// # Errors
    /// As its twin.
    pub async fn acreate_through(
        &mut self,
        instance: T,
        pair: impl Fn(&T) -> Th,
        ex: &dyn Executor,
    ) -> Result<T> {
        changing(self, ex, |copy, tx| copy.create_through(instance.clone(), &pair, tx)).await
    }
}
