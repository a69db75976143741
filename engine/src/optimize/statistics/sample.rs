//! Samples: rows of a table drawn evenly, a column at a time.
//!
//! A sample keeps whole rows, so a condition over one table is not estimated term by term from histograms and lists of
//! common values: it is *evaluated* on the sample. That answers for patterns, arithmetic and columns that depend on
//! each other alike. What is rarer than a sample shows, its columns' [statistics](ColumnStatistics) answer for.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use hashbrown::HashMap;
use nuages_storage::{CommitId, DataType, RowId, RowRef, Table, Value};
use smallvec::SmallVec;

use super::distinct::{count_distinct, distinct_of_sampled};
use super::distribution::ColumnStatistics;
use super::{about_as_many, scattered};
use crate::algebra::{Column, Expr, Source};
use crate::batch::Batch;
use crate::bits::Bits;
use crate::catalog::{IndexDefinition, TableDefinition};
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::vector::Vector;

/// Rows of a sample: one batch. The error of a share estimated from it is about 1.5% of the table.
const SAMPLE_ROWS: usize = crate::batch::BATCH_ROWS_MAX;

/// Sampled rows that are looked up again to see whether the table has changed.
const PROBED_ROWS: usize = 16;

/// Of [`PROBED_ROWS`], how many may have changed before the sample is out of date.
const PROBED_CHANGED_MAX: usize = 1;

/// Sampled rows of which is computed how many different values an expression has.
const COMPUTED_ROWS: usize = 256;

/// How an expression is compiled, as a condition or as a value.
type CompileScalar<'a> =
    dyn Fn(&Expr, &dyn Fn(Column) -> Option<(usize, DataType)>) -> Result<Scalar, Error> + 'a;

/// Whether a sample of a table is all of it.
pub(crate) fn is_small(table: &Table) -> bool {
    table.len() <= SAMPLE_ROWS as u64
}

/// Rows of a table, drawn evenly.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// How many rows the table had.
    rows: u64,
    /// For which commit, and how many rows, it is known to be good.
    checked: (CommitId, u64),
    row_ids: Arc<[RowId]>,
    /// The columns that somebody has asked about, by their places.
    columns: HashMap<usize, Arc<SampledColumn>>,
}

/// A column of a sample.
#[derive(Debug)]
pub(crate) struct SampledColumn {
    values: Vector<'static>,
    statistics: ColumnStatistics,
}

impl Sample {
    /// One row from each of [`SAMPLE_ROWS`] equal runs of the table, and no column.
    pub(super) fn draw(table: &Table) -> Sample {
        let rows = table.len();
        let wanted = rows.min(SAMPLE_ROWS as u64);
        let row_id = |number: u64| {
            let (start, end) = (number * rows / wanted, (number + 1) * rows / wanted);
            // A fixed stride could be in step with what lies in the table.
            let place = start + scattered(number) % (end - start).max(1);
            table.nth(place).map(RowRef::row_id)
        };
        let row_ids = (0..wanted).filter_map(row_id).collect();
        Sample { rows, checked: (table.changed(), rows), row_ids, columns: HashMap::new() }
    }

    /// Whether these columns are in it.
    pub(super) fn has(&self, mut columns: impl Iterator<Item = usize>) -> bool {
        columns.all(|place| self.columns.contains_key(&place))
    }

    /// Whether it is known to be good for a table.
    pub(super) fn is_checked(&self, table: &Table) -> bool {
        self.checked == (table.changed(), table.len())
    }

    /// Adds columns that are not in it; false if one of the sampled rows is not there any more.
    pub(super) fn read(
        &mut self,
        definition: &TableDefinition,
        table: &Table,
        columns: impl Iterator<Item = usize>,
    ) -> bool {
        for place in columns {
            if !self.columns.contains_key(&place) {
                let Some(column) = self.read_column(definition, table, place) else { return false };
                self.columns.insert(place, Arc::new(column));
            }
        }
        self.checked = (table.changed(), table.len());
        true
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
        let statistics = ColumnStatistics::of(&present, self.row_ids.len(), distinct, self.is_whole());
        Some(SampledColumn { values: vector, statistics })
    }

