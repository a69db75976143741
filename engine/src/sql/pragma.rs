//! SQLite's `PRAGMA`: questions about the schema, and settings that mean something to a database of pages.
//!
//! The questions are answered from the catalog (`question`). `user_version` and `application_id` are numbers of the
//! program's, kept with the schema. Settings are taken, so that a program or a dump that begins with them runs, and
//! change nothing: there are no pages here, and foreign keys are always kept. One that would change what a statement
//! means is refused.

mod question;

use sqlparser::ast;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::connection::Connection;
use super::error::{Problem, SqlError};
use crate::catalog::Marks;
use crate::catalog::names::nearest;
use crate::{Outcome, ResultSet};

pub(super) use question::{About, Asked, QUESTIONS, Row};

/// A `PRAGMA` as it was written.
#[derive(Debug)]
pub(super) struct Pragma {
    name: ast::Ident,
    /// What it is given: a name, a text or a number, as a text.
    argument: Option<String>,
}

/// The setting that would change what LIKE means.
const CASE_SENSITIVE_LIKE: &str = "case_sensitive_like";

/// Settings of SQLite's that change nothing here.
const SETTINGS: [&str; 15] = [
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    CASE_SENSITIVE_LIKE,
    "journal_size_limit",
    "locking_mode",
    "mmap_size",
    "optimize",
    "page_size",
    "synchronous",
    "temp_store",
    "wal_autocheckpoint",
    "wal_checkpoint",
];

impl Pragma {
    /// Of the tokens of a statement that begins with `PRAGMA`: a name, and a value behind `=` or between parentheses.
    pub(super) fn parse(tokens: &[TokenWithSpan]) -> Result<Pragma, SqlError> {
        let unexpected = |token: Option<&TokenWithSpan>| {
            let found = token.map_or("the end".to_owned(), |token| token.token.to_string());
            let message =
                format!("expected PRAGMA name, PRAGMA name = value or PRAGMA name(value), found {found}");
            let error = SqlError::new(Problem::Syntax { message });
            token.map_or(error.clone(), |token| error.or_at(token.span.start))
        };
        let rest = match tokens.get(1..) {
            // The schema: there is only one.
            Some([_, TokenWithSpan { token: Token::Period, .. }, rest @ ..]) => rest,
            Some(rest) => rest,
            None => &[],
        };
        let [TokenWithSpan { token: Token::Word(name), span }, rest @ ..] = rest else {
            return Err(unexpected(rest.first()));
        };
        let value = match rest {
            [] => &[],
            [TokenWithSpan { token: Token::Eq, .. }, value @ ..] => value,
            [TokenWithSpan { token: Token::LParen, .. }, value @ .., last] if last.token == Token::RParen => {
                value
            }
            [other, ..] => return Err(unexpected(Some(other))),
        };
        let argument = match value {
            [] if rest.is_empty() => None,
            [
                TokenWithSpan { token: Token::Minus, .. },
                TokenWithSpan { token: Token::Number(digits, _), .. },
            ] => Some(format!("-{digits}")),
            [one] | [TokenWithSpan { token: Token::Minus | Token::Plus, .. }, one] => match &one.token {
                Token::Word(word) => Some(word.value.clone()),
                Token::SingleQuotedString(text) | Token::Number(text, _) => Some(text.clone()),
                _ => return Err(unexpected(Some(one))),
            },
            _ => return Err(unexpected(value.first().or(rest.last()))),
        };
        Ok(Pragma { name: name.clone().into_ident(*span), argument })
    }
}

impl Connection {
    /// Answers a `PRAGMA`.
    pub(super) fn pragma(&self, pragma: &Pragma) -> Result<Outcome, SqlError> {
        let Pragma { name, argument } = pragma;
        let asked = name.value.to_ascii_lowercase();
        if asked == "journal_mode" {
            let mode = if self.database.recovery().is_some() { "wal" } else { "memory" };
            return Ok(rows(vec![asked], vec![vec![mode.into()]]));
        }
        if asked == CASE_SENSITIVE_LIKE && argument.as_deref().is_some_and(is_on) {
            let feature = format!("PRAGMA {CASE_SENSITIVE_LIKE}");
            return Err(SqlError::at(Problem::Unsupported { feature }, name.span));
        }
        if SETTINGS.contains(&asked.as_str()) {
            return Ok(Outcome::default());
        }
        if let Some(mark) = Mark::named(&asked) {
            return self.mark(mark, argument.as_deref(), name);
        }
        let Some(question) = QUESTIONS.iter().find(|question| question.name == asked) else {
            let known = QUESTIONS.iter().map(|question| question.name).chain(SETTINGS).chain(Mark::NAMES);
            let problem =
                Problem::UnknownPragma { name: name.value.clone(), nearest: nearest(&asked, known) };
            return Err(SqlError::at(problem, name.span));
        };
        let catalog = self.catalog()?;
        let answer = (question.answer)(&Asked { catalog: &catalog, argument: argument.as_deref() });
        let columns = question.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        Ok(rows(columns, answer))
    }

    /// Tells a number that belongs to the program, or puts another in its place.
    fn mark(&self, mark: Mark, to: Option<&str>, name: &ast::Ident) -> Result<Outcome, SqlError> {
        let Some(to) = to else {
            let value = i64::from(mark.of(self.catalog()?.marks()));
            return Ok(rows(vec![name.value.to_ascii_lowercase()], vec![vec![value.into()]]));
        };
        // As SQLite reads it: what is no number is none.
        let to = to.parse::<i64>().ok().and_then(|to| i32::try_from(to).ok()).unwrap_or(0);
        let schema = self.catalog()?.schema_id();
        self.change_schema(schema, &mut |writing| {
            let mut marks = writing.catalog().marks();
            *mark.of_mut(&mut marks) = to;
            writing.replace_marks(marks)
        })?;
        Ok(Outcome::default())
    }
}

/// A number of the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    UserVersion,
    ApplicationId,
}

impl Mark {
    const NAMES: [&'static str; 2] = ["user_version", "application_id"];

    fn named(name: &str) -> Option<Mark> {
        match name {
            "user_version" => Some(Mark::UserVersion),
            "application_id" => Some(Mark::ApplicationId),
            _ => None,
        }
    }

    fn of(self, mut marks: Marks) -> i32 {
        *self.of_mut(&mut marks)
    }

    fn of_mut(self, marks: &mut Marks) -> &mut i32 {
        match self {
            Mark::UserVersion => &mut marks.user_version,
            Mark::ApplicationId => &mut marks.application_id,
        }
    }
}

fn is_on(argument: &str) -> bool {
    !["0", "off", "no", "false"].iter().any(|off| argument.eq_ignore_ascii_case(off))
}

fn rows(columns: Vec<String>, rows: Vec<Row>) -> Outcome {
    Outcome {
        affected: rows.len() as u64,
        rows: ResultSet { columns: columns.into(), rows },
        ..Outcome::default()
    }
}
