//! JSON, by the functions and operators of both dialects.
//!
//! What SQLite reads out of a document has a type only when it is there: `json_extract(d, '$.a')` is a number in one
//! row and a text in the next. Here it is JSON that is [inclined to nothing yet](Affinity::Any): compared and ordered
//! as JSON with its [rank](ranked) before it, and made a text or a number where one is wanted; a result column hands it
//! out as the value that it is.

use nuages_storage::{DataType, Value};
use sqlparser::ast::BinaryOperator;
use sqlparser::tokenizer::Span;

use super::function::arity;
use super::query::BoundQuery;
use super::typed::{Affinity, TEXT, Typed, cast};
use super::{Binder, Bound};
use crate::algebra::{Expr, Function, JsonFunction, OutputColumn, Query};
use crate::evaluate::{Class, class_of};
use crate::sql::error::SqlError;

const JSON: DataType = DataType::Json;

impl Typed {
    /// Whether it is JSON whose type is known only when it is there.
    pub(super) fn is_any(&self) -> bool {
        self.affinity == Affinity::Any
    }

    /// The type of a parameter beside it: what may be anything is asked for as a text.
    pub(super) fn settling(&self) -> Option<DataType> {
        if self.is_any() { Some(TEXT) } else { self.kind }
    }

    /// As a text, if its type is not known.
    pub(super) fn any_as_text(self) -> Typed {
        if !self.is_any() {
            return self;
        }
        Typed::new(json(JsonFunction::ExtractPathText, vec![self.expr]), TEXT)
    }

    /// What SQLite makes of it beside a column or a cast, if its type is not known: beside a number a text that is one is that
    /// number, and beside a text anything is its text.
    pub(super) fn leaning(self, other: Affinity) -> Typed {
        match other {
            Affinity::Text => self.any_as_text(),
            Affinity::Number if self.is_any() => {
                let kind = json(JsonFunction::KindOf, vec![self.expr.clone()]);
                let text = json(JsonFunction::ExtractPathText, vec![self.expr.clone()]);
                let number = Expr::Call(Function::WholeNumber, vec![text]);
                let is_number = kind.equals(Expr::literal("text")).and(number.clone().is_null().not());
                let branches = vec![(is_number, json(JsonFunction::ToJson, vec![number]))];
                Typed::any(Expr::Case { branches, otherwise: Some(Box::new(self.expr)) })
            }
            _ => self,
        }
    }

    /// As JSON whose type is known only when it is there.
    pub(super) fn into_any(self) -> Typed {
        let expr = match (self.is_any(), self.expr) {
            (true, expr) => expr,
            (false, expr @ Expr::Literal(Value::Null)) => Expr::Cast(Box::new(expr), JSON),
            (false, Expr::Literal(value)) => {
                Expr::Literal(Value::Json(Box::new(crate::evaluate::json_of(value))))
            }
            (false, expr) => json(JsonFunction::ToJson, vec![expr]),
        };
        Typed::any(expr)
    }

    /// The same of a number that is an integer in one row and real in another: it stays what it is in each.
    pub(super) fn into_any_as_is(self) -> Typed {
        let Some(choices) = self.mixed else { return self.into_any() };
        let (mut branches, mut rest) = (Vec::with_capacity(choices.len()), None);
        for (when, choice) in choices {
            let expr = choice.into_any_as_is().expr;
            match when {
                Some(when) => branches.push((when, expr)),
                None => rest = Some(expr),
            }
        }
        Typed::any(match (branches.is_empty(), rest) {
            (true, Some(rest)) => rest,
            (_, rest) => Expr::Case { branches, otherwise: rest.map(Box::new) },
        })
    }

    /// JSON whose type is known only when it is there.
    pub(super) fn any(expr: Expr) -> Typed {
        Typed { affinity: Affinity::Any, ..Typed::new(expr, JSON) }
    }
}

/// Whether JSON tells values of a class from those of others.
fn is_scalar(class: Class) -> bool {
    matches!(class, Class::Bool | Class::Int | Class::Float | Class::Text)
}

fn json(function: JsonFunction, arguments: Vec<Expr>) -> Expr {
    Expr::Call(Function::Json(function), arguments)
}

/// What was read out of documents, as SQLite orders it: numbers come before texts.
pub(super) fn ranked(expr: Expr) -> Expr {
    json(JsonFunction::Ranked, vec![expr])
}

