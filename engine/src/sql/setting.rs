//! `SET` and `SHOW`: PostgreSQL's settings, as far as they can be what they are here.
//!
//! The limits of statements can be set. What has one value here can be set to that, so that a program or a dump that
//! begins with it runs, and to no other. What means nothing here is taken, as SQLite's settings are by
//! [`pragma`](super::pragma).

use std::time::Duration;

use nuages_storage::Value;
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::connection::Connection;
use super::error::{Problem, SqlError};
use crate::catalog::names::nearest;
use crate::{Isolation, Outcome, ResultSet};

/// Settings with the values that say what is so here, as they are compared: the first is what is shown.
const FIXED: [(&str, &[&str]); 9] = [
    ("client_encoding", &["UTF8", "utf-8", "unicode"]),
    ("server_encoding", &["UTF8"]),
    ("standard_conforming_strings", &["on", "true", "1"]),
    ("search_path", &["public", "\"$user\", public", "\"$user\",public", "public, pg_catalog", ""]),
    ("timezone", &["UTC", "gmt", "etc/utc", "zulu", "0"]),
    ("bytea_output", &["hex"]),
    ("datestyle", &["ISO, MDY", "iso"]),
    ("integer_datetimes", &["on"]),
    ("server_version", &[concat!("Nuages ", env!("CARGO_PKG_VERSION"))]),
];

/// Settings of what there is not here.
const WITHOUT_MEANING: [&str; 11] = [
    "application_name",
    "check_function_bodies",
    "client_min_messages",
    "default_table_access_method",
    "default_tablespace",
    "extra_float_digits",
    "idle_in_transaction_session_timeout",
    "jit",
    "row_security",
    "synchronize_seqscans",
    "xmloption",
];

const LIMITS: [&str; 2] = ["statement_timeout", "lock_timeout"];

const ISOLATION: &str = "transaction_isolation";

/// Whether a setting is so already, or means nothing here.
pub(super) fn is_so(name: &str, value: &str) -> bool {
    let fixed = FIXED.iter().find(|(known, _)| *known == name);
    WITHOUT_MEANING.contains(&name)
        || fixed.is_some_and(|(_, values)| values.iter().any(|known| known.eq_ignore_ascii_case(value)))
}

impl Connection {
    /// `SET name = value`.
    pub(super) fn set_setting(
        &mut self,
        scope: Option<ast::ContextModifier>,
        name: &ast::ObjectName,
        values: &[ast::Expr],
    ) -> Result<(), SqlError> {
        let ident = super::bind::last_part(name)?;
        let value = values.iter().map(text_of).collect::<Vec<_>>().join(", ");
        self.set_named(ident, &value, scope == Some(ast::ContextModifier::Local))
    }

    /// `SET TIME ZONE value`.
    pub(super) fn set_zone(&mut self, value: &ast::Expr) -> Result<(), SqlError> {
        self.set_named(&ast::Ident::new("timezone"), &text_of(value), false)
    }

    fn set_named(&mut self, ident: &ast::Ident, value: &str, is_local: bool) -> Result<(), SqlError> {
        let name = ident.value.to_lowercase();
        let is_usual = value.eq_ignore_ascii_case("default");
        if LIMITS.contains(&name.as_str()) {
            let limit = if is_usual { Some(Duration::ZERO) } else { duration_of(value) };
            let wrong = || {
                let (expected, got) =
                    ("a number of milliseconds, or one with a unit".to_owned(), value.to_owned());
                SqlError::at(Problem::Type { expression: name.clone(), expected, got }, ident.span)
            };
            let limit = Some(limit.ok_or_else(wrong)?).filter(|limit| !limit.is_zero());
            let mut limits = self.database.limits().clone();
            match name.as_str() {
                "lock_timeout" => limits.lock_timeout = limit,
                _ => limits.statement_timeout = limit,
            }
            match &mut self.open {
                Some(open) if is_local => {
                    let before = self.database.limits();
                    open.timeouts_after.get_or_insert([before.statement_timeout, before.lock_timeout]);
                }
                Some(open) => open.timeouts_after = None,
                // PostgreSQL warns that there is no transaction to set it for.
                None if is_local => return Ok(()),
                None => {}
            }
            self.set_limits(limits);
            return Ok(());
        }
        let fixed = FIXED.iter().find(|(known, _)| *known == name);
        if is_so(&name, value) || is_usual && fixed.is_some() {
            return Ok(());
        }
        let feature = match fixed {
            Some((_, values)) => format!("SET {name} to another value than {}", values[0]),
            None => format!("SET {name}"),
        };
        Err(SqlError::at(Problem::Unsupported { feature }, ident.span))
    }

