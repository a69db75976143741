//! What holds across the crates of Nuages: shared models, data and the recorded answers of Django.
//!
//! [`chinook`] is the Chinook sample database as models; [`data`] loads its rows, once, and hands each test a fork;
//! [`mod@oracle`] compares what a test found with what Django answered; [`tpch`] has TPC-H's tables, rows and queries;
//! [`tape`] has random decisions that shrink.

#![expect(clippy::panic, reason = "all of this crate is for tests, which fail by panics")]

#[path = "../../orm/examples/chinook/models.rs"]
pub mod chinook;
pub mod data;
pub mod lab;
pub mod oracle;
pub mod tape;
pub mod tpch;
