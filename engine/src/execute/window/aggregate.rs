//! Aggregates over frames: which way is taken.

use nuages_storage::DataType;

use super::fold::{
    Best, BitSets, Counts, DecimalSums, Fold, IntSums, Moments, OfPairs, Truths, Wanted, decimal_sums,
    int_sums, moments,
};
use super::frame::Frames;
use super::integers;
use super::place::at;
use super::tree::Tree;
use crate::algebra::AggregateFunction;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Class, Words, class_of};
use crate::functions::aggregate::in_floats;
use crate::functions::aggregate::listed::List;
use crate::functions::aggregate::logic::{Joining, truths, words};
use crate::functions::aggregate::pairs;
use crate::vector::{Vector, VectorBuilder};

/// An aggregate of every row's frame. `live` are the rows that its filter lets through.
pub(super) fn column<'v>(
    function: AggregateFunction,
    kind: DataType,
    arguments: &[Vector<'v>],
    live: &Bits,
    frames: &Frames<'_>,
) -> Result<Vector<'v>, Error> {
    let counts =
        |live: &Bits| integers(over(&Counts { live }, frames).into_iter().map(i64::cast_unsigned).collect());
    let Some(column) = arguments.first() else { return Ok(counts(live)) };
    let given = live;
    let live = &column.present(live);
    let mean = function == AggregateFunction::Avg;
    let class = class_of(kind_of(column).unwrap_or(kind));
    match function {
        AggregateFunction::CountRows => Ok(counts(given)),
        AggregateFunction::Count => Ok(counts(live)),
        function if in_floats(function) || class == Class::Float && is_sum(function) => {
            Ok(moments(&over(&Moments { column, live }, frames), function))
        }
        AggregateFunction::Sum | AggregateFunction::Avg if class == Class::Decimal => {
            decimal_sums(&over(&DecimalSums { column, live }, frames), kind, mean)
        }
        AggregateFunction::Sum | AggregateFunction::Avg => {
            int_sums(&over(&IntSums { words: Words::of(column), live }, frames), kind, mean)
        }
        AggregateFunction::Min => Ok(best(column, live, Wanted::Least, frames)),
        AggregateFunction::Max => Ok(best(column, live, Wanted::Greatest, frames)),
        AggregateFunction::AnyValue => Ok(best(column, live, Wanted::First, frames)),
        AggregateFunction::First => Ok(best(column, given, Wanted::First, frames)),
        AggregateFunction::BoolAnd | AggregateFunction::BoolOr => {
            let all = function == AggregateFunction::BoolAnd;
            Ok(truths(&over(&Truths { column, live, all }, frames)))
        }
        AggregateFunction::BitAnd | AggregateFunction::BitOr | AggregateFunction::BitXor => {
            let how = match function {
                AggregateFunction::BitAnd => Joining::And,
                AggregateFunction::BitOr => Joining::Or,
                _ => Joining::Xor,
            };
            Ok(words(&over(&BitSets { words: Words::of(column), live, how }, frames)))
        }
        AggregateFunction::Pairs(of) => {
            let x = arguments.get(1).unwrap_or(column);
            Ok(pairs::column(&over(&OfPairs { y: column, x, live }, frames), of))
        }
        AggregateFunction::PercentileCont | AggregateFunction::PercentileDisc | AggregateFunction::Mode => {
            Err(Error::Unsupported { feature: format!("{}() over a window", function.name()) })
        }
        _ => listed(function, column, arguments.get(1), given, frames),
    }
}

fn is_sum(function: AggregateFunction) -> bool {
    matches!(function, AggregateFunction::Sum | AggregateFunction::Avg)
}

/// The type of a column's values, if it shows.
fn kind_of(column: &Vector<'_>) -> Option<DataType> {
    match column {
        Vector::Word { kind, .. } => Some(*kind),
        Vector::Decimal { .. } | Vector::Fixed { .. } => Some(crate::evaluate::decimal(0)),
        Vector::Leaf(column) => Some(column.kind()),
        Vector::Constant { kind, .. } => *kind,
        _ => None,
    }
}

fn best<'v>(column: &Vector<'v>, live: &Bits, wanted: Wanted, frames: &Frames<'_>) -> Vector<'v> {
    at(column, &over(&Best { column, live, wanted }, frames))
}

/// The state of every row's frame.
fn over<F: Fold>(fold: &F, frames: &Frames<'_>) -> Vec<F::State> {
    if frames.grow() {
        growing(fold, frames)
    } else if F::REMOVES && !frames.have_holes() {
        sliding(fold, frames)
    } else {
        let tree = Tree::new(fold, frames.len());
        let state = |row| {
            let mut state = fold.empty();
            frames.runs(row).into_iter().for_each(|run| tree.add(fold, run, &mut state));
            state
        };
        (0..frames.len()).map(state).collect()
    }
}

/// Of frames that begin with their partition: one state takes in row after row.
fn growing<F: Fold>(fold: &F, frames: &Frames<'_>) -> Vec<F::State> {
    let mut states = Vec::with_capacity(frames.len());
    for partition in frames.partitions() {
        let (mut state, mut end) = (fold.empty(), partition.rows.start);
        for row in partition.rows {
            let frame = frames.whole(row);
            (end..frame.end).for_each(|row| fold.take(&mut state, row));
            end = end.max(frame.end);
            states.push(state.clone());
        }
    }
    states
}

/// Of frames whose ends both move: rows are taken in at one and out at the other.
fn sliding<F: Fold>(fold: &F, frames: &Frames<'_>) -> Vec<F::State> {
    let mut states = Vec::with_capacity(frames.len());
    let (mut state, mut taken) = (fold.empty(), 0..0);
    for row in 0..frames.len() {
        let frame = frames.whole(row);
        if frame.is_empty() {
            states.push(fold.empty());
            continue;
        }
        if frame.start >= taken.end || frame.start < taken.start {
            (state, taken) = (fold.empty(), frame.start..frame.start);
        }
        (taken.end..frame.end).for_each(|row| fold.take(&mut state, row));
        (taken.start..frame.start).for_each(|row| fold.remove(&mut state, row));
        taken = frame.start..frame.end.max(taken.end);
        states.push(state.clone());
    }
    states
}

/// Of what is as long as its frame.
fn listed<'v>(
    function: AggregateFunction,
    column: &Vector<'v>,
    second: Option<&Vector<'v>>,
    live: &Bits,
    frames: &Frames<'_>,
) -> Result<Vector<'v>, Error> {
    let mut builder = VectorBuilder::with_capacity(List::data_type(function), frames.len());
    for partition in frames.partitions() {
        let (mut list, mut end) = (List::new(function), partition.rows.start);
        for row in partition.rows {
            let runs = match frames.grow() {
                true => [end..frames.whole(row).end, 0..0, 0..0],
                false => frames.runs(row),
            };
            if !frames.grow() {
                list = List::new(function);
            }
            for row in runs.into_iter().flatten().filter(|row| live.contains(*row)) {
                list.take(column, second, row)?;
            }
            end = end.max(frames.whole(row).end);
            builder.push(&list.clone().into_value());
        }
    }
    Ok(builder.finish())
}
