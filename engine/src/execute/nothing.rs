//! Plans that yield nothing, found out before their operators are made.
//!
//! Many questions find nothing, and to make operators ready takes longer than to see that. What is known is where the
//! rows of paths are that were counted for the plan's premises, and at one row id it is a look whether there is a row. An
//! operator that yields nothing of nothing is not made above such a scan. What would have failed for rows of the other
//! side of a join does not, then, as in any order of a join that looks at the empty side first.

use std::ops::Range;

use nuages_storage::RowId;

use super::ranges::Ranks;
use super::scope::Scope;
use crate::algebra::{JoinKind, SetKind};
use crate::evaluate::Context;
use crate::plan::{Access, Node, Plan, RowCount, Scan, Top};

/// Whether it is known, or found out by few looks, that a plan yields no row, and that its run would not fail. Not to be
/// asked where what is read is noted or measured.
pub(super) fn yields_nothing(plan: &Plan, scope: &Scope<'_>, context: &Context<'_>) -> bool {
    let nothing = |plan: &Plan| yields_nothing(plan, scope, context);
    match &plan.node {
        Node::Values(rows) => rows.is_empty(),
        Node::Scan(scan) => match scope.ranks(scan) {
            Some(ranks) => is_counted_empty(scan, ranks),
            None => has_no_such_row(scan, scope, context),
        },
        Node::Filter { input, .. }
        | Node::Project { input, .. }
        | Node::Window { input, .. }
        | Node::Distinct { input, .. }
        | Node::Apply { input, .. } => nothing(input),
        Node::Sort { input, top, .. } => top.as_ref().is_none_or(is_fixed) && nothing(input),
        Node::Limit { input, offset, count } => {
            offset.fixed().is_some()
                && count.as_ref().is_none_or(|count| count.fixed().is_some())
                && nothing(input)
        }
        // Without keys there is one group, also over no row.
        Node::Aggregate { input, keys, .. } => !keys.is_empty() && nothing(input),
        Node::HashJoin { kind, left, right, .. }
        | Node::MergeJoin { kind, left, right, .. }
        | Node::NestedLoop { kind, left, right, .. } => match kind {
            JoinKind::Inner | JoinKind::Semi => nothing(left) || nothing(right),
            JoinKind::Left | JoinKind::Anti => nothing(left),
            JoinKind::Full => nothing(left) && nothing(right),
        },
        Node::IndexJoin { kind, left, .. } | Node::Lateral { kind, left, .. } => {
            *kind != JoinKind::Full && nothing(left)
        }
        Node::Set { kind, left, right, .. } => match kind {
            SetKind::Union => nothing(left) && nothing(right),
            SetKind::Intersect => nothing(left) || nothing(right),
            SetKind::Except => nothing(left),
        },
        Node::Unit
        | Node::Count(..)
        | Node::With { .. }
        | Node::Recursive { .. }
        | Node::WorkTable { .. }
        | Node::Measured { .. } => false,
    }
}

/// Whether a scan whose path has its rows there has none. What is computed to leave rows out may be an error.
pub(super) fn is_counted_empty(scan: &Scan, ranks: &Ranks) -> bool {
    ranks.iter().all(Range::is_empty) && scan.offset.fixed().is_some()
}

/// Whether a scan asks for one row, by its id, that is not there.
fn has_no_such_row(scan: &Scan, scope: &Scope<'_>, context: &Context<'_>) -> bool {
    let Access::RowIds(ids) = &scan.access else { return false };
    let ([id], Some(table), Some(_)) = (&ids[..], scope.version().table(scan.table), scan.offset.fixed())
    else {
        return false;
    };
    id.value_lent(context).is_ok_and(|id| id.as_int().is_none_or(|id| table.get(RowId::new(id)).is_none()))
}

/// Whether how many rows are wanted is known, and so cannot be an error.
fn is_fixed(top: &Top) -> bool {
    let is_fixed = |count: &RowCount| count.fixed().is_some();
    is_fixed(&top.offset) && is_fixed(&top.count)
}

#[cfg(test)]
mod tests {
    use nuages_storage::Value;

    use super::*;
    use crate::batch::Batch;
    use crate::catalog::Catalog;
    use crate::execute::open;
    use crate::optimize::premise::{Counted, link};
    use crate::optimize::{self, PlannedFor};
    use crate::prepared::Prepared;
    use crate::sql::Connection;
    use crate::{Database, Session};

