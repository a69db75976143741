//! The ends of frames.

use std::ops::Range;

use rust_decimal::Decimal;

use super::layout::{Layout, Partition};
use crate::algebra::{Bound, Exclude, Frame, FrameUnit};
use crate::error::Error;
use crate::evaluate::interval::{read_interval, read_months};
use crate::evaluate::{Context, Scalar, float_key};
use crate::functions::add_months_to;
use crate::vector::Vector;
use nuages_storage::{DataType, Value};

/// The frame of every row, by places in the order.
///
/// Invariant: the first and the last row of a frame lie not before those of the frame of the row before, within a
/// partition.
pub(super) struct Frames<'l> {
    layout: &'l Layout,
    starts: Vec<usize>,
    /// Exclusive; before the start if the frame is empty.
    ends: Vec<usize>,
    exclude: Exclude,
    /// The first row and the end of each row's peers, if they are left out.
    peers: Vec<(usize, usize)>,
    /// Whether frames begin with their partition and have no hole.
    grows: bool,
}

/// Which end of a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Start,
    End,
}

impl<'l> Frames<'l> {
    /// Those of a frame; `key` is the column that offsets of a range are added to, and whether it descends.
    pub(super) fn new(
        frame: &Frame<Scalar>,
        layout: &'l Layout,
        key: Option<(&Vector<'_>, bool)>,
        context: &Context<'_>,
    ) -> Result<Frames<'l>, Error> {
        let ends = |bound, side| ends(frame.unit, bound, side, layout, key, context);
        let mut peers = Vec::new();
        if matches!(frame.exclude, Exclude::Group | Exclude::Ties) {
            each_row(layout, |_, group, _| {
                let group = layout.group(group);
                peers.push((group.start, group.end));
            });
        }
        Ok(Frames {
            layout,
            starts: ends(&frame.start, Side::Start)?,
            ends: ends(&frame.end, Side::End)?,
            exclude: frame.exclude,
            peers,
            grows: matches!(frame.start, Bound::UnboundedPreceding) && frame.exclude == Exclude::NoOthers,
        })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether the frames of a partition all begin with it and have no hole.
    pub(super) fn grow(&self) -> bool {
        self.grows
    }

    /// Whether a frame may have a hole.
    pub(super) fn have_holes(&self) -> bool {
        self.exclude != Exclude::NoOthers
    }

    /// The partitions, in order.
    pub(super) fn partitions(&self) -> impl Iterator<Item = Partition> {
        self.layout.partitions()
    }

    /// The frame of a row without its hole.
    pub(super) fn whole(&self, row: usize) -> Range<usize> {
        self.starts[row]..self.ends[row].max(self.starts[row])
    }

    /// The frame of a row as up to three runs, in order; some may be empty.
    pub(super) fn runs(&self, row: usize) -> [Range<usize>; 3] {
        let frame = self.whole(row);
        let (hole, kept) = match self.exclude {
            Exclude::NoOthers => return [frame, 0..0, 0..0],
            Exclude::CurrentRow => (row..row + 1, 0..0),
            Exclude::Group => (self.peers[row].0..self.peers[row].1, 0..0),
            Exclude::Ties => (self.peers[row].0..self.peers[row].1, row..row + 1),
        };
        let within = |run: Range<usize>| run.start.max(frame.start)..run.end.min(frame.end);
        [within(frame.start..hole.start), within(kept), within(hole.end..frame.end)]
    }
}

/// Calls `visit` with each row, its group of peers and its partition.
fn each_row(layout: &Layout, mut visit: impl FnMut(usize, usize, &Partition)) {
    for partition in layout.partitions() {
        for group in partition.groups.clone() {
            layout.group(group).for_each(|row| visit(row, group, &partition));
        }
    }
}

/// One end of every row's frame.
fn ends(
    unit: FrameUnit,
    bound: &Bound<Scalar>,
    side: Side,
    layout: &Layout,
    key: Option<(&Vector<'_>, bool)>,
    context: &Context<'_>,
) -> Result<Vec<usize>, Error> {
    let mut ends = Vec::with_capacity(layout.len());
    let (offset, forward) = match bound {
        Bound::UnboundedPreceding => {
            each_row(layout, |_, _, partition| ends.push(partition.rows.start));
            return Ok(ends);
        }
        Bound::UnboundedFollowing => {
            each_row(layout, |_, _, partition| ends.push(partition.rows.end));
            return Ok(ends);
        }
        Bound::CurrentRow => {
            each_row(layout, |row, group, _| {
                let peers = if unit == FrameUnit::Rows { row..row + 1 } else { layout.group(group) };
                ends.push(if side == Side::Start { peers.start } else { peers.end });
            });
            return Ok(ends);
        }
        Bound::Preceding(offset) => (offset.value(context)?, false),
        Bound::Following(offset) => (offset.value(context)?, true),
    };
    let refused = |got: &Value| Error::Type {
        expression: "the offset of a frame".to_owned(),
        expected: "a value that is neither NULL nor negative".to_owned(),
        got: got.quoted().to_string(),
    };
    match (unit, key) {
        (FrameUnit::Range, Some((key, descending))) => {
            let walk = Walk { layout, side, forward: forward != descending, descending };
            range_ends(key, &offset, &walk).ok_or_else(|| refused(&offset))
        }
        _ => {
            let count = offset.as_int().and_then(|count| usize::try_from(count).ok());
            let count = count.ok_or_else(|| refused(&offset))?;
            match unit {
                FrameUnit::Groups => counted_groups(layout, side, count, forward, &mut ends),
                _ => each_row(layout, |row, _, partition| {
                    let row = if side == Side::Start { row } else { row + 1 };
                    let end = if forward { row.saturating_add(count) } else { row.saturating_sub(count) };
                    ends.push(end.clamp(partition.rows.start, partition.rows.end));
                }),
            }
            Ok(ends)
        }
    }
}

/// Ends that are so many groups of peers away.
fn counted_groups(layout: &Layout, side: Side, count: usize, forward: bool, ends: &mut Vec<usize>) {
    each_row(layout, |_, group, partition| {
        let Partition { rows, groups } = partition;
        let found = if forward { group.checked_add(count) } else { group.checked_sub(count) };
        ends.push(match found {
            Some(found) if groups.contains(&found) => {
                let peers = layout.group(found);
                if side == Side::Start { peers.start } else { peers.end }
            }
            _ if forward => rows.end,
            _ => rows.start,
        });
    });
}

/// What is needed to find the ends of ranges.
struct Walk<'l> {
    layout: &'l Layout,
    side: Side,
    /// Whether the offset is added to the key.
    forward: bool,
    descending: bool,
}

/// A number that keys and offsets of a range are compared and added as.
trait Distance: Copy {
    /// The sum, or the difference; what is out of range is the greatest or the least there is.
    fn moved(self, by: Self, forward: bool) -> Self;
    fn is_less(self, than: Self) -> bool;
}

impl Distance for i128 {
    fn moved(self, by: i128, forward: bool) -> i128 {
        if forward { self.saturating_add(by) } else { self.saturating_sub(by) }
    }

