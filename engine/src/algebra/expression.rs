//! Scalar expressions, with SQL's three-valued logic.

use nuages_storage::{DataType, Value};

use super::{Column, Function, Query, Relation};

/// How two scalars are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `IS NOT DISTINCT FROM`: equality that holds between two NULLs and is never unknown.
    Same,
}

impl Comparison {
    /// The one that says the same with its sides exchanged: `a < b` is `b > a`.
    pub fn flipped(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }
}

/// Binary arithmetic. Integer overflow and division by zero are errors, never wrong numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// `+`; also timestamp plus duration.
    Add,
    /// `-`; also timestamp minus timestamp, which is a duration.
    Subtract,
    /// `*`
    Multiply,
    /// `/`; between integers it truncates toward zero, as PostgreSQL's does.
    Divide,
    /// `%`; the sign is the dividend's.
    Modulo,
    /// `^`, in double precision.
    Power,
    /// Bitwise `&` of integers.
    BitAnd,
    /// Bitwise `|` of integers.
    BitOr,
    /// Bitwise `#` (exclusive or) of integers.
    BitXor,
    /// `<<` of integers.
    ShiftLeft,
    /// `>>` of integers.
    ShiftRight,
}

/// How a text is searched. The pattern of every kind but `Like` and `Regex` is literal: nothing in it is a wildcard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextMatch {
    /// The whole text.
    Exact,
    /// Anywhere.
    Contains,
    /// At the beginning.
    StartsWith,
    /// At the end.
    EndsWith,
    /// SQL's `LIKE` with `%`, `_` and `\` as the escape.
    Like,
    /// A regular expression that may match anywhere.
    Regex,
}

/// A scalar expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A constant.
    Literal(Value),
    /// The n-th parameter of a prepared statement, and its type.
    Parameter(usize, DataType),
    /// A column of a relation in scope, or of one outside (which makes the subquery correlated).
    Column(Column),
    /// A comparison; unknown if a side is NULL, except [`Comparison::Same`].
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// Conjunction; empty is true.
    And(Vec<Expr>),
    /// Disjunction; empty is false.
    Or(Vec<Expr>),
    /// Negation.
    Not(Box<Expr>),
    /// `IS NULL`; never unknown.
    IsNull(Box<Expr>),
    /// `IN (a, b, ..)`: the disjunction of equalities.
    InList(Box<Expr>, Vec<Expr>),
    /// Binary arithmetic.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// Unary minus.
    Negate(Box<Expr>),
    /// `CASE WHEN condition THEN result .. ELSE otherwise END`; without `otherwise`, NULL.
    Case {
        /// Conditions and their results, tried in order.
        branches: Vec<(Expr, Expr)>,
        /// The result when no condition is true.
        otherwise: Option<Box<Expr>>,
    },
    /// Conversion to a type, also by parsing and printing text.
    Cast(Box<Expr>, DataType),
    /// A text search.
    Match {
        /// Which kind of search.
        kind: TextMatch,
        /// Whether case is ignored (full Unicode simple folding).
        ignore_case: bool,
        /// The text searched; other types are searched in their text form.
        text: Box<Expr>,
        /// What is searched for.
        pattern: Box<Expr>,
    },
    /// A scalar function.
    Call(Function, Vec<Expr>),
    /// The only value of a subquery of one column; NULL if it has no row, an error if it has more than one.
    Scalar(Box<Query>),
    /// Whether a subquery has a row.
    Exists(Box<Relation>),
    /// Whether a value is among the rows of a subquery of one column.
    InQuery(Box<Expr>, Box<Query>),
}

impl Expr {
    /// A literal.
    pub fn literal(value: impl Into<Value>) -> Expr {
        Expr::Literal(value.into())
    }

    /// `self op right`.
    pub fn compare(self, op: Comparison, right: Expr) -> Expr {
        Expr::Compare(op, Box::new(self), Box::new(right))
    }

    /// `self = right`.
    pub fn equals(self, right: Expr) -> Expr {
        self.compare(Comparison::Equal, right)
    }

    /// `self AND right`, flattened.
    pub fn and(self, right: Expr) -> Expr {
        match (self, right) {
            (Expr::And(mut all), Expr::And(more)) => {
                all.extend(more);
                Expr::And(all)
            }
            (Expr::And(mut all), one) => {
                all.push(one);
                Expr::And(all)
            }
            (one, Expr::And(mut all)) => {
                all.insert(0, one);
                Expr::And(all)
            }
            (left, right) => Expr::And(vec![left, right]),
        }
    }

    /// `self OR right`, flattened to the left.
    pub fn or(self, right: Expr) -> Expr {
        match self {
            Expr::Or(mut any) => {
                any.push(right);
                Expr::Or(any)
            }
            left => Expr::Or(vec![left, right]),
        }
    }

    /// `NOT self`.
    #[expect(clippy::should_implement_trait, reason = "the algebra's own word, beside `and` and `or`")]
    pub fn not(self) -> Expr {
        Expr::Not(Box::new(self))
    }

