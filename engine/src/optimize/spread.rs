//! Spreads: how often the values of columns meet that a join compares.
//!
//! If every value were as frequent as any other, the share of the pairs of rows that agree would be one over the
//! greater number of different values (System R). Where some values are common on both sides, these pairs are more than
//! all others. So for each value that is common in one of the columns the shares are multiplied, and only the others
//! are thought to be spread evenly; of two columns that is what PostgreSQL does. Here it may be more than two, as a
//! class of equal columns has, and the rows of a small table that a condition leaves are looked at one by one: which
//! few countries are left decides how many of the orders have one of them.

use nuages_storage::Value;
use smallvec::SmallVec;

use super::filtered_scan::filtered_scan;
use super::planner::Planner;
use super::selectivity::{FEW_ROWS, places_of};
use super::statistics::{ColumnStatistics, is_small};
use crate::algebra::{Column, Expr, Relation};
use crate::bits::Bits;
use crate::key_range::KeyRange;

/// The values of a column.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    /// How many are different.
    distinct: f64,
    /// The share of the rows that have one, and not NULL.
    present: f64,
    /// Those that are more frequent than the others, in their order, each with its share of the rows.
    common: Vec<(Value, f64)>,
}

impl Spread {
    /// So many different values, each as frequent as any other.
    pub(crate) fn even(distinct: f64) -> Spread {
        Spread { distinct: distinct.max(1.0), present: 1.0, common: Vec::new() }
    }

    /// Values as the statistics of their column tell.
    pub(crate) fn of(statistics: &ColumnStatistics) -> Spread {
        Spread {
            distinct: statistics.distinct.max(1.0),
            present: 1.0 - statistics.null_share,
            common: statistics.common.clone(),
        }
    }

    /// All values there are, one for each row.
    fn listed(mut values: Vec<Value>) -> Spread {
        let share = 1.0 / values.len().max(1) as f64;
        values.sort_unstable();
        let groups = values.chunk_by(|a, b| a == b).filter(|group| !group[0].is_null());
        let common: Vec<_> = groups.map(|group| (group[0].clone(), group.len() as f64 * share)).collect();
        let present = common.iter().map(|(_, share)| share).sum();
        Spread { distinct: common.len().max(1) as f64, present, common }
    }

    /// The share of a value, if it is common.
    fn share_of(&self, value: &Value) -> Option<f64> {
        let place = self.common.binary_search_by(|(common, _)| common.cmp(value)).ok()?;
        Some(self.common[place].1)
    }

    /// How many different values there are.
    pub(crate) fn distinct(&self) -> f64 {
        self.distinct
    }

    /// The share of the rows whose value is not common, and how many such values there are.
    fn rare(&self) -> (f64, f64) {
        let common: f64 = self.common.iter().map(|(_, share)| share).sum();
        ((self.present - common).max(0.0), (self.distinct - self.common.len() as f64).max(0.0))
    }
}

/// The share of the combinations of rows, one of each side, that agree in these columns.
pub(crate) fn meeting_share(spreads: &[&Spread]) -> f64 {
    let rare: SmallVec<[(f64, f64); 4]> = spreads.iter().map(|spread| spread.rare()).collect();
    let each = |(share, distinct): &(f64, f64)| if *distinct > 0.0 { share / distinct } else { 0.0 };
    let mut met = 0.0;
    let mut taken: SmallVec<[f64; 4]> = SmallVec::from_elem(0.0, spreads.len());
    for (number, spread) in spreads.iter().enumerate() {
        for (value, _) in &spread.common {
            if spreads[..number].iter().any(|earlier| earlier.share_of(value).is_some()) {
                continue;
            }
            let mut all = 1.0;
            for (place, other) in spreads.iter().enumerate() {
                all *= other.share_of(value).unwrap_or_else(|| {
                    taken[place] += 1.0;
                    each(&rare[place])
                });
            }
            met += all;
        }
    }
    let (mut shares, mut divisor, mut least) = (1.0, 1.0, f64::INFINITY);
    for (of, taken) in rare.iter().zip(&taken) {
        let left = (of.1 - taken).max(0.0);
        shares *= each(of) * left;
        divisor *= left.max(1.0);
        least = f64::min(least, left.max(1.0));
    }
    met + shares * least / divisor
}

