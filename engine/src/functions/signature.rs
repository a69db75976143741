//! What functions take and give.

use std::ops::RangeInclusive;

use nuages_storage::DataType;

use super::{enumeration, json, math, moment, sequence, string};
use crate::algebra::{DatePart, DateUnit, Function};
use crate::error::Error;
use crate::evaluate::{Class, class_of};

/// The types that a function's arguments are converted to, and the type of its result.
pub(crate) struct Signature {
    pub(crate) arguments: Vec<DataType>,
    pub(crate) result: DataType,
}

pub(super) const TEXT: DataType = DataType::Text { max_length: None };
const INT: DataType = DataType::BigInt;

/// The signature of a function for arguments of these types, `None` being NULL.
///
/// # Errors
/// [`Error::Type`] if it takes other arguments.
pub(crate) fn signature(function: &Function, types: &[Option<DataType>]) -> Result<Signature, Error> {
    let fixed = |required: usize, all: &[DataType], result: DataType| {
        expect_count(name(function), types.len(), required..=all.len())?;
        for (given, wanted) in types.iter().zip(all) {
            expect(function, *given, &[class_of(*wanted)])?;
        }
        Ok(Signature { arguments: all[..types.len()].to_vec(), result })
    };
    match function {
        Function::Lower
        | Function::Upper
        | Function::Trim
        | Function::TrimLeft
        | Function::TrimRight
        | Function::Reverse => fixed(1, &[TEXT], TEXT),
        Function::Substring => fixed(2, &[TEXT, INT, INT], TEXT),
        Function::Replace => fixed(3, &[TEXT, TEXT, TEXT], TEXT),
        Function::Left | Function::Right | Function::Repeat => fixed(2, &[TEXT, INT], TEXT),
        Function::PadLeft | Function::PadRight => fixed(2, &[TEXT, INT, TEXT], TEXT),
        Function::Position => fixed(2, &[TEXT, TEXT], INT),
        Function::Length => first_of(function, types, &[Class::Text, Class::Bytes], |_| INT),
        Function::Abs | Function::Ceiling | Function::Floor | Function::Sign => number(function, types),
        Function::Round | Function::TruncateNumber if types.len() == 2 => {
            expect(function, types[1], &[Class::Int])?;
            let mut signature = number(function, &types[..1])?;
            signature.arguments.push(INT);
            Ok(signature)
        }
        Function::Round | Function::TruncateNumber => number(function, types),
        Function::SquareRoot | Function::Ln | Function::Exp => {
            let mut signature = number(function, types)?;
            signature.arguments = vec![DataType::Float];
            signature.result = DataType::Float;
            Ok(signature)
        }
        Function::Extract(part, _) => first_of(function, types, with_part(*part), |_| INT),
        Function::Truncate(unit, _) => first_of(function, types, with_unit(*unit), |given| given),
        Function::DateOf(_) => {
            first_of(function, types, &[Class::Timestamp, Class::Date], |_| DataType::Date)
        }
        Function::TimeOf(_) => {
            first_of(function, types, &[Class::Timestamp, Class::Time], |_| DataType::Time)
        }
        Function::AddMonths => {
            expect_count(name(function), types.len(), 2..=2)?;
            expect(function, types[1], &[Class::Int])?;
            let when = first_of(function, &types[..1], &[Class::Timestamp, Class::Date], |given| given)?;
            Ok(Signature { arguments: vec![when.result, INT], result: when.result })
        }
        Function::Now => fixed(0, &[], DataType::Timestamp),
        Function::Math(of) => math::signature(*of, types),
        Function::String(of) => string::signature(*of, types),
        Function::Json(of) => json::signature(*of, types),
        Function::Time(of) => moment::signature(*of, types),
        Function::Builtin(of) => of.signature(types),
        Function::Sequence(of) => {
            let (arguments, result) = sequence::signature(of);
            fixed(arguments.len(), arguments, result)
        }
        Function::Enumeration(of) => {
            let (argument, result) = enumeration::signature(of);
            fixed(1, &[argument], result)
        }
        Function::LeadingNumber | Function::WholeNumber => fixed(1, &[TEXT], DataType::Float),
        Function::LeadingInteger => first_of(function, types, &[Class::Text, Class::Float], |_| INT),
        Function::Concat | Function::Coalesce | Function::NullIf | Function::Greatest | Function::Least => {
            unreachable!("what takes arguments of any type is compiled by itself")
        }
    }
}

