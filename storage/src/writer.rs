//! One statement's view of the database while it writes.
//!
//! A statement *finds* rows in [`Writer::version`], computes images, keys and checks, and [pushes](Writer::push)
//! operations. Most statements have one round and never see their own writes: for them nothing is copied, and the
//! store applies their operations in place. A statement of several rounds (a cascade) [advances](Writer::advance)
//! between them, which makes the operations so far visible in a private copy of what they touched.

use crate::error::Error;
use crate::keys::Counters;
use crate::table::TableId;
use crate::version::Version;
use crate::write_set::{Operation, WriteSet};

/// The base a statement reads and the write set it adds to.
#[derive(Debug)]
pub struct Writer<'a> {
    base: &'a Version,
    view: Option<Version>,
    write_set: &'a mut WriteSet,
    /// Operations before this one are visible in `version()`.
    visible: usize,
    counters: &'a Counters,
}

impl<'a> Writer<'a> {
    /// A statement that adds to `write_set`, whose operations so far are in `base` already.
    pub(crate) fn new(base: &'a Version, write_set: &'a mut WriteSet, counters: &'a Counters) -> Writer<'a> {
        let visible = write_set.len();
        Writer { base, view: None, write_set, visible, counters }
    }

    /// What the statement reads: the newest version, the transaction's earlier writes, and the statement's own up to
    /// the last [`advance`](Writer::advance).
    pub fn version(&self) -> &Version {
        self.view.as_ref().unwrap_or(self.base)
    }

    /// Records an operation. It is not yet visible in [`version`](Writer::version).
    pub fn push(&mut self, operation: Operation) {
        self.write_set.push(operation);
    }

    /// Makes the operations recorded so far visible. Copies what they touch and anybody else holds; the first call also
    /// copies the version's few pointers.
    pub fn advance(&mut self) {
        let view = self.view.get_or_insert_with(|| self.base.clone());
        for operation in &self.write_set.operations()[self.visible..] {
            view.apply(operation.clone());
        }
        self.visible = self.write_set.len();
    }

    /// The first of `count` fresh row ids of a table. They are never handed out again, whatever becomes of the
    /// statement.
    ///
    /// # Errors
    /// [`Error::KeysExhausted`] when the table has used every positive 64-bit integer.
    pub fn next_keys(&mut self, table: TableId, count: u64) -> Result<i64, Error> {
        self.counters.take(table, count)
    }

    /// The first of `count` row ids of a table beyond all that were handed out or used, and beyond `key`. They are not
    /// handed out by this, but used when they are [noted](Writer::note_key).
    ///
    /// # Errors
    /// [`Error::KeysExhausted`] if there are not as many.
    pub fn keys_beyond(&self, table: TableId, key: i64, count: u64) -> Result<i64, Error> {
        self.counters.beyond(table, key, count)
    }

    /// An explicit key was used: no automatic key up to it will be handed out.
    pub fn note_key(&mut self, table: TableId, key: i64) {
        self.counters.note(table, key);
    }

    /// A table id that was never used in this store.
    pub fn fresh_table_id(&mut self) -> TableId {
        self.counters.fresh_table()
    }

    /// A number for an index or a constraint that was never used in this store.
    pub fn fresh_id(&mut self) -> u32 {
        self.counters.fresh_id()
    }

    /// The view with every operation applied, if one was made.
    pub(crate) fn into_view(mut self) -> Option<Version> {
        if self.view.is_some() {
            self.advance();
        }
        self.view
    }
}
