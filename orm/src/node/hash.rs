//! Hashes of trees: equal trees have equal hashes. What seldom tells two trees apart, such as the rest of a subquery,
//! is left out.

use std::hash::{Hash, Hasher};
use std::mem::discriminant;
use std::ptr;

use super::{FieldPath, Node, Operator, Step};
use crate::meta::ModelMeta;
use crate::queryset::QueryState;

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        discriminant(self).hash(state);
        match self {
            Node::Path(path) => path.hash(state),
            Node::Value(value) => value.hash(state),
            Node::Parameter(index, _) | Node::Annotation(index) => index.hash(state),
            Node::Call(operator, operands) => {
                operator.hash(state);
                operands.hash(state);
            }
            Node::Aggregate(aggregate) => {
                discriminant(&aggregate.function).hash(state);
                aggregate.argument.hash(state);
            }
            Node::Case(case) => {
                case.branches.hash(state);
                case.otherwise.hash(state);
            }
            Node::Outer { model, node } => {
                hash_model(model, state);
                node.hash(state);
            }
            Node::Subquery(query) | Node::Exists(query) => hash_query(query, state),
            Node::Filtered(filtered) => {
                filtered.path.hash(state);
                filtered.condition.hash(state);
                filtered.node.hash(state);
            }
            Node::Named(name, node) => {
                name.hash(state);
                node.hash(state);
            }
            _ => {}
        }
    }
}

impl Hash for Operator {
    fn hash<H: Hasher>(&self, state: &mut H) {
        discriminant(self).hash(state);
        if let Operator::Lookup(lookup) = self {
            lookup.hash(state);
        }
    }
}

impl Hash for FieldPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.steps().hash(state);
    }
}

impl Hash for Step {
    fn hash<H: Hasher>(&self, state: &mut H) {
        discriminant(self).hash(state);
        match self {
            Step::Field(field) => field.hash(state),
            Step::Back { child: model, field } | Step::To { field, target: model } => {
                hash_model(model, state);
                field.hash(state);
            }
            Step::Key => {}
        }
    }
}

/// Two models are the same if their statics are.
fn hash_model<H: Hasher>(model: &'static ModelMeta, state: &mut H) {
    ptr::from_ref(model).hash(state);
}

fn hash_query<H: Hasher>(query: &QueryState, state: &mut H) {
    hash_model(query.model, state);
    query.conditions.iter().for_each(|condition| condition.node.hash(state));
}
