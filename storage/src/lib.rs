//! The storage core of Nuages: values, columnar leaves, counted persistent trees, versions and write sets, in memory
//! and in files.
//!
//! A database is a value: a [`Version`] holds every table and every index, all of them persistent trees that share
//! what they have in common. A transaction is the version it reads and a [`WriteSet`]; to commit is to apply the
//! write set to the newest version and publish the result. This crate knows neither SQL nor queries.
//!
//! ```text
//!        Store ── publishes ──> Version ── has ──> Table ──┬── rows:    tree of leaves, by row id
//!          │                                               ├── indexes: trees of (key bytes, row id)
//!          │                                               └── longs:   tree of values too long for a leaf
//!          ├── begin ──> Transaction = Version + WriteSet
//!          └── in files: log of write sets, checkpoint of a version
//! ```
//!
//! # Invariants
//! 1. A version that anyone but the committer can reach never changes.
//! 2. A version agrees with itself: each index holds exactly the entries of the rows it covers, and each count in a
//!    tree is the size of its subtree.
//! 3. Every row that changes, every old and new unique key and every parent that is referred to is locked from before
//!    the read that decides until after publication or rollback; or nobody held a lock, and nobody committed between.
//! 4. What is written was computed from the newest version, read after the locks were granted.
//! 5. A transaction's view is a version with its write set applied, and nothing else.
//! 6. Applying a write set evaluates nothing, waits for nothing and cannot fail.
//! 7. Commits are numbered, logged and published in the order of their numbers. Under [`Durability::Full`] nothing is
//!    visible before it is durable; what is recovered is a prefix of what was committed.
//! 8. Nothing waits for a lock, does I/O or runs a caller's code under the commit mutex or while the publication latch
//!    is held exclusively; but a statement that is proven to be of [a few rows](Reach) may be attempted under the mutex
//!    while nobody holds a lock. What is long is computed, applied and freed outside of both. They are taken in this
//!    order: locks, commit mutex, latch.
//! 9. Ids of tables and indexes are never reused and automatic keys never go back, whatever is rolled back, forked or
//!    recovered.
//! 10. Trees never enforce uniqueness; a unique index holds (key, row id) like any other, and the engine checks.
//! 11. Whoever writes to a table, or locks a row or a key of it, shares it from before the version it writes to is read
//!     until after publication or rollback; whoever changes its schema is alone with it for as long. So what was made
//!     for a table under one schema is never applied under another, nor after the table has gone.
//!
//! # Order of reading
//! [`value`] (what a column holds), [`key`] (values as bytes that sort as the values do), [`layout`] and [`leaf`] (rows
//! at rest), `tree` (the one tree), [`index`], [`long`] (values too long for a leaf), [`patch`] and [`table`] (what
//! consists of trees); then [`version`] (the database as a value), [`write_set`], `view` (a version with writes),
//! [`lock`] (who may write what until it commits), [`statement`] (attempt, lock, validate), [`writer`] (one attempt),
//! [`transaction`], [`store`] (publication), [`sequence`] (numbers beside the versions), [`history`] (versions kept),
//! [`holders`] (who keeps them) and `leftovers` (who frees them).
//!
//! A store in files: `file` (a directory, and how it fails), [`record`] and [`codec`] (what is written down, and how),
//! `log`, `checkpoint`, `recovery`, `salvage`.

mod cache;
mod checkpoint;
pub mod codec;
mod commit;
pub mod error;
mod file;
pub mod history;
pub mod holders;
pub mod index;
mod isolation;
pub mod key;
mod keys;
mod latch;
pub mod layout;
pub mod leaf;
mod leftovers;
pub mod lock;
mod lock_list;
mod log;
pub mod long;
mod numbered;
pub mod patch;
pub mod record;
mod recovery;
mod salvage;
pub mod sequence;
mod shared;
pub mod statement;
pub mod store;
mod sync;
pub mod table;
pub mod transaction;
mod tree;
pub mod value;
pub mod version;
mod view;
pub mod write_set;
pub mod writer;

pub use commit::CommitId;
pub use error::Error;
pub use file::FileError;
pub use history::{Feed, FeedError, Published};
pub use holders::{Hold, Holder, Who};
pub use index::{Index, IndexChange, IndexId, IndexKeys};
pub use isolation::Isolation;
pub use layout::{Layout, Slot};
pub use leaf::{Leaf, LeafBuilder, LeafTexts, RowId, Rows, all_rows};
pub use patch::Patch;
pub use recovery::{Recovery, TornTail};
pub use salvage::Salvage;
pub use sequence::{Numbers, SequenceId, Steps};
pub use shared::Shared;
pub use statement::{Statement, Step};
pub use store::{AtOnce, Checkpointed, Committing, Compacted, Durability, Options, Reach, Snapshot, Store};
pub use table::{LeafSlice, LeafView, Leaves, RowChange, RowRef, Table, TableId, Words};
pub use transaction::{RowClaim, Savepoint, Transaction};
pub use value::{DataType, Lane, TypeError, Value};
pub use version::Version;
pub use write_set::{Catalog, CatalogCodec, Operation, SchemaChange, WriteSet};
pub use writer::{Earlier, Locking, Writer};
