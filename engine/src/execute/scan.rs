//! Scans: rows of one table by an access path.

use std::vec;

use nuages_storage::index::Entries;
use nuages_storage::{LeafSlice, Leaves, RowId, RowRef, Table, TableId, Version};

use super::{Operator, ranges};
use crate::batch::{BATCH_ROWS_MAX, Batch};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::Context;
use crate::plan::{self, Access, Fetch};
use crate::reads::Extent;
use crate::vector::{Vector, VectorBuilder};

/// Rows gathered in the first batch of an index scan, unless fewer are asked for; it doubles from there, so that who
/// stops early has read little.
const FIRST_BATCH_ROWS: usize = 16;

/// Rows of one table.
pub(super) struct Scan<'v> {
    scan: &'v plan::Scan,
    version: &'v Version,
    rows: Option<Rows<'v>>,
    batch_rows: usize,
}

/// Where the rows of a scan come from.
enum Rows<'v> {
    /// Leaf by leaf.
    Leaves(Leaves<'v>),
    /// One by one, by id.
    Ids(&'v Table, vec::IntoIter<RowId>),
    /// One by one, by the entries of an index.
    Entries(&'v Table, Runs<'v>),
}

impl<'v> Scan<'v> {
    pub(super) fn new(scan: &'v plan::Scan, version: &'v Version) -> Self {
        let wanted = scan.count.as_ref().and_then(plan::RowCount::fixed);
        let wanted = wanted.and_then(|count| usize::try_from(count).ok());
        let batch_rows = wanted.map_or(FIRST_BATCH_ROWS, |wanted| wanted.clamp(1, FIRST_BATCH_ROWS));
        Scan { scan, version, rows: None, batch_rows }
    }

    fn open(&self, context: &Context<'_>) -> Result<Rows<'v>, Error> {
        let table = self.version.table(self.scan.table).ok_or(Error::PlanOutdated)?;
        let mut skip = self.scan.offset.rows(context)?.unwrap_or(0);
        // Rows are left out at the end that is read first.
        let mut shorten = |mut ranks: std::ops::Range<u64>| {
            let skipped = skip.min(ranks.end.saturating_sub(ranks.start));
            skip -= skipped;
            if self.scan.reverse {
                ranks.end -= skipped;
            } else {
                ranks.start += skipped;
            }
            ranks
        };
        let note = |extent: &dyn Fn() -> Extent| {
            if let Some(reads) = context.reads() {
                reads.scan(self.scan, extent(), context);
            }
        };
        match &self.scan.access {
            Access::All => {
                note(&|| Extent::All);
                Ok(Rows::Leaves(table.leaves_ranked(shorten(0..table.len()))))
            }
            Access::RowRange(bounds) => {
                let bounds = ranges::row_bounds(bounds, context)?;
                note(&|| Extent::row_range(bounds));
                let ranks = ranges::row_ranks(table, bounds);
                Ok(Rows::Leaves(table.leaves_ranked(shorten(ranks))))
            }
            access @ (Access::RowIds(_) | Access::Union(_) | Access::Intersection(_)) => {
                let mut ids = ranges::row_ids(table, access, context, &note)?;
                if self.scan.reverse {
                    ids.reverse();
                }
                if skip > 0 {
                    ids.retain(|id| table.get(*id).is_some());
                    ids.drain(..usize::try_from(skip).unwrap_or(usize::MAX).min(ids.len()));
                }
                Ok(Rows::Ids(table, ids.into_iter()))
            }
            Access::Index { index: id, parts, prefixes, bounds, .. } => {
                let index = table.index(*id).ok_or(Error::PlanOutdated)?;
                let mut ranges = ranges::key_ranges(parts, prefixes, bounds, context)?;
                note(&|| Extent::Keys(*id, ranges.clone()));
                if self.scan.reverse {
                    ranges.reverse();
                }
                let runs: Vec<_> = ranges
                    .iter()
                    .map(|range| index.entries(shorten(index.ranks(range.lower(), range.upper()))))
                    .collect();
                let runs = Runs { runs: runs.into_iter(), current: None, reverse: self.scan.reverse };
                Ok(Rows::Entries(table, runs))
            }
        }
    }

    /// The next leaf, or a batch of rows gathered from several.
    fn fetch(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let begun = self.rows.is_some();
        let rows = match &mut self.rows {
            Some(rows) => rows,
            None => {
                let rows = self.open(context)?;
                self.rows.insert(rows)
            }
        };
        let (fetch, reverse) = (&self.scan.fetch, self.scan.reverse);
        let batch_rows = self.batch_rows;
        self.batch_rows = (batch_rows * 2).min(BATCH_ROWS_MAX);
        Ok(match rows {
            Rows::Leaves(leaves) => {
                let next = if reverse { leaves.next_back() } else { leaves.next() };
                let Some(slice) = next else { return Ok(false) };
                // Nobody looks beyond the first leaf before the second is asked for: who stops early has read little.
                if begun {
                    leaves.touch_next(reverse, fetch.iter().filter_map(Fetch::slot));
                }
                put_leaf(&slice, fetch, batch);
                true
            }
            Rows::Ids(table, ids) => gather(table, fetch, ids, batch_rows, batch),
            Rows::Entries(table, entries) => gather(table, fetch, entries, batch_rows, batch),
        })
    }
}

/// The entries of several runs of an index, one run after the other.
struct Runs<'v> {
    runs: vec::IntoIter<Entries<'v>>,
    current: Option<Entries<'v>>,
    reverse: bool,
}

impl Iterator for Runs<'_> {
    type Item = RowId;

    fn next(&mut self) -> Option<RowId> {
        loop {
            if let Some(entries) = &mut self.current {
                let entry = if self.reverse { entries.next_back() } else { entries.next() };
                if let Some((_, row)) = entry {
                    return Some(row);
                }
            }
            self.current = Some(self.runs.next()?);
        }
    }
}

