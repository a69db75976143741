//! Collations: texts compare byte by byte, or without regard to case.
//!
//! A comparison without regard to case is one of the texts in lower case, so that an index on `lower(column)` serves it
//! and nothing below the binder knows of collations. SQLite's `NOCASE` does so with ASCII letters only; this with all.

use sqlparser::ast::{self, Expr as Ast};

use super::typed::{TEXT, Typed};
use super::{Binder, Bound, begin_of};
use crate::algebra::{Expr, Function};
use crate::evaluate::Class;
use crate::sql::error::{Problem, SqlError};

/// The collations that compare byte by byte.
const BINARY: [&str; 6] = ["binary", "c", "c.utf8", "posix", "ucs_basic", "default"];

/// Those that take no notice of case: SQLite's, and ICU's for the second strength, as PostgreSQL's users call it.
const IGNORING_CASE: [&str; 4] = ["nocase", "und-x-icu-ci", "case_insensitive", "ignore_case"];

fn name_of(collation: &ast::ObjectName) -> String {
    collation
        .0
        .last()
        .and_then(|part| part.as_ident())
        .map_or_else(String::new, |name| name.value.to_lowercase())
}

/// Whether an expression is to be compared without regard to case.
pub(super) fn ignores_case(expr: &Ast) -> bool {
    match expr {
        Ast::Collate { collation, .. } => IGNORING_CASE.contains(&name_of(collation).as_str()),
        Ast::Nested(inner) => ignores_case(inner),
        _ => false,
    }
}

impl Binder<'_> {
    /// A text as it is compared without regard to case; anything else as it is.
    pub(super) fn in_lower_case(&mut self, mut typed: Typed) -> Typed {
        self.settle(&mut typed, Some(TEXT));
        match typed.class() {
            Some(Class::Text) => {
                Typed { expr: Expr::Call(Function::Lower, vec![typed.expr]), kind: Some(TEXT), ..typed }
            }
            _ => typed,
        }
    }

    /// An expression with a collation, which is no other value for it.
    pub(super) fn collated(
        &mut self,
        expr: &Ast,
        collation: &ast::ObjectName,
        scope: &super::scope::Scope<'_>,
    ) -> Bound<Typed> {
        let name = name_of(collation);
        if BINARY.contains(&name.as_str()) || IGNORING_CASE.contains(&name.as_str()) {
            return self.expression(expr, scope);
        }
        let span = collation
            .0
            .last()
            .and_then(|part| part.as_ident())
            .map_or_else(|| begin_of(expr), |name| name.span);
        Err(SqlError::at(Problem::Unknown { kind: "collation", name }, span))
    }

    /// What a sort key orders by.
    pub(super) fn sorted_by(&self, key: &Ast, expr: Expr) -> Expr {
        if ignores_case(key) { Expr::Call(Function::Lower, vec![expr]) } else { expr }
    }
}
