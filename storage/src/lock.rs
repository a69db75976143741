//! Locks: who may write what until it commits.
//!
//! A transaction is an [`Owner`]. It asks for a [`Name`] (a table, a row, a unique key, an object of the schema) in a
//! [`Strength`], has it at once or gets a [`Ticket`] to wait with, and holds it until it releases everything, after
//! its commit was published or rolled back. Rolling back to a savepoint releases nothing; a statement on its way gives back
//! what it turns out not to need.
//!
//! ```text
//!   Owner ── request(name, strength) ──> Granted
//!     │                              └─> Wait(ticket) ── ticket.wait(deadline), or ticket.await ──> Granted
//!     │                              └─> LockError: Deadlock, WouldWaitForItself, NotAvailable
//!     └───── release(), or drop: everything at once
//!
//!   one mutex ── slots: hash of ── holders: owner, strength, mask ─┬─ a slot is a table, a key, a name,
//!             │                 └─ queue:   the same, waiting     ─┘  or 64 neighbouring rows, a bit each
//!             └─ waits: where each waiting transaction waits: the graph that is searched for cycles
//! ```
//!
//! There is one mutex over everything. To take a free lock under it costs one look into a hash table, less than a
//! commit, which is under one mutex too; and whoever begins to wait finds the graph as it is, without more ado.
//!
//! A thread that finds a lock held, and no queue for it, looks for some microseconds whether it comes free before it
//! queues. Most transactions hold a lock for less, and to be granted it in the queue has each of them wait for a thread
//! that has to be told: two threads that count in one row are twice as fast so. Nobody who queues is passed by that, and
//! who has looked long enough queues.
//!
//! # Invariants
//! 1. No two transactions hold one name in strengths that conflict.
//! 2. No claim is granted while one in front of it in its queue is in conflict with it. `queue` says what may go in
//!    front of others.
//! 3. A claim that waits has something in its way: whenever a holder or a claim goes, those behind are looked at.
//! 4. The graph of who waits for whom has no cycle. Whoever would close one gets an error instead of a ticket.
//! 5. Under the mutex nothing waits, and no foreign code (a waker) runs.
//!
//! # Statements that take no locks
//! [`Locks::lockers`] counts the owners that may hold something. A statement that commits by itself needs no locks if
//! it runs wholly under the commit mutex and finds the count zero *under that mutex*. For this to be safe, a
//! transaction that is about to take its first lock raises the count ([`Owner::announce`] returns `true`), and then
//! passes once through the commit mutex: a statement that was inside and had seen zero is published by then, and every
//! later one sees the count and takes locks. The mutex orders the two; the count itself only has to be atomic. The
//! count goes down after the transaction was published and its locks are released.
//!
//! # Order of reading
//! `name` (what is locked), `strength` (how), `queue` (who holds and who waits, in a slot), `graph` (deadlocks),
//! `table` (the above as one), `ticket` (waiting), `error`; below, their public face.

mod error;
mod graph;
mod name;
mod queue;
mod strength;
mod table;
mod ticket;

use std::cell::Cell;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::{DefaultHashBuilder, HashSet};
use smallvec::SmallVec;

pub(crate) use self::name::Slot;
use self::queue::Claim;
use self::table::{Answer, Answered, Asking, LockTable, Taken};
use self::ticket::Waiter;
use crate::sync::{AtomicUsize, Mutex, thread_local};
use crate::{IndexId, RowId, TableId};

pub use self::error::{Because, LockError, WaitFor};
pub use self::name::{Name, RowBlock};
pub use self::strength::Strength;
pub use self::ticket::Ticket;
pub(crate) use self::ticket::wake_task;

/// How often a thread looks whether a lock comes free before it queues for it, and how long it looks away in between,
/// unless somebody lets go of something meanwhile: some microseconds in all. Tests try out every interleaving, so of
/// theirs there are few.
const LOOKS: u32 = if cfg!(test) { 1 } else { 8 };
const PAUSES: u32 = if cfg!(test) { 1 } else { 128 };

/// How many numbers a thread takes at a time.
const NUMBERS: u64 = 256;

/// Slots that an owner lets go of before it lets others have the mutex.
const RELEASED_AT_ONCE_MAX: usize = if cfg!(test) { 2 } else { 256 };

/// The number of a transaction. No two in a process have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(u64);

impl OwnerId {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transaction {}", self.0)
    }
}

/// The number of what goes on or stands still as one: a thread, or a transaction of async code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Node(u64);

impl Node {
    /// The current thread.
    fn of_this_thread() -> Self {
        thread_local!(static NODE: Cell<Node> = Cell::new(Node(fresh_number())));
        NODE.with(Cell::get)
    }
}

/// A number that no owner and no node of this process has. Each thread takes some at a time, so that threads that begin
/// transactions do not meet over the next one.
fn fresh_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static OWN: Cell<u64> = Cell::default());
    OWN.with(|own| {
        let number = match own.get() {
            used if used.is_multiple_of(NUMBERS) => NEXT.fetch_add(1, Ordering::Relaxed) * NUMBERS,
            next => next,
        };
        own.set(number + 1);
        number
    })
}