    /// How many different values a column has, given those that were sampled, in order and without NULLs.
    fn distinct(&self, definition: &TableDefinition, table: &Table, place: usize, present: &[Value]) -> f64 {
        let rows = self.rows as f64 * present.len() as f64 / self.row_ids.len().max(1) as f64;
        if self.is_whole() {
            return present.chunk_by(|a, b| a == b).count() as f64;
        }
        if definition.row_id_column() == Some(place) {
            return rows;
        }
        let counts = |index: &&IndexDefinition| index.begins_with(&[place]);
        let index = definition.indexes.iter().find(counts);
        let counted = index.and_then(|index| count_distinct(definition, table, index, 1));
        counted.unwrap_or_else(|| distinct_of_sampled(present, rows))
    }

    /// Whether the table is still about what it was.
    pub(super) fn is_current(&self, definition: &TableDefinition, table: &Table) -> bool {
        if self.is_checked(table) {
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

    /// How many different values an expression over the columns of `source` is thought to have.
    pub(crate) fn distinct_computed(&self, expr: &Expr, source: Source) -> Option<f64> {
        let step = (self.len() / COMPUTED_ROWS).max(1);
        let rows = Bits::from_fn(self.len(), |row| row % step == 0);
        let taken = |column: &SampledColumn| {
            let kind = type_of(&column.values)?;
            Some(Vector::from_values(kind, column.values(&rows)))
        };
        let (scalar, mentioned) = self.compiled(expr, source, &Scalar::compile)?;
        let columns = mentioned.into_iter().map(taken).collect::<Option<Vec<_>>>()?;
        let values = scalar.evaluate(&Batch::new(columns, rows.count()), &Context::new(&[])).ok()?;
        let mut present: Vec<Value> = (0..rows.count()).map(|row| values.value(row)).collect();
        present.retain(|value| !value.is_null());
        present.sort_unstable();
        Some(distinct_of_sampled(&present, self.rows as f64).max(1.0))
    }

    /// Those of some sampled rows for which a condition over the columns of `source` is true. None if that cannot be
    /// told: it depends on a parameter, fails, or mentions what is not in the sample.
    pub(crate) fn filter(&self, predicate: &Expr, source: Source, rows: &Bits) -> Option<Bits> {
        let (scalar, mentioned) = self.compiled(predicate, source, &Scalar::compile_condition)?;
        let columns: Vec<_> = mentioned.into_iter().map(SampledColumn::borrowed).collect();
        let batch = Batch::new(columns, self.row_ids.len());
        scalar.filter_rows(&batch, &Context::new(&[]), rows).ok()
    }

    /// An expression, compiled over the sampled columns that it mentions.
    fn compiled<'s>(
        &'s self,
        expr: &Expr,
        source: Source,
        compile: &CompileScalar<'_>,
    ) -> Option<(Scalar, SmallVec<[&'s SampledColumn; 4]>)> {
        let mentioned: RefCell<SmallVec<[&SampledColumn; 4]>> = RefCell::default();
        let resolve = |column: Column| {
            let is_own = column.source() == source && !column.is_row_id();
            let sampled = self.column(column.index()).filter(|_| is_own)?;
            let mut mentioned = mentioned.borrow_mut();
            let known = mentioned.iter().position(|known| std::ptr::eq(*known, sampled));
            let place = known.unwrap_or_else(|| {
                mentioned.push(sampled);
                mentioned.len() - 1
            });
            Some((place, type_of(&sampled.values)?))
        };
        let scalar = compile(expr, &resolve).ok()?;
        Some((scalar, mentioned.into_inner()))
    }
}

impl SampledColumn {
    /// What its values are like.
    pub(crate) fn statistics(&self) -> &ColumnStatistics {
        &self.statistics
    }

    /// How many different values the column is thought to have.
    pub(crate) fn distinct(&self) -> f64 {
        self.statistics.distinct.max(1.0)
    }

    /// The values, without a copy of what is large.
    fn borrowed(&self) -> Vector<'_> {
        match &self.values {
            Vector::Word { kind, data, nulls } => {
                Vector::Word { kind: *kind, data: Cow::Borrowed(data), nulls: nulls.clone() }
            }
            other => other.clone(),
        }
    }

    /// The values of these sampled rows.
    pub(crate) fn values(&self, rows: &Bits) -> impl Iterator<Item = Value> {
        rows.iter().map(|row| self.values.value(row))
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

pub(super) fn value_of(definition: &TableDefinition, place: usize, row: RowRef<'_>) -> Value {
    let column = &definition.columns[place];
    match definition.row_id_column() == Some(place) {
        true => Value::Int(row.row_id().get()),
        false => row.value(column.slot, &column.data_type),
    }
}
