//! SQLite's `printf`, which is also its `format`: conversions as in C, and `%q`, `%Q` and `%w`, which quote.
//!
//! See <https://sqlite.org/printf.html>. An argument that lacks is NULL, which is 0 for a number and nothing for a
//! text. A float that lies in the middle between two results becomes the one that is farther from zero.

use std::iter::Peekable;
use std::str::Chars;

use nuages_storage::Value;

use super::affinity::leading;

/// Digits of a float that are told apart; the others are zeros, unless `!` asks for more.
const DIGITS_MAX: usize = 16;

/// The greatest width and precision: beyond it a mistyped number would take all memory.
const WIDTH_MAX: usize = 1_000_000;

/// A conversion: what stands between `%` and its letter.
#[derive(Clone, Debug, Default)]
struct Conversion {
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    exact: bool,
    thousands: bool,
    width: usize,
    precision: Option<usize>,
}

/// Writes a pattern with its arguments.
pub(super) fn printf(pattern: &str, arguments: &mut dyn Iterator<Item = Value>, heap: &mut String) {
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '%' {
            heap.push(character);
            continue;
        }
        let conversion = Conversion::read(&mut rest, arguments);
        match rest.next() {
            None => heap.push('%'),
            Some('%') => heap.push_str(&conversion.padded("%")),
            Some('n') => {}
            Some(letter) => {
                // What is no conversion ends the text, as in SQLite.
                let Some(text) = conversion.converted(letter, arguments) else { return };
                heap.push_str(&text);
            }
        }
    }
}

impl Conversion {
    fn read(rest: &mut Peekable<Chars<'_>>, arguments: &mut dyn Iterator<Item = Value>) -> Conversion {
        let mut read = Conversion::default();
        while let Some(flag) = rest.peek() {
            match flag {
                '-' => read.left = true,
                '+' => (read.plus, read.space) = (true, false),
                ' ' => (read.plus, read.space) = (false, true),
                '0' => read.zero = true,
                '#' => read.alternate = true,
                '!' => read.exact = true,
                ',' => read.thousands = true,
                _ => break,
            }
            rest.next();
        }
        if let Some(width) = number(rest, arguments) {
            read.left |= width < 0;
            read.width = bounded(width);
        }
        if rest.next_if_eq(&'.').is_some() {
            read.precision = Some(number(rest, arguments).map_or(0, bounded));
        }
        while rest.next_if_eq(&'l').is_some() {}
        read
    }

    /// The text of an argument; none for a letter that is no conversion.
    fn converted(&self, letter: char, arguments: &mut dyn Iterator<Item = Value>) -> Option<String> {
        let mut next = || arguments.next().unwrap_or(Value::Null);
        Some(match letter {
            'd' | 'i' => {
                let number = integer(&next());
                self.number(number < 0, &self.grouped(number.unsigned_abs().to_string()))
            }
            'u' => self.number(false, &self.grouped(integer(&next()).cast_unsigned().to_string())),
            'x' | 'p' => self.prefixed(&format!("{:x}", integer(&next())), "0x"),
            'X' => self.prefixed(&format!("{:X}", integer(&next())), "0X"),
            'o' => self.prefixed(&format!("{:o}", integer(&next())), "0"),
            'f' | 'e' | 'E' | 'g' | 'G' => self.float(letter, real(&next())),
            'c' => {
                let text = text(&next());
                let first: String = text.chars().take(1).collect();
                self.padded(&first.repeat(self.precision.unwrap_or(1).max(1)))
            }
            's' | 'z' => self.padded(&self.cut(&text(&next()))),
            'q' => self.padded(&self.cut(&shown(&next())).replace('\'', "''")),
            'w' => self.padded(&self.cut(&shown(&next())).replace('"', "\"\"")),
            'Q' => match next() {
                Value::Null => self.padded(&self.cut("NULL")),
                value => self.padded(&format!("'{}'", self.cut(&text(&value)).replace('\'', "''"))),
            },
            _ => return None,
        })
    }

    fn cut(&self, text: &str) -> String {
        self.precision.map_or_else(|| text.to_owned(), |count| text.chars().take(count).collect())
    }