    fn is_less(self, than: i128) -> bool {
        self < than
    }
}

impl Distance for f64 {
    fn moved(self, by: f64, forward: bool) -> f64 {
        if forward { self + by } else { self - by }
    }

    fn is_less(self, than: f64) -> bool {
        float_key(self.to_bits()) < float_key(than.to_bits())
    }
}

impl Distance for Decimal {
    fn moved(self, by: Decimal, forward: bool) -> Decimal {
        if forward { self.saturating_add(by) } else { self.saturating_sub(by) }
    }

    fn is_less(self, than: Decimal) -> bool {
        self < than
    }
}

/// Ends that are so far away from the key; `None` if the offset is NULL or negative.
fn range_ends(key: &Vector<'_>, offset: &Value, walk: &Walk<'_>) -> Option<Vec<usize>> {
    const MICROS_PER_DAY: i128 = 86_400_000_000;
    let words =
        |unit: i128| move |row: usize| key.word(row).map(|word| i128::from(word.cast_signed()) * unit);
    let micros = |offset: &Value| match offset {
        Value::Duration(_) => offset.to_word().map(|word| i128::from(word.cast_signed())),
        _ => None,
    };
    let kind = match key {
        Vector::Word { kind, .. } => Some(*kind),
        Vector::Constant { kind, .. } => *kind,
        _ => None,
    };
    match (offset, kind) {
        (Value::Float(offset), _) => (*offset >= 0.0).then(|| walk.moved(*offset, |row| key.float(row))),
        (Value::Decimal(offset), _) => {
            (!offset.is_sign_negative()).then(|| walk.moved(*offset, |row| key.decimal(row)))
        }
        (Value::Int(offset), _) => (*offset >= 0).then(|| walk.moved(i128::from(*offset), words(1))),
        (Value::Text(offset), Some(kind)) => {
            let unit = if kind == DataType::Date { MICROS_PER_DAY } else { 1 };
            let interval = MonthsAndMicros::read(offset)?;
            Some(walk.ends(words(unit), |key| interval.away(key, walk.forward)))
        }
        (offset, kind) => {
            let unit = if kind == Some(DataType::Date) { MICROS_PER_DAY } else { 1 };
            micros(offset).filter(|offset| *offset >= 0).map(|offset| walk.moved(offset, words(unit)))
        }
    }
}

/// An interval of months, which have no fixed length, and of what it has beside them.
struct MonthsAndMicros {
    months: i64,
    micros: i128,
}

impl MonthsAndMicros {
    /// Of its words; none if they are no interval, or a negative one, for which a month has thirty days.
    fn read(text: &str) -> Option<MonthsAndMicros> {
        const MICROS_PER_MONTH: i128 = 30 * 86_400_000_000;
        let rest = || read_interval(text).map(|rest| (0, rest));
        let (months, rest) = read_months(text, None).or_else(rest)?;
        let micros = rest.as_micros();
        let length = i128::from(months) * MICROS_PER_MONTH + micros;
        (length >= 0).then_some(MonthsAndMicros { months, micros })
    }

