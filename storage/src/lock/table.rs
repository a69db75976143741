//! What is under the mutex: every slot in which somebody holds something, and the graph of who waits.

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;

use super::error::WaitFor;
use super::graph::Waits;
use super::name::Slot;
use super::queue::{Claim, Locked, Waiting};
use super::ticket::{Progress, Waiter};
use super::{How, LockError, Node, OwnerId};

/// Room for slots that is kept when nothing is locked any more.
const FREE_SLOTS_MAX: usize = 1 << 12;

/// All locks of one database, and who waits for them.
#[derive(Debug, Default)]
pub(super) struct LockTable {
    slots: HashMap<Slot, Locked>,
    waits: Waits,
}

/// What became of a claim. With the error in a box the answer fits into two registers; as bytes in memory, to read it
/// was a third of the price of a free lock.
pub(super) type Answer = Result<Answered, Box<LockError>>;

/// What became of a claim that was not refused.
#[derive(Debug)]
pub(super) enum Answered {
    /// The owner holds it, and held nothing in the slot before.
    First,
    /// The owner holds it.
    Granted,
    /// The owner held it before.
    Had,
    /// It is in the queue.
    Wait(Arc<Waiter>),
    /// It is not free, and nothing is done: see [`Asking::Soon`].
    Busy,
}

/// What is to be done about a claim that is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// It queues.
    Queue,
    /// It is refused.
    NotWaiting,
    /// Nothing, if there is no queue yet and those who hold it go on by themselves. Else it queues.
    Soon,
}

impl From<How> for Asking {
    fn from(how: How) -> Asking {
        match how {
            How::Wait => Asking::Queue,
            How::NoWait => Asking::NotWaiting,
        }
    }
}

/// What an owner has of names of which it wanted those that are free.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) mask: u64,
    /// Whether it held nothing in the slot before.
    pub(super) is_first: bool,
    /// Whether there is any that it did not hold before.
    pub(super) is_new: bool,
}

impl Taken {
    fn add(&mut self, mask: u64, answered: &Answered) {
        self.mask |= mask;
        self.is_first |= matches!(answered, Answered::First);
        self.is_new |= !matches!(answered, Answered::Had);
    }
}

impl LockTable {
    /// How many claims wait.
    pub(super) fn waiting(&self) -> usize {
        self.waits.len()
    }

    /// Whether an owner holds some of a slot's names.
    pub(super) fn holds(&self, owner: OwnerId, slot: Slot, mask: u64) -> bool {
        self.slots.get(&slot).is_some_and(|locked| locked.held_by(owner) & mask != 0)
    }

    /// An owner's locks are another node's from now on.
    pub(super) fn note_moved(&mut self, owner: OwnerId, node: Node) {
        self.waits.note_moved(owner, node);
    }

    /// An owner that has [moved](LockTable::note_moved) has no locks any more.
    pub(super) fn forget_moved(&mut self, owner: OwnerId) {
        self.waits.forget_moved(owner);
    }

    /// Grants a claim or puts it into the queue.
    pub(super) fn request(&mut self, slot: Slot, mut claim: Claim, asking: Asking) -> Answer {
        let locked = match self.slots.entry_ref(&slot) {
            EntryRef::Occupied(locked) => locked.into_mut(),
            EntryRef::Vacant(free) => {
                free.insert(Locked::by(claim));
                return Ok(Answered::First);
            }
        };
        let first = locked.held_by(claim.owner) == 0;
        let granted = || if first { Answered::First } else { Answered::Granted };
        claim.mask = locked.missing(&claim);
        if claim.mask == 0 {
            return Ok(Answered::Had);
        }
        let place = locked.place(&claim);
        let blocked = locked.blocked(&claim, place);
        if blocked == 0 && !self.waits.contains(claim.node) {
            locked.hold(claim);
            return Ok(granted());
        }
        match asking {
            Asking::NotWaiting if blocked != 0 => {
                return Err(Box::new(LockError::NotAvailable { name: slot.first(blocked) }));
            }
            Asking::Soon if blocked != 0 && locked.is_held_elsewhere(&claim) => return Ok(Answered::Busy),
            _ => {}
        }
        // Also who waits elsewhere already, and would have this at once, may close a cycle: of those who wait here.
        let waiter = Arc::new(Waiter::new());
        locked.wait(place, claim, Arc::clone(&waiter));
        self.waits.begin(claim.node, slot);
        let cycle = self.waits.cycle(&self.slots, claim.node);
        if cycle.is_none() && blocked != 0 {
            return Ok(Answered::Wait(waiter));
        }
        self.waits.end(claim.node, slot);
        let locked = self.slots.get_mut(&slot).expect("somebody waits there");
        locked.stop_waiting(&waiter);
        match cycle {
            Some(cycle) => Err(Box::new(closed(claim.owner, cycle))),
            None => {
                locked.hold(claim);
                Ok(granted())
            }
        }
    }

    /// Grants a claim, or else of its names those that are free, each as if it were asked for alone.
    pub(super) fn take_free(&mut self, slot: Slot, claim: Claim) -> Taken {
        let mut taken = Taken::default();
        if let Ok(answered) = self.request(slot, claim, Asking::NotWaiting) {
            taken.add(claim.mask, &answered);
            return taken;
        }
        let mut left = claim.mask;
        while left != 0 {
            let mask = left & left.wrapping_neg(); // the lowest
            left ^= mask;
            if let Ok(answered) = self.request(slot, Claim { mask, ..claim }, Asking::NotWaiting) {
                taken.add(mask, &answered);
            }
        }
        taken
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
            let EntryRef::Occupied(mut entry) = self.slots.entry_ref(&slot) else { continue };
            let locked = entry.get_mut();
            if locked.is_of_nobody_but(owner) {
                entry.remove();
                continue;
            }
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
