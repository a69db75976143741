//! What a plan costs: the time it is thought to take on one core, in microseconds.
//!
//! Every operator has a constant or two, measured by `cargo run --release -p nuages-benches --bin calibrate`, which
//! runs each operator on 100,000 rows and prints its time a row beside the constant here. They are of one machine (the
//! figures of the README's), but only their ratios decide, and those are alike on others.
//!
//! A cost has two parts, as PostgreSQL's have: what it takes until the first row, and all. A limit above an operator
//! that streams pays only for the part of it that is run. `of` walks a finished plan; the functions before it price one
//! operator and are what the planner compares while it chooses.

use nuages_storage::{DataType, TableId, Value};

use crate::algebra::walk;
use crate::algebra::{Expr, JoinKind};
use crate::plan::{Access, Estimate, Node, Plan, RowCount, Scan, Subquery, SubqueryKind};

/// A row of a leaf that is scanned.
pub(crate) const SCAN: f64 = 0.002;
/// A condition evaluated on a row.
pub(crate) const TEST: f64 = 0.0015;
/// The same if it looks at texts, in addition: what it reads of a leaf lies in more places. (Of TPC-H's query 10.)
pub(crate) const TEXT: f64 = 0.006;
/// A row fetched by its id.
pub(crate) const FETCH: f64 = 0.065;
/// A row fetched through an index.
pub(crate) const INDEX: f64 = 0.07;
/// An entry of an index that is read for its row id, which is compared with those of others.
pub(crate) const ENTRY: f64 = 0.01;
/// An index looked into for a key.
pub(crate) const DESCEND: f64 = 0.095;
/// A row put into the hash table of a join, and one that probes it.
pub(crate) const BUILD: f64 = 0.02;
pub(crate) const PROBE: f64 = 0.008;
/// A row that marks rows in a hash table, if there are any: as a rule there are not. (Of TPC-H's query 21.)
pub(crate) const MARK: f64 = 0.004;
/// A row of either side of a merge join; one of the right side is copied, too.
pub(crate) const MERGE: f64 = 0.01;
/// A pair of rows that a nested loop tests.
pub(crate) const PAIR: f64 = 0.005;
/// A row that a join yields.
pub(crate) const JOINED: f64 = 0.004;
/// A row that is sorted.
pub(crate) const SORT: f64 = 0.045;
/// A row that is grouped by keys, or compared with those seen before, and a value that is aggregated.
pub(crate) const GROUP: f64 = 0.01;
pub(crate) const AGGREGATE: f64 = 0.0015;
/// A value that is computed.
pub(crate) const COMPUTE: f64 = 0.003;
/// A subquery begun.
pub(crate) const BEGIN: f64 = 0.5;
/// What any operator takes at least.
pub(crate) const OPERATOR: f64 = 0.1;

/// The constants by name, for the program that measures them.
pub const CONSTANTS: [(&str, f64); 15] = [
    ("scan", SCAN),
    ("test", TEST),
    ("fetch", FETCH),
    ("index", INDEX),
    ("entry", ENTRY),
    ("descend", DESCEND),
    ("build", BUILD),
    ("probe", PROBE),
    ("merge", MERGE),
    ("pair", PAIR),
    ("joined", JOINED),
    ("sort", SORT),
    ("group", GROUP),
    ("aggregate", AGGREGATE),
    ("compute", COMPUTE),
];

/// Microseconds until the first row, and until the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    pub(crate) first: f64,
    pub(crate) all: f64,
}

impl Cost {
    /// Of an operator that yields its first row at once.
    fn streaming(all: f64) -> Cost {
        Cost { first: OPERATOR, all: OPERATOR + all }
    }

    /// What streams this, and takes this much more.
    fn then(self, more: f64) -> Cost {
        Cost { first: self.first, all: self.all + more }
    }

    /// What has to see all of this and takes this much to do it, and this much to yield the result.
    fn blocking(self, work: f64, yielding: f64) -> Cost {
        Cost { first: self.all + work, all: self.all + work + yielding }
    }
}

/// The rows of an access path; `visited` are those it has, or of an intersection the entries of all its paths.
pub(crate) fn path(access: &Access, visited: f64, scan_row: f64) -> f64 {
    match access {
        Access::All | Access::RowRange(_) => visited * scan_row,
        Access::RowIds(_) => visited * FETCH,
        Access::Index { .. } | Access::Union(_) => DESCEND + visited * INDEX,
        Access::Intersection(paths) => DESCEND * paths.len() as f64 + visited * ENTRY,
    }
}

/// A hash join beside its inputs.
pub(crate) fn hash_join(probing: f64, built: f64, joined: f64) -> f64 {
    built * BUILD + probing * PROBE + joined * JOINED
}

/// A semi- or anti-join whose right side marks the rows of the left side.
pub(crate) fn marking_join(left: f64, right: f64) -> f64 {
    left * BUILD + right * MARK
}

