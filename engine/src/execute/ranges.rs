//! Access paths made concrete: the bounds are computed, turned into row ids or key bytes, and counted.

use std::borrow::Cow;
use std::ops::{Bound, Range};

use nuages_storage::key::{KeyBuffer, KeyPart, prefix_end};
use nuages_storage::{Index, RowId, Table, Value};
use smallvec::{SmallVec, smallvec};

use crate::error::Error;
use crate::evaluate::Context;
use crate::key_range::{KeyRange, RowBounds};
use crate::plan::{Access, Bounds, KeyValue};
use crate::reads::Extent;

/// The ids within bounds; `None` if a bound is NULL.
pub(crate) fn row_bounds(bounds: &Bounds, context: &Context<'_>) -> Result<Option<RowBounds>, Error> {
    let end = |bound: &Option<crate::plan::Bound>| -> Result<Option<Bound<RowId>>, Error> {
        let Some(bound) = bound else { return Ok(Some(Bound::Unbounded)) };
        Ok(bound.value.value_lent(context)?.as_int().map(RowId::new).map(|row| match bound.inclusive {
            true => Bound::Included(row),
            false => Bound::Excluded(row),
        }))
    };
    Ok(end(&bounds.lower)?.zip(end(&bounds.upper)?))
}

/// The ranks of the rows whose ids lie within bounds.
pub(crate) fn row_ranks(table: &Table, bounds: Option<RowBounds>) -> Range<u64> {
    bounds.map_or(0..0, |bounds| table.ranks(bounds))
}

/// Where the rows or entries of a path are in their tree, range by range.
pub(crate) type Ranks = SmallVec<[Range<u64>; 1]>;

/// The ranks of a path; none if it is a list of rows, or several paths. O(log n) a range.
pub(crate) fn ranks(table: &Table, access: &Access, context: &Context<'_>) -> Result<Option<Ranks>, Error> {
    Ok(match access {
        Access::All => Some(smallvec![0..table.len()]),
        Access::RowRange(bounds) => {
            let ranks = row_ranks(table, row_bounds(bounds, context)?);
            Some(smallvec![ranks.start..ranks.end.max(ranks.start)])
        }
        Access::Index { index, parts, prefixes, bounds, .. } => {
            let index = table.index(*index).ok_or(Error::PlanOutdated)?;
            match &prefixes[..] {
                [prefix] => Some(smallvec![only_ranks(index, parts, prefix, bounds, context)?]),
                _ => {
                    let ranges = key_ranges(parts, prefixes, bounds, context)?;
                    Some(ranges.iter().map(|range| range.ranks(index)).collect())
                }
            }
        }
        Access::RowIds(_) | Access::Union(_) | Access::Intersection(_) => None,
    })
}

/// How many nodes are visited to find the ends of a range of row ids.
pub(crate) fn row_bound_nodes(table: &Table, bounds: Option<RowBounds>) -> u64 {
    let Some((lower, upper)) = bounds else { return 0 };
    let ends = [lower, upper].into_iter().filter(|end| !matches!(end, Bound::Unbounded));
    ends.count() as u64 * table.height()
}

/// Is told what is asked for, if anybody wants to know, before it is read.
pub(crate) type Note<'a> = &'a dyn Fn(&dyn Fn() -> Extent);

/// Ids of rows; few of them cost no allocation.
pub(crate) type RowIds = SmallVec<[RowId; 4]>;