    /// The point in time that much later or earlier, by the months first.
    fn away(&self, micros: i128, forward: bool) -> i128 {
        let months = if forward { Some(self.months) } else { self.months.checked_neg() };
        let moved = months.zip(i64::try_from(micros).ok());
        let moved = moved.and_then(|(months, micros)| add_months_to(micros, months));
        match moved {
            Some(moved) => i128::from(moved).moved(self.micros, forward),
            None if forward => i128::MAX,
            None => i128::MIN,
        }
    }
}

impl Walk<'_> {
    /// The ends that are an offset away from each key.
    fn moved<D: Distance>(&self, offset: D, key: impl Fn(usize) -> Option<D>) -> Vec<usize> {
        self.ends(key, |key| key.moved(offset, self.forward))
    }

    /// The ends at the `target` of each key, which never moves back as keys go on. Walks through each partition once: its
    /// NULLs are at one end of it, and between them keys only grow, or shrink.
    fn ends<D: Distance>(&self, key: impl Fn(usize) -> Option<D>, target: impl Fn(D) -> D) -> Vec<usize> {
        let before = |a: D, b: D| if self.descending { b.is_less(a) } else { a.is_less(b) };
        let mut ends = Vec::with_capacity(self.layout.len());
        for Partition { rows, .. } in self.layout.partitions() {
            let first = rows.clone().find(|row| key(*row).is_some()).unwrap_or(rows.end);
            let last = rows.clone().rev().find(|row| key(*row).is_some()).map_or(first, |row| row + 1);
            let mut at = first;
            for row in rows.clone() {
                let Some(value) = key(row) else {
                    // NULLs are peers, and equally far from everything.
                    let peers = if row < first { rows.start..first } else { last..rows.end };
                    ends.push(if self.side == Side::Start { peers.start } else { peers.end });
                    continue;
                };
                let target = target(value);
                let is_passed = |place: usize| {
                    key(place).is_some_and(|key| match self.side {
                        Side::Start => before(key, target),
                        Side::End => !before(target, key),
                    })
                };
                while at < last && is_passed(at) {
                    at += 1;
                }
                ends.push(at);
            }
        }
        ends
    }
}
