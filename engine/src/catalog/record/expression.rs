//! Expressions of definitions: checks, defaults, parts and conditions of indexes.
//!
//! An expression lies as the list of its nodes, operands before what is made of them. So reading one needs no
//! recursion, and a file cannot make it deeper than a statement may be.

use std::borrow::Cow;

use jiff::tz::{Offset, TimeZone};
use nuages_storage::Value;
use nuages_storage::codec::Malformed;
use nuages_storage::record::ValueRecord;
use serde::{Deserialize, Serialize};

use super::data_type::DataTypeRecord;
use super::enumeration::EnumCallRecord;
use super::mirrored;
use super::sequence::SequenceCallRecord;
use crate::algebra::{Arithmetic, Comparison, DatePart, DateUnit, Expr, Function, Source, TextMatch};
use crate::optimize::DEPTH_MAX;

/// An expression over `Source::SELF`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ExprRecord<'a>(#[serde(borrow)] Vec<NodeRecord<'a>>);

/// One node; its operands come before it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum NodeRecord<'a> {
    Literal(#[serde(borrow)] ValueRecord<'a>),
    /// The column at this place.
    Column(u32),
    Compare(ComparisonRecord),
    /// Of so many operands.
    And(usize),
    Or(usize),
    Not,
    IsNull,
    /// In so many.
    InList(usize),
    Arithmetic(ArithmeticRecord),
    Negate,
    Case {
        branches: usize,
        has_otherwise: bool,
    },
    Cast(DataTypeRecord),
    Match {
        kind: TextMatchRecord,
        ignore_case: bool,
    },
    /// With so many arguments.
    Call(#[serde(borrow)] FunctionRecord<'a>, usize),
}

/// A time zone.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum ZoneRecord<'a> {
    /// By its name in the IANA database.
    Named(#[serde(borrow)] Cow<'a, str>),
    /// So many seconds east of UTC.
    Fixed(i32),
}

mirrored!(ComparisonRecord of Comparison: Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, Same);
mirrored!(ArithmeticRecord of Arithmetic:
    Add, Subtract, Multiply, Divide, Modulo, Power, BitAnd, BitOr, BitXor, ShiftLeft, ShiftRight);
mirrored!(TextMatchRecord of TextMatch: Exact, Contains, StartsWith, EndsWith, Like, Regex);
mirrored!(DatePartRecord of DatePart:
    Year, IsoYear, Quarter, Month, Week, WeekDay, IsoWeekDay, Day, DayOfYear, Hour, Minute, Second);
mirrored!(DateUnitRecord of DateUnit: Year, Quarter, Month, Week, Day, Hour, Minute, Second);

/// Declares the record of functions: those that have a time zone, and the plain ones that are listed. New ones go to
/// the end of the list.
macro_rules! functions {
    ($($plain:ident),* $(,)?) => {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        enum FunctionRecord<'a> {
            Extract(DatePartRecord, #[serde(borrow)] Option<ZoneRecord<'a>>),
            Truncate(DateUnitRecord, #[serde(borrow)] Option<ZoneRecord<'a>>),
            DateOf(#[serde(borrow)] Option<ZoneRecord<'a>>),
            TimeOf(#[serde(borrow)] Option<ZoneRecord<'a>>),
            /// One of a family, by its name.
            Named(#[serde(borrow)] Cow<'a, str>),
            $($plain,)*
            Sequence(#[serde(borrow)] SequenceCallRecord<'a>),
            Enumeration(#[serde(borrow)] EnumCallRecord<'a>),
        }

        impl<'a> FunctionRecord<'a> {
            fn of(function: &'a Function) -> Result<FunctionRecord<'a>, Malformed> {
                Ok(match function {
                    Function::Extract(part, zone) => FunctionRecord::Extract((*part).into(), zone_record(zone)?),
                    Function::Truncate(unit, zone) => FunctionRecord::Truncate((*unit).into(), zone_record(zone)?),
                    Function::DateOf(zone) => FunctionRecord::DateOf(zone_record(zone)?),
                    Function::TimeOf(zone) => FunctionRecord::TimeOf(zone_record(zone)?),
                    Function::Math(_)
                    | Function::String(_)
                    | Function::Json(_)
                    | Function::Time(_)
                    | Function::Builtin(_) => {
                        FunctionRecord::Named(Cow::Borrowed(function.name()))
                    }
                    Function::Sequence(of) => FunctionRecord::Sequence(SequenceCallRecord::of(of)),
                    Function::Enumeration(of) => FunctionRecord::Enumeration(EnumCallRecord::of(of)),
                    $(Function::$plain => FunctionRecord::$plain),*
                })
            }

            fn into_function(self) -> Result<Function, Malformed> {
                Ok(match self {
                    FunctionRecord::Extract(part, zone) => Function::Extract(part.into(), zone_of(zone)?),
                    FunctionRecord::Truncate(unit, zone) => Function::Truncate(unit.into(), zone_of(zone)?),
                    FunctionRecord::DateOf(zone) => Function::DateOf(zone_of(zone)?),
                    FunctionRecord::TimeOf(zone) => Function::TimeOf(zone_of(zone)?),
                    FunctionRecord::Named(name) => Function::of_family(&name)
                        .ok_or_else(|| Malformed::new("a function", format!("there is none called {name}")))?,
                    FunctionRecord::Sequence(of) => Function::Sequence(Box::new(of.into_call()?)),
                    FunctionRecord::Enumeration(of) => Function::Enumeration(Box::new(of.into_call()?)),
                    $(FunctionRecord::$plain => Function::$plain),*
                })
            }
        }
    };
}
functions! {
    Lower, Upper, Length, Substring, Trim, TrimLeft, TrimRight, Replace, Concat, Left, Right, PadLeft, PadRight, Repeat,
    Reverse, Position, Coalesce, NullIf, Greatest, Least, Abs, Ceiling, Floor, Round, Sign, SquareRoot, Ln, Exp, Now,
    AddMonths, LeadingNumber, LeadingInteger, WholeNumber, TruncateNumber,
}

fn zone_record(zone: &Option<TimeZone>) -> Result<Option<ZoneRecord<'_>>, Malformed> {
    let Some(zone) = zone else { return Ok(None) };
    if let Some(name) = zone.iana_name() {
        return Ok(Some(ZoneRecord::Named(Cow::Borrowed(name))));
    }
    let no_name =
        |_| Malformed::new("a time zone", "it has neither a name nor a fixed offset, so it cannot be stored");
    Ok(Some(ZoneRecord::Fixed(zone.to_fixed_offset().map_err(no_name)?.seconds())))
}

fn zone_of(record: Option<ZoneRecord<'_>>) -> Result<Option<TimeZone>, Malformed> {
    let malformed = |error: jiff::Error| Malformed::new("a time zone", error.to_string());
    Ok(match record {
        None => None,
        Some(ZoneRecord::Named(name)) => Some(TimeZone::get(&name).map_err(malformed)?),
        Some(ZoneRecord::Fixed(seconds)) => {
            Some(Offset::from_seconds(seconds).map_err(malformed)?.to_time_zone())
        }
    })
}

impl<'a> ExprRecord<'a> {
    pub(super) fn of(expr: &'a Expr) -> Result<ExprRecord<'a>, Malformed> {
        let mut nodes = Vec::new();
        push(expr, &mut nodes)?;
        Ok(ExprRecord(nodes))
    }

    pub(super) fn into_expr(self) -> Result<Expr, Malformed> {
        let mut operands = Operands(Vec::new());
        for node in self.0 {
            let made = operands.make(node)?;
            operands.0.push(made);
        }
        match operands.0.pop() {
            Some((expr, _)) if operands.0.is_empty() => Ok(expr),
            _ => Err(malformed("it is not one expression")),
        }
    }
}

fn malformed(reason: &str) -> Malformed {
    Malformed::new("an expression", reason)
}

/// Adds the nodes of an expression. Its depth is limited where it is defined.
fn push<'a>(expr: &'a Expr, nodes: &mut Vec<NodeRecord<'a>>) -> Result<(), Malformed> {
    expr.children().into_iter().try_for_each(|child| push(child, nodes))?;
    nodes.push(match expr {
        Expr::Literal(value) => NodeRecord::Literal(value.into()),
        Expr::Column(column) => NodeRecord::Column(column.index() as u32),
        Expr::Compare(op, ..) => NodeRecord::Compare((*op).into()),
        Expr::And(all) => NodeRecord::And(all.len()),
        Expr::Or(any) => NodeRecord::Or(any.len()),
        Expr::Not(_) => NodeRecord::Not,
        Expr::IsNull(_) => NodeRecord::IsNull,
        Expr::InList(_, list) => NodeRecord::InList(list.len()),
        Expr::Arithmetic(op, ..) => NodeRecord::Arithmetic((*op).into()),
        Expr::Negate(_) => NodeRecord::Negate,
        Expr::Case { branches, otherwise } => {
            NodeRecord::Case { branches: branches.len(), has_otherwise: otherwise.is_some() }
        }
        Expr::Cast(_, data_type) => NodeRecord::Cast((*data_type).into()),
        Expr::Match { kind, ignore_case, .. } => {
            NodeRecord::Match { kind: (*kind).into(), ignore_case: *ignore_case }
        }
        Expr::Call(function, arguments) => NodeRecord::Call(FunctionRecord::of(function)?, arguments.len()),
        Expr::Parameter(..) | Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..) => {
            return Err(malformed("a definition has neither parameters nor queries"));
        }
    });
    Ok(())
}

/// Expressions that are not yet part of another, each with its depth.
struct Operands(Vec<(Expr, usize)>);

impl Operands {
    /// Makes the expression of a node out of the last operands.
    fn make(&mut self, node: NodeRecord<'_>) -> Result<(Expr, usize), Malformed> {
        let count = match &node {
            NodeRecord::Literal(_) | NodeRecord::Column(_) => 0,
            NodeRecord::Not | NodeRecord::IsNull | NodeRecord::Negate | NodeRecord::Cast(_) => 1,
            NodeRecord::Compare(_) | NodeRecord::Arithmetic(_) | NodeRecord::Match { .. } => 2,
            NodeRecord::And(count) | NodeRecord::Or(count) | NodeRecord::Call(_, count) => *count,
            NodeRecord::InList(count) => count.saturating_add(1),
            NodeRecord::Case { branches, has_otherwise } => {
                branches.saturating_mul(2).saturating_add(usize::from(*has_otherwise))
            }
        };
        let start = self.0.len().checked_sub(count).ok_or_else(|| malformed("an operand is missing"))?;
        let depth = 1 + self.0[start..].iter().map(|(_, depth)| *depth).max().unwrap_or(0);
        if depth > DEPTH_MAX {
            return Err(malformed("it is nested too deep"));
        }
        let mut operands = self.0.drain(start..).map(|(expr, _)| expr);
        let expr = expr_of(node, &mut operands)?;
        Ok((expr, depth))
    }
}

/// The expression of a node and as many operands as it has.
fn expr_of(node: NodeRecord<'_>, operands: &mut dyn Iterator<Item = Expr>) -> Result<Expr, Malformed> {
    let next = |operands: &mut dyn Iterator<Item = Expr>| {
        operands.next().map(Box::new).ok_or_else(|| malformed("an operand is missing"))
    };
    Ok(match node {
        NodeRecord::Literal(value) => Expr::Literal(Value::try_from(value)?),
        NodeRecord::Column(place) => Expr::Column(Source::SELF.column(place as usize)),
        NodeRecord::Compare(op) => Expr::Compare(op.into(), next(operands)?, next(operands)?),
        NodeRecord::And(_) => Expr::And(operands.collect()),
        NodeRecord::Or(_) => Expr::Or(operands.collect()),
        NodeRecord::Not => Expr::Not(next(operands)?),
        NodeRecord::IsNull => Expr::IsNull(next(operands)?),
        NodeRecord::InList(_) => Expr::InList(next(operands)?, operands.collect()),
        NodeRecord::Arithmetic(op) => Expr::Arithmetic(op.into(), next(operands)?, next(operands)?),
        NodeRecord::Negate => Expr::Negate(next(operands)?),
        NodeRecord::Case { branches, has_otherwise } => {
            let branch = |_| Ok((*next(operands)?, *next(operands)?));
            let branches = (0..branches).map(branch).collect::<Result<_, _>>()?;
            let otherwise = if has_otherwise { Some(next(operands)?) } else { None };
            Expr::Case { branches, otherwise }
        }
        NodeRecord::Cast(data_type) => Expr::Cast(next(operands)?, data_type.into()),
        NodeRecord::Match { kind, ignore_case } => {
            let (text, pattern) = (next(operands)?, next(operands)?);
            Expr::Match { kind: kind.into(), ignore_case, text, pattern }
        }
        NodeRecord::Call(function, _) => Expr::Call(function.into_function()?, operands.collect()),
    })
}
