//! Groups that a query computes twice, computed once.
//!
//! A view of sums is asked for its rows, and for the greatest of them; a subquery in HAVING adds up what the query adds
//! up, too. Whether two relations are the same shows when conditions have gone down: of a view that is asked for other
//! rows each time nothing is left that both compute. Only groups are shared, for there are fewer of them than of the rows
//! that they are of, and these have to be read to the end anyhow. They become a work table around the query, which is
//! computed when its first row is asked for, and not if none is.

use super::super::planner::Planner;
use crate::algebra::renumber::normal;
use crate::algebra::walk::{
    each_expression, each_relation_mut, each_subquery_mut, free_columns, is_volatile,
};
use crate::algebra::{Expr, OutputColumn, Query, Relation, Source, WorkTable};

/// Lets groups that are computed more than once be read from a work table.
pub(in crate::optimize) fn regroup(root: Relation, planner: &Planner<'_>) -> Relation {
    if !has_groups_twice(&root, planner.has_subquery) {
        return root;
    }
    let mut query = without_columns(root.clone());
    each_subquery_mut(&mut query.relation, &mut |query| {
        let relation = std::mem::replace(&mut query.relation, Relation::Unit);
        query.relation = planner.pushed(relation);
    });
    let mut tables = Vec::new();
    while let Some(twice) = groups_that_come_twice(&mut query) {
        let table = WorkTable::new(free_number(&mut query) + tables.len() as u32);
        tables.push((table, share(&mut query, &twice, table)));
    }
    if tables.is_empty() {
        return root;
    }
    // What was found later may be within what was found before it, and is defined around that.
    tables.into_iter().fold(query.relation, |input, (table, rows)| {
        let rows = Box::new(rows);
        Relation::With { table, rows, input: Box::new(input) }
    })
}

fn without_columns(relation: Relation) -> Query {
    Query::new(relation, Vec::<OutputColumn>::new())
}

/// Whether there is more than one grouping anywhere in a relation. Most queries have no subquery to look into.
fn has_groups_twice(relation: &Relation, has_subquery: bool) -> bool {
    fn within(expr: &Expr, count: &mut usize) {
        match expr {
            Expr::Scalar(query) | Expr::InQuery(_, query) => below(&query.relation, true, count),
            Expr::Exists(relation) => below(relation, true, count),
            _ => {}
        }
        expr.each_child(&mut |child| within(child, count));
    }
    fn below(relation: &Relation, has_subquery: bool, count: &mut usize) {
        *count += usize::from(matches!(relation, Relation::Aggregate { .. }));
        if has_subquery {
            each_expression(relation, &mut |expr| within(expr, count));
        }
        relation.each_input(&mut |input| below(input, has_subquery, count));
        relation.each_query(&mut |query| below(&query.relation, has_subquery, count));
    }
    let mut count = 0;
    below(relation, has_subquery, &mut count);
    count > 1
}

/// Groups as they are numbered by [`normal`], if who computes them may do so anywhere: they mention nothing outside, no
/// work table, and are not drawn by lot.
fn shareable(relation: &Relation) -> Option<Query> {
    if !matches!(relation, Relation::Aggregate { .. }) {
        return None;
    }
    let mut query = without_columns(relation.clone());
    let mut has_work_table = false;
    each_relation_mut(&mut query, &mut |relation| {
        let of_work_table = matches!(
            relation,
            Relation::WorkTable { .. } | Relation::With { .. } | Relation::Recursive { .. }
        );
        has_work_table |= of_work_table;
    });
    let is_closed = !has_work_table && free_columns(&query).is_empty() && !is_volatile(&query);
    is_closed.then(|| normal(query))
}

/// The first groups, those that others are within before these, that come more than once.
fn groups_that_come_twice(query: &mut Query) -> Option<Query> {
    let mut found: Vec<Query> = Vec::new();
    each_relation_mut(query, &mut |relation| found.extend(shareable(relation)));
    let place = (0..found.len()).find(|place| found[place + 1..].contains(&found[*place]))?;
    Some(found.swap_remove(place))
}

/// Puts a work table wherever these groups are. Returns them.
fn share(query: &mut Query, groups: &Query, table: WorkTable) -> Query {
    let mut rows = None;
    each_relation_mut(query, &mut |relation| {
        if shareable(relation).as_ref() == Some(groups)
            && let Relation::Aggregate { source, keys, aggregates, .. } = relation
        {
            let (source, width) = (*source, keys.len() + aggregates.len());
            // (Which types its columns have is known to who has planned the rows.)
            let read = Relation::WorkTable { table, source, types: Vec::new() };
            let groups = std::mem::replace(relation, read);
            rows.get_or_insert_with(|| Query::new(groups, columns_of(source, width)));
        }
    });
    rows.unwrap_or_else(|| groups.clone())
}

/// The first columns of a source, without names.
fn columns_of(source: Source, width: usize) -> Vec<OutputColumn> {
    (0..width).map(|place| OutputColumn::new("", Expr::Column(source.column(place)))).collect()
}

/// The least number beyond those of the work tables that a query defines or reads.
fn free_number(query: &mut Query) -> u32 {
    let mut free = 0;
    each_relation_mut(query, &mut |relation| {
        if let Relation::With { table, .. }
        | Relation::Recursive { table, .. }
        | Relation::WorkTable { table, .. } = relation
        {
            free = free.max(table.number() + 1);
        }
    });
    free
}

#[cfg(test)]
mod tests {
    use crate::plan::{Node, Plan};
    use crate::sql::Connection;
    use crate::{Database, Prepared};

