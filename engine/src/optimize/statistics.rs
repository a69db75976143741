//! Statistics: what the rows of a table are like, learned from a sample when a plan asks.
//!
//! The trees are counted, so the n-th row is found in O(log n) and a sample of [`SAMPLE_ROWS`] rows, one from each of as
//! many equal runs of the table, costs a fraction of a millisecond. Nothing is maintained when rows are written, and
//! nobody has to run `ANALYZE`.
//!
//! A sample keeps whole rows, a column at a time, as columns are asked about. So a condition over one table is not
//! estimated term by term from histograms and lists of common values: it is *evaluated* on the sample. That answers for
//! patterns, arithmetic and columns that depend on each other alike. Of a column, what is kept beside its sampled values
//! is its number of different values, for joins, groups and parameters.
//!
//! How many different values a column has is the one figure that a sample is bad at. Where the column begins an index,
//! it is not needed: a value that occurs `f` times stands for `1/f` of a distinct value, `f` is counted in the tree, and
//! the mean of `1/f` over sampled rows, times the rows, is an unbiased estimate. Elsewhere it is the estimator Duj1 of
//! Haas and Stokes ("Estimating the Number of Classes in a Finite Population", JASA 1998).
//!
//! A sample is kept beside the definition of its table, shared by all versions and forks of it. It is used as long as
//! the table has about as many rows as then and some of its rows, looked up again, are what they were.

use std::sync::Arc;

use hashbrown::HashMap;
use nuages_storage::{CommitId, DataType, IndexId, RowId, RowRef, Table, Value};
use parking_lot::Mutex;

use crate::algebra::{Column, Expr, Source};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::catalog::{IndexDefinition, IndexExpr, IndexPart, TableDefinition};
use crate::evaluate::{Context, Scalar};
use crate::key_range::KeyRange;
use crate::vector::Vector;

/// Rows of a sample: one batch. The error of a share estimated from it is about 1.5% of the table.
const SAMPLE_ROWS: usize = crate::batch::BATCH_ROWS_MAX;

/// Sampled rows whose frequency in an index is counted.
const COUNTED_ROWS: usize = 128;

/// Sampled rows that are looked up again to see whether the table has changed.
const PROBED_ROWS: usize = 16;

/// Of [`PROBED_ROWS`], how many may have changed before the sample is out of date.
const PROBED_CHANGED_MAX: usize = 1;

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

/// Rows of a table, drawn evenly.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// How many rows the table had.
    rows: u64,
    /// Up to which commit it is known to be good.
    checked: CommitId,
    row_ids: Arc<[RowId]>,
    /// The columns that somebody has asked about, by their places.
    columns: HashMap<usize, Arc<SampledColumn>>,
}

/// A column of a sample.
#[derive(Debug)]
pub(crate) struct SampledColumn {
    values: Vector<'static>,
    /// How many different values the column is thought to have.
    distinct: f64,
}