impl<'v> Operator<'v> for Scan<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        context.check()?;
        if !self.fetch(batch, context)? {
            return Ok(false);
        }
        if let Some(filter) = &self.scan.filter {
            batch.selection = filter.scalar.filter(batch, context)?;
        }
        if self.scan.reverse && matches!(self.rows, Some(Rows::Leaves(_))) {
            let mut rows: Vec<u32> = batch.selection.iter().map(|row| row as u32).collect();
            rows.reverse();
            *batch = batch.gather(&rows);
        }
        Ok(true)
    }
}

/// The rows of a leaf, borrowed. The columns of the leaf before are written over where they lie.
fn put_leaf<'v>(slice: &LeafSlice<'v>, fetch: &[Fetch], batch: &mut Batch<'v>) {
    let view = slice.view;
    batch.columns.truncate(fetch.len());
    for (index, fetch) in fetch.iter().enumerate() {
        match (batch.columns.get_mut(index), *fetch) {
            (Some(column), Fetch::Slot(slot, data_type)) => column.set_leaf(view, slot, data_type),
            (Some(column), Fetch::RowId(data_type)) => *column = Vector::row_ids(view, data_type),
            (None, Fetch::Slot(slot, data_type)) => batch.columns.push(Vector::leaf(view, slot, data_type)),
            (None, Fetch::RowId(data_type)) => batch.columns.push(Vector::row_ids(view, data_type)),
        }
    }
    batch.selection = Bits::from_word(slice.selection());
    batch.len = view.len();
}

/// Puts up to `rows_max` rows, by their ids, in the place of `batch`; false at the end.
fn gather<'v>(
    table: &'v Table,
    fetch: &[Fetch],
    ids: &mut dyn Iterator<Item = RowId>,
    rows_max: usize,
    batch: &mut Batch<'v>,
) -> bool {
    let mut gathering = Gathering::new(fetch);
    while gathering.len() < rows_max {
        let Some(id) = ids.next() else { break };
        gathering.find(table, id);
    }
    if gathering.len() == 0 {
        return false;
    }
    *batch = gathering.finish();
    true
}

/// Rows of one table, gathered from wherever they lie.
///
/// They are found first and read afterwards, column by column: so the kind of a column is looked at once, and the
/// cache misses of different rows overlap.
pub(super) struct Gathering<'v, 'f> {
    fetch: &'f [Fetch],
    rows: Vec<RowRef<'v>>,
}

impl<'v, 'f> Gathering<'v, 'f> {
    pub(super) fn new(fetch: &'f [Fetch]) -> Self {
        Gathering { fetch, rows: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds the row of this id; false if there is none. What is created together is often asked for together, so the
    /// leaf of the row before is looked at first.
    pub(super) fn find(&mut self, table: &'v Table, id: RowId) -> bool {
        let beside = self.rows.last().and_then(|row| row.beside(id));
        let found = beside.or_else(|| table.get(id));
        self.rows.extend(found);
        found.is_some()
    }

    pub(super) fn finish(self) -> Batch<'v> {
        let rows = &self.rows;
        let column = |fetch: &Fetch| match fetch {
            Fetch::RowId(data_type) => {
                let mut builder = VectorBuilder::with_capacity(*data_type, rows.len());
                builder.append_row_ids(rows);
                builder.finish()
            }
            Fetch::Slot(slot, data_type) => {
                let mut builder = VectorBuilder::with_capacity(*data_type, rows.len());
                builder.append_slot(rows, *slot);
                builder.finish()
            }
        };
        Batch::new(self.fetch.iter().map(column), rows.len())
    }
}

/// The number of rows of an access path, from the counts in the tree.
pub(super) struct Count<'v> {
    access: &'v Access,
    table: TableId,
    version: &'v Version,
    done: bool,
}

impl<'v> Count<'v> {
    pub(super) fn new(access: &'v Access, table: TableId, version: &'v Version) -> Self {
        Count { access, table, version, done: false }
    }
}

impl<'v> Operator<'v> for Count<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(false);
        }
        let table = self.version.table(self.table).ok_or(Error::PlanOutdated)?;
        let count = ranges::count(table, self.access, context)?;
        *batch = Batch::new([Vector::ints([count.cast_signed()])], 1);
        Ok(true)
    }
}
