//! A transaction as it asks for locks, holds them and lets go of them.

use std::sync::atomic::Ordering;

use hashbrown::HashSet;
use smallvec::SmallVec;

use super::name::{Name, RowBlock, Slot};
use super::queue::Claim;
use super::strength::Strength;
use super::table::{Answer, Answered, Asking, Taken};
use super::ticket::Ticket;
use super::{How, LockError, Locks, Node, Outcome, OwnerId, wake};
use crate::{RowId, TableId};

/// Slots that an owner lets go of before it lets others have the mutex.
const RELEASED_AT_ONCE_MAX: usize = if cfg!(test) { 2 } else { 256 };

/// A transaction, as the holder of its locks. Dropped it releases them.
#[derive(Debug)]
pub struct Owner {
    locks: Locks,
    id: OwnerId,
    place: Place,
    /// Whether it is counted among the lockers.
    announced: bool,
    /// The slots in which it may hold something or wait: more than it does if a wait was given up.
    slots: SmallVec<[Slot; 4]>,
    /// The tables that it shares: each statement asks for its own once more.
    shared: SmallVec<[TableId; 2]>,
    /// How often it has asked for what it did not have.
    claims: u64,
}

/// A point in what an owner has asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(usize);

/// Where an owner goes on or stands still.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// As a task, wherever that runs.
    Task(Node),
    /// On the thread that asked last; none has yet.
    NoThread,
    /// On the thread that asked last. What it holds may say another, that of which it is known that it was left.
    Thread { node: Node, has_moved: bool },
}

impl Owner {
    #[inline]
    pub(super) fn new(locks: Locks, id: OwnerId, place: Place) -> Self {
        let (slots, shared) = (SmallVec::new(), SmallVec::new());
        Self { locks, id, place, announced: false, slots, shared, claims: 0 }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> OwnerId {
        self.id
    }

    /// How often it was granted, or waited for, what it did not have as strongly. As long as this stays the same,
    /// whatever it asks for it has had.
    #[must_use]
    pub fn claims(&self) -> u64 {
        self.claims
    }

    /// Counts it among the [lockers](Locks::lockers); `true` if it was not. A request does so by itself, but a store
    /// whose statements may go without locks has something to do in between: see [the module](super).
    pub fn announce(&mut self) -> bool {
        if self.announced {
            return false;
        }
        self.locks.shared.lockers.fetch_add(1, Ordering::AcqRel);
        self.announced = true;
        true
    }

    /// Asks for a lock. What it has as strongly or stronger is granted again. O(1) for a lock that is free.
    ///
    /// # Errors
    /// [`LockError::NotAvailable`] if it is not free and the owner does not want to wait; [`LockError::Deadlock`] and
    /// [`LockError::WouldWaitForItself`] if it would wait forever. The owner then holds what it held before.
    pub fn request(&mut self, name: Name, strength: Strength, how: How) -> Result<Outcome, LockError> {
        let (slot, mask) = Slot::of(name);
        self.claim(slot, mask, strength, how)
    }

    /// Asks to share a table: what every lock of a row or a key in it brings along.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn share(&mut self, table: TableId, how: How) -> Result<Outcome, LockError> {
        if self.shared.contains(&table) {
            return Ok(Outcome::Granted);
        }
        let outcome = self.request(Name::Table(table), Strength::SHARED, how)?;
        if let Outcome::Granted = outcome {
            self.shared.push(table);
        }
        Ok(outcome)
    }

