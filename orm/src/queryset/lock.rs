//! `select_for_update`: which rows are locked, how strongly, and what happens if they are not free.

use nuages_storage::lock::Strength;

use super::relations::Relations;
use crate::{model::Model, node::FieldPath};

/// How rows are locked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// How strongly.
    pub strength: LockStrength,
    /// What happens when another transaction holds a row.
    pub wait: LockWait,
    /// The rows of which models are locked, as paths from the queryset's own, which is the empty path; of none, its own
    /// and those of `select_related`.
    pub of: Vec<FieldPath>,
}

impl Lock {
    /// Against everything, and waiting: what `select_for_update` does.
    #[must_use]
    pub fn new() -> Lock {
        Lock::default()
    }

    /// Fails with [`Error::Locked`](crate::error::Error::Locked) if another transaction is in the way.
    #[must_use]
    pub fn nowait(self) -> Lock {
        Lock { wait: LockWait::NoWait, ..self }
    }

    /// Leaves out rows that another transaction has locked.
    #[must_use]
    pub fn skip_locked(self) -> Lock {
        Lock { wait: LockWait::SkipLocked, ..self }
    }

    /// Lets others refer to the rows meanwhile.
    #[must_use]
    pub fn no_key(self) -> Lock {
        Lock { strength: LockStrength::NoKeyUpdate, ..self }
    }

    /// In this strength.
    #[must_use]
    pub fn strength(self, strength: LockStrength) -> Lock {
        Lock { strength, ..self }
    }

    /// Locks the rows of the queryset's own model, of those that are named.
    #[must_use]
    pub fn of_own(mut self) -> Lock {
        self.of.push(FieldPath::new());
        self
    }

    /// Locks the rows of these relations, which `select_related` names, too.
    #[must_use]
    pub fn of<M: Model>(mut self, relations: impl Relations<M>) -> Lock {
        relations.collect(&mut self.of);
        self
    }
}

/// How strongly rows are locked; PostgreSQL's four strengths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockStrength {
    /// Against everything.
    #[default]
    Update,
    /// Against everything but references to the row's key.
    NoKeyUpdate,
    /// Against changes.
    Share,
    /// Against changes of the key.
    KeyShare,
}

impl LockStrength {
    /// The engine's word for it.
    pub(crate) const fn of_engine(self) -> Strength {
        match self {
            LockStrength::Update => Strength::Update,
            LockStrength::NoKeyUpdate => Strength::NoKeyUpdate,
            LockStrength::Share => Strength::Share,
            LockStrength::KeyShare => Strength::KeyShare,
        }
    }
}

/// What happens when another transaction holds a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockWait {
    /// The query waits.
    #[default]
    Wait,
    /// The query fails.
    NoWait,
    /// The row is left out.
    SkipLocked,
}
