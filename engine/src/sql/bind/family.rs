//! Functions of families, by the names and the operators that PostgreSQL and SQLite have for them.

use nuages_storage::DataType;
use sqlparser::ast::BinaryOperator;
use sqlparser::tokenizer::Span;

use super::typed::{Typed, cast};
use super::{Binder, Bound};
use crate::algebra::{Function, JsonFunction, MathFunction, StringFunction};
use crate::evaluate::Class;

/// The function of this name, with so many arguments.
fn named(name: &str, given: usize, is_sqlite: bool) -> Option<Function> {
    Some(match (name, given) {
        ("trunc", _) => Function::TruncateNumber,
        ("log", 1) => Function::Math(MathFunction::Log10),
        ("log", 2) => Function::Math(MathFunction::LogBase),
        ("unicode", 1) => Function::String(StringFunction::Ascii),
        ("char", _) if is_sqlite => Function::String(StringFunction::Chr),
        ("trim" | "btrim", 2) => Function::String(StringFunction::TrimCharacters),
        ("trim" | "btrim" | "ltrim" | "rtrim", 1) => return None,
        ("json_array", _) => Function::Json(JsonFunction::BuildArray),
        ("json_object", _) if is_sqlite => Function::Json(JsonFunction::BuildObject),
        ("json_extract", _) if is_sqlite => Function::Json(JsonFunction::ExtractText),
        // What it returns in SQLite is another thing.
        ("random" | "format", _) if is_sqlite => return None,
        (name, _) => match name.strip_prefix("jsonb_") {
            Some(rest) => return Function::of_family(&format!("json_{rest}")),
            None => return Function::of_family(name),
        },
    })
}

impl Binder<'_> {
    /// A call of a function of a family; none if there is none of this name.
    pub(super) fn family_call(
        &mut self,
        name: &str,
        arguments: &mut Vec<Typed>,
        span: Span,
    ) -> Option<Bound<Typed>> {
        let function = named(name, arguments.len(), self.is_sqlite())?;
        Some(self.call_of_family(function, std::mem::take(arguments), span))
    }

    /// An operator of JSON; none if it is another.
    pub(super) fn json_operator(
        &mut self,
        op: &BinaryOperator,
        left: &Typed,
        right: &Typed,
        span: Span,
    ) -> Option<Bound<Typed>> {
        let (function, swapped) = match op {
            BinaryOperator::Arrow => (JsonFunction::Get, false),
            BinaryOperator::LongArrow => (JsonFunction::GetText, false),
            BinaryOperator::AtArrow => (JsonFunction::Contains, false),
            BinaryOperator::ArrowAt => (JsonFunction::Contains, true),
            BinaryOperator::Question => (JsonFunction::HasKey, false),
            _ => return None,
        };
        let is_path = right.literal_text().is_some_and(|text| text.starts_with('$')) && self.is_sqlite();
        let function = match function {
            JsonFunction::Get if is_path => JsonFunction::Extract,
            JsonFunction::GetText if is_path => JsonFunction::ExtractText,
            function => function,
        };
        let mut arguments = vec![left.clone(), right.clone()];
        if swapped {
            arguments.reverse();
        }
        Some(self.call_of_family(Function::Json(function), arguments, span))
    }

    fn call_of_family(&mut self, function: Function, mut arguments: Vec<Typed>, span: Span) -> Bound<Typed> {
        let documents = match &function {
            Function::Json(JsonFunction::BuildArray | JsonFunction::BuildObject | JsonFunction::Valid) => 0,
            Function::Json(JsonFunction::Contains) => 2,
            Function::Json(_) => 1,
            _ => 0,
        };
        for argument in arguments.iter_mut().take(documents) {
            if argument.class() == Some(Class::Text) {
                *argument = Typed::new(cast(argument.expr.clone(), DataType::Json), DataType::Json);
            }
        }
        self.call(function, arguments, span)
    }
}
