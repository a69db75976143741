//! The scalar functions, by name and by what they compute. How they compute it is [`functions`](crate::functions).

mod enumeration;
mod family;
mod sequence;

use std::sync::LazyLock;

use hashbrown::HashMap;

pub use crate::functions::builtin::Builtin;
pub use enumeration::{EnumCall, EnumVerb};
pub use family::{JsonFunction, MathFunction, StringFunction, TimeFunction};
pub use sequence::{Numbering, Origin, SequenceCall, SequenceVerb};

/// A part of a date or time, as `EXTRACT` names it. All are integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatePart {
    /// The year.
    Year,
    /// The year of the ISO 8601 week.
    IsoYear,
    /// 1 to 4.
    Quarter,
    /// 1 to 12.
    Month,
    /// ISO 8601 week, 1 to 53.
    Week,
    /// 1 to 7, Sunday is 1 (Django's `week_day`).
    WeekDay,
    /// 1 to 7, Monday is 1.
    IsoWeekDay,
    /// Day of the month, 1 to 31.
    Day,
    /// Day of the year, 1 to 366.
    DayOfYear,
    /// 0 to 23.
    Hour,
    /// 0 to 59.
    Minute,
    /// 0 to 59, without the fraction.
    Second,
}

/// What a date or time is truncated to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateUnit {
    /// The first of January.
    Year,
    /// The first day of the quarter.
    Quarter,
    /// The first of the month.
    Month,
    /// Monday.
    Week,
    /// Midnight.
    Day,
    /// The full hour.
    Hour,
    /// The full minute.
    Minute,
    /// The full second.
    Second,
}

/// A scalar function. Unless said otherwise the result is NULL when an argument is.
#[derive(Clone, Debug, PartialEq)]
pub enum Function {
    /// Lower case (full Unicode).
    Lower,
    /// Upper case (full Unicode).
    Upper,
    /// Number of characters.
    Length,
    /// `substr(text, start, count?)`: characters, from 1.
    Substring,
    /// Spaces off both ends.
    Trim,
    /// Spaces off the left.
    TrimLeft,
    /// Spaces off the right.
    TrimRight,
    /// `replace(text, from, to)`.
    Replace,
    /// The arguments' text forms joined; NULL counts as the empty text.
    Concat,
    /// The first n characters.
    Left,
    /// The last n characters.
    Right,
    /// `lpad(text, length, fill)`.
    PadLeft,
    /// `rpad(text, length, fill)`.
    PadRight,
    /// `repeat(text, n)`.
    Repeat,
    /// The characters in reverse.
    Reverse,
    /// `strpos(text, part)`: from 1, 0 if absent.
    Position,
    /// The first argument that is not NULL.
    Coalesce,
    /// NULL if both are equal, else the first.
    NullIf,
    /// The greatest argument that is not NULL.
    Greatest,
    /// The least argument that is not NULL.
    Least,
    /// Absolute value.
    Abs,
    /// Least integer not below.
    Ceiling,
    /// Greatest integer not above.
    Floor,
    /// `round(x, digits?)`: half away from zero.
    Round,
    /// Sign: -1, 0 or 1.
    Sign,
    /// Square root.
    SquareRoot,
    /// Natural logarithm.
    Ln,
    /// e to the power of x.
    Exp,
    /// A part of a date, time or timestamp; a timestamp is seen in the time zone, UTC if none.
    Extract(DatePart, Option<jiff::tz::TimeZone>),
    /// A date or timestamp truncated; a timestamp in the time zone, UTC if none.
    Truncate(DateUnit, Option<jiff::tz::TimeZone>),
    /// The date of a timestamp in the time zone, UTC if none.
    DateOf(Option<jiff::tz::TimeZone>),
    /// The time of day of a timestamp in the time zone, UTC if none.
    TimeOf(Option<jiff::tz::TimeZone>),
    /// `add_months(x, n)`: a date or timestamp some months later, on the same day of the month or the last it has.
    AddMonths,
    /// The timestamp at which the statement began, or the transaction if it is one of SQL in PostgreSQL's dialect.
    Now,
    /// `trunc(x, digits?)`: toward zero.
    TruncateNumber,
    /// A function of floats.
    Math(MathFunction),
    /// One that takes texts apart or puts them together.
    String(StringFunction),
    /// One of JSON.
    Json(JsonFunction),
    /// One of timestamps.
    Time(TimeFunction),
    /// One that is a line of a table, see [`Builtin`].
    Builtin(&'static Builtin),
    /// The float that a text begins with; 0 if with none, as SQLite has it.
    LeadingNumber,
    /// The integer that a text begins with, 0 if with none; of a float, what is before the point.
    LeadingInteger,
    /// The float that a text is as a whole; NULL if it is none.
    WholeNumber,
    /// One that draws a number of a sequence, or is about that.
    Sequence(Box<SequenceCall>),
    /// One of the values of an enumeration.
    Enumeration(Box<EnumCall>),
}

impl Function {
    /// What it is called in SQL, as PostgreSQL spells it.
    ///
    /// ```
    /// use nuages_engine::algebra::Function;
    /// assert_eq!(Function::Position.name(), "strpos");
    /// ```
    pub fn name(&self) -> &'static str {
        match self {
            Function::Lower => "lower",
            Function::Upper => "upper",
            Function::Length => "length",
            Function::Substring => "substr",
            Function::Trim => "btrim",
            Function::TrimLeft => "ltrim",
            Function::TrimRight => "rtrim",
            Function::Replace => "replace",
            Function::Concat => "concat",
            Function::Left => "left",
            Function::Right => "right",
            Function::PadLeft => "lpad",
            Function::PadRight => "rpad",
            Function::Repeat => "repeat",
            Function::Reverse => "reverse",
            Function::Position => "strpos",
            Function::Coalesce => "coalesce",
            Function::NullIf => "nullif",
            Function::Greatest => "greatest",
            Function::Least => "least",
            Function::Abs => "abs",
            Function::Ceiling => "ceil",
            Function::Floor => "floor",
            Function::Round => "round",
            Function::Sign => "sign",
            Function::SquareRoot => "sqrt",
            Function::Ln => "ln",
            Function::Exp => "exp",
            Function::Extract(..) => "extract",
            Function::Truncate(..) => "date_trunc",
            Function::DateOf(_) => "date",
            Function::TimeOf(_) => "time",
            Function::AddMonths => "add_months",
            Function::Now => "now",
            Function::TruncateNumber => "trunc",
            Function::Math(of) => of.name(),
            Function::String(of) => of.name(),
            Function::Json(of) => of.name(),
            Function::Time(of) => of.name(),
            Function::Builtin(of) => of.name(),
            Function::LeadingNumber => "leading_number",
            Function::LeadingInteger => "leading_integer",
            Function::WholeNumber => "whole_number",
            Function::Sequence(of) => of.verb.name(),
            Function::Enumeration(of) => of.verb.name(),
        }
    }

