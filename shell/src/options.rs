//! What the program is told when it is started.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use nuages_engine::sql::Dialect;

use crate::format::Format;

/// A shell for Nuages: SQL against a database in memory, or in the files of a directory.
///
/// Without -c it reads statements from the terminal, or from standard input if that is none. `.help` lists its own
/// commands.
#[derive(Debug, Parser)]
#[command(
    name = "nuages",
    version,
    after_help = "Exit status: 0; 1 if a statement failed; 2 for wrong arguments."
)]
pub(crate) struct Options {
    /// The directory of the database; it is made if there is none. In memory without it.
    pub(crate) path: Option<PathBuf>,

    /// Run this (statements, or one command of the shell) and exit; may be given several times.
    #[arg(short = 'c', long = "command", value_name = "SQL")]
    pub(crate) commands: Vec<String>,

    /// How rows are printed.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,

    /// Whose meaning SQL has where the two differ.
    #[arg(short, long, value_enum, default_value_t = Meaning::Postgresql)]
    pub(crate) dialect: Meaning,

    /// Go on after a statement that failed, when not interactive.
    #[arg(short, long)]
    pub(crate) keep_going: bool,
}

/// The dialects, as they are spelt on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Meaning {
    /// PostgreSQL.
    Postgresql,
    /// SQLite.
    Sqlite,
}

impl From<Meaning> for Dialect {
    fn from(meaning: Meaning) -> Dialect {
        match meaning {
            Meaning::Postgresql => Dialect::PostgreSql,
            Meaning::Sqlite => Dialect::Sqlite,
        }
    }
}
