//! Measuring: to measure a plan is to run another, in which a counter stands above every operator.
//!
//! So an operator that is not measured pays nothing for it, not even a branch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Operator, Running};
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::{Context, Visits};
use crate::plan::{Node, Plan};

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
    /// Nodes of the trees of rows and indexes that it visited itself, the inner ones and the leaves, each as often as it came
    /// by: on the way down to a key and from one leaf to the next.
    pub nodes: u64,
    /// The time in it and in what it stands on.
    pub time: Duration,
}

impl Counter {
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

/// See the [module](self).
pub(super) struct Measured<'v> {
    input: Running<'v>,
    counter: &'v Counter,
}

impl<'v> Measured<'v> {
    pub(super) fn new(input: Running<'v>, counter: &'v Counter) -> Self {
        counter.begun.fetch_add(1, Ordering::Relaxed);
        Measured { input, counter }
    }
}

impl<'v> Operator<'v> for Measured<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let context = context.visiting(&self.counter.visits);
        let begun = Instant::now();
        let more = self.input.next(batch, &context);
        let nanoseconds = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.counter.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        if matches!(more, Ok(true)) {
            self.counter.batches.fetch_add(1, Ordering::Relaxed);
            self.counter.rows.fetch_add(batch.count() as u64, Ordering::Relaxed);
        }
        more
    }
}

/// The same plan with a counter above every operator, those of subqueries included.
pub(crate) fn measured(mut plan: Plan) -> Plan {
    plan.each_input_mut(&mut |input| {
        let unit = Plan { node: Node::Unit, columns: Vec::new(), estimate: input.estimate };
        *input = measured(std::mem::replace(input, unit));
    });
    let (columns, estimate) = (plan.columns.clone(), plan.estimate);
    Plan { node: Node::Measured { input: Box::new(plan), counter: Arc::default() }, columns, estimate }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::explain::Explanation;
    use crate::sql::Connection;
    use crate::{Context, Database, Session};

    /// The nodes that were visited by all operators of a query on a table of 10,000 rows with an index.
    fn nodes(connection: &Connection, sql: &str) -> u64 {
        fn of(plan: &Explanation) -> u64 {
            plan.measured.map_or(0, |measured| measured.nodes) + plan.inputs.iter().map(of).sum::<u64>()
        }
        let query = connection.read(sql).unwrap();
        let version = connection.database().version().unwrap();
        let catalog = Catalog::of(&version);
        let plan = crate::optimize::plan(query, catalog, &version).unwrap();
        of(&crate::explain::analyze(&plan, &version, catalog, &Context::new(&[])).unwrap())
    }

    #[test]
    fn the_nodes_of_trees_that_are_visited_are_counted() {
        let mut connection = Connection::new(Database::new());
        connection.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, key INTEGER)", &[]).unwrap();
        connection.execute("CREATE INDEX t_key ON t (key)", &[]).unwrap();
        let rows: Vec<String> = (0..10_000).map(|n| format!("({n}, {})", n * 7_919 % 10_000)).collect();
        connection.execute(&format!("INSERT INTO t VALUES {}", rows.join(", ")), &[]).unwrap();
        let version = connection.database().version().unwrap();
        let id = Catalog::of(&version).tables().next().unwrap().id;
        let table = version.table(id).unwrap();
        let (height, (_, index)) = (table.height(), table.indexes().next().unwrap());
        assert!(height > 1 && index.height() > 1);
        let nodes = |sql: &str| nodes(&connection, sql);
        assert_eq!(nodes("SELECT * FROM t WHERE id = 5"), height);
        assert_eq!(nodes("SELECT * FROM t"), table.nodes(0..10_000));
        assert_eq!(nodes("SELECT id FROM t ORDER BY id DESC LIMIT 3"), height);
        assert_eq!(nodes("SELECT count(*) FROM t WHERE key < 500"), 2 * index.height());
        // The ends of the range, the entry, and the row.
        assert_eq!(nodes("SELECT * FROM t WHERE key = 77"), 3 * index.height() + height);
        let joined = nodes("SELECT b.id FROM t AS a JOIN t AS b ON b.key = a.id WHERE a.id IN (3, 5)");
        assert_eq!(joined, height + 2 * (3 * index.height() + height));
    }
}
