//! Index nested-loop join: for each left row the rows of a table with its key.
//!
//! Left rows keep their order, and each one's partners follow each other; so the join may stand above an ordered scan
//! without a sort in between. Candidates are gathered into a batch, tested by the residual together, and put out; the
//! partners of one left row may be spread over several batches. A semi- or anti-join without a residual gathers
//! nothing: it selects the left rows whose key the index has.

use nuages_storage::index::Entries;
use nuages_storage::key::{KeyBuffer, KeyPart};
use nuages_storage::{RowId, Table, Version};

use super::scan::Gathering;
use super::together::{Together, Wanted};
use super::{Operator, Running};
use crate::algebra::JoinKind;
use crate::batch::{BATCH_ROWS_MAX, Batch};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::Context;
use crate::key_range::KeyRange;
use crate::plan::{Lookup, LookupBy, Plan};
use crate::reads::{Extent, Read};
use crate::vector::{NO_ROW, Vector};

/// See the [module](self).
pub(super) struct IndexJoin<'v> {
    kind: JoinKind,
    left: Running<'v>,
    left_plan: &'v Plan,
    lookup: &'v Lookup,
    version: &'v Version,
    current: Option<Current<'v>>,
}

/// A left batch on its way through the join.
struct Current<'v> {
    batch: Batch<'v>,
    keys: Vec<Vector<'v>>,
    rows: std::vec::IntoIter<u32>,
    /// The left row whose partners are being gathered, the rest of them, and whether one has been put out.
    open: Option<(u32, Partners<'v>, bool)>,
}

/// The partners of a left row that are still to come.
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack; a box would cost every left row")]
enum Partners<'v> {
    Row(Option<RowId>),
    Entries(Entries<'v>),
}

impl Iterator for Partners<'_> {
    type Item = RowId;

    fn next(&mut self) -> Option<RowId> {
        match self {
            Partners::Row(row) => row.take(),
            Partners::Entries(entries) => entries.next().map(|(_, row)| row),
        }
    }
}

/// The candidates of one left row in a gathered batch.
struct Group {
    left: u32,
    /// The position of its first candidate; they end where the next group's begin.
    start: usize,
    /// Whether candidates of it in an earlier batch passed.
    passed: bool,
    /// Whether all its candidates have been seen.
    complete: bool,
}

impl<'v> IndexJoin<'v> {
    pub(super) fn new(
        kind: JoinKind,
        left_plan: &'v Plan,
        left: Running<'v>,
        lookup: &'v Lookup,
        version: &'v Version,
    ) -> Self {
        // Who only tests its left rows leaves them where they lie.
        let left = match lookup.is_test(kind) {
            true => left,
            false => Box::new(Together::new(left_plan, left, Wanted::FOR_LOOKUPS)),
        };
        IndexJoin { kind, left, left_plan, lookup, version, current: None }
    }

