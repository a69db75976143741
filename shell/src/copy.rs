//! `COPY table FROM stdin`: the lines behind it are rows, as PostgreSQL's dumps have them.
//!
//! A line is a row, its values are apart by tabs, `\N` is NULL, and a line `\.` ends them. They are inserted a hundred at
//! a time, and whole or not at all.

use std::ops::Range;

use nuages_engine::sql::{Connection, SqlError, quoted};

/// Rows in one `INSERT`.
const ROWS_PER_STATEMENT: usize = 100;

/// The savepoint that the rows are behind, in a transaction that is open already.
const SAVEPOINT: &str = "\"before copy\"";

/// A `COPY` whose rows are being read.
#[derive(Debug)]
pub(crate) struct Copy {
    /// The table, and perhaps its columns.
    target: String,
    /// Whether the transaction is this one's.
    is_own: bool,
    rows: Vec<String>,
    /// What went wrong; the lines that are left mean nothing then.
    failure: Option<SqlError>,
}

/// What a statement copies into, if it is a `COPY .. FROM stdin` without options.
pub(crate) fn target(sql: &str) -> Option<&str> {
    let rest = word(sql, 0..4, "COPY")?;
    let end = rest.len();
    let before_stdin = word(rest, end.checked_sub(5)?..end, "STDIN")?;
    let before_stdin = before_stdin.strip_suffix(char::is_whitespace)?.trim_end();
    let end = before_stdin.len();
    let target = word(before_stdin, end.checked_sub(4)?..end, "FROM")?;
    Some(target.trim())
}

/// The text without a word that stands in it at a place: the rest of it, behind or before.
fn word<'t>(text: &'t str, at: Range<usize>, word: &str) -> Option<&'t str> {
    let is_there = text.get(at.clone()).is_some_and(|found| found.eq_ignore_ascii_case(word));
    let rest = if at.start == 0 { text.get(at.end..) } else { text.get(..at.start) };
    rest.filter(|_| is_there)
}

impl Copy {
    /// Begins to copy. Where that is refused the lines are rows all the same, and no statements.
    pub(crate) fn begin(target: &str, connection: &mut Connection) -> Copy {
        let is_own = !connection.in_transaction();
        let begin = if is_own { "BEGIN".to_owned() } else { format!("SAVEPOINT {SAVEPOINT}") };
        let failure = connection.execute(&begin, &[]).err();
        Copy { target: target.to_owned(), is_own, rows: Vec::new(), failure }
    }

    /// Takes a line, and says whether it was the last.
    pub(crate) fn line(&mut self, line: &str, connection: &mut Connection) -> bool {
        if line == "\\." {
            return true;
        }
        if self.failure.is_none() {
            self.rows.push(row(line));
            if self.rows.len() == ROWS_PER_STATEMENT {
                self.flush(connection);
            }
        }
        false
    }

    fn flush(&mut self, connection: &mut Connection) {
        if self.rows.is_empty() {
            return;
        }
        // What is copied has the numbers that it has, also where nobody else may give any.
        let rows = self.rows.join(", ");
        let insert = format!("INSERT INTO {} OVERRIDING SYSTEM VALUE VALUES {rows}", self.target);
        self.rows.clear();
        self.failure = connection.execute(&insert, &[]).err();
    }

    /// Undoes what was begun.
    pub(crate) fn give_up(self, connection: &mut Connection) {
        let undo = if self.is_own { "ROLLBACK".to_owned() } else { format!("ROLLBACK TO {SAVEPOINT}") };
        // Where there is nothing to undo, nothing is left behind.
        let _ = connection.execute(&undo, &[]);
    }

    /// Ends what was begun.
    ///
    /// # Errors
    /// What a row was refused for; none is there then.
    pub(crate) fn end(mut self, connection: &mut Connection) -> Result<(), SqlError> {
        self.flush(connection);
        let end = match (self.is_own, &self.failure) {
            (true, None) => "COMMIT".to_owned(),
            (true, Some(_)) => "ROLLBACK".to_owned(),
            (false, None) => format!("RELEASE SAVEPOINT {SAVEPOINT}"),
            // The transaction has failed, as it has by any statement that fails.
            (false, Some(_)) => return self.failure.map_or(Ok(()), Err),
        };
        let ended = connection.execute(&end, &[]);
        self.failure.map_or(ended.map(drop), Err)
    }
}

/// A line as a row of an `INSERT`.
fn row(line: &str) -> String {
    let value = |field: &str| if field == "\\N" { "NULL".to_owned() } else { quoted(&unescaped(field)) };
    format!("({})", line.split('\t').map(value).collect::<Vec<_>>().join(", "))
}

/// A value without its escapes.
fn unescaped(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        let escaped = (character == '\\').then(|| characters.next()).flatten();
        text.push(match escaped {
            None => character,
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('v') => '\u{b}',
            Some(other) => other,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_copies_from_the_input_is_told_from_others() {
        assert_eq!(target("COPY public.song (id, title) FROM stdin"), Some("public.song (id, title)"));
        assert_eq!(target("copy song\n  from\tSTDIN"), Some("song"));
        for other in ["COPY song TO stdout", "COPY song FROM 'file'", "SELECT stdin", "COPY", "é", "STDIN"] {
            assert_eq!(target(other), None, "{other}");
        }
    }

    #[test]
    fn a_line_is_a_row() {
        assert_eq!(row("1\tit's\t\\N\t"), "('1', 'it''s', NULL, '')");
        assert_eq!(row("a\\tb\\\\N\\n"), "('a\tb\\N\n')");
    }
}
