//! Expressions as text, in SQL's notation, for plans and messages.
//!
//! Who prints says what a column is called. Subqueries are named, not written out.

use std::fmt::{self, Display, Formatter, Write};

use nuages_storage::Value;

use super::{Arithmetic, Column, Comparison, Expr, TextMatch};

/// An expression and the names of its columns.
pub struct Printed<'a> {
    expr: &'a Expr,
    name: &'a dyn Fn(Column) -> String,
}

impl Expr {
    /// The expression as text.
    ///
    /// ```
    /// use nuages_engine::algebra::{Comparison, Expr, Source};
    /// let views = Expr::from(Source::new(0).column(0));
    /// let popular = views.compare(Comparison::GreaterOrEqual, Expr::literal(100));
    /// assert_eq!(popular.print(&|_| "views".into()).to_string(), "views >= 100");
    /// ```
    pub fn print<'a>(&'a self, name: &'a dyn Fn(Column) -> String) -> Printed<'a> {
        Printed { expr: self, name }
    }
}

impl<'a> Printed<'a> {
    fn of(&self, expr: &'a Expr) -> Printed<'a> {
        Printed { expr, name: self.name }
    }

    /// An operand, in parentheses if it is a compound.
    fn operand(&self, expr: &'a Expr, f: &mut Formatter<'_>) -> fmt::Result {
        let compound = matches!(
            expr,
            Expr::And(_) | Expr::Or(_) | Expr::Compare(..) | Expr::Arithmetic(..) | Expr::Match { .. }
        );
        match compound {
            true => write!(f, "({})", self.of(expr)),
            false => self.of(expr).fmt(f),
        }
    }

    fn list(&self, exprs: &'a [Expr], separator: &str, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, expr) in exprs.iter().enumerate() {
            if number > 0 {
                f.write_str(separator)?;
            }
            self.of(expr).fmt(f)?;
        }
        Ok(())
    }
}

/// How many members of a list are printed before the rest is only counted.
const LISTED_MAX: usize = 5;

impl Display for Printed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.expr {
            Expr::Literal(value) => literal(value, f),
            Expr::Parameter(number, _) => write!(f, "${}", number + 1),
            Expr::Column(column) => f.write_str(&(self.name)(*column)),
            Expr::Compare(op, a, b) => {
                self.operand(a, f)?;
                write!(f, " {} ", op.symbol())?;
                self.operand(b, f)
            }
            Expr::And(parts) if parts.is_empty() => f.write_str("true"),
            Expr::Or(parts) if parts.is_empty() => f.write_str("false"),
            Expr::And(parts) | Expr::Or(parts) => {
                let word = if matches!(self.expr, Expr::And(_)) { " AND " } else { " OR " };
                for (number, part) in parts.iter().enumerate() {
                    if number > 0 {
                        f.write_str(word)?;
                    }
                    match part {
                        Expr::And(_) | Expr::Or(_) => write!(f, "({})", self.of(part))?,
                        part => self.of(part).fmt(f)?,
                    }
                }
                Ok(())
            }
            Expr::Not(inner) => match &**inner {
                Expr::IsNull(value) => {
                    self.operand(value, f)?;
                    f.write_str(" IS NOT NULL")
                }
                inner => {
                    f.write_str("NOT ")?;
                    self.operand(inner, f)
                }
            },
            Expr::IsNull(value) => {
                self.operand(value, f)?;
                f.write_str(" IS NULL")
            }
            Expr::InList(value, list) => {
                self.operand(value, f)?;
                f.write_str(" IN (")?;
                self.list(&list[..list.len().min(LISTED_MAX)], ", ", f)?;
                if list.len() > LISTED_MAX {
                    write!(f, ", .. {} more", list.len() - LISTED_MAX)?;
                }
                f.write_char(')')
            }
            Expr::Arithmetic(op, a, b) => {
                self.operand(a, f)?;
                write!(f, " {} ", op.symbol())?;
                self.operand(b, f)
            }
            Expr::Negate(value) => {
                f.write_char('-')?;
                self.operand(value, f)
            }
            Expr::Case { branches, otherwise } => {
                f.write_str("CASE")?;
                for (when, then) in branches {
                    write!(f, " WHEN {} THEN {}", self.of(when), self.of(then))?;
                }
                if let Some(otherwise) = otherwise {
                    write!(f, " ELSE {}", self.of(otherwise))?;
                }
                f.write_str(" END")
            }
            Expr::Cast(value, data_type) => write!(f, "CAST({} AS {data_type})", self.of(value)),
            Expr::Match { kind, ignore_case, text, pattern } => {
                self.operand(text, f)?;
                write!(f, " {}{} ", if *ignore_case { "I" } else { "" }, kind.word())?;
                self.operand(pattern, f)
            }
            Expr::Call(function, arguments) => {
                write!(f, "{}(", function.name())?;
                self.list(arguments, ", ", f)?;
                f.write_char(')')
            }
            Expr::Scalar(_) => f.write_str("(subquery)"),
            Expr::Exists(_) => f.write_str("EXISTS (subquery)"),
            Expr::InQuery(value, _) => {
                self.operand(value, f)?;
                f.write_str(" IN (subquery)")
            }
        }
    }
}

fn literal(value: &Value, f: &mut Formatter<'_>) -> fmt::Result {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Decimal(_) => {
            write!(f, "{value}")
        }
        value => write!(f, "'{}'", value.to_string().replace('\'', "''")),
    }
}

impl Comparison {
    /// Its symbol in SQL.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Same => "IS NOT DISTINCT FROM",
        }
    }
}

impl Arithmetic {
    /// Its symbol in SQL.
    pub fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Modulo => "%",
            Arithmetic::Power => "^",
            Arithmetic::BitAnd => "&",
            Arithmetic::BitOr => "|",
            Arithmetic::BitXor => "#",
            Arithmetic::ShiftLeft => "<<",
            Arithmetic::ShiftRight => ">>",
        }
    }
}

impl TextMatch {
    fn word(self) -> &'static str {
        match self {
            TextMatch::Exact => "EQUALS",
            TextMatch::Contains => "CONTAINS",
            TextMatch::StartsWith => "STARTS WITH",
            TextMatch::EndsWith => "ENDS WITH",
            TextMatch::Like => "LIKE",
            TextMatch::Regex => "MATCHES",
        }
    }
}
