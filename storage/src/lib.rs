//! The storage core of Nuages: values, columnar leaves, counted persistent trees, versions and write sets.
//!
//! It knows neither SQL nor queries. Order of reading: [`value`] (what a column holds), [`key`] (values as
//! bytes that sort as the values do), [`layout`] and [`leaf`] (rows at rest), `tree` (the one tree),
//! [`index`], [`long`] (values too long for a leaf) and [`table`] (what consists of trees); then [`version`] (the
//! database as a value), [`write_set`], [`writer`] (one statement) and [`store`] (publication).

pub mod error;
pub mod index;
pub mod key;
mod keys;
pub mod layout;
pub mod leaf;
pub mod long;
mod permit;
pub mod store;
pub mod table;
mod tree;
pub mod value;
pub mod version;
pub mod write_set;
pub mod writer;

pub use error::Error;
pub use index::{Index, IndexChange, IndexId, IndexKeys};
pub use layout::{Layout, Slot};
pub use leaf::{Leaf, LeafBuilder, RowId, Rows, all_rows};
pub use store::{Savepoint, Snapshot, Store, Transaction};
pub use table::{LeafSlice, LeafView, Leaves, RowRef, Table, TableId, Words};
pub use value::{DataType, Lane, TypeError, Value};
pub use version::{CommitId, Version};
pub use write_set::{Catalog, Operation, SchemaChange, WriteSet};
pub use writer::Writer;