    fn grouped(&self, digits: String) -> String {
        if !self.thousands {
            return digits;
        }
        let mut grouped = String::with_capacity(digits.len() * 4 / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        }
    }

    /// Digits with as many zeros before them as the precision asks for, or the width.
    fn number(&self, negative: bool, digits: &str) -> String {
        self.signed(self.sign(negative), &filled(digits, '0', self.precision.unwrap_or(0)))
    }

    fn prefixed(&self, digits: &str, prefix: &'static str) -> String {
        let digits = filled(digits, '0', self.precision.unwrap_or(0));
        let prefix = if self.alternate && digits.contains(|digit| digit != '0') { prefix } else { "" };
        self.signed(prefix, &digits)
    }

    /// What stands before the digits, and the digits, in the width.
    fn signed(&self, before: &str, digits: &str) -> String {
        if self.zero {
            let width = self.width.saturating_sub(before.chars().count());
            return format!("{before}{}", filled(digits, '0', width));
        }
        self.padded(&format!("{before}{digits}"))
    }

    fn padded(&self, text: &str) -> String {
        match self.left {
            true => format!("{text}{}", filling(text, ' ', self.width)),
            false => filled(text, ' ', self.width),
        }
    }

    fn float(&self, letter: char, value: f64) -> String {
        if value.is_nan() {
            return self.padded("NaN");
        }
        let sign = self.sign(value.is_sign_negative() && value != 0.0);
        if value.is_infinite() {
            return self.padded(&format!("{sign}Inf"));
        }
        let precision = self.precision.unwrap_or(6);
        let value = value.abs();
        let digits = match letter {
            'f' => self.fixed(value, precision),
            'e' | 'E' => self.exponential(value, precision),
            _ => self.general(value, precision.max(1)),
        };
        let digits = if letter.is_ascii_uppercase() { digits.to_uppercase() } else { digits };
        if self.left { self.padded(&format!("{sign}{digits}")) } else { self.signed(sign, &digits) }
    }

    /// How many digits are told apart.
    fn digits_max(&self) -> usize {
        if self.exact { 26 } else { DIGITS_MAX }
    }

    fn fixed(&self, value: f64, precision: usize) -> String {
        let exact = Digits::of(value);
        let places = i64::try_from(precision).unwrap_or(i64::MAX);
        // Of what is written, digits beyond the known ones are zeros.
        let Digits { digits, exponent } = match usize::try_from(exact.exponent + 1 + places) {
            Ok(wanted) => exact.rounded(wanted.min(self.digits_max())),
            Err(_) => Digits { digits: "0".to_owned(), exponent: 0 },
        };
        let digit = |place: i64| usize::try_from(place).ok().and_then(|place| digits.as_bytes().get(place));
        let shown = |place: i64| digit(place).map_or('0', |byte| char::from(*byte));
        let whole: String = (0..=exponent.max(0)).map(|place| shown(place + exponent.min(0))).collect();
        let fraction = (1..=places).map(|place| shown(exponent + place));
        let text = match precision {
            0 => whole,
            _ => format!("{whole}.{}", fraction.collect::<String>()),
        };
        self.pointed(text, precision)
    }

    /// With a point even where nothing follows it, if that is asked for.
    fn pointed(&self, text: String, precision: usize) -> String {
        if precision == 0 && (self.alternate || self.exact) {
            return text + if self.exact { ".0" } else { "." };
        }
        text
    }

    fn exponential(&self, value: f64, precision: usize) -> String {
        let known = precision.min(self.digits_max() - 1);
        let Digits { digits, exponent } = Digits::of(value).rounded(known + 1);
        let (first, rest) = digits.split_at(1);
        let sign = if exponent < 0 { '-' } else { '+' };
        let point = if precision > 0 || self.alternate || self.exact { "." } else { "" };
        let zeros = "0".repeat(precision - known);
        format!("{first}{point}{rest}{zeros}e{sign}{:02}", exponent.abs())
    }

