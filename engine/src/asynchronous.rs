//! Transactions of tasks: where a statement has to wait for a lock, the task is parked and not its thread.
//!
//! Only waiting for a lock takes time that is not the processor's, so only statements that may lock have a twin here;
//! reading, savepoints and ending are as they are. (A plain statement of such a transaction does not wait either: it fails
//! with [`Error::WouldBlock`], and [`granted`] awaits what it was in want of.) No runtime is asked for: a grant wakes the task by its waker, and
//! the time limit comes from a timer thread that all tasks share. A future that is dropped while it waits leaves the
//! queue, and its transaction as it was before the statement.
//!
//! ```
//! use nuages_engine::algebra::{Delete, Source, Statement};
//! use nuages_engine::catalog::{NewColumn, NewTable};
//! use nuages_engine::{Database, Isolation, Session};
//! use nuages_storage::DataType;
//!
//! let db = Database::new();
//! let song = NewTable::new("song").column(NewColumn::new("title", DataType::Text { max_length: None }));
//! let table = db.create_table(song)?;
//! let task = async {
//!     let tx = db.begin_async(Isolation::ReadCommitted);
//!     let all = Delete { table, source: Source::new(0), predicate: None, returning: Vec::new() };
//!     tx.execute_async(&Statement::Delete(all), &[]).await?;
//!     tx.commit()
//! };
//! # let mut task = std::pin::pin!(task);
//! # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! # assert!(std::future::Future::poll(task.as_mut(), &mut context).is_ready());
//! # Ok::<(), nuages_engine::Error>(())
//! ```

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use futures_timer::Delay;
use nuages_storage::Step;
use nuages_storage::Value;
use nuages_storage::lock::{LockError, Ticket};

use crate::algebra::{Query, Statement};
use crate::batch::Batch;
use crate::database::Transaction;
use crate::error::Error;
use crate::evaluate::Context;
use crate::session::{Outcome, ResultSet, Session};
use crate::write::{Found, WritingStatement};

/// How long a task waits for a lock at most, unless its transaction says otherwise. A cycle through something that is
/// no lock is not seen, so there is always an end.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

impl Transaction {
    /// As [`execute`](Session::execute), waiting for locks without blocking the thread.
    ///
    /// # Errors
    /// As `execute`; [`Error::Lock`] after the transaction's lock timeout, or [`LOCK_TIMEOUT`].
    pub async fn execute_async(&self, statement: &Statement, parameters: &[Value]) -> Result<Outcome, Error> {
        if let Statement::Query(query) = statement {
            let rows = self.query_async(query, parameters).await?;
            return Ok(Outcome { affected: rows.rows.len() as u64, rows, ..Outcome::default() });
        }
        let (mut found, mut outcome) = (Found::default(), Outcome::default());
        self.drive(&mut |writing| {
            let context = Context::new(parameters).noting(self.reads());
            outcome = writing.run(statement, &mut found, &context)?;
            Ok(())
        })
        .await?;
        Ok(outcome)
    }

    /// As [`query`](Session::query), waiting for the rows that it locks without blocking the thread.
    ///
    /// # Errors
    /// As `query`; [`Error::Lock`] as [`execute_async`](Transaction::execute_async).
    pub async fn query_async(&self, query: &Query, parameters: &[Value]) -> Result<ResultSet, Error> {
        let Some(lock) = &query.lock else { return self.query(query, parameters) };
        let (mut found, mut rows) = (Found::default(), Vec::new());
        self.drive(&mut |writing| {
            let context = Context::new(parameters).noting(self.reads());
            let batch: Batch<'static> = writing.lock_rows(query, lock, &mut found, &context)?;
            rows = batch.selection.iter().map(|row| batch.row(row)).collect();
            Ok(())
        })
        .await?;
        let columns = query.columns.iter().map(|column| column.name.clone()).collect();
        Ok(ResultSet { columns, rows })
    }

    /// Takes a statement to its end, step by step.
    async fn drive(
        &self,
        f: &mut (dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error> + Send),
    ) -> Result<(), Error> {
        let mut statement = nuages_storage::Statement::new();
        loop {
            match self.step(&mut statement, f)? {
                Step::Done(()) => return Ok(()),
                Step::Wait(ticket) => {
                    granted(ticket, self.lock_timeout()).await?;
                }
            }
        }
    }
}

/// Waits for a lock, for [`LOCK_TIMEOUT`] unless another limit is given.
///
/// # Errors
/// [`Error::Lock`] if it is not granted by then, or never will be.
pub async fn granted(ticket: Ticket, timeout: Option<Duration>) -> Result<(), Error> {
    let delay = Delay::new(timeout.unwrap_or(LOCK_TIMEOUT));
    Limited { ticket: Some(ticket), delay }.await.map_err(|error| Error::Lock(Box::new(error)))
}

/// A wait for a lock that has an end.
struct Limited {
    ticket: Option<Ticket>,
    delay: Delay,
}

impl Future for Limited {
    type Output = Result<(), LockError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let Limited { ticket: waiting, delay } = &mut *self;
        let Some(ticket) = waiting else { return Poll::Ready(Err(LockError::Ended)) };
        if let Poll::Ready(granted) = Pin::new(ticket).poll(context) {
            *waiting = None;
            return Poll::Ready(granted);
        }
        match (Pin::new(delay).poll(context), waiting.take()) {
            (Poll::Ready(()), Some(ticket)) => Poll::Ready(ticket.give_up()),
            (_, ticket) => {
                *waiting = ticket;
                Poll::Pending
            }
        }
    }
}
