//! Access paths: how the rows of one table that satisfy some conjuncts are reached.
//!
//! A conjunct that compares a column with something known before the scan (a [`Sarg`]) can become a point or a range of
//! the row ids or of an index; a disjunction each part of which can, becomes the union of what they find. Every
//! candidate's size is *counted* in the tree when the bounds are known while planning; the cheapest wins. What the path
//! does not cover is left as a filter.

use std::cell::Cell;

use nuages_storage::{DataType, TableId};

use super::build::Run;
use super::columns::{self, ColumnSet, conjunction, conjuncts};
use super::cost;
use super::planner::Planner;
use super::premise::Premise;
use super::sarg::{Sarg, Test, bounds, sargs};
use super::test_order::cheapest_first;
use crate::algebra::{Column, Comparison, Expr, Relation, SortKey, Source};
use crate::catalog::{IndexDefinition, TableDefinition};
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::execute::ranges;
use crate::plan::{
    Access, Bounds, Estimate, Fetch, KeyValue, Node, Plan, PlanColumn, Predicate, RowCount, Scan,
};

/// Of how many keys of a list the rows are counted, at least, if it is twice as long or longer.
const KEYS_COUNTED: usize = 16;

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
        let mut candidates = self.candidates(definition, source, &parts);
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
        let Some(keys) = plain_keys(keys) else { return Ok(None) };
        let (table, source, parts) = match input {
            Relation::Scan { table, source } => (*table, *source, Vec::new()),
            Relation::Filter { input, predicate } => match &**input {
                Relation::Scan { table, source } if !columns::has_subquery(predicate) => {
                    (*table, *source, conjuncts(predicate.clone()))
                }
                _ => return Ok(None),
            },
            Relation::Join { kind, left, right, on } => {
                return self.build_join_in_order(*kind, left, right, on, &keys, run, needed);
            }
            _ => return Ok(None),
        };
        if keys.iter().any(|key| key.column.source() != source) {
            return Ok(None);
        }
        let definition = self.table(table)?;
        let candidates = self.candidates(definition, source, &parts);
        let estimate = self.estimate_of(&candidates, definition, source, &parts);
        let sorted = candidates
            .iter()
            .map(|candidate| self.cost(candidate, &parts, needed, source))
            .fold(f64::INFINITY, f64::min)
            + cost::sort(estimate.rows, run.map(|run| run.end));
        let covers_all = |candidate: &Candidate| candidate.covered.len() == parts.len();
        let ordered: Vec<(bool, Candidate)> = candidates
            .into_iter()
            .filter_map(|candidate| Some((yields(definition, &candidate.order, &keys)?, candidate)))
            .collect();
        // A path that covers every condition reads no more rows than are asked for, whatever the values are. Beside one,
        // a path that looks for rows of a value which is not known yet is thought to look at all: the rows of one parent
        // mostly lie together, and the last parent's at the end.
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
            columns::walk(part, &mut |expr| {
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
        residual.iter().for_each(|part| columns::add_columns(part, &mut wanted));
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

    /// How many rows satisfy `parts`: as counted, if a path covers all of them, else as a sample shows, or the least that
    /// any path leaves room for. Which path is taken in the end makes no difference to it.
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
        if candidates.iter().any(|candidate| is_single(&candidate.access)) {
            return Estimate::about(fewest.min(1.0));
        }
        let rows = self.table_rows(definition.id);
        let all = self.table_share(definition.id, source, parts);
        let estimate = match all.is_joint {
            true => rows * all.share,
            false => candidates
                .iter()
                .map(|candidate| {
                    candidate.estimate.rows * self.rest_share(definition, source, parts, candidate)
                })
                .fold(f64::INFINITY, f64::min),
        };
        Estimate::about(estimate.min(fewest))
    }

    /// The share of a path's rows for which what it does not cover is true.
    fn rest_share(
        &self,
        definition: &TableDefinition,
        source: Source,
        parts: &[Expr],
        candidate: &Candidate,
    ) -> f64 {
        let rest = parts.iter().enumerate().filter(|(number, _)| !candidate.covered.contains(number));
        let rest: Vec<Expr> = rest.map(|(_, part)| part.clone()).collect();
        self.table_share(definition.id, source, &rest).share
    }

    /// Whether a condition over a scan leaves a column one value.
    pub(crate) fn is_fixed(&self, relation: &Relation, column: Column) -> bool {
        let Some((_, _, Some(predicate))) = super::join::filtered_scan(relation) else { return false };
        let fixes = |part: &Expr| match part {
            Expr::Compare(Comparison::Equal, a, b) => [(a, b), (b, a)]
                .into_iter()
                .any(|(side, value)| **side == Expr::Column(column) && columns::columns_of(value).is_empty()),
            _ => false,
        };
        match predicate {
            Expr::And(parts) => parts.iter().any(fixes),
            part => fixes(part),
        }
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
        if is_single(&candidate.access) {
            return cost::FETCH; // one row at most, also where the table is small now and large when the plan is run
        }
        let tests = if covers_all { 0.0 } else { candidate.estimate.rows * cost::TEST };
        cost::OPERATOR + candidate.estimate.rows * candidate.cost_per_row + tests
    }

    fn candidates(&self, definition: &TableDefinition, source: Source, parts: &[Expr]) -> Vec<Candidate> {
        let mut found = vec![self.whole_table(definition)];
        if self.optimize {
            let paths = self.ordered_paths(definition, source, parts);
            let both = self.intersection(definition, &paths);
            found.extend(paths);
            found.extend(both);
            found.extend(self.unions(definition, source, parts));
        }
        found
    }

    /// The paths by the row id and by an index.
    pub(super) fn ordered_paths(
        &self,
        definition: &TableDefinition,
        source: Source,
        parts: &[Expr],
    ) -> Vec<Candidate> {
        let sargs = sargs(definition, source, parts);
        let mut found: Vec<Candidate> = self.by_row_id(definition, &sargs).into_iter().collect();
        for (place, index) in definition.indexes.iter().enumerate() {
            found.extend(self.by_index(definition, place, index, source, parts, &sargs));
        }
        found
    }

    fn by_row_id(&self, definition: &TableDefinition, sargs: &[Sarg]) -> Option<Candidate> {
        let key = definition.row_id_column()?;
        let on_key = |sarg: &&Sarg| sarg.column == key;
        let candidate = |access: Access, covered: Vec<usize>, guess: f64, cost_per_row: f64| {
            let counted = self.counted(definition.id, &access);
            let (is_counted, estimate) = (counted.is_some(), counted.unwrap_or(Estimate::about(guess)));
            Some(Candidate { access, covered, estimate, is_counted, cost_per_row, order: Order::RowId })
        };
        for sarg in sargs.iter().filter(on_key) {
            match &sarg.test {
                // No row id is NULL, so it makes no difference whether one is looked for.
                Test::Equal(KeyValue { value, .. }) => {
                    let access = Access::RowIds(vec![value.clone()]);
                    return candidate(access, vec![sarg.conjunct], 1.0, cost::FETCH);
                }
                Test::Among(values) => {
                    let access = Access::RowIds(values.clone());
                    return candidate(access, vec![sarg.conjunct], values.len() as f64, cost::FETCH);
                }
                Test::Lower(_) | Test::Upper(_) | Test::Beginning(_) => {}
            }
        }
        let (bounds, covered) = bounds(sargs, key)?;
        let guess = self.table_rows(definition.id) * 0.3;
        candidate(Access::RowRange(bounds), covered, guess, self.scan_cost)
    }

    fn by_index(
        &self,
        definition: &TableDefinition,
        place: usize,
        index: &IndexDefinition,
        source: Source,
        parts: &[Expr],
        sargs: &[Sarg],
    ) -> Option<Candidate> {
        let mut covered = condition_covered(index, source, parts)?;
        let mut prefix: Vec<KeyValue> = Vec::new();
        let mut prefixes = None;
        let mut range = Bounds::default();
        for part in &index.parts {
            let Some(column) = part.column() else { break };
            let on_part = |sarg: &&Sarg| sarg.column == column;
            let equal = sargs.iter().filter(on_part).find_map(|sarg| match &sarg.test {
                Test::Equal(value) => Some((sarg.conjunct, value)),
                _ => None,
            });
            if let Some((conjunct, value)) = equal {
                prefix.push(value.clone());
                covered.push(conjunct);
                continue;
            }
            let among = sargs.iter().filter(on_part).find_map(|sarg| match &sarg.test {
                Test::Among(values) => Some((sarg.conjunct, values)),
                _ => None,
            });
            if let Some((conjunct, values)) = among {
                let with = |value: &Scalar| {
                    let last = KeyValue { value: value.clone(), matches_null: false };
                    prefix.iter().cloned().chain([last]).collect()
                };
                prefixes = Some(values.iter().map(with).collect::<Vec<Vec<KeyValue>>>());
                covered.push(conjunct);
            } else if let Some((bounds, conjuncts)) = bounds(sargs, column) {
                range = bounds;
                covered.extend(conjuncts);
            }
            break;
        }
        let fixed = prefix.len();
        let order = if prefixes.is_some() { Order::None } else { Order::Index(place, fixed) };
        let given = fixed + usize::from(prefixes.is_some());
        // NULLs are distinct, so many rows of a unique index may have one.
        let point =
            given == index.parts.len() && index.is_unique() && prefix.iter().all(|value| !value.matches_null);
        let guess =
            if point { 1.0 } else { self.guessed(definition, index, fixed, prefixes.as_ref(), &range) };
        let access = Access::Index {
            index: index.id,
            parts: index.key_parts(),
            prefixes: prefixes.unwrap_or_else(|| vec![prefix]),
            bounds: range,
            point,
        };
        let counted = self.counted(definition.id, &access);
        let (is_counted, estimate) = (counted.is_some(), counted.unwrap_or(Estimate::about(guess)));
        covered.sort_unstable();
        covered.dedup();
        Some(Candidate { access, covered, estimate, is_counted, cost_per_row: cost::INDEX, order })
    }

    /// How many rows an index path is thought to have whose bounds are parameters.
    fn guessed(
        &self,
        definition: &TableDefinition,
        index: &IndexDefinition,
        fixed: usize,
        prefixes: Option<&Vec<Vec<KeyValue>>>,
        range: &Bounds,
    ) -> f64 {
        let rows = self.table_rows(definition.id);
        let per_key = |parts: usize| match parts {
            0 => rows,
            parts => rows / self.distinct_keys(definition, index, parts),
        };
        let found = match prefixes {
            Some(list) => list.len() as f64 * per_key(fixed + 1),
            None => per_key(fixed),
        };
        let ends = range.scalars().count() + usize::from(range.beginning.is_some());
        (found * 0.3f64.powi(i32::try_from(ends).unwrap_or(0))).clamp(1.0, rows.max(1.0))
    }

    /// How many rows a path has, counted in the tree, if its bounds are known now.
    fn counted(&self, table: TableId, access: &Access) -> Option<Estimate> {
        let is_open = Cell::new(false);
        let known = |scalar: &Scalar| {
            scalar.as_constant().is_some() || {
                is_open.set(true);
                scalar.is_given_by(self.values.len())
            }
        };
        let bounds_known = |bounds: &Bounds| bounds.scalars().all(known);
        let all_known = match access {
            Access::All => true,
            Access::RowRange(bounds) => bounds_known(bounds),
            Access::RowIds(values) => values.iter().all(known),
            Access::Index { prefixes, bounds, .. } => {
                prefixes.iter().flatten().all(|part| known(&part.value)) && bounds_known(bounds)
            }
            // The counts of the paths say enough, which is cheaper than looking.
            Access::Union(_) | Access::Intersection(_) => false,
        };
        if !all_known {
            return None;
        }
        let context = Context::at(self.values, jiff::Timestamp::UNIX_EPOCH);
        let count = |access| ranges::count(self.version.table(table)?, access, &context).ok();
        if let (false, Some((some, part))) = (is_open.get(), some_keys(access)) {
            return Some(Estimate::about(count(&some)? as f64 / part));
        }
        let rows = count(access)?;
        if is_open.get() && !is_single(access) {
            let premise = Premise::Path { table, access: access.clone(), rows };
            let mut premises = self.counted.borrow_mut();
            if !premises.iter().any(|known| known.repeats(&premise)) {
                premises.push(premise);
            }
        }
        Some(Estimate::exact(rows as f64))
    }
}

