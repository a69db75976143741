//! Databases in files: what was defined and committed is there again, the files are what they should be, and a program
//! that is killed loses nothing that was acknowledged.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod definitions;
mod files;
mod killed;
mod scratch;
