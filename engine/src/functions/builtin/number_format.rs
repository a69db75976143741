//! PostgreSQL's templates for numbers: `to_char` and `to_number`.
//!
//! A template is digits (`9`, and `0` where a zero is written too) around a point (`.`, `D`), with groups (`,`, `G`),
//! signs (`S`, `MI`, `PL`, `SG`, `PR`) and text between them; `FM` drops what only fills up. `RN` are Roman numerals,
//! `EEEE` writes powers of ten, `V` multiplies by one for each digit behind it, `TH` adds an ordinal. `L`, the
//! currency, is a space.

use std::fmt::Write;

use nuages_storage::value::decimal_from_text;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{beyond, refused};
use crate::error::Error;

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// `9`, or `0`.
    Digit {
        is_zero: bool,
    },
    Point,
    Group,
    /// `S`: a sign beside the digits.
    Sign,
    /// `MI`: a minus or a space.
    Minus,
    /// `PL`: a plus or a space.
    Plus,
    /// `SG`: a sign where it stands.
    SignHere,
    /// `TH`, in capitals or not.
    Ordinal {
        is_upper: bool,
    },
    Literal(char),
}

#[derive(Default)]
struct Template {
    pieces: Vec<Piece>,
    /// Digits before and after the point.
    whole: usize,
    fraction: usize,
    /// Digits after `V`.
    shift: u32,
    is_bare: bool,
    /// Angle brackets for negative numbers.
    brackets: bool,
    is_scientific: bool,
    /// Roman numerals, in capitals or not.
    roman: Option<bool>,
}

impl Template {
    fn of(text: &str) -> Result<Template, Error> {
        let mut template = Template::default();
        let (mut is_behind_point, mut is_behind_shift) = (false, false);
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let starts =
                |name: &str| rest.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name));
            let mut length = first.len_utf8();
            match first.to_ascii_uppercase() {
                '"' => {
                    let end = rest[1..].find('"').map_or(rest.len(), |end| end + 2);
                    let quoted = rest[1..end].trim_end_matches('"');
                    template.pieces.extend(quoted.chars().map(Piece::Literal));
                    length = end;
                }
                'F' if starts("FM") => (template.is_bare, length) = (true, 2),
                'M' if starts("MI") => length = template.push(Piece::Minus),
                'P' if starts("PL") => length = template.push(Piece::Plus),
                'P' if starts("PR") => (template.brackets, length) = (true, 2),
                'S' if starts("SG") => length = template.push(Piece::SignHere),
                'S' => _ = template.push(Piece::Sign),
                'T' if starts("TH") => length = template.push(Piece::Ordinal { is_upper: first == 'T' }),
                'R' if starts("RN") => (template.roman, length) = (Some(first == 'R'), 2),
                'E' if starts("EEEE") => (template.is_scientific, length) = (true, 4),
                'V' => is_behind_shift = true,
                '.' | 'D' if is_behind_point => {
                    return Err(refused("to_char", "a template with one point", text));
                }
                '.' | 'D' => {
                    is_behind_point = true;
                    template.push(Piece::Point);
                }
                ',' | 'G' => _ = template.push(Piece::Group),
                'L' => _ = template.push(Piece::Literal(' ')),
                digit @ ('0' | '9') => {
                    template.push(Piece::Digit { is_zero: digit == '0' });
                    *(if is_behind_point { &mut template.fraction } else { &mut template.whole }) += 1;
                    template.shift += u32::from(is_behind_shift);
                }
                _ => _ = template.push(Piece::Literal(first)),
            }
            rest = &rest[length..];
        }
        Ok(template)
    }

    /// Adds a piece; two letters is what most have.
    fn push(&mut self, piece: Piece) -> usize {
        self.pieces.push(piece);
        2
    }

    fn has(&self, piece: Piece) -> bool {
        self.pieces.contains(&piece)
    }
}

/// Adds a number by a template.
pub(super) fn write(number: Decimal, text: &str, heap: &mut String) -> Result<(), Error> {
    let template = Template::of(text)?;
    if let Some(is_upper) = template.roman {
        return roman(number, is_upper, template.is_bare, heap);
    }
    if template.is_scientific {
        return scientific(number, &template, heap);
    }
    let shifted = number.checked_mul(Decimal::from(10_u64.pow(template.shift.min(18))));
    let shifted = shifted.ok_or_else(|| beyond("to_char"))?;
    let places = u32::try_from(template.fraction).unwrap_or(u32::MAX).min(28);
    let rounded = shifted.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    Writer::new(&template, rounded, heap).write();
    Ok(())
}

