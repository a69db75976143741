//! Scans: rows of one table by an access path.

use std::ops::Range;
use std::vec;

use nuages_storage::index::RowIds;
use nuages_storage::{Index, LeafSlice, Leaves, RowId, RowRef, Table, TableId, Version};
use smallvec::SmallVec;

use super::nothing::is_counted_empty;
use super::ranges::Ranks;
use super::scope::Scope;
use super::{Operator, ranges};
use crate::batch::{BATCH_ROWS_MAX, Batch};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::Context;
use crate::memory::Charge;
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
    /// Where its rows are, if that was found out before.
    ranks: Option<&'v Ranks>,
    rows: Option<Rows<'v>>,
    batch_rows: usize,
    /// Where it is in the tree that it goes along, if somebody measures.
    trail: Option<Trail<'v>>,
    /// Ids of rows that were listed before the first is read.
    charge: Charge,
}

/// Where the rows of a scan come from.
enum Rows<'v> {
    /// Leaf by leaf.
    Leaves(Leaves<'v>),
    /// One by one, by id.
    Ids(&'v Table, <ranges::RowIds as IntoIterator>::IntoIter),
    /// One by one, by the entries of an index.
    Entries(&'v Table, Runs<'v>),
}

impl<'v> Scan<'v> {
    pub(super) fn new(scan: &'v plan::Scan, scope: &Scope<'v>) -> Self {
        let wanted = scan.count.as_ref().and_then(plan::RowCount::fixed);
        let wanted = wanted.and_then(|count| usize::try_from(count).ok());
        let batch_rows = wanted.map_or(FIRST_BATCH_ROWS, |wanted| wanted.clamp(1, FIRST_BATCH_ROWS));
        let (version, ranks) = (scope.version(), scope.ranks(scan));
        Scan { scan, version, ranks, rows: None, batch_rows, trail: None, charge: Charge::default() }
    }

    fn open(&mut self, context: &Context<'_>) -> Result<Rows<'v>, Error> {
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
                let ranks = shorten(0..table.len());
                self.trail = Trail::of_rows(table, ranks.clone(), self.scan.reverse, context);
                Ok(Rows::Leaves(table.leaves_ranked(ranks)))
            }
            Access::RowRange(bounds) => {
                let ranks = match self.ranks.and_then(|ranks| ranks.first()).filter(|_| !context.is_watched())
                {
                    Some(ranks) => ranks.clone(),
                    None => {
                        let bounds = ranges::row_bounds(bounds, context)?;
                        note(&|| Extent::row_range(bounds));
                        context.visit(|| ranges::row_bound_nodes(table, bounds));
                        ranges::row_ranks(table, bounds)
                    }
                };
                let ranks = shorten(ranks);
                self.trail = Trail::of_rows(table, ranks.clone(), self.scan.reverse, context);
                Ok(Rows::Leaves(table.leaves_ranked(ranks)))
            }
            access @ (Access::RowIds(_) | Access::Union(_) | Access::Intersection(_)) => {
                let mut ids = ranges::row_ids(table, access, context, &note)?;
                self.charge.add_keys("a list of rows", ids.len(), 0, context)?;
                if self.scan.reverse {
                    ids.reverse();
                }
                if skip > 0 {
                    ids.retain(|id| table.get(*id).is_some());
                    drop(ids.drain(..usize::try_from(skip).unwrap_or(usize::MAX).min(ids.len())));
                }
                Ok(Rows::Ids(table, ids.into_iter()))
            }
            Access::Index { index: id, parts, prefixes, bounds, .. } => {
                let index = table.index(*id).ok_or(Error::PlanOutdated)?;
                let mut ranks = match self.ranks.filter(|_| !context.is_watched()) {
                    Some(ranks) => ranks.clone(),
                    None if !context.is_watched() => {
                        ranges::ranks(table, &self.scan.access, context)?.unwrap_or_default()
                    }
                    None => {
                        let ranges = ranges::key_ranges(parts, prefixes, bounds, context)?;
                        note(&|| Extent::Keys(*id, ranges.to_vec()));
                        context.visit(|| ranges.iter().map(|range| range.bound_nodes(index)).sum());
                        ranges.iter().map(|range| range.ranks(index)).collect()
                    }
                };
                if self.scan.reverse {
                    ranks.reverse();
                }
                ranks.iter_mut().for_each(|ranks| *ranks = shorten(ranks.clone()));
                self.trail = Trail::of_entries(index, &ranks, self.scan.reverse, context);
                let ranks = ranks.into_iter();
                Ok(Rows::Entries(table, Runs { index, ranks, current: None, reverse: self.scan.reverse }))
            }
        }
    }

    /// Whether it was found out before that there are no rows, so that nothing need be opened.
    fn is_known_empty(&self, context: &Context<'_>) -> bool {
        self.ranks.is_some_and(|ranks| is_counted_empty(self.scan, ranks)) && !context.is_watched()
    }

    /// The next leaf, or a batch of rows gathered from several.
    fn fetch(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if self.is_known_empty(context) {
            return Ok(false);
        }
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
                if let Some(trail) = &mut self.trail {
                    context.visit(|| trail.advance(slice.rows.len() as u64));
                }
                put_leaf(&slice, fetch, batch);
                true
            }
            Rows::Ids(table, ids) => gather(table, fetch, ids, batch_rows, batch, context),
            Rows::Entries(table, entries) => {
                let more = gather(table, fetch, entries, batch_rows, batch, context);
                if let Some(trail) = &mut self.trail {
                    context.visit(|| trail.advance(batch.len as u64));
                }
                more
            }
        })
    }
}

