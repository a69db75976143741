//! The one expression tree, without types.
//!
//! Everything typed (`Post::author.username`, `Expr<M, T>`, `Q<M>`) and everything in words (`q!`, search strings)
//! becomes a [`Node`], and everything below it (compilation, search for reused annotations, names of rows) works on
//! nodes. A node names fields by model and place, never by text, and is small: a path of two steps and a value lie
//! inline, so `Post::id.eq(7)` is one allocation.
//!
//! Equality of trees is what makes an annotation reusable without a name: a subtree equal to an annotation of the
//! queryset *is* that annotation.

//!
//! Order of reading: `path` (which field), `operator` (what is done with it), this file (the tree), `operands` and
//! `depth` (why no tree is too deep to be descended into).

mod depth;
mod hash;
mod operands;
mod operator;
mod path;

use std::sync::Arc;

use nuages_engine::algebra::{AggregateFunction, Frame, WindowKind};
use nuages_storage::{DataType, Value};

pub(crate) use depth::{DEPTH_MAX, too_deep};
pub use operands::Operands;
pub use operator::{Lookup, Operator};
pub use path::{FieldPath, Step};

use crate::error::Error;
use crate::meta::ModelMeta;
use crate::queryset::QueryState;
use crate::queryset::state::OrderNode;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A field; of a relation, the key on the other side.
    Path(FieldPath),
    /// A constant.
    Value(Value),
    /// The n-th parameter of a prepared queryset.
    Parameter(usize, DataType),
    /// An operator and its operands.
    Call(Operator, Operands),
    /// A value over the rows of a group.
    Aggregate(Arc<AggregateNode>),
    /// A value over the rows around a row.
    Window(Arc<WindowNode>),
    /// The result of the first condition that is true.
    Case(Arc<CaseNode>),
    /// An expression of the query outside.
    Outer {
        /// The model the query outside must have.
        model: &'static ModelMeta,
        /// The expression over it.
        node: Arc<Node>,
    },
    /// The only column of the only row of a queryset.
    Subquery(Arc<QueryState>),
    /// Whether a queryset has a row.
    Exists(Arc<QueryState>),
    /// An expression over the rows of a relation narrowed by a condition (Django's `FilteredRelation`).
    Filtered(Arc<FilteredNode>),
    /// An expression with a name for `values()` rows.
    Named(Arc<str>, Arc<Node>),
    /// The n-th annotation of the queryset. Nobody writes it: the queryset resolves equal subtrees to it.
    Annotation(usize),
    /// A mistake that only the verb can tell.
    Misuse(Box<Error>),
}

/// An aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateNode {
    /// What is computed.
    pub function: AggregateFunction,
    /// Over what; a path that ends at a relation counts its rows. None counts the queryset's own rows.
    pub argument: Option<Node>,
    /// The second argument of those that have one: the separator of `string_agg`.
    pub second: Option<Node>,
    /// Each value once.
    pub distinct: bool,
    /// Only rows for which this is true.
    pub filter: Option<Node>,
    /// In which order the rows are taken in.
    pub order_by: Vec<OrderNode>,
    /// The value over no row.
    pub default: Option<Node>,
}

impl AggregateNode {
    /// What it is computed from, without the value over no row.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Node> {
        let keys = self.order_by.iter().map(|key| &key.node);
        self.argument.iter().chain(&self.second).chain(&self.filter).chain(keys)
    }

    /// The same aggregate of changed parts.
    pub(crate) fn map(&self, change: &dyn Fn(&Node) -> Node) -> AggregateNode {
        AggregateNode {
            function: self.function,
            argument: self.argument.as_ref().map(change),
            second: self.second.as_ref().map(change),
            distinct: self.distinct,
            filter: self.filter.as_ref().map(change),
            order_by: self.order_by.iter().map(|key| key.map(change)).collect(),
            default: self.default.clone(),
        }
    }
}

