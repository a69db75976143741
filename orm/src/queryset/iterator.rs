//! `iterator`: rows one after the other, whose relations are read in chunks.
//!
//! The rows themselves are read by one query when the iterator is made; what `prefetch_related` asks for is read for a
//! chunk of them when its first row is wanted, and let go of with the rows. [`QuerySet::each`] keeps nothing at all.

use std::vec;

use super::{QuerySet, QueryState, complete::prefetch_into, run::unfetched_rows};
use crate::{
    error::{Misuse, Result},
    executor::Executor,
    model::Model,
    row::Row,
};

/// The rows of a queryset one after the other. See [`QuerySet::iterator`].
#[must_use = "an iterator does nothing until it is asked for rows"]
pub struct Rows<'x, M, R = M> {
    chunks: Chunks<M, R>,
    ready: vec::IntoIter<R>,
    ex: &'x dyn Executor,
}

/// Rows whose relations are yet to be read.
pub(crate) struct Chunks<M, R> {
    rows: vec::IntoIter<R>,
    state: QueryState,
    size: usize,
    model: std::marker::PhantomData<fn() -> M>,
}

impl<M: Model, R: Row> Chunks<M, R> {
    /// Asks for the rows.
    pub(crate) fn new(state: QueryState, size: usize, ex: &dyn Executor) -> Result<Self> {
        if size == 0 {
            return Err(Misuse::Other("a chunk has at least one row").into());
        }
        let rows = unfetched_rows::<R>(&state, ex)?.into_iter();
        Ok(Chunks { rows, state, size, model: std::marker::PhantomData })
    }

    /// The next rows, without what is prefetched.
    pub(crate) fn next(&mut self) -> Vec<R> {
        self.rows.by_ref().take(self.size).collect()
    }

    /// Whether no row is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.as_slice().is_empty()
    }

    /// Reads what is prefetched into some rows.
    pub(crate) fn fetch(&self, rows: &mut [R], ex: &dyn Executor) -> Result<()> {
        prefetch_into::<M, R>(&mut [rows], &self.state, ex)
    }
}

impl<M: Model, R: Row> Iterator for Rows<'_, M, R> {
    type Item = Result<R>;

    fn next(&mut self) -> Option<Result<R>> {
        if let Some(row) = self.ready.next() {
            return Some(Ok(row));
        }
        let mut chunk = self.chunks.next();
        match self.chunks.fetch(&mut chunk, self.ex) {
            Ok(()) => {
                self.ready = chunk.into_iter();
                self.ready.next().map(Ok)
            }
            Err(error) => Some(Err(error)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let rows = self.ready.len() + self.chunks.rows.len();
        (0, Some(rows))
    }
}

impl<M: Model, R: Row> QuerySet<M, R> {
    /// The rows one after the other. After `prefetch_related` it must be told how many rows relations are read for at
    /// once: [`iterator_by`](QuerySet::iterator_by).
    ///
    /// # Errors
    /// As [`all`](QuerySet::all); [`Misuse::NotAllowed`] after `prefetch_related`.
    pub fn iterator<'x>(&self, ex: &'x dyn Executor) -> Result<Rows<'x, M, R>> {
        self.refuse_unchunked()?;
        self.iterator_by(usize::MAX, ex)
    }

    /// The rows one after the other, relations read for `chunk_size` of them at a time.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Artist { pub id: Auto<i64>, #[related(Album::artist)] pub albums: Related<Album> }
    /// # #[derive(Model, Clone)] pub struct Album { pub id: Auto<i64>, #[field(on_delete = Cascade)] pub artist: ForeignKey<Artist> }
    /// # let db = App::new().models((Artist::app(), Album::app())).open_memory()?;
    /// # Artist::objects().bulk_create((0..10).map(|_| new!(Artist {})), &db)?;
    /// let watch = db.capture();
    /// for artist in Artist::objects().prefetch_related(Artist::albums).iterator_by(4, &db)? {
    ///     assert!(artist?.albums.all(&db)?.is_empty());
    /// }
    /// assert_eq!(watch.len(), 4); // the artists, and the albums of 4, 4 and 2 of them
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`all`](QuerySet::all); [`Misuse::Other`] for chunks of no row. What a prefetch fails with is an item.
    pub fn iterator_by<'x>(&self, chunk_size: usize, ex: &'x dyn Executor) -> Result<Rows<'x, M, R>> {
        let chunks = Chunks::new(self.state().clone(), chunk_size, ex)?;
        Ok(Rows { chunks, ready: Vec::new().into_iter(), ex })
    }

    pub(crate) fn refuse_unchunked(&self) -> Result<()> {
        match self.state().clauses().prefetch.is_empty() {
            true => Ok(()),
            false => Err(Misuse::NotAllowed {
                call: "iterator without the size of its chunks",
                after: "prefetch_related",
            }
            .into()),
        }
    }
}
