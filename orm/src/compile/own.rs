//! The short way for conditions on the model's own columns.
//!
//! Most conditions compare columns of the queryset's own table with values. Such a condition needs no join, shares
//! none and asks none to be inner, so of what [`condition`](super::condition) decides nothing is left but the
//! expression. What is negated, leads to another model or compares with anything but a value goes the long way.

use nuages_engine::algebra::{Comparison, Expr};
use nuages_storage::Value;

use super::Compiler;
use crate::{
    meta::FieldKind,
    node::{FieldPath, Lookup, Node, Operator, Step},
};

use super::expression::Place;

impl Compiler<'_> {
    /// The expression of a condition on own columns; nothing if it is not one.
    pub(super) fn own_condition(&self, at: Place, node: &Node) -> Option<Expr> {
        match node {
            Node::Call(Operator::And, parts) if parts.len() > 1 => {
                let parts = parts.iter().map(|part| self.own_condition(at, part));
                parts.collect::<Option<Vec<_>>>().map(Expr::And)
            }
            Node::Call(Operator::Lookup(lookup), operands) => {
                let comparison = match lookup {
                    Lookup::Exact => Comparison::Equal,
                    Lookup::Gt => Comparison::Greater,
                    Lookup::Gte => Comparison::GreaterOrEqual,
                    Lookup::Lt => Comparison::Less,
                    Lookup::Lte => Comparison::LessOrEqual,
                    _ => return None,
                };
                let [Node::Path(path), right] = &operands[..] else { return None };
                let right = match right {
                    Node::Value(Value::Null) => return None,
                    Node::Value(value) => Expr::Literal(value.clone()),
                    Node::Parameter(index, data_type) => Expr::Parameter(*index, *data_type),
                    _ => return None,
                };
                Some(self.own_column(at, path)?.compare(comparison, right))
            }
            _ => None,
        }
    }

    /// The column of a path that stays in its model; nothing if it leaves it.
    pub(super) fn own_column(&self, at: Place, path: &FieldPath) -> Option<Expr> {
        let [Step::Field(field)] = path.steps() else { return None };
        if !matches!(at.anchor.model.field(*field)?.kind, FieldKind::Column(_)) {
            return None;
        }
        let column = self.binding.column(at.anchor.model, *field).ok()?;
        Some(Expr::Column(self.scopes[at.scope].joins.get(at.anchor.join).source.column(column)))
    }
}