    /// `self IS NULL`.
    pub fn is_null(self) -> Expr {
        Expr::IsNull(Box::new(self))
    }

    /// `self op right`.
    pub fn arithmetic(self, op: Arithmetic, right: Expr) -> Expr {
        Expr::Arithmetic(op, Box::new(self), Box::new(right))
    }

    /// The direct subexpressions, in order; those inside subqueries are not among them.
    pub fn children(&self) -> Vec<&Expr> {
        let mut children = Vec::new();
        self.each_child(&mut |child| children.push(child));
        children
    }

    /// Calls `visit` with the same subexpressions.
    pub(crate) fn each_child<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match self {
            Expr::Literal(_) | Expr::Parameter(..) | Expr::Column(_) | Expr::Scalar(_) | Expr::Exists(_) => {}
            Expr::Compare(_, a, b) | Expr::Arithmetic(_, a, b) => {
                visit(a);
                visit(b);
            }
            Expr::And(all) | Expr::Or(all) | Expr::Call(_, all) => all.iter().for_each(visit),
            Expr::Not(a) | Expr::IsNull(a) | Expr::Negate(a) | Expr::Cast(a, _) | Expr::InQuery(a, _) => {
                visit(a);
            }
            Expr::InList(a, list) => {
                visit(a);
                list.iter().for_each(visit);
            }
            Expr::Case { branches, otherwise } => {
                branches.iter().flat_map(|(when, then)| [when, then]).for_each(&mut *visit);
                otherwise.as_deref().into_iter().for_each(visit);
            }
            Expr::Match { text, pattern, .. } => {
                visit(text);
                visit(pattern);
            }
        }
    }

    /// Whether something is true of one of the same subexpressions.
    pub(crate) fn any_child(&self, is_so: impl Fn(&Expr) -> bool) -> bool {
        match self {
            Expr::Literal(_) | Expr::Parameter(..) | Expr::Column(_) | Expr::Scalar(_) | Expr::Exists(_) => {
                false
            }
            Expr::Compare(_, a, b) | Expr::Arithmetic(_, a, b) => is_so(a) || is_so(b),
            Expr::And(all) | Expr::Or(all) | Expr::Call(_, all) => all.iter().any(is_so),
            Expr::Not(a) | Expr::IsNull(a) | Expr::Negate(a) | Expr::Cast(a, _) | Expr::InQuery(a, _) => {
                is_so(a)
            }
            Expr::InList(a, list) => is_so(a) || list.iter().any(is_so),
            Expr::Case { branches, otherwise } => {
                branches.iter().any(|(when, then)| is_so(when) || is_so(then))
                    || otherwise.as_deref().is_some_and(is_so)
            }
            Expr::Match { text, pattern, .. } => is_so(text) || is_so(pattern),
        }
    }

    /// Whether its value may be another each time it is computed in one statement, as one that is drawn by lot: to
    /// compute it twice, or for other rows, is to ask for something else. What its subqueries do is not looked at.
    pub(crate) fn is_volatile(&self) -> bool {
        matches!(self, Expr::Call(function, _) if function.is_volatile()) || self.any_child(Expr::is_volatile)
    }

    /// Whether its value follows from what it reads, in every statement. Its subqueries are not looked at.
    pub(crate) fn is_immutable(&self) -> bool {
        !matches!(self, Expr::Call(function, _) if !function.is_immutable())
            && !self.any_child(|child| !child.is_immutable())
    }

    /// The same subexpressions, to be changed in place.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        let mut children = Vec::new();
        self.each_child_mut(&mut |child| children.push(child));
        children
    }

    /// Calls `visit` with the same subexpressions, to be changed in place.
    pub(crate) fn each_child_mut<'e>(&'e mut self, visit: &mut dyn FnMut(&'e mut Expr)) {
        match self {
            Expr::Literal(_) | Expr::Parameter(..) | Expr::Column(_) | Expr::Scalar(_) | Expr::Exists(_) => {}
            Expr::Compare(_, a, b) | Expr::Arithmetic(_, a, b) => {
                visit(a);
                visit(b);
            }
            Expr::And(all) | Expr::Or(all) | Expr::Call(_, all) => all.iter_mut().for_each(visit),
            Expr::Not(a) | Expr::IsNull(a) | Expr::Negate(a) | Expr::Cast(a, _) | Expr::InQuery(a, _) => {
                visit(a);
            }
            Expr::InList(a, list) => {
                visit(a);
                list.iter_mut().for_each(visit);
            }
            Expr::Case { branches, otherwise } => {
                for (when, then) in branches {
                    visit(when);
                    visit(then);
                }
                otherwise.as_deref_mut().into_iter().for_each(visit);
            }
            Expr::Match { text, pattern, .. } => {
                visit(text);
                visit(pattern);
            }
        }
    }
}

impl From<Column> for Expr {
    fn from(column: Column) -> Self {
        Expr::Column(column)
    }
}

impl From<Value> for Expr {
    fn from(value: Value) -> Self {
        Expr::Literal(value)
    }
}
