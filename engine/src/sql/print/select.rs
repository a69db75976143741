//! A `SELECT` being put together.
//!
//! SQL evaluates the clauses of a `SELECT` in one order, so operators can share one as long as they come in it: a
//! filter above a sort cannot. [`Stage`] is how far a `SELECT` has come; an operator that comes too late for it has it
//! wrapped, as a derived table, and begins another.

use std::fmt::{self, Display, Formatter};

use crate::algebra::{Column, Expr};

/// The clauses in the order in which SQL evaluates them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Where rows come from.
    #[default]
    From,
    /// Which of them.
    Where,
    /// Grouped.
    Group,
    /// Which groups.
    Having,
    /// With the columns it is to have.
    Projected,
    /// Without duplicates.
    Distinct,
    /// In order.
    Order,
    /// A run of them.
    Limit,
}

/// The clauses of a `SELECT`, but for its columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Select {
    pub(super) from: String,
    pub(super) filter: Vec<String>,
    /// Of an aggregate, the keys; there may be none.
    pub(super) group: Option<Vec<String>>,
    pub(super) having: Vec<String>,
    /// In what rows must differ.
    pub(super) distinct: Option<Vec<Expr>>,
    /// Whether the first of those that do not differ is kept, by `order`.
    pub(super) is_first_kept: bool,
    /// `ORDER BY ..`, or nothing.
    pub(super) order: String,
    /// The aggregates of its groups.
    pub(super) aggregates: Vec<String>,
    pub(super) offset: Option<String>,
    pub(super) count: Option<String>,
    /// Whether it has the columns of a projection already.
    pub(super) is_projected: bool,
    /// What may be mentioned above it.
    pub(super) scope: Vec<Column>,
    pub(super) stage: Stage,
}

impl Select {
    /// Rows of something that can stand after `FROM`.
    pub(super) fn from(from: String, scope: Vec<Column>) -> Select {
        Select { from, scope, ..Select::default() }
    }

    /// The statement, with its columns and what of them must be distinct.
    pub(super) fn with_columns<'s>(&'s self, distinct: &'s str, columns: &'s str) -> impl Display + 's {
        Written { select: self, distinct, columns }
    }
}

struct Written<'s> {
    select: &'s Select,
    distinct: &'s str,
    columns: &'s str,
}

impl Display for Written<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Written { select, distinct, columns } = self;
        write!(f, "SELECT {distinct}{columns}")?;
        if !select.from.is_empty() {
            write!(f, " FROM {}", select.from)?;
        }
        clause(f, " WHERE ", &select.filter, " AND ")?;
        clause(f, " GROUP BY ", select.group.as_deref().unwrap_or_default(), ", ")?;
        clause(f, " HAVING ", &select.having, " AND ")?;
        if !select.order.is_empty() {
            write!(f, " {}", select.order)?;
        }
        if let Some(count) = &select.count {
            write!(f, " LIMIT {count}")?;
        }
        if let Some(offset) = &select.offset {
            write!(f, " OFFSET {offset}")?;
        }
        Ok(())
    }
}

fn clause(f: &mut Formatter<'_>, word: &str, parts: &[String], separator: &str) -> fmt::Result {
    if parts.is_empty() { Ok(()) } else { write!(f, "{word}{}", parts.join(separator)) }
}
