//! A query that is asked once: planned for a version, and run there.

use nuages_storage::Version;

use crate::algebra::Query;
use crate::batch::Batch;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::evaluate::Context;
use crate::{execute, optimize};

/// Plans a query for a version and runs it there.
pub(crate) fn run_query(
    query: &Query,
    version: &Version,
    context: &Context<'_>,
    each: &mut dyn FnMut(&Batch<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let plan = optimize::plan_kept(query, Catalog::of(version), version)?;
    execute::run(&plan, version, context, each)
}
