//! What is measured of an operator while a plan runs: how often, how many rows, how long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::evaluate::Visits;

/// What an operator has yielded so far, and how long that took.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    begun: AtomicU64,
    rows: AtomicU64,
    batches: AtomicU64,
    nanoseconds: AtomicU64,
    visits: Visits,
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
    /// Nodes of the trees of rows and indexes that it visited itself, the inner ones and the leaves, each as often as
    /// it came by: on the way down to a key and from one leaf to the next.
    pub nodes: u64,
    /// The time in it and in what it stands on.
    pub time: Duration,
}

impl Counter {
    /// Notes that it is begun.
    pub(crate) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Where the nodes that it visits are counted.
    pub(crate) fn visits(&self) -> &Visits {
        &self.visits
    }

    /// Notes what it took to ask it once, and how many rows it yielded; `None` at its end, and where it failed.
    pub(crate) fn count(&self, rows: Option<usize>, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        if let Some(rows) = rows {
            self.batches.fetch_add(1, Ordering::Relaxed);
            self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        }
    }

    /// What has been counted.
    pub(crate) fn read(&self) -> Measurement {
        Measurement {
            runs: self.begun.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            nodes: self.visits.nodes(),
            time: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
        }
    }
}