    /// Asks for a row, and to [share](Self::share) its table, for little more than the price of one. If it has to wait,
    /// ask again when the ticket is through: it may have been for the table.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn request_row(
        &mut self,
        table: TableId,
        row: RowId,
        strength: Strength,
        how: How,
    ) -> Result<Outcome, LockError> {
        self.announce();
        let (block, mask) = RowBlock::of(row);
        let of_row = self.claim_of(mask, strength);
        let of_table = Claim { mask: 1, strength: Strength::SHARED, ..of_row };
        let asking = self.asking(how);
        let Owner { locks, slots, shared, claims, .. } = self;
        let mut locked = locks.shared.table.lock();
        if !shared.contains(&table) {
            let (slot, _) = Slot::of(Name::Table(table));
            match answered(locks, slots, claims, slot, locked.request(slot, of_table, how.into()))? {
                Outcome::Granted => shared.push(table),
                wait @ Outcome::Wait(_) => return Ok(wait),
            }
        }
        let slot = Slot::of_rows(table, block);
        let mut answer = locked.request(slot, of_row, asking);
        drop(locked);
        if let Ok(Answered::Busy) = answer {
            answer = locks.shared.request_patiently(slot, of_row);
        }
        answered(locks, slots, claims, slot, answer)
    }

    /// Whether it holds a name, in any strength. O(1).
    #[must_use]
    pub fn holds(&self, name: Name) -> bool {
        let (slot, mask) = Slot::of(name);
        self.announced && self.locks.shared.table.lock().holds(self.id, slot, mask)
    }

    /// Asks for several of 64 neighbouring rows, a bit each, for the price of one: all of them, or it waits for all.
    ///
    /// # Errors
    /// As [`request`](Self::request), naming the first row that is not free.
    pub fn request_rows(
        &mut self,
        table: TableId,
        block: RowBlock,
        mask: u64,
        strength: Strength,
        how: How,
    ) -> Result<Outcome, LockError> {
        self.claim(Slot::of_rows(table, block), mask, strength, how)
    }

    /// Locks those of 64 neighbouring rows that are free and skips the others (`SKIP LOCKED`). Returns which it has
    /// now.
    pub fn take_free_rows(&mut self, table: TableId, block: RowBlock, mask: u64, strength: Strength) -> u64 {
        if mask == 0 {
            return 0;
        }
        self.announce();
        let claim = self.claim_of(mask, strength);
        let slot = Slot::of_rows(table, block);
        let Taken { mask, is_first, is_new } = self.locks.shared.table.lock().take_free(slot, claim);
        if is_first {
            self.slots.push(slot);
        }
        self.claims += u64::from(is_new);
        mask
    }

    fn claim_of(&mut self, mask: u64, strength: Strength) -> Claim {
        Claim { owner: self.id, node: self.node(), mask, strength }
    }

    /// The node that asks, to which what the owner holds belongs as well from now on.
    fn node(&mut self) -> Node {
        if let Place::Task(node) = self.place {
            return node;
        }
        let here = Node::of_this_thread();
        match self.place {
            Place::Thread { node, .. } if node == here => {}
            Place::Thread { .. } => {
                self.locks.shared.table.lock().note_moved(self.id, here);
                self.place = Place::Thread { node: here, has_moved: true };
            }
            _ => self.place = Place::Thread { node: here, has_moved: false },
        }
        here
    }

    fn claim(&mut self, slot: Slot, mask: u64, strength: Strength, how: How) -> Result<Outcome, LockError> {
        if mask == 0 {
            return Ok(Outcome::Granted);
        }
        self.announce();
        let claim = self.claim_of(mask, strength);
        let asking = self.asking(how);
        let mut answer = self.locks.shared.table.lock().request(slot, claim, asking);
        if let Ok(Answered::Busy) = answer {
            answer = self.locks.shared.request_patiently(slot, claim);
        }
        answered(&self.locks, &mut self.slots, &mut self.claims, slot, answer)
    }

    /// How it asks the lock table. A task does not look for what is free soon: its thread has others to go on with.
    fn asking(&self, how: How) -> Asking {
        match (how, self.place) {
            (How::Wait, Place::NoThread | Place::Thread { .. }) => Asking::Soon,
            (how, _) => how.into(),
        }
    }

    /// A point in time, for [`release_since`](Owner::release_since).
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.slots.len())
    }

    /// Lets go of what it has come to hold since a mark in slots that are not wanted, but for what it held before in the same
    /// slots, and for the tables that it shares. Nothing it has done since may rest on that. O(slots since, and before if any
    /// goes).
    pub(crate) fn release_since(&mut self, Mark(mark): Mark, wanted: impl Iterator<Item = Slot>) {
        if self.slots.len() <= mark {
            return;
        }
        let wanted: HashSet<Slot> = wanted.collect();
        let (before, since) = self.slots.split_at(mark);
        let unwanted = since.iter().filter(|slot| !slot.is_table() && !wanted.contains(*slot));
        let mut gone: HashSet<Slot> = unwanted.copied().collect();
        if gone.is_empty() {
            return;
        }
        before.iter().for_each(|slot| {
            gone.remove(slot);
        });
        self.slots.retain(|slot| !gone.contains(slot));
        let gone: Vec<Slot> = gone.into_iter().collect();
        self.release_slots(&gone);
    }

    /// Lets go of everything. To be called after the commit was published, or rolled back. A wait that is not over
    /// ends with [`LockError::Ended`]. O(slots); the mutex is let go every now and then.
    pub fn release(&mut self) {
        if !self.announced {
            return;
        }
        self.release_slots(&self.slots);
        self.slots.clear();
        self.shared.clear();
        if let Place::Thread { has_moved, .. } = &mut self.place
            && std::mem::take(has_moved)
        {
            self.locks.shared.table.lock().forget_moved(self.id);
        }
        self.announced = false;
        self.locks.shared.lockers.fetch_sub(1, Ordering::AcqRel);
    }

    fn release_slots(&self, slots: &[Slot]) {
        let mut woken = Vec::new();
        for slots in slots.chunks(RELEASED_AT_ONCE_MAX) {
            self.locks.shared.release(self.id, slots, &mut woken);
            wake(&woken);
            woken.clear();
        }
    }
}

/// Puts down in which slot its owner may hold something now, or waits, and whether it had it already.
#[inline]
fn answered(
    locks: &Locks,
    slots: &mut SmallVec<[Slot; 4]>,
    claims: &mut u64,
    slot: Slot,
    answer: Answer,
) -> Result<Outcome, LockError> {
    match answer {
        Ok(Answered::Had) => return Ok(Outcome::Granted),
        Ok(Answered::Granted) => {}
        Ok(Answered::First) => slots.push(slot),
        Ok(Answered::Wait(waiter)) => {
            slots.push(slot);
            *claims += 1;
            return Ok(Outcome::Wait(Ticket::new(locks.clone(), slot, waiter)));
        }
        Ok(Answered::Busy) => unreachable!("who is told to look again queues in the end"),
        Err(error) => return Err(*error),
    }
    *claims += 1;
    Ok(Outcome::Granted)
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.release();
    }
}
