//! Functions of a row's place, and values of other rows.

use nuages_storage::DataType;

use super::frame::Frames;
use super::integers;
use super::layout::Layout;
use crate::error::Error;
use crate::evaluate::Words;
use crate::execute::key_table::row_number as place;
use crate::vector::{NO_ROW, Vector, VectorBuilder};

/// `row_number()`.
pub(super) fn row_number(layout: &Layout) -> Vector<'static> {
    integers(layout.partitions().flat_map(|partition| 1..=partition.rows.len() as u64).collect())
}

/// `rank()`.
pub(super) fn rank(layout: &Layout) -> Vector<'static> {
    let mut ranks = Vec::with_capacity(layout.len());
    for partition in layout.partitions() {
        for group in partition.groups {
            let peers = layout.group(group);
            ranks.resize(peers.end, (peers.start - partition.rows.start) as u64 + 1);
        }
    }
    integers(ranks)
}

/// `dense_rank()`.
pub(super) fn dense_rank(layout: &Layout) -> Vector<'static> {
    let mut ranks = Vec::with_capacity(layout.len());
    for partition in layout.partitions() {
        for (rank, group) in partition.groups.enumerate() {
            ranks.resize(layout.group(group).end, rank as u64 + 1);
        }
    }
    integers(ranks)
}

/// `percent_rank()`.
pub(super) fn percent_rank(layout: &Layout) -> Vector<'static> {
    let mut shares: Vec<u64> = Vec::with_capacity(layout.len());
    for partition in layout.partitions() {
        let others = (partition.rows.len() - 1).max(1) as f64;
        for group in partition.groups {
            let peers = layout.group(group);
            let share = (peers.start - partition.rows.start) as f64 / others;
            shares.resize(peers.end, share.to_bits());
        }
    }
    Vector::words(DataType::Float, shares)
}

/// `cume_dist()`.
pub(super) fn cume_dist(layout: &Layout) -> Vector<'static> {
    let mut shares: Vec<u64> = Vec::with_capacity(layout.len());
    for partition in layout.partitions() {
        for group in partition.groups {
            let peers = layout.group(group);
            let share = (peers.end - partition.rows.start) as f64 / partition.rows.len() as f64;
            shares.resize(peers.end, share.to_bits());
        }
    }
    Vector::words(DataType::Float, shares)
}

/// `ntile(parts)`; what the first row of a partition says counts for all of it.
pub(super) fn ntile(layout: &Layout, parts: &Vector<'_>) -> Result<Vector<'static>, Error> {
    let mut tiles = VectorBuilder::with_capacity(DataType::BigInt, layout.len());
    for partition in layout.partitions() {
        let rows = partition.rows.len();
        let Some(parts) = parts.int(partition.rows.start) else {
            (0..rows).for_each(|_| tiles.push_null());
            continue;
        };
        let parts = usize::try_from(parts).ok().filter(|parts| *parts > 0).ok_or_else(|| Error::Type {
            expression: "ntile()".to_owned(),
            expected: "a number of parts above zero".to_owned(),
            got: parts.to_string(),
        })?;
        // The first parts have a row more if they cannot be equal.
        let (each, more) = (rows / parts, rows % parts);
        let tile = |row: usize| match row < (each + 1) * more {
            true => row / (each + 1),
            false => more + (row - (each + 1) * more) / each.max(1),
        };
        (0..rows).for_each(|row| tiles.push(&(tile(row) as i64 + 1).into()));
    }
    Ok(tiles.finish())
}

/// `lag` and `lead`: the value so many rows before or after, or the default beyond the partition.
pub(super) fn shifted<'v>(
    layout: &Layout,
    kind: DataType,
    value: &Vector<'v>,
    others: &[Vector<'v>],
    forward: bool,
) -> Result<Vector<'v>, Error> {
    let (offset, default) = (others.first(), others.get(1));
    let mut rows = Vec::with_capacity(layout.len());
    let mut beyond = Vec::new();
    for partition in layout.partitions() {
        for row in partition.rows.clone() {
            let Some(offset) = offset.map_or(Some(1), |offset| offset.int(row)) else {
                rows.push(NO_ROW);
                continue;
            };
            let offset = if forward { i128::from(offset) } else { -i128::from(offset) };
            let found = usize::try_from(row as i128 + offset).ok();
            match found.filter(|found| partition.rows.contains(found)) {
                Some(found) => rows.push(place(found)),
                None => {
                    beyond.push(row);
                    rows.push(NO_ROW);
                }
            }
        }
    }
    let found = at(value, &rows);
    let Some(default) = default.filter(|_| !beyond.is_empty()) else { return Ok(found) };
    let mut builder = VectorBuilder::with_capacity(kind, rows.len());
    let mut beyond = beyond.into_iter().peekable();
    for row in 0..rows.len() {
        match beyond.next_if_eq(&row) {
            Some(row) => builder.append_row(default, row),
            None => builder.append_row(&found, row),
        }
    }
    Ok(builder.finish())
}

/// `first_value`.
pub(super) fn first<'v>(frames: &Frames<'_>, value: &Vector<'v>) -> Vector<'v> {
    let first = |row| frames.runs(row).into_iter().find(|run| !run.is_empty()).map(|run| place(run.start));
    at(value, &(0..frames.len()).map(|row| first(row).unwrap_or(NO_ROW)).collect::<Vec<_>>())
}

/// `last_value`.
pub(super) fn last<'v>(frames: &Frames<'_>, value: &Vector<'v>) -> Vector<'v> {
    let last = |row| frames.runs(row).into_iter().rfind(|run| !run.is_empty()).map(|run| place(run.end - 1));
    at(value, &(0..frames.len()).map(|row| last(row).unwrap_or(NO_ROW)).collect::<Vec<_>>())
}

/// `nth_value`.
pub(super) fn nth<'v>(frames: &Frames<'_>, value: &Vector<'v>, n: &Vector<'v>) -> Result<Vector<'v>, Error> {
    let words = Words::of(n);
    let mut rows = Vec::with_capacity(frames.len());
    for row in 0..frames.len() {
        if n.is_null(row) {
            rows.push(NO_ROW);
            continue;
        }
        let n = words.get(row).cast_signed();
        let mut left = n.checked_sub(1).and_then(|n| usize::try_from(n).ok()).ok_or_else(|| Error::Type {
            expression: "nth_value()".to_owned(),
            expected: "a number above zero".to_owned(),
            got: n.to_string(),
        })?;
        let mut found = NO_ROW;
        for run in frames.runs(row) {
            if left < run.len() {
                found = place(run.start + left);
                break;
            }
            left -= run.len();
        }
        rows.push(found);
    }
    Ok(at(value, &rows))
}

/// The values of these rows; NULL where there is none.
pub(super) fn at<'v>(value: &Vector<'v>, rows: &[u32]) -> Vector<'v> {
    match value {
        // However often it is there, it is one value.
        Vector::Constant { value, kind, .. } => {
            Vector::Constant { value: value.clone(), kind: *kind, len: usize::MAX }.gather(rows)
        }
        column => column.gather(rows),
    }
}
