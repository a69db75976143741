//! Access paths: how the rows of one table that satisfy some conjuncts are reached.
//!
//! A conjunct that compares a column with something known before the scan (a [`Sarg`](super::sarg)) can become a point
//! or a range of the row ids or of an index; a disjunction each part of which can, becomes the union of what they find.
//! Every candidate's size is *counted* in the tree when the bounds are known while planning; the cheapest wins. What
//! the path does not cover is left as a filter.

use nuages_storage::{DataType, TableId};

use super::build::Run;
use super::cost;
use super::filtered_scan::filtered_scan;
use super::planner::Planner;
use super::subject::{Subject, Subjects};
use super::test_order::cheapest_first;
use crate::algebra::walk::{self, ColumnSet, conjunction, conjuncts};
use crate::algebra::{Column, Comparison, Expr, Relation, SortKey, Source};
use crate::catalog::{IndexDefinition, TableDefinition};
use crate::error::Error;
use crate::plan::{Access, Basis, Estimate, Fetch, Node, Plan, PlanColumn, Predicate, RowCount, Scan};

/// A table that is scanned in so many microseconds is scanned: to look for a union or an order takes several times as
/// long.
const SCAN_US_MIN: f64 = 0.25;

/// A table that is scanned in so many microseconds is scanned by a query that is run once and reads nothing else: to
/// look for any path takes several times as long.
const SCAN_ONCE_US_MIN: f64 = 1.0;

/// An access path, what it covers and what it costs.
pub(super) struct Candidate {
    pub(super) access: Access,
    pub(super) covered: Vec<usize>,
    pub(super) estimate: Estimate,
    /// Whether it was looked up in the tree how many rows there are, for all of them or for a part.
    pub(super) is_counted: bool,
    pub(super) cost_per_row: f64,
    /// The columns whose order it yields, as places in the table, after those it fixes to one value.
    pub(super) order: Order,
}

/// The order in which a path yields its rows.
pub(super) enum Order {
    RowId,
    /// The definition of the index and how many of its parts are fixed to one value.
    Index(usize, usize),
    None,
}

