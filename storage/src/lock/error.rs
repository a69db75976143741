//! Why a lock was not granted.

use std::fmt;

use thiserror::Error;

use super::{Name, OwnerId, Strength};

/// Why a lock was not granted. What the transaction holds it keeps.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LockError {
    /// To wait would close a cycle of transactions that wait for each other. Roll back, and try again.
    #[error("deadlock: {}; roll this transaction back and run it again", Chain(cycle))]
    Deadlock {
        /// Each transaction that waits, first the one that gets this error; the last one waits for the first.
        cycle: Vec<WaitFor>,
    },
    /// A thread would wait for a lock that itself holds in another transaction, at once or at the end of a cycle. To
    /// try again would not help.
    #[error(
        "this thread would wait for itself: {}; do the work in one transaction, or end the other one first",
        Chain(cycle)
    )]
    WouldWaitForItself {
        /// Each transaction that waits, first the one that gets this error; the last one waits for another
        /// transaction of the first one's thread.
        cycle: Vec<WaitFor>,
    },
    /// The lock was not granted in time.
    #[error("{name} was not free for {strength} in time: {} in front; try again", Transactions(blockers))]
    Timeout {
        /// What was asked for; of several rows the first that was not free.
        name: Name,
        /// How.
        strength: Strength,
        /// Who holds it or waited for it earlier.
        blockers: Vec<OwnerId>,
    },
    /// The lock was to be had at once or not at all, and another transaction holds it or waits for it.
    #[error("{name} is locked by another transaction and was to be had without waiting")]
    NotAvailable {
        /// What was asked for; of several rows the first that is not free.
        name: Name,
    },
    /// The transaction ended while it waited.
    #[error("the transaction ended while it waited for a lock")]
    Ended,
}

/// One edge of the graph of who waits for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitFor {
    /// Who waits.
    pub waiter: OwnerId,
    /// For what; of several rows the first that `blocker` keeps it from.
    pub name: Name,
    /// How it asked for it.
    pub strength: Strength,
    /// Who is in its way.
    pub blocker: OwnerId,
    /// Why.
    pub because: Because,
}

/// Why one transaction is in the way of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// It holds the name.
    Holds(Strength),
    /// It asked for the name earlier, and waits itself.
    WaitsInFront(Strength),
}

/// Prints a cycle as a sentence.
struct Chain<'a>(&'a [WaitFor]);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, edge) in self.0.iter().enumerate() {
            let WaitFor { waiter, name, strength, blocker, because } = edge;
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{waiter} waits for {name} ({strength}), ")?;
            match because {
                Because::Holds(held) => write!(f, "which {blocker} holds ({held})")?,
                Because::WaitsInFront(asked) => write!(f, "for which {blocker} waits in front ({asked})")?,
            }
        }
        Ok(())
    }
}

/// Prints transactions as a list.
struct Transactions<'a>(&'a [OwnerId]);

impl fmt::Display for Transactions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, owner) in self.0.iter().enumerate() {
            write!(f, "{}{owner}", if position == 0 { "" } else { ", " })?;
        }
        f.write_str(if self.0.len() == 1 { " is" } else { " are" })
    }
}
