//! Unions: the rows of one table for which a disjunction is true, found part by part.

use super::access::{Candidate, Order};
use super::cost;
use super::planner::Planner;
use super::subject::Subjects;
use crate::algebra::Expr;
use crate::algebra::walk::conjuncts;
use crate::plan::{Access, Estimate};

impl Planner<'_> {
    /// For each disjunction whose parts can all be found by a path, the union of the cheapest of them. What else must
    /// be true helps to find each part.
    pub(super) fn unions(&self, subjects: &Subjects<'_>, parts: &[Expr]) -> Vec<Candidate> {
        let union = |(number, part): (usize, &Expr)| {
            let Expr::Or(any) = part else { return None };
            let others = || parts.iter().enumerate().filter(|(other, _)| *other != number);
            let mut paths = Vec::with_capacity(any.len());
            let (mut rows, mut covers_all) = (0.0, true);
            for one in any {
                let mut wanted = conjuncts(one.clone());
                let own = wanted.len();
                wanted.extend(others().map(|(_, other)| other.clone()));
                let path = self
                    .ordered_paths(subjects, &wanted, false)
                    .into_iter()
                    .filter(|candidate| !candidate.covered.is_empty() || has_bounds(&candidate.access))
                    .min_by(|a, b| a.estimate.rows.total_cmp(&b.estimate.rows))?;
                rows += path.estimate.rows;
                covers_all &= (0..own).all(|conjunct| path.covered.contains(&conjunct));
                paths.push(path.access);
            }
            Some(Candidate {
                access: Access::Union(paths),
                covered: covers_all.then_some(number).into_iter().collect(),
                estimate: Estimate::about(rows.min(self.table_rows(subjects.definition.id))),
                is_counted: false,
                cost_per_row: cost::INDEX,
                order: Order::RowId,
            })
        };
        parts.iter().enumerate().filter_map(union).collect()
    }
}

/// Whether a path is a range.
fn has_bounds(access: &Access) -> bool {
    match access {
        Access::RowRange(bounds) | Access::Index { bounds, .. } => bounds.scalars().next().is_some(),
        Access::All | Access::RowIds(_) | Access::Union(_) | Access::Intersection(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::Connection;
    use crate::{Database, Session};

    fn plan(sql: &str) -> String {
        let mut connection = Connection::new(Database::new());
        for statement in [
            "CREATE TABLE t (id BIGINT PRIMARY KEY, a BIGINT, b BIGINT, c BIGINT)",
            "CREATE INDEX t_a ON t (a); CREATE INDEX t_b ON t (b)",
            "INSERT INTO t SELECT n, n % 400, n % 300, n % 200 FROM generate_series(1, 4000) AS g (n)",
        ] {
            connection.execute(statement, &[]).unwrap();
        }
        connection.database().explain(&connection.read(sql).unwrap()).unwrap().to_string()
    }

    #[test]
    fn each_part_is_found_by_an_index_of_its_own() {
        let plan = plan("SELECT id FROM t WHERE a = 5 OR b = 7 OR id = 9");
        assert!(plan.contains("Scan t by index t_a or index t_b or id"), "{plan}");
    }

    #[test]
    fn a_table_of_a_few_rows_is_scanned() {
        let mut connection = Connection::new(Database::new());
        connection.execute("CREATE TABLE t (a BIGINT, b BIGINT)", &[]).unwrap();
        connection.execute("CREATE INDEX t_a ON t (a); CREATE INDEX t_b ON t (b)", &[]).unwrap();
        connection.execute("INSERT INTO t SELECT n, n FROM generate_series(1, 60) AS g (n)", &[]).unwrap();
        let query = connection.read("SELECT a FROM t WHERE a = 5 OR b = 7").unwrap();
        let plan = connection.database().explain(&query).unwrap().to_string();
        assert!(!plan.contains("by index"), "{plan}");
        let forced = crate::optimize::plan_by_indexes;
        let version = connection.database().version().unwrap();
        let catalog = connection.database().catalog().unwrap();
        let plan = forced(query, &catalog, &version).unwrap().explain(&catalog).to_string();
        assert!(plan.contains("by index t_a or index t_b"), "{plan}");
    }

    #[test]
    fn what_else_must_be_true_finds_no_part_that_an_index_does_not_know() {
        let plan = plan("SELECT id FROM t WHERE a = 5 OR c = 7");
        assert!(!plan.contains("by index"), "{plan}");
    }
}
