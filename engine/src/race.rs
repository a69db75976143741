//! Plans as values: the alternatives to a plan, races between them, and what an index would do.
//!
//! A planner decides by estimates. Here its decisions are looked at from outside: [`plans`] is every plan that other
//! decisions lead to, each one inspectable and runnable; [`race`] runs them on one snapshot and says how well the
//! estimated costs predict the measured times; [`what_if`] builds an index on a fork, plans, measures, and throws it
//! away.
//!
//! All alternatives must have the same rows. That makes a race a test of the optimiser and of the executor too: see
//! [`Error::PlansDiffer`].
//!
//! ```
//! use nuages_engine::algebra::{Expr, OutputColumn, Query, Relation, Source};
//! use nuages_engine::catalog::{NewColumn, NewIndex, NewTable};
//! use nuages_engine::{Database, Session};
//! use nuages_storage::DataType;
//! let db = Database::new();
//! let album = NewColumn::new("album", DataType::BigInt);
//! let track = db.create_table(NewTable::new("track").column(album).index(NewIndex::new("track_album", ["album"])))?;
//! let t = Source::new(0);
//! let fifth = Relation::scan(track, t).filter(Expr::from(t.column(0)).equals(Expr::literal(5)));
//! let query = Query::new(fifth, vec![OutputColumn::new("album", t.column(0))]);
//!
//! let race = db.race(&query, &[], 3)?;
//! assert!(race.contestants.len() >= 2); // by the index, and by a scan of the table
//! println!("{race}");
//! # Ok::<(), nuages_engine::Error>(())
//! ```
//!
//! Order of reading: [`alternative`], this file, [`report`], [`hypothesis`].

pub mod alternative;
pub mod hypothesis;
pub mod report;

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use nuages_storage::{Value, Version};

use crate::algebra::{Query, Relation};
use crate::catalog::Catalog;
use crate::error::Error;
use crate::evaluate::Context;
use crate::execute;
use crate::memory::ResultRows;
use crate::session::Session;
pub use alternative::{Alternative, plans};
pub use hypothesis::{Hypothesis, what_if};

/// How much slower than the best a plan may be in the first round to be run in the others.
const SLOWER_MAX: u32 = 20;

/// An estimated cost, in microseconds, from which on a plan is not run that is thought to take this many times as long
/// as the optimiser's choice.
const COST_MAX: f64 = 2e6;
const DEARER_MAX: f64 = 100.0;

/// A race between the plans of one query.
#[derive(Clone, Debug)]
pub struct Race {
    /// The plans that were run, the fastest first.
    pub contestants: Vec<Contestant>,
    /// Plans that were not run because they were thought to take far too long.
    pub left_out: Vec<Alternative>,
    /// How many rows each of them returns.
    pub rows: u64,
}

/// A plan that was run.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// The plan.
    pub alternative: Alternative,
    /// How long each run took.
    pub times: Vec<Duration>,
}

impl Contestant {
    /// The shortest of its times: what the others have above it is other programs' doing.
    pub fn time(&self) -> Duration {
        self.times.iter().min().copied().unwrap_or_default()
    }
}

impl Race {
    /// The optimiser's choice and its place, from 0.
    pub fn chosen(&self) -> Option<(usize, &Contestant)> {
        self.contestants.iter().enumerate().find(|(_, contestant)| contestant.alternative.is_chosen())
    }

    /// How well the order of the estimated costs agrees with that of the measured times: Kendall's tau-b, from -1
    /// (reversed) to 1 (the same). None with fewer than two contestants, or if all costs are alike.
    pub fn tau(&self) -> Option<f64> {
        let points: Vec<(f64, f64)> = self
            .contestants
            .iter()
            .map(|contestant| (contestant.alternative.cost(), contestant.time().as_secs_f64()))
            .collect();
        kendall(&points)
    }
}

/// Kendall's tau-b of pairs ("A New Measure of Rank Correlation", Biometrika 1938).
fn kendall(points: &[(f64, f64)]) -> Option<f64> {
    let (mut agreeing, mut left_pairs, mut right_pairs) = (0.0, 0.0, 0.0);
    for (number, a) in points.iter().enumerate() {
        for b in &points[..number] {
            let (left, right) = (a.0.total_cmp(&b.0), a.1.total_cmp(&b.1));
            left_pairs += f64::from(u8::from(left != Ordering::Equal));
            right_pairs += f64::from(u8::from(right != Ordering::Equal));
            agreeing += f64::from(left as i8 * right as i8);
        }
    }
    let pairs: f64 = left_pairs * right_pairs;
    (pairs > 0.0).then(|| agreeing / pairs.sqrt())
}

