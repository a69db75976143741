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
//! Order of reading: `depth` (what is too deep to be planned), `columns` (what mentions what), `rewrite`, `planner`
//! (what is known while planning), `build` (operator by operator), `sarg`, `access` and `union` (access paths), `join_order`
//! and `join` (order and method), `cardinality`.

mod access;
mod build;
mod cardinality;
mod columns;
pub(crate) mod cost;
pub(crate) mod depth;
mod join;
mod join_order;
mod planner;
mod rewrite;
mod sarg;
pub(crate) mod statistics;
mod steering;
mod union;

use nuages_storage::Version;

pub use depth::DEPTH_MAX;

use crate::algebra::Query;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::plan::Plan;
use planner::Planner;

/// Plans a query on the tables of `version`.
///
/// # Errors
/// [`Error::Type`] where an expression makes no sense; [`Error::UnknownTable`] if a table is not there;
/// [`Error::TooDeep`].
pub fn plan(query: Query, catalog: &Catalog, version: &Version) -> Result<Plan, Error> {
    depth::check_query(&query)?;
    Planner::new(catalog, version, &query).plan(query)
}

/// Plans a query that is kept. Even to copy one that is too deep would be too much.
///
/// # Errors
/// As [`plan`].
pub(crate) fn plan_kept(query: &Query, catalog: &Catalog, version: &Version) -> Result<Plan, Error> {
    depth::check_query(query)?;
    let query = query.clone();
    Planner::new(catalog, version, &query).plan(query)
}

/// Plans a query as it was written: no rewriting, no indexes, nested loops. Its answer is the other plan's answer;
/// tests compare the two.
///
/// # Errors
/// As [`plan`].
pub fn plan_naively(query: Query, catalog: &Catalog, version: &Version) -> Result<Plan, Error> {
    depth::check_query(&query)?;
    let mut planner = Planner::new(catalog, version, &query);
    planner.optimize = false;
    planner.plan(query)
}

/// Plans a query for tables that cost much to scan: an index is used wherever there is one. Tests see by it what the
/// optimiser does to large tables, on small ones.
///
/// # Errors
/// As [`plan`].
pub fn plan_by_indexes(query: Query, catalog: &Catalog, version: &Version) -> Result<Plan, Error> {
    depth::check_query(&query)?;
    let mut planner = Planner::new(catalog, version, &query);
    planner.scan_cost = 1e3;
    planner.plan(query)
}
