//! Least and greatest values, read off the end of an order.
//!
//! `min(x)` is the first `x` in its order that is not NULL, so an aggregation of nothing but such values needs a row for
//! each of them where a path yields their orders: `min(x), max(y)` becomes
//!
//! ```text
//! NestedLoop
//!   Aggregate min(x) -- Limit 1 -- Sort x       -- Filter x IS NOT NULL -- input
//!   Aggregate max(y) -- Limit 1 -- Sort y DESC  -- Filter y IS NOT NULL -- input
//! ```
//!
//! in which the sorts are paths. (PostgreSQL's `planagg.c` makes subqueries of them.) The aggregates stay, for the one row
//! over no row.

use super::filtered_scan::{filtered_scan, narrowed};
use super::planner::Planner;
use crate::algebra::walk;
use crate::algebra::{
    Aggregate, AggregateFunction, Column, Expr, JoinKind, Relation, RowCount, SortKey, Source,
};
use crate::error::Error;
use crate::plan::{Estimate, Node, Plan, PlanColumn};

impl Planner<'_> {
    /// Whether aggregates over all rows of `input` are least and greatest values of a table that a path may order.
    pub(super) fn may_be_extremes(&self, input: &Relation, aggregates: &[Aggregate]) -> bool {
        let Some((table, source, filter)) = filtered_scan(input) else { return false };
        let Ok(table) = self.table(table) else { return false };
        let may_be_ordered = |by: &Expr| {
            let columns = walk::columns_of(by);
            let is_key =
                |column: &Column| column.is_row_id() || table.row_id_column() == Some(column.index());
            !columns.is_empty()
                && columns.iter().all(|column| column.source() == source)
                && (!table.indexes.is_empty() || columns.iter().all(is_key))
        };
        let is_extreme = |aggregate: &Aggregate| {
            matches!(aggregate.function, AggregateFunction::Min | AggregateFunction::Max)
                && aggregate.filter.is_none()
                && aggregate.argument.as_ref().is_some_and(|by| !by.is_volatile() && may_be_ordered(by))
        };
        // What is drawn would be drawn for each aggregate.
        let is_drawn = filter.is_some_and(Expr::is_volatile);
        self.optimize && !is_drawn && !aggregates.is_empty() && aggregates.iter().all(is_extreme)
    }

    /// The plan of such aggregates: by a row for each of them, or if that is cheaper by all rows.
    pub(super) fn build_extremes(
        &mut self,
        input: Relation,
        source: Source,
        aggregates: Vec<Aggregate>,
    ) -> Result<Plan, Error> {
        let mut ends: Option<Plan> = None;
        for (place, aggregate) in aggregates.iter().enumerate() {
            let Some(mut one) = self.build_extreme(&input, source, aggregate)? else {
                return self.build_aggregate(input, source, Vec::new(), aggregates);
            };
            one.columns[0].column = source.column(place);
            ends = Some(match ends {
                Some(before) => beside(before, one),
                None => one,
            });
        }
        let all = self.build_aggregate(input, source, Vec::new(), aggregates)?;
        let Some(ends) = ends else { return Ok(all) };
        Ok(match self.choose(&[self.price(&ends), self.price(&all)]) {
            0 => ends,
            _ => all,
        })
    }

    /// The plan of one of them; none if no path has its order.
    fn build_extreme(
        &mut self,
        input: &Relation,
        source: Source,
        aggregate: &Aggregate,
    ) -> Result<Option<Plan>, Error> {
        let Some(argument) = &aggregate.argument else { return Ok(None) };
        let descending = aggregate.function == AggregateFunction::Max;
        let input = match self.never_null(argument) {
            true => input.clone(),
            false => narrowed(input.clone(), Expr::Not(Box::new(argument.clone().is_null()))),
        };
        // There are no NULLs left, so it makes no difference where they would be.
        for nulls_first in [descending, !descending] {
            let key = SortKey { expr: argument.clone(), descending, nulls_first };
            let sorted = Relation::Sort { input: Box::new(input.clone()), keys: vec![key] };
            let (offset, count) = (RowCount::Fixed(0), Some(RowCount::Fixed(1)));
            let first = Relation::Limit { input: Box::new(sorted), offset, count };
            let plan = self.build_aggregate(first, source, Vec::new(), vec![aggregate.clone()])?;
            if reads_in_order(&plan) {
                return Ok(Some(plan));
            }
        }
        Ok(None)
    }
}

