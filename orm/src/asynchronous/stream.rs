//! `aiterator`: the rows of a queryset as a stream.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use futures_core::Stream;

use super::Awaited;
use crate::{
    error::Result,
    executor::Executor,
    model::Model,
    queryset::{QueryState, iterator::Chunks},
    row::Row,
};

/// Rows that become ready, and what is left of the query.
type Ready<M, R> = (Vec<R>, Chunks<M, R>);

/// The rows of a queryset as a stream of results. See
/// [`QuerySet::aiterator_by`](crate::queryset::QuerySet::aiterator_by).
#[must_use = "a stream does nothing until it is asked for rows"]
pub struct RowStream<'x, M, R = M> {
    step: Step<'x, M, R>,
    ready: vec::IntoIter<R>,
    ex: &'x dyn Executor,
}

/// The verb that reads the next rows.
type Reading<'x, M, R> = Pin<Box<dyn Future<Output = Result<Ready<M, R>>> + Send + 'x>>;

enum Step<'x, M, R> {
    /// It was not asked for a row yet.
    Unasked(QueryState, usize),
    /// Rows are being read.
    Reading(Reading<'x, M, R>),
    /// There may be more.
    Left(Chunks<M, R>),
    /// There is no more.
    Ended,
}

/// No part of it is pinned but what its own box pins.
impl<M, R> Unpin for RowStream<'_, M, R> {}

impl<'x, M: Model, R: Row> RowStream<'x, M, R> {
    pub(crate) fn new(state: QueryState, size: usize, ex: &'x dyn Executor) -> Self {
        RowStream { step: Step::Unasked(state, size), ready: Vec::new().into_iter(), ex }
    }
}

/// Asks for the rows, and for what is prefetched of the first.
async fn begin<M: Model, R: Row>(state: QueryState, size: usize, ex: &dyn Executor) -> Result<Ready<M, R>> {
    ex.awaiting(|tx| {
        let mut chunks = Chunks::new(state.clone(), size, tx)?;
        let mut rows = chunks.next();
        chunks.fetch(&mut rows, tx)?;
        Ok((rows, chunks))
    })
    .await
}

/// Reads what is prefetched of the next rows. It waits for no lock: `select_for_update` locks the rows themselves.
async fn go_on<M: Model, R: Row>(mut chunks: Chunks<M, R>, ex: &dyn Executor) -> Result<Ready<M, R>> {
    let mut rows = chunks.next();
    chunks.fetch(&mut rows, ex)?;
    Ok((rows, chunks))
}

impl<M: Model, R: Row + Send + 'static> Stream for RowStream<'_, M, R> {
    type Item = Result<R>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<R>>> {
        loop {
            if let Some(row) = self.ready.next() {
                return Poll::Ready(Some(Ok(row)));
            }
            let ex = self.ex;
            self.step = match std::mem::replace(&mut self.step, Step::Ended) {
                Step::Ended => return Poll::Ready(None),
                Step::Unasked(state, size) => Step::Reading(Box::pin(begin(state, size, ex))),
                Step::Left(chunks) if chunks.is_empty() => Step::Ended,
                Step::Left(chunks) => Step::Reading(Box::pin(go_on(chunks, ex))),
                Step::Reading(mut reading) => match reading.as_mut().poll(context) {
                    Poll::Pending => {
                        self.step = Step::Reading(reading);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok((rows, chunks))) => {
                        self.ready = rows.into_iter();
                        Step::Left(chunks)
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                },
            };
        }
    }
}
