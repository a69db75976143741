//! PostgreSQL's templates for dates and times: `to_char`, `to_date` and `to_timestamp`.
//!
//! A template is cut into fields and literal characters once for both directions. The longest name that a text begins
//! with is the field; text in double quotes, and a character behind a backslash, stand for themselves. Here is what is
//! written; [`mod@read`] is the other direction.

mod read;

pub(super) use read::read;

use std::fmt::Write;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use nuages_storage::value::temporal::MICROS_PER_SECOND;

use super::refused;
use crate::error::Error;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const ROMAN: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// What a template writes: a moment, or a length of time, whose hours may be more than a day has.
pub(super) struct Clock {
    moment: DateTime,
    /// Whole hours.
    hours: i64,
    /// Whether it is a length of time.
    is_span: bool,
    is_negative: bool,
}

impl Clock {
    pub(super) fn of(moment: DateTime) -> Clock {
        Clock { moment, hours: moment.hour().into(), is_span: false, is_negative: false }
    }

    /// A time of day, or an interval, in microseconds.
    pub(super) fn of_span(micros: i64) -> Clock {
        let within = micros.unsigned_abs() % (3_600 * MICROS_PER_SECOND.unsigned_abs());
        let seconds = i64::try_from(within).unwrap_or_default();
        let moment =
            DateTime::ZERO.checked_add(SignedDuration::from_micros(seconds)).unwrap_or(DateTime::ZERO);
        let hours = micros.unsigned_abs() / (3_600 * MICROS_PER_SECOND.unsigned_abs());
        let hours = i64::try_from(hours).unwrap_or_default();
        Clock { moment, hours, is_span: true, is_negative: micros < 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letters {
    Upper,
    Capital,
    Lower,
}

impl Letters {
    fn push(self, name: &str, heap: &mut String) {
        match self {
            Letters::Upper => heap.extend(name.chars().flat_map(char::to_uppercase)),
            Letters::Lower => heap.extend(name.chars().flat_map(char::to_lowercase)),
            Letters::Capital => heap.push_str(name),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// The last so many digits of the year; with a comma if five.
    Year(usize),
    IsoYear(usize),
    Month,
    MonthName,
    MonthShort,
    MonthRoman,
    DayName,
    DayShort,
    Day,
    DayOfYear,
    IsoDayOfYear,
    DayOfWeek,
    IsoDayOfWeek,
    WeekOfMonth,
    WeekOfYear,
    IsoWeek,
    Century,
    Julian,
    Quarter,
    Hour24,
    Hour12,
    Minute,
    Second,
    SecondOfDay,
    /// So many digits of the fraction of a second.
    Fraction(usize),
    Meridiem,
    MeridiemDots,
    Era,
    EraDots,
    Zone,
    ZoneHours,
    ZoneMinutes,
}

/// The names of fields in upper case, longer ones before those they begin with.
const FIELDS: [(&str, Field); 53] = [
    ("Y,YYY", Field::Year(5)),
    ("YYYY", Field::Year(4)),
    ("YYY", Field::Year(3)),
    ("YY", Field::Year(2)),
    ("Y", Field::Year(1)),
    ("IYYY", Field::IsoYear(4)),
    ("IYY", Field::IsoYear(3)),
    ("IY", Field::IsoYear(2)),
    ("IDDD", Field::IsoDayOfYear),
    ("ID", Field::IsoDayOfWeek),
    ("IW", Field::IsoWeek),
    ("I", Field::IsoYear(1)),
    ("MONTH", Field::MonthName),
    ("MON", Field::MonthShort),
    ("MM", Field::Month),
    ("MI", Field::Minute),
    ("MS", Field::Fraction(3)),
    ("US", Field::Fraction(6)),
    ("FF1", Field::Fraction(1)),
    ("FF2", Field::Fraction(2)),
    ("FF3", Field::Fraction(3)),
    ("FF4", Field::Fraction(4)),
    ("FF5", Field::Fraction(5)),
    ("FF6", Field::Fraction(6)),
    ("DAY", Field::DayName),
    ("DY", Field::DayShort),
    ("DDD", Field::DayOfYear),
    ("DD", Field::Day),
    ("D", Field::DayOfWeek),
    ("HH24", Field::Hour24),
    ("HH12", Field::Hour12),
    ("HH", Field::Hour12),
    ("SSSSS", Field::SecondOfDay),
    ("SSSS", Field::SecondOfDay),
    ("SS", Field::Second),
    ("WW", Field::WeekOfYear),
    ("W", Field::WeekOfMonth),
    ("CC", Field::Century),
    ("J", Field::Julian),
    ("Q", Field::Quarter),
    ("RM", Field::MonthRoman),
    ("A.M.", Field::MeridiemDots),
    ("P.M.", Field::MeridiemDots),
    ("AM", Field::Meridiem),
    ("PM", Field::Meridiem),
    ("A.D.", Field::EraDots),
    ("B.C.", Field::EraDots),
    ("AD", Field::Era),
    ("BC", Field::Era),
    ("TZH", Field::ZoneHours),
    ("TZM", Field::ZoneMinutes),
    ("TZ", Field::Zone),
    ("OF", Field::ZoneHours),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Field {
        field: Field,
        letters: Letters,
        /// `FM`: nothing is filled up.
        is_bare: bool,
        /// `TH`: whether an ordinal follows, and in which letters.
        ordinal: Option<Letters>,
    },
    Literal(char),
}

/// Cuts a template into its parts.
fn items(template: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let mut characters = rest[1..].char_indices();
            let mut end = rest.len();
            while let Some((at, character)) = characters.next() {
                match character {
                    '"' => {
                        end = at + 2;
                        break;
                    }
                    '\\' => items.extend(characters.next().map(|(_, escaped)| Item::Literal(escaped))),
                    other => items.push(Item::Literal(other)),
                }
            }
            rest = &rest[end..];
            continue;
        }
        let starts = |text: &str, name: &str| {
            text.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name))
        };
        let is_bare = starts(rest, "FM");
        let after = if is_bare || starts(rest, "FX") || starts(rest, "TM") { &rest[2..] } else { rest };
        if let Some((name, field)) = FIELDS.iter().find(|(name, _)| starts(after, name)) {
            let letters = letters_of(&after[..name.len()]);
            rest = &after[name.len()..];
            let ordinal = starts(rest, "TH").then(|| letters_of(&rest[..2]));
            rest = if ordinal.is_some() { &rest[2..] } else { rest };
            items.push(Item::Field { field: *field, letters, is_bare, ordinal });
        } else if after.len() < rest.len() {
            rest = after;
        } else {
            let escaped = rest.strip_prefix("\\\"").map(|_| '"');
            let skipped = if escaped.is_some() { 2 } else { first.len_utf8() };
            items.push(Item::Literal(escaped.unwrap_or(first)));
            rest = &rest[skipped..];
        }
    }
    items
}

fn letters_of(name: &str) -> Letters {
    let mut letters = name.chars().filter(|character| character.is_alphabetic());
    match (letters.next(), letters.next()) {
        (Some(first), _) if first.is_lowercase() => Letters::Lower,
        (_, Some(second)) if second.is_lowercase() => Letters::Capital,
        _ => Letters::Upper,
    }
}

/// Adds a clock by a template.
pub(super) fn write(clock: &Clock, template: &str, heap: &mut String) -> Result<(), Error> {
    for item in items(template) {
        match item {
            Item::Literal(character) => heap.push(character),
            Item::Field { field, letters, is_bare, ordinal } => {
                let from = heap.len();
                if let Some((number, width)) = number(clock, field) {
                    let width = if is_bare { 0 } else { width };
                    let written = match field {
                        Field::Fraction(digits) => write!(heap, "{number:0digits$}"),
                        _ if clock.is_negative && matches!(field, Field::Hour24 | Field::Hour12) => {
                            write!(heap, "-{number:0width$}")
                        }
                        _ => write!(heap, "{number:0width$}"),
                    };
                    written.map_err(|_| refused("to_char", "a template", template))?;
                    if let Field::Year(5) = field {
                        heap.insert(heap.len() - 3, ',');
                    }
                } else {
                    word(clock, field, letters, is_bare, heap);
                }
                if let Some(letters) = ordinal {
                    letters.push(super::number_format::ordinal(&heap[from..]), heap);
                }
            }
        }
    }
    Ok(())
}

/// The number that a field is, and how many digits it has at least.
fn number(clock: &Clock, field: Field) -> Option<(i64, usize)> {
    let moment = &clock.moment;
    let date = moment.date();
    let iso = date.iso_week_date();
    // Years before the first count from 1 too, and are told apart by their era.
    let year = match i64::from(date.year()) {
        year if year > 0 => year,
        year => 1 - year,
    };
    let last = |year: i64, digits: usize| {
        (year.rem_euclid(10_i64.pow(digits.min(3).try_into().unwrap_or(3))), digits)
    };
    Some(match field {
        Field::Year(digits @ (4 | 5)) => (year, digits.min(4)),
        Field::Year(digits) => last(year, digits),
        Field::IsoYear(4) => (iso.year().into(), 4),
        Field::IsoYear(digits) => last(iso.year().into(), digits),
        Field::Month => (date.month().into(), 2),
        Field::Day if clock.is_span => (clock.hours / 24, 2),
        Field::Day => (date.day().into(), 2),
        Field::DayOfYear => (date.day_of_year().into(), 3),
        Field::IsoDayOfYear => {
            (i64::from(iso.week() - 1) * 7 + i64::from(date.weekday().to_monday_one_offset()), 3)
        }
        Field::DayOfWeek => (date.weekday().to_sunday_one_offset().into(), 1),
        Field::IsoDayOfWeek => (date.weekday().to_monday_one_offset().into(), 1),
        Field::WeekOfMonth => (i64::from((date.day() - 1) / 7 + 1), 1),
        Field::WeekOfYear => (i64::from((date.day_of_year() - 1) / 7 + 1), 2),
        Field::IsoWeek => (iso.week().into(), 2),
        Field::Century => ((year + 99) / 100, 2),
        Field::Julian => (nuages_storage::value::temporal::date_to_days(date) + 2_440_588, 0),
        Field::Quarter => (i64::from((date.month() + 2) / 3), 1),
        Field::Hour24 => (clock.hours, 2),
        Field::Hour12 => ((clock.hours + 11) % 12 + 1, 2),
        Field::Minute => (moment.minute().into(), 2),
        Field::Second => (moment.second().into(), 2),
        Field::SecondOfDay => {
            (clock.hours * 3_600 + i64::from(moment.minute()) * 60 + i64::from(moment.second()), 0)
        }
        Field::Fraction(digits) => {
            let unit = 10_i64.pow(9 - u32::try_from(digits).unwrap_or(6));
            (i64::from(moment.subsec_nanosecond()) / unit, digits)
        }
        _ => return None,
    })
}

/// Adds what of a field is no number.
fn word(clock: &Clock, field: Field, letters: Letters, is_bare: bool, heap: &mut String) {
    let named = |names: &'static [&'static str], place: i8| {
        usize::try_from(place).ok().and_then(|place| names.get(place)).copied().unwrap_or_default()
    };
    let month = clock.moment.month() - 1;
    let day = clock.moment.weekday().to_sunday_zero_offset();
    let (name, width) = match field {
        Field::MonthName => (named(&MONTHS, month), 9),
        Field::MonthShort => (&named(&MONTHS, month)[..3], 0),
        Field::MonthRoman => (named(&ROMAN, month), 4),
        Field::DayName => (named(&DAYS, day), 9),
        Field::DayShort => (&named(&DAYS, day)[..3], 0),
        Field::Meridiem => (if clock.hours % 24 < 12 { "AM" } else { "PM" }, 0),
        Field::MeridiemDots => (if clock.hours % 24 < 12 { "A.M." } else { "P.M." }, 0),
        Field::Era => (if clock.moment.year() > 0 { "AD" } else { "BC" }, 0),
        Field::EraDots => (if clock.moment.year() > 0 { "A.D." } else { "B.C." }, 0),
        Field::Zone => ("UTC", 0),
        Field::ZoneHours => ("+00", 0),
        _ => ("00", 0),
    };
    let begin = heap.len();
    letters.push(name, heap);
    let written = heap.len() - begin;
    if !is_bare {
        (written..width).for_each(|_| heap.push(' '));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(template: &str) -> String {
        let mut text = String::new();
        let moment = "2024-05-06T13:04:05.678".parse().unwrap();
        write(&Clock::of(moment), template, &mut text).unwrap();
        text
    }

    /// The answers are PostgreSQL's.
    #[test]
    fn templates_write_what_postgresql_writes() {
        let cases = [
            ("YYYY-MM-DD HH24:MI:SS", "2024-05-06 13:04:05"),
            ("FMDay, FMDDth Month YYYY", "Monday, 6th May       2024"),
            ("Y,YYY YYY Y CC W WW IW ID IDDD J Q", "2,024 024 4 21 1 19 19 1 127 2460437 2"),
            ("RM rm FMRM|", "V    v    V|"),
            ("HH:MI:SS pm A.M. MS US FF1 FF3 SSSS", "01:04:05 pm P.M. 678 678000 6 678 47045"),
            ("dy DY mon MON DAY day|", "mon MON may MAY MONDAY    monday   |"),
            ("B.C. ad \"quoted YYYY\" \\\"DDTH FX", "A.D. ad quoted YYYY \"06TH "),
        ];
        for (template, expected) in cases {
            assert_eq!(written(template), expected, "{template}");
        }
        let mut text = String::new();
        write(&Clock::of_span(90_180 * MICROS_PER_SECOND), "HH24:MI:SS", &mut text).unwrap();
        assert_eq!(text, "25:03:00");
    }
}
