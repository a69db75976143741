//! The relational engine of Nuages.

pub mod algebra;
