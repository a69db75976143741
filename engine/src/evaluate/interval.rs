//! Intervals as texts: PostgreSQL's words, a clock, ISO 8601.

use std::borrow::Cow;

use jiff::{SignedDuration, Span};

const SECONDS_PER_DAY: i64 = 86_400;

/// An interval: `1 day 2 hours`, `01:30:00`, `2 weeks ago`, `P1DT2H`. Months and years have no fixed length, and are
/// none; a day has 24 hours.
pub(crate) fn read_interval(text: &str) -> Option<SignedDuration> {
    if text.trim_start_matches(['-', '+']).starts_with('P') {
        return read_iso(text);
    }
    let text = with_signs(text);
    let mut words = text.split_whitespace().peekable();
    let mut sign = 1;
    words.peek()?;
    let mut parts: Vec<SignedDuration> = Vec::new();
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("ago") && words.peek().is_none() {
            sign = -1;
            continue;
        }
        if word.contains(':') {
            parts.push(clock(word)?);
            continue;
        }
        let split = word.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(word.len());
        let (amount, unit) = word.split_at(split);
        let amount: f64 = amount.parse().ok()?;
        let is_before_clock = words.peek().is_some_and(|next| next.contains(':'));
        let unit = match unit {
            "" if is_before_clock => "day",
            "" => words.next().unwrap_or("second"),
            unit => unit,
        };
        let seconds = match unit.to_lowercase().as_str() {
            "microsecond" | "microseconds" | "us" => 1e-6,
            "millisecond" | "milliseconds" | "ms" => 1e-3,
            "second" | "seconds" | "sec" | "secs" | "s" => 1.0,
            "minute" | "minutes" | "min" | "mins" | "m" => 60.0,
            "hour" | "hours" | "hr" | "hrs" | "h" => 3_600.0,
            "day" | "days" | "d" => SECONDS_PER_DAY as f64,
            "week" | "weeks" | "w" => (7 * SECONDS_PER_DAY) as f64,
            _ => return None,
        };
        parts.push(SignedDuration::try_from_secs_f64(amount * seconds).ok()?);
    }
    let total = parts.into_iter().try_fold(SignedDuration::ZERO, SignedDuration::checked_add)?;
    if sign < 0 { total.checked_neg() } else { Some(total) }
}

/// The text with its signs at the numbers that they are of: `1 month - 1 day` is `1 month -1 day`.
fn with_signs(text: &str) -> Cow<'_, str> {
    match text.contains("- ") || text.contains("+ ") {
        true => text.replace("- ", "-").replace("+ ", "+").into(),
        false => text.into(),
    }
}

/// `P1DT2H30M`, without years and months.
fn read_iso(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
    let clock = span.weeks(0).days(0).to_duration(jiff::civil::Date::ZERO).ok()?;
    SignedDuration::from_secs(days.checked_mul(SECONDS_PER_DAY)?).checked_add(clock)
}

/// `-12:30:00.5`.
fn clock(text: &str) -> Option<SignedDuration> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let mut parts = text.split(':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next().map_or(Some(0.0), |seconds| seconds.parse().ok())?;
    let whole = hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?;
    let total =
        SignedDuration::from_secs(whole).checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?)?;
    if negative { total.checked_neg() } else { Some(total) }
}

/// The months of an interval that has some, and what it has beside them: `1 year 6 months`, `1 month 3 days`, `1-2`. A
/// unit that is named behind the text belongs to a number without one. None if it has no months, or is no interval.
pub(crate) fn read_months(text: &str, unit: Option<&str>) -> Option<(i64, SignedDuration)> {
    const MONTHS_PER_YEAR: i64 = 12;
    if text.trim_start_matches(['-', '+']).starts_with('P') {
        let span: Span = text.parse().ok()?;
        let months = i64::from(span.get_years()) * MONTHS_PER_YEAR + i64::from(span.get_months());
        let rest = read_iso(&span.years(0).months(0).to_string())?;
        return (months != 0).then_some((months, rest));
    }
    let written = text.trim().split_once('-').filter(|(years, _)| !years.is_empty());
    if let Some((Ok(years), Ok(months))) =
        written.map(|(years, months)| (years.parse::<i64>(), months.parse::<i64>()))
    {
        return Some((years.checked_mul(MONTHS_PER_YEAR)?.checked_add(months)?, SignedDuration::ZERO));
    }
    let text = with_signs(text);
    let mut words = text.split_whitespace().peekable();
    let mut total: Option<i64> = None;
    let mut rest = Vec::new();
    while let Some(word) = words.next() {
        let named = words.peek().copied().or(unit).map(|unit| unit.to_lowercase());
        let factor = match named.as_deref().map(|unit| unit.trim_end_matches('s')) {
            Some("month" | "mon") => 1,
            Some("year" | "yr" | "y") => MONTHS_PER_YEAR,
            _ => {
                rest.push(word);
                rest.extend(words.next());
                continue;
            }
        };
        let months = word.parse::<i64>().ok()?.checked_mul(factor)?;
        total = Some(total.unwrap_or(0).checked_add(months)?);
        words.next();
    }
    let rest = if rest.is_empty() { SignedDuration::ZERO } else { read_interval(&rest.join(" "))? };
    Some((total?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_in_every_form() {
        let hours = |hours| Some(SignedDuration::from_hours(hours));
        assert_eq!(read_interval("1 day 2 hours"), hours(26));
        assert_eq!(read_interval("1 week"), hours(168));
        assert_eq!(read_interval("-02:00"), hours(-2));
        assert_eq!(read_interval("3 hours ago"), hours(-3));
        assert_eq!(read_interval("P1DT2H"), hours(26));
        assert_eq!(read_interval("P2W"), hours(336));
        let seconds = |text: &str| read_interval(text).map(|interval| interval.as_secs());
        assert_eq!((seconds("01:30"), seconds("-00:00:05")), (Some(5_400), Some(-5)));
        assert_eq!(
            (seconds("90 min"), seconds("2m 30s"), seconds("2000ms")),
            (Some(5_400), Some(150), Some(2))
        );
        assert_eq!([read_interval("P1M"), read_interval("1 month"), read_interval("")], [None; 3]);
    }

    #[test]
    fn months_stand_beside_what_has_a_length() {
        let hours = SignedDuration::from_hours;
        assert_eq!(read_months("1 year 2 months", None), Some((14, hours(0))));
        assert_eq!(read_months("1", Some("year")), Some((12, hours(0))));
        assert_eq!(read_months("1 year 2 months 3 days 04:00:00", None), Some((14, hours(76))));
        assert_eq!(read_months("1-2", None), Some((14, hours(0))));
        assert_eq!(read_months("1 month - 1 hour", None), Some((1, hours(-1))));
        assert_eq!(read_months("1 month -1 hour", None), Some((1, hours(-1))));
        assert_eq!(read_months("P1Y2M3DT4H", None), Some((14, hours(76))));
        assert_eq!(read_months("P3D", None), None);
        assert_eq!([read_months("3 days", None), read_months("x months", None)], [None; 2]);
    }
}
