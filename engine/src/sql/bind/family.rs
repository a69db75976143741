//! Functions of families, by the names and the operators that PostgreSQL and SQLite have for them.

use nuages_storage::DataType;
use sqlparser::ast::BinaryOperator;
use sqlparser::tokenizer::Span;

use super::typed::{Typed, cast};
use super::{Binder, Bound};
use crate::algebra::{Function, JsonFunction, MathFunction, StringFunction};
use crate::evaluate::Class;
use crate::sql::error::SqlError;

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
            BinaryOperator::HashArrow | BinaryOperator::HashLongArrow => {
                return Some(self.at_keys(op, left, right, span));
            }
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

    /// `document #> '{a,0,b}'`: the path is a literal array of texts.
    fn at_keys(&mut self, op: &BinaryOperator, left: &Typed, right: &Typed, span: Span) -> Bound<Typed> {
        let function = match op {
            BinaryOperator::HashArrow => JsonFunction::ExtractPath,
            _ => JsonFunction::ExtractPathText,
        };
        let Some(keys) = right.literal_text().and_then(keys_of) else {
            let problem =
                super::unsupported(format!("{op} with a path that is no literal such as '{{a,0}}'"));
            return Err(SqlError::at(problem, span));
        };
        let keys = keys.into_iter().map(|key| Typed::literal(nuages_storage::Value::Text(key)));
        let arguments = std::iter::once(left.clone()).chain(keys).collect();
        self.call_of_family(Function::Json(function), arguments, span)
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

/// The keys of a path as PostgreSQL writes an array of texts: `{a, 0, "b c"}`.
fn keys_of(path: &str) -> Option<Vec<String>> {
    let mut rest = path.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let key = match rest.strip_prefix('"') {
            Some(quoted) => {
                let mut key = String::new();
                let mut characters = quoted.char_indices();
                let end = loop {
                    match characters.next()? {
                        (end, '"') => break end,
                        (_, '\\') => key.push(characters.next()?.1),
                        (_, character) => key.push(character),
                    }
                };
                rest = quoted[end + 1..].trim_start();
                key
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let key = rest[..end].trim().to_owned();
                rest = &rest[end..];
                key
            }
        };
        keys.push(key);
        rest = match rest.strip_prefix(',') {
            Some(more) => Some(more.trim_start()).filter(|more| !more.is_empty())?,
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_arrays_of_texts() {
        let keys = |path: &str| keys_of(path).map(|keys| keys.join("|"));
        assert_eq!(keys("{a,0,b}").as_deref(), Some("a|0|b"));
        assert_eq!(keys(r#"{ a , "b, \"c\"" }"#).as_deref(), Some(r#"a|b, "c""#));
        assert_eq!(keys("{}").as_deref(), Some(""));
        assert_eq!([keys("a,b"), keys("{a,"), keys("{a,}"), keys(r#"{"a}"#)], [None, None, None, None]);
    }
}
