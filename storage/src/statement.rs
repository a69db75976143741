//! Statements that write: attempt, lock, validate.
//!
//! What a statement writes must be computed from the newest version, read after its locks were granted. But which locks
//! it needs is known only when it has been computed. So it is *attempted* first, on the newest version and without a
//! lock, and names what it would have had to lock before; those locks are then *acquired*, which is the only place
//! that waits; and if anybody has committed since the attempt, it is undone and attempted again, on the newest version
//! now, until an attempt asks for nothing that was not held before it began.
//!
//! ```text
//!            ┌──────────────── somebody has committed since, and not all locks were held ───────────────┐
//!            v                                                                                          │
//!         attempt ── operations, or an error, and the locks they rest on ──> lock ──> is it still so? ──┴──> done
//!            ^                                                                │
//!            └── a thread parks, a task awaits <── undo, Wait(ticket) ────────┘
//! ```
//!
//! An attempt stands that asks for nothing which was not held before it, however much others commit. So that there is
//! an end, each asks for what the one before did: a statement keeps the rows it has found, the keys it has generated
//! and the values it has drawn by chance. Where what it assigns to a key is computed from rows that it does not lock (a
//! subquery's), each commit to them may have it ask for another key; then it goes on for as long as others get on. An
//! error is tried as a success is: that a key is taken counts only if nobody who might free it holds its lock. Mostly
//! nobody else is there, the first attempt stands, and validating it is one comparison of numbers.
//!
//! What an attempt asks for may be other than what the one before did: a key was free, and now a row has it. What was
//! locked for that alone is let go before anything else is waited for. Else the statement would wait for the row with
//! the key in its hands, and who deletes the row for the key with the row in his: a deadlock of two statements, each of one
//! row.
//!
//! A statement of one row, which is known by its id, takes a [shorter way](crate::Transaction::write_row).
//!
//! Whoever drives a statement decides how to wait: [`Transaction::write`](crate::Transaction::write) parks the thread.

use crate::commit::CommitId;
use crate::lock::{Mark, Ticket};
use crate::lock_list::LockList;
use crate::view::View;

/// What became of a step.
#[derive(Debug)]
pub enum Step<T> {
    /// The statement is done.
    Done(T),
    /// It needs a lock that is not free. When the ticket is through, take the next step.
    Wait(Ticket),
}

/// A statement on its way, between two steps. Nothing of it is in its transaction but the locks it has acquired, so it
/// may be dropped at any time.
#[derive(Debug, Default)]
pub struct Statement {
    /// What the last attempt asks for, where it had to wait.
    pub(crate) waiting: Option<LockList>,
    /// What its transaction held before it, once it has been attempted.
    pub(crate) before: Option<Mark>,
}

impl Statement {
    /// A statement that has not begun.
    #[must_use]
    pub fn new() -> Statement {
        Statement::default()
    }
}

/// An attempt that has been made.
#[derive(Debug)]
pub(crate) struct Attempt<T, E> {
    pub(crate) outcome: Result<T, E>,
    /// The version it was made on.
    pub(crate) on: CommitId,
    pub(crate) locks: LockList,
    /// The newest version with all that was written, if the attempt made it.
    pub(crate) view: Option<View>,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::error::Error;
    use crate::index::IndexId;
    use crate::isolation::Isolation;
    use crate::layout::{Layout, Slot};
    use crate::leaf::{LeafBuilder, RowId};
    use crate::lock::Strength;
    use crate::store::{Reach, Store};
    use crate::table::{Table, TableId};
    use crate::transaction::Transaction;
    use crate::value::Lane;
    use crate::write_set::{Operation, SchemaChange};
    use crate::writer::Writer;

    const T: TableId = TableId::new(0);
    const ROW: RowId = RowId::new(9);

    fn layout() -> Arc<Layout> {
        Arc::new(Layout::new([Slot::new(Lane::RowId)]))
    }

    fn store() -> Store {
        let store = Store::new(Arc::new(()));
        let create = Operation::Schema(SchemaChange::CreateTable(Arc::new(Table::new(T, layout()))));
        let created: Result<(), Error> = store.write(Reach::Short, |writer| {
            writer.push(create.clone());
            Ok(())
        });
        created.unwrap();
        store
    }

    fn is_there(writer: &Writer<'_>) -> bool {
        writer.version().table(T).is_some_and(|table| table.get(ROW).is_some())
    }

    fn lock_key(writer: &mut Writer<'_>) {
        writer.locking().key(T, IndexId::new(1), b"nine", Strength::Update);
    }

    /// Inserts the row, or locks the one that is there.
    fn insert_or_keep(writer: &mut Writer<'_>) -> Result<(), Error> {
        if is_there(writer) {
            writer.locking().row(T, ROW, Strength::KeyShare);
            return Ok(());
        }
        lock_key(writer);
        let mut rows = LeafBuilder::new(layout());
        rows.finish_row(ROW);
        writer.push(Operation::Insert { table: T, rows: rows.finish(), changes: Vec::new() });
        Ok(())
    }

    /// Deletes the row, which has the key.
    fn delete(writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.locking().row(T, ROW, Strength::Update);
        lock_key(writer);
        Ok(())
    }

    fn waits(
        transaction: &mut Transaction,
        statement: &mut Statement,
        mut attempt: impl FnMut(&mut Writer<'_>) -> Result<(), Error>,
    ) -> Ticket {
        match transaction.step(statement, &mut attempt) {
            Ok(Step::Wait(ticket)) => ticket,
            other => panic!("it waits: {other:?}"),
        }
    }

    #[test]
    fn a_key_that_is_not_free_any_more_is_let_go_before_the_row_that_has_it_is_waited_for() {
        let store = store();
        let [mut first, mut adds, mut removes] =
            [(); 3].map(|()| store.begin_async(Isolation::ReadCommitted));
        assert!(matches!(first.step(&mut Statement::new(), &mut insert_or_keep), Ok(Step::Done(()))));
        let (mut adding, mut removing) = (Statement::new(), Statement::new());
        let key = waits(&mut adds, &mut adding, insert_or_keep);
        first.commit().unwrap();
        key.wait(None).unwrap();

        let key = waits(&mut removes, &mut removing, delete);
        let row = waits(&mut adds, &mut adding, insert_or_keep);
        key.wait(None).unwrap();
        assert!(matches!(removes.step(&mut removing, &mut delete), Ok(Step::Done(()))));
        drop(removes);
        row.wait(None).unwrap();
        assert!(matches!(adds.step(&mut adding, &mut insert_or_keep), Ok(Step::Done(()))));
    }
}