/// One number, and a result of its type.
fn number(function: &Function, types: &[Option<DataType>]) -> Result<Signature, Error> {
    first_of(function, types, &[Class::Int, Class::Decimal, Class::Float], |given| match given {
        DataType::SmallInt | DataType::Integer => INT,
        given => given,
    })
}

/// One argument of one of these classes.
fn first_of(
    function: &Function,
    types: &[Option<DataType>],
    classes: &[Class],
    result: impl Fn(DataType) -> DataType,
) -> Result<Signature, Error> {
    expect_count(name(function), types.len(), 1..=1)?;
    expect(function, types[0], classes)?;
    let given = types[0].unwrap_or_else(|| classes.first().map_or(TEXT, |class| class.any()));
    Ok(Signature { arguments: vec![given], result: result(given) })
}

pub(super) fn expect(function: &Function, given: Option<DataType>, classes: &[Class]) -> Result<(), Error> {
    let Some(given) = given else { return Ok(()) };
    let class = class_of(given);
    let converted = class.is_number() && classes.contains(&Class::Float);
    if classes.contains(&class) || converted {
        return Ok(());
    }
    let names: Vec<&str> = classes.iter().map(|class| class.name()).collect();
    Err(Error::Type {
        expression: name(function).to_owned(),
        expected: names.join(" or "),
        got: given.to_string(),
    })
}

/// Requires a number of arguments.
///
/// # Errors
/// [`Error::Type`].
pub(crate) fn expect_count(name: &str, given: usize, count: RangeInclusive<usize>) -> Result<(), Error> {
    if count.contains(&given) {
        return Ok(());
    }
    let plural = |count: usize| if count == 1 { "argument" } else { "arguments" };
    let (least, most) = (*count.start(), *count.end());
    let expected = match most {
        usize::MAX => format!("at least {least} {}", plural(least)),
        _ if least == most => format!("{least} {}", plural(least)),
        _ => format!("{least} to {most} arguments"),
    };
    let parentheses = if name.ends_with(')') { "" } else { "()" };
    Err(Error::Type { expression: format!("{name}{parentheses}"), expected, got: given.to_string() })
}

/// The classes that have a part: a date has no hour, a time no year.
fn with_part(part: DatePart) -> &'static [Class] {
    match part {
        DatePart::Hour | DatePart::Minute | DatePart::Second => &[Class::Timestamp, Class::Time],
        _ => &[Class::Timestamp, Class::Date],
    }
}

fn with_unit(unit: DateUnit) -> &'static [Class] {
    match unit {
        DateUnit::Hour | DateUnit::Minute | DateUnit::Second => &[Class::Timestamp, Class::Time],
        _ => &[Class::Timestamp, Class::Date],
    }
}

/// A function's name in messages.
pub(crate) fn name(function: &Function) -> &'static str {
    match function {
        Function::Lower => "lower()",
        Function::Upper => "upper()",
        Function::Length => "length()",
        Function::Substring => "substr()",
        Function::Trim => "trim()",
        Function::TrimLeft => "ltrim()",
        Function::TrimRight => "rtrim()",
        Function::Replace => "replace()",
        Function::Concat => "concat()",
        Function::Left => "left()",
        Function::Right => "right()",
        Function::PadLeft => "lpad()",
        Function::PadRight => "rpad()",
        Function::Repeat => "repeat()",
        Function::Reverse => "reverse()",
        Function::Position => "strpos()",
        Function::Coalesce => "coalesce()",
        Function::NullIf => "nullif()",
        Function::Greatest => "greatest()",
        Function::Least => "least()",
        Function::Abs => "abs()",
        Function::Ceiling => "ceil()",
        Function::Floor => "floor()",
        Function::Round => "round()",
        Function::Sign => "sign()",
        Function::SquareRoot => "sqrt()",
        Function::Ln => "ln()",
        Function::Exp => "exp()",
        Function::Extract(..) => "extract()",
        Function::Truncate(..) => "date_trunc()",
        Function::DateOf(_) => "date()",
        Function::TimeOf(_) => "time()",
        Function::AddMonths => "add_months()",
        Function::Now => "now()",
        Function::TruncateNumber => "trunc()",
        Function::Math(_)
        | Function::String(_)
        | Function::Json(_)
        | Function::Time(_)
        | Function::Builtin(_)
        | Function::Sequence(_)
        | Function::Enumeration(_) => function.name(),
        Function::LeadingNumber => "leading_number()",
        Function::LeadingInteger => "leading_integer()",
        Function::WholeNumber => "whole_number()",
    }
}
