//! A query that is asked once: planned for a version, and run there.

use std::borrow::Cow;

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
    let catalog = Catalog::of(version);
    // Where it is noted what is read, to read more would be to conflict with more.
    let plan = match context.reads() {
        Some(_) => optimize::plan_kept(query, catalog, version)?,
        None => optimize::plan_once(Cow::Borrowed(query), catalog, version)?,
    };
    execute::run(&plan, version, context, each)
}
