//! Texts as values of those types that the engine's cast reads otherwise than Django: dates, times and UUIDs.
//!
//! The forms are those of Django's `parse_date`, `parse_time` and `parse_datetime`, which take `2024-2-1` and `10:5`, and
//! refuse a time behind a date, which a cast cuts off. What has another form of ISO 8601 is left to the cast.

use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};
use nuages_engine::evaluate::cast_value;
use nuages_storage::{DataType, Value};

/// Why a text is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It does not look like one.
    Form,
    /// It looks like a day that there is not.
    Day,
    /// It looks like a time of day that there is not.
    Time,
    /// It looks like a day and a time, and one of them is none.
    Moment,
}

/// Reads a text as a value of a type; white space around it does not count.
///
/// # Errors
/// Why it is none.
pub(crate) fn read(text: &str, data_type: DataType) -> Result<Value, Unread> {
    let trimmed = text.trim();
    match data_type {
        DataType::Date => day(trimmed),
        DataType::Time => clock(trimmed),
        DataType::Timestamp => moment(trimmed),
        DataType::Uuid => uuid(trimmed),
        _ => cast(text, data_type),
    }
}

fn cast(text: &str, data_type: DataType) -> Result<Value, Unread> {
    cast_value(Value::from(text), data_type).map_err(|_| Unread::Form)
}

/// `2024-2-1`, or eight digits.
fn day(text: &str) -> Result<Value, Unread> {
    match DayParts::of(text) {
        Some(parts) => parts.date().map(Value::Date).ok_or(Unread::Day),
        None if text.len() == 8 && is_digits(text) => cast(text, DataType::Date).map_err(|_| Unread::Day),
        None => Err(Unread::Form),
    }
}

/// `10:5`, with seconds and their parts if they are wanted; or digits alone.
fn clock(text: &str) -> Result<Value, Unread> {
    match ClockParts::of(text) {
        Some(parts) => parts.time().map(Value::Time).ok_or(Unread::Time),
        None => match basic_clock(text) {
            Some(parts) => parts.time().map(Value::Time).ok_or(Unread::Time),
            None => Err(Unread::Form),
        },
    }
}

/// `10`, `1005` or `100506`, perhaps behind a `T`: ISO 8601's basic format.
fn basic_clock(text: &str) -> Option<ClockParts> {
    let digits = text.strip_prefix('T').unwrap_or(text);
    if !is_digits(digits) || !matches!(digits.len(), 2 | 4 | 6) {
        return None;
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), |part| part.parse().ok());
    Some(ClockParts([part(0)?, part(2)?, part(4)?, 0]))
}

/// A day, perhaps with a time and that with an offset; without one it is UTC.
fn moment(text: &str) -> Result<Value, Unread> {
    let midnight = |date: Date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok();
    if let Some(parts) = DayParts::of(text) {
        return parts.date().and_then(midnight).map(Value::Timestamp).ok_or(Unread::Day);
    }
    let split = text.split_once(['T', ' ']).and_then(|(day, rest)| {
        let (clock, offset) = without_offset(rest)?;
        Some((DayParts::of(day)?, ClockParts::of(clock)?, offset))
    });
    match split {
        Some((day, clock, offset)) => {
            let at = || {
                let local = day.date()?.to_datetime(clock.time()?);
                TimeZone::fixed(offset?).to_timestamp(local).ok()
            };
            at().map(Value::Timestamp).ok_or(Unread::Moment)
        }
        None => cast(text, DataType::Timestamp),
    }
}

/// Python's `UUID(..)`: 32 digits, wherever hyphens stand; in braces or behind `urn:uuid:`, if they like.
fn uuid(text: &str) -> Result<Value, Unread> {
    let bare = text.strip_prefix("urn:").unwrap_or(text);
    let bare = bare.strip_prefix("uuid:").unwrap_or(bare).trim_matches(['{', '}']);
    cast(&bare.replace('-', ""), DataType::Uuid)
}

/// Three numbers that look like a day.
struct DayParts([i16; 3]);

impl DayParts {
    fn of(text: &str) -> Option<DayParts> {
        let mut parts = text.split('-');
        let [year, month, day] = [parts.next()?, parts.next()?, parts.next()?];
        let fits = parts.next().is_none() && year.len() == 4 && is_short(month) && is_short(day);
        let number = |text: &str| if is_digits(text) { text.parse().ok() } else { None };
        fits.then_some(DayParts([number(year)?, number(month)?, number(day)?]))
    }

    /// The day, if there is one from the year 1 on.
    fn date(&self) -> Option<Date> {
        let [year, month, day] = self.0;
        let date = || Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok();
        date().filter(|_| year >= 1)
    }
}

/// Numbers that look like a time of day: hours, minutes, seconds, nanoseconds.
struct ClockParts([i32; 4]);

