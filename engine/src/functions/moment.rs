//! Functions of timestamps, in UTC.

use std::fmt::Write;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use nuages_storage::value::temporal::{date_to_days, timestamp_from_micros};
use nuages_storage::{DataType, Value};

use super::Call;
use super::age::Age;
use super::modified::{julian_day, modified};
use super::signature::{Signature, TEXT, expect, expect_count};
use crate::algebra::{Function, TimeFunction};
use crate::error::Error;
use crate::evaluate::{Class, class_of};
use crate::vector::{Vector, VectorBuilder};

const MICROS: f64 = 1e6;

/// What a function takes and gives.
pub(super) fn signature(of: TimeFunction, types: &[Option<DataType>]) -> Result<Signature, Error> {
    const INT: DataType = DataType::BigInt;
    let (arguments, result): (&[DataType], DataType) = match of {
        TimeFunction::Epoch => (&[DataType::Timestamp], DataType::Float),
        TimeFunction::Modified => {
            expect_count(of.name(), types.len(), 1..=usize::MAX)?;
            types.iter().try_for_each(|given| expect(&Function::Time(of), *given, &[Class::Text]))?;
            return Ok(Signature { arguments: vec![TEXT; types.len()], result: DataType::Timestamp });
        }
        TimeFunction::JulianDay => (&[DataType::Timestamp], DataType::Float),
        TimeFunction::Age => (&[DataType::Timestamp, DataType::Timestamp], TEXT),
        TimeFunction::MakeDate => (&[INT, INT, INT], DataType::Date),
        TimeFunction::Strftime => (&[TEXT, DataType::Timestamp], TEXT),
    };
    expect_count(of.name(), types.len(), arguments.len()..=arguments.len())?;
    for (given, wanted) in types.iter().zip(arguments) {
        expect(&Function::Time(of), *given, &[class_of(*wanted)])?;
    }
    Ok(Signature { arguments: arguments.to_vec(), result })
}

