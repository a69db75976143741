//! PostgreSQL's arrays: lists to compare with, and otherwise JSON.
//!
//! There is no type of arrays. `x = ANY (ARRAY[..])` is the list that it names; an array that is a value, as `array_agg` makes
//! it, is a JSON array, and what takes arrays takes those.

use nuages_storage::Value;
use serde_json::Value as Json;
use sqlparser::ast::{ArrayElemTypeDef, BinaryOperator, Expr as Ast};
use sqlparser::tokenizer::Span;

use super::json::keys_of;
use super::scope::Scope;
use super::typed::Typed;
use super::{Binder, Bound, unsupported};
use crate::algebra::{Comparison, Expr, Function, JsonFunction};
use crate::evaluate::{Class, class_of};
use crate::sql::error::SqlError;

impl Binder<'_> {
    /// The members of an array that is written out: `ARRAY[..]`, or a literal such as `'{1,2}'`, whose members are texts.
    fn members(&mut self, array: &Ast, scope: &Scope<'_>) -> Bound<Option<Vec<Typed>>> {
        match array {
            Ast::Nested(inner) | Ast::Cast { expr: inner, .. } => self.members(inner, scope),
            Ast::Array(array) => {
                let members = array.elem.iter().map(|member| self.value_of(member, scope));
                members.collect::<Bound<Vec<_>>>().map(Some)
            }
            literal @ Ast::Value(_) => {
                let literal = self.expression(literal, scope)?;
                let texts = literal.literal_text().and_then(keys_of);
                let typed = |text: String| Typed::literal(Value::Text(text));
                Ok(texts.map(|texts| texts.into_iter().map(typed).collect()))
            }
            _ => Ok(None),
        }
    }

    /// `x = ANY (ARRAY[..])` and its kin: whether the comparison is true of one member, or of all.
    pub(super) fn quantified_over_array(
        &mut self,
        needle: Typed,
        op: Comparison,
        array: &Ast,
        is_all: bool,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let Some(members) = self.members(array, scope)? else {
            let feature =
                unsupported("ANY or ALL of what is neither a query nor an array that is written out");
            return Err(SqlError::at(feature, span));
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

    /// The array that a literal such as `'{1,2}'` is, of members of a type.
    pub(super) fn array_in(&self, literal: &str, of: &ArrayElemTypeDef) -> Option<Json> {
        let is_text = match of {
            ArrayElemTypeDef::SquareBracket(kind, _) => {
                self.data_type(kind, Span::empty()).is_ok_and(|kind| class_of(kind) == Class::Text)
            }
            _ => true,
        };
        let member = |text: String| match text.as_str() {
            "NULL" | "null" => Json::Null,
            _ if is_text => Json::String(text),
            other => serde_json::from_str(other).unwrap_or(Json::String(text)),
        };
        Some(Json::Array(keys_of(literal)?.into_iter().map(member).collect()))
    }

    /// An array as a value.
    pub(super) fn array(&mut self, members: &[Ast], span: Span, scope: &Scope<'_>) -> Bound<Typed> {
        let members = members.iter().map(|member| self.value_of(member, scope));
        let members = members.collect::<Bound<Vec<_>>>()?;
        self.call(Function::Json(JsonFunction::BuildArray), members, span)
    }
}

/// The operator between what is compared with the members of an array.
pub(super) fn quantifiable(op: &BinaryOperator, span: Span) -> Bound<Comparison> {
    let comparison = super::operator::comparison_of(op);
    comparison.ok_or_else(|| SqlError::at(unsupported(format!("{op} ANY or {op} ALL")), span))
}
