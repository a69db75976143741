//! The ORM of Nuages: models, querysets, instances.
//!
//! It competes twice, as the engine does. *Per call*, every queryset is built, compiled and planned anew where it is
//! used, as most programs do. *Prepared*, it is built once, off the clock, and run with arguments. Verbs of instances
//! and `bulk_create` are the same in both.
//!
//! Instances to be stored are made off the clock, and what a verb returns is dropped off the clock.

use std::path::Path;

use nuages::prelude::*;

use super::Competitor;
use super::engine::Planning;
use crate::data::{self, Input};
use crate::harness::Result;

/// A row of `item`.
#[derive(Model, Clone, Debug)]
#[model(table = "item", index(created))]
pub(crate) struct Item {
    pub(crate) id: Auto<i64>,
    pub(crate) a: i64,
    pub(crate) b: i64,
    pub(crate) e: f64,
    #[field(unique)]
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) created: i64,
}

/// A row of `plain`.
#[derive(Model, Clone, Debug)]
#[model(table = "plain")]
pub(crate) struct Plain {
    pub(crate) id: Auto<i64>,
    pub(crate) a: i64,
    pub(crate) b: i64,
    pub(crate) e: f64,
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) created: i64,
}

/// A row of `author`.
#[derive(Model, Clone, Debug)]
#[model(table = "author", ordering = [id])]
pub(crate) struct Author {
    pub(crate) id: Auto<i64>,
    pub(crate) name: String,
    pub(crate) rate: i64,
    #[related(Book::author)]
    pub(crate) books: Related<Book>,
}

/// A row of `book`.
#[derive(Model, Clone, Debug)]
#[model(table = "book", ordering = [id])]
pub(crate) struct Book {
    pub(crate) id: Auto<i64>,
    #[field(on_delete = Cascade)]
    pub(crate) author: ForeignKey<Author>,
    pub(crate) title: String,
    pub(crate) pages: i64,
}

impl Item {
    /// An item whose key the database chooses.
    pub(crate) fn new(item: &data::Item) -> Self {
        let data::Item { id: _, a, b, e, slug, title, created } = item.clone();
        new!(Item { a, b, e, slug, title, created })
    }

    /// The item with its key.
    pub(crate) fn keyed(item: &data::Item) -> Self {
        Self { id: item.id.into(), ..Self::new(item) }
    }

    /// As that of [`data::Item`].
    pub(crate) fn checksum(&self) -> u64 {
        let Self { a, b, e, slug, title, created, .. } = self;
        data::item_checksum(key(&self.id), *a, *b, *e, slug, title, *created)
    }
}

impl Plain {
    /// A row whose key the database chooses.
    pub(crate) fn new(item: &data::Item) -> Self {
        let data::Item { id: _, a, b, e, slug, title, created } = item.clone();
        new!(Plain { a, b, e, slug, title, created })
    }
}

impl Author {
    /// As that of [`data::Author`].
    pub(crate) fn checksum(&self) -> u64 {
        data::author_checksum(key(&self.id), &self.name, self.rate)
    }
}

impl Book {
    /// As that of [`data::Book`].
    pub(crate) fn checksum(&self) -> u64 {
        let author = self.author.key().copied().unwrap_or_default();
        data::book_checksum(key(&self.id), author, &self.title, self.pages)
    }
}

fn key(id: &Auto<i64>) -> i64 {
    id.get().copied().unwrap_or_default()
}

/// A database, in memory unless it is [opened](Orm::open).
pub(crate) struct Orm {
    pub(crate) db: Db,
    planning: Planning,
}

fn app() -> App {
    App::new().models((Item::app(), Plain::app(), Author::app(), Book::app()))
}

impl Orm {
    /// A database with empty tables.
    pub(crate) fn new(planning: Planning) -> Result<Self> {
        Ok(Self { db: app().open_memory()?, planning })
    }

    /// The database in a directory, which is made with empty tables if it is not there. Commits are durable.
    pub(crate) fn open(path: &Path, planning: Planning) -> Result<Self> {
        Ok(Self { db: app().open(path)?, planning })
    }

    /// Another one like it, with empty tables.
    pub(crate) fn fresh(&self) -> Result<Self> {
        Self::new(self.planning)
    }

    /// Whether querysets are built and planned once.
    pub(crate) fn prepares(&self) -> bool {
        self.planning == Planning::Prepared
    }
}

impl Competitor for Orm {
    fn name(&self) -> &'static str {
        match self.planning {
            Planning::PerCall => "ORM",
            Planning::Prepared => "ORM, prepared",
        }
    }

    fn load(&mut self, input: &Input) -> Result<()> {
        match input {
            Input::Items { items, .. } => {
                Item::objects().bulk_create(items.iter().map(Item::new), &self.db)?;
            }
            Input::Library { authors, books } => {
                let author =
                    |author: &data::Author| new!(Author { name: author.name.as_str(), rate: author.rate });
                Author::objects().bulk_create(authors.iter().map(author), &self.db)?;
                let book = |book: &data::Book| {
                    new!(Book { author: book.author_id, title: book.title.as_str(), pages: book.pages })
                };
                Book::objects().bulk_create(books.iter().map(book), &self.db)?;
            }
        }
        Ok(())
    }

    fn checksum(&mut self) -> Result<u64> {
        let items = Item::objects().all(&self.db)?;
        Ok(items.iter().map(Item::checksum).fold(0, u64::wrapping_add))
    }
}
