//! Changing columns and sources in finished algebra, subqueries included.

use nuages_engine::algebra::{Aggregate, Column, Expr, Query, Relation, Source, WindowFunction};

/// What to change.
pub(super) trait Rewrite {
    /// What a column becomes, if it changes.
    fn column(&mut self, column: Column) -> Option<Expr>;

    /// What a relation's columns are named by from now on.
    fn source(&mut self, source: Source) -> Source {
        source
    }
}

/// Rewrites an expression in place.
pub(super) fn expr(target: &mut Expr, rewrite: &mut dyn Rewrite) {
    match target {
        Expr::Column(column) => {
            if let Some(new) = rewrite.column(*column) {
                *target = new;
            }
        }
        Expr::Scalar(inner) => query(inner, rewrite),
        Expr::Exists(inner) => relation(inner, rewrite),
        Expr::InQuery(_, inner) => query(inner, rewrite),
        _ => {}
    }
    for child in target.children_mut() {
        expr(child, rewrite);
    }
}

/// An expression over [`Source::SELF`] where each column is what `column` gives for its place.
pub(crate) fn substituted(mut target: Expr, column: &dyn Fn(usize) -> Expr) -> Expr {
    struct Substitute<'a>(&'a dyn Fn(usize) -> Expr);
    impl Rewrite for Substitute<'_> {
        fn column(&mut self, column: Column) -> Option<Expr> {
            (column.source() == Source::SELF).then(|| (self.0)(column.index()))
        }
    }
    replace(&mut target, &mut Substitute(column));
    target
}

/// As [`expr`], but what has come in the place of a column is not looked at again.
fn replace(target: &mut Expr, rewrite: &mut dyn Rewrite) {
    if let Expr::Column(column) = target {
        if let Some(new) = rewrite.column(*column) {
            *target = new;
        }
        return;
    }
    target.children_mut().into_iter().for_each(|child| replace(child, rewrite));
}

/// Rewrites a relation in place.
pub(super) fn relation(target: &mut Relation, rewrite: &mut dyn Rewrite) {
    match target {
        Relation::Unit => {}
        Relation::Scan { source, .. } => *source = rewrite.source(*source),
        Relation::Values { source, rows, .. } => {
            *source = rewrite.source(*source);
            rows.iter_mut().flatten().for_each(|value| expr(value, rewrite));
        }
        Relation::Filter { input, predicate } => {
            relation(input, rewrite);
            expr(predicate, rewrite);
        }
        Relation::Project { input, source, columns } => {
            relation(input, rewrite);
            *source = rewrite.source(*source);
            columns.iter_mut().for_each(|column| expr(column, rewrite));
        }
        Relation::Join { left, right, on, .. } => {
            relation(left, rewrite);
            relation(right, rewrite);
            expr(on, rewrite);
        }
        Relation::Aggregate { input, source, keys, aggregates } => {
            relation(input, rewrite);
            *source = rewrite.source(*source);
            keys.iter_mut().for_each(|key| expr(key, rewrite));
            aggregates.iter_mut().for_each(|one| aggregate(one, rewrite));
        }
        Relation::Sort { input, keys } => {
            relation(input, rewrite);
            keys.iter_mut().for_each(|key| expr(&mut key.expr, rewrite));
        }
        Relation::Limit { input, .. } => relation(input, rewrite),
        Relation::Distinct { input, on } => {
            relation(input, rewrite);
            on.iter_mut().for_each(|key| expr(key, rewrite));
        }
        Relation::Set { source, left, right, .. } => {
            *source = rewrite.source(*source);
            query(left, rewrite);
            query(right, rewrite);
        }
        Relation::Window { input, source, functions } => {
            relation(input, rewrite);
            *source = rewrite.source(*source);
            functions
                .iter_mut()
                .flat_map(WindowFunction::expressions_mut)
                .for_each(|part| expr(part, rewrite));
        }
        Relation::With { rows, input, .. } => {
            query(rows, rewrite);
            relation(input, rewrite);
        }
        Relation::Recursive { base, step, source, .. } => {
            *source = rewrite.source(*source);
            query(base, rewrite);
            query(step, rewrite);
        }
        Relation::WorkTable { source, .. } => *source = rewrite.source(*source),
    }
}

/// Rewrites an aggregate in place.
pub(super) fn aggregate(target: &mut Aggregate, rewrite: &mut dyn Rewrite) {
    target.expressions_mut().for_each(|part| expr(part, rewrite));
}

fn query(target: &mut Query, rewrite: &mut dyn Rewrite) {
    relation(&mut target.relation, rewrite);
    target.columns.iter_mut().for_each(|column| expr(&mut column.expr, rewrite));
}

/// Calls `visit` with every column an expression mentions, also inside its subqueries.
pub(super) fn columns(of: &Expr, visit: &mut dyn FnMut(Column)) {
    struct Visit<'a>(&'a mut dyn FnMut(Column));
    impl Rewrite for Visit<'_> {
        fn column(&mut self, column: Column) -> Option<Expr> {
            (self.0)(column);
            None
        }
    }
    // Subqueries are rare and small; a second walker over shared references is not worth its lines.
    if matches!(of, Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..)) {
        return expr(&mut of.clone(), &mut Visit(visit));
    }
    if let Expr::Column(column) = of {
        visit(*column);
    }
    of.children().into_iter().for_each(|child| columns(child, visit));
}

/// Whether an expression mentions a column of `source`.
pub(super) fn mentions(of: &Expr, source: Source) -> bool {
    let mut found = false;
    columns(of, &mut |column| found |= column.source() == source);
    found
}
