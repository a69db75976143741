//! The catalog as tables: `information_schema`, PostgreSQL's `pg_indexes`, `pg_tables`, `pg_views` and `pg_stats`, and
//! SQLite's `sqlite_schema` and `sqlite_temp_schema`. They are made of what the catalog says when a statement is bound.

mod indexes;
mod keys;

use std::sync::Arc;

use nuages_storage::{DataType, Steps, Value};
use sqlparser::ast;

use super::scope::{Columns, Scope, Shape};
use super::sequence::serial_keys;
use super::typed::TEXT;
use super::{Binder, Bound, last_part};
use crate::algebra::{Expr, Relation};
use crate::catalog::names::nearest;
use crate::catalog::sequence::integers;
use crate::catalog::{Catalog, ColumnDefinition, TableDefinition};
use crate::sql::error::{Problem, SqlError};
use crate::sql::print::{Definition, index_statement, own};

type Row = Vec<Value>;

/// Where a table of the catalog is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    /// `information_schema`, which must be named.
    Information,
    /// `pg_catalog`, which need not.
    PostgreSql,
    /// SQLite's own, without a schema.
    Sqlite,
}

/// A table of the catalog: its name, its columns, and the rows it has.
struct Virtual {
    home: Home,
    name: &'static str,
    columns: &'static [(&'static str, DataType)],
    rows: fn(&Catalog) -> Vec<Row>,
}

const NUMBER: DataType = DataType::BigInt;

/// What the information schema calls the one database and the one schema that there are.
const DATABASE: &str = "nuages";
const SCHEMA: &str = "public";

