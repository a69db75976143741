//! Functions of families, by the names and the operators that PostgreSQL and SQLite have for them.

use nuages_storage::DataType;
use sqlparser::tokenizer::Span;

use super::called::builtin;
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
        ("trim" | "btrim", 2) => Function::String(StringFunction::TrimCharacters),
        ("trim" | "btrim" | "ltrim" | "rtrim", 1) => return None,
        ("json_array", _) => Function::Json(JsonFunction::BuildArray),
        ("json_object", _) if is_sqlite => Function::Json(JsonFunction::BuildObject),
        ("json_type" | "jsonb_type", _) if is_sqlite => Function::Json(JsonFunction::KindOf),
        ("json_quote", 1) if is_sqlite => Function::Json(JsonFunction::ToJson),
        ("json_array_length" | "jsonb_array_length", _) if is_sqlite => Function::Json(JsonFunction::Members),
        ("to_jsonb" | "array_to_json", 1) => Function::Json(JsonFunction::ToJson),
        ("format", _) if is_sqlite => Function::String(StringFunction::Printf),
        // What it returns in SQLite is another thing.
        ("random", _) if is_sqlite => return None,
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
        if let Some(call) =
            self.array_call(name, arguments, span).or_else(|| self.json_call(name, arguments, span))
        {
            return Some(call);
        }
        if self.is_sqlite() && name == "random" && arguments.is_empty() {
            return Some(Ok(Typed::new(builtin("random_integer", Vec::new()), DataType::BigInt)));
        }
        let function = named(name, arguments.len(), self.is_sqlite())?;
        Some(self.call_of_family(function, std::mem::take(arguments), span))
    }

    pub(super) fn call_of_family(
        &mut self,
        function: Function,
        mut arguments: Vec<Typed>,
        span: Span,
    ) -> Bound<Typed> {
        let documents = match &function {
            Function::Json(
                JsonFunction::BuildArray
                | JsonFunction::BuildObject
                | JsonFunction::Valid
                | JsonFunction::ToJson,
            ) => 0,
            Function::Json(
                JsonFunction::Contains
                | JsonFunction::Patch
                | JsonFunction::Join
                | JsonFunction::SetAt
                | JsonFunction::InsertAt,
            ) => 2,
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