/// A function over the rows around a row: `.. OVER (PARTITION BY .. ORDER BY .. frame)`.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowNode {
    /// What is computed.
    pub kind: WindowKind,
    /// Of what.
    pub arguments: Vec<Node>,
    /// Of aggregates: only rows for which this is true.
    pub filter: Option<Node>,
    /// What the rows of a partition agree in.
    pub partition_by: Vec<Node>,
    /// The order within a partition.
    pub order_by: Vec<OrderNode>,
    /// Which rows of the partition are looked at.
    pub frame: Frame<Value>,
}

impl WindowNode {
    /// What it is computed from.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Node> {
        let keys = self.order_by.iter().map(|key| &key.node);
        self.arguments.iter().chain(&self.filter).chain(&self.partition_by).chain(keys)
    }

    /// The same function of changed parts.
    pub(crate) fn map(&self, change: &dyn Fn(&Node) -> Node) -> WindowNode {
        WindowNode {
            kind: self.kind,
            arguments: self.arguments.iter().map(change).collect(),
            filter: self.filter.as_ref().map(change),
            partition_by: self.partition_by.iter().map(change).collect(),
            order_by: self.order_by.iter().map(|key| key.map(change)).collect(),
            frame: self.frame.clone(),
        }
    }
}

/// `CASE WHEN .. THEN .. ELSE .. END`.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseNode {
    /// Conditions and results.
    pub branches: Vec<(Node, Node)>,
    /// The result when none is true; NULL if there is none.
    pub otherwise: Option<Node>,
}

/// A relation narrowed by a condition, joined once for all expressions over it.
#[derive(Clone, Debug, PartialEq)]
pub struct FilteredNode {
    /// The relation.
    pub path: FieldPath,
    /// The condition, over the related model.
    pub condition: Node,
    /// The expression, over the related model.
    pub node: Node,
}

impl Node {
    /// What the verb that runs is to answer.
    pub fn misuse(why: impl Into<Error>) -> Node {
        Node::Misuse(Box::new(why.into()))
    }

    /// A call; the operands lie in one allocation.
    pub fn call<const N: usize>(operator: Operator, operands: [Node; N]) -> Node {
        Node::Call(operator, operands.into())
    }

    /// A comparison of two operands.
    pub fn lookup(lookup: Lookup, left: Node, right: Node) -> Node {
        Node::call(Operator::Lookup(lookup), [left, right])
    }

    /// The condition that is always true.
    pub fn all() -> Node {
        Node::call(Operator::And, [])
    }

    /// Whether this is the condition that is always true.
    pub fn is_all(&self) -> bool {
        matches!(self, Node::Call(Operator::And, operands) if operands.is_empty())
    }

    /// `self AND other`, flat, and without what is always true.
    pub fn and(self, other: Node) -> Node {
        if self.is_all() {
            return other;
        }
        if other.is_all() {
            return self;
        }
        Node::flat(Operator::And, self, other)
    }

    /// `self OR other`, flat. As in Django, the empty condition leaves the other as it is.
    pub fn or(self, other: Node) -> Node {
        if self.is_all() {
            return other;
        }
        if other.is_all() {
            return self;
        }
        Node::flat(Operator::Or, self, other)
    }

    /// `NOT self`. As in Django, the negation of the empty condition is empty too, and that of a negation is what was
    /// negated.
    pub fn negated(self) -> Node {
        match &self {
            empty if empty.is_all() => self,
            Node::Call(Operator::Not, negated) if negated.len() == 1 => negated[0].clone(),
            _ => Node::call(Operator::Not, [self]),
        }
    }

    /// Whether one of two conditions is true and the other is not; what is NULL is not true. As in Django, the empty
    /// condition leaves the other as it is.
    pub fn xor(self, other: Node) -> Node {
        if self.is_all() {
            return other;
        }
        if other.is_all() {
            return self;
        }
        let is_true = |condition: &Node| {
            let branches = vec![(condition.clone(), Node::Value(true.into()))];
            Node::Case(Arc::new(CaseNode { branches, otherwise: Some(Node::Value(false.into())) }))
        };
        let same = Node::lookup(Lookup::Exact, is_true(&self), is_true(&other));
        self.or(other).and(same.negated())
    }