impl StatisticsCell {
    /// A sample of `table` with these columns in it; none if the table has no rows.
    pub(crate) fn sample(
        &self,
        definition: &TableDefinition,
        table: &Table,
        columns: impl IntoIterator<Item = usize>,
    ) -> Option<Arc<Sample>> {
        if table.is_empty() {
            return None;
        }
        let mut kept = self.0.lock();
        let mut sample = kept.sample.take().filter(|sample| sample.is_current(definition, table));
        for place in columns {
            if sample.as_ref().is_some_and(|sample| sample.columns.contains_key(&place)) {
                continue;
            }
            let mut drawn = sample.take().map_or_else(|| Sample::draw(table), Arc::unwrap_or_clone);
            let column = drawn.read_column(definition, table, place).or_else(|| {
                drawn = Sample::draw(table); // a sampled row is gone
                drawn.read_column(definition, table, place)
            })?;
            drawn.columns.insert(place, Arc::new(column));
            sample = Some(Arc::new(drawn));
        }
        let mut sample = sample.unwrap_or_else(|| Arc::new(Sample::draw(table)));
        if sample.checked != table.changed() {
            Arc::make_mut(&mut sample).checked = table.changed();
        }
        kept.sample = Some(Arc::clone(&sample));
        Some(sample)
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

impl Sample {
    /// One row from each of [`SAMPLE_ROWS`] equal runs of the table, and no column.
    fn draw(table: &Table) -> Sample {
        let rows = table.len();
        let wanted = rows.min(SAMPLE_ROWS as u64);
        let row_id = |number: u64| {
            let (start, end) = (number * rows / wanted, (number + 1) * rows / wanted);
            // A fixed stride could be in step with what lies in the table.
            let place = start + scattered(number) % (end - start).max(1);
            table.nth(place).map(RowRef::row_id)
        };
        let row_ids = (0..wanted).filter_map(row_id).collect();
        Sample { rows, checked: table.changed(), row_ids, columns: HashMap::new() }
    }

    /// A column of the sampled rows; none if one of the rows is not there any more.
    fn read_column(
        &self,
        definition: &TableDefinition,
        table: &Table,
        place: usize,
    ) -> Option<SampledColumn> {
        let data_type = definition.columns.get(place)?.data_type;
        let read = |id: &RowId| table.get(*id).map(|row| value_of(definition, place, row));
        let values: Vec<Value> = self.row_ids.iter().map(read).collect::<Option<_>>()?;
        let vector = Vector::from_values(data_type, values.iter().cloned());
        let mut present: Vec<Value> = values.into_iter().filter(|value| !value.is_null()).collect();
        present.sort_unstable();
        let distinct = self.distinct(definition, table, place, &present);
        Some(SampledColumn { values: vector, distinct })
    }

    /// How many different values a column has, given those that were sampled, in order and without NULLs.
    fn distinct(&self, definition: &TableDefinition, table: &Table, place: usize, present: &[Value]) -> f64 {
        let sampled = present.len() as f64;
        let rows = self.rows as f64 * sampled / self.row_ids.len().max(1) as f64;
        if definition.row_id_column() == Some(place) {
            return rows;
        }
        let (mut different, mut once) = (0.0, 0.0);
        for group in present.chunk_by(|a, b| a == b) {
            different += 1.0;
            once += f64::from(u8::from(group.len() == 1));
        }
        if self.is_whole() {
            return different;
        }
        let index = definition.indexes.iter().find(|index| index.begins_with(&[place]));
        if let Some(distinct) = index.and_then(|index| count_distinct(definition, table, index, 1)) {
            return distinct;
        }
        let estimate = sampled * different / (sampled - once + once * sampled / rows.max(1.0));
        estimate.clamp(f64::max(different, 1.0), rows.max(different).max(1.0))
    }

    /// Whether the table is still about what it was.
    fn is_current(&self, definition: &TableDefinition, table: &Table) -> bool {
        if self.checked == table.changed() && self.rows == table.len() {
            return true;
        }
        if !about_as_many(self.rows, table.len()) {
            return false;
        }
        let step = (self.row_ids.len() / PROBED_ROWS).max(1);
        let is_same = |number: &usize| {
            self.row_ids.get(*number).and_then(|id| table.get(*id)).is_some_and(|row| {
                let same = |(place, column): (&usize, &Arc<SampledColumn>)| {
                    value_of(definition, *place, row) == column.values.value(*number)
                };
                self.columns.iter().all(same)
            })
        };
        let probed = (0..self.row_ids.len()).step_by(step);
        probed.filter(|number| !is_same(number)).count() <= PROBED_CHANGED_MAX
    }

    /// A column that was asked for.
    pub(crate) fn column(&self, place: usize) -> Option<&SampledColumn> {
        self.columns.get(&place).map(|column| &**column)
    }

    /// How many sampled rows there are.
    pub(crate) fn len(&self) -> usize {
        self.row_ids.len()
    }

    /// Whether the sample is the whole table.
    pub(crate) fn is_whole(&self) -> bool {
        self.rows == self.row_ids.len() as u64
    }

    /// Those of some sampled rows for which a condition over the columns of `source` is true. None if that cannot be
    /// told: it depends on a parameter, fails, or mentions what is not in the sample.
    pub(crate) fn filter(&self, predicate: &Expr, source: Source, rows: &Bits) -> Option<Bits> {
        let mut places: Vec<usize> = self.columns.keys().copied().collect();
        places.sort_unstable();
        let resolve = |column: Column| {
            let number = places.iter().position(|place| *place == column.index())?;
            let kind = type_of(&self.columns[&places[number]].values)?;
            (column.source() == source && !column.is_row_id()).then_some((number, kind))
        };
        let scalar = Scalar::compile_condition(predicate, &resolve).ok()?;
        let columns = places.iter().map(|place| self.columns[place].values.clone());
        let batch = Batch::new(columns, self.row_ids.len());
        scalar.filter_rows(&batch, &Context::new(&[]), rows).ok()
    }
}

impl SampledColumn {
    /// How many different values the column is thought to have.
    pub(crate) fn distinct(&self) -> f64 {
        self.distinct.max(1.0)
    }
}

fn type_of(vector: &Vector<'_>) -> Option<DataType> {
    Some(match vector {
        Vector::Bool { .. } => DataType::Bool,
        Vector::Word { kind, .. } | Vector::Values { kind, .. } => *kind,
        Vector::Decimal { .. } | Vector::Fixed { .. } => crate::evaluate::decimal(0),
        Vector::Text { .. } => DataType::Text { max_length: None },
        Vector::Leaf(column) => column.kind(),
        Vector::Constant { kind, .. } => (*kind)?,
    })
}

fn value_of(definition: &TableDefinition, place: usize, row: RowRef<'_>) -> Value {
    let column = &definition.columns[place];
    match definition.row_id_column() == Some(place) {
        true => Value::Int(row.row_id().get()),
        false => row.value(column.slot, &column.data_type),
    }
}

/// How many different values the first `parts` parts of an index have: the mean of `1/f`, where `f` is the number of
/// entries that agree with an entry, counted in the tree.
fn count_distinct(
    definition: &TableDefinition,
    table: &Table,
    index: &IndexDefinition,
    parts: usize,
) -> Option<f64> {
    let tree = table.index(index.id)?;
    let entries = tree.len();
    if entries == 0 {
        return None;
    }
    if index.unique.is_some() && parts >= index.parts.len() {
        return Some(entries as f64);
    }
    let wanted = entries.min(COUNTED_ROWS as u64);
    let (mut reciprocals, mut seen) = (0.0, 0.0);
    for number in 0..wanted {
        let (start, end) = (number * entries / wanted, (number + 1) * entries / wanted);
        let (_, row) = tree.nth(start + scattered(number) % (end - start).max(1))?;
        let row = table.get(row)?;
        seen += 1.0;
        let mut computed = index.programs.parts.iter();
        let value = |part: &IndexPart| match &part.expr {
            IndexExpr::Column(place) => Some(value_of(definition, *place, row)),
            IndexExpr::Expression(_) => {
                computed.next()?.evaluate_row(definition, row, &Context::new(&[])).ok()
            }
        };
        let values: Vec<Value> = index.parts.iter().take(parts).map(value).collect::<Option<_>>()?;
        if values.iter().any(Value::is_null) {
            continue;
        }
        let range = KeyRange::prefixed(index.encode(definition, &values)?);
        reciprocals += 1.0 / (tree.count_range(range.lower(), range.upper()).max(1) as f64);
    }
    Some((entries as f64 * reciprocals / f64::max(seen, 1.0)).clamp(1.0, entries as f64))
}

/// A number that looks random for each number (Steele, Lea and Flood's SplitMix).
fn scattered(number: u64) -> u64 {
    let mut word = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::{Comparison, Insert, InsertSource, Statement, Update};
    use crate::catalog::{Catalog, NewColumn, NewIndex, NewTable};
    use crate::{Database, Session};
    use nuages_storage::TableId;

    const ROWS: i64 = 6_000;
    const KEY: usize = 1;
    const PLAIN: usize = 2;
    const COPY: usize = 3;

    /// Rows of which `key` (with an index) and `plain` have 200 different values, the small ones far more often, and `copy`
    /// is what `plain` is.
    fn skewed() -> (Database, TableId) {
        let db = Database::new();
        let integer = |name: &str| NewColumn::new(name, DataType::BigInt);
        let columns = [integer("id").generated(), integer("key"), integer("plain"), integer("copy")];
        let table = columns.into_iter().fold(NewTable::new("t"), NewTable::column);
        let table =
            db.create_table(table.primary_key(["id"]).index(NewIndex::new("t_key", ["key"]))).unwrap();
        let value = |n: i64| if n % 2 == 0 { n % 5 } else { scattered(n as u64) as i64 % 200 };
        let row = |n: i64| [n, value(n), value(n), value(n)].map(|n| Some(Expr::literal(n))).into();
        let insert = Insert {
            table,
            columns: vec![0, KEY, PLAIN, COPY],
            rows: InsertSource::Values((1..=ROWS).map(row).collect()),
            source: Source::new(0),
            conflict: None,
            returning: Vec::new(),
        };
        db.execute(&Statement::Insert(insert), &[]).unwrap();
        (db, table)
    }

    fn with<T>(db: &Database, table: TableId, f: impl FnOnce(&TableDefinition, &Table) -> T) -> T {
        let version = db.version().unwrap();
        f(Catalog::of(&version).table(table).unwrap(), version.table(table).unwrap())
    }

    fn distinct(db: &Database, table: TableId, place: usize) -> f64 {
        with(db, table, |definition, rows| {
            let sample = definition.statistics.sample(definition, rows, [place]).unwrap();
            sample.column(place).unwrap().distinct()
        })
    }

    #[test]
    fn different_values_are_counted_well_by_an_index_and_roughly_without() {
        let (db, table) = skewed();
        // Negative remainders make it about 400 different values, half of the rows being of five.
        let real = with(&db, table, |definition, rows| {
            let value = |n| rows.nth(n).map(|row| value_of(definition, KEY, row));
            (0..rows.len()).filter_map(value).collect::<std::collections::BTreeSet<_>>().len() as f64
        });
        let (by_index, by_sample) = (distinct(&db, table, KEY), distinct(&db, table, PLAIN));
        assert!((real * 0.6..real * 1.6).contains(&by_index), "{by_index} of {real}");
        assert!((real * 0.4..real * 2.5).contains(&by_sample), "{by_sample} of {real}");
        assert_eq!(distinct(&db, table, 0), ROWS as f64);
    }

    #[test]
    fn conditions_that_depend_on_each_other_are_estimated_together() {
        let (db, table) = skewed();
        let t = Source::new(0);
        let is = |place| Expr::from(t.column(place)).equals(Expr::literal(0));
        let share = with(&db, table, |definition, rows| {
            let sample = definition.statistics.sample(definition, rows, [PLAIN, COPY]).unwrap();
            let first = sample.filter(&is(PLAIN), t, &Bits::all(sample.len())).unwrap();
            let both = sample.filter(&is(COPY), t, &first).unwrap();
            both.count() as f64 / sample.len() as f64
        });
        assert!((0.07..0.14).contains(&share), "a tenth of the rows are 0 in both columns, not {share}");
    }

    #[test]
    fn a_sample_is_drawn_again_once_the_rows_are_others() {
        let (db, table) = skewed();
        let t = Source::new(0);
        assert!(distinct(&db, table, PLAIN) > 50.0);
        let update = |predicate| {
            let assignments = vec![(PLAIN, Expr::literal(7))];
            let update =
                Update { table, source: t, from: None, predicate, assignments, returning: Vec::new() };
            db.execute(&Statement::Update(update), &[]).unwrap();
        };
        let first = Expr::from(t.column(0)).compare(Comparison::LessOrEqual, Expr::literal(3));
        update(Some(first));
        assert!(distinct(&db, table, PLAIN) > 50.0, "three rows make no difference");
        update(None);
        assert_eq!(distinct(&db, table, PLAIN), 1.0);
    }
}
