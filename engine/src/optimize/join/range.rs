//! Joins without an equality: pairs that nested loops test, or rows of a path whose bounds are of the other side's row.
//!
//! Of `event.at BETWEEN slot.begins AND slot.ends` no hash table can be made. But for each slot an index of `event.at`
//! has the events in one range: the side that is one table is planned like the right side of a lateral join, with the
//! columns of the other as parameters. Likewise where either of several equalities is enough, which are several paths.

use super::super::cost;
use super::super::filtered_scan::{filtered_scan, narrowed};
use super::super::planner::Planner;
use super::joined::{joined_columns, joined_rows};
use super::{Side, Wanted};
use crate::algebra::walk::{self, conjunction};
use crate::algebra::{Column, Expr, JoinKind, Relation};
use crate::error::Error;
use crate::plan::{Access, Estimate, Node, Plan, RowCount};

impl Planner<'_> {
    /// The cheapest join of two sides that are equal in nothing.
    pub(super) fn unkeyed_join(
        &mut self,
        kind: JoinKind,
        left: Side,
        right: Side,
        on: &[Expr],
        wanted: Wanted<'_>,
    ) -> Result<Plan, Error> {
        let mut ways = Vec::new();
        if self.optimize && kind != JoinKind::Full && !on.iter().any(walk::has_subquery) {
            if let Some(relation) = &right.relation {
                ways.extend(self.ranged(kind, &left.plan, relation, on, wanted)?);
            }
            if let (Some(relation), JoinKind::Inner) = (&left.relation, kind) {
                ways.extend(self.ranged(kind, &right.plan, relation, on, wanted)?);
            }
        }
        let (l, r) = (left.plan.estimate.rows, right.plan.estimate.rows);
        let tested = if matches!(kind, JoinKind::Semi | JoinKind::Anti) { 0.5 } else { 1.0 };
        let pairs = self.price(&left.plan) + self.price(&right.plan) + l * r * tested * cost::PAIR;
        let costs: Vec<f64> = [pairs].into_iter().chain(ways.iter().map(|way| self.price(way))).collect();
        match if ways.is_empty() { 0 } else { self.choose(&costs) } {
            // The rows of the right side are looked at again and again, so it is the smaller one.
            0 if kind == JoinKind::Inner && l < r => {
                self.keyed_join(kind, right.plan, left.plan, on, &[], wanted)
            }
            0 => self.keyed_join(kind, left.plan, right.plan, on, &[], wanted),
            way => Ok(ways.swap_remove(way - 1)),
        }
    }

    /// The same, of which the right side may be found by a path and the left one may not. (Apart, since whoever calls it
    /// is on the stack once for each join within a join.)
    pub(super) fn attach_unkeyed(
        &mut self,
        kind: JoinKind,
        left: Plan,
        (whole, right): (Plan, &Relation),
        on: &[Expr],
        wanted: Wanted<'_>,
    ) -> Result<Plan, Error> {
        let left = Side { plan: left, relation: None };
        self.unkeyed_join(kind, left, Side { plan: whole, relation: Some(right.clone()) }, on, wanted)
    }

    /// The join that finds the partners of each left row by a path; none if no path has a bound of the left row.
    fn ranged(
        &mut self,
        kind: JoinKind,
        left: &Plan,
        right: &Relation,
        on: &[Expr],
        wanted: Wanted<'_>,
    ) -> Result<Option<Plan>, Error> {
        let Some((table, source, _)) = filtered_scan(right) else { return Ok(None) };
        let definition = self.table(table)?;
        let columns = on.iter().flat_map(walk::columns_of);
        let mut of_left: Vec<Column> = columns.filter(|column| column.source() != source).collect();
        of_left.sort_unstable();
        of_left.dedup();
        let has_path = definition.row_id_column().is_some() || !definition.indexes.is_empty();
        let is_there = |column: &Column| left.columns.iter().any(|known| known.column == *column);
        if !has_path || of_left.is_empty() || !of_left.iter().all(is_there) {
            return Ok(None);
        }
        let (bindings, by) = self.bind(of_left, &left.columns)?;
        let mut on = on.to_vec();
        on.iter_mut().for_each(|part| walk::substitute(part, &by));
        let Some(condition) = conjunction(on) else { return Ok(None) };
        self.finds_partners = true;
        let partners = self.build(narrowed(right.clone(), condition), wanted.needed);
        self.finds_partners = false;
        let mut partners = partners?;
        if !matches!(&partners.node, Node::Scan(scan) if !matches!(scan.access, Access::All)) {
            return Ok(None);
        }
        let basis = left.estimate.basis.max(partners.estimate.basis);
        let rows = joined_rows(kind, left.estimate.rows, partners.estimate.rows);
        let estimate = wanted.estimate.unwrap_or(Estimate::about(rows).resting_on(basis));
        if matches!(kind, JoinKind::Semi | JoinKind::Anti) {
            partners = first_of(partners);
        }
        let columns = joined_columns(kind, left, &partners.columns);
        let (left, right) = (Box::new(left.clone()), Box::new(partners));
        let node = Node::Lateral { kind, left, right, bindings, on: None };
        Ok(Some(Plan { node, columns, estimate }))
    }
}