#[expect(clippy::cast_precision_loss, reason = "seconds are a float by definition")]
pub(super) fn evaluate(of: TimeFunction, call: &Call<'_>) -> Result<Vector<'static>, Error> {
    let beyond = || Error::Overflow { operation: format!("{}()", of.name()) };
    let int = |place: usize, row: usize| call.int(place, row).unwrap_or_default();
    match of {
        TimeFunction::Epoch => {
            call.words(DataType::Float, |row| Ok((int(0, row) as f64 / MICROS).to_bits().cast_signed()))
        }
        TimeFunction::Modified => {
            let live = call.live();
            let mut builder = VectorBuilder::with_capacity(DataType::Timestamp, call.len);
            for row in 0..call.len {
                let modifiers = (1..call.columns.len()).map(|place| call.text(place, row));
                let found = live.contains(row).then(|| modified(call.text(0, row), modifiers)).flatten();
                match found.and_then(timestamp_from_micros) {
                    Some(moment) => builder.push(&Value::Timestamp(moment)),
                    None => builder.push_null(),
                }
            }
            Ok(builder.finish())
        }
        TimeFunction::JulianDay => {
            call.words(DataType::Float, |row| Ok(julian_day(int(0, row)).to_bits().cast_signed()))
        }
        TimeFunction::Age => call.texts(|row, heap| {
            let age = Age::between(
                moment(int(0, row)).ok_or_else(beyond)?,
                moment(int(1, row)).ok_or_else(beyond)?,
            );
            age.write(heap);
            Ok(())
        }),
        TimeFunction::MakeDate => call.words(DataType::Date, |row| {
            let part = |place| i16::try_from(int(place, row)).map_err(|_| beyond());
            let (month, day) = (part(1)?, part(2)?);
            let (month, day) = (i8::try_from(month), i8::try_from(day));
            let (Ok(month), Ok(day)) = (month, day) else { return Err(beyond()) };
            let date = Date::new(part(0)?, month, day).map_err(|_| beyond())?;
            Ok(date_to_days(date))
        }),
        TimeFunction::Strftime => call.texts(|row, heap| {
            let moment = moment(int(1, row)).ok_or_else(beyond)?;
            strftime(&moment, call.text(0, row), heap)
        }),
    }
}

fn moment(micros: i64) -> Option<DateTime> {
    Some(timestamp_from_micros(micros)?.to_zoned(TimeZone::UTC).datetime())
}

/// Adds a moment by a format of SQLite's.
fn strftime(moment: &DateTime, format: &str, heap: &mut String) -> Result<(), Error> {
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            heap.push(character);
            continue;
        }
        let conversion = characters.next();
        let millis = moment.subsec_nanosecond() / 1_000_000;
        let written = match conversion {
            Some('d') => write!(heap, "{:02}", moment.day()),
            Some('e') => write!(heap, "{:2}", moment.day()),
            Some('f') => write!(heap, "{:02}.{millis:03}", moment.second()),
            Some('F') => write!(heap, "{}", moment.date()),
            Some('H') => write!(heap, "{:02}", moment.hour()),
            Some('I') => write!(heap, "{:02}", (moment.hour() + 11) % 12 + 1),
            Some('j') => write!(heap, "{:03}", moment.day_of_year()),
            Some('m') => write!(heap, "{:02}", moment.month()),
            Some('M') => write!(heap, "{:02}", moment.minute()),
            Some('p') => heap.write_str(if moment.hour() < 12 { "AM" } else { "PM" }),
            Some('R') => write!(heap, "{:02}:{:02}", moment.hour(), moment.minute()),
            Some('s') => match moment.to_zoned(TimeZone::UTC) {
                Ok(zoned) => write!(heap, "{}", zoned.timestamp().as_millisecond().div_euclid(1_000)),
                Err(_) => Ok(()),
            },
            Some('S') => write!(heap, "{:02}", moment.second()),
            Some('T') => write!(heap, "{:02}:{:02}:{:02}", moment.hour(), moment.minute(), moment.second()),
            Some('u') => write!(heap, "{}", moment.weekday().to_monday_one_offset()),
            Some('w') => write!(heap, "{}", moment.weekday().to_sunday_zero_offset()),
            Some('W') => {
                // Weeks begin on Monday, and the days before the first are of week 0.
                let day = moment.day_of_year() - 1;
                let since_monday = i16::from(moment.weekday().to_monday_zero_offset());
                write!(heap, "{:02}", (day + 7 - since_monday) / 7)
            }
            Some('Y') => write!(heap, "{:04}", moment.year()),
            Some('%') => heap.write_str("%"),
            other => {
                let got = format!("%{}", other.map(String::from).unwrap_or_default());
                let (expression, expected) = ("strftime()".to_owned(), "a conversion such as %Y".to_owned());
                return Err(Error::Type { expression, expected, got });
            }
        };
        // Writing to a String does not fail.
        let _ = written;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::Expr;
    use crate::evaluate::testing::value_of;
    use proptest::prelude::*;
    use rusqlite::Connection;

    fn call(of: TimeFunction, arguments: Vec<Value>) -> Result<Value, Error> {
        value_of(&Expr::Call(Function::Time(of), arguments.into_iter().map(Expr::Literal).collect()))
    }

    proptest! {
        #[test]
        fn moments_are_written_as_sqlite_does(millis in -60_000_000_000_000_i64..100_000_000_000_000) {
            let sqlite = Connection::open_in_memory().unwrap();
            let moment = jiff::Timestamp::from_millisecond(millis).unwrap();
            let text = moment.to_string();
            for format in ["%Y-%m-%d %H:%M:%S", "%f", "%j", "%s", "%w", "%W", "%%%d"] {
                let theirs: String =
                    sqlite.query_row("select strftime(?, ?)", (format, &text), |row| row.get(0)).unwrap();
                let ours = call(TimeFunction::Strftime, vec![format.into(), moment.into()]);
                prop_assert_eq!(ours, Ok(theirs.into()), "{} of {}", format, text);
            }
        }
    }

    #[test]
    fn moments_are_seconds_and_dates_are_made_of_numbers() {
        let moment: jiff::Timestamp = "2024-03-05T17:07:09.5Z".parse().unwrap();
        assert_eq!(call(TimeFunction::Epoch, vec![moment.into()]), Ok(1_709_658_429.5.into()));
        let date = call(TimeFunction::MakeDate, vec![2024.into(), 2.into(), 29.into()]);
        assert_eq!(date, Ok(jiff::civil::date(2024, 2, 29).into()));
        assert!(call(TimeFunction::MakeDate, vec![2023.into(), 2.into(), 29.into()]).is_err());
    }
}
