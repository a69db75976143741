//! What a statement wants locked, in the order in which it found that out.

use smallvec::SmallVec;

use crate::leaf::RowId;
use crate::lock::{How, LockError, Locks, Name, Outcome, Owner, RowBlock, Slot, Strength, Ticket};
use crate::table::TableId;

/// One request: up to 64 neighbouring rows, or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Rows { table: TableId, block: RowBlock, mask: u64, strength: Strength },
    Name(Name, Strength),
}

/// The locks that an attempt of a statement asks for. A lock of a row or a key brings the shared lock of its table, and
/// so does whatever is [recorded](crate::Writer::push) of rows, since not all of it needs a lock of a row or a key.
///
/// The list is resumable: [`acquire`](LockList::acquire) goes on where it had to wait.
#[derive(Debug)]
pub(crate) struct LockList {
    /// Tables, and the schema: few, each once, and before what is in them.
    tables: SmallVec<[Want; 1]>,
    /// Of a statement of one row a few.
    wants: SmallVec<[Want; 3]>,
    /// How many are granted.
    granted: usize,
    how: How,
}

impl LockList {
    pub(crate) fn new() -> LockList {
        LockList { tables: SmallVec::new(), wants: SmallVec::new(), granted: 0, how: How::Wait }
    }

    /// Wants a row, which need not be there.
    pub(crate) fn row(&mut self, table: TableId, row: RowId, strength: Strength) {
        let (block, bit) = RowBlock::of(row);
        if let Some(Want::Rows { table: last, block: in_block, mask, strength: held }) = self.wants.last_mut()
            && (*last, *in_block, *held) == (table, block, strength)
        {
            *mask |= bit;
            return;
        }
        self.table(table, Strength::SHARED);
        self.wants.push(Want::Rows { table, block, mask: bit, strength });
    }

    /// Wants an entry of a unique index of a table, which need not be there.
    pub(crate) fn key(&mut self, table: TableId, key: Name, strength: Strength) {
        self.table(table, Strength::SHARED);
        self.wants.push(Want::Name(key, strength));
    }

    /// Wants a table.
    pub(crate) fn table(&mut self, table: TableId, strength: Strength) {
        self.add_once(Want::Name(Name::Table(table), strength));
    }

    /// Wants to be the only one that changes the schema.
    pub(crate) fn schema(&mut self, locks: &Locks) {
        self.add_once(Want::Name(locks.object(""), Strength::EXCLUSIVE));
    }

    /// Wants everything at once or not at all.
    pub(crate) fn without_waiting(&mut self) {
        self.how = How::NoWait;
    }

    fn add_once(&mut self, want: Want) {
        if !self.tables.contains(&want) {
            self.tables.push(want);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.wants.is_empty()
    }

    /// Asks for what is not granted yet. Returns the ticket of the first that has to wait; when that is through, ask
    /// again.
    pub(crate) fn acquire(&mut self, owner: &mut Owner) -> Result<Option<Ticket>, LockError> {
        while let Some(want) = self.nth(self.granted) {
            let outcome = match want {
                Want::Name(Name::Table(table), Strength::SHARED) => owner.share(table, self.how)?,
                Want::Name(name, strength) => owner.request(name, strength, self.how)?,
                Want::Rows { table, block, mask, strength } => {
                    owner.request_rows(table, block, mask, strength, self.how)?
                }
            };
            if let Outcome::Wait(ticket) = outcome {
                return Ok(Some(ticket));
            }
            self.granted += 1;
        }
        Ok(None)
    }

    /// Where in the lock table it wants something.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.tables.iter().chain(&self.wants).map(|want| match want {
            Want::Rows { table, block, .. } => Slot::of_rows(*table, *block),
            Want::Name(name, _) => Slot::of(*name).0,
        })
    }

    fn nth(&self, at: usize) -> Option<Want> {
        let tables = self.tables.len();
        if at < tables { self.tables.get(at) } else { self.wants.get(at - tables) }.copied()
    }
}
