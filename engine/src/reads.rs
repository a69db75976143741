//! What a serializable transaction has read, and whether that is still so.
//!
//! Each access path notes *what it asks* before it fetches: rows by their ids, a range of ids or of keys, a whole
//! table, each with the filter that goes with it and the columns that are looked at. When the transaction commits, the
//! rows that others have changed since its snapshot are tested against that, as they were and as they are (precision
//! locking: Neumann, Mühlbauer, Kemper, "Fast Serializable Multi-Version Concurrency Control", SIGMOD 2015, section 4).
//! If none is in anything that was read, the transaction would have read the same had it begun now, and so may take its
//! place after them.
//!
//! Which rows have changed is not kept anywhere: it is what the two versions do not share.

use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashMap;
use jiff::Timestamp;
use nuages_storage::key::KeyBuffer;
use nuages_storage::{IndexId, IndexKeys, RowChange, RowId, RowRef, Table, TableId, Value, Version};
use parking_lot::Mutex;

use crate::batch::Batch;
use crate::catalog::{Catalog, TableDefinition};
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::key_range::{KeyRange, RowBounds};
use crate::plan::{Fetch, Scan};
use crate::vector::Vector;
use crate::write::keys::leaf_keys;
use crate::write::row_set::RowSet;

/// Reads of one table beyond which it counts as read whole.
const READS_MAX: usize = 1_000;

/// What has been read. Statements of one transaction may note into it from several threads.
#[derive(Debug, Default)]
pub struct Reads {
    tables: Mutex<HashMap<TableId, TableReads>>,
    /// Whether anything may have been read.
    everything: AtomicBool,
}

/// What has been read of one table.
#[derive(Debug, Default)]
struct TableReads {
    /// Rows asked for by id alone.
    rows: RowSet,
    others: Vec<Read>,
    /// Anything: all of it was read, or too much to tell.
    whole: bool,
}

/// One read.
#[derive(Debug)]
pub(crate) struct Read {
    /// Which rows were asked for.
    pub(crate) extent: Extent,
    /// What was looked at of them; the columns of `filter`, in their order.
    pub(crate) fetch: Vec<Fetch>,
    /// Which of them counted; all without.
    pub(crate) filter: Option<Filter>,
}

/// A filter that can be evaluated again, to the same: what it was evaluated under is kept with it.
#[derive(Debug)]
pub(crate) struct Filter {
    scalar: Scalar,
    parameters: Vec<Value>,
    now: Timestamp,
}

/// Which rows a read asked for.
#[derive(Debug)]
pub(crate) enum Extent {
    /// All.
    All,
    /// Those with these ids.
    Rows(RowSet),
    /// Those with ids within bounds.
    RowRange(Bound<RowId>, Bound<RowId>),
    /// Those whose keys in an index are within one of these.
    Keys(IndexId, Vec<KeyRange>),
}

impl Extent {
    /// The rows with these ids.
    pub(crate) fn rows(ids: impl IntoIterator<Item = RowId>) -> Extent {
        let mut rows = RowSet::default();
        for id in ids {
            rows.insert(id);
        }
        Extent::Rows(rows)
    }

    /// The rows with ids within bounds; none without.
    pub(crate) fn row_range(bounds: Option<RowBounds>) -> Extent {
        bounds.map_or_else(|| Extent::rows([]), |(lower, upper)| Extent::RowRange(lower, upper))
    }
}

/// A row that was read and is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) table: TableId,
    /// The row; none if the table itself is not what it was.
    pub(crate) row: Option<RowId>,
}

impl Conflict {
    /// The error, in names.
    pub(crate) fn into_error(self, version: &Version) -> Error {
        let table = Catalog::of(version).table(self.table);
        let table = table.map_or_else(|| format!("#{}", self.table.get()), |table| table.name.clone());
        Error::SerializationFailure { table, row: self.row.map(RowId::get) }
    }
}

impl Reads {
    /// Notes that anything may have been read.
    pub(crate) fn everything(&self) {
        self.everything.store(true, Ordering::Relaxed);
    }

    /// Notes that a row was asked for by its id, whether it was there or not.
    pub(crate) fn row(&self, table: TableId, row: RowId) {
        self.tables.lock().entry(table).or_default().rows.insert(row);
    }

    /// Notes that the first row with this beginning of a key was asked for, and the row itself if it is there.
    pub(crate) fn key(&self, table: TableId, index: IndexId, key: &KeyBuffer, rows: Option<&Table>) {
        let found = rows.and_then(|rows| rows.index(index)?.first_with_prefix(key.as_slice()));
        if let Some(row) = found {
            self.row(table, row);
        }
        self.count(table, Extent::Keys(index, vec![KeyRange::prefixed(key.clone())]));
    }

    /// Notes what a scan asks for.
    pub(crate) fn scan(&self, scan: &Scan, extent: Extent, context: &Context<'_>) {
        let filter = scan.filter.as_ref().and_then(|filter| Filter::of(&filter.scalar, context));
        self.note(scan.table, Read { extent, fetch: scan.fetch.clone(), filter });
    }

    /// Notes that rows were counted.
    pub(crate) fn count(&self, table: TableId, extent: Extent) {
        self.note(table, Read { extent, fetch: Vec::new(), filter: None });
    }

    /// Notes a read.
    pub(crate) fn note(&self, table: TableId, read: Read) {
        let mut tables = self.tables.lock();
        let reads = tables.entry(table).or_default();
        if reads.others.len() == READS_MAX {
            reads.whole = true;
            reads.others.clear();
        }
        if !reads.whole {
            reads.others.push(read);
        }
    }

