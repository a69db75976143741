//! Rows of a CSV file into a table.
//!
//! A file is read whole or not at all: everything happens in one transaction. Of a table that does not exist yet the
//! types are inferred by a first pass over the file: the first type of [`CANDIDATES`] that reads every value there is
//! without a loss of digits.

use std::fs::File;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use nuages_engine::algebra::{Expr, Insert, InsertSource, Source, Statement};
use nuages_engine::catalog::{NewColumn, NewTable, TableDefinition};
use nuages_engine::evaluate::cast_value;
use nuages_engine::{Error, Session};
use nuages_storage::{DataType, Value};

use crate::failure::Failure;

/// The types that are tried, the narrowest first; text takes all that is left.
const CANDIDATES: [DataType; 7] = [
    DataType::BigInt,
    DataType::Float,
    DataType::NUMERIC,
    DataType::Bool,
    DataType::Date,
    DataType::Timestamp,
    DataType::Uuid,
];

/// Decimal digits that a float keeps, whatever they are.
const FLOAT_DIGITS: usize = f64::DIGITS as usize;

const TEXT: DataType = DataType::Text { max_length: None };

/// Rows that one statement inserts.
const BATCH_ROWS: usize = 1_000;

/// Reads the rows of a CSV file with a head line into a table; without such a table, one is made. Returns how many.
///
/// An empty field is NULL, except in a text column that must not be NULL. The whole is the caller's to commit, and to undo.
///
/// # Errors
/// A file that cannot be read, or whose lines differ in length; a column that the table has not; a value that is not
/// of its column's type; whatever the table refuses.
pub(crate) fn import(session: &dyn Session, path: &Path, table: &str) -> Result<u64, Failure> {
    let head = reader(path)?.headers().map_err(|error| broken(path, &error))?.clone();
    let names: Vec<String> = head.iter().enumerate().map(|(place, name)| column_name(place, name)).collect();
    if matches!(session.catalog()?.table_named(table), Err(Error::UnknownTable { .. })) {
        let columns = names.iter().zip(infer(path, names.len())?);
        let columns = columns.map(|(name, data_type)| NewColumn::new(name, data_type).nullable(true));
        session.create_table(columns.fold(NewTable::new(table), NewTable::column))?;
    }
    let catalog = session.catalog()?;
    let definition = catalog.table_named(table)?;
    let places = names.iter().map(|name| definition.column_named(name)).collect::<Result<Vec<_>, _>>()?;
    insert(session, path, definition, &places)
}

/// What a column is called whose head is blank.
fn column_name(place: usize, head: &str) -> String {
    match head.trim() {
        "" => format!("column{}", place + 1),
        name => name.to_owned(),
    }
}

fn insert(
    session: &dyn Session,
    path: &Path,
    table: &TableDefinition,
    places: &[usize],
) -> Result<u64, Failure> {
    let progress = progress(path);
    let mut reader = reader(path)?;
    let (mut record, mut rows, mut count) = (csv::StringRecord::new(), Vec::new(), 0);
    loop {
        let is_there = reader.read_record(&mut record).map_err(|error| broken(path, &error))?;
        if is_there {
            let line = record.position().map_or(0, csv::Position::line);
            rows.push(row(&record, table, places).map_err(|error| refused(path, line, &error))?);
        }
        if rows.len() == BATCH_ROWS || (!is_there && !rows.is_empty()) {
            count += rows.len() as u64;
            let insert = Insert {
                table: table.id,
                columns: places.to_vec(),
                rows: InsertSource::Values(std::mem::take(&mut rows)),
                source: Source::new(0),
                returning: Vec::new(),
                conflict: None,
            };
            session.execute(&Statement::Insert(insert), &[])?;
            progress.set_position(reader.position().byte());
        }
        if !is_there {
            progress.finish_and_clear();
            return Ok(count);
        }
    }
}

/// The values of a line, each as its column has it.
fn row(
    record: &csv::StringRecord,
    table: &TableDefinition,
    places: &[usize],
) -> Result<Vec<Option<Expr>>, Error> {
    let value = |(field, place): (&str, &usize)| {
        let column = table.column(*place)?;
        let is_text = matches!(column.data_type, DataType::Text { .. });
        let value = match field {
            "" if column.nullable || !is_text => Value::Null,
            // A text too long is the table's to refuse; a cast would cut it.
            text if is_text => Value::from(text),
            text => cast_value(Value::from(text), column.data_type)?,
        };
        Ok(Some(Expr::Literal(value)))
    };
    record.iter().zip(places).map(value).collect()
}

/// The types of a file's columns.
fn infer(path: &Path, columns: usize) -> Result<Vec<DataType>, Failure> {
    let mut guesses = vec![Guess::new(); columns];
    for record in reader(path)?.records() {
        let record = record.map_err(|error| broken(path, &error))?;
        for (guess, field) in guesses.iter_mut().zip(&record) {
            guess.note(field);
        }
    }
    Ok(guesses.into_iter().map(Guess::data_type).collect())
}

