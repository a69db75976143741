//! `LIKE`, `GLOB` and regular expressions.

use nuages_storage::Value;
use sqlparser::ast::Expr as Ast;
use sqlparser::tokenizer::Span;

use super::scope::Scope;
use super::typed::{TEXT, Typed};
use super::{Binder, Bound, begin_of, unsupported};
use crate::algebra::{Expr, Function, TextMatch};
use crate::functions::builtin::escaped_by_backslash;
use crate::sql::error::SqlError;

impl Binder<'_> {
    pub(super) fn like_expression(
        &mut self,
        text: &Ast,
        pattern: &Ast,
        escape: Option<&Ast>,
        ignore_case: bool,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let span = begin_of(text);
        let (text, pattern) = (self.value_of(text, scope)?, self.value_of(pattern, scope)?);
        let escape = match escape {
            None => None,
            Some(escape) => {
                let at = begin_of(escape);
                let escape = self.expression(escape, scope)?;
                let mut characters = escape.literal_text().unwrap_or_default().chars();
                let refused = || SqlError::at(unsupported("an ESCAPE that is not one character"), at);
                match (characters.next(), characters.next(), escape.literal_text()) {
                    (Some(character), None, _) => Some(Some(character)),
                    (None, _, Some(_)) => Some(None),
                    _ => return Err(refused()),
                }
            }
        };
        let found = self.like(text, pattern, escape, ignore_case, span)?;
        Ok(if negated { Typed::bool(found.expr.not()) } else { found })
    }

    /// `LIKE ANY (ARRAY[..])`; with a `NOT`, whether there is a pattern that does not match.
    pub(super) fn like_any(
        &mut self,
        text: &Ast,
        patterns: &Ast,
        ignore_case: bool,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let span = begin_of(text);
        let text = self.value_of(text, scope)?;
        let Some(patterns) = self.members_written(patterns, scope)? else {
            return Err(SqlError::at(unsupported("LIKE ANY of an array that is not written out"), span));
        };
        let mut any = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            let found = self.like(text.clone(), pattern, None, ignore_case, span)?.expr;
            any.push(if negated { found.not() } else { found });
        }
        Ok(Typed::bool(Expr::Or(any)))
    }

    /// `LIKE`. The algebra's escapes by `\`, always; `escape` is the statement's: none given, nothing escapes, or a
    /// character does.
    pub(super) fn like(
        &mut self,
        mut text: Typed,
        mut pattern: Typed,
        escape: Option<Option<char>>,
        ignore_case: bool,
        span: Span,
    ) -> Bound<Typed> {
        (text, pattern) = (text.any_as_text(), pattern.any_as_text());
        self.settle(&mut text, Some(TEXT));
        self.settle(&mut pattern, Some(TEXT));
        let escape = match escape {
            None if self.is_sqlite() => None,
            None => Some('\\'),
            Some(escape) => escape,
        };
        let pattern = match (pattern.literal_text(), escape) {
            (_, Some('\\')) => pattern.expr,
            (Some(literal), escape) => Expr::Literal(Value::Text(escaped_by_backslash(literal, escape))),
            (None, None) => {
                let text = |text: &str| Expr::Literal(Value::Text(text.to_owned()));
                Expr::Call(Function::Replace, vec![pattern.expr, text("\\"), text("\\\\")])
            }
            (None, Some(escape)) => {
                let escape = Typed::literal(Value::Text(escape.to_string()));
                self.table_call("like_escape", vec![pattern, escape], span)?.expr
            }
        };
        Ok(search(TextMatch::Like, ignore_case, text.expr, pattern))
    }

    pub(super) fn regex(
        &mut self,
        mut text: Typed,
        mut pattern: Typed,
        ignore_case: bool,
        negated: bool,
    ) -> Bound<Typed> {
        self.settle(&mut text, Some(TEXT));
        self.settle(&mut pattern, Some(TEXT));
        let found = search(TextMatch::Regex, ignore_case, text.expr, pattern.expr);
        Ok(if negated { Typed::bool(found.expr.not()) } else { found })
    }

    /// `contains(text, part)` and `ends_with(text, part)`, as DuckDB has them.
    pub(super) fn literal_search(&mut self, kind: TextMatch, mut text: Typed, mut part: Typed) -> Typed {
        self.settle(&mut text, Some(TEXT));
        self.settle(&mut part, Some(TEXT));
        search(kind, false, text.expr, part.expr)
    }
}

fn search(kind: TextMatch, ignore_case: bool, text: Expr, pattern: Expr) -> Typed {
    Typed::bool(Expr::Match { kind, ignore_case, text: Box::new(text), pattern: Box::new(pattern) })
}