    /// The first row that was read and differs between the version it was read in and a newer one.
    pub(crate) fn conflict(&self, before: &Version, after: &Version) -> Option<Conflict> {
        let tables = self.tables.lock();
        if self.everything.load(Ordering::Relaxed) {
            let anything = TableReads { whole: true, ..TableReads::default() };
            let ids = before.tables().chain(after.tables()).map(Table::id);
            // Those of other sessions cannot have been read.
            let mut ids = ids.filter(|id| !id.is_temporary());
            return ids.find_map(|table| anything.conflict(table, before, after));
        }
        tables.iter().find_map(|(table, reads)| reads.conflict(*table, before, after))
    }
}

impl TableReads {
    fn conflict(&self, id: TableId, before: &Version, after: &Version) -> Option<Conflict> {
        let (old, new) = (before.table(id), after.table(id));
        let (Some(old), Some(new)) = (old, new) else {
            return (old.is_some() != new.is_some()).then_some(Conflict { table: id, row: None });
        };
        if old.changed() == new.changed() {
            return None;
        }
        let table = Catalog::of(before).table(id)?;
        let is_redefined = Catalog::of(after).table(id).is_none_or(|now| !std::sync::Arc::ptr_eq(now, table));
        if is_redefined {
            return Some(Conflict { table: id, row: None });
        }
        let mut conflict = None;
        new.changes_since(old, &mut |change| {
            if conflict.is_none() && self.concerns(table, change) {
                let row = change.after().or(change.before()).map(RowRef::row_id);
                conflict = Some(Conflict { table: id, row });
            }
        });
        conflict
    }

    fn concerns(&self, table: &TableDefinition, change: RowChange<'_>) -> bool {
        let (before, after) = (change.before(), change.after());
        let id = before.or(after).map(RowRef::row_id).unwrap_or_default();
        self.whole
            || self.rows.contains(id)
            || self.others.iter().any(|read| read.concerns(table, before, after))
    }
}

impl Read {
    /// Whether what it yields may be another because of a row.
    fn concerns(
        &self,
        table: &TableDefinition,
        before: Option<RowRef<'_>>,
        after: Option<RowRef<'_>>,
    ) -> bool {
        let had = before.is_some_and(|row| self.has(table, row));
        let has = after.is_some_and(|row| self.has(table, row));
        match (before, after) {
            (Some(before), Some(after)) if had && has => {
                self.moves(table, before, after)
                    || self.fetch.iter().any(|fetch| value(before, *fetch) != value(after, *fetch))
            }
            _ => had || has,
        }
    }

    /// Whether a row comes at another place of what it yields: an index has an order, of columns that need not be
    /// looked at.
    fn moves(&self, table: &TableDefinition, before: RowRef<'_>, after: RowRef<'_>) -> bool {
        let Extent::Keys(index, _) = &self.extent else { return false };
        match (entries(table, *index, before), entries(table, *index, after)) {
            (Some(before), Some(after)) => !before.iter().eq(after.iter()),
            _ => true,
        }
    }

    /// Whether a row is among those it asked for. What cannot be decided is.
    fn has(&self, table: &TableDefinition, row: RowRef<'_>) -> bool {
        let in_extent = match &self.extent {
            Extent::All => true,
            Extent::Rows(rows) => rows.contains(row.row_id()),
            Extent::RowRange(lower, upper) => {
                std::ops::RangeBounds::contains(&(*lower, *upper), &row.row_id())
            }
            Extent::Keys(index, ranges) => has_key(table, *index, ranges, row),
        };
        in_extent
            && self.filter.as_ref().is_none_or(|filter| {
                let columns = self.fetch.iter().map(|fetch| Vector::constant(value(row, *fetch), 1));
                filter.may_select(&Batch::new(columns, 1))
            })
    }
}

impl Filter {
    /// None if what it said once is not what it says again: then every row may have counted.
    fn of(scalar: &Scalar, context: &Context<'_>) -> Option<Filter> {
        if scalar.is_volatile() {
            return None;
        }
        let parameters = context.parameters().to_vec();
        Some(Filter { scalar: scalar.clone(), parameters, now: context.now() })
    }

    /// Whether a row counted, or it cannot be told.
    fn may_select(&self, row: &Batch<'_>) -> bool {
        let context = Context::at(&self.parameters, self.now);
        self.scalar.filter(row, &context).map_or(true, |rows| !rows.is_empty())
    }
}

/// Whether a row's key in an index is within one of these ranges.
fn has_key(table: &TableDefinition, index: IndexId, ranges: &[KeyRange], row: RowRef<'_>) -> bool {
    entries(table, index, row)
        .is_none_or(|entries| entries.iter().any(|(key, _)| ranges.iter().any(|range| range.contains(key))))
}

/// The entry of a row in an index, if its condition does not leave it out; `None` if that cannot be told.
fn entries(table: &TableDefinition, index: IndexId, row: RowRef<'_>) -> Option<IndexKeys> {
    let index = table.index(index)?;
    let mut entries = IndexKeys::new();
    let selection = 1 << row.row();
    leaf_keys(table, index, row.view(), selection, &Context::new(&[]), &mut entries).ok()?;
    Some(entries)
}

/// What a read looks at of a row.
fn value(row: RowRef<'_>, fetch: Fetch) -> Value {
    match fetch {
        Fetch::RowId(_) => Value::Int(row.row_id().get()),
        Fetch::Slot(slot, data_type) => row.value(slot, &data_type),
    }
}
