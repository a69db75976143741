//! Points in time as SQLite reads them from texts, and its modifiers:
//! `date('2024-01-31', 'start of month', '+1 month')`.
//!
//! Grammar and arithmetic are those of <https://sqlite.org/lang_datefunc.html>: a day that its month lacks runs over
//! into the next one, unless `floor` follows. There is no local time here: `localtime` and `utc` change nothing.
//! Milliseconds are the finest that is kept, and what is from the year 0 to 9999-12-30 22:00. A text that is no point
//! in time, and a modifier that is none, give NULL.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use nuages_storage::value::temporal::{date_to_days, timestamp_from_micros};

const MICROS_PER_MILLI: i64 = 1_000;
const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const MICROS_PER_DAY: i64 = SECONDS_PER_DAY * MICROS_PER_SECOND;

/// The Julian day of 1970-01-01 00:00.
const EPOCH_JULIAN_DAY: f64 = 2_440_587.5;

/// The same in milliseconds.
const EPOCH_JULIAN_MILLIS: i64 = 210_866_760_000_000;

/// Beyond this Julian day there are years of five digits.
const JULIAN_DAY_MAX: f64 = 5_373_484.5;

/// A point in time, in microseconds since 1970, while modifiers move it.
#[derive(Clone, Copy, Debug)]
struct Moment {
    micros: i64,
    /// How many days it has run over the end of its month.
    beyond: i64,
}

/// What a value was before it is known how a number is meant.
enum Read {
    Moment(Moment),
    Number(f64),
}

/// The point in time of a text after its modifiers, in microseconds since 1970.
pub(super) fn modified<'m>(value: &str, modifiers: impl IntoIterator<Item = &'m str>) -> Option<i64> {
    let mut modifiers = modifiers.into_iter().peekable();
    let mut moment = match read(value)? {
        Read::Moment(moment) => {
            modifiers.next_if(|first| first.eq_ignore_ascii_case("auto"));
            moment
        }
        Read::Number(number) => {
            let first = modifiers.peek().map(|modifier| modifier.to_ascii_lowercase());
            let meant = match first.as_deref() {
                Some("unixepoch") => Some(from_seconds(number)?),
                Some("auto") if !(0.0..JULIAN_DAY_MAX).contains(&number) => Some(from_seconds(number)?),
                Some("auto" | "julianday") => Some(from_julian_day(number)?),
                _ => None,
            };
            if meant.is_some() {
                modifiers.next();
            }
            meant.map_or_else(|| from_julian_day(number), Some)?
        }
    };
    for modifier in modifiers {
        moment = moment.after(&modifier.to_ascii_lowercase())?;
    }
    (0..=9999).contains(&moment.civil()?.year()).then_some(moment.micros)
}

/// The Julian day of a point in time.
#[expect(clippy::cast_precision_loss, reason = "a Julian day is a float by definition")]
pub(super) fn julian_day(micros: i64) -> f64 {
    (micros.div_euclid(MICROS_PER_MILLI) + EPOCH_JULIAN_MILLIS) as f64 / 86_400_000.0
}

#[expect(clippy::cast_possible_truncation, reason = "it is in range")]
fn rounded_millis(millis: f64) -> Option<i64> {
    (millis.abs() < 1e15).then(|| (millis.round() as i64) * MICROS_PER_MILLI)
}

fn from_seconds(seconds: f64) -> Option<Moment> {
    Some(Moment { micros: rounded_millis(seconds * 1e3)?, beyond: 0 })
}

fn from_julian_day(day: f64) -> Option<Moment> {
    let is_day = (0.0..JULIAN_DAY_MAX).contains(&day);
    let millis = (day - EPOCH_JULIAN_DAY) * 1e3 * 86_400.0;
    is_day.then(|| Some(Moment { micros: rounded_millis(millis)?, beyond: 0 }))?
}

impl Moment {
    /// Of a day that its month may lack, and microseconds since its midnight.
    fn of(year: i16, month: i8, day: i64, time: i64) -> Option<Moment> {
        let first = Date::new(year, month, 1).ok()?;
        let micros = (date_to_days(first) + day - 1).checked_mul(MICROS_PER_DAY)?.checked_add(time)?;
        Some(Moment { micros, beyond: (day - i64::from(first.days_in_month())).max(0) })
    }

    fn civil(self) -> Option<DateTime> {
        Some(timestamp_from_micros(self.micros)?.to_zoned(TimeZone::UTC).datetime())
    }

    /// Microseconds since midnight.
    fn time(self) -> i64 {
        self.micros.rem_euclid(MICROS_PER_DAY)
    }

    fn plus(self, micros: i64) -> Option<Moment> {
        Some(Moment { micros: self.micros.checked_add(micros)?, beyond: 0 })
    }

    fn plus_months(self, months: i64) -> Option<Moment> {
        let civil = self.civil()?;
        let from_year_zero = i64::from(civil.year()) * 12 + i64::from(civil.month()) - 1 + months;
        let year = i16::try_from(from_year_zero.div_euclid(12)).ok()?;
        let month = i8::try_from(from_year_zero.rem_euclid(12) + 1).ok()?;
        Moment::of(year, month, civil.day().into(), self.time())
    }