    /// The keys of the rows of a left batch.
    fn keys(&self, batch: &Batch<'v>, context: &Context<'_>) -> Result<Vec<Vector<'v>>, Error> {
        let scalars = match &self.lookup.by {
            LookupBy::RowId(key) => std::slice::from_ref(key),
            LookupBy::Index { keys, .. } => keys,
        };
        let keys: Vec<Vector<'v>> =
            scalars.iter().map(|key| key.evaluate(batch, context)).collect::<Result<_, _>>()?;
        self.note(batch, &keys, context);
        context.visit(|| self.nodes(batch, &keys));
        Ok(keys)
    }

    /// How many nodes are visited to look for the keys of a batch, and to read the entries that have them.
    fn nodes(&self, batch: &Batch<'v>, keys: &[Vector<'v>]) -> u64 {
        let Some(table) = self.version.table(self.lookup.table) else { return 0 };
        let is_test = self.lookup.is_test(self.kind);
        let of_row = |row: usize| match &self.lookup.by {
            LookupBy::RowId(_) if is_test => table.height(),
            LookupBy::RowId(_) => 0, // rows are counted as they are found
            LookupBy::Index { index, parts, unique, .. } => {
                let (Some(index), Some(prefix)) = (table.index(*index), prefix_of(parts, keys, row)) else {
                    return 0;
                };
                if *unique || is_test {
                    return index.height();
                }
                let range = KeyRange::prefixed(prefix);
                range.bound_nodes(index) + index.nodes(index.ranks(range.lower(), range.upper()))
            }
        };
        batch.selection.iter().map(of_row).sum()
    }

    /// The rows of a batch that have a partner, or of an anti-join those that have none. No partner is read, however
    /// many there are.
    fn tested(&self, batch: &Batch<'v>, table: &Table, context: &Context<'_>) -> Result<Bits, Error> {
        let keys = self.keys(batch, context)?;
        let mut kept = Bits::none(batch.len);
        for row in &batch.selection {
            let has_partner = match &self.lookup.by {
                LookupBy::RowId(_) => {
                    let id = keys.first().and_then(|key| key.int(row)).map(RowId::new);
                    id.is_some_and(|id| table.get(id).is_some())
                }
                LookupBy::Index { index, parts, .. } => {
                    let index = table.index(*index).ok_or(Error::PlanOutdated)?;
                    let prefix = prefix_of(parts, &keys, row);
                    prefix.is_some_and(|prefix| index.first_with_prefix(prefix.as_slice()).is_some())
                }
            };
            if has_partner == (self.kind == JoinKind::Semi) {
                kept.insert(row);
            }
        }
        Ok(kept)
    }

    fn begin(&self, batch: Batch<'v>, context: &Context<'_>) -> Result<Current<'v>, Error> {
        let keys = self.keys(&batch, context)?;
        let rows: Vec<u32> = batch.selection.iter().map(|row| row as u32).collect();
        Ok(Current { batch, keys, rows: rows.into_iter(), open: None })
    }

    /// Notes which partners are asked for, whether there are any or not.
    fn note(&self, batch: &Batch<'v>, keys: &[Vector<'v>], context: &Context<'_>) {
        let Some(reads) = context.reads() else { return };
        let extent = match &self.lookup.by {
            LookupBy::RowId(_) => {
                let id = |row| keys.first()?.int(row).map(RowId::new);
                Extent::rows(batch.selection.iter().filter_map(id))
            }
            LookupBy::Index { index, parts, .. } => {
                let range = |row| prefix_of(parts, keys, row).map(KeyRange::prefixed);
                Extent::Keys(*index, batch.selection.iter().filter_map(range).collect())
            }
        };
        reads.note(self.lookup.table, Read { extent, fetch: self.lookup.fetch.clone(), filter: None });
    }

    /// The batch of one round of candidates.
    fn round(
        &self,
        current: &mut Current<'v>,
        table: &'v Table,
        context: &Context<'_>,
    ) -> Result<Batch<'v>, Error> {
        let mut gathering = Gathering::new(&self.lookup.fetch);
        let mut groups: Vec<Group> = Vec::new();
        let mut lefts: Vec<u32> = Vec::new();
        while lefts.len() < BATCH_ROWS_MAX {
            if current.open.is_none() {
                let Some(row) = current.rows.next() else { break };
                current.open = Some((row, self.partners(&current.keys, row, table)?, false));
            }
            let Some((row, partners, passed)) = &mut current.open else { break };
            let mut group = Group { left: *row, start: lefts.len(), passed: *passed, complete: false };
            while lefts.len() < BATCH_ROWS_MAX {
                let Some(id) = partners.next() else {
                    group.complete = true;
                    break;
                };
                if gathering.find(table, id) {
                    lefts.push(*row);
                }
            }
            if group.complete {
                current.open = None;
            }
            groups.push(group);
        }
        context.visit(|| gathering.nodes(table));
        let right = gathering.finish();
        let passed = self.passed(&current.batch, &lefts, &right, context)?;
        Ok(self.output(current, &groups, &lefts, &right, passed.as_ref()))
    }

    fn partners(&self, keys: &[Vector<'v>], row: u32, table: &'v Table) -> Result<Partners<'v>, Error> {
        let row = row as usize;
        match &self.lookup.by {
            LookupBy::RowId(_) => {
                Ok(Partners::Row(keys.first().and_then(|key| key.int(row)).map(RowId::new)))
            }
            LookupBy::Index { index, parts, unique, .. } => {
                let index = table.index(*index).ok_or(Error::PlanOutdated)?;
                let Some(prefix) = prefix_of(parts, keys, row) else { return Ok(Partners::Row(None)) };
                if *unique {
                    return Ok(Partners::Row(index.first_with_key(prefix.as_slice())));
                }
                let range = KeyRange::prefixed(prefix);
                Ok(Partners::Entries(index.range(range.lower(), range.upper())))
            }
        }
    }

    /// The candidates that satisfy the residual; all if there is none.
    fn passed(
        &self,
        batch: &Batch<'v>,
        lefts: &[u32],
        right: &Batch<'v>,
        context: &Context<'_>,
    ) -> Result<Option<Bits>, Error> {
        let Some(residual) = &self.lookup.residual else { return Ok(None) };
        let pairs = pair(batch.gather(lefts), right.clone());
        residual.scalar.filter(&pairs, context).map(Some)
    }

    fn output(
        &self,
        current: &mut Current<'v>,
        groups: &[Group],
        lefts: &[u32],
        right: &Batch<'v>,
        passed: Option<&Bits>,
    ) -> Batch<'v> {
        let mut out_left = Vec::with_capacity(lefts.len());
        let mut out_right = Vec::with_capacity(lefts.len());
        for (number, group) in groups.iter().enumerate() {
            let end = groups.get(number + 1).map_or(lefts.len(), |next| next.start);
            let mut any = group.passed;
            for candidate in group.start..end {
                if passed.is_some_and(|passed| !passed.contains(candidate)) {
                    continue;
                }
                if matches!(self.kind, JoinKind::Inner | JoinKind::Left)
                    || (self.kind == JoinKind::Semi && !any)
                {
                    out_left.push(group.left);
                    out_right.push(candidate as u32);
                }
                any = true;
            }
            if !group.complete {
                if let Some((_, _, passed)) = &mut current.open {
                    *passed = any;
                }
            } else if !any && matches!(self.kind, JoinKind::Left | JoinKind::Anti) {
                out_left.push(group.left);
                out_right.push(NO_ROW);
            }
        }
        let left = current.batch.gather(&out_left);
        match self.kind {
            // A full join has to know of all right rows, so it is none by an index.
            JoinKind::Inner | JoinKind::Left | JoinKind::Full => {
                let whole = out_right.len() == right.len && !out_right.contains(&NO_ROW);
                debug_assert_eq!(left.columns.len(), self.left_plan.columns.len());
                pair(left, if whole { right.clone() } else { right.gather(&out_right) })
            }
            JoinKind::Semi | JoinKind::Anti => left,
        }
    }
}

