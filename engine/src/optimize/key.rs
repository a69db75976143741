//! Keys of relations: columns in which no two rows agree.

use hashbrown::HashMap;
use nuages_storage::DataType;

use super::planner::Planner;
use crate::algebra::{Column, Expr, JoinKind, Relation, RowCount, Source};
use crate::catalog::TableDefinition;

impl Planner<'_> {
    /// Whether no two rows of a relation agree in these columns, NULLs agreeing with NULLs.
    pub(crate) fn has_key(&self, relation: &Relation, columns: &[Column]) -> bool {
        let is_among = |expr: &Expr| matches!(expr, Expr::Column(column) if columns.contains(column));
        match relation {
            Relation::Unit => true,
            Relation::Scan { table, source } => {
                self.table(*table).is_ok_and(|table| is_key(table, *source, columns))
            }
            Relation::Filter { input, .. } | Relation::Sort { input, .. } => self.has_key(input, columns),
            Relation::Limit { input, count, .. } => {
                count.as_ref().and_then(RowCount::fixed).is_some_and(|count| count <= 1)
                    || self.has_key(input, columns)
            }
            Relation::Project { input, source, columns: defined } => {
                let by: HashMap<Column, &Expr> =
                    defined.iter().enumerate().map(|(place, expr)| (source.column(place), expr)).collect();
                let below: Vec<Column> = columns
                    .iter()
                    .filter_map(|column| match by.get(column) {
                        Some(Expr::Column(below)) => Some(*below),
                        _ => None,
                    })
                    .collect();
                self.has_key(input, &below)
            }
            Relation::Aggregate { source, keys, .. } => {
                (0..keys.len()).all(|place| columns.contains(&source.column(place)))
            }
            Relation::Distinct { input, on } => on.iter().all(is_among) || self.has_key(input, columns),
            Relation::Join { kind: JoinKind::Semi | JoinKind::Anti, left, .. } => self.has_key(left, columns),
            _ => false,
        }
    }

    /// The place of a column in its table; of the row id the primary key's, if that is what it is.
    pub(crate) fn place(&self, column: Column) -> Option<usize> {
        let definition = self.table(self.scanned(column.source())?).ok()?;
        match column.is_row_id() {
            true => definition.row_id_column(),
            false => (column.index() < definition.columns.len()).then_some(column.index()),
        }
    }

    /// The type of a column of a scan.
    pub(crate) fn column_type(&self, column: Column) -> Option<DataType> {
        if column.is_row_id() {
            return Some(DataType::BigInt);
        }
        let definition = self.table(self.scanned(column.source())?).ok()?;
        definition.columns.get(column.index()).map(|column| column.data_type)
    }
}

/// Whether no two rows of a table agree in these of the columns of `source`.
fn is_key(table: &TableDefinition, source: Source, columns: &[Column]) -> bool {
    let own = |place: usize| columns.contains(&source.column(place));
    columns.contains(&source.row_id())
        || table.row_id_column().is_some_and(own)
        || table.indexes.iter().any(|index| {
            index.is_unique()
                && index.condition.is_none()
                && index.parts.iter().all(|part| !part.nullable && part.column().is_some_and(own))
        })
}
