//! The shell's own commands: a line that begins with a dot.

use std::path::PathBuf;

use clap::ValueEnum;
use nuages_engine::sql::Dialect;

use crate::failure::Failure;
use crate::format::Format;
use crate::options::Meaning;

/// A command, read.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    /// Lists the commands.
    Help,
    /// Ends the shell.
    Quit,
    /// Names of tables and views, of those that contain a text if one is given.
    Tables(Option<String>),
    /// The definitions of all tables and views, or of one table.
    Schema(Option<String>),
    /// Rows of a CSV file into a table, which is made if there is none.
    Import { file: PathBuf, table: String },
    /// Everything as SQL, or one table.
    Dump(Option<String>),
    /// Runs the statements and commands of a file.
    Read(PathBuf),
    /// Whether each statement tells how long it took.
    Timer(bool),
    /// Whether each query shows its plan.
    Plan(bool),
    /// How rows are printed.
    Format(Format),
    /// Whose meaning SQL has.
    Dialect(Dialect),
    /// Where rows are printed: a file, or the screen.
    Output(Option<PathBuf>),
    /// Another database: that of a directory, or a new one in memory.
    Open(Option<PathBuf>),
    /// A copy of the database into a directory.
    Backup(PathBuf),
}

/// How each command is written, and what it does. The first word is its name.
pub(crate) const COMMANDS: [(&str, &str); 14] = [
    (".backup DIR", "write a copy of the database into a directory"),
    (".dialect postgresql|sqlite", "whose meaning SQL has"),
    (".dump [TABLE]", "print everything, or one table, as SQL"),
    (".format table|csv|json|markdown", "how rows are printed"),
    (".help", "print this"),
    (".import FILE TABLE", "read a CSV file with a head line into a table; it is made if there is none"),
    (".open [DIR]", "go on with another database"),
    (".output [FILE]", "print rows into a file, or to the screen again"),
    (".plan on|off", "print the plan of each query before its rows"),
    (".quit", "leave; so does Ctrl-D"),
    (".read FILE", "run the statements and commands of a file"),
    (".schema [TABLE]", "print the definitions of all tables, or of one"),
    (".tables [TEXT]", "list the tables and views, or those with this in their name"),
    (".timer on|off", "say how long each statement took"),
];

/// Other names of commands, for hands that are used to them.
const SYNONYMS: [(&str, &str); 3] = [(".exit", ".quit"), (".mode", ".format"), (".q", ".quit")];

impl Command {
    /// Reads a line that begins with a dot.
    ///
    /// # Errors
    /// A command that there is not, with the nearest that there is; a wrong number of words, or a wrong word.
    pub(crate) fn parse(line: &str) -> Result<Command, Failure> {
        let words = words(line)?;
        let (name, arguments) = words.split_first().ok_or_else(|| unknown(line))?;
        let name = SYNONYMS.iter().find(|(other, _)| other == name).map_or(name.as_str(), |(_, own)| own);
        let (usage, _) = COMMANDS
            .iter()
            .find(|(usage, _)| usage.split(' ').next() == Some(name))
            .ok_or_else(|| unknown(name))?;
        let misused = || Failure::Usage { usage };
        let command = match (name, arguments) {
            (".help", []) => Command::Help,
            (".quit", []) => Command::Quit,
            (".tables", rest @ ([] | [_])) => Command::Tables(rest.first().cloned()),
            (".schema", rest @ ([] | [_])) => Command::Schema(rest.first().cloned()),
            (".import", [file, table]) => Command::Import { file: file.into(), table: table.clone() },
            (".dump", rest @ ([] | [_])) => Command::Dump(rest.first().cloned()),
            (".read", [file]) => Command::Read(file.into()),
            (".timer", [word]) => Command::Timer(switch(word).ok_or_else(misused)?),
            (".plan", [word]) => Command::Plan(switch(word).ok_or_else(misused)?),
            (".format", [word]) => Command::Format(Format::from_str(word, true).map_err(|_| misused())?),
            (".dialect", [word]) => {
                Command::Dialect(Meaning::from_str(word, true).map_err(|_| misused())?.into())
            }
            (".output", rest @ ([] | [_])) => Command::Output(rest.first().map(PathBuf::from)),
            (".open", rest @ ([] | [_])) => Command::Open(rest.first().map(PathBuf::from)),
            (".backup", [directory]) => Command::Backup(directory.into()),
            _ => return Err(misused()),
        };
        Ok(command)
    }
}

fn switch(word: &str) -> Option<bool> {
    match word {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn unknown(name: &str) -> Failure {
    let names = COMMANDS.iter().filter_map(|(usage, _)| usage.split(' ').next());
    let nearest = names
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .min()
        .filter(|(distance, _)| *distance <= 2)
        .map(|(_, known)| known);
    Failure::UnknownCommand { name: name.to_owned(), nearest }
}

/// The words of a line; one in quotes, single or double, may contain blanks.
fn words(line: &str) -> Result<Vec<String>, Failure> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            quote @ ('\'' | '"') => {
                rest[1..].split_once(quote).ok_or_else(|| Failure::OpenQuote { line: line.to_owned() })?
            }
            _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_their_words() {
        let read = |line| Command::parse(line).map_err(|failure| failure.to_string());
        assert_eq!(read(".tables"), Ok(Command::Tables(None)));
        assert_eq!(
            read(".import 'my file.csv' posts"),
            Ok(Command::Import { file: "my file.csv".into(), table: "posts".into() })
        );
        assert_eq!(read(".mode JSON"), Ok(Command::Format(Format::Json)));
        assert_eq!(read(".timer on"), Ok(Command::Timer(true)));
        assert_eq!(read(".exit"), Ok(Command::Quit));
    }

    #[test]
    fn a_wrong_command_is_answered_with_what_would_be_right() {
        let failure = |line| Command::parse(line).map(|_| ()).map_err(|failure| failure.to_string());
        let said = failure(".tabels").expect_err("no such command");
        assert!(said.contains("`.tabels`") && said.contains("`.tables`"), "{said}");
        let said = failure(".timer maybe").expect_err("neither on nor off");
        assert!(said.contains(".timer on|off"), "{said}");
        assert!(failure(".import a.csv").is_err());
        assert!(failure(".read 'a.sql").expect_err("an open quote").contains("quote"));
        assert!(failure(".").is_err());
    }

    #[test]
    fn every_command_that_help_lists_is_there() {
        for (usage, _) in COMMANDS {
            let name = usage.split(' ').next().unwrap_or_default();
            let unknown = matches!(Command::parse(name), Err(Failure::UnknownCommand { .. }));
            assert!(!unknown, "{name}");
        }
    }
}
