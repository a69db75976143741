//! Django's own answers, recorded, and ours.
//!
//! Each test is named for a case in `data/cases.jsonl`; it says in Rust what the case says in Python and compares the
//! answers.

#![expect(clippy::panic, reason = "a test fails by a panic, also in its helpers")]

mod blocks;
mod bulk;
mod classes;
mod deletions;
mod expressions;
mod functions;
mod groups;
mod json;
mod lazy;
mod loading;
mod lookups;
mod managers;
mod migrations;
mod models;
mod parents;
mod places;
mod proof;
mod querysets;
mod relations;
mod rows;
mod saves;
mod signals;
mod tasks;
mod transactions;
mod validation;
mod windows;
mod writes;
