//! Merge joins: which plans come in the order of a join's keys without being sorted.
//!
//! A scan comes in the order of its row ids or of its index, and what passes rows on one by one keeps the order of its
//! left side. If both sides of a join are in the order of the sides of its equalities, they can be merged.

use super::super::planner::{Planner, sources};
use super::super::subject::Subjects;
use super::equality;
use crate::algebra::{Comparison, Expr, JoinKind, Source};
use crate::catalog::{IndexDefinition, TableDefinition};
use crate::evaluate::same_keys;
use crate::plan::{Access, Node, Plan, Scan};

/// What orders the rows of a plan, the most significant first.
enum Ordering<'a> {
    /// The row ids, which may be a column, too.
    RowIds(&'a TableDefinition, Source),
    /// The parts of an index from this one on.
    Index(&'a TableDefinition, &'a IndexDefinition, usize, Source),
}

impl Planner<'_> {
    /// The equalities among `on`, by their numbers, by whose sides both plans are ordered, the most significant first.
    /// None are left out of it but at the end; if there is none, the plans cannot be merged.
    pub(super) fn merged_by(&self, kind: JoinKind, left: &Plan, right: &Plan, on: &[Expr]) -> Vec<usize> {
        let mut merged = Vec::new();
        if !self.optimize || kind == JoinKind::Full {
            return merged;
        }
        let (left_sources, right_sources) = (sources(left), sources(right));
        let pairs: Vec<(usize, &Expr, &Expr)> = on
            .iter()
            .enumerate()
            .filter_map(|(number, part)| {
                equality(part, &left_sources, &right_sources).map(|(l, r)| (number, l, r))
            })
            .collect();
        loop {
            let place = merged.len();
            let fits = |(_, l, r): &&(usize, &Expr, &Expr)| {
                self.is_ordered_by(left, place, l)
                    && self.is_ordered_by(right, place, r)
                    && self.have_same_keys(l, left, r, right)
            };
            match pairs.iter().find(fits) {
                Some((number, ..)) if !merged.contains(number) => merged.push(*number),
                _ => return merged,
            }
        }
    }

    fn have_same_keys(&self, l: &Expr, left: &Plan, r: &Expr, right: &Plan) -> bool {
        let kind = |expr, plan| self.compile(expr, plan).map(|scalar| scalar.data_type());
        matches!((kind(l, left), kind(r, right)), (Ok(a), Ok(b)) if same_keys(a, b))
    }

    /// Whether the rows of a plan that agree in what comes before it are in ascending order of what is at this place of
    /// their order, and that is this expression.
    fn is_ordered_by(&self, plan: &Plan, place: usize, expr: &Expr) -> bool {
        match &plan.node {
            Node::Scan(scan) => {
                let source = plan.columns.first().map(|column| column.column.source());
                let ordering = source.and_then(|source| self.ordering(scan, source));
                ordering.is_some_and(|ordering| ordering.has_at(place, expr))
            }
            Node::Filter { input, .. } | Node::Limit { input, .. } | Node::Apply { input, .. } => {
                self.is_ordered_by(input, place, expr)
            }
            Node::IndexJoin { left, .. } => self.is_ordered_by(left, place, expr),
            Node::HashJoin { kind, left, on, .. } | Node::MergeJoin { kind, left, on, .. } => {
                // What equals the left side's key in every row is ordered as that is.
                let is_equal = |part: &Expr| match part {
                    Expr::Compare(Comparison::Equal, a, b) if *kind == JoinKind::Inner => {
                        (**a == *expr && self.is_ordered_by(left, place, b))
                            || (**b == *expr && self.is_ordered_by(left, place, a))
                    }
                    _ => false,
                };
                *kind != JoinKind::Full && (self.is_ordered_by(left, place, expr) || on.iter().any(is_equal))
            }
            _ => false,
        }
    }

    /// What orders the rows of a scan.
    fn ordering(&self, scan: &Scan, source: Source) -> Option<Ordering<'_>> {
        let definition = self.table(scan.table).ok()?;
        match &scan.access {
            _ if scan.reverse => None,
            Access::Index { index, prefixes, .. } => match prefixes.as_slice() {
                [prefix] => {
                    Some(Ordering::Index(definition, definition.index(*index)?, prefix.len(), source))
                }
                _ => None,
            },
            _ => Some(Ordering::RowIds(definition, source)),
        }
    }
}

