//! SQLite, through rusqlite: in memory, and for what is to be durable in a file with a WAL.
//!
//! In memory every setting is the one that favours SQLite, also where it gives up what Nuages keeps. Each was compared
//! with its alternatives in this benchmark; `docs/decisions/0001-sqlite-settings-in-the-benchmark.md` has the figures.
//! - `journal_mode = OFF`: nothing is written for rollback, and a statement that fails halfway leaves its half behind.
//!   Only the workload that rolls back turns the journal on.
//! - `temp_store` stays at its default, a file, which `cache_size` is large enough never to be written: with
//!   `temp_store = MEMORY` SQLite's sorter allocates row by row, and GROUP BY takes three times as long.
//! - `page_size = 8192` scans and inserts up to a fifth faster than the default of 4096, and is hardly ever slower.
//! - `synchronous = OFF` and `locking_mode = EXCLUSIVE` are implied by `:memory:`; said here so that nobody wonders.
//! - the connection has no mutex, as it stays on one thread.
//! - `ANALYZE` after loading, so that the planner knows the sizes.
//! - keys and times are integers, read by position into a plain struct.
//! - every statement is prepared once, off the clock, and kept for as long as the clock runs.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row, Statement};

use super::Competitor;
use crate::data::{Author, Book, Input, Item};
use crate::harness::Result;

/// `cache_size` is in KiB when negative.
const SETTINGS: &str = "
    PRAGMA page_size = 8192;
    PRAGMA cache_size = -1000000;
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
";

const TABLES: &str = "
    CREATE TABLE item (
        id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER NOT NULL, e REAL NOT NULL,
        slug TEXT NOT NULL UNIQUE, title TEXT NOT NULL, created INTEGER NOT NULL
    );
    CREATE INDEX item_created ON item (created);
    CREATE TABLE plain (
        id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER NOT NULL, e REAL NOT NULL,
        slug TEXT NOT NULL, title TEXT NOT NULL, created INTEGER NOT NULL
    );
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL, rate INTEGER NOT NULL);
    CREATE TABLE book (
        id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author (id),
        title TEXT NOT NULL, pages INTEGER NOT NULL
    );
    CREATE INDEX book_author ON book (author_id);
";

/// What a connection to a file is set to. `FULL` syncs the WAL at each commit, as Nuages syncs its log.
const SETTINGS_OF_FILE: &str = "
    PRAGMA page_size = 8192;
    PRAGMA cache_size = -1000000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
";

/// A database, in memory unless it is [opened](Sqlite::open).
pub(crate) struct Sqlite {
    pub(crate) connection: Connection,
}

impl Sqlite {
    /// Opens a database with empty tables.
    pub(crate) fn new() -> Result<Self> {
        let connection = open()?;
        connection.execute_batch(TABLES)?;
        Ok(Self { connection })
    }

    /// The database in a file, which is made with empty tables if it is not there. Commits are durable.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let is_new = !path.exists();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.execute_batch(SETTINGS_OF_FILE)?;
        if is_new {
            connection.execute_batch(TABLES)?;
        }
        Ok(Self { connection })
    }

    /// The statement that adds a row to `table` and has SQLite choose the key.
    pub(crate) fn insert_into(&self, table: &str) -> Result<Statement<'_>> {
        let sql =
            format!("INSERT INTO {table} (a, b, e, slug, title, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
        Ok(self.connection.prepare(&sql)?)
    }
}

/// A connection to a new database without tables.
pub(crate) fn open() -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_in_memory_with_flags(flags)?;
    connection.execute_batch(SETTINGS)?;
    Ok(connection)
}

/// Runs an [`insert_into`](Sqlite::insert_into) with the columns of `item`.
pub(crate) fn insert(statement: &mut Statement<'_>, item: &Item) -> rusqlite::Result<usize> {
    statement.execute((item.a, item.b, item.e, &item.slug, &item.title, item.created))
}

/// The columns that [`item`] reads.
pub(crate) const ITEM: &str = "id, a, b, e, slug, title, created";

/// Reads a row of [`ITEM`].
pub(crate) fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        id: row.get(0)?,
        a: row.get(1)?,
        b: row.get(2)?,
        e: row.get(3)?,
        slug: row.get(4)?,
        title: row.get(5)?,
        created: row.get(6)?,
    })
}

/// Adds up the checksums of a statement's rows, each made into an [`Item`] first.
pub(crate) fn sum_of_items(statement: &mut Statement<'_>) -> Result<u64> {
    let mut rows = statement.query(())?;
    let mut sum = 0_u64;
    while let Some(row) = rows.next()? {
        sum = sum.wrapping_add(item(row)?.checksum());
    }
    Ok(sum)
}

impl Competitor for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn load(&mut self, input: &Input) -> Result<()> {
        self.connection.execute_batch("BEGIN")?;
        match input {
            Input::Items { items, .. } => {
                let mut statement = self.insert_into("item")?;
                for item in items {
                    insert(&mut statement, item)?;
                }
            }
            Input::Library { authors, books } => {
                let mut statement = self.connection.prepare("INSERT INTO author VALUES (?1, ?2, ?3)")?;
                for Author { id, name, rate } in authors {
                    statement.execute((id, name, rate))?;
                }
                let mut statement = self.connection.prepare("INSERT INTO book VALUES (?1, ?2, ?3, ?4)")?;
                for Book { id, author_id, title, pages } in books {
                    statement.execute((id, author_id, title, pages))?;
                }
            }
        }
        self.connection.execute_batch("COMMIT; ANALYZE")?;
        Ok(())
    }

    fn checksum(&mut self) -> Result<u64> {
        sum_of_items(&mut self.connection.prepare(&format!("SELECT {ITEM} FROM item"))?)
    }
}
