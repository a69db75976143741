//! What several aggregates of a grouping compute of a row, computed once.
//!
//! `sum(price * (1 - discount)), sum(price * (1 - discount) * (1 + tax)), avg(discount)` has one product in it twice,
//! and reads `discount` three times. What occurs twice becomes a column of its own, and decimals that are read twice
//! are taken out of their leaf once. Only what some aggregate computes for every row is taken: what is behind a
//! condition, or below an aggregate's FILTER, may fail in rows that never come to it.

use super::planner::Planner;
use crate::algebra::{Column, Expr};
use crate::plan::PlanColumn;
use nuages_storage::DataType;

/// The most parts of expressions that are compared with each other.
const PARTS_MAX: usize = 200;

/// What is shared by some expressions.
pub(super) struct SharedParts {
    /// What is computed, and as which column; a later one may mention an earlier one.
    pub(super) computed: Vec<(Column, Expr)>,
    /// The columns of decimals that are read more than once, as places in the input.
    pub(super) decimals: Vec<usize>,
}

impl Planner<'_> {
    /// Takes out of expressions over these columns what occurs more than once in them. Of each is said whether it is
    /// computed for every row.
    pub(super) fn share_parts(
        &mut self,
        exprs: &mut [Expr],
        is_for_all: &[bool],
        columns: &[PlanColumn],
    ) -> SharedParts {
        let mut computed: Vec<(Column, Expr)> = Vec::new();
        if exprs.iter().filter(|expr| is_computed(expr)).nth(1).is_some() {
            let source = self.fresh_source();
            while let Some(found) = repeated(exprs, is_for_all, &computed) {
                let column = source.column(computed.len());
                let before = computed.iter_mut().map(|(_, expr)| expr);
                exprs.iter_mut().chain(before).for_each(|expr| replace(expr, &found, column));
                computed.push((column, found));
            }
            // The largest was found first, and what is within it after it.
            computed.reverse();
        }
        let is_read_again = |column: &PlanColumn| {
            let reads = |expr: &Expr| occurrences(expr, &Expr::Column(column.column));
            exprs.iter().chain(computed.iter().map(|(_, expr)| expr)).map(reads).sum::<usize>() > 1
        };
        let places = columns.iter().enumerate();
        let decimals = places
            .filter(|(_, column)| {
                matches!(column.data_type, DataType::Decimal { .. }) && is_read_again(column)
            })
            .map(|(place, _)| place)
            .collect();
        SharedParts { computed, decimals }
    }
}

/// The largest part that occurs more than once, and once at least where it is computed for every row.
fn repeated(exprs: &[Expr], is_for_all: &[bool], computed: &[(Column, Expr)]) -> Option<Expr> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    for (expr, is_for_all) in exprs.iter().zip(is_for_all) {
        add_parts(expr, *is_for_all, &mut parts);
    }
    for expr in computed.iter().flat_map(|(_, expr)| expr.children()) {
        add_parts(expr, true, &mut parts);
    }
    if parts.len() > PARTS_MAX {
        return None;
    }
    let is_shared = |part: &&Part<'_>| {
        let same = || parts.iter().filter(|other| other.size == part.size && other.expr == part.expr);
        same().count() > 1 && same().any(|other| other.is_for_all) && !part.expr.is_volatile()
    };
    parts.iter().filter(is_shared).max_by_key(|part| part.size).map(|part| part.expr.clone())
}

/// A part of an expression that is computed.
struct Part<'e> {
    expr: &'e Expr,
    size: usize,
    is_for_all: bool,
}

/// Adds what is computed in an expression, and returns of how many parts it is made.
fn add_parts<'e>(expr: &'e Expr, is_for_all: bool, parts: &mut Vec<Part<'e>>) -> usize {
    // Which operands of these are computed depends on the others.
    let is_choice = matches!(expr, Expr::And(_) | Expr::Or(_) | Expr::Case { .. } | Expr::Call(..));
    let mut size = 1;
    expr.each_child(&mut |child| size += add_parts(child, is_for_all && !is_choice, parts));
    if is_computed(expr) && has_column(expr) {
        parts.push(Part { expr, size, is_for_all });
    }
    size
}

fn is_computed(expr: &Expr) -> bool {
    !matches!(expr, Expr::Column(_) | Expr::Literal(_) | Expr::Parameter(..))
}

