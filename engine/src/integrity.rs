//! Integrity: what a table promises about its rows, checked whatever front end writes them.
//!
//! Some promises concern a row alone and are decided before anything is written: [`domain`] (each value is one of its
//! column's type, NOT NULL) and [`check`]. Others concern keys, and hold at the *end* of a statement, or of the
//! transaction if they are deferred: [`unique`] and [`foreign_key`]. Those are decided in two steps. While the
//! statement runs they are looked up in the version it reads. Nearly always that settles them: the key is free, the
//! parent is there, or it is clear that the constraint is violated. Where the statement's own writes might change the
//! answer (`set id = id + 1`, a row that refers to itself) a [`KeyCheck`] is kept, and is looked up again in the
//! version with the statement's writes. A deferred check is the same value, kept by the transaction until it commits.
//!
//! [`cascade`] says what else has to go or change because of a row that goes or changes its key.

pub(crate) mod cascade;
pub(crate) mod check;
pub(crate) mod domain;
pub(crate) mod foreign_key;
pub(crate) mod unique;

use nuages_storage::{IndexId, TableId, Value, Version};

use crate::catalog::{Catalog, ConstraintId};
use crate::error::Error;

/// A key whose constraint could not be decided when it was touched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyCheck {
    /// At most one row has the key in the index.
    Unique { table: TableId, index: IndexId, key: Box<[u8]> },
    /// If a row of the table refers to the key, the key is there.
    Reference { table: TableId, foreign_key: ConstraintId, values: Vec<Value>, cause: Cause },
}

/// Which side of a foreign key was touched: it decides the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A row that refers was written.
    Child,
    /// A row that is referred to went, or changed its key.
    Parent,
}

impl KeyCheck {
    /// Looks the key up. A constraint that was dropped meanwhile holds.
    pub(crate) fn verify(&self, version: &Version) -> Result<(), Error> {
        let catalog = Catalog::of(version);
        match self {
            KeyCheck::Unique { table, index, key } => unique::verify(catalog, version, *table, *index, key),
            KeyCheck::Reference { table, foreign_key, values, cause } => {
                let child = catalog.table(*table);
                match child.and_then(|child| Some((child, child.foreign_key(*foreign_key)?))) {
                    Some((child, key)) => foreign_key::verify(catalog, version, child, key, values, *cause),
                    None => Ok(()),
                }
            }
        }
    }
}