/// Where a measured scan is in a tree: the ranks that it has still to visit, run by run.
struct Trail<'v> {
    tree: Walked<'v>,
    runs: vec::IntoIter<Range<u64>>,
    reverse: bool,
    /// What is left of the run at hand, and the rank that was visited last in it.
    current: Range<u64>,
    last: Option<u64>,
}

/// What a scan goes along.
#[derive(Clone, Copy)]
enum Walked<'v> {
    Rows(&'v Table),
    Entries(&'v Index),
}

impl<'v> Trail<'v> {
    fn of_rows(table: &'v Table, ranks: Range<u64>, reverse: bool, context: &Context<'_>) -> Option<Self> {
        context.is_measured().then(|| Trail::new(Walked::Rows(table), vec![ranks], reverse))
    }

    fn of_entries(
        index: &'v Index,
        runs: &[Range<u64>],
        reverse: bool,
        context: &Context<'_>,
    ) -> Option<Self> {
        context.is_measured().then(|| Trail::new(Walked::Entries(index), runs.to_vec(), reverse))
    }

    fn new(tree: Walked<'v>, runs: Vec<Range<u64>>, reverse: bool) -> Self {
        Trail { tree, runs: runs.into_iter(), reverse, current: 0..0, last: None }
    }

    fn nodes(&self, ranks: Range<u64>) -> u64 {
        match self.tree {
            Walked::Rows(table) => table.nodes(ranks),
            Walked::Entries(index) => index.nodes(ranks),
        }
    }

    /// How many nodes are visited by going on for so many items. The nodes on the way to the last item are there
    /// already.
    fn advance(&mut self, mut items: u64) -> u64 {
        let mut nodes = 0;
        while items > 0 {
            if self.current.is_empty() {
                let Some(run) = self.runs.next() else { break };
                (self.current, self.last) = (run, None);
                continue;
            }
            let taken = items.min(self.current.end - self.current.start);
            let passed = match self.reverse {
                true => self.current.end - taken..self.current.end,
                false => self.current.start..self.current.start + taken,
            };
            nodes += match self.last {
                Some(last) => {
                    let known = self.nodes(last..last + 1);
                    self.nodes(passed.start.min(last)..passed.end.max(last + 1)) - known
                }
                None => self.nodes(passed.clone()),
            };
            self.last = Some(if self.reverse { passed.start } else { passed.end - 1 });
            match self.reverse {
                true => self.current.end = passed.start,
                false => self.current.start = passed.end,
            }
            items -= taken;
        }
        nodes
    }
}

/// The entries of several runs of an index, one run after the other.
struct Runs<'v> {
    index: &'v Index,
    ranks: smallvec::IntoIter<[Range<u64>; 1]>,
    current: Option<RowIds<'v>>,
    reverse: bool,
}