/// The least or the greatest of what an aggregate was given ranked.
pub(super) fn unranked(argument: Option<&Expr>, extreme: &Expr) -> Option<Typed> {
    let is_ranked = matches!(argument, Some(Expr::Call(Function::Json(JsonFunction::Ranked), _)));
    is_ranked.then(|| Typed::any(json(JsonFunction::Get, vec![extreme.clone(), Expr::literal(1)])))
}

/// What is found in a document, as SQLite hands it out.
pub(super) fn scalar(found: Typed) -> Typed {
    Typed::any(json(JsonFunction::Scalar, vec![found.expr]))
}

/// Which columns of a query, or of what a change returns, hand out what is in their JSON: those that are marked as
/// [`Binder::result`] marks them.
pub(in crate::sql) fn handed_out(columns: &[OutputColumn]) -> Vec<usize> {
    let is_any = |expr: &Expr| matches!(expr, Expr::Call(Function::Json(JsonFunction::Scalar), _));
    let columns = columns.iter().enumerate();
    columns.filter(|(_, column)| is_any(&column.expr)).map(|(place, _)| place).collect()
}

/// Rows whose columns at some places hand out what is in their JSON.
pub(in crate::sql) fn scalars(mut rows: Vec<Vec<Value>>, places: &[usize]) -> Vec<Vec<Value>> {
    if !places.is_empty() {
        for row in &mut rows {
            for place in places {
                row[*place] = scalar_of(std::mem::replace(&mut row[*place], Value::Null));
            }
        }
    }
    rows
}

/// The value that JSON is to SQLite: a number, or a text.
fn scalar_of(value: Value) -> Value {
    let Value::Json(json) = value else { return value };
    match *json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(bool) => Value::Int(bool.into()),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Value::Int(int),
            (None, Some(float)) => Value::Float(float),
            (None, None) => Value::Text(number.to_string()),
        },
        serde_json::Value::String(text) => Value::Text(text),
        other => Value::Text(other.to_string()),
    }
}

/// Of a value of any type whether it is an integer, and which.
pub(super) fn whole_of_any(typed: &Typed) -> Option<(Expr, Expr)> {
    if !typed.is_any() {
        return None;
    }
    let kind = json(JsonFunction::KindOf, vec![typed.expr.clone()]);
    let integers = ["integer", "true", "false"].map(Expr::literal);
    let is_integer = Expr::InList(Box::new(kind), integers.into());
    let text = json(JsonFunction::ExtractPathText, vec![typed.expr.clone()]);
    Some((is_integer, Expr::Cast(Box::new(text), DataType::BigInt)))
}

/// SQLite's `typeof` of what was read out of a document.
pub(super) fn type_of(expr: Expr) -> Typed {
    let text = |text: &str| Expr::Literal(Value::Text(text.to_owned()));
    let kind = json(JsonFunction::KindOf, vec![expr.clone()]);
    let nested = Expr::InList(Box::new(kind.clone()), vec![text("array"), text("object")]);
    let branches = vec![(expr.is_null(), text("null")), (nested, text("text"))];
    Typed::new(Expr::Case { branches, otherwise: Some(Box::new(kind)) }, TEXT)
}