impl ClockParts {
    fn of(text: &str) -> Option<ClockParts> {
        let mut parts = text.split(':');
        let (hour, minute, rest) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
        let (second, fraction) = rest.split_once(['.', ',']).unwrap_or((rest, "0"));
        let fits = parts.next().is_none() && [hour, minute, second].into_iter().all(is_short);
        let number = |text: &str| if is_digits(text) { text.parse().ok() } else { None };
        if !fits || !(1..=12).contains(&fraction.len()) || !is_digits(fraction) {
            return None;
        }
        // What is finer than a microsecond is cut off.
        let micros: i32 = format!("{fraction:0<6.6}").parse().ok()?;
        Some(ClockParts([number(hour)?, number(minute)?, number(second)?, micros * 1_000]))
    }

    fn time(&self) -> Option<Time> {
        let [hour, minute, second, nanos] = self.0;
        Time::new(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, nanos).ok()
    }
}

/// A time without the offset behind it, and this: `Z`, `+01`, `+0130` or `+01:30`. Without one it is UTC's; one that
/// cannot be is none. Nothing at all if something else stands there.
fn without_offset(text: &str) -> Option<(&str, Option<Offset>)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock.trim_end(), Some(Offset::UTC)));
    }
    let Some(sign) = text.rfind(['+', '-']) else { return Some((text, Some(Offset::UTC))) };
    let (clock, offset) = text.split_at_checked(sign)?;
    let digits = offset.get(1..)?;
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        5 => digits.split_once(':').filter(|(hours, _)| hours.len() == 2)?,
        _ => return None,
    };
    if !is_digits(hours) || !is_digits(minutes) {
        return None;
    }
    let minutes = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
    let signed = if offset.starts_with('-') { -minutes } else { minutes };
    Some((clock.trim_end(), Offset::from_seconds(signed * 60).ok()))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// One character or two.
fn is_short(text: &str) -> bool {
    (1..=2).contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, data_type: DataType) -> String {
        read(text, data_type).map_or_else(|unread| format!("{unread:?}"), |value| value.to_string())
    }

    /// What Django 5.2's fields make of these.
    #[test]
    fn days_and_times_are_read_as_django_reads_them() {
        for (text, expected) in [
            ("2024-2-1", "2024-02-01"),
            ("20240201", "2024-02-01"),
            ("2024-02-01T10:00", "Form"),
            ("24-2-1", "Form"),
            ("2024-2-30", "Day"),
            ("0000-01-01", "Day"),
        ] {
            assert_eq!(shown(text, DataType::Date), expected, "{text}");
        }
        for (text, expected) in [
            ("10:5", "10:05:00"),
            ("1:2:3", "01:02:03"),
            ("10:05:06,5", "10:05:06.5"),
            ("10:05:06.1234567", "10:05:06.123456"),
            ("10", "10:00:00"),
            ("1005", "10:05:00"),
            ("T100506", "10:05:06"),
            ("2500", "Time"),
            ("100", "Form"),
            ("25:00", "Time"),
            ("10:5:61", "Time"),
            ("10:5x", "Form"),
            ("2024-02-01 10:05", "Form"),
        ] {
            assert_eq!(shown(text, DataType::Time), expected, "{text}");
        }
    }

    #[test]
    fn moments_are_read_as_django_reads_them() {
        for (text, expected) in [
            ("2024-2-1 1:2", "2024-02-01T01:02:00Z"),
            ("2024-2-1T1:2:3.5", "2024-02-01T01:02:03.5Z"),
            ("2024-2-1", "2024-02-01T00:00:00Z"),
            ("2024-02-01T10:05+01", "2024-02-01T09:05:00Z"),
            ("2024-2-1 10:5 +01:30", "2024-02-01T08:35:00Z"),
            ("2024-2-1 10:5-0130", "2024-02-01T11:35:00Z"),
            ("2024-02-01 10:05:00.5 Z", "2024-02-01T10:05:00.5Z"),
            ("20240201T1005", "2024-02-01T10:05:00Z"),
            ("2024-2-30", "Day"),
            ("2024-2-30 10:00", "Moment"),
            ("2024-2-1 25:00", "Moment"),
            ("2024-2-1 10:5+1", "Form"),
            ("2024-2-1 x", "Form"),
            ("x", "Form"),
        ] {
            assert_eq!(shown(text, DataType::Timestamp), expected, "{text}");
        }
    }

    #[test]
    fn uuids_may_stand_in_braces() {
        let seven = "00000000-0000-0000-0000-000000000007";
        for text in [
            seven,
            "00000000000000000000000000000007",
            "{00000000000000000000000000000007}",
            "urn:uuid:00000000-0000-0000-0000-000000000007",
            "0000-0000-0000-0000-0000-0000-0000-0007",
        ] {
            assert_eq!(shown(text, DataType::Uuid), seven, "{text}");
        }
        assert_eq!(shown("{x}", DataType::Uuid), "Form");
    }
}
