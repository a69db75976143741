//! Who competes.
//!
//! A contestant's own file holds its settings, its tables and how they are loaded. What it does in a workload stands
//! in that workload's family, beside what the others do there.

pub(crate) mod collections;
pub(crate) mod engine;
pub(crate) mod orm;
pub(crate) mod sqlite;

pub(crate) use collections::Collections;
pub(crate) use engine::Engine;
pub(crate) use orm::Orm;
pub(crate) use sqlite::Sqlite;

use self::engine::Planning;
use crate::data::Input;
use crate::harness::Result;
use crate::workload::{Concurrency, Forks, Inserts, PointReads, RangeReads, Relations, Scans, Updates};

/// Who can be measured beside others.
pub(crate) trait Competitor {
    /// The name in the table of results.
    fn name(&self) -> &'static str;

    /// Puts the rows of `input` into the empty tables.
    fn load(&mut self, input: &Input) -> Result<()>;

    /// The sum of the checksums of all items: 0 if there are none.
    fn checksum(&mut self) -> Result<u64>;
}

/// One way to keep and ask the tables of an [`Input`].
pub(crate) trait Contestant:
    Competitor + Inserts + PointReads + RangeReads + Scans + Relations + Updates + Forks + Concurrency
{
}

impl<C> Contestant for C where
    C: Competitor + Inserts + PointReads + RangeReads + Scans + Relations + Updates + Forks + Concurrency
{
}

/// Every contestant, with empty tables. SQLite comes first: it is what the others are compared with.
pub(crate) fn all() -> Result<Vec<Box<dyn Contestant>>> {
    Ok(vec![
        Box::new(Sqlite::new()?),
        Box::new(Orm::new(Planning::PerCall)?),
        Box::new(Orm::new(Planning::Prepared)?),
        Box::new(Engine::new(Planning::PerCall)?),
        Box::new(Engine::new(Planning::Prepared)?),
        Box::<Collections>::default(),
    ])
}