/// Whether a hash join numbers the keys of its left rows, rather than those of its right rows. An inner join has the
/// fewer rows on its right side anyhow; a left join has not the choice.
pub(crate) fn hashes_left(kind: JoinKind, left: f64, right: f64) -> bool {
    kind == JoinKind::Left && left * 2.0 < right
}

/// A hash join of a kind beside its inputs.
pub(crate) fn hash_join_of(kind: JoinKind, left: f64, right: f64, joined: f64) -> f64 {
    match hashes_left(kind, left, right) {
        true => hash_join(right, left, joined),
        false => hash_join(left, right, joined),
    }
}

/// A merge join beside its inputs.
pub(crate) fn merge_join(left: f64, right: f64, joined: f64) -> f64 {
    left * MERGE + right * (MERGE + JOINED) + joined * JOINED
}

/// Rows up to which a table is in the cache, for the most part: the nodes on the way to a row, and what is read of it.
const NEAR_ROWS: f64 = 32_768.0;
/// By how much of itself a look-up is slower in a table of twice as many rows, and in each that has twice as many again. Of
/// TPC-H at scale 0.1, joins fetch a row of 600,000 in no order in 450 to 800 ns, where a scanned one takes 10 to 20; by the
/// constants above, which 100,000 narrow rows were measured for, it would be 20 times as much and not 40.
const FAR: f64 = 0.25;

/// How many times as long looking up rows here and there takes in a table of so many rows as in a small one.
fn distance(table_rows: f64) -> f64 {
    1.0 + FAR * (table_rows / NEAR_ROWS).max(1.0).log2()
}

/// Rows of a table of `table_rows` fetched one by one, each by its id.
pub(crate) fn fetches(count: f64, table_rows: f64) -> f64 {
    count * FETCH * distance(table_rows)
}

/// An index join beside its left side; `matches` are the rows that a left row finds in a table of `table_rows`.
pub(crate) fn index_join(left: f64, matches: f64, table_rows: f64) -> f64 {
    left * (DESCEND + matches * FETCH) * distance(table_rows)
}

/// Rows in order; only the first `top`, if that is given.
pub(crate) fn sort(rows: f64, top: Option<usize>) -> f64 {
    match top {
        Some(top) if (top as f64) < rows => rows * TEST * 4.0 + top as f64 * SORT,
        _ => rows * SORT * rows.max(2.0).log2() / 16.0,
    }
}

/// What it takes to test a row of a scan. Numbers are compared first, and leave few of which a text is looked at.
fn test(condition: &Expr) -> f64 {
    let parts = match condition {
        Expr::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    match parts.iter().filter(|part| is_of_texts(part)).count() {
        0 => TEST,
        texts if texts == parts.len() => TEST + TEXT,
        _ => TEST + TEXT * 0.3,
    }
}

/// Whether a condition compares with a text, or searches in one.
fn is_of_texts(condition: &Expr) -> bool {
    let mut found = false;
    walk::walk(condition, &mut |expr| {
        found |= matches!(
            expr,
            Expr::Match { .. } | Expr::Literal(Value::Text(_)) | Expr::Parameter(_, DataType::Text { .. })
        );
    });
    found
}

/// What prices plans: how many rows the tables have, and what a scanned row is thought to cost.
pub(crate) struct Pricing<'a> {
    pub(crate) table_rows: &'a dyn Fn(TableId) -> f64,
    pub(crate) scan_row: f64,
}