const TABLES: [Virtual; 19] = [
    Virtual {
        home: Home::Information,
        name: "schemata",
        columns: &[("catalog_name", TEXT), ("schema_name", TEXT)],
        rows: |_| {
            let schemas = [SCHEMA, "information_schema", "pg_catalog"];
            schemas.map(|schema| vec![text(DATABASE), text(schema)]).to_vec()
        },
    },
    Virtual {
        home: Home::Information,
        name: "tables",
        columns: &[
            ("table_catalog", TEXT),
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("table_type", TEXT),
            ("is_insertable_into", TEXT),
        ],
        rows: tables,
    },
    Virtual {
        home: Home::Information,
        name: "columns",
        columns: &[
            ("table_catalog", TEXT),
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("column_name", TEXT),
            ("ordinal_position", NUMBER),
            ("column_default", TEXT),
            ("is_nullable", TEXT),
            ("data_type", TEXT),
            ("character_maximum_length", NUMBER),
            ("numeric_precision", NUMBER),
            ("numeric_scale", NUMBER),
            ("is_identity", TEXT),
            ("is_generated", TEXT),
            ("generation_expression", TEXT),
            ("udt_schema", TEXT),
            ("udt_name", TEXT),
        ],
        rows: columns,
    },
    Virtual {
        home: Home::Information,
        name: "table_constraints",
        columns: &[
            ("constraint_catalog", TEXT),
            ("constraint_schema", TEXT),
            ("constraint_name", TEXT),
            ("table_catalog", TEXT),
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("constraint_type", TEXT),
            ("is_deferrable", TEXT),
            ("initially_deferred", TEXT),
        ],
        rows: keys::constraints,
    },
    Virtual {
        home: Home::Information,
        name: "key_column_usage",
        columns: &[
            ("constraint_catalog", TEXT),
            ("constraint_schema", TEXT),
            ("constraint_name", TEXT),
            ("table_catalog", TEXT),
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("column_name", TEXT),
            ("ordinal_position", NUMBER),
            ("position_in_unique_constraint", NUMBER),
        ],
        rows: keys::key_columns,
    },
    Virtual {
        home: Home::Information,
        name: "constraint_column_usage",
        columns: &[
            ("table_catalog", TEXT),
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("column_name", TEXT),
            ("constraint_catalog", TEXT),
            ("constraint_schema", TEXT),
            ("constraint_name", TEXT),
        ],
        rows: keys::constrained_columns,
    },
    Virtual {
        home: Home::Information,
        name: "referential_constraints",
        columns: &[
            ("constraint_catalog", TEXT),
            ("constraint_schema", TEXT),
            ("constraint_name", TEXT),
            ("unique_constraint_catalog", TEXT),
            ("unique_constraint_schema", TEXT),
            ("unique_constraint_name", TEXT),
            ("match_option", TEXT),
            ("update_rule", TEXT),
            ("delete_rule", TEXT),
        ],
        rows: keys::references,
    },
    Virtual {
        home: Home::Information,
        name: "check_constraints",
        columns: &[
            ("constraint_catalog", TEXT),
            ("constraint_schema", TEXT),
            ("constraint_name", TEXT),
            ("check_clause", TEXT),
        ],
        rows: keys::checks,
    },
    Virtual {
        home: Home::Information,
        name: "views",
        columns: &[
            ("table_catalog", TEXT),
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("view_definition", TEXT),
        ],
        rows: views,
    },
    Virtual {
        home: Home::Information,
        name: "sequences",
        columns: &[
            ("sequence_catalog", TEXT),
            ("sequence_schema", TEXT),
            ("sequence_name", TEXT),
            ("data_type", TEXT),
            ("start_value", TEXT),
            ("minimum_value", TEXT),
            ("maximum_value", TEXT),
            ("increment", TEXT),
            ("cycle_option", TEXT),
        ],
        rows: sequences,
    },
    Virtual {
        home: Home::Information,
        name: "indexes",
        columns: &[
            ("table_catalog", TEXT),
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("index_name", TEXT),
            ("is_unique", TEXT),
            ("column_name", TEXT),
            ("ordinal_position", NUMBER),
        ],
        rows: indexes::indexes,
    },
    Virtual {
        home: Home::PostgreSql,
        name: "pg_indexes",
        columns: &[("schemaname", TEXT), ("tablename", TEXT), ("indexname", TEXT), ("indexdef", TEXT)],
        rows: indexes::pg_indexes,
    },
    Virtual {
        home: Home::PostgreSql,
        name: "pg_tables",
        columns: &[("schemaname", TEXT), ("tablename", TEXT), ("hasindexes", DataType::Bool)],
        rows: |catalog| {
            let row = |table: &TableDefinition| {
                let has_indexes = !table.indexes.is_empty() || table.row_id_column().is_some();
                vec![text(SCHEMA), text(&table.name), Value::Bool(has_indexes)]
            };
            catalog.permanent_tables().map(|table| row(table)).collect()
        },
    },
    Virtual {
        home: Home::PostgreSql,
        name: "pg_views",
        columns: &[("schemaname", TEXT), ("viewname", TEXT), ("definition", TEXT)],
        rows: |catalog| {
            catalog.views().map(|view| vec![text(SCHEMA), text(&view.name), text(&view.sql)]).collect()
        },
    },
    Virtual {
        home: Home::PostgreSql,
        name: "pg_stats",
        columns: &[
            ("schemaname", TEXT),
            ("tablename", TEXT),
            ("attname", TEXT),
            ("null_frac", DataType::Float),
            ("n_distinct", DataType::Float),
            ("most_common_vals", TEXT),
            ("most_common_freqs", TEXT),
            ("histogram_bounds", TEXT),
        ],
        rows: statistics,
    },
    Virtual { home: Home::Sqlite, name: "sqlite_schema", columns: SQLITE_COLUMNS, rows: sqlite_schema },
    Virtual { home: Home::Sqlite, name: "sqlite_master", columns: SQLITE_COLUMNS, rows: sqlite_schema },
    Virtual {
        home: Home::Sqlite,
        name: "sqlite_temp_schema",
        columns: SQLITE_COLUMNS,
        rows: sqlite_temp_schema,
    },
    Virtual {
        home: Home::Sqlite,
        name: "sqlite_temp_master",
        columns: SQLITE_COLUMNS,
        rows: sqlite_temp_schema,
    },
];

const SQLITE_COLUMNS: &[(&str, DataType)] =
    &[("type", TEXT), ("name", TEXT), ("tbl_name", TEXT), ("rootpage", NUMBER), ("sql", TEXT)];

