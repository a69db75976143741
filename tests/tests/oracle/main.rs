//! Django's own answers, recorded, and ours.
//!
//! Each test is named for a case in `data/cases.jsonl`; it says in Rust what the case says in Python and compares the
//! answers.

mod groups;
mod relations;
mod rows;
mod transactions;
mod validation;
mod writes;
