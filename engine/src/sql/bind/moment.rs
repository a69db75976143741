//! SQLite's `date()` and its kin: points in time as texts, read, moved by modifiers and written.
//!
//! `'now'` is the point in time of the statement where it is written as a literal; a value that is read `'now'` while a
//! statement runs is no point in time here.

use nuages_storage::{DataType, Value};
use sqlparser::tokenizer::Span;

use super::typed::{TEXT, Typed, cast};
use super::{Binder, Bound};
use crate::algebra::{Expr, Function, TimeFunction};
use crate::evaluate::Class;

/// How a function writes a point in time, and how with its milliseconds.
const FORMATS: [(&str, &str, &str); 3] = [
    ("date", "%Y-%m-%d", "%Y-%m-%d"),
    ("time", "%H:%M:%S", "%H:%M:%f"),
    ("datetime", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%f"),
];

impl Binder<'_> {
    /// A call of one of these functions; none if it is another.
    pub(super) fn moment_call(
        &mut self,
        name: &str,
        arguments: &mut Vec<Typed>,
        span: Span,
    ) -> Option<Bound<Typed>> {
        let is_format = name == "strftime" && !arguments.is_empty();
        let known = FORMATS.iter().find(|(known, ..)| *known == name);
        if !self.is_sqlite() || known.is_none() && !is_format && !matches!(name, "julianday" | "unixepoch") {
            return None;
        }
        let mut arguments = std::mem::take(arguments);
        let format = is_format.then(|| arguments.remove(0));
        Some(self.moment_of(name, format, arguments, span))
    }

    fn moment_of(
        &mut self,
        name: &str,
        format: Option<Typed>,
        mut arguments: Vec<Typed>,
        span: Span,
    ) -> Bound<Typed> {
        let given = arguments.len();
        let is_fine = |argument: &Typed| {
            matches!(
                argument.literal_text().map(str::to_ascii_lowercase).as_deref(),
                Some("subsec" | "subsecond")
            )
        };
        arguments.retain(|argument| !is_fine(argument));
        let is_fine = arguments.len() < given;
        if arguments.is_empty() {
            arguments.push(Typed::literal(Value::from("now")));
        }
        let arguments = arguments.into_iter().map(|argument| self.as_moment_text(argument)).collect();
        let moment = self.call(Function::Time(TimeFunction::Modified), arguments, span)?;
        if let Some((_, plain, fine)) = FORMATS.iter().find(|(known, ..)| *known == name) {
            let format = Typed::literal(Value::from(if is_fine { *fine } else { *plain }));
            return self.call(Function::Time(TimeFunction::Strftime), vec![format, moment], span);
        }
        match (format, name) {
            (Some(format), _) => {
                let format = self.value(format);
                let format = if format.class() == Some(Class::Text) {
                    format
                } else {
                    Typed::new(cast(format.expr, TEXT), TEXT)
                };
                self.call(Function::Time(TimeFunction::Strftime), vec![format, moment], span)
            }
            (None, "julianday") => self.call(Function::Time(TimeFunction::JulianDay), vec![moment], span),
            (None, _) => {
                let epoch = self.call(Function::Time(TimeFunction::Epoch), vec![moment], span)?;
                if is_fine {
                    return Ok(epoch);
                }
                let whole = self.call(Function::Floor, vec![epoch], span)?;
                Ok(Typed::new(cast(whole.expr, DataType::BigInt), DataType::BigInt))
            }
        }
    }

    /// An argument as a text, and `'now'` as the point in time that it is.
    fn as_moment_text(&mut self, argument: Typed) -> Typed {
        let mut argument = self.value(argument);
        if argument.literal_text().is_some_and(|text| text.eq_ignore_ascii_case("now")) {
            let now = Expr::Call(Function::Now, Vec::new());
            return Typed::new(cast(now, TEXT), TEXT);
        }
        self.settle(&mut argument, Some(TEXT));
        match argument.class() {
            None | Some(Class::Text) => argument,
            Some(_) => Typed::new(cast(argument.expr, TEXT), TEXT),
        }
    }

    /// PostgreSQL's `age(a, b)`; of one argument it is that of today at midnight.
    pub(super) fn age(&mut self, mut arguments: Vec<Typed>, span: Span) -> Bound<Typed> {
        if arguments.len() == 1 {
            let today = Expr::Call(Function::DateOf(None), vec![Expr::Call(Function::Now, Vec::new())]);
            arguments.insert(0, Typed::new(today, DataType::Date));
        }
        let moments = arguments.into_iter().map(|mut argument| {
            self.settle(&mut argument, Some(DataType::Timestamp));
            match (argument.class(), argument.literal_text()) {
                (Some(Class::Date), _) | (_, Some(_)) => {
                    Typed::new(cast(argument.expr, DataType::Timestamp), DataType::Timestamp)
                }
                _ => argument,
            }
        });
        let moments = moments.collect();
        self.call(Function::Time(TimeFunction::Age), moments, span)
    }
}
