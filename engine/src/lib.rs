//! The relational engine of Nuages: an embedded, in-memory database whose queries are values.
//!
//! ```text
//! algebra ── optimize ──> plan ── execute ──> batches of rows
//!                │                   │
//!             catalog             vector, evaluate, functions
//!                │
//! write ── integrity (unique, check, foreign key, cascade) ──> storage
//! ```
//!
//! A program talks to a [`Session`]: a [`Database`], a [`Transaction`] or a [`Snapshot`]. It hands over algebra, which
//! is plain data ([`sql`] makes it of text), and gets columns of rows that are borrowed from the version they were read
//! from.
//!
//! ```
//! use nuages_engine::algebra::{Comparison, Expr, Insert, InsertSource, OutputColumn, Query, Relation, Source, Statement};
//! use nuages_engine::catalog::{NewColumn, NewTable};
//! use nuages_engine::{Database, Session};
//! use nuages_storage::{DataType, Value};
//!
//! let db = Database::new();
//! let post = db.create_table(
//!     NewTable::new("post")
//!         .column(NewColumn::new("id", DataType::BigInt).generated())
//!         .column(NewColumn::new("views", DataType::Integer))
//!         .primary_key(["id"]),
//! )?;
//! let row = Source::new(0);
//! let rows = InsertSource::Values([3, 700].map(|views| vec![Some(Expr::literal(views))]).into());
//! let insert = Insert { table: post, columns: vec![1], rows, source: row, returning: vec![], conflict: None };
//! db.execute(&Statement::Insert(insert), &[])?;
//!
//! let popular = Expr::from(row.column(1)).compare(Comparison::Greater, Expr::literal(100));
//! let query = Query::new(
//!     Relation::scan(post, row).filter(popular),
//!     vec![OutputColumn::new("id", row.column(0))],
//! );
//! assert_eq!(db.query(&query, &[])?.rows, [[Value::Int(2)]]);
//! # Ok::<(), nuages_engine::Error>(())
//! ```
//!
//! Order of reading: [`algebra`] (what is asked), [`catalog`] (what there is), [`session`] and [`database`] (who asks),
//! `write` and `integrity` (what changes, and what must hold), [`optimize`] and [`plan`] (how it is answered),
//! [`execute`] over [`mod@vector`]s and [`batch`]es, [`evaluate`] and [`functions`] (scalars), [`explain`] and
//! [`race`] (plans as values); [`limits`]; [`sql`] (text in and out).

pub mod algebra;
mod answer;
pub mod asynchronous;
pub mod batch;
pub mod bits;
pub mod catalog;
pub mod database;
mod draws;
pub mod error;
pub mod evaluate;
pub mod execute;
pub mod explain;
pub mod functions;
pub mod held;
mod integrity;
mod key_range;
pub mod limits;
mod measurement;
mod memory;
pub mod optimize;
mod outcome;
pub mod plan;
pub mod prepared;
pub mod race;
mod reads;
mod row;
mod schema;
pub mod session;
pub mod snapshot;
pub mod sql;
pub mod vector;
mod write;

pub use batch::{Batch, BatchBuilder};
pub use bits::Bits;
pub use database::{Database, Savepoint, Transaction};
#[doc(hidden)]
pub use draws::Draws;
pub use error::Error;
pub use evaluate::{Context, Scalar};
pub use held::HeldQuery;
pub use limits::{Cancel, Limits};
pub use nuages_storage::Isolation;
pub use nuages_storage::lock::{LockError, Strength};
pub use nuages_storage::{
    Checkpointed, Compacted, Durability, FileError, Options, Recovery, Salvage, TornTail,
};
pub use optimize::{ColumnStatistics, TableStatistics};
pub use outcome::{ColumnNames, Outcome, ResultSet, RowKeys};
pub use prepared::Prepared;
pub use row::Row;
pub use session::{Session, Under};
pub use snapshot::{Feed, Published, Snapshot};
pub use vector::{Vector, VectorBuilder};
// For who wraps a session in one of their own.
#[doc(hidden)]
pub use write::WritingStatement;
