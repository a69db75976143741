//! Querysets that have no row whatever the database holds: `none()`, `is_in([])`, a slice of nothing. As in Django,
//! they are answered without a query.

use nuages_engine::algebra::AggregateFunction;
use nuages_engine::{Context, Scalar};
use nuages_storage::Value;

use super::QueryState;
use crate::{
    compile::Compiler,
    error::Result,
    executor::Executor,
    node::{AggregateNode, Lookup, Node, Operator},
};

impl QueryState {
    /// Whether it has no row, whatever the database holds, so that no query is needed.
    pub(crate) fn is_never(&self) -> bool {
        let clauses = self.clauses();
        let refused = || self.conditions.iter().any(|one| constant(&one.node) == Some(one.exclude));
        clauses.combined.is_empty() && (clauses.empty || clauses.slice.count == Some(0) || refused())
    }
}

/// What a condition is for every row, if that can be seen.
fn constant(node: &Node) -> Option<bool> {
    match node {
        Node::Value(Value::Bool(truth)) => Some(*truth),
        Node::Exists(rows) => rows.is_never().then_some(false),
        Node::Call(Operator::And, parts) => junction(parts, false),
        Node::Call(Operator::Or, parts) => junction(parts, true),
        Node::Call(Operator::Not, parts) => constant(parts.first()?).map(|truth| !truth),
        Node::Call(Operator::Lookup(Lookup::In), operands) => {
            let nothing = |operand: &Node| match operand {
                Node::Value(value) => value.is_null(),
                Node::Subquery(rows) => rows.is_never(),
                _ => false,
            };
            operands.get(1..)?.iter().all(nothing).then_some(false)
        }
        _ => None,
    }
}

/// A conjunction or disjunction: one part that is `decides` is enough.
fn junction(parts: &[Node], decides: bool) -> Option<bool> {
    let mut all_known = true;
    for part in parts {
        match constant(part) {
            Some(truth) if truth == decides => return Some(decides),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!decides)
}

/// The value of an expression of aggregates over no row.
pub(super) fn over_nothing(state: &QueryState, node: &Node, ex: &dyn Executor) -> Result<Value> {
    let expr = Compiler::of_row(state.model, ex.settings(), &without_aggregates(node))?;
    let context = Context::new(&[]);
    Ok(Scalar::compile(&expr, &|_| None).and_then(|scalar| scalar.value(&context))?)
}

fn without_aggregates(node: &Node) -> Node {
    match node {
        Node::Aggregate(aggregate) => match (&**aggregate, aggregate.function) {
            (AggregateNode { default: Some(default), .. }, _) => default.clone(),
            (_, AggregateFunction::Count | AggregateFunction::CountRows) => Node::Value(0.into()),
            _ => Node::Value(Value::Null),
        },
        Node::Call(operator, operands) => {
            Node::Call(operator.clone(), operands.iter().map(without_aggregates).collect())
        }
        Node::Named(_, node) => without_aggregates(node),
        other => other.clone(),
    }
}
