//! Databases in files: what was defined and committed is there again, the files are what they should be, and a program
//! that is killed loses nothing that was acknowledged.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod definitions;
mod files;
mod killed;
mod scratch;
mod sequences;
mod temporary;
