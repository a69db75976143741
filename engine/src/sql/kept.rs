//! Statements that are asked again: what a text was found to mean is kept by the connection, and its plan with it.
//!
//! A program asks the same few texts over and over, with other values. To cut a short one into tokens, to parse, bind
//! and plan it, takes several times as long as to run it. So a text that comes for the second time is kept as a
//! prepared statement is, and used again where it means the same: in the same dialect, for values of the same types, on
//! the same schema, and where a value has decided what it means (as that of a `LIMIT` does), for the same value. A text
//! that comes once costs a hash of it; nothing is copied.
//!
//! Each text has one place that it can be kept in, and a newer one takes it: what is asked often comes back by itself.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use nuages_storage::{DataType, Value};

use super::Dialect;
use super::prepared::PreparedStatement;

/// How many statements are kept.
const PLACES: usize = 128;

/// Of how many texts it is known that they were asked once.
const ASKED: usize = 512;

/// The longest text that is kept, in bytes: what is longer has its values in it, and is not asked again.
const TEXT_BYTES_MAX: usize = 4_000;

/// The statements that a connection keeps by their texts.
#[derive(Debug, Default)]
pub(super) struct Kept {
    hasher: DefaultHashBuilder,
    /// By the hash of its text; empty until there is one.
    places: Vec<Option<Box<KeptStatement>>>,
    /// The hashes of texts that were asked, each in its place.
    asked: Vec<u64>,
}

/// A statement, and what its text has to be asked with to mean the same.
#[derive(Debug)]
pub(super) struct KeptStatement {
    hash: TextHash,
    dialect: Dialect,
    kinds: Vec<Option<DataType>>,
    pub(super) statement: PreparedStatement,
}

/// The hash of a text that may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextHash(u64);

impl TextHash {
    fn place(self, places: usize) -> usize {
        usize::try_from(self.0 % places as u64).unwrap_or_default()
    }
}

impl Kept {
    /// The hash of a text; none if such a text is not kept.
    pub(super) fn hash(&self, sql: &str) -> Option<TextHash> {
        (sql.len() <= TEXT_BYTES_MAX).then(|| TextHash(self.hasher.hash_one(sql)))
    }

    /// Takes out the statement that a text means when it is asked with these values; it is to be put back.
    pub(super) fn take(
        &mut self,
        hash: TextHash,
        sql: &str,
        dialect: Dialect,
        values: &[Value],
    ) -> Option<Box<KeptStatement>> {
        let place = self.places.get_mut(hash.place(PLACES))?;
        let means_it = |kept: &KeptStatement| {
            kept.hash == hash
                && kept.dialect == dialect
                && kept.statement.sql() == sql
                && kept.kinds.iter().copied().eq(values.iter().map(Value::data_type))
                && kept.statement.is_for(values)
        };
        if place.as_deref().is_some_and(means_it) { place.take() } else { None }
    }

    /// Puts a statement back that was taken out, or a new one in its place.
    pub(super) fn put(&mut self, kept: Box<KeptStatement>) {
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
        }
        let place = kept.hash.place(PLACES);
        self.places[place] = Some(kept);
    }

    /// How many statements are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.iter().flatten().count()
    }

    /// Whether a text was asked before, as far as that is remembered. From now on it was.
    pub(super) fn was_asked(&mut self, hash: TextHash) -> bool {
        if self.asked.is_empty() {
            self.asked.resize(ASKED, 0);
        }
        std::mem::replace(&mut self.asked[hash.place(ASKED)], hash.0) == hash.0
    }
}

impl KeptStatement {
    /// A statement that was bound for these values.
    pub(super) fn new(
        hash: TextHash,
        dialect: Dialect,
        values: &[Value],
        statement: PreparedStatement,
    ) -> Box<KeptStatement> {
        let kinds = values.iter().map(Value::data_type).collect();
        Box::new(KeptStatement { hash, dialect, kinds, statement })
    }
}
