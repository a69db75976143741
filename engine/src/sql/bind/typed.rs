//! An expression and what the binder knows of it.

use nuages_storage::{DataType, Value};

use super::Binder;
use super::called::builtin;
use super::collation::Collating;
use crate::algebra::{Comparison, Expr, Function};
use crate::catalog::EnumId;
use crate::evaluate::{Class, class_of, decimal};
use crate::functions::real_as_text;

pub(super) const TEXT: DataType = DataType::Text { max_length: None };

/// What SQLite would convert a value to that is compared with this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sql) enum Affinity {
    /// Nothing: an expression.
    #[default]
    None,
    /// Text: a column or a cast.
    Text,
    /// A number: a column or a cast.
    Number,
    /// What was read out of a JSON document: whatever it is in a row (see [`json`](super::json)).
    Any,
}

impl Affinity {
    /// That of a column of a type.
    pub(super) fn of(kind: DataType) -> Affinity {
        match class_of(kind) {
            Class::Bool | Class::Int | Class::Float | Class::Decimal => Affinity::Number,
            Class::Text => Affinity::Text,
            _ => Affinity::None,
        }
    }
}

/// What PostgreSQL takes an integer for, as far as that can be told from the expression. Integers are of 64 bits here, and
/// what it has as a number with a point is one that happens to have none; but it is divided as PostgreSQL divides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sql) enum Width {
    /// An integer.
    #[default]
    Usual,
    /// A `bigint`, of which the sum is a `numeric`.
    Big,
    /// A `numeric`, as `extract` and the sum of a `bigint` are.
    Numeric,
    /// A `double precision`, as `sign` and `date_part` are.
    Double,
}

impl Width {
    /// That of a column or cast of a type.
    pub(super) fn of(kind: DataType) -> Width {
        if kind == DataType::BigInt { Width::Big } else { Width::Usual }
    }

    /// That of the sum of such integers.
    pub(super) fn of_sum(self) -> Width {
        match self {
            Width::Usual => Width::Big,
            Width::Big => Width::Numeric,
            width => width,
        }
    }

    /// That of what may be any of these.
    pub(super) fn widest<'t>(choices: impl IntoIterator<Item = &'t Typed>) -> Width {
        choices.into_iter().map(|typed| typed.width).max().unwrap_or_default()
    }
}

/// An expression and its type; none if it is NULL, or a parameter of which nothing is known yet.
#[derive(Clone, Debug)]
pub(in crate::sql) struct Typed {
    pub(in crate::sql) expr: Expr,
    pub(in crate::sql) kind: Option<DataType>,
    pub(in crate::sql) affinity: Affinity,
    /// How it is compared, if it is a text.
    pub(in crate::sql) collation: Collating,
    /// What it is chosen from, where some are integers and some are floats: SQLite computes with each as it is, so
    /// that `COALESCE(7, 1.5) / 2` is 3. A branch without a condition is what is left.
    pub(in crate::sql) mixed: Option<Box<[Branch]>>,
    /// What its members are, if it is an array, which is JSON.
    pub(in crate::sql) element: Option<DataType>,
    /// The enumeration that it is a value of, if it is of one.
    pub(in crate::sql) enumeration: Option<EnumId>,
    /// What it is to PostgreSQL, if it is an integer.
    pub(in crate::sql) width: Width,
}

/// A condition, none if it is what is left, and what is chosen if it is true.
pub(in crate::sql) type Branch = (Option<Expr>, Typed);

/// How many branches a choice may have to be computed with branch by branch.
const MIXED_MAX: usize = 8;

impl Typed {
    pub(super) fn new(expr: Expr, kind: impl Into<Option<DataType>>) -> Typed {
        Typed {
            expr,
            kind: kind.into(),
            affinity: Affinity::None,
            collation: Collating::Unsaid,
            mixed: None,
            element: None,
            enumeration: None,
            width: Width::default(),
        }
    }

    /// The same, as another number to PostgreSQL.
    pub(super) fn of_width(self, width: Width) -> Typed {
        Typed { width, ..self }
    }

    /// The same to be divided, or to divide by: an integer that is another number to PostgreSQL is made that.
    pub(super) fn divisible(self) -> Typed {
        let kind = match self.width {
            Width::Numeric => decimal(0),
            Width::Double => DataType::Float,
            Width::Usual | Width::Big => return self,
        };
        if self.class() == Some(Class::Int) { Typed::new(cast(self.expr, kind), kind) } else { self }
    }

    pub(super) fn bool(expr: Expr) -> Typed {
        Typed::new(expr, DataType::Bool)
    }

    pub(super) fn null() -> Typed {
        Typed::new(Expr::Literal(Value::Null), None)
    }

    pub(super) fn literal(value: Value) -> Typed {
        let kind = value.data_type();
        let is_big = value.as_int().is_some_and(|int| i32::try_from(int).is_err());
        Typed::new(Expr::Literal(value), kind).of_width(if is_big { Width::Big } else { Width::Usual })
    }

    /// A column or cast of a type, which it is inclined to.
    pub(super) fn inclined(expr: Expr, kind: DataType) -> Typed {
        Typed { affinity: Affinity::of(kind), width: Width::of(kind), ..Typed::new(expr, kind) }
    }

