//! Aggregates, over groups and over windows.

mod ordered_set;

use nuages_storage::{DataType, Value};
use sqlparser::ast::{self, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArgumentClause};
use sqlparser::tokenizer::Span;

use super::collation::{lower, paired};
use super::function::arity;
use super::json::{ranked, unranked, whole_of_any};
use super::scope::Scope;
use super::typed::{TEXT, Typed, Width, cast, has_parameter};
use super::{Binder, Bound, mismatch, unsupported};
use crate::algebra::walk::{ColumnSet, add_columns};
use crate::algebra::{Aggregate, AggregateFunction, Expr, PairFunction, SortKey};
use crate::catalog::EnumId;
use crate::evaluate::Class;
use crate::functions::aggregate::result_type;
use crate::sql::error::{Problem, SqlError};

/// The aggregate of a name.
pub(super) fn function_named(name: &str) -> Option<AggregateFunction> {
    Some(match name {
        "count" => AggregateFunction::Count,
        "sum" => AggregateFunction::Sum,
        "total" => AggregateFunction::Total,
        "avg" => AggregateFunction::Avg,
        "min" => AggregateFunction::Min,
        "max" => AggregateFunction::Max,
        "stddev" | "stddev_samp" => AggregateFunction::StddevSamp,
        "stddev_pop" => AggregateFunction::StddevPop,
        "variance" | "var_samp" => AggregateFunction::VarSamp,
        "var_pop" => AggregateFunction::VarPop,
        "bool_and" | "every" => AggregateFunction::BoolAnd,
        "bool_or" => AggregateFunction::BoolOr,
        "bit_and" => AggregateFunction::BitAnd,
        "bit_or" => AggregateFunction::BitOr,
        "bit_xor" => AggregateFunction::BitXor,
        "percentile_cont" => AggregateFunction::PercentileCont,
        "percentile_disc" => AggregateFunction::PercentileDisc,
        "mode" => AggregateFunction::Mode,
        "any_value" => AggregateFunction::AnyValue,
        "first" => AggregateFunction::First,
        "string_agg" | "group_concat" => AggregateFunction::StringAgg,
        "json_agg" | "jsonb_agg" | "json_group_array" | "array_agg" => AggregateFunction::JsonAgg,
        "json_object_agg" | "jsonb_object_agg" | "json_group_object" => AggregateFunction::JsonObjectAgg,
        name => {
            let (_, pairs) = PairFunction::NAMES.iter().find(|(known, _)| *known == name)?;
            AggregateFunction::Pairs(*pairs)
        }
    })
}

/// Whether the result is one of the values.
fn passes_on(function: AggregateFunction) -> bool {
    use AggregateFunction::{AnyValue, First, Max, Min};
    matches!(function, Min | Max | AnyValue | First)
}

fn is_extreme(function: AggregateFunction) -> bool {
    matches!(function, AggregateFunction::Min | AggregateFunction::Max)
}

/// MIN or MAX of what is ordered by something else than itself, such as texts without regard to case: the first of them in
/// that order, as it is.
fn first_by(function: AggregateFunction, value: Expr, order: Expr) -> Aggregate {
    let descending = function == AggregateFunction::Max;
    let key = SortKey { expr: order, descending, nulls_first: false };
    Aggregate { order_by: vec![key], ..Aggregate::of(AggregateFunction::First, value) }
}

/// A call of an aggregate, taken apart.
struct Call<'c> {
    function: AggregateFunction,
    name: &'c str,
    list: &'c ast::FunctionArgumentList,
    /// What stands in `WITHIN GROUP`.
    within: &'c [ast::OrderByExpr],
    span: Span,
}

/// An aggregate, and what it gives.
pub(super) struct Found {
    pub(super) aggregate: Aggregate,
    pub(super) kind: Option<DataType>,
    /// What the members are, if it gives an array.
    pub(super) element: Option<DataType>,
    /// Whether it gives what is to be [`unpaired`](super::collation::unpaired).
    pub(super) is_paired: bool,
    /// The enumeration that the members are of, if it gives an array.
    pub(super) members_of: Option<EnumId>,
    /// The enumeration whose ranks it gives.
    pub(super) ranked: Option<EnumId>,
    /// What it is to PostgreSQL, if it is an integer.
    pub(super) width: Width,
}

