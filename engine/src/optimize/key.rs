//! Keys of relations: columns in which no two rows agree.

use nuages_storage::DataType;

use super::planner::Planner;
use smallvec::SmallVec;

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
                let own = columns.iter().filter(|column| column.source() == *source && !column.is_row_id());
                let below = own.filter_map(|column| match defined.get(column.index()) {
                    Some(Expr::Column(below)) => Some(*below),
                    _ => None,
                });
                self.has_key(input, &below.collect::<SmallVec<[Column; 8]>>())
            }
            Relation::Aggregate { source, keys, .. } => {
                (0..keys.len()).all(|place| columns.contains(&source.column(place)))
            }
            Relation::Distinct { input, on } => on.iter().all(is_among) || self.has_key(input, columns),
            Relation::Join { kind: JoinKind::Semi | JoinKind::Anti, left, .. } => self.has_key(left, columns),
            _ => false,
        }
    }

    /// Which of the keys of a grouping tell its groups apart, by their places: where a key of a table is grouped by, its
    /// other columns are the same wherever that is the same, also where an outer join found no row.
    pub(super) fn deciding(&self, keys: &[Expr]) -> Vec<usize> {
        let columns: Vec<Column> = keys
            .iter()
            .filter_map(|key| match key {
                Expr::Column(column) => Some(*column),
                _ => None,
            })
            .collect();
        let is_decided = |key: &Expr| match key {
            Expr::Column(column) => {
                let table = self.scanned(column.source()).and_then(|table| self.table(table).ok());
                let key = table.and_then(|table| key_among(table, column.source(), &columns));
                key.is_some_and(|key| !key.contains(column))
            }
            _ => false,
        };
        (0..keys.len()).filter(|place| !is_decided(&keys[*place])).collect()
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
    key_among(table, source, columns).is_some()
}

/// Some of the columns of `source` in which no two rows of its table agree, if there are such among these.
fn key_among(table: &TableDefinition, source: Source, columns: &[Column]) -> Option<SmallVec<[Column; 2]>> {
    let own = |place: usize| Some(source.column(place)).filter(|column| columns.contains(column));
    let row_id = Some(source.row_id()).filter(|row_id| columns.contains(row_id));
    if let Some(row_id) = row_id.or_else(|| own(table.row_id_column()?)) {
        return Some(SmallVec::from_slice(&[row_id]));
    }
    let unique = table.indexes.iter().filter(|index| index.is_unique() && index.condition.is_none());
    let mut parts = unique.map(|index| {
        index.parts.iter().map(|part| part.column().filter(|_| !part.nullable).and_then(own)).collect()
    });
    parts.find_map(|parts: Option<_>| parts)
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{C, P, column, family};
    use super::*;

    #[test]
    fn the_columns_of_a_table_are_decided_by_its_key() {
        let family = family();
        let join = |kind| {
            let tie = column(C, 1).equals(column(P, 0));
            family.parent.clone().join(kind, family.child.clone(), tie)
        };
        let sum = || Expr::literal(1);
        let cases = [
            (vec![column(P, 0), column(P, 1)], vec![0]),
            (vec![column(P, 1), column(P, 0)], vec![1]),
            // What is computed, and what another table has, is no column of the key's table.
            (vec![column(P, 0), sum(), column(C, 1), column(C, 2)], vec![0, 1, 2, 3]),
            (vec![column(P, 0), column(P, 1), column(C, 0), column(C, 2)], vec![0, 2]),
            (vec![column(P, 1), column(C, 2)], vec![0, 1]),
            (vec![column(P, 0), Expr::Column(P.row_id()), column(P, 1)], vec![1]),
        ];
        for kind in [JoinKind::Inner, JoinKind::Left] {
            for (keys, expected) in &cases {
                let deciding = family.plan(join(kind), |planner, _| planner.deciding(keys));
                assert_eq!(deciding, *expected, "{keys:?}");
            }
        }
    }
}
