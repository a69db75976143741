//! What templates read: a date and a time out of a text.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};

use super::super::refused;
use super::{DAYS, Field, Item, MONTHS, ROMAN, items};
use crate::error::Error;

/// What was read of a date and a time so far.
#[derive(Default)]
struct Read {
    year: Option<i64>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    iso_day: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    julian: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    second_of_day: Option<i64>,
    micros: i64,
    is_afternoon: Option<bool>,
    is_before_christ: bool,
}

/// Reads a text by a template, for the function of this name.
pub(in super::super) fn read(function: &str, text: &str, template: &str) -> Result<DateTime, Error> {
    let invalid = || refused(function, format!("a text like {template:?}"), format!("{text:?}"));
    let items = items(template);
    let mut read = Read::default();
    let mut rest = text.trim_start();
    for (place, item) in items.iter().enumerate() {
        match *item {
            Item::Literal(character) if !character.is_alphanumeric() => {
                rest = rest.trim_start_matches(is_separator);
            }
            Item::Literal(_) => rest = rest.chars().next().map_or("", |first| &rest[first.len_utf8()..]),
            Item::Field { field, ordinal, .. } => {
                rest = rest.trim_start_matches(is_separator);
                // Digits that follow at once are those of the next field.
                let is_tight = matches!(items.get(place + 1), Some(Item::Field { .. }));
                rest = read.field(field, rest, is_tight).ok_or_else(invalid)?;
                if ordinal.is_some() {
                    rest = rest.trim_start_matches(|character: char| character.is_ascii_alphabetic());
                }
            }
        }
    }
    read.moment().ok_or_else(invalid)
}

fn is_separator(character: char) -> bool {
    !character.is_alphanumeric() && character != '+'
}

impl Read {
    /// Reads a field at the beginning of a text, and gives what follows; none if it is not there.
    fn field<'t>(&mut self, field: Field, text: &'t str, is_tight: bool) -> Option<&'t str> {
        let among = |names: &[&str], length: usize| {
            let is = |name: &&str| {
                let name = &name[..length.min(name.len())];
                text.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name))
            };
            // Longer names first: VIII begins with V.
            let found = (0..names.len())
                .filter(|place| is(&names[*place]))
                .max_by_key(|place| names[*place].len())?;
            Some((i64::try_from(found).ok()?, &text[length.min(names[found].len())..]))
        };
        let (value, rest) = match field {
            Field::MonthName => {
                let (month, rest) = among(&MONTHS, usize::MAX).or_else(|| among(&MONTHS, 3))?;
                self.month = Some(month + 1);
                return Some(rest);
            }
            Field::MonthShort => {
                let (month, rest) = among(&MONTHS, 3)?;
                self.month = Some(month + 1);
                return Some(rest);
            }
            Field::MonthRoman => {
                let (month, rest) = among(&ROMAN, usize::MAX)?;
                self.month = Some(month + 1);
                return Some(rest);
            }
            Field::DayName => {
                return among(&DAYS, usize::MAX).or_else(|| among(&DAYS, 3)).map(|(_, rest)| rest);
            }
            Field::DayShort => return among(&DAYS, 3).map(|(_, rest)| rest),
            Field::Meridiem | Field::MeridiemDots => {
                let names = if field == Field::Meridiem { ["AM", "PM"] } else { ["A.M.", "P.M."] };
                let (half, rest) = among(&names, usize::MAX)?;
                self.is_afternoon = Some(half == 1);
                return Some(rest);
            }
            Field::Era | Field::EraDots => {
                let names = if field == Field::Era { ["AD", "BC"] } else { ["A.D.", "B.C."] };
                let (era, rest) = among(&names, usize::MAX)?;
                self.is_before_christ = era == 1;
                return Some(rest);
            }
            Field::Zone | Field::ZoneHours | Field::ZoneMinutes => return None,
            field => digits(text, width(field), is_tight || matches!(field, Field::Fraction(_)))?,
        };
        self.take(field, value, text.len() - rest.len());
        Some(rest)
    }

    fn take(&mut self, field: Field, value: i64, digits: usize) {
        match field {
            Field::Year(4 | 5) if digits >= 3 => self.year = Some(value),
            // The year nearest to 2020.
            Field::Year(_) => self.year = Some(nearest_year(value, digits)),
            Field::IsoYear(_) => {
                self.iso_year = Some(if digits < 4 { nearest_year(value, digits) } else { value });
            }
            Field::IsoWeek => self.iso_week = Some(value),
            Field::IsoDayOfWeek => self.iso_day = Some(value),
            Field::Month => self.month = Some(value),
            Field::Day => self.day = Some(value),
            Field::DayOfYear => self.day_of_year = Some(value),
            Field::Julian => self.julian = Some(value),
            Field::Hour24 | Field::Hour12 => self.hour = value,
            Field::Minute => self.minute = value,
            Field::Second => self.second = value,
            Field::SecondOfDay => self.second_of_day = Some(value),
            Field::Fraction(_) => {
                self.micros = value * 10_i64.pow(6 - u32::try_from(digits.min(6)).unwrap_or(6));
            }
            // A quarter, a century and a day of the week are read over, as PostgreSQL does.
            _ => {}
        }
    }

    fn moment(&self) -> Option<DateTime> {
        let year = self.year.unwrap_or(1);
        let year = if self.is_before_christ { 1 - year } else { year };
        let part = |value: i64| i8::try_from(value).ok();
        let first = |year: i64| Date::new(i16::try_from(year).ok()?, 1, 1).ok();
        let date = if let Some(julian) = self.julian {
            nuages_storage::value::temporal::date_from_days(julian - 2_440_588)?
        } else if let (Some(year), Some(week)) = (self.iso_year, self.iso_week) {
            let day = Weekday::from_monday_one_offset(part(self.iso_day.unwrap_or(1))?).ok()?;
            ISOWeekDate::new(i16::try_from(year).ok()?, part(week)?, day).ok()?.date()
        } else if let Some(day) = self.day_of_year {
            first(year)?.checked_add(jiff::Span::new().try_days(day - 1).ok()?).ok()?
        } else {
            let (month, day) = (part(self.month.unwrap_or(1))?, part(self.day.unwrap_or(1))?);
            Date::new(i16::try_from(year).ok()?, month, day).ok()?
        };
        let hour = match self.is_afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let (minute, second) = (part(self.minute)?, part(self.second)?);
        let clock = Time::new(part(hour)?, minute, second, i32::try_from(self.micros * 1_000).ok()?).ok()?;
        let midnight = date.to_datetime(Time::midnight());
        match self.second_of_day {
            Some(second) => midnight.checked_add(SignedDuration::from_secs(second)).ok(),
            None => Some(date.to_datetime(clock)),
        }
    }
}

