//! Windows: functions of a row and of the rows around it.
//!
//! All rows are collected and sorted once by the partition's keys and the order's. Then every function is a column over
//! the rows in that order, computed for all partitions in one pass. What it costs a row:
//!
//! | function | cost |
//! |---|---|
//! | places (`row_number`, `rank`, `lag`, ..) and values at an end of the frame | O(1) |
//! | aggregates of frames that begin with the partition | O(1): one state takes in row after row |
//! | counts and exact sums over other frames | O(1): rows are taken in at one end and out at the other |
//! | other aggregates over other frames, and frames with a hole | O(log rows), by a tree of states |
//! | joined texts and JSON | O(the frame), as long as the result is |
//!
//! The tree is that of Leis, Kundhikanjana, Kemper and Neumann, "Efficient Processing of Window Functions in Analytical
//! SQL Queries" (VLDB 2015). Frames of one function never move back, so that ends of ranges are found by walking.
//!
//! Order of reading: this file, [`layout`] (partitions and peers), [`frame`] (ends of frames), [`place`], [`aggregate`]
//! (which of the ways above), [`fold`] (the states), [`tree`].

mod aggregate;
mod fold;
mod frame;
mod layout;
mod place;
mod tree;

use nuages_storage::DataType;
use nuages_storage::key::KeyPart;

use super::chunks;
use super::key_table::{key_columns, row_number};
use super::sort::order_of;
use super::{Operator, Running};
use crate::algebra::WindowKind;
use crate::batch::{BATCH_ROWS_MAX, Batch};
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::memory::Charge;
use crate::plan::{Plan, PlanSortKey, PlanWindow};
use crate::vector::Vector;
use frame::Frames;
use layout::Layout;

/// See the [module](self).
pub(super) struct Window<'v> {
    input: Option<(&'v Plan, Running<'v>)>,
    partition: &'v [Scalar],
    order: &'v [PlanSortKey],
    functions: &'v [PlanWindow],
    done: Option<Done<'v>>,
    charge: Charge,
}

/// All rows, and the columns of the functions.
struct Done<'v> {
    rows: Batch<'v>,
    /// The numbers of the rows in order; none if they are in order.
    order: Option<Vec<u32>>,
    /// In order.
    columns: Vec<Vector<'v>>,
    next: usize,
}

impl<'v> Window<'v> {
    pub(super) fn new(
        input: (&'v Plan, Running<'v>),
        partition: &'v [Scalar],
        order: &'v [PlanSortKey],
        functions: &'v [PlanWindow],
    ) -> Self {
        Window { input: Some(input), partition, order, functions, done: None, charge: Charge::default() }
    }

    fn compute(&mut self, plan: &Plan, input: Running<'v>, context: &Context<'_>) -> Result<Done<'v>, Error> {
        let rows = chunks::collect(plan, input, ("a window", &mut self.charge), context)?;
        let keys = self.partition.iter().map(|key| (key, KeyPart::ASCENDING.nullable()));
        let keys = keys.chain(self.order.iter().map(|key| (&key.scalar, key.part)));
        let columns = key_columns(keys.clone().map(|(key, _)| key), &rows, context)?;
        let parts = keys.map(|(key, part)| (key.data_type(), part));
        let order = (!columns.is_empty()).then(|| order_of(&columns, parts, rows.len));
        let layout = Layout::new(&columns, self.partition.len(), order.as_deref(), rows.len);
        drop(columns);
        let sorted = Sorted { rows: &rows, order: order.as_deref(), layout: &layout, by: self.order };
        let columns = self
            .functions
            .iter()
            .map(|function| sorted.column(function, context))
            .collect::<Result<_, _>>()?;
        Ok(Done { rows, order, columns, next: 0 })
    }
}

impl<'v> Operator<'v> for Window<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        if let Some((plan, input)) = self.input.take() {
            self.done = Some(self.compute(plan, input, context)?);
        }
        Ok(self.done.as_mut().is_some_and(|done| done.next_into(batch)))
    }
}