    /// As an exponent if that is far from zero, without zeros at the end.
    fn general(&self, value: f64, precision: usize) -> String {
        let Digits { exponent, .. } = Digits::of(value).rounded(precision.min(self.digits_max()));
        let significant = i64::try_from(precision).unwrap_or(i64::MAX);
        if exponent < -4 || exponent >= significant {
            let text = self.exponential(value, precision - 1);
            let (number, power) = text.split_once('e').unwrap_or((&text, "+00"));
            return format!("{}e{power}", self.trimmed(number));
        }
        let places = usize::try_from(significant - 1 - exponent).unwrap_or(0);
        self.trimmed(&self.fixed(value, places))
    }

    fn trimmed(&self, number: &str) -> String {
        if !number.contains('.') || self.alternate {
            return number.to_owned();
        }
        let number = number.trim_end_matches('0');
        match number.strip_suffix('.') {
            Some(whole) if self.exact => format!("{whole}.0"),
            Some(whole) => whole.to_owned(),
            None => number.to_owned(),
        }
    }
}

/// With so many digits a number that lies in the middle between two that are printed is written exactly.
const DIGITS_EXACT: usize = 60;

/// A number that is not negative: its decimal digits, and the exponent of the first.
#[derive(Debug)]
struct Digits {
    digits: String,
    exponent: i64,
}

