//! Index nested-loop join: for each left row the rows of a table with its key.
//!
//! Left rows keep their order, and each one's partners follow each other; so the join may stand above an ordered scan
//! without a sort in between. Candidates are gathered into a batch, tested by the residual together, and put out; the
//! partners of one left row may be spread over several batches. A semi- or anti-join without a residual gathers
//! nothing: it selects the left rows whose key the index has.

use nuages_storage::index::RowIds;
use nuages_storage::key::{KeyBuffer, KeyPart};
use nuages_storage::{RowId, Table, Version};
use smallvec::SmallVec;

use super::scan::Gathering;
use super::together::{Together, Wanted};
use super::{Operator, Running};
use crate::algebra::JoinKind;
use crate::batch::{BATCH_ROWS_MAX, Batch};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
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
    keys: Keys<'v>,
    rows: smallvec::IntoIter<[u32; 8]>,
    /// The left row whose partners are being gathered, the rest of them, and whether one has been put out.
    open: Option<(u32, Partners<'v>, bool)>,
}

/// The partners of a left row that are still to come.
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack; a box would cost every left row")]
enum Partners<'v> {
    Row(Option<RowId>),
    Entries(RowIds<'v>),
}

impl Iterator for Partners<'_> {
    type Item = RowId;

    fn next(&mut self) -> Option<RowId> {
        match self {
            Partners::Row(row) => row.take(),
            Partners::Entries(rows) => rows.next(),
        }
    }
}

/// What the rows of a left batch are looked up by.
struct Keys<'v>(SmallVec<[Key<'v>; 2]>);

/// A part of a key.
enum Key<'v> {
    /// This column of the left batch.
    Column(usize),
    Computed(Vector<'v>),
}

impl<'v> Keys<'v> {
    fn of(scalars: &[Scalar], batch: &Batch<'v>, context: &Context<'_>) -> Result<Self, Error> {
        let key = |scalar: &Scalar| match scalar.column() {
            Some(column) => Ok(Key::Column(column)),
            None => scalar.evaluate(batch, context).map(Key::Computed),
        };
        let mut keys = SmallVec::with_capacity(scalars.len());
        for scalar in scalars {
            keys.push(key(scalar)?);
        }
        Ok(Keys(keys))
    }

