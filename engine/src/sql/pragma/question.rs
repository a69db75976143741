//! What a `PRAGMA` asks about the schema, answered from the catalog.
//!
//! In FROM the same questions are functions that make rows: `pragma_table_info('song')`.

use nuages_storage::{DataType, Value};

use crate::catalog::{Catalog, Collation, IndexDefinition, TableDefinition};
use crate::sql::print::{Definition, index_statement, own};

pub(in crate::sql) type Row = Vec<Value>;

const TEXT: DataType = DataType::Text { max_length: None };
const NUMBER: DataType = DataType::BigInt;

/// What is asked about, and of which catalog.
pub(in crate::sql) struct Asked<'a> {
    pub(in crate::sql) catalog: &'a Catalog,
    /// The name of a table or an index, if one was given.
    pub(in crate::sql) argument: Option<&'a str>,
}

impl Asked<'_> {
    /// What is told of the table that is asked about; nothing if there is none of this name.
    fn of_table(&self, tell: impl FnOnce(&TableDefinition, &Catalog) -> Vec<Row>) -> Vec<Row> {
        let name = self.argument.unwrap_or_default();
        let table = self.catalog.tables().find(|table| table.name.eq_ignore_ascii_case(name));
        table.map(|table| tell(table, self.catalog)).unwrap_or_default()
    }

    /// The same of an index.
    fn of_index(&self, tell: impl FnOnce(&IndexDefinition, &TableDefinition) -> Vec<Row>) -> Vec<Row> {
        let name = self.argument.unwrap_or_default();
        let is_named = |index: &&IndexDefinition| index.name.eq_ignore_ascii_case(name);
        let found =
            self.catalog.tables().find_map(|table| Some((table, table.indexes.iter().find(is_named)?)));
        found.map(|(table, index)| tell(index, table)).unwrap_or_default()
    }
}

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) enum About {
    /// All there is.
    Everything,
    Table,
    Index,
}

/// A `PRAGMA` that is answered.
pub(in crate::sql) struct Question {
    pub(in crate::sql) name: &'static str,
    pub(in crate::sql) about: About,
    pub(in crate::sql) columns: &'static [(&'static str, DataType)],
    pub(in crate::sql) answer: fn(&Asked<'_>) -> Vec<Row>,
}

pub(in crate::sql) const QUESTIONS: [Question; 14] = [
    Question {
        name: "database_list",
        about: About::Everything,
        columns: &[("seq", NUMBER), ("name", TEXT), ("file", TEXT)],
        answer: |_| vec![vec![0.into(), "main".into(), "".into()]],
    },
    // A row that refers to nothing cannot be committed.
    Question {
        name: "foreign_key_check",
        about: About::Everything,
        columns: &[("table", TEXT), ("rowid", NUMBER), ("parent", TEXT), ("fkid", NUMBER)],
        answer: |_| Vec::new(),
    },
    Question {
        name: "foreign_key_list",
        about: About::Table,
        columns: &[
            ("id", NUMBER),
            ("seq", NUMBER),
            ("table", TEXT),
            ("from", TEXT),
            ("to", TEXT),
            ("on_update", TEXT),
            ("on_delete", TEXT),
            ("match", TEXT),
        ],
        answer: |asked| asked.of_table(references_of),
    },
    Question {
        name: "foreign_keys",
        about: About::Everything,
        columns: &[("foreign_keys", NUMBER)],
        answer: |asked| if asked.argument.is_none() { vec![vec![1.into()]] } else { Vec::new() },
    },
    Question {
        name: "index_info",
        about: About::Index,
        columns: &[("seqno", NUMBER), ("cid", NUMBER), ("name", TEXT)],
        answer: |asked| asked.of_index(|index, table| parts_of(index, table, false)),
    },
    Question {
        name: "index_list",
        about: About::Table,
        columns: &[
            ("seq", NUMBER),
            ("name", TEXT),
            ("unique", NUMBER),
            ("origin", TEXT),
            ("partial", NUMBER),
        ],
        answer: |asked| asked.of_table(indexes_of),
    },
    Question {
        name: "index_xinfo",
        about: About::Index,
        columns: &[
            ("seqno", NUMBER),
            ("cid", NUMBER),
            ("name", TEXT),
            ("desc", NUMBER),
            ("coll", TEXT),
            ("key", NUMBER),
        ],
        answer: |asked| asked.of_index(|index, table| parts_of(index, table, true)),
    },
    // What is tested there is tested here when a database is opened, and cannot come later.
    Question {
        name: "integrity_check",
        about: About::Everything,
        columns: &[("integrity_check", TEXT)],
        answer: ok,
    },
    Question { name: "quick_check", about: About::Everything, columns: &[("quick_check", TEXT)], answer: ok },
    Question {
        name: "table_info",
        about: About::Table,
        columns: &[
            ("cid", NUMBER),
            ("name", TEXT),
            ("type", TEXT),
            ("notnull", NUMBER),
            ("dflt_value", TEXT),
            ("pk", NUMBER),
        ],
        answer: |asked| asked.of_table(|table, _| columns_of(table, false)),
    },
    Question {
        name: "table_list",
        about: About::Everything,
        columns: &[
            ("schema", TEXT),
            ("name", TEXT),
            ("type", TEXT),
            ("ncol", NUMBER),
            ("wr", NUMBER),
            ("strict", NUMBER),
        ],
        answer: |asked| tables(asked.catalog),
    },
    Question {
        name: "table_xinfo",
        about: About::Table,
        columns: &[
            ("cid", NUMBER),
            ("name", TEXT),
            ("type", TEXT),
            ("notnull", NUMBER),
            ("dflt_value", TEXT),
            ("pk", NUMBER),
            ("hidden", NUMBER),
        ],
        answer: |asked| asked.of_table(|table, _| columns_of(table, true)),
    },
    Question {
        name: "encoding",
        about: About::Everything,
        columns: &[("encoding", TEXT)],
        answer: |asked| if asked.argument.is_none() { vec![vec!["UTF-8".into()]] } else { Vec::new() },
    },
    Question {
        name: "collation_list",
        about: About::Everything,
        columns: &[("seq", NUMBER), ("name", TEXT)],
        answer: |_| vec![vec![0.into(), "NOCASE".into()], vec![1.into(), "BINARY".into()]],
    },
];

