//! Functions that are one line of a table each: a name, what it takes, what it gives, and what computes a column of it.
//!
//! A name may have several [`Overload`]s, told apart by the classes of the arguments. Binding, checking, printing and
//! storing know functions of this kind by the table alone, so that a new one is a line in one of the files below and
//! what it runs. The families beside this are older, and have names in the algebra because something else than SQL asks
//! for them.
//!
//! Order of reading: this file, then the tables: `number`, `text`, `bytes`, `moment`, `number_format` with
//! `clock_format` (PostgreSQL's templates), `regular` (regular expressions), `array`, `json_nodes`, `json_query` and
//! `other`.

mod array;
mod bytes;
mod clock_format;
mod json_nodes;
mod json_query;
mod moment;
mod number;
mod number_format;
mod other;
mod regular;
mod text;

pub(crate) use moment::part_function;
pub(crate) use regular::{escaped_by_backslash, regex_of_glob};

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use hashbrown::HashMap;
use nuages_storage::{DataType, Value};
use rust_decimal::Decimal;

use super::Call;
use super::signature::Signature;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Class, class_of};
use crate::vector::{Vector, VectorBuilder};

/// What an argument may be; none for a value of any type.
type Takes = Option<DataType>;

const ANY: Takes = None;
const BOOL: Takes = Some(DataType::Bool);
const INT: Takes = Some(DataType::BigInt);
const FLOAT: Takes = Some(DataType::Float);
const DECIMAL: Takes = Some(DataType::Decimal { precision: 28, scale: 0 });
const TEXT: Takes = Some(DataType::Text { max_length: None });
const BYTES: Takes = Some(DataType::Bytes);
const DATE: Takes = Some(DataType::Date);
const TIME: Takes = Some(DataType::Time);
const STAMP: Takes = Some(DataType::Timestamp);
const SPAN: Takes = Some(DataType::Duration);
const UUID: Takes = Some(DataType::Uuid);
const JSON: Takes = Some(DataType::Json);

