//! Measuring: to measure a plan is to run another, in which a counter stands above every operator.
//!
//! So an operator that is not measured pays nothing for it, not even a branch.

use std::sync::Arc;
use std::time::Instant;

use super::{Operator, Running};
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::Context;
use crate::measurement::Counter;
use crate::plan::{Node, Plan};

/// See the [module](self).
pub(super) struct Measured<'v> {
    input: Running<'v>,
    counter: &'v Counter,
}

impl<'v> Measured<'v> {
    pub(super) fn new(input: Running<'v>, counter: &'v Counter) -> Self {
        counter.begin();
        Measured { input, counter }
    }
}

impl<'v> Operator<'v> for Measured<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let context = context.visiting(self.counter.visits());
        let begun = Instant::now();
        let more = self.input.next(batch, &context);
        let rows = matches!(more, Ok(true)).then(|| batch.count());
        self.counter.count(rows, begun.elapsed());
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
