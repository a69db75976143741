//! Many writers at once: what each level of isolation promises, step by step and on threads.
//!
//! Order of reading: [`sql`] and [`play`] (how the tests speak), [`hermitage`] (the anomalies).

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic, also in its helpers")]

mod counters;
mod crowd;
mod families;
mod hermitage;
mod keys;
mod play;
mod schema;
mod sql;
