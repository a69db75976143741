//! Plans: that the optimiser does what a person would do, and that its plans have the right rows.
//!
//! Each test shows a query's plan as EXPLAIN draws it. A number without a tilde was counted in a counted tree.

#[macro_use]
mod blog;

mod access;
mod counts;
mod joins;
mod statistics;
mod subqueries;