    /// `RESET name`: the limits of statements are none then.
    pub(super) fn reset_setting(&mut self, reset: &ast::Reset) -> Result<(), SqlError> {
        match reset {
            ast::Reset::ConfigurationParameter(name) => {
                self.set_named(super::bind::last_part(name)?, "default", false)
            }
            ast::Reset::ALL => {
                LIMITS.iter().try_for_each(|name| self.set_named(&ast::Ident::new(*name), "default", false))
            }
            ast::Reset::SessionAuthorization => Ok(()),
        }
    }

    /// `SHOW name`.
    pub(super) fn show(&self, words: &[ast::Ident]) -> Result<Outcome, SqlError> {
        let written: Vec<String> = words.iter().map(|word| word.value.to_lowercase()).collect();
        let name = match written.join(" ").as_str() {
            "time zone" => "timezone".to_owned(),
            "transaction isolation level" => ISOLATION.to_owned(),
            other => other.to_owned(),
        };
        let limits = self.database.limits();
        let value = match name.as_str() {
            "statement_timeout" => shown_limit(limits.statement_timeout),
            "lock_timeout" => shown_limit(limits.lock_timeout),
            ISOLATION => {
                let isolation =
                    self.open.as_ref().map(|open| open.transaction.isolation()).or(self.isolation);
                match isolation.unwrap_or_else(|| self.dialect.isolation()) {
                    Isolation::ReadCommitted => "read committed".to_owned(),
                    Isolation::Snapshot => "repeatable read".to_owned(),
                    Isolation::Serializable => "serializable".to_owned(),
                }
            }
            name => match FIXED.iter().find(|(known, _)| *known == name) {
                Some((_, values)) => values[0].to_owned(),
                None => {
                    let known = FIXED.iter().map(|(known, _)| *known).chain(LIMITS).chain([ISOLATION]);
                    let problem =
                        Problem::UnknownSetting { name: name.to_owned(), nearest: nearest(name, known) };
                    let span = words.first().map_or(Span::empty(), |word| word.span);
                    return Err(SqlError::at(problem, span));
                }
            },
        };
        let rows = ResultSet { columns: vec![name].into(), rows: vec![vec![Value::Text(value)]] };
        Ok(Outcome { affected: 1, rows, ..Outcome::default() })
    }
}

/// What a setting is set to, as a text.
fn text_of(value: &ast::Expr) -> String {
    match value {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        ast::Expr::Identifier(name) => name.value.clone(),
        other => other.to_string(),
    }
}

/// Units of time, in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

/// A limit as PostgreSQL shows it: in the greatest unit of which it is a whole number.
fn shown_limit(limit: Option<Duration>) -> String {
    let milliseconds = limit.map_or(0, |limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    match UNITS.iter().find(|(_, unit)| milliseconds > 0 && milliseconds.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", milliseconds / unit),
        None => "0".to_owned(),
    }
}

/// A length of time: a number of milliseconds, or of a unit behind it.
fn duration_of(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let count: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim();
    let unit = if unit.is_empty() { "ms" } else { unit };
    let (_, milliseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(Duration::from_millis(count.checked_mul(*milliseconds)?))
}