    fn connection() -> Connection {
        let mut connection = Connection::new(Database::new());
        for statement in [
            "CREATE TABLE item (id INTEGER PRIMARY KEY, seller INTEGER NOT NULL, price INTEGER, day INTEGER NOT NULL)",
            "INSERT INTO item SELECT g, g % 7, CASE WHEN g % 5 > 0 THEN g % 31 END, g % 4
                 FROM generate_series(1, 200) AS s (g)",
            "CREATE VIEW revenue (seller, total) AS
                 SELECT seller, sum(price) FROM item WHERE day < 2 GROUP BY seller",
        ] {
            connection.execute(statement, &[]).unwrap();
        }
        connection
    }

    /// How many work tables a query defines, and how often it scans a table.
    fn tables_and_scans(connection: &Connection, sql: &str) -> (usize, usize) {
        fn count(plan: &mut Plan, found: &mut (usize, usize)) {
            found.0 += usize::from(matches!(plan.node, Node::With { .. }));
            found.1 += usize::from(matches!(plan.node, Node::Scan(_)));
            plan.each_input_mut(&mut |input| count(input, found));
        }
        let prepared = Prepared::new(connection.database(), connection.read(sql).unwrap()).unwrap();
        let mut found = (0, 0);
        count(&mut prepared.plan().clone(), &mut found);
        found
    }

    fn rows(connection: &mut Connection, sql: &str) -> Vec<Vec<String>> {
        let rows = connection.query(sql, &[]).unwrap().rows;
        rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
    }

    const GREATEST: &str =
        "SELECT seller, total FROM revenue WHERE total = (SELECT max(total) FROM revenue) ORDER BY seller";

    #[test]
    fn groups_that_are_read_twice_are_computed_once() {
        let connection = connection();
        for sql in [
            GREATEST,
            "SELECT a.seller FROM revenue a JOIN revenue b ON a.total = b.total AND a.seller < b.seller",
            "SELECT a.seller, (SELECT count(*) FROM revenue b WHERE b.total > a.total) FROM revenue a",
            // The conditions of both go below the groups, and are the same there.
            "SELECT a.total FROM revenue a, revenue b WHERE a.seller = 3 AND b.seller = 3",
            "SELECT seller FROM item GROUP BY seller HAVING sum(price) > 10
                 UNION ALL SELECT max(n) FROM (SELECT seller AS n FROM item GROUP BY seller HAVING sum(price) > 10) s",
        ] {
            assert_eq!(tables_and_scans(&connection, sql), (1, 1), "{sql}");
        }
    }

    #[test]
    fn groups_that_differ_or_depend_on_more_than_tables_are_computed_each() {
        let connection = connection();
        for sql in [
            "SELECT a.total FROM revenue a, revenue b WHERE a.seller = 3 AND b.seller = 4",
            "SELECT (SELECT sum(price) FROM item), (SELECT sum(day) FROM item)",
            "SELECT (SELECT sum(random()) FROM item), (SELECT sum(random()) FROM item)",
            "SELECT (SELECT sum(price) FROM item i WHERE i.id < o.id), (SELECT sum(price) FROM item i WHERE i.id < o.id)
                 FROM item o",
        ] {
            assert_eq!(tables_and_scans(&connection, sql).0, 0, "{sql}");
        }
    }

    #[test]
    fn shared_groups_give_the_rows_of_those_that_are_not() {
        let mut connection = connection();
        let alone = rows(&mut connection, "SELECT seller, total FROM revenue ORDER BY total DESC, seller");
        let greatest: Vec<_> = alone.iter().filter(|row| row[1] == alone[0][1]).cloned().collect();
        assert_eq!(rows(&mut connection, GREATEST), greatest);
        let ranked =
            "SELECT a.seller, a.total, (SELECT count(*) FROM revenue b WHERE b.total > a.total) AS before
             FROM revenue a ORDER BY before, a.seller";
        for row in rows(&mut connection, ranked) {
            let before = alone
                .iter()
                .filter(|other| other[1].parse::<i64>().unwrap() > row[1].parse::<i64>().unwrap());
            assert_eq!(row[2], before.count().to_string(), "{row:?}");
        }
    }

    #[test]
    fn shared_groups_stand_beside_common_tables_and_within_them() {
        let mut connection = connection();
        let sum = "SELECT sum(total) FROM revenue";
        let [total] = &rows(&mut connection, sum)[0][..] else { panic!("one column") };
        let mixed = format!(
            "WITH t AS MATERIALIZED (SELECT count(*) AS n FROM revenue WHERE total > (SELECT min(total) FROM revenue)),
                  u AS MATERIALIZED (SELECT ({sum}) AS s, ({sum}) AS again FROM t)
             SELECT t.n, u.s, u.again, ({sum}) FROM t, u, t AS t2"
        );
        let sellers = rows(&mut connection, "SELECT count(*) FROM revenue")[0][0].parse::<i64>().unwrap();
        let row = &rows(&mut connection, &mixed)[0];
        assert!(row[0].parse::<i64>().unwrap() < sellers, "{row:?}");
        assert_eq!(row[1..], [total.clone(), total.clone(), total.clone()]);
    }

    #[test]
    fn shared_groups_are_computed_anew_in_each_run() {
        let mut connection = connection();
        connection.execute("PREPARE greatest AS SELECT total FROM revenue WHERE total = (SELECT max(total) FROM revenue) LIMIT 1", &[]).unwrap();
        let first = rows(&mut connection, "EXECUTE greatest");
        connection.execute("INSERT INTO item VALUES (1000, 3, 100000, 0)", &[]).unwrap();
        let second = rows(&mut connection, "EXECUTE greatest");
        assert!(second[0][0].parse::<i64>().unwrap() > first[0][0].parse::<i64>().unwrap() + 90_000);
    }
}
