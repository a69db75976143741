//! Prepared queries: planned once, run often.

use nuages_storage::{Value, Version};

use crate::algebra::Query;
use crate::batch::Batch;
use crate::catalog::{Catalog, SchemaId};
use crate::error::Error;
use crate::evaluate::Context;
use crate::plan::{Access, LookupBy, Node, Plan};
use crate::session::Session;
use crate::{execute, optimize};

/// Rows up to which a plan counts as short.
const SHORT_ROWS_MAX: u64 = 64;

/// A query and its plan. It holds no version and no lock, so it may be kept and shared between threads, and run on
/// any version and any fork. Where the schema is not the one it was planned for, the query is planned anew for that
/// run.
#[derive(Clone, Debug)]
pub struct Prepared {
    query: Query,
    plan: Plan,
    schema: SchemaId,
    short: bool,
}

impl Prepared {
    /// Plans a query for what `session` sees. What depends on parameters is decided without their values.
    ///
    /// # Errors
    /// What a query can be refused for when it is planned.
    pub fn new(session: &dyn Session, query: Query) -> Result<Prepared, Error> {
        let version = session.version_unnoted()?;
        let catalog = Catalog::of(&version);
        let plan = optimize::plan_kept(&query, catalog, &version)?;
        Ok(Prepared::with_plan(query, plan, catalog.schema_id()))
    }

    /// A query with a plan that was made for it on a version of this schema.
    pub(crate) fn with_plan(query: Query, plan: Plan, schema: SchemaId) -> Prepared {
        let short = is_short(&plan);
        Prepared { query, plan, schema, short }
    }

    /// What its columns are called.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.query.columns.iter().map(|column| column.name.as_str())
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether it reads few rows whatever its parameters are, so that it may run within
    /// [`Session::read`], under the publication latch.
    pub fn is_short(&self) -> bool {
        self.short
    }

    /// The query, if it locks rows, and so is a statement of a transaction and not a read of a version.
    pub(crate) fn locking(&self) -> Option<&Query> {
        Some(&self.query).filter(|query| query.lock.is_some())
    }

    /// Runs it on a version and hands out its rows, batch by batch.
    ///
    /// # Errors
    /// What its expressions refuse; [`Error::MissingParameter`]; what `each` returns.
    pub fn run(
        &self,
        version: &Version,
        parameters: &[Value],
        each: &mut dyn FnMut(&Batch<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.run_in(version, &Context::new(parameters), each)
    }

    /// The same under a context of which the parameters are part.
    pub(crate) fn run_in(
        &self,
        version: &Version,
        context: &Context<'_>,
        each: &mut dyn FnMut(&Batch<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let catalog = Catalog::of(version);
        if catalog.schema_id() == self.schema {
            return execute::run(&self.plan, version, context, each);
        }
        let plan = optimize::plan_kept(&self.query, catalog, version)?;
        execute::run(&plan, version, context, each)
    }
}

/// Whether a plan reads few rows of few leaves.
fn is_short(plan: &Plan) -> bool {
    match &plan.node {
        Node::Unit => true,
        // Where paths may overlap, their rows are looked at and not only counted.
        Node::Count(access @ Access::Union(_), _) => is_short_path(access),
        Node::Count(..) => true,
        Node::Values(rows) => rows.len() as u64 <= SHORT_ROWS_MAX,
        Node::Scan(scan) => is_short_path(&scan.access),
        Node::Limit { input, offset, count: Some(count) } => {
            offset.saturating_add(*count) <= SHORT_ROWS_MAX && is_streaming(input)
        }
        Node::Project { input, .. }
        | Node::Filter { input, .. }
        | Node::Limit { input, .. }
        | Node::Measured { input, .. } => is_short(input),
        Node::IndexJoin { left, lookup, .. } => is_unique(&lookup.by) && is_short(left),
        Node::Aggregate { .. }
        | Node::Sort { .. }
        | Node::Distinct { .. }
        | Node::HashJoin { .. }
        | Node::NestedLoop { .. }
        | Node::Set { .. }
        | Node::Window { .. }
        | Node::With { .. }
        | Node::Recursive { .. }
        | Node::WorkTable { .. }
        | Node::Lateral { .. }
        | Node::Apply { .. } => false,
    }
}

fn is_short_path(access: &Access) -> bool {
    rows_max(access).is_some_and(|rows| rows <= SHORT_ROWS_MAX)
}

/// How many rows a path has at most, whatever its parameters are, if that is known.
fn rows_max(access: &Access) -> Option<u64> {
    match access {
        Access::RowIds(ids) => Some(ids.len() as u64),
        Access::Index { prefixes, point: true, .. } => Some(prefixes.len() as u64),
        Access::Union(paths) => paths.iter().map(rows_max).sum(),
        Access::Index { point: false, .. } | Access::All | Access::RowRange(_) => None,
    }
}

/// Whether a plan reads about as many rows as are asked of it.
fn is_streaming(plan: &Plan) -> bool {
    match &plan.node {
        Node::Scan(scan) => scan.filter.is_none() && !matches!(scan.access, Access::Union(_)),
        Node::Project { input, .. } => is_streaming(input),
        Node::IndexJoin { left, lookup, .. } => is_unique(&lookup.by) && is_streaming(left),
        _ => is_short(plan),
    }
}

fn is_unique(by: &LookupBy) -> bool {
    match by {
        LookupBy::RowId(_) => true,
        LookupBy::Index { unique, .. } => *unique,
    }
}
