//! Aggregates of ordered sets: `percentile_cont(fraction) WITHIN GROUP (ORDER BY x)`.

use nuages_storage::DataType;
use sqlparser::ast::{FunctionArg, FunctionArgExpr};

use super::super::function::arity;
use super::super::scope::Scope;
use super::super::typed::{Width, cast};
use super::super::{Binder, Bound, unsupported};
use super::{Call, Found};
use crate::algebra::{Aggregate, AggregateFunction, Expr};
use crate::functions::aggregate::result_type;
use crate::sql::error::{Problem, SqlError};

impl Binder<'_> {
    /// An aggregate of the values in one order.
    pub(super) fn ordered_set(
        &mut self,
        call: &Call<'_>,
        filter: Option<Expr>,
        scope: &Scope<'_>,
    ) -> Bound<Found> {
        let refused = |feature: String| SqlError::at(unsupported(feature), call.span);
        let [key] = call.within else {
            return Err(refused(format!(
                "{}() without WITHIN GROUP (ORDER BY ..) of one expression",
                call.name
            )));
        };
        if !call.function.is_of_ordered_set() {
            return Err(refused(format!("{}() with WITHIN GROUP", call.name)));
        }
        let mut exprs = Vec::new();
        for argument in &call.list.args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument else {
                return Err(refused(format!("{}() with such an argument", call.name)));
            };
            exprs.push(self.value_of(expr, scope)?);
        }
        let fractions = usize::from(call.function != AggregateFunction::Mode);
        if exprs.len() != fractions {
            let expected = if fractions == 1 { "1 argument" } else { "no argument" };
            return Err(arity(call.name, expected, exprs.len(), call.span));
        }
        let argument = self.value_of(&key.expr, scope)?;
        let order_by = vec![self.sort_key(self.ordered(argument.clone()), &key.options)];
        let kind = argument.kind.unwrap_or(DataType::Float);
        let result = result_type(call.function, Some(kind));
        let result = result.map_err(|error| SqlError::at(Problem::Engine(error), call.span))?;
        let expr =
            if argument.kind.is_none() { Expr::Cast(Box::new(argument.expr), kind) } else { argument.expr };
        let second = exprs.pop().map(|mut fraction| {
            self.settle(&mut fraction, Some(DataType::Float));
            cast(fraction.expr, DataType::Float)
        });
        let aggregate = Aggregate { filter, order_by, second, ..Aggregate::of(call.function, expr) };
        let (kind, width) = (Some(result), Width::default());
        Ok(Found { aggregate, kind, element: None, members_of: None, is_paired: false, ranked: None, width })
    }
}
