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
//! `table` (the above as one), `ticket` (waiting), `owner` (a transaction that asks), `error`; below, the locks of a database.

mod error;
mod graph;
mod name;
mod owner;
mod queue;
mod strength;
mod table;
mod ticket;

use std::cell::Cell;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::DefaultHashBuilder;

pub(crate) use self::name::Slot;
use self::owner::Place;
use self::queue::Claim;
use self::table::{Answer, Answered, Asking, LockTable};
use self::ticket::Waiter;
use crate::IndexId;
use crate::sync::{AtomicUsize, Mutex, thread_local};

pub use self::error::{Because, LockError, WaitFor};
pub use self::name::{Name, RowBlock};
pub(crate) use self::owner::Mark;
pub use self::owner::Owner;
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