/// The first row of a plan: whether there is one.
fn first_of(plan: Plan) -> Plan {
    let columns = plan.columns.clone();
    let estimate = Estimate { rows: plan.estimate.rows.min(1.0), ..plan.estimate };
    let node = Node::Limit { input: Box::new(plan), offset: RowCount::ZERO, count: Some(RowCount::Fixed(1)) };
    Plan { node, columns, estimate }
}

#[cfg(test)]
mod tests {
    use crate::sql::Connection;
    use crate::{Database, Session};

    /// Slots of which some are empty, some share an event, and some have no end.
    fn connection() -> Connection {
        let mut connection = Connection::new(Database::new());
        for sql in [
            "CREATE TABLE slot (id BIGINT PRIMARY KEY, begins BIGINT, ends BIGINT)",
            "CREATE TABLE event (id BIGINT PRIMARY KEY, at BIGINT, kind TEXT)",
            "CREATE INDEX event_at ON event (at)",
            "INSERT INTO slot SELECT n, n * 5, CASE WHEN n % 10 > 0 THEN n * 5 + n % 7 END FROM generate_series(1, 300) AS g(n)",
            "INSERT INTO event SELECT n, CASE WHEN n % 11 > 0 THEN n * 31 % 1800 END, 'k' || n % 3 FROM generate_series(1, 900) AS g(n)",
        ] {
            connection.execute(sql, &[]).unwrap();
        }
        connection
    }

    const JOINS: [&str; 8] = [
        "SELECT s.id, e.id, e.kind FROM slot s JOIN event e ON e.at BETWEEN s.begins AND s.ends",
        "SELECT s.id, e.id FROM event e JOIN slot s ON e.at BETWEEN s.begins AND s.ends AND e.kind = 'k1'",
        "SELECT s.id, e.id FROM slot s LEFT JOIN event e ON e.at >= s.begins AND e.at < s.ends AND e.kind <> 'k2'",
        "SELECT s.id FROM slot s WHERE EXISTS (SELECT 1 FROM event e WHERE e.at > s.begins AND e.at < s.ends)",
        "SELECT s.id FROM slot s WHERE EXISTS (SELECT 1 FROM event e WHERE e.at > s.ends)",
        "SELECT s.id FROM slot s WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.at > s.begins AND e.at < s.ends)",
        "SELECT s.id, e.id FROM slot s JOIN event e ON e.at = s.begins OR e.at = s.ends",
        "SELECT s.id, e.id FROM slot s LEFT JOIN event e ON e.id IN (s.begins, s.ends)",
    ];

    #[test]
    fn partners_within_bounds_of_a_row_are_found_by_a_path() {
        let connection = connection();
        for sql in JOINS {
            let query = connection.read(sql).unwrap();
            let plan = connection.database().explain(&query).unwrap().to_string();
            assert!(plan.contains("For each row a") && !plan.contains("Nested loop"), "{sql}\n{plan}");
        }
    }

    #[test]
    fn they_are_those_of_all_pairs() {
        let mut connection = connection();
        let answers = |connection: &mut Connection| {
            JOINS.map(|sql| {
                let rows = connection.query(sql, &[]).unwrap().rows;
                let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
                rows.sort_unstable();
                rows
            })
        };
        let found = answers(&mut connection);
        connection.execute("DROP INDEX event_at", &[]).unwrap();
        let pairs = answers(&mut connection);
        assert_eq!(found, pairs);
        assert!(pairs.iter().all(|rows| rows.len() > 10));
    }
}
