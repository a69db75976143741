//! Windows: functions of a row and of the rows around it.
//!
//! The rows are divided into *partitions*, each partition is put in order, and in it a function sees of every row its
//! place, its *peers* (the rows that no sort key tells apart) or its *frame* (a run of rows that is told relative to
//! the row, perhaps without some of them).

use super::{AggregateFunction, Expr, SortKey};

/// A function over the rows around a row; one column of a [`Relation::Window`](super::Relation::Window).
#[derive(Clone, Debug, PartialEq)]
pub struct WindowFunction {
    /// What is computed.
    pub function: WindowKind,
    /// Of what; see [`WindowKind`] for how many there are.
    pub arguments: Vec<Expr>,
    /// Of aggregates: only rows for which this is true.
    pub filter: Option<Expr>,
    /// What rows of a partition agree in; NULLs agree.
    pub partition_by: Vec<Expr>,
    /// The order within a partition; without keys all its rows are peers.
    pub order_by: Vec<SortKey>,
    /// Which rows aggregates and the `..Value` functions look at; the others look at the partition.
    pub frame: Frame,
}

/// What a window function computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WindowKind {
    /// The place of the row in its partition, from 1.
    RowNumber,
    /// The place of the first of its peers.
    Rank,
    /// How many groups of peers there are up to its own.
    DenseRank,
    /// `(rank - 1) / (rows - 1)`, 0 for the only row.
    PercentRank,
    /// The share of rows up to the last of its peers.
    CumeDist,
    /// `ntile(n)`: which of n parts, as equal as can be, from 1; of one argument.
    Ntile,
    /// `lag(value, offset = 1, default = NULL)`: the value some rows before.
    Lag,
    /// `lead(value, offset = 1, default = NULL)`: the value some rows after.
    Lead,
    /// The value in the first row of the frame.
    FirstValue,
    /// The value in the last row of the frame.
    LastValue,
    /// `nth_value(value, n)`: the value in the n-th row of the frame, from 1.
    NthValue,
    /// An aggregate over the frame.
    Aggregate(AggregateFunction),
}

/// Which rows of its partition are in the frame of a row. `E` is what offsets are: expressions here, compiled in a
/// plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<E = Expr> {
    /// What the offsets of its ends count.
    pub unit: FrameUnit,
    /// Its first row.
    pub start: Bound<E>,
    /// Its last row.
    pub end: Bound<E>,
    /// What is left out of it.
    pub exclude: Exclude,
}

impl Frame {
    /// Every row of the partition.
    pub const PARTITION: Frame = Frame {
        unit: FrameUnit::Rows,
        start: Bound::UnboundedPreceding,
        end: Bound::UnboundedFollowing,
        exclude: Exclude::NoOthers,
    };
}

impl Default for Frame {
    /// SQL's default: from the first row of the partition to the last peer of the row.
    fn default() -> Frame {
        Frame {
            unit: FrameUnit::Range,
            start: Bound::UnboundedPreceding,
            end: Bound::CurrentRow,
            exclude: Exclude::NoOthers,
        }
    }
}

/// What the offsets of a frame's ends count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameUnit {
    /// Rows.
    Rows,
    /// Distance from the value of the only sort key, which must be a number or a point in time. From a date or a timestamp
    /// a text is the interval that it says, which may have months.
    Range,
    /// Groups of peers.
    Groups,
}

/// An end of a frame. Offsets mention no column; NULL and what is negative are errors.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound<E = Expr> {
    /// The first row of the partition.
    UnboundedPreceding,
    /// So far before the row.
    Preceding(E),
    /// The row itself; of groups and ranges its first or last peer.
    CurrentRow,
    /// So far after the row.
    Following(E),
    /// The last row of the partition.
    UnboundedFollowing,
}

impl<E> Bound<E> {
    /// Its offset.
    pub fn offset(&self) -> Option<&E> {
        match self {
            Bound::Preceding(offset) | Bound::Following(offset) => Some(offset),
            _ => None,
        }
    }

    /// The same with its offset made into something else.
    pub(crate) fn try_map<F, X>(self, f: impl FnOnce(E) -> Result<F, X>) -> Result<Bound<F>, X> {
        Ok(match self {
            Bound::UnboundedPreceding => Bound::UnboundedPreceding,
            Bound::Preceding(offset) => Bound::Preceding(f(offset)?),
            Bound::CurrentRow => Bound::CurrentRow,
            Bound::Following(offset) => Bound::Following(f(offset)?),
            Bound::UnboundedFollowing => Bound::UnboundedFollowing,
        })
    }

    pub(crate) fn offset_mut(&mut self) -> Option<&mut E> {
        match self {
            Bound::Preceding(offset) | Bound::Following(offset) => Some(offset),
            _ => None,
        }
    }
}

/// What is left out of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Exclude {
    /// Nothing.
    #[default]
    NoOthers,
    /// The row itself.
    CurrentRow,
    /// The row and its peers.
    Group,
    /// The peers of the row, but not the row.
    Ties,
}

impl WindowFunction {
    /// The expressions it evaluates.
    pub(crate) fn each_expression<'f>(&'f self, visit: &mut dyn FnMut(&'f Expr)) {
        self.arguments.iter().chain(&self.filter).chain(&self.partition_by).for_each(&mut *visit);
        self.order_by.iter().map(|key| &key.expr).for_each(&mut *visit);
        self.frame.start.offset().into_iter().chain(self.frame.end.offset()).for_each(visit);
    }

    /// The same, to be changed in place.
    pub fn expressions_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let Frame { start, end, .. } = &mut self.frame;
        self.arguments
            .iter_mut()
            .chain(&mut self.filter)
            .chain(&mut self.partition_by)
            .chain(self.order_by.iter_mut().map(|key| &mut key.expr))
            .chain(start.offset_mut())
            .chain(end.offset_mut())
    }
}