/// What to do about a lock that is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// Wait for it.
    Wait,
    /// Fail with [`LockError::NotAvailable`].
    NoWait,
}

/// The answer to a request for a lock.
#[derive(Debug)]
#[must_use = "the lock may not be granted yet"]
pub enum Outcome {
    /// The owner holds it.
    Granted,
    /// It has to wait. Once the ticket is through the owner holds it; to ask again does no harm.
    Wait(Ticket),
}

/// The locks of one database. Cheap to clone; clones are the same locks.
///
/// ```
/// use nuages_storage::lock::{How, LockError, Locks, Name, Outcome, Strength};
/// use nuages_storage::{RowId, TableId};
///
/// let locks = Locks::default();
/// let row = Name::Row(TableId::new(1), RowId::new(7));
/// let (mut writer, mut reader) = (locks.async_owner(), locks.async_owner());
/// assert!(matches!(writer.request(row, Strength::Update, How::Wait)?, Outcome::Granted));
/// let refused = reader.request(row, Strength::KeyShare, How::NoWait).unwrap_err();
/// assert_eq!(refused, LockError::NotAvailable { name: row });
///
/// let Outcome::Wait(ticket) = reader.request(row, Strength::KeyShare, How::Wait)? else { unreachable!() };
/// drop(writer);
/// ticket.wait(None)?; // or .await
/// # Ok::<(), LockError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Locks {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    table: Mutex<LockTable>,
    lockers: AtomicUsize,
    /// How often somebody has let go of locks.
    releases: AtomicUsize,
    hasher: DefaultHashBuilder,
}

impl Shared {
    fn release(&self, owner: OwnerId, slots: &[Slot], woken: &mut Vec<Arc<Waiter>>) {
        let mut table = self.table.lock();
        table.release(owner, slots, woken);
        // Nobody else writes it: the mutex is held.
        self.releases.store(self.releases.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// Asks for what is held, but perhaps not for long: most transactions that hold a lock take less time than it takes
    /// to queue for it, to be granted it, and to be told.
    fn request_patiently(&self, slot: Slot, claim: Claim) -> Answer {
        for _ in 0..LOOKS {
            let releases = self.releases.load(Ordering::Acquire);
            for _ in 0..PAUSES {
                if self.releases.load(Ordering::Acquire) != releases {
                    break;
                }
                std::hint::spin_loop();
            }
            match self.table.lock().request(slot, claim, Asking::Soon) {
                Ok(Answered::Busy) => {}
                answer => return answer,
            }
        }
        self.table.lock().request(slot, claim, Asking::Queue)
    }
}

impl Locks {
    /// A transaction of a thread: of that which asks for a lock for it, and of another once that does. The transactions
    /// of one thread are one node in the graph of who waits for whom, since while one of them blocks the thread none of
    /// them goes on.
    ///
    /// To be handed to another thread is nothing that shows: until that asks for a lock for it, it counts as being
    /// where it was. Its new thread, if it waits for it through another transaction before, then waits in vain, as long
    /// as its time limit lets it; and the old one is refused to wait for it.
    #[must_use]
    #[inline]
    pub fn owner(&self) -> Owner {
        Owner::new(self.clone(), OwnerId(fresh_number()), Place::NoThread)
    }

    /// A transaction that waits by awaiting, on whatever thread. What it waits for in ways that are not locks is not
    /// known here, so it needs a time limit.
    #[must_use]
    pub fn async_owner(&self) -> Owner {
        let number = fresh_number();
        Owner::new(self.clone(), OwnerId(number), Place::Task(Node(number)))
    }

    /// The name of an entry of a unique index.
    #[must_use]
    pub fn key(&self, index: IndexId, key: &[u8]) -> Name {
        Name::Key(self.shared.hasher.hash_one((index, key)))
    }

    /// The name of an object of the schema: a table, an index, a constraint.
    #[must_use]
    pub fn object(&self, name: &str) -> Name {
        Name::Object(self.shared.hasher.hash_one(name))
    }

    /// How many owners may hold something. See [the module](self) for what may be concluded from zero.
    #[must_use]
    pub fn lockers(&self) -> usize {
        self.shared.lockers.load(Ordering::Acquire)
    }

    /// How many requests wait now. O(threads that wait).
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.table.lock().waiting()
    }

    /// Takes a claim out of its queue, unless it has left it.
    fn withdraw(&self, slot: Slot, waiter: &Arc<Waiter>) -> Result<(), LockError> {
        let mut woken = Vec::new();
        let answer = self.shared.table.lock().withdraw(slot, waiter, &mut woken);
        wake(&woken);
        answer
    }
}

fn wake(woken: &[Arc<Waiter>]) {
    woken.iter().for_each(|waiter| waiter.wake());
}

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
enum Place {
    /// As a task, wherever that runs.
    Task(Node),
    /// On the thread that asked last; none has yet.
    NoThread,
    /// On the thread that asked last. What it holds may say another, that of which it is known that it was left.
    Thread { node: Node, has_moved: bool },
}

impl Owner {
    #[inline]
    fn new(locks: Locks, id: OwnerId, place: Place) -> Self {
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
    /// whose statements may go without locks has something to do in between: see [the module](self).
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
