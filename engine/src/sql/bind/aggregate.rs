//! Aggregates.

use nuages_storage::{DataType, Value};
use sqlparser::ast::{self, DuplicateTreatment, FunctionArg, FunctionArgExpr};
use sqlparser::tokenizer::Span;

use super::function::arity;
use super::scope::Scope;
use super::typed::{Typed, cast};
use super::{Binder, Bound, unsupported};
use crate::algebra::{Aggregate, AggregateFunction, Expr, Function};
use crate::evaluate::Class;
use crate::functions::aggregate::result_type;
use crate::sql::error::{Problem, SqlError};

impl Binder<'_> {
    /// The aggregate that a call is, if it is one.
    pub(super) fn aggregate(
        &mut self,
        name: &str,
        call: &ast::Function,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Option<Typed>> {
        let function = match name {
            "count" => AggregateFunction::Count,
            "sum" | "total" => AggregateFunction::Sum,
            "avg" => AggregateFunction::Avg,
            "min" => AggregateFunction::Min,
            "max" => AggregateFunction::Max,
            _ => return Ok(None),
        };
        let ast::FunctionArguments::List(list) = &call.args else {
            return Err(arity(name, "1 argument", 0, span));
        };
        let is_extreme = matches!(function, AggregateFunction::Min | AggregateFunction::Max);
        if is_extreme && list.args.len() > 1 && self.is_sqlite() {
            return Ok(None);
        }
        let Some(grouping) = &scope.grouping else {
            let (function, clause) = (name.to_owned(), scope.clause);
            return Err(SqlError::at(Problem::AggregateHere { function, clause }, span));
        };
        if call.over.is_some() {
            return Err(SqlError::at(unsupported("a window"), span));
        }
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        if std::mem::replace(&mut grouping.borrow_mut().within, true) {
            let (function, clause) = (name.to_owned(), "an aggregate");
            return Err(SqlError::at(Problem::AggregateHere { function, clause }, span));
        }
        let bound = self.aggregate_parts(function, name, list, call.filter.as_deref(), distinct, span, scope);
        grouping.borrow_mut().within = false;
        let (mut aggregate, kind) = bound?;
        aggregate.distinct = distinct;
        let column = grouping.borrow_mut().add(aggregate);
        let result = Typed::new(Expr::Column(column), kind);
        Ok(Some(if name == "total" { total(result) } else { result }))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one call, taken apart by its only caller")]
    fn aggregate_parts(
        &mut self,
        function: AggregateFunction,
        name: &str,
        list: &ast::FunctionArgumentList,
        filter: Option<&ast::Expr>,
        distinct: bool,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<(Aggregate, Option<DataType>)> {
        let filter = filter.map(|filter| self.condition(filter, scope)).transpose()?;
        let is_count = function == AggregateFunction::Count;
        match list.args.as_slice() {
            [] if is_count && self.is_sqlite() && !distinct => {
                Ok((Aggregate { filter, ..Aggregate::rows() }, Some(DataType::BigInt)))
            }
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_))]
                if is_count && !distinct =>
            {
                Ok((Aggregate { filter, ..Aggregate::rows() }, Some(DataType::BigInt)))
            }
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] => {
                let mut argument = self.value_of(argument, scope)?;
                let is_sum = matches!(function, AggregateFunction::Sum | AggregateFunction::Avg);
                if is_sum && self.is_sqlite() {
                    argument = self.number(argument);
                }
                if name == "total" && argument.class() != Some(Class::Float) {
                    argument = Typed::new(cast(argument.expr, DataType::Float), DataType::Float);
                }
                let kind = match (argument.kind, function) {
                    (None, AggregateFunction::Min | AggregateFunction::Max) => None,
                    (kind, _) => {
                        let kind = kind.or(is_sum.then_some(DataType::BigInt));
                        let result = result_type(function, kind);
                        Some(result.map_err(|error| SqlError::at(Problem::Engine(error), span))?)
                    }
                };
                // A NULL of no type is one of integers.
                if argument.kind.is_none() {
                    argument.expr = Expr::Cast(Box::new(argument.expr), DataType::BigInt);
                }
                let aggregate = Aggregate { filter, ..Aggregate::of(function, argument.expr) };
                Ok((aggregate, kind))
            }
            arguments => Err(arity(name, "1 argument", arguments.len(), span)),
        }
    }
}

/// SQLite's `total`: zero where there is nothing to sum.
fn total(sum: Typed) -> Typed {
    let zero = Expr::Literal(Value::Float(0.0));
    Typed::new(Expr::Call(Function::Coalesce, vec![sum.expr, zero]), DataType::Float)
}
