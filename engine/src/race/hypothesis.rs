//! What an index would do: a fork is a whole database of its own that costs nothing, so nothing has to be imagined. The
//! index is built there, the query planned and measured, and the fork thrown away.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use nuages_storage::{Value, Version};

use crate::algebra::Query;
use crate::catalog::{Catalog, NewIndex};
use crate::database::Database;
use crate::error::Error;
use crate::evaluate::Context;
use crate::explain::Explanation;
use crate::explain::text::Short;
use crate::session::Session;
use crate::{execute, optimize};

/// A query without and with an index that does not exist.
#[derive(Clone, Debug)]
pub struct Hypothesis {
    /// The query as it is run today.
    pub before: Trial,
    /// The query as it would be run.
    pub after: Trial,
    /// How long it took to build the index.
    pub building: Duration,
}

/// A plan and its time.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The plan.
    pub explanation: Explanation,
    /// What it is thought to cost, in microseconds.
    pub cost: f64,
    /// The shortest of the times it took.
    pub time: Duration,
}

impl Hypothesis {
    /// Whether the plan would be another.
    pub fn changes_the_plan(&self) -> bool {
        self.before.explanation != self.after.explanation
    }
}

/// Builds an index on a fork of a database, and plans and runs a query there `runs` times, without and with it.
///
/// # Errors
/// What an index can be refused for; what the query can be refused for.
pub fn what_if(
    db: &Database,
    query: &Query,
    parameters: &[Value],
    (table, index): (&str, NewIndex),
    runs: usize,
) -> Result<Hypothesis, Error> {
    let fork = db.fork_with_temporary_tables()?;
    let interrupt = db.interrupt();
    let context = Context::new(parameters).within(&interrupt);
    let before = Trial::of(query, &*fork.version()?, &context, runs)?;
    let begun = Instant::now();
    fork.add_index(table, index)?;
    let building = begun.elapsed();
    let after = Trial::of(query, &*fork.version()?, &context, runs)?;
    Ok(Hypothesis { before, after, building })
}

impl Trial {
    fn of(query: &Query, version: &Version, context: &Context<'_>, runs: usize) -> Result<Trial, Error> {
        let catalog = Catalog::of(version);
        let (planned, _) = optimize::plan_along(query, catalog, version, Vec::new())?;
        let mut time = Duration::MAX;
        for _ in 0..runs.max(1) {
            let begun = Instant::now();
            execute::run(&planned.plan, version, context, &mut |_| Ok(()))?;
            time = time.min(begun.elapsed());
        }
        Ok(Trial { explanation: planned.plan.explain(catalog), cost: planned.cost, time })
    }
}

impl Display for Hypothesis {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Hypothesis { before, after, building } = self;
        writeln!(f, "without the index: {}\n{}\n", Short(before.time), before.explanation)?;
        writeln!(f, "with the index: {} (built in {})", Short(after.time), Short(*building))?;
        match self.changes_the_plan() {
            true => write!(f, "{}", after.explanation),
            false => write!(f, "the plan is the same"),
        }
    }
}
