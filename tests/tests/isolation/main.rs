//! Many writers at once: what each level of isolation promises, step by step and on threads.
//!
//! Order of reading: [`sql`] and [`play`] (how the tests speak) and [`crowd`] (threads, and the audit of what they
//! leave); [`hermitage`] (the anomalies of the literature), [`locks`], [`joined_locks`], [`deadlocks`], [`keys`],
//! [`families`], [`schema_changes`], [`bound`], [`failures`] and [`counters`] (theme by theme, first step by step and
//! then on threads); [`rolled_back`] (schema changes within transactions); [`serializable`] (every path by which rows are read), [`history`] and [`histories`] (random
//! transactions, checked afterwards); [`durable`] (a crowd on files).
//!
//! The crowds are small, so that all takes seconds; `NUAGES_SOAK=50` makes them fifty times as large.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic, also in its helpers")]

mod bound;
mod counters;
mod crowd;
mod deadlocks;
mod durable;
mod failures;
mod families;
mod hermitage;
mod histories;
mod history;
mod joined_locks;
mod keys;
mod locks;
mod play;
mod rolled_back;
mod schema;
mod schema_changes;
mod serializable;
mod sql;
