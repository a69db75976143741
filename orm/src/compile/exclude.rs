//! What `exclude` makes of a condition over many rows: Django's `split_exclude`.
//!
//! `exclude(comments.text = 'a')` leaves out what has *any* such comment, so that the comparison stands in a subquery
//! of its own. The same holds of a relation that a condition narrows, which is left out if any row of it compares so.

use std::sync::Arc;

use nuages_engine::algebra::{Expr, Source};

use super::{
    Compiler,
    condition::{Call, Negation},
    expression::Place,
    path::hops,
};
use crate::{
    error::{Misuse, Result},
    meta::ModelMeta,
    node::{FieldPath, Lookup, Node, Operator},
};

/// A negated comparison over a path to many rows.
pub(super) struct Split<'n> {
    pub(super) lookup: Lookup,
    pub(super) left: &'n Node,
    pub(super) right: &'n [Node],
    /// The only path of the left side.
    pub(super) path: &'n FieldPath,
    /// Which of its steps is the first to lead to many rows.
    pub(super) step: usize,
}

impl Compiler<'_> {
    /// A negated comparison over a path to many rows: whether there is *any* row for which it is true.
    ///
    /// The subquery begins at the first table of many rows, tied to the key of the row outside. If a missing row can
    /// make the comparison true (`comments is null`), it begins one table earlier, at a copy of the row outside. If
    /// the same call speaks of a row of this relation already, it is tied to that very row.
    pub(super) fn split_exclude(&mut self, at: Place, split: &Split<'_>, call: &Call) -> Result<Expr> {
        let (before, rest) = split.path.steps().split_at(split.step);
        let prefix: FieldPath = before.iter().copied().collect();
        let rest: FieldPath = rest.iter().copied().collect();
        let outside = self.walk_from(at.scope, at.anchor, &prefix, &call.reuse)?;
        let outside_key = self.column(at.scope, &outside);
        let not_a_column = Misuse::NotAColumn { model: at.anchor.model.name };
        let parent =
            before.iter().try_fold(at.anchor.model, |model, step| step.target(model)).ok_or(not_a_column)?;

        let inner = self.open(parent, Some(at.scope))?;
        self.scopes[inner].split = true;
        let operands: Vec<Node> = std::iter::once(with_path(split.left, &rest))
            .chain(split.right.iter().map(|node| outward(node, at.anchor.model)))
            .collect();
        let node = Node::Call(Operator::Lookup(split.lookup), operands.into());
        let place = self.place(inner);
        let (condition, _) = self.junction(
            place,
            std::slice::from_ref(&node),
            false,
            &mut Call::filter(),
            Negation::default(),
        )?;

        let shared = self.shared_join(at, split.path, split.step, call)?;
        let joins = &self.scopes[inner].joins;
        if joins.is_left(1) {
            let key = joins.get(0).source.column(self.binding.key_column(parent)?);
            let tie = Expr::Column(key).equals(outside_key.clone());
            let exists = Expr::Exists(Box::new(joins.relation(|_| true).filter(tie.and(condition))));
            return Ok(if before.is_empty() { exists } else { exists.or(outside_key.is_null()) });
        }
        let many = joins.get(1);
        let tie = match (shared, &many.parent) {
            (Some(source), _) => Expr::Column(many.source.row_id()).equals(Expr::Column(source.row_id())),
            (None, Some(link)) => {
                let meet = Expr::Column(many.source.column(link.hop.far)).equals(outside_key);
                link.hop.guarded(many.source, meet)
            }
            (None, None) => outside_key,
        };
        Ok(Expr::Exists(Box::new(joins.relation_without_first().filter(tie.and(condition)))))
    }

    /// The join that this call made already along the first to-many step of a path, if it did and if Django sees it:
    /// Django knows the join by the name of its table, which only the first join with a table has, on both sides.
    fn shared_join(&self, at: Place, path: &FieldPath, step: usize, call: &Call) -> Result<Option<Source>> {
        let joins = &self.scopes[at.scope].joins;
        let (mut model, mut join) = (at.anchor.model, at.anchor.join);
        let mut before = vec![join];
        for (index, &one) in path.steps().iter().take(step + 1).enumerate() {
            let Some((hops, target)) = hops(self.binding, model, one)? else { return Ok(None) };
            let Some(next) = joins.find(join, &hops[0], None, &call.reuse) else { return Ok(None) };
            if index == step {
                let table = joins.get(next).table;
                let is_first = (0..joins.len()).find(|&id| joins.get(id).table == table) == Some(next);
                let is_named = is_first && before.iter().all(|&id| joins.get(id).table != table);
                return Ok(is_named.then(|| joins.get(next).source));
            }
            before.push(next);
            (model, join) = (target, next);
        }
        Ok(None)
    }

    /// A negated comparison over a relation that a condition narrows: whether a copy of the row outside, joined with
    /// the narrowed relation, has a row for which it is true. A row that has no such relation stays.
    pub(super) fn filtered_exclude(
        &mut self,
        at: Place,
        lookup: Lookup,
        left: &Node,
        right: &[Node],
    ) -> Result<Expr> {
        let model = at.anchor.model;
        let key = self.binding.key_column(model)?;
        let outside = Expr::Column(self.scopes[at.scope].joins.get(at.anchor.join).source.column(key));
        let inner = self.open(model, Some(at.scope))?;
        self.scopes[inner].split = true;
        let right = right.iter().map(|node| outward(node, model));
        let operands = std::iter::once(left.clone()).chain(right).collect();
        let comparison = Node::Call(Operator::Lookup(lookup), operands);
        let place = self.place(inner);
        let part = std::slice::from_ref(&comparison);
        let (condition, _) = self.junction(place, part, false, &mut Call::filter(), Negation::default())?;
        let joins = &self.scopes[inner].joins;
        let tie = Expr::Column(joins.get(0).source.column(key)).equals(outside);
        Ok(Expr::Exists(Box::new(joins.relation(|_| true).filter(tie.and(condition)))))
    }
}

/// Whether an expression is computed from a relation that a condition narrows, and from nothing else.
pub(super) fn is_filtered(node: &Node) -> bool {
    match node.unnamed() {
        Node::Filtered(_) => true,
        Node::Call(Operator::And | Operator::Or | Operator::Not | Operator::Lookup(_), _) => false,
        Node::Call(_, operands) => {
            let mut parts = operands.iter().filter(|operand| !matches!(operand, Node::Value(_))).peekable();
            parts.peek().is_some() && parts.all(is_filtered)
        }
        _ => false,
    }
}

/// The same expression over another path.
fn with_path(node: &Node, path: &FieldPath) -> Node {
    match node {
        Node::Path(_) => Node::Path(path.clone()),
        Node::Named(_, node) => with_path(node, path),
        Node::Call(operator, operands) => {
            Node::Call(operator.clone(), operands.iter().map(|operand| with_path(operand, path)).collect())
        }
        other => other.clone(),
    }
}

/// An operand, as a subquery of its query sees it.
fn outward(node: &Node, model: &'static ModelMeta) -> Node {
    match node {
        Node::Value(_) | Node::Parameter(..) | Node::Subquery(_) | Node::Exists(_) => node.clone(),
        // An `outer(..)` too is meant from the query outside: it leads out of that one.
        other => Node::Outer { model, node: Arc::new(other.clone()) },
    }
}
