//! The one expression tree, without types.
//!
//! Everything typed (`Post::author.username`, `Expr<M, T>`, `Q<M>`) and everything in words (`q!`, search strings)
//! becomes a [`Node`], and everything below it (compilation, search for reused annotations, names of rows) works on
//! nodes. A node names fields by model and place, never by text, and is small: a path of two steps and a value lie
//! inline, so `Post::id.eq(7)` is one allocation.
//!
//! Equality of trees is what makes an annotation reusable without a name: a subtree equal to an annotation of the
//! queryset *is* that annotation.

mod hash;

use std::sync::Arc;

use nuages_engine::algebra::{
    AggregateFunction, Arithmetic, DatePart, DateUnit, Frame, Function, WindowKind,
};
use nuages_storage::{DataType, Value};
use smallvec::SmallVec;

use crate::meta::{FieldMeta, ModelMeta};
use crate::queryset::QueryState;
use crate::queryset::state::OrderNode;

/// One step from a model to a field of it, or to a model that points at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// A field: a column, a forward relation or a declared reverse one, by its place in the model's fields.
    Field(u16),
    /// The other side of a relation which this side has not declared.
    Back {
        /// The model that has the relation.
        child: &'static ModelMeta,
        /// Its place there.
        field: u16,
    },
    /// After a relation: the key itself, as in `author_id`. It is the same value as the relation's, but never stands
    /// for the related row: it is sorted by as a value.
    Key,
}

impl Step {
    /// The field this step takes from `model`: of the model itself, or of the child that points back at it.
    pub fn field(self, model: &'static ModelMeta) -> Option<&'static FieldMeta> {
        match self {
            Step::Field(index) => model.field(index),
            Step::Back { child, field } => child.field(field),
            Step::Key => model.field(*model.primary_key.first()?),
        }
    }

    /// The model where this step ends, if it follows a relation.
    pub fn target(self, model: &'static ModelMeta) -> Option<&'static ModelMeta> {
        match self {
            Step::Field(index) => model.field(index)?.related_model(),
            Step::Back { child, .. } => Some(child),
            Step::Key => None,
        }
    }
}

/// A way from the queryset's model to a field, step by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldPath(SmallVec<[Step; 2]>);

impl FieldPath {
    /// The path that has not left its model.
    pub fn new() -> FieldPath {
        FieldPath(SmallVec::new())
    }

    /// The path to a field of the model itself.
    pub fn field(index: u16) -> FieldPath {
        let mut path = FieldPath::new();
        path.push(Step::Field(index));
        path
    }

    /// Goes on by one step.
    pub fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    /// This path and then another.
    pub fn join(mut self, rest: &FieldPath) -> FieldPath {
        self.0.extend_from_slice(&rest.0);
        self
    }

    /// Its steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The field it ends at, if every step exists.
    pub fn last_field(&self, model: &'static ModelMeta) -> Option<&'static FieldMeta> {
        let (last, before) = self.0.split_last()?;
        let model = before.iter().try_fold(model, |model, step| step.target(model))?;
        last.field(model)
    }
}

impl FromIterator<Step> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> FieldPath {
        FieldPath(steps.into_iter().collect())
    }
}

/// How a field is compared; Django's lookups. `exact` and `in` have NULL on the right as Django has it: `exact None`
/// is `IS NULL`, and NULLs in a list are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// `=`
    Exact,
    /// `=` ignoring case.
    IExact,
    /// The text has the other in it.
    Contains,
    /// The same ignoring case.
    IContains,
    /// The text begins with the other.
    StartsWith,
    /// The same ignoring case.
    IStartsWith,
    /// The text ends with the other.
    EndsWith,
    /// The same ignoring case.
    IEndsWith,
    /// `>`
    Gt,
    /// `>=`
    Gte,
    /// `<`
    Lt,
    /// `<=`
    Lte,
    /// Among the operands after the first, or the rows of a subquery.
    In,
    /// From the second operand to the third, both included.
    Range,
    /// Whether it is NULL; the second operand is the boolean it is compared with.
    IsNull,
    /// A regular expression matches somewhere.
    Regex,
    /// The same ignoring case.
    IRegex,
    /// A JSON document has everything that the other has.
    JsonContains,
    /// A JSON document has nothing that the other has not.
    JsonContainedBy,
    /// A JSON object has the key.
    HasKey,
}

impl Lookup {
    /// Whether it searches in text.
    pub const fn is_search(self) -> bool {
        matches!(
            self,
            Lookup::IExact
                | Lookup::Contains
                | Lookup::IContains
                | Lookup::StartsWith
                | Lookup::IStartsWith
                | Lookup::EndsWith
                | Lookup::IEndsWith
                | Lookup::Regex
                | Lookup::IRegex
        )
    }
}

/// What is done with the operands of a [`Node::Call`].
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// Conjunction; of nothing, true.
    And,
    /// Disjunction; of nothing, false.
    Or,
    /// Negation, of one operand.
    Not,
    /// A comparison: first what is compared, then with what.
    Lookup(Lookup),
    /// Arithmetic of two operands.
    Arithmetic(Arithmetic),
    /// Unary minus.
    Negate,
    /// A scalar function as it is; one of a time zone asks for this very zone.
    Function(Function),
    /// A part of a date or time, in the executor's time zone.
    Extract(DatePart),
    /// A date or timestamp truncated, in the executor's time zone.
    Truncate(DateUnit),
    /// The date of a timestamp in the executor's time zone.
    DateOf,
    /// The time of day of a timestamp in the executor's time zone.
    TimeOf,
    /// A conversion.
    Cast(DataType),
    /// A text that is ordered and compared ignoring case, and otherwise itself.
    NoCase,
    /// A random number; the calls of a program are told apart by their numbers.
    Random(u64),
}

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
    Call(Operator, Arc<[Node]>),
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
    Misuse(Misuse),
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

