//! SQLite's `PRAGMA`: questions about the schema, and settings that mean something to a database of pages.
//!
//! The questions are answered from the catalog. Settings are taken, so that a program or a dump that begins with them
//! runs, and change nothing: there are no pages here, and foreign keys are always kept.

use nuages_storage::{DataType, Value};
use sqlparser::ast;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::connection::Connection;
use super::error::{Problem, SqlError};
use super::print::{Definition, index_statement, own};
use crate::catalog::names::nearest;
use crate::catalog::{Catalog, IndexDefinition, TableDefinition};
use crate::{Outcome, ResultSet};

/// A `PRAGMA` as it was written.
#[derive(Debug)]
pub(super) struct Pragma {
    name: ast::Ident,
    /// What it is given: a name, a text or a number, as a text.
    argument: Option<String>,
}

/// Settings of SQLite's that change nothing here.
const SETTINGS: [&str; 17] = [
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "case_sensitive_like",
    "encoding",
    "journal_mode",
    "journal_size_limit",
    "locking_mode",
    "mmap_size",
    "optimize",
    "page_size",
    "synchronous",
    "temp_store",
    "wal_autocheckpoint",
    "wal_checkpoint",
];

type Row = Vec<Value>;

/// What is asked about, and of which catalog.
struct Asked<'a> {
    catalog: &'a Catalog,
    /// The name of a table or an index, if one was given.
    argument: Option<&'a str>,
}

impl Asked<'_> {
    /// What is told of the table that is asked about; nothing if there is none of this name.
    fn of_table(&self, tell: impl FnOnce(&TableDefinition, &Catalog) -> Vec<Row>) -> Vec<Row> {
        let name = self.argument.unwrap_or_default();
        let table = self.catalog.tables().find(|table| table.name.eq_ignore_ascii_case(name));
        table.map(|table| tell(table, self.catalog)).unwrap_or_default()
    }
}

/// A `PRAGMA` that is answered.
struct Question {
    name: &'static str,
    columns: &'static [&'static str],
    answer: fn(&Asked<'_>) -> Vec<Row>,
}

const QUESTIONS: [Question; 7] = [
    // A row that refers to nothing cannot be committed.
    Question {
        name: "foreign_key_check",
        columns: &["table", "rowid", "parent", "fkid"],
        answer: |_| Vec::new(),
    },
    Question {
        name: "foreign_key_list",
        columns: &["id", "seq", "table", "from", "to", "on_update", "on_delete", "match"],
        answer: |asked| asked.of_table(references_of),
    },
    Question {
        name: "foreign_keys",
        columns: &["foreign_keys"],
        answer: |asked| if asked.argument.is_none() { vec![vec![1.into()]] } else { Vec::new() },
    },
    Question {
        name: "index_info",
        columns: &["seqno", "cid", "name"],
        answer: |asked| parts_of(asked.argument.unwrap_or_default(), asked.catalog),
    },
    Question {
        name: "index_list",
        columns: &["seq", "name", "unique", "origin", "partial"],
        answer: |asked| asked.of_table(indexes_of),
    },
    Question {
        name: "table_info",
        columns: &["cid", "name", "type", "notnull", "dflt_value", "pk"],
        answer: |asked| asked.of_table(|table, _| columns_of(table)),
    },
    Question {
        name: "table_list",
        columns: &["schema", "name", "type", "ncol", "wr", "strict"],
        answer: |asked| tables(asked.catalog),
    },
];

impl Pragma {
    /// Of the tokens of a statement that begins with `PRAGMA`: a name, and a value behind `=` or between parentheses.
    pub(super) fn parse(tokens: &[TokenWithSpan]) -> Result<Pragma, SqlError> {
        let unexpected = |token: Option<&TokenWithSpan>| {
            let found = token.map_or("the end".to_owned(), |token| token.token.to_string());
            let message =
                format!("expected PRAGMA name, PRAGMA name = value or PRAGMA name(value), found {found}");
            let error = SqlError::new(Problem::Syntax { message });
            token.map_or(error.clone(), |token| error.or_at(token.span.start))
        };
        let rest = match tokens.get(1..) {
            // The schema: there is only one.
            Some([_, TokenWithSpan { token: Token::Period, .. }, rest @ ..]) => rest,
            Some(rest) => rest,
            None => &[],
        };
        let [TokenWithSpan { token: Token::Word(name), span }, rest @ ..] = rest else {
            return Err(unexpected(rest.first()));
        };
        let value = match rest {
            [] => &[],
            [TokenWithSpan { token: Token::Eq, .. }, value @ ..] => value,
            [TokenWithSpan { token: Token::LParen, .. }, value @ .., last] if last.token == Token::RParen => {
                value
            }
            [other, ..] => return Err(unexpected(Some(other))),
        };
        let argument = match value {
            [] if rest.is_empty() => None,
            [one] | [TokenWithSpan { token: Token::Minus | Token::Plus, .. }, one] => match &one.token {
                Token::Word(word) => Some(word.value.clone()),
                Token::SingleQuotedString(text) | Token::Number(text, _) => Some(text.clone()),
                _ => return Err(unexpected(Some(one))),
            },
            _ => return Err(unexpected(value.first().or(rest.last()))),
        };
        Ok(Pragma { name: name.clone().into_ident(*span), argument })
    }
}

impl Connection {
    /// Answers a `PRAGMA`.
    pub(super) fn pragma(&self, pragma: &Pragma) -> Result<Outcome, SqlError> {
        let Pragma { name, argument } = pragma;
        let asked = name.value.to_ascii_lowercase();
        if SETTINGS.contains(&asked.as_str()) {
            return Ok(Outcome::default());
        }
        let Some(question) = QUESTIONS.iter().find(|question| question.name == asked) else {
            let known = QUESTIONS.iter().map(|question| question.name).chain(SETTINGS);
            let problem =
                Problem::UnknownPragma { name: name.value.clone(), nearest: nearest(&asked, known) };
            return Err(SqlError::at(problem, name.span));
        };
        let catalog = self.catalog()?;
        let rows = (question.answer)(&Asked { catalog: &catalog, argument: argument.as_deref() });
        let columns = question.columns.iter().map(|name| (*name).to_owned()).collect();
        let rows = ResultSet { columns, rows };
        Ok(Outcome { affected: rows.rows.len() as u64, rows, ..Outcome::default() })
    }
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

fn columns_of(table: &TableDefinition) -> Vec<Row> {
    let key = table.primary_key_columns();
    let columns = table.columns.iter().enumerate();
    columns
        .map(|(place, column)| {
            let default = column.default.as_ref().map_or(Value::Null, |default| own(default, table).into());
            let in_key = key.iter().position(|of| *of == place).map_or(0, |at| at + 1);
            vec![
                number(place),
                column.name.as_str().into(),
                type_name(column.data_type).into(),
                flag(!column.nullable && !column.generated_key),
                default,
                number(in_key),
            ]
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

/// The columns of an index; an expression has none, as in SQLite.
fn parts_of(name: &str, catalog: &Catalog) -> Vec<Row> {
    let of = |table: &TableDefinition| {
        let index = table.indexes.iter().find(|index| index.name.eq_ignore_ascii_case(name))?;
        let names = index.part_names(table).into_iter().enumerate();
        let row =
            |(at, name): (usize, String)| match table.columns.iter().position(|column| column.name == name) {
                Some(place) => vec![number(at), number(place), name.into()],
                None => vec![number(at), (-2).into(), Value::Null],
            };
        Some(names.map(row).collect())
    };
    catalog.tables().find_map(|table| of(table)).unwrap_or_default()
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
