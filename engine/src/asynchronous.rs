//! Transactions of tasks: where a statement has to wait for a lock, the task is parked and not its thread.
//!
//! Only waiting for a lock, and for the disk, takes time that is not the processor's, so only statements that may lock
//! have a twin here, and commits ([`commit_async`](Transaction::commit_async)); reading and savepoints are as they are.
//! (A plain statement of such a transaction does not wait either: it fails with [`Error::WouldBlock`], and [`granted`]
//! awaits what it was in want of.) No runtime is asked for: a grant wakes the task by its waker, and the time limit
//! comes from a timer thread that all tasks share. A future that is dropped while it waits leaves the queue, and its
//! transaction as it was before the statement.
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
//!     let all = Delete { table, source: Source::new(0), predicate: None, returning: Vec::new(), using: None };
//!     tx.execute_async(&Statement::Delete(all), &[]).await?;
//!     tx.commit_async().await
//! };
//! # let mut task = std::pin::pin!(task);
//! # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! # assert!(std::future::Future::poll(task.as_mut(), &mut context).is_ready());
//! # Ok::<(), nuages_engine::Error>(())
//! ```

use std::time::Duration;

use nuages_storage::lock::Ticket;
use nuages_storage::{Step, Value};

use crate::algebra::{Query, Statement};
use crate::batch::Batch;
use crate::database::Transaction;
use crate::error::Error;
use crate::evaluate::Context;
use crate::limits::Interrupt;
use crate::optimize::depth;
use crate::outcome::{Outcome, ResultSet};
use crate::session::Session;
use crate::write::{Found, WritingStatement};

/// How long a task waits for a lock at most, unless its transaction says otherwise. A cycle through something that is
/// no lock is not seen, so there is always an end.
pub const LOCK_TIMEOUT: Duration =
    if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(30) };

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
        depth::check_statement(statement)?;
        let (mut found, mut outcome) = (Found::default(), Outcome::default());
        let interrupt = self.interrupt();
        self.drive(&interrupt, &mut |writing| {
            let context =
                Context::new(parameters).noting(self.reads()).drawing(self.draws()).within(&interrupt);
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
        let interrupt = self.interrupt();
        self.drive(&interrupt, &mut |writing| {
            let context =
                Context::new(parameters).noting(self.reads()).drawing(self.draws()).within(&interrupt);
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
        interrupt: &Interrupt,
        f: &mut (dyn FnMut(&mut WritingStatement<'_, '_>) -> Result<(), Error> + Send),
    ) -> Result<(), Error> {
        interrupt.check(true)?;
        let mut statement = nuages_storage::Statement::new();
        loop {
            match self.step(&mut statement, interrupt, f)? {
                Step::Done(()) => return Ok(()),
                Step::Wait(ticket) => granted(ticket, interrupt).await?,
            }
        }
    }
}

/// Waits for a lock, within the limits of a statement, and for [`LOCK_TIMEOUT`] unless they say otherwise.
///
/// # Errors
/// [`Error::Lock`] if it is not granted by then, or never will be; what `interrupt` ends it with.
pub async fn granted(ticket: Ticket, interrupt: &Interrupt) -> Result<(), Error> {
    interrupt.granted(ticket, LOCK_TIMEOUT).await
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use nuages_storage::lock::LockError;
    use nuages_storage::{DataType, Isolation};

    use super::*;
    use crate::Database;
    use crate::algebra::{Delete, Expr, Insert, InsertSource, Source};
    use crate::catalog::{NewColumn, NewTable};

    #[tokio::test]
    async fn a_task_that_has_set_no_time_limit_waits_for_a_while_and_not_for_ever() {
        let db = Database::new();
        let table = NewTable::new("song").column(NewColumn::new("plays", DataType::BigInt));
        let table = db.create_table(table).unwrap();
        let source = Source::new(0);
        let rows = InsertSource::Values(vec![vec![Some(Expr::literal(1))]]);
        let insert = Insert { table, columns: vec![0], rows, source, returning: Vec::new(), conflict: None };
        db.execute(&Statement::Insert(insert), &[]).unwrap();
        let delete =
            Statement::Delete(Delete { table, source, predicate: None, returning: Vec::new(), using: None });
        let holder = db.begin_async(Isolation::ReadCommitted);
        holder.execute_async(&delete, &[]).await.unwrap();
        let waiting = db.begin_async(Isolation::ReadCommitted);
        let begun = Instant::now();
        let refused = waiting.execute_async(&delete, &[]).await.unwrap_err();
        let Error::Lock(error) = &refused else { unreachable!("{refused}") };
        assert!(matches!(**error, LockError::Timeout { .. }), "{refused}");
        assert!(begun.elapsed() >= LOCK_TIMEOUT);
        assert_eq!(db.waiting(), 0);
        holder.rollback();
        assert_eq!(waiting.execute_async(&delete, &[]).await.unwrap().affected, 1, "it goes on");
    }
}
