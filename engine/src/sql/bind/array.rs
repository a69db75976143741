//! PostgreSQL's arrays.
//!
//! An array is JSON, and what its members are is known beside it: of a column from its declaration, of `ARRAY[..]` and
//! `array_agg` from what they are made of. A member that is taken out is of that type again. Where nobody knows it, as
//! of JSON that somebody takes for an array, a member is what it is in its row
//! ([`Affinity::Any`](super::typed::Affinity)).
//!
//! A literal text such as `'{1,2}'` becomes an array where it stands beside one, or where one is wanted.

use nuages_storage::{DataType, Value};
use serde_json::Value as Json;
use sqlparser::ast::{self, BinaryOperator, Expr as Ast};
use sqlparser::tokenizer::Span;

use super::enumeration::enum_of_members;
use super::function::arity;
use super::json::keys_of;
use super::scope::Scope;
use super::table_function::Rows;
use super::typed::{TEXT, Typed, cast};
use super::{Binder, Bound, begin_of, mismatch, unsupported};
use crate::algebra::{
    Aggregate, AggregateFunction, Comparison, Expr, Function, JsonFunction, OutputColumn, Query, Relation,
};
use crate::evaluate::{Class, class_of, unify};
use crate::sql::error::{Problem, SqlError};

impl Typed {
    /// An array of members of a type.
    pub(super) fn array(expr: Expr, element: Option<DataType>) -> Typed {
        Typed { element: Some(element.unwrap_or(TEXT)), ..Typed::new(expr, DataType::Json) }
    }

    pub(super) fn is_array(&self) -> bool {
        self.element.is_some()
    }
}

fn json(function: JsonFunction, arguments: Vec<Expr>) -> Expr {
    Expr::Call(Function::Json(function), arguments)
}

/// A member of an array, which is JSON, as the type that the members are of.
pub(super) fn member(found: Expr, element: Option<DataType>) -> Typed {
    let text = |found| json(JsonFunction::ExtractPathText, vec![found]);
    match element {
        None => Typed::any(json(JsonFunction::Scalar, vec![found])),
        Some(DataType::Json) => Typed::new(found, DataType::Json),
        Some(kind) if class_of(kind) == Class::Text => Typed::new(text(found), TEXT),
        Some(kind) => Typed::new(Expr::Cast(Box::new(text(found)), kind), kind),
    }
}

/// What the members of several arrays are that become one, or that are chosen between.
pub(super) fn common_element(arrays: &[Typed]) -> Option<DataType> {
    let mut elements = arrays.iter().filter_map(|array| array.element);
    let first = elements.next()?;
    Some(elements.fold(first, |known, other| unify(known, other).unwrap_or(TEXT)))
}

fn no_members() -> Expr {
    Expr::Literal(Value::Json(Box::new(Json::Array(Vec::new()))))
}

/// An array in place of one that may be NULL, and then has a NULL as its only member: compared with either of them, nothing
/// is known.
fn known(array: Typed) -> Typed {
    let unknown = Expr::Literal(Value::Json(Box::new(Json::Array(vec![Json::Null]))));
    Typed { expr: Expr::Call(Function::Coalesce, vec![array.expr, unknown]), ..array }
}

/// The array that a literal such as `'{1,{2,NULL}}'` is, of members of a type.
fn read(literal: &str, element: DataType) -> Option<Json> {
    let is_text = class_of(element) == Class::Text;
    let member = |text: String| match text.as_str() {
        "NULL" | "null" => Json::Null,
        nested if nested.starts_with('{') && !is_text => read(nested, element).unwrap_or(Json::String(text)),
        _ if is_text => Json::String(text),
        other => serde_json::from_str(other).unwrap_or(Json::String(text)),
    };
    Some(Json::Array(keys_of(literal)?.into_iter().map(member).collect()))
}