/// Computes a column in the rows that are needed.
type Run = fn(&Call<'_>) -> Result<Vector<'static>, Error>;

/// One way to call a function.
struct Overload {
    takes: &'static [Takes],
    /// How many arguments it needs; the others may be left out.
    required: usize,
    /// Whether any number of arguments may follow, of the type of the last.
    repeats: bool,
    gives: Takes,
    run: Run,
}

/// A function of the table.
///
/// ```
/// use nuages_engine::algebra::{Builtin, Function};
/// let function = Builtin::named("bit_length").unwrap();
/// assert_eq!(function.name(), "bit_length");
/// assert_eq!(Function::named("bit_length"), Some(Function::Builtin(function)));
/// ```
pub struct Builtin {
    name: &'static str,
    overloads: &'static [Overload],
    /// Whether its value may be another each time.
    is_volatile: bool,
}

/// Declares functions: `"name" [TYPES | OPTIONAL TYPES] => RESULT, run; ..` where `[TYPE ..]` takes one or more.
macro_rules! table {
    ($($name:literal $(($volatile:ident))? $(
        [$($takes:ident),* $(| $($optional:ident),+)? $(; $repeats:ident)?] => $gives:ident, $run:expr
    );+;)*) => {
        &[$(Builtin {
            name: $name,
            overloads: &[$(Overload {
                takes: &[$($takes,)* $($($optional),+)?],
                required: <[Takes]>::len(&[$($takes),*]),
                repeats: false $(|| stringify!($repeats).len() > 0)?,
                gives: $gives,
                run: $run,
            }),+],
            is_volatile: false $(|| stringify!($volatile).len() > 0)?,
        }),*]
    };
}
use table;

const TABLES: [&[Builtin]; 9] = [
    number::TABLE,
    text::TABLE,
    bytes::TABLE,
    regular::TABLE,
    moment::TABLE,
    array::TABLE,
    json_nodes::TABLE,
    json_query::TABLE,
    other::TABLE,
];

impl Builtin {
    /// All of them.
    pub fn all() -> impl Iterator<Item = &'static Builtin> {
        TABLES.into_iter().flatten()
    }

    /// The one of this name, which is in lower case.
    pub fn named(name: &str) -> Option<&'static Builtin> {
        static NAMES: LazyLock<HashMap<&'static str, &'static Builtin>> = LazyLock::new(|| {
            let mut names = HashMap::new();
            for function in Builtin::all() {
                names.entry(function.name).or_insert(function);
            }
            names
        });
        NAMES.get(name).copied()
    }

    /// What it is called in SQL.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether its value may be another each time.
    pub(crate) fn is_volatile(&self) -> bool {
        self.is_volatile
    }

    /// The type that an argument is read as where it is a literal or a parameter: that of all ways to call the function
    /// which go with the other arguments, if they agree.
    pub(crate) fn wanted(&self, types: &[Option<DataType>], place: usize) -> Option<DataType> {
        let mut others = types.to_vec();
        others[place] = None;
        let mut wanted = None;
        for overload in self.overloads.iter().filter(|overload| overload.fit(&others).is_some()) {
            match (wanted, overload.takes_at(place)?) {
                (_, None) => return None,
                (Some(known), Some(kind)) if known != kind => return None,
                (_, kind) => wanted = kind,
            }
        }
        wanted
    }

    /// What it takes and gives for arguments of these types.
    ///
    /// # Errors
    /// [`Error::Type`] if it takes others.
    pub(super) fn signature(&self, types: &[Option<DataType>]) -> Result<Signature, Error> {
        let overload = self.overload(types).ok_or_else(|| self.refused(types))?;
        let argument = |(place, given): (usize, &Option<DataType>)| match overload.takes_at(place).flatten() {
            Some(wanted) if given.is_some_and(|given| class_of(given) == class_of(wanted)) => *given,
            wanted => wanted.or(*given),
        };
        let arguments = types.iter().enumerate().map(argument);
        let arguments = arguments.map(|kind| kind.unwrap_or(super::signature::TEXT)).collect();
        Ok(Signature { arguments, result: overload.gives.unwrap_or(super::signature::TEXT) })
    }

    /// Computes it, for arguments that its signature has been asked about.
    pub(super) fn evaluate(&self, call: &Call<'_>) -> Result<Vector<'static>, Error> {
        let types: Vec<Option<DataType>> = call.classes.iter().map(|class| class.map(Class::any)).collect();
        let overload = self.overload(&types).ok_or_else(|| self.refused(&types))?;
        (overload.run)(call)
    }

    /// The way to call it that needs the fewest conversions.
    fn overload(&self, types: &[Option<DataType>]) -> Option<&Overload> {
        let fitting = self.overloads.iter().filter_map(|overload| Some((overload.fit(types)?, overload)));
        fitting.min_by_key(|(conversions, _)| *conversions).map(|(_, overload)| overload)
    }

    fn refused(&self, types: &[Option<DataType>]) -> Error {
        let shown = |types: &mut dyn Iterator<Item = String>| {
            format!("({})", types.collect::<Vec<String>>().join(", "))
        };
        let ways: Vec<String> = self.overloads.iter().map(Overload::to_string).collect();
        let given = &mut types.iter().map(|kind| kind.map_or("NULL".to_owned(), |kind| kind.to_string()));
        Error::Type { expression: format!("{}()", self.name), expected: ways.join(" or "), got: shown(given) }
    }
}

impl Overload {
    /// How many conversions arguments of these types need; none if it does not take them.
    fn fit(&self, types: &[Option<DataType>]) -> Option<usize> {
        if types.len() < self.required || types.len() > self.takes.len() && !self.repeats {
            return None;
        }
        let mut conversions = 0;
        for (place, given) in types.iter().enumerate() {
            let (Some(wanted), Some(given)) = (self.takes_at(place)?.map(class_of), given.map(class_of))
            else {
                continue;
            };
            conversions += match (given, wanted) {
                (given, wanted) if given == wanted => 0,
                (Class::Int, Class::Decimal) | (Class::Date, Class::Timestamp) => 1,
                (Class::Int | Class::Decimal, Class::Float) => 2,
                _ => return None,
            };
        }
        Some(conversions)
    }

    /// What it takes at a place; none if it has no such place.
    fn takes_at(&self, place: usize) -> Option<Takes> {
        let last = self.takes.len().checked_sub(1)?;
        (place <= last || self.repeats).then(|| self.takes[place.min(last)])
    }
}

impl fmt::Display for Overload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (place, kind) in self.takes.iter().enumerate() {
            let name = kind.map_or("any", |kind| class_of(kind).name());
            let (open, separator) =
                (if place >= self.required { "[" } else { "" }, if place > 0 { ", " } else { "" });
            write!(f, "{open}{separator}{name}{}", if open.is_empty() { "" } else { "]" })?;
        }
        f.write_str(if self.repeats { ", ..)" } else { ")" })
    }
}

impl fmt::Debug for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Builtin {
    fn eq(&self, other: &Builtin) -> bool {
        self.name == other.name
    }
}

impl Eq for Builtin {}