impl Pricing<'_> {
    /// What a plan costs.
    pub(crate) fn of(&self, plan: &Plan) -> Cost {
        let rows = plan.estimate.rows;
        match &plan.node {
            Node::Unit | Node::Values(_) => Cost::streaming(rows * COMPUTE),
            Node::Scan(scan) => self.scan(scan, plan.estimate),
            Node::Count(access, table) if access.is_combined() => {
                Cost::streaming((self.table_rows)(*table) * 0.1 * INDEX)
            }
            Node::Count(..) => Cost::streaming(DESCEND),
            Node::Measured { input, .. } => self.of(input),
            Node::Filter { input, .. } => self.of(input).then(input.estimate.rows * TEST),
            Node::Project { input, columns } => {
                let computed = columns.iter().filter(|column| column.column().is_none()).count();
                self.of(input).then(rows * COMPUTE * computed as f64)
            }
            Node::HashJoin { left, right, marks: true, .. } => {
                let (left_cost, right_cost) = (self.of(left), self.of(right));
                let work = marking_join(left.estimate.rows, right.estimate.rows);
                Cost { first: left_cost.all + right_cost.all, all: left_cost.all + right_cost.all }
                    .blocking(work, rows * JOINED)
            }
            Node::HashJoin { kind, left, right, .. } => {
                let (left_cost, right_cost) = (self.of(left), self.of(right));
                let (l, r) = (left.estimate.rows, right.estimate.rows);
                let first = match hashes_left(*kind, l, r) {
                    true => left_cost.all + right_cost.all + hash_join(r, l, 0.0),
                    false => left_cost.first + right_cost.all + r * BUILD,
                };
                Cost { first, all: left_cost.all + right_cost.all + hash_join_of(*kind, l, r, rows) }
            }
            Node::MergeJoin { left, right, .. } => {
                let (left_cost, right_cost) = (self.of(left), self.of(right));
                let work = merge_join(left.estimate.rows, right.estimate.rows, rows);
                Cost { first: left_cost.first + right_cost.first, all: left_cost.all + right_cost.all + work }
            }
            Node::IndexJoin { kind, left, lookup } => {
                let matches = if lookup.is_test(*kind) { 0.0 } else { lookup.matches };
                let table_rows = (self.table_rows)(lookup.table);
                self.of(left).then(index_join(left.estimate.rows, matches, table_rows) + rows * JOINED)
            }
            Node::NestedLoop { kind, left, right, .. } => {
                let pairs = left.estimate.rows * right.estimate.rows;
                let pairs = if matches!(kind, JoinKind::Semi | JoinKind::Anti) { pairs * 0.5 } else { pairs };
                let (left_cost, right_cost) = (self.of(left), self.of(right));
                Cost {
                    first: left_cost.first + right_cost.all,
                    all: left_cost.all + right_cost.all + pairs * PAIR + rows * JOINED,
                }
            }
            Node::Aggregate { input, keys, aggregates, .. } => {
                let key = if keys.is_empty() { 0.0 } else { GROUP };
                let each = key + AGGREGATE * aggregates.len() as f64;
                self.of(input).blocking(input.estimate.rows * each, rows * COMPUTE)
            }
            Node::Sort { input, top, .. } => self
                .of(input)
                .blocking(sort(input.estimate.rows, top.as_ref().map(|top| top.expected)), rows * COMPUTE),
            Node::Window { input, functions, .. } => {
                let each = AGGREGATE * functions.len() as f64;
                self.of(input).blocking(sort(rows, None) + rows * each, rows * COMPUTE)
            }
            Node::With { rows: computed, input, .. } => {
                let (input, computed) = (self.of(input), self.of(computed));
                Cost { first: input.first + computed.all, all: input.all + computed.all }
            }
            Node::Recursive { base, step, .. } => {
                let (base, step) = (self.of(base), self.of(step));
                Cost { first: base.all, all: base.all + step.all }
            }
            Node::WorkTable { .. } => Cost::streaming(rows * JOINED),
            Node::Lateral { left, right, .. } => {
                let cost = self.of(left);
                cost.then(left.estimate.rows * (BEGIN + self.of(right).all) + rows * JOINED)
            }
            Node::Limit { input, .. } => {
                let cost = self.of(input);
                let part = (rows / input.estimate.rows.max(1.0)).min(1.0);
                Cost { first: cost.first, all: cost.first + (cost.all - cost.first) * part }
            }
            Node::Distinct { input, .. } => self.of(input).then(input.estimate.rows * GROUP),
            Node::Set { left, right, all, .. } => {
                let each = if *all { COMPUTE } else { GROUP };
                let (left_cost, right_cost) = (self.of(left), self.of(right));
                let work = (left.estimate.rows + right.estimate.rows) * each;
                Cost { first: left_cost.first, all: left_cost.all + right_cost.all + work }
            }
            Node::Apply { input, subqueries } => {
                let each = |subquery| self.subquery(subquery, input.estimate.rows);
                self.of(input).then(subqueries.iter().map(each).sum())
            }
        }
    }

    /// What a subquery costs that is asked by so many rows.
    pub(crate) fn subquery(&self, subquery: &Subquery, rows: f64) -> f64 {
        let cost = self.of(&subquery.plan);
        // One that depends on nothing is run once, and one that is only asked for a row stops there.
        let runs = if subquery.bindings.is_empty() { 1.0 } else { rows };
        match subquery.kind {
            SubqueryKind::Exists => {
                let first = cost.first + (cost.all - cost.first) / subquery.plan.estimate.rows.max(1.0);
                runs * (BEGIN + first)
            }
            SubqueryKind::Scalar | SubqueryKind::In(_) => runs * (BEGIN + cost.all),
            SubqueryKind::Mark(_) => BEGIN + cost.all + hash_join(rows, subquery.plan.estimate.rows, 0.0),
        }
    }

    fn scan(&self, scan: &Scan, yielded: Estimate) -> Cost {
        let visited = scan.count.as_ref().and_then(RowCount::fixed);
        let visited = visited.map_or(scan.visited.rows, |count| scan.visited.rows.min(count as f64));
        let tests = scan.filter.as_ref().map_or(0.0, |filter| visited * test(&filter.expr));
        let path = self::path(&scan.access, visited, self.scan_row);
        let found = if matches!(scan.access, Access::Intersection(_)) { yielded.rows * FETCH } else { 0.0 };
        let fetched = found + yielded.rows * COMPUTE * 0.3 * scan.fetch.len() as f64;
        let all = path + tests + fetched;
        match scan.access.is_combined() {
            // Its row ids are all found before the first row is read.
            true => Cost { first: OPERATOR + all * 0.5, all: OPERATOR + all },
            false => Cost::streaming(all),
        }
    }
}
