//! The relational engine of Nuages.

pub mod algebra;
pub mod batch;
pub mod bits;
pub mod catalog;
pub mod database;
pub mod error;
pub mod evaluate;
pub mod execute;
pub mod explain;
pub mod functions;
mod integrity;
pub mod optimize;
pub mod plan;
pub mod prepared;
mod schema;
pub mod session;
pub mod vector;
mod write;

pub use batch::{Batch, BatchBuilder};
pub use bits::Bits;
pub use database::{Database, Savepoint, Snapshot, Transaction};
pub use error::Error;
pub use evaluate::{Context, Scalar};
pub use prepared::Prepared;
pub use session::{Outcome, ResultSet, RowKeys, Session};
pub use vector::{Vector, VectorBuilder};
