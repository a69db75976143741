//! Prepared queries: planned once, or once for each kind of values, and run often.

use std::sync::{Arc, OnceLock};

use nuages_storage::{Value, Version};
use parking_lot::RwLock;

use crate::algebra::Query;
use crate::batch::Batch;
use crate::catalog::{Catalog, SchemaId};
use crate::error::Error;
use crate::evaluate::Context;
use crate::execute;
use crate::execute::point::{Point, point_fetch};
use crate::execute::scope::Scope;
use crate::optimize::premise::{Counted, Premise, link};
use crate::optimize::{self, PlannedFor};
use crate::plan::{Access, Fetch, LookupBy, Node, Plan};
use crate::session::Session;

/// Rows up to which a plan counts as short.
const SHORT_ROWS_MAX: u64 = 64;

/// What a plan may be thought to take and be kept, in microseconds: planning takes some five or ten, so that of what
/// takes longer than this it is no part worth saving, and a plan made for the values at hand may save much.
const KEPT_COST_MAX: f64 = 200.0;

/// How many plans are kept beside the first two: for other values, or for another state of the schema.
const FURTHER_MAX: usize = 3;

/// A query and its plans. It holds no version and no lock, so it may be kept and shared between threads, and run on
/// any version and any fork.
///
/// What is best may depend on the values of the parameters. A plan that is [short](Prepared::is_short) is good for
/// all; any other is kept together with what it rests on (how many rows the ranges have that it reads, and the
/// tables), and is run again where that is about the same. Where it is not, or where the schema is not the one it was
/// planned for, the query is planned anew, and that plan kept beside it.
///
/// ```
/// use nuages_engine::{Database, Prepared, Session, sql::Connection};
/// use nuages_storage::Value;
///
/// let mut connection = Connection::new(Database::new());
/// connection.execute("CREATE TABLE song (title TEXT, plays INTEGER)", &[])?;
/// connection.execute("INSERT INTO song VALUES ('Nuages', 40), ('Djangology', 2)", &[])?;
/// let query = connection.read("SELECT title FROM song WHERE plays > $1")?;
///
/// let db = connection.database();
/// let often = Prepared::new(db, query)?;
/// for (plays, count) in [(1, 2), (10, 1), (50, 0)] {
///     let mut rows = 0;
///     db.run(&often, &[Value::Int(plays)], &mut |batch| {
///         rows += batch.selection.count();
///         Ok(())
///     })?;
///     assert_eq!(rows, count);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prepared {
    query: Query,
    first: KeptPlan,
    others: Arc<Others>,
}

/// Plans that were made for values.
#[derive(Debug, Default)]
struct Others {
    /// The first of them, which most runs use. To look at it takes no lock.
    second: OnceLock<Arc<KeptPlan>>,
    /// The newest last.
    further: RwLock<Vec<Arc<KeptPlan>>>,
}

impl Others {
    fn keep(&self, plan: Arc<KeptPlan>) {
        if let Err(plan) = self.second.set(plan) {
            let mut further = self.further.write();
            if further.len() == FURTHER_MAX {
                further.remove(0);
            }
            further.push(plan);
        }
    }
}

/// A plan, and when it is good.
#[derive(Clone, Debug)]
struct KeptPlan {
    plan: Plan,
    schema: SchemaId,
    good: Good,
    is_short: bool,
    /// What is read of its row, if it finds one row by its key.
    point: Option<Box<[Fetch]>>,
}

/// For which values, and at which times, a plan is good.
#[derive(Clone, Debug)]
enum Good {
    /// For all: it is short, or nobody wants another.
    Always,
    /// While these hold.
    While(Vec<Premise>),
    /// For none: it was made without values, or takes so long that each run has a plan of its own.
    Never,
}

impl KeptPlan {
    fn new(planned: PlannedFor, schema: SchemaId) -> KeptPlan {
        let PlannedFor { mut plan, premises, cost, .. } = planned;
        let good = if is_short(&plan) {
            Good::Always
        } else if cost <= KEPT_COST_MAX {
            link(&mut plan, &premises);
            Good::While(premises)
        } else {
            Good::Never
        };
        KeptPlan::good_while(good, plan, schema)
    }

    fn good_while(good: Good, plan: Plan, schema: SchemaId) -> KeptPlan {
        let point = point_fetch(&plan).map(|fetch| fetch.into_boxed_slice());
        let is_short = is_short(&plan);
        KeptPlan { plan, schema, good, is_short, point }
    }

