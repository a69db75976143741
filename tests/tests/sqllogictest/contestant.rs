//! Who is asked: Nuages in one of its dialects, or SQLite itself, which proves that the answers in our scripts are its
//! own.

use nuages_engine::sql::{Connection, Dialect, Problem};
use nuages_engine::{Database, Error};
use nuages_storage::Value;
use rusqlite::types::ValueRef;

/// Why a statement was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) text: String,
    /// Whether a number became too great while it ran.
    pub(super) is_overflow: bool,
}

/// One who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contestant {
    Nuages(Dialect),
    Sqlite,
}

/// One who is asked, with a database of his own.
pub(super) enum Opened {
    Nuages(Box<Connection>),
    Sqlite(rusqlite::Connection),
}

impl Contestant {
    /// The label of the records that are for him alone, or not for him.
    pub(super) fn has_label(self, label: &str) -> bool {
        match self {
            Contestant::Nuages(Dialect::PostgreSql) => label == "postgresql",
            Contestant::Nuages(Dialect::Sqlite) => label == "sqlite",
            Contestant::Sqlite => matches!(label, "sqlite" | "sqlite3"),
        }
    }

    /// The label that conditions on whole scripts are decided by.
    pub(super) fn label(self) -> &'static str {
        match self {
            Contestant::Nuages(Dialect::PostgreSql) => "postgresql",
            Contestant::Nuages(Dialect::Sqlite) | Contestant::Sqlite => "sqlite",
        }
    }

    pub(super) fn open(self) -> Opened {
        match self {
            Contestant::Nuages(dialect) => {
                Opened::Nuages(Box::new(Connection::with_dialect(Database::new(), dialect)))
            }
            Contestant::Sqlite => {
                let connection = rusqlite::Connection::open_in_memory().unwrap();
                connection.pragma_update(None, "foreign_keys", true).unwrap();
                Opened::Sqlite(connection)
            }
        }
    }
}

impl Opened {
    pub(super) fn ask(&mut self, sql: &str) -> Result<Vec<Vec<Value>>, Refusal> {
        match self {
            Opened::Nuages(connection) => {
                let answer = connection.query(sql, &[]);
                answer.map(|answer| answer.rows).map_err(|error| Refusal {
                    text: error.to_string(),
                    is_overflow: matches!(error.problem(), Problem::Engine(Error::Overflow { .. })),
                })
            }
            Opened::Sqlite(connection) => rows_of(connection, sql).map_err(|error| {
                let text = error.to_string();
                Refusal { is_overflow: text.contains("integer overflow"), text }
            }),
        }
    }

    /// Whether the words of an error are ours.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Opened::Nuages(_))
    }
}

fn rows_of(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut statement = connection.prepare(sql)?;
    let width = statement.column_count();
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let value = |place: usize| {
            Ok(match row.get_ref(place)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Int(value),
                ValueRef::Real(value) => Value::Float(value),
                ValueRef::Text(value) => Value::Text(String::from_utf8_lossy(value).into_owned()),
                ValueRef::Blob(value) => Value::Bytes(value.into()),
            })
        };
        rows.push((0..width).map(value).collect::<rusqlite::Result<Vec<Value>>>()?);
    }
    Ok(rows)
}