fn has_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(_)) || expr.any_child(has_column)
}

fn replace(expr: &mut Expr, found: &Expr, by: Column) {
    if expr == found {
        *expr = Expr::Column(by);
    } else {
        expr.children_mut().into_iter().for_each(|child| replace(child, found, by));
    }
}

fn occurrences(expr: &Expr, of: &Expr) -> usize {
    let mut count = usize::from(expr == of);
    expr.each_child(&mut |child| count += occurrences(child, of));
    count
}

#[cfg(test)]
mod tests {
    use crate::plan::{Node, Plan};
    use crate::sql::Connection;
    use crate::{Database, Session};

    fn connection() -> Connection {
        let mut connection = Connection::new(Database::new());
        for statement in [
            "CREATE TABLE t (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, a NUMERIC(8, 2), b NUMERIC(8, 2), n INTEGER)",
            "INSERT INTO t SELECT g, 'kind ' || g % 3, g + 0.25, CASE WHEN g % 7 > 0 THEN g * 0.5 END, g % 10
                 FROM generate_series(1, 500) AS s (g)",
        ] {
            connection.execute(statement, &[]).unwrap();
        }
        connection
    }

    /// How much is computed once for several aggregates, and how many columns of decimals are read once.
    fn shared(connection: &Connection, sql: &str) -> (usize, usize) {
        fn find(plan: &Plan) -> Option<(usize, usize)> {
            match &plan.node {
                Node::Aggregate { shared, .. } => Some((shared.computed.len(), shared.decimals.len())),
                Node::Project { input, .. } | Node::Sort { input, .. } => find(input),
                _ => None,
            }
        }
        let prepared = crate::Prepared::new(connection.database(), connection.read(sql).unwrap()).unwrap();
        find(prepared.plan()).unwrap()
    }

    #[test]
    fn what_aggregates_have_in_common_is_computed_once() {
        let connection = connection();
        for (sql, expected) in [
            ("SELECT sum(a * (1 - b)), sum(a * (1 - b) * (1 + a)), avg(b) FROM t", (1, 2)),
            ("SELECT sum(a * (1 - b)), sum((1 - b) * n), max(1 - b) FROM t GROUP BY kind", (1, 0)),
            ("SELECT sum(n * n + 1), max(n * n + 1), sum(n * n) FROM t", (2, 0)),
            ("SELECT sum(a), avg(a), count(*) FROM t GROUP BY kind", (0, 1)),
            ("SELECT sum(a), sum(b), count(*) FROM t GROUP BY kind", (0, 0)),
            // What a filter says is computed for all rows, and what is behind it only where it is true.
            ("SELECT sum(10 / n) FILTER (WHERE n > 0), max(10 / n) FILTER (WHERE n > 0) FROM t", (1, 0)),
            (
                "SELECT sum(CASE WHEN n > 0 THEN 10 / n END), max(CASE WHEN n > 0 THEN 10 / n END + 1) FROM t",
                (1, 0),
            ),
            ("SELECT sum(random()), max(random()) FROM t", (0, 0)),
        ] {
            assert_eq!(shared(&connection, sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_is_shared_gives_what_each_would_give_alone() {
        let connection = connection();
        let query =
            |sql: &str| connection.database().query(&connection.read(sql).unwrap(), &[]).unwrap().rows;
        let aggregates = [
            "sum(a * (1 - b))",
            "sum(a * (1 - b) * (1 + a))",
            "avg(b)",
            "sum(b) FILTER (WHERE n > 3)",
            "max(a * (1 - b)) FILTER (WHERE b > 100)",
            "sum(CASE WHEN n > 0 THEN 10 / n END)",
            "count(DISTINCT a * (1 - b))",
            "min(CASE WHEN n > 0 THEN 10 / n END + 1)",
            "string_agg(kind || n, ',' ORDER BY a * (1 - b), id)",
        ];
        let together =
            query(&format!("SELECT kind, {} FROM t GROUP BY kind ORDER BY kind", aggregates.join(", ")));
        for (place, aggregate) in aggregates.iter().enumerate() {
            let alone = query(&format!("SELECT kind, {aggregate} FROM t GROUP BY kind ORDER BY kind"));
            let of_all: Vec<_> =
                together.iter().map(|row| vec![row[0].clone(), row[place + 1].clone()]).collect();
            assert_eq!(of_all, alone, "{aggregate}");
        }
    }
}
