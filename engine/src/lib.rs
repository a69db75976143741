//! The relational engine of Nuages.

pub mod algebra;
pub mod batch;
pub mod bits;
pub mod catalog;
pub mod error;
pub mod evaluate;
pub mod execute;
pub mod explain;
pub mod functions;
mod integrity;
pub mod optimize;
pub mod plan;
pub mod vector;

pub use batch::{Batch, BatchBuilder};
pub use bits::Bits;
pub use error::Error;
pub use evaluate::{Context, Scalar};
pub use vector::{Vector, VectorBuilder};