impl Planner<'_> {
    /// Whether some values of a column of a join's input may meet more rows than others, as far as that can be told
    /// without looking at rows, and whether they may be more than one row's.
    pub(crate) fn may_be_uneven(&self, relation: &Relation, column: Column) -> [bool; 2] {
        let column = self.origin(column);
        let rows = self.scanned(column.source()).and_then(|table| self.version.table(table));
        let Some(rows) = rows else { return [false, false] };
        let is_repeated = self.is_repeated(column);
        let is_listed = is_small(rows) && matches!(filtered_scan(relation), Some((.., Some(_))));
        [is_listed || (is_repeated && rows.len() > FEW_ROWS), is_repeated]
    }

    /// The values that a column of an input of a join has in the input's rows, which are thought to be so many.
    pub(crate) fn spread(&self, relation: &Relation, column: Column, rows: f64) -> Spread {
        if self.is_fixed(relation, column) {
            return Spread::even(1.0);
        }
        let spread = self.spread_of(column).unwrap_or_else(|| Spread::even(rows));
        self.listed(relation, column).unwrap_or(spread)
    }

    /// The values that a column has in its table.
    pub(super) fn spread_of(&self, column: Column) -> Option<Spread> {
        let column = self.origin(column);
        let distinct = self.distinct(column)?;
        let even = Some(Spread::even(distinct));
        if !self.is_repeated(column) {
            return even;
        }
        let table = self.scanned(column.source())?;
        let definition = self.table(table).ok()?;
        let rows = self.version.table(table).filter(|rows| rows.len() > FEW_ROWS);
        let Some(rows) = rows else { return even };
        let sample = definition.statistics.sample(definition, rows, [column.index()].into_iter())?;
        Some(Spread::of(sample.column(column.index())?.statistics()))
    }

    /// The values of a column of a small table in the rows that a condition leaves.
    fn listed(&self, relation: &Relation, column: Column) -> Option<Spread> {
        let (table, source, Some(predicate)) = filtered_scan(relation)? else { return None };
        let definition = self.table(table).ok()?;
        let place = self.place(column).filter(|_| column.source() == source)?;
        let predicate = self.evaluable(predicate)?;
        let rows = self.version.table(table).filter(|rows| is_small(rows))?;
        let places = places_of(definition, source, std::slice::from_ref(&predicate));
        let sample = definition.statistics.sample(definition, rows, places.chain([place]))?;
        let left = sample.filter(&predicate, source, &Bits::all(sample.len()))?;
        let values: Vec<Value> = sample.column(place)?.values(&left).collect();
        sample.is_whole().then(|| Spread::listed(values))
    }

    /// The share of the rows of a join's input in which a column is not NULL: counted in an index, if nothing has been
    /// filtered out.
    pub(crate) fn present_share(&self, relation: &Relation, column: Column) -> f64 {
        let Some((table, source, filter)) = filtered_scan(relation) else { return 1.0 };
        let (Ok(definition), Some(rows)) = (self.table(table), self.version.table(table)) else { return 1.0 };
        let of = definition.columns.get(column.index());
        let is_nullable = !column.is_row_id() && of.is_some_and(|column| column.nullable);
        if column.source() != source || !is_nullable || rows.len() <= FEW_ROWS {
            return 1.0;
        }
        let index = definition.indexes.iter().find(|index| index.begins_with(&[column.index()]));
        if let (Some(index), None) = (index, filter)
            && let Some(entries) = rows.index(index.id)
        {
            let range = KeyRange::prefixed(index.null_prefix());
            let absent = entries.count_range(range.lower(), range.upper());
            return 1.0 - absent as f64 / entries.len().max(1) as f64;
        }
        self.share_within(&Expr::IsNull(Box::new(Expr::Column(column))).not(), &[relation])
    }

    /// Whether several rows of a table may have the same value in a column.
    pub(super) fn is_repeated(&self, column: Column) -> bool {
        let column = self.origin(column);
        let Some(table) = self.scanned(column.source()) else { return false };
        !column.is_row_id() && !self.has_key(&Relation::scan(table, column.source()), &[column])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spread(counts: &[(i64, u32)], distinct: f64) -> Spread {
        let common = counts.iter().map(|(value, percent)| (Value::Int(*value), f64::from(*percent) / 100.0));
        Spread { distinct, present: 1.0, common: common.collect() }
    }

    #[test]
    fn even_values_meet_as_system_r_says() {
        assert_eq!(meeting_share(&[&Spread::even(10.0), &Spread::even(200.0)]), 1.0 / 200.0);
        let three = [Spread::even(10.0), Spread::even(200.0), Spread::even(50.0)];
        let share = meeting_share(&three.each_ref());
        assert!((share - 1.0 / (200.0 * 50.0)).abs() < 1e-12, "{share}");
    }

    #[test]
    fn what_is_common_on_both_sides_meets_often() {
        let (a, b) = (spread(&[(1, 50)], 501.0), spread(&[(1, 40)], 601.0));
        let share = meeting_share(&[&a, &b]);
        assert!((share - (0.2 + 0.5 * 0.6 / 600.0)).abs() < 1e-9, "{share}");
    }

    #[test]
    fn a_value_that_is_nowhere_else_meets_nothing() {
        let (all, other) = (spread(&[(1, 50), (2, 50)], 2.0), spread(&[(3, 100)], 1.0));
        assert_eq!(meeting_share(&[&all, &other]), 0.0);
    }

    proptest! {
        /// Of columns all of whose values are known the share is exact.
        #[test]
        fn what_is_all_known_is_counted(
            a in prop::collection::vec(0i64..6, 1..40),
            b in prop::collection::vec(0i64..6, 1..40),
            c in prop::collection::vec(0i64..6, 1..40),
        ) {
            let spreads = [&a, &b, &c].map(|all| Spread::listed(all.iter().map(|n| Value::Int(*n)).collect()));
            let pairs = a.iter().flat_map(|x| b.iter().filter(move |y| x == *y));
            let triples = pairs.flat_map(|x| c.iter().filter(move |z| x == *z)).count();
            let expected = triples as f64 / (a.len() * b.len() * c.len()) as f64;
            let share = meeting_share(&spreads.each_ref());
            prop_assert!((share - expected).abs() < 1e-9, "{share} for {expected}");
        }
    }
}
