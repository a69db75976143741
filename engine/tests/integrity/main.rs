//! What the engine promises about rows, whoever writes them: constraints, cascades, schema changes, transactions.

#![allow(clippy::unwrap_used, clippy::useless_vec, clippy::type_complexity, reason = "helpers of tests")]

mod cascades;
mod changed_keys;
mod constraints;
mod isolation;
mod one_row;
mod schema_changes;
mod short_cuts;
mod sqlite;
mod support;
mod transactions;
mod writing;
