//! The terminal: a line with history and completion.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use nuages_engine::catalog::Catalog;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};

use crate::command::COMMANDS;

/// Words that statements begin with, and those most often within them.
const KEYWORDS: [&str; 58] = [
    "ALTER",
    "AND",
    "AS",
    "ASC",
    "BEGIN",
    "BETWEEN",
    "BY",
    "CASE",
    "CHECK",
    "COMMIT",
    "CONSTRAINT",
    "COUNT",
    "CREATE",
    "DEFAULT",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "FOREIGN",
    "FROM",
    "GROUP",
    "HAVING",
    "IN",
    "INDEX",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "KEY",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "PRIMARY",
    "REFERENCES",
    "RETURNING",
    "ROLLBACK",
    "SELECT",
    "SET",
    "TABLE",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "VALUES",
    "WHERE",
    "WITH",
];

/// What came from the terminal.
pub(crate) enum Line {
    /// A line.
    Text(String),
    /// Ctrl-C: what was begun is given up.
    Interrupted,
    /// Ctrl-D.
    End,
}

/// A terminal with its history.
pub(crate) struct Prompt {
    editor: Editor<Words, DefaultHistory>,
    history: Option<PathBuf>,
    catalog: Arc<Mutex<Arc<Catalog>>>,
}

impl Prompt {
    /// A prompt on this terminal.
    ///
    /// # Errors
    /// That there is no terminal to prompt on.
    pub(crate) fn new() -> Result<Prompt, ReadlineError> {
        let catalog = Arc::new(Mutex::new(Arc::default()));
        let mut editor = Editor::new()?;
        editor.set_helper(Some(Words { catalog: Arc::clone(&catalog) }));
        let history = std::env::home_dir().map(|home| home.join(".nuages_history"));
        if let Some(path) = &history {
            // The first time there is none, and a prompt without a past is a prompt.
            let _ = editor.load_history(path);
        }
        Ok(Prompt { editor, history, catalog })
    }

    /// The next line; completion offers the names of `catalog`. `is_first` tells a new statement from the next line
    /// of one that was begun.
    ///
    /// # Errors
    /// That the terminal is gone.
    pub(crate) fn line(&mut self, is_first: bool, catalog: Arc<Catalog>) -> Result<Line, ReadlineError> {
        *self.catalog.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = catalog;
        match self.editor.readline(if is_first { "nuages> " } else { "   ...> " }) {
            Ok(text) => Ok(Line::Text(text)),
            Err(ReadlineError::Interrupted) => Ok(Line::Interrupted),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(error),
        }
    }

    /// Puts a statement or command into the history.
    pub(crate) fn remember(&mut self, text: &str) {
        let is_kept = self.editor.add_history_entry(text).is_ok();
        if let Some(path) = self.history.as_ref().filter(|_| is_kept) {
            // A home that cannot be written costs the history of the next time, and nothing else.
            let _ = self.editor.append_history(path);
        }
    }
}

/// The words that can be completed.
struct Words {
    catalog: Arc<Mutex<Arc<Catalog>>>,
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let catalog = self.catalog.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(complete(&line[..position], &catalog))
    }
}

/// Where the word at the end of `line` begins, and what it may become.
fn complete(line: &str, catalog: &Catalog) -> (usize, Vec<String>) {
    let start = line
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8));
    let word = &line[start..];
    if start == 0 && word.starts_with('.') {
        let names = COMMANDS.iter().filter_map(|(usage, _)| usage.split(' ').next());
        return (0, names.filter(|name| name.starts_with(word)).map(str::to_owned).collect());
    }
    let (start, word) =
        word.rsplit_once('.').map_or((start, word), |(left, last)| (start + left.len() + 1, last));
    if word.is_empty() {
        return (start, Vec::new());
    }
    let lower = word.to_lowercase();
    let columns = catalog.tables().flat_map(|table| table.columns.iter().map(|column| &column.name));
    let names = catalog.tables().map(|table| &table.name).chain(columns);
    let mut found: Vec<String> =
        names.filter(|name| name.to_lowercase().starts_with(&lower)).cloned().collect();
    let is_lower = word.chars().all(|c| !c.is_uppercase());
    let keywords = KEYWORDS.iter().filter(|keyword| keyword.to_lowercase().starts_with(&lower));
    found.extend(keywords.map(|keyword| match is_lower {
        true => keyword.to_lowercase(),
        false => (*keyword).to_owned(),
    }));
    found.sort();
    found.dedup();
    (start, found)
}

impl Highlighter for Words {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Borrowed(prompt)
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Validator for Words {}

impl Helper for Words {}

#[cfg(test)]
mod tests {
    use nuages_engine::catalog::{NewColumn, NewTable};
    use nuages_engine::{Database, Session};
    use nuages_storage::DataType;

    use super::*;

    #[test]
    fn tables_columns_keywords_and_commands_are_completed() {
        let db = Database::new();
        let table = NewTable::new("posts").column(NewColumn::new("position", DataType::BigInt));
        db.create_table(table).expect("a good table");
        let catalog = db.catalog().expect("a database");
        let found = |line: &str| complete(line, &catalog);
        assert_eq!(found("SELECT * FROM po"), (14, vec!["position".to_owned(), "posts".to_owned()]));
        assert_eq!(found("select posts.po").0, 13);
        assert_eq!(found("sel").1, ["select"]);
        assert_eq!(found("SEL").1, ["SELECT"]);
        assert_eq!(found(".sch").1, [".schema"]);
        assert_eq!(found("SELECT é").1, Vec::<String>::new());
        assert!(found("SELECT ").1.is_empty());
    }
}
