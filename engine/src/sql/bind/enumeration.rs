//! Values of enumerations: texts that are compared by the order in which they were declared.
//!
//! Whether two are the same is told by the texts, so that indexes, joins and groups know nothing of it. Which is the less
//! is told by ranks: what is ordered by, and what `<` and its like compare, is a rank. In SQLite's dialect, which has no
//! enumerations, columns of them are texts that take only some values.

use std::sync::Arc;

use nuages_storage::Value;
use serde_json::Value as Json;
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::typed::{TEXT, Typed};
use super::{Binder, Bound};
use crate::algebra::{Comparison, EnumVerb, Expr, Function};
use crate::catalog::enumeration::call;
use crate::catalog::{EnumDefinition, EnumId};
use crate::evaluate::Class;
use crate::functions::enumeration::no_value;
use crate::sql::error::{Problem, SqlError};

impl Typed {
    /// The same as a value of an enumeration.
    pub(super) fn of_enum(self, of: Option<EnumId>) -> Typed {
        Typed { enumeration: of, ..self }
    }
}

impl Binder<'_> {
    /// The enumeration that what is chosen between is of, if one of it is: then all is.
    pub(super) fn common_enum(&self, choices: &[Typed], what: &str, span: Span) -> Bound<Option<EnumId>> {
        if choices.iter().any(Typed::is_array) {
            return Ok(enum_of_members(choices));
        }
        let Some(of) = choices.iter().find_map(|choice| self.enumeration(choice)) else { return Ok(None) };
        choices.iter().try_for_each(|choice| self.expect_enum(choice, of, what, span))?;
        Ok(Some(of.id))
    }

    /// The enumeration that a name of a type means.
    pub(in crate::sql) fn enum_of(&self, name: &ast::DataType) -> Option<&Arc<EnumDefinition>> {
        let ast::DataType::Custom(name, modifiers) = name else { return None };
        if !modifiers.is_empty() || self.is_sqlite() {
            return None;
        }
        self.enum_called(super::last_part(name).ok()?)
    }

    /// The enumeration of a name.
    pub(in crate::sql) fn enum_called(&self, name: &ast::Ident) -> Option<&Arc<EnumDefinition>> {
        self.catalog.enums().find(|known| self.means(name, &known.name))
    }

    /// The enumeration that an expression is a value of.
    pub(super) fn enumeration(&self, typed: &Typed) -> Option<&Arc<EnumDefinition>> {
        self.enumeration_within(typed).filter(|_| !typed.is_array())
    }

    /// The enumeration that an expression is a value of, or an array of values of.
    pub(super) fn enumeration_within(&self, typed: &Typed) -> Option<&Arc<EnumDefinition>> {
        typed.enumeration.filter(|_| !self.is_sqlite()).and_then(|id| self.catalog.enumeration(id))
    }

    /// What an expression is ordered by.
    pub(super) fn ordered(&self, typed: Typed) -> Expr {
        if typed.is_array() {
            return self.order_of_array(typed);
        }
        match self.enumeration(&typed) {
            Some(of) => call(EnumVerb::Rank, of, typed.expr),
            None => typed.distinguished(),
        }
    }

    /// The value that has a rank.
    pub(super) fn of_rank(&self, rank: Expr, of: EnumId) -> Typed {
        let label = self.catalog.enumeration(of).map(|of| call(EnumVerb::Label, of, rank));
        Typed::new(label.unwrap_or(Expr::Literal(Value::Null)), TEXT).of_enum(Some(of))
    }

    /// Refuses a literal that is no value of an enumeration.
    pub(in crate::sql) fn check_label(&self, typed: &Typed, of: &EnumDefinition, span: Span) -> Bound<()> {
        match typed.literal_text() {
            Some(text) if of.rank(text).is_none() => {
                Err(SqlError::at(Problem::Engine(no_value(of, text)), span))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what is no value of an enumeration and does not become one by itself: a text that is no literal, or a
    /// value of another.
    pub(super) fn expect_enum(
        &self,
        typed: &Typed,
        of: &EnumDefinition,
        what: &str,
        span: Span,
    ) -> Bound<()> {
        let got = match self.enumeration(typed) {
            Some(known) if known.id == of.id => return Ok(()),
            Some(other) => other.name.clone(),
            None if typed.kind.is_none() || matches!(typed.expr, Expr::Parameter(..)) => return Ok(()),
            None if typed.literal_text().is_some() => return self.check_label(typed, of, span),
            None => super::shown(typed.kind),
        };
        let (expression, expected) = (what.to_owned(), of.name.clone());
        Err(SqlError::at(Problem::Type { expression, expected, got }, span))
    }

    /// A cast to an enumeration: of a text, what it says.
    pub(super) fn cast_to_enum(
        &mut self,
        mut typed: Typed,
        of: &Arc<EnumDefinition>,
        span: Span,
    ) -> Bound<Typed> {
        self.settle(&mut typed, Some(TEXT));
        let is_text = matches!(typed.class(), None | Some(Class::Text)) && !typed.is_any();
        if !is_text || self.enumeration(&typed).is_some() || typed.literal_text().is_some() {
            self.expect_enum(&typed, of, "CAST", span)?;
        }
        let is_value = typed.enumeration == Some(of.id) || typed.literal_text().is_some();
        let expr = match typed.expr {
            expr if is_value => expr,
            Expr::Literal(Value::Null) => Expr::Cast(Box::new(Expr::Literal(Value::Null)), TEXT),
            expr => call(EnumVerb::Read, of, expr),
        };
        Ok(Typed::inclined(expr, TEXT).of_enum(Some(of.id)))
    }

    /// A comparison of which one side is a value of an enumeration, as one of texts or ranks.
    pub(super) fn compared_enums(
        &mut self,
        op: Comparison,
        left: Typed,
        right: Typed,
        span: Span,
    ) -> Bound<(Typed, Typed)> {
        let of = self.enumeration(&left).or_else(|| self.enumeration(&right));
        let Some(of) = of.cloned() else { return Ok((left, right)) };
        for side in [&left, &right] {
            self.expect_enum(side, &of, op.symbol(), span)?;
        }
        if matches!(op, Comparison::Equal | Comparison::NotEqual | Comparison::Same) {
            return Ok((left, right));
        }
        let rank =
            |side: Typed| Typed::new(call(EnumVerb::Rank, &of, side.expr), nuages_storage::DataType::BigInt);
        let is_null = |side: &Typed| side.kind.is_none();
        Ok((
            if is_null(&left) { left } else { rank(left) },
            if is_null(&right) { right } else { rank(right) },
        ))
    }

    /// The greatest or the least of values of an enumeration.
    pub(super) fn extreme_of_enum(
        &mut self,
        function: Function,
        arguments: Vec<Typed>,
        of: EnumId,
        span: Span,
    ) -> Bound<Typed> {
        let Some(known) = self.catalog.enumeration(of).cloned() else { return Ok(Typed::null()) };
        let mut ranks = Vec::with_capacity(arguments.len());
        for mut argument in arguments {
            self.settle(&mut argument, Some(TEXT));
            self.expect_enum(&argument, &known, function.name(), span)?;
            if argument.kind.is_some() {
                ranks.push(call(EnumVerb::Rank, &known, argument.expr));
            }
        }
        Ok(self.of_rank(Expr::Call(function, ranks), of))
    }

    /// `enum_first`, `enum_last` and `enum_range`: what they give does not depend on the value, only on its type.
    pub(super) fn enum_call(&self, name: &str, arguments: &[Typed], span: Span) -> Option<Bound<Typed>> {
        if !matches!(name, "enum_first" | "enum_last" | "enum_range") {
            return None;
        }
        let of = arguments.iter().find_map(|argument| self.enumeration(argument));
        let Some(of) = of else {
            let expected = "a value of an enumeration, such as NULL::mood".to_owned();
            let got = super::shown(arguments.first().and_then(|argument| argument.kind));
            return Some(Err(SqlError::at(
                Problem::Type { expression: format!("{name}()"), expected, got },
                span,
            )));
        };
        let labels = of.labels.iter().map(|label| label.name.as_str());
        let value = |label: Option<&str>| {
            let label = label.map_or_else(Typed::null, |label| Typed::literal(Value::from(label)));
            Typed { kind: Some(TEXT), ..label }.of_enum(Some(of.id))
        };
        Some(match (name, arguments) {
            ("enum_first", [_]) => Ok(value(labels.clone().next())),
            ("enum_last", [_]) => Ok(value(labels.clone().next_back())),
            ("enum_range", [_]) => Ok(array(labels).of_enum(Some(of.id))),
            ("enum_range", [from, to]) => self.enum_range(of, from, to, span),
            _ => Err(super::function::arity(name, "1 argument", arguments.len(), span)),
        })
    }

    /// The values from one to another; NULL is no end.
    fn enum_range(&self, of: &EnumDefinition, from: &Typed, to: &Typed, span: Span) -> Bound<Typed> {
        let place = |end: &Typed| {
            self.expect_enum(end, of, "enum_range()", span)?;
            match end.literal_text() {
                Some(text) => Ok(of.labels.iter().position(|label| label.name == text)),
                None if super::operator::is_null_constant(&end.expr) => Ok(None),
                None => {
                    let feature = "enum_range() of values that are no literals".to_owned();
                    Err(SqlError::at(Problem::Unsupported { feature }, span))
                }
            }
        };
        let (from, to) = (place(from)?.unwrap_or(0), place(to)?.map_or(of.labels.len(), |to| to + 1));
        let labels = of.labels[from..to.max(from)].iter().map(|label| label.name.as_str());
        Ok(array(labels).of_enum(Some(of.id)))
    }
}

/// The enumeration that the members of several arrays are of that become one, or that are chosen between.
pub(super) fn enum_of_members(arrays: &[Typed]) -> Option<EnumId> {
    arrays.iter().filter(|array| array.is_array()).find_map(|array| array.enumeration)
}

fn array<'l>(labels: impl Iterator<Item = &'l str>) -> Typed {
    let labels = labels.map(|label| Json::String(label.to_owned())).collect();
    Typed::array(Expr::Literal(Value::Json(Box::new(Json::Array(labels)))), Some(TEXT))
}
