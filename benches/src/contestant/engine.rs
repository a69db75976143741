//! The engine of Nuages, called directly: algebra in, batches and rows out, no model in sight.
//!
//! It competes twice, because programs use it in two ways. *Per call*, every question is described, planned and
//! answered anew, with the values in its algebra, as a program does that keeps nothing. *Prepared*, it is planned once,
//! off the clock, and asked with parameters, as SQLite's statements are. What needs no plan (a row by its key, rows to
//! be inserted) is the same call in both.
//!
//! A row is read by position into the plain struct that everybody reads it into.

use std::path::Path;

use nuages_engine::algebra::{Expr, OutputColumn, Query, Relation, Source, Statement};
use nuages_engine::catalog::{NewColumn, NewForeignKey, NewIndex, NewTable};
use nuages_engine::{Batch, Database, Error, Prepared, RowKeys, Session};
use nuages_storage::{DataType, IndexId, LeafBuilder, RowRef, Rows, TableId, Value};

use super::Competitor;
use crate::data::{Author, Book, Input, Item};
use crate::harness::Result;

/// When questions are planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planning {
    /// Each time they are asked.
    PerCall,
    /// Once.
    Prepared,
}

/// The places of the columns of `item`, which are its slots too.
pub(crate) mod item {
    pub(crate) const ID: usize = 0;
    pub(crate) const A: usize = 1;
    pub(crate) const B: usize = 2;
    pub(crate) const E: usize = 3;
    pub(crate) const SLUG: usize = 4;
    pub(crate) const TITLE: usize = 5;
    pub(crate) const CREATED: usize = 6;
}

/// The places of the columns of `author`, which are its slots too.
pub(crate) mod author {
    pub(crate) const ID: usize = 0;
    pub(crate) const NAME: usize = 1;
    pub(crate) const RATE: usize = 2;
}

/// The places of the columns of `book`, which are its slots too.
pub(crate) mod book {
    pub(crate) const ID: usize = 0;
    pub(crate) const AUTHOR_ID: usize = 1;
    pub(crate) const TITLE: usize = 2;
    pub(crate) const PAGES: usize = 3;
}

/// A database, in memory unless it is [opened](Engine::open).
pub(crate) struct Engine {
    pub(crate) db: Database,
    pub(crate) tables: Tables,
    planning: Planning,
}

/// What the tables are known by.
#[derive(Clone, Copy)]
pub(crate) struct Tables {
    pub(crate) item: TableId,
    pub(crate) item_slug: IndexId,
    pub(crate) plain: TableId,
    pub(crate) author: TableId,
    pub(crate) book: TableId,
}

impl Tables {
    fn of(db: &Database) -> std::result::Result<Self, Error> {
        let catalog = db.catalog()?;
        let id = |name: &str| Ok::<_, Error>(catalog.table_named(name)?.id);
        Ok(Self {
            item: id("item")?,
            item_slug: catalog.table_named("item")?.index_named("item_slug")?.id,
            plain: id("plain")?,
            author: id("author")?,
            book: id("book")?,
        })
    }
}

impl Engine {
    /// A database with empty tables.
    pub(crate) fn new(planning: Planning) -> Result<Self> {
        let db = Database::new();
        create_tables(&db)?;
        let tables = Tables::of(&db)?;
        Ok(Self { db, tables, planning })
    }

    /// Another one like it, with empty tables.
    pub(crate) fn fresh(&self) -> Result<Self> {
        Self::new(self.planning)
    }

    /// The database in a directory, which is made with empty tables if it is not there. Commits are durable.
    pub(crate) fn open(path: &Path, planning: Planning) -> Result<Self> {
        let db = Database::open(path)?;
        if db.catalog()?.table_named("item").is_err() {
            create_tables(&db)?;
        }
        let tables = Tables::of(&db)?;
        Ok(Self { db, tables, planning })
    }

    /// A question to be asked with values, or for the same values over and over: `describe` gets them as expressions
    /// of the types given.
    pub(crate) fn question<'a, const N: usize>(
        &'a self,
        types: [DataType; N],
        describe: impl Fn([Expr; N]) -> Query + Sync + 'a,
    ) -> Result<Question<'a, N>> {
        let prepared = match self.planning {
            Planning::PerCall => None,
            Planning::Prepared => Some(Prepared::new(&self.db, describe(parameters(types)))?),
        };
        Ok(Question { db: &self.db, describe: Box::new(describe), prepared })
    }

    /// A statement that writes, likewise. The engine keeps no plan of these: prepared means described once.
    pub(crate) fn command<'a, const N: usize>(
        &'a self,
        types: [DataType; N],
        describe: impl Fn([Expr; N]) -> Statement + Sync + 'a,
    ) -> Command<'a, N> {
        let prepared = (self.planning == Planning::Prepared).then(|| describe(parameters(types)));
        Command { db: &self.db, describe: Box::new(describe), prepared }
    }

    /// How many items there are.
    pub(crate) fn count(&self) -> Result<u64> {
        count(&self.db, self.tables.item)
    }
}