impl Iterator for Runs<'_> {
    type Item = RowId;

    fn next(&mut self) -> Option<RowId> {
        loop {
            if let Some(rows) = &mut self.current {
                let row = if self.reverse { rows.next_back() } else { rows.next() };
                if row.is_some() {
                    return row;
                }
            }
            let ranks = self.ranks.by_ref().find(|ranks| !ranks.is_empty())?;
            self.current = Some(self.index.row_ids(ranks));
        }
    }

    /// Of the run at hand, or of the next one: most scans have one.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let rows = match &self.current {
            Some(rows) => rows.size_hint().0,
            None => self.ranks.as_slice().first().map_or(0, |ranks| ranks.end - ranks.start) as usize,
        };
        (rows, None)
    }
}

impl<'v> Operator<'v> for Scan<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        loop {
            context.check()?;
            if !self.fetch(batch, context)? {
                return Ok(false);
            }
            let Some(filter) = &self.scan.filter else { break };
            batch.selection = filter.scalar.filter(batch, context)?;
            // Of a leaf without such a row nobody above hears.
            if !batch.selection.is_empty() {
                break;
            }
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
    context: &Context<'_>,
) -> bool {
    let mut gathering = Gathering::new(fetch);
    gathering.rows.reserve(rows_max.min(ids.size_hint().0));
    while gathering.len() < rows_max {
        let Some(id) = ids.next() else { break };
        gathering.find(table, id);
    }
    context.visit(|| gathering.nodes(table));
    if gathering.len() == 0 {
        *batch = Batch::default();
        return false;
    }
    gathering.put_into(batch);
    true
}

/// Rows of one table, gathered from wherever they lie.
///
/// They are found first and read afterwards, column by column: so the kind of a column is looked at once, and the
/// cache misses of different rows overlap.
pub(super) struct Gathering<'v, 'f> {
    fetch: &'f [Fetch],
    rows: SmallVec<[RowRef<'v>; 4]>,
}

impl<'v, 'f> Gathering<'v, 'f> {
    pub(super) fn new(fetch: &'f [Fetch]) -> Self {
        Gathering { fetch, rows: SmallVec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds the row of this id; false if there is none. What is created together is often asked for together, so the
    /// leaf of the row before is looked at first.
    pub(super) fn find(&mut self, table: &'v Table, id: RowId) -> bool {
        let beside = self.rows.last().and_then(|row| row.beside(id));
        let found = beside.or_else(|| table.get(id));
        if let Some(row) = found {
            self.rows.push(row);
        }
        found.is_some()
    }

    /// How many nodes were visited to find the rows: none for one that lies beside the row before.
    pub(super) fn nodes(&self, table: &Table) -> u64 {
        let is_beside = |rows: &[RowRef<'_>]| rows[0].beside(rows[1].row_id()).is_some();
        let beside = self.rows.windows(2).filter(|rows| is_beside(rows)).count();
        (self.rows.len() - beside) as u64 * table.height()
    }

    /// Puts the rows, and all of them, in the place of a batch.
    pub(super) fn put_into(&self, batch: &mut Batch<'v>) {
        let rows = &self.rows[..];
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
        batch.columns.clear();
        batch.columns.extend(self.fetch.iter().map(column));
        batch.selection = Bits::all(rows.len());
        batch.len = rows.len();
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