impl Planner<'_> {
    /// A scan of the rows that satisfy `parts`, by the cheapest path.
    pub(crate) fn build_scan(
        &mut self,
        table: TableId,
        source: Source,
        parts: Vec<Expr>,
        needed: &ColumnSet,
    ) -> Result<Plan, Error> {
        let definition = self.table(table)?;
        if self.is_read_at_once(definition) {
            let whole = self.whole_table(definition);
            let estimate = Estimate { basis: Basis::Guess, ..whole.estimate };
            return self.scan_plan(definition, source, whole, parts, estimate, needed, false);
        }
        // An index that finds nothing is read for its order, if at all.
        let by_order = self.is_steered();
        let mut candidates = self.candidates(&Subjects::of(definition, source), &parts, by_order);
        let estimate = self.estimate_of(&candidates, definition, source, &parts);
        let costs: Vec<f64> =
            candidates.iter().map(|candidate| self.cost(candidate, &parts, needed, source)).collect();
        let candidate = candidates.swap_remove(self.choose(&costs));
        self.scan_plan(definition, source, candidate, parts, estimate, needed, false)
    }

    /// A scan that yields the rows of a filtered scan, or of joins over one, in the order of `keys`, if there is such
    /// a path and it is cheaper than sorting.
    pub(crate) fn build_in_order(
        &mut self,
        input: &Relation,
        keys: &[SortKey],
        run: Option<Run>,
        needed: &ColumnSet,
    ) -> Result<Option<Plan>, Error> {
        if !self.optimize {
            return Ok(None);
        }
        let (table, source, parts) = match input {
            Relation::Scan { table, source } => (*table, *source, Vec::new()),
            Relation::Filter { input, predicate } => match &**input {
                Relation::Scan { table, source } if !walk::has_subquery(predicate) => {
                    (*table, *source, conjuncts(predicate.clone()))
                }
                _ => return Ok(None),
            },
            Relation::Join { kind, left, right, on } => {
                return self.build_join_in_order(*kind, left, right, on, keys, run, needed);
            }
            _ => return Ok(None),
        };
        let definition = self.table(table)?;
        let subjects = Subjects::of(definition, source);
        let Some(order) = wanted_order(&subjects, keys) else { return Ok(None) };
        // To sort all of a table that is scanned in no time takes less than to look for its order.
        let is_by_row_id = order.first().is_some_and(|first| first.is_row_id);
        if run.is_none() && !is_by_row_id && !self.may_gain_by_paths(definition) {
            return Ok(None);
        }
        let candidates = self.candidates(&subjects, &parts, true);
        let estimate = self.estimate_of(&candidates, definition, source, &parts);
        let sorted = candidates
            .iter()
            .map(|candidate| self.cost(candidate, &parts, needed, source))
            .fold(f64::INFINITY, f64::min)
            + cost::sort(estimate.rows, run.map(|run| run.end));
        let covers_all = |candidate: &Candidate| candidate.covered.len() == parts.len();
        let ordered: Vec<(bool, Candidate)> = candidates
            .into_iter()
            .filter_map(|candidate| Some((yields(&subjects, &candidate.order, &order)?, candidate)))
            .collect();
        // A path that covers every condition reads no more rows than are asked for, whatever the values are. Beside
        // one, a path that looks for rows of a value which is not known yet is thought to look at all: the rows of one
        // parent mostly lie together, and the last parent's at the end.
        let is_safe = ordered.iter().any(|(_, candidate)| covers_all(candidate));
        let ordered = ordered
            .into_iter()
            .map(|(reverse, candidate)| {
                let all = candidate.estimate.rows;
                // The rows of several paths are all found before the first is read.
                let run = run.filter(|_| !candidate.access.is_combined());
                // Without a filter the counted tree finds the first wanted row by its number.
                let visited = match run {
                    Some(run) if covers_all(&candidate) => run.end.saturating_sub(run.skipped) as f64,
                    Some(_) if is_safe && self.awaits_values(&parts, &candidate) => all,
                    Some(run) => run.end as f64 * all / estimate.rows.max(1e-6),
                    None => all,
                };
                let tested = if covers_all(&candidate) { 0.0 } else { cost::TEST };
                let cost = cost::OPERATOR + visited.min(all) * (candidate.cost_per_row + tested);
                (cost, reverse, candidate)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0));
        match ordered {
            Some((cost, reverse, candidate)) if self.choose(&[cost, sorted.max(cost::OPERATOR)]) == 0 => {
                self.scan_plan(definition, source, candidate, parts, estimate, needed, reverse).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Whether what a path does not cover depends on values that are not known while planning.
    fn awaits_values(&self, parts: &[Expr], candidate: &Candidate) -> bool {
        let rest = parts.iter().enumerate().filter(|(number, _)| !candidate.covered.contains(number));
        let mut awaits = false;
        for (_, part) in rest {
            walk::walk(part, &mut |expr| {
                awaits |= matches!(expr, Expr::Parameter(number, _) if *number >= self.values.len());
            });
        }
        awaits
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a scan")]
    fn scan_plan(
        &self,
        definition: &TableDefinition,
        source: Source,
        candidate: Candidate,
        parts: Vec<Expr>,
        estimate: Estimate,
        needed: &ColumnSet,
        reverse: bool,
    ) -> Result<Plan, Error> {
        let residual: Vec<Expr> = parts
            .into_iter()
            .enumerate()
            .filter(|(index, _)| !candidate.covered.contains(index))
            .map(|(_, part)| part)
            .collect();
        let residual = if self.optimize { cheapest_first(definition, residual) } else { residual };
        let mut wanted = needed.clone();
        residual.iter().for_each(|part| walk::add_columns(part, &mut wanted));
        let (fetch, columns) = fetches(definition, source, &wanted)?;
        let scan = Scan {
            table: definition.id,
            fetch,
            access: candidate.access,
            visited: candidate.estimate,
            reverse,
            filter: None,
            offset: RowCount::ZERO,
            count: None,
            premise: None,
        };
        let mut plan = Plan { node: Node::Scan(scan), columns, estimate };
        if let Some(predicate) = conjunction(residual) {
            let scalar = self.compile(&predicate, &plan)?;
            if let Node::Scan(scan) = &mut plan.node {
                scan.filter = Some(Predicate { scalar, expr: predicate });
            }
        }
        Ok(plan)
    }

    /// How many rows satisfy `parts`: as counted, if a path covers all of them, else as the path with the fewest rows
    /// and what is known of the rows' other parts promise. Which path is taken in the end makes no difference to it.
    fn estimate_of(
        &self,
        candidates: &[Candidate],
        definition: &TableDefinition,
        source: Source,
        parts: &[Expr],
    ) -> Estimate {
        let covers_all = |candidate: &&Candidate| candidate.covered.len() == parts.len();
        let least = |candidates: &mut dyn Iterator<Item = &Candidate>| {
            candidates.map(|candidate| candidate.estimate).min_by(|a, b| a.rows.total_cmp(&b.rows))
        };
        let counted = |candidate: &&Candidate| covers_all(candidate) && candidate.is_counted;
        if let Some(counted) = least(&mut candidates.iter().filter(counted)) {
            return counted;
        }
        let fewest = least(&mut candidates.iter()).map_or(0.0, |estimate| estimate.rows);
        if candidates.iter().any(|candidate| candidate.access.is_single()) {
            return Estimate::about(fewest.min(1.0));
        }
        let rows = self.table_rows(definition.id).max(1.0);
        let rarest =
            candidates.iter().filter(|candidate| candidate.is_counted && !candidate.covered.is_empty());
        let rarest = rarest.min_by(|a, b| a.estimate.rows.total_cmp(&b.estimate.rows));
        let known = rarest.map(|rarest| (rarest.covered.as_slice(), rarest.estimate.rows / rows));
        self.estimated(Basis::Counted, || {
            (rows * self.table_share(definition.id, source, parts, known)).min(fewest)
        })
    }

    /// Whether a condition over a scan leaves a column one value.
    pub(crate) fn is_fixed(&self, relation: &Relation, column: Column) -> bool {
        let Some((_, _, Some(predicate))) = filtered_scan(relation) else { return false };
        let fixes = |part: &Expr| match part {
            Expr::Compare(Comparison::Equal, a, b) => [(a, b), (b, a)].into_iter().any(|(side, value)| {
                **side == Expr::Column(column) && walk::columns_of(value).is_empty() && !value.is_volatile()
            }),
            _ => false,
        };
        match predicate {
            Expr::And(parts) => parts.iter().any(fixes),
            part => fixes(part),
        }
    }

    /// Whether paths that are made of others, or are read for their order, may save what it takes to look for them: not
    /// where all of the table is scanned in a fraction of that time.
    fn may_gain_by_paths(&self, definition: &TableDefinition) -> bool {
        let scan = self.table_rows(definition.id) * (self.scan_cost + cost::TEST);
        scan > SCAN_US_MIN || self.is_steered()
    }

    /// Whether a table is read whole because the query is run once, and that takes no time.
    fn is_read_at_once(&self, definition: &TableDefinition) -> bool {
        self.runs_once
            && self.is_alone()
            && self.table_rows(definition.id) * (self.scan_cost + cost::TEST) <= SCAN_ONCE_US_MIN
    }

    fn whole_table(&self, definition: &TableDefinition) -> Candidate {
        Candidate {
            access: Access::All,
            covered: Vec::new(),
            estimate: Estimate::exact(self.table_rows(definition.id)),
            is_counted: true,
            cost_per_row: self.scan_cost,
            order: Order::RowId,
        }
    }

    pub(crate) fn table_rows(&self, table: TableId) -> f64 {
        self.version.table(table).map_or(0, |table| table.len()) as f64
    }

    fn cost(&self, candidate: &Candidate, parts: &[Expr], needed: &ColumnSet, source: Source) -> f64 {
        let covers_all = candidate.covered.len() == parts.len();
        let reads_nothing = !needed.iter().any(|column| column.source() == source);
        if covers_all && reads_nothing && !candidate.access.is_combined() {
            return cost::OPERATOR; // it is only counted, or its row ids are in the index
        }
        if candidate.access.is_single() {
            return cost::FETCH; // one row at most, also where the table is small now and large when the plan is run
        }
        let tests = if covers_all { 0.0 } else { candidate.estimate.rows * cost::TEST };
        cost::OPERATOR + candidate.estimate.rows * candidate.cost_per_row + tests
    }

    /// The paths that find what some of `parts` ask for, and, if wanted, those that have but their order.
    fn candidates(&self, subjects: &Subjects<'_>, parts: &[Expr], by_order: bool) -> Vec<Candidate> {
        let mut found = vec![self.whole_table(subjects.definition)];
        let definition = subjects.definition;
        let has_paths = definition.row_id_column().is_some() || !definition.indexes.is_empty();
        let is_wanted = by_order || !parts.is_empty();
        if self.optimize && has_paths && is_wanted && !self.is_read_at_once(definition) {
            let paths = self.ordered_paths(subjects, parts, by_order);
            let both = self.intersection(definition, &paths);
            found.extend(paths);
            found.extend(both);
            if self.may_gain_by_paths(definition) {
                found.extend(self.unions(subjects, parts));
            }
        }
        found
    }
}

/// The columns of `source` among `wanted`, in the order of the table's definition, and how they are read.
pub(crate) fn fetches(
    definition: &TableDefinition,
    source: Source,
    wanted: &ColumnSet,
) -> Result<(Vec<Fetch>, Vec<PlanColumn>), Error> {
    let (mut fetch, mut columns) = (Vec::with_capacity(wanted.len()), Vec::with_capacity(wanted.len()));
    let row_id = definition.row_id_column();
    for column in wanted.iter().copied().filter(|column| column.source() == source) {
        let (how, data_type) = if column.is_row_id() {
            (Fetch::RowId(DataType::BigInt), DataType::BigInt)
        } else {
            let found = definition.column(column.index())?;
            let how = match row_id == Some(column.index()) {
                true => Fetch::RowId(found.data_type),
                false => Fetch::Slot(found.slot, found.data_type),
            };
            (how, found.data_type)
        };
        fetch.push(how);
        columns.push(PlanColumn { column, data_type });
    }
    Ok((fetch, columns))
}

/// A sort key that an ordered path may have.
struct WantedKey {
    subject: Subject,
    is_row_id: bool,
    descending: bool,
    nulls_first: bool,
}

/// What is asked of a path by these sort keys; none if no path of the table can yield their order.
fn wanted_order(subjects: &Subjects<'_>, keys: &[SortKey]) -> Option<Vec<WantedKey>> {
    let row_id = subjects.definition.row_id_column();
    let wanted = |key: &SortKey| {
        let SortKey { expr, descending, nulls_first } = key;
        let is_row_id = matches!(expr, Expr::Column(column)
            if column.source() == subjects.source && (column.is_row_id() || row_id == Some(column.index())));
        // A row id that is no column is no part of an index either.
        let subject = match subjects.find(expr) {
            Some((subject, _)) => subject,
            None if is_row_id => Subject::Column(usize::MAX),
            None => return None,
        };
        Some(WantedKey { subject, is_row_id, descending: *descending, nulls_first: *nulls_first })
    };
    let first = wanted(keys.first()?)?;
    let has_part = |index: &IndexDefinition| subjects.of_index(index).any(|part| part == first.subject);
    if !first.is_row_id && !subjects.definition.indexes.iter().any(has_part) {
        return None;
    }
    keys.iter().map(wanted).collect()
}

/// Whether a path that yields `order` yields the order of `keys`: forward (`false`), backward (`true`) or not.
fn yields(subjects: &Subjects<'_>, order: &Order, keys: &[WantedKey]) -> Option<bool> {
    let (index, fixed) = match order {
        Order::None => return None,
        Order::RowId => {
            let first = keys.first()?;
            return first.is_row_id.then_some(first.descending);
        }
        Order::Index(place, fixed) => (&subjects.definition.indexes[*place], *fixed),
    };
    let mut reverse = None;
    let mut parts = index.parts.iter().zip(subjects.of_index(index)).skip(fixed);
    for key in keys {
        let backward = match parts.next() {
            Some((part, subject)) => {
                if subject != key.subject {
                    return None;
                }
                let backward = part.descending != key.descending;
                if part.nullable && (part.nulls_first != backward) != key.nulls_first {
                    return None;
                }
                backward
            }
            // Entries with equal keys lie in the order of their row ids, and no other column decides after that.
            None if key.is_row_id => key.descending,
            None if index.is_unique() && index.parts.iter().all(|part| !part.nullable) => break,
            None => return None,
        };
        if *reverse.get_or_insert(backward) != backward {
            return None;
        }
        if key.is_row_id {
            break;
        }
    }
    reverse
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use crate::catalog::Catalog;
    use crate::optimize::{plan, plan_once};
    use crate::plan::{Access, Node, Plan};
    use crate::sql::Connection;
    use crate::{Database, Session};

    /// Whether a table is read whole by the plan that is kept, and by the one that is run once.
    fn reads_all(connection: &Connection, sql: &str) -> [bool; 2] {
        let query = || connection.read(sql).unwrap();
        let version = connection.database().version().unwrap();
        let catalog = Catalog::of(&version);
        let reads_all = |plan: &Plan| match &plan.node {
            Node::Project { input, .. } => {
                matches!(&input.node, Node::Scan(scan) if matches!(scan.access, Access::All))
            }
            _ => false,
        };
        let kept = plan(query(), catalog, &version).unwrap();
        let once = plan_once(Cow::Owned(query()), catalog, &version).unwrap();
        [reads_all(&kept), reads_all(&once)]
    }

    fn songs(count: u32) -> Connection {
        let mut connection = Connection::new(Database::new());
        let series = format!("SELECT n, n % 500 FROM generate_series(1, {count}) AS n");
        for sql in [
            "CREATE TABLE song (id BIGINT PRIMARY KEY, plays BIGINT)",
            "CREATE INDEX song_plays ON song (plays)",
            &format!("INSERT INTO song {series}"),
        ] {
            connection.execute(sql, &[]).unwrap();
        }
        connection
    }

    #[test]
    fn a_few_rows_are_read_by_no_path_where_they_are_read_once() {
        for by in ["id = 7", "plays = 3", "id BETWEEN 3 AND 4"] {
            let sql = format!("SELECT plays FROM song WHERE {by}");
            assert!(reads_all(&songs(100), &sql)[1], "{by}");
            assert_eq!(reads_all(&songs(2_000), &sql), [false, false], "{by}");
        }
        assert_eq!(reads_all(&songs(100), "SELECT plays FROM song WHERE id = 7"), [false, true]);
    }
}