/// A query that is asked for changing values.
pub(crate) struct Question<'a, const N: usize> {
    db: &'a Database,
    describe: Box<dyn Fn([Expr; N]) -> Query + Sync + 'a>,
    prepared: Option<Prepared>,
}

impl<const N: usize> Question<'_, N> {
    /// Asks it, and hands out the rows of the answer batch by batch.
    pub(crate) fn ask(&self, values: [Value; N], each: impl FnMut(&Batch<'_>)) -> Result<()> {
        self.ask_in(self.db, values, each)
    }

    fn ask_in(
        &self,
        session: &dyn Session,
        values: [Value; N],
        mut each: impl FnMut(&Batch<'_>),
    ) -> Result<()> {
        let mut each = |batch: &Batch<'_>| {
            each(batch);
            Ok(())
        };
        match &self.prepared {
            Some(prepared) => session.run(prepared, &values, &mut each)?,
            None => session.query_each(&(self.describe)(values.map(Expr::Literal)), &[], &mut each)?,
        }
        Ok(())
    }

    /// Asks for items.
    pub(crate) fn items(&self, values: [Value; N]) -> Result<Vec<Item>> {
        self.items_in(self.db, values)
    }

    /// Asks for items in a transaction.
    pub(crate) fn items_in(&self, session: &dyn Session, values: [Value; N]) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        self.ask_in(session, values, |batch| {
            items.extend(batch.selection.iter().map(|row| item_of(batch, row)));
        })?;
        Ok(items)
    }

    /// Asks for one row of integers; NULL counts as zero.
    pub(crate) fn integers<const M: usize>(&self, values: [Value; N]) -> Result<[i64; M]> {
        let mut answer = [0; M];
        self.ask(values, |batch| {
            for row in &batch.selection {
                answer = std::array::from_fn(|column| batch.column(column).int(row).unwrap_or(0));
            }
        })?;
        Ok(answer)
    }
}

/// A statement that writes, with changing values.
pub(crate) struct Command<'a, const N: usize> {
    db: &'a Database,
    describe: Box<dyn Fn([Expr; N]) -> Statement + Sync + 'a>,
    prepared: Option<Statement>,
}

impl<const N: usize> Command<'_, N> {
    /// Runs it. Returns how many rows it changed.
    pub(crate) fn run(&self, values: [Value; N]) -> Result<u64> {
        self.run_in(self.db, values)
    }

    /// Runs it in a transaction.
    pub(crate) fn run_in(&self, session: &dyn Session, values: [Value; N]) -> Result<u64> {
        let outcome = match &self.prepared {
            Some(prepared) => session.execute(prepared, &values)?,
            None => session.execute(&(self.describe)(values.map(Expr::Literal)), &[])?,
        };
        Ok(outcome.affected)
    }
}

fn parameters<const N: usize>(types: [DataType; N]) -> [Expr; N] {
    std::array::from_fn(|number| Expr::Parameter(number, types[number]))
}

/// The rows of a table.
pub(crate) fn count(session: &dyn Session, table: TableId) -> Result<u64> {
    let mut count = 0;
    session.read(&mut |version| {
        count = version.table(table).map_or(0, |table| table.len());
        Ok(())
    })?;
    Ok(count)
}

/// The first `count` columns of `source`, as a query's output.
pub(crate) fn columns(source: Source, count: usize) -> Vec<OutputColumn> {
    (0..count).map(|place| OutputColumn::new("", source.column(place))).collect()
}

/// A query for whole items.
pub(crate) fn items(relation: Relation, source: Source) -> Query {
    Query::new(relation, columns(source, 7))
}

/// Reads a row of [`items`].
pub(crate) fn item_of(batch: &Batch<'_>, row: usize) -> Item {
    let int = |place: usize| batch.column(place).int(row).unwrap_or_default();
    let text = |place: usize| batch.column(place).text(row).unwrap_or_default().to_owned();
    Item {
        id: int(item::ID),
        a: int(item::A),
        b: int(item::B),
        e: batch.column(item::E).float(row).unwrap_or_default(),
        slug: text(item::SLUG),
        title: text(item::TITLE),
        created: int(item::CREATED),
    }
}

