//! What can go wrong in the shell.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

use nuages_engine::Error;
use nuages_engine::sql::{Problem, SqlError};

/// Why a statement or a command did nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A statement was refused.
    Sql(SqlError),
    /// The engine refused what a command wanted.
    Engine(Error),
    /// No command has this name.
    UnknownCommand {
        /// The name.
        name: String,
        /// One that there is and that is spelt like it.
        nearest: Option<&'static str>,
    },
    /// A command was given the wrong words.
    Usage {
        /// How it is written.
        usage: &'static str,
    },
    /// A command has a quote that is not closed.
    OpenQuote {
        /// The line.
        line: String,
    },
    /// A file could not be read or written.
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A row of a CSV file does not fit.
    Row {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// What was to be printed could not be.
    Output(io::Error),
}

impl Failure {
    /// That a file could not be read or written.
    pub(crate) fn file(path: &Path, error: io::Error) -> Failure {
        Failure::File { path: path.to_owned(), error }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Sql(error) => {
                write!(f, "{error:#}")?;
                let is_memory = matches!(error.problem(), Problem::Engine(Error::MemoryLimit { .. }));
                if is_memory { f.write_str(" with --memory MIB") } else { Ok(()) }
            }
            Failure::Engine(error) => write!(f, "{error}"),
            Failure::UnknownCommand { name, nearest: Some(nearest) } => {
                write!(f, "there is no command `{name}`; did you mean `{nearest}`?")
            }
            Failure::UnknownCommand { name, nearest: None } => {
                write!(f, "there is no command `{name}`; `.help` lists those there are")
            }
            Failure::Usage { usage } => write!(f, "the command is written `{usage}`"),
            Failure::OpenQuote { line } => write!(f, "a quote is not closed in `{line}`"),
            Failure::File { path, error } => write!(f, "{}: {error}", path.display()),
            Failure::Row { path, line, reason } => write!(f, "{}, line {line}: {reason}", path.display()),
            Failure::Output(error) => write!(f, "the output cannot be written: {error}"),
        }
    }
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Failure {
        Failure::Sql(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Engine(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}
