//! Django's ORM for Rust programs, standing on its own embedded relational engine.
//!
//! (The crate's front page is written with its first verbs.)

extern crate self as nuages;

pub mod app;
pub mod assignment;
pub mod atomic;
mod compile;
pub mod constraint;
pub mod delete;
pub mod draft;
pub mod error;
pub mod executor;
pub mod expression;
pub mod field;
mod insert;
mod instance;
pub mod lookup;
pub mod meta;
pub mod model;
pub mod node;
pub mod order;
pub mod path;
mod prefetch;
pub mod prelude;
pub mod queryset;
mod read;
pub mod relation;
pub mod row;
pub mod save;
mod schema;
pub mod signal;

pub use app::App;
pub use delete::Deleted;
pub use error::{Error, Result};
pub use executor::{Db, Executor};
pub use nuages_macros::{Choices, Field, Model, Projection, q};

#[cfg(test)]
mod tests;