/// A path by some of the keys of a long list, evenly from all of it, and which part of the list they are. To count
/// the rows of each of a thousand keys would take as long as to read them.
fn some_keys(access: &Access) -> Option<(Access, f64)> {
    fn some<T: Clone>(keys: &[T]) -> Option<(Vec<T>, f64)> {
        let step = keys.len() / KEYS_COUNTED;
        let some: Vec<T> = keys.iter().step_by(step.max(1)).cloned().collect();
        let part = some.len() as f64 / keys.len() as f64;
        (step > 1).then_some((some, part))
    }
    match access {
        Access::RowIds(values) => some(values).map(|(values, part)| (Access::RowIds(values), part)),
        Access::Index { index, parts, prefixes, bounds, point } => {
            let (prefixes, part) = some(prefixes)?;
            let (parts, bounds) = (parts.clone(), bounds.clone());
            Some((Access::Index { index: *index, parts, prefixes, bounds, point: *point }, part))
        }
        Access::All | Access::RowRange(_) | Access::Union(_) | Access::Intersection(_) => None,
    }
}

/// Whether a path has at most one row, whatever its parameters are.
fn is_single(access: &Access) -> bool {
    match access {
        Access::RowIds(ids) => ids.len() == 1,
        Access::Index { prefixes, point, .. } => *point && prefixes.len() == 1,
        Access::All | Access::RowRange(_) | Access::Union(_) | Access::Intersection(_) => false,
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

/// The conjuncts that make a conditional index's condition true; none if it may be false for a wanted row.
fn condition_covered(index: &IndexDefinition, source: Source, parts: &[Expr]) -> Option<Vec<usize>> {
    let Some(condition) = &index.condition else { return Some(Vec::new()) };
    conjuncts(condition.clone())
        .into_iter()
        .map(|mut wanted| {
            rename_self(&mut wanted, source);
            parts.iter().position(|part| *part == wanted)
        })
        .collect()
}

fn rename_self(expr: &mut Expr, source: Source) {
    if let Expr::Column(column) = expr
        && column.source() == Source::SELF
    {
        *column = source.column(column.index());
    }
    expr.children_mut().into_iter().for_each(|child| rename_self(child, source));
}

/// A sort key that is a column.
#[derive(Clone, Copy)]
pub(crate) struct PlainKey {
    pub(crate) column: Column,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

fn plain_keys(keys: &[SortKey]) -> Option<Vec<PlainKey>> {
    keys.iter()
        .map(|key| match key.expr {
            Expr::Column(column) => {
                Some(PlainKey { column, descending: key.descending, nulls_first: key.nulls_first })
            }
            _ => None,
        })
        .collect()
}

/// Whether a path that yields `order` yields the order of `keys`: forward (`false`), backward (`true`) or not.
fn yields(definition: &TableDefinition, order: &Order, keys: &[PlainKey]) -> Option<bool> {
    let is_row_id =
        |key: &PlainKey| key.column.is_row_id() || definition.row_id_column() == Some(key.column.index());
    let (index, fixed) = match order {
        Order::None => return None,
        Order::RowId => {
            let first = keys.first()?;
            return is_row_id(first).then_some(first.descending);
        }
        Order::Index(place, fixed) => (&definition.indexes[*place], *fixed),
    };
    let mut reverse = None;
    let mut parts = index.parts[fixed..].iter();
    for key in keys {
        let backward = match parts.next() {
            Some(part) => {
                if part.column() != Some(key.column.index()) || key.column.is_row_id() {
                    return None;
                }
                let backward = part.descending != key.descending;
                if part.nullable && (part.nulls_first != backward) != key.nulls_first {
                    return None;
                }
                backward
            }
            // Entries with equal keys lie in the order of their row ids, and no other column decides after that.
            None if is_row_id(key) => key.descending,
            None if index.is_unique() && index.parts.iter().all(|part| !part.nullable) => break,
            None => return None,
        };
        if *reverse.get_or_insert(backward) != backward {
            return None;
        }
        if is_row_id(key) {
            break;
        }
    }
    reverse
}

/// The indexes that have every row of their table.
pub(crate) fn condition_free_indexes(definition: &TableDefinition) -> impl Iterator<Item = &IndexDefinition> {
    definition.indexes.iter().filter(|index| index.condition.is_none())
}

#[cfg(test)]
mod tests {
    use crate::sql::Connection;
    use crate::{Database, Session};

    /// How many rows of `t` a condition is thought to leave of 2,000, and whether they were counted.
    fn rows(connection: &Connection, column: &str, keys: std::ops::Range<i64>) -> (f64, bool) {
        let keys: Vec<String> = keys.map(|key| key.to_string()).collect();
        let query =
            connection.read(&format!("SELECT * FROM t WHERE {column} IN ({})", keys.join(", "))).unwrap();
        let estimate = connection.database().explain(&query).unwrap().rows;
        (estimate.rows.round(), estimate.exact)
    }

    #[test]
    fn each_key_of_a_short_list_is_counted_and_some_of_a_long_one() {
        let mut connection = Connection::new(Database::new());
        connection.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, parent BIGINT)", &[]).unwrap();
        connection.execute("CREATE INDEX t_parent ON t (parent)", &[]).unwrap();
        let values: Vec<String> = (0..2_000).map(|n| format!("({n}, {})", n / 10)).collect();
        connection.execute(&format!("INSERT INTO t VALUES {}", values.join(", ")), &[]).unwrap();
        assert_eq!(rows(&connection, "parent", 0..31), (310.0, true));
        assert_eq!(rows(&connection, "parent", 10..200), (1_900.0, false));
        assert_eq!(rows(&connection, "id", 1_990..2_010), (10.0, true));
        assert_eq!(rows(&connection, "id", 0..200), (200.0, false));
    }
}