    fn songs() -> Connection {
        let mut connection = Connection::new(Database::new());
        connection
            .execute(
                "CREATE TABLE album (id INTEGER PRIMARY KEY, title TEXT NOT NULL);
                 CREATE TABLE song (id INTEGER PRIMARY KEY, album INTEGER NOT NULL, plays INTEGER NOT NULL);
                 CREATE INDEX song_album ON song (album); CREATE INDEX song_plays ON song (plays);
                 INSERT INTO album SELECT n, 'album' FROM generate_series(1, 100) AS g (n);
                 INSERT INTO song SELECT n, n % 100 + 1, n FROM generate_series(1, 1000) AS g (n)",
                &[],
            )
            .unwrap();
        connection
    }

    /// Whether a query is known to yield nothing, and how many rows its operators yield.
    fn known_and_yielded(connection: &Connection, sql: &str, values: &[Value]) -> (bool, usize) {
        let version = connection.database().version().unwrap();
        let query = connection.read(sql).unwrap();
        let PlannedFor { mut plan, premises, .. } =
            optimize::plan_for(&query, Catalog::of(&version), &version, values).unwrap();
        link(&mut plan, &premises);
        let (context, mut counted) = (Context::new(values), Counted::default());
        assert!(counted.all_hold(&premises, &version, &context), "{sql}");
        let scope = Scope::new(&version).knowing(Some(&counted));
        let (mut operator, mut batch, mut rows) = (open(&plan, &scope), Batch::default(), 0);
        while operator.next(&mut batch, &context).unwrap() {
            rows += batch.count();
        }
        (yields_nothing(&plan, &scope, &context), rows)
    }

    #[test]
    fn what_is_known_to_yield_nothing_yields_nothing_and_what_yields_rows_is_not() {
        let connection = songs();
        for (sql, some, none) in [
            ("SELECT id FROM song WHERE album = $1", 7, 101),
            ("SELECT id FROM song WHERE plays > $1 AND plays < 10", 3, 10),
            ("SELECT id + 1 FROM song WHERE album = $1 AND plays > 3", 7, 101),
            ("SELECT id, plays FROM song WHERE album = $1 ORDER BY plays DESC, id", 7, 101),
            ("SELECT id FROM song WHERE album = $1 ORDER BY plays LIMIT 3", 7, 101),
            ("SELECT album, count(*) FROM song WHERE album = $1 GROUP BY album", 7, 101),
            ("SELECT DISTINCT plays % 2 FROM song WHERE album = $1", 7, 101),
            ("SELECT title, plays FROM album JOIN song ON song.album = album.id WHERE album.id = $1", 7, 101),
            (
                "SELECT title, plays FROM song LEFT JOIN album ON song.album = album.id WHERE song.id = $1",
                7,
                1001,
            ),
            ("SELECT id FROM song WHERE album = $1 UNION ALL SELECT id FROM album WHERE id = $1", 7, 101),
            ("SELECT id, sum(plays) OVER (ORDER BY id) FROM song WHERE album = $1", 7, 101),
        ] {
            let (known, rows) = known_and_yielded(&connection, sql, &[Value::Int(some)]);
            assert!(!known && rows > 0, "{sql}: {rows}");
            let (known, rows) = known_and_yielded(&connection, sql, &[Value::Int(none)]);
            assert!(known && rows == 0, "{sql}: {known}, {rows}");
        }
    }

    #[test]
    fn rows_that_are_made_of_nothing_come() {
        let connection = songs();
        for sql in [
            "SELECT count(*), sum(plays) FROM song WHERE album = $1",
            "SELECT id FROM song WHERE album = $1 UNION ALL SELECT 1",
            "SELECT a.id FROM (SELECT 1 AS id) AS a LEFT JOIN song ON song.album = $1 AND song.plays = a.id",
        ] {
            let (known, rows) = known_and_yielded(&connection, sql, &[Value::Int(101)]);
            assert!(!known && rows == 1, "{sql}: {rows}");
        }
    }

    #[test]
    fn a_row_count_is_refused_over_nothing_too() {
        let connection = songs();
        let query = connection.read("SELECT id FROM song WHERE album = $1 LIMIT $2").unwrap();
        let db = connection.database();
        let prepared = Prepared::new(db, query).unwrap();
        for (count, is_good) in [(3, true), (-1, false), (3, true)] {
            let ran = db.run(&prepared, &[Value::Int(101), Value::Int(count)], &mut |_| Ok(()));
            assert_eq!(ran.is_ok(), is_good, "{count}");
        }
    }
}
