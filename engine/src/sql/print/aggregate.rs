//! Aggregates and window functions as SQL.

use super::Names;
use super::expression::{expression, operand};
use super::query::is_number;
use crate::algebra::{
    Aggregate, AggregateFunction, Bound, Exclude, Expr, Frame, FrameUnit, SortKey, WindowFunction, WindowKind,
};

/// `function(DISTINCT argument ORDER BY ..) FILTER (WHERE ..)`.
pub(super) fn aggregate(aggregate: &Aggregate, names: &mut dyn Names) -> String {
    let distinct = if aggregate.distinct { "DISTINCT " } else { "" };
    let arguments: Vec<String> =
        aggregate.argument.iter().chain(&aggregate.second).map(|expr| expression(expr, names)).collect();
    let arguments = match aggregate.function {
        AggregateFunction::CountRows => "*".to_owned(),
        _ => arguments.join(", "),
    };
    let order = match aggregate.order_by.as_slice() {
        [] => String::new(),
        keys => format!(" {}", order_by(keys, names)),
    };
    let name = aggregate.function.name();
    if aggregate.function.is_of_ordered_set() {
        let fraction = aggregate.second.as_ref().map_or_else(String::new, |second| expression(second, names));
        let order = order_by(&aggregate.order_by, names);
        return format!(
            "{name}({fraction}) WITHIN GROUP ({order}){}",
            filter(aggregate.filter.as_ref(), names)
        );
    }
    format!("{name}({distinct}{arguments}{order}){}", filter(aggregate.filter.as_ref(), names))
}

/// `function(..) FILTER (WHERE ..) OVER (PARTITION BY .. ORDER BY .. frame)`.
pub(super) fn window(window: &WindowFunction, names: &mut dyn Names) -> String {
    let arguments: Vec<String> = window.arguments.iter().map(|expr| expression(expr, names)).collect();
    let arguments = match window.function {
        WindowKind::Aggregate(AggregateFunction::CountRows) => "*".to_owned(),
        _ => arguments.join(", "),
    };
    let mut over = Vec::new();
    if !window.partition_by.is_empty() {
        let keys: Vec<String> = window.partition_by.iter().map(|expr| operand(expr, names)).collect();
        over.push(format!("PARTITION BY {}", keys.join(", ")));
    }
    if !window.order_by.is_empty() {
        over.push(order_by(&window.order_by, names));
    }
    if window.frame != Frame::default() {
        over.push(frame(&window.frame, names));
    }
    let filter = filter(window.filter.as_ref(), names);
    format!("{}({arguments}){filter} OVER ({})", window.function.name(), over.join(" "))
}

fn filter(filter: Option<&Expr>, names: &mut dyn Names) -> String {
    filter.map_or_else(String::new, |filter| format!(" FILTER (WHERE {})", expression(filter, names)))
}

/// `ORDER BY ..`
pub(super) fn order_by(keys: &[SortKey], names: &mut dyn Names) -> String {
    let keys: Vec<String> = keys.iter().map(|key| sort_key(key, names)).collect();
    format!("ORDER BY {}", keys.join(", "))
}

/// An expression and its direction.
fn sort_key(key: &SortKey, names: &mut dyn Names) -> String {
    format!("{}{}", no_place(&key.expr, names), direction(key))
}

/// What rows are ordered or grouped by. A literal, or a column that was computed as one, would be read as the number of
/// a column, and is cast out of that.
pub(super) fn no_place(key: &Expr, names: &mut dyn Names) -> String {
    let text = operand(key, names);
    if matches!(key, Expr::Literal(_)) || is_number(&text) { format!("CAST({text} AS text)") } else { text }
}

/// What is said of a key's direction if it is not ascending with NULLs last.
pub(super) fn direction(key: &SortKey) -> &'static str {
    match (key.descending, key.nulls_first) {
        (false, false) => "",
        (false, true) => " NULLS FIRST",
        (true, true) => " DESC",
        (true, false) => " DESC NULLS LAST",
    }
}

fn frame(frame: &Frame, names: &mut dyn Names) -> String {
    let unit = match frame.unit {
        FrameUnit::Rows => "ROWS",
        FrameUnit::Range => "RANGE",
        FrameUnit::Groups => "GROUPS",
    };
    let exclude = match frame.exclude {
        Exclude::NoOthers => "",
        Exclude::CurrentRow => " EXCLUDE CURRENT ROW",
        Exclude::Group => " EXCLUDE GROUP",
        Exclude::Ties => " EXCLUDE TIES",
    };
    let (start, end) = (bound(&frame.start, names), bound(&frame.end, names));
    format!("{unit} BETWEEN {start} AND {end}{exclude}")
}

fn bound(bound: &Bound, names: &mut dyn Names) -> String {
    match bound {
        Bound::UnboundedPreceding => "UNBOUNDED PRECEDING".into(),
        Bound::Preceding(offset) => format!("{} PRECEDING", operand(offset, names)),
        Bound::CurrentRow => "CURRENT ROW".into(),
        Bound::Following(offset) => format!("{} FOLLOWING", operand(offset, names)),
        Bound::UnboundedFollowing => "UNBOUNDED FOLLOWING".into(),
    }
}

impl AggregateFunction {
    /// What it is called in SQL, as PostgreSQL spells it where it has it.
    pub fn name(self) -> &'static str {
        match self {
            AggregateFunction::CountRows | AggregateFunction::Count => "count",
            AggregateFunction::Sum => "sum",
            AggregateFunction::Total => "total",
            AggregateFunction::Avg => "avg",
            AggregateFunction::Min => "min",
            AggregateFunction::Max => "max",
            AggregateFunction::StddevPop => "stddev_pop",
            AggregateFunction::StddevSamp => "stddev_samp",
            AggregateFunction::VarPop => "var_pop",
            AggregateFunction::VarSamp => "var_samp",
            AggregateFunction::BoolAnd => "bool_and",
            AggregateFunction::BoolOr => "bool_or",
            AggregateFunction::BitAnd => "bit_and",
            AggregateFunction::BitOr => "bit_or",
            AggregateFunction::BitXor => "bit_xor",
            AggregateFunction::Pairs(of) => of.name(),
            AggregateFunction::PercentileCont => "percentile_cont",
            AggregateFunction::PercentileDisc => "percentile_disc",
            AggregateFunction::Mode => "mode",
            AggregateFunction::AnyValue => "any_value",
            AggregateFunction::First => "first",
            AggregateFunction::StringAgg => "string_agg",
            AggregateFunction::JsonAgg => "json_agg",
            AggregateFunction::JsonObjectAgg => "json_object_agg",
        }
    }
}

impl WindowKind {
    /// What it is called in SQL.
    pub fn name(self) -> &'static str {
        match self {
            WindowKind::RowNumber => "row_number",
            WindowKind::Rank => "rank",
            WindowKind::DenseRank => "dense_rank",
            WindowKind::PercentRank => "percent_rank",
            WindowKind::CumeDist => "cume_dist",
            WindowKind::Ntile => "ntile",
            WindowKind::Lag => "lag",
            WindowKind::Lead => "lead",
            WindowKind::FirstValue => "first_value",
            WindowKind::LastValue => "last_value",
            WindowKind::NthValue => "nth_value",
            WindowKind::Aggregate(function) => function.name(),
        }
    }
}