/// What a column may be, after the values seen so far.
#[derive(Clone)]
struct Guess {
    /// The candidates that read every one of them.
    possible: Vec<DataType>,
    /// Whether there was any.
    is_used: bool,
}

impl Guess {
    fn new() -> Guess {
        Guess { possible: CANDIDATES.to_vec(), is_used: false }
    }

    fn note(&mut self, field: &str) {
        if !field.is_empty() {
            self.is_used = true;
            self.possible.retain(|candidate| reads(*candidate, field));
        }
    }

    fn data_type(self) -> DataType {
        self.possible.first().copied().filter(|_| self.is_used).unwrap_or(TEXT)
    }
}

/// Whether a field is a value of the type, as a person would see it: `007` is no number, and `1` is no boolean.
fn reads(data_type: DataType, field: &str) -> bool {
    match data_type {
        DataType::BigInt => is_number(field) && field.parse::<i64>().is_ok(),
        DataType::Float => {
            let mantissa = field.split(['e', 'E']).next().unwrap_or_default();
            is_number(field)
                && mantissa.chars().filter(char::is_ascii_digit).count() <= FLOAT_DIGITS
                && cast_value(Value::from(field), data_type).is_ok()
        }
        DataType::Decimal { .. } => {
            is_number(field)
                && cast_value(Value::from(field), data_type).is_ok_and(|number| number.to_string() == field)
        }
        DataType::Bool => field.eq_ignore_ascii_case("true") || field.eq_ignore_ascii_case("false"),
        // A cast would cut the time of day off.
        DataType::Date => {
            cast_value(Value::from(field), data_type).is_ok_and(|date| date.to_string() == field)
        }
        _ => cast_value(Value::from(field), data_type).is_ok(),
    }
}

/// Whether a field begins as a number does that somebody counts with.
fn is_number(field: &str) -> bool {
    let digits = field.strip_prefix('-').unwrap_or(field);
    let has_leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    digits.starts_with(|c: char| c.is_ascii_digit()) && !has_leading_zero
}

fn reader(path: &Path) -> Result<csv::Reader<File>, Failure> {
    let file = File::open(path).map_err(|error| Failure::file(path, error))?;
    Ok(csv::ReaderBuilder::new().buffer_capacity(1 << 16).from_reader(file))
}

/// A bar over the bytes of a file; it shows itself on a terminal only.
fn progress(path: &Path) -> ProgressBar {
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    let bar = ProgressBar::new(bytes);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// What the library says about a file, under its name and line.
fn broken(path: &Path, error: &csv::Error) -> Failure {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::Io(_) => Failure::file(path, std::io::Error::other(error.to_string())),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => Failure::Row {
            path: path.to_owned(),
            line,
            reason: format!("the line has {len} fields, and the head line {expected_len}"),
        },
        _ => Failure::Row { path: path.to_owned(), line, reason: error.to_string() },
    }
}

fn refused(path: &Path, line: u64, error: &Error) -> Failure {
    Failure::Row { path: path.to_owned(), line, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(fields: &[&str]) -> DataType {
        let mut guess = Guess::new();
        fields.iter().for_each(|field| guess.note(field));
        guess.data_type()
    }

    #[test]
    fn the_narrowest_type_is_chosen_that_reads_every_value() {
        assert_eq!(guessed(&["1", "", "-20"]), DataType::BigInt);
        assert_eq!(guessed(&["1", "2.5"]), DataType::Float);
        assert_eq!(guessed(&["true", "FALSE"]), DataType::Bool);
        assert_eq!(guessed(&["2024-01-31", "2023-12-01"]), DataType::Date);
        assert_eq!(guessed(&["2024-01-31 10:00:00"]), DataType::Timestamp);
        assert_eq!(guessed(&["7f1e9f0c-3f29-4c0e-9d3e-0d5a1c2b3a4f"]), DataType::Uuid);
        assert_eq!(guessed(&["1", "2024-01-31"]), TEXT);
        assert_eq!(guessed(&["1", "one"]), TEXT);
    }

    #[test]
    fn numbers_with_more_digits_than_a_float_keeps_are_decimals() {
        assert_eq!(guessed(&["12345678901234567890", "1"]), DataType::NUMERIC);
        assert_eq!(guessed(&["0.1234567890123456789", "-1.5"]), DataType::NUMERIC);
        assert_eq!(guessed(&["1e300", "123456789012345"]), DataType::Float);
        assert_eq!(guessed(&["12345678901234567890123456789012345678901234567890"]), TEXT);
        assert_eq!(guessed(&["1e5", "12345678901234567890"]), TEXT);
    }

    #[test]
    fn what_would_lose_its_spelling_stays_text() {
        assert_eq!(guessed(&["007", "12"]), TEXT);
        assert_eq!(guessed(&["+1"]), TEXT);
        assert_eq!(guessed(&["NaN", "inf"]), TEXT);
        assert_eq!(guessed(&["t", "f"]), TEXT);
        assert_eq!(guessed(&["", ""]), TEXT);
    }
}
