//! `information_schema`: the catalog as tables, made of what it says when a statement is bound.

use nuages_storage::{DataType, Value};
use sqlparser::ast;

use super::scope::{Columns, Scope, Shape};
use super::typed::{Affinity, TEXT};
use super::{Binder, Bound, last_part};
use crate::algebra::{Expr, Relation};
use crate::catalog::names::nearest;
use crate::catalog::{Catalog, IndexDefinition, TableDefinition};
use crate::sql::error::{Problem, SqlError};

type Row = Vec<Value>;

/// A table of the information schema: its name, its columns, and the rows it has.
struct Virtual {
    name: &'static str,
    columns: &'static [(&'static str, DataType)],
    rows: fn(&Catalog) -> Vec<Row>,
}

const TABLES: [Virtual; 6] = [
    Virtual {
        name: "tables",
        columns: &[("table_schema", TEXT), ("table_name", TEXT), ("table_type", TEXT)],
        rows: tables,
    },
    Virtual {
        name: "columns",
        columns: &[
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("column_name", TEXT),
            ("ordinal_position", DataType::BigInt),
            ("is_nullable", TEXT),
            ("data_type", TEXT),
            ("character_maximum_length", DataType::BigInt),
            ("numeric_precision", DataType::BigInt),
            ("numeric_scale", DataType::BigInt),
        ],
        rows: columns,
    },
    Virtual {
        name: "table_constraints",
        columns: &[
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("constraint_name", TEXT),
            ("constraint_type", TEXT),
            ("is_deferrable", TEXT),
        ],
        rows: constraints,
    },
    Virtual {
        name: "key_column_usage",
        columns: &[
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("constraint_name", TEXT),
            ("column_name", TEXT),
            ("ordinal_position", DataType::BigInt),
        ],
        rows: key_columns,
    },
    Virtual {
        name: "indexes",
        columns: &[
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("index_name", TEXT),
            ("is_unique", TEXT),
            ("column_name", TEXT),
            ("ordinal_position", DataType::BigInt),
        ],
        rows: indexes,
    },
    Virtual {
        name: "views",
        columns: &[("table_schema", TEXT), ("table_name", TEXT), ("view_definition", TEXT)],
        rows: views,
    },
];

impl Binder<'_> {
    /// A table of the information schema, if that is what a name means.
    pub(super) fn information(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
    ) -> Bound<Option<Relation>> {
        let [schema, _] = name.0.as_slice() else { return Ok(None) };
        let is_it =
            schema.as_ident().is_some_and(|schema| schema.value.eq_ignore_ascii_case("information_schema"));
        if !is_it {
            return Ok(None);
        }
        let ident = last_part(name)?;
        let Some(of) = TABLES.iter().find(|table| ident.value.eq_ignore_ascii_case(table.name)) else {
            let nearest = nearest(&ident.value, TABLES.iter().map(|table| table.name));
            return Err(SqlError::at(
                Problem::UnknownTable { name: ident.value.clone(), nearest },
                ident.span,
            ));
        };
        let source = self.source();
        let rows = (of.rows)(self.catalog).into_iter();
        let rows = rows.map(|row| row.into_iter().map(Expr::Literal).collect()).collect();
        let types = of.columns.iter().map(|(_, kind)| *kind).collect();
        let shape = of.columns.iter().map(|(name, kind)| Shape {
            name: (*name).to_owned(),
            kind: Some(*kind),
            affinity: Affinity::None,
        });
        let columns = Columns::Query(shape.collect());
        self.add_table(alias.map_or(ident, |alias| &alias.name), source, columns, scope)?;
        Ok(Some(Relation::Values { source, types, rows }))
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn yes(is_so: bool) -> Value {
    text(if is_so { "YES" } else { "NO" })
}

/// The values that begin each row about a table.
fn about(table: &TableDefinition) -> [Value; 2] {
    [text("public"), text(&table.name)]
}

fn place(place: usize) -> Value {
    Value::Int(i64::try_from(place).unwrap_or(i64::MAX) + 1)
}

fn tables(catalog: &Catalog) -> Vec<Row> {
    let tables = catalog.tables().map(|table| (table.name.as_str(), "BASE TABLE"));
    let views = catalog.views().map(|view| (view.name.as_str(), "VIEW"));
    tables.chain(views).map(|(name, kind)| vec![text("public"), text(name), text(kind)]).collect()
}

fn columns(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in catalog.tables() {
        for (at, column) in table.columns.iter().enumerate() {
            let (precision, scale) = match column.data_type {
                DataType::Decimal { precision, scale } => {
                    (Value::from(i64::from(precision)), i64::from(scale).into())
                }
                _ => (Value::Null, Value::Null),
            };
            let length = match column.data_type {
                DataType::Text { max_length: Some(length) } => i64::from(length).into(),
                _ => Value::Null,
            };
            let mut row = about(table).to_vec();
            row.extend([
                text(&column.name),
                place(at),
                yes(column.nullable),
                text(&column.data_type.to_string()),
            ]);
            row.extend([length, precision, scale]);
            rows.push(row);
        }
    }
    rows
}

/// The keys of a table: the primary key first, then the unique constraints.
fn keys(table: &TableDefinition) -> Vec<(String, &'static str, Vec<String>, bool)> {
    let mut keys = Vec::new();
    let key = table.primary_key_columns();
    if !key.is_empty() {
        keys.push((table.primary_key_name(), "PRIMARY KEY", table.column_names(key), false));
    }
    let uniques = table.indexes.iter().filter_map(|index| Some((index, index.unique.as_ref()?)));
    for (index, unique) in uniques.filter(|(_, unique)| !unique.primary) {
        keys.push((unique.constraint.clone(), "UNIQUE", index.part_names(table), unique.deferred));
    }
    for key in &table.foreign_keys {
        keys.push((key.name.clone(), "FOREIGN KEY", table.column_names(&key.columns), key.deferred));
    }
    keys
}

fn constraints(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in catalog.tables() {
        let checks = table.checks.iter().map(|check| (check.name.clone(), "CHECK", false));
        let keys = keys(table).into_iter().map(|(name, kind, _, deferred)| (name, kind, deferred));
        for (name, kind, deferred) in keys.chain(checks) {
            let mut row = about(table).to_vec();
            row.extend([text(&name), text(kind), yes(deferred)]);
            rows.push(row);
        }
    }
    rows
}

fn key_columns(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in catalog.tables() {
        for (name, _, columns, _) in keys(table) {
            for (at, column) in columns.iter().enumerate() {
                let mut row = about(table).to_vec();
                row.extend([text(&name), text(column), place(at)]);
                rows.push(row);
            }
        }
    }
    rows
}

fn indexes(catalog: &Catalog) -> Vec<Row> {
    let of_index = |table: &TableDefinition, index: &IndexDefinition| -> Vec<Row> {
        let names = index.part_names(table).into_iter().enumerate();
        let row = |(at, column): (usize, String)| {
            let mut row = about(table).to_vec();
            row.extend([text(&index.name), yes(index.unique.is_some()), text(&column), place(at)]);
            row
        };
        names.map(row).collect()
    };
    let of_table = |table: &TableDefinition| -> Vec<Row> {
        table.indexes.iter().flat_map(|index| of_index(table, index)).collect()
    };
    catalog.tables().flat_map(|table| of_table(table)).collect()
}

fn views(catalog: &Catalog) -> Vec<Row> {
    catalog.views().map(|view| vec![text("public"), text(&view.name), text(&view.sql)]).collect()
}
