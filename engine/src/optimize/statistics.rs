//! Statistics: what the rows of a table are like, learned from a sample when a plan asks.
//!
//! The trees are counted, so the n-th row is found in O(log n) and a sample of a thousand rows, one from each of as
//! many equal runs of the table, takes 0.2 ms with a column of integers, and 0.5 with one of texts (of 1,000,000 rows
//! in memory). Nothing is maintained when rows are written, and nobody has to run `ANALYZE`.
//!
//! A [`Sample`](sample) answers for conditions over one table, which are evaluated on it. Of each column that is asked
//! about it keeps [`ColumnStatistics`](distribution) for what is rarer than that, and for joins, groups and parameters:
//! the share of NULLs, the number of [different values](distinct), the common values and a histogram of the others.
//!
//! A sample is kept beside the definition of its table, shared by all versions and forks of it. It is used as long as
//! the table has about as many rows as then and some of its rows, looked up again, are what they were. Which rows are
//! drawn depends on nothing but how many there are, so a plan can be had again.

mod distinct;
mod distribution;
mod sample;

use std::sync::Arc;

use hashbrown::HashMap;
use nuages_storage::{CommitId, IndexId, Table, Version};
use parking_lot::Mutex;

use crate::catalog::{ColumnDefinition, IndexDefinition, TableDefinition};
use crate::error::Error;
use distinct::count_distinct;
pub use distribution::ColumnStatistics;
pub(crate) use sample::{Sample, is_small};

/// What is known of the rows of a table from a sample of them. See [`Session::statistics`](crate::Session::statistics).
#[derive(Clone, Debug, PartialEq)]
pub struct TableStatistics {
    /// How many rows the table has. This is counted.
    pub rows: u64,
    /// How many of them were looked at.
    pub sampled: u64,
    /// The columns by name, in the order of the table's definition.
    pub columns: Vec<(String, ColumnStatistics)>,
}

impl TableDefinition {
    /// What is known of the table's rows in a version.
    pub(crate) fn statistics_of(&self, version: &Version) -> Result<TableStatistics, Error> {
        let unknown = || Error::UnknownTable { name: self.name.clone(), nearest: None };
        let rows = version.table(self.id).ok_or_else(unknown)?;
        Ok(self.statistics.of_table(self, rows))
    }

    /// What somebody has asked about already, column by column.
    pub(crate) fn known_statistics(&self) -> Vec<(&ColumnDefinition, ColumnStatistics)> {
        let Some(sample) = self.statistics.kept() else { return Vec::new() };
        let columns = self.columns.iter().enumerate();
        columns
            .filter_map(|(place, column)| Some((column, sample.column(place)?.statistics().clone())))
            .collect()
    }
}

/// Where the sample of a table is kept. A copy of a definition is another definition: its cell is empty.
#[derive(Debug, Default)]
pub(crate) struct StatisticsCell(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    sample: Option<Arc<Sample>>,
    /// Of the first parts of indexes: how many different keys they have, and for which commit that was found out.
    distinct: HashMap<(IndexId, usize), (CommitId, u64, f64)>,
}

impl Clone for StatisticsCell {
    fn clone(&self) -> StatisticsCell {
        StatisticsCell::default()
    }
}

impl StatisticsCell {
    /// A sample of `table` with these columns in it; none if the table has no rows.
    pub(crate) fn sample(
        &self,
        definition: &TableDefinition,
        table: &Table,
        columns: impl Iterator<Item = usize> + Clone,
    ) -> Option<Arc<Sample>> {
        if table.is_empty() {
            return None;
        }
        let mut kept = self.0.lock();
        let known = kept.sample.take().filter(|sample| sample.is_current(definition, table));
        let mut sample = known.unwrap_or_else(|| Arc::new(Sample::draw(table)));
        if !sample.has(columns.clone()) || !sample.is_checked(table) {
            let drawn = Arc::make_mut(&mut sample);
            if !drawn.read(definition, table, columns.clone()) {
                *drawn = Sample::draw(table); // a sampled row is gone
                drawn.read(definition, table, columns);
            }
        }
        kept.sample = Some(Arc::clone(&sample));
        Some(sample)
    }

    /// What is known of all columns.
    pub(crate) fn of_table(&self, definition: &TableDefinition, table: &Table) -> TableStatistics {
        let sample = self.sample(definition, table, 0..definition.columns.len());
        let of = |place: usize| sample.as_ref()?.column(place).map(|column| column.statistics().clone());
        let named = |(place, column): (usize, &ColumnDefinition)| {
            (column.name.clone(), of(place).unwrap_or_else(ColumnStatistics::of_no_rows))
        };
        TableStatistics {
            rows: table.len(),
            sampled: sample.as_ref().map_or(0, |sample| sample.len() as u64),
            columns: definition.columns.iter().enumerate().map(named).collect(),
        }
    }

    /// The sample that was drawn last.
    fn kept(&self) -> Option<Arc<Sample>> {
        self.0.lock().sample.clone()
    }

    /// Forgets what is known, so that a new sample is drawn when somebody asks.
    pub(crate) fn forget(&self) {
        *self.0.lock() = Kept::default();
    }

    /// About how many different values the first `parts` parts of an index have, those with a NULL left out.
    pub(crate) fn distinct_keys(
        &self,
        definition: &TableDefinition,
        table: &Table,
        index: &IndexDefinition,
        parts: usize,
    ) -> Option<f64> {
        let mut kept = self.0.lock();
        if let Some((commit, rows, distinct)) = kept.distinct.get(&(index.id, parts))
            && (*commit == table.changed() || about_as_many(*rows, table.len()))
        {
            return Some(*distinct);
        }
        let distinct = count_distinct(definition, table, index, parts)?;
        kept.distinct.insert((index.id, parts), (table.changed(), table.len(), distinct));
        Some(distinct)
    }
}

/// Whether a table has about as many rows as it had.
fn about_as_many(then: u64, now: u64) -> bool {
    then.abs_diff(now) <= then / 10
}

/// A number that looks random for each number (Steele, Lea and Flood's SplitMix).
fn scattered(number: u64) -> u64 {
    let mut word = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

#[cfg(test)]
mod tests;
