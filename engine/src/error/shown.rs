//! How the parts of an error are shown: rows, keys and values short enough to be read, and the name that was meant.

use std::fmt;

use nuages_storage::Value;

/// Names a row, or the table's definition.
pub(super) struct Changed(pub(super) Option<i64>);

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(row) => write!(f, "row {row}"),
            None => f.write_str("the definition"),
        }
    }
}

/// "; did you mean .." or nothing.
pub(super) struct Nearest<'a>(pub(super) &'a Option<String>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(nearest) => write!(f, "; did you mean \"{nearest}\"?"),
            None => Ok(()),
        }
    }
}

/// " for column .. of table .." or nothing.
pub(super) struct OfColumn<'a>(pub(super) &'a Option<Box<(String, String)>>);

impl fmt::Display for OfColumn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_deref() {
            Some((table, column)) => write!(f, ", for column \"{column}\" of table \"{table}\""),
            None => Ok(()),
        }
    }
}

/// `a = 1, b = 'x'`.
pub(super) struct Pairs<'a>(pub(super) &'a [String], pub(super) &'a [Value]);

impl fmt::Display for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (column, value)) in self.0.iter().zip(self.1).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{column} = {}", Shown(value))?;
        }
        Ok(())
    }
}

/// `: a = 1, b = 'x'` or nothing.
pub(super) struct Row<'a>(pub(super) &'a [(String, Value)]);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (column, value)) in self.0.iter().enumerate() {
            let comma = if i == 0 { ": " } else { ", " };
            write!(f, "{comma}{column} = {}", Shown(value))?;
        }
        Ok(())
    }
}

/// A value as a message shows it: texts in quotes and not longer than a line.
struct Shown<'a>(&'a Value);

/// The beginning of what was written, so much as a message shows.
pub(crate) struct Cut<'a>(pub(crate) &'a str);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN_CHARACTERS_MAX) {
            Some((cut, _)) => write!(f, "{}...", &self.0[..cut]),
            None => f.write_str(self.0),
        }
    }
}

/// The same in double quotes.
impl fmt::Debug for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// A message is read by a person; what is longer than this many characters is cut.
const SHOWN_CHARACTERS_MAX: usize = 60;

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) => write!(f, "'{}'", Cut(text)),
            // A long one is shortened here too.
            value @ (Value::Bytes(_) | Value::Json(_)) => write!(f, "{}", value.quoted()),
            value => write!(f, "{value}"),
        }
    }
}

/// From which sequence nothing was drawn.
pub(super) struct Drawn<'e>(pub(super) &'e Option<String>);

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "of sequence \"{name}\""),
            None => f.write_str("of a sequence"),
        }
    }
}
