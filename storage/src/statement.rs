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
//! A statement of one row, which is known by its id, takes a [shorter way](crate::Transaction::write_row).
//!
//! Whoever drives a statement decides how to wait: [`Transaction::write`](crate::Transaction::write) parks the thread.

use crate::commit::CommitId;
use crate::lock::Ticket;
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
