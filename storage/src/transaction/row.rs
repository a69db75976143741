//! Statements of one row that is known by its id.
//!
//! Most statements of most transactions are of this kind, and they need less than others. They look at one row, so they
//! are attempted under the publication latch and no version is held, which leaves the next commit free to change nodes
//! in place. They lock one row, so there is no list of locks to be kept. And once that lock is held nothing that they
//! rest on can change, so there is a second attempt at most. What is left is: attempt, lock, and if anybody has
//! committed meanwhile, attempt again.
//!
//! That holds for a transaction to which each row is what the newest version has, unless it has written it itself.

use super::{Transaction, refused};
use crate::error::Error;
use crate::isolation::Isolation;
use crate::leaf::RowId;
use crate::lock::{How, Outcome, Strength};
use crate::statement::Step;
use crate::table::TableId;
use crate::version::Version;
use crate::write_set::Operation;

/// What a statement of one row rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowClaim {
    /// The row's table.
    pub table: TableId,
    /// The row.
    pub row: RowId,
    /// How strongly it has to be locked.
    pub strength: Strength,
    /// Whether the statement waits for the lock.
    pub how: How,
}

impl Transaction {
    /// Runs a statement of one row, which `attempt` makes on the newest version: it returns which row, and leaves the
    /// operation where it is told, if the row is to change. It runs under the publication latch, once or twice, and must neither wait nor
    /// call back into the store.
    ///
    /// `None`, and nothing has been done but perhaps locked, if it is to be run [like others](Transaction::step):
    /// because `attempt` says so or fails, or because what the transaction sees of the row is not what the newest
    /// version has.
    ///
    /// After [`Step::Wait`], when the ticket is through, it is to be called again.
    ///
    /// # Errors
    /// [`Error::Lock`]; [`Error::Poisoned`].
    pub fn write_row<E>(
        &mut self,
        mut attempt: impl FnMut(&Version, &mut Option<Operation>) -> Result<Option<RowClaim>, E>,
    ) -> Result<Option<Step<()>>, Error> {
        if !(self.write_set.is_empty() && self.isolation == Isolation::ReadCommitted || self.overlays()) {
            return Ok(None);
        }
        let mut operation = None;
        let (on, attempted) = self.store.read(|newest| (newest.commit(), attempt(newest, &mut operation)))?;
        // An error is one only if it is there when the row is locked.
        let Ok(Some(claim)) = attempted else { return Ok(None) };
        if self.has_written_row(claim.table, claim.row) {
            return Ok(None);
        }
        if self.owner.announce() {
            self.store.wait_for_unlocked_writers();
        }
        let RowClaim { table, row, strength, how } = claim;
        if let Outcome::Wait(ticket) = self.owner.request_row(table, row, strength, how).map_err(refused)? {
            return Ok(Some(Step::Wait(ticket)));
        }
        if !self.store.is_newest(on) {
            operation = None;
            match self.store.read(|newest| attempt(newest, &mut operation))? {
                Ok(Some(same)) if same == claim => {}
                _ => return Ok(None),
            }
        }
        if let Some(operation) = operation {
            self.write_set.push(operation);
        }
        Ok(Some(Step::Done(())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::layout::{Layout, Slot};
    use crate::leaf::LeafBuilder;
    use crate::lock::LockError;
    use crate::patch::Patch;
    use crate::store::{Reach, Store};
    use crate::table::Table;
    use crate::value::Lane;
    use crate::write_set::SchemaChange;

    const T: TableId = TableId::new(0);

    /// A table with the rows 1 and 2, which hold 10 and 20.
    fn store() -> Store {
        let store = Store::new(Arc::new(()));
        let layout = Arc::new(Layout::new([Slot::new(Lane::RowId), Slot::new(Lane::Word)]));
        let mut table = Table::new(T, Arc::clone(&layout));
        let mut rows = LeafBuilder::new(layout);
        for row in [1, 2] {
            rows.set_int(1, row * 10);
            rows.finish_row(RowId::new(row));
        }
        table.insert_rows(&rows.finish(), &[]);
        let create = Operation::Schema(SchemaChange::CreateTable(Arc::new(table)));
        let created: Result<(), Error> = store.write(Reach::Short, |writer| {
            writer.push(create.clone());
            Ok(())
        });
        created.unwrap();
        store
    }

    fn value(version: &Version, row: i64) -> Option<i64> {
        Some(version.table(T)?.get(RowId::new(row))?.int(1))
    }

    fn claim(row: i64, how: How) -> RowClaim {
        RowClaim { table: T, row: RowId::new(row), strength: Strength::NoKeyUpdate, how }
    }

    type Attempted = Result<Option<RowClaim>, Error>;

    /// Adds to a row.
    fn add(row: i64, by: i64) -> impl FnMut(&Version, &mut Option<Operation>) -> Attempted {
        move |version, operation| {
            let Some(old) = value(version, row) else { return Ok(None) };
            let mut patch = Patch::new([1]);
            patch.push(RowId::new(row), [Some((old + by).cast_unsigned())]);
            *operation = Some(Operation::Assign { table: T, patch });
            Ok(Some(claim(row, How::Wait)))
        }
    }

    fn is_done(step: &Result<Option<Step<()>>, Error>) -> bool {
        matches!(step, Ok(Some(Step::Done(()))))
    }

    #[test]
    fn rows_are_changed_in_place_and_seen_by_others_after_the_commit() {
        let store = store();
        let mut transaction = store.begin(Isolation::ReadCommitted);
        assert!(is_done(&transaction.write_row(add(1, 1))) && is_done(&transaction.write_row(add(2, -1))));
        assert_eq!(transaction.read(|version| value(version, 1)), Ok(Some(11)));
        assert_eq!(store.read(|version| (value(version, 1), value(version, 2))), Ok((Some(10), Some(20))));
        transaction.commit().unwrap();
        assert_eq!(store.read(|version| (value(version, 1), value(version, 2))), Ok((Some(11), Some(19))));
    }

    #[test]
    fn what_was_computed_before_a_wait_is_computed_again() {
        let store = store();
        let (mut first, mut second) =
            (store.begin_async(Isolation::ReadCommitted), store.begin_async(Isolation::ReadCommitted));
        assert!(is_done(&first.write_row(add(1, 1))));
        let Ok(Some(Step::Wait(ticket))) = second.write_row(add(1, 5)) else { panic!("it is locked") };
        assert!(!second.has_written());
        first.commit().unwrap();
        ticket.wait(None).unwrap();
        assert!(is_done(&second.write_row(add(1, 5))));
        second.commit().unwrap();
        assert_eq!(store.read(|version| value(version, 1)), Ok(Some(16)));
    }

    #[test]
    fn what_needs_more_is_left_to_others_and_nothing_is_recorded() {
        let store = store();
        let mut transaction = store.begin(Isolation::ReadCommitted);
        let refuses = |_: &Version, _: &mut Option<Operation>| Attempted::Err(Error::Poisoned);
        assert!(matches!(transaction.write_row(refuses), Ok(None)));
        assert!(matches!(transaction.write_row(add(3, 1)), Ok(None)), "there is no such row");
        assert!(!transaction.has_written());
        assert!(is_done(&transaction.write_row(add(1, 1))));
        assert!(matches!(transaction.write_row(add(1, 1)), Ok(None)), "it has written the row");
        let mut snapshot = store.begin(Isolation::Snapshot);
        assert!(matches!(snapshot.write_row(add(2, 1)), Ok(None)), "what it sees is fixed");
    }

    #[test]
    fn a_row_that_is_only_locked_is_not_changed_and_keeps_others_out() {
        let store = store();
        let (mut first, mut second) =
            (store.begin(Isolation::ReadCommitted), store.begin(Isolation::ReadCommitted));
        let mut seen = None;
        let mut lock = |version: &Version, _: &mut Option<Operation>| {
            seen = value(version, 1);
            Attempted::Ok(Some(claim(1, How::NoWait)))
        };
        assert!(is_done(&first.write_row(&mut lock)) && !first.has_written());
        let refused = second.write_row(&mut lock);
        assert!(
            matches!(&refused, Err(Error::Lock(error)) if matches!(**error, LockError::NotAvailable { .. })),
            "{refused:?}"
        );
        drop(first);
        assert!(is_done(&second.write_row(lock)));
        assert_eq!(seen, Some(10));
    }
}
