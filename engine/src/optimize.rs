//! From what a query means to how it is run.
//!
//! ```text
//! Query --rewrite--> Query --build--> Plan
//!       predicates down,      joins ordered, access paths and
//!       EXISTS/IN to joins    join methods chosen by counting
//! ```
//!
//! The planner does not guess the size of an index range: it counts it in the counted trees of the version it plans
//! on. A plan holds no version and no row, so it may be kept and run again on any version of the same schema.
//!
//! Order of reading: `depth` (what is too deep to be planned), `constant` (what needs no plan), `rewrite`, `planner` and
//! `premise` (what is known while planning), `build` (operator by operator), `subject`, `sarg`, `implication`, `path`,
//! `access`, `union`, `intersection` and `test_order` (access paths), `join_order`, `join` and `late` (order and
//! method), `lateral`, `window`, `shared` (what aggregates have in common), `extremes` (those that are at an end of an order), `work_table` (common table expressions),
//! `cardinality`, `selectivity`, `spread`, `statistics` (how many rows there will be).

mod access;
mod build;
mod cardinality;
mod constant;
pub mod cost;
pub(crate) mod depth;
mod extremes;
mod failing;
mod filtered_scan;
mod implication;
mod intersection;
mod join;
mod join_order;
mod key;
mod late;
mod lateral;
mod mark;
mod path;
mod planner;
pub(crate) mod premise;
mod rewrite;
mod rule;
mod sarg;
mod selectivity;
mod shared;
mod spread;
pub(crate) mod statistics;
mod steering;
mod subject;
mod subquery;
mod test_order;
mod union;
mod window;
mod work_table;

use std::borrow::Cow;

use nuages_storage::{Value, Version};

pub(crate) use constant::constant_row;
pub use depth::DEPTH_MAX;
pub use statistics::{ColumnStatistics, TableStatistics};

use crate::algebra::Query;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::plan::Plan;
use planner::Planner;
use premise::Premise;
use steering::Steering;

/// Plans a query on the tables of `version`.
///
/// # Errors
/// [`Error::Type`] where an expression makes no sense; [`Error::UnknownTable`] if a table is not there;
/// [`Error::TooDeep`].
pub fn plan(query: Query, catalog: &Catalog, version: &Version) -> Result<Plan, Error> {
    let numbers = depth::check_query(&query)?;
    Planner::new(catalog, version, numbers).plan(query)
}

/// Plans a query that is run once, on this version. What would look for a better plan is left out where any plan is run
/// in less time than that takes.
///
/// # Errors
/// As [`plan`].
pub(crate) fn plan_once(query: Cow<'_, Query>, catalog: &Catalog, version: &Version) -> Result<Plan, Error> {
    let numbers = depth::check_query(&query)?;
    let mut planner = Planner::new(catalog, version, numbers);
    planner.runs_once = true;
    planner.plan(query.into_owned())
}

/// Plans a query that is kept. Even to copy one that is too deep would be too much.
///
/// # Errors
/// As [`plan`].
pub(crate) fn plan_kept(query: &Query, catalog: &Catalog, version: &Version) -> Result<Plan, Error> {
    let numbers = depth::check_query(query)?;
    Planner::new(catalog, version, numbers).plan(query.clone())
}

/// A plan that was made for some values of its query's parameters.
pub(crate) struct PlannedFor {
    pub(crate) plan: Plan,
    /// What has to hold of other values for the plan to be as good for them.
    pub(crate) premises: Vec<Premise>,
    /// What the plan is thought to cost, in microseconds.
    pub(crate) cost: f64,
    /// How many parameters the query has.
    pub(crate) parameters: usize,
}

/// Plans a query that is kept for these values of its parameters: what can be counted of them is counted, but the plan
/// is right for any others, too.
///
/// # Errors
/// As [`plan`].
pub(crate) fn plan_for(
    query: &Query,
    catalog: &Catalog,
    version: &Version,
    values: &[Value],
) -> Result<PlannedFor, Error> {
    let numbers = depth::check_query(query)?;
    let mut planner = Planner::new(catalog, version, numbers);
    let parameters = planner.know_values(values);
    let plan = planner.plan(query.clone())?;
    let cost = planner.price(&plan);
    Ok(PlannedFor { plan, premises: planner.premises(), cost, parameters })
}

/// Plans a query as it was written: no rewriting, no indexes, nested loops. Its answer is the other plan's answer;
/// tests compare the two.
///
/// # Errors
/// As [`plan`].
#[expect(clippy::needless_pass_by_value, reason = "it takes a query as `plan` does")]
pub fn plan_naively(query: Query, catalog: &Catalog, version: &Version) -> Result<Plan, Error> {
    plan_as_written(&query, catalog, version).map(|planned| planned.plan)
}

/// A plan and what it is thought to cost, in microseconds.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) cost: f64,
}

/// Plans a query with these answers to the planner's first choices, and returns the lists of answers that deviate from
/// what was answered after them (see `steering`).
///
/// # Errors
/// As [`plan`].
pub(crate) fn plan_along(
    query: &Query,
    catalog: &Catalog,
    version: &Version,
    given: Vec<usize>,
) -> Result<(Planned, Vec<Vec<usize>>), Error> {
    let numbers = depth::check_query(query)?;
    let mut planner = Planner::new(catalog, version, numbers);
    planner.steering = Steering::along(given);
    let plan = planner.plan(query.clone())?;
    let cost = planner.price(&plan);
    Ok((Planned { plan, cost }, planner.steering.deviations().collect()))
}

/// As [`plan_naively`], with what the plan is thought to cost.
///
/// # Errors
/// As [`plan`].
pub(crate) fn plan_as_written(query: &Query, catalog: &Catalog, version: &Version) -> Result<Planned, Error> {
    let numbers = depth::check_query(query)?;
    let mut planner = Planner::new(catalog, version, numbers);
    planner.optimize = false;
    let plan = planner.plan(query.clone())?;
    Ok(Planned { cost: planner.price(&plan), plan })
}

/// Plans a query for tables that cost much to scan: an index is used wherever there is one. Tests see by it what the
/// optimiser does to large tables, on small ones.
///
/// # Errors
/// As [`plan`].
pub fn plan_by_indexes(query: Query, catalog: &Catalog, version: &Version) -> Result<Plan, Error> {
    let numbers = depth::check_query(&query)?;
    let mut planner = Planner::new(catalog, version, numbers);
    planner.scan_cost = 1e3;
    planner.plan(query)
}
