//! What is under the mutex: every slot in which somebody holds something, and the graph of who waits.

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::error::WaitFor;
use super::graph::Waits;
use super::name::Slot;
use super::queue::{Claim, Locked, Waiting};
use super::ticket::{Progress, Waiter};
use super::{How, LockError, OwnerId};

/// Room for slots that is kept when nothing is locked any more.
const FREE_SLOTS_MAX: usize = 1 << 12;

/// All locks of one database, and who waits for them.
#[derive(Debug, Default)]
pub(super) struct LockTable {
    slots: HashMap<Slot, Locked>,
    waits: Waits,
}

/// What became of a claim.
#[derive(Debug)]
pub(super) enum Answer {
    /// The owner holds it; whether it is the first that it holds in the slot.
    Granted { first: bool },
    /// It is in the queue.
    Wait(Arc<Waiter>),
}

impl LockTable {
    /// Grants a claim or puts it into the queue.
    pub(super) fn request(&mut self, slot: Slot, mut claim: Claim, how: How) -> Result<Answer, LockError> {
        let locked = match self.slots.entry(slot) {
            Entry::Occupied(locked) => locked.into_mut(),
            Entry::Vacant(free) => {
                free.insert(Locked::by(claim));
                return Ok(Answer::Granted { first: true });
            }
        };
        let first = !locked.is_held_by(claim.owner);
        claim.mask = locked.missing(&claim);
        if claim.mask == 0 {
            return Ok(Answer::Granted { first });
        }
        let place = locked.place(&claim);
        let blocked = locked.blocked(&claim, place);
        if blocked == 0 && !self.waits.contains(claim.node) {
            locked.hold(claim);
            return Ok(Answer::Granted { first });
        }
        if blocked != 0 && how == How::NoWait {
            return Err(LockError::NotAvailable { name: slot.first(blocked) });
        }
        // Also who waits elsewhere already, and would have this lock at once, may close a cycle: of those who wait here.
        let waiter = Arc::new(Waiter::new());
        locked.wait(place, claim, Arc::clone(&waiter));
        self.waits.begin(claim.node, slot);
        let cycle = self.waits.cycle(&self.slots, claim.node);
        if cycle.is_none() && blocked != 0 {
            return Ok(Answer::Wait(waiter));
        }
        if let Some(locked) = self.slots.get_mut(&slot) {
            locked.stop_waiting(&waiter);
            self.waits.end(claim.node, slot);
            if cycle.is_none() {
                locked.hold(claim);
            }
        }
        cycle.map_or(Ok(Answer::Granted { first }), |cycle| Err(closed(claim.owner, cycle)))
    }

    /// Grants what of a claim is free. Returns that, and whether it is the first that the owner holds in the slot.
    pub(super) fn take_free(&mut self, slot: Slot, mut claim: Claim) -> (u64, bool) {
        let Some(locked) = self.slots.get(&slot) else {
            self.slots.insert(slot, Locked::by(claim));
            return (claim.mask, true);
        };
        claim.mask &= !locked.blocked(&claim, locked.place(&claim));
        match self.request(slot, claim, How::NoWait) {
            Ok(Answer::Granted { first }) if claim.mask != 0 => (claim.mask, first),
            _ => (0, false),
        }
    }

    /// Takes a claim out of its queue, unless it has left it; what went before is the result.
    pub(super) fn withdraw(
        &mut self,
        slot: Slot,
        waiter: &Arc<Waiter>,
        woken: &mut Vec<Arc<Waiter>>,
    ) -> Result<(), LockError> {
        if waiter.progress() == Progress::Granted {
            return Ok(());
        }
        let Some(locked) = self.slots.get_mut(&slot) else { return Err(LockError::Ended) };
        let Some((place, claim)) = locked.find(waiter) else { return Err(LockError::Ended) };
        let blocked = locked.blocked(&claim, place);
        let mut blockers: Vec<OwnerId> =
            locked.blockers(&claim, place).map(|blocker| blocker.owner).collect();
        blockers.sort_unstable();
        blockers.dedup();
        locked.stop_waiting(waiter);
        waiter.settle(Progress::Ended);
        self.waits.end(claim.node, slot);
        grant(slot, locked, &mut self.waits, woken);
        Err(LockError::Timeout { name: slot.first(blocked), strength: claim.strength, blockers })
    }

    /// Takes from an owner all that it holds and waits for in some slots.
    pub(super) fn release(&mut self, owner: OwnerId, slots: &[Slot], woken: &mut Vec<Arc<Waiter>>) {
        for &slot in slots {
            let Entry::Occupied(mut entry) = self.slots.entry(slot) else { continue };
            let locked = entry.get_mut();
            for Waiting { claim, waiter } in locked.let_go(owner) {
                waiter.settle(Progress::Ended);
                self.waits.end(claim.node, slot);
                woken.push(waiter);
            }
            grant(slot, locked, &mut self.waits, woken);
            if locked.is_free() {
                entry.remove();
            }
        }
        if self.slots.is_empty() && self.slots.capacity() > FREE_SLOTS_MAX {
            self.slots.shrink_to(FREE_SLOTS_MAX);
        }
    }
}

/// Grants what nothing is in the way of any more.
fn grant(slot: Slot, locked: &mut Locked, waits: &mut Waits, woken: &mut Vec<Arc<Waiter>>) {
    for Waiting { claim, waiter } in locked.grant() {
        waiter.settle(Progress::Granted);
        waits.end(claim.node, slot);
        woken.push(waiter);
    }
}

/// The error of who would close a cycle. If it ends in the one who began it, that one's rollback makes way for the
/// others; if it ends in another transaction of the same thread, only the program can.
fn closed(owner: OwnerId, cycle: Vec<WaitFor>) -> LockError {
    if cycle.last().is_some_and(|edge| edge.blocker == owner) {
        LockError::Deadlock { cycle }
    } else {
        LockError::WouldWaitForItself { cycle }
    }
}
