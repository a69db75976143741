//! What the same work costs with std's `BTreeMap` and hashbrown's `HashMap` over plain structs: no types to check, no
//! transactions, no planner, no durability of any reader's view. It is the limit, not a rival.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::Competitor;
use crate::data::{Author, Book, Input, Item};
use crate::harness::Result;

/// The tables as maps.
#[derive(Clone, Default)]
pub(crate) struct Collections {
    pub(crate) items: Items,
    pub(crate) authors: HashMap<i64, Author>,
    pub(crate) books: BTreeMap<i64, Book>,
    pub(crate) books_by_author: HashMap<i64, Vec<i64>>,
}

/// `item` with its indexes.
#[derive(Clone, Default)]
pub(crate) struct Items {
    pub(crate) by_id: BTreeMap<i64, Item>,
    pub(crate) by_slug: HashMap<Arc<str>, i64>,
    pub(crate) by_created: BTreeMap<i64, i64>,
}

impl Items {
    /// Adds a row under the next key.
    pub(crate) fn insert(&mut self, item: &Item) {
        let id = next_key(&self.by_id);
        self.by_slug.insert(item.slug.as_str().into(), id);
        self.by_created.insert(item.created, id);
        self.by_id.insert(id, Item { id, ..item.clone() });
    }

    /// Takes the row with this key out, if it is there.
    pub(crate) fn remove(&mut self, id: i64) -> Option<Item> {
        let item = self.by_id.remove(&id)?;
        self.by_slug.remove(item.slug.as_str());
        self.by_created.remove(&item.created);
        Some(item)
    }

    /// Puts a row back that was taken out.
    pub(crate) fn restore(&mut self, item: &Item) {
        self.by_slug.insert(item.slug.as_str().into(), item.id);
        self.by_created.insert(item.created, item.id);
        self.by_id.insert(item.id, item.clone());
    }
}

/// One more than the greatest key.
pub(crate) fn next_key(items: &BTreeMap<i64, Item>) -> i64 {
    items.last_key_value().map_or(0, |(&id, _)| id) + 1
}

impl Competitor for Collections {
    fn name(&self) -> &'static str {
        "std collections"
    }

    fn load(&mut self, input: &Input) -> Result<()> {
        match input {
            Input::Items { items, .. } => items.iter().for_each(|item| self.items.insert(item)),
            Input::Library { authors, books } => {
                self.authors = authors.iter().map(|author| (author.id, author.clone())).collect();
                self.books = books.iter().map(|book| (book.id, book.clone())).collect();
                for book in books {
                    self.books_by_author.entry(book.author_id).or_default().push(book.id);
                }
            }
        }
        Ok(())
    }

    fn checksum(&mut self) -> Result<u64> {
        Ok(self.items.by_id.values().fold(0, |sum, item| sum.wrapping_add(item.checksum())))
    }
}