    /// The point in time that a modifier, in lower case, leads to.
    fn after(self, modifier: &str) -> Option<Moment> {
        let midnight = self.micros - self.time();
        match modifier {
            "start of day" => Some(Moment { micros: midnight, beyond: 0 }),
            "start of month" => {
                let civil = self.civil()?;
                Moment::of(civil.year(), civil.month(), 1, 0)
            }
            "start of year" => Moment::of(self.civil()?.year(), 1, 1, 0),
            "floor" => self.plus(-self.beyond * MICROS_PER_DAY),
            "ceiling" | "localtime" | "utc" => Some(Moment { beyond: 0, ..self }),
            modifier => match modifier.strip_prefix("weekday ") {
                Some(day) => self.to_weekday(day.trim().parse().ok()?),
                None => self.shifted(modifier),
            },
        }
    }

    /// The same time on the next day of the week, 0 being Sunday, or today if it is that.
    fn to_weekday(self, day: f64) -> Option<Moment> {
        let wanted = (0..7).find(|number| f64::from(*number) == day)?;
        let today = self.civil()?.weekday();
        let wanted = Weekday::from_sunday_zero_offset(wanted).ok()?;
        self.plus(i64::from(today.until(wanted)) * MICROS_PER_DAY)
    }

    /// After `+3 days`, `-1.5 hours`, `+01:30`, `+0001-02-03 04:05`.
    fn shifted(self, modifier: &str) -> Option<Moment> {
        let (sign, rest) = match modifier.split_at_checked(1)? {
            ("-", rest) => (-1, rest),
            ("+", rest) => (1, rest),
            _ => (1, modifier),
        };
        if let Some((years, months, days, time)) = whole_shift(rest).filter(|_| rest.len() < modifier.len()) {
            let moved = self.plus_months(sign * (years * 12 + months))?;
            let days = sign * (days * MICROS_PER_DAY + time);
            return Some(Moment { micros: moved.micros.checked_add(days)?, ..moved });
        }
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, unit) = rest.split_at(end);
        if unit.starts_with(':') {
            let (micros, rest) = clock(rest)?;
            return rest.is_empty().then(|| self.plus(sign * micros))?;
        }
        let amount: f64 = number.parse().ok()?;
        let amount = amount * if sign < 0 { -1.0 } else { 1.0 };
        let unit = unit.strip_prefix(|c: char| c.is_ascii_whitespace())?.trim_start();
        let seconds = match unit.strip_suffix('s').unwrap_or(unit) {
            "second" => 1.0,
            "minute" => 60.0,
            "hour" => 3_600.0,
            "day" => 86_400.0,
            "month" => return self.plus_parts(amount, 1, 30.0),
            "year" => return self.plus_parts(amount, 12, 365.0),
            _ => return None,
        };
        self.plus(rounded_millis(amount * seconds * 1e3)?)
    }

    /// After so many times so many months, and of a fraction as many days.
    #[expect(clippy::cast_possible_truncation, reason = "it is in range")]
    fn plus_parts(self, amount: f64, months: i64, days: f64) -> Option<Moment> {
        if amount.abs() > 1e6 {
            return None;
        }
        let moved = self.plus_months(amount.trunc() as i64 * months)?;
        let rest = rounded_millis(amount.fract() * days * 86_400.0 * 1e3)?;
        Some(Moment { micros: moved.micros.checked_add(rest)?, ..moved })
    }
}

