//! Window functions: values over the rows around a row.
//!
//! Like an aggregate, a window function is remembered in the scope and seen as a column, of its `window` source. SQL
//! computes windows after WHERE, GROUP BY and HAVING, and so they stand above these here; but unlike SQL the algebra
//! keeps the columns below a window in scope, so a condition on one is a filter above it and no subquery.

use nuages_engine::algebra::{Bound, Expr, Frame, Relation, WindowFunction};
use nuages_storage::Value;

use super::{Compiler, ScopeId, expression::Place, joins::Reuse, rewrite};
use crate::{
    error::{Misuse, Result},
    node::{Node, WindowNode},
};

impl Compiler<'_> {
    /// A window function: remembered in the scope, and seen as a column of its `window`; equal ones are computed once.
    pub(super) fn window(&mut self, at: Place, window: &WindowNode) -> Result<Expr> {
        let expressions = |compiler: &mut Self, nodes: &[Node]| {
            let nodes = nodes.iter().map(|node| compiler.expression_at(at, node, &mut Reuse::All));
            nodes.collect::<Result<Vec<_>>>()
        };
        let arguments = expressions(self, &window.arguments)?;
        let partition_by = expressions(self, &window.partition_by)?;
        let filter = window.filter.as_ref().map(|node| self.truth(at, node, &mut Reuse::All));
        let mut function = WindowFunction {
            function: window.kind,
            arguments,
            filter: filter.transpose()?,
            partition_by,
            order_by: self.inner_order(at, &window.order_by)?,
            frame: frame(&window.frame),
        };
        if function.expressions_mut().any(|part| self.is_windowed(at.scope, part)) {
            return Err(Misuse::WindowHere { place: "another window function" }.into());
        }
        let scope = &mut self.scopes[at.scope];
        let index = scope.windows.iter().position(|known| *known == function).unwrap_or_else(|| {
            scope.windows.push(function);
            scope.windows.len() - 1
        });
        Ok(Expr::Column(scope.window.column(index)))
    }

    /// Whether an expression is computed from a window function of the level.
    pub(super) fn is_windowed(&self, scope: ScopeId, expr: &Expr) -> bool {
        !self.scopes[scope].windows.is_empty() && rewrite::mentions(expr, self.scopes[scope].window)
    }

    /// Whether an expression is computed from a window function over the groups of the level.
    pub(super) fn is_window_of_aggregate(&self, scope: ScopeId, expr: &Expr) -> bool {
        if !self.is_windowed(scope, expr) {
            return false;
        }
        let scope = &self.scopes[scope];
        let mut found = false;
        rewrite::columns(expr, &mut |column| {
            if column.source() == scope.window
                && let Some(function) = scope.windows.get(column.index())
            {
                let mut parts = function.clone();
                found |= parts.expressions_mut().any(|part| rewrite::mentions(part, scope.group));
            }
        });
        found
    }
}

/// A frame whose offsets are constants, as the algebra has it.
fn frame(of: &Frame<Value>) -> Frame {
    let bound = |bound: &Bound<Value>| match bound {
        Bound::UnboundedPreceding => Bound::UnboundedPreceding,
        Bound::Preceding(offset) => Bound::Preceding(Expr::Literal(offset.clone())),
        Bound::CurrentRow => Bound::CurrentRow,
        Bound::Following(offset) => Bound::Following(Expr::Literal(offset.clone())),
        Bound::UnboundedFollowing => Bound::UnboundedFollowing,
    };
    Frame { unit: of.unit, start: bound(&of.start), end: bound(&of.end), exclude: of.exclude }
}

/// The rows with the window functions beside them, and of these the ones that meet conditions on them.
pub(super) fn above(
    relation: Relation,
    source: nuages_engine::algebra::Source,
    windows: Vec<WindowFunction>,
    conditions: Vec<Expr>,
) -> Relation {
    let relation = if windows.is_empty() { relation } else { relation.window(source, windows) };
    if conditions.is_empty() { relation } else { relation.filter(Expr::And(conditions)) }
}
