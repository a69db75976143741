//! Intersections: the rows of one table that several indexes find each, where all of them find much fewer.
//!
//! `a = 5 AND b = 7` with an index on `a` and one on `b`: either index finds rows most of which the other condition
//! throws away after they were fetched. To read the entries of both, in which the row ids of equal keys ascend, and to
//! fetch what is in both is cheaper, unless an index has found few already.

use super::access::{Candidate, Order};
use super::cost;
use super::planner::Planner;
use crate::catalog::TableDefinition;
use crate::plan::{Access, Estimate};

impl Planner<'_> {
    /// The intersection of some of these paths; none if it costs more than the best of them.
    pub(super) fn intersection(
        &self,
        definition: &TableDefinition,
        paths: &[Candidate],
    ) -> Option<Candidate> {
        let by_index = |path: &&Candidate| {
            matches!(path.access, Access::Index { point: false, .. }) && !path.covered.is_empty()
        };
        let mut paths: Vec<&Candidate> = paths.iter().filter(by_index).collect();
        paths.sort_by(|a, b| a.estimate.rows.total_cmp(&b.estimate.rows));
        let first = paths.first()?;
        let table_rows = self.table_rows(definition.id).max(1.0);
        let (mut rows, mut entries) = (first.estimate.rows, first.estimate.rows);
        let (mut taken, mut covered) = (vec![first.access.clone()], first.covered.clone());
        for path in &paths[1..] {
            let is_other = !path.covered.iter().any(|conjunct| covered.contains(conjunct));
            let left = rows * path.estimate.rows / table_rows;
            if is_other && path.estimate.rows * cost::ENTRY < (rows - left) * cost::FETCH {
                rows = left;
                entries += path.estimate.rows;
                taken.push(path.access.clone());
                covered.extend(&path.covered);
            }
        }
        covered.sort_unstable();
        // Every entry is read, and of those that are in all the row is fetched.
        let cost_per_row = cost::ENTRY + cost::FETCH * rows / entries.max(1.0);
        (taken.len() > 1).then(|| Candidate {
            access: Access::Intersection(taken),
            covered,
            estimate: Estimate::about(entries),
            is_counted: false,
            cost_per_row,
            order: Order::RowId,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Database;
    use crate::sql::Connection;

    /// A table of 20,000 rows with a hundred values in `a` and in `b`, each with an index.
    fn connection() -> Connection {
        let mut connection = Connection::new(Database::new());
        connection.execute("CREATE TABLE t (id BIGSERIAL PRIMARY KEY, a INTEGER, b INTEGER)", &[]).unwrap();
        connection.execute("CREATE INDEX t_a ON t (a); CREATE INDEX t_b ON t (b)", &[]).unwrap();
        let rows: Vec<String> =
            (0..20_000_u64).map(|n| format!("({}, {})", n * 7_919 % 101, n * 104_729 % 97)).collect();
        for some in rows.chunks(5_000) {
            connection.execute(&format!("INSERT INTO t (a, b) VALUES {}", some.join(", ")), &[]).unwrap();
        }
        connection
    }

    fn plan(connection: &Connection, sql: &str) -> String {
        connection.session().explain(&connection.read(sql).unwrap()).unwrap().to_string()
    }

    #[test]
    fn two_indexes_that_find_little_together_are_both_read() {
        let mut connection = connection();
        let sql = "SELECT id FROM t WHERE a = 5 AND b = 7 ORDER BY id";
        let plan = plan(&connection, sql);
        assert!(
            plan.contains("Scan t by index t_a and index t_b") || plan.contains("t_b and index t_a"),
            "{plan}"
        );
        let found = connection.query(sql, &[]).unwrap();
        let expected =
            connection.query("SELECT id FROM t WHERE a + 0 = 5 AND b + 0 = 7 ORDER BY id", &[]).unwrap();
        assert!(!found.rows.is_empty());
        assert_eq!(found.rows, expected.rows);
    }

    #[test]
    fn one_index_is_enough_where_it_finds_little() {
        let connection = connection();
        let plan = plan(&connection, "SELECT id FROM t WHERE a = 5 AND b > 1");
        assert!(plan.contains("by index t_a  ") || !plan.contains(" and index"), "{plan}");
    }
}