impl Binder<'_> {
    /// A table of the catalog, if that is what a name means.
    pub(super) fn information(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
    ) -> Bound<Option<Relation>> {
        let ident = last_part(name)?;
        let is = |part: &ast::ObjectNamePart, word: &str| {
            part.as_ident().is_some_and(|part| part.value.eq_ignore_ascii_case(word))
        };
        let homes: &[Home] = match name.0.as_slice() {
            [schema, _] if is(schema, "information_schema") => &[Home::Information],
            [schema, _] if is(schema, "pg_catalog") => &[Home::PostgreSql],
            // A table of the user's is no error here.
            [schema, table] if self.is_sqlite() && is(schema, "main") => match table.as_ident() {
                Some(table) if table.value.to_ascii_lowercase().starts_with("sqlite_") => &[Home::Sqlite],
                _ => return Ok(None),
            },
            [_] if self.is_sqlite() => &[Home::Sqlite, Home::PostgreSql],
            [_] => &[Home::PostgreSql],
            _ => return Ok(None),
        };
        let is_meant =
            |table: &&Virtual| ident.value.eq_ignore_ascii_case(table.name) && homes.contains(&table.home);
        let Some(of) = TABLES.iter().find(is_meant) else {
            if name.0.len() == 1 {
                return Ok(None);
            }
            let of_home = TABLES.iter().filter(|table| homes.contains(&table.home));
            let nearest = nearest(&ident.value, of_home.map(|table| table.name));
            return Err(SqlError::at(
                Problem::UnknownTable { name: ident.value.clone(), nearest },
                ident.span,
            ));
        };
        let source = self.source();
        let rows = (of.rows)(self.catalog).into_iter();
        let rows = rows.map(|row| row.into_iter().map(Expr::Literal).collect()).collect();
        let types = of.columns.iter().map(|(_, kind)| *kind).collect();
        let shape = of.columns.iter().map(|(name, kind)| Shape::of_type(*name, *kind));
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

/// The values that name something: the database, the schema and the name.
fn named(name: &str) -> [Value; 3] {
    [text(DATABASE), text(SCHEMA), text(name)]
}

/// The same of a table, which may be a temporary one of the connection.
fn named_table(table: &TableDefinition) -> [Value; 3] {
    let schema = if table.id.is_temporary() { "pg_temp" } else { SCHEMA };
    [text(DATABASE), text(schema), text(&table.name)]
}

fn row(parts: impl IntoIterator<Item = Vec<Value>>) -> Row {
    parts.into_iter().flatten().collect()
}

fn place(place: usize) -> Value {
    Value::Int(i64::try_from(place).unwrap_or(i64::MAX) + 1)
}

fn sequences(catalog: &Catalog) -> Vec<Row> {
    let of = |name: &str, data_type: DataType, steps: Steps| {
        let Steps { start, increment, min, max, cycles } = steps;
        let numbers = [start, min, max, increment].map(|number| text(&number.to_string()));
        row([named(name).into(), vec![text(&data_type.to_string())], numbers.into(), vec![yes(cycles)]])
    };
    let sequences = catalog.sequences().filter(|sequence| !sequence.id.is_temporary());
    let sequences = sequences.map(|sequence| of(&sequence.name, sequence.data_type, sequence.steps));
    let keys = serial_keys(catalog).map(|(_, column, numbering)| {
        let max = integers(column.data_type).1;
        of(&numbering.name, column.data_type, Steps { max, ..numbering.steps })
    });
    sequences.chain(keys).collect()
}

fn tables(catalog: &Catalog) -> Vec<Row> {
    let of = |table: &TableDefinition| {
        let kind = if table.id.is_temporary() { "LOCAL TEMPORARY" } else { "BASE TABLE" };
        row([named_table(table).to_vec(), vec![text(kind), yes(true)]])
    };
    let tables = catalog.tables().map(|table| of(table));
    let views = catalog.views();
    let views = views.map(|view| row([named(&view.name).to_vec(), vec![text("VIEW"), yes(false)]]));
    tables.chain(views).collect()
}

fn columns(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in catalog.tables() {
        for (at, column) in table.columns.iter().enumerate() {
            let (precision, scale) = match column.data_type {
                DataType::Decimal { precision, scale } if precision > 0 => {
                    (Value::from(i64::from(precision)), i64::from(scale).into())
                }
                _ => (Value::Null, Value::Null),
            };
            let length = match column.data_type {
                DataType::Text { max_length: Some(length) } => i64::from(length).into(),
                _ => Value::Null,
            };
            let printed = |expr: &Expr| text(&own(expr, table));
            let computed = table.computed(at);
            rows.push(row([
                named_table(table).to_vec(),
                vec![
                    text(&column.name),
                    place(at),
                    column.default.as_ref().map_or(Value::Null, printed),
                    yes(column.nullable),
                    text(&match (column.element, &column.enumeration) {
                        (Some(_), _) => "ARRAY".to_owned(),
                        (None, Some(_)) => "USER-DEFINED".to_owned(),
                        (None, None) => column.data_type.to_string(),
                    }),
                ],
                vec![length, precision, scale, yes(column.generated_key)],
                vec![
                    text(if computed.is_some() { "ALWAYS" } else { "NEVER" }),
                    computed.map_or(Value::Null, |computed| printed(&computed.expr)),
                ],
                own_type(column),
            ]));
        }
    }
    rows
}

/// The schema and the name of a column's type, as PostgreSQL itself calls it.
fn own_type(column: &ColumnDefinition) -> Vec<Value> {
    let name = |kind: DataType| match kind {
        DataType::Bool => "bool",
        DataType::SmallInt => "int2",
        DataType::Integer => "int4",
        DataType::BigInt => "int8",
        DataType::Float => "float8",
        DataType::Decimal { .. } => "numeric",
        DataType::Text { max_length: None } => "text",
        DataType::Text { max_length: Some(_) } => "varchar",
        DataType::Bytes => "bytea",
        DataType::Date => "date",
        DataType::Time => "time",
        DataType::Timestamp => "timestamptz",
        DataType::Duration => "interval",
        DataType::Uuid => "uuid",
        DataType::Json => "jsonb",
    };
    match (&column.enumeration, column.element) {
        (Some(of), _) => vec![text(SCHEMA), text(&of.name)],
        (None, Some(element)) => vec![text("pg_catalog"), text(&format!("_{}", name(element)))],
        (None, None) => vec![text("pg_catalog"), text(name(column.data_type))],
    }
}

/// What is known of columns: of those that a plan or `ANALYZE` has looked at.
fn statistics(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in catalog.permanent_tables() {
        for (column, known) in table.known_statistics() {
            let list = |values: Vec<String>| match values.is_empty() {
                true => Value::Null,
                false => Value::Text(format!("{{{}}}", values.join(","))),
            };
            let value = |value: &Value| match value {
                Value::Text(text) => format!("{text:?}"),
                other => other.to_string(),
            };
            rows.push(vec![
                text(SCHEMA),
                text(&table.name),
                text(&column.name),
                Value::Float(known.null_share),
                Value::Float(known.distinct),
                list(known.common.iter().map(|(common, _)| value(common)).collect()),
                list(known.common.iter().map(|(_, share)| share.to_string()).collect()),
                list(known.bounds.iter().map(value).collect()),
            ]);
        }
    }
    rows
}

fn views(catalog: &Catalog) -> Vec<Row> {
    catalog.views().map(|view| row([named(&view.name).to_vec(), vec![text(&view.sql)]])).collect()
}

/// What is defined, with the statements that define it; an index that a constraint of the table makes has none.
fn sqlite_schema(catalog: &Catalog) -> Vec<Row> {
    let mut rows = sqlite_tables(catalog, catalog.permanent_tables());
    let mut add = |kind: &str, name: &str, table: &str, sql: Value| {
        rows.push(vec![text(kind), text(name), text(table), Value::Int(0), sql]);
    };
    for view in catalog.views() {
        let sql = format!("CREATE VIEW {} AS {}", view.name, view.sql);
        add("view", &view.name, &view.name, text(&sql));
    }
    for trigger in catalog.triggers() {
        let table = catalog.table(trigger.table).map(|table| table.name.as_str()).unwrap_or_default();
        add("trigger", &trigger.name, table, text(&trigger.sql));
    }
    rows
}

/// The same of the temporary tables of the connection.
fn sqlite_temp_schema(catalog: &Catalog) -> Vec<Row> {
    sqlite_tables(catalog, catalog.temporary_tables())
}

fn sqlite_tables<'a>(catalog: &Catalog, tables: impl Iterator<Item = &'a Arc<TableDefinition>>) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in tables {
        let definition = Definition::of(table, catalog);
        let mut add = |kind: &str, name: &str, sql: Value| {
            rows.push(vec![text(kind), text(name), text(&table.name), Value::Int(0), sql]);
        };
        add("table", &table.name, text(&definition.table));
        for index in &table.indexes {
            let statement = index_statement(index, table);
            let sql = if definition.indexes.contains(&statement) { text(&statement) } else { Value::Null };
            add("index", &index.name, sql);
        }
    }
    rows
}