/// Adds what stands for NaN and the infinities where a template has powers of ten; false if it has none.
pub(super) fn write_no_number(text: &str, heap: &mut String) -> Result<bool, Error> {
    /// The `e`, the sign and the two digits of a power.
    const BESIDE_DIGITS: usize = 4;
    let template = Template::of(text)?;
    if !template.is_scientific {
        return Ok(false);
    }
    let (whole, fraction) = ("#".repeat(template.whole), "#".repeat(template.fraction + BESIDE_DIGITS));
    write!(heap, " {whole}.{fraction}").map_err(|_| beyond("to_char"))?;
    Ok(true)
}

/// What is written next of a number.
struct Writer<'w> {
    template: &'w Template,
    /// The digits before the point without leading zeros, and those after it.
    whole: String,
    fraction: String,
    is_negative: bool,
    /// More digits than the template has.
    is_too_long: bool,
    /// The sign that goes before the first digit.
    sign: Option<char>,
    /// How many of the fraction's digits are written.
    kept: usize,
    heap: &'w mut String,
}

impl<'w> Writer<'w> {
    fn new(template: &'w Template, number: Decimal, heap: &'w mut String) -> Writer<'w> {
        let is_negative = number.is_sign_negative() && !number.is_zero();
        let digits = number.abs().to_string();
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let is_too_long = if template.whole == 0 {
            template.fraction > 0
        } else {
            whole.trim_start_matches('0').len() > template.whole
        };
        let fraction = format!("{fraction:0<width$}", width = template.fraction);
        let is_zero_kept = |place: usize| {
            let digits = template.pieces.iter().skip_while(|piece| **piece != Piece::Point);
            let mut digits = digits.filter(|piece| matches!(piece, Piece::Digit { .. }));
            digits.nth(place) == Some(&Piece::Digit { is_zero: true })
        };
        let needed = |place: &usize| fraction.as_bytes().get(*place) != Some(&b'0') || is_zero_kept(*place);
        let kept = match template.is_bare {
            true => (0..template.fraction).rev().find(needed).map_or(0, |last| last + 1),
            false => template.fraction,
        };
        let is_elsewhere = template.has(Piece::Minus) || template.has(Piece::SignHere);
        let is_trailing = template.pieces.iter().rev().find(|piece| !matches!(piece, Piece::Literal(_)));
        let sign = match (template.brackets, template.has(Piece::Sign)) {
            (true, _) => is_negative.then_some('<').or((!template.is_bare).then_some(' ')),
            (_, true) if is_trailing == Some(&Piece::Sign) => None,
            (_, true) => Some(if is_negative { '-' } else { '+' }),
            _ if is_elsewhere => None,
            _ if is_negative => Some('-'),
            _ => (!template.is_bare).then_some(' '),
        };
        let whole = whole.trim_start_matches('0').to_owned();
        Writer { template, whole, fraction, is_negative, is_too_long, sign, kept, heap }
    }

    fn write(mut self) {
        let mut place = 0;
        let mut behind_point = None;
        let mut has_begun = false;
        let pieces = &self.template.pieces;
        let zero_from = pieces.iter().filter(|piece| matches!(piece, Piece::Digit { .. }));
        let zero_from =
            zero_from.take(self.template.whole).position(|piece| *piece == Piece::Digit { is_zero: true });
        for piece in pieces {
            match *piece {
                Piece::Digit { .. } => match &mut behind_point {
                    Some(at) => {
                        if *at < self.kept {
                            let digit = self.fraction[*at..].chars().next().unwrap_or('0');
                            self.heap.push(if self.is_too_long { '#' } else { digit });
                        }
                        *at += 1;
                    }
                    None => {
                        has_begun |= self.whole_digit(place, zero_from);
                        place += 1;
                    }
                },
                Piece::Point => {
                    self.heap.extend(self.sign.take());
                    has_begun = true;
                    behind_point = Some(0);
                    self.heap.push('.');
                }
                Piece::Group if has_begun => self.heap.push(','),
                Piece::Group if self.template.is_bare => {}
                Piece::Group => self.heap.push(' '),
                Piece::Sign if self.is_last_sign(piece) => {
                    self.heap.push(if self.is_negative { '-' } else { '+' });
                }
                Piece::Sign => {}
                Piece::SignHere => self.heap.push(if self.is_negative { '-' } else { '+' }),
                Piece::Minus if self.is_negative => self.heap.push('-'),
                Piece::Plus if !self.is_negative => self.heap.push('+'),
                Piece::Minus | Piece::Plus if self.template.is_bare => {}
                Piece::Minus | Piece::Plus => self.heap.push(' '),
                Piece::Ordinal { is_upper } => {
                    let suffix = ordinal(&self.whole);
                    let suffix = if is_upper { suffix.to_uppercase() } else { suffix.to_owned() };
                    self.heap.push_str(if self.template.fraction == 0 && !self.is_negative {
                        &suffix
                    } else {
                        ""
                    });
                }
                Piece::Literal(character) => self.heap.push(character),
            }
        }
        if self.template.brackets {
            self.heap.extend(self.is_negative.then_some('>').or((!self.template.is_bare).then_some(' ')));
        }
    }

    /// Writes a digit before the point, or what stands for none; whether it was one.
    fn whole_digit(&mut self, place: usize, zero_from: Option<usize>) -> bool {
        let blanks = self.template.whole - self.whole.len().min(self.template.whole);
        let is_last = place + 1 == self.template.whole;
        // A zero is written for nothing where nothing else would be.
        let has_no_other = self.template.fraction == 0 || self.template.is_bare && self.kept == 0;
        let is_zero = zero_from.is_some_and(|from| place >= from) || is_last && has_no_other;
        let digit = match place.checked_sub(blanks) {
            _ if self.is_too_long => Some('#'),
            Some(at) => self.whole[at..].chars().next(),
            None => is_zero.then_some('0'),
        };
        match digit {
            Some(digit) => {
                self.heap.extend(self.sign.take());
                self.heap.push(digit);
            }
            None if self.template.is_bare => {}
            None => self.heap.push(' '),
        }
        digit.is_some()
    }

    /// Whether this sign is one after the digits.
    fn is_last_sign(&self, sign: &Piece) -> bool {
        self.template.pieces.iter().rev().find(|piece| !matches!(piece, Piece::Literal(_))) == Some(sign)
    }
}