impl Binder<'_> {
    /// What was read out of a document, where SQLite computes with it: an integer if it is one there, else the number that its
    /// text begins with.
    pub(super) fn any_as_number(&self, typed: Typed) -> Typed {
        match whole_of_any(&typed).filter(|_| self.is_sqlite()) {
            Some((is_whole, whole)) => {
                let whole = Typed::new(whole, DataType::BigInt);
                Typed::choice(vec![(Some(is_whole), whole), (None, self.number(typed))])
            }
            None => typed,
        }
    }

    /// Whether rows of two types are one column in which each keeps its own, as all do in SQLite: a number and a text, or an
    /// integer and a real, which is divided otherwise.
    pub(super) fn keeps_each_type(&self, left: Option<DataType>, right: Option<DataType>) -> bool {
        match (left.map(class_of), right.map(class_of)) {
            (Some(left), Some(right)) => {
                self.is_sqlite() && left != right && is_scalar(left) && is_scalar(right)
            }
            _ => false,
        }
    }

    /// Whether each of several values keeps its own type, as all do in SQLite, where the one that is chosen has it; integers
    /// and reals only if `among_numbers`.
    pub(super) fn keep_their_types(&self, choices: &[Typed], among_numbers: bool) -> bool {
        let is_alike = |typed: &Typed| typed.is_any() || typed.class().is_none_or(is_scalar);
        if !self.is_sqlite() || !choices.iter().all(is_alike) {
            return false;
        }
        let has = |class| choices.iter().any(|typed| typed.class() == Some(class));
        let (has_int, has_float) = (has(Class::Int) || has(Class::Bool), has(Class::Float));
        choices.iter().any(Typed::is_any)
            || has(Class::Text) && (has_int || has_float)
            || among_numbers && has_int && has_float
    }

    /// Such values.
    pub(super) fn each_as_it_is(&self, choices: Vec<Typed>) -> Vec<Expr> {
        choices.into_iter().map(|typed| self.value(typed).into_any_as_is().expr).collect()
    }

    /// The query of a statement: what has no type of its own is marked, to be handed out as what it is.
    pub(super) fn result(&self, BoundQuery { mut query, shape }: BoundQuery) -> Query {
        for (column, shape) in query.columns.iter_mut().zip(&shape) {
            if shape.is_any() {
                let expr = std::mem::replace(&mut column.expr, Expr::Literal(Value::Null));
                column.expr = json(JsonFunction::Scalar, vec![expr]);
            }
        }
        query
    }

    /// A call of a function of JSON whose arguments are not those of the algebra's; none if it is another.
    pub(super) fn json_call(
        &mut self,
        name: &str,
        arguments: &mut Vec<Typed>,
        span: Span,
    ) -> Option<Bound<Typed>> {
        let is_sqlite = self.is_sqlite();
        let call = match (name, arguments.len()) {
            ("json" | "jsonb", 1) if is_sqlite => self.document(arguments.pop()?),
            ("json_extract" | "jsonb_extract", 2) if is_sqlite => {
                self.extracted(std::mem::take(arguments), span)
            }
            ("json_extract" | "jsonb_extract", 3..) if is_sqlite => {
                let document = arguments.first().cloned()?;
                let each = arguments.drain(..).skip(1);
                let each = each.map(|path| {
                    self.call_of_family(
                        Function::Json(JsonFunction::Extract),
                        vec![document.clone(), path],
                        span,
                    )
                });
                let found = each.collect::<Bound<Vec<Typed>>>();
                found.and_then(|found| self.call(Function::Json(JsonFunction::BuildArray), found, span))
            }
            ("json_type" | "jsonb_type" | "json_array_length" | "jsonb_array_length", 2) if is_sqlite => {
                let of = if name.ends_with("type") { JsonFunction::KindOf } else { JsonFunction::Members };
                let extract = Function::Json(JsonFunction::Extract);
                let found = self.call_of_family(extract, std::mem::take(arguments), span);
                found.and_then(|found| self.call(Function::Json(of), vec![found], span))
            }
            ("jsonb_set", 3 | 4) if !is_sqlite => {
                self.at_path(JsonFunction::SetAt, true, std::mem::take(arguments), span)
            }
            ("jsonb_insert", 3 | 4) if !is_sqlite => {
                self.at_path(JsonFunction::InsertAt, false, std::mem::take(arguments), span)
            }
            ("jsonb_exists", 2) => {
                self.call_of_family(Function::Json(JsonFunction::HasKey), std::mem::take(arguments), span)
            }
            _ => return None,
        };
        Some(call)
    }

    /// A text as the document that it is.
    fn document(&mut self, typed: Typed) -> Bound<Typed> {
        let text = self.value(typed).any_as_text();
        Ok(match text.class() {
            Some(Class::Json) => text,
            Some(Class::Text) | None => Typed::new(cast(text.expr, JSON), JSON),
            Some(_) => Typed::new(json(JsonFunction::ToJson, vec![text.expr]), JSON),
        })
    }

    /// SQLite's `json_extract`.
    fn extracted(&mut self, arguments: Vec<Typed>, span: Span) -> Bound<Typed> {
        self.call_of_family(Function::Json(JsonFunction::Extract), arguments, span).map(scalar)
    }

    /// `jsonb_set(document, path, value, flag?)` and its kin: the path is a literal array of texts.
    fn at_path(
        &mut self,
        function: JsonFunction,
        flag: bool,
        arguments: Vec<Typed>,
        span: Span,
    ) -> Bound<Typed> {
        let mut arguments = arguments.into_iter();
        let (Some(document), Some(path), Some(value)) =
            (arguments.next(), arguments.next(), arguments.next())
        else {
            return Err(arity(function.name(), "3 or 4 arguments", 0, span));
        };
        let keys = literal_keys(function.name(), &path, span)?;
        let flag = arguments.next().unwrap_or_else(|| Typed::literal(Value::Bool(flag)));
        let arguments = [document, value, flag].into_iter().chain(keys).collect();
        self.call_of_family(Function::Json(function), arguments, span)
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
            BinaryOperator::HashArrow | BinaryOperator::HashLongArrow | BinaryOperator::HashMinus => {
                return Some(self.at_keys(op, left, right, span));
            }
            BinaryOperator::Minus if is_document(left) && right.is_array() => {
                return Some(literal_keys("-", right, span).map(|keys| {
                    let without =
                        |document: Expr, key: Typed| json(JsonFunction::RemoveKey, vec![document, key.expr]);
                    Typed::new(keys.into_iter().fold(left.expr.clone(), without), JSON)
                }));
            }
            BinaryOperator::Minus if left.class() == Some(Class::Json) && !self.is_sqlite() => {
                (JsonFunction::RemoveKey, false)
            }
            BinaryOperator::StringConcat
                if !self.is_sqlite() && (joins(left, right) || joins(right, left)) =>
            {
                (JsonFunction::Join, false)
            }
            BinaryOperator::AtQuestion => {
                return Some(self.table_call("jsonb_path_exists", vec![left.clone(), right.clone()], span));
            }
            BinaryOperator::AtAt => {
                return Some(self.table_call("jsonb_path_match", vec![left.clone(), right.clone()], span));
            }
            BinaryOperator::QuestionPipe | BinaryOperator::QuestionAnd => {
                return Some(self.has_keys(op, left, right, span));
            }
            BinaryOperator::AtArrow => (JsonFunction::Contains, false),
            BinaryOperator::ArrowAt => (JsonFunction::Contains, true),
            BinaryOperator::Question => (JsonFunction::HasKey, false),
            _ => return None,
        };
        let is_path = right.literal_text().is_some_and(|text| text.starts_with('$')) && self.is_sqlite();
        let function = match function {
            JsonFunction::Get if is_path => JsonFunction::Extract,
            JsonFunction::GetText if self.is_sqlite() => {
                let get = if is_path { JsonFunction::Extract } else { JsonFunction::Get };
                let found = self.call_of_family(Function::Json(get), vec![left.clone(), right.clone()], span);
                return Some(found.map(scalar));
            }
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
            BinaryOperator::HashMinus => JsonFunction::RemoveAt,
            _ => JsonFunction::ExtractPathText,
        };
        let keys = literal_keys(&op.to_string(), right, span)?;
        let arguments = std::iter::once(left.clone()).chain(keys).collect();
        self.call_of_family(Function::Json(function), arguments, span)
    }

    /// `document ?| '{a,b}'` and `?&`: whether it has one of the keys, or all of them.
    fn has_keys(&mut self, op: &BinaryOperator, left: &Typed, right: &Typed, span: Span) -> Bound<Typed> {
        let each = literal_keys(&op.to_string(), right, span)?.into_iter().map(|key| {
            let call = vec![left.clone(), key];
            Ok(self.call_of_family(Function::Json(JsonFunction::HasKey), call, span)?.expr)
        });
        let each = each.collect::<Bound<Vec<Expr>>>()?;
        Ok(Typed::bool(if *op == BinaryOperator::QuestionPipe { Expr::Or(each) } else { Expr::And(each) }))
    }
}