    /// The plan, if it finds one row by its key.
    #[inline]
    fn point(&self) -> Option<Point<'_>> {
        Point::of(&self.plan, self.point.as_ref()?)
    }

    /// Runs it on a version of which this is known.
    fn run(
        &self,
        version: &Version,
        counted: &Counted,
        context: &Context<'_>,
        each: &mut dyn FnMut(&Batch<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self.point() {
            Some(point) => point.run(version, context, &mut |batch| each(batch)),
            None => {
                let scope = Scope::new(version).knowing(Some(counted));
                execute::run_operators(&self.plan, &scope, context, &mut |batch| each(batch))
            }
        }
    }

    /// Whether it is good here and now, and what was counted to find that out.
    fn is_good(
        &self,
        schema: SchemaId,
        version: &Version,
        context: &Context<'_>,
        counted: &mut Counted,
    ) -> bool {
        self.schema == schema
            && match &self.good {
                // Its scans are of no premises.
                Good::Always => true,
                Good::While(premises) => counted.all_hold(premises, version, context),
                Good::Never => false,
            }
    }
}

impl Prepared {
    /// Plans a query for what `session` sees. What depends on parameters is decided when their values are known, unless
    /// the plan is short whatever they are.
    ///
    /// # Errors
    /// What a query can be refused for when it is planned.
    pub fn new(session: &dyn Session, query: Query) -> Result<Prepared, Error> {
        Prepared::for_values(session, query, &[])
    }

    /// Plans a query for what `session` sees and these values of its parameters. It may be run with others.
    ///
    /// # Errors
    /// What a query can be refused for when it is planned.
    pub fn for_values(session: &dyn Session, query: Query, values: &[Value]) -> Result<Prepared, Error> {
        let version = session.version_unnoted()?;
        let catalog = Catalog::of(&version);
        let mut planned = optimize::plan_for(&query, catalog, &version, &[])?;
        // What is short for all values need not be the best for these, but no other plan is much better.
        if !values.is_empty() && !is_short(&planned.plan) {
            planned = optimize::plan_for(&query, catalog, &version, values)?;
        }
        let is_open = planned.parameters > values.len();
        let mut first = KeptPlan::new(planned, catalog.schema_id());
        if is_open && !matches!(first.good, Good::Always) {
            first.good = Good::Never;
        }
        Ok(Prepared { query, first, others: Arc::default() })
    }

    /// A query with a plan that was made for it on a version of this schema, and with no other.
    pub(crate) fn with_plan(query: Query, plan: Plan, schema: SchemaId) -> Prepared {
        let first = KeptPlan::good_while(Good::Always, plan, schema);
        Prepared { query, first, others: Arc::default() }
    }

    /// The query that was prepared.
    pub const fn query(&self) -> &Query {
        &self.query
    }

    /// What its columns are called.
    pub fn column_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.query.columns.iter().map(|column| column.name.as_str())
    }

    /// The plan that was made first.
    pub fn plan(&self) -> &Plan {
        &self.first.plan
    }

    /// Whether it reads few rows whatever its parameters are, so that it may run within
    /// [`Session::read`], under the publication latch.
    pub fn is_short(&self) -> bool {
        self.first.is_short
    }

    /// Whether its first plan finds one row by its key, or none.
    pub(crate) fn finds_one(&self) -> bool {
        self.first.point.is_some()
    }

    /// Its first plan and the schema for which that is good, if it finds one row by its key and locks nothing.
    #[inline]
    pub(crate) fn point(&self) -> Option<(Point<'_>, SchemaId)> {
        let point = self.first.point().filter(|_| self.query.lock.is_none())?;
        Some((point, self.first.schema))
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
        let mut counted = Counted::default();
        let schema = catalog.schema_id();
        for kept in std::iter::once(&self.first).chain(self.others.second.get().map(|second| &**second)) {
            if kept.is_good(schema, version, context, &mut counted) {
                return kept.run(version, &counted, context, each);
            }
        }
        let other = self.other(catalog, version, context, &mut counted)?;
        other.run(version, &counted, context, each)
    }

    /// A further plan that is good here and now: one that is kept, or a new one. What is known then is put into
    /// `counted`.
    fn other(
        &self,
        catalog: &Catalog,
        version: &Version,
        context: &Context<'_>,
        counted: &mut Counted,
    ) -> Result<Arc<KeptPlan>, Error> {
        let schema = catalog.schema_id();
        let further = self.others.further.read();
        if let Some(good) = further.iter().rev().find(|kept| kept.is_good(schema, version, context, counted))
        {
            return Ok(Arc::clone(good));
        }
        drop(further);
        *counted = Counted::default();
        let planned = optimize::plan_for(&self.query, catalog, version, context.parameters())?;
        let new = Arc::new(KeptPlan::new(planned, schema));
        if !matches!(new.good, Good::Never) {
            self.others.keep(Arc::clone(&new));
        }
        Ok(new)
    }
}

