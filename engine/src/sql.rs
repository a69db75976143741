//! SQL: from text to the algebra, in PostgreSQL's dialect or SQLite's.
//!
//! ```text
//! text ── split, parse ──> syntax tree ── bind ──> algebra ──> session
//!             │                            │
//!          grammar                  dialect, catalog
//! ```
//!
//! A [`Connection`] is a database, a [`Dialect`], and a transaction if one is open. The parser is the `sqlparser`
//! crate's; `grammar` tells it what both dialects write. What a statement *means* is decided in `bind`, and only there.
//! An [`SqlError`] says what is wrong as data, where in the text, and which name was probably meant.
//!
//! Order of reading: [`Connection`], `control` (transactions, EXPLAIN), `changing` (common tables that change rows), `merge`,
//! `define`, `alter`, `drop`, `sequence`, `enumeration`, `comment` and `dependents` (statements about the schema), `pragma` and `counts` (what SQLite tells of the schema and of what
//! was done), [`PreparedStatement`], `named` (PREPARE), `running`, `kept` (texts that are asked again), `parse`, `lexeme`, `tokens`, `grammar`,
//! `block`, `insertion`, `climb`, `operand`, `keyword`, `prefix`, `frame`, `hint` (what was probably meant), `bind`, `parameters`, `error`; `print` (SQL out).

mod alter;
mod beyond;
mod bind;
mod block;
mod bound;
mod changing;
mod climb;
mod comment;
mod connection;
mod control;
mod counts;
mod define;
mod dependents;
mod dialect;
mod drop;
mod enumeration;
mod error;
mod frame;
mod grammar;
mod hint;
mod insertion;
mod kept;
mod keyword;
mod lexeme;
mod merge;
mod named;
mod operand;
mod parameters;
mod parse;
mod pragma;
mod prefix;
mod prepared;
mod print;
mod running;
mod sequence;
mod setting;
mod temporary;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tokens;

pub use bound::statement;
pub use connection::Connection;
pub use dialect::Dialect;
pub use error::{Place, Problem, SqlError};
pub use parse::{NESTING_MAX, OPERATORS_MAX, SCRIPT_BYTES_MAX, STATEMENT_BYTES_MAX};
pub use prepared::PreparedStatement;
pub use print::{
    Definition, Identifier, comment_statement, enum_statement, literal, quoted, sequence_statement,
};
