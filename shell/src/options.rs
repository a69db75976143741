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

    /// How much memory a statement may keep, in MiB; 0 for no limit. Half of the machine's without it.
    #[arg(short, long, value_name = "MIB")]
    pub(crate) memory: Option<u64>,

    /// Go on after a statement that failed, when not interactive.
    #[arg(short, long)]
    pub(crate) keep_going: bool,
}

impl Options {
    /// How many bytes a statement may keep in memory; none if there is no limit.
    pub(crate) fn memory_bytes_max(&self) -> Option<u64> {
        match self.memory {
            Some(0) => None,
            Some(mebibytes) => Some(mebibytes.saturating_mul(1 << 20)),
            None => machine_bytes().map(|bytes| bytes / 2),
        }
    }
}

/// How much memory the machine has, where it tells.
fn machine_bytes() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
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
