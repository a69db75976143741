//! Window functions: what is computed of a row from the rows around it.

use nuages_storage::{DataType, Value};
use sqlparser::ast::{self, WindowFrameBound, WindowFrameUnits, WindowType};
use sqlparser::tokenizer::Span;

use super::aggregate::{Found, function_named};
use super::collation::unpaired;
use super::function::{arity, plain_arguments};
use super::grouping::Grouping;
use super::json::unranked;
use super::scope::Scope;
use super::typed::{Typed, Width};
use super::{Binder, Bound, begin_of, unsupported};
use crate::algebra::{
    Aggregate, Bound as FrameBound, Exclude, Expr, Frame, FrameUnit, Source, WindowFunction, WindowKind,
};
use crate::catalog::EnumId;
use crate::sql::error::{Problem, SqlError};
use crate::sql::frame::parts;

/// What a window function gives.
struct Given {
    kind: Option<DataType>,
    /// What the members are, if it is an array.
    element: Option<DataType>,
    /// Whether it is to be [`unpaired`].
    is_paired: bool,
    /// The enumeration whose ranks it is.
    ranked: Option<EnumId>,
    /// The enumeration that it is of.
    enumeration: Option<EnumId>,
    /// What it is to PostgreSQL, if it is an integer.
    width: Width,
}

/// The window functions of a query, as they are found.
#[derive(Debug)]
pub(super) struct Windows {
    pub(super) source: Source,
    pub(super) functions: Vec<WindowFunction>,
}

impl Windows {
    /// The column of a function, which is computed once.
    fn add(&mut self, function: WindowFunction) -> Expr {
        let place = self.functions.iter().position(|known| *known == function);
        let place = place.unwrap_or_else(|| {
            self.functions.push(function);
            self.functions.len() - 1
        });
        Expr::Column(self.source.column(place))
    }
}

/// Whether a name is that of a function that there is only over a window.
pub(super) fn window_kind_of(name: &str) -> bool {
    matches!(
        name,
        "row_number"
            | "rank"
            | "dense_rank"
            | "percent_rank"
            | "cume_dist"
            | "ntile"
            | "lag"
            | "lead"
            | "first_value"
            | "last_value"
            | "nth_value"
    )
}