fn ok(_: &Asked<'_>) -> Vec<Row> {
    vec![vec!["ok".into()]]
}

fn number(number: usize) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn flag(is_so: bool) -> Value {
    i64::from(is_so).into()
}

fn tables(catalog: &Catalog) -> Vec<Row> {
    let row = |name: &str, kind: &str, columns: usize| {
        vec!["main".into(), name.into(), kind.into(), number(columns), 0.into(), 1.into()]
    };
    let tables = catalog.tables().map(|table| row(&table.name, "table", table.columns.len()));
    tables.chain(catalog.views().map(|view| row(&view.name, "view", view.columns.len()))).collect()
}

/// The columns: `all` with those that are computed, which SQLite hides from the short list, and a mark of these.
fn columns_of(table: &TableDefinition, all: bool) -> Vec<Row> {
    const STORED: i64 = 3;
    let key = table.primary_key_columns();
    let columns = table.columns.iter().enumerate();
    columns
        .filter(|(place, _)| all || table.computed(*place).is_none())
        .map(|(place, column)| {
            let default = column.default.as_ref().map_or(Value::Null, |default| own(default, table).into());
            let in_key = key.iter().position(|of| *of == place).map_or(0, |at| at + 1);
            let hidden = if table.computed(place).is_some() { STORED } else { 0 };
            let mut row = vec![
                number(place),
                column.name.as_str().into(),
                if column.any { "".into() } else { type_name(column.data_type).into() },
                flag(!column.nullable && !column.generated_key),
                default,
                number(in_key),
            ];
            row.extend(all.then(|| hidden.into()));
            row
        })
        .collect()
}

/// What SQLite calls a type, if it has it.
fn type_name(data_type: DataType) -> String {
    match data_type {
        DataType::SmallInt | DataType::Integer | DataType::BigInt => "INTEGER".to_owned(),
        DataType::Float => "REAL".to_owned(),
        DataType::Text { max_length: None } => "TEXT".to_owned(),
        DataType::Bytes => "BLOB".to_owned(),
        other => other.to_string().to_uppercase(),
    }
}

fn indexes_of(table: &TableDefinition, catalog: &Catalog) -> Vec<Row> {
    let definition = Definition::of(table, catalog);
    let origin = |index: &IndexDefinition| match &index.unique {
        _ if definition.indexes.contains(&index_statement(index, table)) => "c",
        Some(unique) if unique.primary => "pk",
        _ => "u",
    };
    let indexes = table.indexes.iter().enumerate();
    indexes
        .map(|(at, index)| {
            vec![
                number(at),
                index.name.as_str().into(),
                flag(index.unique.is_some()),
                origin(index).into(),
                flag(index.condition.is_some()),
            ]
        })
        .collect()
}

/// The columns of an index; an expression has none, as in SQLite. `all` with how they are compared, and with the row id
/// behind them.
fn parts_of(index: &IndexDefinition, table: &TableDefinition, all: bool) -> Vec<Row> {
    let names = index.part_names(table);
    let parts = index.parts.iter().zip(names).enumerate().map(|(at, (part, name))| {
        let column = part.column().and_then(|place| Some((place, table.columns.get(place)?)));
        let mut row = vec![number(at)];
        row.extend(match column {
            Some((place, _)) => [number(place), name.into()],
            None => [(-2).into(), Value::Null],
        });
        if all {
            let ignores_case = column.is_some_and(|(_, column)| column.collation == Collation::IgnoreCase);
            let collation = if ignores_case { "NOCASE" } else { "BINARY" };
            row.extend([flag(part.descending), collation.into(), flag(true)]);
        }
        row
    });
    let row_id = || {
        vec![number(index.parts.len()), (-1).into(), Value::Null, flag(false), "BINARY".into(), flag(false)]
    };
    parts.chain(all.then(row_id)).collect()
}

fn references_of(table: &TableDefinition, catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, key) in table.foreign_keys.iter().enumerate() {
        let Some(target) = catalog.table(key.target) else { continue };
        for (at, (from, to)) in key.columns.iter().zip(&key.target_columns).enumerate() {
            rows.push(vec![
                number(id),
                number(at),
                target.name.as_str().into(),
                table.columns[*from].name.as_str().into(),
                target.columns[*to].name.as_str().into(),
                key.on_update.to_string().into(),
                key.on_delete.to_string().into(),
                "NONE".into(),
            ]);
        }
    }
    rows
}