/// The ids of the rows of an access path, ascending, each once. Of ids that were listed there may be no row.
pub(crate) fn row_ids(
    table: &Table,
    access: &Access,
    context: &Context<'_>,
    note: Note<'_>,
) -> Result<RowIds, Error> {
    let mut ids = RowIds::new();
    add_row_ids(table, access, context, note, &mut ids)?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn add_row_ids(
    table: &Table,
    access: &Access,
    context: &Context<'_>,
    note: Note<'_>,
    ids: &mut RowIds,
) -> Result<(), Error> {
    match access {
        Access::All => {
            note(&|| Extent::All);
            context.visit(|| table.nodes(0..table.len()));
            add_ranked(table, 0..table.len(), ids);
        }
        Access::RowRange(bounds) => {
            let bounds = row_bounds(bounds, context)?;
            note(&|| Extent::row_range(bounds));
            let ranks = row_ranks(table, bounds);
            context.visit(|| row_bound_nodes(table, bounds) + table.nodes(ranks.clone()));
            add_ranked(table, ranks, ids);
        }
        Access::RowIds(values) => {
            let first = ids.len();
            ids.reserve_exact(values.len());
            for value in values {
                ids.extend(value.value_lent(context)?.as_int().map(RowId::new)); // NULL is none
            }
            note(&|| Extent::rows(ids[first..].iter().copied()));
        }
        Access::Index { index: id, parts, prefixes, bounds, .. } => {
            let index = table.index(*id).ok_or(Error::PlanOutdated)?;
            let ranges = key_ranges(parts, prefixes, bounds, context)?;
            note(&|| Extent::Keys(*id, ranges.to_vec()));
            let read = |range: &KeyRange| range.bound_nodes(index) + index.nodes(range.ranks(index));
            context.visit(|| ranges.iter().map(read).sum());
            for range in &ranges {
                ids.extend(index.row_ids(range.ranks(index)));
            }
        }
        Access::Union(paths) => {
            for path in paths {
                add_row_ids(table, path, context, note, ids)?;
            }
        }
        Access::Intersection(paths) => {
            let mut common: Option<RowIds> = None;
            for path in paths {
                let found = row_ids(table, path, context, note)?;
                common = Some(match common {
                    Some(common) => in_both(common, &found),
                    None => found,
                });
            }
            ids.extend(common.into_iter().flatten());
        }
    }
    Ok(())
}

/// The ids that are in both of two ascending lists.
fn in_both(mut ids: RowIds, others: &[RowId]) -> RowIds {
    let mut others = others.iter().peekable();
    ids.retain(|id| {
        while others.next_if(|other| **other < *id).is_some() {}
        others.peek().is_some_and(|other| **other == *id)
    });
    ids
}

fn add_ranked(table: &Table, ranks: Range<u64>, ids: &mut RowIds) {
    for slice in table.leaves_ranked(ranks) {
        ids.extend(slice.view.row_ids()[slice.rows].iter().copied().map(RowId::new));
    }
}

/// Ranges of an index; mostly it is one.
pub(crate) type KeyRanges = SmallVec<[KeyRange; 1]>;

/// The ranges of an index path, in the order of the index, none of them twice.
pub(crate) fn key_ranges(
    parts: &[KeyPart],
    prefixes: &[Vec<KeyValue>],
    bounds: &Bounds,
    context: &Context<'_>,
) -> Result<KeyRanges, Error> {
    let mut keys: SmallVec<[KeyBuffer; 1]> = SmallVec::with_capacity(prefixes.len());
    for prefix in prefixes {
        keys.extend(prefix_key(parts, prefix, context)?);
    }
    if keys.len() > 1 {
        keys.sort_unstable();
        keys.dedup();
    }
    let tail = Tail::of(parts, prefixes.first().map_or(0, Vec::len), bounds, context)?;
    Ok(keys.into_iter().filter_map(|key| tail.range(key)).collect())
}

/// The ranks of the range of an index path of one prefix. The keys at its ends lie on the stack, and no range is made of
/// them: this is most of what it takes to start a statement that is kept.
fn only_ranks(
    index: &Index,
    parts: &[KeyPart],
    prefix: &[KeyValue],
    bounds: &Bounds,
    context: &Context<'_>,
) -> Result<Range<u64>, Error> {
    let Some(mut lower) = prefix_key(parts, prefix, context)? else { return Ok(0..0) };
    let tail = Tail::of(parts, prefix.len(), bounds, context)?;
    let ranks = |lower: &KeyBuffer, upper: Option<&KeyBuffer>| {
        let upper = upper.map_or(Bound::Unbounded, |upper| Bound::Excluded(upper.as_slice()));
        index.ranks(Bound::Included(lower.as_slice()), upper)
    };
    match &tail {
        Tail::Any if !lower.is_empty() => {
            let end = prefix_end(lower.as_slice());
            Ok(ranks(&lower, end.as_ref()))
        }
        Tail::Between(part, first, last) => {
            let mut upper = lower.clone();
            Ok(match go_to_ends(&mut lower, &mut upper, *part, first.as_ref(), last.as_ref()) {
                Some(true) => ranks(&lower, Some(&upper)),
                Some(false) => ranks(&lower, None),
                None => 0..0,
            })
        }
        tail => Ok(tail.range(lower).map_or(0..0, |range| range.ranks(index))),
    }
}

/// What follows the prefixes of an index path.
enum Tail<'a> {
    /// Anything.
    Any,
    /// Texts that begin with this one.
    Beginning(KeyPart, Cow<'a, Value>),
    /// The values of a part between two ends, in the order of their keys.
    Between(KeyPart, Option<End<'a>>, Option<End<'a>>),
    /// There is none: an end is NULL.
    Nothing,
}

impl<'a> Tail<'a> {
    /// After so many parts.
    fn of(
        parts: &[KeyPart],
        fixed: usize,
        bounds: &'a Bounds,
        context: &Context<'a>,
    ) -> Result<Tail<'a>, Error> {
        let Some(part) = parts.get(fixed).filter(|_| bounds.is_bounded()) else {
            return Ok(Tail::Any);
        };
        if let Some(beginning) = bounds.beginning() {
            return Ok(Tail::Beginning(*part, beginning.value_lent(context)?));
        }
        let lower = bound_value(bounds.lower.as_ref(), context)?;
        let upper = bound_value(bounds.upper.as_ref(), context)?;
        if [&lower, &upper].into_iter().flatten().any(|(value, _)| value.is_null()) {
            return Ok(Tail::Nothing);
        }
        // In a descending part the greater value has the lesser key.
        let (first, last) = if part.descending { (upper, lower) } else { (lower, upper) };
        Ok(Tail::Between(*part, first, last))
    }

    /// The range of the keys that begin with a prefix and go on so.
    fn range(&self, mut prefix: KeyBuffer) -> Option<KeyRange> {
        match self {
            Tail::Any => Some(KeyRange::prefixed(prefix)),
            Tail::Beginning(part, text) => {
                prefix.push_text_prefix(*part, text.as_text()?);
                Some(KeyRange::prefixed(prefix))
            }
            Tail::Between(part, first, last) => bounded(prefix, *part, first.as_ref(), last.as_ref()),
            Tail::Nothing => None,
        }
    }
}