impl Binder<'_> {
    pub(super) fn window_function(
        &mut self,
        name: &str,
        call: &ast::Function,
        window: &WindowType,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let Some(windows) = &scope.windows else {
            let (function, clause) = (name.to_owned(), scope.clause);
            return Err(SqlError::at(Problem::AggregateHere { function, clause }, span));
        };
        let (mut function, Given { kind, element, is_paired, ranked, enumeration, width }) =
            self.window_kind(name, call, span, scope)?;
        let spec = match window {
            WindowType::WindowSpec(spec) => spec,
            WindowType::NamedWindow(name) => self.named_window(name, usize::MAX, scope)?.0,
        };
        self.over(spec, &mut function, usize::MAX, scope)?;
        let argument = function.arguments.first().cloned();
        let whole = match &call.args {
            ast::FunctionArguments::List(list) if name == "sum" && self.is_sqlite() => {
                let of = Aggregate { filter: function.filter.clone(), ..Aggregate::rows() };
                self.whole_sum(list, &of, scope)?
            }
            _ => None,
        };
        let mut windows = windows.borrow_mut();
        let mut whole_columns = None;
        if let Some((are_whole, sum)) = whole {
            let mut over = |aggregate: Aggregate| {
                let arguments = aggregate.argument.into_iter().collect();
                windows.add(WindowFunction {
                    function: WindowKind::Aggregate(aggregate.function),
                    arguments,
                    ..function.clone()
                })
            };
            whole_columns = Some((over(are_whole), over(sum)));
        }
        let column = windows.add(function);
        if let Some((are_whole, sum)) = whole_columns {
            let sum = Typed::new(sum, DataType::BigInt);
            return Ok(Typed::choice(vec![(Some(are_whole), sum), (None, Typed::new(column, kind))]));
        }
        if let Some(of) = ranked {
            return Ok(self.of_rank(column, of));
        }
        Ok(match unranked(argument.as_ref(), &column) {
            Some(extreme) => extreme,
            None if is_paired => Typed::new(unpaired(column), kind),
            None if kind == Some(DataType::Json) && self.is_sqlite() => Typed::any(column),
            None => Typed { element, enumeration, width, ..Typed::new(column, kind) },
        })
    }

    /// The function, without its window, and the type of its result.
    fn window_kind(
        &mut self,
        name: &str,
        call: &ast::Function,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<(WindowFunction, Given)> {
        let function = |kind, arguments, filter| WindowFunction {
            function: kind,
            arguments,
            filter,
            partition_by: Vec::new(),
            order_by: Vec::new(),
            frame: Frame::default(),
        };
        if let Some(of) = function_named(name) {
            let Found { aggregate, kind, element, members_of, is_paired, ranked, width } =
                self.aggregate_call(of, name, call, span, scope)?;
            if aggregate.distinct || !aggregate.order_by.is_empty() {
                let feature = format!("{name}() OVER with DISTINCT or an order of its own");
                return Err(SqlError::at(unsupported(feature), span));
            }
            let arguments = aggregate.argument.into_iter().chain(aggregate.second).collect();
            let over = function(WindowKind::Aggregate(aggregate.function), arguments, aggregate.filter);
            return Ok((over, Given { kind, element, is_paired, ranked, enumeration: members_of, width }));
        }
        let arguments = plain_arguments(call, name, span)?.into_iter();
        let mut arguments =
            arguments.map(|argument| self.value_of(argument, scope)).collect::<Bound<Vec<_>>>()?;
        let of_first = arguments.first().and_then(|argument| argument.kind);
        let element = arguments.first().and_then(|argument| argument.element);
        let enumeration = arguments.first().and_then(|argument| argument.enumeration);
        let width = match name {
            "row_number" | "rank" | "dense_rank" => Width::Big,
            "ntile" => Width::Usual,
            _ => Width::widest(arguments.first()),
        };
        let (kind, expected, result) = match name {
            "row_number" => (WindowKind::RowNumber, 0..=0, Some(DataType::BigInt)),
            "rank" => (WindowKind::Rank, 0..=0, Some(DataType::BigInt)),
            "dense_rank" => (WindowKind::DenseRank, 0..=0, Some(DataType::BigInt)),
            "percent_rank" => (WindowKind::PercentRank, 0..=0, Some(DataType::Float)),
            "cume_dist" => (WindowKind::CumeDist, 0..=0, Some(DataType::Float)),
            "ntile" => (WindowKind::Ntile, 1..=1, Some(DataType::BigInt)),
            "lag" => (WindowKind::Lag, 1..=3, of_first),
            "lead" => (WindowKind::Lead, 1..=3, of_first),
            "first_value" => (WindowKind::FirstValue, 1..=1, of_first),
            "last_value" => (WindowKind::LastValue, 1..=1, of_first),
            "nth_value" => (WindowKind::NthValue, 2..=2, of_first),
            _ => {
                let feature = format!("{name}() with OVER, which is no window function,");
                return Err(SqlError::at(unsupported(feature), span));
            }
        };
        if !expected.contains(&arguments.len()) {
            return Err(arity(name, "another number of arguments", arguments.len(), span));
        }
        for argument in arguments.iter_mut().skip(1) {
            self.settle(argument, Some(DataType::BigInt));
        }
        let filter = call.filter.as_deref().map(|filter| self.condition(filter, scope)).transpose()?;
        let arguments = arguments.into_iter().map(|argument| argument.expr).collect();
        Ok((
            function(kind, arguments, filter),
            Given {
                kind: result,
                element: element.filter(|_| result == of_first),
                is_paired: false,
                ranked: None,
                enumeration: enumeration.filter(|_| result == of_first),
                width,
            },
        ))
    }

    /// The window that a WINDOW clause names among its first so many, and its place there.
    fn named_window<'s>(
        &self,
        name: &ast::Ident,
        among: usize,
        scope: &Scope<'s>,
    ) -> Bound<(&'s ast::WindowSpec, usize)> {
        let windows = scope.named_windows.get(..among).unwrap_or(scope.named_windows);
        let found =
            windows.iter().rposition(|ast::NamedWindowDefinition(known, _)| self.means(name, &known.value));
        let unknown =
            || SqlError::at(Problem::Unknown { kind: "window", name: name.value.clone() }, name.span);
        let place = found.ok_or_else(unknown)?;
        match &windows[place].1 {
            ast::NamedWindowExpr::WindowSpec(spec) => Ok((spec, place)),
            ast::NamedWindowExpr::NamedWindow(other) => self.named_window(other, place, scope),
        }
    }

    /// What stands behind OVER. A window that is named within, one of the first so many, is where it begins.
    fn over(
        &mut self,
        spec: &ast::WindowSpec,
        function: &mut WindowFunction,
        among: usize,
        scope: &Scope<'_>,
    ) -> Bound<()> {
        let (base, exclude) =
            spec.window_name.as_ref().map_or((None, Exclude::NoOthers), |name| parts(&name.value));
        if let (Some(base), Some(name)) = (base, &spec.window_name) {
            let name = ast::Ident { value: base.to_owned(), ..name.clone() };
            let (base, place) = self.named_window(&name, among, scope)?;
            self.over(base, function, place, scope)?;
            let has = match () {
                () if !spec.partition_by.is_empty() => Some("its partitions"),
                () if !spec.order_by.is_empty() && !function.order_by.is_empty() => Some("an order"),
                () if base.window_frame.is_some() => Some("a frame"),
                () => None,
            };
            if let Some(clause) = has {
                let problem = Problem::WindowHas { name: name.value.clone(), clause };
                return Err(SqlError::at(problem, name.span));
            }
        }
        for expr in &spec.partition_by {
            function.partition_by.push(self.value_of(expr, scope)?.distinguished());
        }
        for key in &spec.order_by {
            let typed = self.value_of(&key.expr, scope)?;
            function.order_by.push(self.sort_key(self.ordered(typed), &key.options));
        }
        if let Some(frame) = &spec.window_frame {
            let end = frame.end_bound.as_ref().unwrap_or(&WindowFrameBound::CurrentRow);
            function.frame = Frame {
                unit: match frame.units {
                    WindowFrameUnits::Rows => FrameUnit::Rows,
                    WindowFrameUnits::Range => FrameUnit::Range,
                    WindowFrameUnits::Groups => FrameUnit::Groups,
                },
                start: self.frame_bound(&frame.start_bound, scope)?,
                end: self.frame_bound(end, scope)?,
                exclude,
            };
        }
        Ok(())
    }

    fn frame_bound(&mut self, bound: &WindowFrameBound, scope: &Scope<'_>) -> Bound<FrameBound> {
        let mut offset = |expr: &ast::Expr| {
            let offset = self.value_of(expr, scope)?;
            match offset.expr {
                Expr::Literal(Value::Int(int)) if int < 0 => {
                    let problem = Problem::RowCount { clause: "a frame", got: int.to_string() };
                    Err(SqlError::at(problem, begin_of(expr)))
                }
                expr => Ok(expr),
            }
        };
        Ok(match bound {
            WindowFrameBound::CurrentRow => FrameBound::CurrentRow,
            WindowFrameBound::Preceding(None) => FrameBound::UnboundedPreceding,
            WindowFrameBound::Following(None) => FrameBound::UnboundedFollowing,
            WindowFrameBound::Preceding(Some(expr)) => FrameBound::Preceding(offset(expr)?),
            WindowFrameBound::Following(Some(expr)) => FrameBound::Following(offset(expr)?),
        })
    }

    /// The window functions over the groups.
    pub(super) fn regroup_windows(
        &self,
        windows: &mut Windows,
        grouping: &mut Grouping,
        scope: &Scope<'_>,
    ) -> Bound<()> {
        let exprs = windows.functions.iter_mut().flat_map(WindowFunction::expressions_mut);
        exprs.into_iter().try_for_each(|expr| self.regroup(expr, grouping, scope))
    }
}