/// Whether a document is joined with something: beside one, a literal is read as JSON whatever it is.
fn joins(document: &Typed, other: &Typed) -> bool {
    document.class() == Some(Class::Json)
        && (other.class() == Some(Class::Json) || other.literal_text().is_some())
}

/// Whether it is JSON, or a literal that can be read as such.
fn is_document(typed: &Typed) -> bool {
    typed.class() == Some(Class::Json)
        || typed.literal_text().is_some_and(|text| matches!(text.trim_start().as_bytes(), [b'{' | b'[', ..]))
}

/// The keys of a path that must be a literal: an array of texts, as PostgreSQL writes it, or `ARRAY[..]`.
fn literal_keys(of: &str, path: &Typed, span: Span) -> Bound<Vec<Typed>> {
    let is_text = |member: &Expr| matches!(member, Expr::Literal(Value::Text(_)));
    if let Expr::Call(Function::Json(JsonFunction::BuildArray), members) = &path.expr
        && members.iter().all(is_text)
    {
        return Ok(members.iter().map(|member| Typed::new(member.clone(), TEXT)).collect());
    }
    let keys = path.literal_text().and_then(keys_of).ok_or_else(|| {
        SqlError::at(
            super::unsupported(format!("{of} with keys that are no literal such as '{{a,0}}'")),
            span,
        )
    })?;
    Ok(keys.into_iter().map(|key| Typed::literal(Value::Text(key))).collect())
}

/// The keys of a path as PostgreSQL writes an array of texts: `{a, 0, "b c"}`.
pub(super) fn keys_of(path: &str) -> Option<Vec<String>> {
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