impl<'v> Done<'v> {
    /// Puts the next rows in the place of `batch`; false at the end.
    fn next_into(&mut self, batch: &mut Batch<'v>) -> bool {
        let run = self.next..self.rows.len.min(self.next + BATCH_ROWS_MAX);
        if run.is_empty() {
            return false;
        }
        self.next = run.end;
        let places: Vec<u32> = run.clone().map(row_number).collect();
        *batch = self.rows.gather(self.order.as_ref().map_or(&places, |order| &order[run]));
        batch.columns.extend(self.columns.iter().map(|column| column.gather(&places)));
        true
    }
}

/// The rows in the order of the partitions and within them.
struct Sorted<'a, 'v> {
    rows: &'a Batch<'v>,
    order: Option<&'a [u32]>,
    layout: &'a Layout,
    by: &'a [PlanSortKey],
}

impl<'v> Sorted<'_, 'v> {
    /// The value of a scalar in every row, in order.
    fn evaluate(&self, scalar: &Scalar, context: &Context<'_>) -> Result<Vector<'v>, Error> {
        let column = scalar.evaluate(self.rows, context)?;
        Ok(match self.order {
            Some(order) => column.gather(order),
            None => column,
        })
    }

    /// The column of a function, in order.
    fn column(&self, function: &PlanWindow, context: &Context<'_>) -> Result<Vector<'v>, Error> {
        let arguments = function
            .arguments
            .iter()
            .map(|argument| self.evaluate(argument, context))
            .collect::<Result<Vec<_>, _>>()?;
        let kind = function.data_type;
        match (function.function, &arguments[..]) {
            (WindowKind::RowNumber, _) => Ok(place::row_number(self.layout)),
            (WindowKind::Rank, _) => Ok(place::rank(self.layout)),
            (WindowKind::DenseRank, _) => Ok(place::dense_rank(self.layout)),
            (WindowKind::PercentRank, _) => Ok(place::percent_rank(self.layout)),
            (WindowKind::CumeDist, _) => Ok(place::cume_dist(self.layout)),
            (WindowKind::Ntile, [parts]) => place::ntile(self.layout, parts),
            (WindowKind::Lag, [value, others @ ..]) => {
                place::shifted(self.layout, kind, value, others, false)
            }
            (WindowKind::Lead, [value, others @ ..]) => {
                place::shifted(self.layout, kind, value, others, true)
            }
            (WindowKind::FirstValue, [value]) => Ok(place::first(&self.frames(function, context)?, value)),
            (WindowKind::LastValue, [value]) => Ok(place::last(&self.frames(function, context)?, value)),
            (WindowKind::NthValue, [value, n]) => place::nth(&self.frames(function, context)?, value, n),
            (WindowKind::Aggregate(aggregate), _) => {
                let frames = self.frames(function, context)?;
                let live = match &function.filter {
                    Some(filter) => self.filtered(filter, context)?,
                    None => Bits::all(self.rows.len),
                };
                aggregate::column(aggregate, kind, &arguments, &live, &frames)
            }
            (kind, _) => Err(Error::ArgumentCount { function: format!("{kind:?}"), given: arguments.len() }),
        }
    }

    /// The rows that an aggregate takes in, by their places in the order.
    fn filtered(&self, filter: &Scalar, context: &Context<'_>) -> Result<Bits, Error> {
        let passed = filter.filter(self.rows, context)?;
        Ok(match self.order {
            Some(order) => Bits::from_fn(order.len(), |place| passed.contains(order[place] as usize)),
            None => passed,
        })
    }

    fn frames(&self, function: &PlanWindow, context: &Context<'_>) -> Result<Frames<'_>, Error> {
        let key = function.range_key.as_ref().map(|key| self.evaluate(key, context)).transpose()?;
        let key = key.as_ref().zip(self.by.first().map(|key| key.part.descending));
        Frames::new(&function.frame, self.layout, key, context)
    }
}

/// A column of integers.
fn integers(data: Vec<u64>) -> Vector<'static> {
    Vector::words(DataType::BigInt, data)
}