/// The letters after a number that make it an ordinal.
pub(super) fn ordinal(number: &str) -> &'static str {
    let digits = number.as_bytes();
    let is_teen = digits.len() > 1 && digits[digits.len() - 2] == b'1';
    match digits.last() {
        Some(b'1') if !is_teen => "st",
        Some(b'2') if !is_teen => "nd",
        Some(b'3') if !is_teen => "rd",
        _ => "th",
    }
}

/// `4.86e-04`.
fn scientific(number: Decimal, template: &Template, heap: &mut String) -> Result<(), Error> {
    let float: f64 = number.to_string().parse().map_err(|_| beyond("to_char"))?;
    let written = format!("{:.*e}", template.fraction, float.abs());
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().map_err(|_| beyond("to_char"))?;
    if float < 0.0 {
        heap.push('-');
    } else if !template.is_bare {
        heap.push(' ');
    }
    write!(heap, "{mantissa}e{exponent:+03}").map_err(|_| beyond("to_char"))
}

/// Roman numerals, which go from 1 to 3999, at the end of fifteen characters.
fn roman(number: Decimal, is_upper: bool, is_bare: bool, heap: &mut String) -> Result<(), Error> {
    const NUMERALS: [(u64, &str); 13] = [
        (1_000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let whole = number.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
    let mut rest = u64::try_from(whole).unwrap_or_default();
    let mut numerals = String::new();
    if (1..4_000).contains(&rest) {
        for (value, numeral) in NUMERALS {
            while rest >= value {
                numerals.push_str(numeral);
                rest -= value;
            }
        }
    } else {
        numerals.push_str("###############");
    }
    if !is_upper {
        numerals.make_ascii_lowercase();
    }
    let width = if is_bare { 0 } else { 15 };
    write!(heap, "{numerals:>width$}").map_err(|_| beyond("to_char"))
}

/// The number that a text is by a template, whose digits after the point are those that count.
pub(super) fn read(text: &str, template: &str) -> Result<Decimal, Error> {
    let shape = Template::of(template)?;
    let invalid = || refused("to_number", format!("a number like {template:?}"), format!("{text:?}"));
    let mut digits = String::new();
    let mut is_negative = false;
    let mut behind_point = None;
    for character in text.chars() {
        match character {
            '-' => is_negative = true,
            '<' if shape.brackets => is_negative = true,
            '.' if behind_point.is_none() && shape.has(Piece::Point) => {
                behind_point = Some(0);
                digits.push('.');
            }
            digit if digit.is_ascii_digit() => match &mut behind_point {
                Some(count) if *count >= shape.fraction => break,
                Some(count) => {
                    *count += 1;
                    digits.push(digit);
                }
                None => digits.push(digit),
            },
            _ => {}
        }
    }
    let number = decimal_from_text(digits.trim_end_matches('.')).ok_or_else(invalid)?;
    Ok(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: &str, template: &str) -> String {
        let mut text = String::new();
        write(number.parse().unwrap(), template, &mut text).unwrap();
        text
    }

    /// The answers are PostgreSQL's.
    #[test]
    fn numbers_are_written_as_postgresql_does() {
        let cases = [
            ("0", "9.99", "  .00"),
            ("0.5", "9.99", "  .50"),
            ("485", "L999", "  485"),
            ("0", "999", "   0"),
            ("12345", "9,99", " #,##"),
            ("-12345", "999.99", "-###.##"),
            ("0.1", "FM9.99", ".1"),
            ("0", "FM9.99", "0."),
            ("-0.1", "99.99", "  -.10"),
            ("485", "PL999", "+ 485"),
            ("-485", "PL999", " -485"),
            ("1234", "RN", "       MCCXXXIV"),
            ("4", "FMrn", "iv"),
            ("0.0004859", "9.99EEEE", " 4.86e-04"),
            ("-123", "9.99EEEE", "-1.23e+02"),
            ("1234567.891", "9G999G999D99", " 1,234,567.89"),
            ("482", "FM999th", "482nd"),
            ("0", "FM999", "0"),
            ("5", "FM00", "05"),
            ("12.45", "99V9", " 125"),
            ("-485", "999PR", "<485>"),
            ("485", "999PR", " 485 "),
            ("-485", "S999", "-485"),
            ("-5", "9999MI", "   5-"),
            ("5", "MI99", "  5"),
            ("-5", "MI99", "- 5"),
            ("-5", "FM999PR", "<5>"),
            ("1234.5", "0,000.00", " 1,234.50"),
            ("34.5", "9,999.00", "    34.50"),
            ("34.5", "FM9,999.00", "34.50"),
            ("-34.5", "0009,999.00", "-0000,034.50"),
            ("0.005", "9.99", "  .01"),
            ("123.456", "FM999", "123"),
            ("1", "\"x\"9", "x 1"),
            ("-1", "\"x\"9", "x-1"),
            ("5", "SG99", "+ 5"),
            ("12", "99 %", " 12 %"),
            ("0.0", ".99", " .##"),
            ("-0.5", ".99", "-.##"),
            ("12", ".99", " .##"),
            ("-5", "S99", " -5"),
            ("0.5", "FM90.00", "0.50"),
            ("12", "0000", " 0012"),
        ];
        for (number, template, expected) in cases {
            assert_eq!(written(number, template), expected, "to_char({number}, '{template}')");
        }
        assert!(Template::of("9.9.9").is_err());
    }

    #[test]
    fn what_is_no_number_fills_its_digits_up() {
        let cases = [("9.99EEEE", " #.######"), ("9EEEE", " #.####"), ("99.9EEEE", " ##.#####")];
        for (template, expected) in cases {
            let mut text = String::new();
            assert_eq!((write_no_number(template, &mut text), &*text), (Ok(true), expected));
        }
        assert_eq!(write_no_number("9.99", &mut String::new()), Ok(false));
    }

    #[test]
    fn numbers_are_read_as_postgresql_does() {
        let cases = [
            ("-12,454.8-", "99G999D9S", "-12454.8"),
            ("$1,234", "L9,999", "1234"),
            ("<12>", "99PR", "-12"),
            ("12.345", "99.9", "12.3"),
            ("1,234.5", "9,999.9", "1234.5"),
        ];
        for (text, template, expected) in cases {
            assert_eq!(
                read(text, template).unwrap(),
                expected.parse().unwrap(),
                "to_number('{text}', '{template}')"
            );
        }
        assert!(read("no digits", "99").is_err());
    }
}
