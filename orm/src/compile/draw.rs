//! Annotations that are made by lot: drawn once for each row, whatever asks for them.
//!
//! In the algebra each `random()` draws anew, so that a queryset which annotates one, tests it and is ordered by it
//! would see three numbers. Such an annotation is a column of the scope's `drawn` source instead, and where more than
//! one part of the level asks for it, a projection below them computes it beside the columns they need. Groups are made
//! of rows, which have no number of their own to keep: there each part draws for itself.

use nuages_engine::algebra::{Column, Expr, Function, MathFunction, Relation, Source};

use super::{
    Compiler, ScopeId,
    group::Wanted,
    rewrite::{self, Rewrite},
};

impl Compiler<'_> {
    /// What an annotation is seen as: if lots are drawn for it, and it is one of rows and not of groups or windows, a
    /// column of the scope's `drawn`.
    pub(super) fn drawn_once(&mut self, scope: ScopeId, value: Expr) -> Expr {
        if !draws(&value) || self.is_aggregate(scope, &value) || self.is_windowed(scope, &value) {
            return value;
        }
        let scope = &mut self.scopes[scope];
        scope.draws.push(value);
        Expr::Column(scope.drawn.column(scope.draws.len() - 1))
    }

    /// The rows of a level without groups, with what was drawn for them beside them if more than one part of what is
    /// wanted asks for it, or a condition does.
    pub(super) fn with_draws(
        &mut self,
        scope: ScopeId,
        relation: Relation,
        mut conditions: Vec<Expr>,
        wanted: &mut Wanted,
    ) -> Relation {
        let drawn = self.scopes[scope].drawn;
        let mut uses = 0;
        let mut columns: Vec<Column> = Vec::new();
        for part in wanted.expressions_mut().into_iter().map(|part| &*part).chain(&conditions) {
            rewrite::columns(part, &mut |column| {
                if column.source() == drawn {
                    uses += 1;
                } else if self.scopes[scope].joins.by_source(column.source()).is_some()
                    && !columns.contains(&column)
                {
                    columns.push(column);
                }
            });
        }
        if uses == 0 {
            return relation;
        }
        if uses == 1 && conditions.is_empty() {
            self.draw_in_place(scope, wanted.expressions_mut());
            return relation;
        }
        let source = self.source();
        let computed = columns.iter().map(|column| Expr::Column(*column));
        let computed = computed.chain(self.scopes[scope].draws.iter().cloned()).collect();
        let mut moved = Moved { columns, drawn, source };
        let parts = wanted.expressions_mut().into_iter().chain(&mut conditions);
        parts.for_each(|part| rewrite::expr(part, &mut moved));
        let relation = relation.project(source, computed);
        if conditions.is_empty() { relation } else { relation.filter(Expr::And(conditions)) }
    }

    /// Puts the annotations themselves in the place of their columns.
    pub(super) fn draw_in_place<'e>(&self, scope: ScopeId, parts: impl IntoIterator<Item = &'e mut Expr>) {
        let scope = &self.scopes[scope];
        if scope.draws.is_empty() {
            return;
        }
        let mut in_place = InPlace { drawn: scope.drawn, draws: &scope.draws };
        parts.into_iter().for_each(|part| rewrite::expr(part, &mut in_place));
    }
}

/// Whether lots are drawn for an expression. A subquery in it draws for its own rows.
fn draws(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(Function::Math(MathFunction::Random), _))
        || expr.children().into_iter().any(draws)
}

/// Columns of rows that a projection has moved.
struct Moved {
    columns: Vec<Column>,
    drawn: Source,
    source: Source,
}

impl Rewrite for Moved {
    fn column(&mut self, column: Column) -> Option<Expr> {
        let place = match column.source() == self.drawn {
            true => self.columns.len() + column.index(),
            false => self.columns.iter().position(|known| *known == column)?,
        };
        Some(Expr::Column(self.source.column(place)))
    }
}

struct InPlace<'d> {
    drawn: Source,
    draws: &'d [Expr],
}

impl Rewrite for InPlace<'_> {
    fn column(&mut self, column: Column) -> Option<Expr> {
        (column.source() == self.drawn).then(|| self.draws.get(column.index()).cloned()).flatten()
    }
}
