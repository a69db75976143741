//! What is measured, one family of workloads a file.
//!
//! A family's file begins with its trait, the questions that a contestant must answer; then come the workloads, which
//! draw the questions and say how many make a sample; then each contestant's way of answering. The contestant starts
//! the clock, by [`timed`](crate::harness::timed), around the work that the workload names: statements are prepared,
//! rows copied and tables put back outside of it.

mod concurrency;
mod durability;
mod forks;
mod inserts;
mod point_reads;
mod range_reads;
mod relations;
mod scans;
mod updates;

pub(crate) use concurrency::Concurrency;
pub(crate) use durability::{FILE_SIZES, WORKLOADS as DURABLE, all as in_files};
pub(crate) use forks::Forks;
pub(crate) use inserts::Inserts;
pub(crate) use point_reads::PointReads;
pub(crate) use range_reads::RangeReads;
pub(crate) use relations::{LIBRARY_SIZES, Relations};
pub(crate) use scans::Scans;
pub(crate) use updates::Updates;

use crate::contestant::Contestant;
use crate::data::Input;
use crate::harness::{Result, Sample};

/// One line of the benchmark, for competitors of one kind.
pub(crate) struct Workload<C: ?Sized + 'static = dyn Contestant> {
    /// What is done.
    pub(crate) name: &'static str,
    /// What one figure is the time of.
    pub(crate) unit: &'static str,
    /// What it is done to.
    pub(crate) tables: Tables,
    /// How many units make a sample: enough to be timed well, few enough for the patience of a reader.
    pub(crate) units: fn(&Input) -> usize,
    /// One turn of one contestant in the given round.
    pub(crate) run: fn(&mut C, &Input, usize) -> Result<Sample>,
}

/// Which tables a workload needs loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tables {
    /// `item`, in every size asked for.
    Items,
    /// `author` and `book`, with this many books.
    Library { books: usize },
    /// `item` in files, with this many rows.
    Files { items: usize },
}

/// Every workload in memory. Those that only read come first, and find the tables as they were loaded. Those of several
/// threads come last: what they leave in a row depends on who came first, and only sums do not.
pub(crate) fn all() -> impl Iterator<Item = &'static Workload> {
    [
        &point_reads::WORKLOADS[..],
        &range_reads::WORKLOADS,
        &scans::WORKLOADS,
        &relations::WORKLOADS,
        &inserts::WORKLOADS,
        &updates::WORKLOADS,
        &forks::WORKLOADS,
        &concurrency::WORKLOADS,
    ]
    .into_iter()
    .flatten()
}

/// How often a question about a whole table is asked in one sample.
fn repeats(input: &Input) -> usize {
    (1_000_000 / input.rows()).clamp(1, 100)
}

/// Appends a row's checksum to that of the rows before it: unlike in a sum, order matters.
fn in_order(before: u64, row: u64) -> u64 {
    before.wrapping_mul(31).wrapping_add(row)
}