/// Whether the row under a limit comes first because of the path.
fn reads_in_order(plan: &Plan) -> bool {
    let Node::Aggregate { input, .. } = &plan.node else { return false };
    let Node::Limit { input, .. } = &input.node else { return false };
    matches!(input.node, Node::Scan(_))
}

/// The columns of two plans of one row each.
fn beside(left: Plan, right: Plan) -> Plan {
    let columns: Vec<PlanColumn> = left.columns.iter().chain(&right.columns).copied().collect();
    let node =
        Node::NestedLoop { kind: JoinKind::Inner, left: Box::new(left), right: Box::new(right), on: None };
    Plan { node, columns, estimate: Estimate::exact(1.0) }
}

#[cfg(test)]
mod tests {
    use crate::sql::Connection;
    use crate::{Database, Session};

    fn connection() -> Connection {
        let mut connection = Connection::new(Database::new());
        for sql in [
            "CREATE TABLE t (id BIGINT PRIMARY KEY, x BIGINT, y BIGINT NOT NULL, s TEXT, f DOUBLE PRECISION)",
            "CREATE INDEX t_x ON t (x)",
            "CREATE INDEX t_y_x ON t (y, x DESC)",
            "CREATE INDEX t_s ON t (s DESC NULLS LAST)",
            "CREATE INDEX t_f ON t (f NULLS FIRST)",
            "INSERT INTO t SELECT n, CASE WHEN n % 3 > 0 THEN n * 7919 % 10007 END, n % 10, 'a' || n,
                CASE WHEN n % 2 = 0 THEN n / 8.0 END FROM generate_series(1, 3000) AS g(n)",
            "INSERT INTO t VALUES (3001, NULL, 77, NULL, 'NaN'), (3002, NULL, 77, NULL, NULL)",
        ] {
            connection.execute(sql, &[]).unwrap();
        }
        connection
    }

    /// What a query answers, and how many limits its plan has.
    fn asked(connection: &mut Connection, sql: &str) -> (String, usize) {
        let query = connection.read(sql).unwrap();
        let plan = connection.database().explain(&query).unwrap().to_string();
        let answer = connection.query(sql, &[]).unwrap().rows;
        (format!("{answer:?}"), plan.matches("Limit 1").count())
    }

    #[test]
    fn an_extreme_is_the_first_of_an_order_and_the_same_value() {
        let mut connection = connection();
        for (by_path, computed, limits) in [
            ("min(x)", "min(x + 0)", 1),
            ("max(x)", "max(x + 0)", 1),
            ("max(DISTINCT x)", "max(DISTINCT x + 0)", 1),
            ("min(id), max(id)", "min(id + 0), max(id + 0)", 2),
            ("max(s), min(s), max(x)", "max(s || ''), min(s || ''), max(x + 0)", 3),
            ("min(f), max(f)", "min(f + 0), max(f + 0)", 2),
        ] {
            for condition in ["", " WHERE y = 3", " WHERE x > 5000", " WHERE x < 0", " WHERE y = 77"] {
                let (answer, found) = asked(&mut connection, &format!("SELECT {by_path} FROM t{condition}"));
                let (expected, none) =
                    asked(&mut connection, &format!("SELECT {computed} FROM t{condition}"));
                assert_eq!((answer, none), (expected, 0), "{by_path}{condition}");
                assert!(found == limits || !condition.is_empty(), "{by_path}: {found}");
            }
        }
        assert_eq!(asked(&mut connection, "SELECT max(x) FROM t WHERE y = 3").1, 1);
    }

    #[test]
    fn rows_are_read_where_something_else_is_asked_of_them() {
        let mut connection = connection();
        for sql in [
            "SELECT max(x), count(*) FROM t",
            "SELECT max(x) FILTER (WHERE y = 2) FROM t",
            "SELECT max(x + 1) FROM t",
            "SELECT y, max(x) FROM t GROUP BY y",
            "SELECT max(x) FROM t WHERE random() < 2",
        ] {
            assert_eq!(asked(&mut connection, sql).1, 0, "{sql}");
        }
    }

    #[test]
    fn what_is_not_null_is_counted_in_the_index() {
        let mut connection = connection();
        let sql = "SELECT count(*) FROM t WHERE x IS NOT NULL";
        let query = connection.read(sql).unwrap();
        assert!(connection.database().explain(&query).unwrap().to_string().contains("Count t by index t_x"));
        assert_eq!(
            asked(&mut connection, sql).0,
            asked(&mut connection, "SELECT count(*) FROM t WHERE x + 0 IS NOT NULL").0
        );
    }
}