impl Binder<'_> {
    /// A literal text as the array that it is; what is something else stays it.
    pub(super) fn read_as_array(&self, typed: Typed, element: Option<DataType>, span: Span) -> Bound<Typed> {
        let (Some(element), Some(text)) = (element, typed.literal_text()) else { return Ok(typed) };
        let array = read(text, element).ok_or_else(|| {
            let (text, expected) = (format!("'{text}'"), format!("{element}[], such as '{{..}}'"));
            SqlError::at(Problem::Type { expression: text, expected, got: "text".to_owned() }, span)
        })?;
        Ok(Typed::array(Expr::Literal(Value::Json(Box::new(array))), Some(element)))
    }

    /// An array that is wanted: a literal text is read as one, of texts if nothing else is known.
    fn wanted_array(
        &mut self,
        mut typed: Typed,
        of: &str,
        element: Option<DataType>,
        span: Span,
    ) -> Bound<Typed> {
        self.settle(&mut typed, Some(DataType::Json));
        let typed = self.read_as_array(typed, Some(element.unwrap_or(TEXT)), span)?;
        match typed.class() {
            None => Ok(Typed::array(Expr::Cast(Box::new(typed.expr), DataType::Json), element)),
            Some(Class::Json) => Ok(typed),
            Some(_) => Err(mismatch(of, "an array", typed.kind, span)),
        }
    }

    /// `CAST(.. AS type[])`.
    pub(super) fn cast_to_array(&mut self, typed: Typed, element: DataType, span: Span) -> Bound<Typed> {
        let known = typed.element;
        let array = self.wanted_array(typed, "CAST", Some(element), span)?;
        let is_other = known.is_some_and(|known| class_of(known) != class_of(element));
        if !is_other {
            return Ok(Typed::array(array.expr, Some(element)));
        }
        // Each member is cast. Where there is none the array may be empty, or NULL.
        let is_array = array.expr.clone().is_null().not();
        let (relation, found, _) = self.members_of_document(array.expr);
        let value = cast(member(found, known).expr, element);
        let all = self.collected(relation, value, Some(element));
        let empty = Expr::Case { branches: vec![(is_array, no_members())], otherwise: None };
        Ok(Typed { expr: Expr::Call(Function::Coalesce, vec![all.expr, empty]), ..all })
    }

    /// The values of an expression in the rows of a relation, in their order; none if there are no rows.
    fn collected(&mut self, relation: Relation, value: Expr, element: Option<DataType>) -> Typed {
        let source = self.source();
        let all = Aggregate::of(AggregateFunction::JsonAgg, value);
        let relation = relation.aggregate(source, Vec::new(), vec![all]);
        let all = Query::new(relation, vec![OutputColumn::new("", Expr::from(source.column(0)))]);
        Typed::array(Expr::Scalar(Box::new(all)), element)
    }

    /// `ARRAY[..]`.
    pub(super) fn array(&mut self, members: &[Ast], span: Span, scope: &Scope<'_>) -> Bound<Typed> {
        let members = members.iter().map(|member| self.value_of(member, scope));
        let members = members.collect::<Bound<Vec<_>>>()?;
        let nested = common_element(&members);
        let enumeration = self.common_enum(&members, "ARRAY", span)?;
        let (exprs, kind) = self.unified(members, "ARRAY", span)?;
        Ok(Typed::array(json(JsonFunction::BuildArray, exprs), nested.or(kind)).of_enum(enumeration))
    }

    /// `ARRAY(query)`: its only column, in the order of its rows.
    pub(super) fn array_of_query(
        &mut self,
        query: &ast::Query,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let mut bound = self.one_column(query, span, scope)?;
        let column = bound.shape.swap_remove(0).typed(bound.query.columns.swap_remove(0).expr);
        let (nested, kind, enumeration) = (column.element, column.kind, column.enumeration);
        let value = self.value(column).expr;
        let array = self.collected(bound.query.relation, value, nested.or(kind)).of_enum(enumeration);
        Ok(Typed { expr: Expr::Call(Function::Coalesce, vec![array.expr, no_members()]), ..array })
    }

    /// The members of an array that is written out: `ARRAY[..]`, or a literal such as `'{1,2}'`, whose members are
    /// texts.
    pub(super) fn members_written(&mut self, array: &Ast, scope: &Scope<'_>) -> Bound<Option<Vec<Typed>>> {
        match array {
            Ast::Nested(inner) => self.members_written(inner, scope),
            Ast::Cast { expr: inner, data_type: ast::DataType::Array(_), .. } => {
                self.members_written(inner, scope)
            }
            Ast::Array(array) => {
                let members = array.elem.iter().map(|member| self.value_of(member, scope));
                members.collect::<Bound<Vec<_>>>().map(Some)
            }
            literal @ Ast::Value(_) => {
                let literal = self.expression(literal, scope)?;
                let texts = literal.literal_text().and_then(keys_of);
                let typed = |text: String| match text.as_str() {
                    "NULL" | "null" => Typed::null(),
                    _ => Typed::literal(Value::Text(text)),
                };
                Ok(texts.map(|texts| texts.into_iter().map(typed).collect()))
            }
            _ => Ok(None),
        }
    }

    /// `x = ANY (array)` and its kin: whether the comparison is true of one member, or of all. An array that is written
    /// out is the list that it names; the members of another are rows.
    pub(super) fn quantified_over_array(
        &mut self,
        mut needle: Typed,
        op: Comparison,
        array: &Ast,
        is_all: bool,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let Some(members) = self.members_written(array, scope)? else {
            let mut array = self.value_of(array, scope)?;
            if array.kind.is_none() {
                // A parameter is an array of what it is compared with.
                self.settle(&mut array, Some(DataType::Json));
                array.element = needle.kind;
            }
            let array = self.wanted_array(array, "ANY or ALL", needle.kind, span)?;
            self.settle(&mut needle, array.element);
            let rows = self.members_of(known(array)).into_query();
            return self.quantified_over_rows(needle, op, rows, is_all, span);
        };
        Ok(Typed::bool(match (op, is_all) {
            (Comparison::Equal, false) => self.in_typed(needle, members, span)?,
            (Comparison::NotEqual, true) => self.in_typed(needle, members, span)?.not(),
            _ => {
                let each = members
                    .into_iter()
                    .map(|member| Ok(self.compare(op, needle.clone(), member, span)?.expr));
                let each = each.collect::<Bound<Vec<Expr>>>()?;
                if is_all { Expr::And(each) } else { Expr::Or(each) }
            }
        }))
    }

    /// The members of an array, one a row.
    fn members_of(&mut self, array: Typed) -> Rows {
        let (element, enumeration) = (array.element, array.enumeration);
        let (relation, found, number) = self.members_of_document(array.expr);
        let member = member(found, element).of_enum(enumeration);
        Rows { relation, number, columns: vec![("unnest".to_owned(), member)] }
    }

    /// The members of an array, which may be a literal text.
    pub(super) fn unnested(&mut self, array: Typed, span: Span) -> Bound<Rows> {
        let array = self.wanted_array(array, "unnest()", None, span)?;
        Ok(self.members_of(array))
    }

    /// `array[n]`, from 1, and `array[m:n]`; of JSON that is no array, what is at a key or a place.
    pub(super) fn subscripted(
        &mut self,
        mut typed: Typed,
        subscript: &ast::Subscript,
        is_last: bool,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let mut place = |at: &Ast| -> Bound<Typed> {
            let mut place = self.value_of(at, scope)?;
            self.settle(&mut place, Some(DataType::BigInt));
            Ok(place)
        };
        let (low, high) = match subscript {
            ast::Subscript::Index { index } => {
                let at = place(index)?;
                return self.subscripted_at(typed, at, is_last, begin_of(index));
            }
            ast::Subscript::Slice { lower_bound, upper_bound, stride: None } => {
                let mut end = |bound: &Option<Ast>| {
                    bound.as_ref().map_or_else(|| Ok(Typed::literal(Value::Null)), &mut place)
                };
                (end(lower_bound)?, end(upper_bound)?)
            }
            ast::Subscript::Slice { .. } => {
                return Err(unsupported("a slice of an array with a stride").into());
            }
        };
        if !typed.is_array() {
            return Err(mismatch("a slice", "an array", typed.kind, Span::empty()));
        }
        let end = |end: Typed| match end.kind {
            Some(_) => end.expr,
            None => Expr::Cast(Box::new(end.expr), DataType::BigInt),
        };
        typed.expr = super::called::builtin("array_slice", vec![typed.expr, end(low), end(high)]);
        Ok(typed)
    }

    fn subscripted_at(&mut self, typed: Typed, at: Typed, is_last: bool, span: Span) -> Bound<Typed> {
        if !typed.is_array() {
            if typed.class() == Some(Class::Json) && at.class() == Some(Class::Text) {
                return Ok(Typed::new(json(JsonFunction::Get, vec![typed.expr, at.expr]), DataType::Json));
            }
            let expected = if typed.class() == Some(Class::Json) {
                "a key of its objects; members of its arrays are -> 0 and on,"
            } else {
                "an array"
            };
            return Err(mismatch("a subscript", expected, typed.kind, span));
        }
        let found =
            self.table_call("array_member", vec![Typed::new(typed.expr, DataType::Json), at], span)?;
        Ok(if is_last {
            member(found.expr, typed.element).of_enum(typed.enumeration)
        } else {
            Typed { element: typed.element, enumeration: typed.enumeration, ..found }
        })
    }

    /// The operators of arrays: `||`, `@>`, `<@` and `&&`; none if it is another, or none of the two is an array.
    pub(super) fn array_operator(
        &mut self,
        op: &BinaryOperator,
        left: &Typed,
        right: &Typed,
        span: Span,
    ) -> Option<Bound<Typed>> {
        let element = left.element.or(right.element)?;
        let of = op.to_string();
        let function = match op {
            BinaryOperator::StringConcat => {
                return Some(self.joined_arrays(left.clone(), right.clone(), span));
            }
            BinaryOperator::AtArrow | BinaryOperator::ArrowAt => "array_contains",
            BinaryOperator::PGOverlap => "array_overlaps",
            _ => return None,
        };
        let mut array = |typed: &Typed| self.wanted_array(typed.clone(), &of, Some(element), span);
        let (left, right) = match (array(left), array(right)) {
            (Ok(left), Ok(right)) => (left, right),
            (Err(error), _) | (_, Err(error)) => return Some(Err(error)),
        };
        let swapped = *op == BinaryOperator::ArrowAt;
        Some(self.table_call(function, if swapped { vec![right, left] } else { vec![left, right] }, span))
    }

    /// `array || array`, `array || member` and `member || array`.
    fn joined_arrays(&mut self, left: Typed, right: Typed, span: Span) -> Bound<Typed> {
        let sides = [left.clone(), right.clone()];
        let (element, enumeration) = (common_element(&sides), enum_of_members(&sides));
        let is_array = |typed: &Typed| {
            let is_literal = typed.literal_text().is_some_and(|text| text.starts_with('{'));
            let is_null = matches!(typed.expr, Expr::Literal(Value::Null));
            typed.is_array() || is_literal || is_null || typed.class() == Some(Class::Json)
        };
        let mut side = |typed: Typed| match is_array(&typed) {
            true => self.all_members(typed, element, span),
            false => self.only_member(typed, element, span),
        };
        let joined = json(JsonFunction::Join, vec![side(left)?, side(right)?]);
        Ok(Typed::array(joined, element).of_enum(enumeration))
    }

    /// The members of an array that is to be joined with others: none if it is NULL.
    fn all_members(&mut self, array: Typed, element: Option<DataType>, span: Span) -> Bound<Expr> {
        let array = self.wanted_array(array, "||", element, span)?;
        Ok(Expr::Call(Function::Coalesce, vec![array.expr, no_members()]))
    }

    /// An array of one member.
    fn only_member(&mut self, member: Typed, element: Option<DataType>, span: Span) -> Bound<Expr> {
        Ok(json(JsonFunction::BuildArray, vec![self.as_element(member, element, span)?]))
    }

    /// What is compared with the members of an array, or becomes one.
    fn as_element(&mut self, mut typed: Typed, element: Option<DataType>, span: Span) -> Bound<Expr> {
        let Some(element) = element else { return Ok(typed.expr) };
        self.settle(&mut typed, Some(element));
        if typed.literal_text().is_some() && class_of(element) != Class::Text {
            return Ok(cast(typed.expr, element));
        }
        match typed.kind {
            Some(kind) if unify(element, kind).is_none() && !typed.is_array() => {
                Err(mismatch("a member of an array", element, Some(kind), span))
            }
            Some(_) => Ok(typed.expr),
            None => Ok(Expr::Cast(Box::new(typed.expr), element)),
        }
    }

    /// A call of a function of arrays; none if it is another.
    pub(super) fn array_call(
        &mut self,
        name: &str,
        arguments: &mut Vec<Typed>,
        span: Span,
    ) -> Option<Bound<Typed>> {
        if self.is_sqlite() {
            return None;
        }
        let (name, slots, gives) = CALLS.iter().find(|(known, ..)| *known == name)?;
        let arguments = std::mem::take(arguments);
        Some(self.call_of_arrays(name, slots, *gives, arguments, span))
    }

    fn call_of_arrays(
        &mut self,
        name: &str,
        slots: &[Slot],
        gives: Gives,
        arguments: Vec<Typed>,
        span: Span,
    ) -> Bound<Typed> {
        if arguments.len() > slots.len() {
            return Err(arity(name, "fewer arguments", arguments.len(), span));
        }
        let (element, enumeration) = (common_element(&arguments), enum_of_members(&arguments));
        let mut given = Vec::with_capacity(arguments.len());
        for (typed, slot) in arguments.into_iter().zip(slots) {
            given.push(match slot {
                Slot::Array if gives == Gives::Joined => {
                    Typed::new(self.all_members(typed, element, span)?, DataType::Json)
                }
                Slot::Member if gives == Gives::Joined => {
                    Typed::new(self.only_member(typed, element, span)?, DataType::Json)
                }
                Slot::Array => {
                    let array = self.wanted_array(typed, &format!("{name}()"), element, span)?;
                    Typed::new(array.expr, DataType::Json)
                }
                // As it is printed.
                Slot::Member if element.is_none() && typed.class() == Some(Class::Json) => typed,
                Slot::Member => {
                    let member = self.as_element(typed, element, span)?;
                    Typed::new(json(JsonFunction::ToJson, vec![member]), DataType::Json)
                }
                Slot::Other => typed,
            });
        }
        let called = match gives {
            Gives::Joined => self.call(Function::Json(JsonFunction::Join), given, span)?,
            _ => self.table_call(name, given, span)?,
        };
        Ok(match gives {
            Gives::Joined | Gives::Array => Typed::array(called.expr, element).of_enum(enumeration),
            Gives::ArrayOf(kind) => Typed::array(called.expr, Some(kind)),
            Gives::Value => called,
        })
    }
}