/// `YYYY-MM-DD`, and a time that may follow, as years, months, days and microseconds.
fn whole_shift(text: &str) -> Option<(i64, i64, i64, i64)> {
    let (years, rest) = digits(text, 4)?;
    let (months, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (days, rest) = digits(rest.strip_prefix('-')?, 2)?;
    if months > 11 || days > 30 {
        return None;
    }
    match rest.strip_prefix(' ') {
        None => rest.is_empty().then_some((years, months, days, 0)),
        Some(time) => {
            let (micros, rest) = clock(time)?;
            rest.is_empty().then_some((years, months, days, micros))
        }
    }
}

/// So many digits, and what follows.
fn digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok().map(|number| (number, rest)))?
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.SSS` in microseconds, and what follows.
fn clock(text: &str) -> Option<(i64, &str)> {
    let (hours, rest) = digits(text, 2)?;
    let (minutes, mut rest) = digits(rest.strip_prefix(':')?, 2)?;
    let mut micros = (hours * 60 + minutes) * 60 * MICROS_PER_SECOND;
    if let Some(more) = rest.strip_prefix(':') {
        let (seconds, more) = digits(more, 2)?;
        if seconds > 59 {
            return None;
        }
        micros += seconds * MICROS_PER_SECOND;
        rest = more;
        let end = more
            .strip_prefix('.')
            .map(|fraction| fraction.find(|c: char| !c.is_ascii_digit()).map_or(more.len(), |end| end + 1));
        if let Some(end) = end.filter(|end| *end > 1) {
            micros += rounded_millis(more[..end].parse::<f64>().ok()? * 1e3)?;
            rest = &more[end..];
        }
    }
    (hours <= 24 && minutes <= 59).then_some((micros, rest))
}

/// A time and its offset, in microseconds of UTC.
fn clock_in_zone(text: &str) -> Option<i64> {
    let (micros, rest) = clock(text)?;
    let rest = rest.trim();
    if rest.is_empty() || rest.eq_ignore_ascii_case("z") {
        return Some(micros);
    }
    let (sign, offset) = rest.split_at_checked(1)?;
    let (offset, rest) = clock(offset)?;
    match (sign, rest.is_empty() && offset <= 15 * 3_600 * MICROS_PER_SECOND) {
        ("+", true) => Some(micros - offset),
        ("-", true) => Some(micros + offset),
        _ => None,
    }
}

fn read(text: &str) -> Option<Read> {
    if let Some(date) = date(text) {
        return date.map(Read::Moment);
    }
    if let Some(time) = clock_in_zone(text) {
        return Moment::of(2000, 1, 1, time).map(Read::Moment);
    }
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Read::Number)
}

/// `YYYY-MM-DD` and a time that may follow. None if that is not how a text begins, and none within if it does and is no
/// point in time all the same.
fn date(text: &str) -> Option<Option<Moment>> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let time = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == 'T');
    let micros = if time.is_empty() { Some(0) } else { clock_in_zone(time) };
    let moment = || {
        let (year, month) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?);
        (1..=31).contains(&day).then(|| Moment::of(year, month, day, micros?))?
    };
    Some(moment())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;

    fn ours(value: &str, modifiers: &[String]) -> Option<String> {
        let micros = modified(value, modifiers.iter().map(String::as_str))?;
        let civil = Moment { micros, beyond: 0 }.civil()?;
        let millis = civil.subsec_nanosecond() / 1_000_000;
        Some(format!("{}.{millis:03}", civil.strftime("%Y-%m-%d %H:%M:%S")))
    }

    fn theirs(sqlite: &Connection, value: &str, modifiers: &[String]) -> Option<String> {
        let list: String = modifiers.iter().map(|modifier| format!(", '{modifier}'")).collect();
        let sql = format!("SELECT strftime('%Y-%m-%d %H:%M:%f', '{value}'{list})");
        sqlite.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    // The hour 24 is left out: it is the next day's first, but SQLite writes it as it was read.
    fn value() -> impl Strategy<Value = String> {
        let fixed = prop::sample::select(vec![
            "2024-01-31",
            "2024-12-31T23:59:59.999Z",
            "2000-01-01 00:00+05:30",
            "12:34",
            "12:34:56.789",
            "23:60",
            "25:00",
            "2460000.5",
            "1700000000",
            "2024-1-31",
            "x",
            "",
            "2024-13-01",
            "2024-01-32",
            "2024-01-01 10",
            "9000-12-29",
            "1000-06-15",
            "2024-06-15 08:09:10 -03:00",
        ]);
        let any = (1900_i32..2100, 1..=12, 1..=28, 0..24, 0..60, 0..60)
            .prop_map(|(y, m, d, h, i, s)| format!("{y:04}-{m:02}-{d:02} {h:02}:{i:02}:{s:02}"));
        prop_oneof![fixed.prop_map(str::to_owned), any]
    }

    fn modifier() -> impl Strategy<Value = String> {
        let fixed = prop::sample::select(vec![
            "start of month",
            "start of year",
            "start of day",
            "START OF DAY",
            "weekday 0",
            "weekday 3",
            "weekday 7",
            "unixepoch",
            "julianday",
            "auto",
            "floor",
            "ceiling",
            "utc",
            "+01:30",
            "-00:00:05.5",
            "+0001-02-03",
            "-0000-01-00 01:00",
            "+1 month",
            "-1 year",
            "+1.5 days",
            "-0.5 month",
            "+ 1 day",
            "1 day",
            "days",
            "+1 fortnight",
            "x",
            "",
        ]);
        let any = (
            -40..40_i32,
            prop::sample::select(vec![
                "day", "days", "month", "months", "year", "hours", "minute", "seconds",
            ]),
        )
            .prop_map(|(amount, unit)| format!("{amount:+} {unit}"));
        prop_oneof![fixed.prop_map(str::to_owned), any]
    }

    proptest! {
        #[test]
        fn points_in_time_are_sqlites(value in value(), modifiers in prop::collection::vec(modifier(), 0..4)) {
            // A number that is no day is taken by some modifiers for the beginning of 2000.
            let is_read = modifiers.first().is_some_and(|first| first == "unixepoch" || first == "auto");
            prop_assume!(value != "1700000000" || is_read);
            let sqlite = Connection::open_in_memory().unwrap();
            prop_assert_eq!(ours(&value, &modifiers), theirs(&sqlite, &value, &modifiers), "{} {:?}", value, modifiers);
        }
    }
}
