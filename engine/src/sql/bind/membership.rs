//! Whether a value lies between two, or is one of a list.

use nuages_storage::Value;
use sqlparser::ast::Expr as Ast;
use sqlparser::tokenizer::Span;

use super::row::written_parts;
use super::scope::Scope;
use super::typed::{Affinity, Typed};
use super::{Binder, Bound, begin_of, unsupported};
use crate::algebra::{Comparison, Expr};
use crate::sql::error::SqlError;

impl Binder<'_> {
    pub(super) fn between(
        &mut self,
        expr: &Ast,
        low: &Ast,
        high: &Ast,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let span = begin_of(expr);
        let mut bound = |expr| self.expression(expr, scope);
        let (operand, low, high) = (bound(expr)?, bound(low)?, bound(high)?);
        self.within(operand, [low, high], negated, span)
    }

    /// Whether a value lies between two, or, `negated`, does not.
    pub(super) fn within(
        &mut self,
        operand: Typed,
        [low, high]: [Typed; 2],
        negated: bool,
        span: Span,
    ) -> Bound<Typed> {
        let from = self.compare(Comparison::GreaterOrEqual, operand.clone(), low, span)?;
        let to = self.compare(Comparison::LessOrEqual, operand, high, span)?;
        let within = from.expr.and(to.expr);
        Ok(Typed::bool(if negated { within.not() } else { within }))
    }

    pub(super) fn in_list(
        &mut self,
        needle: &Ast,
        list: &[Ast],
        negated: bool,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let found = match needle {
            needle if written_parts(needle).is_some() => {
                let mut any = Vec::with_capacity(list.len());
                for item in list {
                    let Some(pairs) = self.compared_rows(needle, item, scope)? else {
                        return Err(SqlError::at(unsupported("a row compared with a value"), begin_of(item)));
                    };
                    any.push(self.compare_pairs(Comparison::Equal, pairs, begin_of(item))?);
                }
                any_of(any)
            }
            needle => {
                let span = begin_of(needle);
                let needle = self.expression(needle, scope)?;
                let list = list.iter().map(|item| self.expression(item, scope));
                let list = list.collect::<Bound<Vec<_>>>()?;
                self.one_of(needle, list, span)?
            }
        };
        Ok(Typed::bool(if negated { found.not() } else { found }))
    }

    /// Whether a value is one of a list.
    pub(super) fn one_of(&mut self, mut needle: Typed, mut list: Vec<Typed>, span: Span) -> Bound<Expr> {
        if needle.ignores_case() {
            needle = self.in_lower_case(needle);
            list = list.into_iter().map(|item| self.in_lower_case(item)).collect();
        }
        if let Some(of) = self.enumeration(&needle) {
            list.iter().try_for_each(|item| self.expect_enum(item, of, "IN", span))?;
        }
        self.in_typed(needle, list, span)
    }

    /// Whether a value is one of a list, by equalities if they need conversions of their own.
    pub(super) fn in_typed(&mut self, mut needle: Typed, mut list: Vec<Typed>, span: Span) -> Bound<Expr> {
        if list.is_empty() {
            return Ok(Expr::Literal(Value::Bool(false)));
        }
        let kind = list.iter().find_map(Typed::settling);
        self.settle(&mut needle, kind);
        for item in &mut list {
            self.settle(item, needle.settling());
        }
        if needle.is_any() || list.iter().any(Typed::is_any) {
            needle = self.value(needle).into_any();
            list = list.into_iter().map(|item| self.value(item).into_any()).collect();
        }
        let alike = |item: &Typed| item.kind.is_none() || item.class() == needle.class();
        if needle.kind.is_some() && list.iter().all(alike) {
            let list = list.into_iter().map(|item| item.expr).collect();
            return Ok(Expr::InList(Box::new(needle.expr), list));
        }
        let equalities = list.into_iter().map(|item| {
            let item = Typed { affinity: Affinity::None, ..item };
            Ok(self.compare(Comparison::Equal, needle.clone(), item, span)?.expr)
        });
        let equalities = equalities.collect::<Bound<Vec<Expr>>>()?;
        // Equalities with literals of one kind are a list again, which an index and a hash can find.
        let literal = |equality: &Expr| match equality {
            Expr::Compare(Comparison::Equal, left, right) if **left == needle.expr => match &**right {
                Expr::Literal(value) if !value.is_null() => Some(value.clone()),
                _ => None,
            },
            _ => None,
        };
        match equalities.iter().map(literal).collect::<Option<Vec<Value>>>() {
            Some(values) if values.iter().all(|value| value.data_type() == values[0].data_type()) => {
                Ok(Expr::InList(Box::new(needle.expr), values.into_iter().map(Expr::Literal).collect()))
            }
            _ => Ok(any_of(equalities)),
        }
    }
}

/// Whether one of these is true.
fn any_of(mut conditions: Vec<Expr>) -> Expr {
    match conditions.len() {
        1 => conditions.remove(0),
        _ => Expr::Or(conditions),
    }
}
