//! From models to tables, and back: where each model's rows are.
//!
//! [`create_missing`] makes the tables of registered models, with Django's names for what it names: the table between
//! the sides of a many-to-many relation is `<table>_<field>`, its keys `<model>_id` (`from_<model>_id`, `to_<model>_id`
//! in a relation of a model with itself). Foreign keys are checked at commit, as Django's are, so rows may be written
//! in any order inside a transaction.
//!
//! [`Binding`] is what verbs look things up in: a model's table and the places of its columns, found by the address
//! of the model's description, without hashing text.

mod binding;
mod generated;
mod tables;

pub(crate) use self::{
    binding::{Binding, Bound, ThroughBound, UniqueKey},
    generated::db_default,
    tables::create_missing,
};
