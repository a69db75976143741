//! `CASE`: the type of what is chosen between, and what SQLite computes with each choice.

use sqlparser::ast::{self, Expr as Ast};
use sqlparser::tokenizer::Span;

use super::array::common_element;
use super::scope::Scope;
use super::typed::{Typed, Width};
use super::{Binder, Bound, begin_of};
use crate::algebra::{Comparison, Expr};
use crate::evaluate::Class;

impl Binder<'_> {
    pub(super) fn case(
        &mut self,
        operand: Option<&Ast>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&Ast>,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let operand = operand.map(|operand| self.expression(operand, scope)).transpose()?;
        let mut whens = Vec::with_capacity(conditions.len());
        let mut results = Vec::with_capacity(conditions.len() + 1);
        for ast::CaseWhen { condition, result } in conditions {
            whens.push(match &operand {
                None => self.condition(condition, scope)?,
                Some(operand) => {
                    let value = self.expression(condition, scope)?;
                    self.compare(Comparison::Equal, operand.clone(), value, begin_of(condition))?.expr
                }
            });
            results.push(self.value_of(result, scope)?);
        }
        results.extend(otherwise.map(|result| self.value_of(result, scope)).transpose()?);
        self.chosen(whens, results, span)
    }

    /// What is chosen by conditions, of which there may be one less than there are choices.
    pub(super) fn chosen(&mut self, whens: Vec<Expr>, results: Vec<Typed>, span: Span) -> Bound<Typed> {
        let has_otherwise = results.len() > whens.len();
        if self.is_mixed(&results) {
            let whens = whens.into_iter().map(Some).chain([None]);
            return Ok(Typed::choice(whens.zip(results).collect()));
        }
        let (element, width) = (common_element(&results), Width::widest(&results));
        let enumeration = self.common_enum(&results, "CASE", span)?;
        let is_any = self.keep_their_types(&results, false);
        let (results, kind) = match is_any {
            true => (self.each_as_it_is(results), None),
            false => self.unified(results, "CASE", span)?,
        };
        let mut results = results.into_iter();
        let branches = whens.into_iter().zip(results.by_ref()).collect();
        let otherwise = results.next().filter(|_| has_otherwise).map(Box::new);
        if is_any {
            return Ok(Typed::any(Expr::Case { branches, otherwise }));
        }
        Ok(Typed { element, enumeration, width, ..Typed::new(Expr::Case { branches, otherwise }, kind) })
    }

    /// Whether SQLite computes with each of these as it is.
    pub(super) fn is_mixed(&self, choices: &[Typed]) -> bool {
        let has = |class| choices.iter().any(|typed| typed.class() == Some(class));
        let is_number = |typed: &Typed| matches!(typed.class(), None | Some(Class::Int | Class::Float));
        self.is_sqlite() && choices.iter().all(is_number) && has(Class::Int) && has(Class::Float)
    }
}