    /// Joins two conditions, taking over the operands of a side that has the same operator.
    fn flat(operator: Operator, left: Node, right: Node) -> Node {
        let (mut operands, right) = match (left, right) {
            (Node::Call(same, left), right) if same == operator => (left, right),
            (left, Node::Call(same, right)) if same == operator => {
                let operands = std::iter::once(left).chain(right.iter().cloned()).collect();
                return Node::Call(operator, operands);
            }
            (left, right) => return Node::call(operator, [left, right]),
        };
        match right {
            Node::Call(same, right) if same == operator => operands.extend(right.iter().cloned()),
            right => operands.extend([right]),
        }
        Node::Call(operator, operands)
    }

    /// Whether an aggregate stands in it, outside of subqueries.
    pub fn has_aggregate(&self) -> bool {
        match self {
            Node::Aggregate(_) => true,
            Node::Call(_, operands) => operands.iter().any(Node::has_aggregate),
            Node::Window(window) => window.parts().any(Node::has_aggregate),
            Node::Named(_, node) => node.has_aggregate(),
            Node::Case(case) => {
                case.branches.iter().any(|(when, then)| when.has_aggregate() || then.has_aggregate())
                    || case.otherwise.as_ref().is_some_and(Node::has_aggregate)
            }
            Node::Filtered(filtered) => filtered.node.has_aggregate(),
            Node::Path(_)
            | Node::Value(_)
            | Node::Parameter(..)
            | Node::Outer { .. }
            | Node::Subquery(_)
            | Node::Exists(_)
            | Node::Annotation(_)
            | Node::Misuse(_) => false,
        }
    }

    /// Calls `visit` with the expression and what it is made of, outside of subqueries.
    pub(crate) fn each(&self, visit: &mut dyn FnMut(&Node)) {
        visit(self);
        match self {
            Node::Call(_, operands) => operands.iter().for_each(|operand| operand.each(visit)),
            Node::Named(_, node) => node.each(visit),
            Node::Aggregate(aggregate) => {
                aggregate.parts().chain(&aggregate.default).for_each(|part| part.each(visit));
            }
            Node::Window(window) => window.parts().for_each(|part| part.each(visit)),
            Node::Case(case) => {
                let branches = case.branches.iter().flat_map(|(when, then)| [when, then]);
                branches.chain(&case.otherwise).for_each(|part| part.each(visit));
            }
            Node::Filtered(filtered) => filtered.node.each(visit),
            Node::Path(_)
            | Node::Value(_)
            | Node::Parameter(..)
            | Node::Outer { .. }
            | Node::Subquery(_)
            | Node::Exists(_)
            | Node::Annotation(_)
            | Node::Misuse(_) => {}
        }
    }

    /// The same expression of changed parts, outside of subqueries; one without parts as it is.
    pub(crate) fn map(&self, change: &dyn Fn(&Node) -> Node) -> Node {
        match self {
            Node::Call(operator, operands) => {
                Node::Call(operator.clone(), operands.iter().map(change).collect())
            }
            Node::Aggregate(aggregate) => Node::Aggregate(Arc::new(aggregate.map(change))),
            Node::Window(window) => Node::Window(Arc::new(window.map(change))),
            Node::Case(case) => Node::Case(Arc::new(CaseNode {
                branches: case.branches.iter().map(|(when, then)| (change(when), change(then))).collect(),
                otherwise: case.otherwise.as_ref().map(change),
            })),
            Node::Named(name, node) => Node::Named(name.clone(), Arc::new(change(node))),
            Node::Path(_)
            | Node::Value(_)
            | Node::Parameter(..)
            | Node::Outer { .. }
            | Node::Subquery(_)
            | Node::Exists(_)
            | Node::Filtered(_)
            | Node::Annotation(_)
            | Node::Misuse(_) => self.clone(),
        }
    }

    /// The expression without its name.
    pub fn unnamed(&self) -> &Node {
        match self {
            Node::Named(_, node) => node,
            node => node,
        }
    }

    /// The name it has in a row, if it has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Node::Named(name, _) => Some(name),
            _ => None,
        }
    }
}