impl Hash for Builtin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// What the functions of the tables are written with.
impl Call<'_> {
    /// How many arguments there are.
    fn count(&self) -> usize {
        self.columns.len()
    }

    fn float(&self, argument: usize, row: usize) -> f64 {
        self.columns.get(argument).and_then(|column| column.float(row)).unwrap_or_default()
    }

    fn decimal(&self, argument: usize, row: usize) -> Decimal {
        self.columns.get(argument).and_then(|column| column.decimal(row)).unwrap_or_default()
    }

    /// The rows that are needed and in which none of these arguments is NULL.
    fn with(&self, arguments: &[usize]) -> Bits {
        let columns = arguments.iter().filter_map(|argument| self.columns.get(*argument));
        columns.fold(self.selection.clone(), |rows, column| column.present(&rows))
    }

    /// A text that may be left out.
    fn optional_text(&self, argument: usize, row: usize) -> Option<&str> {
        self.columns.get(argument).and_then(|column| column.text(row))
    }

    fn bytes(&self, argument: usize, row: usize) -> &[u8] {
        let Some(column) = self.columns.get(argument) else { return &[] };
        column.bytes(row).or_else(|| column.text(row).map(str::as_bytes)).unwrap_or_default()
    }

    fn value(&self, argument: usize, row: usize) -> Value {
        self.columns.get(argument).map_or(Value::Null, |column| column.value(row))
    }

    /// A column of integers.
    fn ints(&self, int: impl FnMut(usize) -> Result<i64, Error>) -> Result<Vector<'static>, Error> {
        self.words(DataType::BigInt, int)
    }

    /// A column of floats.
    fn floats(&self, mut float: impl FnMut(usize) -> Result<f64, Error>) -> Result<Vector<'static>, Error> {
        self.words(DataType::Float, |row| float(row).map(|float| float.to_bits().cast_signed()))
    }

    /// A column of values that may be NULL although no argument is.
    pub(super) fn values(
        &self,
        kind: Takes,
        value: impl FnMut(usize) -> Result<Option<Value>, Error>,
    ) -> Result<Vector<'static>, Error> {
        self.values_where(kind, &self.live(), value)
    }

    /// The same in these rows, whatever is NULL among the arguments.
    fn values_where(
        &self,
        kind: Takes,
        rows: &Bits,
        mut value: impl FnMut(usize) -> Result<Option<Value>, Error>,
    ) -> Result<Vector<'static>, Error> {
        let kind = kind.unwrap_or(super::signature::TEXT);
        let mut builder = VectorBuilder::with_capacity(kind, self.len);
        for row in 0..self.len {
            match rows.contains(row).then(|| value(row)).transpose()?.flatten() {
                Some(value) => builder.push(&value),
                None => builder.push_null(),
            }
        }
        Ok(builder.finish())
    }
}

/// The error for an argument that a function has no answer to.
fn refused(function: &str, expected: impl Into<String>, got: impl Into<String>) -> Error {
    Error::Type { expression: format!("{function}()"), expected: expected.into(), got: got.into() }
}

/// The error for a result that does not fit.
fn beyond(function: &str) -> Error {
    Error::Overflow { operation: format!("{function}()") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::{Expr, Function};
    use crate::evaluate::testing::value_of;

    #[test]
    fn every_name_is_there_once() {
        let mut names: Vec<&str> = Builtin::all().map(Builtin::name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for name in names {
            let is_older =
                Function::of_family(name).is_some_and(|found| !matches!(found, Function::Builtin(_)));
            assert!(!is_older, "{name} is in a family too");
        }
    }

    /// NULLs of every type go into every function, and what comes out is of the type it says.
    #[test]
    fn every_overload_takes_null() {
        for function in Builtin::all().filter(|function| !function.is_volatile) {
            for overload in function.overloads {
                let kinds = overload.takes.iter().map(|kind| kind.unwrap_or(super::super::signature::TEXT));
                let nulls =
                    kinds.map(|kind| Expr::Cast(Box::new(Expr::Literal(Value::Null)), kind)).collect();
                let result = value_of(&Expr::Call(Function::Builtin(function), nulls));
                assert!(result.is_ok(), "{}{overload}: {result:?}", function.name);
            }
        }
    }

    #[test]
    fn errors_name_what_was_expected_and_what_came() {
        let function = Builtin::named("overlay").unwrap();
        let refused = function.signature(&[Some(DataType::Bool)]).err().unwrap().to_string();
        assert!(refused.contains("overlay()") && refused.contains("boolean"), "{refused}");
        assert!(refused.contains("(text, text, integer[, integer])"), "{refused}");
    }
}