/// Whether a plan reads few rows of few leaves.
fn is_short(plan: &Plan) -> bool {
    match &plan.node {
        Node::Unit => true,
        // Where paths may overlap, their rows are looked at and not only counted.
        Node::Count(access, _) if access.is_combined() => is_short_path(access),
        Node::Count(..) => true,
        Node::Values(rows) => rows.len() as u64 <= SHORT_ROWS_MAX,
        Node::Scan(scan) => is_short_path(&scan.access),
        Node::Limit { input, offset, count: Some(count) } => {
            let end = offset.fixed().zip(count.fixed()).map(|(offset, count)| offset.saturating_add(count));
            end.is_some_and(|end| end <= SHORT_ROWS_MAX) && is_streaming(input)
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
        | Node::MergeJoin { .. }
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
        // Of an intersection all that any of the paths has is looked at.
        Access::Union(paths) | Access::Intersection(paths) => paths.iter().map(rows_max).sum(),
        Access::Index { point: false, .. } | Access::All | Access::RowRange(_) => None,
    }
}

/// Whether a plan reads about as many rows as are asked of it.
fn is_streaming(plan: &Plan) -> bool {
    match &plan.node {
        Node::Scan(scan) => scan.filter.is_none() && !scan.access.is_combined(),
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

#[cfg(test)]
mod tests {
    use nuages_storage::Value;

    use super::Prepared;
    use crate::plan::{Node, Plan};
    use crate::sql::Connection;
    use crate::{Database, Session};

    /// The numbers of the premises of its scans.
    fn linked(plan: &mut Plan, found: &mut Vec<Option<usize>>) {
        if let Node::Scan(scan) = &plan.node {
            found.push(scan.premise);
        }
        plan.each_input_mut(&mut |input| linked(input, found));
    }

    #[test]
    fn a_scan_of_what_was_counted_knows_of_which_premise_it_is() {
        let mut connection = Connection::new(Database::new());
        connection
            .execute(
                "CREATE TABLE song (id INTEGER PRIMARY KEY, album INTEGER, plays INTEGER, title TEXT);
                 CREATE INDEX song_album ON song (album); CREATE INDEX song_plays ON song (plays);
                 INSERT INTO song SELECT n, n % 20, n, 'title' FROM generate_series(1, 1000) AS g (n)",
                &[],
            )
            .unwrap();
        for sql in [
            "SELECT id FROM song WHERE plays > $1 AND plays < 900",
            "SELECT id, plays FROM song WHERE album = $1 ORDER BY plays, id",
            "SELECT album, count(*) FROM song WHERE album = $1 GROUP BY album",
            "SELECT title FROM song WHERE id > $1",
        ] {
            let query = connection.read(sql).unwrap();
            let db = connection.database();
            let mut prepared = Prepared::for_values(db, query, &[Value::Int(880)]).unwrap();
            let mut found = Vec::new();
            linked(&mut prepared.first.plan, &mut found);
            let plan = prepared.plan().explain(&db.catalog().unwrap());
            assert!(matches!(found[..], [Some(_)]), "{sql}: {found:?}\n{plan}");
        }
    }

    #[test]
    fn plans_for_other_values_are_kept_and_found_again() {
        let mut connection = Connection::new(Database::new());
        connection
            .execute(
                "CREATE TABLE song (id INTEGER PRIMARY KEY, plays INTEGER); CREATE INDEX song_plays ON song (plays);
                 INSERT INTO song SELECT n, n FROM generate_series(1, 1000) AS g (n)",
                &[],
            )
            .unwrap();
        let query = connection.read("SELECT id FROM song WHERE plays > $1").unwrap();
        let prepared = Prepared::new(connection.database(), query).unwrap();
        let kept = || {
            let second = prepared.others.second.get().is_some();
            (second, prepared.others.further.read().len())
        };
        assert_eq!(kept(), (false, 0));
        for (plays, expected) in
            [(990, (true, 0)), (991, (true, 0)), (10, (true, 1)), (20, (true, 1)), (995, (true, 1))]
        {
            let mut rows = 0;
            let mut count = |batch: &crate::Batch<'_>| {
                rows += batch.count();
                Ok(())
            };
            connection.database().run(&prepared, &[Value::Int(plays)], &mut count).unwrap();
            assert_eq!((rows, kept()), (1_000 - plays as usize, expected), "more than {plays}");
        }
    }
}