/// Reads a row of `item` where it lies.
pub(crate) fn item_in(row: RowRef<'_>) -> Item {
    let text = |slot: usize| row.text(slot).unwrap_or_default().to_owned();
    Item {
        id: row.row_id().get(),
        a: row.int(item::A),
        b: row.int(item::B),
        e: row.float(item::E),
        slug: text(item::SLUG),
        title: text(item::TITLE),
        created: row.int(item::CREATED),
    }
}

/// Rows of a table in the form in which they are inserted: `encode` sets the slots of each.
pub(crate) fn encoded<T>(
    session: &dyn Session,
    table: TableId,
    rows: &[T],
    mut encode: impl FnMut(&mut LeafBuilder, &T),
) -> Result<Vec<Rows>> {
    let layout = std::sync::Arc::clone(&session.catalog()?.expect_table(table)?.layout);
    let mut leaves = Vec::new();
    let mut rest = rows.iter().peekable();
    while rest.peek().is_some() {
        let mut builder = LeafBuilder::with_capacity(std::sync::Arc::clone(&layout), rest.len());
        while !builder.is_full()
            && let Some(row) = rest.next()
        {
            encode(&mut builder, row);
        }
        leaves.push(builder.finish());
    }
    Ok(leaves)
}

/// Encodes an item whose key the database chooses.
pub(crate) fn new_item(builder: &mut LeafBuilder, item: &Item) {
    set_item(builder, item);
    builder.finish_row_unnumbered();
}

/// Sets everything of an item but the key.
pub(crate) fn set_item(builder: &mut LeafBuilder, item: &Item) {
    builder.set_int(item::A, item.a);
    builder.set_int(item::B, item.b);
    builder.set_float(item::E, item.e);
    builder.set_text(item::SLUG, &item.slug);
    builder.set_text(item::TITLE, &item.title);
    builder.set_int(item::CREATED, item.created);
}

fn create_tables(db: &Database) -> std::result::Result<(), Error> {
    let text = DataType::Text { max_length: None };
    let table = |name: &str, columns: &[(&str, DataType)]| {
        let key = NewTable::new(name).column(NewColumn::new("id", DataType::BigInt).generated());
        let table =
            columns.iter().fold(key, |table, (name, kind)| table.column(NewColumn::new(*name, *kind)));
        table.primary_key(["id"])
    };
    let (int, float) = (DataType::BigInt, DataType::Float);
    let columns = [("a", int), ("b", int), ("e", float), ("slug", text), ("title", text), ("created", int)];
    let item = table("item", &columns)
        .unique(NewIndex::unique("item_slug", ["slug"]))
        .index(NewIndex::new("item_created", ["created"]));
    let author = table("author", &[("name", text), ("rate", int)]);
    let book = table("book", &[("author_id", int), ("title", text), ("pages", int)])
        .index(NewIndex::new("book_author", ["author_id"]))
        .foreign_key(NewForeignKey::new("book_author_id", ["author_id"], "author", ["id"]));
    db.create_table(item)?;
    db.create_table(table("plain", &columns))?;
    db.create_table(author)?;
    db.create_table(book)?;
    Ok(())
}

impl Competitor for Engine {
    fn name(&self) -> &'static str {
        match self.planning {
            Planning::PerCall => "engine",
            Planning::Prepared => "engine, prepared",
        }
    }

    fn load(&mut self, input: &Input) -> Result<()> {
        let Tables { item, author, book, .. } = self.tables;
        match input {
            Input::Items { items, .. } => {
                let rows = encoded(&self.db, item, items, new_item)?;
                self.db.insert_rows(item, rows, RowKeys::Generated)?;
            }
            Input::Library { authors, books } => {
                let rows = encoded(&self.db, author, authors, |builder, author: &Author| {
                    builder.set_text(author::NAME, &author.name);
                    builder.set_int(author::RATE, author.rate);
                    builder.finish_row_unnumbered();
                })?;
                self.db.insert_rows(author, rows, RowKeys::Generated)?;
                let rows = encoded(&self.db, book, books, |builder, book: &Book| {
                    builder.set_int(book::AUTHOR_ID, book.author_id);
                    builder.set_text(book::TITLE, &book.title);
                    builder.set_int(book::PAGES, book.pages);
                    builder.finish_row_unnumbered();
                })?;
                self.db.insert_rows(book, rows, RowKeys::Generated)?;
            }
        }
        Ok(())
    }

    fn checksum(&mut self) -> Result<u64> {
        let item = Source::new(0);
        let query = self.question([], |[]| items(Relation::scan(self.tables.item, item), item))?;
        let mut sum = 0_u64;
        query.ask([], |batch| {
            for row in &batch.selection {
                sum = sum.wrapping_add(item_of(batch, row).checksum());
            }
        })?;
        Ok(sum)
    }
}
