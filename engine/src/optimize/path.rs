//! Paths of one table: by the row id, and by each of its indexes.
//!
//! A path is made of the search arguments that speak of what it is ordered by, and counted in the tree where their
//! values are known while planning. [`access`](super::access) compares the paths.

use std::cell::Cell;

use nuages_storage::TableId;

use super::access::{Candidate, Order};
use super::cost;
use super::implication::condition_covered;
use super::planner::Planner;
use super::premise::Premise;
use super::sarg::{Sarg, Test, bounds, sargs};
use super::subject::{Subject, Subjects};
use crate::algebra::Expr;
use crate::catalog::{IndexDefinition, TableDefinition};
use crate::evaluate::{Context, Scalar};
use crate::execute::ranges;
use crate::plan::{Access, Basis, Bounds, Estimate, KeyValue};

/// Of how many keys of a list the rows are counted, at least, if it is twice as long or longer.
const KEYS_COUNTED: usize = 16;
/// The part of an index that lies between two ends that are of another row: as PostgreSQL guesses
/// (`DEFAULT_RANGE_INEQ_SEL`), since rows that are joined by both ends of a range mostly have few partners.
const BETWEEN: f64 = 0.005;

impl Planner<'_> {
    /// The paths by the row id and by an index that find what some of `parts` ask for; `by_order`, also those by
    /// indexes that find nothing.
    pub(super) fn ordered_paths(
        &self,
        subjects: &Subjects<'_>,
        parts: &[Expr],
        by_order: bool,
    ) -> Vec<Candidate> {
        let sargs = sargs(subjects, parts);
        let mut found: Vec<Candidate> = self.by_row_id(subjects.definition, &sargs).into_iter().collect();
        for (place, index) in subjects.definition.indexes.iter().enumerate() {
            found.extend(self.by_index(subjects, place, index, parts, &sargs, by_order));
        }
        found
    }

    fn by_row_id(&self, definition: &TableDefinition, sargs: &[Sarg]) -> Option<Candidate> {
        let key = Subject::Column(definition.row_id_column()?);
        let on_key = |sarg: &&Sarg| sarg.subject == key;
        let candidate = |access: Access, covered: Vec<usize>, guess: f64, cost_per_row: f64| {
            let counted = self.counted(definition.id, &access);
            let is_counted = counted.is_some();
            let estimate = counted.unwrap_or_else(|| match access {
                Access::RowRange(_) => Estimate::about(guess).resting_on(Basis::Guess),
                _ => Estimate::about(guess),
            });
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
                Test::Lower(_) | Test::Upper(_) | Test::Beginning(_) | Test::NotNull => {}
            }
        }
        let (bounds, covered) = bounds(sargs, key)?;
        let guess = self.table_rows(definition.id) * 0.3;
        candidate(Access::RowRange(bounds), covered, guess, self.scan_cost)
    }

    fn by_index(
        &self,
        subjects: &Subjects<'_>,
        place: usize,
        index: &IndexDefinition,
        parts: &[Expr],
        sargs: &[Sarg],
        by_order: bool,
    ) -> Option<Candidate> {
        let definition = subjects.definition;
        let mut covered = condition_covered(index, subjects, parts)?;
        let first = subjects.of_index(index).next();
        let finds = index.condition.is_some() || sargs.iter().any(|sarg| Some(sarg.subject) == first);
        if !finds && !by_order {
            return None;
        }
        let mut prefix: Vec<KeyValue> = Vec::new();
        let mut prefixes = None;
        let mut range = Bounds::default();
        for subject in subjects.of_index(index) {
            let on_part = |sarg: &&Sarg| sarg.subject == subject;
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
            } else if let Some((bounds, conjuncts)) = bounds(sargs, subject) {
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
        let guess = match point {
            true => Estimate::about(1.0),
            false => self.guessed(definition, index, fixed, prefixes.as_ref(), &range),
        };
        let access = Access::Index {
            index: index.id,
            parts: index.key_parts(),
            prefixes: prefixes.unwrap_or_else(|| vec![prefix]),
            bounds: range,
            point,
        };
        let counted = self.counted(definition.id, &access);
        let (is_counted, estimate) = (counted.is_some(), counted.unwrap_or(guess));
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
    ) -> Estimate {
        let rows = self.index_entries(definition.id, index);
        let per_key = |parts: usize| match parts {
            0 => rows,
            parts => rows / self.distinct_keys(definition, index, parts),
        };
        let found = match prefixes {
            Some(list) => list.len() as f64 * per_key(fixed + 1),
            None => per_key(fixed),
        };
        let ends = range.scalars().count() + usize::from(range.beginning().is_some());
        let share = if ends > 1 && self.finds_partners {
            BETWEEN
        } else {
            0.3f64.powi(i32::try_from(ends).unwrap_or(0))
        };
        let found = (found * share).clamp(1.0, rows.max(1.0));
        Estimate::about(found).resting_on(if ends > 0 { Basis::Guess } else { Basis::Statistics })
    }

    /// How many rows are in an index.
    pub(super) fn index_entries(&self, table: TableId, index: &IndexDefinition) -> f64 {
        let entries = self.version.table(table).and_then(|table| table.index(index.id));
        entries.map_or(0, |entries| entries.len()) as f64
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
        if is_open.get() && !access.is_single() {
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
        (estimate.rows.round(), estimate.is_exact())
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
