//! The functions of the algebra: `signature` says what they take and give, `text`, `number` and `date` compute them for
//! a column at a time, as do `math`, `string`, `json` and `moment` for their families; `builtin` has those that are a
//! line of a table, where new ones go; `pattern` is text search, `affinity` reads numbers out of texts, [`aggregate`]
//! is what is computed over groups of rows.
//!
//! The choices (`COALESCE`, `NULLIF`, `GREATEST`, `LEAST`) are not here: they do not compute values but pick them, see
//! `evaluate/conditional.rs`. `sequence` is called with the context beside the arguments, since it draws.

pub(crate) mod affinity;
mod age;
pub mod aggregate;
pub(crate) mod builtin;
mod date;
pub(crate) mod enumeration;
mod json;
mod math;
mod modified;
mod moment;
mod number;
#[cfg(test)]
mod oracle;
pub(crate) mod pattern;
mod printf;
pub(crate) mod sequence;
pub(crate) mod signature;
mod string;
mod text;

pub(crate) use date::{add_months, add_months_to};
pub(crate) use printf::real_as_text;
use std::borrow::Cow;

use nuages_storage::{DataType, Value};

use crate::algebra::Function;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::Class;
use crate::vector::{Texts, Vector};

/// A function's arguments, and the rows it is needed for.
pub(crate) struct Call<'a> {
    /// The arguments, of the classes their signature asks for.
    pub(crate) columns: &'a [&'a Vector<'a>],
    /// Their classes; none for NULL.
    pub(crate) classes: Vec<Option<Class>>,
    /// How many rows the result has.
    pub(crate) len: usize,
    /// The rows that are needed.
    pub(crate) selection: &'a Bits,
}

/// Computes a function in the rows that are needed.
pub(crate) fn evaluate(function: &Function, call: &Call<'_>) -> Result<Vector<'static>, Error> {
    match function {
        Function::Lower
        | Function::Upper
        | Function::Length
        | Function::Substring
        | Function::Trim
        | Function::TrimLeft
        | Function::TrimRight
        | Function::Replace
        | Function::Concat
        | Function::Left
        | Function::Right
        | Function::PadLeft
        | Function::PadRight
        | Function::Repeat
        | Function::Reverse
        | Function::Position => text::evaluate(function, call),
        Function::Abs
        | Function::Ceiling
        | Function::Floor
        | Function::Round
        | Function::TruncateNumber
        | Function::Sign
        | Function::SquareRoot
        | Function::Ln
        | Function::Exp => number::evaluate(function, call),
        Function::Extract(..)
        | Function::Truncate(..)
        | Function::DateOf(_)
        | Function::TimeOf(_)
        | Function::AddMonths => date::evaluate(function, call),
        Function::Math(of) => math::evaluate(*of, call),
        Function::String(of) => string::evaluate(*of, call),
        Function::Json(of) => json::evaluate(*of, call),
        Function::Time(of) => moment::evaluate(*of, call),
        Function::Builtin(of) => of.evaluate(call),
        Function::Enumeration(of) => enumeration::evaluate(of, call),
        Function::LeadingNumber | Function::LeadingInteger | Function::WholeNumber => {
            affinity::evaluate(function, call)
        }
        Function::Coalesce
        | Function::NullIf
        | Function::Greatest
        | Function::Least
        | Function::Now
        | Function::Sequence(_) => Ok(Vector::constant(Value::Null, call.len)),
    }
}

impl Call<'_> {
    /// The rows that are needed and have no NULL among the arguments.
    fn live(&self) -> Bits {
        let mut live = self.selection.clone();
        for column in self.columns {
            match column {
                Vector::Constant { value: Value::Null, .. } => return Bits::none(self.len),
                Vector::Constant { .. } => {}
                column => live = live.and_not(&column.nulls()),
            }
        }
        live
    }

    /// A text argument of a live row.
    fn text(&self, argument: usize, row: usize) -> &str {
        self.columns.get(argument).and_then(|column| column.text(row)).unwrap_or_default()
    }

    /// An integer argument of a live row, if there is such an argument.
    pub(crate) fn int(&self, argument: usize, row: usize) -> Option<i64> {
        self.columns.get(argument).and_then(|column| column.int(row))
    }

    /// A column of the texts that `write` appends for each live row.
    fn texts(
        &self,
        mut write: impl FnMut(usize, &mut String) -> Result<(), Error>,
    ) -> Result<Vector<'static>, Error> {
        self.texts_where(&self.live(), &mut write)
    }

    fn texts_where(
        &self,
        live: &Bits,
        write: &mut dyn FnMut(usize, &mut String) -> Result<(), Error>,
    ) -> Result<Vector<'static>, Error> {
        let mut data = Texts::computed(self.len);
        let mut result = Ok(());
        for row in 0..self.len {
            data.push_with(|heap| {
                if live.contains(row) && result.is_ok() {
                    result = write(row, heap);
                }
            });
        }
        result.map(|()| Vector::Text { data, nulls: live.complement(self.len) })
    }

    /// A column of the words of each live row.
    fn words(
        &self,
        kind: DataType,
        mut word: impl FnMut(usize) -> Result<i64, Error>,
    ) -> Result<Vector<'static>, Error> {
        let live = self.live();
        let mut data = vec![0; self.len];
        for row in &live {
            data[row] = word(row)?.cast_unsigned();
        }
        Ok(Vector::Word { kind, data: Cow::Owned(data), nulls: live.complement(self.len) })
    }
}

/// The greatest text that a function makes, in bytes; PostgreSQL's limit too. Beyond it a mistyped number would take
/// all memory.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 30;
