//! Temporary tables: those that one session sees, and files know nothing of.
//!
//! They lie in the versions among the others, under ids that say what they are
//! ([`TableId::is_temporary`](nuages_storage::TableId::is_temporary)), so that whatever means tables by id needs to know
//! nothing of them: plans, statements, rollbacks. But a catalog tells of them, by name or in a list, only to the session
//! that made them, which looks at it through [`seen_by`](Catalog::seen_by); there their names come before those of
//! others. What goes with a temporary table, its indexes and the sequences of its columns, is seen as it is.

use std::sync::{Arc, Weak};

use nuages_storage::TableId;

use super::{Catalog, SequenceDefinition, TableDefinition};

/// A session that can have temporary tables, for as long as it lives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holder(Arc<()>);

impl Holder {
    /// What its tables know it by.
    pub(crate) fn owner(&self) -> Owner {
        Owner(Arc::downgrade(&self.0))
    }
}

/// Whose a temporary table is. It does not keep the session alive.
#[derive(Clone, Debug)]
pub struct Owner(Weak<()>);

impl Owner {
    /// Whether the session is gone, so that nobody sees its tables any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl PartialEq for Owner {
    fn eq(&self, other: &Owner) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

/// What a temporary table has besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Temporary {
    pub(crate) owner: Owner,
    pub(crate) on_commit: OnCommit,
}

/// What becomes of a temporary table when a transaction of its session is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnCommit {
    #[default]
    PreserveRows,
    DeleteRows,
    Drop,
}

impl Catalog {
    /// This catalog as a session sees it: with its temporary tables.
    pub(crate) fn seen_by(&self, owner: &Owner) -> Catalog {
        Catalog { seen_by: Some(owner.clone()), ..self.clone() }
    }

    /// This catalog as it is put into a version.
    pub(crate) fn seen_by_nobody(self) -> Catalog {
        Catalog { seen_by: None, ..self }
    }

    /// Whether there are temporary tables, of whomever.
    pub(crate) fn has_temporary_tables(&self) -> bool {
        !self.temporary.is_empty()
    }

    /// The temporary tables that are seen.
    pub(crate) fn temporary_tables(&self) -> impl Iterator<Item = &Arc<TableDefinition>> {
        let tables_of = |owner| self.temporary.values().filter(move |table| table.is_of(owner));
        self.seen_by.iter().flat_map(tables_of)
    }

    /// The tables that everybody sees, the oldest first.
    pub(crate) fn permanent_tables(&self) -> impl Iterator<Item = &Arc<TableDefinition>> {
        self.tables.values()
    }

    /// The temporary tables that nobody sees any more.
    pub(crate) fn forsaken_tables(&self) -> impl Iterator<Item = &Arc<TableDefinition>> {
        let is_forsaken = |table: &&Arc<TableDefinition>| {
            table.temporary.as_ref().is_some_and(|temporary| temporary.owner.is_gone())
        };
        self.temporary.values().filter(is_forsaken)
    }

    /// The temporary tables of all sessions.
    pub(crate) fn every_temporary_table(&self) -> impl Iterator<Item = &Arc<TableDefinition>> {
        self.temporary.values()
    }

    /// All tables, also those that are not seen: for who asks what depends on something.
    pub(crate) fn every_table(&self) -> impl Iterator<Item = &Arc<TableDefinition>> {
        self.tables.values().chain(self.temporary.values())
    }

    /// The table of this name that is seen, and not temporary.
    pub(crate) fn find_permanent_table(&self, name: &str) -> Option<&Arc<TableDefinition>> {
        self.tables.get(self.names.get(name)?)
    }

    /// The temporary table of this name.
    pub(crate) fn find_temporary_table(&self, name: &str) -> Option<&Arc<TableDefinition>> {
        self.temporary_tables().find(|table| table.name == name)
    }

    /// Whether a table cannot have this name, because another relation has it that is temporary as it is, or is not.
    pub(crate) fn has_beside(&self, name: &str, temporary: Option<&Temporary>) -> bool {
        match temporary {
            None => {
                let is_there =
                    |sequence: &Arc<SequenceDefinition>| !sequence.id.is_temporary() && sequence.name == name;
                self.names.contains_key(name)
                    || self.view_named(name).is_some()
                    || self.sequences().any(is_there)
            }
            Some(of) => self.temporary.values().any(|table| table.is_of(&of.owner) && table.name == name),
        }
    }

    /// Whether what goes with a table is seen.
    pub(super) fn sees(&self, table: TableId) -> bool {
        !table.is_temporary() || self.temporary_tables().any(|seen| seen.id == table)
    }
}

impl TableDefinition {
    /// Whether it is a temporary table of a session.
    pub(crate) fn is_of(&self, owner: &Owner) -> bool {
        self.temporary.as_ref().is_some_and(|temporary| temporary.owner == *owner)
    }
}