/// A mistake in an expression or a chain of calls, kept until a verb runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// An instance without a primary key was compared with a relation.
    UnsavedInstance {
        /// Its model.
        model: &'static ModelMeta,
    },
    /// A call that a slice, a combination or another row shape forbids.
    NotAllowed {
        /// The call: `filter`.
        call: &'static str,
        /// What stands before it: `a slice`.
        after: &'static str,
    },
    /// An annotation with the name of a field of the model.
    AnnotationClash {
        /// The model.
        model: &'static ModelMeta,
        /// The field.
        field: &'static str,
    },
    /// A condition that every row meets, where only a choice makes sense.
    EmptyCondition {
        /// The call: `when`.
        call: &'static str,
    },
    /// An argument that is too small.
    BelowLeast {
        /// The function.
        call: &'static str,
        /// Which of its arguments.
        argument: &'static str,
        /// The least that makes sense.
        least: i64,
        /// What it was given.
        given: i64,
    },
    /// A name that no function of the engine has.
    UnknownFunction {
        /// The name.
        name: &'static str,
    },
    /// A function with too few arguments.
    TooFew {
        /// The function.
        call: &'static str,
        /// How many it takes at least.
        least: usize,
        /// How many it was given.
        given: usize,
    },
    /// Anything else that makes no sense, in words.
    Other(&'static str),
    /// `earliest`, `latest` and the like without anything to compare.
    NoOrdering {
        /// The call.
        call: &'static str,
    },
}

impl Node {
    /// A call; the operands lie in one allocation.
    pub fn call<const N: usize>(operator: Operator, operands: [Node; N]) -> Node {
        Node::Call(operator, Arc::new(operands))
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

    /// `NOT self`. As in Django, the negation of the empty condition is empty too.
    pub fn negated(self) -> Node {
        if self.is_all() { self } else { Node::call(Operator::Not, [self]) }
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
        let mut operands = Vec::with_capacity(2);
        for side in [left, right] {
            match side {
                Node::Call(same, parts) if same == operator => operands.extend(parts.iter().cloned()),
                other => operands.push(other),
            }
        }
        Node::Call(operator, operands.into())
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