    /// A choice between numbers, as a float if one of them is.
    pub(super) fn choice(branches: Vec<Branch>) -> Typed {
        let is_float = branches.iter().any(|(_, typed)| typed.class() == Some(Class::Float));
        let kind = if is_float { DataType::Float } else { DataType::BigInt };
        let is_whole = |typed: &Typed| typed.class() == Some(Class::Int) || typed.mixed.is_some();
        let is_mixed = is_float && branches.iter().any(|(_, typed)| is_whole(typed));
        let convert = |typed: &Typed| match typed.class() {
            Some(class) if class != class_of(kind) => cast(typed.expr.clone(), kind),
            _ => typed.expr.clone(),
        };
        let conditional = branches.iter().filter_map(|(when, then)| Some((when.clone()?, convert(then))));
        let conditional = conditional.collect::<Vec<_>>();
        let rest = branches.iter().find(|(when, _)| when.is_none()).map(|(_, typed)| convert(typed));
        let expr = match (conditional.is_empty(), rest) {
            (true, Some(rest)) => rest,
            (_, rest) => Expr::Case { branches: conditional, otherwise: rest.map(Box::new) },
        };
        let mixed = (is_mixed && branches.len() <= MIXED_MAX).then(|| branches.into_boxed_slice());
        Typed { mixed, ..Typed::new(expr, kind) }
    }

    pub(super) fn class(&self) -> Option<Class> {
        self.kind.map(class_of)
    }

    /// Whether it is a number in every row.
    pub(super) fn is_plain_number(&self) -> bool {
        self.class().is_some_and(Class::is_number) && self.affinity != Affinity::Any
    }

    /// The text, if this is one.
    pub(super) fn literal_text(&self) -> Option<&str> {
        match &self.expr {
            Expr::Literal(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Whether a value hangs on a parameter.
pub(super) fn has_parameter(expr: &Expr) -> bool {
    match expr {
        Expr::Parameter(..) => true,
        Expr::Scalar(query) => query.columns.iter().any(|column| has_parameter(&column.expr)),
        expr => expr.any_child(has_parameter),
    }
}

/// `CASE WHEN any operand IS NULL THEN NULL ELSE otherwise END`.
pub(super) fn null_if_any_is(operands: &[&Expr], otherwise: Expr) -> Expr {
    let nullable =
        operands.iter().filter(|operand| !matches!(operand, Expr::Literal(value) if !value.is_null()));
    let nulls: Vec<Expr> = nullable.map(|operand| (*operand).clone().is_null()).collect();
    if nulls.is_empty() {
        return otherwise;
    }
    let branches = vec![(Expr::Or(nulls), Expr::Literal(Value::Null))];
    Expr::Case { branches, otherwise: Some(Box::new(otherwise)) }
}

pub(super) fn cast(expr: Expr, to: DataType) -> Expr {
    match expr {
        Expr::Literal(Value::Int(int)) if to == DataType::Float => Expr::Literal(Value::Float(int as f64)),
        Expr::Literal(Value::Null) => Expr::Literal(Value::Null),
        expr => Expr::Cast(Box::new(expr), to),
    }
}

impl Binder<'_> {
    /// The expression where a value is wanted: SQLite's comparisons are numbers there.
    pub(super) fn value(&self, typed: Typed) -> Typed {
        if !self.is_sqlite() || typed.class() != Some(Class::Bool) {
            return typed;
        }
        let expr = match typed.expr {
            Expr::Literal(Value::Bool(bool)) => Expr::Literal(Value::Int(bool.into())),
            expr => cast(expr, DataType::BigInt),
        };
        Typed { affinity: typed.affinity, ..Typed::new(expr, DataType::BigInt) }
    }

    /// The expression where SQLite wants a number: a text is the number it begins with.
    pub(super) fn number(&self, typed: Typed) -> Typed {
        let typed = self.value(typed).any_as_text();
        match typed.class() {
            Some(Class::Text) => match typed.literal_text() {
                Some(text) => Typed::literal(super::literal::leading_number(text)),
                None => Typed::new(Expr::Call(Function::LeadingNumber, vec![typed.expr]), DataType::Float),
            },
            _ => typed,
        }
    }

    /// The text that SQLite makes of a value: that of bytes is what they are in UTF-8, floats have 15 digits.
    pub(super) fn as_text(&self, typed: Typed) -> Typed {
        let typed = typed.any_as_text();
        let function = match typed.class() {
            Some(Class::Bytes) => "bytes_as_text",
            Some(Class::Float) => "real_as_text",
            None | Some(Class::Text) => return typed,
            Some(_) => {
                let text = match typed.expr {
                    Expr::Literal(value) if !value.is_null() => Expr::Literal(Value::Text(value.to_string())),
                    expr => cast(expr, TEXT),
                };
                return Typed::new(text, TEXT);
            }
        };
        let text = match typed.expr {
            Expr::Literal(Value::Float(float)) => Expr::Literal(Value::Text(real_as_text(float))),
            Expr::Literal(Value::Bytes(bytes)) => {
                Expr::Literal(Value::Text(String::from_utf8_lossy(&bytes).into_owned()))
            }
            expr => builtin(function, vec![expr]),
        };
        Typed::new(text, TEXT)
    }

    /// Gives a parameter of which nothing is known a type.
    pub(super) fn settle(&mut self, typed: &mut Typed, kind: Option<DataType>) {
        if let (None, Some(kind), Expr::Parameter(index, of)) = (typed.kind, kind, &mut typed.expr) {
            let kind = super::types::without_limit(kind);
            self.parameters.settle(*index, kind);
            *of = kind;
            typed.kind = Some(kind);
        }
    }
}

/// `expr <> 0`.
pub(super) fn is_not_zero(typed: Typed) -> Expr {
    let zero = match typed.class() {
        Some(Class::Float) => Value::Float(0.0),
        _ => Value::Int(0),
    };
    typed.expr.compare(Comparison::NotEqual, Expr::Literal(zero))
}