    /// The function of a family or of the table that has this name, which is in lower case.
    ///
    /// ```
    /// use nuages_engine::algebra::{Function, MathFunction};
    /// assert_eq!(Function::of_family("cbrt"), Some(Function::Math(MathFunction::CubeRoot)));
    /// ```
    pub fn of_family(name: &str) -> Option<Function> {
        static NAMES: LazyLock<HashMap<&'static str, Function>> = LazyLock::new(|| {
            let math = MathFunction::ALL.iter().map(|of| (of.name(), Function::Math(*of)));
            let string = StringFunction::ALL.iter().map(|of| (of.name(), Function::String(*of)));
            let json = JsonFunction::ALL.iter().map(|of| (of.name(), Function::Json(*of)));
            let time = TimeFunction::ALL.iter().map(|of| (of.name(), Function::Time(*of)));
            let builtin = Builtin::all().map(|of| (of.name(), Function::Builtin(of)));
            let mut names = HashMap::new();
            for (name, function) in math.chain(string).chain(json).chain(time).chain(builtin) {
                names.entry(name).or_insert(function);
            }
            names
        });
        NAMES.get(name).cloned()
    }

    /// The function of this name, which is in lower case: of a family, or one of those that need no more than
    /// arguments.
    ///
    /// ```
    /// use nuages_engine::algebra::Function;
    /// assert_eq!(Function::named("lpad"), Some(Function::PadLeft));
    /// assert_eq!(Function::named("launch_rockets"), None);
    /// ```
    pub fn named(name: &str) -> Option<Function> {
        let plain = || Function::PLAIN.iter().find(|function| function.name() == name).cloned();
        Function::of_family(name).or_else(plain)
    }

    /// Those of no family that need no more than arguments.
    const PLAIN: &[Function] = &[
        Function::Lower,
        Function::Upper,
        Function::Length,
        Function::Substring,
        Function::Replace,
        Function::Concat,
        Function::Left,
        Function::Right,
        Function::PadLeft,
        Function::PadRight,
        Function::Repeat,
        Function::Reverse,
        Function::Position,
        Function::Coalesce,
        Function::NullIf,
        Function::Greatest,
        Function::Least,
        Function::Abs,
        Function::Ceiling,
        Function::Floor,
        Function::Round,
        Function::Sign,
        Function::SquareRoot,
        Function::Ln,
        Function::Exp,
        Function::AddMonths,
        Function::TruncateNumber,
    ];

    /// Whether its value may be another each time, also in one statement.
    pub(crate) fn is_volatile(&self) -> bool {
        match self {
            Function::Math(MathFunction::Random) => true,
            Function::Builtin(of) => of.is_volatile(),
            Function::Sequence(_) => true,
            _ => false,
        }
    }

    /// Whether its value follows from its arguments alone. `now()` is the same throughout a statement, and another in
    /// the next.
    pub(crate) fn is_immutable(&self) -> bool {
        !self.is_volatile() && !matches!(self, Function::Now)
    }
}
