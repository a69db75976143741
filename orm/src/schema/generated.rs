//! Columns that are computed from others of their row: `#[field(generated = Counter::hits * 2)]`.
//!
//! Whoever writes a row through a model writes these columns too: every insertion, and every update of a column that
//! one of them reads. A check of the database stands behind it, so no other writer can store another value.

use nuages_engine::algebra::Expr;

use crate::{
    compile::{Compiler, substituted},
    error::{Misuse, Result},
    executor::Settings,
    meta::{FieldMeta, ModelMeta},
};

/// A computed column.
#[derive(Clone, Debug)]
pub(crate) struct Generated {
    /// Its position in the model.
    pub(crate) position: usize,
    /// The field.
    pub(crate) field: u16,
    /// Over the row, whose columns are called by their positions in the model.
    expr: Expr,
}

impl Generated {
    /// The value, where the column at a position is what `column` gives.
    pub(crate) fn value(&self, column: &dyn Fn(usize) -> Expr) -> Expr {
        substituted(self.expr.clone(), column)
    }
}

/// The computed columns of a model.
///
/// # Errors
/// [`Misuse`] for an expression over another table, an aggregate, another computed column, or a key that the database
/// makes.
pub(crate) fn generated(meta: &'static ModelMeta) -> Result<Vec<Generated>> {
    let mut found = Vec::new();
    for (field, description) in meta.columns() {
        let Some(node) = description.generated else { continue };
        let expr = Compiler::of_row(meta, &Settings::default(), &node())?;
        let reads_filled = std::cell::Cell::new(false);
        substituted(expr.clone(), &|position| {
            let read = meta.columns().nth(position).map(|(_, field)| field);
            let is_filled = |field: &FieldMeta| field.generated.is_some() || field.primary_key && field.auto;
            reads_filled.set(reads_filled.get() || read.is_some_and(is_filled));
            Expr::literal(0)
        });
        if reads_filled.get() {
            return Err(Misuse::Other(
                "a generated column reads columns that are written, and not generated",
            )
            .into());
        }
        found.push(Generated { position: meta.position(field), field, expr });
    }
    Ok(found)
}

/// What the database writes into a column where no value is given.
pub(crate) fn db_default(meta: &'static ModelMeta, field: &FieldMeta) -> Result<Option<Expr>> {
    let Some(node) = field.db_default else { return Ok(None) };
    Compiler::of_default(meta, &node()).map(Some)
}