/// The value of an end of a range, and whether it is in the range.
fn bound_value<'a>(
    bound: Option<&'a crate::plan::Bound>,
    context: &Context<'a>,
) -> Result<Option<End<'a>>, Error> {
    bound.map(|bound| Ok((bound.value.value_lent(context)?, bound.inclusive))).transpose()
}

/// An end of a range, and whether it is in the range.
type End<'a> = (Cow<'a, Value>, bool);

/// The keys that begin with `prefix` and whose next part lies between two values, in the order of their bytes. None if
/// the first lies beyond the last, so that nobody looks for it.
fn bounded(
    prefix: KeyBuffer,
    part: KeyPart,
    first: Option<&End<'_>>,
    last: Option<&End<'_>>,
) -> Option<KeyRange> {
    let (mut lower, mut upper) = (prefix.clone(), prefix);
    let is_bounded = go_to_ends(&mut lower, &mut upper, part, first, last)?;
    let upper = if is_bounded { Bound::Excluded(upper) } else { Bound::Unbounded };
    Some(KeyRange::new(Bound::Included(lower), upper))
}

/// Makes of a prefix, given twice, the keys at the ends of [such a range](bounded): the first that is in it, and the first
/// behind it. False if nothing is behind it; none if nothing is in it.
fn go_to_ends(
    lower: &mut KeyBuffer,
    upper: &mut KeyBuffer,
    part: KeyPart,
    first: Option<&End<'_>>,
    last: Option<&End<'_>>,
) -> Option<bool> {
    let is_open = |end: Option<&End<'_>>| matches!(end, Some((_, false)));
    push_end(lower, part, first);
    push_end(upper, part, last);
    if is_open(first) && !lower.go_to_end() {
        return None;
    }
    if !is_open(last) && !upper.go_to_end() {
        return Some(false);
    }
    (lower < upper).then_some(true)
}

/// Adds an end of a range to a key; without one what all values but NULL begin with, since a range has no NULLs in it.
fn push_end(key: &mut KeyBuffer, part: KeyPart, end: Option<&End<'_>>) {
    match end {
        Some((value, _)) => key.push_value(part, value),
        None => key.push_not_null(part),
    }
}

/// The encoded beginning of a key; none if a value is NULL and that finds nothing.
pub(super) fn prefix_key(
    parts: &[KeyPart],
    values: &[KeyValue],
    context: &Context<'_>,
) -> Result<Option<KeyBuffer>, Error> {
    let mut key = KeyBuffer::new();
    for (part, KeyValue { value, matches_null }) in parts.iter().zip(values) {
        match &*value.value_lent(context)? {
            Value::Null if *matches_null && part.nullable => key.push_null(*part),
            Value::Null => return Ok(None),
            value => key.push_value(*part, value),
        }
    }
    Ok(Some(key))
}

/// How many rows an access path has: O(log n) for each of its ranges, but for each row where paths may overlap.
pub(crate) fn count(table: &Table, access: &Access, context: &Context<'_>) -> Result<u64, Error> {
    let note = |extent: &dyn Fn() -> Extent| {
        if let Some(reads) = context.reads() {
            reads.count(table.id(), extent());
        }
    };
    if !context.is_watched()
        && let Some(ranks) = ranks(table, access, context)?
    {
        return Ok(ranks.iter().map(|ranks| ranks.end - ranks.start).sum());
    }
    match access {
        Access::All => {
            note(&|| Extent::All);
            Ok(table.len())
        }
        Access::RowRange(bounds) => {
            let bounds = row_bounds(bounds, context)?;
            note(&|| Extent::row_range(bounds));
            let ranks = row_ranks(table, bounds);
            context.visit(|| row_bound_nodes(table, bounds));
            Ok(ranks.end.saturating_sub(ranks.start))
        }
        Access::RowIds(_) | Access::Union(_) | Access::Intersection(_) => {
            let ids = row_ids(table, access, context, &note)?;
            context.visit(|| ids.len() as u64 * table.height());
            Ok(ids.into_iter().filter(|id| table.get(*id).is_some()).count() as u64)
        }
        Access::Index { index: id, parts, prefixes, bounds, .. } => {
            let index = table.index(*id).ok_or(Error::PlanOutdated)?;
            let ranges = key_ranges(parts, prefixes, bounds, context)?;
            note(&|| Extent::Keys(*id, ranges.to_vec()));
            context.visit(|| ranges.iter().map(|range| range.bound_nodes(index)).sum());
            Ok(ranges.iter().map(|range| index.count_range(range.lower(), range.upper())).sum())
        }
    }
}
