//! Collations: texts compare byte by byte, or without regard to case.
//!
//! A comparison without regard to case is one of the texts in lower case, an index over such texts one over
//! `lower(..)`; so nothing below the binder knows of collations but the name of a column's. SQLite's `NOCASE` does so
//! with ASCII letters only; this with all. In set operations the left query's columns decide.
//!
//! Whose collation decides is SQLite's rule: that which is written behind an operand, else that of an operand that is a
//! column, of the left one first.

use sqlparser::ast::{self, Expr as Ast};

use super::typed::{TEXT, Typed};
use super::{Binder, Bound, begin_of};
use crate::algebra::{Expr, Function, JsonFunction};
use crate::catalog::Collation;
use crate::evaluate::Class;
use crate::sql::error::{Problem, SqlError};

/// The collations that compare byte by byte.
const BINARY: [&str; 6] = ["binary", "c", "c.utf8", "posix", "ucs_basic", "default"];

/// Those that take no notice of case: SQLite's, and ICU's for the second strength, as PostgreSQL's users call it.
const IGNORING_CASE: [&str; 4] = ["nocase", "und-x-icu-ci", "case_insensitive", "ignore_case"];

/// How a text is to be compared, and who says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sql) enum Collating {
    /// Nobody.
    #[default]
    Unsaid,
    /// The definition of the column that it is.
    OfColumn(Collation),
    /// A `COLLATE` behind it.
    Written(Collation),
}

impl Collating {
    pub(super) fn collation(self) -> Collation {
        match self {
            Collating::Unsaid => Collation::Binary,
            Collating::OfColumn(collation) | Collating::Written(collation) => collation,
        }
    }

    /// Whether what is compared with another is compared without regard to case.
    pub(super) fn beside(self, right: Collating) -> bool {
        let written = |of: Collating| matches!(of, Collating::Written(_));
        let of_column = |of: Collating| matches!(of, Collating::OfColumn(_));
        let sides = [self, right];
        let decides = sides.into_iter().find(|side| written(*side));
        let decides = decides.or_else(|| sides.into_iter().find(|side| of_column(*side)));
        decides.unwrap_or_default().collation() == Collation::IgnoreCase
    }
}

impl Typed {
    /// Whether it is ordered and grouped without regard to case.
    pub(super) fn ignores_case(&self) -> bool {
        self.collation.collation() == Collation::IgnoreCase && self.class() == Some(Class::Text)
    }

    /// What tells it from others of its collation.
    pub(super) fn distinguished(self) -> Expr {
        match () {
            () if self.ignores_case() => lower(self.expr),
            () if self.is_any() => super::json::ranked(self.expr),
            () => self.expr,
        }
    }

    /// That, with the type it had.
    pub(super) fn into_distinguished(self) -> Typed {
        let kind = self.kind;
        Typed::new(self.distinguished(), kind)
    }
}

/// An expression of text in lower case.
pub(super) fn lower(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(nuages_storage::Value::Text(text)) => Expr::literal(text.to_lowercase()),
        expr => Expr::Call(Function::Lower, vec![expr]),
    }
}

/// A text behind what it is ordered by without regard to case: of such pairs the least is that of the least text. NULL
/// if it is.
pub(super) fn paired(text: Expr) -> Expr {
    let pair = Expr::Call(Function::Json(JsonFunction::BuildArray), vec![lower(text.clone()), text.clone()]);
    Expr::Case { branches: vec![(text.is_null().not(), pair)], otherwise: None }
}

/// The text of a pair.
pub(super) fn unpaired(pair: Expr) -> Expr {
    Expr::Call(Function::Json(JsonFunction::GetText), vec![pair, Expr::literal(1)])
}

impl Binder<'_> {
    /// A text as it is compared without regard to case; anything else as it is.
    pub(super) fn in_lower_case(&mut self, mut typed: Typed) -> Typed {
        self.settle(&mut typed, Some(TEXT));
        match typed.class() {
            Some(Class::Text) => Typed { expr: lower(typed.expr), kind: Some(TEXT), ..typed },
            _ => typed,
        }
    }

    /// Both sides of a comparison as they are compared.
    pub(super) fn collated_pair(&mut self, left: Typed, right: Typed) -> (Typed, Typed) {
        match left.collation.beside(right.collation) {
            true => (self.in_lower_case(left), self.in_lower_case(right)),
            false => (left, right),
        }
    }

    /// The collation of a name.
    pub(super) fn collation_named(&self, name: &ast::ObjectName) -> Bound<Collation> {
        let ident = name.0.last().and_then(|part| part.as_ident());
        let known = ident.map_or_else(String::new, |name| name.value.to_lowercase());
        match known.as_str() {
            name if BINARY.contains(&name) => Ok(Collation::Binary),
            name if IGNORING_CASE.contains(&name) => Ok(Collation::IgnoreCase),
            _ => {
                let problem = Problem::Unknown { kind: "collation", name: known };
                Err(ident
                    .map_or_else(|| problem.clone().into(), |name| SqlError::at(problem.clone(), name.span)))
            }
        }
    }

    /// An expression with a collation, which is no other value for it.
    pub(super) fn collated(
        &mut self,
        expr: &Ast,
        collation: &ast::ObjectName,
        scope: &super::scope::Scope<'_>,
    ) -> Bound<Typed> {
        let collation = self.collation_named(collation).map_err(|error| error.or_at(begin_of(expr).start))?;
        let typed = self.expression(expr, scope)?.any_as_text();
        Ok(Typed { collation: Collating::Written(collation), ..typed })
    }
}