/// What an argument of a function of arrays is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Array,
    /// Of the type of the members.
    Member,
    Other,
}

/// What a function of arrays gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gives {
    /// The members of all arguments.
    Joined,
    /// An array of such members.
    Array,
    ArrayOf(DataType),
    /// What the table says.
    Value,
}

/// The functions of arrays.
const CALLS: [(&str, &[Slot], Gives); 19] = {
    use Slot::{Array, Member, Other};
    [
        ("array_append", &[Array, Member], Gives::Joined),
        ("array_prepend", &[Member, Array], Gives::Joined),
        ("array_cat", &[Array, Array], Gives::Joined),
        ("array_remove", &[Array, Member], Gives::Array),
        ("array_replace", &[Array, Member, Member], Gives::Array),
        ("trim_array", &[Array, Other], Gives::Array),
        ("array_position", &[Array, Member, Other], Gives::Value),
        ("array_positions", &[Array, Member], Gives::ArrayOf(DataType::BigInt)),
        ("array_to_string", &[Array, Other, Other], Gives::Value),
        ("array_length", &[Array, Other], Gives::Value),
        ("array_upper", &[Array, Other], Gives::Value),
        ("array_lower", &[Array, Other], Gives::Value),
        ("array_ndims", &[Array], Gives::Value),
        ("cardinality", &[Array], Gives::Value),
        ("string_to_array", &[Other, Other, Other], Gives::ArrayOf(TEXT)),
        ("regexp_match", &[Other, Other, Other], Gives::ArrayOf(TEXT)),
        ("regexp_matches", &[Other, Other, Other], Gives::ArrayOf(TEXT)),
        ("jsonb_path_query_array", &[Other, Other, Other, Other], Gives::ArrayOf(DataType::Json)),
        ("regexp_split_to_array", &[Other, Other, Other], Gives::ArrayOf(TEXT)),
    ]
};

/// The operator between what is compared with the members of an array.
pub(super) fn quantifiable(op: &BinaryOperator, span: Span) -> Bound<Comparison> {
    let comparison = super::operator::comparison_of(op);
    comparison.ok_or_else(|| SqlError::at(unsupported(format!("{op} ANY or {op} ALL")), span))
}