impl Found {
    /// The count of the rows.
    fn of_rows(filter: Option<Expr>) -> Found {
        let aggregate = Aggregate { filter, ..Aggregate::rows() };
        let (kind, width) = (Some(DataType::BigInt), Width::Big);
        Found { aggregate, kind, element: None, members_of: None, is_paired: false, ranked: None, width }
    }
}

/// What an aggregate takes in of a row, and of which rows.
struct Taken {
    argument: Typed,
    second: Option<Expr>,
    distinct: bool,
    filter: Option<Expr>,
    order_by: Vec<SortKey>,
}

/// The query that an aggregate belongs to: the nearest of those whose columns it mentions, which may be one around the
/// query that it stands in.
fn home_of<'s>(aggregate: &Aggregate, scope: &'s Scope<'s>) -> &'s Scope<'s> {
    let mut columns = ColumnSet::new();
    aggregate.expressions().for_each(|expr| add_columns(expr, &mut columns));
    let mentions = |level: &&Scope<'_>| columns.iter().any(|column| level.has(column.source()));
    scope.chain().find(mentions).unwrap_or(scope)
}

impl Binder<'_> {
    /// The aggregate or window function that a call is, if it is one.
    pub(super) fn aggregate(
        &mut self,
        name: &str,
        call: &ast::Function,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Option<Typed>> {
        if let Some(window) = &call.over {
            return self.window_function(name, call, window, span, scope).map(Some);
        }
        let Some(function) = function_named(name) else { return Ok(None) };
        let ast::FunctionArguments::List(list) = &call.args else {
            return Err(arity(name, "1 argument", 0, span));
        };
        if is_extreme(function) && list.args.len() > 1 && self.is_sqlite() {
            return Ok(None);
        }
        let misplaced = |clause| {
            let function = name.to_owned();
            Err(SqlError::at(Problem::AggregateHere { function, clause }, span))
        };
        let own = scope.grouping.as_ref();
        if own.is_some_and(|grouping| std::mem::replace(&mut grouping.borrow_mut().within, true)) {
            return misplaced("an aggregate");
        }
        let call_parts = Call { function, name, list, within: &call.within_group, span };
        let bound = self.aggregate_of(&call_parts, call.filter.as_deref(), scope);
        if let Some(grouping) = own {
            grouping.borrow_mut().within = false;
        }
        let found = bound?;
        let whole = match function {
            AggregateFunction::Sum if self.is_sqlite() => self.whole_sum(list, &found.aggregate, scope)?,
            _ => None,
        };
        self.given_by(function, found, whole, scope).map_or_else(misplaced, |typed| Ok(Some(typed)))
    }

    /// An aggregate of a bound value in SQLite's dialect, or of all rows; none if it may not stand here, or if more is to
    /// be said of it.
    pub(super) fn aggregate_of_value(
        &self,
        function: AggregateFunction,
        argument: Option<Typed>,
        distinct: bool,
        scope: &Scope<'_>,
    ) -> Option<Typed> {
        let found = match argument {
            None => Found::of_rows(None),
            Some(argument) if argument.is_any() => return None,
            Some(argument) => {
                let argument = match function {
                    AggregateFunction::Count if distinct => argument.into_distinguished(),
                    function => self.taken_in(function, argument),
                };
                let taken = Taken { argument, second: None, distinct, filter: None, order_by: Vec::new() };
                self.found((function, "an aggregate"), taken, Span::empty()).ok()?
            }
        };
        self.given_by(function, found, None, scope).ok()
    }

    /// What an aggregate gives to the query that it belongs to; the clause that it stands in, if it may not stand there.
    fn given_by(
        &self,
        function: AggregateFunction,
        found: Found,
        whole: Option<(Aggregate, Aggregate)>,
        scope: &Scope<'_>,
    ) -> Result<Typed, &'static str> {
        let Found { aggregate, kind, element, members_of, ranked, width, .. } = found;
        let home = home_of(&aggregate, scope);
        let grouping = home.grouping.as_ref().ok_or(home.clause)?;
        if grouping.borrow().within {
            return Err("an aggregate");
        }
        let argument = aggregate.argument.clone().filter(|_| is_extreme(function));
        if is_extreme(function) {
            grouping.borrow_mut().add_extreme(&aggregate);
        }
        let column = Expr::Column(grouping.borrow_mut().add(aggregate));
        if let Some((are_whole, sum)) = whole {
            let are_whole = Expr::Column(grouping.borrow_mut().add(are_whole));
            let sum = Expr::Column(grouping.borrow_mut().add(sum));
            let sum = Typed::new(sum, DataType::BigInt);
            return Ok(Typed::choice(vec![(Some(are_whole), sum), (None, Typed::new(column, kind))]));
        }
        if let Some(of) = ranked {
            return Ok(self.of_rank(column, of));
        }
        let unranked = unranked(argument.as_ref(), &column);
        let typed = unranked.unwrap_or_else(|| Typed::new(column, kind));
        let enumeration = members_of.or(typed.enumeration);
        Ok(Typed { element, width, enumeration, ..typed })
    }

    /// SQLite's sum of values of any type, which is an integer if all of them are: whether they are, and their sum then.
    pub(super) fn whole_sum(
        &mut self,
        list: &ast::FunctionArgumentList,
        sum: &Aggregate,
        scope: &Scope<'_>,
    ) -> Bound<Option<(Aggregate, Aggregate)>> {
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] = list.args.as_slice() else {
            return Ok(None);
        };
        let typed = self.value_of(expr, scope)?;
        let Some((is_whole, whole)) = whole_of_any(&typed) else { return Ok(None) };
        let integers = Expr::Case { branches: vec![(is_whole.clone(), whole)], otherwise: None };
        let of = |function, expr| Aggregate {
            filter: sum.filter.clone(),
            distinct: sum.distinct,
            ..Aggregate::of(function, expr)
        };
        let mut are_whole = of(AggregateFunction::BoolAnd, is_whole);
        are_whole.distinct = false;
        Ok(Some((are_whole, of(AggregateFunction::Sum, integers))))
    }

    /// An aggregate of a call that is known to be one, for a window.
    pub(super) fn aggregate_call(
        &mut self,
        function: AggregateFunction,
        name: &str,
        call: &ast::Function,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Found> {
        let ast::FunctionArguments::List(list) = &call.args else {
            return Err(arity(name, "1 argument", 0, span));
        };
        if function.is_of_ordered_set() {
            return Err(SqlError::at(unsupported(format!("{name}() over a window")), span));
        }
        let within = call.within_group.as_slice();
        let call_parts = Call { function, name, list, within, span };
        let found = self.aggregate_of(&call_parts, call.filter.as_deref(), scope)?;
        if is_extreme(function) && found.aggregate.function == AggregateFunction::First {
            // The rows of a frame have an order already.
            let Found { aggregate: Aggregate { argument, filter, .. }, kind, element, width, .. } = found;
            if element.is_some() {
                return Err(SqlError::at(unsupported(format!("{name}() of arrays over a window")), span));
            }
            let aggregate =
                Aggregate { function, argument: argument.map(paired), filter, ..Aggregate::rows() };
            return Ok(Found {
                aggregate,
                kind,
                element,
                members_of: None,
                is_paired: true,
                ranked: None,
                width,
            });
        }
        Ok(found)
    }

    fn aggregate_of(
        &mut self,
        call: &Call<'_>,
        filter: Option<&ast::Expr>,
        scope: &Scope<'_>,
    ) -> Bound<Found> {
        let filter = filter.map(|filter| self.condition(filter, scope)).transpose()?;
        let distinct = call.list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        if call.function.is_of_ordered_set() || !call.within.is_empty() {
            return self.ordered_set(call, filter, scope);
        }
        let order_by = self.aggregate_order(call, scope)?;
        let is_count = call.function == AggregateFunction::Count;
        let arguments = call.list.args.as_slice();
        let of_rows = match arguments {
            [] => is_count && self.is_sqlite(),
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_))] => {
                is_count
            }
            _ => false,
        };
        if of_rows && !distinct {
            return Ok(Found::of_rows(filter));
        }
        let mut exprs = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => exprs.push(expr),
                _ => {
                    return Err(arity(
                        call.name,
                        "an expression as its argument",
                        arguments.len(),
                        call.span,
                    ));
                }
            }
        }
        let (argument, second) = self.arguments(call, &exprs, distinct, scope)?;
        let taken = Taken { argument, second, distinct, filter, order_by };
        self.found((call.function, call.name), taken, call.span)
    }

    /// The aggregate of what it takes in.
    fn found(&self, (function, name): (AggregateFunction, &str), taken: Taken, span: Span) -> Bound<Found> {
        let Taken { argument, second, distinct, filter, order_by } = taken;
        let width = match function {
            AggregateFunction::Count => Width::Big,
            AggregateFunction::Sum => argument.width.of_sum(),
            _ if passes_on(function) => argument.width,
            _ => Width::default(),
        };
        // A NULL of no type is one of integers, or a text where nothing else goes, as a parameter is.
        let of_none = match function {
            AggregateFunction::StringAgg | AggregateFunction::JsonObjectAgg => TEXT,
            _ if passes_on(function) => TEXT,
            _ => DataType::BigInt,
        };
        let kind = match argument.kind {
            None if passes_on(function) => has_parameter(&argument.expr).then_some(TEXT),
            kind => {
                let result = result_type(function, kind.or(Some(of_none)));
                Some(result.map_err(|error| SqlError::at(Problem::Engine(error), span))?)
            }
        };
        if distinct && !self.is_sqlite() {
            let (mut own, mut wanted) = (ColumnSet::new(), ColumnSet::new());
            add_columns(&argument.expr, &mut own);
            second.iter().for_each(|second| add_columns(second, &mut own));
            order_by.iter().for_each(|key| add_columns(&key.expr, &mut wanted));
            if !wanted.iter().all(|column| own.contains(column)) {
                let function = name.to_owned();
                return Err(SqlError::at(Problem::OrderNotOfArguments { function }, span));
            }
        }
        let element = match name {
            "array_agg" => argument.element.or(argument.kind).or(Some(TEXT)),
            _ => argument.element.filter(|_| kind == Some(DataType::Json)),
        };
        let members_of = argument.enumeration.filter(|_| element.is_some());
        if is_extreme(function) && argument.is_array() {
            let order = self.order_of_array(argument.clone());
            let aggregate = Aggregate { filter, ..first_by(function, argument.expr, order) };
            return Ok(Found { aggregate, kind, element, members_of, is_paired: false, ranked: None, width });
        }
        if is_extreme(function) && argument.ignores_case() {
            let order = lower(argument.expr.clone());
            let aggregate = Aggregate { filter, ..first_by(function, argument.expr, order) };
            return Ok(Found { aggregate, kind, element, members_of, is_paired: false, ranked: None, width });
        }
        if is_extreme(function) && self.enumeration(&argument).is_some() {
            let ranked = argument.enumeration;
            let aggregate = Aggregate { filter, ..Aggregate::of(function, self.ordered(argument)) };
            return Ok(Found {
                aggregate,
                kind,
                element: None,
                members_of: None,
                is_paired: false,
                ranked,
                width,
            });
        }
        // Also a NULL that has a type says it in a cast alone.
        let expr = match (argument.expr, argument.kind) {
            (expr, None) => Expr::Cast(Box::new(expr), of_none),
            (null @ Expr::Literal(Value::Null), Some(kind)) => Expr::Cast(Box::new(null), kind),
            (expr, Some(_)) => expr,
        };
        let aggregate = Aggregate { filter, distinct, order_by, second, ..Aggregate::of(function, expr) };
        Ok(Found { aggregate, kind, element, members_of, is_paired: false, ranked: None, width })
    }

    /// The arguments, converted as the dialect does.
    fn arguments(
        &mut self,
        call: &Call<'_>,
        exprs: &[&ast::Expr],
        distinct: bool,
        scope: &Scope<'_>,
    ) -> Bound<(Typed, Option<Expr>)> {
        let text = |typed: Typed| match typed.class() {
            _ if typed.is_any() => typed.any_as_text(),
            Some(Class::Text) | None => typed,
            Some(_) => Typed::new(cast(typed.expr, TEXT), TEXT),
        };
        match (call.function, exprs) {
            (AggregateFunction::StringAgg, [_, _]) if distinct && self.is_sqlite() => {
                Err(arity(call.name, "1 argument with DISTINCT", exprs.len(), call.span))
            }
            (AggregateFunction::StringAgg, [expr, rest @ ..])
                if rest.len() < 2 && (!rest.is_empty() || call.name == "group_concat") =>
            {
                let argument = self.value_of(expr, scope)?;
                let argument = if self.is_sqlite() { text(argument) } else { argument };
                let separator = match rest.first() {
                    Some(separator) => text(self.value_of(separator, scope)?).expr,
                    None => Expr::Literal(Value::from(",")),
                };
                Ok((argument, Some(separator)))
            }
            (AggregateFunction::JsonObjectAgg, [key, value]) => {
                let key = text(self.value_of(key, scope)?);
                Ok((key, Some(self.value_of(value, scope)?.expr)))
            }
            (AggregateFunction::StringAgg | AggregateFunction::JsonObjectAgg, _) => {
                Err(arity(call.name, "2 arguments", exprs.len(), call.span))
            }
            (AggregateFunction::BoolAnd | AggregateFunction::BoolOr, [expr]) => {
                Ok((Typed::bool(self.condition(expr, scope)?), None))
            }
            (AggregateFunction::Pairs(_), [_, _]) if distinct => {
                Err(SqlError::at(unsupported(format!("{}() of DISTINCT pairs", call.name)), call.span))
            }
            (AggregateFunction::Pairs(_), [y, x]) => {
                let (y, x) = (self.value_of(y, scope)?, self.value_of(x, scope)?);
                let is_number = |typed: &Typed| typed.class().is_none_or(Class::is_number);
                let (y, x) = if self.is_sqlite() { (self.number(y), self.number(x)) } else { (y, x) };
                if !is_number(&x) {
                    return Err(mismatch(&format!("{}()", call.name), "a number", x.kind, call.span));
                }
                Ok((y, Some(x.expr)))
            }
            (AggregateFunction::Pairs(_), _) => Err(arity(call.name, "2 arguments", exprs.len(), call.span)),
            (AggregateFunction::Count, [expr]) if distinct => {
                Ok((self.value_of(expr, scope)?.into_distinguished(), None))
            }
            (function, [expr]) => {
                let row = match function {
                    AggregateFunction::JsonAgg => self.row_as_json(expr, scope)?,
                    _ => None,
                };
                let argument = row.map_or_else(|| self.value_of(expr, scope), Ok)?;
                let argument = self.taken_in(function, argument);
                Ok((argument, None))
            }
            _ => Err(arity(call.name, "1 argument", exprs.len(), call.span)),
        }
    }

    /// The only argument, converted as the dialect does.
    fn taken_in(&self, function: AggregateFunction, argument: Typed) -> Typed {
        use AggregateFunction::{Avg, Sum, Total};
        match function {
            Sum | Avg | Total if self.is_sqlite() => self.number(argument),
            _ if is_extreme(function) && argument.is_any() => {
                Typed::new(ranked(argument.expr), DataType::Json)
            }
            _ => argument,
        }
    }

    /// In which order the rows are taken in.
    fn aggregate_order(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Bound<Vec<SortKey>> {
        let mut keys = Vec::new();
        for clause in &call.list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(order) => {
                    for key in order {
                        let typed = self.value_of(&key.expr, scope)?;
                        keys.push(self.sort_key(self.ordered(typed), &key.options));
                    }
                }
                other => {
                    let feature = unsupported(format!("{}() with {other}", call.name));
                    return Err(SqlError::at(feature, call.span));
                }
            }
        }
        Ok(keys)
    }
}