/// The beginning of a key that the partners of a row have; none if it has a NULL, which equals nothing.
fn prefix_of(parts: &[KeyPart], keys: &[Vector<'_>], row: usize) -> Option<KeyBuffer> {
    let mut prefix = KeyBuffer::new();
    for (part, key) in parts.iter().zip(keys) {
        if key.is_null(row) {
            return None;
        }
        key.push_key(*part, row, &mut prefix);
    }
    Some(prefix)
}

/// Two batches of equal length side by side.
fn pair<'v>(left: Batch<'v>, right: Batch<'v>) -> Batch<'v> {
    let len = left.len;
    Batch::new(left.columns.into_iter().chain(right.columns), len)
}

impl<'v> Operator<'v> for IndexJoin<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let table = self.version.table(self.lookup.table).ok_or(Error::PlanOutdated)?;
        if self.lookup.is_test(self.kind) {
            while self.left.next(batch, context)? {
                batch.selection = self.tested(batch, table, context)?;
                if !batch.selection.is_empty() {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let mut current = match self.current.take() {
            Some(current) => current,
            None if self.left.next(batch, context)? => self.begin(std::mem::take(batch), context)?,
            None => return Ok(false),
        };
        *batch = self.round(&mut current, table, context)?;
        if current.open.is_some() || current.rows.len() > 0 {
            self.current = Some(current);
        }
        Ok(true)
    }
}
