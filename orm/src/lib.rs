//! Django's ORM for Rust programs, standing on its own embedded relational engine.
//!
//! (The crate's front page is written with its first verbs.)

extern crate self as nuages;

pub mod assignment;
pub mod constraint;
pub mod draft;
pub mod expression;
pub mod field;
pub mod lookup;
pub mod meta;
pub mod model;
pub mod node;
pub mod order;
pub mod path;
pub mod prelude;
pub mod queryset;
pub mod relation;
pub mod row;

pub use nuages_macros::{Choices, Field, Model, Projection, q};

#[cfg(test)]
mod tests;