    /// Its parts, over the batch that it was made for.
    fn columns<'a>(&'a self, batch: &'a Batch<'v>) -> impl Iterator<Item = &'a Vector<'v>> {
        self.0.iter().map(|key| match key {
            Key::Column(column) => batch.column(*column),
            Key::Computed(vector) => vector,
        })
    }

    /// The row id that a row is looked up by, if it is not NULL.
    fn row_id(&self, batch: &Batch<'v>, row: usize) -> Option<RowId> {
        self.columns(batch).next()?.int(row).map(RowId::new)
    }

    /// The beginning of a key that the partners of a row have; none if it has a NULL, which equals nothing.
    fn prefix(&self, parts: &[KeyPart], batch: &Batch<'v>, row: usize) -> Option<KeyBuffer> {
        let mut prefix = KeyBuffer::new();
        for (part, key) in parts.iter().zip(self.columns(batch)) {
            if key.is_null(row) {
                return None;
            }
            key.push_key(*part, row, &mut prefix);
        }
        Some(prefix)
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
    fn keys(&self, batch: &Batch<'v>, context: &Context<'_>) -> Result<Keys<'v>, Error> {
        let scalars = match &self.lookup.by {
            LookupBy::RowId(key) => std::slice::from_ref(key),
            LookupBy::Index { keys, .. } => keys,
        };
        let keys = Keys::of(scalars, batch, context)?;
        self.note(batch, &keys, context);
        context.visit(|| self.nodes(batch, &keys));
        Ok(keys)
    }

    /// How many nodes are visited to look for the keys of a batch, and to read the entries that have them.
    fn nodes(&self, batch: &Batch<'v>, keys: &Keys<'v>) -> u64 {
        let Some(table) = self.version.table(self.lookup.table) else { return 0 };
        let is_test = self.lookup.is_test(self.kind);
        let of_row = |row: usize| match &self.lookup.by {
            LookupBy::RowId(_) if is_test => table.height(),
            LookupBy::RowId(_) => 0, // rows are counted as they are found
            LookupBy::Index { index, parts, unique, .. } => {
                let (Some(index), Some(prefix)) = (table.index(*index), keys.prefix(parts, batch, row))
                else {
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
                LookupBy::RowId(_) => keys.row_id(batch, row).is_some_and(|id| table.get(id).is_some()),
                LookupBy::Index { index, parts, .. } => {
                    let index = table.index(*index).ok_or(Error::PlanOutdated)?;
                    let prefix = keys.prefix(parts, batch, row);
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
        let rows: SmallVec<[u32; 8]> = batch.selection.iter().map(|row| row as u32).collect();
        Ok(Current { batch, keys, rows: rows.into_iter(), open: None })
    }

    /// Notes which partners are asked for, whether there are any or not.
    fn note(&self, batch: &Batch<'v>, keys: &Keys<'v>, context: &Context<'_>) {
        let Some(reads) = context.reads() else { return };
        let extent = match &self.lookup.by {
            LookupBy::RowId(_) => {
                Extent::rows(batch.selection.iter().filter_map(|row| keys.row_id(batch, row)))
            }
            LookupBy::Index { index, parts, .. } => {
                let range = |row| keys.prefix(parts, batch, row).map(KeyRange::prefixed);
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
        let mut groups: SmallVec<[Group; 8]> = SmallVec::new();
        let mut lefts: SmallVec<[u32; 8]> = SmallVec::new();
        while lefts.len() < BATCH_ROWS_MAX {
            if current.open.is_none() {
                let Some(row) = current.rows.next() else { break };
                current.open = Some((row, self.partners(current, row, table)?, false));
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
        let mut right = Batch::default();
        gathering.put_into(&mut right);
        if self.is_beside(current, &groups, &lefts) {
            let mut left = std::mem::take(&mut current.batch);
            left.columns.extend(right.columns);
            return Ok(left);
        }
        let passed = self.passed(&current.batch, &lefts, &right, context)?;
        Ok(self.output(current, &groups, &lefts, right, passed.as_ref()))
    }

    /// Whether each row of the left batch has one partner, and the rows of the join are those of the batch with these
    /// beside them: so it is as a rule from a child to its parent.
    fn is_beside(&self, current: &Current<'v>, groups: &[Group], lefts: &[u32]) -> bool {
        let all_joined = matches!(self.kind, JoinKind::Inner | JoinKind::Left)
            && self.lookup.residual.is_none()
            && current.open.is_none()
            && [groups.len(), lefts.len()] == [current.batch.len; 2];
        all_joined && lefts.iter().enumerate().all(|(place, left)| place == *left as usize)
    }

    fn partners(&self, current: &Current<'v>, row: u32, table: &'v Table) -> Result<Partners<'v>, Error> {
        let Current { batch, keys, .. } = current;
        let row = row as usize;
        match &self.lookup.by {
            LookupBy::RowId(_) => Ok(Partners::Row(keys.row_id(batch, row))),
            LookupBy::Index { index, parts, unique, .. } => {
                let index = table.index(*index).ok_or(Error::PlanOutdated)?;
                let Some(prefix) = keys.prefix(parts, batch, row) else { return Ok(Partners::Row(None)) };
                if *unique {
                    return Ok(Partners::Row(index.first_with_key(prefix.as_slice())));
                }
                let range = KeyRange::prefixed(prefix);
                Ok(Partners::Entries(index.row_ids(index.ranks(range.lower(), range.upper()))))
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
        right: Batch<'v>,
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
                pair(left, if whole { right } else { right.gather(&out_right) })
            }
            JoinKind::Semi | JoinKind::Anti => left,
        }
    }
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