/// Two digits below 70 are of this century, as PostgreSQL has it.
fn nearest_year(value: i64, digits: usize) -> i64 {
    match (digits, value) {
        (1 | 2, ..70) => 2_000 + value,
        (1 | 2, 70..) => 1_900 + value,
        (3, ..520) => 2_000 + value,
        (3, _) => 1_000 + value,
        _ => value,
    }
}

/// How many digits a field has at most where another one follows at once.
fn width(field: Field) -> usize {
    match field {
        Field::Year(digits) | Field::IsoYear(digits) => digits.min(4),
        Field::DayOfYear | Field::IsoDayOfYear => 3,
        Field::DayOfWeek | Field::IsoDayOfWeek | Field::Quarter | Field::WeekOfMonth => 1,
        Field::Julian => 7,
        Field::SecondOfDay => 5,
        Field::Fraction(digits) => digits,
        _ => 2,
    }
}

/// A number, and what follows it.
fn digits(text: &str, width: usize, is_tight: bool) -> Option<(i64, &str)> {
    let limit = if is_tight { width } else { 9 };
    let end = text.bytes().take(limit).take_while(u8::is_ascii_digit).count();
    Some((text[..end].parse().ok()?, &text[end..]))
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_read_what_postgresql_reads() {
        let cases = [
            ("20240506", "YYYYMMDD", "2024-05-06T00:00:00"),
            ("May 6, 2024", "Month DD, YYYY", "2024-05-06T00:00:00"),
            ("6-Jan-99", "DD-Mon-YY", "1999-01-06T00:00:00"),
            ("2024-05-06 01:02:03.5 PM", "YYYY-MM-DD HH12:MI:SS.MS AM", "2024-05-06T13:02:03.5"),
            ("2024/5/6", "YYYY-MM-DD", "2024-05-06T00:00:00"),
            ("2024 127", "YYYY DDD", "2024-05-06T00:00:00"),
            ("2024-19-1", "IYYY-IW-ID", "2024-05-06T00:00:00"),
            ("2460437", "J", "2024-05-06T00:00:00"),
        ];
        for (text, template, expected) in cases {
            assert_eq!(
                read("to_date", text, template).unwrap(),
                expected.parse().unwrap(),
                "{text} {template}"
            );
        }
        for (text, template) in [("x", "YYYY"), ("2024-13-01", "YYYY-MM-DD"), ("May", "Day"), ("é", "é YYYY")]
        {
            assert!(read("to_date", text, template).is_err(), "{text} {template}");
        }
    }
}