/// Runs every plan of a query `runs` times on what a session sees now, in turns. To the limits of the session all of it
/// is one statement.
///
/// # Errors
/// What the query can be refused for; [`Error::PlansDiffer`] if two plans return different rows; what a statement ends
/// with before its time.
pub fn race<S: Session + ?Sized>(
    session: &S,
    query: &Query,
    parameters: &[Value],
    runs: usize,
) -> Result<Race, Error> {
    let version = &*session.version()?;
    let interrupt = session.interrupt();
    let plans = plans(query, Catalog::of(version), version, alternative::PLANS_MAX)?;
    let chosen = plans.first().map_or(0.0, Alternative::cost);
    let too_long = |plan: &Alternative| plan.cost() > COST_MAX && plan.cost() > chosen * DEARER_MAX;
    let (left_out, plans): (Vec<_>, Vec<_>) = plans.into_iter().partition(too_long);
    let context = Context::at(parameters, jiff::Timestamp::now()).within(&interrupt);
    let mut expected: Option<Rows> = None;
    let mut contestants = Vec::with_capacity(plans.len());
    for alternative in plans {
        let found = ResultRows::new(interrupt.memory_bytes_max());
        let found = Rows::of(&alternative, version, &context, found)?;
        if let Some(expected) = &expected {
            expected.compare(&found, query)?;
        }
        expected.get_or_insert(found);
        contestants.push(Contestant { alternative, times: Vec::new() });
    }
    for _ in 0..runs.max(1) {
        let best = contestants.iter().filter(|of| !of.times.is_empty()).map(Contestant::time).min();
        for contestant in &mut contestants {
            let slow = best.is_some_and(|best| contestant.time() > best * SLOWER_MAX);
            if !slow {
                contestant.times.push(time(&contestant.alternative, version, &context)?);
            }
        }
    }
    contestants.sort_by_key(Contestant::time);
    Ok(Race { contestants, left_out, rows: expected.map_or(0, |rows| rows.rows.len() as u64) })
}

fn time(alternative: &Alternative, version: &Version, context: &Context<'_>) -> Result<Duration, Error> {
    let begun = Instant::now();
    execute::run(alternative.plan(), version, context, &mut |_| Ok(()))?;
    Ok(begun.elapsed())
}

/// What a plan returns, in an order of its own.
struct Rows {
    plan: String,
    rows: Vec<Vec<Value>>,
}

impl Rows {
    fn of(
        alternative: &Alternative,
        version: &Version,
        context: &Context<'_>,
        mut rows: ResultRows,
    ) -> Result<Rows, Error> {
        execute::run(alternative.plan(), version, context, &mut |batch| rows.add(batch))?;
        let mut rows = rows.finish();
        rows.sort_unstable();
        Ok(Rows { plan: alternative.explanation().to_string(), rows })
    }

    fn compare(&self, other: &Rows, query: &Query) -> Result<(), Error> {
        let same_rows =
            || self.rows.iter().zip(&other.rows).all(|(a, b)| a.iter().zip(b).all(|(a, b)| same(a, b)));
        if self.rows.len() == other.rows.len() && (!is_determined(&query.relation) || same_rows()) {
            return Ok(());
        }
        let count = |rows: &Rows| rows.rows.len() as u64;
        Err(Error::PlansDiffer {
            plans: Box::new([self.plan.clone(), other.plan.clone()]),
            rows: [count(self), count(other)],
        })
    }
}

/// Whether two values are the same but for the order in which floats were added up.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => {
            a.total_cmp(b).is_eq() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        }
        (a, b) => a == b,
    }
}

/// Whether a query says which rows it returns: a limit without an order that tells all rows apart does not, nor does a
/// DISTINCT say which row of a group is the first.
fn is_determined(relation: &Relation) -> bool {
    match relation {
        Relation::Limit { .. } | Relation::Distinct { .. } => false,
        other => {
            let mut determined = true;
            other.each_input(&mut |input| determined &= is_determined(input));
            determined
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tau_is_the_agreement_of_two_orders() {
        let of = |points: &[(f64, f64)]| kendall(points);
        assert_eq!(of(&[(1.0, 10.0), (2.0, 20.0), (3.0, 30.0)]), Some(1.0));
        assert_eq!(of(&[(1.0, 30.0), (2.0, 20.0), (3.0, 10.0)]), Some(-1.0));
        assert_eq!(of(&[(1.0, 10.0), (1.0, 20.0)]), None);
        let one_wrong = of(&[(1.0, 1.0), (2.0, 3.0), (3.0, 2.0)]);
        assert!(one_wrong.is_some_and(|tau| (tau - 1.0 / 3.0).abs() < 1e-12), "{one_wrong:?}");
    }
}