impl Digits {
    /// All that are of use.
    fn of(value: f64) -> Digits {
        let text = format!("{value:.DIGITS_EXACT$e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        Digits { digits: digits.replace('.', ""), exponent: exponent.parse().unwrap_or(0) }
    }

    /// The first `count` of them, the last rounded up if the next is 5 or more.
    fn rounded(&self, count: usize) -> Digits {
        let mut digits: Vec<u8> = self.digits.bytes().take(count).collect();
        if self.digits.as_bytes().get(count).is_none_or(|next| *next < b'5') {
            let digits =
                if count == 0 { "0".to_owned() } else { String::from_utf8_lossy(&digits).into_owned() };
            return Digits { digits, exponent: self.exponent };
        }
        let nines = digits.iter().rev().take_while(|digit| **digit == b'9').count();
        let kept = digits.len() - nines;
        digits[kept..].fill(b'0');
        let exponent = match kept.checked_sub(1) {
            Some(last) => {
                digits[last] += 1;
                self.exponent
            }
            None => {
                digits.insert(0, b'1');
                digits.truncate(count.max(1));
                self.exponent + 1
            }
        };
        Digits { digits: String::from_utf8_lossy(&digits).into_owned(), exponent }
    }
}

/// A text of at least so many characters: `format!` knows no width above 65,535.
fn filled(text: &str, with: char, width: usize) -> String {
    filling(text, with, width) + text
}

/// What a text lacks of a width.
fn filling(text: &str, with: char, width: usize) -> String {
    std::iter::repeat_n(with, width.saturating_sub(text.chars().count())).collect()
}

/// A width or precision: digits, or the next argument.
fn number(rest: &mut Peekable<Chars<'_>>, arguments: &mut dyn Iterator<Item = Value>) -> Option<i64> {
    if rest.next_if_eq(&'*').is_some() {
        return Some(arguments.next().as_ref().map_or(0, integer));
    }
    let mut found: Option<i64> = None;
    while let Some(digit) = rest.peek().and_then(|character| character.to_digit(10)) {
        found = Some(found.unwrap_or(0).saturating_mul(10).saturating_add(digit.into()));
        rest.next();
    }
    found
}

fn bounded(number: i64) -> usize {
    usize::try_from(number.unsigned_abs()).unwrap_or(WIDTH_MAX).min(WIDTH_MAX)
}

/// The text that SQLite makes of a float: 15 digits, and always a point.
pub(crate) fn real_as_text(float: f64) -> String {
    let mut text = String::new();
    printf("%!.15g", &mut std::iter::once(Value::Float(float)), &mut text);
    match text.split_once('e') {
        Some((number, power)) if !number.contains('.') => format!("{number}.0e{power}"),
        None if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => text + ".0",
        _ => text,
    }
}

/// A text that is to be quoted by whoever asks for it.
fn shown(value: &Value) -> String {
    if value.is_null() { "(NULL)".to_owned() } else { text(value) }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        // SQLite's text of a float has fifteen digits.
        Value::Float(float) => {
            let conversion = Conversion { exact: true, precision: Some(15), ..Conversion::default() };
            conversion.float('g', *float)
        }
        value => value.to_string(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float beyond the integers is the nearest of them")]
fn integer(value: &Value) -> i64 {
    match value {
        Value::Int(int) => *int,
        Value::Bool(bool) => i64::from(*bool),
        Value::Null => 0,
        Value::Float(float) => *float as i64,
        value => {
            let text = value.to_string();
            let number = leading(&text);
            number.parse().unwrap_or_else(|_| number.parse::<f64>().unwrap_or(0.0) as i64)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "that is what a float of it is")]
fn real(value: &Value) -> f64 {
    match value {
        Value::Float(float) => *float,
        Value::Int(int) => *int as f64,
        Value::Null => 0.0,
        value => leading(&value.to_string()).parse().unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;
    use rusqlite::types::Value as Theirs;

    use super::*;

    fn theirs(sqlite: &Connection, pattern: &str, argument: &Value) -> String {
        let argument = match argument {
            Value::Int(int) => Theirs::Integer(*int),
            Value::Float(float) => Theirs::Real(*float),
            Value::Text(text) => Theirs::Text(text.clone()),
            _ => Theirs::Null,
        };
        sqlite.query_row("SELECT printf(?, ?)", (pattern, argument), |row| row.get(0)).unwrap()
    }

    fn ours(pattern: &str, argument: &Value) -> String {
        let mut text = String::new();
        printf(pattern, &mut std::iter::once(argument.clone()), &mut text);
        text
    }

    fn argument() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(Value::Int),
            (-100..100_i64).prop_map(Value::Int),
            (-1_000_000..1_000_000_i64).prop_map(|number| Value::Float(number as f64 / 997.0)),
            // Many of these lie in the middle between two results.
            (-100_000..100_000_i64).prop_map(|number| Value::Float(number as f64 / 64.0)),
            (-40..40_i32, 1..1000_i32)
                .prop_map(|(power, number)| Value::Float(f64::from(number) * 10_f64.powi(power))),
            "[a-z' \"]{0,6}".prop_map(Value::Text),
            Just(Value::Null),
            Just(Value::from("12 apples")),
        ]
    }

    proptest! {
        #[test]
        fn patterns_are_filled_as_sqlite_does(
            flags in prop::sample::subsequence(vec!["-", "+", " ", "0"], 0..3),
            width in prop_oneof![Just(String::new()), (1..12).prop_map(|width: i32| width.to_string())],
            precision in prop_oneof![Just(String::new()), (0..8).prop_map(|digits: i32| format!(".{digits}"))],
            letter in prop::sample::select(vec!["d", "i", "x", "X", "o", "f", "e", "g", "G", "s", "q", "Q", "w", "%"]),
            argument in argument(),
        ) {
            let pattern = format!("<%{}{width}{precision}{letter}>", flags.concat());
            let sqlite = Connection::open_in_memory().unwrap();
            prop_assert_eq!(ours(&pattern, &argument), theirs(&sqlite, &pattern, &argument), "{} of {:?}", pattern, argument);
        }
    }

    #[test]
    fn what_is_rare_is_sqlites_too() {
        let sqlite = Connection::open_in_memory().unwrap();
        for (pattern, argument) in [
            ("%,d", Value::Int(1_234_567)),
            ("%c", "xyz".into()),
            ("%5.3c", "xyz".into()),
            ("%.20f", 0.1.into()),
            ("%.0f", 0.5.into()),
            ("%.0f", 2.5.into()),
            ("%.1f", 0.25.into()),
            ("%.2f", 99.995.into()),
            ("%.0f", 9.5.into()),
            ("%.3f", 0.0004.into()),
            ("%s", 1e15.into()),
            ("%s", 3.0.into()),
            ("%s", 1.5e-7.into()),
            ("%Q", 0.1.into()),
            ("%g", 1e100.into()),
            ("%f", 1e20.into()),
            ("%d and %d", 1.into()),
            ("%lld", 7.into()),
        ] {
            assert_eq!(ours(pattern, &argument), theirs(&sqlite, pattern, &argument), "{pattern}");
        }
    }
}
