//! What a statement keeps from one attempt to the next.

use std::sync::Arc;

use hashbrown::HashMap;
use nuages_storage::{Patch, RowId, TableId, Value};

use super::drawn::Drawn;
use super::row_set::RowSet;
use crate::catalog::SchemaId;
use crate::plan::Plan;

/// What the first attempt of a statement found. Later ones do not look further: a row that comes to satisfy the
/// predicate while the statement waits is not the statement's, and a key that was generated is not generated again
/// while it is free.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Of an `UPDATE` or `DELETE`: the rows.
    rows: Option<RowSet>,
    /// Of what updates rows: the values that are others each time.
    pub(super) drawn: Drawn,
    /// Of a query that locks all rows there are, or passes over those that others have: those it has locked.
    pub(super) locked: Option<LockedRows>,
    /// Of a query that locks rows: its plan, and the schema it was made for.
    pub(super) plan: Option<(SchemaId, Arc<Plan>)>,
    /// Of an `INSERT`: the rows, and their keys.
    pub(super) inserted: Option<Inserted>,
}

/// The rows that a query has locked.
#[derive(Debug)]
pub(super) struct LockedRows {
    pub(super) by_table: HashMap<TableId, RowSet>,
    /// How many rows of the query they make.
    pub(super) count: u64,
}

/// The rows of an `INSERT`.
#[derive(Clone, Debug)]
pub(super) struct Inserted {
    /// Their values, in the order of the table's columns.
    pub(super) rows: Vec<Vec<Value>>,
    /// The row id each was given, if any; empty if the table's row ids are its own.
    pub(super) keys: Vec<Option<i64>>,
    /// Their row ids.
    pub(super) ids: Vec<RowId>,
    /// Whether any of the ids was given.
    pub(super) ids_given: bool,
    /// The first that was generated, if it is a key.
    pub(super) first_key: Option<i64>,
}

impl Found {
    /// Takes down what an attempt found, unless it is known that there will be no other; or leaves of it what the
    /// first attempt found as well. The rows of `found` ascend.
    pub(super) fn settle<T>(&mut self, found: &mut Vec<T>, row_of: impl Fn(&T) -> RowId, is_only: bool) {
        match &self.rows {
            Some(first) => found.retain(|entry| first.contains(row_of(entry))),
            None if is_only => {}
            None => self.note(found.iter().map(row_of)),
        }
    }

    /// The same for a patch.
    pub(super) fn settle_patch(&mut self, patch: &mut Patch, is_only: bool) {
        match &self.rows {
            Some(first) => patch.retain(|row| first.contains(row)),
            None if is_only => {}
            None => self.note(patch.row_ids().iter().copied()),
        }
    }

    fn note(&mut self, found: impl Iterator<Item = RowId>) {
        self.rows = Some(found.collect());
    }
}
