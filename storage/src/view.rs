//! Views: what a transaction sees, a version with its own writes applied.
//!
//! A view stands on a version and has the first so many operations of a write set applied. To bring it to a newer
//! version, only the tables are made anew that somebody else has changed meanwhile; the others are taken over. Every
//! table knows the commit that last changed it, so that is a comparison of two numbers.
//!
//! Rows are in a view at once, entries of indexes when somebody looks at an index, or when the view is to be published.

use crate::commit::CommitId;
use crate::version::Version;
use crate::write_set::{Operation, SchemaChange, WriteSet};

/// A version with a part of a write set applied.
///
/// Invariant: `version` is the version of `on`, with the operations before `applied` applied, and nothing else.
#[derive(Clone, Debug)]
pub(crate) struct View {
    version: Version,
    on: CommitId,
    applied: usize,
}

impl View {
    /// A view of a version, with nothing applied.
    pub(crate) fn of(version: &Version) -> View {
        View { version: version.clone(), on: version.commit(), applied: 0 }
    }

    /// A view that was made elsewhere.
    pub(crate) fn made(version: Version, applied: usize) -> View {
        View { on: version.commit(), version, applied }
    }

    /// What is seen.
    pub(crate) fn version(&self) -> &Version {
        &self.version
    }

    /// How many operations are applied.
    pub(crate) fn applied(&self) -> usize {
        self.applied
    }

    /// Makes the indexes have all their entries.
    pub(crate) fn settle(&mut self, write_set: &WriteSet) {
        self.version.settle(write_set.tables());
    }

    /// The version alone, to be published.
    pub(crate) fn into_version(mut self, write_set: &WriteSet) -> Version {
        self.settle(write_set);
        self.version
    }

    /// Applies the operations that are not yet.
    pub(crate) fn catch_up(&mut self, write_set: &WriteSet) {
        self.catch_up_to(write_set, write_set.len());
    }

    /// The same of the operations before the `length`-th.
    pub(crate) fn catch_up_to(&mut self, write_set: &WriteSet, length: usize) {
        for operation in &write_set.operations()[self.applied..length] {
            self.version.apply_postponing(operation);
        }
        self.applied = length;
    }

    /// The same operations applied to another version of the database.
    ///
    /// A schema that the operations change is theirs: whoever changes it holds the lock that keeps others from it.
    pub(crate) fn rebase(&mut self, onto: &Version, write_set: &WriteSet) {
        if self.on == onto.commit() {
            return;
        }
        let applied = &write_set.operations()[..self.applied];
        let mut next = onto.clone();
        for &table in write_set.tables() {
            if self.version.changed(table) == onto.changed(table) {
                next.take_table(table, &self.version);
                continue;
            }
            for operation in applied.iter().filter(|operation| operation.table() == Some(table)) {
                next.apply_postponing(operation);
            }
        }
        let catalog = applied.iter().rev().find_map(|operation| match operation {
            Operation::Schema(SchemaChange::Catalog(catalog)) => Some(catalog),
            _ => None,
        });
        if let Some(catalog) = catalog {
            next.set_catalog(catalog);
        }
        (self.version, self.on) = (next, onto.commit());
    }
}
