//! Measuring: to measure a plan is to run another, in which a counter stands above every operator.
//!
//! So an operator that is not measured pays nothing for it, not even a branch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Operator, Running};
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::Context;
use crate::plan::{Node, Plan};

/// What an operator has yielded so far, and how long that took.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    begun: AtomicU64,
    rows: AtomicU64,
    batches: AtomicU64,
    nanoseconds: AtomicU64,
}

/// What an operator has yielded, and how long that took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measurement {
    /// How often it was begun: more than once in a subquery that is run for each row.
    pub runs: u64,
    /// Rows, of all runs.
    pub rows: u64,
    /// Batches, of all runs, those without rows included.
    pub batches: u64,
    /// The time in it and in what it stands on.
    pub time: Duration,
}

impl Counter {
    /// What has been counted.
    pub(crate) fn read(&self) -> Measurement {
        Measurement {
            runs: self.begun.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            time: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
        }
    }
}

/// See the [module](self).
pub(super) struct Measured<'v> {
    input: Running<'v>,
    counter: &'v Counter,
}

impl<'v> Measured<'v> {
    pub(super) fn new(input: Running<'v>, counter: &'v Counter) -> Self {
        counter.begun.fetch_add(1, Ordering::Relaxed);
        Measured { input, counter }
    }
}

impl<'v> Operator<'v> for Measured<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let begun = Instant::now();
        let more = self.input.next(batch, context);
        let nanoseconds = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.counter.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        if matches!(more, Ok(true)) {
            self.counter.batches.fetch_add(1, Ordering::Relaxed);
            self.counter.rows.fetch_add(batch.count() as u64, Ordering::Relaxed);
        }
        more
    }
}

/// The same plan with a counter above every operator, those of subqueries included.
pub(crate) fn measured(mut plan: Plan) -> Plan {
    plan.each_input_mut(&mut |input| {
        let unit = Plan { node: Node::Unit, columns: Vec::new(), estimate: input.estimate };
        *input = measured(std::mem::replace(input, unit));
    });
    let (columns, estimate) = (plan.columns.clone(), plan.estimate);
    Plan { node: Node::Measured { input: Box::new(plan), counter: Arc::default() }, columns, estimate }
}
