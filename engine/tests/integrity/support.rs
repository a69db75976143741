//! Short words for tables, rows and statements.

use nuages_engine::algebra::{
    Comparison, Delete, Expr, Insert, InsertSource, OutputColumn, Source, Statement, Update,
};
use nuages_engine::catalog::NewColumn;
use nuages_engine::{Error, Outcome, Session};
use nuages_storage::{DataType, TableId, Value};

pub(crate) const TEXT: DataType = DataType::Text { max_length: None };
pub(crate) const ROW: Source = Source::new(0);

/// A row of values: `row![1, "a", null]`.
macro_rules! row {
    (@ null) => { nuages_storage::Value::Null };
    (@ $value:expr) => { nuages_storage::Value::from($value) };
    ($($value:tt),* $(,)?) => { vec![$(row!(@ $value)),*] };
}
pub(crate) use row;

pub(crate) fn id() -> NewColumn {
    NewColumn::new("id", DataType::BigInt).generated()
}

pub(crate) fn int(name: &str) -> NewColumn {
    NewColumn::new(name, DataType::BigInt)
}

pub(crate) fn text(name: &str) -> NewColumn {
    NewColumn::new(name, TEXT)
}

pub(crate) fn own(place: usize) -> Expr {
    Source::SELF.column(place).into()
}

pub(crate) fn column(place: usize) -> Expr {
    ROW.column(place).into()
}

pub(crate) fn is(place: usize, value: impl Into<Value>) -> Expr {
    column(place).equals(Expr::literal(value))
}

pub(crate) fn less(left: Expr, right: Expr) -> Expr {
    left.compare(Comparison::Less, right)
}

pub(crate) fn table_id(db: &dyn Session, table: &str) -> TableId {
    db.catalog().unwrap().table_named(table).unwrap().id
}

pub(crate) fn insert_statement(db: &dyn Session, table: &str, rows: &[Vec<Value>]) -> Statement {
    let width = rows.first().map_or(0, Vec::len);
    let literal = |row: &Vec<Value>| row.iter().map(|value| Some(Expr::Literal(value.clone()))).collect();
    Statement::Insert(Insert {
        table: table_id(db, table),
        columns: (0..width).collect(),
        rows: InsertSource::Values(rows.iter().map(literal).collect()),
        conflict: None,
        source: ROW,
        returning: Vec::new(),
    })
}

/// Inserts rows, given from the first column on.
pub(crate) fn try_insert(db: &dyn Session, table: &str, rows: &[Vec<Value>]) -> Result<Outcome, Error> {
    db.execute(&insert_statement(db, table, rows), &[])
}

pub(crate) fn insert(db: &dyn Session, table: &str, rows: &[Vec<Value>]) {
    try_insert(db, table, rows).unwrap();
}

pub(crate) fn update(
    db: &dyn Session,
    table: &str,
    predicate: Option<Expr>,
    assignments: Vec<(usize, Expr)>,
) -> Result<u64, Error> {
    let table = table_id(db, table);
    let update = Update { table, source: ROW, predicate, assignments, returning: Vec::new(), from: None };
    db.execute(&Statement::Update(update), &[]).map(|outcome| outcome.affected)
}

pub(crate) fn delete(db: &dyn Session, table: &str, predicate: Option<Expr>) -> Result<Outcome, Error> {
    delete_returning(db, table, predicate, Vec::new())
}

pub(crate) fn delete_returning(
    db: &dyn Session,
    table: &str,
    predicate: Option<Expr>,
    returning: Vec<OutputColumn>,
) -> Result<Outcome, Error> {
    let table = table_id(db, table);
    db.execute(&Statement::Delete(Delete { table, source: ROW, predicate, returning, using: None }), &[])
}

/// How many rows went, by the names of their tables.
pub(crate) fn deleted(db: &dyn Session, outcome: &Outcome) -> Vec<(String, u64)> {
    let catalog = db.catalog().unwrap();
    let name = |id| catalog.table(id).unwrap().name.clone();
    outcome.per_table.iter().map(|(id, count)| (name(*id), *count)).collect()
}

/// Every row of a table, in the order of row ids, read without the executor. Every index is seen to hold exactly the
/// rows that it should.
pub(crate) fn rows(db: &dyn Session, table: &str) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    db.read(&mut |version| {
        let catalog = nuages_engine::catalog::Catalog::of(version);
        let definition = catalog.table_named(table)?;
        let table = version.table(definition.id).unwrap();
        for slice in table.leaves(..) {
            for row in slice.rows.clone() {
                let row = slice.view.row(row);
                let value = |column: &nuages_engine::catalog::ColumnDefinition| {
                    row.value(column.slot, &column.data_type)
                };
                rows.push(definition.columns.iter().map(value).collect());
            }
        }
        for index in &definition.indexes {
            let tree = table.index(index.id).unwrap();
            assert!(
                index.condition.is_some() || tree.len() == table.len(),
                "index {} has other rows",
                index.name
            );
            let bounds = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
            for (_, row) in tree.range(bounds.0, bounds.1) {
                assert!(table.get(row).is_some(), "index {} has a row that is not there", index.name);
            }
        }
        Ok(())
    })
    .unwrap();
    rows
}
