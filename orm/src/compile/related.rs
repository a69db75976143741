//! The rows that belong to rows of another model, for prefetches: all of them by one query, each with the value by
//! which it belongs to one.
//!
//! Without a slice they are those whose value is among the given ones. A slice is one for each row they belong to: the
//! query goes through these rows and computes the slice beside each, so that it reads no more than it yields where an
//! index has the order.

use nuages_engine::algebra::{Expr, JoinKind, OutputColumn, Query, Relation};
use nuages_storage::Value;

use super::{Compiler, joins::Reuse, rows::Rows};
use crate::{
    error::{Misuse, Result},
    meta::ModelMeta,
    node::{FieldPath, Lookup, Node, Operator},
    queryset::state::QueryState,
};

impl Compiler<'_> {
    /// The rows of a queryset that belong to rows of `near` with these keys, by the path `back` from them to that key.
    /// The last column is the key.
    pub(crate) fn related(
        &mut self,
        state: &QueryState,
        near: &'static ModelMeta,
        back: &FieldPath,
        keys: impl Iterator<Item = Value>,
    ) -> Result<Rows> {
        let mut state = state.clone();
        if !state.clauses().combined.is_empty() {
            let after = "a union, intersection or difference";
            return Err(Misuse::NotAllowed { call: "prefetch_related", after }.into());
        }
        if !state.clauses().slice.is_all() {
            return self.related_to_each(state, near, back, keys);
        }
        state.add_condition(among(back.clone(), keys));
        self.rows_with(&state, back)
    }

    /// The rows of a queryset, each with what a path leads to as its last column.
    pub(crate) fn rows_with(&mut self, state: &QueryState, path: &FieldPath) -> Result<Rows> {
        let scope = self.load(state, None)?;
        self.level_by(scope, state, true, Some(&Node::Path(path.clone())))
    }

    /// A slice of the queryset for each row of `near`.
    fn related_to_each(
        &mut self,
        mut state: QueryState,
        near: &'static ModelMeta,
        back: &FieldPath,
        keys: impl Iterator<Item = Value>,
    ) -> Result<Rows> {
        let own = Node::Path(FieldPath::new());
        let outer = self.open(near, None)?;
        let key = self.expression(outer, &own, &mut Reuse::All)?;
        let list = keys.map(Expr::Literal).collect();
        let left = self.scopes[outer].joins.relation(|_| true);
        let left = left.filter(Expr::InList(Box::new(key.clone()), list));
        let own = Node::Outer { model: near, node: own.into() };
        state.add_condition(Node::lookup(Lookup::Exact, Node::Path(back.clone()), own));
        let scope = self.load(&state, Some(outer))?;
        let Rows { query, joined } = self.level_by(scope, &state, true, None)?;
        let relation = Relation::Join {
            kind: JoinKind::Inner,
            left: Box::new(left),
            right: Box::new(query.relation),
            on: Expr::Literal(Value::Bool(true)),
        };
        let mut columns = query.columns;
        columns.push(OutputColumn::new("", key));
        Ok(Rows { query: Query::new(relation, columns), joined })
    }
}

/// Whether what a path leads to is among these keys.
pub(crate) fn among(path: FieldPath, keys: impl Iterator<Item = Value>) -> Node {
    let values = keys.map(Node::Value);
    Node::Call(Operator::Lookup(Lookup::In), std::iter::once(Node::Path(path)).chain(values).collect())
}