impl Ordering<'_> {
    /// Whether this expression is what is at a place of the order, ascending.
    fn has_at(&self, place: usize, expr: &Expr) -> bool {
        match self {
            Ordering::RowIds(definition, source) => place == 0 && is_row_id(definition, *source, expr),
            Ordering::Index(definition, index, fixed, source) => {
                let subjects = Subjects::of(definition, *source);
                let Some((subject, _)) = subjects.find(expr) else {
                    return false;
                };
                let mut parts = index.parts.iter().zip(subjects.of_index(index)).skip(*fixed);
                parts.nth(place).is_some_and(|(part, at)| at == subject && !part.descending)
            }
        }
    }
}

/// Whether an expression is the row id of a table.
fn is_row_id(definition: &TableDefinition, source: Source, expr: &Expr) -> bool {
    let Expr::Column(column) = expr else { return false };
    column.source() == source && (column.is_row_id() || definition.row_id_column() == Some(column.index()))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::Database;
    use crate::sql::Connection;

    /// Tables `a` and `b` of 3,000 rows with the same ids but some, and an index on a key of which there are many.
    fn connection() -> Connection {
        let mut connection = Connection::new(Database::new());
        for (table, step) in [("a", 2), ("b", 3)] {
            let create = format!(
                "CREATE TABLE {table} (id BIGINT PRIMARY KEY, key INTEGER, word TEXT, place INTEGER);
                 CREATE INDEX {table}_key ON {table} (key, place); CREATE INDEX {table}_word ON {table} (lower(word))"
            );
            connection.execute(&create, &[]).unwrap();
            let mut rows = format!("INSERT INTO {table} VALUES ");
            for n in 0..3_000_i64 {
                let key = if n % 50 == 0 { "NULL".to_owned() } else { (n % 97 * step).to_string() };
                let comma = if n == 0 { "" } else { ", " };
                write!(rows, "{comma}({}, {key}, 'Word{}', {})", n * step, n % 300, n % 5).unwrap();
            }
            connection.execute(&rows, &[]).unwrap();
        }
        connection
    }

    fn plan(connection: &Connection, sql: &str) -> String {
        connection.session().explain(&connection.read(sql).unwrap()).unwrap().to_string()
    }

    #[test]
    fn keys_that_come_in_order_are_merged() {
        let connection = connection();
        for (join, way) in [
            ("a JOIN b ON a.id = b.id", "Merge join"),
            ("a JOIN b ON a.id = b.id AND a.place < b.place", "Merge join"),
            ("a LEFT JOIN b ON a.id = b.id", "Merge left join"),
            ("a FULL JOIN b ON a.id = b.id", "Hash full join"),
            ("a JOIN b ON a.id = b.place", "Hash join"),
            ("a JOIN b ON a.id = b.id JOIN b AS c ON c.id = b.id", "Merge join"),
        ] {
            let plan = plan(&connection, &format!("SELECT a.word, b.word FROM {join}"));
            assert!(plan.contains(way), "{join}\n{plan}");
        }
        let three = plan(
            &connection,
            "SELECT a.word, b.word, c.word FROM a JOIN b ON a.id = b.id JOIN b AS c ON c.id = b.id",
        );
        assert_eq!(three.matches("Merge join").count(), 2, "{three}");
        let semi = plan(&connection, "SELECT a.word FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id = a.id)");
        assert!(semi.contains("Merge semi-join"), "{semi}");
    }

    #[test]
    fn what_is_merged_has_the_rows_of_the_other_ways() {
        let connection = connection();
        let mut merged = 0;
        for sql in [
            "SELECT a.id, b.word FROM a JOIN b ON a.id = b.id",
            "SELECT a.id, b.word FROM a LEFT JOIN b ON a.id = b.id AND b.place > 2",
            "SELECT a.id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.id = a.id AND b.place > a.place)",
            "SELECT a.id, b.id FROM a JOIN b ON a.key = b.key WHERE a.key > 180 AND b.key > 180",
            "SELECT a.id, b.id FROM a JOIN b ON a.key = b.key AND a.place = b.place WHERE a.key > 180 AND b.key > 180",
            "SELECT a.id FROM a WHERE a.key < 8 AND a.key IN (SELECT b.key FROM b WHERE b.key < 9)",
            "SELECT a.id, b.id FROM a JOIN b ON lower(a.word) = lower(b.word)
             WHERE lower(a.word) < 'word12' AND lower(b.word) < 'word11'",
        ] {
            let query = connection.read(sql).unwrap();
            let race = connection.session().race(&query, &[], 1).unwrap();
            let plans =
                race.contestants.iter().map(|contestant| contestant.alternative.explanation().to_string());
            merged += plans.filter(|plan| plan.contains("Merge ")).count();
        }
        assert!(merged >= 7, "{merged}");
    }
}
